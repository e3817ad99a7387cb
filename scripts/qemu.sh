#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only OR MIT
#
# qemu.sh host|tree ARGUMENT...: become Debian 12's own QEMU (host) or QEMU 11
# out of the Debian 13 tree (tree). The latter runs through the tree's dynamic
# loader and libraries instead of a chroot, so it opens files and sockets at
# this machine's paths and needs no root.
set -eu
. "$(dirname "$0")/lib.sh"

which=${1:?usage: qemu.sh host|tree argument...}
shift
case $which in
host)
	exec qemu-system-x86_64 "$@"
	;;
tree)
	# The tree may be made by another user's run; only a missing one is made here.
	[ -s "$TREE/.ioasid/complete" ] || "$ROOT/scripts/deb13-tree.sh" >/dev/null
	lib=$TREE/usr/lib/x86_64-linux-gnu
	# The loader is the process's executable, so QEMU cannot find its modules
	# and firmware by where it lies: say where they are.
	export QEMU_MODULE_DIR=$lib/qemu
	exec "$TREE/lib64/ld-linux-x86-64.so.2" --library-path "$lib" \
		--argv0 qemu-system-x86_64 "$TREE/usr/bin/qemu-system-x86_64" \
		-L "$TREE/usr/share/qemu" -L "$TREE/usr/share/seabios" "$@"
	;;
*)
	die "unknown QEMU '$which' (host, tree)"
	;;
esac
