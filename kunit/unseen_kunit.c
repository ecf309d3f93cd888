// SPDX-License-Identifier: GPL-2.0
/*
 * What repair may not take for a mistake of the kernel's, as it went by unseen: a call
 * that was missed, what a walk meets or does not meet, a row for which there was no room.
 */
#include "fixture.h"

/* Likewise U, while calls may be under way that nobody saw: nothing settles. */
static void nothing_is_lost_by_a_guess_of_careful_times(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma f = fx_ring(fx, 1, 0, 65), a = fx_ring(fx, 0, 1, 65);
	struct fx_vma r = fx_ring(fx, 1, 1, 65);
	const struct fx_vma *const all[] = { &f, &r, NULL };
	struct fx_call ca, cr;

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 129;
	fx_map(fx, &f, 65, 0);
	fx_map(fx, &a, 64, 1);
	fx_repair(fx, true);
	fx_missed(fx);
	ca = fx_begin_unmap(fx, &a);
	cr = fx_begin_map(fx, &r);
	fx_kernel_unmaps(&a, -64, -1);
	fx->mms[0].counter += 1; /* registers */
	fx_kernel_maps(fx, &r, 64, 1);
	fx_end_unmap(fx, &ca);
	fx_end_map(fx, &cr, 0);
	fx->mms[0].counter -= 1; /* unregisters */
	fx_sweep(fx, all);
	fx_repair_all(fx);
	/* f and r are mapped */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 129);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 1);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* A walk that does not meet a buffer may have looked at the wrong moment. */
static void what_a_walk_drops_may_be_there_still(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65);

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx_map(fx, &ring, 65, 0);
	fx_missed(fx);
	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	fx_repair(fx, true);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* Whoever maps it when it is met. */
static void what_is_adopted_may_be_on_anybodys_u(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65), unseen = fx_ring(fx, 2, 1, 33);
	const struct fx_vma *const all[] = { &ring, &unseen, NULL };

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx_map(fx, &ring, 65, 0);
	fx_missed(fx);
	fx_kernel_maps(fx, &unseen, 0, 0);
	fx->users[0].counter += 33;
	fx_sweep(fx, all);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 1);
	fx_repair(fx, true);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 98);
	/* what leaks beyond that, and what the ring may have, is certain */
	fx_map(fx, &ring, 65, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 163);
	fx_map(fx, &ring, 65, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 163);
}

/* A walk meets an AUX area alone, whose data nobody maps by itself any more. */
static void data_that_its_area_holds_is_strange_too(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 65), aux = fx_aux(fx, 0, 0, 64);
	struct fx_vma b = fx_ring(fx, 1, 1, 1);
	const struct fx_vma *const met[] = { &b, &aux, NULL };

	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &b, 1, 0);
	fx_missed(fx);
	fx_kernel_maps(fx, &data, 65, 0);
	fx_kernel_maps(fx, &aux, 64, 0);
	fx_kernel_unmaps(&data, 0, 0);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 130);
}

/* What was there before the first call may have gone. */
static void what_went_unseen_is_not_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const all[] = { &ring, NULL };

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->users[0].counter = 100;
	fx_map(fx, &ring, 33, 0);
	fx_missed(fx);
	fx->users[0].counter -= 40;
	fx_sweep(fx, all);
	fx_repair(fx, true);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 93);
}

/* Likewise where a walk could not look at somebody, whose mappings are unknown. */
static void who_was_busy_may_have_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const all[] = { &ring, NULL };

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx_map(fx, &ring, 33, 0);
	fx_missed(fx);
	fx->users[0].counter += 40;
	fx_sweep(fx, all);
	fx->ledger.busy = 1;
	fx_repair(fx, true);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 73);
	fx->ledger.busy = 0;
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 73);
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 106);
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 106);
}

