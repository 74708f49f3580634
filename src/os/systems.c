#include "systems.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

const struct os_system *const os_systems[] = {
#define OS_SYSTEM(name) &os_##name,
#include "systems.def"
#undef OS_SYSTEM
	NULL,
};

const struct os_system *os_find(const char *name)
{
	for (const struct os_system *const *system = os_systems; *system; system++)
		if (strcmp((*system)->name, name) == 0)
			return *system;
	return NULL;
}

/* The number that a version begins with, moving behind it and its dot; false when there is none. */
static bool next_part(const char **at, uint32_t *ret)
{
	uint32_t number = 0;

	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; (*at)++)
		number = number > 99999999 ? number : number * 10 + (uint32_t)(**at - '0');
	if (**at == '.')
		(*at)++;
	*ret = number;
	return true;
}

int os_version_compare(const char *release, const char *version)
{
	uint32_t have, want;

	release += strcspn(release, "0123456789");
	while (next_part(&version, &want)) {
		if (!next_part(&release, &have))
			have = 0;
		if (have != want)
			return have < want ? -1 : 1;
	}
	return 0;
}

static bool in_releases(const struct os_default *fallback, const char *release)
{
	return (!*fallback->since || os_version_compare(release, fallback->since) >= 0) &&
	       (!*fallback->until || os_version_compare(release, fallback->until) <= 0);
}

const struct os_default *os_default_of(const struct os_system *system, const char *release,
				       enum os_range_name name)
{
	bool unknown = !release[strcspn(release, "0123456789")];

	for (const struct os_default *fallback = system->fallback; fallback->source; fallback++)
		if (fallback->name == name &&
		    (unknown ? !*fallback->until : in_releases(fallback, release)))
			return fallback;
	return NULL;
}

/* The number in the brackets of `ver`, whatever words stand around it: [Version 10.0.19045.3803]. NT 4 has no brackets. */
static bool windows_version(struct text_span line, struct text_span *ret)
{
	const char *bracket = memchr(line.start, '[', line.length);
	const char *end = line.start + line.length, *at = bracket ? bracket : line.start;

	while (at < end && (*at < '0' || *at > '9'))
		at++;
	if (at == end)
		return false;
	*ret = (struct text_span){at, 0};
	while (at < end && ((*at >= '0' && *at <= '9') || *at == '.'))
		at++;
	ret->length = (size_t)(at - ret->start);
	return true;
}

/* Among what AutoRun of cmd.exe prints first. */
static bool find_windows(struct text_span text, struct text_span *ret_release)
{
	struct text_lines lines = text_lines(text.start, text.length, false);
	struct text_span line;

	while (text_line_next(&lines, &line))
		if ((text_begins(line, "Microsoft Windows") || text_begins(line, "Windows NT")) &&
		    windows_version(line, ret_release))
			return true;
	return false;
}

/* Only what a release is made of: this ends up on terminals and in commands' arguments. */
static void keep_release(struct text_span release, char *ret, size_t bytes)
{
	size_t length = 0;

	for (size_t i = 0; i < release.length && length + 1 < bytes; i++) {
		unsigned char c = (unsigned char)release.start[i];

		ret[length++] = (char)(c > ' ' && c < 0x7f ? c : '?');
	}
	ret[length] = '\0';
}

static struct text_span rest_of_line(struct text_span rest)
{
	const char *end = rest.length ? memchr(rest.start, '\n', rest.length) : NULL;

	if (end)
		rest.length = (size_t)(end - rest.start);
	return text_trim(rest);
}

/* AIX has the version in -v and the release in -r: 7.3 comes as "3 7". */
static void join_release(const struct os_system *system, struct text_span release,
			 struct text_span version, char *ret, size_t bytes)
{
	char front[16], back[16];

	if (strcmp(system->name, "aix") != 0 || !version.length) {
		keep_release(release, ret, bytes);
		return;
	}
	keep_release(version, front, sizeof(front));
	keep_release(release, back, sizeof(back));
	snprintf(ret, bytes, "%s.%s", front, back);
}

/* Cygwin, MSYS and MinGW: CYGWIN_NT-10.0-19045, MINGW64_NT-10.0. netsh is there as in cmd.exe; older Windows has only reg,
 * whose words their shells change. */
static bool find_windows_shell(struct text_span name, struct text_span *ret_release)
{
	const char *release = memmem(name.start, name.length, "_NT-", 4);

	if (!release || (!text_begins(name, "CYGWIN") && !text_begins(name, "MSYS") &&
			 !text_begins(name, "MINGW")))
		return false;
	release += 4;
	*ret_release = (struct text_span){release, (size_t)(name.start + name.length - release)};
	return *release != '5' && *release != '4';
}

/* OpenSolaris: ndd and a start script, as before. */
static const struct os_system *without_ipadm(const struct os_system *system)
{
	return system == &os_illumos || system == &os_solaris11 ? &os_solaris10 : system;
}

