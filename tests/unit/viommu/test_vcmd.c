// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Virtual commands: registers, and a responder that may be slow, unwilling or wrong. */
#include <time.h>
#include <unistd.h>

#include "tests/unit/viommu/fx.h"

#define VCMD_LIMIT_US 10000000
#define ALLOC	      VTD_VCMD_ALLOC
#define FREE(n)	      (VTD_VCMD_FREE | FIELD_PREP(VTD_VCMD_OA, (u64)(n)))
#define STATUS(rsp)   ((u32)FIELD_GET(VTD_VCRSP_SC, rsp))
#define RESULT(rsp)   FIELD_GET(VTD_VCRSP_RSLT, rsp)

/* ---- the responder ----------------------------------------------------------------------------- */

/**
 * struct book - what the responder knows
 * @next: it gives numbers in turn
 * @max: what it was told last
 * @rc: its answer instead of a number
 * @out: numbers given and not given back; @nr: how many
 * @freed: the last one given back
 * @calls: of either function
 * @gate: calls wait until somebody opens it; @waiting: one does
 * @known: the last number was given to a thread that is who made the unit
 */
static struct book {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	u32 next, max, nr, freed, calls;
	int rc;
	bool gate, waiting, inside, known;
	u8 out[1u << IOASID_PASID_BITS];
} book = { .lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };

static void book_open(void)
{
	pthread_mutex_lock(&book.lock);
	ut_assert_eq(book.nr, 0);
	book.next = 1;
	book.max = book.freed = book.calls = 0;
	book.rc = 0;
	book.gate = book.waiting = book.inside = false;
	pthread_mutex_unlock(&book.lock);
}

/* One call at a time, whoever makes it. */
static void book_enter(void)
{
	pthread_mutex_lock(&book.lock);
	ut_assert(!book.inside);
	book.inside = true;
	book.calls++;
	book.waiting = true;
	pthread_cond_broadcast(&book.cond);
	while (book.gate)
		pthread_cond_wait(&book.cond, &book.lock);
	book.waiting = false;
}

static void book_leave(void)
{
	book.inside = false;
	pthread_mutex_unlock(&book.lock);
}

static int book_alloc(void *opaque, uint32_t max, uint32_t *pasid)
{
	int rc;

	ut_assert(opaque == &book);
	book_enter();
	book.max = max;
	book.known = shim_is_caller();
	rc = book.rc;
	if (!rc) {
		*pasid = book.next++;
		if (*pasid && *pasid < sizeof(book.out) && !book.out[*pasid]) {
			book.out[*pasid] = 1;
			book.nr++;
		}
	}
	book_leave();
	return rc;
}

static void book_free(void *opaque, uint32_t pasid)
{
	ut_assert(opaque == &book);
	book_enter();
	ut_assert(pasid < sizeof(book.out) && book.out[pasid]);
	book.out[pasid] = 0;
	book.nr--;
	book.freed = pasid;
	book_leave();
}

static const struct vtd_unit_vcmd book_ops = { .pasid_alloc = book_alloc, .pasid_free = book_free };

static void book_shut_gate(void)
{
	pthread_mutex_lock(&book.lock);
	book.gate = true;
	book.waiting = false;
	pthread_mutex_unlock(&book.lock);
}

/* Until a call stands before the gate. */
static void book_wait(void)
{
	pthread_mutex_lock(&book.lock);
	while (!book.waiting)
		pthread_cond_wait(&book.cond, &book.lock);
	pthread_mutex_unlock(&book.lock);
}

static void book_open_gate(void)
{
	pthread_mutex_lock(&book.lock);
	book.gate = false;
	pthread_cond_broadcast(&book.cond);
	pthread_mutex_unlock(&book.lock);
}

/* ---- the guest --------------------------------------------------------------------------------- */

