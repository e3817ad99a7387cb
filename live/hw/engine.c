// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The commanded endpoint: one command, page by page. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"

/* How often a page is asked for before the command is given up. */
#define ENGINE_TRIES	64
#define ENGINE_PAGE	4096u
#define ENGINE_AGAIN_US 1000

/**
 * struct engine - a command on its way
 * @req: of the piece at hand
 * @done: bytes transferred
 */
struct engine {
	struct endpoint *ep;
	struct endpoint_command *c;
	struct endpoint_result *r;
	struct vu_hw_req req;
	uint32_t functions, done;
};

static uint32_t engine_op(const struct engine *e)
{
	return e->c->control & IOHW_CMD_OP;
}

static bool engine_valid(const struct engine *e)
{
	const struct endpoint_command *c = e->c;

	if (!(e->functions & IOHW_FUNC_MASTER) || engine_op(e) > IOHW_CMD_FETCH_ADD)
		return false;
	if (!c->length || c->length > IOHW_MAX_LEN || c->addr + (c->length - 1) < c->addr)
		return false;
	if (engine_op(e) == IOHW_CMD_FETCH_ADD && (c->length != 8 || c->addr % 8))
		return false;
	if (!(c->control & IOHW_CMD_PASID))
		return !(c->control & IOHW_CMD_PRIV);
	if (c->control & IOHW_CMD_PRIV && !(e->functions & IOHW_FUNC_PRIV))
		return false;
	return e->functions & IOHW_FUNC_PASID && c->pasid < 1U << IOASID_PASID_BITS;
}

static bool engine_ats(const struct engine *e)
{
	return e->functions & IOHW_FUNC_ATS && !(e->c->control & IOHW_CMD_NO_ATS);
}

/* What the device TLB knows about the request; the caller is inside vu_hw_enter(). */
static uint8_t engine_translate(struct engine *e, struct vu_hw_xlat *x)
{
	struct endpoint *ep = e->ep;
	struct vu_tlb_key key = { .pasid = e->req.pasid, .pgtt = VTD_PGTT_FS, .priv = e->req.priv };
	struct vu_tlb_entry *hit;

	e->req.type = engine_ats(e) ? VTD_REQ_TRANSLATION : VTD_REQ_UNTRANSLATED;
	/* After a reset, and after ATS was off. */
	if (atomic_exchange(&ep->forget, false))
		vu_tlb_purge(&ep->dtlb, &(struct vu_tlb_range){ .first = true, .second = true });
	if (!engine_ats(e))
		return vu_hw_translate(ep->config.unit, &e->req, x);
	hit = vu_tlb_find(&ep->dtlb, &key, e->req.addr, e->req.access);
	if (hit) {
		uint64_t mask = (1ULL << hit->lg2) - 1;

		endpoint_count(ep, IOHW_COUNTER_DTLB_HITS, 1);
		vu_hw_verify(ep->config.unit, &e->req, hit);
		*x = (struct vu_hw_xlat){ .oa = hit->oa | (e->req.addr & mask), .gpa = ~0ULL };
		if (hit->has_gpa)
			x->gpa = hit->gpa | (e->req.addr & mask);
		return 0;
	}
	endpoint_count(ep, IOHW_COUNTER_TRANSLATIONS, 1);
	if (vu_hw_translate(ep->config.unit, &e->req, x))
		return x->reason;
	x->entry.key = key;
	vu_tlb_add(&ep->dtlb, &x->entry);
	return 0;
}

/* The access itself. Return: false: there is no memory. */
static bool engine_access(struct engine *e, uint64_t oa, uint32_t len)
{
	uint8_t *data = e->c->data + e->done;
	void *p = guest_ram_ptr(e->ep->config.ram, oa, len, e->req.access & XLAT_WRITE);
	uint64_t add, old;

	if (!p)
		return false;
	if (e->ep->config.delay_us)
		usleep(e->ep->config.delay_us);
	switch (engine_op(e)) {
	case IOHW_CMD_READ:
		memcpy(data, p, len);
		break;
	case IOHW_CMD_WRITE:
		memcpy(p, data, len);
		break;
	default:
		memcpy(&add, data, sizeof(add));
		old = __atomic_fetch_add((uint64_t *)p, add, __ATOMIC_SEQ_CST);
		memcpy(data, &old, sizeof(old));
		break;
	}
	return true;
}

