/*
 * boot_tool - what files bring at boot and how they are edited, for tests in other languages
 *
 * Standard input, any number of times:
 *	system NAME RELEASE			begins a host; RELEASE is one word
 *	output BYTES				what its commands said, then the bytes
 *	file PATH 0|1 BYTES			a file (1: by a link), then the bytes
 *	boot					says "boot LOW-HIGH WHERE", "boot unknown WHERE" or "boot default"
 *	persist LOW HIGH			says "edit PATH MODE BYTES" and the bytes, "link PATH TO", or "error MESSAGE"; "end"
 *	winner systemd|procps KEY		says "winner PATH LINE VALUE" or "none"
 *	sysctl KEY VALUE			the same as persist, for a key of sysctl.d; "-" for VALUE: nobody sets it
 * All of TCP and UDP, IPv4 and IPv6 are meant. The first regular range is told of.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "sysctl_edit.h"
#include "system.h"
#include "text_sysctl_conf.h"

#define FILES_MAX 64

static struct os_state state;
static char release[64];
static const struct os_system *host_system;
static struct os_file file[FILES_MAX];
static char *owned[2 * FILES_MAX];
static size_t count, owns;

static void fail(const char *what)
{
	fprintf(stderr, "boot_tool: %s\n", what);
	exit(1);
}

/* Exactly as many bytes as are said, so that a read past the end shows. */
static char *take_bytes(const char *number, size_t *ret)
{
	char *bytes;

	*ret = strtoul(number, NULL, 10);
	bytes = malloc(*ret ? *ret : 1);
	if (!bytes || fread(bytes, 1, *ret, stdin) != *ret)
		fail("bytes are missing");
	return bytes;
}

static void begin(const char *name, const char *its_release)
{
	host_system = os_find(name);
	if (!host_system)
		fail("no such system");
	snprintf(release, sizeof(release), "%s", its_release);
	while (owns)
		free(owned[--owns]);
	count = 0;
}

static void take_output(const char *number)
{
	struct os_output output = {.id = ""};
	struct os_outputs outputs = {&output, 1};
	char *text = take_bytes(number, &output.length);

	output.text = text;
	if (os_parse(host_system, release, &outputs, &state, NULL) < 0)
		fail("the output tells nothing");
	free(text);
}

static void take_file(const char *path, bool link, const char *number)
{
	char *text, *copy = strdup(path);
	size_t length;

	if (!copy || count == FILES_MAX)
		fail("too many files");
	text = take_bytes(number, &length);
	owned[owns++] = copy;
	owned[owns++] = text;
	file[count++] = (struct os_file){copy, text, length, link};
}

static void tell_boot(void)
{
	struct os_files files = {file, count};
	const struct os_range *range = &state.range[0];

	os_boot(&state, &files);
	if (!range->boot_set)
		puts("boot default");
	else if (!range->boot_known)
		printf("boot unknown %s\n", range->where);
	else
		printf("boot %u-%u %s\n", range->boot.lo, range->boot.hi, range->where);
}

static void tell_error(const struct eph_error *error)
{
	printf("error %s\n", error->message);
}

static void persist(const char *low, const char *high)
{
	struct os_wish wish = {
		OS_REGULAR, OS_TCP | OS_UDP | OS_SCTP, OS_IPV4 | OS_IPV6, {0, 0}, false};
	struct os_files files = {file, count};
	struct eph_error error = {.message = ""};
	struct os_edits edits;

	wish.range.lo = (uint16_t)strtoul(low, NULL, 10);
	wish.range.hi = (uint16_t)strtoul(high, NULL, 10);
	if (os_persist(&state, &files, &wish, &edits, &error) < 0)
		tell_error(&error);
	else
		for (size_t i = 0; i < edits.count; i++) {
			const struct os_edit *edit = &edits.edit[i];

			if (edit->text)
				printf("edit %s %o %zu\n%.*s", edit->path, edit->mode, edit->length,
				       (int)edit->length, edit->text);
			else
				printf("link %s %s\n", edit->path, edit->link_to);
		}
	os_edits_done(&edits);
	puts("end");
}

