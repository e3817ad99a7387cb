// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Printing objects, for the administrator of a host; see core/dump.h for the form. */
#include "core/core.h"
#include "core/dump_print.h"
#include "core/words.h"

/* Objects per step: long enough to be quick, short enough not to keep others from the locks. */
#define STEP_OBJECTS 64U

/* ---- values ---------------------------------------------------------------------------------- */

/* Names come from users and drivers. They are printed in pieces, as long as they are. */
void dump_string(const struct ioasid_dump *d, const char *field, const char *text)
{
	char safe[64];
	unsigned int i;

	if (!text) {
		d->print(d, " %s=-", field);
		return;
	}
	d->print(d, " %s=\"", field);
	while (*text) {
		for (i = 0; i < sizeof(safe) - 1 && *text; i++, text++) {
			safe[i] = *text;
			if (*text < ' ' || *text > '~' || *text == '"' || *text == '\\')
				safe[i] = '_';
		}
		safe[i] = 0;
		d->print(d, "%s", safe);
	}
	d->print(d, "\"");
}

void dump_number(const struct ioasid_dump *d, const char *field, u32 value)
{
	if (value == IOASID_INVALID)
		d->print(d, " %s=-", field);
	else
		d->print(d, " %s=%u", field, value);
}

void dump_id(const struct ioasid_dump *d, const char *field, u64 id)
{
	if (!id)
		d->print(d, " %s=-", field);
	else
		d->print(d, " %s=%llu", field, (unsigned long long)id);
}

static void print_bits(const struct ioasid_dump *d, const char *field, u32 bits,
		       const char *(*word)(unsigned int bit))
{
	const char *gap = "";
	unsigned int i;

	d->print(d, " %s=\"", field);
	for (i = 0; i < 32; i++) {
		if (!(bits & BIT(i)))
			continue;
		d->print(d, "%s%s", gap, word(i));
		gap = " ";
	}
	d->print(d, "\"");
}

static void print_who(const struct ioasid_dump *d, const struct ioasid_ctx *ctx)
{
	d->print(d, " pid=%u", ctx->config.pid);
	dump_string(d, "comm", ctx->config.comm);
}

static void print_refusal(const struct ioasid_dump *d, const struct ioasid_device *dev)
{
	u32 refusal = READ_ONCE(dev->last_refusal);

	d->print(d, " refusal=%u", refusal);
	dump_string(d, "why", refusal ? ioas_word_refusal(refusal) : NULL);
}

/* ---- live objects ---------------------------------------------------------------------------- */

static s64 count_devices(struct ioasid_machine *machine)
{
	struct ioasid_device *dev;
	s64 n = 0;

	mutex_lock(&machine->lock);
	list_for_each_entry(dev, &machine->devices, link)
		n++;
	mutex_unlock(&machine->lock);
	return n;
}

static void live_line(const struct ioasid_dump *d, const char *name, s64 value)
{
	d->print(d, "%s %lld\n", name, (long long)value);
}

void ioasid_dump_live(struct ioasid_machine *machine, const struct ioasid_dump *d)
{
	live_line(d, "contexts", atomic64_read(&machine->nr_ctx));
	live_line(d, "devices", count_devices(machine));
	live_line(d, "ioasids", atomic64_read(&machine->nr_ioas));
	live_line(d, "domains", atomic64_read(&machine->nr_domains));
	live_line(d, "routes", atomic64_read(&machine->nr_routes));
	live_line(d, "pinned_bytes", atomic64_read(&machine->pinned));
	live_line(d, "events_lost", atomic64_read(&machine->events_lost));
}

/* ---- a context --------------------------------------------------------------------------------- */

static const char *mode_word(u32 mode)
{
	static const char *const words[] = { "-", "local", "global" };

	return mode < ARRAY_SIZE(words) ? words[mode] : "unknown";
}

static const char *cpu_word(const struct ioasid_ctx *ctx)
{
	if (ctx->cpu_on)
		return "on";
	return ctx->cpu || ctx->cpu_table ? "off" : "-";
}

static const char *no_migration_word(unsigned int bit)
{
	static const char *const words[] = {
		"shared-space",
		"exposed-number",
		"device-driver",
		"home",
	};

	return bit < ARRAY_SIZE(words) ? words[bit] : "unknown";
}

static void dump_header(struct ioasid_ctx *ctx, const struct ioasid_dump *d)
{
	struct ioasid_faultq *q = &ctx->faultq;

	d->print(d, "context id=%llu", (unsigned long long)ctx->config.id);
	print_who(d, ctx);
	d->print(d, " closed=%u ioasids=%u devices=%u routes=%u maps=%lld pinned_bytes=%lld",
		 ctx->closed, ctx->ioas.count, ctx->nr_devices, ctx->nr_routes,
		 (long long)atomic64_read(&ctx->nr_maps), (long long)atomic64_read(&ctx->pinned));
	dump_number(d, "promised_bits", ctx->promised_bits);
	d->print(d, " mode=%s", mode_word(ctx->mode));
	dump_number(d, "global_min", ctx->global_min ?: IOASID_INVALID);
	d->print(d, " cpu=%s", cpu_word(ctx));
	print_bits(d, "no_migration", ctx_no_migration(ctx), no_migration_word);
	d->print(d, " max_ioasids=%u max_routes=%u max_maps=%u\n", ctx->config.max_ioas,
		 ctx->config.max_routes, ctx->config.max_maps);
	mutex_lock(&q->lock);
	d->print(d, "  faults open=%u capacity=%u records=%u waiting=%u dropped=%llu\n", q->open,
		 q->capacity, q->nr_records, q->ids.count, (unsigned long long)q->dropped);
	mutex_unlock(&q->lock);
}

