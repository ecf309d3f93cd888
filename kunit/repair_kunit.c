// SPDX-License-Identifier: GPL-2.0
/*
 * Repair: whatever a kernel makes of its counters, by whichever rule, what is proven
 * to be wrong there is off at every quiet moment while it is on, which is all of it
 * where no calls go beside each other; and they are what the kernel made of them, to
 * the page, when it is off again.
 */
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "fixture.h"
#include "world.h"

/* U or M, and what repair has on it. */
static void expect_user(struct fx *fx, unsigned int i, long counter,
			long repaired)
{
	KUNIT_EXPECT_EQ(fx->test, fx->users[i].counter, counter);
	KUNIT_EXPECT_EQ(fx->test,
			fx_user_row(fx, &fx->users[i])->books.repaired,
			repaired);
}

static void expect_mm(struct fx *fx, unsigned int i, long counter,
		      long repaired)
{
	KUNIT_EXPECT_EQ(fx->test, fx->mms[i].counter, counter);
	KUNIT_EXPECT_EQ(fx->test, fx_mm_row(fx, &fx->mms[i])->books.repaired,
			repaired);
}

/* 7.x: each further mapping leaks its pages. */
static void a_charged_remap_is_taken_back(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65);

	fx_repair(fx, true);
	fx_map(fx, &ring, 65, 0);
	fx_map(fx, &ring, 65, 0);
	expect_user(fx, 0, 65, -65);
	fx_unmap(fx, &ring, 0, 0);
	expect_user(fx, 0, 65, -65);
	fx_unmap(fx, &ring, -65, 0);
	expect_user(fx, 0, 0, -65);
	fx_repair(fx, false);
	expect_user(fx, 0, 65, 0);
	/* and what there was before it is on */
	fx_repair(fx, true);
	expect_user(fx, 0, 0, -65);
	/* twice is once */
	fx_repair(fx, true);
	expect_user(fx, 0, 0, -65);
	fx_repair(fx, false);
	fx_repair(fx, false);
	expect_user(fx, 0, 65, 0);
}

/* Every kernel: the charge is taken from who unmaps last. */
static void both_mms_of_a_wrong_mm_are_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);

	fx->limit = 1;
	fx_repair(fx, true);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &b, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &b, -1, -32);
	expect_mm(fx, 0, 0, -32);
	expect_mm(fx, 1, 0, 32);
	expect_user(fx, 0, 0, 0);
	fx_repair(fx, false);
	expect_mm(fx, 0, 32, 0);
	expect_mm(fx, 1, -32, 0);
}

/* Until 7.2: two closes leave the uncharge to each other. */
static void a_lost_uncharge_is_made(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call calls[2];

	fx_repair(fx, true);
	fx_map(fx, &a, 33, 0);
	fx_map(fx, &b, 0, 0);
	calls[0] = fx_begin_unmap(fx, &a);
	calls[1] = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_unmaps(&b, 0, 0);
	fx_end_unmap(fx, &calls[0]);
	fx_end_unmap(fx, &calls[1]);
	expect_user(fx, 0, 0, -33);
	fx_repair(fx, false);
	expect_user(fx, 0, 33, 0);
}

/* Every kernel: an AUX area's pages go back to who mapped the data. */
static void both_users_of_an_aux_area_are_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 33), aux = fx_aux(fx, 2, 0, 64);

	fx_repair(fx, true);
	fx_map(fx, &data, 33, 0);
	fx_map(fx, &aux, 64, 0);
	fx_unmap(fx, &aux, -64, 0);
	expect_user(fx, 0, 33, 64);
	expect_user(fx, 1, 0, -64);
	fx_unmap(fx, &data, -33, 0);
	expect_user(fx, 0, 0, 64);
	fx_repair(fx, false);
	expect_user(fx, 0, -64, 0);
	expect_user(fx, 1, 64, 0);
}

/*
 * Before v5.4 a close takes more than is right there: between the kernel's uncharge
 * and our repair somebody else could meet a counter below zero.
 */
