/* Exercises: os/file_edit.c: replacing one file below a root, whatever lies in its place, and whoever changes it meanwhile. */
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "error.h"
#include "file_edit.h"
#include "tree.h"

#define RACES 600u

static char root[64];
static int root_fd;

static char *below(const char *path)
{
	static char full[4][512];
	static unsigned next;
	char *text = full[next++ % 4];

	snprintf(text, sizeof(full[0]), "%s%s", root, path);
	return text;
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(below(path), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void assert_text(const char *path, const char *text)
{
	char buffer[256];
	FILE *file = fopen(below(path), "r");
	size_t length;

	assert_non_null(file);
	length = fread(buffer, 1, sizeof(buffer) - 1, file);
	fclose(file);
	buffer[length] = '\0';
	assert_string_equal(buffer, text);
}

static void assert_nothing_left(void)
{
	assert_int_equal(tree_count(root, "ephemports-new"), 0);
}

/* Read, then replace; the error of the first that fails. */
static int edit(const char *path, const char *text)
{
	struct runner_file file;
	int r = file_edit_read(root_fd, path, &file, NULL);

	if (r == 0)
		r = file_edit_replace(root_fd, path, file.digest, text, text ? strlen(text) : 0,
				      NULL);
	runner_file_done(&file);
	return r;
}

static int setup(void **state)
{
	char path[CHANGE_PATH_BYTES];

	(void)state;
	snprintf(root, sizeof(root), "/tmp/test_file_edit.XXXXXX");
	assert_non_null(mkdtemp(root));
	setenv("EPHEMPORTS_ROOT", root, 1);
	root_fd = file_edit_root(path, NULL);
	assert_true(root_fd >= 0);
	assert_string_equal(path, root);
	assert_int_equal(mkdir(below("/etc"), 0755), 0);
	assert_int_equal(mkdir(below("/etc/sysctl.d"), 0755), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(root_fd);
	return tree_remove(root);
}

static void keeps_what_it_is(void **state)
{
	struct stat before, after;
	char value[8];
	bool attributes;

	(void)state;
	put("/etc/a.conf", "old");
	assert_int_equal(chmod(below("/etc/a.conf"), 0640), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(below("/etc/a.conf"), 0, 4711), 0);
	attributes = setxattr(below("/etc/a.conf"), "user.note", "mine", 4, 0) == 0;
	assert_int_equal(stat(below("/etc/a.conf"), &before), 0);
	assert_int_equal(edit("/etc/a.conf", "new, no newline"), 0);
	assert_text("/etc/a.conf", "new, no newline");
	assert_int_equal(stat(below("/etc/a.conf"), &after), 0);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_gid, before.st_gid);
	if (attributes)
		assert_int_equal(getxattr(below("/etc/a.conf"), "user.note", value, 8), 4);
	assert_nothing_left();
}

static void creates_and_removes(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(edit("/etc/sysctl.d/new.conf", "a\n"), 0);
	assert_int_equal(stat(below("/etc/sysctl.d/new.conf"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0644);
	assert_int_equal(edit("/etc/sysctl.d/new.conf", NULL), 0);
	assert_int_equal(access(below("/etc/sysctl.d/new.conf"), F_OK), -1);
	/* A missing directory is made, one level. */
	assert_int_equal(edit("/etc/other.d/new.conf", "a\n"), 0);
	assert_text("/etc/other.d/new.conf", "a\n");
	assert_int_equal(edit("/etc/x/y/new.conf", "a\n"), -ENOENT);
	assert_nothing_left();
}

static void follows_links_below_the_root(void **state)
{
	static const char *const targets[] = {"../real.conf", "/etc/real.conf", "/etc/again.conf",
					      "/../../../../etc/real.conf",
					      "../../../../../../../etc/real.conf"};
	struct stat status;

	(void)state;
	assert_int_equal(symlink("sysctl.d/../real.conf", below("/etc/again.conf")), 0);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		struct runner_file file;

		put("/etc/real.conf", "old");
		unlink(below("/etc/sysctl.d/l.conf"));
		assert_int_equal(symlink(targets[i], below("/etc/sysctl.d/l.conf")), 0);
		assert_int_equal(file_edit_read(root_fd, "/etc/sysctl.d/l.conf", &file, NULL), 0);
		assert_string_equal(file.real_path, "/etc/real.conf");
		runner_file_done(&file);
		assert_int_equal(edit("/etc/sysctl.d/l.conf", "new"), 0);
		assert_text("/etc/real.conf", "new");
		assert_int_equal(lstat(below("/etc/sysctl.d/l.conf"), &status), 0);
		assert_true(S_ISLNK(status.st_mode));
	}
	assert_nothing_left();
}

static void never_leaves_the_root(void **state)
{
	char outside[] = "/tmp/test_file_edit_out.XXXXXX", through[64];
	struct stat status;
	int fd = mkstemp(outside);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	unlink(below("/etc/sysctl.d/out.conf"));
	assert_int_equal(symlink(outside, below("/etc/sysctl.d/out.conf")), 0);
	assert_int_equal(edit("/etc/sysctl.d/out.conf", "new"), -ENOLINK);
	/* A directory that leads out, too. */
	assert_int_equal(symlink("/tmp", below("/etc/dir")), 0);
	snprintf(through, sizeof(through), "/etc/dir/%s", strrchr(outside, '/') + 1);
	assert_int_equal(edit(through, "new"), -ENOENT);
	assert_int_equal(stat(outside, &status), 0);
	assert_int_equal(status.st_size, 0);
	unlink(outside);
}

static void refuses(void **state)
{
	(void)state;
	put("/etc/a.conf", "old");
	assert_int_equal(link(below("/etc/a.conf"), below("/etc/second.conf")), 0);
	assert_int_equal(edit("/etc/a.conf", "new"), -EMLINK);
	assert_text("/etc/second.conf", "old");
	unlink(below("/etc/second.conf"));
	assert_int_equal(mkfifo(below("/etc/fifo"), 0644), 0);
	assert_int_equal(edit("/etc/fifo", "new"), -EINVAL);
	assert_int_equal(edit("/etc/sysctl.d", "new"), -EINVAL);
	assert_int_equal(edit("/etc/sysctl.d/..", "new"), -EINVAL);
	assert_int_equal(edit("etc/a.conf", "new"), -EINVAL);
	assert_int_equal(symlink("loop", below("/etc/loop")), 0);
	assert_int_equal(edit("/etc/loop", "new"), -ELOOP);
	assert_int_equal(truncate(below("/etc/a.conf"), (off_t)CHANGE_CONTENT_MAX + 1), 0);
	assert_int_equal(edit("/etc/a.conf", "new"), -EFBIG);
	put("/etc/a.conf", "old");
	if (geteuid() == 0) {
		assert_int_equal(chown(below("/etc/a.conf"), 1234, 0), 0);
		assert_int_equal(edit("/etc/a.conf", "new"), -EPERM);
		assert_int_equal(chown(below("/etc/a.conf"), 0, 0), 0);
	}
	assert_text("/etc/a.conf", "old");
	assert_nothing_left();
}

static void notices_that_it_changed(void **state)
{
	struct runner_file file;

	(void)state;
	put("/etc/a.conf", "old");
	assert_int_equal(file_edit_read(root_fd, "/etc/a.conf", &file, NULL), 0);
	put("/etc/a.conf", "theirs");
	assert_int_equal(file_edit_replace(root_fd, "/etc/a.conf", file.digest, "new", 3, NULL),
			 -ESTALE);
	assert_int_equal(file_edit_replace(root_fd, "/etc/a.conf", "", "new", 3, NULL), -ESTALE);
	assert_int_equal(file_edit_replace(root_fd, "/etc/a.conf", file.digest, NULL, 0, NULL),
			 -ESTALE);
	assert_text("/etc/a.conf", "theirs");
	unlink(below("/etc/a.conf"));
	assert_int_equal(file_edit_replace(root_fd, "/etc/a.conf", file.digest, "new", 3, NULL),
			 -ESTALE);
	runner_file_done(&file);
	assert_nothing_left();
}

/* What an interrupted run left is neither in the way nor stays. */
static void tidies(void **state)
{
	(void)state;
	put("/etc/a.conf", "old");
	put("/etc/.a.conf.ephemports-new", "half");
	assert_int_equal(edit("/etc/a.conf", "new"), 0);
	assert_nothing_left();
	put("/etc/.a.conf.ephemports-new", "half");
	assert_int_equal(file_edit_tidy(root_fd, "/etc/a.conf", NULL), 0);
	assert_nothing_left();
	assert_text("/etc/a.conf", "new");
}

static void *rename_over(void *delay)
{
	const struct timespec wait = {.tv_nsec = *(const long *)delay};

	nanosleep(&wait, NULL);
	assert_int_equal(rename(below("/etc/theirs"), below("/etc/race.conf")), 0);
	return NULL;
}

/* Somebody else puts his own file there at any moment between our reading and our replacing: his must never be lost. */
static void never_loses_a_concurrent_change(void **state)
{
	uint64_t seed = check_seed();
	unsigned noticed = 0;

	(void)state;
	for (unsigned i = 0; i < RACES; i++) {
		long delay = (long)(check_random(&seed) % 400000);
		struct runner_file file;
		pthread_t thread;
		int r;

		put("/etc/race.conf", "old");
		put("/etc/theirs", "theirs");
		assert_int_equal(file_edit_read(root_fd, "/etc/race.conf", &file, NULL), 0);
		assert_int_equal(pthread_create(&thread, NULL, rename_over, &delay), 0);
		r = file_edit_replace(root_fd, "/etc/race.conf", file.digest, "ours", 4, NULL);
		pthread_join(thread, NULL);
		runner_file_done(&file);
		assert_true(r == 0 || r == -ESTALE);
		noticed += r == -ESTALE;
		assert_text("/etc/race.conf", "theirs");
	}
	print_message("%u of %u noticed in time\n", noticed, RACES);
	assert_true(noticed > 0 && noticed < RACES);
	assert_nothing_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_it_is),
		cmocka_unit_test(creates_and_removes),
		cmocka_unit_test(follows_links_below_the_root),
		cmocka_unit_test(never_leaves_the_root),
		cmocka_unit_test(refuses),
		cmocka_unit_test(notices_that_it_changed),
		cmocka_unit_test(tidies),
		cmocka_unit_test(never_loses_a_concurrent_change),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
