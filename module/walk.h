/* SPDX-License-Identifier: GPL-2.0 */
/* The walk through all processes, to learn what is mapped. */
#ifndef PERFMLOCK_WALK_H
#define PERFMLOCK_WALK_H

#include <linux/types.h>

struct perfmlock_ledger;

/**
 * struct perfmlock_walks - what walks there were
 * @walks: since the load
 * @processes: that the last one met
 * @busy: those of them that it could not look at
 * @spent_ns: CPU time of the last one or the one before, whichever is less, as of the
 *	      tick or sleep before its end
 */
struct perfmlock_walks {
	unsigned long walks;
	unsigned int processes;
	unsigned int busy;
	u64 spent_ns;
};

int perfmlock_walk(struct perfmlock_ledger *ledger, const bool *stop);
void perfmlock_walks(struct perfmlock_walks *walks);

#endif /* PERFMLOCK_WALK_H */
