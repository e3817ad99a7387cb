// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The in-process home as the conformance suite sees it. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <ioasid/allocator.h>

#include "os/os.h"
#include "tests/conformance/env.h"

#define MAX_ANSWERS 2048

struct answer {
	uint32_t group;
	uint32_t code;
};

struct conf_dev {
	struct conf_env *env;
	struct ioasid_hostdev *hw;
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
	snprintf(env->path, sizeof(env->path), "inproc:%s", name);
	env->priv = host;
	return 0;
}

static void inproc_stop(struct conf_env *env)
{
	ioasid_host_put(env->priv);
	env->priv = NULL;
}

static struct conf_dev *inproc_plug(struct conf_env *env, const struct conf_dev_spec *spec)
{
	static uint16_t rid;
	struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = spec->name,
		.rid = ++rid,
		.dev_class = spec->dev_class,
		.pasid_bits = spec->pasid_bits,
		.group = spec->group,
		.pri_capacity = spec->pri_capacity,
		.ops = &device_ops,
	};
	struct conf_dev *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	if (spec->ats || spec->pri)
		config.flags |= IOASID_HOSTDEV_ATS;
	if (spec->pri)
		config.flags |= IOASID_HOSTDEV_PRI;
	if (spec->mute) {
		config.flags |= IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_OWN_DTLB;
		config.ops = &mute_ops;
	}
	config.opaque = dev;
	dev->env = env;
	pthread_mutex_init(&dev->lock, NULL);
	if (ioasid_hostdev_create(env->priv, &config, &dev->hw)) {
		pthread_mutex_destroy(&dev->lock);
		free(dev);
		return NULL;
	}
	return dev;
}

static void inproc_unplug(struct conf_dev *dev)
{
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
	.group_make = inproc_group_make,
	.group_remove = inproc_group_remove,
	.group_enter = inproc_group_enter,
	.group_name = inproc_group_name,
	.group_unname = inproc_group_unname,
	.live = inproc_live,
	.allocations = os_alloc_live,
};
