// SPDX-License-Identifier: GPL-2.0
/*
 * What holds for a right rule whatever happens: random mmaps and munmaps of
 * several users and mms, with limits that move. Each rule of the history
 * breaks some of it, and which part, and in what world, is known.
 */
#include <linux/bitops.h>
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>

#include "fixture.h"
#include "world.h"

#define OPERATIONS	100000

enum property {
	CONSERVED,	/* U and M hold what the live buffers were charged */
	NEVER_NEGATIVE,	/* no counter is below zero */
	ZERO_AT_END,	/* with nothing mapped, nothing is charged */
	NOT_MORE,	/* n pages are charged n times, neither more nor less */
	PROPERTIES
};

static const char * const property_names[] = {
	[CONSERVED] = "conserved", [NEVER_NEGATIVE] = "never negative",
	[ZERO_AT_END] = "zero at the end", [NOT_MORE] = "n for n pages",
};

#define C	BIT(CONSERVED)
#define N	BIT(NEVER_NEGATIVE)
#define Z	BIT(ZERO_AT_END)
#define M	BIT(NOT_MORE)

/* What may happen in a world; without any: data of one mm, one user each. */
#define AUX_AREAS	BIT(0)
#define REMAPS		BIT(1)
#define LIMITS_MOVE	BIT(2)
#define SHARED		BIT(3)	/* other users and mms map and unmap it too */

/**
 * struct habitat - a rule in a world
 * @model: the rule
 * @happens: what may happen there
 * @breaks: which properties do not hold
 */
struct habitat {
	const char *model;
	unsigned int happens;
	unsigned int breaks;
};

static const struct habitat habitats[] = {
	{ "reference", 0, 0 },
	{ "reference", AUX_AREAS | REMAPS | LIMITS_MOVE | SHARED, 0 },
	{ "S0", 0, M },
	{ "S0c", 0, M },
	{ "S1", REMAPS | LIMITS_MOVE, 0 },
	{ "S1", AUX_AREAS, C | N | Z },
	{ "S2", REMAPS | LIMITS_MOVE, 0 },
	{ "S2", AUX_AREAS, C | Z },
	{ "S3", AUX_AREAS | REMAPS | LIMITS_MOVE, 0 },
	{ "S3", AUX_AREAS | SHARED, C | N | Z },
	{ "S4", AUX_AREAS | REMAPS, 0 },
	{ "S4", LIMITS_MOVE, N | M },
	{ "S5", AUX_AREAS | REMAPS | LIMITS_MOVE, 0 },
	{ "S5", SHARED, C | N | Z },
	{ "S6", AUX_AREAS | LIMITS_MOVE, 0 },
	{ "S6", REMAPS, C | Z | M },
};

static void habitat_desc(const struct habitat *habitat, char *desc)
{
	unsigned int i;
	int at;

	at = scnprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s with %s%s%s%sbreaks:",
		       habitat->model,
		       habitat->happens & AUX_AREAS ? "AUX, " : "data, ",
		       habitat->happens & REMAPS ? "re-maps, " : "",
		       habitat->happens & LIMITS_MOVE ? "moving limits, " : "",
		       habitat->happens & SHARED ? "sharing, " : "");
	for (i = 0; i < PROPERTIES; i++)
		if (habitat->breaks & BIT(i))
			at += scnprintf(desc + at, KUNIT_PARAM_DESC_SIZE - at,
					" %s,", property_names[i]);
	if (!habitat->breaks)
		scnprintf(desc + at, KUNIT_PARAM_DESC_SIZE - at, " nothing");
}

KUNIT_ARRAY_PARAM(habitat, habitats, habitat_desc);

/* Printed, and the same for all: a failure can be run again. */
static unsigned long seed;
/* not shown: built in and loaded as well, the two would share a directory */
module_param(seed, ulong, 0);
MODULE_PARM_DESC(seed, "of the random sequences; 0: a new one");

static unsigned long below(struct rnd_state *random, unsigned long n)
{
	return prandom_u32_state(random) % n;
}

