// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* A machine made of arrays; see fake.h. */
#include "fake.h"

static void breaks(struct fake *fake, const char *what)
{
	if (!fake->broken)
		fake->broken = what;
}

static bool countdown(u32 *n)
{
	return *n && --*n == 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

/* Index of a page, or -1 outside both windows. */
static int page_index(u64 iova)
{
	if (iova >> PAGE_SHIFT < FAKE_LOW)
		return (int)(iova >> PAGE_SHIFT);
	if (iova >= FAKE_HIGH_START)
		return (int)(FAKE_LOW + ((iova - FAKE_HIGH_START) >> PAGE_SHIFT));
	return -1;
}

static u64 address_of(unsigned int index)
{
	return index < FAKE_LOW ? (u64)index << PAGE_SHIFT :
				  FAKE_HIGH_START + ((u64)(index - FAKE_LOW) << PAGE_SHIFT);
}

u64 fake_pa(u64 base, u64 offset)
{
	u64 page = offset >> PAGE_SHIFT;

	/* A page of something else after each run. */
	return base + ((page + page / FAKE_RUN) << PAGE_SHIFT) + (offset & IOAS_PAGE_MASK);
}

u64 fake_pin_base(const struct fake *fake, u64 uaddr)
{
	unsigned int i;

	for (i = 0; i < FAKE_PINS; i++) {
		const struct fake_pin *p = &fake->pin[i];

		if (p->used && uaddr >= p->uaddr && (uaddr - p->uaddr) >> PAGE_SHIFT < p->npages)
			return p->base;
	}
	return 0;
}

u64 fake_phys(const struct fake *fake, u64 uaddr)
{
	unsigned int i;

	for (i = 0; i < FAKE_PINS; i++) {
		const struct fake_pin *p = &fake->pin[i];

		if (p->used && uaddr >= p->uaddr && (uaddr - p->uaddr) >> PAGE_SHIFT < p->npages)
			return fake_pa(p->base, uaddr - p->uaddr);
	}
	return 0;
}

/* ---- IOMMU -------------------------------------------------------------------------------------- */

static struct fake_iommu *to_iommu(struct ioasid_iommu *iommu)
{
	return container_of(iommu, struct fake_iommu, iommu);
}

static struct fake_domain *to_domain(struct ioasid_domain *domain)
{
	return container_of(domain, struct fake_domain, domain);
}

static void domain_release(struct fake_domain *d)
{
	kfree(d->table);
	kfree(d->cache);
	kfree(d);
}

static struct ioasid_domain *fake_domain_alloc(struct ioasid_iommu *iommu,
					       const struct ioasid_domain_attr *attr)
{
	struct fake_iommu *fi = to_iommu(iommu);
	struct fake_domain *d;

	fi->nr_alloc++;
	if (countdown(&fi->fail_alloc))
		return ERR_PTR(-EOPNOTSUPP);
	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return ERR_PTR(-ENOMEM);
	d->type = attr->type;
	d->table = kcalloc(FAKE_PAGES, sizeof(*d->table), GFP_KERNEL);
	d->cache = kcalloc(FAKE_PAGES, sizeof(*d->cache), GFP_KERNEL);
	if (!d->table || !d->cache) {
		domain_release(d);
		return ERR_PTR(-ENOMEM);
	}
	if (attr->type == IOASID_DOMAIN_NESTED) {
		d->parent = to_domain(attr->parent);
		if (d->parent->type != IOASID_DOMAIN_PAGING || attr->parent->iommu != iommu)
			breaks(fi->fake, "nested on something that is no paging domain of it");
		if (attr->table)
			d->guest = *attr->table;
	}
	list_add_tail(&d->link, &fi->domains);
	return &d->domain;
}

static void fake_domain_free(struct ioasid_domain *domain)
{
	struct fake_iommu *fi = to_iommu(domain->iommu);
	struct fake_domain *d = to_domain(domain), *other;

	fi->nr_free++;
	if (d->nr_routes)
		breaks(fi->fake, "domain freed while attached");
	list_for_each_entry(other, &fi->domains, link) {
		if (other->parent == d)
			breaks(fi->fake, "domain freed under a nested one");
	}
	list_del(&d->link);
	domain_release(d);
}

/* One page of a map() call: no former one there, and within the windows. */
static int enter_page(struct fake_domain *d, struct fake *fake, u64 iova, u64 pa, u32 prot)
{
	int i = page_index(iova);

	if (i < 0) {
		breaks(fake, "map() outside the windows");
		return -EINVAL;
	}
	if (d->table[i].pa) {
		breaks(fake, "map() over a former map()");
		return -EEXIST;
	}
	d->table[i] = (struct fake_pte){ pa, prot, fake->next_call };
	d->cache[i] = d->table[i];
	return 0;
}

static int fake_map(struct ioasid_domain *domain, u64 iova, const struct ioasid_extent *ext,
		    unsigned int n, u32 prot)
{
	struct fake_domain *d = to_domain(domain);
	struct fake_iommu *fi = to_iommu(domain->iommu);
	unsigned int i;
	u64 off;
	int rc;

	fi->nr_map++;
	fi->fake->next_call++;
	if (d->type != IOASID_DOMAIN_PAGING)
		breaks(fi->fake, "map() of a domain that is no paging one");
	if (!prot || prot & ~(u32)(IOASID_MAP_READ | IOASID_MAP_WRITE))
		breaks(fi->fake, "map() with odd permissions");
	if (countdown(&fi->fail_map) || os_fault_point())
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		for (off = 0; off < ext[i].len; off += PAGE_SIZE) {
			rc = enter_page(d, fi->fake, iova, ext[i].pa + off, prot);
			if (rc)
				return rc;
			iova += PAGE_SIZE;
		}
	}
	return 0;
}

