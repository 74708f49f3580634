/*
 * Exercises: core/text_netstat*.c on a saved output of every system; the expected numbers were counted in the files with
 * awk and by eye. Then what the samples do not have: localised words, UTF-16, broken and hostile rows.
 *
 * That it can fail was shown by breaking: the split at the last dot, the state by process id, and the duplicates.
 *
 * usage: test_text_netstat SAMPLES
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"
#include "text_netstat.h"

static const char *samples;

struct expected {
	const char *file, *system;
	unsigned rows, tcp, udp;                    /* sockets with a port */
	unsigned listening, time_wait, established; /* TCP */
	uint32_t doubts;
};

#define NONE NETSTAT_NO_LISTENERS

static const struct expected table[] = {
	{"aix/netstat-an.txt", "aix", 4, 3, 1, 1, 1, 1, 0},
	{"bsdos/netstat-an-inet.txt", NULL, 2, 2, 0, 1, 0, 1, 0},
	{"freebsd/netstat-an-inet.txt", "freebsd", 7, 5, 2, 2, 1, 2, 0},
	{"freebsd/netstat-na-listen-old.txt", NULL, 3, 3, 0, 3, 0, 0, 0},
	{"freebsd/sockstat-4.txt", "freebsd", 4, 3, 1, 1, 1, 1, NETSTAT_STATES},
	{"hpux/netstat-an.txt", NULL, 4, 3, 1, 1, 1, 1, 0},
	{"illumos/netstat-an-inet.txt", "illumos", 10, 5, 3, 2, 1, 2, 0},
	{"illumos/netstat-an-tcp-ipv6.txt", "illumos", 2, 2, 0, 1, 0, 1, 0},
	{"irix/netstat-an-inet.txt", NULL, 3, 2, 1, 1, 0, 1, 0},
	{"linux/netstat-an-inet.txt", "linux", 26, 23, 3, 4, 5, 12, 0},
	{"linux/netstat-ant.txt", "linux", 23, 23, 0, 4, 5, 12, 0},
	{"linux/netstat-antu.txt", "linux", 26, 23, 3, 4, 5, 12, 0},
	{"linux/netstat-lnp-seed.txt", "linux", 4, 4, 0, 4, 0, 0, 0},
	{"linux/netstat-pnt-seed.txt", "linux", 5, 5, 0, 0, 0, 5, NONE},
	{"linux/ss-Htan-sport-filter.txt", "linux", 12, 12, 0, 0, 5, 6, NONE},
	{"linux/ss-tan-ipv6.txt", "linux", 6, 6, 0, 2, 1, 3, 0},
	{"linux/ss-tan-state-time-wait.txt", "linux", 5, 5, 0, 0, 5, 0, NONE},
	{"linux/ss-tan.txt", "linux", 23, 23, 0, 4, 5, 12, 0},
	{"linux/ss-tanH-exclude-listening.txt", "linux", 19, 19, 0, 0, 5, 12, NONE},
	{"linux/ss-tanH.txt", "linux", 23, 23, 0, 4, 5, 12, 0},
	{"linux/ss-tano.txt", "linux", 23, 23, 0, 4, 5, 12, 0},
	{"linux/ss-tuan.txt", "linux", 26, 23, 3, 4, 5, 12, 0},
	{"linux/ss-uan.txt", "linux", 3, 0, 3, 0, 0, 0, 0},
	{"macos/netstat-an-inet.txt", NULL, 5, 4, 1, 1, 1, 2, 0},
	{"macos/netstat-an.txt", "macos", 5, 5, 0, 3, 0, 2, 0},
	{"macos/netstat-anv-truncated-ipv6.txt", NULL, 3, 3, 0, 3, 0, 0, NETSTAT_CUT},
	{"netbsd/netstat-an-inet.txt", "netbsd", 4, 3, 1, 1, 1, 1, 0},
	{"openbsd/netstat-an-inet.txt", "openbsd", 4, 3, 1, 1, 1, 1, 0},
	{"solaris10/netstat-an-inet.txt", "solaris10", 3, 3, 0, 1, 1, 1, 0},
	{"tru64/netstat-an-inet.txt", NULL, 3, 3, 0, 1, 1, 1, 0},
	{"windows/get-nettcpconnection-csv.txt", "windows", 4, 4, 0, 1, 1, 1, 0},
	{"windows/netstat-ano.txt", "windows", 7, 5, 2, 2, 1, 2, 0},
	{"windows/netstat-anq.txt", "windows", 2, 2, 0, 0, 0, 1, NONE},
};

