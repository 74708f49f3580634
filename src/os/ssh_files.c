#include "ssh_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "parse.h"
#include "ssh_words.h"

#define HEAD "ephemports-file "

/* Exit statuses of the lines below. */
#define NOT_REGULAR 41
#define LINKS       42
#define OWNER       43
#define DENIED      44
#define STALE       45
#define LOOP        46
#define TOO_LARGE   47
#define FULL        48
#define EXISTS      49

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

/* $f becomes the file itself, links followed; $t is our new file beside it. */
#define FOLLOW                                                                                     \
	"n=0; while [ -h \"$f\" ]; do n=`expr $n + 1`; if [ $n -gt 40 ]; then exit " TEXT(         \
		LOOP) "; fi; l=`ls -ld \"$f\" | sed \"s/^.* -> //\"`; case \"$l\" in /*) "         \
		      "f=\"$l\";; *) "                                                             \
		      "f=`dirname \"$f\"`/\"$l\";; esac; done; d=`dirname \"$f\"`; "               \
		      "t=\"$d/.`basename \"$f\"`.ephemports-new\"; "

/* What is there must be a regular file with one name, of root's or our own (of root's, if we are root). */
#define CHECK                                                                                      \
	"if [ -d \"$d\" ]; then if [ -x \"$d\" ]; then :; else exit " TEXT(                        \
		DENIED) "; fi; fi; "                                                               \
			"h=; if [ -f \"$f\" ]; then h=y; set x `ls -ldn \"$f\"`; "                 \
			"if [ \"$3\" -ne 1 ]; then exit " TEXT(                                    \
				LINKS) "; fi; "                                                    \
				       "u=`id | sed \"s/^[^=]*=//; s/[^0-9].*//\"`; "              \
				       "if [ \"$4\" -ne 0 ]; then if [ \"$4\" -ne \"$u\" ]; then " \
				       "exit " TEXT(OWNER) "; fi; fi; "                            \
							   "else if ls -d \"$f\" >/dev/null "      \
							   "2>&1; then exit " TEXT(                \
								   NOT_REGULAR) "; fi; fi; "

static uint32_t crc_byte(uint32_t crc, unsigned char byte)
{
	crc ^= (uint32_t)byte << 24;
	for (int bit = 0; bit < 8; bit++)
		crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
	return crc;
}

/* POSIX cksum: the CRC of the bytes, then of their number, lowest byte first, as many bytes as it needs. */
struct ssh_sum ssh_sum(const char *bytes, size_t length)
{
	struct ssh_sum sum = {.length = length};
	uint32_t crc = 0;

	for (size_t i = 0; i < length; i++)
		crc = crc_byte(crc, (unsigned char)bytes[i]);
	for (size_t left = length; left; left >>= 8)
		crc = crc_byte(crc, left & 0xff);
	sum.crc = ~crc;
	digest_bytes(bytes, length, sum.digest);
	return sum;
}

/* Paths come from files and journals: absolute, and no way up. */
static int begin(const char *path, struct strbuf *out)
{
	size_t length = strlen(path);

	if (*path != '/' || length < 2 || length >= CHANGE_PATH_BYTES || path[length - 1] == '/' ||
	    strstr(path, "/../"))
		return -EINVAL;
	strbuf_puts(out, "f=");
	return ssh_quote_word(path, out);
}

int ssh_file_read_line(const char *path, struct strbuf *out)
{
	int r = begin(path, out);

	if (r == 0)
		strbuf_puts(out,
			    "; " FOLLOW CHECK
			    "if [ -n \"$h\" ]; then if [ -r \"$f\" ]; then :; else "
			    "exit " TEXT(DENIED) "; fi; if [ \"$6\" -gt " TEXT(
				    1048576) " ]; then exit " TEXT(TOO_LARGE) "; fi; "
									      "echo "
									      "\"" HEAD "$6 $f\"; "
									      "cat "
									      "\"$f\"; "
									      "else echo "
									      "\"" HEAD "none\"; "
									      "fi");
	return r;
}

