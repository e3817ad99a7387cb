/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* A host answers ioasidctl over a Unix socket; see serve.c. */
#ifndef INPROC_SERVE_H
#define INPROC_SERVE_H

struct ioasid_host;
struct serve;

/** SERVE_ENV - environment: where the default host serves; "%p" stands for the process's number. */
#define SERVE_ENV "IOASID_HOST_SOCKET"

/**
 * serve_start() - answer on a socket until serve_stop()
 * @host: host, complete; not referenced: it stops serving before it goes
 * @path: absolute, at most 107 bytes. Made with mode 0600; a socket of ours that nobody listens on
 *        any more is replaced, anything else is left alone
 * @serve: [out]
 *
 * Return: 0; -EINVAL no such path can be; -EEXIST somebody listens there, or it is no socket, or
 * another user's; -EBUSY others hold the folder's lock; what the system said; -ENOMEM.
 */
int serve_start(struct ioasid_host *host, const char *path, struct serve **serve);

/** serve_start_env() - the same as SERVE_ENV says. A refusal is said on stderr. NULL: not serving. */
struct serve *serve_start_env(struct ioasid_host *host);

/** serve_stop() - the socket is gone, and nobody asks any more. NULL is fine. Waits for the thread. */
void serve_stop(struct serve *serve);

#endif
