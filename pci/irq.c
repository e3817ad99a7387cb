// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts by eventfd.
 *
 * All vectors of a type are requested at once, with or without an eventfd each; after that an eventfd
 * is changed by swapping a pointer, which cannot fail. A handler looks at its pointer under the
 * vector's lock.
 */
#include <linux/interrupt.h>

#include "pci.h"

static const char *const type_names[IOASID_PCI_NR_IRQ_TYPES] = { "intx", "msi", "msix" };

/* A reset must not meet vectors that are half programmed. */
static void irq_lock(struct ipci_func *func)
{
	down_read(&func->access);
	mutex_lock(&func->irq_lock);
}

static void irq_unlock(struct ipci_func *func)
{
	mutex_unlock(&func->irq_lock);
	up_read(&func->access);
}

unsigned int ipci_irq_count(struct ipci_func *func, u32 type)
{
	struct pci_dev *pdev = func->pdev;

	switch (type) {
	case IOASID_PCI_IRQ_INTX:
		/* Its line may be shared: it must be possible to mask it in the function itself. */
		return pdev->pin && pdev->irq && pci_intx_mask_supported(pdev);
	case IOASID_PCI_IRQ_MSI:
		return max(pci_msi_vec_count(pdev), 0);
	case IOASID_PCI_IRQ_MSIX:
		return max(pci_msix_vec_count(pdev), 0);
	default:
		return 0;
	}
}

/* ---- handlers ---------------------------------------------------------------------------------------- */

static void vector_signal(struct ipci_vector *vector)
{
	unsigned long flags;

	spin_lock_irqsave(&vector->lock, flags);
	if (vector->eventfd)
		eventfd_signal(vector->eventfd);
	spin_unlock_irqrestore(&vector->lock, flags);
}

static irqreturn_t message_handler(int irq, void *arg)
{
	vector_signal(arg);
	return IRQ_HANDLED;
}

/* The line is level triggered: it stays masked until the user has looked after the function. */
static irqreturn_t intx_handler(int irq, void *arg)
{
	struct ipci_func *func = arg;
	unsigned long flags;
	bool ours;

	spin_lock_irqsave(&func->command_lock, flags);
	ours = !func->intx_masked && pci_check_and_mask_intx(func->pdev);
	if (ours)
		func->intx_masked = true;
	spin_unlock_irqrestore(&func->command_lock, flags);
	if (!ours)
		return IRQ_NONE;
	vector_signal(&func->vectors[0]);
	return IRQ_HANDLED;
}

static void intx_set_masked(struct ipci_func *func, bool masked)
{
	unsigned long flags;

	spin_lock_irqsave(&func->command_lock, flags);
	if (func->intx_masked != masked)
		pci_intx(func->pdev, !masked);
	func->intx_masked = masked;
	spin_unlock_irqrestore(&func->command_lock, flags);
}

int ipci_irq_mask_intx(struct ipci_func *func, bool masked)
{
	int rc = -EINVAL;

	irq_lock(func);
	if (func->irq_type == IOASID_PCI_IRQ_INTX) {
		intx_set_masked(func, masked);
		rc = 0;
	}
	irq_unlock(func);
	return rc;
}

/* ---- vectors ------------------------------------------------------------------------------------------- */

static int vector_irq(struct ipci_func *func, u32 type, unsigned int i)
{
	return type == IOASID_PCI_IRQ_INTX ? func->pdev->irq : pci_irq_vector(func->pdev, i);
}

static void *vector_cookie(struct ipci_func *func, u32 type, unsigned int i)
{
	return type == IOASID_PCI_IRQ_INTX ? (void *)func : &func->vectors[i];
}

static void vectors_release(struct ipci_func *func, u32 type, unsigned int nr)
{
	while (nr--)
		kfree(free_irq(vector_irq(func, type, nr), vector_cookie(func, type, nr)));
	if (type != IOASID_PCI_IRQ_INTX)
		pci_free_irq_vectors(func->pdev);
}

