/* What files say of a setting, against each other and against what runs. */
#include <string.h>

#include "alloc.h"
#include "host_risks_search.h"
#include "strbuf.h"
#include "text_sysctl.h"
#include "text_sysctl_conf.h"

#define LAST_NAME   "zz-ephemports.conf" /* sorts behind what others write */
#define LAST_FILE   "/etc/sysctl.d/" LAST_NAME
#define LINES_SHOWN 8u
#define VALUE_SHOWN 60

enum value_kind {
	VALUE_RANGE,
	VALUE_PORTS,
	VALUE_NUMBER,
};

struct setting {
	const char *key;
	enum value_kind kind;
	enum setting_known bit;
	size_t offset;              /* of the number in struct settings */
	const char *kernel_default; /* NULL: differs between hosts, or does not matter */
};

static const struct setting settings[] = {
	{"net.ipv4.ip_local_port_range", VALUE_RANGE, SETTING_RANGE, 0, "32768 60999"},
	{"net.ipv4.ip_local_reserved_ports", VALUE_PORTS, SETTING_RESERVED, 0, ""},
	{"net.ipv4.ip_unprivileged_port_start", VALUE_NUMBER, SETTING_UNPRIVILEGED_START,
	 offsetof(struct settings, unprivileged_start), NULL},
	{"net.ipv4.tcp_tw_reuse", VALUE_NUMBER, SETTING_TW_REUSE,
	 offsetof(struct settings, tw_reuse), NULL},
	{"net.ipv4.tcp_fin_timeout", VALUE_NUMBER, SETTING_FIN_TIMEOUT,
	 offsetof(struct settings, fin_timeout_s), NULL},
	{"net.ipv4.tcp_max_tw_buckets", VALUE_NUMBER, SETTING_MAX_TW_BUCKETS,
	 offsetof(struct settings, max_tw_buckets), NULL},
	{"net.ipv4.tcp_timestamps", VALUE_NUMBER, SETTING_TIMESTAMPS,
	 offsetof(struct settings, timestamps), NULL},
};

/* The value as the kernel would show it, "" when it would refuse it (an empty list of ports is "" too). */
static void format_running(const struct setting *setting, const struct settings *running,
			   struct strbuf *out)
{
	uint32_t number;

	switch (setting->kind) {
	case VALUE_RANGE:
		strbuf_printf(out, "%u %u", running->range.lo, running->range.hi);
		return;
	case VALUE_PORTS:
		port_set_format(&running->reserved, out);
		return;
	case VALUE_NUMBER:
		memcpy(&number, (const char *)running + setting->offset, sizeof(number));
		strbuf_printf(out, "%u", number);
		return;
	}
}

/* Would the kernel take @value? Then how it would show it, in @out. */
static bool normalise(const struct setting *setting, struct text_span value, struct strbuf *out)
{
	struct settings parsed = {0};
	uint32_t number;

	switch (setting->kind) {
	case VALUE_RANGE:
		if (text_sysctl_range_written(value.start, value.length, &parsed.range) < 0 ||
		    parsed.range.lo == 0)
			return false;
		break;
	case VALUE_PORTS:
		if (port_set_parse(value.start, value.length, &parsed.reserved, NULL) < 0)
			return false;
		break;
	case VALUE_NUMBER:
		if (text_sysctl_number(value.start, value.length, INT32_MAX, &number) < 0)
			return false;
		memcpy((char *)&parsed + setting->offset, &number, sizeof(number));
		break;
	}
	format_running(setting, &parsed, out);
	return true;
}

/* The kernel refuses a range that begins below the unprivileged ports. */
static bool refused(const struct setting *setting, const struct settings *running,
		    const char *normal)
{
	struct port_range range;

	return setting->kind == VALUE_RANGE && (running->known & SETTING_UNPRIVILEGED_START) &&
	       text_sysctl_range(normal, strlen(normal), &range) == 0 &&
	       range.lo < running->unprivileged_start;
}

