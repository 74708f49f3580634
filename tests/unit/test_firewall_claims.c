/* Exercises: core/text_nft.c, core/text_nft_match.c, core/firewall.c and rules/firewall_claims.c: what rules, as nft -j
 * prints them, do to packets to a port. That the kernel does the same is tests/kernel/test_firewall.py. */
#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "firewall_claims.h"
#include "text_nft.h"

#define TABLES                                                                                     \
	"{\"nftables\": [{\"metainfo\": {}},"                                                      \
	"{\"chain\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"in\", \"type\": "        \
	"\"filter\", \"hook\": \"input\", \"prio\": 0, \"policy\": \"accept\"}},"                  \
	"{\"chain\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"sub\"}},"                \
	"{\"chain\": {\"family\": \"inet\", \"table\": \"t\", \"name\": \"late\", \"type\": "      \
	"\"filter\", \"hook\": \"input\", \"prio\": 9, \"policy\": \"drop\"}},"                    \
	"{\"chain\": {\"family\": \"ip\", \"table\": \"n\", \"name\": \"pre\", \"type\": "         \
	"\"nat\", "                                                                                \
	"\"hook\": \"prerouting\", \"prio\": -100, \"policy\": \"accept\"}},"                      \
	"{\"set\": {\"family\": \"inet\", \"name\": \"s\", \"table\": \"t\", \"type\": "           \
	"\"inet_service\", \"elem\": [{\"range\": [10, 12]}, {\"elem\": {\"val\": 20}}]}}"
#define RULE(chain, handle, statements)                                                            \
	",{\"rule\": {\"family\": \"inet\", \"table\": \"t\", \"chain\": \"" chain                 \
	"\", \"handle\": " #handle ", \"expr\": [" statements "]}}"
#define NAT(handle, statements)                                                                    \
	",{\"rule\": {\"family\": \"ip\", \"table\": \"n\", \"chain\": \"pre\", "                  \
	"\"handle\": " #handle ", \"expr\": [" statements "]}}"
#define MATCH(left, operator, right)                                                               \
	"{\"match\": {\"op\": \"" operator"\", \"left\": " left ", \"right\": " right "}},"
#define PAYLOAD(protocol, field)                                                                   \
	"{\"payload\": {\"protocol\": \"" protocol "\", \"field\": \"" field "\"}}"
#define PORT(right) MATCH(PAYLOAD("tcp", "dport"), "==", right)
#define FROM        MATCH(PAYLOAD("ip", "saddr"), "==", "\"10.0.0.1\"")
#define ACCEPT      "{\"accept\": null}"
#define DROP        "{\"drop\": null}"
/* The chain of policy drop lets everything through, so that only what is tested is claimed. */
#define OPEN RULE("late", 99, ACCEPT)
#define END  "]}"

static struct firewall_claims judge(const char *text, uint16_t port)
{
	struct firewall_claims claims = {.count = 0};

	assert_int_equal(text_nft_read(text, strlen(text), false, &claims.firewall), 0);
	firewall_claims(&claims, FIREWALL_TCP, FIREWALL_IPV4 | FIREWALL_IPV6, port);
	return claims;
}

/* "drop 5 certain" and the like, of each claim. */
static void assert_claims(const char *text, uint16_t port, const char *expected)
{
	struct firewall_claims claims = judge(text, port);
	char seen[256] = "", one[64];

	for (unsigned i = 0; i < claims.count; i++) {
		const struct firewall_claim *claim = &claims.claim[i];

		snprintf(one, sizeof(one), "%s%s %d%s", i ? ", " : "",
			 firewall_action_name(claim->what),
			 claim->rule ? (int)claim->rule->handle : 0,
			 claim->certain ? "" : " perhaps");
		strncat(seen, one, sizeof(seen) - strlen(seen) - 1);
	}
	if (strcmp(seen, expected) != 0)
		fail_msg("port %u: '%s' instead of '%s' of %s", port, seen, expected, text);
	firewall_claims_done(&claims);
}

