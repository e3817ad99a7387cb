// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* RAM, VT-d registers and edu devices of a QEMU that runs no guest. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "tests/judge/judge.h"
#include "tests/judge/machine.h"

#define MIB  (1ULL << 20)
#define GIB  (1ULL << 30)
#define GIB4 (4 * GIB)

#define UNIT_BASE 0xfed90000ULL

/* ---- RAM -------------------------------------------------------------------------------------------- */

/* Where the byte for @pa is in the RAM file, if [@pa, @pa + @len - 1] is RAM. */
static bool machine_offset(const struct machine *m, u64 pa, u64 len, u64 *offset)
{
	if (pa < m->low && len <= m->low - pa) {
		*offset = pa;
		return true;
	}
	if (pa >= GIB4 && pa - GIB4 < m->ram_size - m->low &&
	    len <= m->ram_size - m->low - (pa - GIB4)) {
		*offset = pa - GIB4 + m->low;
		return true;
	}
	return false;
}

/* The other way. */
static u64 machine_address(const struct machine *m, u64 offset)
{
	return offset < m->low ? offset : offset - m->low + GIB4;
}

bool machine_is_ram(const struct machine *m, u64 pa, u64 len)
{
	u64 offset;

	return machine_offset(m, pa, len, &offset);
}

static void *machine_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	const struct ram_view *view = container_of(mem, const struct ram_view, mem);
	u64 offset;

	return machine_offset(view->m, pa, len, &offset) ? view->base + offset : NULL;
}

void *machine_ptr(const struct ram_view *view, u64 pa, u64 len)
{
	u64 offset = 0;

	if (!machine_offset(view->m, pa, len, &offset))
		qemu_die("0x%llx is not RAM", pa);
	return view->base + offset;
}

static void ram_view_init(struct ram_view *view, const struct machine *m, void *base)
{
	if (base == MAP_FAILED)
		qemu_die("mmap: %s", strerror(errno));
	view->m = m;
	view->base = base;
	phys_mem_init_callback(&view->mem, machine_at);
}

