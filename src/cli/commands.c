#include "command.h"

#include <string.h>

const struct command *const commands[] = {
#define COMMAND(name) &cmd_##name,
#include "commands.def"
#undef COMMAND
	NULL,
};

const struct option_spec common_options[] = {
	{"json", 'j', NULL, "one JSON document instead of text", NULL},
	{"netns", 'N', "NETNS", "look into this network namespace: name, pid or path", "@netns"},
	{"all-netns", 0, NULL, "look into every network namespace", NULL},
	{"ipv4", '4', NULL, "only IPv4", NULL},
	{"ipv6", '6', NULL, "only IPv6", NULL},
	{"tcp", 0, NULL, "only TCP", NULL},
	{"udp", 0, NULL, "only UDP", NULL},
	{"save", 0, "FILE", "also keep what was seen, for --replay", "@file"},
	{"replay", 0, "FILE", "answer from what --save kept, not from the kernel", "@file"},
	{"collector", 0, "NAME",
	 "read through bpf, netlink or procfs; the best usable if not given", "bpf netlink procfs"},
	{"help", 'h', NULL, "show help", NULL},
	{"version", 'V', NULL, "show the version", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

const struct command *command_find(const char *name)
{
	for (unsigned i = 0; commands[i]; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