static void a_close_finds_what_it_takes(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring[] = { fx_ring(fx, 0, 0, 65), fx_ring(fx, 0, 1, 65) };
	struct fx_call call;

	fx_map(fx, &ring[0], 65, 0);
	fx_map(fx, &ring[1], 65, 30);
	fx_repair(fx, true);
	expect_user(fx, 0, 100, -30);
	expect_mm(fx, 0, 30, 0);
	call = fx_begin_unmap(fx, &ring[1]);
	expect_user(fx, 0, 130, 0);
	fx_kernel_unmaps(&ring[1], -65, -30);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_end_unmap(fx, &call);
	expect_user(fx, 0, 65, 0);
	expect_mm(fx, 0, 0, 0);

	/* one that is not the last gives it back */
	fx_map(fx, &ring[1], 65, 30);
	fx_map(fx, &ring[1], 0, 0);
	expect_user(fx, 0, 100, -30);
	call = fx_begin_unmap(fx, &ring[1]);
	expect_user(fx, 0, 130, 0);
	fx_kernel_unmaps(&ring[1], 0, 0);
	fx_end_unmap(fx, &call);
	expect_user(fx, 0, 100, -30);
	/* and one during which it was switched off leaves nothing behind */
	call = fx_begin_unmap(fx, &ring[1]);
	fx_repair(fx, false);
	expect_user(fx, 0, 130, 0);
	fx_kernel_unmaps(&ring[1], -65, -30);
	fx_end_unmap(fx, &call);
	expect_user(fx, 0, 65, 0);
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.drifts), 1);
}

/* Likewise M, where the whole excess of the user was put on it. */
static void a_close_finds_it_on_m(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring[] = {
		fx_ring(fx, 0, 0, 65), fx_ring(fx, 0, 1, 65), fx_ring(fx, 0, 2, 5),
	};
	struct fx_call call;

	fx->capable = true;
	fx_map(fx, &ring[0], 65, 0);
	fx_map(fx, &ring[1], 65, 30);
	fx_map(fx, &ring[2], 5, 35);
	fx_repair(fx, true);
	expect_user(fx, 0, 100, -35);
	expect_mm(fx, 0, 35, -30);
	call = fx_begin_unmap(fx, &ring[2]);
	expect_user(fx, 0, 105, -30);
	expect_mm(fx, 0, 65, 0);
	fx_kernel_unmaps(&ring[2], -5, -35);
	/* what is right of the others, at any moment */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 100);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 30);
	fx_end_unmap(fx, &call);
	expect_user(fx, 0, 100, -30);
	expect_mm(fx, 0, 30, 0);
}

/*
 * The AUX area of another user was taken from U of 1000, which had too much free then:
 * what went to U belongs on M.
 */
static void what_u_took_for_m_goes_there(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), aux = fx_aux(fx, 2, 0, 16);
	struct fx_vma b = fx_ring(fx, 0, 1, 9);

	fx->limit = 65;
	fx_map(fx, &a, 65, 0);
	fx_map(fx, &aux, 16, 0);
	fx_unmap(fx, &aux, -16, 0);
	expect_user(fx, 0, 49, 0);
	fx_map(fx, &b, 9, 0);
	fx_repair(fx, true);
	expect_user(fx, 0, 65, 7);
	expect_user(fx, 1, 0, -16);
	expect_mm(fx, 0, 9, 9);
	fx_unmap(fx, &b, -9, 0);
	expect_user(fx, 0, 65, 16);
	expect_mm(fx, 0, 0, 0);
}

/* Likewise below zero: a kernel of before v5.4 may have charged M as well. */
static void what_may_be_on_m_is_not_put_there(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 17), aux = fx_aux(fx, 2, 0, 32);
	struct fx_vma b = fx_ring(fx, 0, 1, 9);

	fx->limit = 20;
	fx_map(fx, &a, 17, 0);
	fx_map(fx, &aux, 20, 12);
	fx_unmap(fx, &aux, -20, -12);
	expect_user(fx, 0, -3, 0);
	fx_map(fx, &b, 9, 0);
	fx_repair(fx, true);
	/* no page less than there is */
	expect_user(fx, 0, 26, 20);
	expect_mm(fx, 0, 0, 0);
	fx_unmap(fx, &b, -9, 0);
	expect_user(fx, 0, 17, 20);
}

