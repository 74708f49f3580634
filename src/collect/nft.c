#include "nft.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
#include "netns.h"
#include "text_nft.h"

#define OUTPUT_BYTES_MAX (16u << 20)
#define PIECE_BYTES      (64u << 10)
#define TIME_MAX_MS      1000
#define MODULES_BYTES    (256u << 10)

static const char *const places[] = {"/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft",
				     "/usr/bin/nft"};

/* --- is there anything to read ----------------------------------------------------------------------------------- */

/* Does the file have @word? */
static bool file_has(const char *path, const char *word)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP(freep) char *text = malloc(MODULES_BYTES);
	size_t length = 0;
	ssize_t got = 1;

	while (fd >= 0 && text && got > 0 && length < MODULES_BYTES) {
		got = read(fd, text + length, MODULES_BYTES - length);
		length += got > 0 ? (size_t)got : 0;
	}
	return length && memmem(text, length, word, strlen(word));
}

/* Asking the kernel for tables would load the module that has none. */
static bool is_loaded(void)
{
	struct utsname name;
	char path[128];

	if (access("/proc/modules", F_OK) < 0 || file_has("/proc/modules", "nf_tables "))
		return true;
	if (uname(&name) < 0)
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%.64s/modules.builtin", name.release);
	return file_has(path, "/nf_tables.ko");
}

static int count_table(const struct nlmsghdr *message, void *context)
{
	(void)message;
	(*(unsigned *)context)++;
	return MNL_CB_OK;
}

static int ask_for_tables(struct mnl_socket *socket, unsigned *ret_tables)
{
	char buffer[8192];
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *family = mnl_nlmsg_put_extra_header(header, sizeof(*family));
	ssize_t got;
	int r = MNL_CB_OK;

	header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	header->nlmsg_seq = 1;
	*family = (struct nfgenmsg){.nfgen_family = 0, .version = NFNETLINK_V0};
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		got = mnl_socket_recvfrom(socket, buffer, sizeof(buffer));
		r = got < 0 ? -1
			    : mnl_cb_run(buffer, (size_t)got, 1, mnl_socket_get_portid(socket),
					 count_table, ret_tables);
		if (r < 0)
			return -errno;
	}
	return 0;
}

/* Return: how many tables the namespace has, or why that is not known. */
static int count_tables(void)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	unsigned tables = 0;
	int r;

	if (!socket)
		return -errno;
	r = ask_for_tables(socket, &tables);
	mnl_socket_close(socket);
	return r < 0 ? r : (int)tables;
}

/* Tables of the old iptables, which has rules of its own beside nf_tables. */
static bool has_old_tables(void)
{
	return file_has("/proc/thread-self/net/ip_tables_names", "\n") ||
	       file_has("/proc/thread-self/net/ip6_tables_names", "\n");
}

/* --- nft as a child process --------------------------------------------------------------------------------------- */

static const char *find_nft(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0)
			return places[i];
	return NULL;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int spawn(const char *path, bool terse, int output, pid_t *ret)
{
	char name[] = "nft", all[] = "-j", brief[] = "-jt", list[] = "list", what[] = "ruleset";
	char locale[] = "LC_ALL=C", search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const arguments[] = {name, terse ? brief : all, list, what, NULL};
	char *const environment[] = {search, locale, NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all_signals;
	int r = posix_spawn_file_actions_init(&files);

	if (r)
		return -r;
	sigemptyset(&none);
	sigfillset(&all_signals);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all_signals);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
	if (!r)
		r = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY,
						     0);
	if (!r)
		r = posix_spawn(ret, path, &files, &attributes, arguments, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

struct output {
	char *text;
	size_t length, capacity;
};

static int make_room(struct output *output)
{
	size_t capacity = output->capacity ? output->capacity * 2 : PIECE_BYTES;
	char *grown;

	if (output->length < output->capacity)
		return 0;
	if (output->length >= OUTPUT_BYTES_MAX)
		return -EFBIG;
	grown = realloc(output->text, capacity);
	if (!grown)
		return -ENOMEM;
	output->text = grown;
	output->capacity = capacity;
	return 0;
}

/* Until the other side closes, the time is over, or there is too much. */
static int read_all(int fd, struct output *output)
{
	int64_t end = now_ms() + TIME_MAX_MS, left;

	while ((left = end - now_ms()) > 0) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};
		int r = make_room(output);
		ssize_t got;

		if (r < 0)
			return r;
		if (poll(&wait, 1, (int)left) <= 0)
			continue;
		got = read(fd, output->text + output->length, output->capacity - output->length);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		output->length += got > 0 ? (size_t)got : 0;
	}
	return -ETIMEDOUT;
}

static int run(const char *path, bool terse, struct output *output)
{
	CLEANUP(fd_closep) int from = -1, to = -1;
	int ends[2], status = 0, r;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	from = ends[0];
	to = ends[1];
	r = spawn(path, terse, to, &child);
	if (r < 0)
		return r;
	fd_closep(&to);
	to = -1;
	r = read_all(from, output);
	if (r < 0)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return r < 0 || (WIFEXITED(status) && WEXITSTATUS(status) == 0) ? r : -EIO;
}

static int read_rules(const char *path, bool terse, struct firewall *ret)
{
	struct output output = {.text = NULL};
	int r = run(path, terse, &output);

	if (r == 0)
		r = text_nft_read(output.text, output.length, terse, ret);
	free(output.text);
	return r;
}

static const char *why_not(int error)
{
	switch (error) {
	case -ETIMEDOUT:
		return "nft took more than a second";
	case -EFBIG:
	case -ENOMEM:
		return "they are too many";
	case -EPERM:
	case -EACCES:
		return "only root may read them";
	default:
		return "nft failed";
	}
}

/* A host may have sets of a million addresses: what they hold is read only where a rule looks up a port in one. */
static enum nft_outcome read_with(const char *path, struct firewall *ret, const char **ret_because)
{
	struct firewall full = {0};
	int r = read_rules(path, true, ret);

	if (r < 0) {
		*ret_because = why_not(r);
		return NFT_NOT_READ;
	}
	if (!ret->sets_missing)
		return NFT_READ;
	if (read_rules(path, false, &full) < 0)
		return NFT_READ_IN_PART;
	firewall_done(ret);
	*ret = full;
	return NFT_READ;
}

static enum nft_outcome read_inside(struct firewall *ret, const char **ret_because)
{
	enum nft_outcome outcome = NFT_READ;
	int tables = is_loaded() ? count_tables() : 0;
	const char *path = find_nft();

	if (tables < 0)
		*ret_because = tables == -EPERM ? why_not(tables)
						: "the kernel did not tell whether there are any";
	else if (tables > 0 && !path)
		*ret_because = "nft is not installed";
	else if (tables > 0)
		outcome = read_with(path, ret, ret_because);
	if (*ret_because)
		return NFT_NOT_READ;
	return outcome == NFT_READ && has_old_tables() ? NFT_READ_IN_PART : outcome;
}

enum nft_outcome nft_read(int netns_fd, struct firewall *ret, const char **ret_because)
{
	enum nft_outcome outcome = NFT_NOT_READ;
	int back;

	*ret = (struct firewall){0};
	*ret_because = NULL;
	if (netns_enter(netns_fd, &back) == 0)
		outcome = read_inside(ret, ret_because);
	netns_leave(&back);
	return outcome;
}
