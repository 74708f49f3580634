#include "service_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text_port_list.h"
#include "text_server_conf.h"
#include "text_services.h"
#include "text_unit.h"

void service_ports_add(struct service_ports *ports, const struct file_text *file, uint32_t line,
		       uint16_t port, unsigned flags, struct text_span name)
{
	size_t length = name.length < SERVICE_NAME_BYTES - 1 ? name.length : SERVICE_NAME_BYTES - 1;
	struct service_port *record;

	if (ports->count == ports->capacity) {
		size_t capacity = ports->capacity ? ports->capacity * 2 : 64;
		struct service_port *grown;

		if (ports->count >= SERVICE_PORTS_MAX)
			return;
		grown = reallocarray(ports->record, capacity, sizeof(*grown));
		if (!grown) {
			ports->failed = true;
			return;
		}
		ports->record = grown;
		ports->capacity = capacity;
	}
	record = &ports->record[ports->count++];
	*record = (struct service_port){
		.file = file, .line = line, .port = port, .flags = (uint8_t)flags};
	if (length)
		memcpy(record->name, name.start, length);
	record->name[length] = '\0';
}

void service_ports_done(struct service_ports *ports)
{
	free(ports->record);
	*ports = (struct service_ports){0};
}

/* Is @unit ("mariadb.service") what installs the service @name ("mariadb", "prometheus-node" ...)? */
static bool unit_serves(const char *unit, const char *name)
{
	static const char *const endings[] = {".service", ".socket",         "d.service",
					      "d.socket", "-server.service", "-server.socket"};
	size_t length = strlen(name);

	if (!length || strncmp(unit, name, length) != 0)
		return false;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
		if (strcmp(unit + length, endings[i]) == 0)
			return true;
	return false;
}

static bool is_installed(const struct file_list *files, const char *name)
{
	for (size_t i = 0; i < files->count; i++)
		if (files->file[i].kind == FILE_UNIT && files->file[i].length &&
		    unit_serves(file_list_name(&files->file[i]), name))
			return true;
	return false;
}

/* Some file names a port of the program, so its default is no longer what it listens on. */
static bool is_configured(const struct service_ports *ports, const struct service_port *record)
{
	for (size_t i = 0; i < ports->count; i++)
		if (!(ports->record[i].flags & (SERVICE_DEFAULT | SERVICE_LISTED)) &&
		    strcmp(ports->record[i].name, record->name) == 0)
			return true;
	return false;
}

static void drop_unfounded(const struct file_list *files, struct service_ports *ports)
{
	size_t kept = 0;

	for (size_t i = 0; i < ports->count; i++) {
		const struct service_port *record = &ports->record[i];

		if ((record->flags & SERVICE_DEFAULT) && !(record->flags & SERVICE_SEVERAL) &&
		    is_configured(ports, record))
			continue;
		if ((record->flags & SERVICE_LISTED) && !is_installed(files, record->name))
			continue;
		ports->record[kept++] = *record;
	}
	ports->count = kept;
}

static void read_one(const struct file_text *file, struct service_ports *ports)
{
	switch (file->kind) {
	case FILE_SYSCTL:
	case FILE_SYSCTL_PROCPS:
	case FILE_ACCEPTED:
		return;
	case FILE_SERVICES:
		text_services_read(file, ports);
		return;
	case FILE_UNIT:
		text_unit_read(file, ports);
		return;
	case FILE_PORTS:
		text_port_list_read(file, ports);
		return;
	case FILE_MYSQL:
	case FILE_POSTGRESQL:
	case FILE_REDIS:
	case FILE_NGINX:
	case FILE_HAPROXY:
	case FILE_FLAGS:
	case FILE_KUBERNETES:
		text_server_conf_read(file, ports);
		return;
	}
}

int service_ports_read(const struct file_list *files, struct service_ports *ret)
{
	struct service_ports ports = {0};

	for (size_t i = 0; i < files->count; i++)
		read_one(&files->file[i], &ports);
	if (ports.failed) {
		service_ports_done(&ports);
		return -ENOMEM;
	}
	drop_unfounded(files, &ports);
	*ret = ports;
	return 0;
}
