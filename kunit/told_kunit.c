// SPDX-License-Identifier: GPL-2.0
/* What the trace events are told of a call, and what an audit finds. */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/kernel.h>

#include "../module/ledger.h"
#include "fixture.h"

static struct perfmlock_notes *listen(struct fx *fx)
{
	struct perfmlock_notes *notes;

	notes = kunit_kzalloc(fx->test, sizeof(*notes), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fx->test, notes);
	fx->ledger.notes = notes;
	return notes;
}

static void expect_step(struct kunit *test,
			const struct perfmlock_step_note *note,
			enum perfmlock_step step, long pages, long user, long mm,
			long right_user, long right_mm)
{
	KUNIT_EXPECT_EQ(test, note->step, step);
	KUNIT_EXPECT_EQ(test, note->pages, pages);
	KUNIT_EXPECT_EQ(test, note->kernel_user, user);
	KUNIT_EXPECT_EQ(test, note->kernel_mm, mm);
	KUNIT_EXPECT_EQ(test, note->correct_user, right_user);
	KUNIT_EXPECT_EQ(test, note->correct_mm, right_mm);
}

/* 100 are free to the user, of whom two map a ring of 120. */
static void each_step_of_a_buffer_is_noted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 1, 120), again = fx_ring(fx, 1, 1, 120);
	struct perfmlock_notes *notes = listen(fx);
	const struct perfmlock_step_note *note = notes->steps;

	fx_map(fx, &ring, 100, 20);
	KUNIT_ASSERT_EQ(test, notes->nr_steps, 1);
	expect_step(test, &note[0], PERFMLOCK_MAP, 120, 100, 20, 100, 20);
	KUNIT_EXPECT_EQ(test, note[0].kind, PERFMLOCK_DATA);
	KUNIT_EXPECT_TRUE(test, note[0].measured);
	KUNIT_EXPECT_EQ(test, note[0].uid, 1000);
	KUNIT_EXPECT_EQ(test, note[0].pid, 100);
	KUNIT_EXPECT_EQ(test, note[0].cpu, 1);
	KUNIT_EXPECT_EQ(test, note[0].state.limit, 100);
	KUNIT_EXPECT_EQ(test, note[0].state.rlimit, 1000);
	KUNIT_EXPECT_EQ(test, note[0].state.user, 0);

	fx_map(fx, &again, 0, 0);
	fx_unmap(fx, &again, 0, 0);
	fx_unmap(fx, &ring, -100, -20);
	KUNIT_ASSERT_EQ(test, notes->nr_steps, 4);
	expect_step(test, &note[1], PERFMLOCK_REMAP, 120, 0, 0, 0, 0);
	KUNIT_EXPECT_EQ(test, note[1].state.user, 100);
	KUNIT_EXPECT_EQ(test, note[1].id, note[0].id);
	/* whoever maps it, it is the first one's */
	KUNIT_EXPECT_EQ(test, note[1].pid, 101);
	KUNIT_EXPECT_EQ(test, note[1].owner_pid, 100);
	KUNIT_EXPECT_EQ(test, note[1].owner_uid, 1000);
	expect_step(test, &note[2], PERFMLOCK_UNMAP, 120, 0, 0, 0, 0);
	expect_step(test, &note[3], PERFMLOCK_LAST_UNMAP, 120, -100, -20, -100,
		    -20);
	KUNIT_EXPECT_EQ(test, note[3].id, note[0].id);
	KUNIT_EXPECT_EQ(test, note[3].state.user, 100);
	KUNIT_EXPECT_EQ(test, note[3].state.mm, 20);
	KUNIT_EXPECT_EQ(test, notes->nr_drifts, 0);
	KUNIT_EXPECT_FALSE(test, notes->denied);
}

