/* Connections that stay are there exactly once, in records and in groups, while others come and go without pause. */
#include "bpf_bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#include "error.h"

#define CHURN_THREADS 2
#define CHURN_STAYING 400
#define CHURN_READS   60

static atomic_bool churn_end;

/* Connections that are made and reset without pause. */
static void *churn_run(void *argument)
{
	struct linger reset = {.l_onoff = 1};

	(void)argument;
	while (!atomic_load(&churn_end)) {
		int fd = bpf_bench_socket(AF_INET, SOCK_STREAM);

		bpf_bench_connect(fd, AF_INET, "127.0.0.7", 2030);
		CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
		close(fd);
	}
	return NULL;
}

static void *churn_accept(void *argument)
{
	int server = *(int *)argument;

	while (!atomic_load(&churn_end)) {
		int fd = accept4(server, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			close(fd);
	}
	return NULL;
}

static void churn_check(const int *fd)
{
	struct snapshot *snapshot = bpf_bench_read();
	struct collect_request request = bpf_bench_everything;
	struct eph_error error = {0};
	struct ip_address to;
	uint32_t found = 0;

	for (int i = 0; i < CHURN_STAYING; i++)
		CHECK(bpf_bench_find(snapshot, bpf_bench_cookie(fd[i])));
	CHECK(!(snapshot->netns[0].gaps & GAP_CHANGED));
	CHECK(ip_address_parse("127.0.0.8", &to, NULL) == 0);
	request.what.by = GROUP_BY_DESTINATION;
	if (collector_bpf.groups(bpf_bench, &request, snapshot, &error) < 0) {
		fprintf(stderr, "not ok: %s\n", error.message);
		exit(1);
	}
	for (uint32_t i = 0; i < snapshot->netns[0].groups.count; i++)
		if (ip_address_equal(&snapshot->netns[0].groups.slot[i].key.remote, &to))
			found += group_counts_total(&snapshot->netns[0].groups.slot[i].counts);
	CHECK(found == CHURN_STAYING);
	request.remote = to;
	request.remote_port = 2030;
	CHECK(collector_bpf.sockets(bpf_bench, &request, snapshot, NULL) == 0);
	found = 0;
	for (size_t i = 0; i < snapshot->netns[0].sockets.count; i++)
		found += snapshot->netns[0].sockets.record[i].protocol == PROTOCOL_TCP;
	CHECK(found == CHURN_STAYING);
	snapshot_free(snapshot);
}

void bpf_bench_test_churn(void)
{
	int server = bpf_bench_listen(AF_INET, "127.0.0.7", 2030),
	    staying = bpf_bench_listen(AF_INET, "127.0.0.8", 2030);
	pthread_t thread[CHURN_THREADS], acceptor;
	int fd[CHURN_STAYING], child[CHURN_STAYING];

	for (int i = 0; i < CHURN_STAYING; i++) {
		fd[i] = bpf_bench_socket(AF_INET, SOCK_STREAM);
		bpf_bench_connect(fd[i], AF_INET, "127.0.0.8", 2030);
		child[i] = bpf_bench_accept(staying);
		bpf_bench_cookie(fd[i]);
	}
	atomic_store(&churn_end, false);
	CHECK(pthread_create(&acceptor, NULL, churn_accept, &server) == 0);
	for (int i = 0; i < CHURN_THREADS; i++)
		CHECK(pthread_create(&thread[i], NULL, churn_run, NULL) == 0);
	for (int i = 0; i < CHURN_READS; i++)
		churn_check(fd);
	atomic_store(&churn_end, true);
	for (int i = 0; i < CHURN_THREADS; i++)
		pthread_join(thread[i], NULL);
	shutdown(server, SHUT_RDWR);
	pthread_join(acceptor, NULL);
	for (int i = 0; i < CHURN_STAYING; i++) {
		close(fd[i]);
		close(child[i]);
	}
	close(server);
	close(staying);
}