static char *load(const char *name, size_t *ret_length)
{
	char path[512], *text = malloc(1 << 16);
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", samples, name);
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(text);
	*ret_length = fread(text, 1, 1 << 16, file);
	fclose(file);
	return text;
}

static unsigned count(const struct netstat_text *text, uint8_t protocol, uint8_t state)
{
	unsigned found = 0;

	for (size_t i = 0; i < text->sockets.count; i++)
		found += text->sockets.record[i].protocol == protocol &&
			 (!state || text->sockets.record[i].state == state);
	return found;
}

static void every_sample(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		const struct expected *expected = &table[i];
		struct netstat_text text;
		size_t length;
		char *bytes = load(expected->file, &length);

		print_message("%s\n", expected->file);
		assert_int_equal(text_netstat_read(bytes, length, &text, NULL), 0);
		if (expected->system)
			assert_string_equal(text.system, expected->system);
		else
			assert_null(text.system);
		assert_int_equal(text.rows, expected->rows);
		assert_int_equal(count(&text, PROTOCOL_TCP, 0), expected->tcp);
		assert_int_equal(count(&text, PROTOCOL_UDP, 0), expected->udp);
		assert_int_equal(count(&text, PROTOCOL_TCP, STATE_LISTEN), expected->listening);
		assert_int_equal(count(&text, PROTOCOL_TCP, STATE_TIME_WAIT), expected->time_wait);
		assert_int_equal(count(&text, PROTOCOL_TCP, STATE_ESTABLISHED),
				 expected->established);
		assert_int_equal(text.doubts, expected->doubts);
		text_netstat_done(&text);
		free(bytes);
	}
}

/* Every line end, and every sample cut off at every byte: accepted or refused, and never read past its end. */
static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t length;
		char *bytes = load(table[i].file, &length);

		for (size_t cut = 0; cut < length; cut++) {
			struct netstat_text text;
			struct eph_error error = {.code = 0};
			char *part = malloc(cut ? cut : 1);
			int r;

			memcpy(part, bytes, cut);
			r = text_netstat_read(part, cut, &text, &error);
			assert_true(r == 0 || r == -EINVAL || r == -ENOMSG);
			assert_true(r == 0 || *error.message);
			assert_true(text.rows <= table[i].rows);
			text_netstat_done(&text);
			free(part);
		}
		free(bytes);
	}
}

struct one {
	const char *text;
	const char *local, *remote; /* "" for an address that is cut */
	uint8_t protocol, state;
	uint16_t local_port, remote_port;
	uint32_t device, doubts;
};

