/* Exercises: core/text_proc_net.c: lines as the kernel writes them, and lines it never would. */
#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "text_proc_net.h"

#define QUEUES " 00000000:00000000 "

/* The words of an address are in the host's order: what these tests spell out is that of a little-endian one. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define V4_LOOPBACK  "0100007F"
#define V4_REMOTE    "0500000A" /* 10.0.0.5 */
#define V6_LOOPBACK  "00000000000000000000000001000000"
#define V4_MAPPED    "0000000000000000FFFF00000500000A"
#define V6_DOCUMENTS "B80D0120000000000000000001000000" /* 2001:db8::1 */
#else
#define V4_LOOPBACK  "7F000001"
#define V4_REMOTE    "0A000005"
#define V6_LOOPBACK  "00000000000000000000000000000001"
#define V4_MAPPED    "00000000000000000000FFFF0A000005"
#define V6_DOCUMENTS "20010DB8000000000000000000000001"
#endif

static int parse(const char *line, enum socket_protocol protocol, bool v6,
		 struct socket_record *ret)
{
	return text_proc_net_line(line, strlen(line), protocol, v6, ret);
}

static void must_be(const struct ip_address *address, const char *text)
{
	char seen[IP_ADDRESS_TEXT_BYTES];

	assert_string_equal(ip_address_format(address, seen), text);
}

static void reads_tcp(void **state)
{
	struct socket_record r;

	(void)state;
	assert_int_equal(
		parse("   1: " V4_LOOPBACK ":9C40 " V4_REMOTE ":01BB 01" QUEUES
		      "02:000005DC 00000000  1000        0 18233 2 0000000000000000 20 4 30 10 -1",
		      PROTOCOL_TCP, false, &r),
		0);
	must_be(&r.local, "127.0.0.1");
	must_be(&r.remote, "10.0.0.5");
	assert_int_equal(r.local_port, 40000);
	assert_int_equal(r.remote_port, 443);
	assert_int_equal(r.state, STATE_ESTABLISHED);
	assert_int_equal(r.protocol, PROTOCOL_TCP);
	assert_int_equal(r.uid, 1000);
	assert_int_equal(r.inode, 18233);
	assert_int_equal(r.expires_ms, 0);
	assert_int_equal(r.cookie, 0);
	assert_int_equal(r.flags, SOCKET_DEVICE_HIDDEN);
	assert_int_equal(r.known, SOCKET_AF_INET6 | SOCKET_MINI | SOCKET_DEVICE_HIDDEN);
}

static void reads_time_wait(void **state)
{
	static const char rest[] = " 00000000     0        0 0 3 0000000000000000";
	char line[256];
	struct socket_record r;

	(void)state;
	snprintf(line, sizeof(line), "0: " V4_LOOPBACK ":9C40 " V4_REMOTE ":01BB 06%s03:00001770%s",
		 QUEUES, rest);
	assert_int_equal(parse(line, PROTOCOL_TCP, false, &r), 0);
	assert_true(r.flags & SOCKET_MINI);
	assert_int_equal(r.state, STATE_TIME_WAIT);
	assert_int_equal(r.expires_ms, 60000);
	snprintf(line, sizeof(line), "0: " V4_LOOPBACK ":9C40 " V4_REMOTE ":01BB 05%s03:00000001%s",
		 QUEUES, rest);
	assert_int_equal(parse(line, PROTOCOL_TCP, false, &r), 0);
	assert_true(r.flags & SOCKET_MINI);
	assert_int_equal(r.state, STATE_FIN_WAIT2);
	assert_int_equal(r.expires_ms, 10);
	/* a whole socket in FIN_WAIT2 */
	snprintf(line, sizeof(line), "0: " V4_LOOPBACK ":9C40 " V4_REMOTE ":01BB 05%s02:00001770%s",
		 QUEUES, rest);
	assert_int_equal(parse(line, PROTOCOL_TCP, false, &r), 0);
	assert_false(r.flags & SOCKET_MINI);
	assert_int_equal(r.expires_ms, 0);
	snprintf(line, sizeof(line), "0: " V4_LOOPBACK ":9C40 " V4_REMOTE ":01BB 06%s03:%s%s",
		 QUEUES, "FFFFFFFFFFFFFFFF", rest);
	assert_int_equal(parse(line, PROTOCOL_TCP, false, &r), 0);
	assert_int_equal(r.expires_ms, UINT32_MAX);
}

