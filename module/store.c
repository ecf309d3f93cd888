// SPDX-License-Identifier: GPL-2.0
/*
 * Records in memory taken beforehand: a probe's handler cannot allocate (on
 * PREEMPT_RT not even with GFP_ATOMIC), so a worker keeps the store filled.
 */
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "store.h"

#ifdef PERFMLOCK_HOLD_TIMES
u64 perfmlock_hold_began, perfmlock_longest_hold, perfmlock_held;
#endif

static unsigned int reserve_of(const struct perfmlock_store *store)
{
	return store->reserve + store->nr / 4;
}

static struct hlist_head *bucket_at(const struct perfmlock_store *store,
				    unsigned int i)
{
	return &store->segment[i >> PERFMLOCK_SEGMENT_BITS]
			      [i & (PERFMLOCK_SEGMENT - 1)];
}

/* Buckets past the last full doubling are split already, the others are not. */
static unsigned int bucket_of(const struct perfmlock_store *store,
			      const void *key)
{
	unsigned int i = hash_ptr(key, 32) & store->mask;

	return i < store->buckets ? i : i & (store->mask >> 1);
}

static void split_bucket(struct perfmlock_store *store)
{
	unsigned int old = store->buckets - rounddown_pow_of_two(store->buckets);
	struct perfmlock_node *node;
	struct hlist_node *next;
	struct hlist_head *to;
	unsigned int new = store->buckets;

	to = bucket_at(store, new);
	INIT_HLIST_HEAD(to);
	store->buckets++;
	store->mask = roundup_pow_of_two(store->buckets) - 1;
	hlist_for_each_entry_safe(node, next, bucket_at(store, old), hash) {
		if (bucket_of(store, node->key) == new) {
			hlist_del(&node->hash);
			hlist_add_head(&node->hash, to);
		}
	}
}

static bool wants_room(const struct perfmlock_store *store)
{
	return store->nr + reserve_of(store) > store->room &&
	       store->room < PERFMLOCK_MOST_BUCKETS;
}

static int add_segment(struct perfmlock_store *store)
{
	struct hlist_head *segment;
	unsigned long flags;
	unsigned int at;

	segment = kvcalloc(PERFMLOCK_SEGMENT, sizeof(*segment), GFP_KERNEL);
	if (!segment)
		return -ENOMEM;

	perfmlock_raw_lock(store->lock, flags);
	at = store->room >> PERFMLOCK_SEGMENT_BITS;
	if (at < PERFMLOCK_SEGMENTS) {
		store->segment[at] = segment;
		store->room += PERFMLOCK_SEGMENT;
		segment = NULL;
	}
	perfmlock_raw_unlock(store->lock, flags);
	kvfree(segment);
	return 0;
}

static struct perfmlock_node *pop(struct perfmlock_store *store)
{
	struct perfmlock_node *node = store->free;

	if (node) {
		store->free = node->next_free;
		store->nr_free--;
	}
	return node;
}

/* One by one: the lock is one that an mmap() waits for. */
static struct perfmlock_node *take_excess(struct perfmlock_store *store)
{
	struct perfmlock_node *node = NULL;
	unsigned long flags;

	perfmlock_raw_lock(store->lock, flags);
	if (store->nr_free > 2 * reserve_of(store))
		node = pop(store);
	perfmlock_raw_unlock(store->lock, flags);
	return node;
}

/**
 * perfmlock_store_fill() - take memory for further records, give back excess
 * @store: the store
 *
 * Two callers at once may take too much, and the next gives it back.
 *
 * Context: process, may sleep; takes the store's lock.
 *
 * Return: 0, or -ENOMEM: the store is as full as could be.
 */
int perfmlock_store_fill(struct perfmlock_store *store)
{
	struct perfmlock_node *node, *taken = NULL, *last = NULL;
	int want, got, ret = 0;
	unsigned long flags;
	bool wider;

	do {
		perfmlock_raw_lock(store->lock, flags);
		wider = wants_room(store);
		want = (int)reserve_of(store) - (int)store->nr_free;
		perfmlock_raw_unlock(store->lock, flags);
		if (wider)
			ret = add_segment(store);
	} while (wider && !ret);

	for (got = 0; got < want; got++) {
		node = kmem_cache_alloc(store->cache, GFP_KERNEL);
		if (!node) {
			ret = -ENOMEM;
			break;
		}
		node->next_free = taken;
		taken = node;
		if (!last)
			last = node;
		cond_resched();
	}

	perfmlock_raw_lock(store->lock, flags);
	if (taken) {
		last->next_free = store->free;
		store->free = taken;
		store->nr_free += got;
	}
	store->low_water = reserve_of(store) / 2;
	store->low = false;
	perfmlock_raw_unlock(store->lock, flags);

	while ((node = take_excess(store))) {
		kmem_cache_free(store->cache, node);
		cond_resched();
	}
	return ret;
}

/**
 * perfmlock_store_init() - an empty store, filled to its reserve
 * @store: the store
 * @lock: guards it from now on
 * @name: of its slab cache
 * @size: of a record, in bytes; it begins with a struct perfmlock_node
 * @reserve: free records to keep ready, at least
 *
 * Context: process, may sleep.
 *
 * Return: 0, or -ENOMEM with nothing left behind.
 */
