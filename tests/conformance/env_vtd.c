// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * Commanded PCI endpoints as the conformance suite sees them.
 *
 * The endpoint's one page of registers is used beside ioasid-pci.ko, through sysfs, so that it can be
 * told to send requests also while nobody has it: the VT-d unit must block them, not the endpoint.
 * That needs a kernel booted with iomem=relaxed. Where the caller says which of its memory a request
 * must reach, the endpoint is told the page's physical address, and says so if it got elsewhere.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <ioasid_hw.h>

#include "tests/conformance/env_vtd.h"

#define PCI_DEVICES    "/sys/bus/pci/devices"
#define PCI_DRIVER     "/sys/bus/pci/drivers/ioasid-pci"
#define NODES	       "/dev/ioasid-devices"
#define PCI_COMMAND    4
#define PCI_MEM_MASTER 6
#define NR_ENDPOINTS   2
#define PAGE	       4096ULL

/**
 * struct endpoint - one of the two functions
 * @bdf: its name
 * @link: its node's second name, by which the suite knows it; empty: not plugged in
 * @bar: registers
 * @config: descriptor of its configuration space
 * @command: held while a command runs; @messages: while a page request message is sent
 */
struct endpoint {
	char bdf[32];
	char link[64];
	volatile uint8_t *bar;
	int config;
	pthread_mutex_t command, messages;
};

static struct endpoint endpoints[NR_ENDPOINTS];
static unsigned int nr_endpoints;
static bool nesting, pasid_nesting;
static int pagemap = -1;

/* A device of the suite is an element of endpoints[], or a software device. */
static struct endpoint *endpoint_of(struct conf_dev *dev)
{
	struct endpoint *e = (struct endpoint *)dev;

	return e >= endpoints && e < endpoints + NR_ENDPOINTS ? e : NULL;
}

/* ---- registers ------------------------------------------------------------------------------- */

static uint32_t read32(const struct endpoint *e, unsigned int reg)
{
	return *(const volatile uint32_t *)(const volatile void *)(e->bar + reg);
}

static uint64_t read64(const struct endpoint *e, unsigned int reg)
{
	return *(const volatile uint64_t *)(const volatile void *)(e->bar + reg);
}

static void write32(const struct endpoint *e, unsigned int reg, uint32_t value)
{
	*(volatile uint32_t *)(volatile void *)(e->bar + reg) = value;
}

static void write64(const struct endpoint *e, unsigned int reg, uint64_t value)
{
	*(volatile uint64_t *)(volatile void *)(e->bar + reg) = value;
}

/* Whoever let go of the function switched it off; requests shall reach the unit all the same. */
static void switch_on(const struct endpoint *e)
{
	uint32_t functions = read32(e, IOHW_REG_FUNCTIONS);
	uint16_t command = 0;

	if (functions != ~0U && functions & IOHW_FUNC_MASTER)
		return;
	if (pread(e->config, &command, 2, PCI_COMMAND) != 2)
		abort();
	command |= PCI_MEM_MASTER;
	if (pwrite(e->config, &command, 2, PCI_COMMAND) != 2)
		abort();
}

/* ---- finding the endpoints ------------------------------------------------------------------- */

static void die(const char *what, const char *name)
{
	printf("not ok - %s %s: %s\n", what, name, strerror(errno));
	exit(1);
}

static void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("writing", path);
	close(fd);
}

static unsigned int read_id(const char *bdf, const char *name)
{
	char path[384];
	unsigned int id = 0;
	FILE *file;

	snprintf(path, sizeof(path), PCI_DEVICES "/%s/%s", bdf, name);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%x", &id) != 1)
			id = 0;
		fclose(file);
	}
	return id;
}

