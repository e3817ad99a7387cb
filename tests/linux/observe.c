// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * What an administrator sees of the kernel's ioasid: debugfs, tracepoints and ioasidctl, compared
 * with what was done. Runs as root in a guest with ioasid.ko and ioasid-sim.ko, and /ioasidctl.
 * Prints TAP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ioasid.h>
#include <linux/ioasid_sim.h>

#define DEBUG	"/sys/kernel/debug/ioasid/"
#define TRACING "/sys/kernel/tracing/"
#define PAGE	4096ULL
#define PAGES	16ULL
#define IOVA	0x100000ULL
#define COOKIE	0x11ULL

static unsigned int cases;
static int failed;

static bool check(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %u - observe: ", good ? "" : "not ", ++cases);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	failed |= !good;
	return good;
}

/* ---- files and commands ------------------------------------------------------------------------ */

/* All of a file, terminated, to be freed; read @piece bytes at a time. "" if it cannot be opened. */
static char *slurp(const char *path, size_t piece)
{
	size_t room = 1 << 22, used = 0;
	char *text = malloc(room);
	int fd = open(path, O_RDONLY);
	ssize_t n;

	if (!text)
		abort();
	while (fd >= 0 && used + piece < room && (n = read(fd, text + used, piece)) > 0)
		used += (size_t)n;
	if (fd >= 0)
		close(fd);
	text[used] = 0;
	return text;
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		check(false, "%s is written: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Output of a shell command, both streams, to be freed; its exit status in *@status. */
static char *output(int *status, const char *fmt, ...)
{
	char command[256];
	char *text;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command) - 40, fmt, ap);
	va_end(ap);
	strcat(command, " >/tmp/observe.out 2>&1");
	rc = system(command);
	*status = WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
	text = slurp("/tmp/observe.out", 4096);
	return text;
}

static unsigned int count(const char *text, const char *word)
{
	unsigned int n = 0;

	while ((text = strstr(text, word)) != NULL) {
		text += strlen(word);
		n++;
	}
	return n;
}

/* Does every word of the list, ended by NULL, stand in @text? Names the first that does not. */
static void contains(const char *what, const char *text, ...)
{
	const char *word;
	va_list ap;
	bool good = true;

	va_start(ap, text);
	while (good && (word = va_arg(ap, const char *)) != NULL) {
		good = strstr(text, word) != NULL;
		if (!good)
			printf("# missing: %s\n# in: %.1500s\n", word, text);
	}
	va_end(ap);
	check(good, "%s", what);
}

static bool has_line(const char *text, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	bool good;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	good = strstr(text, line) != NULL;
	if (!good)
		printf("# missing: %s\n# in: %.1500s\n", line, text);
	return good;
}

static int command(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) < 0 ? errno : 0;
}

/* ---- live objects -------------------------------------------------------------------------------- */

struct live {
	long long contexts, devices, ioasids, domains, routes, pinned_bytes, events_lost;
};

static struct live live_now(void)
{
	struct live l = { -1, -1, -1, -1, -1, -1, -1 };
	char *text = slurp(DEBUG "live", 4096);

	sscanf(text,
	       "contexts %lld\ndevices %lld\nioasids %lld\ndomains %lld\nroutes %lld\n"
	       "pinned_bytes %lld\nevents_lost %lld\n",
	       &l.contexts, &l.devices, &l.ioasids, &l.domains, &l.routes, &l.pinned_bytes,
	       &l.events_lost);
	free(text);
	return l;
}

static bool live_is(const char *what, const struct live *start, struct live more)
{
	struct live l = live_now();
	bool good = l.contexts == start->contexts + more.contexts &&
		    l.devices == start->devices + more.devices &&
		    l.ioasids == start->ioasids + more.ioasids &&
		    l.domains == start->domains + more.domains &&
		    l.routes == start->routes + more.routes &&
		    l.pinned_bytes == start->pinned_bytes + more.pinned_bytes &&
		    l.events_lost == start->events_lost + more.events_lost;

	if (!good)
		printf("# contexts %lld devices %lld ioasids %lld domains %lld routes %lld "
		       "pinned_bytes %lld events_lost %lld\n",
		       l.contexts, l.devices, l.ioasids, l.domains, l.routes, l.pinned_bytes,
		       l.events_lost);
	return check(good, "live: %s", what);
}

/* ---- the machine ------------------------------------------------------------------------------------ */

/**
 * struct world - what the scenario works on
 * @sim, @iommu: the machine's side
 * @dev_id, @mute_id: two devices: one that asks for pages, one that completes no invalidation
 * @ctx, @dev, @mute, @faults: the user's side
 * @root, @table: address spaces
 * @mem: memory of @root
 */
struct world {
	int sim;
	uint32_t iommu;
	uint32_t dev_id;
	uint32_t mute_id;
	int ctx;
	int dev;
	int mute;
	int faults;
	uint32_t root;
	uint32_t table;
	uint8_t *mem;
};

static uint32_t plug(struct world *w, const char *name, uint32_t flags, uint32_t pasid_bits)
{
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.flags = flags,
		.iommu = w->iommu,
		.dev_class = IOASID_CLASS_PDEV_PASID,
		.pasid_bits = pasid_bits,
		.group = IOASID_SIM_NONE,
	};

	snprintf(d.name, sizeof(d.name), "%s", name);
	if (command(w->sim, IOASID_SIM_DEVICE_CREATE, &d))
		check(false, "%s is plugged", name);
	return d.device;
}

static bool build(struct world *w)
{
	struct ioasid_sim_iommu iommu = { .argsz = sizeof(iommu), .ats_timeout_ms = 200 };

	memset(w, 0, sizeof(*w));
	w->sim = open("/dev/ioasid-sim", O_RDWR | O_CLOEXEC);
	w->mem = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	if (!check(w->sim >= 0 && w->mem != MAP_FAILED &&
			   !command(w->sim, IOASID_SIM_IOMMU_CREATE, &iommu),
		   "a software IOMMU is there"))
		return false;
	w->iommu = iommu.iommu;
	w->dev_id = plug(w, "obs0", IOASID_SIM_ATS | IOASID_SIM_PRI, 12);
	w->mute_id = plug(w, "obs1", IOASID_SIM_ATS | IOASID_SIM_MUTE, 12);
	return true;
}

static void unplug(struct world *w, uint32_t id)
{
	struct ioasid_sim_object o = { .argsz = sizeof(o), .id = id };

	if (command(w->sim, IOASID_SIM_DEVICE_DESTROY, &o))
		check(false, "a device is unplugged");
}

static uint32_t alloc(struct world *w, uint32_t kind, uint32_t parent, uint64_t table)
{
	struct ioasid_alloc a = { .argsz = sizeof(a), .kind = kind, .parent = parent };

	if (table) {
		a.flags = IOASID_ALLOC_TABLE;
		a.table.format = IOASID_FORMAT_VTD_FS;
		a.table.levels = 4;
		a.table.address = table;
	}
	check(!command(w->ctx, IOASID_ALLOC, &a), "an address space of kind %u", kind);
	return a.ioasid;
}

