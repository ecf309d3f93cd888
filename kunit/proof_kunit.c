// SPDX-License-Identifier: GPL-2.0
/*
 * What a user can make up: mms whose M io_uring moves in the middle of a call, and
 * calls beside each other. The books go by what is likely then; repair, which would
 * take pages off that are right, may not.
 */
#include "fixture.h"

/* What is right of U is doubtful; M of the next ring is taken by it all the same. */
static void m_is_not_taken_by_a_wrong_u(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma beside = fx_ring(fx, 1, 5, 1), fill = fx_ring(fx, 0, 2, 257);
	struct fx_vma more = fx_ring(fx, 1, 3, 65);
	struct fx_call call, own;
	struct fx_vma ring[2];
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
	}
	fx_map(fx, &fill, 257, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 387);
	fx_map(fx, &more, 13, 52);
	fx_repair_all(fx);
	/* live: 65 + 65 + 257 + 65 = 452 = 400 + 52 */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 400);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 52);
}

/* Two wrong splits that cancel: U never tells, nothing is settled. */
static void two_guesses_that_cancel_prove_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 65);
	struct fx_call ca, cb;

	fx->limit = 65;
	fx->mms[1].counter = 65; /* io_uring's */
	fx_repair(fx, true);
	ca = fx_begin_map(fx, &a);
	cb = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 65, 0);
	fx->mms[0].counter += 65; /* registers */
	fx_end_map(fx, &ca, 0);
	fx_kernel_maps(fx, &b, 0, 65);
	fx->mms[1].counter -= 65; /* unregisters */
	fx_end_map(fx, &cb, 0);
	fx->mms[0].counter -= 65; /* unregisters */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_unmap(fx, &b, 0, -65);
	fx_repair_all(fx);
	/* a is mapped, all of it on U */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
}

/* U tells a moment later that nothing was lost, and M was taken already. */
static void m_does_not_tell_what_is_lost(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma f = fx_ring(fx, 1, 0, 65), a = fx_ring(fx, 0, 1, 33);
	struct fx_vma k = fx_ring(fx, 0, 2, 33), r = fx_ring(fx, 1, 1, 33);
	struct fx_call ca, cr;

	fx->limit = 66;
	fx_map(fx, &f, 65, 0);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &k, 0, 33);
	fx_repair(fx, true);
	ca = fx_begin_unmap(fx, &a);
	cr = fx_begin_map(fx, &r);
	fx_kernel_unmaps(&a, -1, -32);
	fx->mms[0].counter += 32; /* registers */
	fx_kernel_maps(fx, &r, 1, 32);
	fx_end_unmap(fx, &ca);
	fx_end_map(fx, &cr, 0);
	fx->mms[0].counter -= 32; /* unregisters */
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 66);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 32);
}

/* Where others share U, one call alone is made to look like v4.19's. */
static void m_is_left_where_u_is_shared(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma f = fx_ring(fx, 1, 0, 100), k = fx_ring(fx, 0, 1, 257);
	struct fx_vma c = fx_ring(fx, 0, 2, 65);
	struct fx_call call;

	fx->ledger.exclusive = false;
	fx->ledger.unclamped = true;
	fx->limit = 100;
	fx_map(fx, &f, 100, 0);
	fx_map(fx, &k, 0, 257);
	/* the other process registers 135 */
	fx->users[0].counter += 135;
	fx->mms[1].counter += 135;
	fx_repair(fx, true);
	call = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 0, 65);
	/* this one registers 135, the other gives back 70 */
	fx->users[0].counter += 135 - 70;
	fx->mms[0].counter += 135;
	fx->mms[1].counter -= 70;
	fx_end_map(fx, &call, 0);
	fx->users[0].counter -= 135;
	fx->mms[0].counter -= 135;
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 257 + 65);
}

/* A cured kernel, nobody makes anything up: by a rule that is not its. */
static void a_cured_kernel_takes_it_where_it_was(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma k = fx_ring(fx, 0, 1, 33), c = fx_ring(fx, 2, 2, 5);
	struct fx_call cb, cc;

	fx->processes[2].user = &fx->users[0];
	fx->limit = 1;
	fx_repair(fx, true);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &b, 0, 0);
	fx_map(fx, &k, 0, 33);
	fx_unmap(fx, &a, 0, 0);
	cc = fx_begin_map(fx, &c);
	cb = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, -1, 0);
	fx->mms[0].counter -= 32;
	fx_kernel_maps(fx, &c, 1, 4);
	fx_end_map(fx, &cc, 0);
	fx_end_unmap(fx, &cb);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 1);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
}

/* Likewise, alone: whose M it was M alone says. */
static void m_does_not_tell_a_cured_kernel(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma k = fx_ring(fx, 0, 1, 33);
	struct fx_call cb;

	fx->limit = 1;
	fx->mms[1].counter = 32; /* io_uring's */
	fx->ledger.model = PERFMLOCK_REFERENCE;
	fx_repair(fx, true);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &b, 0, 0);
	fx_map(fx, &k, 0, 33);
	fx_unmap(fx, &a, 0, 0);
	cb = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, -1, 0);
	fx->mms[0].counter -= 32;
	fx->mms[1].counter -= 32; /* unregisters */
	fx_end_unmap(fx, &cb);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
}

