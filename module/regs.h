/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a probed function was given and gives back. The HAVE_ macros come from
 * module/probe/, as those of kernel.h.
 */
#ifndef PERFMLOCK_REGS_H
#define PERFMLOCK_REGS_H

#include <linux/ptrace.h>

#ifndef PERFMLOCK_NO_FEATURES
#include "features.h"
#endif

/* Argument 0 or 1 of a function that is just entered. Any context. */
static inline unsigned long perfmlock_argument(struct pt_regs *regs,
					       unsigned int n)
{
#if defined(HAVE_REGS_GPRS)
	return regs->gprs[2 + n];
#elif defined(HAVE_REGS_GPR)
	return regs->gpr[3 + n];
#elif defined(HAVE_REGS_UREGS)
	return regs->uregs[n];
#elif defined(HAVE_REGS_ARGUMENT)
	return regs_get_kernel_argument(regs, n);
#elif defined(CONFIG_X86_64)
	return n ? regs->si : regs->di;
#elif defined(CONFIG_ARM64)
	return regs->regs[n];
#else
#error "perfmlock: this kernel has no regs_get_kernel_argument()"
#endif
}

/* What a function that has just returned gave back. Any context. */
static inline unsigned long perfmlock_result(struct pt_regs *regs)
{
#ifdef HAVE_REGS_GPR
	/* regs_return_value() asks a flag of system calls if it is an error */
	return regs->gpr[3];
#else
	return regs_return_value(regs);
#endif
}

#endif
