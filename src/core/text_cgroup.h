/*
 * cgroup paths: which service or container does a process belong to? Pure; the text is chosen by others.
 */
#ifndef EPH_CORE_TEXT_CGROUP_H
#define EPH_CORE_TEXT_CGROUP_H

#include <stddef.h>

#define TEXT_CGROUP_UNIT_BYTES 64

/**
 * text_cgroup_unit() - the unit or container that a cgroup path names
 *
 * The innermost that is known: "docker:4f5e6d7c8b9a", "podman:...", "containerd:...", "crio:...", "lxc:NAME",
 * "pod:..." (a Kubernetes pod), "nginx.service"; "" when none. Identifiers are cut to 12 digits.
 * @path: "/system.slice/nginx.service"
 */
void text_cgroup_unit(const char *path, size_t length, char unit[TEXT_CGROUP_UNIT_BYTES]);

/* The same from the lines of /proc/PID/cgroup ("0::/path", "4:memory:/path"): the first line, from the unified hierarchy
 * or a v1 one, that names anything. */
void text_cgroup_unit_of_process(const char *text, size_t length,
				 char unit[TEXT_CGROUP_UNIT_BYTES]);

#endif
