// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: letting commands finish before their handle goes. */
#include <errno.h>

#include "lib/lib.h"

int lib_gate_init(struct lib_gate *gate)
{
	int rc;

	gate->state = 0;
	rc = -pthread_mutex_init(&gate->lock, NULL);
	if (rc)
		return rc;
	rc = -pthread_cond_init(&gate->empty, NULL);
	if (rc)
		pthread_mutex_destroy(&gate->lock);
	return rc;
}

void lib_gate_destroy(struct lib_gate *gate)
{
	pthread_cond_destroy(&gate->empty);
	pthread_mutex_destroy(&gate->lock);
}

int lib_gate_enter(struct lib_gate *gate)
{
	unsigned int old = __atomic_load_n(&gate->state, __ATOMIC_RELAXED);

	do {
		if (old & LIB_GATE_CLOSED)
			return -ENODEV;
	} while (!__atomic_compare_exchange_n(&gate->state, &old, old + 1, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	return 0;
}

/* Once closed, the count goes down under the lock: whoever sees it at zero frees the gate. */
static void gate_exit_closed(struct lib_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	if (__atomic_sub_fetch(&gate->state, 1, __ATOMIC_ACQ_REL) == LIB_GATE_CLOSED)
		pthread_cond_signal(&gate->empty);
	pthread_mutex_unlock(&gate->lock);
}

void lib_gate_exit(struct lib_gate *gate)
{
	unsigned int old = __atomic_load_n(&gate->state, __ATOMIC_RELAXED);

	do {
		if (old & LIB_GATE_CLOSED) {
			gate_exit_closed(gate);
			return;
		}
	} while (!__atomic_compare_exchange_n(&gate->state, &old, old - 1, true, __ATOMIC_RELEASE,
					      __ATOMIC_RELAXED));
}

void lib_gate_close(struct lib_gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	__atomic_or_fetch(&gate->state, LIB_GATE_CLOSED, __ATOMIC_ACQ_REL);
	while (__atomic_load_n(&gate->state, __ATOMIC_ACQUIRE) != LIB_GATE_CLOSED)
		pthread_cond_wait(&gate->empty, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
}
