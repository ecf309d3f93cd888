// SPDX-License-Identifier: GPL-2.0
/*
 * What is remembered of refusals and drifts: equal ones in one place, and no
 * group of users at the cost of another.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "../module/ledger.h"
#include "fixture.h"

/* So many that the limit of 100 and the rlimit of 1000 refuse them. */
#define TOO_MANY	2000

static void refuse(struct fx *fx, unsigned int process, long pages)
{
	struct fx_vma ring = fx_ring(fx, process, 0, pages);

	fx_fail(fx, &ring, -EPERM, 0, 0);
}

/* One refusal of each number of pages from @first on. */
static void refuse_many(struct fx *fx, unsigned int process, long first,
			unsigned int nr)
{
	for (; nr; nr--)
		refuse(fx, process, first++);
}

/*
 * The refusals of a process, in the order of reading: of so many pages and one
 * more each time, once each.
 */
static void expect_refusals(struct fx *fx, unsigned int process, long first,
			    unsigned int nr)
{
	struct perfmlock_denial *denial;
	u64 seq = 0, times, before = 0;
	long pages = first;

	denial = kunit_kmalloc(fx->test, sizeof(*denial), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fx->test, denial);
	while (perfmlock_history_next(&fx->ledger.denials, &seq, denial,
				      &times)) {
		KUNIT_EXPECT_GT(fx->test, seq, before);
		before = seq;
		if (denial->actor.pid != fx->processes[process].pid)
			continue;
		KUNIT_EXPECT_EQ(fx->test, denial->pages, pages);
		KUNIT_EXPECT_EQ(fx->test, times, 1);
		pages++;
	}
	KUNIT_EXPECT_EQ(fx->test, pages - first, nr);
}

static void equal_refusals_share_a_place(struct kunit *test)
{
	struct fx *fx = test->priv;
	unsigned int i;

	for (i = 0; i < 300; i++)
		refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.denials), 1);
	FX_EXPECT_DENIAL(fx, 0, .pages = TOO_MANY,
			 .state = { 0, 0, 100, 1000 },
			 .charge = { 100, 1900, 0, 2000, 1900, true },
			 .right_state = { 0, 0, 100, 1000 },
			 .right = { 100, 1900, 0, 2000, 1900, true },
			 /* 2000 - limit <= 1000; four of them: 8000 - 1000 */
			 .remedy = { 1000, 7600 }, .all_cpus = { 7000, 31600 },
			 .cpus_left = 4, .online_cpus = 4,
			 .actor = { .pid = 100, .uid = 1000 });
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 300);
	FX_EXPECT_USER(fx, 0, .counts.denied = 300);
	FX_EXPECT_TOTALS(fx, .denied = 300);
}

static void equal_drifts_share_a_place(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3);
	struct perfmlock_drifting drift;
	unsigned int i;

	fx->limit = 10000;
	fx_map(fx, &ring, 3, 0);
	for (i = 0; i < 300; i++)
		fx_map(fx, &ring, 3, 0);
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.drifts), 1);
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.drifts, 0, &drift), 300);
	KUNIT_EXPECT_EQ(test, drift.actor.group, 1000);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_REMAP, .pages = 3,
			.kernel_user = 3, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.drifts.nr, 300);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 300);
}

/* What an mmap() of process 0 that failed is told to have been. */
static void expect_why(struct fx *fx, const struct fx_vma *vma, int ret,
		       enum perfmlock_why why)
{
	struct perfmlock_failure failure;

	fx_fail(fx, vma, ret, 0, 0);
	KUNIT_ASSERT_NE(fx->test, fx_past(&fx->ledger.failures, 0, &failure), 0);
	KUNIT_EXPECT_EQ(fx->test, failure.why, why);
	KUNIT_EXPECT_EQ(fx->test, failure.error, -ret);
	KUNIT_EXPECT_EQ(fx->test, failure.pages, vma->pages);
	KUNIT_EXPECT_EQ(fx->test, failure.actor.pid, 100);
	KUNIT_EXPECT_EQ(fx->test, failure.actor.uid, 1000);
}

