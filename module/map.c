// SPDX-License-Identifier: GPL-2.0
/*
 * What a perf_mmap() does to the books. It runs in the probes' handlers, under
 * ledger->lock.
 */
#include "calls.h"

/**
 * perfmlock_map_begin() - perf_mmap() is entered
 * @ledger: the ledger
 * @call: of perfmlock_call_new(), filled in
 * @user: key of the caller's user; its row is opened if there is none
 *
 * Context: any; the lock is held since before @call->before was read.
 *
 * Return: false: no memory is ready for it (counted); the call is not begun,
 * and its place is free.
 */
bool perfmlock_map_begin(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *user)
{
	struct perfmlock_user *row;

	row = perfmlock_store_find(&ledger->users, user) ?:
	      perfmlock_user_row(ledger, user, NULL);
	if (unlikely(!row)) {
		/* there is no row to be unsure of */
		ledger->ops->low();
		perfmlock_unseen(ledger);
		call_free(ledger, call);
		return false;
	}
	call->maps = true;
	call->data = NULL;
	call->frees = 0;
	call_begin(ledger, call, row);
	return true;
}

/*
 * By one limit. Beside others of the user's calls, the free pages that the call can
 * have met lie between two bounds: what others have taken since it began may have
 * been free still. The kernel looks and then takes, so that two calls can both have
 * what is left for one.
 */
static void right_by_limit(const struct perfmlock_call *call,
			   const struct perfmlock_state *state, long seen_user,
			   struct perfmlock_charge *right)
{
	const struct perfmlock_user *user = call->user;
	long taken = user->taken - call->taken;
	long freed = user->freed - call->freed;

	if (call->mover != PERFMLOCK_CALLS) {
		perfmlock_reference(state, call->pages, right);
		return;
	}
	perfmlock_reference_between(state,
				    state->user - taken - user->closing,
				    state->user + freed + user->mapping -
				    call->pages,
				    call->pages, seen_user, right);
}

/*
 * Is what the kernel made of the pages no mistake, although the reference rule
 * makes something else of what was seen? It may have met another U, or another
 * limit, than could be seen.
 */
static bool may_be_right(struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call,
			 const struct perfmlock_observation *obs,
			 bool as_measured)
{
	if (!perfmlock_is_split(obs))
		return false;
	if (!as_measured || !perfmlock_is_sure(ledger, call->user) ||
	    (call->mover == PERFMLOCK_CALLS && !ledger->exclusive))
		return true;
	if (!ledger->ops->limit_is_exact()) {
		ledger->totals.either_way++;
		return true;
	}
	/* on a shared counter, others were charged between entry and check */
	return !ledger->exclusive &&
	       !(perfmlock_models_explain(obs) &
		 (1U << perfmlock_model_index(ledger, call->user)));
}

/* @right is the reference rule's, and the kernel did not as it says. */
static noinline void right_charge(struct perfmlock_ledger *ledger,
				  const struct perfmlock_call *call,
				  struct perfmlock_observation *obs,
				  bool as_measured,
				  struct perfmlock_state *state,
				  struct perfmlock_charge *right)
{
	unsigned int its_rule = 1U << perfmlock_model_index(ledger, call->user);
	struct perfmlock_charge by_new_limit;

	right_by_limit(call, state, obs->user, right);
	/* the limit may have moved meanwhile: either can have been met */
	state->limit = ledger->ops->limit();
	if (right->user != obs->user && state->limit != call->before.limit) {
		right_by_limit(call, state, obs->user, &by_new_limit);
		if (by_new_limit.user == obs->user)
			*right = by_new_limit;
		/* what it made of a wrong U it made by the one that it met */
		if (!(perfmlock_models_explain(obs) & its_rule))
			obs->state.limit = state->limit;
	}
	if (right->user != obs->user &&
	    may_be_right(ledger, call, obs, as_measured))
		perfmlock_split(state, obs, right);
}

/* There is no row for what it may have been charged. */
static void not_booked(struct perfmlock_ledger *ledger,
		       const struct perfmlock_call *call)
{
	perfmlock_unsure(ledger, call->user);
	perfmlock_proof_may_be_on(ledger, call->user, call->pages);
}

