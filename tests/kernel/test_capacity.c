/*
 * Exercises: rules/capacity.c against the kernel, through both collectors. Each case makes a random state in a network
 * namespace of its own, asks for the number of further connections, then really connects until the kernel refuses.
 *
 *	test_capacity [--cases N] [--seed S] [--command PATH] [--collector bpf|netlink|both] [--verbose]
 *
 * A failing case prints its seed and its whole state; `--cases 1 --seed THAT` runs it again. Exit: 0, 1 failed,
 * 77 nothing could be tested here.
 *
 * That the test can fail was shown with mutants of the laws; docs/laws.md has the table.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <net/if.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "capacity.h"
#include "collector.h"
#include "error.h"
#include "netns.h"
#include "procfs.h"
#include "state.h"

#define WORKERS             2u
/* Not every query can be said on the command line: so often, that one in fifty goes through it. */
#define COMMAND_EVERY       15u
#define EXIT_NOT_APPLICABLE 2

struct options {
	uint64_t cases, seed;
	const char *command;
	bool bpf, netlink, verbose;
};

/* Shared by all processes. */
struct tally {
	atomic_uint ran, failed, not_applicable, exact, interval, missed_one, tcp, udp, unlimited,
		reused, commands;
	atomic_uint netlink_exact, netlink_interval;
	atomic_bool no_bpf, no_netlink;
};

struct reader {
	const struct collector *collector;
	void *state;
};

struct answer {
	const char *collector;
	struct snapshot *snapshot;
	struct capacity_result result;
	struct kernel_laws laws;
};

struct fill {
	uint32_t count;
	int error; /* errno of the refusal, 0 when the kernel never refused */
	struct port_set used;
	bool repeated; /* a port came twice */
};

struct test_case {
	struct state state;
	struct capacity_query query;
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	struct strbuf complaint;
};

static const struct options *options;
static struct tally *tally;

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

static int make_query(struct test_case *test)
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

/* --- asking ----------------------------------------------------------------------------------------------------- */

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
	if (r < 0)
		return r;
	capacity_candidates(&snapshot->netns[0], &snapshot->netns[0].counted);
	return reader->collector->sockets(reader->state, &request, snapshot, error);
}

static int ask(const struct reader *reader, struct test_case *test, struct answer *ret)
{
	struct eph_error error = {0};
	int r;

	*ret = (struct answer){.collector = reader->collector->name, .snapshot = snapshot_new()};
	r = ret->snapshot ? read_snapshot(reader, &test->query, ret->snapshot, &error) : -ENOMEM;
	if (r == 0)
		r = capacity_count(&ret->snapshot->netns[0], &ret->snapshot->laws, &test->query,
				   &ret->result, &error);
	if (r < 0)
		strbuf_printf(&test->complaint, "%s: cannot read: %s (%s)\n",
			      reader->collector->name, error.message, strerror(-r));
	return r;
}

/* --- what the kernel does --------------------------------------------------------------------------------------- */

static void fill(const struct state_flow *flow, int type, uint32_t at_most, struct fill *ret)
{
	*ret = (struct fill){0};
	while (ret->count < at_most) {
		struct sockaddr_storage name;
		socklen_t length = sizeof(name);
		int fd = state_socket(flow, type), r = fd < 0 ? fd : state_connect(fd, flow);
		uint16_t port;

		if (r < 0 || getsockname(fd, (struct sockaddr *)&name, &length) < 0) {
			ret->error = r < 0 ? -r : errno;
			return;
		}
		port = ntohs(((struct sockaddr_in *)(void *)&name)->sin_port);
		ret->repeated |= port_set_has(&ret->used, port);
		port_set_add(&ret->used, port);
		ret->count++;
	}
}

/* --- comparing -------------------------------------------------------------------------------------------------- */

/* The free ports as the law sees them one by one: a range of a single port is always determined. */
static void predicted_ports(const struct answer *answer, const struct capacity_query *query,
			    struct port_set *ret)
{
	struct netns_snapshot netns = answer->snapshot->netns[0]; /* borrows the sockets */
	struct capacity_query plain = *query;
	struct port_range range = answer->result.range;

	plain.has_window = false;
	port_set_clear(ret);
	for (uint32_t p = range.lo; p <= range.hi; p++) {
		struct capacity_result one;

		netns.settings.range = (struct port_range){(uint16_t)p, (uint16_t)p};
		if (capacity_count(&netns, &answer->snapshot->laws, &plain, &one, NULL) == 0 &&
		    one.left_max == 1)
			port_set_add(ret, (uint16_t)p);
	}
}

static void complain_ports(struct test_case *test, const char *what, const struct port_set *ports)
{
	strbuf_printf(&test->complaint, "  %s: ", what);
	port_set_format(ports, &test->complaint);
	strbuf_putc(&test->complaint, '\n');
}

