#include "ssh_words.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "error.h"
#include "parse.h"

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define SETUP "PATH=/usr/sbin:/sbin:/usr/bin:/bin:/etc:$PATH; LC_ALL=C; export PATH LC_ALL; "

static int copy(const char *from, size_t length, char *ret, size_t bytes)
{
	if (length >= bytes)
		return -EINVAL;
	memcpy(ret, from, length);
	ret[length] = '\0';
	return 0;
}

/* Made of these characters, and nothing that ssh reads as an option. */
static bool is_word(const char *text, const char *allowed)
{
	return *text && *text != '-' && strspn(text, allowed) == strlen(text);
}

static int parse_port_text(const char *text, struct ssh_target *ret)
{
	uint16_t port;
	int r = parse_port(text, &port);

	if (r < 0)
		return -EINVAL;
	snprintf(ret->port, sizeof(ret->port), "%u", port);
	return 0;
}

/* "[address]" or "[address]:port" */
static int parse_bracketed(const char *text, struct ssh_target *ret)
{
	const char *end = strchr(text, ']');

	if (!end || copy(text + 1, (size_t)(end - text - 1), ret->name, sizeof(ret->name)) < 0 ||
	    !strchr(ret->name, ':') || !is_word(ret->name, ALNUM ":.%_-"))
		return -EINVAL;
	if (!end[1])
		return 0;
	return end[1] == ':' ? parse_port_text(end + 2, ret) : -EINVAL;
}

static int parse_name(const char *text, struct ssh_target *ret)
{
	const char *colon = strchr(text, ':');
	struct in6_addr address;

	if (*text == '[')
		return parse_bracketed(text, ret);
	if (inet_pton(AF_INET6, text, &address) == 1)
		colon = NULL;
	if (copy(text, colon ? (size_t)(colon - text) : strlen(text), ret->name,
		 sizeof(ret->name)) < 0)
		return -EINVAL;
	if (!is_word(ret->name, colon ? ALNUM "._-" : ALNUM "._-:"))
		return -EINVAL;
	if (!colon && strchr(ret->name, ':') && inet_pton(AF_INET6, ret->name, &address) != 1)
		return -EINVAL;
	return colon ? parse_port_text(colon + 1, ret) : 0;
}

int ssh_target_parse(const char *text, struct ssh_target *ret, struct eph_error *reterr)
{
	const char *at = strrchr(text, '@');
	int r = 0;

	*ret = (struct ssh_target){.user = ""};
	if (at) {
		r = copy(text, (size_t)(at - text), ret->user, sizeof(ret->user));
		if (r == 0 && !is_word(ret->user, ALNUM "._-+$\\"))
			r = -EINVAL;
	}
	if (r == 0)
		r = parse_name(at ? at + 1 : text, ret);
	if (r < 0)
		return error_set(reterr, -EINVAL, "host",
				 "'%.200s' is not [user@]name[:port]; an IPv6 address with a port "
				 "stands in brackets",
				 text);
	return 0;
}

/* A character that neither shell changes outside of quotes, not even at the beginning of a word. */
static bool is_plain(char c)
{
	return c && strchr(ALNUM "_@%+:,./-", c) != NULL;
}

/* Made from its number by printf(1) over there: csh looks for ! even in single quotes, fish for a backslash. */
static void quote_by_number(char c, struct strbuf *out)
{
	strbuf_printf(out, "`printf \"\\%03o\"`", (unsigned char)c);
}

int ssh_quote_word(const char *word, struct strbuf *out)
{
	const char *c = word;

	if (strpbrk(word, "\n\r"))
		return -EINVAL;
	while (is_plain(*c))
		c++;
	if (*word && !*c) {
		strbuf_puts(out, word);
		return 0;
	}
	if (!*word)
		strbuf_puts(out, "\"\"");
	for (c = word; *c; c++) {
		size_t length = strcspn(c, "!\\'");

		if (length) {
			strbuf_putc(out, '\'');
			strbuf_add(out, c, length);
			strbuf_putc(out, '\'');
			c += length;
		}
		if (*c == '!' || *c == '\\')
			quote_by_number(*c, out);
		else if (*c == '\'')
			strbuf_puts(out, "\"'\"");
		else
			break;
	}
	return 0;
}

