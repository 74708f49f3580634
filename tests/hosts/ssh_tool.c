/*
 * ssh_tool HOST ACT... - the ssh runner by hand, for test_ssh_runner.py
 *
 *	identify			system and release
 *	show				its ranges: as they are, and as the next boot will have them
 *	set LOW HIGH			change and keep all regular ranges, as os_plan(), os_plan_boot() and os_persist() say,
 *					through change_apply() and the journal
 *	reserve PORTS			put them on every list of reserved ports, in the same way
 *	undo				the last change, through change_undo()
 *	recover				what was interrupted, through change_recover()
 *	run WORD...			its output; exit status is the command's
 *	cmd LINE			the same for cmd.exe
 *	read PATH			"none", or digest and real path, then the text
 *	replace PATH DIGEST		the new text is standard input
 *	remove PATH DIGEST
 *	tidy PATH
 *
 * A failure is one line on standard error, "errno: message", and status 99.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"
#include "host_change.h"
#include "parse.h"
#include "runner_ssh.h"

#define FAILED  99
#define STOPPED 98

static struct ssh_runner ssh;
static struct eph_error error;

static int failed(void)
{
	fprintf(stderr, "%s: %s\n", strerrorname_np(-error.code), error.message);
	return FAILED;
}

static int tell(int r, struct runner_output *output)
{
	int status = output->status;

	if (r == 0) {
		fwrite(output->text.text, 1, output->text.length, stdout);
		fwrite(output->errors.text, 1, output->errors.length, stderr);
	}
	runner_output_done(output);
	return r < 0 ? failed() : status;
}

static struct os_host host;
static struct os_state state;

static int identify(void)
{
	int r = os_host_open(&host, &ssh.runner, NULL, &error);

	if (r == -ENOTSUP)
		puts("unknown");
	if (r < 0)
		return failed();
	printf("%s %s\n", host.system->name, host.release);
	return 0;
}

/* The state, with what the files say of the next boot. */
static int look(struct os_host_files *files)
{
	struct os_files borrowed;
	int r = os_host_open(&host, &ssh.runner, NULL, &error);

	if (r == 0)
		r = os_host_read(&host, &state, &error);
	*files = (struct os_host_files){.count = 0};
	if (r == 0)
		r = os_host_files(&host, files, &error);
	borrowed = (struct os_files){files->file, files->count};
	if (r == 0)
		os_boot(&state, &borrowed);
	return r;
}

static int show(void)
{
	struct os_host_files files;
	int r = look(&files);

	os_host_files_done(&files);
	if (r < 0)
		return failed();
	for (size_t i = 0; i < state.ranges; i++) {
		const struct os_range *range = &state.range[i];

		printf("%s %s", (const char *const[]){"regular", "high", "low"}[range->spec->name],
		       range->spec->high ? range->spec->high : "-");
		if (range->known)
			printf(" %u-%u", range->now.lo, range->now.hi);
		if (range->boot_known)
			printf(" boot %u-%u %s", range->boot.lo, range->boot.hi, range->where);
		putchar('\n');
	}
	return 0;
}

/* EPH_TEST_STOP_AT: the process is gone at that point of a change, as by SIGKILL. */
static void stop_at(void *userdata, unsigned point)
{
	const unsigned *stop = userdata;

	if (point == *stop)
		_exit(STOPPED);
}

static unsigned stop_point;

static int open_run(struct change_run *run)
{
	const char *text = getenv("EPH_TEST_STOP_AT");

	stop_point = text ? (unsigned)strtoul(text, NULL, 10) : 0;
	*run = (struct change_run){
		.runner = &host.runner, .at_point = stop_at, .userdata = &stop_point};
	if (os_host_boot(&host, &error) < 0)
		return error.code;
	return journal_open(JOURNAL_WRITE, &run->journal, &error);
}

/* To a range, or to more ports on the lists. */
static int change_to(const struct os_wish *range, const struct os_list_wish *list)
{
	struct host_change *change = NULL;
	struct change_run run = {.journal = NULL};
	int r = os_host_open(&host, &ssh.runner, NULL, &error);

	if (r == 0)
		r = os_host_boot(&host, &error);
	if (r == 0)
		r = host_change_read(&host, &change, &error);
	if (r == 0)
		r = range ? host_change_plan(&host, change, range, true, &error)
			  : host_change_reserve(&host, change, list, true, &error);
	if (r == 0)
		r = open_run(&run);
	if (r == 0)
		r = change_apply(&run, change->change, &error);
	journal_close(run.journal);
	host_change_free(change);
	return r < 0 ? failed() : 0;
}

