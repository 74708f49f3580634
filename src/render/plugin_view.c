#include <inttypes.h>

#include "printable.h"
#include "status_view.h"
#include "strbuf.h"

/* The fullest by what is certainly used; nothing in use is 0 %. */
static double used_of(const struct status_view *view)
{
	return view->verdict.worst ? verdict_percent(view->verdict.worst) : 0;
}

static double knee_of(const struct status_view *view)
{
	const struct usage_group *worst = view->verdict.worst;

	if (!worst || !worst->capacity || worst->netns >= view->usage->n_netns)
		return 50;
	return 100.0 * view->usage->netns[worst->netns].knee / worst->capacity;
}

void status_view_plugin(const struct status_view *view, struct strbuf *out)
{
	struct strbuf sentence = STRBUF_INIT, clean = STRBUF_INIT;
	const struct usage_group *worst = view->verdict.worst;
	uint64_t time_wait = 0;

	verdict_sentence(&view->verdict, view->snapshot, view->usage, &sentence);
	printable_puts(&clean, sentence.text);
	/* What follows the first | is performance data: none may come from a name. */
	for (size_t i = 0; i < clean.length; i++)
		if (clean.text[i] == '|')
			clean.text[i] = '/';
	strbuf_printf(out, "EPHEMPORTS %s - %s", verdict_word(view->verdict.level), clean.text);
	if (view->verdict.level != VERDICT_UNKNOWN) {
		for (size_t i = 0; i < view->usage->n_netns; i++)
			time_wait += view->usage->netns[i].time_wait;
		strbuf_printf(out, " | dst_used=%.0f%%;%.0f;85;0;100", used_of(view),
			      knee_of(view));
		if (worst)
			strbuf_printf(out, " dst_left=%" PRIu32 ";;;0;%" PRIu32, worst->left,
				      worst->capacity);
		strbuf_printf(out, " time_wait=%" PRIu64 " destinations=%zu", time_wait,
			      view->usage->groups + view->usage->other_groups);
	}
	strbuf_putc(out, '\n');
	strbuf_done(&sentence);
	strbuf_done(&clean);
}
