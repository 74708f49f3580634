/*
 * What the BPF collector reads, against what the kernel says about the same sockets: every field of a record, the sets of
 * ports, groups, and sockets that stay while others come and go. Each once with both ways of loading memory.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_bench.h"
#include "error.h"
#include "state.h"

#define SKIP 77

static void setting(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/%s", name);
	CHECK(state_write_file(path, value) == 0);
}

/* All of it in a namespace of its own, with one way of loading. */
static int run(const char *variant)
{
	struct eph_error error = {0};
	int r = state_enter_netns();

	if (r < 0) {
		fprintf(stderr, "skipped: no network namespace: %s\n", strerror(-r));
		return SKIP;
	}
	setenv("EPHEMPORTS_BPF", variant, 1);
	r = collector_bpf.open(&bpf_bench, &error);
	if (r < 0) {
		fprintf(stderr, "skipped: %s\n", error.message);
		return SKIP;
	}
	setting("ip_local_port_range", "40000 49999");
	setting("tcp_tw_reuse", "0");
	bpf_bench_test_records();
	bpf_bench_test_time_wait();
	bpf_bench_test_groups();
	bpf_bench_test_churn();
	collector_bpf.close(bpf_bench);
	return 0;
}

int main(void)
{
	static const char *const variant[] = {"direct", "probe"};

	for (int i = 0; i < 2; i++) {
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();

		if (pid == 0)
			exit(run(variant[i]));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			return 1;
		if (WEXITSTATUS(status) != 0)
			return WEXITSTATUS(status);
		printf("ok %d - %s\n", i + 1, variant[i]);
	}
	return 0;
}
