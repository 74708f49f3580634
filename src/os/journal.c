#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "change.h"
#include "error.h"
#include "fd.h"
#include "journal_files.h"
#include "journal_text.h"
#include "parse.h"
#include "strbuf.h"

#define VARIABLE        "EPHEMPORTS_STATE_DIR"
#define DEFAULT_PATH    "/var/lib/ephemports"
#define LOCK            "lock"
#define LOCK_NUMBERS    "lock-numbers" /* held while an entry gets its number */
#define ENTRY_SUFFIX    ".json"
#define ENTRY_BYTES_MAX (4u << 20)
#define ID_MAX          UINT64_C(999999999999)

struct journal {
	int directory_fd, lock_fd; /* directory -1: an empty one */
	enum journal_mode mode;
	char path[CHANGE_PATH_BYTES];
};

static int refuse(struct eph_error *reterr, int r, const char *path)
{
	const char *why = r == -EACCES && geteuid() != 0 ? "not permitted; try as root"
			  : r == -ELOOP
				  ? "no directory, or a symbolic link to one, which is not followed"
			  : r == -EPERM  ? "belongs to somebody else"
			  : r == -EACCES ? "cannot be entered, or others may enter it: it must be "
					   "yours with mode 0700"
			  : r == -EBUSY  ? "another ephemports is changing this host"
					 : strerror(-r);

	return error_set(reterr, r, "journal", "%.200s: %s", path, why);
}

/* Names of hosts hold bytes that names of files should not. */
static int lock(int directory_fd, const char *host)
{
	char name[sizeof(LOCK) + DIGEST_TEXT_BYTES] = LOCK, digest[DIGEST_TEXT_BYTES];

	if (host) {
		digest_bytes(host, strlen(host), digest);
		snprintf(name, sizeof(name), LOCK "-%.16s", digest);
	}
	return journal_directory_lock(directory_fd, name);
}

int journal_open(enum journal_mode mode, struct journal **ret, struct eph_error *reterr)
{
	return journal_open_for(NULL, mode, ret, reterr);
}

int journal_open_for(const char *host, enum journal_mode mode, struct journal **ret,
		     struct eph_error *reterr)
{
	const char *path = secure_getenv(VARIABLE);
	struct journal *journal = calloc(1, sizeof(*journal));
	int r = 0;

	if (!journal)
		return error_set(reterr, -ENOMEM, "journal", "out of memory");
	*journal = (struct journal){.directory_fd = -1, .lock_fd = -1, .mode = mode};
	snprintf(journal->path, sizeof(journal->path), "%s", path && *path ? path : DEFAULT_PATH);
	if (path && strlen(path) >= sizeof(journal->path))
		r = -ENAMETOOLONG;
	if (r == 0)
		r = journal_directory_open(journal->path, mode == JOURNAL_WRITE);
	if (r >= 0)
		journal->directory_fd = r;
	if (r == -ENOENT && mode == JOURNAL_READ)
		r = 0;
	if (r >= 0 && mode == JOURNAL_WRITE)
		r = journal->lock_fd = lock(journal->directory_fd, host);
	if (r < 0) {
		refuse(reterr, r, journal->path);
		journal_close(journal);
		return r;
	}
	*ret = journal;
	return 0;
}

struct journal *journal_close(struct journal *journal)
{
	if (journal) {
		fd_closep(&journal->lock_fd);
		fd_closep(&journal->directory_fd);
		free(journal);
	}
	return NULL;
}

const char *journal_path(const struct journal *journal)
{
	return journal->path;
}

/* "17.json" is 17; 0: no entry. */
static uint64_t entry_number(const char *name)
{
	size_t length = strlen(name), suffix = strlen(ENTRY_SUFFIX);
	uint64_t number;

	if (length <= suffix || strcmp(name + length - suffix, ENTRY_SUFFIX) != 0 || *name == '0' ||
	    parse_uint(name, length - suffix, ID_MAX, &number) < 0)
		return 0;
	return number;
}

