// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "histories.h"

#include "alloc_model.h"

#define CHOICES_MAX 64
#define OPS_MAX	    64
#define HEARD_MAX   64
#define SEEN_LG2    20
#define LINE	    160

/* struct heard - a handler's call, and what was done during it */
struct heard {
	u8 handler;
	u8 event;
	u8 id;
	u8 set;
	u32 spid;
	u64 found; /* digest of everything that can be seen */
	struct am_op op;
	s64 answer;
};

/* struct trace - the calls of one step */
struct trace {
	struct heard heard[HEARD_MAX];
	u32 n;
};

/*
 * struct run - everything; one history at a time
 * @choice, @width: of the branches on the way: which one, of how many; @n: known, @at: passed
 * @fresh: the branch where this history leaves the one before
 * @inside: operations inside handlers still allowed
 * @verbose: say everything; @failed: it differs; @dirty: and cannot even be taken down
 * @want, @got: calls the model predicts, and those that came
 * @ears: are the handlers' calls part of the history?
 * @live: A's set was not ended; @there: who is registered
 * @seen: states from which all was tried, with the steps that were left
 */
struct run {
	const struct histories_config *config;
	struct histories_count *count;
	struct am am;
	u8 choice[CHOICES_MAX], width[CHOICES_MAX];
	u32 n, at, fresh;
	u8 inside;
	bool verbose;
	bool failed;
	bool dirty;
	struct trace want, got;
	bool ears;
	struct pasid_host host;
	struct ioasid_set *set[AM_SETS];
	bool live;
	bool there[AM_HANDLERS];
	struct notifier_block nb[AM_HANDLERS];
	struct limit_group *group;
	u64 *seen;
};

/* Handlers are told of nothing but themselves. One history runs at a time. */
static struct run *current_run;

/* What stands behind a number. */
static u8 behind[AM_NUMBERS + 1];
static int process_a;

/* ---- for the reader -------------------------------------------------------------------------- */

static void op_name(char *to, struct am_op op)
{
	static const char *const plain[] = {
		[AM_NOTHING] = "nothing",
		[AM_SET_FREE] = "set_free(A)",
		[AM_SET_DESTROY] = "set_destroy(A)",
		[AM_SET_ALLOC] = "set_alloc(A)",
	};
	static const char *const holders[] = { "user", "device" };
	static const char *const handlers[] = { "global", "set", "process" };
	int set = 'A' + op.set;

	switch (op.kind) {
	case AM_ALLOC:
		snprintf(to, LINE, "alloc(%c)", set);
		return;
	case AM_FREE_ALL:
		snprintf(to, LINE, "free_all(%c)", set);
		return;
	case AM_FREE:
		snprintf(to, LINE, "free(%u)", op.id);
		return;
	case AM_DETACH:
		snprintf(to, LINE, "detach_spid(%u)", op.id);
		return;
	case AM_GET:
	case AM_PUT:
		snprintf(to, LINE, "%s(%u, %s)", op.kind == AM_GET ? "get" : "put", op.id,
			 holders[op.arg]);
		return;
	case AM_GET_SPID:
		snprintf(to, LINE, "find_by_spid(%c, %u, get)", set, op.arg);
		return;
	case AM_ATTACH:
		snprintf(to, LINE, "attach_spid(%u, %u)", op.id, op.arg);
		return;
	case AM_REGISTER:
	case AM_UNREGISTER:
		snprintf(to, LINE, "%s(%s)", op.kind == AM_REGISTER ? "register" : "unregister",
			 handlers[op.arg]);
		return;
	default:
		snprintf(to, LINE, "%s", plain[op.kind]);
	}
}

static void say_step(struct run *r, struct am_op op, s64 want, s64 got)
{
	char name[LINE], line[2 * LINE];

	op_name(name, op);
	snprintf(line, sizeof(line), "%s = %lld, expected %lld", name, (long long)got,
		 (long long)want);
	r->config->say(line);
}