static void a_failure_is_told_by_what_was_asked_for(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9), area = fx_aux(fx, 0, 0, 8);
	struct fx_vma odd = fx_ring(fx, 0, 0, 8), other = fx_ring(fx, 0, 0, 5);
	struct fx_vma bare = fx_ring(fx, 0, 1, 1), odd_area = fx_aux(fx, 0, 0, 3);
	struct fx_vma huge = fx_ring(fx, 0, 0, (1L << 31) + 1);

	expect_why(fx, &odd, -EINVAL, PERFMLOCK_WHY_SIZE);
	expect_why(fx, &ring, -EINVAL, PERFMLOCK_WHY_UNKNOWN);
	expect_why(fx, &bare, -EINVAL, PERFMLOCK_WHY_UNKNOWN);
	expect_why(fx, &area, -EINVAL, PERFMLOCK_WHY_NO_DATA);
	fx_map(fx, &ring, 9, 0);
	expect_why(fx, &other, -EINVAL, PERFMLOCK_WHY_OTHER_SIZE);
	expect_why(fx, &odd, -EINVAL, PERFMLOCK_WHY_SIZE);
	expect_why(fx, &area, -EINVAL, PERFMLOCK_WHY_AUX_PLACE);
	expect_why(fx, &odd_area, -EINVAL, PERFMLOCK_WHY_SIZE);
	fx_map(fx, &area, 8, 0);
	area.pages = 16;
	expect_why(fx, &area, -EINVAL, PERFMLOCK_WHY_OTHER_SIZE);
	area.pgoff++;
	expect_why(fx, &area, -EINVAL, PERFMLOCK_WHY_AUX_ELSEWHERE);
	area.pgoff--;
	expect_why(fx, &area, -EOPNOTSUPP, PERFMLOCK_WHY_NO_AUX);
	fx->events[0].nature.has_aux = true;
	expect_why(fx, &area, -EOPNOTSUPP, PERFMLOCK_WHY_UNKNOWN);
	fx->events[0].nature.inherits = true;
	/* it is of a CPU: that is no hindrance */
	expect_why(fx, &odd, -EINVAL, PERFMLOCK_WHY_SIZE);
	fx->events[0].about.cpu = -1;
	expect_why(fx, &odd, -EINVAL, PERFMLOCK_WHY_INHERIT);
	expect_why(fx, &ring, -ENOMEM, PERFMLOCK_WHY_NO_MEMORY);
	expect_why(fx, &area, -ENOMEM, PERFMLOCK_WHY_NO_MEMORY_OR_PMU);
	expect_why(fx, &huge, -ENOMEM, PERFMLOCK_WHY_TOO_LARGE);
	expect_why(fx, &ring, -EBUSY, PERFMLOCK_WHY_REDIRECTED);
	expect_why(fx, &ring, -EACCES, PERFMLOCK_WHY_SECURITY);
	expect_why(fx, &ring, -ENODEV, PERFMLOCK_WHY_REVOKED);
	/* it may be the accounting's all the same, by what could not be seen */
	expect_why(fx, &ring, -EPERM, PERFMLOCK_WHY_UNKNOWN);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.other_eperm, 1);
	perfmlock_split_refused(&fx->ledger, &fx->events[0], 0, 9);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.failed, 20);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.splits_refused, 1);
	perfmlock_ledger_reset(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx->ledger.failures.nr, 0);
}

/* The newest stands where it happened: after what came between the two. */
static void of_equal_ones_the_newest_is_kept(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct perfmlock_denial *denial;

	denial = kunit_kmalloc(test, sizeof(*denial), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, denial);
	refuse(fx, 0, TOO_MANY);
	refuse(fx, 0, TOO_MANY + 1);
	fx->processes[0].comm = "renamed";
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.denials), 2);
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.denials, 0, denial), 2);
	KUNIT_EXPECT_EQ(test, denial->pages, TOO_MANY);
	KUNIT_EXPECT_STREQ(test, denial->actor.comm, "renamed");
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.denials, 1, denial), 1);
	KUNIT_EXPECT_EQ(test, denial->pages, TOO_MANY + 1);
	KUNIT_EXPECT_STREQ(test, denial->actor.comm, "a");
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.denials, 2, denial), 0);
}

