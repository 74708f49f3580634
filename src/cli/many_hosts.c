/*
 * A process for each host, so many at a time. Each answers once, through a pipe.
 */
#include "many_hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host_list.h"
#include "json.h"
#include "look.h"
#include "number.h"
#include "printable.h"

#define PARALLEL     8u
#define PARALLEL_MAX 64u
#define ANSWER_MAX   (8u << 20)

/* What a process sends before its text. */
struct answer_head {
	int status, changed, result;
	struct eph_error error;
	struct host_row row;
};

struct one_host {
	pid_t process; /* 0: not begun */
	int fd;
	bool done;
	struct strbuf received;
	struct answer_head head;
	const char *text; /* in received */
};

struct many {
	const struct arguments *arguments;
	host_run *run;
	enum many_hosts_text layout;
	struct host_list hosts;
	struct one_host *one; /* one for each of them */
	size_t begun, ended, limit;
};

static void send_all(int fd, const char *bytes, size_t length)
{
	while (length) {
		ssize_t sent = write(fd, bytes, length);

		if (sent < 0 && errno != EINTR)
			return;
		bytes += sent > 0 ? sent : 0;
		length -= sent > 0 ? (size_t)sent : 0;
	}
}

static _Noreturn void child(const struct many *many, const char *host, int fd)
{
	struct outcome outcome = {.text = STRBUF_INIT};
	struct answer_head head = {.error = {.step = "host", .message = "unknown"}};

	head.result = many->run(many->arguments, host, &head.row, &outcome, &head.error);
	head.status = head.result == 0       ? outcome.status
		      : outcome.error_status ? outcome.error_status
					     : STATUS_ERROR;
	head.changed = outcome.changed;
	/* A pointer to a literal, which is where it was in the parent: both are the same program. */
	send_all(fd, (const char *)&head, sizeof(head));
	if (head.result == 0)
		send_all(fd, outcome.text.text, outcome.text.length);
	_exit(0);
}

static int begin(struct many *many, struct eph_error *reterr)
{
	struct one_host *one = &many->one[many->begun];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return error_set(reterr, -errno, "hosts", "%s", strerror(errno));
	fflush(NULL);
	one->process = fork();
	if (one->process == 0)
		child(many, many->hosts.name[many->begun], ends[1]);
	close(ends[1]);
	one->fd = ends[0];
	if (one->process < 0) {
		close(ends[0]);
		one->process = 0;
		return error_set(reterr, -errno, "hosts", "%s", strerror(errno));
	}
	many->begun++;
	return 0;
}

static void finish(struct many *many, struct one_host *one)
{
	int status = 0;

	close(one->fd);
	waitpid(one->process, &status, 0);
	one->done = true;
	many->ended++;
	if (status == 0 && one->received.length >= sizeof(one->head)) {
		memcpy(&one->head, one->received.text, sizeof(one->head));
		one->text = one->received.text + sizeof(one->head);
		return;
	}
	one->head = (struct answer_head){.status = STATUS_ERROR, .result = -EIO};
	error_set(&one->head.error, -EIO, "host", "its process ended without an answer");
}

static void take(struct many *many, struct one_host *one)
{
	char bytes[16384];
	ssize_t got = read(one->fd, bytes, sizeof(bytes));

	if (got > 0 && one->received.length < ANSWER_MAX)
		strbuf_add(&one->received, bytes, (size_t)got);
	else if (got == 0 || (got < 0 && errno != EINTR))
		finish(many, one);
}

static void wait_for_some(struct many *many)
{
	struct pollfd fds[PARALLEL_MAX];
	struct one_host *of[PARALLEL_MAX];
	nfds_t count = 0;

	for (size_t i = 0; i < many->begun; i++)
		if (!many->one[i].done) {
			fds[count] = (struct pollfd){.fd = many->one[i].fd, .events = POLLIN};
			of[count++] = &many->one[i];
		}
	if (poll(fds, count, -1) <= 0)
		return;
	for (nfds_t i = 0; i < count; i++)
		if (fds[i].revents)
			take(many, of[i]);
}

static void progress(const struct many *many, bool end)
{
	if (!isatty(STDERR_FILENO))
		return;
	if (end)
		fputs("\r\033[K", stderr);
	else
		fprintf(stderr, "\r%zu of %s", many->ended, COUNTED(many->hosts.count, "host"));
}

/* Those that were begun are waited for, whatever happens: a change is not cut in the middle. */
static int run_all(struct many *many, struct eph_error *reterr)
{
	int r = 0;

	while (many->ended < many->begun || (r == 0 && many->begun < many->hosts.count)) {
		while (r == 0 && many->begun < many->hosts.count &&
		       many->begun - many->ended < many->limit)
			r = begin(many, reterr);
		if (many->ended < many->begun)
			wait_for_some(many);
		progress(many, false);
	}
	progress(many, true);
	return r;
}

