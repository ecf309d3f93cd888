// SPDX-License-Identifier: GPL-2.0
/*
 * The rules one step at a time: their edges, where their sums wrap, what makes
 * one known from another, and what is advised to who was refused.
 */
#include "fixture.h"
#include "world.h"

#define DATA	PERFMLOCK_DATA
#define AUX	PERFMLOCK_AUX

/*
 * perf_event_mlock_kb and the limit
 */

struct limit_case {
	const char *name;
	int mlock_kb;
	unsigned int page_shift;
	unsigned int cpus;
	unsigned long limit;
};

/* The kernel's default is 512 kB and one page: 516, 528 and 576 kB. */
static const struct limit_case limits[] = {
	{ "the default, 4 kB pages, 1 CPU", 516, 12, 1, 129 },
	{ "the default, 4 kB pages, 2 CPUs", 516, 12, 2, 258 },
	{ "the default, 4 kB pages, 36 CPUs of the report", 516, 12, 36, 4644 },
	{ "the default, 16 kB pages", 528, 14, 1, 33 },
	{ "the default, 64 kB pages", 576, 16, 1, 9 },
	{ "nothing", 0, 12, 128, 0 },
	{ "less than a page", 3, 12, 2, 0 },
	{ "less than a page of 64 kB", 63, 16, 8, 0 },
	{ "a part of a page is lost on each CPU", 7, 12, 4, 4 },
	{ "most", 0x7fffffff, 12, 1, 0x1fffffff },
	{ "most, on 8192 CPUs", 0x7fffffff, 12, 8192, 0x3ffffffe000 },
	{ "negative: shifted as a signed number, used as an unsigned one",
	  -1, 12, 1, ~0UL },
	{ "negative, on 2 CPUs", -1, 12, 2, ~0UL - 1 },
};

