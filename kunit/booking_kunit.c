// SPDX-License-Identifier: GPL-2.0
/*
 * What calls do to the books. Expected numbers are the reference rule's, worked
 * out by hand: the limit is 100 and the rlimit 1000 where a case does not say
 * otherwise, what is free under the limit goes to the user, the rest to the mm.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "../module/ledger.h"
#include "fixture.h"

/* The most that a limit can be, in pages. */
#define UNLIMITED	(~0UL >> 12)

#define CHARGE(_user, _mm, _user_locked, _locked, _over)		\
	{ .user = (_user), .mm = (_mm), .user_locked = (_user_locked),	\
	  .locked = (_locked), .over = (_over) }

static const char *model_name(const struct fx *fx)
{
	return perfmlock_models[fx->ledger.model].name;
}

static unsigned int model_called(const char *name)
{
	unsigned int i;

	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (!strcmp(perfmlock_models[i].name, name))
			return i;
	return 0;
}

/* Steps that a rule explains, and that it does not. */
static void expect_verdicts(struct fx *fx, const char *name,
			    unsigned long agrees, unsigned long disagrees)
{
	unsigned int model = model_called(name);

	KUNIT_EXPECT_EQ_MSG(fx->test, perfmlock_agrees(&fx->ledger, model),
			    agrees, name);
	KUNIT_EXPECT_EQ_MSG(fx->test, fx->ledger.disagrees[model], disagrees,
			    name);
}

/*
 * One buffer
 */

struct life {
	const char *name;
	long others_user;	/* on the counters already */
	long others_mm;
	unsigned long limit;
	long pages;
	long user;		/* the kernel's charge, and the right one */
	long mm;
};

static const struct life lives[] = {
	{ "fits", 0, 0, 100, 33, 33, 0 },
	{ "fits exactly", 67, 0, 100, 33, 33, 0 },
	{ "one page over", 68, 0, 100, 33, 32, 1 },
	{ "divided", 90, 500, 100, 33, 10, 23 },
	{ "user full", 100, 0, 100, 33, 0, 33 },
	{ "limit below U", 150, 0, 100, 33, 0, 33 },
	{ "no limit at all", 0, 0, 0, 33, 0, 33 },
	{ "larger than the limit", 0, 7, 100, 1000, 100, 900 },
	{ "smallest", 0, 0, 1, 1, 1, 0 },
};

static void life_name(const struct life *life, char *name)
{
	strscpy(name, life->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(life, lives, life_name);

static void a_ring_lives_and_leaves_nothing(struct kunit *test)
{
	const struct life *life = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, life->pages);
	const struct perfmlock_buffer buffer = {
		.pages = life->pages, .maps = 1,
		.kernel_user = life->user, .kernel_mm = life->mm,
		.correct_user = life->user, .correct_mm = life->mm,
		.pid = 100,
	};
	const struct perfmlock_books user = {
		.kernel = life->user, .correct = life->user, .buffers = 1,
	};
	const struct perfmlock_books mm = {
		.kernel = life->mm, .correct = life->mm, .buffers = 1,
	};

	fx->limit = life->limit;
	fx->users[0].counter = life->others_user;
	fx->mms[0].counter = life->others_mm;
	fx_map(fx, &ring, life->user, life->mm);
	fx_expect_buffer(fx, FX_HERE, fx_buffer(fx, ring.event->rb), &buffer);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &user);
	fx_expect_mm(fx, FX_HERE, &fx->mms[0], &mm);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->rlimit, 1000);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->uid, 1000);

	fx_unmap(fx, &ring, -life->user, -life->mm);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1);
	KUNIT_EXPECT_STREQ(test, model_name(fx), "S5");
}

/* The short way and the general way come to the same books. */
enum way {
	USUAL, SHARED, BESIDE_ONE_OF_THE_USER, BESIDE_ANOTHER_USER, CAREFUL
};

static const struct {
	const char *name;
	enum way way;
} ways[] = {
	{ "the usual way", USUAL },
	{ "a counter that others share", SHARED },
	{ "beside a call of the user", BESIDE_ONE_OF_THE_USER },
	{ "beside a call of another user", BESIDE_ANOTHER_USER },
	{ "after calls were missed", CAREFUL },
};

static void way_name(const typeof(ways[0]) *way, char *name)
{
	strscpy(name, way->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_name);

static void every_way_comes_to_the_same_books(struct kunit *test)
{
	enum way way = ((const typeof(ways[0]) *)test->param_value)->way;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), again = fx_ring(fx, 0, 1, 65);
	struct fx_vma beside = fx_ring(fx, way == BESIDE_ONE_OF_THE_USER ? 1 : 2,
				       2, 1);
	bool is_beside = way == BESIDE_ONE_OF_THE_USER ||
			 way == BESIDE_ANOTHER_USER;
	bool inferred = way == BESIDE_ONE_OF_THE_USER || way == CAREFUL;
	struct fx_call call;

	fx->ledger.exclusive = way != SHARED;
	if (way == CAREFUL)
		fx_missed(fx);
	if (is_beside)
		call = fx_begin_map(fx, &beside);

	fx->processes[0].rlimit = 7;
	fx_map(fx, &ring, 33, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .kernel_user = 33, .correct_user = 33,
			 .pid = 100);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	KUNIT_EXPECT_STREQ(test, fx_mm_row(fx, &fx->mms[0])->comm, "a");
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->uid, 1000);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->rlimit, 7);
	fx_map(fx, &again, 65, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 98, .correct = 98, .buffers = 2);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 65, .correct = 65, .buffers = 1);
	KUNIT_EXPECT_NULL(test, ring.event->rb);
	fx_unmap(fx, &again, -65, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.mmaps, 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.closes, 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, inferred ? 4 : 0);
	/* what every rule says tells nothing; what is inferred less */
	KUNIT_EXPECT_EQ(test, fx->ledger.observed, inferred ? 0 : 4);
	if (is_beside)
		fx_end_map(fx, &call, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_STREQ(test, model_name(fx), "S5");
}

/* Half of the usual: one that is not must not go that way. */
static void what_others_charged_meanwhile_is_free_for_nobody(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), next = fx_ring(fx, 0, 1, 60);

	fx->ledger.exclusive = false;
	fx_map(fx, &ring, 33, 0);
	/* BPF, io_uring or who else shares the counter */
	fx->users[0].counter += 50;
	fx_map(fx, &next, 17, 43);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, next.event->rb), .pages = 60,
			 .maps = 1, .kernel_user = 17, .kernel_mm = 43,
			 .correct_user = 17, .correct_mm = 43);
	fx->users[0].counter -= 50;
	fx_unmap(fx, &next, -17, -43);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2);
}

/* The kernel charged U 30 too few before, so its own sum has more room. */
static void what_fits_by_the_kernels_sum_need_not_by_the_books(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 80), next = fx_ring(fx, 0, 1, 40);

	fx_map(fx, &ring, 50, 30);
	fx_map(fx, &next, 40, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, next.event->rb), .pages = 40,
			 .maps = 1, .kernel_user = 40, .correct_user = 20,
			 .correct_mm = 20);
	FX_EXPECT_USER(fx, 0, .kernel = 90, .correct = 100, .buffers = 2,
		       .cause = PERFMLOCK_UNEXPLAINED);
	FX_EXPECT_MM(fx, 0, .kernel = 30, .correct = 20, .buffers = 2,
		     .cause = PERFMLOCK_UNEXPLAINED);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .drifts = 2);
	expect_verdicts(fx, "S5", 0, 1);
	/* every rule but the two that charge both gives back what was charged */
	fx_unmap(fx, &ring, -50, -30);
	expect_verdicts(fx, "S5", 1, 1);
	expect_verdicts(fx, "S0", 0, 2);
}

static void the_limit_may_move_during_a_call(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 1, 33);
	struct fx_call call = fx_begin_map(fx, &a);

	/* the kernel has met the new one; then, the old one */
	fx->limit = 20;
	fx_kernel_maps(fx, &a, 20, 13);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 20, .kernel_mm = 13,
			 .correct_user = 20, .correct_mm = 13);
	call = fx_begin_map(fx, &b);
	fx->limit = 3;
	fx_kernel_maps(fx, &b, 20, 13);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 20, .kernel_mm = 13,
			 .correct_user = 20, .correct_mm = 13);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Of 20 all are taken; by the new limit 5 are free, and 3 more come back later. */
static void the_limit_may_move_beside_others(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 17), gone = fx_ring(fx, 0, 1, 3);
	struct fx_vma beside = fx_ring(fx, 1, 2, 9);
	struct fx_call call;

	fx->limit = 20;
	fx_map(fx, &ring, 17, 0);
	fx_map(fx, &gone, 3, 0);
	call = fx_begin_map(fx, &beside);
	fx->limit = 25;
	fx_kernel_maps(fx, &beside, 5, 4);
	fx_unmap(fx, &gone, -3, 0);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, beside.event->rb), .pages = 9,
			 .maps = 1, .kernel_user = 5, .kernel_mm = 4,
			 .correct_user = 5, .correct_mm = 4, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void a_charge_by_no_limit_is_a_drift(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	struct fx_call call = fx_begin_map(fx, &ring);

	fx->limit = 20;
	fx_kernel_maps(fx, &ring, 30, 3);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .kernel_user = 30, .kernel_mm = 3,
			 .correct_user = 33);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_MAP, .pages = 33,
			.kernel_user = 30, .kernel_mm = 3, .correct_user = 33,
			.cause = PERFMLOCK_UNEXPLAINED,
			.actor = { .pid = 100, .uid = 1000 },
			.owner_pid = 100, .owner_uid = 1000);
}

static void who_passes_by_privilege_is_counted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 1101), next = fx_ring(fx, 0, 1, 1);

	fx->exempt = true;
	fx_map(fx, &ring, 100, 1001);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .privileged = 1);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .correct = 100, .buffers = 1,
		       .counts.privileged = 1);
	FX_EXPECT_MM(fx, 0, .kernel = 1001, .correct = 1001, .buffers = 1,
		     .counts.privileged = 1);
	fx_unmap(fx, &ring, -100, -1001);

	/* who is not privileged was under the limit when the kernel looked */
	fx->exempt = false;
	fx_map(fx, &ring, 100, 1001);
	fx_unmap(fx, &ring, -100, -1001);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .privileged = 1);
	fx->exempt = true;

	/* M is over the rlimit: so is whoever adds nothing to it */
	fx->mms[0].counter = 1001;
	fx_map(fx, &next, 1, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 3, .closes = 2, .privileged = 2);
}

/*
 * AUX areas: 33 pages of data and an area of 128, 67 + 61
 */

struct aux_end {
	const char *name;
	long user;		/* what the kernel takes back at the area's end */
	enum perfmlock_cause cause;
	const char *model;
};

static const struct aux_end aux_ends[] = {
	{ "S5", -67, PERFMLOCK_NO_CAUSE, "S5" },
	{ "S1", -128, PERFMLOCK_AUX_UNCHARGE, "S1" },
	{ "S2", 0, PERFMLOCK_AUX_LEAK, "S2" },
};

static void aux_end_name(const struct aux_end *end, char *name)
{
	strscpy(name, end->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(aux_end, aux_ends, aux_end_name);

static void an_aux_area_goes_before_its_data(struct kunit *test)
{
	const struct aux_end *end = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 128);
	const struct perfmlock_books after_area = {
		.kernel = 100 + end->user, .correct = 33, .buffers = 1,
		.cause = end->cause,
	};
	const struct perfmlock_books after_data = {
		.kernel = 67 + end->user, .cause = end->cause,
	};
	const struct perfmlock_drifting drift = {
		.id = 2, .step = PERFMLOCK_LAST_UNMAP, .kind = PERFMLOCK_AUX,
		.pages = 128, .kernel_user = end->user, .kernel_mm = -61,
		.correct_user = -67, .correct_mm = -61, .cause = end->cause,
	};

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 67, 61);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 128,
			 .maps = 1, .kernel_user = 67, .kernel_mm = 61,
			 .correct_user = 67, .correct_mm = 61);
	FX_EXPECT_MM(fx, 0, .kernel = 61, .correct = 61, .buffers = 2);

	fx_unmap(fx, &area, end->user, -61);
	KUNIT_EXPECT_NULL(test, fx_area(fx, ring.event->rb));
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .kernel_user = 33, .correct_user = 33);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &after_area);
	fx_unmap(fx, &ring, -33, 0);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &after_data);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->books.kernel, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, end->cause ? 1 : 0);
	if (end->cause)
		fx_expect_drift(fx, FX_HERE, 0, &drift);
	KUNIT_EXPECT_STREQ(test, model_name(fx), end->model);
}

/* An AUX mapping holds the data: one close ends both. */
static void an_aux_area_goes_last_and_takes_its_data_along(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 128);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 67, 61);
	fx_unmap(fx, &ring, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .correct = 100, .buffers = 2);
	fx_unmap(fx, &area, -100, -61);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2);
}

/* Both are divided: data 90 is 90 + 0 by then, the area 10 + 54. */
static void each_part_gives_back_its_own_when_both_end_at_once(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 129), area = fx_aux(fx, 0, 0, 64);

	fx_map(fx, &ring, 100, 29);
	fx_map(fx, &area, 0, 64);
	fx_unmap(fx, &ring, 0, 0);
	/* an area that was all on M: S1 takes it from U all the same */
	fx_unmap(fx, &area, -164, -93);
	FX_EXPECT_USER(fx, 0, .kernel = -64, .cause = PERFMLOCK_AUX_UNCHARGE);
	FX_EXPECT_MM(fx, 0, .kernel = 0, .cause = PERFMLOCK_AUX_UNCHARGE);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .drifts = 1);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_LAST_UNMAP,
			.kind = PERFMLOCK_AUX, .pages = 64, .kernel_user = -64,
			.kernel_mm = -64, .correct_mm = -64,
			.cause = PERFMLOCK_AUX_UNCHARGE);
}

static void an_aux_area_mapped_twice_goes_with_its_second_unmap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 64, 0);
	fx_map(fx, &area, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 3, .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 2, .kernel_user = 64, .correct_user = 64);
	fx_unmap(fx, &area, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 1, .kernel_user = 64, .correct_user = 64);
	fx_unmap(fx, &area, -64, 0);
	KUNIT_EXPECT_NULL(test, fx_area(fx, ring.event->rb));
	/* and can be mapped anew */
	fx_map(fx, &area, 64, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 97, .correct = 97, .buffers = 2);
	fx_unmap(fx, &area, -64, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 3, .remaps = 1, .closes = 4);
}

