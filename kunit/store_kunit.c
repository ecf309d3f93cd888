// SPDX-License-Identifier: GPL-2.0
/* The store: look-up, order, growth, and memory that runs out. */
#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../module/store.h"
#include "fixture.h"

/* Kept ready; half of it is the low water. */
#define RESERVE	16

struct thing {
	struct perfmlock_node node;
	unsigned long value;
};

struct place {
	raw_spinlock_t lock;
	struct perfmlock_store store;
};

static int store_init(struct kunit *test)
{
	struct place *place = kvzalloc(sizeof(*place), GFP_KERNEL);
	int ret;

	if (!place)
		return -ENOMEM;
	raw_spin_lock_init(&place->lock);
	ret = perfmlock_store_init(&place->store, &place->lock,
				   "perfmlock_thing", sizeof(struct thing),
				   RESERVE);
	if (ret) {
		kvfree(place);
		return ret;
	}
	test->priv = place;
	return 0;
}

static void store_exit(struct kunit *test)
{
	struct place *place = test->priv;

	if (!place)
		return;
	perfmlock_store_destroy(&place->store);
	kvfree(place);
}

static struct perfmlock_store *store_of(struct kunit *test)
{
	return &((struct place *)test->priv)->store;
}

/* As pointers come: multiples of 64, and never NULL. */
static const void *key_of(unsigned long i)
{
	return (const void *)((i + 1) * 64);
}

static struct thing *find(struct kunit *test, unsigned long i)
{
	struct place *place = test->priv;
	struct thing *thing;

	raw_spin_lock(&place->lock);
	thing = perfmlock_store_find(&place->store, key_of(i));
	raw_spin_unlock(&place->lock);
	return thing;
}

static struct thing *add(struct kunit *test, unsigned long i)
{
	struct place *place = test->priv;
	struct thing *thing;

	raw_spin_lock(&place->lock);
	thing = perfmlock_store_add(&place->store, key_of(i), true);
	raw_spin_unlock(&place->lock);
	if (thing)
		thing->value = i;
	return thing;
}

static void del(struct kunit *test, struct thing *thing)
{
	struct place *place = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, thing);
	raw_spin_lock(&place->lock);
	perfmlock_store_del(&place->store, thing);
	raw_spin_unlock(&place->lock);
}

static struct thing *after(struct kunit *test, const struct thing *thing)
{
	struct place *place = test->priv;
	struct thing *next;

	raw_spin_lock(&place->lock);
	next = perfmlock_store_next(&place->store, thing ? &thing->node : NULL);
	raw_spin_unlock(&place->lock);
	return next;
}

/* Counted, not believed. */
static unsigned int free_records(const struct perfmlock_store *store)
{
	const struct perfmlock_node *node;
	unsigned int nr = 0;

	for (node = store->free; node; node = node->next_free)
		nr++;
	return nr;
}

static void what_was_added_is_found_until_it_is_deleted(struct kunit *test)
{
	struct thing *a, *b;

	KUNIT_EXPECT_NULL(test, find(test, 1));
	a = add(test, 1);
	b = add(test, 2);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_PTR_EQ(test, find(test, 1), a);
	KUNIT_EXPECT_PTR_EQ(test, find(test, 2), b);
	KUNIT_EXPECT_NULL(test, find(test, 3));
	KUNIT_EXPECT_EQ(test, store_of(test)->nr, 2);

	del(test, a);
	KUNIT_EXPECT_NULL(test, find(test, 1));
	KUNIT_EXPECT_PTR_EQ(test, find(test, 2), b);
	KUNIT_EXPECT_EQ(test, store_of(test)->nr, 1);
	del(test, b);
	KUNIT_EXPECT_NULL(test, find(test, 2));
	KUNIT_EXPECT_EQ(test, store_of(test)->nr, 0);
}

static void a_key_can_be_used_again(struct kunit *test)
{
	struct thing *a = add(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, a);
	del(test, a);
	a = add(test, 1);
	KUNIT_ASSERT_NOT_NULL(test, a);
	KUNIT_EXPECT_PTR_EQ(test, find(test, 1), a);
}

