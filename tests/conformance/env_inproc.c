// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The in-process home as the conformance suite sees it. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <ioasid/allocator.h>
#include <ioasid/vcpu.h>
#include <ioasid/wq.h>

#include "formats/vtd.h"
#include "os/os.h"
#include "tests/conformance/env.h"

#define MAX_ANSWERS 2048

struct answer {
	uint32_t group;
	uint32_t code;
};

/**
 * struct conf_dev - a device
 * @hw: its DMA
 * @wq: its work queues, which own @hw then; NULL: it has none
 * @rid: on the wire: a slice's is its parent's
 */
struct conf_dev {
	struct conf_env *env;
	struct ioasid_hostdev *hw;
	struct ioasid_wqdev *wq;
	uint16_t rid;
	pthread_mutex_t lock;
	struct answer answers[MAX_ANSWERS];
	unsigned int head, tail;
};

static void inproc_page_response(void *opaque, uint32_t pasid, uint32_t group, uint32_t code)
{
	struct conf_dev *dev = opaque;

	(void)pasid;
	pthread_mutex_lock(&dev->lock);
	if (dev->head - dev->tail == MAX_ANSWERS)
		abort();
	dev->answers[dev->head++ % MAX_ANSWERS] = (struct answer){ group, code };
	pthread_mutex_unlock(&dev->lock);
}

static const struct ioasid_hostdev_ops device_ops = {
	.page_response = inproc_page_response,
};

/* A mute device has heard of the invalidation and does nothing about it. */
static void mute_invalidate(void *opaque, uint32_t pasid, uint64_t start, uint64_t last,
			    uint32_t tag)
{
	(void)opaque;
	(void)pasid;
	(void)start;
	(void)last;
	(void)tag;
}

static const struct ioasid_hostdev_ops mute_ops = {
	.page_response = inproc_page_response,
	.invalidate = mute_invalidate,
};

static int inproc_start(struct conf_env *env, const struct conf_machine *machine)
{
	struct ioasid_host_config config = {
		.size = sizeof(config),
		.levels = machine->levels,
		.iotlb_entries = machine->cache_entries,
		.pasid_cache_entries = machine->cache_entries,
		.walk_cache_entries = machine->cache_entries,
		.page_sizes = machine->page_sizes,
		.pasid_bits = machine->pasid_bits,
		.fault_share = machine->fault_share,
		.ats_timeout_ms = machine->ats_timeout_ms,
		.test_delay_us = machine->delay_us,
	};
	static unsigned int serial;
	struct ioasid_host *host;
	char name[32];
	int rc;

	if (machine->no_nesting)
		config.flags |= IOASID_HOST_NO_NESTING;
	if (machine->no_snoop)
		config.flags |= IOASID_HOST_NO_SNOOP;
	if (machine->first_stage)
		config.flags |= IOASID_HOST_FIRST_STAGE;
	if (machine->no_wait)
		config.flags |= IOASID_HOST_TEST_NO_WAIT;
	if (machine->no_invalidate)
		config.flags |= IOASID_HOST_TEST_NO_INVALIDATE;
	if (machine->no_ad)
		config.flags |= IOASID_HOST_TEST_NO_AD;
	snprintf(name, sizeof(name), "conf%u", serial++);
	rc = ioasid_host_create(name, &config, &host);
	if (rc)
		return rc;
	if (machine->host_split) {
		rc = ioasid_host_set_pasid_split(host, machine->host_split);
		if (rc) {
			ioasid_host_put(host);
			return rc;
		}
	}
	snprintf(env->path, sizeof(env->path), "inproc:%s", name);
	env->priv = host;
	return 0;
}

static void inproc_stop(struct conf_env *env)
{
	ioasid_host_put(env->priv);
	env->priv = NULL;
}

static struct ioasid_hostdev_config config_of(struct conf_dev *dev,
					      const struct conf_dev_spec *spec)
{
	struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = spec->name,
		.rid = dev->rid,
		.dev_class = spec->dev_class,
		.pasid_bits = spec->pasid_bits,
		.group = spec->group,
		.pri_capacity = spec->pri_capacity,
		.ops = &device_ops,
		.opaque = dev,
		.parent = spec->parent ? spec->parent->hw : NULL,
		.mode = spec->mode,
		.kept_first = spec->kept_first,
		.kept_last = spec->kept_last,
	};

	if (spec->ats || spec->pri)
		config.flags |= IOASID_HOSTDEV_ATS;
	if (spec->pri)
		config.flags |= IOASID_HOSTDEV_PRI;
	if (spec->mute) {
		config.flags |= IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_OWN_DTLB;
		config.ops = &mute_ops;
	}
	return config;
}

