// SPDX-License-Identifier: GPL-2.0
/* Who is named as holding a user's pages, and what nobody holds. */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "../module/ledger.h"
#include "fixture.h"

#define TOO_MANY	2000

static char state_of(pid_t pid, const void *mm)
{
	return pid == 100 ? 'T' : pid == 101 ? 'S' : 0;
}

static void refuse(struct fx *fx, unsigned int process, long pages)
{
	struct fx_vma ring = fx_ring(fx, process, 0, pages);

	fx_fail(fx, &ring, -EPERM, 0, 0);
}

/* The last refusal; NULL: there is none. */
static struct perfmlock_denial *last(struct fx *fx, unsigned int back)
{
	struct perfmlock_denial *denial;

	denial = kunit_kzalloc(fx->test, sizeof(*denial), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fx->test, denial);
	KUNIT_ASSERT_NE(fx->test, fx_past(&fx->ledger.denials, back, denial), 0);
	return denial;
}

static void expect_holder(struct fx *fx, const struct perfmlock_denial *denial,
			  unsigned int i, pid_t pid, long pages)
{
	const struct perfmlock_holder *holder = &denial->holders[i];

	KUNIT_EXPECT_EQ(fx->test, holder->pid, pid);
	KUNIT_EXPECT_EQ(fx->test, holder->pages, pages);
	if (pid)
		KUNIT_EXPECT_EQ(fx->test, holder->state, state_of(pid, NULL));
}

static void those_of_the_user_are_named(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma rings[] = {
		fx_ring(fx, 0, 0, 20), fx_ring(fx, 0, 1, 10),
		fx_ring(fx, 1, 2, 40), fx_ring(fx, 2, 3, 90),
	};
	struct perfmlock_denial *denial;
	unsigned int i;
	u64 seq = 0;

	for (i = 0; i < ARRAY_SIZE(rings); i++)
		fx_map(fx, &rings[i], rings[i].pages, 0);
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_FALSE(test, last(fx, 0)->looked);
	KUNIT_EXPECT_EQ(test, fx->told, 1);
	KUNIT_ASSERT_TRUE(test, perfmlock_holders_look(&fx->ledger, &seq,
						       state_of));
	KUNIT_EXPECT_EQ(test, seq, 1);
	denial = last(fx, 0);
	KUNIT_EXPECT_TRUE(test, denial->looked);
	expect_holder(fx, denial, 0, 101, 40);
	expect_holder(fx, denial, 1, 100, 30);
	expect_holder(fx, denial, 2, 0, 0);
	KUNIT_EXPECT_STREQ(test, denial->holders[0].comm, "b");
	KUNIT_EXPECT_EQ(test, denial->orphaned, 0);

	/* of a later moment: what was told of the first one stays */
	fx_unmap(fx, &rings[2], -40, 0);
	refuse(fx, 2, TOO_MANY);
	KUNIT_ASSERT_TRUE(test, perfmlock_holders_look(&fx->ledger, &seq,
						       state_of));
	refuse(fx, 1, TOO_MANY);
	KUNIT_ASSERT_TRUE(test, perfmlock_holders_look(&fx->ledger, &seq,
						       state_of));
	KUNIT_EXPECT_EQ(test, seq, 3);
	expect_holder(fx, last(fx, 0), 0, 100, 30);
	expect_holder(fx, last(fx, 0), 1, 0, 0);
	expect_holder(fx, last(fx, 1), 0, 102, 90);
	expect_holder(fx, last(fx, 1), 1, 0, 0);
	expect_holder(fx, last(fx, 2), 0, 101, 40);
}

/* In the order of their pages, and those who hold less are left out. */
static void the_largest_three_are_named(struct kunit *test)
{
	static const long pages[] = { 11, 14, 12, 13 };
	struct fx *fx = test->priv;
	struct fx_vma ring;
	unsigned int i;
	u64 seq = 0;

	for (i = 0; i < FX_PROCESSES; i++) {
		fx->processes[i].user = &fx->users[0];
		ring = fx_ring(fx, i, i, pages[i]);
		fx_map(fx, &ring, pages[i], 0);
	}
	refuse(fx, 0, TOO_MANY);
	KUNIT_ASSERT_TRUE(test, perfmlock_holders_look(&fx->ledger, &seq,
						       state_of));
	expect_holder(fx, last(fx, 0), 0, 101, 14);
	expect_holder(fx, last(fx, 0), 1, 103, 13);
	expect_holder(fx, last(fx, 0), 2, 102, 12);
}

