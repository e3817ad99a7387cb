// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/ioasid: what there is, for root (wire numbers are shown).
 *
 *   live      numbers of live objects
 *   contexts  every open /dev/ioasid with its address spaces, devices and routes
 *   devices   every registered device
 *   functions what has a Requester ID, its slices, and which numbers are on its wire
 *   sets      the allocator of host-wide numbers: sets, and numbers that are freed but still held
 *   limits    the groups that numbers are charged to, and their limits
 *
 * The core prints into a seq_file, a step of a few lines per record: the text is made under the
 * core's locks and copied to the reader when they are released.
 */
#include <linux/debugfs.h>
#include <linux/iommu.h>
#include <linux/pci.h>
#include <linux/seq_file.h>

#include "core/dump.h"
#include "linux/ioasid_linux.h"

static struct dentry *debug_dir;

static __printf(2, 3) void debug_print(const struct ioasid_dump *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	seq_vprintf(d->priv, fmt, args);
	va_end(args);
}

static const char *debug_device_name(const struct ioasid_device *dev)
{
	return kdev_of(dev)->name;
}

/* As long as the device is registered its driver keeps it behind its IOMMU. */
static const char *debug_iommu_name(const struct ioasid_device *core)
{
	const struct lin_hw *hw = kdev_of(core)->hw;
	struct device *dev = hw ? hw->dev : NULL;

	if (!dev || !dev->iommu || !dev->iommu->iommu_dev || !dev->iommu->iommu_dev->dev)
		return NULL;
	return dev_name(dev->iommu->iommu_dev->dev);
}

static const char *debug_function_name(const struct ioasid_function *core)
{
	const struct ioasid_kfunction *fn = ioasid_function_priv(core);

	return dev_name(fn->hw.dev);
}

static s32 debug_requester(const struct ioasid_function *core, const struct ioasid_device *dev)
{
	const struct ioasid_kfunction *fn = core ? ioasid_function_priv(core) : NULL;
	const struct lin_hw *hw = fn ? &fn->hw : kdev_of(dev)->hw;

	return hw && dev_is_pci(hw->dev) ? pci_dev_id(to_pci_dev(hw->dev)) : -1;
}

static struct ioasid_dump debug_dump(struct seq_file *seq)
{
	return (struct ioasid_dump){
		.print = debug_print,
		.device_name = debug_device_name,
		.iommu_name = debug_iommu_name,
		.function_name = debug_function_name,
		.requester = debug_requester,
		.priv = seq,
	};
}

