// SPDX-License-Identifier: GPL-2.0
/*
 * What others do to the counters while a call is under way: io_uring, RDMA and
 * vfio move M at any time, BPF and io_uring a U that is not perf's alone. The
 * books hold what is the call's own, or come back to it with the last unmap;
 * and what nobody can know gets no cause.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/hash.h>
#include <linux/string.h>

#include "../module/ledger.h"
#include "fixture.h"

/*
 * A ring of 65 pages under a limit of 100: mapped, and unmapped
 */

struct noise {
	const char *name;
	bool shared;
	struct {
		long others;	/* on U already */
		long user;	/* what the kernel makes of the ring */
		long mm;
	} ring;
	long map_user;		/* what others do meanwhile */
	long map_mm;
	long unmap_user;
	long unmap_mm;
	long booked;		/* of the 65, on U until the last unmap */
	unsigned int disturbed;
};

#define ON_MM	{ 100, 0, 65 }
#define DIVIDED	{ 90, 10, 55 }
#define ON_USER	{ 0, 65, 0 }

static const struct noise noises[] = {
	{ "M rises", false, ON_MM, 0, 64, 0, 0, 0, 1 },
	{ "M falls", false, ON_MM, 0, -64, 0, 0, 0, 1 },
	{ "M falls by what was charged", false, ON_MM, 0, -65, 0, 0, 0, 1 },
	{ "M falls by more", false, ON_MM, 0, -66, 0, 0, 0, 1 },
	{ "M rises at the end", false, ON_MM, 0, 0, 0, 64, 0, 1 },
	{ "M falls at the end", false, ON_MM, 0, 0, 0, -64, 0, 1 },
	{ "M stands still at the end", false, ON_MM, 0, 0, 0, 65, 0, 1 },
	{ "M moves twice", false, ON_MM, 0, 64, 0, -65, 0, 2 },
	{ "M moves, a ring on both", false, DIVIDED, 0, 1, 0, 1, 10, 2 },
	{ "M moves, a ring on both, the other way", false, DIVIDED, 0, -55, 0,
	  55, 10, 2 },
	{ "M moves, a ring on U", false, ON_USER, 0, 8, 0, -8, 65, 2 },
	{ "M falls, a ring on U", false, ON_USER, 0, -8, 0, 8, 65, 2 },
	{ "shared: M moves alone", true, ON_MM, 0, -64, 0, 7, 0, 2 },
	{ "shared: U moves alone", true, ON_MM, 40, 0, -40, 0, 0, 2 },
	{ "shared: U falls, a ring on both", true, DIVIDED, -10, 0, 3, 0, 10, 2 },
	{ "shared: M rises beyond the ring", true, ON_MM, 40, 64, 0, 0, 0, 1 },
	{ "shared: M falls below nothing", true, ON_MM, 40, -66, 0, 0, 0, 1 },
	{ "shared: both move by the same", true, ON_MM, -5, -5, 5, 5, 0, 2 },
	/* M's part is all that there is to go by */
	{ "shared: both move", true, ON_MM, 40, -1, 0, 0, 1, 1 },
	{ "shared: M falls to nothing", true, ON_MM, -7, -65, 0, 0, 65, 1 },
	{ "shared: both move, a ring on both", true, DIVIDED, 5, 3, 0, 0, 7, 1 },
	{ "shared: both move at the end too", true, ON_MM, 40, -1, 6, 5, 1, 2 },
	{ "shared: U moves at the end", true, ON_MM, 40, -1, 6, 0, 1, 2 },
	{ "shared: a ring on U", true, ON_USER, 5, 3, -5, -3, 62, 2 },
};

