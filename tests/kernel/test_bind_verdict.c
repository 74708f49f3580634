/*
 * Exercises: rules/bind_verdict.c against the kernel, through all collectors. Each case puts random sockets on one port
 * of a network namespace (listening, bound, connected, accepted, TIME_WAIT, some closed again, some with options changed
 * later), asks what a random new socket would be told, then really binds it and listens.
 *
 *	test_bind_verdict [--cases N] [--seed S] [--collector bpf|netlink|procfs|all] [--command PATH] [--probe] [--udp] [--verbose]
 *
 * BPF must be exact; netlink and procfs may leave both outcomes open, and one of them is then the kernel's. With --command,
 * one case in fifty is also put to the program, by turns through the collector it chooses, netlink and procfs. With --probe, what netlink and procfs do
 * not see is asked of the sockets (collect/peek.h): nothing may be left open, and more answers must be exact than without.
 * With --udp, no case is about TCP.
 *
 * A failing case prints its seed and its whole state; `--cases 1 --seed THAT` runs it again. Exit: 0, 1 failed, 77 nothing
 * could be tested here. That the test can fail was shown with mutants of the law; docs/laws.md has the table.
 */
#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc.h"
#include "bind_command.h"
#include "bind_question.h"
#include "bind_verdict.h"
#include "collector.h"
#include "error.h"
#include "netns.h"
#include "peek.h"
#include "port_state.h"
#include "procfs.h"

#define WORKERS         2u
#define CASES_PER_NETNS 50u
#define RANGE_LO        9000u /* below it, ports need a privilege */
#define PORTS           45000u
#define SETTLE_US       5000u
#define SETTLE_TRIES    60u
#define READERS_MAX     3u
/* not every query can be said on the command line: so often, that one in fifty is */
#define COMMAND_EVERY  20u
#define PROGRESS_EVERY 5000u
#define MANY_CASES     500u /* of so many, one in fifty must go through the command */

struct options {
	uint64_t cases, seed;
	const char *command;
	bool bpf, netlink, procfs, probe, udp, verbose;
};

/* Shared by all processes. */
struct tally {
	atomic_uint ran, failed, exact, free_, in_use, forbidden, udp;
	atomic_uint netlink_exact, netlink_open, procfs_exact, procfs_open;
	atomic_uint fast_path, order, long_chain, advice;
	atomic_uint commands, commands_exact;
	atomic_uint probed, exact_before, exact_after;
	atomic_uint hows[BIND_HOWS];
};

struct reader {
	const struct collector *collector;
	void *state;
};

static const struct options *options;
static struct tally *tally;

#define PICK(bench, array) ((array)[port_state_below(bench, ARRAY_SIZE(array))])

/* --- the answers ------------------------------------------------------------------------------------------------ */

struct answer {
	const char *collector;
	struct snapshot *snapshot;
	struct bind_result result;
	struct bind_advice advice[BIND_ADVICE_MAX];
	unsigned n_advice;
	bool left_open;
};

static unsigned open_files(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	while (directory && readdir(directory))
		count++;
	if (directory)
		closedir(directory);
	return count;
}

/* The same question once more, with what the sockets say of themselves. */
static int ask_probed(const struct bind_query *query, struct answer *ret, struct eph_error *error)
{
	unsigned before = open_files();
	int r;

	tally->exact_before += ret->result.exact;
	tally->probed += peek_options(ret->snapshot, query->protocol);
	ret->left_open = open_files() != before;
	r = bind_verdict(&ret->snapshot->netns[0], &ret->snapshot->laws, query, &ret->result,
			 error);
	tally->exact_after += r == 0 && ret->result.exact;
	return r;
}

static int ask(const struct reader *reader, const struct bind_query *query, struct answer *ret,
	       struct eph_error *error)
{
	const struct collect_request request = {
		.what = {.tcp = true, .udp = true, .v4 = true, .v6 = true},
		.local_port = query->port};
	struct ip_address other[2] = {{.family = IP_NONE}};
	int r;