struct file_view {
	struct sysctl_line systemd, procps;
	bool has_systemd, has_procps;
	bool differ; /* some line says something else than the winner */
};

static const struct sysctl_line *winner(const struct file_view *view)
{
	return view->has_systemd ? &view->systemd : &view->procps;
}

static bool differs(const struct setting *setting, struct text_span a, struct text_span b)
{
	struct strbuf left = STRBUF_INIT, right = STRBUF_INIT;
	bool same = normalise(setting, a, &left) && normalise(setting, b, &right)
			    ? strcmp(left.text, right.text) == 0
			    : text_sysctl_conf_same(a, b);

	strbuf_done(&left);
	strbuf_done(&right);
	return !same;
}

static void add_line(struct host_search *search, struct risk *risk, const struct file_view *view,
		     const struct sysctl_line *line)
{
	const char *verdict = "overridden";

	if (view->has_systemd && line->file == view->systemd.file &&
	    line->line == view->systemd.line)
		verdict = "wins";
	else if (line->file->kind == FILE_SYSCTL_PROCPS)
		verdict = view->has_procps && line->file == view->procps.file &&
					  line->line == view->procps.line
				  ? "sysctl --system reads it last; systemd-sysctl does not read it"
				  : "overridden";
	risk_evidence(search->result, risk, "%s:%u says %.*s%s (%s)", line->file->path, line->line,
		      line->value.length > VALUE_SHOWN ? VALUE_SHOWN : (int)line->value.length,
		      line->value.start, line->value.length > VALUE_SHOWN ? "..." : "", verdict);
}

/* Calls add_line() for every line that sets @key; with @risk NULL only compares. */
static void walk(struct host_search *search, const struct setting *setting, struct file_view *view,
		 struct risk *risk)
{
	const struct file_list *files = search->config->files;
	struct sysctl_line line;
	unsigned shown = 0;

	for (size_t i = 0; i < files->count; i++) {
		const struct file_text *file = &files->file[i];
		struct text_lines lines = text_lines(file->text, file->length, false);

		if (file->kind != FILE_SYSCTL && file->kind != FILE_SYSCTL_PROCPS)
			continue;
		while (text_sysctl_conf_next(&lines, setting->key, &line)) {
			line.file = file;
			if (!line.value.start)
				continue;
			view->differ |= differs(setting, line.value, winner(view)->value);
			if (risk && shown++ < LINES_SHOWN)
				add_line(search, risk, view, &line);
		}
	}
}

/* A package's file is replaced with its next version, one below /run is written anew: a value belongs behind it. */
static bool belongs_behind(const struct sysctl_line *line)
{
	return strncmp(line->file->path, "/etc/", 5) != 0 &&
	       strcmp(file_list_name(line->file), LAST_NAME) < 0;
}

/* Nothing is wrong now; a change should not go where it has no effect. */
static void advise_new_value(struct host_search *search, struct risk *risk,
			     const struct sysctl_line *line)
{
	if (belongs_behind(line))
		risk_advice(search->result, risk, NULL,
			    "delete the lines that do not win; a new value belongs in " LAST_FILE
			    ", read after %s, which is not yours to edit",
			    line->file->path);
	else
		risk_advice(
			search->result, risk, NULL,
			"delete the lines that do not win; a new value belongs in line %u of %s",
			line->line, line->file->path);
}

/* The files' list is made what runs now: what it lacks is added, what it has beyond that is taken out. */
static void advise_own_ports(struct host_search *search, struct risk *risk,
			     const struct port_set *boot)
{
	const struct port_set *running = &search->netns->settings.reserved;
	struct port_set missing = *running, excess = *boot;
	struct strbuf list = STRBUF_INIT;

	port_set_remove_set(&missing, boot);
	port_set_remove_set(&excess, running);
	if (port_set_count(&excess)) {
		port_set_format(&excess, &list);
		risk_advice(search->result, risk,
			    risk_command(search->result, "ephemports reserve remove %s", list.text),
			    "to keep what runs now, take out what it does not have");
	}
	strbuf_clear(&list);
	if (port_set_count(&missing)) {
		port_set_format(&missing, &list);
		risk_advice(search->result, risk,
			    risk_command(search->result, "ephemports reserve add %s", list.text),
			    "to keep what runs now, write it where it wins");
	}
	strbuf_done(&list);
}

