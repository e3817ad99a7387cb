/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: every change of state, as the core reports it (core/trace.h).
 *
 * Each record has the number of the context and the process that opened it, both 0 where no context
 * is concerned, so that a filter on either works for all of them. There is no address of kernel or
 * user memory in them; wire numbers are: tracing is for root. ioasidctl trace reads the text.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ioasid

#if !defined(IOASID_LINUX_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define IOASID_LINUX_TRACE_H

#include <linux/tracepoint.h>

#include "core/trace.h"
#include "core/words.h"

/** lin_trace_device() - name of a registered device; "-" for NULL. */
const char *lin_trace_device(const struct ioasid_device *dev);

/* clang-format off */
#define WORD_PAIR(value, word) { value, word }
#define show_kind(v)	__print_symbolic(v, IOAS_WORDS_KIND(WORD_PAIR))
#define show_refusal(v)	__print_symbolic(v, IOAS_WORDS_REFUSAL(WORD_PAIR))
#define show_reason(v)	__print_symbolic(v, IOAS_WORDS_REASON(WORD_PAIR))
#define show_command(v)	__print_symbolic(v, IOAS_WORDS_COMMAND(WORD_PAIR))
#define show_by(v) \
	__print_symbolic(v, { IOAS_BY_USER, "user" }, { IOAS_BY_OVERFLOW, "overflow" }, \
			 { IOAS_BY_CANCEL, "cancel" }, { IOAS_BY_NOBODY, "nobody" })
#define show_answer(v) \
	__print_symbolic(v, { -1, "waits" }, { IOASID_RESPONSE_SUCCESS, "success" }, \
			 { IOASID_RESPONSE_INVALID, "invalid" }, \
			 { IOASID_RESPONSE_FAILURE, "failure" })
#define show_granularity(v) \
	__print_symbolic(v, { IOASID_INV_ALL, "all" }, { IOASID_INV_PASID, "pasid" }, \
			 { IOASID_INV_RANGE, "range" })
#define show_prot(v) \
	__print_flags(v, "", { IOASID_MAP_READ, "r" }, { IOASID_MAP_WRITE, "w" })
#define show_access(v) \
	__print_flags((v) & (IOASID_FAULT_READ | IOASID_FAULT_WRITE | IOASID_FAULT_EXEC | \
			     IOASID_FAULT_PRIV), "", \
		      { IOASID_FAULT_READ, "r" }, { IOASID_FAULT_WRITE, "w" }, \
		      { IOASID_FAULT_EXEC, "x" }, { IOASID_FAULT_PRIV, "p" })
#define show_attach(v) \
	__print_flags(v, "|", { IOASID_ATTACH_PASID, "pasid" }, { IOASID_ATTACH_VPASID, "vpasid" }, \
		      { IOASID_ATTACH_REPLACE, "replace" }, { IOASID_ATTACH_LOCAL, "local" }, \
		      { IOASID_ATTACH_GLOBAL, "global" })

/* What every record begins with. */
#define CTX_FIELDS __field(u64, context) __field(u32, pid)
#define CTX_ASSIGN \
	__entry->context = ctx ? ioasid_ctx_config(ctx)->id : 0; \
	__entry->pid = ctx ? ioasid_ctx_config(ctx)->pid : 0
#define CTX_FORMAT "context=%llu pid=%u"
#define CTX_VALUES __entry->context, __entry->pid
#define CTX_NONE __entry->context = 0; __entry->pid = 0

#define DEV_FIELD __string(device, lin_trace_device(dev))
#define DEV_ASSIGN __assign_str(device)
#define DEV_FORMAT " device=\"%s\""
#define DEV_VALUE __get_str(device)

/* ---- contexts, commands -------------------------------------------------------------------- */

DECLARE_EVENT_CLASS(ioasid_context,
	TP_PROTO(const struct ioasid_ctx *ctx),
	TP_ARGS(ctx),
	TP_STRUCT__entry(CTX_FIELDS),
	TP_fast_assign(CTX_ASSIGN;),
	TP_printk(CTX_FORMAT, CTX_VALUES)
);
DEFINE_EVENT(ioasid_context, ioasid_ctx_open,
	TP_PROTO(const struct ioasid_ctx *ctx), TP_ARGS(ctx));
