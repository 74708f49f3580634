/*
 * A change of a system, as it is planned, applied, journalled and shown: steps in the order in which they are taken, each
 * with what was before and what comes after. Plain data; strings are owned. It never holds a command: whoever can write
 * into the journal could otherwise have us run it.
 */
#ifndef EPH_OS_CHANGE_RESULT_H
#define EPH_OS_CHANGE_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "digest.h"

#define CHANGE_ID_BYTES   24u
#define CHANGE_NAME_BYTES 256u  /* names of hosts and namespaces */
#define CHANGE_PATH_BYTES 1024u /* longer ones are refused */
#define CHANGE_BOOT_BYTES 40u
#define CHANGE_STEPS_MAX  64u
/* Before the name of a setting: what the next boot brings, where a command keeps that. */
#define CHANGE_BOOT        "boot:"
#define CHANGE_SETTING_MAX 256u /* bytes of a setting's name */
#define CHANGE_VALUE_MAX                                                                           \
	(400u << 10) /* bytes of a value: a full list of reserved ports has 190 kB */
#define CHANGE_CONTENT_MAX (1u << 20) /* bytes of a file */

enum change_state {
	CHANGE_PLANNED, /* nothing was done yet; never in the journal */
	CHANGE_BEGUN,   /* under way, or interrupted: change_recover() settles it */
	CHANGE_DONE,
	CHANGE_UNDONE,
};

/*
 * One step. Without a path it sets a running value. With one it replaces that file, which sets the value at boot; there
 * is at most one step for each path, and when the file sets several values, `setting`, `before` and `after` name them all
 * and are for reading only.
 */
struct change_step {
	char *setting;        /* as the system spells it: "net.ipv4.ip_local_port_range" */
	char *before, *after; /* values; NULL: set by nobody (files only) */
	char *path;           /* absolute, below the root; NULL: the running value */

	/* Of files. */
	char digest_before[DIGEST_TEXT_BYTES]; /* "": there was none */
	char digest_after[DIGEST_TEXT_BYTES];  /* "": it is removed */
	char backup[CHANGE_ID_BYTES +
		    8]; /* name of the copy in the journal's directory, "": none */
	char *content;  /* what it shall be; known while it is applied, not journalled */
	size_t length;
	char *old_content; /* what it was; the same */
	size_t old_length;
	unsigned mode; /* of a file that was not there; 0: 0644 */
	char *link_to; /* no file but a symbolic link to this, where nothing was; else NULL */
};

#define CHANGE_NETNS_INODE "net:[" /* begins the name of a namespace that nobody named */

/* Which machine and which part of it a change is about. What was done elsewhere is neither undone nor recovered here. */
struct change_place {
	char host[CHANGE_NAME_BYTES];       /* "" for this one, else as for --host */
	char root[CHANGE_PATH_BYTES];       /* "" or EPHEMPORTS_ROOT, without links */
	uint64_t netns;                     /* inode of the network namespace, 0: unknown */
	char netns_name[CHANGE_NAME_BYTES]; /* as for --netns, "" for the caller's own */
	char boot[CHANGE_BOOT_BYTES];       /* differs after a reboot; "": unknown */
};

struct change {
	char id[CHANGE_ID_BYTES]; /* a decimal number, later ones are larger; "" before it is journalled */
	enum change_state state;
	int64_t time_s; /* Unix time at which it began */
	struct change_place place;
	struct change_step step[CHANGE_STEPS_MAX];
	unsigned steps;
};

/* The name that -N takes for where it was made; NULL for the caller's own namespace and for one that nobody named. */
const char *change_place_option(const struct change_place *place);

/* "begun", "done", "undone" */
const char *change_state_name(enum change_state state);

/* The name of a setting as the system spells it; and what else its name says: " at boot" where a command keeps it, or "". */
const char *change_setting_name(const char *setting);
const char *change_setting_when(const char *setting);

/* Does a step replace a file: will it last over a reboot? */
bool change_persists(const struct change *change);

#endif
