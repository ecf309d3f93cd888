// SPDX-License-Identifier: GPL-2.0
/*
 * What is made of a step, of a refusal, and of what is left over when a user's
 * calls have ended: which of the kernel's historical rules explain it, whether it
 * was right, and which mistake it was.
 */
#include <linux/bitops.h>
#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/string.h>

#include "internal.h"

/* Counts a step against each rule of @out: by how many the best one leads. */
static void count_against(u8 *against, unsigned int out)
{
	for (; out; out &= out - 1)
		if (against[__ffs(out)] < U8_MAX)
			against[__ffs(out)]++;
}

/**
 * perfmlock_tell() - what a step tells of the rule, where others share the counter
 * @user: whose step it is
 * @mask: the rules that explain it as it was measured, a bit each
 *
 * One step may be half the kernel's and half somebody else's: a rule that explains
 * two less than another does is not believed.
 *
 * Context: any; the lock is held.
 */
void perfmlock_tell(struct perfmlock_user *user, unsigned int mask)
{
	unsigned int out = PERFMLOCK_MODELS_ALL & ~mask;
	unsigned int i, best = PERFMLOCK_MODEL_DEFAULT;
	u8 least;

	if (!mask || !out)
		return;
	count_against(user->against, out);
	/* those that explain it lose nothing to the others */
	if (likely(!(user->rules & out) && user->model != PERFMLOCK_NR_MODELS))
		return;
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (user->against[i] < user->against[best])
			best = i;
	least = user->against[best];
	user->model = best;
	user->rules = 0;
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++) {
		user->against[i] -= least;
		if (user->against[i] <= 1)
			user->rules |= 1U << i;
	}
}

/* Does the step of a user tell everybody? Root's do, and others' until then. */
static bool tells_all(struct perfmlock_ledger *ledger,
		      const struct perfmlock_user *user)
{
	if (ledger->exclusive)
		return true;
	if (user->uid)
		return !ledger->taught;
	if (!ledger->taught) {
		ledger->taught = true;
		ledger->judged = 0;
		memset(ledger->disagrees, 0, sizeof(ledger->disagrees));
	}
	return true;
}

/**
 * perfmlock_judge() - hold a step against every rule of the history
 * @ledger: the ledger
 * @user: whose it is
 * @obs: the step, undisturbed by other calls, and what explains it
 *
 * Context: any; the lock is held.
 */
void perfmlock_judge(struct perfmlock_ledger *ledger,
		     struct perfmlock_user *user,
		     const struct perfmlock_observation *obs)
{
	unsigned int mask = obs->explained;
	unsigned int out = PERFMLOCK_MODELS_ALL & ~mask;
	unsigned int i, best = PERFMLOCK_MODEL_DEFAULT;

	if (!out) {
		ledger->observed++;
		return;
	}
	if (!ledger->exclusive)
		perfmlock_tell(user, mask);
	if (!tells_all(ledger, user))
		return;
	ledger->judged++;
	for (; out; out &= out - 1)
		ledger->disagrees[__ffs(out)]++;
	/* no other has come nearer */
	if (likely(mask & (1U << ledger->model)))
		return;
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (ledger->disagrees[i] < ledger->disagrees[best])
			best = i;
	ledger->model = best;
}

static bool equal_drifts(const void *a, const void *b)
{
	const struct perfmlock_drifting *x = a, *y = b;

	return x->actor.uid == y->actor.uid && x->actor.pid == y->actor.pid &&
	       x->owner_uid == y->owner_uid && x->owner_pid == y->owner_pid &&
	       x->step == y->step && x->kind == y->kind &&
	       x->pages == y->pages && x->kernel_user == y->kernel_user &&
	       x->kernel_mm == y->kernel_mm &&
	       x->correct_user == y->correct_user &&
	       x->correct_mm == y->correct_mm && x->cause == y->cause &&
	       x->inherited == y->inherited;
}

static void record_drift(struct perfmlock_ledger *ledger,
			 struct perfmlock_drifting *drift)
{
	u32 key = jhash_3words(drift->actor.pid, drift->pages, drift->cause,
			       jhash_2words(drift->kernel_user,
					    drift->kernel_mm, drift->step));

