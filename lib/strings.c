// SPDX-License-Identifier: GPL-2.0-only OR MIT
/* libioasid: the ABI's enumerations in words. The words are the core's. */
#include "core/words.h"
#include "lib/lib.h"

const char *ioasid_strreason(uint32_t reason)
{
	return ioas_word_reason(reason);
}

const char *ioasid_strrefusal(uint32_t refusal)
{
	return ioas_word_refusal(refusal);
}

const char *ioasid_strclass(uint32_t dev_class)
{
	return ioas_word_class(dev_class);
}
