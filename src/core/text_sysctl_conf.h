/*
 * Files of sysctl.d(5): which line decides what a setting is after the next boot. Pure.
 *
 * A line is KEY = VALUE, in either spelling (net.ipv4.x, net/ipv4/x). Lines that begin with # or ; are comments; there
 * are none after a value. A leading "-" only means that a failure to set is ignored; "-KEY" without a value takes the
 * key out of every pattern. KEY may be a pattern (*, ?, [...] within one part); a line that spells the key out beats
 * every pattern. Else the later line wins, in the order of the files.
 * Sources: sysctl.d(5), sysctl(8) of procps 4; both programs, tried.
 */
#ifndef EPH_CORE_TEXT_SYSCTL_CONF_H
#define EPH_CORE_TEXT_SYSCTL_CONF_H

#include "file_list.h"
#include "text_line.h"

/* Who reads the files at boot, or when told to. */
enum sysctl_reader {
	SYSCTL_READER_SYSTEMD, /* systemd-sysctl: the sysctl.d directories */
	SYSCTL_READER_PROCPS,  /* sysctl --system: the same, then /etc/sysctl.conf */
};

struct sysctl_line {
	const struct file_text *file;
	uint32_t line;
	struct text_span value; /* without blanks around it */
	bool pattern;
	bool apart; /* blanks between "-" and the key: procps looks for a name that begins with a blank */
};

/* The next line of @lines that sets @key ("net.ipv4.ip_local_port_range"), or takes it out of patterns (value.start is
 * NULL). False at the end. */
bool text_sysctl_conf_next(struct text_lines *lines, const char *key, struct sysctl_line *ret);

/**
 * text_sysctl_conf_find() - the line that wins for @key
 * @files:   in the order they are read; other kinds than sysctl files are passed over
 * @ret:     borrows from @files; untouched when false is returned
 * Return: does any line set it?
 */
bool text_sysctl_conf_find(const struct file_list *files, const char *key,
			   enum sysctl_reader reader, struct sysctl_line *ret);

/* Do both say the same, however many blanks separate the words? */
bool text_sysctl_conf_same(struct text_span a, struct text_span b);

#endif