static struct perfmlock_buffer *row_for(struct perfmlock_ledger *ledger,
					const struct perfmlock_call *call,
					enum perfmlock_kind kind,
					const void *rb, struct perfmlock_mm *mm)
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
				      struct perfmlock_observation *obs,
				      bool as_measured, struct perfmlock_mm *mm,
				      struct perfmlock_buffer *buffer)
{
	struct perfmlock_user *user = call->user;
	struct perfmlock_charge right;
	struct perfmlock_state state;

	perfmlock_right_state(ledger, user, &mm->books, &call->before,
			      call->repaired_mm, call->mover, &state);
	perfmlock_reference(&state, call->pages, &right);
	if (unlikely(right.user != obs->user))
		right_charge(ledger, call, obs, as_measured, &state, &right);

	buffer->guessed = !as_measured;
	buffer->first_user = obs->user;
	buffer->first_mm = obs->mm;
	perfmlock_on_user(buffer, obs->user - buffer->kernel_user);
	perfmlock_on_mm(buffer, obs->mm - buffer->kernel_mm);
	buffer->correct_user = right.user;
	buffer->correct_mm = right.mm;
	user->books.kernel += obs->user;
	user->books.correct += right.user;
	user->taken += right.user;
	mm->books.kernel += obs->mm;
	mm->books.correct += right.mm;
	perfmlock_proof_first(ledger, call, buffer);
	mm->rlimit = call->before.rlimit;
	mm->uid = user->uid;
	ledger->totals.mmaps++;

	/* else the limit, or M, was another when the kernel looked */
	if (unlikely(perfmlock_over(&call->before, obs->mm)) &&
	    ledger->ops->exempt()) {
		perfmlock_counts(ledger, &user->books)->privileged++;
		perfmlock_counts(ledger, &mm->books)->privileged++;
		ledger->totals.privileged++;
	}
	note(ledger, call, obs, &right, buffer, as_measured);
	judge(ledger, call, obs, as_measured);
	compare(ledger, obs, &right, buffer, user, mm);
}

static void set_pending(struct perfmlock_buffer *data,
			enum perfmlock_pending pending, bool still)
{
	data->pending = pending;
	data->still = still;
	data->charged = false;
	data->user->under_way++;
	if (pending == PERFMLOCK_MAYBE_FIRST)
		data->user->mapping += data->pages;
}

/* Who made the buffer is told by a rival's return: its row is pending until then. */
static void map_pending(struct perfmlock_ledger *ledger,
			const struct perfmlock_call *call, const void *rb,
			struct perfmlock_mm *mm, enum perfmlock_pending pending,
			bool still)
{
	struct perfmlock_buffer *data;

	data = row_for(ledger, call, PERFMLOCK_DATA, rb, mm);
	if (!data) {
		not_booked(ledger, call);
		return;
	}
	set_pending(data, pending, still);
}

/* The row was a rival's so far, and what that had mapped was there already. */
static noinline void take_row(struct perfmlock_ledger *ledger,
			      const struct perfmlock_call *call,
			      struct perfmlock_mm *mm,
			      struct perfmlock_buffer *data)
{
	struct perfmlock_user *former = data->user;

	perfmlock_book_pending(ledger, data, PERFMLOCK_REMAP);
	perfmlock_mapped_by(data, call->mm);
	if (data->closing && data->user != call->user)
		perfmlock_closes_may_move(ledger, data, call->user);
	perfmlock_buffer_give(ledger, data, call->user, mm);
	data->maps++;
	perfmlock_touch(ledger, data);
	ledger->ops->name(&data->pid, data->comm);
	settle_if_quiet(ledger, former);
}

/*
 * Books a mapping beside which another of the same event was under way. Returns
 * false if nothing is special about it.
 */
static bool map_beside_rival(struct perfmlock_ledger *ledger,
			     struct perfmlock_call *call,
			     struct perfmlock_observation *obs, const void *rb,
			     struct perfmlock_mm *mm,
			     struct perfmlock_buffer *data)
{
	enum perfmlock_maker maker;
	bool as_measured;
	long remapped;

