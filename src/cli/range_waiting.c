#include "range_waiting.h"

#include <stdio.h>
#include <time.h>

#include "change_view.h"
#include "range_guard.h"
#include "range_remote_guard.h"

void range_waiting_here(const struct change_session *session, struct strbuf *out)
{
	struct change_session place = *session;
	struct range_pending pending;
	struct strbuf options = STRBUF_INIT;

	if (journal_open(JOURNAL_READ, &place.journal, NULL) < 0)
		return;
	if (range_pending_read(&place, &pending, NULL) == 0) {
		change_view_place(&place.local.runner.place, &options);
		strbuf_printf(out, "%u-%u waits for ephemports range confirm", pending.range.lo,
			      pending.range.hi);
		strbuf_puts(out, options.text);
		if (!range_pending_guarded(&place))
			strbuf_printf(out,
				      ", but its guard is gone: nothing takes it back except a "
				      "reboot, or ephemports range undo%s",
				      options.text);
	}
	strbuf_done(&options);
	journal_close(place.journal);
}

void range_waiting_there(const char *host, struct strbuf *out)
{
	struct journal *journal = NULL;
	struct range_waiting waiting;
	char when[32] = "?";
	struct tm until;
	time_t seconds;

	if (journal_open(JOURNAL_READ, &journal, NULL) < 0)
		return;
	if (range_waiting_read(journal_path(journal), host, &waiting, NULL) == 0) {
		seconds = (time_t)waiting.until_s;
		if (localtime_r(&seconds, &until))
			strftime(when, sizeof(when), "%H:%M:%S", &until);
		strbuf_printf(out,
			      seconds >= time(NULL)
				      ? "%u-%u is taken back at %s, unless ephemports range "
					"confirm --host %s"
				      : "%u-%u was to be taken back at %s: the next change of %s "
					"tells what became of it.",
			      waiting.range.lo, waiting.range.hi, when, host);
	}
	journal_close(journal);
}
