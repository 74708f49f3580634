#include "config_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "config_root.h"
#include "error.h"
#include "fd.h"

struct place {
	const char *pattern;
	enum file_kind kind;
};

/* The first hides files of the same name in the others. /lib is /usr/lib on a merged system, and then hidden whole. */
static const char *const sysctl_places[] = {
	"/etc/sysctl.d/*.conf",     "/run/sysctl.d/*.conf", "/usr/local/lib/sysctl.d/*.conf",
	"/usr/lib/sysctl.d/*.conf", "/lib/sysctl.d/*.conf",
};

static const char *const unit_places[] = {
	"/etc/systemd/system/",     "/run/systemd/system/", "/usr/local/lib/systemd/system/",
	"/usr/lib/systemd/system/", "/lib/systemd/system/",
};

static const char *const drop_in_places[] = {
	"/etc/systemd/system/*.service.d/*.conf",     "/etc/systemd/system/*.socket.d/*.conf",
	"/run/systemd/system/*.service.d/*.conf",     "/run/systemd/system/*.socket.d/*.conf",
	"/usr/lib/systemd/system/*.service.d/*.conf", "/usr/lib/systemd/system/*.socket.d/*.conf",
};

static const struct place service_places[] = {
	{"/etc/services", FILE_SERVICES},
	{"/etc/my.cnf", FILE_MYSQL},
	{"/etc/my.cnf.d/*.cnf", FILE_MYSQL},
	{"/etc/mysql/my.cnf", FILE_MYSQL},
	{"/etc/mysql/mysql.cnf", FILE_MYSQL},
	{"/etc/mysql/mariadb.cnf", FILE_MYSQL},
	{"/etc/mysql/conf.d/*.cnf", FILE_MYSQL},
	{"/etc/mysql/mariadb.conf.d/*.cnf", FILE_MYSQL},
	{"/etc/mysql/mysql.conf.d/*.cnf", FILE_MYSQL},
	{"/etc/postgresql/*/*/postgresql.conf", FILE_POSTGRESQL},
	{"/etc/postgresql/*/*/conf.d/*.conf", FILE_POSTGRESQL},
	{"/var/lib/postgresql/*/*/postgresql.auto.conf", FILE_POSTGRESQL},
	{"/etc/redis/*.conf", FILE_REDIS},
	{"/etc/nginx/nginx.conf", FILE_NGINX},
	{"/etc/nginx/conf.d/*.conf", FILE_NGINX},
	{"/etc/nginx/sites-enabled/*", FILE_NGINX},
	{"/etc/nginx/streams-enabled/*", FILE_NGINX},
	{"/etc/nginx/modules-enabled/*.conf", FILE_NGINX},
	{"/etc/haproxy/*.cfg", FILE_HAPROXY},
	{"/etc/haproxy/conf.d/*.cfg", FILE_HAPROXY},
	{"/etc/default/etcd", FILE_FLAGS},
	{"/etc/default/prometheus*", FILE_FLAGS},
	{"/etc/etcd/*.conf", FILE_FLAGS},
	{"/etc/etcd/*.yml", FILE_FLAGS},
	{"/etc/etcd/*.yaml", FILE_FLAGS},
	{"/etc/etcd.conf.yml", FILE_FLAGS},
	{"/etc/default/kubelet", FILE_FLAGS},
	{"/var/lib/kubelet/config.yaml", FILE_KUBERNETES},
	{"/var/lib/kube-proxy/config.conf", FILE_KUBERNETES},
	{"/etc/kubernetes/manifests/*.yaml", FILE_KUBERNETES},
};

static int no_memory(int r, struct eph_error *reterr)
{
	return r < 0 ? error_set(reterr, r, "configuration", "%s", strerror(-r)) : 0;
}

bool sysctl_files_by_systemd(void)
{
	return config_root_has("/usr/lib/systemd/systemd-sysctl") ||
	       config_root_has("/lib/systemd/systemd-sysctl");
}

/* The directory of a sysctl place. */
static bool has_directory(const char *pattern)
{
	char path[64];

	snprintf(path, sizeof(path), "%.*s", (int)(strrchr(pattern, '/') - pattern), pattern);
	return config_root_has(path);
}

/* OpenRC may leave the directories to BusyBox, which takes one after another. */
struct sysctl_readers sysctl_files_readers(const struct file_list *files, const char *key)
{
	bool directory = !config_root_has("/etc/sysctl.conf");

	for (unsigned i = 0; !directory && i < ARRAY_SIZE(sysctl_places); i++)
		directory = has_directory(sysctl_places[i]);
	return sysctl_readers_of(sysctl_files_by_systemd(), directory,
				 config_root_has("/sbin/openrc") &&
					 sysctl_set_elsewhere(files, key));
}

int sysctl_files_read(struct file_list *list, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int root_fd = config_root_open(reterr);
	size_t from = list->count;
	int r = 0;

	if (root_fd < 0)
		return root_fd;
	for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(sysctl_places); i++)
		r = config_root_add(root_fd, sysctl_places[i], FILE_SYSCTL, i, true, list);
	if (r == 0) {
		file_list_settle(list, from);
		r = config_root_add(root_fd, "/etc/sysctl.conf", FILE_SYSCTL_PROCPS, 0, false,
				    list);
	}
	return no_memory(r, reterr);
}

static int add_units(int root_fd, const char *ending, struct file_list *list)
{
	size_t from = list->count;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < ARRAY_SIZE(unit_places); i++) {
		char pattern[64];

		snprintf(pattern, sizeof(pattern), "%s%s", unit_places[i], ending);
		r = config_root_add(root_fd, pattern, FILE_UNIT, i, true, list);
	}
	if (r == 0)
		file_list_settle(list, from);
	return r;
}

int service_files_read(struct file_list *list, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int root_fd = config_root_open(reterr);
	int r;

	if (root_fd < 0)
		return root_fd;
	r = add_units(root_fd, "*.service", list);
	if (r == 0)
		r = add_units(root_fd, "*.socket", list);
	/* Drop-ins are not merged by their own name: each belongs to its unit. Those of packages go first. */
	for (size_t i = ARRAY_SIZE(drop_in_places); r == 0 && i-- > 0;)
		r = config_root_add(root_fd, drop_in_places[i], FILE_UNIT, 0, false, list);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(service_places); i++)
		r = config_root_add(root_fd, service_places[i].pattern, service_places[i].kind, 0,
				    false, list);
	return no_memory(r, reterr);
}

int config_file_read(const char *path, enum file_kind kind, struct file_list *list,
		     struct eph_error *reterr)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	CLEANUP(freep) char *text = NULL;
	size_t length = 0;
	int r = fd < 0 ? -errno : config_root_read(fd, &text, &length);

	if (r == 0)
		r = file_list_add(list, strdup(path), TAKE_PTR(text), length, kind, 0);
	return r < 0 ? error_set(reterr, r, "configuration", "%.200s: %s", path,
				 r == -EINVAL ? "is not a regular file" : strerror(-r))
		     : 0;
}

int config_file_read_own(const char *path, enum file_kind kind, struct file_list *list,
			 struct eph_error *reterr)
{
	CLEANUP(fd_closep) int root_fd = config_root_open(reterr);

	if (root_fd < 0)
		return root_fd;
	return no_memory(config_root_add(root_fd, path, kind, 0, false, list), reterr);
}
