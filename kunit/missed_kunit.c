// SPDX-License-Identifier: GPL-2.0
/*
 * Calls that no probe saw: what the books make of those beside them, and how a
 * walk through all processes makes them exact again.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../module/ledger.h"
#include "fixture.h"

/*
 * What was missed
 */

static void a_remap_of_what_was_mapped_before_the_load_adopts_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 1, 0, 33);

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_map(fx, &other, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .adopted = true, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 1);
	FX_EXPECT_TOTALS(fx);
	FX_EXPECT_USER(fx, 0, .buffers = 1);
	/* one is not known of: the event tells that it goes on */
	fx_unmap(fx, &other, 0, 0);
	FX_EXPECT_USER(fx, 0, .buffers = 1);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

/* No memory was ready for the data; the walk that mends it has not run yet. */
static void a_remap_of_what_was_not_booked_adopts_it(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_sweep(fx, nothing);
	fx_starve(fx, &fx->ledger.buffers, 0);
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	fx_map(fx, &ring, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .adopted = true);
	FX_EXPECT_USER(fx, 0, .buffers = 1);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void an_aux_area_on_what_was_not_booked_goes_with_it(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);

	fx_sweep(fx, nothing);
	fx_starve(fx, &fx->ledger.buffers, 0);
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	fx_map(fx, &area, 64, 0);
	fx_unmap(fx, &area, -64, 0);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void after_missed_calls_a_mapped_buffer_is_not_ended(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);

	fx_map(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_missed(fx);
	fx_unmap(fx, &a, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .overlaps = 1,
			 .resynced = 1);
	fx_unmap(fx, &b, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 2, .overlaps = 2,
			 .resynced = 1);
}

static void a_close_that_uncharged_was_the_last_whatever_was_counted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = a;
	struct fx_vma small = fx_ring(fx, 0, 1, 33);

	fx_map(fx, &a, 100, 33);
	fx_open(fx, &b);
	fx_kernel_unmaps(&b, 0, 0);
	fx_unmap(fx, &a, -100, -33);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .opens = 1, .closes = 1,
			 .resynced = 1);

	fx_map(fx, &small, 33, 0);
	fx_open(fx, &small);
	fx_kernel_unmaps(&small, 0, 0);
	fx_unmap(fx, &small, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .opens = 2, .closes = 2,
			 .resynced = 2);
}

/* One mapping had gone unseen: whether it was the last is for a walk to tell. */
static void what_an_event_has_let_go_of_may_have_ended(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const met[] = { &a, &b, NULL };

	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_sweep(fx, met);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 2,
			 .adopted = true);
	fx_kernel_unmaps(&b, 0, 0);
	fx_unmap(fx, &a, -33, 0);
	KUNIT_EXPECT_TRUE(test, fx->ledger.unsettled);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
}

/* And what comes to be at its address before the walk is another. */
static void what_is_mapped_after_that_at_its_address_is_new(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 0, 33);
	struct fx_vma c = fx_ring(fx, 1, 1, 33);
	const struct fx_vma *const met[] = { &a, &b, NULL };
	const void *rb;

	/* a kernel that charges re-maps: what is charged tells nothing */
	fx->ledger.model = PERFMLOCK_S6;
	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_sweep(fx, met);
	rb = a.event->rb;
	fx_kernel_unmaps(&b, 0, 0);
	fx_unmap(fx, &a, -33, 0);
	c.event->next_rb = rb;
	fx_map(fx, &c, 33, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* Whom the kernel uncharges then, nobody knows; for what is not the last, none. */
static void a_close_that_cannot_be_the_last_disturbs_nobody(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 2, 0, 50);
	const struct fx_vma *const met[] = { &old, &old, &old, NULL };
	struct fx_vma a = fx_ring(fx, 0, 1, 3), b = fx_ring(fx, 0, 2, 3);
	struct fx_vma c = fx_ring(fx, 0, 3, 3), d = fx_ring(fx, 0, 4, 3);
	struct fx_call call, close, other;

	fx_kernel_maps(fx, &old, 50, 0);
	fx_kernel_maps(fx, &old, 0, 0);
	fx_kernel_maps(fx, &old, 0, 0);
	fx_sweep(fx, met);
	fx_map(fx, &a, 3, 0);
	fx_unmap_slowly(fx, &old, 0, 0, &b);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 1);

	/* of two at once any may be, and the first has seen it begin */
	call = fx_begin_map(fx, &c);
	close = fx_begin_unmap(fx, &old);
	other = fx_begin_unmap(fx, &old);
	fx_kernel_unmaps(&old, 0, 0);
	fx_end_unmap(fx, &other);
	fx_kernel_maps(fx, &c, 3, 0);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 3, .closes = 2, .overlaps = 1);
	fx_map(fx, &d, 3, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 4, .closes = 2, .overlaps = 2);
	fx_kernel_unmaps(&old, -50, 0);
	fx_end_unmap(fx, &close);
	fx_unmap(fx, &d, -3, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 4, .closes = 4, .overlaps = 2);
	FX_EXPECT_USER(fx, 0, .kernel = 9, .correct = 9, .buffers = 3);
}

/* An AUX area can go for the last time while its data stays, and is charged too. */
static void a_close_of_an_adopted_area_may_be_its_last(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 2, 0, 50), area = fx_aux(fx, 2, 0, 64);
	const struct fx_vma *const met[] = { &old, &area, NULL };
	struct fx_vma a = fx_ring(fx, 0, 1, 3), b = fx_ring(fx, 0, 2, 3);

	fx_kernel_maps(fx, &old, 50, 0);
	fx_kernel_maps(fx, &area, 50, 14);
	fx_sweep(fx, met);
	fx_map(fx, &a, 3, 0);
	fx_unmap_slowly(fx, &area, -50, -14, &b);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 1, .overlaps = 1);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, old.event->rb), .pages = 50,
			 .maps = 1, .adopted = true);
}

/* A close that was missed may be under way at somebody's who is busy. */
static void beside_who_is_busy_any_close_may_be_the_last(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 2, 0, 50), x = fx_ring(fx, 2, 3, 3);
	struct fx_vma ring = fx_ring(fx, 2, 2, 4);
	const struct fx_vma *const met[] = { &old, &old, NULL };
	const struct fx_vma *const now[] = { &old, &ring, NULL };
	struct fx_call close, map;

	fx_kernel_maps(fx, &old, 50, 0);
	fx_kernel_maps(fx, &old, 0, 0);
	fx_sweep(fx, met);
	fx_map(fx, &ring, 4, 0);
	fx_missed(fx);
	fx->mms[2].unvisited = true;
	fx_walk(fx, now, PERFMLOCK_MARKED);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	close = fx_begin_unmap(fx, &old);
	/* the one that was missed */
	fx_kernel_unmaps(&old, 0, 0);
	map = fx_begin_map(fx, &x);
	fx_kernel_unmaps(&old, -50, 0);
	fx_kernel_maps(fx, &x, 3, 0);
	fx_end_map(fx, &map, 0);
	fx_end_unmap(fx, &close);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 1);
}

/* One that fails late closes what it has mapped, within the call. */
static void beside_a_mapping_that_may_fail_any_close_may_be_the_last(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 2, 0, 50), again = fx_ring(fx, 3, 0, 50);
	struct fx_vma a = fx_ring(fx, 0, 1, 3);
	const struct fx_vma *const met[] = { &old, NULL };
	struct fx_call failing, close;

	fx_kernel_maps(fx, &old, 50, 0);
	fx_sweep(fx, met);
	failing = fx_begin_map(fx, &again);
	fx_kernel_maps(fx, &again, 0, 0);
	close = fx_begin_unmap(fx, &old);
	fx_map(fx, &a, 3, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .overlaps = 1);
	fx_kernel_unmaps(&again, 0, 0);
	fx_kernel_unmaps(&old, -50, 0);
	fx_end_map(fx, &failing, -ENOMEM);
	fx_end_unmap(fx, &close);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/*
 * Who had a ring before the load leads another event of his to it, over and over:
 * it is listed, and no call is thought to have been missed.
 */
static void an_adopted_buffer_outlives_events_that_are_led_to_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 2, 0, 50), led = fx_ring(fx, 2, 1, 50);
	struct fx_vma next = fx_ring(fx, 2, 2, 50);
	const struct fx_vma *const met[] = { &old, NULL };
	unsigned int i;

	fx_kernel_maps(fx, &old, 50, 0);
	fx_sweep(fx, met);
	for (i = 0; i < 3; i++) {
		led.event->rb = old.event->rb;
		led.event->owner = old.event->owner;
		fx_map(fx, &led, 0, 0);
		fx_unmap(fx, &led, 0, 0);
		FX_EXPECT_BUFFER(fx, fx_buffer(fx, old.event->rb), .pages = 50,
				 .maps = 1, .adopted = true, .pid = 102);
	}
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_sweep(fx, met);
	/* it is mapped: a further event is led to it */
	next.event->next_rb = old.event->rb;
	fx_map(fx, &next, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, old.event->rb), .pages = 50,
			 .maps = 2, .adopted = true, .pid = 102);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
}

