// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The rules every command obeys: sizes, flags, reserved fields, pointers, numbers. Each runs on
 * each row of abi_rows.c, and the table is compared with the header, so that a new command without
 * a row fails.
 *
 * By default over the in-process home; with IOASID_ABI_HOME=/dev/ioasid and IOASID_ABI_DEVICE=NAME
 * over the other, through the same calls (IOASID_ABI_GROUP: directory of a cgroup below the root).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include <ioasid/allocator.h>
#include <ioasid/host.h>

#include "tests/abi/abi_rows.h"

#define PAGE 4096UL
#define TAIL 64

static struct abi_world w;
static struct ioasid_host *host;
static struct ioasid_hostdev *hw;

/* Three pages: the middle one can be used, its neighbours cannot be touched. */
static uint8_t *island;
static uint8_t *at_end(size_t size)
{
	return island + 2 * PAGE - size;
}

static int run(const struct abi_row *row, void *arg)
{
	return row->device ? ioasid_dev_command(w.bound, row->cmd, arg) :
			     ioasid_command(w.ctx, row->cmd, arg);
}

/* A valid argument with room behind it. */
static void make(const struct abi_row *row, uint8_t *arg)
{
	memset(arg, 0, row->size + TAIL);
	*(uint32_t *)(void *)arg = row->size;
	row->valid(&w, arg);
}

static void undo(const struct abi_row *row, int rc, void *arg)
{
	if (!rc && row->undo)
		row->undo(&w, arg);
}

#define CHECK(row, expr, want, what, n)                                                   \
	do {                                                                              \
		int got_ = (expr);                                                        \
		if (got_ != (want)) {                                                     \
			printf("# %s: %s %ld: %d (%s), expected %d\n", (row)->name, what, \
			       (long)(n), got_, strerror(-got_), want);                   \
			_fail(__FILE__, __LINE__);                                        \
		}                                                                         \
	} while (0)

/* ---- rules ------------------------------------------------------------------------------------ */

static void size_rules(const struct abi_row *row)
{
	uint64_t space[512] = { 0 };
	uint8_t *arg = (uint8_t *)space;
	uint32_t *argsz = (uint32_t *)space, n;
	int rc;

	for (n = 0; n < row->min; n++) {
		make(row, arg);
		*argsz = n;
		CHECK(row, run(row, arg), -EINVAL, "size below the minimum", n);
	}
	for (n = row->min; n <= row->size + 8U; n++) {
		make(row, arg);
		*argsz = n;
		rc = run(row, arg);
		CHECK(row, rc, row->rc, "size", n);
		undo(row, rc, arg);
	}
	make(row, arg);
	*argsz = row->size + 1U;
	arg[row->size] = 1;
	CHECK(row, run(row, arg), -E2BIG, "one byte we do not know, not zero", 0);
	make(row, arg);
	*argsz = row->size + TAIL;
	arg[row->size + TAIL - 1] = 0x80;
	CHECK(row, run(row, arg), -E2BIG, "last byte of a long tail not zero", 0);
	make(row, arg);
	*argsz = 0xffffffff;
	rc = run(row, arg);
	CHECK(row, rc == -E2BIG || rc == -EFAULT, 1, "endless size", rc);
}

static void flag_rules(const struct abi_row *row)
{
	uint64_t space[64];
	uint8_t *arg = (uint8_t *)space;
	unsigned int bit;

	for (bit = 0; bit < 32; bit++) {
		if (row->flags & 1U << bit)
			continue;
		make(row, arg);
		((uint32_t *)space)[1] |= 1U << bit;
		CHECK(row, run(row, arg), -EOPNOTSUPP, "unknown flag bit", bit);
	}
}

static void reserved_rules(const struct abi_row *row)
{
	uint64_t space[64];
	uint8_t *arg = (uint8_t *)space;
	unsigned int byte;

	for (byte = 0; row->reserved && byte < 4; byte++) {
		make(row, arg);
		arg[row->reserved + byte] = 1;
		CHECK(row, run(row, arg), -EINVAL, "reserved byte not zero", byte);
	}
}

