// SPDX-License-Identifier: GPL-2.0
/*
 * Booking. A call is begun at the entry of perf_mmap() or perf_mmap_close()
 * and ended at its return; what U and M did in between is what the kernel
 * charged. M belongs to one mm whose mmap_lock is held, so its change is the
 * call's own. U is shared by all processes of a user: where two of its calls
 * overlap, U's part is inferred from M's by the rule that the kernel was seen
 * to follow, and checked when the last of them has ended.
 *
 * All of it runs in the probes' handlers, under ledger->lock: the common case
 * comes first and is short.
 */
#include <linux/bitmap.h>
#include <linux/err.h>

#include "books.h"

/*
 * Calls under way
 */

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

static void note_overlaps(struct perfmlock_ledger *ledger,
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

static __always_inline void begin(struct perfmlock_ledger *ledger,
				  struct perfmlock_call *call,
				  struct perfmlock_user *user)
{
	call->user = user;
	call->taken = 0;
	call->freed = 0;
	call->open_rb = NULL;
	call->began = ledger->next_id;
	call->overlap = false;
	call->same_event = false;
	if (likely(user) && !user->under_way++) {
		user->foreign = perfmlock_foreign(call->before.user,
						  user->books.kernel);
		user->remapped = 0;
		user->unmapped = 0;
		user->unsure = false;
	}
	if (unlikely(ledger->nr_active++))
		note_overlaps(ledger, call);
	__set_bit(call - ledger->calls, ledger->active);
}

/*
 * With no call of the user under way any more, U must be what the books and
 * the others make it. If not, what was inferred is mended where a known
 * mistake accounts for the rest. What is left then is foreign, but on a
 * counter that is perf's alone.
 */
static void settle(struct perfmlock_ledger *ledger, struct perfmlock_user *user,
		   long counter)
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
	} else if (rest == user->unmapped ||
		   (ledger->exclusive && rest > 0 && rest < user->unmapped)) {
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

static __always_inline void end(struct perfmlock_ledger *ledger,
				struct perfmlock_call *call, long counter)
{
	struct perfmlock_user *user = call->user;

	if (likely(user) && !--user->under_way && unlikely(call->overlap))
		settle(ledger, user, counter);
	ledger->nr_active--;
	__clear_bit(call - ledger->calls, ledger->active);
	if (unlikely(ledger->buffers.low || ledger->mms.low ||
		     ledger->users.low))
		ledger->ops->low();
}

/* Tell the user's other calls what this one took from the free pages. */
static void tell_others(struct perfmlock_ledger *ledger,
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

static bool alone(const struct perfmlock_ledger *ledger)
{
	return likely(ledger->nr_active == 1);
}

static long inferred_user(struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call,
			  const struct perfmlock_observation *obs)
{
	long expected = perfmlock_model_user(perfmlock_model_of(ledger), obs);

	ledger->totals.overlaps++;
	if (obs->step == PERFMLOCK_REMAP && !expected)
		call->user->remapped += obs->pages;
	if (obs->step == PERFMLOCK_LAST_UNMAP)
		call->user->unmapped -= expected;
	return expected;
}

/*
 * On a counter that others share, a change that is unusual for a step is
 * theirs, unless it is what this kernel mostly does, or what some kernel did.
 * A call that was not seen, and may be under way still, is such another.
 */
static long shared_user(struct perfmlock_ledger *ledger,
			const struct perfmlock_observation *obs, long measured)
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

/*
 * What a call did to U: measured where nothing else can have moved it,
 * inferred where another call of the user was under way.
 */
static __always_inline long
change_of_user(struct perfmlock_ledger *ledger,
	       const struct perfmlock_call *call,
	       const struct perfmlock_observation *obs, long measured)
{
	if (likely(!call->overlap && ledger->exclusive && !ledger->blind))
		return measured;
	if (call->overlap)
		return inferred_user(ledger, call, obs);
	return shared_user(ledger, obs, measured);
}

static __always_inline void judge(struct perfmlock_ledger *ledger,
				  const struct perfmlock_call *call,
				  const struct perfmlock_observation *obs)
{
	if (unlikely(call->overlap))
		return;
	if (likely(perfmlock_is_plain(obs)))
		ledger->observed++;
	else
		perfmlock_judge(ledger, obs);
}

static __always_inline void
compare(struct perfmlock_ledger *ledger,
	const struct perfmlock_observation *obs,
	const struct perfmlock_charge *right,
	const struct perfmlock_buffer *buffer, struct perfmlock_user *user,
	struct perfmlock_mm *mm)
{
	if (likely(obs->user == right->user && obs->mm == right->mm))
		return;
	perfmlock_compare(ledger, obs, right, perfmlock_cause(obs, right),
			  buffer, user, mm);
}

/* The kernel holds a buffer of which no mapping is known: one was not seen. */
static void found_mapped(struct perfmlock_ledger *ledger,
			 struct perfmlock_buffer *data)
{
	data->maps = 1;
	ledger->totals.resynced++;
}

/*
 * A close was left open for a perf_mmap() to return with the buffer. If none
 * did, that close was the last, and the kernel did not uncharge: else it would
 * have detached the event.
 */
static void close_open(struct perfmlock_ledger *ledger, const void *rb)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (data && !data->maps)
		perfmlock_buffer_lost(ledger, data);
}

/* A perf_mmap() through the event may be about to return with this buffer. */
static bool leave_open(struct perfmlock_ledger *ledger,
		       const struct perfmlock_call *call,
		       const struct perfmlock_buffer *data)
{
	struct perfmlock_call *other;
	bool open = false;
	unsigned int i;

	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (!other->maps || other->event != call->event)
			continue;
		/* the event has moved on: that one nobody can return with */
		if (other->open_rb && other->open_rb != data->node.key)
			close_open(ledger, other->open_rb);
		other->open_rb = data->node.key;
		open = true;
	}
	return open;
}

