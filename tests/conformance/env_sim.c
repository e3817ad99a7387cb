// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Machines made of ioasid-sim.ko's software IOMMUs, as the conformance suite sees them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/ioasid_sim.h>

#include "os/os.h"
#include "tests/conformance/env_sim.h"

#define LIVE_FILE    "/sys/kernel/debug/ioasid/live"
#define MAX_MACHINES 32

struct conf_dev {
	uint32_t id;
};

/* Machines are kept: the next test that asks for an equal one gets it at once. */
struct sim_machine {
	struct ioasid_sim_iommu config;
	uint32_t iommu;
};

/* What a hold is named by; a pointer to it is the caller's. */
struct sim_hold {
	uint32_t id;
};

static struct sim_machine machines[MAX_MACHINES];
static unsigned int nr_machines;
static int control = -1;
static bool running;

static int command(unsigned long cmd, void *arg)
{
	return ioctl(control, cmd, arg) < 0 ? -errno : 0;
}

/* ---- machines -------------------------------------------------------------------------------- */

static struct ioasid_sim_iommu config_of(const struct conf_machine *machine)
{
	struct ioasid_sim_iommu config = {
		.argsz = sizeof(config),
		.page_sizes = machine->page_sizes,
		.iotlb_entries = machine->cache_entries,
		.pasid_cache_entries = machine->cache_entries,
		.levels = machine->levels,
		.pasid_bits = machine->pasid_bits,
		.ats_timeout_ms = machine->ats_timeout_ms,
		.fault_share = machine->fault_share,
		.test_delay_us = machine->delay_us,
	};

	if (machine->no_nesting)
		config.flags |= IOASID_SIM_NO_NESTING;
	if (machine->no_snoop)
		config.flags |= IOASID_SIM_NO_SNOOP;
	if (machine->first_stage)
		config.flags |= IOASID_SIM_FIRST_STAGE;
	if (machine->no_wait)
		config.flags |= IOASID_SIM_TEST_NO_WAIT;
	if (machine->no_invalidate)
		config.flags |= IOASID_SIM_TEST_NO_INVALIDATE;
	if (machine->no_ad)
		config.flags |= IOASID_SIM_TEST_NO_AD;
	return config;
}

static int machine_make(const struct ioasid_sim_iommu *config, struct sim_machine **machine)
{
	struct ioasid_sim_iommu made = *config;
	unsigned int i;
	int rc;

	for (i = 0; i < nr_machines; i++) {
		if (!memcmp(&machines[i].config, config, sizeof(*config))) {
			*machine = &machines[i];
			return 0;
		}
	}
	if (nr_machines == MAX_MACHINES)
		abort();
	rc = command(IOASID_SIM_IOMMU_CREATE, &made);
	if (rc)
		return rc;
	machines[nr_machines] = (struct sim_machine){ .config = *config, .iommu = made.iommu };
	*machine = &machines[nr_machines++];
	return 0;
}

int sim_start(struct conf_env *env, const struct conf_machine *machine)
{
	struct ioasid_sim_iommu config = config_of(machine);
	struct sim_machine *m;
	int rc;

	if (running)
		return -EOPNOTSUPP; /* all devices of a kernel are one machine's */
	if (control < 0)
		control = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		rc = -errno;
		printf("# /dev/ioasid-sim: %s\n", strerror(errno));
		return rc;
	}
	rc = machine_make(&config, &m);
	if (rc)
		return rc;
	running = true;
	snprintf(env->path, sizeof(env->path), "/dev/ioasid");
	env->priv = m;
	return 0;
}

void sim_stop(struct conf_env *env)
{
	running = false;
	env->priv = NULL;
}

/* ---- devices --------------------------------------------------------------------------------- */

struct conf_dev *sim_plug(struct conf_env *env, const struct conf_dev_spec *spec)
{
	const struct sim_machine *m = env->priv;
	struct ioasid_sim_device args = {
		.argsz = sizeof(args),
		.iommu = spec->dev_class == IOASID_CLASS_SW_MDEV ? IOASID_SIM_NONE : m->iommu,
		.dev_class = spec->dev_class,
		.pasid_bits = spec->pasid_bits,
		.group = spec->group,
		.pri_capacity = spec->pri_capacity,
	};
	struct conf_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	if (spec->ats || spec->pri)
		args.flags |= IOASID_SIM_ATS;
	if (spec->pri)
		args.flags |= IOASID_SIM_PRI;
	if (spec->mute)
		args.flags |= IOASID_SIM_ATS | IOASID_SIM_MUTE;
	snprintf(args.name, sizeof(args.name), "%s", spec->name);
	if (command(IOASID_SIM_DEVICE_CREATE, &args)) {
		free(dev);
		return NULL;
	}
	dev->id = args.device;
	return dev;
}

void sim_unplug(struct conf_dev *dev)
{
	struct ioasid_sim_object args = { .argsz = sizeof(args), .id = dev->id };
	int rc = command(IOASID_SIM_DEVICE_DESTROY, &args);

	if (rc)
		printf("# a device cannot be taken away: %s\n", strerror(-rc));
	free(dev);
}

/* ---- requests -------------------------------------------------------------------------------- */

