#include "risk_list.h"

#include <stdarg.h>
#include <stdlib.h>

#include "strbuf.h"

#define SYSCTL_VALUE_BYTES_MAX 4000u /* one write(2) of ip_local_reserved_ports takes no more */

const char *risk_severity_name(enum risk_severity severity)
{
	static const char *const names[] = {"info", "warning", "critical"};

	return names[severity];
}

static char *format_text(struct risks_result *result, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static char *format_text(struct risks_result *result, const char *format, va_list arguments)
{
	struct strbuf text = STRBUF_INIT;
	char *taken;

	strbuf_vprintf(&text, format, arguments);
	taken = strbuf_take(&text);
	result->failed |= !taken;
	return taken;
}

static struct risk *grow(struct risks_result *result)
{
	size_t capacity = result->capacity ? result->capacity * 2 : 16;
	struct risk *grown;

	if (result->count < result->capacity)
		return &result->risk[result->count++];
	grown = reallocarray(result->risk, capacity, sizeof(*grown));
	if (!grown) {
		result->failed = true;
		return NULL;
	}
	result->risk = grown;
	result->capacity = capacity;
	return &result->risk[result->count++];
}

struct risk *risk_list_add(struct risks_result *result, uint32_t netns, const char *id,
			   enum risk_severity severity, const char *format, ...)
{
	struct risk *risk = grow(result);
	va_list arguments;

	if (!risk)
		return NULL;
	*risk = (struct risk){
		.id = id, .severity = severity, .netns = netns, .group = RISK_NO_GROUP};
	va_start(arguments, format);
	risk->title = format_text(result, format, arguments);
	va_end(arguments);
	return risk;
}

void risk_evidence(struct risks_result *result, struct risk *risk, const char *format, ...)
{
	va_list arguments;

	if (!risk || risk->n_evidence == RISK_LINES_MAX)
		return;
	va_start(arguments, format);
	risk->evidence[risk->n_evidence++] = format_text(result, format, arguments);
	va_end(arguments);
}

void risk_advice(struct risks_result *result, struct risk *risk, char *command, const char *format,
		 ...)
{
	struct risk_advice *advice;
	va_list arguments;

	if (!risk || risk->n_advice == RISK_LINES_MAX) {
		free(command);
		return;
	}
	advice = &risk->advice[risk->n_advice++];
	*advice = (struct risk_advice){.command = command};
	va_start(arguments, format);
	advice->text = format_text(result, format, arguments);
	va_end(arguments);
}

char *risk_command(struct risks_result *result, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = format_text(result, format, arguments);
	va_end(arguments);
	return text;
}

void risk_advice_reserve(struct risks_result *result, struct risk *risk,
			 const struct port_set *ports, bool instead, const char *format, ...)
{
	struct port_set *copy = malloc(sizeof(*copy));
	struct risk_advice *advice;
	va_list arguments;

	if (!copy || !risk || risk->n_advice == RISK_LINES_MAX) {
		result->failed |= !copy;
		free(copy);
		return;
	}
	*copy = *ports;
	advice = &risk->advice[risk->n_advice++];
	*advice = (struct risk_advice){.reserve = copy, .instead = instead};
	va_start(arguments, format);
	advice->text = format_text(result, format, arguments);
	va_end(arguments);
}

static char *list_command(struct risks_result *result, const char *command,
			  const struct port_set *ports)
{
	struct strbuf list = STRBUF_INIT;
	char *whole = NULL;

	port_set_format(ports, &list);
	if (!list.failed && list.length <= SYSCTL_VALUE_BYTES_MAX)
		whole = risk_command(result, "%s%s", command, list.text);
	strbuf_done(&list);
	return whole;
}

/* All that is reserved in the namespace once every command was followed. */
static struct port_set wanted(const struct risks_result *result, const struct snapshot *snapshot,
			      uint32_t netns)
{
	struct port_set ports = {0};

	if (netns < snapshot->n_netns)
		ports = snapshot->netns[netns].settings.reserved;
	for (size_t i = 0; i < result->count; i++) {
		const struct risk *risk = &result->risk[i];

		if (risk->netns != netns || risk->accepted_because)
			continue;
		for (unsigned j = 0; j < risk->n_advice; j++)
			if (risk->advice[j].reserve && !risk->advice[j].instead)
				port_set_add_set(&ports, risk->advice[j].reserve);
	}
	return ports;
}

static bool is_own(const struct snapshot *snapshot, uint32_t netns)
{
	return netns >= snapshot->n_netns || !*snapshot->netns[netns].name;
}

char *risk_range_command(struct risks_result *result, const struct snapshot *snapshot,
			 uint32_t netns, uint32_t lo, uint32_t hi)
{
	if (is_own(snapshot, netns))
		return risk_command(result, "ephemports range set %u-%u", lo, hi);
	return risk_command(result, "sysctl -w net.ipv4.ip_local_port_range=\"%u %u\"", lo, hi);
}

static void write_commands(struct risks_result *result, const struct snapshot *snapshot,
			   struct risk *risk)
{
	bool own = is_own(snapshot, risk->netns);

	for (unsigned j = 0; j < risk->n_advice; j++) {
		struct risk_advice *advice = &risk->advice[j];
		struct port_set ports;

		if (!advice->reserve)
			continue;
		free(advice->command);
		if (own) {
			/* It merges by itself, and lasts over a boot. */
			advice->command =
				list_command(result, "ephemports reserve add ", advice->reserve);
			continue;
		}
		ports = wanted(result, snapshot, risk->netns);
		port_set_add_set(&ports, advice->reserve);
		advice->command =
			list_command(result, "sysctl -w net.ipv4.ip_local_reserved_ports=", &ports);
	}
}

static void sort(struct risks_result *result)
{
	for (size_t i = 1; i < result->count; i++) {
		struct risk moved = result->risk[i];
		size_t j = i;

		for (; j > 0 && result->risk[j - 1].severity < moved.severity; j--)
			result->risk[j] = result->risk[j - 1];
		result->risk[j] = moved;
	}
}

void risk_list_finish(struct risks_result *result, const struct snapshot *snapshot)
{
	sort(result);
	for (size_t i = 0; i < result->count; i++)
		write_commands(result, snapshot, &result->risk[i]);
}

void risks_result_drop(struct risks_result *result, size_t index)
{
	struct risk *risk = &result->risk[index];

	free(risk->title);
	free(risk->accepted_because);
	for (unsigned j = 0; j < risk->n_evidence; j++)
		free(risk->evidence[j]);
	for (unsigned j = 0; j < risk->n_advice; j++) {
		free(risk->advice[j].text);
		free(risk->advice[j].command);
		free(risk->advice[j].reserve);
	}
	for (size_t i = index + 1; i < result->count; i++)
		result->risk[i - 1] = result->risk[i];
	result->count--;
}

void risks_result_done(struct risks_result *result)
{
	while (result->count)
		risks_result_drop(result, result->count - 1);
	free(result->risk);
	*result = (struct risks_result){0};
}