static bool must_be_exact(const struct answer *answer, const struct capacity_query *query)
{
	const struct capacity_result *result = &answer->result;
	uint32_t width = port_range_width(result->range);

	if (strcmp(answer->collector, "bpf") != 0 ||
	    result->inexact_because & (GAP_ORDER | GAP_KERNEL))
		return false;
	if (query->protocol == PROTOCOL_UDP || width % 2 == 0 || width == 1)
		return true;
	return query->has_window && (query->window.lo || query->window.hi) &&
	       answer->snapshot->laws.step_one == LAW_YES;
}

static void describe_answer(struct test_case *test, const struct answer *answer,
			    const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;

	strbuf_printf(&test->complaint,
		      "  %s: range %u-%u reserved %u blocked %u in_use %u time_wait %u reusable %u "
		      "left %u..%u%s%s because",
		      answer->collector, result->range.lo, result->range.hi, result->reserved,
		      result->blocked, result->in_use, result->time_wait,
		      result->time_wait_reusable, result->left, result->left_max,
		      result->unlimited ? " unlimited" : "", result->exact ? " exact" : "");
	for (unsigned bit = 0; bit < GAP_COUNT; bit++)
		if (result->inexact_because & 1u << bit)
			strbuf_printf(&test->complaint, " %s", snapshot_gap_name(1u << bit));
	strbuf_printf(&test->complaint, "; kernel %u, then %s\n", kernel->count,
		      kernel->error ? strerror(kernel->error) : "no refusal");
}

static void complain(struct test_case *test, const struct answer *answer, const struct fill *kernel,
		     const char *what)
{
	strbuf_printf(&test->complaint, "%s: %s\n", answer->collector, what);
	describe_answer(test, answer, kernel);
}

static void check_sums(struct test_case *test, const struct answer *answer,
		       const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;
	uint32_t sum = result->reserved + result->blocked + result->in_use + result->time_wait +
		       result->left_max;

	if (sum != port_range_width(result->range))
		complain(test, answer, kernel, "the five counts do not add up to the range");
	if (result->left > result->left_max || result->time_wait_reusable > result->left_max)
		complain(test, answer, kernel, "a part is larger than the whole");
	if (result->exact && result->left != result->left_max)
		complain(test, answer, kernel, "exact, but an interval");
}

static void check_ports(struct test_case *test, const struct answer *answer,
			const struct fill *kernel)
{
	struct port_set predicted;

	if (strcmp(answer->collector, "bpf") != 0 || !answer->result.exact ||
	    answer->result.unlimited)
		return;
	predicted_ports(answer, &test->query, &predicted);
	if (memcmp(&predicted, &kernel->used, sizeof(predicted)) == 0)
		return;
	complain(test, answer, kernel, "other ports were used than predicted");
	complain_ports(test, "predicted", &predicted);
	complain_ports(test, "used", &kernel->used);
}

static void check_answer(struct test_case *test, const struct answer *answer,
			 const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;
	bool tcp = test->type == SOCK_STREAM;

	check_sums(test, answer, kernel);
	if (must_be_exact(answer, &test->query) && !result->exact)
		complain(test, answer, kernel, "must be exact");
	if (strcmp(answer->collector, "bpf") == 0 && !(result->inexact_because & GAP_ORDER) &&
	    result->left_max - result->left > 1)
		complain(test, answer, kernel, "interval wider than one port");
	if (result->unlimited) {
		if (result->left && kernel->error)
			complain(test, answer, kernel, "refused, though ports can be shared");
		return;
	}
	if (kernel->count < result->left || kernel->count > result->left_max)
		complain(test, answer, kernel, "the kernel disagrees");
	else if (kernel->error != (tcp ? EADDRNOTAVAIL : EAGAIN))
		complain(test, answer, kernel, "refused with another errno than expected");
	check_ports(test, answer, kernel);
}

static void count_answer(const struct answer *answer, const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;

	if (strcmp(answer->collector, "bpf") != 0) {
		(*(result->exact ? &tally->netlink_exact : &tally->netlink_interval))++;
		return;
	}
	(*(result->exact ? &tally->exact : &tally->interval))++;
	if (!result->exact && kernel->count < result->left_max)
		tally->missed_one++;
	if (result->unlimited)
		tally->unlimited++;
	if (result->time_wait_reusable)
		tally->reused++;
}

/* --- through the command ---------------------------------------------------------------------------------------- */

