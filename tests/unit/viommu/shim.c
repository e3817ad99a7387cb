// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdarg.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/unit/ut.h"
#include <ioasid/allocator.h>

#include "tests/unit/viommu/shim.h"

struct shim shim;

#define NR_PASIDS (1u << IOASID_PASID_BITS)

void shim_init(void)
{
	memset(&shim, 0, sizeof(shim));
	shim.routes = calloc(2 * NR_PASIDS, sizeof(*shim.routes));
	shim.log_room = 1 << 16;
	shim.log = calloc(1, shim.log_room);
	pthread_mutex_init(&shim.lock, NULL);
	shim.fault_fd = -1;
	shim.next_handle = 10;
	shim.ioas[SHIM_GPA].live = true;
}

void shim_destroy(void)
{
	free(shim.routes);
	free(shim.log);
}

void shim_clear(void)
{
	shim.log_len = 0;
	shim.log[0] = 0;
}

void shim_expect(const char *file, int line, const char *lines)
{
	if (strcmp(shim.log, lines)) {
		fprintf(stderr, "%s:%d: wanted:\n%sgot:\n%s", file, line, lines, shim.log);
		ut_fail(file, line, "calls differ");
	}
	shim_clear();
}

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	va_list ap;

	if (shim.quiet || shim.log_len + 256 > shim.log_room)
		return;
	va_start(ap, fmt);
	shim.log_len += vsnprintf(shim.log + shim.log_len, 256, fmt, ap);
	va_end(ap);
	strcpy(shim.log + shim.log_len, "\n");
	shim.log_len++;
}

static int failing(const char *name)
{
	if (!shim.fail || strcmp(shim.fail, name) || !shim.fail_nth || --shim.fail_nth)
		return 0;
	return shim.fail_rc;
}

/* Each call: fail if told to, then what the ABI checks. */
#define CALL(name)                       \
	do {                             \
		int _rc = failing(name); \
		if (_rc)                 \
			return _rc;      \
	} while (0)

static struct shim_ioas *ioas(u32 id)
{
	return id < SHIM_MAX_IOAS && shim.ioas[id].live ? &shim.ioas[id] : NULL;
}

static struct shim_route *slot(u64 cookie, u32 vpasid)
{
	return &shim.routes[(cookie & 1) * NR_PASIDS + vpasid];
}

u32 shim_route(u64 cookie, u32 vpasid)
{
	return slot(cookie, vpasid)->ioasid;
}

void shim_record(const struct ioasid_fault *rec)
{
	u64 one = 1;

	pthread_mutex_lock(&shim.lock);
	shim.records[shim.rec_tail++ % SHIM_MAX_RECORDS] = *rec;
	if (write(shim.fault_fd, &one, sizeof(one)) != sizeof(one))
		ut_fail(__FILE__, __LINE__, "eventfd");
	pthread_mutex_unlock(&shim.lock);
}

/* ---- the API ------------------------------------------------------------------------------------- */

int ioasid_ioas_get_info(struct ioasid *ctx, uint32_t id, struct ioasid_ioas_info *info)
{
	ut_assert(ctx == SHIM_CTX);
	CALL("ioas_get_info");
	if (!ioas(id))
		return -ENOENT;
	info->kind = id == SHIM_GPA ? IOASID_KIND_KERNEL : IOASID_KIND_USER_TABLE;
	info->parent = id == SHIM_GPA ? IOASID_INVALID : SHIM_GPA;
	return 0;
}

int ioasid_fault_open(struct ioasid *ctx, unsigned int capacity)
{
	ut_assert(ctx == SHIM_CTX && !capacity);
	CALL("fault_open");
	if (shim.fault_fd >= 0)
		return -EBUSY;
	shim.fault_fd = eventfd(0, EFD_NONBLOCK);
	return shim.fault_fd;
}

int ioasid_fault_close(struct ioasid *ctx)
{
	ut_assert(ctx == SHIM_CTX);
	close(shim.fault_fd);
	shim.fault_fd = -1;
	return 0;
}

int ioasid_fault_read(struct ioasid *ctx, struct ioasid_fault *records, unsigned int n)
{
	unsigned int got = 0;
	u64 value;

	ut_assert(ctx == SHIM_CTX);
	pthread_mutex_lock(&shim.lock);
	while (got < n && shim.rec_head != shim.rec_tail)
		records[got++] = shim.records[shim.rec_head++ % SHIM_MAX_RECORDS];
	if (shim.rec_head == shim.rec_tail && read(shim.fault_fd, &value, sizeof(value)) < 0)
		value = 0;
	pthread_mutex_unlock(&shim.lock);
	return got ? (int)got : -EAGAIN;
}