static int map(struct world *w, uint64_t iova, uint64_t page, uint64_t pages)
{
	struct ioasid_map_dma m = {
		.argsz = sizeof(m),
		.flags = IOASID_MAP_READ | IOASID_MAP_WRITE,
		.ioasid = w->root,
		.iova = iova,
		.vaddr = (uintptr_t)w->mem + page * PAGE,
		.length = pages * PAGE,
	};

	return command(w->ctx, IOASID_MAP_DMA, &m);
}

static int unmap(struct world *w, uint64_t iova, uint64_t pages)
{
	struct ioasid_unmap_dma u = {
		.argsz = sizeof(u),
		.ioasid = w->root,
		.iova = iova,
		.length = pages * PAGE,
	};

	return command(w->ctx, IOASID_UNMAP_DMA, &u);
}

static int bind_dev(struct world *w, int fd, uint64_t cookie)
{
	struct ioasid_dev_bind b = { .argsz = sizeof(b), .ioasid_fd = w->ctx, .cookie = cookie };

	return command(fd, IOASID_DEV_BIND_IOASID_FD, &b);
}

static int attach(int fd, uint32_t ioasid, uint32_t flags, uint32_t vpasid)
{
	struct ioasid_dev_attach a = {
		.argsz = sizeof(a),
		.flags = flags,
		.ioasid = ioasid,
		.vpasid = vpasid,
	};

	return command(fd, IOASID_DEV_ATTACH_IOASID, &a);
}

static int detach(int fd, uint32_t ioasid, uint32_t flags)
{
	struct ioasid_dev_attach a = { .argsz = sizeof(a), .flags = flags, .ioasid = ioasid };

	return command(fd, IOASID_DEV_DETACH_IOASID, &a);
}

static int hwid(struct world *w, unsigned long cmd, uint32_t vpasid)
{
	struct ioasid_set_hwid h = { .argsz = sizeof(h), .ioasid = w->table, .vpasid = vpasid };

	return command(w->ctx, cmd, &h);
}

static int knob(struct world *w, unsigned long cmd, uint32_t value)
{
	struct ioasid_hwid_policy p = { .argsz = sizeof(p), .value = value };

	return command(w->ctx, cmd, &p);
}

/* ---- page requests and events ----------------------------------------------------------------------- */

static int page_request(struct world *w, uint32_t pasid, uint32_t group)
{
	struct ioasid_sim_request r = {
		.argsz = sizeof(r),
		.flags = IOASID_SIM_REQ_READ | IOASID_SIM_REQ_LAST,
		.device = w->dev_id,
		.pasid = pasid,
		.addr = 0x7000,
		.group = group,
	};

	return command(w->sim, IOASID_SIM_PAGE_REQUEST, &r);
}

/* The next record of the fault descriptor, waited for. Return: its id; 0: none came. */
static uint32_t next_request(struct world *w, uint32_t type)
{
	struct ioasid_fault f;
	int patience;

	for (patience = 0; patience < 500; patience++) {
		if (read(w->faults, &f, sizeof(f)) == sizeof(f) && f.type == type)
			return type == IOASID_FAULT_PAGE_REQUEST ? f.id : 1;
		usleep(10000);
	}
	return 0;
}

static void faults(struct world *w)
{
	struct ioasid_page_response p = { .argsz = sizeof(p), .code = IOASID_RESPONSE_INVALID };
	struct ioasid_sim_dma dma = {
		.argsz = sizeof(dma),
		.device = w->dev_id,
		.op = IOASID_SIM_READ,
		.addr = 0xdead000,
		.data = (uintptr_t)&p, /* nothing is transferred */
		.length = 4,
		.pasid = IOASID_SIM_NONE,
	};
	char *text;
	int status;

	check(!page_request(w, 5, 3), "the device asks for a page");
	p.id = next_request(w, IOASID_FAULT_PAGE_REQUEST);
	check(p.id != 0, "the user is asked");
	text = output(&status, "/ioasidctl show --pid %d", getpid());
	contains("show: a page request waits", text, "page request groups waiting for an answer: 1",
		 "1 groups wait", NULL);
	free(text);
	check(!command(w->ctx, IOASID_PAGE_RESPONSE, &p), "and answers");
	check(!command(w->sim, IOASID_SIM_DMA, &dma) && dma.blocked &&
		      next_request(w, IOASID_FAULT_EVENT),
	      "a blocked access is an event");
}

/* ---- the sequence -------------------------------------------------------------------------------------- */

static void open_all(struct world *w, const struct live *start)
{
	w->ctx = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	w->dev = open("/dev/ioasid-devices/obs0", O_RDWR | O_CLOEXEC);
	w->mute = open("/dev/ioasid-devices/obs1", O_RDWR | O_CLOEXEC);
	check(w->ctx >= 0 && w->dev >= 0 && w->mute >= 0, "context and devices open");
	live_is("a context", start, (struct live){ .contexts = 1, .devices = 2 });
	w->root = alloc(w, IOASID_KIND_KERNEL, IOASID_INVALID, 0);
	w->table = alloc(w, IOASID_KIND_USER_TABLE, w->root, IOVA);
	live_is("two address spaces", start,
		(struct live){ .contexts = 1, .devices = 2, .ioasids = 2 });
	check(!map(w, IOVA, 0, PAGES / 2) && !map(w, IOVA + PAGES / 2 * PAGE, PAGES / 2, PAGES / 2),
	      "two mappings");
	check(map(w, IOVA, 0, 1) == EEXIST, "a third one is refused");
	live_is("pinned memory", start,
		(struct live){
			.contexts = 1, .devices = 2, .ioasids = 2, .pinned_bytes = PAGES * PAGE });
}

static void attach_all(struct world *w, const struct live *start)
{
	uint32_t pasid = IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID;
	struct ioasid_fault_fd f = { .argsz = sizeof(f) };

	check(!command(w->ctx, IOASID_FAULT_FD, &f), "a fault descriptor");
	w->faults = f.fd;
	fcntl(w->faults, F_SETFL, O_NONBLOCK);
	check(!bind_dev(w, w->dev, COOKIE) && !attach(w->dev, w->root, 0, 0),
	      "bound, default route");
	check(!attach(w->dev, w->table, pasid, 5) && !hwid(w, IOASID_SET_HWID, 6) &&
		      !hwid(w, IOASID_SET_HWID, 7) && !hwid(w, IOASID_CLEAR_HWID, 6),
	      "PASID 5 and 7 lead to the guest's table");
	check(attach(w->dev, w->root, 0, 0) == EBUSY, "a second default route is refused");
	live_is("routes and domains", start,
		(struct live){ .contexts = 1,
			       .devices = 2,
			       .ioasids = 2,
			       .domains = 2,
			       .routes = 2,
			       .pinned_bytes = PAGES * PAGE });
}

