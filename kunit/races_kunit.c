// SPDX-License-Identifier: GPL-2.0
/*
 * Processes that map and unmap the same event beside each other, in any order: a
 * kernel is played whose own count of mappings decides who makes a buffer and who
 * takes it down, and which does each in steps, between which the others go on. It is
 * right but for what it is told to do wrong, so the books have to end as its counters
 * do, and to name nothing else.
 */
#include <kunit/test.h>
#include <linux/errno.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include "fixture.h"

#define RUNS	400
#define STEPS	14
#define PAGES	33

struct race {
	const char *name;
	bool one_user;
	bool shared;		/* U is others' too */
	bool remaps;		/* are charged (v6.15) */
	unsigned int wrong;	/* of 100 mmaps fail at once */
	unsigned int late;	/* or when they have mapped it (f74b9f4ba63f) */
};

static const struct race races[] = {
	{ .name = "several users" },
	{ .name = "several users, some fail", .wrong = 15 },
	{ .name = "several users of shared counters", .shared = true,
	  .wrong = 15 },
	{ .name = "one user, some fail", .one_user = true, .wrong = 15 },
	{ .name = "one user, some fail late", .one_user = true, .wrong = 15,
	  .late = 30 },
	{ .name = "one user of a kernel that charges re-maps", .one_user = true,
	  .remaps = true, .wrong = 15 },
};

