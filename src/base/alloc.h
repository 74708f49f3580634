/*
 * Ownership helpers for code inside src/. CLEANUP() frees a variable when it leaves its scope, TAKE_PTR() hands it
 * over and disarms that. Neither appears in a public header.
 */
#ifndef EPH_BASE_ALLOC_H
#define EPH_BASE_ALLOC_H

#include <stdlib.h>

#define CLEANUP(function) __attribute__((__cleanup__(function)))

#define TAKE_PTR(pointer)                                                                          \
	({                                                                                         \
		__typeof__(pointer) *take_from_ = &(pointer);                                      \
		__typeof__(pointer) taken_ = *take_from_;                                          \
		*take_from_ = NULL;                                                                \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* For memory from malloc(3): CLEANUP(freep) char *text = NULL; */
static inline void freep(void *pointer)
{
	free(*(void **)pointer);
}

#endif
