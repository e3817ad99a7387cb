// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A host that serves, for ioasidctl to look into: world SOCKET. Sets of each kind of owner, quotas and
 * limits that refused, numbers that are freed and held by each kind of holder, devices with routes.
 * Prints a line per thing that the reader cannot know ("name number"), then "ready", and stays until its
 * standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ioasid/allocator.h>
#include <ioasid/host.h>
#include <ioasid/ioasid.h>

#include "core/core.h"
#include "inproc/ctx.h"
#include "inproc/private.h"

#define SPLIT 0x9000U
#define RW    (IOASID_MAP_READ | IOASID_MAP_WRITE)
#define ALL   ((1U << 20) - 1)

#define must(call)                                                                      \
	({                                                                              \
		long _rc = (long)(call);                                                \
		if (_rc < 0) {                                                          \
			fprintf(stderr, "world: %s: %s\n", #call, strerror((int)-_rc)); \
			exit(1);                                                        \
		}                                                                       \
		_rc;                                                                    \
	})

static struct ioasid_host *host;
static struct pasid_host *pasids;
static struct ioasid *ctx;
static struct completion go_on;

static void say(const char *name, unsigned int number)
{
	printf("%s %u\n", name, number);
}

/* ---- devices and a context ------------------------------------------------------------------------ */

static struct ioasid_dev *plug(const char *name, uint16_t rid, uint32_t bits)
{
	const struct ioasid_hostdev_config c = {
		.size = sizeof(c),
		.name = name,
		.rid = rid,
		.dev_class = bits ? IOASID_CLASS_PDEV_PASID : IOASID_CLASS_PDEV,
		.pasid_bits = bits,
		.group = IOASID_INVALID,
	};
	struct ioasid_hostdev *dev;
	struct ioasid_dev *handle;

	must(ioasid_hostdev_create(host, &c, &dev));
	must(ioasid_dev_open(ctx, name, &handle));
	return handle;
}

/* Vpasid 5 is in use; 6 was, and the CPU still has it. */
static void make_context(void)
{
	static uint8_t memory[2 * 4096] __attribute__((aligned(4096)));
	struct ioasid_dev *nic, *disk;
	uint32_t ioasid, child;
	struct ioasid_ctx *core;
	u32 id;

	must(ioasid_open("inproc:world", &ctx));
	nic = plug("nic", 0x100, 20);
	disk = plug("disk", 0x108, 0);
	must(ioasid_dev_bind(nic, ctx, 0x11));
	must(ioasid_dev_bind(disk, ctx, 0x12));
	must(ioasid_alloc_kernel(ctx, &ioasid));
	must(ioasid_map(ctx, ioasid, 0x100000, (uintptr_t)memory, sizeof(memory), RW));
	must(ioasid_alloc_user_table(ctx, ioasid, NULL, &child));
	must(ioasid_dev_attach(nic, ioasid, 0));
	must(ioasid_set_hwid_mode_dev(ctx, 0x11, IOASID_MODE_GLOBAL));
	must(ioasid_hwid_set_global_min_dev(ctx, 0x11, SPLIT));
	must(ioasid_dev_attach_pasid(nic, child, 5, 0));
	must(ioasid_set_hwid_dev(ctx, child, 6, 0x11));
	core = ctx_get_by_fd(ioasid_fd(ctx));
	id = pasid_find_by_spid(core->set, 6);
	must(pasid_get(pasids, core->set, id, IOASID_HOLD_CPU));
	must(ioasid_clear_hwid_dev(ctx, child, 6, 0x11));
	say("in_use", pasid_find_by_spid(core->set, 5));
	say("by_cpu", id);
	must(ioasid_set_quota(ctx, 50, true));
	ioasid_ctx_put(core);
}

/* ---- sets of drivers ------------------------------------------------------------------------------- */

static struct ioasid_set *make_set(u32 quota)
{
	struct ioasid_set *set = pasid_set_alloc(pasids, NULL, quota, IOASID_SET_TYPE_NULL);

	must(PTR_ERR_OR_ZERO(set));
	return set;
}

static u32 take(struct ioasid_set *set, struct limit_group *charge)
{
	const struct ioasid_request req = { .min = 1, .max = ALL };
	u32 id;

	must(pasid_alloc(set, &req, charge, &id));
	return id;
}

static void refused(struct ioasid_set *set, u32 first, u32 last, struct limit_group *charge)
{
	const struct ioasid_request req = { .min = first, .max = last };
	u32 id;

	if (!pasid_alloc(set, &req, charge, &id)) {
		fprintf(stderr, "world: not refused\n");
		exit(1);
	}
}

static void hold(struct ioasid_set *set, u32 id, enum ioasid_holder holder, unsigned int times)
{
	while (times--)
		must(pasid_get(pasids, set, id, holder));
}

static void slow_work(struct ioasid_work *work)
{
	wait_for_completion(&go_on);
}

/* Its quota refuses; each kind of holder keeps a number. */
static void make_driver_set(struct limit_group *group)
{
	static struct ioasid_work work;
	struct ioasid_set *set = make_set(5);
	u32 id[5], i;

	for (i = 0; i < 5; i++)
		id[i] = take(set, group);
	refused(set, 1, ALL, NULL);
	must(pasid_attach_spid(pasids, id[0], 77));
	hold(set, id[0], IOASID_HOLD_USER, 2);
	hold(set, id[1], IOASID_HOLD_IOMMU, 1);
	hold(set, id[2], IOASID_HOLD_DEVICE, 3);
	hold(set, id[2], IOASID_HOLD_CPU, 1);
	pasid_init_work(&work, id[3], slow_work);
	if (!pasid_queue_work(pasids, &work))
		exit(1);
	for (i = 0; i < 4; i++)
		pasid_free(pasids, set, id[i]);
	say("by_user", id[0]);
	say("by_iommu", id[1]);
	say("by_device", id[2]);
	say("by_work", id[3]);
}

/* A limit above the group refuses; then the range does in another set; a third is left by its owner. */
static void make_other_sets(struct limit_group *group, struct limit_group *full)
{
	struct ioasid_set *set = make_set(0);
	u32 id;

	refused(set, 1, ALL, full);
	set = make_set(0);
	id = take(set, group);
	refused(set, id, id, NULL);
	set = make_set(0);
	id = take(set, group);
	hold(set, id, IOASID_HOLD_IOMMU, 1);
	pasid_free_all(set);
	pasid_set_destroy(set);
	say("left", id);
}

/* The set of a process, with a handler. */
static int deaf(struct notifier_block *nb, unsigned long event, void *data)
{
	return 0;
}

static void make_process_set(void)
{
	static struct notifier_block nb = { .notifier_call = deaf };
	struct mm_struct *mm = ioasid_mm_create();
	struct ioasid_set *set = pasid_set_alloc(pasids, mm, 0, IOASID_SET_TYPE_MM);

	must(PTR_ERR_OR_ZERO(set));
	must(pasid_register_notifier(pasids, set, &nb));
}

/* ---- limits ----------------------------------------------------------------------------------------- */

static struct limit_group *group_of(const char *path)
{
	const struct ioasid_limit name = {
		.argsz = sizeof(name),
		.flags = IOASID_LIMIT_PATH,
		.path = (uintptr_t)path,
		.path_len = (u32)strlen(path),
	};
	struct limit_group *group = host->machine.ops->limit_find(&host->machine, &name, true);

	must(PTR_ERR_OR_ZERO(group));
	say(path, (unsigned int)group->id);
	return group;
}

int main(int argc, char **argv)
{
	struct ioasid_host_config c = { .size = sizeof(c) };
	struct limit_group *vms, *one, *full;

	if (argc != 2)
		return 2;
	c.socket_path = argv[1];
	init_completion(&go_on);
	must(ioasid_host_create("world", &c, &host));
	pasids = &host->machine.pasids;
	must(ioasid_host_group_create(host, "/vms"));
	must(ioasid_host_group_create(host, "/vms/one"));
	must(ioasid_host_group_create(host, "/vms/full"));
	limit_group_put(group_of("/"));
	vms = group_of("/vms");
	one = group_of("/vms/one");
	full = group_of("/vms/full");
	must(limit_set_max(vms, 40));
	must(limit_set_max(full, 0));
	make_context();
	make_driver_set(one);
	make_other_sets(one, full);
	make_process_set();
	printf("pid %d\nready\n", getpid());
	fflush(stdout);
	while (getchar() != EOF)
		;
	complete_all(&go_on);
	pasid_flush_all_work(pasids);
	/* As a program that is killed: the host's socket is removed by who ends it, here by nobody. */
	_exit(0);
}
