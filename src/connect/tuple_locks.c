#include "tuple_locks.h"

#include "known_ports.h"

static uint64_t tuple_of(const struct known_flow *flow, uint16_t port)
{
	return (atomic_load(&flow->key) & ~UINT64_C(0xffff)) | port;
}

/* Seen in slot @i, is it still held? */
static bool is_held(const struct tuple_locks *locks, unsigned i, uint64_t seen, uint32_t now_ms)
{
	/* Who took it may have read the clock after us. */
	return seen && (int32_t)(now_ms - atomic_load(&locks->since_ms[i])) < TUPLE_LOCK_MS;
}

static bool is_elsewhere(const struct tuple_locks *locks, uint64_t tuple, unsigned own,
			 uint32_t now_ms)
{
	for (unsigned i = 0; i < TUPLE_LOCKS; i++) {
		uint64_t seen = atomic_load(&locks->tuple[i]);

		if (i != own && seen == tuple && is_held(locks, i, seen, now_ms))
			return true;
	}
	return false;
}

static unsigned take_slot(struct tuple_locks *locks, uint64_t tuple, uint32_t now_ms)
{
	unsigned start = (unsigned)(tuple * UINT64_C(0x9fb21c651e98df25) >> 58);

	for (unsigned i = 0; i < TUPLE_LOCKS; i++) {
		unsigned slot = (start + i) % TUPLE_LOCKS;
		uint64_t seen = atomic_load(&locks->tuple[slot]);

		/* One that is just being taken may look held since long ago: its time is written first. */
		if (is_held(locks, slot, seen, now_ms))
			continue;
		atomic_store(&locks->since_ms[slot], now_ms);
		if (atomic_compare_exchange_strong(&locks->tuple[slot], &seen, tuple))
			return slot;
	}
	return TUPLE_LOCKS;
}

/* Each writes its own first and then looks for another's: of two, at least one sees the other. */
int tuple_lock(struct tuple_locks *locks, const struct known_flow *flow, uint16_t port,
	       uint32_t now_ms)
{
	uint64_t tuple = tuple_of(flow, port);
	unsigned slot;

	if (is_elsewhere(locks, tuple, TUPLE_LOCKS, now_ms))
		return -1;
	slot = take_slot(locks, tuple, now_ms);
	if (slot < TUPLE_LOCKS && is_elsewhere(locks, tuple, slot, now_ms)) {
		tuple_unlock(locks, (int)slot, flow, port);
		return -1;
	}
	return (int)slot;
}

void tuple_unlock(struct tuple_locks *locks, int lock, const struct known_flow *flow, uint16_t port)
{
	uint64_t tuple = tuple_of(flow, port);

	if (lock >= 0 && lock < (int)TUPLE_LOCKS)
		atomic_compare_exchange_strong(&locks->tuple[lock], &tuple, 0);
}
