// SPDX-License-Identifier: GPL-2.0
/*
 * The books' rows: users, mms and buffers, their memory and their end; and what
 * was not seen of them. What is written into them comes from map.c and close.c.
 *
 * Everything is guarded by ledger->lock, never held while something sleeps,
 * allocates, or waits for user space.
 *
 * A buffer's row is in one of these states:
 *
 *  booked	its first mapping was seen to return, and has the charges that the
 *		kernel made (or is thought to have made: @guessed) and the right
 *		ones, in the books of its user and its mm. It ends with its last
 *		mapping.
 *  pending	two have mapped its event at once, one has returned, and another
 *		that has not made it, or may have (@pending). Its first mapping has
 *		no charges, and it stands for a call of its user that is under way.
 *		It is booked when M, the last return, or its end tells for whom;
 *		adopted where nobody is left who can have made it, or it ends and
 *		another has made it; and gone where a walk does not meet it and
 *		nobody is under way who can have.
 *  adopted	its first mapping was not seen (@adopted): what was charged for that
 *		is foreign, and so is its return. It ends with its last mapping and
 *		its event; where they do not go together, a walk tells.
 *  open	booked, its last mapping is closed, and the event still has it (no
 *		@maps): the calls of the event under way have it as @open_rb, and
 *		the last of them tells if it is mapped or lost.
 *  displaced	the kernel has made another at its address, while closes of it are
 *		under way: no key finds it, and the last of them ends it.
 *  ended	it is gone, likewise (@ended): in no list and in nobody's books.
 *
 * What a further mapping was charged is in the row, whatever its state, and in the
 * books of who made that mapping.
 *
 * At each moment: of a user, and of an mm, @correct is the sum of its rows that
 * have not ended, and @buffers their number; @under_way of a user is the number of
 * its calls under way and its pending rows; @closing of a row is the number of
 * closes that have it, and it is free when it has ended and there are none.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/* Records kept ready: mappings that may come before the worker runs. */
#define RESERVE_BUFFERS	2048
#define RESERVE_MMS	1024
#define RESERVE_USERS	256

/**
 * perfmlock_ledger_fill() - take memory for further records
 * @ledger: the ledger
 *
 * Context: process, may sleep; takes the lock.
 *
 * Return: 0 or -ENOMEM.
 */
int perfmlock_ledger_fill(struct perfmlock_ledger *ledger)
{
	return perfmlock_store_fill(&ledger->buffers) ?:
	       perfmlock_store_fill(&ledger->mms) ?:
	       perfmlock_store_fill(&ledger->users);
}

/**
 * perfmlock_ledger_init() - empty books
 * @ledger: the ledger
 * @ops: what it may ask of its owner
 * @exclusive: U is moved by perf alone
 * @page_shift: of the kernel's pages
 * @nr_calls: calls that can be under way at once
 *
 * Context: process, may sleep.
 *
 * Return: 0, or -ENOMEM with nothing left behind.
 */
int perfmlock_ledger_init(struct perfmlock_ledger *ledger,
			  const struct perfmlock_ledger_ops *ops,
			  bool exclusive, unsigned int page_shift,
			  unsigned int nr_calls)
{
	raw_spinlock_t *lock = &ledger->lock;
	unsigned int i;

	/* the cost that is promised: a row, and its share of the hash */
	BUILD_BUG_ON(sizeof(struct perfmlock_buffer) +
		     sizeof(struct hlist_head) > 192);

	memset(ledger, 0, sizeof(*ledger));
	raw_spin_lock_init(lock);
	INIT_LIST_HEAD(&ledger->idle_users);
	INIT_LIST_HEAD(&ledger->idle_mms);
	ledger->ops = ops;
	ledger->exclusive = exclusive;
	ledger->page_shift = page_shift;
	ledger->next_id = 1;
	ledger->model = PERFMLOCK_MODEL_DEFAULT;
	ledger->nr_calls = nr_calls;
	ledger->calls = kvcalloc(nr_calls, sizeof(*ledger->calls), GFP_KERNEL);
	if (!ledger->calls ||
	    perfmlock_history_init(&ledger->denials,
				   sizeof(struct perfmlock_denial)) ||
	    perfmlock_history_init(&ledger->failures,
				   sizeof(struct perfmlock_failure)) ||
	    perfmlock_history_init(&ledger->drifts,
				   sizeof(struct perfmlock_drifting)))
		goto no_memory;
	for (i = 0; i < nr_calls; i++) {
		ledger->calls[i].next_free = ledger->free_call;
		ledger->free_call = &ledger->calls[i];
	}
	if (perfmlock_store_init(&ledger->users, lock, "perfmlock_user",
				 sizeof(struct perfmlock_user),
				 RESERVE_USERS) ||
	    perfmlock_store_init(&ledger->mms, lock, "perfmlock_mm",
				 sizeof(struct perfmlock_mm), RESERVE_MMS) ||
	    perfmlock_store_init(&ledger->buffers, lock, "perfmlock_buffer",
				 sizeof(struct perfmlock_buffer),
				 RESERVE_BUFFERS))
		goto no_memory;
	return 0;

no_memory:
	perfmlock_ledger_destroy(ledger);
	return -ENOMEM;
}

