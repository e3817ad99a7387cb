// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Guest-physical memory out of files. See ctl_image.h. */
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/ctl_image.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "table words are taken from files as they are: little-endian"
#endif

/* No machine has that many pieces of memory; a header that says so wants our memory instead. */
#define CTL_SEG_MAX (1u << 20)

/* What phys_at() returned. Its data keeps the address's alignment within 8 bytes. */
struct ctl_copy {
	struct ctl_copy *next;
	u64 data[];
};

static int __attribute__((format(printf, 3, 4)))
ctl_image_fail(struct ctl_image *img, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(img->error, sizeof(img->error), fmt, ap);
	va_end(ap);
	return rc;
}

/* ---- Reading ---------------------------------------------------------------------------------- */

static bool ctl_pread(int fd, void *buf, size_t len, u64 offset)
{
	char *p = buf;

	while (len) {
		ssize_t n = offset > INT64_MAX ? 0 : pread(fd, p, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
		offset += (u64)n;
	}
	return true;
}

/* The segment that holds @pa, or NULL. */
static const struct ctl_seg *ctl_image_find(const struct ctl_image *img, u64 pa)
{
	size_t lo = 0, hi = img->nr_seg;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (img->seg[mid].last < pa)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < img->nr_seg && img->seg[lo].start <= pa ? &img->seg[lo] : NULL;
}

bool ctl_image_read(const struct ctl_image *img, u64 pa, void *buf, size_t len)
{
	char *p = buf;

	if (!img->sealed)
		return false;
	while (len) {
		const struct ctl_seg *seg = ctl_image_find(img, pa);
		size_t n = len;

		if (!seg)
			return false;
		if (n - 1 > seg->last - pa)
			n = (size_t)(seg->last - pa) + 1;
		if (!ctl_pread(seg->fd, p, n, seg->offset + (pa - seg->start)))
			return false;
		p += n;
		len -= n;
		pa += n;
		if (!pa && len)
			return false;
	}
	return true;
}

static void *ctl_image_at(const struct phys_mem *mem, u64 pa, u32 len)
{
	struct ctl_image *img = container_of(mem, struct ctl_image, mem);
	struct ctl_copy *copy = calloc(1, sizeof(*copy) + 8 + len);
	char *data;

	if (!copy)
		return NULL;
	data = (char *)copy->data + (pa & 7);
	if (!ctl_image_read(img, pa, data, len)) {
		free(copy);
		return NULL;
	}
	copy->next = img->copies;
	img->copies = copy;
	return data;
}

void ctl_image_forget(struct ctl_image *img)
{
	while (img->copies) {
		struct ctl_copy *copy = img->copies;

		img->copies = copy->next;
		free(copy);
	}
}

/* ---- Putting together --------------------------------------------------------------------------- */

void ctl_image_init(struct ctl_image *img)
{
	memset(img, 0, sizeof(*img));
	phys_mem_init_callback(&img->mem, ctl_image_at);
}

void ctl_image_destroy(struct ctl_image *img)
{
	ctl_image_forget(img);
	free(img->seg);
	img->seg = NULL;
	img->nr_seg = 0;
	img->max_seg = 0;
}

/* How many bytes the file has now. Reads check again: it may shrink. */
static int ctl_file_size(struct ctl_image *img, int fd, u64 *size)
{
	struct stat st;
	off_t end;

	if (fstat(fd, &st))
		return ctl_image_fail(img, -errno, "cannot tell its size: %s", strerror(errno));
	end = S_ISREG(st.st_mode) ? st.st_size : lseek(fd, 0, SEEK_END);
	if (end < 0)
		return ctl_image_fail(img, -EINVAL, "not a file with random access");
	*size = (u64)end;
	return 0;
}

static int ctl_image_push(struct ctl_image *img, const struct ctl_seg *seg)
{
	struct ctl_seg *bigger;
	size_t max = img->max_seg ? img->max_seg * 2 : 16;

	if (img->sealed)
		return ctl_image_fail(img, -EINVAL, "the image is complete");
	if (img->nr_seg == img->max_seg) {
		bigger = reallocarray(img->seg, max, sizeof(*seg));
		if (!bigger)
			return ctl_image_fail(img, -ENOMEM, "out of memory");
		img->seg = bigger;
		img->max_seg = max;
	}
	img->seg[img->nr_seg++] = *seg;
	return 0;
}

/* [@start, @start + @len - 1] is at @offset of a file with @size bytes. */
static int ctl_image_add_sized(struct ctl_image *img, int fd, u64 size, u64 start, u64 offset,
			       u64 len)
{
	struct ctl_seg seg = { .start = start, .offset = offset, .fd = fd };

	if (offset >= size || len > size - offset)
		return ctl_image_fail(
			img, -EINVAL,
			"0x%llx bytes at offset 0x%llx lie beyond the end of the file (0x%llx bytes)",
			len, offset, size);
	if (__builtin_add_overflow(start, len - 1, &seg.last))
		return ctl_image_fail(img, -EINVAL, "memory at 0x%llx wraps around", start);
	return ctl_image_push(img, &seg);
}

int ctl_image_add(struct ctl_image *img, int fd, u64 start, u64 offset, u64 len)
{
	u64 size;
	int rc = ctl_file_size(img, fd, &size);

	if (rc)
		return rc;
	if (!len && offset < size)
		len = size - offset;
	if (!len)
		return ctl_image_fail(img, -EINVAL, "nothing at offset 0x%llx", offset);
	return ctl_image_add_sized(img, fd, size, start, offset, len);
}

#define CTL_4G (1ULL << 32)

int ctl_image_add_q35(struct ctl_image *img, int fd, u64 low)
{
	u64 size, below;
	int rc = ctl_file_size(img, fd, &size);

	if (rc)
		return rc;
	if (low > CTL_4G)
		return ctl_image_fail(img, -EINVAL, "memory below 4 GiB cannot end at 0x%llx", low);
	/* QEMU, pc_q35_init(): 2.75 GiB, or 2 GiB for machines with more than that. */
	below = size >= 0xb0000000 ? 0x80000000 : 0xb0000000;
	if (low && low < below)
		below = low;
	if (size <= below)
		return ctl_image_add(img, fd, 0, 0, size);
	rc = ctl_image_add(img, fd, 0, 0, below);
	if (rc)
		return rc;
	rc = ctl_image_add(img, fd, CTL_4G, below, size - below);
	if (rc)
		img->nr_seg--;
	return rc;
}

/* ---- ELF ------------------------------------------------------------------------------------------ */

/* The fields of both classes that matter here. */
struct ctl_elf {
	int fd;
	u64 size;
	bool is64;
	u64 phoff;
	u64 shoff;
	u32 phnum;
	u32 phentsize;
};

struct ctl_phdr {
	u32 type;
	u64 offset;
	u64 paddr;
	u64 filesz;
	u64 memsz;
};

static int ctl_elf_header(struct ctl_image *img, struct ctl_elf *elf)
{
	union {
		unsigned char ident[EI_NIDENT];
		Elf32_Ehdr e32;
		Elf64_Ehdr e64;
	} h;
	u16 type, machine;

	memset(&h, 0, sizeof(h));
	if (!ctl_pread(elf->fd, &h, sizeof(h.e32), 0) || memcmp(h.ident, ELFMAG, SELFMAG))
		return ctl_image_fail(img, -EINVAL, "not an ELF file");
	if (h.ident[EI_DATA] != ELFDATA2LSB || h.ident[EI_VERSION] != EV_CURRENT ||
	    (h.ident[EI_CLASS] != ELFCLASS32 && h.ident[EI_CLASS] != ELFCLASS64))
		return ctl_image_fail(img, -EINVAL, "not a little-endian ELF file");
	elf->is64 = h.ident[EI_CLASS] == ELFCLASS64;
	if (elf->is64 && !ctl_pread(elf->fd, &h, sizeof(h.e64), 0))
		return ctl_image_fail(img, -EINVAL, "ELF header is cut off");
	type = elf->is64 ? h.e64.e_type : h.e32.e_type;
	machine = elf->is64 ? h.e64.e_machine : h.e32.e_machine;
	if (type != ET_CORE || (machine != EM_X86_64 && machine != EM_386))
		return ctl_image_fail(img, -EINVAL, "not a core of an x86 machine");
	elf->phoff = elf->is64 ? h.e64.e_phoff : h.e32.e_phoff;
	elf->shoff = elf->is64 ? h.e64.e_shoff : h.e32.e_shoff;
	elf->phnum = elf->is64 ? h.e64.e_phnum : h.e32.e_phnum;
	elf->phentsize = elf->is64 ? h.e64.e_phentsize : h.e32.e_phentsize;
	return 0;
}

/* More segments than e_phnum can say: the number is in the first section header. */
static int ctl_elf_many(struct ctl_image *img, struct ctl_elf *elf)
{
	Elf64_Shdr sh64;
	Elf32_Shdr sh32;

	if (elf->phnum != PN_XNUM)
		return 0;
	if (elf->is64 ? !ctl_pread(elf->fd, &sh64, sizeof(sh64), elf->shoff) :
			!ctl_pread(elf->fd, &sh32, sizeof(sh32), elf->shoff))
		return ctl_image_fail(img, -EINVAL, "the section header is cut off");
	elf->phnum = elf->is64 ? sh64.sh_info : sh32.sh_info;
	return 0;
}

static bool ctl_elf_phdr(const struct ctl_elf *elf, u32 i, struct ctl_phdr *ph)
{
	u64 at = elf->phoff + (u64)i * elf->phentsize;
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	if (elf->is64) {
		if (!ctl_pread(elf->fd, &p64, sizeof(p64), at))
			return false;
		*ph = (struct ctl_phdr){ p64.p_type, p64.p_offset, p64.p_paddr, p64.p_filesz,
					 p64.p_memsz };
		return true;
	}
	if (!ctl_pread(elf->fd, &p32, sizeof(p32), at))
		return false;
	*ph = (struct ctl_phdr){ p32.p_type, p32.p_offset, p32.p_paddr, p32.p_filesz, p32.p_memsz };
	return true;
}

/* The table of segments is where and as big as the header says, and in the file. */
static int ctl_elf_table(struct ctl_image *img, struct ctl_elf *elf)
{
	int rc = ctl_elf_header(img, elf);
	u64 bytes;

	if (!rc)
		rc = ctl_elf_many(img, elf);
	if (rc)
		return rc;
	bytes = (u64)elf->phnum * elf->phentsize;
	if (elf->phentsize != (elf->is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)))
		return ctl_image_fail(img, -EINVAL, "ELF program headers of %u bytes",
				      elf->phentsize);
	if (elf->phnum > CTL_SEG_MAX)
		return ctl_image_fail(img, -EINVAL, "%u ELF segments are too many", elf->phnum);
	if (elf->phoff > elf->size || bytes > elf->size - elf->phoff)
		return ctl_image_fail(img, -EINVAL, "the ELF program headers are cut off");
	return 0;
}

