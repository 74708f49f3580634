/* What programs call instead of libc's functions: where connections, and ports that the kernel would choose, come from. */
#include "preload.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "fd_note.h"
#include "pool.h"
#include "preload_pool.h"
#include "real.h"
#include "socket_window.h"

STANDS_FOR int connect(int fd, const struct sockaddr *address, socklen_t length);
STANDS_FOR int setsockopt(int fd, int level, int name, const void *value, socklen_t length);

/* AF_UNSPEC dissolves a connection. */
static bool is_inet(const struct sockaddr *address, socklen_t length)
{
	if (address && length >= sizeof(sa_family_t) && address->sa_family == AF_UNSPEC)
		return true;
	return address && length >= sizeof(struct sockaddr_in) &&
	       (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
	struct eph_pool *pool = is_inet(address, length) ? preload_pool() : NULL;
	int saved = errno, r;

	if (!pool || fd_note_get(fd) & NOTE_OWN_WINDOW) {
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