static int live_show(struct seq_file *seq, void *unused)
{
	struct ioasid_dump dump = debug_dump(seq);

	ioasid_dump_live(&lin_machine, &dump);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(live);

/* ---- contexts ---------------------------------------------------------------------------------- */

/**
 * struct debug_pos - where a reader is
 * @at: the record being shown, in the context with number @id
 * @after: the record that follows it, if @more
 * @ended: the last record was shown, and the reader has gone on
 * @id: context; ~0: past the last one
 *
 * seq_file shows a record again when its buffer was too small; so showing does not move on.
 */
struct debug_pos {
	u64 id;
	struct ioasid_dump_cursor at;
	struct ioasid_dump_cursor after;
	bool more;
	bool ended;
};

static void *contexts_find(struct debug_pos *pos, u64 id)
{
	struct lin_ctx *lc = id == ~0ULL ? NULL : lin_ctx_next(id);

	if (!lc || lc->id != pos->id)
		memset(&pos->at, 0, sizeof(pos->at));
	pos->id = lc ? lc->id : ~0ULL;
	return lc;
}

static void *contexts_start(struct seq_file *seq, loff_t *index)
{
	struct debug_pos *pos = seq->private;

	if (*index)
		return contexts_find(pos, pos->id);
	memset(pos, 0, sizeof(*pos));
	return contexts_find(pos, 0);
}

static void *contexts_next(struct seq_file *seq, void *v, loff_t *index)
{
	struct debug_pos *pos = seq->private;
	struct lin_ctx *lc = v;

	++*index;
	if (pos->more) {
		pos->at = pos->after;
		return lc;
	}
	lin_ctx_put(lc);
	return contexts_find(pos, pos->id + 1);
}

static void contexts_stop(struct seq_file *seq, void *v)
{
	if (v)
		lin_ctx_put(v);
}

static int contexts_show(struct seq_file *seq, void *v)
{
	struct ioasid_dump dump = debug_dump(seq);
	struct debug_pos *pos = seq->private;
	struct lin_ctx *lc = v;

	pos->after = pos->at;
	pos->more = ioasid_dump_context(lc->core, &dump, &pos->after);
	return 0;
}

static const struct seq_operations contexts_sops = {
	.start = contexts_start,
	.next = contexts_next,
	.stop = contexts_stop,
	.show = contexts_show,
};

/* ---- devices, functions, sets ------------------------------------------------------------------ */

static void *steps_start(struct seq_file *seq, loff_t *index)
{
	struct debug_pos *pos = seq->private;

	if (!*index)
		memset(pos, 0, sizeof(*pos));
	return pos->ended ? NULL : pos;
}

static void *steps_next(struct seq_file *seq, void *v, loff_t *index)
{
	struct debug_pos *pos = v;

	++*index;
	pos->at = pos->after;
	pos->ended = !pos->more;
	return pos->ended ? NULL : pos;
}

static void steps_stop(struct seq_file *seq, void *v)
{
}

static int devices_show(struct seq_file *seq, void *v)
{
	struct ioasid_dump dump = debug_dump(seq);
	struct debug_pos *pos = v;

	pos->after = pos->at;
	pos->more = ioasid_dump_devices(&lin_machine, &dump, &pos->after);
	return 0;
}

static int functions_show(struct seq_file *seq, void *v)
{
	struct ioasid_dump dump = debug_dump(seq);
	struct debug_pos *pos = v;

	pos->after = pos->at;
	pos->more = ioasid_dump_functions(&lin_machine, &dump, &pos->after);
	return 0;
}

static int sets_show(struct seq_file *seq, void *v)
{
	struct ioasid_dump dump = debug_dump(seq);
	struct debug_pos *pos = v;

	pos->after = pos->at;
	pos->more = ioasid_dump_sets(&lin_machine, &dump, &pos->after);
	return 0;
}

static const struct seq_operations devices_sops = {
	.start = steps_start,
	.next = steps_next,
	.stop = steps_stop,
	.show = devices_show,
};

static const struct seq_operations functions_sops = {
	.start = steps_start,
	.next = steps_next,
	.stop = steps_stop,
	.show = functions_show,
};

static const struct seq_operations sets_sops = {
	.start = steps_start,
	.next = steps_next,
	.stop = steps_stop,
	.show = sets_show,
};

/* ---- limits ------------------------------------------------------------------------------------ */

/**
 * struct debug_limit - where a reader is
 * @at: the group being shown, referenced; NULL: none
 * @ended: past the last one
 */
struct debug_limit {
	struct limit_group *at;
	bool ended;
};

static void *limits_next(struct seq_file *seq, void *v, loff_t *index)
{
	struct debug_limit *pos = seq->private;

	++*index;
	pos->at = ioasid_dump_limit_next(&lin_machine, pos->at);
	pos->ended = !pos->at;
	return pos->at;
}

/* The reader's place is kept from one read() to the next; seq_file starts again by itself. */
static void *limits_start(struct seq_file *seq, loff_t *index)
{
	struct debug_limit *pos = seq->private;

	if (!*index && pos->at) {
		limit_group_put(pos->at);
		pos->at = NULL;
	}
	if (!*index)
		pos->ended = false;
	if (!pos->at && !pos->ended) {
		pos->at = ioasid_dump_limit_next(&lin_machine, NULL);
		pos->ended = !pos->at;
	}
	return pos->at;
}

static void limits_stop(struct seq_file *seq, void *v)
{
}

static int limits_show(struct seq_file *seq, void *v)
{
	struct ioasid_dump dump = debug_dump(seq);

	ioasid_dump_limit(v, &dump);
	return 0;
}

static const struct seq_operations limits_sops = {
	.start = limits_start,
	.next = limits_next,
	.stop = limits_stop,
	.show = limits_show,
};

/* ---- the files --------------------------------------------------------------------------------- */

static int contexts_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &contexts_sops, sizeof(struct debug_pos));
}

static int devices_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &devices_sops, sizeof(struct debug_pos));
}

static int functions_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &functions_sops, sizeof(struct debug_pos));
}

static int sets_open(struct inode *inode, struct file *file)
{
	return seq_open_private(file, &sets_sops, sizeof(struct debug_pos));
}

static int limits_open(struct inode *inode, struct file *file)
{
	lin_limit_sweep();
	return seq_open_private(file, &limits_sops, sizeof(struct debug_limit));
}

static int limits_release(struct inode *inode, struct file *file)
{
	struct debug_limit *pos = ((struct seq_file *)file->private_data)->private;

	if (pos->at)
		limit_group_put(pos->at);
	return seq_release_private(inode, file);
}

static const struct file_operations contexts_fops = {
	.owner = THIS_MODULE,
	.open = contexts_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static const struct file_operations devices_fops = {
	.owner = THIS_MODULE,
	.open = devices_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static const struct file_operations functions_fops = {
	.owner = THIS_MODULE,
	.open = functions_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static const struct file_operations sets_fops = {
	.owner = THIS_MODULE,
	.open = sets_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = seq_release_private,
};

static const struct file_operations limits_fops = {
	.owner = THIS_MODULE,
	.open = limits_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = limits_release,
};

/* Without debugfs nothing is missing but this. */
void __init lin_debugfs_init(void)
{
	debug_dir = debugfs_create_dir("ioasid", NULL);
	debugfs_create_file("live", 0400, debug_dir, NULL, &live_fops);
	debugfs_create_file("contexts", 0400, debug_dir, NULL, &contexts_fops);
	debugfs_create_file("devices", 0400, debug_dir, NULL, &devices_fops);
	debugfs_create_file("functions", 0400, debug_dir, NULL, &functions_fops);
	debugfs_create_file("sets", 0400, debug_dir, NULL, &sets_fops);
	debugfs_create_file("limits", 0400, debug_dir, NULL, &limits_fops);
}

void lin_debugfs_exit(void)
{
	debugfs_remove(debug_dir);
}
