/*
 * Exercises: rules/capacity.c against the kernel, through the collectors. Each case makes a random state in a network
 * namespace of its own, asks for the number of further connections, then really connects until the kernel refuses.
 *
 *	test_capacity [--cases N] [--seed S] [--command PATH] [--collector bpf|netlink|procfs|both] [--probe] [--verbose]
 *
 * With --probe, connections on loopback settle the ports that netlink, or procfs, leaves in doubt.
 *
 * A failing case prints its seed and its whole state; `--cases 1 --seed THAT` runs it again. Exit: 0, 1 failed,
 * 77 nothing could be tested here. It fails, too, when a case was not run to its end, when true root has a kernel and a
 * build for BPF and BPF answered nothing, and when of many cases none was exact or none went through the command.
 *
 * That the test can fail was shown with mutants of the laws; docs/laws.md has the table.
 */
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
#include "capacity_case.h"
#include "error.h"
#include "netns.h"
#include "procfs.h"

#define WORKERS        10u /* a case mostly waits */
#define PROGRESS_EVERY 5000u
/* not every query can be said on the command line: so often, that one in fifty is */
#define COMMAND_EVERY       15u
#define MANY_CASES          500u /* of so many, some must be exact and one in fifty go through the command */
#define PROBED_CASES        100u /* of so many, one in five must be exact thanks to the probe */
#define EXIT_NOT_APPLICABLE 2

struct options {
	uint64_t cases, seed;
	const char *command;
	bool bpf, netlink, procfs, probe, verbose;
};

/* Shared by all processes. */
struct tally {
	atomic_uint done, passed, failed, not_applicable, no_namespace;
	atomic_uint tcp, udp, commands;
	atomic_uint exact, interval, missed_one, unlimited, reused, unverified; /* with BPF */
	atomic_uint other_exact, other_interval; /* with netlink, or procfs */
	/* a port was in doubt; of these, exact because it had to be */
	atomic_uint probed, probed_exact;
	atomic_int bpf_error; /* why a worker could not use BPF, 0 if all could */
};

static const struct options *options;
static struct tally *tally;

static void count_probe(const struct answer *answer, const struct capacity_query *query)
{
	if (strcmp(answer->snapshot->collector, "+probe") != 0)
		return;
	tally->probed++;
	tally->probed_exact +=
		answer->result.exact && capacity_case_probe_must_be_exact(answer, query);
}

static void count_answer(const struct answer *answer, const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;

	if (strcmp(answer->collector, "bpf") != 0) {
		(*(result->exact ? &tally->other_exact : &tally->other_interval))++;
		return;
	}
	(*(result->exact ? &tally->exact : &tally->interval))++;
	if (!result->exact && kernel->count < result->left_max)
		tally->missed_one++;
	if (result->inexact_because & GAP_KERNEL)
		tally->unverified++;
	if (result->unlimited)
		tally->unlimited++;
	if (result->time_wait_reusable)
		tally->reused++;
}

/* --- a case ----------------------------------------------------------------------------------------------------- */