static void fake_unmap(struct ioasid_domain *domain, u64 start, u64 last)
{
	struct fake_domain *d = to_domain(domain);
	unsigned int i;

	to_iommu(domain->iommu)->nr_unmap++;
	for (i = 0; i < FAKE_PAGES; i++) {
		u64 a = address_of(i);

		if (a >= start && a <= last)
			memset(&d->table[i], 0, sizeof(d->table[i]));
	}
}

static int fake_flush(struct ioasid_domain *domain, u64 start, u64 last)
{
	struct fake_domain *d = to_domain(domain);
	struct fake_iommu *fi = to_iommu(domain->iommu);
	unsigned int i;

	fi->nr_flush++;
	for (i = 0; i < FAKE_PAGES; i++) {
		u64 a = address_of(i);

		if (a >= start && a <= last)
			d->cache[i] = d->table[i];
	}
	return fi->flush_rc;
}

static int fake_set_table(struct ioasid_domain *domain, const struct ioasid_table *table)
{
	struct fake_domain *d = to_domain(domain);
	struct fake_iommu *fi = to_iommu(domain->iommu);

	fi->nr_set_table++;
	if (d->type != IOASID_DOMAIN_NESTED)
		breaks(fi->fake, "set_table() of a domain that is not nested");
	if (countdown(&fi->fail_set_table) || os_fault_point())
		return -ENOMEM;
	memset(&d->guest, 0, sizeof(d->guest));
	if (table)
		d->guest = *table;
	return 0;
}

static int fake_invalidate(struct ioasid_domain *domain, struct ioasid_device *dev, u64 start,
			   u64 last, bool leaf)
{
	struct fake_iommu *fi = to_iommu(domain->iommu);

	fi->nr_invalidate++;
	if (to_domain(domain)->type != IOASID_DOMAIN_NESTED)
		breaks(fi->fake, "invalidate() of a domain that is not nested");
	fi->last_inv.domain = domain;
	fi->last_inv.dev = dev;
	fi->last_inv.start = start;
	fi->last_inv.last = last;
	fi->last_inv.leaf = leaf;
	return fi->flush_rc;
}

/* The hardware's entry for {function of @dev, pasid}; with @make a new one if there is none. */
static struct fake_route *find_route(struct fake *fake, struct ioasid_device *dev, u32 pasid,
				     bool make)
{
	struct fake_route *unused = NULL;
	unsigned int i;

	for (i = 0; i < FAKE_ROUTES; i++) {
		struct fake_route *r = &fake->route[i];

		if (r->fn == dev->fn && r->pasid == pasid)
			return r;
		if (!r->fn && !unused)
			unused = r;
	}
	if (!make || !unused)
		return NULL;
	unused->fn = dev->fn;
	unused->pasid = pasid;
	return unused;
}

static int fake_attach(struct ioasid_device *dev, ppasid_t pasid, struct ioasid_domain *domain)
{
	struct fake_domain *d = to_domain(domain);
	struct fake_iommu *fi = to_iommu(domain->iommu);
	struct fake_route *r;

	fi->nr_attach++;
	if (domain->iommu != dev->iommu)
		breaks(fi->fake, "attach to a domain of another IOMMU");
	if (device_is_slice(dev) && pasid.val == IOASID_NO_PASID)
		breaks(fi->fake, "attach of a slice by RID");
	if (pasid.val != IOASID_NO_PASID && (!pasid.val || pasid.val >> dev->fn->pasid_bits))
		breaks(fi->fake, "attach of a number beyond the width");
	r = find_route(fi->fake, dev, pasid.val, false);
	/* Replacing needs no memory; it may fail for other reasons. */
	if (fi->kernel_pasid && pasid.val == fi->kernel_pasid)
		return -EBUSY;
	if (countdown(&fi->fail_attach) || (!r && os_fault_point()))
		return -ENOMEM;
	if (!r)
		r = find_route(fi->fake, dev, pasid.val, true);
	if (!r)
		return -ENOSPC;
	if (r->domain)
		r->domain->nr_routes--;
	r->domain = d;
	d->nr_routes++;
	return 0;
}

