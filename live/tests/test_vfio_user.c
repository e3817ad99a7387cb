// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* vfio-user messages: right ones do what they say, wrong ones change nothing and leak nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "live_test.h"
#include "vfio_user_server.h"

#define BAR0_SIZE 256

/** struct fake - a device that remembers */
struct fake {
	struct vfio_user_dev dev;
	uint8_t bar[BAR0_SIZE], config[4096];
	unsigned int maps, unmaps, resets, disconnects;
	struct vfio_user_dma dma;
	int fd_seen;
	uint8_t reply[VFIO_USER_MAX_REPLY];
};

static uint8_t *fake_region(struct fake *f, unsigned int region, uint64_t offset, size_t len)
{
	assert_true(region == 0 || region == VFIO_USER_CONFIG);
	assert_true(offset + len <= (region ? sizeof(f->config) : sizeof(f->bar)));
	return (region ? f->config : f->bar) + offset;
}

static int fake_read(void *opaque, unsigned int region, uint64_t offset, void *buf, size_t len)
{
	memcpy(buf, fake_region(opaque, region, offset, len), len);
	return 0;
}

static int fake_write(void *opaque, unsigned int region, uint64_t offset, const void *buf,
		      size_t len)
{
	memcpy(fake_region(opaque, region, offset, len), buf, len);
	return 0;
}

static int fake_map(void *opaque, const struct vfio_user_dma *dma, int fd)
{
	struct fake *f = opaque;

	f->maps++;
	f->dma = *dma;
	f->fd_seen = fd;
	return dma->iova == 0xbad000 ? -EEXIST : 0;
}

static int fake_unmap(void *opaque, uint64_t iova live_unused, uint64_t size live_unused,
		      bool all live_unused)
{
	struct fake *f = opaque;

	f->unmaps++;
	return 0;
}

static void fake_reset(void *opaque)
{
	((struct fake *)opaque)->resets++;
}

static void fake_disconnect(void *opaque)
{
	((struct fake *)opaque)->disconnects++;
}

static const struct vfio_user_ops fake_ops = {
	.region_read = fake_read,
	.region_write = fake_write,
	.dma_map = fake_map,
	.dma_unmap = fake_unmap,
	.reset = fake_reset,
	.disconnect = fake_disconnect,
};

/* A message as a client makes it. */
struct message {
	struct vfio_user_header header;
	uint8_t body[512];
};

static size_t message_make(struct message *m, unsigned int command, uint32_t flags,
			   const void *body, size_t len)
{
	memset(m, 0, sizeof(*m));
	m->header.id = 77;
	m->header.command = command;
	m->header.size = sizeof(m->header) + len;
	m->header.flags = flags;
	if (len)
		memcpy(m->body, body, len);
	return m->header.size;
}

/* Send; return 0, the error of the reply, or -EPROTO; @len gets the length of the reply's body. */
static int fake_call_fds(struct fake *f, unsigned int command, const void *body, size_t len,
			 const int *fds, unsigned int nr_fds, size_t *reply_len)
{
	struct vfio_user_header header;
	struct message m;
	int n;

	n = vfio_user_dev_handle(&f->dev, &m, message_make(&m, command, 0, body, len), fds, nr_fds,
				 f->reply);
	if (n < 0)
		return n;
	assert_true(n >= (int)sizeof(header) && n <= (int)sizeof(f->reply));
	memcpy(&header, f->reply, sizeof(header));
	assert_int_equal(header.size, n);
	assert_int_equal(header.id, 77);
	assert_int_equal(header.command, command);
	if (header.flags & VFIO_USER_ERROR)
		assert_int_equal(n, sizeof(header));
	if (reply_len)
		*reply_len = n - sizeof(header);
	return header.flags & VFIO_USER_ERROR ? -(int)header.error : 0;
}

static int fake_call(struct fake *f, unsigned int command, const void *body, size_t len)
{
	return fake_call_fds(f, command, body, len, NULL, 0, NULL);
}

static int setup(void **state)
{
	static struct fake f;
	uint16_t version[2] = { 0, 1 };

	memset(&f, 0, sizeof(f));
	vfio_user_dev_init(&f.dev, &fake_ops, &f);
	f.dev.region_size[0] = BAR0_SIZE;
	f.dev.region_size[VFIO_USER_CONFIG] = sizeof(f.config);
	f.dev.nr_vectors = 4;
	assert_int_equal(fake_call(&f, VFIO_USER_VERSION, version, sizeof(version)), 0);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	vfio_user_dev_destroy(&((struct fake *)*state)->dev);
	return 0;
}

