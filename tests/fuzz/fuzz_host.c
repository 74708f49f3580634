/*
 * Another machine that answers whatever it likes: to the question which system it is, to every command of that system, to the
 * request for its boot files, and to each file and link. The first byte of an answer is its exit status, then come two bytes
 * of length, then what it says.
 *
 * Whatever it says, a range that is known has its ends in order, boot files have paths without a line break, and a change that
 * is planned asks for nothing but numbers.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "host_change.h"
#include "ssh_files.h"
#include "ssh_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct hostile {
	struct runner runner;
	const uint8_t *data;
	size_t size;
};

static int answer(struct hostile *hostile, struct runner_output *ret)
{
	size_t length;

	runner_output_init(ret);
	if (hostile->size < 3)
		return -EPROTO;
	ret->status = hostile->data[0];
	length = hostile->data[1] | (size_t)hostile->data[2] << 8;
	hostile->data += 3;
	hostile->size -= 3;
	length = length > hostile->size ? hostile->size : length;
	strbuf_add(ret->status & 1 ? &ret->errors : &ret->text, (const char *)hostile->data,
		   length);
	ret->status >>= 1;
	hostile->data += length;
	hostile->size -= length;
	return 0;
}

static int line(struct runner *runner, const char *text, struct runner_output *ret,
		struct eph_error *reterr)
{
	struct strbuf wrapped = STRBUF_INIT;
	int r = ssh_wrap_line(text, &wrapped);

	/* Nothing that a host says makes us say what cannot be said. */
	if (r < 0 && !runner->cmd_exe)
		abort();
	strbuf_done(&wrapped);
	r = answer((struct hostile *)runner, ret);
	return r < 0 ? error_set(reterr, r, "fuzz", "no more answers") : 0;
}

static int file_read(struct runner *runner, const char *path, struct runner_file *ret,
		     struct eph_error *reterr)
{
	struct runner_output output;
	int r = answer((struct hostile *)runner, &output);

	*ret = (struct runner_file){.exists = false};
	if (r == 0)
		r = ssh_file_read_answer(output.text.text, output.text.length, output.status, ret);
	if (r == 0 && ret->exists && strlen(ret->text) > ret->length)
		abort();
	runner_output_done(&output);
	return r < 0 ? error_set(reterr, r, "fuzz", "%.80s", path) : 0;
}

static void check_state(const struct os_state *state)
{
	for (size_t i = 0; i < state->ranges; i++)
		if (state->range[i].known && state->range[i].now.lo > state->range[i].now.hi)
			abort();
}

static void check_change(const struct host_change *change)
{
	for (size_t i = 0; i < change->files.count; i++)
		if (strchr(change->files.file[i].path, '\n'))
			abort();
	for (unsigned i = 0; change->change && i < change->change->steps; i++) {
		const struct change_step *step = &change->change->step[i];

		if (!step->path && strspn(step->after, "0123456789 ") != strlen(step->after))
			abort();
	}
}

static void change(struct os_host *host, bool cmd_exe)
{
	const struct os_wish wish = {
		OS_REGULAR, OS_TCP | OS_UDP | OS_SCTP, OS_IPV4 | OS_IPV6, {40000, 60001}, false};
	struct host_change *change = NULL;
	struct eph_error error;

	if (host_change_read(host, &change, &error) < 0)
		return;
	check_state(&change->state);
	if (host_change_plan(host, change, &wish, !cmd_exe, &error) == 0)
		check_change(change);
	host_change_free(change);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct runner_ops ops = {.line = line, .file_read = file_read};
	struct hostile hostile = {
		.runner = {.ops = &ops, .place = {.host = "fuzz"}}, .data = data, .size = size};
	struct strbuf link = STRBUF_INIT, text = STRBUF_INIT;
	struct os_host host;
	const char *begin;

	strbuf_add(&text, (const char *)data, size);
	ssh_link_read_answer(text.text, 0, &link);
	begin = ssh_find_begin(text.text, text.length);
	if (begin && (begin < text.text || begin > text.text + text.length))
		abort();
	strbuf_done(&text);
	strbuf_done(&link);
	if (os_host_open(&host, &hostile.runner, NULL, NULL) == 0)
		change(&host, host.runner.cmd_exe);
	return 0;
}
