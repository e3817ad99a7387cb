// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Machines made of ioasid-sim.ko's software IOMMUs, as the conformance suite sees them. */
#include <dirent.h>
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
#define SPLIT_FILE   "/sys/module/ioasid/parameters/host_split"
#define DEF_SPLIT    32768
#define NODES	     "/dev/ioasid-devices/"
#define MAX_MACHINES 32

struct conf_dev {
	uint32_t id;
	char node[96];
};

/* The descriptor is the VM. */
struct conf_vm {
	int fd;
};

struct conf_vcpu {
	int vm;
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

/*
 * Where numbers of the whole host begin is one thing for all machines of a kernel, and changes only while
 * none is out: those of the case before may be on their way back.
 */
static int split_set(unsigned int split)
{
	unsigned int tries = 0;
	ssize_t n;
	char text[16];
	int fd = open(SPLIT_FILE, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	snprintf(text, sizeof(text), "%u", split ? split : DEF_SPLIT);
	do {
		n = pwrite(fd, text, strlen(text), 0);
		rc = n < 0 ? -errno : 0;
	} while (rc == -EBUSY && ++tries < 2000 && !usleep(1000));
	close(fd);
	return rc;
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
	rc = split_set(machine->host_split);
	if (rc)
		printf("# %s: %s\n", SPLIT_FILE, strerror(-rc));
	if (!rc)
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

static uint32_t device_flags(const struct conf_dev_spec *spec)
{
	uint32_t flags = 0;

	if (spec->ats || spec->pri)
		flags |= IOASID_SIM_ATS;
	if (spec->pri)
		flags |= IOASID_SIM_PRI;
	if (spec->mute)
		flags |= IOASID_SIM_ATS | IOASID_SIM_MUTE;
	return flags;
}

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
		.parent = spec->parent ? spec->parent->id : 0,
		.mode = spec->mode,
		.kept_first = spec->kept_first,
		.kept_last = spec->kept_last,
		.nr_dedicated = spec->nr_dedicated,
		.nr_shared = spec->nr_shared,
		.queue_size = spec->queue_size,
	};
	struct conf_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	/* A slice has its parent's device TLB, page requests and group. */
	if (spec->parent) {
		args.group = IOASID_SIM_NONE;
		args.pri_capacity = 0;
	} else {
		args.flags = device_flags(spec);
	}
	snprintf(args.name, sizeof(args.name), "%s", spec->name);
	if (command(IOASID_SIM_DEVICE_CREATE, &args)) {
		free(dev);
		return NULL;
	}
	dev->id = args.device;
	snprintf(dev->node, sizeof(dev->node), NODES "%.63s", args.name);
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

int sim_host_use(struct conf_dev *dev, bool use)
{
	struct ioasid_sim_host_use args = { .argsz = sizeof(args), .device = dev->id, .use = use };

	return command(IOASID_SIM_HOST_USE, &args);
}

/* ---- tables in memory ------------------------------------------------------------------------ */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 29;
}

int sim_walk(struct conf_dev *dev, uint32_t pasid, struct conf_entry *entry)
{
	struct ioasid_sim_walk args = { .argsz = sizeof(args), .device = dev->id, .pasid = pasid };
	int rc = command(IOASID_SIM_WALK, &args);

	if (rc)
		return rc;
	entry->present = args.leads != IOASID_SIM_LEADS_NOWHERE;
	/* What a process's memory is known by here is its domain number alone. */
	entry->table = mix(mix(mix(args.leads, args.first), args.second),
			   args.leads == IOASID_SIM_LEADS_PROCESS ? args.did : 0);
	return 0;
}

/* ---- work queues ----------------------------------------------------------------------------- */

/* One access through @fd. Return: 0; -errno; 1: @fd is another file. */
static int register_io(int fd, const char *node, uint32_t offset, uint32_t *value, bool write)
{
	char self[64], path[128];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	n = readlink(self, path, sizeof(path) - 1);
	if (n < 0)
		return 1;
	path[n] = '\0';
	if (strcmp(path, node))
		return 1;
	n = write ? pwrite(fd, value, sizeof(*value), offset) :
		    pread(fd, value, sizeof(*value), offset);
	return n == (ssize_t)sizeof(*value) ? 0 : n < 0 ? -errno : -EIO;
}

/* Of a device that nobody has bound. */
static int register_command(struct conf_dev *dev, uint32_t offset, uint32_t *value, bool write)
{
	struct ioasid_sim_wq_register args = {
		.argsz = sizeof(args),
		.flags = write ? IOASID_SIM_WQ_WRITE : 0,
		.device = dev->id,
		.offset = offset,
		.value = *value,
	};
	int rc = command(IOASID_SIM_WQ_REGISTER, &args);

	if (!rc && !write)
		*value = args.value;
	return rc;
}

/*
 * Registers answer to the descriptor that bound the device, which is somewhere among ours: all
 * others of the node are EINVAL.
 */
static int register_access(struct conf_dev *dev, uint32_t offset, uint32_t *value, bool write)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *entry;
	int rc = -EINVAL;

