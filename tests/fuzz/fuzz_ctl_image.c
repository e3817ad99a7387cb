// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * libFuzzer target: hostile memory images. The input is a header that says how to take the rest:
 * as an ELF core, or as a raw file with pieces. What was accepted must keep its promises: pieces in
 * order, apart, inside the file; reads give the file's bytes or nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "formats/vtd.h"
#include "tools/ctl_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct piece {
	u64 start;
	u64 offset;
	u64 len;
};

struct header {
	u64 iova;
	u64 rtaddr;
	u64 read;
	u64 low;
	struct piece piece[2];
	u16 read_len;
	u8 how; /* bit 0: core, bit 1: q35, bits 2, 3: the pieces */
	u8 shrink;
};

/* Each byte is the file's, or the read is refused. */
static void check_byte(const struct ctl_image *img, u64 pa, bool there)
{
	u8 byte;

	if (ctl_image_read(img, pa, &byte, 1) != there)
		abort();
}

static void check_segments(const struct ctl_image *img, u64 size)
{
	size_t i;

	for (i = 0; i < img->nr_seg; i++) {
		const struct ctl_seg *s = &img->seg[i];

		if (s->last < s->start || s->offset >= size ||
		    s->last - s->start >= size - s->offset)
			abort();
		if (i && s->start <= img->seg[i - 1].last)
			abort();
		check_byte(img, s->start, true);
		check_byte(img, s->last, true);
		if (s->last != ~0ULL &&
		    (i + 1 == img->nr_seg || img->seg[i + 1].start != s->last + 1))
			check_byte(img, s->last + 1, false);
	}
}

static int load(struct ctl_image *img, int fd, const struct header *h)
{
	unsigned int i;
	size_t before;
	int rc = 0;

	if (h->how & 1)
		rc = ctl_image_add_core(img, fd);
	if (!rc && h->how & 2)
		rc = ctl_image_add_q35(img, fd, h->low);
	for (i = 0; i < 2 && !rc; i++) {
		before = img->nr_seg;
		if (!(h->how & 4 << i))
			continue;
		rc = ctl_image_add(img, fd, h->piece[i].start, h->piece[i].offset, h->piece[i].len);
		if (rc && (img->nr_seg != before || !img->error[0]))
			abort();
	}
	return rc ? rc : ctl_image_seal(img);
}

static void use(struct ctl_image *img, const struct header *h)
{
	struct vtd_req req = { .rid = (u16)h->iova };
	struct vtd_caps caps;
	struct vtd_lookup lk;
	struct vtd_xlat x;
	u8 *buf = malloc(h->read_len + 1u);

	if (!buf)
		return;
	ctl_image_read(img, h->read, buf, h->read_len);
	free(buf);
	vtd_caps_decode(&caps, ~0ULL, ~VTD_ECAP_RPS, 52);
	if (!vtd_lookup(&img->mem, &caps, h->rtaddr, &req, &lk, NULL))
		vtd_walk_peek(&img->mem, &caps, &lk.te, h->iova, XLAT_READ, &x, NULL);
	ctl_image_forget(img);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ctl_image img;
	struct header h;
	u64 len = size - sizeof(h);
	int fd;

	if (size < sizeof(h))
		return 0;
	memcpy(&h, data, sizeof(h));
	fd = memfd_create("image", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + sizeof(h), len) != (ssize_t)len)
		abort();
	ctl_image_init(&img);
	if (!load(&img, fd, &h)) {
		check_segments(&img, len);
		use(&img, &h);
		/* The file may get shorter while it is looked at. */
		if (h.shrink && ftruncate(fd, (off_t)(len * h.shrink / 256)))
			abort();
		use(&img, &h);
	}
	ctl_image_destroy(&img);
	close(fd);
	return 0;
}