int ioasid_page_response(struct ioasid *ctx, uint32_t id, enum ioasid_response code)
{
	ut_assert(ctx == SHIM_CTX);
	note("response %u %d", id, (int)code);
	shim.responses++;
	if (shim.on_response)
		shim.on_response(id, code);
	CALL("page_response");
	return 0;
}

int ioasid_alloc_user_table(struct ioasid *ctx, uint32_t parent, const struct ioasid_table *table,
			    uint32_t *id)
{
	ut_assert(ctx == SHIM_CTX);
	ut_assert_eq(parent, SHIM_GPA);
	CALL("alloc");
	while (shim.ioas[shim.next_handle].live)
		shim.next_handle = shim.next_handle + 1 < SHIM_MAX_IOAS ? shim.next_handle + 1 : 10;
	*id = shim.next_handle;
	shim.next_handle = shim.next_handle + 1 < SHIM_MAX_IOAS ? shim.next_handle + 1 : 10;
	shim.ioas[*id] = (struct shim_ioas){ .live = true, .bound = table != NULL };
	if (table)
		shim.ioas[*id].table = *table;
	shim.nr_live++;
	note("alloc %u root %llx", *id, table ? (unsigned long long)table->address : 0);
	return 0;
}

int ioasid_ioas_free(struct ioasid *ctx, uint32_t id)
{
	ut_assert(ctx == SHIM_CTX);
	note("free %u", id);
	CALL("free");
	ut_assert(ioas(id));
	ut_assert_eq(ioas(id)->routes, 0);
	ioas(id)->live = false;
	shim.nr_live--;
	return 0;
}

int ioasid_bind_pgtable(struct ioasid *ctx, uint32_t id, const struct ioasid_table *table)
{
	ut_assert(ctx == SHIM_CTX);
	note("bind %u root %llx levels %u", id, (unsigned long long)table->address, table->levels);
	CALL("bind");
	ut_assert(ioas(id) && id != SHIM_GPA);
	ut_assert_eq(table->format, IOASID_FORMAT_VTD_FS);
	ioas(id)->bound = true;
	ioas(id)->table = *table;
	return 0;
}

int ioasid_set_hwid_dev(struct ioasid *ctx, uint32_t id, uint32_t vpasid, uint64_t cookie)
{
	struct shim_route *r = slot(cookie, vpasid);

	ut_assert(ctx == SHIM_CTX);
	note("set_hwid %u pasid %u dev %llu", id, vpasid, (unsigned long long)cookie);
	CALL("set_hwid");
	ut_assert(ioas(id) && vpasid && vpasid < NR_PASIDS);
	/* Never a number that leads to a table which is not there yet. */
	ut_assert(id == SHIM_GPA || ioas(id)->bound);
	if (r->ioasid)
		return r->ioasid == id ? 0 : -EEXIST;
	if (shim.global && slot(!cookie, vpasid)->ioasid && slot(!cookie, vpasid)->ioasid != id)
		return -EEXIST;
	*r = (struct shim_route){ cookie, id, vpasid };
	ioas(id)->routes++;
	return 0;
}

int ioasid_clear_hwid_dev(struct ioasid *ctx, uint32_t id, uint32_t vpasid, uint64_t cookie)
{
	struct shim_route *r = slot(cookie, vpasid);

	ut_assert(ctx == SHIM_CTX);
	note("clear_hwid %u pasid %u dev %llu", id, vpasid, (unsigned long long)cookie);
	if (r->ioasid != id)
		return -ENOENT;
	r->ioasid = 0;
	ioas(id)->routes--;
	return 0;
}

int ioasid_cpu_pasid_map(struct ioasid *ctx, uint32_t vpasid)
{
	ut_assert(ctx == SHIM_CTX);
	note("cpu_map pasid %u", vpasid);
	CALL("cpu_map");
	/* Only what is routed can be translated. */
	ut_assert(slot(0, vpasid)->ioasid || slot(1, vpasid)->ioasid);
	ut_assert(!shim.cpu[vpasid % SHIM_MAX_CPU] || shim.cpu[vpasid % SHIM_MAX_CPU] == vpasid);
	shim.cpu[vpasid % SHIM_MAX_CPU] = vpasid;
	return 0;
}