static void reads_v6(void **state)
{
	static const char rest[] = "00:00000000 00000000 0 0 77 1";
	char line[256];
	struct socket_record r;

	(void)state;
	snprintf(line, sizeof(line), "12: " V6_LOOPBACK ":0016 " V6_DOCUMENTS ":0000 0A%s%s",
		 QUEUES, rest);
	assert_int_equal(parse(line, PROTOCOL_TCP, true, &r), 0);
	must_be(&r.local, "::1");
	must_be(&r.remote, "2001:db8::1");
	assert_int_equal(r.state, STATE_LISTEN);
	assert_int_equal(r.flags, SOCKET_AF_INET6 | SOCKET_DEVICE_HIDDEN);
	assert_int_equal(parse(line, PROTOCOL_TCP, false, &r), -EINVAL);
	snprintf(line, sizeof(line), "12: " V6_LOOPBACK ":0016 " V4_MAPPED ":0050 01%s%s", QUEUES,
		 rest);
	assert_int_equal(parse(line, PROTOCOL_TCP, true, &r), 0);
	must_be(&r.remote, "10.0.0.5");
	assert_int_equal(r.remote.family, IP_V4);
	assert_true(r.flags & SOCKET_AF_INET6);
}

static void reads_udp(void **state)
{
	struct socket_record r;

	(void)state;
	assert_int_equal(parse("  375: " V4_LOOPBACK ":0035 00000000:0000 07" QUEUES
			       "00:00000000 00000000   101        0 16243 2 00000000d5b0 0",
			       PROTOCOL_UDP, false, &r),
			 0);
	assert_int_equal(r.protocol, PROTOCOL_UDP);
	assert_int_equal(r.state, STATE_CLOSE);
	assert_int_equal(r.local_port, 53);
	assert_int_equal(r.uid, 101);
	assert_int_equal(parse("  375: " V4_LOOPBACK ":0035 " V4_REMOTE ":0035 01" QUEUES
			       "00:00000000 00000000 101 0 16243 2 00000000d5b0 0",
			       PROTOCOL_UDP, false, &r),
			 0);
	assert_int_equal(r.state, STATE_ESTABLISHED);
}

#define ENDS "0: " V4_LOOPBACK ":9C40 " V4_REMOTE ":01BB "
#define TAIL QUEUES "00:00000000 00000000 0 0 77"

static void refuses(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		":",
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid "
		" "
		"timeout inode",
		"0 " V4_LOOPBACK ":9C40 " V4_REMOTE ":01BB 01" TAIL, /* no colon */
		"0: " V4_LOOPBACK " " V4_REMOTE ":01BB 01" TAIL,     /* no port */
		"0: " V4_LOOPBACK ": " V4_REMOTE ":01BB 01" TAIL,
		"0: " V4_LOOPBACK ":10000 " V4_REMOTE ":01BB 01" TAIL,
		"0: 00100007F:9C40 " V4_REMOTE ":01BB 01" TAIL,
		"0: +100007F:9C40 " V4_REMOTE ":01BB 01" TAIL,
		"0: " V4_LOOPBACK ":9C4G " V4_REMOTE ":01BB 01" TAIL,
		ENDS "00" TAIL, /* states */
		ENDS "0D" TAIL,
		ENDS "1FF" TAIL,
		ENDS "01" QUEUES "0000000000 00000000 0 0 77", /* timer */
		ENDS "01" QUEUES "00:00000000000000000 00000000 0 0 77",
		ENDS "01" QUEUES "00:00000000 00000000 -1 0 77", /* owner */
		ENDS "01" QUEUES "00:00000000 00000000 4294967296 0 77",
		ENDS "01" QUEUES "00:00000000 00000000 0 0 99999999999999999999",
		ENDS "01" QUEUES "00:00000000 00000000 0 0",
	};
	struct socket_record r = {.inode = 4711}, before = r;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(lines[i], PROTOCOL_TCP, false, &r), -EINVAL);
		assert_memory_equal(&r, &before, sizeof(r));
	}
	assert_int_equal(parse(ENDS "01" TAIL, PROTOCOL_TCP, false, &r), 0);
}

/* Never a byte past the end, wherever the line is cut; the sanitizer looks. */
static void reads_cut_lines(void **state)
{
	static const char line[] = "0: " V6_LOOPBACK ":0016 " V4_MAPPED ":0050 01" TAIL;
	struct socket_record r;

	(void)state;
	for (size_t length = 0; length < sizeof(line); length++) {
		char *copy = malloc(length + !length);
		bool whole;

		assert_non_null(copy);
		memcpy(copy, line, length);
		whole = text_proc_net_line(copy, length, PROTOCOL_TCP, true, &r) == 0;
		/* one digit of the inode is missing: still a number */
		assert_int_equal(whole, length == sizeof(line) - 2 || length == sizeof(line) - 1);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_tcp), cmocka_unit_test(reads_time_wait),
		cmocka_unit_test(reads_v6),  cmocka_unit_test(reads_udp),
		cmocka_unit_test(refuses),   cmocka_unit_test(reads_cut_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
