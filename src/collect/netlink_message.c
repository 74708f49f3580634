#include "netlink_message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>

#define TIMER_TIME_WAIT 3 /* idiag_timer of a mini-socket */
#define PROGRAM_BYTES   64

/* A filter program is a row of conditional jumps forward. A socket is accepted when the program ends exactly at its last
 * byte and refused when it jumps 4 bytes past it. */
struct program {
	char bytes[PROGRAM_BYTES];
	size_t length;
};

static void program_op(struct program *program, uint8_t code, const void *argument, size_t bytes)
{
	struct inet_diag_bc_op op = {.code = code, .yes = (unsigned char)(sizeof(op) + bytes)};

	memcpy(program->bytes + program->length, &op, sizeof(op));
	if (bytes)
		memcpy(program->bytes + program->length + sizeof(op), argument, bytes);
	program->length += sizeof(op) + bytes;
}

/* Where the op at @at goes on when it says no: @distance bytes from its own start. */
static void program_no(struct program *program, size_t at, size_t distance)
{
	unsigned short no = (unsigned short)distance;

	memcpy(program->bytes + at + offsetof(struct inet_diag_bc_op, no), &no, sizeof(no));
}

static void program_refuse(struct program *program, size_t at)
{
	program_no(program, at, program->length - at + 4);
}

static void program_remote(struct program *program, const struct netlink_query *query)
{
	size_t bytes = query->remote.family == IP_V4 ? 4 : query->remote.family == IP_V6 ? 16 : 0;
	struct inet_diag_hostcond head = {
		.family = bytes == 4    ? AF_INET
			  : bytes == 16 ? AF_INET6
					: AF_UNSPEC,
		.prefix_len = (uint8_t)(bytes * 8),
		.port = query->remote_port ? query->remote_port : -1,
	};
	char condition[sizeof(head) + 16];

	memcpy(condition, &head, sizeof(head));
	memcpy(condition + sizeof(head), query->remote.bytes, bytes);
	program_op(program, INET_DIAG_BC_D_COND, condition, sizeof(head) + bytes);
}

static void program_local_port(struct program *program, uint16_t port)
{
	struct inet_diag_hostcond condition = {.family = AF_UNSPEC, .port = port};

	program_op(program, INET_DIAG_BC_S_COND, &condition, sizeof(condition));
}

static void program_build(struct program *program, const struct netlink_query *query)
{
	size_t local_at, lock_at;

	program->length = 0;
	if (query->remote.family != IP_NONE || query->remote_port)
		program_remote(program, query);
	local_at = program->length;
	if (query->local_port)
		program_local_port(program, query->local_port);
	lock_at = program->length;
	if (query->lock != NETLINK_LOCK_ANY)
		program_op(program, INET_DIAG_BC_AUTO, NULL, 0);
	if (query->lock == NETLINK_LOCK_EXPLICIT) {
		/* Not automatic: over the jump to the end. Automatic: onto the jump, which refuses. */
		program_op(program, INET_DIAG_BC_JMP, NULL, 0);
		program_refuse(program, lock_at + sizeof(struct inet_diag_bc_op));
		program_no(program, lock_at, program->length - lock_at);
	} else if (query->lock == NETLINK_LOCK_AUTO) {
		program_refuse(program, lock_at);
	}
	if (local_at > 0)
		program_refuse(program, 0);
	if (lock_at > local_at)
		program_refuse(program, local_at);
}

static void put_request(struct nlmsghdr *header, const struct netlink_query *query)
{
	struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(header, sizeof(*request));

	header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	request->sdiag_family = (uint8_t)query->family;
	request->sdiag_protocol = query->protocol;
	request->idiag_states = query->states;
}

static void put_old_request(struct nlmsghdr *header, const struct netlink_query *query)
{
	struct inet_diag_req *request = mnl_nlmsg_put_extra_header(header, sizeof(*request));

	header->nlmsg_type = TCPDIAG_GETSOCK;
	request->idiag_states = query->states;
}

size_t netlink_request(const struct netlink_query *query, uint32_t sequence,
		       char buffer[NETLINK_REQUEST_BYTES])
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct program program;

	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = sequence;
	if (query->family == AF_UNSPEC)
		put_old_request(header, query);
	else
		put_request(header, query);
	program_build(&program, query);
	if (program.length > 0)
		mnl_attr_put(header, INET_DIAG_REQ_BYTECODE, program.length, program.bytes);
	return header->nlmsg_len;
}

