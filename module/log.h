/* SPDX-License-Identifier: GPL-2.0 */
/* The lines in the log: one a refusal, and one for each new cause of a drift. */
#ifndef PERFMLOCK_LOG_H
#define PERFMLOCK_LOG_H

struct perfmlock_ledger;
struct workqueue_struct;

void perfmlock_log_init(struct perfmlock_ledger *ledger,
			struct workqueue_struct *wq);
void perfmlock_log_wanted(void);
void perfmlock_log_flush(void);
void perfmlock_log_stop(void);

#endif /* PERFMLOCK_LOG_H */