/* Whose U and whose M moved is one thing, and whose buffer it is another. */
static void each_step_is_of_who_is_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 1, 120), other = fx_ring(fx, 2, 1, 120);
	struct perfmlock_notes *notes = listen(fx);
	const struct perfmlock_step_note *note = notes->steps;

	fx_map(fx, &ring, 100, 20);
	/* as since v6.15: the mapper's U */
	fx_map(fx, &other, 100, 0);
	fx_unmap(fx, &ring, 0, 0);
	/* and from the owner's U, and the closer's M */
	fx_unmap(fx, &other, -100, -20);
	KUNIT_ASSERT_EQ(test, notes->nr_steps, 4);
	KUNIT_EXPECT_EQ(test, note[1].uid, 1001);
	KUNIT_EXPECT_EQ(test, note[1].pid, 102);
	KUNIT_EXPECT_EQ(test, note[1].owner_uid, 1000);
	KUNIT_EXPECT_EQ(test, note[1].kernel_user, 100);
	KUNIT_EXPECT_EQ(test, note[3].uid, 1000);
	KUNIT_EXPECT_EQ(test, note[3].pid, 102);
	KUNIT_EXPECT_EQ(test, note[3].owner_pid, 100);
	KUNIT_EXPECT_EQ(test, note[3].kernel_mm, -20);
}

/* One call, two uncharges. */
static void an_aux_area_and_its_data_are_noted_each(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 16);
	struct perfmlock_notes *notes;

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 16, 0);
	fx_unmap(fx, &ring, 0, 0);
	notes = listen(fx);
	fx_unmap(fx, &area, -49, 0);
	KUNIT_ASSERT_EQ(test, notes->nr_steps, 2);
	expect_step(test, &notes->steps[0], PERFMLOCK_LAST_UNMAP, 16, -16, 0,
		    -16, 0);
	KUNIT_EXPECT_EQ(test, notes->steps[0].kind, PERFMLOCK_AUX);
	expect_step(test, &notes->steps[1], PERFMLOCK_LAST_UNMAP, 33, -33, 0,
		    -33, 0);
	KUNIT_EXPECT_EQ(test, notes->steps[1].kind, PERFMLOCK_DATA);
}

/* What the kernel took, and what was right; and where they part. */
static void a_drift_is_noted_beside_its_step(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9);
	struct perfmlock_notes *notes = listen(fx);

	fx_map(fx, &ring, 9, 0);
	KUNIT_EXPECT_EQ(test, notes->nr_drifts, 0);
	/* as since v6.15 */
	fx_map(fx, &ring, 9, 0);
	KUNIT_ASSERT_EQ(test, notes->nr_steps, 2);
	expect_step(test, &notes->steps[1], PERFMLOCK_REMAP, 9, 9, 0, 0, 0);
	KUNIT_ASSERT_EQ(test, notes->nr_drifts, 1);
	KUNIT_EXPECT_EQ(test, notes->drifts[0].cause, PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, notes->drifts[0].kernel_user, 9);
	KUNIT_EXPECT_EQ(test, notes->drifts[0].actor.pid, 100);
}

static void a_refusal_is_noted_with_its_number(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 2000);
	struct perfmlock_notes *notes;

	fx_fail(fx, &ring, -EPERM, 0, 0);
	notes = listen(fx);
	fx_fail(fx, &ring, -EPERM, 0, 0);
	KUNIT_ASSERT_TRUE(test, notes->denied);
	KUNIT_EXPECT_EQ(test, notes->seq, 2);
	KUNIT_EXPECT_EQ(test, notes->denial.pages, 2000);
	KUNIT_EXPECT_EQ(test, notes->denial.charge.locked, 1900);
	KUNIT_EXPECT_EQ(test, notes->denial.actor.pid, 100);
	KUNIT_EXPECT_EQ(test, notes->nr_steps, 0);
	/* what was not of the accounting is none */
	notes->denied = false;
	fx_fail(fx, &ring, -EINVAL, 0, 0);
	KUNIT_EXPECT_FALSE(test, notes->denied);
}

static void what_has_no_room_is_counted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9);
	struct perfmlock_notes *notes = listen(fx);
	unsigned int i;

	for (i = 0; i < PERFMLOCK_STEP_NOTES + 3; i++)
		fx_map(fx, &ring, 9 * (i > 0), 0);
	KUNIT_EXPECT_EQ(test, notes->nr_steps, PERFMLOCK_STEP_NOTES);
	KUNIT_EXPECT_EQ(test, notes->nr_drifts, PERFMLOCK_DRIFT_NOTES);
	/* three steps, and of all but the first a drift */
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.untraced, 3 + 2);
}