/* What is closed while a walk goes on it may have met, or not. */
static void a_close_of_an_adopted_buffer_during_a_walk_wants_another(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const met[] = { &a, &b, NULL };

	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_sweep(fx, met);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &b));
	fx_unmap(fx, &b, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &a));
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .adopted = true);
	fx_sweep(fx, (const struct fx_vma *const[]){ &a, NULL });
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .adopted = true);
}

/* What the load's walk has met of it goes before it has met the rest. */
static void what_a_walk_is_about_to_meet_was_not_missed(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma led = fx_ring(fx, 0, 1, 33);
	const struct fx_vma *const left[] = { &b, NULL };

	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	led.event->rb = a.event->rb;
	led.event->owner = a.event->owner;
	fx_kernel_maps(fx, &led, 0, 0);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &a));
	fx_unmap(fx, &a, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &b));
	fx_unmap(fx, &led, 0, 0);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.resynced, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx_sweep(fx, left);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 33, .maps = 1,
			 .adopted = true, .pid = 100);
}

/* From before the walk to after it. */
static void what_is_being_closed_is_not_counted_by_a_walk(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), a = fx_aux(fx, 0, 0, 64);
	struct fx_vma b = fx_aux(fx, 1, 0, 64);
	const struct fx_vma *const met[] = { &ring, &a, &b, NULL };
	const struct fx_vma *const now[] = { &ring, &b, NULL };
	struct fx_call close;

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &a, 64, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_sweep(fx, met);
	close = fx_begin_unmap(fx, &a);
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, now, PERFMLOCK_MET_ALL));
	fx_kernel_unmaps(&a, 0, 0);
	fx_end_unmap(fx, &close);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .adopted = true);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 1, .adopted = true);
}

static void beside_a_missed_call_u_is_inferred(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 1, 20);
	struct fx_call call = fx_begin_map(fx, &a);

	fx_kernel_maps(fx, &b, 20, 0);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_missed(fx);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .overlaps = 1);
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->unseen, 1);
	/* what was not seen may still go on */
	call = fx_begin_unmap(fx, &a);
	fx_kernel_unmaps(&a, -33, 0);
	fx->users[0].counter -= 20;
	fx_end_unmap(fx, &call);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .overlaps = 2);
}

/*
 * The walk
 */

static void a_walk_counts_the_mappings_of_adopted_buffers_anew(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 1, 0, 64);
	const struct fx_vma *const all[] = { &ring, &area, &area, NULL };
	const struct fx_vma *const fewer[] = { &area, &ring, NULL };

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &area, 64, 0);
	fx_kernel_maps(fx, &area, 0, 0);
	fx_sweep(fx, all);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 3, .adopted = true, .pid = 100);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 2, .adopted = true, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 2);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->event.cpu, 0);
	KUNIT_EXPECT_STREQ(test, fx_area(fx, ring.event->rb)->comm, "b");
	fx_sweep(fx, all);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 3);
	KUNIT_EXPECT_EQ(test, fx_area(fx, ring.event->rb)->maps, 2);
	fx_kernel_unmaps(&area, 0, 0);
	fx_sweep(fx, fewer);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 2);
	KUNIT_EXPECT_EQ(test, fx_area(fx, ring.event->rb)->maps, 1);
	FX_EXPECT_TOTALS(fx);
	fx_unmap(fx, &area, -64, 0);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
}

static void a_walk_may_meet_the_aux_area_before_its_data(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &area, &ring, NULL };

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &area, 64, 0);
	fx_sweep(fx, met);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .adopted = true);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 1, .adopted = true);
}

static void a_walk_leaves_the_counts_of_seen_buffers_alone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &ring, &area, NULL };

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 64, 0);
	fx_map(fx, &ring, 0, 0);
	fx_sweep(fx, met);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 3);
	KUNIT_EXPECT_EQ(test, fx_area(fx, ring.event->rb)->maps, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 1);
}

static void what_a_walk_does_not_meet_is_gone(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 128);
	struct fx_vma b = fx_ring(fx, 2, 1, 33), c = fx_ring(fx, 2, 2, 33);
	const struct fx_vma *const met[] = { &c, NULL };

	fx_map(fx, &a, 33, 0);
	/* the area's row comes right after its data's */
	fx_map(fx, &area, 67, 61);
	fx_map(fx, &b, 33, 0);
	fx_map(fx, &c, 33, 0);
	fx_kernel_unmaps(&area, -67, -61);
	fx_kernel_unmaps(&a, -33, 0);
	fx_kernel_unmaps(&b, -33, 0);
	fx_missed(fx);
	fx_sweep(fx, met);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 4, .stale = 3);
	fx_kernel_unmaps(&c, -33, 0);
	fx_missed(fx);
	fx_sweep(fx, nothing);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 4, .stale = 4);
	KUNIT_EXPECT_EQ(test, fx->unseen, 2);
}

/* Nothing was missed: it will be closed, by who exits just now for one. */
static void without_a_missed_call_a_walk_drops_nothing(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_map(fx, &ring, 33, 0);
	fx_sweep(fx, nothing);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .kernel_user = 33, .correct_user = 33);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1);
}

static void an_incomplete_walk_decides_nothing(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 3);
	const struct fx_vma *const met[] = { &b, NULL };

	fx_map(fx, &a, 33, 0);
	fx_map(fx, &b, 3, 0);
	fx_map(fx, &b, 0, 0);
	fx_missed(fx);
	fx->mms[0].unvisited = true;
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, met, PERFMLOCK_MET_SOME));
	KUNIT_EXPECT_FALSE(test, fx->ledger.walked);
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 2);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, b.event->rb)->maps, 2);
	/* nor does one of calm times, for what was before the load */
	fx->mms[0].unvisited = false;
	KUNIT_EXPECT_TRUE(test, fx_walk(fx, met, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_SOME));
	KUNIT_EXPECT_TRUE(test, fx->ledger.walked);
}

/* It has all of its mappings still, or is about to close them. */
static void what_is_of_an_mm_that_was_not_looked_through_stays(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), gone = fx_ring(fx, 1, 1, 3);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &gone, 3, 0);
	fx_kernel_unmaps(&gone, -3, 0);
	fx_missed(fx);
	fx->mms[0].unvisited = true;
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_TRUE(test, fx->ledger.unsettled);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 1);
	/* an earlier walk does not count */
	fx->mms[0].unvisited = false;
	perfmlock_sweep_visited(&fx->ledger, &fx->mms[0]);
	fx->mms[0].unvisited = true;
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	/* who exits cannot be looked through, and is charged until it has closed */
	fx->mms[0].gone = true;
	KUNIT_EXPECT_TRUE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .stale = 2);
}

/* Who is busy for ever keeps its own rows, and no more. */
static void who_is_too_busy_for_a_walk_does_not_keep_it_going(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma busy = fx_ring(fx, 0, 0, 33), gone = fx_ring(fx, 2, 1, 3);

	fx_map(fx, &busy, 33, 0);
	fx_map(fx, &gone, 3, 0);
	fx_kernel_unmaps(&gone, -3, 0);
	fx_missed(fx);
	fx->mms[0].unvisited = true;
	/* what was before the load may still be there: a walk is wanted for it */
	KUNIT_EXPECT_FALSE(test,
			   fx_walk(fx, nothing, PERFMLOCK_MARKED));
	KUNIT_EXPECT_FALSE(test, fx->ledger.walked);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	fx_unmap(fx, &busy, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 1, .stale = 1);
	/* but a miss meanwhile wants another */
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	fx_missed(fx);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MARKED));
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
}

/* What has ended meanwhile is told when he is met after all. */
static void who_was_too_busy_for_a_walk_is_met_later(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma busy = fx_ring(fx, 0, 0, 33);

	fx_map(fx, &busy, 33, 0);
	fx_kernel_unmaps(&busy, -33, 0);
	fx_missed(fx);
	fx->mms[0].unvisited = true;
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MARKED));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx->mms[0].unvisited = false;
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .stale = 1);
}