static const struct one ones[] = {
	{"tcp4 0 0 192.0.2.10.34821 203.0.113.5.443 ESTABLISHED", "192.0.2.10", "203.0.113.5",
	 PROTOCOL_TCP, STATE_ESTABLISHED, 34821, 443, 0, NONE},
	{"tcp6 0 0 fe80::1%lo0.51234 fe80::2%lo0.443 FIN_WAIT_2", "fe80::1", "fe80::2",
	 PROTOCOL_TCP, STATE_FIN_WAIT2, 51234, 443, 0, NONE},
	{"tcp6 0 0 ::ffff:192.0.2.1.5000 ::ffff:192.0.2.2.80 SYN_SENT", "192.0.2.1", "192.0.2.2",
	 PROTOCOL_TCP, STATE_SYN_SENT, 5000, 80, 0, NETSTAT_CUT | NONE},
	{"tcp6 0 0 2001:db8:aaaa:bb.50000 2001:db8:aaaa:cc.443 ESTABLISHED", "", "", PROTOCOL_TCP,
	 STATE_ESTABLISHED, 50000, 443, 0, NETSTAT_CUT | NONE},
	/* whole, but as long as a cut one: nobody knows */
	{"tcp6 0 0 2001:db8::1.50000 2001:db8::abcd:1.443 ESTABLISHED", "2001:db8::1",
	 "2001:db8::abcd:1", PROTOCOL_TCP, STATE_ESTABLISHED, 50000, 443, 0, NETSTAT_CUT | NONE},
	/* an address that is longer shows that none is cut */
	{"tcp6 0 0 2001:db8::aaaa:bbbb.50000 2001:db8::abcd:1.443 ESTABLISHED",
	 "2001:db8::aaaa:bbbb", "2001:db8::abcd:1", PROTOCOL_TCP, STATE_ESTABLISHED, 50000, 443, 0,
	 NONE},
	{"tcp6 0 0 2001:db8:85a3:8d3::1:46326 ::1:8080 CLOSE_WAIT", "2001:db8:85a3:8d3::1", "::1",
	 PROTOCOL_TCP, STATE_CLOSE_WAIT, 46326, 8080, 0, NONE},
	{"tcp6 0 0 2001:db8:85a3:8d3:1319:443 ::1:8080 LAST_ACK", "", "::1", PROTOCOL_TCP,
	 STATE_LAST_ACK, 443, 8080, 0, NETSTAT_CUT | NONE},
	{"tcp46 0 0 *.3283 *.* LISTEN", "::", "::", PROTOCOL_TCP, STATE_LISTEN, 3283, 0, 0, 0},
	{"tcp4 0 0 *.3283 *.* LISTEN", "0.0.0.0", "0.0.0.0", PROTOCOL_TCP, STATE_LISTEN, 3283, 0, 0,
	 0},
	{"tcp4 0 0 192.0.2.10.3283 *.* CLOSED", "192.0.2.10", "0.0.0.0", PROTOCOL_TCP, STATE_BOUND,
	 3283, 0, 0, NONE},
	{"f1000e00011e8bb8 tcp4 0 0 192.0.2.1.33000 192.0.2.2.80 ESTABLISHED", "192.0.2.1",
	 "192.0.2.2", PROTOCOL_TCP, STATE_ESTABLISHED, 33000, 80, 0, NONE},
	{"  TCP    [fe80::1c2d:4ff%12]:52140  [fe80::99%12]:445  ESTABLISHED     4",
	 "fe80::1c2d:4ff", "fe80::99", PROTOCOL_TCP, STATE_ESTABLISHED, 52140, 445, 12, NONE},
	{"  UDP    [::]:500               *:*                                    2116",
	 "::", "::", PROTOCOL_UDP, STATE_CLOSE, 500, 0, 0, 0},
	/* German, in UTF-8 and in code page 850; French and any other; without a process id */
	{"  TCP    0.0.0.0:135   0.0.0.0:0   ABH\xc3\x96REN   1036", "0.0.0.0", "0.0.0.0",
	 PROTOCOL_TCP, STATE_LISTEN, 135, 0, 0, 0},
	{"  TCP    0.0.0.0:135   0.0.0.0:0   ABH\x99REN   1036", "0.0.0.0", "0.0.0.0", PROTOCOL_TCP,
	 STATE_LISTEN, 135, 0, 0, 0},
	{"  TCP    10.0.0.5:52134   93.184.216.34:443   HERGESTELLT   2312", "10.0.0.5",
	 "93.184.216.34", PROTOCOL_TCP, STATE_ESTABLISHED, 52134, 443, 0, NONE},
	{"  TCP    10.0.0.5:52134   93.184.216.34:443   WARTEND   0", "10.0.0.5", "93.184.216.34",
	 PROTOCOL_TCP, STATE_TIME_WAIT, 52134, 443, 0, NONE},
	{"  TCP    10.0.0.5:52134   93.184.216.34:443   ATTENTE   0", "10.0.0.5", "93.184.216.34",
	 PROTOCOL_TCP, STATE_TIME_WAIT, 52134, 443, 0, NONE},
	{"  TCP    10.0.0.5:52134   93.184.216.34:443   \xc3\x89TABLIE   77", "10.0.0.5",
	 "93.184.216.34", PROTOCOL_TCP, STATE_ESTABLISHED, 52134, 443, 0, NETSTAT_STATES | NONE},
	{"  TCP    10.0.0.5:52134   93.184.216.34:443   ATTENTE", "10.0.0.5", "93.184.216.34",
	 PROTOCOL_TCP, STATE_ESTABLISHED, 52134, 443, 0, NETSTAT_STATES | NONE},
	{"\"LocalPort\";\"State\";\"LocalAddress\";\"RemotePort\";\"RemoteAddress\"\n"
	 "\"52134\";\"11\";\"fe80::1%7\";\"443\";\"fe80::2%7\"",
	 "fe80::1", "fe80::2", PROTOCOL_TCP, STATE_TIME_WAIT, 52134, 443, 7, NONE},
	{"#TYPE x\nLocalAddress,LocalPort\n0.0.0.0,500", "0.0.0.0", "0.0.0.0", PROTOCOL_UDP,
	 STATE_CLOSE, 500, 0, 0, 0},
	{"$ ss -Huan\nESTAB 0 0 127.0.0.1%lo:53235 127.0.0.1:53", "127.0.0.1", "127.0.0.1",
	 PROTOCOL_UDP, STATE_ESTABLISHED, 53235, 53, 0, 0},
	{"# ss -tan state time-wait\n0 0 [fe80::1]%eth0:53235 [fe80::2]%eth0:53", "fe80::1",
	 "fe80::2", PROTOCOL_TCP, STATE_TIME_WAIT, 53235, 53, 0, NONE},
	{"LISTEN 0 128 *:22 *:*", "::", "::", PROTOCOL_TCP, STATE_LISTEN, 22, 0, 0, 0},
	{"USER COMMAND PID FD PROTO LOCAL ADDRESS FOREIGN ADDRESS\n"
	 "www Web Content 7 9 tcp6 2001:db8::1:34821 2001:db8::2:443",
	 "2001:db8::1", "2001:db8::2", PROTOCOL_TCP, STATE_ESTABLISHED, 34821, 443, 0,
	 NETSTAT_STATES | NONE},
	/* a process cannot write a heading */
	{"tcp 0 0 10.0.0.1:40000 10.0.0.2:80 ESTABLISHED 7/,LocalPort,LocalAddress\n"
	 "tcp 0 0 10.0.0.1:40000 10.0.0.2:80 ESTABLISHED 7/Active UNIX",
	 "10.0.0.1", "10.0.0.2", PROTOCOL_TCP, STATE_ESTABLISHED, 40000, 80, 0, NONE},
	/* printed twice: one socket */
	{"tcp4 0 0 192.0.2.1.33000 192.0.2.2.80 ESTABLISHED\n"
	 "tcp4 0 0 192.0.2.1.33000 192.0.2.2.80 ESTABLISHED",
	 "192.0.2.1", "192.0.2.2", PROTOCOL_TCP, STATE_ESTABLISHED, 33000, 80, 0, NONE},
};

