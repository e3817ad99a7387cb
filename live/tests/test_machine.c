// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The whole server, driven over its two sockets by a client that plays QEMU: firmware's way of
 * placing the DRHD, and clients that send nonsense, take RAM away or leave in the middle of work.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "dmar.h"
#include "live_test.h"
#include "machine.h"

#define RAM_SIZE (8ULL << 20)
#define RAM_GPA	 (4ULL << 20)

/** struct client - one connection */
struct client {
	int fd;
	uint16_t id;
};

struct fixture {
	struct machine machine;
	char ep[64], drhd[64];
	struct client c[2]; /* endpoint, DRHD */
	int ram;
	uint8_t *mem;
	unsigned int fds;
};

static void client_open(struct client *c, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval limit = { .tv_sec = 20 };

	strcpy(addr.sun_path, path);
	c->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(c->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
}

static void client_send(struct client *c, unsigned int command, uint32_t flags, const void *body,
			size_t len, int fd)
{
	struct vfio_user_header h = {
		.id = ++c->id, .command = command, .size = sizeof(h) + len, .flags = flags
	};
	struct iovec iov[2] = { { &h, sizeof(h) }, { (void *)body, len } };
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control;
	struct cmsghdr *cm;

	if (fd >= 0) {
		mh.msg_control = control.buf;
		mh.msg_controllen = sizeof(control.buf);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cm), &fd, sizeof(fd));
	}
	assert_int_equal(sendmsg(c->fd, &mh, MSG_NOSIGNAL), sizeof(h) + len);
}

/* The reply to the last command; requests of the server in between are skipped. */
static int client_reply(struct client *c, void *body, size_t room)
{
	struct vfio_user_header h;
	static uint8_t buf[VFIO_USER_MAX_REPLY];

	do {
		if (recv(c->fd, &h, sizeof(h), MSG_WAITALL) != sizeof(h))
			return -ENOTCONN;
		assert_true(h.size >= sizeof(h) && h.size <= sizeof(buf));
		if (h.size > sizeof(h))
			assert_int_equal(recv(c->fd, buf, h.size - sizeof(h), MSG_WAITALL),
					 h.size - sizeof(h));
	} while (!(h.flags & VFIO_USER_REPLY) || h.id != c->id);
	if (h.flags & VFIO_USER_ERROR)
		return -(int)h.error;
	h.size -= sizeof(h);
	if (body)
		memcpy(body, buf, h.size < room ? h.size : room);
	return 0;
}

static int client_call(struct client *c, unsigned int command, const void *body, size_t len, int fd)
{
	client_send(c, command, 0, body, len, fd);
	return client_reply(c, NULL, 0);
}

static void client_hello(struct client *c)
{
	uint16_t version[2] = { 0, 0 };

	assert_int_equal(client_call(c, VFIO_USER_VERSION, version, sizeof(version), -1), 0);
}

static int client_map(struct client *c, uint64_t gpa, uint64_t size, uint64_t offset, int fd)
{
	struct {
		uint32_t argsz, flags;
		uint64_t offset, gpa, size;
	} map = { 32, 3, offset, gpa, size };

	return client_call(c, VFIO_USER_DMA_MAP, &map, sizeof(map), fd);
}

static int client_unmap(struct client *c, uint64_t gpa, uint64_t size)
{
	struct {
		uint32_t argsz, flags;
		uint64_t gpa, size;
	} unmap = { 24, 0, gpa, size };

	return client_call(c, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), -1);
}

struct access {
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[64];
};

static int client_write(struct client *c, unsigned int region, uint64_t offset, uint64_t value,
			unsigned int size, bool posted)
{
	struct access a = { .offset = offset, .region = region, .count = size };

	memcpy(a.data, &value, size);
	client_send(c, VFIO_USER_REGION_WRITE, posted ? VFIO_USER_NO_REPLY : 0, &a, 16 + size, -1);
	return posted ? 0 : client_reply(c, NULL, 0);
}

