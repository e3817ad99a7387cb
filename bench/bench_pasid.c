// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What the allocator of numbers costs, beside a Judy array and liburcu's lock-free hash table that do
 * the same job in the same round.
 *
 *	bench_pasid [-r ROUNDS] [-o FILE.json] [NAME-PREFIX...]
 *
 * The same job, as fair to the others as it can be: Judy keeps the numbers in a Judy1, which finds the
 * lowest free one, and number -> record in a JudyL; nobody may look while it changes. The hash table
 * is sized beforehand, has its node in the record and is looked up inside RCU; it cannot search for a
 * free number, so it is told which one to take. Records come from malloc(). Neither knows sets,
 * quotas, limits, references or states, and neither takes a lock.
 *
 * Linked with the static library, since number spaces are not part of the API. Rows, rounds and
 * samples as in bench_core.
 */
#include <Judy.h>
#include <getopt.h>
#include <malloc.h>
#include <unistd.h>
#include <urcu/urcu-memb.h>
#include <urcu/rculfhash.h>

#include "core/pasid_alloc.h"

#include "bench/measure.h"
#include "bench/row.h"

#define FULL   ((1U << PASID_BITS) - 1) /* numbers there are */
#define PIECE  (1U << 14)
#define PIECES (1U << (PASID_BITS - 14))
#define FILLS  2 /* passes of what takes and gives numbers */
#define LOOKS  4 /* of what looks them up */

/* 1 to FULL, in turn and in an order nobody can predict. */
static u32 in_turn[FULL], at_random[FULL];

static void numbers_setup(void)
{
	u32 i, j, t;

	for (i = 0; i < FULL; i++)
		in_turn[i] = at_random[i] = i + 1;
	for (i = FULL - 1; i; i--) {
		j = (u32)(rng() % (i + 1));
		t = at_random[i];
		at_random[i] = at_random[j];
		at_random[j] = t;
	}
}

static void must_be(bool good, const char *what)
{
	if (likely(good))
		return;
	fprintf(stderr, "bench_pasid: %s went wrong\n", what);
	exit(1);
}

/**
 * struct job - something that is done to all numbers
 * @begin, @end: before and after a pass, not measured; may be NULL
 * @piece: do it to @n numbers
 */
struct job {
	void (*begin)(void);
	uint64_t (*piece)(const u32 *number, u32 n);
	void (*end)(void);
};

/*
 * Time per number over whole passes, in which each piece counts as in its best pass. A pass goes
 * through everything, so that no cache holds what the same piece left there the last time.
 */
static double passes(const struct job *job, const u32 *number, u32 n_passes)
{
	double best[PIECES], t, sum = 0;
	u32 pass, i, n;

	for (pass = 0; pass < n_passes; pass++) {
		if (job->begin)
			job->begin();
		for (i = 0; i < PIECES; i++) {
			n = min(PIECE, FULL - i * PIECE);
			t = now_ns();
			bench_sink = job->piece(&number[i * PIECE], n);
			t = now_ns() - t;
			if (!pass || t < best[i])
				best[i] = t;
		}
		if (job->end)
			job->end();
	}
	for (i = 0; i < PIECES; i++)
		sum += best[i];
	return sum / FULL;
}

/* ---- numbers alone ---------------------------------------------------------------------------- */

/* @space, @judy1: what is worked on; @full_space, @full_judy1: made once, always full. */
static struct pasid_space space, full_space;
static Pvoid_t judy1, full_judy1;

static void space_begin(void)
{
	pasid_space_init(&space, PASID_BITS);
}

static uint64_t space_fill(const u32 *number, u32 n)
{
	u64 sum = 0;
	s64 got;
	u32 i;

	for (i = 0; i < n; i++) {
		got = pasid_space_lowest_free(&space, 1, FULL);
		must_be(got == number[i] && !pasid_space_take(&space, (u32)got, NULL), "a fill");
		sum += (u64)got;
	}
	return sum;
}

