/*
 * ssh_tool HOST ACT... - the ssh runner by hand, for test_ssh_runner.py
 *
 *	identify			system and release
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "runner_ssh.h"
#include "system.h"

#define FAILED 99

static struct ssh_runner ssh;
static struct eph_error error;

static int failed(void)
{
	fprintf(stderr, "%s: %s\n", strerrorname_np(-error.code), error.message);
	return FAILED;
}

static int show(int r, struct runner_output *output)
{
	int status = output->status;

	if (r == 0) {
		fwrite(output->text.text, 1, output->text.length, stdout);
		fwrite(output->errors.text, 1, output->errors.length, stderr);
	}
	runner_output_done(output);
	return r < 0 ? failed() : status;
}

static int identify(void)
{
	struct runner_output output;
	const struct os_system *system = NULL;
	char release[64];
	int r = ssh_runner_line(&ssh, OS_IDENTIFY_SHELL, NULL, 0, &output, &error);

	if (r == 0)
		system =
			os_identify(output.text.text, output.text.length, release, sizeof(release));
	runner_output_done(&output);
	if (r == -EPROTO) {
		ssh.cmd_exe = true;
		r = ssh_runner_line(&ssh, OS_IDENTIFY_CMD, NULL, 0, &output, &error);
		if (r == 0)
			system = os_identify(output.text.text, output.text.length, release,
					     sizeof(release));
		runner_output_done(&output);
	}
	if (r < 0)
		return failed();
	printf("%s %s\n", system ? system->name : "unknown", system ? release : "");
	return 0;
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

	return ssh.runner.ops->file_replace(&ssh.runner, path, digest, text, length, &error) < 0
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
	if (strcmp(argv[0], "run") == 0)
		return show(ops->run(&ssh.runner, words.out, NULL, 0, &output, &error), &output);
	if (strcmp(argv[0], "cmd") == 0 && argc == 2) {
		ssh.cmd_exe = true;
		return show(ssh_runner_line(&ssh, argv[1], NULL, 0, &output, &error), &output);
	}
	if (strcmp(argv[0], "read") == 0 && argc == 2)
		return read_file(argv[1]);
	if (strcmp(argv[0], "replace") == 0 && argc == 3)
		return replace_file(argv[1], argv[2]);
	if (strcmp(argv[0], "remove") == 0 && argc == 3)
		return ops->file_replace(&ssh.runner, argv[1], argv[2], NULL, 0, &error) < 0
			       ? failed()
			       : 0;
	if (strcmp(argv[0], "tidy") == 0 && argc == 2)
		return ops->file_tidy(&ssh.runner, argv[1], &error) < 0 ? failed() : 0;
	return FAILED;
}

int main(int argc, char **argv)
{
	const char *timeout = getenv("EPH_TEST_TIMEOUT_MS");
	int status;

	if (argc < 3)
		return FAILED;
	if (ssh_runner_init(&ssh, argv[1], &error) < 0)
		return failed();
	if (timeout)
		ssh.timeout_ms = atoi(timeout);
	status = act(argc - 2, argv + 2);
	ssh_runner_done(&ssh);
	return status;
}
