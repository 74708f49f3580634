#include "run.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "error.h"

/* One word of a command line in a unit: systemd.service(5), "COMMAND LINES". */
static void add_word(const char *word, struct strbuf *out)
{
	strbuf_putc(out, '"');
	for (; *word; word++) {
		if (strchr("\"\\", *word))
			strbuf_putc(out, '\\');
		else if (strchr("$%", *word))
			strbuf_putc(out, *word);
		if (*word == '\n')
			strbuf_puts(out, "\\n");
		else
			strbuf_putc(out, *word);
	}
	strbuf_putc(out, '"');
}

static int own_path(char path[4096], struct eph_error *reterr)
{
	ssize_t n = readlink("/proc/self/exe", path, 4095);

	if (n < 0)
		return error_set(reterr, -errno, "unit", "/proc/self/exe: %s", strerror(errno));
	path[n] = '\0';
	return 0;
}

/* "PATH run --from ... --": what stands before COMMAND. */
static int add_run(const struct run_request *request, struct strbuf *out, struct eph_error *reterr)
{
	char path[4096];
	int r = own_path(path, reterr);

	if (r < 0)
		return r;
	add_word(path, out);
	strbuf_puts(out, " run");
	for (size_t i = 0; i < request->options.from_count; i++) {
		strbuf_puts(out, " --from ");
		add_word(request->options.from[i], out);
	}
	if (request->options.range)
		strbuf_printf(out, " --range %s", request->options.range);
	if (request->options.search == EPH_SEARCH_KERNEL)
		strbuf_puts(out, " --flat no");
	strbuf_puts(out, " -- ");
	return 0;
}

/* SIGTERM to the first process only: that passes it on, and COMMAND would have it twice. */
static int command_unit(const struct run_request *request, struct strbuf *out,
			struct eph_error *reterr)
{
	struct run_program program;
	int status, r = run_program_look(request->argv[0], &program, &status, reterr);

	if (r < 0)
		return r;
	strbuf_puts(out, "ExecStart=\nExecStart=");
	r = add_run(request, out, reterr);
	add_word(program.path, out);
	for (unsigned i = 1; request->argv[i]; i++) {
		strbuf_putc(out, ' ');
		add_word(request->argv[i], out);
	}
	strbuf_puts(out, "\nKillMode=mixed\nNotifyAccess=all\n");
	return r;
}

static int environment_unit(const struct run_request *request, struct strbuf *out,
			    struct eph_error *reterr)
{
	struct strbuf words = STRBUF_INIT;
	char library[4096];
	int r = run_preload_find(library, reterr);

	if (r == 0 && !run_preload_is_plain(library))
		r = error_set(reterr, -EINVAL, "preload",
			      "%.200s: LD_PRELOAD cannot have a name with a blank, ':' or '$'",
			      library);
	if (r < 0)
		return r;
	strbuf_puts(out, "# The options are tried first: a wrong one keeps the unit from starting, "
			 "and says why.\n"
			 "ExecStartPre=");
	r = add_run(request, out, reterr);
	strbuf_printf(out, "/bin/true\nEnvironment=\"LD_PRELOAD=%s\"\n", library);
	run_preload_words(&request->options, &words);
	strbuf_printf(out, "Environment=\"EPHEMPORTS_POOL=%s\"\n", words.text);
	out->failed |= words.failed;
	strbuf_done(&words);
	return r;
}

int run_unit(const struct run_request *request, const struct arguments *arguments,
	     struct strbuf *out, struct eph_error *reterr)
{
	if (request->netns)
		return error_set(reterr, -EINVAL, "unit",
				 "--netns is for NetworkNamespacePath= of the unit to say");
	strbuf_puts(out, "# systemctl edit UNIT, and put this there\n[Service]\n");
	return arguments->n_operands ? command_unit(request, out, reterr)
				     : environment_unit(request, out, reterr);
}