static uint64_t space_churn(const u32 *number, u32 n)
{
	u64 sum = 0;
	s64 got;
	u32 i;

	for (i = 0; i < n; i++) {
		pasid_space_release(&full_space, number[i]);
		got = pasid_space_lowest_free(&full_space, 1, FULL);
		must_be(!pasid_space_take(&full_space, (u32)got, NULL), "churn");
		sum += (u64)got;
	}
	return sum;
}

static void space_end(void)
{
	pasid_space_destroy(&space);
}

static Word_t judy1_lowest(Pvoid_t judy)
{
	Word_t got = 1;

	must_be(Judy1FirstEmpty(judy, &got, NULL) == 1, "Judy1FirstEmpty");
	return got;
}

static uint64_t judy1_fill(const u32 *number, u32 n)
{
	Word_t got, sum = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		got = judy1_lowest(judy1);
		must_be(got == number[i] && Judy1Set(&judy1, got, NULL) == 1, "Judy's fill");
		sum += got;
	}
	return sum;
}

static uint64_t judy1_churn(const u32 *number, u32 n)
{
	Word_t got, sum = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		Judy1Unset(&full_judy1, number[i], NULL);
		got = judy1_lowest(full_judy1);
		Judy1Set(&full_judy1, got, NULL);
		sum += got;
	}
	return sum;
}

static void judy1_end(void)
{
	Judy1FreeArray(&judy1, NULL);
}

static double run_alloc_seq(double *baseline)
{
	static const struct job ours = { space_begin, space_fill, space_end };
	static const struct job judy = { NULL, judy1_fill, judy1_end };

	baseline[0] = passes(&judy, in_turn, FILLS);
	return passes(&ours, in_turn, FILLS);
}

static void space_full(void)
{
	if (full_space.used)
		return;
	space_begin();
	space_fill(in_turn, FULL);
	full_space = space;
	judy1_fill(in_turn, FULL);
	full_judy1 = judy1;
	judy1 = NULL;
}

static double run_churn_full(double *baseline)
{
	static const struct job ours = { NULL, space_churn, NULL };
	static const struct job judy = { NULL, judy1_churn, NULL };

	space_full();
	baseline[0] = passes(&judy, at_random, FILLS);
	return passes(&ours, at_random, FILLS);
}

static double run_space_bytes(double *baseline)
{
	space_full();
	baseline[0] = (double)Judy1MemUsed(full_judy1) / 1024;
	return (double)pasid_space_bytes(&full_space) / 1024;
}

/* ---- number -> record -------------------------------------------------------------------------- */

/* What is behind a number: the same in all three. */
static void *behind(u32 number)
{
	return (void *)((uintptr_t)number << 4);
}

struct ours {
	struct pasid_host host;
	struct ioasid_set *set;
};

static const struct pasid_host_ops no_ops;

static void no_release(void *priv)
{
}

static void ours_make(struct ours *o, const struct pasid_host_ops *ops)
{
	pasid_host_init(&o->host, ops, no_release);
	o->set = pasid_set_alloc(&o->host, NULL, 0, IOASID_SET_TYPE_NULL);
	must(IS_ERR(o->set) ? PTR_ERR(o->set) : 0);
}

static void ours_take(struct ours *o, u32 number)
{
	const struct ioasid_request req = { .min = 1, .max = FULL, .priv = behind(number) };
	u32 id;

	must_be(!pasid_alloc(o->set, &req, NULL, &id) && id == number, "an allocation");
}

static void ours_drop(struct ours *o)
{
	pasid_free_all(o->set);
	must(pasid_set_free(o->set));
	pasid_host_destroy(&o->host);
}

struct judy_rec {
	u32 number;
	u32 refs;
	void *priv;
};

struct judy {
	Pvoid_t numbers;
	Pvoid_t recs;
};

