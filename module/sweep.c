// SPDX-License-Identifier: GPL-2.0
/*
 * Walks through all processes' mappings: to learn what was mapped before the
 * load, and what came and went while probes were missed.
 */
#include <linux/sched.h>

#include "internal.h"

/**
 * perfmlock_sweep_begin() - a walk begins
 * @ledger: the ledger
 *
 * Context: any; takes the lock. One walk at a time.
 */
void perfmlock_sweep_begin(struct perfmlock_ledger *ledger)
{
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	ledger->sweep++;
	ledger->swept_from = ledger->next_id;
	ledger->walking = true;
	ledger->misses_before = ledger->misses;
	ledger->doubts_before = ledger->doubts;
	perfmlock_unlock(ledger, flags);
}

/* What this walk itself has adopted has no number of mappings but those it met. */
static void meet(struct perfmlock_ledger *ledger,
		 struct perfmlock_buffer *buffer)
{
	if (buffer->sweep != (u16)ledger->sweep) {
		buffer->sweep = ledger->sweep;
		buffer->touched = false;
		buffer->met = 0;
	}
	buffer->left = false;
	buffer->met++;
	if (buffer->adopted && buffer->id >= ledger->swept_from)
		buffer->maps++;
	/* a call has counted some of them already, or not: another walk is to tell */
	if (buffer->adopted && buffer->touched)
		ledger->unsettled = true;
}

/*
 * Has a call, or this walk, met a mapping of the data itself? An AUX area does not
 * tell its size.
 */
