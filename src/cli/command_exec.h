/*
 * Becoming another program, as env(1) does: it finds the signals as they were given to us.
 */
#ifndef EPH_CLI_COMMAND_EXEC_H
#define EPH_CLI_COMMAND_EXEC_H

struct eph_error;

/* Of the exit status when there is no COMMAND to give one. */
enum {
	EXEC_STATUS_FAILED = 125,  /* we did */
	EXEC_STATUS_REFUSED = 126, /* it is there, and cannot be run */
	EXEC_STATUS_NOT_FOUND = 127,
};

/* SIGPIPE and SIGXFSZ become errors of write(2). What they were before is what a COMMAND inherits. */
void command_exec_ignore_signals(void);

/* Run argv[0], looked for in PATH, with @argv, which a NULL ends. Returns only on failure: negative errno with @reterr, and
 * in *@ret_status what env(1) would exit with. */
int command_exec(const char *const *argv, int *ret_status, struct eph_error *reterr);

/* As command_exec(), of the file @path, which has a '/'. Returns only on failure: the errno of execve(2). */
int command_exec_path(const char *path, const char *const *argv);

#endif
