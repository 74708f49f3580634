/*
 * Which ports are to be reserved: as the user lists them, as they are listened on, as services are configured.
 */
#ifndef EPH_CLI_RESERVE_PORTS_H
#define EPH_CLI_RESERVE_PORTS_H

#include "arguments.h"
#include "port_set.h"

/* Operands from @from on, each as in "3306,8000-8010". Return: 0, or -EINVAL with @reterr. */
int reserve_ports_listed(const struct arguments *arguments, unsigned from, struct port_set *ret,
			 struct eph_error *reterr);

/**
 * reserve_ports_listeners() - TCP ports that are listened on, and UDP ports that an unconnected socket asked for by
 * number, inside @range, of the namespace that the common options name
 * @ret_hidden: UDP ports are missing, because the collector does not see who named his port
 * To be called before the namespace is entered. Return: 0 or negative errno with @reterr.
 */
int reserve_ports_listeners(const struct arguments *arguments, struct port_set *ret,
			    bool *ret_hidden, struct eph_error *reterr);

/* Ports that configuration files give to services, running or not: those that check judges. */
int reserve_ports_services(struct port_set *ret, struct eph_error *reterr);

#endif
