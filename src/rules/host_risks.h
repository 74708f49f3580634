/*
 * What may go wrong on this host that sockets alone do not tell: settings against configuration files, configured
 * services that are not running, namespaces against each other, programs that bind before they connect. One small
 * function per risk, in host_risks_SUBJECT.c; to add one, name it in host_risks.c and in risk_ids.def, and write its page.
 */
#ifndef EPH_RULES_HOST_RISKS_H
#define EPH_RULES_HOST_RISKS_H

#include "file_list.h"
#include "firewall_claims_result.h"
#include "risks_result.h"
#include "service_ports.h"
#include "snapshot.h"
#include "usage_result.h"

/* The files of a host, for its first namespace. */
struct host_config {
	const struct file_list *files;
	const struct service_ports *services; /* of @files */
	/* what packets to its ports meet; NULL or not known: not looked at */
	const struct firewall_claims *firewall;
	bool foreign; /* the first namespace is not the host's: no file of the host is about it */
	bool settings; /* the sysctl files were read, so a setting that is in none of them is in no file */
};

/**
 * host_risks_judge() - add what is found to @result, which risks_judge() filled, and sort it
 * @usage:  by destination, of the same snapshot
 * @config: NULL when no file was read; then only what the snapshot shows is judged
 * Return: 0, or -ENOMEM; @result is then still to be freed.
 */
int host_risks_judge(const struct snapshot *snapshot, const struct usage_result *usage,
		     const struct host_config *config, struct risks_result *result);

#endif
