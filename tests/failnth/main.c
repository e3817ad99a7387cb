// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Every allocation of every operation fails once: the call answers ENOMEM and nothing has changed,
 * or it succeeds all the same. Calls that must always succeed are held to that.
 *
 * The operations and what they mean come from the model; "nothing has changed" is what the contexts
 * tell about themselves, every DMA, and the number of live allocations.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include <ioasid/host.h>

#include "os/os.h"
#include "tests/conformance/snap.h"
#include "tests/model/real.h"
#include "tests/model/sequences.h"

static const char *const op_names[NR_OPS] = { OP_NAMES };

/* Operations that may not need memory: ending something always works (design 5.6, section 9). */
static bool always_succeeds(const struct op *op)
{
	switch (op->type) {
	case OP_CLOSE:
	case OP_FREE:
	case OP_UNMAP:
	case OP_UNMAP_ALL:
	case OP_TREE:
	case OP_DEV_CLOSE:
	case OP_RESET:
	case OP_DETACH:
	case OP_DETACH_PASID:
	case OP_CLEAR_HWID:
	case OP_CLEAR_ALL:
		return true;
	case OP_BIND_TABLE:
		return op->a == NR_TREES;
	default:
		return false;
	}
}

/* Everything that can be asked, as one text. */
static char *state_text(const struct real *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int i;

	assert_non_null(out);
	for (i = 0; i < NR_CTX; i++) {
		struct snap snap;

		if (!r->ctx[i])
			continue;
		snap_take(&snap, r->ctx[i]);
		fprintf(out, "context %d\n%s", i, snap.text);
		snap_free(&snap);
	}
	fclose(out);
	return text;
}

static void probes_agree(struct real *r, const struct model *m, const char *when)
{
	char why[256] = "";
	int dev, pasid, page;

	for (dev = 0; dev < NR_DEV; dev++) {
		for (pasid = 0; pasid < 1 << m_pasid_bits[dev]; pasid++) {
			for (page = 0; page < NR_PAGES; page++) {
				struct m_target t = model_dma(m, dev, pasid, page);

				if (!real_probe(r, dev, pasid, page, t, why, sizeof(why)))
					fail_msg("%s: %s", when, why);
			}
		}
	}
}

/* Fail the 1st, 2nd, ... allocation of @op until it succeeds. Return: how many failed. */
static unsigned int fail_each(struct real *r, struct model *m, const struct op *op)
{
	const struct model before = *m;
	struct m_answer a = model_apply(m, op);
	char *was = state_text(r), *is;
	unsigned int nth;
	int number, rc;

	for (nth = 1; !a.skip; nth++) {
		long live = os_alloc_live();

		os_alloc_fail_nth(nth);
		rc = real_apply(r, m, op, &a, &number);
		os_alloc_fail_nth(0);
		if (rc != -ENOMEM)
			break;
		if (always_succeeds(op))
			fail_msg("%s needs memory", op_names[op->type]);
		if (os_alloc_live() != live)
			fail_msg("%s: %ld allocations leak when the %u. fails", op_names[op->type],
				 os_alloc_live() - live, nth);
		is = state_text(r);
		if (strcmp(is, was))
			fail_msg("%s changed something though the %u. allocation failed:\n%s-- "
				 "became\n%s",
				 op_names[op->type], nth, was, is);
		free(is);
		probes_agree(r, &before, op_names[op->type]);
	}
	free(was);
	if (!a.skip && !a.nr && rc)
		fail_msg("%s: %d with memory for all", op_names[op->type], rc);
	probes_agree(r, m, op_names[op->type]);
	return a.skip ? 0 : nth - 1;
}

static const struct conf_machine machine = { .name = "small caches", .cache_entries = 8 };

static unsigned int run_ops(const struct op *ops, unsigned int n)
{
	static struct real r;
	static struct model m;
	unsigned int i, failed = 0;
	long live = os_alloc_live();

	model_init(&m);
	assert_true(real_start(&r, &machine));
	for (i = 0; i < n; i++)
		failed += fail_each(&r, &m, &ops[i]);
	assert_true(real_stop(&r));
	assert_int_equal(os_alloc_live(), live);
	return failed;
}

static void named_sequences(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < NR_REGRESSIONS; i++)
		assert_true(run_ops(regressions[i].ops, regressions[i].nr) >= 5);
}