/* The history's third live bug: U1 = -64, U2 = 64, right 0 and 0. */
static void an_aux_area_of_another_user_is_taken_from_the_datas(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 2, 0, 64);

	fx->limit = 258;
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 64, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 64, .correct = 64, .buffers = 1);
	fx_unmap(fx, &area, -64, 0);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, -64);
	FX_EXPECT_USER(fx, 0, .kernel = -64, .cause = PERFMLOCK_AUX_WRONG_USER);
	FX_EXPECT_USER(fx, 1, .kernel = 64, .cause = PERFMLOCK_AUX_WRONG_USER);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .drifts = 1);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_LAST_UNMAP,
			.kind = PERFMLOCK_AUX, .pages = 64, .kernel_user = -64,
			.correct_user = -64, .cause = PERFMLOCK_AUX_WRONG_USER,
			.actor = { .pid = 102, .uid = 1001 },
			.owner_pid = 102, .owner_uid = 1001);
}

/* Fixed once: kernel would have gone to -31. */
static void an_adopted_aux_area_on_seen_data_leaves_kernel_alone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &ring, &area, NULL };

	fx_map(fx, &ring, 33, 0);
	fx_kernel_maps(fx, &area, 60, 4);
	fx_missed(fx);
	fx_sweep(fx, met);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 1, .adopted = true);
	fx_unmap(fx, &area, -60, -4);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
}

static void an_adopted_aux_area_takes_seen_data_along(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), area = fx_aux(fx, 0, 0, 64);
	const struct fx_vma *const met[] = { &ring, &area, NULL };

	fx_map(fx, &ring, 100, 33);
	fx_kernel_maps(fx, &area, 0, 64);
	fx_missed(fx);
	fx_sweep(fx, met);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &area, -100, -97);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 2);
}

static void a_seen_aux_area_on_adopted_data_goes_as_it_was_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 128);
	const struct fx_vma *const met[] = { &ring, NULL };

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_sweep(fx, met);
	fx_map(fx, &area, 67, 61);
	FX_EXPECT_USER(fx, 0, .kernel = 67, .correct = 67, .buffers = 2);
	fx_unmap(fx, &area, -67, -61);
	FX_EXPECT_USER(fx, 0, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	/* and again, as the last */
	fx_map(fx, &area, 67, 61);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &area, -100, -61);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 3);
}

/*
 * Re-maps, opens, and whose mm
 */

static void a_remap_charges_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), other = ring;

	other.of = &fx->processes[1];
	fx->processes[1].rlimit = 5;
	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &other, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 133,
			 .maps = 2, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33, .pid = 100);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[1])->rlimit, 5);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[1])->uid, 1000);
	fx_unmap(fx, &other, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 133,
			 .maps = 1, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	fx_unmap(fx, &ring, -100, -33);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
}

static void a_remap_that_charged_is_a_drift_and_tells_the_kernel(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = ring;

	/* the pages go to the user who maps, which need not be the first */
	other.of = &fx->processes[2];
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &other, 33, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 2, .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 66, .correct_user = 33);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_REMAP, .pages = 33,
			.kernel_user = 33, .cause = PERFMLOCK_REMAP_CHARGE,
			.actor = { .pid = 102, .uid = 1001 },
			.owner_pid = 100, .owner_uid = 1000);
	KUNIT_EXPECT_STREQ(test, model_name(fx), "S6");
	expect_verdicts(fx, "S6", 1, 0);
	expect_verdicts(fx, "S5", 0, 1);
	fx_unmap(fx, &other, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2, .drifts = 1);
}

/* Measured on a kernel, cycles 0 to 5: the pages that M holds in each. */
static void a_leak_eats_the_limit_cycle_by_cycle(struct kunit *test)
{
	static const long on_mm[] = { 0, 0, 0, 2, 65, 65 };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65);
	struct perfmlock_books user = { .correct = 65, .buffers = 1 };
	unsigned int i, drifts = 0;

	fx->limit = 258;
	for (i = 0; i < ARRAY_SIZE(on_mm); i++) {
		/* 65 are left behind by each cycle, and make the next wrong */
		user.kernel = 65 * i + 65 - on_mm[i];
		user.cause = i ? PERFMLOCK_REMAP_CHARGE : PERFMLOCK_NO_CAUSE;
		fx_map(fx, &ring, 65 - on_mm[i], on_mm[i]);
		fx_expect_user(fx, FX_HERE, &fx->users[0], &user);
		drifts += !!on_mm[i];
		KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, drifts);
		fx_map(fx, &ring, 65, 0);
		drifts++;
		fx_unmap(fx, &ring, 0, 0);
		fx_unmap(fx, &ring, on_mm[i] - 65, -on_mm[i]);
		KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, drifts);
	}
	FX_EXPECT_USER(fx, 0, .kernel = 390, .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_MM(fx, 0, .cause = PERFMLOCK_REMAP_CHARGE);
	/* the first mapping of the last cycle: right by the kernel's own rule */
	FX_EXPECT_DRIFT(fx, 1, .id = 6, .step = PERFMLOCK_MAP, .pages = 65,
			.kernel_mm = 65, .correct_user = 65,
			.cause = PERFMLOCK_REMAP_CHARGE, .inherited = true);
	FX_EXPECT_DRIFT(fx, 0, .id = 6, .step = PERFMLOCK_REMAP, .pages = 65,
			.kernel_user = 65, .cause = PERFMLOCK_REMAP_CHARGE);
}

static void what_the_kernels_rule_does_not_make_is_not_inherited(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), next = fx_ring(fx, 0, 1, 33);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 33, 0);
	/* U is at 66: its rule makes 33 and 0 of it, the right one too */
	fx_map(fx, &next, 30, 3);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_MAP, .pages = 33,
			.kernel_user = 30, .kernel_mm = 3, .correct_user = 33,
			.cause = PERFMLOCK_UNEXPLAINED);
}

static void an_opened_mapping_is_one_more(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	struct fx_vma elsewhere = area;

	fx_map(fx, &ring, 33, 0);
	fx_open(fx, &ring);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 2, .kernel_user = 33, .correct_user = 33);
	fx_map(fx, &area, 64, 0);
	fx_open(fx, &area);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 4, .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 2, .kernel_user = 64, .correct_user = 64);
	/* a part of it, by a kernel that still splits them */
	elsewhere.pgoff++;
	fx_open(fx, &elsewhere);
	KUNIT_EXPECT_EQ(test, fx_area(fx, ring.event->rb)->maps, 2);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 5);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .opens = 3);

	fx_unmap(fx, &elsewhere, 0, 0);
	fx_unmap(fx, &area, 0, 0);
	fx_unmap(fx, &area, -64, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .opens = 3, .closes = 5);
}

/* The history's second live bug; then nothing can be mapped there any more. */
static void who_unmaps_last_gets_what_another_was_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma fill = fx_ring(fx, 0, 0, 257), ring = fx_ring(fx, 0, 1, 33);
	struct fx_vma other = fx_ring(fx, 1, 1, 33), small = fx_ring(fx, 1, 2, 2);

	fx->limit = 258;
	fx_map(fx, &fill, 257, 0);
	fx_map(fx, &ring, 1, 32);
	fx_map(fx, &other, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	FX_EXPECT_MM(fx, 0, .kernel = 32, .correct = 32, .buffers = 2);
	fx_unmap(fx, &other, -1, -32);
	FX_EXPECT_MM(fx, 0, .kernel = 32, .buffers = 1,
		     .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_MM(fx, 1, .kernel = -32, .cause = PERFMLOCK_WRONG_MM);
	/* U is right */
	FX_EXPECT_USER(fx, 0, .kernel = 257, .correct = 257, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 1, .closes = 2, .drifts = 1);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_LAST_UNMAP,
			.pages = 33, .kernel_user = -1, .kernel_mm = -32,
			.correct_user = -1, .cause = PERFMLOCK_WRONG_MM,
			.actor = { .pid = 101, .uid = 1000 },
			.owner_pid = 100, .owner_uid = 1000);

	fx->processes[1].rlimit = UNLIMITED;
	fx_fail(fx, &small, -EPERM, 0, 0);
	FX_EXPECT_DENIAL(fx, 0, .pages = 2,
			 .state = { 257, -32, 258, UNLIMITED },
			 .charge = CHARGE(1, 1, 259, -31UL, true),
			 .right_state = { 257, 0, 258, UNLIMITED },
			 .right = CHARGE(1, 1, 259, 1, false),
			 .remedy = { -1, -1 }, .all_cpus = { -1, -1 },
			 .cpus_left = 2, .online_cpus = 4,
			 .actor = { .pid = 101, .uid = 1000 });
	FX_EXPECT_MM(fx, 1, .kernel = -32, .cause = PERFMLOCK_WRONG_MM,
		     .counts.denied = 1, .counts.wrongly_denied = 1);
}

static void wrong_mm_is_told_of_both_parts(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), area = fx_aux(fx, 0, 0, 64);
	struct fx_vma other = fx_aux(fx, 1, 0, 64);

	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &area, 0, 64);
	fx_map(fx, &other, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &area, 0, 0);
	fx_unmap(fx, &other, -100, -97);
	FX_EXPECT_MM(fx, 0, .kernel = 97, .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_MM(fx, 1, .kernel = -97, .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 1, .closes = 3, .drifts = 2);
	FX_EXPECT_DRIFT(fx, 1, .id = 2, .step = PERFMLOCK_LAST_UNMAP,
			.kind = PERFMLOCK_AUX, .pages = 64, .kernel_mm = -64,
			.cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_LAST_UNMAP,
			.pages = 133, .kernel_user = -100, .kernel_mm = -33,
			.correct_user = -100, .cause = PERFMLOCK_WRONG_MM);
}

/* S4, by the history's example: limit 100, then 20. */
static void a_limit_lowered_below_u_makes_the_users_part_negative(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 33);

	fx_map(fx, &a, 65, 0);
	fx->limit = 20;
	fx_map(fx, &b, -45, 78);
	FX_EXPECT_USER(fx, 0, .kernel = 20, .correct = 65, .buffers = 2,
		       .cause = PERFMLOCK_LIMIT_LOWERED);
	FX_EXPECT_MM(fx, 1, .kernel = 78, .correct = 33, .buffers = 1,
		     .cause = PERFMLOCK_LIMIT_LOWERED);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_MAP, .pages = 33,
			.kernel_user = -45, .kernel_mm = 78, .correct_mm = 33,
			.cause = PERFMLOCK_LIMIT_LOWERED);
	KUNIT_EXPECT_STREQ(test, model_name(fx), "S4");
	fx_unmap(fx, &a, -65, 0);
	FX_EXPECT_USER(fx, 0, .kernel = -45, .buffers = 1,
		       .cause = PERFMLOCK_LIMIT_LOWERED);
	/* symmetric, so it heals */
	fx_unmap(fx, &b, 45, -78);
	FX_EXPECT_USER(fx, 0, .cause = PERFMLOCK_LIMIT_LOWERED);
	FX_EXPECT_MM(fx, 1, .cause = PERFMLOCK_LIMIT_LOWERED);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/*
 * Refusals
 */

struct refusal {
	const char *name;
	long others_user;
	long others_mm;
	unsigned long rlimit;
	int cpu;
	long pages;
	struct fx_denial want;
};

/*
 * A limit of 100 is 25 pages, 100 kB, on each of 4 CPUs: k kB are k / 4 * 4
 * pages of limit.
 */
static const struct refusal refusals[] = {
	{
		/* 1129 - limit <= 1000: 129, of 33 pages a CPU */
		"too large", 0, 0, 1000, 0, 1129, {
			.state = { 0, 0, 100, 1000 },
			.charge = CHARGE(100, 1029, 1129, 1029, true),
			.right_state = { 0, 0, 100, 1000 },
			.right = CHARGE(100, 1029, 1129, 1029, true),
			.remedy = { 132, 4116 },
			/* 4516 - 1000 = 3516; 4516 - 100 = 4416 */
			.all_cpus = { 3516, 17664 },
			.cpus_left = 4, .online_cpus = 4,
		},
	}, {
		/* 90 + 33 - limit <= 10 */
		"others hold the user's part", 90, 0, 10, 2, 33, {
			.state = { 90, 0, 100, 10 },
			.charge = CHARGE(10, 23, 123, 23, true),
			.right_state = { 90, 0, 100, 10 },
			.right = CHARGE(10, 23, 123, 23, true),
			.remedy = { 116, 92 },
			/* 90 + 66 - limit <= 10; 56 pages */
			.all_cpus = { 148, 224 },
			.cpus_left = 2, .online_cpus = 4,
		},
	}, {
		/* M has 5 of 20 left; U is below the limit by 60 */
		"others hold the rlimit", 40, 15, 20, -1, 70, {
			.state = { 40, 15, 100, 20 },
			.charge = CHARGE(60, 10, 110, 25, true),
			.right_state = { 40, 15, 100, 20 },
			.right = CHARGE(60, 10, 110, 25, true),
			.remedy = { 108, 100 },
			.online_cpus = 4,
		},
	}, {
		/* what was taken from it twice, nobody holds */
		"a damaged M, before the load", 100, -8, 50, 3, 2, {
			.state = { 100, -8, 100, 50 },
			.charge = CHARGE(0, 2, 102, -6UL, true),
			.right_state = { 100, 0, 100, 50 },
			.right = CHARGE(0, 2, 102, 2, false),
			.remedy = { -1, -1 }, .all_cpus = { -1, -1 },
			.cpus_left = 1, .online_cpus = 4,
		},
	}, {
		/* U = -61 is 0xff..c3: the whole buffer goes to M */
		"a damaged U, before the load", -61, 0, 20, -1, 33, {
			.state = { -61, 0, 100, 20 },
			.charge = CHARGE(0, 33, 133, 33, true),
			.right_state = { 0, 0, 100, 20 },
			.right = CHARGE(33, 0, 33, 0, false),
			.remedy = { -1, 132 },
			.online_cpus = 4,
		},
	},
};

static void refusal_name(const struct refusal *refusal, char *name)
{
	strscpy(name, refusal->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(refusal, refusals, refusal_name);

static void a_refusal_is_remembered_with_its_whole_sum(struct kunit *test)
{
	const struct refusal *refusal = test->param_value;
	bool wrongly = !refusal->want.right.over;
	struct perfmlock_books books = {
		.counts.denied = 1, .counts.wrongly_denied = wrongly,
	};
	struct perfmlock_totals totals = {
		.denied = 1, .wrongly_denied = wrongly,
	};
	struct fx_denial want = refusal->want;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 1, refusal->pages);

	fx->users[0].counter = refusal->others_user;
	fx->mms[0].counter = refusal->others_mm;
	fx->processes[0].rlimit = refusal->rlimit;
	fx->events[1].about.cpu = refusal->cpu;
	fx_fail(fx, &ring, -EPERM, 0, 0);
	want.pages = refusal->pages;
	want.actor.pid = 100;
	want.actor.uid = 1000;
	fx_expect_denial(fx, FX_HERE, 0, &want);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &books);
	fx_expect_mm(fx, FX_HERE, &fx->mms[0], &books);
	fx_expect_totals(fx, FX_HERE, &fx->ledger.totals, &totals);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->rlimit,
			refusal->rlimit);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->uid, 1000);
	KUNIT_EXPECT_STREQ(test, fx_mm_row(fx, &fx->mms[0])->comm, "a");
}

