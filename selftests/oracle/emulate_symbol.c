// SPDX-License-Identifier: GPL-2.0
/* Where the limits are: the module's own source, compiled for another module. */
#include "../../module/symbol.c"
