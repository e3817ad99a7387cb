// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* The commanded endpoint: registers, DMA, device TLB, page requests, resets. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "endpoint.h"
#include "live_test.h"

#define RID		  0x20
#define RAM_SIZE	  (4U << 20)
#define ROOT		  0x1000ULL
#define CONTEXT		  0x2000ULL
#define DIR		  0x3000ULL
#define PASIDS		  0x4000ULL
#define TABLES		  0x10000ULL /* four pages, root first */
#define QUEUE		  0x20000ULL
#define STATUS		  0x22000ULL
#define PRQ		  0x23000ULL
#define DATA		  0x40000ULL
#define VA		  0x7f1234567000ULL
#define PASID		  5U
#define FS_BITS		  (VTD_FS_P | VTD_FS_RW | VTD_FS_US)
#define GROUP_OF_COMMANDS (IOHW_GROUPS - 1)

/** struct fx - a guest's RAM, a unit, an endpoint; @tail: of the invalidation queue */
struct fx {
	struct guest_ram ram;
	struct vu_hw *unit;
	struct record record;
	struct endpoint ep;
	uint8_t *mem;
	uint32_t tail;
	unsigned int interrupts;
	char log[64];
};

/* ---- guest ----------------------------------------------------------------------------------- */

static uint64_t *word(struct fx *f, uint64_t gpa)
{
	return (uint64_t *)(f->mem + gpa);
}

static uint64_t *leaf(struct fx *f, unsigned int page)
{
	return word(f, TABLES + 3 * 0x1000 + ((VA >> 12 & 511) + page) * 8);
}

static void build_tables(struct fx *f)
{
	unsigned int lvl;

	*word(f, ROOT) = CONTEXT | VTD_RE_P;
	*word(f, CONTEXT + RID * 32) = DIR | VTD_CE0_DTE | VTD_CE0_PASIDE | VTD_CE0_PRE | VTD_CE0_P;
	*word(f, DIR) = PASIDS | VTD_DE_P;
	*word(f, PASIDS + PASID * 64 + 8) = 9 | VTD_PE1_PWSNP;
	*word(f, PASIDS + PASID * 64 + 16) = TABLES;
	*word(f, PASIDS + PASID * 64) = FIELD_PREP(VTD_PE0_PGTT, VTD_PGTT_FS) | VTD_PE0_P;
	for (lvl = 0; lvl < 3; lvl++)
		*word(f, TABLES + lvl * 0x1000 + (VA >> (39 - 9 * lvl) & 511) * 8) =
			(TABLES + (lvl + 1) * 0x1000) | FS_BITS;
	*leaf(f, 0) = DATA | FS_BITS;
}

static void unit_on(struct fx *f)
{
	struct vtd_unit *unit = &f->unit->unit;

	vtd_unit_write(unit, VTD_REG_IQA, 8, QUEUE | VTD_IQA_DW);
	vtd_unit_write(unit, VTD_REG_GCMD, 4, VTD_GCMD_QIE);
	vtd_unit_write(unit, VTD_REG_RTADDR, 8,
		       ROOT | FIELD_PREP(VTD_RTADDR_TTM, VTD_TTM_SCALABLE));
	vtd_unit_write(unit, VTD_REG_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_SRTP);
	vtd_unit_write(unit, VTD_REG_PQA, 8, PRQ);
	vtd_unit_write(unit, VTD_REG_PECTL, 4, 0);
	vtd_unit_write(unit, VTD_REG_PEADDR, 4, 0xfee00000);
	vtd_unit_write(unit, VTD_REG_GCMD, 4, VTD_GCMD_QIE | VTD_GCMD_TE);
}

static void descriptor(struct fx *f, uint64_t q0, uint64_t q1)
{
	word(f, QUEUE + f->tail)[0] = q0;
	word(f, QUEUE + f->tail)[1] = q1;
	f->tail = (f->tail + 32) % 4096;
	vtd_unit_write(&f->unit->unit, VTD_REG_IQT, 4, f->tail);
}

