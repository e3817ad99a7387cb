// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioasid-pci: hands PCI functions to users of /dev/ioasid.
 *
 * The driver takes functions by driver_override or new_id, registers each under its name, and gives
 * it away disabled: memory decode and interrupts come with the binding, Bus Master is the user's bit.
 */
#include <linux/delay.h>
#include <linux/iommu.h>
#include <linux/pci-ats.h>

#include "pci.h"

/* How long a device lock may be in somebody else's hands before a reset is given up. */
#define RESET_TRIES    10
#define RESET_DELAY_MS 50

/* ---- functions that are not for everybody ---------------------------------------------------------- */

/**
 * struct deny_row - a function that must not be given to users who are not trusted
 * @vendor, @device: its IDs
 * @reason: for the log
 */
static const struct deny_row {
	u16 vendor;
	u16 device;
	const char *reason;
} deny_rows[] = {
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX, "errata let a user hang the host" },
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_QAT_C3XXX_VF,
	  "errata let a user hang the host" },
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X, "errata let a user hang the host" },
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_QAT_C62X_VF, "errata let a user hang the host" },
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC,
	  "errata let a user hang the host" },
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_QAT_DH895XCC_VF,
	  "errata let a user hang the host" },
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_DSA_SPR0, "INTEL-SA-01084" },
	{ PCI_VENDOR_ID_INTEL, PCI_DEVICE_ID_INTEL_IAX_SPR0, "INTEL-SA-01084" },
};

static bool allow_denied;
module_param(allow_denied, bool, 0444);
MODULE_PARM_DESC(allow_denied, "Hand out functions known to be unsafe for untrusted users");

static char *deny = "";
module_param(deny, charp, 0444);
MODULE_PARM_DESC(deny, "More functions to refuse: vendor:device,... in hexadecimal");

static unsigned int removal_ms = 1000;
module_param(removal_ms, uint, 0644);
MODULE_PARM_DESC(removal_ms, "Time a user has to let go of a function that is unbound, in ms");

static bool denied_by_parameter(const struct pci_dev *pdev)
{
	const char *entry = deny;
	unsigned int vendor, device;

	while (entry && *entry) {
		if (sscanf(entry, "%x:%x", &vendor, &device) == 2 && vendor == pdev->vendor &&
		    device == pdev->device)
			return true;
		entry = strchr(entry, ',');
		entry += entry ? 1 : 0;
	}
	return false;
}

static const char *denied(const struct pci_dev *pdev)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(deny_rows); i++) {
		if (deny_rows[i].vendor == pdev->vendor && deny_rows[i].device == pdev->device)
			return deny_rows[i].reason;
	}
	return denied_by_parameter(pdev) ? "the administrator's list" : NULL;
}

static int check_function(struct pci_dev *pdev)
{
	const char *reason = denied(pdev);

	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL) {
		pci_info(pdev, "refused: a bridge is not a function to hand out\n");
		return -EINVAL;
	}
	if (reason && !allow_denied) {
		pci_info(pdev, "refused: unsafe for untrusted users (%s)\n", reason);
		return -EPERM;
	}
	if (pci_num_vf(pdev)) {
		pci_info(pdev, "refused: its virtual functions are in use\n");
		return -EBUSY;
	}
	if (!device_iommu_mapped(&pdev->dev)) {
		pci_info(pdev, "refused: no IOMMU in front of it\n");
		return -ENODEV;
	}
	return 0;
}

/* ---- reset -------------------------------------------------------------------------------------------- */

/*
 * Called around every reset of the function, whoever asked for it, with the device lock held. Nobody
 * accesses it in between, and it comes back with Bus Master off and with what the user had written
 * to the configuration space forgotten.
 */
static void reset_prepare(struct pci_dev *pdev)
{
	struct ipci_func *func = pci_get_drvdata(pdev);

	down_write(&func->access);
	ipci_set_mastering(func, false);
	if (func->enabled)
		ioasid_revoke_mappings(func->kdev);
}

static void reset_done(struct pci_dev *pdev)
{
	struct ipci_func *func = pci_get_drvdata(pdev);
	bool surprise = func->enabled && func->resetter != current;

	ipci_config_reset(func);
	up_write(&func->access);
	if (surprise)
		ioasid_report_error(func->kdev);
}

