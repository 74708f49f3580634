/*
 * The configuration that decides over local ports: sysctl files, and the files of services that listen.
 */
#ifndef EPH_COLLECT_CONFIG_FILES_H
#define EPH_COLLECT_CONFIG_FILES_H

#include "file_list.h"
#include "text_sysctl_conf.h"

struct eph_error;

/**
 * sysctl_files_read() - append the files of sysctl.d in the order they are read, then /etc/sysctl.conf
 * service_files_read() - append units, server configurations and /etc/services, from where Debian has them
 *
 * Files that cannot be read are counted in @list. Return: 0; negative errno with @reterr, then free @list too.
 */
int sysctl_files_read(struct file_list *list, struct eph_error *reterr);
int service_files_read(struct file_list *list, struct eph_error *reterr);

/* Does systemd-sysctl apply them at boot? Where it is not, all others read /etc/sysctl.conf too, and last. */
bool sysctl_files_by_systemd(void);

/* Who reads what sysctl_files_read() found about @key. A tree that has neither a sysctl.d nor /etc/sysctl.conf does not tell:
 * there a directory is assumed. */
struct sysctl_readers sysctl_files_readers(const struct file_list *files, const char *key);

/* One file that the user names, any path of the host, into @list. Return: 0 or negative errno with @reterr. */
int config_file_read(const char *path, enum file_kind kind, struct file_list *list,
		     struct eph_error *reterr);

/* The same below the root of configuration; when there is none, nothing is added. */
int config_file_read_own(const char *path, enum file_kind kind, struct file_list *list,
			 struct eph_error *reterr);

#endif
