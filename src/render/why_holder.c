#include "why_holder.h"

#include "json.h"
#include "names.h"
#include "printable.h"
#include "screen.h"
#include "strbuf.h"

const struct socket_record *why_holder_socket(const struct snapshot *snapshot,
					      const struct bind_blocker *blocker)
{
	return &snapshot->netns[0].sockets.record[blocker->socket];
}

/* --- JSON ------------------------------------------------------------------------------------------------------- */

static void json_endpoint(struct json *json, const char *key, const struct ip_address *address,
			  uint16_t port)
{
	char text[IP_ADDRESS_TEXT_BYTES];

	json_object(json, key);
	json_string(json, "address", ip_address_format(address, text));
	json_uint(json, "port", port);
	json_end(json);
}

void why_holder_json(const struct snapshot *snapshot, const struct bind_blocker *blocker,
		     struct json *json)
{
	const struct socket_record *record = why_holder_socket(snapshot, blocker);
	size_t more;
	const struct process_record *process = name_process(snapshot, record->inode, &more);

	json_object(json, NULL);
	if (process)
		json_int(json, "pid", process->pid);
	else
		json_null(json, "pid");
	json_string(json, "command", process ? process->command : NULL);
	json_string(json, "unit", process && process->unit[0] ? process->unit : NULL);
	if (record->flags & SOCKET_MINI)
		json_null(json, "uid");
	else
		json_uint(json, "uid", record->uid);
	json_string(json, "netns", snapshot->netns[0].name);
	json_string(json, "state", socket_state_name(record->state));
	json_endpoint(json, "local", &record->local, record->local_port);
	if (record->remote_port)
		json_endpoint(json, "remote", &record->remote, record->remote_port);
	else
		json_null(json, "remote");
	json_string(json, "how", bind_how_name(blocker->how));
	if (blocker->automatic == LAW_UNKNOWN)
		json_null(json, "automatic");
	else
		json_bool(json, "automatic", blocker->automatic == LAW_YES);
	json_bool(json, "certain", blocker->certain);
	json_bool(json, "orphan", blocker->orphan);
	if (blocker->how == BIND_HOW_TIME_WAIT)
		json_uint(json, "seconds_left", blocker->seconds_left);
	else
		json_null(json, "seconds_left");
	json_end(json);
}

/* --- screen ----------------------------------------------------------------------------------------------------- */

static const char *how_words(const struct bind_blocker *blocker, bool connected)
{
	static const char *const words[BIND_HOWS] = {
		[BIND_HOW_LISTENING] = "listens there",
		[BIND_HOW_BOUND] = "is bound there",
		[BIND_HOW_OUTGOING] = "was given the port as its source port",
		[BIND_HOW_ACCEPTED] = "was accepted by a listener on the port",
		[BIND_HOW_TIME_WAIT] = "is a closed connection",
		[BIND_HOW_KERNEL] = "belongs to the kernel or to no process",
		[BIND_HOW_SELF] = ("is a self-connect: it is connected to itself, as befalls a "
				   "client that retries while nothing listens"),
	};

	if (blocker->how == BIND_HOW_OUTGOING && blocker->automatic != LAW_YES)
		return "has the port as its source port";
	if (blocker->how == BIND_HOW_BOUND && blocker->automatic == LAW_NO)
		return "is bound there: it named the port itself";
	if (blocker->automatic != LAW_YES)
		return words[blocker->how];
	switch ((int)blocker->how) {
	case BIND_HOW_LISTENING:
		return "listens on an automatically assigned port: it asked for port 0 and was "
		       "given this one";
	case BIND_HOW_BOUND:
		return connected ? "bound its address and port 0 before it connected, and was "
				   "given this port"
				 : "has an automatically assigned port: it asked for port 0 and "
				   "was given this one";
	case BIND_HOW_SELF:
		return "is a self-connect: it was connecting to this port while nothing listened, "
		       "was given the same port as its source port, and so reached itself";
	default:
		return words[blocker->how];
	}
}