static void a_deleted_record_serves_again(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct thing *a;

	KUNIT_EXPECT_EQ(test, free_records(store), RESERVE);
	KUNIT_EXPECT_EQ(test, store->nr_free, RESERVE);
	a = add(test, 1);
	KUNIT_EXPECT_EQ(test, free_records(store), RESERVE - 1);
	KUNIT_EXPECT_EQ(test, store->nr_free, RESERVE - 1);
	del(test, a);
	KUNIT_EXPECT_EQ(test, free_records(store), RESERVE);
	KUNIT_EXPECT_EQ(test, store->nr_free, RESERVE);
	KUNIT_EXPECT_PTR_EQ(test, add(test, 2), a);
}

static void the_list_is_in_the_order_of_creation(struct kunit *test)
{
	struct thing *a = add(test, 5), *b = add(test, 3), *c = add(test, 9);

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_EXPECT_PTR_EQ(test, after(test, NULL), a);
	KUNIT_EXPECT_PTR_EQ(test, after(test, a), b);
	KUNIT_EXPECT_PTR_EQ(test, after(test, b), c);
	KUNIT_EXPECT_NULL(test, after(test, c));

	del(test, b);
	KUNIT_EXPECT_PTR_EQ(test, after(test, a), c);
	b = add(test, 3);
	KUNIT_EXPECT_PTR_EQ(test, after(test, c), b);
	KUNIT_EXPECT_NULL(test, after(test, b));
}

static void an_empty_store_lists_nothing(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, after(test, NULL));
	KUNIT_EXPECT_NULL(test, find(test, 0));
}

static void a_cursor_is_passed_over_and_keeps_its_place(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct thing *a = add(test, 0), *b = add(test, 1);
	struct perfmlock_node cursors[2] = {};

	KUNIT_ASSERT_NOT_NULL(test, b);
	/* two readers, side by side, behind a */
	list_add(&cursors[0].list, &a->node.list);
	list_add(&cursors[1].list, &cursors[0].list);
	KUNIT_EXPECT_PTR_EQ(test, after(test, a), b);
	KUNIT_EXPECT_PTR_EQ(test, perfmlock_store_next(store, &cursors[0]),
			    (void *)b);
	del(test, a);
	KUNIT_EXPECT_PTR_EQ(test, after(test, NULL), b);
	del(test, b);
	KUNIT_EXPECT_NULL(test, after(test, NULL));
	b = add(test, 2);
	KUNIT_EXPECT_PTR_EQ(test, perfmlock_store_next(store, &cursors[0]),
			    (void *)b);
	list_move_tail(&cursors[0].list, &store->list);
	KUNIT_EXPECT_NULL(test, perfmlock_store_next(store, &cursors[0]));
	list_del(&cursors[0].list);
	list_del(&cursors[1].list);
}

static void all_can_be_deleted_in_a_walk(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct perfmlock_node *node, *next;
	unsigned int i, seen = 0;

	for (i = 0; i < 5; i++)
		KUNIT_ASSERT_NOT_NULL(test, add(test, i));
	perfmlock_store_for_each(node, next, store) {
		KUNIT_EXPECT_PTR_EQ(test, node->key, key_of(seen));
		seen++;
		perfmlock_store_del(store, node);
	}
	KUNIT_EXPECT_EQ(test, seen, 5);
	KUNIT_EXPECT_EQ(test, store->nr, 0);
	KUNIT_EXPECT_EQ(test, store->nr_free, RESERVE);
}

static void an_unhashed_record_is_listed_and_not_found(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct thing *data = add(test, 1), *area;

	KUNIT_ASSERT_NOT_NULL(test, data);
	/* as an AUX area goes by the key of its data */
	area = perfmlock_store_add(store, key_of(1), false);
	KUNIT_ASSERT_NOT_NULL(test, area);
	KUNIT_EXPECT_PTR_EQ(test, find(test, 1), data);
	KUNIT_EXPECT_PTR_EQ(test, after(test, data), area);
	KUNIT_EXPECT_EQ(test, store->nr, 2);
	del(test, data);
	KUNIT_EXPECT_NULL(test, find(test, 1));
	KUNIT_EXPECT_PTR_EQ(test, after(test, NULL), area);
	del(test, area);
	KUNIT_EXPECT_EQ(test, store->nr, 0);
}