static void limit_desc(const struct limit_case *this, char *desc)
{
	strscpy(desc, this->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(limit, limits, limit_desc);

static void limit_is_whole_pages_a_cpu(struct kunit *test)
{
	const struct limit_case *this = test->param_value;

	KUNIT_EXPECT_EQ(test, perfmlock_user_lock_limit(this->mlock_kb,
							this->page_shift,
							this->cpus),
			this->limit);
}

/*
 * First mappings
 */

/**
 * struct split_case - a first mapping
 * @name: what it shows
 * @models: by which rules
 * @state: before
 * @pages: of it
 * @user: charged to U
 * @mm: charged to M
 * @locked: compared with the rlimit
 * @over: more than that
 */
struct split_case {
	const char *name;
	const char *models;
	struct perfmlock_state state;
	unsigned long pages;
	long user;
	long mm;
	unsigned long locked;
	bool over;
};

#define ALL	"reference S0 S0c S1 S2 S3 S4 S5 S6"
#define NOT_DOUBLE "reference S1 S2 S3 S4 S5 S6"
#define CLAMPED	"S5 S6"
#define HUGE_PAGES	BIT(31)

static const struct split_case splits[] = {
	{ "all free", ALL, { 0, 0, 100, 0 }, 100, 100, 0, 0, false },
	{ "one page more than is free", NOT_DOUBLE,
	  { 0, 0, 100, 0 }, 101, 100, 1, 1, true },
	{ "the last free page", NOT_DOUBLE,
	  { 99, 0, 100, 10 }, 2, 1, 1, 1, false },
	{ "nothing free", NOT_DOUBLE, { 100, 7, 100, 40 }, 33, 0, 33, 40, false },
	{ "one page over the rlimit", NOT_DOUBLE,
	  { 100, 8, 100, 40 }, 33, 0, 33, 41, true },

	{ "limit 0", NOT_DOUBLE, { 0, 0, 0, 33 }, 33, 0, 33, 33, false },
	{ "limit 0, rlimit 0", NOT_DOUBLE, { 0, 0, 0, 0 }, 2, 0, 2, 2, true },
	{ "rlimit 0, all free", ALL, { 0, 0, 258, 0 }, 33, 33, 0, 0, false },
	{ "rlimit unlimited", NOT_DOUBLE,
	  { 258, 1L << 40, 258, WORLD_UNLIMITED }, 33,
	  0, 33, (1UL << 40) + 33, false },
	{ "limit 0, both are charged", "S0 S0c",
	  { 0, 0, 0, 33 }, 33, 33, 33, 33, false },

	{ "U over the limit", "reference S1 S2 S3 S5 S6",
	  { 65, 0, 20, 200 }, 33, 0, 33, 33, false },
	{ "U over the limit: all of it again", "S0",
	  { 65, 0, 20, 200 }, 33, 33, 78, 78, false },
	{ "U over the limit: the mapping alone, twice", "S0c",
	  { 65, 0, 20, 200 }, 33, 33, 33, 33, false },
	{ "U over the limit: U pays back", "S4",
	  { 65, 0, 20, 200 }, 33, -45, 78, 78, false },

	{ "2^31 pages, all free", ALL,
	  { 0, 0, 1UL << 40, 0 }, HUGE_PAGES, HUGE_PAGES, 0, 0, false },
	{ "2^31 pages, one over", NOT_DOUBLE,
	  { 0, 0, HUGE_PAGES - 1, 0 }, HUGE_PAGES, HUGE_PAGES - 1, 1, 1, true },
	{ "2^31 pages on 2^40", NOT_DOUBLE,
	  { 100, 1L << 40, 100, WORLD_UNLIMITED }, HUGE_PAGES,
	  0, HUGE_PAGES, (1UL << 40) + HUGE_PAGES, false },
	{ "2^31 pages, over by all that there was", "S0",
	  { HUGE_PAGES, 0, 100, WORLD_UNLIMITED }, HUGE_PAGES,
	  HUGE_PAGES, 2 * HUGE_PAGES - 100, 2 * HUGE_PAGES - 100, false },

	{ "U negative counts as 0", "reference",
	  { -61, 0, 100, 0 }, 33, 33, 0, 0, false },
	{ "U negative counts as 0: the limit is not raised by it", "reference",
	  { -61, 0, 100, 0 }, 128, 100, 28, 28, true },
	{ "U negative is a huge number, clamped", CLAMPED,
	  { -61, 0, 100, 200 }, 33, 0, 33, 33, false },
	{ "U negative is a huge number, of three ways", "S1 S2 S3",
	  { -61, 0, 100, 200 }, 33, 0, 33, 33, false },
	{ "U negative, and the sum wraps back below the limit",
	  "S1 S2 S3 S4", { -61, 0, 100, 0 }, 128, 128, 0, 0, false },
	{ "U negative, and the sum wraps to the limit exactly",
	  "S0 S1 S2 S3 S4", { -28, 0, 100, 0 }, 128, 128, 0, 0, false },
	{ "U negative, and the sum wraps to one more: none of the three ways",
	  "S1 S2 S3", { -27, 0, 100, 128 }, 128, 0, 128, 128, false },
	{ "U negative, and the sum wraps to one more: unclamped", "S4",
	  { -27, 0, 100, 1 }, 128, 127, 1, 1, false },
	{ "U negative, and the sum wraps to one more: unclamped, double", "S0",
	  { -27, 0, 100, 1 }, 128, 128, 1, 1, false },
	{ "U negative, unclamped: M goes negative with it", "S4",
	  { -61, 0, 100, WORLD_UNLIMITED }, 33, 33 + 128, -128,
	  -128UL, true },
	{ "U negative, unclamped, double", "S0",
	  { -61, 0, 100, WORLD_UNLIMITED }, 33, 33, -128, -128UL, true },
	{ "U negative, and the excess brings a huge M back", "S4",
	  { -61, 128, 100, 0 }, 33, 33 + 128, -128, 0, false },

	{ "M negative is over any rlimit, with nothing to charge", ALL,
	  { 0, -32, 258, WORLD_UNLIMITED }, 2, 2, 0, -32UL, true },
	{ "M negative, one page short of 0", NOT_DOUBLE,
	  { 258, -32, 258, WORLD_UNLIMITED }, 31, 0, 31, -1UL, true },
	{ "M negative, and the sum wraps to 0", NOT_DOUBLE,
	  { 258, -32, 258, 0 }, 32, 0, 32, 0, false },
	{ "M negative, and the sum wraps to the rlimit", NOT_DOUBLE,
	  { 258, -32, 258, 3 }, 35, 0, 35, 3, false },
	{ "the largest M", NOT_DOUBLE,
	  { 258, LONG_MAX, 258, WORLD_UNLIMITED }, 1,
	  0, 1, 1UL << 63, true },
	{ "an rlimit that nothing is over", NOT_DOUBLE,
	  { 258, -1, 258, ~0UL }, 1, 0, 1, 0, false },

	{ "a limit from a negative sysctl: all free", ALL,
	  { 1000, 0, ~0UL, 0 }, 33, 33, 0, 0, false },
};

static void split_desc(const struct split_case *this, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", this->models, this->name);
}

KUNIT_ARRAY_PARAM(split, splits, split_desc);

static void splits_at_the_edges(struct kunit *test)
{
	const struct split_case *this = test->param_value;
	const struct perfmlock_model *model;
	struct perfmlock_charge charge;
	const char *names = this->models;

	while ((model = world_next_model(&names))) {
		perfmlock_model_charge(model, &this->state, this->pages, &charge);
		KUNIT_EXPECT_EQ_MSG(test, charge.user, this->user, "%s",
				    model->name);
		KUNIT_EXPECT_EQ_MSG(test, charge.mm, this->mm, "%s",
				    model->name);
		KUNIT_EXPECT_EQ_MSG(test, charge.rec, this->mm, "%s",
				    model->name);
		KUNIT_EXPECT_EQ_MSG(test, charge.locked, this->locked, "%s",
				    model->name);
		KUNIT_EXPECT_EQ_MSG(test, charge.over, this->over, "%s",
				    model->name);
	}
	KUNIT_EXPECT_EQ_MSG(test, *names, 0, "no model %s", names);
}

/*
 * Further mappings and last unmaps
 */

struct step_case {
	const char *name;
	const char *models;
	enum perfmlock_step step;
	enum perfmlock_kind kind;
	long pages;
	long rec;
	long user;
	long mm;
	long rec_after;
};

#define LAST	PERFMLOCK_LAST_UNMAP
#define REMAP	PERFMLOCK_REMAP

static const struct step_case steps[] = {
	{ "data all on U", ALL, LAST, DATA, 33, 0, -33, 0, 0 },
	{ "data divided", NOT_DOUBLE, LAST, DATA, 33, 10, -23, -10, 0 },
	{ "data all on M", NOT_DOUBLE, LAST, DATA, 33, 33, 0, -33, 0 },
	{ "data charged to both", "S0 S0c", LAST, DATA, 5, 15, -5, -15, 0 },
	{ "data charged more than there is", "S4", LAST, DATA, 33, 78, 45, -78, 0 },
	{ "AUX all on U", ALL, LAST, AUX, 128, 0, -128, 0, 0 },
	{ "AUX divided", "reference S3 S4 S5 S6", LAST, AUX, 128, 61,
	  -67, -61, 0 },
	{ "AUX divided, all from U and its part from M", "S0 S0c S1",
	  LAST, AUX, 128, 61, -128, -61, 0 },
	{ "AUX divided, its part from M alone", "S2",
	  LAST, AUX, 128, 61, 0, -61, 0 },
	{ "AUX all on M", "reference S2 S3 S4 S5 S6", LAST, AUX, 128, 128,
	  0, -128, 0 },
	{ "AUX all on M, from both", "S0 S0c S1", LAST, AUX, 128, 128,
	  -128, -128, 0 },
	{ "re-map of data", "reference S0 S0c S1 S2 S3 S4 S5", REMAP, DATA,
	  65, 2, 0, 0, 2 },
	{ "re-map of data is charged, and not remembered", "S6", REMAP, DATA,
	  65, 2, 65, 0, 2 },
	{ "re-map of AUX", "reference S0 S0c S1 S2 S3 S4 S5", REMAP, AUX,
	  64, 61, 0, 0, 61 },
	{ "re-map of AUX is charged, and not remembered", "S6", REMAP, AUX,
	  64, 61, 64, 0, 61 },
	{ "an unmap that others outlive", ALL, PERFMLOCK_UNMAP, DATA, 65, 2,
	  0, 0, 2 },
	{ "a refusal", ALL, PERFMLOCK_REFUSED, DATA, 65, 0, 0, 0, 0 },
};

static void step_desc(const struct step_case *this, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", this->models, this->name);
}

KUNIT_ARRAY_PARAM(step, steps, step_desc);

static void steps_after_the_first(struct kunit *test)
{
	const struct step_case *this = test->param_value;
	const struct perfmlock_observation obs = {
		.step = this->step, .kind = this->kind,
		.pages = this->pages, .rec = this->rec,
	};
	const struct perfmlock_model *model;
	struct perfmlock_charge charge;
	const char *names = this->models;

	while ((model = world_next_model(&names))) {
		perfmlock_model_step(model, &obs, &charge);
		KUNIT_EXPECT_EQ_MSG(test, charge.user, this->user, "%s",
				    model->name);
		KUNIT_EXPECT_EQ_MSG(test, charge.mm, this->mm, "%s",
				    model->name);
		KUNIT_EXPECT_EQ_MSG(test, charge.rec, this->rec_after, "%s",
				    model->name);
		/* nothing but a first mapping is checked, in any version */
		KUNIT_EXPECT_FALSE_MSG(test, charge.over, "%s", model->name);
		KUNIT_EXPECT_EQ_MSG(test, perfmlock_model_user(model, &obs),
				    this->user, "%s", model->name);
	}
	KUNIT_EXPECT_EQ_MSG(test, *names, 0, "no model %s", names);
}

/* Whose U an AUX area's pages go back to, and whose M a buffer's. */
static void only_the_reference_rule_knows_whom_it_charged(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_TRUE(test, perfmlock_reference_model.own_user);
	KUNIT_EXPECT_TRUE(test, perfmlock_reference_model.own_mm);
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++) {
		KUNIT_EXPECT_EQ(test, perfmlock_models[i].own_user,
				i == PERFMLOCK_REFERENCE);
		KUNIT_EXPECT_EQ(test, perfmlock_models[i].own_mm,
				i == PERFMLOCK_REFERENCE);
	}
}

static void default_model_is_that_of_most_kernels(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test,
			   perfmlock_models[PERFMLOCK_MODEL_DEFAULT].name, "S5");
	KUNIT_EXPECT_EQ(test, PERFMLOCK_MODELS_ALL, 0x1ff);
}

