#include "suggest.h"

#include <stdbool.h>
#include <string.h>

#define WORD_MAX 32u

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* How many letters must be put in, left out, changed or swapped with their neighbour. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MAX + 1] = {0};
	size_t length_a = strlen(a), length_b = strlen(b);

	if (length_a > WORD_MAX || length_b > WORD_MAX)
		return WORD_MAX;
	for (unsigned j = 0; j <= length_b; j++)
		row[1][j] = j;
	for (unsigned i = 1; i <= length_a; i++) {
		row[2][0] = i;
		for (unsigned j = 1; j <= length_b; j++) {
			unsigned best = row[1][j - 1] + (a[i - 1] != b[j - 1]);

			best = min(best, min(row[1][j], row[2][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = min(best, row[0][j - 2] + 1);
			row[2][j] = best;
		}
		memmove(row[0], row[1], 2 * sizeof(row[0]));
	}
	return row[1][length_b];
}

struct suggestion suggestion_init(const char *typed)
{
	return (struct suggestion){.typed = typed,
				   .distance = 1 + (unsigned)min((unsigned)strlen(typed), 9) / 3};
}

void suggestion_consider(struct suggestion *suggestion, const char *candidate)
{
	size_t typed = strlen(suggestion->typed);
	bool begins = typed >= 2 && strncmp(candidate, suggestion->typed, typed) == 0;
	unsigned d = begins ? 1 : distance(suggestion->typed, candidate);

	if (d < suggestion->distance || (d == suggestion->distance && !suggestion->best)) {
		suggestion->best = candidate;
		suggestion->distance = d;
	}
}
