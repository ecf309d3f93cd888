# SPDX-License-Identifier: GPL-2.0
# What Kbuild does stands in Kbuild and module/Kbuild; this is for people.

KDIR ?= /lib/modules/$(shell uname -r)/build
VERSION := $(shell sed -n 's/^MODULE_VERSION("\(.*\)");/\1/p' module/main.c)

.PHONY: all demo check lint bench install uninstall clean help

all: $(KDIR)/Makefile ## build perfmlock.ko for the running kernel, or for KDIR=
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

# also the message of every other target that builds for this kernel
$(KDIR)/Makefile:
	@echo "perfmlock: no kernel headers in $(KDIR): apt-get install linux-headers-$(shell uname -r), or give KDIR=" >&2
	@exit 1

demo: ## boot the stock kernel with the module and tell its story (3 minutes)
	@selftests/demo/run

check: ## all tests; ends with "N passed, N failed"
	@selftests/check

lint: ## W=1, sparse, checkpatch, kernel-doc, shellcheck, codespell
	@selftests/lint

bench: ## what the module costs an mmap and munmap, in instructions
	@selftests/bench/run

install: ## put the module under DKMS and load it
	@selftests/vm/need dkms
	@if dkms status perfmlock/$(VERSION) | grep -q .; then \
		dkms remove perfmlock/$(VERSION) --all; fi
	dkms add $(CURDIR)
	dkms install perfmlock/$(VERSION)
	modprobe perfmlock

uninstall: ## unload the module and take it out of DKMS
	if grep -qs '^perfmlock ' /proc/modules; then rmmod perfmlock; fi
	dkms remove perfmlock/$(VERSION) --all
	rm -rf /usr/src/perfmlock-$(VERSION)

clean: ## remove everything that was built
	@if [ -e $(KDIR)/Makefile ]; then \
		$(MAKE) -C $(KDIR) M=$(CURDIR) clean; fi
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12
