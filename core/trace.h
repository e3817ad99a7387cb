/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The core tells the home of every change of state; the hooks are the home's ("os/trace.h"): real
 * tracepoints in the kernel, nothing in a process. They never sleep, take no lock of the core and
 * keep no pointer, so they may be called with any lock held. @ctx may be NULL where it says so.
 *
 *   ctx_open(ctx), ctx_close(ctx)
 *   command(ctx, dev, cmd, rc)          every command, failed ones too; one of ctx, dev is NULL
 *   refusal(ctx, dev, why, rc)          an ATTACH was refused: enum ioasid_refusal
 *   alloc(ctx, ioasid, kind, parent), free(ctx, ioasid)
 *   map(ctx, ioasid, iova, length, prot, rc), unmap(ctx, ioasid, iova, last, bytes, rc)
 *   bind_pgtable(ctx, ioasid, format, address)    a user table; format NONE: taken away
 *   invalidate(ctx, ioasid, granularity, iova, last, rc)
 *   device_add(dev), device_remove(dev)           registration
 *   bind(ctx, dev, cookie), unbind(ctx, dev, cookie)
 *   attach(ctx, dev, ioasid, flags, rc), detach(ctx, dev, ioasid, flags, rc)
 *   default_route(ctx, dev, ioasid)     where requests without PASID go from now on, or
 *                                       IOASID_INVALID: they are blocked; ctx NULL: dev not bound
 *   hwid_set(ctx, dev, ioasid, vpasid, ppasid), hwid_clear(...)
 *                                       a number leads there from now on; no more
 *   reset(ctx, dev, rc), fence(dev)
 *   page_request(ctx, dev, report, code)          code: answered at once with it; -1: it waits
 *   page_response(ctx, dev, ppasid, group, code, by)    ctx NULL: dev not bound
 *   event(ctx, dev, report, queued)     ctx NULL: dev not bound; not queued: the record was lost
 */
#ifndef IOASID_CORE_TRACE_H
#define IOASID_CORE_TRACE_H

#include "core/home.h"

/** enum ioas_answer_by - who answered a page request group. */
enum ioas_answer_by {
	IOAS_BY_USER,
	IOAS_BY_OVERFLOW, /* the queue was full: the device asks again */
	IOAS_BY_CANCEL, /* its route, binding, table or listener went */
	IOAS_BY_NOBODY, /* nobody was there to ask */
};

#include "os/trace.h"

#endif
