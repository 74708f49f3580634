/*
 * What is handed to ssh(1) and, through it, to a shell that we have not chosen: the login shell over there may be sh, csh,
 * fish or cmd.exe. Pure. Host names and values are hostile.
 */
#ifndef EPH_OS_SSH_WORDS_H
#define EPH_OS_SSH_WORDS_H

#include "strbuf.h"

struct eph_error;

#define SSH_LINE_MAX                                                                               \
	100000u /* bytes of a command line; systems take at least so much in one argument, or say so */

struct ssh_target {
	char user[64];  /* "" for ssh's own choice */
	char name[256]; /* a name, an address without brackets, or an alias of ssh_config */
	char port[6];   /* "" for ssh's own choice */
};

/**
 * ssh_target_parse() - [user@]name[:port]
 * An IPv6 address stands in brackets, or alone without a port. Refused (-EINVAL): what ssh would take for an option, and
 * every byte that no name, address or user has.
 */
int ssh_target_parse(const char *text, struct ssh_target *ret, struct eph_error *reterr);

/**
 * ssh_quote_word() - one word for a Bourne shell, such that csh too passes it on unchanged in single quotes
 * Return: 0, -EINVAL for a newline (csh ends a command there, whatever the quotes) or a carriage return.
 */
int ssh_quote_word(const char *word, struct strbuf *out);

/* All words of @argv, with blanks between. */
int ssh_quote_words(const char *const *argv, struct strbuf *out);

/**
 * ssh_wrap_line() - a line for /bin/sh, as a command line for whatever shell is there
 * Before it comes SSH_BEGIN on a line of its own, on both outputs, so that what a login shell prints on its way can be told
 * apart. Status
 * 255 becomes 254, so that 255 is always ssh's own.
 * Return: 0, -EINVAL for a newline, -E2BIG, -ENOMEM.
 */
int ssh_wrap_line(const char *line, struct strbuf *out);
#define SSH_BEGIN "ephemports-begin"

/* Output from after the line SSH_BEGIN on; NULL if there is none. */
const char *ssh_find_begin(const char *text, size_t length);

/* All words of @argv for cmd.exe. -EINVAL for what could not be passed on unchanged: quotes, %, !, ^, control characters. */
int ssh_quote_cmd(const char *const *argv, struct strbuf *out);

/**
 * ssh_wrap_cmd() - a line for cmd.exe, as a command line for PowerShell
 * PowerShell takes & for something else, and has no `ver`. -EINVAL for a newline.
 */
int ssh_wrap_cmd(const char *line, struct strbuf *out);

#endif
