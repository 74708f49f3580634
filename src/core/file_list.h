/*
 * The bytes of configuration files, as fetched from the host, and the ports they configure. Collecting fetches the
 * bytes, the parsers (text_*.h) turn them into ports, the laws judge those. The texts are hostile input.
 */
#ifndef EPH_CORE_FILE_LIST_H
#define EPH_CORE_FILE_LIST_H

#include <stddef.h>
#include <stdint.h>

/* Which parser reads it. */
enum file_kind {
	FILE_SYSCTL, /* in a sysctl.d directory */
	/* /etc/sysctl.conf, which sysctl --system reads last and systemd-sysctl does not read */
	FILE_SYSCTL_PROCPS,
	FILE_SERVICES, /* /etc/services */
	FILE_UNIT,     /* systemd .socket, .service and their drop-ins */
	FILE_MYSQL,
	FILE_POSTGRESQL,
	FILE_REDIS,
	FILE_NGINX,
	FILE_HAPROXY,
	/* command line flags or YAML of one server: /etc/default/prometheus, etcd.conf.yml */
	FILE_FLAGS,
	FILE_KUBERNETES, /* the same, of a Kubernetes node: kubelet, static pods */
	FILE_PORTS,      /* a list of the user's own: --ports-from */
	FILE_ACCEPTED,   /* risks that the administrator accepts */
};

struct file_text {
	char *path; /* as the user knows it: below EPHEMPORTS_ROOT, without it */
	char *text; /* not NUL-terminated */
	size_t length;
	enum file_kind kind;
	unsigned
		/* its rank among directories that hide each other's files: 0 hides all others */
		directory;
};

struct file_list {
	struct file_text *file;
	size_t count, capacity;
	unsigned unreadable; /* exist, but no permission, too large, or no regular file */
};

/* Take over @path and @text (both freed on failure too). Return: 0 or -ENOMEM. */
int file_list_add(struct file_list *list, char *path, char *text, size_t length,
		  enum file_kind kind, unsigned directory);
void file_list_done(struct file_list *list);

/* What follows the last slash of its path. */
const char *file_list_name(const struct file_text *file);

/**
 * file_list_settle() - keep one file of each name, and sort by name
 * @from: index of the first file concerned; those before stay where they are
 *
 * How systemd and procps merge directories: of equal names the directory of the lowest rank wins, whatever the file
 * holds (an empty one hides the others); then all are read in the order of their names, whatever their directory.
 */
void file_list_settle(struct file_list *list, size_t from);

#endif