static void version_comes_first(void **state)
{
	struct fake *f = *state;
	uint16_t major[2] = { 1, 0 };
	uint32_t info[4] = { 16 };

	vfio_user_dev_disconnect(&f->dev);
	assert_int_equal(f->disconnects, 1);
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_GET_INFO, info, sizeof(info)), -EPROTO);
	assert_int_equal(fake_call(f, VFIO_USER_VERSION, major, sizeof(major)), -EPROTONOSUPPORT);
	assert_int_equal(fake_call(f, VFIO_USER_VERSION, major, 3), -EINVAL);
	major[0] = 0;
	assert_int_equal(fake_call(f, VFIO_USER_VERSION, major, sizeof(major)), 0);
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_GET_INFO, info, sizeof(info)), 0);
}

static void information(void **state)
{
	struct fake *f = *state;
	struct {
		uint32_t argsz, flags, index, cap;
		uint64_t size, offset;
	} region = { .index = 0 };
	uint32_t info[4] = { 16 };
	size_t len;

	assert_int_equal(fake_call_fds(f, VFIO_USER_DEVICE_GET_INFO, info, 16, NULL, 0, &len), 0);
	assert_int_equal(len, 16);
	memcpy(info, f->reply + 16, 16);
	assert_int_equal(info[1], 3);
	assert_int_equal(info[2], VFIO_USER_NR_REGIONS);
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_GET_REGION_INFO, &region, 32), 0);
	memcpy(&region, f->reply + 16, 32);
	assert_int_equal(region.size, BAR0_SIZE);
	assert_int_equal(region.flags, 3);
	region.index = VFIO_USER_NR_REGIONS;
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_GET_REGION_INFO, &region, 32), -EINVAL);
	info[2] = 2;
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_GET_IRQ_INFO, info, 16), 0);
	memcpy(info, f->reply + 16, 16);
	assert_int_equal(info[3], 4);
	info[2] = 5;
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_GET_IRQ_INFO, info, 16), -EINVAL);
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_GET_REGION_IO_FDS, info, 16), -ENOTSUP);
	assert_int_equal(fake_call(f, 0, NULL, 0), -ENOTSUP);
	assert_int_equal(fake_call(f, 14, NULL, 0), -ENOTSUP);
	assert_int_equal(fake_call(f, 65535, NULL, 0), -ENOTSUP);
}

struct access {
	uint64_t offset;
	uint32_t region, count;
	uint8_t data[64];
};

static void regions(void **state)
{
	struct fake *f = *state;
	struct access a = { .offset = 8, .count = 4, .data = { 1, 2, 3, 4 } };
	size_t len;

	assert_int_equal(fake_call(f, VFIO_USER_REGION_WRITE, &a, 20), 0);
	assert_memory_equal(f->bar + 8, a.data, 4);
	assert_int_equal(fake_call_fds(f, VFIO_USER_REGION_READ, &a, 16, NULL, 0, &len), 0);
	assert_int_equal(len, 20);
	assert_memory_equal(f->reply + 32, a.data, 4);
	/* Announced and carried length must agree. */
	assert_int_equal(fake_call(f, VFIO_USER_REGION_WRITE, &a, 19), -EINVAL);
	assert_int_equal(fake_call(f, VFIO_USER_REGION_WRITE, &a, 21), -EINVAL);
	assert_int_equal(fake_call(f, VFIO_USER_REGION_READ, &a, 15), -EINVAL);
}

static void regions_bounds(void **state)
{
	static const struct {
		uint64_t offset;
		uint32_t region, count;
		int rc;
	} cases[] = {
		{ BAR0_SIZE, 0, 0, 0 },
		{ BAR0_SIZE - 4, 0, 4, 0 },
		{ BAR0_SIZE - 3, 0, 4, -EINVAL },
		{ BAR0_SIZE, 0, 1, -EINVAL },
		{ BAR0_SIZE + 1, 0, 0, -EINVAL },
		{ ~0ULL, 0, 1, -EINVAL },
		{ ~0ULL - 3, 0, 8, -EINVAL },
		{ 0, 1, 1, -EINVAL },
		{ 0, VFIO_USER_NR_REGIONS, 1, -EINVAL },
		{ 0, ~0U, 1, -EINVAL },
		{ 0, VFIO_USER_CONFIG, 4096, 0 },
		{ 0, VFIO_USER_CONFIG, 4097, -EINVAL },
		{ 0, 0, ~0U, -EINVAL },
		{ 0, 0, VFIO_USER_MAX_DATA + 1, -EINVAL },
	};
	struct access a = { 0 };
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		a.offset = cases[i].offset;
		a.region = cases[i].region;
		a.count = cases[i].count;
		assert_int_equal(fake_call(*state, VFIO_USER_REGION_READ, &a, 16), cases[i].rc);
	}
}

