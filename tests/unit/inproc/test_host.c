// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Hosts, devices and descriptors: configuration, names, lifetimes, and memory that runs out. */
#include "rig.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>

#include "inproc/inproc.h"

static void configurations(void **state)
{
	struct ioasid_host_config c = { .size = sizeof(c) };
	struct ioasid_host *host, *again;
	long live = os_alloc_live();

	(void)state;
	refused(ioasid_host_create("", NULL, &host), EINVAL);
	refused(ioasid_host_create(NULL, NULL, &host), EINVAL);
	ok(ioasid_host_create("a", NULL, &host));
	refused(ioasid_host_create("a", NULL, &again), EEXIST);
	ioasid_host_put(host);
	ok(ioasid_host_create("a", NULL, &host));
	ioasid_host_put(host);
	c.size = sizeof(c) + 8;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.size = 8;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.size = sizeof(c);
	c.iotlb_entries = 100;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.iotlb_entries = 1;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.iotlb_entries = 0;
	c.levels = 6;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.levels = 3;
	c.flags = IOASID_HOST_FIRST_STAGE;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.levels = 0;
	c.flags = 1U << 31;
	refused(ioasid_host_create("a", &c, &host), EOPNOTSUPP);
	c.flags = 0;
	c.page_sizes = 2 * MIB;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.page_sizes = PAGE | 1ULL << 16;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.page_sizes = PAGE;
	c.pasid_bits = 21;
	refused(ioasid_host_create("a", &c, &host), EINVAL);
	c.pasid_bits = 6;
	ok(ioasid_host_create("a", &c, &host));
	assert_int_not_equal(ioasid_host_root_table(host) & ~0xfffULL, 0);
	ioasid_host_put(host);
	ioasid_host_put(NULL);
	assert_int_equal(os_alloc_live(), live);
}

static void devices(void **state)
{
	struct ioasid_hostdev_config c = { .size = sizeof(c),
					   .name = "x",
					   .rid = 5,
					   .dev_class = IOASID_CLASS_PDEV_PASID,
					   .pasid_bits = 20,
					   .group = IOASID_INVALID };
	struct ioasid_hostdev *dev, *other;
	struct ioasid_host *host;
	long live = os_alloc_live();

	(void)state;
	ok(ioasid_host_create("a", NULL, &host));
	ok(ioasid_hostdev_create(host, &c, &dev));
	refused(ioasid_hostdev_create(host, &c, &other), EEXIST);
	c.name = "y";
	refused(ioasid_hostdev_create(host, &c, &other), EEXIST);
	c.rid = 6;
	c.dev_class = IOASID_CLASS_PDEV_DELEGATED;
	refused(ioasid_hostdev_create(host, &c, &other), EOPNOTSUPP);
	c.dev_class = IOASID_CLASS_MDEV_DMWR;
	refused(ioasid_hostdev_create(host, &c, &other), EINVAL);
	c.dev_class = 99;
	refused(ioasid_hostdev_create(host, &c, &other), EINVAL);
	c.dev_class = IOASID_CLASS_PDEV_PASID;
	c.flags = IOASID_HOSTDEV_PRI;
	refused(ioasid_hostdev_create(host, &c, &other), EINVAL);
	c.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_OWN_DTLB;
	refused(ioasid_hostdev_create(host, &c, &other), EINVAL);
	c.flags = 1U << 31;
	refused(ioasid_hostdev_create(host, &c, &other), EOPNOTSUPP);
	c.flags = 0;
	c.pasid_bits = 21;
	refused(ioasid_hostdev_create(host, &c, &other), EINVAL);
	c.pasid_bits = 20;
	c.dtlb_entries = 3;
	refused(ioasid_hostdev_create(host, &c, &other), EINVAL);
	c.dtlb_entries = 0;
	c.name = "a name that is longer than thirty-one bytes";
	refused(ioasid_hostdev_create(host, &c, &other), EINVAL);
	c.name = "y";
	ok(ioasid_hostdev_create(host, &c, &other));
	/* The host goes with the last of its devices, not before. */
	ioasid_host_put(host);
	ioasid_hostdev_destroy(dev);
	ioasid_hostdev_destroy(other);
	ioasid_hostdev_destroy(NULL);
	assert_int_equal(os_alloc_live(), live);
}

