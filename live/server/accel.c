// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "accel.h"

#define ACCEL_PRI_CAPACITY 64
#define ACCEL_DTLB_ENTRIES 64
#define ACCEL_DEVCTL	   (PCI_CAP_EXPRESS + 0x08)
#define ACCEL_DEVCTL_FLR   0x8000

#define ACCEL_OPS_MASK ((1U << ACCEL_NR_OPS) - 1)

/* ---- queues ---------------------------------------------------------------------------------- */

void accel_queue_init(struct accel *accel, struct accel_queue *q, unsigned int index)
{
	pthread_condattr_t attr;

	q->accel = accel;
	q->index = index;
	q->vector = index;
	q->group = -1;
	q->wire = accel_is_slice(accel) ? ACCEL_NO_WIRE : 0;
	pthread_mutex_init(&q->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&q->wake, &attr);
	pthread_condattr_destroy(&attr);
}

void accel_queue_destroy(struct accel_queue *q)
{
	pthread_cond_destroy(&q->wake);
	pthread_mutex_destroy(&q->lock);
}

static bool accel_queue_valid(const struct accel_queue *q)
{
	if (!q->ring_lg2 || q->ring_lg2 > ACCEL_RING_LG2_MAX)
		return false;
	if (q->ring_base & (sizeof(struct accel_desc) - 1))
		return false;
	if (!q->with_pasid)
		return true;
	return q->wire < 1U << IOASID_PASID_BITS &&
	       atomic_load(&q->accel->functions) & ACCEL_FUNC_PASID;
}

static void accel_queue_state(struct accel_queue *q, uint32_t state, uint32_t error)
{
	pthread_mutex_lock(&q->lock);
	q->state = state;
	q->error = error;
	pthread_mutex_unlock(&q->lock);
}

/* Caller holds control_lock. The thread has left or is about to. */
static void accel_queue_join_locked(struct accel_queue *q)
{
	if (q->has_thread)
		pthread_join(q->thread, NULL);
	q->has_thread = false;
}

/* From here on drain has to wait for the queue. Return: false: its number ended just now. */
static bool accel_queue_go(struct accel_queue *q)
{
	bool good;

	pthread_mutex_lock(&q->lock);
	good = !q->with_pasid || q->wire != ACCEL_NO_WIRE;
	if (good) {
		q->state = ACCEL_STATE_RUNNING;
		q->error = ACCEL_ERROR_NONE;
		q->sending = true;
	}
	pthread_mutex_unlock(&q->lock);
	return good;
}

static void accel_queue_enable(struct accel_queue *q, uint32_t control)
{
	accel_queue_join_locked(q);
	pthread_mutex_lock(&q->lock);
	q->control = control;
	q->with_pasid = control & ACCEL_CONTROL_PASID;
	q->fault_addr = 0;
	q->fault_code = 0;
	pthread_mutex_unlock(&q->lock);
	atomic_store(&q->head, 0);
	atomic_store(&q->tail, 0);
	atomic_store(&q->abort, false);
	atomic_store(&q->stop, false);
	atomic_store(&q->lost, false);
	atomic_store(&q->descriptors, 0);
	atomic_store(&q->page_requests, 0);
	atomic_store(&q->faults, 0);
	q->last_group = -1;
	if (!accel_queue_valid(q)) {
		accel_queue_state(q, ACCEL_STATE_HALTED, ACCEL_ERROR_CONFIG);
		return;
	}
	if (!accel_queue_go(q)) {
		accel_queue_state(q, ACCEL_STATE_HALTED, ACCEL_ERROR_PASID);
		return;
	}
	if (!pthread_create(&q->thread, NULL, accel_queue_run, q)) {
		q->has_thread = true;
		return;
	}
	pthread_mutex_lock(&q->lock);
	q->sending = false;
	pthread_mutex_unlock(&q->lock);
	accel_queue_state(q, ACCEL_STATE_HALTED, ACCEL_ERROR_RESOURCES);
}