static unsigned rank_of(const char *path)
{
	static const char *const directory[] = {"/etc/", "/run/", "/usr/local/lib/", "/usr/lib/"};
	unsigned rank = 0;

	while (rank < 3 && strncmp(path, directory[rank], strlen(directory[rank])) != 0)
		rank++;
	return rank;
}

/* The files as sysctl files, in the order they are read. */
static void list_files(struct file_list *list)
{
	for (int last = 0; last < 2; last++) {
		for (size_t i = 0; i < count; i++) {
			bool conf = strcmp(file[i].path, "/etc/sysctl.conf") == 0;
			char *text = malloc(file[i].length + 1);

			if (!text)
				fail("out of memory");
			memcpy(text, file[i].text, file[i].length);
			if (conf != (last == 1) ||
			    file_list_add(list, strdup(file[i].path), text, file[i].length,
					  conf ? FILE_SYSCTL_PROCPS : FILE_SYSCTL,
					  rank_of(file[i].path)) < 0)
				free(text);
		}
		if (!last)
			file_list_settle(list, 0);
	}
}

static void tell_winner(const char *reader, const char *key)
{
	struct file_list list = {.count = 0};
	struct sysctl_line line;

	list_files(&list);
	if (text_sysctl_conf_find(&list, key,
				  strcmp(reader, "procps") == 0 ? SYSCTL_READER_PROCPS
								: SYSCTL_READER_SYSTEMD,
				  &line))
		printf("winner %s %u %.*s\n", line.file->path, line.line, (int)line.value.length,
		       line.value.start);
	else
		puts("none");
	file_list_done(&list);
}

static void edit_sysctl(const char *key, const char *value)
{
	struct file_list list = {.count = 0};
	struct sysctl_fact facts[FILES_MAX];
	struct eph_error error = {.message = ""};
	struct sysctl_plan plan;
	struct sysctl_readers readers = sysctl_readers_of(true, true, false);

	list_files(&list);
	sysctl_facts_guess(&list, facts);
	if (sysctl_edit_plan(&list, facts, &readers, key, strcmp(value, "-") == 0 ? NULL : value,
			     &plan, &error) < 0)
		tell_error(&error);
	else
		for (unsigned i = 0; i < plan.edits; i++)
			printf("edit %s 644 %zu\n%s", plan.edit[i].path, plan.edit[i].text.length,
			       plan.edit[i].text.text);
	sysctl_plan_done(&plan);
	file_list_done(&list);
	puts("end");
}

static void act(char *line)
{
	char *word[4] = {NULL}, *rest = line;
	size_t words = 0;

	while (words < 3 && (word[words] = strsep(&rest, " ")))
		words++;
	word[3] = rest;
	if (words == 3 && strcmp(word[0], "system") == 0)
		begin(word[1], word[2]);
	else if (words == 2 && strcmp(word[0], "output") == 0)
		take_output(word[1]);
	else if (words == 3 && word[3] && strcmp(word[0], "file") == 0)
		take_file(word[1], *word[2] == '1', word[3]);
	else if (words == 1 && strcmp(word[0], "boot") == 0)
		tell_boot();
	else if (words == 3 && strcmp(word[0], "persist") == 0)
		persist(word[1], word[2]);
	else if (words == 3 && strcmp(word[0], "winner") == 0)
		tell_winner(word[1], word[2]);
	else if (words == 3 && strcmp(word[0], "sysctl") == 0)
		edit_sysctl(word[1], word[2]);
	else
		fail("a line that is none of ours");
}

int main(void)
{
	char line[1024];

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		act(line);
		fflush(stdout);
	}
	begin("linux", "");
	return 0;
}