const struct os_system *os_identify(const char *text, size_t length, char *ret_release,
				    size_t bytes)
{
	struct text_span rest = text_trim((struct text_span){text, length});
	struct text_span name = {"", 0}, release = {"", 0}, version = {"", 0};

	if (find_windows(rest, &release)) {
		name = (struct text_span){"Windows", 7};
	} else {
		if (!text_word_next(&rest, &name) || !text_word_next(&rest, &release))
			return NULL;
		version = rest_of_line(text_trim(rest));
		if (find_windows_shell(name, &release))
			name = (struct text_span){"Windows", 7};
	}
	for (const struct os_system *const *system = os_systems; *system; system++)
		if ((*system)->is(name, release, version)) {
			join_release(*system, release, version, ret_release, bytes);
			return memmem(text, length, "\n" OS_NO_IPADM, sizeof(OS_NO_IPADM))
				       ? without_ipadm(*system)
				       : *system;
		}
	return NULL;
}

enum os_store os_kept_next_boot(const struct os_state *state)
{
	(void)state;
	return OS_NEXT_BOOT;
}

enum os_store os_kept_both(const struct os_state *state)
{
	(void)state;
	return OS_BOTH;
}

static void begin_range(struct os_state *state, const struct os_range_spec *spec)
{
	struct os_range *range = &state->range[state->ranges++];

	*range = (struct os_range){.spec = spec,
				   .value = {OS_UNREAD, OS_UNREAD},
				   .boot_value = {OS_UNREAD, OS_UNREAD}};
	range->built_in = os_default_of(state->system, state->release, spec->name);
	if ((state->system->flags & OS_FIXED) && range->built_in) {
		range->value[OS_END_LOW] = range->built_in->range.lo;
		range->value[OS_END_HIGH] = range->built_in->range.hi;
	}
}

static struct port_range between(const uint32_t value[2])
{
	uint16_t a = (uint16_t)value[OS_END_LOW], b = (uint16_t)value[OS_END_HIGH];

	return a <= b ? (struct port_range){a, b} : (struct port_range){b, a};
}

static void settle_boot(struct os_range *range)
{
	uint32_t boot[2] = {range->boot_value[0], range->boot_value[1]};

	if (boot[0] == OS_UNREAD && boot[1] == OS_UNREAD) {
		range->boot_known = range->boot_told && range->built_in;
		if (range->boot_known)
			range->boot = range->built_in->range;
		return;
	}
	range->boot_set = true;
	for (int end = 0; end < 2; end++)
		if (boot[end] == OS_UNREAD && range->built_in)
			boot[end] = end == OS_END_LOW ? range->built_in->range.lo
						      : range->built_in->range.hi;
	if (boot[0] > UINT16_MAX || boot[1] > UINT16_MAX)
		return;
	range->boot_known = true;
	range->boot = between(boot);
}

void os_range_settle(const struct os_state *state, struct os_range *range)
{
	range->known = range->value[0] <= UINT16_MAX && range->value[1] <= UINT16_MAX;
	if (range->known)
		range->now = between(range->value);
	range->settable = range->known && !(state->system->flags & OS_FIXED) && range->spec->high;
	settle_boot(range);
	if (range->boot_set && !*range->where && state->system->kept_in &&
	    state->system->kept_by(state) != OS_RUNNING)
		snprintf(range->where, sizeof(range->where), "%s", state->system->kept_in);
}

/* Of a text without a release: the default that it shows, if it is one of any release. */
static void guess_default(struct os_state *state, struct os_range *range)
{
	for (const struct os_default *fallback = state->system->fallback;
	     !*state->release && range->known && fallback->source; fallback++)
		if (fallback->name == range->spec->name && fallback->range.lo == range->now.lo &&
		    fallback->range.hi == range->now.hi) {
			range->built_in = fallback;
			return;
		}
}

/* Of what was read, that which can be changed. What a reboot ends by itself belongs to drivers where there are rows. */
static void link_lists(struct os_state *state)
{
	for (size_t i = 0; i < state->reserveds; i++) {
		struct os_reserved *reserved = &state->reserved[i];
		const struct os_list *list = state->system->list;

		for (; list && list->setting; list++)
			if (strcmp(list->setting, reserved->setting) == 0 &&
			    (reserved->lasting || !list->rows))
				reserved->list = list;
	}
}

int os_parse(const struct os_system *system, const char *release, const struct os_outputs *outputs,
	     struct os_state *ret, struct eph_error *reterr)
{
	bool any = false;

	memset(ret, 0, sizeof(*ret));
	ret->system = system;
	snprintf(ret->release, sizeof(ret->release), "%s", release);
	for (size_t i = 0; i < system->specs && i < OS_RANGES_MAX; i++)
		begin_range(ret, &system->spec[i]);
	for (size_t i = 0; i < outputs->count && system->parse; i++)
		system->parse(ret, &outputs->output[i]);
	link_lists(ret);
	for (size_t i = 0; i < ret->ranges; i++) {
		os_range_settle(ret, &ret->range[i]);
		guess_default(ret, &ret->range[i]);
		any |= ret->range[i].known;
	}
	return any ? 0
		   : error_set(reterr, -ENODATA, "range",
			       "no range of %s in this text: expected the output of %s",
			       system->title, system->facts->show);
}

bool os_set_command(const struct os_state *state, const struct os_step *step, struct strbuf *out)
{
	size_t before = out->length;

	if (state->system->set)
		state->system->set(state, step, out);
	return out->length > before;
}

void os_edits_done(struct os_edits *edits)
{
	for (size_t i = 0; i < edits->count; i++) {
		free(edits->edit[i].path);
		free(edits->edit[i].text);
		free(edits->edit[i].link_to);
	}
	*edits = (struct os_edits){.count = 0};
}
