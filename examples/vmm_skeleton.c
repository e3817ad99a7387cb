// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What a VMM calls, and when: one function per event of its vIOMMU (here a VT-d unit that offers
 * first-stage translation), for guest SVA on passed-through devices. docs/porting.md tells the story.
 *
 *   vmm_skeleton                     the in-process home; plays the guest, too, and checks the DMA
 *   vmm_skeleton /dev/ioasid NAME    the kernel's home and a device of /dev/ioasid-devices
 *
 * Only libioasid's public interface is used; everything but main() is the same for both homes.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ioasid/host.h>

#define PAGE	     4096UL
#define RAM_SIZE     (64 * PAGE)
#define RAM_GPA	     0x100000UL
#define MAX_DEVICES  4
#define MAX_BINDINGS 16
#define MAX_WAITING  16

/* What a scalable-mode PASID table entry of the guest says, decoded. */
struct guest_entry {
	bool present;
	bool pass_through; /* PGTT 4: guest-physical addresses */
	uint16_t did;
	uint32_t levels;
	uint64_t root; /* FSPTPTR */
};

struct vmm_device {
	struct ioasid_dev *dev;
	uint64_t cookie;
	int removal; /* eventfd: the host wants it back */
};

/* A PASID entry of the guest that is valid on the host. */
struct binding {
	struct vmm_device *d;
	uint32_t pasid;
	uint16_t did;
	uint32_t ioasid;
};

/* A page request the guest has not answered. */
struct waiting {
	uint32_t id;
	uint64_t cookie;
	uint32_t pasid, group;
};

struct vmm {
	struct ioasid *ctx;
	uint32_t gpa; /* the address space of guest-physical addresses */
	int faults;
	struct vmm_device devices[MAX_DEVICES];
	unsigned int nr_devices;
	struct binding bindings[MAX_BINDINGS];
	unsigned int nr_bindings;
	struct waiting waiting[MAX_WAITING];
	unsigned int nr_waiting;
};

static void must(int rc, const char *what)
{
	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", what, strerror(-rc));
		exit(1);
	}
}

/* ---- start ------------------------------------------------------------------------------------- */

static int vmm_start(struct vmm *v, const char *home)
{
	int rc = ioasid_open(home, &v->ctx);

	if (rc)
		return rc;
	if (ioasid_check_extension(v->ctx, IOASID_EXT_USER_TABLE) <= 0 ||
	    ioasid_check_extension(v->ctx, IOASID_EXT_PASID_LOCAL) <= 0)
		return -EOPNOTSUPP;
	v->faults = ioasid_fault_open(v->ctx, 0);
	if (v->faults < 0)
		return v->faults;
	return ioasid_alloc_kernel(v->ctx, &v->gpa);
}

/* A memory slot of the guest appears; ROM and shared read-only memory without WRITE. */
static int vmm_ram_added(struct vmm *v, uint64_t gpa, void *host, uint64_t size, bool writable)
{
	return ioasid_map(v->ctx, v->gpa, gpa, (uintptr_t)host, size,
			  IOASID_MAP_READ | (writable ? IOASID_MAP_WRITE : 0));
}

/* On return no DMA through the range is still to land: now the memory can be given away. */
static int vmm_ram_removed(struct vmm *v, uint64_t gpa, uint64_t size)
{
	return ioasid_unmap(v->ctx, v->gpa, gpa, size, NULL);
}

/* ---- devices ------------------------------------------------------------------------------------- */

/* Cold plug, and hot plug in a guest that has been told a PASID width. */
static int vmm_device_added(struct vmm *v, const char *name, uint64_t cookie)
{
	struct vmm_device *d = &v->devices[v->nr_devices];
	int rc;

	if (v->nr_devices == MAX_DEVICES)
		return -ENOSPC;
	rc = ioasid_dev_open(v->ctx, name, &d->dev);
	if (rc)
		return rc;
	/* EMEDIUMTYPE: it cannot keep what the guest was promised; EBUSY: it is somebody else's. */
	rc = ioasid_dev_bind(d->dev, v->ctx, cookie);
	/* Bound and not attached it is blocked. Translation is off in the guest: all of RAM. */
	if (!rc)
		rc = ioasid_dev_attach(d->dev, v->gpa, 0);
	d->removal = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!rc)
		rc = ioasid_dev_set_eventfd(d->dev, IOASID_DEV_EVENT_REMOVAL, d->removal);
	if (rc) {
		close(d->removal);
		ioasid_dev_close(d->dev);
		return rc;
	}
	d->cookie = cookie;
	v->nr_devices++;
	return 0;
}

