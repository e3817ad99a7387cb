// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Steps that let the accelerator work on plain pointers. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "demo.h"

#define DEMO_COPY_ROUNDS  2000
#define DEMO_COPY_BYTES	  (1U << 20)
#define DEMO_TOUCH_PAGES  512
#define DEMO_TOUCH_BYTES  (4U << 20)
#define DEMO_INTERRUPTS	  50
#define DEMO_INTERRUPT_MS 2000

int step_bind(void)
{
	struct demo_queue q, r;
	uint64_t start = demo_now(), ns;
	uint32_t pasid;
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc)
		return demo_fail("bind: %s", strerror(-rc));
	ns = demo_now() - start;
	if (demo_run(&q, ACCEL_OP_NOOP, NULL, NULL, 0, 0, NULL) != ACCEL_COMP_SUCCESS)
		rc = demo_fail("the queue does nothing");
	/* A second queue of the same process shares its number. */
	if (demo_queue_open(&r, 4))
		rc = demo_fail("no second queue");
	else if (r.bind.pasid != q.bind.pasid || r.bind.queue == q.bind.queue)
		rc = demo_fail("second queue: PASID %u, queue %u", r.bind.pasid, r.bind.queue);
	else
		demo_queue_close(&r);
	pasid = q.bind.pasid;
	demo_queue_close(&q);
	return rc ? rc :
		    demo_ok("PASID %u, queue bound and mapped in %llu us", pasid,
			    (unsigned long long)ns / 1000);
}

/* ---- copy ------------------------------------------------------------------------------------ */