/* A row is opened of who is busy still, in a missed call. */
static void a_row_opened_beside_a_missed_call_knows_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 1);
	struct fx_vma c = fx_ring(fx, 1, 2, 65);
	const struct fx_vma *const none[] = { NULL };
	const struct fx_vma *const all[] = { &a, &b, &c, NULL };

	fx_sweep(fx, none);
	fx->limit = 66;
	fx_repair(fx, true);
	fx_missed(fx); /* of a, which is in perf_mmap() until after the walk */
	fx_walk(fx, none, PERFMLOCK_MARKED);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_TRUE(test, fx->ledger.busy);
	fx_map(fx, &b, 1, 0);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
	if (fx->users[0].counter == 66)
		fx_map(fx, &c, 0, 65);
	else
		fx_map(fx, &c, 65, 0);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 65);
}

/* A missed ring of an mm that no process has any more, and that is not closed. */
static void what_no_walk_can_meet_is_no_mistake(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 1);
	const struct fx_vma *const met[] = { &b, NULL };

	fx_repair(fx, true);
	fx_map(fx, &b, 1, 0);
	fx_missed(fx);
	fx_kernel_maps(fx, &a, 65, 0);
	/* its process has exited, and a process_vm_readv() has its mm still */
	fx_sweep(fx, met);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
}

/* A count that a walk could not settle: its row outlives the ring. */
static void a_row_that_no_walk_has_settled_is_not_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 33);
	fx_map(fx, &b, 0, 0);
	fx_missed(fx);
	fx_kernel_unmaps(&b, 0, 0); /* nobody sees it */
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &a));
	fx_map(fx, &b, 0, 0);
	fx_unmap(fx, &b, 0, 0);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_unmap(fx, &a, 0, -33);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	fx_walk(fx, (const struct fx_vma *const []){ NULL },
		PERFMLOCK_MET_ALL);
	fx_walk(fx, (const struct fx_vma *const []){ NULL },
		PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	/* nothing is mapped by anybody */
	KUNIT_EXPECT_NULL(test, perfmlock_store_next(&fx->ledger.buffers, NULL));
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* Likewise U, one uid: its row goes before the ring. */
static void a_count_that_no_walk_has_settled_ends_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), a2 = fx_ring(fx, 0, 1, 65);
	struct fx_vma beside = fx_ring(fx, 1, 5, 1), b = fx_ring(fx, 1, 3, 65);
	const struct fx_vma *const all[] = { &a, &b, NULL };
	struct fx_call cl, cx;

	fx->limit = 65;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_lead(fx, 1, 0);
	fx_missed(fx);
	fx_kernel_maps(fx, &a2, 0, 0); /* nobody sees it */
	perfmlock_sweep_begin(&fx->ledger);
	fx_meet(fx, &a);
	fx_meet(fx, &a2);
	fx_map(fx, &a, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	KUNIT_EXPECT_FALSE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	cx = fx_begin_map(fx, &beside);
	cl = fx_begin_unmap(fx, &a2);
	fx_kernel_unmaps(&a2, 0, 0);
	fx_end_unmap(fx, &cl);
	fx_end_map(fx, &cx, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	/* what the kernel makes of the next ring */
	if (fx->users[0].counter)
		fx_map(fx, &b, 0, 65);
	else
		fx_map(fx, &b, 65, 0);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 65);
}

/* No memory for the row: the ring is charged, and is in no bound. */
static void a_ring_without_a_row_is_no_mistake(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 0, 1, 65);
	const struct fx_vma *const all[] = { &a, &b, NULL };

	fx->limit = 65;
	fx_repair(fx, true);
	fx_starve(fx, &fx->ledger.buffers, 0);
	fx_map(fx, &a, 65, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	perfmlock_ledger_fill(&fx->ledger);
	/* the kernel's own arithmetic: what U has free */
	if (fx->users[0].counter)
		fx_map(fx, &b, 0, 65);
	else
		fx_map(fx, &b, 65, 0);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 65);
}

