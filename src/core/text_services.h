/*
 * /etc/services: NAME PORT/PROTOCOL [ALIAS...], # begins a comment. Pure.
 */
#ifndef EPH_CORE_TEXT_SERVICES_H
#define EPH_CORE_TEXT_SERVICES_H

#include "service_ports.h"

/* Add every tcp and udp entry, once by its name and once by each alias, flagged SERVICE_LISTED. */
void text_services_read(const struct file_text *file, struct service_ports *ports);

#endif
