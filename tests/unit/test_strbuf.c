/* Exercises: base/strbuf.c: always a valid string, also before the first byte and after it was taken. */
#include "check.h"

#include "strbuf.h"

static void grows(void **state)
{
	struct strbuf out = STRBUF_INIT;
	char *text;

	(void)state;
	assert_string_equal(out.text, "");
	strbuf_clear(&out);
	for (unsigned i = 0; i < 10000; i++)
		strbuf_printf(&out, "%u,", i % 10);
	assert_int_equal(out.length, 20000);
	assert_int_equal(strlen(out.text), 20000);
	strbuf_puts(&out, "end");
	strbuf_putc(&out, '!');
	strbuf_add(&out, "", 0);
	text = strbuf_take(&out);
	assert_string_equal(text + 20000, "end!");
	assert_string_equal(out.text, "");
	free(text);
	text = strbuf_take(&out);
	assert_string_equal(text, "");
	free(text);
	strbuf_puts(&out, "again");
	strbuf_clear(&out);
	assert_string_equal(out.text, "");
	strbuf_done(&out);
	strbuf_done(&out);
}

static void keeps_what_it_has_when_memory_is_out(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	strbuf_puts(&out, "kept");
	strbuf_add(&out, "x", SIZE_MAX - 8);
	assert_true(out.failed);
	strbuf_puts(&out, "ignored");
	assert_string_equal(out.text, "kept");
	assert_null(strbuf_take(&out));
	assert_string_equal(out.text, "");
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(grows),
					   cmocka_unit_test(keeps_what_it_has_when_memory_is_out)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
