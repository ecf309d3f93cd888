/* SPDX-License-Identifier: GPL-2.0 */
/* The debugfs files; contract version 1, see README.md. */
#ifndef PERFMLOCK_VIEWS_H
#define PERFMLOCK_VIEWS_H

struct perfmlock_ledger;

int perfmlock_views_create(struct perfmlock_ledger *ledger);
void perfmlock_views_remove(void);

#endif /* PERFMLOCK_VIEWS_H */
