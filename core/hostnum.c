// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A context's host-wide numbers: one per vPASID, shared by all its global-mode devices, because the
 * CPU's translation is per VM (design section 5.4). They come out of the context's set; there the
 * vPASID is the private number, and struct hostnum the private data.
 *
 * A number is out from the first route to reclaim: each route holds it for the IOMMU, and with the
 * last route it is freed. Who still holds it then (a fenced device, a CPU entry) keeps it pending,
 * and the vPASID gets another one.
 *
 * All functions run under ctx->lock held for writing.
 */
#include "core/core.h"

struct hostnum *hostnum_find(struct ioasid_ctx *ctx, vpasid_t vpasid)
{
	u32 id = pasid_find_by_spid(ctx->set, vpasid.val);
	struct hostnum *num;

	if (id == INVALID_IOASID)
		return NULL;
	num = pasid_find(&ctx->machine->pasids, ctx->set, id, NULL);
	return IS_ERR_OR_NULL(num) ? NULL : num;
}

/* Where a number may lie: every global-mode device must be able to send it and keep it from its own. */
static void hostnum_range(struct ioasid_ctx *ctx, struct ioasid_request *req)
{
	struct ioasid_device *dev;

	req->min = READ_ONCE(ctx->machine->pasids.split);
	req->max = PASID_CAPACITY - 1;
	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (!device_is_global(dev) || !device_takes_pasids(dev))
			continue;
		req->min = max(req->min, device_global_min(dev));
		req->max = min(req->max, device_last(dev));
	}
}

/* Is the number in use on one of @ioas's devices, by the kernel or by work that may still come? */
static bool in_use(struct ioas *ioas, const struct ioasid_device *only, u32 number)
{
	struct ioas_attach *attach;
	bool used = false;

	list_for_each_entry(attach, &ioas->attaches, ioas_link) {
		if (!only || attach->dev == only)
			used |= function_number_used(attach->dev->fn, number);
	}
	return used;
}

/* Nobody finds @num by the number any more, however long somebody holds that. */
static void give_back(struct ioasid_ctx *ctx, u32 number)
{
	struct pasid_host *host = &ctx->machine->pasids;

	pasid_clear_data(host, number);
	pasid_free(host, ctx->set, number);
}

/* The split stands still while a number is out: one that was moved under our hands shows now. */
static bool below_split(struct ioasid_ctx *ctx, u32 number)
{
	return number < READ_ONCE(ctx->machine->pasids.split);
}

static int alloc_number(struct ioas *ioas, const struct ioasid_device *only, struct hostnum *num)
{
	struct ioasid_ctx *ctx = ioas->ctx;
	struct ioasid_request req = { .priv = num };
	u32 id;
	int rc;

	hostnum_range(ctx, &req);
	while (req.min <= req.max) {
		rc = pasid_alloc(ctx->set, &req, NULL, &id);
		if (rc)
			return rc;
		if (!in_use(ioas, only, id) && !below_split(ctx, id)) {
			num->number = PPASID(id);
			return 0;
		}
		give_back(ctx, id);
		req.min = id + 1;
		cond_resched();
	}
	return pasid_refuse_range(ctx->set);
}

struct hostnum *hostnum_make(struct ioas *ioas, const struct ioasid_device *only, bool identity,
			     vpasid_t vpasid)
{
	struct ioasid_ctx *ctx = ioas->ctx;
	struct hostnum *num = kzalloc(sizeof(*num), GFP_KERNEL_ACCOUNT);
	int rc;

	if (!num)
		return ERR_PTR(-ENOMEM);
	num->ioas = ioas;
	rc = alloc_number(ioas, only, num);
	if (rc)
		goto free;
	num->vpasid = identity ? VPASID(num->number.val) : vpasid;
	rc = pasid_attach_spid(&ctx->machine->pasids, num->number.val, num->vpasid.val);
	if (!rc)
		return num;
	give_back(ctx, num->number.val);
free:
	kfree(num);
	return ERR_PTR(rc);
}

int hostnum_hold(struct hostnum *num)
{
	struct ioasid_ctx *ctx = num->ioas->ctx;
	int rc = pasid_get(&ctx->machine->pasids, ctx->set, num->number.val, IOASID_HOLD_IOMMU);

	if (!rc)
		num->routes++;
	return rc;
}

void hostnum_release(struct ioasid_ctx *ctx, ppasid_t number)
{
	pasid_put(&ctx->machine->pasids, ctx->set, number.val, IOASID_HOLD_IOMMU);
}

void hostnum_drop_unused(struct hostnum *num)
{
	struct ioasid_ctx *ctx = num->ioas->ctx;

	if (num->routes)
		return;
	/* The owner's order: name, data, number; then nobody finds what is gone. */
	pasid_detach_spid(&ctx->machine->pasids, num->number.val);
	give_back(ctx, num->number.val);
	kfree(num);
}
