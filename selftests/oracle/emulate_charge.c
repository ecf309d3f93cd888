// SPDX-License-Identifier: GPL-2.0
/* The rules are the module's own source, compiled for another module. */
#include "../../module/charge.c"
