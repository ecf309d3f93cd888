// SPDX-License-Identifier: GPL-2.0
/*
 * The ledger beside kernels of every age: random mmaps and munmaps in two
 * worlds at once, one that keeps its accounts by a rule of the history and one
 * that keeps them right. The books must show both, to the page, at any moment,
 * and say which mistakes they saw and whose rule it was.
 */
#include <linux/moduleparam.h>
#include <linux/prandom.h>
#include <linux/random.h>

#include "fixture.h"
#include "world.h"

#define OPERATIONS	4000
#define MOST_ROUNDS	10

/* What may happen; without any: data of one user and mm an event. */
#define AUX_AREAS	BIT(0)
#define REMAPS		BIT(1)
#define LIMITS_MOVE	BIT(2)
#define SHARED		BIT(3)
#define ALL_OF_IT	(AUX_AREAS | REMAPS | LIMITS_MOVE | SHARED)

#define CAUSE(name)	BIT(PERFMLOCK_##name)

/**
 * struct kernel_case - a kernel, and what the ledger has to find out about it
 * @model: its rule
 * @happens: what may happen
 * @causes: mistakes that are seen
 * @models: the only rules that can explain all that it does
 * @maybe: mistakes that may be seen or not
 */
struct kernel_case {
	const char *model;
	unsigned int happens;
	unsigned int causes;
	const char *models;
	unsigned int maybe;
};

static const struct kernel_case kernels[] = {
	{ "S0", 0, CAUSE(EXPLOSION) | CAUSE(DOUBLE_CHARGE), "S0" },
	{ "S0c", 0, CAUSE(DOUBLE_CHARGE), "S0c" },
	{ "S1", AUX_AREAS | REMAPS, CAUSE(AUX_UNCHARGE), "S1" },
	{ "S2", AUX_AREAS | REMAPS, CAUSE(AUX_LEAK), "S2" },
	/* whom they uncharge is not to be seen */
	{ "S3", AUX_AREAS | REMAPS | LIMITS_MOVE, 0, "S3 S5 reference" },
	{ "S4", AUX_AREAS | REMAPS | LIMITS_MOVE, CAUSE(LIMIT_LOWERED), "S4" },
	{ "S5", AUX_AREAS | REMAPS | LIMITS_MOVE, 0, "S3 S5 reference" },
	/* others that map a ring map it again: that is not S6's */
	{ "S5", SHARED, CAUSE(WRONG_MM), "S1 S2 S3 S4 S5" },
	/* only a U below zero can tell it from S3, if it comes to that */
	{ "S5", ALL_OF_IT, CAUSE(WRONG_MM) | CAUSE(AUX_WRONG_USER), "S3 S5" },
	/* one that remembers whom it charged makes no mistake at all */
	{ "reference", SHARED, 0, "reference" },
	{ "reference", ALL_OF_IT, 0, "reference" },
	{ "S6", AUX_AREAS | REMAPS, CAUSE(REMAP_CHARGE), "S6" },
	/* what it leaves on U soon is more than the limit, and AUX goes to M */
	{ "S6", ALL_OF_IT, CAUSE(REMAP_CHARGE) | CAUSE(WRONG_MM), "S6",
	  CAUSE(AUX_WRONG_USER) },
};

static void kernel_desc(const struct kernel_case *this, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s with %s%s%s%s", this->model,
		 this->happens & AUX_AREAS ? "AUX" : "data",
		 this->happens & REMAPS ? ", re-maps" : "",
		 this->happens & LIMITS_MOVE ? ", moving limits" : "",
		 this->happens & SHARED ? ", sharing" : "");
}

KUNIT_ARRAY_PARAM(kernel, kernels, kernel_desc);

static unsigned long seed;

static unsigned long below(struct rnd_state *random, unsigned long n)
{
	return prandom_u32_state(random) % n;
}

/**
 * struct beside - a ledger beside two worlds
 * @fx: the ledger
 * @kernel: as the kernel has it
 * @right: as it should be; never refuses
 * @asked: a copy of @right that may refuse
 * @causes: mistakes seen
 * @refuted: rules that its books have ruled out
 * @wrongly_denied: calls that the kernel refused and the right sums admit
 */
struct beside {
	struct fx *fx;
	struct world kernel;
	struct world right;
	struct world asked;
	unsigned int causes;
	unsigned int refuted;
	unsigned long wrongly_denied;
};