/* Return: 0; -ENOTTY no way to; -EAGAIN: somebody holds on to the device lock; -EIO it failed. */
static int func_reset(struct ipci_func *func)
{
	unsigned int tries;
	int rc = -EAGAIN;

	if (!func->can_reset)
		return -ENOTTY;
	for (tries = 0; tries < RESET_TRIES && !READ_ONCE(func->removing); tries++) {
		if (tries)
			msleep(RESET_DELAY_MS);
		WRITE_ONCE(func->resetter, current);
		rc = pci_try_reset_function(func->pdev);
		WRITE_ONCE(func->resetter, NULL);
		if (rc != -EAGAIN)
			break;
	}
	if (!rc)
		func->dirty = false;
	return rc && rc != -EAGAIN && rc != -ENOTTY ? -EIO : rc;
}

/* What can be done without: no DMA, no interrupts, nothing left in the configuration space. */
static void func_forget(struct ipci_func *func)
{
	down_write(&func->access);
	ipci_set_mastering(func, false);
	if (func->enabled)
		ioasid_revoke_mappings(func->kdev);
	ipci_config_reset(func);
	up_write(&func->access);
}

/* ---- struct ioasid_kdev_ops --------------------------------------------------------------------------- */

/* Decoding on, Bus Master and INTx off; not while a reset puts back what was before. */
static int func_enable(struct ipci_func *func)
{
	struct pci_dev *pdev = func->pdev;
	int rc;

	down_write(&func->access);
	rc = pci_enable_device(pdev) ? -EIO : 0;
	if (!rc && pci_request_regions(pdev, "ioasid-pci")) {
		pci_disable_device(pdev);
		rc = -EBUSY;
	}
	if (!rc) {
		ipci_set_mastering(func, false);
		func->intx_masked = true;
		pci_intx(pdev, 0);
	}
	up_write(&func->access);
	return rc;
}

static void func_disable(struct ipci_func *func)
{
	down_write(&func->access);
	pci_release_regions(func->pdev);
	pci_disable_device(func->pdev);
	up_write(&func->access);
}

static int func_bind(struct ioasid_kdev *kdev)
{
	struct ipci_func *func = ioasid_kdev_priv(kdev);
	int rc;

	func->kdev = kdev;
	rc = func_enable(func);
	if (rc)
		return rc;
	/* What the last user, or a driver of the host, left in it is nobody's business. */
	rc = func->dirty ? func_reset(func) : 0;
	if (rc && rc != -ENOTTY) {
		func_disable(func);
		return rc == -EAGAIN ? -EBUSY : rc;
	}
	down_write(&func->access);
	ipci_config_reset(func);
	func->enabled = true;
	func->dirty = true;
	up_write(&func->access);
	return 0;
}

static void func_unbind(struct ioasid_kdev *kdev)
{
	struct ipci_func *func = ioasid_kdev_priv(kdev);

	ipci_irq_off(func);
	down_write(&func->access);
	ipci_set_mastering(func, false);
	func->enabled = false;
	up_write(&func->access);
	ipci_regions_unmap(func);
	/* Later, if it cannot be now: when it is bound again, or by remove(). */
	(void)func_reset(func);
	func_disable(func);
	wake_up_all(&func->unbound);
}

static void func_quiesce(struct ioasid_kdev *kdev)
{
	struct ipci_func *func = ioasid_kdev_priv(kdev);

	ipci_set_mastering(func, false);
	if (!pci_wait_for_pending_transaction(func->pdev))
		pci_warn(func->pdev, "transactions still pending after quiesce\n");
}

static void func_ops_reset(struct ioasid_kdev *kdev)
{
	struct ipci_func *func = ioasid_kdev_priv(kdev);
	int rc;

	ipci_irq_off(func);
	rc = func_reset(func);
	if (!rc) {
		func->dirty = true;
		return;
	}
	func_forget(func);
	if (rc != -ENOTTY)
		ioasid_report_error(kdev);
}

static const struct ioasid_kdev_ops func_ops = {
	.owner = THIS_MODULE,
	.bind = func_bind,
	.unbind = func_unbind,
	.quiesce = func_quiesce,
	.reset = func_ops_reset,
	.region = ipci_region_info,
	.read = ipci_region_read,
	.write = ipci_region_write,
	.mmap = ipci_region_mmap,
	.ioctl = ipci_func_ioctl,
};

/* ---- struct pci_driver ---------------------------------------------------------------------------------- */

