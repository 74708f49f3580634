#include "capacity_case.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "netns.h"
#include "probe.h"
#include "procfs.h"

/* --- the query -------------------------------------------------------------------------------------------------- */

static struct ip_address address_of(const struct sockaddr_storage *from)
{
	if (from->ss_family == AF_INET)
		return ip_address_v4(&((const struct sockaddr_in *)(const void *)from)->sin_addr);
	return ip_address_v6(&((const struct sockaddr_in6 *)(const void *)from)->sin6_addr);
}

/* Which source the kernel takes towards the target; asked from a socket on a port that nobody else uses. */
static int find_source(const struct state_flow *flow, struct ip_address *ret)
{
	struct state_endpoint to = state_endpoint(flow->family, flow->destination, flow->port);
	struct state_endpoint local = state_endpoint(flow->family,
						     flow->source              ? flow->source
						     : flow->family == AF_INET ? "0.0.0.0"
									       : "::",
						     99);
	struct state_flow plain = {
		.family = flow->family, .device = flow->device, .v6only = flow->v6only};
	struct sockaddr_storage name;
	socklen_t length = sizeof(name);
	int fd = state_socket(&plain, SOCK_DGRAM), r = 0;

	if (fd < 0)
		return fd;
	if (bind(fd, (struct sockaddr *)&local.address, local.length) < 0 ||
	    connect(fd, (struct sockaddr *)&to.address, to.length) < 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &length) < 0)
		r = -errno;
	else
		*ret = address_of(&name);
	close(fd);
	return r;
}

int capacity_case_make_query(struct capacity_case *test)
{
	const struct state_flow *flow = &test->state.target;
	struct state_endpoint to = state_endpoint(flow->family, flow->destination, flow->port);

	test->query = (struct capacity_query){
		.protocol = test->type == SOCK_STREAM ? PROTOCOL_TCP : PROTOCOL_UDP,
		.to = address_of(&to.address),
		.to_port = flow->port,
		.bound = flow->source != NULL,
		.af_inet6 = flow->family == AF_INET6,
		.v6only = flow->v6only,
		.reuseaddr = flow->reuseaddr,
		.reuseport = flow->reuseport,
		.uid = (uint32_t)geteuid(),
		.has_window = flow->has_window,
		.window = flow->window,
		.device = flow->device ? if_nametoindex(flow->device) : 0,
		.reuse_time_wait = -1,
	};
	return find_source(flow, &test->query.from);
}

/* --- a collector ----------------------------------------------------------------------------------------------------- */

static int read_snapshot(const struct reader *reader, const struct capacity_query *query,
			 struct snapshot *snapshot, struct eph_error *error)
{
	struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true},
		.remote = query->to,
		.remote_port = query->to_port,
		.threads = 1,
	};
	int r = netns_open_current(snapshot, error);

	if (r == 0)
		r = procfs_read_settings(snapshot, error);
	if (r == 0)
		r = reader->collector->binds(reader->state, snapshot, error);
	if (r == 0 && reader->probe)
		r = probe_binds(snapshot, error);
	if (r < 0)
		return r;
	capacity_candidates(&snapshot->netns[0], &snapshot->netns[0].counted);
	return reader->collector->sockets(reader->state, &request, snapshot, error);
}

int capacity_case_ask(struct capacity_case *test, const struct reader *reader, struct answer *ret)
{
	struct eph_error error = {0};
	int r;

	*ret = (struct answer){.collector = reader->probe ? "probe" : reader->collector->name,
			       .snapshot = snapshot_new()};
	r = ret->snapshot ? read_snapshot(reader, &test->query, ret->snapshot, &error) : -ENOMEM;
	if (r == 0)
		r = capacity_count(&ret->snapshot->netns[0], &ret->snapshot->laws, &test->query,
				   &ret->result, &error);
	if (r < 0)
		strbuf_printf(&test->complaint, "%s: cannot read: %s (%s)\n",
			      reader->collector->name, error.message, strerror(-r));
	return r;
}

/* --- the command ------------------------------------------------------------------------------------------------ */

bool capacity_case_suits_command(const struct capacity_case *test)
{
	const struct capacity_query *query = &test->query;

	return query->protocol == PROTOCOL_TCP && !query->device &&
	       (!query->has_window || (query->window.lo && query->window.hi));
}

static json_t *run_command(const struct capacity_case *test, const char *path, const char *options)
{
	CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT;
	char text[IP_ADDRESS_TEXT_BYTES];
	json_t *answer;
	FILE *pipe;

	ip_address_format(&test->query.to, text);
	strbuf_printf(&line,
		      test->query.to.family == IP_V6 ? "'%s' capacity '[%s]:%u'"
						     : "'%s' capacity '%s:%u'",
		      path, text, test->query.to_port);
	strbuf_printf(&line, " --from '%s' --json -N /proc/%d/ns/net %s",
		      ip_address_format(&test->query.from, text), (int)getpid(), options);
	if (test->query.has_window)
		strbuf_printf(&line, " --range %u-%u", test->query.window.lo,
			      test->query.window.hi);
	pipe = popen(line.text, "r");
	answer = pipe ? json_loadf(pipe, 0, NULL) : NULL;
	if (pipe)
		pclose(pipe);
	return answer;
}

bool capacity_case_ask_command(struct capacity_case *test, const char *path, const char *options,
			       uint32_t ret[2])
{
	json_t *answer = run_command(test, path, options);
	const json_t *left = json_object_get(answer, "left");
	const json_t *left_max = json_object_get(answer, "left_max");
	bool ok = json_is_integer(left) && json_is_integer(left_max);

	if (ok) {
		ret[0] = (uint32_t)json_integer_value(left);
		ret[1] = (uint32_t)json_integer_value(left_max);
	} else {
		strbuf_printf(&test->complaint, "the command gave no answer\n");
	}
	json_decref(answer);
	return ok;
}

/* --- the kernel ------------------------------------------------------------------------------------------------- */

void capacity_case_fill(const struct capacity_case *test, struct fill *ret)
{
	const struct state_flow *flow = &test->state.target;
	uint32_t at_most = port_range_width(test->state.range) + 3;

	*ret = (struct fill){0};
	while (ret->count < at_most) {
		struct sockaddr_storage name;
		socklen_t length = sizeof(name);
		int fd = state_socket(flow, test->type), r = fd < 0 ? fd : state_connect(fd, flow);

		if (r < 0 || getsockname(fd, (struct sockaddr *)&name, &length) < 0) {
			ret->error = r < 0 ? -r : errno;
			return;
		}
		port_set_add(&ret->used, ntohs(((struct sockaddr_in *)(void *)&name)->sin_port));
		ret->count++;
	}
}
