// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * A fuzz target without libFuzzer: runs files given as arguments, or REPLAY_RUNS pseudo-random inputs of
 * REPLAY_BYTES bytes.
 *   TARGET [FILE...] | -runs=N
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_file(const char *path)
{
	static uint8_t data[1 << 16];
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		exit(2);
	}
	n = fread(data, 1, sizeof(data), f);
	fclose(f);
	LLVMFuzzerTestOneInput(data, n);
}

static void run_random(unsigned long runs)
{
	static uint8_t data[REPLAY_BYTES];
	uint64_t state = 1;
	unsigned long i;
	size_t j;

	for (i = 0; i < runs; i++) {
		for (j = 0; j < sizeof(data); j++) {
			state = state * 6364136223846793005ULL + 1442695040888963407ULL;
			data[j] = (uint8_t)(state >> 56);
		}
		LLVMFuzzerTestOneInput(data, sizeof(data));
	}
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	unsigned long runs = REPLAY_RUNS;
	int i;

	if (argc > 1 && !strncmp(argv[1], "-runs=", 6)) {
		runs = strtoul(argv[1] + 6, NULL, 0);
	} else if (argc > 1) {
		for (i = 1; i < argc; i++)
			run_file(argv[i]);
		return 0;
	}
	run_random(runs);
	printf("ok - %s: %lu pseudo-random programs\n", name ? name + 1 : argv[0], runs);
	return 0;
}
