#include "reserve_ports.h"

#include <errno.h>
#include <string.h>

#include "config_files.h"
#include "look.h"
#include "service_ports.h"

int reserve_ports_listed(const struct arguments *arguments, unsigned from, struct port_set *ret,
			 struct eph_error *reterr)
{
	for (unsigned i = from; i < arguments->n_operands; i++) {
		const char *text = arguments->operand[i];
		struct eph_error error = {.step = ""};
		struct port_set ports;
		int r = port_set_parse(text, strlen(text), &ports, &error);

		if (r == 0 && (!port_set_count(&ports) || port_set_has(&ports, 0)))
			r = -EINVAL;
		if (r < 0)
			return error_set(reterr, -EINVAL, "reserve",
					 "'%.80s' is no list of ports: expected as in "
					 "3306,8000-8010, each 1-65535",
					 text);
		port_set_add_set(ret, &ports);
	}
	return 0;
}

static void add_udp(const struct netns_snapshot *netns, struct port_set *ret, bool *ret_hidden)
{
	for (size_t i = 0; i < netns->sockets.count; i++) {
		const struct socket_record *record = &netns->sockets.record[i];

		if (record->protocol != PROTOCOL_UDP || record->state != STATE_CLOSE)
			continue;
		if (!(record->known & SOCKET_EXPLICIT))
			*ret_hidden = true;
		else if (record->flags & SOCKET_EXPLICIT)
			port_set_add(ret, record->local_port);
	}
}

/* BPF sees which ports were asked for by number; without it, what can be seen. */
static int observe(struct observe_options *options, struct snapshot **ret_snapshot,
		   struct usage_result *ret, struct eph_error *reterr)
{
	int r;

	if (options->collector)
		return observe_usage(options, ret_snapshot, ret, reterr);
	options->collector = "bpf";
	r = observe_usage(options, ret_snapshot, ret, NULL);
	options->collector = NULL;
	return r == 0 ? 0 : observe_usage(options, ret_snapshot, ret, reterr);
}

int reserve_ports_listeners(const struct arguments *arguments, struct port_set *ret,
			    bool *ret_hidden, struct eph_error *reterr)
{
	struct observe_options options;
	struct snapshot *snapshot = NULL;
	struct usage_result usage = {0};
	int r = look_options(arguments, &options, reterr);

	if (r < 0)
		return r;
	options.what.by = GROUP_BY_DESTINATION;
	options.sockets = true;
	r = observe(&options, &snapshot, &usage, reterr);
	if (r == 0) {
		const struct netns_snapshot *netns = &snapshot->netns[0];

		if (options.what.tcp)
			port_set_add_set(ret, &netns->binds.listening);
		if (options.what.udp)
			add_udp(netns, ret, ret_hidden);
		usage_result_done(&usage);
	}
	snapshot_free(snapshot);
	return r;
}

int reserve_ports_services(struct port_set *ret, struct eph_error *reterr)
{
	struct service_ports services = {0};
	struct file_list files = {0};
	int r = service_files_read(&files, reterr);

	if (r == 0 && service_ports_read(&files, &services) < 0)
		r = error_set(reterr, -ENOMEM, "reserve", "out of memory");
	for (size_t i = 0; r == 0 && i < services.count; i++)
		port_set_add(ret, services.record[i].port);
	service_ports_done(&services);
	file_list_done(&files);
	return r;
}
