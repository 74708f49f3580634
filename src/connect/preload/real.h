/*
 * The functions behind ours: those of libc, or of a library preloaded after this one. They are looked up before main(); who
 * calls earlier still has them looked up then. The room itself calls them under its usual names (--wrap in meson.build).
 */
#ifndef EPH_CONNECT_PRELOAD_REAL_H
#define EPH_CONNECT_PRELOAD_REAL_H

#include <sys/socket.h>
#include <sys/types.h>

#define REAL_FUNCTIONS(F)                                                                          \
	F(int, bind, (int fd, const struct sockaddr *address, socklen_t length))                   \
	F(int, close, (int fd))                                                                    \
	F(int, close_range, (unsigned first, unsigned last, int flags))                            \
	F(void, closefrom, (int first))                                                            \
	F(int, connect, (int fd, const struct sockaddr *address, socklen_t length))                \
	F(int, dup2, (int from, int to))                                                           \
	F(int, dup3, (int from, int to, int flags))                                                \
	F(int, listen, (int fd, int backlog))                                                      \
	F(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags))                     \
	F(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags))            \
	F(ssize_t, sendto,                                                                         \
	  (int fd, const void *bytes, size_t count, int flags, const struct sockaddr *to,          \
	   socklen_t length))                                                                      \
	F(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t length))

#define REAL_TYPE(result, name, arguments) typedef result real_##name##_function arguments;
REAL_FUNCTIONS(REAL_TYPE)
#undef REAL_TYPE

/* real_connect() and so on: never NULL where the program could call the function itself. */
#define REAL_GET(result, name, arguments) real_##name##_function *real_##name(void);
REAL_FUNCTIONS(REAL_GET)
#undef REAL_GET

void real_look_up(void);

#endif
