/*
 * `ephemports run`: what its files share. cmd_run.c reads the options and goes through the steps; each step has a file.
 */
#ifndef EPH_CLI_RUN_H
#define EPH_CLI_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "ephemports.h"
#include "strbuf.h"

struct arguments;
struct run_cgroup;

/* Source texts in EPHEMPORTS_POOL: the preload library takes no more. */
#define RUN_FROM_MAX 64u

struct run_request {
	struct eph_pool_options options; /* its texts live in `from_text`, or in the arguments */
	const char *from[RUN_FROM_MAX];
	char *from_text;
	const char *netns; /* as given, or NULL */
	const char *const *argv;
	bool report, json;
};

/* --- run_program.c: what COMMAND is --- */

enum run_way {
	RUN_WAY_PRELOAD, /* asks libc for its connections: a library can stand between */
	RUN_WAY_BPF,     /* asks the kernel itself, or another libc: only the kernel sees it */
};

struct run_program {
	char path[4096]; /* that will be executed */
	enum run_way way;
	char because[200]; /* for RUN_WAY_BPF: "PATH is linked statically" */
};

/**
 * run_program_look() - find COMMAND as execvp(3) does, and say how it can be helped
 * A script is judged by its interpreter. A program that runs with more privilege than its caller is refused: the loader does
 * not let a library into it.
 * Return: 0; -ENOENT, -EACCES, -EPERM (more privilege) with @reterr, and in *@ret_status what env(1) would exit with.
 */
int run_program_look(const char *name, struct run_program *ret, int *ret_status,
		     struct eph_error *reterr);

/* --- run_preload.c: the library, and what it finds in the environment --- */

/* The library that belongs to this program, into @path. Return: 0, or a negative errno with @reterr. */
int run_preload_find(char path[4096], struct eph_error *reterr);

/* Can LD_PRELOAD have it by this name? If not, `run` holds it open and gives it as a descriptor of its own. */
bool run_preload_is_plain(const char *library);

/* The value of EPHEMPORTS_POOL without descriptors: what preload/preload_pool.h describes. */
void run_preload_words(const struct eph_pool_options *options, struct strbuf *out);

/* Set LD_PRELOAD and EPHEMPORTS_POOL of this process, whose descriptors @image and @memory are, and @held, the library, where
 * its name is not plain (else -1).
 * Return: 0, or a negative errno with @reterr. */
int run_preload_environment(const struct run_request *request, const char *library, int held,
			    int image, int memory, struct eph_error *reterr);

/* --- run_child.c: COMMAND as a child, signals, its end --- */

/* What COMMAND needs of this process while it runs. */
#define RUN_KEEP_MAX 8u
struct run_kept {
	int fd[RUN_KEEP_MAX];
	unsigned count;
	const struct run_cgroup *cgroup; /* that COMMAND is started in, or NULL */
};

/**
 * run_child() - run @path with @argv, pass signals on to it, and wait for its end
 * @kept:       descriptors that stay open in this process meanwhile; all others but standard error are closed or
 *              become /dev/null, so that nobody waits for us to close them
 * @ret_status: its exit status, 128 + N when signal N ended it; on failure what env(1) would exit with
 *
 * Return: 0, or a negative errno with @reterr when there was no child.
 */
int run_child(const char *path, const char *const *argv, const struct run_kept *kept,
	      int *ret_status, struct eph_error *reterr);

/* --- run_replies.c --- */

/* A warning on standard error for sources that other hosts' replies do not come back to. */
void run_replies(const struct eph_pool *pool);

/* --- run_report.c and run_unit.c: words --- */

/* @cgroup is NULL when there is none; @without says why, "" when nobody wanted one. */
void run_report(const struct eph_pool *pool, const struct run_cgroup *cgroup, const char *without,
		const struct run_request *request, struct strbuf *out);

/* The drop-in for a unit: with COMMAND its ExecStart=, without the environment for whatever the unit starts.
 * Return: 0, or a negative errno with @reterr. */
int run_unit(const struct run_request *request, const struct arguments *arguments,
	     struct strbuf *out, struct eph_error *reterr);

#endif
