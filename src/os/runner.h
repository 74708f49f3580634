/*
 * How a system is reached: commands, files, settings, here or elsewhere. A runner has two tables: `ops` is the way to the
 * machine (local now, ssh), `settings` is how the system behind it reads and sets a running value (Linux: files below
 * /proc/sys; others: commands, through ops->run). Neither prints. Whatever comes back from another machine is hostile.
 */
#ifndef EPH_OS_RUNNER_H
#define EPH_OS_RUNNER_H

#include "change_result.h"
#include "strbuf.h"
#include "text_line.h"

struct eph_error;
struct runner;

#define RUNNER_OUTPUT_MAX (32u << 20) /* bytes of output of one command; more is an error */

struct runner_output {
	struct strbuf text;   /* standard output */
	struct strbuf errors; /* standard error, its first 4 KiB */
	int status;           /* exit status; 128 + signal */
};
void runner_output_init(struct runner_output *output); /* nothing was said */
void runner_output_done(struct runner_output *output);

/* The first line of @first that says something, for a message; of @second when @first is empty. Cut, and borrowed. */
struct text_span runner_said(const struct strbuf *first, const struct strbuf *second);
#define RUNNER_SAID_MAX 150u

struct runner_file {
	bool exists;
	char *text; /* owned; NULL when it does not exist */
	size_t length;
	char digest[DIGEST_TEXT_BYTES]; /* "" when it does not exist */
	/* where it really lies below the root, links followed; "" when that is not known */
	char real_path[CHANGE_PATH_BYTES];
};
void runner_file_done(struct runner_file *file);

struct runner_ops {
	/**
	 * run() - run a program there
	 * @argv:  NULL at the end; no shell reads it, on a remote side it is quoted
	 * @input: its standard input; NULL: none
	 * @ret:   released with runner_output_done(), on failure too
	 * Return: 0 when it ran, whatever its exit status; negative errno with @reterr.
	 */
	int (*run)(struct runner *runner, const char *const *argv, const char *input,
		   size_t input_length, struct runner_output *ret, struct eph_error *reterr);

	/* The same for one line, read by /bin/sh there, or by cmd.exe where `cmd_exe` is set. */
	int (*line)(struct runner *runner, const char *line, struct runner_output *ret,
		    struct eph_error *reterr);

	/* A file below the root; that it is not there is no failure. Refusals as in file_edit.h.
	 * @ret is released with runner_file_done(), on failure too. */
	int (*file_read)(struct runner *runner, const char *path, struct runner_file *ret,
			 struct eph_error *reterr);

	/**
	 * file_replace() - the file holds @text, or is as it was
	 * @expected: its digest as read, "" if there was none; -ESTALE when it is another one by now
	 * @text:     NULL: remove it
	 * @mode:     of a file that was not there; 0: 0644. An old one keeps its own
	 */
	int (*file_replace)(struct runner *runner, const char *path, const char *expected,
			    const char *text, size_t length, unsigned mode,
			    struct eph_error *reterr);

	/* Where the symbolic link leads, appended to @ret: nothing when there is none. -EEXIST: something else is there.
	 * NULL, as link_replace() below: this runner has no links. */
	int (*link_read)(struct runner *runner, const char *path, struct strbuf *ret,
			 struct eph_error *reterr);

	/* Make the link to @to where nothing is, or (@remove) take away the one that leads there. -ESTALE otherwise. */
	int (*link_replace)(struct runner *runner, const char *path, const char *to, bool remove,
			    struct eph_error *reterr);

	/* Take away what an interrupted file_replace() of @path may have left beside it. */
	int (*file_tidy)(struct runner *runner, const char *path, struct eph_error *reterr);
};

struct setting_ops {
	/* The running value, without blanks at its ends, appended to @ret. */
	int (*read)(struct runner *runner, const char *name, struct strbuf *ret,
		    struct eph_error *reterr);
	/* Set it. Whether the system took it as it is, the caller reads back. */
	int (*write)(struct runner *runner, const char *name, const char *value,
		     struct eph_error *reterr);
	/* From when @on is true until it is false settings may be told as they were when the first was asked for, or as the last
	 * write left them: where each look is a connection, all are read at once. On once more: asked for anew. NULL: each
	 * read asks. */
	void (*remember)(struct runner *runner, bool on);
	/* Is @now a value that setting @after in place of @before, or the reverse, passes through? NULL: never. */
	bool (*is_between)(const struct runner *runner, const char *name, const char *before,
			   const char *after, const char *now);
	/* Values at most so long are set in one go; of a longer one a crash may leave a part. 0: of any length. */
	size_t atomic_bytes;
	/* The system may take another value than it was asked for: after a crash that value is ours to take back. */
	bool clamps;
};

struct runner {
	const struct runner_ops *ops;
	const struct setting_ops *settings;
	struct change_place place; /* what it reaches */
	bool cmd_exe; /* the shell there is cmd.exe; there are no files then. Set by who finds it out */
	bool powershell; /* with cmd_exe: it is reached through PowerShell, which OpenSSH for Windows can be set to start */
};

/*
 * This machine. Settings are those of the network namespace that the calling thread is in; files are below
 * EPHEMPORTS_ROOT, whose system runs in that namespace, or not at all: local_runner_image().
 */
struct local_runner {
	struct runner runner; /* first, so that a pointer to it is one to the whole */
	int root_fd;
};

/**
 * local_runner_init() - reach this machine, a Linux
 * @netns_name: how the user named the namespace that the thread has entered; "" for its own
 * Return: 0 or negative errno with @reterr; then nothing is to be released.
 */
int local_runner_init(struct local_runner *local, const char *netns_name, struct eph_error *reterr);
void local_runner_done(struct local_runner *local);

/* Below EPHEMPORTS_ROOT lies a system that does not run: running values are neither read nor set, whatever a plan or the
 * journal says, and it is the same place after a reboot of this machine. */
void local_runner_image(struct local_runner *local);

/* Running values of Linux: files below /proc/sys, of the calling thread's network namespace. */
extern const struct setting_ops linux_settings;

#endif