/* What the vIOMMU may report as its PASID width; the answer is recorded, so that it stays true. */
static int vmm_promise_width(struct vmm *v, uint32_t *ecap_pss)
{
	uint64_t cookies[MAX_DEVICES];
	struct ioasid_info info;
	unsigned int i;
	int rc;

	for (i = 0; i < v->nr_devices; i++)
		cookies[i] = v->devices[i].cookie;
	rc = ioasid_get_info(v->ctx, cookies, v->nr_devices, &info);
	if (rc || !info.pasid_bits) /* 0: do not offer PASID */
		return rc ? rc : -EOPNOTSUPP;
	*ecap_pss = info.vtd_pss;
	return ioasid_hwid_set_promised_width(v->ctx, info.pasid_bits);
}

/* ---- the guest's tables ----------------------------------------------------------------------------- */

static struct binding *find_binding(struct vmm *v, const struct vmm_device *d, uint32_t pasid)
{
	unsigned int i;

	for (i = 0; i < v->nr_bindings; i++) {
		if (v->bindings[i].d == d && v->bindings[i].pasid == pasid)
			return &v->bindings[i];
	}
	return NULL;
}

static struct ioasid_table table_of(const struct guest_entry *e)
{
	return (struct ioasid_table){
		.format = IOASID_FORMAT_VTD_FS,
		.levels = e->levels,
		.address = e->root,
	};
}

static int entry_appeared(struct vmm *v, struct vmm_device *d, uint32_t pasid,
			  const struct guest_entry *e)
{
	struct binding *b = &v->bindings[v->nr_bindings];
	struct ioasid_table table = table_of(e);
	int rc;

	if (v->nr_bindings == MAX_BINDINGS)
		return -ENOSPC;
	rc = ioasid_alloc_user_table(v->ctx, v->gpa, &table, &b->ioasid);
	if (rc)
		return rc;
	rc = ioasid_dev_attach_pasid(d->dev, b->ioasid, pasid, 0);
	if (rc) {
		ioasid_ioas_free(v->ctx, b->ioasid);
		return rc;
	}
	b->d = d;
	b->pasid = pasid;
	b->did = e->did;
	v->nr_bindings++;
	return 0;
}

/* DETACH returns when nothing of the number is under way; what waits was answered "invalid". */
static void entry_disappeared(struct vmm *v, struct binding *b)
{
	ioasid_dev_detach_pasid(b->d->dev, b->ioasid);
	ioasid_ioas_free(v->ctx, b->ioasid);
	*b = v->bindings[--v->nr_bindings];
}

/*
 * Descriptor type 7 (PASID cache), or with caching mode off the first use of a number: look the
 * entry up in the guest's PASID table and say what is there now.
 */
static int vmm_pasid_entry(struct vmm *v, struct vmm_device *d, uint32_t pasid,
			   const struct guest_entry *e)
{
	struct binding *b = find_binding(v, d, pasid);
	struct ioasid_table table = table_of(e);

	if (!e->present) {
		if (b)
			entry_disappeared(v, b);
		return 0;
	}
	if (!b)
		return entry_appeared(v, d, pasid, e);
	/* The root changes at once: requests see the old table or the new one. */
	b->did = e->did;
	return ioasid_bind_pgtable(v->ctx, b->ioasid, &table);
}

static int no_pasid_table(struct vmm *v, struct vmm_device *d, const struct guest_entry *e)
{
	struct binding *b = &v->bindings[v->nr_bindings];
	struct ioasid_table table = table_of(e);
	int rc;

	if (v->nr_bindings == MAX_BINDINGS)
		return -ENOSPC;
	rc = ioasid_alloc_user_table(v->ctx, v->gpa, &table, &b->ioasid);
	if (rc)
		return rc;
	rc = ioasid_dev_attach(d->dev, b->ioasid, 0);
	if (rc) {
		ioasid_ioas_free(v->ctx, b->ioasid);
		return rc;
	}
	b->d = d;
	b->pasid = IOASID_INVALID;
	b->did = e->did;
	v->nr_bindings++;
	return 0;
}

/*
 * Descriptor type 1 (context cache), or Translation Enable: where requests without PASID go. With
 * a table of the guest's it is a child of the GPA space, stacked on it.
 */