/* What is on an mm is not on U. */
static void what_is_not_on_the_user_is_not_held(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma full = fx_ring(fx, 0, 0, 100);
	struct fx_vma over = fx_ring(fx, 1, 1, 30);
	u64 seq = 0;

	fx_map(fx, &full, 100, 0);
	fx_map(fx, &over, 0, 30);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->mm_pages, 30);
	refuse(fx, 1, TOO_MANY);
	KUNIT_ASSERT_TRUE(test, perfmlock_holders_look(&fx->ledger, &seq,
						       state_of));
	expect_holder(fx, last(fx, 0), 0, 100, 100);
	expect_holder(fx, last(fx, 0), 1, 0, 0);
}

/* Re-maps that are charged and not given back, as since v6.15 */
static void what_nobody_holds_is_orphaned(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring;
	unsigned int i;

	for (i = 0; i < 3; i++) {
		ring = fx_ring(fx, 0, 0, 5);
		fx_map(fx, &ring, 5, 0);
		fx_map(fx, &ring, 5, 0);
		/* it holds both of them so far */
		refuse(fx, 1, TOO_MANY + i);
		KUNIT_EXPECT_EQ(test, last(fx, 0)->orphaned, 5 * i);
		fx_unmap(fx, &ring, 0, 0);
		fx_unmap(fx, &ring, -5, 0);
	}
	refuse(fx, 1, TOO_MANY);
	KUNIT_EXPECT_EQ(test, last(fx, 0)->orphaned, 15);
}

/* What others have, or buffers of before the load, is told apart. */
static void what_is_not_of_seen_buffers_is_foreign(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma before = fx_ring(fx, 1, 1, 30), ring = fx_ring(fx, 0, 0, 9);
	const struct fx_vma *const all[] = { &before, NULL };
	u64 seq = 0;

	fx_kernel_maps(fx, &before, 30, 0);
	fx_missed(fx);
	fx_walk(fx, all, PERFMLOCK_MET_ALL);
	fx_map(fx, &ring, 9, 0);
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, last(fx, 0)->orphaned, 0);
	KUNIT_EXPECT_EQ(test, last(fx, 0)->foreign, 30);
	KUNIT_ASSERT_TRUE(test, perfmlock_holders_look(&fx->ledger, &seq,
						       state_of));
	/* somebody has it, though not how much of it is on the user is known */
	expect_holder(fx, last(fx, 0), 0, 101, 30);
	expect_holder(fx, last(fx, 0), 1, 100, 9);
}

/* Nothing is said of what is not known. */
static void with_calls_missed_nothing_is_orphaned(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 5);

	fx_map(fx, &ring, 5, 0);
	fx_missed(fx);
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, last(fx, 0)->orphaned, PERFMLOCK_PAGES_UNKNOWN);
	KUNIT_EXPECT_EQ(test, last(fx, 0)->foreign, PERFMLOCK_PAGES_UNKNOWN);
}

/* Each refusal; of drifts the first of its cause alone. */
static void what_there_is_to_tell_is_said(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 5);

	fx_map(fx, &ring, 5, 0);
	KUNIT_EXPECT_EQ(test, fx->told, 0);
	fx_map(fx, &ring, 5, 0);
	KUNIT_EXPECT_EQ(test, fx->told, 1);
	fx_map(fx, &ring, 5, 0);
	KUNIT_EXPECT_EQ(test, fx->told, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.causes[PERFMLOCK_REMAP_CHARGE],
			2);
	refuse(fx, 0, TOO_MANY);
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, fx->told, 3);
	perfmlock_ledger_reset(&fx->ledger);
	fx_map(fx, &ring, 5, 0);
	KUNIT_EXPECT_EQ(test, fx->told, 4);
}

static struct kunit_case holders_cases[] = {
	KUNIT_CASE(those_of_the_user_are_named),
	KUNIT_CASE(the_largest_three_are_named),
	KUNIT_CASE(what_is_not_on_the_user_is_not_held),
	KUNIT_CASE(what_nobody_holds_is_orphaned),
	KUNIT_CASE(what_is_not_of_seen_buffers_is_foreign),
	KUNIT_CASE(with_calls_missed_nothing_is_orphaned),
	KUNIT_CASE(what_there_is_to_tell_is_said),
	{}
};

static struct kunit_suite holders_suite = {
	.name = "perfmlock_holders",
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = holders_cases,
};

kunit_test_suite(holders_suite);
