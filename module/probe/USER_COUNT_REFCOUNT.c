// SPDX-License-Identifier: GPL-2.0
/* the reference count is a refcount_t (v4.19) */
#include <linux/sched/user.h>

unsigned int probe(struct user_struct *user);
unsigned int probe(struct user_struct *user)
{
	return refcount_read(&user->__count);
}