/* Its memory is held by somebody else: no task has it, and it maps what it did. */
static void what_an_mm_without_tasks_may_map_is_not_told(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma first = fx_ring(fx, 0, 0, 33), dead = fx_ring(fx, 1, 0, 33);
	struct fx_vma own = fx_ring(fx, 0, 1, 3), gone = fx_ring(fx, 0, 2, 3);
	const struct fx_vma *const met[] = { &first, &own, NULL };

	fx_map(fx, &first, 33, 0);
	fx_map(fx, &dead, 0, 0);
	fx_map(fx, &own, 3, 0);
	fx_map(fx, &own, 0, 0);
	fx_map(fx, &gone, 3, 0);
	fx_kernel_unmaps(&own, 0, 0);
	fx_kernel_unmaps(&gone, -3, 0);
	fx_missed(fx);
	fx->mms[1].unvisited = true;
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, met, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, first.event->rb)->maps, 2);
	/* what it never mapped is */
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, own.event->rb)->maps, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 2);
	/* nor is its absence told */
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx->mms[1].gone = true;
	KUNIT_EXPECT_TRUE(test, fx_walk(fx, met, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, first.event->rb)->maps, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Its child was told to inherit it, and is busy. */
static void what_a_child_has_inherited_is_told_by_its_walk(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), child = fx_ring(fx, 1, 0, 33);
	const struct fx_vma *const met[] = { &ring, NULL };

	fx_map(fx, &ring, 33, 0);
	fx_open(fx, &child);
	fx_missed(fx);
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, met, PERFMLOCK_MET_SOME));
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 2);
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_SOME));
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx_sweep(fx, met);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 1);
}

/* As one that exits and has mappings to close still. */
static void the_row_of_an_mm_stays_until_it_has_closed_all(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma first = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 1, 0, 33);

	fx_map(fx, &first, 33, 0);
	fx_map(fx, &other, 0, 0);
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_NOT_NULL(test, fx_mm_row(fx, &fx->mms[1]));
	fx->mms[1].gone = true;
	perfmlock_ledger_reap(&fx->ledger);
	KUNIT_EXPECT_NULL(test, fx_mm_row(fx, &fx->mms[1]));
}

/* More mappings than 16 bits count. */
static void however_many_mappings_are_counted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	unsigned int i;

	fx_map(fx, &ring, 33, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	for (i = 0; i < 70000; i++)
		fx_meet(fx, &ring);
	fx_end_walk(fx, PERFMLOCK_MET_ALL);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 70000);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.resynced, 1);
}

/* A call counts what the walk beside it counts as well: another walk is wanted. */
static void what_is_mapped_before_a_walk_meets_it_is_counted_once(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	const struct fx_vma *const both[] = { &a, &b, NULL };

	fx_kernel_maps(fx, &a, 33, 0);
	fx_sweep(fx, (const struct fx_vma *const[]){ &a, NULL });
	KUNIT_EXPECT_FALSE(test, fx->ledger.unsettled);
	perfmlock_sweep_begin(&fx->ledger);
	fx_map(fx, &b, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &a));
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &b));
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_TRUE(test, fx->ledger.unsettled);
	fx_sweep(fx, both);
	KUNIT_EXPECT_FALSE(test, fx->ledger.unsettled);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 2);
}

/* Nothing has told that calls were missed: who unmapped lives on. */
static void a_walk_settles_what_is_doubted(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 1, 0, 33);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &other, 0, 0);
	fx_kernel_unmaps(&ring, 0, 0);
	fx_kernel_unmaps(&other, -33, 0);
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	perfmlock_sweep_doubt(&fx->ledger);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.unsettled);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .stale = 1);
}

/* Probes were off, and nobody asked. */
static void what_the_dead_still_hold_was_not_seen_to_end(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 1, 0, 33);
	struct fx_vma own = fx_ring(fx, 1, 1, 33), area = fx_aux(fx, 1, 1, 64);
	struct fx_call close;

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &other, 0, 0);
	fx_map(fx, &own, 33, 0);
	fx_map(fx, &area, 34, 30);
	perfmlock_sweep_dead(&fx->ledger);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	/* whoever mapped it too may live on */
	fx->mms[0].gone = true;
	perfmlock_sweep_dead(&fx->ledger);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	/* its close is not over */
	close = fx_begin_unmap(fx, &own);
	fx->mms[1].gone = true;
	perfmlock_sweep_dead(&fx->ledger);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_kernel_unmaps(&own, 0, 0);
	fx_end_unmap(fx, &close);
	perfmlock_sweep_dead(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->unseen, 1);
	/* once: the walk that this wants settles it */
	perfmlock_sweep_dead(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx->unseen, 1);
	fx->users[0].counter = 0;
	fx->mms[1].counter = 0;
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
}

/*
 * An event that has no buffer when it is mapped, and is led to another one's
 * meanwhile (PERF_EVENT_IOC_SET_OUTPUT): a further mapping of that one.
 */
static void an_event_that_is_led_to_a_buffer_maps_it_again(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 33);

	fx_map(fx, &a, 33, 0);
	b.event->next_rb = a.event->rb;
	fx_map(fx, &b, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 2,
			 .kernel_user = 33, .correct_user = 33);
	fx_unmap(fx, &b, 0, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	fx_unmap(fx, &a, -33, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

/* The same beside another call of the user, and on a kernel that charges it. */
static void what_an_event_is_led_to_is_charged_as_any_remap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 33);
	struct fx_vma c = fx_ring(fx, 1, 2, 3);
	struct fx_call other;

	fx_map(fx, &a, 33, 0);
	b.event->next_rb = a.event->rb;
	other = fx_begin_map(fx, &c);
	fx_map(fx, &b, 0, 0);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 2);
	fx_kernel_maps(fx, &c, 3, 0);
	fx_end_map(fx, &other, 0);
	fx_unmap(fx, &b, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
	/* the kernel turns out to be one of those */
	fx_map(fx, &a, 33, 0);
	fx_map(fx, &b, 33, 0);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 3);
	FX_EXPECT_USER(fx, 0, .kernel = 102, .correct = 36, .buffers = 2,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
	/* the one of its own event */
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/* A buffer ends unseen, and the next one of @new's event is at its address. */
static void dies_unseen(struct fx *fx, const struct fx_vma *old,
			const struct fx_vma *new)
{
	fx_map(fx, old, old->pages, 0);
	new->event->next_rb = old->event->rb;
	fx_kernel_unmaps(old, -old->pages, 0);
}

/* The row of one whose end was missed is in the way of others' new buffers. */
static void a_new_buffer_of_another_size_is_no_remap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 33), new = fx_ring(fx, 2, 1, 3);

	fx->ledger.model = fx->ledger.model + 1;
	dies_unseen(fx, &old, &new);
	fx_map(fx, &new, 3, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, new.event->rb), .pages = 3,
			 .maps = 1, .kernel_user = 3, .correct_user = 3,
			 .pid = 102);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* And of their mappings' ends, and of those that are made on. */
static void a_close_of_another_size_is_of_a_new_buffer(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 5), new = fx_ring(fx, 2, 1, 3);

	dies_unseen(fx, &old, &new);
	fx_kernel_maps(fx, &new, 3, 0);
	fx_kernel_maps(fx, &new, 0, 0);
	fx_unmap(fx, &new, 0, 0);
	KUNIT_EXPECT_NULL(test, fx_buffer(fx, new.event->rb));
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.unknown_closes, 1);
	KUNIT_EXPECT_TRUE(test, fx->ledger.unsettled);
	fx_sweep(fx, (const struct fx_vma *const[]){ &new, NULL });
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, new.event->rb), .pages = 3,
			 .maps = 1, .adopted = true, .pid = 102);
}

static void a_larger_mapping_that_is_moved_is_of_a_new_buffer(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 3), new = fx_ring(fx, 2, 1, 5);

	dies_unseen(fx, &old, &new);
	fx_kernel_maps(fx, &new, 5, 0);
	fx_open(fx, &new);
	KUNIT_EXPECT_NULL(test, fx_buffer(fx, new.event->rb));
	KUNIT_EXPECT_TRUE(test, fx->ledger.unsettled);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

static void a_remap_of_another_size_is_of_a_new_buffer(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 5), new = fx_ring(fx, 2, 1, 3);

	dies_unseen(fx, &old, &new);
	fx_kernel_maps(fx, &new, 3, 0);
	fx_map(fx, &new, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, new.event->rb), .pages = 3,
			 .maps = 1, .adopted = true, .pid = 102);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void an_area_of_another_size_is_a_new_one(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), old = fx_aux(fx, 0, 0, 8);
	struct fx_vma new = fx_aux(fx, 0, 0, 4);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &old, 8, 0);
	fx_kernel_unmaps(&old, -8, 0);
	fx_map(fx, &new, 4, 0);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 4,
			 .maps = 1, .kernel_user = 4, .correct_user = 4);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 33, .correct_user = 33);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_TRUE(test, fx->ledger.unsettled);
	fx_unmap(fx, &new, -4, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

static void a_new_buffer_in_the_place_of_a_dead_ones_is_no_remap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 3), new = fx_ring(fx, 2, 1, 3);

	fx->ledger.model = fx->ledger.model + 1;
	dies_unseen(fx, &old, &new);
	fx->mms[0].gone = true;
	fx_map(fx, &new, 3, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, new.event->rb), .pages = 3,
			 .maps = 1, .kernel_user = 3, .correct_user = 3,
			 .pid = 102);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* A return that could not be booked, and of which the next call tells. */
