/*
 * standin - every command of an emulated host
 *
 * All commands of the chroot are links to this program. It tells the test, over a Unix socket, by what name and with
 * which arguments it was called, and does what the test answers: print this and exit, or become that program. So the
 * model of a system is written once, in hostlib, and the test has a log of everything that ran.
 *
 * Sent:     u32 length, then the working directory, the path called by, and the arguments, each ended by a NUL.
 * Received: u32 length, then 'R', a status byte and any number of { fd byte, u32 length, bytes };
 *           or 'X', then a path and the arguments, each ended by a NUL.
 */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET_PATH   "/.host/socket"
#define STATUS_BROKEN 125
#define ARGUMENTS_MAX 4096
#define MESSAGE_MAX   (16u << 20)

static _Noreturn void broken(const char *what)
{
	(void)fprintf(stderr, "standin: %s: %s\n", what, strerror(errno));
	exit(STATUS_BROKEN);
}

static void write_all(int fd, const void *data, size_t size)
{
	const char *at = data;

	while (size > 0) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			exit(STATUS_BROKEN);
		at += n;
		size -= (size_t)n;
	}
}

static void read_all(int fd, void *data, size_t size)
{
	char *at = data;

	while (size > 0) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			broken("the test has gone");
		at += n;
		size -= (size_t)n;
	}
}

static int connect_to_test(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = SOCKET_PATH};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		broken(SOCKET_PATH);
	return fd;
}

/* What was called: a script's interpreter is in argv[0] alone, a command found in PATH in AT_EXECFN alone. */
static const char *called_by(const char *name)
{
	const char *file = (const char *)getauxval(AT_EXECFN);

	if (strchr(name, '/') == NULL && file != NULL)
		return file;
	return name;
}

static void send_call(int fd, int argc, char **argv)
{
	char *message = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&message, &size);
	char *directory = getcwd(NULL, 0);
	uint32_t length;

	if (out == NULL)
		broken("memory");
	(void)fprintf(out, "%s%c%s%c", directory != NULL ? directory : "/", 0, called_by(argv[0]),
		      0);
	for (int i = 0; i < argc; i++)
		(void)fprintf(out, "%s%c", argv[i], 0);
	if (fclose(out) != 0)
		broken("memory");
	length = (uint32_t)size;
	write_all(fd, &length, sizeof(length));
	write_all(fd, message, size);
	free(message);
	free(directory);
}

static _Noreturn void print_and_exit(const unsigned char *at, const unsigned char *end)
{
	int status = *at++;

	while (end - at > (ptrdiff_t)sizeof(uint32_t)) {
		int fd = *at++;
		uint32_t size;

		memcpy(&size, at, sizeof(size));
		at += sizeof(size);
		write_all(fd, at, size);
		at += size;
	}
	exit(status);
}

static _Noreturn void become(char *at, const char *end)
{
	static char *arguments[ARGUMENTS_MAX];
	size_t count = 0;
	const char *path = at;

	at += strlen(at) + 1;
	while (at < end && count < ARGUMENTS_MAX - 1) {
		arguments[count++] = at;
		at += strlen(at) + 1;
	}
	(void)execv(path, arguments);
	broken(path);
}

int main(int argc, char **argv)
{
	int fd = connect_to_test();
	uint32_t length;
	char *answer;

	send_call(fd, argc, argv);
	read_all(fd, &length, sizeof(length));
	if (length < 2 || length > MESSAGE_MAX)
		broken("length of the answer");
	answer = calloc(length + 1, 1);
	if (answer == NULL)
		broken("memory");
	read_all(fd, answer, length);
	if (answer[0] == 'X')
		become(answer + 1, answer + length);
	print_and_exit((unsigned char *)answer + 1, (unsigned char *)answer + length);
}