/* Which of the old rules it is M alone tells: that is believed of who is exempt. */
static void an_explosion_on_m_is_told_by_who_is_exempt(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring[] = {
		fx_ring(fx, 0, 0, 65), fx_ring(fx, 0, 1, 65), fx_ring(fx, 0, 2, 5),
		fx_ring(fx, 0, 3, 5),
	};

	fx_map(fx, &ring[0], 65, 0);
	fx_map(fx, &ring[1], 65, 30);
	fx_map(fx, &ring[2], 5, 35);
	fx_repair(fx, true);
	expect_user(fx, 0, 100, -35);
	expect_mm(fx, 0, 65, 0);
	fx_repair(fx, false);
	/* not of who is so for a time */
	fx->exempt = true;
	fx_map(fx, &ring[3], 5, 40);
	fx_repair(fx, true);
	expect_mm(fx, 0, 105, 0);
	fx_repair(fx, false);
	fx_unmap(fx, &ring[3], -5, -40);
	fx->capable = true;
	fx_map(fx, &ring[3], 5, 40);
	fx_repair(fx, true);
	expect_user(fx, 0, 100, -40);
	/* 35 of that one, as 5 are right there */
	expect_mm(fx, 0, 70, -35);
	fx_unmap(fx, &ring[3], -5, -40);
	expect_mm(fx, 0, 65, 0);
}

/* A row that was of a buffer of which it is not known is another's. */
static void what_is_on_m_is_known_of_the_row_s_next_buffer(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma unclear = fx_ring(fx, 0, 0, 165), ring = fx_ring(fx, 0, 1, 165);
	struct fx_vma other = fx_ring(fx, 1, 1, 165);

	fx_map(fx, &unclear, 165, 0);
	fx_unmap(fx, &unclear, -165, 0);
	fx_map(fx, &ring, 100, 65);
	fx_map(fx, &other, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &other, -100, -65);
	fx_repair(fx, true);
	expect_mm(fx, 0, 0, -65);
	expect_mm(fx, 1, 0, 65);
}

/* It has met another U than it began with: no rule is judged by that. */
static void a_call_during_a_switch_judges_no_rule(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 50);
	struct perfmlock_drifting drift;
	unsigned long judged;
	struct fx_call call;

	fx_map(fx, &ring, 65, 0);
	fx_map(fx, &ring, 65, 0);
	fx_repair(fx, true);
	expect_user(fx, 0, 65, -65);
	judged = fx->ledger.judged;
	call = fx_begin_map(fx, &b);
	fx_repair(fx, false);
	fx_kernel_maps(fx, &b, 0, 50);
	fx_end_map(fx, &call, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.judged, judged);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.drifts, 0, &drift), 0);
	KUNIT_EXPECT_EQ(test, drift.cause, PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_TRUE(test, drift.inherited);
	KUNIT_EXPECT_EQ(test, drift.kernel_mm, 50);
}

static void no_counter_goes_below_zero(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	/* somebody has damaged it before the load */
	fx->users[0].counter = -50;
	fx_repair(fx, true);
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 33, 0);
	expect_user(fx, 0, 16, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.repairs_refused, 1);
	/* it goes as far as it can come, when it can */
	fx->users[0].counter += 100;
	fx_unmap(fx, &ring, 0, 0);
	fx_repair(fx, false);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 116);
}

static void nothing_is_moved_by_uncertain_books(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 1, 5);
	const struct fx_vma *const all[] = { &ring, &ring, NULL };
	struct fx_call call;

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx_repair(fx, true);
	fx_map(fx, &ring, 33, 0);
	fx_missed(fx);
	fx_map(fx, &ring, 33, 0);
	expect_user(fx, 0, 66, 0);
	fx_sweep(fx, all);
	/* what was put there meanwhile may be anybody's */
	fx_repair_all(fx);
	expect_user(fx, 0, 66, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	expect_user(fx, 0, 33, 0);
	/* nor while calls are under way */
	fx_repair(fx, false);
	call = fx_begin_map(fx, &b);
	fx_repair(fx, true);
	expect_user(fx, 0, 33, 0);
	fx_kernel_maps(fx, &b, 5, 0);
	fx_end_map(fx, &call, 0);
	expect_user(fx, 0, 38, 0);
	fx_repair(fx, false);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 38);
}

