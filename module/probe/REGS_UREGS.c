// SPDX-License-Identifier: GPL-2.0
/* arm's registers */
#include <linux/ptrace.h>

unsigned long probe(struct pt_regs *regs);
unsigned long probe(struct pt_regs *regs)
{
	return regs->uregs[0];
}
