#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int state_write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;
	size_t length = strlen(text);

	if (fd < 0)
		return -errno;
	if (write(fd, text, length) != (ssize_t)length)
		r = -errno;
	close(fd);
	return r;
}

static int run_ip(const char *batch)
{
	FILE *pipe = popen("ip -batch - >/dev/null 2>&1", "w");

	if (!pipe)
		return -errno;
	fputs(batch, pipe);
	return pclose(pipe) == 0 ? 0 : -EIO;
}

static int become_root_of_own_user_namespace(void)
{
	char map[64];
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	state_write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %u 1", uid);
	if (state_write_file("/proc/self/uid_map", map) < 0)
		return -EPERM;
	snprintf(map, sizeof(map), "0 %u 1", gid);
	return state_write_file("/proc/self/gid_map", map);
}

int state_enter_netns(void)
{
	int r = geteuid() == 0 ? 0 : become_root_of_own_user_namespace();

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	return run_ip(
		"link set lo up\n"
		"addr add 10.9.0.1/32 dev lo\n"
		"addr add 10.9.0.2/32 dev lo\n"
		"addr add fd00::1/128 dev lo nodad\n"
		"addr add fd00::2/128 dev lo nodad\n"
		"link add v0 type veth peer name v1\n"
		"link set v0 up\n"
		"link set v1 up\n"
		"addr add 10.9.1.1/24 dev v0\n"
		"addr add fd00:1::1/64 dev v0 nodad\n"
		"neigh add " STATE_SILENT_V4 " lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		"neigh add " STATE_SILENT_V6 " lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		/* A socket bound to v0 sends there even to an address on lo: it must not die of a neighbour missing. */
		"neigh add 127.0.0.1 lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		"neigh add 127.0.0.2 lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		"neigh add ::1 lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		"neigh add 10.9.0.1 lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		"neigh add 10.9.0.2 lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		"neigh add fd00::1 lladdr 02:00:00:00:00:99 dev v0 nud permanent\n"
		"neigh add fd00::2 lladdr 02:00:00:00:00:99 dev v0 nud permanent\n");
}