static void fake_detach(struct ioasid_device *dev, ppasid_t pasid)
{
	struct fake_iommu *fi = to_iommu(dev->iommu);
	struct fake_route *r = find_route(fi->fake, dev, pasid.val, false);

	fi->nr_detach++;
	if (fi->fake->on_detach)
		fi->fake->on_detach(fi->fake, pasid.val);
	if (!r) {
		breaks(fi->fake, "detach of what was not attached");
		return;
	}
	r->domain->nr_routes--;
	memset(r, 0, sizeof(*r));
}

static void fake_purge(struct ioasid_device *dev)
{
	to_iommu(dev->iommu)->nr_purge++;
}

static unsigned int fake_report_ranges(struct ioasid_iommu *iommu, struct ioasid_range *ranges,
				       unsigned int room)
{
	struct fake_iommu *fi = to_iommu(iommu);
	struct ioasid_range usable = { .last = iommu->last, .type = IOASID_RANGE_USABLE };

	if (room > 0)
		ranges[0] = usable;
	if (room > 1 && fi->nr_windows)
		ranges[1] = fi->window;
	return 1 + fi->nr_windows;
}

static bool fake_reserved(struct ioasid_iommu *iommu, u64 start, u64 last)
{
	struct fake_iommu *fi = to_iommu(iommu);

	return fi->nr_windows && start <= fi->window.last && last >= fi->window.start;
}

static const struct ioasid_iommu_ops fake_iommu_ops = {
	.domain_alloc = fake_domain_alloc,
	.domain_free = fake_domain_free,
	.map = fake_map,
	.unmap = fake_unmap,
	.flush = fake_flush,
	.set_table = fake_set_table,
	.invalidate = fake_invalidate,
	.attach = fake_attach,
	.detach = fake_detach,
	.purge = fake_purge,
	.reserved = fake_reserved,
	.report_ranges = fake_report_ranges,
};

/* ---- home ------------------------------------------------------------------------------------------ */

static struct fake *to_fake(struct ioasid_ctx *ctx)
{
	return container_of(ioasid_ctx_machine(ctx), struct fake, machine);
}

static int fake_home_pin(struct ioasid_ctx *ctx, const struct ioasid_pin_req *req, void **pin)
{
	struct fake *fake = to_fake(ctx);
	unsigned int i;

	if (fake->nr_pins >= fake->max_pins)
		return -EDQUOT;
	if (os_fault_point())
		return -ENOMEM;
	for (i = 0; i < FAKE_PINS; i++) {
		struct fake_pin *p = &fake->pin[i];

		if (p->used)
			continue;
		p->used = true;
		p->uaddr = req->uaddr;
		p->npages = req->length >> PAGE_SHIFT;
		p->write = req->write;
		p->base = (u64)++fake->next_base << 36;
		fake->nr_pins++;
		*pin = p;
		return 0;
	}
	return -EDQUOT;
}

static bool leads_into(const struct fake_pte *ptes, const struct fake_pin *pin)
{
	unsigned int i;

	for (i = 0; i < FAKE_PAGES; i++) {
		if (ptes[i].pa >> 36 == pin->base >> 36)
			return true;
	}
	return false;
}

static void fake_home_unpin(struct ioasid_ctx *ctx, void *pin)
{
	struct fake *fake = to_fake(ctx);
	struct fake_pin *p = pin;
	struct fake_domain *d;
	unsigned int i;

	for (i = 0; i < FAKE_IOMMUS; i++) {
		list_for_each_entry(d, &fake->iommu[i].domains, link) {
			if (leads_into(d->table, p))
				breaks(fake, "unpinned while a table leads to it");
			if (leads_into(d->cache, p))
				breaks(fake, "unpinned while a cache leads to it");
		}
	}
	if (!p->used)
		breaks(fake, "unpinned twice");
	p->used = false;
	fake->nr_pins--;
}

#define FAKE_BATCH 32U

static u64 fake_home_extents(void *pin, u64 offset, u64 length, struct ioasid_extent *ext,
			     unsigned int *n)
{
	const struct fake_pin *p = pin;
	u64 first = offset;
	unsigned int k;

	/* A home may fill less than there is room for: several batches from little memory. */
	for (k = 0; k < min(*n, FAKE_BATCH) && length; k++) {
		u64 end = ((offset >> PAGE_SHIFT) / FAKE_RUN + 1) * FAKE_RUN << PAGE_SHIFT;

		ext[k].pa = fake_pa(p->base, offset);
		ext[k].len = min(length, end - offset);
		offset += ext[k].len;
		length -= ext[k].len;
	}
	*n = k;
	return offset - first;
}

static void fake_home_notify(struct ioasid_ctx *ctx, bool readable)
{
	struct fake *fake = to_fake(ctx);

	fake->readable = readable;
	fake->nr_notify++;
}

static int fake_home_fault_fd(struct ioasid_ctx *ctx)
{
	struct fake *fake = to_fake(ctx);

	if (os_fault_point())
		return -ENOMEM;
	return fake->fault_fd_rc ?: FAKE_FAULT_FD;
}

/* The one machine that is asked for a context by number at a time. */
static struct fake *current_fake;