static void find_msix_table(struct ipci_func *func)
{
	int vectors = pci_msix_vec_count(func->pdev);
	u32 table;

	if (vectors <= 0)
		return;
	pci_read_config_dword(func->pdev, func->pdev->msix_cap + PCI_MSIX_TABLE, &table);
	func->msix_bar = table & PCI_MSIX_TABLE_BIR;
	func->msix_start = table & PCI_MSIX_TABLE_OFFSET;
	func->msix_length = (u64)vectors * PCI_MSIX_ENTRY_SIZE;
}

static struct ipci_func *func_alloc(struct pci_dev *pdev)
{
	struct ipci_func *func = kzalloc(sizeof(*func), GFP_KERNEL);

	if (!func)
		return NULL;
	func->pdev = pdev;
	func->dirty = true;
	func->irq_type = NO_IRQ_TYPE;
	func->can_reset = pdev->reset_methods[0] != 0;
	init_rwsem(&func->access);
	init_waitqueue_head(&func->unbound);
	mutex_init(&func->config_lock);
	mutex_init(&func->irq_lock);
	spin_lock_init(&func->command_lock);
	find_msix_table(func);
	if (ipci_config_init(func)) {
		kfree(func);
		return NULL;
	}
	return func;
}

static void func_free(struct ipci_func *func)
{
	ipci_config_free(func);
	mutex_destroy(&func->irq_lock);
	mutex_destroy(&func->config_lock);
	kfree(func);
}

static struct ioasid_kdev *func_register(struct ipci_func *func)
{
	struct pci_dev *pdev = func->pdev;
	struct ioasid_kdev_desc desc = {
		.name = pci_name(pdev),
		.ops = &func_ops,
		.priv = func,
		.dev = &pdev->dev,
		.dev_class = IOASID_CLASS_PDEV,
		.nr_regions = IOASID_PCI_NR_REGIONS,
	};

	if (pdev->dev.iommu->max_pasids > 1)
		desc.dev_class = IOASID_CLASS_PDEV_PASID;
	if (pci_ats_supported(pdev))
		desc.caps |= IOASID_DEV_ATS;
	if (desc.caps && pci_pri_supported(pdev))
		desc.caps |= IOASID_DEV_PRI;
	return ioasid_register_device(&desc);
}

static int func_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct ipci_func *func;
	struct ioasid_kdev *kdev;
	int rc = check_function(pdev);

	if (rc)
		return rc;
	func = func_alloc(pdev);
	if (!func)
		return -ENOMEM;
	pci_set_drvdata(pdev, func);
	kdev = func_register(func);
	if (IS_ERR(kdev)) {
		pci_set_drvdata(pdev, NULL);
		func_free(func);
		return PTR_ERR(kdev);
	}
	func->kdev = kdev;
	return 0;
}

/*
 * The driver core holds the device lock. Whoever unbinds the function from now on leaves its reset to
 * us: it could not have the lock, and we wait for it.
 */
static void func_remove(struct pci_dev *pdev)
{
	struct ipci_func *func = pci_get_drvdata(pdev);

	WRITE_ONCE(func->removing, true);
	if (ioasid_request_removal(func->kdev))
		wait_event_timeout(func->unbound, !READ_ONCE(func->enabled),
				   msecs_to_jiffies(READ_ONCE(removal_ms)));
	ioasid_unregister_device(func->kdev);
	if (func->dirty && func->can_reset && pci_reset_function_locked(pdev))
		pci_warn(pdev, "reset failed; what its last user left is still in it\n");
	pci_set_drvdata(pdev, NULL);
	func_free(func);
}

static pci_ers_result_t error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct ipci_func *func = pci_get_drvdata(pdev);

	ioasid_report_error(func->kdev);
	return PCI_ERS_RESULT_CAN_RECOVER;
}

static const struct pci_error_handlers func_errors = {
	.error_detected = error_detected,
	.reset_prepare = reset_prepare,
	.reset_done = reset_done,
};

static struct pci_driver func_driver = {
	.name = "ioasid-pci",
	.probe = func_probe,
	.remove = func_remove,
	.err_handler = &func_errors,
	/* DMA belongs to the user: the kernel's own DMA API stays away from it. */
	.driver_managed_dma = true,
};
module_pci_driver(func_driver);

MODULE_DESCRIPTION("PCI functions for users of /dev/ioasid");
MODULE_LICENSE("GPL");
