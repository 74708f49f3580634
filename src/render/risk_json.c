#include "risk_json.h"

#include "names.h"
#include "paste.h"
#include "strbuf.h"

static void command_json(const char *command, const struct netns_snapshot *netns, struct json *json)
{
	struct strbuf text = STRBUF_INIT;

	if (command)
		paste_command(&text, netns, command);
	json_string(json, "command", command ? text.text : NULL);
	strbuf_done(&text);
}

void risk_json(const struct risk *risk, const struct snapshot *snapshot, bool several_netns,
	       struct json *json)
{
	json_object(json, NULL);
	json_string(json, "id", risk->id);
	json_string(json, "severity", risk_severity_name(risk->severity));
	json_string(json, "title", risk->title);
	if (several_netns && risk->netns < snapshot->n_netns)
		json_string(json, "netns", name_netns(&snapshot->netns[risk->netns]));
	json_array(json, "evidence");
	for (unsigned i = 0; i < risk->n_evidence; i++)
		json_string(json, NULL, risk->evidence[i]);
	json_end(json);
	json_array(json, "advice");
	for (unsigned i = 0; i < risk->n_advice; i++) {
		json_object(json, NULL);
		json_string(json, "text", risk->advice[i].text);
		command_json(risk->advice[i].command, &snapshot->netns[risk->netns], json);
		json_end(json);
	}
	json_end(json);
	if (risk->accepted_because)
		json_string(json, "accepted_because", risk->accepted_because);
	json_end(json);
}
