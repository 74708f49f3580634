#include "text_sysctl_conf.h"

#include <string.h>

#define PATTERNS_MAX 32u

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

/* One part of a name. Only the last star seen can be tried again: no input makes this slower than the product of both
 * lengths. */
static bool matches_part(struct text_span part, bool dots, struct text_span text, bool text_dots)
{
	size_t at = 0, star_at = 0, name = 0, star_name = 0, next;
	bool star = false;

	while (name < text.length) {
		if (at < part.length && part.start[at] == '*') {
			star = true;
			star_at = ++at;
			star_name = name;
		} else if (at < part.length &&
			   matches_one(part, at, dots, normal(text.start[name], text_dots),
				       &next)) {
			at = next;
			name++;
		} else if (star) {
			at = star_at;
			name = ++star_name;
		} else {
			return false;
		}
	}
	while (at < part.length && part.start[at] == '*')
		at++;
	return at == part.length;
}

/* The next part of a name, which separators end; false behind the last one. */
static bool next_part(struct text_span *rest, bool dots, struct text_span *ret)
{
	size_t length = 0;

	if (!rest->start)
		return false;
	while (length < rest->length && normal(rest->start[length], dots) != '/')
		length++;
	*ret = (struct text_span){rest->start, length};
	if (length < rest->length)
		*rest = (struct text_span){rest->start + length + 1, rest->length - length - 1};
	else
		*rest = (struct text_span){NULL, 0};
	return true;
}

/* Is it so many dots? */
static bool is_dots(struct text_span part, bool dots, size_t count)
{
	for (size_t i = 0; i < part.length; i++)
		if (normal(part.start[i], dots) != '.')
			return false;
	return part.length == count;
}

/* How a name leads to a key: as a path does, below /proc/sys. */
struct way {
	size_t down;  /* in the key, whose parts so far it went through */
	size_t aside; /* parts that are none of the key's, and not left again yet */
	bool plain, parent, outside, ends_open;
};

/* Where the part of @key begins that ends before @down. */
static size_t part_before(const char *key, size_t down)
{
	if (down && key[down - 1] == '.')
		down--;
	while (down && key[down - 1] != '.')
		down--;
	return down;
}

static void follow(struct way *way, struct text_span part, bool dots, const char *key)
{
	size_t length = strcspn(key + way->down, ".");

	way->ends_open = is_dots(part, dots, 0) || is_dots(part, dots, 1);
	way->plain &= !way->ends_open;
	if (way->ends_open)
		return;
	if (is_dots(part, dots, 2)) {
		way->plain = false;
		way->parent = true;
		if (way->aside)
			way->aside--;
		else if (way->down)
			way->down = part_before(key, way->down);
		else
			way->outside = true;
	} else if (!way->aside && key[way->down] &&
		   matches_part(part, dots, (struct text_span){key + way->down, length}, false)) {
		way->down += length + (key[way->down + length] == '.');
	} else {
		way->aside++;
	}
}

/* Who takes @name for @key? */
static unsigned read_by(struct text_span name, const char *key, bool *ret_plain)
{
	struct way way = {.plain = true};
	bool dots = has_dots(name);
	struct text_span part;

	while (next_part(&name, dots, &part))
		follow(&way, part, dots, key);
	*ret_plain = way.plain;
	if (way.outside || way.aside || key[way.down])
		return 0;
	return (way.parent ? 0 : 1u << SYSCTL_READER_SYSTEMD) |
	       (way.ends_open ? 0 : 1u << SYSCTL_READER_PROCPS);
}

static struct text_span behind(struct text_span span)
{
	return (struct text_span){span.start + 1, span.length - 1};
}

/* systemd takes one "-" off and the blanks behind it, procps two and no blanks. */
static unsigned readers_of(struct text_span name, const char *key, bool *ret_plain)
{
	struct text_span systemd = name, procps = name;
	unsigned readers;

	if (text_begins(name, "-"))
		systemd = text_trim(behind(name));
	for (int i = 0; i < 2 && text_begins(procps, "-"); i++)
		procps = behind(procps);
	readers = read_by(systemd, key, ret_plain) & 1u << SYSCTL_READER_SYSTEMD;
	if (read_by(procps, key, ret_plain) & 1u << SYSCTL_READER_PROCPS)
		readers |= 1u << SYSCTL_READER_PROCPS | 1u << SYSCTL_READER_MAIN;
	return readers;
}

