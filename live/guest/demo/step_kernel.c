// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* Steps that look at the kernel: it booted, its driver runs our unit, its own DMA works. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/rtc.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "demo.h"

#define DEMO_UNIT	  "/sys/class/iommu/dmar0/intel-iommu/"
#define DEMO_REBOOT_YEAR  2077
#define DEMO_REBOOT_BYTES (16U << 20)

/* The kernel takes the flag out where it does not use 5 levels. */
static bool demo_has_la57(void)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	bool found = false;
	char line[4096];

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, "flags", 5) && strstr(line, " la57");
	if (f)
		fclose(f);
	return found;
}

int step_boot(void)
{
	char up[64], cpus[64];
	struct utsname u;

	uname(&u);
	if (demo_file("/proc/uptime", up, sizeof(up)) < 0 ||
	    demo_file("/sys/devices/system/cpu/online", cpus, sizeof(cpus)) < 0)
		return demo_fail("no /proc or /sys");
	up[strcspn(up, " ")] = 0;
	return demo_ok("Linux %s, CPUs %s, %d-level page tables, %s s after start", u.release, cpus,
		       demo_has_la57() ? 5 : 4, up);
}

/* The unit's registers as the kernel's own driver read them, and what it made of them. */
int step_unit(void)
{
	char version[32], cap[32], ecap[32], type[32], path[128];
	struct accel_info info = { 0 };

	if (demo_file(DEMO_UNIT "version", version, sizeof(version)) < 0 ||
	    demo_file(DEMO_UNIT "cap", cap, sizeof(cap)) < 0 ||
	    demo_file(DEMO_UNIT "ecap", ecap, sizeof(ecap)) < 0)
		return demo_fail("the kernel has no DMAR unit");
	if (demo_info(&info))
		return demo_fail("the accelerator's driver is not up");
	if (info.iommu_group < 0)
		return demo_fail("the accelerator is in no IOMMU group");
	snprintf(path, sizeof(path), "/sys/kernel/iommu_groups/%d/type", info.iommu_group);
	if (demo_file(path, type, sizeof(type)) < 0 || strncmp(type, "DMA", 3))
		return demo_fail("IOMMU group %d translates nothing", info.iommu_group);
	if (!(info.features & ACCEL_FEATURE_PASID) || !info.max_pasids)
		return demo_fail("PASID is not enabled");
	return demo_ok("dmar0 version %s cap %s ecap %s; group %d (%s), %u PASIDs, ATS %s", version,
		       cap, ecap, info.iommu_group, type, info.max_pasids,
		       info.features & ACCEL_FEATURE_ATS ? "on" : "off");
}

void demo_reboot_once(void)
{
	struct accel_desc desc = { .op = ACCEL_OP_COPY, .len = DEMO_REBOOT_BYTES };
	int fd = open("/dev/rtc0", O_RDWR | O_CLOEXEC), i;
	uint8_t *mem = demo_map(2 * DEMO_REBOOT_BYTES, false);
	struct demo_queue q;
	struct rtc_time t;

	if (fd < 0 || ioctl(fd, RTC_RD_TIME, &t)) {
		printf("STEP reboot FAILED no clock\n");
		return;
	}
	if (t.tm_year == DEMO_REBOOT_YEAR - 1900) {
		printf("STEP reboot OK the guest was restarted with copies under way\n");
		return;
	}
	t.tm_year = DEMO_REBOOT_YEAR - 1900;
	if (ioctl(fd, RTC_SET_TIME, &t) || !mem || demo_queue_open(&q, 4)) {
		printf("STEP reboot FAILED %s\n", strerror(errno));
		return;
	}
	desc.src = (uintptr_t)mem;
	desc.dst = (uintptr_t)mem + DEMO_REBOOT_BYTES;
	for (i = 0; i < 8; i++)
		demo_submit(&q, &desc);
	printf("init: restarting\n");
	reboot(RB_AUTOBOOT);
}

static int demo_selftest(enum accel_selftest test, struct accel_run *run)
{
	int fd = open("/dev/ioasid-accel", O_RDWR | O_CLOEXEC);
	int rc = -ENODEV;

	memset(run, 0, sizeof(*run));
	run->test = test;
	if (fd >= 0) {
		rc = ioctl(fd, ACCEL_IOC_SELFTEST, run) ? -errno : run->result;
		close(fd);
	}
	return rc;
}

static int demo_selftest_fail(const char *name, int rc, const struct accel_run *run)
{
	return demo_fail("%s: %s (%s)", name, run->step, strerror(-rc));
}

int step_rid(void)
{
	struct accel_run coherent, streaming, unmapped;
	int kmsg = demo_kmsg_open();
	char line[256] = "", addr[32];
	bool found;
	int rc;

	rc = demo_selftest(ACCEL_SELFTEST_COHERENT, &coherent);
	if (rc)
		return demo_selftest_fail("coherent", rc, &coherent);
	rc = demo_selftest(ACCEL_SELFTEST_STREAMING, &streaming);
	if (rc)
		return demo_selftest_fail("streaming", rc, &streaming);
	rc = demo_selftest(ACCEL_SELFTEST_UNMAPPED, &unmapped);
	if (rc)
		return demo_selftest_fail("unmapped", rc, &unmapped);
	snprintf(addr, sizeof(addr), "%llx", unmapped.iova);
	found = demo_kmsg_find(kmsg, "DMAR: [DMA", addr, line, sizeof(line));
	close(kmsg);
	if (!found)
		return demo_fail("no DMAR line for the fault at %s", addr);
	return demo_ok("%llu bytes by coherent and streaming DMA at %llx and %llx; "
		       "after unmap: \"%s\"",
		       coherent.bytes + streaming.bytes, coherent.iova, streaming.iova, line);
}

int step_pasid(void)
{
	struct accel_run run;
	int rc;

	rc = demo_selftest(ACCEL_SELFTEST_PASID, &run);
	if (rc)
		return demo_selftest_fail("paging domain", rc, &run);
	return demo_ok("iommu_attach_device_pasid(%u): %llu bytes; after iommu_unmap fault %#x at "
		       "%llx",
		       run.pasid, run.bytes, run.fault_code, run.iova);
}

/* Some x86 kernels refuse to share address spaces with devices; that is their decision. */
int step_refused(void)
{
	struct accel_run run;
	int rc;

	rc = demo_selftest(ACCEL_SELFTEST_SVA, &run);
	if (rc != -EOPNOTSUPP)
		return demo_fail("iommu_sva_bind_device() gives %d, not %d", rc, -EOPNOTSUPP);
	return demo_ok("iommu_sva_bind_device() is refused by this kernel (EOPNOTSUPP)");
}
