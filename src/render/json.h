/*
 * Writing JSON. Keys are literals of ours; values may hold any bytes: they are escaped, and what is no UTF-8 becomes
 * U+FFFD, so the document is always valid. Commas and nesting are kept track of:
 *
 *	struct json json = {.out = &text};
 *	json_object(&json, NULL);
 *	json_uint(&json, "schema", 1);
 *	json_array(&json, "groups");
 *	...
 *	json_end(&json);	closes the array
 *	json_end(&json);	closes the object; at the outermost level a newline follows
 *
 * `key` is NULL inside an array and at the top.
 */
#ifndef EPH_RENDER_JSON_H
#define EPH_RENDER_JSON_H

#include <stdbool.h>
#include <stdint.h>

struct strbuf;

#define JSON_DEPTH_MAX 32u

struct json {
	struct strbuf *out;
	bool comma; /* a value stands before */
	unsigned depth;
	uint32_t arrays; /* bit n: level n is an array */
};

void json_object(struct json *json, const char *key);
void json_array(struct json *json, const char *key);
void json_end(struct json *json);
void json_uint(struct json *json, const char *key, uint64_t value);
void json_int(struct json *json, const char *key, int64_t value);
void json_real(struct json *json, const char *key,
	       double value); /* three decimals; null when not finite */
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
void json_string(struct json *json, const char *key, const char *text); /* NULL text is null */

#endif
