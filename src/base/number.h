/*
 * Numbers as people read them.
 */
#ifndef EPH_BASE_NUMBER_H
#define EPH_BASE_NUMBER_H

#include <stdint.h>

/* Room for any 64-bit number in groups of three, and for a duration. */
struct number_text {
	char text[32];
};

/* "28 232". Lives until the end of the full expression or as long as the variable it is kept in. */
struct number_text number_grouped(uint64_t number);

/* "9 ms", "1.2 s", "4 min 10 s", "3 h 5 min". */
struct number_text number_duration_us(uint64_t microseconds);

/* "96 %", "0.4 %", "<0.1 %"; 100 % only when it is. */
struct number_text number_percent(double percent);

#define GROUPED(number) (number_grouped(number).text)

#endif
