/*
 * Ports that netlink leaves in doubt, settled without privilege: one connection on loopback per port shows whether
 * connect() may still choose it. Not for everybody: while such a connection stands, for some microseconds, another
 * program that binds the same port to a wildcard address can be refused. So it is done only when it was asked for.
 */
#ifndef EPH_COLLECT_PROBE_H
#define EPH_COLLECT_PROBE_H

struct eph_error;
struct snapshot;

#define PROBE_MAX_MS 5000 /* for all namespaces; what is not settled by then stays in doubt */

/**
 * probe_binds() - find out which of the ports in doubt are open
 * @snapshot: bind tables and settings read. Ports of the ephemeral range leave binds.maybe and are added to binds.closed
 *            unless they are open; where sockets may be hidden, every port of the range is tried. In a namespace in
 *            which every port was settled, hidden becomes 0 and the gaps of bind buckets are cleared. `collector` gets
 *            "+probe" appended.
 *
 * Reserved ports are not tried, since connect() never takes them, nor are those outside the range: they cannot be asked
 * for. Nothing is left behind: no socket, no TIME_WAIT, every bucket in the state in which it was. Tries nothing, and is
 * content, where nothing is in doubt.
 *
 * Return: 0 if some namespace could be probed or none had to be; else, with @reterr: -EOPNOTSUPP: the kernel has no
 * IP_LOCAL_PORT_RANGE; -ENETDOWN: loopback is down; another negative errno: every connection failed with it.
 */
int probe_binds(struct snapshot *snapshot, struct eph_error *reterr);

#endif
