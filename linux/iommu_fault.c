// SPDX-License-Identifier: GPL-2.0-only
/*
 * Faults: the kernel's groups of page requests become the core's, and what drivers report of
 * accesses that failed for good becomes events.
 *
 * A group is taken out of the kernel's books when its handler is called, so that nobody else
 * answers or frees it, and is parked with its device until its answer comes: from the user, from
 * the core, or from a drain when the route ends. Whoever unlinks it answers it.
 *
 * A handler runs in the driver's context while its domain is attached; drivers wait for it when
 * they detach. It may sleep and takes no lock that a detach holds.
 */
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "iommu.h"
#include "compat.h"

#define FEW_REQUESTS 8
#define MAX_EVENTS   1024

static struct workqueue_struct *fault_wq;

/* ---- switched on and off ----------------------------------------------------------------------- */

/*
 * Kernels that want requests switched on have no driver for PCI devices that attaches a user's
 * table to a PASID, and those drivers refuse requests without PASID: none could ever reach us.
 * Later ones switch them on for good when they find the device.
 */
static bool pci_raises_requests(struct pci_dev *pdev)
{
#if defined(CONFIG_PCI_PRI) && !defined(LIN_HAVE_DEV_FEATURE)
	return pdev->pri_enabled;
#else
	return false;
#endif
}

bool lin_faults_possible(struct device *dev)
{
	if (!dev->iommu->iommu_dev->ops->page_response)
		return false;
	if (dev_is_pci(dev))
		return pci_raises_requests(to_pci_dev(dev));
	if (lin_iopf_enable(dev))
		return false;
	lin_iopf_disable(dev);
	return true;
}

int lin_faults_on(struct lin_hw *hw)
{
	int rc = 0;

	if (!hw->iommu->faults)
		return 0;
	mutex_lock(&hw->switch_lock);
	if (!hw->faults_on)
		rc = lin_iopf_enable(hw->dev);
	if (!rc)
		hw->faults_on++;
	mutex_unlock(&hw->switch_lock);
	return rc;
}

void lin_faults_off(struct lin_hw *hw)
{
	if (!hw->iommu->faults)
		return;
	mutex_lock(&hw->switch_lock);
	if (!--hw->faults_on)
		lin_iopf_disable(hw->dev);
	mutex_unlock(&hw->switch_lock);
}

/* ---- answers -------------------------------------------------------------------------------------- */

static void group_answer(struct iopf_group *group, enum iommu_page_response_code code)
{
	iopf_group_response(group, code);
	iopf_free_group(group);
}

static ppasid_t group_pasid(const struct iopf_group *group)
{
	const struct iommu_fault_page_request *prm = &group->last_fault.fault.prm;

	return prm->flags & IOMMU_FAULT_PAGE_REQUEST_PASID_VALID ? PPASID(prm->pasid) : PPASID_NONE;
}

/*
 * The kernel counts its codes; PCIe has 15 for failure, and so have the response commands of
 * hardware on x86, whose drivers pass on what they get.
 */
static enum iommu_page_response_code kernel_code(const struct lin_iommu *iommu, u32 code)
{
	switch (code) {
	case IOASID_RESPONSE_SUCCESS:
		return IOMMU_PAGE_RESP_SUCCESS;
	case IOASID_RESPONSE_FAILURE:
		return iommu->raw_codes ? IOASID_RESPONSE_FAILURE : IOMMU_PAGE_RESP_FAILURE;
	default:
		return IOMMU_PAGE_RESP_INVALID;
	}
}

void lin_iommu_page_response(struct lin_hw *hw, ppasid_t pasid, u32 index, u32 code)
{
	struct iopf_group *group, *found = NULL;

	mutex_lock(&hw->fault_lock);
	list_for_each_entry(group, &hw->parked, node) {
		if (group->last_fault.fault.prm.grpid == index &&
		    group_pasid(group).val == pasid.val) {
			found = group;
			list_del(&group->node);
			break;
		}
	}
	mutex_unlock(&hw->fault_lock);
	/* None: a drain was faster. */
	if (found)
		group_answer(found, kernel_code(hw->iommu, code));
}

void lin_faults_drain(struct lin_hw *hw, ppasid_t pasid, bool all)
{
	struct iopf_group *group, *next;
	LIST_HEAD(out);

	mutex_lock(&hw->fault_lock);
	list_for_each_entry_safe(group, next, &hw->parked, node) {
		if (all || group_pasid(group).val == pasid.val)
			list_move_tail(&group->node, &out);
	}
	mutex_unlock(&hw->fault_lock);
	list_for_each_entry_safe(group, next, &out, node) {
		list_del(&group->node);
		group_answer(group, IOMMU_PAGE_RESP_INVALID);
	}
}

