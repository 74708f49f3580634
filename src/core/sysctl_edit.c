#include "sysctl_edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "text_sysctl_conf.h"

#define DIRECTORY  "/etc/sysctl.d/"
#define MAIN       "/etc/sysctl.conf"
#define ROUNDS_MAX 8u
#define ALL        (1u << SYSCTL_READER_SYSTEMD | 1u << SYSCTL_READER_PROCPS | 1u << SYSCTL_READER_MAIN)
#define COMMENT                                                                                    \
	"# Written by ephemports; 'ephemports range log' tells when, 'ephemports range undo' "     \
	"takes it back.\n"

/* The bytes of the line that @at is in, its newline included. */
static struct text_span raw_line(const char *text, size_t length, const char *at)
{
	const char *start = at, *end;

	while (start > text && start[-1] != '\n')
		start--;
	end = memchr(at, '\n', (size_t)(text + length - at));
	end = end ? end + 1 : text + length;
	return (struct text_span){start, (size_t)(end - start)};
}

/* The next line that spells @key out and gives it a value. */
static bool next_exact(struct text_lines *lines, const char *key, struct sysctl_line *ret)
{
	while (text_sysctl_conf_next(lines, key, ret))
		if (!ret->pattern && ret->value.start)
			return true;
	return false;
}

/* The last line that gives a value, before or behind one by which systemd-sysctl forgets it. */
static bool last_exact(const char *text, size_t length, const char *key, struct sysctl_line *ret)
{
	struct text_lines lines = text_lines(text, length, false);
	struct sysctl_line line;
	bool found = false;

	while (next_exact(&lines, key, &line)) {
		*ret = line;
		found = true;
	}
	return found;
}

/* Does a "-KEY" follow line @number, so that it has no effect? */
static bool taken_back(const char *text, size_t length, const char *key, uint32_t number)
{
	struct text_lines lines = text_lines(text, length, false);
	struct sysctl_line line;
	bool taken = false;

	while (text_sysctl_conf_next(&lines, key, &line))
		taken |= line.line > number && !line.pattern && !line.value.start &&
			 line.readers & 1u << SYSCTL_READER_SYSTEMD;
	return taken;
}

static const char *line_end(const char *text, size_t length)
{
	const char *newline = length ? memchr(text, '\n', length) : NULL;

	return newline && newline > text && newline[-1] == '\r' ? "\r\n" : "\n";
}

static void add_line(const char *text, size_t length, const char *key, const char *value,
		     struct strbuf *out)
{
	const char *end = line_end(text, length);
	bool open = length && text[length - 1] != '\n';

	strbuf_add(out, text, length);
	if (open)
		strbuf_puts(out, end);
	strbuf_puts(out, key);
	strbuf_puts(out, *value ? " = " : " =");
	strbuf_puts(out, value);
	if (!open)
		strbuf_puts(out, end);
}

/* An empty value begins behind the "=", not behind the blanks and the carriage return that follow. */
static struct text_span old_value(struct text_span raw, struct text_span value)
{
	const char *equals = memchr(raw.start, '=', raw.length);

	return value.length || !equals ? value : (struct text_span){equals + 1, 0};
}

/* What an administrator wrote behind a value: no reader knows comments there, so it has to go before the line. */
static struct text_span comment_of(struct text_span value)
{
	for (size_t i = 1; i < value.length; i++)
		if ((value.start[i] == '#' || value.start[i] == ';') &&
		    (value.start[i - 1] == ' ' || value.start[i - 1] == '\t'))
			return (struct text_span){value.start + i, value.length - i};
	return (struct text_span){NULL, 0};
}

static void put_comment(const struct sysctl_line *line, const char *end, struct strbuf *out)
{
	struct text_span comment = comment_of(line->value);

	strbuf_add(out, comment.start, comment.length);
	strbuf_puts(out, comment.length ? end : "");
}

/* The name with one "-" at most and no blanks behind it; one that not every reader takes for the key even so is spelled out,
 * as any odd one is on demand. */
static void put_name(const struct sysctl_line *line, const char *key, bool spell_out,
		     struct strbuf *out)
{
	struct text_span name = line->name;
	bool minus = text_begins(name, "-");