/* Begin to stop; @abort: without waiting for software. A queue without a thread is idle at once. */
static void accel_queue_disable(struct accel_queue *q, bool abort)
{
	pthread_mutex_lock(&q->lock);
	if (abort)
		atomic_store(&q->abort, true);
	atomic_store(&q->stop, true);
	q->control = 0;
	if (!q->has_thread)
		q->state = ACCEL_STATE_IDLE;
	else if (q->state != ACCEL_STATE_IDLE)
		q->state = ACCEL_STATE_STOPPING;
	pthread_cond_broadcast(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

static void accel_queue_control(struct accel_queue *q, uint32_t value)
{
	uint32_t state;

	pthread_mutex_lock(&q->accel->control_lock);
	pthread_mutex_lock(&q->lock);
	state = q->state;
	pthread_mutex_unlock(&q->lock);
	if (!(value & ACCEL_CONTROL_ENABLE))
		accel_queue_disable(q, false);
	else if (state == ACCEL_STATE_IDLE)
		accel_queue_enable(q, value & (ACCEL_CONTROL_ENABLE | ACCEL_CONTROL_PASID));
	pthread_mutex_unlock(&q->accel->control_lock);
}

/*
 * @wire ends. What was programmed with it forgets it; a queue that sends with it is stopped. It sends
 * nothing more after the access it is at, and waits for nobody, so it can be waited for.
 */
static void accel_queue_drain(struct accel_queue *q, uint32_t wire)
{
	pthread_mutex_lock(&q->lock);
	if (q->wire == wire) {
		accel_event(q->accel, ACCEL_EVENT_DRAINED);
		if (q->sending && q->with_pasid) {
			atomic_store(&q->lost, true);
			pthread_cond_broadcast(&q->wake);
			while (q->sending)
				pthread_cond_wait(&q->wake, &q->lock);
		}
		q->wire = ACCEL_NO_WIRE;
		q->pasid = 0;
	}
	pthread_mutex_unlock(&q->lock);
}

static void accel_doorbell(struct accel_queue *q, uint32_t tail)
{
	atomic_store(&q->tail, tail);
	pthread_mutex_lock(&q->lock);
	pthread_cond_broadcast(&q->wake);
	pthread_mutex_unlock(&q->lock);
}

/* Stop all queues and wait until nothing is sent any more; they stay disabled. */
static void accel_stop(struct accel *accel)
{
	unsigned int i;

	pthread_mutex_lock(&accel->control_lock);
	for (i = 0; i < ACCEL_QUEUES; i++)
		accel_queue_disable(&accel->queues[i], true);
	for (i = 0; i < ACCEL_QUEUES; i++)
		accel_queue_join_locked(&accel->queues[i]);
	if (accel_is_slice(accel))
		accel_shared_stop(accel);
	pthread_mutex_unlock(&accel->control_lock);
}

unsigned int accel_numbers(struct accel *accel, struct accel_number *numbers, unsigned int room)
{
	unsigned int i, n = 0;

	for (i = 0; i < ACCEL_QUEUES && n < room; i++) {
		struct accel_queue *q = &accel->queues[i];

		pthread_mutex_lock(&q->lock);
		if (q->wire != ACCEL_NO_WIRE)
			numbers[n++] = (struct accel_number){ q->pasid, q->wire };
		pthread_mutex_unlock(&q->lock);
	}
	return n;
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint64_t accel_pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

/* Caller holds the queue lock. The 8 bytes at @off (a multiple of 8) of a queue's block. */
static uint64_t accel_queue_read_locked(struct accel_queue *q, uint64_t off)
{
	switch (off) {
	case ACCEL_QUEUE_CONTROL:
		return accel_pair(q->control, q->state | q->error << 8);
	case ACCEL_QUEUE_PASID:
		return accel_pair(q->pasid, q->ring_lg2);
	case ACCEL_QUEUE_RING_BASE:
		return q->ring_base;
	case ACCEL_QUEUE_HEAD:
		return accel_pair(atomic_load(&q->head), atomic_load(&q->tail));
	case ACCEL_QUEUE_FAULT_ADDR:
		return q->fault_addr;
	case ACCEL_QUEUE_FAULT_CODE:
		return q->fault_code;
	case ACCEL_QUEUE_DESCRIPTORS:
		return atomic_load(&q->descriptors);
	case ACCEL_QUEUE_PRS:
		return atomic_load(&q->page_requests);
	case ACCEL_QUEUE_FAULTS:
		return atomic_load(&q->faults);
	default:
		return 0;
	}
}

static uint64_t accel_queue_read(struct accel_queue *q, uint64_t off)
{
	uint64_t value;

	if (off == ACCEL_QUEUE_PORTAL && accel_is_slice(q->accel))
		return accel_portal_count(q->accel, q->index);
	pthread_mutex_lock(&q->lock);
	value = accel_queue_read_locked(q, off);
	pthread_mutex_unlock(&q->lock);
	return value;
}

static uint32_t accel_caps(const struct accel *accel)
{
	return ACCEL_QUEUES | ACCEL_RING_LG2_MAX << 8 |
	       (accel_is_slice(accel) ? ACCEL_CAP_PORTAL : 0) |
	       (accel->config.meet_read ? ACCEL_CAP_MEET : 0);
}

static uint64_t accel_reg_read(struct accel *accel, uint64_t off)
{
	uint64_t i;

	if (off >= ACCEL_REG_QUEUE) {
		i = (off - ACCEL_REG_QUEUE) / ACCEL_QUEUE_STRIDE;
		if (i >= ACCEL_QUEUES)
			return 0;
		return accel_queue_read(&accel->queues[i], off % ACCEL_QUEUE_STRIDE);
	}
	if (off >= ACCEL_REG_MEET && off < ACCEL_MEET_END)
		return accel->config.meet_read ?
			       accel->config.meet_read(accel->config.opaque, off) :
			       0;
	i = (off - ACCEL_REG_COUNTERS) / 8;
	if (off >= ACCEL_REG_COUNTERS && i < ACCEL_NR_COUNTERS)
		return atomic_load(&accel->counters[i]);
	switch (off) {
	case ACCEL_REG_ID:
		return accel_pair(ACCEL_ID_VALUE, ACCEL_VERSION_VALUE);
	case ACCEL_REG_CAPS:
		return accel_pair(accel_caps(accel), ACCEL_OPS_MASK);
	case ACCEL_REG_MAX_LEN:
		return ACCEL_MAX_LEN;
	default:
		return 0;
	}
}

/*
 * A guest's number becomes the one on the wire. Of a whole function they are the same, and whether there is
 * a route the IOMMU finds. Asking takes no lock.
 */
static void accel_queue_pasid_locked(struct accel_queue *q, uint32_t value)
{
	struct accel *accel = q->accel;
	uint32_t wire = value;

	if (accel_is_slice(accel) && !value) {
		wire = ACCEL_NO_WIRE;
	} else if (accel_is_slice(accel) && ioasid_hostdev_ppasid(accel->dev, value, &wire)) {
		accel_event(accel, ACCEL_EVENT_REFUSED);
		if (!(accel->config.broken & ACCEL_BREAK_MEDIATION)) {
			q->error = ACCEL_ERROR_PASID;
			return;
		}
		wire = value;
	} else if (accel_is_slice(accel)) {
		accel_event(accel, ACCEL_EVENT_CONVERTED);
	}
	q->pasid = value;
	q->wire = wire;
	q->error = ACCEL_ERROR_NONE;
}

/* Caller holds the queue lock. */
static void accel_queue_set_locked(struct accel_queue *q, uint64_t off, uint32_t value)
{
	switch (off) {
	case ACCEL_QUEUE_PASID:
		accel_queue_pasid_locked(q, value);
		break;
	case ACCEL_QUEUE_RING_LG2:
		q->ring_lg2 = value;
		break;
	case ACCEL_QUEUE_RING_BASE:
		q->ring_base = accel_pair(value, q->ring_base >> 32);
		break;
	case ACCEL_QUEUE_RING_BASE + 4:
		q->ring_base = accel_pair(q->ring_base, value);
		break;
	}
}

static void accel_queue_write(struct accel_queue *q, uint64_t off, uint32_t value)
{
	if (off == ACCEL_QUEUE_CONTROL) {
		accel_queue_control(q, value);
		return;
	}
	if (off == ACCEL_QUEUE_PORTAL) {
		if (accel_is_slice(q->accel))
			accel_portal_stop(q->accel, q->index);
		return;
	}
	/* The thread reads the rest without a lock: it changes only while there is none. */
	pthread_mutex_lock(&q->lock);
	if (q->state == ACCEL_STATE_IDLE)
		accel_queue_set_locked(q, off, value);
	pthread_mutex_unlock(&q->lock);
}

static void accel_reg_write(struct accel *accel, uint64_t off, uint32_t value)
{
	uint64_t i;

	if (off == ACCEL_REG_CONTROL && value & ACCEL_CONTROL_RESET)
		accel_stop(accel);
	if (off >= ACCEL_REG_MEET && off < ACCEL_MEET_END && accel->config.meet_write)
		accel->config.meet_write(accel->config.opaque, off, value);
	if (off < ACCEL_REG_QUEUE)
		return;
	i = (off - ACCEL_REG_QUEUE) / ACCEL_QUEUE_STRIDE;
	if (i < ACCEL_QUEUES)
		accel_queue_write(&accel->queues[i], off % ACCEL_QUEUE_STRIDE, value);
}

static uint64_t accel_doorbell_read(struct accel *accel, uint64_t off)
{
	struct accel_queue *q;

	if (off >= ACCEL_PORTAL_FIRST)
		return accel_portal_read(accel, off - ACCEL_PORTAL_FIRST);
	q = &accel->queues[off / ACCEL_DOORBELL_STRIDE];
	switch (off % ACCEL_DOORBELL_STRIDE) {
	case ACCEL_DOORBELL_TAIL:
		return accel_pair(atomic_load(&q->tail), atomic_load(&q->head));
	case ACCEL_DOORBELL_STATUS:
		return accel_queue_read(q, ACCEL_QUEUE_CONTROL) >> 32;
	default:
		return 0;
	}
}

static void accel_doorbell_write(struct accel *accel, uint64_t off, uint32_t value)
{
	if (off >= ACCEL_PORTAL_FIRST)
		accel_portal_write(accel, off - ACCEL_PORTAL_FIRST, value);
	else if (off % ACCEL_DOORBELL_STRIDE == ACCEL_DOORBELL_TAIL)
		accel_doorbell(&accel->queues[off / ACCEL_DOORBELL_STRIDE], value);
}

/* ---- configuration space --------------------------------------------------------------------- */

/* What queue threads must know of configuration space, without reading it while it changes. */
static void accel_pci_update(struct accel *accel)
{
	unsigned int functions = 0;

	if (pci_config_get16(&accel->pci, PCI_COMMAND) & PCI_COMMAND_MASTER)
		functions |= ACCEL_FUNC_MASTER;
	if (pci_config_get16(&accel->pci, PCI_CAP_PRI + 4) & PCI_PRI_ENABLE)
		functions |= ACCEL_FUNC_PRI;
	if (pci_config_get16(&accel->pci, PCI_CAP_PASID + 6) & PCI_PASID_ENABLE)
		functions |= ACCEL_FUNC_PASID;
	atomic_store(&accel->functions, functions);
}

uint32_t accel_bar2_size(const struct accel_config *config)
{
	return ACCEL_PORTAL_FIRST + (config->parent ? ACCEL_PORTALS * ACCEL_DOORBELL_STRIDE : 0);
}

static void accel_pci_reset(struct accel *accel)
{
	struct pci_config *pci = &accel->pci;

	pci_config_init(pci, ACCEL_PCI_VENDOR, ACCEL_PCI_DEVICE, ACCEL_PCI_CLASS);
	pci_config_add_bar(pci, ACCEL_BAR_REGS, ACCEL_REGS_SIZE, true);
	pci_config_add_bar(pci, ACCEL_BAR_DOORBELL, accel_bar2_size(&accel->config), true);
	pci_config_add_bar(pci, ACCEL_BAR_MSIX, 0x1000, true);
	pci_config_add_express(pci);
	pci_config_add_msix(pci, ACCEL_QUEUES, ACCEL_BAR_MSIX, 0x800);
	pci_config_add_pasid(pci, ACCEL_PRI_CAPACITY);
	accel_pci_update(accel);
}

static void accel_pci_write(struct accel *accel, uint64_t offset, const void *buf, size_t len)
{
	const uint8_t *b = buf;
	size_t flr = ACCEL_DEVCTL + 1;

	pci_config_write(&accel->pci, offset, buf, len);
	if (offset <= flr && flr - offset < len && b[flr - offset] & ACCEL_DEVCTL_FLR >> 8)
		accel_reset(accel);
	else
		accel_pci_update(accel);
}

/* ---- regions --------------------------------------------------------------------------------- */

int accel_region_read(struct accel *accel, unsigned int region, uint64_t offset, void *buf,
		      size_t len)
{
	uint8_t *b = buf;
	uint64_t value;
	size_t n;

	if (region == VFIO_USER_CONFIG) {
		memcpy(buf, accel->pci.bytes + offset, len);
		if (atomic_load(&accel->pri_failed) && offset <= PCI_CAP_PRI + 6 &&
		    PCI_CAP_PRI + 6 - offset < len)
			b[PCI_CAP_PRI + 6 - offset] |= PCI_PRI_FAILURE;
		return 0;
	}
	for (; len; len -= n, b += n, offset += n) {
		n = 8 - offset % 8 < len ? 8 - offset % 8 : len;
		value = 0;
		if (region == ACCEL_BAR_REGS)
			value = accel_reg_read(accel, offset & ~7ULL);
		else if (region == ACCEL_BAR_DOORBELL)
			value = accel_doorbell_read(accel, offset & ~7ULL);
		value >>= offset % 8 * 8;
		memcpy(b, &value, n);
	}
	return 0;
}

int accel_region_write(struct accel *accel, unsigned int region, uint64_t offset, const void *buf,
		       size_t len)
{
	const uint8_t *b = buf;
	uint32_t value;

	if (region == VFIO_USER_CONFIG) {
		accel_pci_write(accel, offset, buf, len);
		return 0;
	}
	/* Registers take whole, aligned words; anything else changes nothing. */
	if (offset % 4 || len % 4)
		return 0;
	for (; len; len -= 4, b += 4, offset += 4) {
		memcpy(&value, b, sizeof(value));
		if (region == ACCEL_BAR_REGS)
			accel_reg_write(accel, offset, value);
		else if (region == ACCEL_BAR_DOORBELL)
			accel_doorbell_write(accel, offset, value);
	}
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

void accel_reset(struct accel *accel)
{
	unsigned int i;

	accel_stop(accel);
	atomic_store(&accel->pri_failed, false);
	accel_pci_reset(accel);
	for (i = 0; i < ACCEL_QUEUES; i++) {
		struct accel_queue *q = &accel->queues[i];

		pthread_mutex_lock(&q->lock);
		q->pasid = 0;
		q->wire = accel_is_slice(accel) ? ACCEL_NO_WIRE : 0;
		pthread_mutex_unlock(&q->lock);
		q->ring_lg2 = 0;
		q->ring_base = 0;
		accel_queue_state(q, ACCEL_STATE_IDLE, ACCEL_ERROR_NONE);
	}
	if (accel->config.on_reset)
		accel->config.on_reset(accel->config.opaque);
}

static void accel_host_stop(void *opaque)
{
	accel_stop(opaque);
}

/* RESET of a slice is said by who owns its routes: its registers forget their numbers. */
static void accel_host_reset(void *opaque)
{
	struct accel *accel = opaque;
	unsigned int i;

	accel_stop(accel);
	for (i = 0; i < ACCEL_QUEUES && accel_is_slice(accel); i++) {
		pthread_mutex_lock(&accel->queues[i].lock);
		accel->queues[i].pasid = 0;
		accel->queues[i].wire = ACCEL_NO_WIRE;
		pthread_mutex_unlock(&accel->queues[i].lock);
	}
}

static int accel_host_drain(void *opaque, uint32_t pasid)
{
	struct accel *accel = opaque;
	unsigned int i;

	for (i = 0; i < ACCEL_QUEUES; i++)
		accel_queue_drain(&accel->queues[i], pasid);
	accel_shared_drain(accel, pasid);
	return 0;
}

static int accel_host_portal_open(void *opaque)
{
	accel_shared_open(opaque, true);
	return 0;
}

static void accel_host_portal_close(void *opaque)
{
	accel_shared_open(opaque, false);
}

static const struct ioasid_hostdev_ops accel_host_ops = {
	.page_response = accel_page_response,
	.quiesce = accel_host_stop,
	.reset = accel_host_stop,
};

static const struct ioasid_hostdev_ops accel_slice_ops = {
	.page_response = accel_page_response,
	.quiesce = accel_host_stop,
	.reset = accel_host_reset,
	.portal_open = accel_host_portal_open,
	.portal_close = accel_host_portal_close,
	.drain = accel_host_drain,
};

static int accel_make_device(struct accel *accel, struct ioasid_host *host, const char *name)
{
	bool slice = accel_is_slice(accel);
	struct ioasid_hostdev_config dev = {
		.size = sizeof(dev),
		.name = name,
		.rid = accel->config.devfn,
		.dev_class = slice ? IOASID_CLASS_MDEV_DMWR : IOASID_CLASS_PDEV_PASID,
		.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
		.pasid_bits = IOASID_PASID_BITS,
		.group = IOASID_INVALID,
		.dtlb_entries = ACCEL_DTLB_ENTRIES,
		.pri_capacity = ACCEL_PRI_CAPACITY,
		.ops = slice ? &accel_slice_ops : &accel_host_ops,
		.opaque = accel,
		.parent = accel->config.parent,
		.mode = slice ? IOASID_MODE_GLOBAL : IOASID_MODE_LOCAL,
	};

	return ioasid_hostdev_create(host, &dev, &accel->dev);
}

int accel_init(struct accel *accel, const struct accel_config *config, struct ioasid_host *host,
	       const char *name)
{
	unsigned int i;
	int rc;

	memset(accel, 0, sizeof(*accel));
	accel->config = *config;
	pthread_mutex_init(&accel->control_lock, NULL);
	for (i = 0; i < ACCEL_QUEUES; i++)
		accel_queue_init(accel, &accel->queues[i], i);
	accel_pci_reset(accel);
	rc = accel_is_slice(accel) ? accel_shared_init(accel) : 0;
	if (rc)
		return rc;
	rc = accel_make_device(accel, host, name);
	if (rc && accel_is_slice(accel))
		accel_shared_destroy(accel);
	return rc;
}

void accel_destroy(struct accel *accel)
{
	unsigned int i;

	accel_stop(accel);
	if (accel->dev)
		ioasid_hostdev_destroy(accel->dev);
	if (accel_is_slice(accel))
		accel_shared_destroy(accel);
	for (i = 0; i < ACCEL_QUEUES; i++)
		accel_queue_destroy(&accel->queues[i]);
	pthread_mutex_destroy(&accel->control_lock);
}
