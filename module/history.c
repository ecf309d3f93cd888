// SPDX-License-Identifier: GPL-2.0
/*
 * What is remembered of the steps: refusals, drifts, and which of the kernel's
 * historical rules explain what this kernel does.
 */
#include <linux/bitops.h>
#include <linux/jhash.h>
#include <linux/string.h>

#include "books.h"

static void *entry_at(const struct perfmlock_history *history, unsigned int i)
{
	return history->entries + i * history->size;
}

/* The room of a group, NULL: it has none. */
static struct perfmlock_room *room_of(struct perfmlock_history *history,
				      u64 group)
{
	unsigned int i;

	for (i = 0; i < PERFMLOCK_HISTORY; i++)
		if (history->rooms[i].places && history->rooms[i].group == group)
			return &history->rooms[i];
	return NULL;
}

/* Where all places are taken: the oldest of who has most, or of one's own. */
static unsigned int give_up_place(struct perfmlock_history *history,
				  struct perfmlock_room *own)
{
	struct perfmlock_room *most = own ?: &history->rooms[0];
	unsigned int i, oldest = PERFMLOCK_HISTORY;

	for (i = 0; i < PERFMLOCK_HISTORY; i++)
		if (history->rooms[i].places > most->places)
			most = &history->rooms[i];
	for (i = 0; i < PERFMLOCK_HISTORY; i++) {
		if (&history->rooms[history->past[i].room] != most &&
		    most->places > 1)
			continue;
		/* with one place each, it is the oldest of all */
		if (oldest == PERFMLOCK_HISTORY ||
		    history->past[i].seq < history->past[oldest].seq)
			oldest = i;
	}
	history->rooms[history->past[oldest].room].places--;
	return oldest;
}

/* A place for what nothing is equal to; the group's room has it from now on. */
static unsigned int take_place(struct perfmlock_history *history, u64 group)
{
	struct perfmlock_room *own = room_of(history, group);
	unsigned int i, place = PERFMLOCK_HISTORY;

	for (i = 0; i < PERFMLOCK_HISTORY && place == PERFMLOCK_HISTORY; i++)
		if (!history->past[i].seq)
			place = i;
	if (place == PERFMLOCK_HISTORY)
		place = give_up_place(history, own);
	for (i = 0; i < PERFMLOCK_HISTORY && (!own || !own->places); i++) {
		if (history->rooms[i].places)
			continue;
		own = &history->rooms[i];
		own->group = group;
		break;
	}
	own->places++;
	history->past[place].room = own - history->rooms;
	history->past[place].times = 0;
	return place;
}

/*
 * Keep an entry: in the place of the one that it is equal to, or in one of its
 * own. The newest of equal ones is kept, and where it stands in time is its.
 */
static void remember(struct perfmlock_history *history, u64 group, u32 key,
		     const void *entry,
		     bool (*equal)(const void *a, const void *b))
{
	const struct perfmlock_past *past;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_HISTORY; i++) {
		past = &history->past[i];
		if (past->seq && past->key == key &&
		    history->rooms[past->room].group == group &&
		    equal(entry_at(history, i), entry))
			break;
	}
	if (i == PERFMLOCK_HISTORY)
		i = take_place(history, group);
	memcpy(entry_at(history, i), entry, history->size);
	history->past[i].key = key;
	history->past[i].seq = ++history->nr;
	history->past[i].times++;
}

/**
 * perfmlock_history_next() - the entry behind a place in time
 * @history: the history
 * @seq: serial number to go on from; result, of the entry
 * @entry: result, @history->size bytes
 * @times: result: how many equal ones there were
 *
 * Context: any; the lock is held.
 *
 * Return: false: there is none.
 */
