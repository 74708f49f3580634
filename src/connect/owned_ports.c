#include "owned_ports.h"

#include <string.h>
#include <sys/mman.h>

_Static_assert(sizeof(struct owned_port) == sizeof(uint64_t), "a slot is written at once");

struct owned_ports *owned_ports_new(void)
{
	struct owned_ports *owned = mmap(NULL, sizeof(*owned), PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return owned == MAP_FAILED ? NULL : owned;
}

void owned_ports_free(struct owned_ports *owned)
{
	if (owned)
		munmap(owned, sizeof(*owned));
}

static bool has_slot(int fd)
{
	return fd >= 0 && fd < OWNED_FD_MAX;
}

static struct owned_port unpack(uint64_t bits)
{
	struct owned_port port;

	memcpy(&port, &bits, sizeof(port));
	return port;
}

void owned_ports_set(struct owned_ports *owned, int fd, struct owned_port port)
{
	uint64_t bits;

	memcpy(&bits, &port, sizeof(bits));
	if (has_slot(fd))
		atomic_store_explicit(&owned->slot[fd], bits, memory_order_relaxed);
}

struct owned_port owned_ports_get(const struct owned_ports *owned, int fd)
{
	return unpack(has_slot(fd) ? atomic_load_explicit(&owned->slot[fd], memory_order_relaxed)
				   : 0);
}

struct owned_port owned_ports_take(struct owned_ports *owned, int fd)
{
	/* Most descriptors are not sockets of ours: reading first leaves their page alone. */
	if (!owned_ports_get(owned, fd).port)
		return (struct owned_port){0};
	return unpack(atomic_exchange_explicit(&owned->slot[fd], 0, memory_order_relaxed));
}