static void noise_name(const struct noise *noise, char *name)
{
	strscpy(name, noise->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(noise, noises, noise_name);

static void what_others_do_meanwhile_is_not_booked(struct kunit *test)
{
	const struct noise *noise = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65);
	const struct perfmlock_books user = {
		.kernel = noise->booked, .correct = noise->booked, .buffers = 1,
	};
	const struct perfmlock_books mm = {
		.kernel = 65 - noise->booked, .correct = 65 - noise->booked,
		.buffers = 1,
	};
	const struct perfmlock_totals totals = {
		.mmaps = 1, .closes = 1, .disturbed = noise->disturbed,
	};

	fx->ledger.exclusive = !noise->shared;
	fx->users[0].counter = noise->ring.others;
	fx_map(fx, &ring, noise->ring.user + noise->map_user,
	       noise->ring.mm + noise->map_mm);
	fx_expect_user(fx, FX_HERE, &fx->users[0], &user);
	fx_expect_mm(fx, FX_HERE, &fx->mms[0], &mm);
	fx_unmap(fx, &ring, noise->unmap_user - noise->ring.user,
		 noise->unmap_mm - noise->ring.mm);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	fx_expect_totals(fx, FX_HERE, &fx->ledger.totals, &totals);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	/* nor does the rule follow from it */
	KUNIT_EXPECT_STREQ(test, perfmlock_models[fx->ledger.model].name, "S5");
}

/* The same, beside a call of the user that begins first and ends last. */
static void what_others_do_beside_a_call_of_the_user_is_not_booked(struct kunit *test)
{
	const struct noise *noise = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65), beside = fx_ring(fx, 1, 1, 1);
	struct perfmlock_user *user;
	struct fx_call call;
	long kernel;

	fx->ledger.exclusive = !noise->shared;
	fx->users[0].counter = noise->ring.others;
	call = fx_begin_map(fx, &beside);
	fx_map(fx, &ring, noise->ring.user + noise->map_user,
	       noise->ring.mm + noise->map_mm);
	user = fx_user_row(fx, &fx->users[0]);
	fx_end_map(fx, &call, -ENOMEM);
	/* U tells in the end, where it is perf's alone */
	kernel = user->books.kernel;
	if (!noise->shared)
		KUNIT_EXPECT_EQ(test, kernel, noise->ring.user);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_unmap(fx, &ring, noise->unmap_user - noise->ring.user,
		 noise->unmap_mm - noise->ring.mm);
	KUNIT_EXPECT_EQ(test, user->books.kernel, 0);
	KUNIT_EXPECT_EQ(test, user->books.correct, 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps, 2);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* Two of 80: 80 + 0 and 20 + 60, and M moves beside the second. */
static void what_two_calls_charged_is_told_by_their_last_unmaps(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 80), b = fx_ring(fx, 1, 1, 80);
	struct fx_call of_a = fx_begin_map(fx, &a), of_b = fx_begin_map(fx, &b);

	fx_kernel_maps(fx, &a, 80, 0);
	fx_kernel_maps(fx, &b, 20, 60);
	/* io_uring gives back 30 */
	fx->mms[1].counter -= 30;
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 80, .maps = 1,
			 .kernel_user = 50, .kernel_mm = 30,
			 .correct_user = 50, .correct_mm = 30);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, b.event->rb)->guessed);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 100);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .overlaps = 2, .settled = 1);
	fx_unmap(fx, &b, -20, -60);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 80);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
	fx_unmap(fx, &a, -80, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .overlaps = 2,
			 .settled = 1);
}

/* What was settled once needs no mending, whatever is missed later. */
static void what_was_settled_is_not_told_anew(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65), beside = fx_ring(fx, 1, 1, 1);
	struct fx_call call;

	fx->users[0].counter = 100;
	call = fx_begin_map(fx, &beside);
	fx_map(fx, &ring, 0, 65 - 1);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 1);
	fx_end_map(fx, &call, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 0);
	fx_missed(fx);
	fx_unmap(fx, &ring, 0, -65);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.correct, 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.settled, 1);
}

/* Nothing is settled then, so that the last unmap has to mend the user too. */
static void what_was_guessed_after_missed_calls_is_told_too(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 65), b = fx_ring(fx, 1, 1, 65);

	fx->users[0].counter = 100;
	fx_missed(fx);
	fx_map(fx, &a, 0, 65 - 1);
	fx_map(fx, &b, 0, 65 - 2);
	FX_EXPECT_USER(fx, 0, .kernel = 3, .correct = 3, .buffers = 2);
	fx_unmap(fx, &a, 0, -65);
	FX_EXPECT_USER(fx, 0, .kernel = 2, .correct = 2, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	/* and after the walk as well */
	perfmlock_sweep_begin(&fx->ledger);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &b));
	KUNIT_EXPECT_TRUE(test, fx_end_walk(fx, PERFMLOCK_MET_ALL));
	fx_unmap(fx, &b, 0, -65);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
	fx_sweep(fx, nothing);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .overlaps = 3);
}

/*
 * Refusals, re-maps, and AUX areas
 */

enum beside { ALONE, STRANGERS, CALLS };

static const struct {
	const char *name;
	enum beside beside;
	long user;
	long mm;
} leftovers[] = {
	{ "M rises", ALONE, 0, 5 },
	{ "M falls", ALONE, 0, -2000 },
	{ "M rises by all of it", ALONE, 0, 2000 },
	{ "shared: M moves", STRANGERS, 0, 5 },
	{ "shared: U moves", STRANGERS, 5, 0 },
	{ "shared: both move", STRANGERS, 1500, 500 },
	{ "beside a call: M moves", CALLS, 0, 5 },
	{ "beside a call: both move", CALLS, 1500, 500 },
};

