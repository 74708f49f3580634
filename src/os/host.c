#include "host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "host_settings.h"
#include "parse.h"
#include "text_line.h"

#define PART        "ephemports-part"
#define SET         "ephemports-set"
#define OUTPUTS_MAX 32u

static struct os_host *host_of(struct runner *runner)
{
	return (struct os_host *)runner;
}

static int host_run(struct runner *runner, const char *const *argv, const char *input,
		    size_t input_length, struct runner_output *ret, struct eph_error *reterr)
{
	struct runner *way = host_of(runner)->way;

	return way->ops->run(way, argv, input, input_length, ret, reterr);
}

static int host_line(struct runner *runner, const char *line, struct runner_output *ret,
		     struct eph_error *reterr)
{
	struct runner *way = host_of(runner)->way;

	return way->ops->line(way, line, ret, reterr);
}

static int host_file_read(struct runner *runner, const char *path, struct runner_file *ret,
			  struct eph_error *reterr)
{
	struct runner *way = host_of(runner)->way;

	return way->ops->file_read(way, path, ret, reterr);
}

static int host_file_replace(struct runner *runner, const char *path, const char *expected,
			     const char *text, size_t length, unsigned mode,
			     struct eph_error *reterr)
{
	struct runner *way = host_of(runner)->way;

	return way->ops->file_replace(way, path, expected, text, length, mode, reterr);
}

static int host_link_read(struct runner *runner, const char *path, struct strbuf *ret,
			  struct eph_error *reterr)
{
	struct runner *way = host_of(runner)->way;

	return way->ops->link_read(way, path, ret, reterr);
}

static int host_link_replace(struct runner *runner, const char *path, const char *to, bool remove,
			     struct eph_error *reterr)
{
	struct runner *way = host_of(runner)->way;

	return way->ops->link_replace(way, path, to, remove, reterr);
}

static int host_file_tidy(struct runner *runner, const char *path, struct eph_error *reterr)
{
	struct runner *way = host_of(runner)->way;

	return way->ops->file_tidy(way, path, reterr);
}

static const struct runner_ops host_ops = {
	.run = host_run,
	.line = host_line,
	.file_read = host_file_read,
	.file_replace = host_file_replace,
	.link_read = host_link_read,
	.link_replace = host_link_replace,
	.file_tidy = host_file_tidy,
};

static int identify(struct os_host *host, const char *line, struct eph_error *reterr)
{
	struct runner_output output;
	int r = host->way->ops->line(host->way, line, &output, reterr);

	if (r == 0) {
		host->system = os_identify(output.text.text, output.text.length, host->release,
					   sizeof(host->release));
		if (!host->system) {
			struct text_span said = runner_said(&output.text, &output.errors);

			r = error_set(
				reterr, -ENOTSUP, "host",
				said.length ? "%.80s: a system that is not known here, '%.*s': "
					      "--os NAME tells which one it is like"
					    : "%.80s: a system that is not known here: it does not "
					      "say what it is%.*s: --os NAME tells",
				host->way->place.host, (int)said.length, said.start);
		}
	}
	runner_output_done(&output);
	return r;
}

/* The lines of all commands as one, each output after a line that says which it is. */
static void join_commands(const struct os_host *host, struct strbuf *out)
{
	const struct os_command *command = host->system->read;

	for (unsigned i = 0; command && command[i].id && i < OUTPUTS_MAX; i++)
		strbuf_printf(out,
			      host->way->cmd_exe ? "%secho " PART " %u& %s"
						 : "%secho " PART " %u; ( %s )",
			      i ? host->way->cmd_exe ? "& " : "; " : "", i, command[i].line);
}

/* A line that sets something, its exit status on both outputs, and the commands. */
static void join_set(const struct os_host *host, const char *set, struct strbuf *out)
{
	if (host->way->cmd_exe)
		strbuf_printf(out, "%s&& echo " SET " 0|| echo " SET " 1& ", set);
	else
		strbuf_printf(out,
			      "( %s ); s=$?; echo; echo \"" SET " $s\"; echo \"" SET " $s\" >&2; ",
			      set);
	join_commands(host, out);
}

/* What was said before the status, without it. False: no status was said. */
static bool cut_set(const struct strbuf *text, struct strbuf *ret, int *ret_status)
{
	struct text_lines lines = text_lines(text->text, text->length, false);
	struct text_span line, word;
	uint64_t status;

	while (text_line_next(&lines, &line)) {
		struct text_span rest = line;

		if (!text_word_next(&rest, &word) || !text_is(word, SET))
			continue;
		rest = text_trim(rest);
		strbuf_add(ret, text->text, (size_t)(line.start - text->text));
		if (parse_uint(rest.start, rest.length, 255, &status) < 0)
			return false;
		*ret_status = (int)status;
		return true;
	}
	strbuf_add(ret, text->text, text->length);
	return false;
}

/* Cut the joined output into what each command said. */
static size_t split_outputs(const struct os_host *host, const struct strbuf *text,
			    struct os_output *output)
{
	struct text_lines lines = text_lines(text->text, text->length, false);
	size_t count = 0, commands = 0;
	struct text_span line, rest, word;

