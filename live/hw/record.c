// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <errno.h>
#include <string.h>

#include "endpoint.h"

int record_open(struct record *record, const char *path)
{
	memset(record, 0, sizeof(*record));
	pthread_mutex_init(&record->lock, NULL);
	if (!path)
		return 0;
	record->out = fopen(path, "w");
	return record->out ? 0 : -errno;
}

void record_close(struct record *record)
{
	if (record->out)
		fclose(record->out);
	record->out = NULL;
	pthread_mutex_destroy(&record->lock);
}

static const char *record_result(uint32_t result)
{
	static const char *const names[] = { "none", "ok", "blocked", "aborted", "refused" };

	return result < sizeof(names) / sizeof(names[0]) ? names[result] : "?";
}

static void record_data(FILE *out, const uint8_t *data, uint32_t len)
{
	uint32_t i;

	fprintf(out, " data ");
	for (i = 0; i < len && i < IOHW_MAX_LEN; i++)
		fprintf(out, "%02x", data[i]);
}

/* Caller holds the lock. */
static void record_head(struct record *record, uint16_t rid, uint32_t pasid)
{
	fprintf(record->out, "%llu rid %04x pasid ", record->sequence++, rid);
	if (pasid == IOASID_INVALID)
		fprintf(record->out, "-");
	else
		fprintf(record->out, "%u", pasid);
}

void record_dma(struct record *record, uint16_t rid, const struct endpoint_command *c,
		const struct endpoint_result *r)
{
	static const char *const ops[] = { "read", "write", "add" };
	uint32_t op = c->control & IOHW_CMD_OP;

	if (!record->out)
		return;
	pthread_mutex_lock(&record->lock);
	record_head(record, rid, c->control & IOHW_CMD_PASID ? c->pasid : IOASID_INVALID);
	fprintf(record->out, " %s %u at %llx: %s", op < 3 ? ops[op] : "?", c->length,
		(unsigned long long)c->addr, record_result(r->result));
	if (r->reached != IOHW_NOWHERE)
		fprintf(record->out, " gpa %llx", (unsigned long long)r->reached);
	if (r->between != IOHW_NOWHERE)
		fprintf(record->out, " between %llx", (unsigned long long)r->between);
	if (c->expect != IOHW_NOWHERE && r->result == IOHW_OK && c->expect != r->reached)
		fprintf(record->out, " EXPECTED %llx", (unsigned long long)c->expect);
	if (r->result == IOHW_BLOCKED)
		fprintf(record->out, " reason %02x fault %llx", r->reason & 0xff,
			(unsigned long long)r->fault_addr);
	if (r->page_requests)
		fprintf(record->out, " page requests %u", r->page_requests);
	if (r->result == IOHW_OK)
		record_data(record->out, c->data, c->length);
	fprintf(record->out, "\n");
	pthread_mutex_unlock(&record->lock);
}

void record_page_request(struct record *record, uint16_t rid, uint32_t pasid, uint64_t addr,
			 unsigned int group, unsigned int flags)
{
	if (!record->out)
		return;
	pthread_mutex_lock(&record->lock);
	record_head(record, rid, pasid);
	fprintf(record->out, " page request at %llx group %u%s%s%s\n", (unsigned long long)addr,
		group, flags & IOHW_PRQ_READ ? " read" : "", flags & IOHW_PRQ_WRITE ? " write" : "",
		flags & IOHW_PRQ_LAST ? " last" : "");
	pthread_mutex_unlock(&record->lock);
}

void record_response(struct record *record, uint16_t rid, uint32_t pasid, unsigned int group,
		     unsigned int code)
{
	if (!record->out)
		return;
	pthread_mutex_lock(&record->lock);
	record_head(record, rid, pasid);
	fprintf(record->out, " response group %u code %u\n", group, code);
	pthread_mutex_unlock(&record->lock);
}