static int plug_queues(struct conf_dev *dev, const struct conf_dev_spec *spec,
		       const struct ioasid_hostdev_config *hostdev)
{
	struct ioasid_wqdev_config config = {
		.size = sizeof(config),
		.hostdev = *hostdev,
		.flags = IOASID_WQDEV_MANUAL,
		.nr_dedicated = spec->nr_dedicated,
		.nr_shared = spec->nr_shared,
		.queue_size = spec->queue_size,
	};
	int rc;

	config.hostdev.ops = NULL;
	config.hostdev.opaque = NULL;
	rc = ioasid_wqdev_create(dev->env->priv, &config, &dev->wq);
	if (!rc)
		dev->hw = ioasid_wqdev_hostdev(dev->wq);
	return rc;
}

static struct conf_dev *inproc_plug(struct conf_env *env, const struct conf_dev_spec *spec)
{
	static uint16_t rid;
	struct conf_dev *dev = calloc(1, sizeof(*dev));
	struct ioasid_hostdev_config config;
	int rc;

	if (!dev)
		return NULL;
	dev->env = env;
	dev->rid = spec->parent ? spec->parent->rid : ++rid;
	config = config_of(dev, spec);
	pthread_mutex_init(&dev->lock, NULL);
	rc = spec->nr_dedicated + spec->nr_shared ?
		     plug_queues(dev, spec, &config) :
		     ioasid_hostdev_create(env->priv, &config, &dev->hw);
	if (rc) {
		pthread_mutex_destroy(&dev->lock);
		free(dev);
		return NULL;
	}
	return dev;
}

static void inproc_unplug(struct conf_dev *dev)
{
	if (dev->wq)
		ioasid_wqdev_destroy(dev->wq);
	else
		ioasid_hostdev_destroy(dev->hw);
	pthread_mutex_destroy(&dev->lock);
	free(dev);
}

static int inproc_dma(struct conf_dev *dev, struct conf_dma *dma)
{
	struct ioasid_dma d = { .addr = dma->addr };
	int rc = -EINVAL;

	if (dma->pasid != CONF_RID) {
		d.pasid = dma->pasid;
		d.flags |= IOASID_DMA_PASID;
	}
	if (dma->page_request)
		d.flags |= IOASID_DMA_PAGE_REQUEST;
	if (dma->no_report)
		d.flags |= IOASID_DMA_NO_REPORT;
	switch (dma->op) {
	case CONF_READ:
		rc = ioasid_dma_read(dev->hw, &d, dma->buf, dma->len);
		break;
	case CONF_WRITE:
		rc = ioasid_dma_write(dev->hw, &d, dma->buf, dma->len);
		break;
	case CONF_FETCH_ADD:
		rc = ioasid_dma_atomic(dev->hw, &d, IOASID_ATOMIC_FETCH_ADD, 8,
				       *(uint64_t *)dma->buf, 0, dma->buf);
		break;
	}
	dma->reason = d.reason;
	dma->fault_addr = d.fault_addr;
	dma->page_requests = d.page_requests;
	return rc;
}

static int inproc_page_request(struct conf_dev *dev, uint32_t pasid, uint64_t addr, bool write,
			       uint32_t group, bool last)
{
	struct ioasid_dma d = { .addr = addr, .group = group };

	if (pasid != CONF_RID) {
		d.pasid = pasid;
		d.flags |= IOASID_DMA_PASID;
	}
	return ioasid_hostdev_page_request(dev->hw, &d,
					   write ? IOASID_ACCESS_WRITE : IOASID_ACCESS_READ, last);
}

static bool inproc_response(struct conf_dev *dev, uint32_t *group, uint32_t *code)
{
	bool any;

	pthread_mutex_lock(&dev->lock);
	any = dev->head != dev->tail;
	if (any) {
		*group = dev->answers[dev->tail % MAX_ANSWERS].group;
		*code = dev->answers[dev->tail++ % MAX_ANSWERS].code;
	}
	pthread_mutex_unlock(&dev->lock);
	return any;
}

static bool inproc_translate(struct conf_dev *dev, uint32_t pasid, uint64_t addr)
{
	struct ioasid_dma d = { .addr = addr };
	unsigned int lg2, granted = 0;
	uint64_t translated;

	if (pasid != CONF_RID) {
		d.pasid = pasid;
		d.flags |= IOASID_DMA_PASID;
	}
	return !ioasid_hostdev_translate(dev->hw, &d, IOASID_ACCESS_READ, &translated, &lg2,
					 &granted) &&
	       granted;
}