	while (host->system->read && host->system->read[commands].id)
		commands++;
	while (text_line_next(&lines, &line)) {
		rest = line;
		if (count < OUTPUTS_MAX && count < commands && text_word_next(&rest, &word) &&
		    text_is(word, PART)) {
			output[count] =
				(struct os_output){host->system->read[count].id, lines.cursor, 0};
			count++;
		} else if (count) {
			output[count - 1].length = (size_t)(lines.cursor - output[count - 1].text);
		}
	}
	return count;
}

static void no_range(const struct os_host *host, const struct runner_output *said,
		     struct eph_error *reterr)
{
	struct text_span why = runner_said(&said->errors, &said->errors);

	if (why.length)
		error_set(reterr, -ENODATA, "host", "%.80s: %.*s", host->way->place.host,
			  (int)why.length, why.start);
	else
		error_set(reterr, -ENODATA, "host", "%.80s: %s %s: '%s' tells no range there",
			  host->way->place.host, host->system->title, host->release,
			  host->system->facts->show);
}

static int parse_outputs(const struct os_host *host, const struct runner_output *said,
			 struct os_state *ret, struct eph_error *reterr)
{
	struct os_output output[OUTPUTS_MAX];
	struct os_outputs outputs = {output, split_outputs(host, &said->text, output)};
	int r = os_parse(host->system, host->release, &outputs, ret, reterr);

	if (r == -ENODATA)
		no_range(host, said, reterr);
	return r;
}

int os_host_read(struct os_host *host, struct os_state *ret, struct eph_error *reterr)
{
	struct strbuf line = STRBUF_INIT;
	struct runner_output said;
	int r = 0;

	runner_output_init(&said);
	join_commands(host, &line);
	if (line.failed)
		r = error_set(reterr, -ENOMEM, "host", "out of memory");
	else if (line.length)
		r = host->way->ops->line(host->way, line.text, &said, reterr);
	if (r == 0)
		r = parse_outputs(host, &said, ret, reterr);
	runner_output_done(&said);
	strbuf_done(&line);
	return r;
}

int os_host_set(struct os_host *host, const char *line, struct runner_output *ret_said,
		struct os_state *ret, struct eph_error *reterr)
{
	struct strbuf joined = STRBUF_INIT;
	struct runner_output output;
	int r, status;

	runner_output_init(ret_said);
	join_set(host, line, &joined);
	if (joined.failed) {
		strbuf_done(&joined);
		return error_set(reterr, -ENOMEM, "host", "out of memory");
	}
	r = host->way->ops->line(host->way, joined.text, &output, reterr);
	if (r == 0 && !cut_set(&output.text, &ret_said->text, &ret_said->status))
		r = error_set(reterr, -EPROTO, "host", "%.80s: no shell said how '%.80s' ended",
			      host->way->place.host, line);
	if (r == 0)
		cut_set(&output.errors, &ret_said->errors, &status);
	if (r == 0)
		r = parse_outputs(host, &output, ret, reterr);
	runner_output_done(&output);
	strbuf_done(&joined);
	return r;
}

int os_host_open(struct os_host *host, struct runner *way, const char *os, struct eph_error *reterr)
{
	int r;

	*host = (struct os_host){.runner = {.ops = &host_ops, .place = way->place}, .way = way};
	r = identify(host, OS_IDENTIFY_SHELL, reterr);
	if (r == -EPROTO) { /* cmd.exe has no exec */
		way->cmd_exe = true;
		r = identify(host, OS_IDENTIFY_CMD, reterr);
	}
	if (r == -ENOTSUP && way->cmd_exe) {
		way->powershell = true;
		r = identify(host, OS_IDENTIFY_CMD, reterr);
	}
	if (os && (r == 0 || r == -ENOTSUP)) {
		host->system = os_find(os);
		r = host->system ? 0
				 : error_set(reterr, -EINVAL, "host",
					     "'%.60s' is no system that is known", os);
	}
	if (r < 0)
		return r;
	host->runner.cmd_exe = way->cmd_exe;
	host->runner.settings = &os_host_settings;
	return 0;
}

/* Linux, the BSDs, and everybody else. */
#define BOOT_LINE                                                                                  \
	"cat /proc/sys/kernel/random/boot_id 2>/dev/null || "                                      \
	"/sbin/sysctl -n kern.boottime 2>/dev/null || who -b 2>/dev/null"

int os_host_boot(struct os_host *host, struct eph_error *reterr)
{
	struct change_place *place = &host->runner.place;
	char digest[DIGEST_TEXT_BYTES];
	struct runner_output output;
	int r;

	/* What Windows is told outlasts its boots. */
	snprintf(place->boot, sizeof(place->boot), "%s",
		 host->system->flags & OS_CMD_EXE ? "any" : "");
	if (host->system->flags & OS_CMD_EXE)
		return 0;
	r = host->way->ops->line(host->way, BOOT_LINE, &output, reterr);
	if (r == 0 && output.status == 0 && output.text.length) {
		digest_bytes(output.text.text, output.text.length, digest);
		snprintf(place->boot, sizeof(place->boot), "%.32s", digest);
	}
	runner_output_done(&output);
	return r;
}
