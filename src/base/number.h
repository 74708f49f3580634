/*
 * Numbers as people read them.
 */
#ifndef EPH_BASE_NUMBER_H
#define EPH_BASE_NUMBER_H

#include <stdint.h>

/* Room for any 64-bit number in groups of three, and for a duration. */
struct number_text {
	char text[64];
};

/* "28 232". Lives until the end of the full expression or as long as the variable it is kept in. */
struct number_text number_grouped(uint64_t number);

/* "1 port", "28 232 ports": @noun is at most 31 letters and takes an s, or es behind s, x, ch and sh. */
struct number_text number_counted(uint64_t number, const char *noun);

/* "9 ms", "1.2 s", "4 min 10 s", "3 h 5 min". */
struct number_text number_duration_us(uint64_t microseconds);

/* "96 %", "0.4 %", "<0.1 %"; 100 % only when it is. */
struct number_text number_percent(double percent);

#define GROUPED(number)       (number_grouped(number).text)
#define COUNTED(number, noun) (number_counted(number, noun).text)
/* The verb behind such a number. */
#define ARE(number) ((number) == 1 ? "is" : "are")

#endif
