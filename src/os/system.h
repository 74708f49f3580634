/*
 * One operating system: where its ephemeral ranges are kept, how they are read, changed and kept after a boot. Pure: text
 * in, text out. Whoever runs the commands and fetches the files (runner.h) gives their output to parse() and carries out
 * what os_plan() and os_persist() say. Every text from a host is hostile.
 *
 *	outputs = run each of system->read
 *	os_parse(system, outputs, state, &error)
 *	os_plan(state, &wish, &plan, &error)		which settings, in which order
 *	for each step: run os_set_command(), read again, compare
 *	files = fetch system->boot_file
 *	os_boot(state, files)				what holds after the next boot, and where that is said
 *	os_persist(state, files, &wish, &edits, &error)	the same files as they should be
 *
 * A setting is one name with one value, as text: "net.inet.ip.portrange.first" and "49152"; where one setting holds both
 * ends (Linux, Windows) the value is "LOW HIGH". The journal keeps names and values, never commands.
 */
#ifndef EPH_OS_SYSTEM_H
#define EPH_OS_SYSTEM_H

#include "strbuf.h"
#include "system_result.h"
#include "text_line.h"

struct eph_error;

/* A command that changes nothing. For a Bourne shell (one line, absolute paths, no single quote) or for cmd.exe. */
struct os_command {
	const char *id; /* names its output for parse(); NULL ends a list */
	const char *line;
};

/* What commands said; @id "" is text of unknown origin, such as a transcript that a user saved. */
struct os_output {
	const char *id;
	const char *text; /* not necessarily NUL-terminated */
	size_t length;
};

struct os_outputs {
	const struct os_output *output;
	size_t count;
};

/* A file that has a say at boot. @path may end in * (every name of the directory that begins so). */
struct os_boot_file {
	const char *path; /* NULL ends a list */
};

/* Files as fetched: those of boot_file that exist. */
struct os_file {
	const char *path;
	const char *text; /* of what a link leads to */
	size_t length;
	bool link; /* @path is a symbolic link, as they are in rc directories */
};

struct os_files {
	const struct os_file *file;
	size_t count;
};

/* What the user wants; one bit set in @protocols and @families each, at least. */
struct os_wish {
	enum os_range_name name;
	unsigned protocols, families; /* a range is meant when it shares a bit in both */
	struct port_range range;
	bool unset; /* @range is the default, and no file shall set it: os_persist() takes lines out where files are lists of
		     * settings; others then hold the default */
};

/* Which memory of a setting: the running system, what the next boot reads, or one command that writes both. */
enum os_store {
	OS_RUNNING,
	OS_NEXT_BOOT,
	OS_BOTH,
};

#define OS_SETTING_BYTES 64u
#define OS_VALUE_BYTES   16u
#define OS_STEPS_MAX     32u

struct os_step {
	enum os_store store;
	char setting[OS_SETTING_BYTES];
	char before[OS_VALUE_BYTES]; /* "" for not set */
	char after[OS_VALUE_BYTES];  /* "" for back to the default */
};

struct os_plan {
	struct os_step step[OS_STEPS_MAX];
	size_t steps;
	bool unset; /* persist(): as the wish has it */
};

/* A file as it should be. */
struct os_edit {
	char *path;
	char *text; /* NULL: this is a link */
	size_t length;
	char *link_to;  /* relative target, or NULL */
	unsigned mode;  /* of a new file; an old one keeps its own */
	bool created;   /* was not among the files given */
	char note[160]; /* for people: what was done, who else says something; "" */
};

#define OS_EDITS_MAX 8u

/* A list of reserved ports that can be changed. */
struct os_list {
	const char *setting; /* NULL ends them */
	unsigned protocols,
		families; /* that it is for; where one name has several lists these tell them apart */
	enum os_store store; /* what its command writes; OS_RUNNING: files keep it */
	bool rows;           /* see struct os_ports */
	const char *
		built_in; /* on it when nothing else is said at boot, as far as is known; or NULL */
};

/* What the user wants of the lists of these protocols. */
struct os_list_wish {
	bool remove; /* else add */
	unsigned protocols;
	struct port_set ports;
};

struct os_edits {
	struct os_edit edit[OS_EDITS_MAX];
	size_t count;
};

struct os_system {
	const char *name;    /* "freebsd"; what --os takes */
	const char *title;   /* "FreeBSD" */
	unsigned flags;      /* enum os_flag */
	const char *because; /* OS_FIXED: why it cannot be changed, and what to do instead */
	uint32_t min_ports;  /* the system refuses fewer; 0: any number will do */
	const struct os_range_spec *spec;
	size_t specs;
	const struct os_default
		*fallback; /* defaults, newest release first; source NULL ends them */
	const struct os_facts *facts;
	const struct os_command *read;
	const struct os_boot_file *boot_file; /* NULL: kept by commands, or not at all */
	const char *const *
		boot_sign; /* paths up to a NULL, or NULL: whatever is there comes as an empty file */

	/* Is this the system of `uname -s` @name, `uname -r` @release and `uname -v` @version? Windows: "Windows", the
	 * number in brackets, and nothing. */
	bool (*is)(struct text_span name, struct text_span release, struct text_span version);

	/* Fill in what @output tells of ranges and reserved ports; what cannot be read is left out. */
	void (*parse)(struct os_state *state, const struct os_output *output);

	/* The command that carries @step out: one line, or nothing (out is unchanged) when there is none for that store. */
	void (*set)(const struct os_state *state, const struct os_step *step, struct strbuf *out);

