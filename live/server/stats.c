// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdio.h>
#include <stdlib.h>

#include "machine.h"

struct stats_row {
	const char *name;
	uint64_t value;
};

static void stats_object(FILE *out, const char *name, const struct stats_row *rows, size_t n,
			 const char *end)
{
	size_t i;

	fprintf(out, "  \"%s\": {", name);
	for (i = 0; i < n; i++)
		fprintf(out, "%s\"%s\": %llu", i ? ", " : "", rows[i].name,
			(unsigned long long)rows[i].value);
	fprintf(out, "}%s\n", end);
}

#define STATS_OBJECT(out, name, rows, end) \
	stats_object(out, name, rows, sizeof(rows) / sizeof(*(rows)), end)

static int stats_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static void stats_waits(struct accel *accel, FILE *out)
{
	uint32_t n = atomic_load(&accel->nr_waits), i;
	uint32_t *ns;

	n = n < ACCEL_WAIT_SAMPLES ? n : ACCEL_WAIT_SAMPLES;
	ns = calloc(n + 1, sizeof(*ns));
	if (!ns)
		return;
	for (i = 0; i < n; i++)
		ns[i] = atomic_load(&accel->waits[i]);
	qsort(ns, n, sizeof(*ns), stats_compare);
	i = n ? n - 1 : 0;
	STATS_OBJECT(out, "page_request_ns",
		     ((struct stats_row[]){ { "count", n },
					    { "min", ns[0] },
					    { "p50", ns[i / 2] },
					    { "p99", ns[i - i / 100] },
					    { "max", ns[i] } }),
		     ",");
	free(ns);
}

static void stats_accel(struct accel *accel, FILE *out)
{
	static const char *const names[ACCEL_NR_COUNTERS] = {
		[ACCEL_COUNTER_DESCRIPTORS] = "descriptors",
		[ACCEL_COUNTER_BYTES] = "bytes",
		[ACCEL_COUNTER_PAGE_REQUESTS] = "page_requests",
		[ACCEL_COUNTER_FAULTS] = "faults",
		[ACCEL_COUNTER_INTERRUPTS] = "interrupts",
		[ACCEL_COUNTER_REFUSED] = "refused",
		[ACCEL_COUNTER_RETRIES] = "retries",
	};
	struct stats_row rows[ACCEL_NR_COUNTERS];
	unsigned int i;

	for (i = 0; i < ACCEL_NR_COUNTERS; i++)
		rows[i] = (struct stats_row){ names[i], atomic_load(&accel->counters[i]) };
	STATS_OBJECT(out, "accelerator", rows, ",");
}

static void stats_slice(struct machine *m, FILE *out)
{
	static const char *const names[ACCEL_NR_EVENTS] = {
		[ACCEL_EVENT_CONVERTED] = "converted",
		[ACCEL_EVENT_REFUSED] = "refused",
		[ACCEL_EVENT_ACCEPTED] = "accepted",
		[ACCEL_EVENT_RETRY] = "retry",
		[ACCEL_EVENT_GP] = "gp",
		[ACCEL_EVENT_EXIT] = "exits",
		[ACCEL_EVENT_ENTERED] = "entered",
		[ACCEL_EVENT_DRAINED] = "drained",
	};
	struct stats_row rows[ACCEL_NR_EVENTS + 3];
	struct ioasid_info info;
	unsigned int i;

	if (!m->member || machine_numbers(m, &info))
		return;
	for (i = 0; i < ACCEL_NR_EVENTS; i++)
		rows[i] = (struct stats_row){ names[i], atomic_load(&m->accel.events[i]) };
	rows[i++] = (struct stats_row){ "promised_bits", info.promised_bits };
	rows[i++] = (struct stats_row){ "numbers_live", info.ids_live };
	rows[i++] = (struct stats_row){ "numbers_pending", info.ids_pending };
	stats_object(out, "slice", rows, i, ",");
}

static void stats_unit(struct vtd_unit *unit, FILE *out)
{
	struct vtd_unit_stats s;
	uint64_t descriptors = 0;
	unsigned int i;

	vtd_unit_get_stats(unit, &s);
	for (i = 0; i < 16; i++)
		descriptors += s.descriptors[i];
	STATS_OBJECT(out, "unit",
		     ((struct stats_row[]){ { "descriptors", descriptors },
					    { "iotlb_descriptors", s.descriptors[2] },
					    { "device_tlb_descriptors", s.descriptors[3] },
					    { "pasid_iotlb_descriptors", s.descriptors[6] },
					    { "pasid_device_tlb_descriptors", s.descriptors[8] },
					    { "waits", s.waits },
					    { "queue_errors", s.queue_errors },
					    { "invalidate_all", s.invalidate_all },
					    { "invalidate_range", s.invalidate_range },
					    { "binds", s.binds },
					    { "rebinds", s.rebinds },
					    { "unbinds", s.unbinds },
					    { "bind_errors", s.bind_errors },
					    { "bound_now", s.bound_now },
					    { "page_requests", s.page_requests },
					    { "page_responses", s.page_responses },
					    { "responses_ignored", s.responses_ignored },
					    { "requests_dropped", s.requests_dropped },
					    { "requests_invalid", s.requests_invalid },
					    { "requests_now", s.requests_now },
					    { "faults", s.faults },
					    { "faults_lost", s.faults_lost },
					    { "faults_quiet", s.faults_quiet },
					    { "interrupts", s.interrupts },
					    { "bad_gpa", s.bad_gpa },
					    { "vcmd_allocs", s.vcmd_allocs },
					    { "vcmd_frees", s.vcmd_frees },
					    { "vcmd_refused", s.vcmd_refused },
					    { "vcmd_undefined", s.vcmd_undefined },
					    { "vcmd_dropped", s.vcmd_dropped },
					    { "vcmd_reclaimed", s.vcmd_reclaimed },
					    { "pasids_now", s.pasids_now } }),
		     ",");
}

static void stats_host(struct ioasid_host *host, FILE *out)
{
	struct ioasid_host_stats s;

	ioasid_host_get_stats(host, &s);
	STATS_OBJECT(out, "host",
		     ((struct stats_row[]){ { "ioasids", s.ioasids },
					    { "routes", s.routes },
					    { "iotlb_hits", s.iotlb_hits },
					    { "iotlb_misses", s.iotlb_misses },
					    { "walks", s.walks },
					    { "pasid_cache_misses", s.pasid_cache_misses },
					    { "invalidations", s.invalidations },
					    { "page_requests", s.page_requests },
					    { "faults_recorded", s.faults_recorded },
					    { "ats_grants", s.ats_grants } }),
		     "");
}

static void stats_vcmd(const struct vcmd_host *vcmd, FILE *out)
{
	struct vcmd_host_figures f;

	vcmd_host_read(vcmd, &f);
	STATS_OBJECT(out, "vcmd",
		     ((struct stats_row[]){ { "numbers", f.numbers },
					    { "pending", f.pending },
					    { "own", f.own },
					    { "charged", f.charged },
					    { "peak", f.peak } }),
		     ",");
}

void machine_print_stats(struct machine *m, FILE *out)
{
	fprintf(out, "{\n");
	stats_accel(&m->accel, out);
	stats_waits(&m->accel, out);
	stats_slice(m, out);
	stats_unit(m->unit, out);
	stats_vcmd(&m->vcmd, out);
	stats_host(m->config.board ? m->config.board->host : m->host, out);
	fprintf(out, "}\n");
}
