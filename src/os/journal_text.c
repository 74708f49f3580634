#include "journal_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "change.h"
#include "error.h"
#include "strbuf.h"

#define SCHEMA 1

static const char *digest_or_null(const char *digest)
{
	return *digest ? digest : NULL;
}

/* Everything is made by json_pack(): render/json.h has functions of its own that are called as jansson's are. NULL when out
 * of memory, or when a string is no UTF-8. */
static json_t *step_json(const struct change_step *step)
{
	if (!step->path)
		return json_pack("{s:s, s:s?, s:s?}", "setting", step->setting, "before",
				 step->before, "after", step->after);
	/* A key whose value is "s*" and NULL is left out. */
	return json_pack("{s:s, s:s?, s:s?, s:s, s:s?, s:s?, s:s?, s:s*, s:o*}", "setting",
			 step->setting, "before", step->before, "after", step->after, "path",
			 step->path, "digest_before", digest_or_null(step->digest_before),
			 "digest_after", digest_or_null(step->digest_after), "backup",
			 digest_or_null(step->backup), "link", step->link_to, "mode",
			 step->mode ? json_pack("i", (int)step->mode) : NULL);
}

static json_t *place_json(const struct change_place *place)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:s}", "host", place->host, "root", place->root,
			 "netns", (json_int_t)place->netns, "netns_name", place->netns_name, "boot",
			 place->boot);
}

int journal_text_write(const struct change *change, struct strbuf *out)
{
	json_t *steps = json_pack("[]"), *root;
	char *text;
	int r = steps ? 0 : -1;

	for (unsigned i = 0; r == 0 && i < change->steps; i++)
		r = json_array_append_new(steps, step_json(&change->step[i]));
	if (r < 0) {
		json_decref(steps);
		return -EILSEQ;
	}
	root = json_pack("{s:i, s:s, s:s, s:I, s:o, s:o}", "schema", SCHEMA, "id", change->id,
			 "state", change_state_name(change->state), "time",
			 (json_int_t)change->time_s, "place", place_json(&change->place), "steps",
			 steps);
	text = root ? json_dumps(root, JSON_INDENT(1)) : NULL;
	json_decref(root);
	if (!text)
		return -EILSEQ;
	strbuf_puts(out, text);
	strbuf_putc(out, '\n');
	free(text);
	return out->failed ? -ENOMEM : 0;
}

static int wrong(struct eph_error *reterr, const char *key)
{
	return error_set(reterr, -EINVAL, "journal", "'%s' is missing or not as expected", key);
}

/* One line of text without control characters: it ends on terminals and in names of files. */
static bool is_plain(const char *text, size_t length)
{
	if (strlen(text) != length)
		return false;
	for (const char *c = text; *c; c++)
		if (((unsigned char)*c < ' ' && *c != '\t') || *c == 127)
			return false;
	return true;
}

static int read_text(const json_t *object, const char *key, char *ret, size_t bytes,
		     struct eph_error *reterr)
{
	const json_t *value = json_object_get(object, key);
	size_t length = json_string_length(value);

	if (!json_is_string(value) || length >= bytes ||
	    !is_plain(json_string_value(value), length))
		return wrong(reterr, key);
	memcpy(ret, json_string_value(value), length + 1);
	return 0;
}

/* As read_text(), into memory of its own; null is NULL when @optional. */
static int read_copy(const json_t *object, const char *key, size_t max, bool optional, char **ret,
		     struct eph_error *reterr)
{
	const json_t *value = json_object_get(object, key);
	size_t length = json_string_length(value);

	if (optional && json_is_null(value))
		return 0;
	if (!json_is_string(value) || length > max || !is_plain(json_string_value(value), length))
		return wrong(reterr, key);
	*ret = strdup(json_string_value(value));
	return *ret ? 0 : -ENOMEM;
}

static int read_digest(const json_t *object, const char *key, char ret[DIGEST_TEXT_BYTES],
		       struct eph_error *reterr)
{
	int r;

	*ret = '\0';
	if (json_is_null(json_object_get(object, key)))
		return 0;
	r = read_text(object, key, ret, DIGEST_TEXT_BYTES, reterr);
	return r == 0 && !digest_is_valid(ret) ? wrong(reterr, key) : r;
}

/* The name that journal_begin() gives: ID.NUMBER.backup, so no path. */
static int read_backup(const json_t *object, struct change_step *step, struct eph_error *reterr)
{
	const char *rest;
	int r;

	if (json_is_null(json_object_get(object, "backup")))
		return *step->digest_before ? wrong(reterr, "backup") : 0;
	r = read_text(object, "backup", step->backup, sizeof(step->backup), reterr);
	if (r < 0)
		return r;
	rest = step->backup + strspn(step->backup, "0123456789.");
	return *step->backup == '.' || strcmp(rest, "backup") != 0 || !*step->digest_before
		       ? wrong(reterr, "backup")
		       : 0;
}

static int read_file(const json_t *object, struct change_step *step, struct eph_error *reterr)
{
	int r = read_copy(object, "path", CHANGE_PATH_BYTES - 1, false, &step->path, reterr);

	if (r == 0 && *step->path != '/')
		r = wrong(reterr, "path");
	if (r == 0)
		r = read_digest(object, "digest_before", step->digest_before, reterr);
	if (r == 0)
		r = read_digest(object, "digest_after", step->digest_after, reterr);
	return r == 0 ? read_backup(object, step, reterr) : r;
}

