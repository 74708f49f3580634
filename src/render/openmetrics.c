#include "openmetrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "names.h"
#include "printable.h"
#include "strbuf.h"
#include "usage_result.h"
#include "verdict.h"

static void begin_metric(struct strbuf *out, const char *name, const char *help)
{
	strbuf_printf(out, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name);
}

/* A label value: made printable, so that it is one line of UTF-8, then backslash and quote escaped. */
static void add_escaped(struct strbuf *out, const char *text)
{
	struct strbuf clean = STRBUF_INIT;

	printable_puts(&clean, text);
	for (size_t i = 0; i < clean.length; i++) {
		if (clean.text[i] == '"' || clean.text[i] == '\\')
			strbuf_putc(out, '\\');
		strbuf_putc(out, clean.text[i]);
	}
	out->failed |= clean.failed;
	strbuf_done(&clean);
}

static void add_label(struct strbuf *out, const char *name, const char *value)
{
	if (out->length && out->text[out->length - 1] != '{')
		strbuf_putc(out, ',');
	strbuf_printf(out, "%s=\"", name);
	add_escaped(out, value);
	strbuf_putc(out, '"');
}

static const char *netns_label(const struct snapshot *snapshot, size_t netns)
{
	return netns < snapshot->n_netns ? snapshot->netns[netns].name : "";
}

/* Six decimals without the locale's idea of a decimal point. */
static void add_ratio(struct strbuf *out, double ratio)
{
	uint64_t millionths = ratio > 0 ? (uint64_t)llround(ratio * 1e6) : 0;

	strbuf_printf(out, " %" PRIu64 ".%06" PRIu64 "\n", millionths / 1000000,
		      millionths % 1000000);
}

/* Settings are per family elsewhere; Linux has one range for both, so both lines say the same. */
static void add_ranges(const struct snapshot *snapshot, const struct usage_result *usage,
		       struct strbuf *out)
{
	static const char *const family[] = {"ipv4", "ipv6"};

	begin_metric(out, "ephemports_range_ports", "Width of the ephemeral port range.");
	for (size_t i = 0; i < usage->n_netns; i++) {
		for (unsigned f = 0; f < 2; f++) {
			if (!(snapshot->netns[i].settings.known & SETTING_RANGE))
				continue;
			strbuf_puts(out, "ephemports_range_ports{");
			add_label(out, "family", family[f]);
			add_label(out, "netns", netns_label(snapshot, i));
			strbuf_printf(out, "} %" PRIu32 "\n", usage->netns[i].ports);
		}
	}
}

enum netns_metric {
	METRIC_RESERVED,
	METRIC_BLOCKED,
	METRIC_TIME_WAIT,
	METRIC_SOCKETS,
	NETNS_METRICS,
};

static uint64_t netns_value(const struct usage_netns *netns, enum netns_metric metric)
{
	switch (metric) {
	case METRIC_RESERVED:
		return netns->reserved;
	case METRIC_BLOCKED:
		return netns->blocked;
	case METRIC_TIME_WAIT:
		return netns->time_wait;
	case METRIC_SOCKETS:
		return netns->sockets;
	case NETNS_METRICS:
		break;
	}
	return 0;
}

static void add_netns_metrics(const struct snapshot *snapshot, const struct usage_result *usage,
			      struct strbuf *out)
{
	static const struct {
		const char *name, *help;
	} metric[NETNS_METRICS] = {
		[METRIC_RESERVED] = {"ephemports_reserved_ports",
				     "Ports of the range that are reserved."},
		[METRIC_BLOCKED] = {"ephemports_blocked_ports",
				    "Ports of the range that bound or listening TCP sockets keep "
				    "from connect()."},
		[METRIC_TIME_WAIT] = {"ephemports_time_wait_sockets", "TCP sockets in TIME_WAIT."},
		[METRIC_SOCKETS] = {"ephemports_read_sockets", "Sockets read for this report."},
	};