static void tables(struct world *w)
{
	struct ioasid_bind_pgtable b = {
		.argsz = sizeof(b),
		.ioasid = w->table,
		.table = { .format = IOASID_FORMAT_VTD_FS, .levels = 4, .address = IOVA + PAGE },
	};
	struct ioasid_invalidate v = { .argsz = sizeof(v), .ioasid = w->table };

	check(!command(w->ctx, IOASID_BIND_PGTABLE, &b), "another table is bound");
	check(!command(w->ctx, IOASID_INVALIDATE_CACHE, &v), "caches are invalidated");
}

/* Holds a translation and never gives it back: UNMAP waits its time, and the device is fenced. */
static void fence(struct world *w)
{
	struct ioasid_sim_request r = {
		.argsz = sizeof(r),
		.flags = IOASID_SIM_REQ_READ,
		.device = w->mute_id,
		.pasid = IOASID_SIM_NONE,
		.addr = IOVA,
	};
	struct ioasid_dev_reset reset = { .argsz = sizeof(reset) };
	char *text;
	int status;

	check(!bind_dev(w, w->mute, COOKIE + 1) && !attach(w->mute, w->root, 0, 0) &&
		      !command(w->sim, IOASID_SIM_TRANSLATE, &r) && r.granted,
	      "a device holds a translation");
	(void)unmap(w, IOVA, PAGES / 2);
	text = output(&status, "/ioasidctl devices obs1");
	contains("devices: it is fenced", text, "fenced: it did not answer in time", NULL);
	free(text);
	check(attach(w->mute, w->table, IOASID_ATTACH_PASID, 0) == EIO, "it cannot be attached");
	text = output(&status, "/ioasidctl devices obs1");
	contains("devices: refused for that reason", text,
		 "last ATTACH was refused: the device did not answer earlier", NULL);
	free(text);
	check(!command(w->mute, IOASID_DEV_RESET, &reset), "a reset ends it");
}

static void close_all(struct world *w, const struct live *start)
{
	check(!page_request(w, 7, 4) && next_request(w, IOASID_FAULT_PAGE_REQUEST),
	      "a page request that nobody answers");
	check(!detach(w->dev, w->table, IOASID_ATTACH_PASID), "its route goes");
	check(!detach(w->dev, w->root, 0), "the default route goes");
	close(w->faults);
	close(w->ctx);
	live_is("closing ends it all", start, (struct live){ .devices = 2 });
	close(w->dev);
	close(w->mute);
	unplug(w, w->dev_id);
	unplug(w, w->mute_id);
}

/* ---- what tools say of it --------------------------------------------------------------------------------- */

static void look_show(struct world *w)
{
	char who[64], pasid5[64], pasid7[64];
	int status;
	char *text;

	snprintf(who, sizeof(who), "of observe (pid %d)", getpid());
	snprintf(pasid5, sizeof(pasid5), "PASID 5 (wire 5) -> ioas %u", w->table);
	snprintf(pasid7, sizeof(pasid7), "PASID 7 (wire 7) -> ioas %u", w->table);
	text = output(&status, "/ioasidctl show --pid %d", getpid());
	contains("show: the context as a tree", text, who, "65536 bytes pinned in 2 maps",
		 "fault queue: 0 of", ": kernel, 2 maps, 65536 bytes", ": user-table",
		 "attached: obs0 (cookie 0x11), 2 numbers", "device obs0: cookie 0x11, class 5",
		 pasid5, pasid7, "last ATTACH was refused: a default route exists", NULL);
	check(!status && !strstr(text, "PASID 6"), "show: status 0, no more than there is");
	free(text);
	text = output(&status, "/ioasidctl show --pid 1");
	check(!status && !strcmp(text, "no context\n"), "show: nothing of another process");
	free(text);
	text = output(&status, "/ioasidctl show --json");
	contains("show: JSON", text, "\"comm\":\"observe\"", "\"vpasid\":7",
		 "\"kind\":\"user-table\"", NULL);
	free(text);
}

static void look_devices(void)
{
	int status;
	char *text = output(&status, "/ioasidctl devices obs0");

	contains("devices: class, width, abilities, user, refusal", text, "class: 5, pdev",
		 "PASID width: 12 bits", "can: pasid ats pri nesting snoop",
		 "IOMMU: ", "IOMMU can: nesting", "bound by: context", "of observe (pid",
		 "last ATTACH was refused: a default route exists", NULL);
	check(!status, "devices: status 0");
	free(text);
	text = output(&status, "/ioasidctl devices --json");
	contains("devices: JSON", text, "\"name\":\"obs0\"", "\"name\":\"obs1\"",
		 "\"pasid_bits\":12", "\"context\":null", NULL);
	free(text);
	text = output(&status, "/ioasidctl devices nothing");
	check(status == 2 && strstr(text, "no device 'nothing'"), "devices: an unknown name");
	free(text);
}

/* Run @command as nobody in particular. Output to be freed. */
static char *as_nobody(int *status, const char *command)
{
	int rc;
	pid_t pid = fork();

	if (!pid) {
		int fd = open("/tmp/nobody.out", O_CREAT | O_TRUNC | O_WRONLY, 0600);

		dup2(fd, 1);
		dup2(fd, 2);
		if (setgid(65534) || setuid(65534))
			_exit(99);
		execl("/bin/sh", "sh", "-c", command, NULL);
		_exit(98);
	}
	waitpid(pid, &rc, 0);
	*status = WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
	return slurp("/tmp/nobody.out", 4096);
}

static void look_unprivileged(void)
{
	int status;
	char *text = as_nobody(&status, "cat " DEBUG "live " DEBUG "contexts " DEBUG
					"devices " DEBUG "functions " DEBUG "sets " DEBUG "limits");

	check(status && count(text, "Permission denied") == 6 && count(text, "\n") == 6,
	      "others cannot read debugfs");
	free(text);
	text = as_nobody(&status, "cat " TRACING "events/ioasid/enable " TRACING "trace");
	check(status && strstr(text, "Permission denied"), "others cannot trace");
	free(text);
	text = as_nobody(&status, "/ioasidctl show");
	check(status == 2 && strstr(text, "Permission denied"), "show: refused to others");
	free(text);
	text = as_nobody(&status, "/ioasidctl graph --dot");
	check(status == 2 && strstr(text, "Permission denied"), "graph: refused to others");
	free(text);
	text = as_nobody(&status, "/ioasidctl sets");
	check(status == 2 && strstr(text, "Permission denied"), "sets: refused to others");
	free(text);
	text = as_nobody(&status, "/ioasidctl trace --for 1");
	check(status == 2 && strstr(text, "ermi"), "trace: refused to others");
	free(text);
	text = as_nobody(&status, "/ioasidctl devices");
	check(!status && strstr(text, "obs0\n  cannot be asked: Permission denied") &&
		      !strstr(text, "bound by"),
	      "devices: others see names only");
	free(text);
	/* Whoever may open the node may ask. */
	chmod("/dev/ioasid-devices/obs0", 0666);
	text = as_nobody(&status, "/ioasidctl devices obs0");
	check(!status && strstr(text, "PASID width: 12 bits") && !strstr(text, "bound by") &&
		      !strstr(text, "refused"),
	      "devices: a node that others may open");
	chmod("/dev/ioasid-devices/obs0", 0600);
	free(text);
}

