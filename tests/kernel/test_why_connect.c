/*
 * Exercises: `why connect` against the kernel. States are made, each in a network namespace of its own; the verdict and
 * errno that are predicted, through both collectors, must be what connect() then gives, and the words that a person needs
 * must be on the screen. What happened on real hosts is made again in tests/incidents, through the program; here is what
 * these do not reach: TIME_WAIT (also from a snapshot), other errnos of the network, ports blocked by others, the knee, an
 * odd range, a loopback interface that is down.
 *
 * Exit: 0, 1 failed, 77 no network namespace can be made. That it can fail was shown by breaking the law.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "observe_connect.h"
#include "state.h"
#include "why_connect_view.h"

#define SERVICE 8080

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "not ok: line %d: %s (errno %s)\n", __LINE__, #condition,  \
				strerrorname_np(errno));                                           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

struct question {
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	const char *to;
	uint16_t port;
	const char *from; /* or NULL */
};

struct answer {
	struct connect_result result;
	struct strbuf text, json;
};

static bool have_bpf;

/* --- the namespace ---------------------------------------------------------------------------------------------- */

static void set_sysctl(const char *name, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value));
	close(fd);
}

static int family_of(const char *address)
{
	return strchr(address, ':') ? AF_INET6 : AF_INET;
}

static int listen_on(const char *address, uint16_t port)
{
	struct state_endpoint at = state_endpoint(family_of(address), address, port);
	int fd = socket(family_of(address), SOCK_STREAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at.address, at.length) == 0);
	CHECK(listen(fd, 256) == 0);
	return fd;
}