/**
 * perfmlock_ledger_destroy() - forget everything, let go of every key
 * @ledger: one that was initialised, or whose initialisation failed
 *
 * Calls that are still under way are forgotten too: nothing may end them.
 *
 * Context: process, may sleep; nobody else uses the ledger any more.
 */
void perfmlock_ledger_destroy(struct perfmlock_ledger *ledger)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_call *call;
	struct perfmlock_user *user;
	unsigned int i;

	/* rows that ended already are left to the calls */
	for (i = 0; i < ARRAY_SIZE(ledger->by_event); i++) {
		hlist_for_each_entry(call, &ledger->by_event[i], by_event)
			if (call->data)
				perfmlock_buffer_put(ledger, call->data);
		INIT_HLIST_HEAD(&ledger->by_event[i]);
	}
	/* one that was never initialised has no list either */
	if (ledger->users.cache) {
		perfmlock_store_for_each(node, next, &ledger->users) {
			user = container_of(node, struct perfmlock_user, node);
			ledger->ops->drop_user(user->held);
		}
	}
	if (ledger->mms.cache)
		perfmlock_store_for_each(node, next, &ledger->mms)
			ledger->ops->drop_mm(node->key);
	perfmlock_store_destroy(&ledger->buffers);
	perfmlock_store_destroy(&ledger->mms);
	perfmlock_store_destroy(&ledger->users);
	kvfree(ledger->drifts.entries);
	kvfree(ledger->failures.entries);
	kvfree(ledger->denials.entries);
	kvfree(ledger->calls);
	ledger->drifts.entries = NULL;
	ledger->failures.entries = NULL;
	ledger->denials.entries = NULL;
	ledger->calls = NULL;
}

/**
 * perfmlock_ledger_reset() - forget denials, failures, drifts and counts
 * @ledger: the ledger
 *
 * What is charged, and what the kernel is known to do, stays. The rows' own
 * counts are of another epoch from now on: there may be any number of rows.
 *
 * Context: process; takes the lock.
 */
void perfmlock_ledger_reset(struct perfmlock_ledger *ledger)
{
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	perfmlock_history_forget(&ledger->denials);
	perfmlock_history_forget(&ledger->failures);
	perfmlock_history_forget(&ledger->drifts);
	memset(&ledger->totals, 0, sizeof(ledger->totals));
	ledger->epoch++;
	perfmlock_unlock(ledger, flags);
}

/* What ends with a row, to be let go of without the lock. */
struct gone {
	unsigned int nr;
	const void *what[PERFMLOCK_BATCH];
};

/*
 * A look at some of the idle rows. Who has buffers by now leaves the list, who
 * is gone the books, the others go back to it.
 */
static bool look_at_users(struct perfmlock_ledger *ledger,
			  struct list_head *idle, struct gone *gone)
{
	struct perfmlock_user *user;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_BATCH && !list_empty(idle); i++) {
		user = list_first_entry(idle, struct perfmlock_user, books.idle);
		list_del_init(&user->books.idle);
		if (user->books.buffers)
			continue;
		/* nobody will say that its last call has ended */
		if (user->under_way ||
		    !ledger->ops->user_gone(user->node.key, user->held)) {
			list_add_tail(&user->books.idle, &ledger->idle_users);
			continue;
		}
		/* in its last moment it may be found by who becomes that user */
		perfmlock_unrepair_user(ledger, user);
		gone->what[gone->nr++] = user->held;
		perfmlock_store_del(&ledger->users, user);
	}
	return i;
}

