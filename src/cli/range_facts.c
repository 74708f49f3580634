#include <errno.h>

#include "facts_view.h"
#include "look.h"
#include "range.h"
#include "system.h"

#define SYSTEMS_MAX 32u

static struct facts_view view_of(const struct os_system *system)
{
	return (struct facts_view){
		.name = system->name,
		.title = system->title,
		.because = system->because,
		.spec = system->spec,
		.specs = system->specs,
		.fallback = system->fallback,
		.facts = system->facts,
	};
}

static size_t choose(const char *name, struct facts_view view[SYSTEMS_MAX])
{
	size_t count = 0;

	if (name) {
		const struct os_system *system = os_find(name);

		if (system)
			view[count++] = view_of(system);
		return count;
	}
	for (size_t i = 0; os_systems[i] && count < SYSTEMS_MAX; i++)
		view[count++] = view_of(os_systems[i]);
	return count;
}

int range_facts(const struct arguments *arguments, struct outcome *outcome,
		struct eph_error *reterr)
{
	const char *name = arguments->n_operands > 1 ? arguments->operand[1] : NULL;
	struct screen screen = look_screen();
	struct facts_view view[SYSTEMS_MAX];
	size_t count = choose(name, view);

	if (!count)
		return error_set(reterr, -EINVAL, "range",
				 "'%.60s' is no system that is known here: see range facts", name);
	if (arguments_has(arguments, "markdown") && !name)
		return error_set(reterr, -EINVAL, "range", "--markdown needs one system");
	if (arguments_has(arguments, "markdown"))
		facts_view_markdown(view, &outcome->text);
	else if (arguments_has(arguments, "json"))
		facts_view_json(view, count, &outcome->text);
	else if (name)
		facts_view_text(view, &screen, &outcome->text);
	else
		facts_view_table(view, count, &screen, &outcome->text);
	return 0;
}
