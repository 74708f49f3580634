/*
 * systemd units: the ports a .socket listens on, and those that the command lines of a .service name. Pure.
 *
 * ListenStream= and ListenDatagram= count in [Socket], Exec lines in [Service]. What a variable or a specifier decides
 * (%i, $PORT) is not known here and left out. Of command lines only flags that cannot mean anything else are read:
 * text_flags_read().
 */
#ifndef EPH_CORE_TEXT_UNIT_H
#define EPH_CORE_TEXT_UNIT_H

#include "service_ports.h"

void text_unit_read(const struct file_text *file, struct service_ports *ports);

#endif