static void machine_ram(struct machine *m)
{
	m->ram_size = m->cfg->small ? 48 * MIB : 4 * GIB;
	m->low = m->cfg->small ? 32 * MIB : 2 * GIB;
	/* QEMU opens it by its name in /proc, so the child has to have it. */
	m->ram_fd = memfd_create("guest-ram", 0);
	if (m->ram_fd < 0 || ftruncate(m->ram_fd, (off_t)m->ram_size))
		qemu_die("guest RAM: %s", strerror(errno));
	ram_view_init(&m->real, m,
		      mmap(NULL, m->ram_size, PROT_READ | PROT_WRITE, MAP_SHARED, m->ram_fd, 0));
	ram_view_init(&m->shadow, m,
		      mmap(NULL, m->ram_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
	m->table_area[0] = (struct ram_area){ 16 * MIB, 4 * MIB };
	m->table_area[1] = (struct ram_area){ GIB4 + (m->cfg->small ? 0 : GIB), 4 * MIB };
	m->data_area[0] = (struct ram_area){ 20 * MIB, m->cfg->small ? 12 * MIB : 236 * MIB };
	m->data_area[1] = (struct ram_area){ m->table_area[1].start + 4 * MIB,
					     m->cfg->small ? 12 * MIB : 252 * MIB };
	m->queue = 2 * MIB;
}

void machine_adopt(struct machine *m, u64 pa, u64 len)
{
	memcpy(machine_ptr(&m->shadow, pa, len), machine_ptr(&m->real, pa, len), len);
}

/* Compare or copy where RAM has been touched at all; the rest of the file is a hole. */
static bool machine_extents(struct machine *m, u64 first, u64 end,
			    bool (*fn)(struct machine *m, u64 offset, u64 len, u64 *where),
			    u64 *where)
{
	off_t hole, data = (off_t)first;

	while ((data = lseek(m->ram_fd, data, SEEK_DATA)) >= 0 && (u64)data < end) {
		hole = lseek(m->ram_fd, data, SEEK_HOLE);
		if (hole < 0)
			qemu_die("SEEK_HOLE: %s", strerror(errno));
		if (fn(m, (u64)data, min_t(u64, (u64)hole, end) - (u64)data, where))
			return true;
		data = hole;
	}
	return false;
}

static bool machine_extent_copy(struct machine *m, u64 offset, u64 len, u64 *where)
{
	(void)where;
	memcpy(m->shadow.base + offset, m->real.base + offset, len);
	return false;
}

static bool machine_extent_differs(struct machine *m, u64 offset, u64 len, u64 *where)
{
	const u8 *real = m->real.base + offset, *shadow = m->shadow.base + offset;
	u64 i;

	if (!memcmp(real, shadow, len))
		return false;
	for (i = 0; real[i] == shadow[i];)
		i++;
	*where = machine_address(m, offset + i);
	return true;
}

void machine_adopt_tables(struct machine *m)
{
	unsigned int i;
	u64 offset = 0;

	for (i = 0; i < MACHINE_TABLE_AREAS; i++) {
		machine_offset(m, m->table_area[i].start, 1, &offset);
		machine_extents(m, offset, offset + m->table_area[i].size, machine_extent_copy,
				NULL);
	}
}

bool machine_differs(struct machine *m, u64 *pa)
{
	return machine_extents(m, 0, m->ram_size, machine_extent_differs, pa);
}

/* What machine_find() looks for. */
struct machine_needle {
	u64 pa; /* first: extents report an address */
	const void *what;
	size_t len;
	u64 not ;
};

static bool machine_extent_find(struct machine *m, u64 offset, u64 len, u64 *where)
{
	struct machine_needle *n = container_of(where, struct machine_needle, pa);
	u8 *at = m->real.base + offset, *end = at + len;

	while ((at = memmem(at, (size_t)(end - at), n->what, n->len))) {
		n->pa = machine_address(m, (u64)(at - m->real.base));
		if ((n->pa ^ n->not ) >> PHYS_PAGE_LG2)
			return true;
		at++;
	}
	return false;
}

bool machine_find(struct machine *m, const void *what, size_t len, u64 not, u64 *pa)
{
	struct machine_needle n = { .what = what, .len = len, .not = not };
	bool found = machine_extents(m, 0, m->ram_size, machine_extent_find, &n.pa);

	*pa = n.pa;
	return found;
}

static bool machine_extent_save(struct machine *m, u64 offset, u64 len, u64 *where)
{
	return pwrite((int)*where, m->real.base + offset, len, (off_t)offset) != (ssize_t)len;
}

void machine_save(struct machine *m, const char *ram, const char *core)
{
	u64 fd = (u64)open(ram, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	char command[512];

	if ((int)fd < 0 || ftruncate((int)fd, (off_t)m->ram_size) ||
	    machine_extents(m, 0, m->ram_size, machine_extent_save, &fd) || close((int)fd))
		qemu_die("%s: %s", ram, strerror(errno));
	/* QEMU makes it read-only, and would not write over an old one. */
	unlink(core);
	snprintf(command, sizeof(command),
		 "\"execute\": \"dump-guest-memory\", \"arguments\": {\"paging\": false, "
		 "\"protocol\": \"file:%s\"}",
		 core);
	qmp_command(&m->q, command);
}

/* ---- Table pages -------------------------------------------------------------------------------------- */

/* Freed pages look present to every format: who still uses one gets into trouble at once. */
#define MACHINE_POISON 0xa5

/* Are the @nr pages from @pa on all free? @mark: take them. */
static bool machine_tables_run(struct machine_tables *t, u64 pa, u64 nr, bool mark)
{
	u64 found = 0;
	u32 i;

	for (i = 0; i < t->nr && found < nr; i++) {
		if (t->order[i] < pa || t->order[i] >= pa + nr * PHYS_PAGE_SIZE)
			continue;
		if (!mark && t->used[i])
			return false;
		if (mark)
			t->used[i] = true;
		found++;
	}
	return found == nr;
}

static void *machine_tables_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	struct machine_tables *t = container_of(ta, struct machine_tables, alloc);
	u64 nr = 1ULL << order, size = nr * PHYS_PAGE_SIZE;
	u32 n, i;

	for (n = 0; n < t->nr; n++) {
		i = (t->next + n) % t->nr;
		if (t->used[i] || t->order[i] & (size - 1) ||
		    (nr > 1 && !machine_tables_run(t, t->order[i], nr, false)))
			continue;
		t->next = i + 1;
		t->in_use += (u32)nr;
		*pa = t->order[i];
		if (nr > 1)
			machine_tables_run(t, *pa, nr, true);
		t->used[i] = true;
		return memset(machine_ptr(&t->m->real, *pa, size), 0, size);
	}
	return NULL;
}

static void machine_tables_free(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	struct machine_tables *t = container_of(ta, struct machine_tables, alloc);
	u64 size = PHYS_PAGE_SIZE << order;
	u32 i;

	if (table != machine_ptr(&t->m->real, pa, size))
		qemu_die("table 0x%llx freed by a wrong pointer", pa);
	memset(table, MACHINE_POISON, size);
	for (i = 0; i < t->nr; i++) {
		if (t->order[i] < pa || t->order[i] >= pa + size)
			continue;
		if (!t->used[i])
			qemu_die("table 0x%llx freed twice", pa);
		t->used[i] = false;
		t->in_use--;
	}
}

static void machine_tables_init(struct machine *m, u64 seed)
{
	struct machine_tables *t = &m->tables;
	struct rng rng = { seed };
	unsigned int area;
	u64 off;
	u32 i;

	t->m = m;
	t->alloc.alloc = machine_tables_alloc;
	t->alloc.free = machine_tables_free;
	for (area = 0; area < MACHINE_TABLE_AREAS; area++)
		for (off = 0; off < m->table_area[area].size; off += PHYS_PAGE_SIZE)
			t->order[t->nr++] = m->table_area[area].start + off;
	for (i = t->nr - 1; i; i--) {
		u32 k = (u32)rng_below(&rng, i + 1);
		u64 pa = t->order[i];

		t->order[i] = t->order[k];
		t->order[k] = pa;
	}
}

/* ---- Registers ------------------------------------------------------------------------------------------ */

static u64 unit_readl(struct machine *m, u32 reg)
{
	return qtest_ask(&m->q, "readl 0x%llx", UNIT_BASE + reg);
}

static u64 unit_readq(struct machine *m, u32 reg)
{
	return qtest_ask(&m->q, "readq 0x%llx", UNIT_BASE + reg);
}

static void unit_writel(struct machine *m, u32 reg, u64 val)
{
	qtest_post(&m->q, "writel 0x%llx 0x%llx", UNIT_BASE + reg, val);
}

static void unit_writeq(struct machine *m, u32 reg, u64 val)
{
	qtest_post(&m->q, "writeq 0x%llx 0x%llx", UNIT_BASE + reg, val);
}

/* Bits of GSTS that stay on when another one is switched on. */
static void unit_command(struct machine *m, u64 bit)
{
	u64 on = unit_readl(m, VTD_REG_GSTS) & (VTD_GCMD_TE | VTD_GCMD_QIE);

	unit_writel(m, VTD_REG_GCMD, on | bit);
	if (!(unit_readl(m, VTD_REG_GSTS) & bit))
		qemu_die("the unit does not do command 0x%llx", bit);
}

static void unit_queue_start(struct machine *m)
{
	unit_writeq(m, VTD_REG_IQA, m->queue | (m->scalable ? VTD_IQA_DW : 0));
	unit_writeq(m, VTD_REG_IQT, 0);
	unit_command(m, VTD_GCMD_QIE);
	m->tail = 0;
}

void machine_translate(struct machine *m, u64 rtaddr)
{
	m->scalable = FIELD_GET(VTD_RTADDR_TTM, rtaddr) == VTD_TTM_SCALABLE;
	unit_writeq(m, VTD_REG_RTADDR, rtaddr);
	unit_command(m, VTD_GCMD_SRTP);
	unit_queue_start(m);
	unit_command(m, VTD_GCMD_TE);
}

struct unit_fault machine_fault(struct machine *m)
{
	u32 reg = (u32)FIELD_GET(VTD_CAP_FRO, m->cap) * 16;
	struct unit_fault fault = { .recorded = false };
	u64 lo, hi, fsts = unit_readl(m, VTD_REG_FSTS);

	if (!(fsts & VTD_FSTS_PPF))
		return fault;
	reg += (u32)FIELD_GET(VTD_FSTS_FRI, fsts) * VTD_FR_WORDS * 8;
	lo = unit_readq(m, reg);
	hi = unit_readq(m, reg + 8);
	if (!(hi & VTD_FR1_F))
		qemu_die("a pending fault without a record");
	fault.recorded = true;
	fault.reason = (u8)FIELD_GET(VTD_FR1_REASON, hi);
	fault.rid = (u16)FIELD_GET(VTD_FR1_SID, hi);
	fault.page = lo & VTD_FR0_FI;
	fault.read = hi & VTD_FR1_T1;
	unit_writel(m, reg + 12, VTD_FR1_F >> 32);
	unit_writel(m, VTD_REG_FSTS, VTD_FSTS_PFO);
	return fault;
}

static void unit_queue_put(struct machine *m, u64 word0, u64 word1)
{
	u64 *desc = machine_ptr(&m->real, m->queue + m->tail, 32);

	desc[0] = word0;
	desc[1] = word1;
	if (m->scalable) {
		desc[2] = 0;
		desc[3] = 0;
	}
	/* The queue is one page long: 256 short or 128 long descriptors. */
	m->tail = (m->tail + (m->scalable ? 32 : 16)) % PHYS_PAGE_SIZE;
}

void machine_invalidate(struct machine *m, u64 word0, u64 word1)
{
	u64 status = m->queue + PHYS_PAGE_SIZE;
	u32 *done = machine_ptr(&m->real, status, 4);
	unsigned int tries = 1000;

	unit_queue_put(m, word0, word1);
	m->token++;
	unit_queue_put(m,
		       VTD_QI_WAIT | VTD_QI_WAIT0_SW | FIELD_PREP(VTD_QI_WAIT0_DATA, (u64)m->token),
		       status);
	unit_writeq(m, VTD_REG_IQT, m->tail);
	while (unit_readq(m, VTD_REG_IQH) != m->tail && --tries)
		;
	if (READ_ONCE(*done) != m->token || unit_readl(m, VTD_REG_FSTS) & VTD_FSTS_IQE)
		qemu_die("invalidation %llx %llx is not completed, error %llu", word0, word1,
			 unit_readq(m, VTD_REG_IQERCD) & 0xf);
	machine_adopt(m, m->queue, 2 * PHYS_PAGE_SIZE);
}

/* ---- PCI ---------------------------------------------------------------------------------------------------- */

static void pci_config_write(struct machine *m, u16 rid, u8 reg, u32 val)
{
	qtest_post(&m->q, "outl 0xcf8 0x%x", 0x80000000u | (u32)rid << 8 | reg);
	qtest_post(&m->q, "outl 0xcfc 0x%x", val);
}

#define PCI_COMMAND_REG	   0x04
#define PCI_MEM_AND_MASTER 0x6
#define BRIDGE_RID	   0x0020

static void machine_devices(struct machine *m)
{
	static const struct edu edus[EDU_NR] = {
		{ EDU_RID_PLAIN, 0xe0000000 },
		{ EDU_RID_UPPER, 0xe0100000 },
		{ EDU_RID_BUS1, 0xe1000000 },
	};
	unsigned int i;

	/* The bridge: bus 1 behind it, and a window for what is there. */
	pci_config_write(m, BRIDGE_RID, 0x18, 0x010100);
	pci_config_write(m, BRIDGE_RID, 0x20, 0xe100e100);
	pci_config_write(m, BRIDGE_RID, PCI_COMMAND_REG, PCI_MEM_AND_MASTER);
	for (i = 0; i < EDU_NR; i++) {
		m->edu[i] = edus[i];
		pci_config_write(m, edus[i].rid, 0x10, (u32)edus[i].bar);
		pci_config_write(m, edus[i].rid, PCI_COMMAND_REG, PCI_MEM_AND_MASTER);
		/* Its identification: a version, and 0xed. */
		if ((qtest_ask(&m->q, "readl 0x%llx", edus[i].bar) & 0xff) != 0xed)
			qemu_die("no edu device at %04x", edus[i].rid);
	}
}

#define EDU_SRC	   0x80
#define EDU_DST	   0x88
#define EDU_COUNT  0x90
#define EDU_CMD	   0x98
#define EDU_BUFFER 0x40000
#define EDU_RUN	   0x1
#define EDU_TO_RAM 0x2

void machine_dma(struct machine *m, const struct edu *e, u64 iova, u32 len, bool write)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	unsigned int tries = 20000;

	m->dmas++;
	qtest_post(&m->q, "writeq 0x%llx 0x%llx", e->bar + EDU_SRC, write ? EDU_BUFFER : iova);
	qtest_post(&m->q, "writeq 0x%llx 0x%llx", e->bar + EDU_DST, write ? iova : EDU_BUFFER);
	qtest_post(&m->q, "writeq 0x%llx 0x%x", e->bar + EDU_COUNT, len);
	qtest_post(&m->q, "writeq 0x%llx 0x%x", e->bar + EDU_CMD,
		   EDU_RUN | (write ? EDU_TO_RAM : 0));
	while (qtest_ask(&m->q, "readq 0x%llx", e->bar + EDU_CMD) & EDU_RUN) {
		if (!--tries)
			qemu_die("a DMA does not end");
		nanosleep(&pause, NULL);
	}
}

/* ---- Start and stop ------------------------------------------------------------------------------------------- */

/* A BIOS that halts, and halts again after whatever wakes the processor up. */
static void machine_bios(const char *path)
{
	static u8 bios[65536];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	memset(bios, 0xf4, sizeof(bios));
	if (fd < 0 || write(fd, bios, sizeof(bios)) != sizeof(bios) || close(fd))
		qemu_die("%s: %s", path, strerror(errno));
}

static void machine_exec(struct machine *m)
{
	char bios[256], log[256], ram[160], mem[32], iommu[128], machine[96];
	const char *argv[] = {
		"scripts/qemu.sh",
		m->cfg->qemu,
		"-M",
		machine,
		"-accel",
		"tcg",
		/*
		 * All processors are halted, so virtual time may jump to the next timer: a DMA
		 * takes no 100 ms.
		 */
		"-icount",
		"shift=0,sleep=off",
		"-bios",
		bios,
		"-m",
		mem,
		"-object",
		ram,
		"-display",
		"none",
		"-nodefaults",
		"-device",
		iommu,
		"-device",
		"edu,addr=5,dma_mask=0xffffffffffffffff",
		"-device",
		"edu,addr=0x15,dma_mask=0xffffffffffffffff",
		"-device",
		"pcie-root-port,id=bridge,addr=4,chassis=1",
		"-device",
		"edu,bus=bridge,addr=0,dma_mask=0xffffffffffffffff",
		NULL,
	};

	snprintf(bios, sizeof(bios), "%s/judge-halt.bin", judge_log_dir());
	snprintf(log, sizeof(log), "%s/judge-%s.qemu", judge_log_dir(), m->cfg->name);
	snprintf(machine, sizeof(machine), "q35,kernel-irqchip=off,memory-backend=ram%s",
		 m->cfg->small ? ",max-ram-below-4g=32M" : "");
	snprintf(mem, sizeof(mem), "%lluM", m->ram_size / MIB);
	snprintf(ram, sizeof(ram),
		 "memory-backend-file,id=ram,size=%llu,share=on,mem-path=/proc/self/fd/%d",
		 m->ram_size, m->ram_fd);
	snprintf(iommu, sizeof(iommu), "intel-iommu,intremap=off,%s", m->cfg->iommu);
	machine_bios(bios);
	qemu_start(&m->q, log, argv);
}

void machine_start(struct machine *m, const struct machine_cfg *cfg, u64 seed)
{
	memset(m, 0, sizeof(*m));
	m->cfg = cfg;
	machine_ram(m);
	machine_tables_init(m, seed);
	machine_exec(m);
	m->cap = unit_readq(m, VTD_REG_CAP);
	m->ecap = unit_readq(m, VTD_REG_ECAP);
	vtd_caps_decode(&m->caps, m->cap, m->ecap, cfg->aw);
	machine_devices(m);
	/* Records are read, not waited for. */
	unit_writel(m, VTD_REG_FECTL, BIT_ULL(31));
}

void machine_stop(struct machine *m)
{
	qemu_stop(&m->q);
	munmap(m->real.base, m->ram_size);
	munmap(m->shadow.base, m->ram_size);
	close(m->ram_fd);
}
