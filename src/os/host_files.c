#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "host.h"
#include "parse.h"
#include "text_line.h"

#define FILE_HEAD "ephemports-file "
#define LINK_HEAD                                                                                  \
	"ephemports-link " /* the same for what a symbolic link leads to; no longer, no shorter */

/* A link to /dev/null is a character device to test(1). */
static void join_files(const struct os_system *system, struct strbuf *out)
{
	strbuf_puts(out, "for f in");
	for (const struct os_boot_file *file = system->boot_file; file->path; file++)
		strbuf_printf(out, " %s", file->path);
	strbuf_puts(out,
		    "; do if [ -f \"$f\" ]; then if [ -r \"$f\" ]; then set x `wc -c <\"$f\"`; "
		    "if [ -h \"$f\" ]; then echo \"" LINK_HEAD "$2 $f\"; else echo \"" FILE_HEAD
		    "$2 $f\"; fi; cat \"$f\"; else echo \"$f\" >&2; exit 44; fi; "
		    "else if [ -c \"$f\" ]; then echo \"" FILE_HEAD "0 $f\"; fi; fi; done");
	if (!system->boot_sign)
		return;
	strbuf_puts(out, "; for f in");
	for (const char *const *sign = system->boot_sign; *sign; sign++)
		strbuf_printf(out, " %s", *sign);
	strbuf_puts(out, "; do if ls -d \"$f\" >/dev/null 2>&1; then echo \"" FILE_HEAD
			 "0 $f\"; fi; done");
}

/* "ephemports-file SIZE PATH\n", then so many bytes. Return: 1 with a file, 0 at the end, -EPROTO. */
static int next_file(const char **at, const char *end, struct os_file *ret)
{
	const char *newline = memchr(*at, '\n', (size_t)(end - *at)), *blank;
	size_t head = sizeof(FILE_HEAD) - 1;
	uint64_t size;

	if (*at == end)
		return 0;
	if (!newline || (size_t)(newline - *at) < head)
		return -EPROTO;
	ret->link = memcmp(*at, LINK_HEAD, head) == 0;
	if (!ret->link && memcmp(*at, FILE_HEAD, head) != 0)
		return -EPROTO;
	blank = memchr(*at + head, ' ', (size_t)(newline - *at) - head);
	if (!blank ||
	    parse_uint(*at + head, (size_t)(blank - *at) - head, CHANGE_CONTENT_MAX, &size) < 0 ||
	    size > (uint64_t)(end - newline - 1))
		return -EPROTO;
	ret->path = text_copy((struct text_span){blank + 1, (size_t)(newline - blank - 1)});
	ret->text = malloc(size + 1);
	ret->length = size;
	if (ret->text)
		memcpy((void *)(uintptr_t)ret->text, newline + 1, size);
	*at = newline + 1 + size;
	return ret->path && ret->text ? 1 : -ENOMEM;
}

static int split_files(const struct strbuf *text, struct os_host_files *ret)
{
	const char *at = text->text, *end = text->text + text->length;
	int r = 1;

	ret->file = calloc(OS_HOST_FILES_MAX, sizeof(*ret->file));
	if (!ret->file)
		return -ENOMEM;
	while (r == 1) {
		if (ret->count == OS_HOST_FILES_MAX)
			return -E2BIG;
		r = next_file(&at, end, &ret->file[ret->count]);
		if (r != 0)
			ret->count++;
	}
	return r;
}

static int files_failed(const struct os_host *host, int r, const struct runner_output *output,
			struct eph_error *reterr)
{
	struct text_span said = runner_said(&output->errors, &output->text);
	const char *name = host->way->place.host;

	if (r == -EACCES)
		return error_set(reterr, r, "host",
				 "%.80s: %.*s: a boot file that cannot be read: log in as root",
				 name, (int)said.length, said.start);
	if (r == -E2BIG)
		return error_set(reterr, r, "host", "%.80s: more than %u boot files", name,
				 OS_HOST_FILES_MAX);
	if (r == -EPROTO && output->status)
		return error_set(reterr, r, "host",
				 "%.80s: its boot files cannot be printed: status %d%s%.*s", name,
				 output->status, said.length ? ", " : "", (int)said.length,
				 said.start);
	if (r == -EPROTO)
		return error_set(reterr, r, "host",
				 "%.80s: its boot files did not arrive whole: they change, one is "
				 "larger than %u MiB, or something else answers there",
				 name, CHANGE_CONTENT_MAX >> 20);
	return error_set(reterr, r, "host", "%.80s: its boot files: %s", name, strerror(-r));
}

int os_host_files(struct os_host *host, struct os_host_files *ret, struct eph_error *reterr)
{
	struct strbuf line = STRBUF_INIT;
	struct runner_output output;
	int r;

	*ret = (struct os_host_files){.count = 0};
	if (!host->system->boot_file)
		return 0;
	join_files(host->system, &line);
	r = host->way->ops->line(host->way, line.text, &output, reterr);
	if (r == 0) {
		r = output.status == 44 ? -EACCES
		    : output.status     ? -EPROTO
					: split_files(&output.text, ret);
		if (r < 0)
			files_failed(host, r, &output, reterr);
	}
	runner_output_done(&output);
	strbuf_done(&line);
	return r;
}

void os_host_files_done(struct os_host_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		free((void *)(uintptr_t)files->file[i].path);
		free((void *)(uintptr_t)files->file[i].text);
	}
	free(files->file);
	*files = (struct os_host_files){.count = 0};
}