static void a_call_that_was_left_is_under_way_no_more(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct perfmlock_call *free = fx->ledger.free_call;
	struct fx_call of_a, of_b;
	unsigned long flags;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending);
	of_a.call->left = true;
	of_a.call->left_rb = a.event->rb;
	fx_missed(fx);
	perfmlock_lock(&fx->ledger, flags);
	perfmlock_end_left(&fx->ledger);
	perfmlock_unlock(&fx->ledger, flags);
	KUNIT_EXPECT_FALSE(test, fx_buffer(fx, a.event->rb)->pending);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->under_way, 0);
	KUNIT_EXPECT_PTR_EQ(test, fx->ledger.free_call, free);

	/* and one that is under way still is not touched */
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	of_b.call->left = true;
	fx_missed(fx);
	perfmlock_lock(&fx->ledger, flags);
	perfmlock_end_left(&fx->ledger);
	perfmlock_unlock(&fx->ledger, flags);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 1);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->closing, 1);
	fx_kernel_unmaps(&b, 0, 0);
	fx_kernel_unmaps(&a, -33, 0);
	fx_end_unmap(fx, &of_a);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 0);
}

/* Between the call's place and its begin a left one is found, and ended. */
static void a_place_that_is_taken_is_not_given_to_another(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 1, 33);
	struct perfmlock_call *call;
	struct fx_call left;
	unsigned long flags;

	left = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	left.call->left = true;
	left.call->left_rb = a.event->rb;
	fx_missed(fx);
	perfmlock_lock(&fx->ledger, flags);
	fx->caller = b.of;
	call = perfmlock_call_new(&fx->ledger);
	call->event = b.event;
	perfmlock_end_left(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, perfmlock_map_begin(&fx->ledger, call,
						    b.of->user));
	perfmlock_unlock(&fx->ledger, flags);
	fx_check(fx, "a left call has ended");
	perfmlock_lock(&fx->ledger, flags);
	perfmlock_map_end(&fx->ledger, call, -ENOMEM, NULL, 33, 0);
	perfmlock_unlock(&fx->ledger, flags);
	fx_check(fx, "all have ended");
}

/* The kernel's last close has not returned when an area of another size is made. */
static void a_new_area_is_not_what_an_old_ones_close_ends(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), old = fx_aux(fx, 0, 0, 8);
	struct fx_vma new = fx_aux(fx, 0, 0, 4);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &old, 8, 0);
	fx_unmap_slowly(fx, &old, -8, 0, &new);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 4,
			 .maps = 1, .kernel_user = 4, .correct_user = 4);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 33, .correct_user = 33);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_unmap(fx, &new, -4, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

/* One of its mappings went unseen, and the other is going. */
static void what_is_being_closed_of_an_old_area_is_taken_off_once(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), old = fx_aux(fx, 0, 0, 8);
	struct fx_vma new = fx_aux(fx, 0, 0, 4);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &old, 8, 0);
	fx_map(fx, &old, 0, 0);
	fx_kernel_unmaps(&old, 0, 0);
	fx_unmap_slowly(fx, &old, -8, 0, &new);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 33, .correct_user = 33);
}

/* Likewise, through another event that was led to the buffer. */
static void an_old_area_may_be_closed_through_another_event(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), led = fx_ring(fx, 0, 1, 33);
	struct fx_vma old = fx_aux(fx, 0, 1, 8), new = fx_aux(fx, 0, 0, 4);

	fx_map(fx, &ring, 33, 0);
	led.event->rb = ring.event->rb;
	led.event->owner = ring.event->owner;
	fx_map(fx, &led, 0, 0);
	fx_map(fx, &old, 8, 0);
	fx_unmap_slowly(fx, &old, -8, 0, &new);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 3);
}

/* Processes that share their memory: what is mapped there is mapped once. */
static void of_who_shares_an_mm_one_looks_through_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct perfmlock_actor actor = {
		.user = &fx->users[0], .uid = 1000, .pid = 100,
	};
	bool taken;
	unsigned long flags;

	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_lock(&fx->ledger, flags);
	fx->caller = &fx->processes[0];
	KUNIT_EXPECT_TRUE(test, perfmlock_sweep_claim(&fx->ledger, &actor,
						      &fx->mms[0], &taken));
	KUNIT_EXPECT_FALSE(test, taken);
	KUNIT_EXPECT_TRUE(test, perfmlock_sweep_claim(&fx->ledger, &actor,
						      &fx->mms[0], &taken));
	KUNIT_EXPECT_FALSE(test, taken);
	actor.pid = 199;
	KUNIT_EXPECT_TRUE(test, perfmlock_sweep_claim(&fx->ledger, &actor,
						      &fx->mms[0], &taken));
	KUNIT_EXPECT_TRUE(test, taken);
	perfmlock_unlock(&fx->ledger, flags);
	/* another walk may begin with the other */
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_lock(&fx->ledger, flags);
	KUNIT_EXPECT_TRUE(test, perfmlock_sweep_claim(&fx->ledger, &actor,
						      &fx->mms[0], &taken));
	KUNIT_EXPECT_FALSE(test, taken);
	perfmlock_unlock(&fx->ledger, flags);
	fx_starve(fx, &fx->ledger.mms, 0);
	perfmlock_lock(&fx->ledger, flags);
	KUNIT_EXPECT_FALSE(test, perfmlock_sweep_claim(&fx->ledger, &actor,
						       &fx->mms[1], &taken));
	perfmlock_unlock(&fx->ledger, flags);
}

/*
 * Who looked through it has gone in the middle: what it had not come to nobody has
 * looked at, and no memory was ready for what was mapped there.
 */
static void an_mm_that_was_not_looked_through_wants_another_walk(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const met[] = { &ring, NULL };
	struct perfmlock_actor actor = {
		.user = &fx->users[0], .uid = 1000, .pid = 100,
	};
	unsigned long flags;
	bool taken;

	fx_starve(fx, &fx->ledger.buffers, 0);
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	perfmlock_sweep_begin(&fx->ledger);
	fx->caller = &fx->processes[0];
	perfmlock_lock(&fx->ledger, flags);
	KUNIT_EXPECT_TRUE(test, perfmlock_sweep_claim(&fx->ledger, &actor,
						      &fx->mms[0], &taken));
	perfmlock_unlock(&fx->ledger, flags);
	KUNIT_EXPECT_FALSE(test, perfmlock_sweep_end(&fx->ledger,
						     PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_FALSE(test, fx->ledger.walked);
	fx_sweep(fx, met);
	KUNIT_EXPECT_TRUE(test, fx->ledger.walked);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .adopted = true);
}

/*
 * Who was busy all the time may be in a call that was missed, however long it
 * takes: of that user, and of him alone, calls are beside others.
 */
static void a_missed_call_may_go_on_for_ever(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 2, 1, 33);
	struct fx_vma newcomer = fx_ring(fx, 3, 2, 3);
	const struct fx_vma *const met[] = { &ring, &other, &newcomer, NULL };
	struct fx_call call;

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &other, 33, 0);
	/* nothing was missed: whoever is busy may be */
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_sweep_busy(&fx->ledger, &fx->users[0]);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MARKED));
	fx_open(fx, &ring);
	fx_unmap(fx, &ring, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_sweep_busy(&fx->ledger, &fx->users[0]);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &other));
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MARKED));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	/* it charges beside a re-map, which is charged nothing: nothing is told */
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.model, PERFMLOCK_MODEL_DEFAULT);
	fx_map(fx, &other, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 1);
	/* whose first call it is may be of who is busy */
	fx_map(fx, &newcomer, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 2);
	/* what begins before the next walk has met everybody is beside others */
	call = fx_begin_map(fx, &ring);
	fx_sweep(fx, met);
	fx_kernel_maps(fx, &ring, 0, 0);
	fx_end_map(fx, &call, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 3);
	fx_map(fx, &ring, 0, 0);
	fx_unmap(fx, &newcomer, -3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 3);
}

/* The first user is, after a call was missed, in a walk that goes on. */
static void begin_to_be_busy(struct fx *fx, struct fx_vma *ring)
{
	fx_map(fx, ring, 33, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_sweep_busy(&fx->ledger, &fx->users[0]);
	KUNIT_EXPECT_TRUE(fx->test, fx_meet(fx, ring));
}

/* The walk that meets everybody has begun before his first call. */
/* Somebody else was, of whom a call may be under way. */
static void who_is_busy_later_has_nothing_under_way(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 2, 1, 33);
	struct fx_vma next = fx_ring(fx, 2, 2, 3);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &other, 33, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_sweep_busy(&fx->ledger, &fx->users[0]);
	fx_end_walk(fx, PERFMLOCK_MARKED);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_sweep_busy(&fx->ledger, &fx->users[0]);
	perfmlock_sweep_busy(&fx->ledger, &fx->users[1]);
	fx_end_walk(fx, PERFMLOCK_MARKED);
	fx_map(fx, &next, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 0);
}