static void say_heard(struct run *r, const char *who, const struct heard *h)
{
	static const char *const events[] = { "?", "ALLOC", "FREE", "BIND", "UNBIND" };
	static const char *const handlers[] = { "global", "set's", "process's" };
	char name[LINE], line[3 * LINE];

	op_name(name, h->op);
	snprintf(
		line, sizeof(line),
		"    %s: %s handler hears %s of %u (set %c, spid %d), sees %08x; meanwhile %s = %lld",
		who, handlers[h->handler], events[h->event], h->id, 'A' + h->set, (int)h->spid,
		(u32)(h->found ^ h->found >> 32), name, (long long)h->answer);
	r->config->say(line);
}

static void differ(struct run *r, const char *what)
{
	char line[LINE];

	if (r->failed)
		return;
	r->failed = true;
	snprintf(line, sizeof(line), "    ^ differs from the model: %s", what);
	if (r->verbose)
		r->config->say(line);
}

/* ---- what can be seen -------------------------------------------------------------------------- */

static u64 mix(u64 sum, u64 value)
{
	sum = (sum ^ value) * 0x9e3779b97f4a7c15ULL;
	return sum ^ (sum >> 29);
}

static u64 am_found(struct am *am)
{
	const struct am_number *n;
	u64 sum = 1;
	u32 i, set;

	for (i = 1; i <= am->numbers; i++) {
		n = &am->state.number[i];
		sum = mix(sum, n->used);
		if (!n->used)
			continue;
		sum = mix(sum, n->pending);
		sum = mix(sum, n->set);
		sum = mix(sum, n->spid);
		sum = mix(sum, n->holders[0]);
		sum = mix(sum, n->holders[1]);
		sum = mix(sum, !n->pending + n->holders[0] + n->holders[1]);
	}
	for (set = 0; set < AM_SETS; set++) {
		for (i = 0; i < AM_SPIDS; i++)
			sum = mix(sum, am->state.set[set].life == AM_ABSENT ?
					       AM_NONE :
					       am_find_spid(am, (u8)set, i));
	}
	return sum;
}

/* The same, and the rest of what the next operations depend on. */
static u64 am_state(struct am *am)
{
	const struct am_number *n;
	u64 sum = am_found(am);
	u32 i;

	for (i = 1; i <= am->numbers; i++) {
		n = &am->state.number[i];
		if (n->used)
			sum = mix(sum, n->unlisted | n->born << 1);
	}
	sum = mix(sum, am->state.set[0].life | am->state.set[0].hears << 2);
	for (i = 0; i < AM_HANDLERS; i++)
		sum = mix(sum, am->state.registered[i]);
	return sum;
}

/* A's set is there as long as it is not ended, or a number is. */
static bool a_is_there(struct run *r)
{
	struct ioasid_id_info info;
	u32 i;

	for (i = 1; !r->live && i <= r->am.numbers; i++) {
		if (!pasid_describe(&r->host, i, &info) && info.set == r->set[0])
			return true;
	}
	return r->live;
}

static void check_number(struct run *r, u32 id, const struct ioasid_id_info *info)
{
	bool held = info->holders[IOASID_HOLD_USER] || info->holders[IOASID_HOLD_DEVICE];
	bool b = info->set == r->set[1];

	if (info->state == IOASID_STATE_IDLE   ? held || info->refs != 1 :
	    info->state == IOASID_STATE_ACTIVE ? !held :
						 info->state != IOASID_STATE_FREE_PENDING)
		differ(r, "a state that does not fit the references");
	if (pasid_find(&r->host, NULL, id, NULL) != &behind[id] ||
	    pasid_find(&r->host, info->set, id, NULL) != &behind[id] ||
	    pasid_find_set(&r->host, id) != info->set)
		differ(r, "find");
	if (b && a_is_there(r) && pasid_find(&r->host, r->set[0], id, NULL) != ERR_PTR(-EACCES))
		differ(r, "find in another set");
	if (!b && pasid_find(&r->host, r->set[1], id, NULL) != ERR_PTR(-EACCES))
		differ(r, "find in another set");
}