/*
 * perf_mmap()
 */

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
	begin(ledger, call, row);
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

static struct perfmlock_buffer *
row_for(struct perfmlock_ledger *ledger, const struct perfmlock_call *call,
	enum perfmlock_kind kind, const void *rb, struct perfmlock_mm *mm)
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

static __always_inline void
first_map(struct perfmlock_ledger *ledger, struct perfmlock_call *call,
	  const struct perfmlock_observation *obs, struct perfmlock_mm *mm,
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
		tell_others(ledger, call, user, right.user);

	if (unlikely(perfmlock_over(&call->before, obs->mm))) {
		user->books.privileged++;
		mm->books.privileged++;
		ledger->totals.privileged++;
	}
	judge(ledger, call, obs);
	compare(ledger, obs, &right, buffer, user, mm);
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

/*
 * Two that map the same event at once
 *
 * One of them made the buffer and was charged, and may return last. Who met
 * the buffer when it began did not make it; whose M moved did, for no kernel
 * has ever put a re-map on M. Until it is known, the row is pending: it is
 * listed and has no charges.
 */

/* Is a call under way that may have made this buffer? It began before the row. */
static bool has_rival(const struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, const void *rb,
		      const struct perfmlock_buffer *data)
{
	const struct perfmlock_call *other;
	unsigned int i;

	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other != call && other->maps && other->rb != rb &&
		    other->event == call->event &&
		    (!data || other->began <= data->id))
			return true;
	}
	return false;
}

/* What the mapping that made the row pending did to U, it being @step. */
static void book_pending(struct perfmlock_ledger *ledger,
			 struct perfmlock_buffer *data,
			 enum perfmlock_step step)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_observation obs = {
		.step = step,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
	};

	obs.user = perfmlock_model_user(perfmlock_model_of(ledger), &obs);
	data->pending = PERFMLOCK_BOOKED;
	data->kernel_user += obs.user;
	data->user->books.kernel += obs.user;
	if (step == PERFMLOCK_REMAP) {
		ledger->totals.remaps++;
		compare(ledger, &obs, &nothing, data, data->user, data->mm);
		return;
	}
	/* all on U: that is what fits where M did not move */
	data->first_user = obs.user;
	data->correct_user = obs.user;
	data->user->books.correct += obs.user;
	ledger->totals.mmaps++;
}

