// SPDX-License-Identifier: GPL-2.0
/*
 * What the end of a call tells to the trace events, while somebody listens. It is
 * copied under the lock, and told by who has let go of it.
 */
#include <linux/sched.h>

#include "internal.h"

/**
 * perfmlock_note_step() - a charge or an uncharge was booked
 * @ledger: the ledger; somebody wants notes
 * @call: whose it is; NULL: another's end has told
 * @obs: as the kernel took it
 * @right: what the reference rule makes of it
 * @buffer: of which buffer
 * @measured: the kernel's part is as measured
 *
 * Context: any; the lock is held.
 */
void perfmlock_note_step(struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call,
			 const struct perfmlock_observation *obs,
			 const struct perfmlock_charge *right,
			 const struct perfmlock_buffer *buffer, bool measured)
{
	struct perfmlock_notes *notes = ledger->notes;
	struct perfmlock_step_note *note;
	const struct perfmlock_mm *mm;
	char comm[TASK_COMM_LEN];

	if (notes->nr_steps == PERFMLOCK_STEP_NOTES) {
		ledger->totals.untraced++;
		return;
	}
	note = &notes->steps[notes->nr_steps++];
	*note = (struct perfmlock_step_note){
		.step = obs->step,
		.kind = obs->kind,
		.measured = measured,
		.id = buffer->id,
		.uid = buffer->user->uid,
		.pid = buffer->mm->pid,
		.owner_uid = buffer->user->uid,
		.owner_pid = buffer->mm->pid,
		.cpu = buffer->event.cpu,
		.pages = obs->pages,
		.model = perfmlock_model_of(ledger, buffer->user),
		.kernel_user = obs->user,
		.kernel_mm = obs->mm,
		.correct_user = right->user,
		.correct_mm = right->mm,
	};
	if (!call)
		return;
	note->start = call->start;
	note->state = call->before;
	note->uid = call->user->uid;
	mm = perfmlock_store_find(&ledger->mms, call->mm);
	if (mm)
		note->pid = mm->pid;
	else
		ledger->ops->name(&note->pid, comm);
}

/**
 * perfmlock_note_drift() - kernel and reference rule parted
 * @ledger: the ledger; somebody wants notes
 * @drift: where
 *
 * Context: any; the lock is held.
 */
void perfmlock_note_drift(struct perfmlock_ledger *ledger,
			  const struct perfmlock_drifting *drift)
{
	struct perfmlock_notes *notes = ledger->notes;

	if (notes->nr_drifts == PERFMLOCK_DRIFT_NOTES)
		ledger->totals.untraced++;
	else
		notes->drifts[notes->nr_drifts++] = *drift;
}

/**
 * perfmlock_note_denial() - the accounting has refused a mapping
 * @ledger: the ledger; somebody wants notes
 * @denial: the refusal, the last one of the history
 *
 * Context: any; the lock is held.
 */
void perfmlock_note_denial(struct perfmlock_ledger *ledger,
			   const struct perfmlock_denial *denial)
{
	struct perfmlock_notes *notes = ledger->notes;

	notes->denied = true;
	notes->seq = ledger->denials.nr;
	notes->denial = *denial;
}
