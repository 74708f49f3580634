/* Settings that are believed to do what they do not do. */
#include "host_risks_search.h"
#include "text_sysctl_conf.h"

#define TIME_WAIT_SECONDS   60u
#define FIN_TIMEOUT_DEFAULT 60u

/* Which line of which file sets @key at boot; only the first namespace gets its settings from files. */
static bool line_of(const struct host_search *search, const char *key, struct sysctl_line *ret)
{
	return search->config && search->index == 0 &&
	       text_sysctl_conf_find(search->config->files, key, SYSCTL_READER_PROCPS, ret);
}

static void add_line(struct host_search *search, struct risk *risk, const char *key)
{
	struct sysctl_line line;

	if (line_of(search, key, &line))
		risk_evidence(search->result, risk, "%s:%u sets it", line.file->path, line.line);
}

static void find_fin_timeout(struct host_search *search)
{
	const struct settings *settings = &search->netns->settings;
	struct risk *risk;

	if (!(settings->known & SETTING_FIN_TIMEOUT) ||
	    settings->fin_timeout_s >= FIN_TIMEOUT_DEFAULT)
		return;
	risk = risk_list_add(search->result, search->index, "fin-timeout-folklore", RISK_INFO,
			     "tcp_fin_timeout is %u s; TIME_WAIT still lasts %u s",
			     settings->fin_timeout_s, TIME_WAIT_SECONDS);
	risk_evidence(search->result, risk,
		      "it shortens FIN_WAIT2 only, where this side has closed and the peer has "
		      "not; TIME_WAIT is fixed in the kernel");
	add_line(search, risk, "net.ipv4.tcp_fin_timeout");
	risk_advice(search->result, risk,
		    risk_command(search->result, "sysctl -w net.ipv4.tcp_fin_timeout=%u",
				 FIN_TIMEOUT_DEFAULT),
		    "put the default back; against TIME_WAIT keep connections alive, or let the "
		    "peer close first");
}

static void find_tw_reuse(struct host_search *search)
{
	const struct settings *settings = &search->netns->settings;
	uint32_t needed = SETTING_TW_REUSE | SETTING_TIMESTAMPS;
	struct risk *risk;

	if ((settings->known & needed) != needed || settings->tw_reuse != 1)
		return;
	if (settings->timestamps == 0) {
		risk = risk_list_add(search->result, search->index, "tw-reuse-without-timestamps",
				     RISK_WARNING,
				     "tcp_tw_reuse is 1 and does nothing: tcp_timestamps is 0");
		risk_evidence(search->result, risk,
			      "connect() replaces a TIME_WAIT only if both ends agreed on "
			      "timestamps");
		add_line(search, risk, "net.ipv4.tcp_timestamps");
		risk_advice(search->result, risk,
			    risk_command(search->result, "sysctl -w net.ipv4.tcp_timestamps=1"),
			    "switch timestamps on, the default");
		return;
	}
	risk = risk_list_add(
		search->result, search->index, "tw-reuse-everywhere", RISK_INFO,
		"tcp_tw_reuse is 1: TIME_WAIT towards every host may be replaced early");
	risk_evidence(search->result, risk,
		      "safe where the peer keeps timestamps in order; behind a load balancer or "
		      "NAT that mixes the timestamps of several hosts a new connection may be "
		      "refused or stall");
	add_line(search, risk, "net.ipv4.tcp_tw_reuse");
	risk_advice(search->result, risk,
		    risk_command(search->result, "sysctl -w net.ipv4.tcp_tw_reuse=2"),
		    "if connections need not be opened that often, reuse on loopback only, the "
		    "default");
}

static void find_tw_recycle(struct host_search *search)
{
	struct sysctl_line line;
	struct risk *risk;

	if (!line_of(search, "net.ipv4.tcp_tw_recycle", &line) || line.pattern)
		return;
	risk = risk_list_add(search->result, search->index, "tw-recycle-folklore", RISK_INFO,
			     "%s:%u sets tcp_tw_recycle, which does not exist", line.file->path,
			     line.line);
	risk_evidence(search->result, risk,
		      "Linux 4.12 removed it, because it broke clients behind NAT");
	risk_advice(
		search->result, risk,
		host_risks_is_plain(line.file->path)
			? risk_command(search->result, "sed -i %ud %s", line.line, line.file->path)
			: NULL,
		"delete the line");
}

void host_risks_of_settings(struct host_search *search)
{
	find_fin_timeout(search);
	find_tw_reuse(search);
	find_tw_recycle(search);
}
