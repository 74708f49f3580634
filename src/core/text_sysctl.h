/*
 * The text of files below /proc/sys: one or two unsigned numbers, blanks between, a newline at the end. Pure.
 */
#ifndef EPH_CORE_TEXT_SYSCTL_H
#define EPH_CORE_TEXT_SYSCTL_H

#include <stddef.h>
#include <stdint.h>

#include "port_range.h"

/* Exactly one number up to @max. Return: 0, -EINVAL or -ERANGE; *@ret untouched on failure. */
int text_sysctl_number(const char *text, size_t length, uint32_t max, uint32_t *ret);

/* "LOW HIGH", both 0..65535 and LOW <= HIGH. Return: 0, -EINVAL or -ERANGE; *@ret untouched on failure. */
int text_sysctl_range(const char *text, size_t length, struct port_range *ret);

/* The same of what is written there, as a file of sysctl.d has it: the kernel takes two numbers and never looks at what
 * follows behind a blank, as in "1024 65000 # wide". A number that begins with 0 would be octal: -EINVAL. */
int text_sysctl_range_written(const char *text, size_t length, struct port_range *ret);

#endif
