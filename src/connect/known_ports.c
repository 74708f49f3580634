#include "known_ports.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "ephemports.h"
#include "ip_address.h"

/* Random ports looked at before the bits are walked: 32 find a free one of twenty with four chances in five. */
#define RANDOM_LOOKS 32u

/* Where asking for all ports takes long, the time between is this many times as long. */
#define ASKING_SHARE 20u

#define RELAXED memory_order_relaxed

int known_ports_map(int memory_fd, struct known_ports **ret)
{
	struct known_ports *known;
	uint64_t none = 0, secret;
	struct stat stat;

	if (memory_fd >= 0) {
		if (fstat(memory_fd, &stat) < 0)
			return -errno;
		if (stat.st_size < (off_t)sizeof(*known))
			return -EINVAL;
	}
	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		return -errno;
	known = mmap(NULL, sizeof(*known), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_NORESERVE | (memory_fd < 0 ? MAP_ANONYMOUS : 0), memory_fd,
		     0);
	if (known == MAP_FAILED)
		return -errno;
	atomic_compare_exchange_strong(&known->secret, &none, secret | 1);
	*ret = known;
	return 0;
}

void known_ports_unmap(struct known_ports *known)
{
	if (known)
		munmap(known, sizeof(*known));
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
	return hash ^ (hash >> 32);
}

static uint64_t mix_address(uint64_t hash, const struct ip_address *address)
{
	uint64_t half[2] = {0, 0};

	if (!address)
		return mix(hash, 1);
	memcpy(half, address->bytes, sizeof(half));
	return mix(mix(mix(hash, address->family), half[0]), half[1]);
}

static void clear_flow(struct known_flow *flow)
{
	atomic_store_explicit(&flow->count, 0, RELAXED);
	atomic_store_explicit(&flow->refused_ms, 0, RELAXED);
	atomic_store_explicit(&flow->missed, 0, RELAXED);
	atomic_store_explicit(&flow->looked_ms, 0, RELAXED);
	for (unsigned i = 0; i < PORT_SET_WORDS; i++) {
		if (atomic_load_explicit(&flow->taken[i], RELAXED))
			atomic_store_explicit(&flow->taken[i], 0, RELAXED);
		if (atomic_load_explicit(&flow->asked_ms[i], RELAXED))
			atomic_store_explicit(&flow->asked_ms[i], 0, RELAXED);
	}
}

static uint64_t key_of(const struct known_ports *known, uint8_t protocol,
		       const struct ip_address *from, const struct ip_address *to, uint16_t to_port)
{
	uint64_t hash = mix(atomic_load_explicit(&known->secret, RELAXED),
			    (uint64_t)protocol << 16 | to_port);

	return mix_address(mix_address(hash, from), to) | 1;
}

/* The flows that @key may be among. */
static size_t set_of(uint64_t key)
{
	return (key >> 32) % KNOWN_FLOW_SETS * KNOWN_FLOW_WAYS;
}

bool known_ports_has_flow(const struct known_ports *known, uint8_t protocol,
			  const struct ip_address *from, const struct ip_address *to,
			  uint16_t to_port)
{
	uint64_t key = key_of(known, protocol, from, to, to_port);
	const struct known_flow *set = &known->flows[set_of(key)];

	for (unsigned i = 0; i < KNOWN_FLOW_WAYS; i++)
		if (atomic_load_explicit(&set[i].key, RELAXED) == key)
			return true;
	return false;
}

struct known_flow *known_ports_flow(struct known_ports *known, uint8_t protocol,
				    const struct ip_address *from, const struct ip_address *to,
				    uint16_t to_port)
{
	uint64_t key = key_of(known, protocol, from, to, to_port);
	uint64_t now = atomic_load_explicit(&known->clock, RELAXED);
	struct known_flow *set = &known->flows[set_of(key)], *oldest = set;

	for (unsigned i = 0; i < KNOWN_FLOW_WAYS; i++) {
		if (atomic_load_explicit(&set[i].key, RELAXED) == key) {
			if (atomic_load_explicit(&set[i].used, RELAXED) != now)
				atomic_store_explicit(&set[i].used, now, RELAXED);
			return &set[i];
		}
		if (atomic_load_explicit(&set[i].used, RELAXED) <
		    atomic_load_explicit(&oldest->used, RELAXED))
			oldest = &set[i];
	}
	clear_flow(oldest);
	atomic_fetch_add_explicit(&known->clock, 1, RELAXED);
	atomic_store_explicit(&oldest->used, now + 1, RELAXED);
	atomic_store_explicit(&oldest->key, key, RELAXED);
	return oldest;
}

static uint64_t word_bits(struct port_range range, unsigned word)
{
	uint64_t bits = ~UINT64_C(0);

	if (word == range.lo >> 6)
		bits &= ~UINT64_C(0) << (range.lo & 63);
	if (word == range.hi >> 6)
		bits &= ~UINT64_C(0) >> (63 - (range.hi & 63));
	return bits;
}

static uint64_t free_bits(const struct known_flow *flow, const struct port_set *usable,
			  unsigned word)
{
	return usable->word[word] & ~atomic_load_explicit(&flow->taken[word], RELAXED);
}

/* One of the bits set in @bits, which is not 0. */
static unsigned any_bit(uint64_t bits, uint64_t random)
{
	unsigned turn = random & 63;
	uint64_t turned = bits >> turn | bits << (-turn & 63);

	return ((unsigned)__builtin_ctzll(turned) + turn) & 63;
}

