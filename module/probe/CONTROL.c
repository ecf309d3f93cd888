// SPDX-License-Identifier: GPL-2.0
/* always there: if this does not compile, nothing can be asked */
#include <linux/sched.h>

int probe(struct task_struct *task);
int probe(struct task_struct *task)
{
	return task->tgid;
}
