// SPDX-License-Identifier: GPL-2.0
/*
 * Calls under way, and whose doing a change of U is. U is shared by all
 * processes of a user: where two of its calls overlap, U's part follows from
 * M's by the rule that the kernel was seen to follow, and when the last of them
 * has ended the live counter says whether the sum is right. What is left over has
 * the cause that it has the pages of: no step is named for it.
 */
#include "calls.h"

/**
 * perfmlock_call_new() - a place for a call that begins
 * @ledger: the ledger
 *
 * It is not under way before perfmlock_map_begin() or perfmlock_close_begin(), one
 * of which has to follow.
 *
 * Context: any; the lock is held, until then too.
 *
 * Return: the call; NULL: too many are under way (counted).
 */
struct perfmlock_call *perfmlock_call_new(struct perfmlock_ledger *ledger)
{
	struct perfmlock_call *call = ledger->free_call;

	if (unlikely(!call)) {
		ledger->totals.calls_full++;
		perfmlock_unseen(ledger);
		return NULL;
	}
	ledger->free_call = call->next_free;
	return call;
}

/**
 * perfmlock_unseen() - something went by that the books do not know of
 * @ledger: the ledger
 *
 * Beside every call that is under way, and those that begin before a walk has
 * met all processes, there may go one that nobody sees.
 *
 * Context: any; the lock is held.
 */
void perfmlock_unseen(struct perfmlock_ledger *ledger)
{
	ledger->careful = true;
	ledger->unsettled = true;
	ledger->unseen++;
	ledger->misses++;
	ledger->ops->unseen();
}

static void end_left(struct perfmlock_ledger *ledger,
		     struct perfmlock_call *call)
{
	struct perfmlock_buffer *data = call->data;

	if (call->same_event)
		perfmlock_resolve(ledger, call, call->left_rb);
	call_end(ledger, call, 0);
	if (data)
		perfmlock_buffer_put(ledger, data);
}

/**
 * perfmlock_end_left() - calls that have returned unseen are under way no more
 * @ledger: the ledger
 *
 * What they did nobody knows: to be called after perfmlock_unseen().
 *
 * Context: any; the lock is held.
 */
void perfmlock_end_left(struct perfmlock_ledger *ledger)
{
	struct perfmlock_call *call;
	struct hlist_node *next;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ledger->by_event); i++)
		hlist_for_each_entry_safe(call, next, &ledger->by_event[i],
					  by_event)
			if (smp_load_acquire(&call->left)) /* with leave() */
				end_left(ledger, call);
}

void perfmlock_note_rivals(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call)
{
	struct perfmlock_call *other;

	for_each_of_event(other, ledger, call->event) {
		other->rival = true;
		call->rival = true;
		if (other->maps && call->maps) {
			other->same_event = true;
			call->same_event = true;
		}
	}
}

/*
 * No call of the user is under way: all that is on the counter and not in the
 * books is foreign. On a counter that is perf's alone that does not move by
 * itself: if it has, the books have missed something.
 */
void perfmlock_quiet(struct perfmlock_ledger *ledger,
		     struct perfmlock_user *user, long counter)
{
	long foreign = perfmlock_foreign(counter, user->books.kernel);

	if (unlikely(foreign != user->foreign)) {
		if (ledger->exclusive && !perfmlock_is_careful(ledger, user) &&
		    perfmlock_is_sure(ledger, user))
			perfmlock_unseen(ledger);
		user->foreign = foreign;
	}
	user->sure_at = ledger->unseen;
	user->remapped = 0;
	user->unmapped = 0;
	user->unmapped_each = 0;
	user->unmapped_other = 0;
}

/* What a call did to U was inferred: note what that may have got wrong. */
void perfmlock_note_inferred(const struct perfmlock_call *call,
			     const struct perfmlock_observation *obs)
{
	struct perfmlock_user *user = call->user;

	if (obs->step == PERFMLOCK_REMAP && !obs->user)
		user->remapped += obs->pages;
	/* who has no rival does not leave the uncharge to it */
	if (obs->step != PERFMLOCK_LAST_UNMAP || !call->rival)
		return;
	if (!user->unmapped)
		user->unmapped_each = -obs->user;
	if (user->unmapped_each == -obs->user)
		user->unmapped -= obs->user;
	else
		user->unmapped_other -= obs->user;
}

