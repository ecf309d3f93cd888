/* SPDX-License-Identifier: GPL-2.0 */
/* What tells the trace events of trace.h. */
#ifndef PERFMLOCK_TRACING_H
#define PERFMLOCK_TRACING_H

#include <linux/types.h>

struct perfmlock_notes;

int perfmlock_trace_init(void);
void perfmlock_trace_exit(void);
struct perfmlock_notes *perfmlock_trace_begin(void);
void perfmlock_trace_end(const struct perfmlock_notes *notes);
void perfmlock_trace_repairs(const struct perfmlock_notes *notes);

#endif /* PERFMLOCK_TRACING_H */
