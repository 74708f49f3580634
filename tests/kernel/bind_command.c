#include "bind_command.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"

bool bind_command_suits(const struct wish *wish, bool privileged)
{
	return !wish->freebind && privileged == (wish->uid == 0);
}

static json_t *run(const char *path, const char *options, const struct bind_query *query,
		   const struct wish *wish)
{
	CLEANUP(strbuf_done) struct strbuf line = STRBUF_INIT;
	json_t *answer;
	FILE *pipe;

	strbuf_printf(&line, query->af_inet6 ? "'%s' why bind '[%s]:%u'" : "'%s' why bind '%s:%u'",
		      path, wish->address, query->port);
	strbuf_printf(&line, " --json -N /proc/%d/ns/net --uid %u %s", (int)getpid(), query->uid,
		      options);
	strbuf_printf(&line, "%s%s%s%s%s%s", query->protocol == PROTOCOL_UDP ? " --udp" : "",
		      query->reuseaddr ? " --reuseaddr" : "",
		      query->reuseport ? " --reuseport" : "", query->v6only ? " --v6only" : "",
		      wish->device ? " --device " : "", wish->device ? wish->device : "");
	pipe = popen(line.text, "r");
	answer = pipe ? json_loadf(pipe, 0, NULL) : NULL;
	if (pipe)
		pclose(pipe);
	return answer;
}

static int error_of(const json_t *answer)
{
	static const struct {
		const char *name;
		int error;
	} names[] = {{"EADDRINUSE", EADDRINUSE},
		     {"EADDRNOTAVAIL", EADDRNOTAVAIL},
		     {"EACCES", EACCES},
		     {"EINVAL", EINVAL},
		     {"ENODEV", ENODEV}};
	const char *name = json_string_value(json_object_get(answer, "errno"));

	for (unsigned i = 0; name && i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i].name) == 0)
			return names[i].error;
	return name ? -1 : 0;
}

/* In use by somebody, anything else by nobody. */
static const char *what_is_wrong(const json_t *answer, int error)
{
	const char *verdict = json_string_value(json_object_get(answer, "verdict"));
	const char *expected = !error ? "free" : error == EADDRINUSE ? "in-use" : "forbidden";
	size_t holders = json_array_size(json_object_get(answer, "holders"));

	if (!verdict || error < 0)
		return "the command gave no answer";
	if (strcmp(verdict, expected) != 0)
		return "verdict and errno of the command differ";
	if ((error == EADDRINUSE) != (holders > 0))
		return "the command names holders of a free port, or none of one in use";
	return NULL;
}

bool bind_command_ask(const char *path, const char *options, const struct bind_query *query,
		      const struct wish *wish, struct command_answer *ret, struct strbuf *complaint)
{
	json_t *answer = run(path, options, query, wish);
	const char *wrong = what_is_wrong(answer, error_of(answer));

	if (wrong) {
		strbuf_printf(complaint, "%s\n", wrong);
	} else {
		ret->error = error_of(answer);
		ret->exact = json_is_true(json_object_get(answer, "exact"));
	}
	json_decref(answer);
	return !wrong;
}