static int by_number(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* Numbers of all entries, ascending; @ret has JOURNAL_ENTRIES_MAX. Return: how many, or negative errno. */
static int read_numbers(const struct journal *journal, uint64_t *ret)
{
	CLEANUP(fd_closep)
	int fd = openat(journal->directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	unsigned count = 0;

	if (!stream)
		return -errno;
	fd_take(&fd);
	while ((entry = readdir(stream)) && count <= JOURNAL_ENTRIES_MAX) {
		uint64_t number = entry_number(entry->d_name);

		if (number && count == JOURNAL_ENTRIES_MAX)
			count++;
		else if (number)
			ret[count++] = number;
	}
	closedir(stream);
	if (count > JOURNAL_ENTRIES_MAX)
		return -EOVERFLOW;
	if (count)
		qsort(ret, count, sizeof(*ret), by_number);
	return (int)count;
}

/* What could be written and not be read again could not be undone: a name with a line break in it, say. */
static int check_readable(const struct strbuf *text)
{
	struct change *change = NULL;
	int r = journal_text_read(text->text, text->length, &change, NULL);

	change_free(change);
	return r == -ENOMEM ? r : r < 0 ? -EILSEQ : 0;
}

static int write_entry(struct journal *journal, const struct change *change,
		       struct eph_error *reterr)
{
	struct strbuf text = STRBUF_INIT;
	char name[CHANGE_ID_BYTES + sizeof(ENTRY_SUFFIX)];
	int r = journal_text_write(change, &text);

	if (r == 0 && text.length > ENTRY_BYTES_MAX)
		r = -EFBIG;
	if (r == 0)
		r = check_readable(&text);
	snprintf(name, sizeof(name), "%s" ENTRY_SUFFIX, change->id);
	if (r == 0)
		r = journal_file_write(journal->directory_fd, name, text.text, text.length);
	strbuf_done(&text);
	return r < 0 ? error_set(reterr, r, "journal", "%.200s/%s: %s", journal->path, name,
				 r == -EILSEQ ? "a name in it is no plain text, and could not be "
						"read again"
					      : strerror(-r))
		     : 0;
}

static int write_backups(struct journal *journal, struct change *change, struct eph_error *reterr)
{
	for (unsigned i = 0; i < change->steps; i++) {
		struct change_step *step = &change->step[i];
		int r;

		if (!step->path || !*step->digest_before)
			continue;
		snprintf(step->backup, sizeof(step->backup), "%.20s.%u.backup", change->id, i + 1);
		r = journal_file_write(journal->directory_fd, step->backup, step->old_content,
				       step->old_length);
		if (r < 0)
			return error_set(reterr, r, "journal", "%.200s/%s: %s", journal->path,
					 step->backup, strerror(-r));
	}
	return 0;
}

int journal_begin(struct journal *journal, struct change *change, struct eph_error *reterr)
{
	/* Released when the entry is there, and its number is seen to be taken. */
	CLEANUP(fd_closep)
	int numbers_fd = journal_directory_lock(journal->directory_fd, LOCK_NUMBERS);
	CLEANUP(freep) uint64_t *number = calloc(JOURNAL_ENTRIES_MAX, sizeof(*number));
	struct timespec now;
	int count = numbers_fd < 0 ? numbers_fd
		    : number       ? read_numbers(journal, number)
				   : -ENOMEM,
	    r;

	if (count < 0)
		return error_set(reterr, count, "journal", "%.200s: %s", journal->path,
				 count == -EOVERFLOW ? "too many entries; move old ones away"
						     : strerror(-count));
	if (count && number[count - 1] >= ID_MAX)
		return error_set(reterr, -EOVERFLOW, "journal",
				 "%.200s: no number is left after %llu; move that entry away",
				 journal->path, (unsigned long long)ID_MAX);
	clock_gettime(CLOCK_REALTIME, &now);
	change->time_s = now.tv_sec;
	snprintf(change->id, sizeof(change->id), "%llu",
		 (unsigned long long)(count ? number[count - 1] : 0) + 1);
	r = write_backups(journal, change, reterr);
	return r == 0 ? journal_mark(journal, change, CHANGE_BEGUN, reterr) : r;
}

int journal_mark(struct journal *journal, struct change *change, enum change_state state,
		 struct eph_error *reterr)
{
	enum change_state before = change->state;
	int r;

	change->state = state;
	r = write_entry(journal, change, reterr);
	if (r < 0)
		change->state = before;
	return r;
}

static int read_entry(const struct journal *journal, uint64_t number, struct change **ret)
{
	CLEANUP(freep) char *text = NULL;
	struct change *change = NULL;
	char name[CHANGE_ID_BYTES + sizeof(ENTRY_SUFFIX)];
	size_t length;
	int r;

	snprintf(name, sizeof(name), "%llu" ENTRY_SUFFIX, (unsigned long long)number);
	r = journal_file_read(journal->directory_fd, name, ENTRY_BYTES_MAX, &text, &length);
	if (r == 0)
		r = journal_text_read(text, length, &change, NULL);
	if (r < 0 || !change)
		return r < 0 ? r : -EINVAL;
	/* An entry that calls itself by another name would be undone in another's place. */
	if (strtoull(change->id, NULL, 10) != number) {
		change_free(change);
		return -EINVAL;
	}
	*ret = change;
	return 0;
}

static void note_unreadable(struct change_list *list, uint64_t number)
{
	if (!list->unreadable++)
		snprintf(list->first_unreadable, sizeof(list->first_unreadable),
			 "%llu" ENTRY_SUFFIX, (unsigned long long)number);
}

int journal_list(const struct journal *journal, struct change_list *ret, struct eph_error *reterr)
{
	CLEANUP(freep) uint64_t *number = calloc(JOURNAL_ENTRIES_MAX, sizeof(*number));
	int count = 0, r = 0;

	*ret = (struct change_list){.count = 0};
	if (journal->directory_fd >= 0)
		count = number ? read_numbers(journal, number) : -ENOMEM;
	if (count >= 0)
		ret->change = calloc((size_t)count + 1, sizeof(struct change *));
	if (count < 0 || !ret->change)
		return error_set(reterr, count < 0 ? count : -ENOMEM, "journal", "%.200s: %s",
				 journal->path, strerror(count < 0 ? -count : ENOMEM));
	for (int i = 0; r == 0 && i < count; i++) {
		r = read_entry(journal, number[i], &ret->change[ret->count]);
		if (r == 0)
			ret->count++;
		else if (r != -ENOMEM) {
			note_unreadable(ret, number[i]);
			r = 0;
		}
	}
	return r < 0 ? error_set(reterr, r, "journal", "out of memory") : 0;
}

void change_list_done(struct change_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		change_free(list->change[i]);
	free(list->change);
	*list = (struct change_list){.count = 0};
}

struct change *change_list_find(const struct change_list *list, const char *id)
{
	for (size_t i = list->count; i-- > 0;)
		if (id ? strcmp(list->change[i]->id, id) == 0
		       : list->change[i]->state == CHANGE_DONE)
			return list->change[i];
	return NULL;
}

int journal_backup(const struct journal *journal, const struct change_step *step, char **ret,
		   size_t *ret_length, struct eph_error *reterr)
{
	char digest[DIGEST_TEXT_BYTES];
	int r = journal_file_read(journal->directory_fd, step->backup, CHANGE_CONTENT_MAX, ret,
				  ret_length);

	if (r < 0)
		return error_set(reterr, r, "journal", "%.200s/%s: %s", journal->path, step->backup,
				 strerror(-r));
	digest_bytes(*ret, *ret_length, digest);
	if (strcmp(digest, step->digest_before) == 0)
		return 0;
	free(*ret);
	*ret = NULL;
	return error_set(reterr, -ESTALE, "journal", "%.200s/%s is not the copy that was made",
			 journal->path, step->backup);
}
