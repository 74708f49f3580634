#include "usage_elsewhere.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "begin.h"
#include "host.h"
#include "many_hosts.h"
#include "os_capacity.h"
#include "runner_ssh.h"
#include "saved_text.h"
#include "sockets.h"
#include "text_netstat.h"

/* All that is known of the other machine. */
struct elsewhere_host {
	const struct os_system *system;
	char release[64];
	char *text; /* what its command printed */
	size_t length;
	struct os_state *state; /* its ranges as they were read there; NULL: nobody did */
};

bool usage_elsewhere_asked(const struct arguments *arguments)
{
	return arguments_has(arguments, "netstat") || many_hosts_asked(arguments);
}

static int check_options(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const others[] = {"netns", "all-netns", "replay",
					     "save",  "collector", "probe"};
	const char *by = arguments_get(arguments, "by"),
		   *one = arguments_has(arguments, "netstat") ? "netstat" : "host";

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (arguments_has(arguments, others[i]))
			return error_set(reterr, -EINVAL, "options",
					 "--%s and --%s exclude each other", one, others[i]);
	if (arguments_has(arguments, "netstat") && many_hosts_asked(arguments))
		return error_set(reterr, -EINVAL, "options",
				 "--netstat and --host exclude each other");
	if (by && (strcmp(by, "process") == 0 || strcmp(by, "container") == 0))
		return error_set(reterr, -EINVAL, "options",
				 "--by %s: netstat of other systems does not tell them", by);
	return 0;
}

/* --- what was printed -------------------------------------------------------------------------------------------- */

static int run_command(struct os_host *remote, const char *name, struct elsewhere_host *host,
		       struct eph_error *reterr)
{
	struct runner_output said;
	int r = remote->runner.ops->line(&remote->runner,
					 os_sockets_command(remote->system, remote->runner.cmd_exe),
					 &said, reterr);

	if (r == 0 && !said.text.length)
		r = error_set(reterr, -EREMOTEIO, "host", "%.80s: netstat printed nothing: %.*s",
			      name, (int)strcspn(said.errors.text, "\r\n"), said.errors.text);
	host->length = said.text.length;
	if (r == 0)
		host->text = strbuf_take(&said.text);
	runner_output_done(&said);
	return r < 0 || host->text ? r : error_set(reterr, -ENOMEM, "host", "out of memory");
}

/* That its ranges cannot be read there is no reason to hide its sockets: then the default is assumed. */
static int read_host(const char *name, const char *os, struct elsewhere_host *host,
		     struct eph_error *reterr)
{
	struct ssh_runner ssh;
	struct os_host remote;
	int r = ssh_runner_init(&ssh, name, reterr);

	if (r < 0)
		return r;
	r = os_host_open(&remote, &ssh.runner, os, reterr);
	if (r == 0) {
		host->system = remote.system;
		memcpy(host->release, remote.release, sizeof(host->release));
		host->state = calloc(1, sizeof(*host->state));
		r = host->state ? os_host_read(&remote, host->state, NULL)
				: error_set(reterr, -ENOMEM, "host", "out of memory");
		if (r < 0 && r != -ENOMEM) {
			freep(&host->state);
			host->state = NULL;
			r = 0;
		}
	}
	if (r == 0)
		r = run_command(&remote, name, host, reterr);
	ssh_runner_done(&ssh);
	return r;
}

static int read_elsewhere(const struct arguments *arguments, const char *name,
			  struct elsewhere_host *host, struct eph_error *reterr)
{
	const char *os = arguments_get(arguments, "os"),
		   *release = arguments_get(arguments, "release");
	int r;

	if (os) {
		host->system = os_find(os);
		if (!host->system)
			return error_set(reterr, -EINVAL, "--os",
					 "'%.60s' is no system that is known here: see range facts",
					 os);
	}
	r = name ? read_host(name, os, host, reterr)
		 : saved_text_read(arguments_get(arguments, "netstat"), NETSTAT_BYTES_MAX,
				   &host->text, &host->length, reterr);
	if (r == 0 && release)
		snprintf(host->release, sizeof(host->release), "%s", release);
	return r;
}

/* --- whose it is ------------------------------------------------------------------------------------------------- */

static int settle_system(struct elsewhere_host *host, const struct netstat_text *text,
			 struct eph_error *reterr)
{
	if (!host->system && text->system)
		host->system = os_find(text->system);
	if (host->system)
		return 0;
	return error_set(
		reterr, -EINVAL, "netstat",
		"several systems print such a table, and count differently: --os aix, bsdos, "
		"dragonfly, freebsd, hpux, irix, macos, netbsd, openbsd or tru64?");
}

/* --- its ranges -------------------------------------------------------------------------------------------------- */

static void take_state(const struct os_state *state, struct os_capacity_ranges *ranges)
{
	for (size_t i = 0; i < state->ranges; i++) {
		const struct os_range *range = &state->range[i];

		if (range->spec->name != OS_REGULAR || !range->known)
			continue;
		for (unsigned udp = 0; udp < 2; udp++)
			for (unsigned v6 = 0; v6 < 2; v6++)
				if ((range->spec->protocols & (udp ? OS_UDP : OS_TCP)) &&
				    (range->spec->families & (v6 ? OS_IPV6 : OS_IPV4)))
					ranges->range[udp][v6] = range->now;
	}
	ranges->reserved_known = true;
	for (size_t i = 0; i < state->reserveds; i++) {
		if (state->reserved[i].protocols & OS_TCP)
			port_set_add_set(&ranges->reserved[0], &state->reserved[i].ports);
		if (state->reserved[i].protocols & OS_UDP)
			port_set_add_set(&ranges->reserved[1], &state->reserved[i].ports);
	}
}

