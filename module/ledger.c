// SPDX-License-Identifier: GPL-2.0
/*
 * The books' rows: users, mms and buffers, their memory and their end. What
 * is written into them comes from map.c and close.c.
 *
 * Everything is guarded by ledger->lock, never held while something sleeps,
 * allocates, or waits for user space.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "books.h"

/* Records kept ready: mappings that may come before the worker runs. */
#define RESERVE_BUFFERS	2048
#define RESERVE_MMS	256
#define RESERVE_USERS	64

/**
 * perfmlock_ledger_fill() - take memory for further records
 * @ledger: the ledger
 *
 * Context: process, may sleep; takes the lock; one caller at a time.
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

	/* the cost that is promised: a row, and its share of the hash */
	BUILD_BUG_ON(sizeof(struct perfmlock_buffer) +
		     sizeof(struct hlist_head) > 192);

	memset(ledger, 0, sizeof(*ledger));
	raw_spin_lock_init(lock);
	ledger->ops = ops;
	ledger->exclusive = exclusive;
	ledger->page_shift = page_shift;
	ledger->next_id = 1;
	ledger->model = PERFMLOCK_MODEL_DEFAULT;
	ledger->nr_calls = nr_calls;
	ledger->calls = kvcalloc(nr_calls, sizeof(*ledger->calls), GFP_KERNEL);
	ledger->active = bitmap_zalloc(nr_calls, GFP_KERNEL);
	ledger->denials = kvcalloc(PERFMLOCK_HISTORY, sizeof(*ledger->denials),
				   GFP_KERNEL);
	ledger->drifts = kvcalloc(PERFMLOCK_HISTORY, sizeof(*ledger->drifts),
				  GFP_KERNEL);
	if (!ledger->calls || !ledger->active || !ledger->denials ||
	    !ledger->drifts)
		goto no_memory;
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
	struct perfmlock_user *user;

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
	kvfree(ledger->drifts);
	kvfree(ledger->denials);
	bitmap_free(ledger->active);
	kvfree(ledger->calls);
	ledger->drifts = NULL;
	ledger->denials = NULL;
	ledger->active = NULL;
	ledger->calls = NULL;
}

/**
 * perfmlock_ledger_reset() - forget denials, drifts and counts
 * @ledger: the ledger
 *
 * What is charged, and what the kernel is known to do, stays.
 *
 * Context: process; takes the lock.
 */
void perfmlock_ledger_reset(struct perfmlock_ledger *ledger)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_books *books;

	raw_spin_lock(&ledger->lock);
	ledger->nr_denials = 0;
	ledger->nr_drifts = 0;
	memset(&ledger->totals, 0, sizeof(ledger->totals));
	perfmlock_store_for_each(node, next, &ledger->users) {
		books = &container_of(node, struct perfmlock_user, node)->books;
		books->privileged = 0;
		books->denied = 0;
		books->wrongly_denied = 0;
	}
	perfmlock_store_for_each(node, next, &ledger->mms) {
		books = &container_of(node, struct perfmlock_mm, node)->books;
		books->privileged = 0;
		books->denied = 0;
		books->wrongly_denied = 0;
	}
	raw_spin_unlock(&ledger->lock);
}

static const void *reap_user(struct perfmlock_ledger *ledger, bool *waiting)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_user *user;
	const void *held;

	perfmlock_store_for_each(node, next, &ledger->users) {
		user = container_of(node, struct perfmlock_user, node);
		if (user->books.buffers || user->under_way)
			continue;
		if (ledger->ops->user_gone(node->key, user->held)) {
			held = user->held;
			perfmlock_store_del(&ledger->users, user);
			return held;
		}
		if (user->uid)
			*waiting = true;
	}
	return NULL;
}

static const void *reap_mm(struct perfmlock_ledger *ledger)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_mm *mm;
	const void *key;

	perfmlock_store_for_each(node, next, &ledger->mms) {
		mm = container_of(node, struct perfmlock_mm, node);
		if (mm->books.buffers)
			continue;
		if (ledger->ops->mm_gone(node->key)) {
			key = node->key;
			perfmlock_store_del(&ledger->mms, mm);
			return key;
		}
	}
	return NULL;
}