/* A guess of a pending row is no inference: M is taken by M's word. */
static void a_guess_of_who_made_it_proves_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 0, 65);
	struct fx_vma k = fx_ring(fx, 1, 1, 65), c = fx_ring(fx, 2, 2, 65);
	struct fx_call c0, c1, ca, cc;

	fx->processes[2].user = &fx->users[0];
	fx->mms[0].counter = 65; /* io_uring's */
	fx->limit = 0;
	fx_map(fx, &k, 0, 65);
	fx->limit = 200;
	fx_repair(fx, true);
	c0 = fx_begin_map(fx, &a);
	c1 = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &c1, 0);
	fx_end_map(fx, &c0, 0);
	fx_unmap(fx, &b, 0, 0);
	cc = fx_begin_map(fx, &c);
	ca = fx_begin_unmap(fx, &a);
	fx_kernel_unmaps(&a, -65, 0);
	fx_kernel_maps(fx, &c, 65, 0);
	fx->mms[0].counter -= 65; /* unregisters */
	fx_end_unmap(fx, &ca);
	fx_end_map(fx, &cc, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/*
 * Process 0 has a ring, which @other maps too, and another one, @k. Both unmap the first
 * at once; by M it is @other's that is the last, which gives back as many pages of
 * io_uring's in that.
 */
static void close_two_at_once(struct fx *fx, unsigned int other,
			      const struct fx_vma *k)
{
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, other, 0, 33);
	struct fx_call ca, cb;

	fx->limit = 1;
	fx->mms[other].counter = 32;
	fx_repair(fx, true);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &b, 0, 0);
	fx_map(fx, k, 0, 33);
	KUNIT_EXPECT_EQ(fx->test, fx->mms[0].counter, 65);
	cb = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, 0, 0);
	ca = fx_begin_unmap(fx, &a);
	fx_kernel_unmaps(&a, -1, -32);
	fx->mms[other].counter -= 32;
	fx_end_unmap(fx, &cb);
	fx_end_unmap(fx, &ca);
}

/* Of two closes at once M says which was the last, and anybody moves his own. */
static void m_does_not_tell_the_last_of_two_closes(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 0, 1, 33);

	close_two_at_once(fx, 1, &k);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.unproven_pages, 33);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
}

/* A pair of drifts, and but for the half that is left: an exchange of U and M. */
static void no_mm_is_brought_below_zero(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 0, 1, 33);

	close_two_at_once(fx, 1, &k);
	/* the owner of the ring unmaps its other one */
	fx_unmap(fx, &k, 0, -33);
	fx_repair_all(fx);
	/* without repair it is 0; below 0 all its mmaps are refused */
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* As before, and who closes is another user: the victim shares an event. */
static void nor_by_another_user(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 0, 1, 33);

	close_two_at_once(fx, 2, &k);
	fx_unmap(fx, &k, 0, -33);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* M is repaired in the middle of a call that is refused. */
static void a_refusal_during_a_repair_is_judged_by_what_it_met(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 0, 1, 9);
	struct perfmlock_denial *denial;
	struct fx_call call;

	denial = kunit_kzalloc(test, sizeof(*denial), GFP_KERNEL);
	fx->limit = 0;
	fx->processes[0].rlimit = 33;
	fx_map(fx, &a, 0, 33);
	fx_map(fx, &b, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &b, 0, -33);
	/* M of a is 33, nothing is mapped: 9 more are over 33, wrongly */
	call = fx_begin_map(fx, &c);
	fx_repair(fx, true);
	fx_end_map(fx, &call, -EPERM);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.denials, 0, denial), 0);
	KUNIT_EXPECT_EQ(test, denial->right_state.mm, 0);
	KUNIT_EXPECT_FALSE(test, denial->right.over);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.wrongly_denied, 1);
}

/* M alone says who made it, and the other user's U is settled with no buffer to doubt. */
static void m_does_not_tell_whose_a_buffer_is(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 0, 65);
	struct fx_vma k = fx_ring(fx, 2, 1, 65), beside = fx_ring(fx, 1, 5, 1);
	struct fx_call c0, c1, cx;

	fx->limit = 0;
	fx_map(fx, &k, 0, 65);
	fx->limit = 100;
	fx_repair(fx, true);
	cx = fx_begin_map(fx, &beside);
	c0 = fx_begin_map(fx, &a);
	c1 = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx->mms[2].counter += 65; /* registers */
	fx_end_map(fx, &c0, 0);
	fx_end_map(fx, &c1, 0);
	fx_end_map(fx, &cx, -ENOMEM);
	fx->mms[2].counter -= 65; /* unregisters */
	fx_repair_all(fx);
	/* a's 65 are uid 1000's, and k's 65 on the M of uid 1001's process */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->users[1].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 65);
}