	while (fds && rc == -EINVAL && (entry = readdir(fds))) {
		int one = register_io(atoi(entry->d_name), dev->node, offset, value, write);

		rc = one <= 0 ? one : rc;
	}
	if (fds)
		closedir(fds);
	return rc == -EINVAL ? register_command(dev, offset, value, write) : rc;
}

int sim_wq_read(struct conf_dev *dev, uint32_t offset, uint32_t *value)
{
	*value = 0;
	return register_access(dev, offset, value, false);
}

int sim_wq_write(struct conf_dev *dev, uint32_t offset, uint32_t value)
{
	return register_access(dev, offset, &value, true);
}

int sim_wq_store(struct conf_dev *dev, uint32_t queue, uint32_t offset, const void *data,
		 size_t len, enum conf_store how)
{
	static const uint32_t kinds[] = {
		[CONF_STORE_PLAIN] = IOASID_SIM_STORE_PLAIN,
		[CONF_STORE_MOVDIR64B] = IOASID_SIM_STORE_MOVDIR64B,
		[CONF_STORE_DMWR] = IOASID_SIM_STORE_DMWR,
	};
	struct ioasid_sim_wq_store args = {
		.argsz = sizeof(args),
		.device = dev->id,
		.queue = queue,
		.offset = offset,
		.how = kinds[how],
		.data = (uintptr_t)data,
		.length = (uint32_t)len,
	};
	int rc = command(IOASID_SIM_WQ_STORE, &args);

	return rc ? rc : (int)args.taken;
}

unsigned int sim_wq_run(struct conf_dev *dev, unsigned int n)
{
	struct ioasid_sim_wq_run args = { .argsz = sizeof(args), .device = dev->id, .max = n };
	int rc = command(IOASID_SIM_WQ_RUN, &args);

	if (rc)
		printf("# an engine does not run: %s\n", strerror(-rc));
	return rc ? 0 : args.done;
}

/* ---- VMs --------------------------------------------------------------------------------------- */

struct conf_vm *sim_vm_create(struct conf_env *env)
{
	struct ioasid_sim_vm args = { .argsz = sizeof(args) };
	struct conf_vm *vm = calloc(1, sizeof(*vm));

	(void)env;
	if (!vm || command(IOASID_SIM_VM_CREATE, &args)) {
		free(vm);
		return NULL;
	}
	vm->fd = args.fd;
	return vm;
}

void sim_vm_destroy(struct conf_vm *vm)
{
	close(vm->fd);
	free(vm);
}

int sim_vm_fd(struct conf_vm *vm)
{
	return vm->fd;
}

struct conf_vcpu *sim_vcpu_create(struct conf_vm *vm)
{
	struct ioasid_sim_vcpu args = { .argsz = sizeof(args) };
	struct conf_vcpu *vcpu = calloc(1, sizeof(*vcpu));

	if (!vcpu || ioctl(vm->fd, IOASID_SIM_VCPU_CREATE, &args)) {
		free(vcpu);
		return NULL;
	}
	vcpu->vm = vm->fd;
	vcpu->id = args.vcpu;
	return vcpu;
}

void sim_vcpu_destroy(struct conf_vcpu *vcpu)
{
	struct ioasid_sim_object args = { .argsz = sizeof(args), .id = vcpu->id };

	if (ioctl(vcpu->vm, IOASID_SIM_VCPU_DESTROY, &args))
		printf("# a vCPU cannot be taken away: %s\n", strerror(errno));
	free(vcpu);
}

int sim_wrmsr_pasid(struct conf_vcpu *vcpu, uint64_t value)
{
	struct ioasid_sim_wrmsr args = { .argsz = sizeof(args), .vcpu = vcpu->id, .value = value };

	return ioctl(vcpu->vm, IOASID_SIM_WRMSR_PASID, &args) ? -errno : 0;
}

enum conf_enqcmd_result sim_enqcmd(struct conf_vcpu *vcpu, struct conf_dev *dev, uint32_t queue,
				   struct conf_enqcmd *insn)
{
	static const enum conf_enqcmd_result results[] = {
		[IOASID_SIM_INSN_RETIRED] = CONF_ENQCMD_RETIRED,
		[IOASID_SIM_INSN_GP] = CONF_ENQCMD_GP,
		[IOASID_SIM_INSN_EXIT] = CONF_ENQCMD_EXIT,
	};
	struct ioasid_sim_enqcmd args = {
		.argsz = sizeof(args),
		.flags = insn->supervisor ? IOASID_SIM_ENQCMD_SUPERVISOR : 0,
		.vcpu = vcpu->id,
		.device = dev ? dev->id : IOASID_SIM_NONE,
		.queue = queue,
		.cpl = insn->cpl,
		.offset = insn->offset,
	};

	memcpy(args.data, insn->src, sizeof(args.data));
	if (ioctl(vcpu->vm, IOASID_SIM_ENQCMD, &args)) {
		printf("not ok - a vCPU does not execute: %s\n", strerror(errno));
		exit(1);
	}
	insn->zf = args.zf;
	insn->exit_reason = args.exit_reason;
	insn->vpasid = args.vpasid;
	return results[args.result];
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
