// SPDX-License-Identifier: GPL-2.0
/* a function's arguments can be asked for by number (x86: v4.20) */
#include <linux/ptrace.h>

unsigned long probe(struct pt_regs *regs);
unsigned long probe(struct pt_regs *regs)
{
	return regs_get_kernel_argument(regs, 0);
}