/* The row of an mm is gone while a close of an ended buffer has it. */
static void a_close_of_what_has_ended_repairs_nobody(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma x = fx_ring(fx, 0, 1, 33), y = fx_ring(fx, 1, 1, 33);
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call ca, cb;

	fx->limit = 1;
	fx_repair(fx, true);
	fx_map(fx, &x, 1, 32);
	fx_map(fx, &y, 0, 0);
	fx_unmap(fx, &x, 0, 0);
	fx_unmap(fx, &y, -1, -32);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &b, 0, 0);
	cb = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, 0, 0);
	ca = fx_begin_unmap(fx, &a);
	fx_kernel_unmaps(&a, -1, -32);
	fx_end_unmap(fx, &ca);
	KUNIT_EXPECT_TRUE(test, cb.call->data->ended);
	fx->mms[0].gone = true;
	perfmlock_ledger_reap(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx->mms[0].held, 0);
	KUNIT_EXPECT_NULL(test, fx_mm_row(fx, &fx->mms[0]));
	fx_end_unmap(fx, &cb);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 32);
}

/*
 * 7.x charges a re-map. The event of another user was led to a buffer whose maker
 * has not returned: whose it is was told by who returned first.
 */
static void who_returns_first_need_not_have_made_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 1, 65);
	struct fx_call ca, cb;

	fx->limit = 400;
	fx->ledger.model = PERFMLOCK_S6;
	fx_repair(fx, true);
	ca = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 65, 0);
	b.event->next_rb = a.event->rb;
	cb = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 65, 0);
	fx_end_map(fx, &cb, 0);
	fx_end_map(fx, &ca, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->users[1].counter, 65);
}

/* Another close beside the last one: it may be that which the kernel took for it. */
static void a_close_beside_another_leaves_nothing_behind(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma k = fx_ring(fx, 1, 1, 33);
	struct fx_call own, other;

	fx->limit = 1;
	fx_repair(fx, true);
	fx_map(fx, &a, 1, 32);
	fx_map(fx, &b, 0, 0);
	fx_map(fx, &k, 0, 33);
	fx_unmap(fx, &a, 0, 0);
	/* M lacks what another close in it has taken by right */
	other = fx_begin_unmap(fx, &k);
	own = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&k, 0, -33);
	fx_kernel_unmaps(&b, -1, 0);
	fx->mms[0].counter -= 32;
	fx_end_unmap(fx, &own);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	fx_end_unmap(fx, &other);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
}

/* It may be another at its address, also where a walk could not look at its owner. */
static void what_was_missed_takes_every_proof(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma b = fx_ring(fx, 1, 0, 33);
	const struct fx_vma *const nothing[] = { NULL };
	const struct fx_vma *const all[] = { &b, NULL };

	fx_map(fx, &b, 33, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, b.event->rb)->proven);
	fx_missed(fx);
	fx->mms[1].unvisited = true;
	KUNIT_EXPECT_FALSE(test, fx_walk(fx, nothing, PERFMLOCK_MARKED));
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx->mms[1].unvisited = false;
	fx_sweep(fx, all);
	KUNIT_EXPECT_FALSE(test, fx_buffer(fx, b.event->rb)->proven);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.unproven_pages, 0);
}

/*
 * No race, no io_uring, any kernel: one closes the other's last, then the other
 * way round. The kernel's counters are right again; what repair has stays.
 */
static void what_was_left_behind_may_be_taken(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 0, 3, 33);
	struct fx_vma xa = fx_ring(fx, 0, 0, 33), xb = fx_ring(fx, 1, 0, 33);
	struct fx_vma yb = fx_ring(fx, 1, 1, 33), ya = fx_ring(fx, 0, 1, 33);

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &k, 0, 33);
	fx_map(fx, &xa, 0, 33);
	fx_map(fx, &xb, 0, 0);
	fx_unmap(fx, &xa, 0, 0);
	fx_unmap(fx, &xb, 0, -33);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
	fx_map(fx, &yb, 0, 33);
	fx_map(fx, &ya, 0, 0);
	fx_unmap(fx, &yb, 0, 0);
	fx_unmap(fx, &ya, 0, -33);
	fx_repair_all(fx);
	/* k is mapped, and nothing else */
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
}

/* Likewise, four times, by processes that die: that much is for nothing. */
static void nor_is_it_a_way_to_rings_for_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 0, 3, 257);
	struct fx_vma xa = fx_ring(fx, 0, 0, 257), xb = fx_ring(fx, 1, 0, 257);
	struct fx_vma yc = fx_ring(fx, 2, 1, 257), ya = fx_ring(fx, 0, 1, 257);

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &k, 0, 257);
	fx_map(fx, &xa, 0, 257);
	fx_map(fx, &xb, 0, 0);
	fx_unmap(fx, &xa, 0, 0);
	fx_unmap(fx, &xb, 0, -257);
	/* c is a victim of another uid, that shares an event with a */
	fx_map(fx, &yc, 0, 257);
	fx_map(fx, &ya, 0, 0);
	fx_unmap(fx, &yc, 0, 0);
	fx_unmap(fx, &ya, 0, -257);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 257);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 0);
	fx_repair(fx, false);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 257);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, -257);
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 257);
}