static void who_comes_during_a_walk_is_not_busy_for_good(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), newcomer = fx_ring(fx, 2, 1, 3);

	begin_to_be_busy(fx, &ring);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MARKED));
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	fx_map(fx, &newcomer, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 1);
	KUNIT_EXPECT_TRUE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	fx_unmap(fx, &newcomer, -3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 1);
}

/* He may be of who was busy, and had no row when that one was looked for. */
static void who_comes_after_a_miss_may_be_busy(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), newcomer = fx_ring(fx, 2, 1, 3);

	begin_to_be_busy(fx, &ring);
	fx_map(fx, &newcomer, 3, 0);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MARKED));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_unmap(fx, &newcomer, -3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 2);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	KUNIT_EXPECT_TRUE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	/* where nobody is busy, a mark that was left is an old one */
	fx_user_row(fx, &fx->users[1])->busy = true;
	fx_map(fx, &newcomer, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 2);
}

/* 60 of 100 pages have ended unseen, and are no part of what 50 more meet. */
static void what_has_ended_unseen_makes_no_map_wrong(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma gone = fx_ring(fx, 0, 0, 60), ring = fx_ring(fx, 0, 1, 33);

	fx_map(fx, &gone, 60, 0);
	fx_kernel_unmaps(&gone, -60, 0);
	fx_missed(fx);
	fx_map(fx, &ring, 33, 0);
	ring = fx_ring(fx, 0, 2, 17);
	fx_map(fx, &ring, 17, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 3, .overlaps = 2);
}

/* What is listed of it is what a walk has counted. */
static void what_an_event_was_led_to_may_live_on(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 33);
	const struct fx_vma *const met[] = { &a, NULL };
	unsigned int unseen;

	fx_kernel_maps(fx, &a, 33, 0);
	fx_sweep(fx, met);
	b.event->next_rb = a.event->rb;
	fx_map(fx, &b, 0, 0);
	unseen = fx->unseen;
	fx_unmap(fx, &b, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->unseen, unseen + 1);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 1);
	fx_sweep(fx, met);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .adopted = true);
}

/*
 * What calls do while others may go unseen is inferred; but a re-map's charge is
 * known by its amount, until the kernel has been seen not to charge one.
 */
struct careful {
	const char *name;
	bool refuted;
	long charge;		/* of a re-map of 33 pages */
	long kept;		/* of that in the books */
};

static const struct careful carefuls[] = {
	{ "a re-map is charged", false, 33, 33 },
	{ "something else moves U", false, 32, 0 },
	{ "others give back", false, -33, 0 },
	{ "this kernel charges none", true, 33, 0 },
};

static void careful_name(const struct careful *careful, char *name)
{
	strscpy(name, careful->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(careful, carefuls, careful_name);

static void a_leak_in_careful_times_is_the_kernels(struct kunit *test)
{
	const struct careful *careful = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx->users[0].counter = 40;
	if (careful->refuted) {
		fx_map(fx, &ring, 33, 0);
		fx_map(fx, &ring, 0, 0);
		fx_unmap(fx, &ring, 0, 0);
		fx_unmap(fx, &ring, -33, 0);
	}
	fx_missed(fx);
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, careful->charge, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel,
			careful->kept);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, !!careful->kept);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* It may as well be a mapping of the user's that nobody saw. */
static void what_a_close_in_careful_times_leaves_is_foreign(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a, of_b;

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &other, 0, 0);
	fx_missed(fx);
	of_a = fx_begin_unmap(fx, &ring);
	of_b = fx_begin_unmap(fx, &other);
	fx_end_unmap(fx, &of_b);
	ring.event->rb = NULL;
	fx_end_unmap(fx, &of_a);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
}

static void the_close_of_who_exits_comes_after_a_walk(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133);

	fx_map(fx, &ring, 100, 33);
	fx_missed(fx);
	fx->mms[0].unvisited = true;
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	fx_unmap(fx, &ring, -100, -33);
	fx->mms[0].gone = true;
	KUNIT_EXPECT_TRUE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1);
}

/* Its mapping is out of the mm, and its pages are still charged. */
static void what_is_being_closed_during_a_walk_stays(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	struct fx_call close;

	fx_map(fx, &ring, 33, 0);
	fx_missed(fx);
	close = fx_begin_unmap(fx, &ring);
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx_kernel_unmaps(&ring, -33, 0);
	fx_end_unmap(fx, &close);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
}

/* Two that map an event at once: whose the row is, is not known yet. */
static void what_is_pending_during_a_walk_stays(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a = fx_begin_map(fx, &a);

	fx_kernel_maps(fx, &a, 33, 0);
	fx_map(fx, &b, 0, 0);
	fx_missed(fx);
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 2,
			 .kernel_user = 33, .correct_user = 33, .pid = 100);
}

static void a_miss_during_a_walk_wants_another(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const met[] = { &ring, NULL };

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 0, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	fx_missed(fx);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 2);
	fx_sweep(fx, met);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 1);
}

/* A close and a map were not seen: a ring has one too many, one too few. */
static void a_walk_mends_the_counts_after_missed_calls(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 1, 3);
	struct fx_vma area = fx_aux(fx, 0, 0, 64), busy = fx_ring(fx, 2, 2, 3);
	const struct fx_vma *const met[] = { &a, &area, &b, &b, NULL };
	unsigned int i;

	fx_map(fx, &a, 33, 0);
	fx_map(fx, &area, 64, 0);
	fx_map(fx, &a, 0, 0);
	fx_map(fx, &b, 3, 0);
	fx_map(fx, &busy, 3, 0);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &busy));
	/* one more that the walk has passed by */
	fx_map(fx, &busy, 0, 0);
	for (i = 0; met[i]; i++)
		KUNIT_EXPECT_TRUE(test, fx_meet(fx, met[i]));
	/* of that one another is to tell */
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 2);
	KUNIT_EXPECT_EQ(test, fx_area(fx, a.event->rb)->maps, 1);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, b.event->rb)->maps, 2);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, busy.event->rb)->maps, 2);
	FX_EXPECT_TOTALS(fx, .mmaps = 4, .remaps = 2, .overlaps = 1,
			 .resynced = 2);
	/* so each ends with its last */
	fx_unmap(fx, &area, -64, 0);
	fx_unmap(fx, &a, -33, 0);
	fx_unmap(fx, &b, 0, 0);
	fx_unmap(fx, &b, -3, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.resynced, 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* More than one batch of them, so that the lock is let go in between. */
static void a_walk_settles_however_many_there_are(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	const unsigned int nr = 3 * PERFMLOCK_BATCH + 1;
	struct fx *fx = test->priv;
	struct fx_event *events;
	struct fx_vma ring;
	unsigned int i;

	events = kunit_kcalloc(test, nr, sizeof(*events), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, events);
	ring = fx_ring(fx, 0, 0, 1);
	for (i = 0; i < nr; i++) {
		ring.event = &events[i];
		fx_map(fx, &ring, 1, 0);
	}
	for (i = 0; i < nr; i++) {
		ring.event = &events[i];
		fx_kernel_unmaps(&ring, -1, 0);
	}
	fx_missed(fx);
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, nr);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

static void the_walk_asks_whom_the_books_know(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	KUNIT_EXPECT_FALSE(test, perfmlock_sweep_knows(&fx->ledger, &fx->mms[0]));
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_TRUE(test, perfmlock_sweep_knows(&fx->ledger, &fx->mms[0]));
	KUNIT_EXPECT_FALSE(test, perfmlock_sweep_knows(&fx->ledger, &fx->mms[1]));
}

/* Mapped behind the walk's back: it cannot be met, and lives. */
static void what_a_call_touched_during_a_walk_stays(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 3), again = fx_ring(fx, 1, 0, 3);
	struct fx_vma opened = fx_ring(fx, 0, 1, 3), fresh = fx_ring(fx, 0, 2, 3);
	struct fx_vma closed = fx_ring(fx, 0, 3, 3);

	fx_map(fx, &old, 3, 0);
	fx_map(fx, &opened, 3, 0);
	fx_map(fx, &closed, 3, 0);
	fx_map(fx, &closed, 0, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	fx_map(fx, &again, 0, 0);
	fx_open(fx, &opened);
	fx_unmap(fx, &closed, 0, 0);
	fx_map(fx, &fresh, 3, 0);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 4);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
	KUNIT_EXPECT_TRUE(test, fx->ledger.walked);
}

