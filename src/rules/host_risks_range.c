/* The range itself, and the ranges of namespaces against each other. */
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "host_risks_search.h"
#include "number.h"
#include "strbuf.h"

#define WELL_KNOWN_END 1024u
#define KINDS_SHOWN    6u
#define KINDS_MAX      32u
#define FEW_PORTS      100u /* usable ones: no host gets by with fewer */
#define FEW_WHEN_USED  512u /* nor one that has outgoing connections */

static const struct port_range node_ports = {30000, 32767};

static bool is_kubernetes_file(const struct file_text *file)
{
	return file->kind == FILE_KUBERNETES ||
	       (file->kind == FILE_UNIT && file->length &&
		(strcmp(file_list_name(file), "kubelet.service") == 0 ||
		 strcmp(file_list_name(file), "k3s.service") == 0));
}

/* What shows that this is a node of Kubernetes; NULL when nothing does. */
static const char *kubernetes_evidence(const struct host_search *search)
{
	static const char *const programs[] = {"kubelet", "kube-proxy", "k3s-server", "k3s-agent"};
	const struct process_table *processes = &search->snapshot->processes;

	for (size_t i = 0; search->config && i < search->config->files->count; i++)
		if (is_kubernetes_file(&search->config->files->file[i]))
			return search->config->files->file[i].path;
	for (size_t i = 0; i < processes->processes; i++)
		for (size_t j = 0; j < ARRAY_SIZE(programs); j++)
			if (strcmp(processes->process[i].command, programs[j]) == 0)
				return programs[j];
	return NULL;
}

static char *range_command(struct host_search *search, uint32_t lo, uint32_t hi)
{
	return risk_range_command(search->result, search->snapshot, search->index, lo, hi);
}

static void find_node_ports(struct host_search *search)
{
	struct port_range range = search->netns->settings.range;
	const char *evidence = search->index == 0 ? kubernetes_evidence(search) : NULL;
	struct port_set unprotected = {0};
	struct risk *risk;

	if (!evidence || range.lo > node_ports.hi || range.hi < node_ports.lo)
		return;
	for (uint32_t p = node_ports.lo; p <= node_ports.hi; p++)
		if (port_range_has(range, (uint16_t)p) &&
		    !port_set_has(&search->netns->settings.reserved, (uint16_t)p))
			port_set_add(&unprotected, (uint16_t)p);
	if (!port_set_count(&unprotected))
		return;
	risk = risk_list_add(search->result, search->index, "range-into-nodeports", RISK_WARNING,
			     "%u-%u reaches into the NodePorts of Kubernetes (%u-%u)", range.lo,
			     range.hi, node_ports.lo, node_ports.hi);
	risk_evidence(search->result, risk,
		      "%s shows a node of Kubernetes, which gives out NodePorts without a look at "
		      "sockets; an outgoing connection may have any of %s of them",
		      evidence, GROUPED(port_set_count(&unprotected)));
	if (range.hi > node_ports.hi)
		risk_advice(search->result, risk,
			    range_command(search, node_ports.hi + 1u, range.hi),
			    "begin the range behind them");
	risk_advice_reserve(search->result, risk, &unprotected, true, "or reserve them");
}

static void find_below_unprivileged(struct host_search *search)
{
	const struct settings *settings = &search->netns->settings;
	struct port_range range = settings->range;
	struct risk *risk;

	if (range.lo >= WELL_KNOWN_END)
		return;
	risk = risk_list_add(search->result, search->index, "range-below-unprivileged",
			     RISK_WARNING, "%u-%u reaches below port 1024, where services listen",
			     range.lo, range.hi);
	if (settings->known & SETTING_UNPRIVILEGED_START)
		risk_evidence(search->result, risk,
			      "ip_unprivileged_port_start is %u; an outgoing connection of any "
			      "user may take a port such as 80 or 443",
			      settings->unprivileged_start);
	else
		risk_evidence(search->result, risk,
			      "an outgoing connection of any user may take a port such as 443");
	if (range.hi > WELL_KNOWN_END)
		risk_advice(search->result, risk, range_command(search, WELL_KNOWN_END, range.hi),
			    "begin the range at 1024 or above");
}

static bool has_outgoing(const struct host_search *search)
{
	for (size_t i = 0; i < search->usage->groups; i++)
		if (search->usage->group[i].netns == search->index)
			return true;
	return false;
}

static void describe_few(struct host_search *search, struct risk *risk,
			 const struct usage_netns *summary)
{
	risk_evidence(search->result, risk, "%u-%u, %s in all: %s reserved, %s blocked by sockets",
		      summary->range.lo, summary->range.hi, GROUPED(summary->ports),
		      GROUPED(summary->reserved), GROUPED(summary->blocked));
	if (summary->ports >= FEW_WHEN_USED)
		risk_advice(search->result, risk, NULL,
			    summary->reserved > summary->blocked
				    ? "reserve fewer, or widen the range"
				    : "widen the range, and let clients that bind an address set "
				      "IP_BIND_ADDRESS_NO_PORT");
	else
		risk_advice(search->result, risk, range_command(search, 32768, 60999),
			    "widen the range, to the kernel's default at least");
}

