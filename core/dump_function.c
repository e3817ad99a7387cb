// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Printing functions: what has a RID, the slices it is cut into, and which numbers are live on its
 * wire. For the administrator of a host.
 *
 * Numbers are printed as ranges. A function may have a million of them, so a step ends after some, and
 * a range that goes on then is printed in pieces.
 */
#include "core/core.h"
#include "core/dump_print.h"

/* Numbers looked at with locks held; each may be a line. */
#define STEP_NUMBERS 1024U

/* What a number is on its function. */
enum number_state {
	NUMBER_NONE,
	NUMBER_LIVE, /* leads somewhere */
	NUMBER_PENDING, /* work with it may still come */
	NUMBER_HOST, /* found to be in use by the kernel */
};

/* A function without an object of the home's stands for the one device that it was made with. */
static const struct ioasid_device *only_device(struct ioasid_function *fn)
{
	return list_first_entry_or_null(&fn->devices, struct ioasid_device, fn_link);
}

void dump_function_name(const struct ioasid_dump *d, const char *field,
			const struct ioasid_function *fn, const struct ioasid_device *dev)
{
	if (ioasid_function_priv(fn))
		dump_string(d, field, d->function_name(fn));
	else
		dump_string(d, field, dev ? d->device_name(dev) : NULL);
}

static void dump_requester(struct ioasid_function *fn, const struct ioasid_dump *d)
{
	const struct ioasid_device *dev = only_device(fn);
	bool own = !ioasid_function_priv(fn);
	s32 rid = own && !dev ? -1 : d->requester(own ? NULL : fn, dev);

	if (rid < 0)
		d->print(d, " rid=-");
	else
		d->print(d, " rid=%02x:%02x.%x", (u32)rid >> 8, (u32)rid >> 3 & 31, (u32)rid & 7);
}

static void dump_devices_of(const struct ioasid_function *fn, const struct ioasid_dump *d)
{
	const struct ioasid_device *dev;

	list_for_each_entry(dev, &fn->devices, fn_link) {
		d->print(d, "  %s", device_is_slice(dev) ? "slice" : "whole");
		dump_string(d, "name", d->device_name(dev));
		d->print(d, " class=%u", dev->dev_class);
		dump_id(d, "context", dev->ctx ? dev->ctx->config.id : 0);
		d->print(d, "\n");
	}
}

/* machine->lock held. */
static void dump_function(struct ioasid_function *fn, const struct ioasid_dump *d)
{
	u32 used, pending;

	mutex_lock(&fn->lock);
	used = fn->space.used;
	pending = fn->space.quarantined;
	mutex_unlock(&fn->lock);
	d->print(d, "function");
	dump_function_name(d, "name", fn, only_device(fn));
	dump_requester(fn, d);
	d->print(d, " pasid_bits=%u used=%u pending=%u host_use=%u", fn->pasid_bits, used, pending,
		 fn->host_uses);
	dump_number(d, "kept_first", fn->kept_last ? fn->kept_first : IOASID_INVALID);
	dump_number(d, "kept_last", fn->kept_last ?: IOASID_INVALID);
	d->print(d, "\n");
	dump_devices_of(fn, d);
}

/* ---- numbers --------------------------------------------------------------------------------- */

static bool is_default(const struct ioasid_function *fn, u32 number)
{
	const struct ioasid_device *dev;

	list_for_each_entry(dev, &fn->bound, bound_link) {
		if (device_is_slice(dev) && dev->default_pasid.val == number)
			return true;
	}
	return false;
}

/* Of a number that is taken. fn->lock held. */
static enum number_state state_of(struct ioasid_function *fn, u32 number)
{
	if (pasid_space_is_quarantined(&fn->space, number))
		return NUMBER_PENDING;
	if (idtree_find(&fn->wires, number) || is_default(fn, number))
		return NUMBER_LIVE;
	return NUMBER_HOST;
}

static void dump_range(const struct ioasid_dump *d, u32 first, u32 last, enum number_state state)
{
	static const char *const words[] = {
		[NUMBER_LIVE] = "live",
		[NUMBER_PENDING] = "pending",
		[NUMBER_HOST] = "host",
	};

	if (state != NUMBER_NONE)
		d->print(d, "  numbers first=%u last=%u state=%s\n", first, last, words[state]);
}

/* Return: false: no number from *@from on is left. */
static bool dump_numbers(struct ioasid_function *fn, const struct ioasid_dump *d, u32 *from)
{
	enum number_state state = NUMBER_NONE, now;
	u32 first = 0, last = 0, n;
	s64 number = -ENOENT;

	mutex_lock(&fn->lock);
	for (n = 0; n < STEP_NUMBERS; n++) {
		number = pasid_space_next(&fn->space, *from);
		if (number < 0)
			break;
		now = state_of(fn, (u32)number);
		if (now != state || (u32)number != last + 1) {
			dump_range(d, first, last, state);
			first = (u32)number;
			state = now;
		}
		last = (u32)number;
		*from = last + 1;
	}
	mutex_unlock(&fn->lock);
	dump_range(d, first, last, state);
	return number >= 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* One function and the first of its numbers, or more of them. Return: false: no function is left. */
static bool dump_next(struct ioasid_machine *machine, const struct ioasid_dump *d,
		      struct ioasid_dump_cursor *at)
{
	struct ioasid_function *fn;
	u32 i = 0;

	list_for_each_entry(fn, &machine->functions, link) {
		if (i++ < at->index)
			continue;
		if (!at->sub) {
			dump_function(fn, d);
			at->sub = 1; /* 0 is no number */
		}
		if (!dump_numbers(fn, d, &at->sub)) {
			at->index++;
			at->sub = 0;
		}
		return true;
	}
	return false;
}

enum { FUNCTIONS_HOST, FUNCTIONS_EACH };

bool ioasid_dump_functions(struct ioasid_machine *machine, const struct ioasid_dump *d,
			   struct ioasid_dump_cursor *at)
{
	bool more;

	if (at->phase == FUNCTIONS_HOST) {
		d->print(d, "host split=%u\n", READ_ONCE(machine->pasids.split));
		at->phase = FUNCTIONS_EACH;
		return true;
	}
	mutex_lock(&machine->lock);
	more = dump_next(machine, d, at);
	mutex_unlock(&machine->lock);
	return more;
}
