#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# run.sh [NAME-PREFIX...]: /dev/ioasid next to VFIO's type1 container on the stock
# 6.12 kernel, in one guest with two identical functions behind one VT-d unit. The
# table on stdout, the same in build/bench-linux.json; the targets are judged last.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib.sh"
cd "$ROOT"

kernel=6.12
dir=$BUILD/bench-linux
json=$BUILD/bench-linux.json
args=$(IFS=,; echo "$*")
mkdir -p "$dir"
rm -f "$json"

"$ROOT/scripts/kmod.sh" $kernel kmods "$dir" linux sim pci core formats enqcmd os include >/dev/null
"${CC:-gcc}" -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Wno-missing-field-initializers \
	-static -I. -Iinclude/uapi -o "$dir/bench_linux" bench/linux/bench_linux.c bench/row.c
scripts/initramfs.sh -k $kernel -o "$dir/initrd.cpio" -p bench/linux/payload.sh \
	-m vfio_iommu_type1 -m vfio-pci -i "$dir/ioasid.ko" -i "$dir/ioasid-sim.ko" \
	-i "$dir/ioasid-pci.ko" -f "$dir/bench_linux"
say "== measuring in a guest (kernel $kernel, TCG), about two minutes"
scripts/vm.sh -k $kernel -c 2 -m 3G -i "$dir/initrd.cpio" -n bench-linux -t 600 -v \
	-M 'BENCH DONE' -a "ioasid.bench=$args" -- \
	-device intel-iommu,intremap=on \
	-device edu,addr=5 -device edu,addr=6 | grep '^linux\.' || die "no figures"
tr -d '\r' <"$LOG/bench-linux.out" | sed -n '/^JSON BEGIN$/,/^JSON END$/p' | sed '1d;$d' >"$json"
python3 bench/linux/judge.py "$json" "$@"
