#include <errno.h>

#include "range.h"
#include "verb.h"

static const struct option_spec options[] = {
	{"ports", 0, "N", "set: 49152-65535, extended downwards if N is more", NULL},
	{"name", 0, "NAME", "only the regular, high or low range", "regular high low"},
	{"dry-run", 0, NULL, "set, reset: say what would be done, and do nothing", NULL},
	{"no-persist", 0, NULL, "set, reset: only the running value; a reboot undoes it", NULL},
	{"confirm-within", 0, "SECONDS", "set, reset: undone by itself unless range confirm comes",
	 NULL},
	{"expect", 0, "LOW-HIGH", "show: does it lie inside of what a firewall opens?", NULL},
	{"text", 0, "FILE", "show: what a command printed, saved in FILE (-: standard input)",
	 "@file"},
	MANY_HOSTS_OPTIONS("on another machine, by ssh; repeat it for several"),
	{"os", 0, "NAME", "the system that runs there, or (show --text) that printed it",
	 SYSTEM_WORDS},
	{"for", 0, "LANGUAGE", "firewall: nft, iptables, pf or netsh", "nft iptables pf netsh"},
	{"markdown", 0, NULL, "facts: as a page of the documentation", NULL},
	{NULL, 0, NULL, NULL, NULL},
};

static const struct verb verbs[] = {
#define HOSTS " host hosts-file parallel os"
	{"confirm", "no-persist" HOSTS, 0, range_confirm, range_remote_confirm},
	{"facts", "markdown", 1, range_facts, NULL},
	{"firewall", "for", 1, range_firewall, NULL},
	{"log", "host", 0, range_log, NULL},
	{"reset", "name dry-run no-persist confirm-within" HOSTS, 0, range_reset,
	 range_remote_reset},
	{"set", "ports name dry-run no-persist confirm-within" HOSTS, 1, range_set,
	 range_remote_set},
	{"show", "name expect text" HOSTS, 0, range_show, range_remote_show},
	{"undo", HOSTS, 1, range_undo, range_remote_undo},
	{NULL, NULL, 0, NULL, NULL},
};

static int run(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	const struct verb *verb;
	int r;

	if (!arguments->n_operands)
		return error_set(reterr, -EINVAL, "range",
				 "range what? expected show, set, reset, confirm, log, undo, facts "
				 "or firewall");
	verb = verb_find(arguments, verbs);
	if (!verb)
		return error_set(reterr, -EINVAL, "range",
				 "'%.60s' is none of show, set, reset, confirm, log, undo, facts, "
				 "firewall",
				 arguments->operand[0]);
	r = verb_check(arguments, verb, reterr);
	if (r < 0)
		return r;
	if (verb->remote && many_hosts_asked(arguments))
		return many_hosts(arguments, verb->remote, MANY_HOSTS_ROWS, outcome, reterr);
	if (arguments_has(arguments, "parallel") ||
	    (arguments_has(arguments, "os") && !arguments_has(arguments, "text")))
		return error_set(reterr, -EINVAL, "range",
				 arguments_has(arguments, "parallel")
					 ? "--parallel needs --host or --hosts-file"
					 : "--os needs --text or --host: this system is known");
	return verb->run(arguments, outcome, reterr);
}

const struct command cmd_range = {
	.name = "range",
	.summary = "show and change the ephemeral range, and undo it",
	.operands = "show|set|reset|confirm|log|undo|facts|firewall [OPERAND]",
	.details =
		"set LOW-HIGH or set --ports N changes the range, now and after a reboot; reset "
		"goes "
		"back to the default. undo ID takes a change back that log lists, undo the last "
		"one; it is refused, with status 3, when a later change or somebody else set the "
		"same since. facts OS tells of other systems, firewall LOW-HIGH prints rules that "
		"open the range.",
	.words = "show set reset confirm log undo facts firewall",
	.options = options,
	.operands_max = 2,
	.run = run,
};
