// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <string.h>
#include <time.h>

#include "endpoint.h"

#define ENDPOINT_PRI_CAPACITY 512
#define ENDPOINT_DTLB_ENTRIES 64
#define ENDPOINT_HOLD_MS      10000
#define ENDPOINT_DEVCTL	      (PCI_CAP_EXPRESS + 0x08)
#define ENDPOINT_FLR	      0x80 /* in the upper byte of device control */
#define ENDPOINT_PRI_CONTROL  (PCI_CAP_PRI + 4)
#define ENDPOINT_PRI_STATUS   (PCI_CAP_PRI + 6)
#define ENDPOINT_PRI_ALLOWED  (PCI_CAP_PRI + 12)
#define ENDPOINT_PRI_RESET    (1U << 1)
/* Ready for requests at once after a reset (PCIe 7.5.1.1.4): nobody has to wait 100 ms. */
#define ENDPOINT_PCI_STATUS 0x06
#define ENDPOINT_IMM_READY  (1U << 0)

/* ---- configuration space --------------------------------------------------------------------- */

uint32_t endpoint_functions(const struct endpoint *ep)
{
	uint16_t pasid = pci_config_get16(&ep->pci, PCI_CAP_PASID + 6);
	uint32_t functions = 0;

	if (pci_config_get16(&ep->pci, PCI_COMMAND) & PCI_COMMAND_MASTER)
		functions |= IOHW_FUNC_MASTER;
	if (pci_config_get16(&ep->pci, PCI_CAP_ATS + 6) & PCI_ATS_ENABLE)
		functions |= IOHW_FUNC_ATS;
	if (pci_config_get16(&ep->pci, ENDPOINT_PRI_CONTROL) & PCI_PRI_ENABLE && !ep->pri_failed)
		functions |= IOHW_FUNC_PRI;
	if (pasid & PCI_PASID_ENABLE)
		functions |= IOHW_FUNC_PASID | (pasid & PCI_PASID_PRIV ? IOHW_FUNC_PRIV : 0);
	return functions;
}

static unsigned int endpoint_credits(const struct endpoint *ep)
{
	unsigned int allowed = pci_config_get32(&ep->pci, ENDPOINT_PRI_ALLOWED);

	if (allowed > ENDPOINT_PRI_CAPACITY)
		allowed = ENDPOINT_PRI_CAPACITY;
	return allowed > ep->outstanding ? allowed - ep->outstanding : 0;
}

static void endpoint_pci_reset(struct endpoint *ep)
{
	struct pci_config *pci = &ep->pci;

	pci_config_init(pci, IOHW_PCI_VENDOR, IOHW_PCI_DEVICE, IOHW_PCI_CLASS);
	pci_config_set16(pci, ENDPOINT_PCI_STATUS,
			 pci_config_get16(pci, ENDPOINT_PCI_STATUS) | ENDPOINT_IMM_READY);
	pci_config_add_bar(pci, IOHW_BAR_REGS, IOHW_BAR_SIZE, true);
	pci_config_add_bar(pci, IOHW_BAR_MSIX, 0x1000, true);
	pci_config_add_express(pci);
	pci_config_add_msix(pci, IOHW_VECTORS, IOHW_BAR_MSIX, 0x800);
	pci_config_add_pasid(pci, ENDPOINT_PRI_CAPACITY);
	pci_config_add_privileged(pci);
}

static void endpoint_pci_write(struct endpoint *ep, uint64_t offset, const void *buf, size_t len)
{
	const uint8_t *b = buf;
	uint64_t flr = ENDPOINT_DEVCTL + 1, pri = ENDPOINT_PRI_CONTROL;
	uint32_t before, after;

	pthread_mutex_lock(&ep->lock);
	before = endpoint_functions(ep);
	pci_config_write(&ep->pci, offset, buf, len);
	if (offset <= pri && pri - offset < len && b[pri - offset] & ENDPOINT_PRI_RESET)
		ep->pri_failed = false;
	after = endpoint_functions(ep);
	pthread_mutex_unlock(&ep->lock);
	if (offset <= flr && flr - offset < len && b[flr - offset] & ENDPOINT_FLR)
		endpoint_reset(ep);
	else if (before & ~after & IOHW_FUNC_ATS)
		atomic_store(&ep->forget, true);
}

