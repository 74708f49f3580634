/*
 * What the parts of test_bpf_table share: the open collector, reading through it, and sockets that are each made in one
 * way. Whatever fails ends the process.
 */
#ifndef EPH_TESTS_KERNEL_BPF_BENCH_H
#define EPH_TESTS_KERNEL_BPF_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "collector.h"
#include "snapshot.h"

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: not ok: %s\n", __FILE__, __LINE__, #condition);    \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

extern void *bpf_bench;                   /* state of collector_bpf */
extern struct kernel_laws bpf_bench_laws; /* as the last reading probed them */
extern const struct collect_request bpf_bench_everything;

struct snapshot *
bpf_bench_begin(void); /* settings, bind table, and the ports that count; no sockets yet */
struct snapshot *bpf_bench_read(void); /* and the record of every socket */

/* The record with this cookie, which must not be there twice; NULL if it is not there. */
const struct socket_record *bpf_bench_find(const struct snapshot *snapshot, uint64_t cookie);

int bpf_bench_socket(int family, int type);
int bpf_bench_listen(int family, const char *address, uint16_t port);
int bpf_bench_accept(int fd);
void bpf_bench_bind(int fd, int family, const char *address, uint16_t port);
void bpf_bench_connect(int fd, int family, const char *address, uint16_t port);
void bpf_bench_option(int fd, int level, int name, uint32_t value);
uint32_t bpf_bench_option_of(int fd, int level, int name);
uint64_t bpf_bench_cookie(int fd); /* given when first asked for: ask before reading */

/* The parts; each in a namespace whose range is 40000-49999, with tcp_tw_reuse off. */
void bpf_bench_test_records(void);   /* bpf_records.c: every field against getsockopt() */
void bpf_bench_test_time_wait(void); /* there, too */
void bpf_bench_test_groups(void);    /* bpf_groups.c: counted in the kernel, and from records */
void bpf_bench_test_churn(void);     /* bpf_churn.c: sockets that stay, while others come and go */

#endif