/* Another uid is led to a ring whose maker has not returned; up to v6.14. */
static void a_ring_is_its_makers_whoever_returns_first(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 1, 65);
	struct fx_vma beside = fx_ring(fx, 1, 5, 1);
	struct fx_call ca, cb, cx;

	fx->limit = 65;
	fx_repair(fx, true);
	cx = fx_begin_map(fx, &beside);
	ca = fx_begin_map(fx, &a);
	cb = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_lead(fx, 1, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &cb, 0);
	fx_end_map(fx, &ca, 0);
	fx_end_map(fx, &cx, -ENOMEM);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->users[1].counter, 0);
}

/* Likewise, from v6.15 on: nothing beside it is needed. */
static void nor_where_a_remap_is_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 1, 65);
	struct fx_call ca, cb;

	fx->ledger.model = PERFMLOCK_S6;
	fx->limit = 65;
	fx_repair(fx, true);
	ca = fx_begin_map(fx, &a);
	cb = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_lead(fx, 1, 0);
	fx_kernel_maps(fx, &b, 65, 0);
	fx_end_map(fx, &cb, 0);
	fx_end_map(fx, &ca, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* Likewise, split, M hidden by io_uring; up to v6.14; nothing beside it. */
static void nor_where_m_is_hidden(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 1, 65);
	struct fx_call ca, cb;

	fx->limit = 35;
	fx->mms[0].counter = 30; /* io_uring's */
	fx_repair(fx, true);
	ca = fx_begin_map(fx, &a);
	cb = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 35, 30);
	fx->mms[0].counter -= 30; /* unregisters */
	fx_lead(fx, 1, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &cb, 0);
	fx_end_map(fx, &ca, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 35);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 30);
}

/* The last close that is known, and a map through another event is under way. */
static void a_close_beside_a_map_of_it_is_not_the_last(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), a2 = fx_ring(fx, 0, 1, 65);
	struct fx_vma c = fx_ring(fx, 2, 2, 65);
	struct fx_vma beside = fx_ring(fx, 1, 5, 1), beside2 = fx_ring(fx, 3, 4, 1);
	struct fx_call cc, cl, cx, cy;

	fx->processes[3].user = &fx->users[1];
	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 65;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_lead(fx, 1, 0);
	fx_lead(fx, 2, 0);
	fx_map(fx, &a2, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	cy = fx_begin_map(fx, &beside2);
	cc = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 0, 0);
	cx = fx_begin_map(fx, &beside);
	cl = fx_begin_unmap(fx, &a2);
	fx_kernel_unmaps(&a2, 0, 0);
	fx_end_unmap(fx, &cl);
	fx_end_map(fx, &cx, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_end_map(fx, &cc, 0);
	fx_end_map(fx, &cy, -ENOMEM);
	fx_repair_all(fx);
	/* c is mapped, and charged to uid 1000 */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* Likewise M: an old deficiency is shown at a close that was not the last. */
static void nothing_is_left_behind_by_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 1, 3, 33);
	struct fx_vma r = fx_ring(fx, 3, 4, 33), rb = fx_ring(fx, 1, 4, 33);
	struct fx_vma x = fx_ring(fx, 0, 0, 33), xb = fx_ring(fx, 1, 1, 33);
	struct fx_vma c = fx_ring(fx, 2, 2, 33);
	struct fx_call cc, cl;

	fx->processes[3].user = &fx->users[0];
	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &k, 0, 33);
	/* the process of r is to die: what is left there is of no use to it */
	fx_map(fx, &r, 0, 33);
	fx_map(fx, &rb, 0, 0);
	fx_unmap(fx, &r, 0, 0);
	fx->mms[1].counter += 33; /* registers */
	fx_unmap(fx, &rb, 0, -33);
	fx_map(fx, &x, 0, 33);
	fx_lead(fx, 1, 0);
	fx_lead(fx, 2, 0);
	fx_map(fx, &xb, 0, 0);
	fx_unmap(fx, &x, 0, 0);
	cc = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 0, 0);
	cl = fx_begin_unmap(fx, &xb);
	fx_kernel_unmaps(&xb, 0, 0);
	fx->mms[1].counter -= 33; /* unregisters */
	fx_end_unmap(fx, &cl);
	fx_end_map(fx, &cc, 0);
	fx_repair_all(fx);
	/* x is mapped, by c, and all of it is charged to process 0 */
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
}

/* Two close at once, the victim's M was moved by one page: it is not missing. */
static void what_a_close_under_way_has_is_not_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_call ca, cb;

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 33);
	fx_map(fx, &b, 0, 0);
	cb = fx_begin_unmap(fx, &b);
	ca = fx_begin_unmap(fx, &a);
	fx_kernel_unmaps(&b, 0, 0);
	fx_kernel_unmaps(&a, 0, -33);
	fx->mms[0].counter += 1; /* registers a page */
	fx_end_unmap(fx, &ca);
	fx_end_unmap(fx, &cb);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 1);
}

