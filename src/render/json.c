#include "json.h"

#include <math.h>
#include <string.h>

#include "strbuf.h"
#include "utf8.h"

/* What stands before every value: a comma where one belongs, and the key. */
static void begin(struct json *json, const char *key)
{
	if (json->comma)
		strbuf_putc(json->out, ',');
	json->comma = true;
	if (!key)
		return;
	strbuf_putc(json->out, '"');
	strbuf_puts(json->out, key);
	strbuf_add(json->out, "\":", 2);
}

static void open_level(struct json *json, const char *key, bool array)
{
	begin(json, key);
	strbuf_putc(json->out, array ? '[' : '{');
	json->comma = false;
	json->depth++;
	if (json->depth >= JSON_DEPTH_MAX)
		json->out->failed = true;
	else if (array)
		json->arrays |= 1u << json->depth;
	else
		json->arrays &= ~(1u << json->depth);
}

void json_object(struct json *json, const char *key)
{
	open_level(json, key, false);
}

void json_array(struct json *json, const char *key)
{
	open_level(json, key, true);
}

void json_end(struct json *json)
{
	bool array = json->depth < JSON_DEPTH_MAX && (json->arrays >> json->depth & 1);

	strbuf_putc(json->out, array ? ']' : '}');
	json->comma = true;
	if (--json->depth == 0)
		strbuf_putc(json->out, '\n');
}

static void add_digits(struct strbuf *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	strbuf_add(out, digits + at, sizeof(digits) - at);
}

void json_uint(struct json *json, const char *key, uint64_t value)
{
	begin(json, key);
	add_digits(json->out, value);
}

void json_int(struct json *json, const char *key, int64_t value)
{
	begin(json, key);
	if (value < 0)
		strbuf_putc(json->out, '-');
	add_digits(json->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void json_real(struct json *json, const char *key, double value)
{
	uint64_t thousandths;

	if (!isfinite(value) || fabs(value) > 1e15) {
		json_null(json, key);
		return;
	}
	begin(json, key);
	/* Not printf: its decimal point depends on the locale. */
	thousandths = (uint64_t)llround(fabs(value) * 1000);
	if (value < 0 && thousandths)
		strbuf_putc(json->out, '-');
	add_digits(json->out, thousandths / 1000);
	thousandths %= 1000;
	if (thousandths) {
		char decimals[4] = {'.', (char)('0' + thousandths / 100),
				    (char)('0' + thousandths / 10 % 10),
				    (char)('0' + thousandths % 10)};
		size_t length = sizeof(decimals);

		while (decimals[length - 1] == '0')
			length--;
		strbuf_add(json->out, decimals, length);
	}
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin(json, key);
	strbuf_puts(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	begin(json, key);
	strbuf_puts(json->out, "null");
}

/* Characters that may not stand in a string as they are. DEL, C1 and line separators are escaped too: JSON allows them,
 * the terminal that shows the document may not. */
static bool must_escape(uint32_t point)
{
	return point < 0x20 || point == '"' || point == '\\' || (point >= 0x7f && point < 0xa0) ||
	       (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x206f) || point == 0x61c || point == 0xfeff;
}

static void add_escaped(struct strbuf *out, uint32_t point)
{
	switch (point) {
	case '"':
		strbuf_add(out, "\\\"", 2);
		break;
	case '\\':
		strbuf_add(out, "\\\\", 2);
		break;
	case '\n':
		strbuf_add(out, "\\n", 2);
		break;
	case '\t':
		strbuf_add(out, "\\t", 2);
		break;
	default:
		strbuf_printf(out, "\\u%04x", (unsigned)point);
		break;
	}
}

void json_string(struct json *json, const char *key, const char *text)
{
	size_t length, plain = 0;

	if (!text) {
		json_null(json, key);
		return;
	}
	begin(json, key);
	length = strlen(text);
	strbuf_putc(json->out, '"');
	for (size_t i = 0; i < length;) {
		uint32_t point = 0;
		unsigned size = utf8_next(text + i, length - i, &point);

		if (size && !must_escape(point)) {
			i += size;
			continue;
		}
		strbuf_add(json->out, text + plain, i - plain);
		if (size)
			add_escaped(json->out, point);
		else
			strbuf_puts(json->out, "\xef\xbf\xbd");
		i += size ? size : 1;
		plain = i;
	}
	strbuf_add(json->out, text + plain, length - plain);
	strbuf_putc(json->out, '"');
}
