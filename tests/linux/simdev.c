// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 *   simdev NAME COMMAND...
 *
 * Make a software device that takes PASIDs, user tables and page requests, run COMMAND while it is
 * there, end with its status.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ioasid.h>
#include <linux/ioasid_sim.h>

int main(int argc, char **argv)
{
	struct ioasid_sim_iommu iommu = { .argsz = sizeof(iommu) };
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.flags = IOASID_SIM_ATS | IOASID_SIM_PRI,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = 16,
		.group = IOASID_SIM_NONE,
	};
	int fd = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC), status = 1;
	pid_t pid;

	if (argc < 3)
		return 2;
	snprintf(d.name, sizeof(d.name), "%s", argv[1]);
	if (fd < 0 || ioctl(fd, IOASID_SIM_IOMMU_CREATE, &iommu)) {
		perror("simdev: /dev/ioasid-sim");
		return 1;
	}
	d.iommu = iommu.iommu;
	if (ioctl(fd, IOASID_SIM_DEVICE_CREATE, &d)) {
		perror("simdev: device");
		return 1;
	}
	pid = fork();
	if (!pid) {
		execv(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