/* A cured kernel, and a look at all rows in the middle of another mm's close. */
static void a_cured_kernel_leaves_nothing_missing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_call cb;

	fx->ledger.model = PERFMLOCK_REFERENCE;
	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 33);
	fx_map(fx, &b, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	cb = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, 0, 0);
	fx->mms[0].counter -= 33;
	fx_repair_all(fx);
	fx_end_unmap(fx, &cb);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* v6.15: a charged re-map is taken for v4.19's first map; M is the word of io_uring. */
static void m_tells_no_explosion_of_who_was_led(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 65);
	const struct fx_vma *const all[] = { &a, &b, NULL };
	struct fx_call cb;

	fx->ledger.model = PERFMLOCK_S6;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	cb = fx_begin_map(fx, &b);
	fx_lead(fx, 1, 0);
	fx_kernel_maps(fx, &b, 65, 0);
	fx->mms[1].counter += 30; /* registers, and stays so */
	fx_end_map(fx, &cb, 0);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 30);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
}

/* Calls that fail are contested too, for ever: a stranger ends repair of an uid. */
static void two_that_fail_are_not_contested(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65);
	struct fx_vma v = fx_ring(fx, 0, 1, 9), w = fx_ring(fx, 2, 1, 1L << 20);
	struct fx_call cv, cw;
	unsigned int i;

	fx_repair(fx, true);
	for (i = 0; i < 16; i++) {
		cv = fx_begin_map(fx, &v);
		cw = fx_begin_map(fx, &w);
		fx_end_map(fx, &cw, -EINVAL);
		fx_end_map(fx, &cv, -EAGAIN);
	}
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->proof.others.most, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->proof.others.most, 0);
	fx_map(fx, &a, 65, 0);
	fx_map(fx, &a, 65, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* As above, and the event is led to it after its perf_mmap() has begun. */
static void a_map_led_in_its_middle_holds_it_too(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), c = fx_ring(fx, 2, 2, 65);
	struct fx_vma beside = fx_ring(fx, 1, 5, 1);
	struct fx_call cc, cx;

	fx->limit = 65;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	cc = fx_begin_map(fx, &c);
	fx_lead(fx, 2, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	cx = fx_begin_map(fx, &beside);
	fx_unmap(fx, &a, 0, 0);
	fx_end_map(fx, &cx, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_end_map(fx, &cc, 0);
	fx_repair_all(fx);
	/* c is mapped, and charged to uid 1000 */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	/* the kernel takes what it has charged */
	fx_unmap(fx, &c, 0, 0);
	fx->users[0].counter -= c.event->owner == &fx->users[0] ? 65 : 0;
	KUNIT_EXPECT_GE(test, fx->users[0].counter, 0);
}

/* Likewise M. */
static void nor_is_anything_left_behind_by_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 1, 3, 33);
	struct fx_vma r = fx_ring(fx, 3, 4, 33), rb = fx_ring(fx, 1, 4, 33);
	struct fx_vma x = fx_ring(fx, 0, 0, 33), xb = fx_ring(fx, 1, 1, 33);
	struct fx_vma c = fx_ring(fx, 2, 2, 33);
	struct fx_call cc, cl;

	fx->processes[3].user = &fx->users[0];
	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &k, 0, 33);
	fx_map(fx, &r, 0, 33);
	fx_map(fx, &rb, 0, 0);
	fx_unmap(fx, &r, 0, 0);
	fx->mms[1].counter += 33; /* registers */
	fx_unmap(fx, &rb, 0, -33);
	fx_map(fx, &x, 0, 33);
	fx_lead(fx, 1, 0);
	fx_map(fx, &xb, 0, 0);
	fx_unmap(fx, &x, 0, 0);
	cc = fx_begin_map(fx, &c);
	fx_lead(fx, 2, 1);
	fx_kernel_maps(fx, &c, 0, 0);
	cl = fx_begin_unmap(fx, &xb);
	fx_kernel_unmaps(&xb, 0, 0);
	fx->mms[1].counter -= 33; /* unregisters */
	fx_end_unmap(fx, &cl);
	fx_end_map(fx, &cc, 0);
	fx_repair_all(fx);
	/* x is mapped, by c, and all of it is charged to process 0 */
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 33);
}

/*
 * A close is left open for one of an earlier buffer that holds the event back;
 * another event was led to it, and is in perf_mmap().
 */
