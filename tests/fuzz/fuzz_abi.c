// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Fuzzing both command entries, and the devices behind them.
 *
 * An input is a program: each step is a raw command on the context or on a device descriptor, a
 * request of a device, a change of guest memory, or a library call. Arguments come from the input
 * as they are, except that the fields a description names meet the state half way: most of the
 * time a handle means "the n-th live one", an address lies in the arena or just beside it, a number
 * is small. Pointers never lead to memory this program needs itself.
 *
 * After every input all is closed, and whatever is still alive is a crash.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ioasid/host.h>

#include "os/os.h"

#define PAGE	    4096UL
#define ARENA_PAGES 64UL
#define ARENA_SIZE  (ARENA_PAGES * PAGE)
#define IOVA	    0x10000000UL
#define MAX_STEPS   200
#define MAX_LIVE    16
#define NR_DEV	    4
#define HOST_SPLIT  16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the input ---------------------------------------------------------------------------------- */

struct input {
	const uint8_t *data;
	size_t left;
};

static uint64_t take(struct input *in, unsigned int bytes)
{
	uint64_t v = 0;

	if (bytes > in->left)
		bytes = (unsigned int)in->left;
	memcpy(&v, in->data, bytes);
	in->data += bytes;
	in->left -= bytes;
	return v;
}

static unsigned int below(struct input *in, unsigned int n)
{
	return (unsigned int)take(in, 1) % n;
}

/* ---- the world ------------------------------------------------------------------------------------ */

static struct {
	struct ioasid_host *host;
	struct ioasid_hostdev *hw[NR_DEV];
	struct ioasid *ctx;
	struct ioasid_dev *dev[NR_DEV];
	uint8_t *arena; /* memory that is mapped, and written by devices */
	uint8_t *island; /* one page between two that cannot be touched */
	uint8_t scratch[4096]; /* what commands write to */
	int memfd, eventfd;
	uint32_t live[MAX_LIVE]; /* handles given out */
	unsigned int nr_live;
	uint32_t fault_id;
	bool shared; /* a device may reach this process: no writes any more */
} w;

static void page_response(void *opaque, uint32_t pasid, uint32_t group, uint32_t code)
{
	(void)opaque;
	(void)pasid;
	(void)group;
	(void)code;
}

static const struct ioasid_hostdev_ops device_ops = { .page_response = page_response };

