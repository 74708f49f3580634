#include "run.h"

#include <stdio.h>

#include "json.h"
#include "number.h"

static void report_json(const struct eph_pool *pool, const struct eph_pool_counts *counts,
			struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "pool", eph_pool_describe(pool));
	json_uint(&json, "connections", counts->connections);
	json_uint(&json, "windows", counts->windows);
	json_uint(&json, "refused", counts->refused);
	json_uint(&json, "failed", counts->failed);
	json_uint(&json, "binds", counts->binds);
	json_uint(&json, "passed", counts->passed);
	json_end(&json);
}

static void add(struct strbuf *out, const char *name, uint64_t number, const char *meaning)
{
	if (number)
		strbuf_printf(out, "  %-9s %9s  %s\n", name, GROUPED(number), meaning);
}

static void report_text(const struct eph_pool *pool, const struct eph_pool_counts *counts,
			struct strbuf *out)
{
	uint64_t asked = counts->connections + counts->refused + counts->failed;
	char each[80];

	if (counts->refused)
		strbuf_printf(out, "ephemports run: %s refused for want of ports, %s made\n",
			      COUNTED(counts->refused, "connection"), GROUPED(counts->connections));
	else
		strbuf_printf(out, "ephemports run: %s made, none refused for want of ports\n",
			      COUNTED(counts->connections, "connection"));
	strbuf_printf(out, "  %s\n", eph_pool_describe(pool));
	snprintf(each, sizeof(each), "%.2f a connection; 1.00 is ideal",
		 asked ? (double)counts->windows / (double)asked : 0.0);
	add(out, "windows", counts->windows, each);
	add(out, "failed", counts->failed,
	    "for another reason: refused by the other side, no route");
	add(out, "bound", counts->binds, "ports to listen or to send from");
	add(out, "passed on", counts->passed,
	    "left to the kernel: the program's own choice, or not TCP");
	if (!asked && !counts->binds && !counts->passed)
		strbuf_puts(out, "  nothing was seen: no connection was made, or by programs that "
				 "none of this reaches (man ephemports-run)\n");
}

void run_report(const struct eph_pool *pool, const struct run_request *request, struct strbuf *out)
{
	struct eph_pool_counts counts = {.sz = sizeof(counts)};

	eph_pool_count(pool, &counts);
	if (request->json)
		report_json(pool, &counts, out);
	else
		report_text(pool, &counts, out);
}
