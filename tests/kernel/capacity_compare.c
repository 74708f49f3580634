#include "capacity_case.h"

#include <errno.h>
#include <string.h>

/* The free ports as the law sees them one by one: a range of a single port is always determined. */
static void predicted_ports(const struct answer *answer, const struct capacity_query *query,
			    struct port_set *ret)
{
	struct netns_snapshot netns = answer->snapshot->netns[0]; /* borrows the sockets */
	struct capacity_query plain = *query;
	struct port_range range = answer->result.range;

	plain.has_window = false;
	port_set_clear(ret);
	for (uint32_t p = range.lo; p <= range.hi; p++) {
		struct capacity_result one;

		netns.settings.range = (struct port_range){(uint16_t)p, (uint16_t)p};
		if (capacity_count(&netns, &answer->snapshot->laws, &plain, &one, NULL) == 0 &&
		    one.left_max == 1)
			port_set_add(ret, (uint16_t)p);
	}
}

static void complain_ports(struct capacity_case *test, const char *what,
			   const struct port_set *ports)
{
	strbuf_printf(&test->complaint, "  %s: ", what);
	port_set_format(ports, &test->complaint);
	strbuf_putc(&test->complaint, '\n');
}

static bool all_is_seen(const struct answer *answer, const struct capacity_query *query)
{
	const struct capacity_result *result = &answer->result;
	uint32_t width = port_range_width(result->range);

	if (result->inexact_because & (GAP_ORDER | GAP_KERNEL))
		return false;
	if (query->protocol == PROTOCOL_UDP || width % 2 == 0 || width == 1)
		return true;
	return query->has_window && (query->window.lo || query->window.hi) &&
	       answer->snapshot->laws.step_one == LAW_YES;
}

bool capacity_case_probe_must_be_exact(const struct answer *answer,
				       const struct capacity_query *query)
{
	return strcmp(answer->collector, "probe") == 0 && query->protocol == PROTOCOL_TCP &&
	       !(answer->result.inexact_because & (GAP_TW_AGE | GAP_OPTIONS)) &&
	       all_is_seen(answer, query);
}

static bool must_be_exact(const struct answer *answer, const struct capacity_query *query)
{
	if (strcmp(answer->collector, "bpf") == 0)
		return all_is_seen(answer, query);
	return capacity_case_probe_must_be_exact(answer, query);
}

void capacity_case_describe(struct capacity_case *test, const struct answer *answer,
			    const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;
	struct port_set predicted;

	strbuf_printf(&test->complaint,
		      "  %s: range %u-%u reserved %u blocked %u in_use %u time_wait %u reusable %u "
		      "left %u..%u%s%s because",
		      answer->collector, result->range.lo, result->range.hi, result->reserved,
		      result->blocked, result->in_use, result->time_wait,
		      result->time_wait_reusable, result->left, result->left_max,
		      result->unlimited ? " unlimited" : "", result->exact ? " exact" : "");
	for (unsigned bit = 0; bit < GAP_COUNT; bit++)
		if (result->inexact_because & 1u << bit)
			strbuf_printf(&test->complaint, " %s", snapshot_gap_name(1u << bit));
	strbuf_printf(&test->complaint, "; kernel %u, then %s\n", kernel->count,
		      kernel->error ? strerror(kernel->error) : "no refusal");
	complain_ports(test, "used", &kernel->used);
	if (result->exact && !result->unlimited) {
		predicted_ports(answer, &test->query, &predicted);
		complain_ports(test, "predicted", &predicted);
	}
}

static void complain(struct capacity_case *test, const struct answer *answer,
		     const struct fill *kernel, const char *what)
{
	strbuf_printf(&test->complaint, "%s: %s\n", answer->collector, what);
	capacity_case_describe(test, answer, kernel);
}

static void check_sums(struct capacity_case *test, const struct answer *answer,
		       const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;
	uint32_t sum = result->reserved + result->blocked + result->in_use + result->time_wait +
		       result->left_max;

	if (sum != port_range_width(result->range))
		complain(test, answer, kernel, "the five counts do not add up to the range");
	if (result->left > result->left_max || result->time_wait_reusable > result->left_max)
		complain(test, answer, kernel, "a part is larger than the whole");
	if (result->exact && result->left != result->left_max)
		complain(test, answer, kernel, "exact, but an interval");
}

static void check_ports(struct capacity_case *test, const struct answer *answer,
			const struct fill *kernel)
{
	struct port_set predicted;

	if (strcmp(answer->collector, "bpf") != 0 || !answer->result.exact ||
	    answer->result.unlimited)
		return;
	predicted_ports(answer, &test->query, &predicted);
	if (memcmp(&predicted, &kernel->used, sizeof(predicted)) == 0)
		return;
	complain(test, answer, kernel, "other ports were used than predicted");
}

void capacity_case_compare(struct capacity_case *test, const struct answer *answer,
			   const struct fill *kernel)
{
	const struct capacity_result *result = &answer->result;
	bool tcp = test->type == SOCK_STREAM;

	check_sums(test, answer, kernel);
	if (must_be_exact(answer, &test->query) && !result->exact)
		complain(test, answer, kernel, "must be exact");
	if (strcmp(answer->collector, "bpf") == 0 && !(result->inexact_because & GAP_ORDER) &&
	    result->left_max - result->left > 1)
		complain(test, answer, kernel, "interval wider than one port");
	if (result->unlimited) {
		if (result->left && kernel->error)
			complain(test, answer, kernel, "refused, though ports can be shared");
		return;
	}
	if (kernel->count < result->left || kernel->count > result->left_max)
		complain(test, answer, kernel, "the kernel disagrees");
	else if (kernel->error != (tcp ? EADDRNOTAVAIL : EAGAIN))
		complain(test, answer, kernel, "refused with another errno than expected");
	check_ports(test, answer, kernel);
}