static uint64_t client_read(struct client *c, unsigned int region, uint64_t offset,
			    unsigned int size)
{
	struct access a = { .offset = offset, .region = region, .count = size };
	uint64_t value = 0;

	client_send(c, VFIO_USER_REGION_READ, 0, &a, 16, -1);
	assert_int_equal(client_reply(c, &a, sizeof(a)), 0);
	memcpy(&value, a.data, size);
	return value;
}

static int setup_with(void **state, unsigned int vcmd_quota)
{
	static struct fixture f;
	struct machine_config config = { .endpoint_path = f.ep,
					 .drhd_path = f.drhd,
					 .devfn = 0x20,
					 .max_ram = 1ULL << 30,
					 .vcmd_quota = vcmd_quota };

	memset(&f, 0, sizeof(f));
	f.fds = live_open_fds();
	snprintf(f.ep, sizeof(f.ep), "/tmp/test_machine.%d.ep", getpid());
	snprintf(f.drhd, sizeof(f.drhd), "/tmp/test_machine.%d.drhd", getpid());
	assert_int_equal(machine_start(&f.machine, &config), 0);
	f.ram = memfd_create("ram", MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(f.ram, RAM_SIZE), 0);
	assert_int_equal(fcntl(f.ram, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW), 0);
	f.mem = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, f.ram, 0);
	client_open(&f.c[0], f.ep);
	client_open(&f.c[1], f.drhd);
	client_hello(&f.c[0]);
	client_hello(&f.c[1]);
	*state = &f;
	return 0;
}

static int setup(void **state)
{
	return setup_with(state, 0);
}

static int setup_vcmd(void **state)
{
	return setup_with(state, 8);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->c[0].fd);
	close(f->c[1].fd);
	machine_hang_up(&f->machine);
	assert_int_equal(machine_stop(&f->machine), 0);
	munmap(f->mem, RAM_SIZE);
	close(f->ram);
	assert_int_equal(access(f->ep, F_OK), -1);
	assert_int_equal(live_open_fds(), f->fds);
	return 0;
}

/* ---- the DRHD's function ------------------------------------------------------------------------ */