static void no_switch_moves_by_uncertain_books(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	const struct fx_vma *const all[] = { &ring, &ring, NULL };

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 33, 0);
	fx_missed(fx);
	fx_repair(fx, true);
	expect_user(fx, 0, 66, 0);
	fx_sweep(fx, all);
	fx_repair_all(fx);
	expect_user(fx, 0, 66, 0);
	/* what it had may be another's by now: as much again is not certain */
	fx_map(fx, &ring, 33, 0);
	expect_user(fx, 0, 99, 0);
	fx_map(fx, &ring, 33, 0);
	expect_user(fx, 0, 99, -33);
	fx_repair(fx, false);
	expect_user(fx, 0, 132, 0);
}

/*
 * What a user can make up: io_uring moves M by the size of a ring beside a call, and
 * another call of the user keeps U from telling. Nothing may be taken off for that.
 */
static void a_ring_is_not_for_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma beside = fx_ring(fx, 1, 5, 1);
	struct fx_call call, own;
	struct fx_vma ring[4];
	unsigned int i;

	fx->limit = 400;
	fx_repair(fx, true);
	for (i = 0; i < ARRAY_SIZE(ring); i++) {
		ring[i] = fx_ring(fx, 0, i, 65);
		call = fx_begin_map(fx, &beside);
		own = fx_begin_map(fx, &ring[i]);
		fx_kernel_maps(fx, &ring[i], 65, 0);
		fx->mms[0].counter += 65;
		fx_end_map(fx, &own, 0);
		fx_end_map(fx, &call, -ENOMEM);
		fx->mms[0].counter -= 65;
		fx_repair_all(fx);
		KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65 * (i + 1));
		KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	}
	for (i = 0; i < ARRAY_SIZE(ring); i++) {
		fx_unmap(fx, &ring[i], -65, 0);
		fx_repair_all(fx);
		KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65 * (3 - i));
		KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	}
	/* what is wrong after that is put right again */
	fx_map(fx, &ring[0], 65, 0);
	fx_map(fx, &ring[0], 65, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* Likewise M, while he unmaps another one. */
static void m_is_not_taken_by_its_own_word(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 1, 1, 33), ring = fx_ring(fx, 0, 0, 65);
	struct fx_call call, own;

	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &old, 33, 0);
	own = fx_begin_map(fx, &ring);
	call = fx_begin_unmap(fx, &old);
	fx_kernel_maps(fx, &ring, 65, 0);
	fx_kernel_unmaps(&old, -33, 0);
	fx->mms[0].counter += 33;
	fx_end_map(fx, &own, 0);
	fx_end_unmap(fx, &call);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* All was on M, and io_uring has hidden that it was given back: it is not lost. */
static void what_m_alone_says_is_lost_stays(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call calls[2];

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 33);
	fx_map(fx, &b, 0, 0);
	fx_unmap(fx, &b, 0, 0);
	calls[0] = fx_begin_unmap(fx, &a);
	calls[1] = fx_begin_map(fx, &b);
	fx_kernel_unmaps(&a, 0, -33);
	fx->mms[0].counter += 33;
	fx_end_unmap(fx, &calls[0]);
	fx_end_map(fx, &calls[1], -EAGAIN);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
}

/* Where others share U they can make a step look like any mistake. */
static void a_shared_u_is_left(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65);
	struct fx_call call;
	unsigned int i;

	fx->ledger.exclusive = false;
	fx_repair(fx, true);
	fx_map(fx, &ring, 65, 0);
	for (i = 0; i < 4; i++) {
		call = fx_begin_map(fx, &ring);
		fx_kernel_maps(fx, &ring, 0, 0);
		fx->users[0].counter += 65;
		fx_end_map(fx, &call, 0);
	}
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65 * 5);
}

/* Who goes takes with him what the kernel made of his counter. */
static void a_row_that_goes_is_undone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);

	fx->limit = 1;
	fx_repair(fx, true);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &b, 1, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &b, -1, -32);
	fx->users[0].gone = true;
	fx->mms[0].gone = true;
	fx->mms[1].gone = true;
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 1);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 32);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, -32);
}