static void take_attributes(const struct nlmsghdr *header, struct socket_record *record)
{
	const char *at = mnl_nlmsg_get_payload_offset(header, sizeof(struct inet_diag_msg));
	const char *end = mnl_nlmsg_get_payload_tail(header);
	const struct nlattr *attribute;

	for (; attribute = (const void *)at, mnl_attr_ok(attribute, (int)(end - at));
	     at += MNL_ALIGN(attribute->nla_len)) {
		size_t bytes = mnl_attr_get_payload_len(attribute);
		const void *payload = mnl_attr_get_payload(attribute);

		if (mnl_attr_get_type(attribute) == INET_DIAG_SKV6ONLY && bytes >= 1) {
			record->known |= SOCKET_V6ONLY;
			if (*(const uint8_t *)payload)
				record->flags |= SOCKET_V6ONLY;
		} else if (mnl_attr_get_type(attribute) == INET_DIAG_CGROUP_ID && bytes >= 8) {
			memcpy(&record->cgroup, payload, sizeof(record->cgroup));
		}
	}
}

static void take_addresses(const struct inet_diag_msg *message, struct socket_record *record)
{
	if (message->idiag_family == AF_INET6) {
		record->flags |= SOCKET_AF_INET6;
		record->local = ip_address_v6(message->id.idiag_src);
		record->remote = ip_address_v6(message->id.idiag_dst);
	} else {
		record->local = ip_address_v4(message->id.idiag_src);
		record->remote = ip_address_v4(message->id.idiag_dst);
	}
	record->local_port = ntohs(message->id.idiag_sport);
	record->remote_port = ntohs(message->id.idiag_dport);
}

static void take_state(const struct inet_diag_msg *message, const struct netlink_query *query,
		       struct socket_record *record)
{
	bool mini = message->idiag_timer == TIMER_TIME_WAIT && query->protocol == PROTOCOL_TCP;

	record->state = message->idiag_state;
	if (query->protocol == PROTOCOL_TCP && record->state == STATE_CLOSE)
		record->state = STATE_BOUND;
	if (mini) {
		record->flags |= SOCKET_MINI;
		record->expires_ms = message->idiag_expires;
		return;
	}
	if (record->state == STATE_SYN_RECV && message->idiag_inode == 0)
		return;
	if (query->lock != NETLINK_LOCK_ANY)
		record->known |= SOCKET_EXPLICIT;
	if (query->lock == NETLINK_LOCK_EXPLICIT)
		record->flags |= SOCKET_EXPLICIT;
}

static void take_message(const struct nlmsghdr *header, const struct netlink_query *query,
			 struct socket_record *record)
{
	const struct inet_diag_msg *message = mnl_nlmsg_get_payload(header);

	*record = (struct socket_record){
		.protocol = query->protocol,
		.cookie = (uint64_t)message->id.idiag_cookie[1] << 32 | message->id.idiag_cookie[0],
		.device = message->id.idiag_if,
		.uid = message->idiag_uid,
		.inode = message->idiag_inode,
		.known = SOCKET_AF_INET6 | SOCKET_MINI,
	};
	take_addresses(message, record);
	take_state(message, query, record);
	if (!(record->flags & SOCKET_MINI))
		take_attributes(header, record);
}

static int kernel_error(const struct nlmsghdr *header)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(header);

	if (mnl_nlmsg_get_payload_len(header) < sizeof(error->error))
		return -EBADMSG;
	return error->error < 0 ? error->error : -EPROTO;
}

/* The end of a dump carries an int: 0, or why it ended early. */
static int dump_end(const struct nlmsghdr *header)
{
	int32_t code;

	if (mnl_nlmsg_get_payload_len(header) < sizeof(code))
		return 1;
	memcpy(&code, mnl_nlmsg_get_payload(header), sizeof(code));
	return code < 0 ? code : 1;
}

int netlink_rows(const void *bytes, size_t length, const struct netlink_query *query,
		 uint32_t sequence, bool *ret_interrupted, netlink_row row, void *context)
{
	const struct nlmsghdr *header = bytes;
	struct socket_record record;
	int left = (int)length, r;

	for (; mnl_nlmsg_ok(header, left); header = mnl_nlmsg_next(header, &left)) {
		if (header->nlmsg_seq != sequence)
			continue;
		if (header->nlmsg_flags & NLM_F_DUMP_INTR)
			*ret_interrupted = true;
		if (header->nlmsg_type == NLMSG_DONE)
			return dump_end(header);
		if (header->nlmsg_type == NLMSG_ERROR)
			return kernel_error(header);
		if (header->nlmsg_type != SOCK_DIAG_BY_FAMILY &&
		    header->nlmsg_type != TCPDIAG_GETSOCK)
			continue;
		if (mnl_nlmsg_get_payload_len(header) < sizeof(struct inet_diag_msg))
			return -EBADMSG;
		take_message(header, query, &record);
		r = row(context, &record);
		if (r < 0)
			return r;
	}
	return left > 0 ? -EBADMSG : 0;
}