/* Ours find the right file, and can be undone. @boot: NULL when the files say what cannot be. */
static bool advise_own_command(struct host_search *search, struct risk *risk,
			       const struct setting *setting, const char *boot)
{
	struct port_range range = search->netns->settings.range;
	struct port_set ports;

	if (setting->kind == VALUE_RANGE) {
		risk_advice(
			search->result, risk,
			risk_range_command(search->result, search->snapshot, 0, range.lo, range.hi),
			"to keep what runs now (%u-%u), write it where it wins", range.lo,
			range.hi);
		return true;
	}
	if (!boot || port_set_parse(boot, strlen(boot), &ports, NULL) < 0)
		return false;
	advise_own_ports(search, risk, &ports);
	return true;
}

/* Where a value has to be written to hold after the next boot. */
static void advise_place(struct host_search *search, struct risk *risk,
			 const struct setting *setting, const struct file_view *view,
			 const char *value, const char *boot)
{
	const struct sysctl_line *line = view->has_procps ? &view->procps : winner(view);
	char *command = NULL;

	if (setting->kind != VALUE_NUMBER && advise_own_command(search, risk, setting, boot))
		return;
	if (belongs_behind(line)) {
		command = risk_command(search->result, "echo '%s = %s' >> " LAST_FILE, setting->key,
				       value);
		risk_advice(search->result, risk, command,
			    "to keep what runs now (%s), write it where it wins: in " LAST_FILE
			    ", read after %s, which is not yours to edit",
			    *value ? value : "none", line->file->path);
		return;
	}
	if (host_risks_is_plain(line->file->path) && !line->pattern)
		command = risk_command(search->result, "sed -i '%us/.*/%s = %s/' %s", line->line,
				       setting->key, value, line->file->path);
	risk_advice(search->result, risk, command,
		    "to keep what runs now (%s), write it where it wins: line %u of %s",
		    *value ? value : "none", line->line, line->file->path);
}

static void report(struct host_search *search, const struct setting *setting,
		   struct file_view *view, const char *running, const char *boot, bool invalid)
{
	const struct sysctl_line *line = winner(view);
	const char *name = setting->key + strlen("net.ipv4.");
	bool drifted = invalid || strcmp(running, boot) != 0;
	bool readers = view->has_procps && view->has_systemd &&
		       differs(setting, view->procps.value, view->systemd.value);
	struct risk *risk;

	if (!drifted && !view->differ)
		return;
	if (invalid)
		risk = risk_list_add(search->result, 0, "sysctl-files-disagree", RISK_WARNING,
				     "%s: the kernel refuses what %s:%u says, so it stays as it is",
				     name, line->file->path, line->line);
	else if (drifted)
		risk = risk_list_add(search->result, 0, "sysctl-files-disagree", RISK_WARNING,
				     "%s is %s now and %s after the next boot: %s:%u wins", name,
				     *running ? running : "empty", *boot ? boot : "empty",
				     line->file->path, line->line);
	else
		risk = risk_list_add(search->result, 0, "sysctl-files-disagree",
				     readers ? RISK_WARNING : RISK_INFO,
				     "files set %s to different values: %s:%u wins", name,
				     line->file->path, line->line);
	walk(search, setting, view, risk);
	risk_evidence(search->result, risk, "running: %s", *running ? running : "empty");
	if (drifted)
		advise_place(search, risk, setting, view, running, invalid ? NULL : boot);
	if (drifted && !invalid)
		risk_advice(search->result, risk,
			    risk_command(search->result, "sysctl -w %s=\"%s\"", setting->key, boot),
			    "to have now what the files say");
	if (!drifted)
		advise_new_value(search, risk, view->has_procps ? &view->procps : line);
}