static void leftover_name(const typeof(leftovers[0]) *this, char *name)
{
	strscpy(name, this->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(leftover, leftovers, leftover_name);

static void a_refused_call_leaves_nothing_whatever_others_do(struct kunit *test)
{
	const typeof(leftovers[0]) *this = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 2000), beside = fx_ring(fx, 1, 1, 1);
	struct fx_call call;

	fx->ledger.exclusive = this->beside != STRANGERS;
	if (this->beside == CALLS)
		call = fx_begin_map(fx, &beside);
	fx_fail(fx, &ring, -EPERM, this->user, this->mm);
	FX_EXPECT_USER(fx, 0, .counts.denied = 1);
	FX_EXPECT_MM(fx, 0, .counts.denied = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.denied, 1);
	if (this->beside == CALLS) {
		fx->users[0].counter -= this->user;
		fx_end_map(fx, &call, -ENOMEM);
		FX_EXPECT_USER(fx, 0, .counts.denied = 1);
	}
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.disturbed, this->beside != CALLS);
}

static void a_remap_leaves_m_alone_whatever_others_do(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 65);

	fx_map(fx, &ring, 65, 0);
	fx_map(fx, &ring, 0, 7);
	fx_unmap(fx, &ring, 0, -7);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .remaps = 1, .closes = 1,
			 .disturbed = 2);
	/* U is the call's own: what it did there has its cause */
	fx_map(fx, &ring, 65, 7);
	FX_EXPECT_USER(fx, 0, .kernel = 130, .correct = 65, .buffers = 1,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_MM(fx, 0, .buffers = 1, .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_REMAP, .pages = 65,
			.kernel_user = 65, .cause = PERFMLOCK_REMAP_CHARGE);
	/* and yet it tells nothing of the rule: it was not measured whole */
	KUNIT_EXPECT_STREQ(test, perfmlock_models[fx->ledger.model].name, "S5");
}

/* 33 pages and an area of 128, 67 + 61. */
static void an_aux_area_is_told_from_what_others_do(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 128);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 67, 61 + 9);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 128,
			 .maps = 1, .kernel_user = 67, .kernel_mm = 61,
			 .correct_user = 67, .correct_mm = 61);
	fx_unmap(fx, &area, -67, -61 - 9);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	/* and when it goes last */
	fx_map(fx, &area, 67, 61 - 9);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &area, -100, -61 + 9);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 3, .closes = 3, .disturbed = 4);
}

/* The same on a shared counter, where the split is guessed: 76 + 52. */
static void a_guessed_aux_area_is_told_by_its_last_unmap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 128);

	fx->ledger.exclusive = false;
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 67 + 1, 61 - 9);
	FX_EXPECT_BUFFER(fx, fx_area(fx, ring.event->rb), .pages = 128,
			 .maps = 1, .kernel_user = 76, .kernel_mm = 52,
			 .correct_user = 76, .correct_mm = 52);
	fx_unmap(fx, &area, -67, -61);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .disturbed = 1);
}

/*
 * A kernel that charges both: of 5 pages over a limit of 10, 5 + 10. A split
 * that was not measured is by its rule, and so is the last unmap.
 */
static void what_charges_both_is_not_taken_for_a_split(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma learn = fx_ring(fx, 0, 0, 5), ring = fx_ring(fx, 0, 1, 5);

	fx->limit = 10;
	fx->users[0].counter = 10;
	fx_map(fx, &learn, 5, 5);
	fx_unmap(fx, &learn, -5, -5);
	/* 5 more, of before the load */
	fx->users[0].counter = 15;
	fx_missed(fx);
	fx_sweep(fx, nothing);
	fx_map(fx, &ring, 5, 10 + 7);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 5,
			 .maps = 1, .kernel_user = 5, .kernel_mm = 10,
			 .correct_mm = 5);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 2);
	fx_unmap(fx, &ring, -5, -10);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 2);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 0);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->books.kernel, 0);
	/* and with M moving at the end as well: one drift more, of the map */
	fx_map(fx, &ring, 5, 10 + 7);
	fx_unmap(fx, &ring, -5, -10 - 7);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 3);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 0);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->books.kernel, 0);
}

/*
 * A limit that is not known
 */