bool perfmlock_history_next(const struct perfmlock_history *history, u64 *seq,
			    void *entry, u64 *times)
{
	unsigned int i, next = PERFMLOCK_HISTORY;
	u64 at;

	/* forgotten meanwhile */
	if (*seq > history->nr)
		*seq = 0;
	for (i = 0; i < PERFMLOCK_HISTORY; i++) {
		at = history->past[i].seq;
		if (at > *seq && (next == PERFMLOCK_HISTORY ||
				  at < history->past[next].seq))
			next = i;
	}
	if (next == PERFMLOCK_HISTORY)
		return false;
	*seq = history->past[next].seq;
	*times = history->past[next].times;
	memcpy(entry, entry_at(history, next), history->size);
	return true;
}

/**
 * perfmlock_history_forget() - all entries
 * @history: the history
 *
 * Context: any; the lock is held.
 */
void perfmlock_history_forget(struct perfmlock_history *history)
{
	history->nr = 0;
	memset(history->past, 0, sizeof(history->past));
	memset(history->rooms, 0, sizeof(history->rooms));
}

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
	if (likely(!(user->rules & out) && user->model != PERFMLOCK_MAX_MODELS))
		return;
	for (i = 0; i < perfmlock_nr_models; i++)
		if (user->against[i] < user->against[best])
			best = i;
	least = user->against[best];
	user->model = best;
	user->rules = 0;
	for (i = 0; i < perfmlock_nr_models; i++) {
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
	for (i = 0; i < perfmlock_nr_models; i++)
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
			 const struct perfmlock_drifting *drift)
{
	u32 key = jhash_3words(drift->actor.pid, drift->pages, drift->cause,
			       jhash_2words(drift->kernel_user,
					    drift->kernel_mm, drift->step));

	remember(&ledger->drifts, drift->actor.group, key, drift, equal_drifts);
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
	    perfmlock_models_explain(obs) &
			(1U << perfmlock_model_index(ledger, user))) {
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
 * perfmlock_buffer_unseen_end() - its end went by unseen
 * @ledger: the ledger
 * @buffer: the data's row
 *
 * The kernel has taken back long since what it charged, as far as anybody can
 * know: what it has not shows on the counter, and there no cause is named.
 *
 * Context: any; the lock is held.
 */
void perfmlock_buffer_unseen_end(struct perfmlock_ledger *ledger,
				 struct perfmlock_buffer *buffer)
{
	if (buffer->kind == PERFMLOCK_DATA && buffer->aux)
		perfmlock_buffer_unseen_end(ledger, buffer->aux);
	buffer->user->books.kernel -= buffer->first_user;
	buffer->mm->books.kernel -= buffer->kernel_mm;
	perfmlock_unsure(ledger, buffer->user);
	ledger->totals.stale++;
	perfmlock_buffer_drop(ledger, buffer);
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
	for (i = 0; i < perfmlock_nr_models; i++) {
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
	       x->kind == y->kind && x->pages == y->pages && x->cpu == y->cpu &&
	       x->model == y->model && equal_states(&x->state, &y->state) &&
	       equal_states(&x->right_state, &y->right_state);
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
	struct perfmlock_counts *counts;
	struct perfmlock_event event;
	struct perfmlock_mm *mm;
	bool wrongly;

	if (!refused_by_accounting(ledger, call, user_after, mm_after, &entry)) {
		ledger->totals.other_eperm++;
		return;
	}
	mm = perfmlock_books_of_mm(ledger, call->mm, NULL);
	ledger->ops->caller(&entry.actor);
	ledger->ops->event(call->event, &event);
	entry.cpu = event.cpu;
	entry.online_cpus = ledger->ops->online_cpus();
	perfmlock_right_state(ledger, user, mm ? &mm->books : &nothing_booked,
			      &entry.state, call->mover, &entry.right_state);
	/* by the books: the most that it can have met */
	if (call->mover == PERFMLOCK_CALLS && ledger->exclusive &&
	    perfmlock_is_sure(ledger, user))
		entry.right_state.user += user->freed - call->freed +
					  user->mapping - call->pages;
	perfmlock_reference(&entry.right_state, call->pages, &entry.right);
	remember(&ledger->denials, entry.actor.group,
		 jhash_3words(entry.actor.pid, entry.pages, entry.cpu,
			      entry.state.rlimit),
		 &entry, equal_denials);

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
