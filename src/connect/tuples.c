#include "tuples.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define PORTS        64u
#define ANSWER_BYTES 256 /* what is behind the fixed part does not matter */
#define TIMER_TIME_WAIT                                                                            \
	3 /* idiag_timer of an entry without a socket (inet_twsk_diag_fill, sock_diag(7)) */
#define TIME_WAIT_MS 60000u

struct question {
	struct nlmsghdr header;
	struct inet_diag_req_v2 request;
};

struct answer {
	struct nlmsghdr header;
	struct inet_diag_msg socket;
	char rest[ANSWER_BYTES - sizeof(struct nlmsghdr) - sizeof(struct inet_diag_msg)];
};

int tuples_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

static struct question question_of(const struct tuples *tuples, uint16_t port, unsigned bit)
{
	struct question question = {
		.header = {.nlmsg_len = sizeof(question),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST,
			   .nlmsg_seq = bit},
		.request = {.sdiag_family = tuples->to.family == IP_V6 ? AF_INET6 : AF_INET,
			    .sdiag_protocol = tuples->protocol,
			    .idiag_states = ~0u,
			    .id = {.idiag_if = tuples->device,
				   .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
	};
	struct inet_diag_sockid *id = &question.request.id;

	memcpy(id->idiag_src, tuples->from.bytes, sizeof(id->idiag_src));
	memcpy(id->idiag_dst, tuples->to.bytes, sizeof(id->idiag_dst));
	id->idiag_sport = htons(port);
	id->idiag_dport = htons(tuples->to_port);
	if (tuples->protocol == IPPROTO_UDP) {
		/* udp_dump_one() takes the ends the other way round. */
		memcpy(id->idiag_src, tuples->to.bytes, sizeof(id->idiag_src));
		memcpy(id->idiag_dst, tuples->from.bytes, sizeof(id->idiag_dst));
		id->idiag_sport = htons(tuples->to_port);
		id->idiag_dport = htons(port);
	}
	return question;
}

static struct ip_address address_of(const struct inet_diag_msg *socket, const void *bytes)
{
	return socket->idiag_family == AF_INET6 ? ip_address_v6(bytes) : ip_address_v4(bytes);
}

/* Without a connection, TCP answers with a listener, and UDP with whoever would get a datagram. */
static bool is_connected(const struct tuples *tuples, const struct inet_diag_msg *socket,
			 uint16_t port)
{
	struct ip_address from = address_of(socket, socket->id.idiag_src);
	struct ip_address to = address_of(socket, socket->id.idiag_dst);

	return socket->idiag_state != TCP_LISTEN && ntohs(socket->id.idiag_sport) == port &&
	       ntohs(socket->id.idiag_dport) == tuples->to_port &&
	       ip_address_equal(&from, &tuples->from) && ip_address_equal(&to, &tuples->to);
}

static void note(const struct tuples *tuples, const struct inet_diag_msg *socket, uint64_t bit,
		 struct tuples_seen *ret)
{
	if (socket->idiag_timer != TIMER_TIME_WAIT) {
		ret->live |= bit;
		return;
	}
	ret->time_wait |= bit;
	/* The end of a TIME_WAIT is put off by late segments; it is then taken for younger than it is. */
	if (socket->idiag_state == TCP_TIME_WAIT &&
	    socket->idiag_expires + tuples->delay_ms < TIME_WAIT_MS)
		ret->old |= bit;
}

static int read_answer(const struct tuples *tuples, unsigned word, const struct answer *answer,
		       size_t length, struct tuples_seen *ret)
{
	unsigned bit = answer->header.nlmsg_seq & 63;
	uint16_t port = (uint16_t)(word << 6 | bit);
	int error;

	if (length < sizeof(answer->header))
		return -EIO;
	if (answer->header.nlmsg_type == NLMSG_ERROR) {
		if (length < sizeof(answer->header) + sizeof(error))
			return -EIO;
		memcpy(&error, &answer->socket, sizeof(error));
		return error == -ENOENT ? 0 : error;
	}
	if (length < offsetof(struct answer, rest))
		return -EIO;
	if (is_connected(tuples, &answer->socket, port))
		note(tuples, &answer->socket, UINT64_C(1) << bit, ret);
	return 0;
}

static int send_questions(int fd, const struct tuples *tuples, unsigned word, uint64_t ports)
{
	struct question question[PORTS];
	size_t count = 0;

	for (uint64_t left = ports; left; left &= left - 1) {
		unsigned bit = (unsigned)__builtin_ctzll(left);

		question[count++] = question_of(tuples, (uint16_t)(word << 6 | bit), bit);
	}
	return send(fd, question, count * sizeof(question[0]), 0) < 0 ? -errno : 0;
}

int tuples_look(int fd, const struct tuples *tuples, unsigned word, uint64_t ports,
		struct tuples_seen *ret)
{
	struct tuples_seen seen = {0};
	struct answer answer[PORTS];
	struct iovec piece[PORTS];
	struct mmsghdr message[PORTS];
	unsigned count = (unsigned)__builtin_popcountll(ports);
	int r = send_questions(fd, tuples, word, ports), got;

	for (unsigned i = 0; i < count; i++) {
		piece[i] = (struct iovec){&answer[i], sizeof(answer[i])};
		message[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &piece[i], .msg_iovlen = 1}};
	}
	/* The answers wait already: the kernel wrote them while we sent. */
	for (unsigned i = 0; !r && count; count -= (unsigned)got) {
		got = recvmmsg(fd, message, count, MSG_DONTWAIT, NULL);
		if (got <= 0)
			return got ? -errno : -EIO;
		for (i = 0; i < (unsigned)got && !r; i++)
			r = read_answer(tuples, word, &answer[i], message[i].msg_len, &seen);
	}
	if (!r)
		*ret = seen;
	return r;
}