static void judy_take(struct judy *j, u32 number)
{
	struct judy_rec *rec = malloc(sizeof(*rec));
	Word_t got = judy1_lowest(j->numbers);

	must_be(rec && got == number, "Judy's allocation");
	Judy1Set(&j->numbers, got, NULL);
	*rec = (struct judy_rec){ .number = number, .refs = 1, .priv = behind(number) };
	*(PPvoid_t)JudyLIns(&j->recs, got, NULL) = rec;
}

static inline void *judy_find(const struct judy *j, u32 number)
{
	PPvoid_t slot = (PPvoid_t)JudyLGet(j->recs, number, NULL);

	return slot ? ((struct judy_rec *)*slot)->priv : NULL;
}

static void judy_drop(struct judy *j)
{
	PPvoid_t slot;
	u32 n;

	for (n = 1; n <= FULL; n++) {
		slot = (PPvoid_t)JudyLGet(j->recs, n, NULL);
		if (slot)
			free(*slot);
	}
	JudyLFreeArray(&j->recs, NULL);
	Judy1FreeArray(&j->numbers, NULL);
}

struct lf_rec {
	struct cds_lfht_node node;
	struct lf_rec *next; /* of those to be freed */
	u32 number;
	u32 refs;
	void *priv;
};

static unsigned long lf_hash(u32 number)
{
	return number * 0x9e3779b97f4a7c15UL >> 32;
}

static int lf_match(struct cds_lfht_node *node, const void *key)
{
	return caa_container_of(node, struct lf_rec, node)->number == *(const u32 *)key;
}

static struct cds_lfht *lf_make(void)
{
	struct cds_lfht *ht = cds_lfht_new_flavor(1UL << PASID_BITS, 1UL << PASID_BITS,
						  1UL << PASID_BITS, 0, &urcu_memb_flavor, NULL);

	must_be(ht, "making a hash table");
	return ht;
}

static void lf_take(struct cds_lfht *ht, u32 number)
{
	struct lf_rec *rec = malloc(sizeof(*rec));

	must_be(rec, "malloc");
	*rec = (struct lf_rec){ .number = number, .refs = 1, .priv = behind(number) };
	os_rcu_enter();
	cds_lfht_add_unique(ht, lf_hash(number), lf_match, &number, &rec->node);
	os_rcu_exit();
}

static inline void *lf_find(struct cds_lfht *ht, u32 number)
{
	struct cds_lfht_iter iter;
	struct cds_lfht_node *node;
	void *priv = NULL;

	os_rcu_enter();
	cds_lfht_lookup(ht, lf_hash(number), lf_match, &number, &iter);
	node = cds_lfht_iter_get_node(&iter);
	if (node)
		priv = caa_container_of(node, struct lf_rec, node)->priv;
	os_rcu_exit();
	return priv;
}

static void lf_drop(struct cds_lfht *ht)
{
	struct lf_rec *rec, *gone = NULL;
	struct cds_lfht_iter iter;

	os_rcu_enter();
	cds_lfht_for_each_entry(ht, &iter, rec, node) {
		cds_lfht_del(ht, &rec->node);
		rec->next = gone;
		gone = rec;
	}
	os_rcu_exit();
	while ((rec = gone)) {
		gone = rec->next;
		free(rec);
	}
	must(cds_lfht_destroy(ht, NULL));
}

/* ---- filling ------------------------------------------------------------------------------------- */

static struct ours new_ours;
static struct judy new_judy;
static struct cds_lfht *new_lf;

static void new_ours_begin(void)
{
	ours_make(&new_ours, &no_ops);
}

static uint64_t new_ours_fill(const u32 *number, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		ours_take(&new_ours, number[i]);
	return n;
}

static void new_ours_end(void)
{
	ours_drop(&new_ours);
}

static uint64_t new_judy_fill(const u32 *number, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		judy_take(&new_judy, number[i]);
	return n;
}

static void new_judy_end(void)
{
	judy_drop(&new_judy);
}

static void new_lf_begin(void)
{
	new_lf = lf_make();
}