static void endpoint_open(struct endpoint *e, const char *bdf)
{
	char path[384];
	void *bar;
	int fd;

	snprintf(e->bdf, sizeof(e->bdf), "%.31s", bdf);
	pthread_mutex_init(&e->command, NULL);
	pthread_mutex_init(&e->messages, NULL);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/driver_override", e->bdf);
	write_text(path, "ioasid-pci");
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/config", e->bdf);
	e->config = open(path, O_RDWR | O_CLOEXEC);
	if (e->config < 0)
		die("opening", path);
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/enable", e->bdf);
	write_text(path, "1");
	snprintf(path, sizeof(path), PCI_DEVICES "/%s/resource%u", e->bdf, IOHW_BAR_REGS);
	fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC);
	bar = fd < 0 ? MAP_FAILED :
		       mmap(NULL, IOHW_BAR_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bar == MAP_FAILED)
		die("mapping", path);
	close(fd);
	e->bar = bar;
	switch_on(e);
	if (read32(e, IOHW_REG_ID) != IOHW_ID_VALUE)
		die("no endpoint at", e->bdf);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void find_endpoints(void)
{
	struct dirent **list;
	int i, n = scandir(PCI_DEVICES, &list, NULL, by_name);

	for (i = 0; i < n; i++) {
		const char *bdf = list[i]->d_name;

		if (nr_endpoints < NR_ENDPOINTS && read_id(bdf, "vendor") == IOHW_PCI_VENDOR &&
		    read_id(bdf, "device") == IOHW_PCI_DEVICE)
			endpoint_open(&endpoints[nr_endpoints++], bdf);
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (nr_endpoints != NR_ENDPOINTS)
		die("finding", "two endpoints");
	pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pagemap < 0)
		die("opening", "/proc/self/pagemap");
}

/* ---- plugging -------------------------------------------------------------------------------- */

static bool node_add(struct endpoint *e, const char *name)
{
	char target[64];

	write_text(PCI_DRIVER "/bind", e->bdf);
	snprintf(target, sizeof(target), "%s", e->bdf);
	snprintf(e->link, sizeof(e->link), NODES "/%.32s", name);
	if (!symlink(target, e->link))
		return true;
	printf("# %s: %s\n", e->link, strerror(errno));
	write_text(PCI_DRIVER "/unbind", e->bdf);
	e->link[0] = 0;
	return false;
}

static bool is_default(const struct conf_dev_spec *spec)
{
	return spec->dev_class == IOASID_CLASS_PDEV_PASID && spec->pasid_bits == 20 && spec->ats &&
	       spec->pri && !spec->mute && spec->group == IOASID_INVALID && !spec->pri_capacity;
}

struct conf_dev *vtd_plug(struct conf_env *env, const struct conf_dev_spec *spec)
{
	struct endpoint *e = NULL;

	if (is_default(spec) && !strcmp(spec->name, "dev0"))
		e = &endpoints[0];
	else if (is_default(spec) && !strcmp(spec->name, "dev1"))
		e = &endpoints[1];
	if (!e || e->link[0])
		return sim_plug(env, spec);
	return node_add(e, spec->name) ? (struct conf_dev *)e : NULL;
}

void vtd_unplug(struct conf_dev *dev)
{
	struct endpoint *e = endpoint_of(dev);
	uint32_t group, code;

	if (!e) {
		sim_unplug(dev);
		return;
	}
	write32(e, IOHW_REG_CONTROL, IOHW_CONTROL_ABORT);
	write_text(PCI_DRIVER "/unbind", e->bdf);
	unlink(e->link);
	e->link[0] = 0;
	/* The next one plugged in is another device, for all the suite knows. */
	switch_on(e);
	write32(e, IOHW_REG_CONTROL, IOHW_CONTROL_RESET);
	while (vtd_response(dev, &group, &code))
		;
}

/* ---- machines -------------------------------------------------------------------------------- */

/* Can a user table be attached by PASID here? */
static bool nests_by_pasid(struct ioasid *ctx, struct ioasid_dev *dev)
{
	struct ioasid_table table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4 };
	uint32_t parent, user;

	return !ioasid_dev_bind(dev, ctx, 1) && !ioasid_alloc_kernel(ctx, &parent) &&
	       !ioasid_alloc_user_table(ctx, parent, &table, &user) &&
	       !ioasid_dev_attach_pasid(dev, user, 1, 0);
}

