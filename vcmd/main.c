// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid-vcmd.ko: PASIDs from the host.
 *
 * In a guest whose VT-d unit offers virtual commands the host hands the numbers out: those that mean
 * the same on every device and processor must not collide with anybody else's on the machine. This
 * module finds that unit and registers with ioasid.ko as the allocator.
 *
 * The kernel's own driver has the unit's registers mapped and does not use these; so the page is
 * mapped once more, without claiming it.
 *
 * Commands are serialized and answered after a while. Waiting for that has a limit, past which the
 * allocation fails. What becomes of the number then: the host may still give one, which it then holds
 * as this guest's, and nobody here knows. It is not lost: the next command looks at the late answer
 * first, and gives the number back before it does anything else. It is never used in between, and a
 * number whose "free" was answered late, or not at all, is the host's to give again, so that it comes
 * back only after the host saw it freed.
 *
 * While a number is out, the module cannot go: it would leave the host with it.
 *
 * Source: VT-d 5.10, 11.4.16, Tables 54 and 55.
 */
#include <linux/acpi.h>
#include <linux/io-64-nonatomic-hi-lo.h>
#include <linux/iopoll.h>
#include <linux/module.h>

#include <linux/ioasid_alloc.h>

#include "formats/vtd_layout.h"

#undef pr_fmt
#define pr_fmt(fmt) "ioasid-vcmd: " fmt

#define VCMD_WINDOW	0x1000
#define VCMD_MAX_WAIT_S 60

static unsigned long long base;
module_param(base, ullong, 0444);
MODULE_PARM_DESC(base, "Physical address of the unit's registers (default: the ACPI table says)");

static unsigned int timeout_ms = 5000;
module_param(timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "Time the host has for an answer, in ms (default 5000)");

/**
 * struct vcmd - the unit
 * @regs: its register page
 * @lock: one command at a time
 * @late: the last command was not answered in time; it is in VCMD still
 */
static struct vcmd {
	void __iomem *regs;
	struct mutex lock;
	bool late;
} vcmd = { .lock = __MUTEX_INITIALIZER(vcmd.lock) };

/* ---- commands. Lock. ------------------------------------------------------------------------ */

/* IP and SC are in the low half; the rest stands still once IP is clear. */
static int vcmd_wait(u64 *rsp)
{
	u32 low;
	int rc = readl_poll_timeout(vcmd.regs + VTD_REG_VCRSP, low, !(low & VTD_VCRSP_IP), 20,
				    timeout_ms * 1000ULL);

	*rsp = rc ? 0 : readq(vcmd.regs + VTD_REG_VCRSP);
	return rc;
}

/* Return: 0: *@rsp is the answer; -ETIMEDOUT. */
static int vcmd_submit(u64 cmd, u64 *rsp)
{
	int rc;

	writeq(cmd, vcmd.regs + VTD_REG_VCMD);
	rc = vcmd_wait(rsp);
	vcmd.late = rc;
	return rc;
}

static u64 vcmd_free_command(u32 pasid)
{
	return VTD_VCMD_FREE | FIELD_PREP(VTD_VC_PASID, pasid);
}

/* Nobody took the number that a late answer gives: back with it. */
static int vcmd_settle(void)
{
	u64 cmd, rsp;

	if (!vcmd.late)
		return 0;
	if (readl(vcmd.regs + VTD_REG_VCRSP) & VTD_VCRSP_IP)
		return -EBUSY;
	vcmd.late = false;
	cmd = readq(vcmd.regs + VTD_REG_VCMD);
	rsp = readq(vcmd.regs + VTD_REG_VCRSP);
	if (FIELD_GET(VTD_VCMD_CMD, cmd) != VTD_VCMD_ALLOC || FIELD_GET(VTD_VCRSP_SC, rsp))
		return 0;
	return vcmd_submit(vcmd_free_command(FIELD_GET(VTD_VC_PASID, rsp)), &rsp);
}

/* Return: status code of the answer; -ETIMEDOUT, -EBUSY: there is none. */
static int vcmd_run(u64 cmd, u64 *rsp)
{
	int rc;

	mutex_lock(&vcmd.lock);
	rc = vcmd_settle();
	if (!rc)
		rc = vcmd_submit(cmd, rsp);
	mutex_unlock(&vcmd.lock);
	if (rc)
		pr_warn_ratelimited("the host does not answer\n");
	return rc ?: FIELD_GET(VTD_VCRSP_SC, *rsp);
}

/* ---- the allocator -------------------------------------------------------------------------- */