#define must(good)                                                                   \
	do {                                                                         \
		if (!(good)) {                                                       \
			fprintf(stderr, "fuzz_abi: line %d: %s\n", __LINE__, #good); \
			abort();                                                     \
		}                                                                    \
	} while (0)

static void once(void)
{
	if (w.arena)
		return;
	w.arena =
		mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w.island = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(w.arena != MAP_FAILED && w.island != MAP_FAILED);
	must(!mprotect(w.island + PAGE, PAGE, PROT_READ | PROT_WRITE));
	w.memfd = memfd_create("fuzz", 0);
	w.eventfd = eventfd(0, EFD_NONBLOCK);
	must(w.memfd >= 0 && w.eventfd >= 0 && !ftruncate(w.memfd, 16 * PAGE));
}

static void start(struct input *in)
{
	static const uint32_t flags[] = {
		0, 0, 0, IOASID_HOST_NO_NESTING, IOASID_HOST_NO_SNOOP, IOASID_HOST_FIRST_STAGE
	};
	struct ioasid_host_config config = {
		.size = sizeof(config),
		.flags = flags[below(in, 6)],
		.iotlb_entries = 16,
		.pasid_cache_entries = 16,
		.walk_cache_entries = 16,
		.levels = 3 + below(in, 3),
	};
	unsigned int i;

	/* There is no first-stage table of three levels. */
	if (config.flags & IOASID_HOST_FIRST_STAGE && config.levels == 3)
		config.levels = 4;
	must(!ioasid_host_create("fuzz", &config, &w.host));
	/* So that the host's numbers fit the devices. */
	must(!ioasid_host_set_pasid_split(w.host, HOST_SPLIT));
	for (i = 0; i < NR_DEV; i++) {
		char name[8];
		struct ioasid_hostdev_config d = {
			.size = sizeof(d),
			.name = name,
			.rid = (uint16_t)(0x100 + i),
			.dev_class = i < 2 ? IOASID_CLASS_PDEV_PASID : IOASID_CLASS_PDEV,
			.flags = i == 0 ? IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI : 0,
			.pasid_bits = i < 2 ? 8 : 0,
			.group = i < 2 ? IOASID_INVALID : 1,
			.dtlb_entries = 4,
			.pri_capacity = 8,
			.ops = &device_ops,
		};

		snprintf(name, sizeof(name), "dev%u", i);
		must(!ioasid_hostdev_create(w.host, &d, &w.hw[i]));
	}
	must(!ioasid_open("inproc:fuzz", &w.ctx));
	for (i = 0; i < NR_DEV; i++) {
		char name[8];

		snprintf(name, sizeof(name), "dev%u", i);
		must(!ioasid_dev_open(w.ctx, name, &w.dev[i]));
		/* Most programs want to get beyond this; those that do not close it again. */
		must(!ioasid_dev_bind(w.dev[i], w.ctx, i));
	}
	w.nr_live = 0;
	w.shared = false;
}

static void finish(struct input *in)
{
	bool devices_first = below(in, 2);
	struct ioasid_host_stats s;
	unsigned int i;

	for (i = 0; i < NR_DEV && devices_first; i++) {
		ioasid_dev_close(w.dev[i]);
		w.dev[i] = NULL;
	}
	ioasid_close(w.ctx);
	for (i = 0; i < NR_DEV; i++) {
		ioasid_dev_close(w.dev[i]);
		w.dev[i] = NULL;
	}
	ioasid_host_get_stats(w.host, &s);
	must(!s.contexts && !s.ioasids && !s.domains && !s.routes && !s.pinned_bytes && !s.holds);
	for (i = 0; i < NR_DEV; i++)
		ioasid_hostdev_destroy(w.hw[i]);
	ioasid_host_put(w.host);
}

/* ---- fields that meet the state half way --------------------------------------------------------------- */

enum field_type {
	F_END,
	F_HANDLE, /* u32: an address space */
	F_COOKIE, /* u64: a bound device */
	F_OUT, /* u64: where the command writes */
	F_IN, /* u64: what the command reads, beside the structure */
	F_IOVA, /* u64: an I/O address */
	F_VADDR, /* u64: memory to map: the arena or the parent */
	F_LENGTH, /* u64 */
	F_TABLE, /* u64: root of a user table */
	F_PASID, /* u32 */
	F_SMALL, /* u32: an enumeration, a count */
	F_FLAGS, /* u32: known bits, mostly */
	F_CTX_FD, /* s32 */
	F_FD, /* s32: a memory file or an eventfd */
	F_FAULT, /* u32: a fault id */
	F_PATH, /* u64: name of a group of limits */
};

struct field {
	uint8_t type;
	uint8_t offset;
};

struct command {
	unsigned long cmd;
	uint8_t size;
	uint32_t flags;
	struct field fields[8];
};

#define F(t, f, type)                       \
	{                                   \
		type, offsetof(struct t, f) \
	}
#define C(c, t, flags) (c), sizeof(struct t), (flags)

/* clang-format off */
static const struct command ctx_commands[] = {
	{ C(IOASID_CHECK_EXTENSION, ioasid_check_extension, 0),
	  { F(ioasid_check_extension, extension, F_SMALL) } },
	{ C(IOASID_GET_INFO, ioasid_info, 1),
	  { F(ioasid_info, cookies, F_IN), F(ioasid_info, nr_cookies, F_SMALL) } },
	{ C(IOASID_DEVICE_GET_INFO, ioasid_device_info, 0),
	  { F(ioasid_device_info, cookie, F_COOKIE), F(ioasid_device_info, ranges, F_OUT),
	    F(ioasid_device_info, nr_ranges, F_SMALL) } },
	{ C(IOASID_IOAS_GET_INFO, ioasid_ioas_info, 0),
	  { F(ioasid_ioas_info, ioasid, F_HANDLE), F(ioasid_ioas_info, ranges, F_OUT),
	    F(ioasid_ioas_info, nr_ranges, F_SMALL), F(ioasid_ioas_info, __reserved, F_SMALL) } },
	{ C(IOASID_ALLOC, ioasid_alloc, 3),
	  { F(ioasid_alloc, kind, F_SMALL), F(ioasid_alloc, parent, F_HANDLE),
	    F(ioasid_alloc, snoop, F_SMALL), F(ioasid_alloc, addr_bits, F_SMALL),
	    F(ioasid_alloc, table.format, F_SMALL), F(ioasid_alloc, table.levels, F_SMALL),
	    F(ioasid_alloc, table.address, F_TABLE) } },
	{ C(IOASID_FREE, ioasid_free, 0), { F(ioasid_free, ioasid, F_HANDLE) } },
	{ C(IOASID_MAP_DMA, ioasid_map_dma, 7),
	  { F(ioasid_map_dma, ioasid, F_HANDLE), F(ioasid_map_dma, fd, F_FD),
	    F(ioasid_map_dma, iova, F_IOVA), F(ioasid_map_dma, vaddr, F_VADDR),
	    F(ioasid_map_dma, length, F_LENGTH) } },
	{ C(IOASID_UNMAP_DMA, ioasid_unmap_dma, 3),
	  { F(ioasid_unmap_dma, ioasid, F_HANDLE), F(ioasid_unmap_dma, iova, F_IOVA),
	    F(ioasid_unmap_dma, length, F_LENGTH), F(ioasid_unmap_dma, bitmap, F_OUT),
	    F(ioasid_unmap_dma, dirty_page_size, F_LENGTH) } },
	{ C(IOASID_BIND_PGTABLE, ioasid_bind_pgtable, 1),
	  { F(ioasid_bind_pgtable, ioasid, F_HANDLE),
	    F(ioasid_bind_pgtable, table.format, F_SMALL),
	    F(ioasid_bind_pgtable, table.levels, F_SMALL),
	    F(ioasid_bind_pgtable, table.flags, F_SMALL),
	    F(ioasid_bind_pgtable, table.address, F_TABLE) } },
	{ C(IOASID_SET_PASID_TABLE, ioasid_bind_pgtable, 1),
	  { F(ioasid_bind_pgtable, ioasid, F_HANDLE) } },
	{ C(IOASID_SET_HWID, ioasid_set_hwid, 7),
	  { F(ioasid_set_hwid, ioasid, F_HANDLE), F(ioasid_set_hwid, vpasid, F_PASID),
	    F(ioasid_set_hwid, cookie, F_COOKIE), F(ioasid_set_hwid, ppasid, F_SMALL) } },
	{ C(IOASID_CLEAR_HWID, ioasid_set_hwid, 9),
	  { F(ioasid_set_hwid, ioasid, F_HANDLE), F(ioasid_set_hwid, vpasid, F_PASID),
	    F(ioasid_set_hwid, cookie, F_COOKIE), F(ioasid_set_hwid, ppasid, F_SMALL) } },
	{ C(IOASID_SET_HWID_MODE, ioasid_hwid_policy, 1),
	  { F(ioasid_hwid_policy, cookie, F_COOKIE), F(ioasid_hwid_policy, value, F_SMALL) } },
	{ C(IOASID_HWID_SET_GLOBAL_MIN, ioasid_hwid_policy, 1),
	  { F(ioasid_hwid_policy, cookie, F_COOKIE), F(ioasid_hwid_policy, value, F_SMALL) } },
	{ C(IOASID_HWID_SET_PROMISED_WIDTH, ioasid_hwid_policy, 0),
	  { F(ioasid_hwid_policy, value, F_SMALL) } },
	{ C(IOASID_INVALIDATE_CACHE, ioasid_invalidate, 7),
	  { F(ioasid_invalidate, ioasid, F_HANDLE), F(ioasid_invalidate, granularity, F_SMALL),
	    F(ioasid_invalidate, cookie, F_COOKIE), F(ioasid_invalidate, vpasid, F_PASID),
	    F(ioasid_invalidate, iova, F_IOVA), F(ioasid_invalidate, length, F_LENGTH) } },
	{ C(IOASID_FAULT_FD, ioasid_fault_fd, 0), { F(ioasid_fault_fd, capacity, F_SMALL) } },
	{ C(IOASID_PAGE_RESPONSE, ioasid_page_response, 0),
	  { F(ioasid_page_response, id, F_FAULT), F(ioasid_page_response, code, F_SMALL) } },
	{ C(IOASID_DIRTY_SET, ioasid_dirty, 1), { F(ioasid_dirty, ioasid, F_HANDLE) } },
	{ C(IOASID_DIRTY_GET, ioasid_dirty, 2),
	  { F(ioasid_dirty, ioasid, F_HANDLE), F(ioasid_dirty, bitmap, F_OUT) } },
	{ C(IOASID_CPU_PASID_ENABLE, ioasid_cpu_pasid_enable, 1),
	  { F(ioasid_cpu_pasid_enable, provider_fd, F_FD) } },
	{ C(IOASID_CPU_PASID_MAP, ioasid_cpu_pasid, 0), { F(ioasid_cpu_pasid, vpasid, F_PASID) } },
	{ C(IOASID_CPU_PASID_UNMAP, ioasid_cpu_pasid, 0), { F(ioasid_cpu_pasid, vpasid, F_PASID) } },
	{ C(IOASID_SET_QUOTA, ioasid_quota, 1), { F(ioasid_quota, quota, F_SMALL) } },
	{ C(IOASID_LIMIT_GET, ioasid_limit, 7),
	  { F(ioasid_limit, fd, F_FD), F(ioasid_limit, max, F_SMALL),
	    F(ioasid_limit, path, F_PATH), F(ioasid_limit, path_len, F_SMALL) } },
	{ C(IOASID_LIMIT_SET, ioasid_limit, 7),
	  { F(ioasid_limit, fd, F_FD), F(ioasid_limit, max, F_SMALL),
	    F(ioasid_limit, path, F_PATH), F(ioasid_limit, path_len, F_SMALL) } },
	{ C(IOASID_STATE_SAVE, ioasid_state, 0), { F(ioasid_state, buffer, F_OUT) } },
	{ C(IOASID_STATE_RESTORE, ioasid_state, 0), { F(ioasid_state, buffer, F_IN) } },
	{ C(IOASID_STATE_RESUME, ioasid_state, 0), { { F_END, 0 } } },
	{ C(IOASID_QUERY, ioasid_query, 0),
	  { F(ioasid_query, type, F_SMALL), F(ioasid_query, ioasid, F_HANDLE),
	    F(ioasid_query, cursor, F_LENGTH), F(ioasid_query, buffer, F_OUT),
	    F(ioasid_query, room, F_SMALL) } },
};

static const struct command dev_commands[] = {
	{ C(IOASID_DEV_GET_INFO, ioasid_device_info, 0),
	  { F(ioasid_device_info, ranges, F_OUT), F(ioasid_device_info, nr_ranges, F_SMALL) } },
	{ C(IOASID_DEV_BIND_IOASID_FD, ioasid_dev_bind, 0),
	  { F(ioasid_dev_bind, ioasid_fd, F_CTX_FD), F(ioasid_dev_bind, cookie, F_COOKIE) } },
	{ C(IOASID_DEV_ATTACH_IOASID, ioasid_dev_attach, 0x1f),
	  { F(ioasid_dev_attach, ioasid, F_HANDLE), F(ioasid_dev_attach, vpasid, F_PASID) } },
	{ C(IOASID_DEV_DETACH_IOASID, ioasid_dev_attach, 1),
	  { F(ioasid_dev_attach, ioasid, F_HANDLE), F(ioasid_dev_attach, vpasid, F_PASID) } },
	{ C(IOASID_DEV_RESET, ioasid_dev_reset, 0), { { F_END, 0 } } },
	{ C(IOASID_DEV_SET_EVENTFD, ioasid_dev_eventfd, 0),
	  { F(ioasid_dev_eventfd, index, F_SMALL), F(ioasid_dev_eventfd, fd, F_FD) } },
	{ C(IOASID_DEV_GET_REGION, ioasid_dev_region, 0),
	  { F(ioasid_dev_region, index, F_SMALL) } },
};
/* clang-format on */

/* Where a command may write without doing harm, and where it must not get to. */
static uint64_t out_address(struct input *in)
{
	static const uint64_t bad[] = { 0, 1, 0x1000, ~0ULL, ~0ULL - 63, 1ULL << 63 };
	unsigned int how = below(in, 16);

	if (how < 10)
		return (uintptr_t)w.scratch;
	if (how < 12)
		return (uintptr_t)w.island + 2 * PAGE - below(in, 64);
	return how < 14 ? 0 : bad[below(in, 6)];
}

static uint64_t iova(struct input *in)
{
	unsigned int how = below(in, 16);

	if (how < 12)
		return IOVA + below(in, ARENA_PAGES) * PAGE;
	if (how < 14)
		return IOVA + take(in, 3);
	return take(in, 8);
}

static uint64_t length(struct input *in)
{
	unsigned int how = below(in, 16);

	if (how < 13)
		return (1 + below(in, 8)) * PAGE;
	return how < 15 ? take(in, 2) : take(in, 8);
}

/* Memory to map: the arena, addresses of a parent, or nothing anybody could write to. */
static uint64_t vaddr(struct input *in)
{
	unsigned int how = below(in, 16);

	if (how < 8)
		return (uintptr_t)w.arena + below(in, ARENA_PAGES) * PAGE;
	if (how < 13)
		return IOVA + below(in, ARENA_PAGES) * PAGE;
	if (how < 15)
		return (uintptr_t)w.island;
	return take(in, 2) * PAGE;
}

static uint32_t handle(struct input *in)
{
	unsigned int how = below(in, 16);

	if (how < 13 && w.nr_live)
		return w.live[below(in, w.nr_live)];
	return how < 15 ? IOASID_INVALID : (uint32_t)take(in, 4);
}

/* However much of it is taken, it is a path, or nearly one; the other names must be left out then. */
static uint64_t path(struct input *in)
{
	static const char name[] = "/a/bb/ccc/d/e/f/g/h/i/../j//k";

	return below(in, 3) ? (uintptr_t)name : below(in, 4) ? 0 : out_address(in);
}

/* On the wire: what guests choose, and what the host does. */
static uint32_t wire(struct input *in)
{
	uint32_t n = below(in, 20);

	return n < 12 ? n : HOST_SPLIT + n - 12;
}

static uint32_t small(struct input *in)
{
	return below(in, 32) ? below(in, 24) : (uint32_t)take(in, 4);
}

static void put64(uint8_t *at, uint64_t v)
{
	memcpy(at, &v, 8);
}

static void put32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, 4);
}

