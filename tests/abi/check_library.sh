#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# check_library.sh BUILDDIR [PLAINDIR]: the library exports what the installed headers declare and
# nothing else, every function has a manual page, the pages render without warnings, docs/abi.md is
# current, and a program builds against what PLAINDIR, a build without sanitizers, installs.
set -u
build=$1
plain=${2:-}
rc=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

verdict()
{
	if [ -z "$2" ]; then
		echo "ok - $1"
	else
		printf '%s\n' "$2" | head -n 20 | sed 's/^/# /'
		echo "not ok - $1"
		rc=1
	fi
}

# declared HEADER...: names of functions
declared()
{
	# Declarations begin at the left margin and name the function before a parenthesis.
	grep -hv '^static ' "$@" |
		grep -oE '^[a-z][a-z0-9_ ]*[ *]ioasid_[a-z0-9_]+\(' |
		grep -oE 'ioasid_[a-z0-9_]+\(' | tr -d '(' | sort -u
}

exported()
{
	nm -D --defined-only --with-symbol-versions "$build"/lib/libioasid.so |
		awk '$2 != "A" { print $3 }'
}

declared include/ioasid/{ioasid,host,allocator,vcpu,wq}.h include/linux/ioasid_alloc.h >"$work/declared"
exported | sed 's/@.*//' | sort -u >"$work/exported"
verdict "the library exports what the headers declare, and nothing else" \
	"$(diff "$work/declared" "$work/exported")"
verdict "every symbol has a version" "$(exported | grep -v '@@LIBIOASID_0$')"
verdict "soname" "$(objdump -p "$build/lib/libioasid.so" | grep SONAME | grep -v 'libioasid\.so\.0$')"

verdict "the test of the allocator's driver API has every function of it" \
	"$(diff <(declared include/linux/ioasid_alloc.h) \
		<(grep -oE 'ROW\([^,]+, ioasid_[a-z_]+' tests/abi/allocator_rows.h |
			grep -oE 'ioasid_[a-z_]+$' | sort -u))"

missing=
while read -r name; do
	[ -f "man/$name.3" ] || [ -f "$build/man/$name.3" ] || missing="$missing $name"
done <"$work/declared"
verdict "every function has a manual page" "$missing"

if command -v groff >/dev/null; then
	warnings=$(for page in man/*.[1-8]; do
		groff -ww -Kutf8 -Tutf8 -mandoc -z "$page" 2>&1
	done)
	verdict "manual pages render without warnings" "$warnings"
else
	echo "ok - manual pages render without warnings # SKIP groff is not installed"
fi

python3 docs/abi.py >"$work/abi.md"
verdict "docs/abi.md is what docs/abi.py makes of the header" "$(diff docs/abi.md "$work/abi.md" | head -n 10)"

# hello: installed headers, pkg-config and shared library, nothing of the checkout but the program.
hello()
{
	meson install -C "$plain" --no-rebuild --destdir "$work/inst" || return 1
	pc=$(dirname "$(find "$work/inst" -name libioasid.pc)")
	so=$(dirname "$(find "$work/inst" -name libioasid.so.0)")
	cp examples/hello.c "$work/hello.c"
	export PKG_CONFIG_SYSROOT_DIR="$work/inst" PKG_CONFIG_PATH="$pc"
	# shellcheck disable=SC2046 # flags are words
	(cd "$work" && cc -std=c11 -Wall -Wextra -Wpedantic -Werror -o hello hello.c \
		$(pkg-config --cflags --libs libioasid)) || return 1
	LD_LIBRARY_PATH=$so "$work/hello" | grep '^the device read: hello, device$'
}
if [ -n "$plain" ]; then
	log=$(hello 2>&1) && log=
	verdict "a C11 program builds and runs against the installed library" "$log"
	headers=$(dirname "$(find "$work/inst" -name host.h)")
	printf '#include <ioasid/%s.h>\n' allocator wq >"$work/h.cc"
	log=
	! command -v c++ >/dev/null ||
		log=$(c++ -std=c++11 -Wall -Werror -fsyntax-only -I"${headers%/*}" \
			-I"$headers/uapi" "$work/h.cc" 2>&1)
	verdict "the headers are good C++" "$log"
fi
exit $rc