/* One user and one mm an event, unless they are shared. */
static struct world_call random_call(struct rnd_state *random,
				     const struct world *world,
				     unsigned int happens)
{
	struct world_call call = {
		.event = below(random, WORLD_EVENTS),
		.kind = happens & AUX_AREAS && below(random, 2),
	};

	call.mm = call.event % WORLD_MMS;
	if (happens & SHARED)
		call.mm = below(random, WORLD_MMS);
	call.user = call.mm % WORLD_USERS;
	call.pages = 1UL << below(random, 9);
	if (call.kind == PERFMLOCK_DATA)
		call.pages++;
	return call;
}

/* The properties that do not hold at this moment, from what is mapped alone. */
static unsigned int broken(const struct world *world)
{
	long user[WORLD_USERS] = {}, mm[WORLD_MMS] = {};
	const struct world_part *part;
	unsigned int i, kind, mask = 0;

	for (i = 0; i < WORLD_EVENTS; i++) {
		for (kind = 0; kind < PERFMLOCK_KINDS; kind++) {
			part = &world->event[i][kind];
			if (!part->pages)
				continue;
			user[part->user] += part->charged_user;
			mm[part->mm] += part->charged_mm;
			if (part->charged_user < 0 || part->charged_mm < 0 ||
			    part->charged_user + part->charged_mm !=
					part->pages)
				mask |= M;
		}
	}
	for (i = 0; i < WORLD_USERS; i++) {
		if (world->user[i] != user[i])
			mask |= C;
		if (world->user[i] < 0)
			mask |= N;
	}
	for (i = 0; i < WORLD_MMS; i++) {
		if (world->mm[i] != mm[i])
			mask |= C;
		if (world->mm[i] < 0)
			mask |= N;
	}
	return mask;
}

static bool is_zero(const struct world *world)
{
	unsigned int i;

	for (i = 0; i < WORLD_USERS; i++)
		if (world->user[i])
			return false;
	for (i = 0; i < WORLD_MMS; i++)
		if (world->mm[i])
			return false;
	return true;
}

static void random_step(struct rnd_state *random, struct world *world,
			unsigned int happens)
{
	struct world_call call = random_call(random, world, happens);
	const struct world_part *event = world->event[call.event];
	bool mapped = event[PERFMLOCK_DATA].maps + event[PERFMLOCK_AUX].maps;

	if (happens & LIMITS_MOVE && !below(random, 50)) {
		world->limit = below(random, 2000);
		world->rlimit[call.mm] = below(random, 3000);
	} else if (below(random, 2)) {
		if (world_can_unmap(world, &call))
			world_unmap(world, &call);
	} else if (world_can_map(world, &call)) {
		if (call.kind == PERFMLOCK_AUX)
			mapped = event[PERFMLOCK_AUX].maps;
		if (!mapped || happens & REMAPS)
			world_map(world, &call);
	}
}

static void random_sequences_break_what_they_must(struct kunit *test)
{
	const struct habitat *habitat = test->param_value;
	unsigned int i, mask = 0, wrong;
	struct rnd_state random;
	struct world *world;

	world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, world);
	prandom_seed_state(&random, seed);
	world_init(world, world_model(habitat->model), 1000, 2000);
	world->exempt[1] = true;
	world->rlimit[2] = WORLD_UNLIMITED;

	for (i = 0; i < OPERATIONS; i++) {
		random_step(&random, world, habitat->happens);
		wrong = broken(world);
		/* the first time of each, for who has to look into it */
		if (wrong & ~(mask | habitat->breaks))
			kunit_err(test, "seed %lu, operation %u: broken 0x%x",
				  seed, i, wrong);
		mask |= wrong;
		/* a world that has gone wrong soon refuses all there is */
		if (i % 1000)
			continue;
		world_unmap_all(world);
		if (!is_zero(world)) {
			mask |= Z;
			memset(world->user, 0, sizeof(world->user));
			memset(world->mm, 0, sizeof(world->mm));
		}
	}
	for (i = 0; i < PROPERTIES; i++)
		KUNIT_EXPECT_EQ_MSG(test, mask & BIT(i),
				    habitat->breaks & BIT(i),
				    "seed %lu: %s, %s", seed, habitat->model,
				    property_names[i]);
}