static void the_recent_one_is_the_one_found_or_added_last(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct thing *a = add(test, 1), *b;

	KUNIT_EXPECT_PTR_EQ(test, (void *)store->recent, (void *)a);
	b = add(test, 2);
	KUNIT_ASSERT_NOT_NULL(test, b);
	KUNIT_EXPECT_PTR_EQ(test, (void *)store->recent, (void *)b);
	find(test, 1);
	KUNIT_EXPECT_PTR_EQ(test, (void *)store->recent, (void *)a);
	/* nothing found is nothing to remember */
	find(test, 3);
	KUNIT_EXPECT_PTR_EQ(test, (void *)store->recent, (void *)a);
	del(test, b);
	KUNIT_EXPECT_PTR_EQ(test, (void *)store->recent, (void *)a);
	del(test, a);
	KUNIT_EXPECT_NULL(test, store->recent);
}

static void what_is_deleted_is_in_no_bucket_when_it_serves_again(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct thing *a = add(test, 1);

	KUNIT_ASSERT_NOT_NULL(test, a);
	del(test, a);
	a = perfmlock_store_add(store, key_of(2), false);
	KUNIT_EXPECT_NULL(test, find(test, 1));
	KUNIT_EXPECT_NULL(test, find(test, 2));
	del(test, a);
}

/* Half of the reserve is left when the tenth of sixteen is asked for. */
static void memory_runs_low_before_it_runs_out(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	unsigned int i;

	for (i = 0; i < RESERVE / 2; i++) {
		KUNIT_ASSERT_NOT_NULL(test, add(test, i));
		KUNIT_EXPECT_FALSE(test, store->low);
	}
	KUNIT_ASSERT_NOT_NULL(test, add(test, i++));
	KUNIT_EXPECT_TRUE(test, store->low);
	for (; i < RESERVE; i++)
		KUNIT_ASSERT_NOT_NULL(test, add(test, i));
	KUNIT_EXPECT_NULL(test, store->free);
	KUNIT_EXPECT_NULL(test, add(test, i));
	KUNIT_EXPECT_NULL(test, add(test, i));
	KUNIT_EXPECT_NULL(test, find(test, i));
	KUNIT_EXPECT_EQ(test, store->nr, RESERVE);
	KUNIT_EXPECT_EQ(test, store->nr_free, 0);
	for (i = 0; i < RESERVE; i++)
		KUNIT_EXPECT_NOT_NULL(test, find(test, i));

	/* 16 and a quarter of what is in use */
	KUNIT_EXPECT_EQ(test, perfmlock_store_fill(store), 0);
	KUNIT_EXPECT_FALSE(test, store->low);
	KUNIT_EXPECT_EQ(test, store->nr_free, RESERVE + RESERVE / 4);
	KUNIT_EXPECT_EQ(test, free_records(store), RESERVE + RESERVE / 4);
	KUNIT_EXPECT_EQ(test, store->low_water, (RESERVE + RESERVE / 4) / 2);
	KUNIT_EXPECT_NOT_NULL(test, add(test, RESERVE));
	for (i = 0; i <= RESERVE; i++)
		KUNIT_EXPECT_NOT_NULL(test, find(test, i));
}

static void a_full_store_is_not_filled_further(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct perfmlock_node *top = store->free;

	KUNIT_EXPECT_EQ(test, perfmlock_store_fill(store), 0);
	KUNIT_EXPECT_EQ(test, free_records(store), RESERVE);
	KUNIT_EXPECT_PTR_EQ(test, store->free, top);
}

