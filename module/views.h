/* SPDX-License-Identifier: GPL-2.0 */
/* The debugfs files, see README.md. */
#ifndef PERFMLOCK_VIEWS_H
#define PERFMLOCK_VIEWS_H

/* Rises when something is removed, or means something else. */
#define PERFMLOCK_CONTRACT	2

struct perfmlock_audit;
struct perfmlock_ledger;
struct seq_file;

int perfmlock_views_create(struct perfmlock_ledger *ledger,
			   int (*audit)(struct perfmlock_audit *result));
void perfmlock_views_remove(void);

int perfmlock_audit_show(struct seq_file *m, void *v);
int perfmlock_status_show(struct seq_file *m, void *v);

#endif /* PERFMLOCK_VIEWS_H */