DEFINE_EVENT(ioasid_context, ioasid_ctx_close,
	TP_PROTO(const struct ioasid_ctx *ctx), TP_ARGS(ctx));

TRACE_EVENT(ioasid_command,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 cmd, int rc),
	TP_ARGS(ctx, dev, cmd, rc),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u32, cmd) __field(int, rc)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->cmd = cmd;
		__entry->rc = rc;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " cmd=%s rc=%d", CTX_VALUES, DEV_VALUE,
		  show_command(__entry->cmd), __entry->rc)
);

TRACE_EVENT(ioasid_refusal,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 why, int rc),
	TP_ARGS(ctx, dev, why, rc),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u32, why) __field(int, rc)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->why = why;
		__entry->rc = rc;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " refusal=%u why=\"%s\" rc=%d", CTX_VALUES, DEV_VALUE,
		  __entry->why, show_refusal(__entry->why), __entry->rc)
);

/* ---- address spaces ------------------------------------------------------------------------ */

TRACE_EVENT(ioasid_alloc,
	TP_PROTO(const struct ioasid_ctx *ctx, u32 ioasid, u32 kind, u32 parent),
	TP_ARGS(ctx, ioasid, kind, parent),
	TP_STRUCT__entry(CTX_FIELDS __field(u32, ioasid) __field(u32, kind) __field(u32, parent)),
	TP_fast_assign(
		CTX_ASSIGN;
		__entry->ioasid = ioasid;
		__entry->kind = kind;
		__entry->parent = parent;
	),
	TP_printk(CTX_FORMAT " ioasid=%u kind=\"%s\" parent=%d", CTX_VALUES, __entry->ioasid,
		  show_kind(__entry->kind), (int)__entry->parent)
);

TRACE_EVENT(ioasid_free,
	TP_PROTO(const struct ioasid_ctx *ctx, u32 ioasid),
	TP_ARGS(ctx, ioasid),
	TP_STRUCT__entry(CTX_FIELDS __field(u32, ioasid)),
	TP_fast_assign(
		CTX_ASSIGN;
		__entry->ioasid = ioasid;
	),
	TP_printk(CTX_FORMAT " ioasid=%u", CTX_VALUES, __entry->ioasid)
);

TRACE_EVENT(ioasid_map,
	TP_PROTO(const struct ioasid_ctx *ctx, u32 ioasid, u64 iova, u64 length, u32 prot, int rc),
	TP_ARGS(ctx, ioasid, iova, length, prot, rc),
	TP_STRUCT__entry(CTX_FIELDS __field(u64, iova) __field(u64, length) __field(u32, ioasid)
			 __field(u32, prot) __field(int, rc)),
	TP_fast_assign(
		CTX_ASSIGN;
		__entry->iova = iova;
		__entry->length = length;
		__entry->ioasid = ioasid;
		__entry->prot = prot;
		__entry->rc = rc;
	),
	TP_printk(CTX_FORMAT " ioasid=%u iova=0x%llx length=0x%llx prot=%s rc=%d", CTX_VALUES,
		  __entry->ioasid, __entry->iova, __entry->length, show_prot(__entry->prot),
		  __entry->rc)
);

TRACE_EVENT(ioasid_unmap,
	TP_PROTO(const struct ioasid_ctx *ctx, u32 ioasid, u64 iova, u64 last, u64 bytes, int rc),
	TP_ARGS(ctx, ioasid, iova, last, bytes, rc),
	TP_STRUCT__entry(CTX_FIELDS __field(u64, iova) __field(u64, last) __field(u64, bytes)
			 __field(u32, ioasid) __field(int, rc)),
	TP_fast_assign(
		CTX_ASSIGN;
		__entry->iova = iova;
		__entry->last = last;
		__entry->bytes = bytes;
		__entry->ioasid = ioasid;
		__entry->rc = rc;
	),
	TP_printk(CTX_FORMAT " ioasid=%u iova=0x%llx last=0x%llx bytes=0x%llx rc=%d", CTX_VALUES,
		  __entry->ioasid, __entry->iova, __entry->last, __entry->bytes, __entry->rc)
);

