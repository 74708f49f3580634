#include "utf8.h"

unsigned utf8_next(const char *text, size_t length, uint32_t *ret_point)
{
	static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t point = bytes[0];
	unsigned size;

	if (point < 0x80) {
		*ret_point = point;
		return 1;
	}
	size = point >= 0xf0 ? 4 : point >= 0xe0 ? 3 : 2;
	if (point < 0xc2 || point > 0xf4 || length < size)
		return 0;
	point &= 0x7fu >> size;
	for (unsigned i = 1; i < size; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3f);
	}
	if (point < smallest[size] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	*ret_point = point;
	return size;
}
