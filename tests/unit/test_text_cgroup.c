/* Exercises: core/text_cgroup.c: units and containers of the runtimes in use, and hostile paths. */
#include "check.h"

#include <stdio.h>

#include "text_cgroup.h"

#define ID "4f5e6d7c8b9a0123456789abcdef0123456789abcdef0123456789abcdef0123"

static void names(void **state)
{
	static const struct {
		const char *path, *unit;
	} cases[] = {
		{"/system.slice/nginx.service", "nginx.service"},
		{"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"},
		{"/user.slice/user-0.slice/session-3.scope", "session-3.scope"},
		{"/system.slice/docker-" ID ".scope", "docker:4f5e6d7c8b9a"},
		{"/docker/" ID, "docker:4f5e6d7c8b9a"},
		{"/docker/" ID "/system.slice/cron.service", "docker:4f5e6d7c8b9a"},
		{"/kubepods.slice/kubepods-burstable.slice/"
		 "kubepods-burstable-pod3f1c2d4e_5a6b.slice/"
		 "cri-containerd-" ID ".scope",
		 "containerd:4f5e6d7c8b9a"},
		{"/kubepods.slice/kubepods-pod3f1c2d4e_5a6b_4c7d.slice/crio-" ID ".scope",
		 "crio:4f5e6d7c8b9a"},
		{"/kubepods.slice/kubepods-pod3f1c2d4e_5a6b_4c7d.slice", "pod:3f1c2d4e_5a6"},
		{"/kubepods/besteffort/pod3f1c2d4e-5a6b-4c7d/" ID, "container:4f5e6d7c8b9a"},
		{"/machine.slice/libpod-" ID ".scope", "podman:4f5e6d7c8b9a"},
		{"/lxc/web1", "lxc:web1"},
		{"/", ""},
		{"", ""},
		{"/docker/", ""},
		{"/docker/notanid", ""},
		{"/system.slice/docker-zz.scope", "docker-zz.scope"},
		{"/.service", ""},
		{"////", ""},
		{"/../../../etc/passwd", ""},
	};
	char unit[TEXT_CGROUP_UNIT_BYTES];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		text_cgroup_unit(cases[i].path, strlen(cases[i].path), unit);
		assert_string_equal(unit, cases[i].unit);
	}
}

static void hostile(void **state)
{
	char unit[TEXT_CGROUP_UNIT_BYTES], path[5000];

	(void)state;
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	snprintf(path + sizeof(path) - sizeof(".service"), sizeof(".service"), ".service");
	text_cgroup_unit(path, sizeof(path) - 1, unit);
	assert_int_equal(strlen(unit), TEXT_CGROUP_UNIT_BYTES - 1);
	memset(path, '/', sizeof(path));
	text_cgroup_unit(path, sizeof(path), unit);
	assert_string_equal(unit, "");
	memset(path, 0, sizeof(path));
	text_cgroup_unit(path, sizeof(path), unit);
	assert_string_equal(unit, "");
	text_cgroup_unit_of_process(path, sizeof(path), unit);
	assert_string_equal(unit, "");
}

static void of_process(void **state)
{
	static const char v2[] = "0::/system.slice/nginx.service\n";
	static const char v1[] = "12:pids:/\n4:memory:/docker/" ID "\n0::/\n";
	static const char bad[] = "garbage\n:\n::\n0::";
	char unit[TEXT_CGROUP_UNIT_BYTES];

	(void)state;
	text_cgroup_unit_of_process(v2, sizeof(v2) - 1, unit);
	assert_string_equal(unit, "nginx.service");
	text_cgroup_unit_of_process(v1, sizeof(v1) - 1, unit);
	assert_string_equal(unit, "docker:4f5e6d7c8b9a");
	text_cgroup_unit_of_process(bad, sizeof(bad) - 1, unit);
	assert_string_equal(unit, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(hostile),
					   cmocka_unit_test(of_process)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