static void reads_ports(void **state)
{
	(void)state;
	assert_claims(TABLES RULE("in", 1, PORT("80") DROP) OPEN END, 80, "drop 1");
	assert_claims(TABLES RULE("in", 1, PORT("80") DROP) OPEN END, 81, "");
	assert_claims(TABLES RULE("in", 1, PORT("{\"set\": [5, {\"range\": [7, 9]}]}") DROP)
			      OPEN END,
		      8, "drop 1");
	assert_claims(TABLES RULE("in", 1, PORT("\"@s\"") DROP) OPEN END, 11, "drop 1");
	assert_claims(TABLES RULE("in", 1, PORT("\"@s\"") DROP) OPEN END, 20, "drop 1");
	assert_claims(TABLES RULE("in", 1, PORT("\"@s\"") DROP) OPEN END, 21, "");
	assert_claims(TABLES RULE("in", 1, MATCH(PAYLOAD("tcp", "dport"), "!=", "22") DROP)
			      OPEN END,
		      23, "drop 1");
	assert_claims(TABLES RULE("in", 1, MATCH(PAYLOAD("tcp", "dport"), "<", "22") DROP) OPEN END,
		      22, "");
	assert_claims(TABLES RULE("in", 1, MATCH(PAYLOAD("th", "dport"), "==", "22") DROP) OPEN END,
		      22, "drop 1");
	assert_claims(TABLES RULE("in", 1, MATCH(PAYLOAD("udp", "dport"), "==", "22") DROP)
			      OPEN END,
		      22, "");
	assert_claims(
		TABLES RULE("in", 1,
			    "{\"vmap\": {\"key\": " PAYLOAD(
				    "tcp",
				    "dport") ", \"data\": {\"set\": "
					     "[[5, {\"drop\": null}], [6, {\"accept\": null}]]}}}")
			OPEN END,
		5, "drop 1");
}

static void walks_in_order(void **state)
{
	(void)state;
	assert_claims(TABLES RULE("in", 1, PORT("80") ACCEPT) RULE("in", 2, DROP) OPEN END, 80, "");
	assert_claims(TABLES RULE("in", 1, PORT("80") ACCEPT) RULE("in", 2, DROP) OPEN END, 81,
		      "drop 2");
	assert_claims(TABLES RULE("in", 1, FROM PORT("80") ACCEPT) RULE("in", 2, PORT("80") DROP)
			      OPEN END,
		      80, "drop 2 perhaps");
	assert_claims(TABLES END, 80, "drop 0");
	assert_claims(TABLES RULE("in", 1, PORT("80") "{\"jump\": {\"target\": \"sub\"}}")
			      RULE("sub", 2, FROM DROP) OPEN END,
		      80, "drop 2 perhaps");
	assert_claims(TABLES RULE("in", 1, PORT("80") "{\"goto\": {\"target\": \"sub\"}}")
			      RULE("in", 3, PORT("80") DROP) OPEN END,
		      80, "");
	assert_claims(TABLES RULE("in", 1, "{\"jump\": {\"target\": \"sub\"}}")
			      RULE("sub", 2, PORT("80") "{\"return\": null}") RULE("sub", 3, DROP)
				      OPEN END,
		      80, "");
	/* Not about this port. */
	assert_claims(TABLES RULE("in", 1, FROM DROP) OPEN END, 80, "");
}

static void knows_packets_from_outside(void **state)
{
	(void)state;
	assert_claims(
		TABLES RULE("in", 1, MATCH("{\"meta\": {\"key\": \"iif\"}}", "==", "\"lo\"") DROP)
			OPEN END,
		80, "");
	assert_claims(TABLES RULE("in", 1,
				  MATCH("{\"ct\": {\"key\": \"state\"}}", "in",
					"[\"established\", \"related\"]") ACCEPT)
			      RULE("in", 2, DROP) OPEN END,
		      80, "drop 2");
	assert_claims(
		TABLES RULE("in", 1, MATCH("{\"ct\": {\"key\": \"state\"}}", "==", "\"new\"") DROP)
			OPEN END,
		80, "drop 1");
}

