/* How each system counts, as src/os tells it with its sources. */
#include "os_capacity.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"

#define HOST        OS_COUNTS_PER_HOST
#define ADDRESS     OS_COUNTS_PER_ADDRESS
#define REMOTE      OS_COUNTS_PER_REMOTE
#define DESTINATION OS_COUNTS_PER_DESTINATION

#define UNIQUE "a local port serves one connection of the whole host, whatever the destination"

static const struct os_rule rules[] = {
	{"aix",
	 0,
	 0,
	 {HOST, HOST},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_SHARING,
	 UNIQUE,
	 "whether AIX shares ports between destinations is not documented: assumed not"},
	{"bsdos", 0, 0, {HOST, HOST}, {HOST, HOST}, false, false, 0, UNIQUE, NULL},
	{"dragonfly",
	 0,
	 0,
	 {DESTINATION, DESTINATION},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_RESERVED,
	 "a local port serves one connection to each destination; each CPU first uses its own "
	 "share",
	 NULL},
	{"freebsd",
	 13,
	 0,
	 {DESTINATION, DESTINATION},
	 {HOST, DESTINATION},
	 false,
	 false,
	 0,
	 "since 13.0 a local port serves one connection to each destination",
	 NULL},
	{"freebsd", 1, 12, {HOST, HOST}, {HOST, HOST}, false, false, 0, "until 12 " UNIQUE, NULL},
	{"freebsd",
	 0,
	 0,
	 {HOST, DESTINATION},
	 {HOST, DESTINATION},
	 false,
	 false,
	 GAP_RELEASE,
	 "until 12 " UNIQUE "; since 13.0 one to each destination",
	 NULL},
	{"hpux",
	 0,
	 0,
	 {HOST, HOST},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_SHARING,
	 UNIQUE,
	 "whether HP-UX shares ports between destinations is not documented: assumed not"},
	{"illumos",
	 0,
	 0,
	 {REMOTE, REMOTE},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_RESERVED,
	 "a local port serves one connection to each remote address and port, whatever the local "
	 "address",
	 NULL},
	{"irix",
	 0,
	 0,
	 {HOST, HOST},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_SHARING,
	 UNIQUE,
	 "whether IRIX shares ports between destinations is not documented: assumed not"},
	{"linux",
	 0,
	 0,
	 {HOST, DESTINATION},
	 {ADDRESS, ADDRESS},
	 true,
	 true,
	 GAP_BUCKET_STATE | GAP_BOUND_HIDDEN | GAP_TW_AGE | GAP_RESERVED,
	 "a local port serves one connection to each destination, unless bind() chose it",
	 NULL},
	{"macos",
	 0,
	 0,
	 {HOST, HOST},
	 {HOST, HOST},
	 false,
	 false,
	 0,
	 UNIQUE,
	 "port 55555 is never chosen where lights-out management has it"},
	{"netbsd", 0, 0, {HOST, HOST}, {HOST, HOST}, false, false, GAP_RESERVED, UNIQUE, NULL},
	{"openbsd",
	 0,
	 0,
	 {ADDRESS, ADDRESS},
	 {ADDRESS, ADDRESS},
	 false,
	 false,
	 GAP_RESERVED,
	 "a local port serves one connection of each local address",
	 NULL},
	{"solaris10",
	 0,
	 0,
	 {REMOTE, REMOTE},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_RESERVED,
	 "a local port serves one connection to each remote address and port, whatever the local "
	 "address",
	 NULL},
	{"solaris11",
	 0,
	 0,
	 {REMOTE, REMOTE},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_RESERVED,
	 "a local port serves one connection to each remote address and port, whatever the local "
	 "address",
	 NULL},
	{"tru64", 0, 0, {HOST, HOST}, {HOST, HOST}, false, false, 0, UNIQUE, NULL},
	{"windows",
	 0,
	 0,
	 {HOST, HOST},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_SHARING | GAP_BOUND_HIDDEN | GAP_RESERVED,
	 UNIQUE ", unless programs set SO_REUSE_UNICASTPORT or SO_PORT_SCALABILITY",
	 "bound ports are printed by netstat -q only, and excluded ranges by netsh"},
	{"windows-nt5",
	 0,
	 0,
	 {HOST, HOST},
	 {HOST, HOST},
	 false,
	 false,
	 GAP_BOUND_HIDDEN | GAP_RESERVED,
	 UNIQUE,
	 NULL},
};

const char *os_counting_name(enum os_counting counting)
{
	static const char *const names[] = {
		[OS_COUNTS_PER_HOST] = "host",
		[OS_COUNTS_PER_ADDRESS] = "address",
		[OS_COUNTS_PER_REMOTE] = "remote",
		[OS_COUNTS_PER_DESTINATION] = "destination",
	};

	return names[counting];
}

/* The first number in @release; 0 when there is none. */
static unsigned long major_of(const char *release)
{
	return strtoul(release + strcspn(release, "0123456789"), NULL, 10);
}

const struct os_rule *os_rule_find(const char *system, const char *release)
{
	unsigned long major = major_of(release);

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		const struct os_rule *rule = &rules[i];

		if (strcmp(rule->system, system) != 0)
			continue;
		if ((rule->since || rule->until) && !major)
			continue;
		if (major >= rule->since && (!rule->until || major <= rule->until))
			return rule;
	}
	return NULL;
}
