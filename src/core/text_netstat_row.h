/*
 * The parts of a row that all of them share: addresses with ports, protocols, states. Inside text_netstat*.c only.
 */
#ifndef EPH_CORE_TEXT_NETSTAT_ROW_H
#define EPH_CORE_TEXT_NETSTAT_ROW_H

#include "socket_table.h"
#include "text_line.h"

/* An address with a port: 192.0.2.1.80, 192.0.2.1:80, [fe80::1%12]:80, ::1:80, fe80::1%lo0.80, *.22, *:*, 0.0.0.0:* */
struct netstat_end {
	struct ip_address address; /* IP_NONE when cut */
	uint16_t port;             /* 0 for a wildcard */
	bool star;                 /* the address was * */
	bool cut;
	bool maybe_cut; /* as long as the column in which addresses are cut */
	bool v6_text;
	uint32_t scope; /* of a link-local address, where it is a number */
	size_t length;  /* of the address */
};

/* Split at the last colon, or the last dot where dots follow it. Return: 0; -EINVAL; -ENOTUNIQ: a name, not a number. */
int netstat_end_parse(struct text_span span, struct netstat_end *ret);

/* Does it look like an address with a port? Cheap, and true for those that are broken. */
bool netstat_end_like(struct text_span span);

struct netstat_protocol {
	enum socket_protocol protocol;
	bool v6;    /* tcp6, udp46 */
	bool plain; /* without a family: tcp, udp */
};

bool netstat_protocol_parse(struct text_span span, struct netstat_protocol *ret);

/* A state in any of their spellings; 0 when it is none that is known. */
uint8_t netstat_state(struct text_span span);

/**
 * netstat_record() - put a row together
 * @state: 0 when the row does not tell; @waits: no process has it
 * @ret_guessed: the state was neither told nor follows from the numbers
 */
struct socket_record netstat_record(struct netstat_protocol protocol,
				    const struct netstat_end *local,
				    const struct netstat_end *remote, uint8_t state, bool waits,
				    bool *ret_guessed);

#endif
