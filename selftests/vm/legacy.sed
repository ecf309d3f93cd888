# SPDX-License-Identifier: GPL-2.0
# Puts the arithmetic of before v5.4 (d44248a41337) back into perf_mmap() and
# perf_mmap_close(), for who compiles with -DPERFMLOCK_LEGACY=1; else nothing
# changes. For sed -E on kernel/events/core.c of v5.6 to v6.14; each edit has to be
# made once.

# all that the user has over the limit, be it of this mapping or not
s/^(\tif \()(user_locked > user_lock_limit\))$/\1!PERFMLOCK_LEGACY \&\& \2/

# U is charged all pages, those on M too
s/^\t\tuser_extra -= extra;$/\t\tuser_extra -= PERFMLOCK_LEGACY ? 0 : extra;/

# and gives all of them back
s/(\(size >> PAGE_SHIFT\) \+ 1 - )(mmap_locked),/\1(PERFMLOCK_LEGACY ? 0 : \2),/
s/(rb->aux_nr_pages - )(rb->aux_mmap_locked),/\1(PERFMLOCK_LEGACY ? 0 : \2),/

1i #ifndef PERFMLOCK_LEGACY\
#define PERFMLOCK_LEGACY 0\
#endif