/* By the walk and by the call: whoever looks next knows better. */
static void what_is_adopted_beside_calls_is_counted_again(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3), again = fx_ring(fx, 1, 0, 3);
	const struct fx_vma *const both[] = { &ring, &again, NULL };

	fx->ledger.unsettled = true;
	fx_kernel_maps(fx, &ring, 3, 0);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	fx_map(fx, &again, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &again));
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_TRUE(test, fx_walk(fx, both, PERFMLOCK_MET_ALL));
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 3,
			 .maps = 2, .adopted = true, .pid = 100);
}

/* A close was missed before the walk, and a map comes during it. */
static void what_is_wrong_and_touched_is_counted_again(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3), again = fx_ring(fx, 1, 0, 3);
	const struct fx_vma *const both[] = { &ring, &again, NULL };

	fx_map(fx, &ring, 3, 0);
	fx_map(fx, &again, 0, 0);
	fx_kernel_unmaps(&again, 0, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	fx_map(fx, &again, 0, 0);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_TRUE(test, fx_walk(fx, both, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 2);
}

static void an_aux_area_may_have_ended_and_its_data_not(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &ring, NULL };

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 64, 0);
	fx_kernel_unmaps(&area, -64, 0);
	fx_missed(fx);
	fx_sweep(fx, met);
	KUNIT_EXPECT_NULL(test, fx_area(fx, ring.event->rb));
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 1);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Of another user, and no probe saw either go or come. */
static void a_walk_tells_another_buffer_by_its_size(struct kunit *test)
{
	static const long sizes[] = { 3, 65 };
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 33), new;
	const struct fx_vma *const met[] = { &new, NULL };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		new = fx_ring(fx, 2, 1, sizes[i]);
		fx_map(fx, &old, 33, 0);
		new.event->next_rb = old.event->rb;
		fx_kernel_unmaps(&old, -33, 0);
		fx_kernel_maps(fx, &new, new.pages, 0);
		fx_missed(fx);
		KUNIT_EXPECT_FALSE(test, fx_walk(fx, met, PERFMLOCK_MET_ALL));
		KUNIT_EXPECT_TRUE(test, fx_walk(fx, met, PERFMLOCK_MET_ALL));
		KUNIT_EXPECT_EQ(test, fx_buffer(fx, new.event->rb)->pages,
				sizes[i]);
		KUNIT_EXPECT_EQ(test, fx_buffer(fx, new.event->rb)->pid, 102);
		KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 1);
		FX_EXPECT_USER(fx, 0, .kernel = 0);
		fx_unmap(fx, &new, -new.pages, 0);
		KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	}
}

/* Also where it meets an AUX area of it first, of which the size is the same. */
static void a_walk_tells_it_behind_its_aux_area(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 3), area = fx_aux(fx, 0, 0, 4);
	struct fx_vma ring = fx_ring(fx, 2, 1, 33), behind = fx_aux(fx, 2, 1, 4);
	const struct fx_vma *const met[] = { &behind, &ring, NULL };

	fx_map(fx, &old, 3, 0);
	fx_map(fx, &area, 4, 0);
	ring.event->next_rb = old.event->rb;
	fx_kernel_unmaps(&area, -4, 0);
	fx_kernel_unmaps(&old, -3, 0);
	fx_kernel_maps(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &behind, 4, 0);
	fx_missed(fx);
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, met, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_TRUE(test, fx_walk(fx, met, PERFMLOCK_MET_ALL));
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .adopted = true, .pid = 102);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 4,
			 .maps = 1, .adopted = true, .pid = 102);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 2);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

/* And while its row was left to a close that is under way. */
static void behind_a_row_that_is_being_closed_the_area_is_met_later(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 3), area = fx_aux(fx, 0, 0, 4);
	struct fx_vma ring = fx_ring(fx, 2, 1, 33), behind = fx_aux(fx, 2, 1, 4);
	const struct fx_vma *const met[] = { &behind, &ring, NULL };
	struct fx_call close;

	fx_map(fx, &old, 3, 0);
	fx_map(fx, &area, 4, 0);
	ring.event->next_rb = old.event->rb;
	close = fx_begin_unmap(fx, &old);
	fx_kernel_unmaps(&area, -4, 0);
	fx_kernel_unmaps(&old, -3, 0);
	fx_kernel_maps(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &behind, 4, 0);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &behind));
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	fx_end_unmap(fx, &close);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	fx_sweep(fx, met);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .adopted = true, .pid = 102);
}

/* What is left of one is in two mappings, each with a part of the pages. */
static void a_split_mapping_is_no_other_buffers(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), low, high, area;
	const struct fx_vma *const met[] = { &low, &high, NULL };

	fx_map(fx, &ring, 33, 0);
	low = ring;
	low.pages = 30;
	high = ring;
	high.pages = 2;
	high.pgoff = 31;
	fx_open(fx, &high);
	fx_missed(fx);
	fx_sweep(fx, met);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 33, .correct_user = 33,
			 .pid = 100);
	/* one that was only moved has them all */
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, ring.event->rb)->split);
	ring = fx_ring(fx, 0, 1, 3);
	fx_map(fx, &ring, 3, 0);
	fx_open(fx, &ring);
	KUNIT_EXPECT_FALSE(test, fx_buffer(fx, ring.event->rb)->split);
	/* and an area behind it, that was not booked, is not a part of it */
	area = fx_aux(fx, 0, 1, 64);
	fx_open(fx, &area);
	KUNIT_EXPECT_FALSE(test, fx_buffer(fx, ring.event->rb)->split);
}

/* Where none can be, a smaller one that is moved is one of another buffer. */
static void where_none_is_split_a_smaller_one_is_anothers(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 33), new = fx_ring(fx, 0, 1, 3);
	const struct fx_vma *const met[] = { &new, NULL };

	fx->ledger.no_splits = true;
	fx_map(fx, &old, 33, 0);
	new.event->next_rb = old.event->rb;
	fx_kernel_unmaps(&old, -33, 0);
	fx_kernel_maps(fx, &new, 3, 0);
	fx_open(fx, &new);
	fx_kernel_unmaps(&new, 0, 0);
	KUNIT_EXPECT_NULL(test, fx_buffer(fx, new.event->rb));
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, new.event->rb), .pages = 3,
			 .maps = 1, .pid = 100, .adopted = true);
}

static void who_maps_what_its_area_told_of_tells_the_size(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &area, NULL };

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &area, 64, 0);
	fx_kernel_unmaps(&ring, 0, 0);
	fx_sweep(fx, met);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->pages, 0);
	fx_map(fx, &ring, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .adopted = true, .pid = 100);
}

/* The row of an adopted one whose end was missed is in the way, likewise. */
static void a_new_buffer_is_not_what_was_adopted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 33), new = fx_ring(fx, 2, 1, 3);
	const struct fx_vma *const met[] = { &old, NULL };

	fx_kernel_maps(fx, &old, 33, 0);
	fx_sweep(fx, met);
	new.event->next_rb = old.event->rb;
	fx_kernel_unmaps(&old, -33, 0);
	fx_map(fx, &new, 3, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, new.event->rb), .pages = 3,
			 .maps = 1, .kernel_user = 3, .correct_user = 3,
			 .pid = 102);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
}

static int missed_plan(struct kunit_suite *suite)
{
	FX_PLAN("missed", a_leak_in_careful_times_is_the_kernels, carefuls);
	return 0;
}

/* Of two that map an event one returns, its close is missed, and the other fails. */
static void a_pending_row_that_ended_unseen_goes(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma failing = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_vma later = fx_ring(fx, 2, 1, 33);
	struct fx_call call;

	call = fx_begin_map(fx, &failing);
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, ring.event->rb)->pending);
	fx_kernel_unmaps(&ring, -33, 0);
	fx_missed(fx);
	/* it may have made it, and return with it */
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx_end_map(fx, &call, -EINVAL);
	/* who comes later cannot have */
	call = fx_begin_map(fx, &later);
	fx_sweep(fx, nothing);
	fx_end_map(fx, &call, -EINVAL);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.unsettled);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->under_way, 0);
}

/* A missed call has made it, and @ring has met it, while @slow is under way. */
static struct fx_call pending_beside(struct fx *fx, const struct fx_vma *slow,
				     const struct fx_vma *ring)
{
	struct fx_call call = fx_begin_map(fx, slow);

	fx_kernel_maps(fx, ring, 33, 0);
	fx_missed(fx);
	fx_map(fx, ring, 0, 0);
	return call;
}

