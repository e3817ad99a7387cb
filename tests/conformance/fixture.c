// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "tests/conformance/fixture.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* ---- time ------------------------------------------------------------------------------------ */

uint64_t fx_patience(uint64_t ms)
{
	const char *factor = getenv("CONF_PATIENCE");
	unsigned long f = factor ? strtoul(factor, NULL, 10) : 1;

	return ms * (f ? f : 1);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- setting up and tearing down ------------------------------------------------------------- */

static long allocations_before;
static uint64_t begun;

static long allocations(void)
{
	return conf_home_under_test.allocations ? conf_home_under_test.allocations() : 0;
}

static const struct conf_dev_spec default_spec = {
	.dev_class = IOASID_CLASS_PDEV_PASID,
	.pasid_bits = 20,
	.ats = true,
	.pri = true,
	.group = IOASID_INVALID,
};

/* Two devices and a context. What was made before a step failed is undone by the caller. */
static int fill_machine(struct fx *fx)
{
	unsigned int i;

	fx->env.home->live(&fx->env, &fx->empty);
	for (i = 0; i < 2; i++) {
		struct conf_dev_spec spec = default_spec;

		spec.name = i ? "dev1" : "dev0";
		fx->hw[i] = fx->env.home->plug(&fx->env, &spec);
		if (!fx->hw[i])
			return -1;
	}
	fx->env.home->live(&fx->env, &fx->before);
	return ioasid_open(fx->env.path, &fx->ctx[0]);
}

static void unplug_all(struct fx *fx)
{
	unsigned int i;

	/* Slices before what they are slices of. */
	for (i = FX_DEVICES; i-- > 0;) {
		if (fx->hw[i])
			fx_unplug(fx, i);
	}
}

static void destroy_vms(struct fx *fx)
{
	unsigned int i;

	for (i = 0; i < FX_VMS; i++) {
		if (fx->vm[i])
			fx_vm_destroy(fx, i);
	}
}

int fx_setup(void **state)
{
	const struct conf_machine *machine = *state;
	struct fx *fx = calloc(1, sizeof(*fx));

	allocations_before = allocations();
	begun = now_ms();
	if (!fx || !guest_init(&fx->g, FX_GPA, FX_DATA, FX_TABLES))
		return -1;
	fx->machine = machine;
	fx->env.home = &conf_home_under_test;
	if (fx->env.home->start(&fx->env, machine))
		return -1;
	*state = fx;
	if (!fill_machine(fx))
		return 0;
	unplug_all(fx);
	fx->env.home->stop(&fx->env);
	return -1;
}

/*
 * @devices: they count too. While a device is there it keeps the tables its numbers once needed, so
 * table pages are compared only when all are gone.
 */
static int compare_live(struct fx *fx, const struct conf_live *was, bool devices)
{
	struct conf_live now = { 0 };

	fx->env.home->live(&fx->env, &now);
	if (!devices) {
		now.devices = was->devices;
		now.table_pages = was->table_pages;
	}
	if (!memcmp(&now, was, sizeof(now)))
		return 0;
	printf("# leak: contexts %lu/%lu devices %lu/%lu ioasids %lu/%lu domains %lu/%lu routes "
	       "%lu/%lu pinned %lu/%lu table pages %lu/%lu holds %lu/%lu (now/before)\n",
	       now.contexts, was->contexts, now.devices, was->devices, now.ioasids, was->ioasids,
	       now.domains, was->domains, now.routes, was->routes, now.pinned_bytes,
	       was->pinned_bytes, now.table_pages, was->table_pages, now.holds, was->holds);
	return -1;
}

int fx_teardown(void **state)
{
	struct fx *fx = *state;
	unsigned int i;
	int rc;

	/* Handles outlive their context half of the time: both orders must work. */
	for (i = 0; i < FX_DEVICES; i += 2)
		fx_dev_close(fx, i);
	for (i = 0; i < FX_CONTEXTS; i++)
		fx_close(fx, i);
	for (i = 1; i < FX_DEVICES; i += 2)
		fx_dev_close(fx, i);
	destroy_vms(fx);
	rc = compare_live(fx, &fx->before, false);
	if (fx->nr_groups)
		fx->env.home->group_enter(&fx->env, NULL);
	while (fx->nr_groups)
		fx->env.home->group_remove(&fx->env, fx->group[--fx->nr_groups]);
	unplug_all(fx);
	rc |= compare_live(fx, &fx->empty, true);
	fx->env.home->stop(&fx->env);
	guest_destroy(&fx->g);
	free(fx);
	if (getenv("CONF_TIMES"))
		printf("# the next took %lu ms\n", now_ms() - begun);
	if (allocations() != allocations_before) {
		printf("# leak: %ld allocations\n", allocations() - allocations_before);
		rc = -1;
	}
	return rc;
}

void fx_group_make(struct fx *fx, const char *group)
{
	assert_true(fx->nr_groups < FX_GROUPS);
	assert_int_equal(fx->env.home->group_make(&fx->env, group), 0);
	fx->group[fx->nr_groups++] = group;
}

void fx_group_remove(struct fx *fx, const char *group)
{
	unsigned int i;

	assert_int_equal(fx->env.home->group_remove(&fx->env, group), 0);
	for (i = 0; fx->group[i] != group; i++)
		;
	for (fx->nr_groups--; i < fx->nr_groups; i++)
		fx->group[i] = fx->group[i + 1];
}

struct ioasid *fx_open(struct fx *fx, unsigned int slot)
{
	assert_int_equal(ioasid_open(fx->env.path, &fx->ctx[slot]), 0);
	return fx->ctx[slot];
}

void fx_close(struct fx *fx, unsigned int slot)
{
	ioasid_close(fx->ctx[slot]);
	fx->ctx[slot] = NULL;
}

void fx_plug(struct fx *fx, unsigned int slot, const struct conf_dev_spec *spec)
{
	struct conf_dev_spec s = *spec;

	if (!s.dev_class) {
		s = default_spec;
		s.name = spec->name;
	}
	fx->hw[slot] = fx->env.home->plug(&fx->env, &s);
	assert_non_null(fx->hw[slot]);
}

/* By classes: which take PASIDs, and whose PASIDs CPUs carry. */
static bool takes_pasids(uint16_t dev_class)
{
	return dev_class >= IOASID_CLASS_PDEV_PASID;
}

static bool cpus_carry(uint16_t dev_class)
{
	return dev_class == IOASID_CLASS_PDEV_DMWR || dev_class == IOASID_CLASS_MDEV_DMWR;
}

void fx_add(struct fx *fx, unsigned int slot, struct conf_dev_spec spec)
{
	char name[16];

	snprintf(name, sizeof(name), "dev%u", slot);
	spec.name = name;
	spec.group = IOASID_INVALID;
	if (!spec.pasid_bits && takes_pasids(spec.dev_class))
		spec.pasid_bits = 20;
	fx_plug(fx, slot, &spec);
}

void fx_add_slice(struct fx *fx, unsigned int slot, uint16_t dev_class, unsigned int parent)
{
	fx_add(fx, slot, FX_DEV(dev_class, .parent = fx->hw[parent]));
}

void fx_add_queues(struct fx *fx, unsigned int slot, uint16_t dev_class, unsigned int parent)
{
	fx_add(fx, slot,
	       FX_DEV(dev_class, .parent = parent == FX_WHOLE ? NULL : fx->hw[parent],
		      .nr_dedicated = 1, .nr_shared = cpus_carry(dev_class)));
}

void fx_add_mute(struct fx *fx, unsigned int slot)
{
	fx_add(fx, slot, FX_DEV(IOASID_CLASS_PDEV_PASID, .mute = true));
}

void fx_unplug(struct fx *fx, unsigned int slot)
{
	fx->env.home->unplug(fx->hw[slot]);
	fx->hw[slot] = NULL;
}

struct ioasid_dev *fx_handle(struct fx *fx, unsigned int slot)
{
	char name[16];

	snprintf(name, sizeof(name), "dev%u", slot);
	assert_int_equal(ioasid_dev_open(fx->ctx[0], name, &fx->dev[slot]), 0);
	return fx->dev[slot];
}

struct ioasid_dev *fx_bind_to(struct fx *fx, unsigned int slot, unsigned int ctx)
{
	struct ioasid_dev *dev = fx_handle(fx, slot);

	assert_int_equal(ioasid_dev_bind(dev, fx->ctx[ctx], FX_COOKIE(slot)), 0);
	return dev;
}

struct ioasid_dev *fx_bind(struct fx *fx, unsigned int slot)
{
	return fx_bind_to(fx, slot, 0);
}

void fx_dev_close(struct fx *fx, unsigned int slot)
{
	ioasid_dev_close(fx->dev[slot]);
	fx->dev[slot] = NULL;
}

/* ---- address spaces ---------------------------------------------------------------------------- */

uint32_t fx_kernel(struct fx *fx)
{
	uint32_t ioasid;

	assert_int_equal(ioasid_alloc_kernel(fx->ctx[0], &ioasid), 0);
	return ioasid;
}

uint32_t fx_child(struct fx *fx, uint32_t parent)
{
	uint32_t ioasid;

	assert_int_equal(ioasid_alloc_child(fx->ctx[0], parent, &ioasid), 0);
	return ioasid;
}

uint32_t fx_gpa_space(struct fx *fx)
{
	uint32_t ioasid = fx_kernel(fx);

	assert_int_equal(
		ioasid_map(fx->ctx[0], ioasid, FX_GPA, (uintptr_t)fx->g.ram, fx->g.size, FX_RW), 0);
	return ioasid;
}

struct ioasid_table fx_table(uint64_t root)
{
	return (struct ioasid_table){
		.format = IOASID_FORMAT_VTD_FS,
		.levels = 4,
		.address = root,
	};
}

uint32_t fx_user(struct fx *fx, uint32_t parent, uint64_t root)
{
	struct ioasid_table table = fx_table(root);
	uint32_t ioasid;

	assert_int_equal(ioasid_alloc_user_table(fx->ctx[0], parent, root ? &table : NULL, &ioasid),
			 0);
	return ioasid;
}

void fx_map_page(struct fx *fx, uint32_t ioasid, uint64_t iova, size_t data_page)
{
	assert_int_equal(ioasid_map(fx->ctx[0], ioasid, iova,
				    (uintptr_t)fx->g.ram + data_page * GUEST_PAGE, GUEST_PAGE,
				    FX_RW),
			 0);
}

uint32_t fx_space_at(struct fx *fx, unsigned int ctx, size_t page)
{
	uint32_t ioasid;

	assert_int_equal(ioasid_alloc_kernel(fx->ctx[ctx], &ioasid), 0);
	assert_int_equal(ioasid_map(fx->ctx[ctx], ioasid, FX_IOVA,
				    (uintptr_t)fx->g.ram + page * GUEST_PAGE, GUEST_PAGE, FX_RW),
			 0);
	return ioasid;
}

/* ---- information ------------------------------------------------------------------------------- */

struct ioasid_info fx_info(struct fx *fx, unsigned int ctx)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(fx->ctx[ctx], NULL, 0, &info), 0);
	return info;
}

