#include "runner_ssh.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "error.h"
#include "ssh_files.h"

#define SSH_FAILED 255

static struct ssh_runner *ssh_of(struct runner *runner)
{
	return (struct ssh_runner *)runner;
}

/* EPHEMPORTS_SSH is split on blanks, as RSYNC_RSH is; no shell sees it. */
static int split_command(struct ssh_runner *ssh, struct eph_error *reterr)
{
	const char *given = secure_getenv("EPHEMPORTS_SSH");
	char *rest = NULL;

	ssh->command = strdup(given && given[strspn(given, " \t")] ? given : "ssh");
	if (!ssh->command)
		return error_set(reterr, -ENOMEM, "host", "out of memory");
	for (char *word = strtok_r(ssh->command, " \t", &rest); word;
	     word = strtok_r(NULL, " \t", &rest)) {
		if (ssh->words == SSH_COMMAND_MAX)
			return error_set(reterr, -E2BIG, "EPHEMPORTS_SSH", "more than %u words",
					 SSH_COMMAND_MAX);
		ssh->word[ssh->words++] = word;
	}
	return 0;
}

/* ssh's own words in front of the host and the command line. */
static void fill_argv(const struct ssh_runner *ssh, const char *line,
		      const char *argv[SSH_COMMAND_MAX + 16])
{
	size_t n = 0;

	for (size_t i = 0; i < ssh->words; i++)
		argv[n++] = ssh->word[i];
	argv[n++] = "-T";
	argv[n++] = "-o";
	argv[n++] = "BatchMode=yes";
	argv[n++] = "-o";
	argv[n++] = "ConnectTimeout=" SSH_CONNECT_S;
	if (*ssh->target.port) {
		argv[n++] = "-p";
		argv[n++] = ssh->target.port;
	}
	if (*ssh->target.user) {
		argv[n++] = "-l";
		argv[n++] = ssh->target.user;
	}
	argv[n++] = "--";
	argv[n++] = ssh->target.name;
	argv[n++] = line;
	argv[n] = NULL;
}

/* The last line that ssh printed; earlier ones are banners and warnings. */
static const char *last_line(char *text, size_t length)
{
	char *start;

	while (length && strchr("\r\n", text[length - 1]))
		text[--length] = '\0';
	start = strrchr(text, '\n');
	return start ? start + 1 : text;
}

static int fail(const struct ssh_runner *ssh, int r, struct runner_output *output,
		struct eph_error *reterr)
{
	const char *host = ssh->runner.place.host;

	if (r == -EHOSTUNREACH)
		return error_set(reterr, r, "ssh", "%.80s: %.200s", host,
				 output->errors.length
					 ? last_line(output->errors.text, output->errors.length)
					 : "ssh failed without saying why");
	if (r == -ENOENT)
		return error_set(reterr, r, "ssh", "%.80s: cannot run %.100s", host, ssh->word[0]);
	if (r == -ETIMEDOUT)
		return error_set(reterr, r, "ssh", "%.80s: no answer within %d s", host,
				 ssh->timeout_ms / 1000);
	if (r == -EFBIG)
		return error_set(reterr, r, "ssh", "%.80s: says more than %u MiB", host,
				 RUNNER_OUTPUT_MAX >> 20);
	if (r == -EPROTO)
		return error_set(reterr, r, "ssh", "%.80s: no Bourne shell answers there", host);
	return error_set(reterr, r, "ssh", "%.80s: %s", host, strerror(-r));
}

/* Cut off what came before the line itself said something. False: it never began. */
static bool drop_before(struct strbuf *text)
{
	const char *begin = text->length ? ssh_find_begin(text->text, text->length) : NULL;
	size_t left;

	if (!begin)
		return false;
	left = text->length - (size_t)(begin - text->text);
	memmove(text->text, begin, left + 1);
	text->length = left;
	return true;
}

static int drop_noise(struct runner_output *output)
{
	drop_before(&output->errors);
	return drop_before(&output->text) ? 0 : -EPROTO;
}