static void endpoint_pci_read(struct endpoint *ep, uint64_t offset, void *buf, size_t len)
{
	uint64_t status = ENDPOINT_PRI_STATUS;

	pthread_mutex_lock(&ep->lock);
	memcpy(buf, ep->pci.bytes + offset, len);
	if (ep->pri_failed && offset <= status && status - offset < len)
		((uint8_t *)buf)[status - offset] |= PCI_PRI_FAILURE;
	pthread_mutex_unlock(&ep->lock);
}

/* ---- page requests --------------------------------------------------------------------------- */

static void endpoint_answered(struct endpoint *ep, struct endpoint_group *g, unsigned int group,
			      uint32_t code)
{
	unsigned int at = (ep->first_response + ep->nr_responses) % ENDPOINT_RESPONSES;

	ep->outstanding -= g->messages;
	if (code == 0xf)
		ep->pri_failed = true;
	if (!g->waited && ep->nr_responses < ENDPOINT_RESPONSES) {
		ep->responses[at] = IOHW_RESPONSE_VALID | code << 12 | group;
		ep->nr_responses++;
	}
	if (ep->waits_for == (int)group)
		ep->answer = code;
	*g = (struct endpoint_group){ 0 };
	pthread_cond_broadcast(&ep->wake);
}

void endpoint_response(struct endpoint *ep, uint32_t pasid, uint16_t group, uint32_t code)
{
	struct endpoint_group *g = &ep->groups[group % IOHW_GROUPS];
	bool known;

	record_response(ep->config.record, ep->config.devfn, pasid, group, code);
	pthread_mutex_lock(&ep->lock);
	known = group < IOHW_GROUPS && g->complete && g->pasid == pasid;
	if (known)
		endpoint_answered(ep, g, group, code);
	pthread_mutex_unlock(&ep->lock);
	endpoint_count(ep, known ? IOHW_COUNTER_RESPONSES : IOHW_COUNTER_STRAY_RESPONSES, 1);
}

static unsigned int endpoint_request_flags(const struct vu_hw_req *req, bool last)
{
	return (req->access & XLAT_READ ? IOHW_PRQ_READ : 0) |
	       (req->access & XLAT_WRITE ? IOHW_PRQ_WRITE : 0) | (last ? IOHW_PRQ_LAST : 0);
}

/* Send a message whose group and credit are taken. No lock held. */
static void endpoint_send(struct endpoint *ep, const struct vu_hw_req *req, unsigned int group,
			  bool last)
{
	uint32_t at_once;

	endpoint_count(ep, IOHW_COUNTER_PAGE_REQUESTS, 1);
	record_page_request(ep->config.record, req->rid, req->pasid, req->addr, group,
			    endpoint_request_flags(req, last));
	at_once = vu_hw_page_request(ep->config.unit, req, group, last);
	if (at_once)
		endpoint_response(ep, req->pasid, group, at_once - 1);
}

static void endpoint_take(struct endpoint *ep, struct endpoint_group *g, uint32_t pasid, bool last)
{
	g->messages++;
	g->pasid = pasid;
	g->complete = last;
	ep->outstanding++;
}

/* Groups of commands come from the top, so that they seldom meet those of PRQ_SEND. */
static int endpoint_free_group(const struct endpoint *ep)
{
	int i = IOHW_GROUPS - 1;

	while (i >= 0 && ep->groups[i].messages)
		i--;
	return i;
}

static void endpoint_deadline(unsigned int ms, struct timespec *at)
{
	clock_gettime(CLOCK_MONOTONIC, at);
	at->tv_sec += ms / 1000;
	at->tv_nsec += ms % 1000 * 1000000L;
	if (at->tv_nsec >= 1000000000L) {
		at->tv_nsec -= 1000000000L;
		at->tv_sec++;
	}
}

