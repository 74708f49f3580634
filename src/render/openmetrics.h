/*
 * The state of a host as Prometheus text format, for node_exporter's textfile collector and for scraping. Names follow
 * docs/metrics.md. Labels are bounded: destinations beyond @top are one series "other"; no local port is ever a label.
 */
#ifndef EPH_RENDER_OPENMETRICS_H
#define EPH_RENDER_OPENMETRICS_H

#include <stddef.h>

struct snapshot;
struct strbuf;
struct usage_result;

#define OPENMETRICS_TOP 30u

/* @usage: by destination, sorted. */
void openmetrics_write(const struct snapshot *snapshot, const struct usage_result *usage,
		       size_t top, struct strbuf *out);

#endif