int known_flow_pick(const struct known_flow *flow, const struct port_set *usable,
		    struct port_range range, uint64_t random)
{
	unsigned first = range.lo >> 6, words = (range.hi >> 6) - first + 1u, start;
	uint32_t width = port_range_width(range);

	for (unsigned i = 0; i < RANDOM_LOOKS; i++) {
		unsigned port = range.lo + (unsigned)((random >> 32) * width >> 32);

		if (free_bits(flow, usable, port >> 6) >> (port & 63) & 1)
			return (int)port;
		random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	}
	start = (unsigned)((random >> 32) * words >> 32);
	for (unsigned i = 0; i < words; i++) {
		unsigned word = first + (start + i) % words;
		uint64_t bits = free_bits(flow, usable, word);

		if (bits)
			return (int)(word << 6 | any_bit(bits, random));
	}
	return -1;
}

struct port_range known_flow_run(const struct known_flow *flow, const struct port_set *usable,
				 uint16_t port)
{
	uint64_t bits = free_bits(flow, usable, port >> 6), above, below;
	unsigned bit = port & 63, up, down;

	bits |= UINT64_C(1) << bit;
	above = ~(bits >> bit);
	below = ~(bits << (63 - bit));
	up = above ? (unsigned)__builtin_ctzll(above) : 64;
	down = below ? (unsigned)__builtin_clzll(below) : 64;
	if (up + down > 2 && (up + down - 1) % 2) {
		if (up > 1)
			up--;
		else
			down--;
	}
	return (struct port_range){(uint16_t)(port - (down - 1)), (uint16_t)(port + (up - 1))};
}

static void set_bits(struct known_flow *flow, unsigned word, uint64_t bits)
{
	uint64_t before = atomic_fetch_or_explicit(&flow->taken[word], bits, RELAXED);

	atomic_fetch_add_explicit(&flow->count, (uint32_t)__builtin_popcountll(bits & ~before),
				  RELAXED);
}

static void clear_bits(struct known_flow *flow, unsigned word, uint64_t bits)
{
	uint64_t before = atomic_fetch_and_explicit(&flow->taken[word], ~bits, RELAXED);

	atomic_fetch_sub_explicit(&flow->count, (uint32_t)__builtin_popcountll(bits & before),
				  RELAXED);
}

void known_flow_take(struct known_flow *flow, struct port_range range)
{
	for (unsigned word = range.lo >> 6; word <= range.hi >> 6; word++)
		set_bits(flow, word, word_bits(range, word));
}

void known_flow_learn(struct known_flow *flow, struct port_range range,
		      const struct port_set *taken)
{
	for (unsigned word = range.lo >> 6; word <= range.hi >> 6; word++)
		set_bits(flow, word, taken->word[word] & word_bits(range, word));
}

void known_flow_free(struct known_flow *flow, uint16_t port)
{
	clear_bits(flow, port >> 6, UINT64_C(1) << (port & 63));
	atomic_store_explicit(&flow->asked_ms[port >> 6], 0, RELAXED);
}

void known_flow_asked(struct known_flow *flow, int word, uint32_t now_ms)
{
	atomic_store_explicit(&flow->asked_ms[word], now_ms ? now_ms : 1, RELAXED);
}

void known_flow_doubt(struct known_flow *flow, uint16_t port)
{
	clear_bits(flow, port >> 6, ~(UINT64_C(1) << (port & 63)));
	atomic_store_explicit(&flow->asked_ms[port >> 6], 0, RELAXED);
}

bool known_flow_is_stale(const struct known_flow *flow, int word, uint32_t now_ms,
			 uint32_t max_age_ms)
{
	uint32_t asked = atomic_load_explicit(&flow->asked_ms[word], RELAXED);

	return !asked || now_ms - asked > max_age_ms;
}

int known_flow_stale(const struct known_flow *flow, struct port_range range, int word,
		     uint32_t now_ms, uint32_t max_age_ms)
{
	for (; word <= range.hi >> 6; word++)
		if (known_flow_is_stale(flow, word, now_ms, max_age_ms))
			return word;
	return -1;
}

void known_flow_refuse(struct known_flow *any, uint64_t freed, uint32_t start_ms)
{
	atomic_store_explicit(&any->refused_freed, freed, RELAXED);
	atomic_store_explicit(&any->refused_ms, start_ms ? start_ms : 1, RELAXED);
}

bool known_flow_was_refused(const struct known_flow *any, uint32_t now_ms, uint32_t max_age_ms)
{
	uint32_t refused = atomic_load_explicit(&any->refused_ms, RELAXED);

	return refused && now_ms - refused <= max_age_ms;
}

bool known_flow_refused(const struct known_flow *any, uint64_t freed, uint32_t now_ms,
			uint32_t max_age_ms)
{
	return known_flow_was_refused(any, now_ms, max_age_ms) &&
	       atomic_load_explicit(&any->refused_freed, RELAXED) == freed;
}

void known_flow_refuse_after(struct known_flow *any, uint64_t freed, uint32_t start_ms,
			     uint32_t now_ms)
{
	atomic_store_explicit(&any->look_ms, now_ms - start_ms, RELAXED);
	known_flow_refuse(any, freed, start_ms);
}

uint32_t known_flow_age_ms(const struct known_flow *any, unsigned sources)
{
	uint32_t age = EPH_REFUSAL_AGE_MS / 2 * sources;
	uint32_t long_age = ASKING_SHARE * atomic_load_explicit(&any->look_ms, RELAXED);

	return age > long_age ? age : long_age;
}