struct ioasid_device_info fx_dev_info(struct fx *fx, unsigned int slot)
{
	struct ioasid_device_info info = { 0 };

	assert_int_equal(ioasid_dev_get_info(fx->dev[slot], &info), 0);
	return info;
}

/* ---- DMA ------------------------------------------------------------------------------------------ */

int fx_dma(struct fx *fx, unsigned int slot, struct conf_dma *dma)
{
	return fx->env.home->dma(fx->hw[slot], dma);
}

static void fail_at(const char *file, int line, const char *what, uint64_t addr, int rc,
		    uint32_t reason)
{
	printf("# %s:%d: DMA at %#lx: %s (rc %d, %s)\n", file, line, addr, what, rc,
	       ioasid_strreason(reason));
	_fail(file, line);
}

static void intact_at(struct fx *fx, uint64_t addr, const char *file, int line)
{
	size_t page;

	if (guest_data_intact(&fx->g, &page))
		return;
	printf("# %s:%d: data page %zu is not what it should be\n", file, line, page);
	fail_at(file, line, "memory differs", addr, 0, 0);
}

static void read_at(struct fx *fx, unsigned int slot, uint32_t pasid, uint64_t addr, size_t page,
		    const char *file, int line)
{
	uint64_t got = 0;
	struct conf_dma dma = {
		.op = CONF_READ,
		.addr = addr,
		.pasid = pasid,
		.buf = &got,
		.len = 8,
		.target = fx->g.ram + page * GUEST_PAGE,
	};
	int rc = fx_dma(fx, slot, &dma);

	if (rc)
		fail_at(file, line, "read blocked", addr, rc, dma.reason);
	if (memcmp(&got, fx->g.shadow + page * GUEST_PAGE, 8))
		fail_at(file, line, "read something else", addr, rc, 0);
}