static void by_an_old_limit_either_split_is_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 80), b = fx_ring(fx, 0, 1, 33);

	fx->limit_is_old = true;
	fx_map(fx, &a, 70, 10);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 80, .maps = 1,
			 .kernel_user = 70, .kernel_mm = 10,
			 .correct_user = 70, .correct_mm = 10);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .either_way = 1);
	/* what is right anyhow is not counted */
	fx_map(fx, &b, 30, 3);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .either_way = 1);
	fx_unmap(fx, &a, -70, -10);
	fx_unmap(fx, &b, -30, -3);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* A mistake is one by any limit: 78 of 33. */
static void by_an_old_limit_no_mistake_is_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx->limit_is_old = true;
	fx->users[0].counter = 65;
	fx->limit = 20;
	fx_map(fx, &ring, -45, 78);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_MAP, .pages = 33,
			.kernel_user = -45, .kernel_mm = 78, .correct_mm = 33,
			.cause = PERFMLOCK_LIMIT_LOWERED);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .drifts = 1);
}

/* An earlier mistake has left U wrong, and the kernel looks when a CPU has gone. */
static void by_a_limit_that_falls_an_earlier_mistake_is_the_cause(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 3);
	struct fx_call call;

	fx_map(fx, &a, 33, 0);
	fx_map(fx, &a, 33, 0);
	call = fx_begin_map(fx, &b);
	fx->limit = 50;
	fx_kernel_maps(fx, &b, 0, 3);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_MAP, .pages = 3,
			.kernel_mm = 3, .correct_user = 3, .inherited = true,
			.cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_USER(fx, 0, .kernel = 66, .correct = 36, .buffers = 2,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 1, .drifts = 2);
}

/* Likewise where it falls when the kernel has looked. */
static void by_a_limit_that_falls_later_an_earlier_mistake_is_the_cause(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 3);
	struct fx_call call;

	fx_map(fx, &a, 33, 0);
	fx_map(fx, &a, 33, 0);
	fx_map(fx, &a, 33, 0);
	call = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 1, 2);
	fx->limit = 90;
	fx_end_map(fx, &call, 0);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_MAP, .pages = 3,
			.kernel_user = 1, .kernel_mm = 2, .correct_user = 3,
			.inherited = true, .cause = PERFMLOCK_REMAP_CHARGE);
}

/* Others were charged 10 between the call's entry and the kernel's check. */
static void on_a_shared_counter_a_split_may_be_of_another_u(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 95);

	fx->ledger.exclusive = false;
	fx_map(fx, &ring, 90, 5);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 95,
			 .maps = 1, .kernel_user = 90, .kernel_mm = 5,
			 .correct_user = 90, .correct_mm = 5);
	FX_EXPECT_TOTALS(fx, .mmaps = 1);
}

/* But one that the rule makes of a U that a leak made wrong is inherited. */
static void on_a_shared_counter_a_leak_is_inherited(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), next = fx_ring(fx, 0, 1, 80);

	fx->ledger.exclusive = false;
	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 33, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	fx_map(fx, &next, 67, 13);
	FX_EXPECT_DRIFT(fx, 0, .id = 2, .step = PERFMLOCK_MAP, .pages = 80,
			.kernel_user = 67, .kernel_mm = 13, .correct_user = 80,
			.cause = PERFMLOCK_REMAP_CHARGE, .inherited = true);
}

/*
 * A counter that is perf's alone does not move by itself
 */

enum unseen { BY_ITSELF, SHARED_COUNTER, NEW_USER, NOT_BOOKED, UNKNOWN_CLOSE,
	      BESIDE_UNKNOWN_CLOSE, ADOPTED_CLOSE, ADOPTED_AREA, ALREADY_CAREFUL,
	      AFTER_A_WALK, STOOD_STILL };

static const struct {
	const char *name;
	enum unseen how;
	unsigned int unseen;
} movements[] = {
	{ "by itself", BY_ITSELF, 1 },
	{ "of others", SHARED_COUNTER, 0 },
	{ "before its first call", NEW_USER, 0 },
	{ "by a call without memory", NOT_BOOKED, 0 },
	{ "by a close of an unknown buffer", UNKNOWN_CLOSE, 0 },
	{ "beside such a close", BESIDE_UNKNOWN_CLOSE, 0 },
	{ "by a close of an adopted buffer", ADOPTED_CLOSE, 0 },
	{ "by a re-map that adopted it", ADOPTED_AREA, 0 },
	{ "where a walk is wanted already", ALREADY_CAREFUL, 1 },
	{ "before that walk", AFTER_A_WALK, 1 },
	{ "not at all", STOOD_STILL, 0 },
};