/* @obs is what a call is thought to have done, and @user and @mm what was seen. */
void perfmlock_note_disturbed(struct perfmlock_ledger *ledger,
			      const struct perfmlock_call *call,
			      const struct perfmlock_observation *obs,
			      long user, long mm)
{
	struct perfmlock_observation seen = *obs;

	ledger->totals.disturbed++;
	if (call->mover != PERFMLOCK_STRANGERS)
		return;
	/* was it no noise, others like it follow */
	seen.user = user;
	seen.mm = mm;
	perfmlock_tell(call->user, perfmlock_models_explain(&seen));
}

/* Is there a rule that charges re-maps, and which nothing seen has refuted? */
static bool may_charge_remaps(const struct perfmlock_ledger *ledger)
{
	unsigned int i;

	for (i = 0; i < perfmlock_nr_models; i++)
		if (perfmlock_models[i].remap_charges && !ledger->disagrees[i])
			return true;
	return false;
}

/* Is the rest what re-maps were charged, although the rule thought nothing of it? */
static bool is_of_remaps(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_user *user, long rest)
{
	return rest > 0 && rest == user->remapped && may_charge_remaps(ledger);
}

static bool is_multiple(long sum, long each, long most)
{
	return sum >= 0 && sum <= most && (!sum || !(sum % each));
}

/* Or uncharges that did not come? Most are of one size; those that are not, all or none. */
static bool is_of_unmaps(const struct perfmlock_user *user, long rest)
{
	return rest > 0 &&
	       (is_multiple(rest, user->unmapped_each, user->unmapped) ||
		is_multiple(rest - user->unmapped_other, user->unmapped_each,
			    user->unmapped));
}

/*
 * Where it is not the user's seen calls alone that can have moved the counter: is
 * the rest what the kernel leaves behind all the same? On one that others share
 * that is uncharges of whole buffers, which two closes of an event have left to
 * each other; beside calls that went unseen the charge of a re-map.
 */
static bool is_left_behind(const struct perfmlock_ledger *ledger,
			   const struct perfmlock_user *user, long rest)
{
	if (perfmlock_is_careful(ledger, user))
		return ledger->exclusive && is_of_remaps(ledger, user, rest);
	return is_of_unmaps(user, rest);
}

/* It is told by its pages alone, so the likelier first. */
static enum perfmlock_cause cause_of(const struct perfmlock_ledger *ledger,
				     const struct perfmlock_user *user,
				     long rest)
{
	if (is_of_remaps(ledger, user, rest))
		return PERFMLOCK_REMAP_CHARGE;
	return is_of_unmaps(user, rest) ? PERFMLOCK_LOST_UNCHARGE :
					  PERFMLOCK_UNEXPLAINED;
}

/*
 * The last call of the user that was under way has ended. What the books make of
 * U is put right by the live counter where that is perf's alone and nothing went
 * by unseen, or where the rest is what the kernel is known to leave behind; else
 * the difference is foreign.
 */
void perfmlock_settle(struct perfmlock_ledger *ledger,
		      struct perfmlock_user *user, long counter)
{
	long rest = perfmlock_drift(perfmlock_foreign(counter,
						      user->books.kernel),
				    user->foreign);

	if (likely(!rest) || !perfmlock_is_sure(ledger, user))
		return;
	if ((!ledger->exclusive || perfmlock_is_careful(ledger, user)) &&
	    !is_left_behind(ledger, user, rest))
		return;
	user->books.kernel += rest;
	if (ledger->exclusive)
		user->settled = ledger->next_id;
	ledger->totals.settled++;
	if (user->books.kernel != user->books.correct &&
	    user->books.cause == PERFMLOCK_NO_CAUSE)
		user->books.cause = cause_of(ledger, user, rest);
}
