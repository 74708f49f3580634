#include "paste.h"

#include <string.h>

#include "printable.h"
#include "strbuf.h"

#define DIGITS "0123456789"

static const char plain[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,";

/* Would a terminal show something else than what the word is? */
static bool is_hidden(const char *word)
{
	struct strbuf shown = STRBUF_INIT;
	bool hidden;

	printable_puts(&shown, word);
	hidden = shown.failed || strcmp(shown.text, word) != 0;
	strbuf_done(&shown);
	return hidden;
}

/* $'\x1b', as bash, ksh and zsh read it. */
static void add_escaped(struct strbuf *out, const char *word)
{
	strbuf_puts(out, "$'");
	for (; *word; word++)
		if (strchr(plain, *word))
			strbuf_putc(out, *word);
		else
			strbuf_printf(out, "\\x%02x", (unsigned char)*word);
	strbuf_putc(out, '\'');
}

void paste_word(struct strbuf *out, const char *word)
{

	if (*word && strspn(word, plain) == strlen(word)) {
		strbuf_puts(out, word);
		return;
	}
	if (is_hidden(word)) {
		add_escaped(out, word);
		return;
	}
	strbuf_putc(out, '\'');
	for (; *word; word++) {
		if (*word == '\'')
			strbuf_puts(out, "'\\''");
		else
			strbuf_putc(out, *word);
	}
	strbuf_putc(out, '\'');
}

/* The process id that @name is, or begins with as in "pid 4012 (nginx)". Returns its length, 0 if there is none. */
static size_t process_in(const char *name, const char **ret)
{
	bool described = strncmp(name, "pid ", 4) == 0;
	size_t length;

	*ret = described ? name + 4 : name;
	length = strspn(*ret, DIGITS);
	return (*ret)[length] == (described ? ' ' : '\0') ? length : 0;
}

void paste_command(struct strbuf *out, const struct netns_snapshot *netns, const char *command)
{
	const char *pid;
	size_t length = process_in(netns->name, &pid);

	if (length) {
		strbuf_printf(out, "nsenter -t %.*s -n ", (int)length, pid);
	} else if (strchr(netns->name, '/')) {
		strbuf_puts(out, "nsenter --net=");
		paste_word(out, netns->name);
		strbuf_putc(out, ' ');
	} else if (strchr(netns->name, ':')) {
		strbuf_puts(out, "nsenter -t PID -n ");
	} else if (*netns->name) {
		strbuf_puts(out, "ip netns exec ");
		paste_word(out, netns->name);
		strbuf_putc(out, ' ');
	}
	strbuf_puts(out, command);
}

void paste_netns(struct strbuf *out, const char *netns, bool several_netns)
{
	if (several_netns)
		strbuf_puts(out, " --all-netns");
	else if (netns)
		strbuf_printf(out, " -N %s", netns);
}