static void firmware_places(struct fixture *f, uint32_t base)
{
	struct client *c = &f->c[1];

	/* Sizing, placing, enabling, as firmware does. */
	client_write(c, VFIO_USER_CONFIG, PCI_BAR0, ~0U, 4, false);
	assert_int_equal(client_read(c, VFIO_USER_CONFIG, PCI_BAR0, 4), 0xfffff000);
	client_write(c, VFIO_USER_CONFIG, PCI_BAR0, base, 4, false);
	assert_int_equal(client_read(c, VFIO_USER_CONFIG, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	client_write(c, VFIO_USER_CONFIG, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2,
		     false);
}

static uint64_t table_base(const uint8_t *table)
{
	uint64_t base;

	memcpy(&base, table + 56, sizeof(base));
	return base;
}

static void hide_and_patch(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->c[1];
	uint8_t *table = f->mem + RAM_SIZE - 0x1235;
	unsigned int ms;

	assert_int_equal(client_map(&f->c[0], RAM_GPA, RAM_SIZE, 0, f->ram), 0);
	assert_int_equal(client_read(c, VFIO_USER_CONFIG, 0, 4), 0x10f61234);
	firmware_places(f, 0xfebfd000);
	/* From here on the guest sees no function, but its registers. */
	assert_int_equal(client_read(c, VFIO_USER_CONFIG, 0, 4), 0xffffffff);
	assert_int_equal(client_write(c, VFIO_USER_CONFIG, PCI_BAR0, 0, 4, false), 0);
	assert_true(client_read(c, 0, 0, 4) != 0);
	usleep(20000);
	/* The table comes later, and is found. */
	dmar_build(table, DMAR_PLACEHOLDER, &(const uint8_t){ 0x20 }, 1, 48);
	for (ms = 0; ms < 5000 && table_base(table) != 0xfebfd000; ms++)
		usleep(1000);
	assert_int_equal(table_base(table), 0xfebfd000);
	/* A reset shows it again; next time firmware may choose another place. */
	assert_int_equal(client_call(c, VFIO_USER_DEVICE_RESET, NULL, 0, -1), 0);
	assert_int_equal(client_read(c, VFIO_USER_CONFIG, 0, 4), 0x10f61234);
	firmware_places(f, 0xfe800000);
	for (ms = 0; ms < 5000 && table_base(table) != 0xfe800000; ms++)
		usleep(1000);
	assert_int_equal(table_base(table), 0xfe800000);
}

/* ---- PASIDs from the host ------------------------------------------------------------------------- */

#define UNIT_VCMD  0xe00
#define UNIT_VCRSP 0xe10

static uint64_t virtual_command(struct client *c, uint64_t command)
{
	unsigned int ms;
	uint64_t rsp = 1;

	/* As QEMU does for a guest's store: nobody waits for a reply. */
	client_write(c, 0, UNIT_VCMD, command, 8, true);
	for (ms = 0; ms < 5000 && rsp & 1; ms++) {
		rsp = client_read(c, 0, UNIT_VCRSP, 8);
		usleep(1000);
	}
	return rsp;
}

static unsigned int numbers_out(struct fixture *f)
{
	struct vcmd_host_figures figures;

	vcmd_host_read(&f->machine.vcmd, &figures);
	assert_int_equal(figures.charged, figures.numbers);
	return figures.numbers - figures.pending;
}

static void virtual_commands(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->c[1];
	unsigned int n, ms;

	assert_int_equal(client_read(c, 0, 0x10, 8) >> 44 & 1, 1);
	for (n = 0; n < 8; n++)
		assert_int_equal(virtual_command(c, 1), (uint64_t)(VCMD_HOST_OWN + 1 + n) << 16);
	assert_int_equal(virtual_command(c, 1), 16 << 1);
	assert_int_equal(numbers_out(f), 8);
	assert_int_equal(virtual_command(c, 2 | 6 << 16), 0);
	assert_int_equal(virtual_command(c, 2 | 1 << 16), 16 << 1);
	assert_int_equal(numbers_out(f), 7);
	/* A guest that resets, and one that is gone. */
	assert_int_equal(client_call(c, VFIO_USER_DEVICE_RESET, NULL, 0, -1), 0);
	assert_int_equal(numbers_out(f), 0);
	assert_int_equal(client_read(c, 0, UNIT_VCRSP, 8), 0);
	assert_int_not_equal(virtual_command(c, 1) >> 16, 0);
	assert_int_equal(numbers_out(f), 1);
	close(c->fd);
	for (ms = 0; ms < 5000 && numbers_out(f); ms++)
		usleep(1000);
	assert_int_equal(numbers_out(f), 0);
	client_open(c, f->drhd);
	client_hello(c);
}

/* ---- RAM ------------------------------------------------------------------------------------------ */

static void ram(void **state)
{
	struct fixture *f = *state;
	struct client *c = &f->c[0];
	int loose = memfd_create("loose", 0);

	assert_int_equal(ftruncate(loose, RAM_SIZE), 0);
	assert_int_equal(client_map(c, RAM_GPA, RAM_SIZE, 0, loose), -EPERM);
	close(loose);
	/* ROM has no file: nothing to say against it. */
	assert_int_equal(client_map(c, 0xfffc0000, 0x40000, 0, -1), 0);
	assert_int_equal(client_map(c, RAM_GPA, RAM_SIZE, 0, f->ram), 0);
	assert_int_equal(client_map(c, RAM_GPA, RAM_SIZE, 0, f->ram), -EEXIST);
	assert_int_equal(client_map(c, 1ULL << 40, RAM_SIZE + 4096, 0, f->ram), -ERANGE);
	assert_int_equal(client_unmap(c, RAM_GPA, RAM_SIZE), 0);
	assert_int_equal(client_unmap(c, RAM_GPA, RAM_SIZE), 0);
	assert_int_equal(client_map(c, 1ULL << 40, RAM_SIZE, 0, f->ram), 0);
}

/* ---- work, and its end --------------------------------------------------------------------------------- */

/* A queue without PASID; with translation off its addresses are guest-physical. */
static void start_queue(struct client *c)
{
	uint64_t q = ACCEL_REG_QUEUE;

	client_write(c, VFIO_USER_CONFIG, PCI_COMMAND, PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY, 2,
		     false);
	client_write(c, 0, q + ACCEL_QUEUE_CONTROL, 0, 4, true);
	client_write(c, 0, q + ACCEL_QUEUE_RING_LG2, 4, 4, true);
	client_write(c, 0, q + ACCEL_QUEUE_RING_BASE, RAM_GPA, 8, true);
	client_write(c, 0, q + ACCEL_QUEUE_CONTROL, ACCEL_CONTROL_ENABLE, 4, true);
	assert_int_equal(client_read(c, 0, q + ACCEL_QUEUE_STATUS, 4), ACCEL_STATE_RUNNING);
}

static void submit_copies(struct fixture *f, unsigned int n)
{
	struct accel_desc desc = { .op = ACCEL_OP_COPY,
				   .flags = ACCEL_DESC_COMPLETION,
				   .len = 2 << 20,
				   .src = RAM_GPA + (2 << 20),
				   .dst = RAM_GPA + (4 << 20),
				   .completion = RAM_GPA + 0x1000 };
	unsigned int i;

	memset(f->mem + 0x1000, 0, sizeof(struct accel_comp));
	for (i = 0; i < n; i++)
		memcpy(f->mem + i * sizeof(desc), &desc, sizeof(desc));
	client_write(&f->c[0], ACCEL_BAR_DOORBELL, 0, n, 4, true);
}

static void work(void **state)
{
	struct fixture *f = *state;
	struct accel_comp *comp = (struct accel_comp *)(f->mem + 0x1000);
	unsigned int ms;

	assert_int_equal(client_map(&f->c[0], RAM_GPA, RAM_SIZE, 0, f->ram), 0);
	memset(f->mem + (2 << 20), 0x77, 2 << 20);
	start_queue(&f->c[0]);
	submit_copies(f, 1);
	for (ms = 0; ms < 5000 && !__atomic_load_n(&comp->status, __ATOMIC_ACQUIRE); ms++)
		usleep(1000);
	assert_int_equal(comp->status, ACCEL_COMP_SUCCESS);
	assert_memory_equal(f->mem + (2 << 20), f->mem + (4 << 20), 2 << 20);
}

/* RAM is taken away, the client leaves, comes back: copies under way never touch what is gone. */
static void leave_while_working(void **state)
{
	struct fixture *f = *state;
	unsigned int round;

	for (round = 0; round < 12; round++) {
		assert_int_equal(client_map(&f->c[0], RAM_GPA, RAM_SIZE, 0, f->ram), 0);
		start_queue(&f->c[0]);
		submit_copies(f, 15);
		usleep(round * 100);
		if (round % 3 == 0) {
			assert_int_equal(client_unmap(&f->c[0], RAM_GPA, RAM_SIZE), 0);
			assert_int_equal(client_call(&f->c[0], VFIO_USER_DEVICE_RESET, NULL, 0, -1),
					 0);
			continue;
		}
		if (round % 3 == 1)
			assert_int_equal(client_call(&f->c[1], VFIO_USER_DEVICE_RESET, NULL, 0, -1),
					 0);
		close(f->c[0].fd);
		client_open(&f->c[0], f->ep);
		client_hello(&f->c[0]);
	}
}

/* ---- nonsense ------------------------------------------------------------------------------------------ */

/* Registers of both functions, with values that are often nearly right. */
static void random_registers(void **state)
{
	static const uint64_t values[] = { 0,
					   1,
					   3,
					   ~0ULL,
					   RAM_GPA,
					   RAM_GPA | 0x400,
					   RAM_GPA | 0x807,
					   0x80000000,
					   0x40000000,
					   0x04000000,
					   0xfee00000,
					   0x20 };
	static const uint16_t unit[] = { 0x18, 0x1c, 0x20, 0x28, 0x34, 0x38, 0x3c, 0x40, 0x80, 0x88,
					 0x90, 0x9c, 0xa0, 0xc0, 0xc8, 0xd0, 0xdc, 0xe0, 0xe8 };
	struct fixture *f = *state;
	unsigned int seed = 99, i, r;
	uint64_t value, off;

	assert_int_equal(client_map(&f->c[0], RAM_GPA, RAM_SIZE, 0, f->ram), 0);
	for (i = 0; i < 4000; i++) {
		r = rand_r(&seed);
		value = values[r % 12] ^ (r % 7 ? 0 : 1ULL << (r >> 8) % 64);
		/* RAM holds what the tables and queues might be: noise that points into RAM. */
		*(uint64_t *)(f->mem + (rand_r(&seed) * 8ULL) % 0x4000) =
			(RAM_GPA + (rand_r(&seed) * 4096ULL) % RAM_SIZE) | (rand_r(&seed) & 0xfff);
		off = r % 5 ? unit[(r >> 4) % 19] : rand_r(&seed) % 0xff8;
		client_write(&f->c[1], 0, off, value, 1U << (r >> 12) % 4, r & 0x10000);
		off = rand_r(&seed) % 3 ? ACCEL_REG_QUEUE + rand_r(&seed) % 0x48 :
					  rand_r(&seed) % (ACCEL_REGS_SIZE - 8);
		client_write(&f->c[0], 0, off & ~3ULL, value, r & 0x20000 ? 4 : 8, true);
		if (r % 16 == 0)
			client_write(&f->c[0], ACCEL_BAR_DOORBELL, r % 8 * 0x1000, r % 20, 4, true);
		if (r % 64 == 1)
			client_write(&f->c[0], VFIO_USER_CONFIG, rand_r(&seed) % 0x140, value, 4,
				     false);
		if (r % 256 == 2)
			assert_int_equal(client_call(&f->c[r >> 8 & 1], VFIO_USER_DEVICE_RESET,
						     NULL, 0, -1),
					 0);
	}
	client_read(&f->c[0], 0, 0, 8);
	client_read(&f->c[1], 0, 8, 8);
}

/* Messages of random bytes; a connection that is given up is opened again. */
static void random_messages(void **state)
{
	struct fixture *f = *state;
	struct vfio_user_header h;
	unsigned int seed = 7, i, k, which, r;
	uint8_t body[128], sink[4096];

	for (i = 0; i < 3000; i++) {
		r = rand_r(&seed);
		which = r & 1;
		for (k = 0; k < sizeof(body); k++)
			body[k] = rand_r(&seed) % 3 ? 0 : rand_r(&seed);
		h.id = i;
		h.command = (r >> 1) % 17;
		h.size = sizeof(h) + (r >> 8) % sizeof(body);
		h.flags = r % 11 ? 0 : r >> 4;
		if (r % 97 == 0)
			h.size = r;
		if (send(f->c[which].fd, &h, sizeof(h), MSG_NOSIGNAL) != sizeof(h) ||
		    send(f->c[which].fd, body, (r >> 8) % sizeof(body), MSG_NOSIGNAL) < 0 ||
		    recv(f->c[which].fd, sink, sizeof(sink), MSG_DONTWAIT) == 0 || r % 97 == 0) {
			close(f->c[which].fd);
			client_open(&f->c[which], which ? f->drhd : f->ep);
			client_hello(&f->c[which]);
		}
	}
	/* And it still serves. */
	for (which = 0; which < 2; which++) {
		close(f->c[which].fd);
		client_open(&f->c[which], which ? f->drhd : f->ep);
		client_hello(&f->c[which]);
	}
	assert_int_equal(client_read(&f->c[0], 0, 0, 4), ACCEL_ID_VALUE);
}

/* ---- slices ---------------------------------------------------------------------------------------------- */

#define UNIT_ECAP 0x10

/** struct shared - two machines on a board; what each of their guests sees */
struct shared {
	struct board board;
	struct machine machine[2];
	char path[2][2][64];
	struct client c[2][2];
	unsigned int fds;
};

static int setup_slices(void **state)
{
	static struct shared s;
	struct machine_config config = { .devfn = 0x20, .max_ram = 1ULL << 30 };
	unsigned int i, k;

	memset(&s, 0, sizeof(s));
	s.fds = live_open_fds();
	assert_int_equal(board_start(&s.board, &config, 2), 0);
	for (i = 0; i < 2; i++) {
		for (k = 0; k < 2; k++)
			snprintf(s.path[i][k], sizeof(s.path[i][k]), "/tmp/test_machine.%d.%u%u",
				 getpid(), i, k);
		config.endpoint_path = s.path[i][0];
		config.drhd_path = s.path[i][1];
		config.board = &s.board;
		config.slice = i;
		config.meet = true;
		config.lazy = i;
		assert_int_equal(machine_start(&s.machine[i], &config), 0);
		for (k = 0; k < 2; k++) {
			client_open(&s.c[i][k], s.path[i][k]);
			client_hello(&s.c[i][k]);
		}
	}
	*state = &s;
	return 0;
}

static int teardown_slices(void **state)
{
	struct shared *s = *state;
	unsigned int i;

	meeting_end(&s->board.meeting);
	for (i = 0; i < 2; i++) {
		close(s->c[i][0].fd);
		close(s->c[i][1].fd);
		machine_hang_up(&s->machine[i]);
	}
	for (i = 0; i < 2; i++)
		assert_int_equal(machine_stop(&s->machine[i]), 0);
	board_stop(&s->board);
	assert_int_equal(live_open_fds(), s->fds);
	return 0;
}

/* Each guest has a unit that promises what the host promised, and registers to meet the other. */
static void slices(void **state)
{
	struct shared *s = *state;
	struct ioasid_info info;
	struct client *ep;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		ep = &s->c[i][0];
		assert_int_equal(client_read(&s->c[i][1], 0, UNIT_ECAP, 8) >> 35 & 0x1f, 9);
		assert_int_equal(machine_numbers(&s->machine[i], &info), 0);
		assert_int_equal(info.promised_bits, 10);
		assert_int_equal(info.ids_live, 0);
		assert_int_equal(client_read(ep, 0, ACCEL_REG_CAPS, 4) >> 16,
				 (ACCEL_CAP_PORTAL | ACCEL_CAP_MEET) >> 16);
		/* No number is anybody's yet. */
		client_write(ep, 0, ACCEL_REG_QUEUE + ACCEL_QUEUE_PASID, 1, 4, false);
		assert_int_equal(client_read(ep, 0, ACCEL_REG_QUEUE + ACCEL_QUEUE_PASID, 4), 0);
		client_write(ep, ACCEL_BAR_DOORBELL, ACCEL_PORTAL_PAGE(1), 1 | ACCEL_PORTAL_VALID,
			     4, true);
		client_write(ep, ACCEL_BAR_DOORBELL, ACCEL_PORTAL_PAGE(1) + ACCEL_PORTAL_COMMIT, 1,
			     4, true);
		assert_int_equal(client_read(ep, ACCEL_BAR_DOORBELL,
					     ACCEL_PORTAL_PAGE(1) + ACCEL_PORTAL_ANSWER, 4),
				 ACCEL_ANSWER_EXIT | 1 << 8);
		client_write(ep, 0, ACCEL_MEET_STAGE, 3 + i, 4, true);
		assert_int_equal(client_read(ep, 0, ACCEL_MEET_STAGE, 4), i ? 3 : 0);
	}
	/* One leaves: the other sees it. */
	close(s->c[0][0].fd);
	for (i = 0; i < 5000 && client_read(&s->c[1][0], 0, ACCEL_MEET_OTHERS, 4); i++)
		usleep(1000);
	assert_int_equal(client_read(&s->c[1][0], 0, ACCEL_MEET_OTHERS, 4), 0);
	assert_int_equal(client_read(&s->c[1][0], 0, ACCEL_MEET_STAGE, 4), 4);
	client_open(&s->c[0][0], s->path[0][0]);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(hide_and_patch),
		cmocka_unit_test_setup_teardown(virtual_commands, setup_vcmd, teardown),
		CASE(ram),
		CASE(work),
		CASE(leave_while_working),
		CASE(random_registers),
		CASE(random_messages),
		cmocka_unit_test_setup_teardown(slices, setup_slices, teardown_slices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