	perfmlock_history_add(&ledger->drifts, drift->actor.group, key, drift,
			      equal_drifts, NULL);
	ledger->totals.drifts++;
	if (unlikely(ledger->notes))
		perfmlock_note_drift(ledger, drift);
	if (!ledger->totals.causes[drift->cause]++)
		ledger->ops->told();
}

/* Did the kernel do what its own rule says of its counters, right or wrong? */
static bool is_by_its_rule(const struct perfmlock_ledger *ledger,
			   const struct perfmlock_user *user,
			   const struct perfmlock_observation *obs)
{
	/* of a U that nobody has seen: it may have been any */
	if (obs->beside && obs->step == PERFMLOCK_MAP)
		return perfmlock_is_split(obs);
	return perfmlock_models_explain(obs) &
	       (1U << perfmlock_model_index(ledger, user));
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
	ledger->ops->scene(&drift.scene);
	drift.owner_pid = drift.actor.pid;
	if (buffer) {
		drift.id = buffer->id;
		drift.owner_uid = buffer->user->uid;
		drift.owner_pid = buffer->mm->pid;
	}
	if (cause == PERFMLOCK_UNEXPLAINED && user->books.cause &&
	    is_by_its_rule(ledger, user, obs)) {
		drift.cause = user->books.cause;
		drift.inherited = true;
	}
	/* what went to the wrong mm left U right */
	if (cause != PERFMLOCK_WRONG_MM)
		user->books.cause = drift.cause;
	if (mm)
		mm->books.cause = drift.cause;
	record_drift(ledger, &drift);
}

/* Is this EPERM one that the accounting gives? */
static bool refused_by_accounting(const struct perfmlock_ledger *ledger,
				  const struct perfmlock_call *call,
				  long user_after, long mm_after,
				  struct perfmlock_denial *entry)
{
	struct perfmlock_state *state = &entry->state;
	unsigned int i;

	if (ledger->ops->exempt())
		return false;
	entry->model = perfmlock_model_of(ledger, call->user);
	*state = call->before;
	perfmlock_model_charge(entry->model, state, call->pages, &entry->charge);
	if (entry->charge.over)
		return true;
	/* what was lowered or charged meanwhile may have been before it looked */
	state->limit = min(state->limit, ledger->ops->limit());
	state->rlimit = min(state->rlimit, ledger->ops->rlimit());
	state->user = max(state->user + call->user->taken - call->taken,
			  user_after) + call->user->mapping - call->pages;
	state->mm = max(state->mm, mm_after);
	perfmlock_model_charge(entry->model, state, call->pages, &entry->charge);
	if (entry->charge.over)
		return true;
	/* a kernel whose rule was not told yet by anything that it did */
	*state = call->before;
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++) {
		if (ledger->disagrees[i] &&
		    (ledger->exclusive || ledger->taught))
			continue;
		entry->model = &perfmlock_models[i];
		perfmlock_model_charge(entry->model, state, call->pages,
				       &entry->charge);
		if (entry->charge.over)
			return true;
	}
	return false;
}

static bool equal_states(const struct perfmlock_state *x,
			 const struct perfmlock_state *y)
{
	return x->user == y->user && x->mm == y->mm && x->limit == y->limit &&
	       x->rlimit == y->rlimit;
}

static bool equal_denials(const void *a, const void *b)
{
	const struct perfmlock_denial *x = a, *y = b;

	return x->actor.uid == y->actor.uid && x->actor.pid == y->actor.pid &&
	       x->kind == y->kind && x->pages == y->pages && x->event.cpu == y->event.cpu &&
	       x->model == y->model && equal_states(&x->state, &y->state) &&
	       equal_states(&x->right_state, &y->right_state);
}

/* Until it is looked again: who asks in a loop is to have an answer. */
static void keep_holders(void *entry, const void *old)
{
	const struct perfmlock_denial *from = old;
	struct perfmlock_denial *to = entry;

	memcpy(to->holders, from->holders, sizeof(to->holders));
	to->looked = from->looked;
}

/**
 * perfmlock_denied() - perf_mmap() said EPERM
 * @ledger: the ledger
 * @call: the call
 * @user_after: U now
 * @mm_after: M now
 *
 * Remembered with the whole sum if the accounting did it; else counted.
 *
 * Context: any; the lock is held.
 */