static int vector_request(struct ipci_func *func, u32 type, unsigned int i)
{
	bool intx = type == IOASID_PCI_IRQ_INTX;
	char *name;
	int rc;

	name = kasprintf(GFP_KERNEL_ACCOUNT, "ioasid-%s[%u](%s)", type_names[type], i,
			 pci_name(func->pdev));
	if (!name)
		return -ENOMEM;
	rc = request_irq(vector_irq(func, type, i), intx ? intx_handler : message_handler,
			 intx ? IRQF_SHARED : 0, name, vector_cookie(func, type, i));
	if (rc)
		kfree(name);
	return rc;
}

static int vectors_alloc(struct ipci_func *func, u32 type, unsigned int nr)
{
	unsigned int flags = type == IOASID_PCI_IRQ_MSI ? PCI_IRQ_MSI : PCI_IRQ_MSIX;
	int rc;

	if (type == IOASID_PCI_IRQ_INTX)
		return 0;
	rc = pci_alloc_irq_vectors(func->pdev, nr, nr, flags);
	if (rc < 0)
		return rc == -ENOMEM ? rc : -ENOSPC;
	return 0;
}

static int vectors_request(struct ipci_func *func, u32 type, unsigned int nr)
{
	unsigned int i;
	int rc = vectors_alloc(func, type, nr);

	if (rc)
		return rc;
	for (i = 0; i < nr; i++) {
		rc = vector_request(func, type, i);
		if (rc) {
			vectors_release(func, type, i);
			return rc;
		}
	}
	return 0;
}

static int irq_enable(struct ipci_func *func, u32 type, u32 nr)
{
	unsigned int i;
	int rc;

	func->vectors = kcalloc(nr, sizeof(*func->vectors), GFP_KERNEL_ACCOUNT);
	if (!func->vectors)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		spin_lock_init(&func->vectors[i].lock);
	rc = vectors_request(func, type, nr);
	if (rc) {
		kfree(func->vectors);
		func->vectors = NULL;
		return rc;
	}
	func->irq_type = type;
	func->nr_vectors = nr;
	return 0;
}

/* The old reference is left in @eventfd. */
static void vector_swap(struct ipci_vector *vector, struct eventfd_ctx **eventfd)
{
	unsigned long flags;

	spin_lock_irqsave(&vector->lock, flags);
	swap(vector->eventfd, *eventfd);
	spin_unlock_irqrestore(&vector->lock, flags);
}

static void irq_disable(struct ipci_func *func)
{
	unsigned int i;

	if (func->irq_type == NO_IRQ_TYPE)
		return;
	if (func->irq_type == IOASID_PCI_IRQ_INTX)
		intx_set_masked(func, true);
	vectors_release(func, func->irq_type, func->nr_vectors);
	for (i = 0; i < func->nr_vectors; i++) {
		if (func->vectors[i].eventfd)
			eventfd_ctx_put(func->vectors[i].eventfd);
	}
	kfree(func->vectors);
	func->vectors = NULL;
	func->irq_type = NO_IRQ_TYPE;
	func->nr_vectors = 0;
}

static int check_range(struct ipci_func *func, u32 type, u32 start, u32 count)
{
	u32 end;

	if (type >= IOASID_PCI_NR_IRQ_TYPES || !count || check_add_overflow(start, count, &end))
		return -EINVAL;
	if (func->irq_type == NO_IRQ_TYPE)
		return !start && end <= ipci_irq_count(func, type) ? 0 : -EINVAL;
	if (func->irq_type != type)
		return -EBUSY;
	return end <= func->nr_vectors ? 0 : -EINVAL;
}

int ipci_irq_set(struct ipci_func *func, u32 type, u32 start, u32 count,
		 struct eventfd_ctx **eventfds)
{
	bool fresh;
	u32 i;
	int rc;

	irq_lock(func);
	fresh = func->irq_type == NO_IRQ_TYPE;
	rc = check_range(func, type, start, count);
	if (!rc && fresh)
		rc = irq_enable(func, type, count);
	if (!rc) {
		for (i = 0; i < count; i++)
			vector_swap(&func->vectors[start + i], &eventfds[i]);
		/* Interrupts that nobody listened to yet were not let through. */
		if (fresh && type == IOASID_PCI_IRQ_INTX)
			intx_set_masked(func, false);
	}
	irq_unlock(func);
	return rc;
}

void ipci_irq_off(struct ipci_func *func)
{
	irq_lock(func);
	irq_disable(func);
	irq_unlock(func);
}