static struct perfmlock_audit *audit(struct fx *fx,
				     const struct fx_vma *const *vmas)
{
	struct perfmlock_audit *result;

	result = kunit_kzalloc(fx->test, sizeof(*result), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fx->test, result);
	perfmlock_audit_begin(&fx->ledger, result);
	fx_walk(fx, vmas, PERFMLOCK_MET_ALL);
	perfmlock_audit_end(&fx->ledger);
	KUNIT_EXPECT_NULL(fx->test, fx->ledger.audit);
	return result;
}

/* That, and nothing else. */
static void expect_found(struct kunit *test, const struct perfmlock_audit *audit,
			 enum perfmlock_finding_kind kind, const char *of,
			 long books, long found)
{
	const struct perfmlock_finding *finding = audit->findings;

	KUNIT_ASSERT_EQ(test, audit->nr, 1);
	KUNIT_EXPECT_EQ(test, audit->counts[kind], 1);
	KUNIT_EXPECT_EQ(test, finding->kind, kind);
	KUNIT_EXPECT_STREQ(test, finding->of, of);
	KUNIT_EXPECT_EQ(test, finding->books, books);
	KUNIT_EXPECT_EQ(test, finding->found, found);
}

static void an_audit_of_right_books_finds_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma rings[] = {
		fx_ring(fx, 0, 0, 33), fx_ring(fx, 1, 1, 90),
		fx_ring(fx, 2, 2, 5), fx_aux(fx, 0, 0, 16),
	};
	const struct fx_vma *const all[] = {
		&rings[0], &rings[1], &rings[2], &rings[3], NULL
	};
	struct perfmlock_audit *result;

	fx_map(fx, &rings[0], 33, 0);
	fx_map(fx, &rings[1], 67, 23);
	fx_map(fx, &rings[2], 5, 0);
	fx_map(fx, &rings[3], 0, 16);
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->nr, 0);
	KUNIT_EXPECT_EQ(test, result->mappings, 4);
	KUNIT_EXPECT_EQ(test, result->buffers, 4);
	KUNIT_EXPECT_EQ(test, result->counters, 2 + 3);
	KUNIT_EXPECT_EQ(test, result->unknown, 0);
	KUNIT_EXPECT_EQ(test, result->moved, 0);
	KUNIT_EXPECT_EQ(test, result->calls, 0);
	KUNIT_EXPECT_EQ(test, result->orphaned, 0);
}

/* A leak of the kernel's is none of the books', and is said. */
static void an_audit_tells_what_the_kernel_has_lost(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9);
	const struct fx_vma *const all[] = { NULL };
	struct perfmlock_audit *result;

	fx_map(fx, &ring, 9, 0);
	fx_map(fx, &ring, 9, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -9, 0);
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->nr, 0);
	KUNIT_EXPECT_EQ(test, result->orphaned, 9);
}

static void an_audit_finds_a_ring_that_went_by_unseen(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9);
	const struct fx_vma *const all[] = { &ring, NULL };
	struct perfmlock_audit *result;

	fx_kernel_maps(fx, &ring, 9, 0);
	result = audit(fx, all);
	expect_found(test, result, PERFMLOCK_FOUND_MISSING, "pages", 0, 9);
	KUNIT_EXPECT_EQ(test, result->findings[0].pid, 100);
	KUNIT_EXPECT_EQ(test, result->findings[0].uid, 1000);
	/* it is in the books now */
	KUNIT_EXPECT_EQ(test, audit(fx, all)->nr, 0);
}

static void an_audit_finds_a_ring_that_nobody_maps(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9), other = fx_ring(fx, 1, 1, 5);
	const struct fx_vma *const all[] = { &other, NULL };
	struct perfmlock_audit *result;

	fx_map(fx, &other, 5, 0);
	fx_map(fx, &ring, 9, 0);
	fx_kernel_unmaps(&ring, -9, 0);
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->counts[PERFMLOCK_FOUND_ENDED], 1);
	KUNIT_EXPECT_EQ(test, result->findings[0].books, 9);
	KUNIT_EXPECT_EQ(test, result->findings[0].found, 0);
	KUNIT_EXPECT_EQ(test, audit(fx, all)->nr, 0);
}

