/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a proof is written with. CBMC gives nondet_x() every value of its type at
 * once, and a claim holds only if it holds for all of them.
 */
#ifndef PROVE_H
#define PROVE_H

#include <linux/types.h>

#define LONG_MAX	((long)(~0UL >> 1))
#define INT_MAX		((int)(~0U >> 1))

int nondet_int(void);
unsigned int nondet_uint(void);
long nondet_long(void);
unsigned long nondet_ulong(void);

/* A precondition: nothing is said of inputs that do not meet it. */
#define GIVEN(condition)	__CPROVER_assume(condition)

/*
 * A claim; those after it may build on it. To be sure that it is not empty
 * because the preconditions exclude each other, it is made false in a second
 * run, which must refute each one.
 */
#ifdef PROVE_REACHABLE
#define CLAIM(condition)	__CPROVER_assert(0, #condition)
#else
#define CLAIM(condition)				\
	do {						\
		__CPROVER_assert(condition, #condition);\
		__CPROVER_assume(condition);		\
	} while (0)
#endif

#endif /* PROVE_H */
