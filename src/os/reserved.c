#include "reserved.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "error.h"

/* Where TCP and UDP have the same name for it, the first row of each protocol counts. */
static const struct {
	const char *system, *setting;
	unsigned protocol, family; /* 0: any */
	const char *command;
} commands[] = {
	{"openbsd", "net.inet.tcp.baddynamic", 0, 0, "sysctl net.inet.tcp.baddynamic=+PORT"},
	{"openbsd", "net.inet.udp.baddynamic", 0, 0, "sysctl net.inet.udp.baddynamic=+PORT"},
	{"solaris10", "tcp_extra_priv_ports", 0, 0,
	 "ndd -set /dev/tcp tcp_extra_priv_ports_add PORT"},
	{"solaris10", "udp_extra_priv_ports", 0, 0,
	 "ndd -set /dev/udp udp_extra_priv_ports_add PORT"},
	{"solaris11", NULL, OS_TCP, 0, "ipadm set-prop -p extra_priv_ports+=PORT tcp"},
	{"solaris11", NULL, OS_UDP, 0, "ipadm set-prop -p extra_priv_ports+=PORT udp"},
	{"illumos", NULL, OS_TCP, 0, "ipadm set-prop -p extra_priv_ports+=PORT tcp"},
	{"illumos", NULL, OS_UDP, 0, "ipadm set-prop -p extra_priv_ports+=PORT udp"},
	{"dragonfly", "net.inet.tcp.baddynamic", 0, 0, "sysctl net.inet.tcp.baddynamic=+PORT"},
	{"dragonfly", "net.inet.udp.baddynamic", 0, 0, "sysctl net.inet.udp.baddynamic=+PORT"},
	{"windows", NULL, OS_TCP, OS_IPV4,
	 "netsh int ipv4 add excludedportrange protocol=tcp startport=PORT numberofports=1"},
	{"windows", NULL, OS_UDP, OS_IPV4,
	 "netsh int ipv4 add excludedportrange protocol=udp startport=PORT numberofports=1"},
	{"windows", NULL, OS_TCP, OS_IPV6,
	 "netsh int ipv6 add excludedportrange protocol=tcp startport=PORT numberofports=1"},
	{"windows", NULL, OS_UDP, OS_IPV6,
	 "netsh int ipv6 add excludedportrange protocol=udp startport=PORT numberofports=1"},
	{"linux", "net.ipv4.ip_local_reserved_ports", 0, 0, "ephemports reserve add PORT"},
};

const char *os_reserved_add_command(const struct os_system *system,
				    const struct os_reserved *reserved)
{
	/* Of Windows those that a reboot ends belong to drivers. */
	if ((system->flags & OS_CMD_EXE) && !reserved->lasting)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(commands[i].system, system->name) == 0 &&
		    (!commands[i].setting || strcmp(commands[i].setting, reserved->setting) == 0) &&
		    (!commands[i].protocol || (reserved->protocols & commands[i].protocol)) &&
		    (!commands[i].family || (reserved->families & commands[i].family)))
			return commands[i].command;
	return NULL;
}

bool os_ports_row(const struct os_ports *ports, int from, struct port_range *ret)
{
	int low = port_set_next(&ports->set, from), high = low;

	if (low < 0)
		return false;
	while (high < UINT16_MAX && port_set_has(&ports->set, (uint16_t)(high + 1)) &&
	       !port_set_has(&ports->first, (uint16_t)(high + 1)))
		high++;
	*ret = (struct port_range){(uint16_t)low, (uint16_t)high};
	return true;
}

bool os_ports_has_row(const struct os_ports *ports, struct port_range row)
{
	struct port_range found;

	/* From the middle of a row on another one would be found. */
	if (row.lo && port_set_has(&ports->set, (uint16_t)(row.lo - 1)) &&
	    !port_set_has(&ports->first, row.lo))
		return false;
	return os_ports_row(ports, row.lo, &found) && found.lo == row.lo && found.hi == row.hi;
}

void os_ports_format(const struct os_ports *ports, struct strbuf *out)
{
	struct port_range row;
	const char *comma = "";

	for (int from = 0; os_ports_row(ports, from, &row); from = row.hi + 1) {
		strbuf_printf(out, row.lo == row.hi ? "%s%u" : "%s%u-%u", comma, row.lo, row.hi);
		comma = ",";
	}
}

