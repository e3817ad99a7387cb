#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# install.sh PREFIX [DESTDIR]: build without sanitizers and install.
set -eu
. "$(dirname "$0")/lib.sh"

prefix=${1:?usage: install.sh PREFIX [DESTDIR]}
"$ROOT/scripts/build.sh" perf
meson configure "$BUILD/perf" -Dprefix="$prefix"
step "installing to ${2:-}$prefix" "$LOG/install.log" \
	env DESTDIR="${2:-}" meson install -C "$BUILD/perf" --quiet
say "installed; see $LOG/install.log"