/* ---- functions, and pictures ---------------------------------------------------------------------------------- */

static unsigned long long context_number(void)
{
	char *text = slurp(DEBUG "contexts", 4096);
	unsigned long long id = 0;

	check(sscanf(text, "context id=%llu", &id) == 1, "the context has a number");
	free(text);
	return id;
}

static void look_functions(struct world *w)
{
	unsigned long long id = context_number();
	char *text = slurp(DEBUG "functions", 4096);
	int status;

	check(!strncmp(text, "host split=32768\n", 17) &&
		      has_line(text,
			       " rid=- pasid_bits=12 used=2 pending=0 host_use=0 kept_first=- "
			       "kept_last=-\n  whole name=\"obs0\" class=5 context=%llu\n"
			       "  numbers first=5 last=5 state=live\n"
			       "  numbers first=7 last=7 state=live\n",
			       id) &&
		      has_line(text, "  whole name=\"obs1\" class=5 context=-\n"),
	      "debugfs functions: what is on the wire");
	free(text);
	text = output(&status, "/ioasidctl show --pid %d", getpid());
	check(has_line(text, ": PASID width 12\n  on the wire: 5, 7\n") &&
		      count(text, "\nfunction ") == 1,
	      "show: the same");
	free(text);
	text = output(&status, "/ioasidctl graph --dot --pid %d", getpid());
	check(!status &&
		      has_line(text, "label=\"context %llu of observe (pid %d)\\l", id, getpid()) &&
		      has_line(text, "label=\"obs0\\lclass 5, local\\lcookie 0x11\\l\"];\n") &&
		      has_line(text, "label=\"ioas %u\\lkernel\\l65536 bytes in 2 maps\\l\"];\n",
			       w->root) &&
		      has_line(text, "\nc0d0 -> c0i0 [class=\"default\" ") &&
		      has_line(text,
			       "\nc0d0 -> c0i1 [class=\"route\" label=\"5 &rarr; 5\\l7 &rarr; "
			       "7\\l\"];\n") &&
		      has_line(text, "\nc0i1 -> c0i0 [class=\"nested\" ") &&
		      has_line(text, "on the wire: 5, 7\\l\"];\n"),
	      "graph: nodes and arrows");
	free(text);
	text = output(&status, "/ioasidctl graph");
	check(status == 2 && strstr(text, "dot is not installed"), "graph: without dot");
	free(text);
}

/* Processes call themselves what they like. */
static void look_names(void)
{
	static const char evil[] = "x\"];<&\\N\n->\x1b[";
	int status, fd;
	char *text;

	prctl(PR_SET_NAME, evil);
	fd = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	prctl(PR_SET_NAME, "observe");
	text = output(&status, "/ioasidctl graph --dot");
	check(!status && count(text, "label=\"context") == 1 &&
		      has_line(text, " of x_];<&amp;_N_->_[ (pid %d)\\l", getpid()),
	      "graph: the name of a process is a name");
	free(text);
	text = output(&status, "/ioasidctl show");
	check(!status && has_line(text, " of x_];<&_N_->_[ (pid %d): ", getpid()),
	      "show: the same");
	free(text);
	close(fd);
	text = output(&status, "/ioasidctl graph --dot");
	check(!status && has_line(text, "\nnothing [class=\"more\" "), "graph: nothing is open");
	free(text);
}

/* ---- a hybrid set-up, drawn ------------------------------------------------------------------------------------- */

/**
 * struct hybrid - a whole function and a slice in one context, with CPU translation; a slice of the same
 *                 parent in another
 * @acc, @par: numbers of the functions; @slice: of the slices
 * @other: the second context
 * @vm: of the first
 * @fd: devices bound
 */
struct hybrid {
	uint32_t acc, par, slice[2];
	int other;
	int vm;
	int fd[3];
};

static uint32_t plug_class(struct world *w, const char *name, uint32_t dev_class, uint32_t parent)
{
	struct ioasid_sim_device d = {
		.argsz = sizeof(d),
		.iommu = w->iommu,
		.dev_class = dev_class,
		.pasid_bits = 20,
		.group = IOASID_SIM_NONE,
		.parent = parent,
	};

	snprintf(d.name, sizeof(d.name), "%s", name);
	check(!command(w->sim, IOASID_SIM_DEVICE_CREATE, &d), "%s is plugged", name);
	return d.device;
}

static int open_device(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/ioasid-devices/%s", name);
	return open(path, O_RDWR | O_CLOEXEC);
}

static int translate(struct world *w, struct hybrid *h, uint32_t vpasid)
{
	struct ioasid_sim_vm vm = { .argsz = sizeof(vm) };
	struct ioasid_cpu_pasid_enable e = { .argsz = sizeof(e) };
	struct ioasid_cpu_pasid m = { .argsz = sizeof(m), .vpasid = vpasid };
	int rc = command(w->sim, IOASID_SIM_VM_CREATE, &vm);

	h->vm = vm.fd;
	e.provider_fd = vm.fd;
	rc = rc ? rc : command(w->ctx, IOASID_CPU_PASID_ENABLE, &e);
	return rc ? rc : command(w->ctx, IOASID_CPU_PASID_MAP, &m);
}

static void hybrid_open(struct world *w, struct hybrid *h)
{
	uint32_t pasid = IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID, space;
	int first;

	h->acc = plug_class(w, "acc", IOASID_CLASS_PDEV_DMWR, 0);
	h->par = plug_class(w, "par", IOASID_CLASS_PDEV_DMWR, 0);
	h->slice[0] = plug_class(w, "par.0", IOASID_CLASS_MDEV_DMWR, h->par);
	h->slice[1] = plug_class(w, "par.1", IOASID_CLASS_MDEV_PASID, h->par);
	first = w->ctx = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	h->fd[0] = open_device("acc");
	h->fd[1] = open_device("par.0");
	h->fd[2] = open_device("par.1");
	w->root = alloc(w, IOASID_KIND_KERNEL, IOASID_INVALID, 0);
	w->table = alloc(w, IOASID_KIND_USER_TABLE, w->root, IOVA);
	check(!bind_dev(w, h->fd[0], COOKIE) && !bind_dev(w, h->fd[1], COOKIE + 1) &&
		      !attach(h->fd[0], w->root, 0, 0) && !attach(h->fd[1], w->root, 0, 0) &&
		      !knob(w, IOASID_SET_HWID_MODE, IOASID_MODE_GLOBAL) &&
		      !knob(w, IOASID_HWID_SET_GLOBAL_MIN, 1024) &&
		      !knob(w, IOASID_HWID_SET_PROMISED_WIDTH, 10),
	      "hybrid: a function and a slice, split 1024");
	check(!attach(h->fd[0], w->table, pasid, 5) && !attach(h->fd[1], w->table, pasid, 5) &&
		      !translate(w, h, 5),
	      "hybrid: one number on both, and for the CPU");
	w->ctx = h->other = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	space = alloc(w, IOASID_KIND_KERNEL, IOASID_INVALID, 0);
	check(!bind_dev(w, h->fd[2], COOKIE) && !attach(h->fd[2], space, pasid, 5),
	      "hybrid: the same number in another context");
	w->ctx = first;
}