static void who_is_refused_for_a_leak_is_refused_wrongly(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65), next = fx_aux(fx, 0, 1, 60);

	fx_map(fx, &ring, 65, 0);
	fx_map(fx, &ring, 65, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -65, 0);
	fx->processes[0].rlimit = 10;
	fx_fail(fx, &next, -EPERM, 0, 0);
	FX_EXPECT_DENIAL(fx, 0, .kind = PERFMLOCK_AUX, .pages = 60,
			 .state = { 65, 0, 100, 10 },
			 .charge = CHARGE(35, 25, 125, 25, true),
			 .right_state = { 0, 0, 100, 10 },
			 .right = CHARGE(60, 0, 60, 0, false),
			 .remedy = { 116, 100 },
			 /* three CPUs: 65 + 180 - limit <= 10 */
			 .all_cpus = { 236, 580 },
			 .cpus_left = 3, .online_cpus = 4);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2, .drifts = 1,
			 .denied = 1, .wrongly_denied = 1);
}

/* S0, by the history's example: limit 10, rlimit 20, rings of 5. */
static void the_explosion_refuses_the_fifth_ring(struct kunit *test)
{
	static const long on_mm[] = { 0, 0, 5, 10 };
	struct fx *fx = test->priv;
	struct fx_vma rings[5];
	unsigned int i;

	fx->limit = 10;
	fx->processes[0].rlimit = 20;
	for (i = 0; i < 5; i++)
		rings[i] = fx_ring(fx, 0, i, 5);
	rings[4].event->about.cpu = -1;
	for (i = 0; i < 4; i++)
		fx_map(fx, &rings[i], 5, on_mm[i]);
	FX_EXPECT_USER(fx, 0, .kernel = 20, .correct = 10, .buffers = 4,
		       .cause = PERFMLOCK_EXPLOSION);
	FX_EXPECT_MM(fx, 0, .kernel = 15, .correct = 10, .buffers = 4,
		     .cause = PERFMLOCK_EXPLOSION);
	FX_EXPECT_DRIFT(fx, 1, .id = 3, .step = PERFMLOCK_MAP, .pages = 5,
			.kernel_user = 5, .kernel_mm = 5, .correct_mm = 5,
			.cause = PERFMLOCK_DOUBLE_CHARGE);
	FX_EXPECT_DRIFT(fx, 0, .id = 4, .step = PERFMLOCK_MAP, .pages = 5,
			.kernel_user = 5, .kernel_mm = 10, .correct_mm = 5,
			.cause = PERFMLOCK_EXPLOSION);
	KUNIT_EXPECT_STREQ(test, model_name(fx), "S0");

	fx_fail(fx, &rings[4], -EPERM, 0, 0);
	/* with a limit of 20 it is 25 - 20 on M */
	FX_EXPECT_DENIAL(fx, 0, .pages = 5,
			 .state = { 20, 15, 10, 20 },
			 .charge = CHARGE(5, 15, 25, 30, true),
			 .right_state = { 10, 10, 10, 20 },
			 .right = CHARGE(0, 5, 15, 15, false),
			 .remedy = { 20, 120 }, .online_cpus = 4);
	for (i = 0; i < 4; i++)
		fx_unmap(fx, &rings[i], -5, -on_mm[i]);
	FX_EXPECT_USER(fx, 0, .cause = PERFMLOCK_EXPLOSION, .counts.denied = 1,
		       .counts.wrongly_denied = 1);
	FX_EXPECT_MM(fx, 0, .cause = PERFMLOCK_EXPLOSION, .counts.denied = 1,
		     .counts.wrongly_denied = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 4, .closes = 4, .denied = 1,
			 .wrongly_denied = 1, .drifts = 2);
}

/* The host of the first report: 28,248 pages for a ring of 3. */
static void others_pages_explode_on_the_mm(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3);

	fx->limit = 4644;
	fx->users[0].counter = 32889;
	fx_map(fx, &ring, 3, 28248);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_MAP, .pages = 3,
			.kernel_user = 3, .kernel_mm = 28248, .correct_mm = 3,
			.cause = PERFMLOCK_EXPLOSION);
}

/*
 * Nothing has told this kernel's rule yet, and only S0 refuses 10 pages with U
 * at 150: what helps is what helps there.
 */
static void the_remedy_is_that_of_the_rule_that_refused(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 3, 10);

	fx->users[0].counter = 150;
	fx->processes[0].rlimit = 20;
	fx_fail(fx, &ring, -EPERM, 0, 0);
	FX_EXPECT_DENIAL(fx, 0, .pages = 10,
			 .state = { 150, 0, 100, 20 },
			 .charge = CHARGE(10, 60, 160, 60, true),
			 .right_state = { 150, 0, 100, 20 },
			 .right = CHARGE(0, 10, 160, 10, false),
			 .remedy = { 140, 240 }, .all_cpus = { 140, 240 },
			 .cpus_left = 1, .online_cpus = 4);
}

/* What it holds goes with it; what others of its user do, and what leaked, stays. */
static void a_refusal_knows_what_a_restart_would_meet(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma met = fx_ring(fx, 0, 0, 17), seen = fx_ring(fx, 0, 1, 65);
	struct fx_vma other = fx_ring(fx, 1, 2, 33), big = fx_ring(fx, 0, 3, 129);
	const struct fx_vma *const walk[] = { &met, NULL };
	struct perfmlock_denial denial;

	/* adopted: 12 of its pages are on M */
	fx_kernel_maps(fx, &met, 5, 12);
	fx_sweep(fx, walk);
	/* 95 are free under the limit when it comes, and 30 when the next does */
	fx_map(fx, &seen, 65, 0);
	fx_map(fx, &other, 30, 3);
	fx->processes[0].rlimit = 100;
	fx_fail(fx, &big, -EPERM, 0, 0);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.denials, 0, &denial), 0);
	KUNIT_EXPECT_EQ(test, denial.held, 82);
	KUNIT_EXPECT_EQ(test, denial.state.user, 100);
	KUNIT_EXPECT_EQ(test, denial.restarted.user, 30);
	KUNIT_EXPECT_EQ(test, denial.restarted.mm, 0);
	KUNIT_EXPECT_EQ(test, denial.restarted.limit, 100);
	KUNIT_EXPECT_EQ(test, denial.restarted.rlimit, 100);
}

/* Then nothing is taken off: the remedy helps, if it is not the least. */
static void what_may_stay_is_not_given_back_by_a_restart(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65), shared = fx_ring(fx, 1, 0, 65);
	struct fx_vma big = fx_ring(fx, 0, 1, 129), other = fx_ring(fx, 2, 2, 65);
	struct fx_vma more = fx_ring(fx, 0, 3, 3);
	struct perfmlock_denial denial;

	fx_map(fx, &ring, 65, 0);
	fx_map(fx, &shared, 0, 0);
	fx->processes[0].rlimit = 10;
	fx_fail(fx, &big, -EPERM, 0, 0);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.denials, 0, &denial), 0);
	KUNIT_EXPECT_EQ(test, denial.held, 65);
	KUNIT_EXPECT_EQ(test, denial.restarted.user, 65);
	fx_unmap(fx, &shared, 0, 0);
	fx_unmap(fx, &ring, -65, 0);

	/* alone, and as another user, who has as much */
	fx_map(fx, &ring, 65, 0);
	fx_map(fx, &other, 65, 0);
	fx->processes[0].user = &fx->users[1];
	fx_fail(fx, &big, -EPERM, 0, 0);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.denials, 0, &denial), 0);
	KUNIT_EXPECT_EQ(test, denial.restarted.user, 65);
	fx->processes[0].user = &fx->users[0];
	fx_fail(fx, &big, -EPERM, 0, 0);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.denials, 0, &denial), 0);
	KUNIT_EXPECT_EQ(test, denial.restarted.user, 0);

	/* and with a ring of the other one's, as the first again */
	fx->processes[0].user = &fx->users[1];
	fx_map(fx, &more, 3, 0);
	fx->processes[0].user = &fx->users[0];
	fx_fail(fx, &big, -EPERM, 0, 0);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.denials, 0, &denial), 0);
	KUNIT_EXPECT_EQ(test, denial.restarted.user, 65);
}

/* M has pages still that went back to another mm: they are of no buffer. */
static void what_another_mm_gave_back_is_on_no_u(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma fill = fx_ring(fx, 2, 3, 100), ring = fx_ring(fx, 0, 0, 133);
	struct fx_vma last = fx_ring(fx, 1, 0, 133), next = fx_ring(fx, 0, 1, 65);
	struct fx_vma big = fx_ring(fx, 0, 2, 129);
	struct perfmlock_denial denial;

	fx_map(fx, &fill, 100, 0);
	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &last, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &last, -100, -33);
	fx_map(fx, &next, 65, 0);
	fx->processes[0].rlimit = 50;
	fx_fail(fx, &big, -EPERM, 0, 0);
	KUNIT_ASSERT_NE(test, fx_past(&fx->ledger.denials, 0, &denial), 0);
	KUNIT_EXPECT_EQ(test, denial.restarted.user, 0);
	KUNIT_EXPECT_EQ(test, denial.restarted.mm, 0);
}

static void a_rule_that_was_ruled_out_refuses_nobody(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma split = fx_ring(fx, 0, 0, 20), ring = fx_ring(fx, 0, 1, 10);

	/* 0 and 20 on top of 150 is not what S0, S0c or S4 make of it */
	fx->users[0].counter = 150;
	fx_map(fx, &split, 0, 20);
	fx->processes[0].rlimit = 30;
	fx_fail(fx, &ring, -EPERM, 0, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .other_eperm = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 0);
}

static void an_eperm_for_another_reason_is_counted_alone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), big = fx_ring(fx, 0, 1, 5000);

	fx_fail(fx, &ring, -EPERM, 0, 0);
	/* nor is who may pass refused by the accounting */
	fx->exempt = true;
	fx_fail(fx, &big, -EPERM, 0, 0);
	FX_EXPECT_TOTALS(fx, .other_eperm = 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->holds, 1);
}

static void a_call_that_took_the_room_meanwhile_explains_a_refusal(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 50), b = fx_ring(fx, 1, 1, 90);
	struct fx_call call;

	fx->processes[0].rlimit = 0;
	call = fx_begin_map(fx, &a);
	fx_map(fx, &b, 90, 0);
	fx_end_map(fx, &call, -EPERM);
	FX_EXPECT_DENIAL(fx, 0, .pages = 50,
			 .state = { 90, 0, 100, 0 },
			 .charge = CHARGE(10, 40, 140, 40, true),
			 .right_state = { 90, 0, 100, 0 },
			 .right = CHARGE(10, 40, 140, 40, true),
			 /* 140 pages of limit; all four: 90 + 200 */
			 .remedy = { 140, 160 }, .all_cpus = { 292, 760 },
			 .cpus_left = 4, .online_cpus = 4);
}

static void refuse_beside_another(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 50), b = fx_ring(fx, 1, 1, 90);
	struct fx_call of_a, of_b;

	fx->processes[0].rlimit = 0;
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_end_map(fx, &of_a, -EPERM);
	/* and rightly, for all that is known */
	FX_EXPECT_TOTALS(fx, .denied = 1, .overlaps = 1);
	FX_EXPECT_DENIAL(fx, 0, .pages = 50,
			 .state = { 90, 0, 100, 0 },
			 .charge = CHARGE(10, 40, 140, 40, true),
			 .right_state = { 90, 0, 100, 0 },
			 .right = CHARGE(10, 40, 140, 40, true),
			 .remedy = { 140, 160 }, .all_cpus = { 292, 760 },
			 .cpus_left = 4, .online_cpus = 4);
	fx_kernel_maps(fx, &b, 90, 0);
	fx_end_map(fx, &of_b, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void a_call_that_takes_the_room_explains_a_refusal(struct kunit *test)
{
	refuse_beside_another(test);
}

/* Where others share the counter, what is right is told of the kernel's own U. */
static void a_call_that_takes_the_room_of_a_shared_counter(struct kunit *test)
{
	struct fx *fx = test->priv;

	fx->ledger.exclusive = false;
	refuse_beside_another(test);
}

/* U had gone up and down again when the refused one looked at it. */
static void what_came_and_went_meanwhile_explains_a_refusal(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 50), b = fx_ring(fx, 1, 1, 90);
	struct fx_call call;

	fx->processes[0].rlimit = 0;
	call = fx_begin_map(fx, &a);
	fx_map(fx, &b, 90, 0);
	fx_unmap(fx, &b, -90, 0);
	fx_end_map(fx, &call, -EPERM);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .denied = 1,
			 .overlaps = 3);
}

static void limits_lowered_meanwhile_explain_a_refusal(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 50), b = fx_ring(fx, 0, 1, 150);
	struct fx_call call;

	fx->processes[0].rlimit = 0;
	call = fx_begin_map(fx, &a);
	fx->limit = 49;
	fx_end_map(fx, &call, -EPERM);
	fx->limit = 100;
	fx->processes[0].rlimit = 50;
	call = fx_begin_map(fx, &b);
	fx->processes[0].rlimit = 49;
	fx_end_map(fx, &call, -EPERM);
	FX_EXPECT_TOTALS(fx, .denied = 2);
}

/* What another gives back before the refused one returns was there before. */
static void who_was_refused_beside_an_unmap_met_what_it_gave_back(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma full = fx_ring(fx, 1, 0, 100), a = fx_ring(fx, 0, 1, 9);
	struct fx_call call;

	fx->processes[0].rlimit = 0;
	fx_map(fx, &full, 100, 0);
	call = fx_begin_map(fx, &a);
	fx_unmap(fx, &full, -100, 0);
	fx_end_map(fx, &call, -EPERM);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .denied = 1,
			 .overlaps = 2);
}

/*
 * Maps that fail otherwise
 */

static void a_map_that_failed_is_counted_alone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_fail(fx, &ring, -EINVAL, 0, 0);
	fx_fail(fx, &ring, -ENOMEM, 0, 0);
	FX_EXPECT_TOTALS(fx, .failed = 2);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_NULL(test, fx_mm_row(fx, &fx->mms[0]));
}

