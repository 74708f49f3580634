#include "plist.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edit_text.h"
#include "error.h"
#include "os_text.h"
#include "sysctl_conf.h"

#define OPEN  "<string>"
#define CLOSE "</string>"

static bool begins(const char *at, const char *end, const char *word)
{
	return text_begins((struct text_span){at, (size_t)(end - at)}, word);
}

/* The first @word that stands in no comment; NULL when there is none. */
static const char *find_tag(const char *at, const char *end, const char *word)
{
	while (at < end) {
		const char *found = memmem(at, (size_t)(end - at), word, strlen(word));
		const char *comment = memmem(at, (size_t)(end - at), "<!--", 4);
		const char *close =
			comment ? memmem(comment, (size_t)(end - comment), "-->", 3) : NULL;

		if (!found || !comment || found < comment)
			return found;
		if (!close)
			return NULL;
		at = close + 3;
	}
	return NULL;
}

/* The next <string> and what it holds, which is text without a tag in it. */
static bool next_string(const char **at, const char *end, struct text_span *ret)
{
	while (*at < end) {
		const char *open = find_tag(*at, end, OPEN);
		const char *start = open ? open + sizeof(OPEN) - 1 : end;
		const char *tag = memchr(start, '<', (size_t)(end - start));

		if (!tag)
			return false;
		*at = tag;
		if (!begins(tag, end, CLOSE))
			continue;
		*ret = (struct text_span){start, (size_t)(tag - start)};
		*at = tag + sizeof(CLOSE) - 1;
		return true;
	}
	return false;
}

/* "NAME=VALUE" */
static bool setting_of(struct text_span text, struct text_span *ret_name,
		       struct text_span *ret_value)
{
	return text_split(text, '=', ret_name, ret_value);
}

static unsigned line_of(const struct os_file *file, const char *at)
{
	unsigned line = 1;

	for (const char *c = file->text; c < at; c++)
		line += *c == '\n';
	return line;
}

/* The program and its arguments. */
static bool find_array(const struct os_file *file, const char **ret_start, const char **ret_end)
{
	const char *end = file->text + file->length;

	*ret_start = find_tag(file->text, end, "<key>ProgramArguments</key>");
	*ret_end = *ret_start ? find_tag(*ret_start, end, "</array>") : NULL;
	return *ret_end != NULL;
}

/* From where to where the arguments are, if the program is sysctl: up to the end of the last one. */
static bool find_arguments(const struct os_file *file, const char **ret_start, const char **ret_end)
{
	const char *key, *array;
	struct text_span text;

	if (!find_array(file, &key, &array) || !next_string(&key, array, &text) ||
	    !text_ends(text, "/sysctl"))
		return false;
	*ret_start = text.start;
	*ret_end = key;
	while (next_string(&key, array, &text))
		*ret_end = key;
	return true;
}

/* Is @key there, and is it true? Blanks and comments may stand between both. */
static bool is_true(const struct os_file *file, const char *key)
{
	const char *end = file->text + file->length;
	const char *at = find_tag(file->text, end, key);

	at = at ? memchr(at + strlen(key), '<', (size_t)(end - at) - strlen(key)) : NULL;
	while (at && begins(at, end, "<!--")) {
		at = memmem(at, (size_t)(end - at), "-->", 3);
		at = at ? memchr(at, '<', (size_t)(end - at)) : NULL;
	}
	return at && begins(at, end, "<true");
}

/* What launchd loads it need not start. */
static bool starts_at_boot(const struct os_file *file)
{
	return !is_true(file, "<key>Disabled</key>") &&
	       (is_true(file, "<key>RunAtLoad</key>") || is_true(file, "<key>KeepAlive</key>"));
}

static void boot_setting(struct os_state *state, const struct os_file *file, struct text_span text)
{
	struct text_span name, value;
	struct os_range *range;
	enum os_end which;
	uint32_t number;

	if (!setting_of(text, &name, &value) || !(range = os_text_range(state, name, &which)) ||
	    !os_text_number(value, UINT16_MAX, &number))
		return;
	range->boot_value[which] = number;
	edit_where(range, file->path, line_of(file, text.start));
}

/* A shell's line with sysctl in it: each word of its own. */
static void boot_line(struct os_state *state, const struct os_file *file, struct text_span text)
{
	struct text_span word;

	if (!memmem(text.start, text.length, "sysctl", 6))
		return;
	while (text_word_next(&text, &word)) {
		while (word.length && strchr(";&|\"'", word.start[word.length - 1]))
			word.length--;
		boot_setting(state, file, word);
	}
}

static void boot_plist(struct os_state *state, const struct os_file *file)
{
	const char *at, *end;
	struct text_span text;
	bool ours = find_arguments(file, &at, &end);

	if (!starts_at_boot(file) || !(ours || find_array(file, &at, &end)))
		return;
	while (next_string(&at, end, &text))
		if (ours)
			boot_setting(state, file, text);
		else
			boot_line(state, file, text);
}