int os_ports_read(const char *text, bool rows, struct os_ports *ret)
{
	struct os_ports ports = {.set = {{0}}};
	size_t length;

	for (const char *at = text; *at; at += length + (at[length] == ',')) {
		struct port_set one, again;
		int first;

		length = strcspn(at, ",");
		if (!length || port_set_parse(at, length, &one, NULL) < 0 || port_set_has(&one, 0))
			return -EINVAL;
		first = port_set_next(&one, 0);
		again = one;
		port_set_keep_set(&again, &ports.set);
		if (first < 0 || (rows && port_set_count(&again)))
			return -EINVAL;
		port_set_add_set(&ports.set, &one);
		if (rows)
			port_set_add(&ports.first, (uint16_t)first);
	}
	*ret = ports;
	return 0;
}

void os_ports_change(const struct os_ports *base, const struct os_list_wish *wish, bool rows,
		     struct os_ports *ret)
{
	struct os_ports fresh = {.set = wish->ports};
	struct port_range row;

	*ret = *base;
	if (wish->remove) {
		port_set_remove_set(&ret->set, &wish->ports);
		port_set_remove_set(&ret->first, &wish->ports);
		return;
	}
	port_set_remove_set(&fresh.set, &base->set);
	for (int from = 0; rows && os_ports_row(&fresh, from, &row); from = row.hi + 1)
		port_set_add(&ret->first, row.lo);
	port_set_add_set(&ret->set, &fresh.set);
}

void os_reserved_now(const struct os_reserved *reserved, struct os_ports *ret)
{
	*ret = (struct os_ports){reserved->ports, reserved->first};
}

void os_reserved_kept(const struct os_reserved *reserved, struct os_ports *ret)
{
	*ret = (struct os_ports){.set = reserved->boot_plus};
	if (reserved->list && reserved->list->rows)
		ret->first = reserved->first;
}

const struct os_reserved *os_reserved_find(const struct os_state *state, const char *setting)
{
	for (size_t i = 0; i < state->reserveds; i++)
		if (state->reserved[i].list && strcmp(state->reserved[i].setting, setting) == 0)
			return &state->reserved[i];
	return NULL;
}

bool os_list_meant(const struct os_reserved *reserved, const struct os_list_wish *wish)
{
	return reserved->list && (reserved->protocols & wish->protocols);
}

static bool meets(const struct port_set *a, const struct port_set *b)
{
	struct port_set both = *a;

	port_set_keep_set(&both, b);
	return port_set_count(&both) > 0;
}

static bool has_all(const struct port_set *set, const struct port_set *wanted)
{
	struct port_set missing = *wanted;

	port_set_remove_set(&missing, set);
	return port_set_count(&missing) == 0;
}

/* Rows come and go whole: to put a part of one back could fail where a service listens by now. */
static int check_rows(const struct os_reserved *reserved, const struct os_list_wish *wish,
		      struct eph_error *reterr)
{
	struct port_range row;
	struct os_ports now;

	os_reserved_now(reserved, &now);
	for (int from = 0; os_ports_row(&now, from, &row); from = row.hi + 1) {
		uint32_t named = port_set_count_in(&wish->ports, row);

		if (named && named < port_range_width(row))
			return error_set(reterr, -EINVAL, "reserve",
					 "%u-%u of %s was added as one, and is removed as one: "
					 "name all of it",
					 row.lo, row.hi, reserved->setting);
	}
	return 0;
}

/* Ports that somebody else, a driver, holds in the same list until the next boot. */
static int check_others(const struct os_state *state, const struct os_reserved *reserved,
			const struct os_list_wish *wish, struct eph_error *reterr)
{
	struct port_set rest = wish->ports;

	if (!wish->remove)
		port_set_remove_set(&rest, &reserved->ports);
	for (size_t i = 0; i < state->reserveds; i++) {
		const struct os_reserved *other = &state->reserved[i];
		struct os_ports held;
		struct port_range row;

		if (other->list || other->protocols != reserved->protocols ||
		    other->families != reserved->families || !meets(&other->ports, &rest))
			continue;
		os_reserved_now(other, &held);
		for (int from = 0; os_ports_row(&held, from, &row); from = row.hi + 1)
			if (port_set_count_in(&rest, row))
				return error_set(
					reterr, -EBUSY, "reserve",
					"%u-%u is excluded by a driver (WinNAT, Hyper-V) until the "
					"next boot: net stop winnat, then the same again, then "
					"net start winnat",
					row.lo, row.hi);
	}
	return 0;
}