static void pointer_rules(const struct abi_row *row)
{
	static const uintptr_t bad[] = {
		0, 1, 8, 0x1000, ~0UL - 63, ~0UL - 7, 1UL << 63, 1UL << 56
	};
	uint64_t space[64];
	uint8_t *arg;
	unsigned int i;
	uint32_t cut;
	int rc;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(row, run(row, (void *)bad[i]), -EFAULT, "wild pointer", i);
	CHECK(row, run(row, island), -EFAULT, "protected page", 0);
	CHECK(row, run(row, island + 2 * PAGE), -EFAULT, "protected page", 2);
	/* The structure ends exactly where the page does. */
	make(row, (uint8_t *)space);
	arg = at_end(row->size);
	memcpy(arg, space, row->size);
	rc = run(row, arg);
	CHECK(row, rc, row->rc, "at the end of a page", 0);
	undo(row, rc, arg);
	/* And where it goes on behind it: every cut, size readable or not. */
	for (cut = 1; cut < row->size; cut++) {
		arg = at_end(row->size - cut);
		memcpy(arg, space, row->size - cut);
		CHECK(row, run(row, arg), -EFAULT, "cut by the end of a page", cut);
	}
	/* A size that says more than there is memory. */
	memcpy(at_end(row->size), space, row->size);
	*(uint32_t *)(void *)at_end(row->size) = row->size + 4U;
	CHECK(row, run(row, at_end(row->size)), -EFAULT, "tail behind the page", 0);
	/* Misaligned is as good as any. */
	arg = at_end(row->size + 3U);
	memcpy(arg, space, row->size);
	rc = run(row, arg);
	CHECK(row, rc, row->rc, "misaligned", 0);
	memcpy(space, arg, row->size);
	undo(row, rc, space);
}

static bool is_out(const struct abi_row *row, unsigned int byte)
{
	const struct abi_out *o;

	for (o = row->out; o->size; o++) {
		if (byte >= o->offset && byte < o->offset + o->size)
			return true;
	}
	return false;
}

static void output_rules(const struct abi_row *row)
{
	uint64_t space[64], before[64];
	uint8_t *arg = (uint8_t *)space;
	unsigned int i;
	int rc;

	make(row, arg);
	memset(arg + row->size, 0x5a, TAIL);
	memcpy(before, space, sizeof(before));
	rc = run(row, arg);
	CHECK(row, rc, row->rc, "valid", 0);
	for (i = 0; i < row->size + (unsigned int)TAIL; i++) {
		if (!rc && is_out(row, i))
			continue;
		CHECK(row, arg[i] == ((uint8_t *)before)[i], 1, "byte written that is not [out]",
		      i);
	}
	undo(row, rc, arg);
	/* A refusal writes nothing at all. */
	make(row, arg);
	((uint32_t *)space)[1] |= 1U << 31;
	memcpy(before, space, sizeof(before));
	CHECK(row, run(row, arg), -EOPNOTSUPP, "unknown flag", 31);
	CHECK(row, memcmp(space, before, row->size), 0, "written on failure", 0);
}

static struct ioasid_info totals(void)
{
	struct ioasid_info info;

	assert_int_equal(ioasid_get_info(w.ctx, NULL, 0, &info), 0);
	return info;
}

static void read_only_rules(const struct abi_row *row)
{
	uint64_t space[64];
	struct ioasid_info before = totals(), after;
	uint8_t *arg = at_end(row->size);
	int rc;

	make(row, (uint8_t *)space);
	memcpy(arg, space, row->size);
	mprotect(island + PAGE, PAGE, PROT_READ);
	rc = run(row, arg);
	mprotect(island + PAGE, PAGE, PROT_READ | PROT_WRITE);
	if (!row->out[0].size) {
		CHECK(row, rc, row->rc, "nothing to write, so read-only will do", 0);
		undo(row, rc, arg);
		return;
	}
	CHECK(row, rc == -EFAULT || rc == row->rc, 1, "result cannot be written", rc);
	CHECK(row, rc != 0, 1, "result cannot be written", rc);
	after = totals();
	CHECK(row, memcmp(&before, &after, sizeof(before)), 0, "failed and changed something", 0);
	/* The command still works afterwards: nothing is held by the failed one. */
	make(row, (uint8_t *)space);
	rc = run(row, space);
	CHECK(row, rc, row->rc, "after a failed one", 0);
	undo(row, rc, space);
}

/* ---- numbers ------------------------------------------------------------------------------------ */

static bool known(unsigned long cmd, bool device)
{
	unsigned int i;

	for (i = 0; i < abi_nr_rows; i++) {
		if (abi_rows[i].cmd == cmd && abi_rows[i].device == device)
			return true;
	}
	return false;
}

