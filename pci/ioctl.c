// SPDX-License-Identifier: GPL-2.0-only
/* Commands of <linux/ioasid_pci.h>: one row each, the same rules as those of <linux/ioasid.h>. */
#include <linux/uaccess.h>

#include "pci.h"

union args {
	struct ioasid_pci_info info;
	struct ioasid_pci_irq irq;
	struct ioasid_pci_mask mask;
	u32 words[8];
};
static_assert(sizeof(struct ioasid_pci_info) == 32 && sizeof(struct ioasid_pci_irq) == 32 &&
	      offsetof(struct ioasid_pci_irq, fds) == 24 && sizeof(struct ioasid_pci_mask) == 16);

/**
 * struct call - a command on its way
 * @args: copied from the user
 * @eventfds: SET_IRQ: references
 */
struct call {
	union args args;
	struct eventfd_ctx **eventfds;
};

#define MAX_VECTORS 2048

static int get_info(struct ipci_func *func, struct call *call)
{
	struct ioasid_pci_info *info = &call->args.info;
	u32 type;

	info->info_flags = func->can_reset ? IOASID_PCI_INFO_RESET : 0;
	for (type = 0; type < IOASID_PCI_NR_IRQ_TYPES; type++)
		info->nr_irqs[type] = ipci_irq_count(func, type);
	mutex_lock(&func->irq_lock);
	info->irq_type = func->irq_type;
	info->nr_enabled = func->nr_vectors;
	mutex_unlock(&func->irq_lock);
	return 0;
}

/* ---- SET_IRQ ------------------------------------------------------------------------------------------- */

static void put_eventfds(struct eventfd_ctx **eventfds, u32 n)
{
	while (n--) {
		if (eventfds[n])
			eventfd_ctx_put(eventfds[n]);
	}
}

static int get_eventfds(u64 uaddr, u32 count, struct eventfd_ctx **eventfds)
{
	s32 __user *fds = u64_to_user_ptr(uaddr);
	u32 i;
	s32 fd;

	for (i = 0; i < count; i++) {
		int rc = get_user(fd, fds + i) ? -EFAULT : 0;

		if (!rc && fd < -1)
			rc = -EBADF;
		if (!rc && fd >= 0) {
			eventfds[i] = eventfd_ctx_fdget(fd);
			rc = PTR_ERR_OR_ZERO(eventfds[i]);
		}
		if (rc) {
			put_eventfds(eventfds, i);
			return rc;
		}
	}
	return 0;
}

/* Before the function is looked at: nobody has more vectors than MSI-X can have. */
static int set_irq_prepare(struct call *call)
{
	const struct ioasid_pci_irq *irq = &call->args.irq;
	int rc;

	if (irq->flags & IOASID_PCI_IRQ_OFF)
		return irq->type || irq->start || irq->count || irq->fds ? -EINVAL : 0;
	if (!irq->count || irq->count > MAX_VECTORS)
		return -EINVAL;
	call->eventfds = kvcalloc(irq->count, sizeof(*call->eventfds), GFP_KERNEL_ACCOUNT);
	if (!call->eventfds)
		return -ENOMEM;
	rc = get_eventfds(irq->fds, irq->count, call->eventfds);
	if (rc) {
		kvfree(call->eventfds);
		call->eventfds = NULL;
	}
	return rc;
}

static int set_irq(struct ipci_func *func, struct call *call)
{
	const struct ioasid_pci_irq *irq = &call->args.irq;

	if (irq->flags & IOASID_PCI_IRQ_OFF) {
		ipci_irq_off(func);
		return 0;
	}
	if (irq->count > ipci_irq_count(func, irq->type))
		return -EINVAL;
	return ipci_irq_set(func, irq->type, irq->start, irq->count, call->eventfds);
}

/* Either ours still, or those that were there before. */
static void call_finish(struct call *call)
{
	if (!call->eventfds)
		return;
	put_eventfds(call->eventfds, call->args.irq.count);
	kvfree(call->eventfds);
}

static int mask_intx(struct ipci_func *func, struct call *call)
{
	if (call->args.mask.masked > 1)
		return -EINVAL;
	return ipci_irq_mask_intx(func, call->args.mask.masked);
}

/* ---- the table -------------------------------------------------------------------------------------------- */

/**
 * struct row - a command
 * @size: of its structure, which has not grown since the first release
 * @flags: known ones
 * @reserved: offset of the reserved word; 0: none
 * @out: the structure is written back
 * @prepare: what it takes from the user besides; in no section, the function may be gone
 * @fn: in a section that unbinding waits for; must not touch memory of the user
 */
static const struct row {
	u32 cmd;
	u32 size;
	u32 flags;
	u32 reserved;
	bool out;
	int (*fn)(struct ipci_func *func, struct call *call);
	int (*prepare)(struct call *call);
} rows[] = {
	{ IOASID_PCI_GET_INFO, sizeof(struct ioasid_pci_info), 0, 0, true, get_info },
	{ IOASID_PCI_SET_IRQ, sizeof(struct ioasid_pci_irq), IOASID_PCI_IRQ_OFF,
	  offsetof(struct ioasid_pci_irq, __reserved), false, set_irq, set_irq_prepare },
	{ IOASID_PCI_MASK_INTX, sizeof(struct ioasid_pci_mask), 0,
	  offsetof(struct ioasid_pci_mask, __reserved), false, mask_intx },
};

static int copy_in(const struct row *row, void __user *uaddr, union args *args)
{
	u32 argsz;
	int rc;

	if (get_user(argsz, (u32 __user *)uaddr))
		return -EFAULT;
	if (argsz < row->size)
		return -EINVAL;
	if (argsz > PAGE_SIZE)
		return -E2BIG;
	rc = copy_struct_from_user(args, row->size, uaddr, argsz);
	if (rc)
		return rc;
	/* Copied twice: the first reading counts. */
	args->words[0] = argsz;
	if (args->words[1] & ~row->flags)
		return -EOPNOTSUPP;
	if (row->reserved && args->words[row->reserved / 4])
		return -EINVAL;
	return 0;
}

static int run_bound(struct ioasid_kdev *kdev, struct ioasid_kfile *file, const struct row *row,
		     struct call *call)
{
	int idx, rc;

	if (!ioasid_kfile_begin(file, &idx))
		return -ENODEV;
	rc = row->fn(ioasid_kdev_priv(kdev), call);
	ioasid_kdev_io_end(kdev, idx);
	return rc;
}

static long run(struct ioasid_kdev *kdev, struct ioasid_kfile *file, const struct row *row,
		void __user *uaddr)
{
	struct call call = {};
	int rc = copy_in(row, uaddr, &call.args);

	if (!rc && row->prepare)
		rc = row->prepare(&call);
	if (!rc)
		rc = run_bound(kdev, file, row, &call);
	call_finish(&call);
	if (!rc && row->out && copy_to_user(uaddr, &call.args, row->size))
		rc = -EFAULT;
	return rc;
}

long ipci_func_ioctl(struct ioasid_kdev *kdev, struct ioasid_kfile *file, unsigned int cmd,
		     unsigned long arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		if (rows[i].cmd == cmd)
			return run(kdev, file, &rows[i], (void __user *)arg);
	}
	return -ENOTTY;
}
