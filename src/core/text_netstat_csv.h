/*
 * Get-NetTCPConnection and Get-NetUDPEndpoint as CSV: which column holds what, told by the heading. The separator is the
 * one of the culture; fields may be quoted, and hold no newline. Inside text_netstat*.c only.
 */
#ifndef EPH_CORE_TEXT_NETSTAT_CSV_H
#define EPH_CORE_TEXT_NETSTAT_CSV_H

#include "text_netstat_row.h"

#define NETSTAT_CSV_FIELDS 80u

enum netstat_csv_column {
	CSV_LOCAL_ADDRESS,
	CSV_LOCAL_PORT,
	CSV_REMOTE_ADDRESS,
	CSV_REMOTE_PORT,
	CSV_STATE,
	CSV_PROCESS,
	CSV_COLUMNS,
};

struct netstat_csv {
	char separator;
	uint8_t column[CSV_COLUMNS]; /* from 1; 0: there is none */
};

/* Is @line the heading of such a table? */
bool netstat_csv_heading(struct text_span line, struct netstat_csv *ret);

/* Return: 0; -EINVAL when the row is not as its heading says. @ret_guessed as of netstat_record(). */
int netstat_csv_row(const struct netstat_csv *csv, struct text_span line, struct socket_record *ret,
		    bool *ret_guessed);

#endif
