/*
 * What every unit test includes: cmocka with the headers it wants first, and a seeded generator.
 */
#ifndef EPH_TESTS_UNIT_CHECK_H
#define EPH_TESTS_UNIT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* splitmix64: one word of state, every seed is good. */
static inline uint64_t check_random(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The seed of a property test: EPH_TEST_SEED, else 1. Printed, so that a failure can be repeated. */
static inline uint64_t check_seed(void)
{
	const char *text = getenv("EPH_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 10) : 1;

	print_message("seed %llu (EPH_TEST_SEED)\n", (unsigned long long)seed);
	return seed;
}

#endif
