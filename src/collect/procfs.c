#include "procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>

#include "alloc.h"
#include "error.h"
#include "fd.h"
#include "netns.h"
#include "text_sockstat.h"
#include "text_sysctl.h"

/* /proc/sys/net shows the namespace of the calling thread; /proc/net that of the process's first thread, so it is spelled
 * out here. */
#define SYSCTL_DIRECTORY "/proc/sys/net/ipv4/"
#define SOCKSTAT_PATH    "/proc/thread-self/net/sockstat"
#define NETSTAT_PATH     "/proc/thread-self/net/netstat"

/* Every second port reserved gives about 190 kB, and a second read() of a sysctl returns nothing: it must fit at once. */
#define SYSCTL_BYTES (400u << 10)

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

/* Return: bytes read, or negative errno. */
static ssize_t read_once(const char *path, char *buffer, size_t bytes)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, buffer, bytes);
	return got < 0 ? -errno : got;
}

static ssize_t read_sysctl(const char *name, char *buffer, size_t bytes)
{
	char path[128];

	snprintf(path, sizeof(path), SYSCTL_DIRECTORY "%s", name);
	return read_once(path, buffer, bytes);
}

static void read_number(const char *name, uint32_t *ret, enum setting_known bit, uint32_t *known)
{
	char text[64];
	ssize_t got = read_sysctl(name, text, sizeof(text));

	if (got > 0 && text_sysctl_number(text, (size_t)got, INT32_MAX, ret) == 0)
		*known |= bit;
}

static void read_numbers(struct settings *settings)
{
	uint32_t *known = &settings->known;

	read_number("ip_unprivileged_port_start", &settings->unprivileged_start,
		    SETTING_UNPRIVILEGED_START, known);
	read_number("tcp_tw_reuse", &settings->tw_reuse, SETTING_TW_REUSE, known);
	read_number("tcp_tw_reuse_delay", &settings->tw_reuse_delay_ms, SETTING_TW_REUSE_DELAY,
		    known);
	read_number("ip_autobind_reuse", &settings->autobind_reuse, SETTING_AUTOBIND_REUSE, known);
	read_number("tcp_fin_timeout", &settings->fin_timeout_s, SETTING_FIN_TIMEOUT, known);
	read_number("tcp_max_tw_buckets", &settings->max_tw_buckets, SETTING_MAX_TW_BUCKETS, known);
	read_number("tcp_timestamps", &settings->timestamps, SETTING_TIMESTAMPS, known);
	read_number("ip_local_port_step_width", &settings->step_width, SETTING_STEP_WIDTH, known);
	read_number("tcp_l3mdev_accept", &settings->l3mdev_accept, SETTING_L3MDEV_ACCEPT, known);
}

/* @buffer has SYSCTL_BYTES. Return: 0, or why the range could not be read. */
static int read_settings(struct settings *settings, char *buffer)
{
	ssize_t got = read_sysctl("ip_local_port_range", buffer, SYSCTL_BYTES);
	int r = got < 0 ? (int)got : text_sysctl_range(buffer, (size_t)got, &settings->range);

	settings->known = 0;
	if (r == 0)
		settings->known |= SETTING_RANGE;
	got = read_sysctl("ip_local_reserved_ports", buffer, SYSCTL_BYTES);
	if (got >= 0 && port_set_parse(buffer, (size_t)got, &settings->reserved, NULL) == 0)
		settings->known |= SETTING_RESERVED;
	read_numbers(settings);
	return r;
}

static void read_overflows(struct netns_snapshot *netns, char *buffer)
{
	ssize_t got = read_once(NETSTAT_PATH, buffer, SYSCTL_BYTES);

	netns->overflows_known =
		got > 0 && text_netstat_value(buffer, (size_t)got, "TcpExt", "TCPTimeWaitOverflow",
					      &netns->time_wait_overflows) == 0;
}

static int read_netns(struct netns_snapshot *netns, char *buffer)
{
	const uint32_t needed = SETTING_RANGE | SETTING_RESERVED | SETTING_TW_REUSE;
	int back, r = netns_enter(netns->fd, &back);

	if (r < 0) {
		netns->gaps |= GAP_VANISHED | GAP_SETTINGS;
		return r;
	}
	r = read_settings(&netns->settings, buffer);
	read_overflows(netns, buffer);
	netns_leave(&back);
	if ((netns->settings.known & needed) != needed)
		netns->gaps |= GAP_SETTINGS;
	return r;
}