	while (text_begins(name, "-") || text_begins(name, " ") || text_begins(name, "\t"))
		name = (struct text_span){name.start + 1, name.length - 1};
	strbuf_puts(out, minus ? "-" : "");
	if (line->plain || (line->readers == ALL && !spell_out))
		strbuf_add(out, name.start, name.length);
	else
		strbuf_puts(out, key);
}

/* The line with @value. Returns how far the text is done. */
static const char *put_line(struct text_span raw, const struct sysctl_line *line, const char *key,
			    const char *value, bool spell_out, struct strbuf *out)
{
	struct text_span old = old_value(raw, line->value);
	const char *behind_name = line->name.start + line->name.length;

	strbuf_add(out, raw.start, (size_t)(line->name.start - raw.start));
	put_name(line, key, spell_out, out);
	strbuf_add(out, behind_name, (size_t)(old.start - behind_name));
	strbuf_printf(out, "%s%s", old.length ? "" : " ", value);
	return old.start + old.length;
}

static void edit_text(const char *text, size_t length, const char *key, const char *value,
		      bool spell_out, struct strbuf *out)
{
	struct text_lines lines = text_lines(text, length, false);
	struct sysctl_line line, last = {.line = 0};
	bool found = last_exact(text, length, key, &last);
	bool add = value && (!found || taken_back(text, length, key, last.line));
	struct strbuf rest = STRBUF_INIT;
	const char *done = text;

	while (found && next_exact(&lines, key, &line)) {
		struct text_span raw = raw_line(text, length, line.name.start);

		strbuf_add(&rest, done, (size_t)(raw.start - done));
		put_comment(&line, line_end(text, length), &rest);
		if (line.line == last.line && value && !add)
			done = put_line(raw, &line, key, value, spell_out, &rest);
		else
			done = raw.start + raw.length;
	}
	strbuf_add(&rest, done, (size_t)(text + length - done));
	if (add)
		add_line(rest.text, rest.length, key, value, out);
	else
		strbuf_add(out, rest.text, rest.length);
	out->failed |= rest.failed;
	strbuf_done(&rest);
}

void sysctl_edit_text(const char *text, size_t length, const char *key, const char *value,
		      struct strbuf *out)
{
	edit_text(text, length, key, value, false, out);
}

void sysctl_facts_guess(const struct file_list *files, struct sysctl_fact *ret)
{
	for (size_t i = 0; i < files->count; i++) {
		const struct file_text *file = &files->file[i];

		ret[i] = (struct sysctl_fact){i, strncmp(file->path, "/etc/", 5) == 0};
		for (size_t j = 0; j < i && file->kind == FILE_SYSCTL_PROCPS; j++) {
			const struct file_text *other = &files->file[j];

			if (strcmp(other->path, DIRECTORY "99-sysctl.conf") == 0 &&
			    other->length == file->length &&
			    memcmp(other->text, file->text, file->length) == 0)
				ret[i].same = j;
		}
	}
}

/* The files while they are being planned: what was given, edited, and what is new. */
struct draft {
	struct file_list files;
	struct {
		size_t same;
		bool editable, created, changed;
	} fact[SYSCTL_EDITS_MAX + 8192];
};

static char *copy_bytes(const char *text, size_t length)
{
	char *copy = malloc(length + 1);

	if (copy) {
		memcpy(copy, text, length);
		copy[length] = '\0';
	}
	return copy;
}

static int draft_init(const struct file_list *files, const struct sysctl_fact *facts,
		      struct draft *draft)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < files->count; i++) {
		const struct file_text *file = &files->file[i];

		r = file_list_add(&draft->files, strdup(file->path),
				  copy_bytes(file->text, file->length), file->length, file->kind,
				  file->directory);
		draft->fact[i].same = facts[i].same;
		draft->fact[i].editable = facts[i].editable;
	}
	return r;
}

/* All entries that are the file @index get its new text. */
static int draft_set(struct draft *draft, size_t index, const char *key, const char *value,
		     bool spell_out)
{
	size_t same = draft->fact[index].same;
	struct strbuf text = STRBUF_INIT;
	int r = 0;

	edit_text(draft->files.file[index].text, draft->files.file[index].length, key, value,
		  spell_out, &text);
	if (text.failed)
		r = -ENOMEM;
	for (size_t i = 0; r == 0 && i < draft->files.count; i++) {
		struct file_text *file = &draft->files.file[i];
		char *copy;

		if (draft->fact[i].same != same)
			continue;
		copy = copy_bytes(text.text, text.length);
		if (!copy) {
			r = -ENOMEM;
			break;
		}
		free(file->text);
		file->text = copy;
		file->length = text.length;
		draft->fact[i].changed = true;
	}
	strbuf_done(&text);
	return r;
}