static void each_repair_is_told(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9);
	struct perfmlock_notes *own;

	own = kunit_kzalloc(test, sizeof(*own), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, own);
	fx_map(fx, &ring, 9, 0);
	fx_map(fx, &ring, 9, 0);
	fx->repairs = 0;
	fx_repair(fx, true);
	KUNIT_EXPECT_EQ(test, fx->repairs, 1);
	fx->ledger.notes = own;
	fx_map(fx, &ring, 9, 0);
	fx->ledger.notes = NULL;
	KUNIT_ASSERT_EQ(test, own->nr_repairs, 1);
	KUNIT_EXPECT_EQ(test, own->repairs[0].uid, 1000);
	KUNIT_EXPECT_EQ(test, own->repairs[0].pid, 0);
	KUNIT_EXPECT_EQ(test, own->repairs[0].pages, -9);
	KUNIT_EXPECT_EQ(test, own->repairs[0].repaired, -18);
	fx->repairs = 0;
	fx_repair(fx, false);
	KUNIT_EXPECT_EQ(test, fx->repairs, 1);
}

/*
 * Random sequences, on a kernel of each rule. Beside the kernel's counters, which
 * repair moves, those are kept that it would have made of the same charges without,
 * and those of the reference rule.
 */

#define STEPS	1500

/**
 * struct part - the data or the AUX area of an event, as the kernel has it
 * @pages: of a mapping; 0: there is none
 * @maps: mappings of this kind, by process
 * @all: their sum
 * @of: who mapped it first
 * @rec: what the kernel remembers
 * @on_mm: what was put on M then
 * @right: what was right
 */
struct part {
	long pages;
	unsigned int maps[FX_PROCESSES];
	unsigned int all;
	const struct fx_process *of;
	long rec;
	long on_mm;
	struct perfmlock_charge right;
};

/**
 * struct played - what the kernel and the reference rule make of the same calls
 * @model: the kernel's rule
 * @parts: of each event
 * @bare_user: U, had nobody repaired it
 * @bare_mm: M, likewise
 * @right_user: U by the reference rule
 * @right_mm: M likewise
 * @more: of M, what was charged for nothing, or is left behind
 * @less: what it lacks, taken back for another's
 * @strays: the last to unmap need not be who was charged
 */
struct played {
	const struct perfmlock_model *model;
	struct part parts[FX_EVENTS][PERFMLOCK_KINDS];
	long bare_user[FX_USERS];
	long bare_mm[FX_PROCESSES];
	long right_user[FX_USERS];
	long right_mm[FX_PROCESSES];
	long more[FX_PROCESSES];
	long less[FX_PROCESSES];
	bool strays;
};

static unsigned int index_of_user(const struct fx *fx,
				  const struct fx_process *of)
{
	return of->user - fx->users;
}

static unsigned int index_of(const struct fx *fx, const struct fx_process *of)
{
	return of - fx->processes;
}

/* Each mistake by itself: two of them can make a sum that looks right. */
static void note_wrong(struct played *played, unsigned int mm, long pages)
{
	played->more[mm] += max(pages, 0L);
	played->less[mm] -= min(pages, 0L);
}

static void forget_wrong(struct played *played, unsigned int mm, long pages)
{
	played->more[mm] -= max(pages, 0L);
	played->less[mm] += min(pages, 0L);
}

/*
 * Where the kernel has put on U what belongs on M, and U does not tell whether it has
 * charged M as well; or whatever is wrong of a U below zero. What is then left as it is
 * has cases of its own.
 */
static bool is_unclear(const struct perfmlock_observation *step,
		       const struct perfmlock_charge *charge,
		       const struct perfmlock_charge *right)
{
	long user = step->state.user;

	if (step->step != PERFMLOCK_MAP || charge->user < step->pages)
		return false;
	if (charge->user > step->pages || user < 0)
		return charge->user != right->user || charge->mm != right->mm;
	return charge->mm < right->mm &&
	       user + step->pages > (long)step->state.limit;
}

