// SPDX-License-Identifier: GPL-2.0-only
/* Software IOMMUs: what they can do, memory of their tables, their life. */
#include <linux/fwnode.h>
#include <linux/mm.h>

#include "sim/private.h"

#define LEAF_SIZES	  (BIT_ULL(12) | BIT_ULL(21) | BIT_ULL(30))
#define CACHE_ENTRIES_MAX 65536U
#define HOST_ADDRESS_BITS 52
#define TIMEOUT_MAX_MS	  60000U
#define DELAY_MAX_US	  1000000U

atomic64_t sim_counters[SIM_NR_COUNTERS];

/* ---- memory of tables ------------------------------------------------------------------------------ */

/* "Physical" is what it says. Of what is asked for, all is ours, or pinned behind a mapping. */
void *sim_mem_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	return pfn_valid(PHYS_PFN(pa)) ? phys_to_virt(pa) : NULL;
}

static void *table_take(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	struct sim_iommu *iommu = container_of(ta, struct sim_iommu, alloc);
	void *p = (void *)__get_free_pages(GFP_KERNEL_ACCOUNT | __GFP_ZERO, order);

	if (!p)
		return NULL;
	sim_count(iommu, SIM_TABLE_PAGES, 1LL << order);
	*pa = virt_to_phys(p);
	return p;
}

static void table_give(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	struct sim_iommu *iommu = container_of(ta, struct sim_iommu, alloc);

	sim_count(iommu, SIM_TABLE_PAGES, -(1LL << order));
	free_pages((unsigned long)table, order);
}

/* ---- configuration ------------------------------------------------------------------------------------ */

static u32 or_default(u32 value, u32 def)
{
	return value ? value : def;
}

static bool entries_ok(u32 n)
{
	return n >= 2 && n <= CACHE_ENTRIES_MAX && is_power_of_2(n);
}

static int config_check(const struct ioasid_sim_iommu *c)
{
	u32 min_levels = c->flags & IOASID_SIM_FIRST_STAGE ? 4 : 3;

	if (!entries_ok(c->iotlb_entries) || !entries_ok(c->pasid_cache_entries))
		return -EINVAL;
	if (c->levels < min_levels || c->levels > 5 || c->pasid_bits > IOASID_PASID_BITS)
		return -EINVAL;
	if (c->ats_timeout_ms > TIMEOUT_MAX_MS || c->test_delay_us > DELAY_MAX_US)
		return -EINVAL;
	return !(c->page_sizes & PAGE_SIZE) || c->page_sizes & ~LEAF_SIZES ? -EINVAL : 0;
}

static int config_fill(struct ioasid_sim_iommu *c)
{
	c->iotlb_entries = or_default(c->iotlb_entries, 1024);
	c->pasid_cache_entries = or_default(c->pasid_cache_entries, 256);
	c->levels = or_default(c->levels, 4);
	c->pasid_bits = or_default(c->pasid_bits, IOASID_PASID_BITS);
	c->page_sizes = c->page_sizes ? c->page_sizes : LEAF_SIZES;
	c->ats_timeout_ms = or_default(c->ats_timeout_ms, 10000);
	c->fault_share = or_default(c->fault_share, SIM_GROUPS);
	return config_check(c);
}

/*
 * The capability registers as they are shown. Users of the kernel's IOMMU API learn width and page
 * sizes of kernel-managed tables from them, so they show those only.
 */
static void registers_fill(struct sim_iommu *iommu)
{
	const struct ioasid_sim_iommu *c = &iommu->cfg;
	bool first = c->flags & IOASID_SIM_FIRST_STAGE;

	iommu->width = 12 + 9 * c->levels;
	iommu->cap = FIELD_PREP(VTD_CAP_ND, 6) | FIELD_PREP(VTD_CAP_MGAW, iommu->width - 1) |
		     FIELD_PREP(VTD_CAP_SAGAW, BIT(c->levels - 2)) | VTD_CAP_ZLR | VTD_CAP_PSI |
		     FIELD_PREP(VTD_CAP_MAMV, 18) | VTD_CAP_DWD | VTD_CAP_DRD | VTD_CAP_FS1GP |
		     VTD_CAP_FS5LP;
	iommu->cap |= c->page_sizes & SZ_2M ? VTD_CAP_SSLPS_2M : 0;
	iommu->cap |= c->page_sizes & SZ_1G ? VTD_CAP_SSLPS_1G : 0;
	iommu->ecap = VTD_ECAP_C | VTD_ECAP_QI | VTD_ECAP_DT | VTD_ECAP_PT | VTD_ECAP_PRS |
		      VTD_ECAP_SRS | VTD_ECAP_EAFS | VTD_ECAP_PASID | VTD_ECAP_SMTS |
		      VTD_ECAP_FSTS | VTD_ECAP_SMPWCS | VTD_ECAP_RPS |
		      FIELD_PREP(VTD_ECAP_PSS, c->pasid_bits - 1);
	iommu->ecap |= first ? 0 : VTD_ECAP_SSTS;
	iommu->ecap |= c->flags & IOASID_SIM_NO_SNOOP ? 0 : VTD_ECAP_SC;
	iommu->ecap |= first || c->flags & IOASID_SIM_NO_NESTING ? 0 : VTD_ECAP_NEST;
}

/* What the tables are walked with: all that the formats have, whatever the width shown. */
static void caps_fill(const struct sim_iommu *iommu, struct vtd_caps *caps)
{
	u64 cap = iommu->cap & ~(VTD_CAP_MGAW | VTD_CAP_SAGAW);

	cap |= FIELD_PREP(VTD_CAP_MGAW, 57 - 1) | FIELD_PREP(VTD_CAP_SAGAW, 0xe) |
	       VTD_CAP_SSLPS_2M | VTD_CAP_SSLPS_1G;
	vtd_caps_decode(caps, cap, iommu->ecap, HOST_ADDRESS_BITS);
}