/* ---- page requests of user tables ------------------------------------------------------------------ */

static u32 report_flags(const struct iommu_fault_page_request *prm)
{
	return (prm->perm & IOMMU_FAULT_PERM_READ ? IOASID_FAULT_READ : 0) |
	       (prm->perm & IOMMU_FAULT_PERM_WRITE ? IOASID_FAULT_WRITE : 0) |
	       (prm->perm & IOMMU_FAULT_PERM_EXEC ? IOASID_FAULT_EXEC : 0) |
	       (prm->perm & IOMMU_FAULT_PERM_PRIV ? IOASID_FAULT_PRIV : 0);
}

/* The kernel groups requests by index alone; all of a group count as what the last one says. */
static size_t group_copy(struct iopf_group *group, struct ioasid_fault_report *reports)
{
	struct iopf_fault *iopf;
	size_t n = 0;

	list_for_each_entry(iopf, &group->faults, list) {
		reports[n++] = (struct ioasid_fault_report){
			.pasid = group_pasid(group),
			.flags = report_flags(&iopf->fault.prm) |
				 (iopf == &group->last_fault ? IOASID_FAULT_LAST : 0),
			.address = iopf->fault.prm.addr,
			.group = group->last_fault.fault.prm.grpid,
		};
	}
	return n;
}

/*
 * A device that is being unregistered is not told answers any more. Its siblings' routes may keep
 * the number, and so the group, alive: it asks again then, and finds one of them.
 */
static void report_over(struct lin_hw *hw, struct ioasid_kdev *kdev,
			const struct ioasid_fault_report *last)
{
	if (kdev->is_slice && READ_ONCE(kdev->gone))
		lin_iommu_page_response(hw, last->pasid, last->group, IOASID_RESPONSE_SUCCESS);
}

/*
 * The group is no longer ours once its LAST was reported, or any time before if the route ends, so
 * what is to be reported is copied first.
 */
int lin_iopf(struct iopf_group *group)
{
	struct lin_hw *hw = lin_find_device(group->fault_param->dev);
	struct ioasid_fault_report few[FEW_REQUESTS], *reports = few;
	size_t n = group->fault_count, i;
	struct ioasid_kdev *kdev;

	if (WARN_ON_ONCE(!hw))
		return -ENODEV;
	iopf_group_dequeue(group);
	kdev = lin_hw_user(hw, group_pasid(group));
	if (!kdev) {
		/* Whose it was has just gone. */
		group_answer(group, IOMMU_PAGE_RESP_INVALID);
		return 0;
	}
	if (n > FEW_REQUESTS)
		reports = kvmalloc_array(n, sizeof(*reports), GFP_KERNEL);
	if (!reports) {
		/* The device asks again. */
		group_answer(group, IOMMU_PAGE_RESP_SUCCESS);
		lin_hw_user_put(kdev);
		return 0;
	}
	n = group_copy(group, reports);
	mutex_lock(&hw->fault_lock);
	list_add_tail(&group->node, &hw->parked);
	mutex_unlock(&hw->fault_lock);
	for (i = 0; i < n; i++)
		ioasid_report_page_request(kdev->core, &reports[i]);
	report_over(hw, kdev, &reports[n - 1]);
	lin_hw_user_put(kdev);
	if (reports != few)
		kvfree(reports);
	return 0;
}

/* ---- page requests of shared address spaces ---------------------------------------------------------- */

/*
 * Without waiting: what is not to be had at once (a page being read, a page that somebody in user
 * space provides) is on its way then, and the device asks again. Waiting here could be waiting for
 * a process that waits for us.
 */
static enum iommu_page_response_code sva_resolve(struct mm_struct *mm,
						 const struct iommu_fault_page_request *prm)
{
	unsigned int flags = FAULT_FLAG_REMOTE | FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT;
	vm_flags_t need = 0;
	struct vm_area_struct *vma;
	vm_fault_t ret;

	if (prm->perm & IOMMU_FAULT_PERM_READ)
		need |= VM_READ;
	if (prm->perm & IOMMU_FAULT_PERM_EXEC) {
		need |= VM_EXEC;
		flags |= FAULT_FLAG_INSTRUCTION;
	}
	if (prm->perm & IOMMU_FAULT_PERM_WRITE) {
		need |= VM_WRITE;
		flags |= FAULT_FLAG_WRITE;
	}
	if (!(prm->perm & IOMMU_FAULT_PERM_PRIV))
		flags |= FAULT_FLAG_USER;
	vma = vma_lookup(mm, prm->addr);
	if (!vma || need & ~vma->vm_flags)
		return IOMMU_PAGE_RESP_INVALID;
	ret = handle_mm_fault(vma, prm->addr, flags, NULL);
	return ret & VM_FAULT_ERROR ? IOMMU_PAGE_RESP_INVALID : IOMMU_PAGE_RESP_SUCCESS;
}

