/* struct eph_error is declared twice, for rooms that do not see the public header: both must be the same. Compiled only. */
#include <stddef.h>

#define eph_error eph_error_inside
#include "error.h"
#undef eph_error
#undef EPH_ERROR_MESSAGE_BYTES
#include "ephemports.h"

#define SAME(member)                                                                               \
	_Static_assert(offsetof(struct eph_error, member) ==                                       \
			       offsetof(struct eph_error_inside, member),                          \
		       #member " lies elsewhere");                                                 \
	_Static_assert(sizeof(((struct eph_error *)0)->member) ==                                  \
			       sizeof(((struct eph_error_inside *)0)->member),                     \
		       #member " is of another size")

SAME(code);
SAME(offset);
SAME(step);
SAME(message);
_Static_assert(sizeof(struct eph_error) == sizeof(struct eph_error_inside), "sizes differ");

int main(void)
{
	return 0;
}