static void movement_name(const typeof(movements[0]) *this, char *name)
{
	strscpy(name, this->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(movement, movements, movement_name);

static void a_counter_of_perfs_own_that_moved_wants_a_walk(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	const typeof(movements[0]) *this = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), next = fx_ring(fx, 0, 1, 80);
	struct fx_vma old = fx_ring(fx, 1, 2, 7), again = fx_ring(fx, 0, 2, 7);
	const struct fx_vma *const met[] = { &old, NULL };
	struct fx_call call;

	fx_kernel_maps(fx, &old, 7, 0);
	if (this->how == ADOPTED_CLOSE)
		fx_sweep(fx, met);
	if (this->how != NEW_USER) {
		fx_map(fx, &ring, 33, 0);
		fx_unmap(fx, &ring, -33, 0);
	}
	switch (this->how) {
	case SHARED_COUNTER:
		fx->ledger.exclusive = false;
		fallthrough;
	case BY_ITSELF:
	case NEW_USER:
		fx->users[0].counter += 33;
		break;
	case NOT_BOOKED:
		fx_starve(fx, &fx->ledger.buffers, 0);
		fx_map(fx, &ring, 33, 0);
		KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
		break;
	case BESIDE_UNKNOWN_CLOSE:
		call = fx_begin_unmap(fx, &old);
		fx_kernel_unmaps(&old, -7, 0);
		break;
	case UNKNOWN_CLOSE:
	case ADOPTED_CLOSE:
		fx_unmap(fx, &old, -7, 0);
		break;
	case ADOPTED_AREA:
		fx_map(fx, &again, 7, 0);
		break;
	case ALREADY_CAREFUL:
		fx_missed(fx);
		/* so that the counter is known again */
		fx_fail(fx, &next, -ENOMEM, 0, 0);
		fx->users[0].counter += 33;
		break;
	case AFTER_A_WALK:
		fx_missed(fx);
		fx->users[0].counter += 33;
		fx_sweep(fx, nothing);
		break;
	case STOOD_STILL:
		break;
	}
	fx_fail(fx, &next, -ENOMEM, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->unseen, this->unseen);
	KUNIT_EXPECT_EQ(test, fx->ledger.careful,
			this->how == BY_ITSELF || this->how == ALREADY_CAREFUL);
	/* it is foreign, however it came */
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->foreign,
			fx->users[0].counter);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	/* and is told once */
	if (this->how == BESIDE_UNKNOWN_CLOSE)
		fx_end_unmap(fx, &call);
	fx_fail(fx, &next, -ENOMEM, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->unseen, this->unseen);
}

/*
 * Calls that are not booked
 */

/* No memory is ready for the ring of 33 that is mapped beside another call. */
static void a_call_not_booked_beside_others_is_no_drift(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma beside = fx_ring(fx, 1, 1, 1), ring = fx_ring(fx, 0, 0, 33);
	struct fx_vma next = fx_ring(fx, 0, 2, 80), big = fx_ring(fx, 0, 3, 50);
	struct fx_call call = fx_begin_map(fx, &beside);
	unsigned int i;

	fx_starve(fx, &fx->ledger.buffers, 0);
	fx_map(fx, &ring, 33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	/* the counter is what is to be gone by, before all are still and after */
	for (i = 0; i < 2; i++) {
		fx_map(fx, &next, 67, 13);
		FX_EXPECT_BUFFER(fx, fx_buffer(fx, next.event->rb), .pages = 80,
				 .maps = 1, .kernel_user = 67, .kernel_mm = 13,
				 .correct_user = 67, .correct_mm = 13);
		fx->processes[0].rlimit = 62;
		fx_fail(fx, &big, -EPERM, 0, 0);
		fx->processes[0].rlimit = 1000;
		fx_unmap(fx, &next, -67, -13);
		if (!i)
			fx_end_map(fx, &call, -ENOMEM);
	}
	fx_unmap(fx, &ring, -33, 0);
	fx_fail(fx, &next, -ENOMEM, 0, 0);
	FX_EXPECT_USER(fx, 0, .counts.denied = 2);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 2, .failed = 2, .denied = 2,
			 .overlaps = 5, .pool_empty = 1, .unknown_closes = 1);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* A walk ends in the middle: what was not seen before it may go on still. */
static void a_call_that_outlives_a_walk_is_inferred(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), next = fx_ring(fx, 0, 1, 33);
	struct fx_call call;

	fx_map(fx, &next, 33, 0);
	fx_unmap(fx, &next, -33, 0);
	fx_missed(fx);
	call = fx_begin_map(fx, &ring);
	fx_sweep(fx, nothing);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx->users[0].counter += 20;
	fx_kernel_maps(fx, &ring, 33, 0);
	fx_end_map(fx, &call, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 1, .overlaps = 1);
	/* one that begins later is measured again */
	fx_map(fx, &next, 33, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 3, .closes = 1, .overlaps = 1);
	KUNIT_EXPECT_EQ(test, fx->unseen, 1);
}