	maker = perfmlock_who_made(ledger, call, obs, rb, data);
	switch (maker) {
	case PERFMLOCK_MET_IT:
	case PERFMLOCK_RIVAL_MADE_IT:
		/* or one that was missed, and whose ring no walk has met yet */
		map_pending(ledger, call, rb, mm,
			    ledger->careful || ledger->busy ?
			    PERFMLOCK_UNSEEN_FIRST : PERFMLOCK_NOT_FIRST,
			    maker == PERFMLOCK_RIVAL_MADE_IT);
		return true;
	case PERFMLOCK_EITHER_MADE_IT:
		if (data) {
			/* it had the event second: the first, if he can have, is likelier */
			if (data->pending == PERFMLOCK_NOT_FIRST)
				perfmlock_anyones(ledger, data);
			/*
			 * What he was charged is not known: of what is anyone's; and
			 * on a shared counter, where nothing tells it later.
			 */
			if (data->pending == PERFMLOCK_UNSEEN_FIRST ||
			    (!ledger->exclusive && data->user != call->user &&
			     !perfmlock_may_charge_remaps(ledger)))
				perfmlock_unsure(ledger, call->user);
			return false;
		}
		map_pending(ledger, call, rb, mm, PERFMLOCK_MAYBE_FIRST, false);
		return true;
	case PERFMLOCK_ANY_MADE_IT:
		perfmlock_nobody_is_left(ledger, data, false);
		perfmlock_unsure(ledger, call->user);
		data->maps++;
		perfmlock_touch(ledger, data);
		perfmlock_mapped_by(data, call->mm);
		return true;
	case PERFMLOCK_MADE_IT:
		obs->step = PERFMLOCK_MAP;
		as_measured = attribute(ledger, call, obs, false);
		take_row(ledger, call, mm, data);
		remapped = data->kernel_user;
		first_map(ledger, call, obs, as_measured, mm, data);
		perfmlock_on_user(data, remapped);
		return true;
	case PERFMLOCK_WAS_CHARGED:
		take_row(ledger, call, mm, data);
		set_pending(data, PERFMLOCK_MAYBE_FIRST, false);
		data->charged = ledger->exclusive;
		return true;
	default:
		return false;
	}
}

/*
 * @led: the event had no buffer when the call began: that this is a further
 * mapping is the likely way, not the only one, and no drift is told of it.
 */
static void further_map(struct perfmlock_ledger *ledger,
			struct perfmlock_call *call,
			struct perfmlock_observation *obs,
			struct perfmlock_mm *mm,
			struct perfmlock_buffer *buffer, bool led)
{
	static const struct perfmlock_charge nothing;
	bool as_measured;

	obs->step = PERFMLOCK_REMAP;
	as_measured = attribute(ledger, call, obs, false);
	buffer->maps++;
	buffer->left = false;
	perfmlock_touch(ledger, buffer);
	perfmlock_mapped_by(buffer, call->mm);
	/* adopted by its AUX area */
	if (unlikely(!buffer->pages))
		perfmlock_adopt_data(ledger, buffer, call->pages);
	if (buffer->kind == PERFMLOCK_AUX && buffer->aux) {
		perfmlock_touch(ledger, buffer->aux);
		buffer->aux->maps++;
	}
	perfmlock_on_user(buffer, obs->user);
	perfmlock_on_mm(buffer, obs->mm);
	call->user->books.kernel += obs->user;
	mm->books.kernel += obs->mm;
	mm->rlimit = call->before.rlimit;
	mm->uid = call->user->uid;
	ledger->totals.remaps++;
	note(ledger, call, obs, &nothing, buffer, as_measured);
	if (led)
		return;
	judge(ledger, call, obs, as_measured);
	if (call->mover != PERFMLOCK_CALLS || ledger->exclusive)
		compare(ledger, obs, &nothing, buffer, call->user, mm);
}