static void take_over(struct perfmlock_ledger *ledger,
		      struct perfmlock_call *call,
		      const struct perfmlock_observation *obs,
		      struct perfmlock_mm *mm, struct perfmlock_buffer *data)
{
	long remapped;

	book_pending(ledger, data, PERFMLOCK_REMAP);
	remapped = data->kernel_user;
	data->user->books.buffers--;
	data->mm->books.buffers--;
	data->user = call->user;
	data->mm = mm;
	data->user->books.buffers++;
	data->mm->books.buffers++;
	data->maps++;
	ledger->ops->name(&data->pid, data->comm);
	first_map(ledger, call, obs, mm, data);
	data->kernel_user += remapped;
}

/* Nobody else is left who may have made it. */
static void resolve(struct perfmlock_ledger *ledger,
		    const struct perfmlock_call *call, const void *rb)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (!data || !data->pending || has_rival(ledger, call, rb, data))
		return;
	if (data->pending == PERFMLOCK_MAYBE_FIRST) {
		book_pending(ledger, data, PERFMLOCK_MAP);
		return;
	}
	data->pending = PERFMLOCK_BOOKED;
	data->adopted = true;
	ledger->adopted++;
}

/* Does another perf_mmap() await the same buffer? */
static bool awaits_other(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call)
{
	const struct perfmlock_call *other;
	unsigned int i;

	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other != call && other->maps &&
		    other->open_rb == call->open_rb)
			return true;
	}
	return false;
}

/*
 * Books a mapping beside which another of the same event was under way.
 * Returns false if nothing is special about it.
 */
static bool map_beside_rival(struct perfmlock_ledger *ledger,
			     struct perfmlock_call *call,
			     struct perfmlock_observation *obs, const void *rb,
			     struct perfmlock_mm *mm,
			     struct perfmlock_buffer *data)
{
	bool met_it = call->rb == rb;

	if (obs->kind == PERFMLOCK_AUX)
		return false;
	if (!data) {
		if (!has_rival(ledger, call, rb, NULL) || obs->mm ||
		    (!met_it && !call->overlap && obs->user))
			return false;
		data = row_for(ledger, call, PERFMLOCK_DATA, rb, mm);
		if (data)
			data->pending = met_it ? PERFMLOCK_NOT_FIRST :
						 PERFMLOCK_MAYBE_FIRST;
		return true;
	}
	if (!data->pending || met_it ||
	    call->began > data->id ||
	    (!obs->mm && has_rival(ledger, call, rb, data)))
		return false;
	obs->step = PERFMLOCK_MAP;
	obs->user = change_of_user(ledger, call, obs, obs->user);
	take_over(ledger, call, obs, mm, data);
	return true;
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
		perfmlock_buffer_stale(ledger, data);
		data = NULL;
	}
	row = perfmlock_store_find(&ledger->mms, call->mm) ?:
	      perfmlock_books_of_mm(ledger, call->mm, NULL);
	if (unlikely(!row))
		goto out;
	if (unlikely(call->same_event) &&
	    map_beside_rival(ledger, call, &obs, rb, row, data))
		goto out;
	if (unlikely(!data && call->rb == rb && !obs.mm &&
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
	buffer = row_for(ledger, call, obs.kind, rb, row);
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
		resolve(ledger, call, rb);
	if (unlikely(call->open_rb) && !awaits_other(ledger, call))
		close_open(ledger, call->open_rb);
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
	buffer = row_for(ledger, call, PERFMLOCK_DATA, rb, mm);
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
	end(ledger, call, user);
}

/*
 * perf_mmap_open() and perf_mmap_close()
 */

/**
 * perfmlock_open() - a mapping was moved or split: there is one more
 * @ledger: the ledger
 * @rb: its buffer
 * @pgoff: of the new mapping
 *
 * Context: any; the lock is held.
 */
void perfmlock_open(struct perfmlock_ledger *ledger, const void *rb,
		    unsigned long pgoff)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (!data)
		return;
	data->maps++;
	data->sweep = ledger->sweep;
	if (data->aux && data->aux->pgoff == pgoff)
		data->aux->maps++;
	ledger->totals.opens++;
}

