/*
 * Which of the rules that differ between kernels hold on this one. Probed by the collector (does the sysctl exist, does
 * the kernel's type information have the field), never concluded from the version number. The number is used for one
 * thing only: to know whether the rules have been proven on that series by the differential tests (kernel_laws_verified).
 */
#ifndef EPH_CORE_KERNEL_LAWS_H
#define EPH_CORE_KERNEL_LAWS_H

#include <stdbool.h>

enum law {
	LAW_UNKNOWN = 0,
	LAW_NO,
	LAW_YES,
};

struct kernel_laws {
	/* IP_LOCAL_PORT_RANGE makes connect() try every port of the window (6.8 and later) */
	enum law step_one;
	enum law window; /* IP_LOCAL_PORT_RANGE exists */
	/* sock_diag reports bound sockets (TCP_BOUND_INACTIVE, 6.8 and later) */
	enum law bound_visible;
	/* a bucket opens again when only connect-bound owners remain (6.17 and later) */
	enum law bucket_reopens;
	/* TIME_WAIT age in ms against tcp_tw_reuse_delay (6.14); no: whole seconds of ts_recent */
	enum law entry_stamp;
	/* bind() of an AF_INET6 socket to a v4-mapped address looks at the part of the bucket for 0.0.0.0 whoever made
	 * it (6.9 and later); no: not if an AF_INET6 socket did */
	enum law mapped_sees_any;
	bool verified; /* the differential test of the counting rule passed on this kernel series */
	bool bind_verified; /* that of the bind verdict did */
};

/* Is @release ("6.18.44-...") of a series on which the differential tests are run? The list is in kernel_laws.c. */
bool kernel_laws_verified(const char *release);
bool kernel_laws_bind_verified(const char *release); /* the same for rules/bind_verdict */

#endif
