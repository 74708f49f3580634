#include "state.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

int64_t state_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct state_endpoint state_endpoint(int family, const char *text, uint16_t port)
{
	struct state_endpoint endpoint = {.address.ss_family = (sa_family_t)family};

	if (family == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)(void *)&endpoint.address;

		inet_pton(AF_INET, text, &in->sin_addr);
		in->sin_port = htons(port);
		endpoint.length = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&endpoint.address;

		inet_pton(AF_INET6, text, &in6->sin6_addr);
		in6->sin6_port = htons(port);
		endpoint.length = sizeof(*in6);
	}
	return endpoint;
}

void state_describe_flow(const struct state_flow *flow, struct strbuf *out)
{
	strbuf_printf(out, "%s %s -> %s port %u", flow->family == AF_INET ? "v4" : "v6",
		      flow->source ? flow->source : "*", flow->destination, flow->port);
	if (flow->device)
		strbuf_printf(out, " device %s", flow->device);
	if (flow->has_window)
		strbuf_printf(out, " window %u-%u", flow->window.lo, flow->window.hi);
	strbuf_printf(out, "%s%s%s", flow->reuseaddr ? " A" : "", flow->reuseport ? " R" : "",
		      flow->v6only ? " v6only" : "");
}

static void set_option(int fd, int level, int option, int value)
{
	setsockopt(fd, level, option, &value, sizeof(value));
}

int state_open(const struct state_flow *flow, int type)
{
	int fd = socket(flow->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (flow->reuseaddr)
		set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (flow->reuseport)
		set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (flow->family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, flow->v6only);
	if (flow->device && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, flow->device,
				       (socklen_t)strlen(flow->device) + 1) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

int state_socket(const struct state_flow *flow, int type)
{
	int fd = state_open(flow, type);

	if (fd < 0)
		return fd;
	if (flow->has_window) {
		uint32_t window = (uint32_t)flow->window.hi << 16 | flow->window.lo;

		if (setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &window, sizeof(window)) < 0)
			goto failed;
	}
	if (flow->source) {
		struct state_endpoint source = state_endpoint(flow->family, flow->source, 0);

		set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
		if (bind(fd, (struct sockaddr *)&source.address, source.length) < 0)
			goto failed;
	}
	return fd;
failed:
	close(fd);
	return -errno;
}

int state_connect(int fd, const struct state_flow *flow)
{
	struct state_endpoint to = state_endpoint(flow->family, flow->destination, flow->port);

	if (connect(fd, (struct sockaddr *)&to.address, to.length) == 0 || errno == EINPROGRESS)
		return 0;
	return -errno;
}
