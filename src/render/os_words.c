#include "os_words.h"

#include "json.h"
#include "number.h"
#include "strbuf.h"

const char *os_range_word(enum os_range_name name)
{
	static const char *const word[] = {"regular", "high", "low"};

	return word[name];
}

const char *os_sharing_id(enum os_sharing sharing)
{
	static const char *const id[] = {"none", "by-address", "by-destination", "depends"};

	return id[sharing];
}

const char *os_sharing_words(enum os_sharing sharing)
{
	static const char *const words[] = {
		"one connection of the host",
		"one connection of each local address",
		"one connection to each destination",
		"one connection of the host or to each destination, by release",
	};

	return words[sharing];
}

static const char *const protocol_word[OS_PROTOCOLS] = {"tcp", "udp", "sctp"};
static const char *const family_word[OS_FAMILIES] = {"ipv4", "ipv6"};

void os_protocol_words(unsigned protocols, unsigned families, struct strbuf *out)
{
	const char *gap = "";

	for (unsigned i = 0; i < OS_PROTOCOLS; i++)
		if (protocols & 1u << i) {
			strbuf_printf(out, "%s%s", gap, protocol_word[i]);
			gap = " ";
		}
	if (families == OS_IPV4 || families == OS_IPV6)
		strbuf_printf(out, " (%s)", family_word[families == OS_IPV6]);
}

void os_json_protocols(struct json *json, unsigned protocols, unsigned families)
{
	json_array(json, "protocols");
	for (unsigned i = 0; i < OS_PROTOCOLS; i++)
		if (protocols & 1u << i)
			json_string(json, NULL, protocol_word[i]);
	json_end(json);
	json_array(json, "families");
	for (unsigned i = 0; i < OS_FAMILIES; i++)
		if (families & 1u << i)
			json_string(json, NULL, family_word[i]);
	json_end(json);
}

const char *os_warning_id(unsigned warning)
{
	static const char *const id[OS_WARNINGS] = {
		"clamped",     "same-parity",  "below-privileged-floor", "reversed",
		"one-port",    "narrow",       "reaches-services",       "listeners-in-range",
		"fails-early", "boot-differs", "reserved-ports",         "families-differ",
		"outdated",
	};

	for (unsigned i = 0; i < OS_WARNINGS; i++)
		if (warning == 1u << i)
			return id[i];
	return "unknown";
}

static void odd_words(const struct os_range *range, struct strbuf *out)
{
	uint32_t ports = port_range_width(range->now);

	strbuf_printf(
		out,
		"its number of ports, %s, is odd: each search for a free port leaves one out; ",
		GROUPED(ports));
	if (range->now.hi < UINT16_MAX)
		strbuf_printf(out, "%u-%u has not that fault", range->now.lo, range->now.hi + 1);
	else
		strbuf_printf(out, "%u-%u has not that fault",
			      ports == 1 ? range->now.lo - 1 : range->now.lo + 1, range->now.hi);
}

static void boot_words(const struct os_range *range, struct strbuf *out)
{
	strbuf_printf(out, "the next boot brings %u-%u back", range->boot.lo, range->boot.hi);
	if (!range->boot_set)
		strbuf_puts(out, ", the default: nothing keeps what is set now");
	else if (*range->where)
		strbuf_printf(out, ", from %s", range->where);
}

/* The default where it is wider than what IANA recommends. */
static void few_words(const struct os_range *range, struct strbuf *out)
{
	struct port_range wide = {49152, 65535};
	uint32_t ports = port_range_width(range->now);

	if (range->built_in && port_range_width(range->built_in->range) > port_range_width(wide))
		wide = range->built_in->range;
	strbuf_printf(out, "%s %s few; ", COUNTED(ports, "port"), ARE(ports));
	strbuf_printf(out, "%u-%u has %s", wide.lo, wide.hi, GROUPED(port_range_width(wide)));
}

void os_warning_words(const struct os_range *range, unsigned warning, struct strbuf *out)
{
	if (warning == OS_WARN_CLAMPED)
		strbuf_printf(
			out,
			"a file asks for a value outside of %u-%u, which the system moves there "
			"without a word",
			range->spec->bounds.lo, range->spec->bounds.hi);
	else if (warning == OS_WARN_SAME_PARITY)
		odd_words(range, out);
	else if (warning == OS_WARN_BELOW_FLOOR)
		strbuf_puts(out,
			    "it begins among the ports that need privilege: outgoing connections "
			    "take what system services want");
	else if (warning == OS_WARN_REVERSED)
		strbuf_puts(out, "its first port is larger than its last: the system reads it the "
				 "other way round");
	else if (warning == OS_WARN_ONE_PORT)
		strbuf_puts(out,
			    "first and last are equal: newer kernels divide by their difference");
	else if (warning == OS_WARN_NARROW)
		few_words(range, out);
	else if (warning == OS_WARN_WELL_KNOWN)
		strbuf_puts(out,
			    "it was made to reach below 10000, where services listen: one of them "
			    "may find its port taken");
	else if (warning == OS_WARN_LISTENERS)
		strbuf_printf(out, "%s %s inside: after a restart its port may be taken",
			      GROUPED(range->listeners),
			      range->listeners == 1 ? "service listens" : "services listen");
	else if (warning == OS_WARN_EARLY_FAIL)
		strbuf_puts(out, "its algorithm gives up though ports are free (random_pick): "
				 "random_start does not");
	else if (warning == OS_WARN_BOOT_DIFFERS)
		boot_words(range, out);
	else if (warning == OS_WARN_RESERVED)
		strbuf_puts(out, "a tenth of it or more is reserved or excluded and never chosen");
	else if (warning == OS_WARN_FAMILIES)
		strbuf_puts(out, "IPv4 and IPv6 have different ranges");
	else if (warning == OS_WARN_OUTDATED && range->outdated)
		strbuf_puts(out, range->outdated);
}