/*
 * Two closes of a ring of which one mapping is known
 */

static void a_close_of_what_has_ended_does_nothing_more(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_vma again = fx_ring(fx, 2, 1, 3);
	unsigned int ready = fx->ledger.buffers.nr_free;
	struct fx_call of_a, of_b;

	fx_map(fx, &a, 100, 33);
	fx_kernel_maps(fx, &b, 0, 0);
	again.event->next_rb = a.event->rb;
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, 0, 0);
	fx_kernel_unmaps(&a, -100, -33);
	fx_end_unmap(fx, &of_a);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	/* the row is the other close's still */
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr_free, ready - 1);
	fx_map(fx, &again, 3, 0);
	fx_end_unmap(fx, &of_b);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr_free, ready - 1);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, again.event->rb), .pages = 3,
			 .maps = 1, .kernel_user = 3, .correct_user = 3,
			 .pid = 102);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.closes, 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
}

static void an_area_and_its_data_that_are_closed_at_once_go_together(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	struct fx_call close;

	fx_map(fx, &a, 33, 0);
	fx_map(fx, &area, 64, 0);
	close = fx_begin_unmap(fx, &area);
	fx_kernel_unmaps(&area, -64, 0);
	fx_unmap(fx, &a, -33, 0);
	fx_end_unmap(fx, &close);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* The event is detached, and each of the two left it to the other. */
static void a_detached_buffer_that_neither_close_uncharged_is_lost(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 1, 0, 133);
	struct fx_call of_a, of_b;

	fx_map(fx, &a, 100, 33);
	fx_map(fx, &b, 0, 0);
	of_a = fx_begin_unmap(fx, &a);
	of_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&a, 0, 0);
	fx_kernel_unmaps(&b, 0, 0);
	fx_end_unmap(fx, &of_b);
	fx_end_unmap(fx, &of_a);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
	FX_EXPECT_DRIFT(fx, 0, .id = 1, .step = PERFMLOCK_LAST_UNMAP,
			.pages = 133, .correct_user = -100, .correct_mm = -33,
			.cause = PERFMLOCK_LOST_UNCHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/* Calls are found by their event, and two events may be in one bucket. */
static void calls_of_other_events_are_no_rivals(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 2, 1, 33);
	struct fx_call map, close;
	struct fx_event *events;
	unsigned int i;

	/* more than there are buckets */
	events = kunit_kcalloc(test, 1000, sizeof(*events), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, events);
	for (i = 0; i < 1000; i++)
		if (hash_ptr(&events[i], PERFMLOCK_CALL_BITS) ==
		    hash_ptr(a.event, PERFMLOCK_CALL_BITS))
			b.event = &events[i];
	KUNIT_ASSERT_PTR_NE(test, b.event, &fx->events[1]);

	fx->users[0].counter = 100;
	fx_map(fx, &a, 0, 133);
	map = fx_begin_map(fx, &b);
	/* others take as much M as comes back: that is not left to b's call */
	fx_unmap(fx, &a, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	/* nor is a close left open for it: the event tells that there is another */
	fx_map(fx, &a, 0, 133);
	close = fx_begin_unmap(fx, &a);
	fx_end_unmap(fx, &close);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, a.event->rb)->maps, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.resynced, 1);
	fx_end_map(fx, &map, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/*
 * On a shared counter a user can make his own steps look like any rule's, with
 * io_uring: what others' calls are taken for does not go by them.
 */
static void what_one_user_makes_of_the_rule_is_his(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma liar = fx_ring(fx, 0, 0, 3), other = fx_ring(fx, 2, 1, 3);
	struct fx_vma beside = fx_ring(fx, 2, 2, 1), root = fx_ring(fx, 3, 3, 3);
	struct fx_call call;
	unsigned int i;

	fx->ledger.exclusive = false;
	fx_map(fx, &liar, 3, 0);
	for (i = 0; i < 600; i++) {
		fx_map(fx, &liar, 3, 0);
		fx_unmap(fx, &liar, 0, 0);
	}
	fx_map(fx, &other, 3, 0);
	call = fx_begin_map(fx, &beside);
	fx_map(fx, &other, 0, 0);
	fx_end_map(fx, &call, -ENOMEM);
	FX_EXPECT_USER(fx, 1, .kernel = 3, .correct = 3, .buffers = 1);
	/* all that there is to show, until root tells */
	KUNIT_EXPECT_STREQ(test, perfmlock_models[fx->ledger.model].name, "S6");
	KUNIT_EXPECT_FALSE(test, fx->ledger.taught);
	fx_map(fx, &root, 3, 0);
	fx_map(fx, &root, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx->ledger.taught);
	KUNIT_EXPECT_EQ(test, fx->ledger.model, PERFMLOCK_MODEL_DEFAULT);
	fx_map(fx, &liar, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.model, PERFMLOCK_MODEL_DEFAULT);
	KUNIT_EXPECT_EQ(test, perfmlock_agrees(&fx->ledger, fx->ledger.model),
			1);
}

/*
 * io_uring charges U, then M: a ring beside it can look like one that was charged
 * twice. Who has been seen to be charged once is not, but by many such steps.
 */
static void half_of_what_others_do_is_no_rule(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma rings[6];
	unsigned int i;

	fx->ledger.exclusive = false;
	fx->users[0].counter = 100;
	for (i = 0; i < ARRAY_SIZE(rings); i++)
		rings[i] = fx_ring(fx, 0, i, 65);
	for (i = 0; i < 3; i++)
		fx_map(fx, &rings[i], 0, 65);
	fx_map(fx, &rings[3], 65, 65);
	fx_map(fx, &rings[4], 65, 65);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, rings[4].event->rb), .pages = 65,
			 .maps = 1, .kernel_mm = 65, .correct_mm = 65);
	FX_EXPECT_TOTALS(fx, .mmaps = 5, .disturbed = 2);
	/* noise does not come so often */
	fx_map(fx, &rings[5], 65, 65);
	FX_EXPECT_DRIFT(fx, 0, .id = 6, .step = PERFMLOCK_MAP, .pages = 65,
			.kernel_user = 65, .kernel_mm = 65, .correct_mm = 65,
			.cause = PERFMLOCK_DOUBLE_CHARGE);
}

