// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "slices.h"

#include <poll.h>

struct ioasid_hostdev_config slices_config(void)
{
	return (struct ioasid_hostdev_config){
		.size = sizeof(struct ioasid_hostdev_config),
		.name = "fn",
		.rid = SL_RID,
		.dev_class = IOASID_CLASS_PDEV_DMWR,
		.pasid_bits = 10,
		.group = IOASID_INVALID,
	};
}

void slices_make(struct slices *s, const struct ioasid_hostdev_config *fn)
{
	const struct ioasid_host_config host = { .size = sizeof(host), .ats_timeout_ms = 100 };
	const struct ioasid_hostdev_config plain = slices_config();
	static unsigned int nr;
	char home[32];
	unsigned int i;

	memset(s, 0, sizeof(*s));
	s->live = os_alloc_live();
	snprintf(home, sizeof(home), "inproc:s%u", nr++);
	ok(ioasid_host_create(home + 7, &host, &s->host));
	ok(ioasid_host_set_pasid_split(s->host, 512));
	ok(ioasid_hostdev_create(s->host, fn ? fn : &plain, &s->fn));
	for (i = 0; i < SL_CTXS; i++) {
		ok(ioasid_open(home, &s->ctx[i]));
		s->fault_fd[i] = ioasid_fault_open(s->ctx[i], 0);
		ok(s->fault_fd[i]);
	}
	ok(ioasid_dev_open(s->ctx[0], "fn", &s->fn_handle));
	for (i = 0; i < SL_PAGES; i++) {
		s->page[i] = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				  -1, 0);
		assert_true(s->page[i] != MAP_FAILED);
	}
}

void slices_free(struct slices *s)
{
	unsigned int i;

	for (i = 0; i < SL_DEVS; i++)
		ioasid_dev_close(s->handle[i]);
	ioasid_dev_close(s->fn_handle);
	for (i = 0; i < SL_CTXS; i++)
		ioasid_close(s->ctx[i]);
	for (i = 0; i < SL_DEVS; i++)
		ioasid_hostdev_destroy(s->dev[i]);
	ioasid_hostdev_destroy(s->fn);
	ioasid_host_put(s->host);
	for (i = 0; i < SL_PAGES; i++)
		munmap(s->page[i], PAGE);
	assert_int_equal(os_alloc_live(), s->live);
}

struct ioasid_hostdev_config slice_config(const struct slices *s, unsigned int i,
					  uint16_t dev_class)
{
	static const char *const names[SL_DEVS] = { "s0", "s1", "s2", "s3", "s4" };

	return (struct ioasid_hostdev_config){
		.size = sizeof(struct ioasid_hostdev_config),
		.name = names[i],
		.dev_class = dev_class,
		.pasid_bits = dev_class == IOASID_CLASS_MDEV_FIXED ? 0 : 10,
		.group = IOASID_INVALID,
		.parent = s->fn,
	};
}

void slice_open(struct slices *s, unsigned int i, unsigned int ctx)
{
	const struct ioasid_hostdev_config names = slice_config(s, i, 0);

	ok(ioasid_dev_open(s->ctx[ctx], names.name, &s->handle[i]));
	ok(ioasid_dev_bind(s->handle[i], s->ctx[ctx], 20 + i));
}

void slice_add(struct slices *s, unsigned int i, uint16_t dev_class, unsigned int ctx)
{
	const struct ioasid_hostdev_config c = slice_config(s, i, dev_class);

	ok(ioasid_hostdev_create(s->host, &c, &s->dev[i]));
	slice_open(s, i, ctx);
}

void slice_close(struct slices *s, unsigned int i)
{
	ioasid_dev_close(s->handle[i]);
	s->handle[i] = NULL;
}

uint32_t space(struct slices *s, unsigned int ctx, unsigned int n)
{
	uint32_t ioasid;

	ok(ioasid_alloc_kernel(s->ctx[ctx], &ioasid));
	ok(ioasid_map(s->ctx[ctx], ioasid, SL_IOVA, (uintptr_t)s->page[n], PAGE, RW));
	return ioasid;
}

uint32_t wire_of(struct ioasid_hostdev *dev, uint32_t vpasid)
{
	uint32_t wire;

	ok(ioasid_hostdev_ppasid(dev, vpasid, &wire));
	return wire;
}

static void stamp_all(struct slices *s)
{
	unsigned int i;

	for (i = 0; i < SL_PAGES; i++)
		*s->page[i] = ++s->stamp;
}

/* Where did it go? -1: nowhere. */
static int changed(const struct slices *s, uint64_t value)
{
	int i, found = -1;

	for (i = 0; i < SL_PAGES; i++) {
		if (*s->page[i] != value)
			continue;
		assert_int_equal(found, -1);
		found = i;
	}
	return found;
}

void lands(struct slices *s, struct ioasid_hostdev *dev, struct ioasid_dma dma, unsigned int n)
{
	uint64_t value;

	stamp_all(s);
	value = ++s->stamp;
	ok(dma_put(dev, dma, value));
	assert_int_equal(changed(s, value), n);
}

void nowhere(struct slices *s, struct ioasid_hostdev *dev, struct ioasid_dma dma)
{
	uint64_t value;

	stamp_all(s);
	value = ++s->stamp;
	assert_int_equal(ioasid_dma_write(dev, &dma, &value, sizeof(value)), -EFAULT);
	assert_int_equal(dma.reason, IOASID_REASON_NO_ROUTE);
	assert_int_equal(changed(s, value), -1);
}

struct ioasid_fault event_of(struct slices *s, unsigned int ctx)
{
	struct pollfd p = { .fd = s->fault_fd[ctx], .events = POLLIN };
	struct ioasid_fault f;

	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_int_equal(ioasid_fault_read(s->ctx[ctx], &f, 1), 1);
	return f;
}