static bool is_other_daemon(const struct os_file *file)
{
	return strncmp(file->path, "/Library/", 9) == 0 && strcmp(file->path, PLIST_PATH) != 0;
}

/* Darwin 13 is OS X 10.9. */
static bool reads_sysctl_conf(const struct os_state *state)
{
	return *state->release && os_version_compare(state->release, "13") <= 0;
}

void plist_boot(struct os_state *state, const struct os_files *files)
{
	const struct os_file *ours = edit_file(files, PLIST_PATH);

	if (reads_sysctl_conf(state))
		sysctl_conf_boot(state, files);
	for (size_t i = 0; i < files->count; i++)
		if (is_other_daemon(&files->file[i]))
			boot_plist(state, &files->file[i]);
	if (ours)
		boot_plist(state, ours);
}

static void put_new(const struct os_plan *plan, struct strbuf *out)
{
	strbuf_puts(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
			 "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
			 "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
			 "<plist version=\"1.0\">\n<dict>\n"
			 "  <key>Label</key><string>local.ephemports</string>\n"
			 "  <key>ProgramArguments</key>\n  <array>\n"
			 "    <string>/usr/sbin/sysctl</string>\n"
			 "    <string>-w</string>\n"); /* until 10.8 nothing is set without it */
	for (size_t i = 0; i < plan->steps; i++)
		strbuf_printf(out, "    <string>%s=%s</string>\n", plan->step[i].setting,
			      plan->step[i].after);
	strbuf_puts(out, "  </array>\n  <key>RunAtLoad</key><true/>\n</dict>\n</plist>\n");
}

/* Blanks that a new line begins with: those of the line of @at. */
static struct text_span indent_of(const struct os_file *file, const char *at)
{
	const char *start = at;
	struct text_span indent;

	while (start > file->text && start[-1] != '\n')
		start--;
	indent = (struct text_span){start, 0};
	while (start + indent.length < at && strchr(" \t", start[indent.length]))
		indent.length++;
	return indent;
}

static void put_missing(const struct os_file *file, const struct os_plan *plan, const char *at,
			const bool *found, struct strbuf *out)
{
	struct text_span indent = indent_of(file, at);
	const char *line_end = edit_line_end(file->text, file->length);

	for (size_t i = 0; i < plan->steps; i++) {
		if (found[i])
			continue;
		strbuf_puts(out, line_end);
		strbuf_add(out, indent.start, indent.length);
		strbuf_printf(out, OPEN "%s=%s" CLOSE, plan->step[i].setting, plan->step[i].after);
	}
}

static void put_edited(const struct os_file *file, const struct os_plan *plan, const char *at,
		       const char *arguments, struct strbuf *out)
{
	const char *end = file->text + file->length, *done = file->text;
	struct text_span text, name, value;
	bool found[OS_STEPS_MAX] = {false};

	while (next_string(&at, arguments, &text))
		for (size_t i = 0; setting_of(text, &name, &value) && i < plan->steps; i++) {
			if (!text_is(name, plan->step[i].setting))
				continue;
			strbuf_add(out, done, (size_t)(value.start - done));
			strbuf_puts(out, plan->step[i].after);
			done = value.start + value.length;
			found[i] = true;
		}
	strbuf_add(out, done, (size_t)(arguments - done));
	put_missing(file, plan, arguments, found, out);
	strbuf_add(out, arguments, (size_t)(end - arguments));
}

static void note_others(const struct os_state *state, const struct os_files *files, char *note,
			size_t bytes)
{
	*note = '\0';
	for (size_t i = 0; i < files->count; i++) {
		struct os_state copy = *state;

		if (!is_other_daemon(&files->file[i]))
			continue;
		for (size_t n = 0; n < copy.ranges; n++)
			*copy.range[n].where = '\0';
		boot_plist(&copy, &files->file[i]);
		for (size_t n = 0; n < copy.ranges; n++)
			if (*copy.range[n].where)
				snprintf(note, bytes,
					 "%.80s sets it too; which of both comes last is not known",
					 files->file[i].path);
	}
}

int plist_persist(const struct os_state *state, const struct os_files *files,
		  const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr)
{
	const struct os_file *file = edit_file(files, PLIST_PATH);
	const char *start, *arguments = NULL;
	struct strbuf out = STRBUF_INIT;
	char note[160];

	if (file &&
	    (!find_arguments(file, &start, &arguments) || !edit_is_text(file->text, file->length)))
		return error_set(reterr, -EINVAL, "range",
				 PLIST_PATH ": is no property list of ours: expected "
					    "ProgramArguments that begin with sysctl");
	if (file && !starts_at_boot(file))
		return error_set(reterr, -EINVAL, "range",
				 PLIST_PATH ": does not run at boot: expected RunAtLoad true, and "
					    "Disabled not true");
	note_others(state, files, note, sizeof(note));
	if (file)
		put_edited(file, plan, start, arguments, &out);
	else
		put_new(plan, &out);
	return edit_add(ret, PLIST_PATH, file, &out, 0644, note, reterr);
}
