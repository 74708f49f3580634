#include "saved_text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "strbuf.h"

/* 1 when there may be more, 0 at the end. */
static int read_some(int fd, size_t max, struct strbuf *text)
{
	char chunk[1 << 16];
	ssize_t got = read(fd, chunk, sizeof(chunk));

	if (got < 0)
		return errno == EINTR ? 1 : -errno;
	strbuf_add(text, chunk, (size_t)got);
	if (text->failed)
		return -ENOMEM;
	return text->length > max ? -EFBIG : got > 0;
}

int saved_text_read(const char *path, size_t max, char **ret, size_t *ret_length,
		    struct eph_error *reterr)
{
	CLEANUP(fd_closep) int fd = -1;
	struct strbuf text = STRBUF_INIT;
	int r = 1;

	fd = strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
				    : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		r = -errno;
	while (r > 0)
		r = read_some(fd, max, &text);
	*ret_length = text.length;
	*ret = r < 0 ? NULL : strbuf_take(&text);
	strbuf_done(&text);
	if (r == 0 && !*ret)
		r = -ENOMEM;
	return r < 0 ? error_set(reterr, r, "file", "%.200s: %s", path, strerror(-r)) : 0;
}

int saved_text_blame(const char *path, int code, struct eph_error *reterr)
{
	struct eph_error said;

	if (!reterr)
		return code;
	said = *reterr;
	return error_set_at(reterr, code, said.step, said.offset, "%.100s: %s",
			    strcmp(path, "-") == 0 ? "standard input" : path, said.message);
}