int os_list_check(const struct os_state *state, const struct os_list_wish *wish,
		  struct eph_error *reterr)
{
	const struct os_system *system = state->system;
	bool any = false;
	int r = 0;

	if (!system->list)
		return error_set(reterr, -EOPNOTSUPP, "reserve", "%s: %s", system->title,
				 system->no_list);
	for (size_t i = 0; i < state->reserveds && r == 0; i++) {
		const struct os_reserved *reserved = &state->reserved[i];

		if (!os_list_meant(reserved, wish))
			continue;
		any = true;
		if (reserved->list->rows && wish->remove)
			r = check_rows(reserved, wish, reterr);
		if (r == 0)
			r = check_others(state, reserved, wish, reterr);
	}
	if (r == 0 && !any)
		r = error_set(reterr, -ENOENT, "reserve",
			      "%s: the list of reserved ports could not be read", system->title);
	return r;
}

static void built_in(const struct os_reserved *reserved, struct port_set *ret)
{
	const char *text = reserved->list->built_in;

	port_set_clear(ret);
	if (text)
		port_set_parse(text, strlen(text), ret, NULL);
}

void os_list_against(const struct os_reserved *before, const struct os_list_wish *wish,
		     struct port_set *ret)
{
	struct port_set own;

	built_in(before, &own);
	*ret = before->ports;
	port_set_remove_set(ret, &before->boot_plus);
	port_set_add_set(ret, &own);
	port_set_keep_set(ret, &wish->ports);
}

bool os_list_is_kept(const struct os_reserved *before, const struct os_reserved *boot,
		     const struct os_list_wish *wish)
{
	struct port_set own, brought = boot->boot_plus;

	if (wish->remove) {
		os_list_against(before, wish, &own);
		return !meets(&boot->boot_plus, &wish->ports) &&
		       (boot->boot_whole || has_all(&boot->boot_minus, &own));
	}
	built_in(before, &own);
	port_set_remove_set(&own, &boot->boot_minus);
	if (!boot->boot_whole)
		port_set_add_set(&brought, &own);
	return has_all(&brought, &wish->ports);
}

void os_list_boot_line(struct os_reserved *reserved, bool whole, const struct port_set *plus,
		       const struct port_set *minus, const char *path, unsigned line)
{
	reserved->boot_set = true;
	if (whole) {
		reserved->boot_whole = true;
		port_set_clear(&reserved->boot_plus);
		port_set_clear(&reserved->boot_minus);
	}
	port_set_add_set(&reserved->boot_plus, plus);
	port_set_remove_set(&reserved->boot_minus, plus);
	port_set_remove_set(&reserved->boot_plus, minus);
	port_set_add_set(&reserved->boot_minus, minus);
	snprintf(reserved->where, sizeof(reserved->where), "%s line %u", path, line);
}

int os_list_commands(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out, struct eph_error *reterr)
{
	size_t start = out->length;

	state->system->list_set(state, list, store, before, after, out);
	if (out->failed)
		return error_set(reterr, -ENOMEM, "reserve", "out of memory");
	if (out->length == start)
		return error_set(reterr, -EPERM, "reserve", "%s: no command makes it so",
				 list->setting);
	if (out->length - start > OS_LIST_COMMANDS_MAX)
		return error_set(reterr, -E2BIG, "reserve",
				 "%s: too many ports for its commands at once: name fewer",
				 list->setting);
	return 0;
}

int os_list_persist(const struct os_state *state, const struct os_files *files,
		    const struct os_list_wish *wish, struct os_edits *ret, struct eph_error *reterr)
{
	*ret = (struct os_edits){.count = 0};
	if (!state->system->list_persist)
		return 0;
	return state->system->list_persist(state, files, wish, ret, reterr);
}