/* What the login shell printed on its way is not in @ret. */
static int run_line(struct ssh_runner *ssh, const char *line, const char *input,
		    size_t input_length, struct runner_output *ret, struct eph_error *reterr)
{
	const char *argv[SSH_COMMAND_MAX + 16];
	struct strbuf wrapped = STRBUF_INIT;
	int r = 0;

	runner_output_init(ret);
	if (!ssh->runner.cmd_exe)
		r = ssh_wrap_line(line, &wrapped);
	else if (ssh->runner.powershell)
		r = ssh_wrap_cmd(line, &wrapped);
	else if (strpbrk(line, "\r\n"))
		r = -EINVAL;
	if (r == 0) {
		fill_argv(ssh, wrapped.length ? wrapped.text : line, argv);
		r = child_run(argv, input, input_length, ssh->timeout_ms, ret);
	}
	if (r == 0 && ret->status == SSH_FAILED)
		r = -EHOSTUNREACH;
	if (r == 0 && !ssh->runner.cmd_exe)
		r = drop_noise(ret);
	strbuf_done(&wrapped);
	return r < 0 ? fail(ssh, r, ret, reterr) : 0;
}

static int ssh_run(struct runner *runner, const char *const *argv, const char *input,
		   size_t input_length, struct runner_output *ret, struct eph_error *reterr)
{
	struct ssh_runner *ssh = ssh_of(runner);
	struct strbuf line = STRBUF_INIT;
	int r = ssh->runner.cmd_exe ? ssh_quote_cmd(argv, &line) : ssh_quote_words(argv, &line);

	runner_output_init(ret);
	if (r < 0)
		r = fail(ssh, r, ret, reterr);
	else
		r = run_line(ssh, line.text, input, input_length, ret, reterr);
	strbuf_done(&line);
	return r;
}

static int ssh_line(struct runner *runner, const char *line, struct runner_output *ret,
		    struct eph_error *reterr)
{
	return run_line(ssh_of(runner), line, NULL, 0, ret, reterr);
}

/* The last line of what was complained about, in brackets; empty when nothing was. */
static void put_said(struct runner_output *output, char ret[140])
{
	const char *said = output && output->errors.length
				   ? last_line(output->errors.text, output->errors.length)
				   : "";

	*ret = '\0';
	if (*said)
		snprintf(ret, 140, " (%.120s)", said);
}

static int file_failed(const struct ssh_runner *ssh, int r, const char *path,
		       struct runner_output *output, struct eph_error *reterr)
{
	const char *host = ssh->runner.place.host;
	char said[140];

	put_said(output, said);
	switch (r) {
	case -EINVAL:
		return error_set(reterr, r, "file", "%.80s: %.160s is not a regular file", host,
				 path);
	case -EMLINK:
		return error_set(reterr, r, "file", "%.80s: %.160s has several hard links", host,
				 path);
	case -EPERM:
		return error_set(reterr, r, "file", "%.80s: %.160s belongs to somebody else", host,
				 path);
	case -ESTALE:
		return error_set(reterr, r, "file",
				 "%.80s: %.160s was changed by somebody else meanwhile", host,
				 path);
	case -EPROTO:
		return error_set(
			reterr, r, "file",
			"%.60s: %.80s: its shell answered with status %d instead of the file%s",
			host, path, output ? output->status : 0, said);
	default:
		return error_set(reterr, r, "file", "%.60s: %.80s: %s%s", host, path, strerror(-r),
				 said);
	}
}

/* Run the line of one of ssh_files.h; @r is what writing the line came to. */
static int run_file_line(struct ssh_runner *ssh, int r, struct strbuf *line, const char *path,
			 const char *input, size_t length, struct runner_output *output,
			 struct eph_error *reterr)
{
	runner_output_init(output);
	if (r == 0 && ssh->runner.cmd_exe)
		r = -EOPNOTSUPP;
	if (r == 0)
		r = run_line(ssh, line->text, input, length, output, reterr);
	else
		r = file_failed(ssh, r, path, output, reterr);
	strbuf_done(line);
	return r;
}

/* The same for a line that answers with its status alone. */
static int run_file_order(struct ssh_runner *ssh, int r, struct strbuf *line, const char *path,
			  const char *input, size_t length, struct eph_error *reterr)
{
	struct runner_output output;

	r = run_file_line(ssh, r, line, path, input, length, &output, reterr);
	if (r == 0 && output.status) {
		r = ssh_file_error(output.status);
		file_failed(ssh, r, path, &output, reterr);
	}
	runner_output_done(&output);
	return r;
}