/* Kept are twice the reserve of what is in use then: nothing. */
static void excess_is_given_back(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	unsigned int i;

	for (i = 0; i < 100; i++) {
		KUNIT_ASSERT_EQ(test, perfmlock_store_fill(store), 0);
		KUNIT_ASSERT_NOT_NULL(test, add(test, i));
	}
	for (i = 0; i < 100; i++)
		del(test, find(test, i));
	KUNIT_EXPECT_GT(test, store->nr_free, 2 * RESERVE);
	KUNIT_EXPECT_EQ(test, perfmlock_store_fill(store), 0);
	KUNIT_EXPECT_EQ(test, store->nr_free, 2 * RESERVE);
	KUNIT_EXPECT_EQ(test, free_records(store), 2 * RESERVE);
}

/*
 * Without a worker there is room for 512 buckets; the 513th record asks for
 * more, and is found all the same.
 */
static void more_records_than_room_for_buckets_are_found(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	struct perfmlock_node *node;
	unsigned int i;

	KUNIT_EXPECT_EQ(test, store->room, PERFMLOCK_SEGMENT);
	for (i = 0; i < 2 * PERFMLOCK_SEGMENT; i++) {
		node = kmem_cache_alloc(store->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, node);
		node->next_free = store->free;
		store->free = node;
		store->nr_free++;
	}
	for (i = 0; i < PERFMLOCK_SEGMENT; i++)
		KUNIT_ASSERT_NOT_NULL(test, add(test, i));
	KUNIT_EXPECT_EQ(test, store->buckets, PERFMLOCK_SEGMENT);
	KUNIT_EXPECT_FALSE(test, store->low);
	KUNIT_ASSERT_NOT_NULL(test, add(test, i++));
	KUNIT_EXPECT_TRUE(test, store->low);
	KUNIT_EXPECT_EQ(test, store->buckets, PERFMLOCK_SEGMENT);
	for (; i < 2 * PERFMLOCK_SEGMENT; i++)
		KUNIT_ASSERT_NOT_NULL(test, add(test, i));

	KUNIT_EXPECT_EQ(test, perfmlock_store_fill(store), 0);
	KUNIT_EXPECT_FALSE(test, store->low);
	/* 1024 live, and 16 + 256 in reserve: three segments */
	KUNIT_EXPECT_EQ(test, store->room, 3 * PERFMLOCK_SEGMENT);
	KUNIT_ASSERT_NOT_NULL(test, add(test, i++));
	KUNIT_EXPECT_EQ(test, store->buckets, PERFMLOCK_SEGMENT + 1);
	while (i--)
		KUNIT_EXPECT_NOT_NULL(test, find(test, i));
}

/* Every bucket of linear hashing, wherever the split stands. */
static void every_key_is_found_at_every_size(struct kunit *test)
{
	struct perfmlock_store *store = store_of(test);
	unsigned int nr, i, lost = 0;

	for (nr = 0; nr < 300; nr++) {
		KUNIT_ASSERT_EQ(test, perfmlock_store_fill(store), 0);
		KUNIT_ASSERT_NOT_NULL(test, add(test, nr));
		KUNIT_EXPECT_EQ(test, store->buckets, nr + 1);
		for (i = 0; i < nr; i++) {
			struct thing *thing = find(test, i);

			lost += !thing || thing->value != i;
		}
		lost += !!find(test, nr + 1);
	}
	KUNIT_EXPECT_EQ(test, lost, 0);
}

struct load {
	const char *name;
	unsigned int nr;
	unsigned int stride;	/* of the keys */
};

static const struct load loads[] = {
	{ "1 record", 1, 1 },
	{ "2 records", 2, 1 },
	{ "a full doubling", 1024, 1 },
	{ "one more than that", 1025, 1 },
	{ "a segment less one", 511, 1 },
	{ "page apart", 5000, 64 },
	{ "40000 records", 40000, 3 },
};

