/*
 * Milliseconds for what is known: when was the kernel asked, how old is a refusal. Wraps round after 49 days; compare by
 * difference only.
 */
#ifndef EPH_CONNECT_CLOCK_MS_H
#define EPH_CONNECT_CLOCK_MS_H

#include <stdint.h>
#include <time.h>

static inline uint32_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

#endif
