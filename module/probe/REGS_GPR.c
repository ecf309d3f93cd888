// SPDX-License-Identifier: GPL-2.0
/* powerpc's registers; of its functions one takes the kernel for a system call */
#include <linux/ptrace.h>

unsigned long probe(struct pt_regs *regs);
unsigned long probe(struct pt_regs *regs)
{
	return regs->gpr[3];
}