static void same_address(const struct ip_address *address, const char *text)
{
	char formatted[IP_ADDRESS_TEXT_BYTES];

	assert_string_equal(ip_address_format(address, formatted), text);
}

static void single_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ones) / sizeof(ones[0]); i++) {
		const struct one *one = &ones[i];
		const struct socket_record *record;
		struct netstat_text text;

		print_message("%s\n", one->text);
		assert_int_equal(text_netstat_read(one->text, strlen(one->text), &text, NULL), 0);
		assert_int_equal(text.sockets.count, 1);
		record = text.sockets.record;
		assert_int_equal(record->protocol, one->protocol);
		assert_int_equal(record->state, one->state);
		same_address(&record->local, one->local);
		same_address(&record->remote, one->remote);
		assert_int_equal(record->local_port, one->local_port);
		assert_int_equal(record->remote_port, one->remote_port);
		assert_int_equal(record->device, one->device);
		assert_int_equal(text.doubts, one->doubts);
		text_netstat_done(&text);
	}
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int error;
		long line;
	} bad[] = {
		{"", -ENOMSG, -1},
		{"hello\nworld\n", -ENOMSG, -1},
		{"Proto Recv-Q\ntcp4 0 0 192.0.2.1.80\n", -EINVAL, 2},
		{"tcp4 0 0 192.0.2.1.80 192.0.2.2.81\n", -EINVAL, 1}, /* no state */
		{"tcp4 0 0 192.0.2.1.80 192.0.2.2.65536 LISTEN\n", -EINVAL, 1},
		{"tcp4 0 0 999.0.2.1.80 192.0.2.2.81 LISTEN\n", -EINVAL, 1},
		{"tcp4 0 0 192.0.2.80 192.0.2.2.81 LISTEN\n", -EINVAL, 1},
		{"tcp4 0 0 host.ssh *.* LISTEN\n", -EINVAL, 1},
		{"tcp4 0 0 *.ssh *.* LISTEN\n", -EINVAL, 1},
		{"tcp4 0 -1 *.22 *.* LISTEN\n", -EINVAL, 1},
		{"TCP 0.0.0.0:135\n", -EINVAL, 1},
		{"TCP 0.0.0.0:135 x:0 LISTENING\n", -EINVAL, 1},
		{"\nESTAB 0 0 1.2.3.4:5\n", -EINVAL, 2},
		{"TCP: IPv4\n192.0.2.1.22 198.51.100.7.50514 64128 47\n", -EINVAL, 2},
		{"LocalAddress,LocalPort,RemoteAddress,RemotePort\n1.2.3.4,5,1.2.3.4\n", -EINVAL,
		 2},
		{"LocalAddress,LocalPort,RemoteAddress,RemotePort\n1.2.3.4,5,\"1,6\n", -EINVAL, 2},
		{"USER COMMAND PID\nroot x 1 2 tcp4 *:22\n", -EINVAL, 2},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct eph_error error = {.offset = -1};
		struct netstat_text text;

		print_message("%s\n", bad[i].text);
		assert_int_equal(text_netstat_read(bad[i].text, strlen(bad[i].text), &text, &error),
				 bad[i].error);
		assert_int_equal(error.offset, bad[i].line);
		text_netstat_done(&text);
	}
}