/* Reads on; returns the pages of the refusal, 0: there was none. */
static long read_on(struct fx *fx, struct perfmlock_reading *reading, u64 *times)
{
	struct perfmlock_denial *denial;
	u64 seq;

	denial = kunit_kmalloc(fx->test, sizeof(*denial), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fx->test, denial);
	return perfmlock_history_read(&fx->ledger.denials, fx->ledger.epoch,
				      reading, &seq, denial, times) ?
	       denial->pages : 0;
}

/* Whatever is refused again meanwhile: neither twice, nor not at all, nor for ever. */
static void a_reader_meets_each_once(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct perfmlock_reading reading = {};
	u64 times;
	int i;

	for (i = 0; i < 4; i++)
		refuse(fx, 0, TOO_MANY + i);
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), TOO_MANY);
	/* one that was read, and one that was not */
	refuse(fx, 0, TOO_MANY);
	refuse(fx, 0, TOO_MANY + 1);
	/* what was not there is another reading's */
	refuse(fx, 0, TOO_MANY + 9);
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), TOO_MANY + 2);
	refuse(fx, 0, TOO_MANY + 2);
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), TOO_MANY + 3);
	KUNIT_EXPECT_EQ(test, times, 1);
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), TOO_MANY + 1);
	KUNIT_EXPECT_EQ(test, times, 2);
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), 0);
	/* a place that is another's by now is none of them either */
	reading.begun = false;
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), TOO_MANY + 3);
	for (i = 0; i < PERFMLOCK_HISTORY; i++)
		refuse(fx, 0, TOO_MANY + 100 + i);
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), 0);
	reading.begun = false;
	KUNIT_EXPECT_NE(test, read_on(fx, &reading, &times), 0);
	perfmlock_ledger_reset(&fx->ledger);
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, read_on(fx, &reading, &times), 0);
}

/* Who tells of them, once for all, tells none twice. */
static void of_equal_ones_some_are_untold(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct perfmlock_history *denials = &fx->ledger.denials;

	refuse(fx, 0, TOO_MANY);
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, perfmlock_history_untold(denials, 2), 2);
	KUNIT_EXPECT_EQ(test, perfmlock_history_untold(denials, 2), 0);
	refuse(fx, 0, TOO_MANY);
	refuse(fx, 0, TOO_MANY + 1);
	/* it stands at the newest of them */
	KUNIT_EXPECT_EQ(test, perfmlock_history_untold(denials, 2), 0);
	KUNIT_EXPECT_EQ(test, perfmlock_history_untold(denials, 3), 1);
	KUNIT_EXPECT_EQ(test, perfmlock_history_untold(denials, 4), 1);
	perfmlock_ledger_reset(&fx->ledger);
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, perfmlock_history_untold(denials, 1), 1);
}

/*
 * What makes two refusals different
 */

enum difference { NOTHING, WHO, HOW_MANY, AREA, WHICH_CPU, USER, MM, LIMIT, RLIMIT,
		  GROUP, BOOKS };

static const struct {
	const char *name;
	enum difference difference;
} differences[] = {
	{ "nothing", NOTHING }, { "the process", WHO },
	{ "the pages", HOW_MANY }, { "data or AUX", AREA },
	{ "the CPU", WHICH_CPU }, { "U", USER }, { "M", MM },
	{ "the limit", LIMIT }, { "the rlimit", RLIMIT },
	{ "the group", GROUP }, { "what is right", BOOKS },
};