static void what_a_failed_map_left_behind_is_booked(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133);

	/* v6.14 to v6.16.0: no close follows */
	fx_fail(fx, &ring, -EINVAL, 100, 33);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .cause = PERFMLOCK_UNEXPLAINED);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .cause = PERFMLOCK_UNEXPLAINED);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .failed = 1, .drifts = 1);
	FX_EXPECT_DRIFT(fx, 0, .step = PERFMLOCK_REFUSED, .pages = 133,
			.kernel_user = 100, .kernel_mm = 33,
			.cause = PERFMLOCK_UNEXPLAINED,
			.actor = { .pid = 100, .uid = 1000 },
			.owner_pid = 100, .owner_uid = 1000);
}

/* v6.15 and later: the charge of a re-map is not undone. */
static void a_remap_that_failed_late_stays_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_map(fx, &ring, 33, 0);
	fx_fail(fx, &ring, -ENOMEM, 33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 33, .buffers = 1,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 33,
			 .maps = 1, .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .failed = 1, .drifts = 1);
}

static void a_close_within_a_map_is_a_part_of_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 1, 1, 3);
	struct fx_vma own = fx_ring(fx, 0, 2, 7);
	struct fx_call map, close;

	fx_map(fx, &other, 3, 0);
	fx_map(fx, &own, 7, 0);
	map = fx_begin_map(fx, &ring);
	fx_kernel_maps(fx, &ring, 33, 0);
	close = fx_begin_unmap(fx, &ring);
	KUNIT_EXPECT_NULL(test, close.call);
	fx_kernel_unmaps(&ring, -33, 0);
	/* another task's is one of its own, and so is another event's */
	close = fx_begin_unmap(fx, &other);
	KUNIT_EXPECT_NOT_NULL(test, close.call);
	fx_kernel_unmaps(&other, -3, 0);
	fx_end_unmap(fx, &close);
	close = fx_begin_unmap(fx, &own);
	KUNIT_EXPECT_NOT_NULL(test, close.call);
	fx_kernel_unmaps(&own, -7, 0);
	fx_end_unmap(fx, &close);
	fx_end_map(fx, &map, -ENOMEM);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .failed = 1,
			 .overlaps = 3);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

/*
 * Calls that overlap
 */

/* Two of 80 under a limit of 100: the kernel takes a first, then b. */
static void two_at_once_are_right_in_the_order_of_the_kernel(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 80), b = fx_ring(fx, 1, 1, 80);
	struct fx_call of_a, of_b;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 80, 0);
	fx_kernel_maps(fx, &b, 20, 60);
	/* b is booked first: its 20 must not look like too few */
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 80, .maps = 1,
			 .kernel_user = 20, .kernel_mm = 60,
			 .correct_user = 20, .correct_mm = 60);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 80, .maps = 1,
			 .kernel_user = 80, .correct_user = 80);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .correct = 100, .buffers = 2);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .overlaps = 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.observed, 0);
}

/* Both saw U at 0: over-admission, as the history has it, and no drift. */
static void two_that_saw_the_same_u_are_both_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 8), b = fx_ring(fx, 1, 1, 8);
	struct fx_call of_a, of_b;

	fx->limit = 10;
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 8, 0);
	fx_kernel_maps(fx, &b, 8, 0);
	fx_end_map(fx, &of_b, 0);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	/* nor one that a later call would be told to have inherited */
	FX_EXPECT_USER(fx, 0, .kernel = 16, .correct = 16, .buffers = 2);
	fx_unmap(fx, &a, -8, 0);
	fx_unmap(fx, &b, -8, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

/* Both saw the same 4 free pages, and more had been asked for. */
static void two_that_saw_the_same_rest_are_both_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 2, 6), next = fx_ring(fx, 0, 3, 5);
	struct fx_vma a = fx_ring(fx, 0, 0, 5), b = fx_ring(fx, 1, 1, 5);
	struct fx_call of_a, of_b;

	fx->limit = 10;
	fx_map(fx, &old, 6, 0);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 4, 1);
	fx_kernel_maps(fx, &b, 4, 1);
	fx_end_map(fx, &of_b, 0);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 14, .correct = 14, .buffers = 3);
	/* what comes later has nothing to inherit */
	fx_unmap(fx, &old, -6, 0);
	fx_map(fx, &next, 2, 3);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 10, .correct = 10, .buffers = 3);
}

static void what_a_close_freed_meanwhile_may_have_been_met_or_not(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 1, 0, 80), a = fx_ring(fx, 0, 1, 50);
	struct fx_vma b = fx_ring(fx, 0, 2, 50);
	struct fx_call map, close;

	/* the map looked before: 20 were free, and the close has ended */
	fx_map(fx, &old, 80, 0);
	map = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 20, 30);
	fx_unmap(fx, &old, -80, 0);
	fx_end_map(fx, &map, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 50, .maps = 1,
			 .kernel_user = 20, .kernel_mm = 30,
			 .correct_user = 20, .correct_mm = 30);
	fx_unmap(fx, &a, -20, -30);

	/* it looked after: 100 were free, and the close has not ended */
	fx_map(fx, &old, 80, 0);
	map = fx_begin_map(fx, &b);
	close = fx_begin_unmap(fx, &old);
	fx_kernel_unmaps(&old, -80, 0);
	fx_kernel_maps(fx, &b, 50, 0);
	fx_end_map(fx, &map, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 50, .maps = 1,
			 .kernel_user = 50, .correct_user = 50);
	fx_end_unmap(fx, &close);
	FX_EXPECT_USER(fx, 0, .kernel = 50, .correct = 50, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 4);
}

/* An AUX area that its close has given back, and not returned. */
static void what_an_area_freed_meanwhile_may_have_been_met(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 1, 0, 4), area = fx_aux(fx, 1, 0, 96);
	struct fx_vma a = fx_ring(fx, 0, 1, 9);

	fx_map(fx, &ring, 4, 0);
	fx_map(fx, &area, 96, 0);
	fx_unmap_slowly(fx, &area, -96, 0, &a);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 9, .maps = 1,
			 .kernel_user = 9, .correct_user = 9);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void beyond_what_any_order_gives_is_a_drift(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 80), b = fx_ring(fx, 1, 1, 10);
	struct fx_call of_a, of_b;

	of_b = fx_begin_map(fx, &b);
	of_a = fx_begin_map(fx, &a);
	/* b can take 10 at most: 80 or 80 were free */
	fx_kernel_maps(fx, &a, 60, 20);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_MAP, .pages = 80,
			.kernel_user = 60, .kernel_mm = 20, .correct_user = 80,
			.cause = PERFMLOCK_UNEXPLAINED);
	fx_kernel_maps(fx, &b, 10, 0);
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 70, .correct = 90, .buffers = 2,
		       .cause = PERFMLOCK_UNEXPLAINED);
}

static void two_users_do_not_disturb_each_other(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 80), c = fx_ring(fx, 2, 1, 80);
	struct fx_call of_a, of_c;

	of_a = fx_begin_map(fx, &a);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 80, 0);
	/* measured, not inferred: what no rule would do */
	fx_kernel_maps(fx, &c, 70, 10);
	fx_end_map(fx, &of_a, 0);
	fx_end_map(fx, &of_c, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 80, .correct = 80, .buffers = 1);
	FX_EXPECT_USER(fx, 1, .kernel = 70, .correct = 80, .buffers = 1,
		       .cause = PERFMLOCK_UNEXPLAINED);
	FX_EXPECT_MM(fx, 2, .kernel = 10, .buffers = 1,
		     .cause = PERFMLOCK_UNEXPLAINED);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .drifts = 1);
}

/* Whose U an unknown buffer's close moves is not known: maybe this one's. */
static void beside_an_unknown_close_u_is_inferred_and_not_settled(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 1, 0, 50), a = fx_ring(fx, 0, 1, 33);
	struct fx_vma c = fx_ring(fx, 2, 2, 33);
	struct fx_call of_a, of_c, close;

	fx_kernel_maps(fx, &old, 50, 0);
	of_a = fx_begin_map(fx, &a);
	close = fx_begin_unmap(fx, &old);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_unmaps(&old, -50, 0);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &c, 33, 0);
	fx_end_map(fx, &of_a, 0);
	fx_end_unmap(fx, &close);
	fx_end_map(fx, &of_c, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .overlaps = 2, .unknown_closes = 1);
	/* a call that begins later is sure again */
	fx_unmap(fx, &a, -33, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 1, .overlaps = 2,
			 .unknown_closes = 1);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	of_a = fx_begin_map(fx, &a);
	fx_map(fx, &old, 50, 0);
	fx->users[0].counter += 7;
	fx_end_map(fx, &of_a, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 57, .correct = 50, .buffers = 1,
		       .cause = PERFMLOCK_UNEXPLAINED);
}

static void after_missed_calls_nothing_is_settled(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), beside = fx_ring(fx, 1, 1, 1);
	struct fx_call call;

	fx_missed(fx);
	call = fx_begin_map(fx, &beside);
	fx_map(fx, &ring, 33, 0);
	fx->users[0].counter += 7;
	fx_end_map(fx, &call, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/*
 * What was inferred is mended at the end of the last call that overlapped, and
 * no cause is named. The one beside begins first and fails last, and charges
 * nothing itself.
 */
struct settling {
	const char *name;
	bool exclusive;
	long foreign;		/* what U does beside */
	long kernel;		/* books of a ring of 33 mapped, re-mapped, ... */
};

static const struct settling remap_settlings[] = {
	{ "a re-map that charged nothing", true, 0, 33 },
	{ "a re-map that charged", true, 33, 66 },
	/* it need not be the re-map that did */
	{ "a re-map that charged a shared counter", false, 33, 33 },
	{ "what nobody knows", true, 7, 40 },
	{ "what nobody knows, and takes", true, -7, 26 },
	{ "what others did to a shared counter", false, 7, 33 },
	{ "what others took from a shared counter", false, -33, 33 },
};

static void settling_name(const struct settling *settling, char *name)
{
	strscpy(name, settling->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(remap_settling, remap_settlings, settling_name);

static void a_remap_beside_another_call_is_settled(struct kunit *test)
{
	const struct settling *settling = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), beside = fx_ring(fx, 1, 1, 1);
	bool settled = settling->kernel != 33;
	bool charged = settling->kernel == 66;
	const struct perfmlock_books before = {
		.kernel = 33, .correct = 33, .buffers = 1,
	};
	const struct perfmlock_books after = {
		.kernel = settling->kernel, .correct = 33, .buffers = 1,
		/* the counter tells, though the kernel's rule is not known yet */
		.cause = charged ? PERFMLOCK_REMAP_CHARGE :
			 settled ? PERFMLOCK_UNEXPLAINED : PERFMLOCK_NO_CAUSE,
	};
	const struct perfmlock_totals totals = {
		.mmaps = 1, .remaps = 1, .failed = 1, .overlaps = 2,
		.settled = settled,
	};
	struct fx_call call;

	fx->ledger.exclusive = settling->exclusive;
	fx_map(fx, &ring, 33, 0);
	call = fx_begin_map(fx, &beside);
	fx_map(fx, &ring, settling->foreign, 0);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &before);
	fx_end_map(fx, &call, -ENOMEM);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &after);
	fx_expect_totals(fx, FX_HERE, &fx->ledger.totals, &totals);
	/* and the counter is what the books say, or others' */
	fx_fail(fx, &beside, -ENOMEM, 0, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->foreign,
			33 + settling->foreign - settling->kernel);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

static const struct settling unmap_settlings[] = {
	{ "all came back", true, 0, 0 },
	{ "nothing came back", true, 66, 66 },
	{ "one of two came back", true, 33, 33 },
	{ "more than there was", true, 67, 67 },
	{ "too much came back", true, -5, -5 },
	{ "nothing, to a shared counter", false, 66, 66 },
	{ "one of two, to a shared counter", false, 33, 33 },
	{ "a part, or others, of a shared counter", false, 32, 0 },
	{ "more than there was, of a shared counter", false, 99, 0 },
};

KUNIT_ARRAY_PARAM(unmap_settling, unmap_settlings, settling_name);

static void two_unmaps_beside_another_call_are_settled(struct kunit *test)
{
	const struct settling *settling = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 2, 33);
	struct fx_vma beside_a = fx_ring(fx, 1, 0, 1);
	struct fx_vma beside_b = fx_ring(fx, 2, 2, 1);
	bool lost = settling->kernel == 33 || settling->kernel == 66;
	const struct perfmlock_books after = {
		.kernel = settling->kernel,
		.cause = lost ? PERFMLOCK_LOST_UNCHARGE :
			 settling->kernel ? PERFMLOCK_UNEXPLAINED :
					    PERFMLOCK_NO_CAUSE,
	};
	struct fx_call call, other;

	fx->ledger.exclusive = settling->exclusive;
	fx_map(fx, &a, 33, 0);
	fx_map(fx, &b, 33, 0);
	other = fx_begin_map(fx, &beside_b);
	call = fx_begin_map(fx, &beside_a);
	fx_unmap(fx, &a, -33, 0);
	fx_unmap(fx, &b, -33, 0);
	fx->users[0].counter += settling->foreign;
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	fx_end_map(fx, &other, -ENOMEM);
	fx_end_map(fx, &call, -ENOMEM);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &after);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, !!settling->kernel);
}

/* Who had no rival cannot have left it to one. */
static void what_is_left_without_a_rival_is_others(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), beside = fx_ring(fx, 1, 1, 1);
	struct fx_call call;

	fx->ledger.exclusive = false;
	fx_map(fx, &a, 33, 0);
	call = fx_begin_map(fx, &beside);
	fx_unmap(fx, &a, -33, 0);
	fx->users[0].counter += 33;
	fx_end_map(fx, &call, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
}

/* Two of different sizes: either, or both, and nothing else. */
static void unmaps_of_two_sizes_are_told_apart(struct kunit *test)
{
	static const long left[] = { 16, 34, 51, 17, 33, 50 };
	static const unsigned int settled[] = { 0, 0, 0, 1, 2, 3 };
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 2, 17);
	struct fx_vma beside_a = fx_ring(fx, 1, 0, 1);
	struct fx_vma beside_b = fx_ring(fx, 2, 2, 1);
	struct fx_call call, other;
	unsigned int i;

	fx->ledger.exclusive = false;
	fx->limit = 1000;
	for (i = 0; i < ARRAY_SIZE(left); i++) {
		fx_map(fx, &a, 33, 0);
		fx_map(fx, &b, 17, 0);
		other = fx_begin_map(fx, &beside_b);
		call = fx_begin_map(fx, &beside_a);
		fx_unmap(fx, &a, -33, 0);
		fx_unmap(fx, &b, -17, 0);
		fx->users[0].counter += left[i];
		fx_end_map(fx, &other, -ENOMEM);
		fx_end_map(fx, &call, -ENOMEM);
		KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, settled[i]);
	}
	FX_EXPECT_USER(fx, 0, .kernel = 100, .cause = PERFMLOCK_LOST_UNCHARGE);
}

