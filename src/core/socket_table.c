#include "socket_table.h"

#include <errno.h>
#include <stdlib.h>

int socket_table_add(struct socket_table *table, const struct socket_record *record)
{
	if (table->count == table->capacity) {
		size_t capacity = table->capacity ? table->capacity * 2 : 64;
		struct socket_record *grown = reallocarray(table->record, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		table->record = grown;
		table->capacity = capacity;
	}
	table->record[table->count++] = *record;
	return 0;
}

void socket_table_done(struct socket_table *table)
{
	free(table->record);
	*table = (struct socket_table){0};
}

const char *socket_state_name(uint8_t state)
{
	static const char *const names[SOCKET_STATES] = {
		[STATE_ESTABLISHED] = "established",
		[STATE_SYN_SENT] = "syn-sent",
		[STATE_SYN_RECV] = "syn-recv",
		[STATE_FIN_WAIT1] = "fin-wait-1",
		[STATE_FIN_WAIT2] = "fin-wait-2",
		[STATE_TIME_WAIT] = "time-wait",
		[STATE_CLOSE] = "unconnected",
		[STATE_CLOSE_WAIT] = "close-wait",
		[STATE_LAST_ACK] = "last-ack",
		[STATE_LISTEN] = "listening",
		[STATE_CLOSING] = "closing",
		[STATE_NEW_SYN_RECV] = "syn-recv",
		[STATE_BOUND] = "bound",
	};

	return state < SOCKET_STATES && names[state] ? names[state] : "unknown";
}

int socket_meets_any(const struct socket_record *record, enum ip_family family)
{
	/* :: sees every owner; 0.0.0.0 sees IPv4 and every IPv6 socket that is not V6ONLY, whatever its address. */
	if (family == IP_V6 || !(record->flags & SOCKET_AF_INET6))
		return 1;
	/* A v4-mapped address on an AF_INET6 socket cannot be V6ONLY. */
	if (record->local.family == IP_V4 && !ip_address_is_any(&record->local))
		return 1;
	if (!(record->known & SOCKET_V6ONLY))
		return -1;
	return !(record->flags & SOCKET_V6ONLY);
}