static void race_name(const struct race *race, char *desc)
{
	strscpy(desc, race->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(race, races, race_name);

enum step {
	IDLE,
	MAP_BEGUN,
	MAP_FAILS,
	MAP_RETURNS,
	CLOSE_BEGUN,
	LETS_GO,		/* with the mutex that a perf_mmap() waits for */
	UNCHARGES,
	CLOSE_RETURNS,
};

struct runner {
	enum step step;
	bool maps;		/* the call is a perf_mmap() */
	struct fx_vma vma;
	struct fx_call call;
	int ret;
	unsigned int mapped;
	struct fx_user *uncharged;
};

/**
 * struct track - one event, and who runs on it
 * @fx: the ledger
 * @race: what may happen
 * @random: what does
 * @runner: one a process
 * @rb: the event's buffer; NULL: none
 * @maps: mappings of that
 * @owner: who was charged for it
 */
struct track {
	struct fx *fx;
	const struct race *race;
	struct rnd_state random;
	struct runner runner[FX_PROCESSES];
	const void *rb;
	unsigned int maps;
	struct fx_user *owner;
};

static unsigned int below(struct track *track, unsigned int n)
{
	return prandom_u32_state(&track->random) % n;
}

static void kernel_maps(struct track *track, struct runner *runner)
{
	struct fx_user *user = runner->vma.of->user;

	if (track->rb) {
		user->counter += track->race->remaps ? PAGES : 0;
	} else {
		track->rb = (const void *)track->fx->next_rb;
		track->fx->next_rb += 64;
		track->owner = user;
		user->counter += PAGES;
	}
	track->maps++;
}

static void begin(struct track *track, struct runner *runner, bool last_lap)
{
	struct fx *fx = track->fx;

	if (runner->mapped && (last_lap || below(track, 100) < 45)) {
		runner->maps = false;
		runner->call = fx_begin_unmap(fx, &runner->vma);
		runner->step = CLOSE_BEGUN;
	} else if (!last_lap && runner->mapped < 3) {
		runner->maps = true;
		runner->ret = 0;
		runner->call = fx_begin_map(fx, &runner->vma);
		runner->step = MAP_BEGUN;
	}
}

/* The next of its steps. */
static void go_on(struct track *track, struct runner *runner, bool last_lap)
{
	struct fx *fx = track->fx;

	fx->events[0].rb = track->rb;
	fx->events[0].maps = track->maps;
	switch (runner->step) {
	case IDLE:
		begin(track, runner, last_lap);
		return;
	case MAP_BEGUN:
		if (track->rb && !track->maps)
			return;
		runner->step = MAP_RETURNS;
		if (below(track, 100) < track->race->wrong) {
			runner->ret = -EINVAL;
			return;
		}
		kernel_maps(track, runner);
		if (below(track, 100) < track->race->late) {
			runner->ret = -ENOMEM;
			runner->step = MAP_FAILS;
		}
		return;
	case MAP_FAILS:
	case CLOSE_BEGUN:
		if (!--track->maps)
			runner->step = LETS_GO;
		else
			runner->step = runner->maps ? MAP_RETURNS : CLOSE_RETURNS;
		return;
	case LETS_GO:
		runner->uncharged = track->owner;
		track->rb = NULL;
		runner->step = UNCHARGES;
		return;
	case UNCHARGES:
		runner->uncharged->counter -= PAGES;
		runner->step = runner->maps ? MAP_RETURNS : CLOSE_RETURNS;
		return;
	case MAP_RETURNS:
		runner->mapped += !runner->ret;
		fx_end_map(fx, &runner->call, runner->ret);
		runner->step = IDLE;
		return;
	case CLOSE_RETURNS:
		runner->mapped--;
		fx_end_unmap(fx, &runner->call);
		runner->step = IDLE;
		return;
	}
}

static bool all_are_home(const struct track *track)
{
	unsigned int i;

	for (i = 0; i < FX_PROCESSES; i++)
		if (track->runner[i].step != IDLE || track->runner[i].mapped)
			return false;
	return true;
}

static void run(struct track *track)
{
	unsigned int i;

	for (i = 0; i < FX_PROCESSES; i++) {
		memset(&track->runner[i], 0, sizeof(track->runner[i]));
		track->runner[i].vma = fx_ring(track->fx, i, 0, PAGES);
	}
	for (i = 0; i < STEPS; i++)
		go_on(track, &track->runner[below(track, FX_PROCESSES)], false);
	while (!all_are_home(track))
		go_on(track, &track->runner[below(track, FX_PROCESSES)], true);
}

/* A kernel's rule is told by what one does alone. */
static void teach(struct fx *fx, const struct race *race, unsigned int process)
{
	struct fx_vma vma = fx_ring(fx, process, 1, 7);

	fx_map(fx, &vma, 7, 0);
	fx_map(fx, &vma, race->remaps ? 7 : 0, 0);
	fx_unmap(fx, &vma, 0, 0);
	fx_unmap(fx, &vma, -7, 0);
}

static void races_end_as_the_counters_do(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	const struct race *race = test->param_value;
	struct fx *fx = test->priv;
	struct track track = { .fx = fx, .race = race };
	const struct perfmlock_user *user;
	struct fx_vma vma;
	unsigned int i, k;

	fx->limit = ULONG_MAX >> 12;
	fx->ledger.exclusive = !race->shared;
	for (i = 0; i < FX_PROCESSES; i++) {
		if (race->one_user)
			fx->processes[i].user = &fx->users[0];
		teach(fx, race, i);
	}
	/* fixed: that an order can be told from another has its bounds */
	prandom_seed_state(&track.random, 1);
	for (i = 0; i < RUNS; i++) {
		run(&track);
		/* how many map what is adopted a walk may have to tell */
		if (race->late)
			fx_sweep(fx, nothing);
		for (k = 0; k < FX_PROCESSES; k++) {
			vma = fx_ring(fx, k, 2, PAGES);
			fx_fail(fx, &vma, -EINVAL, 0, 0);
			user = fx_user_row(fx, vma.of->user);
			KUNIT_ASSERT_EQ_MSG(test, user->books.kernel,
					    vma.of->user->counter, "run %u", i);
			KUNIT_ASSERT_EQ_MSG(test, user->foreign, 0, "run %u", i);
		}
		KUNIT_ASSERT_EQ(test, fx->ledger.buffers.nr, 0);
		KUNIT_ASSERT_EQ(test, fx->ledger.unknown, 0);
		KUNIT_ASSERT_FALSE(test, fx->ledger.careful);
	}
	for (i = 0; i < PERFMLOCK_NR_CAUSES; i++)
		if (i != PERFMLOCK_REMAP_CHARGE || !race->remaps)
			KUNIT_EXPECT_EQ(test, fx->ledger.totals.causes[i], 0);
	KUNIT_EXPECT_GT(test, fx->ledger.totals.remaps, RUNS);
}

/*
 * Orders that were wrong once
 */

/* Of a kernel that does not charge re-maps. */
static void whose_u_moved_made_it_though_a_third_is_to_come(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), c = fx_ring(fx, 2, 0, 33);
	struct fx_vma d = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_c, of_d;

	teach(fx, &races[0], 3);
	of_c = fx_begin_map(fx, &c);
	of_d = fx_begin_map(fx, &d);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &d, 33, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_end_map(fx, &of_c, 0);
	fx_end_map(fx, &of_d, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_a, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &c, 0, 0);
	fx_unmap(fx, &d, -33, 0);
	FX_EXPECT_USER(fx, 2, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Of a kernel of which it is not known yet what it makes of re-maps. */
static void whose_u_moved_takes_the_place_of_whose_did_not(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), c = fx_ring(fx, 2, 0, 33);
	struct fx_vma d = fx_ring(fx, 3, 0, 33), x = fx_ring(fx, 1, 1, 1);
	struct fx_call of_a, of_c, of_d, of_x;
	struct perfmlock_buffer *row;
	unsigned int i;

	of_c = fx_begin_map(fx, &c);
	of_d = fx_begin_map(fx, &d);
	of_a = fx_begin_map(fx, &a);
	of_x = fx_begin_map(fx, &x);
	fx_kernel_maps(fx, &d, 33, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_end_map(fx, &of_c, 0);
	row = fx_buffer(fx, d.event->rb);
	KUNIT_EXPECT_TRUE(test, row->pending == PERFMLOCK_NOT_FIRST);
	fx_end_map(fx, &of_d, 0);
	FX_EXPECT_BUFFER(fx, row, .pages = 33, .maps = 2, .pid = 103,
			 .pending = PERFMLOCK_MAYBE_FIRST);
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		KUNIT_EXPECT_EQ(test, fx->ledger.disagrees[i], 0);
	/* whose U may have moved, for another call of his is under way */
	fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, row, .pages = 33, .maps = 3, .kernel_user = 33,
			 .correct_user = 33, .pid = 103);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .correct = 33, .buffers = 1);
	fx_end_map(fx, &of_x, -EINVAL);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &d, 0, 0);
	fx_unmap(fx, &c, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_fail(fx, &d, -EINVAL, 0, 0);
	FX_EXPECT_USER(fx, 2, .kernel = 0);
}

/* Or may have, as another call of his goes on. */
static void whose_u_moved_takes_the_place_of_whose_may_have(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma c = fx_ring(fx, 0, 0, 33), x = fx_ring(fx, 1, 1, 1);
	struct fx_vma d = fx_ring(fx, 2, 0, 33), a = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_c, of_d, of_x;
	struct perfmlock_buffer *row;

	of_x = fx_begin_map(fx, &x);
	of_c = fx_begin_map(fx, &c);
	of_d = fx_begin_map(fx, &d);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &d, 33, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_end_map(fx, &of_c, 0);
	row = fx_buffer(fx, d.event->rb);
	KUNIT_EXPECT_TRUE(test, row->pending == PERFMLOCK_MAYBE_FIRST);
	fx_end_map(fx, &of_d, 0);
	fx_end_map(fx, &of_a, -EINVAL);
	fx_end_map(fx, &of_x, -EINVAL);
	FX_EXPECT_BUFFER(fx, row, .pages = 33, .maps = 2, .kernel_user = 33,
			 .correct_user = 33, .pid = 102);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	fx_unmap(fx, &c, 0, 0);
	fx_unmap(fx, &d, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* Where all are charged he who returned first had the event first. */
static void whose_u_moved_takes_no_place_where_remaps_are_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), c = fx_ring(fx, 2, 0, 33);
	struct fx_vma d = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_c, of_d;

	fx->ledger.model = PERFMLOCK_S6;
	of_c = fx_begin_map(fx, &c);
	of_d = fx_begin_map(fx, &d);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &c, 33, 0);
	fx_kernel_maps(fx, &d, 33, 0);
	fx_end_map(fx, &of_c, 0);
	fx_end_map(fx, &of_d, 0);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	fx_end_map(fx, &of_a, -EINVAL);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/* He whose place is taken was charged too, which nobody had seen that kernel do. */
static void whose_place_is_taken_may_have_been_charged(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_c;

	of_a = fx_begin_map(fx, &a);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_map(fx, &b, 33, 0);
	fx_kernel_maps(fx, &c, 33, 0);
	fx_end_map(fx, &of_c, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	/* two whose U took it all: that tells the rule */
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.model, PERFMLOCK_S6);
	fx_fail(fx, &b, -EINVAL, 0, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->foreign, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* Another call of his took as much off as he was charged for what he met. */
static void who_met_it_may_have_been_charged_though_u_is_as_before(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), c = fx_ring(fx, 2, 0, 33);
	struct fx_vma w = fx_ring(fx, 2, 1, 33);
	struct fx_call of_a, of_c;

	fx_map(fx, &w, 33, 0);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 33, 0);
	fx_unmap(fx, &w, -33, 0);
	fx_end_map(fx, &of_c, 0);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
}

/* And on a kernel that is right, put as much on. */
static void who_met_it_was_not_charged_though_u_is_another(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), c = fx_ring(fx, 2, 0, 33);
	struct fx_vma w = fx_ring(fx, 2, 1, 33), x = fx_ring(fx, 2, 2, 1);
	struct fx_call of_a, of_c, of_x;

	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_map(fx, &w, 33, 0);
	fx_end_map(fx, &of_c, 0);
	of_x = fx_begin_map(fx, &x);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->remapped, 0);
	fx_end_map(fx, &of_x, -EINVAL);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
}

