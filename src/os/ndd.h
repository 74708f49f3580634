/*
 * ndd, on Solaris 10 and older and on HP-UX: parameters of a device, one value each. Settings are named by the parameter
 * alone ("tcp_smallest_anon_port"): what stands before the first _ is the device.
 */
#ifndef EPH_OS_NDD_H
#define EPH_OS_NDD_H

#include "os_text.h"

/* Reads pairs as our own command prints them, and transcripts: a line that names parameters, then their values. */
void ndd_parse(struct os_state *state, const struct os_output *output);

/* "/usr/sbin/ndd -set /dev/tcp tcp_smallest_anon_port 49152" */
void ndd_set(const char *ndd, const struct os_step *step, struct strbuf *out);

/* "/usr/sbin/ndd -set /dev/tcp tcp_extra_priv_ports_add 8080", one for each port that comes or goes. */
void ndd_list_set(const char *ndd, const struct os_list *list, const struct os_ports *before,
		  const struct os_ports *after, struct strbuf *out);

/* "tcp" of "tcp_smallest_anon_port". */
struct text_span ndd_device(const char *setting);

#endif
