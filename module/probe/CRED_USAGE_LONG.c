// SPDX-License-Identifier: GPL-2.0
/* credentials' count is an atomic_long_t (v6.7; 5.10.204, 6.1.68) */
#include <linux/cred.h>

long probe(struct cred *cred);
long probe(struct cred *cred)
{
	return atomic_long_read(&cred->usage);
}