/* A socket of @question, connected. Return: it, or negative errno of the call that failed. */
static int connect_really(const struct question *question, bool late_bind)
{
	int family = family_of(question->to), fd, one = 1, r = 0;
	struct state_endpoint to = state_endpoint(family, question->to, question->port);

	fd = socket(family, question->type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	CHECK(fd >= 0);
	if (question->from) {
		struct state_endpoint from = state_endpoint(family, question->from, 0);

		if (late_bind)
			setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
		r = bind(fd, (struct sockaddr *)&from.address, from.length);
	}
	if (r == 0)
		r = connect(fd, (struct sockaddr *)&to.address, to.length);
	if (r == 0 || errno == EINPROGRESS || errno == ECONNREFUSED)
		return fd;
	r = -errno;
	close(fd);
	return r;
}

/* Reset them, so that no TIME_WAIT stays. */
static void drop(const int *fds, unsigned count)
{
	const struct linger linger = {.l_onoff = 1};

	for (unsigned i = 0; i < count; i++) {
		setsockopt(fds[i], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
		close(fds[i]);
	}
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

static struct capacity_query query_of(const struct question *question)
{
	struct capacity_query query = {
		.protocol = question->type == SOCK_STREAM ? PROTOCOL_TCP : PROTOCOL_UDP,
		.to_port = question->port,
		.bound = question->from != NULL,
		.af_inet6 = family_of(question->to) == AF_INET6,
		.reuse_time_wait = -1,
	};

	CHECK(ip_address_parse(question->to, &query.to, NULL) == 0);
	if (question->from)
		CHECK(ip_address_parse(question->from, &query.from, NULL) == 0);
	return query;
}

static void ask_with(const struct observe_options *options, const struct question *question,
		     struct answer *ret)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = NULL;
	struct capacity_query query = query_of(question);
	const struct screen screen = {0};
	struct eph_error error = {0};

	*ret = (struct answer){.text = STRBUF_INIT, .json = STRBUF_INIT};
	if (observe_connect(options, &query, &snapshot, &ret->result, &error) < 0) {
		fprintf(stderr, "cannot observe: %s\n", error.message);
		exit(1);
	}
	why_connect_view_text(&ret->result, snapshot, &screen, &ret->text);
	why_connect_view_json(&ret->result, snapshot, &ret->json);
	CHECK(!ret->text.failed && !ret->json.failed);
}

static void ask(const struct question *question, const char *collector, struct answer *ret)
{
	const struct observe_options options = {
		.collector = collector,
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true},
	};

	ask_with(&options, question, ret);
}

static void answer_done(struct answer *answer)
{
	strbuf_done(&answer->text);
	strbuf_done(&answer->json);
}

static void fail(const char *name, const char *why, const struct answer *answer)
{
	fprintf(stderr, "not ok: %s: %s\n%s%s", name, why, answer->text.text, answer->json.text);
	exit(1);
}

/* What is settled must be what the kernel does. */
static void check_kernel(const char *name, const struct question *question,
			 const struct answer *answer)
{
	int fd = connect_really(question, true);
	int error = fd < 0 ? -fd : 0;

	if (fd >= 0)
		drop(&fd, 1);
	if (answer->result.answer == CONNECT_NOT_SETTLED)
		return;
	if (error != answer->result.error)
		fail(name, error ? strerrorname_np(error) : "the kernel lets it connect", answer);
	printf("ok: %s: %s %s\n", name, connect_answer_name(answer->result.answer),
	       error ? strerrorname_np(error) : "connects");
}

static void check_words(const char *name, const struct answer *answer, const char *const *words)
{
	for (; words && *words; words++)
		if (!strstr(answer->text.text, *words))
			fail(name, *words, answer);
}

/* The same through both collectors: the verdict, the errno, then the kernel, then the words. Netlink may leave the
 * verdict open where @netlink_may is set. */
static void expect(const char *name, const struct question *question, enum connect_answer verdict,
		   int error, bool netlink_may, const char *const *words)
{
	const char *const collectors[] = {"netlink", "bpf"};

	for (unsigned i = 0; i < (have_bpf ? 2u : 1u); i++) {
		struct answer answer;
		bool open;

		ask(question, collectors[i], &answer);
		open = i == 0 && netlink_may && answer.result.answer == CONNECT_NOT_SETTLED;
		if (!open && answer.result.answer != verdict)
			fail(name, "another verdict than expected", &answer);
		if (!open && answer.result.error != error)
			fail(name, "another errno than expected", &answer);
		check_kernel(name, question, &answer);
		if (!open)
			check_words(name, &answer, words);
		else if (!strstr(answer.text.text, "for: ") || !strstr(answer.text.text, "root"))
			fail(name, "open without evidence", &answer);
		answer_done(&answer);
	}
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- the incidents ---------------------------------------------------------------------------------------------- */

static unsigned connect_and_close(const struct question *question, int listener)
{
	unsigned count = 0;
	int fd, accepted;

	while (count < 100 && (fd = connect_really(question, false)) >= 0) {
		accepted = accept(listener, NULL, NULL);
		CHECK(accepted >= 0);
		close(fd);
		usleep(2000);
		close(accepted);
		count++;
	}
	return count;
}

static void case_time_wait(void)
{
	const struct question question = {SOCK_STREAM, "127.0.0.1", SERVICE, NULL};
	int listener = listen_on("0.0.0.0", SERVICE);
	char file[] = "/tmp/ephemports-test-XXXXXX";
	struct observe_options options = {.save = file};
	struct answer answer;

	set_sysctl("ipv4/ip_local_port_range", "40000 40009");
	set_sysctl("ipv4/tcp_tw_reuse", "0");
	CHECK(connect_and_close(&question, listener) == 10);
	expect("10 TIME_WAIT", &question, CONNECT_EXHAUSTED, EADDRNOTAVAIL, false,
	       WORDS("10 of 10 ports (100 %) are in TIME_WAIT", "exhausted", "keep-alive", "60 s",
		     "at most 10 new connections", "tcp_tw_reuse=1"));
	CHECK(mkdtemp(file));
	rmdir(file);
	ask_with(&options, &question, &answer);
	answer_done(&answer);
	options = (struct observe_options){.replay = file};
	ask_with(&options, &(struct question){SOCK_STREAM, "127.0.0.1", SERVICE, "127.0.0.1"},
		 &answer);
	unlink(file);
	if (answer.result.answer != CONNECT_EXHAUSTED ||
	    !strstr(answer.text.text, "a snapshot has sockets and settings"))
		fail("10 replayed", "another answer", &answer);
	answer_done(&answer);
}

static void case_network(void)
{
	const struct question no_route = {SOCK_STREAM, "192.0.2.1", 80, NULL};
	const struct question no_route6 = {SOCK_STREAM, "2001:db8::1", 80, NULL};
	const struct question absent = {SOCK_STREAM, "127.0.0.1", 80, "10.9.0.99"};
	const struct question wrong_way = {SOCK_STREAM, STATE_SILENT_V4, 80, "127.0.0.1"};
	const struct question link_local = {SOCK_STREAM, "fe80::1", 80, NULL};
	const struct question multicast = {SOCK_STREAM, "224.0.0.1", 80, NULL};
	const struct question multicast6 = {SOCK_STREAM, "ff02::1", 80, NULL};
	const struct question broadcast = {SOCK_STREAM, "10.9.1.255", 80, NULL};
	const struct question broadcast_udp = {SOCK_DGRAM, "10.9.1.255", 80, NULL};

	expect("no route", &no_route, CONNECT_NOT_EXHAUSTION, ENETUNREACH, false,
	       WORDS("not exhaustion", "no route leads there"));
	expect("no route, IPv6", &no_route6, CONNECT_NOT_EXHAUSTION, ENETUNREACH, false,
	       WORDS("not exhaustion"));
	expect("source not local", &absent, CONNECT_NOT_EXHAUSTION, EADDRNOTAVAIL, false,
	       WORDS("not exhaustion", "10.9.0.99 is not an address of this network namespace",
		     "10.9.0.1"));
	expect("source cannot go there", &wrong_way, CONNECT_NOT_EXHAUSTION, EINVAL, false,
	       WORDS("not exhaustion"));
	expect("link-local", &link_local, CONNECT_NOT_EXHAUSTION, EINVAL, false,
	       WORDS("needs its interface"));
	expect("multicast", &multicast, CONNECT_NOT_EXHAUSTION, ENETUNREACH, false,
	       WORDS("not exhaustion"));
	expect("multicast, IPv6", &multicast6, CONNECT_NOT_EXHAUSTION, ENETUNREACH, false,
	       WORDS("multicast"));
	expect("broadcast", &broadcast, CONNECT_NOT_EXHAUSTION, ENETUNREACH, false,
	       WORDS("one host only"));
	expect("broadcast, UDP", &broadcast_udp, CONNECT_NOT_EXHAUSTION, EACCES, false,
	       WORDS("SO_BROADCAST"));
}

/* Two listeners and a bound socket have all ports there are. */
static void case_blocked(void)
{
	const struct question question = {SOCK_STREAM, "127.0.0.1", 80, NULL};
	struct state_endpoint at = state_endpoint(AF_INET, "127.0.0.5", 40003);
	char pid[32];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	set_sysctl("ipv4/ip_local_port_range", "40000 40003");
	set_sysctl("ipv4/ip_local_reserved_ports", "40001");
	snprintf(pid, sizeof(pid), "(pid %d", (int)getpid());
	listen_on("127.0.0.9", 40000);
	listen_on("::1", 40002);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&at.address, at.length) == 0);
	expect("blocked", &question, CONNECT_EXHAUSTED, EADDRNOTAVAIL, true,
	       WORDS("2 of 4 ports (50 %) are held by listening sockets",
		     "1 of 4 ports (25 %) is held by sockets that are bound",
		     "1 of 4 ports (25 %) is reserved", pid));
}

