/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The probes on perf_mmap(), perf_mmap_open() and perf_mmap_close(): they
 * observe when a call begins and ends, and what it changed.
 */
#ifndef PERFMLOCK_HOOKS_H
#define PERFMLOCK_HOOKS_H

#include <linux/types.h>

struct perfmlock_ledger;

/**
 * struct perfmlock_hook_state - one probe, as status shows it
 * @symbol: what is probed
 * @seen: calls that it saw, where that is counted
 * @missed: calls that it did not see, ever
 */
struct perfmlock_hook_state {
	const char *symbol;
	unsigned long seen;
	unsigned long missed;
};

int perfmlock_hooks_register(struct perfmlock_ledger *ledger, int maxactive,
			     void (*off)(void));
void perfmlock_hooks_unregister(void);
void perfmlock_hooks_look(void);
bool perfmlock_hooks_untold(void);
unsigned long perfmlock_hooks_missed(void);
bool perfmlock_hooks_splits(void);
bool perfmlock_hooks_armed(void);
bool perfmlock_hooks_were_off(void);
int perfmlock_probed_by_self(int value);
int perfmlock_probed_by_self_untraced(int value);
bool perfmlock_hook_state(unsigned int i, struct perfmlock_hook_state *state);

#endif /* PERFMLOCK_HOOKS_H */