static int vmm_no_pasid_entry(struct vmm *v, struct vmm_device *d, const struct guest_entry *e)
{
	struct binding *b = find_binding(v, d, IOASID_INVALID);
	struct ioasid_table table = table_of(e);
	int rc;

	if (b && e->present && !e->pass_through)
		return ioasid_bind_pgtable(v->ctx, b->ioasid, &table);
	if (b) { /* back to the GPA space below it */
		ioasid_dev_detach(d->dev, b->ioasid);
		ioasid_ioas_free(v->ctx, b->ioasid);
		*b = v->bindings[--v->nr_bindings];
	}
	if (!e->present)
		return ioasid_dev_detach(d->dev, v->gpa); /* blocked */
	rc = ioasid_dev_attach(d->dev, v->gpa, 0);
	if (rc && rc != -EBUSY) /* EBUSY: attached already */
		return rc;
	return e->pass_through ? 0 : no_pasid_table(v, d, e);
}

/* ---- invalidation --------------------------------------------------------------------------------------- */

/*
 * Descriptor type 6 (PASID-based IOTLB): @pages 0 means all of the PASID. The wait descriptor after
 * it is completed when this has returned. Types 2 (IOTLB of a domain), 3 and 8 (device TLB, with
 * and without PASID) need nothing more: every cache is purged here, device TLBs too.
 */
static int vmm_invalidate(struct vmm *v, uint16_t did, uint32_t pasid, uint64_t addr,
			  uint64_t pages, bool leaf)
{
	unsigned int i;
	int rc = 0, one;

	for (i = 0; i < v->nr_bindings; i++) {
		struct binding *b = &v->bindings[i];

		if (b->did != did || b->pasid != pasid)
			continue;
		if (pages)
			one = ioasid_invalidate_range(v->ctx, b->ioasid, addr, pages * PAGE, leaf);
		else
			one = ioasid_invalidate(v->ctx, b->ioasid);
		rc = rc ? rc : one; /* EIO: a device did not answer and is fenced */
	}
	return rc;
}

/* ---- page requests ------------------------------------------------------------------------------------------ */

/*
 * The fault descriptor is readable: page requests go into the guest's queue, events into its fault
 * recording registers. Numbers in records are the guest's own.
 */
static int vmm_faults(struct vmm *v)
{
	struct ioasid_fault rec[8];
	int n = ioasid_fault_read(v->ctx, rec, 8), i;

	for (i = 0; i < n; i++) {
		struct waiting *w = &v->waiting[v->nr_waiting];

		if (rec[i].type == IOASID_FAULT_EVENT) {
			printf("event: device %llu, address %#llx: %s\n", rec[i].cookie,
			       rec[i].address, ioasid_strreason(rec[i].reason));
			continue;
		}
		/* One answer for a group; no room: the device asks again. */
		if (!(rec[i].flags & IOASID_FAULT_LAST))
			continue;
		if (v->nr_waiting == MAX_WAITING) {
			ioasid_page_response(v->ctx, rec[i].id, IOASID_RESPONSE_SUCCESS);
			continue;
		}
		w->id = rec[i].id;
		w->cookie = rec[i].cookie;
		w->pasid = rec[i].flags & IOASID_FAULT_VPASID ? rec[i].vpasid : IOASID_INVALID;
		w->group = rec[i].group;
		v->nr_waiting++;
	}
	return n;
}

/* Descriptor type 9 (page group response); its code is the ABI's. */
static int vmm_page_group_response(struct vmm *v, uint64_t cookie, uint32_t pasid, uint32_t group,
				   uint32_t code)
{
	unsigned int i;

	for (i = 0; i < v->nr_waiting; i++) {
		struct waiting *w = &v->waiting[i];

		if (w->cookie == cookie && w->pasid == pasid && w->group == group) {
			uint32_t id = w->id;

			*w = v->waiting[--v->nr_waiting];
			/* ENOENT: answered by DETACH, RESET or unplug meanwhile: fine. */
			return ioasid_page_response(v->ctx, id, (enum ioasid_response)code);
		}
	}
	return -ENOENT;
}

/* ---- reset, unplug, end ------------------------------------------------------------------------------------- */

/* Function level reset, written by the guest: routes and numbers stay. */
static int vmm_device_reset(struct vmm *v, struct vmm_device *d)
{
	unsigned int i;

	for (i = 0; i < v->nr_waiting; i++) {
		if (v->waiting[i].cookie == d->cookie)
			v->waiting[i--] = v->waiting[--v->nr_waiting];
	}
	return ioasid_dev_reset(d->dev);
}