static void engine_blocked(struct engine *e, uint8_t reason, uint8_t fault)
{
	e->r->result = IOHW_BLOCKED;
	e->r->reason = reason | (uint32_t)fault << 8;
	e->r->fault_addr = e->req.addr;
}

/* One attempt at one piece. Return: true: done; else result says why, @help: a page may help. */
static bool engine_try(struct engine *e, uint32_t len, bool *help)
{
	struct endpoint *ep = e->ep;
	struct vu_hw_xlat x;
	bool ok;

	vu_hw_enter(ep->config.unit);
	ok = !engine_translate(e, &x);
	*help = !ok && x.page_request;
	if (!ok) {
		engine_blocked(e, x.reason, x.fault);
	} else if (e->c->control & IOHW_CMD_HOLD && !e->done && !endpoint_hold(ep)) {
		ok = false;
	} else if (!engine_access(e, x.oa, len)) {
		engine_blocked(e, 0, IOHW_FAULT_ACCESS);
		ok = false;
	}
	vu_hw_leave(ep->config.unit);
	if (!e->done && (ok || x.gpa != ~0ULL))
		e->r->between = x.gpa;
	if (!e->done && !x.reason)
		e->r->reached = x.oa;
	return ok;
}

/* The answer to a page request that @e needed. Return: try again. */
static bool engine_page(struct engine *e)
{
	struct vu_hw_req ask = e->req;
	int answer;

	ask.addr &= ~(uint64_t)(ENGINE_PAGE - 1);
	e->r->page_requests++;
	answer = endpoint_ask(e->ep, &ask);
	if (answer < 0) {
		e->r->result = IOHW_ABORTED;
		return false;
	}
	return answer == VTD_PGRSP_SUCCESS;
}

static bool engine_may_ask(const struct engine *e)
{
	return engine_ats(e) && e->functions & IOHW_FUNC_PRI &&
	       e->c->control & IOHW_CMD_PAGE_REQUEST;
}

static bool engine_piece(struct engine *e, uint32_t len)
{
	unsigned int tries;
	bool help;

	for (tries = 0; tries < ENGINE_TRIES; tries++) {
		if (endpoint_aborted(e->ep)) {
			e->r->result = IOHW_ABORTED;
			return false;
		}
		if (engine_try(e, len, &help))
			return true;
		if (endpoint_aborted(e->ep)) {
			e->r->result = IOHW_ABORTED;
			return false;
		}
		if (!help || !engine_may_ask(e) || !engine_page(e))
			return false;
		/* "Success" without effect: the queue was full, or the page is gone again. */
		if (tries > 1)
			usleep(ENGINE_AGAIN_US);
	}
	return false;
}

void endpoint_run(struct endpoint *ep, struct endpoint_command *c, uint32_t functions,
		  struct endpoint_result *r)
{
	struct engine e = { .ep = ep, .c = c, .r = r, .functions = functions };
	uint32_t len;

	*r = (struct endpoint_result){ .reached = IOHW_NOWHERE, .between = IOHW_NOWHERE };
	if (!engine_valid(&e)) {
		r->result = IOHW_REFUSED;
		return;
	}
	e.req = (struct vu_hw_req){
		.rid = ep->config.devfn,
		.pasid = c->control & IOHW_CMD_PASID ? c->pasid : IOASID_INVALID,
		.priv = c->control & IOHW_CMD_PRIV,
		.quiet = c->control & IOHW_CMD_QUIET,
		.access = engine_op(&e) == IOHW_CMD_READ  ? XLAT_READ :
			  engine_op(&e) == IOHW_CMD_WRITE ? XLAT_WRITE :
							    XLAT_RW,
	};
	for (; e.done < c->length; e.done += len) {
		e.req.addr = c->addr + e.done;
		len = ENGINE_PAGE - e.req.addr % ENGINE_PAGE;
		if (len > c->length - e.done)
			len = c->length - e.done;
		if (!engine_piece(&e, len))
			return;
		endpoint_count(ep, IOHW_COUNTER_BYTES, len);
	}
	r->result = IOHW_OK;
	r->reason = 0;
	r->fault_addr = 0;
}
