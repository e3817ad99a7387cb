/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Guest-physical memory as it lies in files: raw RAM files and ELF cores.
 *
 * Files are not trusted: their headers may say anything, and they may shrink or change while they
 * are read. So nothing is mapped; each access copies the bytes it needs.
 */
#ifndef IOASID_CTL_IMAGE_H
#define IOASID_CTL_IMAGE_H

#include <stddef.h>

#include "formats/phys.h"

/**
 * struct ctl_seg - a run of guest-physical memory that lies in a file
 * @start: first guest-physical address
 * @last: last one, inclusive
 * @offset: where the byte for @start is in the file
 * @fd: the file, not owned
 */
struct ctl_seg {
	u64 start;
	u64 last;
	u64 offset;
	int fd;
};

struct ctl_copy;

/**
 * struct ctl_image - a guest's memory
 * @mem: what the formats are given; reads only what a file really holds
 * @seg: ascending and disjoint once sealed
 * @nr_seg: how many
 * @copies: what @mem handed out since the last ctl_image_forget()
 * @error: why the last call failed, for people
 *
 * Used by one thread at a time.
 */
struct ctl_image {
	struct phys_mem mem;
	struct ctl_seg *seg;
	size_t nr_seg;
	size_t max_seg;
	struct ctl_copy *copies;
	bool sealed;
	char error[192];
};

/** ctl_image_init() - no memory at all */
void ctl_image_init(struct ctl_image *img);

/**
 * ctl_image_add() - part of a raw file
 * @img: image, not sealed
 * @fd: file opened for reading; has to stay open as long as the image is used
 * @start: guest-physical address
 * @offset: where it is in the file
 * @len: bytes; 0: as many as the file has
 *
 * Return: 0; -EINVAL (nothing there, beyond the end of the file, wraps); -ENOMEM; what fstat(2) says.
 */
int ctl_image_add(struct ctl_image *img, int fd, u64 start, u64 offset, u64 len);

/**
 * ctl_image_add_q35() - a whole RAM file of QEMU's q35 machine
 * @img: image, not sealed
 * @fd: as ctl_image_add()
 * @low: the machine's max-ram-below-4g, 0 if it was not given
 *
 * The machine puts the first part of its RAM at 0 and what does not fit below 4 GiB from there on.
 */
int ctl_image_add_q35(struct ctl_image *img, int fd, u64 low);

/**
 * ctl_image_add_core() - an ELF core as written by QEMU's dump-guest-memory
 * @img: image, not sealed
 * @fd: as ctl_image_add()
 *
 * Its loadable segments are physical memory, 32 or 64 bit, little endian.
 *
 * Return: 0; -EINVAL if it is no such file, or lies; -ENOMEM; what fstat(2) says.
 */
int ctl_image_add_core(struct ctl_image *img, int fd);

/**
 * ctl_image_seal() - all parts are there
 * @img: image
 *
 * Parts that overlap are fine if they mean the same bytes of the same file (a core made with paging
 * names memory once per mapping). Return: 0, or -EINVAL.
 */
int ctl_image_seal(struct ctl_image *img);

/**
 * ctl_image_read() - copy out
 * @img: sealed image
 * @pa: guest-physical address
 * @buf: destination
 * @len: bytes
 *
 * Return: true if every byte was there.
 */
bool ctl_image_read(const struct ctl_image *img, u64 pa, void *buf, size_t len);

/** ctl_image_forget() - free what @img->mem handed out; pointers from it become invalid */
void ctl_image_forget(struct ctl_image *img);

/** ctl_image_destroy() - free everything; files stay open */
void ctl_image_destroy(struct ctl_image *img);

#endif
