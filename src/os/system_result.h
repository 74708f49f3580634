/*
 * What is known of an operating system, and what was read of a host that runs it. No functions: render shows these.
 *
 * Facts (struct os_facts, os_default, os_range_spec) are constants of the program, each with its source. Everything in
 * struct os_state was read from a host, and strings in it are hostile.
 */
#ifndef EPH_OS_SYSTEM_RESULT_H
#define EPH_OS_SYSTEM_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "port_range.h"
#include "port_set.h"

enum os_protocol {
	OS_TCP = 1u << 0,
	OS_UDP = 1u << 1,
	OS_SCTP = 1u << 2,
};
#define OS_PROTOCOLS 3u

enum os_family {
	OS_IPV4 = 1u << 0,
	OS_IPV6 = 1u << 1,
};
#define OS_FAMILIES 2u

enum os_range_name {
	OS_REGULAR,
	OS_HIGH,
	OS_LOW,
};

enum os_flag {
	OS_FIXED = 1u << 0,       /* cannot be changed; because says why, and what to do instead */
	OS_STRICT = 1u << 1,      /* low == high is forbidden, also between two steps of a change */
	OS_ORDERED = 1u << 2,     /* the system itself refuses low > high, also between two steps */
	OS_CLAMPS = 1u << 3,      /* takes any value and moves it silently into its bounds */
	OS_EVEN = 1u << 4,        /* an odd number of ports makes its search skip one */
	OS_REBOOT = 1u << 5,      /* a change shows only after a reboot */
	OS_CMD_EXE = 1u << 6,     /* commands are for cmd.exe, not for a Bourne shell */
	OS_ONE_SETTING = 1u << 7, /* one setting holds both ends: a step is "LOW HIGH" */
};

/* One range that can be set apart from others. Where both ends are one setting, low and high name the same. */
struct os_range_spec {
	enum os_range_name name;
	unsigned protocols, families;
	struct port_range bounds; /* outside of these the system refuses or clamps */
	const char *low, *high;
};

/* A default of some releases. */
struct os_default {
	enum os_range_name name;
	struct port_range range;
	const char *since, *until; /* versions, both inclusive: "14", "4.6"; "" for open */
	const char *source;
	bool uncertain; /* the releases are, not the value */
};

/* With what a new connection must not share its local port. */
enum os_sharing {
	OS_SHARES_NOTHING,        /* a port serves one connection of the host */
	OS_SHARES_BY_ADDRESS,     /* one of each local address */
	OS_SHARES_BY_DESTINATION, /* one to each destination */
	OS_SHARES_DEPENDS,        /* on release or option; see algorithm */
};

struct os_fact {
	const char *topic, *text, *source;
};

struct os_facts {
	uint16_t time_wait_s;     /* 0: not known */
	uint16_t time_wait_max_s; /* where sources disagree; else as above */
	enum os_sharing sharing;
	const char *show, *set, *persist;
	const struct os_fact *fact; /* an entry without topic ends them */
};

#define OS_RANGES_MAX   8u
#define OS_RESERVED_MAX 8u
#define OS_WHERE_BYTES  128u

enum os_warning {
	OS_WARN_CLAMPED = 1u << 0,     /* lies at the bound the system clamps to */
	OS_WARN_SAME_PARITY = 1u << 1, /* an odd number of ports where that costs one */
	OS_WARN_BELOW_FLOOR = 1u << 2, /* begins below the first unprivileged port */
	OS_WARN_REVERSED = 1u << 3,    /* first > last: the system reads it the other way round */
	OS_WARN_ONE_PORT = 1u << 4,   /* first == last on a kernel that divides by the difference */
	OS_WARN_NARROW = 1u << 5,     /* fewer ports than the 16 384 that are recommended */
	OS_WARN_WELL_KNOWN = 1u << 6, /* was made to reach below 10000, where services listen */
	OS_WARN_LISTENERS = 1u << 7,  /* services of this host listen inside */
	OS_WARN_EARLY_FAIL = 1u << 8, /* the algorithm gives up though ports are free */
	OS_WARN_BOOT_DIFFERS = 1u << 9, /* another value will hold after the next boot */
	OS_WARN_RESERVED = 1u << 10,    /* reserved or excluded ports take part of it */
	OS_WARN_FAMILIES = 1u << 11,    /* IPv4 and IPv6 differ */
	OS_WARN_OUTDATED = 1u << 12,    /* set where older advice has it: see outdated */
};
#define OS_WARNINGS 13u

#define OS_UNREAD UINT32_MAX

/* Which end of a range. */
enum os_end {
	OS_END_LOW,
	OS_END_HIGH,
};

struct os_range {
	const struct os_range_spec *spec;
	uint32_t value[2],
		boot_value
			[2]; /* by enum os_end, as the system keeps them; OS_UNREAD for not read */
	bool boot_told; /* a command or files were asked what is kept, so nothing read means nothing kept */
	bool low_fixed;        /* this release has no setting for the low end */
	bool known;            /* both ends were read */
	struct port_range now; /* lo <= hi, whichever way round the system keeps them */
	bool settable;
	const struct os_default *built_in; /* of this release; NULL: not known */
	bool boot_known; /* what holds after the next boot: told by a command or found in files */
	bool boot_set;   /* something sets it; else the default returns */
	struct port_range boot;
	char where[OS_WHERE_BYTES]; /* the file and line, or the store; "" when nothing sets it */
	unsigned warnings;
	const char *outdated; /* what to do instead, as a sentence; or NULL */
	uint32_t listeners;   /* services that listen inside; 0 also when nobody looked */
};

/* Ports as a list has them. Where a list is made of rows that are added and taken away whole, @first has the first port of
 * each; else it is empty, and neighbours are one row. */
struct os_ports {
	struct port_set set, first;
};

struct os_list;

/* Ports that are never chosen. */
struct os_reserved {
	const char *setting;
	unsigned protocols, families;
	bool lasting; /* survives a reboot */
	struct port_set ports;
	struct port_set first;      /* see struct os_ports */
	const struct os_list *list; /* how it is changed; NULL: not by us */

	/* What the next boot brings, by what a command tells is kept, or by os_boot(). */
	bool boot_known;
	bool boot_set; /* something speaks of it; else the system's own list returns */
	bool boot_whole; /* boot_plus alone; else the system's own list with boot_plus, without boot_minus */
	struct port_set boot_plus, boot_minus;
	char where[OS_WHERE_BYTES]; /* the file and line that speak last */
};

struct os_system;

/* One host. */
struct os_state {
	const struct os_system *system;
	char release[64];
	struct os_range range[OS_RANGES_MAX];
	size_t ranges;
	struct os_reserved reserved[OS_RESERVED_MAX];
	size_t reserveds;
	uint16_t floor;     /* first port that needs no privilege; 0: not known */
	char algorithm[32]; /* where it can be chosen; else "" */
};

#endif
