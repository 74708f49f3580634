#include "peek.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
#include "process.h"
#include "snapshot.h"

#ifndef SO_BINDTOIFINDEX
#define SO_BINDTOIFINDEX 62
#endif

#define OPTIONS (SOCKET_REUSEADDR | SOCKET_REUSEPORT)

struct peek {
	struct socket_record *record[PEEK_MAX]; /* ascending by inode */
	size_t count;
	int pidfd; /* of the process that is looked into */
	bool learned;
};

static bool is_wanted(const struct socket_record *record, uint8_t protocol)
{
	uint16_t needed = OPTIONS | (record->flags & SOCKET_AF_INET6 ? SOCKET_V6ONLY : 0);

	return record->protocol == protocol && record->inode &&
	       ((record->known & needed) != needed || record->flags & SOCKET_DEVICE_HIDDEN);
}

static bool holds(const struct socket_record *record)
{
	return record->state == STATE_LISTEN || record->state == STATE_BOUND ||
	       !record->remote_port;
}

static void choose(struct peek *peek, struct socket_table *sockets, uint8_t protocol, bool held)
{
	for (size_t i = 0; i < sockets->count && peek->count < PEEK_MAX; i++) {
		struct socket_record *record = &sockets->record[i];

		if (is_wanted(record, protocol) && holds(record) == held)
			peek->record[peek->count++] = record;
	}
}

static int by_inode(const void *a, const void *b)
{
	const struct socket_record *const *x = a, *const *y = b;

	return ((*x)->inode > (*y)->inode) - ((*x)->inode < (*y)->inode);
}

static struct socket_record **find(struct peek *peek, uint32_t inode)
{
	const struct socket_record key = {.inode = inode}, *at = &key;

	return bsearch(&at, peek->record, peek->count, sizeof(struct socket_record *), by_inode);
}

/* The descriptor may be another socket's by now. */
static bool is_the_socket(int fd, const struct socket_record *record)
{
	socklen_t length = sizeof(uint64_t);
	struct stat status;
	uint64_t cookie;

	if (fstat(fd, &status) < 0 || !S_ISSOCK(status.st_mode) || status.st_ino != record->inode)
		return false;
	return !record->cookie || (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &length) == 0 &&
				   cookie == record->cookie);
}

static int option(int fd, int level, int name)
{
	socklen_t length = sizeof(int);
	int value;

	return getsockopt(fd, level, name, &value, &length) == 0 && value >= 0 ? value : -1;
}

static void take_flag(struct socket_record *record, uint16_t flag, int value)
{
	if (value < 0)
		return;
	record->known |= flag;
	if (value)
		record->flags |= flag;
	else
		record->flags &= (uint16_t)~flag;
}

static void read_options(int fd, struct socket_record *record)
{
	int device = option(fd, SOL_SOCKET, SO_BINDTOIFINDEX);

	take_flag(record, SOCKET_REUSEADDR, option(fd, SOL_SOCKET, SO_REUSEADDR));
	take_flag(record, SOCKET_REUSEPORT, option(fd, SOL_SOCKET, SO_REUSEPORT));
	if (record->flags & SOCKET_AF_INET6)
		take_flag(record, SOCKET_V6ONLY, option(fd, IPPROTO_IPV6, IPV6_V6ONLY));
	if (device >= 0) {
		record->device = (uint32_t)device;
		record->flags &= (uint16_t)~SOCKET_DEVICE_HIDDEN;
	}
}

static int ask(void *context, uint32_t descriptor, uint32_t inode)
{
	struct peek *peek = context;
	struct socket_record **at = find(peek, inode);
	CLEANUP(fd_closep) int fd = -1;

	if (!at || (*at)->known & SOCKET_REUSEADDR)
		return 0;
	fd = (int)syscall(SYS_pidfd_getfd, peek->pidfd, descriptor, 0);
	if (fd < 0)
		return errno == EPERM || errno == ENOSYS ? -errno : 0;
	if (is_the_socket(fd, *at)) {
		read_options(fd, *at);
		peek->learned = true;
	}
	return 0;
}

static int ask_holders(struct peek *peek)
{
	CLEANUP(freep) uint32_t *inode = calloc(peek->count, sizeof(*inode));
	struct process_table holders = {.processes = 0};
	bool whole;
	int r = inode ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < peek->count; i++)
		inode[i] = peek->record[i]->inode;
	if (r == 0)
		r = process_find(&holders, inode, peek->count, &whole, NULL);
	for (size_t i = 0; r == 0 && i < holders.processes; i++) {
		int32_t pid = holders.process[i].pid;

		peek->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (peek->pidfd < 0)
			continue;
		process_each_socket(pid, ask, peek);
		close(peek->pidfd);
	}
	process_table_done(&holders);
	return r;
}

bool peek_options(struct snapshot *snapshot, uint8_t protocol)
{
	struct socket_table *sockets = &snapshot->netns[0].sockets;
	struct peek peek = {.count = 0};
	size_t length = strlen(snapshot->collector);

	choose(&peek, sockets, protocol, true);
	choose(&peek, sockets, protocol, false);
	if (!peek.count)
		return false;
	qsort(peek.record, peek.count, sizeof(struct socket_record *), by_inode);
	if (ask_holders(&peek) < 0 || !peek.learned)
		return false;
	snprintf(snapshot->collector + length, sizeof(snapshot->collector) - length, "+probe");
	return true;
}