/*
 * The same rings in another order, or one ring in two parts, make the same
 * total: to the user what is free, to the mm the rest.
 */

struct order_case {
	const char *model;
	bool same;
};

static const struct order_case orders[] = {
	{ "reference", true }, { "S0", false }, { "S0c", true },
	{ "S1", true }, { "S2", true }, { "S3", true }, { "S4", true },
	{ "S5", true }, { "S6", true },
};

static void order_desc(const struct order_case *this, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: the total is %s",
		 this->model, this->same ? "the same" : "another");
}

KUNIT_ARRAY_PARAM(order, orders, order_desc);

#define RINGS	8

static void total_of(const struct perfmlock_model *model, unsigned long limit,
		     const unsigned long *pages, unsigned int nr, long *user,
		     long *mm)
{
	struct perfmlock_state state = { .limit = limit, .rlimit = ~0UL };
	struct perfmlock_charge charge;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		perfmlock_model_charge(model, &state, pages[i], &charge);
		state.user += charge.user;
		state.mm += charge.mm;
	}
	*user = state.user;
	*mm = state.mm;
}

static void order_does_not_change_the_total(struct kunit *test)
{
	const struct order_case *this = test->param_value;
	const struct perfmlock_model *model = world_model(this->model);
	unsigned long pages[RINGS + 1], limit, cut;
	long user[3], mm[3];
	bool same = true;
	struct rnd_state random;
	unsigned int i, j;

	prandom_seed_state(&random, seed);
	for (i = 0; i < OPERATIONS / RINGS; i++) {
		for (j = 0; j < RINGS; j++)
			pages[j] = 2 + below(&random, 512);
		limit = below(&random, 3000);
		total_of(model, limit, pages, RINGS, &user[0], &mm[0]);
		for (j = RINGS - 1; j; j--) {
			cut = below(&random, j + 1);
			swap(pages[j], pages[cut]);
		}
		total_of(model, limit, pages, RINGS, &user[1], &mm[1]);
		cut = 1 + below(&random, pages[0] - 1);
		pages[RINGS] = pages[0] - cut;
		pages[0] = cut;
		total_of(model, limit, pages, RINGS + 1, &user[2], &mm[2]);
		for (j = 1; j < 3; j++)
			if (user[j] != user[0] || mm[j] != mm[0])
				same = false;
	}
	KUNIT_EXPECT_EQ_MSG(test, same, this->same, "seed %lu", seed);
}

/* A step that is called plain must tell nothing: every rule gives it. */
static void plain_steps_tell_nothing(struct kunit *test)
{
	struct perfmlock_observation obs;
	struct perfmlock_charge charge;
	unsigned int i, j, plain = 0;
	struct rnd_state random;

	prandom_seed_state(&random, seed);
	for (i = 0; i < OPERATIONS; i++) {
		obs.step = below(&random, PERFMLOCK_STEPS);
		obs.kind = below(&random, PERFMLOCK_KINDS);
		obs.pages = 1 + below(&random, 8);
		obs.rec = below(&random, 3) ? 0 : below(&random, 8);
		obs.state.user = (long)below(&random, 16) - 4;
		obs.state.mm = (long)below(&random, 16) - 4;
		obs.state.limit = below(&random, 16);
		obs.state.rlimit = below(&random, 16);
		perfmlock_model_step(&perfmlock_models[below(&random, 8)], &obs,
				     &charge);
		obs.user = charge.user + !below(&random, 8);
		obs.mm = charge.mm + !below(&random, 8);
		/* what looks plain at a glance, whatever the rule says */
		if (!below(&random, 4)) {
			obs.user = obs.step == PERFMLOCK_LAST_UNMAP ?
				   -obs.pages : obs.pages;
			obs.mm = 0;
		}
		if (!perfmlock_is_plain(&obs))
			continue;
		plain++;
		for (j = 0; j < PERFMLOCK_NR_MODELS; j++) {
			if (perfmlock_models[j].remap_charges &&
			    obs.step == PERFMLOCK_REMAP)
				continue;
			perfmlock_model_step(&perfmlock_models[j], &obs,
					     &charge);
			KUNIT_EXPECT_EQ_MSG(test, charge.user, obs.user,
					    "seed %lu: %s", seed,
					    perfmlock_models[j].name);
			KUNIT_EXPECT_EQ_MSG(test, charge.mm, obs.mm,
					    "seed %lu: %s", seed,
					    perfmlock_models[j].name);
		}
	}
	KUNIT_EXPECT_GT(test, plain, OPERATIONS / 20);
}

