#include "ndd.h"

#include <string.h>

#define NAMES_MAX 8u

/* Parameters that a command line named, in its order: their values follow, one a line. */
struct queue {
	struct text_span name[NAMES_MAX];
	unsigned count, next;
};

struct text_span ndd_device(const char *setting)
{
	return (struct text_span){setting, strcspn(setting, "_")};
}

static void take_extra(struct os_state *state, struct text_span name, struct text_span value)
{
	uint32_t number;

	if (text_ends(name, "_smallest_nonpriv_port") &&
	    os_text_number(value, UINT16_MAX, &number) && number > state->floor)
		state->floor = (uint16_t)number;
	else if (text_is(name, "tcp_extra_priv_ports"))
		os_text_reserve(state, "tcp_extra_priv_ports", OS_TCP, value, false);
	else if (text_is(name, "udp_extra_priv_ports"))
		os_text_reserve(state, "udp_extra_priv_ports", OS_UDP, value, false);
}

static void take(struct os_state *state, struct text_span name, struct text_span value)
{
	enum os_end end;
	struct os_range *range = os_text_range(state, name, &end);
	uint32_t number;

	if (range && os_text_number(value, UINT16_MAX, &number))
		range->value[end] = number;
	else if (!range)
		take_extra(state, name, value);
}

/* "# ndd /dev/tcp tcp_smallest_anon_port tcp_largest_anon_port"; nothing follows after -set. */
static void read_command(struct os_state *state, struct text_span line, struct queue *queue)
{
	struct text_span word;
	enum os_end end;
	bool set = false;

	*queue = (struct queue){.count = 0};
	while (text_word_next(&line, &word)) {
		set |= text_is(word, "-set");
		if (!set && queue->count < NAMES_MAX &&
		    (os_text_range(state, word, &end) || text_ends(word, "_extra_priv_ports") ||
		     text_ends(word, "_smallest_nonpriv_port")))
			queue->name[queue->count++] = word;
	}
}

void ndd_parse(struct os_state *state, const struct os_output *output)
{
	struct text_lines lines = text_lines(output->text, output->length, false);
	struct text_span line, name, value;
	struct queue queue = {.count = 0};
	uint32_t number;

	while (text_line_next(&lines, &line)) {
		if (!line.length)
			continue;
		if (os_text_pair(line, &name, &value))
			take(state, name, value);
		else if (!os_text_number(line, UINT32_MAX, &number))
			read_command(state, line, &queue);
		else if (queue.next < queue.count)
			take(state, queue.name[queue.next++], line);
	}
}

void ndd_set(const char *ndd, const struct os_step *step, struct strbuf *out)
{
	struct text_span device = ndd_device(step->setting);

	if (step->store == OS_RUNNING)
		strbuf_printf(out, "%s -set /dev/%.*s %s %s", ndd, (int)device.length, device.start,
			      step->setting, step->after);
}

static void put_ports(const char *ndd, const struct os_list *list, const char *act,
		      const struct port_set *ports, const struct port_set *without,
		      struct strbuf *out)
{
	struct text_span device = ndd_device(list->setting);
	struct port_set rest = *ports;

	port_set_remove_set(&rest, without);
	for (int port = -1; (port = port_set_next(&rest, port + 1)) >= 0;)
		strbuf_printf(out, "%s -set /dev/%.*s %s_%s %d\n", ndd, (int)device.length,
			      device.start, list->setting, act, port);
}

void ndd_list_set(const char *ndd, const struct os_list *list, const struct os_ports *before,
		  const struct os_ports *after, struct strbuf *out)
{
	put_ports(ndd, list, "del", &before->set, &after->set, out);
	put_ports(ndd, list, "add", &after->set, &before->set, out);
}