static void play_map(struct fx *fx, struct played *played,
		     const struct fx_vma *vma, enum perfmlock_kind kind)
{
	struct part *part = &played->parts[vma->event - fx->events][kind];
	unsigned int user = index_of_user(fx, vma->of);
	unsigned int mm = index_of(fx, vma->of);
	struct perfmlock_observation step = {
		.step = part->all ? PERFMLOCK_REMAP : PERFMLOCK_MAP,
		.kind = kind,
		.pages = vma->pages,
		.rec = part->rec,
		.state = {
			.user = vma->of->user->counter,
			.mm = vma->of->mm->counter,
			.limit = fx->limit,
			.rlimit = vma->of->rlimit,
		},
	};
	const struct perfmlock_state state = {
		.user = played->right_user[user],
		.mm = played->right_mm[mm],
		.limit = fx->limit,
		.rlimit = vma->of->rlimit,
	};
	struct perfmlock_charge charge, right;

	/* the data of an AUX area that holds it are there still */
	if (kind == PERFMLOCK_DATA &&
	    played->parts[vma->event - fx->events][PERFMLOCK_AUX].all)
		step.step = PERFMLOCK_REMAP;
	perfmlock_model_step(played->model, &step, &charge);
	perfmlock_reference(&state, vma->pages, &right);
	if (is_unclear(&step, &charge, &right))
		return;
	if (charge.over) {
		fx_fail(fx, vma, -EPERM, 0, 0);
		return;
	}
	if (step.step == PERFMLOCK_MAP) {
		part->of = vma->of;
		part->pages = vma->pages;
		part->right = right;
		played->right_user[user] += part->right.user;
		played->right_mm[mm] += part->right.mm;
		part->on_mm = charge.mm;
	}
	note_wrong(played, mm, step.step == PERFMLOCK_MAP ?
		   charge.mm - part->right.mm : charge.mm);
	part->rec = charge.rec;
	part->maps[mm]++;
	part->all++;
	played->bare_user[user] += charge.user;
	played->bare_mm[mm] += charge.mm;
	fx_map(fx, vma, charge.user, charge.mm);
}

/* What the kernel takes back from whom its rule says. */
static void play_end(struct fx *fx, struct played *played, struct part *part,
		     const struct fx_process *owner, const struct fx_process *closer,
		     enum perfmlock_kind kind)
{
	const struct perfmlock_observation step = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = kind,
		.pages = part->pages,
		.rec = part->rec,
	};
	const struct fx_process *user = played->model->own_user ? part->of : owner;
	const struct fx_process *mm = played->model->own_mm ? part->of : closer;
	unsigned int of = index_of(fx, part->of);
	struct perfmlock_charge charge;

	perfmlock_model_step(played->model, &step, &charge);
	forget_wrong(played, of, part->on_mm - part->right.mm);
	if (mm == part->of) {
		note_wrong(played, of, part->on_mm + charge.mm);
	} else {
		note_wrong(played, of, part->on_mm);
		note_wrong(played, index_of(fx, mm), charge.mm);
	}
	user->user->counter += charge.user;
	mm->mm->counter += charge.mm;
	played->bare_user[index_of_user(fx, user)] += charge.user;
	played->bare_mm[index_of(fx, mm)] += charge.mm;
	played->right_user[index_of_user(fx, part->of)] -= part->right.user;
	played->right_mm[of] -= part->right.mm;
	part->pages = 0;
	part->rec = 0;
}

static void play_unmap(struct fx *fx, struct played *played,
		       const struct fx_vma *vma, enum perfmlock_kind kind)
{
	struct part *parts = played->parts[vma->event - fx->events];
	struct part *data = &parts[PERFMLOCK_DATA], *aux = &parts[PERFMLOCK_AUX];
	struct fx_call call = fx_begin_unmap(fx, vma);

	parts[kind].maps[index_of(fx, vma->of)]--;
	parts[kind].all--;
	if (kind == PERFMLOCK_AUX && !aux->all)
		play_end(fx, played, aux, data->of, vma->of, PERFMLOCK_AUX);
	if (!data->all && !aux->all)
		play_end(fx, played, data, data->of, vma->of, PERFMLOCK_DATA);
	fx_kernel_unmaps(vma, 0, 0);
	fx_end_unmap(fx, &call);
}