	*ret = (struct answer){.collector = reader->collector->name, .snapshot = snapshot_new()};
	ip_address_parse("127.0.0.2", &other[0], NULL);
	ip_address_parse("fd00::1", &other[1], NULL);
	r = netns_open_current(ret->snapshot, error);
	if (r == 0)
		r = procfs_read_settings(ret->snapshot, error);
	/* The law of older kernels is not proven; their numbers are compared all the same. */
	ret->snapshot->laws.bind_verified = true;
	if (r == 0)
		r = reader->collector->sockets(reader->state, &request, ret->snapshot, error);
	if (r == 0)
		r = bind_verdict(&ret->snapshot->netns[0], &ret->snapshot->laws, query,
				 &ret->result, error);
	if (r == 0 && options->probe && reader->collector != &collector_bpf)
		r = ask_probed(query, ret, error);
	if (r == 0 && ret->result.verdict == BIND_IN_USE)
		ret->n_advice = bind_advise(&ret->snapshot->netns[0], &ret->snapshot->laws, query,
					    other, ARRAY_SIZE(other), ret->advice);
	return r;
}

static void describe_answer(struct bench *bench, const struct answer *answer, int kernel)
{
	const struct bind_result *result = &answer->result;
	struct strbuf *out = &bench->complaint;
	char text[IP_ADDRESS_TEXT_BYTES];

	strbuf_printf(out, "  %s: %s %s%s%s, because", answer->collector,
		      bind_answer_name(result->verdict),
		      result->error ? strerror(result->error) : "", result->exact ? " exact" : "",
		      result->by_fast_path ? " by fast path" : "");
	for (unsigned bit = 0; bit < GAP_COUNT; bit++)
		if (result->inexact_because & 1u << bit)
			strbuf_printf(out, " %s", snapshot_gap_name(1u << bit));
	strbuf_printf(out, "; kernel: %s\n", kernel ? strerror(kernel) : "ok");
	for (size_t i = 0; i < answer->snapshot->netns[0].sockets.count; i++) {
		const struct socket_record *record = &answer->snapshot->netns[0].sockets.record[i];

		if (record->protocol != (bench->type == SOCK_STREAM ? PROTOCOL_TCP : PROTOCOL_UDP))
			continue;
		strbuf_printf(out, "    %s %s %s", record->flags & SOCKET_AF_INET6 ? "v6" : "v4",
			      socket_state_name(record->state),
			      ip_address_format(&record->local, text));
		strbuf_printf(out, " -> %s:%u flags %x known %x uid %u dev %u inode %u\n",
			      ip_address_format(&record->remote, text), record->remote_port,
			      record->flags, record->known, record->uid, record->device,
			      record->inode);
	}
}

static void complain(struct bench *bench, const struct answer *answer, int kernel, const char *what)
{
	strbuf_printf(&bench->complaint, "%s: %s\n", answer->collector, what);
	describe_answer(bench, answer, kernel);
}

static void check_answer(struct bench *bench, const struct answer *answer, int kernel)
{
	const struct bind_result *result = &answer->result;
	bool bpf = strcmp(answer->collector, "bpf") == 0;

	if (result->exact && result->error != kernel)
		complain(bench, answer, kernel, "the kernel disagrees");
	if (!result->exact && kernel && kernel != EADDRINUSE)
		complain(bench, answer, kernel, "neither free nor in use");
	if (result->verdict == BIND_IN_USE && !result->n_blockers)
		complain(bench, answer, kernel, "in use by nobody");
	if (bpf && !result->exact)
		complain(bench, answer, kernel, "must be exact");
	if (answer->left_open)
		complain(bench, answer, kernel, "a descriptor was left open");
	if (!result->exact && !(result->inexact_because))
		complain(bench, answer, kernel, "not exact, and no reason");
}

static void count_answer(const struct answer *answer)
{
	const struct bind_result *result = &answer->result;

	if (strcmp(answer->collector, "netlink") == 0)
		(*(result->exact ? &tally->netlink_exact : &tally->netlink_open))++;
	else if (strcmp(answer->collector, "procfs") == 0)
		(*(result->exact ? &tally->procfs_exact : &tally->procfs_open))++;
	if (strcmp(answer->collector, "bpf") != 0)
		return;
	tally->exact += result->exact;
	tally->order += (result->inexact_because & GAP_ORDER) != 0;
	tally->fast_path += result->by_fast_path;
	tally->long_chain += answer->snapshot->netns[0].bucket[1].chain > 10;
	for (unsigned i = 0; i < result->n_blockers; i++)
		tally->hows[result->blocker[i].how]++;
}