void perfmlock_denied(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, long user_after,
		      long mm_after)
{
	static const struct perfmlock_books nothing_booked;
	struct perfmlock_denial entry = {
		.kind = perfmlock_kind_of(call->pgoff),
		.start = call->start,
		.pages = call->pages,
	};
	struct perfmlock_user *user = call->user;
	struct perfmlock_holding holding = {};
	struct perfmlock_counts *counts;
	struct perfmlock_mm *mm;
	bool wrongly;

	if (!refused_by_accounting(ledger, call, user_after, mm_after, &entry)) {
		ledger->totals.other_eperm++;
		perfmlock_failed(ledger, call, -EPERM);
		return;
	}
	mm = perfmlock_mm_row(ledger, call->mm, NULL);
	ledger->ops->caller(&entry.actor);
	ledger->ops->scene(&entry.scene);
	ledger->ops->event(call->event, &entry.event);
	entry.online_cpus = ledger->ops->online_cpus();
	perfmlock_right_state(ledger, user, mm ? &mm->books : &nothing_booked,
			      &entry.state, call->repaired_mm, call->mover,
			      &entry.right_state);
	holding.others = perfmlock_foreign(entry.state.mm, call->repaired_mm +
					   (mm ? mm->books.kernel : 0));
	if (mm) {
		entry.held = mm->held + mm->adopted;
		holding.pages = mm->held;
		/* what the kernel has on it may be another mm's as well */
		holding.mm = mm->books.correct;
		holding.adopted = mm->adopted;
		holding.stays = mm->stays || (entry.held && mm->payer != user);
	}
	entry.orphaned = PERFMLOCK_PAGES_UNKNOWN;
	entry.foreign = PERFMLOCK_PAGES_UNKNOWN;
	if (perfmlock_is_sure(ledger, user) &&
	    !perfmlock_is_careful(ledger, user)) {
		entry.orphaned = perfmlock_orphaned(user);
		entry.foreign = user->foreign;
	}
	perfmlock_restarted(entry.model, &entry.state, &holding,
			    &entry.restarted);
	/* by the books: the most that it can have met */
	if (call->mover == PERFMLOCK_CALLS && ledger->exclusive &&
	    perfmlock_is_sure(ledger, user))
		entry.right_state.user += user->freed - call->freed +
					  user->mapping - call->pages;
	perfmlock_reference(&entry.right_state, call->pages, &entry.right);
	perfmlock_history_add(&ledger->denials, entry.actor.group,
			      jhash_3words(entry.actor.pid, entry.pages,
					   entry.event.cpu, entry.state.rlimit),
			      &entry, equal_denials, keep_holders);
	if (unlikely(ledger->notes))
		perfmlock_note_denial(ledger, &entry);
	ledger->ops->told();

	wrongly = !entry.right.over;
	counts = perfmlock_counts(ledger, &user->books);
	counts->denied++;
	counts->wrongly_denied += wrongly;
	ledger->totals.denied++;
	ledger->totals.wrongly_denied += wrongly;
	if (!mm)
		return;
	counts = perfmlock_counts(ledger, &mm->books);
	counts->denied++;
	counts->wrongly_denied += wrongly;
	mm->rlimit = entry.state.rlimit;
	mm->uid = user->uid;
	memcpy(mm->comm, entry.actor.comm, sizeof(mm->comm));
}

/* Is there a rule that charges re-maps, and which nothing seen has refuted? */
bool perfmlock_may_charge_remaps(const struct perfmlock_ledger *ledger)
{
	unsigned int i;

	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (perfmlock_models[i].remap_charges && !ledger->disagrees[i])
			return true;
	return false;
}

/* Is the rest what re-maps were charged, although the rule thought nothing of it? */
static bool is_of_remaps(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_user *user, long rest)
{
	return rest > 0 && rest == user->remapped &&
	       perfmlock_may_charge_remaps(ledger);
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

/**
 * perfmlock_settle() - the last call of a user that was under way has ended
 * @ledger: the ledger
 * @user: whose
 * @rest: pages on U that are neither in the books nor foreign; not 0
 *
 * What the books make of U is put right by the live counter where that is perf's
 * alone and nothing went by unseen, or where the rest is what the kernel is known
 * to leave behind; else the difference is foreign.
 *
 * Context: any; the lock is held since before U was read.
 */
void perfmlock_settle(struct perfmlock_ledger *ledger,
		      struct perfmlock_user *user, long rest)
{
	if (!perfmlock_is_sure(ledger, user))
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
