#include "risks.h"

#include <errno.h>

#include "alloc.h"
#include "number.h"
#include "risk_list.h"
#include "strbuf.h"

#define PORTS_IN_TITLE           40u /* characters */
#define NEARLY_EXHAUSTED_PERCENT 85u
#define MANY_BLOCKED_PERCENT     5u
#define TW_BUCKETS_PERCENT       90u
#define HOT_SPOT_DIVISOR         8u  /* a reserved block of an eighth of the range */
#define TIME_WAIT_SECONDS        60u /* TCP_TIMEWAIT_LEN, fixed in the kernel */

struct search {
	const struct snapshot *snapshot;
	const struct usage_result *usage;
	uint32_t index; /* namespace looked at */
	const struct netns_snapshot *netns;
	const struct usage_netns *summary;
	struct risks_result *result;
};

#define ENDPOINT_BYTES (IP_ADDRESS_TEXT_BYTES + 8)

static const char *format_endpoint(const struct ip_address *address, uint16_t port,
				   char text[ENDPOINT_BYTES])
{
	char plain[IP_ADDRESS_TEXT_BYTES];
	struct strbuf out = STRBUF_INIT;
	size_t length;

	ip_address_format(address, plain);
	strbuf_printf(&out, address->family == IP_V6 ? "[%s]:%u" : "%s:%u", plain, port);
	length = out.length < ENDPOINT_BYTES ? out.length : ENDPOINT_BYTES - 1;
	for (size_t i = 0; i < length; i++)
		text[i] = out.text[i];
	text[length] = '\0';
	strbuf_done(&out);
	return text;
}

static uint32_t percent_full(const struct usage_group *group)
{
	return group->capacity ? 100u * (group->capacity - group->left_max) / group->capacity
			       : 100u;
}

static bool is_nearly_exhausted(const struct usage_group *group)
{
	return group->left_max > 0 && percent_full(group) >= NEARLY_EXHAUSTED_PERCENT;
}

static bool is_exhausted(const struct usage_group *group)
{
	return group->left_max == 0;
}

static bool is_past_knee(const struct usage_group *group)
{
	return group->key.protocol == PROTOCOL_TCP && group->past_knee && !is_exhausted(group) &&
	       !is_nearly_exhausted(group);
}

/* Mostly TIME_WAIT, and enough of it to matter: the range is half full, and the rest is not the greater part. */
static bool time_wait_dominates(const struct usage_group *group)
{
	return group->key.protocol == PROTOCOL_TCP && group->past_knee &&
	       group->time_wait > group->in_use;
}

static void about_group(const struct search *search, struct risk *risk,
			const struct usage_group *group)
{
	if (risk)
		risk->group = (size_t)(group - search->usage->group);
}

/* No destination can be had at all, so another source address would not help. */
static void describe_no_port(struct search *search, const struct usage_group *group, const char *to)
{
	const struct usage_netns *summary = search->summary;
	struct risk *risk = risk_list_add(search->result, search->index, "destination-exhausted",
					  RISK_CRITICAL, "%s has none of the range's %s left", to,
					  COUNTED(summary->ports, "port"));

	about_group(search, risk, group);
	risk_evidence(search->result, risk, "%s reserved, %s blocked by sockets",
		      GROUPED(summary->reserved), GROUPED(summary->blocked));
	risk_advice(search->result, risk, NULL,
		    summary->reserved > summary->blocked
			    ? "all ports are reserved or blocked: reserve fewer, or widen the range"
			    : "all ports are reserved or blocked: widen the range, and let clients "
			      "that bind "
			      "an address set IP_BIND_ADDRESS_NO_PORT");
}

static void describe_exhausted(struct search *search, const struct usage_group *group,
			       const char *to, const char *from)
{
	struct risk *risk;

	if (!group->capacity) {
		describe_no_port(search, group, to);
		return;
	}
	risk = risk_list_add(search->result, search->index, "destination-exhausted", RISK_CRITICAL,
			     "%s has none of %s left", to, COUNTED(group->capacity, "port"));
	about_group(search, risk, group);
	risk_evidence(search->result, risk, "from %s: %s in use, %s in TIME_WAIT", from,
		      GROUPED(group->in_use), GROUPED(group->time_wait));
	risk_evidence(search->result, risk,
		      group->key.protocol == PROTOCOL_TCP
			      ? "connect() fails with EADDRNOTAVAIL"
			      : "connect() and sendto() fail with EAGAIN");
	risk_advice(search->result, risk, NULL,
		    "use a second source address, or a wider range; keep connections alive");
}

