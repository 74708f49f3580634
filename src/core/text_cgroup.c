#include "text_cgroup.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ID_DIGITS_SHOWN 12
#define ID_DIGITS_LEAST 12

struct text {
	const char *start;
	size_t length;
};

static bool starts_with(struct text text, const char *prefix)
{
	size_t length = strlen(prefix);

	return text.length >= length && memcmp(text.start, prefix, length) == 0;
}

static bool ends_with(struct text text, const char *suffix)
{
	size_t length = strlen(suffix);

	return text.length > length &&
	       memcmp(text.start + text.length - length, suffix, length) == 0;
}

static struct text without(struct text text, size_t front, size_t back)
{
	return (struct text){text.start + front, text.length - front - back};
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_id(struct text text)
{
	if (text.length < ID_DIGITS_LEAST)
		return false;
	for (size_t i = 0; i < text.length; i++)
		if (!is_hex(text.start[i]))
			return false;
	return true;
}

static bool put(char *unit, const char *kind, struct text name, size_t most)
{
	int length = (int)(name.length < most ? name.length : most);

	snprintf(unit, TEXT_CGROUP_UNIT_BYTES, "%s%.*s", kind, length, name.start);
	return true;
}

/* "docker-4f5e....scope" and its relatives. */
static bool container_scope(struct text part, char *unit)
{
	static const struct {
		const char *prefix, *kind;
	} runtimes[] = {
		{"docker-", "docker:"}, {"cri-containerd-", "containerd:"}, {"crio-", "crio:"},
		{"libpod-", "podman:"}, {"nerdctl-", "containerd:"},
	};

	if (!ends_with(part, ".scope"))
		return false;
	part = without(part, 0, strlen(".scope"));
	for (unsigned i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
		struct text id;

		if (!starts_with(part, runtimes[i].prefix))
			continue;
		id = without(part, strlen(runtimes[i].prefix), 0);
		if (is_id(id))
			return put(unit, runtimes[i].kind, id, ID_DIGITS_SHOWN);
	}
	return false;
}

/* "/docker/4f5e...", "/kubepods/.../POD/4f5e...", "/lxc/NAME": what the part before says. */
static bool container_below(struct text parent, struct text part, char *unit)
{
	if (starts_with(parent, "lxc") && parent.length == strlen("lxc") && part.length > 0)
		return put(unit, "lxc:", part, TEXT_CGROUP_UNIT_BYTES);
	if (!is_id(part))
		return false;
	if (starts_with(parent, "docker") && parent.length == strlen("docker"))
		return put(unit, "docker:", part, ID_DIGITS_SHOWN);
	if (starts_with(parent, "libpod_parent") || starts_with(parent, "libpod"))
		return put(unit, "podman:", part, ID_DIGITS_SHOWN);
	if (starts_with(parent, "pod"))
		return put(unit, "container:", part, ID_DIGITS_SHOWN);
	return false;
}

/* "pod3f1c..." or "kubepods-burstable-pod3f1c_....slice". */
static bool pod(struct text part, char *unit)
{
	struct text id = part;

	if (ends_with(part, ".slice")) {
		const char *mark;

		id = without(part, 0, strlen(".slice"));
		if (!starts_with(id, "kubepods"))
			return false;
		mark = memmem(id.start, id.length, "-pod", 4);
		if (!mark)
			return false;
		id = without(id, (size_t)(mark - id.start) + 1, 0);
	}
	if (!starts_with(id, "pod"))
		return false;
	id = without(id, 3, 0);
	for (size_t i = 0; i < id.length; i++)
		if (!is_hex(id.start[i]) && id.start[i] != '-' && id.start[i] != '_')
			return false;
	return id.length >= ID_DIGITS_LEAST && put(unit, "pod:", id, ID_DIGITS_SHOWN);
}

static bool service(struct text part, char *unit)
{
	if (!ends_with(part, ".service") && !ends_with(part, ".socket") &&
	    !ends_with(part, ".scope"))
		return false;
	return put(unit, "", part, TEXT_CGROUP_UNIT_BYTES);
}

/* The part of the path that ends before @end, without its slash. */
static struct text part_before(const char *path, size_t end)
{
	size_t start = end;

	while (start > 0 && path[start - 1] != '/')
		start--;
	return (struct text){path + start, end - start};
}

void text_cgroup_unit(const char *path, size_t length, char unit[TEXT_CGROUP_UNIT_BYTES])
{
	char outer[TEXT_CGROUP_UNIT_BYTES];

	unit[0] = '\0';
	outer[0] = '\0';
	while (length > 0) {
		struct text part = part_before(path, length), parent;

		length -= part.length;
		length -= length > 0; /* the slash */
		parent = part_before(path, length);
		if (container_scope(part, unit) || container_below(parent, part, unit) ||
		    pod(part, unit))
			return;
		if (outer[0] == '\0')
			service(part, outer);
	}
	memcpy(unit, outer, sizeof(outer));
}

static bool unit_of_line(const char *line, size_t length, char unit[TEXT_CGROUP_UNIT_BYTES])
{
	const char *colon = memchr(line, ':', length), *end = line + length;

	if (colon)
		colon = memchr(colon + 1, ':', (size_t)(end - colon - 1));
	if (colon)
		text_cgroup_unit(colon + 1, (size_t)(end - colon - 1), unit);
	return unit[0] != '\0';
}

void text_cgroup_unit_of_process(const char *text, size_t length, char unit[TEXT_CGROUP_UNIT_BYTES])
{
	const char *line = text, *end = text + length;

	unit[0] = '\0';
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *line_end = newline ? newline : end;

		if (unit_of_line(line, (size_t)(line_end - line), unit))
			return;
		line = line_end + 1;
	}
}