static void posted_writes_get_no_reply(void **state)
{
	struct fake *f = *state;
	struct access a = { .count = 1, .data = { 9 } };
	struct message m;
	size_t len;

	len = message_make(&m, VFIO_USER_REGION_WRITE, VFIO_USER_NO_REPLY, &a, 17);
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len, NULL, 0, f->reply), 0);
	assert_int_equal(f->bar[0], 9);
	/* Not even an error. */
	a.region = 5;
	len = message_make(&m, VFIO_USER_REGION_WRITE, VFIO_USER_NO_REPLY, &a, 17);
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len, NULL, 0, f->reply), 0);
}

static void replies_are_ignored(void **state)
{
	static const uint8_t body[40];
	struct fake *f = *state;
	struct message m;
	size_t len;

	len = message_make(&m, VFIO_USER_DMA_WRITE, VFIO_USER_REPLY, body, sizeof(body));
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len, NULL, 0, f->reply), 0);
	len = message_make(&m, VFIO_USER_DEVICE_RESET, VFIO_USER_REPLY, NULL, 0);
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len, NULL, 0, f->reply), 0);
	assert_int_equal(f->resets, 0);
}

static void sizes_that_lie(void **state)
{
	struct fake *f = *state;
	struct message m;
	size_t len;

	len = message_make(&m, VFIO_USER_DEVICE_RESET, 0, NULL, 0);
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len - 1, NULL, 0, f->reply), -EPROTO);
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len + 1, NULL, 0, f->reply), -EPROTO);
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, 0, NULL, 0, f->reply), -EPROTO);
	m.header.size = ~0U;
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len, NULL, 0, f->reply), -EPROTO);
	assert_int_equal(f->resets, 0);
	m.header.size = len;
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, len, NULL, 0, f->reply), len);
	assert_int_equal(f->resets, 1);
}

struct map {
	uint32_t argsz, flags;
	uint64_t offset, iova, size;
};

static void dma_map(void **state)
{
	struct fake *f = *state;
	struct map map = { 32, 3, 0x1000, 0x100000, 0x2000 };
	unsigned int before = live_open_fds();
	int fds[2];

	fds[0] = memfd_create("ram", 0);
	assert_int_equal(fake_call_fds(f, VFIO_USER_DMA_MAP, &map, 32, fds, 1, NULL), 0);
	assert_int_equal(f->fd_seen, fds[0]);
	assert_int_equal(f->dma.iova, 0x100000);
	assert_int_equal(f->dma.size, 0x2000);
	assert_int_equal(f->dma.offset, 0x1000);
	assert_true(f->dma.writable);
	assert_int_equal(live_open_fds(), before);
	/* Without a file; read-only. */
	map.flags = 1;
	assert_int_equal(fake_call(f, VFIO_USER_DMA_MAP, &map, 32), 0);
	assert_int_equal(f->fd_seen, -1);
	assert_false(f->dma.writable);
	/* What the device refuses is the client's answer. */
	map.iova = 0xbad000;
	assert_int_equal(fake_call(f, VFIO_USER_DMA_MAP, &map, 32), -EEXIST);
	fds[0] = memfd_create("ram", 0);
	fds[1] = memfd_create("ram", 0);
	assert_int_equal(fake_call_fds(f, VFIO_USER_DMA_MAP, &map, 32, fds, 2, NULL), -EINVAL);
	assert_int_equal(live_open_fds(), before);
}

static void dma_map_refused(void **state)
{
	static const struct map cases[] = {
		{ 32, 3, 0, 0, 0 }, /* empty */
		{ 32, 4, 0, 0, 4096 }, /* unknown flag */
		{ 32, 3, 0, ~0ULL - 4094, 4097 }, /* address wraps */
		{ 32, 3, ~0ULL - 4094, 0, 4097 }, /* offset wraps */
		{ 32, 3, 0, 2, ~0ULL },
	};
	struct fake *f = *state;
	unsigned int i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(fake_call(f, VFIO_USER_DMA_MAP, &cases[i], 32), -EINVAL);
	assert_int_equal(fake_call(f, VFIO_USER_DMA_MAP, &cases[0], 31), -EINVAL);
	assert_int_equal(f->maps, 0);
}