static void hybrid_close(struct world *w, struct hybrid *h)
{
	int i;

	close(w->ctx);
	close(h->other);
	close(h->vm);
	for (i = 0; i < 3; i++)
		close(h->fd[i]);
	unplug(w, h->slice[0]);
	unplug(w, h->slice[1]);
	unplug(w, h->par);
	unplug(w, h->acc);
}

/* Lines of the picture, as ioasidctl(1) has them for dot. */
static bool draws(const char *text, const char *what, const char *class, const char *label)
{
	char begin[96], end[200];
	const char *at;

	snprintf(begin, sizeof(begin), "\n%s [class=\"%s\" ", what, class);
	snprintf(end, sizeof(end), "label=\"%s\"];\n", label);
	at = strstr(text, begin);
	if (at && (at = strchr(at + 1, '\n')) && (size_t)(at - text) >= strlen(end) - 1 &&
	    !strncmp(at + 1 - strlen(end), end, strlen(end)))
		return true;
	printf("# missing: %s%s# in: %.3000s\n", begin + 1, end, text);
	return false;
}

static void hybrid_drawn(const char *text)
{
	static const char *const lines[][3] = {
		{ "c0d0", "device",
		  "acc\\lclass 7, global, split 1024\\lcookie 0x11\\lportal open\\l" },
		{ "c0d1", "device",
		  "par.0\\lclass 8, global, split 1024\\lcookie 0x12\\lportal open\\l" },
		{ "c1d0", "device",
		  "par.1\\lclass 6, local\\lcookie 0x11\\lwithout PASID: blocked\\l" },
		{ "c0d0 -> c0i1", "route", "5 &rarr; 5, 32768\\l" },
		{ "c0d1 -> c0i1", "route", "5 &rarr; 32768\\l" },
		{ "c1d0 -> c1i0", "route", "5 &rarr; 3\\l" },
		{ "c0d0 -> c0i0", "default", "no PASID" },
		{ "c0d1 -> c0i0", "default", "no PASID &rarr; 1" },
		{ "c0i1 -> c0i0", "nested", "nested on" },
		{ "c0cpu", "cpu", "CPU table: on\\l5 &rarr; 32768\\l" },
		{ "c0cpu -> c0d0", "enqcmd", "ENQCMD" },
		{ "c0cpu -> c0d1", "enqcmd", "ENQCMD" },
	};
	unsigned int i;
	bool good = true;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		good &= draws(text, lines[i][0], lines[i][1], lines[i][2]);
	check(good, "graph: hybrid: nodes and arrows");
	check(count(text, "class=\"device\"") == 3 && count(text, "class=\"route\"") == 3 &&
		      count(text, "class=\"ioas\"") == 3 && count(text, "class=\"cpu\"") == 1 &&
		      count(text, "class=\"part\"") == 3 && count(text, "label=\"slice\"") == 2 &&
		      count(text, "class=\"function\"") == 2,
	      "graph: hybrid: and no others");
	check(has_line(text, "\\l20 bits\\lon the wire: 5, 32768\\l\"];\n") &&
		      has_line(text, "\\l20 bits\\l2 slices\\lon the wire: 1-3, 32768\\l\"];\n") &&
		      has_line(text, "graph [label=\"host-wide numbers from 32768 on\\l\"];\n"),
	      "graph: hybrid: what is live on which function");
}

static void look_hybrid(struct world *w)
{
	struct hybrid h = { .vm = -1 };
	int status;
	char *text;

	hybrid_open(w, &h);
	text = output(&status, "/ioasidctl graph --dot");
	check(!status, "graph: status 0");
	hybrid_drawn(text);
	free(text);
	text = output(&status, "/ioasidctl show");
	contains("show: hybrid", text, "\n  CPU table: on, 1 number\n",
		 "\n    PASID 5 (wire 5, host-wide 32768, in the CPU table) -> ioas 2\n",
		 "\n    PASID 5 (host-wide 32768, in the CPU table) -> ioas 2\n",
		 "\n    PASID 5 (wire 3) -> ioas 1\n", ", class 8, slice of ",
		 "\n    without PASID (wire 1) -> ioas 1\n",
		 "\n  slice par.1: class 6, of context ", "\n  on the wire: 1-3, 32768\n", NULL);
	free(text);
	text = output(&status, "/ioasidctl devices par.1");
	contains("devices: a slice", text, "\n  slice of: ", NULL);
	free(text);
	close(h.vm);
	h.vm = -1;
	text = output(&status, "/ioasidctl graph --dot");
	check(draws(text, "c0cpu", "cpu", "CPU table: off\\l5 &rarr; 32768\\l") &&
		      !strstr(text, "class=\"enqcmd\"") && count(text, "portal closed") == 1,
	      "graph: the VM has gone");
	free(text);
	hybrid_close(w, &h);
	text = slurp(DEBUG "functions", 4096);
	check(!strstr(text, "\"acc\"") && !strstr(text, "slice name"),
	      "debugfs functions: nothing is left");
	free(text);
}

/* ---- host-wide numbers --------------------------------------------------------------------------------------- */

#define SPLIT 64U

/**
 * struct crowd - a context with devices in global mode
 * @id: the context's number
 * @good, @mute: devices; the second completes no invalidation
 */
struct crowd {
	struct world *w;
	unsigned long long id;
	int good;
	int mute;
	uint32_t good_id;
	uint32_t mute_id;
};

static int quota(struct world *w, uint32_t n, uint32_t flags)
{
	struct ioasid_quota q = { .argsz = sizeof(q), .flags = flags, .quota = n };

	return command(w->ctx, IOASID_SET_QUOTA, &q);
}

static void crowd_open(struct crowd *c)
{
	uint32_t pasid = IOASID_ATTACH_PASID | IOASID_ATTACH_VPASID;
	struct world *w = c->w;

	c->good_id = plug(w, "obs2", IOASID_SIM_ATS, 20);
	c->mute_id = plug(w, "obs3", IOASID_SIM_ATS | IOASID_SIM_MUTE, 20);
	w->ctx = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	c->good = open("/dev/ioasid-devices/obs2", O_RDWR | O_CLOEXEC);
	c->mute = open("/dev/ioasid-devices/obs3", O_RDWR | O_CLOEXEC);
	c->id = context_number();
	w->root = alloc(w, IOASID_KIND_KERNEL, IOASID_INVALID, 0);
	w->table = w->root;
	check(!map(w, IOVA, 0, PAGES) && !bind_dev(w, c->good, COOKIE) &&
		      !bind_dev(w, c->mute, COOKIE + 1),
	      "two devices of 20 bits");
	check(!knob(w, IOASID_SET_HWID_MODE, IOASID_MODE_GLOBAL) &&
		      !knob(w, IOASID_HWID_SET_GLOBAL_MIN, SPLIT) && !quota(w, 3, 0),
	      "global mode, a quota of 3");
	check(!attach(c->mute, w->root, pasid, 5) && !attach(c->good, w->root, pasid, 5) &&
		      !hwid(w, IOASID_SET_HWID, 6) && !hwid(w, IOASID_SET_HWID, 7),
	      "three numbers");
	check(hwid(w, IOASID_SET_HWID, 8) == EDQUOT, "a fourth is refused");
}