static void learn(void)
{
	struct ioasid_device_info info = { 0 };
	struct ioasid_dev *dev;
	struct ioasid *ctx;

	find_endpoints();
	if (!node_add(&endpoints[0], "dev0"))
		die("plugging in", endpoints[0].bdf);
	if (ioasid_open("/dev/ioasid", &ctx) || ioasid_dev_open(ctx, "dev0", &dev) ||
	    ioasid_dev_get_info(dev, &info))
		die("asking", endpoints[0].bdf);
	nesting = info.caps & IOASID_DEV_NESTING;
	pasid_nesting = nesting && nests_by_pasid(ctx, dev);
	printf("# %s: class %u, capabilities %#x, %u bits of PASID, %s\n", endpoints[0].bdf,
	       info.dev_class, info.caps, info.pasid_width,
	       pasid_nesting ? "nests by PASID" : "does not nest by PASID");
	ioasid_dev_close(dev);
	ioasid_close(ctx);
	vtd_unplug((struct conf_dev *)&endpoints[0]);
}

const char *vtd_lacks(unsigned int needs)
{
	if (!nr_endpoints)
		learn();
	if (needs & NEEDS_NESTING && nesting && !pasid_nesting)
		return "this kernel's VT-d driver cannot nest by PASID";
	return NULL;
}

/* The unit is as it was booted; what devices are given for an answer is the software ones' matter. */
bool vtd_can(const struct conf_machine *machine)
{
	if (!nr_endpoints)
		learn();
	return !machine->levels && !machine->cache_entries && !machine->page_sizes &&
	       machine->no_nesting == !nesting && !machine->no_snoop && !machine->first_stage &&
	       !machine->pasid_bits && !machine->fault_share && !machine->delay_us &&
	       !machine->no_wait && !machine->no_invalidate && !machine->no_ad;
}

int vtd_start(struct conf_env *env, const struct conf_machine *machine)
{
	return vtd_can(machine) ? sim_start(env, machine) : -EOPNOTSUPP;
}

void vtd_stop(struct conf_env *env)
{
	sim_stop(env);
}

/* ---- requests -------------------------------------------------------------------------------- */

static uint32_t reason_of(uint32_t reg, bool nested)
{
	uint32_t code = reg & 0xff;

	/* Context entry, PASID directory, PASID entry: there is none, or it does not let this in. */
	if ((code >= 0x38 && code <= 0x5f) || code == 2 || code == 13)
		return IOASID_REASON_NO_ROUTE;
	if (nested)
		return IOASID_REASON_STAGE2;
	switch ((enum iohw_fault)(reg >> 8 & 0xff)) {
	case IOHW_FAULT_NONE:
		return IOASID_REASON_NONE;
	case IOHW_FAULT_NOT_PRESENT:
		return IOASID_REASON_NOT_PRESENT;
	case IOHW_FAULT_PERMISSION:
		return IOASID_REASON_PERMISSION;
	case IOHW_FAULT_RESERVED:
		return IOASID_REASON_RESERVED_BIT;
	case IOHW_FAULT_ACCESS:
		return IOASID_REASON_TABLE_ACCESS;
	case IOHW_FAULT_ROUTE:
		return IOASID_REASON_NO_ROUTE;
	case IOHW_FAULT_WIDTH:
	case IOHW_FAULT_RANGE:
		return IOASID_REASON_ADDRESS;
	}
	return IOASID_REASON_NONE;
}

/* Guest-physical address of @p, as far as it is there. */
static uint64_t physical(const void *p)
{
	uint64_t entry, va = (uintptr_t)p;

	if (!p || pread(pagemap, &entry, 8, (off_t)(va / PAGE * 8)) != 8 || !(entry >> 63))
		return IOHW_NOWHERE;
	return (entry & ((1ULL << 55) - 1)) * PAGE + va % PAGE;
}

static void wait_idle(const struct endpoint *e)
{
	unsigned int polls;

	for (polls = 0; read32(e, IOHW_REG_STATUS) & IOHW_STATUS_BUSY; polls++) {
		if (polls > 20)
			usleep(200);
	}
}