static int ctl_elf_load(struct ctl_image *img, const struct ctl_elf *elf, u32 i)
{
	struct ctl_phdr ph;

	if (!ctl_elf_phdr(elf, i, &ph))
		return ctl_image_fail(img, -EINVAL, "ELF segment %u cannot be read", i);
	/* What is not in the file is no memory that we could answer for. */
	if (ph.type != PT_LOAD || !ph.filesz)
		return 0;
	if (ph.filesz > ph.memsz)
		return ctl_image_fail(img, -EINVAL, "ELF segment %u is bigger than its memory", i);
	return ctl_image_add_sized(img, elf->fd, elf->size, ph.paddr, ph.offset, ph.filesz);
}

int ctl_image_add_core(struct ctl_image *img, int fd)
{
	struct ctl_elf elf = { .fd = fd };
	size_t before = img->nr_seg;
	u32 i;
	int rc = ctl_file_size(img, fd, &elf.size);

	if (!rc)
		rc = ctl_elf_table(img, &elf);
	if (rc)
		return rc;
	for (i = 0; i < elf.phnum && !rc; i++)
		rc = ctl_elf_load(img, &elf, i);
	if (!rc && img->nr_seg == before)
		rc = ctl_image_fail(img, -EINVAL, "no memory in this core");
	if (rc)
		img->nr_seg = before;
	return rc;
}

/* ---- Sealing ---------------------------------------------------------------------------------------- */

static int ctl_seg_compare(const void *a, const void *b)
{
	const struct ctl_seg *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->last < y->last ? -1 : x->last > y->last;
}

int ctl_image_seal(struct ctl_image *img)
{
	struct ctl_seg *to, *seg, *end;

	if (!img->nr_seg)
		return ctl_image_fail(img, -EINVAL, "no memory given");
	qsort(img->seg, img->nr_seg, sizeof(*img->seg), ctl_seg_compare);
	to = img->seg;
	end = img->seg + img->nr_seg;
	for (seg = img->seg + 1; seg < end; seg++) {
		if (seg->start > to->last) {
			*++to = *seg;
			continue;
		}
		if (seg->fd != to->fd || seg->offset - seg->start != to->offset - to->start)
			return ctl_image_fail(img, -EINVAL,
					      "memory at 0x%llx is given twice, differently",
					      seg->start);
		to->last = max(to->last, seg->last);
	}
	img->nr_seg = (size_t)(to - img->seg) + 1;
	img->sealed = true;
	return 0;
}
