#include "text_sysctl_conf.h"

#include <string.h>

#define KEY_MAX 256u

/* Dots and slashes trade places when a dot comes first; keys are compared with slashes. */
static char normal(char c, bool dots)
{
	if (!dots)
		return c;
	return (char)(c == '.' ? '/' : c == '/' ? '.' : c);
}

static bool has_dots(struct text_span key)
{
	for (size_t i = 0; i < key.length; i++)
		if (key.start[i] == '.' || key.start[i] == '/')
			return key.start[i] == '.';
	return false;
}

static bool is_pattern(struct text_span key)
{
	for (size_t i = 0; i < key.length; i++)
		if (key.start[i] == '*' || key.start[i] == '?' || key.start[i] == '[')
			return true;
	return false;
}

/* Does @c belong to the bracket that opens at @at? Its end in @ret_end; a bracket that never closes is a plain "[". */
static bool in_bracket(struct text_span key, size_t at, char c, size_t *ret_end)
{
	size_t i = at + 1, first;
	bool negated = i < key.length && (key.start[i] == '!' || key.start[i] == '^');
	bool found = false;

	i += negated;
	for (first = i; i < key.length && (key.start[i] != ']' || i == first); i++) {
		bool range =
			i + 2 < key.length && key.start[i + 1] == '-' && key.start[i + 2] != ']';

		if (range) {
			found |= key.start[i] <= c && c <= key.start[i + 2];
			i += 2;
		} else {
			found |= key.start[i] == c;
		}
	}
	*ret_end = i;
	if (i >= key.length) {
		*ret_end = at;
		return c == '[';
	}
	return found != negated && c != '/';
}

/* One character of the pattern against @c; @ret_next is where the pattern goes on. */
static bool matches_one(struct text_span key, size_t at, bool dots, char c, size_t *ret_next)
{
	char wanted = normal(key.start[at], dots);
	size_t end = at;
	bool matches;

	if (wanted == '?')
		matches = c != '/';
	else if (wanted == '[')
		matches = in_bracket(key, at, c, &end);
	else
		matches = wanted == c;
	*ret_next = end + 1;
	return matches;
}

/* @name has slashes. A star stays within its part, so only the last one seen can be tried again: no input makes this
 * slower than the product of both lengths. */
static bool matches(struct text_span key, const char *name)
{
	bool dots = has_dots(key), star = false;
	size_t at = 0, star_at = 0, next;
	const char *star_name = name;

	while (*name) {
		if (at < key.length && key.start[at] == '*') {
			star = true;
			star_at = ++at;
			star_name = name;
		} else if (at < key.length && matches_one(key, at, dots, *name, &next)) {
			at = next;
			name++;
		} else if (star && *star_name != '/') {
			at = star_at;
			name = ++star_name;
		} else {
			return false;
		}
	}
	while (at < key.length && key.start[at] == '*')
		at++;
	return at == key.length;
}

/* The key is a path below /proc/sys: a separator at its front, or twice in a row, changes nothing. A key that has one too
 * many is copied without it, up to the length that a name can have. */
static struct text_span plain_path(struct text_span key, char buffer[KEY_MAX])
{
	char separator = has_dots(key) ? '.' : '/';
	size_t length = 0;

	for (size_t i = 0; i < key.length && length < KEY_MAX; i++)
		if (key.start[i] != separator || (length && buffer[length - 1] != separator))
			buffer[length++] = key.start[i];
	return length < KEY_MAX ? (struct text_span){buffer, length} : key;
}

static bool key_matches(struct text_span key, const char *name)
{
	char slashed[KEY_MAX], plain[KEY_MAX];
	size_t length = strlen(name);

	if (length >= sizeof(slashed))
		return false;
	for (size_t i = 0; i <= length; i++)
		slashed[i] = (char)(name[i] == '.' ? '/' : name[i]);
	return matches(plain_path(key, plain), slashed);
}

bool text_sysctl_conf_next(struct text_lines *lines, const char *key, struct sysctl_line *ret)
{
	struct text_span line, name, value;

	while (text_line_next(lines, &line)) {
		bool minus = text_begins(line, "-"), apart = false;

		if (!line.length || *line.start == '#' || *line.start == ';')
			continue;
		if (minus) {
			apart = line.length > 1 && (line.start[1] == ' ' || line.start[1] == '\t');
			line = text_trim((struct text_span){line.start + 1, line.length - 1});
		}
		if (!text_split(line, '=', &name, &value)) {
			if (!minus)
				continue;
			name = line;
			value = (struct text_span){NULL, 0};
		}
		if (!key_matches(name, key))
			continue;
		*ret = (struct sysctl_line){NULL, lines->number, value, is_pattern(name), apart};
		return true;
	}
	return false;
}

static bool is_read_by(const struct file_text *file, enum sysctl_reader reader)
{
	return file->kind == FILE_SYSCTL ||
	       (file->kind == FILE_SYSCTL_PROCPS && reader == SYSCTL_READER_PROCPS);
}

bool text_sysctl_conf_find(const struct file_list *files, const char *key,
			   enum sysctl_reader reader, struct sysctl_line *ret)
{
	struct sysctl_line line, exact = {0}, pattern = {0};
	bool excluded = false;

	for (size_t i = 0; i < files->count; i++) {
		const struct file_text *file = &files->file[i];
		struct text_lines lines = text_lines(file->text, file->length, false);

		while (is_read_by(file, reader) && text_sysctl_conf_next(&lines, key, &line)) {
			line.file = file;
			if (line.apart && reader == SYSCTL_READER_PROCPS)
				continue;
			if (!line.value.start)
				excluded = true;
			else if (line.pattern)
				pattern = line;
			else
				exact = line;
		}
	}
	if (!exact.file && (!pattern.file || excluded))
		return false;
	*ret = exact.file ? exact : pattern;
	return true;
}

bool text_sysctl_conf_same(struct text_span a, struct text_span b)
{
	struct text_span left, right;

	for (;;) {
		bool more = text_word_next(&a, &left);

		if (more != text_word_next(&b, &right))
			return false;
		if (!more)
			return true;
		if (left.length != right.length ||
		    memcmp(left.start, right.start, left.length) != 0)
			return false;
	}
}