static void fill_field(struct input *in, const struct field *f, uint8_t *arg)
{
	uint8_t *at = arg + f->offset;

	switch (f->type) {
	case F_HANDLE:
		put32(at, handle(in));
		break;
	case F_COOKIE:
		put64(at, below(in, 8) ? below(in, NR_DEV + 1) : take(in, 8));
		break;
	case F_OUT:
		put64(at, out_address(in));
		break;
	case F_IN:
		put64(at, below(in, 4) ? (uintptr_t)w.arena : out_address(in));
		break;
	case F_IOVA:
		put64(at, iova(in));
		break;
	case F_VADDR:
		put64(at, vaddr(in));
		break;
	case F_LENGTH:
		put64(at, length(in));
		break;
	case F_TABLE:
		put64(at, below(in, 8) ? IOVA + below(in, ARENA_PAGES) * PAGE : take(in, 8));
		break;
	case F_PASID:
		put32(at, below(in, 8) ? wire(in) : (uint32_t)take(in, 4));
		break;
	case F_SMALL:
		put32(at, small(in));
		break;
	case F_CTX_FD:
		put32(at, below(in, 4) ? (uint32_t)ioasid_fd(w.ctx) : (uint32_t)take(in, 4));
		break;
	case F_FD:
		put32(at, below(in, 3) ? 0 :
			  below(in, 2) ? (uint32_t)w.memfd :
					 (uint32_t)w.eventfd);
		break;
	case F_PATH:
		put64(at, path(in));
		break;
	case F_FAULT:
		put32(at, below(in, 4) ? w.fault_id : (uint32_t)take(in, 4));
		break;
	}
}