static void numbers_nobody_defined_are_ENOTTY(void **state)
{
	uint64_t arg[64] = { sizeof(arg) };
	unsigned long cmd;
	unsigned int type;

	(void)state;
	for (cmd = _IO(IOASID_IOC_TYPE, 0); cmd <= _IO(IOASID_IOC_TYPE, 255); cmd++) {
		if (!known(cmd, false))
			assert_int_equal(ioasid_command(w.ctx, cmd, arg), -ENOTTY);
		if (!known(cmd, true))
			assert_int_equal(ioasid_dev_command(w.bound, cmd, arg), -ENOTTY);
		/* Unknown wins over a bad argument. */
		if (!known(cmd, false))
			assert_int_equal(ioasid_command(w.ctx, cmd, NULL), -ENOTTY);
		assert_int_equal(ioasid_command(w.ctx, cmd | 0xc0000000UL, arg), -ENOTTY);
		assert_int_equal(ioasid_command(w.ctx, cmd | 0x00100000UL, arg), -ENOTTY);
	}
	for (type = 0; type < 256; type++) {
		if (type == IOASID_IOC_TYPE)
			continue;
		assert_int_equal(ioasid_command(w.ctx, _IO(type, 0), arg), -ENOTTY);
		assert_int_equal(ioasid_dev_command(w.bound, _IO(type, 0x40), arg), -ENOTTY);
	}
}

/*
 * The header's _IO() lines, "#define NAME _IO(IOASID_IOC_TYPE, BASE + NUMBER)": each must have a
 * row of that name and number, and the other way round.
 */
static void every_command_of_the_header_has_a_row(void **state)
{
	FILE *header = fopen(IOASID_UAPI_HEADER, "r");
	char line[256], name[64], base[64];
	unsigned int number, found = 0, i;

	(void)state;
	assert_non_null(header);
	while (fgets(line, sizeof(line), header)) {
		if (sscanf(line, "#define %63s _IO(IOASID_IOC_TYPE, %63s + %x)", name, base,
			   &number) != 3)
			continue;
		if (!strcmp(base, "IOASID_IOC_DEV_BASE"))
			number += IOASID_IOC_DEV_BASE;
		for (i = 0; i < abi_nr_rows; i++) {
			if (!strcmp(abi_rows[i].name, name))
				break;
		}
		if (i == abi_nr_rows)
			fail_msg("%s has no row in abi_rows.c", name);
		assert_int_equal(abi_rows[i].cmd, _IO(IOASID_IOC_TYPE, number));
		assert_int_equal(abi_rows[i].device, number >= IOASID_IOC_DEV_BASE);
		found++;
	}
	fclose(header);
	assert_int_equal(found, abi_nr_rows);
}

/* ---- what a command points to ---------------------------------------------------------------------- */

static void bad_buffers_inside_arguments_are_EFAULT(void **state)
{
	static const uint64_t bad[] = { 8, 0x1000, ~0ULL - 7, 1ULL << 63 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ioasid_info info = {
			.argsz = sizeof(info),
			.flags = IOASID_INFO_COOKIES,
			.cookies = bad[i],
			.nr_cookies = 1,
		};
		struct ioasid_device_info dev = {
			.argsz = sizeof(dev),
			.cookie = w.cookie,
			.ranges = bad[i],
			.nr_ranges = 1,
		};
		struct ioasid_ioas_info ioas = {
			.argsz = sizeof(ioas),
			.ioasid = w.kernel,
			.ranges = bad[i],
			.nr_ranges = 1,
		};
		struct ioasid_query query = {
			.argsz = sizeof(query),
			.type = IOASID_QUERY_IOAS,
			.buffer = bad[i],
			.room = 1,
		};

		assert_int_equal(ioasid_command(w.ctx, IOASID_GET_INFO, &info), -EFAULT);
		assert_int_equal(ioasid_command(w.ctx, IOASID_DEVICE_GET_INFO, &dev), -EFAULT);
		assert_int_equal(ioasid_command(w.ctx, IOASID_IOAS_GET_INFO, &ioas), -EFAULT);
		assert_int_equal(ioasid_command(w.ctx, IOASID_QUERY, &query), -EFAULT);
		dev.cookie = 0;
		assert_int_equal(ioasid_dev_command(w.bound, IOASID_DEV_GET_INFO, &dev), -EFAULT);
	}
}

/* ---- the library over a node ------------------------------------------------------------------- */