static void look_sets(struct crowd *c)
{
	int status;
	char *text = slurp(DEBUG "sets", 4096);

	check(has_line(text, "allocator capacity=1048576 avail=1048573 reserved=0 promised=0 "
			     "split=32768 default_ceiling=- sets=1 live=3 pending=0 ") &&
		      has_line(text,
			       " owner=context state=live context=%llu pid=%d comm=\"observe\" "
			       "ceiling=3 promised=0 numbers=3 pending=0 private=3 handlers=0 "
			       "refused=quota refused_group=-\n",
			       c->id, getpid()) &&
		      !strstr(text, "number "),
	      "debugfs sets: what there is");
	free(text);
	check(!quota(c->w, 8, IOASID_QUOTA_RESERVE), "eight are promised");
	text = output(&status, "/ioasidctl sets");
	check(!status &&
		      has_line(text,
			       "host-wide numbers: 1048568 of 1048576 are left, 8 promised to "
			       "sets, 0 reserved\n  3 out, 0 of them pending, in 1 sets; from "
			       "32768 on\n") &&
		      has_line(
			      text,
			      " of a context (%llu) of observe (pid %d): 3 numbers of at most 8, 8 "
			      "promised, 3 with a private number\n  last refused by: its own quota\n",
			      c->id, getpid()),
	      "sets: quota, promise, refusal");
	free(text);
	text = output(&status, "/ioasidctl show --pid %d", getpid());
	check(has_line(text, "    PASID 5 (wire 5, host-wide 32768) -> ioas %u\n", c->w->root) &&
		      has_line(text, "  device obs3: cookie 0x12, class 5, ") &&
		      has_line(text, "global numbers, host-wide from 64 on\n"),
	      "show: numbers of both kinds");
	free(text);
}

/* It holds a translation and never gives it back: its number cannot be free before a reset. */
static void look_pending(struct crowd *c)
{
	struct ioasid_sim_request r = {
		.argsz = sizeof(r),
		.flags = IOASID_SIM_REQ_READ,
		.device = c->mute_id,
		.pasid = 5,
		.addr = IOVA,
	};
	struct ioasid_dev_reset reset = { .argsz = sizeof(reset) };
	int status;
	char *text;

	check(!command(c->w->sim, IOASID_SIM_TRANSLATE, &r) && r.granted, "a translation is held");
	(void)hwid(c->w, IOASID_CLEAR_HWID, 5);
	text = output(&status, "/ioasidctl sets");
	check(has_line(text, " 3 numbers of at most 8, 8 promised, 2 with a private number, "
			     "1 pending\n") &&
		      has_line(text, "\n  pending 32768: held by IOMMU x 1"),
	      "sets: who holds a freed number");
	free(text);
	text = slurp(DEBUG "sets", 100);
	check(has_line(text, " live=3 pending=1 ") && has_line(text, "\nnumber id=32768 set=") &&
		      has_line(text, " spid=- user=0 iommu=1 cpu=0 device=0 pins=0 "
				     "backend=default charged="),
	      "debugfs sets: the same");
	free(text);
	check(!command(c->mute, IOASID_DEV_RESET, &reset), "a reset");
	text = output(&status, "/ioasidctl sets");
	check(has_line(text, "  2 out, 0 of them pending") && !strstr(text, "held by"),
	      "sets: the reset ends it");
	free(text);
}

#define CGROUP "/tmp/cgroup"

static void enter_cgroup(const char *procs)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	put(procs, pid);
}

/* The number of a cgroup is that of its folder. */
static unsigned long long cgroup_number(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (unsigned long long)st.st_ino;
}

static int limit(struct world *w, const char *path, uint32_t max)
{
	struct ioasid_limit l = { .argsz = sizeof(l), .flags = IOASID_LIMIT_FD, .max = max };
	int rc;

	l.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = command(w->ctx, IOASID_LIMIT_SET, &l);
	close(l.fd);
	return rc;
}

/* One number is allowed to all below /obs; who asks is in /obs/in. */
static void look_limits(struct crowd *c)
{
	unsigned long long root, obs, in;
	struct world *w = c->w;
	int status;
	char *text;

	mkdir(CGROUP, 0755);
	check(!mount("none", CGROUP, "cgroup2", 0, NULL) && !mkdir(CGROUP "/obs", 0755) &&
		      !mkdir(CGROUP "/obs/in", 0755),
	      "a cgroup in a cgroup");
	root = cgroup_number(CGROUP);
	obs = cgroup_number(CGROUP "/obs");
	in = cgroup_number(CGROUP "/obs/in");
	check(!limit(w, CGROUP "/obs", 1) && !quota(w, IOASID_INVALID, 0), "a limit of 1");
	enter_cgroup(CGROUP "/obs/in/cgroup.procs");
	check(!hwid(w, IOASID_SET_HWID, 9), "a number within the limit");
	check(hwid(w, IOASID_SET_HWID, 10) == EDQUOT, "the next is refused");
	enter_cgroup(CGROUP "/cgroup.procs");
	text = slurp(DEBUG "limits", 60);
	check(has_line(text,
		       "limit id=%llu parent=- name=\"/\" max=- current=3 peak=3 events=1 "
		       "events_local=0 gone=0\n",
		       root) &&
		      has_line(text,
			       "\nlimit id=%llu parent=%llu name=\"/obs\" max=1 current=1 "
			       "peak=1 events=1 events_local=1 gone=0\n",
			       obs, root) &&
		      has_line(text,
			       "\nlimit id=%llu parent=%llu name=\"/obs/in\" max=- current=1 "
			       "peak=1 events=0 events_local=0 gone=0\n",
			       in, obs),
	      "debugfs limits: what is charged to whom");
	free(text);
	text = output(&status, "/ioasidctl sets");
	check(has_line(text, "  last refused by: the limit of group %llu (/obs)\n", obs) &&
		      has_line(text,
			       "limits\n  group %llu (/): 3, peak 3, refused 1 (0 here)\n"
			       "    group %llu (/obs): 1 of at most 1, peak 1, refused 1 (1 here)\n"
			       "      group %llu (/obs/in): 1, peak 1\n",
			       root, obs, in),
	      "sets: limits as a tree");
	free(text);
}