static void put_data(const struct endpoint *e, const uint8_t *data, size_t len)
{
	uint64_t word;
	size_t i;

	for (i = 0; i < len; i += 8) {
		word = 0;
		memcpy(&word, data + i, len - i < 8 ? len - i : 8);
		write64(e, IOHW_REG_DATA + (unsigned int)i, word);
	}
}

static void get_data(const struct endpoint *e, uint8_t *data, size_t len)
{
	uint64_t word;
	size_t i;

	for (i = 0; i < len; i += 8) {
		word = read64(e, IOHW_REG_DATA + (unsigned int)i);
		memcpy(data + i, &word, len - i < 8 ? len - i : 8);
	}
}

/* What the last command came to. */
static int result_of(const struct endpoint *e, struct conf_dma *dma)
{
	uint32_t result = read32(e, IOHW_REG_RESULT);

	if (dma->page_request)
		dma->page_requests += read32(e, IOHW_REG_PAGE_REQUESTS);
	switch (result) {
	case IOHW_OK:
		return 0;
	case IOHW_BLOCKED:
		dma->reason = reason_of(read32(e, IOHW_REG_REASON),
					read64(e, IOHW_REG_BETWEEN) != IOHW_NOWHERE);
		dma->fault_addr = read64(e, IOHW_REG_FAULT_ADDR);
		return -EFAULT;
	case IOHW_ABORTED:
		return -EFAULT;
	default:
		/* No PASID, or no page requests, in its configuration space: it cannot even ask. */
		dma->reason = IOASID_REASON_NO_ROUTE;
		dma->fault_addr = dma->addr;
		return -EFAULT;
	}
}

/* At most IOHW_MAX_LEN bytes. */
static int piece(const struct endpoint *e, struct conf_dma *dma, size_t done, size_t len)
{
	static const uint32_t ops[] = {
		[CONF_READ] = IOHW_CMD_READ,
		[CONF_WRITE] = IOHW_CMD_WRITE,
		[CONF_FETCH_ADD] = IOHW_CMD_FETCH_ADD,
	};
	uint8_t *data = (uint8_t *)dma->buf + done;
	uint32_t control = ops[dma->op];
	int rc;

	switch_on(e);
	write64(e, IOHW_REG_ADDR, dma->addr + done);
	write32(e, IOHW_REG_LENGTH, (uint32_t)len);
	if (dma->pasid != CONF_RID) {
		write32(e, IOHW_REG_PASID, dma->pasid);
		control |= IOHW_CMD_PASID;
	}
	if (dma->page_request)
		control |= IOHW_CMD_PAGE_REQUEST;
	if (dma->no_report)
		control |= IOHW_CMD_QUIET;
	if (dma->op != CONF_READ)
		put_data(e, data, len);
	if (dma->target && !done)
		write64(e, IOHW_REG_EXPECT, physical(dma->target));
	write32(e, IOHW_REG_COMMAND, control);
	wait_idle(e);
	rc = result_of(e, dma);
	if (!rc && dma->op != CONF_WRITE)
		get_data(e, data, len);
	return rc;
}

int vtd_dma(struct conf_dev *dev, struct conf_dma *dma)
{
	struct endpoint *e = endpoint_of(dev);
	size_t done = 0, len;
	int rc = 0;

	if (!e)
		return sim_dma(dev, dma);
	dma->page_requests = 0;
	pthread_mutex_lock(&e->command);
	for (; done < dma->len && !rc; done += len) {
		len = dma->len - done < IOHW_MAX_LEN ? dma->len - done : IOHW_MAX_LEN;
		rc = piece(e, dma, done, len);
	}
	pthread_mutex_unlock(&e->command);
	return rc;
}

