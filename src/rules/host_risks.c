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

static void judge_first(struct host_search *search)
{
	host_risks_of_namespaces(search);
	if (!search->config)
		return;
	if (search->config->settings)
		host_risks_of_sysctl_files(search);
	host_risks_of_services(search);
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
		if (i == 0)
			judge_first(&search);
	}
	risk_list_finish(result, snapshot);
	return result->failed ? -ENOMEM : 0;
}
