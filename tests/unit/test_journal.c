/* Exercises: os/journal.c, journal_files.c, journal_text.c: entries survive the way to disk and back, and nothing that lies
 * in the directory is trusted. */
#include "check.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "change.h"
#include "error.h"
#include "journal_text.h"
#include "strbuf.h"
#include "tree.h"

static char directory[64];

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test_journal.XXXXXX");
	assert_non_null(mkdtemp(directory));
	setenv("EPHEMPORTS_STATE_DIR", directory, 1);
	return 0;
}

static int teardown(void **state)
{
	char link_path[80];

	(void)state;
	snprintf(link_path, sizeof(link_path), "%s.link", directory);
	unlink(link_path);
	return tree_remove(directory);
}

static struct change *example(void)
{
	const struct change_place place = {.root = "/tmp/x", .netns = 4026531840, .boot = "0-1"};
	struct change *change = change_new(&place);
	struct runner_file file = {.exists = true, .text = strdup("old\n"), .length = 4};

	digest_bytes(file.text, 4, file.digest);
	assert_int_equal(
		change_add_file(change, "net.ipv4.x", NULL, "2", "/etc/a.conf", &file, "new\n", 4),
		0);
	assert_int_equal(change_add_setting(change, "net.ipv4.x", "1", "2"), 0);
	runner_file_done(&file);
	return change;
}

static void keeps_entries(void **state)
{
	struct journal *journal = NULL;
	struct change *change = example();
	struct change_list list;
	char *text;
	size_t length;

	(void)state;
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), 0);
	assert_int_equal(journal_begin(journal, change, NULL), 0);
	assert_string_equal(change->id, "1");
	assert_int_equal(journal_mark(journal, change, CHANGE_DONE, NULL), 0);
	assert_int_equal(journal_list(journal, &list, NULL), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.change[0]->state, CHANGE_DONE);
	assert_int_equal(list.change[0]->steps, 2);
	assert_int_equal(list.change[0]->place.netns, 4026531840);
	assert_string_equal(list.change[0]->step[0].path, "/etc/a.conf");
	assert_null(list.change[0]->step[0].before);
	assert_string_equal(list.change[0]->step[0].digest_after, change->step[0].digest_after);
	assert_string_equal(list.change[0]->step[1].before, "1");
	assert_int_equal(journal_backup(journal, &list.change[0]->step[0], &text, &length, NULL),
			 0);
	assert_string_equal(text, "old\n");
	free(text);
	change_list_done(&list);
	change_free(change);
	journal_close(journal);
}

static void refuses_a_backup_that_changed(void **state)
{
	struct journal *journal = NULL;
	struct change_list list;
	char path[128], *text;
	size_t length;
	FILE *file;

	(void)state;
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), 0);
	assert_int_equal(journal_list(journal, &list, NULL), 0);
	snprintf(path, sizeof(path), "%s/%s", directory, list.change[0]->step[0].backup);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("evil\n", file);
	fclose(file);
	assert_int_equal(journal_backup(journal, &list.change[0]->step[0], &text, &length, NULL),
			 -ESTALE);
	change_list_done(&list);
	journal_close(journal);
}

