#include "run.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

#define LIBRARY "libephemports-preload.so"

/* Beside the program: as installed, and as built. */
static const char *const places[] = {EPHEMPORTS_BINDIR_TO_PRELOAD, "src/connect/preload"};

static int use(const char *path, char ret[4096], struct eph_error *reterr)
{
	char *whole = access(path, R_OK) == 0 ? realpath(path, NULL) : NULL;
	int r = 0;

	if (!whole)
		return error_set(reterr, -errno, "preload", "%.200s: %s", path, strerror(errno));
	if (snprintf(ret, 4096, "%s", whole) >= 4096)
		r = error_set(reterr, -ENAMETOOLONG, "preload", "%.200s: too long", whole);
	free(whole);
	return r;
}

/* The loader takes a blank or a colon for the end of the name, and $ for the start of a word of its own. */
bool run_preload_is_plain(const char *library)
{
	return !strpbrk(library, " :$");
}

int run_preload_find(char path[4096], struct eph_error *reterr)
{
	const char *given = secure_getenv("EPHEMPORTS_PRELOAD");
	char program[PATH_MAX], place[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);

	if (given && *given)
		return use(given, path, reterr);
	program[n < 0 ? 0 : n] = '\0';
	if (strrchr(program, '/'))
		*strrchr(program, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(place, sizeof(place), "%s/%s/" LIBRARY, *places[i] == '/' ? "" : program,
			 places[i]);
		if (access(place, R_OK) == 0)
			return use(place, path, reterr);
	}
	return error_set(reterr, -ENOENT, "preload",
			 "%.150s/%s/" LIBRARY " is missing; is ephemports installed whole?",
			 program, places[0]);
}

void run_preload_words(const struct eph_pool_options *options, struct strbuf *out)
{
	const char *separator = "";

	for (size_t i = 0; i < options->from_count; i++)
		strbuf_printf(out, "%s%s", i ? "," : "from=", options->from[i]);
	if (options->from_count)
		separator = " ";
	if (options->range) {
		strbuf_printf(out, "%srange=%s", separator, options->range);
		separator = " ";
	}
	strbuf_printf(out, "%ssearch=%s", separator,
		      options->search == EPH_SEARCH_KERNEL ? "kernel" : "flat");
}

static bool has_word(const char *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at += length)
		if ((at == list || strchr(": ", at[-1])) &&
		    (!at[length] || strchr(": ", at[length])))
			return true;
	return false;
}

/* Behind what somebody else has there, whose functions then call ours. */
static int set_preload(const char *library)
{
	const char *others = getenv("LD_PRELOAD");
	struct strbuf list = STRBUF_INIT;
	int r = 0;

	if (others && *others) {
		if (has_word(others, library))
			return 0;
		strbuf_printf(&list, "%s:", others);
	}
	strbuf_puts(&list, library);
	if (list.failed || setenv("LD_PRELOAD", list.text, 1) < 0)
		r = -ENOMEM;
	strbuf_done(&list);
	return r;
}

int run_preload_environment(const struct run_request *request, const char *library, int held,
			    int image, int memory, struct eph_error *reterr)
{
	struct strbuf words = STRBUF_INIT;
	int r, pid = (int)getpid();
	char name[64];

	if (held >= 0) {
		snprintf(name, sizeof(name), "/proc/%d/fd/%d", pid, held);
		library = name;
	}
	strbuf_printf(&words, "pool=/proc/%d/fd/%d known=/proc/%d/fd/%d ", pid, image, pid, memory);
	run_preload_words(&request->options, &words);
	r = words.failed || setenv("EPHEMPORTS_POOL", words.text, 1) < 0 ? -ENOMEM
									 : set_preload(library);
	strbuf_done(&words);
	return r < 0 ? error_set(reterr, r, "preload", "out of memory") : 0;
}
