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

static const char *plural_of(const char *noun)
{
	size_t length = strlen(noun);
	char last = length ? noun[length - 1] : '\0', before = length > 1 ? noun[length - 2] : '\0';

	return last == 's' || last == 'x' || (last == 'h' && (before == 'c' || before == 's'))
		       ? "es"
		       : "s";
}

struct number_text number_counted(uint64_t number, const char *noun)
{
	struct number_text result = number_grouped(number);
	size_t length = strlen(result.text);

	snprintf(result.text + length, sizeof(result.text) - length, " %.31s%s", noun,
		 number == 1 ? "" : plural_of(noun));
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
