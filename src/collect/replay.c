#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "snapshot_text.h"

#define FIRST_BYTES (64u << 10)

/* So far. A device that never ends, or a file of something else, is not worth two gigabytes of memory. */
static bool may_be_snapshot(const char *text, size_t length)
{
	static const char first[] = SNAPSHOT_TEXT_FIRST_WORD;
	size_t known = length < sizeof(first) - 1 ? length : sizeof(first) - 1;

	return memcmp(text, first, known) == 0;
}

/* Everything up to the end of @fd. Return: 0, -EFBIG, -ENOMEM, -EINVAL (no snapshot), or what read(2) said. */
static int read_whole(int fd, size_t expected, char **ret, size_t *ret_length)
{
	size_t capacity = expected + 1, length = 0;
	CLEANUP(freep) char *text = malloc(capacity);
	ssize_t got = 1;

	while (text && got != 0) {
		if (length == capacity) {
			char *grown = realloc(text, capacity * 2);

			if (!grown)
				return -ENOMEM;
			text = grown;
			capacity *= 2;
		}
		got = read(fd, text + length, capacity - length);
		if (got < 0 && errno != EINTR)
			return -errno;
		length += got > 0 ? (size_t)got : 0;
		if (length > REPLAY_BYTES_MAX)
			return -EFBIG;
		if (!may_be_snapshot(text, length))
			return -EINVAL;
	}
	if (!text)
		return -ENOMEM;
	*ret_length = length;
	*ret = TAKE_PTR(text);
	return 0;
}

static int read_file(const char *path, char **ret, size_t *ret_length)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;
	size_t expected = FIRST_BYTES;

	if (fd < 0 || fstat(fd, &status) < 0)
		return -errno;
	if (S_ISREG(status.st_mode) && (uint64_t)status.st_size > REPLAY_BYTES_MAX)
		return -EFBIG;
	if (S_ISREG(status.st_mode) && status.st_size > 0)
		expected = (size_t)status.st_size;
	return read_whole(fd, expected, ret, ret_length);
}

int replay_read(const char *path, struct snapshot **ret, struct eph_error *reterr)
{
	CLEANUP(freep) char *text = NULL;
	size_t length = 0;
	int r = read_file(path, &text, &length);

	if (r < 0)
		return error_set(reterr, r, "replay", "%s: %s", path,
				 r == -EINVAL ? "not a snapshot of ephemports" : strerror(-r));
	r = snapshot_read(text, length, ret, reterr);
	if (r == 0)
		(*ret)->replayed = true;
	return r;
}