/* mmap() failed; what it left on the counters all the same is booked. */
static noinline void failed_map(struct perfmlock_ledger *ledger,
				struct perfmlock_call *call, int ret,
				const void *rb,
				struct perfmlock_observation *obs,
				long user_after, long mm_after)
{
	static const struct perfmlock_charge nothing;
	long on_mm = obs->mm;
	struct perfmlock_mm *mm;

	obs->step = PERFMLOCK_REFUSED;
	attribute(ledger, call, obs, false);
	if (ret == -EPERM) {
		perfmlock_denied(ledger, call, user_after, mm_after);
	} else {
		ledger->totals.failed++;
		perfmlock_failed(ledger, call, ret);
		if (ret == -ENOMEM && call->rival &&
		    perfmlock_failed_late(ledger, call, rb, on_mm)) {
			perfmlock_unsure(ledger, call->user);
			return;
		}
	}
	if (!obs->user && !obs->mm)
		return;
	mm = perfmlock_mm_row(ledger, call->mm, NULL);
	if (!mm) {
		perfmlock_unsure(ledger, call->user);
		return;
	}
	call->user->books.kernel += obs->user;
	mm->books.kernel += obs->mm;
	compare(ledger, obs, &nothing, NULL, call->user, mm);
}

static void adopt_map(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, const void *rb)
{
	struct perfmlock_buffer *data;
	struct perfmlock_actor actor;
	struct perfmlock_event event;

	ledger->ops->caller(&actor);
	ledger->ops->event(call->event, &event);
	if (perfmlock_sweep_meet(ledger, &actor, call->mm, rb, call->pgoff,
				 call->pages, &event)) {
		/* a walk may meet it once more */
		data = perfmlock_store_find(&ledger->buffers, rb);
		perfmlock_touch(ledger, data);
		if (data->aux)
			perfmlock_touch(ledger, data->aux);
	} else {
		perfmlock_not_booked(ledger);
	}
	/* an AUX area was charged by this very call */
	perfmlock_unsure(ledger, call->user);
}

/*
 * The event had this buffer before, and the books do not: its first mapping was
 * not seen. Or the kernel has put another one in the place of one that it had
 * lost (f91072ed1b72), and at the same address: then this call was charged.
 */
static bool was_mapped_unseen(struct perfmlock_ledger *ledger,
			      const struct perfmlock_call *call,
			      const struct perfmlock_observation *obs)
{
	if (obs->mm > 0 && obs->kind == PERFMLOCK_DATA)
		return false;
	if (!ledger->walked || ledger->careful)
		return true;
	if (call->mover != PERFMLOCK_ALONE || obs->user || obs->mm > 0)
		return false;
	perfmlock_unseen(ledger);
	return true;
}

/*
 * The event has got a buffer that the books have. Has the kernel made a new one
 * at the address of one whose end was missed? Else the event was led to another
 * one's (PERF_EVENT_IOC_SET_OUTPUT), and this is a further mapping of that. A new
 * one is charged, and no kernel puts a re-map on M.
 */
static bool replaces(const struct perfmlock_ledger *ledger,
		     const struct perfmlock_call *call,
		     const struct perfmlock_observation *obs,
		     const struct perfmlock_buffer *data)
{
	if (obs->kind == PERFMLOCK_AUX || (call->same_event && data->pending))
		return false;
	/* a mapping of another size is refused */
	if (obs->mm > 0 || (data->pages && data->pages != obs->pages))
		return true;
	if (call->same_event)
		return false;
	/* a new one would have been charged */
	if (call->mover == PERFMLOCK_ALONE && !obs->user)
		return false;
	/* else the event was led to it in the middle of the call */
	if (data->left)
		return true;
	if (!data->shared && ledger->ops->mm_closed(data->mm->node.key))
		return true;
	/* not while a walk is awaited: who is busy may be so for ever */
	if (data->maps <= data->closing || ledger->careful)
		return true;
	return call->mover != PERFMLOCK_CALLS && obs->user == obs->pages &&
	       !perfmlock_model_of(ledger, call->user)->remap_charges;
}

/* The row that the books have for the event's buffer; NULL: it is another's. */
static noinline struct perfmlock_buffer *
its_row(struct perfmlock_ledger *ledger, const struct perfmlock_call *call,
	const void *rb, const struct perfmlock_observation *obs,
	struct perfmlock_buffer *data)
{
	if (call->rb == rb ?
	    !perfmlock_is_another(data, call->pgoff, call->pages) :
	    !replaces(ledger, call, obs, data))
		return data;
	/* a last close that was left open was its end, and seen */
	if (!data->maps && !data->closing && !data->adopted)
		perfmlock_buffer_lost(ledger, data);
	else
		perfmlock_replaced(ledger, data);
	return NULL;
}

