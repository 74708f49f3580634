#include "run.h"

#include <stdio.h>

#include "json.h"
#include "number.h"
#include "run_cgroup.h"

/* What was counted on either side. */
struct done {
	const char *pool;
	struct eph_pool_counts library;
	struct run_cgroup_counts cgroup;
	bool has_cgroup;
	const char *without;
};

static void cgroup_json(struct json *json, const struct done *done)
{
	if (!done->has_cgroup) {
		json_null(json, "cgroup");
		if (*done->without)
			json_string(json, "no_cgroup_because", done->without);
		return;
	}
	json_object(json, "cgroup");
	json_uint(json, "bound", done->cgroup.bound);
	json_uint(json, "refused", done->cgroup.refused);
	json_uint(json, "failed", done->cgroup.failed);
	json_uint(json, "kept", done->cgroup.kept);
	json_end(json);
}

static void report_json(const struct done *done, struct strbuf *out)
{
	const struct eph_pool_counts *counts = &done->library;
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_string(&json, "pool", done->pool);
	json_uint(&json, "connections", counts->connections);
	json_uint(&json, "windows", counts->windows);
	json_uint(&json, "refused", counts->refused);
	json_uint(&json, "failed", counts->failed);
	json_uint(&json, "binds", counts->binds);
	json_uint(&json, "passed", counts->passed);
	cgroup_json(&json, done);
	json_end(&json);
}

static void add(struct strbuf *out, const char *name, uint64_t number, const char *meaning)
{
	if (number)
		strbuf_printf(out, "  %-9s %9s  %s\n", name, GROUPED(number), meaning);
}

/* A refusal counts as one for want of ports on either side; BPF does not know better. */
static void report_heading(const struct done *done, struct strbuf *out)
{
	uint64_t refused = done->library.refused + done->cgroup.refused;
	uint64_t made = done->library.connections + done->cgroup.bound - done->cgroup.refused;

	if (refused)
		strbuf_printf(out, "ephemports run: %s refused for want of ports, %s made\n",
			      COUNTED(refused, "connection"), GROUPED(made));
	else
		strbuf_printf(out, "ephemports run: %s made, none refused for want of ports\n",
			      COUNTED(made, "connection"));
	strbuf_printf(out, "  %s\n", done->pool);
}

/* Of programs that the library was not loaded into. */
static void report_cgroup(const struct done *done, struct strbuf *out)
{
	if (*done->without)
		strbuf_printf(out, "  static programs get no source address: %s\n", done->without);
	add(out, "by BPF", done->cgroup.bound,
	    "connections of static programs and the like that were given a source");
	add(out, "refused", done->cgroup.refused, "of these found no port, or no route");
	add(out, "no source", done->cgroup.failed,
	    "of theirs did not take it: not an address of their network namespace");
}

static void report_text(const struct done *done, struct strbuf *out)
{
	const struct eph_pool_counts *counts = &done->library;
	uint64_t asked = counts->connections + counts->refused + counts->failed;
	char each[80];

	report_heading(done, out);
	snprintf(each, sizeof(each), "%.2f a connection; 1.00 is ideal",
		 asked ? (double)counts->windows / (double)asked : 0.0);
	add(out, "windows", counts->windows, each);
	add(out, "failed", counts->failed,
	    "for another reason: refused by the other side, no route");
	add(out, "bound", counts->binds, "ports to listen or to send from");
	add(out, "passed on", counts->passed,
	    "left to the kernel: the program's own choice, or not TCP");
	report_cgroup(done, out);
	if (!asked && !counts->binds && !counts->passed && !done->cgroup.bound &&
	    !done->cgroup.failed && !done->cgroup.kept)
		strbuf_puts(out, "  nothing was seen: no connection was made, or by programs that "
				 "none of this reaches (man ephemports-run)\n");
}

void run_report(const struct eph_pool *pool, const struct run_cgroup *cgroup, const char *without,
		const struct run_request *request, struct strbuf *out)
{
	struct done done = {.pool = eph_pool_describe(pool),
			    .library.sz = sizeof(done.library),
			    .has_cgroup = cgroup,
			    .without = without};

	eph_pool_count(pool, &done.library);
	if (cgroup)
		run_cgroup_count(cgroup, &done.cgroup);
	if (request->json)
		report_json(&done, out);
	else
		report_text(&done, out);
}