/* A walk meets nothing; and when a call has found the user quiet, all is as before. */
static void nothing_stays(struct fx *fx, const struct fx_vma *vma)
{
	static const struct fx_vma *const nothing[] = { NULL };

	fx_sweep(fx, nothing);
	fx_fail(fx, vma, -EINVAL, 0, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(fx->test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(fx->test, fx_user_row(fx, &fx->users[0])->foreign, 0);
	KUNIT_EXPECT_EQ(fx->test, fx->ledger.totals.drifts, 0);
}

/* Who made it was missed, and who met it unmaps it before another one returns. */
static void a_pending_row_that_ends_was_another_ones(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma slow = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_call call;

	call = pending_beside(fx, &slow, &ring);
	fx_kernel_unmaps(&ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	fx_end_map(fx, &call, -EINVAL);
	nothing_stays(fx, &ring);
}

/* Likewise where its last close is missed, and the other one returns without it. */
static void a_pending_row_that_is_lost_was_another_ones(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma slow = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_call call;

	call = pending_beside(fx, &slow, &ring);
	fx_unmap(fx, &ring, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, ring.event->rb)->pending);
	fx_kernel_unmaps(&ring, -33, 0);
	fx_end_map(fx, &call, -EINVAL);
	nothing_stays(fx, &ring);
}

/* Likewise where the other returns with it: that he made it is not known. */
static void a_pending_row_that_the_last_returns_with_is_nobodys(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma slow = fx_ring(fx, 2, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_vma missed = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const met[] = { &missed, &ring, &slow, NULL };
	struct fx_call call;

	call = fx_begin_map(fx, &slow);
	fx_kernel_maps(fx, &missed, 33, 0);
	fx_missed(fx);
	fx_map(fx, &ring, 0, 0);
	fx_kernel_maps(fx, &slow, 0, 0);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .adopted = true, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->books.kernel, 0);
	fx_sweep(fx, met);
	fx_unmap(fx, &missed, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &slow, -33, 0);
	nothing_stays(fx, &ring);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->foreign, 0);
}

/* Nor where he did: what he was charged is no re-map's. */
static void what_the_last_to_return_was_charged_in_careful_times_is_foreign(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma slow = fx_ring(fx, 2, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	const struct fx_vma *const met[] = { &ring, &slow, NULL };
	struct fx_call call;

	fx_missed(fx);
	call = fx_begin_map(fx, &slow);
	fx_kernel_maps(fx, &slow, 33, 0);
	fx_map(fx, &ring, 0, 0);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .adopted = true, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->books.cause,
			PERFMLOCK_NO_CAUSE);
	fx_sweep(fx, met);
	fx_fail(fx, &slow, -EINVAL, 0, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->foreign, 33);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &slow, -33, 0);
	nothing_stays(fx, &slow);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->foreign, 0);
}

/* Likewise where who met it, too, began before it was made. */
static void a_pending_row_that_any_can_have_made_is_not_lost(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma slow = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_call of_slow, of_ring;

	of_slow = fx_begin_map(fx, &slow);
	of_ring = fx_begin_map(fx, &ring);
	fx_kernel_maps(fx, &ring, 33, 0);
	fx_missed(fx);
	fx_kernel_maps(fx, &ring, 0, 0);
	fx_end_map(fx, &of_ring, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, ring.event->rb)->pending ==
				PERFMLOCK_MAYBE_FIRST);
	fx_unmap(fx, &ring, 0, 0);
	fx_kernel_unmaps(&ring, -33, 0);
	fx_end_map(fx, &of_slow, -EINVAL);
	nothing_stays(fx, &ring);
}

/* While a walk is under way, that may have met another mapping of it, it stays. */
static void a_pending_row_that_ends_beside_a_walk_is_told_by_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma slow = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_vma led = fx_ring(fx, 2, 1, 33);
	const struct fx_vma *const met[] = { &led, NULL };
	struct fx_call call;

	call = pending_beside(fx, &slow, &ring);
	led.event->rb = ring.event->rb;
	led.event->owner = ring.event->owner;
	led.event->maps = 1;
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &ring));
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &led));
	ring.event->maps = 1;
	fx_unmap(fx, &ring, 0, 0);
	fx_end_walk(fx, PERFMLOCK_MET_ALL);
	KUNIT_EXPECT_NOT_NULL(test, fx_buffer(fx, led.event->rb));
	fx_end_map(fx, &call, -EINVAL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_unmap(fx, &led, -33, 0);
	nothing_stays(fx, &ring);
}

/* Likewise with an AUX area behind it, that was seen. */
static void with_it_goes_the_area_that_was_seen(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma slow = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_vma area = fx_aux(fx, 1, 0, 16);
	struct fx_call call;

	call = pending_beside(fx, &slow, &ring);
	fx_map(fx, &area, 16, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 16, .correct = 16, .buffers = 2);
	fx_kernel_unmaps(&ring, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &area, -49, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	fx_end_map(fx, &call, -EINVAL);
	nothing_stays(fx, &ring);
}

/* Whatever no memory was ready for, a walk finds. */
static void without_memory_for_a_remap_a_walk_counts_it(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 1, 0, 33);
	const struct fx_vma *const met[] = { &ring, &other, NULL };

	fx_sweep(fx, nothing);
	fx_map(fx, &ring, 33, 0);
	fx_starve(fx, &fx->ledger.mms, 0);
	fx_map(fx, &other, 0, 0);
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 1);
	fx_sweep(fx, met);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 2);
	fx_unmap(fx, &ring, 0, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_unmap(fx, &other, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .pool_empty = 1, .closes = 2,
			 .resynced = 1);
}

/* Its last mapping and its event went in the middle of a walk. */
static void an_end_that_was_seen_in_a_walk_is_not_stale(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const met[] = { &ring, NULL };

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_sweep(fx, met);
	perfmlock_sweep_begin(&fx->ledger);
	fx_unmap(fx, &ring, -33, 0);
	fx_end_walk(fx, PERFMLOCK_MET_ALL);
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .closes = 1);
}

/* An area that was missed is adopted on a ring that was seen, and goes beside a walk. */
static void an_area_adopted_on_a_ring_ends_beside_a_walk(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &ring, &area, NULL };

	fx_map(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &area, 64, 0);
	fx_missed(fx);
	fx_sweep(fx, met);
	perfmlock_sweep_begin(&fx->ledger);
	fx_unmap(fx, &area, -64, 0);
	fx_end_walk(fx, PERFMLOCK_MET_ALL);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	/* the next one, of another size */
	area.pages = 32;
	fx_map(fx, &area, 32, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.model, PERFMLOCK_MODEL_DEFAULT);
	FX_EXPECT_USER(fx, 0, .kernel = 65, .correct = 65, .buffers = 2);
}

/* Its event has led another one to it, and got a new buffer since: nobody asks. */
static void a_pending_row_that_nobody_returns_for_is_booked_by_a_walk(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma led = fx_ring(fx, 1, 1, 33);
	const struct fx_vma *const met[] = { &led, &a, NULL };
	struct fx_call of_a;

	of_a = fx_begin_map(fx, &a);
	fx_map(fx, &b, 33, 0);
	led.event->rb = b.event->rb;
	led.event->owner = b.event->owner;
	fx_map(fx, &led, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, led.event->rb)->pending);
	b.event->rb = NULL;
	b.event->maps = 0;
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	KUNIT_EXPECT_FALSE(test, fx_buffer(fx, led.event->rb)->pending);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->under_way, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 66, .buffers = 2);
}

/* An event has let go of a buffer, and another is led to it in its perf_mmap(). */
static void a_buffer_that_an_event_is_led_to_meanwhile_stays(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 2, 0, 50), led = fx_ring(fx, 2, 1, 50);
	struct fx_vma next = fx_ring(fx, 2, 2, 50);
	const struct fx_vma *const met[] = { &old, NULL };

	fx_kernel_maps(fx, &old, 50, 0);
	fx_sweep(fx, met);
	led.event->rb = old.event->rb;
	led.event->owner = old.event->owner;
	fx_map(fx, &led, 0, 0);
	fx_unmap(fx, &led, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, old.event->rb)->left);
	next.event->next_rb = old.event->rb;
	fx_map(fx, &next, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, old.event->rb)->adopted);
	FX_EXPECT_MM(fx, 2, .kernel = 0, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
}

/* Who made it nobody saw return: how it was divided the last unmap tells. */
static void what_a_left_call_has_made_is_guessed(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	const struct fx_vma *const met[] = { &b, NULL };
	struct fx_call of_a, of_b;
	unsigned long flags;

	/* two threads of one process */
	fx->processes[1].mm = fx->processes[0].mm;
	fx->limit = 1;
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	/* the other is charged when this one has returned */
	fx->users[0].counter += 1;
	fx->mms[0].counter += 32;
	of_a.call->left = true;
	of_a.call->left_rb = b.event->rb;
	fx_missed(fx);
	perfmlock_lock(&fx->ledger, flags);
	perfmlock_end_left(&fx->ledger);
	perfmlock_unlock(&fx->ledger, flags);
	KUNIT_EXPECT_FALSE(test, fx_buffer(fx, b.event->rb)->pending);
	fx_sweep(fx, met);
	fx_unmap(fx, &b, -1, -32);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* All of both is on M, and of the first one's end nobody has told. */
static void a_new_ring_on_m_alone_is_no_remap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	const void *rb;

	fx->limit = 0;
	fx_map(fx, &ring, 0, 33);
	rb = ring.event->rb;
	fx_kernel_unmaps(&ring, 0, -33);
	ring.event->next_rb = rb;
	fx_map(fx, &ring, 0, 33);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, rb), .pages = 33, .maps = 1,
			 .kernel_mm = 33, .correct_mm = 33);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.remaps, 0);
}

