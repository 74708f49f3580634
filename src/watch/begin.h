/*
 * What all observations begin with, and what several of them read.
 */
#ifndef EPH_WATCH_BEGIN_H
#define EPH_WATCH_BEGIN_H

#include "choice.h"
#include "observe.h"

uint64_t begin_now_us(void); /* monotonic */

/* Namespaces and settings, or the whole snapshot from the file that is replayed: always one namespace or more.
 * Return: 0 or negative errno with @reterr. */
int begin_snapshot(const struct observe_options *options, struct snapshot **ret,
		   struct eph_error *reterr);

/* Processes, unless they are there or the snapshot is replayed. Return: 0 or negative errno with @reterr. */
int begin_processes(struct snapshot *snapshot, struct eph_error *reterr);

/* Every socket and every process, for a file or for a question about all of them. */
int begin_everything(const struct choice *choice, struct snapshot *snapshot,
		     struct eph_error *reterr);

#endif
