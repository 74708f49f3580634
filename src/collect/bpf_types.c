#include "bpf_types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"

/* What src/bpf/kernel.h declares. */
static const char *const wanted[] = {
	"cgroup",
	"fdtable",
	"file",
	"files_struct",
	"inet_bind2_bucket",
	"inet_bind_bucket",
	"inet_bind_hashbucket",
	"inet_hashinfo",
	"inet_sock",
	"inet_listen_hashbucket",
	"inet_timewait_death_row",
	"inet_timewait_sock",
	"inode",
	"kernfs_node",
	"net",
	"netns_ipv4",
	"ns_common",
	"nsproxy",
	"proto",
	"sock",
	"sock_common",
	"socket",
	"socket_alloc",
	"task_struct",
	"tcp_timewait_sock",
	"timer_list",
	"udp_hslot",
	"udp_table",
};

struct cut {
	const struct btf *from;
	struct btf *to;
	int integer[9], pointer,
		hole; /* ids in `to` of what stands for a member; integer by size */
};

static const struct btf_type *resolved(const struct cut *cut, __u32 id)
{
	const struct btf_type *type = btf__type_by_id(cut->from, id);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(cut->from, type->type);
	return type;
}

/* Members of @type, those of unnamed structs and unions among them as if they were its own, @base bits further on. */
static int add_members(struct cut *cut, const struct btf_type *type, __u32 base, unsigned depth)
{
	const struct btf_member *member = btf_members(type);

	for (__u32 i = 0; i < btf_vlen(type); i++, member++) {
		const struct btf_type *of = resolved(cut, member->type);
		const char *name = btf__name_by_offset(cut->from, member->name_off);
		__u32 offset = base + btf_member_bit_offset(type, i),
		      bits = btf_member_bitfield_size(type, i);
		int id = cut->hole, r;

		if (!of || !name)
			return -EINVAL;
		if (!*name) {
			if (btf_is_composite(of) && depth < 8 &&
			    (r = add_members(cut, of, offset, depth + 1)) < 0)
				return r;
			continue;
		}
		if (btf_is_int(of) && of->size <= 8)
			id = cut->integer[of->size];
		else if (btf_is_ptr(of))
			id = cut->pointer;
		r = btf__add_field(cut->to, name, id, offset, bits);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_type(struct cut *cut, const struct btf_type *type)
{
	int r = btf__add_struct(cut->to, btf__name_by_offset(cut->from, type->name_off),
				type->size);

	return r < 0 ? r : add_members(cut, type, 0, 0);
}

static bool is_wanted(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (wanted[i][0] == name[0] && strcmp(wanted[i], name) == 0)
			return true;
	return false;
}

/* READ() in src/bpf/kernel.h needs the number that a struct has in the kernel itself. */
static int add_word(struct cut *cut, int id)
{
	int r = btf__add_enum(cut->to, "ephemports_word", 4);

	return r < 0 ? r : btf__add_enum_value(cut->to, "EPHEMPORTS_WORD", id);
}

static int add_basics(struct cut *cut)
{
	for (size_t size = 1; size <= 8; size *= 2) {
		static const char *const names[] = {
			[1] = "u8", [2] = "u16", [4] = "u32", [8] = "u64"};

		cut->integer[size] = btf__add_int(cut->to, names[size], size, 0);
		if (cut->integer[size] < 0)
			return cut->integer[size];
	}
	cut->pointer = btf__add_ptr(cut->to, 0);
	cut->hole = btf__add_struct(cut->to, "ephemports_hole", 0);
	return cut->pointer < 0 ? cut->pointer : cut->hole < 0 ? cut->hole : 0;
}

static int add_all(struct cut *cut)
{
	__u32 count = btf__type_cnt(cut->from);
	int r = add_basics(cut), word = 0;

	for (__u32 id = 1; r == 0 && id < count; id++) {
		const struct btf_type *type = btf__type_by_id(cut->from, id);
		const char *name;

		if (!btf_is_struct(type))
			continue;
		name = btf__name_by_offset(cut->from, type->name_off);
		if (!word && strcmp(name, "rb_node") == 0)
			word = (int)id;
		else if (is_wanted(name))
			r = add_type(cut, type);
	}
	return r < 0 ? r : add_word(cut, word);
}

static int to_memory(const struct btf *btf)
{
	CLEANUP(fd_closep) int fd = memfd_create("ephemports-types", MFD_CLOEXEC);
	__u32 bytes, done = 0;
	const char *raw = btf__raw_data(btf, &bytes);

	if (fd < 0)
		return -errno;
	if (!raw)
		return -ENOMEM;
	while (done < bytes) {
		ssize_t n = write(fd, raw + done, bytes - done);

		if (n < 0)
			return -errno;
		done += (__u32)n;
	}
	return fd_take(&fd);
}

int bpf_types_cut(void)
{
	struct btf *from = btf__load_vmlinux_btf(), *to;
	struct cut cut = {.from = from};
	int r;

	if (!from)
		return errno ? -errno : -ENOENT;
	cut.to = to = btf__new_empty();
	r = to ? add_all(&cut) : -ENOMEM;
	if (r == 0)
		r = to_memory(to);
	btf__free(from);
	btf__free(to);
	return r;
}