static unsigned long below(struct rnd_state *random, unsigned long n)
{
	return prandom_u32_state(random) % n;
}

/* Would it end something that another was charged for? */
static bool is_stray(const struct fx *fx, const struct part *parts,
		     enum perfmlock_kind kind, unsigned int process)
{
	const struct part *data = &parts[PERFMLOCK_DATA];
	const struct part *aux = &parts[PERFMLOCK_AUX];

	if (parts[kind].all == 1 && parts[kind].of != &fx->processes[process] &&
	    (kind == PERFMLOCK_AUX || !aux->all))
		return true;
	return data->all + aux->all == 1 && data->of != &fx->processes[process];
}

static void play(struct fx *fx, struct played *played, struct rnd_state *random)
{
	unsigned int event = below(random, FX_EVENTS);
	unsigned int process = below(random, FX_PROCESSES);
	enum perfmlock_kind kind = below(random, 3) ? PERFMLOCK_DATA :
						      PERFMLOCK_AUX;
	struct part *parts = played->parts[event], *part = &parts[kind];
	bool held = parts[PERFMLOCK_DATA].all || parts[PERFMLOCK_AUX].all;
	struct fx_vma vma;
	long pages;

	pages = part->pages ?: (1L << below(random, 7)) +
			       (kind == PERFMLOCK_DATA);
	vma = kind == PERFMLOCK_DATA ? fx_ring(fx, process, event, pages) :
				       fx_aux(fx, process, event, pages);
	if (part->maps[process] && below(random, 2) &&
	    (played->strays || !is_stray(fx, parts, kind, process)))
		play_unmap(fx, played, &vma, kind);
	else if (part->all < 2 && (kind == PERFMLOCK_DATA || held))
		play_map(fx, played, &vma, kind);
}

/*
 * What is wrong on M is repaired as far as it is proven, and nothing else is moved.
 * Where all is charged to U, U does not tell what M was; and what strangers took back,
 * or left behind, shows as far as M is lower than what is there for certain.
 */
static void expect_m_of(struct fx *fx, const struct played *played, unsigned int i,
			bool on, unsigned int step)
{
	long bare = played->bare_mm[i], least = bare, most = bare;

	KUNIT_ASSERT_EQ(fx->test, bare - played->more[i] + played->less[i],
			played->right_mm[i]);
	if (on && !played->strays && !played->model->double_charge) {
		least = played->right_mm[i];
		most = least;
	} else if (on) {
		least -= played->more[i];
		most += played->less[i];
	}
	KUNIT_EXPECT_GE_MSG(fx->test, fx->mms[i].counter, least,
			    "%s, step %u: M of %u, repair %s",
			    played->model->name, step, i, on ? "on" : "off");
	KUNIT_EXPECT_LE_MSG(fx->test, fx->mms[i].counter, most,
			    "%s, step %u: M of %u, repair %s",
			    played->model->name, step, i, on ? "on" : "off");
}

/* Nothing is under way. */
static void expect_all(struct fx *fx, const struct played *played, bool on,
		       unsigned int step)
{
	unsigned int i;
	long more = 0;

	for (i = 0; i < FX_USERS; i++)
		KUNIT_EXPECT_EQ_MSG(fx->test, fx->users[i].counter,
				    on ? played->right_user[i] :
					 played->bare_user[i],
				    "%s, step %u: U of %u, repair %s",
				    played->model->name, step, i,
				    on ? "on" : "off");
	for (i = 0; i < FX_PROCESSES; i++)
		expect_m_of(fx, played, i, on, step);
	/* no page is there for nothing */
	for (i = 0; i < FX_USERS; i++)
		more += fx->users[i].counter - played->right_user[i];
	for (i = 0; i < FX_PROCESSES; i++)
		more += fx->mms[i].counter - played->right_mm[i];
	if (on && !played->strays)
		KUNIT_EXPECT_GE_MSG(fx->test, more, 0, "%s, step %u: in all",
				    played->model->name, step);
}