/* Likewise where there is none for the mm's. */
static void nor_one_of_an_mm_without_a_row(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65);

	fx_repair(fx, true);
	fx_starve(fx, &fx->ledger.mms, 0);
	fx_map(fx, &a, 65, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* What a stranger misses undoes everybody's U for as long as it is careful. */
static void what_is_repaired_stays_in_careful_times(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 0, 1, 1);

	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_map(fx, &a, 65, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_missed(fx);
	fx_map(fx, &b, 1, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
}

/* A last close in careful times widens, each, for ever. */
static void closes_in_careful_times_add_nothing_for_ever(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65);
	const struct fx_vma *const none[] = { NULL };
	unsigned int i;

	fx_repair(fx, true);
	for (i = 0; i < 8; i++) {
		fx_map(fx, &a, 65, 0);
		fx_missed(fx); /* a stranger's */
		fx_unmap(fx, &a, -65, 0);
		fx_walk(fx, none, PERFMLOCK_MET_ALL);
	}
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->proof.others.most, 0);
}

/* What a rebase has taken for others' goes, in a call that is another's by its row. */
static void what_may_be_anybodys_is_so_after_a_miss(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), c = fx_ring(fx, 2, 2, 65);
	struct fx_vma beside = fx_ring(fx, 1, 5, 1), beside2 = fx_ring(fx, 3, 4, 1);
	const struct fx_vma *const all[] = { &c, NULL };
	struct fx_call cc, cx, cy;

	fx->processes[3].user = &fx->users[1];
	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 65;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_lead(fx, 2, 0);
	cy = fx_begin_map(fx, &beside2);
	cc = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 0, 0);
	cx = fx_begin_map(fx, &beside);
	fx_unmap(fx, &a, 0, 0);
	fx_end_map(fx, &cx, -ENOMEM);
	fx_end_map(fx, &cc, 0);
	fx_end_map(fx, &cy, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_missed(fx); /* a stranger's */
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	cx = fx_begin_map(fx, &beside);
	cy = fx_begin_map(fx, &beside2);
	fx_unmap(fx, &c, -65, 0);
	fx_end_map(fx, &cx, -ENOMEM);
	fx_end_map(fx, &cy, -ENOMEM);
	fx_repair_all(fx);
	/* nothing is mapped by anybody */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 0);
}

/* A miss that nobody has told of yet, and a look at all rows: M. */
static void a_miss_that_is_not_told_yet_leaves_nothing_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const none[] = { NULL };

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 33);
	fx_kernel_unmaps(&a, 0, -33); /* missed */
	fx->untold = true;
	fx_repair_all(fx);
	fx->untold = false;
	fx_missed(fx); /* the next call tells */
	fx_walk(fx, none, PERFMLOCK_MET_ALL);
	fx_walk(fx, none, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* Likewise U, where a stranger has closed what was adopted. */
static void nor_is_it_a_way_to_a_ring_for_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 1);
	struct fx_vma s = fx_ring(fx, 2, 2, 9);
	const struct fx_vma *const before[] = { &s, NULL };
	const struct fx_vma *const all[] = { &a, &b, NULL };

	fx_kernel_maps(fx, &s, 9, 0);
	fx_sweep(fx, before);
	fx_repair(fx, true);
	fx_map(fx, &b, 1, 0);
	fx_unmap(fx, &s, -9, 0);
	fx_kernel_maps(fx, &a, 65, 0); /* missed */
	fx->untold = true;
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
	fx->untold = false;
	fx_missed(fx); /* the next call tells */
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
}