int perfmlock_store_init(struct perfmlock_store *store, raw_spinlock_t *lock,
			 const char *name, size_t size, unsigned int reserve)
{
	int ret;

	memset(store, 0, sizeof(*store));
	store->lock = lock;
	store->reserve = reserve;
	INIT_LIST_HEAD(&store->list);
	store->cache = kmem_cache_create(name, size, 0, 0, NULL);
	if (!store->cache)
		return -ENOMEM;
	ret = perfmlock_store_fill(store);
	if (ret) {
		perfmlock_store_destroy(store);
		return ret;
	}
	store->buckets = 1;
	store->mask = 0;
	return 0;
}

/**
 * perfmlock_store_destroy() - free every record, used or not, and the buckets
 * @store: one that was initialised, or all zero; nobody else uses it any more
 *
 * Context: process, may sleep.
 */
void perfmlock_store_destroy(struct perfmlock_store *store)
{
	struct perfmlock_node *node, *next;
	unsigned int i;

	if (!store->cache)
		return;
	list_for_each_entry_safe(node, next, &store->list, list) {
		kmem_cache_free(store->cache, node);
		cond_resched();
	}
	while ((node = pop(store))) {
		kmem_cache_free(store->cache, node);
		cond_resched();
	}
	for (i = 0; i < PERFMLOCK_SEGMENTS && store->segment[i]; i++)
		kvfree(store->segment[i]);
	kmem_cache_destroy(store->cache);
	store->cache = NULL;
}

/* perfmlock_store_find(), where the last one found is another. */
void *perfmlock_store_search(struct perfmlock_store *store, const void *key)
{
	struct perfmlock_node *node;

	hlist_for_each_entry(node, bucket_at(store, bucket_of(store, key)), hash) {
		if (node->key == key) {
			store->recent = node;
			return node;
		}
	}
	return NULL;
}

/**
 * perfmlock_store_add() - a new record at the end of the list
 * @store: the store
 * @key: not NULL
 * @hashed: perfmlock_store_find() shall find it
 *
 * Context: any, under the store's lock; does not allocate.
 *
 * Return: the record, its own members not initialised; NULL: none is free.
 */
void *perfmlock_store_add(struct perfmlock_store *store, const void *key,
			  bool hashed)
{
	struct perfmlock_node *node;

	if (store->nr_free <= store->low_water)
		store->low = true;
	node = pop(store);
	if (!node)
		return NULL;
	list_add_tail(&node->list, &store->list);
	node->key = key;
	INIT_HLIST_NODE(&node->hash);
	if (hashed) {
		if (store->nr >= store->buckets) {
			if (store->buckets < store->room)
				split_bucket(store);
			else if (store->room < PERFMLOCK_MOST_BUCKETS)
				store->low = true;
		}
		store->recent = node;
		hlist_add_head(&node->hash,
			       bucket_at(store, bucket_of(store, key)));
	}
	store->nr++;
	return node;
}

/**
 * perfmlock_store_unhash() - a record stays, and its key finds it no more
 * @store: the store
 * @record: one of perfmlock_store_add()
 *
 * Context: any, under the store's lock.
 */
void perfmlock_store_unhash(struct perfmlock_store *store, void *record)
{
	struct perfmlock_node *node = record;

	if (store->recent == node)
		store->recent = NULL;
	hlist_del_init(&node->hash);
}

/**
 * perfmlock_store_unlink() - a record is found and listed no more
 * @store: the store
 * @record: one of perfmlock_store_add()
 *
 * Context: any, under the store's lock.
 */
void perfmlock_store_unlink(struct perfmlock_store *store, void *record)
{
	struct perfmlock_node *node = record;

	perfmlock_store_unhash(store, node);
	list_del(&node->list);
	node->key = NULL;
	store->nr--;
}

/**
 * perfmlock_store_free() - the memory of a record serves again
 * @store: the store
 * @record: one that was unlinked
 *
 * Context: any, under the store's lock.
 */
void perfmlock_store_free(struct perfmlock_store *store, void *record)
{
	struct perfmlock_node *node = record;

	node->next_free = store->free;
	store->free = node;
	store->nr_free++;
}

/* Both. */
void perfmlock_store_del(struct perfmlock_store *store, void *record)
{
	perfmlock_store_unlink(store, record);
	perfmlock_store_free(store, record);
}

/**
 * perfmlock_store_next() - the live record behind a place in the list
 * @store: the store
 * @after: a record or cursor on the list; NULL: the beginning
 *
 * Context: any, under the store's lock.
 *
 * Return: the record, NULL at the end.
 */
void *perfmlock_store_next(const struct perfmlock_store *store,
			   const struct perfmlock_node *after)
{
	const struct list_head *at = after ? &after->list : &store->list;
	struct perfmlock_node *node;

	for (at = at->next; at != &store->list; at = at->next) {
		node = list_entry(at, struct perfmlock_node, list);
		if (node->key)
			return node;
	}
	return NULL;
}
