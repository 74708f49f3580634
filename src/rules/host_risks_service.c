/* Services that are configured and not running: what waits for them when they start. */
#include <string.h>

#include "host_risks_search.h"
#include "strbuf.h"

#define SERVICES_SHOWN 12u
#define LIST_SHOWN     80u

/* Is the port open to automatic choice, and nothing listens on it yet? */
static bool is_at_risk(const struct netns_snapshot *netns, const struct service_port *service)
{
	const struct settings *settings = &netns->settings;
	bool udp = service->flags & SERVICE_UDP;

	return port_range_has(settings->range, service->port) &&
	       !port_set_has(&settings->reserved, service->port) &&
	       !(udp ? port_set_has(&netns->binds.udp_v6, service->port)
		     : port_set_has(&netns->binds.listening, service->port));
}

/* "50936 haproxy (/etc/haproxy/haproxy.cfg:12)" */
static void add_service(struct host_search *search, struct risk *risk,
			const struct service_port *service)
{
	const char *by_default = service->flags & SERVICE_DEFAULT ? ", its default" : "";

	if (service->line)
		risk_evidence(search->result, risk, "%u%s %s (%s:%u%s)", service->port,
			      service->flags & SERVICE_UDP ? "/udp" : "", service->name,
			      service->file->path, service->line, by_default);
	else
		risk_evidence(search->result, risk, "%u%s %s (%s%s)", service->port,
			      service->flags & SERVICE_UDP ? "/udp" : "", service->name,
			      service->file->path, by_default);
}

static void add_list(struct strbuf *out, const struct port_set *ports)
{
	port_set_format(ports, out);
	if (out->length > LIST_SHOWN) {
		out->length = LIST_SHOWN;
		out->text[LIST_SHOWN] = '\0';
		strbuf_puts(out, "...");
	}
}

/* What waits to happen elsewhere has happened here already. */
static void add_taken(struct host_search *search, struct risk *risk, const struct port_set *ports)
{
	struct port_set taken = *ports;
	struct strbuf list = STRBUF_INIT;

	port_set_keep_set(&taken, &search->netns->binds.held);
	if (port_set_count(&taken)) {
		add_list(&list, &taken);
		risk_evidence(
			search->result, risk,
			"held by another socket right now: %s; 'ephemports why bind %d' says whose",
			list.text, port_set_next(&taken, 0));
	}
	strbuf_done(&list);
}

static void find_in_range(struct host_search *search, const struct port_set *ports)
{
	const struct service_ports *services = search->config->services;
	struct port_range range = search->netns->settings.range;
	struct port_set seen = {0}, rest = *ports;
	uint32_t count = port_set_count(ports), shown = 0;
	struct strbuf list = STRBUF_INIT;
	struct risk *risk;

	risk = risk_list_add(search->result, 0, "configured-service-in-range", RISK_WARNING,
			     "%u configured port%s inside the ephemeral range %u-%u", count,
			     count == 1 ? " lies" : "s lie", range.lo, range.hi);
	risk_evidence(search->result, risk,
		      "nothing listens there now, so an outgoing connection may take the port, and "
		      "the service then fails to start");
	add_taken(search, risk, ports);
	for (size_t i = 0; i < services->count && shown < SERVICES_SHOWN; i++) {
		const struct service_port *service = &services->record[i];

		if (!port_set_has(ports, service->port) || port_set_has(&seen, service->port))
			continue;
		port_set_add(&seen, service->port);
		add_service(search, risk, service);
		shown++;
	}
	port_set_remove_set(&rest, &seen);
	if (port_set_count(&rest)) {
		add_list(&list, &rest);
		risk_evidence(search->result, risk, "and %s", list.text);
	}
	risk_advice_reserve(search->result, risk, ports, false,
			    "reserve %s: automatic choice then passes over %s",
			    count == 1 ? "it" : "them", count == 1 ? "it" : "them");
	risk_advice(search->result, risk, NULL,
		    "or move the service below the range; a program that picks its own source "
		    "port is not held back by reserved ports");
	strbuf_done(&list);
}

/* connect() tries the ports of the first one's parity first, so the others are met only in a half full range. */
static void find_self_connect(struct host_search *search, const struct port_set *ports)
{
	struct port_range range = search->netns->settings.range;
	struct port_set inviting = {0};
	struct strbuf list = STRBUF_INIT;
	uint32_t count;
	struct risk *risk;

	for (int port = 0; (port = port_set_next(ports, port + 1)) >= 0;)
		if ((port - range.lo) % 2 == 0)
			port_set_add(&inviting, (uint16_t)port);
	count = port_set_count(&inviting);
	if (!count)
		return;
	add_list(&list, &inviting);
	risk = risk_list_add(search->result, 0, "self-connect-possible", RISK_INFO,
			     "a client that retries on this host may connect to itself on %u "
			     "unserved port%s",
			     count, count == 1 ? "" : "s");
	risk_evidence(
		search->result, risk,
		"%s: of the parity that connect() tries first; when its source port is the "
		"port it connects to, TCP connects it to itself, and the service cannot start",
		list.text);
	risk_advice_reserve(search->result, risk, &inviting, false, "reserve %s",
			    count == 1 ? "it" : "them");
	strbuf_done(&list);
}

void host_risks_of_services(struct host_search *search)
{
	const struct service_ports *services = search->config->services;
	struct port_set at_risk = {0}, tcp = {0};

	for (size_t i = 0; i < services->count; i++) {
		if (!is_at_risk(search->netns, &services->record[i]))
			continue;
		port_set_add(&at_risk, services->record[i].port);
		if (!(services->record[i].flags & SERVICE_UDP))
			port_set_add(&tcp, services->record[i].port);
	}
	if (!port_set_count(&at_risk))
		return;
	find_in_range(search, &at_risk);
	find_self_connect(search, &tcp);
}