static void answer(struct fx *f, unsigned int group, uint32_t code)
{
	descriptor(f,
		   VTD_QI_PAGE_RESPONSE | VTD_QI_PGRSP0_PP | FIELD_PREP(VTD_QI_PGRSP0_CODE, code) |
			   FIELD_PREP(VTD_QI_PGRSP0_RID, RID) | FIELD_PREP(VTD_QI0_PASID, PASID),
		   FIELD_PREP(VTD_QI_PGRSP1_PRGI, group));
}

/* ---- fixture --------------------------------------------------------------------------------- */

static int fx_ram_map(void *opaque live_unused, uint64_t gpa live_unused, uint64_t size live_unused,
		      void *ptr live_unused, bool writable live_unused)
{
	return 0;
}

static void fx_ram_unmap(void *opaque live_unused, uint64_t gpa live_unused,
			 uint64_t size live_unused)
{
}

static void *fx_gpa(void *opaque, uint64_t gpa, uint32_t len, bool write)
{
	return guest_ram_ptr(&((struct fx *)opaque)->ram, gpa, len, write);
}

static void fx_msi(void *opaque, uint64_t addr live_unused, uint32_t data live_unused)
{
	__atomic_add_fetch(&((struct fx *)opaque)->interrupts, 1, __ATOMIC_SEQ_CST);
}

static void fx_response(void *opaque, u16 rid, u32 pasid, u16 group, u32 code)
{
	assert_int_equal(rid, RID);
	endpoint_response(&((struct fx *)opaque)->ep, pasid, group, code);
}

static void fx_invalidate(void *opaque, u16 rid, u32 pasid, bool all, u64 start, u64 last)
{
	assert_int_equal(rid, RID);
	endpoint_invalidate(&((struct fx *)opaque)->ep, pasid, all, start, last);
}

static void config16(struct fx *f, size_t offset, uint16_t value)
{
	endpoint_region_write(&f->ep, VFIO_USER_CONFIG, offset, &value, 2);
}

