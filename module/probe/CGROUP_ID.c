// SPDX-License-Identifier: GPL-2.0
/* a cgroup's id, as BPF programs see it, has a function (v5.5) */
#include <linux/cgroup.h>

u64 probe(struct task_struct *task);
u64 probe(struct task_struct *task)
{
	return cgroup_id(task_dfl_cgroup(task));
}
