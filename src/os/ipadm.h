/*
 * ipadm, on Solaris 11 and illumos: properties of a protocol, each with a running and a persistent value. Settings are
 * named "tcp/smallest_anon_port".
 */
#ifndef EPH_OS_IPADM_H
#define EPH_OS_IPADM_H

#include "os_text.h"

#define IPADM_SPECS 3u
extern const struct os_range_spec ipadm_spec[IPADM_SPECS];
extern const struct os_command ipadm_command[];

/* Reads `ipadm show-prop` with -c, told columns, or as a table; and its commands in a transcript. */
void ipadm_parse(struct os_state *state, const struct os_output *output);

/* Running values only with -t; set-prop without it writes both. */
void ipadm_set(const struct os_state *state, const struct os_step *step, struct strbuf *out);

/* Lists of TCP and UDP; with set-prop the whole list is given, so that both memories end up as told. */
extern const struct os_list ipadm_list[];
void ipadm_list_set(const struct os_state *state, const struct os_list *list, enum os_store store,
		    const struct os_ports *before, const struct os_ports *after,
		    struct strbuf *out);

#endif
