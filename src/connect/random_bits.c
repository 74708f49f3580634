#include "random_bits.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/random.h>
#include <time.h>

#define DRAWN 32

struct drawn {
	uint64_t bits[DRAWN];
	size_t left;
	unsigned generation;
};

static _Thread_local struct drawn drawn;
static unsigned generation =
	1; /* changes in the child of a fork(), which must not go on with its parent's numbers */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void forked(void)
{
	generation++;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forked);
}

static void draw(void)
{
	pthread_once(&once, watch_forks);
	/* Fails only under a filter that forbids it: then ports are spread, though not secret. */
	if (getrandom(drawn.bits, sizeof(drawn.bits), 0) != sizeof(drawn.bits)) {
		struct timespec now;
		uint64_t seed;

		clock_gettime(CLOCK_MONOTONIC, &now);
		seed = (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)&drawn;
		for (size_t i = 0; i < DRAWN; i++)
			drawn.bits[i] = seed = seed * UINT64_C(6364136223846793005) + 1;
	}
	drawn.left = DRAWN;
	drawn.generation = generation;
}

uint64_t random_bits(void)
{
	size_t left = drawn.left;

	if (!left || drawn.generation != generation) {
		draw();
		left = DRAWN;
	}
	/* A signal handler that comes between has the same number, which is better than one beyond the first. */
	drawn.left = left - 1;
	return drawn.bits[left - 1];
}
