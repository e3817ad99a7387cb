// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Memory images for tests of ioasidctl: a machine's RAM, raw and as a core, and beside it what
 * QEMU did with DMA through the tables in it. Where a DMA went is found out by looking for the
 * data, never by asking our walker.
 *
 * NAME.ram, NAME.core	memory
 * NAME.unit		lines "key value": cap, ecap, haw, rtaddr, low
 * NAME.dma		a line per DMA: RID, r or w, IOVA, and where it went or "fault" with its code
 *			("fault ?" where QEMU is known to report another)
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/judge/judge.h"

#define MIB  (1ULL << 20)
#define GIB  (1ULL << 30)
#define PAGE PHYS_PAGE_SIZE
#define RW   (IOPT_READ | IOPT_WRITE)
#define HOME 0x5a5a5a000ULL

static const struct variant image_variants[] = {
	{
		.machine = { "host", "aw-bits=48", "legacy", 48, true },
		.title = "legacy",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 4,
		.legacy = true,
	},
	{
		.machine = { "host", "x-scalable-mode=on,aw-bits=39", "second-stage", 39, true },
		.title = "second-stage",
		.fmt = IOPT_FMT_VTD_SS,
		.levels = 3,
	},
	{
		.machine = { "tree", "scalable-mode=on,fsts=on", "first-stage", 48, true },
		.title = "first-stage",
		.fmt = IOPT_FMT_VTD_FS,
		.levels = 4,
		.codes = true,
	},
};

/* Every eight bytes of data hold their own address. */
static void image_fill(struct judge *j)
{
	unsigned int i;
	u64 pa;

	for (i = 0; i < ARRAY_SIZE(j->m.data_area); i++)
		for (pa = j->m.data_area[i].start;
		     pa < j->m.data_area[i].start + j->m.data_area[i].size; pa += 8)
			*(u64 *)machine_ptr(&j->m.real, pa, 8) = pa;
}

static bool image_write(struct judge *j, const struct judge_link *l, u64 iova, u64 *pa)
{
	u64 token[2] = { rng_next(&j->rng), rng_next(&j->rng) }, *at;

	memcpy(machine_ptr(&j->m.real, l->home_pa, 16), token, 16);
	machine_dma(&j->m, l->e, l->home, 16, false);
	machine_dma(&j->m, l->e, iova, 16, true);
	if (!machine_find(&j->m, token, sizeof(token), l->home_pa, pa))
		return false;
	at = machine_ptr(&j->m.real, *pa, 16);
	at[0] = *pa;
	at[1] = *pa + 8;
	return true;
}

static bool image_read(struct judge *j, const struct judge_link *l, u64 iova, u64 *pa)
{
	u64 *home = machine_ptr(&j->m.real, l->home_pa, 8);

	*home = 0;
	machine_dma(&j->m, l->e, l->home, 8, false);
	machine_dma(&j->m, l->e, iova, 8, false);
	machine_dma(&j->m, l->e, l->home, 8, true);
	*pa = *home;
	return *home && ~*home;
}

static void image_dma(struct judge *j, FILE *to, const struct judge_link *l, u64 iova, bool write)
{
	struct unit_fault fault;
	u64 pa = 0;
	bool moved;

	judge_flush_global(j);
	machine_fault(&j->m);
	moved = write ? image_write(j, l, iova, &pa) : image_read(j, l, iova, &pa);
	fault = machine_fault(&j->m);
	if (moved == fault.recorded)
		qemu_die("DMA at 0x%llx: %s", iova,
			 moved ? "moved data and faulted" : "did nothing");
	fprintf(to, "0x%04x %c 0x%llx ", l->e->rid, write ? 'w' : 'r', iova);
	if (moved)
		fprintf(to, "0x%llx\n", pa);
	else if (j->v->codes)
		fprintf(to, "fault 0x%x\n", fault.reason);
	else
		fprintf(to, "fault ?\n");
}