/* The guest is reset: translation is off again and nothing of its tables is used any more. */
static int vmm_reset(struct vmm *v)
{
	const struct guest_entry off = { .present = true, .pass_through = true };
	unsigned int i;
	int rc = 0;

	for (i = 0; i < v->nr_devices && !rc; i++)
		rc = vmm_device_reset(v, &v->devices[i]);
	for (i = 0; i < v->nr_devices && !rc; i++)
		rc = vmm_no_pasid_entry(v, &v->devices[i], &off);
	while (v->nr_bindings)
		entry_disappeared(v, &v->bindings[0]);
	return rc;
}

/* The guest has let go of it, or the removal eventfd fired and it had its time. */
static void vmm_device_removed(struct vmm *v, struct vmm_device *d)
{
	unsigned int i;

	for (i = v->nr_bindings; i-- > 0;) {
		if (v->bindings[i].d == d && v->bindings[i].pasid != IOASID_INVALID)
			entry_disappeared(v, &v->bindings[i]);
	}
	ioasid_dev_close(d->dev);
	close(d->removal);
	d->dev = NULL;
}

static void vmm_end(struct vmm *v)
{
	unsigned int i;

	for (i = 0; i < v->nr_devices; i++) {
		if (v->devices[i].dev)
			vmm_device_removed(v, &v->devices[i]);
	}
	ioasid_fault_close(v->ctx);
	ioasid_close(v->ctx);
}

/* ---- live migration ---------------------------------------------------------------------------------------------- */

/* Before the first round: can it work at all, and if not, why. */
static bool vmm_can_migrate(struct vmm *v, uint32_t *why)
{
	struct ioasid_info info;

	if (ioasid_get_info(v->ctx, NULL, 0, &info))
		return false;
	*why = info.no_migration;
	return !info.no_migration && ioasid_check_extension(v->ctx, IOASID_EXT_DIRTY) > 0 &&
	       ioasid_check_extension(v->ctx, IOASID_EXT_STATE) > 0;
}

/* Source. Pre-copy reports dirty pages; SAVE stops all devices; RESUME only if it failed. */
static int vmm_migrate_out(struct vmm *v, void *bitmap, void *state, size_t *size)
{
	struct ioasid_dirty get = {
		.argsz = sizeof(get),
		.ioasid = v->gpa,
		.iova = RAM_GPA,
		.length = RAM_SIZE,
		.page_size = PAGE,
		.bitmap = (uintptr_t)bitmap,
	};
	int rc = ioasid_dirty_set(v->ctx, v->gpa, true);

	if (!rc)
		rc = ioasid_dirty_get(v->ctx, &get); /* ... as often as it takes */
	if (!rc)
		rc = ioasid_state_save(v->ctx, state, size);
	if (!rc)
		rc = ioasid_dirty_get(v->ctx, &get); /* the last pages */
	return rc;
}

/* Destination: RAM mapped, devices bound with the same cookies, GPA space under its old handle. */
static int vmm_migrate_in(struct vmm *v, const void *state, size_t size)
{
	int rc = ioasid_state_restore(v->ctx, state, size);

	return rc ? rc : ioasid_state_resume(v->ctx);
}

/* ---- a guest to try it with ------------------------------------------------------------------------------------------ */

#define VA	0x7f0012345000UL /* an address of a process in the guest */
#define DID	3
#define PRESENT 7UL /* present, writable, user */

static uint8_t *ram;

static uint64_t *table_page(unsigned int n)
{
	return (uint64_t *)(void *)(ram + n * PAGE);
}

/* Pages @first to @first + 3 are the levels of a table in which VA leads to page @data. */
static struct guest_entry guest_table(unsigned int first, unsigned int data)
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		table_page(first + i)[VA >> (39 - 9 * i) & 511] =
			(RAM_GPA + (first + i + 1) * PAGE) | PRESENT;
	table_page(first + 3)[VA >> 12 & 511] = data ? (RAM_GPA + data * PAGE) | PRESENT : 0;
	return (struct guest_entry){
		.present = true, .did = DID, .levels = 4, .root = RAM_GPA + first * PAGE
	};
}

static void expect(bool ok, const char *what)
{
	printf("%s: %s\n", what, ok ? "yes" : "NO");
	if (!ok)
		exit(1);
}