int endpoint_ask(struct endpoint *ep, const struct vu_hw_req *req)
{
	struct timespec deadline;
	int group, answer;

	pthread_mutex_lock(&ep->lock);
	group = endpoint_functions(ep) & IOHW_FUNC_PRI && endpoint_credits(ep) ?
			endpoint_free_group(ep) :
			-1;
	if (group < 0) {
		pthread_mutex_unlock(&ep->lock);
		return VTD_PGRSP_INVALID;
	}
	endpoint_take(ep, &ep->groups[group], req->pasid, true);
	ep->groups[group].waited = true;
	ep->waits_for = group;
	ep->answer = -1;
	pthread_mutex_unlock(&ep->lock);
	endpoint_send(ep, req, group, true);
	endpoint_deadline(ep->config.timeout_ms, &deadline);
	pthread_mutex_lock(&ep->lock);
	while (ep->answer < 0 && !ep->abort && !ep->quit)
		if (pthread_cond_timedwait(&ep->wake, &ep->lock, &deadline) == ETIMEDOUT)
			break;
	answer = ep->answer;
	ep->waits_for = -1;
	pthread_mutex_unlock(&ep->lock);
	return answer;
}

static uint32_t endpoint_prq_check(const struct endpoint *ep, uint32_t info)
{
	uint32_t functions = endpoint_functions(ep);

	if (!(info & (IOHW_PRQ_READ | IOHW_PRQ_WRITE)) ||
	    (info & IOHW_PRQ_PASID && !(functions & IOHW_FUNC_PASID)))
		return IOHW_PRQ_REFUSED;
	if (!(functions & IOHW_FUNC_PRI))
		return IOHW_PRQ_OFF;
	if (ep->groups[info & IOHW_PRQ_GROUP].complete)
		return IOHW_PRQ_BUSY;
	return endpoint_credits(ep) ? IOHW_PRQ_SENT : IOHW_PRQ_NO_CREDIT;
}

