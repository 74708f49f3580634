/*
 * The C library against the kernel, in random states of other people's sockets (state.h): connections, bound ports, listeners,
 * reserved ports, TIME_WAIT, closed buckets, odd and tiny ranges, IPv4, IPv6, v4-mapped, devices.
 *
 *	test_eph_connect [--cases N] [--seed S]
 *
 * Each case connects with eph_connect() until it is refused. The count must be what rules/capacity predicts for a socket whose
 * window is the range of the pool, summed over the sources; the same as connect() with that window then gets, after the
 * sockets are gone; and, where ports are bound one by one, what bind() and connect() get on each port. No two sockets have one
 * 4-tuple; no port is reserved or outside. In one case of five eph_capacity() and eph_bind_verdict() say before what plain
 * sockets then meet. A failing case prints its seed and state.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "capacity_case.h"
#include "error.h"
#include "pool.h"
#include "tuples.h"

#define WORKERS        4u
#define NOT_APPLICABLE 2
#define LAWS_EVERY     5u
#define SOCKETS_MAX    1024u
#define SOURCES        3u

struct tally {
	atomic_uint passed, failed, skipped, exact, interval, plain, one_by_one, udp, sources, laws,
		verdicts;
};

static struct tally *tally;

struct eph_case {
	struct capacity_case base;
	bool windows;
	char range[16];
	char from[SOURCES][IP_ADDRESS_TEXT_BYTES];
	unsigned n_from;
	struct eph_pool *pool;
	int fd[SOCKETS_MAX];
	unsigned count;
	int error;               /* of the refusal */
	uint32_t left, left_max; /* predicted */
};

