// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "rig.h"

#include <poll.h>

static void make_device(struct rig *rig, const struct rig_config *c, unsigned int i)
{
	static const char *const names[RIG_DEVS] = { "dev0", "dev1" };
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = names[i],
		.rid = (uint16_t)(0x100 + 8 * i),
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.flags = c->dev_flags,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
		.dtlb_entries = c->dtlb_entries,
		.pri_capacity = c->pri_capacity,
		.ops = c->ops,
		.opaque = c->opaque,
	};

	ok(ioasid_hostdev_create(rig->host, &config, &rig->dev[i]));
	ok(ioasid_dev_open(rig->ctx, names[i], &rig->handle[i]));
	ok(ioasid_dev_bind(rig->handle[i], rig->ctx, 10 + i));
}

void rig_make(struct rig *rig, const struct rig_config *config)
{
	static const struct rig_config plain;
	static unsigned int nr;
	struct ioasid_host_config host;
	char home[32];
	unsigned int i;

	config = config ? config : &plain;
	memset(rig, 0, sizeof(*rig));
	rig->live = os_alloc_live();
	host = config->host;
	host.size = sizeof(host);
	/* A case that fails leaves its host behind: it must not be in the way of the next. */
	snprintf(home, sizeof(home), "inproc:t%u", nr++);
	ok(ioasid_host_create(home + 7, &host, &rig->host));
	ok(ioasid_open(home, &rig->ctx));
	rig->fault_fd = ioasid_fault_open(rig->ctx, 0);
	ok(rig->fault_fd);
	for (i = 0; i < RIG_DEVS; i++)
		make_device(rig, config, i);
	rig->ram_size = config->ram_size ? config->ram_size : 4 * MIB;
	rig->ram = mmap(NULL, rig->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	assert_true(rig->ram != MAP_FAILED);
	if (config->bare)
		return;
	ok(ioasid_alloc_kernel(rig->ctx, &rig->gpa));
	ok(ioasid_map(rig->ctx, rig->gpa, 0, (uintptr_t)rig->ram, rig->ram_size, RW));
	for (i = 0; i < RIG_DEVS; i++)
		ok(ioasid_dev_attach(rig->handle[i], rig->gpa, 0));
}

void rig_settle(const struct rig *rig)
{
	assert_int_equal(os_alloc_live(), rig->live);
}

void rig_free(struct rig *rig)
{
	unsigned int i;

	for (i = 0; i < RIG_DEVS; i++)
		ioasid_dev_close(rig->handle[i]);
	ioasid_close(rig->ctx);
	for (i = 0; i < RIG_DEVS; i++)
		ioasid_hostdev_destroy(rig->dev[i]);
	ioasid_host_put(rig->host);
	munmap(rig->ram, rig->ram_size);
	rig_settle(rig);
}

uint64_t guest_page(struct rig *rig)
{
	uint64_t gpa = rig->used;

	assert_true(gpa + PAGE <= rig->ram_size);
	rig->used += PAGE;
	return gpa;
}

uint64_t *guest_pte(struct rig *rig, uint64_t root, uint64_t va, int level)
{
	uint64_t table = root, *entry;
	int l;

	for (l = 3;; l--) {
		entry = (uint64_t *)(rig->ram + table) + ((va >> (12 + 9 * l)) & 511);
		if (l == level)
			return entry;
		/* A device may be walking it. */
		if (!READ_ONCE(*entry))
			WRITE_ONCE(*entry, guest_page(rig) | G_P | G_W | G_U);
		table = READ_ONCE(*entry) & 0x000ffffffffff000ULL;
	}
}

uint64_t guest_map(struct rig *rig, uint64_t root, uint64_t va, uint64_t bits)
{
	uint64_t *pte = guest_pte(rig, root, va, 0), gpa = guest_page(rig);

	*pte = gpa | bits;
	return gpa;
}

uint32_t guest_process(struct rig *rig, uint64_t root, uint32_t pasid, uint32_t flags)
{
	const struct ioasid_table table = {
		.format = IOASID_FORMAT_VTD_FS, .levels = 4, .address = root, .flags = flags
	};
	uint32_t ioasid;

	ok(ioasid_alloc_user_table(rig->ctx, rig->gpa, &table, &ioasid));
	ok(ioasid_dev_attach_pasid(rig->handle[0], ioasid, pasid, 0));
	return ioasid;
}

int dma_put(struct ioasid_hostdev *dev, struct ioasid_dma dma, uint64_t value)
{
	return ioasid_dma_write(dev, &dma, &value, sizeof(value));
}

int dma_get(struct ioasid_hostdev *dev, struct ioasid_dma dma, uint64_t *value)
{
	return ioasid_dma_read(dev, &dma, value, sizeof(*value));
}

struct ioasid_fault next_event(struct rig *rig)
{
	struct pollfd p = { .fd = rig->fault_fd, .events = POLLIN };
	struct ioasid_fault f;

	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(ioasid_fault_read(rig->ctx, &f, 1), 1);
	return f;
}

void no_event(struct rig *rig)
{
	struct pollfd p = { .fd = rig->fault_fd, .events = POLLIN };
	struct ioasid_fault f;

	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(ioasid_fault_read(rig->ctx, &f, 1), -EAGAIN);
}

struct ioasid_host_stats stats_of(const struct rig *rig)
{
	struct ioasid_host_stats s;

	ioasid_host_get_stats(rig->host, &s);
	return s;
}

void nap(unsigned int ms)
{
	const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}
