// SPDX-License-Identifier: GPL-2.0
/*
 * What a perf_mmap() does to the books. It runs in the probes' handlers, under
 * ledger->lock: the common case comes first and is short.
 */
#include <linux/err.h>

#include "calls.h"

/**
 * perfmlock_map_begin() - perf_mmap() is entered
 * @ledger: the ledger
 * @call: of perfmlock_call_new(), filled in
 * @user: key of the caller's user; its row is opened if there is none
 *
 * Context: any; the lock is held since before @call->before was read.
 *
 * Return: false: no memory is ready for it (counted); the call is not begun.
 */
bool perfmlock_map_begin(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *user)
{
	struct perfmlock_user *row;

	row = perfmlock_store_find(&ledger->users, user) ?:
	      perfmlock_books_of_user(ledger, user, NULL);
	if (unlikely(!row)) {
		ledger->ops->low();
		return false;
	}
	call->maps = true;
	call_begin(ledger, call, row);
	return true;
}

/* The free pages that the call can have met lie between two bounds. */
static void right_beside_others(const struct perfmlock_ledger *ledger,
				const struct perfmlock_call *call,
				const struct perfmlock_state *state,
				long seen_user, struct perfmlock_charge *right)
{
	long lowest = state->user - call->taken;
	long highest = state->user + call->freed;
	const struct perfmlock_call *other;
	unsigned int i = 0;

	while ((other = perfmlock_next_other(ledger, &i, call->user, call))) {
		if (other->maps)
			highest += other->pages;
		else
			lowest -= other->frees;
	}
	perfmlock_reference_between(state, lowest, highest, call->pages,
				    seen_user, right);
}

static void right_charge(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call,
			 struct perfmlock_state *state, long seen_user,
			 struct perfmlock_charge *right)
{
	struct perfmlock_charge by_new_limit;

	perfmlock_reference(state, call->pages, right);
	if (likely(right->user == seen_user))
		return;
	if (call->overlap)
		right_beside_others(ledger, call, state, seen_user, right);
	/* the limit may have moved meanwhile: either can have been met */
	state->limit = ledger->ops->limit();
	if (right->user == seen_user || state->limit == call->before.limit)
		return;
	perfmlock_reference(state, call->pages, &by_new_limit);
	if (by_new_limit.user == seen_user)
		*right = by_new_limit;
}

struct perfmlock_buffer *perfmlock_row_for(struct perfmlock_ledger *ledger,
					   const struct perfmlock_call *call,
					   enum perfmlock_kind kind,
					   const void *rb,
					   struct perfmlock_mm *mm)
{
	struct perfmlock_buffer *buffer;

	buffer = perfmlock_buffer_new(ledger, rb, kind, call->user, mm,
				      call->pgoff, call->pages);
	if (unlikely(!buffer))
		return NULL;
	ledger->ops->name(&buffer->pid, buffer->comm);
	ledger->ops->event(call->event, &buffer->event);
	memcpy(mm->comm, buffer->comm, sizeof(mm->comm));
	return buffer;
}

static __always_inline void first_map(struct perfmlock_ledger *ledger,
				      struct perfmlock_call *call,
				      const struct perfmlock_observation *obs,
				      struct perfmlock_mm *mm,
				      struct perfmlock_buffer *buffer)
{
	struct perfmlock_user *user = call->user;
	struct perfmlock_charge right;
	struct perfmlock_state state;

	perfmlock_right_state(user, &mm->books, &call->before, &state);
	right_charge(ledger, call, &state, obs->user, &right);

	buffer->first_user = obs->user;
	buffer->first_mm = obs->mm;
	buffer->kernel_user = obs->user;
	buffer->kernel_mm = obs->mm;
	buffer->correct_user = right.user;
	buffer->correct_mm = right.mm;
	user->books.kernel += obs->user;
	user->books.correct += right.user;
	mm->books.kernel += obs->mm;
	mm->books.correct += right.mm;
	mm->rlimit = call->before.rlimit;
	mm->uid = user->uid;
	ledger->totals.mmaps++;
	if (!alone(ledger))
		perfmlock_tell_others(ledger, call, user, right.user);

