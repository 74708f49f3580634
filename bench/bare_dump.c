/*
 * The least that reading sockets through sock_diag can cost: dump every TCP socket, IPv4 and IPv6, and only count the
 * messages. What `usage` is measured against in bench/run.
 */
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel fills at most 32 KiB a read. */
static _Alignas(struct nlmsghdr) uint8_t buffer[1u << 16];

static int ask(int fd, uint8_t family)
{
	struct {
		struct nlmsghdr header;
		struct inet_diag_req_v2 request;
	} message = {
		.header = {.nlmsg_len = sizeof(message),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = family,
			    .sdiag_protocol = IPPROTO_TCP,
			    .idiag_states = UINT32_MAX},
	};

	return send(fd, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

static int64_t count_answers(int fd)
{
	int64_t count = 0;

	for (;;) {
		ssize_t received = recv(fd, buffer, sizeof(buffer), 0);
		unsigned left = (unsigned)received;

		if (received < 0)
			return -errno;
		for (struct nlmsghdr *message = (struct nlmsghdr *)buffer; NLMSG_OK(message, left);
		     message = NLMSG_NEXT(message, left)) {
			if (message->nlmsg_type == NLMSG_DONE)
				return count;
			if (message->nlmsg_type == NLMSG_ERROR)
				return -EPROTO;
			count++;
		}
	}
}

int main(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	static const uint8_t family[] = {AF_INET, AF_INET6};
	int64_t sockets = 0;

	for (unsigned i = 0; i < 2; i++) {
		int64_t count = fd < 0 ? -errno : ask(fd, family[i]);

		if (count == 0)
			count = count_answers(fd);
		if (count < 0) {
			fprintf(stderr, "bare_dump: %s\n", strerror((int)-count));
			return 3;
		}
		sockets += count;
	}
	printf("%lld\n", (long long)sockets);
	close(fd);
	return 0;
}