/* ---- steps --------------------------------------------------------------------------------------------- */

static void remember(const struct command *c, const uint8_t *arg)
{
	struct ioasid_alloc a;

	if (c->cmd != IOASID_ALLOC)
		return;
	memcpy(&a, arg, sizeof(a));
	w.live[w.nr_live % MAX_LIVE] = a.ioasid;
	if (w.nr_live < MAX_LIVE)
		w.nr_live++;
	w.shared |= a.kind == IOASID_KIND_SHARED;
}

static void step_command(struct input *in, const struct command *table, unsigned int n, bool device)
{
	const struct command *c = &table[below(in, n)];
	uint8_t *arg = w.island + 2 * PAGE - c->size;
	unsigned long cmd = c->cmd;
	uint32_t argsz = c->size, flags;
	unsigned int i;
	int rc;

	memset(arg, 0, c->size);
	for (i = 0; i < 8 && c->fields[i].type != F_END; i++)
		fill_field(in, &c->fields[i], arg);
	flags = (uint32_t)take(in, 1);
	flags = flags < 0xf0 ? flags & c->flags : flags;
	/* Malformed now and then: a size, a byte, a number. */
	switch (below(in, 64)) {
	case 0:
		argsz = (uint32_t)take(in, 4);
		break;
	case 1:
		flags = (uint32_t)take(in, 4);
		break;
	case 2:
		cmd = _IO(IOASID_IOC_TYPE, below(in, 256));
		break;
	case 3:
		arg[below(in, c->size)] = 0xff;
		break;
	}
	put32(arg, argsz);
	put32(arg + 4, flags);
	rc = device ? ioasid_dev_command(w.dev[below(in, NR_DEV)], cmd, arg) :
		      ioasid_command(w.ctx, cmd, arg);
	if (!rc && cmd == c->cmd && !device)
		remember(c, arg);
}