	/* Which command keeps settings: OS_NEXT_BOOT or OS_BOTH; OS_RUNNING when files do, as where this is NULL. */
	enum os_store (*kept_by)(const struct os_state *state);
	const char *kept_in; /* the file that such a command writes, or NULL; for people */

	/* See os_boot() and os_persist(). */
	void (*boot)(struct os_state *state, const struct os_files *files);
	int (*persist)(const struct os_state *state, const struct os_files *files,
		       const struct os_plan *plan, struct os_edits *ret, struct eph_error *reterr);

	/* Lists of reserved ports: reserved.h. */
	const struct os_list *
		list; /* NULL: none that can be changed; then no_list has the reason and what to do instead */
	const char *no_list;
	/* The commands that bring @list from @before to @after, each with a newline at its end. */
	void (*list_set)(const struct os_state *state, const struct os_list *list,
			 enum os_store store, const struct os_ports *before,
			 const struct os_ports *after, struct strbuf *out);
	/* NULL where no file keeps them; see os_list_persist(). */
	int (*list_persist)(const struct os_state *state, const struct os_files *files,
			    const struct os_list_wish *wish, struct os_edits *ret,
			    struct eph_error *reterr);
};

/* All systems in the order of their names, NULL at the end. */
extern const struct os_system *const os_systems[];

const struct os_system *os_find(const char *name); /* NULL: there is none */

/**
 * os_identify() - which system is it?
 * @text: what `uname -s; uname -r; uname -v` printed (on one line or three), or cmd.exe's `ver`
 * @ret_release: the release, printable and cut to @bytes
 * Return: the system; NULL when it is none of ours.
 */
const struct os_system *os_identify(const char *text, size_t length, char *ret_release,
				    size_t bytes);

/* The line that tells a remote host's system: for a Bourne shell, and for cmd.exe when that fails. Thrice, and by path: not
 * every uname takes several options, and a shell may have one of its own. */
#define OS_IDENTIFY_SHELL                                                                          \
	"u=/bin/uname; test -x $u || u=/usr/bin/uname; $u -s; $u -r; $u -v; "                      \
	"(ipadm) >/dev/null 2>&1; test $? -eq 127 && echo " OS_NO_IPADM
#define OS_NO_IPADM     "ephemports-no-ipadm" /* SunOS 5.11 before it had one */
#define OS_IDENTIFY_CMD "ver"

/**
 * os_parse() - from outputs to a state
 * @release: as os_identify() told, or ""; chooses the defaults
 * @ret: all of it is written. Which ranges were read is range[].known; those of systems that cannot be changed are known
 *       without any output.
 * Return: 0, or -ENODATA with @reterr when no range could be read.
 */
int os_parse(const struct os_system *system, const char *release, const struct os_outputs *outputs,
	     struct os_state *ret, struct eph_error *reterr);

/* The default of @release for this range; NULL when none is known. */
const struct os_default *os_default_of(const struct os_system *system, const char *release,
				       enum os_range_name name);

/**
 * os_wish_ports() - a range of @ports ports
 * 49152-65535 as long as that is enough; a larger wish extends it downwards, to 1024 at the lowest. Rounded up to an even
 * number where the system needs that. Return: 0, or -ERANGE with @reterr.
 */
int os_wish_ports(const struct os_system *system, uint32_t ports, struct port_range *ret,
		  struct eph_error *reterr);

/**
 * os_plan() - the steps from @state to @wish, for the running system
 * Each step changes one setting; after each of them low <= high holds (low < high on OS_STRICT systems), as long as it
 * held before. No step when nothing changes. The steps back are the same ones reversed.
 * Return: 0; -EPERM (cannot be changed), -ERANGE (outside of what the system takes), -EINVAL, -ENOENT (no such range),
 * -ENODATA (its present value is not known), with @reterr.
 */
int os_plan(const struct os_state *state, const struct os_wish *wish, struct os_plan *ret,
	    struct eph_error *reterr);

/**
 * os_plan_boot() - the steps that keep @wish after a boot where commands do that; none where files do
 * To be taken after those of os_plan(): a step for OS_BOTH then finds the running value as it wants it. Its before is what
 * was kept, so taking all steps back, these first, restores both memories.
 */
int os_plan_boot(const struct os_state *state, const struct os_wish *wish, struct os_plan *ret,
		 struct eph_error *reterr);

/* @plan read backwards: what was after is before. */
void os_plan_reverse(const struct os_plan *plan, struct os_plan *ret);

/* The command of one step, without a newline at the end. False: there is none. */
bool os_set_command(const struct os_state *state, const struct os_step *step, struct strbuf *out);

/* What will hold after the next boot, by these files: range[].boot, boot_known and where are filled in. */
void os_boot(struct os_state *state, const struct os_files *files);

/**
 * os_persist() - the files as they should be for @wish to hold after the next boot
 * The assignment that wins is changed in its own place, or ours is added such that it is applied last; every other line
 * stays byte for byte. @ret holds only files that change, in the order they are to be written; free with os_edits_done()
 * in any case. Return: 0; -EPERM, -ENOENT, -EINVAL (a file that is not what it should be), -ENOMEM, with @reterr.
 */
int os_persist(const struct os_state *state, const struct os_files *files,
	       const struct os_wish *wish, struct os_edits *ret, struct eph_error *reterr);
void os_edits_done(struct os_edits *edits);

/* Judge every range of @state; @listeners: ports that services of this host listen on, or NULL. */
void os_warn(struct os_state *state, const struct port_set *listeners);

#endif
