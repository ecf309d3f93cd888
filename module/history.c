// SPDX-License-Identifier: GPL-2.0
/*
 * What is remembered of the steps: refusals, drifts, and which of the kernel's
 * historical rules explain what this kernel does.
 */
#include <linux/bitmap.h>

#include "books.h"

/**
 * perfmlock_judge() - hold a step against every rule of the history
 * @ledger: the ledger
 * @obs: the step, undisturbed by other calls
 *
 * Context: any; the lock is held.
 */
void perfmlock_judge(struct perfmlock_ledger *ledger,
		     const struct perfmlock_observation *obs)
{
	unsigned int i, mask, best = PERFMLOCK_MODEL_DEFAULT;

	mask = perfmlock_models_explain(obs);
	if (mask == PERFMLOCK_MODELS_ALL) {
		ledger->observed++;
		return;
	}
	for (i = 0; i < perfmlock_nr_models; i++) {
		if (mask & (1U << i))
			ledger->agrees[i]++;
		else
			ledger->disagrees[i]++;
	}
	for (i = 0; i < perfmlock_nr_models; i++)
		if (ledger->agrees[i] > ledger->agrees[best])
			best = i;
	ledger->model = best;
}

/**
 * perfmlock_record_drift() - remember a step
 * @ledger: the ledger
 * @drift: the step, without its number
 *
 * Context: any; the lock is held.
 */
void perfmlock_record_drift(struct perfmlock_ledger *ledger,
			    const struct perfmlock_drifting *drift)
{
	struct perfmlock_drifting *entry;

	entry = &ledger->drifts[ledger->nr_drifts++ % PERFMLOCK_HISTORY];
	*entry = *drift;
	entry->seq = ledger->nr_drifts;
	ledger->totals.drifts++;
}

/**
 * perfmlock_compare() - kernel and reference rule parted
 * @ledger: the ledger
 * @obs: the step as the kernel took it
 * @right: as a change of U and M, what was right
 * @cause: the mistake
 * @buffer: of which buffer, or NULL
 * @user: whose counter
 * @mm: the mm that the kernel charged or uncharged, or NULL
 *
 * If the kernel did what its own rule says of its counters, an earlier mistake
 * had left them wrong: that one is the cause.
 *
 * Context: any; the lock is held.
 */
void perfmlock_compare(struct perfmlock_ledger *ledger,
		       const struct perfmlock_observation *obs,
		       const struct perfmlock_charge *right,
		       enum perfmlock_cause cause,
		       const struct perfmlock_buffer *buffer,
		       struct perfmlock_user *user, struct perfmlock_mm *mm)
{
	struct perfmlock_drifting drift = {
		.step = obs->step,
		.kind = obs->kind,
		.pages = obs->pages,
		.kernel_user = obs->user,
		.kernel_mm = obs->mm,
		.correct_user = right->user,
		.correct_mm = right->mm,
		.cause = cause,
		.owner_uid = user->uid,
	};

	if (cause == PERFMLOCK_NO_CAUSE)
		return;
	ledger->ops->caller(&drift.actor);
	drift.owner_pid = drift.actor.pid;
	if (buffer) {
		drift.id = buffer->id;
		drift.owner_uid = buffer->user->uid;
		drift.owner_pid = buffer->mm->pid;
	}
	if (cause == PERFMLOCK_UNEXPLAINED && user->books.cause &&
	    perfmlock_models_explain(obs) & (1U << ledger->model)) {
		drift.cause = user->books.cause;
		drift.inherited = true;
	}
	/* what went to the wrong mm left U right */
	if (cause != PERFMLOCK_WRONG_MM)
		user->books.cause = drift.cause;
	if (mm)
		mm->books.cause = drift.cause;
	perfmlock_record_drift(ledger, &drift);
}

/**
 * perfmlock_buffer_lost() - it is gone, and the kernel did not uncharge
 * @ledger: the ledger
 * @buffer: the data's row
 *
 * Two closes, or a close and a perf_mmap(), that run beside each other can
 * each leave it to the other. Source: perf_mmap_close() since f91072ed1b72.
 *
 * Context: any; the lock is held.
 */
void perfmlock_buffer_lost(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer)
{
	const struct perfmlock_observation nothing_done = {
		.step = PERFMLOCK_LAST_UNMAP,
		.pages = buffer->pages,
	};
	const struct perfmlock_charge charged = {
		.user = -buffer->first_user,
		.mm = -buffer->kernel_mm,
	};

	perfmlock_compare(ledger, &nothing_done, &charged,
			  PERFMLOCK_LOST_UNCHARGE, buffer, buffer->user,
			  buffer->mm);
	perfmlock_buffer_drop(ledger, buffer);
}

