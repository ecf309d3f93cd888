// SPDX-License-Identifier: GPL-2.0
/*
 * Two that map or unmap the same event at once.
 *
 * One of them made the buffer and was charged, and may return last. Who met
 * the buffer when it began did not make it; whose M moved did, for no kernel
 * has ever put a re-map on M; nor did he whose U it left alone; and whose U took
 * all of it did, unless the kernel charges re-maps. While that is not known he is
 * thought to have, and where nothing tells, he who returned first, if he can have:
 * he had the event first. Until it is known, the row is pending: it is listed and
 * has no charges, and stands for a call of its user that is under way still.
 */
#include "calls.h"

/* Is a call under way that may have made this buffer? It began before the row. */
static bool has_rival(const struct perfmlock_ledger *ledger,
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
	struct perfmlock_charge right = {};

	obs.user = perfmlock_model_user(perfmlock_model_of(ledger, data->user),
					&obs);
	/* he may have been charged for it, though the rule thinks nothing of that */
	if (step == PERFMLOCK_REMAP && !obs.user && !data->still)
		data->user->remapped += data->pages;
	perfmlock_no_longer_pending(data);
	data->guessed = true;
	perfmlock_on_user(data, obs.user);
	data->user->books.kernel += obs.user;
	if (step == PERFMLOCK_REMAP) {
		ledger->totals.remaps++;
		note(ledger, NULL, &obs, &nothing, data, false);
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
	right.user = obs.user;
	note(ledger, NULL, &obs, &right, data, false);
}

/**
 * perfmlock_nobody_is_left() - who made a pending buffer will not be told any more
 * @ledger: the ledger
 * @data: its row
 * @his: who returned with it first has made it; else that is not known
 *
 * Context: any; the lock is held.
 */
void perfmlock_nobody_is_left(struct perfmlock_ledger *ledger,
			      struct perfmlock_buffer *data, bool his)
{
	if (his) {
		perfmlock_book_pending(ledger, data, PERFMLOCK_MAP);
		return;
	}
	perfmlock_no_longer_pending(data);
	perfmlock_adopt(ledger, data);
	perfmlock_unsure(ledger, data->user);
}

/**
 * perfmlock_was_his() - had he made a pending buffer who returned with it first?
 * @data: its row
 * @others: another that he met it by can have, and is told of no more
 *
 * Of what has ended none can: he would map it still. But one that fails late has
 * unmapped it himself (since f74b9f4ba63f).
 *
 * Context: any; the lock is held.
 *
 * Return: whether.
 */
bool perfmlock_was_his(const struct perfmlock_buffer *data, bool others)
{
	return data->pending == PERFMLOCK_MAYBE_FIRST ||
	       (data->pending == PERFMLOCK_NOT_FIRST && !others);
}

/* A perf_mmap() of the event has returned: is there another that may have made it? */
void perfmlock_resolve(struct perfmlock_ledger *ledger,
		       const struct perfmlock_call *call, const void *rb)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (data && data->pending && !has_rival(ledger, call, rb, data))
		perfmlock_nobody_is_left(ledger, data,
					 perfmlock_was_his(data, true));
}

/* One that is told of no more may have made what is pending, or he of whom it is. */
void perfmlock_anyones(struct perfmlock_ledger *ledger,
		       struct perfmlock_buffer *data)
{
	if (data->pending == PERFMLOCK_MAYBE_FIRST) {
		data->user->mapping -= data->pages;
		perfmlock_unsure(ledger, data->user);
	}
	data->pending = PERFMLOCK_UNSEEN_FIRST;
}

/* Nobody will return with it any more. */
static void no_more_awaited(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *buffer)
{
	/* who made it, and who closed it last, may both have been missed */
	if (buffer->pending)
		perfmlock_nobody_is_left(ledger, buffer,
					 !ledger->careful && !ledger->busy &&
					 perfmlock_was_his(buffer, false));
	/* what was charged is foreign, and may be there or not */
	if (buffer->adopted)
		perfmlock_unsure(ledger, buffer->user);
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
	struct perfmlock_charge charged;

	no_more_awaited(ledger, buffer);
	if (!buffer->adopted) {
		charged.user = -buffer->first_user;
		charged.mm = -buffer->kernel_mm;
		perfmlock_compare(ledger, &nothing_done, &charged,
				  PERFMLOCK_LOST_UNCHARGE, buffer, buffer->user,
				  buffer->mm);
	}
	perfmlock_buffer_drop(ledger, buffer);
}

/*
 * It is gone, and a perf_mmap() that has failed was its end, by M; or it was lost,
 * where all was on U: that tells then.
 */
static void lost_or_failed(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call,
			   struct perfmlock_buffer *buffer)
{
	struct perfmlock_user *user = buffer->user;