static uint64_t new_lf_fill(const u32 *number, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		lf_take(new_lf, number[i]);
	return n;
}

static void new_lf_end(void)
{
	lf_drop(new_lf);
}

static double run_alloc_record(double *baseline)
{
	static const struct job ours = { new_ours_begin, new_ours_fill, new_ours_end };
	static const struct job judy = { NULL, new_judy_fill, new_judy_end };
	static const struct job lf = { new_lf_begin, new_lf_fill, new_lf_end };

	baseline[0] = passes(&judy, in_turn, FILLS);
	baseline[1] = passes(&lf, in_turn, FILLS);
	return passes(&ours, in_turn, FILLS);
}

/* ---- full ---------------------------------------------------------------------------------------- */

static struct ours ours;
static struct judy judy;
static struct cds_lfht *lf;
static double ours_mib, judy_mib, lf_mib;

/* Memory this process has of the system, when what is free was given back. */
static double resident_mib(void)
{
	unsigned long total, pages = 0;
	FILE *f;

	malloc_trim(0);
	f = fopen("/proc/self/statm", "r");
	must_be(f && fscanf(f, "%lu %lu", &total, &pages) == 2, "/proc/self/statm");
	fclose(f);
	return (double)pages * PAGE_SIZE / (1 << 20);
}

/* Private numbers: each other than the number, so that both sides of a lookup are far apart. */
#define SPID_OF(number) ((number) ^ 0x5a5a5U)

static void name_all(void)
{
	u32 n;

	for (n = 1; n <= FULL; n++)
		must(pasid_attach_spid(&ours.host, n, SPID_OF(n)));
}

static bool full_made;

/* What rows look things up in. Made by the first row that needs it, and kept. */
static void full_setup(void)
{
	double before;
	u32 n;

	if (full_made)
		return;
	full_made = true;
	before = resident_mib();
	ours_make(&ours, &no_ops);
	for (n = 1; n <= FULL; n++)
		ours_take(&ours, n);
	ours_mib = resident_mib() - before;
	before = resident_mib();
	for (n = 1; n <= FULL; n++)
		judy_take(&judy, n);
	judy_mib = resident_mib() - before;
	before = resident_mib();
	lf = lf_make();
	for (n = 1; n <= FULL; n++)
		lf_take(lf, n);
	lf_mib = resident_mib() - before;
	/* Last to be made, so that they are not counted as records. */
	name_all();
}

static void full_drop(void)
{
	if (!full_made)
		return;
	ours_drop(&ours);
	judy_drop(&judy);
	lf_drop(lf);
}

static double run_full_mib(double *baseline)
{
	full_setup();
	baseline[0] = judy_mib;
	baseline[1] = lf_mib;
	return ours_mib;
}

static uint64_t ours_churn(const u32 *number, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		pasid_free(&ours.host, ours.set, number[i]);
		ours_take(&ours, number[i]);
	}
	return n;
}

static double churn_growth;

static double run_churn_record(double *baseline)
{
	static const struct job job = { NULL, ours_churn, NULL };
	double before, t;

	full_setup();
	before = resident_mib();
	t = passes(&job, at_random, FILLS);
	churn_growth = resident_mib() - before;
	name_all();
	return t;
}

static double run_churn_growth(double *baseline)
{
	if (!full_made)
		run_churn_record(NULL);
	return churn_growth;
}

/* ---- looking up ------------------------------------------------------------------------------------ */

#define HOT_LOOPS  50000
#define HOT_NUMBER 4242

static uint64_t hot_ours(void *number)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < HOT_LOOPS; i++)
		sum += (uintptr_t)pasid_find(&ours.host, ours.set, *(volatile u32 *)number, NULL);
	return sum;
}

static uint64_t hot_judy(void *number)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < HOT_LOOPS; i++)
		sum += (uintptr_t)judy_find(&judy, *(volatile u32 *)number);
	return sum;
}

