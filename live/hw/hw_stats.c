// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdio.h>

#include "hw_machine.h"

struct hw_stats_row {
	const char *name;
	uint64_t value;
};

static void hw_stats_object(FILE *out, const char *name, const struct hw_stats_row *rows, size_t n,
			    const char *end)
{
	size_t i;

	fprintf(out, "  \"%s\": {", name);
	for (i = 0; i < n; i++)
		fprintf(out, "%s\"%s\": %llu", i ? ", " : "", rows[i].name,
			(unsigned long long)rows[i].value);
	fprintf(out, "}%s\n", end);
}

#define HW_STATS_OBJECT(out, name, rows, end) \
	hw_stats_object(out, name, rows, sizeof(rows) / sizeof(*(rows)), end)

/* @nr: of endpoints to add up */
static void hw_stats_endpoints(FILE *out, const char *name, struct hw_slot *slots, unsigned int nr)
{
	static const char *const names[IOHW_NR_COUNTERS] = {
		[IOHW_COUNTER_OK] = "dma_ok",
		[IOHW_COUNTER_BLOCKED] = "dma_blocked",
		[IOHW_COUNTER_ABORTED] = "dma_aborted",
		[IOHW_COUNTER_REFUSED] = "dma_refused",
		[IOHW_COUNTER_BYTES] = "bytes",
		[IOHW_COUNTER_EXPECTED] = "gpa_expected",
		[IOHW_COUNTER_MISMATCHES] = "gpa_mismatch",
		[IOHW_COUNTER_PAGE_REQUESTS] = "page_requests",
		[IOHW_COUNTER_RESPONSES] = "page_responses",
		[IOHW_COUNTER_STRAY_RESPONSES] = "stray_responses",
		[IOHW_COUNTER_TRANSLATIONS] = "ats_requests",
		[IOHW_COUNTER_DTLB_HITS] = "dtlb_hits",
		[IOHW_COUNTER_INVALIDATIONS] = "dtlb_invalidations",
		[IOHW_COUNTER_RESETS] = "resets",
	};
	struct hw_stats_row rows[IOHW_NR_COUNTERS];
	unsigned int i, k;

	for (i = 0; i < IOHW_NR_COUNTERS; i++) {
		rows[i] = (struct hw_stats_row){ names[i], 0 };
		for (k = 0; k < nr; k++)
			rows[i].value += atomic_load(&slots[k].ep.counters[i]);
	}
	HW_STATS_OBJECT(out, name, rows, ",");
}

static void hw_stats_unit(FILE *out, struct vtd_unit *unit)
{
	struct vtd_unit_stats s;

	vtd_unit_get_stats(unit, &s);
	HW_STATS_OBJECT(
		out, "unit",
		((struct hw_stats_row[]){ { "context_descriptors", s.descriptors[1] },
					  { "iotlb_descriptors", s.descriptors[2] },
					  { "device_tlb_descriptors", s.descriptors[3] },
					  { "wait_descriptors", s.descriptors[5] },
					  { "pasid_iotlb_descriptors", s.descriptors[6] },
					  { "pasid_cache_descriptors", s.descriptors[7] },
					  { "pasid_device_tlb_descriptors", s.descriptors[8] },
					  { "page_response_descriptors", s.descriptors[9] },
					  { "queue_errors", s.queue_errors },
					  { "page_requests", s.page_requests },
					  { "page_responses", s.page_responses },
					  { "requests_dropped", s.requests_dropped },
					  { "requests_invalid", s.requests_invalid },
					  { "faults", s.faults },
					  { "faults_lost", s.faults_lost },
					  { "faults_quiet", s.faults_quiet },
					  { "interrupts", s.interrupts },
					  { "interrupts_refused", s.interrupts_refused },
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

static void hw_stats_caches(FILE *out, struct vu_hw *unit)
{
	struct vu_hw_stats s;

	vu_hw_get_stats(unit, &s);
	HW_STATS_OBJECT(out, "caches",
			((struct hw_stats_row[]){ { "walks", s.walks },
						  { "iotlb_hits", s.iotlb_hits },
						  { "iotlb_misses", s.iotlb_misses },
						  { "iotlb_purged", s.iotlb_purged },
						  { "pasid_hits", s.pasid_hits },
						  { "pasid_misses", s.pasid_misses },
						  { "pasid_purged", s.pasid_purged },
						  { "step_hits", s.step_hits },
						  { "stale_steps", s.stale_steps },
						  { "stale_iotlb", s.stale_iotlb },
						  { "stale_pasid", s.stale_pasid },
						  { "stale_dtlb", s.stale_dtlb } }),
			"");
}

static void hw_stats_vcmd(FILE *out, const struct vcmd_host *vcmd)
{
	struct vcmd_host_figures f;

	vcmd_host_read(vcmd, &f);
	HW_STATS_OBJECT(out, "vcmd",
			((struct hw_stats_row[]){ { "numbers", f.numbers },
						  { "pending", f.pending },
						  { "own", f.own },
						  { "charged", f.charged },
						  { "peak", f.peak } }),
			",");
}

void hw_machine_print_stats(struct hw_machine *m, FILE *out)
{
	char name[16];
	unsigned int i;

	fprintf(out, "{\n");
	hw_stats_endpoints(out, "all", m->slot, HW_ENDPOINTS);
	for (i = 0; i < HW_ENDPOINTS; i++) {
		snprintf(name, sizeof(name), "endpoint%u", i);
		hw_stats_endpoints(out, name, &m->slot[i], 1);
	}
	hw_stats_unit(out, &m->unit->unit);
	hw_stats_vcmd(out, &m->vcmd);
	hw_stats_caches(out, m->unit);
	fprintf(out, "}\n");
}