bool text_sysctl_conf_next(struct text_lines *lines, const char *key, struct sysctl_line *ret)
{
	struct text_span line, name, value;

	while (text_line_next(lines, &line)) {
		if (!line.length || *line.start == '#' || *line.start == ';')
			continue;
		if (!text_split(line, '=', &name, &value)) {
			if (*line.start != '-')
				continue;
			name = line;
			value = (struct text_span){NULL, 0};
		}
		*ret = (struct sysctl_line){.line = lines->number, .name = name, .value = value};
		ret->pattern = is_pattern(name);
		ret->readers = readers_of(name, key, &ret->plain);
		if (ret->readers)
			return true;
	}
	return false;
}

static bool is_read_by(const struct file_text *file, enum sysctl_reader reader)
{
	return reader == SYSCTL_READER_MAIN
		       ? file->kind == FILE_SYSCTL_PROCPS
		       : file->kind == FILE_SYSCTL || (file->kind == FILE_SYSCTL_PROCPS &&
						       reader == SYSCTL_READER_PROCPS);
}

/* What a reader has of the lines so far. */
struct found {
	struct sysctl_line exact;                 /* the last one that spells the key out */
	unsigned exact_at;                        /* its number among all lines about the key */
	struct sysctl_line pattern[PATTERNS_MAX]; /* systemd: by when their value was given */
	unsigned pattern_at[PATTERNS_MAX];
	size_t patterns;
	unsigned lines;
};

/* The parts of a pattern, as systemd compares them: without those that lead nowhere. */
static bool same_name(struct text_span a, struct text_span b)
{
	bool dots_a, dots_b, more_a, more_b;
	struct text_span part_a, part_b;

	a = text_begins(a, "-") ? text_trim(behind(a)) : a;
	b = text_begins(b, "-") ? text_trim(behind(b)) : b;
	dots_a = has_dots(a);
	dots_b = has_dots(b);
	for (;;) {
		while ((more_a = next_part(&a, dots_a, &part_a)) &&
		       (is_dots(part_a, dots_a, 0) || is_dots(part_a, dots_a, 1)))
			continue;
		while ((more_b = next_part(&b, dots_b, &part_b)) &&
		       (is_dots(part_b, dots_b, 0) || is_dots(part_b, dots_b, 1)))
			continue;
		if (!more_a || !more_b)
			return more_a == more_b;
		if (part_a.length != part_b.length)
			return false;
		for (size_t i = 0; i < part_a.length; i++)
			if (normal(part_a.start[i], dots_a) != normal(part_b.start[i], dots_b))
				return false;
	}
}

static bool same_value(struct text_span a, struct text_span b)
{
	return a.start && b.start && a.length == b.length &&
	       memcmp(a.start, b.start, a.length) == 0;
}

static void forget(struct found *found, size_t at)
{
	found->patterns--;
	for (size_t i = at; i < found->patterns; i++) {
		found->pattern[i] = found->pattern[i + 1];
		found->pattern_at[i] = found->pattern_at[i + 1];
	}
}

static void add_pattern(struct found *found, const struct sysctl_line *line)
{
	if (found->patterns == PATTERNS_MAX)
		forget(found, 0);
	found->pattern_at[found->patterns] = found->lines;
	found->pattern[found->patterns++] = *line;
}

static void take_systemd(struct found *found, const struct sysctl_line *line)
{
	if (!line->pattern) {
		found->exact = *line;
		return;
	}
	for (size_t i = 0; i < found->patterns; i++) {
		if (!same_name(found->pattern[i].name, line->name))
			continue;
		if (same_value(found->pattern[i].value, line->value))
			return;
		forget(found, i);
		break;
	}
	if (line->value.start)
		add_pattern(found, line);
}

static void take_procps(struct found *found, const struct sysctl_line *line)
{
	found->lines++;
	if (!line->value.start)
		return;
	if (line->pattern) {
		add_pattern(found, line);
	} else {
		found->exact = *line;
		found->exact_at = found->lines;
	}
}

static void take_main(struct found *found, const struct sysctl_line *line)
{
	if (line->value.start && !line->pattern)
		found->exact = *line;
}