/*
 * Which rules can have done what was measured, and which mistake it was
 */

struct evidence {
	const char *name;
	enum perfmlock_step step;
	enum perfmlock_kind kind;
	long pages;
	long rec;
	struct perfmlock_state state;
	long user;
	long mm;
	long right_user;
	long right_mm;
	const char *models;
	enum perfmlock_cause cause;
};

#define FIRST	PERFMLOCK_MAP
#define AT_1000 { 1000, 0, 100, 4000 }

static const struct evidence evidence[] = {
	{ "a ring within the limit tells nothing", FIRST, DATA, 33, 0,
	  { 0, 0, 258, 0 }, 33, 0, 33, 0, ALL, PERFMLOCK_NO_CAUSE },
	{ "a ring at the limit", FIRST, DATA, 5, 0,
	  { 8, 0, 10, 20 }, 2, 3, 2, 3, "S1 S2 S3 S4 S5 S6 reference",
	  PERFMLOCK_NO_CAUSE },
	{ "U above the limit", FIRST, DATA, 33, 0,
	  { 65, 0, 20, 200 }, 0, 33, 0, 33, "S1 S2 S3 S5 S6 reference",
	  PERFMLOCK_NO_CAUSE },
	{ "all that the user has over the limit", FIRST, DATA, 3, 0,
	  { 32886, 0, 4644, 131072 }, 3, 28245, 0, 3, "S0",
	  PERFMLOCK_EXPLOSION },
	{ "the first ring over the limit is charged twice", FIRST, DATA, 5, 0,
	  { 10, 0, 10, 20 }, 5, 5, 0, 5, "S0 S0c", PERFMLOCK_DOUBLE_CHARGE },
	{ "a later one too", FIRST, DATA, 5, 0,
	  { 20, 10, 10, 20 }, 5, 5, 0, 5, "S0c", PERFMLOCK_DOUBLE_CHARGE },
	{ "U pays back what is over a lowered limit", FIRST, DATA, 33, 0,
	  { 65, 0, 20, 200 }, -45, 78, 0, 33, "S4", PERFMLOCK_LIMIT_LOWERED },
	{ "a charge of nobody's", FIRST, DATA, 33, 0,
	  { 0, 0, 258, 200 }, 32, 0, 33, 0, "", PERFMLOCK_UNEXPLAINED },
	{ "a charge to M within the limit", FIRST, DATA, 33, 0,
	  { 0, 0, 258, 200 }, 0, 33, 33, 0, "", PERFMLOCK_UNEXPLAINED },
	{ "a re-map", REMAP, DATA, 65, 0,
	  { 65, 0, 258, 0 }, 0, 0, 0, 0, "S0 S0c S1 S2 S3 S4 S5 reference",
	  PERFMLOCK_NO_CAUSE },
	{ "a re-map that is charged", REMAP, DATA, 65, 0,
	  { 65, 0, 258, 0 }, 65, 0, 0, 0, "S6", PERFMLOCK_REMAP_CHARGE },
	{ "a re-map of AUX that is charged", REMAP, AUX, 64, 61,
	  { 65, 0, 258, 0 }, 64, 0, 0, 0, "S6", PERFMLOCK_REMAP_CHARGE },
	{ "a re-map that is charged to M", REMAP, DATA, 65, 0,
	  { 65, 0, 258, 0 }, 0, 65, 0, 0, "", PERFMLOCK_UNEXPLAINED },
	{ "a failed re-map that stays charged", PERFMLOCK_REFUSED, DATA, 65, 0,
	  { 65, 0, 258, 0 }, 65, 0, 0, 0, "", PERFMLOCK_REMAP_CHARGE },
	{ "a failed map that leaves a part", PERFMLOCK_REFUSED, DATA, 65, 0,
	  { 65, 0, 258, 0 }, 64, 1, 0, 0, "", PERFMLOCK_UNEXPLAINED },
	{ "an unmap that others outlive takes something", PERFMLOCK_UNMAP,
	  DATA, 65, 0, { 65, 0, 258, 0 }, -65, 0, 0, 0, "",
	  PERFMLOCK_UNEXPLAINED },
	{ "the last unmap", LAST, DATA, 33, 10, AT_1000,
	  -23, -10, -23, -10, "S1 S2 S3 S4 S5 S6 reference", PERFMLOCK_NO_CAUSE },
	{ "the last unmap of a double charge", LAST, DATA, 33, 10, AT_1000,
	  -33, -10, -33, -10, "S0 S0c", PERFMLOCK_NO_CAUSE },
	{ "the last unmap takes nothing", LAST, DATA, 33, 0, AT_1000,
	  0, 0, -33, 0, "", PERFMLOCK_LOST_UNCHARGE },
	{ "the last unmap takes nothing from M", LAST, DATA, 33, 33, AT_1000,
	  0, 0, 0, -33, "", PERFMLOCK_LOST_UNCHARGE },
	{ "the last unmap takes too little", LAST, DATA, 33, 10, AT_1000,
	  -20, -10, -23, -10, "", PERFMLOCK_UNEXPLAINED },
	{ "AUX, divided", LAST, AUX, 128, 61, AT_1000,
	  -67, -61, -67, -61, "S3 S4 S5 S6 reference", PERFMLOCK_NO_CAUSE },
	{ "AUX, M's part is taken from U too", LAST, AUX, 128, 61, AT_1000,
	  -128, -61, -67, -61, "S0 S0c S1", PERFMLOCK_AUX_UNCHARGE },
	{ "AUX, U's part is forgotten", LAST, AUX, 128, 61, AT_1000,
	  0, -61, -67, -61, "S2", PERFMLOCK_AUX_LEAK },
	{ "AUX, wholly on M", LAST, AUX, 128, 128, AT_1000,
	  0, -128, 0, -128, "S2 S3 S4 S5 S6 reference", PERFMLOCK_NO_CAUSE },
	{ "AUX, something else is taken", LAST, AUX, 128, 61, AT_1000,
	  -66, -61, -67, -61, "", PERFMLOCK_UNEXPLAINED },
	{ "AUX, another part of M is taken", LAST, AUX, 128, 61, AT_1000,
	  -67, -60, -67, -61, "", PERFMLOCK_UNEXPLAINED },
	{ "AUX, nothing is taken", LAST, AUX, 128, 61, AT_1000,
	  0, 0, -67, -61, "", PERFMLOCK_LOST_UNCHARGE },
};