static size_t draft_find(const struct draft *draft, const char *path)
{
	size_t i = 0;

	while (i < draft->files.count && strcmp(draft->files.file[i].path, path) != 0)
		i++;
	return i;
}

/* A new file at its place in the order; those behind it move, and who is the same as whom with them. */
static int draft_create(struct draft *draft, const char *path, size_t *ret)
{
	struct file_list *files = &draft->files;
	struct file_text created;
	size_t at = 0, last = files->count;
	int r;

	r = file_list_add(files, strdup(path), strdup(COMMENT), strlen(COMMENT),
			  strcmp(path, MAIN) == 0 ? FILE_SYSCTL_PROCPS : FILE_SYSCTL, 0);
	if (r < 0)
		return r;
	created = files->file[last];
	while (at < last && files->file[at].kind == FILE_SYSCTL &&
	       (created.kind == FILE_SYSCTL_PROCPS ||
		strcmp(file_list_name(&files->file[at]), file_list_name(&created)) < 0))
		at++;
	memmove(&files->file[at + 1], &files->file[at], (last - at) * sizeof(files->file[0]));
	memmove(&draft->fact[at + 1], &draft->fact[at], (last - at) * sizeof(draft->fact[0]));
	files->file[at] = created;
	for (size_t i = 0; i <= last; i++)
		draft->fact[i].same += i != at && draft->fact[i].same >= at;
	draft->fact[at].same = at;
	draft->fact[at].editable = draft->fact[at].created = true;
	draft->fact[at].changed = false;
	*ret = at;
	return 0;
}

/* A file of the same name in another directory would be hidden, with whatever else it sets. */
static bool is_name_taken(const struct draft *draft, const char *path)
{
	for (size_t i = 0; i < draft->files.count; i++)
		if (draft->files.file[i].kind == FILE_SYSCTL &&
		    strcmp(file_list_name(&draft->files.file[i]), path + strlen(DIRECTORY)) == 0)
			return true;
	return false;
}

/* The file of ours that is read after the one named @winner ("": any will do). */
static int own_file(struct draft *draft, const char *winner, size_t *ret)
{
	static const char *const own[] = {
		DIRECTORY "90-ephemports.conf",
		DIRECTORY "zz-ephemports.conf",
		DIRECTORY "zzzz-ephemports.conf",
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (strcmp(winner, own[i] + strlen(DIRECTORY)) >= 0)
			continue;
		*ret = draft_find(draft, own[i]);
		if (*ret == draft->files.count && is_name_taken(draft, own[i]))
			continue;
		return *ret < draft->files.count ? 0 : draft_create(draft, own[i], ret);
	}
	return -EBUSY;
}

/* Every script that reads no directory, or directories in an order of its own, reads this one, and last. */
static int main_file(struct draft *draft, size_t *ret)
{
	*ret = draft_find(draft, MAIN);
	if (*ret == draft->files.count)
		return draft_create(draft, MAIN, ret);
	return draft->fact[*ret].editable ? 0 : -EBUSY;
}

static bool is_satisfied(const struct sysctl_line *line, const char *value)
{
	if (!line->file || !line->value.start)
		return value == NULL;
	if (!value)
		return line->value.length == 0;
	return text_sysctl_conf_same(line->value, (struct text_span){value, strlen(value)});
}

static int overrule(struct draft *draft, const struct sysctl_line *line, bool in_main,
		    const char *key, const char *value, struct sysctl_plan *plan)
{
	const char *winner = line->file ? file_list_name(line->file) : "";
	size_t at;
	int r;

	if (line->file) {
		at = (size_t)(line->file - draft->files.file);
		if (draft->fact[at].editable && !line->pattern && line->value.start)
			return draft_set(draft, at, key, value, false);
		if (line->file->kind == FILE_SYSCTL_PROCPS && !line->pattern)
			return -EBUSY;
		if (!plan->other && line->value.start)
			plan->other = strdup(line->file->path);
	}
	/* A line that spells the key out beats every plain pattern, wherever it stands. */
	r = in_main ? main_file(draft, &at)
		    : own_file(draft, line->pattern && line->plain ? "" : winner, &at);
	return r < 0 ? r : draft_set(draft, at, key, value ? value : "", true);
}