static void a_node_of_somebody_else_answers_ENOTTY(void **state)
{
	struct ioasid_fault fault;
	struct ioasid_info info;
	struct ioasid_dev *dev;
	struct ioasid *ctx;
	uint32_t space;

	(void)state;
	assert_int_equal(ioasid_open("/dev/null", &ctx), 0);
	assert_true(ioasid_fd(ctx) >= 0);
	assert_int_equal(ioasid_check_extension(ctx, IOASID_EXT_QUERY), -ENOTTY);
	assert_int_equal(ioasid_get_info(ctx, NULL, 0, &info), -ENOTTY);
	assert_int_equal(ioasid_alloc_kernel(ctx, &space), -ENOTTY);
	assert_int_equal(ioasid_command(ctx, IOASID_GET_INFO, NULL), -ENOTTY);
	assert_int_equal(ioasid_fault_open(ctx, 0), -ENOTTY);
	assert_int_equal(ioasid_fault_read(ctx, &fault, 1), -ENOENT);
	assert_int_equal(ioasid_fault_close(ctx), -ENOENT);
	/* Devices are looked for in /dev/null-devices, by names of one component. */
	assert_int_equal(ioasid_dev_open(ctx, "any", &dev), -ENOENT);
	assert_int_equal(ioasid_dev_open(ctx, "..", &dev), -ENOENT);
	assert_int_equal(ioasid_dev_open(ctx, "../null", &dev), -ENOENT);
	assert_int_equal(ioasid_dev_open(ctx, "", &dev), -ENOENT);
	/* A device of one home is nothing to a context of the other. */
	assert_int_equal(ioasid_dev_bind(w.bound, ctx, 1), -EINVAL);
	ioasid_close(ctx);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	const char *home = getenv("IOASID_ABI_HOME"), *device = getenv("IOASID_ABI_DEVICE");
	const char *group = getenv("IOASID_ABI_GROUP");
	static const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = "abi0",
		.rid = 8,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 20,
		.group = IOASID_INVALID,
	};

	(void)state;
	if (!home) {
		if (ioasid_host_default(&host) || ioasid_hostdev_create(host, &config, &hw) ||
		    ioasid_host_group_create(host, ABI_GROUP))
			return -1;
		home = "inproc";
		device = config.name;
	}
	island = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mprotect(island + PAGE, PAGE, PROT_READ | PROT_WRITE);
	w.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	w.cookie = 0xab1;
	w.group = host || !group ? -1 : open(group, O_RDONLY | O_DIRECTORY);
	if (ioasid_open(home, &w.ctx) || ioasid_alloc_kernel(w.ctx, &w.kernel) ||
	    ioasid_alloc_user_table(w.ctx, w.kernel, NULL, &w.user) ||
	    ioasid_dev_open(w.ctx, device, &w.bound) || ioasid_dev_bind(w.bound, w.ctx, w.cookie))
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ioasid_dev_close(w.bound);
	ioasid_close(w.ctx);
	munmap(island, 3 * PAGE);
	munmap(w.page, PAGE);
	if (host) {
		ioasid_hostdev_destroy(hw);
		ioasid_host_group_remove(host, ABI_GROUP);
		ioasid_host_put(host);
	}
	return 0;
}

struct rule {
	const char *name;
	void (*check)(const struct abi_row *row);
};

static const struct rule rules[] = {
	{ "sizes", size_rules },
	{ "unknown flags are EOPNOTSUPP", flag_rules },
	{ "reserved fields are EINVAL", reserved_rules },
	{ "pointers", pointer_rules },
	{ "only [out] fields are written, and only on success", output_rules },
	{ "a result that cannot be written changes nothing", read_only_rules },
};
#define NR_RULES (sizeof(rules) / sizeof(rules[0]))

struct case_ {
	const struct rule *rule;
	const struct abi_row *row;
	char name[128];
};

static void run_case(void **state)
{
	const struct case_ *c = *state;

	c->rule->check(c->row);
}

int main(void)
{
	static struct case_ cases[NR_RULES * 64];
	static struct CMUnitTest tests[NR_RULES * 64 + 4];
	unsigned int r, i, n = 0;

	for (i = 0; i < abi_nr_rows; i++) {
		for (r = 0; r < NR_RULES; r++) {
			struct case_ *c = &cases[n];

			c->rule = &rules[r];
			c->row = &abi_rows[i];
			snprintf(c->name, sizeof(c->name), "abi: %s: %s", c->row->name,
				 c->rule->name);
			tests[n++] = (struct CMUnitTest){
				.name = c->name,
				.test_func = run_case,
				.initial_state = c,
			};
		}
	}
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(every_command_of_the_header_has_a_row);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(numbers_nobody_defined_are_ENOTTY);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(a_node_of_somebody_else_answers_ENOTTY);
	tests[n++] = (struct CMUnitTest)cmocka_unit_test(bad_buffers_inside_arguments_are_EFAULT);
	return _cmocka_run_group_tests("abi", tests, n, set_up, tear_down);
}