/* What is right in the end has no cause, and an earlier one stays. */
static void settling_names_no_cause_where_there_is_one(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), beside = fx_ring(fx, 1, 1, 1);
	struct fx_call call;

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 33, 0);
	call = fx_begin_map(fx, &beside);
	fx->users[0].counter += 5;
	fx_unmap(fx, &ring, 0, 0);
	fx_end_map(fx, &call, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 71, .correct = 33, .buffers = 1,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 1);
}

static void an_earlier_overlap_is_settled_for_good(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), beside = fx_ring(fx, 1, 1, 1);
	struct fx_call call;

	fx_map(fx, &ring, 33, 0);
	call = fx_begin_map(fx, &beside);
	fx_map(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	fx_end_map(fx, &call, -ENOMEM);
	/* 33 pages more in a later one are not that re-map's, nor that unmap's */
	call = fx_begin_map(fx, &beside);
	fx_map(fx, &ring, 33, 0);
	fx->users[0].counter += 33;
	fx_end_map(fx, &call, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 33, .buffers = 1,
		       .cause = PERFMLOCK_UNEXPLAINED);
}

/*
 * Two that map the same event at once
 */

/* b returns before a, who made the buffer: a's M tells. */
static void who_returns_first_need_not_be_the_first(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_call of_a, of_b;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 100, 33);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133,
			 .maps = 1, .pending = PERFMLOCK_MAYBE_FIRST,
			 .pid = 101);
	FX_EXPECT_USER(fx, 0, .buffers = 1);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133,
			 .maps = 2, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33, .pid = 100);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .overlaps = 1);
	fx_unmap(fx, &b, 0, 0);
	fx_unmap(fx, &a, -100, -33);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2,
			 .overlaps = 1);
}

/*
 * a of one user and b of another, all on U, and both users have a further call
 * under way as a returns; b's has ended before b does, unless @both_to_the_end.
 */
static void map_beside_another_user(struct fx *fx, bool a_makes_it,
				    bool both_to_the_end)
{
	static struct fx_vma a, b, beside_a, beside_b;
	struct fx_call of_a, of_b, is_beside_a, is_beside_b;

	a = fx_ring(fx, 0, 0, 3);
	b = fx_ring(fx, 2, 0, 3);
	beside_a = fx_ring(fx, 1, 1, 1);
	beside_b = fx_ring(fx, 2, 2, 1);
	is_beside_a = fx_begin_map(fx, &beside_a);
	is_beside_b = fx_begin_map(fx, &beside_b);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	if (a_makes_it)
		fx_kernel_maps(fx, &a, 3, 0);
	fx_kernel_maps(fx, &b, a_makes_it ? 0 : 3, 0);
	if (!a_makes_it)
		fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_a, 0);
	/* what a's did to U is not known yet */
	fx_end_map(fx, &is_beside_a, -ENOMEM);
	if (!both_to_the_end)
		fx_end_map(fx, &is_beside_b, -ENOMEM);
	fx_end_map(fx, &of_b, 0);
	if (both_to_the_end)
		fx_end_map(fx, &is_beside_b, -ENOMEM);
}

static void of_two_users_he_made_it_whose_u_has_moved(struct kunit *test)
{
	struct fx *fx = test->priv;

	map_beside_another_user(fx, false, false);
	FX_EXPECT_USER(fx, 0, .buffers = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 3, .correct = 3, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
}

static void of_two_users_he_did_not_make_it_whose_u_has_not_moved(struct kunit *test)
{
	struct fx *fx = test->priv;

	map_beside_another_user(fx, true, false);
	FX_EXPECT_USER(fx, 0, .kernel = 3, .correct = 3, .buffers = 1);
	FX_EXPECT_USER(fx, 1, .buffers = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
}

/* He had the event first. */
static void where_nothing_tells_the_first_to_return_made_it(struct kunit *test)
{
	struct fx *fx = test->priv;

	map_beside_another_user(fx, true, true);
	FX_EXPECT_USER(fx, 0, .kernel = 3, .correct = 3, .buffers = 1);
	FX_EXPECT_USER(fx, 1, .buffers = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
}

/* The pages of whose re-map a kernel from v6.15 on charges to U as well. */
static void the_second_of_two_charges_on_a_kernel_that_charges_remaps(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma learn = fx_ring(fx, 3, 1, 3);
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_call of_a, of_b;

	fx_map(fx, &learn, 3, 0);
	fx_map(fx, &learn, 3, 0);
	KUNIT_EXPECT_STREQ(test, model_name(fx), "S6");
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 100, 33);
	fx_kernel_maps(fx, &b, 133, 0);
	fx_end_map(fx, &of_b, 0);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133,
			 .maps = 2, .kernel_user = 233, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33, .pid = 100);
	FX_EXPECT_USER(fx, 0, .kernel = 233, .correct = 100, .buffers = 1,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 2, .drifts = 2,
			 .overlaps = 1);
	fx_unmap(fx, &b, 0, 0);
	fx_unmap(fx, &a, -100, -33);
	FX_EXPECT_USER(fx, 0, .kernel = 133, .cause = PERFMLOCK_REMAP_CHARGE);
}

/* b met the buffer at its entry, so a made it. */
static void who_met_the_buffer_did_not_make_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a, of_b;

	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .pending = PERFMLOCK_NOT_FIRST, .pid = 101);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 2,
			 .kernel_user = 33, .correct_user = 33, .pid = 100);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .overlaps = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	FX_EXPECT_MM(fx, 1, .buffers = 0);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &b, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

static void when_the_rival_fails_who_returned_was_the_first(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a, of_b;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_end_map(fx, &of_b, 0);
	fx_end_map(fx, &of_a, -EINVAL);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33, .pid = 101);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .failed = 1, .overlaps = 1);
	fx_unmap(fx, &b, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void when_the_maker_fails_late_the_buffer_is_adopted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a, of_b;

	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	/* it closes its own mapping, and the buffer lives on */
	fx_kernel_unmaps(&a, 0, 0);
	fx_end_map(fx, &of_a, -ENOMEM);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .adopted = true, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 1);
	fx_unmap(fx, &b, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
}

/* Likewise where that was unmapped before it fails, and was so its own to give back. */
static void what_a_maker_that_fails_gives_back_is_not_lost(struct kunit *test)
{
	static const unsigned int makers[] = { 0, 2 };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 1, 0, 33), made;
	struct fx_call call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(makers); i++) {
		made = fx_ring(fx, makers[i], 0, 33);
		call = fx_begin_map(fx, &made);
		fx_kernel_maps(fx, &made, 33, 0);
		fx_map(fx, &ring, 0, 0);
		KUNIT_EXPECT_TRUE(test, fx_buffer(fx, ring.event->rb)->pending ==
					PERFMLOCK_NOT_FIRST);
		fx_unmap(fx, &ring, 0, 0);
		fx_kernel_unmaps(&made, -33, 0);
		fx_end_map(fx, &call, -ENOMEM);
		KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
		FX_EXPECT_USER(fx, 0, .kernel = 0);
		fx_fail(fx, &ring, -EINVAL, 0, 0);
		KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->foreign, 0);
	}
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
}

/* Or before its own close is the last: of another user's U nothing is told. */
static void what_another_user_may_have_made_is_not_lost(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma made = fx_ring(fx, 2, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_call call;

	call = fx_begin_map(fx, &made);
	fx_kernel_maps(fx, &made, 33, 0);
	fx_map(fx, &ring, 0, 0);
	fx_kernel_unmaps(&made, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	fx_end_map(fx, &call, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void a_first_map_that_is_closed_before_its_rival_returns_was_one(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a, of_b;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_b, 0);
	fx_unmap(fx, &b, 0, 0);
	/* a has it, and is about to return: this was not the end */
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33,
			 .pending = PERFMLOCK_MAYBE_FIRST, .pid = 101);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33, .pid = 101);
	fx_unmap(fx, &a, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2,
			 .overlaps = 2);
}

static void of_three_at_once_the_one_whose_m_moved_is_the_first(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_vma c = fx_ring(fx, 2, 0, 133);
	struct fx_call of_a, of_b, of_c;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &b, 100, 33);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_end_map(fx, &of_a, 0);
	/* c might have made it still, but for what b did to its M */
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133,
			 .maps = 2, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33, .pid = 101);
	fx_end_map(fx, &of_c, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133,
			 .maps = 3, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.mmaps, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.remaps, 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &c, 0, 0);
	fx_unmap(fx, &b, -100, -33);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
}

static void who_moved_u_alone_made_the_buffer(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), c = fx_ring(fx, 2, 0, 33);
	struct fx_call of_a, of_c;

	/* two users: each one's U is its own */
	of_a = fx_begin_map(fx, &a);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 33, 0);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_c, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33, .pid = 102);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1);
}

static void an_aux_area_has_no_rival(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), other = fx_ring(fx, 2, 0, 33);
	struct fx_vma area = fx_aux(fx, 0, 0, 64);
	struct fx_call call;

	fx_map(fx, &ring, 33, 0);
	call = fx_begin_map(fx, &other);
	fx_map(fx, &area, 64, 0);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 1, .kernel_user = 64, .correct_user = 64);
	fx_kernel_maps(fx, &other, 0, 0);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 1);
}

/* It is gone, so a rival that is under way still makes another one. */
static void what_ended_before_its_rival_returned_was_its_own(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma elsewhere = fx_ring(fx, 0, 1, 3);
	struct fx_call of_a, of_b, other;

	other = fx_begin_map(fx, &elsewhere);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending);
	fx_unmap(fx, &a, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .overlaps = 1);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	fx_kernel_maps(fx, &elsewhere, 3, 0);
	fx_end_map(fx, &other, 0);
}

/* Nor is it known of who returned first once another mapping of it was closed. */
static void who_made_it_is_not_told_by_a_close_of_another(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 2, 0, 33);
	struct fx_call of_a, of_b, of_c, other;
	struct fx_vma elsewhere = fx_ring(fx, 0, 1, 3);

	other = fx_begin_map(fx, &elsewhere);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	/* b was first, and is charged on M */
	fx_kernel_maps(fx, &b, 13, 20);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_end_map(fx, &of_a, 0);
	fx_end_map(fx, &of_c, 0);
	fx_unmap(fx, &c, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending);
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 2,
			 .kernel_user = 13, .kernel_mm = 20,
			 .correct_user = 33, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_kernel_maps(fx, &elsewhere, 3, 0);
	fx_end_map(fx, &other, 0);
}

/*
 * Closes that leave it to another
 */

/* The history's fifth: one detaches the event, and neither uncharges. */
static void two_closes_that_each_leave_it_to_the_other_lose_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_call of_a, of_b;

	fx_map(fx, &a, 100, 33);
	fx_map(fx, &b, 0, 0);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_end_unmap(fx, &of_b);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133,
			 .maps = 1, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	a.event->rb = NULL;
	fx_end_unmap(fx, &of_a);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2, .drifts = 1,
			 .overlaps = 1);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_LAST_UNMAP,
			.pages = 133, .correct_user = -100, .correct_mm = -33,
			.cause = PERFMLOCK_LOST_UNCHARGE);
}

static const struct beside_a_loss {
	const char *name;
	long user;	/* of 7 that were charged */
	bool by_other;	/* the last is not by whom it had charged */
	bool seen;	/* that the kernel takes of the mm of who closes */
	bool knows;	/* or that it remembers which it charged */
	bool shared;	/* U is others' too, and the user's own steps have told */
	bool lost;	/* what comes of it */
} beside_a_losses[] = {
	{ .name = "by who was charged", .user = 4, .lost = true },
	{ .name = "by another", .user = 4, .by_other = true, .seen = true,
	  .lost = true },
	{ .name = "by another, of a kernel that may remember", .user = 4,
	  .by_other = true },
	{ .name = "by another, all on M", .by_other = true, .lost = true },
	{ .name = "by another, all on M, of a kernel that remembers",
	  .by_other = true, .knows = true },
	{ .name = "by another, on a shared counter", .user = 4, .by_other = true,
	  .shared = true, .lost = true },
};

static void beside_a_loss_name(const struct beside_a_loss *loss, char *desc)
{
	strscpy(desc, loss->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(beside_a_loss, beside_a_losses, beside_a_loss_name);

/* Who closes had M stand still, and U fell by as much for another. */
static void what_two_leave_to_each_other_no_third_has_taken(struct kunit *test)
{
	const struct beside_a_loss *loss = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 7), b = fx_ring(fx, 1, 0, 7);
	struct fx_vma third = fx_ring(fx, 0, 1, 4), early = fx_ring(fx, 1, 1, 4);
	const struct fx_vma *first = loss->by_other ? &a : &b;
	const struct fx_vma *last = loss->by_other ? &b : &a;
	struct fx_call of_first, of_last;

	if (loss->seen) {
		fx->limit = 2;
		fx_map(fx, &third, 2, 2);
		fx_map(fx, &early, 0, 0);
		fx_unmap(fx, &third, 0, 0);
		fx_unmap(fx, &early, -2, -2);
		KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
	}
	if (loss->knows)
		fx->ledger.model = PERFMLOCK_REFERENCE;
	fx->ledger.exclusive = !loss->shared;
	fx->limit = 4 + loss->user;
	fx_map(fx, &third, 4, 0);
	if (loss->shared) {
		fx_user_row(fx, a.of->user)->model = PERFMLOCK_S5;
		fx_user_row(fx, a.of->user)->rules = BIT(PERFMLOCK_S5);
	}
	fx_map(fx, &a, loss->user, 7 - loss->user);
	fx_map(fx, &b, 0, 0);
	of_first = fx_begin_unmap(fx, first);
	of_last = fx_begin_unmap(fx, last);
	fx_end_unmap(fx, &of_first);
	fx_unmap(fx, &third, -4, 0);
	a.event->rb = NULL;
	fx_end_unmap(fx, &of_last);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.causes[PERFMLOCK_LOST_UNCHARGE],
			loss->lost);
	if (!loss->lost)
		return;
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, a.of->user)->books.kernel, loss->user);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, a.of->mm)->books.kernel,
			7 - loss->user + (loss->seen ? 2 : 0));
}

