/* SPDX-License-Identifier: GPL-2.0 */
/* As much of the kernel's header as module/charge uses. */
#ifndef PROVE_LINUX_BUILD_BUG_H
#define PROVE_LINUX_BUILD_BUG_H

#define BUILD_BUG_ON(condition)	((void)sizeof(char[1 - 2 * !!(condition)]))

#endif