static uint64_t hot_lf(void *number)
{
	u64 sum = 0;
	int i;

	for (i = 0; i < HOT_LOOPS; i++)
		sum += (uintptr_t)lf_find(lf, *(volatile u32 *)number);
	return sum;
}

static double run_find_hot(double *baseline)
{
	u32 number = HOT_NUMBER;

	full_setup();
	baseline[0] = best_of(hot_judy, &number, HOT_LOOPS);
	baseline[1] = best_of(hot_lf, &number, HOT_LOOPS);
	return best_of(hot_ours, &number, HOT_LOOPS);
}

static uint64_t find_ours(const u32 *number, u32 n)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += (uintptr_t)pasid_find(&ours.host, ours.set, number[i], NULL);
	return sum;
}

static uint64_t find_judy(const u32 *number, u32 n)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += (uintptr_t)judy_find(&judy, number[i]);
	return sum;
}

static uint64_t find_lf(const u32 *number, u32 n)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += (uintptr_t)lf_find(lf, number[i]);
	return sum;
}

static const struct job find_job = { NULL, find_ours, NULL };

/* What is measured must find what is there. */
static void check_found(void)
{
	u32 i, n;

	for (i = 0; i < FULL; i++) {
		n = at_random[i];
		must_be(pasid_find(&ours.host, ours.set, n, NULL) == behind(n) &&
				judy_find(&judy, n) == behind(n) && lf_find(lf, n) == behind(n) &&
				pasid_find_by_spid(ours.set, SPID_OF(n)) == n,
			"a lookup");
	}
}

static double run_find_random(double *baseline)
{
	static const struct job in_judy = { NULL, find_judy, NULL };
	static const struct job in_lf = { NULL, find_lf, NULL };

	full_setup();
	check_found();
	baseline[0] = passes(&in_judy, at_random, LOOKS);
	baseline[1] = passes(&in_lf, at_random, LOOKS);
	return passes(&find_job, at_random, LOOKS);
}

static uint64_t find_spid(const u32 *number, u32 n)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < n; i++)
		sum += pasid_find_by_spid(ours.set, number[i]);
	return sum;
}

static double run_find_by_spid(double *baseline)
{
	static const struct job by_spid = { NULL, find_spid, NULL };

	full_setup();
	check_found();
	baseline[0] = passes(&find_job, at_random, LOOKS);
	return passes(&by_spid, at_random, LOOKS);
}

/* ---- two threads --------------------------------------------------------------------------------------- */

#define MT_PIECES 8

/*
 * Both threads look up the same numbers, few enough for the caches of a processor: what is measured is
 * that readers do not write to what they share, not how the processors share memory.
 */
static void work_find(unsigned int index)
{
	u32 i;

	for (i = 0; i < MT_PIECES; i++)
		bench_sink = find_ours(at_random, PIECE / 4);
}

static double run_find_mt2(double *baseline)
{
	double one, two;

	full_setup();
	one = mt_rate(work_find, 1);
	two = mt_rate(work_find, 2);
	baseline[0] = mt_alu();
	return two / one;
}

/* ---- sets, limits, handlers ------------------------------------------------------------------------------ */

#define LEVELS 3
#define OPS    4096

static struct ours small;
static struct limit_group *level[LEVELS];

static struct limit_group *callers_group(struct pasid_host *host)
{
	limit_group_get(level[LEVELS - 1]);
	return level[LEVELS - 1];
}

static const struct pasid_host_ops limit_ops = { .limit_get = callers_group };

static void small_setup(void)
{
	unsigned int i;

	ours_make(&small, &limit_ops);
	must(pasid_adjust_set(small.set, FULL / 2));
	for (i = 0; i < LEVELS; i++) {
		level[i] = limit_group_create(&small.host.limits, i ? level[i - 1] : NULL, i + 1,
					      "level", NULL);
		must(IS_ERR(level[i]) ? PTR_ERR(level[i]) : 0);
		if (i)
			must(limit_set_max(level[i], FULL));
	}
}