static void endpoint_prq_send(struct endpoint *ep, uint32_t info)
{
	unsigned int group = info & IOHW_PRQ_GROUP;
	bool last = info & IOHW_PRQ_LAST, ok;
	struct vu_hw_req req = {
		.rid = ep->config.devfn,
		.priv = info & IOHW_PRQ_PRIV,
		.access = (info & IOHW_PRQ_READ ? XLAT_READ : 0) |
			  (info & IOHW_PRQ_WRITE ? XLAT_WRITE : 0),
	};

	pthread_mutex_lock(&ep->lock);
	req.addr = ep->prq_addr;
	req.pasid = info & IOHW_PRQ_PASID ? ep->prq_pasid : IOASID_INVALID;
	ep->prq_status = endpoint_prq_check(ep, info);
	ok = ep->prq_status == IOHW_PRQ_SENT;
	if (ok)
		endpoint_take(ep, &ep->groups[group], req.pasid, last);
	pthread_mutex_unlock(&ep->lock);
	if (ok)
		endpoint_send(ep, &req, group, last);
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint64_t endpoint_pair(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

static uint32_t endpoint_first_response(const struct endpoint *ep)
{
	return ep->nr_responses ? ep->responses[ep->first_response] : 0;
}

/* Caller holds the lock. The 8 bytes at @off, a multiple of 8. */
static uint64_t endpoint_reg_read(struct endpoint *ep, uint64_t off)
{
	const struct endpoint_result *r = &ep->result;
	uint64_t value;

	if (off >= IOHW_REG_DATA && off < IOHW_REG_DATA + IOHW_MAX_LEN) {
		memcpy(&value, ep->command.data + (off - IOHW_REG_DATA), sizeof(value));
		return value;
	}
	if (off >= IOHW_REG_COUNTERS && off < IOHW_REG_COUNTERS + 8 * IOHW_NR_COUNTERS)
		return atomic_load(&ep->counters[(off - IOHW_REG_COUNTERS) / 8]);
	switch (off) {
	case IOHW_REG_ID:
		return endpoint_pair(IOHW_ID_VALUE, IOHW_VERSION_VALUE);
	case IOHW_REG_FUNCTIONS:
		return endpoint_pair(endpoint_functions(ep), endpoint_credits(ep));
	case IOHW_REG_COMMAND:
		return endpoint_pair(0, (ep->busy ? IOHW_STATUS_BUSY : 0) |
						(ep->held ? IOHW_STATUS_HELD : 0));
	case IOHW_REG_ADDR:
		return ep->command.addr;
	case IOHW_REG_PASID:
		return endpoint_pair(ep->command.pasid, ep->command.length);
	case IOHW_REG_EXPECT:
		return ep->command.expect;
	case IOHW_REG_RESULT:
		return endpoint_pair(r->result, r->reason);
	case IOHW_REG_FAULT_ADDR:
		return r->fault_addr;
	case IOHW_REG_REACHED:
		return r->reached;
	case IOHW_REG_BETWEEN:
		return r->between;
	case IOHW_REG_PAGE_REQUESTS:
		return endpoint_pair(r->page_requests,
				     atomic_load(&ep->counters[IOHW_COUNTER_MISMATCHES]));
	case IOHW_REG_PRQ_ADDR:
		return ep->prq_addr;
	case IOHW_REG_PRQ_PASID:
		return ep->prq_pasid;
	case IOHW_REG_PRQ_STATUS:
		return endpoint_pair(ep->prq_status, endpoint_first_response(ep));
	default:
		return 0;
	}
}

static void endpoint_half(uint64_t *reg, uint64_t off, uint32_t value)
{
	unsigned int shift = off & 4 ? 32 : 0;

	*reg = (*reg & ~(0xffffffffULL << shift)) | (uint64_t)value << shift;
}

/* Caller holds the lock. The registers of the next command. */
static void endpoint_command_write(struct endpoint *ep, uint64_t off, uint32_t value)
{
	struct endpoint_command *c = &ep->command;

	if (ep->busy)
		return;
	if (off >= IOHW_REG_DATA && off < IOHW_REG_DATA + IOHW_MAX_LEN) {
		memcpy(c->data + (off - IOHW_REG_DATA), &value, sizeof(value));
		return;
	}
	switch (off) {
	case IOHW_REG_COMMAND:
		c->control = value;
		ep->busy = true;
		pthread_cond_broadcast(&ep->wake);
		break;
	case IOHW_REG_ADDR:
	case IOHW_REG_ADDR + 4:
		endpoint_half(&c->addr, off, value);
		break;
	case IOHW_REG_PASID:
		c->pasid = value;
		break;
	case IOHW_REG_LENGTH:
		c->length = value;
		break;
	case IOHW_REG_EXPECT:
	case IOHW_REG_EXPECT + 4:
		endpoint_half(&c->expect, off, value);
		break;
	}
}

static void endpoint_pop_response(struct endpoint *ep)
{
	if (!ep->nr_responses)
		return;
	ep->first_response = (ep->first_response + 1) % ENDPOINT_RESPONSES;
	ep->nr_responses--;
}

static void endpoint_plain_write(struct endpoint *ep, uint64_t off, uint32_t value)
{
	pthread_mutex_lock(&ep->lock);
	switch (off) {
	case IOHW_REG_PRQ_ADDR:
	case IOHW_REG_PRQ_ADDR + 4:
		endpoint_half(&ep->prq_addr, off, value);
		break;
	case IOHW_REG_PRQ_PASID:
		ep->prq_pasid = value;
		break;
	case IOHW_REG_RESPONSE_POP:
		endpoint_pop_response(ep);
		break;
	default:
		endpoint_command_write(ep, off, value);
		break;
	}
	pthread_mutex_unlock(&ep->lock);
}

/* Everything but configuration space is as after a reset. */
static void endpoint_clear(struct endpoint *ep)
{
	endpoint_stop(ep);
	atomic_store(&ep->forget, true);
	pthread_mutex_lock(&ep->lock);
	memset(ep->groups, 0, sizeof(ep->groups));
	ep->outstanding = 0;
	ep->nr_responses = 0;
	ep->pri_failed = false;
	ep->prq_addr = 0;
	ep->prq_pasid = 0;
	ep->prq_status = IOHW_PRQ_NONE;
	memset(&ep->command, 0, sizeof(ep->command));
	ep->command.expect = IOHW_NOWHERE;
	ep->result = (struct endpoint_result){ .reached = IOHW_NOWHERE, .between = IOHW_NOWHERE };
	pthread_mutex_unlock(&ep->lock);
	endpoint_count(ep, IOHW_COUNTER_RESETS, 1);
}

static void endpoint_control(struct endpoint *ep, uint32_t value)
{
	if (value & IOHW_CONTROL_RESET) {
		endpoint_clear(ep);
		return;
	}
	pthread_mutex_lock(&ep->lock);
	if (value & IOHW_CONTROL_ABORT && ep->busy)
		ep->abort = true;
	if (value & IOHW_CONTROL_RELEASE)
		ep->held = false;
	pthread_cond_broadcast(&ep->wake);
	pthread_mutex_unlock(&ep->lock);
}

static void endpoint_reg_write(struct endpoint *ep, uint64_t off, uint32_t value)
{
	switch (off) {
	case IOHW_REG_CONTROL:
		endpoint_control(ep, value);
		break;
	case IOHW_REG_INTERRUPT:
		if (value < IOHW_VECTORS)
			vfio_user_dev_interrupt(&ep->vfio, value);
		break;
	case IOHW_REG_PRQ_SEND:
		endpoint_prq_send(ep, value);
		break;
	default:
		endpoint_plain_write(ep, off, value);
		break;
	}
}

int endpoint_region_read(struct endpoint *ep, unsigned int region, uint64_t offset, void *buf,
			 size_t len)
{
	uint8_t *b = buf;
	uint64_t value;
	size_t n;

	if (region == VFIO_USER_CONFIG) {
		endpoint_pci_read(ep, offset, buf, len);
		return 0;
	}
	for (; len; len -= n, b += n, offset += n) {
		n = 8 - offset % 8 < len ? 8 - offset % 8 : len;
		pthread_mutex_lock(&ep->lock);
		value = region == IOHW_BAR_REGS ? endpoint_reg_read(ep, offset & ~7ULL) : 0;
		pthread_mutex_unlock(&ep->lock);
		value >>= offset % 8 * 8;
		memcpy(b, &value, n);
	}
	return 0;
}

int endpoint_region_write(struct endpoint *ep, unsigned int region, uint64_t offset,
			  const void *buf, size_t len)
{
	const uint8_t *b = buf;
	uint32_t value;

	if (region == VFIO_USER_CONFIG) {
		endpoint_pci_write(ep, offset, buf, len);
		return 0;
	}
	/* Registers take whole, aligned words; anything else changes nothing. */
	if (region != IOHW_BAR_REGS || offset % 4 || len % 4)
		return 0;
	for (; len; len -= 4, b += 4, offset += 4) {
		memcpy(&value, b, sizeof(value));
		endpoint_reg_write(ep, offset, value);
	}
	return 0;
}

/* ---- the thread ------------------------------------------------------------------------------ */

bool endpoint_aborted(struct endpoint *ep)
{
	bool aborted;

	pthread_mutex_lock(&ep->lock);
	aborted = ep->abort || ep->quit;
	pthread_mutex_unlock(&ep->lock);
	return aborted;
}

bool endpoint_hold(struct endpoint *ep)
{
	struct timespec deadline;
	bool ok;

	endpoint_deadline(ENDPOINT_HOLD_MS, &deadline);
	pthread_mutex_lock(&ep->lock);
	ep->held = true;
	while (ep->held && !ep->abort && !ep->quit)
		if (pthread_cond_timedwait(&ep->wake, &ep->lock, &deadline) == ETIMEDOUT)
			break;
	ep->held = false;
	ok = !ep->abort && !ep->quit;
	pthread_mutex_unlock(&ep->lock);
	return ok;
}

/* Lines about surprises; the rest is in the counters and the record. */
#define ENDPOINT_LINES 20

static void endpoint_account(struct endpoint *ep, const struct endpoint_command *c,
			     const struct endpoint_result *r)
{
	static const enum iohw_counter counter[] = {
		[IOHW_OK] = IOHW_COUNTER_OK,
		[IOHW_BLOCKED] = IOHW_COUNTER_BLOCKED,
		[IOHW_ABORTED] = IOHW_COUNTER_ABORTED,
		[IOHW_REFUSED] = IOHW_COUNTER_REFUSED,
	};

	endpoint_count(ep, counter[r->result], 1);
	if (c->expect == IOHW_NOWHERE || r->result != IOHW_OK)
		return;
	endpoint_count(ep, IOHW_COUNTER_EXPECTED, 1);
	if (c->expect == r->reached)
		return;
	endpoint_count(ep, IOHW_COUNTER_MISMATCHES, 1);
	if (atomic_load(&ep->counters[IOHW_COUNTER_MISMATCHES]) > ENDPOINT_LINES)
		return;
	fprintf(stderr, "endpoint %02x: DMA at %#llx reached %#llx, the guest expects %#llx\n",
		ep->config.devfn, (unsigned long long)c->addr, (unsigned long long)r->reached,
		(unsigned long long)c->expect);
}

static void *endpoint_main(void *arg)
{
	struct endpoint *ep = arg;
	struct endpoint_command c;
	struct endpoint_result r;
	uint32_t functions;

	pthread_mutex_lock(&ep->lock);
	for (;;) {
		while (!ep->busy && !ep->quit)
			pthread_cond_wait(&ep->wake, &ep->lock);
		if (ep->quit)
			break;
		c = ep->command;
		functions = endpoint_functions(ep);
		pthread_mutex_unlock(&ep->lock);
		endpoint_run(ep, &c, functions, &r);
		endpoint_account(ep, &c, &r);
		record_dma(ep->config.record, ep->config.devfn, &c, &r);
		pthread_mutex_lock(&ep->lock);
		ep->command = c;
		ep->command.expect = IOHW_NOWHERE;
		ep->result = r;
		ep->busy = false;
		ep->abort = false;
		pthread_cond_broadcast(&ep->wake);
	}
	pthread_mutex_unlock(&ep->lock);
	return NULL;
}

void endpoint_stop(struct endpoint *ep)
{
	pthread_mutex_lock(&ep->lock);
	while (ep->busy) {
		ep->abort = true;
		pthread_cond_broadcast(&ep->wake);
		pthread_cond_wait(&ep->wake, &ep->lock);
	}
	pthread_mutex_unlock(&ep->lock);
}

/* ---- life ------------------------------------------------------------------------------------ */

void endpoint_invalidate(struct endpoint *ep, uint32_t pasid, bool all, uint64_t start,
			 uint64_t last)
{
	struct vu_tlb_range range = { .first = true,
				      .second = true,
				      .by_pasid = !all,
				      .pasid = pasid,
				      .first_range = true,
				      .second_range = true,
				      .start = start,
				      .last = last };

	endpoint_count(ep, IOHW_COUNTER_INVALIDATIONS, 1);
	vu_tlb_purge(&ep->dtlb, &range);
}

void endpoint_reset(struct endpoint *ep)
{
	endpoint_clear(ep);
	pthread_mutex_lock(&ep->lock);
	endpoint_pci_reset(ep);
	pthread_mutex_unlock(&ep->lock);
}

int endpoint_init(struct endpoint *ep, const struct endpoint_config *config)
{
	pthread_condattr_t attr;
	int rc;

	memset(ep, 0, sizeof(*ep));
	ep->config = *config;
	ep->waits_for = -1;
	ep->command.expect = IOHW_NOWHERE;
	ep->result = (struct endpoint_result){ .reached = IOHW_NOWHERE, .between = IOHW_NOWHERE };
	rc = vu_tlb_init(&ep->dtlb, ENDPOINT_DTLB_ENTRIES);
	if (rc)
		return rc;
	pthread_mutex_init(&ep->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ep->wake, &attr);
	pthread_condattr_destroy(&attr);
	endpoint_pci_reset(ep);
	rc = -pthread_create(&ep->thread, NULL, endpoint_main, ep);
	if (rc) {
		pthread_cond_destroy(&ep->wake);
		pthread_mutex_destroy(&ep->lock);
		vu_tlb_destroy(&ep->dtlb);
	}
	return rc;
}

void endpoint_destroy(struct endpoint *ep)
{
	pthread_mutex_lock(&ep->lock);
	ep->quit = true;
	pthread_cond_broadcast(&ep->wake);
	pthread_mutex_unlock(&ep->lock);
	pthread_join(ep->thread, NULL);
	pthread_cond_destroy(&ep->wake);
	pthread_mutex_destroy(&ep->lock);
	vu_tlb_destroy(&ep->dtlb);
}
