// SPDX-License-Identifier: GPL-2.0
/* Trace events, by what was noted under the ledger's lock. */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "kernel.h"
#include "ledger.h"
#include "tracing.h"
#include "words.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static struct perfmlock_notes __percpu *all_notes;

/*
 * Who listens keeps the module loaded, and makes every call of everybody tell: not
 * anybody may, though it be to his own calls.
 */
static int may_listen(struct trace_event_call *call, struct perf_event *event)
{
	return perfmlock_may_trace() ? 0 : -EPERM;
}

/**
 * perfmlock_trace_init() - room for the notes of each CPU
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int perfmlock_trace_init(void)
{
	perfmlock_trace_permit(event_charge, may_listen);
	perfmlock_trace_permit(event_uncharge, may_listen);
	perfmlock_trace_permit(event_denial, may_listen);
	perfmlock_trace_permit(event_drift, may_listen);
	perfmlock_trace_permit(event_repair, may_listen);
	all_notes = alloc_percpu(struct perfmlock_notes);
	return all_notes ? 0 : -ENOMEM;
}

/**
 * perfmlock_trace_exit() - there will be no more notes
 *
 * Context: process, may sleep; no handler runs any more.
 */
void perfmlock_trace_exit(void)
{
	free_percpu(all_notes);
}

/**
 * perfmlock_trace_begin() - room for what a call's end will tell
 *
 * Context: any but interrupts; preemption is off until perfmlock_trace_end().
 *
 * Return: empty notes, this CPU's own.
 */
struct perfmlock_notes *perfmlock_trace_begin(void)
{
	struct perfmlock_notes *notes = get_cpu_ptr(all_notes);

	notes->nr_steps = 0;
	notes->nr_drifts = 0;
	notes->nr_repairs = 0;
	notes->denied = false;
	return notes;
}

static void tell_step(const struct perfmlock_step_note *note)
{
	const char *op = perfmlock_step_text(note->step);
	const char *kind = perfmlock_kind_text(note->kind);
	struct perfmlock_charge sum = {};

	if (note->step != PERFMLOCK_MAP && note->step != PERFMLOCK_REMAP) {
		trace_uncharge(note, op, kind);
		return;
	}
	/* of a further mapping no kernel makes a sum; without a call there is none */
	if (note->step == PERFMLOCK_MAP && note->start)
		perfmlock_model_charge(note->model, &note->state, note->pages,
				       &sum);
	trace_charge(note, op, kind, &sum);
}

/**
 * perfmlock_trace_repairs() - tell which counters were repaired
 * @notes: of a batch of rows, or of a call
 *
 * Context: any; the ledger's lock is not held.
 */
void perfmlock_trace_repairs(const struct perfmlock_notes *notes)
{
	unsigned int i;

	for (i = 0; i < notes->nr_repairs; i++)
		trace_repair(&notes->repairs[i]);
}

/**
 * perfmlock_trace_end() - tell what was noted
 * @notes: of perfmlock_trace_begin()
 *
 * Who listens takes his time, and holds up nobody but the call itself.
 *
 * Context: as at the beginning; the ledger's lock is not held.
 */
void perfmlock_trace_end(const struct perfmlock_notes *notes)
{
	const struct perfmlock_drifting *drift;
	unsigned int i;

	for (i = 0; i < notes->nr_steps; i++)
		tell_step(&notes->steps[i]);
	if (notes->denied)
		trace_denial(&notes->denial, notes->seq,
			     perfmlock_kind_text(notes->denial.kind));
	for (i = 0; i < notes->nr_drifts; i++) {
		drift = &notes->drifts[i];
		trace_drift(drift, perfmlock_step_text(drift->step),
			    perfmlock_kind_text(drift->kind),
			    &perfmlock_causes[drift->cause]);
	}
	perfmlock_trace_repairs(notes);
	put_cpu_ptr(all_notes);
}
