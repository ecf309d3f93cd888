// SPDX-License-Identifier: GPL-2.0
/*
 * Calls under way, and what they did to U. M belongs to one mm whose mmap_lock
 * is held, so its change is the call's own. U is shared by all processes of a
 * user: where two of its calls overlap, U's part is inferred from M's by the
 * rule that the kernel was seen to follow, and checked when the last of them
 * has ended.
 */
#include <linux/bitmap.h>

#include "calls.h"

/* What the call measures is not its own, and what is left over is nobody's. */
static void disturb(struct perfmlock_call *call)
{
	call->overlap = true;
	if (call->user)
		call->user->unsure = true;
}

/**
 * perfmlock_call_new() - a place for a call that begins
 * @ledger: the ledger
 *
 * It is not under way before perfmlock_map_begin() or perfmlock_close_begin().
 *
 * Context: any; the lock is held, until then too.
 *
 * Return: the call; NULL: too many are under way (counted).
 */
struct perfmlock_call *perfmlock_call_new(struct perfmlock_ledger *ledger)
{
	unsigned int slot;

	slot = find_first_zero_bit(ledger->active, ledger->nr_calls);
	if (slot < ledger->nr_calls)
		return &ledger->calls[slot];
	for_each_set_bit(slot, ledger->active, ledger->nr_calls)
		perfmlock_call_disturbed(ledger, &ledger->calls[slot]);
	ledger->totals.calls_full++;
	ledger->ops->low();
	return NULL;
}

/**
 * perfmlock_call_disturbed() - beside a call goes one that was not seen
 * @ledger: the ledger
 * @call: a call under way
 *
 * Context: any; the lock is held.
 */
void perfmlock_call_disturbed(struct perfmlock_ledger *ledger,
			      struct perfmlock_call *call)
{
	ledger->blind = true;
	disturb(call);
}

void perfmlock_note_overlaps(struct perfmlock_ledger *ledger,
			     struct perfmlock_call *call)
{
	struct perfmlock_call *other;
	unsigned int i;

	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other->user == call->user) {
			other->overlap = true;
			call->overlap = true;
		} else if (!other->user || !call->user) {
			disturb(other);
			disturb(call);
		}
		if (other->event == call->event && other->maps && call->maps) {
			other->same_event = true;
			call->same_event = true;
		}
	}
}

/*
 * All of the inferred uncharges, or some: on a shared counter whole buffers, or
 * it may as well be others' pages.
 */
static bool is_lost_uncharge(const struct perfmlock_ledger *ledger,
			     const struct perfmlock_user *user, long rest)
{
	if (rest <= 0 || rest > user->unmapped)
		return false;
	return rest == user->unmapped || ledger->exclusive ||
	       (user->unmapped_each && !(rest % user->unmapped_each));
}

/*
 * With no call of the user under way any more, U must be what the books and
 * the others make it. If not, what was inferred is mended where a known
 * mistake accounts for the rest. What is left then is foreign, but on a
 * counter that is perf's alone.
 */
void perfmlock_settle(struct perfmlock_ledger *ledger,
		      struct perfmlock_user *user, long counter)
{
	struct perfmlock_drifting drift = { .owner_uid = user->uid };
	long rest;

	rest = perfmlock_drift(perfmlock_foreign(counter, user->books.kernel),
			       user->foreign);
	if (!rest || user->unsure || ledger->blind)
		return;
	drift.step = PERFMLOCK_REMAP;
	if (rest == user->remapped) {
		drift.cause = PERFMLOCK_REMAP_CHARGE;
	} else if (is_lost_uncharge(ledger, user, rest)) {
		drift.step = PERFMLOCK_LAST_UNMAP;
		drift.cause = PERFMLOCK_LOST_UNCHARGE;
		drift.correct_user = -rest;
	} else if (ledger->exclusive) {
		drift.cause = PERFMLOCK_UNEXPLAINED;
	} else {
		return;
	}
	ledger->ops->caller(&drift.actor);
	drift.owner_pid = drift.actor.pid;
	drift.pages = rest;
	drift.kernel_user = perfmlock_drift(rest, -drift.correct_user);
	user->books.kernel += rest;
	user->books.cause = drift.cause;
	perfmlock_record_drift(ledger, &drift);
}

/* Tell the user's other calls what this one took from the free pages. */
void perfmlock_tell_others(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call,
			   const struct perfmlock_user *user, long pages)
{
	struct perfmlock_call *other;
	unsigned int i = 0;

	while ((other = perfmlock_next_other(ledger, &i, user, call))) {
		if (pages > 0)
			other->taken += pages;
		else
			other->freed -= pages;
	}
}

long perfmlock_inferred_user(struct perfmlock_ledger *ledger,
			     const struct perfmlock_call *call,
			     const struct perfmlock_observation *obs)
{
	long expected = perfmlock_model_user(perfmlock_model_of(ledger), obs);

	ledger->totals.overlaps++;
	if (obs->step == PERFMLOCK_REMAP && !expected)
		call->user->remapped += obs->pages;
	if (obs->step == PERFMLOCK_LAST_UNMAP) {
		if (!call->user->unmapped)
			call->user->unmapped_each = -expected;
		else if (call->user->unmapped_each != -expected)
			call->user->unmapped_each = 0;
		call->user->unmapped -= expected;
	}
	return expected;
}

/*
 * On a counter that others share, a change that is unusual for a step is
 * theirs, unless it is what this kernel mostly does, or what some kernel did.
 * A call that was not seen, and may be under way still, is such another.
 */
long perfmlock_shared_user(struct perfmlock_ledger *ledger,
			   const struct perfmlock_observation *obs,
			   long measured)
{
	struct perfmlock_habit *habit = &ledger->habit[obs->step][obs->kind];
	struct perfmlock_observation as_measured = *obs;
	long expected;

	expected = perfmlock_model_user(perfmlock_model_of(ledger), obs);
	if (measured == expected) {
		habit->usual++;
		return measured;
	}
	if (!ledger->blind && habit->usual <= habit->unusual++)
		return measured;
	as_measured.user = measured;
	if (perfmlock_models_explain(&as_measured))
		return measured;
	ledger->totals.disturbed++;
	return expected;
}
