/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * The host's own record of all DMA: what each endpoint did, where it went, what came of it. One line
 * of text per command, for people and scripts to compare with what the guest believes.
 */
#ifndef LIVE_HW_RECORD_H
#define LIVE_HW_RECORD_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

/** struct record - @out: NULL: nothing is written; @sequence: number of the next line */
struct record {
	pthread_mutex_t lock;
	FILE *out;
	unsigned long long sequence;
};

struct endpoint_command;
struct endpoint_result;

/** record_open() - @path: NULL: keep none. Return: 0 or what open(2) says. */
int record_open(struct record *record, const char *path);
void record_close(struct record *record);

/**
 * record_dma() - note a command that ended
 * @rid: who
 * @c: what; its data are those read or written
 * @r: result
 */
void record_dma(struct record *record, uint16_t rid, const struct endpoint_command *c,
		const struct endpoint_result *r);

/** record_page_request(), record_response() - note a message; @pasid ~0: none */
void record_page_request(struct record *record, uint16_t rid, uint32_t pasid, uint64_t addr,
			 unsigned int group, unsigned int flags);
void record_response(struct record *record, uint16_t rid, uint32_t pasid, unsigned int group,
		     unsigned int code);

#endif
