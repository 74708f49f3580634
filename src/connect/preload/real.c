#include "real.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* A function pointer from dlsym(), which is a pointer to data in C. */
static uintptr_t look_up(_Atomic uintptr_t *at, const char *name)
{
	uintptr_t function = atomic_load_explicit(at, memory_order_relaxed);

	if (!function) {
		function = (uintptr_t)dlsym(RTLD_NEXT, name);
		atomic_store_explicit(at, function, memory_order_relaxed);
	}
	return function;
}

#define DEFINE(result, name, arguments)                                                            \
	static _Atomic uintptr_t at_##name;                                                        \
                                                                                                   \
	real_##name##_function *real_##name(void)                                                  \
	{                                                                                          \
		return (real_##name##_function *)look_up(&at_##name, #name);                       \
	}
REAL_FUNCTIONS(DEFINE)
#undef DEFINE

void real_look_up(void)
{
#define LOOK_UP(result, name, arguments) (void)real_##name();
	REAL_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
}

/* What the room calls: the linker turns its connect() into __wrap_connect(). */
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_close(int fd);
int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length);

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t length)
{
	return real_bind()(fd, address, length);
}

int __wrap_close(int fd)
{
	return real_close()(fd);
}

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	return real_connect()(fd, address, length);
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t length)
{
	return real_setsockopt()(fd, level, name, value, length);
}