	for (unsigned m = 0; m < NETNS_METRICS; m++) {
		begin_metric(out, metric[m].name, metric[m].help);
		for (size_t i = 0; i < usage->n_netns; i++) {
			strbuf_printf(out, "%s{", metric[m].name);
			add_label(out, "netns", netns_label(snapshot, i));
			strbuf_printf(out, "} %" PRIu64 "\n",
				      netns_value(&usage->netns[i], (enum netns_metric)m));
		}
	}
	begin_metric(out, "ephemports_knee_ratio",
		     "Share of a destination's ports beyond which connect() searches long.");
	for (size_t i = 0; i < usage->n_netns; i++) {
		const struct usage_netns *netns = &usage->netns[i];
		uint32_t usable = netns->ports - netns->reserved - netns->blocked;

		if (!usable)
			continue;
		strbuf_puts(out, "ephemports_knee_ratio{");
		add_label(out, "netns", netns_label(snapshot, i));
		strbuf_putc(out, '}');
		add_ratio(out, (double)netns->knee / usable);
	}
}

static void add_max_ratio(const struct snapshot *snapshot, const struct usage_result *usage,
			  struct strbuf *out)
{
	begin_metric(out, "ephemports_max_destination_used_ratio",
		     "Share of ports certainly taken towards the fullest destination.");
	for (size_t i = 0; i < usage->n_netns; i++) {
		double most = 0;

		for (size_t g = 0; g < usage->groups; g++)
			if (usage->group[g].netns == i && verdict_percent(&usage->group[g]) > most)
				most = verdict_percent(&usage->group[g]);
		strbuf_puts(out, "ephemports_max_destination_used_ratio{");
		add_label(out, "netns", netns_label(snapshot, i));
		strbuf_putc(out, '}');
		add_ratio(out, most / 100);
	}
}

static void add_group_labels(const struct snapshot *snapshot, const struct usage_group *group,
			     struct strbuf *out)
{
	char text[IP_ADDRESS_TEXT_BYTES], port[8];

	snprintf(port, sizeof(port), "%u", group->key.remote_port);
	add_label(out, "netns", netns_label(snapshot, group->netns));
	add_label(out, "proto", name_protocol(group->key.protocol));
	add_label(out, "src", ip_address_format(&group->key.local, text));
	add_label(out, "dst", ip_address_format(&group->key.remote, text));
	add_label(out, "dport", port);
}

static void add_destinations(const struct snapshot *snapshot, const struct usage_result *usage,
			     size_t top, struct strbuf *out)
{
	size_t shown = usage->groups < top ? usage->groups : top;
	double rest = 0;

	begin_metric(out, "ephemports_destination_used_ratio",
		     "Share of ports certainly taken towards a destination; other: the fullest of "
		     "all others.");
	for (size_t i = 0; i < usage->groups; i++) {
		if (i >= shown) {
			rest = fmax(rest, verdict_percent(&usage->group[i]));
			continue;
		}
		strbuf_puts(out, "ephemports_destination_used_ratio{");
		add_group_labels(snapshot, &usage->group[i], out);
		strbuf_putc(out, '}');
		add_ratio(out, verdict_percent(&usage->group[i]) / 100);
	}
	if (shown < usage->groups) {
		strbuf_puts(out, "ephemports_destination_used_ratio{"
				 "netns=\"\",proto=\"\",src=\"\",dst=\"other\",dport=\"\"}");
		add_ratio(out, rest / 100);
	}
	begin_metric(out, "ephemports_destination_left_ports",
		     "Further connections to a destination that are certain to succeed.");
	for (size_t i = 0; i < shown; i++) {
		strbuf_puts(out, "ephemports_destination_left_ports{");
		add_group_labels(snapshot, &usage->group[i], out);
		strbuf_printf(out, "} %" PRIu32 "\n", usage->group[i].left);
	}
}

void openmetrics_write(const struct snapshot *snapshot, const struct usage_result *usage,
		       size_t top, struct strbuf *out)
{
	add_ranges(snapshot, usage, out);
	add_netns_metrics(snapshot, usage, out);
	add_max_ratio(snapshot, usage, out);
	add_destinations(snapshot, usage, top, out);
	begin_metric(out, "ephemports_destinations", "Destinations with outgoing connections.");
	strbuf_printf(out, "ephemports_destinations %" PRIu64 "\n",
		      usage->groups + usage->other_groups);
	begin_metric(out, "ephemports_collector_info", "Which collector answered.");
	strbuf_puts(out, "ephemports_collector_info{");
	add_label(out, "collector", snapshot->collector);
	add_label(out, "version", EPHEMPORTS_VERSION);
	strbuf_puts(out, "} 1\n");
	begin_metric(out, "ephemports_scrape_duration_seconds", "How long reading took.");
	strbuf_puts(out, "ephemports_scrape_duration_seconds");
	add_ratio(out, (double)snapshot->elapsed_us / 1e6);
}