static void judges_the_directory(void **state)
{
	struct journal *journal = NULL;
	char link_path[80], below[96];
	struct change_list list;
	struct stat status;

	(void)state;
	assert_int_equal(chmod(directory, 0750), 0);
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), -EACCES);
	assert_int_equal(chmod(directory, 0700), 0);
	snprintf(link_path, sizeof(link_path), "%s.link", directory);
	assert_int_equal(symlink(directory, link_path), 0);
	setenv("EPHEMPORTS_STATE_DIR", link_path, 1);
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), -ELOOP);
	/* Also where the link is not the last part. */
	snprintf(below, sizeof(below), "%s/deeper", link_path);
	setenv("EPHEMPORTS_STATE_DIR", below, 1);
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), -ELOOP);
	if (geteuid() == 0) {
		setenv("EPHEMPORTS_STATE_DIR", directory, 1);
		assert_int_equal(chown(directory, 1234, 0), 0);
		assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), -EPERM);
		assert_int_equal(chown(directory, 0, 0), 0);
	}
	/* A missing one is an empty journal to a reader, and made by a writer. */
	snprintf(below, sizeof(below), "%s/deeper", directory);
	setenv("EPHEMPORTS_STATE_DIR", below, 1);
	assert_int_equal(journal_open(JOURNAL_READ, &journal, NULL), 0);
	assert_int_equal(journal_list(journal, &list, NULL), 0);
	assert_int_equal(list.count, 0);
	change_list_done(&list);
	journal = journal_close(journal);
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), 0);
	assert_int_equal(stat(below, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	journal_close(journal);
	setenv("EPHEMPORTS_STATE_DIR", directory, 1);
}

/* @text with the first @from in it replaced by @to. */
static void assert_rejected(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	struct strbuf out = STRBUF_INIT;
	struct change *change = NULL;

	assert_non_null(at);
	strbuf_add(&out, text, (size_t)(at - text));
	strbuf_puts(&out, to);
	strbuf_puts(&out, at + strlen(from));
	if (journal_text_read(out.text, out.length, &change, NULL) != -EINVAL)
		fail_msg("accepted: %s", out.text);
	strbuf_done(&out);
}

static char *example_text(void)
{
	struct change *change = example(), *again = NULL;
	struct strbuf text = STRBUF_INIT;

	snprintf(change->id, sizeof(change->id), "7");
	snprintf(change->step[0].backup, sizeof(change->step[0].backup), "7.1.backup");
	change->state = CHANGE_DONE;
	assert_int_equal(journal_text_write(change, &text), 0);
	assert_int_equal(journal_text_read(text.text, text.length, &again, NULL), 0);
	change_free(again);
	change_free(change);
	return strbuf_take(&text);
}

static void rejects_hostile_entries(void **state)
{
	char *text = example_text();

	(void)state;
	assert_rejected(text, "\"schema\": 1", "\"schema\": 2");
	assert_rejected(text, "\"id\": \"7\"", "\"id\": \"../7\"");
	assert_rejected(text, "\"id\": \"7\"", "\"id\": 7");
	assert_rejected(text, "\"done\"", "\"planned\"");
	assert_rejected(text, "\"done\"", "\"\"");
	assert_rejected(text, "\"7.1.backup\"", "\"../../etc/passwd\"");
	assert_rejected(text, "\"7.1.backup\"", "\"/etc/passwd\"");
	assert_rejected(text, "\"7.1.backup\"", "null");
	assert_rejected(text, "\"/etc/a.conf\"", "\"etc/a.conf\"");
	assert_rejected(text, "\"/etc/a.conf\"", "null");
	assert_rejected(text, "\"/etc/a.conf\"", "\"/etc/a\\u0000.conf\"");
	assert_rejected(text, "\"/etc/a.conf\"", "\"/etc/a\\n.conf\"");
	assert_rejected(text, "\"digest_after\": \"", "\"digest_after\": \"x");
	assert_rejected(text, "\"digest_after\"", "\"command\"");
	assert_rejected(text, "\"before\": \"1\"", "\"before\": null");
	assert_rejected(text, "\"before\": \"1\"", "\"before\": \"1\", \"command\": \"reboot\"");
	assert_rejected(text, "\"netns\": 4026531840", "\"netns\": -1");
	assert_rejected(text, "\"netns\": 4026531840", "\"netns\": 1e99");
	assert_rejected(text, "}\n", "} {}\n");
	free(text);
}

/* What could not be read again is not written. */
static void refuses_names_that_are_no_text(void **state)
{
	static const char *const names[] = {"a\nb", "\x1b[31m", "\xff", "\x7f"};
	struct journal *journal = NULL;

	(void)state;
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct change *change = example();
		char entry[CHANGE_ID_BYTES + 8];

		snprintf(change->place.netns_name, sizeof(change->place.netns_name), "%s",
			 names[i]);
		assert_int_equal(journal_begin(journal, change, NULL), -EILSEQ);
		snprintf(entry, sizeof(entry), "%s.json", change->id);
		assert_int_equal(tree_count(directory, entry), 0);
		change_free(change);
	}
	journal_close(journal);
}

