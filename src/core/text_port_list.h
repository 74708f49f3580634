/*
 * A user's own list of ports that must stay free for services (--ports-from): on each line ports as
 * ip_local_reserved_ports has them ("8080", "9000-9010", "80,443"), then optionally what they are for; # begins a
 * comment. Pure.
 */
#ifndef EPH_CORE_TEXT_PORT_LIST_H
#define EPH_CORE_TEXT_PORT_LIST_H

#include "service_ports.h"

struct eph_error;

/* Add every port that can be read. */
void text_port_list_read(const struct file_text *file, struct service_ports *ports);

/* Is every line of it readable? Return: 0, or -EINVAL with the line in @reterr. */
int text_port_list_check(const struct file_text *file, struct eph_error *reterr);

#endif
