// SPDX-License-Identifier: GPL-2.0
/*
 * Two that map or unmap the same event at once.
 *
 * One of them made the buffer and was charged, and may return last. Who met
 * the buffer when it began did not make it; whose M moved did, for no kernel
 * has ever put a re-map on M; nor did he whose U it left alone. Where nothing
 * tells, it was the first to return: he had the event first. Until it is known,
 * the row is pending: it is listed and has no charges, and stands for a call of
 * its user that is under way still.
 */
#include "calls.h"

/* Is a call under way that may have made this buffer? It began before the row. */
static bool has_rival(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, const void *rb,
		      const struct perfmlock_buffer *data)
{
	const struct perfmlock_call *other;

	for_each_map_of_event(other, ledger, call->event)
		if (other != call && other->rb != rb &&
		    (!data || other->began <= data->id))
			return true;
	return false;
}

static void set_pending(struct perfmlock_buffer *data,
			enum perfmlock_pending pending)
{
	data->pending = pending;
	data->user->under_way++;
}

void perfmlock_no_longer_pending(struct perfmlock_buffer *data)
{
	data->pending = PERFMLOCK_BOOKED;
	data->user->under_way--;
}

/* What the mapping that made the row pending did to U, it being @step. */
void perfmlock_book_pending(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *data,
			    enum perfmlock_step step)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_observation obs = {
		.step = step,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
	};

	obs.user = perfmlock_model_user(perfmlock_model_of(ledger, data->user),
					&obs);
	perfmlock_no_longer_pending(data);
	data->guessed = true;
	data->kernel_user += obs.user;
	data->user->books.kernel += obs.user;
	if (step == PERFMLOCK_REMAP) {
		ledger->totals.remaps++;
		if (ledger->exclusive)
			compare(ledger, &obs, &nothing, data, data->user,
				data->mm);
		return;
	}
	/* all on U: that is what fits where M did not move */
	data->first_user = obs.user;
	data->correct_user = obs.user;
	data->user->books.correct += obs.user;
	data->user->taken += obs.user;
	ledger->totals.mmaps++;
}

static void take_over(struct perfmlock_ledger *ledger,
		      struct perfmlock_call *call,
		      const struct perfmlock_observation *obs, bool as_measured,
		      struct perfmlock_mm *mm, struct perfmlock_buffer *data)
{
	long remapped;

	perfmlock_book_pending(ledger, data, PERFMLOCK_REMAP);
	remapped = data->kernel_user;
	perfmlock_mapped_by(data, call->mm);
	perfmlock_buffer_give(ledger, data, call->user, mm);
	data->maps++;
	ledger->ops->name(&data->pid, data->comm);
	perfmlock_first_map(ledger, call, obs, as_measured, mm, data);
	data->kernel_user += remapped;
}

/* Nobody else is left who may have made it. */
void perfmlock_resolve(struct perfmlock_ledger *ledger,
		       const struct perfmlock_call *call, const void *rb)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (!data || !data->pending || has_rival(ledger, call, rb, data))
		return;
	if (data->pending == PERFMLOCK_MAYBE_FIRST) {
		perfmlock_book_pending(ledger, data, PERFMLOCK_MAP);
		return;
	}
	perfmlock_no_longer_pending(data);
	data->adopted = true;
	ledger->adopted++;
}

/*
 * A close was left open for a perf_mmap() to return with the buffer, or for a
 * close that comes to detach the event. If the event has another one by now, or
 * none, that close was the last, and the kernel did not uncharge: else it would
 * have detached the event itself.
 */
void perfmlock_close_open(struct perfmlock_ledger *ledger, const void *open_rb,
			  const void *rb)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, open_rb);
	if (!data || data->maps)
		return;
	if (open_rb == rb)
		perfmlock_found_mapped(ledger, data);
	else
		perfmlock_buffer_lost(ledger, data);
}

/*
 * A perf_mmap() through the event may be about to return with this buffer, or a
 * close of an earlier one may hold the event back (f91072ed1b72). Returns whether
 * there is one that can.
 */