/* A number that no reader would know again would hide the change. */
static void stops_at_the_last_number(void **state)
{
	struct journal *journal = NULL;
	struct change *change = example();
	char path[128];
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/999999999999.json", directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(journal_open(JOURNAL_WRITE, &journal, NULL), 0);
	assert_int_equal(journal_begin(journal, change, NULL), -EOVERFLOW);
	assert_int_equal(tree_count(directory, "1000000000000"), 0);
	journal_close(journal);
	unlink(path);
	change_free(change);
}

/* Each process another host: they write at the same time, and each entry gets a number of its own. */
static void hosts_side_by_side(void **state)
{
	struct journal *own = NULL;
	pid_t child[8];
	int entries = tree_count(directory, ".json");

	(void)state;
	assert_int_equal(journal_open(JOURNAL_WRITE, &own, NULL), 0);
	for (unsigned i = 0; i < 8; i++) {
		child[i] = fork();
		assert_true(child[i] >= 0);
		if (child[i] == 0) {
			char host[16];
			struct journal *journal = NULL;
			int r;

			snprintf(host, sizeof(host), "host%u:22", i);
			r = journal_open_for(host, JOURNAL_WRITE, &journal, NULL);
			for (unsigned n = 0; r == 0 && n < 5; n++) {
				struct change *change = example();

				snprintf(change->place.host, sizeof(change->place.host), "%s",
					 host);
				r = journal_begin(journal, change, NULL);
				change_free(change);
			}
			_exit(r != 0);
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		int status;

		assert_int_equal(waitpid(child[i], &status, 0), child[i]);
		assert_int_equal(status, 0);
	}
	journal_close(own);
	assert_int_equal(tree_count(directory, ".json"), entries + 40);
}

static void survives_any_bytes(void **state)
{
	char *text = example_text();
	size_t length = strlen(text);
	uint64_t seed = check_seed();
	char *copy = malloc(length);
	unsigned accepted = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		struct change *change = NULL;
		size_t cut = check_random(&seed) % 8 ? length : check_random(&seed) % length;

		memcpy(copy, text, length);
		for (uint64_t n = check_random(&seed) % 4; n-- > 0;)
			copy[check_random(&seed) % length] = (char)check_random(&seed);
		if (journal_text_read(copy, cut, &change, NULL) == 0)
			accepted++;
		change_free(change);
	}
	print_message("%u of 20000 still entries\n", accepted);
	free(copy);
	free(text);
}

/* Entries that cannot be understood are counted and left; an entry under another's name is none. */
static void lists_past_bad_entries(void **state)
{
	struct journal *journal = NULL;
	struct change_list list;
	char path[128];
	char *text = example_text();
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/9.json", directory); /* calls itself 7 */
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	snprintf(path, sizeof(path), "%s/10.json", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(journal_open(JOURNAL_READ, &journal, NULL), 0);
	assert_int_equal(journal_list(journal, &list, NULL), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.unreadable, 2);
	assert_string_equal(list.first_unreadable, "9.json");
	change_list_done(&list);
	journal_close(journal);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_entries),
		cmocka_unit_test(refuses_a_backup_that_changed),
		cmocka_unit_test(judges_the_directory),
		cmocka_unit_test(rejects_hostile_entries),
		cmocka_unit_test(refuses_names_that_are_no_text),
		cmocka_unit_test(stops_at_the_last_number),
		cmocka_unit_test(survives_any_bytes),
		cmocka_unit_test(lists_past_bad_entries),
		cmocka_unit_test(hosts_side_by_side),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