static void complain(struct eph_case *test, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(struct eph_case *test, const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	strbuf_printf(&test->base.complaint, "%s\n", text);
}

/* --- the pool --- */

/* One source that the state names, or none, or several. */
static void choose_sources(struct eph_case *test)
{
	static const char *const v4[SOURCES] = {"127.0.0.1", "10.9.0.1", "10.9.0.2"};
	static const char *const v6[SOURCES] = {"::1", "fd00::1", "fd00::2"};
	struct state_flow *flow = &test->base.state.target;
	bool is_v6 = test->base.query.to.family == IP_V6;

	if (flow->source) {
		ip_address_format(&test->base.query.from, test->from[0]);
		test->n_from = 1;
	} else if (state_random(&test->base.state, 4) == 0 && !flow->device) {
		test->n_from = 1 + state_random(&test->base.state, SOURCES);
		for (unsigned i = 0; i < test->n_from; i++)
			snprintf(test->from[i], sizeof(test->from[i]), "%s", (is_v6 ? v6 : v4)[i]);
	}
}

static void choose_range(struct eph_case *test)
{
	struct state *state = &test->base.state;
	struct port_range range = state->range;
	uint32_t width = port_range_width(range), a, b;

	if (state_random(state, 3) == 0) {
		a = state_random(state, width);
		b = state_random(state, width);
		range.lo = (uint16_t)(state->range.lo + (a < b ? a : b));
		range.hi = (uint16_t)(state->range.lo + (a < b ? b : a));
	}
	snprintf(test->range, sizeof(test->range), "%u-%u", range.lo, range.hi);
	test->base.query.has_window = true;
	test->base.query.window = range;
	state->target.has_window = true;
	state->target.window = range;
}

static int make_pool(struct eph_case *test)
{
	const char *from[SOURCES] = {test->from[0], test->from[1], test->from[2]};
	struct eph_pool_options options = {.sz = sizeof(options),
					   .from = from,
					   .from_count = test->n_from,
					   .range = test->range,
					   .memory_fd = -1};
	struct eph_error error;
	int r = eph_pool_new(&options, &test->pool, &error);

	/* Every port is reserved, or the source is behind a device that is down. */
	if (r == -EINVAL && strstr(error.message, "reserved"))
		return NOT_APPLICABLE;
	if (r < 0) {
		complain(test, "pool: %s", error.message);
		return 1;
	}
	test->windows = test->pool->windows;
	if (state_random(&test->base.state, 3) == 0)
		test->pool->windows = test->windows = false;
	else if (state_random(&test->base.state, 5) == 0)
		test->pool->search = EPH_SEARCH_KERNEL;
	return 0;
}

/* --- prediction --- */

static int predict(struct eph_case *test, const struct reader *reader)
{
	struct capacity_query asked = test->base.query;

	for (unsigned i = 0; i < (test->n_from ? test->n_from : 1); i++) {
		struct answer answer;

		if (test->n_from)
			ip_address_parse(test->from[i], &test->base.query.from, NULL);
		test->base.query.bound = test->n_from != 0;
		if (capacity_case_ask(&test->base, reader, &answer) < 0)
			return 1;
		test->left += answer.result.left;
		test->left_max += answer.result.left_max;
		snapshot_free(answer.snapshot);
	}
	test->base.query = asked;
	return 0;
}

/* --- what the library does --- */

static void fill(struct eph_case *test)
{
	const struct state_flow *flow = &test->base.state.target;
	struct state_endpoint to = state_endpoint(flow->family, flow->destination, flow->port);

	for (test->count = 0; test->count < SOCKETS_MAX; test->count++) {
		int fd = state_open(flow, test->base.type);

		if (fd < 0) {
			test->error = -fd;
			return;
		}
		test->fd[test->count] = fd;
		if (eph_connect(test->pool, fd, (struct sockaddr *)&to.address, to.length) < 0 &&
		    errno != EINPROGRESS) {
			test->error = errno;
			close(fd);
			return;
		}
	}
}

static void close_all(struct eph_case *test)
{
	struct linger linger = {.l_onoff = 1, .l_linger = 0};

	for (unsigned i = 0; i < test->count; i++) {
		setsockopt(test->fd[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(test->fd[i]);
	}
	test->count = 0;
}

static void judge_names(struct eph_case *test)
{
	struct sockaddr_storage name[SOCKETS_MAX];

	memset(name, 0, sizeof(name));
	for (unsigned i = 0; i < test->count; i++) {
		socklen_t length = sizeof(name[i]);
		uint16_t port;

		if (getsockname(test->fd[i], (struct sockaddr *)&name[i], &length) < 0)
			complain(test, "getsockname: %s", strerror(errno));
		port = ntohs(((struct sockaddr_in *)(void *)&name[i])->sin_port);
		if (!port_set_has(&test->pool->usable, port))
			complain(test, "port %u is reserved or outside", port);
		for (unsigned k = 0; k < i; k++)
			if (memcmp(&name[k], &name[i], sizeof(name[i])) == 0)
				complain(test, "port %u twice", port);
	}
}

static void judge_count(struct eph_case *test)
{
	bool udp = test->base.type == SOCK_DGRAM;

	if (test->error != (udp ? EAGAIN : EADDRNOTAVAIL))
		complain(test, "refused with %s", strerror(test->error));
	/* UDP ports are shared, too: only less would be wrong. */
	if (test->count < test->left || (!udp && test->windows && test->count > test->left_max))
		complain(test, "%u sockets, predicted %u to %u", test->count, test->left,
			 test->left_max);
}

/* --- what the kernel does without it --- */

/* connect() of sockets that have the same window. */
static void judge_plain(struct eph_case *test, unsigned count)
{
	struct fill kernel;

	capacity_case_fill(&test->base, &kernel);
	tally->plain++;
	if (kernel.count != count)
		complain(test, "%u by eph_connect(), %u by connect()", count, kernel.count);
}

static unsigned bind_each(const struct eph_case *test, const char *source)
{
	const struct state_flow *flow = &test->base.state.target;
	struct state_endpoint to = state_endpoint(flow->family, flow->destination, flow->port);
	unsigned count = 0;

	for (int port = -1; (port = port_set_next(&test->pool->usable, port + 1)) >= 0;) {
		struct state_endpoint at = state_endpoint(flow->family, source, (uint16_t)port);
		int fd = state_open(flow, SOCK_STREAM), on = 1;

		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		/* Left open: what one socket has, the next does not get. */
		if (bind(fd, (struct sockaddr *)&at.address, at.length) == 0 &&
		    (connect(fd, (struct sockaddr *)&to.address, to.length) == 0 ||
		     errno == EINPROGRESS))
			count++;
	}
	return count;
}

/* bind() and connect() on each port: more than the pool by what rests in TIME_WAIT, which it leaves alone unless connect()
 * could have it. */
static void judge_one_by_one(struct eph_case *test, unsigned count)
{
	unsigned expected = 0, resting = 0;
	struct tuples tuples = {.protocol = IPPROTO_TCP,
				.to = test->base.query.to,
				.to_port = test->base.query.to_port,
				.device = test->base.query.device};
	int diag = tuples_open();

	for (unsigned i = 0; i < (test->n_from ? test->n_from : 1); i++) {
		char text[IP_ADDRESS_TEXT_BYTES + 8], plain[IP_ADDRESS_TEXT_BYTES];

		tuples.from = test->base.query.from;
		if (test->n_from)
			ip_address_parse(test->from[i], &tuples.from, NULL);
		for (unsigned word = 0; word < PORT_SET_WORDS; word++) {
			struct tuples_seen seen = {0};

			if (test->pool->usable.word[word])
				tuples_look(diag, &tuples, word, test->pool->usable.word[word],
					    &seen);
			resting += (unsigned)__builtin_popcountll(seen.time_wait);
		}
		ip_address_format(&tuples.from, plain);
		snprintf(text, sizeof(text), "%s%s",
			 test->base.state.target.family == AF_INET6 && tuples.from.family == IP_V4
				 ? "::ffff:"
				 : "",
			 plain);
		expected += bind_each(test, text);
	}
	close(diag);
	tally->one_by_one++;
	if (count > expected || count + resting < expected)
		complain(test, "%u by eph_connect(), %u by bind() and connect(), %u in TIME_WAIT",
			 count, expected, resting);
}

/* --- the laws --- */

static void judge_capacity(struct eph_case *test)
{
	struct state_flow *flow = &test->base.state.target;
	struct state_endpoint to = state_endpoint(flow->family, flow->destination, flow->port),
			      from;
	struct eph_capacity capacity = {.sz = sizeof(capacity)};
	struct eph_error error;
	struct fill kernel;
	int r;

	if (flow->device || flow->reuseaddr || flow->reuseport || flow->v6only)
		return;
	if (flow->source)
		from = state_endpoint(flow->family, flow->source, 0);
	r = eph_capacity((struct sockaddr *)&to.address,
			 flow->source ? (struct sockaddr *)&from.address : NULL,
			 test->base.type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP, &capacity,
			 &error);
	flow->has_window = false;
	capacity_case_fill(&test->base, &kernel);
	if (kernel.error == ENETUNREACH || kernel.error == EINVAL || kernel.error == EHOSTUNREACH)
		return;
	if (r < 0) {
		complain(test, "eph_capacity: %s", error.message);
		return;
	}
	tally->laws++;
	if (kernel.count < capacity.left || kernel.count > capacity.left_max ||
	    (capacity.exact && capacity.left != capacity.left_max))
		complain(test, "eph_capacity: %u to %u, connect() %u", capacity.left,
			 capacity.left_max, kernel.count);
}

static int bind_now(int family, int type, unsigned flags, const struct state_endpoint *at)
{
	struct state_flow flow = {.family = family,
				  .reuseaddr = flags & EPH_BIND_REUSEADDR,
				  .reuseport = flags & EPH_BIND_REUSEPORT,
				  .v6only = flags & EPH_BIND_V6ONLY};
	int fd = state_open(&flow, type), error = 0;

	if (bind(fd, (const struct sockaddr *)&at->address, at->length) < 0 ||
	    (type == SOCK_STREAM && !(flags & EPH_BIND_NO_LISTEN) && listen(fd, 1) < 0))
		error = errno;
	close(fd);
	return error;
}

static void judge_bind(struct eph_case *test)
{
	static const char *const address[2][3] = {{"0.0.0.0", "127.0.0.1", "10.9.0.1"},
						  {"::", "::1", "::ffff:127.0.0.1"}};
	struct state *state = &test->base.state;
	unsigned v6 = state_random(state, 2);
	const char *text = address[v6][state_random(state, 3)];
	uint16_t port =
		(uint16_t)(state->range.lo + state_random(state, port_range_width(state->range)));
	struct state_endpoint at = state_endpoint(v6 ? AF_INET6 : AF_INET, text, port);
	struct eph_bind_answer answer = {.sz = sizeof(answer)};
	unsigned flags = state_random(state, 16);
	struct eph_error error;
	int type = test->base.type, said;

	if (!v6)
		flags &= ~(unsigned)EPH_BIND_V6ONLY;
	if (eph_bind_verdict((struct sockaddr *)&at.address,
			     type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP, flags, &answer,
			     &error) < 0) {
		complain(test, "eph_bind_verdict: %s", error.message);
		return;
	}
	said = bind_now(v6 ? AF_INET6 : AF_INET, type, flags, &at);
	tally->verdicts++;
	if (answer.exact && answer.error != said)
		complain(test, "%s port %u flags %x: said %d, the kernel %d", text, port, flags,
			 answer.error, said);
	/* An answer that is not exact says in-use; a kernel that does so is not contradicted. */
	if (!answer.exact && said && said != answer.error)
		complain(test, "%s port %u flags %x: said %d, the kernel %d", text, port, flags,
			 answer.error, said);
}

/* --- a case --- */

/* Has a TIME_WAIT crossed the age at which it may be replaced meanwhile? Then nothing is shown. */
static bool time_ran_over(const struct state *state)
{
	return state->tw_delay_between && state_now_ms() - state->first_young_ms > 900;
}

static int connect_case(struct eph_case *test, const struct reader *reader)
{
	unsigned count;
	int r = make_pool(test);

	if (r)
		return r;
	if (predict(test, reader))
		return 1;
	fill(test);
	if (time_ran_over(&test->base.state) || test->error == ENETUNREACH ||
	    test->error == EINVAL || test->error == EHOSTUNREACH || test->error == ENETDOWN)
		return NOT_APPLICABLE;
	judge_names(test);
	(*(test->left == test->left_max ? &tally->exact : &tally->interval))++;
	tally->udp += test->base.type == SOCK_DGRAM;
	tally->sources += test->n_from > 1;
	/* Bound ones carry SO_REUSEADDR and cannot have the ports of those who do not. */
	if (test->windows)
		judge_count(test);
	count = test->count;
	close_all(test);
	if (test->base.type == SOCK_DGRAM)
		return 0;
	if (!test->windows)
		judge_one_by_one(test, count);
	else if (test->n_from < 2 && (test->n_from == 0) == !test->base.state.target.source)
		judge_plain(test, count);
	return 0;
}

static int run_case(uint64_t seed, const struct reader *reader)
{
	struct eph_case *test = calloc(1, sizeof(*test));
	struct capacity_case *base = &test->base;
	int r = state_enter_netns();

	if (r < 0)
		return 77;
	state_init(&base->state, seed);
	base->type = state_random(&base->state, 4) ? SOCK_STREAM : SOCK_DGRAM;
	state_build(&base->state);
	/* Their options let UDP ports repeat without end, and are the program's business. */
	if (base->type == SOCK_DGRAM)
		base->state.target.reuseaddr = base->state.target.reuseport = false;
	if (capacity_case_make_query(base) < 0)
		return NOT_APPLICABLE;
	if (seed % LAWS_EVERY == 0) {
		for (unsigned i = 0; i < 4; i++)
			judge_bind(test);
		judge_capacity(test);
	} else {
		choose_sources(test);
		choose_range(test);
		r = connect_case(test, reader);
	}
	if (base->complaint.length)
		r = 1;
	if (r == 1)
		printf("\nFAILED seed %llu, %s, range %s, %u sources, %s\n%s\n%s",
		       (unsigned long long)seed, base->type == SOCK_STREAM ? "tcp" : "udp",
		       test->range, test->n_from,
		       !test->windows                            ? "one by one"
		       : test->pool->search == EPH_SEARCH_KERNEL ? "searched by the kernel"
								 : "windows",
		       base->state.log.text, base->complaint.text);
	return r;
}

static void note(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (code < 0)
		printf("a case ended by signal %d\n", WTERMSIG(status));
	(*(code == 0                              ? &tally->passed
	   : code == NOT_APPLICABLE || code == 77 ? &tally->skipped
						  : &tally->failed))++;
}

static void work(unsigned worker, uint64_t seed, uint64_t cases)
{
	struct reader reader = {.collector = &collector_bpf};
	struct eph_error error;

	if (reader.collector->open(&reader.state, &error) < 0) {
		printf("without bpf: %s\n", error.message);
		reader.collector = &collector_netlink;
		if (reader.collector->open(&reader.state, &error) < 0)
			return;
	}
	for (uint64_t i = worker; i < cases; i += WORKERS) {
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			int code = run_case(seed + i, &reader);

			fflush(stdout);
			_exit(code);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			status = -1;
		note(status);
	}
}

static int verdict(uint64_t cases)
{
	printf("%u passed, %u failed, %u not applicable; %u exact, %u intervals; %u against "
	       "connect(), %u "
	       "one by one, %u UDP, %u of several sources; eph_capacity() %u, eph_bind_verdict() "
	       "%u\n",
	       tally->passed, tally->failed, tally->skipped, tally->exact, tally->interval,
	       tally->plain, tally->one_by_one, tally->udp, tally->sources, tally->laws,
	       tally->verdicts);
	if (!tally->passed && !tally->failed)
		return 77;
	if (tally->passed + tally->failed + tally->skipped != cases ||
	    tally->skipped > cases / 3 + 1)
		tally->failed++;
	if (cases >= 200 && (!tally->plain || !tally->one_by_one || !tally->laws))
		tally->failed++;
	return tally->failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	uint64_t cases = 200, seed = 1;
	pid_t pid[WORKERS];

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--cases") == 0)
			cases = strtoull(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seed") == 0)
			seed = strtoull(argv[i + 1], NULL, 10);
	}
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (tally == MAP_FAILED)
		return 1;
	printf("seed %llu, %llu cases\n", (unsigned long long)seed, (unsigned long long)cases);
	fflush(stdout);
	for (unsigned w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		if (pid[w] == 0) {
			work(w, seed, cases);
			fflush(stdout);
			_exit(0);
		}
	}
	for (unsigned w = 0; w < WORKERS; w++) {
		int status;

		if (pid[w] < 0 || waitpid(pid[w], &status, 0) != pid[w] || status)
			tally->failed++;
	}
	return verdict(cases);
}