	if (unlikely(perfmlock_over(&call->before, obs->mm))) {
		user->books.privileged++;
		mm->books.privileged++;
		ledger->totals.privileged++;
	}
	judge(ledger, call, obs);
	compare(ledger, obs, &right, buffer, user, mm);
}

/* The same for who needs it seldom. */
void perfmlock_first_map(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call,
			 const struct perfmlock_observation *obs,
			 struct perfmlock_mm *mm,
			 struct perfmlock_buffer *buffer)
{
	first_map(ledger, call, obs, mm, buffer);
}

static void further_map(struct perfmlock_ledger *ledger,
			struct perfmlock_call *call,
			const struct perfmlock_observation *obs,
			struct perfmlock_mm *mm,
			struct perfmlock_buffer *buffer)
{
	static const struct perfmlock_charge nothing;

	buffer->maps++;
	buffer->sweep = ledger->sweep;
	if (buffer->kind == PERFMLOCK_AUX && buffer->aux)
		buffer->aux->maps++;
	buffer->kernel_user += obs->user;
	buffer->kernel_mm += obs->mm;
	call->user->books.kernel += obs->user;
	mm->books.kernel += obs->mm;
	mm->rlimit = call->before.rlimit;
	mm->uid = call->user->uid;
	ledger->totals.remaps++;
	judge(ledger, call, obs);
	compare(ledger, obs, &nothing, buffer, call->user, mm);
}

/* mmap() failed; what it left on the counters all the same is booked. */
static void failed_map(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call, int ret,
		       struct perfmlock_observation *obs, long user_after)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_mm *mm;

	obs->step = PERFMLOCK_REFUSED;
	obs->user = change_of_user(ledger, call, obs, obs->user);
	if (ret == -EPERM)
		perfmlock_denied(ledger, call, user_after);
	else
		ledger->totals.failed++;
	if (!obs->user && !obs->mm)
		return;
	mm = perfmlock_books_of_mm(ledger, call->mm, NULL);
	if (!mm)
		return;
	call->user->books.kernel += obs->user;
	mm->books.kernel += obs->mm;
	compare(ledger, obs, &nothing, NULL, call->user, mm);
}

static void adopt_map(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, const void *rb)
{
	struct perfmlock_actor actor;
	struct perfmlock_event event;

	ledger->ops->caller(&actor);
	ledger->ops->event(call->event, &event);
	perfmlock_sweep_meet(ledger, &actor, call->mm, rb, call->pgoff,
			     call->pages, &event);
}