static void *inproc_hold(struct conf_dev *dev, uint32_t pasid, uint64_t addr, size_t len)
{
	struct ioasid_dma d = { .addr = addr };
	struct ioasid_hold *hold;
	struct iovec iov[16];
	unsigned int n = 16;

	if (pasid != CONF_RID) {
		d.pasid = pasid;
		d.flags |= IOASID_DMA_PASID;
	}
	if (ioasid_dma_map(dev->hw, &d, len, IOASID_ACCESS_WRITE, iov, &n, NULL, NULL, &hold))
		return NULL;
	return hold;
}

static void inproc_release(void *hold)
{
	ioasid_dma_unmap(hold);
}

static int inproc_host_use(struct conf_dev *dev, bool use)
{
	return ioasid_hostdev_host_use(dev->hw, use);
}

/* ---- work queues ----------------------------------------------------------------------------- */

static int inproc_wq_read(struct conf_dev *dev, uint32_t offset, uint32_t *value)
{
	return ioasid_wqdev_read(dev->wq, offset, value);
}

static int inproc_wq_write(struct conf_dev *dev, uint32_t offset, uint32_t value)
{
	return ioasid_wqdev_write(dev->wq, offset, value);
}

static int inproc_wq_store(struct conf_dev *dev, uint32_t queue, uint32_t offset, const void *data,
			   size_t len, enum conf_store how)
{
	static const enum ioasid_store hows[] = {
		[CONF_STORE_PLAIN] = IOASID_STORE_PLAIN,
		[CONF_STORE_MOVDIR64B] = IOASID_STORE_MOVDIR64B,
		[CONF_STORE_DMWR] = IOASID_STORE_DMWR,
	};

	return ioasid_wqdev_store(dev->wq, queue, offset, data, len, hows[how]);
}