static bool look_at_mms(struct perfmlock_ledger *ledger, struct list_head *idle,
			struct gone *gone)
{
	struct perfmlock_mm *mm;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_BATCH && !list_empty(idle); i++) {
		mm = list_first_entry(idle, struct perfmlock_mm, books.idle);
		list_del_init(&mm->books.idle);
		if (mm->books.buffers)
			continue;
		/* not before: it may map another's buffer, or a close go unended */
		if (mm->books.lent || !ledger->ops->mm_closed(mm->node.key)) {
			list_add_tail(&mm->books.idle, &ledger->idle_mms);
			continue;
		}
		perfmlock_unrepair_mm(ledger, mm);
		gone->what[gone->nr++] = mm->node.key;
		perfmlock_store_del(&ledger->mms, mm);
	}
	return i;
}

static void reap(struct perfmlock_ledger *ledger, struct list_head *rows,
		 bool (*look_at)(struct perfmlock_ledger *ledger,
				 struct list_head *idle, struct gone *gone),
		 void (*drop)(const void *what))
{
	unsigned long flags;
	LIST_HEAD(idle);
	struct gone gone;
	bool more;

	perfmlock_lock(ledger, flags);
	list_splice_init(rows, &idle);
	perfmlock_unlock(ledger, flags);
	do {
		gone.nr = 0;
		perfmlock_lock(ledger, flags);
		more = look_at(ledger, &idle, &gone);
		perfmlock_unlock(ledger, flags);
		while (gone.nr)
			drop(gone.what[--gone.nr]);
		cond_resched();
	} while (more);
}

/**
 * perfmlock_ledger_reap() - close the books of users and mms that are gone
 * @ledger: the ledger
 *
 * A row without buffers goes when its mm has closed all it had, or when nobody but the
 * ledger holds its user: a further reference would keep the counter alive. Only
 * such rows are looked at, some at a time.
 *
 * Context: process, may sleep; takes the lock; one caller at a time.
 *
 * Return: true if there are rows whose end is to be waited for.
 */
bool perfmlock_ledger_reap(struct perfmlock_ledger *ledger)
{
	unsigned long flags;
	bool waiting;

	reap(ledger, &ledger->idle_mms, look_at_mms, ledger->ops->drop_mm);
	reap(ledger, &ledger->idle_users, look_at_users,
	     ledger->ops->drop_user);
	perfmlock_lock(ledger, flags);
	waiting = !list_empty(&ledger->idle_users) ||
		  !list_empty(&ledger->idle_mms);
	perfmlock_unlock(ledger, flags);
	return waiting;
}

/* Rows without buffers are looked at until they can go. */
static void look_at_later(struct perfmlock_ledger *ledger,
			  struct perfmlock_books *books, struct list_head *idle)
{
	list_add_tail(&books->idle, idle);
	ledger->ops->idle();
}

/**
 * perfmlock_unseen() - something went by that the books do not know of
 * @ledger: the ledger
 *
 * Beside every call that is under way, and those that begin before a walk has
 * met all processes, there may go one that nobody sees.
 *
 * Context: any; the lock is held.
 */
void perfmlock_unseen(struct perfmlock_ledger *ledger)
{
	ledger->careful = true;
	ledger->unsettled = true;
	ledger->unseen++;
	ledger->misses++;
	ledger->ops->unseen();
}

/**
 * perfmlock_doubt() - a walk is to settle what is listed
 * @ledger: the ledger
 *
 * As if calls had been missed, of which nothing has told.
 *
 * Context: any; the lock is held.
 */
void perfmlock_doubt(struct perfmlock_ledger *ledger)
{
	ledger->unsettled = true;
	ledger->doubts++;
	ledger->ops->unseen();
}

/**
 * perfmlock_not_booked() - no memory was ready: a walk is to find it
 * @ledger: the ledger
 *
 * Context: any; the lock is held.
 */
void perfmlock_not_booked(struct perfmlock_ledger *ledger)
{
	ledger->totals.pool_empty++;
	ledger->walked = false;
	ledger->unsettled = true;
	ledger->doubts++;
}

/**
 * perfmlock_user_row() - the row of a user, opened if there is none
 * @ledger: the ledger
 * @user: its key
 * @actor: somebody who is this user; NULL: ask for the caller
 *
 * Context: any; the lock is held.
 *
 * Return: the row; NULL: no memory is ready (counted).
 */
