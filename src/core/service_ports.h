/*
 * Ports that configuration files give to services, running or not. Names are taken from the files: hostile bytes, made
 * printable where they are printed.
 */
#ifndef EPH_CORE_SERVICE_PORTS_H
#define EPH_CORE_SERVICE_PORTS_H

#include "file_list.h"
#include "text_line.h"

#define SERVICE_NAME_BYTES 48
#define SERVICE_PORTS_MAX  65536u /* more are left out: a file that names more is no configuration */

enum service_port_flag {
	SERVICE_UDP = 1u << 0, /* else TCP */
	/* nothing configures it: what the program listens on without being told */
	SERVICE_DEFAULT = 1u << 1,
	SERVICE_LISTED = 1u << 2, /* only a name in /etc/services */
	/* with SERVICE_DEFAULT: one of several ports, which are configured one by one */
	SERVICE_SEVERAL = 1u << 3,
};

struct service_port {
	const struct file_text *file; /* NULL where no file said so; borrowed from the file_list */
	uint32_t line;
	uint16_t port;
	uint8_t flags; /* enum service_port_flag */
	char name[SERVICE_NAME_BYTES];
};

struct service_ports {
	struct service_port *record;
	size_t count, capacity;
	bool failed; /* out of memory: what is there is not all */
};

/* Append one; @name is cut to fit. */
void service_ports_add(struct service_ports *ports, const struct file_text *file, uint32_t line,
		       uint16_t port, unsigned flags, struct text_span name);
void service_ports_done(struct service_ports *ports);

/**
 * service_ports_read() - the ports that all files of @files configure
 * Chooses the parser by the kind of each file; sysctl files are passed over. Of /etc/services only names of installed
 * units are kept, and defaults of programs only where no file of theirs names a port. Replaces @ret; it borrows from @files.
 * Return: 0 or -ENOMEM.
 */
int service_ports_read(const struct file_list *files, struct service_ports *ret);

#endif