static void vc_unit(struct fx *fx)
{
	struct vtd_unit_config config = { .vcmd = &book_ops, .vcmd_opaque = &book };

	book_open();
	fx_unit(fx, &config);
}

static void vc_end(struct fx *fx)
{
	fx_end(fx);
	ut_assert_eq(book.nr, 0);
}

/* Until the command is answered. Return: VCRSP. */
static u64 vc_answer(struct fx *fx)
{
	u32 us = 0;
	u64 rsp;

	while ((rsp = vg_get64(&fx->g, VTD_REG_VCRSP)) & VTD_VCRSP_IP) {
		ut_assert(us < VCMD_LIMIT_US);
		usleep(20);
		us += 20;
	}
	return rsp;
}

static u64 vc_do(struct fx *fx, u64 cmd)
{
	vg_set64(&fx->g, VTD_REG_VCMD, cmd);
	return vc_answer(fx);
}

static u32 vc_alloc(struct fx *fx)
{
	u64 rsp = vc_do(fx, ALLOC);

	ut_assert_eq(STATUS(rsp), VTD_VC_OK);
	ut_assert_eq(rsp & ~VTD_VC_PASID, 0);
	return (u32)RESULT(rsp);
}

static u32 vc_free(struct fx *fx, u64 operand)
{
	u64 rsp = vc_do(fx, FREE(operand));

	ut_assert_eq(rsp & ~VTD_VCRSP_SC, 0);
	return STATUS(rsp);
}

/* ---- offered or not ---------------------------------------------------------------------------- */

UT_CASE(not_offered)
{
	struct vtd_unit_config config = { 0 };
	struct fx fx;
	u32 off;

	fx_unit(&fx, &config);
	ut_assert(!(vg_get64(&fx.g, VTD_REG_ECAP) & VTD_ECAP_VCS));
	vg_set64(&fx.g, VTD_REG_VCMD_EO, ~0ull);
	vg_set64(&fx.g, VTD_REG_VCMD, ALLOC);
	for (off = VTD_REG_VCMD; off <= VTD_REG_VCCAP; off += 8)
		ut_assert_eq(vg_get64(&fx.g, off), 0);
	vtd_unit_reset(fx.g.unit);
	fx_end(&fx);
}

UT_CASE(offered)
{
	struct fx fx;
	u32 off;

	vc_unit(&fx);
	ut_assert(vg_get64(&fx.g, VTD_REG_ECAP) & VTD_ECAP_VCS);
	ut_assert(1ull << 44 & vg_get64(&fx.g, VTD_REG_ECAP));
	ut_assert_eq(vg_get64(&fx.g, 0xe30), 7);
	for (off = 0xe00; off < 0xe30; off += 8)
		ut_assert_eq(vg_get64(&fx.g, off), 0);
	/* Read-only: response and capability. Nothing to either side. */
	vg_set64(&fx.g, VTD_REG_VCRSP, ~0ull);
	vg_set64(&fx.g, VTD_REG_VCCAP, ~0ull);
	for (off = VTD_REG_VCRSP; off < VTD_REG_VCCAP; off += 8) {
		vg_set64(&fx.g, off, ~0ull);
		ut_assert_eq(vg_get64(&fx.g, off), 0);
	}
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCCAP), 7);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCCAP + 8), 0);
	ut_assert_eq(book.calls, 0);
	vc_end(&fx);
}