static void functions_on(struct fx *f, bool ats)
{
	const uint32_t credits = 8;

	config16(f, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	config16(f, PCI_CAP_PASID + 6, PCI_PASID_ENABLE | PCI_PASID_PRIV);
	config16(f, PCI_CAP_ATS + 6, ats ? PCI_ATS_ENABLE : 0);
	endpoint_region_write(&f->ep, VFIO_USER_CONFIG, PCI_CAP_PRI + 12, &credits, 4);
	config16(f, PCI_CAP_PRI + 4, ats ? PCI_PRI_ENABLE : 0);
}

static int setup(void **state)
{
	static const struct guest_ram_ops ram_ops = { fx_ram_map, fx_ram_unmap };
	static const struct vu_hw_ops unit_ops = { .gpa = fx_gpa,
						   .send_msi = fx_msi,
						   .response = fx_response,
						   .invalidate = fx_invalidate };
	struct fx *f = calloc(1, sizeof(*f));
	const struct vu_hw_config unit = { .flags = VU_HW_VERIFY, .ops = &unit_ops, .opaque = f };
	struct endpoint_config ep = { .devfn = RID, .timeout_ms = 20000 };
	int fd = memfd_create("ram", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert_non_null(f);
	assert_int_equal(ftruncate(fd, RAM_SIZE), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
	f->mem = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	guest_ram_init(&f->ram, RAM_SIZE, &ram_ops, f);
	assert_int_equal(guest_ram_add(&f->ram, 0, RAM_SIZE, fd, 0, true), 0);
	close(fd);
	assert_int_equal(vu_hw_create(&unit, &f->unit), 0);
	snprintf(f->log, sizeof(f->log), "/tmp/ioasid-test-hw-%d.dma", getpid());
	assert_int_equal(record_open(&f->record, f->log), 0);
	ep.unit = f->unit;
	ep.ram = &f->ram;
	ep.record = &f->record;
	assert_int_equal(endpoint_init(&f->ep, &ep), 0);
	build_tables(f);
	unit_on(f);
	functions_on(f, false);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fx *f = *state;

	endpoint_destroy(&f->ep);
	vu_hw_destroy(f->unit);
	record_close(&f->record);
	unlink(f->log);
	guest_ram_destroy(&f->ram);
	munmap(f->mem, RAM_SIZE);
	free(f);
	return 0;
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint32_t get32(struct fx *f, uint64_t reg)
{
	uint32_t value;

	endpoint_region_read(&f->ep, IOHW_BAR_REGS, reg, &value, 4);
	return value;
}

static uint64_t get64(struct fx *f, uint64_t reg)
{
	uint64_t value;

	endpoint_region_read(&f->ep, IOHW_BAR_REGS, reg, &value, 8);
	return value;
}

static void set32(struct fx *f, uint64_t reg, uint32_t value)
{
	endpoint_region_write(&f->ep, IOHW_BAR_REGS, reg, &value, 4);
}

static void set64(struct fx *f, uint64_t reg, uint64_t value)
{
	endpoint_region_write(&f->ep, IOHW_BAR_REGS, reg, &value, 8);
}

static void start(struct fx *f, uint32_t command, uint64_t addr, uint32_t len)
{
	set64(f, IOHW_REG_ADDR, addr);
	set32(f, IOHW_REG_PASID, PASID);
	set32(f, IOHW_REG_LENGTH, len);
	set32(f, IOHW_REG_COMMAND, command | IOHW_CMD_PASID);
}

static uint32_t finish(struct fx *f)
{
	unsigned int ms;

	for (ms = 0; get32(f, IOHW_REG_STATUS) & IOHW_STATUS_BUSY; ms++) {
		assert_true(ms < 30000);
		usleep(1000);
	}
	return get32(f, IOHW_REG_RESULT);
}

static uint32_t dma(struct fx *f, uint32_t command, uint64_t addr, uint32_t len)
{
	start(f, command, addr, len);
	return finish(f);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void reads_and_writes(void **state)
{
	struct fx *f = *state;

	assert_int_equal(get32(f, IOHW_REG_ID), IOHW_ID_VALUE);
	assert_int_equal(get32(f, IOHW_REG_RESULT), IOHW_NONE);
	set64(f, IOHW_REG_DATA, 0x1122334455667788ULL);
	set64(f, IOHW_REG_EXPECT, DATA + 16);
	assert_int_equal(dma(f, IOHW_CMD_WRITE, VA + 16, 8), IOHW_OK);
	assert_true(*word(f, DATA + 16) == 0x1122334455667788ULL);
	assert_int_equal(get64(f, IOHW_REG_REACHED), DATA + 16);
	assert_int_equal(get32(f, IOHW_REG_MISMATCHES), 0);
	*word(f, DATA + 24) = 42;
	assert_int_equal(dma(f, IOHW_CMD_READ, VA + 24, 8), IOHW_OK);
	assert_int_equal(get64(f, IOHW_REG_DATA), 42);
	set64(f, IOHW_REG_DATA, 8);
	assert_int_equal(dma(f, IOHW_CMD_FETCH_ADD, VA + 24, 8), IOHW_OK);
	assert_int_equal(get64(f, IOHW_REG_DATA), 42);
	assert_int_equal(*word(f, DATA + 24), 50);
	/* Halves and odd sizes: a register takes words, nothing else. */
	endpoint_region_write(&f->ep, IOHW_BAR_REGS, IOHW_REG_ADDR, "x", 1);
	assert_true(get64(f, IOHW_REG_ADDR) == VA + 24);
	assert_int_equal(get32(f, IOHW_REG_ADDR + 4), (VA + 24) >> 32);
}

static void counts_surprises(void **state)
{
	struct fx *f = *state;

	set64(f, IOHW_REG_EXPECT, DATA + 0x1000);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 4), IOHW_OK);
	assert_int_equal(get32(f, IOHW_REG_MISMATCHES), 1);
	/* For one command only. */
	assert_true(get64(f, IOHW_REG_EXPECT) == IOHW_NOWHERE);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 4), IOHW_OK);
	assert_int_equal(get32(f, IOHW_REG_MISMATCHES), 1);
}

static void crosses_pages(void **state)
{
	struct fx *f = *state;
	uint8_t data[16];

	*leaf(f, 1) = (DATA + 0x5000) | FS_BITS;
	memset(data, 7, sizeof(data));
	endpoint_region_write(&f->ep, IOHW_BAR_REGS, IOHW_REG_DATA, data, sizeof(data));
	assert_int_equal(dma(f, IOHW_CMD_WRITE, VA + 0xff8, 16), IOHW_OK);
	assert_memory_equal(f->mem + DATA + 0xff8, data, 8);
	assert_memory_equal(f->mem + DATA + 0x5000, data, 8);
	/* The second page is missing: the first was written. */
	*leaf(f, 1) = 0;
	descriptor(f, VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, VTD_QI_IOTLB_G_GLOBAL), 0);
	memset(data, 8, sizeof(data));
	endpoint_region_write(&f->ep, IOHW_BAR_REGS, IOHW_REG_DATA, data, sizeof(data));
	assert_int_equal(dma(f, IOHW_CMD_WRITE, VA + 0xff8, 16), IOHW_BLOCKED);
	assert_true(get64(f, IOHW_REG_FAULT_ADDR) == VA + 0x1000);
	assert_int_equal(get32(f, IOHW_REG_REASON), VTD_SFS_2 | IOHW_FAULT_NOT_PRESENT << 8);
	assert_memory_equal(f->mem + DATA + 0xff8, data, 8);
}