static int ssh_file_read(struct runner *runner, const char *path, struct runner_file *ret,
			 struct eph_error *reterr)
{
	struct ssh_runner *ssh = ssh_of(runner);
	struct strbuf line = STRBUF_INIT;
	struct runner_output output;
	int r = ssh_file_read_line(path, &line);

	*ret = (struct runner_file){.exists = false};
	r = run_file_line(ssh, r, &line, path, NULL, 0, &output, reterr);
	if (r == 0) {
		r = ssh_file_read_answer(output.text.text, output.text.length, output.status, ret);
		if (r < 0)
			file_failed(ssh, r, path, &output, reterr);
	}
	runner_output_done(&output);
	return r;
}

static int write_over(struct ssh_runner *ssh, const char *path, const struct runner_file *old,
		      const char *text, size_t length, unsigned mode, struct eph_error *reterr)
{
	struct ssh_sum before = {.length = 0}, after = {.length = 0};
	struct strbuf line = STRBUF_INIT;
	int r;

	if (old->exists)
		before = ssh_sum(old->text, old->length);
	if (text)
		after = ssh_sum(text, length);
	r = ssh_file_replace_line(path, old->exists ? &before : NULL, text ? &after : NULL, mode,
				  &line);
	return run_file_order(ssh, r, &line, path, text ? text : "", length, reterr);
}

static int ssh_file_replace(struct runner *runner, const char *path, const char *expected,
			    const char *text, size_t length, unsigned mode,
			    struct eph_error *reterr)
{
	struct ssh_runner *ssh = ssh_of(runner);
	struct runner_file old;
	int r = ssh_file_read(runner, path, &old, reterr);

	if (r == 0 && strcmp(old.digest, expected) != 0)
		r = file_failed(ssh, -ESTALE, path, NULL, reterr);
	if (r == 0 && (old.exists || text))
		r = write_over(ssh, path, &old, text, length, mode, reterr);
	runner_file_done(&old);
	return r;
}

static int ssh_file_tidy(struct runner *runner, const char *path, struct eph_error *reterr)
{
	struct ssh_runner *ssh = ssh_of(runner);
	struct strbuf line = STRBUF_INIT;
	int r = ssh_file_tidy_line(path, &line);

	return run_file_order(ssh, r, &line, path, NULL, 0, reterr);
}

static int ssh_link_read(struct runner *runner, const char *path, struct strbuf *ret,
			 struct eph_error *reterr)
{
	struct ssh_runner *ssh = ssh_of(runner);
	struct strbuf line = STRBUF_INIT;
	struct runner_output output;
	int r = ssh_link_read_line(path, &line);

	r = run_file_line(ssh, r, &line, path, NULL, 0, &output, reterr);
	if (r == 0) {
		r = ssh_link_read_answer(output.text.text, output.status, ret);
		if (r < 0)
			file_failed(ssh, r, path, &output, reterr);
	}
	runner_output_done(&output);
	return r;
}

static int ssh_link_replace(struct runner *runner, const char *path, const char *to, bool remove,
			    struct eph_error *reterr)
{
	struct ssh_runner *ssh = ssh_of(runner);
	struct strbuf line = STRBUF_INIT;
	int r = ssh_link_replace_line(path, to, remove, &line);

	return run_file_order(ssh, r, &line, path, NULL, 0, reterr);
}

static const struct runner_ops ssh_ops = {
	.run = ssh_run,
	.line = ssh_line,
	.file_read = ssh_file_read,
	.file_replace = ssh_file_replace,
	.link_read = ssh_link_read,
	.link_replace = ssh_link_replace,
	.file_tidy = ssh_file_tidy,
};

int ssh_runner_init(struct ssh_runner *ssh, const char *host, struct eph_error *reterr)
{
	int r;

	*ssh = (struct ssh_runner){.runner = {.ops = &ssh_ops}, .timeout_ms = SSH_TIMEOUT_MS};
	r = ssh_target_parse(host, &ssh->target, reterr);
	if (r < 0)
		return r;
	if (strlen(host) >= sizeof(ssh->runner.place.host))
		return error_set(reterr, -ENAMETOOLONG, "host", "name too long");
	snprintf(ssh->runner.place.host, sizeof(ssh->runner.place.host), "%s", host);
	r = split_command(ssh, reterr);
	if (r < 0)
		ssh_runner_done(ssh);
	return r;
}

void ssh_runner_done(struct ssh_runner *ssh)
{
	free(ssh->command);
	ssh->command = NULL;
}