/* An AUX area that was missed, of data that was seen: its end is seen. */
static void an_adopted_area_goes_and_is_not_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 65), aux = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const all[] = { &data, &aux, NULL };

	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &data, 65, 0);
	fx_missed(fx);
	fx_kernel_maps(fx, &aux, 64, 0);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 129);
	fx_unmap(fx, &aux, -64, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* Loaded while a close of an exiting process is under way, that nobody sees end. */
static void what_a_close_of_before_the_load_takes_is_not_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma b = fx_ring(fx, 1, 1, 1);
	const struct fx_vma *const none[] = { NULL };
	struct fx_call cb;

	fx->ledger.careful = true;
	fx->ledger.unsettled = true;
	fx->users[0].counter = 65;
	/* as a munmap() that has given up the lock for writing, or an exit */
	fx_walk(fx, none, PERFMLOCK_MET_ALL);
	fx_repair(fx, true);
	cb = fx_begin_map(fx, &b);
	fx->users[0].counter -= 65; /* it goes */
	fx_kernel_maps(fx, &b, 1, 0);
	fx_end_map(fx, &cb, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 1);
}

/* Likewise who was busy then, and is quiet when it goes. */
static void nor_of_who_was_busy(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma b = fx_ring(fx, 1, 1, 1);
	const struct fx_vma *const none[] = { NULL };
	const struct fx_vma *const all[] = { &b, NULL };

	fx->ledger.careful = true;
	fx->ledger.unsettled = true;
	fx->users[0].counter = 65;
	fx_walk(fx, none, PERFMLOCK_MARKED);
	fx_repair(fx, true);
	fx_map(fx, &b, 1, 0);
	fx->users[0].counter -= 65; /* it goes */
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 1);
}

/*
 * A row of a user is opened between a miss and what the missed call charges. Its
 * process exits, and somebody's process_vm_readv() has its mm still.
 */
static void a_row_opened_in_careful_times_knows_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 1);
	const struct fx_vma *const met[] = { &b, NULL };

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx_repair(fx, true);
	fx_missed(fx); /* of a, which is in perf_mmap() */
	fx_map(fx, &b, 1, 0);
	fx_kernel_maps(fx, &a, 65, 0); /* and returns, and its process exits */
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
}

/* Likewise at the load: a call is under way already. */
static void a_row_opened_at_the_load_knows_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 1);
	const struct fx_vma *const met[] = { &b, NULL };

	fx->ledger.careful = true;
	fx->ledger.unsettled = true;
	fx_repair(fx, true);
	fx_map(fx, &b, 1, 0);
	fx_kernel_maps(fx, &a, 65, 0); /* returns, and its process exits */
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
}

/*
 * kprobes are switched off: no probe counts a miss, and upkeep repairs each second. No U
 * has moved that would tell.
 */
static void while_probes_are_off_nothing_is_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 2, 0, 65);
	const struct fx_vma *const none[] = { NULL };

	fx_sweep(fx, none);
	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 65);
	/* echo 0 > kprobes/enabled: upkeep finds out, and tells when they are on */
	fx->untold = true;
	fx_kernel_unmaps(&a, 0, -65);
	fx_repair_all(fx); /* the same upkeep */
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 0);
	fx->untold = false;
	fx_missed(fx); /* they are on */
	fx_walk(fx, none, PERFMLOCK_MET_ALL);
	fx_walk(fx, none, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 0);
}

/*
 * A walk cannot count what a child has mapped that has exited, and whose mm somebody
 * has: the ring goes by the books with a close that is not alone, and lives on.
 */
