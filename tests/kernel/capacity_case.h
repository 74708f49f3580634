/*
 * One case of test_capacity: a state that the kernel holds, the question how many more connections it admits towards the
 * state's target, and the answers of the collectors, the command and at last the kernel. What is wrong with an answer is
 * written to `complaint`; a case without complaints has passed.
 *
 * The calling process must be expendable and in the namespace that the state is in.
 */
#ifndef EPH_TESTS_KERNEL_CAPACITY_CASE_H
#define EPH_TESTS_KERNEL_CAPACITY_CASE_H

#include <stdbool.h>
#include <stdint.h>

#include "capacity.h"
#include "collector.h"
#include "port_set.h"
#include "snapshot.h"
#include "state.h"
#include "strbuf.h"

struct eph_error;

struct capacity_case {
	struct state state;
	struct capacity_query query;
	int type; /* SOCK_STREAM, SOCK_DGRAM */
	struct strbuf complaint;
};

/* An open collector. */
struct reader {
	const struct collector *collector;
	void *state;
	bool probe; /* then settle the ports in doubt; the answer's collector is "probe" */
};

struct answer {
	const char *collector;
	/* borrowed by the comparison; never freed: the process ends with its case */
	struct snapshot *snapshot;
	struct capacity_result result;
};

/* What the kernel did when it was asked for connection after connection. */
struct fill {
	uint32_t count;
	int error; /* errno of the refusal, 0 when the kernel never refused */
	struct port_set used;
};

/* The query for the state's target. Return: 0, or negative errno when no route leads there. */
int capacity_case_make_query(struct capacity_case *test);

/* What the collector's snapshot of this namespace answers. Return: 0, or negative errno with a complaint. */
int capacity_case_ask(struct capacity_case *test, const struct reader *reader, struct answer *ret);

/* Can the command line put the question: TCP, from no device, a window with both halves? */
bool capacity_case_suits_command(const struct capacity_case *test);

/* What the program at @path answers, given @options too: left in @ret[0], left_max in @ret[1]. Return: false with a
 * complaint. */
bool capacity_case_ask_command(struct capacity_case *test, const char *path, const char *options,
			       uint32_t ret[2]);

/* Connect until the kernel refuses, some connections past the width of the range at most. */
void capacity_case_fill(const struct capacity_case *test, struct fill *ret);

/* Did the probe settle what an exact answer needs: TCP, no TIME_WAIT or device in doubt, no range of odd width? */
bool capacity_case_probe_must_be_exact(const struct answer *answer,
				       const struct capacity_query *query);

/* Complain of all that is wrong with @answer, given what the kernel did. */
void capacity_case_compare(struct capacity_case *test, const struct answer *answer,
			   const struct fill *kernel);
void capacity_case_describe(struct capacity_case *test, const struct answer *answer,
			    const struct fill *kernel);

#endif