void fx_dma_lands_at(struct fx *fx, unsigned int slot, uint32_t pasid, uint64_t addr, size_t page,
		     const char *file, int line)
{
	static uint64_t serial = 0x5e41a10000000000ULL;
	uint64_t value = ++serial, add = 1;
	struct conf_dma dma = {
		.op = CONF_WRITE,
		.addr = addr,
		.pasid = pasid,
		.buf = &value,
		.len = 8,
		.target = fx->g.ram + page * GUEST_PAGE,
	};
	int rc = fx_dma(fx, slot, &dma);

	if (rc)
		fail_at(file, line, "write blocked", addr, rc, dma.reason);
	memcpy(fx->g.shadow + page * GUEST_PAGE, &value, 8);
	intact_at(fx, addr, file, line);
	read_at(fx, slot, pasid, addr, page, file, line);
	dma.op = CONF_FETCH_ADD;
	dma.buf = &add;
	rc = fx_dma(fx, slot, &dma);
	if (rc || add != value)
		fail_at(file, line, "atomic failed", addr, rc, dma.reason);
	*(uint64_t *)(void *)(fx->g.shadow + page * GUEST_PAGE) = value + 1;
	serial++;
	intact_at(fx, addr, file, line);
}

static void blocked_at(struct fx *fx, unsigned int slot, enum conf_op op, uint32_t pasid,
		       uint64_t addr, int reason, const char *file, int line)
{
	uint64_t value = 0xbadbadbadbadbadULL;
	struct conf_dma dma = {
		.op = op,
		.addr = addr,
		.pasid = pasid,
		.buf = &value,
		.len = 8,
	};
	int rc = fx_dma(fx, slot, &dma);

	if (rc != -EFAULT)
		fail_at(file, line, "should be blocked", addr, rc, 0);
	if (reason == IOASID_REASON_NO_ROUTE && pasid == CONF_RID && fx->env.home->host_space &&
	    dma.reason == IOASID_REASON_NOT_PRESENT)
		reason = -1;
	if (reason >= 0 && dma.reason != (uint32_t)reason)
		fail_at(file, line, "blocked for another reason", addr, rc, dma.reason);
	if (op == CONF_READ && value != 0xbadbadbadbadbadULL)
		fail_at(file, line, "blocked and yet data arrived", addr, rc, dma.reason);
	intact_at(fx, addr, file, line);
}

