// SPDX-License-Identifier: GPL-2.0
/* the number of mappings is a refcount_t (v6.18) */
#include <linux/perf_event.h>

unsigned int probe(struct perf_event *event);
unsigned int probe(struct perf_event *event)
{
	return refcount_read(&event->mmap_count);
}