UT_CASE(configurations)
{
	static const struct vtd_unit_vcmd half[] = { { .pasid_alloc = book_alloc },
						     { .pasid_free = book_free } };
	struct vtd_unit_config config = { .vcmd = &half[0], .vcmd_opaque = &book };
	struct vtd_unit *unit;
	struct fx fx;
	u32 i;

	book_open();
	for (i = 0; i < ARRAY_SIZE(half); i++) {
		shim_init();
		vg_init(&fx.g);
		config.vcmd = &half[i];
		ut_assert_eq(vg_unit(&fx.g, &config, SHIM_CTX, SHIM_GPA), -EINVAL);
		vg_destroy(&fx.g);
		shim_destroy();
	}
	/* What was compiled before there were virtual commands has a shorter structure. */
	config.vcmd = &book_ops;
	fx_unit(&fx, &config);
	vtd_unit_destroy(fx.g.unit);
	config.size = offsetof(struct vtd_unit_config, vcmd);
	ut_assert_eq(vtd_unit_create(&config, &fx.g.unit), 0);
	ut_assert(!(vg_get64(&fx.g, VTD_REG_ECAP) & VTD_ECAP_VCS));
	config.size += 4;
	ut_assert_eq(vtd_unit_create(&config, &unit), -EINVAL);
	config.size = sizeof(config) + 8;
	ut_assert_eq(vtd_unit_create(&config, &unit), -EINVAL);
	fx_end(&fx);
}

UT_CASE(creation_without_memory)
{
	struct vtd_unit_config config = { .vcmd = &book_ops, .vcmd_opaque = &book };
	long live = os_alloc_live();
	struct fx fx;
	u32 nth;
	int rc;

	book_open();
	for (nth = 1;; nth++) {
		shim_init();
		vg_init(&fx.g);
		os_alloc_fail_nth(nth);
		rc = vg_unit(&fx.g, &config, SHIM_CTX, SHIM_GPA);
		os_alloc_fail_nth(0);
		if (!rc)
			break;
		ut_assert_eq(rc, -ENOMEM);
		ut_assert_eq(os_alloc_live(), live);
		ut_assert_eq(shim.fault_fd, -1);
		vg_destroy(&fx.g);
		shim_destroy();
	}
	ut_assert(nth > 4);
	fx.live = live;
	fx.dev[0] = fx.dev[1] = (struct ioasid_dev){ .attached = IOASID_INVALID };
	vc_end(&fx);
}

/* ---- commands ---------------------------------------------------------------------------------- */

UT_CASE(allocate_and_free)
{
	struct vtd_unit_stats s;
	struct fx fx;

	vc_unit(&fx);
	book.next = 0xabcde;
	ut_assert_eq(vc_do(&fx, ALLOC), 0xabcdeull << 16);
	ut_assert_eq(book.max, 0xfffff);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD), ALLOC);
	book.next = 0xfffff;
	ut_assert_eq(vc_alloc(&fx), 0xfffff);
	ut_assert_eq(book.nr, 2);
	ut_assert_eq(fx_stats(&fx).pasids_now, 2);
	ut_assert_eq(vc_free(&fx, 0xabcde), VTD_VC_OK);
	ut_assert_eq(book.freed, 0xabcde);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD), FREE(0xabcde));
	ut_assert_eq(vc_free(&fx, 0xfffff), VTD_VC_OK);
	s = fx_stats(&fx);
	ut_assert(s.vcmd_allocs == 2 && s.vcmd_frees == 2 && !s.vcmd_refused && !s.pasids_now);
	vc_end(&fx);
}

UT_CASE(only_its_own)
{
	static const u64 bad[] = { 0, 2, 5, 0xfffff, 0x100000, 0x100003, 0xffffffffffff };
	struct fx fx;
	u32 i;

	vc_unit(&fx);
	book.next = 3;
	ut_assert_eq(vc_alloc(&fx), 3);
	ut_assert_eq(vc_alloc(&fx), 4);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ut_assert_eq(vc_free(&fx, bad[i]), 16);
	/* Twice: the second time it is a stranger's, and may be one in fact. */
	ut_assert_eq(vc_free(&fx, 3), 0);
	ut_assert_eq(vc_free(&fx, 3), 16);
	ut_assert_eq(vc_free(&fx, 3), 16);
	ut_assert_eq(book.nr, 1);
	/* Given again, it is the guest's again. */
	book.next = 3;
	ut_assert_eq(vc_alloc(&fx), 3);
	ut_assert_eq(vc_free(&fx, 3), 0);
	ut_assert_eq(fx_stats(&fx).vcmd_refused, ARRAY_SIZE(bad) + 2);
	vc_end(&fx);
}