static void follows_nat(void **state)
{
	(void)state;
	assert_claims(TABLES NAT(1, PORT("80") "{\"redirect\": {\"port\": 8080}}")
			      RULE("in", 2, PORT("80") DROP) OPEN END,
		      80, "redirect 1, drop 2");
	assert_claims(
		TABLES NAT(1, "{\"dnat\": {\"addr\": {\"map\": {\"key\": " PAYLOAD(
				      "tcp",
				      "dport") ", \"data\": {\"set\": [[90, \"10.0.0.1\"]]}}}}}")
			OPEN END,
		90, "dnat 1");
}

/* Extensions of iptables are opaque: never taken for more than their names say. */
static void guesses_nothing(void **state)
{
	struct firewall_claims claims;

	(void)state;
	assert_claims(TABLES RULE("in", 1,
				  "{\"xt\": {\"type\": \"match\", \"name\": \"multiport\"}}," DROP)
			      OPEN END,
		      80, "");
	assert_claims(TABLES RULE("in", 1, "{\"xt\": null}," DROP) OPEN END, 80, "");
	assert_claims(TABLES RULE("in", 1,
				  PORT("80") "{\"xt\": {\"type\": \"target\", \"name\": "
					     "\"REJECT\"}}") OPEN END,
		      80, "reject 1");
	claims = judge(TABLES RULE("in", 1, "{\"xt\": null}," DROP) OPEN END, 80);
	assert_int_equal(claims.firewall.unread, 1);
	firewall_claims_done(&claims);
	/* An unknown statement may end the rule, so what follows is not certain. */
	assert_claims(TABLES RULE("in", 1, "{\"brand-new\": {}}") RULE("in", 2, PORT("80") DROP)
			      OPEN END,
		      80, "drop 2 perhaps");
}

/* Jumps that go round, or to nowhere, or multiply, end. */
static void ends(void **state)
{
	(void)state;
	assert_claims(TABLES RULE("in", 1, "{\"jump\": {\"target\": \"sub\"}}")
			      RULE("sub", 2, "{\"jump\": {\"target\": \"sub\"}}")
				      RULE("sub", 3, "{\"jump\": {\"target\": \"sub\"}}") RULE(
					      "sub", 4, "{\"jump\": {\"target\": \"nowhere\"}}")
					      OPEN END,
		      80, "");
}

static void refuses(void **state)
{
	static const char *const bad[] = {"",
					  "{}",
					  "[]",
					  "{\"nftables\": {}}",
					  "{\"nftables\": [",
					  "null",
					  "{\"nftables\": []} x"};
	struct firewall firewall;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(text_nft_read(bad[i], strlen(bad[i]), false, &firewall), -EINVAL);
}

/* nft -t leaves the elements out: then it is asked for them. */
static void asks_for_sets(void **state)
{
	static const char text[] =
		TABLES ",{\"set\": {\"family\": \"inet\", \"name\": \"e\", \"table\": \"t\"}}" RULE(
			"in", 1, PORT("\"@e\"") DROP) OPEN END;
	struct firewall firewall;

	(void)state;
	assert_int_equal(text_nft_read(text, strlen(text), true, &firewall), 0);
	assert_true(firewall.sets_missing);
	firewall_done(&firewall);
	assert_int_equal(text_nft_read(text, strlen(text), false, &firewall), 0);
	assert_false(firewall.sets_missing);
	firewall_done(&firewall);
	assert_claims(text, 80, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_ports),     cmocka_unit_test(walks_in_order),
		cmocka_unit_test(follows_nat),     cmocka_unit_test(knows_packets_from_outside),
		cmocka_unit_test(guesses_nothing), cmocka_unit_test(ends),
		cmocka_unit_test(refuses),         cmocka_unit_test(asks_for_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