/* A reader that does not find the value: one that finds another line comes first, as a line that is changed in its place may
 * do for the others. False: all find it. */
static bool find_unsatisfied(const struct draft *draft, const struct sysctl_readers *readers,
			     const char *key, const char *value, struct sysctl_line *ret,
			     enum sysctl_reader *ret_reader)
{
	bool found = false;

	for (unsigned i = 0; i < readers->count && !(found && ret->file); i++) {
		struct sysctl_line line = {.file = NULL};

		text_sysctl_conf_last(&draft->files, key, readers->reader[i], &line);
		if (is_satisfied(&line, value) || (found && !line.file))
			continue;
		*ret = line;
		*ret_reader = readers->reader[i];
		found = true;
	}
	return found;
}

/* Until every reader finds the value. */
static int settle(struct draft *draft, const struct sysctl_readers *readers, const char *key,
		  const char *value, struct sysctl_plan *plan, struct eph_error *reterr)
{
	struct sysctl_line line = {.file = NULL};
	enum sysctl_reader reader = SYSCTL_READER_SYSTEMD;
	bool directories = false;

	for (unsigned i = 0; i < readers->count; i++)
		directories |= readers->reader[i] == SYSCTL_READER_SYSTEMD;
	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		int r;

		if (!find_unsatisfied(draft, readers, key, value, &line, &reader))
			return 0;
		r = overrule(draft, &line, !directories || reader == SYSCTL_READER_MAIN, key, value,
			     plan);
		if (r == -EBUSY)
			break;
		if (r < 0)
			return error_set(reterr, r, "sysctl", "out of memory");
	}
	return error_set(reterr, -EBUSY, "sysctl",
			 "%.160s would still set %.80s to another value at boot",
			 line.file ? line.file->path : "some file", key);
}

static int add_edit(const struct file_list *files, const struct draft *draft, size_t at,
		    const char *key, struct sysctl_plan *plan)
{
	const struct file_text *file = &draft->files.file[at];
	struct sysctl_edit *edit = &plan->edit[plan->edits];
	struct sysctl_line line;

	if (plan->edits == SYSCTL_EDITS_MAX)
		return -ENOMEM;
	plan->edits++;
	edit->text = (struct strbuf)STRBUF_INIT;
	edit->path = strdup(file->path);
	edit->created = draft->fact[at].created;
	strbuf_add(&edit->text, file->text, file->length);
	for (size_t i = 0; !edit->created && i < files->count; i++)
		if (strcmp(files->file[i].path, file->path) == 0 &&
		    last_exact(files->file[i].text, files->file[i].length, key, &line))
			edit->before = text_copy(line.value);
	return edit->path && !edit->text.failed ? 0 : -ENOMEM;
}

int sysctl_edit_plan(const struct file_list *files, const struct sysctl_fact *facts,
		     const struct sysctl_readers *readers, const char *key, const char *value,
		     struct sysctl_plan *ret, struct eph_error *reterr)
{
	struct draft *draft = calloc(1, sizeof(*draft));
	int r;

	*ret = (struct sysctl_plan){.edits = 0};
	if (!draft || files->count > 8192) {
		free(draft);
		return error_set(reterr, -ENOMEM, "sysctl", "too many files");
	}
	r = draft_init(files, facts, draft);
	if (r == 0)
		r = settle(draft, readers, key, value, ret, reterr);
	for (size_t i = 0; r == 0 && i < draft->files.count; i++)
		if (draft->fact[i].changed && draft->fact[i].same == i)
			r = add_edit(files, draft, i, key, ret);
	if (r == -ENOMEM)
		error_set(reterr, r, "sysctl", "out of memory");
	file_list_done(&draft->files);
	free(draft);
	return r;
}

void sysctl_plan_done(struct sysctl_plan *plan)
{
	for (unsigned i = 0; i < plan->edits; i++) {
		free(plan->edit[i].path);
		free(plan->edit[i].before);
		strbuf_done(&plan->edit[i].text);
	}
	free(plan->other);
	*plan = (struct sysctl_plan){.edits = 0};
}
