#include "linux_boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "edit_text.h"
#include "error.h"
#include "parse.h"
#include "rc_local.h"
#include "reserved.h"
#include "sysctl_edit.h"
#include "text_sysctl.h"
#include "text_sysctl_conf.h"

#define RANGE    "net.ipv4.ip_local_port_range"
#define RESERVED "net.ipv4.ip_local_reserved_ports"
#define PROCPS   "/etc/sysctl.conf"

#define DIRECTORIES 5u /* signs of a sysctl.d; those of systemd follow */
#define SIGNS       (ARRAY_SIZE(linux_boot_signs) - 1)
#define UNTOLD      (UINT16_MAX + 1u) /* something is set, but not what */

const struct os_boot_file linux_boot_files[] = {
	{"/etc/sysctl.d/*.conf"},
	{"/run/sysctl.d/*.conf"},
	{"/usr/local/lib/sysctl.d/*.conf"},
	{"/usr/lib/sysctl.d/*.conf"},
	{"/lib/sysctl.d/*.conf"},
	{PROCPS},
	{RC_LOCAL_PATH},
	{NULL},
};

const char *const linux_boot_signs[] = {
	"/etc/sysctl.d",
	"/run/sysctl.d",
	"/usr/local/lib/sysctl.d",
	"/usr/lib/sysctl.d",
	"/lib/sysctl.d",
	"/run/systemd/system",
	"/usr/lib/systemd/systemd-sysctl",
	"/lib/systemd/systemd-sysctl",
	NULL,
};

/* The files that a boot reads, and who reads them. */
struct boot_files {
	struct file_list list;
	struct file_list all; /* those that others hide, too; filled by find_winner() */
	struct sysctl_readers readers;
};

/* Rank of the directory among those that hide each other's files. */
static bool find_rank(const char *path, unsigned *ret)
{
	for (unsigned i = 0; linux_boot_files[i].path; i++) {
		const char *star = strchr(linux_boot_files[i].path, '*');
		size_t length = star ? (size_t)(star - linux_boot_files[i].path) : 0;

		*ret = i;
		if (star && strncmp(path, linux_boot_files[i].path, length) == 0)
			return true;
	}
	return false;
}

static int add_copy(struct file_list *list, const struct os_file *file, enum file_kind kind,
		    unsigned rank)
{
	char *path = strdup(file->path), *text = malloc(file->length + 1);

	if (!path || !text) {
		free(path);
		free(text);
		return -ENOMEM;
	}
	if (file->length)
		memcpy(text, file->text, file->length);
	return file_list_add(list, path, text, file->length, kind, rank);
}

static void boot_files_done(struct boot_files *files)
{
	file_list_done(&files->list);
	file_list_done(&files->all);
}

/* Is any of the signs there, from @from up to @to? */
static bool has_sign(const struct os_files *files, unsigned from, unsigned to)
{
	for (; from < to; from++)
		if (edit_file(files, linux_boot_signs[from]))
			return true;
	return false;
}

static int list_all(const struct os_files *files, struct file_list *ret)
{
	unsigned rank;
	int r = 0;

	for (size_t i = 0; i < files->count && r == 0; i++)
		if (find_rank(files->file[i].path, &rank))
			r = add_copy(ret, &files->file[i], FILE_SYSCTL, rank);
	return r;
}

/* In the order in which they are read. Of several of one name BusyBox reads each. */
static int list_files(const struct os_files *files, const char *key, struct boot_files *ret)
{
	const struct os_file *last = edit_file(files, PROCPS);
	bool directory = has_sign(files, 0, DIRECTORIES);
	unsigned rank;
	int r;

	*ret = (struct boot_files){.list = {.count = 0}};
	for (size_t i = 0; i < files->count; i++)
		directory |= find_rank(files->file[i].path, &rank);
	r = list_all(files, &ret->list);
	/* Nothing at all does not tell who will read what. */
	ret->readers =
		sysctl_readers_of(has_sign(files, DIRECTORIES, SIGNS), directory || !last,
				  sysctl_set_elsewhere(&ret->list, key) || (!directory && !last));
	file_list_settle(&ret->list, 0);
	return r == 0 && last ? add_copy(&ret->list, last, FILE_SYSCTL_PROCPS, 0) : r;
}