/**
 * perfmlock_buffer_stale() - its end was not seen
 * @ledger: the ledger
 * @buffer: the data's row
 *
 * If calls were missed, the kernel has taken back long since what it charged.
 * If none was, there was nothing to see.
 *
 * Context: any; the lock is held.
 */
void perfmlock_buffer_stale(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *buffer)
{
	if (!ledger->blind) {
		perfmlock_buffer_lost(ledger, buffer);
		return;
	}
	if (buffer->kind == PERFMLOCK_DATA && buffer->aux)
		perfmlock_buffer_stale(ledger, buffer->aux);
	buffer->user->books.kernel -= buffer->first_user;
	buffer->mm->books.kernel -= buffer->kernel_mm;
	ledger->totals.stale++;
	perfmlock_buffer_drop(ledger, buffer);
}

/* Is this EPERM one that the accounting gives? */
static bool refused_by_accounting(const struct perfmlock_ledger *ledger,
				  const struct perfmlock_call *call,
				  long user_after,
				  const struct perfmlock_model **model,
				  struct perfmlock_state *state,
				  struct perfmlock_charge *charge)
{
	const struct perfmlock_call *other;
	unsigned int i = 0;

	if (ledger->ops->exempt())
		return false;
	*model = perfmlock_model_of(ledger);
	*state = call->before;
	perfmlock_model_charge(*model, state, call->pages, charge);
	if (charge->over)
		return true;
	/* calls beside it may have been charged before it looked */
	if (user_after > state->user)
		state->user = user_after;
	while ((other = perfmlock_next_other(ledger, &i, call->user, call)))
		if (other->maps)
			state->user += other->pages;
	perfmlock_model_charge(*model, state, call->pages, charge);
	if (charge->over)
		return true;
	/* a kernel whose rule was not told yet by anything that it did */
	*state = call->before;
	for (i = 0; i < perfmlock_nr_models; i++) {
		if (ledger->disagrees[i])
			continue;
		*model = &perfmlock_models[i];
		perfmlock_model_charge(*model, state, call->pages, charge);
		if (charge->over)
			return true;
	}
	return false;
}

static void find_remedies(const struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call,
			  const struct perfmlock_model *model,
			  struct perfmlock_denial *entry)
{
	struct perfmlock_event event;

	entry->online_cpus = ledger->ops->cpus_left(0);
	perfmlock_remedy(model, &entry->state, entry->pages,
			 ledger->page_shift, entry->online_cpus,
			 &entry->remedy);
	entry->cpus_left = 0;
	ledger->ops->event(call->event, &event);
	if (event.cpu < 0)
		return;
	entry->cpus_left = ledger->ops->cpus_left(event.cpu);
	perfmlock_remedy(model, &entry->state,
			 entry->pages * entry->cpus_left, ledger->page_shift,
			 entry->online_cpus, &entry->all_cpus);
}

/**
 * perfmlock_denied() - perf_mmap() said EPERM
 * @ledger: the ledger
 * @call: the call
 * @user_after: U now
 *
 * Remembered with the whole sum if the accounting did it; else counted.
 *
 * Context: any; the lock is held.
 */
void perfmlock_denied(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, long user_after)
{
	struct perfmlock_user *user = call->user;
	const struct perfmlock_model *model;
	struct perfmlock_denial *entry;
	struct perfmlock_charge charge;
	struct perfmlock_state state;
	struct perfmlock_mm *mm;
	bool wrongly;

	if (!refused_by_accounting(ledger, call, user_after, &model, &state,
				   &charge)) {
		ledger->totals.other_eperm++;
		return;
	}
	mm = perfmlock_books_of_mm(ledger, call->mm, NULL);
	if (!mm)
		return;
	entry = &ledger->denials[ledger->nr_denials++ % PERFMLOCK_HISTORY];
	entry->seq = ledger->nr_denials;
	ledger->ops->caller(&entry->actor);
	entry->kind = perfmlock_kind_of(call->pgoff);
	entry->start = call->start;
	entry->pages = call->pages;
	entry->state = state;
	entry->charge = charge;
	perfmlock_right_state(user, &mm->books, &state, &entry->right_state);
	perfmlock_reference(&entry->right_state, call->pages, &entry->right);
	find_remedies(ledger, call, model, entry);

	wrongly = !entry->right.over;
	user->books.denied++;
	mm->books.denied++;
	ledger->totals.denied++;
	user->books.wrongly_denied += wrongly;
	mm->books.wrongly_denied += wrongly;
	ledger->totals.wrongly_denied += wrongly;
	mm->rlimit = state.rlimit;
	mm->uid = user->uid;
	memcpy(mm->comm, entry->actor.comm, sizeof(mm->comm));
}
