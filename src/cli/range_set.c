#include <errno.h>
#include <string.h>

#include "look.h"
#include "number.h"
#include "range.h"
#include "range_change.h"
#include "range_guard.h"
#include "range_waiting.h"

#define CONFIRM_SECONDS_MAX (24u * 3600)

static int wish_ports(const char *text, struct range_change *range, struct eph_error *reterr)
{
	uint64_t ports;
	uint32_t got;
	int r = look_positive(text, "--ports", UINT16_MAX, &ports, reterr);

	if (r == 0)
		r = os_wish_ports(os_find("linux"), (uint32_t)ports, &range->wish, reterr);
	if (r < 0)
		return r;
	got = port_range_width(range->wish);
	if (got != ports && got == 16384)
		range_change_note(range, false,
				  "%s: the recommended range has 16 384, more "
				  "than were asked for",
				  COUNTED(ports, "port"));
	else if (got != ports)
		range_change_note(range, false,
				  "%s were asked for: rounded up to an even number, %s",
				  COUNTED(ports, "port"), GROUPED(got));
	return 0;
}

static int parse_wish(const struct arguments *arguments, struct range_change *range,
		      struct eph_error *reterr)
{
	const char *ports = arguments_get(arguments, "ports");
	const char *name = arguments_get(arguments, "name");
	bool given = arguments->n_operands > 1;

	range->dry_run = arguments_has(arguments, "dry-run");
	range->persist = !arguments_has(arguments, "no-persist");
	if (name && strcmp(name, "regular") != 0)
		return error_set(reterr, -ENOENT, "range", "Linux has no %.20s range", name);
	if (arguments_has(arguments, "tcp") != arguments_has(arguments, "udp"))
		range_change_note(range, false, "Linux has one range for TCP and UDP: both change");
	if (range->reset)
		return 0;
	if (!given == !ports)
		return error_set(reterr, -EINVAL, "range",
				 "which range? either LOW-HIGH or --ports N");
	return given ? port_range_parse(arguments->operand[1], &range->wish, reterr)
		     : wish_ports(ports, range, reterr);
}

static int apply(struct change_session *session, struct range_change *range,
		 struct eph_error *reterr)
{
	return range->dry_run ? 0 : change_apply(&session->run, range->change, reterr);
}

/* A guard takes nothing back that was changed since. */
static void note_waiting(const struct change_session *session, struct range_change *range)
{
	struct strbuf text = STRBUF_INIT;

	range_waiting_here(session, &text);
	if (text.length)
		range_change_note(range, false, "%s", text.text);
	strbuf_done(&text);
}

static int change(const struct arguments *arguments, struct range_change *range,
		  struct outcome *outcome, struct eph_error *reterr)
{
	struct change_session session;
	int r = change_session_open(arguments, !range->dry_run, &session, reterr);

	if (r == 0 && !range->confirm_s)
		note_waiting(&session, range);
	if (r == 0)
		r = range_change_plan(&session, range, reterr);
	if (r == 0)
		r = apply(&session, range, reterr);
	outcome->changed = r == 0 && !range->dry_run && range->change->steps;
	if (r == 0)
		range_change_show(arguments, range, outcome);
	change_session_close(&session);
	return r;
}

static int run(const struct arguments *arguments, bool reset, struct outcome *outcome,
	       struct eph_error *reterr)
{
	const char *within = arguments_get(arguments, "confirm-within");
	struct range_change range = {.reset = reset};
	struct range_guard guard = RANGE_GUARD_NONE;
	uint64_t seconds = 0;
	int r = range_change_check(arguments, reterr);

	if (r == 0)
		r = parse_wish(arguments, &range, reterr);

	if (r == 0 && within)
		r = look_positive(within, "--confirm-within", CONFIRM_SECONDS_MAX, &seconds,
				  reterr);
	if (r == 0)
		r = range_change_begin(arguments, &range, reterr);
	range.persist &= !within;
	range.confirm_s = (unsigned)seconds;
	if (r == 0 && within && !range.dry_run)
		r = range_guard_arm(arguments, (unsigned)seconds, &guard, reterr);
	if (r == 0)
		r = change(arguments, &range, outcome, reterr);
	range_guard_tell(&guard, r == 0 && range.change->steps ? range.change : NULL);
	range_change_done(&range);
	return r;
}

int range_set(const struct arguments *arguments, struct outcome *outcome, struct eph_error *reterr)
{
	return run(arguments, false, outcome, reterr);
}

int range_reset(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr)
{
	return run(arguments, true, outcome, reterr);
}