#define IMAGE_MAPS 10

struct image_map {
	u64 iova;
	u64 len;
};

static void image_map(struct judge *j, struct space *s, struct image_map *map)
{
	u32 prot = rng_below(&j->rng, 3) ? RW : IOPT_READ;

	map->len = rng_below(&j->rng, 3) ? PAGE * (1 + rng_below(&j->rng, 8)) : 2 * MIB;
	if (!space_is_fs(j) && !rng_below(&j->rng, 4))
		prot = IOPT_WRITE;
	do
		map->iova = rng_next(&j->rng) & s->pt.ia_last &
			    ~(map->len > MIB ? 2 * MIB - 1 : PAGE - 1);
	while (iopt_map(&s->pt, map->iova,
			data_pages(j, map->len, map->len > MIB ? map->len : PAGE), map->len, prot));
}

static void image_device(struct judge *j, FILE *to, const struct judge_link *l,
			 const struct image_map *map)
{
	unsigned int i;

	for (i = 0; i < IMAGE_MAPS; i++) {
		u64 in = map[i].iova + (rng_below(&j->rng, map[i].len) & ~15ULL);

		image_dma(j, to, l, in, true);
		image_dma(j, to, l, in, false);
		image_dma(j, to, l, map[i].iova + map[i].len - 16, false);
		image_dma(j, to, l, map[i].iova + map[i].len, true);
		image_dma(j, to, l, map[i].iova ^ (j->m.cfg->aw > 39 ? BIT_ULL(47) : BIT_ULL(40)),
			  false);
	}
}

static FILE *image_file(const char *dir, const char *name, const char *what)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.%s", dir, name, what);
	f = fopen(path, "we");
	if (!f)
		qemu_die("%s: %s", path, strerror(errno));
	return f;
}

static void image_close(FILE *f)
{
	if (fclose(f))
		qemu_die("cannot write: %s", strerror(errno));
}

static void image_unit(struct judge *j, const char *dir)
{
	FILE *f = image_file(dir, j->v->machine.name, "unit");

	fprintf(f, "cap 0x%llx\necap 0x%llx\nhaw %u\nrtaddr 0x%llx\nlow 0x%llx\n", j->m.cap,
		j->m.ecap, j->m.caps.haw, j->rtaddr, j->m.low);
	image_close(f);
}

static void image_one(const struct variant *v, const char *dir, u64 seed)
{
	struct image_map map[EDU_NR][IMAGE_MAPS];
	char ram[256], core[256];
	struct judge_link l[EDU_NR];
	struct space s[EDU_NR];
	unsigned int i, k;
	struct judge j;
	FILE *f;

	judge_start(&j, v, seed);
	image_fill(&j);
	for (i = 0; i < EDU_NR; i++) {
		space_init(&j, &s[i], false);
		judge_link(&j, &l[i], i, &s[i], HOME);
		for (k = 0; k < IMAGE_MAPS; k++)
			image_map(&j, &s[i], &map[i][k]);
	}
	f = image_file(dir, v->machine.name, "dma");
	for (i = 0; i < EDU_NR; i++)
		image_device(&j, f, &l[i], map[i]);
	image_close(f);
	image_unit(&j, dir);
	snprintf(ram, sizeof(ram), "%s/%s.ram", dir, v->machine.name);
	snprintf(core, sizeof(core), "%s/%s.core", dir, v->machine.name);
	machine_save(&j.m, ram, core);
	machine_stop(&j.m);
	printf("# image %s: %llu DMAs\n", v->title, j.m.dmas);
}

int judge_image(const char *dir, u64 seed)
{
	unsigned int i;

	if (mkdir(dir, 0755) && errno != EEXIST)
		qemu_die("%s: %s", dir, strerror(errno));
	for (i = 0; i < ARRAY_SIZE(image_variants); i++)
		image_one(&image_variants[i], dir, seed);
	return 0;
}