/* One piece of advice must hold. Trying changes what the bucket remembers, so one is all that can be tried. */
static void check_advice(struct bench *bench, const struct answer *answer, struct wish wish,
			 bool privileged)
{
	const struct bind_advice *advice;
	char text[IP_ADDRESS_TEXT_BYTES];
	int kernel;

	if (!answer->n_advice)
		return;
	advice = &answer->advice[port_state_below(bench, answer->n_advice)];
	if (advice->id == BIND_ADVICE_WAIT)
		return;
	tally->advice++;
	wish.reuseaddr |= advice->id == BIND_ADVICE_REUSEADDR;
	wish.reuseport |= advice->id == BIND_ADVICE_REUSEPORT;
	wish.v6only |= advice->id == BIND_ADVICE_V6ONLY;
	if (advice->id == BIND_ADVICE_ADDRESS)
		wish.address = ip_address_format(&advice->address, text);
	kernel = bind_question_put(bench, &wish, privileged);
	if (!kernel)
		return;
	strbuf_printf(&bench->complaint, "advice %s ", bind_advice_name(advice->id));
	port_state_describe(&wish, &bench->complaint);
	strbuf_putc(&bench->complaint, '\n');
	complain(bench, answer, kernel, "advice that does not help");
}

/* --- a case ----------------------------------------------------------------------------------------------------- */

static void print_failure(struct bench *bench, uint64_t seed, const struct wish *wish)
{
	CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT;

	strbuf_printf(&out, "\nFAILED --cases 1 --seed %llu (%s)\n%snew ", (unsigned long long)seed,
		      bench->type == SOCK_STREAM ? "tcp" : "udp",
		      bench->random.log.length ? bench->random.log.text : "");
	port_state_describe(wish, &out);
	strbuf_printf(&out, "\n%s\n", bench->complaint.length ? bench->complaint.text : "");
	fwrite(out.text, 1, out.length, stdout);
}

/* A FIN whose acknowledgement is delayed: what the socket is now, it is not for long. */
static bool is_moving(const struct answer *answer)
{
	const struct socket_table *sockets = &answer->snapshot->netns[0].sockets;

	for (size_t i = 0; i < sockets->count; i++) {
		uint8_t state = sockets->record[i].state;

		if (state == STATE_FIN_WAIT1 || state == STATE_LAST_ACK || state == STATE_CLOSING)
			return true;
	}
	return false;
}

static int ask_when_settled(const struct reader *reader, const struct bind_query *query,
			    struct answer *ret, struct eph_error *error)
{
	for (unsigned try = 0;; try++) {
		int r = ask(reader, query, ret, error);

		if (r < 0 || try == SETTLE_TRIES || !is_moving(ret))
			return r;
		snapshot_free(ret->snapshot);
		usleep(SETTLE_US);
	}
}

/* Before the kernel is asked: @ret->error is negative when nothing was. */
static void ask_command(struct bench *bench, const struct bind_query *query,
			const struct wish *wish, struct command_answer *ret)
{
	static const char *const ways[] = {"", "--collector netlink", "--collector procfs"};
	static const char *const probes[] = {"--collector netlink --probe",
					     "--collector procfs --probe"};

	ret->error = -1;
	if (!bind_command_ask(options->command,
			      options->probe ? PICK(bench, probes) : PICK(bench, ways), query, wish,
			      ret, &bench->complaint))
		return;
	tally->commands++;
	tally->commands_exact += ret->exact;
}

static void check_command(struct bench *bench, const struct command_answer *answer, int kernel)
{
	bool open = !answer->exact && (kernel == 0 || kernel == EADDRINUSE);

	if (answer->error >= 0 && answer->error != kernel && !open)
		strbuf_printf(&bench->complaint, "the command: %s%s, the kernel: %s\n",
			      strerror(answer->error), answer->exact ? " exact" : "",
			      strerror(kernel));
}