int ioasid_cpu_pasid_unmap(struct ioasid *ctx, uint32_t vpasid)
{
	ut_assert(ctx == SHIM_CTX);
	note("cpu_unmap pasid %u", vpasid);
	ut_assert_eq(shim.cpu[vpasid % SHIM_MAX_CPU], vpasid);
	shim.cpu[vpasid % SHIM_MAX_CPU] = 0;
	return 0;
}

int ioasid_invalidate(struct ioasid *ctx, uint32_t id)
{
	ut_assert(ctx == SHIM_CTX);
	note("invalidate %u", id);
	shim.invalidations++;
	ut_assert(ioas(id) && id != SHIM_GPA);
	if (shim.on_invalidate)
		shim.on_invalidate(id);
	CALL("invalidate");
	return 0;
}

int ioasid_invalidate_range(struct ioasid *ctx, uint32_t id, uint64_t iova, uint64_t length,
			    bool leaf)
{
	ut_assert(ctx == SHIM_CTX);
	note("invalidate %u %llx+%llx%s", id, (unsigned long long)iova, (unsigned long long)length,
	     leaf ? " leaf" : "");
	shim.invalidations++;
	ut_assert(ioas(id) && id != SHIM_GPA && length);
	ut_assert(iova + (length - 1) >= iova);
	if (shim.on_invalidate)
		shim.on_invalidate(id);
	CALL("invalidate");
	return 0;
}

int ioasid_dev_get_info(struct ioasid_dev *dev, struct ioasid_device_info *info)
{
	CALL("dev_get_info");
	info->cookie = dev->cookie;
	info->caps = dev->pasid_width ? IOASID_DEV_PASID : 0;
	info->pasid_width = dev->pasid_width;
	info->mode = dev->mode ? dev->mode : IOASID_MODE_LOCAL;
	return 0;
}

int ioasid_dev_attach(struct ioasid_dev *dev, uint32_t id, uint32_t flags)
{
	note("attach dev %llu %u%s", (unsigned long long)dev->cookie, id,
	     flags & IOASID_ATTACH_REPLACE ? " replace" : "");
	CALL("attach");
	ut_assert(ioas(id));
	if (dev->attached != IOASID_INVALID) {
		if (!(flags & IOASID_ATTACH_REPLACE))
			return -EBUSY;
		ioas(dev->attached)->routes--;
	}
	ut_assert(id == SHIM_GPA || ioas(id)->bound);
	dev->attached = id;
	ioas(id)->routes++;
	return 0;
}

int ioasid_dev_detach(struct ioasid_dev *dev, uint32_t id)
{
	note("detach dev %llu %u", (unsigned long long)dev->cookie, id);
	ut_assert_eq(dev->attached, id);
	ioas(id)->routes--;
	dev->attached = IOASID_INVALID;
	return 0;
}

int ioasid_dev_attach_pasid(struct ioasid_dev *dev, uint32_t id, uint32_t vpasid, uint32_t flags)
{
	note("attach_pasid dev %llu %u", (unsigned long long)dev->cookie, id);
	CALL("attach_pasid");
	ut_assert(ioas(id) && !vpasid && !flags);
	ioas(id)->routes++;
	dev->nr_attached++;
	return 0;
}

int ioasid_dev_detach_pasid(struct ioasid_dev *dev, uint32_t id)
{
	note("detach_pasid dev %llu %u", (unsigned long long)dev->cookie, id);
	ut_assert(ioas(id) && ioas(id)->routes);
	ioas(id)->routes--;
	dev->nr_attached--;
	return 0;
}

/* ---- who is calling ---------------------------------------------------------------------------- */

static __thread struct ioasid_caller *shim_self;

void shim_be_caller(bool be)
{
	shim_self = be ? &shim.caller : NULL;
}

bool shim_is_caller(void)
{
	return shim_self == &shim.caller;
}

struct ioasid_caller *ioasid_caller_get(void)
{
	if (shim_self)
		shim_self->refs++;
	return shim_self;
}

void ioasid_caller_adopt(struct ioasid_caller *caller)
{
	shim_self = caller;
}

void ioasid_caller_put(struct ioasid_caller *caller)
{
	if (caller) {
		ut_assert(caller->refs);
		caller->refs--;
	}
}