/* His U stood still: what is found on it later is no re-map's. */
static void what_stood_still_was_not_charged_for_a_remap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma w = fx_ring(fx, 0, 1, 33), rival = fx_ring(fx, 3, 1, 33);
	struct fx_vma a = fx_ring(fx, 1, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma z = fx_ring(fx, 0, 2, 1);
	struct fx_call of_a, of_b, of_rival, of_z;

	fx_map(fx, &w, 33, 0);
	of_b = fx_begin_map(fx, &b);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_NOT_FIRST);
	/* its last close finds the rival in perf_mmap(), and leaves it to that */
	of_rival = fx_begin_map(fx, &rival);
	w.event->maps = 2;
	fx_unmap(fx, &w, 0, 0);
	w.event->maps = 0;
	w.event->rb = NULL;
	fx_end_map(fx, &of_rival, -EINVAL);
	of_z = fx_begin_map(fx, &z);
	fx_end_map(fx, &of_b, 0);
	fx_end_map(fx, &of_z, -EINVAL);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_LOST_UNCHARGE);
}

/* It is another's, and another's again, while one closes it. */
static void a_close_may_move_whose_it_is_at_last(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33), y = fx_ring(fx, 1, 1, 33);
	struct fx_call of_a, of_c, close;

	fx->ledger.model = PERFMLOCK_S6;
	fx->limit = 20;
	of_a = fx_begin_map(fx, &a);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 20, 13);
	fx_map(fx, &b, 33, 0);
	fx_kernel_maps(fx, &c, 33, 0);
	close = fx_begin_unmap(fx, &b);
	fx_end_map(fx, &of_c, 0);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 20, .correct = 20, .buffers = 1);
	fx_unmap(fx, &c, 0, 0);
	fx_unmap(fx, &a, 0, 0);
	fx_kernel_unmaps(&b, 0, 0);
	fx->users[0].counter -= 20;
	fx->mms[0].counter -= 13;
	fx->limit = 100;
	fx_fail(fx, &y, -EINVAL, 0, 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	fx_end_unmap(fx, &close);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
}

