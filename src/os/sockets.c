#include "sockets.h"

#include <string.h>

/* A PATH that was not made by a login lacks most of these directories. Old shells have test(1) but no -e. */
#define FIRST_OF(program, arguments, directories)                                                  \
	"for d in " directories "; do if [ -x $d/" program " ]; then exec $d/" program             \
	" " arguments "; fi; done; "
#define NETSTAT(arguments)                                                                         \
	FIRST_OF("netstat", arguments, "/usr/bin /usr/sbin /bin /sbin /usr/etc")                   \
	"echo netstat: not found >&2; exit 127"

const char *os_sockets_command(const struct os_system *system)
{
	if (system->flags & OS_CMD_EXE) /* -q, where it is known, shows bound ports, too */
		return "netstat -anoq >nul 2>nul && netstat -anoq || netstat -ano";
	if (strcmp(system->name, "linux") == 0)
		return FIRST_OF("ss", "-Htuan", "/usr/bin /bin /usr/sbin /sbin") NETSTAT("-antu");
	/* -W: addresses are not cut */
	if (strcmp(system->name, "freebsd") == 0 || strcmp(system->name, "dragonfly") == 0 ||
	    strcmp(system->name, "macos") == 0)
		return NETSTAT("-anW");
	return NETSTAT("-an");
}