static void take_one(struct port_range range, struct os_capacity_ranges *ranges)
{
	for (unsigned i = 0; i < 4; i++)
		ranges->range[i / 2][i % 2] = range;
}

static int settle_ranges(const struct arguments *arguments, const struct elsewhere_host *host,
			 struct os_capacity_ranges *ranges, struct usage_elsewhere *view,
			 uint32_t *gaps, struct eph_error *reterr)
{
	const char *told = arguments_get(arguments, "range");
	const struct os_default *built_in = os_default_of(host->system, host->release, OS_REGULAR);
	struct port_range range;
	int r;

	if (host->state)
		take_state(host->state, ranges);
	view->range_from = USAGE_RANGE_READ;
	if (told) {
		r = port_range_parse(told, &range, reterr);
		if (r < 0)
			return r;
		take_one(range, ranges);
		view->range_from = USAGE_RANGE_TOLD;
	} else if (!ranges->range[0][0].hi) {
		if (!built_in)
			return error_set(reterr, -ENODATA, "netstat",
					 "the default range of %s %.40s is not known: give --range",
					 host->system->title, host->release);
		take_one(built_in->range, ranges);
		view->range_from = USAGE_RANGE_DEFAULT;
		*gaps |= GAP_RANGE_ASSUMED;
	}
	return 0;
}

/* --- together ---------------------------------------------------------------------------------------------------- */

static uint32_t gaps_of(uint32_t doubts)
{
	return (doubts & NETSTAT_CUT ? GAP_ADDRESS_CUT : 0) |
	       (doubts & NETSTAT_STATES ? GAP_STATES : 0) |
	       (doubts & NETSTAT_NO_LISTENERS ? GAP_NO_LISTENERS : 0);
}

static int make_snapshot(const struct elsewhere_host *host, struct netstat_text *text,
			 uint32_t gaps, const struct os_capacity_ranges *ranges,
			 struct snapshot **ret)
{
	struct snapshot *snapshot = snapshot_new();
	struct netns_snapshot *netns = snapshot ? snapshot_add_netns(snapshot) : NULL;

	*ret = snapshot;
	if (!netns)
		return -ENOMEM;
	snprintf(snapshot->os, sizeof(snapshot->os), "%s", host->system->name);
	snprintf(snapshot->release, sizeof(snapshot->release), "%s", host->release);
	snprintf(snapshot->collector, sizeof(snapshot->collector), "netstat");
	netns->sockets = text->sockets;
	text->sockets = (struct socket_table){.count = 0};
	netns->sockets_complete = true;
	netns->settings.known = SETTING_RANGE;
	netns->settings.range = ranges->range[0][0];
	netns->settings.reserved = ranges->reserved[0];
	netns->gaps = gaps | gaps_of(text->doubts);
	return 0;
}

static int judge(const struct arguments *arguments, struct elsewhere_host *host,
		 struct netstat_text *text, const struct grouping *what,
		 struct usage_elsewhere *view, struct snapshot **ret_snapshot,
		 struct usage_result *ret, struct eph_error *reterr)
{
	CLEANUP(freep) struct os_capacity_ranges *ranges = calloc(1, sizeof(*ranges));
	uint32_t gaps = 0;
	int r = settle_system(host, text, reterr);

	if (r == 0 && !ranges)
		r = error_set(reterr, -ENOMEM, "netstat", "out of memory");
	if (r == 0)
		r = settle_ranges(arguments, host, ranges, view, &gaps, reterr);
	if (r < 0)
		return r;
	view->title = host->system->title;
	view->rule = os_rule_find(host->system->name, host->release);
	view->cut = text->cut;
	if (!view->rule)
		return error_set(reterr, -ENOTSUP, "netstat", "%s: how it counts is not known here",
				 host->system->title);
	r = make_snapshot(host, text, gaps, ranges, ret_snapshot);
	if (r == 0)
		r = os_capacity_usage(view->rule, ranges, what, *ret_snapshot, ret);
	return r < 0 ? error_set(reterr, r, "netstat", "%s", strerror(-r)) : 0;
}

int usage_elsewhere(const struct arguments *arguments, const char *name,
		    const struct grouping *what, struct usage_elsewhere *ret_view,
		    struct snapshot **ret_snapshot, struct usage_result *ret,
		    struct eph_error *reterr)
{
	struct elsewhere_host host = {.length = 0};
	struct netstat_text text = {.rows = 0};
	uint64_t start = begin_now_us();
	int r = check_options(arguments, reterr);

	if (r == 0)
		r = read_elsewhere(arguments, name, &host, reterr);
	if (r == 0)
		r = text_netstat_read(host.text, host.length, &text, reterr);
	if (r < 0 && host.text)
		saved_text_blame(name ? name : arguments_get(arguments, "netstat"), r, reterr);
	if (r == 0)
		r = judge(arguments, &host, &text, what, ret_view, ret_snapshot, ret, reterr);
	/* Of a file nobody knows how long its making took. */
	if (r == 0 && name)
		(*ret_snapshot)->elapsed_us = begin_now_us() - start;
	text_netstat_done(&text);
	free(host.state);
	free(host.text);
	return r;
}