static void describe_nearly_exhausted(struct search *search, const struct usage_group *group,
				      const char *to, const char *from)
{
	struct risk *risk =
		risk_list_add(search->result, search->index, "destination-nearly-exhausted",
			      RISK_CRITICAL, "%s has %s of %s left", to, GROUPED(group->left_max),
			      COUNTED(group->capacity, "port"));

	about_group(search, risk, group);
	risk_evidence(search->result, risk, "from %s: %s in use, %s in TIME_WAIT", from,
		      GROUPED(group->in_use), GROUPED(group->time_wait));
	risk_advice(search->result, risk, NULL,
		    "use a second source address, or a wider range; keep connections alive");
}

static void describe_past_knee(struct search *search, const struct usage_group *group,
			       const char *to, const char *from)
{
	struct risk *risk = risk_list_add(
		search->result, search->index, "destination-past-knee", RISK_WARNING,
		"%s is past the knee: each connect() now searches half the range", to);

	about_group(search, risk, group);
	risk_evidence(search->result, risk, "from %s: %s of %s left, the knee is at %s", from,
		      GROUPED(group->left_max), COUNTED(group->capacity, "port"),
		      GROUPED(search->summary->knee));
	risk_advice(search->result, risk, NULL,
		    "set IP_LOCAL_PORT_RANGE to the same range on the client's sockets (Linux 6.8 "
		    "and later): the search then has no knee");
}

static void describe_time_wait(struct search *search, const struct usage_group *group,
			       const char *to, const char *from)
{
	uint32_t closed_per_s = (group->time_wait + TIME_WAIT_SECONDS - 1) / TIME_WAIT_SECONDS;
	uint32_t sustained_per_s = group->capacity / TIME_WAIT_SECONDS;
	struct risk *risk = risk_list_add(
		search->result, search->index, "time-wait-dominates", RISK_WARNING,
		"%s of %s taken towards %s rest%s in TIME_WAIT: this side closes first",
		GROUPED(group->time_wait), COUNTED(group->time_wait + group->in_use, "port"), to,
		group->time_wait == 1 ? "s" : "");

	about_group(search, risk, group);
	risk_evidence(search->result, risk, "%s closes first; each port then rests for %u s", from,
		      TIME_WAIT_SECONDS);
	risk_evidence(search->result, risk,
		      "about %s/s closed in the last %u s; %s/s is the most this "
		      "range can sustain that way",
		      COUNTED(closed_per_s, "connection"), TIME_WAIT_SECONDS,
		      GROUPED(sustained_per_s));
	risk_advice(search->result, risk, NULL,
		    "keep connections alive, or close from the server side (about %s/s now, the "
		    "range sustains %s/s)",
		    GROUPED(closed_per_s), GROUPED(sustained_per_s));
}

/* One risk each for the fullest few that @applies to, then one line for all others. UDP is one group to us: what is left
 * does not depend on the destination, so only the first of a family is shown. */
static void find_in_groups(struct search *search, bool (*applies)(const struct usage_group *),
			   void (*describe)(struct search *, const struct usage_group *,
					    const char *, const char *))
{
	char to[ENDPOINT_BYTES], from[IP_ADDRESS_TEXT_BYTES];
	bool udp_seen[2] = {false, false};
	unsigned shown = 0, more = 0;

	for (size_t i = 0; i < search->usage->groups; i++) {
		const struct usage_group *group = &search->usage->group[i];
		bool udp = group->key.protocol == PROTOCOL_UDP,
		     v6 = group->key.local.family == IP_V6;

		if (group->netns != search->index || !group->has_left || !applies(group) ||
		    (udp && udp_seen[v6]))
			continue;
		udp_seen[v6] |= udp;
		if (shown == RISK_DESTINATIONS_MAX) {
			more++;
			continue;
		}
		shown++;
		if (udp)
			describe(search, group, v6 ? "UDP over IPv6" : "UDP over IPv4",
				 "any address");
		else
			describe(search, group,
				 format_endpoint(&group->key.remote, group->key.remote_port, to),
				 ip_address_format(&group->key.local, from));
	}
	if (more && search->result->count) {
		struct risk *last = &search->result->risk[search->result->count - 1];

		risk_evidence(search->result, last, "and %s more like it: ephemports usage",
			      COUNTED(more, "destination"));
	}
}

