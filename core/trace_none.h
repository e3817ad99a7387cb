/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* Trace hooks of a home that traces nothing; their meaning is in core/trace.h. */
#ifndef IOASID_CORE_TRACE_NONE_H
#define IOASID_CORE_TRACE_NONE_H

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"

#define TRACE_NOTHING(name, ...)                            \
	static inline void trace_ioasid_##name(__VA_ARGS__) \
	{                                                   \
	}
#define CTX const struct ioasid_ctx *ctx
#define DEV const struct ioasid_device *dev

TRACE_NOTHING(ctx_open, CTX)
TRACE_NOTHING(ctx_close, CTX)
TRACE_NOTHING(command, CTX, DEV, u32 cmd, int rc)
TRACE_NOTHING(refusal, CTX, DEV, u32 why, int rc)
TRACE_NOTHING(alloc, CTX, u32 ioasid, u32 kind, u32 parent)
TRACE_NOTHING(free, CTX, u32 ioasid)
TRACE_NOTHING(map, CTX, u32 ioasid, u64 iova, u64 length, u32 prot, int rc)
TRACE_NOTHING(unmap, CTX, u32 ioasid, u64 iova, u64 last, u64 bytes, int rc)
TRACE_NOTHING(bind_pgtable, CTX, u32 ioasid, u32 format, u64 address)
TRACE_NOTHING(invalidate, CTX, u32 ioasid, u32 granularity, u64 iova, u64 last, int rc)
TRACE_NOTHING(device_add, DEV)
TRACE_NOTHING(device_remove, DEV)
TRACE_NOTHING(bind, CTX, DEV, u64 cookie)
TRACE_NOTHING(unbind, CTX, DEV, u64 cookie)
TRACE_NOTHING(attach, CTX, DEV, u32 ioasid, u32 flags, int rc)
TRACE_NOTHING(detach, CTX, DEV, u32 ioasid, u32 flags, int rc)
TRACE_NOTHING(default_route, CTX, DEV, u32 ioasid)
TRACE_NOTHING(hwid_set, CTX, DEV, u32 ioasid, u32 vpasid, u32 ppasid)
TRACE_NOTHING(hwid_clear, CTX, DEV, u32 ioasid, u32 vpasid, u32 ppasid)
TRACE_NOTHING(reset, CTX, DEV, int rc)
TRACE_NOTHING(fence, DEV)
TRACE_NOTHING(page_request, CTX, DEV, const struct ioasid_fault_report *report, int code)
TRACE_NOTHING(page_response, CTX, DEV, u32 ppasid, u32 group, u32 code, enum ioas_answer_by by)
TRACE_NOTHING(event, CTX, DEV, const struct ioasid_fault_report *report, bool queued)

#undef TRACE_NOTHING
#undef CTX
#undef DEV
#pragma GCC diagnostic pop

#endif