static unsigned int inproc_wq_run(struct conf_dev *dev, unsigned int n)
{
	return ioasid_wqdev_run(dev->wq, n);
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

/* Both are only names for what the library has. */
static struct conf_vm *inproc_vm_create(struct conf_env *env)
{
	struct ioasid_vm *vm;

	return ioasid_vm_create(env->priv, &vm) ? NULL : (struct conf_vm *)vm;
}

static void inproc_vm_destroy(struct conf_vm *vm)
{
	ioasid_vm_destroy((struct ioasid_vm *)vm);
}

static int inproc_vm_fd(struct conf_vm *vm)
{
	return ioasid_vm_fd((struct ioasid_vm *)vm);
}

static struct conf_vcpu *inproc_vcpu_create(struct conf_vm *vm)
{
	struct ioasid_vcpu *vcpu;

	return ioasid_vcpu_create((struct ioasid_vm *)vm, &vcpu) ? NULL : (struct conf_vcpu *)vcpu;
}

static void inproc_vcpu_destroy(struct conf_vcpu *vcpu)
{
	ioasid_vcpu_destroy((struct ioasid_vcpu *)vcpu);
}

static int inproc_wrmsr_pasid(struct conf_vcpu *vcpu, uint64_t value)
{
	return ioasid_vcpu_wrmsr_pasid((struct ioasid_vcpu *)vcpu, value);
}

static enum conf_enqcmd_result inproc_enqcmd(struct conf_vcpu *vcpu, struct conf_dev *dev,
					     uint32_t queue, struct conf_enqcmd *insn)
{
	static const enum conf_enqcmd_result results[] = {
		[IOASID_ENQCMD_RETIRED] = CONF_ENQCMD_RETIRED,
		[IOASID_ENQCMD_GP] = CONF_ENQCMD_GP,
		[IOASID_ENQCMD_EXIT] = CONF_ENQCMD_EXIT,
	};
	struct ioasid_enqcmd e = {
		.supervisor = insn->supervisor,
		.cpl = insn->cpl,
		.dst = insn->offset,
		.src = insn->src,
	};
	struct ioasid_dmwr_portal portal = { 0 };
	enum ioasid_enqcmd_result result;

	/* A queue without portal is to the CPU what ordinary memory is. */
	if (!dev->wq || ioasid_wqdev_portal(dev->wq, queue, &portal))
		portal = (struct ioasid_dmwr_portal){ 0 };
	result = ioasid_vcpu_enqcmd((struct ioasid_vcpu *)vcpu, &portal, &e);
	insn->zf = e.zf;
	insn->exit_reason = e.exit_reason;
	insn->vpasid = e.vpasid;
	return results[result];
}

/* ---- tables in memory ------------------------------------------------------------------------ */

/* A unit that can do everything: then no bit of an entry is reserved that some unit knows. */
static int walk_caps(struct vtd_caps *caps)
{
	*caps = (struct vtd_caps){
		.haw = 52,
		.mgaw = 57,
		.sagaw = 0xe,
		.did_bits = 16,
		.pasid_bits = 20,
		.coherent = true,
		.zlr = true,
		.ss_2m = true,
		.ss_1g = true,
		.fs_1g = true,
		.fs5lp = true,
		.dt = true,
		.pt = true,
		.sc = true,
		.prs = true,
		.srs = true,
		.eafs = true,
		.smts = true,
		.ssads = true,
		.ssts = true,
		.fsts = true,
		.nest = true,
		.smpwcs = true,
		.rps = true,
	};
	return vtd_caps_prepare(caps);
}

/* One number for where both stages begin. */
static uint64_t table_of(const struct vtd_te *te)
{
	return (te->ss_root + te->pgtt) * 0x9e3779b97f4a7c15ULL ^ te->fs_root;
}

static int inproc_walk(struct conf_dev *dev, uint32_t pasid, struct conf_entry *entry)
{
	struct vtd_req req = {
		.rid = dev->rid,
		.has_pasid = pasid != CONF_RID,
		.pasid = pasid == CONF_RID ? 0 : pasid,
	};
	uint64_t rtaddr = ioasid_host_root_table(dev->env->priv);
	struct vtd_lookup res;
	struct phys_mem mem;
	struct vtd_caps caps;
	uint8_t reason;

	if (walk_caps(&caps))
		return -EINVAL;
	phys_mem_init_linear(&mem, ~0ULL, 0);
	reason = vtd_lookup(&mem, &caps, rtaddr, &req, &res, NULL);
	*entry = (struct conf_entry){ .present = !reason };
	if (!reason)
		entry->table = table_of(&res.te);
	switch (reason) {
	case 0:
	case VTD_SRT_2: /* nothing there, at one of the levels */
	case VTD_SCT_2:
	case VTD_SCT_7:
	case VTD_SPD_2:
	case VTD_SPT_2:
		return 0;
	default: /* malformed: nobody may write such a thing */
		printf("# {%#x, %d}: VT-d reason %#x\n", dev->rid, (int)pasid, reason);
		return -EIO;
	}
}

/* ---- limits, counters -------------------------------------------------------------------------- */

static int inproc_group_make(struct conf_env *env, const char *group)
{
	return ioasid_host_group_create(env->priv, group);
}

static int inproc_group_remove(struct conf_env *env, const char *group)
{
	return ioasid_host_group_remove(env->priv, group);
}

static int inproc_group_enter(struct conf_env *env, const char *group)
{
	int rc;

	if (!group) {
		ioasid_caller_adopt(NULL);
		return 0;
	}
	rc = ioasid_caller_set_host(env->priv);
	return rc ? rc : ioasid_caller_set_group(group);
}

static int inproc_group_name(struct conf_env *env, const char *group, struct ioasid_limit *limit)
{
	(void)env;
	limit->flags = IOASID_LIMIT_PATH;
	limit->path = (uintptr_t)group;
	limit->path_len = (uint32_t)strlen(group);
	return 0;
}

static void inproc_group_unname(struct ioasid_limit *limit)
{
	(void)limit;
}

static void inproc_live(struct conf_env *env, struct conf_live *live)
{
	struct ioasid_host_stats s;

	ioasid_host_get_stats(env->priv, &s);
	*live = (struct conf_live){
		.contexts = s.contexts,
		.devices = s.devices,
		.ioasids = s.ioasids,
		.domains = s.domains,
		.routes = s.routes,
		.pinned_bytes = s.pinned_bytes,
		.table_pages = s.table_pages,
		.holds = s.holds,
	};
}

const struct conf_home conf_home_under_test = {
	.name = "in-process",
	.start = inproc_start,
	.stop = inproc_stop,
	.plug = inproc_plug,
	.unplug = inproc_unplug,
	.dma = inproc_dma,
	.page_request = inproc_page_request,
	.response = inproc_response,
	.translate = inproc_translate,
	.hold = inproc_hold,
	.release = inproc_release,
	.host_use = inproc_host_use,
	.wq_read = inproc_wq_read,
	.wq_write = inproc_wq_write,
	.wq_store = inproc_wq_store,
	.wq_run = inproc_wq_run,
	.vm_create = inproc_vm_create,
	.vm_destroy = inproc_vm_destroy,
	.vm_fd = inproc_vm_fd,
	.vcpu_create = inproc_vcpu_create,
	.vcpu_destroy = inproc_vcpu_destroy,
	.wrmsr_pasid = inproc_wrmsr_pasid,
	.enqcmd = inproc_enqcmd,
	.walk = inproc_walk,
	.group_make = inproc_group_make,
	.group_remove = inproc_group_remove,
	.group_enter = inproc_group_enter,
	.group_name = inproc_group_name,
	.group_unname = inproc_group_unname,
	.live = inproc_live,
	.allocations = os_alloc_live,
};