/* What automatic choice has at all, whatever the destination. */
static void find_few_ports(struct host_search *search)
{
	const struct usage_netns *summary;
	uint32_t usable;
	struct risk *risk;

	if (!search->usage || search->index >= search->usage->n_netns)
		return;
	summary = &search->usage->netns[search->index];
	if (summary->ports < summary->reserved + summary->blocked)
		return;
	usable = summary->ports - summary->reserved - summary->blocked;
	if (usable >= FEW_PORTS && (usable >= FEW_WHEN_USED || !has_outgoing(search)))
		return;
	if (usable)
		risk = risk_list_add(search->result, search->index, "few-usable-ports",
				     RISK_WARNING, "automatic choice has %s port%s only",
				     GROUPED(usable), usable == 1 ? "" : "s");
	else
		risk = risk_list_add(search->result, search->index, "no-usable-port", RISK_CRITICAL,
				     "no port is left for automatic choice: connect() without "
				     "bind(), and bind() to port 0, fail");
	describe_few(search, risk, summary);
}

void host_risks_of_range(struct host_search *search)
{
	find_few_ports(search);
	find_below_unprivileged(search);
	find_node_ports(search);
}

static bool same_ports(const struct settings *a, const struct settings *b)
{
	return a->range.lo == b->range.lo && a->range.hi == b->range.hi &&
	       (!(a->known & b->known & SETTING_RESERVED) ||
		memcmp(&a->reserved, &b->reserved, sizeof(a->reserved)) == 0);
}

/* "32768-60999, none reserved: web and 3 more" */
static void add_netns_line(struct host_search *search, struct risk *risk,
			   const struct netns_snapshot *netns, size_t more)
{
	struct strbuf line = STRBUF_INIT, reserved = STRBUF_INIT;

	port_set_format(&netns->settings.reserved, &reserved);
	strbuf_printf(&line, "%u-%u, %.60s%s reserved: %s", netns->settings.range.lo,
		      netns->settings.range.hi, reserved.length ? reserved.text : "none",
		      reserved.length > 60 ? "..." : "", *netns->name ? netns->name : "this one");
	if (more)
		strbuf_printf(&line, " and %zu more", more);
	risk_evidence(search->result, risk, "%s", line.text);
	strbuf_done(&line);
	strbuf_done(&reserved);
}

/* Namespaces whose settings are alike. */
struct kind {
	const struct netns_snapshot *first;
	size_t count;
};

static int by_count(const void *left, const void *right)
{
	const struct kind *a = left, *b = right;

	return (a->count < b->count) - (a->count > b->count);
}

/* Namespaces that differ from the first, by kind. Returns how many they are in all. */
static size_t find_kinds(const struct host_search *search, struct kind *kind, size_t *ret_kinds)
{
	const struct snapshot *snapshot = search->snapshot;
	size_t kinds = 0, differing = 0, k;

	for (size_t i = 1; i < snapshot->n_netns; i++) {
		const struct netns_snapshot *netns = &snapshot->netns[i];

		if (!(netns->settings.known & SETTING_RANGE) ||
		    same_ports(&search->netns->settings, &netns->settings))
			continue;
		differing++;
		for (k = 0; k < kinds; k++)
			if (same_ports(&kind[k].first->settings, &netns->settings))
				break;
		if (k == KINDS_MAX)
			continue;
		if (k == kinds)
			kind[kinds++] = (struct kind){netns, 0};
		kind[k].count++;
	}
	*ret_kinds = kinds;
	return differing;
}

void host_risks_of_namespaces(struct host_search *search)
{
	struct kind kind[KINDS_MAX];
	size_t kinds, differing = find_kinds(search, kind, &kinds), shown = 0;
	struct risk *risk;

	if (!differing)
		return;
	qsort(kind, kinds, sizeof(kind[0]), by_count);
	risk = risk_list_add(search->result, 0, "netns-range-differs", RISK_INFO,
			     "%zu network namespace%s another range or other reserved ports than "
			     "this one",
			     differing, differing == 1 ? " has" : "s have");
	add_netns_line(search, risk, search->netns, 0);
	for (size_t i = 0; i < kinds && i < KINDS_SHOWN; i++) {
		add_netns_line(search, risk, kind[i].first, kind[i].count - 1);
		shown += kind[i].count;
	}
	if (differing > shown)
		risk_evidence(search->result, risk, "and %zu more with others", differing - shown);
	risk_evidence(search->result, risk,
		      "each namespace has its own range and its own reserved ports: a new one "
		      "begins with 32768-60999 and none reserved, whatever the host has");
	risk_advice(search->result, risk, NULL,
		    "set them where the container is made: docker run --sysctl "
		    "net.ipv4.ip_local_port_range=\"%u %u\", or securityContext.sysctls of a pod",
		    search->netns->settings.range.lo, search->netns->settings.range.hi);
}
