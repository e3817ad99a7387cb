// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest's drivers at work with PASIDs that the host hands out: ioasid.ko asks ioasid-vcmd.ko, which
 * asks the VT-d unit. And a guest that goes past both and writes to the registers what it should not.
 * Reading the debugfs file "ioasid_vcmdcheck" runs it. CHECK lines say what was tried and what came of
 * it; VCMD lines, which numbers were had and given back, for comparison with what the host saw.
 *
 * What the host does (live/server/vcmd_host.c): the guest may have "quota" numbers, "foreign" lower ones
 * belong to the host; it holds on to the first number it gives until the guest was refused twice; after
 * that, when the guest has given all back, its next answer takes seconds.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include <linux/ioasid_alloc.h>

#include "formats/vtd_layout.h"

#define VCMDCHECK_MAX	   256
#define VCMDCHECK_LIMIT_MS 5000

static unsigned long long base;
module_param(base, ullong, 0400);
MODULE_PARM_DESC(base, "Physical address of the unit's registers; 0: no unit, numbers are our own");
static unsigned int quota = 40;
module_param(quota, uint, 0400);
static unsigned int foreign = 3;
module_param(foreign, uint, 0400);
static unsigned int leave;
module_param(leave, uint, 0400);
MODULE_PARM_DESC(leave, "Only take so many numbers, of a host that is slow, and keep them");

static void __iomem *vcmdcheck_regs;
static struct dentry *vcmdcheck_file;
static struct ioasid_set *vcmdcheck_set;
static ioasid_t vcmdcheck_ids[VCMDCHECK_MAX];
static unsigned int vcmdcheck_nr;

static void vcmdcheck_say(struct seq_file *out, bool ok, const char *what, s64 value)
{
	seq_printf(out, "CHECK %s %s (%lld)\n", ok ? "OK" : "FAILED", what, value);
}

/* ---- through ioasid.ko ------------------------------------------------------------------------ */

static ioasid_t vcmdcheck_alloc(struct seq_file *out)
{
	ioasid_t id = ioasid_alloc(vcmdcheck_set, 1, 0xfffff, NULL);

	if (id == INVALID_IOASID)
		seq_puts(out, "VCMD refused\n");
	else
		seq_printf(out, "VCMD alloc %u\n", id);
	return id;
}

/*
 * Give it back, and wait until the host was told, which a worker does: the command stands in the
 * register then. Return: it was.
 */
static bool vcmdcheck_free(struct seq_file *out, ioasid_t id)
{
	u64 want = VTD_VCMD_FREE | FIELD_PREP(VTD_VC_PASID, id);
	unsigned int ms;

	seq_printf(out, "VCMD free %u\n", id);
	ioasid_free(vcmdcheck_set, id);
	for (ms = 0; ms < VCMDCHECK_LIMIT_MS; ms++) {
		if (readq(vcmdcheck_regs + VTD_REG_VCMD) == want &&
		    !(readl(vcmdcheck_regs + VTD_REG_VCRSP) & VTD_VCRSP_IP))
			return true;
		usleep_range(1000, 2000);
	}
	return false;
}

static bool vcmdcheck_all_different(void)
{
	unsigned int i, k;

	for (i = 0; i < vcmdcheck_nr; i++)
		for (k = 0; k < i; k++)
			if (vcmdcheck_ids[i] == vcmdcheck_ids[k])
				return false;
	return true;
}

/* As many as there are. */
static void vcmdcheck_exhaust(struct seq_file *out)
{
	ioasid_t id;

	while (vcmdcheck_nr < VCMDCHECK_MAX) {
		id = vcmdcheck_alloc(out);
		if (id == INVALID_IOASID)
			return;
		vcmdcheck_ids[vcmdcheck_nr++] = id;
	}
}

static void vcmdcheck_first(struct seq_file *out)
{
	ioasid_t first = vcmdcheck_alloc(out), second;

	vcmdcheck_say(out, first == foreign + 1, "the first number is the host's choice", first);
	vcmdcheck_say(out, vcmdcheck_free(out, first), "freed, and the host was told", first);
	vcmdcheck_say(out, ioasid_get(NULL, first) == -EINVAL, "nobody has it any more", first);
	second = vcmdcheck_alloc(out);
	vcmdcheck_say(out, second == first + 1, "what the host still holds is not given again",
		      second);
	vcmdcheck_ids[vcmdcheck_nr++] = second;
	vcmdcheck_exhaust(out);
	vcmdcheck_say(out, vcmdcheck_nr == quota - 1 && vcmdcheck_all_different(),
		      "as many as the host's quota says, less the one that is pending there",
		      vcmdcheck_nr);
	vcmdcheck_say(out, vcmdcheck_alloc(out) == INVALID_IOASID, "none a second time", 0);
	vcmdcheck_ids[vcmdcheck_nr] = vcmdcheck_alloc(out);
	vcmdcheck_say(out, vcmdcheck_ids[vcmdcheck_nr] == first,
		      "the host let go of it: it comes again", vcmdcheck_ids[vcmdcheck_nr]);
	vcmdcheck_nr++;
}