static struct text_span without_minus(struct text_span name)
{
	for (int i = 0; i < 2 && text_begins(name, "-"); i++)
		name = behind(name);
	return name;
}

/* Is the path that @pattern leads to spelled like @name? */
static bool is_spelled_as(struct text_span pattern, struct text_span name)
{
	bool dots = has_dots(pattern), dots_name = has_dots(name), more;
	struct text_span part, text;

	while ((more = next_part(&pattern, dots, &part)) == next_part(&name, dots_name, &text)) {
		if (!more)
			return true;
		if (!matches_part(part, dots, text, dots_name))
			return false;
	}
	return false;
}

/* To procps a line that spells the key out hides the patterns before and behind it that lead to the same path. */
static void hide_patterns(struct found *found, const struct sysctl_line *line)
{
	for (size_t i = found->patterns; !line->pattern && i-- > 0;)
		if (is_spelled_as(without_minus(found->pattern[i].name), without_minus(line->name)))
			forget(found, i);
}

static void each_line(const struct file_list *files, const char *key, enum sysctl_reader reader,
		      void (*take)(struct found *, const struct sysctl_line *), struct found *found)
{
	struct sysctl_line line;

	for (size_t i = 0; i < files->count; i++) {
		const struct file_text *file = &files->file[i];
		struct text_lines lines = text_lines(file->text, file->length, false);

		while (is_read_by(file, reader) && text_sysctl_conf_next(&lines, key, &line)) {
			line.file = file;
			if (line.readers & 1u << reader)
				take(found, &line);
		}
	}
}

bool text_sysctl_conf_last(const struct file_list *files, const char *key,
			   enum sysctl_reader reader, struct sysctl_line *ret)
{
	struct found found = {.patterns = 0};
	const struct sysctl_line *line = &found.exact;

	if (reader == SYSCTL_READER_SYSTEMD) {
		each_line(files, key, reader, take_systemd, &found);
	} else if (reader == SYSCTL_READER_MAIN) {
		each_line(files, key, reader, take_main, &found);
	} else {
		each_line(files, key, reader, take_procps, &found);
		each_line(files, key, reader, hide_patterns, &found);
	}
	if (found.patterns &&
	    (!found.exact.file || (reader == SYSCTL_READER_PROCPS &&
				   found.pattern_at[found.patterns - 1] > found.exact_at)))
		line = &found.pattern[found.patterns - 1];
	if (line->file)
		*ret = *line;
	return line->file != NULL;
}

bool text_sysctl_conf_find(const struct file_list *files, const char *key,
			   enum sysctl_reader reader, struct sysctl_line *ret)
{
	struct sysctl_line line;

	if (!text_sysctl_conf_last(files, key, reader, &line) || !line.value.start)
		return false;
	*ret = line;
	return true;
}

struct sysctl_readers sysctl_readers_of(bool systemd, bool directory, bool unsure)
{
	if (systemd)
		return (struct sysctl_readers){{SYSCTL_READER_SYSTEMD, SYSCTL_READER_PROCPS}, 2};
	if (!directory)
		return (struct sysctl_readers){{SYSCTL_READER_MAIN, SYSCTL_READER_PROCPS}, 2};
	return (struct sysctl_readers){
		{SYSCTL_READER_PROCPS, SYSCTL_READER_SYSTEMD, SYSCTL_READER_MAIN}, unsure ? 3 : 2};
}

bool sysctl_set_elsewhere(const struct file_list *files, const char *key)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct file_text *file = &files->file[i];
		struct text_lines lines = text_lines(file->text, file->length, false);
		struct sysctl_line line;

		if (file->kind != FILE_SYSCTL || strncmp(file->path, "/etc/", 5) == 0)
			continue;
		while (text_sysctl_conf_next(&lines, key, &line))
			if (!line.pattern && line.value.start)
				return true;
	}
	return false;
}

bool sysctl_readers_find(const struct file_list *files, const char *key,
			 const struct sysctl_readers *readers, struct sysctl_line *ret)
{
	for (unsigned i = 0; i < readers->count; i++)
		if (text_sysctl_conf_find(files, key, readers->reader[i], ret))
			return true;
	return false;
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