/*
 * It was mapped in another size: its end was missed, or has not returned, and this
 * is a new one. A close under way takes its own mapping off.
 */
static void area_ended(struct perfmlock_ledger *ledger,
		       struct perfmlock_buffer *aux)
{
	u32 closes = closes_of_area(ledger, aux);
	struct perfmlock_buffer *data = aux->aux;

	if (aux->maps > closes)
		data->maps -= min(data->maps, aux->maps - closes);
	perfmlock_buffer_unseen_end(ledger, aux);
	perfmlock_unseen(ledger);
}

/* Whatever is no first mapping. Returns false if it is one all the same. */
static noinline bool seldom_map(struct perfmlock_ledger *ledger,
				struct perfmlock_call *call,
				struct perfmlock_observation *obs,
				const void *rb, struct perfmlock_mm *mm,
				struct perfmlock_buffer *data)
{
	struct perfmlock_buffer *buffer;

	if (call->same_event && obs->kind == PERFMLOCK_DATA &&
	    map_beside_rival(ledger, call, obs, rb, mm, data))
		return true;
	if (!data && call->rb == rb && was_mapped_unseen(ledger, call, obs)) {
		adopt_map(ledger, call, rb);
		return true;
	}
	buffer = obs->kind == PERFMLOCK_AUX && data ? data->aux : data;
	if (buffer && obs->kind == PERFMLOCK_AUX && !buffer->adopted &&
	    buffer->pages != obs->pages) {
		area_ended(ledger, buffer);
		buffer = NULL;
	}
	if (buffer)
		further_map(ledger, call, obs, mm, buffer,
			    !call->same_event && call->rb != rb);
	return buffer;
}

/* An AUX area holds the data that it is behind. */
static void hold_data(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call,
		      struct perfmlock_buffer *aux,
		      struct perfmlock_buffer *data)
{
	aux->aux = data;
	data->aux = aux;
	perfmlock_touch(ledger, data);
	perfmlock_mapped_by(data, call->mm);
	data->maps++;
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
	struct perfmlock_observation obs = {
		.kind = perfmlock_kind_of(call->pgoff),
		.pages = call->pages,
		.state = call->before,
		.user = user_change(call, user),
		.mm = mm_change(ledger, call, mm),
	};
	struct perfmlock_buffer *data, *buffer;
	struct perfmlock_user *caller = call->user;
	const void *mm_key = call->mm;
	struct perfmlock_mm *row;
	bool as_measured;

	call->mover = mover_of(ledger, call);
	ledger->alone = is_alone(ledger, call);
	if (unlikely(!ledger->alone))
		perfmlock_proof_company(call->user, call->pages);
	if (unlikely(ret)) {
		failed_map(ledger, call, ret, rb, &obs, user, mm);
		goto out;
	}
	data = perfmlock_store_find(&ledger->buffers, rb);
	if (unlikely(data && (call->rb != rb || data->pages != obs.pages)))
		data = its_row(ledger, call, rb, &obs, data);
	row = perfmlock_store_find(&ledger->mms, call->mm) ?:
	      perfmlock_mm_row(ledger, call->mm, NULL);
	if (unlikely(!row)) {
		not_booked(ledger, call);
		goto out;
	}
	if (unlikely(data || call->rb == rb || call->same_event) &&
	    seldom_map(ledger, call, &obs, rb, row, data))
		goto out;
	obs.step = PERFMLOCK_MAP;
	as_measured = attribute(ledger, call, &obs, false);
	buffer = row_for(ledger, call, obs.kind, rb, row);
	if (unlikely(!buffer)) {
		not_booked(ledger, call);
		goto out;
	}
	if (unlikely(data))
		hold_data(ledger, call, buffer, data);
	first_map(ledger, call, &obs, as_measured, row, buffer);
out:
	if (unlikely(call->same_event))
		perfmlock_resolve(ledger, call, rb);
	if (unlikely(call->open_rb) && !perfmlock_awaits_other(ledger, call))
		perfmlock_close_open(ledger, call->open_rb, rb);
	call_end(ledger, call, user);
	if (unlikely(ledger->repairing)) {
		perfmlock_repair_user(ledger, caller);
		perfmlock_repair_mm(ledger,
				    perfmlock_store_find(&ledger->mms, mm_key));
	}
}