static u64 real_found(struct run *r)
{
	struct ioasid_id_info info;
	u64 sum = 1;
	u32 i, set;
	int rc;

	for (i = 1; i <= r->am.numbers; i++) {
		rc = pasid_describe(&r->host, i, &info);
		sum = mix(sum, !rc);
		if (rc) {
			if (pasid_find(&r->host, NULL, i, NULL) != ERR_PTR(-ENOENT))
				differ(r, "find of a free number");
			continue;
		}
		check_number(r, i, &info);
		sum = mix(sum, info.state == IOASID_STATE_FREE_PENDING);
		sum = mix(sum, info.set == r->set[1]);
		sum = mix(sum, info.spid);
		sum = mix(sum, info.holders[IOASID_HOLD_USER]);
		sum = mix(sum, info.holders[IOASID_HOLD_DEVICE]);
		sum = mix(sum, info.refs);
	}
	for (set = 0; set < AM_SETS; set++) {
		bool there = set || a_is_there(r);

		for (i = 0; i < AM_SPIDS; i++)
			sum = mix(sum, there ? pasid_find_by_spid(r->set[set], i) : AM_NONE);
	}
	return sum;
}

/* ---- which operations there are ------------------------------------------------------------------- */

/* struct menu - operations that may come next */
struct menu {
	struct am_op op[OPS_MAX];
	u32 n;
};

static void offer(struct menu *menu, u8 kind, u8 set, u8 id, u8 arg)
{
	if (menu->n < OPS_MAX)
		menu->op[menu->n++] = (struct am_op){ kind, set, id, arg };
}

static void offer_number(struct menu *menu, const struct am_number *n, u8 id)
{
	u8 holder, spid, total = n->holders[0] + n->holders[1];

	if (!n->used)
		return;
	offer(menu, AM_FREE, n->set, id, 0);
	offer(menu, AM_DETACH, n->set, id, 0);
	for (holder = 0; holder < AM_HOLDERS; holder++) {
		if (total < 2)
			offer(menu, AM_GET, n->set, id, holder);
		offer(menu, AM_PUT, n->set, id, holder);
	}
	for (spid = 0; spid < AM_SPIDS; spid++)
		offer(menu, AM_ATTACH, n->set, id, spid);
}

static void offer_handlers(struct run *r, struct menu *menu)
{
	u8 i;

	for (i = 0; i < AM_HANDLERS; i++) {
		/* A set that is gone can neither be registered with nor left. */
		if (i == AM_SET && r->am.state.set[0].life == AM_ABSENT)
			continue;
		offer(menu, AM_REGISTER, 0, 0, i);
		if (r->am.state.registered[i])
			offer(menu, AM_UNREGISTER, 0, 0, i);
	}
}

static void offer_all(struct run *r, struct menu *menu)
{
	struct am *am = &r->am;
	bool a = am->state.set[0].life != AM_ABSENT, awake = !r->config->atomic || !am->telling;
	u32 id, by_spid;
	u8 i, set;

	menu->n = 0;
	for (i = 1; i <= am->numbers; i++)
		offer_number(menu, &am->state.number[i], i);
	for (set = a ? 0 : 1; set < AM_SETS; set++) {
		/* Whether free_all takes what comes meanwhile is left open. */
		if (awake && am->sweeping != set + 1)
			offer(menu, AM_ALLOC, set, 0, 0);
		offer(menu, AM_FREE_ALL, set, 0, 0);
		for (i = 0; i < AM_SPIDS; i++) {
			id = am_find_spid(am, set, i);
			by_spid = id == AM_NONE ? 0 : am->state.number[id].holders[0];
			if (by_spid < 2)
				offer(menu, AM_GET_SPID, set, 0, i);
		}
	}
	/* Who ended a set has no business with it any more. */
	if (awake && am->state.set[0].life == AM_LIVE) {
		offer(menu, AM_SET_FREE, 0, 0, 0);
		offer(menu, AM_SET_DESTROY, 0, 0, 0);
	}
	if (awake)
		offer(menu, AM_SET_ALLOC, 0, 0, 0);
	if (!r->config->atomic && !am->telling)
		offer_handlers(r, menu);
}

static u32 choose(struct run *r, u32 width)
{
	if (r->at == r->n) {
		if (r->n == CHOICES_MAX) {
			differ(r, "more branches than there is room for");
			return 0;
		}
		r->choice[r->n] = 0;
		r->width[r->n++] = (u8)width;
	}
	return r->choice[r->at++];
}

/* ---- the model's side -------------------------------------------------------------------------------- */

