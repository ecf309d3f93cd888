// SPDX-License-Identifier: GPL-2.0
/* The audit file: what differs between the books and what is. */
#include <linux/kernel.h>
#include <linux/seq_file.h>

#include "ledger.h"
#include "views.h"

static const char *const kinds[] = {
	[PERFMLOCK_FOUND_MISSING] = "missing",
	[PERFMLOCK_FOUND_ENDED] = "ended",
	[PERFMLOCK_FOUND_PAGES] = "pages_differ",
	[PERFMLOCK_FOUND_MAPS] = "maps_differ",
	[PERFMLOCK_FOUND_SUM] = "sums_differ",
	[PERFMLOCK_FOUND_COUNTER] = "counters_differ",
};

static unsigned long all_of(const struct perfmlock_audit *audit)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_NR_FINDINGS; i++)
		sum += audit->counts[i];
	return sum;
}

static void show_finding(struct seq_file *m,
			 const struct perfmlock_finding *finding)
{
	seq_printf(m, "mismatch: what=%s of=%s uid=%u", kinds[finding->kind],
		   finding->of, finding->uid);
	if (finding->pid)
		seq_printf(m, " pid=%d", finding->pid);
	if (finding->id)
		seq_printf(m, " id=%llu", finding->id);
	seq_printf(m, " books=%ld found=%ld\n", finding->books,
		   finding->found);
}

/**
 * perfmlock_audit_show() - all of the audit file
 * @m: the file; private: the audit
 * @v: not used
 *
 * Context: process.
 *
 * Return: 0.
 */
int perfmlock_audit_show(struct seq_file *m, void *v)
{
	const struct perfmlock_audit *audit = m->private;
	unsigned long all = all_of(audit);
	unsigned int i;

	seq_puts(m, "audit: ");
	if (all)
		seq_printf(m, "%lu mismatch%s", all, all == 1 ? "" : "es");
	else
		seq_puts(m, audit->busy || audit->skipped || audit->moved ?
			 "exact, as far as it could be seen" : "exact");
	seq_printf(m, "\nprocesses: %u\n", audit->processes);
	seq_printf(m, "busy: %u\n", audit->busy);
	seq_printf(m, "mappings: %lu\n", audit->mappings);
	seq_printf(m, "buffers: %lu\n", audit->buffers);
	seq_printf(m, "counters: %lu\n", audit->counters);
	seq_printf(m, "counters_unknown: %lu\n", audit->unknown);
	seq_printf(m, "calls: %lu\n", audit->calls);
	seq_printf(m, "skipped: %lu\n", audit->skipped);
	seq_printf(m, "moved: %lu\n", audit->moved);
	seq_printf(m, "underflown: %lu\n", audit->underflown);
	seq_printf(m, "orphaned: %ld\n", audit->orphaned);
	for (i = 0; i < PERFMLOCK_NR_FINDINGS; i++)
		seq_printf(m, "%s: %lu\n", kinds[i], audit->counts[i]);
	for (i = 0; i < audit->nr; i++)
		show_finding(m, &audit->findings[i]);
	if (all > audit->nr)
		seq_printf(m, "not_listed: %lu\n", all - audit->nr);
	return 0;
}
