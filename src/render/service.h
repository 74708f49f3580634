/*
 * What usually listens on a port. A short list of our own: /etc/services knows many names nobody uses, and asking the
 * system may ask the network.
 */
#ifndef EPH_RENDER_SERVICE_H
#define EPH_RENDER_SERVICE_H

#include <stdint.h>

const char *service_name(uint16_t port); /* NULL when there is none */

#endif
