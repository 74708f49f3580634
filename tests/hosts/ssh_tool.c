/*
 * ssh_tool HOST ACT... - the ssh runner by hand, for test_ssh_runner.py
 *
 *	identify			system and release
 *	show				its ranges: as they are, and as the next boot will have them
 *	set LOW HIGH			change and keep all regular ranges, as os_plan(), os_plan_boot() and os_persist() say,
 *					through change_apply() and the journal
 *	undo				the last change, through change_undo()
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

#include "change.h"
#include "error.h"
#include "host.h"
#include "parse.h"
#include "runner_ssh.h"

#define FAILED 99

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

static int run_words(const char *const *argv)
{
	struct runner_output output;
	int r = ssh.runner.ops->run(&ssh.runner, argv, NULL, 0, &output, &error);

	if (r == 0 && output.status)
		r = error_set(&error, -EREMOTEIO, "test", "%s: %s", argv[0], output.errors.text);
	runner_output_done(&output);
	return r;
}

/* Before the boot: setting is what the store holds; the plan has what wins at boot, perhaps a file's. */
static int add_step(struct change *change, const struct os_step *step, bool boot)
{
	char name[OS_SETTING_BYTES + 8];
	struct strbuf before = STRBUF_INIT;
	int r;

	snprintf(name, sizeof(name), "%s%s", boot ? OS_HOST_BOOT : "", step->setting);
	r = host.runner.settings->read(&host.runner, name, &before, &error);
	if (r == 0 && (!boot || strcmp(before.text, step->after) != 0))
		r = change_add_setting(change, name, boot ? before.text : step->before,
				       step->after);
	strbuf_done(&before);
	return r;
}

static int add_steps(struct change *change, const struct os_plan *plan, bool boot)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->steps; i++)
		r = add_step(change, &plan->step[i], boot);
	return r;
}

static int add_edit(struct change *change, const struct os_edit *edit)
{
	struct runner_file old;
	int r = host.runner.ops->file_read(&host.runner, edit->path, &old, &error);

	if (r == 0)
		r = change_add_file(change, "range", NULL, NULL, edit->path, &old, edit->text,
				    edit->length);
	runner_file_done(&old);
	return r;
}

/* What a change has no step for yet: links, and modes of new files. */
static int finish_edit(const struct os_edit *edit)
{
	char mode[8];

	snprintf(mode, sizeof(mode), "%o", edit->mode & 07777u);
	if (edit->link_to)
		return run_words(
			(const char *const[]){"ln", "-s", edit->link_to, edit->path, NULL});
	if (edit->created && edit->mode)
		return run_words((const char *const[]){"chmod", mode, edit->path, NULL});
	return 0;
}

static int apply(struct change *change, struct os_edits *edits)
{
	struct change_run run = {.runner = &host.runner};
	int r = journal_open(JOURNAL_WRITE, &run.journal, &error);

	if (r == 0)
		r = change_apply(&run, change, &error);
	for (size_t i = 0; r == 0 && i < edits->count; i++)
		r = finish_edit(&edits->edit[i]);
	journal_close(run.journal);
	return r;
}

static int set(const char *low, const char *high)
{
	struct os_wish wish = {OS_REGULAR, OS_TCP | OS_UDP | OS_SCTP, OS_IPV4 | OS_IPV6, {0, 0}};
	struct os_plan plan, boot_plan;
	struct os_host_files files;
	struct os_edits edits = {.count = 0};
	struct change *change = NULL;
	int r = -EINVAL;
	struct os_files borrowed;

	files = (struct os_host_files){.count = 0};
	if (parse_port(low, &wish.range.lo) == 0 && parse_port(high, &wish.range.hi) == 0)
		r = look(&files);
	borrowed = (struct os_files){files.file, files.count};
	if (r == 0)
		r = os_plan(&state, &wish, &plan, &error);
	if (r == 0)
		r = os_plan_boot(&state, &wish, &boot_plan, &error);
	if (r == 0)
		r = os_persist(&state, &borrowed, &wish, &edits, &error);
	if (r == 0)
		change = change_new(&host.runner.place);
	for (size_t i = 0; r == 0 && i < edits.count; i++)
		if (!edits.edit[i].link_to)
			r = add_edit(change, &edits.edit[i]);
	if (r == 0)
		r = add_steps(change, &plan, false);
	if (r == 0)
		r = add_steps(change, &boot_plan, true);
	if (r == 0)
		r = apply(change, &edits);
	change_free(change);
	os_edits_done(&edits);
	os_host_files_done(&files);
	return r < 0 ? failed() : 0;
}

static int undo(void)
{
	struct change_run run = {.runner = &host.runner};
	struct change_list list = {.count = 0};
	struct change *change = NULL;
	int r = os_host_open(&host, &ssh.runner, NULL, &error);

	if (r == 0)
		r = journal_open(JOURNAL_WRITE, &run.journal, &error);
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
	if (strcmp(argv[0], "undo") == 0)
		return undo();
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