/* And of one that charges them all were: one has made it, whoever that was. */
static void who_takes_a_place_was_charged_for_making_it(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), c = fx_ring(fx, 2, 0, 33);
	struct fx_vma d = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_d;

	fx->ledger.model = PERFMLOCK_S6;
	of_d = fx_begin_map(fx, &d);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &d, 33, 0);
	fx_map(fx, &c, 33, 0);
	fx_end_map(fx, &of_d, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 2);
}

/* Nothing tells of two who return what they were charged. */
static void what_anyone_has_made_is_foreign(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 2, 0, 33), d = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_b, of_c, of_d;

	of_c = fx_begin_map(fx, &c);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	of_d = fx_begin_map(fx, &d);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_c, 0);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, b.event->rb)->pending ==
				PERFMLOCK_UNSEEN_FIRST);
	fx_end_map(fx, &of_b, 0);
	fx_kernel_maps(fx, &d, 0, 0);
	fx_end_map(fx, &of_d, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 1);
	fx_unmap(fx, &a, 0, 0);
	fx_unmap(fx, &b, 0, 0);
	fx_unmap(fx, &c, 0, 0);
	fx_unmap(fx, &d, -33, 0);
	fx_fail(fx, &a, -EINVAL, 0, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->foreign, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* On a shared counter, of which a stranger has taken a part. */
static void what_may_have_moved_is_not_what_the_last_has_made(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma b = fx_ring(fx, 1, 0, 33), x = fx_ring(fx, 0, 1, 1);
	struct fx_vma c = fx_ring(fx, 2, 0, 33), d = fx_ring(fx, 3, 0, 33);
	struct fx_call of_b, of_c, of_d, of_x;

	fx->ledger.exclusive = false;
	of_c = fx_begin_map(fx, &c);
	of_b = fx_begin_map(fx, &b);
	of_x = fx_begin_map(fx, &x);
	of_d = fx_begin_map(fx, &d);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_end_map(fx, &of_c, 0);
	fx_end_map(fx, &of_b, 0);
	fx_kernel_maps(fx, &d, 16, 0);
	fx_end_map(fx, &of_d, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 1);
	FX_EXPECT_USER(fx, 2, .kernel = 0);
	fx_end_map(fx, &of_x, -EINVAL);
}

/* A stranger can put as much on it. */
static void what_a_stranger_puts_on_u_tells_no_rule(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_b, of_c;

	fx->ledger.exclusive = false;
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	/* 33 of another kind */
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	fx_end_map(fx, &of_c, 0);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* And another call of his can take as much off meanwhile. */
static void what_either_was_charged_of_a_shared_counter_is_not_known(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 2, 0, 33), d = fx_ring(fx, 2, 0, 33);
	struct fx_call of_a, of_b, of_d, close_a, close_b, close_c, close_d;

	fx->ledger.exclusive = false;
	teach(fx, &races[2], 0);
	teach(fx, &races[2], 2);
	fx_map(fx, &c, 33, 0);
	close_c = fx_begin_unmap(fx, &c);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_unmaps(&c, 0, 0);
	of_d = fx_begin_map(fx, &d);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &d, 33, 0);
	fx_kernel_maps(fx, &a, 0, 0);
	fx_end_map(fx, &of_a, 0);
	fx_end_map(fx, &of_d, 0);
	/* of c's */
	fx->users[1].counter -= 33;
	close_a = fx_begin_unmap(fx, &a);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	close_b = fx_begin_unmap(fx, &b);
	fx_kernel_unmaps(&b, 0, 0);
	fx_kernel_unmaps(&a, 0, 0);
	fx_end_unmap(fx, &close_b);
	close_d = fx_begin_unmap(fx, &d);
	fx_kernel_unmaps(&d, 0, 0);
	fx_end_unmap(fx, &close_c);
	fx->users[1].counter -= 33;
	fx_end_unmap(fx, &close_a);
	fx_end_unmap(fx, &close_d);
	fx_fail(fx, &d, -EINVAL, 0, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

/* Where it does U tells nothing, and M may. */
static void who_is_charged_for_a_remap_is_not_the_maker(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), b = fx_ring(fx, 2, 0, 133);
	struct fx_call of_a, of_b;

	fx->ledger.model = PERFMLOCK_S6;
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 100, 33);
	fx_kernel_maps(fx, &b, 133, 0);
	fx_end_map(fx, &of_b, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_MAYBE_FIRST);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 133, .maps = 2,
			 .kernel_user = 233, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33, .pid = 100);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .correct = 100, .buffers = 1);
	FX_EXPECT_USER(fx, 1, .kernel = 133, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/* Whoever fails beside. */
static void a_charge_for_a_remap_makes_nobody_the_maker(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 5), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma d = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_b, of_d;

	fx->ledger.model = PERFMLOCK_S6;
	of_a = fx_begin_map(fx, &a);
	of_d = fx_begin_map(fx, &d);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &b, 33, 0);
	/* of a wrong size: it has mapped nothing */
	fx_end_map(fx, &of_a, -EINVAL);
	fx_end_map(fx, &of_b, 0);
	fx_kernel_maps(fx, &d, 33, 0);
	fx_end_map(fx, &of_d, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, b.event->rb), .pages = 33, .maps = 2,
			 .kernel_user = 66, .correct_user = 33, .pid = 101);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	fx_unmap(fx, &d, 0, 0);
	fx_unmap(fx, &b, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
}