static void an_open_close_beside_a_map_of_it_is_not_lost(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma w = fx_ring(fx, 0, 0, 65), x = fx_ring(fx, 1, 0, 65);
	struct fx_vma c = fx_ring(fx, 2, 2, 65);
	struct fx_call cw, cx, cc, cl;

	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &w, 65, 0);
	cw = fx_begin_unmap(fx, &w);
	/* the buffer has no mapping any more, the event has one: another is made */
	cx = fx_begin_map(fx, &x);
	fx->events[0].rb = NULL;
	fx_kernel_maps(fx, &x, 65, 0);
	fx_end_map(fx, &cx, 0);
	fx_lead(fx, 2, 0);
	cc = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 0, 0);
	cl = fx_begin_unmap(fx, &x);
	fx_kernel_unmaps(&x, 0, 0);
	fx_end_unmap(fx, &cl);
	fx_kernel_unmaps(&w, -65, 0);
	fx_end_unmap(fx, &cw);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	fx_end_map(fx, &cc, 0);
	fx_repair_all(fx);
	/* x is mapped, by c, and charged to uid 1000 */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* The kernel frees a buffer, and makes another uid's at its address. */
static void another_at_its_address_is_anothers(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 0, 65);
	struct fx_call ca, cb;

	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	cb = fx_begin_map(fx, &b);
	ca = fx_begin_unmap(fx, &a);
	fx->events[0].next_rb = fx->events[0].rb;
	fx_kernel_unmaps(&a, -65, 0);
	fx_kernel_maps(fx, &b, 65, 0);
	fx_end_map(fx, &cb, 0);
	fx_end_unmap(fx, &ca);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->users[1].counter, 65);
}

/* Likewise M. */
static void nor_is_its_end_missing_on_m(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 2, 0, 65);
	struct fx_call ca, cb;

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &a, 0, 65);
	cb = fx_begin_map(fx, &b);
	ca = fx_begin_unmap(fx, &a);
	fx->events[0].next_rb = fx->events[0].rb;
	fx_kernel_unmaps(&a, 0, -65);
	fx_kernel_maps(fx, &b, 0, 65);
	fx_end_map(fx, &cb, 0);
	fx_end_unmap(fx, &ca);
	fx_repair_all(fx);
	fx_unmap(fx, &b, 0, -65);
	fx_repair_all(fx);
	/* nothing is mapped by anybody */
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 0);
}

/*
 * v6.15, while perf_event_paranoid is -1: everybody is exempt, and teaches that
 * this is a kernel of before v5.4.
 */
static void who_is_exempt_now_need_not_be_so_later(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma k = fx_ring(fx, 2, 4, 257), a, c;
	struct fx_call cc;
	long more, foreign, registered = 0;
	unsigned int i;

	fx->ledger.model = PERFMLOCK_S6;
	fx->limit = 30;
	/* of before the limit was lowered, and the load */
	fx->users[0].counter = 30;
	fx->users[1].counter = 65;
	fx->exempt = true;
	fx_repair(fx, true);
	fx_map(fx, &k, 0, 257);
	for (i = 0; i < 2; i++) {
		a = fx_ring(fx, 0, i, 65);
		c = fx_ring(fx, 2, 2 + i, 65);
		fx_map(fx, &a, 0, 65);
		foreign = fx->users[1].counter;
		cc = fx_begin_map(fx, &c);
		fx_lead(fx, 2 + i, i);
		fx_kernel_maps(fx, &c, 65, 0);
		fx_unmap(fx, &a, 0, 0);
		more = foreign + 65 - 30;
		fx->mms[2].counter += more; /* registers */
		fx_end_map(fx, &cc, 0);
		fx->exempt = false;
		registered += more;
	}
	fx_repair_all(fx);
	KUNIT_EXPECT_FALSE(test, fx->ledger.unclamped);
	/* k is mapped, and what is registered is so still */
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 257 + registered);
}

/* An AUX area of adopted data, that another is about to return with. */
static void an_area_of_adopted_data_is_held_too(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 65), aux = fx_aux(fx, 0, 0, 64);
	struct fx_vma other = fx_aux(fx, 2, 0, 64);
	const struct fx_vma *const before[] = { &data, NULL };
	struct fx_call cc;

	fx->limit = 200;
	fx_kernel_maps(fx, &data, 65, 0);
	fx_sweep(fx, before);
	fx_repair(fx, true);
	fx_map(fx, &aux, 64, 0);
	cc = fx_begin_map(fx, &other);
	fx_kernel_maps(fx, &other, 0, 0);
	fx_unmap(fx, &aux, 0, 0);
	fx_end_map(fx, &cc, 0);
	fx_repair_all(fx);
	/* the data and its area are mapped, and charged to uid 1000 */
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 129);
}

/* As above, and another of its own user maps the maker's event as well. */
static void nor_of_who_has_a_rival_of_his_own(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), d = fx_ring(fx, 1, 0, 65);
	struct fx_vma b = fx_ring(fx, 2, 1, 65);
	struct fx_call ca, cd, cb;

	fx->limit = 65;
	fx_repair(fx, true);
	ca = fx_begin_map(fx, &a);
	cd = fx_begin_map(fx, &d);
	cb = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_kernel_maps(fx, &d, 0, 0);
	fx_lead(fx, 1, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &cb, 0);
	fx_end_map(fx, &ca, 0);
	fx_end_map(fx, &cd, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/* Likewise an AUX area, through two events: nothing beside it is needed. */
static void nor_of_an_area_that_two_events_map(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 65), a = fx_aux(fx, 0, 0, 64);
	struct fx_vma c = fx_aux(fx, 2, 2, 64);
	struct fx_call ca, cc;

	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &data, 65, 0);
	fx_lead(fx, 2, 0);
	ca = fx_begin_map(fx, &a);
	cc = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 64, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_end_map(fx, &cc, 0);
	fx_end_map(fx, &ca, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 129);
}

