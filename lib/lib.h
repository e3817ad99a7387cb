/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * libioasid, inside: one handle type over two homes.
 *
 * A public call enters the handle's gate, fills the command's structure and hands it to the home
 * the context was opened on. Nothing here decides what a command means; that is core/.
 */
#ifndef IOASID_LIB_H
#define IOASID_LIB_H

#include <pthread.h>

#include <ioasid/ioasid.h>

struct lib_home;

/**
 * struct lib_gate - who is inside a handle right now
 * @state: callers inside, plus LIB_GATE_CLOSED
 * @lock: orders the last caller's leave against the closer
 * @empty: signalled by the last caller that leaves a closed gate
 *
 * A close in one thread waits for the commands of the others instead of pulling the descriptor
 * away from under them: its number could name another file by the time they use it.
 */
struct lib_gate {
	unsigned int state;
	pthread_mutex_t lock;
	pthread_cond_t empty;
};
#define LIB_GATE_CLOSED 0x80000000U

int lib_gate_init(struct lib_gate *gate);
void lib_gate_destroy(struct lib_gate *gate);
/** lib_gate_enter() - Return: 0, or -ENODEV once the gate is closed. */
int lib_gate_enter(struct lib_gate *gate);
void lib_gate_exit(struct lib_gate *gate);
/** lib_gate_close() - let nobody in any more and wait until everybody has left. */
void lib_gate_close(struct lib_gate *gate);

/**
 * struct ioasid - an open context
 * @home: operations of the home it was opened on
 * @gate: callers inside
 * @fd: number BIND_IOASID_FD takes
 * @priv: the home's own
 * @fault_lock: protects @fault_fd and keeps reads of it apart from its close
 * @fault_fd: fault descriptor, -1: none
 * @devices: kernel home: folder of device nodes
 */
struct ioasid {
	const struct lib_home *home;
	struct lib_gate gate;
	int fd;
	void *priv;
	pthread_mutex_t fault_lock;
	int fault_fd;
	char *devices;
};

/** struct ioasid_dev - an open device; members as in struct ioasid. */
struct ioasid_dev {
	const struct lib_home *home;
	struct lib_gate gate;
	int fd;
	void *priv;
};

/**
 * struct lib_home - what a home does; all return 0 or negative errno unless said otherwise
 * @open: fill @fd and @priv
 * @close: nobody is inside any more
 * @command: @direct: @arg is a structure of full size made by this library; else any address
 * @fault_read: never blocks. Return: records
 * @fault_close: @fault_fd is open; closes it
 * @dev_open, @dev_close, @dev_command: the same for a device
 */
struct lib_home {
	int (*open)(struct ioasid *ctx, const char *name);
	void (*close)(struct ioasid *ctx);
	int (*command)(struct ioasid *ctx, unsigned long cmd, void *arg, bool direct);
	int (*fault_read)(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n);
	int (*fault_close)(struct ioasid *ctx);
	int (*dev_open)(struct ioasid *ctx, const char *name, struct ioasid_dev *dev);
	void (*dev_close)(struct ioasid_dev *dev);
	int (*dev_command)(struct ioasid_dev *dev, unsigned long cmd, void *arg, bool direct);
};
extern const struct lib_home lib_home_inproc;
extern const struct lib_home lib_home_kernel;

/** lib_call() - a command whose structure this library filled. */
int lib_call(struct ioasid *ctx, unsigned long cmd, void *arg);
int lib_dev_call(struct ioasid_dev *dev, unsigned long cmd, void *arg);
/** lib_fault_opened() - FAULT_FD succeeded, by whichever call: remember its descriptor. */
void lib_fault_opened(struct ioasid *ctx, int fd);

#endif
