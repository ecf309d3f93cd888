// SPDX-License-Identifier: GPL-2.0
/* mappings are in a maple tree (v6.1) */
#include <linux/mm.h>

unsigned long probe(struct mm_struct *mm);
unsigned long probe(struct mm_struct *mm)
{
	VMA_ITERATOR(vmi, mm, 0);
	struct vm_area_struct *vma;
	unsigned long pages = 0;

	for_each_vma(vmi, vma)
		pages += vma_pages(vma);
	return pages;
}
