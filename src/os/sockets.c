#include "sockets.h"

#include <string.h>

#include "alloc.h"

/* A PATH that was not made by a login lacks most of these directories. Old shells have test(1) but no -e, and old
 * releases lack the first options: -W (addresses are not cut), -H (no heading, whose columns may touch). */
#define FIRST_OF(program, wanted, otherwise, directories)                                          \
	"for d in " directories "; do if [ -x $d/" program " ]; then $d/" program " " wanted       \
	" 2>/dev/null || exec $d/" program " " otherwise "; exit 0; fi; done; "
#define NETSTAT(wanted, otherwise)                                                                 \
	FIRST_OF("netstat", wanted, otherwise, "/usr/bin /usr/sbin /bin /sbin /usr/etc")           \
	"echo netstat: not found >&2; exit 127"

const char *os_sockets_command(const struct os_system *system, bool cmd_exe)
{
	static const char *const wide[] = {"freebsd", "dragonfly", "macos"};

	/* -q, where it is known, shows bound ports, too. */
	if (cmd_exe)
		return "netstat -anoq >nul 2>nul && netstat -anoq || netstat -ano";
	if (system->flags & OS_CMD_EXE)
		return "netstat -anoq >/dev/null 2>&1 && netstat -anoq || netstat -ano";
	if (strcmp(system->name, "linux") == 0)
		return FIRST_OF("ss", "-Htuan", "-tuan", "/usr/bin /bin /usr/sbin /sbin")
			NETSTAT("-antuW", "-antu");
	for (size_t i = 0; i < ARRAY_SIZE(wide); i++)
		if (strcmp(system->name, wide[i]) == 0)
			return NETSTAT("-anW", "-an");
	return NETSTAT("-an", "-an");
}