TRACE_EVENT(ioasid_bind_pgtable,
	TP_PROTO(const struct ioasid_ctx *ctx, u32 ioasid, u32 format, u64 address),
	TP_ARGS(ctx, ioasid, format, address),
	TP_STRUCT__entry(CTX_FIELDS __field(u64, address) __field(u32, ioasid)
			 __field(u32, format)),
	TP_fast_assign(
		CTX_ASSIGN;
		__entry->address = address;
		__entry->ioasid = ioasid;
		__entry->format = format;
	),
	/* An address in the parent's address space. */
	TP_printk(CTX_FORMAT " ioasid=%u format=%u gpa=0x%llx", CTX_VALUES, __entry->ioasid,
		  __entry->format, __entry->address)
);

TRACE_EVENT(ioasid_invalidate,
	TP_PROTO(const struct ioasid_ctx *ctx, u32 ioasid, u32 granularity, u64 iova, u64 last,
		 int rc),
	TP_ARGS(ctx, ioasid, granularity, iova, last, rc),
	TP_STRUCT__entry(CTX_FIELDS __field(u64, iova) __field(u64, last) __field(u32, ioasid)
			 __field(u32, granularity) __field(int, rc)),
	TP_fast_assign(
		CTX_ASSIGN;
		__entry->iova = iova;
		__entry->last = last;
		__entry->ioasid = ioasid;
		__entry->granularity = granularity;
		__entry->rc = rc;
	),
	TP_printk(CTX_FORMAT " ioasid=%u granularity=%s iova=0x%llx last=0x%llx rc=%d", CTX_VALUES,
		  __entry->ioasid, show_granularity(__entry->granularity), __entry->iova,
		  __entry->last, __entry->rc)
);

/* ---- devices --------------------------------------------------------------------------------- */

DECLARE_EVENT_CLASS(ioasid_dev,
	TP_PROTO(const struct ioasid_device *dev),
	TP_ARGS(dev),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD),
	TP_fast_assign(
		CTX_NONE;
		DEV_ASSIGN;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT, CTX_VALUES, DEV_VALUE)
);
DEFINE_EVENT(ioasid_dev, ioasid_device_add,
	TP_PROTO(const struct ioasid_device *dev), TP_ARGS(dev));
DEFINE_EVENT(ioasid_dev, ioasid_device_remove,
	TP_PROTO(const struct ioasid_device *dev), TP_ARGS(dev));
DEFINE_EVENT(ioasid_dev, ioasid_fence,
	TP_PROTO(const struct ioasid_device *dev), TP_ARGS(dev));

DECLARE_EVENT_CLASS(ioasid_binding,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u64 cookie),
	TP_ARGS(ctx, dev, cookie),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u64, cookie)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->cookie = cookie;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " cookie=0x%llx", CTX_VALUES, DEV_VALUE, __entry->cookie)
);
DEFINE_EVENT(ioasid_binding, ioasid_bind,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u64 cookie),
	TP_ARGS(ctx, dev, cookie));
DEFINE_EVENT(ioasid_binding, ioasid_unbind,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u64 cookie),
	TP_ARGS(ctx, dev, cookie));

DECLARE_EVENT_CLASS(ioasid_attachment,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ioasid,
		 u32 flags, int rc),
	TP_ARGS(ctx, dev, ioasid, flags, rc),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u32, ioasid) __field(u32, flags)
			 __field(int, rc)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->ioasid = ioasid;
		__entry->flags = flags;
		__entry->rc = rc;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " ioasid=%u flags=\"%s\" rc=%d", CTX_VALUES, DEV_VALUE,
		  __entry->ioasid, show_attach(__entry->flags), __entry->rc)
);
DEFINE_EVENT(ioasid_attachment, ioasid_attach,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ioasid,
		 u32 flags, int rc),
	TP_ARGS(ctx, dev, ioasid, flags, rc));
DEFINE_EVENT(ioasid_attachment, ioasid_detach,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ioasid,
		 u32 flags, int rc),
	TP_ARGS(ctx, dev, ioasid, flags, rc));

TRACE_EVENT(ioasid_default_route,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ioasid),
	TP_ARGS(ctx, dev, ioasid),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u32, ioasid)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->ioasid = ioasid;
	),
	/* -1: blocked */
	TP_printk(CTX_FORMAT DEV_FORMAT " ioasid=%d", CTX_VALUES, DEV_VALUE, (int)__entry->ioasid)
);