static void am_heard(struct am *am, enum am_handler handler, u32 event, u8 id, u32 spid)
{
	struct run *r = container_of(am, struct run, am);
	struct heard *h = &r->want.heard[r->want.n];
	struct menu menu;
	u32 i;

	if (r->want.n == HEARD_MAX) {
		differ(r, "more events than there is room for");
		return;
	}
	r->want.n++;
	*h = (struct heard){
		.handler = (u8)handler,
		.event = (u8)event,
		.id = id,
		.set = am->state.number[id].set,
		.spid = spid,
		.found = am_found(am),
	};
	if (!r->inside)
		return;
	offer_all(r, &menu);
	i = choose(r, menu.n + 1);
	if (!i)
		return;
	r->inside--;
	h->op = menu.op[i - 1];
	h->answer = am_do(am, h->op);
}

/* ---- the real side --------------------------------------------------------------------------------------- */

static s64 real_alloc(struct run *r, u8 set)
{
	u8 id;
	int rc = -ENOSPC;
	u32 got;

	/* Each number has its own pointer behind it, so it is asked for by name, the lowest first. */
	for (id = 1; id <= r->am.numbers && rc == -ENOSPC; id++) {
		struct ioasid_request req = { .min = id, .max = id, .priv = &behind[id] };

		rc = pasid_alloc(r->set[set], &req, set ? NULL : r->group, &got);
	}
	return rc ?: (s64)got;
}

static s64 real_set(struct run *r, enum am_op_kind kind)
{
	struct ioasid_set *set;
	int rc = 0;

	if (kind == AM_SET_ALLOC) {
		set = pasid_set_alloc(&r->host, &process_a, AM_QUOTA, IOASID_SET_TYPE_MM);
		if (IS_ERR(set))
			return PTR_ERR(set);
		r->set[0] = set;
		r->live = true;
		return 0;
	}
	if (kind == AM_SET_FREE)
		rc = pasid_set_free(r->set[0]);
	else
		pasid_set_destroy(r->set[0]);
	if (!rc)
		r->live = false;
	return rc;
}

static s64 real_register(struct run *r, u8 handler)
{
	struct notifier_block *nb = &r->nb[handler];

	if (handler == AM_MM)
		return pasid_register_notifier_mm(&r->host, &process_a, nb);
	return pasid_register_notifier(&r->host, handler == AM_SET ? r->set[0] : NULL, nb);
}

static s64 real_unregister(struct run *r, u8 handler)
{
	struct notifier_block *nb = &r->nb[handler];

	if (handler == AM_MM)
		pasid_unregister_notifier_mm(&r->host, &process_a, nb);
	else
		pasid_unregister_notifier(&r->host, handler == AM_SET ? r->set[0] : NULL, nb);
	return 0;
}

static enum ioasid_holder holder_of(u8 holder)
{
	return holder ? IOASID_HOLD_DEVICE : IOASID_HOLD_USER;
}

static s64 real_do(struct run *r, struct am_op op)
{
	struct pasid_host *host = &r->host;

	switch (op.kind) {
	case AM_ALLOC:
		return real_alloc(r, op.set);
	case AM_FREE:
		pasid_free(host, r->set[op.set], op.id);
		return 0;
	case AM_GET:
		return pasid_get(host, r->set[op.set], op.id, holder_of(op.arg));
	case AM_PUT:
		return pasid_put(host, r->set[op.set], op.id, holder_of(op.arg));
	case AM_GET_SPID:
		return pasid_get_by_spid(r->set[op.set], op.arg, IOASID_HOLD_USER);
	case AM_ATTACH:
		return pasid_attach_spid(host, op.id, op.arg);
	case AM_DETACH:
		pasid_detach_spid(host, op.id);
		return 0;
	case AM_FREE_ALL:
		pasid_free_all(r->set[op.set]);
		return 0;
	case AM_REGISTER:
		return real_register(r, op.arg);
	case AM_UNREGISTER:
		return real_unregister(r, op.arg);
	case AM_NOTHING:
		return 0;
	default:
		return real_set(r, (enum am_op_kind)op.kind);
	}
}

/* An operation of a task that runs no handler, made while one runs. */
static s64 real_do_elsewhere(struct run *r, struct am_op op)
{
	u32 frames = r->host.nr_frames;
	s64 answer;

	if (op.kind == AM_GET || op.kind == AM_PUT || op.kind == AM_GET_SPID)
		return real_do(r, op);
	r->host.nr_frames = 0;
	answer = real_do(r, op);
	r->host.nr_frames = frames;
	return answer;
}