static void random_sequences(void **state)
{
	static struct op ops[150];
	unsigned int failed = 0;
	uint64_t seed;

	(void)state;
	for (seed = 1; seed <= 12; seed++)
		failed += run_ops(ops, sequence(seed, ops, 150));
	printf("# %u allocations failed\n", failed);
	assert_true(failed > 500);
}

/* ---- what the model does not know ------------------------------------------------------------- */

static void making_hosts_and_devices(void **state)
{
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = "dev",
		.rid = 0x1234,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.flags = IOASID_HOSTDEV_ATS | IOASID_HOSTDEV_PRI,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};
	struct ioasid_hostdev *dev = NULL;
	struct ioasid_host *host = NULL;
	struct ioasid *ctx = NULL;
	struct ioasid_dev *d = NULL;
	long start = os_alloc_live(), live;
	unsigned int nth;
	int rc;

	(void)state;
#define FAIL_EACH(call)                                             \
	do {                                                        \
		live = os_alloc_live();                             \
		for (nth = 1, rc = -ENOMEM; rc == -ENOMEM; nth++) { \
			assert_int_equal(os_alloc_live(), live);    \
			os_alloc_fail_nth(nth);                     \
			rc = (call);                                \
			os_alloc_fail_nth(0);                       \
		}                                                   \
		assert_true(rc >= 0);                               \
		assert_true(nth > 2);                               \
	} while (0)
	FAIL_EACH(ioasid_host_create("failnth", NULL, &host));
	FAIL_EACH(ioasid_hostdev_create(host, &config, &dev));
	FAIL_EACH(ioasid_open("inproc:failnth", &ctx));
	FAIL_EACH(ioasid_dev_open(ctx, "dev", &d));
	ioasid_dev_close(d);
	ioasid_close(ctx);
	ioasid_hostdev_destroy(dev);
	ioasid_host_put(host);
	assert_int_equal(os_alloc_live(), start);
}

static void faults_without_memory_are_counted_or_answered(void **state)
{
	static struct real r;
	struct ioasid *ctx;
	struct ioasid_info before, after;
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	uint32_t gpa, user, group, code;
	uint64_t value;
	struct conf_dma dma = { CONF_REQ(CONF_READ, 0x1000, CONF_RID, &value, 8) };
	unsigned int nth;

	(void)state;
	assert_true(real_start(&r, &machine));
	assert_int_equal(ioasid_open(r.env.path, &ctx), 0);
	r.ctx[0] = ctx;
	assert_int_equal(ioasid_alloc_kernel(ctx, &gpa), 0);
	assert_int_equal(ioasid_alloc_user_table(ctx, gpa, &table, &user), 0);
	assert_int_equal(ioasid_dev_open(ctx, "dev0", &r.dev[0]), 0);
	assert_int_equal(ioasid_dev_bind(r.dev[0], ctx, 0), 0);
	assert_int_equal(ioasid_dev_attach_pasid(r.dev[0], user, 3, 0), 0);
	assert_true(ioasid_fault_open(ctx, 100) >= 0);
	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &before), 0);
	os_alloc_fail_nth(1);
	assert_int_equal(r.env.home->dma(r.hw[0], &dma), -EFAULT);
	os_alloc_fail_nth(0);
	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &after), 0);
	assert_int_equal(after.faults_dropped, before.faults_dropped + 1);
	/* A page request that cannot be kept is answered at once, whatever failed. */
	for (nth = 1; nth < 8; nth++) {
		bool answered;

		os_alloc_fail_nth(nth);
		assert_int_equal(r.env.home->page_request(r.hw[0], 3, 0x5000, true, nth, true), 0);
		os_alloc_fail_nth(0);
		answered = r.env.home->response(r.hw[0], &group, &code);
		assert_int_equal(ioasid_get_info(ctx, NULL, 0, &after), 0);
		assert_int_equal(after.nr_faults, !answered);
		if (!answered)
			break;
		assert_int_equal(group, nth);
		assert_int_equal(code, IOASID_RESPONSE_SUCCESS);
	}
	assert_in_range(nth, 2, 7);
	assert_true(real_stop(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(named_sequences),
		cmocka_unit_test(random_sequences),
		cmocka_unit_test(making_hosts_and_devices),
		cmocka_unit_test(faults_without_memory_are_counted_or_answered),
	};

	return cmocka_run_group_tests_name("failnth", tests, NULL, NULL);
}
