#include "printable.h"

#include <stdbool.h>
#include <string.h>

#include "alloc.h"
#include "strbuf.h"
#include "utf8.h"

struct span {
	uint32_t first, last;
};

static bool in_spans(const struct span *span, size_t count, uint32_t point)
{
	for (size_t i = 0; i < count; i++)
		if (span[i].first <= point && point <= span[i].last)
			return true;
	return false;
}

/* Controls, invisible characters, bidi controls, line separators, tags, noncharacters. */
static bool is_hidden(uint32_t point)
{
	static const struct span hidden[] = {
		{0x00, 0x1f},     {0x7f, 0x9f},        {0xad, 0xad},     {0x61c, 0x61c},
		{0x115f, 0x1160}, {0x17b4, 0x17b5},    {0x180b, 0x180f}, {0x200b, 0x200f},
		{0x2028, 0x202e}, {0x2060, 0x206f},    {0x3164, 0x3164}, {0xfdd0, 0xfdef},
		{0xfe00, 0xfe0f}, {0xfeff, 0xfeff},    {0xffa0, 0xffa0}, {0xfff0, 0xfffb},
		{0xfffe, 0xffff}, {0xe0000, 0x10ffff},
	};

	return in_spans(hidden, ARRAY_SIZE(hidden), point);
}

static unsigned cells_of(uint32_t point)
{
	static const struct span combining[] = {
		{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
		{0x64b, 0x65f},   {0x6d6, 0x6dc},   {0x93c, 0x93c},   {0x941, 0x948},
		{0x94d, 0x94d},   {0xe31, 0xe31},   {0xe34, 0xe3a},   {0xe47, 0xe4e},
		{0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x20d0, 0x20ff}, {0xfe20, 0xfe2f},
	};
	static const struct span wide[] = {
		{0x1100, 0x115e},   {0x2e80, 0x303e},   {0x3041, 0x33ff},   {0x3400, 0x4dbf},
		{0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
		{0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
		{0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
	};

	if (point < 0x300)
		return 1;
	if (in_spans(combining, ARRAY_SIZE(combining), point))
		return 0;
	return in_spans(wide, ARRAY_SIZE(wide), point) ? 2 : 1;
}

/* One character of @bytes, or one byte that is none, made printable. Returns how many bytes were read. */
static unsigned add_one(struct strbuf *out, const char *bytes, size_t length, unsigned *ret_cells)
{
	uint32_t point;
	unsigned size = utf8_next(bytes, length, &point);
	size_t before = out->length;

	if (size && !is_hidden(point)) {
		strbuf_add(out, bytes, size);
		*ret_cells = cells_of(point);
		return size;
	}
	if (!size || point < 0x80)
		strbuf_printf(out, "\\x%02x", (unsigned)(unsigned char)bytes[0]);
	else
		strbuf_printf(out, "\\u%04x", (unsigned)point);
	*ret_cells = (unsigned)(out->length - before);
	return size ? size : 1;
}

void printable_puts(struct strbuf *out, const char *text)
{
	size_t length = strlen(text);
	unsigned cells;

	for (size_t i = 0; i < length;)
		i += add_one(out, text + i, length - i, &cells);
}

void printable_cut(struct strbuf *out, const char *text, unsigned cells)
{
	struct strbuf all = STRBUF_INIT;
	size_t fits = 0;
	unsigned width = 0;

	printable_puts(&all, text);
	if (printable_width(all.text) <= cells) {
		strbuf_add(out, all.text, all.length);
		strbuf_done(&all);
		return;
	}
	while (fits < all.length) {
		uint32_t point = 0;
		unsigned size = utf8_next(all.text + fits, all.length - fits, &point);

		if (width + cells_of(point) + 2 > cells)
			break;
		width += cells_of(point);
		fits += size;
	}
	strbuf_add(out, all.text, fits);
	strbuf_add(out, "..", cells < 2 ? cells : 2);
	strbuf_done(&all);
}

unsigned printable_width(const char *text)
{
	size_t length = strlen(text);
	unsigned cells = 0;

	for (size_t i = 0; i < length;) {
		uint32_t point = 0;
		unsigned size = utf8_next(text + i, length - i, &point);

		cells += size ? cells_of(point) : 1;
		i += size ? size : 1;
	}
	return cells;
}
