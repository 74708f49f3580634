#include "look.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "alloc.h"
#include "fd.h"
#include "socket_window.h"

#define ANSWER_BYTES (64u << 10)

/* A condition of sock_diag's filter: the address, and the port unless that is -1. */
struct condition {
	struct inet_diag_bc_op op;
	/* struct inet_diag_hostcond, whose open end may not stand before other members. */
	struct {
		uint8_t family, prefix_len;
		int port;
	} host;
	uint32_t address[4];
};

_Static_assert(sizeof((struct condition){0}.host) == sizeof(struct inet_diag_hostcond),
	       "as the kernel has it");

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
	struct nlattr filter;
	struct condition to, from;
};

static struct condition condition_of(unsigned char code, const struct ip_address *address, int port,
				     size_t left)
{
	struct condition condition = {
		.op = {.code = code, .yes = sizeof(condition), .no = (uint16_t)(left + 4)},
		.host = {.family = address->family == IP_V6 ? AF_INET6 : AF_INET,
			 .prefix_len = address->family == IP_V6 ? 128 : 32,
			 .port = port},
	};

	memcpy(condition.address, address->bytes, sizeof(condition.address));
	return condition;
}

static int ask(int fd, const struct ip_address *from, const struct ip_address *to, uint16_t to_port,
	       bool time_wait)
{
	struct question question = {
		.header = {.nlmsg_len = sizeof(question),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = to->family == IP_V6 ? AF_INET6 : AF_INET,
			    .sdiag_protocol = IPPROTO_TCP,
			    .idiag_states = ~(1u << TCP_LISTEN | 1u << TCP_CLOSE |
					      (time_wait ? 0 : 1u << TCP_TIME_WAIT))},
		.filter = {.nla_len = sizeof(struct nlattr) + 2 * sizeof(struct condition),
			   .nla_type = INET_DIAG_REQ_BYTECODE},
		/* To jump 4 bytes behind the end is to refuse. */
		.to = condition_of(INET_DIAG_BC_D_COND, to, to_port, 2 * sizeof(struct condition)),
		.from = condition_of(INET_DIAG_BC_S_COND, from, -1, sizeof(struct condition)),
	};

	return send(fd, &question, sizeof(question), 0) < 0 ? -errno : 0;
}

/* Return: 1 when that was the end, 0 when more follows, or a negative errno. */
static int read_answer(struct nlmsghdr *message, size_t length, struct port_set *ret)
{
	for (; NLMSG_OK(message, length); message = NLMSG_NEXT(message, length)) {
		const struct inet_diag_msg *socket = NLMSG_DATA(message);

		if (message->nlmsg_type == NLMSG_DONE)
			return 1;
		if (message->nlmsg_type == NLMSG_ERROR)
			return -EIO;
		if (message->nlmsg_len >= NLMSG_LENGTH(sizeof(*socket)))
			port_set_add(ret, ntohs(socket->id.idiag_sport));
	}
	return 0;
}

static int read_answers(int fd, struct port_set *ret)
{
	void *bytes = mmap(NULL, ANSWER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	int r = bytes == MAP_FAILED ? -ENOMEM : 0;

	while (!r) {
		ssize_t length = recv(fd, bytes, ANSWER_BYTES, 0);

		if (length > 0)
			r = read_answer(bytes, (size_t)length, ret);
		else if (length == 0 || errno != EINTR)
			r = length ? -errno : -EIO;
	}
	if (bytes != MAP_FAILED)
		munmap(bytes, ANSWER_BYTES);
	return r < 0 ? r : 0;
}

/* A UDP socket that is connected sends nothing, but is routed. */
static int routed_source(const struct ip_address *to, struct ip_address *ret)
{
	int domain = to->family == IP_V6 ? AF_INET6 : AF_INET;
	CLEANUP(fd_closep) int fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint16_t port;
	int r = fd < 0 ? -errno : socket_connect(fd, domain, to, 9);

	return r < 0 ? r : socket_name(fd, ret, &port);
}

int look_taken(const struct ip_address *from, const struct ip_address *to, uint16_t to_port,
	       bool time_wait, struct port_set *ret)
{
	CLEANUP(fd_closep) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	struct ip_address routed;
	int r = fd < 0 ? -errno : 0;

	if (!r && !from->family) {
		r = routed_source(to, &routed);
		from = &routed;
	}
	if (!r)
		r = ask(fd, from, to, to_port, time_wait);
	return r < 0 ? r : read_answers(fd, ret);
}