static enum law window_law(void)
{
	CLEANUP(fd_closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint32_t value;
	socklen_t length = sizeof(value);

	if (fd < 0)
		return LAW_UNKNOWN;
	if (getsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &value, &length) == 0)
		return LAW_YES;
	return errno == ENOPROTOOPT ? LAW_NO : LAW_UNKNOWN;
}

static void probe_laws(struct snapshot *snapshot)
{
	struct kernel_laws *laws = &snapshot->laws;
	bool readable = snapshot->netns[0].settings.known & SETTING_TW_REUSE;
	bool has_delay = snapshot->netns[0].settings.known & SETTING_TW_REUSE_DELAY;

	laws->window = window_law();
	if (readable)
		laws->entry_stamp = has_delay ? LAW_YES : LAW_NO;
	/* The delay came later (6.14) than the scan by single steps (6.8): with it, that law holds. Without it nothing that
	 * is cheap to look at tells. */
	if (has_delay)
		laws->step_one = LAW_YES;
	laws->verified = kernel_laws_verified(snapshot->release);
	laws->bind_verified = kernel_laws_bind_verified(snapshot->release);
}

static void read_host(struct snapshot *snapshot)
{
	struct utsname name;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	snapshot->taken_at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	snprintf(snapshot->os, sizeof(snapshot->os), "linux");
	if (uname(&name) < 0)
		return;
	snprintf(snapshot->host, sizeof(snapshot->host), "%.63s", name.nodename);
	snprintf(snapshot->release, sizeof(snapshot->release), "%.63s", name.release);
}

int procfs_read_settings(struct snapshot *snapshot, struct eph_error *reterr)
{
	CLEANUP(freep) char *buffer = malloc(SYSCTL_BYTES);
	int first = 0;

	if (!buffer)
		return error_set(reterr, -ENOMEM, "settings", "out of memory");
	read_host(snapshot);
	for (size_t i = 0; i < snapshot->n_netns; i++) {
		int r = read_netns(&snapshot->netns[i], buffer);

		if (i == 0)
			first = r;
	}
	if (first < 0)
		return error_set(reterr, first, "settings", "%sip_local_port_range: %s",
				 SYSCTL_DIRECTORY, strerror(-first));
	if (snapshot->n_netns > 0)
		probe_laws(snapshot);
	return 0;
}

int procfs_read_sockstat(struct procfs_sockstat *ret)
{
	char text[4096];
	uint64_t tcp6 = 0, udp6 = 0;
	ssize_t got = read_once(SOCKSTAT_PATH, text, sizeof(text));
	int r;

	if (got < 0)
		return (int)got;
	*ret = (struct procfs_sockstat){0};
	r = text_sockstat_value(text, (size_t)got, "TCP", "inuse", &ret->tcp_inuse);
	if (r == 0)
		r = text_sockstat_value(text, (size_t)got, "TCP", "tw", &ret->tcp_time_wait);
	if (r == 0)
		r = text_sockstat_value(text, (size_t)got, "TCP", "alloc", &ret->tcp_alloc);
	if (r == 0)
		r = text_sockstat_value(text, (size_t)got, "UDP", "inuse", &ret->udp_inuse);
	if (r < 0)
		return r;
	/* Without IPv6 there is no such file. */
	got = read_once(SOCKSTAT_PATH "6", text, sizeof(text));
	if (got > 0 && text_sockstat_value(text, (size_t)got, "TCP6", "inuse", &tcp6) == 0 &&
	    text_sockstat_value(text, (size_t)got, "UDP6", "inuse", &udp6) == 0) {
		ret->tcp_inuse += tcp6;
		ret->udp_inuse += udp6;
	}
	return 0;
}

int procfs_possibly_bound(int netns_fd, uint32_t *ret)
{
	struct procfs_sockstat stat;
	int back, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return r;
	r = procfs_read_sockstat(&stat);
	netns_leave(&back);
	if (r < 0)
		return r;
	*ret = stat.tcp_alloc > stat.tcp_inuse ? (uint32_t)(stat.tcp_alloc - stat.tcp_inuse) : 0;
	return 0;
}