static void evidence_desc(const struct evidence *this, char *desc)
{
	strscpy(desc, this->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(evidence, evidence, evidence_desc);

static struct perfmlock_observation seen_of(const struct evidence *this)
{
	return (struct perfmlock_observation) {
		.step = this->step, .kind = this->kind, .pages = this->pages,
		.rec = this->rec, .state = this->state,
		.user = this->user, .mm = this->mm,
	};
}

static unsigned int mask_of(struct kunit *test, const char *names)
{
	const struct perfmlock_model *model;
	unsigned int mask = 0;

	while ((model = world_next_model(&names)))
		mask |= 1U << world_index(model);
	KUNIT_EXPECT_EQ_MSG(test, *names, 0, "no model %s", names);
	return mask;
}

static void rules_are_known_by_what_they_do(struct kunit *test)
{
	const struct evidence *this = test->param_value;
	const struct perfmlock_observation obs = seen_of(this);

	KUNIT_EXPECT_EQ(test, perfmlock_models_explain(&obs),
			mask_of(test, this->models));
}

static void mistakes_are_known_by_what_they_do(struct kunit *test)
{
	const struct evidence *this = test->param_value;
	const struct perfmlock_observation obs = seen_of(this);
	const struct perfmlock_charge right = {
		.user = this->right_user, .mm = this->right_mm,
	};

	KUNIT_EXPECT_EQ(test, perfmlock_cause(&obs, &right), this->cause);
}

/* What each cause is called, and the commit of the history that it belongs to. */
static const struct perfmlock_cause_info causes[] = {
	[PERFMLOCK_NO_CAUSE] = { "none", "none", "-" },
	[PERFMLOCK_EXPLOSION] = { "explosion", "cured", "d44248a41337" },
	[PERFMLOCK_DOUBLE_CHARGE] = { "double-charge", "cured", "d44248a41337" },
	[PERFMLOCK_AUX_UNCHARGE] = { "aux-uncharge", "cured", "5e6c3c7b1ec2" },
	[PERFMLOCK_AUX_LEAK] = { "aux-leak", "cured", "36b3db03b474" },
	[PERFMLOCK_LIMIT_LOWERED] = { "limit-lowered", "cured", "003461559ef7" },
	[PERFMLOCK_REMAP_CHARGE] = { "remap-charge", "brought", "0c8a4e4139ad" },
	[PERFMLOCK_WRONG_MM] = { "wrong-mm", "brought", "9bb5d40cd93c" },
	[PERFMLOCK_AUX_WRONG_USER] = { "aux-wrong-user", "brought",
				       "45bfb2e50471" },
	[PERFMLOCK_LOST_UNCHARGE] = { "lost-uncharge", "brought",
				      "f91072ed1b72" },
	[PERFMLOCK_UNEXPLAINED] = { "unexplained", "none", "-" },
};

static void cause_desc(const struct perfmlock_cause_info *cause, char *desc)
{
	strscpy(desc, cause->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(cause, causes, cause_desc);

static void causes_name_their_commits(struct kunit *test)
{
	const struct perfmlock_cause_info *want = test->param_value;
	const struct perfmlock_cause_info *info =
		&perfmlock_causes[want - causes];

	KUNIT_EXPECT_STREQ(test, info->name, want->name);
	KUNIT_EXPECT_STREQ(test, info->relation, want->relation);
	KUNIT_EXPECT_STREQ(test, info->commit, want->commit);
}

/*
 * What is a call's own of what was measured
 */

#define ALONE		PERFMLOCK_ALONE
#define STRANGERS	PERFMLOCK_STRANGERS
#define CALLS		PERFMLOCK_CALLS
#define UNMAP		PERFMLOCK_UNMAP
#define REFUSED		PERFMLOCK_REFUSED

/**
 * struct share - a step of 65 pages under a limit of 100
 * @name: what it shows
 * @model: the rule that the kernel was seen to follow
 * @step: which step
 * @kind: of what
 * @mover: who can have moved U
 * @state_user: U before it
 * @user: measured
 * @mm: measured
 * @own_user: what is its own
 * @own_mm: what is its own
 * @rec: what M was charged at the first mapping
 * @guessed: or what is thought so
 * @told: @rec afterwards
 */
struct share {
	const char *name;
	const char *model;
	enum perfmlock_step step;
	enum perfmlock_kind kind;
	enum perfmlock_mover mover;
	long state_user;
	long user;
	long mm;
	long own_user;
	long own_mm;
	long rec;
	bool guessed;
	long told;
};

static const struct share shares[] = {
	{ "as the rule has it", "S5", FIRST, DATA, ALONE, 100, 0, 65, 0, 65 },
	{ "a split of another U", "S5", FIRST, DATA, ALONE, 100, 20, 45, 20, 45 },
	{ "M rose", "S5", FIRST, DATA, ALONE, 100, 0, 129, 0, 65 },
	{ "M fell", "S5", FIRST, DATA, ALONE, 90, 10, -9, 10, 55 },
	{ "as another rule has it", "S5", FIRST, DATA, ALONE, 100, 65, 65, 65, 65 },
	{ "U paid back, and M paid it", "S5", FIRST, DATA, ALONE, 100,
	  -10, 75, -10, 75 },
	{ "U is charged all, M by the rule", "S0", FIRST, DATA, ALONE, 110,
	  65, 80, 65, 75 },
	{ "strangers, and as another rule has it", "S5", FIRST, DATA, STRANGERS,
	  100, 65, 65, 65, 65 },
	{ "strangers moved U", "S5", FIRST, DATA, STRANGERS, 100, 40, 65, 0, 65 },
	{ "strangers moved M alone", "S5", FIRST, DATA, STRANGERS, 100,
	  0, 64, 0, 65 },
	{ "strangers moved both", "S5", FIRST, DATA, STRANGERS, 100, 40, 64, 1, 64 },
	{ "one stranger moved both", "S5", FIRST, DATA, STRANGERS, 100,
	  -5, 60, 0, 65 },
	{ "strangers, and M rose too far", "S5", FIRST, DATA, STRANGERS, 90,
	  40, 66, 10, 55 },
	{ "strangers, and M fell too far", "S5", FIRST, DATA, STRANGERS, 90,
	  40, -1, 10, 55 },
	{ "calls, by the rule", "S5", FIRST, DATA, CALLS, 90, 10, 55, 10, 55 },
	{ "calls, a split", "S5", FIRST, DATA, CALLS, 90, 20, 45, 20, 45 },
	{ "calls, and as another rule has it", "S5", FIRST, DATA, CALLS, 100,
	  65, 65, 0, 65 },
	{ "calls moved U", "S5", FIRST, DATA, CALLS, 90, 43, 55, 10, 55 },
	{ "calls, and M fell", "S5", FIRST, DATA, CALLS, 100, 0, 64, 1, 64 },
	{ "calls, and both fell by the same", "S5", FIRST, DATA, CALLS, 100,
	  -5, 60, 5, 60 },
	{ "calls, and M rose too far", "S5", FIRST, DATA, CALLS, 90,
	  10, 66, 10, 55 },
	{ "calls, U is charged all", "S0", FIRST, DATA, CALLS, 110,
	  130, 75, 65, 75 },
	{ "calls, U is charged all, M fell too far", "S0", FIRST, DATA, CALLS,
	  110, 65, -1, 65, 75 },

	{ "a re-map as another rule has it", "S5", REMAP, DATA, ALONE, 90,
	  65, 0, 65, 0 },
	{ "a re-map, and M moved", "S5", REMAP, DATA, ALONE, 90, 0, 7, 0, 0 },
	{ "a charged re-map, and M moved", "S5", REMAP, DATA, ALONE, 90,
	  65, 7, 65, 0 },
	{ "a re-map, strangers, as another rule has it", "S5", REMAP, DATA,
	  STRANGERS, 90, 65, 0, 65, 0 },
	{ "a re-map, strangers moved U", "S5", REMAP, DATA, STRANGERS, 90,
	  64, 0, 0, 0 },
	{ "a re-map, one stranger moved both", "S5", REMAP, DATA, STRANGERS, 90,
	  7, 7, 0, 0 },
	{ "a re-map, strangers moved both", "S5", REMAP, DATA, STRANGERS, 90,
	  65, 7, 0, 0 },
	{ "a re-map, calls", "S5", REMAP, DATA, CALLS, 90, 65, 0, 0, 0 },
	{ "a re-map, calls, by a rule that charges it", "S6", REMAP, DATA, CALLS,
	  90, 0, 0, 65, 0 },

	{ "an unmap took something", "S5", UNMAP, DATA, ALONE, 90,
	  -65, 0, -65, 0 },
	{ "an unmap, and M moved", "S5", UNMAP, DATA, ALONE, 90, 0, 9, 0, 0 },
	{ "an unmap, strangers", "S5", UNMAP, DATA, STRANGERS, 90, -65, 0, 0, 0 },
	{ "an unmap, calls", "S5", UNMAP, DATA, CALLS, 90, -10, -55, 0, 0 },

	{ "the last", "S5", LAST, DATA, ALONE, 90, -10, -55, -10, -55, 55, 0, 55 },
	{ "the last, and M moved", "S5", LAST, DATA, ALONE, 90, -10, -50,
	  -10, -55, 55, 0, 55 },
	{ "the last, and U's part stays", "S5", LAST, DATA, ALONE, 90, 0, -55,
	  0, -55, 55, 0, 55 },
	{ "the last of AUX, as another rule has it", "S5", LAST, AUX, ALONE, 90,
	  -65, -55, -65, -55, 55, 0, 55 },
	{ "the last, strangers moved U", "S5", LAST, DATA, STRANGERS, 90, 0, -55,
	  -10, -55, 55, 0, 55 },
	{ "the last, strangers moved M alone", "S5", LAST, DATA, STRANGERS, 90,
	  -10, 9, -10, -55, 55, 0, 55 },
	{ "the last, calls moved both", "S5", LAST, DATA, CALLS, 90, -20, -60,
	  -10, -55, 55, 0, 55 },
	{ "the last, another split, and M's part is known", "S5", LAST, DATA, ALONE,
	  90, -10, -55, -10, -54, 54, 0, 54 },
	{ "the last, and M's part was guessed", "S5", LAST, DATA, ALONE, 90,
	  -10, -55, -10, -55, 54, 1, 55 },
	{ "the last, guessed, U tells", "S5", LAST, DATA, ALONE, 90,
	  -10, -50, -10, -55, 54, 1, 55 },
	{ "the last, guessed, U rose", "S5", LAST, DATA, ALONE, 90,
	  5, -55, 5, -54, 54, 1, 54 },
	{ "the last, guessed, U fell too far", "S5", LAST, DATA, ALONE, 90,
	  -70, -55, -70, -54, 54, 1, 54 },
	{ "the last, guessed, strangers, a split tells", "S5", LAST, DATA,
	  STRANGERS, 90, -10, -55, -10, -55, 54, 1, 55 },
	{ "the last, guessed, strangers, nothing tells", "S5", LAST, DATA,
	  STRANGERS, 90, -10, -50, -11, -54, 54, 1, 54 },
	{ "the last, guessed, calls, a split tells", "S5", LAST, DATA, CALLS, 90,
	  -10, -55, -10, -55, 54, 1, 55 },
	{ "the last, guessed, and both were charged", "S0", LAST, DATA, ALONE, 90,
	  -65, -75, -65, -75, 75, 1, 75 },
	{ "the last, guessed, both were charged, M moved", "S0", LAST, DATA, ALONE,
	  90, -65, -70, -65, -75, 75, 1, 75 },
	{ "the last of AUX, guessed, all from U", "S1", LAST, AUX, ALONE, 90,
	  -65, -50, -65, -55, 55, 1, 55 },
	{ "a guess is no matter of a re-map", "S5", REMAP, DATA, ALONE, 90,
	  0, 0, 0, 0, 54, 1, 54 },

	{ "a refusal that left nothing", "S5", REFUSED, DATA, ALONE, 90, 0, 0, 0, 0 },
	{ "a refusal, and M moved", "S5", REFUSED, DATA, ALONE, 90, 0, 5, 0, 0 },
	{ "a refusal, and M moved by as much", "S5", REFUSED, DATA, ALONE, 90,
	  0, 65, 0, 0 },
	{ "a refusal that left all", "S5", REFUSED, DATA, ALONE, 90,
	  10, 55, 10, 55 },
	{ "a refusal that left a re-map", "S5", REFUSED, DATA, ALONE, 90,
	  65, 0, 65, 0 },
	{ "a refusal that left a re-map, and M moved", "S5", REFUSED, DATA, ALONE,
	  90, 65, 9, 65, 0 },
	{ "a refusal, strangers", "S5", REFUSED, DATA, STRANGERS, 90,
	  10, 55, 0, 0 },
	{ "a refusal, strangers moved M alone", "S5", REFUSED, DATA, STRANGERS, 90,
	  0, 5, 0, 0 },
	{ "a refusal, calls", "S5", REFUSED, DATA, CALLS, 90, 65, 0, 0, 0 },
};

static unsigned int index_of(const char *model)
{
	return world_model(model) - perfmlock_models;
}

static void share_desc(const struct share *this, char *desc)
{
	strscpy(desc, this->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(share, shares, share_desc);

static void what_is_a_calls_own_is_told_from_what_is_not(struct kunit *test)
{
	const struct share *this = test->param_value;
	struct perfmlock_observation obs = {
		.step = this->step, .kind = this->kind, .pages = 65,
		.rec = this->rec, .user = this->user, .mm = this->mm,
		.state = { this->state_user, 0, 100, 1000 },
	};
	bool as_measured;

	as_measured = perfmlock_attribute(index_of(this->model),
					  PERFMLOCK_MODELS_ALL, &obs,
					  this->mover, this->guessed);
	KUNIT_EXPECT_EQ(test, obs.user, this->own_user);
	KUNIT_EXPECT_EQ(test, obs.mm, this->own_mm);
	KUNIT_EXPECT_EQ(test, obs.rec, this->told);
	KUNIT_EXPECT_EQ(test, as_measured,
			this->user == this->own_user && this->mm == this->own_mm);
	/* who judges the step asks no more */
	if (as_measured)
		KUNIT_EXPECT_EQ(test, obs.explained,
				perfmlock_models_explain(&obs));
}

/* Half of it is a stranger's, who was charged to U and not yet to M. */
static void what_no_believed_rule_makes_is_not_the_calls(struct kunit *test)
{
	struct perfmlock_observation obs = {
		.step = PERFMLOCK_MAP, .pages = 65, .user = 65, .mm = 65,
		.state = { 100, 0, 100, 1000 },
	};
	unsigned int s0 = perfmlock_models_explain(&obs);

	KUNIT_EXPECT_STREQ(test, perfmlock_models[ffs(s0) - 1].name, "S0");
	KUNIT_EXPECT_FALSE(test, perfmlock_attribute(index_of("S5"),
						     PERFMLOCK_MODELS_ALL & ~s0,
						     &obs, STRANGERS, false));
	KUNIT_EXPECT_EQ(test, obs.user, 0);
	KUNIT_EXPECT_EQ(test, obs.mm, 65);
}

/*
 * Calls beside others
 */

struct between_case {
	const char *name;
	long state;
	long lowest;
	long highest;
	long seen;
	long user;
};

/* A limit of 100, rings of 33. */
static const struct between_case betweens[] = {
	{ "one order gives what was seen: U at its lowest", 90, 50, 100, 33, 33 },
	{ "U at its highest", 50, 50, 100, 0, 0 },
	{ "U in between", 50, 50, 100, 20, 20 },
	{ "no order gives so much", 90, 80, 100, 33, 10 },
	{ "no order gives so little", 50, 50, 90, 0, 33 },
	{ "nobody beside it", 90, 90, 90, 10, 10 },
	{ "nobody beside it, and wrong", 90, 90, 90, 33, 10 },
};

static void between_desc(const struct between_case *this, char *desc)
{
	strscpy(desc, this->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(between, betweens, between_desc);

static void any_order_of_calls_is_right(struct kunit *test)
{
	const struct between_case *this = test->param_value;
	const struct perfmlock_state state = {
		.user = this->state, .mm = 4, .limit = 100, .rlimit = 20,
	};
	struct perfmlock_charge charge;

	perfmlock_reference_between(&state, this->lowest, this->highest, 33,
				    this->seen, &charge);
	KUNIT_EXPECT_EQ(test, charge.user, this->user);
	KUNIT_EXPECT_EQ(test, charge.mm, 33 - this->user);
	KUNIT_EXPECT_EQ(test, charge.rec, 33 - this->user);
	KUNIT_EXPECT_EQ(test, charge.locked, 4 + 33 - this->user);
	KUNIT_EXPECT_EQ(test, charge.over, 4 + 33 - this->user > 20);
}

/*
 * The books' own sums
 */

static void foreign_pages_below_zero_are_nobodys(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, perfmlock_foreign(300, 258), 42);
	KUNIT_EXPECT_EQ(test, perfmlock_foreign(-61, 33), -94);
	KUNIT_EXPECT_EQ(test, perfmlock_correct_counter(42, 258), 300);
	KUNIT_EXPECT_EQ(test, perfmlock_correct_counter(0, 33), 33);
	KUNIT_EXPECT_EQ(test, perfmlock_correct_counter(-94, 33), 33);
	KUNIT_EXPECT_EQ(test, perfmlock_drift(78, 33), 45);
	KUNIT_EXPECT_EQ(test, perfmlock_drift(-32, 0), -32);
}

/*
 * What would have admitted a refused mapping
 */

struct remedy_case {
	const char *name;
	const char *model;
	struct perfmlock_state state;
	unsigned long pages;
	unsigned int page_shift;
	unsigned int cpus;
	long mlock_kb;
	long memlock_kb;
};

static const struct remedy_case remedies[] = {
	/* 2 CPUs: 33 - 16 pages have to fit over U: 138 pages a CPU, 552 kB */
	{ "2 CPUs, default limit, 64 kB of rlimit", "S5",
	  { 258, 0, 258, 16 }, 33, 12, 2, 552, 132 },
	{ "nothing locked, no rlimit, 1 CPU", "S5",
	  { 0, 0, 129, 0 }, 257, 12, 1, 1028, 512 },
	/* 30 pages may go on M: 261 under the limit, 131 a CPU */
	{ "the mm has some already", "S5",
	  { 258, 10, 258, 40 }, 33, 12, 2, 524, 172 },
	/* 64 CPUs: one more page a CPU is 64 */
	{ "many CPUs", "S5", { 8256, 0, 8256, 16 }, 33, 12, 64, 520, 132 },
	{ "64 kB pages", "S5", { 9, 0, 9, 1 }, 3, 16, 1, 704, 192 },
	{ "M negative: no rlimit is large enough, and no limit", "S5",
	  { 258, -32, 258, WORLD_UNLIMITED }, 2, 12, 2, -1, -1 },
	{ "M over the rlimit with nothing to charge", "S5",
	  { 0, 50, 258, 40 }, 33, 12, 2, -1, 200 },
	/* U negative is read as huge: clamped, so that no limit admits it */
	{ "U negative", "S5", { -61, 0, 258, 16 }, 33, 12, 2, -1, 132 },
	/* 32886 + 3 pages on 36 CPUs, less 131072 - 112998: 412 pages a CPU */
	{ "the report's fifth call", "S0",
	  { 32898, 112998, 4644, 131072 }, 3, 12, 36, 1648, 565020 },
	{ "the report's fifth call by the right rule", "reference",
	  { 32898, 131072, 4644, 131072 }, 3, 12, 36, 3656, 524300 },
};

static void remedy_desc(const struct remedy_case *this, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", this->model, this->name);
}

KUNIT_ARRAY_PARAM(remedy, remedies, remedy_desc);

static void remedies_are_the_least_that_help(struct kunit *test)
{
	const struct remedy_case *this = test->param_value;
	struct perfmlock_remedy remedy;

	perfmlock_remedy(world_model(this->model), &this->state, this->pages, 1,
			 this->page_shift, this->cpus, &remedy);
	KUNIT_EXPECT_EQ(test, remedy.mlock_kb, this->mlock_kb);
	KUNIT_EXPECT_EQ(test, remedy.memlock_kb, this->memlock_kb);
}

/*
 * What a refused process finds when it is started anew
 */

struct restart_case {
	const char *name;
	const char *model;
	struct perfmlock_state state;
	struct perfmlock_holding holding;
	long user;
	long mm;
};

static const struct restart_case restarts[] = {
	/* 129 of another process stay */
	{ "all of it was on U", "S5", { 258, 0, 258, 16 },
	  { .pages = 129 }, 129, 0 },
	/* 3 x 129, of which 129 went on M */
	{ "some of it was on M", "S5", { 258, 129, 258, 512 },
	  { .pages = 387, .mm = 129 }, 0, 0 },
	{ "it has 20 pages more on M", "S5", { 258, 149, 258, 512 },
	  { .pages = 387, .mm = 129, .others = 20 }, 0, 20 },
	/* of 100 adopted pages 30 are on M, and 70 on U */
	{ "adopted buffers", "S5", { 200, 30, 258, 512 },
	  { .others = 30, .adopted = 100 }, 130, 0 },
	{ "adopted buffers and others", "S5", { 258, 90, 258, 512 },
	  { .pages = 129, .mm = 60, .others = 30, .adopted = 100 }, 119, 0 },
	{ "more is on M than the adopted have", "S5", { 258, 90, 258, 512 },
	  { .others = 90, .adopted = 65 }, 258, 25 },
	/* taken from M twice: a new one is not damaged */
	{ "a damaged M", "S5", { 257, -32, 258, 512 }, {}, 257, 0 },
	{ "M was damaged before the load", "S5", { 257, -32, 258, 512 },
	  { .pages = 33, .others = -32 }, 224, 0 },
	/* a re-map has leaked 65 of 130, and those stay */
	{ "pages that nobody holds", "S6", { 130, 0, 258, 512 },
	  { .pages = 65 }, 65, 0 },
	{ "what may stay", "S5", { 130, 20, 258, 512 },
	  { .pages = 65, .mm = 20, .stays = true }, 130, 0 },
	{ "a damaged U", "S5", { -61, 0, 258, 512 }, { .pages = 3 }, -61, 0 },
	{ "less is on U than it holds", "S5", { 2, 0, 258, 512 },
	  { .pages = 3 }, 0, 0 },
	/* all on U, and what was over the limit on M once more */
	{ "each page on U", "S0", { 387, 129, 258, 512 },
	  { .pages = 387, .mm = 129 }, 0, 0 },
};

static void restart_desc(const struct restart_case *this, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", this->model, this->name);
}

KUNIT_ARRAY_PARAM(restart, restarts, restart_desc);

static void a_restart_gives_back_what_the_process_holds(struct kunit *test)
{
	const struct restart_case *this = test->param_value;
	struct perfmlock_state restarted;

	perfmlock_restarted(world_model(this->model), &this->state,
			    &this->holding, &restarted);
	KUNIT_EXPECT_EQ(test, restarted.user, this->user);
	KUNIT_EXPECT_EQ(test, restarted.mm, this->mm);
	KUNIT_EXPECT_EQ(test, restarted.limit, this->state.limit);
	KUNIT_EXPECT_EQ(test, restarted.rlimit, this->state.rlimit);
}

struct short_case {
	const char *name;
	struct perfmlock_state state;
	enum perfmlock_kind kind;
	unsigned long pages;
	unsigned int buffers;
	long lacking;
	unsigned long fits;
};

static const struct short_case shorts[] = {
	/* 129 - 16, and two rings of 5 are 10, of 9 are 18 */
	{ "129 on one CPU of two", { 258, 0, 258, 16 }, PERFMLOCK_DATA, 129, 2,
	  242, 5 },
	{ "129 on the last one", { 258, 0, 258, 16 }, PERFMLOCK_DATA, 129, 1,
	  113, 9 },
	{ "an AUX area", { 258, 0, 258, 16 }, PERFMLOCK_AUX, 64, 1, 48, 16 },
	/* 516 - 512 */
	{ "some are under the limit", { 129, 0, 258, 0 }, PERFMLOCK_DATA, 257, 1,
	  128, 129 },
	{ "one page", { 258, 0, 258, 256 }, PERFMLOCK_DATA, 257, 1, 1, 129 },
	{ "nothing fits", { 258, 1, 258, 2 }, PERFMLOCK_DATA, 129, 1, 128, 0 },
	{ "M over the rlimit", { 0, 50, 258, 40 }, PERFMLOCK_DATA, 33, 1, 10, 0 },
	{ "a damaged M", { 258, -32, 258, 4096 }, PERFMLOCK_DATA, 2, 1, -1, 0 },
	/* 4 x 17 would be more than is missing, but the first one is refused */
	{ "a damaged M and many", { 258, -32, 258, 4096 }, PERFMLOCK_DATA, 17, 4,
	  -1, 0 },
	{ "a damaged M and a large one", { 258, -32, 258, 16 }, PERFMLOCK_DATA,
	  65, 1, 17, 33 },
	{ "it is admitted", { 0, 0, 258, 0 }, PERFMLOCK_DATA, 129, 2, 0, 65 },
};

static void short_desc(const struct short_case *this, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s", this->name);
}

KUNIT_ARRAY_PARAM(short, shorts, short_desc);

static void what_is_short_and_what_fits(struct kunit *test)
{
	const struct short_case *this = test->param_value;
	const struct perfmlock_model *model = world_model("S5");

	KUNIT_EXPECT_EQ(test, perfmlock_short(model, &this->state,
					      this->pages, this->buffers),
			this->lacking);
	KUNIT_EXPECT_EQ(test, perfmlock_fits(model, &this->state, this->kind,
					     this->pages, this->buffers),
			this->fits);
}

static int init_suite(struct kunit_suite *suite)
{
	FX_PLAN("charge", a_restart_gives_back_what_the_process_holds, restarts);
	FX_PLAN("charge", what_is_short_and_what_fits, shorts);
	FX_PLAN("charge", limit_is_whole_pages_a_cpu, limits);
	FX_PLAN("charge", splits_at_the_edges, splits);
	FX_PLAN("charge", steps_after_the_first, steps);
	FX_PLAN("charge", rules_are_known_by_what_they_do, evidence);
	FX_PLAN("charge", mistakes_are_known_by_what_they_do, evidence);
	FX_PLAN("charge", causes_name_their_commits, causes);
	FX_PLAN("charge", what_is_a_calls_own_is_told_from_what_is_not, shares);
	FX_PLAN("charge", any_order_of_calls_is_right, betweens);
	FX_PLAN("charge", remedies_are_the_least_that_help, remedies);
	return 0;
}

static struct kunit_case perfmlock_charge_cases[] = {
	KUNIT_CASE_PARAM(limit_is_whole_pages_a_cpu, limit_gen_params),
	KUNIT_CASE_PARAM(splits_at_the_edges, split_gen_params),
	KUNIT_CASE_PARAM(steps_after_the_first, step_gen_params),
	KUNIT_CASE(only_the_reference_rule_knows_whom_it_charged),
	KUNIT_CASE(default_model_is_that_of_most_kernels),
	KUNIT_CASE_PARAM(rules_are_known_by_what_they_do, evidence_gen_params),
	KUNIT_CASE_PARAM(mistakes_are_known_by_what_they_do,
			 evidence_gen_params),
	KUNIT_CASE_PARAM(causes_name_their_commits, cause_gen_params),
	KUNIT_CASE_PARAM(what_is_a_calls_own_is_told_from_what_is_not,
			 share_gen_params),
	KUNIT_CASE(what_no_believed_rule_makes_is_not_the_calls),
	KUNIT_CASE_PARAM(any_order_of_calls_is_right, between_gen_params),
	KUNIT_CASE(foreign_pages_below_zero_are_nobodys),
	KUNIT_CASE_PARAM(remedies_are_the_least_that_help, remedy_gen_params),
	KUNIT_CASE_PARAM(a_restart_gives_back_what_the_process_holds,
			 restart_gen_params),
	KUNIT_CASE_PARAM(what_is_short_and_what_fits, short_gen_params),
	{}
};

static struct kunit_suite perfmlock_charge_suite = {
	.name = "perfmlock_charge",
	.suite_init = init_suite,
	.test_cases = perfmlock_charge_cases,
};

kunit_test_suite(perfmlock_charge_suite);