UT_CASE(none_available)
{
	static const int why[] = { -ENOSPC, -EDQUOT, -ENOMEM, -EPERM, 1 };
	struct fx fx;
	u32 i;

	vc_unit(&fx);
	for (i = 0; i < ARRAY_SIZE(why); i++) {
		book.rc = why[i];
		ut_assert_eq(vc_do(&fx, ALLOC), 16 << 1);
	}
	book.rc = 0;
	ut_assert_eq(vc_alloc(&fx), 1);
	ut_assert_eq(fx_stats(&fx).vcmd_refused, ARRAY_SIZE(why));
	ut_assert_eq(fx_stats(&fx).pasids_now, 1);
	vc_end(&fx);
}

/* A responder that says what cannot be: the guest gets none of it. */
UT_CASE(wrong_answers)
{
	struct vtd_unit_config config = {
		.vcmd = &book_ops,
		.vcmd_opaque = &book,
		.pasid_bits = 9,
	};
	static const u32 wrong[] = { 0, 512, 0xfffff, 0x100000, IOASID_INVALID };
	struct fx fx;
	u32 i;

	book_open();
	fx_unit(&fx, &config);
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		book.next = wrong[i];
		ut_assert_eq(vc_do(&fx, ALLOC), 16 << 1);
		ut_assert_eq(book.max, 511);
		ut_assert_eq(book.nr, 0);
	}
	book.next = 511;
	ut_assert_eq(vc_alloc(&fx), 511);
	book.next = 511;
	ut_assert_eq(vc_do(&fx, ALLOC), 16 << 1);
	ut_assert_eq(book.nr, 1);
	ut_assert_eq(vc_free(&fx, 511), 0);
	vc_end(&fx);
}

UT_CASE(null_and_undefined)
{
	struct fx fx;
	u32 cmd;

	vc_unit(&fx);
	ut_assert_eq(vc_alloc(&fx), 1);
	/* The response of the command before is gone. */
	ut_assert_eq(vc_do(&fx, VTD_VCMD_NULL), 0);
	for (cmd = 3; cmd < 256; cmd++)
		ut_assert_eq(vc_do(&fx, cmd | 1u << 16), 1 << 1);
	ut_assert_eq(vc_do(&fx, VTD_VCMD_NULL), 0);
	ut_assert_eq(fx_stats(&fx).vcmd_undefined, 253);
	ut_assert_eq(book.calls, 1);
	vc_end(&fx);
}

/* ---- accesses ---------------------------------------------------------------------------------- */

UT_CASE(halves)
{
	struct fx fx;

	vc_unit(&fx);
	book.next = 0x54321;
	vg_set32(&fx.g, VTD_REG_VCMD + 4, 0);
	ut_assert_eq(book.calls, 0);
	vg_set32(&fx.g, VTD_REG_VCMD, ALLOC);
	ut_assert_eq(vc_answer(&fx), 0x54321ull << 16);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_VCRSP), 0x43210000);
	ut_assert_eq(vg_get32(&fx.g, VTD_REG_VCRSP + 4), 5);
	/* The upper half, which has the rest of the operand, comes first and does nothing. */
	vg_set32(&fx.g, VTD_REG_VCMD + 4, 0x5);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), 0x54321ull << 16);
	vg_set32(&fx.g, VTD_REG_VCMD, 0x43210000 | VTD_VCMD_FREE);
	ut_assert_eq(vc_answer(&fx), 0);
	ut_assert_eq(book.freed, 0x54321);
	/* The other way round another number is meant. */
	book.next = 0x54321;
	ut_assert_eq(vc_alloc(&fx), 0x54321);
	vg_set32(&fx.g, VTD_REG_VCMD + 4, 0);
	vg_set32(&fx.g, VTD_REG_VCMD, 0x43210000 | VTD_VCMD_FREE);
	ut_assert_eq(vc_answer(&fx), 16 << 1);
	vg_set32(&fx.g, VTD_REG_VCMD + 4, 5);
	ut_assert_eq(book.nr, 1);
	vc_end(&fx);
}