void fx_dma_reads_at(struct fx *fx, unsigned int slot, uint32_t pasid, uint64_t addr, size_t page,
		     const char *file, int line)
{
	read_at(fx, slot, pasid, addr, page, file, line);
	blocked_at(fx, slot, CONF_WRITE, pasid, addr, IOASID_REASON_PERMISSION, file, line);
	blocked_at(fx, slot, CONF_FETCH_ADD, pasid, addr, IOASID_REASON_PERMISSION, file, line);
}

void fx_dma_blocked_at(struct fx *fx, unsigned int slot, uint32_t pasid, uint64_t addr, int reason,
		       const char *file, int line)
{
	blocked_at(fx, slot, CONF_READ, pasid, addr, reason, file, line);
	blocked_at(fx, slot, CONF_WRITE, pasid, addr, reason, file, line);
	blocked_at(fx, slot, CONF_FETCH_ADD, pasid, addr, reason, file, line);
}

/* ---- refusals --------------------------------------------------------------------------------------- */

/* On machines of up to this width all entries of all functions are looked at around each refusal. */
#define SNAP_BITS 8

static void print_tables(struct fx *fx, FILE *out)
{
	unsigned int slot, n, numbers = 1U << fx->machine->pasid_bits;
	struct conf_entry e;

	for (slot = 0; slot < FX_DEVICES; slot++) {
		for (n = 0; fx->hw[slot] && n < numbers; n++) {
			e = fx_entry(fx, slot, n ? n : CONF_RID);
			if (e.present)
				fprintf(out, "entry of %u: %d leads to %#lx\n", slot,
					(int)(n ? n : CONF_RID), e.table);
		}
	}
}

