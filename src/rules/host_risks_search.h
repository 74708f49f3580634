/*
 * Between host_risks.c and the finders in host_risks_*.c.
 */
#ifndef EPH_RULES_HOST_RISKS_SEARCH_H
#define EPH_RULES_HOST_RISKS_SEARCH_H

#include "host_risks.h"
#include "risk_list.h"

struct host_search {
	const struct snapshot *snapshot;
	const struct usage_result *usage;
	const struct host_config *config;   /* NULL: no file was read */
	const struct netns_snapshot *netns; /* the one looked at; the range is known */
	uint32_t index;
	struct risks_result *result;
};

#define HOST_RISKS_SHOWN 5u /* of one id about single destinations */

/* Who has the socket file @inode open; NULL when nobody is known. */
const struct process_record *host_risks_process(const struct host_search *search, uint32_t inode);

/* A path that a shell takes as it is: commands are printed for no other. */
bool host_risks_is_plain(const char *path);

/* Once for each namespace. */
void host_risks_of_range(struct host_search *search);
void host_risks_of_sockets(struct host_search *search);
void host_risks_of_settings(struct host_search *search);
void host_risks_of_rate(struct host_search *search);
/* Adds to the risks of destinations that are there already. */
void host_risks_of_owners(struct host_search *search);

/* Once, for the first namespace, which the files are about. */
void host_risks_of_namespaces(struct host_search *search);
void host_risks_of_sysctl_files(struct host_search *search);
void host_risks_of_foreign_settings(struct host_search *search); /* of a namespace without files */
void host_risks_of_firewall(struct host_search *search);
void host_risks_of_services(struct host_search *search);

#endif