/* The least that helps: with it admitted, with a step less refused. */
static void remedies_are_exact(struct kunit *test)
{
	struct perfmlock_remedy remedy;
	struct perfmlock_charge charge;
	struct perfmlock_state state, with;
	unsigned int i, cpus, pages;
	struct rnd_state random;

	prandom_seed_state(&random, seed);
	for (i = 0; i < OPERATIONS / 20; i++) {
		cpus = 1 + below(&random, 64);
		pages = 1 + below(&random, 600);
		state.user = below(&random, 3000);
		state.mm = below(&random, 1000);
		state.limit = perfmlock_user_lock_limit(below(&random, 600), 12,
							cpus);
		state.rlimit = below(&random, 1000);
		perfmlock_reference(&state, pages, &charge);
		if (!charge.over)
			continue;
		perfmlock_remedy(&perfmlock_models[PERFMLOCK_MODEL_DEFAULT],
				 &state, pages, 1, 12, cpus, &remedy);

		with = state;
		with.rlimit = remedy.memlock_kb / 4;
		perfmlock_reference(&with, pages, &charge);
		KUNIT_EXPECT_FALSE(test, charge.over);
		with.rlimit--;
		perfmlock_reference(&with, pages, &charge);
		KUNIT_EXPECT_TRUE(test, charge.over);

		with = state;
		with.limit = perfmlock_user_lock_limit(remedy.mlock_kb, 12,
						       cpus);
		perfmlock_reference(&with, pages, &charge);
		/* no limit helps where M is over the rlimit by itself */
		KUNIT_EXPECT_EQ(test, remedy.mlock_kb < 0,
				state.mm > (long)state.rlimit);
		if (remedy.mlock_kb < 0)
			continue;
		KUNIT_EXPECT_FALSE(test, charge.over);
		with.limit -= cpus;
		perfmlock_reference(&with, pages, &charge);
		KUNIT_EXPECT_TRUE(test, charge.over);
	}
}

#define MOST_RINGS	6

/* Maps rings one after the other, as a process does; false: one was refused. */
static bool map_all(struct perfmlock_state *state, const long *pages,
		    unsigned int rings, bool exempt)
{
	struct perfmlock_charge charge;
	unsigned int i;

	for (i = 0; i < rings; i++) {
		perfmlock_reference(state, pages[i], &charge);
		if (charge.over && !exempt)
			return false;
		state->user += charge.user;
		state->mm += charge.mm;
	}
	return true;
}

static bool starts_anew(long others, long pinned, unsigned long limit,
			unsigned long rlimit, const long *pages,
			unsigned int rings)
{
	struct perfmlock_state state = {
		.user = others, .mm = pinned, .limit = limit, .rlimit = rlimit,
	};

	return map_all(&state, pages, rings, false);
}

/*
 * A process has mapped rings, others of its user before and after, the limits may
 * have been lowered since; a ring is refused, and more like it were to come. What is
 * said to help after a restart helps, and a step less does not.
 */