	no_more_awaited(ledger, buffer);
	if (!buffer->adopted)
		perfmlock_uncharged_on(ledger, buffer, call->mm);
	perfmlock_buffer_drop(ledger, buffer);
	settle_if_quiet(ledger, user);
}

/* Can a call have made what the event had, or has, and the books have @data of? */
static bool may_have_made(const struct perfmlock_call *call, const void *rb,
			  const struct perfmlock_buffer *data)
{
	return !call->pgoff && call->rb != rb &&
	       (!data || call->began <= data->id);
}

/*
 * A perf_mmap() beside others of its event has failed for want of memory. It may have
 * mapped a buffer, and made it even, and has unmapped it itself then (since
 * f74b9f4ba63f). Returns whether what it was charged may have stayed for others.
 */
bool perfmlock_failed_late(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call, const void *rb,
			   long mm)
{
	struct perfmlock_buffer *data;

	/* the event has let go of it: if M was charged and stood still, it is lost */
	if (call->open_rb && call->open_rb != rb) {
		data = perfmlock_store_find(&ledger->buffers, call->open_rb);
		if (data && !data->maps && mm == -data->first_mm)
			lost_or_failed(ledger, call, data);
	}
	data = perfmlock_store_find(&ledger->buffers, rb);
	if (!rb || !may_have_made(call, rb, data) ||
	    perfmlock_model_of(ledger, call->user)->remap_charges)
		return false;
	if (data && data->pending)
		perfmlock_anyones(ledger, data);
	return !data || data->pending;
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

/* Does another call of the event await the same buffer? */
bool perfmlock_awaits_other(const struct perfmlock_ledger *ledger,
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
	/* without what repair had on it */
	long counter = call->before.user - call->repaired_user + obs->user;

	/* whose M did not move was charged all of it, and strangers may move it too */
	if (call->mover != PERFMLOCK_CALLS && obs->user == obs->pages)
		return MOVED;
	if (call->mover != PERFMLOCK_CALLS)
		return obs->user ? MAY_HAVE_MOVED : NOT_MOVED;
	if (!ledger->exclusive || user->under_way > 1 ||
	    !perfmlock_is_sure(ledger, user) ||
	    perfmlock_is_careful(ledger, user))
		return MAY_HAVE_MOVED;
	return perfmlock_foreign(counter, user->books.kernel) != user->foreign ?
	       MOVED : NOT_MOVED;
}

/**
 * perfmlock_who_made() - is a perf_mmap() beside others of its event the first one
 * @ledger: the ledger
 * @call: the call
 * @obs: the step as measured
 * @rb: the event's buffer now
 * @data: its row; NULL: the books have none
 *
 * Context: any; the lock is held.
 *
 * Return: what to make of it.
 */
enum perfmlock_maker
perfmlock_who_made(const struct perfmlock_ledger *ledger,
		   const struct perfmlock_call *call,
		   const struct perfmlock_observation *obs, const void *rb,
		   const struct perfmlock_buffer *data)
{
	enum moved moved = has_moved(ledger, call, obs);
	const struct perfmlock_model *rule =
		perfmlock_model_of(ledger, call->user);
	bool u_tells = moved == MOVED && !rule->remap_charges;
	bool met_it = call->rb == rb;

	if (!data) {
		if (!has_rival(ledger, call, rb, NULL) || obs->mm > 0 ||
		    (!met_it && u_tells))
			return PERFMLOCK_AS_ALONE;
		if (moved == NOT_MOVED)
			return PERFMLOCK_RIVAL_MADE_IT;
		return met_it ? PERFMLOCK_MET_IT : PERFMLOCK_EITHER_MADE_IT;
	}
	if (!data->pending || met_it || call->began > data->id)
		return PERFMLOCK_AS_ALONE;
	if (obs->mm > 0 || (u_tells && !perfmlock_may_charge_remaps(ledger)))
		return PERFMLOCK_MADE_IT;
	/* two that were charged: this kernel charges re-maps */
	if (moved == NOT_MOVED || (moved == MOVED && data->charged))
		return PERFMLOCK_AS_ALONE;
	if (has_rival(ledger, call, rb, data)) {
		if (moved == MOVED && (data->pending == PERFMLOCK_NOT_FIRST ||
				       !rule->remap_charges))
			return PERFMLOCK_WAS_CHARGED;
		return rule->remap_charges ? PERFMLOCK_AS_ALONE :
					     PERFMLOCK_EITHER_MADE_IT;
	}
	if (data->pending == PERFMLOCK_MAYBE_FIRST)
		return u_tells ? PERFMLOCK_MADE_IT : PERFMLOCK_AS_ALONE;
	return data->pending == PERFMLOCK_NOT_FIRST || rule->remap_charges ?
	       PERFMLOCK_MADE_IT : PERFMLOCK_ANY_MADE_IT;
}
