/*
 * The sockets of a host as its own command printed them: netstat of AIX, the BSDs, HP-UX, IRIX, Linux, macOS, Solaris,
 * illumos, Tru64 and Windows, sockstat, ss, and Get-NetTCPConnection as CSV. The text tells which of them it is; a prompt
 * and the command above it, headings, other tables and lines about processes may stand around the rows. Pure; the text is
 * hostile input.
 *
 * Numbers are read, words hardly ever: states of a localised Windows are told by remote port and process id. A row that
 * breaks off, or holds names where numbers belong, is refused with its line; nothing is guessed from half a row.
 */
#ifndef EPH_CORE_TEXT_NETSTAT_H
#define EPH_CORE_TEXT_NETSTAT_H

#include "socket_table.h"

struct eph_error;

#define NETSTAT_BYTES_MAX (256u << 20) /* of a text */
#define NETSTAT_ROWS_MAX  2000000u

/* What the text leaves open. */
enum netstat_doubt {
	/* IPv6 addresses were cut to the width of a column: such an address has family IP_NONE, or may be wrong */
	NETSTAT_CUT = 1u << 0,
	/* states were not told, or in words that are not known: such a socket counts as established */
	NETSTAT_STATES = 1u << 1,
	/* no listening socket was printed: accepted connections cannot be told from outgoing ones */
	NETSTAT_NO_LISTENERS = 1u << 2,
};
#define NETSTAT_DOUBTS 3u

struct netstat_text {
	struct socket_table sockets; /* each connection once, however often it was printed */
	const char *system; /* as in os/: "freebsd"; NULL when several systems print such a text */
	uint32_t doubts;    /* enum netstat_doubt */
	uint64_t rows;      /* sockets printed, also those without a port */
	uint64_t cut;       /* of those: with an address that is cut for certain */
};

/**
 * text_netstat_read() - all TCP and UDP sockets of a text
 * @text: bytes, UTF-8 or what the system has; UTF-16 with its mark, as PowerShell redirects, is understood
 * @ret:  replaced; release with text_netstat_done(), on failure too
 * Return: 0, also when a heading stands there without rows; -EINVAL with the line in @reterr (its offset too);
 * -ENOMSG when nothing in it is such an output; -E2BIG beyond a limit; -ENOMEM.
 */
int text_netstat_read(const char *text, size_t length, struct netstat_text *ret,
		      struct eph_error *reterr);
void text_netstat_done(struct netstat_text *netstat);

#endif