UT_CASE(bytes)
{
	struct fx fx;
	u32 i;

	vc_unit(&fx);
	book.next = 0x7;
	/* Only the byte with the command sets it off. */
	vtd_unit_write(fx.g.unit, VTD_REG_VCMD + 2, 2, 7);
	for (i = 4; i < 8; i++)
		vtd_unit_write(fx.g.unit, VTD_REG_VCMD + i, 1, 0);
	vtd_unit_write(fx.g.unit, VTD_REG_VCMD + 1, 1, 0xff);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD), 0x70000);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), 0);
	ut_assert_eq(vc_alloc(&fx), 7);
	vtd_unit_write(fx.g.unit, VTD_REG_VCMD + 2, 1, 7);
	vtd_unit_write(fx.g.unit, VTD_REG_VCMD, 1, VTD_VCMD_FREE);
	ut_assert_eq(vc_answer(&fx), 0);
	ut_assert_eq(book.freed, 7);
	/* One access that begins before the register; and reserved bits, which do not stick. */
	vtd_unit_write(fx.g.unit, VTD_REG_VCMD - 4, 8, 0xff01ull << 32);
	ut_assert_eq(STATUS(vc_answer(&fx)), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD), ALLOC);
	/* The operand of commands to come. */
	vg_set64(&fx.g, VTD_REG_VCMD_EO, 0x123456789abcdef0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD_EO), 0x123456789abcdef0);
	vg_set32(&fx.g, VTD_REG_VCMD_EO + 4, 1);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD_EO), 0x19abcdef0);
	ut_assert_eq(book.nr, 1);
	vc_end(&fx);
}

/* ---- a responder that takes its time ------------------------------------------------------------- */

UT_CASE(in_progress)
{
	struct fx fx;

	vc_unit(&fx);
	vg_set64(&fx.g, VTD_REG_VCMD_EO, 42);
	book_shut_gate();
	vg_set64(&fx.g, VTD_REG_VCMD, ALLOC);
	book_wait();
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), VTD_VCRSP_IP);
	/* Nothing can be written, in no order. */
	vg_set64(&fx.g, VTD_REG_VCMD, FREE(1));
	vg_set32(&fx.g, VTD_REG_VCMD + 4, ~0u);
	vg_set32(&fx.g, VTD_REG_VCMD, VTD_VCMD_NULL);
	vtd_unit_write(fx.g.unit, VTD_REG_VCMD, 1, 99);
	vg_set64(&fx.g, VTD_REG_VCMD_EO, 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD), ALLOC);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD_EO), 42);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), VTD_VCRSP_IP);
	ut_assert_eq(fx_stats(&fx).vcmd_dropped, 7);
	/* All other registers are as they always are: boot, queue, interrupts. */
	fx_add(&fx);
	vg_boot(&fx.g);
	ut_assert(vg_wait(&fx.g));
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), VTD_VCRSP_IP);
	book_open_gate();
	ut_assert_eq(vc_answer(&fx), 1 << 16);
	ut_assert_eq(book.calls, 1);
	/* The same while a number is being given back. */
	book_shut_gate();
	vg_set64(&fx.g, VTD_REG_VCMD, FREE(1));
	book_wait();
	/* What was answered before is gone from the first moment. */
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), VTD_VCRSP_IP);
	vg_set64(&fx.g, VTD_REG_VCMD, ALLOC);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD), FREE(1));
	book_open_gate();
	ut_assert_eq(vc_answer(&fx), 0);
	ut_assert_eq(fx_stats(&fx).vcmd_undefined, 0);
	vc_end(&fx);
}

