/*
 * The words of a snapshot file that stand for members of a struct, for those who write and who read it; private to
 * snapshot_write.c and snapshot_line.c.
 */
#ifndef EPH_CORE_SNAPSHOT_WORDS_H
#define EPH_CORE_SNAPSHOT_WORDS_H

#include <stddef.h>

#include "snapshot.h"

struct number_setting {
	const char *name;
	enum setting_known known;
	size_t offset;
};

#define NUMBER_SETTING(name, known, field)                                                         \
	{                                                                                          \
		name, known, offsetof(struct settings, field)                                      \
	}

static const struct number_setting number_settings[] = {
	NUMBER_SETTING("ip_unprivileged_port_start", SETTING_UNPRIVILEGED_START,
		       unprivileged_start),
	NUMBER_SETTING("tcp_tw_reuse", SETTING_TW_REUSE, tw_reuse),
	NUMBER_SETTING("tcp_tw_reuse_delay", SETTING_TW_REUSE_DELAY, tw_reuse_delay_ms),
	NUMBER_SETTING("ip_autobind_reuse", SETTING_AUTOBIND_REUSE, autobind_reuse),
	NUMBER_SETTING("tcp_fin_timeout", SETTING_FIN_TIMEOUT, fin_timeout_s),
	NUMBER_SETTING("tcp_max_tw_buckets", SETTING_MAX_TW_BUCKETS, max_tw_buckets),
	NUMBER_SETTING("tcp_timestamps", SETTING_TIMESTAMPS, timestamps),
	NUMBER_SETTING("ip_local_port_step_width", SETTING_STEP_WIDTH, step_width),
	NUMBER_SETTING("tcp_l3mdev_accept", SETTING_L3MDEV_ACCEPT, l3mdev_accept),
};

struct named_set {
	const char *name;
	size_t offset;
};

#define NAMED_SET(name, field)                                                                     \
	{                                                                                          \
		name, offsetof(struct netns_snapshot, field)                                       \
	}

static const struct named_set named_sets[] = {
	NAMED_SET("closed", binds.closed),       NAMED_SET("maybe", binds.maybe),
	NAMED_SET("listening", binds.listening), NAMED_SET("bound", binds.bound),
	NAMED_SET("udp-v4", binds.udp_v4),       NAMED_SET("udp-v4-maybe", binds.udp_v4_maybe),
	NAMED_SET("udp-v6", binds.udp_v6),       NAMED_SET("counted", counted),
};

struct named_law {
	const char *name;
	size_t offset;
};

#define NAMED_LAW(name, field)                                                                     \
	{                                                                                          \
		name, offsetof(struct kernel_laws, field)                                          \
	}

static const struct named_law named_laws[] = {
	NAMED_LAW("step-one", step_one),           NAMED_LAW("window", window),
	NAMED_LAW("bound-visible", bound_visible), NAMED_LAW("bucket-reopens", bucket_reopens),
	NAMED_LAW("entry-stamp", entry_stamp),     NAMED_LAW("mapped-sees-any", mapped_sees_any),
};

static const char *const law_words[] = {
	[LAW_UNKNOWN] = "unknown", [LAW_NO] = "no", [LAW_YES] = "yes"};

#endif
