#include "pool_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "alloc.h"
#include "fd.h"
#include "pool.h"

#define MAGIC "ephemports pool " EPHEMPORTS_VERSION

/* Pointers in `pool` mean nothing; the sources follow, v4 before v6. */
struct pool_image {
	char magic[32];
	uint64_t bytes; /* of all of it */
	uint64_t netns; /* inode of the network namespace that it was made in */
	struct eph_pool pool;
	struct ip_address source[];
};

_Static_assert(sizeof(MAGIC) <= sizeof((struct pool_image){0}.magic), "the version fits");

static uint64_t own_netns(void)
{
	struct stat status;

	return stat("/proc/thread-self/ns/net", &status) < 0 ? 0 : status.st_ino;
}

static size_t image_bytes(const struct eph_pool *pool)
{
	return sizeof(struct pool_image) +
	       ((size_t)pool->sources.v4.count + pool->sources.v6.count) *
		       sizeof(struct ip_address);
}

static int new_memory(const char *name, size_t bytes)
{
	CLEANUP(fd_closep) int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) < 0)
		return -errno;
	return fd_take(&fd);
}

static void write_image(const struct eph_pool *pool, size_t bytes, struct pool_image *image)
{
	const struct sources *sources = &pool->sources;

	memcpy(image->magic, MAGIC, sizeof(MAGIC));
	image->bytes = bytes;
	image->netns = own_netns();
	image->pool = *pool;
	if (sources->v4.count)
		memcpy(image->source, sources->v4.address,
		       sources->v4.count * sizeof(*image->source));
	if (sources->v6.count)
		memcpy(image->source + sources->v4.count, sources->v6.address,
		       sources->v6.count * sizeof(*image->source));
}

int pool_image_new(const struct eph_pool *pool)
{
	size_t bytes = image_bytes(pool);
	CLEANUP(fd_closep) int fd = new_memory("ephemports-pool", bytes);
	struct pool_image *image;

	if (fd < 0)
		return fd;
	image = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (image == MAP_FAILED)
		return -errno;
	write_image(pool, bytes, image);
	munmap(image, bytes);
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -errno;
	return fd_take(&fd);
}

int pool_image_memory(void)
{
	return new_memory("ephemports-known", eph_pool_memory_bytes());
}

/* Only a memfd has seals: with these it neither shrinks below us nor, where it matters, changes. */
static bool has_seals(int fd, int wanted)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & wanted) == wanted;
}

static bool is_image(const struct pool_image *image, size_t bytes)
{
	return memcmp(image->magic, MAGIC, sizeof(MAGIC)) == 0 && image->bytes == bytes &&
	       image->pool.sources.v4.count <= SOURCES_MAX &&
	       image->pool.sources.v6.count <= SOURCES_MAX && image_bytes(&image->pool) == bytes &&
	       image->netns && image->netns == own_netns();
}

static int map_image(int fd, const struct pool_image **ret)
{
	const struct pool_image *image;
	struct stat status;
	size_t bytes;

	if (!has_seals(fd, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) || fstat(fd, &status) < 0 ||
	    (uint64_t)status.st_size < sizeof(*image))
		return -EINVAL;
	bytes = (size_t)status.st_size;
	image = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		return -errno;
	if (!is_image(image, bytes)) {
		munmap((void *)(uintptr_t)image, bytes);
		return -EINVAL;
	}
	*ret = image;
	return 0;
}

int pool_image_attach(int image_fd, int memory_fd, struct eph_pool *ret)
{
	const struct pool_image *image = NULL;
	struct ip_address *sources;
	struct known_ports *known;
	int r;

	if (!has_seals(memory_fd, F_SEAL_SHRINK | F_SEAL_GROW))
		return -EINVAL;
	r = map_image(image_fd, &image);
	if (r < 0)
		return r;
	r = known_ports_map(memory_fd, &known);
	if (r < 0) {
		munmap((void *)(uintptr_t)image, image->bytes);
		return r;
	}
	*ret = image->pool;
	ret->known = known;
	ret->owned = owned_ports_new();
	/* Mapped without PROT_WRITE; a pool never writes to its sources. */
	sources = (struct ip_address *)(uintptr_t)image->source;
	ret->sources.v4.address = sources;
	ret->sources.v6.address = sources + image->pool.sources.v4.count;
	return ret->owned ? 0 : -ENOMEM;
}
