#include "bind_question.h"

#include <errno.h>
#include <linux/capability.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"

void bind_question_spoil(struct bench *bench, struct wish *wish)
{
	static const char *const bad_v4[] = {"8.8.8.8", "224.0.0.5", "127.7.7.7"};
	static const char *const bad_v6[] = {"2001:db8::1", "ff02::1", "fe80::1", "::ffff:8.8.8.8",
					     "::ffff:127.0.0.1"};

	wish->address = wish->family == AF_INET
				? bad_v4[port_state_below(bench, ARRAY_SIZE(bad_v4))]
				: bad_v6[port_state_below(bench, ARRAY_SIZE(bad_v6))];
	wish->freebind = port_state_chance(bench, 30);
	if (wish->family == AF_INET6)
		wish->v6only = port_state_chance(bench, 50);
}

static bool is_local(const struct wish *wish)
{
	const char *bare =
		strncmp(wish->address, "::ffff:", 7) == 0 ? wish->address + 7 : wish->address;

	if (strchr(bare, '.'))
		return strcmp(bare, "8.8.8.8") != 0;
	/* ::1 belongs to lo alone, an address of wider scope to every device. */
	if (strcmp(bare, "::1") == 0)
		return !wish->device || strcmp(wish->device, "lo") == 0;
	return strcmp(bare, "2001:db8::1") != 0 && strcmp(bare, "fe80::1") != 0;
}

struct bind_query bind_question_query(const struct bench *bench, const struct wish *wish,
				      bool privileged)
{
	struct bind_query query = {
		.protocol = bench->type == SOCK_STREAM ? PROTOCOL_TCP : PROTOCOL_UDP,
		.af_inet6 = wish->family == AF_INET6,
		.port = wish->port,
		.reuseaddr = wish->reuseaddr,
		.reuseport = wish->reuseport,
		.v6only = wish->v6only,
		.uid = wish->uid,
		.device = wish->device ? if_nametoindex(wish->device) : 0,
		.listens = bench->type == SOCK_STREAM,
		.privileged = privileged,
		.address_is_local = is_local(wish),
		.freebind = wish->freebind,
	};

	ip_address_parse(wish->address, &query.address, NULL);
	return query;
}

static void allow_low_ports(bool allow)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) < 0)
		return;
	if (allow)
		data[0].effective |= 1u << CAP_NET_BIND_SERVICE;
	else
		data[0].effective &= ~(1u << CAP_NET_BIND_SERVICE);
	syscall(SYS_capset, &header, data);
}

int bind_question_put(const struct bench *bench, const struct wish *wish, bool privileged)
{
	int fd = port_state_open(wish, bench->type), r;

	allow_low_ports(privileged);
	r = port_state_bind(fd, wish, wish->port);
	allow_low_ports(true);
	if (r == 0 && bench->type == SOCK_STREAM && listen(fd, 1) < 0)
		r = -errno;
	close(fd);
	return -r;
}
