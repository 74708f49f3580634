/*
 * One entry of the journal as JSON, and back. Pure; the reader trusts nothing.
 */
#ifndef EPH_OS_JOURNAL_TEXT_H
#define EPH_OS_JOURNAL_TEXT_H

#include "change_result.h"

struct eph_error;
struct strbuf;

/* Return: 0, -ENOMEM, or -EILSEQ when a value is no UTF-8. */
int journal_text_write(const struct change *change, struct strbuf *out);

/* Return: 0 with a new change; -EINVAL with @reterr saying which key is wrong; -ENOMEM. */
int journal_text_read(const char *text, size_t length, struct change **ret,
		      struct eph_error *reterr);

#endif