static void step_dma(struct input *in)
{
	struct ioasid_hostdev *hw = w.hw[below(in, NR_DEV)];
	unsigned int how = below(in, 8);
	struct ioasid_dma dma = {
		.addr = iova(in),
		.pasid = wire(in),
		.flags = below(in, 4) ? IOASID_DMA_PASID : 0,
		.group = below(in, 8),
	};
	uint64_t buf[8] = { 0 }, old;
	size_t len = 1 + below(in, sizeof(buf));

	dma.flags |= below(in, 8) ? 0 : IOASID_DMA_NO_REPORT | IOASID_DMA_PRIV;
	if (how < 3 || (w.shared && how < 6))
		ioasid_dma_read(hw, &dma, buf, len);
	else if (how < 5)
		ioasid_dma_write(hw, &dma, buf, len);
	else if (how < 6)
		ioasid_dma_atomic(hw, &dma, IOASID_ATOMIC_FETCH_ADD, 8, 1, 0, &old);
	else
		ioasid_hostdev_page_request(hw, &dma, 1 + below(in, 3), below(in, 4));
}

/* The guest scribbles: plausible table entries as well as noise. */
static void step_scribble(struct input *in)
{
	uint64_t *at = (uint64_t *)(void *)w.arena + take(in, 2) % (ARENA_SIZE / 8);
	uint64_t v = take(in, 8);

	if (below(in, 4))
		v = (IOVA + (v % ARENA_PAGES) * PAGE) | (v >> 32 & 0xfff) | 7;
	__atomic_store_n(at, v, __ATOMIC_RELEASE);
}