static enum iommu_page_response_code sva_resolve_all(struct mm_struct *mm,
						     const struct iopf_group *group)
{
	enum iommu_page_response_code code = IOMMU_PAGE_RESP_SUCCESS;
	struct iopf_fault *iopf;

	/* Nor for the process's lock: others wait for this queue. */
	if (!mmap_read_trylock(mm))
		return IOMMU_PAGE_RESP_SUCCESS;
	list_for_each_entry(iopf, &group->faults, list) {
		code = sva_resolve(mm, &iopf->fault.prm);
		if (code != IOMMU_PAGE_RESP_SUCCESS)
			break;
	}
	mmap_read_unlock(mm);
	return code;
}

static void sva_answer(struct work_struct *work)
{
	struct iopf_group *group = container_of(work, struct iopf_group, work);
	enum iommu_page_response_code code = IOMMU_PAGE_RESP_INVALID;
	struct mm_struct *mm = group->attach_handle->domain->mm;

	if (mmget_not_zero(mm)) {
		code = sva_resolve_all(mm, group);
		mmput_async(mm);
	}
	group_answer(group, code);
}

int lin_sva_iopf(struct iopf_group *group)
{
	iopf_group_dequeue(group);
	INIT_WORK(&group->work, sva_answer);
	queue_work(fault_wq, &group->work);
	return 0;
}

/* ---- events ------------------------------------------------------------------------------------------ */

/*
 * struct lin_event - an access that failed, reported where nothing may sleep
 * @dev: a name for the device, not a reference
 */
struct lin_event {
	struct work_struct work;
	const struct device *dev;
	u64 address;
	bool write;
};

static atomic_t nr_events;

static void event_report(struct work_struct *work)
{
	struct lin_event *event = container_of(work, struct lin_event, work);
	struct lin_hw *hw = lin_find_device(event->dev);
	struct ioasid_kdev *kdev = hw ? lin_hw_user(hw, PPASID_NONE) : NULL;
	struct ioasid_fault_report report = {
		.pasid = PPASID_NONE,
		.flags = event->write ? IOASID_FAULT_WRITE : IOASID_FAULT_READ,
		.address = event->address,
		/* All the kernel passes on is that there is no such mapping. */
		.reason = IOASID_REASON_NOT_PRESENT,
	};

	/* Nobody: it is not bound, or in slices, and without PASID there is no saying whose this is. */
	if (kdev) {
		ioasid_report_event(kdev->core, &report);
		lin_hw_user_put(kdev);
	}
	kfree(event);
	atomic_dec(&nr_events);
}

static int event_seen(struct iommu_domain *kernel, struct device *dev, unsigned long iova,
		      int flags, void *token)
{
	struct lin_event *event;

	if (!dev || atomic_inc_return(&nr_events) > MAX_EVENTS)
		goto drop;
	event = kmalloc(sizeof(*event), GFP_ATOMIC | __GFP_NOWARN);
	if (!event)
		goto drop;
	event->dev = dev;
	event->address = iova;
	event->write = flags & IOMMU_FAULT_WRITE;
	INIT_WORK(&event->work, event_report);
	queue_work(fault_wq, &event->work);
	return 0;
drop:
	if (dev)
		atomic_dec(&nr_events);
	return -ENOSYS;
}

void lin_events_watch(struct lin_iommu *iommu, struct iommu_domain *kernel)
{
	if (lin_domain_unclaimed(kernel))
		iommu_set_fault_handler(kernel, event_seen, iommu);
}

/* ---- start and end -------------------------------------------------------------------------------------- */

void lin_faults_flush(void)
{
	flush_workqueue(fault_wq);
}

int lin_faults_init(void)
{
	fault_wq = alloc_workqueue("ioasid-fault", WQ_UNBOUND, 0);
	return fault_wq ? 0 : -ENOMEM;
}

void lin_faults_exit(void)
{
	destroy_workqueue(fault_wq);
}
