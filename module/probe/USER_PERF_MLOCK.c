// SPDX-License-Identifier: GPL-2.0
/* perf has a counter of its own (v7.3; 6.1.191, 6.12.115, 7.2.13) */
#include <linux/sched/user.h>

long probe(struct user_struct *user);
long probe(struct user_struct *user)
{
	return atomic_long_read(&user->perf_mlock);
}