/* CRC-32C one bit at a time: slow, short and unlike what the device does. */
static uint32_t demo_crc32c(uint32_t crc, const uint8_t *b, size_t len)
{
	unsigned int bit;

	crc = ~crc;
	while (len--) {
		crc ^= *b++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static int demo_copy_sizes(struct demo_queue *q, uint8_t *src, uint8_t *dst)
{
	static const uint32_t sizes[] = { 1, 63, 4096, 4097, 65536 + 5, DEMO_COPY_BYTES - 8192 };
	static const uint32_t shifts[] = { 0, 1, 4095 };
	unsigned int i, k;

	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (k = 0; k < 3; k++) {
			uint8_t *to = dst + 4096 + shifts[k], *from = src + shifts[2 - k];

			memset(dst, 0x55, DEMO_COPY_BYTES + 8192);
			if (demo_run(q, ACCEL_OP_COPY, from, to, sizes[i], 0, NULL) !=
			    ACCEL_COMP_SUCCESS)
				return demo_fail("copy of %u bytes", sizes[i]);
			if (memcmp(from, to, sizes[i]) || to[-1] != 0x55 || to[sizes[i]] != 0x55)
				return demo_fail("copy of %u bytes: wrong bytes", sizes[i]);
		}
	return 0;
}

static int demo_other_ops(struct demo_queue *q, uint8_t *src, uint8_t *dst)
{
	static const uint8_t pattern[9] = "ABCDEFGH";
	uint64_t *word = (uint64_t *)(dst + 64), operand;
	struct accel_comp comp;
	unsigned int i;

	memcpy(&operand, pattern, 8);
	demo_run(q, ACCEL_OP_FILL, NULL, dst + 3, 5000, operand, &comp);
	for (i = 0; i < 5000; i++)
		if (comp.status != ACCEL_COMP_SUCCESS || dst[3 + i] != pattern[i % 8])
			return demo_fail("fill: wrong byte %u", i);
	memcpy(dst, src, 20000);
	demo_run(q, ACCEL_OP_COMPARE, src, dst, 20000, 0, &comp);
	if (comp.status != ACCEL_COMP_SUCCESS || comp.result)
		return demo_fail("compare of equal memory");
	dst[17000] ^= 1;
	demo_run(q, ACCEL_OP_COMPARE, src, dst, 20000, 0, &comp);
	if (comp.result != 1 || comp.bytes_done != 17000)
		return demo_fail("compare found %u", comp.bytes_done);
	demo_run(q, ACCEL_OP_CRC32C, src + 5, NULL, 30001, 0, &comp);
	if (comp.result != demo_crc32c(0, src + 5, 30001))
		return demo_fail("CRC32C %#llx", comp.result);
	*word = 40;
	demo_run(q, ACCEL_OP_FETCH_ADD, NULL, word, 0, 2, &comp);
	if (comp.result != 40 || *word != 42)
		return demo_fail("fetch-add: %llu, then %llu", comp.result,
				 (unsigned long long)*word);
	return 0;
}

static int demo_copy_time(struct demo_queue *q, uint8_t *src, uint8_t *dst, uint64_t *p50,
			  uint64_t *mib)
{
	struct demo_stats s;
	uint64_t start;
	unsigned int i;

	if (demo_stats_init(&s, DEMO_COPY_ROUNDS))
		return demo_fail("memory");
	for (i = 0; i < DEMO_COPY_ROUNDS; i++) {
		start = demo_now();
		if (demo_run(q, ACCEL_OP_COPY, src, dst, 4096, 0, NULL) != ACCEL_COMP_SUCCESS)
			break;
		demo_stats_add(&s, demo_now() - start);
	}
	demo_stats_done(&s);
	*p50 = demo_stats_at(&s, 50);
	demo_bench("live.copy_4k", &s);
	demo_stats_free(&s);
	if (i < DEMO_COPY_ROUNDS)
		return demo_fail("copy %u of 4 KiB", i);
	start = demo_now();
	for (i = 0; i < 32; i++)
		demo_run(q, ACCEL_OP_COPY, src, dst, DEMO_COPY_BYTES, 0, NULL);
	*mib = 32 * 1000000000ULL / (demo_now() - start);
	return 0;
}

int step_copy(void)
{
	uint8_t *src = demo_map(DEMO_COPY_BYTES + 8192, false);
	uint8_t *dst = demo_map(DEMO_COPY_BYTES + 8192, false);
	uint64_t p50 = 0, mib = 0;
	struct demo_queue q;
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc || !src || !dst)
		return demo_fail("bind: %s", strerror(-rc));
	demo_pattern(src, DEMO_COPY_BYTES + 8192, 5);
	rc = demo_copy_sizes(&q, src, dst);
	if (!rc)
		rc = demo_other_ops(&q, src, dst);
	if (!rc)
		rc = demo_copy_time(&q, src, dst, &p50, &mib);
	demo_queue_close(&q);
	munmap(src, DEMO_COPY_BYTES + 8192);
	munmap(dst, DEMO_COPY_BYTES + 8192);
	return rc ? rc :
		    demo_ok("copy, fill, compare, CRC32C, fetch-add correct; 4 KiB in %llu us "
			    "(p50), %llu MiB/s",
			    (unsigned long long)p50 / 1000, (unsigned long long)mib);
}

int step_interrupt(void)
{
	struct accel_desc desc = { .op = ACCEL_OP_NOOP, .flags = ACCEL_DESC_INTERRUPT };
	struct demo_queue q;
	struct demo_stats s;
	uint64_t start, n, sum = 0;
	unsigned int i;
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc || demo_stats_init(&s, DEMO_INTERRUPTS))
		return demo_fail("bind: %s", strerror(-rc));
	for (i = 0; i < DEMO_INTERRUPTS && !rc; i++) {
		struct pollfd p = { .fd = q.fd, .events = POLLIN };
		struct accel_comp *comp;

		start = demo_now();
		comp = demo_submit(&q, &desc);
		if (poll(&p, 1, DEMO_INTERRUPT_MS) != 1 || read(q.fd, &n, sizeof(n)) != sizeof(n))
			rc = demo_fail("interrupt %u does not come", i);
		else if (comp->status != ACCEL_COMP_SUCCESS)
			rc = demo_fail("interrupt %u before the record", i);
		demo_stats_add(&s, demo_now() - start);
		sum += n;
	}
	demo_stats_done(&s);
	if (!rc && sum != DEMO_INTERRUPTS)
		rc = demo_fail("%llu interrupts for %u descriptors", (unsigned long long)sum,
			       DEMO_INTERRUPTS);
	if (!rc)
		rc = demo_ok("%u MSI-X interrupts, submit to wake-up %llu us (p50)",
			     DEMO_INTERRUPTS, (unsigned long long)demo_stats_at(&s, 50) / 1000);
	demo_stats_free(&s);
	demo_queue_close(&q);
	return rc;
}

