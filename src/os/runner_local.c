/* This machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "child.h"
#include "error.h"
#include "fd.h"
#include "file_edit.h"
#include "runner.h"

static int local_run(struct runner *runner, const char *const *argv, const char *input,
		     size_t input_length, struct runner_output *ret, struct eph_error *reterr)
{
	int r = child_run(argv, input, input_length, -1, ret);

	(void)runner;
	return r < 0 ? error_set(reterr, r, "command", "%.100s: %s", argv[0], strerror(-r)) : 0;
}

static int local_line(struct runner *runner, const char *line, struct runner_output *ret,
		      struct eph_error *reterr)
{
	return local_run(runner, (const char *const[]){"/bin/sh", "-c", line, NULL}, NULL, 0, ret,
			 reterr);
}

static int root_of(struct runner *runner)
{
	return ((struct local_runner *)runner)->root_fd;
}

static int local_file_read(struct runner *runner, const char *path, struct runner_file *ret,
			   struct eph_error *reterr)
{
	return file_edit_read(root_of(runner), path, ret, reterr);
}

/* Paths come from the journal, too: this system keeps its settings in these files, and no change is about any other. */
static bool is_ours(const char *path)
{
	const char *name = strrchr(path, '/');
	size_t length = strlen(path);

	return (name && strcmp(name, "/sysctl.conf") == 0) ||
	       (strstr(path, "/sysctl.d/") && length > 5 &&
		strcmp(path + length - 5, ".conf") == 0);
}

static int local_file_replace(struct runner *runner, const char *path, const char *expected,
			      const char *text, size_t length, unsigned mode,
			      struct eph_error *reterr)
{
	(void)mode; /* No plan for this machine has a script in it. */
	if (!is_ours(path))
		return error_set(reterr, -ENOTSUP, "file",
				 "%.200s: is no file that ephemports changes", path);
	return file_edit_replace(root_of(runner), path, expected, text, length, reterr);
}

static int local_file_tidy(struct runner *runner, const char *path, struct eph_error *reterr)
{
	return file_edit_tidy(root_of(runner), path, reterr);
}

static const struct runner_ops local_ops = {
	.run = local_run,
	.line = local_line,
	.file_read = local_file_read,
	.file_replace = local_file_replace,
	.file_tidy = local_file_tidy,
};

static void read_boot(char ret[CHANGE_BOOT_BYTES])
{
	CLEANUP(fd_closep)
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, ret, CHANGE_BOOT_BYTES - 1);

	ret[got < 0 ? 0 : got] = '\0';
	ret[strspn(ret, "0123456789abcdef-")] = '\0';
}

int local_runner_init(struct local_runner *local, const char *netns_name, struct eph_error *reterr)
{
	struct change_place *place = &local->runner.place;
	struct stat status;

	*local = (struct local_runner){.runner = {.ops = &local_ops, .settings = &linux_settings}};
	if (strlen(netns_name) >= sizeof(place->netns_name))
		return error_set(reterr, -ENAMETOOLONG, "netns", "name too long");
	snprintf(place->netns_name, sizeof(place->netns_name), "%s", netns_name);
	if (stat("/proc/thread-self/ns/net", &status) == 0)
		place->netns = status.st_ino;
	read_boot(place->boot);
	local->root_fd = file_edit_root(place->root, reterr);
	return local->root_fd < 0 ? local->root_fd : 0;
}

static int image_read(struct runner *runner, const char *name, struct strbuf *ret,
		      struct eph_error *reterr)
{
	(void)ret;
	return error_set(reterr, -ENOTSUP, "image",
			 "%.80s: the system below %.120s does not run; if it does, name its "
			 "network namespace: --netns",
			 name, runner->place.root);
}

static int image_write(struct runner *runner, const char *name, const char *value,
		       struct eph_error *reterr)
{
	(void)value;
	return image_read(runner, name, NULL, reterr);
}

static const struct setting_ops image_settings = {.read = image_read, .write = image_write};

void local_runner_image(struct local_runner *local)
{
	local->runner.settings = &image_settings;
	local->runner.place.netns = 0;
	*local->runner.place.boot = '\0';
}

void local_runner_done(struct local_runner *local)
{
	fd_closep(&local->root_fd);
}