/* "SIZE PATH" of the first line; the file follows. */
static int take_file(const char *line, const char *line_end, const char *end,
		     struct runner_file *ret)
{
	const char *blank = memchr(line, ' ', (size_t)(line_end - line)), *text = line_end + 1;
	uint64_t size;

	if (!blank || parse_uint(line, (size_t)(blank - line), CHANGE_CONTENT_MAX, &size) < 0)
		return -EPROTO;
	if ((uint64_t)(end - text) != size)
		return -ESTALE;
	if ((size_t)(line_end - blank) > sizeof(ret->real_path))
		return -ENAMETOOLONG;
	memcpy(ret->real_path, blank + 1, (size_t)(line_end - blank - 1));
	ret->text = malloc(size + 1);
	if (!ret->text)
		return -ENOMEM;
	memcpy(ret->text, text, size);
	ret->text[size] = '\0';
	ret->length = size;
	ret->exists = true;
	digest_bytes(ret->text, ret->length, ret->digest);
	return 0;
}

int ssh_file_read_answer(const char *text, size_t length, int status, struct runner_file *ret)
{
	const char *end = text + length, *line = text + sizeof(HEAD) - 1, *line_end;

	*ret = (struct runner_file){.exists = false};
	if (status)
		return ssh_file_error(status);
	if (length < sizeof(HEAD) - 1 || memcmp(text, HEAD, sizeof(HEAD) - 1) != 0)
		return -EPROTO;
	line_end = memchr(line, '\n', (size_t)(end - line));
	if (!line_end)
		return -EPROTO;
	if (line_end - line == 4 && memcmp(line, "none", 4) == 0)
		return 0;
	return take_file(line, line_end, end, ret);
}

/* A small system has no cksum: there the length has to do, and what was written is read back in any case. */
static void same_sum(const char *file, const struct ssh_sum *sum, const char *otherwise,
		     struct strbuf *out)
{
	strbuf_printf(out,
		      "set x `cksum <\"$%s\" 2>/dev/null || sha256sum <\"$%s\" 2>/dev/null`; "
		      "if [ $# -lt 3 ]; then set x - `wc -c <\"$%s\"`; fi; "
		      "case \"$2 $3\" in \"%u %zu\"|\"%s -\"|\"- %zu\") ;; *) %s;; esac; ",
		      file, file, file, sum->crc, sum->length, sum->digest, sum->length, otherwise);
}

/* The new file is filled, and what arrived is compared with what was sent. */
static void fill(const struct ssh_sum *before, const struct ssh_sum *after, unsigned mode,
		 struct strbuf *out)
{
	strbuf_puts(out, "rm -f \"$t\"; ");
	if (before)
		strbuf_puts(out,
			    "cp -p \"$f\" \"$t\" || { rm -f \"$t\"; exit " TEXT(DENIED) "; }; ");
	else
		strbuf_puts(out, "if [ -d \"$d\" ]; then :; else mkdir \"$d\" || exit " TEXT(
					 DENIED) "; chmod 755 \"$d\"; fi; (umask 077; : >\"$t\") "
						 "|| exit " TEXT(DENIED) "; ");
	if (!before)
		strbuf_printf(out, "chmod %o \"$t\"; ", mode ? mode & 0777u : 0644u);
	strbuf_puts(out, "cat >\"$t\" || { rm -f \"$t\"; exit " TEXT(FULL) "; }; ");
	same_sum("t", after, "rm -f \"$t\"; exit " TEXT(FULL), out);
	strbuf_puts(out, "sync; ");
}

