// SPDX-License-Identifier: GPL-2.0-only OR MIT
#include <stdio.h>
#include <ioasid/host.h>

static _Alignas(4096) char page[4096] = "hello, device";

int main(void)
{
	const struct ioasid_hostdev_config config = {
		.size = sizeof(config),
		.name = "nic",
		.rid = 0x0100,
		.dev_class = IOASID_CLASS_PDEV,
		.group = IOASID_INVALID,
	};
	struct ioasid_dma good = { .addr = 0x10000 }, bad = { .addr = 0x20000 };
	struct ioasid_hostdev *nic; /* the device as its emulator sees it */
	struct ioasid_dev *dev; /* the device as its user sees it */
	struct ioasid_host *host;
	struct ioasid *ctx;
	uint32_t space;
	char buf[16];

	if (ioasid_host_default(&host) || ioasid_hostdev_create(host, &config, &nic) ||
	    ioasid_open("inproc", &ctx) || ioasid_dev_open(ctx, "nic", &dev) ||
	    ioasid_dev_bind(dev, ctx, 1) || ioasid_alloc_kernel(ctx, &space) ||
	    ioasid_map(ctx, space, 0x10000, (uintptr_t)page, 4096, IOASID_MAP_READ) ||
	    ioasid_dev_attach(dev, space, 0) || ioasid_dma_read(nic, &good, buf, sizeof(buf)))
		return 1;
	printf("the device read: %s\n", buf);
	if (!ioasid_dma_read(nic, &bad, buf, sizeof(buf)))
		return 1;
	printf("blocked at 0x%lx: %s\n", bad.fault_addr, ioasid_strreason(bad.reason));

	ioasid_dev_close(dev);
	ioasid_close(ctx);
	ioasid_hostdev_destroy(nic);
	ioasid_host_put(host);
	return 0;
}