static void refuses(void **state)
{
	struct fx *f = *state;

	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 0), IOHW_REFUSED);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, IOHW_MAX_LEN + 1), IOHW_REFUSED);
	assert_int_equal(dma(f, IOHW_CMD_READ, ~0ULL, 8), IOHW_REFUSED);
	assert_int_equal(dma(f, IOHW_CMD_FETCH_ADD, VA + 4, 8), IOHW_REFUSED);
	assert_int_equal(dma(f, IOHW_CMD_FETCH_ADD, VA, 4), IOHW_REFUSED);
	assert_int_equal(dma(f, 7, VA, 8), IOHW_REFUSED);
	config16(f, PCI_CAP_PASID + 6, 0);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_REFUSED);
	config16(f, PCI_CAP_PASID + 6, PCI_PASID_ENABLE);
	assert_int_equal(dma(f, IOHW_CMD_READ | IOHW_CMD_PRIV, VA, 8), IOHW_REFUSED);
	config16(f, PCI_COMMAND, PCI_COMMAND_MEMORY);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_REFUSED);
	/* Where there is no memory: the unit lets it pass, the bus does not. */
	config16(f, PCI_COMMAND, PCI_COMMAND_MASTER);
	*leaf(f, 0) = 0x100000000ULL | FS_BITS;
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_BLOCKED);
	assert_int_equal(get32(f, IOHW_REG_REASON), IOHW_FAULT_ACCESS << 8);
	assert_int_equal(get64(f, IOHW_REG_COUNTERS + 8 * IOHW_COUNTER_REFUSED), 9);
}