/* The line that wins; where a script takes one directory after another, and none hides a file of the next, it may be another
 * one: *@ret_doubtful. */
static bool find_winner(const struct os_files *files, const char *key, struct boot_files *read,
			struct sysctl_line *ret, bool *ret_doubtful)
{
	bool found = sysctl_readers_find(&read->list, key, &read->readers, ret);
	struct sysctl_line other;

	*ret_doubtful = read->readers.reader[0] == SYSCTL_READER_PROCPS &&
			!(found && ret->file->kind == FILE_SYSCTL_PROCPS) &&
			list_all(files, &read->all) == 0 &&
			text_sysctl_conf_find(&read->all, key, SYSCTL_READER_PROCPS, &other) &&
			!(found && text_sysctl_conf_same(ret->value, other.value));
	if (*ret_doubtful)
		*ret = other;
	return found || *ret_doubtful;
}

static unsigned find_late(const struct os_files *files, struct port_range *ret)
{
	const struct os_file *file = edit_file(files, RC_LOCAL_PATH);

	return file ? rc_local_find(file->text, file->length, ret) : 0;
}

/* Each reader may find another line: all that any gives counts. False when a line is no list of ports. */
static bool boot_reserved(struct os_reserved *reserved, const struct boot_files *files)
{
	struct port_set ports;
	struct sysctl_line line;

	for (unsigned i = 0; i < files->readers.count; i++) {
		if (!text_sysctl_conf_find(&files->list, RESERVED, files->readers.reader[i], &line))
			continue;
		snprintf(reserved->where, sizeof(reserved->where), "%s line %u", line.file->path,
			 line.line);
		reserved->boot_set = true;
		if (port_set_parse(line.value.start, line.value.length, &ports, NULL) < 0)
			return false;
		port_set_add_set(&reserved->boot_plus, &ports);
	}
	return true;
}

static struct os_reserved *reserved_of(struct os_state *state)
{
	return state->reserveds && state->reserved[0].list ? &state->reserved[0] : NULL;
}

static void boot_lists(struct os_state *state, const struct os_files *files)
{
	struct os_reserved *reserved = reserved_of(state);
	struct boot_files read;

	if (!reserved)
		return;
	reserved->boot_whole = true;
	if (list_files(files, RESERVED, &read) == 0)
		reserved->boot_known = boot_reserved(reserved, &read);
	boot_files_done(&read);
}

void linux_boot(struct os_state *state, const struct os_files *files)
{
	struct os_range *range = &state->range[0];
	struct boot_files read = {.readers = {.count = 0}};
	struct port_range boot = {1, 0};
	struct sysctl_line line;
	unsigned late = find_late(files, &boot);
	bool doubtful;

	if (late) {
		edit_where(range, RC_LOCAL_PATH, late);
	} else if (list_files(files, RANGE, &read) == 0 &&
		   find_winner(files, RANGE, &read, &line, &doubtful)) {
		edit_where(range, line.file->path, line.line);
		if (doubtful)
			range->boot_value[OS_END_LOW] = range->boot_value[OS_END_HIGH] = UNTOLD;
		else if (text_sysctl_range_written(line.value.start, line.value.length, &boot) < 0)
			boot = (struct port_range){1, 0};
	}
	if (boot.lo <= boot.hi) {
		range->boot_value[OS_END_LOW] = boot.lo;
		range->boot_value[OS_END_HIGH] = boot.hi;
	}
	boot_files_done(&read);
	boot_lists(state, files);
}

/* Does each reader of the files find this very range? */
static bool is_kept(const struct boot_files *files, struct port_range wish)
{
	for (unsigned i = 0; i < files->readers.count; i++) {
		struct sysctl_line line;
		struct port_range kept;

		if (!text_sysctl_conf_find(&files->list, RANGE, files->readers.reader[i], &line) ||
		    text_sysctl_range_written(line.value.start, line.value.length, &kept) < 0 ||
		    kept.lo != wish.lo || kept.hi != wish.hi)
			return false;
	}
	return true;
}

