// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <pthread.h>
#include <string.h>

#include "accel.h"

/* Castagnoli's polynomial, bit-reversed. */
#define CRC32C_POLY 0x82f63b78U

static uint32_t crc32c_table[8][256];
static pthread_once_t crc32c_once = PTHREAD_ONCE_INIT;

/* table[k][b]: the effect of byte b followed by k zero bytes. */
static void crc32c_init(void)
{
	unsigned int i, k;
	uint32_t c;

	for (i = 0; i < 256; i++) {
		c = i;
		for (k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? CRC32C_POLY : 0);
		crc32c_table[0][i] = c;
	}
	for (k = 1; k < 8; k++)
		for (i = 0; i < 256; i++) {
			c = crc32c_table[k - 1][i];
			crc32c_table[k][i] = c >> 8 ^ crc32c_table[0][c & 0xff];
		}
}

uint32_t accel_crc32c(uint32_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;
	unsigned int k;
	uint32_t next;
	uint64_t word;

	pthread_once(&crc32c_once, crc32c_init);
	crc = ~crc;
	for (; len >= 8; len -= 8, p += 8) {
		memcpy(&word, p, sizeof(word));
		word ^= crc;
		for (next = 0, k = 0; k < 8; k++)
			next ^= crc32c_table[7 - k][word >> 8 * k & 0xff];
		crc = next;
	}
	for (; len; len--, p++)
		crc = crc >> 8 ^ crc32c_table[0][(crc ^ *p) & 0xff];
	return ~crc;
}