/* ---- life ------------------------------------------------------------------------------------------------ */

static void iommu_release(struct kref *ref)
{
	struct sim_iommu *iommu = container_of(ref, struct sim_iommu, ref);

	WARN_ON(!list_empty(&iommu->devices));
	if (iommu->tables.root)
		vtd_tables_destroy(&iommu->tables);
	WARN_ON(atomic64_read(&iommu->counters[SIM_TABLE_PAGES]));
	iopf_queue_free(iommu->iopf);
	sim_cache_destroy(iommu);
	ida_destroy(&iommu->dids);
	ida_destroy(&iommu->rids);
	cleanup_srcu_struct(&iommu->srcu);
	mutex_destroy(&iommu->lock);
	kfree(iommu);
}

void sim_iommu_get(struct sim_iommu *iommu)
{
	kref_get(&iommu->ref);
}

void sim_iommu_put(struct sim_iommu *iommu)
{
	kref_put(&iommu->ref, iommu_release);
}

static struct sim_iommu *iommu_alloc(const struct ioasid_sim_iommu *cfg)
{
	struct sim_iommu *iommu = kzalloc(sizeof(*iommu), GFP_KERNEL_ACCOUNT);

	if (!iommu)
		return NULL;
	if (init_srcu_struct(&iommu->srcu)) {
		kfree(iommu);
		return NULL;
	}
	kref_init(&iommu->ref);
	mutex_init(&iommu->lock);
	seqcount_init(&iommu->seq);
	ida_init(&iommu->dids);
	ida_init(&iommu->rids);
	INIT_LIST_HEAD(&iommu->devices);
	iommu->cfg = *cfg;
	phys_mem_init_callback(&iommu->mem, sim_mem_at);
	iommu->alloc.alloc = table_take;
	iommu->alloc.free = table_give;
	iommu->env.mem = &iommu->mem;
	iommu->env.alloc = &iommu->alloc;
	return iommu;
}

static int iommu_build(struct sim_iommu *iommu)
{
	struct vtd_caps *caps;
	int rc;

	rc = sim_cache_init(iommu);
	if (rc)
		return rc;
	iommu->iopf = iopf_queue_alloc("ioasid-sim");
	caps = kzalloc(sizeof(*caps), GFP_KERNEL); /* large for a stack */
	if (!iommu->iopf || !caps) {
		kfree(caps);
		return -ENOMEM;
	}
	registers_fill(iommu);
	caps_fill(iommu, caps);
	rc = vtd_tables_init(&iommu->tables, &iommu->env, caps);
	kfree(caps);
	if (rc)
		return rc;
	iommu->rtaddr = vtd_tables_rtaddr(&iommu->tables);
	return 0;
}

int sim_platform_add(struct platform_device *pdev)
{
	int rc = platform_device_add(pdev);

	/* It says so when there is no memory for the name. */
	return rc == -EINVAL ? -ENOMEM : rc;
}

/* The firmware node is what the kernel matches devices to IOMMUs by: there must be one. */
static struct platform_device *platform_make(struct fwnode_handle *fwnode)
{
	static const struct fwnode_operations no_properties;
	struct platform_device *hw;
	int rc;

	hw = platform_device_alloc("ioasid-sim-iommu", PLATFORM_DEVID_AUTO);
	if (!hw)
		return ERR_PTR(-ENOMEM);
	fwnode_init(fwnode, &no_properties);
	hw->dev.fwnode = fwnode;
	rc = sim_platform_add(hw);
	if (!rc)
		return hw;
	platform_device_put(hw);
	return ERR_PTR(rc);
}

/* Somebody may look at the device in sysfs for longer than its firmware node lives. */
void sim_platform_remove(struct platform_device *pdev)
{
	get_device(&pdev->dev);
	platform_device_unregister(pdev);
	pdev->dev.fwnode = NULL;
	put_device(&pdev->dev);
}

static int iommu_publish(struct sim_iommu *iommu)
{
	int rc;

	iommu->hw = platform_make(&iommu->fwnode);
	if (IS_ERR(iommu->hw))
		return PTR_ERR(iommu->hw);
	/* Devices are linked to it in sysfs, so this comes first. */
	rc = iommu_device_sysfs_add(&iommu->core, &iommu->hw->dev, NULL, "%s",
				    dev_name(&iommu->hw->dev));
	if (rc)
		goto err_hw;
	iommu->core.max_pasids = 1U << iommu->cfg.pasid_bits;
	rc = iommu_device_register(&iommu->core, &sim_iommu_ops, &iommu->hw->dev);
	if (rc)
		goto err_sysfs;
	return 0;

err_sysfs:
	iommu_device_sysfs_remove(&iommu->core);
err_hw:
	sim_platform_remove(iommu->hw);
	return rc;
}

struct sim_iommu *sim_iommu_create(const struct ioasid_sim_iommu *user)
{
	struct ioasid_sim_iommu cfg = *user;
	struct sim_iommu *iommu;
	int rc = config_fill(&cfg);

	if (rc)
		return ERR_PTR(rc);
	iommu = iommu_alloc(&cfg);
	if (!iommu)
		return ERR_PTR(-ENOMEM);
	rc = iommu_build(iommu);
	if (!rc)
		rc = iommu_publish(iommu);
	if (rc) {
		sim_iommu_put(iommu);
		return ERR_PTR(rc);
	}
	return iommu;
}

void sim_iommu_destroy(struct sim_iommu *iommu)
{
	iommu_device_unregister(&iommu->core);
	iommu_device_sysfs_remove(&iommu->core);
	sim_platform_remove(iommu->hw);
	sim_iommu_put(iommu);
}
