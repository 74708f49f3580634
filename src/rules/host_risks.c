#include "host_risks.h"

#include <errno.h>
#include <string.h>

#include "host_risks_search.h"

bool host_risks_is_plain(const char *path)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./@+";

	return *path == '/' && strspn(path, plain) == strlen(path);
}

const struct process_record *host_risks_process(const struct host_search *search, uint32_t inode)
{
	const struct process_table *table = &search->snapshot->processes;
	const struct process_link *link;
	size_t count;

	if (!inode || !search->snapshot->has_processes)
		return NULL;
	link = process_table_find(table, inode, &count);
	return link && link->process < table->processes ? &table->process[link->process] : NULL;
}

static void judge_first(struct host_search *search)
{
	host_risks_of_namespaces(search);
	if (!search->config)
		return;
	if (search->config->settings)
		host_risks_of_sysctl_files(search);
	else if (search->config->foreign)
		host_risks_of_foreign_settings(search);
	host_risks_of_services(search);
	host_risks_of_firewall(search);
}

int host_risks_judge(const struct snapshot *snapshot, const struct usage_result *usage,
		     const struct host_config *config, struct risks_result *result)
{
	struct host_search search = {
		.snapshot = snapshot, .usage = usage, .config = config, .result = result};

	for (size_t i = 0; i < snapshot->n_netns; i++) {
		search.index = (uint32_t)i;
		search.netns = &snapshot->netns[i];
		if (!(search.netns->settings.known & SETTING_RANGE))
			continue;
		host_risks_of_range(&search);
		host_risks_of_sockets(&search);
		host_risks_of_settings(&search);
		host_risks_of_rate(&search);
		host_risks_of_owners(&search);
		if (i == 0)
			judge_first(&search);
	}
	risk_list_finish(result, snapshot);
	return result->failed ? -ENOMEM : 0;
}