static void default_host(void **state)
{
	struct ioasid_host *a, *b;
	struct ioasid *ctx;
	long live = os_alloc_live();

	(void)state;
	refused(ioasid_open("inproc:nobody", &ctx), ENOENT);
	ok(ioasid_open("inproc", &ctx));
	ok(ioasid_host_default(&a));
	ok(ioasid_host_default(&b));
	assert_ptr_equal(a, b);
	ioasid_host_put(a);
	ioasid_host_put(b);
	ioasid_close(ctx);
	assert_int_equal(os_alloc_live(), live);
}

/* Numbers that stand for contexts are not those of files, and end with the context. */
static void context_numbers(void **state)
{
	struct ioasid_hostdev_config c = { .size = sizeof(c),
					   .name = "d",
					   .rid = 5,
					   .dev_class = IOASID_CLASS_PDEV,
					   .group = IOASID_INVALID };
	struct ioasid_dev_bind b = { .argsz = sizeof(b) };
	struct ioasid *ctx, *foreign;
	struct ioasid_hostdev *hw;
	struct ioasid_host *host;
	struct ioasid_dev *dev;
	int fd;

	(void)state;
	ok(ioasid_host_create("a", NULL, &host));
	ok(ioasid_hostdev_create(host, &c, &hw));
	ok(ioasid_open("inproc:a", &ctx));
	ok(ioasid_open("inproc", &foreign));
	refused(ioasid_dev_open(foreign, "d", &dev), ENOENT);
	refused(ioasid_dev_open(ctx, "e", &dev), ENOENT);
	ok(ioasid_dev_open(ctx, "d", &dev));
	fd = ioasid_fd(ctx);
	assert_true(fd > 0 && fd != ioasid_fd(foreign));
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	b.ioasid_fd = ioasid_fd(foreign);
	refused(ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b), EINVAL);
	b.ioasid_fd = 1;
	refused(ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b), EINVAL);
	b.ioasid_fd = fd;
	ok(ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b));
	ioasid_close(ctx);
	refused(ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b), ENODEV);
	ioasid_dev_close(dev);
	/* The number has ended with its context. */
	ok(ioasid_open("inproc:a", &ctx));
	ok(ioasid_dev_open(ctx, "d", &dev));
	refused(ioasid_dev_command(dev, IOASID_DEV_BIND_IOASID_FD, &b), EINVAL);
	ioasid_dev_close(dev);
	ioasid_close(ctx);
	ioasid_close(foreign);
	ioasid_hostdev_destroy(hw);
	ioasid_host_put(host);
}

/* Everything goes away in every order; what is left answers, and nothing leaks. */
static void orders_of_ending(void **state)
{
	static const char *const orders[] = { "cdhD", "hDcd", "Dhcd", "dcDh", "chdD", "Dcdh" };
	uint64_t root, got;
	struct rig rig;
	const char *o;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		rig_make(&rig, NULL);
		root = guest_page(&rig);
		guest_map(&rig, root, 0x400000, G_P | G_W | G_U);
		guest_process(&rig, root, 7, 0);
		ok(dma_get(rig.dev[0], by_pasid(7, 0x400000), &got));
		for (o = orders[i]; *o; o++) {
			switch (*o) {
			case 'c':
				ioasid_close(rig.ctx);
				rig.ctx = NULL;
				break;
			case 'd':
				ioasid_dev_close(rig.handle[0]);
				rig.handle[0] = NULL;
				break;
			case 'D':
				ioasid_hostdev_destroy(rig.dev[0]);
				rig.dev[0] = NULL;
				break;
			default:
				ioasid_host_put(rig.host);
				rig.host = NULL;
			}
			if (rig.handle[0] && (!rig.ctx || !rig.dev[0]))
				refused(ioasid_dev_detach(rig.handle[0], rig.gpa), ENODEV);
			if (rig.dev[0] && !rig.ctx)
				blocked(rig.dev[0], by_pasid(7, 0x400000), IOASID_REASON_NO_ROUTE);
		}
		rig_free(&rig);
	}
}