/* However often it was told: one step the other way is noise. */
static void what_was_told_for_long_is_believed(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3);
	const struct perfmlock_user *user;
	unsigned int i;

	fx->ledger.exclusive = false;
	fx_map(fx, &ring, 3, 0);
	/* as often as makes a byte zero again */
	for (i = 0; i < 512; i++) {
		fx_map(fx, &ring, 3, 0);
		fx_unmap(fx, &ring, 0, 0);
	}
	fx_map(fx, &ring, 0, 0);
	user = fx_user_row(fx, &fx->users[0]);
	KUNIT_EXPECT_STREQ(test, perfmlock_models[user->model].name, "S6");
	KUNIT_EXPECT_EQ(test, hweight32(user->rules), 1);
}

/* BPF is charged as much as comes back, or gives it back. */
static void beside_strangers_u_tells_of_no_missed_call(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 3), b = fx_ring(fx, 0, 1, 3);

	fx->ledger.exclusive = false;
	fx_map(fx, &a, 3, 0);
	fx_unmap(fx, &a, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	/* or it was: a walk is to look */
	KUNIT_EXPECT_EQ(test, fx->unseen, 1);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_map(fx, &a, 3, 0);
	b.event->next_rb = a.event->rb;
	fx_map(fx, &b, 0, 0);
	fx_unmap(fx, &b, -3, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 3, .maps = 1,
			 .kernel_user = 3, .correct_user = 3);
	FX_EXPECT_USER(fx, 0, .kernel = 3, .correct = 3, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->unseen, 2);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* What others hold is known of quiet moments, and there may be none for long. */
static void beside_calls_a_shared_counter_is_the_kernels(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 57), beside = fx_ring(fx, 1, 1, 1);
	struct fx_vma big = fx_ring(fx, 0, 2, 1057);
	struct fx_call call;

	fx->ledger.exclusive = false;
	call = fx_begin_map(fx, &beside);
	fx->users[0].counter += 60;
	fx_map(fx, &ring, 40, 17);
	fx_fail(fx, &big, -EPERM, 0, 0);
	fx_end_map(fx, &call, -ENOMEM);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 57,
			 .maps = 1, .kernel_user = 40, .kernel_mm = 17,
			 .correct_user = 40, .correct_mm = 17);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.denied, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.wrongly_denied, 0);
}