static void dma_unmap(void **state)
{
	struct fake *f = *state;
	struct {
		uint32_t argsz, flags;
		uint64_t iova, size;
	} unmap = { 24, 0, 0x1000, 0x1000 };

	assert_int_equal(fake_call(f, VFIO_USER_DMA_UNMAP, &unmap, 24), 0);
	unmap.size = 0;
	assert_int_equal(fake_call(f, VFIO_USER_DMA_UNMAP, &unmap, 24), -EINVAL);
	unmap.flags = 2;
	assert_int_equal(fake_call(f, VFIO_USER_DMA_UNMAP, &unmap, 24), 0);
	unmap.flags = 1; /* dirty bitmap: not offered */
	assert_int_equal(fake_call(f, VFIO_USER_DMA_UNMAP, &unmap, 24), -EINVAL);
	assert_int_equal(fake_call(f, VFIO_USER_DMA_UNMAP, &unmap, 23), -EINVAL);
	assert_int_equal(f->unmaps, 2);
}

struct irqs {
	uint32_t argsz, flags, index, start, count;
};

static void interrupts(void **state)
{
	struct fake *f = *state;
	struct irqs set = { 20, 0x24, 2, 1, 2 };
	unsigned int before = live_open_fds();
	int fds[2], mine;
	uint64_t n;

	fds[0] = eventfd(0, 0);
	fds[1] = eventfd(0, 0);
	mine = dup(fds[1]);
	assert_int_equal(fake_call_fds(f, VFIO_USER_DEVICE_SET_IRQS, &set, 20, fds, 2, NULL), 0);
	vfio_user_dev_interrupt(&f->dev, 2);
	assert_int_equal(read(mine, &n, sizeof(n)), sizeof(n));
	assert_int_equal(n, 1);
	/* Vectors nobody listens to, and none at all. */
	vfio_user_dev_interrupt(&f->dev, 0);
	vfio_user_dev_interrupt(&f->dev, 31);
	vfio_user_dev_interrupt(&f->dev, ~0U);
	/* A full counter must not stop us: the descriptor was made non-blocking. */
	n = ~0ULL - 1;
	assert_int_equal(write(mine, &n, sizeof(n)), sizeof(n));
	vfio_user_dev_interrupt(&f->dev, 2);
	/* All off. */
	set = (struct irqs){ 20, 0x21, 2, 0, 0 };
	assert_int_equal(fake_call(f, VFIO_USER_DEVICE_SET_IRQS, &set, 20), 0);
	close(mine);
	assert_int_equal(live_open_fds(), before);
}

static void interrupts_refused(void **state)
{
	static const struct irqs cases[] = {
		{ 20, 0x24, 2, 4, 1 },	 { 20, 0x24, 2, 0, 5 }, { 20, 0x24, 2, ~0U, 2 },
		{ 20, 0x24, 2, 1, ~0U }, { 20, 0x24, 9, 0, 1 }, { 20, 0x24, 0, 0, 1 },
		{ 20, 0x44, 2, 0, 1 },	 { 20, 0x22, 2, 0, 1 }, { 20, ~0U, 2, 0, 1 },
		{ 20, 0x24, 2, 0, 2 }, /* two vectors, one descriptor */
	};
	struct fake *f = *state;
	unsigned int before = live_open_fds(), i;
	struct irqs set = { 20, 0x24, 2, 0, 1 };
	int fds[VFIO_USER_MAX_FDS + 4], p[2];

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fds[0] = eventfd(0, 0);
		assert_int_equal(fake_call_fds(f, VFIO_USER_DEVICE_SET_IRQS, &cases[i], 20, fds, 1,
					       NULL),
				 -EINVAL);
	}
	/* A pipe could block whoever raises the interrupt. */
	assert_int_equal(pipe(p), 0);
	fds[0] = p[1];
	assert_int_equal(fake_call_fds(f, VFIO_USER_DEVICE_SET_IRQS, &set, 20, fds, 1, NULL),
			 -EINVAL);
	close(p[0]);
	/* More descriptors than a message may have. */
	for (i = 0; i < VFIO_USER_MAX_FDS + 4; i++)
		fds[i] = eventfd(0, 0);
	assert_int_equal(fake_call_fds(f, VFIO_USER_DEVICE_SET_IRQS, &set, 20, fds,
				       VFIO_USER_MAX_FDS + 4, NULL),
			 -EINVAL);
	assert_int_equal(live_open_fds(), before);
}

