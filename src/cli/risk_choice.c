#include "risk_choice.h"

#include <errno.h>
#include <string.h>

#include "error.h"
#include "text_accepted.h"

static bool next_id(struct text_span *rest, struct text_span *ret)
{
	while (rest->length) {
		if (!text_split(*rest, ',', ret, rest)) {
			*ret = text_trim(*rest);
			rest->length = 0;
		}
		if (ret->length)
			return true;
	}
	return false;
}

static bool list_has(const char *list, const char *id)
{
	struct text_span rest = {list, strlen(list)}, one;

	while (next_id(&rest, &one))
		if (text_is(one, id))
			return true;
	return false;
}

static bool is_known(struct text_span id)
{
	for (const struct risk_id *known = risk_ids; known->id; known++)
		if (text_is(id, known->id))
			return true;
	return false;
}

int risk_choice_check(const char *list, const char *option, struct eph_error *reterr)
{
	struct text_span rest = {list, strlen(list)}, one;

	if (!next_id(&rest, &one))
		return error_set(reterr, -EINVAL, option, "expected the id of a risk");
	do
		if (!is_known(one))
			return error_set(reterr, -EINVAL, option,
					 "'%.*s' is no risk: ephemports-check(1) lists them",
					 (int)(one.length < 40 ? one.length : 40), one.start);
	while (next_id(&rest, &one));
	return 0;
}

void risk_choice_apply(struct risks_result *risks, const char *only, const char *ignore)
{
	for (size_t i = risks->count; i-- > 0;) {
		const char *id = risks->risk[i].id;

		if ((only && !list_has(only, id)) || (ignore && list_has(ignore, id)))
			risks_result_drop(risks, i);
	}
}

static int accept_one(struct risks_result *risks, struct text_span id, struct text_span reason)
{
	for (size_t i = 0; i < risks->count; i++) {
		struct risk *risk = &risks->risk[i];

		if (risk->accepted_because || !text_is(id, risk->id))
			continue;
		risk->accepted_because = text_copy(reason);
		if (!risk->accepted_because)
			return -ENOMEM;
	}
	return 0;
}

int risk_choice_accept(struct risks_result *risks, const struct file_list *files)
{
	struct text_span id, reason;
	int r = 0;

	for (size_t i = 0; i < files->count; i++) {
		struct text_lines lines =
			text_lines(files->file[i].text, files->file[i].length, false);

		while (r == 0 && files->file[i].kind == FILE_ACCEPTED &&
		       text_accepted_next(&lines, &id, &reason))
			r = accept_one(risks, id, reason);
	}
	return r;
}