static void find_exhausted(struct search *search)
{
	find_in_groups(search, is_exhausted, describe_exhausted);
}

static void find_nearly_exhausted(struct search *search)
{
	find_in_groups(search, is_nearly_exhausted, describe_nearly_exhausted);
}

static void find_past_knee(struct search *search)
{
	find_in_groups(search, is_past_knee, describe_past_knee);
}

static void find_time_wait(struct search *search)
{
	find_in_groups(search, time_wait_dominates, describe_time_wait);
}

static void find_odd_range(struct search *search)
{
	struct port_range range = search->summary->range;
	uint32_t width = search->summary->ports;
	struct risk *risk;

	if (width % 2 == 0 || width == 1)
		return;
	risk = risk_list_add(search->result, search->index, "odd-range", RISK_WARNING,
			     "%u-%u has an odd number of ports (%s)", range.lo, range.hi,
			     GROUPED(width));
	risk_evidence(
		search->result, risk,
		"connect() makes the number even by leaving out one end, so one free port may "
		"be missed");
	risk_advice(search->result, risk,
		    risk_range_command(search->result, search->snapshot, search->index, range.lo,
				       range.hi - 1),
		    "leave out the last port: %u-%u has %s", range.lo, range.hi - 1,
		    GROUPED(width - 1));
}

static void find_listeners_in_range(struct search *search)
{
	const struct settings *settings = &search->netns->settings;
	struct port_set in_range = {0};
	struct strbuf list = STRBUF_INIT;
	uint32_t count;
	struct risk *risk;

	port_set_add_range(&in_range, settings->range);
	port_set_keep_set(&in_range, &search->netns->binds.listening);
	port_set_remove_set(&in_range, &settings->reserved);
	count = port_set_count(&in_range);
	if (!count || !(settings->known & SETTING_RESERVED))
		return;
	port_set_format(&in_range, &list);
	if (list.length > PORTS_IN_TITLE) {
		list.length = PORTS_IN_TITLE;
		while (list.length && list.text[list.length - 1] != ',')
			list.length--;
		list.text[list.length] = '\0';
		strbuf_puts(&list, "...");
	}
	risk = risk_list_add(search->result, search->index, "listener-in-range", RISK_WARNING,
			     "%u listening %s inside the ephemeral range: %s", count,
			     count == 1 ? "port lies" : "ports lie", list.text);
	risk_evidence(search->result, risk,
		      "while the service is down an outgoing connection may take the port, and it "
		      "fails to start again");
	risk_advice_reserve(search->result, risk, &in_range, false, "reserve %s",
			    count == 1 ? "it" : "them");
	strbuf_done(&list);
}

static uint64_t overflows_of(const struct netns_snapshot *netns)
{
	return netns->overflows_known ? netns->time_wait_overflows : 0;
}

/* Closed so since boot; now there is room. */
static void find_tw_overflow(struct search *search)
{
	const struct settings *settings = &search->netns->settings;
	uint64_t limit = settings->max_tw_buckets, overflows = overflows_of(search->netns);
	struct risk *risk;

	if (!overflows || !(settings->known & SETTING_MAX_TW_BUCKETS))
		return;
	risk = risk_list_add(search->result, search->index, "tw-buckets-overflow",
			     limit ? RISK_INFO : RISK_WARNING,
			     "%s %s closed without a TIME_WAIT since boot",
			     COUNTED(overflows, "connection"), overflows == 1 ? "was" : "were");
	risk_evidence(
		search->result, risk,
		"TCPTimeWaitOverflow is %s; tcp_max_tw_buckets is %s, and %s are in TIME_WAIT "
		"now",
		GROUPED(overflows), GROUPED(limit), GROUPED(search->netns->time_wait));
	risk_evidence(search->result, risk,
		      "without a TIME_WAIT the port is free at once, and a late segment of the old "
		      "connection may hit a new one");
	risk_advice(search->result, risk,
		    limit ? risk_command(search->result,
					 "sysctl -w net.ipv4.tcp_max_tw_buckets=%llu",
					 (unsigned long long)limit * 2)
			  : NULL,
		    limit ? "if it still grows, raise the limit; each takes about 250 bytes"
			  : "let TIME_WAIT be: 0 switches it off for every connection");
}