/**
 * perfmlock_ledger_reap() - close the books of users and mms that are gone
 * @ledger: the ledger
 *
 * A row without buffers goes when its mm has exited, or when nobody but the
 * ledger holds its user: a further reference would keep the counter alive.
 *
 * Context: process, may sleep; takes the lock.
 *
 * Return: true if a user's end is to be waited for. (An mm costs nothing while
 * it waits for the next call.)
 */
bool perfmlock_ledger_reap(struct perfmlock_ledger *ledger)
{
	bool waiting;
	const void *key;

	do {
		waiting = false;
		raw_spin_lock(&ledger->lock);
		key = reap_user(ledger, &waiting);
		raw_spin_unlock(&ledger->lock);
		if (key)
			ledger->ops->drop_user(key);
	} while (key);
	do {
		raw_spin_lock(&ledger->lock);
		key = reap_mm(ledger);
		raw_spin_unlock(&ledger->lock);
		if (key)
			ledger->ops->drop_mm(key);
	} while (key);
	return waiting;
}

/**
 * perfmlock_books_of_user() - the row of a user, opened if there is none
 * @ledger: the ledger
 * @user: its key
 * @actor: somebody who is this user; NULL: ask for the caller
 *
 * Context: any; the lock is held.
 *
 * Return: the row; NULL: no memory is ready (counted).
 */
struct perfmlock_user *
perfmlock_books_of_user(struct perfmlock_ledger *ledger, const void *user,
			const struct perfmlock_actor *actor)
{
	struct perfmlock_user *row = perfmlock_store_find(&ledger->users, user);
	struct perfmlock_actor caller;

	if (row)
		return row;
	row = perfmlock_store_add(&ledger->users, user, true);
	if (!row) {
		ledger->totals.pool_empty++;
		ledger->walked = false;
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
	return row;
}

/**
 * perfmlock_books_of_mm() - the row of an mm, opened if there is none
 * @ledger: the ledger
 * @mm: its key
 * @actor: somebody who runs in it; NULL: ask for the caller
 *
 * Context: any; the lock is held.
 *
 * Return: the row; NULL: no memory is ready (counted).
 */
struct perfmlock_mm *
perfmlock_books_of_mm(struct perfmlock_ledger *ledger, const void *mm,
		      const struct perfmlock_actor *actor)
{
	struct perfmlock_mm *row = perfmlock_store_find(&ledger->mms, mm);
	struct perfmlock_actor caller;

	if (row)
		return row;
	row = perfmlock_store_add(&ledger->mms, mm, true);
	if (!row) {
		ledger->totals.pool_empty++;
		ledger->walked = false;
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
	memcpy(row->comm, actor->comm, sizeof(row->comm));
	ledger->ops->hold_mm(mm);
	return row;
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
		ledger->totals.pool_empty++;
		ledger->walked = false;
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
	buffer->sweep = ledger->sweep;
	buffer->kind = kind;
	buffer->adopted = false;
	buffer->pending = PERFMLOCK_BOOKED;
	user->books.buffers++;
	mm->books.buffers++;
	return buffer;
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
	unsigned int i;

	if (unlikely(hlist_unhashed(&buffer->node.hash)))
		for_each_set_bit(i, ledger->active, ledger->nr_calls)
			if (ledger->calls[i].displaced == buffer)
				ledger->calls[i].displaced = ERR_PTR(-ENOENT);
	if (other) {
		other->aux = NULL;
		if (buffer->kind == PERFMLOCK_DATA)
			perfmlock_buffer_drop(ledger, other);
	}
	buffer->user->books.correct -= buffer->correct_user;
	buffer->mm->books.correct -= buffer->correct_mm;
	buffer->user->books.buffers--;
	buffer->mm->books.buffers--;
	ledger->adopted -= buffer->adopted;
	perfmlock_store_del(&ledger->buffers, buffer);
}
