/* How fast connections are opened and closed by this side, and whether the range lasts at that rate. */
#include "host_risks_search.h"
#include "number.h"
#include "time_wait.h"

#define TIME_WAIT_MS    60000u /* TCP_TIMEWAIT_LEN, fixed in the kernel */
#define CLOSES_LEAST    100u   /* fewer tell no rate */
#define SPAN_LEAST_MS   5000u  /* nor do those of a moment */
#define SPANS_IN_A_HOLD (TIME_WAIT_MS / SPAN_LEAST_MS)
#define WIDEST_RANGE    64512u /* 1024-65535 */

/* Connections towards one destination that this side closed: each is there for 60 s. */
struct closes {
	uint32_t count;
	uint32_t recent;  /* of them: in the later half of the span */
	uint32_t span_ms; /* since the earliest that is there */
};

/* Only the side that closes first has a TIME_WAIT. One that is still FIN_WAIT2 lasts another time. */
static bool age_of(const struct netns_snapshot *netns, const struct usage_group *group,
		   const struct socket_record *record, uint32_t *ret_ms)
{
	if (record->protocol != PROTOCOL_TCP || record->state != STATE_TIME_WAIT ||
	    record->remote_port != group->key.remote_port || !record->expires_ms ||
	    record->expires_ms > TIME_WAIT_MS ||
	    !ip_address_equal(&record->remote, &group->key.remote) ||
	    !ip_address_equal(&record->local, &group->key.local) || !netns_outgoing(netns, record))
		return false;
	*ret_ms = TIME_WAIT_MS - record->expires_ms;
	return true;
}

static struct closes measure(const struct netns_snapshot *netns, const struct usage_group *group)
{
	const struct socket_table *sockets = &netns->sockets;
	struct closes closes = {.count = 0};
	uint32_t age;

	for (size_t i = 0; i < sockets->count; i++) {
		if (!age_of(netns, group, &sockets->record[i], &age))
			continue;
		closes.count++;
		if (age > closes.span_ms)
			closes.span_ms = age;
	}
	for (size_t i = 0; i < sockets->count; i++)
		if (age_of(netns, group, &sockets->record[i], &age))
			closes.recent += age <= closes.span_ms / 2;
	return closes;
}

/* Little's law: what is there, by how long it takes to gather. A burst that is over, or one that only began, is no rate:
 * the lesser of the whole span and its later half counts. */
static uint32_t rate_of(const struct closes *closes)
{
	uint64_t whole, recent;

	if (closes->count < CLOSES_LEAST || closes->span_ms < SPAN_LEAST_MS)
		return 0;
	whole = (uint64_t)closes->count * 1000 / closes->span_ms;
	recent = (uint64_t)closes->recent * 1000 / (closes->span_ms / 2);
	return (uint32_t)(whole < recent ? whole : recent);
}

/* A TIME_WAIT that gives way to a new connection keeps no port from anybody. */
static bool is_reused(const struct host_search *search, const struct usage_group *group)
{
	const struct settings *settings = &search->netns->settings;

	if ((settings->known & SETTING_TIMESTAMPS) && !settings->timestamps)
		return false;
	return !(settings->known & SETTING_TW_REUSE) ||
	       time_wait_allowed(&group->key.local, &group->key.remote, false, settings, -1);
}

/* May it need more than there is? Cheap, before single sockets are counted. */
static bool is_suspect(const struct host_search *search, const struct usage_group *group)
{
	return group->netns == search->index && group->has_left && group->left_max &&
	       group->key.protocol == PROTOCOL_TCP && group->time_wait >= CLOSES_LEAST &&
	       (uint64_t)group->time_wait * SPANS_IN_A_HOLD + group->in_use > group->capacity &&
	       !is_reused(search, group);
}

static void advise(struct host_search *search, struct risk *risk, uint64_t needed,
		   uint32_t capacity)
{
	risk_advice(search->result, risk, NULL,
		    "keep connections alive, or let the other side close first: its ports then "
		    "rest, not these");
	if (needed <= WIDEST_RANGE)
		risk_advice(search->result, risk, NULL, "or a range of at least %s",
			    COUNTED(needed, "port"));
	else
		risk_advice(search->result, risk, NULL, "or %s: no range has that many ports",
			    COUNTED((needed + capacity - 1) / capacity, "source address"));
}

static void describe(struct host_search *search, const struct usage_group *group,
		     const struct closes *closes, uint32_t rate, uint64_t needed)
{
	char to[IP_ADDRESS_TEXT_BYTES], from[IP_ADDRESS_TEXT_BYTES];
	bool v6 = group->key.remote.family == IP_V6;
	struct risk *risk;

	risk = risk_list_add(search->result, search->index, "rate-exceeds-range", RISK_WARNING,
			     "%s%s%s:%u needs %s at the rate of now, and the range has %s",
			     v6 ? "[" : "", ip_address_format(&group->key.remote, to),
			     v6 ? "]" : "", group->key.remote_port, COUNTED(needed, "port"),
			     GROUPED(group->capacity));
	if (risk)
		risk->group = (size_t)(group - search->usage->group);
	risk_evidence(search->result, risk,
		      "%s closed %s first in the last %u s, %s/s; each port then "
		      "rests for 60 s: %s x 60, and %s in use",
		      ip_address_format(&group->key.local, from),
		      COUNTED(closes->count, "connection"), closes->span_ms / 1000, GROUPED(rate),
		      GROUPED(rate), GROUPED(group->in_use));
	risk_evidence(search->result, risk,
		      "%s %s left: at this rate none in about %s s; the range sustains %s/s",
		      COUNTED(group->left_max, "port"), ARE(group->left_max),
		      GROUPED(group->left_max / rate),
		      GROUPED((group->capacity - group->in_use) / (TIME_WAIT_MS / 1000)));
	advise(search, risk, needed, group->capacity);
}

void host_risks_of_rate(struct host_search *search)
{
	unsigned shown = 0;

	for (size_t i = 0; i < search->usage->groups && shown < HOST_RISKS_SHOWN; i++) {
		const struct usage_group *group = &search->usage->group[i];
		struct closes closes;
		uint64_t needed;
		uint32_t rate;

		if (!is_suspect(search, group))
			continue;
		closes = measure(search->netns, group);
		rate = rate_of(&closes);
		needed = (uint64_t)rate * (TIME_WAIT_MS / 1000) + group->in_use;
		if (!rate || needed <= group->capacity || group->in_use >= group->capacity)
			continue;
		describe(search, group, &closes, rate, needed);
		shown++;
	}
}