static void limit_says(const char *what, const char *args, const char *fmt, ...)
{
	char want[256];
	int status;
	char *text = output(&status, "/ioasidctl limit %s", args);
	va_list ap;
	bool good;

	va_start(ap, fmt);
	vsnprintf(want, sizeof(want), fmt, ap);
	va_end(ap);
	good = !status && !strcmp(text, want);
	if (!good)
		printf("# status %d\n# want: %s# have: %s", status, want, text);
	check(good, "limit: %s", what);
	free(text);
}

static void limit_refuses(const char *what, const char *args, const char *why)
{
	int status;
	char *text = output(&status, "/ioasidctl limit %s", args);

	check(status == 2 && strstr(text, why), "limit: %s", what);
	if (status != 2 || !strstr(text, why))
		printf("# status %d, %s", status, text);
	free(text);
}

/* A number more for who is in /obs/in. */
static int one_more(struct world *w, uint32_t vpasid)
{
	int rc;

	enter_cgroup(CGROUP "/obs/in/cgroup.procs");
	rc = hwid(w, IOASID_SET_HWID, vpasid);
	enter_cgroup(CGROUP "/cgroup.procs");
	return rc;
}

/* The tool sets limits that bite, above and below what is held, and takes them away. */
static void look_limit_tool(struct world *w)
{
	unsigned long long obs = cgroup_number(CGROUP "/obs");
	char *text;
	int status;

	limit_says("a group with a limit", CGROUP "/obs",
		   CGROUP "/obs: 1 of at most 1, peak 1, refused 1 (1 here), group %llu\n", obs);
	limit_says("one without", CGROUP "/obs/in",
		   CGROUP "/obs/in: 1, no limit, peak 1, refused 0 (0 here), group %llu\n",
		   cgroup_number(CGROUP "/obs/in"));
	limit_says("its own group", "",
		   "its own group: 3, no limit, peak 3, refused 1 (0 here), "
		   "group %llu\n",
		   cgroup_number(CGROUP));
	limit_says("a higher one", CGROUP "/obs 2",
		   CGROUP "/obs: 1 of at most 2, peak 1, refused 1 (1 here), group %llu\n", obs);
	check(!one_more(w, 10), "limit: it lets a second number pass");
	limit_says("a lower one than is held", CGROUP "/obs 1",
		   CGROUP "/obs: 2 of at most 1, peak 2, refused 1 (1 here), group %llu\n", obs);
	check(one_more(w, 11) == EDQUOT, "limit: it refuses a third one");
	limit_says("none", CGROUP "/obs max",
		   CGROUP "/obs: 2, no limit, peak 2, refused 2 (2 here), group %llu\n", obs);
	check(!one_more(w, 11), "limit: without one the third passes");
	text = output(&status, "/ioasidctl limit --json " CGROUP "/obs 1");
	contains("limit: JSON", text, "\"max\":1", "\"current\":3", "\"peak\":3", "\"events\":2",
		 "\"events_local\":2", NULL);
	free(text);
	limit_refuses("the root has none", CGROUP " 5", "its root, which has no limit");
	limit_refuses("a folder that is no group", "/tmp 5", "not a directory of the cgroup-v2");
	limit_refuses("nothing", CGROUP "/nothing", "No such file");
	limit_refuses("a number that is none", CGROUP "/obs 5x", "not a number");
	chmod("/dev/ioasid", 0666);
	text = as_nobody(&status, "/ioasidctl limit " CGROUP "/obs 9");
	check(status == 2 && strstr(text, "set by who may write the directory above it"),
	      "limit: not set by others");
	free(text);
	chmod("/dev/ioasid", 0600);
	limit_says("nothing of that has changed it", CGROUP "/obs",
		   CGROUP "/obs: 3 of at most 1, peak 3, refused 2 (2 here), group %llu\n", obs);
}

static void numbers(struct world *w)
{
	struct crowd c = { .w = w };
	char *text;

	crowd_open(&c);
	look_sets(&c);
	look_pending(&c);
	look_limits(&c);
	look_limit_tool(w);
	close(w->ctx);
	close(c.good);
	close(c.mute);
	unplug(w, c.good_id);
	unplug(w, c.mute_id);
	text = slurp(DEBUG "sets", 4096);
	check(has_line(text, " avail=1048576 reserved=0 promised=0 ") &&
		      has_line(text, " sets=0 live=0 pending=0 works=0 "),
	      "debugfs sets: nothing is left");
	free(text);
	text = slurp(DEBUG "limits", 4096);
	/* What has a limit stays; what had only charges went with the last. */
	check(has_line(text, " name=\"/obs\" max=1 current=0 peak=3 ") && !strstr(text, "/obs/in"),
	      "debugfs limits: nothing is charged any more");
	free(text);
	check(!rmdir(CGROUP "/obs/in") && !rmdir(CGROUP "/obs") && !umount(CGROUP),
	      "the cgroups go");
}

/* ---- tracepoints ------------------------------------------------------------------------------------------- */

#define INSTANCE TRACING "instances/observe/"

static void trace_start(void)
{
	check(!mkdir(INSTANCE, 0700), "a trace instance");
	put(INSTANCE "buffer_size_kb", "4096");
	put(INSTANCE "events/ioasid/enable", "1");
}

/* Addresses of the kernel have their 17 upper bits set; ~0 is the end of an address space. */
static bool has_kernel_address(const char *text)
{
	const char *at = text;
	unsigned long long v;

	while ((at = strstr(at, "0x")) != NULL) {
		v = strtoull(at + 2, NULL, 16);
		if (v >= 0xffff800000000000ULL && v != ~0ULL)
			return true;
		at += 2;
	}
	return false;
}

/* Every tracepoint there is must have been seen; so a new one needs its place in the sequence. */
static void trace_check(void)
{
	char *text = slurp(INSTANCE "trace", 65536), word[300];
	DIR *dir = opendir(INSTANCE "events/ioasid");
	struct dirent *e;
	unsigned int n = 0;

	while (dir && (e = readdir(dir)) != NULL) {
		if (strncmp(e->d_name, "ioasid_", 7))
			continue;
		n++;
		snprintf(word, sizeof(word), " %s: context=", e->d_name);
		check(strstr(text, word) != NULL, "tracepoint %s", e->d_name);
	}
	if (dir)
		closedir(dir);
	check(n >= 24, "there are %u tracepoints", n);
	contains("trace: what was done", text,
		 "kind=\"user-table\" parent=", "iova=0x100000 length=0x8000 prot=rw rc=0",
		 "rc=-17", "device=\"obs0\" cookie=0x11", "flags=\"pasid|vpasid\" rc=0",
		 "vpasid=7 ppasid=7", "granularity=all",
		 "group=3 address=0x7000 access=r last=1 answer=waits", "answer=invalid by=user",
		 "group=4 answer=invalid by=cancel", "address=0xdead000", "queued=1",
		 "refusal=3 why=\"a default route exists\" rc=-16",
		 "refusal=13 why=\"the device did not answer earlier\" rc=-5", "cmd=BIND_PGTABLE",
		 NULL);
	check(!has_kernel_address(text), "trace: no kernel address");
	free(text);
	put(INSTANCE "events/enable", "0");
	check(!rmdir(INSTANCE), "the trace instance goes");
}

