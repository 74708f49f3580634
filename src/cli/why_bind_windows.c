#include "why_bind_windows.h"

#include <errno.h>
#include <string.h>

#include "alloc.h"
#include "excluded_bind.h"
#include "excluded_view.h"
#include "look.h"
#include "saved_text.h"

bool why_bind_windows_asked(const struct arguments *arguments)
{
	return arguments_has(arguments, "os") || arguments_has(arguments, "excluded") ||
	       arguments_has(arguments, "mirrored");
}

static int check_options(const struct arguments *arguments, struct eph_error *reterr)
{
	static const char *const others[] = {"reuseaddr", "reuseport", "v6only",    "uid",
					     "device",    "no-listen", "probe",     "netns",
					     "all-netns", "replay",    "collector", "save"};
	const char *os = arguments_get(arguments, "os");

	if (!os || strcmp(os, "windows") != 0)
		return error_set(reterr, -EINVAL, "why bind",
				 "%s: of other systems only windows, with --excluded FILE",
				 os ? os : "--excluded needs --os");
	if (!arguments_has(arguments, "excluded"))
		return error_set(
			reterr, -EINVAL, "why bind",
			"--os windows needs --excluded FILE: what netsh interface ipv4 show "
			"excludedportrange protocol=tcp printed there");
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (arguments_has(arguments, others[i]))
			return error_set(reterr, -EINVAL, "options",
					 "--%s has no meaning for another system", others[i]);
	return 0;
}

static int read_list(const struct arguments *arguments, bool udp, struct excluded_list *list,
		     struct eph_error *reterr)
{
	const char *mirrored = arguments_get(arguments, "mirrored");
	CLEANUP(freep) char *text = NULL;
	size_t length;
	int r = saved_text_read(arguments_get(arguments, "excluded"), EXCLUDED_BYTES_MAX, &text,
				&length, reterr);

	if (r == 0)
		r = text_excluded_read(text, length, udp, list, reterr);
	if (r < 0 && text)
		saved_text_blame(arguments_get(arguments, "excluded"), r, reterr);
	if (r == 0 && mirrored)
		r = port_range_parse(mirrored, &list->mirrored, reterr);
	return r;
}

int why_bind_windows(const struct arguments *arguments, const struct bind_query *query,
		     struct outcome *outcome, struct eph_error *reterr)
{
	CLEANUP(freep) struct excluded_list *list = malloc(sizeof(*list));
	struct excluded_bind result = {.port = query->port,
				       .udp = query->protocol == PROTOCOL_UDP,
				       .ipv6 = query->af_inet6};
	char address[IP_ADDRESS_TEXT_BYTES];
	struct excluded_view view = {&result, ip_address_format(&query->address, address)};
	struct screen screen = look_screen();
	int r = check_options(arguments, reterr);

	if (r == 0 && !list)
		r = error_set(reterr, -ENOMEM, "why bind", "out of memory");
	if (r == 0)
		r = read_list(arguments, result.udp, list, reterr);
	if (r < 0)
		return r;
	excluded_bind_judge(list, &result);
	if (arguments_has(arguments, "json"))
		excluded_view_json(&view, &outcome->text);
	else
		excluded_view_text(&view, &screen, &outcome->text);
	outcome->status = (int)excluded_view_level(&result);
	return 0;
}