static void remedies_of_a_restart_are_exact(struct kunit *test)
{
	const struct perfmlock_model *model =
		&perfmlock_models[PERFMLOCK_MODEL_DEFAULT];
	unsigned int i, k, cpus, rings, more, refused = 0;
	struct perfmlock_state state, restarted;
	struct perfmlock_holding holding;
	struct perfmlock_remedy remedy;
	struct perfmlock_charge charge;
	long pages[2 * MOST_RINGS], others, pinned;
	struct rnd_state random;

	prandom_seed_state(&random, seed);
	for (i = 0; i < OPERATIONS / 20; i++) {
		cpus = 1 + below(&random, 8);
		rings = below(&random, MOST_RINGS);
		others = below(&random, 600);
		pinned = below(&random, 3) ? 0 : below(&random, 100);
		state.limit = perfmlock_user_lock_limit(below(&random, 300), 12,
							cpus);
		state.rlimit = below(&random, 400);
		state.user = others;
		state.mm = pinned;
		holding = (struct perfmlock_holding){};
		for (k = 0; k < rings; k++) {
			pages[k] = 1 + (1L << below(&random, 8));
			holding.pages += pages[k];
		}
		map_all(&state, pages, rings, true);
		holding.mm = state.mm - pinned;
		holding.others = pinned;
		/* those that come later have no more than there is */
		if (state.user < (long)state.limit && below(&random, 2)) {
			k = below(&random, state.limit - state.user + 1);
			state.user += k;
			others += k;
		}
		if (!below(&random, 3))
			state.limit /= 1 + below(&random, 4);
		more = 1 + below(&random, MOST_RINGS);
		for (k = rings; k < rings + more; k++)
			pages[k] = rings ? pages[0] : 129;
		perfmlock_reference(&state, pages[rings], &charge);
		if (!charge.over)
			continue;
		refused++;
		perfmlock_restarted(model, &state, &holding, &restarted);
		perfmlock_remedy(model, &restarted,
				 holding.pages + pages[rings] * more, 1, 12,
				 cpus, &remedy);
		rings += more;
#define STARTS_ANEW(limit, rlimit)					\
	starts_anew(others, pinned, limit, rlimit, pages, rings)
		KUNIT_EXPECT_TRUE(test, STARTS_ANEW(state.limit,
						    remedy.memlock_kb / 4));
		if (remedy.memlock_kb > 0)
			KUNIT_EXPECT_FALSE(test, STARTS_ANEW(state.limit,
							     remedy.memlock_kb / 4 - 1));
		KUNIT_EXPECT_EQ(test, remedy.mlock_kb < 0,
				pinned > (long)state.rlimit);
		if (remedy.mlock_kb < 0)
			continue;
		state.limit = perfmlock_user_lock_limit(remedy.mlock_kb, 12,
							cpus);
		KUNIT_EXPECT_TRUE(test, STARTS_ANEW(state.limit, state.rlimit));
		if (state.limit)
			KUNIT_EXPECT_FALSE(test, STARTS_ANEW(state.limit - cpus,
							     state.rlimit));
	}
	KUNIT_EXPECT_GT(test, refused, OPERATIONS / 100);
}

static int init_suite(struct kunit_suite *suite)
{
	if (!seed)
		seed = get_random_long();
	pr_info("perfmlock_properties: seed %lu\n", seed);
	FX_PLAN("properties", random_sequences_break_what_they_must, habitats);
	FX_PLAN("properties", order_does_not_change_the_total, orders);
	return 0;
}

static struct kunit_case perfmlock_properties_cases[] = {
	KUNIT_CASE_PARAM(random_sequences_break_what_they_must,
			 habitat_gen_params),
	KUNIT_CASE_PARAM(order_does_not_change_the_total, order_gen_params),
	KUNIT_CASE(plain_steps_tell_nothing),
	KUNIT_CASE(remedies_are_exact),
	KUNIT_CASE(remedies_of_a_restart_are_exact),
	{}
};

static struct kunit_suite perfmlock_properties_suite = {
	.name = "perfmlock_properties",
	.suite_init = init_suite,
	.test_cases = perfmlock_properties_cases,
};

kunit_test_suite(perfmlock_properties_suite);