static int read_number(const json_t *object, const char *key, int64_t *ret,
		       struct eph_error *reterr)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value) || json_integer_value(value) < 0)
		return wrong(reterr, key);
	*ret = json_integer_value(value);
	return 0;
}

/* What only some files have. */
static int read_kind(const json_t *object, struct change_step *step, struct eph_error *reterr)
{
	int64_t mode;
	int r = 0;

	if (json_object_get(object, "link"))
		r = read_copy(object, "link", CHANGE_PATH_BYTES - 1, false, &step->link_to, reterr);
	if (r == 0 && step->link_to && (!*step->link_to || *step->digest_before))
		r = wrong(reterr, "link");
	if (r < 0 || !json_object_get(object, "mode"))
		return r;
	r = read_number(object, "mode", &mode, reterr);
	if (r == 0 && (step->link_to || !mode || mode > 0777))
		r = wrong(reterr, "mode");
	step->mode = r == 0 ? (unsigned)mode : 0;
	return r;
}

static int read_step(const json_t *object, struct change_step *step, struct eph_error *reterr)
{
	bool file = json_object_get(object, "path") != NULL;
	size_t keys = !file ? 3
			    : 7u + (json_object_get(object, "link") != NULL) +
				      (json_object_get(object, "mode") != NULL);
	int r;

	if (!json_is_object(object) || json_object_size(object) != keys)
		return wrong(reterr, "steps");
	r = read_copy(object, "setting", CHANGE_SETTING_MAX, false, &step->setting, reterr);
	if (r == 0)
		r = read_copy(object, "before", CHANGE_VALUE_MAX, file, &step->before, reterr);
	if (r == 0)
		r = read_copy(object, "after", CHANGE_VALUE_MAX, file, &step->after, reterr);
	if (r == 0 && file)
		r = read_file(object, step, reterr);
	return r == 0 && file ? read_kind(object, step, reterr) : r;
}

static int read_place(const json_t *object, struct change_place *ret, struct eph_error *reterr)
{
	int64_t netns;
	int r;

	if (!json_is_object(object) || json_object_size(object) != 5)
		return wrong(reterr, "place");
	r = read_text(object, "host", ret->host, sizeof(ret->host), reterr);
	if (r == 0)
		r = read_text(object, "root", ret->root, sizeof(ret->root), reterr);
	if (r == 0)
		r = read_number(object, "netns", &netns, reterr);
	if (r == 0) {
		ret->netns = (uint64_t)netns;
		r = read_text(object, "netns_name", ret->netns_name, sizeof(ret->netns_name),
			      reterr);
	}
	return r == 0 ? read_text(object, "boot", ret->boot, sizeof(ret->boot), reterr) : r;
}

static int read_state(const json_t *root, enum change_state *ret, struct eph_error *reterr)
{
	const char *name = json_string_value(json_object_get(root, "state"));

	for (enum change_state state = CHANGE_BEGUN; name && state <= CHANGE_UNDONE; state++)
		if (strcmp(name, change_state_name(state)) == 0) {
			*ret = state;
			return 0;
		}
	return wrong(reterr, "state");
}

static int read_steps(const json_t *array, struct change *change, struct eph_error *reterr)
{
	int r = 0;

	if (!json_is_array(array) || !json_array_size(array) ||
	    json_array_size(array) > CHANGE_STEPS_MAX)
		return wrong(reterr, "steps");
	for (size_t i = 0; r == 0 && i < json_array_size(array); i++)
		r = read_step(json_array_get(array, i), &change->step[change->steps++], reterr);
	return r;
}

static int read_change(const json_t *root, struct change *change, struct eph_error *reterr)
{
	int r;

	if (!json_is_object(root) || json_object_size(root) != 6 ||
	    json_integer_value(json_object_get(root, "schema")) != SCHEMA)
		return wrong(reterr, "schema");
	r = read_text(root, "id", change->id, sizeof(change->id), reterr);
	if (r == 0 && (!*change->id || strspn(change->id, "0123456789") != strlen(change->id)))
		r = wrong(reterr, "id");
	if (r == 0)
		r = read_state(root, &change->state, reterr);
	if (r == 0)
		r = read_number(root, "time", &change->time_s, reterr);
	if (r == 0)
		r = read_place(json_object_get(root, "place"), &change->place, reterr);
	return r == 0 ? read_steps(json_object_get(root, "steps"), change, reterr) : r;
}

int journal_text_read(const char *text, size_t length, struct change **ret,
		      struct eph_error *reterr)
{
	json_error_t error;
	json_t *root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
	struct change *change;
	int r;

	if (!root)
		return error_set_at(reterr, -EINVAL, "journal", error.position, "%.100s",
				    error.text);
	change = calloc(1, sizeof(*change));
	r = change ? read_change(root, change, reterr) : -ENOMEM;
	json_decref(root);
	if (r < 0)
		change_free(change);
	else
		*ret = change;
	return r;
}