/* A failure does not give it back. */
static void who_fails_late_was_charged_for_a_remap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33);
	struct fx_call of_a, of_b, of_c;

	fx->ledger.model = PERFMLOCK_S6;
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_kernel_unmaps(&b, 0, 0);
	fx_end_map(fx, &of_b, -ENOMEM);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	fx_end_map(fx, &of_c, -EINVAL);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
}

/* M or U has told who made it: then the charge of who did not is known. */
static void what_is_closed_as_anothers_was_charged_for_a_remap(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma c = fx_ring(fx, 2, 0, 33), d = fx_ring(fx, 3, 0, 33);
	struct fx_call of_c, close;

	fx->ledger.model = PERFMLOCK_S6;
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &c, 33, 0);
	fx_map(fx, &d, 33, 0);
	close = fx_begin_unmap(fx, &d);
	fx_end_map(fx, &of_c, 0);
	fx_kernel_unmaps(&d, 0, 0);
	fx_end_unmap(fx, &close);
	fx_unmap(fx, &c, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 1);
	fx_fail(fx, &d, -EINVAL, 0, 0);
	FX_EXPECT_USER(fx, 2, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[2])->foreign, 0);
}

/* It met it: it did not make it. */
static void who_met_it_and_fails_leaves_it_to_its_maker(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 2, 0, 5);
	struct fx_call of_a;

	of_a = fx_begin_map(fx, &a);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_map(fx, &b, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_NOT_FIRST);
	/* of another size; it met it: it cannot have made it */
	fx_fail(fx, &c, -EINVAL, 0, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_NOT_FIRST);
	fx_end_map(fx, &of_a, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 2,
			 .kernel_user = 33, .correct_user = 33, .pid = 100);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
}

