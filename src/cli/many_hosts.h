/*
 * A command on the hosts that --host (repeated) and --hosts-file name, --parallel at a time.
 */
#ifndef EPH_CLI_MANY_HOSTS_H
#define EPH_CLI_MANY_HOSTS_H

#include "arguments.h"

/* The options that name them; HELP is that of --host. */
#define MANY_HOSTS_OPTIONS(help)                                                                   \
	{"host", 0, "[USER@]NAME[:PORT]...", help, NULL},                                          \
		{"hosts-file", 0, "FILE", "the same for each line of FILE (-: standard input)",    \
		 "@file"},                                                                         \
	{                                                                                          \
		"parallel", 0, "N", "so many hosts at a time (8)", NULL                            \
	}

/* Values of --os. */
#define SYSTEM_WORDS                                                                               \
	"aix bsdos dragonfly freebsd hpux illumos irix linux macos netbsd openbsd solaris10 "      \
	"solaris11 tru64 windows windows-nt5"

/* What one of several hosts comes to, in a few words. */
struct host_row {
	char text[240];
};

/* The command on one of them. @outcome holds what it prints when it is alone; @row may be left as it is. */
typedef int host_run(const struct arguments *arguments, const char *host, struct host_row *row,
		     struct outcome *outcome, struct eph_error *reterr);

enum many_hosts_text {
	MANY_HOSTS_ROWS,     /* a line for each: host_row */
	MANY_HOSTS_SECTIONS, /* all that each prints, below its name */
};

/* Does it go to other hosts? */
bool many_hosts_asked(const struct arguments *arguments);

/**
 * many_hosts() - @run on every host: on one of them as if it were this one, on several side by side
 * Several print one JSON document: for each its "host", "status", "error" and the fields of its own document. The exit
 * status is that of the worst.
 */
int many_hosts(const struct arguments *arguments, host_run *run, enum many_hosts_text text,
	       struct outcome *outcome, struct eph_error *reterr);

#endif