static void device_tlb(void **state)
{
	struct fx *f = *state;
	struct vu_hw_stats stats;

	functions_on(f, true);
	*word(f, DATA) = 1;
	*word(f, DATA + 0x1000) = 2;
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_OK);
	*leaf(f, 0) = (DATA + 0x1000) | FS_BITS;
	/* The unit's cache alone does not bring the change to the device. */
	descriptor(f, VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, VTD_QI_IOTLB_G_GLOBAL), 0);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_OK);
	assert_int_equal(get64(f, IOHW_REG_DATA), 1);
	vu_hw_get_stats(f->unit, &stats);
	assert_int_equal(stats.stale_dtlb, 1);
	/* Nor does one without PASID, nor another PASID. */
	descriptor(f, VTD_QI_DEV_TLB | FIELD_PREP(VTD_QI_DEV_TLB0_SID, RID),
		   0x7ffffffffffff000ULL | VTD_QI_DEV_TLB1_S);
	descriptor(f,
		   VTD_QI_PASID_DEV_TLB | FIELD_PREP(VTD_QI_PASID_DEV_TLB0_SID, RID) |
			   FIELD_PREP(VTD_QI0_PASID, PASID + 1),
		   VA);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_OK);
	assert_int_equal(get64(f, IOHW_REG_DATA), 1);
	descriptor(f,
		   VTD_QI_PASID_DEV_TLB | FIELD_PREP(VTD_QI_PASID_DEV_TLB0_SID, RID) |
			   FIELD_PREP(VTD_QI0_PASID, PASID),
		   VA);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_OK);
	assert_int_equal(get64(f, IOHW_REG_DATA), 2);
	/* Switching ATS off empties it. */
	*leaf(f, 0) = DATA | FS_BITS;
	descriptor(f, VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, VTD_QI_IOTLB_G_GLOBAL), 0);
	config16(f, PCI_CAP_ATS + 6, 0);
	config16(f, PCI_CAP_ATS + 6, PCI_ATS_ENABLE);
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_OK);
	assert_int_equal(get64(f, IOHW_REG_DATA), 1);
}

/* Wait until @n page requests are in the guest's queue. */
static void queued(struct fx *f, unsigned int n)
{
	unsigned int ms;

	for (ms = 0; vtd_unit_read(&f->unit->unit, VTD_REG_PQT, 8) != n * VTD_PR_BYTES; ms++) {
		assert_true(ms < 30000);
		usleep(1000);
	}
}

static void asks_for_pages(void **state)
{
	struct fx *f = *state;

	functions_on(f, true);
	*leaf(f, 0) = 0;
	assert_int_equal(dma(f, IOHW_CMD_READ, VA, 8), IOHW_BLOCKED);
	start(f, IOHW_CMD_READ | IOHW_CMD_PAGE_REQUEST, VA + 8, 8);
	queued(f, 1);
	/* Registers work meanwhile; those of the command are its own. */
	assert_int_equal(get32(f, IOHW_REG_STATUS), IOHW_STATUS_BUSY);
	set64(f, IOHW_REG_ADDR, 0);
	assert_true(get64(f, IOHW_REG_ADDR) == VA + 8);
	assert_int_equal(get32(f, IOHW_REG_CREDITS), 7);
	*leaf(f, 0) = DATA | FS_BITS;
	answer(f, GROUP_OF_COMMANDS, VTD_PGRSP_SUCCESS);
	assert_int_equal(finish(f), IOHW_OK);
	assert_int_equal(get32(f, IOHW_REG_PAGE_REQUESTS), 1);
	assert_int_equal(get32(f, IOHW_REG_CREDITS), 8);
	/* "Invalid": given up. Nobody else reads such answers. */
	start(f, IOHW_CMD_WRITE | IOHW_CMD_PAGE_REQUEST, VA + 0x1000, 8);
	queued(f, 2);
	answer(f, GROUP_OF_COMMANDS, VTD_PGRSP_INVALID);
	assert_int_equal(finish(f), IOHW_BLOCKED);
	assert_int_equal(get32(f, IOHW_REG_RESPONSE), 0);
	/* "Failure" stops page requests until they are reset. */
	start(f, IOHW_CMD_WRITE | IOHW_CMD_PAGE_REQUEST, VA + 0x1000, 8);
	queued(f, 3);
	answer(f, GROUP_OF_COMMANDS, VTD_PGRSP_FAILURE);
	assert_int_equal(finish(f), IOHW_BLOCKED);
	assert_false(get32(f, IOHW_REG_FUNCTIONS) & IOHW_FUNC_PRI);
	config16(f, PCI_CAP_PRI + 4, 2);
	config16(f, PCI_CAP_PRI + 4, PCI_PRI_ENABLE);
	assert_true(get32(f, IOHW_REG_FUNCTIONS) & IOHW_FUNC_PRI);
}

