// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include "bench/measure.h"

#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "bench/row.h"

#define PIECES	   32
#define MT_WINDOWS 32

volatile uint64_t bench_sink;

double best_of(uint64_t (*work)(void *arg), void *arg, uint64_t n)
{
	double t, best = 0;
	int i;

	for (i = 0; i < PIECES; i++) {
		t = now_ns();
		bench_sink = work(arg);
		t = now_ns() - t;
		if (!i || t < best)
			best = t;
	}
	return best / (double)n;
}

struct mt {
	pthread_barrier_t *start;
	void (*work)(unsigned int index);
	unsigned int index;
	double start_ns[MT_WINDOWS];
	double end_ns[MT_WINDOWS];
};

static void *mt_thread(void *arg)
{
	struct mt *mt = arg;
	cpu_set_t cpu;
	int i;

	/* Woken together, two threads like to be put on one processor. */
	CPU_ZERO(&cpu);
	CPU_SET(mt->index % (unsigned int)sysconf(_SC_NPROCESSORS_ONLN), &cpu);
	pthread_setaffinity_np(pthread_self(), sizeof(cpu), &cpu);
	for (i = 0; i < MT_WINDOWS; i++) {
		pthread_barrier_wait(mt->start);
		mt->start_ns[i] = now_ns();
		mt->work(mt->index);
		mt->end_ns[i] = now_ns();
	}
	return NULL;
}

double mt_rate(void (*work)(unsigned int index), unsigned int n)
{
	static struct mt mt[2];
	double first, last, best = 0;
	pthread_barrier_t start;
	pthread_t thread[2];
	unsigned int i, w;

	pthread_barrier_init(&start, NULL, n);
	for (i = 0; i < n; i++) {
		mt[i] = (struct mt){ .start = &start, .work = work, .index = i };
		pthread_create(&thread[i], NULL, mt_thread, &mt[i]);
	}
	for (i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
	for (w = 0; w < MT_WINDOWS; w++) {
		first = mt[0].start_ns[w];
		last = mt[0].end_ns[w];
		if (n == 2 && mt[1].start_ns[w] < first)
			first = mt[1].start_ns[w];
		if (n == 2 && mt[1].end_ns[w] > last)
			last = mt[1].end_ns[w];
		if (n / (last - first) > best)
			best = n / (last - first);
	}
	pthread_barrier_destroy(&start);
	return best;
}

#define ALU_STEPS (1U << 20)

static void work_alu(unsigned int index)
{
	uint64_t x = index + 1;
	unsigned int i;

	for (i = 0; i < ALU_STEPS; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		__asm__ volatile("" : "+r"(x));
	}
	bench_sink = x;
}

double mt_alu(void)
{
	double one = mt_rate(work_alu, 1), two = mt_rate(work_alu, 2);

	return two / one;
}