/* M is moved by io_uring too: of a user who was alone U tells. */
static void who_was_alone_and_had_it_off_u_has_taken_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 7), rival = fx_ring(fx, 2, 0, 7);
	struct fx_call call, close;

	fx->limit = 4;
	fx_map(fx, &ring, 4, 3);
	call = fx_begin_map(fx, &rival);
	close = fx_begin_unmap(fx, &ring);
	fx_kernel_unmaps(&ring, -4, -3);
	ring.of->mm->counter += 3;
	fx_end_unmap(fx, &close);
	fx_end_map(fx, &call, -EINVAL);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	/* by a wrong rule too, whatever that is */
	fx_map(fx, &ring, 4, 3);
	call = fx_begin_map(fx, &rival);
	fx_unmap(fx, &ring, -7, 0);
	fx_end_map(fx, &call, -EINVAL);
	FX_EXPECT_USER(fx, 0, .kernel = -3, .cause = PERFMLOCK_UNEXPLAINED);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/*
 * A close that has the event's mutex still to come keeps a later buffer attached,
 * whose own last close leaves it to that one.
 */
static void a_close_left_open_for_another_close_was_the_end(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a;

	fx_map(fx, &a, 33, 0);
	of_a = fx_begin_unmap(fx, &a);
	a.event->rb = NULL;
	fx_map(fx, &b, 33, 0);
	b.event->maps++;
	fx_unmap(fx, &b, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 33,
			 .kernel_user = 33, .correct_user = 33);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	b.event->maps = 1;
	fx_kernel_unmaps(&a, -33, 0);
	fx_end_unmap(fx, &of_a);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_LAST_UNMAP,
			.pages = 33, .correct_user = -33,
			.cause = PERFMLOCK_LOST_UNCHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.resynced, 0);
}

/*
 * A mapping that nobody saw: the kernel goes on with the buffer, and that is no
 * mistake of its.
 */
static void what_the_event_still_has_is_still_mapped(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);

	fx_map(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33);
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
	fx_unmap(fx, &b, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 2, .resynced = 1,
			 .overlaps = 1);
}

/* Likewise through an event that was led to the same buffer. */
static void what_the_kernel_took_nothing_of_is_still_mapped(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 1, 133);

	fx_map(fx, &a, 100, 33);
	b.event->next_rb = a.event->rb;
	fx_kernel_maps(fx, &b, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 133,
			 .maps = 1, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	fx_unmap(fx, &b, -100, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 2, .resynced = 1,
			 .overlaps = 1, .drifts = 1);
}

/* The later of two closes detaches, and returns first. */
static void two_closes_at_once_uncharge_once(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a, of_b;

	fx_map(fx, &a, 33, 0);
	fx_map(fx, &b, 0, 0);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_unmaps(&b, -33, 0);
	fx_end_unmap(fx, &of_b);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	fx_end_unmap(fx, &of_a);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2,
			 .overlaps = 2);
}

/* The mm of the kernel's last was uncharged, which returns first. */
static void of_two_closes_at_once_the_last_is_whose_m_fell(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_call of_a, of_b;

	fx_map(fx, &a, 100, 33);
	fx_map(fx, &b, 0, 0);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_unmaps(&b, -100, -33);
	fx_end_unmap(fx, &of_b);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_MM(fx, 1, .kernel = -33, .cause = PERFMLOCK_WRONG_MM);
	fx_end_unmap(fx, &of_a);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_MM(fx, 1, .kernel = -33, .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2, .drifts = 1,
			 .overlaps = 1);
}

/* Who maps it still has not unmapped it, whatever has become of another's M. */
static void who_is_not_closing_is_waited_for(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_vma c = fx_ring(fx, 2, 1, 133);
	struct fx_call of_a, of_b;

	fx_map(fx, &a, 100, 33);
	fx_map(fx, &b, 0, 0);
	/* through another event, that writes into the same buffer */
	c.event->next_rb = a.event->rb;
	fx_map(fx, &c, 0, 0);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_unmaps(&b, 0, -33);
	fx_end_unmap(fx, &of_b);
	fx_end_unmap(fx, &of_a);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, c.event->rb), .pages = 133,
			 .maps = 1, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
}

/* Likewise the last of an AUX area, beside another close of it. */
static void of_two_closes_of_an_area_the_last_is_whose_m_fell(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), a = fx_aux(fx, 0, 0, 64);
	struct fx_vma b = fx_aux(fx, 1, 0, 64);
	struct fx_call of_a, of_b;

	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &a, 0, 64);
	fx_map(fx, &b, 0, 0);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_unmaps(&b, 0, -64);
	fx_end_unmap(fx, &of_b);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 133,
			 .maps = 2, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	KUNIT_EXPECT_NULL(test, fx_area(fx, ring.event->rb));
	FX_EXPECT_MM(fx, 0, .kernel = 97, .correct = 33, .buffers = 1,
		     .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_MM(fx, 1, .kernel = -64, .cause = PERFMLOCK_WRONG_MM);
	fx_end_unmap(fx, &of_a);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 133,
			 .maps = 1, .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	fx_unmap(fx, &ring, -100, -33);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 64, .cause = PERFMLOCK_WRONG_MM);
}

/* The area is mapped by one more, who is not closing it. */
static void who_is_not_closing_an_area_is_waited_for(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), a = fx_aux(fx, 0, 0, 64);
	struct fx_vma b = fx_aux(fx, 1, 0, 64), c = fx_aux(fx, 2, 0, 64);
	struct fx_call of_a, of_b;

	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &a, 0, 64);
	fx_map(fx, &b, 0, 0);
	fx_map(fx, &c, 0, 0);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, 0, -64);
	fx_end_unmap(fx, &of_b);
	fx_end_unmap(fx, &of_a);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 64,
			 .maps = 1, .kernel_mm = 64, .correct_mm = 64);
}

/* And the last of all of it. */
static void of_closes_of_both_parts_the_last_is_whose_m_fell(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), a = fx_aux(fx, 0, 0, 64);
	struct fx_vma b = fx_aux(fx, 1, 0, 64);
	struct fx_call of_ring, of_a, of_b;

	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &a, 0, 64);
	fx_map(fx, &b, 0, 0);
	of_ring = fx_begin_unmap(fx, &ring);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&ring, 0, 0);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_unmaps(&b, -100, -97);
	fx_end_unmap(fx, &of_b);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 97, .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_MM(fx, 1, .kernel = -97, .cause = PERFMLOCK_WRONG_MM);
	fx_end_unmap(fx, &of_a);
	fx_end_unmap(fx, &of_ring);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 1, .closes = 3, .drifts = 2,
			 .overlaps = 1);
}

static void a_close_left_open_for_a_map_that_fails_was_the_end(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 2, 0, 133);
	struct fx_call map, close;

	fx_map(fx, &a, 100, 33);
	map = fx_begin_map(fx, &b);
	close = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &close);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133,
			 .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	/* it made way for a new one, which was over the limit */
	a.event->rb = NULL;
	fx_end_map(fx, &map, -EPERM);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .other_eperm = 1,
			 .drifts = 1);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_LAST_UNMAP,
			.pages = 133, .correct_user = -100, .correct_mm = -33,
			.cause = PERFMLOCK_LOST_UNCHARGE);
}

static const struct last_to_fail {
	const char *name;
	unsigned int by;	/* a process: the first's user is the second's */
	bool same_mm;
	bool shared;		/* U is others' too */
	bool third;		/* one is under way that fails after it */
	bool on_m;		/* a part is on M: then that tells */
	bool lost;		/* it did not map it, and the kernel did not uncharge */
} last_to_fail[] = {
	{ .name = "by the user", .by = 1 },
	{ .name = "by the process", .by = 1, .same_mm = true, .on_m = true },
	{ .name = "by the process, all on U", .by = 1, .same_mm = true },
	{ .name = "by another user", .by = 2, .on_m = true },
	{ .name = "of a shared counter", .by = 1, .shared = true },
	{ .name = "by another user, of a shared counter", .by = 2, .shared = true },
	{ .name = "before a third", .by = 1, .third = true },
	{ .name = "before a third, of a shared counter", .by = 2, .shared = true,
	  .third = true },
	{ .name = "lost beside the user", .by = 1, .lost = true },
	{ .name = "lost beside another user", .by = 2, .lost = true },
	{ .name = "lost, and not all on U", .by = 1, .on_m = true, .lost = true },
	{ .name = "lost, of a shared counter", .by = 1, .shared = true,
	  .lost = true },
	{ .name = "lost beside another user, of a shared counter", .by = 2,
	  .shared = true, .lost = true },
	{ .name = "lost before a third", .by = 2, .third = true, .lost = true },
};

static void last_to_fail_name(const struct last_to_fail *last, char *desc)
{
	strscpy(desc, last->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(last_to_fail, last_to_fail, last_to_fail_name);

/* Since f74b9f4ba63f: it had mapped it too, and uncharges; or never, and it is lost. */
static void what_one_that_fails_late_has_ended_u_tells(struct kunit *test)
{
	const struct last_to_fail *last = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, last->by, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33), later = fx_ring(fx, 0, 1, 3);
	struct fx_call of_b, of_c = {};
	long on_m = last->on_m ? 3 : 0, on_u = 33 - on_m;
	/* lost, or taken off the mm of who failed */
	bool stays_on_m = on_m && (last->lost || !last->same_mm);
	struct perfmlock_books books = {
		.kernel = last->lost ? on_u : 0,
		.cause = last->lost ? PERFMLOCK_LOST_UNCHARGE :
				      PERFMLOCK_NO_CAUSE,
	};

	fx->ledger.exclusive = !last->shared;
	fx->limit = on_u;
	if (last->same_mm)
		b.of->mm = a.of->mm;
	fx_map(fx, &a, on_u, on_m);
	of_b = fx_begin_map(fx, &b);
	if (!last->lost)
		fx_kernel_maps(fx, &b, 0, 0);
	if (last->third)
		of_c = fx_begin_map(fx, &c);
	if (last->lost) {
		/* it is found going, and makes way for one that cannot be had */
		fx_kernel_maps(fx, &b, 0, 0);
		fx_unmap(fx, &a, 0, 0);
		b.event->maps = 0;
		b.event->rb = NULL;
	} else {
		fx_unmap(fx, &a, 0, 0);
		fx_kernel_unmaps(&b, -on_u, -on_m);
	}
	fx_end_map(fx, &of_b, -ENOMEM);
	if (last->third)
		fx_end_map(fx, &of_c, -EINVAL);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, stays_on_m);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, last->lost && !on_m);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &books);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->books.kernel,
			stays_on_m ? on_m : 0);
	/* and nobody's are foreign */
	fx->limit = 100;
	fx_map(fx, &later, 3, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->foreign, 0);
	books.kernel += 3;
	books.correct = 3;
	books.buffers = 1;
	fx_expect_user(fx, FX_HERE, &fx->users[0], &books);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* It mapped it as well, and was not the last: what comes later is what it seems. */
static void what_one_that_fails_has_not_ended_can_be_lost_still(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 2, 0, 33);
	struct fx_call of_b, of_c;

	fx_map(fx, &a, 33, 0);
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_end_map(fx, &of_b, -ENOMEM);
	fx_end_map(fx, &of_c, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33, .pid = 100);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_unmap(fx, &c, 0, 0);
	c.event->maps = 0;
	c.event->rb = NULL;
	fx_end_map(fx, &of_b, -EPERM);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/* Likewise where it was mapped before anybody saw it. */
static void what_is_mapped_unseen_no_failure_has_ended(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 2, 0, 33);
	struct fx_call of_b, of_c;

	fx_map(fx, &a, 33, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	fx_unmap(fx, &a, 0, 0);
	fx_end_map(fx, &of_b, -ENOMEM);
	/* the event has it, so it is mapped */
	fx_end_map(fx, &of_c, -EPERM);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.resynced, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Who made it fails late, and a third is under way still: it was not the second's. */
static void what_one_that_fails_had_made_is_not_who_met_its(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 2, 0, 33), b = fx_ring(fx, 0, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_c;

	of_a = fx_begin_map(fx, &a);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_map(fx, &b, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, b.event->rb)->pending ==
				PERFMLOCK_NOT_FIRST);
	fx_kernel_unmaps(&a, 0, 0);
	fx_end_map(fx, &of_a, -ENOMEM);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, b.event->rb)->pending ==
				PERFMLOCK_UNSEEN_FIRST);
	fx_unmap(fx, &b, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	fx_end_map(fx, &of_c, -EINVAL);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.mmaps, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Likewise where that is before anybody returns with it, whatever the third does. */
static void what_one_that_failed_has_made_is_nobodys(struct kunit *test)
{
	static const int returns[] = { -EPERM, 0 };
	struct fx *fx = test->priv;
	struct fx_vma a, b, c;
	struct fx_call of_a, of_b, of_c;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(returns); i++) {
		a = fx_ring(fx, 2, i, 33);
		b = fx_ring(fx, 0, i, 33);
		c = fx_ring(fx, 3, i, 33);
		of_c = fx_begin_map(fx, &c);
		of_a = fx_begin_map(fx, &a);
		fx_kernel_maps(fx, &a, 33, 0);
		of_b = fx_begin_map(fx, &b);
		fx_kernel_maps(fx, &b, 0, 0);
		if (!returns[i])
			fx_kernel_maps(fx, &c, 0, 0);
		fx_kernel_unmaps(&a, 0, 0);
		fx_end_map(fx, &of_a, -ENOMEM);
		fx_end_map(fx, &of_b, 0);
		KUNIT_EXPECT_TRUE(test, fx_buffer(fx, b.event->rb)->pending ==
					PERFMLOCK_NOT_FIRST);
		fx_end_map(fx, &of_c, returns[i]);
		KUNIT_EXPECT_TRUE(test, fx_buffer(fx, b.event->rb)->adopted);
	}
	FX_EXPECT_USER(fx, 0, .kernel = 0, .buffers = 2);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	FX_EXPECT_USER(fx, 2, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.mmaps, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Of what was there already nothing of his may stay (v6.14 to v6.16). */
static void what_one_that_fails_leaves_is_told_beside_others(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33);
	struct fx_call of_c;

	fx_map(fx, &a, 33, 0);
	of_c = fx_begin_map(fx, &c);
	fx_fail(fx, &b, -ENOMEM, 33, 0);
	fx_end_map(fx, &of_c, -EINVAL);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
	/* nor where it began before that, and who made it is known */
	fx_unmap(fx, &a, -33, 0);
	of_c = fx_begin_map(fx, &b);
	fx_map(fx, &a, 33, 0);
	b.of->user->counter += 33;
	fx_end_map(fx, &of_c, -ENOMEM);
	FX_EXPECT_USER(fx, 1, .kernel = 66, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 2);
}

/*
 * Who did not make it closes it, for his user as it seems, and meanwhile another user's
 * call tells by M that it has: what that close does to his U is inferred.
 */
static void what_is_closed_as_anothers_is_its_makers(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 2, 0, 133), b = fx_ring(fx, 0, 0, 133);
	struct fx_vma mine = fx_ring(fx, 2, 2, 1);
	struct fx_call of_a, of_mine, close;

	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 100, 33);
	fx_map(fx, &b, 0, 0);
	close = fx_begin_unmap(fx, &b);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133, .maps = 2,
			 .kernel_user = 100, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33, .pid = 102);
	fx_unmap(fx, &a, 0, 0);
	/* the maker goes on, and meanwhile it is uncharged */
	of_mine = fx_begin_map(fx, &mine);
	fx_kernel_unmaps(&b, -100, -33);
	fx_kernel_maps(fx, &mine, 1, 0);
	fx_end_map(fx, &of_mine, 0);
	fx_end_unmap(fx, &close);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 1, .correct = 1, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .kernel = -33, .cause = PERFMLOCK_WRONG_MM);
	FX_EXPECT_MM(fx, 2, .kernel = 33, .buffers = 1,
		     .cause = PERFMLOCK_WRONG_MM);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* A kernel that remembers whose M it charged leaves the closer's alone. */