/* Both ends are steps of the one setting: the lower is the low one. */
static int take_wish(const struct os_plan *plan, struct port_range *ret)
{
	uint16_t port;

	*ret = (struct port_range){UINT16_MAX, 0};
	for (size_t i = 0; i < plan->steps; i++) {
		if (parse_port(plan->step[i].after, &port) < 0)
			return -EINVAL;
		ret->lo = port < ret->lo ? port : ret->lo;
		ret->hi = port > ret->hi ? port : ret->hi;
	}
	return 0;
}

static int edit_files(const struct boot_files *read, const struct os_files *files, const char *key,
		      const char *value, struct os_edits *ret, struct eph_error *reterr)
{
	CLEANUP(freep)
	struct sysctl_fact *facts = calloc(read->list.count + 1, sizeof(*facts));
	struct sysctl_plan plan = {.edits = 0};
	char note[160] = "";
	int r;

	if (!facts)
		return error_set(reterr, -ENOMEM, "sysctl", "out of memory");
	sysctl_facts_guess(&read->list, facts);
	r = sysctl_edit_plan(&read->list, facts, &read->readers, key, value, &plan, reterr);
	if (r == 0 && plan.other)
		snprintf(note, sizeof(note), "%.100s sets it too, and is overruled", plan.other);
	for (unsigned i = 0; r == 0 && i < plan.edits; i++)
		r = edit_add(ret, plan.edit[i].path, edit_file(files, plan.edit[i].path),
			     &plan.edit[i].text, 0644, note, reterr);
	sysctl_plan_done(&plan);
	return r;
}

int linux_persist(const struct os_state *state, const struct os_files *files,
		  const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr)
{
	struct boot_files read = {.readers = {.count = 0}};
	struct port_range wish, late;
	struct sysctl_line found;
	char value[16];
	unsigned line = find_late(files, &late);
	int r = take_wish(plan, &wish);

	(void)state;
	if (r == 0 && line && (late.lo != wish.lo || late.hi != wish.hi))
		r = error_set(reterr, -EBUSY, "range",
			      RC_LOCAL_PATH " line %u sets another range at the end of each boot, "
					    "after every sysctl file: take that line out, or give "
					    "--no-persist",
			      line);
	if (r == 0)
		r = list_files(files, RANGE, &read);
	snprintf(value, sizeof(value), "%u %u", wish.lo, wish.hi);
	if (r == 0 && (plan->unset ? sysctl_readers_find(&read.list, RANGE, &read.readers, &found)
				   : !is_kept(&read, wish)))
		r = edit_files(&read, files, RANGE, plan->unset ? NULL : value, ret, reterr);
	boot_files_done(&read);
	return r;
}

/* Does each reader of the files find exactly these ports? */
static bool list_is_kept(const struct boot_files *files, const struct port_set *ports)
{
	for (unsigned i = 0; i < files->readers.count; i++) {
		struct port_set found = {{0}};
		struct sysctl_line line;

		if (text_sysctl_conf_find(&files->list, RESERVED, files->readers.reader[i],
					  &line) &&
		    port_set_parse(line.value.start, line.value.length, &found, NULL) < 0)
			return false;
		if (memcmp(&found, ports, sizeof(found)) != 0)
			return false;
	}
	return true;
}

int linux_list_persist(const struct os_state *state, const struct os_files *files,
		       const struct os_list_wish *wish, struct os_edits *ret,
		       struct eph_error *reterr)
{
	const struct os_reserved *reserved = os_reserved_find(state, RESERVED);
	struct boot_files read;
	struct strbuf value = STRBUF_INIT;
	struct port_set ports;
	int r;

	if (!reserved || !reserved->boot_known)
		return error_set(reterr, -EINVAL, "reserve",
				 "%.120s sets no list of ports; correct that line first",
				 reserved ? reserved->where : RESERVED);
	ports = reserved->boot_plus;
	if (!wish->remove) {
		port_set_add_set(&ports, &reserved->ports);
		port_set_add_set(&ports, &wish->ports);
	} else {
		port_set_remove_set(&ports, &wish->ports);
	}
	port_set_format(&ports, &value);
	r = list_files(files, RESERVED, &read);
	if (r == 0 && !list_is_kept(&read, &ports))
		r = edit_files(&read, files, RESERVED, value.length ? value.text : NULL, ret,
			       reterr);
	strbuf_done(&value);
	boot_files_done(&read);
	return r;
}
