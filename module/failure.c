// SPDX-License-Identifier: GPL-2.0
/*
 * Why perf_mmap() failed where the accounting had no part in it. It does not say;
 * it is told from what it looks at, in its order.
 */
#include <linux/errno.h>
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

static bool equal_failures(const void *a, const void *b)
{
	const struct perfmlock_failure *x = a, *y = b;

	return x->actor.uid == y->actor.uid && x->actor.pid == y->actor.pid &&
	       x->kind == y->kind && x->pages == y->pages &&
	       x->error == y->error && x->why == y->why &&
	       x->event.type == y->event.type &&
	       x->event.config == y->event.config &&
	       x->event.cpu == y->event.cpu;
}

static void record(struct perfmlock_ledger *ledger,
		   struct perfmlock_failure *failure)
{
	perfmlock_history_add(&ledger->failures, failure->actor.group,
			      jhash_3words(failure->actor.pid, failure->pages,
					   failure->error, failure->why),
			      failure, equal_failures, NULL);
}

/* Of a data buffer: 1 + 2^k pages, or the control page alone. */
static enum perfmlock_why bad_data(const struct perfmlock_buffer *data,
				   long pages)
{
	if (pages > 1 && !is_power_of_2(pages - 1))
		return PERFMLOCK_WHY_SIZE;
	if (data && data->pages && data->pages != pages)
		return PERFMLOCK_WHY_OTHER_SIZE;
	return PERFMLOCK_WHY_UNKNOWN;
}

/* Of an AUX area: 2^k pages, behind the data, where the control page says. */
static enum perfmlock_why bad_aux(const struct perfmlock_buffer *data,
				  const struct perfmlock_call *call)
{
	if (!call->rb)
		return PERFMLOCK_WHY_NO_DATA;
	if (data && data->aux && data->aux->pgoff != call->pgoff)
		return PERFMLOCK_WHY_AUX_ELSEWHERE;
	if (data && data->aux && data->aux->pages != call->pages)
		return PERFMLOCK_WHY_OTHER_SIZE;
	if (!is_power_of_2(call->pages))
		return PERFMLOCK_WHY_SIZE;
	return PERFMLOCK_WHY_AUX_PLACE;
}

static enum perfmlock_why why_invalid(struct perfmlock_ledger *ledger,
				      const struct perfmlock_call *call,
				      const struct perfmlock_failure *failure)
{
	const struct perfmlock_buffer *data = NULL;
	struct perfmlock_nature nature;

	ledger->ops->nature(call->event, &nature);
	if (nature.inherits && failure->event.cpu == -1)
		return PERFMLOCK_WHY_INHERIT;
	if (call->private)
		return PERFMLOCK_WHY_PRIVATE;
	if (call->rb)
		data = perfmlock_store_find(&ledger->buffers, call->rb);
	return failure->kind == PERFMLOCK_DATA ? bad_data(data, call->pages) :
						 bad_aux(data, call);
}

/*
 * An array of the pages' addresses is what kmalloc() has to give (rb_alloc(),
 * rb_alloc_aux()). An AUX area's pages are its driver's matter, which may as well
 * not want them.
 */
static enum perfmlock_why why_no_memory(const struct perfmlock_failure *failure)
{
	if (failure->pages > KMALLOC_MAX_SIZE / (long)sizeof(void *))
		return PERFMLOCK_WHY_TOO_LARGE;
	return failure->kind == PERFMLOCK_AUX ? PERFMLOCK_WHY_NO_MEMORY_OR_PMU :
						PERFMLOCK_WHY_NO_MEMORY;
}

static enum perfmlock_why why(struct perfmlock_ledger *ledger,
			      const struct perfmlock_call *call,
			      const struct perfmlock_failure *failure)
{
	struct perfmlock_nature nature;

	switch (failure->error) {
	case EINVAL:
		return why_invalid(ledger, call, failure);
	case EOPNOTSUPP:
		ledger->ops->nature(call->event, &nature);
		return nature.has_aux ? PERFMLOCK_WHY_UNKNOWN :
					PERFMLOCK_WHY_NO_AUX;
	case ENOMEM:
		return why_no_memory(failure);
	case EBUSY:
		return PERFMLOCK_WHY_REDIRECTED;
	case EACCES:
		return PERFMLOCK_WHY_SECURITY;
	case ENODEV:
		return PERFMLOCK_WHY_REVOKED;
	default:
		return PERFMLOCK_WHY_UNKNOWN;
	}
}

/**
 * perfmlock_failed() - perf_mmap() said something that is not the accounting's
 * @ledger: the ledger
 * @call: the call
 * @ret: what it said, negative
 *
 * Context: any; the lock is held.
 */
void perfmlock_failed(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, int ret)
{
	struct perfmlock_failure failure = {
		.kind = perfmlock_kind_of(call->pgoff),
		.pages = call->pages,
		.error = -ret,
	};

	ledger->ops->caller(&failure.actor);
	ledger->ops->scene(&failure.scene);
	ledger->ops->event(call->event, &failure.event);
	failure.why = why(ledger, call, &failure);
	record(ledger, &failure);
}

/**
 * perfmlock_split_refused() - a mapping was not split
 * @ledger: the ledger
 * @event: of which it is a mapping
 * @pgoff: of the mapping
 * @pages: of the mapping
 *
 * Part of it was to be unmapped, moved, mapped over, or protected. Kernels that
 * refuse this (since v6.18 and in stable series) do so before perf_mmap() is entered.
 *
 * Context: any; takes the lock.
 */
void perfmlock_split_refused(struct perfmlock_ledger *ledger,
			     const void *event, unsigned long pgoff, long pages)
{
	struct perfmlock_failure failure = {
		.kind = perfmlock_kind_of(pgoff),
		.pages = pages,
		.error = EINVAL,
		.why = PERFMLOCK_WHY_SPLIT,
	};
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	ledger->ops->caller(&failure.actor);
	ledger->ops->scene(&failure.scene);
	ledger->ops->event(event, &failure.event);
	record(ledger, &failure);
	ledger->totals.splits_refused++;
	perfmlock_unlock(ledger, flags);
}