/* An AUX area is mapped anew by another uid, before the close of the old returns. */
static void an_area_that_is_made_anew_is_its_makers(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 65), a = fx_aux(fx, 0, 0, 64);
	struct fx_vma c = fx_aux(fx, 2, 0, 64);
	struct fx_call ca;

	fx->limit = 200;
	fx_repair(fx, true);
	fx_map(fx, &data, 65, 0);
	fx_map(fx, &a, 64, 0);
	ca = fx_begin_unmap(fx, &a);
	fx_kernel_unmaps(&a, -64, 0);
	fx_map(fx, &c, 64, 0);
	fx_end_unmap(fx, &ca);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->users[1].counter, 64);
}

/* Likewise M: what its end took is said to be missing, for ever. */
static void nor_is_the_old_one_missing_on_m(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma data = fx_ring(fx, 0, 0, 65), a = fx_aux(fx, 0, 0, 64);
	struct fx_vma c = fx_aux(fx, 2, 0, 64);
	struct fx_call ca;

	fx->limit = 0;
	fx_repair(fx, true);
	fx_map(fx, &data, 0, 65);
	fx_map(fx, &a, 0, 64);
	ca = fx_begin_unmap(fx, &a);
	fx_kernel_unmaps(&a, 0, -64);
	fx_map(fx, &c, 0, 64);
	fx_end_unmap(fx, &ca);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 65);
	fx_unmap(fx, &c, 0, -64);
	fx_unmap(fx, &data, 0, -65);
	fx_repair_all(fx);
	/* nothing is mapped by anybody */
	KUNIT_EXPECT_EQ(test, fx->mms[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[2].counter, 0);
}

/* Two that fail beside each other, of a size that is no buffer's, as long as one likes. */
static void a_size_that_cannot_be_is_no_room(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), v = fx_ring(fx, 0, 1, LONG_MAX / 2);
	struct fx_vma w = fx_ring(fx, 2, 2, 9);
	struct fx_call cv, cw;
	unsigned int i;

	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	cw = fx_begin_map(fx, &w);
	for (i = 0; i < 8; i++) {
		cv = fx_begin_map(fx, &v);
		fx_end_map(fx, &cv, -EINVAL);
		KUNIT_EXPECT_GT(test, fx_user_row(fx, &fx->users[0])->proof.company, 0);
	}
	fx_kernel_maps(fx, &w, 9, 0);
	fx_end_map(fx, &cw, 0);
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/*
 * One uid. Two map an event, and the row is displaced while the first unmaps it: that of
 * the address counts the third alone, and goes with it, alone. What the second maps has
 * no row, and nothing is unproven.
 */
static void leave_a_ring_behind(struct fx *fx, long remap)
{
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 0, 65);
	struct fx_vma c = fx_ring(fx, 1, 1, 65);

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 400;
	fx_repair(fx, true);
	fx_map(fx, &a, 65, 0);
	fx_map(fx, &b, remap, 0);
	fx_displace(fx, &a, &c, remap);
	fx_unmap(fx, &c, 0, 0);
	fx_repair_all(fx);
	/* b is mapped */
	KUNIT_EXPECT_FALSE(fx->test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(fx->test, fx->users[0].counter, 65);
}

static void a_displaced_row_leaves_a_ring_behind(struct kunit *test)
{
	leave_a_ring_behind(test->priv, 0);
}

static void nor_does_one_where_remaps_are_charged(struct kunit *test)
{
	leave_a_ring_behind(test->priv, 65);
}

/* Likewise with two uids and without a displaced row: a close is resynced. */
static void a_close_that_looks_like_the_last_is_not(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma g = fx_ring(fx, 2, 2, 129), h = fx_ring(fx, 2, 5, 65);
	struct fx_vma a = fx_ring(fx, 0, 0, 65), c = fx_ring(fx, 2, 0, 65);
	struct fx_vma y = fx_ring(fx, 0, 1, 65), y2 = fx_ring(fx, 1, 3, 65);
	struct fx_call ca, cc;

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 194;
	fx_repair(fx, true);
	fx_map(fx, &g, 129, 0);
	fx_map(fx, &h, 65, 0);
	ca = fx_begin_map(fx, &a);
	cc = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx->mms[2].counter += 65; /* registers */
	fx_end_map(fx, &cc, 0);
	fx_end_map(fx, &ca, 0);
	fx->mms[2].counter -= 65; /* unregisters */
	fx_unmap(fx, &a, 0, 0);
	fx_map(fx, &y, 65, 0);
	fx_lead(fx, 3, 1);
	fx_map(fx, &y2, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 130);
	ca = fx_begin_unmap(fx, &y);
	cc = fx_begin_unmap(fx, &c);
	fx_kernel_unmaps(&c, -65, 0); /* of a, whose user made it */
	fx_kernel_unmaps(&y, 0, 0);
	fx_end_unmap(fx, &ca);
	fx_end_unmap(fx, &cc);
	fx_repair_all(fx);
	/* y2 is mapped */
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
}

