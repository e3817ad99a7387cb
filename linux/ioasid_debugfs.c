// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/ioasid: what there is, for root (wire numbers are shown).
 *
 *   live      numbers of live objects
 *   contexts  every open /dev/ioasid with its address spaces, devices and routes
 *   devices   every registered device
 *
 * The core prints into a seq_file, a step of a few lines per record: the text is made under the
 * core's locks and copied to the reader when they are released.
 */
#include <linux/debugfs.h>
#include <linux/iommu.h>
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
	struct device *dev = kdev_of(core)->dev;

	if (!dev || !dev->iommu || !dev->iommu->iommu_dev || !dev->iommu->iommu_dev->dev)
		return NULL;
	return dev_name(dev->iommu->iommu_dev->dev);
}

static struct ioasid_dump debug_dump(struct seq_file *seq)
{
	return (struct ioasid_dump){
		.print = debug_print,
		.device_name = debug_device_name,
		.iommu_name = debug_iommu_name,
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
 * @id: context; ~0: past the last one
 *
 * seq_file shows a record again when its buffer was too small; so showing does not move on.
 */
struct debug_pos {
	u64 id;
	struct ioasid_dump_cursor at;
	struct ioasid_dump_cursor after;
	bool more;
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

/* ---- devices ----------------------------------------------------------------------------------- */

static void *devices_start(struct seq_file *seq, loff_t *index)
{
	struct debug_pos *pos = seq->private;

	if (!*index) {
		memset(pos, 0, sizeof(*pos));
		pos->more = true;
	}
	return pos->more ? pos : NULL;
}

static void *devices_next(struct seq_file *seq, void *v, loff_t *index)
{
	struct debug_pos *pos = v;

	++*index;
	pos->at = pos->after;
	return pos->more ? pos : NULL;
}

static void devices_stop(struct seq_file *seq, void *v)
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

static const struct seq_operations devices_sops = {
	.start = devices_start,
	.next = devices_next,
	.stop = devices_stop,
	.show = devices_show,
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

/* Without debugfs nothing is missing but this. */
void __init lin_debugfs_init(void)
{
	debug_dir = debugfs_create_dir("ioasid", NULL);
	debugfs_create_file("live", 0400, debug_dir, NULL, &live_fops);
	debugfs_create_file("contexts", 0400, debug_dir, NULL, &contexts_fops);
	debugfs_create_file("devices", 0400, debug_dir, NULL, &devices_fops);
}

void lin_debugfs_exit(void)
{
	debugfs_remove(debug_dir);
}
