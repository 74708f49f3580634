#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "host_change.h"
#include "reserved.h"

static int no_memory(struct eph_error *reterr)
{
	return error_set(reterr, -ENOMEM, "reserve", "out of memory");
}

/* The commands as they are run: each when the one before it came off. */
static char *joined(const struct strbuf *commands)
{
	struct text_lines lines = text_lines(commands->text, commands->length, false);
	struct strbuf out = STRBUF_INIT;
	struct text_span line;

	while (text_line_next(&lines, &line)) {
		strbuf_puts(&out, out.length ? " && " : "");
		strbuf_add(&out, line.start, line.length);
	}
	return strbuf_take(&out);
}

/* One memory of one list. No step when nothing changes. */
static int add_step(struct host_change *change, const struct os_reserved *reserved, bool boot,
		    const struct os_ports *before, const struct os_ports *after,
		    struct eph_error *reterr)
{
	char name[OS_SETTING_BYTES + sizeof(OS_HOST_BOOT)];
	struct strbuf from = STRBUF_INIT, to = STRBUF_INIT, command = STRBUF_INIT;
	unsigned index = change->change->steps;
	int r = 0;

	snprintf(name, sizeof(name), "%s%s", boot ? OS_HOST_BOOT : "", reserved->setting);
	os_ports_format(before, &from);
	os_ports_format(after, &to);
	if (from.failed || to.failed)
		r = no_memory(reterr);
	else if (strcmp(from.text, to.text) != 0) {
		r = os_list_commands(&change->state, reserved->list,
				     boot ? reserved->list->store : OS_RUNNING, before, after,
				     &command, reterr);
		if (r == 0 && change_add_setting(change->change, name, from.text, to.text) < 0)
			r = error_set(reterr, -E2BIG, "reserve", "too many steps");
		if (r == 0)
			change->command[index] = joined(&command);
	}
	strbuf_done(&from);
	strbuf_done(&to);
	strbuf_done(&command);
	return r;
}

/* Where one command writes both memories each gets the same; what only one of them had is lost in none. */
static int add_both(struct host_change *change, const struct os_reserved *reserved,
		    const struct os_list_wish *wish, struct eph_error *reterr)
{
	struct os_ports now, kept, after, all;
	int r;

	os_reserved_now(reserved, &now);
	os_reserved_kept(reserved, &kept);
	all = now;
	port_set_add_set(&all.set, &kept.set);
	os_ports_change(&all, wish, reserved->list->rows, &after);
	if (!port_set_count(&after.set))
		return error_set(reterr, -EINVAL, "reserve",
				 "%s cannot be left without a port: leave one on it",
				 reserved->setting);
	os_ports_change(&now, wish, reserved->list->rows, &all);
	if (memcmp(&all, &now, sizeof(all)) == 0 && os_list_is_kept(reserved, reserved, wish))
		return 0;
	r = add_step(change, reserved, false, &now, &after, reterr);
	return r == 0 ? add_step(change, reserved, true, &kept, &after, reterr) : r;
}

static int add_list(struct host_change *change, const struct os_reserved *reserved,
		    const struct os_list_wish *wish, bool persist, struct eph_error *reterr)
{
	const struct os_list *list = reserved->list;
	struct os_ports before, after;

	if (!persist &&
	    (list->store == OS_NEXT_BOOT || (list->store == OS_BOTH && !reserved->boot_known)))
		return error_set(
			reterr, -EOPNOTSUPP, "reserve", "--no-persist cannot be had on %s: %s",
			change->state.system->title,
			list->store == OS_BOTH ? "ports that are excluded until the next boot "
						 "cannot be told from those of drivers"
					       : "a change shows only after a reboot");
	if (persist && list->store == OS_BOTH && reserved->boot_known)
		return add_both(change, reserved, wish, reterr);
	os_reserved_now(reserved, &before);
	os_ports_change(&before, wish, list->rows, &after);
	return add_step(change, reserved, list->store == OS_NEXT_BOOT, &before, &after, reterr);
}

static int add_lists(struct host_change *change, const struct os_list_wish *wish, bool persist,
		     struct eph_error *reterr)
{
	int r = 0;

	for (size_t i = 0; i < change->state.reserveds && r == 0; i++)
		if (os_list_meant(&change->state.reserved[i], wish))
			r = add_list(change, &change->state.reserved[i], wish, persist, reterr);
	return r;
}

/* Once more through the system's own boot order. */
static int check_boot(const struct host_change *change, const struct os_list_wish *wish,
		      struct eph_error *reterr)
{
	CLEANUP(freep) struct os_state *state = malloc(sizeof(*state));
	CLEANUP(freep)
	struct os_file *file = calloc(change->files.count + OS_EDITS_MAX + 1, sizeof(*file));
	struct os_files files = {file, 0};

	if (!state || !file)
		return no_memory(reterr);
	*state = change->state;
	files.count = host_change_files_after(change, file);
	os_boot(state, &files);
	for (size_t i = 0; i < state->reserveds; i++) {
		const struct os_reserved *boot = &state->reserved[i];

		if (os_list_meant(boot, wish) &&
		    !os_list_is_kept(&change->state.reserved[i], boot, wish))
			return error_set(reterr, -EBUSY, "reserve",
					 "the next boot would bring another list, set by %.120s; "
					 "nothing was changed",
					 *boot->where ? boot->where : "the system itself");
	}
	return 0;
}

/* Of a file only the difference is told: what the system has by itself it need not say. */
static int add_edits(struct os_host *host, struct host_change *change,
		     const struct os_list_wish *wish, struct eph_error *reterr)
{
	struct strbuf ports = STRBUF_INIT;
	int r = 0;

	port_set_format(&wish->ports, &ports);
	for (size_t i = 0; i < change->edits.count && r == 0; i++)
		r = host_change_add_edit(
			host, change, "reserved ports", wish->remove ? ports.text : NULL,
			wish->remove ? NULL : ports.text, &change->edits.edit[i], reterr);
	strbuf_done(&ports);
	return r;
}

int host_change_reserve(struct os_host *host, struct host_change *change,
			const struct os_list_wish *wish, bool persist, struct eph_error *reterr)
{
	struct os_files files = {change->files.file, change->files.count};
	int r = os_list_check(&change->state, wish, reterr);

	change->change = change_new(&host->runner.place);
	if (r == 0 && !change->change)
		r = no_memory(reterr);
	if (r == 0 && persist)
		r = os_list_persist(&change->state, &files, wish, &change->edits, reterr);
	if (r == 0 && change->edits.count)
		r = check_boot(change, wish, reterr);
	if (r == 0)
		r = add_edits(host, change, wish, reterr);
	return r == 0 ? add_lists(change, wish, persist, reterr) : r;
}
