/*
 * Does the running kernel know a name? Asked from its type information, which anyone may read.
 */
#ifndef EPH_COLLECT_KERNEL_NAMES_H
#define EPH_COLLECT_KERNEL_NAMES_H

#include "kernel_laws.h"

/* @name as a type, field or enumerator has it. LAW_UNKNOWN when there is no type information. */
enum law kernel_names_has(const char *name);

#endif