static struct ioasid_ctx *fake_home_get_ctx(int fd)
{
	struct ioasid_ctx *ctx;

	if (fd < FAKE_FD || fd >= FAKE_FD + FAKE_CTXS)
		return NULL;
	ctx = current_fake->ctx[fd - FAKE_FD];
	if (ctx)
		ioasid_ctx_get(ctx);
	return ctx;
}

static void *fake_home_eventfd_get(int fd)
{
	if (fd != FAKE_FAULT_FD + 1)
		return ERR_PTR(-EBADF);
	current_fake->nr_eventfds++;
	return current_fake;
}

static void fake_home_eventfd_signal(void *ev)
{
	((struct fake *)ev)->nr_signals++;
}

static void fake_home_eventfd_put(void *ev)
{
	((struct fake *)ev)->nr_eventfds--;
}

/* ---- CPUs ------------------------------------------------------------------------------------------- */

static int fake_cpu_enable(struct ioasid_cpu *cpu, u64 low, u64 high)
{
	struct fake_cpu *c = container_of(cpu, struct fake_cpu, cpu);

	c->nr_enable++;
	if (c->fail_enable)
		return c->fail_enable;
	c->on = true;
	c->low = low;
	c->high = high;
	memset(c->cache, 0xff, sizeof(c->cache));
	return 0;
}

static void fake_cpu_disable(struct ioasid_cpu *cpu)
{
	struct fake_cpu *c = container_of(cpu, struct fake_cpu, cpu);
	unsigned int i;

	c->nr_disable++;
	if (!c->on)
		breaks(c->fake, "a VM that does not translate was told not to");
	for (i = 0; i < FAKE_DEVICES; i++) {
		if (c->fake->dev[i] && c->fake->portal[i] && c->fake->dev[i]->policy->cpu_virt &&
		    c->fake->dev[i]->ctx == cpu->ctx)
			breaks(c->fake, "translation went off under an open portal");
	}
	c->on = false;
}

static void fake_cpu_flush(struct ioasid_cpu *cpu)
{
	struct fake_cpu *c = container_of(cpu, struct fake_cpu, cpu);

	c->nr_flush++;
	memset(c->cache, 0xff, sizeof(c->cache));
}

static void fake_cpu_put(struct ioasid_cpu *cpu)
{
	container_of(cpu, struct fake_cpu, cpu)->refs--;
}

static const struct ioasid_cpu_ops fake_cpu_ops = {
	.enable = fake_cpu_enable,
	.disable = fake_cpu_disable,
	.flush = fake_cpu_flush,
	.put = fake_cpu_put,
};

u32 fake_cpu_sends(struct fake *fake, unsigned int n, u32 vpasid)
{
	struct fake_cpu *c = &fake->cpu[n];
	struct cpu_pasid_walk w;

	if (!c->on)
		return vpasid;
	if (c->cache[vpasid] == CPU_PASID_NONE &&
	    cpu_pasid_walk(&fake->mem, c->low, c->high, 46, vpasid, &w) == CPU_PASID_OK)
		c->cache[vpasid] = w.ppasid;
	return c->cache[vpasid];
}

static struct ioasid_cpu *fake_home_cpu_get(struct ioasid_machine *machine, int fd)
{
	struct fake *fake = container_of(machine, struct fake, machine);

	if (fd < FAKE_CPU_FD || fd >= FAKE_CPU_FD + FAKE_CPUS)
		return ERR_PTR(-EOPNOTSUPP);
	fake->cpu[fd - FAKE_CPU_FD].refs++;
	return &fake->cpu[fd - FAKE_CPU_FD].cpu;
}

static const struct table_env *fake_home_cpu_env(struct ioasid_machine *machine)
{
	return &container_of(machine, struct fake, machine)->env;
}

static void *fake_table_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	struct fake *fake = container_of(mem, struct fake, mem);
	u64 n = pa / PAGE_SIZE - 1;

	if (n >= FAKE_TABLES || !fake->table[n])
		return NULL;
	return (u8 *)fake->table[n] + pa % PAGE_SIZE;
}

static void *fake_table_alloc(struct table_alloc *ta, unsigned int order, u64 *pa)
{
	struct fake *fake = container_of(ta, struct fake, alloc);
	unsigned int n;

	for (n = 0; n < FAKE_TABLES && fake->table[n]; n++)
		;
	if (order || n == FAKE_TABLES)
		return NULL;
	fake->table[n] = kzalloc(PAGE_SIZE, GFP_KERNEL);
	*pa = (n + 1) * PAGE_SIZE;
	return fake->table[n];
}

static void fake_table_free(struct table_alloc *ta, void *table, u64 pa, unsigned int order)
{
	struct fake *fake = container_of(ta, struct fake, alloc);
	unsigned int i;

	for (i = 0; i < FAKE_CPUS; i++) {
		if (fake->cpu[i].on && (fake->cpu[i].low == pa || fake->cpu[i].high == pa))
			breaks(fake, "a table went that a CPU translates by");
	}
	fake->table[pa / PAGE_SIZE - 1] = NULL;
	kfree(table);
}

