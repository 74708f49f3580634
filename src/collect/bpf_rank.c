/*
 * How UDP sockets of one port follow each other in the chains of their addresses, from what is behind each of them.
 */
#include <errno.h>
#include <stdlib.h>

#include "alloc.h"
#include "bpf_table.h"

#define NONE SIZE_MAX

struct place {
	uint64_t socket;
	size_t index; /* of its link */
};

static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->socket > y->socket) - (x->socket < y->socket);
}

static size_t find(const struct place *places, size_t count, uint64_t socket)
{
	const struct place wanted = {.socket = socket};
	const struct place *found = bsearch(&wanted, places, count, sizeof(*places), compare);

	return found ? found->index : NONE;
}

/* @ret_next: the number of what is behind each, or NONE. @ret_led: is it behind any? Return: 0 or -EAGAIN. */
static int connect_links(const struct bpf_link *link, const struct place *places, size_t count,
			 size_t *ret_next, bool *ret_led)
{
	for (size_t i = 0; i < count; i++) {
		ret_next[i] = link[i].next ? find(places, count, link[i].next) : NONE;
		if (!link[i].next)
			continue;
		if (ret_next[i] == NONE || ret_led[ret_next[i]])
			return -EAGAIN;
		ret_led[ret_next[i]] = true;
	}
	return 0;
}

/* From the first of each chain to its last. What is left then runs in a circle. */
static int number(struct socket_record *record, const size_t *next, const bool *led, size_t count)
{
	size_t numbered = 0;

	for (size_t i = 0; i < count; i++)
		for (size_t at = led[i] ? NONE : i; at != NONE; at = next[at])
			record[at].rank = (uint32_t)++numbered;
	return numbered == count ? 0 : -EAGAIN;
}

int bpf_rank(const struct bpf_state *state, struct socket_record *record, size_t count)
{
	CLEANUP(freep) struct place *places = calloc(count + 1, sizeof(*places));
	CLEANUP(freep) size_t *next = calloc(count + 1, sizeof(*next));
	CLEANUP(freep) bool *led = calloc(count + 1, sizeof(*led));
	int r;

	if (!places || !next || !led)
		return -ENOMEM;
	if (count != state->links)
		return -EAGAIN;
	for (size_t i = 0; i < count; i++)
		places[i] = (struct place){.socket = state->link[i].socket, .index = i};
	qsort(places, count, sizeof(*places), compare);
	r = connect_links(state->link, places, count, next, led);
	return r == 0 ? number(record, next, led, count) : r;
}
