/* Files that configure services: the first byte chooses the kind, the second the name of the file, the rest is the text. */
#include <stdlib.h>
#include <string.h>

#include "service_ports.h"
#include "text_accepted.h"
#include "text_port_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const paths[] = {
	"/lib/systemd/system/mariadb.service",
	"/etc/systemd/system/ssh.socket.d/a.conf",
	"/var/lib/kubelet/config.yaml",
	"/etc/default/prometheus",
	"config.yaml",
	"a/config.x",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct file_list list = {0};
	struct service_ports ports;
	struct text_lines lines;
	struct text_span id, reason;
	char *text;

	if (size < 2)
		return 0;
	size -= 2;
	text = malloc(size ? size : 1);
	if (text && size)
		memcpy(text, data + 2, size);
	if (file_list_add(&list, strdup(paths[data[1] % (sizeof(paths) / sizeof(paths[0]))]), text,
			  size, data[0] % (FILE_PORTS + 1), 0) < 0)
		abort();
	if (service_ports_read(&list, &ports) == 0) {
		for (size_t i = 0; i < ports.count; i++)
			if (ports.record[i].port == 0 || ports.record[i].file != list.file ||
			    memchr(ports.record[i].name, '\0', SERVICE_NAME_BYTES) == NULL)
				abort();
		service_ports_done(&ports);
	}
	text_port_list_check(&list.file[0], NULL);
	lines = text_lines(text, size, false);
	while (text_accepted_next(&lines, &id, &reason))
		if (!id.length || id.start < text || reason.start + reason.length > text + size)
			abort();
	file_list_done(&list);
	return 0;
}
