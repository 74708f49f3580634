/* A file of sysctl.d: the line that wins lies inside the file, and nothing is read past its end. */
#include <stdlib.h>
#include <string.h>

#include "text_sysctl_conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = {"net.ipv4.ip_local_port_range", "net.ipv4.tcp_tw_reuse"};
	char *text = malloc(size ? size : 1), *path = strdup("/etc/sysctl.d/a.conf");
	struct file_list list = {0};
	struct sysctl_line line;

	if (text && size)
		memcpy(text, data, size);
	if (file_list_add(&list, path, text, size, FILE_SYSCTL, 0) < 0)
		abort();
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!text_sysctl_conf_find(&list, keys[i], SYSCTL_READER_SYSTEMD, &line))
			continue;
		if (line.value.start < text || line.value.start + line.value.length > text + size ||
		    line.line == 0 || !text_sysctl_conf_same(line.value, line.value))
			abort();
	}
	file_list_done(&list);
	return 0;
}
