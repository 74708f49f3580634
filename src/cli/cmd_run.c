#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "arguments.h"
#include "command_exec.h"
#include "fd.h"
#include "netns.h"
#include "pool_image.h"
#include "run.h"
#include "run_cgroup.h"

static const struct option_spec options[] = {
	{"from", 0, "ADDRESS...",
	 "connect from these: addresses or prefixes with commas between, dev:INTERFACE", NULL},
	{"range", 0, "LOW-HIGH", "take ports from this range", NULL},
	{"flat", 0, "yes|no", "remember which ports are taken (yes), or let the kernel search",
	 "yes no"},
	{"report", 0, NULL, "say at the end, on standard error, what was done", NULL},
	{"print-unit", 0, NULL, "do not run: print a drop-in for a systemd unit", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

/* Common options are known everywhere; most of them say how to look at a host. */
static int check_options(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const senseless[] = {"all-netns", "ipv4", "ipv6",   "tcp",
						"udp",       "save", "replay", "collector"};

	for (size_t i = 0; i < ARRAY_SIZE(senseless); i++)
		if (arguments_has(arguments, senseless[i]))
			return error_set(reterr, -EINVAL, "options",
					 "--%s has no meaning for 'run'", senseless[i]);
	return 0;
}

/* All values of --from, cut at their commas. */
static int read_from(const struct arguments *arguments, struct run_request *request,
		     struct eph_error *reterr)
{
	struct strbuf all = STRBUF_INIT;
	size_t count = 0;

	for (unsigned i = 0; i < arguments->n_options; i++)
		if (strcmp(arguments->option[i]->name, "from") == 0)
			strbuf_printf(&all, "%s%s", all.length ? "," : "", arguments->value[i]);
	request->from_text = strbuf_take(&all);
	if (!request->from_text)
		return error_set(reterr, -ENOMEM, "from", "out of memory");
	for (char *at = request->from_text; at && arguments_has(arguments, "from"); count++) {
		char *one = strsep(&at, ",");

		if (!*one || strpbrk(one, " \t\n"))
			return error_set(reterr, -EINVAL, "from",
					 "'%.100s': an address, a prefix or dev:INTERFACE was "
					 "expected between commas",
					 one);
		if (count == RUN_FROM_MAX)
			return error_set(reterr, -EINVAL, "from",
					 "at most %u were expected; a prefix counts as one",
					 RUN_FROM_MAX);
		request->from[count] = one;
	}
	request->options.from = request->from;
	request->options.from_count = count;
	return 0;
}

static int read_flat(const char *value, struct run_request *request, struct eph_error *reterr)
{
	if (!value || strcmp(value, "yes") == 0)
		return 0;
	if (strcmp(value, "no") != 0)
		return error_set(reterr, -EINVAL, "--flat", "'%.40s': yes or no was expected",
				 value);
	request->options.search = EPH_SEARCH_KERNEL;
	return 0;
}

static int read_request(const struct arguments *arguments, struct run_request *ret,
			struct eph_error *reterr)
{
	int r = check_options(arguments, reterr);

	*ret = (struct run_request){
		.options = {.sz = sizeof(ret->options),
			    .range = arguments_get(arguments, "range"),
			    .memory_fd = -1},
		.netns = arguments_get(arguments, "netns"),
		.argv = arguments->operand,
		.report = arguments_has(arguments, "report"),
		.json = arguments_has(arguments, "json"),
	};
	if (r == 0)
		r = read_from(arguments, ret, reterr);
	if (r == 0)
		r = read_flat(arguments_get(arguments, "flat"), ret, reterr);
	if (r == 0 && !arguments->n_operands && !arguments_has(arguments, "print-unit"))
		r = error_set(reterr, -EINVAL, "run",
			      "run what? expected: ephemports run [OPTION...] -- COMMAND...");
	return r;
}

/* For good: this process has nothing else to do anywhere else. */
static int enter_netns(const char *name, struct eph_error *reterr)
{
	struct snapshot *snapshot = snapshot_new();
	int r, back;

	if (!snapshot)
		return error_set(reterr, -ENOMEM, "netns", "out of memory");
	r = netns_open(snapshot, name, reterr);
	if (r == 0) {
		r = netns_enter(snapshot->netns[0].fd, &back);
		if (r < 0)
			error_set(reterr, r, "netns", "%.100s: %s", name, strerror(-r));
		fd_closep(&back);
	}
	snapshot_free(snapshot);
	return r;
}

/* What one run is made of. */
struct running {
	const struct run_request *request;
	const struct eph_pool *pool;
	int memory;
	struct run_cgroup *cgroup;
	struct eph_error without; /* why there is no cgroup; message "" when nobody wanted one */
};

/* The pool as the preload library finds it: programs that it cannot be loaded into may yet start others. */
static int run_started(const struct running *running, const struct run_program *program,
		       int *ret_status, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int image = pool_image_new(running->pool), held = -1;
	struct run_kept kept = {
		.fd = {image, running->memory}, .count = 2, .cgroup = running->cgroup};
	char library[4096];
	int r;

	if (image < 0)
		return error_set(reterr, image, "memory", "memfd_create: %s", strerror(-image));
	r = run_preload_find(library, reterr);
	if (r == 0 && !run_preload_is_plain(library)) {
		held = open(library, O_RDONLY | O_CLOEXEC);
		kept.fd[kept.count++] = held;
		if (held < 0)
			r = error_set(reterr, -errno, "preload", "%.200s: %s", library,
				      strerror(errno));
	}
	if (r == 0)
		r = run_preload_environment(running->request, library, held, image, running->memory,
					    reterr);
	if (r == 0)
		run_replies(running->pool);
	if (r == 0 && running->cgroup) {
		run_cgroup_links(running->cgroup, kept.fd + kept.count);
		kept.count += RUN_CGROUP_LINKS;
	}
	if (r == 0)
		r = run_child(program->path, running->request->argv, &kept, ret_status, reterr);
	return r;
}

/* Only its source addresses are ours to choose then. */
static int refuse_unreached(const struct running *running, const struct run_program *program,
			    struct eph_error *reterr)
{
	const struct eph_pool_options *asked = &running->request->options;

	if (asked->range)
		return error_set(reterr, -EOPNOTSUPP, "command",
				 "%s: --range cannot be given to such a program, only --from",
				 program->because);
	if (!asked->from_count)
		return error_set(reterr, -EOPNOTSUPP, "command",
				 "%s: no library can be loaded between it and the kernel; with "
				 "--from it can be given source addresses",
				 program->because);
	if (!running->cgroup)
		return error_set(reterr, -EOPNOTSUPP, "command", "%s, and %s", program->because,
				 running->without.message);
	return 0;
}

/* Return as run_child(). */
static int run_command(struct running *running, int *ret_status, struct eph_error *reterr)
{
	struct run_program program;
	int r = run_program_look(running->request->argv[0], &program, ret_status, reterr);

	if (r < 0)
		return r;
	if (running->request->options.from_count)
		(void)run_cgroup_open(running->pool, &running->cgroup, &running->without);
	if (program.way == RUN_WAY_BPF)
		r = refuse_unreached(running, &program, reterr);
	return r < 0 ? r : run_started(running, &program, ret_status, reterr);
}

static void say_report(const struct running *running)
{
	struct strbuf text = STRBUF_INIT;

	run_report(running->pool, running->cgroup, running->without.message, running->request,
		   &text);
	fputs(text.text, stderr);
	strbuf_done(&text);
}

/* With the options verified by making the pool: nothing has been started before that. */
static int run_request(const struct arguments *arguments, struct run_request *request,
		       struct outcome *outcome, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int memory = pool_image_memory();
	struct eph_pool *pool;
	int r;

	if (memory < 0)
		return error_set(reterr, memory, "memory", "memfd_create: %s", strerror(-memory));
	request->options.memory_fd = memory;
	r = eph_pool_new(&request->options, &pool, reterr);
	if (r < 0)
		return r;
	if (arguments_has(arguments, "print-unit")) {
		r = run_unit(request, arguments, &outcome->text, reterr);
	} else {
		struct running running = {.request = request, .pool = pool, .memory = memory};

		r = run_command(&running, &outcome->error_status, reterr);
		outcome->status = outcome->error_status;
		if (r == 0 && request->report)
			say_report(&running);
		run_cgroup_close(running.cgroup);
	}
	eph_pool_free(pool);
	return r;
}

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	struct run_request request;
	int r;

	outcome->error_status = EXEC_STATUS_FAILED;
	r = read_request(arguments, &request, reterr);
	if (r == 0 && request.netns)
		r = enter_netns(request.netns, reterr);
	if (r == 0)
		r = run_request(arguments, &request, outcome, reterr);
	free(request.from_text);
	return r;
}

const struct command cmd_run = {
	.name = "run",
	.summary = "run a program whose connections cost the same up to the last port",
	.operands = "[--] COMMAND...",
	.details =
		"COMMAND is run as it is, with a library that chooses the local port, and with "
		"--from the address, of each connection: without the search that makes connect() "
		"slow when half the range is taken. Its children inherit this. A port or address "
		"that the program chooses itself stays. --netns: run in that namespace. Options "
		"end at COMMAND. Exit status as "
		"env(1): that of COMMAND, 128+N if signal N ended it, 125 if ephemports failed, "
		"126 "
		"if COMMAND cannot be run, 127 if it does not exist.",
	.options = options,
	.operands_max = UINT_MAX,
	.starts_command = true,
	.error_status = EXEC_STATUS_FAILED,
	.run = run,
};
