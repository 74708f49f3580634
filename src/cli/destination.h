/*
 * Where a connection goes and from where, as `capacity` and `why connect` are told.
 */
#ifndef EPH_CLI_DESTINATION_H
#define EPH_CLI_DESTINATION_H

struct arguments;
struct capacity_query;
struct eph_error;

/**
 * destination_parse() - DST:PORT, --from, and what -4, -6, --tcp and --udp say of them
 * @command: for messages
 * @operand: DST:PORT, or NULL when there was none
 * @query:   protocol, to, to_port, from and af_inet6 are filled
 *
 * Return: 0, or -EINVAL with @reterr.
 */
int destination_parse(const struct arguments *arguments, const char *command, const char *operand,
		      struct capacity_query *query, struct eph_error *reterr);

#endif