int vtd_page_request(struct conf_dev *dev, uint32_t pasid, uint64_t addr, bool write,
		     uint32_t group, bool last)
{
	struct endpoint *e = endpoint_of(dev);
	uint32_t send = group | (write ? IOHW_PRQ_WRITE : IOHW_PRQ_READ), status;

	if (!e)
		return sim_page_request(dev, pasid, addr, write, group, last);
	if (last)
		send |= IOHW_PRQ_LAST;
	if (pasid != CONF_RID)
		send |= IOHW_PRQ_PASID;
	pthread_mutex_lock(&e->messages);
	switch_on(e);
	write64(e, IOHW_REG_PRQ_ADDR, addr);
	write32(e, IOHW_REG_PRQ_PASID, pasid);
	write32(e, IOHW_REG_PRQ_SEND, send);
	status = read32(e, IOHW_REG_PRQ_STATUS);
	pthread_mutex_unlock(&e->messages);
	switch (status) {
	case IOHW_PRQ_SENT:
		return 0;
	case IOHW_PRQ_NO_CREDIT:
		return -ENOSPC;
	case IOHW_PRQ_BUSY:
		return -EBUSY;
	case IOHW_PRQ_OFF:
		return -EIO;
	default:
		return -EINVAL;
	}
}

bool vtd_response(struct conf_dev *dev, uint32_t *group, uint32_t *code)
{
	struct endpoint *e = endpoint_of(dev);
	uint32_t response;

	if (!e)
		return sim_response(dev, group, code);
	pthread_mutex_lock(&e->messages);
	response = read32(e, IOHW_REG_RESPONSE);
	if (response & IOHW_RESPONSE_VALID)
		write32(e, IOHW_REG_RESPONSE_POP, 1);
	pthread_mutex_unlock(&e->messages);
	if (response == ~0U || !(response & IOHW_RESPONSE_VALID))
		return false;
	*group = response & IOHW_RESPONSE_GROUP;
	*code = (response & IOHW_RESPONSE_CODE) >> 12;
	/* The stock driver sends its own number for "failure", which PCIe has no meaning for. */
	if (*code == 2)
		*code = IOASID_RESPONSE_FAILURE;
	return true;
}

bool vtd_translate(struct conf_dev *dev, uint32_t pasid, uint64_t addr)
{
	return endpoint_of(dev) ? false : sim_translate(dev, pasid, addr);
}

/* ---- holds ----------------------------------------------------------------------------------- */

/**
 * struct vtd_hold - a DMA that is held open
 * @endpoint: whose, with its command lock held; NULL: a software device's
 * @soft: in that case
 */
struct vtd_hold {
	struct endpoint *endpoint;
	void *soft;
};

/* The write puts back what it finds: a hold changes nothing. */
static bool hold_start(struct endpoint *e, uint32_t pasid, uint64_t addr, size_t len)
{
	uint8_t data[IOHW_MAX_LEN];
	struct conf_dma dma = {
		CONF_REQ(CONF_READ, addr, pasid, data, len),
		.no_report = true,
	};
	uint32_t control = IOHW_CMD_WRITE | IOHW_CMD_HOLD, status;

	if (len > sizeof(data) || piece(e, &dma, 0, len))
		return false;
	put_data(e, data, len);
	if (pasid != CONF_RID)
		control |= IOHW_CMD_PASID;
	write32(e, IOHW_REG_COMMAND, control);
	do
		status = read32(e, IOHW_REG_STATUS);
	while (status & IOHW_STATUS_BUSY && !(status & IOHW_STATUS_HELD));
	return status & IOHW_STATUS_HELD;
}

void *vtd_hold(struct conf_dev *dev, uint32_t pasid, uint64_t addr, size_t len)
{
	struct endpoint *e = endpoint_of(dev);
	struct vtd_hold *hold = calloc(1, sizeof(*hold));

	if (!hold)
		return NULL;
	if (!e) {
		hold->soft = sim_hold(dev, pasid, addr, len);
		if (hold->soft)
			return hold;
	} else {
		hold->endpoint = e;
		pthread_mutex_lock(&e->command);
		if (hold_start(e, pasid, addr, len))
			return hold;
		pthread_mutex_unlock(&e->command);
	}
	free(hold);
	return NULL;
}

void vtd_release(void *opaque)
{
	struct vtd_hold *hold = opaque;

	if (hold->endpoint) {
		write32(hold->endpoint, IOHW_REG_CONTROL, IOHW_CONTROL_RELEASE);
		wait_idle(hold->endpoint);
		pthread_mutex_unlock(&hold->endpoint->command);
	} else {
		sim_release(hold->soft);
	}
	free(hold);
}
