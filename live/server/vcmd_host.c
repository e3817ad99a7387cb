// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vcmd_host.h"

#define VCMD_HOST_GROUP "/guest"

/* ---- figures --------------------------------------------------------------------------------- */

static void vcmd_host_count(ioasid_t id, void *data)
{
	struct vcmd_host_figures *f = data;
	struct ioasid_id_info info;

	f->numbers++;
	if (!ioasid_describe(id, &info) && info.state == IOASID_STATE_FREE_PENDING)
		f->pending++;
}

static void vcmd_host_read_limit(const struct vcmd_host *vcmd, struct vcmd_host_figures *f)
{
	struct ioasid_limit limit = {
		.flags = IOASID_LIMIT_PATH,
		.path = (uintptr_t)VCMD_HOST_GROUP,
		.path_len = strlen(VCMD_HOST_GROUP),
	};

	if (ioasid_limit_get(vcmd->ctx, &limit))
		return;
	f->charged = limit.current_charge;
	f->peak = limit.peak;
}

void vcmd_host_read(const struct vcmd_host *vcmd, struct vcmd_host_figures *f)
{
	struct vcmd_host_figures own = { 0 };

	memset(f, 0, sizeof(*f));
	if (!vcmd->set)
		return;
	ioasid_set_for_each_ioasid(vcmd->set, vcmd_host_count, f);
	ioasid_set_for_each_ioasid(vcmd->own, vcmd_host_count, &own);
	f->own = own.numbers;
	vcmd_host_read_limit(vcmd, f);
}

static void vcmd_host_put_down(const struct vcmd_host *vcmd, const char *what, uint32_t pasid)
{
	struct vcmd_host_figures f;

	vcmd_host_read(vcmd, &f);
	fprintf(stderr, "vcmd: %s %u; numbers %u pending %u own %u charged %u peak %u\n", what,
		pasid, f.numbers, f.pending, f.own, f.charged, f.peak);
}

/* ---- the responder --------------------------------------------------------------------------- */

/* What the host still uses is pending when the guest frees it, until the host lets go. */
static void vcmd_host_hold(struct vcmd_host *vcmd, uint32_t pasid)
{
	if (!ioasid_get(vcmd->set, pasid))
		vcmd->held = pasid;
}

static void vcmd_host_let_go(struct vcmd_host *vcmd)
{
	if (vcmd->held == INVALID_IOASID)
		return;
	ioasid_put(vcmd->set, vcmd->held);
	vcmd_host_put_down(vcmd, "let go", vcmd->held);
	vcmd->held = INVALID_IOASID;
}

/* Once, when the guest begins anew. */
static void vcmd_host_dawdle(struct vcmd_host *vcmd)
{
	struct vcmd_host_figures f;

	vcmd_host_read(vcmd, &f);
	if (vcmd->slow || vcmd->refusals < 2 || f.numbers)
		return;
	vcmd->slow = true;
	usleep(VCMD_HOST_SLOW_MS * 1000);
}

static int vcmd_host_alloc(void *opaque, uint32_t max, uint32_t *pasid)
{
	struct vcmd_host *vcmd = opaque;
	int rc;

	vcmd_host_dawdle(vcmd);
	rc = vcmd->real.pasid_alloc(vcmd->real_opaque, max, pasid);
	if (rc) {
		vcmd_host_put_down(vcmd, "refused", -rc);
		if (++vcmd->refusals == 2)
			vcmd_host_let_go(vcmd);
		return rc;
	}
	vcmd_host_put_down(vcmd, "alloc", *pasid);
	if (*pasid == VCMD_HOST_OWN + 1 && !vcmd->refusals && vcmd->held == INVALID_IOASID)
		vcmd_host_hold(vcmd, *pasid);
	return 0;
}

static void vcmd_host_free(void *opaque, uint32_t pasid)
{
	struct vcmd_host *vcmd = opaque;

	vcmd->real.pasid_free(vcmd->real_opaque, pasid);
	vcmd_host_put_down(vcmd, "free", pasid);
}

/* ---- life ------------------------------------------------------------------------------------ */

/* The driver API answers like the kernel's. */
static int vcmd_host_error(const struct ioasid_set *set)
{
	return (uintptr_t)set >= (uintptr_t)-4095 ? (int)(intptr_t)set : 0;
}

static int vcmd_host_make_sets(struct vcmd_host *vcmd, unsigned int quota)
{
	struct ioasid_set *set = ioasid_set_alloc(NULL, 0, IOASID_SET_TYPE_NULL);
	unsigned int n;

	if (vcmd_host_error(set))
		return vcmd_host_error(set);
	vcmd->own = set;
	for (n = 0; n < VCMD_HOST_OWN; n++)
		if (ioasid_alloc(vcmd->own, 1, VCMD_HOST_OWN, NULL) == INVALID_IOASID)
			return -ENOSPC;
	set = ioasid_set_alloc(NULL, quota, IOASID_SET_TYPE_NULL);
	if (vcmd_host_error(set))
		return vcmd_host_error(set);
	vcmd->set = set;
	return 0;
}

static int vcmd_host_make_group(struct vcmd_host *vcmd)
{
	struct ioasid_host *host;
	int rc = ioasid_open("inproc", &vcmd->ctx);

	if (rc)
		return rc;
	rc = ioasid_host_default(&host);
	if (rc)
		return rc;
	rc = ioasid_host_group_create(host, VCMD_HOST_GROUP);
	ioasid_host_put(host);
	return rc == -EEXIST || !rc ? ioasid_caller_set_group(VCMD_HOST_GROUP) : rc;
}

/* Return: @set is gone, or was not there. */
static bool vcmd_host_end_set(struct ioasid_set *set, const char *whose)
{
	int rc = set ? ioasid_set_free(set) : 0;

	if (!rc)
		return true;
	fprintf(stderr, "server: %s set cannot go: %s\n", whose, strerror(-rc));
	ioasid_free_all_in_set(set);
	ioasid_set_destroy(set);
	return false;
}

int vcmd_host_stop(struct vcmd_host *vcmd)
{
	bool clean;

	/* Not started. */
	if (!vcmd->own)
		return 0;
	vcmd_host_let_go(vcmd);
	clean = vcmd_host_end_set(vcmd->set, "the guest's");
	ioasid_free_all_in_set(vcmd->own);
	clean = vcmd_host_end_set(vcmd->own, "the host's") && clean;
	vcmd->set = NULL;
	vcmd->own = NULL;
	ioasid_caller_set_group(NULL);
	if (vcmd->ctx)
		ioasid_close(vcmd->ctx);
	vcmd->ctx = NULL;
	return clean ? 0 : -EBUSY;
}

int vcmd_host_start(struct vcmd_host *vcmd, unsigned int quota, struct vtd_unit_config *config)
{
	static const struct vtd_unit_vcmd responder = {
		.pasid_alloc = vcmd_host_alloc,
		.pasid_free = vcmd_host_free,
	};
	struct vtd_unit_config real = { 0 };
	int rc;

	memset(vcmd, 0, sizeof(*vcmd));
	vcmd->held = INVALID_IOASID;
	rc = vcmd_host_make_sets(vcmd, quota);
	if (!rc)
		rc = vcmd_host_make_group(vcmd);
	if (rc) {
		vcmd_host_stop(vcmd);
		return rc;
	}
	vtd_unit_vcmd_set(&real, vcmd->set);
	vcmd->real = *real.vcmd;
	vcmd->real_opaque = real.vcmd_opaque;
	config->vcmd = &responder;
	config->vcmd_opaque = vcmd;
	return 0;
}
