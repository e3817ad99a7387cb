# SPDX-License-Identifier: GPL-2.0-only OR MIT
# The front door. Every target first installs the Debian packages it misses
# (scripts/deps.sh), then hands over to one script.
.NOTPARALLEL:
.PHONY: help run run-6.12 run-two run-linux check check-deep bench bench-linux install install-dkms clean format

PREFIX ?= /usr/local
DESTDIR ?=

help:
	@echo 'make run         the demo: guest SVA in a stock Linux guest, on our VT-d unit'
	@echo 'make run-6.12    the same guest on the stock Debian 6.12 kernel'
	@echo 'make run-two     two such guests on one accelerator, each trying to reach the other'
	@echo 'make run-linux   /dev/ioasid in stock Debian kernels, under the conformance suite'
	@echo 'make check       all tests; the last line is "N passed, N failed"'
	@echo 'make check-deep  long fuzzing, random runs, kernels with checkers (built once)'
	@echo 'make bench       performance table, also in build/bench.json'
	@echo 'make bench-linux /dev/ioasid next to VFIO in a guest, also in build/bench-linux.json'
	@echo 'make install     library, header, tools, manual pages (PREFIX=$(PREFIX), DESTDIR=)'
	@echo 'make install-dkms  kernel modules by DKMS, udev rule, group ioasid (DESTDIR=: files only)'
	@echo 'make format      run clang-format over the sources'
	@echo 'make clean       remove build/ (the download cache stays; see scripts/README.md)'

run:
	@scripts/deps.sh build vm
	@scripts/run.sh backports

run-6.12:
	@scripts/deps.sh build vm
	@scripts/run.sh 6.12

run-two:
	@scripts/deps.sh build vm
	@scripts/run.sh two

run-linux:
	@scripts/deps.sh build vm check
	@scripts/run-linux.sh

check:
	@scripts/deps.sh build vm check
	@scripts/check.sh

check-deep:
	@scripts/deps.sh build vm check deep
	@scripts/check-deep.sh

bench:
	@scripts/deps.sh build vm
	@scripts/bench.sh

bench-linux:
	@scripts/deps.sh build vm
	@bench/linux/run.sh

install:
	@scripts/deps.sh build
	@scripts/install.sh '$(PREFIX)' '$(DESTDIR)'

install-dkms:
	@[ -n '$(DESTDIR)' ] || scripts/deps.sh dkms
	@dkms/install.sh '$(DESTDIR)'

format:
	@scripts/deps.sh format
	@scripts/format.sh

clean:
	@rm -rf build