static void print_failure(const struct capacity_case *test, uint64_t seed)
{
	CLEANUP(strbuf_done) struct strbuf out = STRBUF_INIT;

	strbuf_printf(&out, "\nFAILED seed %llu (%s)\n%s\n%s", (unsigned long long)seed,
		      test->type == SOCK_STREAM ? "tcp" : "udp", test->state.log.text,
		      test->complaint.text);
	state_describe_sockets(&test->state, &out);
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

static int judge_case(struct capacity_case *test, const struct reader *readers, unsigned n_readers,
		      bool with_command)
{
	struct answer answers[2];
	uint32_t interval[2];
	struct fill kernel;
	bool commanded = false, complained;

	for (unsigned i = 0; i < n_readers; i++)
		if (capacity_case_ask(test, &readers[i], &answers[i]) < 0)
			return 1;
	if (with_command)
		commanded = capacity_case_ask_command(
			test, options->command, options->probe ? "--collector netlink --probe" : "",
			interval);
	capacity_case_fill(test, &kernel);
	if (time_ran_over(&test->state))
		return EXIT_NOT_APPLICABLE;
	if (kernel.error == ENETUNREACH || kernel.error == EINVAL || kernel.error == EHOSTUNREACH)
		/* no way from that source or device: a matter of routes */
		return EXIT_NOT_APPLICABLE;
	for (unsigned i = 0; i < n_readers; i++) {
		capacity_case_compare(test, &answers[i], &kernel);
		count_answer(&answers[i], &kernel);
		count_probe(&answers[i], &test->query);
	}
	if (commanded && (kernel.count < interval[0] || kernel.count > interval[1]))
		strbuf_printf(&test->complaint, "the command answered %u..%u, the kernel %u\n",
			      interval[0], interval[1], kernel.count);
	complained = test->complaint.length > 0;
	for (unsigned i = 0; options->verbose && i < n_readers; i++)
		capacity_case_describe(test, &answers[i], &kernel);
	return complained ? 1 : 0;
}

static int run_case(uint64_t seed, const struct reader *readers, unsigned n_readers,
		    bool with_command)
{
	struct capacity_case test = {.complaint = STRBUF_INIT};
	int r = state_enter_netns();

	if (r < 0) {
		printf("cannot make a network namespace: %s\n", strerror(-r));
		return 77;
	}
	state_init(&test.state, seed);
	test.type = state_random(&test.state, 4) ? SOCK_STREAM : SOCK_DGRAM;
	state_build(&test.state);
	if (capacity_case_make_query(&test) < 0)
		return EXIT_NOT_APPLICABLE;
	(*(test.type == SOCK_STREAM ? &tally->tcp : &tally->udp))++;
	with_command &= options->command && capacity_case_suits_command(&test);
	tally->commands += with_command;
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

static int open_reader(const struct collector *collector, struct reader *ret)
{
	struct eph_error error = {0};
	int r;

	*ret = (struct reader){.collector = collector};
	r = collector->open(&ret->state, &error);
	if (r == 0) {
		r = load_all(ret, &error);
		if (r < 0)
			collector->close(ret->state);
	}
	if (r < 0)
		printf("without %s: %s\n", collector->name, error.message);
	return r;
}

static unsigned open_readers(struct reader readers[2])
{
	unsigned n = 0;
	int r;

	if (options->bpf) {
		r = open_reader(&collector_bpf, &readers[n]);
		if (r < 0)
			tally->bpf_error = r;
		else
			n++;
	}
	if (options->netlink && open_reader(&collector_netlink, &readers[n]) == 0)
		readers[n++].probe = options->probe;
	if (options->procfs && open_reader(&collector_procfs, &readers[n]) == 0)
		readers[n++].probe = options->probe;
	return n;
}

static void note_progress(void)
{
	unsigned done = ++tally->done;

	if (done % PROGRESS_EVERY == 0)
		printf("%u of %llu cases, %u failed\n", done, (unsigned long long)options->cases,
		       tally->failed);
}

static void note_result(int status)
{
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (code == EXIT_NOT_APPLICABLE)
		tally->not_applicable++;
	else if (code == 0)
		tally->passed++;
	else if (code == 77)
		tally->no_namespace++;
	else
		tally->failed++;
	if (code < 0)
		printf("a case ended by signal %d\n", WTERMSIG(status));
	note_progress();
}

static void work(unsigned worker)
{
	struct reader readers[2];
	unsigned n_readers = open_readers(readers);

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

/* --- the whole run ---------------------------------------------------------------------------------------------- */

/* Root, and not only of a user namespace. */
static bool is_true_root(void)
{
	unsigned long long inside, outside, count;
	FILE *map = fopen("/proc/self/uid_map", "re");
	bool all = map && fscanf(map, "%llu %llu %llu", &inside, &outside, &count) == 3 &&
		   inside == 0 && outside == 0 && count == UINT32_MAX;

	if (map)
		fclose(map);
	return all && geteuid() == 0;
}

/* -EOPNOTSUPP is the word of a build without BPF. */
static bool bpf_should_work(void)
{
	return options->bpf && tally->bpf_error != -EOPNOTSUPP && is_true_root() &&
	       access("/sys/kernel/btf/vmlinux", R_OK) == 0;
}

/* A run that looked at less than it claims is no success. */
static const char *what_was_missing(void)
{
	unsigned asked = tally->passed + tally->not_applicable + tally->failed;
	bool many = tally->passed >= MANY_CASES;

	if (asked != options->cases)
		return "some cases were not run";
	if (tally->not_applicable > asked / 4 + 1)
		return "too many cases did not apply";
	if (bpf_should_work() && (tally->bpf_error || tally->exact + tally->interval == 0))
		return "BPF should have answered and did not";
	if (bpf_should_work() && many && tally->exact == 0 && tally->unverified == 0)
		return "no answer of BPF was exact";
	if (options->probe && options->netlink && options->cases >= PROBED_CASES &&
	    tally->probed_exact < tally->passed / 5)
		return "the probe settled too little";
	if (options->command && many && tally->commands < tally->passed / 50)
		return "too few cases went through the command";
	return NULL;
}

static int verdict(void)
{
	const char *missing = what_was_missing();

	if (tally->failed)
		return 1;
	if (tally->passed + tally->not_applicable == 0 &&
	    (tally->no_namespace || !bpf_should_work()))
		return 77;
	if (missing)
		printf("FAILED: %s\n", missing);
	return missing ? 1 : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: test_capacity [--cases N] [--seed S] [--command PATH] "
			"[--collector bpf|netlink|procfs|both] [--probe] [--verbose]\n");
	return 3;
}

/* both: BPF and netlink, asked about the same states. */
static int choose_collector(const char *name, struct options *ret)
{
	bool both = strcmp(name, "both") == 0;

	ret->bpf = both || strcmp(name, "bpf") == 0;
	ret->netlink = both || strcmp(name, "netlink") == 0;
	ret->procfs = strcmp(name, "procfs") == 0;
	return ret->bpf || ret->netlink || ret->procfs ? 0 : -EINVAL;
}

static int parse_options(int argc, char **argv, struct options *ret)
{
	static const struct option longs[] = {
		{"cases", required_argument, NULL, 'n'},
		{"seed", required_argument, NULL, 's'},
		{"command", required_argument, NULL, 'c'},
		{"collector", required_argument, NULL, 'k'},
		{"probe", no_argument, NULL, 'p'},
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
		else if (c == 'p')
			ret->probe = true;
		else if (c == 'v')
			ret->verbose = true;
		else if (c != 'k' || choose_collector(optarg, ret) < 0)
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
	       "%s: exact %u, interval %u; through the command %u\n",
	       tally->passed, tally->tcp, tally->udp, tally->not_applicable, tally->failed,
	       tally->exact, tally->unlimited, tally->reused, tally->interval, tally->missed_one,
	       given.procfs ? "procfs" : "netlink", tally->other_exact, tally->other_interval,
	       tally->commands);
	if (given.probe)
		printf("probe: used in %u, of which %u had to be exact and were\n", tally->probed,
		       tally->probed_exact);
	return verdict();
}
