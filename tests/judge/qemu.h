/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A QEMU without a guest: started with a BIOS that only halts, driven over the qtest protocol on
 * its standard input and output. A QEMU that does not answer ends the test; none outlives it.
 */
#ifndef JUDGE_QEMU_H
#define JUDGE_QEMU_H

#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>

#include "os/os.h"

/**
 * struct qemu - a running QEMU
 * @pid: its process
 * @in: where commands go
 * @out: where answers come from
 * @qmp: its monitor, a connected socket
 * @posted: commands written to @cmd whose answers are still to come
 * @cmd: commands not sent yet
 * @cmd_len: bytes in @cmd
 * @buf: answers not looked at yet
 * @len: bytes in @buf
 * @qmp_buf: the monitor's words not looked at yet
 * @qmp_len: bytes in @qmp_buf
 * @qmp_greeted: the monitor takes commands
 */
struct qemu {
	pid_t pid;
	int in;
	int out;
	int qmp;
	unsigned int posted;
	char cmd[4096];
	size_t cmd_len;
	char buf[4096];
	size_t len;
	char qmp_buf[4096];
	size_t qmp_len;
	bool qmp_greeted;
};

/** qemu_die() - "Bail out!" with a reason; ends the test program and its QEMU */
void __attribute__((noreturn, format(printf, 1, 2))) qemu_die(const char *fmt, ...);

/**
 * qemu_start() - start one
 * @q: storage
 * @log: file for what it prints
 * @argv: program and arguments, NULL-terminated; the qtest and monitor options are added
 *
 * Descriptors without O_CLOEXEC are inherited. At most one runs at a time.
 */
void qemu_start(struct qemu *q, const char *log, const char *const *argv);

/** qemu_stop() - kill it and wait for it */
void qemu_stop(struct qemu *q);

/** qtest_post() - a command whose answer does not matter, as long as it is OK */
void __attribute__((format(printf, 2, 3))) qtest_post(struct qemu *q, const char *fmt, ...);

/** qtest_ask() - a command with a value for an answer */
u64 __attribute__((format(printf, 2, 3))) qtest_ask(struct qemu *q, const char *fmt, ...);

/**
 * qmp_command() - one monitor command
 * @q: QEMU
 * @json: members of the command object: "execute": "...", "arguments": {...}
 *
 * Waits for its answer, which must not be an error.
 */
void qmp_command(struct qemu *q, const char *json);

#endif
