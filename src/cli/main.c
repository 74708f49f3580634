/*
 * Parses, runs, and prints once, at the end: the answer on standard output, an error as one line on standard error and,
 * when the output is JSON, as JSON too.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "command_exec.h"
#include "help.h"
#include "json.h"
#include "output.h"
#include "printable.h"

#define MMAP_THRESHOLD (128 * 1024) /* bytes; glibc's own value to begin with */

static void error_json(const struct eph_error *error, struct strbuf *out)
{
	const char *code = strerrorname_np(-error->code);
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_object(&json, "error");
	json_string(&json, "what", error->step);
	json_string(&json, "why", error->message);
	json_string(&json, "code", code ? code : "EIO");
	json_end(&json);
	json_end(&json);
}

/* One line whatever the message holds. */
static void print_error(const struct eph_error *error)
{
	struct strbuf line = STRBUF_INIT;

	strbuf_puts(&line, "ephemports: ");
	printable_puts(&line, error->step);
	strbuf_puts(&line, ": ");
	printable_puts(&line, error->message);
	strbuf_putc(&line, '\n');
	fputs(line.text, stderr);
	strbuf_done(&line);
}

/* A descriptor that was closed must not become that of a file we write: messages would end in it. Here they fail, as they
 * would have, and a COMMAND finds it closed. */
static void occupy_standard_files(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What was changed stands, so "nothing changed" (3) would be false. */
static int print_outcome(struct outcome *outcome)
{
	struct eph_error error;
	int r = output_print(outcome->text.text, outcome->text.length, &error);

	if (r == 0)
		return outcome->status;
	if (outcome->changed) {
		struct eph_error first = error;

		error_set(&error, r, first.step,
			  "%.200s; the change is made, see ephemports range log", first.message);
	}
	if (r != -EPIPE || outcome->changed)
		print_error(&error);
	return outcome->changed ? STATUS_WARNING : STATUS_ERROR;
}

static int run(int argc, char **argv, struct outcome *outcome, struct eph_error *reterr)
{
	struct arguments arguments;
	int r = arguments_parse(argc, argv, &arguments, reterr);

	if (arguments.command)
		outcome->error_status = arguments.command->error_status;
	if (r == 0 && arguments_has(&arguments, "version"))
		strbuf_puts(&outcome->text, "ephemports " EPHEMPORTS_VERSION "\n");
	else if (r == 0 && arguments_has(&arguments, "help") && !arguments.command_given)
		help_program(&outcome->text);
	else if (r == 0 && arguments_has(&arguments, "help"))
		help_command(arguments.command, &outcome->text);
	else if (r == 0)
		r = arguments.command->run(&arguments, outcome, reterr);
	arguments_done(&arguments);
	return r;
}

int main(int argc, char **argv)
{
	struct outcome outcome = {.text = STRBUF_INIT};
	struct eph_error error = {.step = "error", .message = "unknown"};
	int r;

	/* Left to itself glibc soon takes large tables from memory used before, and must clear all of it. Fresh pages are
	 * zero already, and a table of one namespace touches few of them. */
	mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
	occupy_standard_files();
	command_exec_ignore_signals();
	r = run(argc, argv, &outcome, &error);
	if (r == 0 && outcome.text.failed)
		r = error_set(&error, -ENOMEM, "output", "out of memory");
	if (r < 0) {
		print_error(&error);
		strbuf_clear(&outcome.text);
		outcome.status = outcome.error_status ? outcome.error_status : STATUS_ERROR;
		if (arguments_want_json(argc, argv))
			error_json(&error, &outcome.text);
	}
	r = print_outcome(&outcome);
	strbuf_done(&outcome.text);
	return r;
}
