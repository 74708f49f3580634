#include "range_remote.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "printable.h"
#include "sockets.h"
#include "text_netstat.h"

static int check_options(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const senseless[] = {"all-netns", "netns",  "ipv4", "ipv6",
						"save",      "replay", "text", NULL};

	for (unsigned i = 0; senseless[i]; i++)
		if (arguments_has(arguments, senseless[i]))
			return error_set(reterr, -EINVAL, "range", "--host cannot go with --%s",
					 senseless[i]);
	return 0;
}

/* One lock for each host, whoever logs in there. */
static int open_journal(const char *host, struct journal **ret, struct eph_error *reterr)
{
	char key[RANGE_REMOTE_KEY_BYTES];

	range_remote_key(host, key);
	return journal_open_for(key, JOURNAL_WRITE, ret, reterr);
}

void range_remote_key(const char *host, char ret[RANGE_REMOTE_KEY_BYTES])
{
	struct ssh_target target;

	if (ssh_target_parse(host, &target, NULL) < 0)
		target = (struct ssh_target){.name = ""};
	snprintf(ret, RANGE_REMOTE_KEY_BYTES, "%s:%s", target.name,
		 *target.port ? target.port : "22");
	for (char *c = ret; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

void range_remote_tell(const struct range_remote *remote, const char *text)
{
	struct strbuf shown = STRBUF_INIT;

	printable_puts(&shown, text);
	/* Over the line that shows the progress. */
	fprintf(stderr, "%sephemports: journal: %s: %s\n", isatty(STDERR_FILENO) ? "\r\033[K" : "",
		remote->host.runner.place.host, shown.text);
	strbuf_done(&shown);
}

static void tell_lines(const struct range_remote *remote, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		range_remote_tell(remote, line);
}

static int find_system(struct range_remote *remote, const char *host, const char *os,
		       struct eph_error *reterr)
{
	int r = ssh_runner_init(&remote->ssh, host, reterr);

	remote->reached = r == 0;
	return r == 0 ? os_host_open(&remote->host, &remote->ssh.runner, os, reterr) : r;
}

int range_remote_open(const struct arguments *arguments, const char *host, bool changes,
		      struct range_remote *ret, struct eph_error *reterr)
{
	struct strbuf recovered = STRBUF_INIT;
	int r = check_options(arguments, reterr);

	*ret = (struct range_remote){.reached = false};
	if (r == 0)
		r = find_system(ret, host, arguments_get(arguments, "os"), reterr);
	if (r == 0 && changes)
		r = os_host_boot(&ret->host, reterr);
	if (r == 0 && changes)
		r = open_journal(host, &ret->journal, reterr);
	ret->run = (struct change_run){.runner = &ret->host.runner, .journal = ret->journal};
	if (r == 0 && changes) {
		r = change_recover(&ret->run, &recovered, reterr);
		tell_lines(ret, recovered.text);
	}
	strbuf_done(&recovered);
	return r;
}

void range_remote_close(struct range_remote *remote)
{
	journal_close(remote->journal);
	if (remote->reached)
		ssh_runner_done(&remote->ssh);
}

void range_remote_listen(struct range_remote *remote)
{
	struct runner *runner = &remote->host.runner;
	struct netstat_text text = {.rows = 0};
	struct runner_output output;
	int r = runner->ops->line(runner, os_sockets_command(remote->host.system, runner->cmd_exe),
				  &output, NULL);

	if (r == 0)
		r = text_netstat_read(output.text.text, output.text.length, &text, NULL);
	remote->listened = r == 0 && !(text.doubts & (NETSTAT_STATES | NETSTAT_NO_LISTENERS));
	for (size_t i = 0; i < text.sockets.count; i++)
		if (text.sockets.record[i].state == STATE_LISTEN)
			port_set_add(&remote->listeners, text.sockets.record[i].local_port);
	text_netstat_done(&text);
	runner_output_done(&output);
}

int range_remote_ranges(struct range_remote *remote, struct os_state *ret, struct eph_error *reterr)
{
	struct host_change *change = NULL;
	int r = host_change_read(&remote->host, &change, reterr);

	if (r < 0)
		return r;
	*ret = change->state;
	os_warn(ret, remote->listened ? &remote->listeners : NULL);
	host_change_free(change);
	return 0;
}
