#include "snapshot_text.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "parse.h"
#include "snapshot.h"
#include "snapshot_line.h"

#define STEP "replay"

/* Cut the line into words; the first is returned, the others are in the reader. NULL: none, or too many. */
static const char *cut_words(struct snapshot_reader *reader, const char *line, const char *end,
			     size_t *ret_length)
{
	const char *cursor = line, *first = parse_word(&cursor, end, ret_length);

	for (reader->words = 0;; reader->words++) {
		size_t length;
		const char *text = parse_word(&cursor, end, &length);

		if (!text)
			return first;
		if (reader->words == SNAPSHOT_WORDS_MAX)
			return NULL;
		reader->word[reader->words] = (struct snapshot_word){text, length};
	}
}

/* The first line: ours, and of this version. */
static int read_first_line(struct snapshot_reader *reader, const char *word, size_t length,
			   struct eph_error *reterr)
{
	uint64_t version;

	if (!word || !parse_is(word, length, SNAPSHOT_TEXT_FIRST_WORD) || reader->words != 1 ||
	    !snapshot_word_number(&reader->word[0], UINT32_MAX, &version))
		return error_set_at(reterr, -EINVAL, STEP, 1,
				    "not a snapshot of ephemports: the first line must be "
				    "'" SNAPSHOT_TEXT_FIRST_WORD " %d'",
				    SNAPSHOT_TEXT_VERSION);
	if (version != SNAPSHOT_TEXT_VERSION)
		return error_set_at(reterr, -EPROTONOSUPPORT, STEP, 1,
				    "snapshot of version %llu: this program reads version %d",
				    (unsigned long long)version, SNAPSHOT_TEXT_VERSION);
	return 0;
}

static int read_line(struct snapshot_reader *reader, const char *line, const char *end,
		     struct eph_error *reterr)
{
	size_t length = 0;
	const char *word = cut_words(reader, line, end, &length);
	const struct snapshot_line_kind *kind;
	unsigned index = 0;
	uint64_t *seen;

	if (reader->line == 1)
		return read_first_line(reader, word, length, reterr);
	kind = word ? snapshot_line_kind(word, length, &index) : NULL;
	if (!kind || reader->ended)
		return error_set_at(reterr, -EINVAL, STEP, (long)reader->line, "line %llu: %s",
				    (unsigned long long)reader->line,
				    reader->ended ? "text behind the last line"
						  : "not a line of a snapshot");
	seen = kind->in_netns ? &reader->seen_in_netns : &reader->seen;
	if (kind->in_netns && !reader->netns)
		return error_set_at(reterr, -EINVAL, STEP, (long)reader->line,
				    "line %llu: '%s' before any 'netns'",
				    (unsigned long long)reader->line, kind->word);
	if ((kind->once && *seen & UINT64_C(1) << index) || reader->words < kind->min ||
	    reader->words > kind->max || !kind->read(reader))
		return error_set_at(reterr, -EINVAL, STEP, (long)reader->line,
				    "line %llu: bad or repeated '%s'",
				    (unsigned long long)reader->line, kind->word);
	*seen |= UINT64_C(1) << index;
	return 0;
}

int snapshot_read(const char *text, size_t length, struct snapshot **ret, struct eph_error *reterr)
{
	CLEANUP(snapshot_freep) struct snapshot *snapshot = snapshot_new();
	struct snapshot_reader reader = {.snapshot = snapshot};
	const char *end = text + length, *line = text;

	if (!snapshot)
		return error_set(reterr, -ENOMEM, STEP, "out of memory");
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		int r;

		reader.line++;
		if (!newline)
			return error_set_at(reterr, -EINVAL, STEP, (long)reader.line,
					    "line %llu is cut off: the file is not complete",
					    (unsigned long long)reader.line);
		r = read_line(&reader, line, newline, reterr);
		if (r < 0)
			return r;
		line = newline + 1;
	}
	if (!reader.ended || !snapshot->n_netns)
		return error_set_at(reterr, -EINVAL, STEP, (long)reader.line,
				    "the file is not complete: no 'end' after %llu lines",
				    (unsigned long long)reader.line);
	process_table_sort(&snapshot->processes);
	snapshot->replayed = true;
	*ret = TAKE_PTR(snapshot);
	return 0;
}