static u32 dump_attach(const struct ioas_attach *attach, const struct ioasid_dump *d)
{
	struct ioas_route *route;
	u32 numbers = 0;

	list_for_each_entry(route, &attach->routes, link)
		numbers++;
	d->print(d, "    attach");
	dump_string(d, "device", d->device_name(attach->dev));
	d->print(d, " cookie=0x%llx numbers=%u\n", (unsigned long long)attach->dev->cookie,
		 numbers);
	return 1;
}

/* Return: objects printed. */
static u32 dump_ioas(const struct ioas *ioas, const struct ioasid_dump *d)
{
	static const char *const snoops[] = { "auto", "enforce", "allow" };
	struct ioasid_domain *domain;
	struct ioas_attach *attach;
	u32 n = 1, iommus = 0;

	list_for_each_entry(domain, &ioas->domains, link)
		iommus++;
	d->print(d, "  ioas id=%u", ioas->handle.val);
	dump_string(d, "kind", ioas_word_kind(ioas->kind->kind));
	dump_number(d, "parent", ioas->parent ? ioas->parent->handle.val : IOASID_INVALID);
	d->print(d, " children=%u maps=%llu bytes=%llu snoop=%s addr_bits=%u default_routes=%u",
		 ioas->nr_children,
		 (unsigned long long)(ioas->maps ? READ_ONCE(ioas->maps->nr) : 0),
		 (unsigned long long)(ioas->maps ? READ_ONCE(ioas->maps->bytes) : 0),
		 snoops[ioas->snoop], ioas->addr_bits, ioas->default_routes);
	d->print(d, " iommus=%u", iommus);
	if (ioas->kind->user_table && ioas->table.format)
		d->print(d, " table=0x%llx", (unsigned long long)ioas->table.address);
	d->print(d, "\n");
	list_for_each_entry(attach, &ioas->attaches, ioas_link)
		n += dump_attach(attach, d);
	return n;
}

/* Return: false: all are printed. */
static bool dump_spaces(struct ioasid_ctx *ctx, const struct ioasid_dump *d, u32 *id)
{
	struct ioas *ioas;
	u32 n = 0;

	for (; *id <= ctx->ioas.last && (ioas = idtree_next(&ctx->ioas, id)) != NULL; (*id)++) {
		if (n >= STEP_OBJECTS)
			return true;
		n += dump_ioas(ioas, d);
	}
	return false;
}

static u32 count_waiting(struct ioasid_device *dev)
{
	u32 waiting;

	mutex_lock(&dev->ctx->faultq.lock);
	waiting = dev->nr_fault_groups;
	mutex_unlock(&dev->ctx->faultq.lock);
	return waiting;
}

/* Numbers it has let go of, and may still send. */
static u32 count_pending(struct ioasid_device *dev)
{
	const struct ioas_route *route;
	u32 n = 0;

	mutex_lock(&dev->fn->lock);
	list_for_each_entry(route, &dev->fn->stuck, link) {
		if (route->dev == dev)
			n += is_number(route->local) + is_number(route->global);
	}
	mutex_unlock(&dev->fn->lock);
	return n;
}

static void dump_default(const struct ioasid_device *dev, const struct ioasid_dump *d)
{
	const struct ioasid_group *g = dev->group;
	ppasid_t wire = ioasid_device_rid_pasid(dev);

	dump_number(d, "default", device_default(dev));
	dump_number(d, "below",
		    g->programmed && g->depth > 1 ? g->stack[0]->handle.val : IOASID_INVALID);
	dump_number(d, "default_pasid", wire.val);
}

static const char *portal_word(const struct ioasid_device *dev)
{
	static const char *const words[] = {
		[IOASID_PORTAL_NONE] = "-",
		[IOASID_PORTAL_CLOSED] = "closed",
		[IOASID_PORTAL_OPEN] = "open",
		[IOASID_PORTAL_CLOSED_LOCAL] = "closed-local",
	};

	return words[portal_state(dev)];
}

