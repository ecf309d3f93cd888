// SPDX-License-Identifier: GPL-2.0
/*
 * Calls under way, and whose doing a change of U is. U is shared by all
 * processes of a user: where two of its calls overlap, U's part follows from
 * M's by the rule that the kernel was seen to follow, and when the last of them
 * has ended the live counter says whether the sum is right. What is left over has
 * the cause that it has the pages of: no step is named for it.
 *
 * A call's place is in one of these states:
 *
 *  free	on @free_call.
 *  begun	in the bucket of its event, and counted in @nr_active and in
 *		@under_way of its user. That is not known of a close of what the
 *		books have not, or have adopted: each of the former, and each row of
 *		the latter of which one can be the last, counts in @unknown, and
 *		everybody's U may be theirs.
 *  left	returned, and its handler could not have the lock (@left; up to
 *		v5.10). The next call, or upkeep, ends it as one that nobody saw.
 *
 * A call that begins notes if another of its user is under way (@beside); both note
 * if there is one of the same event (@rival, and @same_event of two perf_mmap()s).
 * When it ends, that, what has begun or went by unseen since, and what is not known
 * of others tell who can have moved U (@mover, mover_of()).
 *
 * At each moment @mapping of a user is the sum of the pages of its perf_mmap()s
 * under way, and of those that have returned with a buffer which they may have made
 * (PERFMLOCK_MAYBE_FIRST); @closing that of what each of its closes may give back.
 * A user of whom no call is under way is quiet: what is on U and not in the books is
 * foreign.
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
	long foreign = perfmlock_foreign(counter,
					 perfmlock_on_counter(&user->books));

	if (unlikely(foreign != user->foreign)) {
		if (ledger->exclusive && !perfmlock_is_careful(ledger, user) &&
		    perfmlock_is_sure(ledger, user))
			perfmlock_unseen(ledger);
		user->foreign = foreign;
	}
	if (unlikely(!user->proof.known) && ledger->exclusive &&
	    perfmlock_is_settled(ledger))
		perfmlock_proof_quiet(ledger, user, counter);
	user->sure_at = ledger->unseen;
	user->remapped = 0;
	user->unmapped = 0;
	user->unmapped_each = 0;
	user->unmapped_other = 0;
}

/*
 * The call may move another user's counter as well: an AUX area's, on a kernel that
 * uncharges whom it charged. It is beside all that this one has under way.
 */
void perfmlock_also_begin(struct perfmlock_ledger *ledger,
			  struct perfmlock_call *call,
			  struct perfmlock_user *user)
{
	if (!user->under_way++)
		perfmlock_quiet(ledger, user,
				ledger->ops->read_user(user->node.key));
	user->begun++;
	call->also = user;
}

void perfmlock_also_end(struct perfmlock_ledger *ledger,
			struct perfmlock_user *user)
{
	user->under_way--;
	settle_if_quiet(ledger, user);
}

/* A last unmap is thought to have taken so many off U, and may have left them. */
void perfmlock_note_unmapped(struct perfmlock_user *user, long pages)
{
	if (!user->unmapped)
		user->unmapped_each = pages;
	if (user->unmapped_each == pages)
		user->unmapped += pages;
	else
		user->unmapped_other += pages;
}

/* What a call did to U was inferred: note what that may have got wrong. */
void perfmlock_note_inferred(const struct perfmlock_call *call,
			     const struct perfmlock_observation *obs)
{
	struct perfmlock_user *user = call->user;

	if (obs->step == PERFMLOCK_REMAP && !obs->user)
		user->remapped += obs->pages;
	/* who has no rival does not leave the uncharge to it */
	if (obs->step == PERFMLOCK_LAST_UNMAP && call->rival)
		perfmlock_note_unmapped(user, -obs->user);
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
