/*
 * What each kind of line of a snapshot file says; private to snapshot_read.c, which cuts the file into lines and words.
 */
#ifndef EPH_CORE_SNAPSHOT_LINE_H
#define EPH_CORE_SNAPSHOT_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SNAPSHOT_WORDS_MAX 24u

struct netns_snapshot;
struct snapshot;

struct snapshot_word {
	const char *text;
	size_t length;
};

struct snapshot_reader {
	struct snapshot *snapshot;
	struct netns_snapshot *netns; /* the one being read, NULL before the first */
	uint64_t line;                /* number of the line being read, from 1 */
	struct snapshot_word word[SNAPSHOT_WORDS_MAX]; /* of the line, without its first */
	unsigned words;
	uint64_t seen, seen_in_netns; /* kinds of lines that may stand only once */
	bool ended;
};

struct snapshot_line_kind {
	const char *word;
	bool (*read)(struct snapshot_reader *reader); /* false: refused */
	unsigned min, max;                            /* words behind the first */
	bool in_netns; /* only behind a netns line, and then of that namespace */
	bool once;     /* in its place */
};

/* The kind of line that begins with this word, and its number, below 64; NULL if there is none. */
const struct snapshot_line_kind *snapshot_line_kind(const char *word, size_t length,
						    unsigned *ret_index);

bool snapshot_word_number(const struct snapshot_word *word, uint64_t max, uint64_t *ret);

#endif