/* It made way for a new one, which another maps, and failed late. */
static void what_one_that_fails_has_made_instead_is_nobodys(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33);
	struct fx_call of_b, of_c;

	fx_map(fx, &a, 33, 0);
	of_b = fx_begin_map(fx, &b);
	/* its last close finds b in perf_mmap(), which makes way: it is lost */
	a.event->maps = 2;
	fx_unmap(fx, &a, 0, 0);
	of_c = fx_begin_map(fx, &c);
	a.event->maps = 0;
	a.event->rb = NULL;
	fx_kernel_maps(fx, &b, 33, 0);
	fx_kernel_maps(fx, &c, 0, 0);
	fx_kernel_unmaps(&b, 0, 0);
	fx_end_map(fx, &of_b, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	fx_end_map(fx, &of_c, 0);
	fx_unmap(fx, &c, -33, 0);
	fx_fail(fx, &b, -EINVAL, 0, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->foreign, 0);
}

/* Nothing told who made it, and the other one is told of no more. */
static void who_returned_first_need_not_have_made_it_where_another_fails_late(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 2, 0, 33), b = fx_ring(fx, 0, 0, 33);
	struct fx_vma x = fx_ring(fx, 1, 1, 1);
	struct fx_call of_a, of_b, of_x;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	of_x = fx_begin_map(fx, &x);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	fx_kernel_unmaps(&a, 0, 0);
	fx_end_map(fx, &of_a, -ENOMEM);
	fx_end_map(fx, &of_x, -EINVAL);
	FX_EXPECT_USER(fx, 0, .kernel = 0, .buffers = 1);
	fx_unmap(fx, &b, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
}

/* On a shared counter: strangers move the U of one who maps it too. */
static void what_strangers_take_off_u_makes_nobody_the_maker(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma c = fx_ring(fx, 2, 0, 33);
	struct fx_call of_a, of_b, of_c;

	fx->ledger.exclusive = false;
	teach(fx, &races[2], 0);
	teach(fx, &races[2], 2);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	fx_kernel_maps(fx, &c, -16, 0);
	fx_end_map(fx, &of_c, 0);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
}

/* It fails for want of memory, and nobody knows who of the others made it. */
static void what_may_be_anyones_is_in_the_bounds_of_others(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 0, 33);
	struct fx_vma c = fx_ring(fx, 3, 0, 33), other = fx_ring(fx, 1, 1, 33);
	struct fx_call of_a, of_b, of_c, of_other;

	fx->limit = 50;
	of_a = fx_begin_map(fx, &a);
	of_c = fx_begin_map(fx, &c);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 33, 0);
	of_other = fx_begin_map(fx, &other);
	fx_kernel_maps(fx, &other, 17, 16);
	fx_end_map(fx, &of_a, 0);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_MAYBE_FIRST);
	fx_end_map(fx, &of_b, -ENOMEM);
	KUNIT_EXPECT_TRUE(test, fx_buffer(fx, a.event->rb)->pending ==
				PERFMLOCK_UNSEEN_FIRST);
	fx_end_map(fx, &of_other, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_end_map(fx, &of_c, -EINVAL);
}

