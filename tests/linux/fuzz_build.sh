#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# fuzz_build.sh OUT: build the programs of tests/linux/security.sh, static, into
# OUT: fuzz_abi, hostage, procfs, simdev, and layout for callers of 64 and of 32 bits. Neither
# needs a 32-bit C library.
set -eu

out=${1:?usage: fuzz_build.sh OUT}
cd "$(dirname "$0")"
mkdir -p "$out"
out=$(cd "$out" && pwd)
cc=${CC:-gcc}
flags="-std=gnu11 -O1 -Wall -Wextra -Werror -I../../include/uapi -I$out"
python3 -B fuzz_table.py >"$out/fuzz_table.h"
# shellcheck disable=SC2086 # words
$cc $flags -static -pthread -o "$out/fuzz_abi" fuzz_abi.c fuzz_arg.c fuzz_judge.c fuzz_world.c
for program in hostage procfs simdev; do
	# shellcheck disable=SC2086
	$cc $flags -static -pthread -o "$out/$program" $program.c
done
for bits in 32 64; do
	# shellcheck disable=SC2086
	$cc -m$bits $flags "-I/usr/include/$($cc -print-multiarch)" -ffreestanding -nostdlib \
		-static -fno-stack-protector -fno-pic -no-pie -o "$out/layout$bits" layout.c
done
