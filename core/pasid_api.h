/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The published functions of <linux/ioasid_alloc.h>: one text for both homes, included once by the
 * file of each home that exports them. That file says before:
 *
 *   api_host()        struct pasid_host * that functions without a set work on; NULL: there is none
 *   api_check_any()   complain where not even a function that never sleeps may be called
 *   api_check_sleep() complain where a function that sleeps may not be called
 *
 * What a function is labelled in the header is the first thing it says here. The checks are for
 * mistakes of drivers and end there; calls inside a handler are refused in every build, since a
 * driver cannot know all that its handler is called from.
 *
 *   API_SLEEPS    the label "sleeps": refused in a handler
 *   API_ATOMIC    the label "atomic" without "handler": refused there too
 *   API_ANYWHERE  the labels "handler" and "reader"
 */
#ifndef IOASID_CORE_PASID_API_H
#define IOASID_CORE_PASID_API_H

#include "core/pasid_alloc.h"

#define API_ANYWHERE() api_check_any()
#define API_ATOMIC(host, answer)                             \
	do {                                                 \
		api_check_any();                             \
		if (pasid_refuse_in_handler(host, __func__)) \
			return answer;                       \
	} while (0)
/* In this order: a handler runs where sleeping is a mistake, and is told so once, by the refusal. */
#define API_SLEEPS(host, answer)          \
	do {                              \
		API_ATOMIC(host, answer); \
		api_check_sleep();        \
	} while (0)
#define API_NOTHING

static inline struct pasid_host *api_host_of(const struct ioasid_set *set)
{
	return set ? set->host : api_host();
}

/* ---- capacity -------------------------------------------------------------------------------- */

void ioasid_install_capacity(ioasid_t total)
{
	struct pasid_host *host = api_host();

	if (!host)
		return;
	API_ATOMIC(host, API_NOTHING);
	pasid_install_capacity(host, total);
}
EXPORT_SYMBOL_GPL(ioasid_install_capacity);

int ioasid_reserve_capacity(ioasid_t n)
{
	struct pasid_host *host = api_host();

	if (!host)
		return -ENOSPC;
	API_ATOMIC(host, -EDEADLK);
	return pasid_reserve_capacity(host, n);
}
EXPORT_SYMBOL_GPL(ioasid_reserve_capacity);

int ioasid_cancel_capacity(ioasid_t n)
{
	struct pasid_host *host = api_host();

	if (!host)
		return -EINVAL;
	API_ATOMIC(host, -EDEADLK);
	return pasid_cancel_capacity(host, n);
}
EXPORT_SYMBOL_GPL(ioasid_cancel_capacity);

/* ---- sets ------------------------------------------------------------------------------------ */

struct ioasid_set *ioasid_set_alloc(void *token, ioasid_t quota, int type)
{
	struct pasid_host *host = api_host();

	if (!host)
		return ERR_PTR(-ENOMEM);
	API_SLEEPS(host, ERR_PTR(-EDEADLK));
	/* The types of the core's own sets are none of a driver's. */
	return pasid_set_alloc(host, token, quota, type);
}
EXPORT_SYMBOL_GPL(ioasid_set_alloc);

int ioasid_set_free(struct ioasid_set *set)
{
	if (!set)
		return -EINVAL;
	API_SLEEPS(set->host, -EDEADLK);
	return pasid_set_free(set);
}
EXPORT_SYMBOL_GPL(ioasid_set_free);

void ioasid_set_destroy(struct ioasid_set *set)
{
	if (!set)
		return;
	API_SLEEPS(set->host, API_NOTHING);
	pasid_set_destroy(set);
}
EXPORT_SYMBOL_GPL(ioasid_set_destroy);

int ioasid_adjust_set(struct ioasid_set *set, ioasid_t quota)
{
	if (!set)
		return -EINVAL;
	API_ATOMIC(set->host, -EDEADLK);
	return pasid_adjust_set(set, quota);
}
EXPORT_SYMBOL_GPL(ioasid_adjust_set);

struct ioasid_set *ioasid_find_mm_set(struct mm_struct *mm)
{
	struct pasid_host *host = api_host();

	API_ANYWHERE();
	return host && mm ? pasid_find_mm_set(host, mm) : NULL;
}
EXPORT_SYMBOL_GPL(ioasid_find_mm_set);

void ioasid_set_put(struct ioasid_set *set)
{
	API_ANYWHERE();
	if (set)
		pasid_set_put(set);
}
EXPORT_SYMBOL_GPL(ioasid_set_put);

struct ioasid_set *ioasid_find_set(ioasid_t id)
{
	struct pasid_host *host = api_host();