/* Waits for a line of the tracer that says that it is ready. */
static bool ready(void)
{
	int patience;
	char *text;
	bool there = false;

	for (patience = 0; patience < 500 && !there; patience++) {
		text = slurp("/tmp/trace.err", 4096);
		there = strstr(text, "tracing") != NULL;
		free(text);
		usleep(10000);
	}
	return there;
}

static pid_t tracer(const char *pid, const char *json)
{
	pid_t child = fork();

	if (!child) {
		dup2(open("/tmp/trace.out", O_CREAT | O_TRUNC | O_WRONLY, 0600), 1);
		dup2(open("/tmp/trace.err", O_CREAT | O_TRUNC | O_WRONLY, 0600), 2);
		execl("/ioasidctl", "ioasidctl", "trace", "--pid", pid, json, NULL);
		_exit(99);
	}
	return child;
}

static void open_close(void)
{
	struct ioasid_alloc a = { .argsz = sizeof(a),
				  .kind = IOASID_KIND_KERNEL,
				  .parent = IOASID_INVALID };
	struct ioasid_free f = { .argsz = sizeof(f), .ioasid = 12345 };
	int fd = open("/dev/ioasid", O_RDWR);

	(void)command(fd, IOASID_ALLOC, &a);
	(void)command(fd, IOASID_FREE, &f);
	close(fd);
}

static void look_trace(bool json)
{
	char me[16], who[32];
	int status;
	pid_t other, child;
	char *text;

	snprintf(me, sizeof(me), "%d", getpid());
	snprintf(who, sizeof(who), json ? "\"pid\":%d" : "(pid %d)", getpid());
	unlink("/tmp/trace.err");
	child = tracer(me, json ? "--json" : NULL);
	check(ready(), "trace%s: starts", json ? " --json" : "");
	other = fork();
	if (!other) {
		open_close();
		_exit(0);
	}
	waitpid(other, &status, 0);
	open_close();
	usleep(300000);
	kill(child, SIGINT);
	waitpid(child, &status, 0);
	check(WIFEXITED(status) && !WEXITSTATUS(status), "trace: ends with Ctrl-C");
	text = slurp("/tmp/trace.out", 4096);
	if (json)
		contains("trace: JSON", text, who, "\"event\":\"ctx_open\"", "\"kind\":\"kernel\"",
			 "\"cmd\":\"FREE\",\"rc\":-2}", "\"event\":\"ctx_close\"", NULL);
	else
		contains("trace: text", text, who, " ctx_open:", " alloc: ioasid=1 kind=kernel",
			 " command: cmd=FREE -> ENOENT", " ctx_close:", NULL);
	check(count(text, json ? "\"ctx_open\"" : " ctx_open:") == 1, "trace: one process only");
	free(text);
	snprintf(who, sizeof(who), "ioasidctl-%d", child);
	text = output(&status, "ls " TRACING "instances");
	check(!strstr(text, who), "trace: leaves nothing behind");
	free(text);
}

/* ---- many objects ------------------------------------------------------------------------------------------ */

#define MANY 3000

/* A file of debugfs has @nr times @line, whether it is read at once or in pieces. */
static void all_there(const char *path, const char *line, unsigned int nr)
{
	char *whole = slurp(path, 65536), *pieces = slurp(path, 777);

	check(count(whole, line) == nr, "%s: %u of %u are shown, each once", path,
	      count(whole, line), nr);
	check(!strcmp(whole, pieces), "%s: the same in small pieces", path);
	free(whole);
	free(pieces);
}

#define MANY_DEVICES  150U
#define MANY_CONTEXTS 300U

/* More than fit into a step, and the last step more than into a buffer. */
static void many_devices_and_sets(struct world *w)
{
	uint32_t id[MANY_DEVICES], i;
	int fd[MANY_CONTEXTS];
	char name[16];

	for (i = 0; i < MANY_DEVICES; i++) {
		snprintf(name, sizeof(name), "many%u", i);
		id[i] = plug(w, name, 0, 12);
	}
	all_there(DEBUG "devices", "device name=\"many", MANY_DEVICES);
	all_there(DEBUG "functions", "\n  whole name=\"many", MANY_DEVICES);
	for (i = 0; i < MANY_DEVICES; i++)
		unplug(w, id[i]);
	for (i = 0; i < MANY_CONTEXTS; i++)
		fd[i] = open("/dev/ioasid", O_RDWR | O_CLOEXEC);
	check(fd[MANY_CONTEXTS - 1] >= 0, "%u contexts", MANY_CONTEXTS);
	all_there(DEBUG "sets", " owner=context state=live context=", MANY_CONTEXTS);
	for (i = 0; i < MANY_CONTEXTS; i++)
		close(fd[i]);
	all_there(DEBUG "sets", "\nset id=", 0);
}

static void many(void)
{
	struct ioasid_alloc a = { .argsz = sizeof(a),
				  .kind = IOASID_KIND_KERNEL,
				  .parent = IOASID_INVALID };
	int first = open("/dev/ioasid", O_RDWR), second = open("/dev/ioasid", O_RDWR), i, rc = 0;

	for (i = 0; i < MANY; i++) {
		rc |= command(i % 3 ? first : second, IOASID_ALLOC, &a);
		a.ioasid = 0;
	}
	check(!rc, "%d address spaces in two contexts", MANY);
	all_there(DEBUG "contexts", "\n  ioas id=", MANY);
	close(first);
	close(second);
}

/* Readers while contexts come and go: nothing to compare, but the kernel must bear it. */
static void race(void)
{
	time_t end = time(NULL) + 3;
	pid_t pid = fork();
	int i, status;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			open_close();
	}
	for (i = 0; time(NULL) < end || i < 3; i++) {
		free(slurp(DEBUG "contexts", 300));
		free(slurp(DEBUG "devices", 300));
		free(slurp(DEBUG "functions", 300));
		free(slurp(DEBUG "sets", 300));
		free(slurp(DEBUG "limits", 300));
	}
	status = kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check(!status && live_now().contexts == 0, "dumps while contexts come and go (%d)", i);
}

int main(void)
{
	struct live start = live_now();
	struct world w;

	check(start.contexts == 0 && start.events_lost >= 0, "live: there, no context yet");
	trace_start();
	if (build(&w)) {
		open_all(&w, &start);
		attach_all(&w, &start);
		look_show(&w);
		look_functions(&w);
		look_devices();
		look_unprivileged();
		faults(&w);
		tables(&w);
		fence(&w);
		close_all(&w, &start);
		live_is("nothing is left", &start, (struct live){ 0 });
		look_names();
		numbers(&w);
		live_is("nothing is left of numbers", &start, (struct live){ 0 });
		look_hybrid(&w);
		live_is("nothing is left of functions", &start, (struct live){ 0 });
		many_devices_and_sets(&w);
	}
	trace_check();
	look_trace(false);
	look_trace(true);
	many();
	race();
	printf("1..%u\n", cases);
	return failed;
}