bool perfmlock_leave_open(struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call,
			  const struct perfmlock_buffer *data)
{
	struct perfmlock_call *other;
	bool open = false;

	for_each_of_event(other, ledger, call->event) {
		if (other == call)
			continue;
		/* the event has moved on: that one nobody can return with */
		if (other->open_rb && other->open_rb != data->node.key)
			perfmlock_close_open(ledger, other->open_rb,
					     data->node.key);
		other->open_rb = data->node.key;
		open = true;
	}
	return open;
}

/*
 * The kernel frees a buffer before its last close has returned, and may use
 * the address again meanwhile: the row is left to the closes that are under
 * way. Returns false if there is none.
 */
static bool displace(struct perfmlock_ledger *ledger,
		     struct perfmlock_buffer *data)
{
	if (!data->closing)
		return false;
	data->maps = data->closing;
	perfmlock_store_unhash(&ledger->buffers, data);
	return true;
}

/* The kernel has made another buffer at its address: it has ended. */
void perfmlock_replaced(struct perfmlock_ledger *ledger,
			struct perfmlock_buffer *data)
{
	if (displace(ledger, data))
		return;
	/* of what events have let go of it was known that it may have */
	if (!data->left)
		perfmlock_unseen(ledger);
	perfmlock_buffer_unseen_end(ledger, data);
}

/* Does another call of the event await the same buffer? */
bool perfmlock_awaits_other(struct perfmlock_ledger *ledger,
			    const struct perfmlock_call *call)
{
	const struct perfmlock_call *other;

	for_each_of_event(other, ledger, call->event)
		if (other != call && other->open_rb == call->open_rb)
			return true;
	return false;
}

/*
 * Did a mapping move U? It is known of who was alone, and where the counter is
 * perf's alone of the last of its user's calls under way: the others are booked.
 */
enum moved {
	MOVED,
	NOT_MOVED,
	MAY_HAVE_MOVED,
};

static enum moved has_moved(const struct perfmlock_ledger *ledger,
			    const struct perfmlock_call *call,
			    const struct perfmlock_observation *obs)
{
	const struct perfmlock_user *user = call->user;
	long counter = call->before.user + obs->user;

	if (call->mover != PERFMLOCK_CALLS)
		return obs->user ? MOVED : NOT_MOVED;
	if (!ledger->exclusive || user->under_way > 1 ||
	    !perfmlock_is_sure(ledger, user) ||
	    perfmlock_is_careful(ledger, user))
		return MAY_HAVE_MOVED;
	return perfmlock_foreign(counter, user->books.kernel) != user->foreign ?
	       MOVED : NOT_MOVED;
}

/*
 * Books a mapping beside which another of the same event was under way.
 * Returns false if nothing is special about it.
 */
bool perfmlock_map_beside_rival(struct perfmlock_ledger *ledger,
				struct perfmlock_call *call,
				struct perfmlock_observation *obs,
				const void *rb, struct perfmlock_mm *mm,
				struct perfmlock_buffer *data)
{
	bool met_it = call->rb == rb, as_measured;
	enum moved moved;

	if (obs->kind == PERFMLOCK_AUX)
		return false;
	moved = has_moved(ledger, call, obs);
	if (!data) {
		if (!has_rival(ledger, call, rb, NULL) || obs->mm > 0 ||
		    (!met_it && moved == MOVED))
			return false;
		data = perfmlock_row_for(ledger, call, PERFMLOCK_DATA, rb, mm);
		if (data)
			set_pending(data, met_it || moved == NOT_MOVED ?
					  PERFMLOCK_NOT_FIRST :
					  PERFMLOCK_MAYBE_FIRST);
		else
			perfmlock_unsure(ledger, call->user);
		return true;
	}
	if (!data->pending || met_it || call->began > data->id)
		return false;
	if (obs->mm <= 0 && (has_rival(ledger, call, rb, data) ||
			     (data->pending == PERFMLOCK_MAYBE_FIRST &&
			      moved != MOVED)))
		return false;
	obs->step = PERFMLOCK_MAP;
	as_measured = attribute(ledger, call, obs, false);
	take_over(ledger, call, obs, as_measured, mm, data);
	return true;
}
