#include "range_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "alloc.h"
#include "config_files.h"
#include "fd.h"
#include "rc_local.h"
#include "text_sysctl.h"
#include "text_sysctl_conf.h"

#define RANGE    "net.ipv4.ip_local_port_range"
#define TEXT_MAX (1u << 20) /* bytes of a saved output */

static const char *const setting[] = {RANGE, "net.ipv4.ip_local_reserved_ports",
				      "net.ipv4.ip_unprivileged_port_start"};

static bool find_line(const struct file_list *files, const char *name, struct sysctl_line *ret)
{
	struct sysctl_readers readers = sysctl_files_readers(files, name);

	return sysctl_readers_find(files, name, &readers, ret);
}

void range_state_image(const struct file_list *files, struct port_range *ret)
{
	struct sysctl_line line;

	*ret = os_default_of(os_find("linux"), "", OS_REGULAR)->range;
	if (find_line(files, RANGE, &line) &&
	    text_sysctl_range_written(line.value.start, line.value.length, ret) < 0)
		*ret = (struct port_range){0, 0};
}

/* As it would print it after a boot. */
static void of_image(const struct file_list *files, struct strbuf *out)
{
	struct port_range range;
	struct sysctl_line line;

	range_state_image(files, &range);
	if (!range.hi)
		range = os_default_of(os_find("linux"), "", OS_REGULAR)->range;
	strbuf_printf(out, RANGE " = %u %u\n", range.lo, range.hi);
	for (size_t i = 1; i < ARRAY_SIZE(setting); i++)
		if (find_line(files, setting[i], &line))
			strbuf_printf(out, "%s = %.*s\n", setting[i], (int)line.value.length,
				      line.value.start);
}

/* As the commands of another Linux would print it. */
static int running(struct change_session *session, struct strbuf *out, struct eph_error *reterr)
{
	struct runner *runner = &session->local.runner;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(setting) && r == 0; i++) {
		strbuf_printf(out, "%s = ", setting[i]);
		r = runner->settings->read(runner, setting[i], out, reterr);
		/* The range must be there, the others came with later kernels. */
		if (i && r == -ENOENT)
			r = 0;
		strbuf_putc(out, '\n');
	}
	return r;
}

static void kept(struct os_range *range, const struct file_list *files)
{
	struct sysctl_line line;
	struct port_range boot;

	range->boot_known = true;
	if (range->built_in)
		range->boot = range->built_in->range;
	if (!find_line(files, RANGE, &line))
		return;
	snprintf(range->where, sizeof(range->where), "%s line %u", line.file->path, line.line);
	range->boot_set = true;
	range->boot_known =
		text_sysctl_range_written(line.value.start, line.value.length, &boot) == 0;
	if (range->boot_known)
		range->boot = boot;
}

int range_state_late(struct change_session *session, struct port_range *ret, unsigned *ret_line,
		     struct eph_error *reterr)
{
	struct runner *runner = &session->local.runner;
	struct runner_file file;
	int r = runner->ops->file_read(runner, RC_LOCAL_PATH, &file, reterr);

	*ret_line = r == 0 && file.exists ? rc_local_find(file.text, file.length, ret) : 0;
	runner_file_done(&file);
	return r;
}

/* What runs after every sysctl file. Where it cannot be read nobody can say more. */
static void kept_late(struct change_session *session, struct os_range *range)
{
	struct port_range late;
	unsigned line;

	if (range_state_late(session, &late, &line, NULL) < 0 || !line)
		return;
	snprintf(range->where, sizeof(range->where), RC_LOCAL_PATH " line %u", line);
	range->boot_set = true;
	range->boot_known = port_range_width(late) != 0;
	range->boot = late;
	range->outdated =
		RC_LOCAL_PATH " is where older advice has it: a file in /etc/sysctl.d does";
}

int range_state_local(struct change_session *session, struct file_list *files,
		      const struct port_set *listeners, struct os_state *ret,
		      struct eph_error *reterr)
{
	struct strbuf text = STRBUF_INIT;
	struct utsname names;
	struct os_output output;
	struct os_outputs outputs = {&output, 1};
	int r = session->foreign ? 0 : sysctl_files_read(files, reterr);

	if (r == 0 && session->image)
		of_image(files, &text);
	else if (r == 0)
		r = running(session, &text, reterr);
	if (r == 0 && text.failed)
		r = error_set(reterr, -ENOMEM, "range", "out of memory");
	output = (struct os_output){"proc", text.text, text.length};
	if (r == 0)
		r = os_parse(os_find("linux"),
			     !session->image && uname(&names) == 0 ? names.release : "", &outputs,
			     ret, reterr);
	strbuf_done(&text);
	if (r < 0)
		return r;
	if (!session->foreign)
		kept(&ret->range[0], files);
	if (!session->foreign)
		kept_late(session, &ret->range[0]);
	if (session->image) {
		ret->range[0].now = ret->range[0].boot;
		ret->range[0].known = ret->range[0].boot_known;
	}
	os_warn(ret, listeners);
	return 0;
}

static int read_all(const char *path, char **ret, size_t *ret_length, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int fd = -1;
	CLEANUP(freep) char *text = malloc(TEXT_MAX);
	bool standard_input = strcmp(path, "-") == 0;
	size_t length = 0;
	ssize_t got = 1;

	if (!text)
		return error_set(reterr, -ENOMEM, "range", "out of memory");
	fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
			    : open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && got > 0 && length < TEXT_MAX) {
		got = read(fd, text + length, TEXT_MAX - length);
		if (got > 0)
			length += (size_t)got;
		else if (got < 0 && errno == EINTR)
			got = 1;
	}
	if (fd < 0 || got < 0)
		return error_set(reterr, -errno, "range", "%.200s: %s", path, strerror(errno));
	if (length == TEXT_MAX)
		return error_set(reterr, -EFBIG, "range", "%.200s: more than %u bytes", path,
				 TEXT_MAX);
	*ret = TAKE_PTR(text);
	*ret_length = length;
	return 0;
}

int range_state_text(const char *os, const char *path, struct os_state *ret,
		     struct eph_error *reterr)
{
	const struct os_system *system = os_find(os);
	CLEANUP(freep) char *text = NULL;
	struct os_output output = {.id = ""};
	struct os_outputs outputs = {&output, 1};
	int r;

	if (!system)
		return error_set(reterr, -EINVAL, "range",
				 "'%.60s' is no system that is known here: see range facts", os);
	r = read_all(path, &text, &output.length, reterr);
	output.text = text;
	if (r == 0)
		r = os_parse(system, "", &outputs, ret, reterr);
	if (r == 0)
		os_warn(ret, NULL);
	return r;
}
