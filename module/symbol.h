/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PERFMLOCK_SYMBOL_H
#define PERFMLOCK_SYMBOL_H

void *perfmlock_find_data(const char *name);
void perfmlock_read_sysctl(const char *name, int *value);
const int *perfmlock_find_sysctl(const char *symbol, const char *name,
				 int *value);

#endif