static json_t *run_command(const struct test_case *test)
{
	CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT;
	char text[IP_ADDRESS_TEXT_BYTES];
	json_t *answer;
	FILE *pipe;

	ip_address_format(&test->query.to, text);
	strbuf_printf(&line,
		      test->query.to.family == IP_V6 ? "'%s' capacity '[%s]:%u'"
						     : "'%s' capacity '%s:%u'",
		      options->command, text, test->query.to_port);
	strbuf_printf(&line, " --from '%s' --json -N /proc/%d/ns/net",
		      ip_address_format(&test->query.from, text), (int)getpid());
	if (test->query.has_window)
		strbuf_printf(&line, " --range %u-%u", test->query.window.lo,
			      test->query.window.hi);
	pipe = popen(line.text, "r");
	answer = pipe ? json_loadf(pipe, 0, NULL) : NULL;
	if (pipe)
		pclose(pipe);
	return answer;
}

/* Only what the command line can say: TCP, no device, a window with both halves. Returns the interval in @ret. */
static bool ask_command(struct test_case *test, uint32_t ret[2])
{
	json_t *answer;
	bool ok;

	if (!options->command || test->type != SOCK_STREAM || test->query.device ||
	    (test->query.has_window && !(test->query.window.lo && test->query.window.hi)) ||
	    access(options->command, X_OK) != 0)
		return false;
	tally->commands++;
	answer = run_command(test);
	ok = json_is_integer(json_object_get(answer, "left")) &&
	     json_is_integer(json_object_get(answer, "left_max"));
	if (ok) {
		ret[0] = (uint32_t)json_integer_value(json_object_get(answer, "left"));
		ret[1] = (uint32_t)json_integer_value(json_object_get(answer, "left_max"));
	} else {
		strbuf_printf(&test->complaint, "the command gave no answer\n");
	}
	json_decref(answer);
	return ok;
}

/* --- a case ----------------------------------------------------------------------------------------------------- */

static void print_failure(const struct test_case *test, uint64_t seed)
{
	CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT;

	strbuf_printf(&out, "\nFAILED seed %llu (%s)\n%s\n%s", (unsigned long long)seed,
		      test->type == SOCK_STREAM ? "tcp" : "udp", test->state.log.text,
		      test->complaint.text);
	for (size_t done = 0; done < out.length;) {
		ssize_t n = write(STDOUT_FILENO, out.text + done, out.length - done);

		if (n <= 0)
			return;
		done += (size_t)n;
	}
}

/* Has a TIME_WAIT crossed the age at which it may be replaced between asking and connecting? Then nothing is shown. */
static bool time_ran_over(const struct state *state)
{
	return state->tw_delay_between && state_now_ms() - state->first_young_ms > 900;
}

static int judge_case(struct test_case *test, const struct reader *readers, unsigned n_readers,
		      bool with_command)
{
	struct answer answers[2];
	uint32_t interval[2];
	struct fill kernel;
	bool commanded = false;

	for (unsigned i = 0; i < n_readers; i++)
		if (ask(&readers[i], test, &answers[i]) < 0)
			return 1;
	if (with_command)
		commanded = ask_command(test, interval);
	fill(&test->state.target, test->type, port_range_width(test->state.range) + 3, &kernel);
	if (time_ran_over(&test->state))
		return EXIT_NOT_APPLICABLE;
	if (kernel.error == ENETUNREACH || kernel.error == EINVAL || kernel.error == EHOSTUNREACH)
		return EXIT_NOT_APPLICABLE; /* no way from that source or device: a matter of routes */
	for (unsigned i = 0; i < n_readers; i++) {
		check_answer(test, &answers[i], &kernel);
		count_answer(&answers[i], &kernel);
		if (options->verbose)
			describe_answer(test, &answers[i], &kernel);
	}
	if (commanded && (kernel.count < interval[0] || kernel.count > interval[1]))
		strbuf_printf(&test->complaint, "the command answered %u..%u, the kernel %u\n",
			      interval[0], interval[1], kernel.count);
	return test->complaint.length ? 1 : 0;
}

static int run_case(uint64_t seed, const struct reader *readers, unsigned n_readers,
		    bool with_command)
{
	struct test_case test = {.complaint = STRBUF_INIT};
	int r = state_enter_netns();

	if (r < 0) {
		printf("cannot make a network namespace: %s\n", strerror(-r));
		return 77;
	}
	state_init(&test.state, seed);
	test.type = state_random(&test.state, 4) ? SOCK_STREAM : SOCK_DGRAM;
	state_build(&test.state);
	if (make_query(&test) < 0)
		return EXIT_NOT_APPLICABLE;
	(*(test.type == SOCK_STREAM ? &tally->tcp : &tally->udp))++;
	r = judge_case(&test, readers, n_readers, with_command);
	if (r == 1 || options->verbose)
		print_failure(&test, seed);
	return r;
}

/* --- processes -------------------------------------------------------------------------------------------------- */