DECLARE_EVENT_CLASS(ioasid_hwid,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ioasid,
		 u32 vpasid, u32 ppasid),
	TP_ARGS(ctx, dev, ioasid, vpasid, ppasid),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u32, ioasid) __field(u32, vpasid)
			 __field(u32, ppasid)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->ioasid = ioasid;
		__entry->vpasid = vpasid;
		__entry->ppasid = ppasid;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " ioasid=%u vpasid=%u ppasid=%u", CTX_VALUES, DEV_VALUE,
		  __entry->ioasid, __entry->vpasid, __entry->ppasid)
);
DEFINE_EVENT(ioasid_hwid, ioasid_hwid_set,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ioasid,
		 u32 vpasid, u32 ppasid),
	TP_ARGS(ctx, dev, ioasid, vpasid, ppasid));
DEFINE_EVENT(ioasid_hwid, ioasid_hwid_clear,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ioasid,
		 u32 vpasid, u32 ppasid),
	TP_ARGS(ctx, dev, ioasid, vpasid, ppasid));

TRACE_EVENT(ioasid_reset,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, int rc),
	TP_ARGS(ctx, dev, rc),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(int, rc)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->rc = rc;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " rc=%d", CTX_VALUES, DEV_VALUE, __entry->rc)
);

/* ---- faults ---------------------------------------------------------------------------------- */

TRACE_EVENT(ioasid_page_request,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev,
		 const struct ioasid_fault_report *report, int code),
	TP_ARGS(ctx, dev, report, code),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u64, address) __field(u32, ppasid)
			 __field(u32, group) __field(u32, flags) __field(int, code)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->address = report->address;
		__entry->ppasid = report->pasid.val;
		__entry->group = report->group;
		__entry->flags = report->flags;
		__entry->code = code;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " ppasid=%d group=%u address=0x%llx access=%s last=%u answer=%s",
		  CTX_VALUES, DEV_VALUE, (int)__entry->ppasid, __entry->group, __entry->address,
		  show_access(__entry->flags), !!(__entry->flags & IOASID_FAULT_LAST),
		  show_answer(__entry->code))
);

TRACE_EVENT(ioasid_page_response,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev, u32 ppasid,
		 u32 group, u32 code, enum ioas_answer_by by),
	TP_ARGS(ctx, dev, ppasid, group, code, by),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u32, ppasid) __field(u32, group)
			 __field(u32, code) __field(u32, by)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->ppasid = ppasid;
		__entry->group = group;
		__entry->code = code;
		__entry->by = by;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " ppasid=%d group=%u answer=%s by=%s", CTX_VALUES,
		  DEV_VALUE, (int)__entry->ppasid, __entry->group, show_answer(__entry->code),
		  show_by(__entry->by))
);

TRACE_EVENT(ioasid_event,
	TP_PROTO(const struct ioasid_ctx *ctx, const struct ioasid_device *dev,
		 const struct ioasid_fault_report *report, bool queued),
	TP_ARGS(ctx, dev, report, queued),
	TP_STRUCT__entry(CTX_FIELDS DEV_FIELD __field(u64, address) __field(u32, ppasid)
			 __field(u32, flags) __field(u32, reason) __field(u32, arch_reason)
			 __field(bool, queued)),
	TP_fast_assign(
		CTX_ASSIGN;
		DEV_ASSIGN;
		__entry->address = report->address;
		__entry->ppasid = report->pasid.val;
		__entry->flags = report->flags;
		__entry->reason = report->reason;
		__entry->arch_reason = report->arch_reason;
		__entry->queued = queued;
	),
	TP_printk(CTX_FORMAT DEV_FORMAT " ppasid=%d address=0x%llx access=%s reason=%u why=\"%s\" arch_reason=0x%x queued=%u",
		  CTX_VALUES, DEV_VALUE, (int)__entry->ppasid, __entry->address,
		  show_access(__entry->flags), __entry->reason, show_reason(__entry->reason),
		  __entry->arch_reason, __entry->queued)
);
/* clang-format on */

#endif

/* The Kbuild file names this folder in the include path of the one file that makes them. */
#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE ioasid_trace
#include <trace/define_trace.h>
