#include "number.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct number_text number_grouped(uint64_t number)
{
	struct number_text result = {""};
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, number), at = 0;

	for (int i = 0; i < length; i++) {
		if (i && (length - i) % 3 == 0)
			result.text[at++] = ' ';
		result.text[at++] = digits[i];
	}
	return result;
}

struct number_text number_duration_us(uint64_t microseconds)
{
	struct number_text result = {""};
	uint64_t ms = (microseconds + 500) / 1000, s = ms / 1000;

	if (ms < 1000)
		snprintf(result.text, sizeof(result.text), "%" PRIu64 " ms", ms ? ms : 1);
	else if (s < 10)
		snprintf(result.text, sizeof(result.text), "%" PRIu64 ".%" PRIu64 " s", s,
			 ms % 1000 / 100);
	else if (s < 60)
		snprintf(result.text, sizeof(result.text), "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(result.text, sizeof(result.text), "%" PRIu64 " min %" PRIu64 " s", s / 60,
			 s % 60);
	else
		snprintf(result.text, sizeof(result.text), "%" PRIu64 " h %" PRIu64 " min",
			 s / 3600, s / 60 % 60);
	return result;
}

struct number_text number_percent(double percent)
{
	struct number_text result = {""};

	if (percent <= 0)
		result = (struct number_text){"0 %"};
	else if (percent < 0.1)
		result = (struct number_text){"<0.1 %"};
	else if (percent < 9.95)
		snprintf(result.text, sizeof(result.text), "%.1f %%", percent);
	else
		/* Never rounded up to "100 %" while something is left. */
		snprintf(result.text, sizeof(result.text), "%.0f %%",
			 percent < 100 && percent > 99 ? 99.0 : percent);
	return result;
}
