/*
 * Lists of ports that other systems never choose: what is on one, as text, and what shall be. Pure.
 *
 * The value of a list is text as "2049,4045,8000-8010", ascending: the journal keeps it so. What is changed at boot may be
 * more or less than that: OpenBSD's files add ports to a list that the kernel brings along.
 */
#ifndef EPH_OS_RESERVED_H
#define EPH_OS_RESERVED_H

#include "system.h"

#define OS_LIST_COMMANDS_MAX (100u << 10) /* bytes of the commands of one list; more is refused */

/* For @reserved of @system, with PORT where the port belongs; NULL when no command is known. */
const char *os_reserved_add_command(const struct os_system *system,
				    const struct os_reserved *reserved);

/* @ports as the value of a list, appended to @out. */
void os_ports_format(const struct os_ports *ports, struct strbuf *out);

/* The reverse; @rows: each element of the text is a row of its own. Return: 0, or -EINVAL (also for port 0, and for rows
 * that overlap). */
int os_ports_read(const char *text, bool rows, struct os_ports *ret);

/* The first row that begins at @from or later. False: there is none. */
bool os_ports_row(const struct os_ports *ports, int from, struct port_range *ret);

/* Has one of them this very row? */
bool os_ports_has_row(const struct os_ports *ports, struct port_range row);

/* @base with or without the ports of @wish. New ports of a list with rows become rows of their own. */
void os_ports_change(const struct os_ports *base, const struct os_list_wish *wish, bool rows,
		     struct os_ports *ret);

/* What is on it now; and what a command keeps for the next boot. */
void os_reserved_now(const struct os_reserved *reserved, struct os_ports *ret);
void os_reserved_kept(const struct os_reserved *reserved, struct os_ports *ret);

/* The list that is changed under this name; NULL: none is, or it was not read. */
const struct os_reserved *os_reserved_find(const struct os_state *state, const char *setting);

/* Is it a list that @wish is about? */
bool os_list_meant(const struct os_reserved *reserved, const struct os_list_wish *wish);

/**
 * os_list_check() - may the wish be granted?
 * Return: 0; -EOPNOTSUPP (no such list; what to do instead), -ENOENT (it was not read), -EBUSY (ports of a driver),
 * -EINVAL (a part of a row), with @reterr.
 */
int os_list_check(const struct os_state *state, const struct os_list_wish *wish,
		  struct eph_error *reterr);

/**
 * os_list_is_kept() - does @boot bring what @wish wants?
 * @before: the list before any change: ports on it that no file speaks of may be the system's own
 */
bool os_list_is_kept(const struct os_reserved *before, const struct os_reserved *boot,
		     const struct os_list_wish *wish);

/* Of the ports to be taken away those that a file has to speak against. */
void os_list_against(const struct os_reserved *before, const struct os_list_wish *wish,
		     struct port_set *ret);

/* One more line of a boot file: the ports it adds and takes away, or (@whole) all there are. */
void os_list_boot_line(struct os_reserved *reserved, bool whole, const struct port_set *plus,
		       const struct port_set *minus, const char *path, unsigned line);

/* The commands of one list. Return: 0; -E2BIG, -EPERM with @reterr when there is none. */
int os_list_commands(const struct os_state *state, const struct os_list *list, enum os_store store,
		     const struct os_ports *before, const struct os_ports *after,
		     struct strbuf *out, struct eph_error *reterr);

/* The files as they should be, for lists that files keep; as os_persist(). */
int os_list_persist(const struct os_state *state, const struct os_files *files,
		    const struct os_list_wish *wish, struct os_edits *ret,
		    struct eph_error *reterr);

#endif
