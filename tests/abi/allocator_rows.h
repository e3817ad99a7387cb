/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Every function of <linux/ioasid_alloc.h>, written down a second time: what a program or module was
 * compiled against must stay what it finds. Compiled against libioasid and against ioasid.ko;
 * tests/abi/check_library.sh compares the names with the header's.
 */
#ifndef TESTS_ABI_ALLOCATOR_ROWS_H
#define TESTS_ABI_ALLOCATOR_ROWS_H

#include <linux/ioasid_alloc.h>

#define ALLOCATOR_ROWS(ROW)                                                                        \
	ROW(void, ioasid_install_capacity, (ioasid_t))                                             \
	ROW(int, ioasid_reserve_capacity, (ioasid_t))                                              \
	ROW(int, ioasid_cancel_capacity, (ioasid_t))                                               \
	ROW(struct ioasid_set *, ioasid_set_alloc, (void *, ioasid_t, int))                        \
	ROW(int, ioasid_set_free, (struct ioasid_set *))                                           \
	ROW(void, ioasid_set_destroy, (struct ioasid_set *))                                       \
	ROW(int, ioasid_adjust_set, (struct ioasid_set *, ioasid_t))                               \
	ROW(struct ioasid_set *, ioasid_find_mm_set, (struct mm_struct *))                         \
	ROW(void, ioasid_set_put, (struct ioasid_set *))                                           \
	ROW(struct ioasid_set *, ioasid_find_set, (ioasid_t))                                      \
	ROW(void, ioasid_set_for_each_ioasid,                                                      \
	    (struct ioasid_set *, void (*)(ioasid_t, void *), void *))                             \
	ROW(void, ioasid_free_all_in_set, (struct ioasid_set *))                                   \
	ROW(int, ioasid_alloc_request,                                                             \
	    (struct ioasid_set *, const struct ioasid_request *, ioasid_t *))                      \
	ROW(ioasid_t, ioasid_alloc, (struct ioasid_set *, ioasid_t, ioasid_t, void *))             \
	ROW(void, ioasid_free, (struct ioasid_set *, ioasid_t))                                    \
	ROW(int, ioasid_get_as, (struct ioasid_set *, ioasid_t, enum ioasid_holder))               \
	ROW(int, ioasid_get, (struct ioasid_set *, ioasid_t))                                      \
	ROW(int, ioasid_get_if_owned, (ioasid_t))                                                  \
	ROW(bool, ioasid_put_as, (struct ioasid_set *, ioasid_t, enum ioasid_holder))              \
	ROW(bool, ioasid_put, (struct ioasid_set *, ioasid_t))                                     \
	ROW(void *, ioasid_find, (struct ioasid_set *, ioasid_t, bool (*)(void *)))                \
	ROW(int, ioasid_attach_data, (ioasid_t, void *))                                           \
	ROW(void, ioasid_detach_data, (ioasid_t))                                                  \
	ROW(int, ioasid_describe, (ioasid_t, struct ioasid_id_info *))                             \
	ROW(int, ioasid_attach_spid, (ioasid_t, ioasid_t))                                         \
	ROW(void, ioasid_detach_spid, (ioasid_t))                                                  \
	ROW(ioasid_t, ioasid_find_by_spid, (struct ioasid_set *, ioasid_t, bool))                  \
	ROW(ioasid_t, ioasid_find_by_spid_as, (struct ioasid_set *, ioasid_t, enum ioasid_holder)) \
	ROW(int, ioasid_register_notifier, (struct ioasid_set *, struct notifier_block *))         \
	ROW(void, ioasid_unregister_notifier, (struct ioasid_set *, struct notifier_block *))      \
	ROW(int, ioasid_register_notifier_mm, (struct mm_struct *, struct notifier_block *))       \
	ROW(void, ioasid_unregister_notifier_mm, (struct mm_struct *, struct notifier_block *))    \
	ROW(void, ioasid_init_work,                                                                \
	    (struct ioasid_work *, ioasid_t, void (*)(struct ioasid_work *)))                      \
	ROW(bool, ioasid_queue_work, (struct ioasid_work *))                                       \
	ROW(void, ioasid_flush_work, (ioasid_t))                                                   \
	ROW(int, ioasid_register_allocator, (struct ioasid_allocator_ops *))                       \
	ROW(void, ioasid_unregister_allocator, (struct ioasid_allocator_ops *))

#endif
