#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# format.sh: rewrite the C sources in the project's style (.clang-format).
set -eu
. "$(dirname "$0")/lib.sh"

cd "$ROOT"
sources | xargs -r -d '\n' clang-format-14 -i
