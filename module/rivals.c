// SPDX-License-Identifier: GPL-2.0
/*
 * Two that map or unmap the same event at once.
 *
 * One of them made the buffer and was charged, and may return last. Who met
 * the buffer when it began did not make it; whose M moved did, for no kernel
 * has ever put a re-map on M. Until it is known, the row is pending: it is
 * listed and has no charges.
 */
#include <linux/bitmap.h>

#include "calls.h"

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

	perfmlock_book_pending(ledger, data, PERFMLOCK_REMAP);
	remapped = data->kernel_user;
	data->user->books.buffers--;
	data->mm->books.buffers--;
	data->user = call->user;
	data->mm = mm;
	data->user->books.buffers++;
	data->mm->books.buffers++;
	data->maps++;
	ledger->ops->name(&data->pid, data->comm);
	perfmlock_first_map(ledger, call, obs, mm, data);
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
	data->pending = PERFMLOCK_BOOKED;
	data->adopted = true;
	ledger->adopted++;
}

/*
 * A close was left open for a perf_mmap() to return with the buffer. If none
 * did, that close was the last, and the kernel did not uncharge: else it would
 * have detached the event.
 */
void perfmlock_close_open(struct perfmlock_ledger *ledger, const void *rb)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (data && !data->maps)
		perfmlock_buffer_lost(ledger, data);
}

/* A perf_mmap() through the event may be about to return with this buffer. */
bool perfmlock_leave_open(struct perfmlock_ledger *ledger,
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
			perfmlock_close_open(ledger, other->open_rb);
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
bool perfmlock_displace(struct perfmlock_ledger *ledger,
			struct perfmlock_buffer *data)
{
	struct perfmlock_call *other;
	unsigned int i, closes = 0;

	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other->maps || other->rb != data->node.key ||
		    other->displaced)
			continue;
		other->displaced = data;
		closes++;
	}
	if (!closes)
		return false;
	data->maps = closes;
	perfmlock_store_unhash(&ledger->buffers, data);
	return true;
}

/* Does another perf_mmap() await the same buffer? */
bool perfmlock_awaits_other(const struct perfmlock_ledger *ledger,
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
bool perfmlock_map_beside_rival(struct perfmlock_ledger *ledger,
				struct perfmlock_call *call,
				struct perfmlock_observation *obs,
				const void *rb, struct perfmlock_mm *mm,
				struct perfmlock_buffer *data)
{
	bool met_it = call->rb == rb;

	if (obs->kind == PERFMLOCK_AUX)
		return false;
	if (!data) {
		if (!has_rival(ledger, call, rb, NULL) || obs->mm ||
		    (!met_it && !call->overlap && obs->user))
			return false;
		data = perfmlock_row_for(ledger, call, PERFMLOCK_DATA, rb, mm);
		if (data)
			data->pending = met_it ? PERFMLOCK_NOT_FIRST :
						 PERFMLOCK_MAYBE_FIRST;
		return true;
	}
	if (!data->pending || met_it || call->began > data->id ||
	    (!obs->mm && has_rival(ledger, call, rb, data)))
		return false;
	obs->step = PERFMLOCK_MAP;
	obs->user = change_of_user(ledger, call, obs, obs->user);
	take_over(ledger, call, obs, mm, data);
	return true;
}