static void dump_bound(struct ioasid_device *dev, const struct ioasid_dump *d)
{
	bool global = device_is_global(dev);

	d->print(d, "  device");
	dump_string(d, "name", d->device_name(dev));
	d->print(d, " cookie=0x%llx class=%u", (unsigned long long)dev->cookie, dev->dev_class);
	dump_function_name(d, "function", dev->fn, dev);
	d->print(d, " slice=%u", device_is_slice(dev));
	dump_number(d, "group", dev->group->number);
	d->print(d, " mode=%s", mode_word(device_mode(dev)));
	dump_number(d, "global_min", global ? device_global_min(dev) : IOASID_INVALID);
	d->print(d, " portal=%s", portal_word(dev));
	dump_default(dev, d);
	d->print(d, " pasid_routes=%u numbers_pending=%u faults_waiting=%u fenced=%u",
		 dev->nr_routes, count_pending(dev), count_waiting(dev), READ_ONCE(dev->fenced));
	print_refusal(d, dev);
	d->print(d, "\n");
}

/* Return: false: no number at or after *@from is left. */
static bool dump_routes(struct ioasid_device *dev, const struct ioasid_dump *d, u32 *from)
{
	struct ioas_route *route;
	u32 i = 0;

	for (; (route = route_next(dev, from)); ++*from) {
		if (i++ == STEP_OBJECTS)
			return true;
		d->print(d, "    route vpasid=%u", route->vpasid.val);
		dump_number(d, "ppasid", route->local.val);
		d->print(d, " ioas=%u", route->attach->ioas->handle.val);
		dump_number(d, "global", route->global.val);
		d->print(d, " cpu=%u\n", route_in_cpu_table(route));
	}
	return false;
}

/* One device and the first of its routes, or more of them. Return: false: no device is left. */
static bool dump_device(struct ioasid_ctx *ctx, const struct ioasid_dump *d,
			struct ioasid_dump_cursor *at)
{
	struct ioasid_device *dev;
	u32 i = 0;

	list_for_each_entry(dev, &ctx->devices, ctx_link) {
		if (i++ < at->index)
			continue;
		if (!at->sub) {
			dump_bound(dev, d);
			at->sub = 1; /* no route has number 0 */
		}
		if (!dump_routes(dev, d, &at->sub)) {
			at->index++;
			at->sub = 0;
		}
		return true;
	}
	return false;
}

enum { DUMP_HEADER, DUMP_SPACES, DUMP_DEVICES };

bool ioasid_dump_context(struct ioasid_ctx *ctx, const struct ioasid_dump *d,
			 struct ioasid_dump_cursor *at)
{
	bool more = true;

	down_read(&ctx->lock);
	switch (at->phase) {
	case DUMP_HEADER:
		dump_header(ctx, d);
		at->phase = DUMP_SPACES;
		break;
	case DUMP_SPACES:
		if (!dump_spaces(ctx, d, &at->index)) {
			at->phase = DUMP_DEVICES;
			at->index = 0;
		}
		break;
	default:
		more = dump_device(ctx, d, at);
		break;
	}
	up_read(&ctx->lock);
	return more;
}

/* ---- the machine's devices -------------------------------------------------------------------- */

static const char *iommu_cap_word(unsigned int bit)
{
	static const char *const caps[] = { "nesting", "snoop", "shared" };

	return bit < ARRAY_SIZE(caps) ? caps[bit] : "unknown";
}

/* machine->lock is held, so whoever has it bound keeps it. */
static void dump_registered(const struct ioasid_device *dev, const struct ioasid_dump *d)
{
	const struct ioasid_iommu *iommu = dev->iommu;

	d->print(d, "device");
	dump_string(d, "name", d->device_name(dev));
	d->print(d, " class=%u", dev->dev_class);
	dump_string(d, "class_name", ioas_word_class(dev->dev_class));
	dump_function_name(d, "function", dev->fn, dev);
	d->print(d, " slice=%u", device_is_slice(dev));
	dump_number(d, "group", dev->group->number);
	d->print(d, " group_members=%u pasid_bits=%u", dev->group->nr_members, dev->pasid_bits);
	print_bits(d, "can", dev->caps, ioas_word_dev_cap);
	dump_string(d, "iommu", d->iommu_name(dev));
	d->print(d, " iommu_pasid_bits=%u", iommu->pasid_bits);
	print_bits(d, "iommu_can", iommu->caps, iommu_cap_word);
	d->print(d, " format=%u page_sizes=0x%llx last=0x%llx fenced=%u", iommu->format,
		 (unsigned long long)iommu->page_sizes, (unsigned long long)iommu->last,
		 READ_ONCE(dev->fenced));
	if (dev->ctx) {
		d->print(d, " context=%llu", (unsigned long long)dev->ctx->config.id);
		print_who(d, dev->ctx);
	} else {
		d->print(d, " context=-");
	}
	print_refusal(d, dev);
	d->print(d, "\n");
}

bool ioasid_dump_devices(struct ioasid_machine *machine, const struct ioasid_dump *d,
			 struct ioasid_dump_cursor *at)
{
	struct ioasid_device *dev;
	u32 i = 0, first = at->index;
	bool more = false;

	mutex_lock(&machine->lock);
	list_for_each_entry(dev, &machine->devices, link) {
		if (i++ < first)
			continue;
		if (at->index - first == STEP_OBJECTS) {
			more = true;
			break;
		}
		dump_registered(dev, d);
		at->index++;
	}
	mutex_unlock(&machine->lock);
	return more;
}
