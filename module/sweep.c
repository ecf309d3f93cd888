// SPDX-License-Identifier: GPL-2.0
/*
 * Walks through all processes' mappings: to learn what was mapped before the
 * load, and what came and went while probes were missed.
 */
#include "books.h"

/**
 * perfmlock_sweep_begin() - a walk begins
 * @ledger: the ledger
 *
 * Context: any; takes the lock. One walk at a time.
 */
void perfmlock_sweep_begin(struct perfmlock_ledger *ledger)
{
	raw_spin_lock(&ledger->lock);
	ledger->sweep++;
	raw_spin_unlock(&ledger->lock);
}

/* The mappings of an adopted buffer are counted anew by each walk. */
static void meet(const struct perfmlock_ledger *ledger,
		 struct perfmlock_buffer *buffer)
{
	if (buffer->adopted)
		buffer->maps = buffer->sweep == ledger->sweep ?
			       buffer->maps + 1 : 1;
	buffer->sweep = ledger->sweep;
}

/* The caller has made sure that there is memory. */
static struct perfmlock_buffer *
adopt_row(struct perfmlock_ledger *ledger, const void *rb,
	  enum perfmlock_kind kind, const struct perfmlock_actor *actor,
	  struct perfmlock_user *user, struct perfmlock_mm *mm,
	  const struct perfmlock_event *event, unsigned long pgoff, u32 pages)
{
	struct perfmlock_buffer *buffer;

	buffer = perfmlock_buffer_new(ledger, rb, kind, user, mm, pgoff, pages);
	buffer->adopted = true;
	buffer->event = *event;
	buffer->pid = actor->pid;
	memcpy(buffer->comm, actor->comm, sizeof(buffer->comm));
	ledger->adopted++;
	return buffer;
}

/**
 * perfmlock_sweep_meet() - a mapping was met
 * @ledger: the ledger
 * @actor: whose it is
 * @mm: its mm
 * @rb: its buffer
 * @pgoff: of the mapping
 * @pages: of the mapping
 * @event: through which event
 *
 * A buffer that the books do not have is adopted: it is listed, and what the
 * kernel charged for it stays with the foreign pages.
 *
 * Context: any; the ledger's lock is held.
 *
 * Return: false if there is no memory for it (counted).
 */
bool perfmlock_sweep_meet(struct perfmlock_ledger *ledger,
			  const struct perfmlock_actor *actor, const void *mm,
			  const void *rb, unsigned long pgoff, u32 pages,
			  const struct perfmlock_event *event)
{
	enum perfmlock_kind kind = perfmlock_kind_of(pgoff);
	struct perfmlock_buffer *data, *buffer;
	struct perfmlock_user *user;
	struct perfmlock_mm *book;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (data && kind == PERFMLOCK_DATA) {
		meet(ledger, data);
		if (!data->pages)
			data->pages = pages;
		return true;
	}
	if (data && data->aux) {
		meet(ledger, data);
		meet(ledger, data->aux);
		return true;
	}

	if (ledger->buffers.nr_free < 2 || !ledger->mms.nr_free ||
	    !ledger->users.nr_free) {
		ledger->totals.pool_empty++;
		return false;
	}
	user = perfmlock_books_of_user(ledger, actor->user, actor);
	book = perfmlock_books_of_mm(ledger, mm, actor);
	if (!data) {
		data = adopt_row(ledger, rb, PERFMLOCK_DATA, actor, user, book,
				 event, 0, pgoff ? 0 : pages);
		if (kind == PERFMLOCK_DATA)
			return true;
	} else {
		data->maps++;
	}
	buffer = adopt_row(ledger, rb, PERFMLOCK_AUX, actor, user, book, event,
			   pgoff, pages);
	buffer->aux = data;
	data->aux = buffer;
	return true;
}

/**
 * perfmlock_sweep_end() - the walk met every mapping that there was
 * @ledger: the ledger
 *
 * Buffers that it did not meet, and that no call touched meanwhile, are gone.
 *
 * Context: process; takes the lock.
 */
void perfmlock_sweep_end(struct perfmlock_ledger *ledger)
{
	struct perfmlock_buffer *buffer, *next;

	raw_spin_lock(&ledger->lock);
	ledger->walked = true;
	buffer = perfmlock_store_next(&ledger->buffers, NULL);
	while (buffer) {
		next = perfmlock_store_next(&ledger->buffers, &buffer->node);
		if (buffer->kind == PERFMLOCK_DATA &&
		    buffer->sweep != ledger->sweep) {
			/* an AUX area goes with its data */
			if (next && next == buffer->aux)
				next = perfmlock_store_next(&ledger->buffers,
							    &next->node);
			perfmlock_buffer_stale(ledger, buffer);
		}
		buffer = next;
	}
	raw_spin_unlock(&ledger->lock);
}
