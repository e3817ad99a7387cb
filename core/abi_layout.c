// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * The layout of the ABI, nailed down: the same for 32- and 64-bit callers, every 64-bit field
 * 8-aligned, no hidden padding. A change that fails here breaks users.
 */
#include "core/home.h"

#define SIZE(t, n)	_Static_assert(sizeof(struct t) == (n), #t)
#define OFFSET(t, f, n) _Static_assert(offsetof(struct t, f) == (n), #t "." #f)

SIZE(ioasid_check_extension, 16);
SIZE(ioasid_info, 104);
OFFSET(ioasid_info, cookies, 8);
OFFSET(ioasid_info, nr_cookies, 16);
OFFSET(ioasid_info, faults_dropped, 56);
OFFSET(ioasid_info, pinned_bytes, 64);
OFFSET(ioasid_info, non_coherent, 88);
OFFSET(ioasid_info, refused_group, 96);
SIZE(ioasid_range, 24);
SIZE(ioasid_device_info, 88);
OFFSET(ioasid_device_info, cookie, 8);
OFFSET(ioasid_device_info, page_sizes, 64);
OFFSET(ioasid_device_info, ranges, 72);
SIZE(ioasid_ioas_info, 80);
OFFSET(ioasid_ioas_info, nr_maps, 40);
OFFSET(ioasid_ioas_info, ranges, 64);
SIZE(ioasid_table, 40);
OFFSET(ioasid_table, address, 16);
SIZE(ioasid_alloc, 72);
OFFSET(ioasid_alloc, ioasid, 24);
OFFSET(ioasid_alloc, table, 32);
SIZE(ioasid_free, 16);
SIZE(ioasid_map_dma, 40);
OFFSET(ioasid_map_dma, iova, 16);
SIZE(ioasid_unmap_dma, 56);
OFFSET(ioasid_unmap_dma, iova, 16);
OFFSET(ioasid_unmap_dma, unmapped, 32);
SIZE(ioasid_bind_pgtable, 56);
OFFSET(ioasid_bind_pgtable, table, 16);
SIZE(ioasid_set_hwid, 32);
OFFSET(ioasid_set_hwid, cookie, 16);
SIZE(ioasid_hwid_policy, 24);
SIZE(ioasid_invalidate, 48);
OFFSET(ioasid_invalidate, cookie, 16);
OFFSET(ioasid_invalidate, iova, 32);
SIZE(ioasid_fault_fd, 16);
SIZE(ioasid_fault, 64);
OFFSET(ioasid_fault, cookie, 16);
OFFSET(ioasid_fault, address, 24);
OFFSET(ioasid_fault, gpa, 32);
OFFSET(ioasid_fault, vpasid, 40);
SIZE(ioasid_page_response, 16);
SIZE(ioasid_dirty, 48);
SIZE(ioasid_cpu_pasid_enable, 16);
SIZE(ioasid_cpu_pasid, 16);
SIZE(ioasid_quota, 16);
SIZE(ioasid_state, 24);
SIZE(ioasid_query_ioas, 16);
SIZE(ioasid_query_device, 24);
SIZE(ioasid_query_route, 24);
SIZE(ioasid_query_map, 32);
SIZE(ioasid_query, 40);
OFFSET(ioasid_query, cursor, 16);
SIZE(ioasid_dev_bind, 24);
SIZE(ioasid_dev_attach, 16);
SIZE(ioasid_dev_reset, 8);
SIZE(ioasid_dev_eventfd, 16);
SIZE(ioasid_dev_region, 32);
SIZE(ioasid_limit, 64);
OFFSET(ioasid_limit, path, 16);
OFFSET(ioasid_limit, id, 40);