static const struct ioasid_home_ops fake_home_ops = {
	.pin = fake_home_pin,
	.unpin = fake_home_unpin,
	.extents = fake_home_extents,
	.fault_notify = fake_home_notify,
	.fault_fd = fake_home_fault_fd,
	.get_ctx = fake_home_get_ctx,
	.eventfd_get = fake_home_eventfd_get,
	.eventfd_signal = fake_home_eventfd_signal,
	.eventfd_put = fake_home_eventfd_put,
	.cpu_get = fake_home_cpu_get,
	.cpu_env = fake_home_cpu_env,
};

/* ---- devices ----------------------------------------------------------------------------------------- */

/* It is stopped for good: what was told a number now would never be told that it ended. */
static void fake_dev_quiesce(struct ioasid_device *dev)
{
	struct fake *fake = ioasid_device_priv(dev);
	ppasid_t wire;
	u32 v;

	fake->nr_quiesce++;
	for (v = 1; v < 64; v++) {
		if (!ioasid_device_ppasid(dev, VPASID(v), &wire) ||
		    (device_is_slice(dev) && ioasid_device_allows(dev, PPASID(v))))
			breaks(fake, "a device that ends was told a number");
	}
	if (device_is_slice(dev) && ioasid_device_rid_pasid(dev).val)
		breaks(fake, "a device that ends was told its default PASID");
}

static void fake_dev_reset(struct ioasid_device *dev)
{
	((struct fake *)ioasid_device_priv(dev))->nr_reset++;
}

static void fake_dev_response(struct ioasid_device *dev, ppasid_t pasid, u32 group, u32 code)
{
	struct fake *fake = ioasid_device_priv(dev);

	if (fake->nr_answers < FAKE_ANSWERS)
		fake->answer[fake->nr_answers] =
			(struct fake_answer){ dev, pasid.val, group, code };
	fake->nr_answers++;
}

static bool *portal_of(struct ioasid_device *dev, unsigned int *n)
{
	struct fake *fake = ioasid_device_priv(dev);

	for (*n = 0; fake->dev[*n] != dev; ++*n)
		;
	return &fake->portal[*n];
}

static int fake_dev_portal_open(struct ioasid_device *dev)
{
	struct fake *fake = ioasid_device_priv(dev);
	unsigned int n;
	bool *open = portal_of(dev, &n);

	if (fake->fail_portal == n + 1)
		return -EIO;
	if (*open)
		breaks(fake, "a portal was opened twice");
	*open = true;
	return 0;
}

static void fake_dev_portal_close(struct ioasid_device *dev)
{
	unsigned int n;
	bool *open = portal_of(dev, &n);

	if (!*open)
		breaks(ioasid_device_priv(dev), "a portal was closed that was not open");
	*open = false;
}

/* What ends is neither found by mediation nor reached by the hardware any more. */
static int fake_dev_drain(struct ioasid_device *dev, ppasid_t pasid)
{
	struct fake *fake = ioasid_device_priv(dev);

	if (device_is_slice(dev) && ioasid_device_allows(dev, pasid))
		breaks(fake, "drain of a number that is still allowed");
	if (!device_is_slice(dev) && find_route(fake, dev, pasid.val, false))
		breaks(fake, "drain of a number that is still routed");
	fake->nr_drains++;
	fake->drained.dev = dev;
	fake->drained.pasid = pasid.val;
	return fake->drain_rc;
}

static const struct ioasid_device_ops fake_dev_ops = {
	.quiesce = fake_dev_quiesce,
	.reset = fake_dev_reset,
	.page_response = fake_dev_response,
	.portal_open = fake_dev_portal_open,
	.portal_close = fake_dev_portal_close,
	.drain = fake_dev_drain,
};

static int add_device(struct fake *fake, unsigned int n, const struct ioasid_device_desc *desc)
{
	struct ioasid_devfile *file;
	struct ioasid_device *dev;

	dev = ioasid_device_register(&fake->machine, desc, fake);
	if (IS_ERR(dev))
		return (int)PTR_ERR(dev);
	file = ioasid_devfile_open(dev);
	if (IS_ERR(file)) {
		ioasid_device_unregister(dev);
		return (int)PTR_ERR(file);
	}
	fake->dev[n] = dev;
	fake->file[n] = file;
	return 0;
}

int fake_function(struct fake *fake, unsigned int fn, unsigned int iommu)
{
	const struct ioasid_function_desc desc = {
		.iommu = &fake->iommu[iommu].iommu,
		.pasid_bits = 8,
	};

	fake->fn[fn] = ioasid_function_create(&fake->machine, &desc, fake);
	return PTR_ERR_OR_ZERO(fake->fn[fn]);
}

