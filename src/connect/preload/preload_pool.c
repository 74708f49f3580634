#include "preload_pool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
#include "pool.h"
#include "pool_image.h"
#include "real.h"

#define VALUE_BYTES 4096u
#define FROM_MAX    64u

enum stage {
	STAGE_NEW,
	STAGE_MAKING, /* by a constructor that ran before ours, or by ours */
	STAGE_DONE,
};

static _Atomic int stage;
static struct eph_pool shared_pool;
static struct eph_pool *_Atomic pool;

/* In a page that the kernel clears in the child of a fork(), however it was made, and not in that of a vfork(). */
static _Atomic pid_t *owner;

/* The value of @key in @words, into @value; false when it is not there or too long. */
static bool find_value(const char *words, const char *key, char value[VALUE_BYTES])
{
	size_t length = strlen(key);

	while (*words) {
		size_t end = strcspn(words, " ");

		if (end > length && words[length] == '=' && memcmp(words, key, length) == 0 &&
		    end - length <= VALUE_BYTES) {
			memcpy(value, words + length + 1, end - length - 1);
			value[end - length - 1] = '\0';
			return true;
		}
		words += end;
		words += strspn(words, " ");
	}
	return false;
}

static int open_value(const char *words, const char *key, int flags)
{
	char path[VALUE_BYTES];

	/* Whatever somebody wrote there, a program is not to wait for it. */
	return find_value(words, key, path) ? open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
					    : -1;
}

static struct eph_pool *attach(const char *words)
{
	CLEANUP(fd_closep) int image = open_value(words, "pool", O_RDONLY);
	CLEANUP(fd_closep) int known = image < 0 ? -1 : open_value(words, "known", O_RDWR);

	return known >= 0 && pool_image_attach(image, known, &shared_pool) == 0 ? &shared_pool
										: NULL;
}

static size_t split(char *list, const char *ret[FROM_MAX])
{
	size_t count = 0;

	for (char *save = NULL, *one = strtok_r(list, ",", &save); one && count < FROM_MAX;
	     one = strtok_r(NULL, ",", &save))
		ret[count++] = one;
	return count;
}

/* Another user, process namespace or network namespace than that of `run`: a pool of this program's own. */
static struct eph_pool *make(const char *words)
{
	char from[VALUE_BYTES], range[VALUE_BYTES], search[VALUE_BYTES];
	struct eph_pool_options options = {.sz = sizeof(options), .memory_fd = -1};
	const char *sources[FROM_MAX];
	struct eph_pool *made = NULL;

	if (find_value(words, "from", from)) {
		options.from = sources;
		options.from_count = split(from, sources);
	}
	if (find_value(words, "range", range))
		options.range = range;
	if (find_value(words, "search", search) && strcmp(search, "kernel") == 0)
		options.search = EPH_SEARCH_KERNEL;
	return eph_pool_new(&options, &made, NULL) < 0 ? NULL : made;
}

static void mark_owner(void)
{
	_Atomic pid_t *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return;
	(void)madvise((void *)(uintptr_t)page, 1, MADV_WIPEONFORK);
	atomic_store(page, getpid());
	owner = page;
}

static void set_up(void)
{
	const char *words = secure_getenv("EPHEMPORTS_POOL");
	struct eph_pool *made;

	if (!words)
		return;
	mark_owner();
	if (!owner)
		return;
	made = attach(words);
	if (!made)
		made = make(words);
	if (!made)
		return;
	/* A child does not give back the ports of connections that its parent still has. */
	(void)madvise(made->owned, sizeof(*made->owned), MADV_WIPEONFORK);
	atomic_store(&pool, made);
}

/* Who finds it in the making connects as if there was none, rather than wait: it may be the maker himself, in a signal
 * handler. */
static void set_up_once(void)
{
	int expected = STAGE_NEW, saved = errno;

	if (!atomic_compare_exchange_strong(&stage, &expected, STAGE_MAKING))
		return;
	real_look_up();
	set_up();
	atomic_store(&stage, STAGE_DONE);
	errno = saved;
}

__attribute__((constructor)) static void before_main(void)
{
	set_up_once();
}

bool preload_is_guest(void)
{
	pid_t here = getpid(), none = 0;

	return !atomic_compare_exchange_strong(owner, &none, here) && none != here;
}

struct eph_pool *preload_pool_any(void)
{
	if (atomic_load_explicit(&stage, memory_order_acquire) == STAGE_NEW)
		set_up_once();
	return atomic_load_explicit(&pool, memory_order_acquire);
}

struct eph_pool *preload_pool(void)
{
	struct eph_pool *there = preload_pool_any();

	return there && !preload_is_guest() ? there : NULL;
}
