#include <errno.h>

#include "verb.h"
#include "why.h"

static const struct option_spec options[] = {
	{"from", 0, "ADDRESS",
	 "connect: source address; if not given, the one the routing table chooses", NULL},
	{"reuseaddr", 0, NULL, "bind: the socket sets SO_REUSEADDR", NULL},
	{"reuseport", 0, NULL, "bind: the socket sets SO_REUSEPORT", NULL},
	{"v6only", 0, NULL, "bind: the socket is IPv6 and sets IPV6_V6ONLY", NULL},
	{"uid", 0, "N", "bind: who makes the socket; if not given, the caller", NULL},
	{"device", 0, "INTERFACE", "bind: the socket sets SO_BINDTODEVICE", NULL},
	{"no-listen", 0, NULL, "bind: only bind(), no listen() after it", NULL},
	{"probe", 0, NULL, "bind: without BPF, ask duplicates of the sockets in the way", NULL},
	{"os", 0, "NAME", "bind: on that system; windows, by --excluded", "windows"},
	{"excluded", 0, "FILE",
	 "bind: what netsh show excludedportrange printed there (-: standard input)", "@file"},
	{"mirrored", 0, "LOW-HIGH", "bind: with --excluded, ip_local_port_range inside of its WSL",
	 NULL},
	{NULL, 0, NULL, NULL, NULL},
};

static const struct verb questions[] = {
	{"bind", "reuseaddr reuseport v6only uid device no-listen probe os excluded mirrored", 1,
	 why_bind, NULL},
	{"connect", "from", 1, why_connect, NULL},
	{NULL, NULL, 0, NULL, NULL},
};

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	const struct verb *question;
	int r;

	if (!arguments->n_operands)
		return error_set(reterr, -EINVAL, "why",
				 "why what? expected bind [ADDRESS:]PORT or connect DST:PORT");
	question = verb_find(arguments, questions);
	if (!question)
		return error_set(reterr, -EINVAL, "why",
				 "'%.60s' is no question: expected bind or connect",
				 arguments->operand[0]);
	r = verb_check(arguments, question, reterr);
	return r < 0 ? r : question->run(arguments, outcome, reterr);
}

const struct command cmd_why = {
	.name = "why",
	.summary = "tell why a port cannot be bound, or a connection fails",
	.operands = "bind [ADDRESS:]PORT | connect DST:PORT",
	.details =
		"why bind: whether a server gets the port; if not, the errno, who has it, how they "
		"came by it and what helps. Without ADDRESS all addresses of IPv4 are meant. Exit "
		"status 0 free, 2 in use or forbidden. why connect: whether connect() gets a port "
		"now; if not, the errno, the cause and what helps. DST is an address, IPv6 in "
		"brackets; names are not looked up. Exit status 0 it succeeds, 2 exhausted, 1 "
		"refused but not for want of ports, 3 not settled or error.",
	.words = "bind connect",
	.options = options,
	.operands_max = 2,
	.run = run,
};
