# SPDX-License-Identifier: GPL-2.0
# What Kbuild does stands in Kbuild and module/Kbuild; this is for people.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build
VERSION := $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' module/main.c)

.PHONY: all demo check check-matrix check-patched check-fleet soak mutate kunit prove lint coverage bench \
	install uninstall dkms-files dkms-source version llvm deb rpm clean help

# Modules are by the compiler that the kernel is by. Where that is clang, Kbuild is told
# by LLVM=: 1, or the version where that is in the programs' names. DKMS has its own way,
# and more than one kernel.
clang := $(shell sed -n 's/^CONFIG_CLANG_VERSION=\([0-9]*\)[0-9]\{4\}$$/\1/p' \
	'$(KDIR)/include/config/auto.conf' 2> /dev/null)
ifneq ($(clang),)
LLVM ?= $(if $(and $(shell command -v clang-$(clang) 2> /dev/null),\
	$(shell command -v ld.lld-$(clang) 2> /dev/null)),-$(clang),1)
endif

all: $(KDIR)/Makefile ## build perfmlock.ko for the running kernel, or for KDIR=
	$(MAKE) -C $(KDIR) M=$(CURDIR) LLVM=$(LLVM) modules

# also the message of every other target that builds for this kernel
$(KDIR)/Makefile:
	@echo "perfmlock: no kernel headers in $(KDIR): apt-get install linux-headers-$(KVER), or give KDIR=" >&2
	@exit 1

demo: ## boot the stock kernel with the module and tell its story (3 minutes)
	@selftests/demo/run

check: ## all tests; ends with "N passed, N failed"
	@selftests/check

kunit: ## the KUnit suites on a debug kernel, built in and as a module
	@kunit/run

prove: ## prove the reference rule for all inputs, with CBMC
	@selftests/prove/run

check-matrix: ## all selftests on every kernel in reach; KERNELS=, or KIMAGE= and KDIR=
	@selftests/matrix

check-patched: ## the newest kernel source without and with a series of patches; PATCHES=
	@selftests/patched

check-fleet: ## the life of hosts of each release, booted, with their dkms; HOSTS=
	@selftests/fleet/run $(HOSTS)

soak: ## everything at once for SECONDS= (600), on the debug, -rt and newest kernel; SEED=
	@KERNELS="$${KERNELS:-debug 6.1-rt 7.3}" PROGRAMS=soak \
		PERFMLOCK_SOAK_SECONDS=$(or $(SECONDS),600) \
		PERFMLOCK_SOAK_SEED=$(SEED) selftests/matrix

mutate: ## break the module in many ways, to see the KUnit suites notice (hours)
	@kunit/mutate

lint: ## W=1, sparse, checkpatch, kernel-doc, shellcheck, codespell
	@selftests/lint

coverage: ## which lines of module/ the suites and the test programs reach
	@selftests/coverage

bench: ## what the module costs an mmap and munmap, in instructions
	@selftests/bench/run

# KVER and KDIR only where they were given
install: ## put the module under DKMS and load it, now and at boot; KVER=, BOOT=0, RELOAD=1
	@tools/install $(if $(filter file,$(origin KVER)),,$(foreach k,$(KVER),--kver $(k))) \
		$(if $(filter file,$(origin KDIR)),,--kdir $(KDIR))

uninstall: ## unload the module and take it out of DKMS
	@tools/install --remove

# what of a tree DKMS gets; no build product
dkms_files = find COPYING Kbuild dkms.conf module -type f ! -name '*.mod.c' ! -name features.h \
	\( -name '*.[ch]' -o -name Kbuild -o -path COPYING -o -path dkms.conf \) | LC_ALL=C sort

dkms-files:
	@$(dkms_files)

dkms-source: ## copy what DKMS builds from to DEST=
	@[ "$(DEST)" ] || { echo "perfmlock: dkms-source needs DEST=" >&2; exit 1; }
	@mkdir -p "$(DEST)"
	@$(dkms_files) | tar -c --mode=u=rw,go=r -T - | tar -x --no-same-owner -C "$(DEST)"

version:
	@echo $(VERSION)

llvm:
	@echo $(LLVM)

deb: ## packages for Debian, in build/deb; VERSION_SUFFIX=
	@VERSION_SUFFIX="$(VERSION_SUFFIX)" tools/package deb

rpm: ## packages of rpm/perfmlock.spec, in build/rpm; VERSION_SUFFIX=
	@VERSION_SUFFIX="$(VERSION_SUFFIX)" tools/package rpm

clean: ## remove everything that was built
	@if [ -e $(KDIR)/Makefile ]; then \
		$(MAKE) -C $(KDIR) M=$(CURDIR) clean; fi
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 14
