/* SPDX-License-Identifier: GPL-2.0 */
/* The switch of repair: who may, and what is said of it. */
#ifndef PERFMLOCK_SWITCH_H
#define PERFMLOCK_SWITCH_H

#include <linux/types.h>

struct perfmlock_ledger;

void perfmlock_switch_start(struct perfmlock_ledger *ledger,
			    void (*upkeep)(void));
void perfmlock_switch_stop(void);
bool perfmlock_switch_look(void);
bool perfmlock_switch_is_on(void);
int perfmlock_switch_set(const char *text);

#endif /* PERFMLOCK_SWITCH_H */
