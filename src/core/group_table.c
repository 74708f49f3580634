#include "group_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CELLS (1u << 18)
/* slots for each group kept: room to see past the limit, load at most 3/4 */
#define SLOTS_PER_KEPT 4u

int group_table_init(struct group_table *table, uint32_t limit)
{
	*table = (struct group_table){.limit = limit, .capacity = 64, .floor = 1};
	while (table->capacity < limit * SLOTS_PER_KEPT)
		table->capacity *= 2;
	table->slot = calloc(table->capacity, sizeof(*table->slot));
	table->cell = calloc(CELLS, sizeof(*table->cell));
	if (!table->slot || !table->cell) {
		group_table_done(table);
		return -ENOMEM;
	}
	return 0;
}

void group_table_done(struct group_table *table)
{
	free(table->slot);
	free(table->cell);
	*table = (struct group_table){0};
}

uint32_t group_counts_total(const struct group_counts *counts)
{
	uint32_t total = 0;

	for (unsigned i = 0; i < SOCKET_STATES; i++)
		total += counts->sockets[i];
	return total;
}

static void counts_add(struct group_counts *to, const struct group_counts *from)
{
	for (unsigned i = 0; i < SOCKET_STATES; i++)
		to->sockets[i] += from->sockets[i];
	to->on_counted += from->on_counted;
	to->tw_aged += from->tw_aged;
	to->tw_aged_loopback += from->tw_aged_loopback;
	to->tw_unknown += from->tw_unknown;
	if (!to->inode && from->inode) {
		to->inode = from->inode;
		to->uid = from->uid;
	}
	if (!to->cgroup)
		to->cgroup = from->cgroup;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
	return hash ^ (hash >> 29);
}

static uint64_t key_hash(const struct group_key *key)
{
	uint64_t half, hash = 0;

	for (unsigned i = 0; i < 16; i += 8) {
		memcpy(&half, key->local.bytes + i, sizeof(half));
		hash = mix(hash, half);
		memcpy(&half, key->remote.bytes + i, sizeof(half));
		hash = mix(hash, half);
	}
	hash = mix(hash,
		   (uint64_t)key->local_port << 48 | (uint64_t)key->remote_port << 32 | key->owner);
	return mix(hash, (uint64_t)key->protocol << 16 | (uint64_t)key->local.family << 8 |
				 key->remote.family);
}

static bool key_equal(const struct group_key *a, const struct group_key *b)
{
	return ip_address_equal(&a->local, &b->local) && ip_address_equal(&a->remote, &b->remote) &&
	       a->local_port == b->local_port && a->remote_port == b->remote_port &&
	       a->protocol == b->protocol && a->owner == b->owner;
}

static bool slot_used(const struct group *slot)
{
	return slot->key.protocol != 0;
}

/* The slot of @key, or the free one where it belongs. There is always a free one: the load stays below 1. */
static struct group *find(struct group_table *table, const struct group_key *key, uint64_t hash)
{
	uint32_t mask = table->capacity - 1, i = (uint32_t)(hash >> 32) & mask;

	while (slot_used(&table->slot[i]) && !key_equal(&table->slot[i].key, key))
		i = (i + 1) & mask;
	return &table->slot[i];
}

static uint32_t *cell_of(struct group_table *table, uint64_t hash)
{
	return &table->cell[hash & (CELLS - 1)];
}

static bool full(const struct group_table *table)
{
	return table->count >= table->capacity / 4 * 3;
}

/* Make room in the second pass: raise the floor until groups fall out, and close the gaps they leave. */
static void raise_floor(struct group_table *table)
{
	while (full(table)) {
		struct group *old = table->slot;
		struct group *fresh = calloc(table->capacity, sizeof(*fresh));

		table->floor += table->floor / 8 + 1;
		table->count = 0;
		if (!fresh) {
			/* No memory to move into: drop all and count only what is fuller from here on. The floor is
			 * then not kept for what was dropped, so say that nothing is certain. */
			memset(old, 0, table->capacity * sizeof(*old));
			table->floor = UINT32_MAX;
			return;
		}
		table->slot = fresh;
		for (uint32_t i = 0; i < table->capacity; i++) {
			uint64_t hash;

			if (!slot_used(&old[i]))
				continue;
			hash = key_hash(&old[i].key);
			if (*cell_of(table, hash) < table->floor)
				continue;
			*find(table, &old[i].key, hash) = old[i];
			table->count++;
		}
		free(old);
	}
}

void group_table_count(struct group_table *table, const struct group_key *key,
		       const struct group_counts *counts)
{
	uint64_t hash = key_hash(key);
	uint32_t *cell = cell_of(table, hash);
	uint32_t sockets = group_counts_total(counts);
	struct group *slot;

	table->read += sockets;
	counts_add(&table->all, counts);
	if (table->pass == 0)
		*cell += sockets;
	else if (*cell < table->floor)
		return;
	slot = find(table, key, hash);
	if (!slot_used(slot)) {
		if (full(table)) {
			table->overflowed = true;
			if (table->pass == 0)
				return;
			raise_floor(table);
			if (*cell < table->floor)
				return;
			slot = find(table, key, hash);
		}
		slot->key = *key;
		table->count++;
	}
	counts_add(&slot->counts, counts);
}

bool group_table_again(struct group_table *table)
{
	if (table->pass > 0 || !table->overflowed)
		return false;
	memset(table->slot, 0, table->capacity * sizeof(*table->slot));
	table->all = (struct group_counts){0};
	table->count = 0;
	table->read = 0;
	table->floor = 2;
	table->pass = 1;
	return true;
}

static int fuller_first(const void *a, const void *b)
{
	const struct group *x = a, *y = b;
	uint32_t nx = group_counts_total(&x->counts), ny = group_counts_total(&y->counts);

	if (nx != ny)
		return nx < ny ? 1 : -1;
	return memcmp(&x->key, &y->key,
		      sizeof(x->key)); /* any order that does not change from run to run */
}

static void counts_subtract(struct group_counts *from, const struct group_counts *counts)
{
	for (unsigned i = 0; i < SOCKET_STATES; i++)
		from->sockets[i] -= counts->sockets[i];
	from->on_counted -= counts->on_counted;
	from->tw_aged -= counts->tw_aged;
	from->tw_aged_loopback -= counts->tw_aged_loopback;
	from->tw_unknown -= counts->tw_unknown;
}

void group_table_finish(struct group_table *table)
{
	uint32_t kept = 0;
	struct group *fitted;

	for (uint32_t i = 0; i < table->capacity; i++)
		if (slot_used(&table->slot[i]))
			table->slot[kept++] = table->slot[i];
	qsort(table->slot, kept, sizeof(*table->slot), fuller_first);
	if (table->pass == 0 && kept > table->limit)
		table->other_groups = kept - table->limit;
	table->count = kept < table->limit ? kept : table->limit;
	table->other = table->all;
	for (uint32_t i = 0; i < table->count; i++)
		counts_subtract(&table->other, &table->slot[i].counts);
	table->other.inode = table->other.uid = 0;
	table->other.cgroup = 0;
	free(table->cell);
	table->cell = NULL;
	/* One table stays for each namespace: without its free slots. */
	fitted = realloc(table->slot, (table->count + 1) * sizeof(*table->slot));
	if (fitted)
		table->slot = fitted;
	table->finished = true;
}
