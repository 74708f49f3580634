#include "state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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

/* Is @text an address of ours already? The kernel adds the route to an IPv6 address a moment after the address. */
static bool is_local(const char *text)
{
	struct sockaddr_in6 wanted = {.sin6_family = AF_INET6, .sin6_port = htons(9)}, name = {0};
	socklen_t length = sizeof(name);
	int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool local;

	inet_pton(AF_INET6, text, &wanted.sin6_addr);
	local = fd >= 0 && connect(fd, (struct sockaddr *)&wanted, sizeof(wanted)) == 0 &&
		getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
		memcmp(&name.sin6_addr, &wanted.sin6_addr, sizeof(name.sin6_addr)) == 0;
	if (fd >= 0)
		close(fd);
	return local;
}

static int wait_for_addresses(void)
{
	static const char *const address[] = {"::1", "fd00::1", "fd00::2", "fd00:1::1"};
	unsigned ready = 0;

	for (unsigned waited_ms = 0; ready < sizeof(address) / sizeof(address[0]); waited_ms++) {
		if (is_local(address[ready]))
			ready++;
		else if (waited_ms > 10000)
			return -ETIMEDOUT;
		else
			usleep(1000);
	}
	return 0;
}

int state_enter_netns(void)
{
	int r = geteuid() == 0 ? 0 : become_root_of_own_user_namespace();

	if (r < 0)
		return r;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	r = run_ip(
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
	return r < 0 ? r : wait_for_addresses();
}