static void an_audit_finds_mappings_that_went_by_unseen(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9), again = fx_ring(fx, 1, 0, 9);
	const struct fx_vma *const all[] = { &ring, &again, NULL };

	fx_map(fx, &ring, 9, 0);
	fx_kernel_maps(fx, &again, 0, 0);
	expect_found(test, audit(fx, all), PERFMLOCK_FOUND_MAPS, "maps", 1, 2);
	KUNIT_EXPECT_EQ(test, audit(fx, all)->nr, 0);
}

static void an_audit_finds_a_ring_of_another_size(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9), larger = fx_ring(fx, 0, 0, 17);
	const struct fx_vma *const all[] = { &larger, NULL };
	struct perfmlock_audit *result;

	fx_map(fx, &ring, 9, 0);
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->counts[PERFMLOCK_FOUND_PAGES], 1);
	KUNIT_EXPECT_EQ(test, result->findings[0].books, 9);
	KUNIT_EXPECT_EQ(test, result->findings[0].found, 17);
}

/* Without the walk: what the rows say is held against their buffers alone. */
static struct perfmlock_audit *add_up(struct fx *fx)
{
	struct perfmlock_audit *result;

	result = kunit_kzalloc(fx->test, sizeof(*result), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fx->test, result);
	perfmlock_audit_begin(&fx->ledger, result);
	perfmlock_audit_end(&fx->ledger);
	return result;
}

static void expect_sum(struct fx *fx, const char *of, long books, long found)
{
	expect_found(fx->test, add_up(fx), PERFMLOCK_FOUND_SUM, of, books, found);
}

/* Each figure is made wrong behind the ledger's back, and right again. */
static void an_audit_adds_up_each_row(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 120);
	struct perfmlock_user *user;
	struct perfmlock_mm *mm;

	fx_map(fx, &ring, 100, 20);
	user = fx_user_row(fx, &fx->users[0]);
	mm = fx_mm_row(fx, &fx->mms[0]);

	user->books.buffers++;
	expect_sum(fx, "buffers", 2, 1);
	user->books.buffers--;
	user->books.correct++;
	expect_sum(fx, "correct", 101, 100);
	user->books.correct--;
	user->user_pages--;
	expect_sum(fx, "kernel", 99, 100);
	user->user_pages++;
	user->mm_pages++;
	expect_sum(fx, "mm_pages", 21, 20);
	user->mm_pages--;

	mm->books.buffers++;
	expect_sum(fx, "buffers", 2, 1);
	mm->books.buffers--;
	mm->books.correct--;
	expect_sum(fx, "correct", 19, 20);
	mm->books.correct++;
	mm->held++;
	expect_sum(fx, "pages", 121, 120);
	mm->held--;
}

static void an_audit_looks_at_the_live_counters(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 120);
	const struct fx_vma *const all[] = { &ring, NULL };

	fx_map(fx, &ring, 100, 20);
	/* nobody but perf moves U, and nothing was missed */
	fx->users[0].counter += 3;
	expect_found(test, audit(fx, all), PERFMLOCK_FOUND_COUNTER, "counter",
		     100, 103);
	fx->users[0].counter -= 3;
	/* others may have pages on M, but no less than nothing */
	fx->mms[0].counter += 3;
	KUNIT_EXPECT_EQ(test, audit(fx, all)->nr, 0);
	fx->mms[0].counter -= 4;
	expect_found(test, audit(fx, all), PERFMLOCK_FOUND_COUNTER, "counter",
		     20, 19);
	fx->mms[0].counter += 1;
	KUNIT_EXPECT_EQ(test, audit(fx, all)->nr, 0);
}

/* The kernel's own mistake, and of before the load: none of the books'. */
static void an_audit_tells_underflow_apart(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9);
	const struct fx_vma *const all[] = { &ring, NULL };
	struct perfmlock_audit *result;

	fx_map(fx, &ring, 9, 0);
	fx->mms[0].counter = -5;
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->nr, 0);
	KUNIT_EXPECT_EQ(test, result->underflown, 1);
	fx->mms[0].counter = 0;
}

