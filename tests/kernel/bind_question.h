/*
 * A new socket that wants a port: the question about it, and the kernel's own answer.
 */
#ifndef EPH_TESTS_KERNEL_BIND_QUESTION_H
#define EPH_TESTS_KERNEL_BIND_QUESTION_H

#include "bind_verdict.h"
#include "port_state.h"

/* Give it an address for which it is refused before any owner is looked at. */
void bind_question_spoil(struct bench *bench, struct wish *wish);

struct bind_query bind_question_query(const struct bench *bench, const struct wish *wish,
				      bool privileged);

/* bind() it, and listen() on TCP. The socket is gone again on return. Return: 0 or a positive errno. */
int bind_question_put(const struct bench *bench, const struct wish *wish, bool privileged);

#endif