/* A third maps and unmaps it, both missed, and was the last. */
static void what_is_pending_as_a_call_is_missed_is_not_lost(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma m = fx_ring(fx, 0, 0, 33);
	struct fx_call of_a, of_b;

	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	/* a third maps and unmaps it, both missed */
	fx_kernel_maps(fx, &m, 0, 0);
	fx_missed(fx);
	fx_unmap(fx, &a, 0, 0);
	fx_kernel_unmaps(&m, -33, 0);
	fx_end_map(fx, &of_b, -EPERM);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	fx_sweep(fx, nothing);
	fx_fail(fx, &b, -EINVAL, 0, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->foreign, 0);
}

/* A call of his may be under way: but not of this event, as far as is known. */
static void who_is_busy_leaves_it_to_who_returned_first(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 1, 0, 33);
	struct fx_vma evil = fx_ring(fx, 2, 1, 1);
	struct fx_call of_a, of_b;

	fx_fail(fx, &a, -EINVAL, 0, 0);
	fx_fail(fx, &evil, -EINVAL, 0, 0);
	fx_missed(fx);
	perfmlock_sweep_begin(&fx->ledger);
	perfmlock_sweep_busy(&fx->ledger, &fx->users[1]);
	fx_end_walk(fx, PERFMLOCK_MARKED);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_TRUE(test, fx->ledger.busy);
	KUNIT_EXPECT_FALSE(test, fx_user_row(fx, &fx->users[0])->busy);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_end_map(fx, &of_a, 0);
	fx_kernel_maps(fx, &b, 0, 0);
	fx_end_map(fx, &of_b, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, a.event->rb), .pages = 33, .maps = 2,
			 .kernel_user = 33, .correct_user = 33, .pid = 100);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
}

static int init_suite(struct kunit_suite *suite)
{
	FX_PLAN("races", races_end_as_the_counters_do, races);
	return 0;
}

static struct kunit_case perfmlock_races_cases[] = {
	KUNIT_CASE_PARAM(races_end_as_the_counters_do, race_gen_params),
	KUNIT_CASE(whose_u_moved_made_it_though_a_third_is_to_come),
	KUNIT_CASE(whose_u_moved_takes_the_place_of_whose_did_not),
	KUNIT_CASE(whose_u_moved_takes_the_place_of_whose_may_have),
	KUNIT_CASE(whose_u_moved_takes_no_place_where_remaps_are_charged),
	KUNIT_CASE(whose_place_is_taken_may_have_been_charged),
	KUNIT_CASE(who_met_it_may_have_been_charged_though_u_is_as_before),
	KUNIT_CASE(who_met_it_was_not_charged_though_u_is_another),
	KUNIT_CASE(what_stood_still_was_not_charged_for_a_remap),
	KUNIT_CASE(a_close_may_move_whose_it_is_at_last),
	KUNIT_CASE(who_takes_a_place_was_charged_for_making_it),
	KUNIT_CASE(what_anyone_has_made_is_foreign),
	KUNIT_CASE(what_may_have_moved_is_not_what_the_last_has_made),
	KUNIT_CASE(what_a_stranger_puts_on_u_tells_no_rule),
	KUNIT_CASE(what_either_was_charged_of_a_shared_counter_is_not_known),
	KUNIT_CASE(who_is_charged_for_a_remap_is_not_the_maker),
	KUNIT_CASE(a_charge_for_a_remap_makes_nobody_the_maker),
	KUNIT_CASE(who_fails_late_was_charged_for_a_remap),
	KUNIT_CASE(what_is_closed_as_anothers_was_charged_for_a_remap),
	KUNIT_CASE(who_met_it_and_fails_leaves_it_to_its_maker),
	KUNIT_CASE(what_one_that_fails_has_made_instead_is_nobodys),
	KUNIT_CASE(who_returned_first_need_not_have_made_it_where_another_fails_late),
	KUNIT_CASE(what_strangers_take_off_u_makes_nobody_the_maker),
	KUNIT_CASE(what_may_be_anyones_is_in_the_bounds_of_others),
	KUNIT_CASE(what_is_pending_as_a_call_is_missed_is_not_lost),
	KUNIT_CASE(who_is_busy_leaves_it_to_who_returned_first),
	{}
};

static struct kunit_suite perfmlock_races_suite = {
	.name = "perfmlock_races",
	.suite_init = init_suite,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = perfmlock_races_cases,
};

kunit_test_suite(perfmlock_races_suite);
