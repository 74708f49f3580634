#include "reserved.h"

#include <string.h>

#include "alloc.h"

/* Where TCP and UDP have the same name for it, the first row of each protocol counts. */
static const struct {
	const char *system, *setting;
	unsigned protocol, family; /* 0: any */
	const char *command;
} commands[] = {
	{"openbsd", "net.inet.tcp.baddynamic", 0, 0, "sysctl net.inet.tcp.baddynamic=+PORT"},
	{"openbsd", "net.inet.udp.baddynamic", 0, 0, "sysctl net.inet.udp.baddynamic=+PORT"},
	{"solaris10", "tcp_extra_priv_ports", 0, 0,
	 "ndd -set /dev/tcp tcp_extra_priv_ports_add PORT"},
	{"solaris10", "udp_extra_priv_ports", 0, 0,
	 "ndd -set /dev/udp udp_extra_priv_ports_add PORT"},
	{"solaris11", NULL, OS_TCP, 0, "ipadm set-prop -p extra_priv_ports+=PORT tcp"},
	{"solaris11", NULL, OS_UDP, 0, "ipadm set-prop -p extra_priv_ports+=PORT udp"},
	{"illumos", NULL, OS_TCP, 0, "ipadm set-prop -p extra_priv_ports+=PORT tcp"},
	{"illumos", NULL, OS_UDP, 0, "ipadm set-prop -p extra_priv_ports+=PORT udp"},
	{"windows", NULL, OS_TCP, OS_IPV4,
	 "netsh int ipv4 add excludedportrange protocol=tcp startport=PORT numberofports=1"},
	{"windows", NULL, OS_UDP, OS_IPV4,
	 "netsh int ipv4 add excludedportrange protocol=udp startport=PORT numberofports=1"},
	{"windows", NULL, OS_TCP, OS_IPV6,
	 "netsh int ipv6 add excludedportrange protocol=tcp startport=PORT numberofports=1"},
	{"windows", NULL, OS_UDP, OS_IPV6,
	 "netsh int ipv6 add excludedportrange protocol=udp startport=PORT numberofports=1"},
	{"linux", "net.ipv4.ip_local_reserved_ports", 0, 0, "ephemports reserve add PORT"},
};

const char *os_reserved_add_command(const struct os_system *system,
				    const struct os_reserved *reserved)
{
	/* Of Windows those that a reboot ends belong to drivers. */
	if ((system->flags & OS_CMD_EXE) && !reserved->lasting)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].system, system->name) == 0 &&
		    (!commands[i].setting || strcmp(commands[i].setting, reserved->setting) == 0) &&
		    (!commands[i].protocol || (reserved->protocols & commands[i].protocol)) &&
		    (!commands[i].family || (reserved->families & commands[i].family)))
			return commands[i].command;
	return NULL;
}