/* Of what could not be looked at it does not say that it is right. */
static void an_audit_says_what_it_skips(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9), again = fx_ring(fx, 1, 0, 9);
	const struct fx_vma *const all[] = { &again, NULL };
	struct perfmlock_audit *result;

	fx_map(fx, &ring, 9, 0);
	fx_map(fx, &again, 0, 0);
	/* its process is dead, and somebody else holds its memory */
	fx->mms[0].unvisited = true;
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->nr, 0);
	KUNIT_EXPECT_EQ(test, result->skipped, 1);
	/* calls that were missed during the walk */
	fx->mms[0].unvisited = false;
	result = kunit_kzalloc(test, sizeof(*result), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, result);
	perfmlock_audit_begin(&fx->ledger, result);
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &again));
	fx_missed(fx);
	fx_end_walk(fx, PERFMLOCK_MET_ALL);
	perfmlock_audit_end(&fx->ledger);
	KUNIT_EXPECT_EQ(test, result->nr, 0);
	KUNIT_EXPECT_EQ(test, result->skipped, 1);
}

/* As of a shared counter, where others have what they like. */
static void an_audit_lets_others_move_a_shared_counter(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 50);
	const struct fx_vma *const all[] = { &ring, NULL };

	fx->ledger.exclusive = false;
	fx_map(fx, &ring, 50, 0);
	fx->users[0].counter += 3;
	KUNIT_EXPECT_EQ(test, audit(fx, all)->nr, 0);
	fx->users[0].counter -= 4;
	expect_found(test, audit(fx, all), PERFMLOCK_FOUND_COUNTER, "counter",
		     50, 49);
	fx->users[0].counter += 1;
}

/* Of who is in a call nothing can be said. */
static void an_audit_says_what_moves(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 9), next = fx_ring(fx, 0, 1, 5);
	const struct fx_vma *const all[] = { &ring, NULL };
	struct perfmlock_audit *result;
	struct fx_call call;

	fx_map(fx, &ring, 9, 0);
	call = fx_begin_map(fx, &next);
	fx->users[0].counter += 5;
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->nr, 0);
	/* the user's counter, and its mm's */
	KUNIT_EXPECT_EQ(test, result->moved, 2);
	KUNIT_EXPECT_EQ(test, result->counters, 0);
	/* and a sum may be of before a call, and its buffers of after it */
	fx_user_row(fx, &fx->users[0])->mm_pages++;
	result = add_up(fx);
	KUNIT_EXPECT_EQ(test, result->nr, 0);
	KUNIT_EXPECT_EQ(test, result->moved, 3);
	fx_user_row(fx, &fx->users[0])->mm_pages--;
	fx->users[0].counter -= 5;
	fx_end_map(fx, &call, -ENOMEM);
	/* and what nobody saw moves the counter until the user's next call */
	fx_missed(fx);
	result = audit(fx, all);
	KUNIT_EXPECT_EQ(test, result->moved, 0);
	KUNIT_EXPECT_GT(test, result->unknown, 0);
}

static struct kunit_case told_cases[] = {
	KUNIT_CASE(each_step_of_a_buffer_is_noted),
	KUNIT_CASE(each_step_is_of_who_is_charged),
	KUNIT_CASE(an_aux_area_and_its_data_are_noted_each),
	KUNIT_CASE(a_drift_is_noted_beside_its_step),
	KUNIT_CASE(a_refusal_is_noted_with_its_number),
	KUNIT_CASE(what_has_no_room_is_counted),
	KUNIT_CASE(an_audit_of_right_books_finds_nothing),
	KUNIT_CASE(an_audit_tells_what_the_kernel_has_lost),
	KUNIT_CASE(an_audit_finds_a_ring_that_went_by_unseen),
	KUNIT_CASE(an_audit_finds_a_ring_that_nobody_maps),
	KUNIT_CASE(an_audit_finds_mappings_that_went_by_unseen),
	KUNIT_CASE(an_audit_finds_a_ring_of_another_size),
	KUNIT_CASE(an_audit_adds_up_each_row),
	KUNIT_CASE(an_audit_looks_at_the_live_counters),
	KUNIT_CASE(an_audit_tells_underflow_apart),
	KUNIT_CASE(an_audit_says_what_it_skips),
	KUNIT_CASE(an_audit_lets_others_move_a_shared_counter),
	KUNIT_CASE(an_audit_says_what_moves),
	{}
};

static struct kunit_suite told_suite = {
	.name = "perfmlock_told",
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = told_cases,
};

kunit_test_suite(told_suite);