static void judge_case(struct bench *bench, const struct reader *readers, unsigned n_readers,
		       const struct wish *wish, bool privileged, bool with_command)
{
	const struct bind_query query = bind_question_query(bench, wish, privileged);
	struct answer answers[READERS_MAX] = {{0}};
	struct command_answer commanded = {.error = -1};
	struct eph_error error = {0};
	int kernel, r = 0;

	for (unsigned i = 0; i < n_readers && r == 0; i++)
		r = ask_when_settled(&readers[i], &query, &answers[i], &error);
	if (with_command)
		ask_command(bench, &query, wish, &commanded);
	kernel = bind_question_put(bench, wish, privileged);
	check_command(bench, &commanded, kernel);
	if (r < 0)
		strbuf_printf(&bench->complaint, "no answer: %s (%s)\n", error.message,
			      strerror(-r));
	for (unsigned i = 0; i < n_readers && r == 0; i++) {
		check_answer(bench, &answers[i], kernel);
		count_answer(&answers[i]);
		if (options->verbose)
			describe_answer(bench, &answers[i], kernel);
	}
	if (r == 0 && kernel == EADDRINUSE)
		check_advice(bench, &answers[0], *wish, privileged);
	(*(!kernel ? &tally->free_ : kernel == EADDRINUSE ? &tally->in_use : &tally->forbidden))++;
	for (unsigned i = 0; i < n_readers; i++)
		snapshot_free(answers[i].snapshot);
}

static void note_progress(void)
{
	unsigned ran = ++tally->ran;

	if (ran % PROGRESS_EVERY == 0) {
		printf("%u of %llu cases, %u failed\n", ran, (unsigned long long)options->cases,
		       tally->failed);
		fflush(stdout);
	}
}

static void run_case(uint64_t seed, int service, const struct reader *readers, unsigned n_readers)
{
	struct bench bench = {.random = {.random = seed, .log = STRBUF_INIT},
			      .service = service,
			      .complaint = STRBUF_INIT};
	bool privileged, low;
	struct wish wish;

	bench.type = port_state_chance(&bench, 70) && !options->udp ? SOCK_STREAM : SOCK_DGRAM;
	low = port_state_chance(&bench, 3);
	bench.port = (uint16_t)(low ? 5000 + seed % 1000 : RANGE_LO + seed % PORTS);
	port_state_populate(&bench);
	wish = port_state_wish(&bench);
	privileged = !port_state_chance(&bench, low ? 70 : 20);
	if (port_state_chance(&bench, 4))
		bind_question_spoil(&bench, &wish);
	judge_case(&bench, readers, n_readers, &wish, privileged,
		   options->command && seed % COMMAND_EVERY == 0 &&
			   bind_command_suits(&wish, privileged));
	tally->udp += bench.type == SOCK_DGRAM;
	tally->failed += bench.complaint.length > 0 && !options->verbose;
	if (bench.complaint.length)
		print_failure(&bench, seed, &wish);
	note_progress();
	port_state_done(&bench);
}

static int set_sysctl(const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	file = fopen(path, "w");
	if (!file)
		return -errno;
	fputs(value, file);
	return fclose(file) == 0 ? 0 : -errno;
}

/* The cases [first, end) in a namespace of their own; each has its own port. */
static int run_cases(uint64_t first, uint64_t end, const struct reader *readers, unsigned n_readers)
{
	int service, r = state_enter_netns();

	if (r < 0) {
		printf("cannot make a network namespace: %s\n", strerror(-r));
		return 77;
	}
	set_sysctl("ip_local_port_range", "9000 60999");
	set_sysctl("ip_unprivileged_port_start", "9000");
	set_sysctl("tcp_tw_reuse", "0");
	service = port_state_open_service();
	for (uint64_t seed = first; seed < end; seed++)
		run_case(seed, service, readers, n_readers);
	fflush(stdout);
	return 0;
}

/* --- processes -------------------------------------------------------------------------------------------------- */

static unsigned open_readers(struct reader readers[READERS_MAX], bool report)
{
	const struct collector *const all[] = {options->bpf ? &collector_bpf : NULL,
					       options->netlink ? &collector_netlink : NULL,
					       options->procfs ? &collector_procfs : NULL};
	struct eph_error error = {0};
	unsigned n = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(all); i++) {
		readers[n] = (struct reader){.collector = all[i]};
		if (all[i] && all[i]->open(&readers[n].state, &error) == 0)
			n++;
		else if (all[i] && report)
			printf("without %s: %s\n", all[i]->name, error.message);
	}
	return n;
}