/**
 * struct rule - of a kernel
 * @name: as in perfmlock_models
 * @strays: the last to unmap need not be who was charged
 */
struct rule {
	const char *name;
	bool strays;
};

static const struct rule rules[] = {
	{ "reference" }, { "S0" }, { "S0c" }, { "S1" }, { "S2" }, { "S3" },
	{ "S4" }, { "S5" }, { "S6" },
	{ "reference", true }, { "S0", true }, { "S0c", true }, { "S1", true },
	{ "S2", true }, { "S3", true }, { "S4", true }, { "S5", true },
	{ "S6", true },
};

static void rule_desc(const struct rule *rule, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s%s", rule->name,
		 rule->strays ? " with strays" : "");
}

KUNIT_ARRAY_PARAM(rule, rules, rule_desc);

static unsigned long seed;
module_param_named(repair_seed, seed, ulong, 0);
MODULE_PARM_DESC(repair_seed, "of the random sequences of repair; 0: a new one");

static void on_and_off_in_any_order(struct kunit *test)
{
	const struct rule *rule = test->param_value;
	struct fx *fx = test->priv;
	struct rnd_state random;
	struct played *played;
	bool on = false;
	unsigned int i;

	played = kunit_kzalloc(test, sizeof(*played), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, played);
	played->model = world_model(rule->name);
	played->strays = rule->strays;
	prandom_seed_state(&random, seed);
	for (i = 0; i < FX_PROCESSES; i++) {
		fx->mms[i].counter = 5 * i;
		played->bare_mm[i] = 5 * i;
		played->right_mm[i] = 5 * i;
		fx->processes[i].rlimit = i % 2 ? 300 : WORLD_UNLIMITED;
	}
	for (i = 0; i < STEPS && !test->status; i++) {
		if (!below(&random, 20)) {
			on = !on;
			fx_repair(fx, on);
		} else if (!below(&random, 100)) {
			fx->limit = below(&random, 300);
		} else {
			play(fx, played, &random);
		}
		expect_all(fx, played, on, i);
	}
	fx_repair(fx, false);
	expect_all(fx, played, false, i);
}

static int repair_suite_init(struct kunit_suite *suite)
{
	if (!seed)
		seed = get_random_u32();
	FX_PLAN("repair", on_and_off_in_any_order, rules);
	pr_info("perfmlock_repair: seed %lu\n", seed);
	return 0;
}

static struct kunit_case repair_cases[] = {
	KUNIT_CASE(a_charged_remap_is_taken_back),
	KUNIT_CASE(both_mms_of_a_wrong_mm_are_right),
	KUNIT_CASE(a_lost_uncharge_is_made),
	KUNIT_CASE(both_users_of_an_aux_area_are_right),
	KUNIT_CASE(a_close_finds_what_it_takes),
	KUNIT_CASE(a_close_finds_it_on_m),
	KUNIT_CASE(what_u_took_for_m_goes_there),
	KUNIT_CASE(what_may_be_on_m_is_not_put_there),
	KUNIT_CASE(an_explosion_on_m_is_told_by_who_is_exempt),
	KUNIT_CASE(what_is_on_m_is_known_of_the_row_s_next_buffer),
	KUNIT_CASE(a_call_during_a_switch_judges_no_rule),
	KUNIT_CASE(no_counter_goes_below_zero),
	KUNIT_CASE(nothing_is_moved_by_uncertain_books),
	KUNIT_CASE(no_switch_moves_by_uncertain_books),
	KUNIT_CASE(a_ring_is_not_for_nothing),
	KUNIT_CASE(m_is_not_taken_by_its_own_word),
	KUNIT_CASE(what_m_alone_says_is_lost_stays),
	KUNIT_CASE(a_shared_u_is_left),
	KUNIT_CASE(a_row_that_goes_is_undone),
	KUNIT_CASE(each_repair_is_told),
	KUNIT_CASE_PARAM(on_and_off_in_any_order, rule_gen_params),
	{}
};

static struct kunit_suite perfmlock_repair_suite = {
	.name = "perfmlock_repair",
	.suite_init = repair_suite_init,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = repair_cases,
};

kunit_test_suite(perfmlock_repair_suite);
