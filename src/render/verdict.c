#include "verdict.h"

#include "names.h"
#include "number.h"
#include "service.h"
#include "strbuf.h"

const char *verdict_word(enum verdict_level level)
{
	static const char *const word[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};

	return word[level];
}

const char *verdict_id(enum verdict_level level)
{
	static const char *const id[] = {"ok", "warning", "critical", "unknown"};

	return id[level];
}

double verdict_percent(const struct usage_group *group)
{
	if (!group->has_left)
		return 0;
	return group->capacity ? 100.0 * (group->capacity - group->left_max) / group->capacity
			       : 100.0;
}

enum verdict_level verdict_group(const struct usage_group *group)
{
	if (!group->has_left)
		return VERDICT_OK;
	if (!group->left_max || verdict_percent(group) >= VERDICT_CRITICAL_PERCENT)
		return VERDICT_CRITICAL;
	return group->past_knee ? VERDICT_WARNING : VERDICT_OK;
}

struct verdict verdict_of(const struct snapshot *snapshot, const struct usage_result *usage)
{
	struct verdict verdict = {.level = VERDICT_OK};

	for (size_t i = 0; i < usage->groups; i++) {
		const struct usage_group *group = &usage->group[i];
		enum verdict_level level = verdict_group(group);

		if (verdict.worst && (level < verdict.level ||
				      (level == verdict.level &&
				       verdict_percent(group) <= verdict_percent(verdict.worst))))
			continue;
		verdict.level = level;
		verdict.worst = group;
	}
	if (verdict.level == VERDICT_OK &&
	    (!snapshot->n_netns || !(snapshot->netns[0].settings.known & SETTING_RANGE)))
		verdict.level = VERDICT_UNKNOWN;
	return verdict;
}

/* "10.0.0.5:6379 (redis)", for UDP "udp from 10.0.0.17", and in which namespace, when there are several. */
static void add_destination(const struct usage_group *group, const struct snapshot *snapshot,
			    struct strbuf *out)
{
	const char *service = service_name(group->key.remote_port);
	char text[ENDPOINT_TEXT_BYTES];

	if (group->key.protocol == PROTOCOL_UDP)
		strbuf_printf(out, "UDP %s",
			      group->key.local.family == IP_V6 ? "over IPv6" : "over IPv4");
	else
		strbuf_puts(out, name_endpoint(&group->key.remote, group->key.remote_port, text));
	if (service && group->key.protocol != PROTOCOL_UDP)
		strbuf_printf(out, " (%s)", service);
	if (snapshot->n_netns < 2 || group->netns >= snapshot->n_netns)
		return;
	if (*snapshot->netns[group->netns].name)
		strbuf_printf(out, " in namespace %s", snapshot->netns[group->netns].name);
	else
		strbuf_puts(out, " in this namespace");
}

static void add_ports(const struct usage_group *group, struct strbuf *out)
{
	if (group->left == group->left_max)
		strbuf_printf(out, "%s of %s left", GROUPED(group->left),
			      COUNTED(group->capacity, "port"));
	else
		strbuf_printf(out, "%s to %s of %s left", GROUPED(group->left),
			      GROUPED(group->left_max), COUNTED(group->capacity, "port"));
}

static void quiet_sentence(const struct verdict *verdict, const struct snapshot *snapshot,
			   const struct usage_result *usage, struct strbuf *out)
{
	if (!verdict->worst) {
		strbuf_printf(out, "no outgoing connections; %s free towards every destination",
			      COUNTED(usage->n_netns
					      ? usage->netns[0].ports - usage->netns[0].reserved -
							usage->netns[0].blocked
					      : 0,
				      "port"));
		return;
	}
	strbuf_puts(out, "the fullest destination, ");
	add_destination(verdict->worst, snapshot, out);
	strbuf_puts(out, ", has ");
	add_ports(verdict->worst, out);
}

void verdict_sentence(const struct verdict *verdict, const struct snapshot *snapshot,
		      const struct usage_result *usage, struct strbuf *out)
{
	const struct usage_group *worst = verdict->worst;

	if (verdict->level == VERDICT_UNKNOWN) {
		strbuf_puts(out,
			    "the ephemeral port range could not be read, so nothing can be judged");
		return;
	}
	if (verdict->level == VERDICT_OK) {
		quiet_sentence(verdict, snapshot, usage, out);
		return;
	}
	if (!worst->left_max) {
		strbuf_puts(out, "no port is left to ");
		add_destination(worst, snapshot, out);
		strbuf_printf(out, ": connect() fails with %s",
			      worst->key.protocol == PROTOCOL_UDP ? "EAGAIN" : "EADDRNOTAVAIL");
		return;
	}
	add_destination(worst, snapshot, out);
	strbuf_puts(out, " has ");
	add_ports(worst, out);
	if (worst->past_knee)
		strbuf_puts(out, "; past the knee, connect() is slow");
}