int ssh_quote_words(const char *const *argv, struct strbuf *out)
{
	int r = 0;

	for (size_t i = 0; r == 0 && argv[i]; i++) {
		if (i)
			strbuf_putc(out, ' ');
		r = ssh_quote_word(argv[i], out);
	}
	return r;
}

/* One level of single quotes. In csh and fish, too, '\'' is a quote character. */
static void quote_whole(const char *text, struct strbuf *out)
{
	strbuf_putc(out, '\'');
	for (; *text; text++)
		if (*text == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *text);
	strbuf_putc(out, '\'');
}

int ssh_wrap_line(const char *line, struct strbuf *out)
{
	struct strbuf inner = STRBUF_INIT;
	size_t before = out->length;
	int r = 0;

	if (strpbrk(line, "\n\r!"))
		return -EINVAL;
	strbuf_puts(&inner, SETUP "echo " SSH_BEGIN " >&2; echo " SSH_BEGIN "; ( ");
	strbuf_puts(&inner, line);
	strbuf_puts(&inner, " ); s=$?; [ $s -eq 255 ] && s=254; exit $s");
	strbuf_puts(out, "exec /bin/sh -c ");
	quote_whole(inner.text, out);
	if (inner.failed || out->failed)
		r = -ENOMEM;
	else if (out->length - before > SSH_LINE_MAX)
		r = -E2BIG;
	strbuf_done(&inner);
	return r;
}

#define MARK SSH_BEGIN "\n"

static bool is_mark(const char *at, const char *end)
{
	return (size_t)(end - at) >= sizeof(MARK) - 1 && memcmp(at, MARK, sizeof(MARK) - 1) == 0;
}

const char *ssh_find_begin(const char *text, size_t length)
{
	const char *end = text + length;

	for (const char *at = text; at;) {
		if (is_mark(at, end)) {
			at += sizeof(MARK) - 1;
			/* A second one: somebody's ssh command joins both outputs. */
			return is_mark(at, end) ? at + sizeof(MARK) - 1 : at;
		}
		at = memchr(at, '\n', (size_t)(end - at));
		if (at)
			at++;
	}
	return NULL;
}

int ssh_wrap_cmd(const char *line, struct strbuf *out)
{
	/* Between double quotes PowerShell would look for variables; cmd.exe takes off the outermost ones itself. */
	char quote = strpbrk(line, "\"$`") ? '\'' : '"';

	if (strpbrk(line, "\r\n"))
		return -EINVAL;
	strbuf_printf(out, "cmd /c %c", quote);
	for (; *line; line++)
		strbuf_puts(out,
			    (char[]){*line, *line == '\'' && quote == '\'' ? '\'' : '\0', '\0'});
	strbuf_putc(out, quote);
	return out->failed ? -ENOMEM : 0;
}

int ssh_quote_cmd(const char *const *argv, struct strbuf *out)
{
	for (size_t i = 0; argv[i]; i++) {
		bool blank = !*argv[i] || strpbrk(argv[i], " ,;=()&|<>") != NULL;
		size_t length = strlen(argv[i]);

		for (const char *c = argv[i]; *c; c++)
			if (strchr("\"%!^", *c) || (unsigned char)*c < ' ' || *c == 127)
				return -EINVAL;
		/* A backslash before a closing quote would hide it. */
		if (blank && length && argv[i][length - 1] == '\\')
			return -EINVAL;
		strbuf_printf(out, blank ? "%s\"%s\"" : "%s%s", i ? " " : "", argv[i]);
	}
	return out->failed ? -ENOMEM : 0;
}