/**
 * perfmlock_close_buffer() - which buffer a perf_mmap_close() may uncharge
 * @ledger: the ledger
 * @task: who calls
 * @rb: the buffer
 *
 * perf_mmap() calls perf_mmap_close() itself when it fails late; that close
 * is a part of the call under way, not one of its own.
 *
 * Context: any; the lock is held.
 *
 * Return: its data part, NULL if the books do not have it, an error pointer
 * if there is nothing to observe.
 */
struct perfmlock_buffer *
perfmlock_close_buffer(struct perfmlock_ledger *ledger, const void *task,
		       const void *rb)
{
	unsigned int i;

	if (unlikely(ledger->nr_active))
		for_each_set_bit(i, ledger->active, ledger->nr_calls)
			if (ledger->calls[i].task == task &&
			    ledger->calls[i].maps)
				return ERR_PTR(-EBUSY);

	return perfmlock_store_find(&ledger->buffers, rb);
}

/**
 * perfmlock_close_begin() - perf_mmap_close() is entered
 * @ledger: the ledger
 * @call: of perfmlock_call_new(), filled in
 * @data: of perfmlock_close_buffer(), or NULL
 *
 * Whom the kernel will uncharge for a buffer that the books do not have, or
 * have adopted, is not known: the call disturbs everybody's.
 *
 * Context: any; the lock is held since @data was looked up.
 */
void perfmlock_close_begin(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call,
			   const struct perfmlock_buffer *data)
{
	call->maps = false;
	if (unlikely(!data || data->adopted)) {
		call->frees = 0;
		begin(ledger, call, NULL);
		return;
	}
	call->frees = data->correct_user;
	begin(ledger, call, data->user);
}

/* What went back to another mm than the one that had been charged. */
static void wrong_mm(struct perfmlock_ledger *ledger,
		     struct perfmlock_buffer *buffer,
		     const struct perfmlock_observation *obs,
		     struct perfmlock_mm *closer)
{
	struct perfmlock_charge right = {
		.user = obs->user,
	};

	buffer->mm->books.cause = PERFMLOCK_WRONG_MM;
	perfmlock_compare(ledger, obs, &right, PERFMLOCK_WRONG_MM, buffer,
			  buffer->user, closer);
}

static __always_inline void
compare_mm(struct perfmlock_ledger *ledger, struct perfmlock_buffer *buffer,
	   const struct perfmlock_observation *obs, struct perfmlock_mm *closer)
{
	if (unlikely(obs->mm && buffer->mm != closer))
		wrong_mm(ledger, buffer, obs, closer);
}

/* The last mapping of a part went: the kernel must take back what it charged. */
static __always_inline void
close_last(struct perfmlock_ledger *ledger, const struct perfmlock_call *call,
	   struct perfmlock_buffer *buffer,
	   const struct perfmlock_observation *obs)
{
	struct perfmlock_charge charged = {
		.user = -buffer->first_user,
		.mm = -buffer->kernel_mm,
	};

	compare(ledger, obs, &charged, buffer, buffer->user, buffer->mm);
	if (unlikely(obs->user && buffer->user != call->user))
		perfmlock_compare(ledger, obs, &charged,
				  PERFMLOCK_AUX_WRONG_USER, buffer,
				  buffer->user, buffer->mm);
	if (!alone(ledger))
		tell_others(ledger, call, buffer->user, -buffer->correct_user);
	perfmlock_buffer_drop(ledger, buffer);
}

