// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * libFuzzer target: hostile tables of CPU PASID translation. The input is a small header and a few pages
 * of "physical memory"; every address lands in one of them (or, by one bit, nowhere). The walk must look
 * at two entries and no more, change nothing, and say what a second walk, written with numbers alone,
 * says. Then a vCPU executes with the tables: nothing goes out but a number they give.
 */
#include <stdint.h>
#include <stdlib.h>

#include "enqcmd/vm.h"

#define NR_PAGES 4u
#define NOWHERE	 (1ULL << 33) /* addresses with this bit are not memory */

struct header {
	u64 low;
	u64 high;
	u64 dst;
	u64 msr;
	u32 vpasid;
	u32 first;
	u8 phys_bits;
	u8 how; /* supervisor, cpl, ready, translation off */
	u8 pad[6];
};

struct memory {
	struct phys_mem mem;
	u8 *page[NR_PAGES];
	unsigned long nr_at;
	u64 last_at;
};

static void *memory_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	struct memory *m = container_of((struct phys_mem *)mem, struct memory, mem);

	/* One read of an entry is 4 or 8 bytes, at a place that is a multiple of it. */
	if ((len != 4 && len != 8) || pa % len || (pa & 0xfff) + len > 4096)
		abort();
	m->nr_at++;
	m->last_at = pa;
	if (pa & NOWHERE)
		return NULL;
	return m->page[(pa >> 12) % NR_PAGES] + (pa & 0xfff);
}

static u64 entry_of(const struct memory *m, u64 pa, unsigned int len)
{
	u64 val = 0;

	if (!(pa & NOWHERE))
		memcpy(&val, m->page[(pa >> 12) % NR_PAGES] + (pa & 0xfff), len);
	return val;
}

/* Where the walk should end, by the numbers of the specification. */
static enum cpu_pasid_level naive(const struct memory *m, const struct header *h, u32 n, u32 *p)
{
	u64 de = entry_of(m, (n & 0x80000 ? h->high : h->low) + ((n >> 10) & 511) * 8, 8);
	u32 te, bit;

	if (!(de & 1) || de & 0xffe)
		return CPU_PASID_DIRECTORY;
	for (bit = h->phys_bits; bit < 64; bit++)
		if (de >> bit & 1)
			return CPU_PASID_DIRECTORY;
	te = (u32)entry_of(m, (de & ~0xfffULL) + (n & 1023) * 4, 4);
	if (!(te >> 31) || te & 0x7ff00000)
		return CPU_PASID_TABLE;
	*p = te & 0xfffff;
	return CPU_PASID_OK;
}

static void check_walk(struct memory *m, const struct header *h)
{
	enum cpu_pasid_level level, want;
	struct cpu_pasid_walk w;
	u32 p = CPU_PASID_NONE;

	m->nr_at = 0;
	level = cpu_pasid_walk(&m->mem, h->low, h->high, h->phys_bits, h->vpasid, &w);
	if (m->nr_at != (level == CPU_PASID_DIRECTORY ? 1 : 2))
		abort();
	want = naive(m, h, h->vpasid & 0xfffff, &p);
	if (level != want || w.ppasid != p)
		abort();
	if (m->last_at != (level == CPU_PASID_DIRECTORY ? w.directory_pa : w.table_pa))
		abort();
	if (w.directory_entry != entry_of(m, w.directory_pa, 8))
		abort();
	if (level == CPU_PASID_DIRECTORY ? w.table_pa || w.table_entry :
					   w.table_entry != entry_of(m, w.table_pa, 4))
		abort();
	p = cpu_pasid_find(&m->mem, h->low, h->high, cpu_pasid_de_reserved(h->phys_bits),
			   h->vpasid);
	if (p != w.ppasid)
		abort();
}

/* ---- A vCPU ---------------------------------------------------------------------------------------- */

struct sink {
	bool ready;
	u32 nr;
	u32 first;
	u64 offset;
};

static bool sink_store(void *opaque, u64 offset, const void *data)
{
	struct sink *s = opaque;

	s->nr++;
	s->offset = offset;
	memcpy(&s->first, data, sizeof(s->first));
	return s->ready;
}

static void check_retired(const struct enqcmd *insn, const struct sink *s, u32 want, u32 priv)
{
	if (s->nr != 1 || insn->zf != !s->ready || s->offset != insn->dst || s->offset % 64)
		abort();
	if (s->first != (want | priv))
		abort();
}

static void execute(struct memory *m, const struct header *h, struct vcpu *cpu, bool on)
{
	struct sink sink = { .ready = h->how & 8 };
	const struct dmwr_target target = { sink_store, &sink };
	u8 src[64] = { 0 };
	struct enqcmd insn = {
		.supervisor = h->how & 1,
		.cpl = h->how >> 1 & 3,
		.dst = h->dst,
		.src = src,
	};
	u32 n = (insn.supervisor ? h->first : (u32)vcpu_rdmsr_pasid(cpu)) & 0xfffff, want = n;
	enum cpu_pasid_level level = on ? naive(m, h, n, &want) : CPU_PASID_OK;

	memcpy(src, &h->first, sizeof(h->first));
	switch (vcpu_enqcmd(cpu, &target, &insn)) {
	case ENQCMD_RETIRED:
		if (level != CPU_PASID_OK)
			abort();
		check_retired(&insn, &sink, want, insn.supervisor ? h->first & 1u << 31 : 0);
		break;
	case ENQCMD_EXIT:
		if (level == CPU_PASID_OK || insn.level != level || insn.vpasid != n || sink.nr)
			abort();
		break;
	default:
		if (sink.nr)
			abort();
		break;
	}
}

static void check_vcpu(struct memory *m, const struct header *h)
{
	struct vm *vm = vm_create(&m->mem, h->phys_bits);
	struct vcpu *cpu = vcpu_create(vm);
	bool on = !(h->how & 16);

	if (!vcpu_wrmsr_pasid(cpu, h->msr) != !(h->msr & ~0x800fffffULL))
		abort();
	if (on)
		on = !vm_enable(vm, h->low, h->high);
	/* The second time by what it kept. */
	execute(m, h, cpu, on);
	execute(m, h, cpu, on);
	vcpu_destroy(cpu);
	vm_put(vm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static u8 copy[NR_PAGES * 4096];
	struct memory m = { 0 };
	struct header h;
	size_t i;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	data += sizeof(h);
	size -= sizeof(h);
	h.phys_bits = 12 + h.phys_bits % 54;
	/* The walker trusts the directories: VM entry has looked at them. */
	h.low &= ~0xfffULL;
	h.high &= ~0xfffULL;
	phys_mem_init_callback(&m.mem, memory_at);
	for (i = 0; i < NR_PAGES; i++) {
		size_t n = min_t(size_t, size, 4096);

		/* One allocation per page: a step over its edge shows. */
		m.page[i] = calloc(1, 4096);
		if (!m.page[i])
			abort();
		memcpy(m.page[i], data, n);
		memcpy(copy + i * 4096, m.page[i], 4096);
		data += n;
		size -= n;
	}
	check_walk(&m, &h);
	check_vcpu(&m, &h);
	for (i = 0; i < NR_PAGES; i++) {
		if (memcmp(copy + i * 4096, m.page[i], 4096))
			abort();
		free(m.page[i]);
	}
	return 0;
}
