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
	unsigned int mask = roundup_pow_of_two(store->buckets) - 1;
	unsigned int i = hash_ptr(key, 32) & mask;

	return i < store->buckets ? i : i & (mask >> 1);
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
	hlist_for_each_entry_safe(node, next, bucket_at(store, old), hash) {
		if (bucket_of(store, node->key) == new) {
			hlist_del(&node->hash);
			hlist_add_head(&node->hash, to);
		}
	}
}

/**
 * perfmlock_store_low() - does the store want filling
 * @store: the store
 *
 * Context: any, under the store's lock.
 *
 * Return: true if perfmlock_store_fill() should run soon.
 */
bool perfmlock_store_low(const struct perfmlock_store *store)
{
	return store->nr_free < reserve_of(store) / 2 ||
	       (store->nr + reserve_of(store) > store->room &&
		store->room < PERFMLOCK_SEGMENTS * PERFMLOCK_SEGMENT);
}

static int add_segment(struct perfmlock_store *store)
{
	struct hlist_head *segment;
	unsigned int at;

	segment = kvcalloc(PERFMLOCK_SEGMENT, sizeof(*segment), GFP_KERNEL);
	if (!segment)
		return -ENOMEM;

	raw_spin_lock_irq(store->lock);
	at = store->room >> PERFMLOCK_SEGMENT_BITS;
	if (at < PERFMLOCK_SEGMENTS) {
		store->segment[at] = segment;
		store->room += PERFMLOCK_SEGMENT;
		segment = NULL;
	}
	raw_spin_unlock_irq(store->lock);
	kvfree(segment);
	return 0;
}

/**
 * perfmlock_store_fill() - take memory for further records, give back excess
 * @store: the store
 *
 * Context: process; takes the store's lock; one caller at a time.
 *
 * Return: 0, or -ENOMEM: the store is as full as could be.
 */
int perfmlock_store_fill(struct perfmlock_store *store)
{
	struct perfmlock_node *node;
	LIST_HEAD(taken);
	int want, i, ret = 0;
	bool wider;

	do {
		raw_spin_lock_irq(store->lock);
		wider = store->nr + reserve_of(store) > store->room &&
			store->room < PERFMLOCK_SEGMENTS * PERFMLOCK_SEGMENT;
		want = (int)reserve_of(store) - (int)store->nr_free;
		raw_spin_unlock_irq(store->lock);
		if (wider)
			ret = add_segment(store);
	} while (wider && !ret);

	for (i = 0; i < want; i++) {
		node = kmem_cache_alloc(store->cache, GFP_KERNEL);
		if (!node) {
			ret = -ENOMEM;
			want = i;
			break;
		}
		list_add(&node->list, &taken);
	}

	raw_spin_lock_irq(store->lock);
	list_splice_init(&taken, &store->free);
	if (want > 0)
		store->nr_free += want;
	while (store->nr_free > 2 * reserve_of(store)) {
		/* in portions: the lock is one that an mmap() waits for */
		for (i = 0; i < 64 && store->nr_free > reserve_of(store); i++) {
			list_move(store->free.next, &taken);
			store->nr_free--;
		}
		raw_spin_unlock_irq(store->lock);
		while (!list_empty(&taken)) {
			node = list_first_entry(&taken, struct perfmlock_node,
						list);
			list_del(&node->list);
			kmem_cache_free(store->cache, node);
		}
		raw_spin_lock_irq(store->lock);
	}
	raw_spin_unlock_irq(store->lock);
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
	INIT_LIST_HEAD(&store->free);
	store->cache = kmem_cache_create(name, size, 0, 0, NULL);
	if (!store->cache)
		return -ENOMEM;
	ret = perfmlock_store_fill(store);
	if (ret) {
		perfmlock_store_destroy(store);
		return ret;
	}
	store->buckets = 1;
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
	list_splice_init(&store->list, &store->free);
	list_for_each_entry_safe(node, next, &store->free, list)
		kmem_cache_free(store->cache, node);
	for (i = 0; i < PERFMLOCK_SEGMENTS && store->segment[i]; i++)
		kvfree(store->segment[i]);
	kmem_cache_destroy(store->cache);
	store->cache = NULL;
}

/**
 * perfmlock_store_find() - the record of a key
 * @store: the store
 * @key: its key
 *
 * Context: any, under the store's lock.
 *
 * Return: the record or NULL.
 */
void *perfmlock_store_find(const struct perfmlock_store *store, const void *key)
{
	struct perfmlock_node *node;

	hlist_for_each_entry(node, bucket_at(store, bucket_of(store, key)), hash)
		if (node->key == key)
			return node;
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

	if (!store->nr_free)
		return NULL;
	node = list_first_entry(&store->free, struct perfmlock_node, list);
	store->nr_free--;
	list_move_tail(&node->list, &store->list);
	node->key = key;
	INIT_HLIST_NODE(&node->hash);
	if (hashed) {
		if (store->nr >= store->buckets && store->buckets < store->room)
			split_bucket(store);
		hlist_add_head(&node->hash,
			       bucket_at(store, bucket_of(store, key)));
	}
	store->nr++;
	return node;
}

/**
 * perfmlock_store_del() - take a record out; its memory serves again
 * @store: the store
 * @record: one of perfmlock_store_add()
 *
 * Context: any, under the store's lock.
 */
void perfmlock_store_del(struct perfmlock_store *store, void *record)
{
	struct perfmlock_node *node = record;

	hlist_del_init(&node->hash);
	list_move(&node->list, &store->free);
	node->key = NULL;
	store->nr--;
	store->nr_free++;
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