int sim_dma(struct conf_dev *dev, struct conf_dma *dma)
{
	static const uint32_t ops[] = {
		[CONF_READ] = IOASID_SIM_READ,
		[CONF_WRITE] = IOASID_SIM_WRITE,
		[CONF_FETCH_ADD] = IOASID_SIM_FETCH_ADD,
	};
	struct ioasid_sim_dma args = {
		.argsz = sizeof(args),
		.device = dev->id,
		.op = ops[dma->op],
		.addr = dma->addr,
		.data = (uintptr_t)dma->buf,
		.length = (uint32_t)dma->len,
		.pasid = dma->pasid,
	};
	int rc;

	if (dma->page_request)
		args.flags |= IOASID_SIM_DMA_PAGE_REQUEST;
	if (dma->no_report)
		args.flags |= IOASID_SIM_DMA_NO_REPORT;
	rc = command(IOASID_SIM_DMA, &args);
	if (rc)
		return rc;
	dma->page_requests = args.page_requests;
	if (!args.blocked)
		return 0;
	dma->reason = args.reason;
	dma->fault_addr = args.fault_addr;
	return -EFAULT;
}

int sim_page_request(struct conf_dev *dev, uint32_t pasid, uint64_t addr, bool write,
		     uint32_t group, bool last)
{
	struct ioasid_sim_request args = {
		.argsz = sizeof(args),
		.flags = write ? IOASID_SIM_REQ_WRITE : IOASID_SIM_REQ_READ,
		.device = dev->id,
		.pasid = pasid,
		.addr = addr,
		.group = group,
	};

	if (last)
		args.flags |= IOASID_SIM_REQ_LAST;
	return command(IOASID_SIM_PAGE_REQUEST, &args);
}

bool sim_response(struct conf_dev *dev, uint32_t *group, uint32_t *code)
{
	struct ioasid_sim_response args = { .argsz = sizeof(args), .device = dev->id };

	if (command(IOASID_SIM_RESPONSE, &args))
		return false;
	*group = args.group;
	*code = args.code;
	return true;
}

bool sim_translate(struct conf_dev *dev, uint32_t pasid, uint64_t addr)
{
	struct ioasid_sim_request args = {
		.argsz = sizeof(args),
		.flags = IOASID_SIM_REQ_READ,
		.device = dev->id,
		.pasid = pasid,
		.addr = addr,
	};

	return !command(IOASID_SIM_TRANSLATE, &args) && args.granted;
}

void *sim_hold(struct conf_dev *dev, uint32_t pasid, uint64_t addr, size_t len)
{
	struct ioasid_sim_hold args = {
		.argsz = sizeof(args),
		.device = dev->id,
		.pasid = pasid,
		.addr = addr,
		.length = (uint32_t)len,
	};
	struct sim_hold *hold = malloc(sizeof(*hold));

	if (!hold || command(IOASID_SIM_HOLD, &args)) {
		free(hold);
		return NULL;
	}
	hold->id = args.hold;
	return hold;
}

void sim_release(void *opaque)
{
	struct sim_hold *hold = opaque;
	struct ioasid_sim_object args = { .argsz = sizeof(args), .id = hold->id };
	int rc = command(IOASID_SIM_RELEASE, &args);

	if (rc)
		printf("# a hold cannot be released: %s\n", strerror(-rc));
	free(hold);
}

/* ---- counters -------------------------------------------------------------------------------- */

static uint64_t *counter(struct conf_live *live, const char *name)
{
	const struct {
		const char *name;
		uint64_t *value;
	} all[] = {
		{ "contexts", &live->contexts }, { "devices", &live->devices },
		{ "ioasids", &live->ioasids },	 { "domains", &live->domains },
		{ "routes", &live->routes },	 { "pinned_bytes", &live->pinned_bytes },
	};
	unsigned int i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!strcmp(all[i].name, name))
			return all[i].value;
	}
	return NULL;
}

/* A file that is not there, or lacks a counter, would let every leak pass: that ends the run. */
static void read_counters(struct conf_live *live)
{
	FILE *file = fopen(LIVE_FILE, "re");
	unsigned long long value;
	unsigned int seen = 0;
	char name[32];

	while (file && fscanf(file, "%31s %llu", name, &value) == 2) {
		uint64_t *to = counter(live, name);

		if (to) {
			*to = value;
			seen++;
		}
	}
	if (file)
		fclose(file);
	if (seen == 6)
		return;
	printf("not ok - %s has %u of 6 counters\n", LIVE_FILE, seen);
	exit(1);
}

void sim_live(struct conf_env *env, struct conf_live *live)
{
	const struct sim_machine *m = env->priv;
	struct ioasid_sim_stats stats = { .argsz = sizeof(stats), .iommu = m->iommu };

	memset(live, 0, sizeof(*live));
	read_counters(live);
	if (command(IOASID_SIM_STATS, &stats)) {
		printf("not ok - the software IOMMU does not tell its counters\n");
		exit(1);
	}
	live->table_pages = stats.table_pages;
	live->holds = stats.holds;
}

long sim_allocations(void)
{
	return os_alloc_live();
}