/* Past the knee, and then an odd number of ports, of which the kernel passes over one. */
static void case_knee_and_odd(void)
{
	const struct question question = {SOCK_STREAM, "127.0.0.1", SERVICE, NULL};
	int fds[64];
	unsigned count = 0;

	listen_on("0.0.0.0", SERVICE);
	set_sysctl("ipv4/ip_local_port_range", "40000 40031");
	for (unsigned i = 0; i < 20; i++)
		CHECK(connect_really(&question, false) >= 0);
	expect("knee", &question, CONNECT_OK, 0, false,
	       WORDS("12 of 32 ports left", "past the knee", "it does not fail",
		     "are in use by connections to this destination"));
	set_sysctl("ipv4/ip_local_port_range", "41000 41002");
	while (count < 64 && (fds[count] = connect_really(&question, false)) >= 0)
		count++;
	CHECK(count == 2 && fds[count] == -EADDRNOTAVAIL);
	expect("odd range", &question, CONNECT_NOT_SETTLED, EADDRNOTAVAIL, false,
	       WORDS("not settled", "odd-sized range", "for: ", "against: "));
}

/* A namespace whose loopback interface nobody has brought up. */
static void case_loopback_down(void)
{
	const struct question v4 = {SOCK_STREAM, "127.0.0.1", 80, NULL};
	const struct question v6 = {SOCK_STREAM, "::1", 80, NULL};

	CHECK(unshare(CLONE_NEWNET) == 0);
	expect("lo down", &v4, CONNECT_NOT_EXHAUSTION, ENETUNREACH, false,
	       WORDS("not exhaustion", "loopback interface is down"));
	expect("lo down, IPv6", &v6, CONNECT_NOT_EXHAUSTION, EADDRNOTAVAIL, false,
	       WORDS("loopback interface is down"));
}

static void probe_bpf(void)
{
	const struct question question = {SOCK_STREAM, "127.0.0.1", 80, NULL};
	const struct observe_options options = {.collector = "bpf"};
	struct capacity_query query = query_of(&question);
	struct snapshot *snapshot = NULL;
	struct connect_result result;

	have_bpf = observe_connect(&options, &query, &snapshot, &result, NULL) == 0;
	snapshot_free(snapshot);
}

/* Return: 0, 1 failed, 77 no namespace. */
static int run_case(void (*run)(void))
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child < 0)
		return 1;
	if (child == 0) {
		if (state_enter_netns() < 0)
			_exit(77);
		probe_bpf();
		run();
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

int main(void)
{
	void (*const cases[])(void) = {case_time_wait, case_network, case_blocked,
				       case_knee_and_odd, case_loopback_down};
	int worst = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int status = run_case(cases[i]);

		if (status == 77) {
			fprintf(stderr, "skipped: no network namespace can be made\n");
			return 77;
		}
		worst |= status;
	}
	return worst ? 1 : 0;
}