static void *vc_reset_thread(void *arg)
{
	vtd_unit_reset(((struct fx *)arg)->g.unit);
	return NULL;
}

/* The number of a command that is half done is given back like all others. */
UT_CASE(reset_in_progress)
{
	pthread_t t;
	struct fx fx;
	u32 i;

	vc_unit(&fx);
	for (i = 1; i < 200; i++)
		ut_assert_eq(vc_alloc(&fx), i);
	vg_set64(&fx.g, VTD_REG_VCMD_EO, 42);
	book_shut_gate();
	vg_set64(&fx.g, VTD_REG_VCMD, ALLOC);
	book_wait();
	pthread_create(&t, NULL, vc_reset_thread, &fx);
	usleep(20000);
	ut_assert_eq(book.nr, 199);
	book_open_gate();
	pthread_join(t, NULL);
	ut_assert_eq(book.nr, 0);
	ut_assert_eq(fx_stats(&fx).vcmd_reclaimed, 200);
	ut_assert_eq(fx_stats(&fx).pasids_now, 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD), 0);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCMD_EO), 0);
	ut_assert_eq(vc_free(&fx, 5), 16);
	ut_assert_eq(vc_alloc(&fx), 201);
	vc_end(&fx);
}

/* A guest that is back before the reset has given back the numbers of the one before it. */
UT_CASE(command_during_reset)
{
	pthread_t t;
	struct fx fx;

	vc_unit(&fx);
	ut_assert_eq(vc_alloc(&fx), 1);
	book_shut_gate();
	pthread_create(&t, NULL, vc_reset_thread, &fx);
	book_wait(); /* it gives back 1 */
	vg_set64(&fx.g, VTD_REG_VCMD, ALLOC);
	ut_assert_eq(vg_get64(&fx.g, VTD_REG_VCRSP), VTD_VCRSP_IP);
	book_open_gate();
	pthread_join(t, NULL);
	ut_assert_eq(vc_answer(&fx), 2 << 16);
	ut_assert(book.nr == 1 && book.out[2]);
	vc_end(&fx);
}

static void *vc_destroy_thread(void *arg)
{
	vtd_unit_destroy(((struct fx *)arg)->g.unit);
	return NULL;
}

UT_CASE(destroyed_in_progress)
{
	pthread_t t;
	struct fx fx;

	vc_unit(&fx);
	ut_assert_eq(vc_alloc(&fx), 1);
	ut_assert_eq(vc_alloc(&fx), 2);
	book_shut_gate();
	vg_set64(&fx.g, VTD_REG_VCMD, ALLOC);
	book_wait();
	pthread_create(&t, NULL, vc_destroy_thread, &fx);
	usleep(20000);
	book_open_gate();
	pthread_join(t, NULL);
	ut_assert_eq(book.nr, 0);
	fx.g.unit = NULL;
	vc_end(&fx);
}

/* Whoever makes the unit pays for its guest. */
UT_CASE(thread_is_the_creator)
{
	struct fx fx;

	vc_unit(&fx);
	ut_assert_eq(vc_alloc(&fx), 1);
	ut_assert(!book.known);
	vtd_unit_destroy(fx.g.unit);
	shim_be_caller(true);
	ut_assert_eq(vg_unit(&fx.g,
			     &(struct vtd_unit_config){ .vcmd = &book_ops, .vcmd_opaque = &book },
			     SHIM_CTX, SHIM_GPA),
		     0);
	shim_be_caller(false);
	ut_assert_eq(shim.caller.refs, 1);
	ut_assert_eq(vc_alloc(&fx), 2);
	ut_assert(book.known);
	vtd_unit_destroy(fx.g.unit);
	fx.g.unit = NULL;
	ut_assert_eq(shim.caller.refs, 0);
	vc_end(&fx);
}