/* The host knows of no ranges: what does not fit, ioasid.ko gives back. */
static ioasid_t vcmd_alloc(ioasid_t min, ioasid_t max, void *data)
{
	u64 rsp;
	int status;

	if (!try_module_get(THIS_MODULE))
		return INVALID_IOASID;
	status = vcmd_run(VTD_VCMD_ALLOC, &rsp);
	if (status == VTD_VC_OK)
		return FIELD_GET(VTD_VC_PASID, rsp);
	if (status > 0 && status != VTD_VC_PASID_BAD)
		pr_warn_ratelimited("the host does not know how to allocate: status %d\n", status);
	module_put(THIS_MODULE);
	return INVALID_IOASID;
}

static void vcmd_free(ioasid_t id, void *data)
{
	u64 rsp;
	int status = vcmd_run(vcmd_free_command(id), &rsp);

	if (status > 0)
		pr_warn_ratelimited("the host refuses to take a PASID back: status %d\n", status);
	/* Not the last instruction in this module: unregistering waits for it to return. */
	module_put(THIS_MODULE);
}

static struct ioasid_allocator_ops vcmd_ops = {
	.alloc = vcmd_alloc,
	.free = vcmd_free,
};

/* ---- finding the unit ------------------------------------------------------------------------- */

/*
 * Bits 1 and 2, for the commands by their names. Bit 0 alone is not enough: it meant allocation once,
 * and means "no operation" now.
 */
static bool vcmd_offered(void __iomem *regs)
{
	const u64 want = VTD_VCCAP_PAS | VTD_VCCAP_FPS;
	u64 ecap = readq(regs + VTD_REG_ECAP);

	return ecap != ~0ULL && ecap & VTD_ECAP_VCS && (readq(regs + VTD_REG_VCCAP) & want) == want;
}

static int vcmd_try(u64 address)
{
	void __iomem *regs;

	if (!address || !IS_ALIGNED(address, VCMD_WINDOW) || address != (phys_addr_t)address)
		return -EINVAL;
	regs = ioremap(address, VCMD_WINDOW);
	if (!regs)
		return -ENOMEM;
	if (!vcmd_offered(regs)) {
		iounmap(regs);
		return -ENODEV;
	}
	vcmd.regs = regs;
	base = address;
	return 0;
}

#ifdef CONFIG_ACPI
/* Remapping hardware stands in the DMAR table, as structures of type and length. */
static int vcmd_scan(const void *at, const void *end)
{
	const struct acpi_dmar_header *header = at;
	const struct acpi_dmar_hardware_unit *drhd = at;
	int rc = -ENODEV;

	while (rc && end - at >= sizeof(*header)) {
		header = at;
		drhd = at;
		if (header->length < sizeof(*header) || header->length > end - at)
			return -EINVAL;
		if (header->type == ACPI_DMAR_TYPE_HARDWARE_UNIT && header->length >= sizeof(*drhd))
			rc = vcmd_try(drhd->address);
		at += header->length;
	}
	return rc;
}

static int vcmd_find(void)
{
	struct acpi_table_header *table;
	int rc = -ENODEV;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_DMAR, 0, &table)))
		return -ENODEV;
	if (table->length >= sizeof(struct acpi_table_dmar))
		rc = vcmd_scan((void *)table + sizeof(struct acpi_table_dmar),
			       (void *)table + table->length);
	acpi_put_table(table);
	return rc;
}
#else
static int vcmd_find(void)
{
	return -ENODEV;
}
#endif

static int __init vcmd_init(void)
{
	int rc;

	timeout_ms = clamp(timeout_ms, 1U, VCMD_MAX_WAIT_S * 1000U);
	rc = base ? vcmd_try(base) : vcmd_find();
	if (rc) {
		pr_info("no VT-d unit offers PASIDs of the host\n");
		return rc;
	}
	rc = ioasid_register_allocator(&vcmd_ops);
	if (rc) {
		iounmap(vcmd.regs);
		return rc;
	}
	pr_info("PASIDs come from the host, by the unit at %#llx\n", base);
	return 0;
}

static void __exit vcmd_exit(void)
{
	u64 rsp;

	ioasid_unregister_allocator(&vcmd_ops);
	/* A last chance for an answer that is late. */
	if (vcmd.late) {
		vcmd_wait(&rsp);
		vcmd_settle();
	}
	iounmap(vcmd.regs);
}

module_init(vcmd_init);
module_exit(vcmd_exit);
MODULE_DESCRIPTION("PASIDs from the host, by VT-d virtual commands");
MODULE_LICENSE("GPL");
