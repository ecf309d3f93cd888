// SPDX-License-Identifier: GPL-2.0
/* mm->pinned_vm is atomic (v5.1) */
#include <linux/mm_types.h>

s64 probe(struct mm_struct *mm);
s64 probe(struct mm_struct *mm)
{
	return atomic64_read(&mm->pinned_vm);
}
