// SPDX-License-Identifier: GPL-2.0-only
/* Names of symbol name spaces are bare words; elsewhere they are strings. */
#include <linux/module.h>

MODULE_IMPORT_NS(IOMMUFD_INTERNAL);
