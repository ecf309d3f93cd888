/* SPDX-License-Identifier: GPL-2.0 */
/* What module/charge.h takes of the kernel's header of this name. */
#ifndef PROVE_LINUX_TYPES_H
#define PROVE_LINUX_TYPES_H

#include <stdbool.h>

#endif /* PROVE_LINUX_TYPES_H */