static int work(unsigned worker)
{
	struct reader readers[READERS_MAX];
	unsigned n_readers = open_readers(readers, worker == 0);
	int skipped = n_readers ? 0 : 77;

	for (uint64_t i = worker * CASES_PER_NETNS; !skipped && i < options->cases;
	     i += WORKERS * CASES_PER_NETNS) {
		uint64_t end =
			i + CASES_PER_NETNS < options->cases ? i + CASES_PER_NETNS : options->cases;
		int status = -1;
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0)
			_exit(run_cases(options->seed + i, options->seed + end, readers,
					n_readers));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			tally->failed++;
		else
			skipped = WEXITSTATUS(status);
	}
	for (unsigned i = 0; i < n_readers; i++)
		readers[i].collector->close(readers[i].state);
	return skipped;
}

static void run_workers(void)
{
	pid_t pid[WORKERS];
	int status;

	fflush(stdout);
	for (unsigned w = 0; w < WORKERS; w++) {
		pid[w] = fork();
		if (pid[w] == 0) {
			int code = work(w);

			fflush(stdout);
			_exit(code == 77 ? 0 : code);
		}
	}
	for (unsigned w = 0; w < WORKERS; w++)
		if (pid[w] < 0 || waitpid(pid[w], &status, 0) != pid[w] || status != 0)
			tally->failed++;
}

static int choose_collector(const char *name, struct options *ret)
{
	bool all = strcmp(name, "all") == 0;

	ret->bpf = all || strcmp(name, "bpf") == 0;
	ret->netlink = all || strcmp(name, "netlink") == 0;
	ret->procfs = all || strcmp(name, "procfs") == 0;
	return ret->bpf || ret->netlink || ret->procfs ? 0 : -EINVAL;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{"cases", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{"collector", required_argument, NULL, 'k'},
		{"command", required_argument, NULL, 'c'},
		{"probe", no_argument, NULL, 'p'},
		{"udp", no_argument, NULL, 'u'},
		{"verbose", no_argument, NULL, 'v'},
		{0},
	};
	int c;

	*ret = (struct options){.cases = 3000, .seed = 1};
	choose_collector("all", ret);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) >= 0) {
		if (c == 'n')
			ret->cases = strtoull(optarg, NULL, 10);
		else if (c == 's')
			ret->seed = strtoull(optarg, NULL, 10);
		else if (c == 'v')
			ret->verbose = true;
		else if (c == 'p')
			ret->probe = true;
		else if (c == 'u')
			ret->udp = true;
		else if (c == 'c')
			ret->command = optarg;
		else if (c != 'k' || choose_collector(optarg, ret) < 0)
			return -EINVAL;
	}
	return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct options given;

	if (parse_options(argc, argv, &given) < 0) {
		fprintf(stderr, "usage: test_bind_verdict [--cases N] [--seed S] "
				"[--collector bpf|netlink|procfs|all] [--command PATH] "
				"[--probe] [--udp] [--verbose]\n");
		return 3;
	}
	options = &given;
	tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (tally == MAP_FAILED)
		return 1;
	printf("seed %llu, %llu cases\n", (unsigned long long)given.seed,
	       (unsigned long long)given.cases);
	run_workers();
	printf("ran %u (udp %u), failed %u; kernel: free %u, in use %u, forbidden %u\n"
	       "bpf: exact %u, order-dependent %u, by fast path %u, long chains %u, advice tried "
	       "%u\n"
	       "netlink: exact %u, both outcomes %u; procfs: exact %u, both %u; through the "
	       "command %u, of these exact %u\nblockers:",
	       tally->ran, tally->udp, tally->failed, tally->free_, tally->in_use, tally->forbidden,
	       tally->exact, tally->order, tally->fast_path, tally->long_chain, tally->advice,
	       tally->netlink_exact, tally->netlink_open, tally->procfs_exact, tally->procfs_open,
	       tally->commands, tally->commands_exact);
	for (unsigned how = 0; how < BIND_HOWS; how++)
		printf(" %s %u", bind_how_name(how), tally->hows[how]);
	printf("\n");
	if (given.command && tally->ran >= MANY_CASES && tally->commands < tally->ran / 50) {
		printf("FAILED: too few cases went through the command\n");
		return 1;
	}
	if (given.probe)
		printf("probed %u, exact before %u, after %u\n", tally->probed, tally->exact_before,
		       tally->exact_after);
	if (given.probe && tally->ran >= MANY_CASES / 2 &&
	    tally->exact_after <= tally->exact_before) {
		printf("FAILED: asking the sockets taught nothing\n");
		return 1;
	}
	if (tally->failed)
		return 1;
	return tally->ran ? 0 : 77;
}
