/*
 * Exercises: core/text_excluded.c and rules/excluded_bind.c: lists of excluded ports as Windows prints them in any language,
 * and what is none.
 *
 * That it can fail was shown by breaking: the star not read, and rows of the other protocol taken.
 */
#include "check.h"

#include <errno.h>
#include <stdio.h>

#include "error.h"
#include "excluded_bind.h"

static struct excluded_list list;

static int read_text(const char *text, bool udp, struct eph_error *error)
{
	return text_excluded_read(text, strlen(text), udp, &list, error);
}

static const char english[] =
	"\r\nProtocol tcp Port Exclusion Ranges\r\n\r\n"
	"Start Port    End Port\r\n----------    --------\r\n"
	"      5357        5357\r\n     50000       50059     *\r\n"
	"     50101       50200\r\n\r\n* - Administered port exclusions.\r\n\r\n";

static void reads(void **state)
{
	(void)state;
	assert_int_equal(read_text(english, false, NULL), 0);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.range[1].range.lo, 50000);
	assert_int_equal(list.range[1].range.hi, 50059);
	assert_true(list.range[1].administered);
	assert_false(list.range[2].administered);
	assert_int_equal(list.dynamic.hi, 0);
	assert_null(excluded_list_find(&list, 50060));
	assert_ptr_equal(excluded_list_find(&list, 50200), &list.range[2]);
	/* German, as bytes of code page 850; French with a dynamic range above it */
	assert_int_equal(read_text("Protokoll tcp Portausschlussbereiche\n\nStartport    Endport\n"
				   "----------    --------\n      80   81\n\n"
				   "* - Verwaltete Portausschl\x81sse\n",
				   false, NULL),
			 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(read_text("Protocole tcp Plage de ports dynamique\n-----------\n"
				   "Port de d\xc3\xa9marrage   : 1024\nNombre de ports : 13977\n"
				   "Protocole tcp Plages d'exclusion de ports\n"
				   "----------    --------\n 5 6 *\n",
				   false, NULL),
			 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.dynamic.lo, 1024);
	assert_int_equal(list.dynamic.hi, 15000);
	assert_int_equal(
		read_text("---- ----\nnet.ipv4.ip_local_port_range = 44619\t48715\n", false, NULL),
		0);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.mirrored.lo, 44619);
	assert_int_equal(list.mirrored.hi, 48715);
}

static void protocols(void **state)
{
	static const char both[] =
		"Protocol tcp\n--- ---\n 1 2\nProtocol udp\n--- ---\n 3 4\n 5 6\n";
	struct eph_error error;

	(void)state;
	assert_int_equal(read_text(both, false, NULL), 0);
	assert_int_equal(list.count, 1);
	assert_int_equal(read_text(both, true, NULL), 0);
	assert_int_equal(list.count, 2);
	assert_int_equal(read_text(english, true, &error), -ENOMSG);
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int error;
		long line;
	} bad[] = {
		{"", -ENOMSG, -1},
		{"hello\n", -ENOMSG, -1},
		{"--- ---\n 5 4\n", -EINVAL, 2},
		{"--- ---\n 5 65536\n", -EINVAL, 2},
		{"--- ---\n 5 x\n", -EINVAL, 2},
		{"--- ---\n 5 6 7\n", -EINVAL, 2},
		{"--- ---\n 5 6 * 8\n", -EINVAL, 2},
	};
	char *many = malloc(EXCLUDED_MAX * 4 + 8);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct eph_error error = {.offset = -1};

		assert_int_equal(read_text(bad[i].text, false, &error), bad[i].error);
		assert_int_equal(error.offset, bad[i].line);
	}
	assert_non_null(many);
	for (size_t i = 0; i <= EXCLUDED_MAX; i++)
		snprintf(many + i * 4, 5, "1 2\n");
	assert_int_equal(text_excluded_read(many, EXCLUDED_MAX * 4, false, &list, NULL), 0);
	assert_int_equal(text_excluded_read(many, EXCLUDED_MAX * 4 + 4, false, &list, NULL),
			 -E2BIG);
	free(many);
}

static void judges(void **state)
{
	struct excluded_bind bind = {.port = 50051};

	(void)state;
	assert_int_equal(read_text(english, false, NULL), 0);
	excluded_bind_judge(&list, &bind);
	assert_int_equal(bind.verdict, EXCLUDED_FORBIDDEN);
	assert_int_equal(bind.inside.lo, 50000);
	assert_true(bind.administered);
	assert_true(bind.in_dynamic);
	bind.port = 44619;
	excluded_bind_judge(&list, &bind);
	assert_int_equal(bind.verdict, EXCLUDED_FREE);
	assert_false(bind.in_dynamic);
	list.mirrored = (struct port_range){44619, 48715};
	excluded_bind_judge(&list, &bind);
	assert_int_equal(bind.verdict, EXCLUDED_MIRRORED);
	assert_int_equal(port_range_width(bind.inside), 4097);
	bind.port = 48716;
	excluded_bind_judge(&list, &bind);
	assert_int_equal(bind.verdict, EXCLUDED_FREE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(protocols),
		cmocka_unit_test(refuses),
		cmocka_unit_test(judges),
	};

	return cmocka_run_group_tests_name("text_excluded", tests, NULL, NULL);
}