/* 0.0.0.0 against 127.0.0.1, IPv6 against IPv4: where the reason is not plain. */
static void add_reason(const struct ip_address *ours, const struct ip_address *theirs,
		       struct strbuf *out)
{
	char text[IP_ADDRESS_TEXT_BYTES];
	bool families_differ = ours->family != theirs->family;

	if (families_differ && ours->family == IP_V6)
		strbuf_puts(out, ", which without IPV6_V6ONLY is every IPv4 address too");
	else if (families_differ && ip_address_is_any(theirs))
		strbuf_puts(out, ": without IPV6_V6ONLY, :: is every IPv4 address too");
	else if (families_differ)
		strbuf_puts(out, ": an IPv6 socket without IPV6_V6ONLY keeps the IPv4 wildcard off "
				 "its port");
	else if (ip_address_is_any(ours))
		strbuf_printf(out, ", which is every local address, %s too",
			      ip_address_format(theirs, text));
	else if (ip_address_is_any(theirs))
		strbuf_printf(out, ": %s is every local address", ip_address_format(theirs, text));
}

static void add_owner(const struct snapshot *snapshot, const struct socket_record *record,
		      struct strbuf *out)
{
	size_t more;
	const struct process_record *process = name_process(snapshot, record->inode, &more);

	if (!process && record->inode)
		strbuf_printf(out, "  (uid %u, process not seen: try as root)", record->uid);
	if (!process)
		return;
	strbuf_puts(out, "  ");
	printable_puts(out, process->command);
	strbuf_printf(out, " (pid %d", (int)process->pid);
	if (more)
		strbuf_printf(out, " and %zu more", more);
	strbuf_printf(out, ", uid %u", record->uid);
	if (process->unit[0]) {
		strbuf_puts(out, ", ");
		printable_puts(out, process->unit);
	}
	strbuf_putc(out, ')');
}

static void add_how(const struct bind_blocker *blocker, const struct socket_record *record,
		    struct strbuf *out)
{
	strbuf_puts(out, how_words(blocker, record->remote_port != 0));
	if (blocker->how == BIND_HOW_TIME_WAIT)
		strbuf_printf(out, ", no process owns it, it lets go in %u s",
			      blocker->seconds_left);
	else if (blocker->orphan)
		strbuf_puts(out, "; no process owns it any more");
	if (blocker->automatic == LAW_UNKNOWN && !record->remote_port && record->inode)
		strbuf_puts(out, "; whether it asked for this port is not visible without BPF");
}

static bool add_overlap(const struct bind_query *query, const struct bind_blocker *blocker,
			const struct socket_record *record, bool explain, struct strbuf *out)
{
	bool overlaps = !ip_address_equal(&record->local, &query->address);
	char text[IP_ADDRESS_TEXT_BYTES];

	if (overlaps)
		strbuf_printf(out, "; it overlaps %s", ip_address_format(&query->address, text));
	if (overlaps && explain)
		add_reason(&query->address, &record->local, out);
	if (!blocker->certain)
		strbuf_puts(out, "; whether it is in the way is not known");
	return overlaps && explain;
}

bool why_holder_text(const struct bind_query *query, const struct snapshot *snapshot,
		     const struct bind_blocker *blocker, bool explain, unsigned width,
		     struct strbuf *out)
{
	const struct socket_record *record = why_holder_socket(snapshot, blocker);
	struct strbuf line = STRBUF_INIT;
	char text[ENDPOINT_TEXT_BYTES];
	bool explained;

	strbuf_puts(&line, name_endpoint(&record->local, record->local_port, text));
	if (record->remote_port)
		strbuf_printf(&line, " -> %s",
			      name_endpoint(&record->remote, record->remote_port, text));
	strbuf_printf(&line, "  %s", socket_state_name(record->state));
	add_owner(snapshot, record, &line);
	strbuf_puts(out, "  ");
	screen_wrap(out, line.text, 2, 4, width);
	strbuf_clear(&line);
	add_how(blocker, record, &line);
	explained = add_overlap(query, blocker, record, explain, &line);
	strbuf_puts(out, "    ");
	screen_wrap(out, line.text, 4, 4, width);
	strbuf_done(&line);
	return explained;
}