static void what_is_closed_as_anothers_goes_off_its_makers_mm(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 2, 0, 133), b = fx_ring(fx, 0, 0, 133);
	struct fx_call of_a, close;

	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 100, 33);
	fx_map(fx, &b, 0, 0);
	close = fx_begin_unmap(fx, &b);
	fx_end_map(fx, &of_a, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_kernel_unmaps(&b, -100, 0);
	a.of->mm->counter -= 33;
	fx_end_unmap(fx, &close);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[2])->books.kernel, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* And an area on it, of which nothing was measured either, has ended unseen. */
static void what_is_closed_as_anothers_has_its_area_end_unseen(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 2, 0, 133), b = fx_ring(fx, 0, 0, 133);
	struct fx_vma area = fx_aux(fx, 0, 0, 4);
	struct fx_call of_a, close;

	fx->limit = 1000;
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 100, 33);
	fx_map(fx, &b, 0, 0);
	fx_map(fx, &area, 4, 0);
	close = fx_begin_unmap(fx, &area);
	fx_end_map(fx, &of_a, 0);
	fx_kernel_unmaps(&area, -4, 0);
	fx_end_unmap(fx, &close);
	KUNIT_EXPECT_PTR_EQ(test, fx_buffer(fx, a.event->rb)->aux, NULL);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 0);
	fx_unmap(fx, &b, 0, 0);
	fx_unmap(fx, &a, -100, -33);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
}

/* Who returned first is thought to have made it, and was charged. */
static void what_is_pending_and_lost_was_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_call of_a, of_b;

	of_b = fx_begin_map(fx, &b);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_MAYBE_FIRST);
	of_a = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &of_a);
	/* it made way for a new one, which was over the limit */
	a.event->rb = NULL;
	fx_end_map(fx, &of_b, -EPERM);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_LAST_UNMAP,
			.pages = 33, .correct_user = -33,
			.cause = PERFMLOCK_LOST_UNCHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/*
 * It met a buffer that went, and its own is at the same address: with nobody else who can
 * have made it, it has.
 */
static void who_met_another_at_its_address_made_it(struct kunit *test)
{
	static const long uncharged[] = { -33, 0 };
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_vma rival = fx_ring(fx, 3, 0, 33);
	struct fx_call call, of_rival, close;
	unsigned int i;

	rival.of->user = &fx->users[0];
	for (i = 0; i < ARRAY_SIZE(uncharged); i++) {
		of_rival = fx_begin_map(fx, &rival);
		fx_map(fx, &old, 33, 0);
		close = fx_begin_unmap(fx, &old);
		call = fx_begin_map(fx, &ring);
		ring.event->next_rb = ring.event->rb;
		fx_kernel_unmaps(&old, -33, 0);
		fx_end_unmap(fx, &close);
		fx_kernel_maps(fx, &ring, 33, 0);
		fx_end_map(fx, &call, 0);
		ring.event->next_rb = NULL;
		KUNIT_EXPECT_TRUE(test, fx_buffer(fx, ring.event->rb)->pending ==
					PERFMLOCK_NOT_FIRST);
		fx_unmap(fx, &ring, uncharged[i], 0);
		fx_end_map(fx, &of_rival, -EINVAL);
		KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
		KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel,
				33 + uncharged[i]);
		KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->foreign, 0);
	}
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.mmaps, 4);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.unproven_pages, 0);
}

/*
 * A close that ends the AUX area and all, beside a mapping by another user, who gets a
 * buffer of his own: the area is uncharged, and the data's uncharge is lost.
 */
static const struct left_data {
	const char *name;
	long user, mm;		/* of the data, and of the AUX area's 64 pages */
	long aux_user, aux_mm;
	bool beside;		/* another call of the user */
	unsigned int drifts;
} left_datas[] = {
	{ "all on U", 33, 0, 64, 0, false, 1 },
	{ "the area on M", 100, 0, 0, 64, false, 1 },
	{ "both on M", 100, 33, 0, 64, false, 1 },
	{ "both on M, beside another call", 100, 33, 0, 64, true, 1 },
	{ "all on U, beside another call", 33, 0, 64, 0, true, 0 },
};

static void left_data_name(const struct left_data *left, char *desc)
{
	strscpy(desc, left->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(left_data, left_datas, left_data_name);

static void data_left_behind_its_area_is_lost(struct kunit *test)
{
	const struct left_data *left = test->param_value;
	long pages = left->user + left->mm;
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, pages), area = fx_aux(fx, 0, 0, 64);
	struct fx_vma b = fx_ring(fx, 2, 0, pages), c = fx_ring(fx, 1, 1, 1);
	const struct perfmlock_books after = {
		.kernel = left->user,
		.cause = PERFMLOCK_LOST_UNCHARGE,
	};
	const struct perfmlock_drifting drift = {
		.id = 1,
		.step = PERFMLOCK_LAST_UNMAP,
		.pages = pages,
		.correct_user = -left->user,
		.correct_mm = -left->mm,
		.cause = PERFMLOCK_LOST_UNCHARGE,
	};
	struct fx_call map, close, other;

	fx_map(fx, &a, left->user, left->mm);
	fx_map(fx, &area, left->aux_user, left->aux_mm);
	fx_unmap(fx, &a, 0, 0);
	if (left->beside)
		other = fx_begin_map(fx, &c);
	close = fx_begin_unmap(fx, &area);
	map = fx_begin_map(fx, &b);
	fx_kernel_unmaps(&area, -left->aux_user, -left->aux_mm);
	fx_kernel_maps(fx, &b, 100 < pages ? 100 : pages, 100 < pages ? pages - 100 : 0);
	fx_end_map(fx, &map, 0);
	fx_end_unmap(fx, &close);
	if (left->beside)
		fx_end_map(fx, &other, -ENOMEM);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &after);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, left->drifts);
	if (left->drifts)
		fx_expect_drift(fx, FX_HERE, 0, &drift);
}

/* Beside other calls no U was seen of which the rule makes what it did. */
static void what_is_made_of_an_unseen_u_is_inherited(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), gone = fx_ring(fx, 0, 3, 1);
	struct fx_vma big = fx_ring(fx, 1, 1, 100), one = fx_ring(fx, 0, 2, 1);
	struct fx_call map, other;

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &gone, 1, 0);
	/* U is at 67 before and after, and it met 68 */
	map = fx_begin_map(fx, &big);
	other = fx_begin_map(fx, &one);
	fx_kernel_maps(fx, &one, 1, 0);
	fx_kernel_maps(fx, &big, 32, 68);
	fx_unmap(fx, &gone, -1, 0);
	fx_end_map(fx, &map, 0);
	FX_EXPECT_DRIFT(fx, 0, .id = 3, .step = PERFMLOCK_MAP, .pages = 100,
			.kernel_user = 32, .kernel_mm = 68, .correct_user = 67,
			.correct_mm = 33, .cause = PERFMLOCK_REMAP_CHARGE,
			.inherited = true);
	fx_end_map(fx, &other, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 99, .correct = 101, .buffers = 3,
		       .cause = PERFMLOCK_REMAP_CHARGE);
}

/* What may have been charged for a pending buffer was there for others to meet. */
static void a_map_may_have_met_what_is_pending(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 0, 2, 90), beside = fx_ring(fx, 1, 1, 1);
	struct fx_call of_a, of_b, other;

	other = fx_begin_map(fx, &beside);
	of_b = fx_begin_map(fx, &b);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_MAYBE_FIRST);
	fx_map(fx, &c, 67, 23);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	fx_end_map(fx, &other, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .correct = 100, .buffers = 2);
	FX_EXPECT_MM(fx, 0, .kernel = 23, .correct = 23, .buffers = 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Of another size, for one: then the event keeps what it has. */
static void a_close_left_open_for_a_map_that_changes_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 65);
	struct fx_call map, close;

	fx_map(fx, &a, 33, 0);
	map = fx_begin_map(fx, &b);
	close = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &close);
	fx_end_map(fx, &map, -EINVAL);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .failed = 1,
			 .resynced = 1);
}

static void a_close_left_open_for_a_map_that_returns_was_not(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_call map;

	fx_map(fx, &a, 33, 0);
	map = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_end_map(fx, &map, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33);
	fx_unmap(fx, &b, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 2);
}

static void a_close_is_not_left_open_for_another_events_map(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 1, 33);
	struct fx_call map, close;

	fx_map(fx, &a, 33, 0);
	map = fx_begin_map(fx, &b);
	close = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &close);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .resynced = 1);
	fx_end_map(fx, &map, -ENOMEM);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
}

static void a_close_left_open_for_two_waits_for_the_second(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33);
	struct fx_call of_b, of_c, close;

	fx_map(fx, &a, 33, 0);
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	close = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &close);
	fx_end_map(fx, &of_b, -EPERM);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	a.event->rb = NULL;
	fx_end_map(fx, &of_c, -EPERM);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
}

/* A mapper that came back with another buffer cannot return with the old. */
static void a_close_left_open_is_the_end_when_the_event_moved_on(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_call map, close;

	fx_map(fx, &a, 33, 0);
	map = fx_begin_map(fx, &b);
	close = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &close);
	a.event->maps = 0;
	a.event->rb = NULL;
	fx_kernel_maps(fx, &b, 33, 0);
	fx_end_map(fx, &map, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 1, .drifts = 1);
}

static void a_close_left_open_is_the_end_when_its_address_is_anothers(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 0, 1, 33);
	struct fx_call map, close;

	fx_map(fx, &a, 33, 0);
	c.event->next_rb = a.event->rb;
	map = fx_begin_map(fx, &b);
	close = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &close);
	a.event->maps = 0;
	a.event->rb = NULL;
	fx_map(fx, &c, 33, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, c.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33);
	fx_end_map(fx, &map, -EINVAL);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 33, .buffers = 1,
		       .cause = PERFMLOCK_LOST_UNCHARGE);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
}

/*
 * A counter that others share
 */

static void a_strange_change_of_a_shared_counter_is_the_others(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 20);

	fx->ledger.exclusive = false;
	fx_map(fx, &a, 33, 0);
	/* BPF charges 40 while this one maps */
	fx_map(fx, &b, 60, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 20, .maps = 1,
			 .kernel_user = 20, .correct_user = 20);
	FX_EXPECT_USER(fx, 0, .kernel = 53, .correct = 53, .buffers = 2);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .disturbed = 1);
	fx_unmap(fx, &a, -33, 0);
	/* and gives them back while it unmaps */
	fx_unmap(fx, &b, -60, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .disturbed = 2);
}

static void a_change_that_some_rule_makes_is_the_kernels(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx->ledger.exclusive = false;
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 0, 0);
	fx_map(fx, &ring, 33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 33, .buffers = 1,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 2, .drifts = 1);
}

/* However often: they may be at it all the time. */
static void what_no_rule_explains_on_a_shared_counter_is_the_others(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 33);

	fx->ledger.exclusive = false;
	fx_map(fx, &a, 30, 0);
	fx_map(fx, &b, 30, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 66, .buffers = 2);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .disturbed = 2);
	fx_unmap(fx, &a, -30, 0);
	fx_map(fx, &a, 33, 0);
	fx_unmap(fx, &b, -30, 0);
	fx_map(fx, &b, 30, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 66, .buffers = 2);
	FX_EXPECT_TOTALS(fx, .mmaps = 4, .closes = 2, .disturbed = 5);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* Of 20 on top of 90 under a limit of 100 S0 and S0c make 20 and 10. */
static void what_a_step_tells_of_the_rules_is_counted(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 20);

	fx->users[0].counter = 90;
	fx_map(fx, &ring, 10, 10);
	KUNIT_EXPECT_EQ(test, fx->ledger.observed, 0);
	expect_verdicts(fx, "S5", 1, 0);
	expect_verdicts(fx, "S4", 1, 0);
	expect_verdicts(fx, "S0", 0, 1);
	expect_verdicts(fx, "S0c", 0, 1);
	fx_unmap(fx, &ring, -10, -10);
	KUNIT_EXPECT_EQ(test, fx->ledger.observed, 0);
	expect_verdicts(fx, "S5", 2, 0);
	expect_verdicts(fx, "S0", 0, 2);
	/* of rules that explain as much, the one of most kernels */
	KUNIT_EXPECT_STREQ(test, model_name(fx), "S5");
}

static int booking_plan(struct kunit_suite *suite)
{
	FX_PLAN("booking", a_ring_lives_and_leaves_nothing, lives);
	FX_PLAN("booking", every_way_comes_to_the_same_books, ways);
	FX_PLAN("booking", an_aux_area_goes_before_its_data, aux_ends);
	FX_PLAN("booking", a_refusal_is_remembered_with_its_whole_sum, refusals);
	FX_PLAN("booking", a_remap_beside_another_call_is_settled,
		remap_settlings);
	FX_PLAN("booking", two_unmaps_beside_another_call_are_settled,
		unmap_settlings);
	return 0;
}

/* On a kernel that charges re-maps: they are not given back. */
static void what_leaked_of_an_adopted_buffers_area_stays(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 2), area = fx_aux(fx, 0, 0, 4);
	const struct fx_vma *const met[] = { &ring, NULL };

	fx->ledger.model = PERFMLOCK_S6;
	fx_kernel_maps(fx, &ring, 2, 0);
	fx_sweep(fx, met);
	fx_map(fx, &area, 4, 0);
	fx_map(fx, &area, 4, 0);
	fx_unmap(fx, &area, 0, 0);
	fx_unmap(fx, &area, -4, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 4);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.correct, 0);
}

