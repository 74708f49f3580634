/*
 * Files of sysctl.d(5): which line decides what a setting is after the next boot. Pure.
 *
 * A line is KEY = VALUE, in either spelling (net.ipv4.x, net/ipv4/x). Lines that begin with # or ; are comments; there
 * are none after a value. A leading "-" only means that a failure to set is ignored; "-KEY" without a value takes the
 * key out of every pattern. KEY may be a pattern (*, ?, [...] within one part); a line that spells the key out beats
 * every pattern. Else the later line wins, in the order of the files.
 *
 * The programs differ where a file is odd. systemd-sysctl keeps one value for each name, so "-KEY" also forgets what KEY
 * was given before, and a pattern keeps its place in the order until its value changes. It does not look at a name with
 * "..", nor a second "-" before one. sysctl(8) writes line after line; to it a name with "//", "." or ".." in it is another
 * one, which hides only patterns that are written like it; one that ends in a separator is nothing, nor is one after "- ".
 * Sources: sysctl.d(5), sysctl(8) of procps 4; both programs, tried (tests/os/test_sysctl_files.py compares).
 */
#ifndef EPH_CORE_TEXT_SYSCTL_CONF_H
#define EPH_CORE_TEXT_SYSCTL_CONF_H

#include "file_list.h"
#include "text_line.h"

/* Who reads the files at boot, or when told to. */
enum sysctl_reader {
	SYSCTL_READER_SYSTEMD, /* systemd-sysctl: the sysctl.d directories */
	SYSCTL_READER_PROCPS,  /* sysctl --system: the same, then /etc/sysctl.conf */
	SYSCTL_READER_MAIN,    /* sysctl -p: /etc/sysctl.conf alone, which knows no patterns */
};
#define SYSCTL_READERS 3u

/* Who may read the files of one Linux: the first that finds a setting is who its boot leaves it to, and all shall find
 * the same. */
struct sysctl_readers {
	enum sysctl_reader reader[SYSCTL_READERS];
	unsigned count;
};

/**
 * sysctl_readers_of() - who reads the files there
 * @systemd:   it is installed
 * @directory: there is a sysctl.d somewhere
 * @unsure:    of the directories, which comes last: sysctl_set_elsewhere(); or whether any is read at all
 *
 * Without systemd each distribution has a script of its own: sysctl --system, one directory after another (BusyBox), or, where
 * there is no directory, /etc/sysctl.conf alone (Red Hat Enterprise Linux 5). All but the last read /etc/sysctl.conf at
 * the end.
 */
struct sysctl_readers sysctl_readers_of(bool systemd, bool directory, bool unsure);

/* Does a package's directory spell @key out? Which of several directories wins depends on the script then. */
bool sysctl_set_elsewhere(const struct file_list *files, const char *key);

struct sysctl_line {
	const struct file_text *file;
	uint32_t line;
	struct text_span name;  /* all that stands before the "=", with a "-" */
	struct text_span value; /* without blanks around it; NULL: the line takes the key back */
	bool pattern;
	bool plain;       /* no part of the name is empty, "." or ".." */
	unsigned readers; /* 1 << reader for each that finds the key in this line */
};

/* The next line of @lines that sets @key ("net.ipv4.ip_local_port_range"), or takes it back (value.start is NULL), for any
 * reader. False at the end. */
bool text_sysctl_conf_next(struct text_lines *lines, const char *key, struct sysctl_line *ret);

/**
 * text_sysctl_conf_find() - the line that wins for @key
 * @files:   in the order they are read; other kinds than sysctl files are passed over
 * @ret:     borrows from @files; untouched when false is returned
 * Return: does any line set it?
 */
bool text_sysctl_conf_find(const struct file_list *files, const char *key,
			   enum sysctl_reader reader, struct sysctl_line *ret);

/* The same for the first of @readers that finds one. */
bool sysctl_readers_find(const struct file_list *files, const char *key,
			 const struct sysctl_readers *readers, struct sysctl_line *ret);

/* The same as text_sysctl_conf_find(), and true also for the line by which systemd-sysctl forgets the key (value.start
 * is NULL). */
bool text_sysctl_conf_last(const struct file_list *files, const char *key,
			   enum sysctl_reader reader, struct sysctl_line *ret);

/* Do both say the same, however many blanks separate the words? */
bool text_sysctl_conf_same(struct text_span a, struct text_span b);

#endif