static void is_aborted(void **state)
{
	struct fx *f = *state;

	functions_on(f, true);
	*leaf(f, 0) = 0;
	start(f, IOHW_CMD_READ | IOHW_CMD_PAGE_REQUEST, VA, 8);
	queued(f, 1);
	set32(f, IOHW_REG_CONTROL, IOHW_CONTROL_ABORT);
	assert_int_equal(finish(f), IOHW_ABORTED);
	/* The late answer finds nobody, and the credit comes back. */
	assert_int_equal(get32(f, IOHW_REG_CREDITS), 7);
	answer(f, GROUP_OF_COMMANDS, VTD_PGRSP_SUCCESS);
	assert_int_equal(get32(f, IOHW_REG_RESPONSE), 0);
	assert_int_equal(get32(f, IOHW_REG_CREDITS), 8);
	/* A function-level reset in the midst. */
	start(f, IOHW_CMD_READ | IOHW_CMD_PAGE_REQUEST, VA, 8);
	queued(f, 2);
	config16(f, PCI_CAP_EXPRESS + 8, 0x8000);
	assert_int_equal(get32(f, IOHW_REG_STATUS), 0);
	assert_int_equal(get32(f, IOHW_REG_FUNCTIONS), 0);
	assert_int_equal(get32(f, IOHW_REG_RESULT), IOHW_NONE);
	answer(f, GROUP_OF_COMMANDS, VTD_PGRSP_SUCCESS);
	assert_int_equal(get64(f, IOHW_REG_COUNTERS + 8 * IOHW_COUNTER_STRAY_RESPONSES), 1);
}

static uint32_t prq(struct fx *f, uint32_t info)
{
	set64(f, IOHW_REG_PRQ_ADDR, VA + 0x3000);
	set32(f, IOHW_REG_PRQ_PASID, PASID);
	set32(f, IOHW_REG_PRQ_SEND, info | IOHW_PRQ_PASID);
	return get32(f, IOHW_REG_PRQ_STATUS);
}

static void sends_page_requests(void **state)
{
	struct fx *f = *state;
	unsigned int i;

	assert_int_equal(prq(f, 1 | IOHW_PRQ_READ | IOHW_PRQ_LAST), IOHW_PRQ_OFF);
	functions_on(f, true);
	assert_int_equal(prq(f, 1 | IOHW_PRQ_LAST), IOHW_PRQ_REFUSED);
	assert_int_equal(prq(f, 1 | IOHW_PRQ_READ), IOHW_PRQ_SENT);
	assert_int_equal(prq(f, 1 | IOHW_PRQ_WRITE | IOHW_PRQ_LAST), IOHW_PRQ_SENT);
	assert_int_equal(prq(f, 1 | IOHW_PRQ_READ), IOHW_PRQ_BUSY);
	for (i = 2; i < 8; i++)
		assert_int_equal(prq(f, i | IOHW_PRQ_READ | IOHW_PRQ_LAST), IOHW_PRQ_SENT);
	assert_int_equal(prq(f, i | IOHW_PRQ_READ | IOHW_PRQ_LAST), IOHW_PRQ_NO_CREDIT);
	assert_int_equal(get32(f, IOHW_REG_RESPONSE), 0);
	answer(f, 3, VTD_PGRSP_SUCCESS);
	answer(f, 1, VTD_PGRSP_INVALID);
	/* Nobody has asked that. */
	answer(f, 99, VTD_PGRSP_SUCCESS);
	assert_int_equal(get32(f, IOHW_REG_CREDITS), 3);
	assert_int_equal(get32(f, IOHW_REG_RESPONSE), IOHW_RESPONSE_VALID | 3);
	set32(f, IOHW_REG_RESPONSE_POP, 1);
	assert_int_equal(get32(f, IOHW_REG_RESPONSE), IOHW_RESPONSE_VALID | 1 << 12 | 1);
	set32(f, IOHW_REG_RESPONSE_POP, 1);
	assert_int_equal(get32(f, IOHW_REG_RESPONSE), 0);
	assert_int_equal(get64(f, IOHW_REG_COUNTERS + 8 * IOHW_COUNTER_STRAY_RESPONSES), 1);
}

