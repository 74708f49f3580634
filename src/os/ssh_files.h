/*
 * Files of a host that is reached by a Bourne shell: one line for each act, without anything that shells and tools of the
 * 1990s do not have. Pure: lines to be run, and what their answers mean.
 */
#ifndef EPH_OS_SSH_FILES_H
#define EPH_OS_SSH_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "runner.h"
#include "strbuf.h"

struct eph_error;

/* Checksum and length of some bytes, as cksum(1) prints them: to notice another writer and a full disk. A system made of
 * busybox may lack it and have sha256sum(1); with neither the length has to do. */
struct ssh_sum {
	uint32_t crc;
	size_t length;
	char digest[DIGEST_TEXT_BYTES];
};
struct ssh_sum ssh_sum(const char *bytes, size_t length);

/* The line that prints a file, and what it said. Return as file_edit.h says; -EPROTO for an answer that is none. */
int ssh_file_read_line(const char *path, struct strbuf *out);
int ssh_file_read_answer(const char *text, size_t length, int status, struct runner_file *ret);

/**
 * ssh_file_replace_line() - the line that puts its standard input in the place of a file
 * @before: sum of the file as it was read; NULL: it was not there
 * @after:  sum of the new text; NULL: the file is removed
 * @mode:   of a file that was not there; 0: 0644
 *
 * The new file begins as a copy of the old one, so owner, mode and what else cp -p keeps survive, and gets its text before
 * it is moved over the old one.
 */
int ssh_file_replace_line(const char *path, const struct ssh_sum *before,
			  const struct ssh_sum *after, unsigned mode, struct strbuf *out);

/* The line that prints where a link leads, and what it said, appended to @ret; the one that makes or removes it. As
 * runner_ops says. */
int ssh_link_read_line(const char *path, struct strbuf *out);
int ssh_link_read_answer(const char *text, int status, struct strbuf *ret);
int ssh_link_replace_line(const char *path, const char *to, bool remove, struct strbuf *out);

int ssh_file_tidy_line(const char *path, struct strbuf *out);

/* Exit status of such a line as a negative errno; 0 for 0. */
int ssh_file_error(int status);

#endif
