/*
 * /etc/sysctl.conf of the BSDs: NAME=VALUE lines, applied from top to bottom, the last one wins. FreeBSD reads
 * /etc/sysctl.conf.local after it. # begins a comment.
 *
 * Where the shell reads the file (FreeBSD until 10.0, DragonFly, OpenBSD) a line is applied only when no blank stands around
 * its = and a newline ends it; what we write is such a line. NetBSD and newer FreeBSD have sysctl -f: NetBSD's takes blanks
 * around a value, FreeBSD's those around a name, too, "NAME: VALUE" and quotes. A carriage return at the end of a value
 * spoils it everywhere but there; in a file with such line ends what we write ends in " #", so that the value stays clean.
 */
#ifndef EPH_OS_SYSCTL_CONF_H
#define EPH_OS_SYSCTL_CONF_H

#include "edit_text.h"

/* boot() and persist() of the BSDs; see os_boot() and os_persist(). */
void sysctl_conf_boot(struct os_state *state, const struct os_files *files);
int sysctl_conf_persist(const struct os_state *state, const struct os_files *files,
			const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

/* One line that sets something, taken apart: head NAME gap = gap VALUE tail. */
struct sysctl_assignment {
	struct text_span name;
	struct text_span equals; /* from behind the name to before the value, blanks and all */
	struct text_span value;
	struct text_span tail; /* a quote, blanks and a comment */
	bool clean;            /* this system applies it at boot */
};

/* False: it sets nothing. */
bool sysctl_conf_take_apart(const struct os_state *state, struct edit_line line,
			    struct sysctl_assignment *ret);

/* The line with another value. */
void sysctl_conf_put_value(const struct os_state *state, struct edit_line line,
			   const struct sysctl_assignment *assignment, const char *value,
			   struct strbuf *out);

#endif