static void load_name(const struct load *load, char *name)
{
	strscpy(name, load->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(load, loads, load_name);

/* The longest chain stays short, or a look-up would not. */
static unsigned int longest_chain(const struct perfmlock_store *store)
{
	unsigned int i, length, longest = 0;
	const struct hlist_node *node;

	for (i = 0; i < store->buckets; i++) {
		length = 0;
		hlist_for_each(node, &store->segment[i / PERFMLOCK_SEGMENT]
						    [i % PERFMLOCK_SEGMENT])
			length++;
		longest = max(longest, length);
	}
	return longest;
}

static void many_records_come_and_go(struct kunit *test)
{
	const struct load *load = test->param_value;
	struct perfmlock_store *store = store_of(test);
	unsigned int i, lost = 0, found = 0;
	struct thing *thing;

	for (i = 0; i < load->nr; i++) {
		if (store->low)
			KUNIT_ASSERT_EQ(test, perfmlock_store_fill(store), 0);
		thing = add(test, i * load->stride);
		KUNIT_ASSERT_NOT_NULL(test, thing);
	}
	KUNIT_EXPECT_EQ(test, store->nr, load->nr);
	KUNIT_EXPECT_LE(test, longest_chain(store), 20);
	for (i = 0; i < load->nr; i++) {
		thing = find(test, i * load->stride);
		lost += !thing || thing->value != i * load->stride;
	}
	/* every other goes, from the far end */
	for (i = load->nr; i--;)
		if (i & 1)
			del(test, find(test, i * load->stride));
	for (i = 0; i < load->nr; i++) {
		thing = find(test, i * load->stride);
		if (i & 1)
			found += !!thing;
		else
			lost += !thing || thing->value != i * load->stride;
	}
	KUNIT_EXPECT_EQ(test, lost, 0);
	KUNIT_EXPECT_EQ(test, found, 0);
	for (i = 0; i < load->nr; i += 2)
		del(test, find(test, i * load->stride));
	KUNIT_EXPECT_EQ(test, store->nr, 0);
	KUNIT_EXPECT_NULL(test, after(test, NULL));
}

static void one_that_was_never_initialised_can_be_destroyed(struct kunit *test)
{
	struct place *none = kvzalloc(sizeof(*none), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, none);
	perfmlock_store_destroy(&none->store);
	KUNIT_EXPECT_NULL(test, none->store.cache);
	kvfree(none);
}

static void a_destroyed_one_can_be_destroyed_again(struct kunit *test)
{
	KUNIT_ASSERT_NOT_NULL(test, add(test, 1));
	perfmlock_store_destroy(store_of(test));
	KUNIT_EXPECT_NULL(test, store_of(test)->cache);
	perfmlock_store_destroy(store_of(test));
}

static int store_plan(struct kunit_suite *suite)
{
	FX_PLAN("store", many_records_come_and_go, loads);
	return 0;
}

static struct kunit_case store_cases[] = {
	KUNIT_CASE(what_was_added_is_found_until_it_is_deleted),
	KUNIT_CASE(a_key_can_be_used_again),
	KUNIT_CASE(a_deleted_record_serves_again),
	KUNIT_CASE(the_list_is_in_the_order_of_creation),
	KUNIT_CASE(an_empty_store_lists_nothing),
	KUNIT_CASE(a_cursor_is_passed_over_and_keeps_its_place),
	KUNIT_CASE(all_can_be_deleted_in_a_walk),
	KUNIT_CASE(an_unhashed_record_is_listed_and_not_found),
	KUNIT_CASE(the_recent_one_is_the_one_found_or_added_last),
	KUNIT_CASE(what_is_deleted_is_in_no_bucket_when_it_serves_again),
	KUNIT_CASE(memory_runs_low_before_it_runs_out),
	KUNIT_CASE(a_full_store_is_not_filled_further),
	KUNIT_CASE(excess_is_given_back),
	KUNIT_CASE(more_records_than_room_for_buckets_are_found),
	KUNIT_CASE(every_key_is_found_at_every_size),
	KUNIT_CASE_PARAM(many_records_come_and_go, load_gen_params),
	KUNIT_CASE(one_that_was_never_initialised_can_be_destroyed),
	KUNIT_CASE(a_destroyed_one_can_be_destroyed_again),
	{}
};

static struct kunit_suite store_suite = {
	.name = "perfmlock_store",
	.suite_init = store_plan,
	.init = store_init,
	.exit = store_exit,
	.test_cases = store_cases,
};

kunit_test_suite(store_suite);
