#include "endpoint.h"

#include <arpa/inet.h>
#include <string.h>

socklen_t endpoint_of(const struct ip_address *address, uint16_t port, union endpoint *ret)
{
	*ret = (union endpoint){0};
	if (address->family == IP_V6) {
		ret->v6.sin6_family = AF_INET6;
		ret->v6.sin6_port = htons(port);
		memcpy(&ret->v6.sin6_addr, address->bytes, 16);
		return sizeof(ret->v6);
	}
	ret->v4.sin_family = AF_INET;
	ret->v4.sin_port = htons(port);
	memcpy(&ret->v4.sin_addr, address->bytes, 4);
	return sizeof(ret->v4);
}