static void a_count_of_a_walk_is_no_proof(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), child = fx_ring(fx, 2, 0, 65);
	struct fx_vma e = fx_ring(fx, 0, 1, 65), x = fx_ring(fx, 1, 2, 1);
	const struct fx_vma *const met[] = { &e, NULL };
	struct fx_call cx;

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_open(fx, &child); /* fork() after MADV_DOFORK; it exits */
	fx_lead(fx, 1, 0);
	fx_map(fx, &e, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_missed(fx); /* a stranger's */
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	cx = fx_begin_map(fx, &x);
	fx_unmap(fx, &e, 0, 0);
	fx_end_map(fx, &cx, -ENOMEM);
	fx_repair_all(fx);
	/* the child's is not closed */
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* Likewise, and all of it alone: M moves by a page in the close, so that it is believed. */
static void nor_is_a_close_that_moves_m_alone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), child = fx_ring(fx, 2, 0, 65);
	struct fx_vma e = fx_ring(fx, 0, 1, 65);
	const struct fx_vma *const met[] = { &e, NULL };
	struct fx_call ce;

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_open(fx, &child); /* fork() after MADV_DOFORK; it exits */
	fx_lead(fx, 1, 0);
	fx_map(fx, &e, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_missed(fx); /* a stranger's */
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	ce = fx_begin_unmap(fx, &e);
	fx_kernel_unmaps(&e, 0, 0);
	fx->mms[0].counter += 1; /* registers a page */
	fx_end_unmap(fx, &ce);
	fx_repair_all(fx);
	/* the child's is not closed */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/*
 * A row is displaced, and a walk has looked since: it cannot meet b either, whose process
 * has exited. What ended by an inference may be there for ever.
 */
static void nor_does_a_walk_end_company(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 0, 65);
	struct fx_vma c = fx_ring(fx, 1, 1, 65), keep = fx_ring(fx, 1, 3, 1);
	struct fx_vma k2 = fx_ring(fx, 3, 3, 1);
	const struct fx_vma *const met[] = { &keep, &k2, NULL };
	struct fx_call ca, cc;

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_open(fx, &b); /* fork() after MADV_DOFORK; it exits */
	/* a ring that is not proven keeps company */
	ca = fx_begin_map(fx, &keep);
	cc = fx_begin_map(fx, &k2);
	fx_kernel_maps(fx, &keep, 1, 0);
	fx_kernel_maps(fx, &k2, 0, 0);
	fx_end_map(fx, &ca, 0);
	fx_end_map(fx, &cc, 0);
	fx_displace(fx, &a, &c, 0);
	fx_unmap(fx, &c, 0, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
	perfmlock_sweep_doubt(&fx->ledger); /* each ten minutes */
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_unmap(fx, &k2, 0, 0);
	fx_unmap(fx, &keep, -1, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/*
 * What was proven of a ring is proven of another at its address: a victim's close and
 * a map of somebody else's are missed.
 */
static void a_miss_ends_what_was_proven(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 2, 0, 65), b = fx_ring(fx, 0, 0, 65);
	const struct fx_vma *const met[] = { &b, NULL };

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 65);
	b.event->next_rb = a.event->rb;
	fx_kernel_unmaps(&a, 0, -65); /* missed */
	fx_kernel_maps(fx, &b, 0, 65); /* missed */
	fx_missed(fx);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	/* it maps nothing */
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 0);
	fx_unmap(fx, &b, 0, -65);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* Process 1 has @r; the ring of 0 is unmapped, and @b of another uid made at its address. */
static void make_another_unseen(struct fx *fx, const struct fx_vma *r,
				const struct fx_vma *b)
{
	const struct fx_vma *const met[] = { b, r, NULL };
	struct fx_vma a = fx_ring(fx, 0, 0, 65);

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, r, 65, 0);
	fx_map(fx, &a, 65, 0);
	b->event->next_rb = a.event->rb;
	fx_kernel_unmaps(&a, -65, 0); /* missed */
	fx_kernel_maps(fx, b, 65, 0); /* missed */
	fx_missed(fx);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(fx->test, fx->users[0].counter, 65);
}