/* Descriptors that come with messages that take none. */
static void stray_descriptors(void **state)
{
	struct fake *f = *state;
	unsigned int before = live_open_fds();
	struct access a = { .count = 4 };
	struct message m;
	int fd;

	fd = eventfd(0, 0);
	assert_int_equal(fake_call_fds(f, VFIO_USER_REGION_READ, &a, 16, &fd, 1, NULL), 0);
	fd = eventfd(0, 0);
	assert_int_equal(fake_call_fds(f, 999, NULL, 0, &fd, 1, NULL), -ENOTSUP);
	fd = eventfd(0, 0);
	memset(&m, 0, sizeof(m));
	assert_int_equal(vfio_user_dev_handle(&f->dev, &m, 3, &fd, 1, f->reply), -EPROTO);
	assert_int_equal(live_open_fds(), before);
}

/* ---- over a socket --------------------------------------------------------------------------- */

static int client_connect(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(addr.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void client_version(int fd)
{
	uint16_t version[2] = { 0, 0 };
	uint8_t reply[512];
	struct message m;
	size_t len;

	len = message_make(&m, VFIO_USER_VERSION, 0, version, sizeof(version));
	/* In two pieces, as a socket may deliver it. */
	assert_int_equal(send(fd, &m, 10, 0), 10);
	usleep(1000);
	assert_int_equal(send(fd, (uint8_t *)&m + 10, len - 10, 0), len - 10);
	assert_true(recv(fd, reply, sizeof(reply), 0) > 16);
}

static bool client_closed(int fd)
{
	struct timeval limit = { .tv_sec = 5 };
	char c;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return recv(fd, &c, 1, 0) == 0;
}

static void server(void **state)
{
	struct fake *f = *state;
	struct vfio_user_server srv = { .dev = &f->dev };
	char path[64];
	struct message m = { 0 };
	uint32_t data = 0x1234;
	uint8_t in[64];
	size_t len;
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_vfio_user.%d", getpid());
	assert_int_equal(vfio_user_server_start(&srv, path), 0);
	assert_int_equal(vfio_user_server_dma_write(&srv, 0xfee00000, &data, 4), -ENOTCONN);
	fd = client_connect(path);
	client_version(fd);
	/* An interrupt of a remapping unit: a DMA_WRITE of four bytes to the client. */
	assert_int_equal(vfio_user_server_dma_write(&srv, 0xfee00000, &data, 4), 0);
	assert_int_equal(recv(fd, in, sizeof(in), 0), 16 + 16 + 4);
	assert_int_equal(in[2], VFIO_USER_DMA_WRITE);
	assert_memory_equal(in + 32, &data, 4);
	/* A header that is no header ends the connection, and only that. */
	m.header.size = 3;
	assert_int_equal(send(fd, &m, 16, 0), 16);
	assert_true(client_closed(fd));
	close(fd);
	fd = client_connect(path);
	client_version(fd);
	m.header.size = VFIO_USER_MAX_MSG + 1;
	assert_int_equal(send(fd, &m, 16, 0), 16);
	assert_true(client_closed(fd));
	close(fd);
	/* Stopping does not wait for a client in the middle of a message. */
	fd = client_connect(path);
	client_version(fd);
	len = message_make(&m, VFIO_USER_DEVICE_RESET, 0, NULL, 0);
	assert_int_equal(send(fd, &m, len - 4, 0), len - 4);
	vfio_user_server_stop(&srv);
	assert_int_equal(f->disconnects, 3);
	assert_int_equal(access(path, F_OK), -1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(version_comes_first, setup, teardown),
		cmocka_unit_test_setup_teardown(information, setup, teardown),
		cmocka_unit_test_setup_teardown(regions, setup, teardown),
		cmocka_unit_test_setup_teardown(regions_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(posted_writes_get_no_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(replies_are_ignored, setup, teardown),
		cmocka_unit_test_setup_teardown(sizes_that_lie, setup, teardown),
		cmocka_unit_test_setup_teardown(dma_map, setup, teardown),
		cmocka_unit_test_setup_teardown(dma_map_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(dma_unmap, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupts, setup, teardown),
		cmocka_unit_test_setup_teardown(interrupts_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(stray_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(server, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
