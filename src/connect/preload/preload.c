/* What programs call instead of libc's functions: where connections, and ports that the kernel would choose, come from. */
#include "preload.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>

#include "fd_note.h"
#include "pool.h"
#include "preload_pool.h"
#include "real.h"
#include "socket_window.h"

STANDS_FOR int connect(int fd, const struct sockaddr *address, socklen_t length);
STANDS_FOR int setsockopt(int fd, int level, int name, const void *value, socklen_t length);

static bool is_inet(const struct sockaddr *address, socklen_t length)
{
	return address && length >= sizeof(struct sockaddr_in) &&
	       (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

/* Is a connection under way, or there? Then connect() is called again to hear how it went. */
static bool is_under_way(int fd)
{
	struct ip_address own;
	uint8_t state;
	socklen_t length = sizeof(state);
	uint16_t port;

	/* The name of a TCP socket shows the port of an attempt that failed. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &state, &length) == 0)
		return state != TCP_CLOSE;
	return socket_name(fd, &own, &port) == 0 && port;
}

/* The descriptor had a port from us: its connection failed, or it was closed unseen and is another socket now. The window of
 * the attempt must not stay: it is of one port, which another may have taken. */
static void start_anew(struct eph_pool *pool, int fd)
{
	if (owned_ports_get(pool->owned, fd).window.lo)
		(void)socket_set_window(fd, (struct port_range){0, 0});
	eph_release(pool, fd);
}

/* Is it ours to choose a port for this socket? */
static bool is_ours(struct eph_pool *pool, int fd)
{
	if (!pool || fd_note_get(fd) & NOTE_OWN_WINDOW)
		return false;
	if (!owned_ports_get(pool->owned, fd).port)
		return true;
	if (is_under_way(fd))
		return false;
	start_anew(pool, fd);
	return true;
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct eph_pool *pool = is_inet(address, length) ? preload_pool() : NULL;
	int saved = errno, r;

	if (!is_ours(pool, fd)) {
		errno = saved;
		return real_connect()(fd, address, length);
	}
	fd_note_reach(fd);
	r = eph_connect(pool, fd, address, length);
	if (r == 0)
		errno = saved;
	return r;
}

/* A window that the program sets itself stays; with {0, 0} it takes it away again. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	int r = real_setsockopt()(fd, level, name, value, length);
	uint32_t window;

	if (r < 0 || level != IPPROTO_IP || name != IP_LOCAL_PORT_RANGE_OPTION ||
	    length < sizeof(window) || !preload_pool())
		return r;
	memcpy(&window, value, sizeof(window));
	if (window)
		fd_note_set(fd, NOTE_OWN_WINDOW);
	else
		fd_note_clear(fd, NOTE_OWN_WINDOW);
	return r;
}
