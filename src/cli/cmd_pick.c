#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "alloc.h"
#include "arguments.h"
#include "command_exec.h"
#include "config_files.h"
#include "config_root.h"
#include "fd.h"
#include "look.h"
#include "netns.h"
#include "observe_pick.h"
#include "parse.h"
#include "pick_hold.h"
#include "pick_socket.h"
#include "pick_view.h"
#include "service_ports.h"
#include "text_services.h"

static const struct option_spec options[] = {
	{"count", 0, "N", "so many ports, all different; 1 if not given", NULL},
	{"range", 0, "LOW-HIGH", "only from these ports", NULL},
	{"address", 0, "ADDRESS", "the service will bind to this address; if not given, to all",
	 NULL},
	{"privileged", 0, NULL, "ports that need privilege are welcome too", NULL},
	{"hold", 0, NULL, "run COMMAND with sockets that already have the ports", NULL},
	{"verbose", 'v', NULL, "say on standard error what was left out", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

/* What was asked for, and how far it is fulfilled. */
struct picking {
	struct observe_options observe;
	struct pick_query query;
	struct pick_place place;
	struct port_set configured, named;
	uint32_t count;
	bool hold, hold_udp;
	struct pick_result result;
	struct snapshot *snapshot;
	uint16_t *port;
	uint32_t ports, last_resort;
	uint32_t refused; /* ports that bind() refused */
	int refusal;      /* the last error of those */
	struct pick_held *held;
	unsigned n_held;
};

static void picking_done(struct picking *picking)
{
	for (unsigned i = 0; i < picking->n_held; i++)
		fd_closep(&picking->held[i].fd);
	free(picking->held);
	free(picking->port);
	snapshot_free(picking->snapshot);
}

/* --- the question ----------------------------------------------------------------------------------------------- */

static int parse_address(const struct arguments *arguments, struct pick_place *place,
			 struct eph_error *reterr)
{
	const char *text = arguments_get(arguments, "address");
	int r = text ? ip_address_parse(text, &place->address, reterr) : 0;

	if (r < 0 || !text)
		return r;
	if (place->address.family == IP_V4 ? !place->v4 : !place->v6)
		return error_set(reterr, -EINVAL, "options",
				 "-%c: '%.60s' is of the other address family",
				 place->v4 ? '4' : '6', text);
	/* The wildcard of one family stands for that family. */
	place->v4 = place->address.family == IP_V4;
	place->v6 = !place->v4;
	return 0;
}

static int parse_count(const struct arguments *arguments, uint32_t *ret, struct eph_error *reterr)
{
	const char *text = arguments_get(arguments, "count");
	uint64_t count = 1;

	if (text && (parse_uint(text, strlen(text), UINT16_MAX, &count) < 0 || !count))
		return error_set(reterr, -EINVAL, "--count", "'%.40s': expected 1-%u ports", text,
				 UINT16_MAX);
	*ret = (uint32_t)count;
	return 0;
}

static int check_hold(const struct arguments *arguments, const struct picking *picking,
		      struct eph_error *reterr)
{
	if (!picking->hold && arguments->n_operands)
		return error_set(reterr, -EINVAL, "pick", "'%.80s': a COMMAND needs --hold",
				 arguments->operand[0]);
	if (!picking->hold)
		return 0;
	if (!arguments->n_operands)
		return error_set(reterr, -EINVAL, "--hold", "needs a COMMAND: --hold -- COMMAND");
	if (picking->observe.replay)
		return error_set(reterr, -EINVAL, "options",
				 "--hold and --replay exclude each other");
	if (arguments_has(arguments, "json"))
		return error_set(reterr, -EINVAL, "options",
				 "--hold and --json exclude each other: COMMAND has the output");
	return 0;
}

static int parse(const struct arguments *arguments, struct picking *picking,
		 struct eph_error *reterr)
{
	const char *range = arguments_get(arguments, "range");
	int r = look_options(arguments, &picking->observe, reterr);

	if (r == 0 && picking->observe.all_netns)
		r = error_set(reterr, -EINVAL, "options",
			      "--all-netns: a port is picked in one namespace, see --netns");
	if (r < 0)
		return r;
	picking->hold = arguments_has(arguments, "hold");
	picking->hold_udp = arguments_has(arguments, "udp");
	picking->place.v4 = picking->observe.what.v4;
	picking->place.v6 = picking->observe.what.v6;
	picking->query = (struct pick_query){
		.tcp = picking->observe.what.tcp,
		.udp = picking->observe.what.udp,
		.range = {1, UINT16_MAX},
		.privileged = arguments_has(arguments, "privileged"),
		.configured = &picking->configured,
		.named = &picking->named,
	};
	r = check_hold(arguments, picking, reterr);
	if (r == 0 && range)
		r = port_range_parse(range, &picking->query.range, reterr);
	if (r == 0)
		r = parse_count(arguments, &picking->count, reterr);
	return r < 0 ? r : parse_address(arguments, &picking->place, reterr);
}

/* --- ports that belong to somebody ------------------------------------------------------------------------------ */

static void add_ports(const struct service_ports *services, struct port_set *set)
{
	for (size_t i = 0; i < services->count; i++)
		port_set_add(set, services->record[i].port);
}

/* Every name in /etc/services counts here, not only those of services that are installed. */
static int read_names(const struct file_list *files, struct port_set *set)
{
	struct service_ports services = {0};
	bool failed;

	for (size_t i = 0; i < files->count; i++)
		if (files->file[i].kind == FILE_SERVICES)
			text_services_read(&files->file[i], &services);
	add_ports(&services, set);
	failed = services.failed;
	service_ports_done(&services);
	return failed ? -ENOMEM : 0;
}

/* The files of this host say nothing about a saved one, unless somebody says where its files are. */
static int read_services(struct picking *picking, struct eph_error *reterr)
{
	struct service_ports services = {0};
	struct file_list files = {0};
	int r;

	if (picking->observe.replay && !config_root_given())
		return 0;
	r = service_files_read(&files, reterr);
	if (r == 0 &&
	    (service_ports_read(&files, &services) < 0 || read_names(&files, &picking->named) < 0))
		r = error_set(reterr, -ENOMEM, "pick", "out of memory");
	add_ports(&services, &picking->configured);
	service_ports_done(&services);
	file_list_done(&files);
	return r;
}

/* --- picking ---------------------------------------------------------------------------------------------------- */

static int too_few(const struct picking *picking, struct eph_error *reterr)
{
	struct strbuf text = STRBUF_INIT;

	pick_view_count(&picking->result, &text);
	if (picking->refused)
		strbuf_printf(&text, "; bind() refused %u more: %s", picking->refused,
			      strerror(picking->refusal));
	error_set(reterr, -EADDRINUSE, "pick", "%u %s wanted, %u can be had: %s", picking->count,
		  picking->count == 1 ? "port" : "ports", picking->ports, text.text);
	strbuf_done(&text);
	return -EADDRINUSE;
}

/* The service may have a privilege that we lack. */
static bool is_none_of_ours(const struct picking *picking, uint16_t port, int error)
{
	const struct settings *settings = &picking->snapshot->netns[0].settings;

	return error == -EACCES && !picking->hold && picking->query.privileged &&
	       settings->known & SETTING_UNPRIVILEGED_START && port < settings->unprivileged_start;
}

/* Bind the port for one protocol; the socket is kept where it is to be held. Return: 0 or negative errno. */
static int try_protocol(struct picking *picking, uint8_t protocol, uint16_t port, bool keep)
{
	CLEANUP(fd_closep) int fd = pick_socket_open(protocol, port, &picking->place, keep);

	if (fd < 0)
		return is_none_of_ours(picking, port, fd) ? 0 : fd;
	if (keep)
		picking->held[picking->n_held++] =
			(struct pick_held){.fd = fd_take(&fd), .protocol = protocol, .port = port};
	return 0;
}

/* Nobody else has it, if it can be bound. */
static int try_port(struct picking *picking, uint16_t port)
{
	unsigned held = picking->n_held;
	int r = 0;

	if (picking->snapshot->replayed)
		return 0;
	if (picking->query.tcp)
		r = try_protocol(picking, PROTOCOL_TCP, port, picking->hold);
	if (r == 0 && picking->query.udp)
		r = try_protocol(picking, PROTOCOL_UDP, port, picking->hold && picking->hold_udp);
	while (r < 0 && picking->n_held > held)
		fd_closep(&picking->held[--picking->n_held].fd);
	return r;
}

static int draw_one(struct picking *picking, struct eph_error *reterr)
{
	for (;;) {
		enum pick_rank rank = PICK_PLAIN;
		char address[IP_ADDRESS_TEXT_BYTES];
		uint64_t random;
		uint16_t port;
		int r;

		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return error_set(reterr, -EIO, "pick", "no random numbers");
		port = pick_draw(&picking->result, random, &rank);
		if (!port)
			return too_few(picking, reterr);
		r = try_port(picking, port);
		if (r == 0) {
			picking->port[picking->ports++] = port;
			picking->last_resort += rank == PICK_LAST_RESORT;
			return 0;
		}
		if (r == -EADDRNOTAVAIL && picking->place.address.family != IP_NONE)
			return error_set(reterr, r, "pick",
					 "--address %s is no address of this host",
					 ip_address_format(&picking->place.address, address));
		/* Somebody was faster, or a policy guards this port. */
		if (r != -EADDRINUSE && r != -EACCES && r != -EPERM)
			return error_set(reterr, r, "pick", "port %u cannot be bound: %s", port,
					 strerror(-r));
		picking->refused++;
		picking->refusal = -r;
	}
}

static int draw_all(struct picking *picking, struct eph_error *reterr)
{
	const struct pick_result *result = &picking->result;
	uint32_t there = result->safe + port_set_count(&result->ports[PICK_LAST_RESORT]);
	int back, r = 0;

	if (there < picking->count) {
		picking->ports = there;
		return too_few(picking, reterr);
	}
	picking->port = calloc(picking->count, sizeof(*picking->port));
	picking->held = calloc(2 * (size_t)picking->count, sizeof(*picking->held));
	if (!picking->port || !picking->held)
		return error_set(reterr, -ENOMEM, "pick", "out of memory");
	r = netns_enter(picking->snapshot->netns[0].fd, &back);
	if (r < 0)
		return error_set(reterr, r, "netns", "cannot be entered: %s", strerror(-r));
	while (r == 0 && picking->ports < picking->count)
		r = draw_one(picking, reterr);
	netns_leave(&back);
	return r;
}

/* --- the answer ------------------------------------------------------------------------------------------------- */

/* COMMAND, or a script, has standard output: what is to be said goes beside it, and before COMMAND speaks. */
static void say(const struct pick_view *view, bool verbose)
{
	struct strbuf text = STRBUF_INIT;

	if (verbose) {
		pick_view_count(view->result, &text);
		fprintf(stderr, "ephemports: pick: %s\n", text.text);
		strbuf_clear(&text);
	}
	pick_view_warning(view, &text);
	if (text.length)
		fprintf(stderr, "ephemports: pick: warning: %s\n", text.text);
	strbuf_done(&text);
}

static int answer(const struct arguments *arguments, struct picking *picking,
		  struct outcome *outcome, struct eph_error *reterr)
{
	const struct pick_view view = {
		.result = &picking->result,
		.snapshot = picking->snapshot,
		.port = picking->port,
		.ports = picking->ports,
		.last_resort = picking->last_resort,
	};

	say(&view, arguments_has(arguments, "verbose"));
	if (picking->hold)
		return pick_hold(picking->held, picking->n_held, arguments->operand,
				 &outcome->error_status, reterr);
	if (arguments_has(arguments, "json"))
		pick_view_json(&view, &outcome->text);
	else
		pick_view_text(&view, &outcome->text);
	return 0;
}

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	CLEANUP(freep) struct picking *picking = calloc(1, sizeof(*picking));
	int r;

	if (!picking)
		return error_set(reterr, -ENOMEM, "pick", "out of memory");
	if (arguments_has(arguments, "hold"))
		outcome->error_status = EXEC_STATUS_FAILED;
	r = parse(arguments, picking, reterr);
	if (r == 0)
		r = read_services(picking, reterr);
	if (r == 0)
		r = observe_pick(&picking->observe, &picking->query, &picking->snapshot,
				 &picking->result, reterr);
	if (r == 0)
		r = draw_all(picking, reterr);
	if (r == 0)
		r = answer(arguments, picking, outcome, reterr);
	picking_done(picking);
	return r;
}

const struct command cmd_pick = {
	.name = "pick",
	.summary = "pick a port that is safe to give to a new service",
	.operands = "[--hold -- COMMAND...]",
	.details =
		"Safe is a port that nobody has, that no outgoing connection is given, and that is "
		"neither configured for a service nor named in /etc/services. Which of them is "
		"left to chance. COMMAND finds its sockets as systemd passes them (LISTEN_FDS) and "
		"the port in EPHEMPORTS_PORT.",
	.options = options,
	.operands_max = UINT_MAX,
	.run = run,
};