/* What a handler may not do: it is refused and changes nothing. */
static void try_forbidden(struct run *r, const struct ioasid_nb_args *args)
{
	struct ioasid_request req = { .min = 1, .max = AM_NUMBERS };
	struct notifier_block nb = r->nb[AM_GLOBAL];
	u32 id;

	pasid_free(&r->host, args->set, args->id);
	pasid_detach_spid(&r->host, args->id);
	pasid_free_all(args->set);
	if (r->config->atomic)
		return;
	if (pasid_alloc(args->set, &req, NULL, &id) != -EDEADLK ||
	    pasid_attach_spid(&r->host, args->id, 1) != -EDEADLK ||
	    pasid_set_free(args->set) != -EDEADLK ||
	    pasid_register_notifier(&r->host, NULL, &nb) != -EDEADLK)
		differ(r, "not refused in a handler");
	pasid_set_destroy(args->set);
	pasid_unregister_notifier(&r->host, args->set, &r->nb[AM_SET]);
}

static int real_heard(struct notifier_block *nb, unsigned long event, void *data)
{
	struct run *r = current_run;
	const struct ioasid_nb_args *args = data;
	struct heard *h = &r->got.heard[r->got.n];
	u32 at = r->got.n;

	if (!r->ears)
		return 0;
	if (at == HEARD_MAX || at >= r->want.n) {
		differ(r, "an event that nobody expected");
		return 0;
	}
	r->got.n++;
	try_forbidden(r, args);
	*h = (struct heard){
		.handler = (u8)(nb - r->nb),
		.event = (u8)event,
		.id = (u8)args->id,
		.set = args->set == r->set[1],
		.spid = args->spid,
		.found = real_found(r),
		.op = r->want.heard[at].op,
	};
	if (args->pdata != &behind[h->id])
		differ(r, "the event's pointer");
	if (h->op.kind != AM_NOTHING)
		h->answer = real_do_elsewhere(r, h->op);
	return 0;
}

/* ---- one step ------------------------------------------------------------------------------------------------ */

static bool same_heard(const struct heard *a, const struct heard *b)
{
	return a->handler == b->handler && a->event == b->event && a->id == b->id &&
	       a->set == b->set && a->spid == b->spid && a->found == b->found &&
	       a->answer == b->answer;
}

static void compare_heard(struct run *r)
{
	u32 i;

	for (i = 0; i < r->want.n; i++) {
		if (r->verbose) {
			say_heard(r, "expected", &r->want.heard[i]);
			if (i < r->got.n)
				say_heard(r, "came    ", &r->got.heard[i]);
		}
		if (i >= r->got.n)
			differ(r, "an event did not come");
		else if (!same_heard(&r->want.heard[i], &r->got.heard[i]))
			differ(r, "an event, or what its handler saw or did");
	}
}

/* What the owner of the machine can count. */
static void compare_counts(struct run *r)
{
	const struct am_set *set = r->am.state.set;
	u32 a = set[0].nr, b = set[1].nr, i, pending = 0;

	for (i = 1; i <= r->am.numbers; i++)
		pending += r->am.state.number[i].pending;
	if (r->host.nr_live != a + b || r->set[1]->nr != b || (r->live && r->set[0]->nr != a))
		differ(r, "how many numbers are out");
	if (r->host.nr_pending != pending)
		differ(r, "how many numbers are pending");
	/* A has its promise as long as its set is there, whether it uses it or not. */
	if (r->host.avail != PASID_CAPACITY - b - (set[0].life != AM_ABSENT ? AM_QUOTA : 0))
		differ(r, "what is left of the capacity");
	if (r->group->current_charge != a)
		differ(r, "what A's group is charged");
	if (r->host.nr_sets != 1 + (set[0].life != AM_ABSENT))
		differ(r, "how many sets there are");
	if (r->host.space.used != a + b || r->host.space.quarantined)
		differ(r, "the number space");
}

