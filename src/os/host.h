/*
 * A machine whose operating system was found out: its ranges are read, its running values set and its boot files fetched
 * by the commands that its os_system knows, through any runner. It is a runner itself, so change.h changes every system
 * alike. What comes back from it is hostile.
 *
 * Its settings are those of os_range_spec. With OS_HOST_BOOT before its name a setting is what the next boot brings, where
 * a command keeps that (os_plan_boot()); its value is "" where nothing is kept.
 */
#ifndef EPH_OS_HOST_H
#define EPH_OS_HOST_H

#include "runner.h"
#include "system.h"

#define OS_HOST_BOOT CHANGE_BOOT

struct os_host {
	struct runner runner; /* first, so that a pointer to it is one to the whole */
	struct runner *way;   /* not owned: how the machine is reached */
	const struct os_system *system;
	char release[64];
	bool remembers;        /* setting_ops.remember() is on */
	struct os_state *seen; /* what it remembers; owned, NULL: nothing */
};

/**
 * os_host_open() - find out which system is there
 * @way: to the machine; `cmd_exe` is set in it if cmd.exe answers
 * @os:  name of the system when the user told it, or NULL
 * Return: 0; -ENOTSUP when it is none that we know (the message says what it calls itself); what @way fails with.
 */
int os_host_open(struct os_host *host, struct runner *way, const char *os,
		 struct eph_error *reterr);

/* Fill in the runner's place.boot, which differs after a reboot; "" where the host does not tell. Before a change: should that
 * be interrupted, the next run knows whether a value can still be ours. Return: 0, or what the way fails with. */
int os_host_boot(struct os_host *host, struct eph_error *reterr);

/* All ranges in one go, as os_parse() tells; what the next boot does is known only where a command says it. */
int os_host_read(struct os_host *host, struct os_state *ret, struct eph_error *reterr);

/* Boot files of a host, owned. */
struct os_host_files {
	struct os_file *file;
	size_t count;
};
#define OS_HOST_FILES_MAX 512u

/**
 * os_host_files() - those of system->boot_file that exist
 * A link to /dev/null counts as an empty file: it hides others of its name. Return: 0; -EACCES for one that cannot be
 * read; -EPROTO, -E2BIG.
 */
int os_host_files(struct os_host *host, struct os_host_files *ret, struct eph_error *reterr);
void os_host_files_done(struct os_host_files *files);

#endif