static struct fx_vma vma_of(struct fx *fx, const struct world_call *call)
{
	return call->kind == PERFMLOCK_AUX ?
	       fx_aux(fx, call->mm, call->event, call->pages) :
	       fx_ring(fx, call->mm, call->event, call->pages);
}

static void map_beside(struct beside *beside, const struct world_call *call)
{
	struct fx *fx = beside->fx;
	struct fx_vma vma = vma_of(fx, call);
	long user = beside->kernel.user[call->user];
	long mm = beside->kernel.mm[call->mm];
	int ret;

	ret = world_map(&beside->kernel, call);
	if (!ret) {
		fx_map(fx, &vma, beside->kernel.user[call->user] - user,
		       beside->kernel.mm[call->mm] - mm);
		world_map(&beside->right, call);
		return;
	}
	fx_fail(fx, &vma, ret, 0, 0);
	beside->asked = beside->right;
	beside->asked.exempt[call->mm] = false;
	beside->wrongly_denied += !world_map(&beside->asked, call);
}

static void unmap_beside(struct beside *beside, const struct world_call *call)
{
	struct fx *fx = beside->fx;
	struct fx_vma vma = vma_of(fx, call);
	struct fx_call of = fx_begin_unmap(fx, &vma);
	unsigned int i;

	world_unmap(&beside->kernel, call);
	world_unmap(&beside->right, call);
	/* whoever is uncharged for it */
	fx_kernel_unmaps(&vma, 0, 0);
	for (i = 0; i < FX_USERS; i++)
		fx->users[i].counter = beside->kernel.user[i];
	for (i = 0; i < FX_PROCESSES; i++)
		fx->mms[i].counter = beside->kernel.mm[i];
	fx_end_unmap(fx, &of);
}

static void step_beside(struct beside *beside, struct rnd_state *random,
			unsigned int happens)
{
	struct world_call call = {
		.event = below(random, FX_EVENTS),
		.kind = happens & AUX_AREAS && below(random, 2),
	};
	struct world_part *part = &beside->kernel.event[call.event][call.kind];
	struct fx *fx = beside->fx;

	call.mm = happens & SHARED ? below(random, FX_PROCESSES) :
				     call.event % FX_PROCESSES;
	call.user = fx->processes[call.mm].user - fx->users;
	call.pages = part->maps ? part->pages :
		     (1UL << below(random, 8)) + (call.kind == PERFMLOCK_DATA);
	if (happens & LIMITS_MOVE && !below(random, 30)) {
		fx->limit = below(random, 300);
		beside->kernel.limit = fx->limit;
		beside->right.limit = fx->limit;
	}
	if (below(random, 2)) {
		if (world_can_unmap(&beside->kernel, &call))
			unmap_beside(beside, &call);
	} else if (world_can_map(&beside->kernel, &call)) {
		if (call.kind == PERFMLOCK_DATA && !part->maps &&
		    part[PERFMLOCK_AUX].maps)
			call.pages = part->pages;
		else if (part->maps && !(happens & REMAPS) &&
			 !(happens & SHARED))
			return;
		map_beside(beside, &call);
	}
}

static void expect_books(struct kunit *test, struct beside *beside,
			 unsigned int i)
{
	const struct perfmlock_user *user;
	const struct perfmlock_mm *mm;
	struct fx *fx = beside->fx;
	unsigned int j;

	for (j = 0; j < FX_USERS; j++) {
		user = fx_user_row(fx, &fx->users[j]);
		KUNIT_ASSERT_EQ_MSG(test, user ? user->books.kernel : 0,
				    beside->kernel.user[j],
				    "seed %lu, operation %u, user %u", seed, i, j);
		KUNIT_ASSERT_EQ_MSG(test, user ? user->books.correct : 0,
				    beside->right.user[j],
				    "seed %lu, operation %u, user %u", seed, i, j);
	}
	for (j = 0; j < FX_PROCESSES; j++) {
		mm = fx_mm_row(fx, &fx->mms[j]);
		KUNIT_ASSERT_EQ_MSG(test, mm ? mm->books.kernel : 0,
				    beside->kernel.mm[j],
				    "seed %lu, operation %u, mm %u", seed, i, j);
		KUNIT_ASSERT_EQ_MSG(test, mm ? mm->books.correct : 0,
				    beside->right.mm[j],
				    "seed %lu, operation %u, mm %u", seed, i, j);
	}
	KUNIT_ASSERT_EQ_MSG(test, fx->ledger.totals.wrongly_denied,
			    beside->wrongly_denied,
			    "seed %lu, operation %u", seed, i);
}