/* Programs are loaded when they are first needed; once here serves every case forked from this process. */
static int load_all(const struct reader *reader, struct eph_error *reterr)
{
	const struct collect_request everything = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true}};
	CLEANUP(snapshot_freep) struct snapshot *snapshot = snapshot_new();
	int r = snapshot ? netns_open_current(snapshot, reterr) : -ENOMEM;

	if (r == 0)
		r = procfs_read_settings(snapshot, reterr);
	if (r == 0)
		r = reader->collector->binds(reader->state, snapshot, reterr);
	if (r == 0)
		r = reader->collector->sockets(reader->state, &everything, snapshot, reterr);
	return r;
}

static unsigned open_readers(struct reader readers[2], bool report)
{
	struct eph_error error = {0};
	unsigned n = 0;

	if (options->bpf) {
		readers[n] = (struct reader){.collector = &collector_bpf};
		if (readers[n].collector->open(&readers[n].state, &error) == 0 &&
		    load_all(&readers[n], &error) == 0)
			n++;
		else if (report)
			printf("without BPF: %s\n", error.message);
		tally->no_bpf = n == 0;
	}
	if (options->netlink) {
		readers[n] = (struct reader){.collector = &collector_netlink};
		if (readers[n].collector->open(&readers[n].state, &error) == 0)
			n++;
		else if (report)
			printf("without netlink: %s\n", error.message);
	}
	return n;
}

static void note_result(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (code == EXIT_NOT_APPLICABLE)
		tally->not_applicable++;
	else if (code == 0)
		tally->ran++;
	else if (code != 77)
		tally->failed++;
	if (code < 0)
		printf("a case ended by signal %d\n", WTERMSIG(status));
}

static void work(unsigned worker)
{
	struct reader readers[2];
	unsigned n_readers = open_readers(readers, worker == 0);

	for (uint64_t i = worker; n_readers && i < options->cases; i += WORKERS) {
		uint64_t seed = options->seed + i;
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			int code = run_case(seed, readers, n_readers, i % COMMAND_EVERY == 0);

			fflush(stdout);
			_exit(code);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			tally->failed++;
			return;
		}
		note_result(status);
		if (!WIFEXITED(status) || WEXITSTATUS(status) == 1)
			printf("replay: --cases 1 --seed %llu\n", (unsigned long long)seed);
	}
	for (unsigned i = 0; i < n_readers; i++)
		readers[i].collector->close(readers[i].state);
}

static void run_workers(void)
{
	pid_t pid[WORKERS];
	int status;

	for (unsigned w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		if (pid[w] == 0) {
			work(w);
			fflush(stdout);
			_exit(0);
		}
	}
	for (unsigned w = 0; w < WORKERS; w++)
		if (pid[w] < 0 || waitpid(pid[w], &status, 0) != pid[w] || status != 0)
			tally->failed++;
}

static int usage(void)
{
	fprintf(stderr, "usage: test_capacity [--cases N] [--seed S] [--command PATH] [--collector "
			"bpf|netlink|both] "
			"[--verbose]\n");
	return 3;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{"cases", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{"command", required_argument, NULL, 'c'},
		{"collector", required_argument, NULL, 'k'},
		{"verbose", no_argument, NULL, 'v'},
		{0},
	};
	int c;

	*ret = (struct options){.cases = 2000, .seed = 1, .bpf = true, .netlink = true};
	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (c == 'n')
			ret->cases = strtoull(optarg, NULL, 10);
		else if (c == 's')
			ret->seed = strtoull(optarg, NULL, 10);
		else if (c == 'c')
			ret->command = optarg;
		else if (c == 'v')
			ret->verbose = true;
		else if (c == 'k' && strcmp(optarg, "both") != 0)
			*(strcmp(optarg, "bpf") == 0 ? &ret->netlink : &ret->bpf) = false;
		else if (c != 'k')
			return -EINVAL;
	}
	return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct options given;

	if (parse_options(argc, argv, &given) < 0)
		return usage();
	options = &given;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (tally == MAP_FAILED)
		return 1;
	printf("seed %llu, %llu cases\n", (unsigned long long)given.seed,
	       (unsigned long long)given.cases);
	fflush(stdout);
	run_workers();
	printf("passed %u (tcp %u, udp %u asked), not applicable %u, failed %u\n"
	       "bpf: exact %u (unlimited %u, replacing TIME_WAIT %u), interval %u (one missed %u)\n"
	       "netlink: exact %u, interval %u; through the command %u\n",
	       tally->ran, tally->tcp, tally->udp, tally->not_applicable, tally->failed,
	       tally->exact, tally->unlimited, tally->reused, tally->interval, tally->missed_one,
	       tally->netlink_exact, tally->netlink_interval, tally->commands);
	if (tally->failed)
		return 1;
	return tally->ran ? 0 : 77;
}