struct perfmlock_user *perfmlock_user_row(struct perfmlock_ledger *ledger,
					  const void *user,
					  const struct perfmlock_actor *actor)
{
	struct perfmlock_user *row = perfmlock_store_find(&ledger->users, user);
	struct perfmlock_actor caller;

	if (row)
		return row;
	row = perfmlock_store_add(&ledger->users, user, true);
	if (!row) {
		perfmlock_not_booked(ledger);
		return NULL;
	}
	if (!actor) {
		ledger->ops->caller(&caller);
		actor = &caller;
	}
	memset((void *)row + sizeof(row->node), 0,
	       sizeof(*row) - sizeof(row->node));
	row->uid = actor->uid;
	row->held = ledger->ops->hold_user(actor);
	perfmlock_unsure(ledger, row);
	row->model = PERFMLOCK_NR_MODELS;
	row->rules = PERFMLOCK_MODELS_ALL;
	/*
	 * It may be of who is busy. A walk that is under way tells as well, but
	 * where something was missed it may have looked for the row before.
	 */
	row->busy = ledger->busy || ledger->careful;
	row->busy_at = ledger->sweep - !ledger->careful;
	INIT_LIST_HEAD(&row->books.idle);
	/* root's user_struct is a static object */
	if (row->uid)
		look_at_later(ledger, &row->books, &ledger->idle_users);
	return row;
}

/**
 * perfmlock_mm_row() - the row of an mm, opened if there is none
 * @ledger: the ledger
 * @mm: its key
 * @actor: somebody who runs in it; NULL: ask for the caller
 *
 * Context: any; the lock is held.
 *
 * Return: the row; NULL: no memory is ready (counted).
 */
struct perfmlock_mm *perfmlock_mm_row(struct perfmlock_ledger *ledger,
				      const void *mm,
				      const struct perfmlock_actor *actor)
{
	struct perfmlock_mm *row = perfmlock_store_find(&ledger->mms, mm);
	struct perfmlock_actor caller;

	if (row)
		return row;
	row = perfmlock_store_add(&ledger->mms, mm, true);
	if (!row) {
		perfmlock_not_booked(ledger);
		return NULL;
	}
	if (!actor) {
		ledger->ops->caller(&caller);
		actor = &caller;
	}
	memset((void *)row + sizeof(row->node), 0,
	       sizeof(*row) - sizeof(row->node));
	row->pid = actor->pid;
	row->uid = actor->uid;
	/* what it has mapped before, nobody saw */
	row->visited = ledger->sweep;
	memcpy(row->comm, actor->comm, sizeof(row->comm));
	ledger->ops->hold_mm(mm);
	look_at_later(ledger, &row->books, &ledger->idle_mms);
	return row;
}

/* An mm has a buffer more, that a user was charged for. */
static __always_inline void holds(struct perfmlock_mm *mm,
				  const struct perfmlock_user *user, long pages)
{
	if (!mm->held && !mm->adopted) {
		mm->payer = user;
		mm->stays = false;
	} else if (unlikely(mm->payer != user)) {
		mm->stays = true;
	}
	mm->held += pages;
}

/**
 * perfmlock_buffer_new() - a row for a buffer, charged nothing yet
 * @ledger: the ledger
 * @rb: its key
 * @kind: data or AUX; an AUX area is found through its data
 * @user: who is charged
 * @mm: which mm is charged
 * @pgoff: of the mapping
 * @pages: of the mapping
 *
 * The caller fills in pid, comm and event.
 *
 * Context: any; the lock is held.
 *
 * Return: the row; NULL: no memory is ready (counted).
 */
struct perfmlock_buffer *
perfmlock_buffer_new(struct perfmlock_ledger *ledger, const void *rb,
		     enum perfmlock_kind kind, struct perfmlock_user *user,
		     struct perfmlock_mm *mm, unsigned long pgoff, u32 pages)
{
	struct perfmlock_buffer *buffer;

