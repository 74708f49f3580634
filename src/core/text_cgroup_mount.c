#include "text_cgroup_mount.h"

#include <string.h>

#include "strbuf.h"
#include "text_line.h"

#define ROOT_WORD                                                                                  \
	3 /* of a line of mountinfo: "31 23 0:28 ROOT MOUNTPOINT OPTIONS [TAGS] - TYPE SOURCE OPTIONS" */
#define POINT_WORD 4

/* The next line as it is: blanks at its ends may belong to a name. */
static bool next_line(struct text_span *rest, struct text_span *ret)
{
	const char *end;

	if (!rest->length)
		return false;
	end = memchr(rest->start, '\n', rest->length);
	ret->start = rest->start;
	ret->length = end ? (size_t)(end - rest->start) : rest->length;
	rest->start += ret->length + (end != NULL);
	rest->length -= ret->length + (end != NULL);
	return true;
}

/* Words of mountinfo have one blank between them; those inside are written as \040. */
static bool next_word(struct text_span *line, struct text_span *ret)
{
	const char *end;

	if (!line->length)
		return false;
	end = memchr(line->start, ' ', line->length);
	ret->start = line->start;
	ret->length = end ? (size_t)(end - line->start) : line->length;
	line->start += ret->length + (end != NULL);
	line->length -= ret->length + (end != NULL);
	return true;
}

static bool is_octal(const char *at)
{
	return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' &&
	       at[2] <= '7';
}

static void add_unescaped(struct strbuf *out, struct text_span word)
{
	for (size_t i = 0; i < word.length; i++) {
		const char *at = word.start + i;

		if (*at == '\\' && word.length - i > 3 && is_octal(at + 1)) {
			strbuf_putc(out, (char)(((at[1] - '0') << 6) | ((at[2] - '0') << 3) |
						(at[3] - '0')));
			i += 3;
		} else {
			strbuf_putc(out, *at);
		}
	}
}

/* Root and mount point of a line, when a unified hierarchy is mounted there. */
static bool read_mount(struct text_span line, struct text_span *ret_root,
		       struct text_span *ret_point)
{
	struct text_span word;

	for (unsigned i = 0; next_word(&line, &word); i++) {
		if (i == ROOT_WORD)
			*ret_root = word;
		else if (i == POINT_WORD)
			*ret_point = word;
		else if (i > POINT_WORD && text_is(word, "-"))
			return next_word(&line, &word) && text_is(word, "cgroup2");
	}
	return false;
}

static bool own_path(const char *text, size_t length, struct text_span *ret)
{
	struct text_span rest = {text, length}, line;

	while (next_line(&rest, &line)) {
		if (!text_begins(line, "0::/"))
			continue;
		*ret = (struct text_span){line.start + 3, line.length - 3};
		return true;
	}
	return false;
}

/* The part of @path below @root; false when it is not below it. A cgroup outside the namespace is "/..". */
static bool below(struct text_span path, const struct strbuf *root, struct text_span *ret)
{
	size_t skip = strcmp(root->text, "/") == 0 ? 0 : root->length;

	if (path.length < skip || memcmp(path.start, root->text, skip) != 0 ||
	    (path.length > skip && path.start[skip] != '/'))
		return false;
	*ret = (struct text_span){path.start + skip, path.length - skip};
	while (ret->length && *ret->start == '/') {
		ret->start++;
		ret->length--;
	}
	return !text_is(*ret, "..") && !text_begins(*ret, "../");
}

bool text_cgroup_directory(const char *mounts, size_t mounts_length, const char *cgroup,
			   size_t cgroup_length, struct strbuf *ret_top, struct strbuf *ret_path)
{
	struct text_span rest = {mounts, mounts_length}, line, path, root_word, point, inside;
	bool found = false;

	if (!own_path(cgroup, cgroup_length, &path))
		return false;
	while (!found && next_line(&rest, &line)) {
		struct strbuf root = STRBUF_INIT;

		if (!read_mount(line, &root_word, &point))
			continue;
		add_unescaped(&root, root_word);
		found = !root.failed && below(path, &root, &inside);
		strbuf_done(&root);
	}
	if (!found)
		return false;
	add_unescaped(ret_top, point);
	if (inside.length)
		strbuf_add(ret_path, inside.start, inside.length);
	else
		strbuf_puts(ret_path, ".");
	return !ret_top->failed && !ret_path->failed;
}