static void find_tw_buckets(struct search *search)
{
	const struct settings *settings = &search->netns->settings;
	uint64_t limit = settings->max_tw_buckets, count = search->netns->time_wait;
	struct risk *risk;

	if (!(settings->known & SETTING_MAX_TW_BUCKETS) || !limit ||
	    count * 100 < limit * TW_BUCKETS_PERCENT) {
		find_tw_overflow(search);
		return;
	}
	risk = risk_list_add(search->result, search->index, "tw-buckets-near-limit", RISK_WARNING,
			     "%s of at most %s", COUNTED(count, "TIME_WAIT socket"),
			     GROUPED(limit));
	risk_evidence(search->result, risk,
		      "beyond tcp_max_tw_buckets a closed connection gets no TIME_WAIT: late "
		      "segments may then "
		      "hit a new connection");
	if (overflows_of(search->netns))
		risk_evidence(search->result, risk,
			      "it happened to %s since boot (TCPTimeWaitOverflow)",
			      COUNTED(overflows_of(search->netns), "connection"));
	risk_advice(search->result, risk,
		    risk_command(search->result, "sysctl -w net.ipv4.tcp_max_tw_buckets=%llu",
				 (unsigned long long)limit * 2),
		    "raise the limit; each takes about 250 bytes");
}

/* The longest run of reserved ports inside the range. */
static struct port_range longest_reserved(const struct settings *settings)
{
	struct port_range longest = {1, 0};
	uint32_t start = settings->range.lo;

	for (uint32_t p = settings->range.lo; p <= settings->range.hi; p++) {
		if (!port_set_has(&settings->reserved, (uint16_t)p))
			start = p + 1;
		else if (p - start + 1 > port_range_width(longest))
			longest = (struct port_range){(uint16_t)start, (uint16_t)p};
	}
	return longest;
}

static void find_reserved_hot_spot(struct search *search)
{
	struct port_range block = longest_reserved(&search->netns->settings);
	uint32_t width = port_range_width(block);
	struct risk *risk;

	if (!width || width < search->summary->ports / HOT_SPOT_DIVISOR ||
	    search->summary->ports < 64)
		return;
	risk = risk_list_add(search->result, search->index, "reserved-hot-spot", RISK_INFO,
			     "%s in one block are reserved: %u-%u", COUNTED(width, "port"),
			     block.lo, block.hi);
	risk_evidence(search->result, risk,
		      "a search that starts inside the block steps through it and always ends on "
		      "the first port "
		      "behind it, which is chosen far more often than others");
	risk_advice(search->result, risk, NULL,
		    "move an end of the range past the block instead of reserving it");
}

static void find_many_blocked(struct search *search)
{
	const struct bind_table *binds = &search->netns->binds;
	struct port_range range = search->summary->range;
	struct risk *risk;

	if (search->summary->blocked * 100 <= search->summary->ports * MANY_BLOCKED_PERCENT)
		return;
	risk = risk_list_add(
		search->result, search->index, "many-blocked", RISK_WARNING,
		"%s of %s %s blocked for every destination", GROUPED(search->summary->blocked),
		COUNTED(search->summary->ports, "port"), ARE(search->summary->blocked));
	risk_evidence(search->result, risk,
		      "%s have a listener, %s a socket that is bound and not connected; the others "
		      "were bound "
		      "before they connected",
		      GROUPED(port_set_count_in(&binds->listening, range)),
		      GROUPED(port_set_count_in(&binds->bound, range)));
	risk_advice(
		search->result, risk, NULL,
		"a client that binds a source address should set IP_BIND_ADDRESS_NO_PORT before "
		"bind(): its port then serves other destinations too");
}

static void (*const finders[])(struct search *) = {
	find_exhausted,    find_nearly_exhausted,   find_past_knee,
	find_time_wait,    find_tw_buckets,         find_odd_range,
	find_many_blocked, find_listeners_in_range, find_reserved_hot_spot,
};

int risks_judge(const struct snapshot *snapshot, const struct usage_result *usage,
		struct risks_result *ret)
{
	struct risks_result result = {0};
	struct search search = {.snapshot = snapshot, .usage = usage, .result = &result};

	for (size_t i = 0; i < snapshot->n_netns && i < usage->n_netns; i++) {
		search.index = (uint32_t)i;
		search.netns = &snapshot->netns[i];
		search.summary = &usage->netns[i];
		if (!(search.netns->settings.known & SETTING_RANGE))
			continue;
		for (size_t f = 0; f < ARRAY_SIZE(finders); f++)
			finders[f](&search);
	}
	risk_list_finish(&result, snapshot);
	if (result.failed) {
		risks_result_done(&result);
		return -ENOMEM;
	}
	*ret = result;
	return 0;
}
