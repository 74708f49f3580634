#include "run.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "alloc.h"
#include "command_exec.h"
#include "error.h"
#include "fd.h"

#define LINE_BYTES   256u /* the kernel's BINPRM_BUF_SIZE: no more of a script's first line counts */
#define SCRIPTS_MAX  5    /* interpreters that are scripts again; the kernel's limit too */
#define HEADERS_MAX  64u
#define NOTES_BYTES  4096u
#define LOADER_BYTES 256u

/* What matters of a program's headers. */
struct elf_facts {
	bool is_elf;
	unsigned char class;
	Elf64_Half machine;
	char loader[LOADER_BYTES]; /* "" when it needs none */
	bool go;
};

static int refuse(int error, int status, int *ret_status, struct eph_error *reterr,
		  const char *name)
{
	*ret_status = status;
	return error_set(reterr, -error, "command", "%.200s: %s", *name ? name : "''",
			 strerror(error));
}

static int status_of(int error)
{
	return error == ENOENT || error == ENOTDIR ? EXEC_STATUS_NOT_FOUND : EXEC_STATUS_REFUSED;
}

/* 0 when @path is a file that may be executed, else an errno. */
static int is_executable(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return errno;
	if (!S_ISREG(status.st_mode))
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* As execvp(3): EACCES in one directory does not end the search, but is remembered. */
static int find_in_path(const char *name, char ret[PATH_MAX])
{
	const char *path = getenv("PATH");
	int error = ENOENT;

	for (const char *at = path ? path : "/bin:/usr/bin";; at++) {
		size_t length = strcspn(at, ":");
		int n = snprintf(ret, PATH_MAX, "%.*s%s%s", (int)length, at, length ? "/" : "./",
				 name),
		    one;

		one = n < 0 || n >= PATH_MAX ? ENAMETOOLONG : is_executable(ret);
		if (!one)
			return 0;
		if (one == EACCES)
			error = EACCES;
		at += length;
		if (!*at)
			return error;
	}
}

static int find_command(const char *name, char ret[PATH_MAX])
{
	if (!strchr(name, '/'))
		return *name ? find_in_path(name, ret) : ENOENT;
	if (snprintf(ret, PATH_MAX, "%s", name) >= PATH_MAX)
		return ENAMETOOLONG;
	return is_executable(name);
}

/* Go's linker leaves a note; what it makes calls the kernel itself even when it is linked with libc. */
static bool has_go_note(int fd, uint64_t offset, uint64_t bytes)
{
	char notes[NOTES_BYTES];
	ssize_t n = pread(fd, notes, bytes < sizeof(notes) ? bytes : sizeof(notes), (off_t)offset);
	Elf64_Nhdr note;

	for (size_t at = 0; n > 0 && at + sizeof(note) <= (size_t)n;) {
		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		if (note.n_namesz == 4 && at + 4 <= (size_t)n && memcmp(notes + at, "Go\0", 4) == 0)
			return true;
		if (note.n_namesz > NOTES_BYTES || note.n_descsz > NOTES_BYTES)
			return false;
		at += ((note.n_namesz + 3u) & ~3u) + ((note.n_descsz + 3u) & ~3u);
	}
	return false;
}

static void read_header(int fd, const Elf64_Phdr *header, struct elf_facts *ret)
{
	size_t bytes = header->p_filesz < LOADER_BYTES ? header->p_filesz : LOADER_BYTES - 1;

	if (header->p_type == PT_INTERP &&
	    pread(fd, ret->loader, bytes, (off_t)header->p_offset) > 0)
		ret->loader[bytes] = '\0';
	if (header->p_type == PT_NOTE)
		ret->go |= has_go_note(fd, header->p_offset, header->p_filesz);
}

static void read_elf(int fd, struct elf_facts *ret)
{
	Elf64_Ehdr elf;

	*ret = (struct elf_facts){0};
	if (pread(fd, &elf, sizeof(elf), 0) < (ssize_t)sizeof(Elf32_Ehdr) ||
	    memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0)
		return;
	ret->is_elf = true;
	ret->class = elf.e_ident[EI_CLASS];
	ret->machine = elf.e_machine; /* at the same place in both classes */
	if (ret->class != ELFCLASS64 || elf.e_phentsize != sizeof(Elf64_Phdr))
		return;
	for (unsigned i = 0; i < elf.e_phnum && i < HEADERS_MAX; i++) {
		Elf64_Phdr header;

		if (pread(fd, &header, sizeof(header), (off_t)(elf.e_phoff + i * sizeof(header))) ==
		    sizeof(header))
			read_header(fd, &header, ret);
	}
}

/* The interpreter of a script into @ret; "" when it is none. */
static void read_script(int fd, char ret[PATH_MAX])
{
	char line[LINE_BYTES + 1];
	ssize_t n = pread(fd, line, LINE_BYTES, 0);
	size_t start;

	*ret = '\0';
	if (n < 2 || memcmp(line, "#!", 2) != 0)
		return;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	start = 2 + strspn(line + 2, " \t");
	snprintf(ret, PATH_MAX, "%.*s", (int)strcspn(line + start, " \t"), line + start);
}

/* Would the loader run it in secure mode? Root's own setuid-root programs are not: nothing is gained there. */
static const char *more_privilege(int fd)
{
	struct statvfs filesystem;
	struct stat status;
	char capabilities[64];

	if (fstat(fd, &status) < 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	    (fstatvfs(fd, &filesystem) == 0 && filesystem.f_flag & ST_NOSUID))
		return NULL;
	if (status.st_mode & S_ISUID && status.st_uid != getuid())
		return "is setuid";
	if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
	    status.st_gid != getgid())
		return "is setgid";
	if (getuid() &&
	    fgetxattr(fd, "security.capability", capabilities, sizeof(capabilities)) > 0)
		return "has file capabilities";
	return NULL;
}

