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

/* In the order in which they are read. */
static int list_files(const struct os_files *files, struct file_list *ret)
{
	const struct os_file *last = edit_file(files, PROCPS);
	unsigned rank;
	int r = 0;

	for (size_t i = 0; i < files->count && r == 0; i++)
		if (find_rank(files->file[i].path, &rank))
			r = add_copy(ret, &files->file[i], FILE_SYSCTL, rank);
	file_list_settle(ret, 0);
	return r == 0 && last ? add_copy(ret, last, FILE_SYSCTL_PROCPS, 0) : r;
}

static unsigned find_late(const struct os_files *files, struct port_range *ret)
{
	const struct os_file *file = edit_file(files, RC_LOCAL_PATH);

	return file ? rc_local_find(file->text, file->length, ret) : 0;
}

static const enum sysctl_reader readers[] = {SYSCTL_READER_SYSTEMD, SYSCTL_READER_PROCPS};

/* Both readers may find another line: all that either gives counts. False when a line is no list of ports. */
static bool boot_reserved(struct os_reserved *reserved, const struct file_list *list)
{
	struct port_set ports;
	struct sysctl_line line;

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		if (!text_sysctl_conf_find(list, RESERVED, readers[i], &line))
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
	struct file_list list = {.count = 0};

	if (reserved)
		reserved->boot_whole = true;
	if (reserved && list_files(files, &list) == 0)
		reserved->boot_known = boot_reserved(reserved, &list);
	file_list_done(&list);
}

void linux_boot(struct os_state *state, const struct os_files *files)
{
	struct os_range *range = &state->range[0];
	struct file_list list = {.count = 0};
	struct port_range boot = {1, 0};
	struct sysctl_line line;
	unsigned late = find_late(files, &boot);

	if (late) {
		edit_where(range, RC_LOCAL_PATH, late);
	} else if (list_files(files, &list) == 0 &&
		   (text_sysctl_conf_find(&list, RANGE, SYSCTL_READER_SYSTEMD, &line) ||
		    text_sysctl_conf_find(&list, RANGE, SYSCTL_READER_PROCPS, &line))) {
		edit_where(range, line.file->path, line.line);
		if (text_sysctl_range_written(line.value.start, line.value.length, &boot) < 0)
			boot = (struct port_range){1, 0};
	}
	if (boot.lo <= boot.hi) {
		range->boot_value[OS_END_LOW] = boot.lo;
		range->boot_value[OS_END_HIGH] = boot.hi;
	}
	file_list_done(&list);
	boot_lists(state, files);
}

/* Does each reader of the files find this very range? */
static bool is_kept(const struct file_list *files, struct port_range wish)
{
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct sysctl_line line;
		struct port_range kept;

		if (!text_sysctl_conf_find(files, RANGE, readers[i], &line) ||
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

static int edit_files(const struct file_list *list, const struct os_files *files, const char *key,
		      const char *value, struct os_edits *ret, struct eph_error *reterr)
{
	CLEANUP(freep) struct sysctl_fact *facts = calloc(list->count + 1, sizeof(*facts));
	struct sysctl_plan plan = {.edits = 0};
	char note[160] = "";
	int r;

	if (!facts)
		return error_set(reterr, -ENOMEM, "sysctl", "out of memory");
	sysctl_facts_guess(list, facts);
	r = sysctl_edit_plan(list, facts, key, value, &plan, reterr);
	if (r == 0 && plan.other)
		snprintf(note, sizeof(note), "%.100s sets it too, and is overruled", plan.other);
	for (unsigned i = 0; r == 0 && i < plan.edits; i++)
		r = edit_add(ret, plan.edit[i].path, edit_file(files, plan.edit[i].path),
			     &plan.edit[i].text, 0644, note, reterr);
	sysctl_plan_done(&plan);
	return r;
}

static bool is_set(const struct file_list *list)
{
	struct sysctl_line line;

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
		if (text_sysctl_conf_find(list, RANGE, readers[i], &line))
			return true;
	return false;
}

int linux_persist(const struct os_state *state, const struct os_files *files,
		  const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr)
{
	struct file_list list = {.count = 0};
	struct port_range wish, late;
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
		r = list_files(files, &list);
	snprintf(value, sizeof(value), "%u %u", wish.lo, wish.hi);
	if (r == 0 && (plan->unset ? is_set(&list) : !is_kept(&list, wish)))
		r = edit_files(&list, files, RANGE, plan->unset ? NULL : value, ret, reterr);
	file_list_done(&list);
	return r;
}

/* Does each reader of the files find exactly these ports? */
static bool list_is_kept(const struct file_list *files, const struct port_set *ports)
{
	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		struct port_set found = {{0}};
		struct sysctl_line line;

		if (text_sysctl_conf_find(files, RESERVED, readers[i], &line) &&
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
	struct file_list list = {.count = 0};
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
	r = list_files(files, &list);
	if (r == 0 && !list_is_kept(&list, &ports))
		r = edit_files(&list, files, RESERVED, value.length ? value.text : NULL, ret,
			       reterr);
	strbuf_done(&value);
	file_list_done(&list);
	return r;
}