/* The one number that is left does not fit: it goes back, and is there for who takes it. */
static void vcmdcheck_range(struct seq_file *out)
{
	ioasid_t id = vcmdcheck_ids[7], other;

	vcmdcheck_say(out, vcmdcheck_free(out, id), "one in the middle is freed", id);
	other = ioasid_alloc(vcmdcheck_set, 0x80000, 0xfffff, NULL);
	seq_printf(out, "VCMD alloc %u\nVCMD free %u\n", id, id);
	vcmdcheck_say(out, other == INVALID_IOASID,
		      "a number out of the range asked for is refused", other);
	other = vcmdcheck_alloc(out);
	vcmdcheck_say(out, other == id, "and was given back to the host", other);
}

/* ---- past ioasid.ko ----------------------------------------------------------------------------- */

/* Return: VCRSP; ~0: no answer. Not before ioasid-vcmd.ko has read the answer to its last command. */
static u64 vcmdcheck_raw(u64 cmd)
{
	unsigned int ms;
	u64 rsp;

	msleep(20);
	writeq(cmd, vcmdcheck_regs + VTD_REG_VCMD);
	for (ms = 0; ms < VCMDCHECK_LIMIT_MS; ms++) {
		rsp = readq(vcmdcheck_regs + VTD_REG_VCRSP);
		if (!(rsp & VTD_VCRSP_IP))
			return rsp;
		usleep_range(500, 1000);
	}
	return ~0ULL;
}

/* Return: it was refused. */
static bool vcmdcheck_denied(struct seq_file *out, u64 operand)
{
	u64 rsp = vcmdcheck_raw(VTD_VCMD_FREE | FIELD_PREP(VTD_VCMD_OA, operand));

	seq_printf(out, "VCMD denied %llu\n", operand);
	return rsp == FIELD_PREP(VTD_VCRSP_SC, VTD_VC_PASID_BAD);
}

static void vcmdcheck_registers(struct seq_file *out)
{
	vcmdcheck_say(out, readq(vcmdcheck_regs + VTD_REG_ECAP) & BIT_ULL(44), "ECAP.VCS is set",
		      0);
	vcmdcheck_say(out, readq(vcmdcheck_regs + 0xe30) == 7,
		      "VCCAP: null, allocate, free; what drivers look for in bit 0 is there",
		      readq(vcmdcheck_regs + 0xe30));
	vcmdcheck_say(out, vcmdcheck_raw(0) == 0, "a command to do nothing", 0);
	vcmdcheck_say(out, vcmdcheck_raw(3) == 1 << 1 && vcmdcheck_raw(0xff) == 1 << 1,
		      "commands nobody knows", 0);
}

static void vcmdcheck_hostile(struct seq_file *out)
{
	unsigned int denied = 0, n;
	ioasid_t id;
	u64 rsp;

	for (n = 1; n <= foreign; n++)
		denied += vcmdcheck_denied(out, n);
	vcmdcheck_say(out, denied == foreign, "numbers of the host cannot be freed", denied);
	vcmdcheck_say(out, vcmdcheck_denied(out, 0xfffff) && vcmdcheck_denied(out, 0),
		      "nor numbers nobody has", 0);
	id = vcmdcheck_ids[--vcmdcheck_nr];
	vcmdcheck_say(out, vcmdcheck_denied(out, id | BIT_ULL(20)), "nor wider ones", id);
	vcmdcheck_say(out, vcmdcheck_free(out, id), "a number is freed", id);
	vcmdcheck_say(out, vcmdcheck_denied(out, id), "and cannot be freed again", id);
	/* The two halves, upper first; then the lower one alone. */
	writel(0, vcmdcheck_regs + VTD_REG_VCMD + 4);
	writel(VTD_VCMD_ALLOC, vcmdcheck_regs + VTD_REG_VCMD);
	msleep(50);
	rsp = readq(vcmdcheck_regs + VTD_REG_VCRSP);
	seq_printf(out, "VCMD alloc %u\nVCMD free %u\n", id, id);
	vcmdcheck_say(out, rsp == FIELD_PREP(VTD_VC_PASID, id), "a command in two halves", rsp);
	rsp = vcmdcheck_raw(VTD_VCMD_FREE | FIELD_PREP(VTD_VCMD_OA, id));
	vcmdcheck_say(out, rsp == 0, "its number is the guest's to free", rsp);
}

/* ---- frame --------------------------------------------------------------------------------------- */