int fake_part(struct fake *fake, unsigned int n, unsigned int fn, u32 dev_class)
{
	const struct ioasid_device_desc desc = {
		.ops = &fake_dev_ops,
		.function = fake->fn[fn],
		.iommu = fake->fn[fn]->iommu,
		.dev_class = dev_class,
		.caps = IOASID_DEV_ATS | IOASID_DEV_PRI,
		.pasid_bits = fake->fn[fn]->pasid_bits,
		.group = IOASID_INVALID,
	};

	return add_device(fake, n, &desc);
}

int fake_device_share(struct fake *fake, unsigned int n, unsigned int iommu, u32 dev_class,
		      u32 group, u32 pri_share)
{
	struct ioasid_device_desc desc = {
		.ops = &fake_dev_ops,
		.iommu = &fake->iommu[iommu].iommu,
		.dev_class = dev_class,
		.caps = IOASID_DEV_ATS | IOASID_DEV_PRI,
		.pasid_bits = 8,
		.group = group,
		.pri_share = pri_share,
	};

	return add_device(fake, n, &desc);
}

int fake_device(struct fake *fake, unsigned int n, unsigned int iommu, u32 dev_class, u32 group)
{
	return fake_device_share(fake, n, iommu, dev_class, group, 0);
}

void fake_device_remove(struct fake *fake, unsigned int n)
{
	if (fake->dev[n])
		ioasid_device_unregister(fake->dev[n]);
	if (fake->file[n])
		ioasid_devfile_close(fake->file[n]);
	fake->dev[n] = NULL;
	fake->file[n] = NULL;
}

/* ---- the machine --------------------------------------------------------------------------------------- */

static void iommu_init(struct fake *fake, unsigned int n)
{
	struct fake_iommu *fi = &fake->iommu[n];

	fi->fake = fake;
	INIT_LIST_HEAD(&fi->domains);
	fi->iommu.ops = &fake_iommu_ops;
	fi->iommu.page_sizes = PAGE_SIZE | (512UL * PAGE_SIZE);
	if (n == 0) {
		fi->iommu.caps = IOASID_IOMMU_NESTING | IOASID_IOMMU_SNOOP | IOASID_IOMMU_SHARED;
		fi->iommu.pasid_bits = 6;
		fi->iommu.format = IOASID_FORMAT_VTD_FS;
		fi->iommu.last = ~0ULL;
	} else {
		fi->iommu.pasid_bits = 4;
		fi->iommu.last = BIT_ULL(39) - 1;
		fi->iommu.page_sizes = PAGE_SIZE;
	}
}

struct fake *fake_new(void)
{
	struct fake *fake = kzalloc(sizeof(*fake), GFP_KERNEL);
	unsigned int i;

	if (!fake)
		return NULL;
	ioasid_machine_init(&fake->machine, &fake_home_ops);
	for (i = 0; i < FAKE_IOMMUS; i++)
		iommu_init(fake, i);
	for (i = 0; i < FAKE_CPUS; i++) {
		fake->cpu[i].cpu.ops = &fake_cpu_ops;
		fake->cpu[i].fake = fake;
	}
	phys_mem_init_callback(&fake->mem, fake_table_at);
	fake->alloc.alloc = fake_table_alloc;
	fake->alloc.free = fake_table_free;
	fake->env.mem = &fake->mem;
	fake->env.alloc = &fake->alloc;
	fake->max_pins = FAKE_PINS;
	current_fake = fake;
	return fake;
}

int fake_ctx(struct fake *fake, unsigned int n)
{
	struct ioasid_ctx *ctx = ioasid_ctx_open(&fake->machine, NULL, fake);

	if (IS_ERR(ctx))
		return (int)PTR_ERR(ctx);
	fake->ctx[n] = ctx;
	return 0;
}

void fake_ctx_close(struct fake *fake, unsigned int n)
{
	if (fake->ctx[n])
		ioasid_ctx_close(fake->ctx[n]);
	fake->ctx[n] = NULL;
}

static const char *left_over(struct fake *fake)
{
	unsigned int i;

	for (i = 0; i < FAKE_IOMMUS; i++) {
		if (!list_empty(&fake->iommu[i].domains))
			return "a domain is left";
	}
	if (fake_nr_routes(fake))
		return "a route is left in the hardware";
	if (fake->nr_pins)
		return "memory is left pinned";
	if (fake->nr_eventfds)
		return "an eventfd is left";
	for (i = 0; i < FAKE_CPUS; i++) {
		if (fake->cpu[i].refs || fake->cpu[i].on)
			return "a VM is left";
	}
	for (i = 0; i < FAKE_TABLES; i++) {
		if (fake->table[i])
			return "a table of CPUs is left";
	}
	if (fake->machine.pasids.nr_parent)
		return "a number of a function is left";
	if (atomic64_read(&fake->machine.nr_ctx) || atomic64_read(&fake->machine.nr_ioas) ||
	    atomic64_read(&fake->machine.nr_domains) || atomic64_read(&fake->machine.nr_routes) ||
	    atomic64_read(&fake->machine.pinned))
		return "the machine's counters are not 0";
	return NULL;
}