/* Who made it fails, and a close of it is under way: nobody knows what it was charged. */
static void what_becomes_adopted_in_a_close_is_nobodys(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma failing = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_vma area = fx_aux(fx, 2, 0, 4), other = fx_ring(fx, 2, 1, 1);
	struct fx_vma of_mine = fx_ring(fx, 0, 2, 1);
	struct fx_call of_a, of_b, close, beside, mine;

	of_a = fx_begin_map(fx, &failing);
	fx_kernel_maps(fx, &failing, 33, 0);
	of_b = fx_begin_map(fx, &ring);
	fx_kernel_maps(fx, &ring, 0, 0);
	fx_end_map(fx, &of_b, 0);
	fx_map(fx, &area, 4, 0);
	close = fx_begin_unmap(fx, &area);
	/* what it has mapped it closes itself */
	fx_kernel_unmaps(&failing, 0, 0);
	fx_end_map(fx, &of_a, -ENOMEM);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, ring.event->rb)->adopted);
	mine = fx_begin_map(fx, &of_mine);
	beside = fx_begin_map(fx, &other);
	KUNIT_EXPECT_FALSE(test, fx_is_sure(fx, &fx->users[0]));
	KUNIT_EXPECT_TRUE(test, fx_is_sure(fx, &fx->users[1]));
	fx_kernel_unmaps(&area, -4, 0);
	fx_end_unmap(fx, &close);
	/* whose the area's pages were on U is not known, nor who has them back */
	KUNIT_EXPECT_FALSE(test, fx_is_sure(fx, &fx->users[0]));
	KUNIT_EXPECT_FALSE(test, fx_is_sure(fx, &fx->users[1]));
	fx_end_map(fx, &beside, -EINVAL);
	fx_unmap(fx, &ring, -33, 0);
	fx_end_map(fx, &mine, -EINVAL);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
}

/* Of calls beside each other any order is right: of the one that is booked first too. */
static void who_was_charged_after_one_under_way_is_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 1, 100);
	struct fx_call of_a, of_b;

	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 100, 0);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 0, 33);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_mm = 33, .correct_mm = 33);
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 100, .maps = 1,
			 .kernel_user = 100, .correct_user = 100, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* And the same by a limit that was lowered before the kernel looked. */
static void beside_others_a_limit_may_have_moved_first(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 1, 40);
	struct fx_call of_a, of_b;

	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 40, 0);
	of_a = fx_begin_map(fx, &a);
	fx->limit = 50;
	fx_kernel_maps(fx, &a, 10, 23);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 1,
			 .kernel_user = 10, .kernel_mm = 23, .correct_user = 10,
			 .correct_mm = 23);
	fx_end_map(fx, &of_b, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* One of its mappings was missed, both are being closed, and the next area has come. */
static void an_area_that_is_being_closed_takes_its_mapping_along(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3), old = fx_aux(fx, 0, 0, 4);
	struct fx_vma area = fx_aux(fx, 1, 0, 8);
	struct fx_call closes[2];

	fx_map(fx, &ring, 3, 0);
	fx_map(fx, &old, 4, 0);
	fx_kernel_maps(fx, &old, 0, 0);
	closes[0] = fx_begin_unmap(fx, &old);
	fx_kernel_unmaps(&old, 0, 0);
	closes[1] = fx_begin_unmap(fx, &old);
	fx_kernel_unmaps(&old, -4, 0);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 2);
	fx_map(fx, &area, 8, 0);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, ring.event->rb)->maps, 3);
	fx_end_unmap(fx, &closes[0]);
	fx_end_unmap(fx, &closes[1]);
	KUNIT_EXPECT_EQ(test, fx_area(fx, ring.event->rb)->maps, 1);
}

/* The kernel frees a ring, and makes the same event's next one at its address. */
static void the_next_ring_of_an_event_may_have_the_olds_address(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 33), ring = fx_ring(fx, 1, 0, 33);
	struct fx_call close;
	const void *rb;

	fx_map(fx, &old, 33, 0);
	rb = old.event->rb;
	close = fx_begin_unmap(fx, &old);
	fx_kernel_unmaps(&old, -33, 0);
	ring.event->next_rb = rb;
	fx_map(fx, &ring, 33, 0);
	KUNIT_EXPECT_PTR_EQ(test, ring.event->rb, rb);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 2);
	fx_end_unmap(fx, &close);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, rb), .pages = 33, .maps = 1,
			 .kernel_user = 33, .correct_user = 33, .pid = 101);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.resynced, 0);
}

static struct kunit_case booking_cases[] = {
	KUNIT_CASE_PARAM(a_ring_lives_and_leaves_nothing, life_gen_params),
	KUNIT_CASE_PARAM(every_way_comes_to_the_same_books, way_gen_params),
	KUNIT_CASE(what_others_charged_meanwhile_is_free_for_nobody),
	KUNIT_CASE(what_fits_by_the_kernels_sum_need_not_by_the_books),
	KUNIT_CASE(the_limit_may_move_during_a_call),
	KUNIT_CASE(the_limit_may_move_beside_others),
	KUNIT_CASE(a_charge_by_no_limit_is_a_drift),
	KUNIT_CASE(who_passes_by_privilege_is_counted),
	KUNIT_CASE_PARAM(an_aux_area_goes_before_its_data, aux_end_gen_params),
	KUNIT_CASE(an_aux_area_goes_last_and_takes_its_data_along),
	KUNIT_CASE(each_part_gives_back_its_own_when_both_end_at_once),
	KUNIT_CASE(an_aux_area_mapped_twice_goes_with_its_second_unmap),
	KUNIT_CASE(an_aux_area_of_another_user_is_taken_from_the_datas),
	KUNIT_CASE(an_adopted_aux_area_on_seen_data_leaves_kernel_alone),
	KUNIT_CASE(an_adopted_aux_area_takes_seen_data_along),
	KUNIT_CASE(a_seen_aux_area_on_adopted_data_goes_as_it_was_charged),
	KUNIT_CASE(a_remap_charges_nothing),
	KUNIT_CASE(a_remap_that_charged_is_a_drift_and_tells_the_kernel),
	KUNIT_CASE(a_leak_eats_the_limit_cycle_by_cycle),
	KUNIT_CASE(what_the_kernels_rule_does_not_make_is_not_inherited),
	KUNIT_CASE(an_opened_mapping_is_one_more),
	KUNIT_CASE(who_unmaps_last_gets_what_another_was_charged),
	KUNIT_CASE(wrong_mm_is_told_of_both_parts),
	KUNIT_CASE(a_limit_lowered_below_u_makes_the_users_part_negative),
	KUNIT_CASE_PARAM(a_refusal_is_remembered_with_its_whole_sum,
			 refusal_gen_params),
	KUNIT_CASE(who_is_refused_for_a_leak_is_refused_wrongly),
	KUNIT_CASE(the_explosion_refuses_the_fifth_ring),
	KUNIT_CASE(others_pages_explode_on_the_mm),
	KUNIT_CASE(the_remedy_is_that_of_the_rule_that_refused),
	KUNIT_CASE(a_refusal_knows_what_a_restart_would_meet),
	KUNIT_CASE(what_may_stay_is_not_given_back_by_a_restart),
	KUNIT_CASE(what_another_mm_gave_back_is_on_no_u),
	KUNIT_CASE(a_rule_that_was_ruled_out_refuses_nobody),
	KUNIT_CASE(an_eperm_for_another_reason_is_counted_alone),
	KUNIT_CASE(a_call_that_took_the_room_meanwhile_explains_a_refusal),
	KUNIT_CASE(a_call_that_takes_the_room_explains_a_refusal),
	KUNIT_CASE(a_call_that_takes_the_room_of_a_shared_counter),
	KUNIT_CASE(what_came_and_went_meanwhile_explains_a_refusal),
	KUNIT_CASE(limits_lowered_meanwhile_explain_a_refusal),
	KUNIT_CASE(who_was_refused_beside_an_unmap_met_what_it_gave_back),
	KUNIT_CASE(a_map_that_failed_is_counted_alone),
	KUNIT_CASE(what_a_failed_map_left_behind_is_booked),
	KUNIT_CASE(a_remap_that_failed_late_stays_charged),
	KUNIT_CASE(a_close_within_a_map_is_a_part_of_it),
	KUNIT_CASE(two_at_once_are_right_in_the_order_of_the_kernel),
	KUNIT_CASE(two_that_saw_the_same_u_are_both_right),
	KUNIT_CASE(two_that_saw_the_same_rest_are_both_right),
	KUNIT_CASE(what_a_close_freed_meanwhile_may_have_been_met_or_not),
	KUNIT_CASE(what_an_area_freed_meanwhile_may_have_been_met),
	KUNIT_CASE(beyond_what_any_order_gives_is_a_drift),
	KUNIT_CASE(two_users_do_not_disturb_each_other),
	KUNIT_CASE(beside_an_unknown_close_u_is_inferred_and_not_settled),
	KUNIT_CASE(after_missed_calls_nothing_is_settled),
	KUNIT_CASE_PARAM(a_remap_beside_another_call_is_settled,
			 remap_settling_gen_params),
	KUNIT_CASE_PARAM(two_unmaps_beside_another_call_are_settled,
			 unmap_settling_gen_params),
	KUNIT_CASE(what_is_left_without_a_rival_is_others),
	KUNIT_CASE(unmaps_of_two_sizes_are_told_apart),
	KUNIT_CASE(settling_names_no_cause_where_there_is_one),
	KUNIT_CASE(an_earlier_overlap_is_settled_for_good),
	KUNIT_CASE(who_returns_first_need_not_be_the_first),
	KUNIT_CASE(of_two_users_he_made_it_whose_u_has_moved),
	KUNIT_CASE(of_two_users_he_did_not_make_it_whose_u_has_not_moved),
	KUNIT_CASE(where_nothing_tells_the_first_to_return_made_it),
	KUNIT_CASE(the_second_of_two_charges_on_a_kernel_that_charges_remaps),
	KUNIT_CASE(who_met_the_buffer_did_not_make_it),
	KUNIT_CASE(when_the_rival_fails_who_returned_was_the_first),
	KUNIT_CASE(when_the_maker_fails_late_the_buffer_is_adopted),
	KUNIT_CASE(what_a_maker_that_fails_gives_back_is_not_lost),
	KUNIT_CASE(what_another_user_may_have_made_is_not_lost),
	KUNIT_CASE(a_first_map_that_is_closed_before_its_rival_returns_was_one),
	KUNIT_CASE(of_three_at_once_the_one_whose_m_moved_is_the_first),
	KUNIT_CASE(who_moved_u_alone_made_the_buffer),
	KUNIT_CASE(what_ended_before_its_rival_returned_was_its_own),
	KUNIT_CASE(who_made_it_is_not_told_by_a_close_of_another),
	KUNIT_CASE(an_aux_area_has_no_rival),
	KUNIT_CASE(two_closes_that_each_leave_it_to_the_other_lose_it),
	KUNIT_CASE_PARAM(what_two_leave_to_each_other_no_third_has_taken,
			 beside_a_loss_gen_params),
	KUNIT_CASE(who_was_alone_and_had_it_off_u_has_taken_it),
	KUNIT_CASE(a_close_left_open_for_another_close_was_the_end),
	KUNIT_CASE(what_the_event_still_has_is_still_mapped),
	KUNIT_CASE(what_the_kernel_took_nothing_of_is_still_mapped),
	KUNIT_CASE(two_closes_at_once_uncharge_once),
	KUNIT_CASE(of_two_closes_at_once_the_last_is_whose_m_fell),
	KUNIT_CASE(who_is_not_closing_is_waited_for),
	KUNIT_CASE(of_two_closes_of_an_area_the_last_is_whose_m_fell),
	KUNIT_CASE(who_is_not_closing_an_area_is_waited_for),
	KUNIT_CASE(of_closes_of_both_parts_the_last_is_whose_m_fell),
	KUNIT_CASE(a_close_left_open_for_a_map_that_fails_was_the_end),
	KUNIT_CASE_PARAM(what_one_that_fails_late_has_ended_u_tells,
			 last_to_fail_gen_params),
	KUNIT_CASE(what_one_that_fails_has_not_ended_can_be_lost_still),
	KUNIT_CASE(what_is_mapped_unseen_no_failure_has_ended),
	KUNIT_CASE(what_one_that_fails_had_made_is_not_who_met_its),
	KUNIT_CASE(what_one_that_failed_has_made_is_nobodys),
	KUNIT_CASE(what_one_that_fails_leaves_is_told_beside_others),
	KUNIT_CASE(what_is_closed_as_anothers_is_its_makers),
	KUNIT_CASE(what_is_closed_as_anothers_goes_off_its_makers_mm),
	KUNIT_CASE(what_is_closed_as_anothers_has_its_area_end_unseen),
	KUNIT_CASE(what_is_pending_and_lost_was_charged),
	KUNIT_CASE(who_met_another_at_its_address_made_it),
	KUNIT_CASE_PARAM(data_left_behind_its_area_is_lost, left_data_gen_params),
	KUNIT_CASE(what_is_made_of_an_unseen_u_is_inherited),
	KUNIT_CASE(a_map_may_have_met_what_is_pending),
	KUNIT_CASE(a_close_left_open_for_a_map_that_changes_nothing),
	KUNIT_CASE(a_close_left_open_for_a_map_that_returns_was_not),
	KUNIT_CASE(a_close_is_not_left_open_for_another_events_map),
	KUNIT_CASE(a_close_left_open_for_two_waits_for_the_second),
	KUNIT_CASE(a_close_left_open_is_the_end_when_the_event_moved_on),
	KUNIT_CASE(a_close_left_open_is_the_end_when_its_address_is_anothers),
	KUNIT_CASE(a_strange_change_of_a_shared_counter_is_the_others),
	KUNIT_CASE(a_change_that_some_rule_makes_is_the_kernels),
	KUNIT_CASE(what_no_rule_explains_on_a_shared_counter_is_the_others),
	KUNIT_CASE(what_a_step_tells_of_the_rules_is_counted),
	KUNIT_CASE(what_leaked_of_an_adopted_buffers_area_stays),
	KUNIT_CASE(what_becomes_adopted_in_a_close_is_nobodys),
	KUNIT_CASE(who_was_charged_after_one_under_way_is_right),
	KUNIT_CASE(beside_others_a_limit_may_have_moved_first),
	KUNIT_CASE(an_area_that_is_being_closed_takes_its_mapping_along),
	KUNIT_CASE(the_next_ring_of_an_event_may_have_the_olds_address),
	{}
};

static struct kunit_suite booking_suite = {
	.name = "perfmlock_booking",
	.suite_init = booking_plan,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = booking_cases,
};

kunit_test_suite(booking_suite);
