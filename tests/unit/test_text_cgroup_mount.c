/* Exercises: core/text_cgroup_mount.c: mounts of v1, both and v2 hosts, containers, odd names, texts cut anywhere. */
#include "check.h"

#include "strbuf.h"
#include "text_cgroup_mount.h"

#define V1                                                                                         \
	"31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n"                      \
	"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
#define BOTH V1 "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n"
#define V2   "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"

static void directories(void **state)
{
	static const struct {
		const char *mounts, *cgroup, *top, *path; /* NULL: none */
	} cases[] = {
		{V2, "0::/system.slice/cron.service\n", "/sys/fs/cgroup",
		 "system.slice/cron.service"},
		{V2, "0::/\n", "/sys/fs/cgroup", "."},
		{BOTH, "4:memory:/a\n0::/b\n", "/sys/fs/cgroup/unified", "b"},
		{BOTH, "4:memory:/a\n0::/\n", "/sys/fs/cgroup/unified", "."},
		{V1, "4:memory:/a\n0::/b\n", NULL, NULL},
		{BOTH, "4:memory:/a\n", NULL, NULL},
		/* A mount that shows a part of the hierarchy only. */
		{"9 1 0:2 /a /mnt rw - cgroup2 none rw\n", "0::/a/b\n", "/mnt", "b"},
		{"9 1 0:2 /a /mnt rw - cgroup2 none rw\n", "0::/a\n", "/mnt", "."},
		{"9 1 0:2 /a /mnt rw - cgroup2 none rw\n", "0::/ab\n", NULL, NULL},
		{"9 1 0:2 /a /mnt rw - cgroup2 none rw\n" V2, "0::/c\n", "/sys/fs/cgroup", "c"},
		/* Outside the cgroup namespace. */
		{V2, "0::/../other\n", NULL, NULL},
		{V2, "0::/..\n", NULL, NULL},
		/* Names as they come. */
		{"9 1 0:2 / /a\\040b\\134c rw - cgroup2 none rw\n", "0::/x y\n", "/a b\\c", "x y"},
		{"9 1 0:2 / /cgroup2 rw - ext4 cgroup2 rw\n", "0::/\n", NULL, NULL},
		{"9 1 0:2 / /- rw a:1 b:2 - cgroup2 none rw", "0::/z", "/-", "z"},
		{"", "", NULL, NULL},
		{"\n\n", "0::/\n", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct strbuf top = STRBUF_INIT, path = STRBUF_INIT;
		bool found = text_cgroup_directory(cases[i].mounts, strlen(cases[i].mounts),
						   cases[i].cgroup, strlen(cases[i].cgroup), &top,
						   &path);

		assert_int_equal(found, cases[i].top != NULL);
		assert_string_equal(top.text, found ? cases[i].top : "");
		assert_string_equal(path.text, found ? cases[i].path : "");
		strbuf_done(&top);
		strbuf_done(&path);
	}
}

/* Nothing is read behind the end, wherever that is: the bytes there would make a difference. */
static void cut_short(void **state)
{
	static const char cgroup[] = "0::/a/b\n";

	(void)state;
	for (size_t length = 0; length < sizeof(BOTH); length++) {
		struct strbuf top = STRBUF_INIT, path = STRBUF_INIT;
		char *mounts = malloc(length + 1);

		memcpy(mounts, BOTH, length);
		text_cgroup_directory(mounts, length, cgroup, length % sizeof(cgroup), &top, &path);
		assert_true(strncmp("/sys/fs/cgroup/unified", top.text, top.length) == 0);
		free(mounts);
		strbuf_done(&top);
		strbuf_done(&path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(directories),
					   cmocka_unit_test(cut_short)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