const char *fake_free(struct fake *fake)
{
	const char *broken;
	unsigned int i;

	for (i = 0; i < FAKE_CTXS; i++)
		fake_ctx_close(fake, i);
	for (i = 0; i < FAKE_DEVICES; i++)
		fake_device_remove(fake, i);
	for (i = 0; i < FAKE_FUNCTIONS; i++) {
		if (fake->fn[i])
			ioasid_function_destroy(fake->fn[i]);
	}
	broken = fake->broken ?: left_over(fake);
	ioasid_machine_destroy(&fake->machine);
	kfree(fake);
	return broken;
}

void fake_reset_counters(struct fake *fake)
{
	unsigned int i;

	for (i = 0; i < FAKE_IOMMUS; i++) {
		struct fake_iommu *fi = &fake->iommu[i];

		fi->nr_alloc = fi->nr_free = fi->nr_map = fi->nr_unmap = fi->nr_flush = 0;
		fi->nr_attach = fi->nr_detach = fi->nr_set_table = 0;
		fi->nr_invalidate = fi->nr_purge = 0;
	}
	fake->nr_answers = fake->nr_quiesce = fake->nr_reset = fake->nr_notify = 0;
}

struct fake_domain *fake_route(struct fake *fake, unsigned int n, u32 pasid)
{
	struct fake_route *r = find_route(fake, fake->dev[n], pasid, false);

	return r ? r->domain : NULL;
}

u64 fake_look(struct fake *fake, unsigned int n, u32 pasid, u64 iova)
{
	struct fake_domain *d = fake_route(fake, n, pasid);
	int i = page_index(iova);

	if (!d || i < 0 || !d->table[i].pa)
		return 0;
	return d->table[i].pa | d->table[i].prot;
}

unsigned int fake_nr_routes(const struct fake *fake)
{
	unsigned int i, n = 0;

	for (i = 0; i < FAKE_ROUTES; i++)
		n += fake->route[i].domain != NULL;
	return n;
}

/* ---- commands --------------------------------------------------------------------------------------------- */

static int ctx_cmd(struct fake *fake, unsigned int ctx, unsigned int cmd, void *direct)
{
	struct ioasid_arg arg = { .direct = direct };

	return ioasid_ctx_command(fake->ctx[ctx], cmd, &arg);
}

static int dev_cmd(struct fake *fake, unsigned int dev, unsigned int cmd, void *direct)
{
	struct ioasid_arg arg = { .direct = direct };

	return ioasid_devfile_command(fake->file[dev], cmd, &arg);
}

int fk_alloc_snoop(struct fake *fake, unsigned int ctx, u32 kind, u32 parent, u32 snoop,
		   u32 *handle)
{
	struct ioasid_alloc a = {
		.argsz = sizeof(a),
		.kind = kind,
		.parent = parent,
		.snoop = snoop,
	};
	int rc = ctx_cmd(fake, ctx, IOASID_ALLOC, &a);

	if (!rc)
		*handle = a.ioasid;
	return rc;
}

int fk_alloc(struct fake *fake, unsigned int ctx, u32 kind, u32 parent, u32 *handle)
{
	return fk_alloc_snoop(fake, ctx, kind, parent, IOASID_SNOOP_AUTO, handle);
}

int fk_free(struct fake *fake, unsigned int ctx, u32 ioasid)
{
	struct ioasid_free f = { .argsz = sizeof(f), .ioasid = ioasid };

	return ctx_cmd(fake, ctx, IOASID_FREE, &f);
}

int fk_map(struct fake *fake, unsigned int ctx, u32 ioasid, u64 iova, u64 vaddr, u64 pages,
	   u32 prot)
{
	struct ioasid_map_dma m = {
		.argsz = sizeof(m),
		.flags = prot,
		.ioasid = ioasid,
		.iova = iova,
		.vaddr = vaddr,
		.length = pages << PAGE_SHIFT,
	};

	return ctx_cmd(fake, ctx, IOASID_MAP_DMA, &m);
}

s64 fk_unmap(struct fake *fake, unsigned int ctx, u32 ioasid, u64 iova, u64 pages)
{
	struct ioasid_unmap_dma u = {
		.argsz = sizeof(u),
		.ioasid = ioasid,
		.iova = iova,
		.length = pages << PAGE_SHIFT,
	};
	int rc = ctx_cmd(fake, ctx, IOASID_UNMAP_DMA, &u);

	return rc ?: (s64)(u.unmapped >> PAGE_SHIFT);
}

s64 fk_unmap_all(struct fake *fake, unsigned int ctx, u32 ioasid)
{
	struct ioasid_unmap_dma u = {
		.argsz = sizeof(u),
		.flags = IOASID_UNMAP_ALL,
		.ioasid = ioasid,
	};
	int rc = ctx_cmd(fake, ctx, IOASID_UNMAP_DMA, &u);

	return rc ?: (s64)(u.unmapped >> PAGE_SHIFT);
}

