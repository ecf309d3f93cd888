/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A store keeps the records of one kind (users, mms, buffers): found by a
 * pointer key in the same time however many there are, listed in the order of
 * their creation, and made from memory that was taken beforehand.
 */
#ifndef PERFMLOCK_STORE_H
#define PERFMLOCK_STORE_H

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/preempt.h>
#include <linux/sched/clock.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct perfmlock_node - head of every record
 * @hash: in a bucket, unhashed where the record has no key of its own
 * @list: in order of creation
 * @next_free: while unused, instead
 * @key: opaque identity, never dereferenced; NULL in a cursor
 */
struct perfmlock_node {
	struct hlist_node hash;
	union {
		struct list_head list;
		struct perfmlock_node *next_free;
	};
	const void *key;
};

/*
 * The ledger's lock, which its stores take as well. Handlers take it wherever a
 * probe is hit, so it is only held with interrupts off: up to v5.10 a
 * kretprobe's return handler runs under a lock of kprobes' own, which an
 * interrupt may want for another tracer's. So may whatever is called while it is
 * held: return handlers try for it there. And a kprobe by int3 counts as an NMI
 * on x86, which can only hit where this lock is not held: lockdep is told that
 * it is another one there, as kretprobe_hash_lock() does.
 *
 * make bench builds with PERFMLOCK_HOLD_TIMES, to see how long it is held.
 */
#ifdef PERFMLOCK_HOLD_TIMES
extern u64 perfmlock_hold_began, perfmlock_longest_hold, perfmlock_held;

#define perfmlock_hold_begins()	(perfmlock_hold_began = local_clock())
#define perfmlock_hold_ends()						\
do {									\
	u64 __held = local_clock() - perfmlock_hold_began;		\
									\
	perfmlock_longest_hold = max(perfmlock_longest_hold, __held);	\
	perfmlock_held += __held;					\
} while (0)
#else
#define perfmlock_hold_begins()	do { } while (0)
#define perfmlock_hold_ends()	do { } while (0)
#endif

#define perfmlock_raw_lock(lock, flags)					\
do {									\
	raw_spin_lock_irqsave_nested(lock, flags, !!in_nmi());		\
	perfmlock_hold_begins();					\
} while (0)

#define perfmlock_raw_trylock(lock, flags)				\
({									\
	bool __locked = raw_spin_trylock_irqsave(lock, flags);		\
									\
	if (__locked)							\
		perfmlock_hold_begins();				\
	__locked;							\
})

#define perfmlock_raw_unlock(lock, flags)				\
do {									\
	perfmlock_hold_ends();						\
	raw_spin_unlock_irqrestore(lock, flags);			\
} while (0)

#define PERFMLOCK_SEGMENT_BITS	9
#define PERFMLOCK_SEGMENT	BIT(PERFMLOCK_SEGMENT_BITS)
#define PERFMLOCK_SEGMENTS	2048
#define PERFMLOCK_MOST_BUCKETS	(PERFMLOCK_SEGMENTS * PERFMLOCK_SEGMENT)

/**
 * struct perfmlock_store - records of one kind
 * @lock: the ledger's lock, that guards all members
 * @list: live records and cursors, oldest first
 * @free: memory for further ones, a stack
 * @nr: live records
 * @nr_free: records on @free
 * @reserve: least number that a filled store has on @free
 * @low_water: with fewer on @free, perfmlock_store_fill() is wanted
 * @low: it is wanted
 * @recent: found or added last: calls come in pairs
 * @buckets: of the hash, in use
 * @mask: of the next full doubling of @buckets
 * @room: buckets whose segments are there
 * @cache: where the memory comes from
 * @segment: the buckets (linear hashing: one is split for each insertion over
 *	     the load, so that no insertion ever pays for all)
 */
struct perfmlock_store {
	raw_spinlock_t *lock;
	struct list_head list;
	struct perfmlock_node *free;
	unsigned int nr;
	unsigned int nr_free;
	unsigned int reserve;
	unsigned int low_water;
	bool low;
	struct perfmlock_node *recent;
	unsigned int buckets;
	unsigned int mask;
	unsigned int room;
	struct kmem_cache *cache;
	struct hlist_head *segment[PERFMLOCK_SEGMENTS];
};

int perfmlock_store_init(struct perfmlock_store *store, raw_spinlock_t *lock,
			 const char *name, size_t size, unsigned int reserve);
void perfmlock_store_destroy(struct perfmlock_store *store);
int perfmlock_store_fill(struct perfmlock_store *store);

void *perfmlock_store_search(struct perfmlock_store *store, const void *key);
void *perfmlock_store_add(struct perfmlock_store *store, const void *key,
			  bool hashed);
void perfmlock_store_unhash(struct perfmlock_store *store, void *record);
void perfmlock_store_unlink(struct perfmlock_store *store, void *record);
void perfmlock_store_free(struct perfmlock_store *store, void *record);
void perfmlock_store_del(struct perfmlock_store *store, void *record);
void *perfmlock_store_next(const struct perfmlock_store *store,
			   const struct perfmlock_node *after);

/**
 * perfmlock_store_find() - the record of a key
 * @store: the store
 * @key: its key
 *
 * Context: any, under the store's lock.
 *
 * Return: the record or NULL.
 */
static inline void *perfmlock_store_find(struct perfmlock_store *store,
					 const void *key)
{
	if (store->recent && store->recent->key == key)
		return store->recent;
	return perfmlock_store_search(store, key);
}

/* Every live record, cursors left out; @node may be deleted in the body. */
#define perfmlock_store_for_each(node, next, store)			\
	for ((node) = perfmlock_store_next(store, NULL);		\
	     (node) && ((next) = perfmlock_store_next(store, node), true); \
	     (node) = (next))

#endif /* PERFMLOCK_STORE_H */