static int set(const char *low, const char *high)
{
	struct os_wish wish = {
		OS_REGULAR, OS_TCP | OS_UDP | OS_SCTP, OS_IPV4 | OS_IPV6, {0, 0}, false};

	if (parse_port(low, &wish.range.lo) < 0 || parse_port(high, &wish.range.hi) < 0)
		return FAILED;
	return change_to(&wish, NULL);
}

static int reserve(const char *ports)
{
	struct os_list_wish wish = {.protocols = OS_TCP | OS_UDP};

	if (port_set_parse(ports, strlen(ports), &wish.ports, &error) < 0)
		return failed();
	return change_to(NULL, &wish);
}

/* What was interrupted: settled, and said. */
static int recover(void)
{
	struct change_run run = {.journal = NULL};
	struct strbuf said = STRBUF_INIT;
	int r = os_host_open(&host, &ssh.runner, NULL, &error);

	if (r == 0)
		r = open_run(&run);
	if (r == 0)
		r = change_recover(&run, &said, &error);
	puts(said.text);
	strbuf_done(&said);
	journal_close(run.journal);
	return r < 0 ? failed() : 0;
}

static int undo(void)
{
	struct change_run run = {.journal = NULL};
	struct change_list list = {.count = 0};
	struct change *change = NULL;
	int r = os_host_open(&host, &ssh.runner, NULL, &error);

	if (r == 0)
		r = open_run(&run);
	if (r == 0)
		r = journal_list(run.journal, &list, &error);
	if (r == 0)
		change = change_list_find(&list, NULL);
	if (r == 0)
		r = change ? change_undo(&run, &list, change, &error)
			   : error_set(&error, -ENOENT, "test", "nothing to undo");
	change_list_done(&list);
	journal_close(run.journal);
	return r < 0 ? failed() : 0;
}

static int read_file(const char *path)
{
	struct runner_file file;
	int r = ssh.runner.ops->file_read(&ssh.runner, path, &file, &error);

	if (r == 0 && !file.exists)
		puts("none");
	if (r == 0 && file.exists) {
		printf("%s %s\n", file.digest, file.real_path);
		fwrite(file.text, 1, file.length, stdout);
	}
	runner_file_done(&file);
	return r < 0 ? failed() : 0;
}

static int replace_file(const char *path, const char *digest)
{
	static char text[CHANGE_CONTENT_MAX];
	size_t length = fread(text, 1, sizeof(text), stdin);

	return ssh.runner.ops->file_replace(&ssh.runner, path, digest, text, length, 0, &error) < 0
		       ? failed()
		       : 0;
}

static int act(int argc, char **argv)
{
	const struct runner_ops *ops = ssh.runner.ops;
	struct runner_output output;
	union {
		char **in;
		const char *const *out;
	} words = {.in = argv + 1};

	if (strcmp(argv[0], "identify") == 0)
		return identify();
	if (strcmp(argv[0], "show") == 0)
		return show();
	if (strcmp(argv[0], "set") == 0 && argc == 3)
		return set(argv[1], argv[2]);
	if (strcmp(argv[0], "reserve") == 0 && argc == 2)
		return reserve(argv[1]);
	if (strcmp(argv[0], "undo") == 0)
		return undo();
	if (strcmp(argv[0], "recover") == 0)
		return recover();
	if (strcmp(argv[0], "run") == 0)
		return tell(ops->run(&ssh.runner, words.out, NULL, 0, &output, &error), &output);
	if (strcmp(argv[0], "cmd") == 0 && argc == 2) {
		ssh.runner.cmd_exe = true;
		return tell(ops->line(&ssh.runner, argv[1], &output, &error), &output);
	}
	if (strcmp(argv[0], "read") == 0 && argc == 2)
		return read_file(argv[1]);
	if (strcmp(argv[0], "replace") == 0 && argc == 3)
		return replace_file(argv[1], argv[2]);
	if (strcmp(argv[0], "remove") == 0 && argc == 3)
		return ops->file_replace(&ssh.runner, argv[1], argv[2], NULL, 0, 0, &error) < 0
			       ? failed()
			       : 0;
	if (strcmp(argv[0], "tidy") == 0 && argc == 2)
		return ops->file_tidy(&ssh.runner, argv[1], &error) < 0 ? failed() : 0;
	return FAILED;
}

int main(int argc, char **argv)
{
	const char *timeout = getenv("EPH_TEST_TIMEOUT_MS");
	uint64_t timeout_ms;
	int status;

	if (argc < 3)
		return FAILED;
	if (ssh_runner_init(&ssh, argv[1], &error) < 0)
		return failed();
	if (timeout && parse_uint(timeout, strlen(timeout), 60000, &timeout_ms) == 0)
		ssh.timeout_ms = (int)timeout_ms;
	status = act(argc - 2, argv + 2);
	ssh_runner_done(&ssh);
	return status;
}