/* The fields of a document of ours, which begins with its schema, and may name its host: that was said. */
static void add_fields(const char *document, struct strbuf *out)
{
	static const char schema[] = "{\"schema\":1", host[] = ",\"host\":\"";
	const char *at = document;
	size_t length;

	if (strncmp(at, schema, sizeof(schema) - 1) != 0)
		return;
	at += sizeof(schema) - 1;
	if (strncmp(at, host, sizeof(host) - 1) == 0) {
		at += sizeof(host) - 1;
		while (*at && *at != '"')
			at += *at == '\\' && at[1] ? 2 : 1;
		at += *at == '"';
	}
	length = strcspn(at, "\n");
	strbuf_add(out, at, length ? length - 1 : 0); /* without the last brace */
}

static void add_json(const struct many *many, size_t index, struct json *json)
{
	const struct one_host *one = &many->one[index];
	const char *code = strerrorname_np(-one->head.error.code);

	json_object(json, NULL);
	json_string(json, "host", many->hosts.name[index]);
	json_uint(json, "status", (uint64_t)one->head.status);
	if (one->head.result < 0 || !one->text) {
		json_object(json, "error");
		json_string(json, "what", one->head.error.step);
		json_string(json, "why", one->head.error.message);
		json_string(json, "code", code ? code : "EIO");
		json_end(json);
	} else {
		json_null(json, "error");
		add_fields(one->text, json->out);
	}
	json_end(json);
}

static void show_json(const struct many *many, struct strbuf *out)
{
	struct json json = {.out = out};

	json_object(&json, NULL);
	json_uint(&json, "schema", 1);
	json_array(&json, "hosts");
	for (size_t i = 0; i < many->hosts.count; i++)
		add_json(many, i, &json);
	json_end(&json);
	json_end(&json);
}

static const char *const word[] = {"ok", "warning", "critical", "failed"};

static void show_sections(const struct many *many, struct strbuf *out)
{
	struct screen screen = look_screen();

	for (size_t i = 0; i < many->hosts.count; i++) {
		const struct one_host *one = &many->one[i];

		strbuf_printf(out, "%s%s  %s\n", i ? "\n" : "", many->hosts.name[i],
			      word[one->head.status & 3]);
		if (one->head.result == 0) {
			strbuf_puts(out, one->text);
			continue;
		}
		strbuf_puts(out, "  ");
		screen_wrap_outside(out, one->head.error.message, 2, 2, screen.width);
	}
}

static void show_rows(const struct many *many, struct strbuf *out)
{
	struct screen screen = look_screen();
	size_t widest = 4;

	for (size_t i = 0; i < many->hosts.count; i++)
		widest =
			strlen(many->hosts.name[i]) > widest ? strlen(many->hosts.name[i]) : widest;
	for (size_t i = 0; i < many->hosts.count; i++) {
		const struct answer_head *head = &many->one[i].head;

		strbuf_printf(out, "%-*s  %-8s  ", (int)widest, many->hosts.name[i],
			      word[head->status & 3]);
		screen_wrap_outside(out, head->result < 0 ? head->error.message : head->row.text,
				    (unsigned)widest + 12, (unsigned)widest + 12, screen.width);
	}
}

static int run_many(struct many *many, struct outcome *outcome, struct eph_error *reterr)
{
	int r;

	many->one = calloc(many->hosts.count, sizeof(*many->one));
	if (!many->one)
		return error_set(reterr, -ENOMEM, "hosts", "out of memory");
	for (size_t i = 0; i < many->hosts.count; i++)
		many->one[i].received = (struct strbuf)STRBUF_INIT;
	r = run_all(many, reterr);
	for (size_t i = 0; i < many->begun; i++) {
		const struct answer_head *head = &many->one[i].head;

		outcome->changed |= head->changed != 0;
		if (head->status > outcome->status)
			outcome->status = head->status;
	}
	if (r == 0 && arguments_has(many->arguments, "json"))
		show_json(many, &outcome->text);
	else if (r == 0 && many->layout == MANY_HOSTS_SECTIONS)
		show_sections(many, &outcome->text);
	else if (r == 0)
		show_rows(many, &outcome->text);
	for (size_t i = 0; i < many->hosts.count; i++)
		strbuf_done(&many->one[i].received);
	free(many->one);
	return r;
}

bool many_hosts_asked(const struct arguments *arguments)
{
	return arguments_has(arguments, "host") || arguments_has(arguments, "hosts-file");
}

int many_hosts(const struct arguments *arguments, host_run *run, enum many_hosts_text text,
	       struct outcome *outcome, struct eph_error *reterr)
{
	struct many many = {.arguments = arguments, .run = run, .layout = text};
	const char *parallel = arguments_get(arguments, "parallel");
	struct host_row row = {""};
	uint64_t limit = PARALLEL;
	int r = parallel ? look_positive(parallel, "--parallel", PARALLEL_MAX, &limit, reterr) : 0;

	many.limit = limit;
	if (r == 0)
		r = host_list_read(arguments, &many.hosts, reterr);
	if (r == 0 && many.hosts.count == 1 && !arguments_has(arguments, "hosts-file"))
		r = run(arguments, many.hosts.name[0], &row, outcome, reterr);
	else if (r == 0)
		r = run_many(&many, outcome, reterr);
	host_list_done(&many.hosts);
	return r;
}