	buffer = perfmlock_store_add(&ledger->buffers, rb,
				     kind == PERFMLOCK_DATA);
	if (!buffer) {
		perfmlock_not_booked(ledger);
		return NULL;
	}
	buffer->user = user;
	buffer->mm = mm;
	buffer->aux = NULL;
	buffer->id = ledger->next_id++;
	buffer->kernel_user = 0;
	buffer->kernel_mm = 0;
	buffer->first_user = 0;
	buffer->first_mm = 0;
	buffer->correct_user = 0;
	buffer->correct_mm = 0;
	buffer->pgoff = pgoff;
	buffer->pages = pages;
	buffer->maps = 1;
	buffer->met = 0;
	buffer->closing = 0;
	buffer->kind = kind;
	buffer->adopted = false;
	buffer->pending = PERFMLOCK_BOOKED;
	buffer->guessed = false;
	buffer->ended = false;
	buffer->shared = false;
	buffer->split = false;
	buffer->inferred = false;
	buffer->disturbs = false;
	buffer->left = false;
	buffer->proven = false;
	buffer->by_rule = false;
	buffer->on_both = false;
	buffer->unclear = false;
	perfmlock_touch(ledger, buffer);
	user->books.buffers++;
	mm->books.buffers++;
	holds(mm, user, pages);
	perfmlock_proof_add(ledger, buffer);
	return buffer;
}

/**
 * perfmlock_adopt() - what was charged for a buffer is not known
 * @ledger: the ledger
 * @buffer: its row
 *
 * Context: any; the lock is held.
 */
void perfmlock_adopt(struct perfmlock_ledger *ledger,
		     struct perfmlock_buffer *buffer)
{
	perfmlock_proof_remove(ledger, buffer);
	buffer->adopted = true;
	ledger->strange += buffer->pages;
	ledger->totals.unproven_pages += buffer->pages;
	ledger->unsized += !buffer->pages;
	buffer->mm->held -= buffer->pages;
	buffer->mm->adopted += buffer->pages;
	ledger->adopted++;
}

/**
 * perfmlock_adopt_data() - data that was adopted by its AUX area is met itself
 * @ledger: the ledger
 * @data: its row
 * @pages: of the mapping
 *
 * Context: any; the lock is held.
 */
void perfmlock_adopt_data(struct perfmlock_ledger *ledger,
			  struct perfmlock_buffer *data, u32 pages)
{
	data->pages = pages;
	ledger->strange += pages;
	ledger->totals.unproven_pages += pages;
	ledger->unsized--;
	data->mm->adopted += pages;
}

/* Its pages are its mm's no more. */
static __always_inline void let_go(const struct perfmlock_buffer *buffer)
{
	if (unlikely(buffer->adopted))
		buffer->mm->adopted -= buffer->pages;
	else
		buffer->mm->held -= buffer->pages;
}

static void lose_buffer(struct perfmlock_ledger *ledger,
			struct perfmlock_books *books, struct list_head *idle)
{
	if (unlikely(!--books->buffers && list_empty(&books->idle)))
		look_at_later(ledger, books, idle);
}

/* Of root there is nothing to wait for. */
static __always_inline void lose_owners(struct perfmlock_ledger *ledger,
					struct perfmlock_user *user,
					struct perfmlock_mm *mm)
{
	if (likely(user->uid))
		lose_buffer(ledger, &user->books, &ledger->idle_users);
	else
		user->books.buffers--;
	lose_buffer(ledger, &mm->books, &ledger->idle_mms);
}

/**
 * perfmlock_buffer_give() - another was charged for it than was thought
 * @ledger: the ledger
 * @buffer: its row
 * @user: who
 * @mm: which mm
 *
 * Context: any; the lock is held.
 */
void perfmlock_buffer_give(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer,
			   struct perfmlock_user *user, struct perfmlock_mm *mm)
{
	user->books.buffers++;
	mm->books.buffers++;
	holds(mm, user, buffer->pages);
	let_go(buffer);
	lose_owners(ledger, buffer->user, buffer->mm);
	perfmlock_proof_remove(ledger, buffer);
	buffer->user->user_pages -= buffer->kernel_user;
	buffer->user->mm_pages -= buffer->kernel_mm;
	user->user_pages += buffer->kernel_user;
	user->mm_pages += buffer->kernel_mm;
	buffer->user = user;
	buffer->mm = mm;
	perfmlock_proof_add(ledger, buffer);
}

/**
 * perfmlock_no_longer_pending() - nobody is waited for any more
 * @data: its row
 *
 * Context: any; the lock is held.
 */
void perfmlock_no_longer_pending(struct perfmlock_buffer *data)
{
	if (data->pending == PERFMLOCK_MAYBE_FIRST)
		data->user->mapping -= data->pages;
	data->pending = PERFMLOCK_BOOKED;
	data->user->under_way--;
}