/* ---- untouched memory ------------------------------------------------------------------------ */

/* Memory the process has never touched: no page table entry exists. */
static uint8_t *demo_untouched(size_t len)
{
	uint8_t *mem = demo_map(len, false);

	/* One page request per page, not per 2 MiB. */
	if (mem)
		madvise(mem, len, MADV_NOHUGEPAGE);
	return mem;
}

static int demo_touch_pages(struct demo_queue *q, uint8_t *src, uint8_t *dst,
			    struct demo_stats *total, struct demo_stats *device)
{
	struct accel_comp comp;
	uint64_t start;
	unsigned int i;

	for (i = 0; i < DEMO_TOUCH_PAGES; i++) {
		start = demo_now();
		demo_run(q, ACCEL_OP_COPY, src, dst + i * DEMO_PAGE, DEMO_PAGE, 0, &comp);
		demo_stats_add(total, demo_now() - start);
		if (comp.status != ACCEL_COMP_SUCCESS)
			return demo_fail("page %u: status %u", i, comp.status);
		if (comp.page_requests != 1)
			return demo_fail("page %u: %u page requests", i, comp.page_requests);
		demo_stats_add(device, comp.result);
	}
	for (i = 0; i < DEMO_TOUCH_PAGES; i++)
		if (memcmp(src, dst + i * DEMO_PAGE, DEMO_PAGE))
			return demo_fail("page %u: wrong bytes", i);
	demo_stats_done(total);
	demo_stats_done(device);
	return 0;
}

/* One descriptor over many missing pages, source and destination. */
static int demo_touch_bulk(struct demo_queue *q, uint32_t *requests)
{
	uint8_t *src = demo_untouched(DEMO_TOUCH_BYTES), *dst = demo_untouched(DEMO_TOUCH_BYTES);
	struct accel_comp comp;
	int rc = 0;

	if (!src || !dst)
		return demo_fail("memory");
	demo_run(q, ACCEL_OP_COPY, src, dst, DEMO_TOUCH_BYTES, 0, &comp);
	if (comp.status != ACCEL_COMP_SUCCESS || comp.bytes_done != DEMO_TOUCH_BYTES)
		rc = demo_fail("bulk: status %u after %u bytes", comp.status, comp.bytes_done);
	else if (!demo_is(dst, 0, DEMO_TOUCH_BYTES))
		rc = demo_fail("bulk: untouched memory is not zero");
	*requests = comp.page_requests;
	munmap(src, DEMO_TOUCH_BYTES);
	munmap(dst, DEMO_TOUCH_BYTES);
	return rc;
}

int step_touch(void)
{
	uint8_t *dst = demo_untouched(DEMO_TOUCH_PAGES * DEMO_PAGE),
		*src = demo_map(DEMO_PAGE, false);
	struct demo_stats total, device;
	uint32_t bulk = 0;
	struct demo_queue q;
	int rc;

	rc = demo_queue_open(&q, 4);
	if (rc || !src || !dst || demo_stats_init(&total, DEMO_TOUCH_PAGES) ||
	    demo_stats_init(&device, DEMO_TOUCH_PAGES))
		return demo_fail("bind: %s", strerror(-rc));
	demo_pattern(src, DEMO_PAGE, 9);
	rc = demo_touch_pages(&q, src, dst, &total, &device);
	if (!rc)
		rc = demo_touch_bulk(&q, &bulk);
	if (!rc) {
		demo_bench("live.page_request", &device);
		demo_bench("live.copy_untouched", &total);
		rc = demo_ok("%u page requests served, p50 %llu us, p99 %llu us (submit to record "
			     "p50 %llu us); 4 MiB onto 4 MiB: %u",
			     DEMO_TOUCH_PAGES,
			     (unsigned long long)demo_stats_at(&device, 50) / 1000,
			     (unsigned long long)demo_stats_at(&device, 99) / 1000,
			     (unsigned long long)demo_stats_at(&total, 50) / 1000, bulk);
	}
	demo_stats_free(&total);
	demo_stats_free(&device);
	demo_queue_close(&q);
	munmap(src, DEMO_PAGE);
	munmap(dst, DEMO_TOUCH_PAGES * DEMO_PAGE);
	return rc;
}