/*
 * Which parts this close ended. The AUX area holds the data, so the data can
 * only go with it or after it.
 */
static void count_close(struct perfmlock_ledger *ledger,
			const struct perfmlock_call *call, const void *rb,
			struct perfmlock_buffer *data, bool *last_data,
			bool *last_aux)
{
	struct perfmlock_buffer *aux = data->aux;

	*last_aux = false;
	if (unlikely(aux && aux->pgoff == call->pgoff && aux->maps))
		*last_aux = !--aux->maps;
	if (data->maps)
		data->maps--;
	if (unlikely(data->adopted && rb != call->rb))
		data->maps = 0;
	*last_data = !data->maps;
	if (unlikely(!data->maps && rb == call->rb)) {
		/*
		 * The event still has it: for who is about to return from
		 * perf_mmap(), or was missed; or a close that has not got so
		 * far yet will detach it (f91072ed1b72).
		 */
		*last_data = !leave_open(ledger, call, data) && !ledger->blind;
		if (ledger->blind)
			found_mapped(ledger, data);
	}
}

/* The kernel's change of M goes to the closer's books, whoever was charged. */
static struct perfmlock_mm *book_close(struct perfmlock_ledger *ledger,
				       const struct perfmlock_call *call,
				       const struct perfmlock_buffer *data,
				       long user, long mm)
{
	struct perfmlock_mm *closer = data->mm;

	call->user->books.kernel += user;
	if (unlikely(closer->node.key != call->mm)) {
		closer = perfmlock_books_of_mm(ledger, call->mm, NULL);
		if (!closer)
			return NULL;
	}
	closer->books.kernel += mm;
	return closer;
}

/*
 * A close that ends an AUX area, and perhaps the data with it: the data's part
 * is what it was charged, the rest is the AUX area's.
 */
static void close_aux(struct perfmlock_ledger *ledger,
		      struct perfmlock_call *call,
		      struct perfmlock_buffer *data, bool last_data,
		      long user, long mm)
{
	struct perfmlock_buffer *aux = data->aux;
	struct perfmlock_observation of_data = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
		.rec = data->first_mm,
		.user = last_data ? -data->first_user : 0,
		.mm = last_data ? -data->kernel_mm : 0,
	};
	struct perfmlock_observation of_aux = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = PERFMLOCK_AUX,
		.pages = aux->pages,
		.rec = aux->first_mm,
		.mm = perfmlock_drift(mm, of_data.mm),
	};
	struct perfmlock_mm *closer;

	of_aux.user = change_of_user(ledger, call, &of_aux,
				     perfmlock_drift(user, of_data.user));
	if (aux->adopted) {
		/* what was charged for it is foreign, and so is its return */
		of_aux.user = 0;
		of_aux.mm = 0;
	}
	closer = book_close(ledger, call, data, of_data.user + of_aux.user,
			    of_data.mm + of_aux.mm);
	if (!aux->adopted)
		judge(ledger, call, &of_aux);
	compare_mm(ledger, aux, &of_aux, closer);
	close_last(ledger, call, aux, &of_aux);
	if (last_data) {
		compare_mm(ledger, data, &of_data, closer);
		close_last(ledger, call, data, &of_data);
	}
}