static char *keep_command(struct host_search *search, const struct setting *setting,
			  const char *running)
{
	struct port_range range = search->netns->settings.range;

	if (setting->kind == VALUE_RANGE)
		return risk_range_command(search->result, search->snapshot, 0, range.lo, range.hi);
	if (setting->kind == VALUE_PORTS)
		return risk_command(search->result, "ephemports reserve add %s", running);
	return risk_command(search->result, "echo '%s = %s' >> /etc/sysctl.d/90-ephemports.conf",
			    setting->key, running);
}

static void report_unkept(struct host_search *search, const struct setting *setting,
			  const char *running)
{
	struct risk *risk = risk_list_add(search->result, 0, "setting-not-persisted", RISK_INFO,
					  "%s is %.*s%s now and no file keeps it after a reboot",
					  setting->key + strlen("net.ipv4."), VALUE_SHOWN,
					  *running ? running : "empty",
					  strlen(running) > VALUE_SHOWN ? "..." : "");

	risk_evidence(search->result, risk, "no line in sysctl.d or /etc/sysctl.conf sets it");
	risk_advice(search->result, risk, keep_command(search, setting, running), "keep it");
}

/* The settings of a namespace end with it, and no file of the host is about them. */
static void report_foreign(struct host_search *search, const struct setting *setting,
			   const char *running)
{
	const char *key = setting->key, *name = key + strlen("net.ipv4.");
	struct risk *risk = risk_list_add(search->result, 0, "setting-not-persisted", RISK_INFO,
					  "%s is %.*s%s in this namespace and ends with it", name,
					  VALUE_SHOWN, *running ? running : "empty",
					  strlen(running) > VALUE_SHOWN ? "..." : "");

	risk_evidence(search->result, risk,
		      "a new namespace begins with %s, whatever the host's files say",
		      *setting->kernel_default ? setting->kernel_default : "none");
	risk_advice(search->result, risk, NULL,
		    "keep it where the namespace is made: docker run --sysctl %s=\"%s\"", key,
		    running);
	risk_advice(search->result, risk, NULL, "or of a pod: securityContext.sysctls, name %s",
		    key);
	risk_advice(search->result, risk, NULL,
		    "or of a systemd unit with a network namespace: ExecStartPre=+sysctl -w "
		    "%s=\"%s\" in it",
		    key, running);
}

void host_risks_of_foreign_settings(struct host_search *search)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		struct strbuf running = STRBUF_INIT;

		if (!settings[i].kernel_default ||
		    !(search->netns->settings.known & settings[i].bit))
			continue;
		format_running(&settings[i], &search->netns->settings, &running);
		if (strcmp(running.text, settings[i].kernel_default) != 0)
			report_foreign(search, &settings[i], running.text);
		strbuf_done(&running);
	}
}

static void judge(struct host_search *search, const struct setting *setting)
{
	const struct file_list *files = search->config->files;
	struct file_view view = {0};
	struct strbuf running = STRBUF_INIT, boot = STRBUF_INIT;

	if (!(search->netns->settings.known & setting->bit))
		return;
	view.has_systemd =
		text_sysctl_conf_find(files, setting->key, SYSCTL_READER_SYSTEMD, &view.systemd);
	view.has_procps =
		text_sysctl_conf_find(files, setting->key, SYSCTL_READER_PROCPS, &view.procps);
	format_running(setting, &search->netns->settings, &running);
	if (view.has_systemd || view.has_procps) {
		bool valid = normalise(setting, winner(&view)->value, &boot) &&
			     !refused(setting, &search->netns->settings, boot.text);

		walk(search, setting, &view, NULL);
		report(search, setting, &view, running.text, boot.text, !valid);
	} else if (setting->kernel_default && strcmp(running.text, setting->kernel_default) != 0) {
		report_unkept(search, setting, running.text);
	}
	strbuf_done(&running);
	strbuf_done(&boot);
}

void host_risks_of_sysctl_files(struct host_search *search)
{
	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		judge(search, &settings[i]);
}