static void general_map(struct perfmlock_ledger *ledger,
			struct perfmlock_call *call, int ret, const void *rb,
			long user, long mm)
{
	struct perfmlock_observation obs = {
		.kind = perfmlock_kind_of(call->pgoff),
		.pages = call->pages,
		.state = call->before,
		.user = perfmlock_drift(user, call->before.user),
		.mm = perfmlock_drift(mm, call->before.mm),
	};
	struct perfmlock_buffer *data, *buffer;
	struct perfmlock_mm *row;

	if (unlikely(ret)) {
		failed_map(ledger, call, ret, &obs, user);
		goto out;
	}

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (unlikely(data && obs.kind == PERFMLOCK_DATA && call->rb != rb &&
		     (!call->same_event || (obs.mm && !data->pending)))) {
		/* a new buffer where an old one was whose end was missed */
		if (!perfmlock_displace(ledger, data))
			perfmlock_buffer_stale(ledger, data);
		data = NULL;
	}
	row = perfmlock_store_find(&ledger->mms, call->mm) ?:
	      perfmlock_books_of_mm(ledger, call->mm, NULL);
	if (unlikely(!row))
		goto out;
	if (unlikely(call->same_event) &&
	    perfmlock_map_beside_rival(ledger, call, &obs, rb, row, data))
		goto out;
	if (unlikely(!data && call->rb == rb &&
		     (!obs.mm || obs.kind == PERFMLOCK_AUX) &&
		     (!ledger->walked || ledger->blind))) {
		/* its first mapping was not seen */
		adopt_map(ledger, call, rb);
		goto out;
	}
	buffer = obs.kind == PERFMLOCK_AUX && data ? data->aux : data;
	obs.step = buffer ? PERFMLOCK_REMAP : PERFMLOCK_MAP;
	obs.user = change_of_user(ledger, call, &obs, obs.user);
	if (buffer) {
		further_map(ledger, call, &obs, row, buffer);
		goto out;
	}
	buffer = perfmlock_row_for(ledger, call, obs.kind, rb, row);
	if (unlikely(!buffer))
		goto out;
	if (unlikely(data)) {
		buffer->aux = data;
		data->aux = buffer;
		data->maps++;
	}
	first_map(ledger, call, &obs, row, buffer);
out:
	if (unlikely(call->same_event))
		perfmlock_resolve(ledger, call, rb);
	if (unlikely(call->open_rb) && !perfmlock_awaits_other(ledger, call))
		perfmlock_close_open(ledger, call->open_rb);
}

/*
 * How nearly every buffer begins: all pages fit into the user's part, by the
 * kernel's sum and by the books, and nothing goes beside it. The general way
 * comes to the same, and is twice as long.
 */
static bool is_usual_map(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call, int ret,
			 const void *rb, long user, long mm)
{
	const struct perfmlock_user *row = call->user;
	const struct perfmlock_state *before = &call->before;

	return !ret && !call->pgoff && call->rb != rb && !call->overlap &&
	       !call->same_event && !call->open_rb && ledger->exclusive &&
	       !ledger->blind && mm == before->mm &&
	       perfmlock_drift(user, before->user) == call->pages &&
	       before->user >= 0 && (unsigned long)user <= before->limit &&
	       (unsigned long)perfmlock_books(row->foreign, row->books.correct) +
			call->pages <= before->limit &&
	       !perfmlock_over(before, 0);
}

static bool usual_map(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, const void *rb)
{
	struct perfmlock_user *user = call->user;
	struct perfmlock_buffer *buffer;
	struct perfmlock_mm *mm;

	if (unlikely(perfmlock_store_find(&ledger->buffers, rb)))
		return false;
	mm = perfmlock_store_find(&ledger->mms, call->mm) ?:
	     perfmlock_books_of_mm(ledger, call->mm, NULL);
	if (unlikely(!mm))
		return true;
	buffer = perfmlock_row_for(ledger, call, PERFMLOCK_DATA, rb, mm);
	if (unlikely(!buffer))
		return true;
	buffer->first_user = call->pages;
	buffer->kernel_user = call->pages;
	buffer->correct_user = call->pages;
	user->books.kernel += call->pages;
	user->books.correct += call->pages;
	mm->rlimit = call->before.rlimit;
	mm->uid = user->uid;
	ledger->totals.mmaps++;
	ledger->observed++;
	return true;
}

/**
 * perfmlock_map_end() - perf_mmap() returns
 * @ledger: the ledger
 * @call: of perfmlock_map_begin(), gone afterwards
 * @ret: its return value
 * @rb: the event's buffer now
 * @user: U now
 * @mm: M now
 *
 * Context: any; the lock is held since before @user was read.
 */
void perfmlock_map_end(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call, int ret, const void *rb,
		       long user, long mm)
{
	if (unlikely(!is_usual_map(ledger, call, ret, rb, user, mm) ||
		     !usual_map(ledger, call, rb)))
		general_map(ledger, call, ret, rb, user, mm);
	call_end(ledger, call, user);
}