/* Others' numbers and unknown ones: refused, in the order exists, pending, owner. */
static void try_foreign(struct run *r)
{
	struct ioasid_set *b = r->set[1];
	const struct am_number *n;
	u8 id;
	int want;

	for (id = 1; id <= r->am.numbers; id++) {
		n = &r->am.state.number[id];
		if (n->used && n->set == 1)
			continue;
		want = !n->used ? -EINVAL : n->pending ? -EBUSY : -EACCES;
		if (pasid_get(&r->host, b, id, IOASID_HOLD_USER) != want)
			differ(r, "get of a foreign number");
		pasid_free(&r->host, b, id);
		pasid_free(&r->host, NULL, id);
		if (pasid_put(&r->host, b, id, IOASID_HOLD_USER))
			differ(r, "put of a foreign number");
		if (!n->used && pasid_attach_spid(&r->host, id, 0) != -ENOENT)
			differ(r, "attach_spid of a free number");
	}
}

static void step(struct run *r, struct am_op op, bool check)
{
	s64 want, got;

	r->want.n = 0;
	r->got.n = 0;
	r->inside = min(r->inside, r->config->inside);
	want = am_do(&r->am, op);
	got = real_do(r, op);
	r->count->steps++;
	r->count->events += r->got.n;
	if (r->verbose)
		say_step(r, op, want, got);
	if (want != got)
		differ(r, "the answer");
	compare_heard(r);
	if (!check)
		return;
	try_foreign(r);
	if (am_found(&r->am) != real_found(r))
		differ(r, "a number's state, references or private number");
	compare_counts(r);
}

/* ---- one history ------------------------------------------------------------------------------------------------ */

static void be_there(struct run *r, u8 handler, bool there)
{
	struct am_op op = { .kind = there ? AM_REGISTER : AM_UNREGISTER, .arg = handler };

	if (r->there[handler] != there && real_do(r, op))
		differ(r, "registering before the history");
	r->there[handler] = there;
}

/* The first branch: which handlers there are to begin with. */
static void begin(struct run *r)
{
	u32 mask = choose(r, 1U << AM_HANDLERS);
	u8 i;

	am_init(&r->am, r->config->numbers);
	r->am.heard = am_heard;
	for (i = 0; i < AM_HANDLERS; i++) {
		be_there(r, i, mask >> i & 1);
		am_do(&r->am,
		      (struct am_op){ .kind = mask >> i & 1 ? AM_REGISTER : AM_NOTHING, .arg = i });
	}
	r->inside = r->config->inside;
	r->ears = true;
}

/* Everybody goes home: nothing may be left. */
static void end(struct run *r)
{
	struct ioasid_id_info info;
	u8 i, h;

	r->ears = false;
	for (i = 0; i < AM_HANDLERS; i++)
		r->there[i] = r->am.state.registered[i];
	for (i = 1; i <= r->am.numbers; i++) {
		if (pasid_describe(&r->host, i, &info))
			continue;
		pasid_free(&r->host, info.set, i);
		for (h = 0; h < IOASID_HOLDERS; h++) {
			while (info.holders[h]--)
				pasid_put(&r->host, NULL, i, (enum ioasid_holder)h);
		}
	}
	if (!r->live) {
		/* Its handler went with it. */
		r->there[AM_SET] = false;
		if (real_set(r, AM_SET_ALLOC))
			differ(r, "A's set after all were freed");
	}
	if (r->host.nr_live || r->host.nr_pending || r->group->current_charge ||
	    r->host.avail != PASID_CAPACITY - AM_QUOTA) {
		differ(r, "something is left at the end");
		r->dirty = true;
	}
}

/* True: from here everything was tried with as many steps left. */
static bool seen(struct run *r, u32 left)
{
	u64 state = am_state(&r->am) << 8, *place;
	u32 at = (u32)(mix(7, state) & (BIT(SEEN_LG2) - 1));

	if (!r->seen || r->verbose)
		return false;
	state = mix(state, r->inside) << 8;
	for (;; at = (at + 1) & (BIT(SEEN_LG2) - 1)) {
		place = &r->seen[at];
		if (!*place)
			break;
		if ((*place & ~0xffULL) == state) {
			if ((*place & 0xff) >= left)
				return true;
			*place = state | left;
			return false;
		}
	}
	if (r->count->states < BIT(SEEN_LG2) / 2) {
		*place = state | left;
		r->count->states++;
	}
	return false;
}

