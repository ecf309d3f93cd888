// SPDX-License-Identifier: GPL-2.0
/* mmap_sem is mmap_lock (v5.8) */
#include <linux/mm_types.h>
#include <linux/rwsem.h>

int probe(struct mm_struct *mm);
int probe(struct mm_struct *mm)
{
	return down_read_trylock(&mm->mmap_lock);
}
