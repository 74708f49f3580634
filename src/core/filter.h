/*
 * Socket filters in the syntax of ss(8): "dst 10/8", "dport = :443", "sport >= 40000 and not dst 127.0.0.1",
 * parentheses, and/or/not (also && || !), src/dst ADDRESS[/BITS][:PORT], sport/dport with = == eq != ne < lt <= le > gt
 * >= ge, "state established" and the names of socket_state_name(). Pure; compiled once, matched per socket.
 */
#ifndef EPH_CORE_FILTER_H
#define EPH_CORE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

struct eph_error;
struct filter;
struct socket_record;

/**
 * filter_parse() - compile the words of the command line
 * Return: 0; -EINVAL with @reterr naming the word that was not understood and what was expected; -ENOMEM.
 * No word at all is the filter that matches everything, *@ret == NULL.
 */
int filter_parse(const char *const *words, unsigned count, struct filter **ret,
		 struct eph_error *reterr);
struct filter *filter_free(struct filter *filter); /* NULL is fine; returns NULL */
void filter_freep(struct filter **filter);

/* NULL matches every socket. */
bool filter_match(const struct filter *filter, const struct socket_record *record);

#endif
