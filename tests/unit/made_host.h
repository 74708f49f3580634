/*
 * A host put together by hand, for the tests of rules/host_risks*.c: made, furnished, judged; and what the risks say.
 */
#ifndef EPH_TESTS_UNIT_MADE_HOST_H
#define EPH_TESTS_UNIT_MADE_HOST_H

#include "check.h"

#include "grouping.h"
#include "host_risks.h"
#include "usage.h"

struct host {
	struct snapshot *snapshot;
	struct file_list files;
	struct firewall_claims firewall;
	bool foreign;
};

static inline struct netns_snapshot *add_netns(struct snapshot *snapshot)
{
	struct netns_snapshot *netns = snapshot_add_netns(snapshot);

	assert_non_null(netns);
	netns->settings = (struct settings){
		.known = SETTING_RANGE | SETTING_RESERVED | SETTING_TW_REUSE | SETTING_TIMESTAMPS |
			 SETTING_FIN_TIMEOUT | SETTING_UNPRIVILEGED_START,
		.range = {32768, 60999},
		.unprivileged_start = 1024,
		.tw_reuse = 2,
		.timestamps = 1,
		.fin_timeout_s = 60,
	};
	assert_int_equal(group_table_init(&netns->groups, 8), 0);
	return netns;
}

static inline struct host make_host(void)
{
	struct host host = {.snapshot = snapshot_new()};

	assert_non_null(host.snapshot);
	add_netns(host.snapshot);
	return host;
}

static inline void add_file(struct host *host, const char *path, enum file_kind kind,
			    const char *text)
{
	assert_int_equal(
		file_list_add(&host->files, strdup(path), strdup(text), strlen(text), kind, 0), 0);
}

/* Takes the host over. */
static inline struct risks_result judge(struct host *host)
{
	struct risks_result risks = {0};
	struct service_ports services;
	struct usage_result usage;
	struct host_config config = {.files = &host->files,
				     .services = &services,
				     .firewall = &host->firewall,
				     .foreign = host->foreign,
				     .settings = !host->foreign};

	for (size_t i = 0; i < host->snapshot->n_netns; i++)
		group_table_finish(&host->snapshot->netns[i].groups);
	assert_int_equal(usage_judge(host->snapshot, USAGE_DESTINATION, &usage), 0);
	assert_int_equal(service_ports_read(&host->files, &services), 0);
	assert_int_equal(host_risks_judge(host->snapshot, &usage, &config, &risks), 0);
	service_ports_done(&services);
	file_list_done(&host->files);
	firewall_claims_done(&host->firewall);
	usage_result_done(&usage);
	snapshot_free(host->snapshot);
	return risks;
}

static inline const struct risk *find(const struct risks_result *risks, const char *id)
{
	for (size_t i = 0; i < risks->count; i++)
		if (strcmp(risks->risk[i].id, id) == 0)
			return &risks->risk[i];
	return NULL;
}

static inline bool says(const struct risk *risk, const char *words)
{
	for (unsigned i = 0; i < risk->n_evidence; i++)
		if (strstr(risk->evidence[i], words))
			return true;
	return strstr(risk->title, words) != NULL;
}

static inline void assert_says(const struct risk *risk, const char *words)
{
	if (!risk || !says(risk, words))
		fail_msg("'%s' is not said (%s)", words, risk ? risk->title : "no such risk");
}

static inline void assert_only(struct risks_result *risks, const char *id,
			       enum risk_severity severity)
{
	if (risks->count != 1)
		fail_msg("%zu risks instead of %s: %s", risks->count, id,
			 risks->count ? risks->risk[0].id : "");
	assert_string_equal(risks->risk[0].id, id);
	assert_int_equal(risks->risk[0].severity, severity);
	assert_true(risks->risk[0].n_evidence && risks->risk[0].n_advice);
}

#endif
