/*
 * What went wrong, in words. Passed as the last argument `reterr` where an errno is too poor; may always be NULL;
 * owns nothing; written only on failure. The message is one line, says what, where and what was expected, and has no
 * trailing newline. Bytes from outside that end up in it are made printable when it is printed, not here.
 */
#ifndef EPH_BASE_ERROR_H
#define EPH_BASE_ERROR_H

/* The same as in include/ephemports.h, which this room cannot see. */
#ifndef EPH_ERROR_MESSAGE_BYTES
#define EPH_ERROR_MESSAGE_BYTES 320

struct eph_error {
	int code;      /* negative errno, as returned */
	long offset;   /* byte or line in the input, -1 where that means nothing */
	char step[24]; /* what was attempted: "replay", "netlink", "filter", ... */
	char message[EPH_ERROR_MESSAGE_BYTES];
};
#endif

/**
 * error_set() - fill @reterr (if not NULL) and return @code, so that a caller can write `return error_set(...)`
 * @code:   negative errno
 * @step:   short name of what was attempted; truncated to fit
 * @format: printf format of the message; truncated to fit
 */
int error_set(struct eph_error *reterr, int code, const char *step, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* As error_set(), and remembers where in the input the trouble lies. */
int error_set_at(struct eph_error *reterr, int code, const char *step, long offset,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif
