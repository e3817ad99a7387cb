#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# build.sh asan|tsan|perf|clang-fuzz [NINJA TARGET...]: configure (once) and build in
# build/<kind>. Prints one line; the compiler's words are shown only on failure.
set -eu
. "$(dirname "$0")/lib.sh"

kind=${1:?usage: build.sh asan|tsan|perf|clang-fuzz [target...]}
shift
dir=$BUILD/$kind
cc=${CC:-gcc}
case $kind in
asan)
	options="-Db_sanitize=address,undefined"
	;;
tsan)
	options="-Db_sanitize=thread"
	;;
perf)
	options="-Dperf=true -Doptimization=3"
	;;
clang-fuzz)
	cc=clang-14
	# The linker's "no undefined symbols" is at odds with clang's sanitizer runtime.
	options="-Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false"
	;;
*)
	die "unknown kind of build '$kind' (asan, tsan, perf, clang-fuzz)"
	;;
esac
"$ROOT/scripts/deps.sh" build
[ "$kind" != clang-fuzz ] || "$ROOT/scripts/deps.sh" check

mkdir -p "$BUILD"
# Two parts of a test run may ask for the same build.
exec 8>"$BUILD/.lock-$kind"
flock 8
: >"$LOG/build-$kind.log"

# The top meson.build takes in whichever folders have a meson.build; meson does
# not notice a new one by itself. Options and compiler count as well.
want=$(echo "$cc $options"; cd "$ROOT"; ls meson_options.txt ./*/meson.build ./*/*/meson.build 2>/dev/null || true)
configure()
{
	local again=
	[ ! -f "$dir/build.ninja" ] || again=--reconfigure
	# shellcheck disable=SC2086
	CC=$cc meson setup $again $options "$dir" "$ROOT" 8>&-
	printf '%s\n' "$want" >"$dir/.configured"
}
if [ ! -f "$dir/build.ninja" ] || [ "$want" != "$(cat "$dir/.configured" 2>/dev/null)" ]; then
	case $(cat "$dir/.configured" 2>/dev/null) in
	"" | "$cc "*) ;;
	*) rm -rf "$dir" ;; # meson cannot change its compiler in place
	esac
	step "configuring build/$kind" "$LOG/build-$kind.log" configure
fi
step "building build/$kind" "$LOG/build-$kind.log" ninja -C "$dir" -j "$JOBS" "$@" 8>&-