static void reaches(struct fx *f, uint64_t gpa, uint64_t value)
{
	unsigned int ms;

	for (ms = 0; __atomic_load_n(word(f, gpa), __ATOMIC_ACQUIRE) != value; ms++) {
		assert_true(ms < 30000);
		usleep(1000);
	}
}

static void holds(void **state)
{
	struct fx *f = *state;
	unsigned int ms;

	functions_on(f, true);
	assert_int_equal(vu_hw_service_start(f->unit), 0);
	set64(f, IOHW_REG_DATA, 77);
	start(f, IOHW_CMD_WRITE | IOHW_CMD_HOLD, VA, 8);
	for (ms = 0; !(get32(f, IOHW_REG_STATUS) & IOHW_STATUS_HELD); ms++) {
		assert_true(ms < 30000);
		usleep(1000);
	}
	/* An invalidation waits; registers of unit and endpoint, and page requests, do not. */
	*leaf(f, 0) = (DATA + 0x1000) | FS_BITS;
	descriptor(f, VTD_QI_IOTLB | FIELD_PREP(VTD_QI0_G, VTD_QI_IOTLB_G_GLOBAL), 0);
	descriptor(f, VTD_QI_WAIT | VTD_QI_WAIT0_SW | FIELD_PREP(VTD_QI_WAIT0_DATA, 1), STATUS);
	usleep(50000);
	assert_int_equal(*word(f, STATUS), 0);
	assert_int_equal(vtd_unit_read(&f->unit->unit, VTD_REG_FSTS, 4), 0);
	assert_int_equal(prq(f, 3 | IOHW_PRQ_READ | IOHW_PRQ_LAST), IOHW_PRQ_SENT);
	config16(f, PCI_CAP_ATS + 6, 0);
	assert_int_equal(*word(f, DATA), 0);
	set32(f, IOHW_REG_CONTROL, IOHW_CONTROL_RELEASE);
	assert_int_equal(finish(f), IOHW_OK);
	reaches(f, STATUS, 1);
	assert_int_equal(*word(f, DATA), 77);
	assert_int_equal(*word(f, DATA + 0x1000), 0);
	/* A reset ends a hold, and nothing is written. */
	start(f, IOHW_CMD_WRITE | IOHW_CMD_HOLD, VA, 8);
	set32(f, IOHW_REG_CONTROL, IOHW_CONTROL_RESET);
	assert_int_equal(get32(f, IOHW_REG_STATUS), 0);
	assert_int_equal(*word(f, DATA + 0x1000), 0);
}

static void keeps_a_record(void **state)
{
	struct fx *f = *state;
	char line[256];
	FILE *log;

	set64(f, IOHW_REG_DATA, 0xab);
	assert_int_equal(dma(f, IOHW_CMD_WRITE, VA + 16, 1), IOHW_OK);
	fflush(f->record.out);
	log = fopen(f->log, "r");
	assert_non_null(log);
	assert_non_null(fgets(line, sizeof(line), log));
	fclose(log);
	assert_string_equal(line,
			    "0 rid 0020 pasid 5 write 1 at 7f1234567010: ok gpa 40010 data ab\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_and_writes), TEST(counts_surprises),
		TEST(crosses_pages),	TEST(refuses),
		TEST(device_tlb),	TEST(asks_for_pages),
		TEST(is_aborted),	TEST(sends_page_requests),
		TEST(keeps_a_record),	TEST(holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