static void step_faults(struct input *in)
{
	struct ioasid_fault f[4];
	int n = ioasid_fault_read(w.ctx, f, 4);

	if (n > 0)
		w.fault_id = f[n - 1].id;
	if (!below(in, 8))
		ioasid_fault_close(w.ctx);
}

static void step_device(struct input *in)
{
	unsigned int i = below(in, NR_DEV);
	char name[8];

	ioasid_dev_close(w.dev[i]);
	snprintf(name, sizeof(name), "dev%u", i);
	must(!ioasid_dev_open(w.ctx, name, &w.dev[i]));
	if (below(in, 4))
		ioasid_dev_bind(w.dev[i], w.ctx, i);
}

#define NR(table) (sizeof(table) / sizeof((table)[0]))

static void step(struct input *in)
{
	unsigned int how = below(in, 32);

	if (how < 14)
		step_command(in, ctx_commands, NR(ctx_commands), false);
	else if (how < 21)
		step_command(in, dev_commands, NR(dev_commands), true);
	else if (how < 27)
		step_dma(in);
	else if (how < 30)
		step_scribble(in);
	else if (how < 31)
		step_faults(in);
	else
		step_device(in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	unsigned int steps = 0;
	long live;

	once();
	live = os_alloc_live();
	memset(w.arena, 0, ARENA_SIZE);
	start(&in);
	while (in.left && steps++ < MAX_STEPS)
		step(&in);
	finish(&in);
	must(os_alloc_live() == live);
	return 0;
}