/* The fault descriptor's number may be closed, and used for another file, behind our back. */
static void stolen_fault_descriptor(void **state)
{
	struct pollfd p;
	struct rig rig;
	uint64_t v;
	int fd;

	(void)state;
	rig_make(&rig, NULL);
	close(rig.fault_fd);
	fd = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(fd, rig.fault_fd);
	blocked(rig.dev[0], by_pasid(9, 0), IOASID_REASON_NO_ROUTE);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	assert_int_equal(read(fd, &v, sizeof(v)), -1);
	rig_free(&rig);
	close(fd);
}

static void error_eventfd(void **state)
{
	struct rig rig;
	uint64_t v = 0;
	int fd;

	(void)state;
	rig_make(&rig, NULL);
	fd = eventfd(0, EFD_NONBLOCK);
	refused(ioasid_dev_set_eventfd(rig.handle[0], IOASID_DEV_EVENT_REMOVAL, 0), EINVAL);
	refused(ioasid_dev_set_eventfd(rig.handle[0], IOASID_DEV_EVENT_REMOVAL, 9999), EBADF);
	ok(ioasid_dev_set_eventfd(rig.handle[0], IOASID_DEV_EVENT_REMOVAL, fd));
	ioasid_hostdev_destroy(rig.dev[0]);
	rig.dev[0] = NULL;
	assert_int_equal(read(fd, &v, sizeof(v)), sizeof(v));
	assert_int_equal(v, 1);
	close(fd);
	rig_free(&rig);
}

/* ---- memory that runs out ----------------------------------------------------------------------- */

/*
 * Make the n-th allocation of @body fail, for n = 1, 2, ... until none is left to fail. Whenever
 * the body fails nothing may have changed: the number of live allocations is compared.
 */
static void fail_each(int (*body)(struct rig *rig), void (*undo)(struct rig *rig), struct rig *rig)
{
	unsigned long n;
	long before;
	int rc;

	for (n = 1; n < 1000; n++) {
		before = os_alloc_live();
		os_alloc_fail_nth(n);
		rc = body(rig);
		os_alloc_fail_nth(0);
		if (!rc) {
			undo(rig);
			assert_int_equal(os_alloc_live(), before);
			/* Without a failure on the way the count was not reached. */
			if (n > 1)
				return;
			continue;
		}
		assert_int_equal(rc, -ENOMEM);
		assert_int_equal(os_alloc_live(), before);
	}
	fail();
}

static struct ioasid_host *spare_host;
static int make_host(struct rig *rig)
{
	(void)rig;
	return ioasid_host_create("spare", NULL, &spare_host);
}
static void drop_host(struct rig *rig)
{
	(void)rig;
	ioasid_host_put(spare_host);
}

static struct ioasid_hostdev *spare_dev;
static int make_device(struct rig *rig)
{
	/* On a bus of its own: it takes a context table too. */
	const struct ioasid_hostdev_config c = { .size = sizeof(c),
						 .name = "spare",
						 .rid = 0x4200,
						 .dev_class = IOASID_CLASS_PDEV_PASID,
						 .pasid_bits = 20,
						 .group = IOASID_INVALID,
						 .flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI };

	return ioasid_hostdev_create(rig->host, &c, &spare_dev);
}
static void drop_device(struct rig *rig)
{
	(void)rig;
	ioasid_hostdev_destroy(spare_dev);
}