/**
 * perfmlock_buffer_drop() - the buffer is gone: take back what was right
 * @ledger: the ledger
 * @buffer: its row; with data an AUX area's too
 *
 * Context: any; the lock is held.
 */
void perfmlock_buffer_drop(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer)
{
	struct perfmlock_buffer *other = buffer->aux;
	struct perfmlock_user *user = buffer->user;

	if (other) {
		buffer->aux = NULL;
		other->aux = NULL;
		if (buffer->kind == PERFMLOCK_DATA)
			perfmlock_buffer_drop(ledger, other);
	}
	if (unlikely(buffer->pending))
		perfmlock_no_longer_pending(buffer);
	perfmlock_proof_drop(ledger, buffer);
	user->books.correct -= buffer->correct_user;
	buffer->mm->books.correct -= buffer->correct_mm;
	user->user_pages -= buffer->kernel_user;
	user->mm_pages -= buffer->kernel_mm;
	let_go(buffer);
	lose_owners(ledger, user, buffer->mm);
	ledger->adopted -= buffer->adopted;
	ledger->unsized -= buffer->adopted && !buffer->pages;
	perfmlock_store_unlink(&ledger->buffers, buffer);
	if (likely(buffer->closing))
		buffer->ended = true;
	else
		perfmlock_store_free(&ledger->buffers, buffer);
}

/**
 * perfmlock_buffer_unseen_end() - its end went by unseen
 * @ledger: the ledger
 * @buffer: its row; with data an AUX area's too
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
	/* that its event let go of it was seen */
	ledger->totals.stale += !buffer->left;
	perfmlock_buffer_drop(ledger, buffer);
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
	perfmlock_proof_inferred(ledger, data);
	perfmlock_store_unhash(&ledger->buffers, data);
	return true;
}

/**
 * perfmlock_replaced() - the kernel has made another buffer at its address
 * @ledger: the ledger
 * @data: its row: it has ended
 *
 * Context: any; the lock is held.
 */
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

/**
 * perfmlock_found_mapped() - the kernel holds a buffer of which no mapping is known
 * @ledger: the ledger
 * @data: its row: one mapping was not seen
 *
 * Context: any; the lock is held.
 */
void perfmlock_found_mapped(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *data)
{
	data->maps = 1;
	ledger->totals.resynced++;
	perfmlock_unseen(ledger);
}

/**
 * perfmlock_buffer_put() - a close of it is no more under way
 * @ledger: the ledger
 * @buffer: its row
 *
 * Context: any; the lock is held.
 */
void perfmlock_buffer_put(struct perfmlock_ledger *ledger,
			  struct perfmlock_buffer *buffer)
{
	if (--buffer->closing)
		return;
	if (unlikely(buffer->disturbs)) {
		buffer->disturbs = false;
		perfmlock_known_again(ledger);
	}
	if (unlikely(buffer->ended))
		perfmlock_store_free(&ledger->buffers, buffer);
}

/**
 * perfmlock_for_batches() - look at each record of a store, and rest now and then
 * @ledger: the ledger
 * @store: one of its stores
 * @look: what is done with a record, under the lock
 * @between: what is done without it, after each PERFMLOCK_BATCH of them at most; or
 *	     NULL
 * @arg: for both
 *
 * A record may go while it is looked at. The lock is held for some at a time,
 * and a cursor keeps the place.
 *
 * Context: process, may sleep; takes the lock.
 */
void perfmlock_for_batches(struct perfmlock_ledger *ledger,
			   struct perfmlock_store *store,
			   void (*look)(struct perfmlock_ledger *ledger,
					void *record, void *arg),
			   void (*between)(void *arg), void *arg)
{
	struct perfmlock_node cursor = {};
	struct perfmlock_node *node;
	unsigned long flags;
	unsigned int i;

	perfmlock_lock(ledger, flags);
	list_add(&cursor.list, &store->list);
	do {
		perfmlock_unlock(ledger, flags);
		if (between)
			between(arg);
		cond_resched();
		perfmlock_lock(ledger, flags);
		for (i = 0; i < PERFMLOCK_BATCH; i++) {
			node = perfmlock_store_next(store, &cursor);
			if (!node)
				break;
			list_move(&cursor.list, &node->list);
			look(ledger, node, arg);
		}
	} while (node);
	list_del(&cursor.list);
	perfmlock_unlock(ledger, flags);
	if (between)
		between(arg);
}
