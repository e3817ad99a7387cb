// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A host with numbers of all kinds, for ioasidctl to draw: hybrid SOCKET SCENE [NAME].
 *
 *	hybrid	a whole function and a slice of another in one context, with CPU translation; a slice of
 *		the same parent in a second one, which still may send a number; a slice nobody has.
 *		With NAME the whole function is called that
 *	many	one function, 4100 numbers that lead to one address space, translated by the CPU
 *	spread	the same, to 4100 address spaces
 *	empty	nothing
 *
 * Prints a line per thing that the reader cannot know ("name number"), then "ready", and stays until its
 * standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ioasid/vcpu.h>

#include "core/core.h"
#include "inproc/private.h"

#define SPLIT 1024U
#define MANY  4100U /* more than one step of a dump has */
#define RW    (IOASID_MAP_READ | IOASID_MAP_WRITE)

#define must(call)                                                                       \
	({                                                                               \
		long _rc = (long)(call);                                                 \
		if (_rc < 0) {                                                           \
			fprintf(stderr, "hybrid: %s: %s\n", #call, strerror((int)-_rc)); \
			exit(1);                                                         \
		}                                                                        \
		_rc;                                                                     \
	})

static struct ioasid_host *host;
static uint8_t memory[2 * 4096] __attribute__((aligned(4096)));

static void say(const char *name, unsigned int number)
{
	printf("%s %u\n", name, number);
}

/* ---- devices ---------------------------------------------------------------------------------------- */

/* Work with the number is on its way, and stays there. */
static int slow_drain(void *opaque, uint32_t pasid)
{
	return -EINPROGRESS;
}

static struct ioasid_hostdev *plug(const char *name, uint32_t dev_class, uint16_t rid,
				   struct ioasid_hostdev *parent)
{
	static const struct ioasid_hostdev_ops ops = { .drain = slow_drain };
	const struct ioasid_hostdev_config c = {
		.size = sizeof(c),
		.name = name,
		.rid = rid,
		.dev_class = dev_class,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
		.parent = parent,
		.ops = dev_class == IOASID_CLASS_MDEV_PASID ? &ops : NULL,
		.kept_first = parent ? 0 : 100,
		.kept_last = parent ? 0 : 120,
	};
	struct ioasid_hostdev *dev;

	must(ioasid_hostdev_create(host, &c, &dev));
	return dev;
}

static struct ioasid_dev *bind_to(struct ioasid *ctx, const char *name, uint64_t cookie)
{
	struct ioasid_dev *dev;

	must(ioasid_dev_open(ctx, name, &dev));
	must(ioasid_dev_bind(dev, ctx, cookie));
	return dev;
}

static void say_wire(const char *name, struct ioasid_hostdev *dev, uint32_t vpasid)
{
	uint32_t wire;

	must(ioasid_hostdev_ppasid(dev, vpasid, &wire));
	say(name, wire);
}

static void say_default(const char *name, struct ioasid_hostdev *dev)
{
	say(name, ioasid_device_rid_pasid(dev->core).val);
}

/* ---- contexts --------------------------------------------------------------------------------------- */

static struct ioasid *open_context(uint32_t *gpa)
{
	struct ioasid *ctx;

	must(ioasid_open("inproc:hybrid", &ctx));
	must(ioasid_alloc_kernel(ctx, gpa));
	must(ioasid_map(ctx, *gpa, 0x100000, (uintptr_t)memory, sizeof(memory), RW));
	return ctx;
}

static void translate(struct ioasid *ctx)
{
	struct ioasid_vcpu *vcpu;
	struct ioasid_vm *vm;

	must(ioasid_vm_create(host, &vm));
	must(ioasid_vcpu_create(vm, &vcpu));
	must(ioasid_cpu_pasid_enable(ctx, ioasid_vm_fd(vm)));
}

static void make_global(struct ioasid *ctx, uint32_t split)
{
	must(ioasid_set_hwid_mode(ctx, IOASID_MODE_GLOBAL));
	must(ioasid_hwid_set_global_min(ctx, split));
}

/* Number 5 on both devices and for the CPU, 6 on one of them; 7 is to come. */
static void make_first(const char *name, struct ioasid_hostdev *whole, struct ioasid_hostdev *slice)
{
	struct ioasid_dev *acc, *par;
	uint32_t gpa, process, later;
	struct ioasid *ctx = open_context(&gpa);

	acc = bind_to(ctx, name, 0x11);
	par = bind_to(ctx, "par.0", 0x12);
	make_global(ctx, SPLIT);
	must(ioasid_hwid_set_promised_width(ctx, 10));
	must(ioasid_dev_attach(acc, gpa, 0));
	must(ioasid_dev_attach(par, gpa, 0));
	must(ioasid_alloc_user_table(ctx, gpa, NULL, &process));
	must(ioasid_alloc_user_table(ctx, gpa, NULL, &later));
	must(ioasid_dev_attach_pasid(acc, process, 0, 0));
	must(ioasid_dev_attach_pasid(par, process, 0, 0));
	must(ioasid_dev_attach_pasid(par, later, 0, 0));
	must(ioasid_set_hwid(ctx, process, 5));
	must(ioasid_set_hwid_dev(ctx, process, 6, 0x11));
	translate(ctx);
	must(ioasid_cpu_pasid_map(ctx, 5));
	say_wire("global5", slice, 5);
	say_wire("local5", whole, 5);
	say_default("default0", slice);
}

/* Number 5 as well; 9 was, and its device still sends it. */
static void make_second(struct ioasid_hostdev *slice)
{
	struct ioasid_dev *par;
	uint32_t gpa;
	struct ioasid *ctx = open_context(&gpa);

	par = bind_to(ctx, "par.1", 0x12);
	must(ioasid_dev_attach_pasid(par, gpa, 5, 0));
	must(ioasid_set_hwid(ctx, gpa, 9));
	say_wire("own5", slice, 5);
	say_wire("pending", slice, 9);
	must(ioasid_clear_hwid(ctx, gpa, 9));
	say_default("default1", slice);
}

static void scene_hybrid(const char *name)
{
	struct ioasid_hostdev *acc = plug(name, IOASID_CLASS_PDEV_DMWR, 0x100, NULL);
	struct ioasid_hostdev *par = plug("par", IOASID_CLASS_PDEV_DMWR, 0x108, NULL);
	struct ioasid_hostdev *first = plug("par.0", IOASID_CLASS_MDEV_DMWR, 0, par);
	struct ioasid_hostdev *second = plug("par.1", IOASID_CLASS_MDEV_PASID, 0, par);

	plug("par.2", IOASID_CLASS_MDEV_DMWR, 0, par);
	make_first(name, acc, first);
	make_second(second);
}

static void scene_many(bool spread)
{
	struct ioasid_dev *dev;
	uint32_t gpa, process, i;
	struct ioasid *ctx = open_context(&gpa);

	plug("acc", IOASID_CLASS_PDEV_DMWR, 0x100, NULL);
	dev = bind_to(ctx, "acc", 0x11);
	make_global(ctx, 2 * MANY);
	translate(ctx);
	for (i = 0; i < MANY; i++) {
		if (!i || spread) {
			must(ioasid_alloc_user_table(ctx, gpa, NULL, &process));
			must(ioasid_dev_attach_pasid(dev, process, 0, 0));
		}
		must(ioasid_set_hwid(ctx, process, 1000 + i));
		must(ioasid_cpu_pasid_map(ctx, 1000 + i));
	}
}

int main(int argc, char **argv)
{
	struct ioasid_host_config c = { .size = sizeof(c) };

	if (argc < 3)
		return 2;
	c.socket_path = argv[1];
	must(ioasid_host_create("hybrid", &c, &host));
	if (!strcmp(argv[2], "hybrid"))
		scene_hybrid(argc > 3 ? argv[3] : "acc");
	else if (!strcmp(argv[2], "many") || !strcmp(argv[2], "spread"))
		scene_many(!strcmp(argv[2], "spread"));
	printf("pid %d\nready\n", getpid());
	fflush(stdout);
	while (getchar() != EOF)
		;
	/* As a program that is killed. */
	_exit(0);
}
