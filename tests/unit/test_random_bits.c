/*
 * Exercises src/connect/random_bits.c: numbers are spread evenly, and neither a forked child nor another thread has those of
 * its parent. They come from the kernel and cannot be seeded; each bound is passed once in more than a million runs.
 */
#include "check.h"

#include <math.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random_bits.h"

/* Chi-square of @n counts with equal chances lies within 5 standard deviations of n - 1. */
static void assert_even(const unsigned *count, unsigned n, unsigned total)
{
	double expected = (double)total / n, sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += (count[i] - expected) * (count[i] - expected) / expected;
	print_message("%u values: chi-square %.0f\n", n, sum);
	assert_true(fabs(sum - (n - 1)) < 5 * sqrt(2.0 * (n - 1)));
}

static void bytes_are_even(void **state)
{
	unsigned count[8][256] = {{0}};

	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t bits = random_bits();

		for (unsigned byte = 0; byte < 8; byte++)
			count[byte][bits >> 8 * byte & 255]++;
	}
	for (unsigned byte = 0; byte < 8; byte++)
		assert_even(count[byte], 256, 100000);
}

static void below_is_even(void **state)
{
	static const uint32_t below[] = {1, 2, 3, 7, 64, 1000, 28232};
	static unsigned count[28232];

	(void)state;
	for (unsigned k = 0; k < sizeof(below) / sizeof(below[0]); k++) {
		memset(count, 0, sizeof(count));
		for (unsigned i = 0; i < 50 * below[k] + 1000; i++) {
			uint32_t value = random_below(below[k]);

			assert_true(value < below[k]);
			count[value]++;
		}
		if (below[k] > 7) /* of few values chi-square is not near enough to normal */
			assert_even(count, below[k], 50 * below[k] + 1000);
	}
	assert_int_equal(random_below(UINT32_MAX) == UINT32_MAX, 0);
}

static void *draw(void *ret)
{
	for (unsigned i = 0; i < 64; i++)
		((uint64_t *)ret)[i] = random_bits();
	return NULL;
}

static void assert_differ(const uint64_t *a, const uint64_t *b)
{
	for (unsigned i = 0; i < 64; i++)
		for (unsigned k = 0; k < 64; k++)
			assert_int_not_equal(a[i], b[k]);
}

static void a_child_draws_its_own(void **state)
{
	uint64_t here[64], there[64];
	int pipe_fd[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	(void)random_bits(); /* some are drawn and left when the process forks */
	child = fork();
	if (child == 0) {
		draw(there);
		_exit(write(pipe_fd[1], there, sizeof(there)) != sizeof(there));
	}
	draw(here);
	assert_int_equal(read(pipe_fd[0], there, sizeof(there)), sizeof(there));
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_differ(here, there);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
}

static void a_thread_draws_its_own(void **state)
{
	uint64_t here[64], there[64];
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, draw, there), 0);
	draw(here);
	pthread_join(thread, NULL);
	assert_differ(here, there);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_even),
		cmocka_unit_test(below_is_even),
		cmocka_unit_test(a_child_draws_its_own),
		cmocka_unit_test(a_thread_draws_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