int ssh_file_replace_line(const char *path, const struct ssh_sum *before,
			  const struct ssh_sum *after, unsigned mode, struct strbuf *out)
{
	int r = begin(path, out);

	if (r < 0)
		return r;
	strbuf_puts(out, "; " FOLLOW CHECK);
	strbuf_printf(out, "if [ -%s \"$h\" ]; then :; else exit " TEXT(STALE) "; fi; ",
		      before ? "n" : "z");
	if (after)
		fill(before, after, mode, out);
	if (before)
		same_sum("f", before, "rm -f \"$t\"; exit " TEXT(STALE), out);
	if (!after)
		strbuf_puts(out, before ? "rm -f \"$f\" || exit " TEXT(DENIED) "; sync" : "exit 0");
	else if (before)
		strbuf_puts(out, "mv -f \"$t\" \"$f\" || { rm -f \"$t\"; exit " TEXT(
					 DENIED) "; }; sync");
	else
		/* Unlike mv, ln does not replace what somebody else has made there meanwhile. */
		strbuf_puts(out, "if ln \"$t\" \"$f\"; then rm -f \"$t\"; sync; else rm -f \"$t\"; "
				 "if ls -d \"$f\" >/dev/null 2>&1; then exit " TEXT(
					 STALE) "; fi; exit " TEXT(DENIED) "; fi");
	return out->failed ? -ENOMEM : 0;
}

int ssh_file_tidy_line(const char *path, struct strbuf *out)
{
	int r = begin(path, out);

	if (r == 0)
		strbuf_puts(out, "; " FOLLOW "rm -f \"$t\"");
	return r;
}

#define LINK_HEAD  "ephemports-link "
#define LINK_TO    "l=`ls -ld \"$f\" | sed \"s/^.* -> //\"`; "
#define LINK_IS    "if [ -h \"$f\" ]; then "
#define LINK_OTHER "else if ls -d \"$f\" >/dev/null 2>&1; then exit " TEXT(EXISTS)

int ssh_link_read_line(const char *path, struct strbuf *out)
{
	int r = begin(path, out);

	if (r == 0)
		strbuf_puts(out, "; " LINK_IS LINK_TO "echo \"" LINK_HEAD "$l\"; " LINK_OTHER
				 "; else echo \"" LINK_HEAD "\"; fi; fi");
	return r;
}

int ssh_link_read_answer(const char *text, int status, struct strbuf *ret)
{
	size_t head = sizeof(LINK_HEAD) - 1;

	if (status)
		return ssh_file_error(status);
	if (strncmp(text, LINK_HEAD, head) != 0)
		return -EPROTO;
	strbuf_add(ret, text + head, strcspn(text + head, "\n"));
	return ret->failed ? -ENOMEM : 0;
}

int ssh_link_replace_line(const char *path, const char *to, bool remove, struct strbuf *out)
{
	int r = begin(path, out);

	strbuf_puts(out, "; w=");
	if (r == 0)
		r = ssh_quote_word(to, out);
	if (remove)
		strbuf_puts(out, "; l=; " LINK_IS LINK_TO
				 "fi; if [ x\"$l\" = x\"$w\" ]; then rm -f \"$f\" || exit " TEXT(
					 DENIED) "; sync; else exit " TEXT(STALE) "; fi");
	else
		strbuf_puts(
			out,
			"; if ls -d \"$f\" >/dev/null 2>&1; then exit " TEXT(
				STALE) "; fi; ln -s \"$w\" \"$f\" || exit " TEXT(DENIED) "; sync");
	return r == 0 && out->failed ? -ENOMEM : r;
}

int ssh_file_error(int status)
{
	switch (status) {
	case 0:
		return 0;
	case NOT_REGULAR:
		return -EINVAL;
	case LINKS:
		return -EMLINK;
	case OWNER:
		return -EPERM;
	case DENIED:
		return -EACCES;
	case STALE:
		return -ESTALE;
	case LOOP:
		return -ELOOP;
	case TOO_LARGE:
		return -EFBIG;
	case EXISTS:
		return -EEXIST;
	case FULL:
		return -ENOSPC;
	default:
		return -EPROTO;
	}
}