/* Likewise U: what others have is below zero then, and what ends is taken twice. */
static void nor_is_what_others_have_below_zero(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma r = fx_ring(fx, 1, 1, 65), b = fx_ring(fx, 2, 0, 65);
	struct fx_vma x = fx_ring(fx, 1, 2, 1);
	struct fx_call cx;

	make_another_unseen(fx, &r, &b);
	cx = fx_begin_map(fx, &x);
	fx_unmap(fx, &b, -65, 0);
	fx_end_map(fx, &cx, -ENOMEM);
	fx_repair_all(fx);
	/* r is mapped */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* And where b is unmapped alone, and M moves by a page in that. */
static void nor_is_what_others_have_taken_alone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma r = fx_ring(fx, 1, 1, 65), b = fx_ring(fx, 2, 0, 65);
	struct fx_call cb;

	make_another_unseen(fx, &r, &b);
	cb = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, -65, 0);
	fx->mms[2].counter += 1; /* registers a page */
	fx_end_unmap(fx, &cb);
	fx_repair_all(fx);
	/* r is mapped */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* What was repaired stays so: a close that was not the last has been lent it. */
static void what_was_lent_in_careful_times_is_taken_back(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 65), again = fx_ring(fx, 1, 0, 65);
	struct fx_vma aux = fx_aux(fx, 2, 0, 64), aux2 = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &data, &again, &aux, NULL };

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 300;
	fx_repair(fx, true);
	fx_map(fx, &data, 65, 0);
	fx_map(fx, &again, 65, 0); /* v6.15 */
	fx_map(fx, &aux, 64, 0);
	fx_map(fx, &aux2, 64, 0); /* likewise */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_missed(fx); /* a stranger's */
	fx_unmap(fx, &aux2, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_walk(fx, met, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

static struct kunit_case unseen_cases[] = {
	KUNIT_CASE(nothing_is_lost_by_a_guess_of_careful_times),
	KUNIT_CASE(what_a_walk_drops_may_be_there_still),
	KUNIT_CASE(what_is_adopted_may_be_on_anybodys_u),
	KUNIT_CASE(data_that_its_area_holds_is_strange_too),
	KUNIT_CASE(what_went_unseen_is_not_missing),
	KUNIT_CASE(who_was_busy_may_have_it),
	KUNIT_CASE(a_row_opened_beside_a_missed_call_knows_nothing),
	KUNIT_CASE(what_no_walk_can_meet_is_no_mistake),
	KUNIT_CASE(a_row_that_no_walk_has_settled_is_not_missing),
	KUNIT_CASE(a_count_that_no_walk_has_settled_ends_nothing),
	KUNIT_CASE(a_ring_without_a_row_is_no_mistake),
	KUNIT_CASE(nor_one_of_an_mm_without_a_row),
	KUNIT_CASE(what_is_repaired_stays_in_careful_times),
	KUNIT_CASE(closes_in_careful_times_add_nothing_for_ever),
	KUNIT_CASE(what_may_be_anybodys_is_so_after_a_miss),
	KUNIT_CASE(a_miss_that_is_not_told_yet_leaves_nothing_missing),
	KUNIT_CASE(nor_is_it_a_way_to_a_ring_for_nothing),
	KUNIT_CASE(an_adopted_area_goes_and_is_not_missing),
	KUNIT_CASE(what_a_close_of_before_the_load_takes_is_not_missing),
	KUNIT_CASE(nor_of_who_was_busy),
	KUNIT_CASE(a_row_opened_in_careful_times_knows_nothing),
	KUNIT_CASE(a_row_opened_at_the_load_knows_nothing),
	KUNIT_CASE(while_probes_are_off_nothing_is_missing),
	KUNIT_CASE(a_count_of_a_walk_is_no_proof),
	KUNIT_CASE(nor_is_a_close_that_moves_m_alone),
	KUNIT_CASE(nor_does_a_walk_end_company),
	KUNIT_CASE(a_miss_ends_what_was_proven),
	KUNIT_CASE(nor_is_what_others_have_below_zero),
	KUNIT_CASE(nor_is_what_others_have_taken_alone),
	KUNIT_CASE(what_was_lent_in_careful_times_is_taken_back),
	{}
};

static struct kunit_suite perfmlock_unseen_suite = {
	.name = "perfmlock_unseen",
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = unseen_cases,
};

kunit_test_suite(perfmlock_unseen_suite);
