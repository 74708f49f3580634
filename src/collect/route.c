#include "route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "alloc.h"
#include "endpoint.h"
#include "fd.h"
#include "netns.h"

/* A UDP socket of the namespace. Return: descriptor or negative errno. */
static int socket_in(int netns_fd, int family)
{
	int back, fd, r = netns_enter(netns_fd, &back);

	if (r < 0)
		return r;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	r = fd < 0 ? -errno : fd;
	netns_leave(&back);
	return r;
}

static size_t address_bytes(const struct ip_address *address)
{
	return address->family == IP_V6 ? 16 : 4;
}

/* "Which way to @to, for connect() of @protocol?" */
static struct nlmsghdr *put_question(void *buffer, uint8_t protocol, const struct ip_address *to,
				     uint16_t port)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route;

	message->nlmsg_type = RTM_GETROUTE;
	message->nlmsg_flags = NLM_F_REQUEST;
	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_family = to->family == IP_V6 ? AF_INET6 : AF_INET;
	route->rtm_dst_len = (uint8_t)(address_bytes(to) * 8);
	mnl_attr_put(message, RTA_DST, address_bytes(to), to->bytes);
	mnl_attr_put_u8(message, RTA_IP_PROTO, protocol);
	mnl_attr_put_u16(message, RTA_DPORT, htons(port));
	return message;
}

struct answer {
	const struct ip_address *to;
	struct ip_address *from;
	bool found;
};

static int take_attribute(const struct nlattr *attribute, void *context)
{
	struct answer *answer = context;
	const void *bytes = mnl_attr_get_payload(attribute);

	if (mnl_attr_get_type(attribute) != RTA_PREFSRC ||
	    mnl_attr_get_payload_len(attribute) != address_bytes(answer->to))
		return MNL_CB_OK;
	*answer->from = answer->to->family == IP_V6 ? ip_address_v6(bytes) : ip_address_v4(bytes);
	answer->found = true;
	return MNL_CB_STOP;
}

/* Return: 0, or why connect() would be refused. */
static int read_answer(const struct nlmsghdr *message, uint8_t protocol,
		       const struct ip_address *to, struct ip_address *ret_from)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct answer answer = {.to = to, .from = ret_from};
	bool one_host = route->rtm_type == RTN_UNICAST || route->rtm_type == RTN_LOCAL ||
			route->rtm_type == RTN_ANYCAST;

	if (protocol == IPPROTO_TCP && !one_host)
		return -ENETUNREACH;
	mnl_attr_parse(message, sizeof(*route), take_attribute, &answer);
	return answer.found ? 0 : -EADDRNOTAVAIL;
}

/* A netlink socket of the namespace, or NULL with errno. */
static struct mnl_socket *open_in(int netns_fd)
{
	struct mnl_socket *socket;
	int back, r = netns_enter(netns_fd, &back), error;

	if (r < 0) {
		errno = -r;
		return NULL;
	}
	socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	error = errno;
	netns_leave(&back);
	errno = error;
	return socket;
}

static int ask(struct mnl_socket *socket, uint8_t protocol, const struct ip_address *to,
	       uint16_t port, struct ip_address *ret_from)
{
	alignas(struct nlmsghdr) char buffer[8192];
	struct nlmsghdr *message = put_question(buffer, protocol, to, port);
	ssize_t length;

	if (mnl_socket_sendto(socket, message, message->nlmsg_len) < 0)
		return -errno;
	length = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
	if (length < 0)
		return -errno;
	if (!mnl_nlmsg_ok(message, (int)length))
		return -EBADMSG;
	if (message->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(message))->error;
	return read_answer(message, protocol, to, ret_from);
}

int route_source(int netns_fd, uint8_t protocol, const struct ip_address *to, uint16_t port,
		 struct ip_address *ret_from)
{
	static const struct ip_address link_local = {.family = IP_V6, .bytes = {0xfe, 0x80}};
	struct mnl_socket *socket;
	int r;

	/* The routing table has a way to every link's own addresses; connect() wants to be told which link. */
	if (ip_address_in_prefix(to, &link_local, 10))
		return -EINVAL;
	socket = open_in(netns_fd);
	if (!socket)
		return -errno;
	r = ask(socket, protocol, to, port, ret_from);
	mnl_socket_close(socket);
	return r;
}

int route_is_local(int netns_fd, const struct ip_address *address, uint32_t device)
{
	union endpoint endpoint;
	socklen_t length = endpoint_of(address, 0, &endpoint);
	CLEANUP(fd_closep) int fd = socket_in(netns_fd, endpoint.any.sa_family);
	const int one = 1;

	if (fd < 0)
		return fd;
	if (device && setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &device, sizeof(device)) < 0)
		return -errno;
	/* Late bind: the address is checked, no port is taken. */
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
	if (bind(fd, &endpoint.any, length) == 0)
		return 1;
	return errno == EADDRNOTAVAIL || errno == EINVAL || errno == ENODEV ? 0 : -errno;
}

int route_has_privilege(int netns_fd, uint16_t port)
{
	/* A link-local address without its interface is refused, but the privilege is looked at before that. */
	const struct sockaddr_in6 never = {.sin6_family = AF_INET6,
					   .sin6_port = htons(port),
					   .sin6_addr.s6_addr = {0xfe, 0x80, [15] = 1}};
	CLEANUP(fd_closep) int fd = socket_in(netns_fd, AF_INET6);

	if (fd < 0)
		return fd;
	if (bind(fd, (const struct sockaddr *)(const void *)&never, sizeof(never)) == 0)
		return -ENOTSUP;
	return errno == EINVAL ? 1 : errno == EACCES ? 0 : -errno;
}