static bool is_met_itself(const struct perfmlock_ledger *ledger,
			  const struct perfmlock_buffer *data)
{
	const struct perfmlock_buffer *aux = data->aux;

	return data->sweep == (u16)ledger->sweep &&
	       (data->touched || !aux || aux->sweep != (u16)ledger->sweep ||
		data->met != aux->met);
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
	buffer->touched = false;
	buffer->met = 1;
	buffer->event = *event;
	buffer->pid = actor->pid;
	memcpy(buffer->comm, actor->comm, sizeof(buffer->comm));
	perfmlock_adopt(ledger, buffer);
	perfmlock_audit_finds(ledger, buffer, PERFMLOCK_FOUND_MISSING, "pages",
			      0, pages);
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
 * Return: false if there is no memory ready for it.
 */
bool perfmlock_sweep_meet(struct perfmlock_ledger *ledger,
			  const struct perfmlock_actor *actor, const void *mm,
			  const void *rb, unsigned long pgoff, u32 pages,
			  const struct perfmlock_event *event)
{
	struct perfmlock_buffer *data, *buffer;
	struct perfmlock_user *user;
	enum perfmlock_kind kind;
	struct perfmlock_mm *book;

	if (unlikely(ledger->audit))
		ledger->audit->mappings++;
	data = perfmlock_store_find(&ledger->buffers, rb);
	kind = perfmlock_kind_met(data, pgoff);
	if (data && perfmlock_is_another(data, pgoff, pages) &&
	    !is_met_itself(ledger, data)) {
		perfmlock_audit_finds(ledger, data, PERFMLOCK_FOUND_PAGES,
				      "pages", data->pages, pages);
		/* the area that was met before is for the next walk */
		if (data->sweep == (u16)ledger->sweep)
			perfmlock_doubt(ledger);
		perfmlock_replaced(ledger, data);
		data = NULL;
		kind = perfmlock_kind_of(pgoff);
	}
	if (data)
		perfmlock_mapped_by(data, mm);
	if (data && kind == PERFMLOCK_DATA) {
		meet(ledger, data);
		if (!data->pages)
			perfmlock_adopt_data(ledger, data, pages);
		return true;
	}
	if (data && data->aux) {
		meet(ledger, data);
		meet(ledger, data->aux);
		return true;
	}

	if (ledger->buffers.nr_free < 2 || !ledger->mms.nr_free ||
	    !ledger->users.nr_free)
		return false;
	user = perfmlock_user_row(ledger, actor->user, actor);
	book = perfmlock_mm_row(ledger, mm, actor);
	if (!data) {
		data = adopt_row(ledger, rb, PERFMLOCK_DATA, actor, user, book,
				 event, 0, pgoff ? 0 : pages);
		if (kind == PERFMLOCK_DATA)
			return true;
	} else {
		meet(ledger, data);
		data->maps += !data->adopted;
	}
	buffer = adopt_row(ledger, rb, PERFMLOCK_AUX, actor, user, book, event,
			   pgoff, pages);
	buffer->aux = data;
	data->aux = buffer;
	return true;
}

/**
 * perfmlock_sweep_claim() - one process looks through an mm, be it shared or not
 * @ledger: the ledger
 * @actor: the process
 * @mm: its mm, which maps something of perf's
 * @taken: result: another process has claimed it in this walk
 *
 * Context: any; the ledger's lock is held.
 *
 * Return: false if there is no memory ready for its row.
 */
bool perfmlock_sweep_claim(struct perfmlock_ledger *ledger,
			   const struct perfmlock_actor *actor, const void *mm,
			   bool *taken)
{
	struct perfmlock_mm *row = perfmlock_store_find(&ledger->mms, mm);

	if (!row && !ledger->mms.nr_free)
		return false;
	if (!row) {
		row = perfmlock_mm_row(ledger, mm, actor);
		row->visited = ledger->sweep - 1;
	}
	*taken = row->claimed == ledger->sweep && row->claimed_by != actor->pid;
	if (!*taken) {
		row->claimed = ledger->sweep;
		row->claimed_by = actor->pid;
	}
	return true;
}

/**
 * perfmlock_sweep_busy() - a process was busy until the end of the walk
 * @ledger: the ledger
 * @user: key of somebody's of it
 *
 * A perf_mmap() of it that was missed may be under way still: its user's counter
 * may move beside what is seen, until a walk has met it. Who has no row yet is
 * taken for busy when he gets one.
 *
 * Context: any; takes the lock.
 */
void perfmlock_sweep_busy(struct perfmlock_ledger *ledger, const void *user)
{
	struct perfmlock_user *row;
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	row = perfmlock_store_find(&ledger->users, user);
	/* where nothing was missed since, it is the same call or none */
	if (row && perfmlock_is_careful(ledger, row)) {
		row->busy = true;
		row->busy_at = ledger->sweep;
	}
	perfmlock_unlock(ledger, flags);
}

/**
 * perfmlock_sweep_knows() - do the books have an mm
 * @ledger: the ledger
 * @mm: its key
 *
 * Where they do, a close may be under way that nobody saw begin: who looks
 * through its mappings has to make sure.
 *
 * Context: any; takes the lock.
 *
 * Return: true if so.
 */
bool perfmlock_sweep_knows(struct perfmlock_ledger *ledger, const void *mm)
{
	unsigned long flags;
	bool knows;

	perfmlock_lock(ledger, flags);
	knows = perfmlock_store_find(&ledger->mms, mm);
	perfmlock_unlock(ledger, flags);
	return knows;
}

/**
 * perfmlock_sweep_visited() - all mappings of an mm were looked through
 * @ledger: the ledger
 * @mm: its key
 *
 * No close of a mapping of it was under way at some moment since.
 *
 * Context: any; takes the lock.
 */
void perfmlock_sweep_visited(struct perfmlock_ledger *ledger, const void *mm)
{
	struct perfmlock_mm *row;
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	row = perfmlock_store_find(&ledger->mms, mm);
	if (row)
		row->visited = ledger->sweep;
	perfmlock_unlock(ledger, flags);
}

/**
 * struct settling - what came of a walk
 * @known: all that is mapped by anybody is known: every process was met, and of
 *	   what has no process any more all is closed
 * @whole: and so is what was mapped before the load, but by who is dead and has not
 *	   closed it: nobody went away in the middle of what he looked through
 * @all: and all buffers are told apart: those that are mapped, and those that
 *	 have ended
 * @unsettled: the ledger's
 * @awaited_from: who has made a pending buffer of this id, or of a later one, may be
 *		  in perf_mmap() still: he began before there was a row
 */
struct settling {
	bool known;
	bool whole;
	bool all;
	bool unsettled;
	u64 awaited_from;
};

/*
 * Has the walk looked through all that an mm maps, or has it nothing any more?
 * That a process cannot be found is no proof: one that exits cannot be walked,
 * and one whose memory somebody else holds is not even listed.
 */
static bool is_known(const struct perfmlock_ledger *ledger,
		     const struct perfmlock_mm *mm)
{
	return mm->visited == ledger->sweep ||
	       ledger->ops->mm_closed(mm->node.key);
}

static void look_at_mm(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	const struct perfmlock_mm *mm = record;
	struct settling *settling = arg;

	if (mm->claimed == ledger->sweep && mm->visited != ledger->sweep)
		settling->whole = false;
	if (!is_known(ledger, record)) {
		settling->known = false;
		settling->all = false;
	}
}

/* Who was busy, and is not any more: what is under way has begun beside others. */
static void look_at_user(struct perfmlock_ledger *ledger, void *record,
			 void *arg)
{
	struct perfmlock_user *user = record;

	if (!user->busy || user->busy_at == ledger->sweep)
		return;
	user->busy = false;
	user->begun++;
	perfmlock_unsure(ledger, user);
}

/*
 * A mapping of it may have come or gone unseen before the walk. Those that came or
 * went during it the walk may have met or not, and those that are going it has not.
 * Returns whether its count is right.
 */
static bool settle_count(struct perfmlock_ledger *ledger,
			 struct perfmlock_buffer *buffer)
{
	if (buffer->touched || perfmlock_data_of(buffer)->closing) {
		if (unlikely(ledger->audit))
			ledger->audit->moved++;
		return !buffer->adopted && buffer->id >= ledger->swept_from;
	}
	if (buffer->maps == buffer->met)
		return true;
	if (ledger->misses != ledger->misses_before) {
		if (unlikely(ledger->audit))
			ledger->audit->skipped++;
		return true;
	}
	perfmlock_audit_finds(ledger, buffer, PERFMLOCK_FOUND_MAPS, "maps",
			      buffer->maps, buffer->met);
	buffer->maps = buffer->met;
	perfmlock_proof_inferred(ledger, perfmlock_data_of(buffer));
	ledger->totals.resynced += !buffer->adopted;
	return true;
}

/* A buffer is told by what the walk met if all is known of whoever may map it. */
static void settle(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	struct perfmlock_buffer *buffer = record;
	const struct perfmlock_buffer *data = perfmlock_data_of(buffer);
	struct settling *settling = arg;

	if (buffer->sweep == (u16)ledger->sweep && buffer->pending &&
	    !buffer->closing && buffer->id < settling->awaited_from)
		perfmlock_nobody_is_left(ledger, buffer,
					 perfmlock_was_his(buffer, true));
	/* nothing was missed: what was seen is as it was counted */
	if (!settling->unsettled && !buffer->adopted)
		return;
	/* what was missed may have ended it, and made another at its address */
	if (buffer->proven && ledger->careful)
		perfmlock_proof_void(ledger, buffer);
	if (!settling->known && (data->shared || !is_known(ledger, data->mm))) {
		if (unlikely(ledger->audit))
			ledger->audit->skipped++;
		return;
	}
	if (buffer->sweep == (u16)ledger->sweep) {
		settling->all &= settle_count(ledger, buffer);
	} else if (data->closing ||
		   (data->pending && data->id >= settling->awaited_from)) {
		settling->all = false;
	} else {
		perfmlock_audit_finds(ledger, buffer, PERFMLOCK_FOUND_ENDED,
				      "pages", buffer->pages, 0);
		perfmlock_buffer_unseen_end(ledger, buffer);
	}
}

/* The first row that a perf_mmap() under way, or to come, can have to do with. */
static u64 first_awaited(struct perfmlock_ledger *ledger)
{
	const struct perfmlock_call *call;
	unsigned long flags;
	unsigned int i;
	u64 first;

	perfmlock_lock(ledger, flags);
	first = ledger->next_id;
	for (i = 0; ledger->nr_active && i < ARRAY_SIZE(ledger->by_event); i++)
		hlist_for_each_entry(call, &ledger->by_event[i], by_event)
			if (call->maps)
				first = min(first, call->began);
	perfmlock_unlock(ledger, flags);
	return first;
}

/**
 * perfmlock_sweep_end() - the walk is over
 * @ledger: the ledger
 * @met: whose mappings it met: of enum perfmlock_met
 *
 * If calls were missed before it, buffers that are gone are dropped, and the
 * books are exact again when none were missed since it began. What may be mapped
 * by who was busy is left as it is until he is met; but nobody keeps the books of
 * other users careful by being busy.
 *
 * Context: process, may sleep; takes the lock, for some rows at a time.
 *
 * Return: true if no further walk is needed.
 */
bool perfmlock_sweep_end(struct perfmlock_ledger *ledger, unsigned int met)
{
	struct settling settling = {
		.known = met & PERFMLOCK_MET_ALL,
		.whole = met & PERFMLOCK_MET_ALL,
		.all = true,
		.unsettled = READ_ONCE(ledger->unsettled),
		.awaited_from = first_awaited(ledger),
	};
	unsigned long flags;
	bool done;

	perfmlock_for_all(ledger, &ledger->mms, look_at_mm, &settling);
	perfmlock_for_all(ledger, &ledger->buffers, settle, &settling);
	if ((READ_ONCE(ledger->busy) || READ_ONCE(ledger->careful)) &&
	    met != PERFMLOCK_MET_SOME)
		perfmlock_for_all(ledger, &ledger->users, look_at_user, NULL);
	perfmlock_lock(ledger, flags);
	done = met & PERFMLOCK_MET_ALL && settling.all &&
	       ledger->misses == ledger->misses_before &&
	       ledger->doubts == ledger->doubts_before;
	if (settling.whole && ledger->doubts == ledger->doubts_before)
		ledger->walked = true;
	if (met != PERFMLOCK_MET_SOME)
		ledger->busy = met & PERFMLOCK_MARKED &&
			       (ledger->careful || ledger->busy);
	if (ledger->careful && ledger->misses == ledger->misses_before &&
	    met != PERFMLOCK_MET_SOME) {
		ledger->careful = false;
		/* each user's counter is taken as it is, once more */
		ledger->unseen++;
	}
	if (done)
		ledger->unsettled = false;
	ledger->walking = false;
	perfmlock_unlock(ledger, flags);
	return done;
}

static void look_for_dead(struct perfmlock_ledger *ledger, void *record,
			  void *none)
{
	const struct perfmlock_buffer *data = record;

	if (data->kind == PERFMLOCK_DATA && !data->shared && !data->closing &&
	    !data->pending && ledger->ops->mm_closed(data->mm->node.key))
		*(bool *)none = false;
}

/**
 * perfmlock_sweep_doubt() - perfmlock_doubt(), for who does not hold the lock
 * @ledger: the ledger
 *
 * Context: any; takes the lock.
 */
void perfmlock_sweep_doubt(struct perfmlock_ledger *ledger)
{
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	perfmlock_doubt(ledger);
	perfmlock_unlock(ledger, flags);
}

/**
 * perfmlock_sweep_dead() - is a buffer listed that nobody maps any more
 * @ledger: the ledger
 *
 * Then its end was not seen, as while probes were switched off.
 *
 * Context: process, may sleep; takes the lock, for some rows at a time.
 */
void perfmlock_sweep_dead(struct perfmlock_ledger *ledger)
{
	unsigned long flags;
	bool none = true;

	if (READ_ONCE(ledger->unsettled))
		return;
	perfmlock_for_all(ledger, &ledger->buffers, look_for_dead, &none);
	if (none)
		return;
	perfmlock_lock(ledger, flags);
	perfmlock_unseen(ledger);
	perfmlock_unlock(ledger, flags);
}