void fx_snap(struct fx *fx, struct snap *snap)
{
	FILE *out = open_memstream(&snap->text, &snap->size);
	unsigned int i, bits = fx->machine->pasid_bits;

	assert_non_null(out);
	for (i = 0; i < FX_CONTEXTS; i++) {
		struct snap one;

		if (!fx->ctx[i])
			continue;
		snap_take(&one, fx->ctx[i]);
		fprintf(out, "context %u\n%s", i, one.text);
		snap_free(&one);
	}
	if (fx->env.home->walk && bits && bits <= SNAP_BITS)
		print_tables(fx, out);
	fclose(out);
}

void fx_refused(int rc, int expected, struct snap *before, struct snap *after, const char *call,
		const char *file, int line)
{
	bool same = !strcmp(before->text, after->text);

	if (rc != expected)
		printf("# %s:%d: %s: %d (%s), expected %d (%s)\n", file, line, call, rc,
		       strerror(-rc), expected, strerror(-expected));
	if (!same)
		printf("# %s:%d: %s was refused and changed something\n%s-- became\n%s", file, line,
		       call, before->text, after->text);
	snap_free(before);
	snap_free(after);
	if (rc != expected || !same)
		_fail(file, line);
}

uint32_t fx_refusal(struct fx *fx, unsigned int slot)
{
	struct ioasid_device_info info = { 0 };

	assert_int_equal(ioasid_dev_get_info(fx->dev[slot], &info), 0);
	return info.last_refusal;
}

/* ---- faults -------------------------------------------------------------------------------------------- */

struct ioasid_fault fx_fault_wait(struct fx *fx)
{
	uint64_t end = now_ms() + fx_patience(2000);
	struct ioasid_fault fault;
	int rc;

	do {
		rc = ioasid_fault_read(fx->ctx[0], &fault, 1);
		if (rc == 1)
			return fault;
		assert_int_equal(rc, -EAGAIN);
		usleep(200);
	} while (now_ms() < end);
	fail_msg("no fault record in time");
	abort();
}

void fx_fault_none(struct fx *fx)
{
	struct ioasid_fault fault;

	assert_int_equal(ioasid_fault_read(fx->ctx[0], &fault, 1), -EAGAIN);
}

void fx_answered_at(struct fx *fx, unsigned int slot, uint32_t group, uint32_t code,
		    const char *file, int line)
{
	uint64_t end = now_ms() + fx_patience(2000);
	uint32_t g, c;

	while (!fx->env.home->response(fx->hw[slot], &g, &c)) {
		if (now_ms() >= end) {
			printf("# %s:%d: group %u not answered\n", file, line, group);
			_fail(file, line);
		}
		usleep(200);
	}
	if (g == group && c == code)
		return;
	printf("# %s:%d: group %u answered %u, expected group %u answered %u\n", file, line, g, c,
	       group, code);
	_fail(file, line);
}

static void *async_thread(void *arg)
{
	struct fx_async *a = arg;

	a->rc = fx_dma(a->fx, a->slot, &a->dma);
	__atomic_store_n(&a->done, true, __ATOMIC_RELEASE);
	return NULL;
}

void fx_async_start(struct fx *fx, struct fx_async *a, unsigned int slot, enum conf_op op,
		    uint32_t pasid, uint64_t addr)
{
	pthread_t thread;

	*a = (struct fx_async){
		.fx = fx,
		.slot = slot,
		.data = 0xa51c000000000000ULL + addr,
		.dma = { .op = op, .addr = addr, .pasid = pasid, .len = 8, .page_request = true },
	};
	a->dma.buf = &a->data;
	assert_int_equal(pthread_create(&thread, NULL, async_thread, a), 0);
	a->thread = thread;
}

int fx_async_join(struct fx_async *a)
{
	uint64_t end = now_ms() + fx_patience(10000);

	while (!__atomic_load_n(&a->done, __ATOMIC_ACQUIRE)) {
		if (now_ms() >= end) {
			/* Its buffer is on the stack of a test that would go on: end the program. */
			printf("not ok - a DMA hangs\n");
			abort();
		}
		usleep(200);
	}
	pthread_join(a->thread, NULL);
	return a->rc;
}

void fx_on_cpu(int cpu)
{
	int i, n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	CPU_ZERO(&set);
	for (i = 0; i < n; i++) {
		if (cpu < 0 || cpu >= n || i == cpu)
			CPU_SET(i, &set);
	}
	(void)sched_setaffinity(0, sizeof(set), &set);
}
