#include "bpf_types.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "alloc.h"
#include "fd.h"
#include "kernel_types.h"

/* What src/bpf/kernel.h declares. */
static const char *const wanted[] = {
	"cgroup",
	"fdtable",
	"file",
	"files_struct",
	"inet_bind2_bucket",
	"inet_bind_bucket",
	"inet_bind_hashbucket",
	"inet_connection_sock",
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

static const char *const functions[BPF_FUNCTIONS] = {
	[BPF_RDONLY_CAST] = "bpf_rdonly_cast",
	[BPF_RCU_READ_LOCK] = "bpf_rcu_read_lock",
	[BPF_RCU_READ_UNLOCK] = "bpf_rcu_read_unlock",
};

#define MARK_EVERY 32u

struct cut {
	const struct kernel_types *from;
	struct bpf_types *ret;
	struct btf *to;
	uint32_t *mark; /* where in from->types every MARK_EVERYth type begins */
	uint32_t count; /* of types, one more for void, which has number 0 and is not there */
	uint32_t found[2 *
		       ARRAY_SIZE(wanted)]; /* numbers of these; there may be several of a name */
	size_t founds;
	uint32_t word;
	int integer[9], pointer,
		hole; /* ids in `to` of what stands for a member; integer by size */
};

/* The type at @at; NULL unless it lies within the section, with all that belongs to it: then *@ret_next is what follows. */
static inline const struct btf_type *type_at(const struct kernel_types *from, uint32_t at,
					     uint32_t *ret_next)
{
	static const uint8_t extra[] = {[BTF_KIND_INT] = 4,
					[BTF_KIND_ARRAY] = sizeof(struct btf_array),
					[BTF_KIND_VAR] = sizeof(struct btf_var),
					[BTF_KIND_DECL_TAG] = sizeof(struct btf_decl_tag),
					[BTF_KIND_ENUM64] = 0};
	static const uint8_t each[] = {[BTF_KIND_STRUCT] = sizeof(struct btf_member),
				       [BTF_KIND_UNION] = sizeof(struct btf_member),
				       [BTF_KIND_ENUM] = sizeof(struct btf_enum),
				       [BTF_KIND_FUNC_PROTO] = sizeof(struct btf_param),
				       [BTF_KIND_DATASEC] = sizeof(struct btf_var_secinfo),
				       [BTF_KIND_ENUM64] = sizeof(struct btf_enum64)};
	const struct btf_type *type = (const void *)(from->types + at);
	uint64_t next = (uint64_t)at + sizeof(*type);

	if (next > from->types_bytes || btf_kind(type) > BTF_KIND_ENUM64)
		return NULL;
	next += extra[btf_kind(type)] + (uint64_t)each[btf_kind(type)] * btf_vlen(type);
	if (next > from->types_bytes || type->name_off >= from->strings_bytes)
		return NULL;
	*ret_next = (uint32_t)next;
	return type;
}

static const char *name_of(const struct cut *cut, uint32_t offset)
{
	return offset < cut->from->strings_bytes ? cut->from->strings + offset : "";
}

static const struct btf_type *type_by_id(const struct cut *cut, uint32_t id)
{
	const struct btf_type *type = NULL;
	uint32_t at;

	if (id == 0 || id >= cut->count)
		return NULL;
	at = cut->mark[(id - 1) / MARK_EVERY];
	for (uint32_t i = (id - 1) / MARK_EVERY * MARK_EVERY; i < id; i++)
		type = type_at(cut->from, at, &at);
	return type;
}

/* What is meant by a member's type: qualifiers and typedefs taken off. NULL: void, or more of them than is sane. */
static const struct btf_type *resolved(const struct cut *cut, uint32_t id)
{
	const struct btf_type *type = type_by_id(cut, id);

	for (unsigned i = 0; i < 32 && type; i++) {
		if (!btf_is_mod(type) && !btf_is_typedef(type))
			return type;
		type = type_by_id(cut, type->type);
	}
	return NULL;
}

/* Members of @type, those of unnamed structs and unions among them as if they were its own, @base bits further on. */
static int add_members(struct cut *cut, const struct btf_type *type, __u32 base, unsigned depth)
{
	const struct btf_member *member = btf_members(type);

	for (__u32 i = 0; i < btf_vlen(type); i++, member++) {
		const struct btf_type *of = resolved(cut, member->type);
		const char *name = name_of(cut, member->name_off);
		__u32 offset = base + btf_member_bit_offset(type, i),
		      bits = btf_member_bitfield_size(type, i);
		int id = cut->hole, r;

		if (!of)
			return -EBADMSG;
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
	int r = btf__add_struct(cut->to, name_of(cut, type->name_off), type->size);

	return r < 0 ? r : add_members(cut, type, 0, 0);
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
	int r = add_basics(cut);

	for (size_t i = 0; r == 0 && i < cut->founds; i++)
		r = add_type(cut, type_by_id(cut, cut->found[i]));
	return r < 0 ? r : add_word(cut, (int)cut->word);
}

static void note_struct(struct cut *cut, uint32_t id, const char *name)
{
	if (!cut->word && strcmp(name, "rb_node") == 0)
		cut->word = id;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		if (wanted[i][0] == name[0] && strcmp(wanted[i], name) == 0 &&
		    cut->founds < ARRAY_SIZE(cut->found))
			cut->found[cut->founds++] = id;
}

/* Half of all types are functions. */
static void note_function(struct cut *cut, uint32_t id, const char *name)
{
	if (name[0] != 'b' || name[1] != 'p' || name[2] != 'f')
		return;
	for (size_t i = 0; i < BPF_FUNCTIONS; i++)
		if (strcmp(functions[i], name) == 0)
			cut->ret->function[i] = id;
}

/* The one pass over all types. */
static int find_all(struct cut *cut)
{
	uint32_t at = 0;

	cut->mark = malloc((cut->from->types_bytes / sizeof(struct btf_type) / MARK_EVERY + 1) *
			   sizeof(*cut->mark));
	if (!cut->mark)
		return -ENOMEM;
	for (cut->count = 1; at < cut->from->types_bytes; cut->count++) {
		const struct btf_type *type;

		if ((cut->count - 1) % MARK_EVERY == 0)
			cut->mark[(cut->count - 1) / MARK_EVERY] = at;
		type = type_at(cut->from, at, &at);
		if (!type)
			return -EBADMSG;
		if (btf_is_struct(type))
			note_struct(cut, cut->count, name_of(cut, type->name_off));
		else if (btf_is_func(type))
			note_function(cut, cut->count, name_of(cut, type->name_off));
	}
	return 0;
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

int bpf_types_cut(const struct kernel_types *from, struct bpf_types *ret)
{
	struct cut cut = {.from = from, .ret = ret, .to = btf__new_empty()};
	int r = cut.to ? 0 : -ENOMEM;

	*ret = (struct bpf_types){.fd = -1};
	if (r == 0)
		r = find_all(&cut);
	if (r == 0)
		r = add_all(&cut);
	if (r == 0)
		r = to_memory(cut.to);
	btf__free(cut.to);
	free(cut.mark);
	if (r < 0)
		return r;
	ret->fd = r;
	return 0;
}