static void note_causes(struct beside *beside, u64 before)
{
	struct perfmlock_history *drifts = &beside->fx->ledger.drifts;
	struct perfmlock_drifting drift;
	u64 times;

	while (perfmlock_history_next(drifts, &before, &drift, &times))
		beside->causes |= BIT(drift.cause);
}

/* Random operations on new books, beside a new kernel. */
static void play(struct kunit *test, struct beside *beside,
		 const struct kernel_case *this, struct rnd_state *random)
{
	struct fx *fx = test->priv;
	unsigned int i;
	u64 drifts;

	beside->fx = fx;
	beside->wrongly_denied = 0;
	world_init(&beside->kernel, world_model(this->model), fx->limit,
		   fx->processes[0].rlimit);
	world_init(&beside->right, &perfmlock_reference_model, fx->limit,
		   fx->processes[0].rlimit);
	for (i = 0; i < FX_PROCESSES; i++)
		beside->right.exempt[i] = true;

	for (i = 0; i < OPERATIONS; i++) {
		drifts = fx->ledger.drifts.nr;
		step_beside(beside, random, this->happens);
		note_causes(beside, drifts);
		expect_books(test, beside, i);
	}
	beside->refuted = 0;
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (fx->ledger.disagrees[i])
			beside->refuted |= BIT(i);

	/* none of it is inferred, and nothing goes by unseen */
	KUNIT_EXPECT_EQ_MSG(test, fx->unseen, 0, "seed %lu", seed);
	KUNIT_EXPECT_EQ_MSG(test, fx->ledger.totals.overlaps, 0, "seed %lu",
			    seed);
	KUNIT_EXPECT_EQ_MSG(test, fx->ledger.totals.disturbed, 0, "seed %lu",
			    seed);
}

static void books_are_exact_beside_every_rule(struct kunit *test)
{
	const struct kernel_case *this = test->param_value;
	const struct perfmlock_model *model;
	const char *names = this->models;
	unsigned int round, others = PERFMLOCK_MODELS_ALL;
	struct rnd_state random;
	struct beside *beside;

	beside = kunit_kzalloc(test, sizeof(*beside), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, beside);
	while ((model = world_next_model(&names)))
		others &= ~BIT(world_index(model));
	prandom_seed_state(&random, seed);

	/* a kernel that leaks may soon refuse all, before all has happened */
	for (round = 0; round < MOST_ROUNDS; round++) {
		if (round) {
			fx_exit(test);
			KUNIT_ASSERT_EQ(test, fx_init(test), 0);
		}
		play(test, beside, this, &random);
		if (!(others & ~beside->refuted) &&
		    !(this->causes & ~beside->causes))
			break;
	}

	KUNIT_EXPECT_EQ_MSG(test, beside->causes & ~this->maybe, this->causes,
			    "seed %lu", seed);
	KUNIT_EXPECT_EQ_MSG(test, others & ~beside->refuted, 0, "seed %lu", seed);
	model = &perfmlock_models[beside->fx->ledger.model];
	KUNIT_EXPECT_NOT_NULL_MSG(test, strstr(this->models, model->name),
				  "seed %lu: taken for %s", seed, model->name);
	KUNIT_EXPECT_FALSE_MSG(test,
			       beside->refuted &
			       BIT(world_index(world_model(this->model))),
			       "seed %lu", seed);
}

static int init_suite(struct kunit_suite *suite)
{
	seed = get_random_long();
	pr_info("perfmlock_history: seed %lu\n", seed);
	FX_PLAN("history", books_are_exact_beside_every_rule, kernels);
	return 0;
}

static struct kunit_case perfmlock_history_cases[] = {
	KUNIT_CASE_PARAM(books_are_exact_beside_every_rule, kernel_gen_params),
	{}
};

static struct kunit_suite perfmlock_history_suite = {
	.name = "perfmlock_history",
	.suite_init = init_suite,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = perfmlock_history_cases,
};

kunit_test_suite(perfmlock_history_suite);