static void what_is_doubted_in_a_walk_the_next_one_settles(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;

	fx_sweep(fx, nothing);
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_sweep_doubt(&fx->ledger);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	fx_sweep(fx, nothing);
}

/* All that it maps was seen to come. */
static void an_mm_that_comes_in_a_walk_is_known(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_sweep(fx, nothing);
	perfmlock_sweep_begin(&fx->ledger);
	fx->mms[0].unvisited = true;
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_TRUE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
}

static struct kunit_case missed_cases[] = {
	KUNIT_CASE(a_remap_of_what_was_mapped_before_the_load_adopts_it),
	KUNIT_CASE(a_remap_of_what_was_not_booked_adopts_it),
	KUNIT_CASE(an_aux_area_on_what_was_not_booked_goes_with_it),
	KUNIT_CASE(after_missed_calls_a_mapped_buffer_is_not_ended),
	KUNIT_CASE(a_close_that_uncharged_was_the_last_whatever_was_counted),
	KUNIT_CASE(what_an_event_has_let_go_of_may_have_ended),
	KUNIT_CASE(what_is_mapped_after_that_at_its_address_is_new),
	KUNIT_CASE(a_close_that_cannot_be_the_last_disturbs_nobody),
	KUNIT_CASE(a_close_of_an_adopted_area_may_be_its_last),
	KUNIT_CASE(beside_who_is_busy_any_close_may_be_the_last),
	KUNIT_CASE(beside_a_mapping_that_may_fail_any_close_may_be_the_last),
	KUNIT_CASE(an_adopted_buffer_outlives_events_that_are_led_to_it),
	KUNIT_CASE(a_close_of_an_adopted_buffer_during_a_walk_wants_another),
	KUNIT_CASE(what_a_walk_is_about_to_meet_was_not_missed),
	KUNIT_CASE(what_is_being_closed_is_not_counted_by_a_walk),
	KUNIT_CASE(a_place_that_is_taken_is_not_given_to_another),
	KUNIT_CASE(a_new_area_is_not_what_an_old_ones_close_ends),
	KUNIT_CASE(what_is_being_closed_of_an_old_area_is_taken_off_once),
	KUNIT_CASE(an_old_area_may_be_closed_through_another_event),
	KUNIT_CASE(beside_a_missed_call_u_is_inferred),
	KUNIT_CASE(a_walk_counts_the_mappings_of_adopted_buffers_anew),
	KUNIT_CASE(a_walk_may_meet_the_aux_area_before_its_data),
	KUNIT_CASE(a_walk_leaves_the_counts_of_seen_buffers_alone),
	KUNIT_CASE(what_a_walk_does_not_meet_is_gone),
	KUNIT_CASE(without_a_missed_call_a_walk_drops_nothing),
	KUNIT_CASE(an_incomplete_walk_decides_nothing),
	KUNIT_CASE(what_is_of_an_mm_that_was_not_looked_through_stays),
	KUNIT_CASE(who_is_too_busy_for_a_walk_does_not_keep_it_going),
	KUNIT_CASE(who_was_too_busy_for_a_walk_is_met_later),
	KUNIT_CASE(what_an_mm_without_tasks_may_map_is_not_told),
	KUNIT_CASE(what_a_child_has_inherited_is_told_by_its_walk),
	KUNIT_CASE(the_row_of_an_mm_stays_until_it_has_closed_all),
	KUNIT_CASE(however_many_mappings_are_counted),
	KUNIT_CASE(what_is_mapped_before_a_walk_meets_it_is_counted_once),
	KUNIT_CASE(a_walk_settles_what_is_doubted),
	KUNIT_CASE(what_the_dead_still_hold_was_not_seen_to_end),
	KUNIT_CASE(an_event_that_is_led_to_a_buffer_maps_it_again),
	KUNIT_CASE(what_an_event_is_led_to_is_charged_as_any_remap),
	KUNIT_CASE(a_new_buffer_of_another_size_is_no_remap),
	KUNIT_CASE(a_call_that_was_left_is_under_way_no_more),
	KUNIT_CASE(a_close_of_another_size_is_of_a_new_buffer),
	KUNIT_CASE(a_larger_mapping_that_is_moved_is_of_a_new_buffer),
	KUNIT_CASE(a_remap_of_another_size_is_of_a_new_buffer),
	KUNIT_CASE(an_area_of_another_size_is_a_new_one),
	KUNIT_CASE(a_new_buffer_in_the_place_of_a_dead_ones_is_no_remap),
	KUNIT_CASE(of_who_shares_an_mm_one_looks_through_it),
	KUNIT_CASE(an_mm_that_was_not_looked_through_wants_another_walk),
	KUNIT_CASE(a_missed_call_may_go_on_for_ever),
	KUNIT_CASE(who_is_busy_later_has_nothing_under_way),
	KUNIT_CASE(who_comes_during_a_walk_is_not_busy_for_good),
	KUNIT_CASE(who_comes_after_a_miss_may_be_busy),
	KUNIT_CASE(what_has_ended_unseen_makes_no_map_wrong),
	KUNIT_CASE(what_an_event_was_led_to_may_live_on),
	KUNIT_CASE_PARAM(a_leak_in_careful_times_is_the_kernels,
			 careful_gen_params),
	KUNIT_CASE(what_a_close_in_careful_times_leaves_is_foreign),
	KUNIT_CASE(the_close_of_who_exits_comes_after_a_walk),
	KUNIT_CASE(what_is_being_closed_during_a_walk_stays),
	KUNIT_CASE(what_is_pending_during_a_walk_stays),
	KUNIT_CASE(a_miss_during_a_walk_wants_another),
	KUNIT_CASE(a_walk_mends_the_counts_after_missed_calls),
	KUNIT_CASE(a_walk_settles_however_many_there_are),
	KUNIT_CASE(the_walk_asks_whom_the_books_know),
	KUNIT_CASE(what_a_call_touched_during_a_walk_stays),
	KUNIT_CASE(what_is_adopted_beside_calls_is_counted_again),
	KUNIT_CASE(what_is_wrong_and_touched_is_counted_again),
	KUNIT_CASE(an_aux_area_may_have_ended_and_its_data_not),
	KUNIT_CASE(a_walk_tells_another_buffer_by_its_size),
	KUNIT_CASE(a_walk_tells_it_behind_its_aux_area),
	KUNIT_CASE(behind_a_row_that_is_being_closed_the_area_is_met_later),
	KUNIT_CASE(a_split_mapping_is_no_other_buffers),
	KUNIT_CASE(where_none_is_split_a_smaller_one_is_anothers),
	KUNIT_CASE(who_maps_what_its_area_told_of_tells_the_size),
	KUNIT_CASE(a_new_buffer_is_not_what_was_adopted),
	KUNIT_CASE(a_pending_row_that_ended_unseen_goes),
	KUNIT_CASE(a_pending_row_that_ends_was_another_ones),
	KUNIT_CASE(a_pending_row_that_is_lost_was_another_ones),
	KUNIT_CASE(a_pending_row_that_the_last_returns_with_is_nobodys),
	KUNIT_CASE(what_the_last_to_return_was_charged_in_careful_times_is_foreign),
	KUNIT_CASE(a_pending_row_that_any_can_have_made_is_not_lost),
	KUNIT_CASE(a_pending_row_that_ends_beside_a_walk_is_told_by_it),
	KUNIT_CASE(with_it_goes_the_area_that_was_seen),
	KUNIT_CASE(without_memory_for_a_remap_a_walk_counts_it),
	KUNIT_CASE(an_end_that_was_seen_in_a_walk_is_not_stale),
	KUNIT_CASE(an_area_adopted_on_a_ring_ends_beside_a_walk),
	KUNIT_CASE(a_pending_row_that_nobody_returns_for_is_booked_by_a_walk),
	KUNIT_CASE(a_buffer_that_an_event_is_led_to_meanwhile_stays),
	KUNIT_CASE(what_a_left_call_has_made_is_guessed),
	KUNIT_CASE(a_new_ring_on_m_alone_is_no_remap),
	KUNIT_CASE(what_is_doubted_in_a_walk_the_next_one_settles),
	KUNIT_CASE(an_mm_that_comes_in_a_walk_is_known),
	{}
};

static struct kunit_suite missed_suite = {
	.name = "perfmlock_missed",
	.suite_init = missed_plan,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = missed_cases,
};

kunit_test_suite(missed_suite);