static void history(struct run *r)
{
	struct menu menu;
	u32 i, known;

	r->at = 0;
	begin(r);
	for (i = 0; i < r->config->steps && !r->failed; i++) {
		/* On the way that the last history went, too, nothing new is to be seen. */
		known = r->at;
		if (i && known > r->fresh && seen(r, r->config->steps - i))
			break;
		offer_all(r, &menu);
		known = choose(r, menu.n);
		step(r, menu.op[known], r->verbose || r->at > r->fresh);
	}
	end(r);
	r->count->histories++;
}

/* The next path, in order; false: that was the last. */
static bool advance(struct run *r)
{
	while (r->n && r->choice[r->n - 1] + 1 == r->width[r->n - 1])
		r->n--;
	if (!r->n)
		return false;
	r->choice[r->n - 1]++;
	r->fresh = r->n - 1;
	return true;
}

/* ---- all of them --------------------------------------------------------------------------------------------------- */

static void no_release(void *priv)
{
}

static const struct pasid_host_ops no_ops;

static int set_up(struct run *r)
{
	static const int priority[] = {
		[AM_GLOBAL] = IOASID_PRIO_DEVICE,
		[AM_SET] = IOASID_PRIO_IOMMU,
		[AM_MM] = IOASID_PRIO_DEVICE,
	};
	u32 i;

	pasid_host_init(&r->host, &no_ops, no_release);
	for (i = 0; i < AM_HANDLERS; i++)
		r->nb[i] = (struct notifier_block){ .notifier_call = real_heard,
						    .priority = priority[i] };
	r->group = limit_group_create(&r->host.limits, NULL, 1, "a", NULL);
	r->set[1] = pasid_set_alloc(&r->host, NULL, 0, IOASID_SET_TYPE_NULL);
	if (IS_ERR(r->group) || IS_ERR(r->set[1]) || real_set(r, AM_SET_ALLOC))
		return -ENOMEM;
	current_run = r;
	return 0;
}

static void tear_down(struct run *r)
{
	u8 i;

	for (i = 0; i < AM_HANDLERS; i++)
		be_there(r, i, false);
	pasid_set_free(r->set[0]);
	pasid_set_free(r->set[1]);
	limit_group_put(r->group);
	pasid_host_destroy(&r->host);
}

/* What cannot be taken down stays: the report matters more. */
static void run_free(struct run *r)
{
	if (!r->dirty)
		tear_down(r);
	os_rcu_barrier();
	kvfree(r->seen);
	kfree(r);
}

static struct run *run_new(const struct histories_config *config, struct histories_count *count)
{
	struct run *r = kzalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return NULL;
	r->config = config;
	r->count = count;
	if (config->merge)
		r->seen = kvcalloc(BIT(SEEN_LG2), sizeof(*r->seen), GFP_KERNEL);
	r->dirty = set_up(r);
	if (!r->dirty && (r->seen || !config->merge))
		return r;
	run_free(r);
	return NULL;
}

/* The history that failed in @old, once more and aloud, on a machine of its own. */
static void tell_failure(struct run *old)
{
	struct run *r = run_new(old->config, old->count);

	if (!r)
		return;
	memcpy(r->choice, old->choice, sizeof(r->choice));
	memcpy(r->width, old->width, sizeof(r->width));
	r->n = old->at;
	r->am.wrong = old->am.wrong;
	r->verbose = true;
	r->config->say("A history that differs from the model:");
	history(r);
	if (!r->failed)
		r->config->say("... but only after others.");
	run_free(r);
	current_run = old;
}

int histories_run(const struct histories_config *config, struct histories_count *count)
{
	struct run *r;
	int rc;

	memset(count, 0, sizeof(*count));
	r = run_new(config, count);
	if (!r)
		return -ENOMEM;
	r->am.wrong = config->wrong;
	do {
		history(r);
		/* Sets that ended go when readers have gone, and readers never stop here. */
		if (!(count->histories & 0xfff))
			os_rcu_barrier();
	} while (!r->failed && advance(r));
	rc = r->failed ? -EIO : 0;
	if (rc)
		tell_failure(r);
	run_free(r);
	return rc;
}
