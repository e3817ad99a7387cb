/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * A stand-in for libioasid's public API that keeps books: it refuses what the ABI refuses, writes
 * down every call, and can be told to fail. It routes nothing. Tests of what the unit says use it;
 * tests of what comes out at the end use the library.
 */
#ifndef TESTS_VIOMMU_SHIM_H
#define TESTS_VIOMMU_SHIM_H

#include <pthread.h>

#include <ioasid/ioasid.h>

#include "os/os.h"

#define SHIM_GPA 1u /* the GPA space; handles of user tables start at 10 */
#define SHIM_CTX ((struct ioasid *)&shim)

struct ioasid_dev {
	u64 cookie;
	u32 pasid_width;
	u32 mode; /* 0: local */
	u32 attached;
	u32 nr_attached; /* PASID attachments */
	u32 nr_hwids;
};

/** struct ioasid_caller - who a thread is; @refs: of others than threads that are it */
struct ioasid_caller {
	u32 refs;
};

/** struct shim_route - a number of a device; @ioasid 0: free */
struct shim_route {
	u64 cookie;
	u32 ioasid, vpasid;
};

#define SHIM_MAX_IOAS	 70000
#define SHIM_MAX_RECORDS 65536
#define SHIM_MAX_CPU	 1024

struct shim_ioas {
	bool live, bound;
	u32 routes;
	struct ioasid_table table;
};

/**
 * struct shim - the books
 * @log: calls, one line each, since shim_clear()
 * @global: devices are in global mode: a number names one address space
 * @quiet: do not write calls down (mass tests)
 * @fail: name of a call that fails with @fail_rc the @fail_nth time from now (0: never)
 * @on_invalidate: called before an invalidation returns
 */
struct shim {
	struct shim_ioas ioas[SHIM_MAX_IOAS];
	u32 nr_live;
	struct shim_route *routes; /* by vpasid, per device cookie & 1 */
	u32 cpu[SHIM_MAX_CPU]; /* numbers that CPUs translate, by their low bits */
	char *log;
	size_t log_len, log_room;
	bool quiet, global;
	const char *fail;
	u32 fail_nth;
	int fail_rc;
	void (*on_invalidate)(u32 ioasid);
	void (*on_response)(u32 id, u32 code);
	pthread_mutex_t lock; /* the records: a service thread may take them */
	struct ioasid_fault records[SHIM_MAX_RECORDS];
	u32 rec_head, rec_tail;
	int fault_fd;
	u32 next_handle;
	u64 invalidations, responses;
	struct ioasid_caller caller; /* of threads that say shim_be_caller() */
};
extern struct shim shim;

void shim_init(void);
void shim_destroy(void);
void shim_clear(void);
/** shim_expect() - the calls since the last shim_clear() were exactly @lines; then clears. */
void shim_expect(const char *file, int line, const char *lines);
#define shim_assert(lines) shim_expect(__FILE__, __LINE__, lines)
/** shim_record() - put a record on the fault descriptor */
void shim_record(const struct ioasid_fault *rec);
/** shim_be_caller() - the calling thread is shim.caller, or nobody */
void shim_be_caller(bool be);
/** shim_is_caller() - it is */
bool shim_is_caller(void);
/** shim_route() - where a device's number leads; 0: nowhere */
u32 shim_route(u64 cookie, u32 vpasid);

#endif