/* As PowerShell's > writes it. */
static void utf16(void **state)
{
	static const char text[] = "  TCP    10.0.0.5:52134   93.184.216.34:443   WARTEND   0\r\n";
	char wide[2][2 + 2 * sizeof(text)] = {{(char)0xff, (char)0xfe}, {(char)0xfe, (char)0xff}};

	(void)state;
	for (size_t big = 0; big < 2; big++) {
		struct netstat_text read;

		for (size_t i = 0; i < sizeof(text) - 1; i++)
			wide[big][2 + 2 * i + big] = text[i];
		assert_int_equal(text_netstat_read(wide[big], 2 * sizeof(text), &read, NULL), 0);
		assert_int_equal(read.sockets.count, 1);
		assert_int_equal(read.sockets.record[0].state, STATE_TIME_WAIT);
		assert_int_equal(read.sockets.record[0].remote_port, 443);
		text_netstat_done(&read);
	}
}

static void headings_alone(void **state)
{
	static const char *const texts[] = {
		"Proto Recv-Q Send-Q Local Address Foreign Address (state)\n",
		"Active Connections\r\n\r\n",
		"\"LocalAddress\",\"LocalPort\"\n",
		"TCP: IPv4\n",
		"State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct netstat_text text;

		assert_int_equal(text_netstat_read(texts[i], strlen(texts[i]), &text, NULL), 0);
		assert_int_equal(text.rows, 0);
		text_netstat_done(&text);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample), cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(single_rows),  cmocka_unit_test(refuses),
		cmocka_unit_test(utf16),        cmocka_unit_test(headings_alone),
	};

	samples = argc > 1 ? argv[1] : "tests/os/samples";
	return cmocka_run_group_tests_name("text_netstat", tests, NULL, NULL);
}