static uint32_t spare_ioasid;
static uint64_t spare_root;
static int attach_number(struct rig *rig)
{
	/* Far from the others: a larger directory, a table, a tree of their own. */
	return ioasid_dev_attach_pasid(rig->handle[0], spare_ioasid, 0xabcde, 0);
}
static void detach_number(struct rig *rig)
{
	ok(ioasid_dev_detach_pasid(rig->handle[0], spare_ioasid));
}

static int map_memory(struct rig *rig)
{
	return ioasid_map(rig->ctx, rig->gpa, 0x7f0000000000, (uintptr_t)rig->ram, 3 * MIB, RW);
}
static void unmap_memory(struct rig *rig)
{
	ok(ioasid_unmap(rig->ctx, rig->gpa, 0x7f0000000000, 3 * MIB, NULL));
}

static struct ioasid_hold *spare_hold;
static int hold_memory(struct rig *rig)
{
	struct ioasid_dma dma = by_rid(0);
	struct iovec iov;
	unsigned int n = 1;

	return ioasid_dma_map(rig->dev[0], &dma, 8 * PAGE, IOASID_ACCESS_READ, &iov, &n, NULL, NULL,
			      &spare_hold);
}
static void drop_hold(struct rig *rig)
{
	(void)rig;
	ioasid_dma_unmap(spare_hold);
}

static void memory_runs_out(void **state)
{
	struct rig rig;

	(void)state;
	rig_make(&rig, NULL);
	spare_root = guest_page(&rig);
	ok(ioasid_alloc_user_table(rig.ctx, rig.gpa,
				   &(struct ioasid_table){ .format = IOASID_FORMAT_VTD_FS,
							   .levels = 4,
							   .address = spare_root },
				   &spare_ioasid));
	fail_each(make_host, drop_host, &rig);
	fail_each(make_device, drop_device, &rig);
	fail_each(attach_number, detach_number, &rig);
	fail_each(map_memory, unmap_memory, &rig);
	fail_each(hold_memory, drop_hold, &rig);
	rig_free(&rig);
}

/* Replacing a route or a table, and the way back, work without memory. */
static void changes_need_no_memory(void **state)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	uint32_t other, user;
	struct rig rig;
	int i;

	(void)state;
	rig_make(&rig, NULL);
	table.address = guest_page(&rig);
	ok(ioasid_alloc_kernel(rig.ctx, &other));
	ok(ioasid_dev_attach_pasid(rig.handle[0], other, 3, 0));
	user = guest_process(&rig, table.address, 4, 0);
	for (i = 0; i < 3; i++) {
		os_alloc_fail_nth(1);
		ok(ioasid_dev_attach(rig.handle[0], i & 1 ? rig.gpa : other,
				     IOASID_ATTACH_REPLACE));
		ok(ioasid_bind_pgtable(rig.ctx, user, NULL));
		ok(ioasid_bind_pgtable(rig.ctx, user, &table));
		os_alloc_fail_nth(0);
	}
	rig_free(&rig);
}

/* A device that cannot be translated for want of memory loses no request for that. */
static void device_tlb_without_memory(void **state)
{
	struct rig_config c = { .dev_flags = IOASID_HOSTDEV_ATS };
	struct rig rig;

	(void)state;
	rig_make(&rig, &c);
	os_alloc_fail_nth(1);
	ok(dma_put(rig.dev[0], by_rid(0x3000), 4));
	os_alloc_fail_nth(0);
	assert_int_equal(*(uint64_t *)(rig.ram + 0x3000), 4);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(configurations),
		cmocka_unit_test(devices),
		cmocka_unit_test(default_host),
		cmocka_unit_test(context_numbers),
		cmocka_unit_test(orders_of_ending),
		cmocka_unit_test(stolen_fault_descriptor),
		cmocka_unit_test(error_eventfd),
		cmocka_unit_test(memory_runs_out),
		cmocka_unit_test(changes_need_no_memory),
		cmocka_unit_test(device_tlb_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
