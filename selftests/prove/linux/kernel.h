/* SPDX-License-Identifier: GPL-2.0 */
/* What module/charge.c takes of the kernel's header of this name. */
#ifndef PROVE_LINUX_KERNEL_H
#define PROVE_LINUX_KERNEL_H

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#ifndef __always_inline
#define __always_inline		inline
#endif

#ifndef noinline
#define noinline		__attribute__((__noinline__))
#endif

#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define clamp(val, lo, hi)	min(max(val, lo), hi)

#endif /* PROVE_LINUX_KERNEL_H */