/* What every home is asked; @hw: the other side of the first device, or NULL. */
static void play(struct vmm *v, struct ioasid_hostdev *hw)
{
	struct vmm_device *d = &v->devices[0];
	struct guest_entry e = guest_table(0, 10), off = { .present = false };
	struct ioasid_dma dma = { .addr = VA, .pasid = 5, .flags = IOASID_DMA_PASID };
	uint32_t pss = 0, why = 0;

	must(vmm_promise_width(v, &pss), "width");
	printf("the guest is told a PASID width of %u\n", pss + 1);
	must(vmm_pasid_entry(v, d, 5, &e), "PASID entry appears");
	if (hw)
		expect(!ioasid_dma_write(hw, &dma, "one", 4) &&
			       !strcmp((char *)ram + 10 * PAGE, "one"),
		       "DMA with the guest's PASID and address arrives in its page");
	e = guest_table(4, 11);
	must(vmm_pasid_entry(v, d, 5, &e), "PASID entry changes");
	must(vmm_invalidate(v, DID, 5, 0, 0, false), "PASID-selective invalidation");
	if (hw)
		expect(!ioasid_dma_write(hw, &dma, "two", 4) &&
			       !strcmp((char *)ram + 11 * PAGE, "two"),
		       "after another root it arrives in the other page");
	table_page(7)[VA >> 12 & 511] = 0;
	must(vmm_invalidate(v, DID, 5, VA, 1, true), "page-selective invalidation");
	if (hw)
		expect(ioasid_dma_write(hw, &dma, "no", 3) && vmm_faults(v) == 1,
		       "after an unmap it is blocked and reported");
	must(vmm_no_pasid_entry(v, d, &e), "table for requests without PASID");
	must(vmm_reset(v), "guest reset");
	must(vmm_pasid_entry(v, d, 5, &off), "an entry that is not there");
	if (hw)
		expect(ioasid_dma_write(hw, &dma, "no", 3) && vmm_faults(v) == 1,
		       "after a reset the PASID leads nowhere");
	expect(!vmm_can_migrate(v, &why) &&
		       vmm_migrate_out(v, ram, ram, &(size_t){ 0 }) == -EOPNOTSUPP &&
		       vmm_migrate_in(v, ram, 0) == -EOPNOTSUPP,
	       "this release says that it does not migrate");
}

/* A device asks for a page that the guest then enters; only where we can make it ask. */
static void play_page_request(struct vmm *v, struct ioasid_hostdev *hw)
{
	struct guest_entry e = guest_table(0, 0);
	struct ioasid_dma ask = { .addr = VA, .pasid = 5, .group = 7, .flags = IOASID_DMA_PASID };
	struct pollfd p = { .fd = v->faults, .events = POLLIN };

	must(vmm_pasid_entry(v, &v->devices[0], 5, &e), "PASID entry");
	must(ioasid_hostdev_page_request(hw, &ask, IOASID_ACCESS_READ, true), "page request");
	must(poll(&p, 1, 5000), "poll");
	expect(vmm_faults(v) == 1 && v->nr_waiting == 1, "the guest gets a page request");
	guest_table(0, 10);
	must(vmm_page_group_response(v, 1, 5, 7, IOASID_RESPONSE_SUCCESS), "page group response");
	expect(vmm_page_group_response(v, 1, 5, 7, IOASID_RESPONSE_SUCCESS) == -ENOENT,
	       "a second answer finds nothing");
}

int main(int argc, char **argv)
{
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = "accelerator",
		.rid = 0x0200,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};
	const char *home = argc > 2 ? argv[1] : "inproc", *name = argc > 2 ? argv[2] : config.name;
	struct ioasid_host *host = NULL;
	struct ioasid_hostdev *hw = NULL;
	static struct vmm v;

	ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ram == MAP_FAILED)
		return 1;
	if (argc <= 2) {
		must(ioasid_host_default(&host), "host");
		must(ioasid_hostdev_create(host, &config, &hw), "device");
	}
	must(vmm_start(&v, home), "start");
	must(vmm_ram_added(&v, RAM_GPA, ram, RAM_SIZE, true), "RAM");
	must(vmm_device_added(&v, name, 1), "device");
	play(&v, hw);
	if (hw)
		play_page_request(&v, hw);
	vmm_device_removed(&v, &v.devices[0]);
	must(vmm_ram_removed(&v, RAM_GPA, RAM_SIZE), "RAM removed");
	vmm_end(&v);
	if (hw) {
		ioasid_hostdev_destroy(hw);
		ioasid_host_put(host);
	}
	munmap(ram, RAM_SIZE);
	return 0;
}
