/*
 * A cause of connect()'s failure in words: one sentence, what it rests on, what speaks against it, and what helps. The
 * same words serve the screen and JSON.
 */
#ifndef EPH_RENDER_WHY_CONNECT_WORDS_H
#define EPH_RENDER_WHY_CONNECT_WORDS_H

#include "connect_verdict_result.h"
#include "snapshot.h"
#include "strbuf.h"

struct connect_words {
	struct strbuf text;
	/* Lists: each entry ends with a NUL. Of advice the words, then the command, empty when there is none. */
	struct strbuf evidence, against, advice;
};

/* Free with connect_words_done(). */
struct connect_words connect_words_of(const struct connect_cause *cause,
				      const struct connect_result *result,
				      const struct snapshot *snapshot);
void connect_words_done(struct connect_words *words);

/* The next entry of @list after @entry (NULL: the first); NULL at the end. */
const char *connect_words_next(const struct strbuf *list, const char *entry);

#endif