static int noise_plan(struct kunit_suite *suite)
{
	FX_PLAN("noise", what_others_do_meanwhile_is_not_booked, noises);
	FX_PLAN("noise", what_others_do_beside_a_call_of_the_user_is_not_booked,
		noises);
	FX_PLAN("noise", a_refused_call_leaves_nothing_whatever_others_do,
		leftovers);
	FX_PLAN("noise", a_counter_of_perfs_own_that_moved_wants_a_walk,
		movements);
	return 0;
}

/* They were charged since the user's last quiet moment. */
static void a_refusal_for_what_strangers_hold_meanwhile_is_right(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma beside = fx_ring(fx, 1, 0, 3), ring = fx_ring(fx, 0, 1, 65);
	struct fx_call call;

	fx->ledger.exclusive = false;
	call = fx_begin_map(fx, &beside);
	fx->users[0].counter += 60;
	fx->processes[0].rlimit = 0;
	fx_fail(fx, &ring, -EPERM, 0, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.denied, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.wrongly_denied, 0);
	fx_end_map(fx, &call, -EINVAL);
}

/* Where others share the counter, root's steps tell, and nobody else's then. */
static void what_a_user_makes_of_the_rule_is_not_everybodys(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma root = fx_ring(fx, 3, 0, 33), ring = fx_ring(fx, 0, 1, 33);
	unsigned long judged;

	fx->ledger.exclusive = false;
	fx->limit = 0;
	fx_map(fx, &root, 0, 33);
	KUNIT_EXPECT_TRUE(test, fx->ledger.taught);
	judged = fx->ledger.judged;
	KUNIT_EXPECT_GT(test, judged, 0);
	/* as before v5.4 */
	fx_map(fx, &ring, 33, 33);
	KUNIT_EXPECT_EQ(test, fx->ledger.judged, judged);
}

static struct kunit_case noise_cases[] = {
	KUNIT_CASE_PARAM(what_others_do_meanwhile_is_not_booked,
			 noise_gen_params),
	KUNIT_CASE_PARAM(what_others_do_beside_a_call_of_the_user_is_not_booked,
			 noise_gen_params),
	KUNIT_CASE(what_two_calls_charged_is_told_by_their_last_unmaps),
	KUNIT_CASE(what_was_settled_is_not_told_anew),
	KUNIT_CASE(what_was_guessed_after_missed_calls_is_told_too),
	KUNIT_CASE_PARAM(a_refused_call_leaves_nothing_whatever_others_do,
			 leftover_gen_params),
	KUNIT_CASE(a_remap_leaves_m_alone_whatever_others_do),
	KUNIT_CASE(an_aux_area_is_told_from_what_others_do),
	KUNIT_CASE(a_guessed_aux_area_is_told_by_its_last_unmap),
	KUNIT_CASE(what_charges_both_is_not_taken_for_a_split),
	KUNIT_CASE(by_an_old_limit_either_split_is_right),
	KUNIT_CASE(by_an_old_limit_no_mistake_is_right),
	KUNIT_CASE(by_a_limit_that_falls_an_earlier_mistake_is_the_cause),
	KUNIT_CASE(by_a_limit_that_falls_later_an_earlier_mistake_is_the_cause),
	KUNIT_CASE(on_a_shared_counter_a_split_may_be_of_another_u),
	KUNIT_CASE(on_a_shared_counter_a_leak_is_inherited),
	KUNIT_CASE_PARAM(a_counter_of_perfs_own_that_moved_wants_a_walk,
			 movement_gen_params),
	KUNIT_CASE(a_call_not_booked_beside_others_is_no_drift),
	KUNIT_CASE(a_call_that_outlives_a_walk_is_inferred),
	KUNIT_CASE(a_close_of_what_has_ended_does_nothing_more),
	KUNIT_CASE(an_area_and_its_data_that_are_closed_at_once_go_together),
	KUNIT_CASE(a_detached_buffer_that_neither_close_uncharged_is_lost),
	KUNIT_CASE(calls_of_other_events_are_no_rivals),
	KUNIT_CASE(what_one_user_makes_of_the_rule_is_his),
	KUNIT_CASE(half_of_what_others_do_is_no_rule),
	KUNIT_CASE(what_was_told_for_long_is_believed),
	KUNIT_CASE(beside_strangers_u_tells_of_no_missed_call),
	KUNIT_CASE(beside_calls_a_shared_counter_is_the_kernels),
	KUNIT_CASE(a_refusal_for_what_strangers_hold_meanwhile_is_right),
	KUNIT_CASE(what_a_user_makes_of_the_rule_is_not_everybodys),
	{}
};

static struct kunit_suite noise_suite = {
	.name = "perfmlock_noise",
	.suite_init = noise_plan,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = noise_cases,
};

kunit_test_suite(noise_suite);
