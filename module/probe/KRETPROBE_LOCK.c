// SPDX-License-Identifier: GPL-2.0
/* instances are kept under locks, and return handlers run under one (until v5.11) */
#include <linux/kprobes.h>

int probe(struct kretprobe *rp);
int probe(struct kretprobe *rp)
{
	return raw_spin_is_locked(&rp->lock);
}