static void difference_name(const typeof(differences[0]) *this, char *name)
{
	strscpy(name, this->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(difference, differences, difference_name);

static void refusals_that_differ_have_places_of_their_own(struct kunit *test)
{
	enum difference this =
		((const typeof(differences[0]) *)test->param_value)->difference;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, TOO_MANY);
	struct fx_vma leak = fx_ring(fx, 1, 1, 33);

	fx->ledger.exclusive = false;
	fx_fail(fx, &ring, -EPERM, 0, 0);
	switch (this) {
	case NOTHING:
		break;
	case WHO:
		ring.of = &fx->processes[1];
		break;
	case HOW_MANY:
		ring.pages++;
		break;
	case AREA:
		ring.pgoff = FX_AUX_PGOFF;
		break;
	case WHICH_CPU:
		fx->events[0].about.cpu = -1;
		break;
	case USER:
		fx->users[0].counter++;
		break;
	case MM:
		fx->mms[0].counter++;
		break;
	case LIMIT:
		fx->limit++;
		break;
	case RLIMIT:
		fx->processes[0].rlimit++;
		break;
	case GROUP:
		fx->processes[0].group = 7;
		break;
	case BOOKS:
		/* 33 that a re-map leaves behind are nobody's; others gave back 5 */
		fx_map(fx, &leak, 33, 0);
		fx_map(fx, &leak, 33, 0);
		fx_unmap(fx, &leak, 0, 0);
		fx_unmap(fx, &leak, -33, 0);
		perfmlock_ledger_reset(&fx->ledger);
		fx_fail(fx, &ring, -EPERM, 0, 0);
		leak.pages = 5;
		fx_map(fx, &leak, 5, 0);
		fx->users[0].counter = 33;
		break;
	}
	fx_fail(fx, &ring, -EPERM, 0, 0);
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.denials),
			this == NOTHING ? 1 : 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 2);
}

/*
 * Room
 */

static void of_different_refusals_the_newest_256_are_kept(struct kunit *test)
{
	struct fx *fx = test->priv;

	refuse_many(fx, 0, TOO_MANY, 300);
	expect_refusals(fx, 0, TOO_MANY + 44, 256);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 300);
}

static void of_different_drifts_the_newest_256_are_kept(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3);
	struct perfmlock_drifting drift;
	unsigned int i;

	fx->limit = 100000;
	for (i = 0; i < 300; i++) {
		ring.pages = 3 + i;
		fx_map(fx, &ring, ring.pages, 0);
		/* the kernel charges it again */
		fx_map(fx, &ring, ring.pages, 0);
		fx_unmap(fx, &ring, 0, 0);
		fx_unmap(fx, &ring, -ring.pages, 0);
	}
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.drifts), 256);
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.drifts, 0, &drift), 1);
	KUNIT_EXPECT_EQ(test, drift.pages, 302);
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.drifts, 255, &drift), 1);
	KUNIT_EXPECT_EQ(test, drift.pages, 47);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 300);
}

static void a_group_does_not_push_out_anothers(struct kunit *test)
{
	struct fx *fx = test->priv;

	refuse(fx, 2, TOO_MANY);
	refuse_many(fx, 0, TOO_MANY, 1000);
	expect_refusals(fx, 2, TOO_MANY, 1);
	expect_refusals(fx, 0, TOO_MANY + 745, 255);
}

/* A user who has a user namespace has as many uids as there are. */
static void the_uids_of_a_group_share_its_room(struct kunit *test)
{
	struct fx *fx = test->priv;

	fx->processes[0].group = 1UL << 32 | 1000;
	fx->processes[2].group = 1UL << 32 | 1000;
	refuse(fx, 3, TOO_MANY);
	refuse_many(fx, 0, TOO_MANY, 200);
	refuse_many(fx, 2, TOO_MANY, 200);
	expect_refusals(fx, 3, TOO_MANY, 1);
	expect_refusals(fx, 2, TOO_MANY, 200);
	expect_refusals(fx, 0, TOO_MANY + 145, 55);
}

static void who_comes_late_gets_an_equal_share(struct kunit *test)
{
	struct fx *fx = test->priv;

	refuse_many(fx, 0, TOO_MANY, 300);
	refuse_many(fx, 2, TOO_MANY, 1000);
	expect_refusals(fx, 0, TOO_MANY + 172, 128);
	expect_refusals(fx, 2, TOO_MANY + 872, 128);
	/* of two that have as much, who comes gives up its own */
	refuse_many(fx, 0, TOO_MANY + 300, 1);
	expect_refusals(fx, 0, TOO_MANY + 173, 128);
	expect_refusals(fx, 2, TOO_MANY + 872, 128);
}

