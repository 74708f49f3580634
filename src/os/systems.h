/*
 * The list of systems, and what their files share. Inside src/os only.
 */
#ifndef EPH_OS_SYSTEMS_H
#define EPH_OS_SYSTEMS_H

#include "system.h"

#define OS_SYSTEM(name) extern const struct os_system os_##name;
#include "systems.def"
#undef OS_SYSTEM

#define OS_TCP_UDP (OS_TCP | OS_UDP)
#define OS_IPV4_6  (OS_IPV4 | OS_IPV6)

/* Compare as many parts as @version has, from the first digit of @release on: "B.11.31" equals "11", and is below "11.32".
 * Return: -1, 0 or 1. */
int os_version_compare(const char *release, const char *version);

/* kept_by() of systems where it is always the same. */
enum os_store os_kept_next_boot(const struct os_state *state);
enum os_store os_kept_both(const struct os_state *state);

/* From value[] and boot_value[] to everything that follows from them. */
void os_range_settle(const struct os_state *state, struct os_range *range);

#endif