	API_ANYWHERE();
	return host ? pasid_find_set(host, id) : ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(ioasid_find_set);

void ioasid_set_for_each_ioasid(struct ioasid_set *set, void (*fn)(ioasid_t id, void *data),
				void *data)
{
	if (!set || !fn)
		return;
	API_ATOMIC(set->host, API_NOTHING);
	pasid_set_for_each(set, fn, data);
}
EXPORT_SYMBOL_GPL(ioasid_set_for_each_ioasid);

void ioasid_free_all_in_set(struct ioasid_set *set)
{
	if (!set)
		return;
	API_ATOMIC(set->host, API_NOTHING);
	pasid_free_all(set);
}
EXPORT_SYMBOL_GPL(ioasid_free_all_in_set);

/* ---- numbers --------------------------------------------------------------------------------- */

int ioasid_alloc_request(struct ioasid_set *set, const struct ioasid_request *req, ioasid_t *id)
{
	*id = INVALID_IOASID;
	if (!set)
		return -EINVAL;
	API_SLEEPS(set->host, -EDEADLK);
	return pasid_alloc(set, req, NULL, id);
}
EXPORT_SYMBOL_GPL(ioasid_alloc_request);

ioasid_t ioasid_alloc(struct ioasid_set *set, ioasid_t min, ioasid_t max, void *priv)
{
	const struct ioasid_request req = { .min = min, .max = max, .priv = priv };
	ioasid_t id;

	return ioasid_alloc_request(set, &req, &id) ? INVALID_IOASID : id;
}
EXPORT_SYMBOL_GPL(ioasid_alloc);

void ioasid_free(struct ioasid_set *set, ioasid_t id)
{
	if (!set)
		return;
	API_ATOMIC(set->host, API_NOTHING);
	pasid_free(set->host, set, id);
}
EXPORT_SYMBOL_GPL(ioasid_free);

int ioasid_get_as(struct ioasid_set *set, ioasid_t id, enum ioasid_holder holder)
{
	struct pasid_host *host = api_host_of(set);

	API_ANYWHERE();
	return host ? pasid_get(host, set, id, holder) : -EINVAL;
}
EXPORT_SYMBOL_GPL(ioasid_get_as);

int ioasid_get(struct ioasid_set *set, ioasid_t id)
{
	return ioasid_get_as(set, id, IOASID_HOLD_USER);
}
EXPORT_SYMBOL_GPL(ioasid_get);

int ioasid_get_if_owned(ioasid_t id)
{
	struct pasid_host *host = api_host();

	API_ANYWHERE();
	return host ? pasid_get_if_owned(host, id) : -ENOENT;
}
EXPORT_SYMBOL_GPL(ioasid_get_if_owned);

bool ioasid_put_as(struct ioasid_set *set, ioasid_t id, enum ioasid_holder holder)
{
	struct pasid_host *host = api_host_of(set);

	API_ANYWHERE();
	return host && pasid_put(host, set, id, holder);
}
EXPORT_SYMBOL_GPL(ioasid_put_as);

bool ioasid_put(struct ioasid_set *set, ioasid_t id)
{
	return ioasid_put_as(set, id, IOASID_HOLD_USER);
}
EXPORT_SYMBOL_GPL(ioasid_put);

void *ioasid_find(struct ioasid_set *set, ioasid_t id, bool (*getter)(void *))
{
	struct pasid_host *host = api_host_of(set);

	API_ANYWHERE();
	return host ? pasid_find(host, set, id, getter) : ERR_PTR(-ENOENT);
}
EXPORT_SYMBOL_GPL(ioasid_find);

int ioasid_attach_data(ioasid_t id, void *data)
{
	struct pasid_host *host = api_host();

	if (!host)
		return -ENOENT;
	API_ATOMIC(host, -EDEADLK);
	return pasid_attach_data(host, id, data);
}
EXPORT_SYMBOL_GPL(ioasid_attach_data);

void ioasid_detach_data(ioasid_t id)
{
	struct pasid_host *host = api_host();

	if (!host)
		return;
	API_SLEEPS(host, API_NOTHING);
	pasid_detach_data(host, id);
}
EXPORT_SYMBOL_GPL(ioasid_detach_data);

int ioasid_describe(ioasid_t id, struct ioasid_id_info *info)
{
	struct pasid_host *host = api_host();

	API_ANYWHERE();
	return host ? pasid_describe(host, id, info) : -ENOENT;
}
EXPORT_SYMBOL_GPL(ioasid_describe);

/* ---- set-private numbers --------------------------------------------------------------------- */

int ioasid_attach_spid(ioasid_t id, ioasid_t spid)
{
	struct pasid_host *host = api_host();

	if (!host)
		return -ENOENT;
	API_SLEEPS(host, -EDEADLK);
	return pasid_attach_spid(host, id, spid);
}
EXPORT_SYMBOL_GPL(ioasid_attach_spid);

void ioasid_detach_spid(ioasid_t id)
{
	struct pasid_host *host = api_host();

	if (!host)
		return;
	API_ATOMIC(host, API_NOTHING);
	pasid_detach_spid(host, id);
}
EXPORT_SYMBOL_GPL(ioasid_detach_spid);

ioasid_t ioasid_find_by_spid_as(struct ioasid_set *set, ioasid_t spid, enum ioasid_holder holder)
{
	API_ANYWHERE();
	return set ? pasid_get_by_spid(set, spid, holder) : INVALID_IOASID;
}
EXPORT_SYMBOL_GPL(ioasid_find_by_spid_as);

ioasid_t ioasid_find_by_spid(struct ioasid_set *set, ioasid_t spid, bool get)
{
	if (get)
		return ioasid_find_by_spid_as(set, spid, IOASID_HOLD_USER);
	API_ANYWHERE();
	return set ? pasid_find_by_spid(set, spid) : INVALID_IOASID;
}
EXPORT_SYMBOL_GPL(ioasid_find_by_spid);

/* ---- notifications --------------------------------------------------------------------------- */

int ioasid_register_notifier(struct ioasid_set *set, struct notifier_block *nb)
{
	struct pasid_host *host = api_host_of(set);

	if (!host)
		return -ENOMEM;
	API_SLEEPS(host, -EDEADLK);
	return pasid_register_notifier(host, set, nb);
}
EXPORT_SYMBOL_GPL(ioasid_register_notifier);

void ioasid_unregister_notifier(struct ioasid_set *set, struct notifier_block *nb)
{
	struct pasid_host *host = api_host_of(set);

	if (!host)
		return;
	API_SLEEPS(host, API_NOTHING);
	pasid_unregister_notifier(host, set, nb);
}
EXPORT_SYMBOL_GPL(ioasid_unregister_notifier);

int ioasid_register_notifier_mm(struct mm_struct *mm, struct notifier_block *nb)
{
	struct pasid_host *host = api_host();

	if (!host)
		return -ENOMEM;
	API_SLEEPS(host, -EDEADLK);
	return pasid_register_notifier_mm(host, mm, nb);
}
EXPORT_SYMBOL_GPL(ioasid_register_notifier_mm);

void ioasid_unregister_notifier_mm(struct mm_struct *mm, struct notifier_block *nb)
{
	struct pasid_host *host = api_host();

	if (!host)
		return;
	API_SLEEPS(host, API_NOTHING);
	pasid_unregister_notifier_mm(host, mm, nb);
}
EXPORT_SYMBOL_GPL(ioasid_unregister_notifier_mm);

/* ---- deferred work --------------------------------------------------------------------------- */

void ioasid_init_work(struct ioasid_work *work, ioasid_t id, void (*fn)(struct ioasid_work *work))
{
	API_ANYWHERE();
	pasid_init_work(work, id, fn);
}
EXPORT_SYMBOL_GPL(ioasid_init_work);

bool ioasid_queue_work(struct ioasid_work *work)
{
	struct pasid_host *host = api_host();

	API_ANYWHERE();
	return host && pasid_queue_work(host, work);
}
EXPORT_SYMBOL_GPL(ioasid_queue_work);

void ioasid_flush_work(ioasid_t id)
{
	struct pasid_host *host = api_host();

	if (!host)
		return;
	API_SLEEPS(host, API_NOTHING);
	if (id == INVALID_IOASID)
		pasid_flush_all_work(host);
	else
		pasid_flush_work(host, id);
}
EXPORT_SYMBOL_GPL(ioasid_flush_work);

/* ---- custom allocators ----------------------------------------------------------------------- */

int ioasid_register_allocator(struct ioasid_allocator_ops *ops)
{
	struct pasid_host *host = api_host();

	if (!host)
		return -ENOMEM;
	API_SLEEPS(host, -EDEADLK);
	return pasid_register_allocator(host, ops);
}
EXPORT_SYMBOL_GPL(ioasid_register_allocator);

void ioasid_unregister_allocator(struct ioasid_allocator_ops *ops)
{
	struct pasid_host *host = api_host();

	if (!host)
		return;
	API_SLEEPS(host, API_NOTHING);
	pasid_unregister_allocator(host, ops);
}
EXPORT_SYMBOL_GPL(ioasid_unregister_allocator);

#endif