static void small_drop(void)
{
	unsigned int i;

	for (i = LEVELS; i-- > 0;)
		limit_group_put(level[i]);
	ours_drop(&small);
}

static uint64_t alloc_free(void *arg)
{
	u64 sum = 0;
	u32 i, id;

	for (i = 0; i < OPS; i++) {
		must(pasid_alloc(small.set, arg, NULL, &id));
		pasid_free(&small.host, small.set, id);
		sum += id;
	}
	return sum;
}

static double run_alloc_free(double *baseline)
{
	struct ioasid_request req = { .min = 1, .max = FULL };

	return best_of(alloc_free, &req, OPS);
}

static int handler(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct ioasid_nb_args *args = data;

	bench_sink = args->id;
	return 0;
}

/* Two events a turn. */
static uint64_t tell(void *id)
{
	u32 i;

	for (i = 0; i < OPS / 2; i++) {
		must(pasid_attach_spid(&small.host, *(u32 *)id, 7));
		pasid_detach_spid(&small.host, *(u32 *)id);
	}
	return i;
}

static double run_notify(double *baseline)
{
	const struct ioasid_request req = { .min = 1, .max = FULL };
	struct notifier_block nb[4];
	unsigned int i;
	double t;
	u32 id;

	must(pasid_alloc(small.set, &req, NULL, &id));
	baseline[0] = best_of(tell, &id, OPS);
	for (i = 0; i < 4; i++) {
		nb[i] = (struct notifier_block){ .notifier_call = handler, .priority = (int)i };
		must(pasid_register_notifier(&small.host, small.set, &nb[i]));
	}
	t = best_of(tell, &id, OPS);
	for (i = 0; i < 4; i++)
		pasid_unregister_notifier(&small.host, small.set, &nb[i]);
	pasid_free(&small.host, small.set, id);
	return t;
}

/* ---- the table ---------------------------------------------------------------------------------------------- */

static struct row rows[] = {
	{ "pasid.alloc_seq", "ns", "Judy1", run_alloc_seq },
	{ "pasid.churn_full", "ns", "Judy1", run_churn_full },
	{ "pasid.space_full", "KiB", "Judy1", run_space_bytes },
	{ "pasid.alloc_record", "ns", "Judy", run_alloc_record, "lfht" },
	{ "pasid.record_full", "MiB", "Judy", run_full_mib, "lfht" },
	{ "pasid.churn_record", "ns", NULL, run_churn_record },
	{ "pasid.churn_growth", "MiB", NULL, run_churn_growth },
	{ "pasid.find_hot", "ns", "Judy", run_find_hot, "lfht" },
	{ "pasid.find_random", "ns", "Judy", run_find_random, "lfht" },
	{ "pasid.find_by_spid", "ns", "pasid.find_random", run_find_by_spid },
	{ "pasid.find_mt2", "x", "ALU loop on two threads", run_find_mt2 },
	{ "set.alloc_free", "ns", NULL, run_alloc_free },
	{ "notify.4_handlers", "ns", "without handlers", run_notify },
};
#define NR_ROWS (sizeof(rows) / sizeof(rows[0]))

int main(int argc, char **argv)
{
	unsigned int rounds = ROUNDS_MIN;
	const char *path = NULL;
	int opt;

	while ((opt = getopt(argc, argv, "r:o:")) != -1) {
		if (opt == 'r')
			rounds = (unsigned int)atoi(optarg);
		else if (opt == 'o')
			path = optarg;
		else
			return 2;
	}
	if (!rounds || rounds > ROUNDS_MAX)
		return 2;
	numbers_setup();
	small_setup();
	rows_measure(rows, NR_ROWS, rounds, argv + optind);
	rows_report(rows, NR_ROWS, path);
	full_drop();
	small_drop();
	pasid_space_destroy(&full_space);
	Judy1FreeArray(&full_judy1, NULL);
	return 0;
}
