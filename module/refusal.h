/* SPDX-License-Identifier: GPL-2.0 */
/* A refusal in words: the line of denials, and that of the log. */
#ifndef PERFMLOCK_REFUSAL_H
#define PERFMLOCK_REFUSAL_H

#include <linux/seq_file.h>

#include "ledger.h"

void perfmlock_who_show(struct seq_file *m, const struct perfmlock_actor *actor,
			const struct perfmlock_scene *scene,
			const struct perfmlock_event *event);
void perfmlock_refusal_show(struct seq_file *m, u64 seq, u64 times,
			    const struct perfmlock_denial *denial);
void perfmlock_refusal_log(const struct perfmlock_denial *denial, u64 times,
			   u64 unsaid);

#endif /* PERFMLOCK_REFUSAL_H */
