/*
 * Words for what os/system_result.h numbers: for people and for JSON.
 */
#ifndef EPH_RENDER_OS_WORDS_H
#define EPH_RENDER_OS_WORDS_H

#include "system_result.h"

struct json;
struct strbuf;

const char *os_range_word(enum os_range_name name); /* "regular" */
const char *os_sharing_id(enum os_sharing sharing); /* "by-destination" */
const char *os_sharing_words(enum os_sharing sharing);

/* "tcp udp", and " (ipv4)" when it is one of two families. */
void os_protocol_words(unsigned protocols, unsigned families, struct strbuf *out);

/* "protocols":[...],"families":[...] */
void os_json_protocols(struct json *json, unsigned protocols, unsigned families);

/* "same-parity", one bit of enum os_warning; and what it means for this range, as a sentence without a full stop. */
const char *os_warning_id(unsigned warning);
void os_warning_words(const struct os_range *range, unsigned warning, struct strbuf *out);

#endif