/*
 * Two uids map an event at once: a has made it, c returns first and has registered as
 * much. a's pages are on U, as company. is_exact() does not look at that.
 */
static void company_is_on_u_for_the_rule_too(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma g = fx_ring(fx, 2, 2, 65);
	struct fx_vma a = fx_ring(fx, 0, 0, 65), c = fx_ring(fx, 2, 0, 65);
	struct fx_vma f = fx_ring(fx, 1, 1, 65);
	struct fx_call ca, cc;

	fx_sweep(fx, (const struct fx_vma *const []){ NULL });
	fx->limit = 65;
	fx_repair(fx, true);
	fx_map(fx, &g, 65, 0);
	ca = fx_begin_map(fx, &a);
	cc = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 65, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx->mms[2].counter += 65; /* registers */
	fx_end_map(fx, &cc, 0);
	fx_end_map(fx, &ca, 0);
	fx_map(fx, &f, 0, 65); /* nothing is free on U */
	fx_repair_all(fx);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 65);
	KUNIT_EXPECT_EQ(test, fx->mms[1].counter, 65);
}

static struct kunit_case proof_cases[] = {
	KUNIT_CASE(m_is_not_taken_by_a_wrong_u),
	KUNIT_CASE(two_guesses_that_cancel_prove_nothing),
	KUNIT_CASE(m_does_not_tell_what_is_lost),
	KUNIT_CASE(m_is_left_where_u_is_shared),
	KUNIT_CASE(a_cured_kernel_takes_it_where_it_was),
	KUNIT_CASE(m_does_not_tell_a_cured_kernel),
	KUNIT_CASE(a_guess_of_who_made_it_proves_nothing),
	KUNIT_CASE(m_does_not_tell_the_last_of_two_closes),
	KUNIT_CASE(no_mm_is_brought_below_zero),
	KUNIT_CASE(nor_by_another_user),
	KUNIT_CASE(a_refusal_during_a_repair_is_judged_by_what_it_met),
	KUNIT_CASE(m_does_not_tell_whose_a_buffer_is),
	KUNIT_CASE(a_close_of_what_has_ended_repairs_nobody),
	KUNIT_CASE(who_returns_first_need_not_have_made_it),
	KUNIT_CASE(a_close_beside_another_leaves_nothing_behind),
	KUNIT_CASE(what_was_missed_takes_every_proof),
	KUNIT_CASE(what_was_left_behind_may_be_taken),
	KUNIT_CASE(nor_is_it_a_way_to_rings_for_nothing),
	KUNIT_CASE(a_ring_is_its_makers_whoever_returns_first),
	KUNIT_CASE(nor_where_a_remap_is_charged),
	KUNIT_CASE(nor_where_m_is_hidden),
	KUNIT_CASE(a_close_beside_a_map_of_it_is_not_the_last),
	KUNIT_CASE(nothing_is_left_behind_by_it),
	KUNIT_CASE(what_a_close_under_way_has_is_not_missing),
	KUNIT_CASE(a_cured_kernel_leaves_nothing_missing),
	KUNIT_CASE(m_tells_no_explosion_of_who_was_led),
	KUNIT_CASE(two_that_fail_are_not_contested),
	KUNIT_CASE(a_map_led_in_its_middle_holds_it_too),
	KUNIT_CASE(nor_is_anything_left_behind_by_it),
	KUNIT_CASE(an_open_close_beside_a_map_of_it_is_not_lost),
	KUNIT_CASE(another_at_its_address_is_anothers),
	KUNIT_CASE(nor_is_its_end_missing_on_m),
	KUNIT_CASE(who_is_exempt_now_need_not_be_so_later),
	KUNIT_CASE(an_area_of_adopted_data_is_held_too),
	KUNIT_CASE(nor_of_who_has_a_rival_of_his_own),
	KUNIT_CASE(nor_of_an_area_that_two_events_map),
	KUNIT_CASE(an_area_that_is_made_anew_is_its_makers),
	KUNIT_CASE(nor_is_the_old_one_missing_on_m),
	KUNIT_CASE(a_size_that_cannot_be_is_no_room),
	KUNIT_CASE(a_displaced_row_leaves_a_ring_behind),
	KUNIT_CASE(nor_does_one_where_remaps_are_charged),
	KUNIT_CASE(a_close_that_looks_like_the_last_is_not),
	KUNIT_CASE(company_is_on_u_for_the_rule_too),
	{}
};

static struct kunit_suite perfmlock_proof_suite = {
	.name = "perfmlock_proof",
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = proof_cases,
};

kunit_test_suite(perfmlock_proof_suite);