int fk_bind_table(struct fake *fake, unsigned int ctx, u32 ioasid, u64 address)
{
	struct ioasid_bind_pgtable b = { .argsz = sizeof(b), .ioasid = ioasid };

	if (address == ~0ULL) {
		b.flags = IOASID_BIND_NONE;
	} else {
		b.table.format = IOASID_FORMAT_VTD_FS;
		b.table.levels = 4;
		b.table.address = address;
	}
	return ctx_cmd(fake, ctx, IOASID_BIND_PGTABLE, &b);
}

int fk_info(struct fake *fake, unsigned int ctx, struct ioasid_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return ctx_cmd(fake, ctx, IOASID_GET_INFO, info);
}

int fk_ioas_info(struct fake *fake, unsigned int ctx, u32 ioasid, struct ioasid_ioas_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	info->ioasid = ioasid;
	return ctx_cmd(fake, ctx, IOASID_IOAS_GET_INFO, info);
}

int fk_bind(struct fake *fake, unsigned int dev, unsigned int ctx, u64 cookie)
{
	struct ioasid_dev_bind b = {
		.argsz = sizeof(b),
		.ioasid_fd = (s32)(FAKE_FD + ctx),
		.cookie = cookie,
	};

	return dev_cmd(fake, dev, IOASID_DEV_BIND_IOASID_FD, &b);
}

int fk_attach(struct fake *fake, unsigned int dev, u32 ioasid, u32 flags, u32 vpasid)
{
	struct ioasid_dev_attach a = {
		.argsz = sizeof(a),
		.flags = flags,
		.ioasid = ioasid,
		.vpasid = vpasid,
	};

	return dev_cmd(fake, dev, IOASID_DEV_ATTACH_IOASID, &a);
}

int fk_detach(struct fake *fake, unsigned int dev, u32 ioasid, u32 flags)
{
	struct ioasid_dev_attach a = { .argsz = sizeof(a), .flags = flags, .ioasid = ioasid };

	return dev_cmd(fake, dev, IOASID_DEV_DETACH_IOASID, &a);
}

int fk_set_hwid(struct fake *fake, unsigned int ctx, u32 ioasid, u32 flags, u64 cookie, u32 *vpasid)
{
	struct ioasid_set_hwid s = {
		.argsz = sizeof(s),
		.flags = flags,
		.ioasid = ioasid,
		.vpasid = *vpasid,
		.cookie = cookie,
	};
	int rc = ctx_cmd(fake, ctx, IOASID_SET_HWID, &s);

	if (!rc)
		*vpasid = s.vpasid;
	return rc;
}

int fk_clear_hwid(struct fake *fake, unsigned int ctx, u32 ioasid, u32 flags, u64 cookie,
		  u32 vpasid)
{
	struct ioasid_set_hwid s = {
		.argsz = sizeof(s),
		.flags = flags,
		.ioasid = ioasid,
		.vpasid = vpasid,
		.cookie = cookie,
	};

	return ctx_cmd(fake, ctx, IOASID_CLEAR_HWID, &s);
}

int fk_dev_info(struct fake *fake, unsigned int dev, struct ioasid_device_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return dev_cmd(fake, dev, IOASID_DEV_GET_INFO, info);
}

int fk_dev_reset(struct fake *fake, unsigned int dev)
{
	struct ioasid_dev_reset r = { .argsz = sizeof(r) };

	return dev_cmd(fake, dev, IOASID_DEV_RESET, &r);
}

int fk_fault_fd(struct fake *fake, unsigned int ctx, u32 capacity)
{
	struct ioasid_fault_fd f = { .argsz = sizeof(f), .capacity = capacity };
	int rc = ctx_cmd(fake, ctx, IOASID_FAULT_FD, &f);

	return rc ?: f.fd;
}

int fk_respond(struct fake *fake, unsigned int ctx, u32 id, u32 code)
{
	struct ioasid_page_response p = { .argsz = sizeof(p), .id = id, .code = code };

	return ctx_cmd(fake, ctx, IOASID_PAGE_RESPONSE, &p);
}

int fk_invalidate(struct fake *fake, unsigned int ctx, const struct ioasid_invalidate *inv)
{
	struct ioasid_invalidate copy = *inv;

	copy.argsz = sizeof(copy);
	return ctx_cmd(fake, ctx, IOASID_INVALIDATE_CACHE, &copy);
}

void fk_request(struct fake *fake, unsigned int dev, u32 pasid, u64 address, u32 group, bool last)
{
	struct ioasid_fault_report r = {
		.pasid = PPASID(pasid),
		.flags = IOASID_FAULT_READ | (last ? IOASID_FAULT_LAST : 0),
		.address = address,
		.group = group,
	};

	ioasid_report_page_request(fake->dev[dev], &r);
}

void fk_event(struct fake *fake, unsigned int dev, u32 pasid, u64 address)
{
	struct ioasid_fault_report r = {
		.pasid = PPASID(pasid),
		.flags = IOASID_FAULT_WRITE,
		.address = address,
		.reason = IOASID_REASON_NOT_PRESENT,
		.arch_reason = 7,
	};

	ioasid_report_event(fake->dev[dev], &r);
}