static void choose_way(const char *path, const struct elf_facts *elf, struct run_program *ret)
{
	const char *why = NULL;
	struct elf_facts own;
	CLEANUP(fd_closep) int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	read_elf(fd, &own);
	if (!elf->is_elf)
		return; /* of a format that this host has a handler for: what that runs inherits the environment */
	if (elf->class != own.class || elf->machine != own.machine)
		why = "is made for another processor";
	else if (elf->go)
		why = "is written in Go and asks the kernel itself";
	else if (!*elf->loader)
		why = "is linked statically";
	else if (*own.loader &&
		 strcmp(strrchr(elf->loader, '/') ? strrchr(elf->loader, '/') : "",
			strrchr(own.loader, '/') ? strrchr(own.loader, '/') : "") != 0)
		why = "uses another libc";
	if (!why)
		return;
	ret->way = RUN_WAY_BPF;
	snprintf(ret->because, sizeof(ret->because), "%.120s %s", path, why);
}

/* @path, or what interprets it. */
static int judge(const char *name, const char *path, int depth, struct run_program *ret,
		 int *ret_status, struct eph_error *reterr)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char interpreter[PATH_MAX];
	struct elf_facts elf;
	const char *why;
	int error;

	/* What may be executed and not be read cannot be judged: it is run as a dynamic program. */
	if (fd < 0)
		return 0;
	read_script(fd, interpreter);
	if (*interpreter && depth < SCRIPTS_MAX) {
		error = is_executable(interpreter);
		*ret_status = status_of(error);
		if (error)
			return error_set(reterr, -error, "command",
					 "%.120s: its interpreter %.120s: %s", name, interpreter,
					 strerror(error));
		return judge(name, interpreter, depth + 1, ret, ret_status, reterr);
	}
	why = more_privilege(fd);
	*ret_status = EXEC_STATUS_FAILED;
	if (why)
		return error_set(reterr, -EPERM, "command",
				 "%.120s %s: such a program takes no library from its caller, so "
				 "nothing would change",
				 path, why);
	read_elf(fd, &elf);
	choose_way(path, &elf, ret);
	return 0;
}

int run_program_look(const char *name, struct run_program *ret, int *ret_status,
		     struct eph_error *reterr)
{
	int error;

	*ret = (struct run_program){.way = RUN_WAY_PRELOAD};
	error = find_command(name, ret->path);
	if (error)
		return refuse(error, status_of(error), ret_status, reterr, name);
	return judge(name, ret->path, 0, ret, ret_status, reterr);
}
