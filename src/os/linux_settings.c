/* Running values of Linux: net.ipv4.NAME is the file /proc/sys/net/ipv4/NAME. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "runner.h"

#define DIRECTORY    "/proc/sys/"
#define ATOMIC_BYTES 4000u /* one write(2) takes a page less a little; a list goes on in the next */

/* Names come from the journal too: nothing but letters, digits and what separates them. */
static int path_of(const char *name, char ret[128])
{
	size_t length = strlen(name);

	if (length >= 100 || !length || strstr(name, "..") || *name == '.' || *name == '/' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-./") != length)
		return -EINVAL;
	snprintf(ret, 128, DIRECTORY "%s", name);
	for (char *c = ret + sizeof(DIRECTORY) - 1; *c; c++)
		if (*c == '.')
			*c = '/';
	return 0;
}

static int fail(struct eph_error *reterr, int r, const char *name, const char *value)
{
	if (r == -EINVAL && value)
		return error_set(reterr, r, "setting", "%.100s: the kernel refuses '%.100s'", name,
				 value);
	if (r == -EACCES || r == -EPERM)
		return error_set(reterr, r, "setting", "%.100s: not permitted; try as root", name);
	return error_set(reterr, r, "setting", "%.100s: %s", name,
			 r == -EINVAL ? "is no setting" : strerror(-r));
}

/* What is not ours to change is not changed, whatever an entry of the journal says. */
static bool is_ours(const char *name)
{
	return strcmp(name, "net.ipv4.ip_local_port_range") == 0 ||
	       strcmp(name, "net.ipv4.ip_local_reserved_ports") == 0;
}

/* A second read() of a setting returns nothing: all of it must fit. Return: bytes, or negative errno. */
static ssize_t read_once(const char *path, char *text, size_t bytes)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, bytes);

	return got < 0 ? -errno : got;
}

static int read_value(struct runner *runner, const char *name, struct strbuf *ret,
		      struct eph_error *reterr)
{
	char path[128], *text;
	ssize_t got;
	int r = path_of(name, path);

	(void)runner;
	if (r < 0)
		return fail(reterr, r, name, NULL);
	text = malloc(CHANGE_VALUE_MAX);
	got = text ? read_once(path, text, CHANGE_VALUE_MAX) : -ENOMEM;
	while (got > 0 && strchr(" \t\n", text[got - 1]))
		got--;
	if (got > 0)
		strbuf_add(ret, text, (size_t)got);
	free(text);
	if (got < 0)
		return fail(reterr, (int)got, name, NULL);
	return ret->failed ? fail(reterr, -ENOMEM, name, NULL) : 0;
}

/* Of a list the kernel takes a page at a time and remembers where it was; the first write replaces, later ones add. */
static int write_value(struct runner *runner, const char *name, const char *value,
		       struct eph_error *reterr)
{
	CLEANUP(fd_closep) int fd = -1;
	char path[128];
	int r = path_of(name, path);

	(void)runner;
	if (r < 0)
		return fail(reterr, r, name, NULL);
	if (!is_ours(name))
		return error_set(reterr, -ENOTSUP, "setting",
				 "%.100s: is no setting that ephemports changes", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(reterr, -errno, name, NULL);
	r = *value ? fd_write_all(fd, value, strlen(value)) : fd_write_all(fd, "\n", 1);
	return r < 0 ? fail(reterr, r, name, value) : 0;
}

const struct setting_ops linux_settings = {
	.read = read_value,
	.write = write_value,
	.atomic_bytes = ATOMIC_BYTES,
};