static void close_data(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call, const void *rb,
		       struct perfmlock_buffer *data, bool last, long user,
		       long mm)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_observation obs = {
		.step = last ? PERFMLOCK_LAST_UNMAP : PERFMLOCK_UNMAP,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
		.rec = data->first_mm,
		.mm = mm,
	};
	struct perfmlock_mm *closer;

	/* it uncharges only after it has detached the event */
	if (likely(rb != call->rb || !last))
		obs.user = change_of_user(ledger, call, &obs, user);
	if (unlikely(!last && !call->overlap && rb != call->rb && obs.pages &&
		     obs.user == -data->first_user &&
		     obs.mm == -data->kernel_mm)) {
		/* it went all the same: an earlier close was not seen */
		obs.step = PERFMLOCK_LAST_UNMAP;
		last = true;
		ledger->totals.resynced++;
	}
	closer = book_close(ledger, call, data, obs.user, obs.mm);
	judge(ledger, call, &obs);
	compare_mm(ledger, data, &obs, closer);
	if (last) {
		close_last(ledger, call, data, &obs);
		return;
	}
	/* beside another close, the kernel's last need not be ours */
	data->kernel_mm += obs.mm;
	if (!call->overlap)
		compare(ledger, &obs, &nothing, data, data->user, data->mm);
}

/*
 * What was charged for an adopted buffer is foreign, and so is its return. An
 * AUX area that was seen to be mapped on it goes as it was charged.
 */
static void close_adopted(struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call, const void *rb,
			  struct perfmlock_buffer *data)
{
	struct perfmlock_buffer *aux = data->aux;
	bool last_data, last_aux;

	count_close(ledger, call, rb, data, &last_data, &last_aux);
	if (last_aux || (last_data && aux)) {
		aux->user->books.kernel -= aux->kernel_user;
		aux->mm->books.kernel -= aux->kernel_mm;
		perfmlock_buffer_drop(ledger, aux);
	}
	if (last_data)
		perfmlock_buffer_drop(ledger, data);
}

/*
 * How nearly every buffer ends: its only mapping goes, nothing beside it, and
 * the kernel takes back from whom it charged what it charged. The general way
 * comes to the same, and is twice as long.
 */
static bool is_usual_end(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call, const void *rb,
			 const struct perfmlock_buffer *data, long user,
			 long mm)
{
	return data->maps == 1 && !data->aux && !data->pending &&
	       rb != call->rb && user == -data->first_user &&
	       user == -(long)data->pages &&
	       !(mm | data->first_mm | data->kernel_mm) &&
	       !call->overlap && ledger->exclusive && !ledger->blind &&
	       alone(ledger);
}

static void usual_end(struct perfmlock_ledger *ledger,
		      struct perfmlock_buffer *data, long user)
{
	data->user->books.kernel += user;
	ledger->observed++;
	perfmlock_buffer_drop(ledger, data);
}

/**
 * perfmlock_close_end() - perf_mmap_close() returns
 * @ledger: the ledger
 * @call: of perfmlock_close_begin(), gone afterwards
 * @rb: the event's buffer now
 * @user: U now
 * @mm: M now
 *
 * Context: any; the lock is held since before @user was read.
 */
void perfmlock_close_end(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *rb, long user,
			 long mm)
{
	struct perfmlock_buffer *data;
	long user_change, mm_change;
	bool last_data, last_aux;

	data = perfmlock_store_find(&ledger->buffers, call->rb);
	if (unlikely(!data)) {
		ledger->totals.unknown_closes++;
		goto out;
	}
	ledger->totals.closes++;
	if (unlikely(!call->user)) {
		close_adopted(ledger, call, rb, data);
		goto out;
	}
	user_change = perfmlock_drift(user, call->before.user);
	mm_change = perfmlock_drift(mm, call->before.mm);
	if (likely(is_usual_end(ledger, call, rb, data, user_change,
				mm_change))) {
		usual_end(ledger, data, user_change);
		goto out;
	}
	data->sweep = ledger->sweep;
	if (data->pending == PERFMLOCK_MAYBE_FIRST)
		book_pending(ledger, data, PERFMLOCK_MAP);
	count_close(ledger, call, rb, data, &last_data, &last_aux);
	if (unlikely(last_aux))
		close_aux(ledger, call, data, last_data, user_change,
			  mm_change);
	else
		close_data(ledger, call, rb, data, last_data, user_change,
			   mm_change);
out:
	end(ledger, call, user);
}
