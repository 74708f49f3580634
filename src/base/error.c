#include "error.h"

#include <stdarg.h>
#include <stdio.h>

static int set(struct eph_error *reterr, int code, const char *step, long offset,
	       const char *format, va_list arguments) __attribute__((format(printf, 5, 0)));

static int set(struct eph_error *reterr, int code, const char *step, long offset,
	       const char *format, va_list arguments)
{
	if (!reterr)
		return code;
	reterr->code = code;
	reterr->offset = offset;
	snprintf(reterr->step, sizeof(reterr->step), "%s", step);
	vsnprintf(reterr->message, sizeof(reterr->message), format, arguments);
	return code;
}

int error_set(struct eph_error *reterr, int code, const char *step, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(reterr, code, step, -1, format, arguments);
	va_end(arguments);
	return code;
}

int error_set_at(struct eph_error *reterr, int code, const char *step, long offset,
		 const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	set(reterr, code, step, offset, format, arguments);
	va_end(arguments);
	return code;
}