/* Without an allocator of the host's: numbers are this kernel's own again. */
static void vcmdcheck_own(struct seq_file *out)
{
	ioasid_t id = ioasid_alloc(vcmdcheck_set, 1, 0xfffff, NULL);

	vcmdcheck_say(out, id == 1, "without the host numbers are our own", id);
	ioasid_free(vcmdcheck_set, id);
}

static void vcmdcheck_free_all(struct seq_file *out)
{
	bool told = true;

	while (vcmdcheck_nr)
		told = vcmdcheck_free(out, vcmdcheck_ids[--vcmdcheck_nr]) && told;
	vcmdcheck_say(out, told, "all are freed, and the host was told of each", 0);
}

/* ioasid-vcmd.ko was told to wait for less than the host takes. */
static void vcmdcheck_late(struct seq_file *out)
{
	ioasid_t id = ioasid_alloc(vcmdcheck_set, 1, 0xfffff, NULL);
	unsigned int ms;
	bool busy;

	vcmdcheck_say(out, id == INVALID_IOASID,
		      "a host that does not answer in time gives nothing", id);
	busy = readl(vcmdcheck_regs + VTD_REG_VCRSP) & VTD_VCRSP_IP;
	writeq(VTD_VCMD_NULL, vcmdcheck_regs + VTD_REG_VCMD);
	busy = busy && readq(vcmdcheck_regs + VTD_REG_VCMD) == VTD_VCMD_ALLOC;
	busy = busy && readl(vcmdcheck_regs + VTD_REG_VCRSP) == VTD_VCRSP_IP;
	vcmdcheck_say(out, busy, "registers go on working meanwhile, and no other command comes in",
		      0);
	id = ioasid_alloc(vcmdcheck_set, 1, 0xfffff, NULL);
	vcmdcheck_say(out, id == INVALID_IOASID, "nor is one tried", id);
	for (ms = 0; ms < VCMDCHECK_LIMIT_MS; ms += 10) {
		if (!(readl(vcmdcheck_regs + VTD_REG_VCRSP) & VTD_VCRSP_IP))
			break;
		msleep(10);
	}
	id = FIELD_GET(VTD_VC_PASID, readq(vcmdcheck_regs + VTD_REG_VCRSP));
	vcmdcheck_say(out, id == foreign + 1, "late, but it came", id);
	/* The next command gives it back first. */
	seq_printf(out, "VCMD alloc %u\nVCMD free %u\n", id, id);
}

static void vcmdcheck_leave(struct seq_file *out)
{
	ioasid_t id = 0;
	unsigned int n;

	vcmdcheck_late(out);
	for (n = 0; n < leave; n++) {
		id = vcmdcheck_alloc(out);
		seq_printf(out, "VCMD left %u\n", id);
	}
	vcmdcheck_say(out, id == foreign + leave, "numbers are taken, the late one too, and kept",
		      leave);
}

static int vcmdcheck_show(struct seq_file *out, void *unused)
{
	if (!base) {
		vcmdcheck_own(out);
	} else if (leave) {
		vcmdcheck_leave(out);
	} else if (!vcmdcheck_nr) {
		vcmdcheck_registers(out);
		vcmdcheck_first(out);
		vcmdcheck_range(out);
		vcmdcheck_hostile(out);
	} else {
		vcmdcheck_free_all(out);
	}
	seq_puts(out, "CHECK END\n");
	return 0;
}

static int vcmdcheck_open(struct inode *inode, struct file *file)
{
	/* Room for all of it: a buffer that is too small would have everything run again. */
	return single_open_size(file, vcmdcheck_show, NULL, 1 << 16);
}

static const struct file_operations vcmdcheck_fops = {
	.owner = THIS_MODULE,
	.open = vcmdcheck_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = single_release,
};

static int __init vcmdcheck_init(void)
{
	if (base) {
		vcmdcheck_regs = ioremap(base, 0x1000);
		if (!vcmdcheck_regs)
			return -ENOMEM;
	}
	vcmdcheck_set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);
	if (IS_ERR(vcmdcheck_set)) {
		if (vcmdcheck_regs)
			iounmap(vcmdcheck_regs);
		return PTR_ERR(vcmdcheck_set);
	}
	vcmdcheck_file = debugfs_create_file("ioasid_vcmdcheck", 0400, NULL, NULL, &vcmdcheck_fops);
	return 0;
}

static void __exit vcmdcheck_exit(void)
{
	debugfs_remove(vcmdcheck_file);
	ioasid_free_all_in_set(vcmdcheck_set);
	if (ioasid_set_free(vcmdcheck_set))
		pr_err("vcmdcheck: the set is not empty\n");
	if (vcmdcheck_regs)
		iounmap(vcmdcheck_regs);
}

module_init(vcmdcheck_init);
module_exit(vcmdcheck_exit);
MODULE_DESCRIPTION("Checks of PASIDs that the host hands out");
MODULE_LICENSE("GPL");