static void of_more_groups_than_places_the_oldest_goes(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct perfmlock_denial *denial;
	u64 seq = 0, times, group = 2;

	denial = kunit_kmalloc(test, sizeof(*denial), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, denial);
	for (fx->processes[0].group = 1; fx->processes[0].group <= 257;
	     fx->processes[0].group++)
		refuse(fx, 0, TOO_MANY);
	while (perfmlock_history_next(&fx->ledger.denials, &seq, denial,
				      &times)) {
		KUNIT_EXPECT_EQ(test, denial->actor.group, group);
		KUNIT_EXPECT_EQ(test, times, 1);
		group++;
	}
	KUNIT_EXPECT_EQ(test, group, 258);
	/* one more of who has the oldest */
	fx->processes[0].group = 2;
	refuse(fx, 0, TOO_MANY + 1);
	/* for a new one it is the oldest again: of group 3 */
	fx->processes[0].group = 1;
	refuse(fx, 0, TOO_MANY);
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.denials), 256);
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.denials, 255, denial), 1);
	KUNIT_EXPECT_EQ(test, denial->actor.group, 4);
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.denials, 1, denial), 1);
	KUNIT_EXPECT_EQ(test, denial->actor.group, 2);
	KUNIT_EXPECT_EQ(test, denial->pages, TOO_MANY + 1);
	KUNIT_EXPECT_EQ(test, fx_past(&fx->ledger.denials, 0, denial), 1);
	KUNIT_EXPECT_EQ(test, denial->actor.group, 1);
}

static void reset_forgets_all_and_makes_room(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct perfmlock_denial *denial;
	u64 seq = 200, times;

	denial = kunit_kmalloc(test, sizeof(*denial), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, denial);
	refuse_many(fx, 0, TOO_MANY, 300);
	perfmlock_ledger_reset(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx_nr_past(&fx->ledger.denials), 0);
	KUNIT_EXPECT_FALSE(test, perfmlock_history_next(&fx->ledger.denials,
							&seq, denial, &times));
	refuse(fx, 0, TOO_MANY + 299);
	/* who was reading meanwhile goes on with what is new */
	seq = 200;
	KUNIT_EXPECT_TRUE(test, perfmlock_history_next(&fx->ledger.denials,
						       &seq, denial, &times));
	KUNIT_EXPECT_EQ(test, seq, 1);
	KUNIT_EXPECT_EQ(test, times, 1);
	KUNIT_EXPECT_EQ(test, denial->pages, TOO_MANY + 299);
	KUNIT_EXPECT_FALSE(test, perfmlock_history_next(&fx->ledger.denials,
							&seq, denial, &times));
	refuse_many(fx, 2, TOO_MANY, 255);
	expect_refusals(fx, 0, TOO_MANY + 299, 1);
	expect_refusals(fx, 2, TOO_MANY, 255);
	/* and who had most before has least now */
	refuse_many(fx, 2, TOO_MANY + 255, 10);
	expect_refusals(fx, 0, TOO_MANY + 299, 1);
	expect_refusals(fx, 2, TOO_MANY + 10, 255);
}

static int past_plan(struct kunit_suite *suite)
{
	FX_PLAN("past", refusals_that_differ_have_places_of_their_own,
		differences);
	return 0;
}

static struct kunit_case past_cases[] = {
	KUNIT_CASE(equal_refusals_share_a_place),
	KUNIT_CASE(equal_drifts_share_a_place),
	KUNIT_CASE(a_failure_is_told_by_what_was_asked_for),
	KUNIT_CASE(of_equal_ones_the_newest_is_kept),
	KUNIT_CASE(a_reader_meets_each_once),
	KUNIT_CASE(of_equal_ones_some_are_untold),
	KUNIT_CASE_PARAM(refusals_that_differ_have_places_of_their_own,
			 difference_gen_params),
	KUNIT_CASE(of_different_refusals_the_newest_256_are_kept),
	KUNIT_CASE(of_different_drifts_the_newest_256_are_kept),
	KUNIT_CASE(a_group_does_not_push_out_anothers),
	KUNIT_CASE(the_uids_of_a_group_share_its_room),
	KUNIT_CASE(who_comes_late_gets_an_equal_share),
	KUNIT_CASE(of_more_groups_than_places_the_oldest_goes),
	KUNIT_CASE(reset_forgets_all_and_makes_room),
	{}
};

static struct kunit_suite past_suite = {
	.name = "perfmlock_past",
	.suite_init = past_plan,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = past_cases,
};

kunit_test_suite(past_suite);