UT_CASE(until_there_are_none)
{
	struct fx fx;
	u32 i, nr;

	vc_unit(&fx);
	for (nr = 0; nr < 3000; nr++)
		ut_assert_eq(vc_alloc(&fx), nr + 1);
	book.rc = -EDQUOT;
	for (i = 0; i < 100; i++)
		ut_assert_eq(vc_do(&fx, ALLOC), 16 << 1);
	ut_assert_eq(fx_stats(&fx).pasids_now, nr);
	book.rc = 0;
	/* Some it gives back; the rest goes with the unit. */
	for (i = 1; i <= nr; i += 2)
		ut_assert_eq(vc_free(&fx, i), 0);
	ut_assert_eq(book.nr, nr / 2);
	vc_end(&fx);
}

/* ---- several processors -------------------------------------------------------------------------- */

static struct {
	struct fx *fx;
	bool stop;
} race;

static void *race_commands(void *arg)
{
	struct ut_rand r = { (uintptr_t)arg };
	struct vtd_unit *unit = race.fx->g.unit;

	while (!__atomic_load_n(&race.stop, __ATOMIC_RELAXED)) {
		u64 pasid = ut_below(&r, 64);

		switch (ut_below(&r, 5)) {
		case 0 ... 1:
			vtd_unit_write(unit, VTD_REG_VCMD, 8, ALLOC);
			break;
		case 2:
			vtd_unit_write(unit, VTD_REG_VCMD, 8, FREE(pasid));
			break;
		case 3:
			vtd_unit_write(unit, VTD_REG_VCMD, 8, ut_below(&r, 4));
			break;
		case 4:
			vtd_unit_write(unit, VTD_REG_VCMD + ut_below(&r, 16), 1 + ut_below(&r, 8),
				       ut_rand(&r));
			break;
		}
		vtd_unit_read(unit, VTD_REG_VCRSP, 8);
	}
	return NULL;
}

UT_CASE(races)
{
	struct vtd_unit_stats s;
	pthread_t t[3];
	struct fx fx;
	u32 i;

	vc_unit(&fx);
	race.fx = &fx;
	race.stop = false;
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_create(&t[i], NULL, race_commands, (void *)(uintptr_t)(i + 1));
	for (i = 0; i < 200; i++) {
		usleep(1000);
		/* Numbers come round, and sometimes there are none. */
		pthread_mutex_lock(&book.lock);
		book.next = book.nr ? book.next : 1;
		book.rc = i % 7 ? 0 : -ENOSPC;
		pthread_mutex_unlock(&book.lock);
		if (i % 3 == 0)
			vtd_unit_reset(fx.g.unit);
	}
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pthread_join(t[i], NULL);
	vc_answer(&fx);
	s = fx_stats(&fx);
	ut_assert(s.vcmd_allocs > 0 && s.vcmd_reclaimed > 0);
	ut_assert_eq(s.vcmd_allocs, s.vcmd_frees + s.vcmd_reclaimed + s.pasids_now);
	ut_assert_eq(s.pasids_now, book.nr);
	vc_end(&fx);
}

UT_SUITE(viommu_vcmd, UT_ENTRY(not_offered), UT_ENTRY(offered), UT_ENTRY(configurations),
	 UT_ENTRY(creation_without_memory), UT_ENTRY(allocate_and_free), UT_ENTRY(only_its_own),
	 UT_ENTRY(none_available), UT_ENTRY(wrong_answers), UT_ENTRY(null_and_undefined),
	 UT_ENTRY(halves), UT_ENTRY(bytes), UT_ENTRY(in_progress), UT_ENTRY(reset_in_progress),
	 UT_ENTRY(command_during_reset), UT_ENTRY(destroyed_in_progress),
	 UT_ENTRY(thread_is_the_creator), UT_ENTRY(until_there_are_none), UT_ENTRY(races));
