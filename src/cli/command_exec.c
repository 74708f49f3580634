#include "command_exec.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"

static struct {
	int number;
	void (*inherited)(int);
} signals[] = {{SIGPIPE, SIG_DFL}, {SIGXFSZ, SIG_DFL}};

void command_exec_ignore_signals(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signals[i].inherited = signal(signals[i].number, SIG_IGN);
}

/* Returns only on failure, with the errno. */
static int become(const char *file, const char *const *argv)
{
	int error;

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i].number, signals[i].inherited);
	execvp(file, (char *const *)(uintptr_t)argv);
	error = errno;
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		signal(signals[i].number, SIG_IGN);
	return error;
}

int command_exec_path(const char *path, const char *const *argv)
{
	return become(path, argv);
}

int command_exec(const char *const *argv, int *ret_status, struct eph_error *reterr)
{
	int error = become(argv[0], argv);

	*ret_status = error == ENOENT ? EXEC_STATUS_NOT_FOUND : EXEC_STATUS_REFUSED;
	return error_set(reterr, -error, "command", "%.200s: %s", argv[0], strerror(error));
}
