// SPDX-License-Identifier: GPL-2.0
/*
 * The history of the accounting, told as sequences of mmaps and munmaps: for
 * each version the mistake that it made and the one that it cured, in the
 * numbers of the patches, mails and reports of their time.
 */
#include "fixture.h"
#include "world.h"

#define DATA	PERFMLOCK_DATA
#define AUX	PERFMLOCK_AUX

/**
 * struct move - what happens next
 * @map: an mmap(), else a munmap()
 * @limit: not 0: the limit is set to it, and nothing else happens
 * @call: who maps what
 */
struct move {
	bool map;
	unsigned long limit;
	struct world_call call;
};

/* User u maps n pages in mm m; whoever runs in mm m unmaps. */
#define MAP(u, m, event, kind, n) { .map = true, .call = { u, m, event, kind, n } }
#define UNMAP(m, event, kind)	{ .call = { 0, m, event, kind, 0 } }
#define LIMIT(n)		{ .limit = (n) }

#define MAX_MOVES	32

/**
 * struct story - a sequence of moves
 * @name: what it is about
 * @limit: at its beginning
 * @rlimit: of everybody
 * @others: pages of others on user 0's counter
 * @nr: of its moves
 * @moves: the moves
 */
struct story {
	const char *name;
	unsigned long limit;
	unsigned long rlimit;
	long others;
	unsigned int nr;
	const struct move *moves;
};

#define MOVES(...)							\
	.moves = (const struct move[]){ __VA_ARGS__ },			\
	.nr = sizeof((const struct move[]){ __VA_ARGS__ }) / sizeof(struct move)

/**
 * struct sums - how a move left the counters
 * @ret: of the mmap()
 * @user: U of users 0 and 1
 * @mm: M of mms 0 and 1
 */
struct sums {
	int ret;
	long user[2];
	long mm[2];
};

/* One user and one mm. */
#define AT(u, m)		{ 0, { u }, { m } }
#define REFUSED_AT(u, m)	{ -EPERM, { u }, { m } }

/**
 * struct telling - a story as some kernels tell it
 * @story: which
 * @models: of those kernels
 * @sums: after each move
 */
struct telling {
	const struct story *story;
	const char *models;
	struct sums sums[MAX_MOVES];
};

static const struct story explosion = {
	.name = "rings over the limit", .limit = 10, .rlimit = 20,
	MOVES(MAP(0, 0, 0, DATA, 5), MAP(0, 0, 1, DATA, 5),
	      MAP(0, 0, 2, DATA, 5), MAP(0, 0, 3, DATA, 5),
	      MAP(0, 0, 4, DATA, 5), MAP(0, 0, 5, DATA, 5),
	      MAP(0, 0, 6, DATA, 5)),
};

static const struct story aux_divided = {
	.name = "AUX 33+128 under a limit of 100, twice",
	.limit = 100, .rlimit = 200,
	MOVES(MAP(0, 0, 0, DATA, 33), MAP(0, 0, 0, AUX, 128),
	      UNMAP(0, 0, AUX), UNMAP(0, 0, DATA),
	      MAP(0, 0, 1, DATA, 33), MAP(0, 0, 1, AUX, 128),
	      UNMAP(0, 1, AUX), UNMAP(0, 1, DATA)),
};

static const struct story aux_on_mm = {
	.name = "AUX wholly on the mm", .limit = 33, .rlimit = 200,
	MOVES(MAP(0, 0, 0, DATA, 33), MAP(0, 0, 0, AUX, 128),
	      UNMAP(0, 0, AUX), UNMAP(0, 0, DATA)),
};

static const struct story intel_pt = {
	.name = "perf record -m1,128 on one CPU, twice",
	.limit = 129, .rlimit = 16,
	MOVES(MAP(0, 0, 0, DATA, 2), MAP(0, 0, 0, AUX, 128),
	      UNMAP(0, 0, AUX), UNMAP(0, 0, DATA),
	      MAP(0, 0, 1, DATA, 2), MAP(0, 0, 1, AUX, 128)),
};

/* T. Richter, linux-perf-users, 2019: locked_vm was 0xff..fe04 after perf record */
static const struct story s390 = {
	.name = "perf record on 8 CPUs of an s390", .limit = 1032,
	.rlimit = WORLD_UNLIMITED, .others = 6,
	MOVES(MAP(0, 0, 0, DATA, 129), MAP(0, 0, 0, AUX, 128),
	      MAP(0, 0, 1, DATA, 129), MAP(0, 0, 1, AUX, 128),
	      MAP(0, 0, 2, DATA, 129), MAP(0, 0, 2, AUX, 128),
	      MAP(0, 0, 3, DATA, 129), MAP(0, 0, 3, AUX, 128),
	      MAP(0, 0, 4, DATA, 129), MAP(0, 0, 4, AUX, 128),
	      MAP(0, 0, 5, DATA, 129), MAP(0, 0, 5, AUX, 128),
	      MAP(0, 0, 6, DATA, 129), MAP(0, 0, 6, AUX, 128),
	      MAP(0, 0, 7, DATA, 129), MAP(0, 0, 7, AUX, 128),
	      UNMAP(0, 0, AUX), UNMAP(0, 0, DATA),
	      UNMAP(0, 1, AUX), UNMAP(0, 1, DATA),
	      UNMAP(0, 2, AUX), UNMAP(0, 2, DATA),
	      UNMAP(0, 3, AUX), UNMAP(0, 3, DATA),
	      UNMAP(0, 4, AUX), UNMAP(0, 4, DATA),
	      UNMAP(0, 5, AUX), UNMAP(0, 5, DATA),
	      UNMAP(0, 6, AUX), UNMAP(0, 6, DATA),
	      UNMAP(0, 7, AUX), UNMAP(0, 7, DATA)),
};

static const struct story lowered = {
	.name = "the limit is lowered from 100 to 20",
	.limit = 100, .rlimit = 200,
	MOVES(MAP(0, 0, 0, DATA, 65), LIMIT(20), MAP(0, 1, 1, DATA, 33),
	      UNMAP(0, 0, DATA), UNMAP(1, 1, DATA)),
};

static const struct story lowered_refused = {
	.name = "the limit is lowered, with a small rlimit",
	.limit = 100, .rlimit = 60,
	MOVES(MAP(0, 0, 0, DATA, 65), LIMIT(20), MAP(0, 1, 1, DATA, 33)),
};

static const struct story remap = {
	.name = "a ring is mapped twice and unmapped twice, in cycles",
	.limit = 258, .rlimit = 2048,
	MOVES(MAP(0, 0, 0, DATA, 65), MAP(0, 0, 0, DATA, 65),
	      UNMAP(0, 0, DATA), UNMAP(0, 0, DATA),
	      MAP(0, 0, 1, DATA, 65), MAP(0, 0, 1, DATA, 65),
	      UNMAP(0, 1, DATA), UNMAP(0, 1, DATA),
	      MAP(0, 0, 2, DATA, 65), MAP(0, 0, 2, DATA, 65),
	      UNMAP(0, 2, DATA), UNMAP(0, 2, DATA),
	      MAP(0, 0, 3, DATA, 65), MAP(0, 0, 3, DATA, 65),
	      UNMAP(0, 3, DATA), UNMAP(0, 3, DATA),
	      MAP(0, 0, 4, DATA, 65), MAP(0, 0, 4, DATA, 65),
	      UNMAP(0, 4, DATA), UNMAP(0, 4, DATA)),
};

static const struct story remap_refused = {
	.name = "a ring is mapped twice, with an rlimit of 0",
	.limit = 258, .rlimit = 0,
	MOVES(MAP(0, 0, 0, DATA, 65), MAP(0, 0, 0, DATA, 65),
	      UNMAP(0, 0, DATA), UNMAP(0, 0, DATA),
	      MAP(0, 0, 1, DATA, 65), MAP(0, 0, 1, DATA, 65),
	      UNMAP(0, 1, DATA), UNMAP(0, 1, DATA),
	      MAP(0, 0, 2, DATA, 65), MAP(0, 0, 2, DATA, 65),
	      UNMAP(0, 2, DATA), UNMAP(0, 2, DATA),
	      MAP(0, 0, 3, DATA, 65)),
};

static const struct story aux_remap = {
	.name = "an AUX area is mapped twice", .limit = 258, .rlimit = 2048,
	MOVES(MAP(0, 0, 0, DATA, 33), MAP(0, 0, 0, AUX, 64),
	      MAP(0, 0, 0, AUX, 64), UNMAP(0, 0, AUX), UNMAP(0, 0, AUX),
	      UNMAP(0, 0, DATA)),
};

static const struct story setuid = {
	.name = "a setuid between data and AUX", .limit = 258, .rlimit = 2048,
	MOVES(MAP(0, 0, 0, DATA, 33), MAP(1, 0, 0, AUX, 64),
	      UNMAP(0, 0, AUX), UNMAP(0, 0, DATA),
	      MAP(0, 0, 1, DATA, 33)),
};

static const struct story other_mm = {
	.name = "last unmap in another mm", .limit = 258, .rlimit = WORLD_UNLIMITED,
	MOVES(MAP(0, 0, 0, DATA, 257), MAP(0, 0, 1, DATA, 33),
	      MAP(0, 1, 1, DATA, 33), UNMAP(0, 1, DATA), UNMAP(1, 1, DATA),
	      MAP(0, 1, 2, DATA, 2)),
};

static const struct story aux_last = {
	.name = "data unmapped first, AUX last, in another mm",
	.limit = 33, .rlimit = 2048,
	MOVES(MAP(0, 0, 0, DATA, 65), MAP(0, 1, 0, AUX, 64),
	      UNMAP(0, 0, DATA), UNMAP(1, 0, AUX)),
};

static const struct telling tellings[] = {
	{
		&explosion, "S0", {
			AT(5, 0), AT(10, 0), AT(15, 5), AT(20, 15),
			REFUSED_AT(20, 15), REFUSED_AT(20, 15),
			REFUSED_AT(20, 15),
		},
	}, {
		&explosion, "S0c", {
			AT(5, 0), AT(10, 0), AT(15, 5), AT(20, 10),
			AT(25, 15), AT(30, 20), REFUSED_AT(30, 20),
		},
	}, {
		&explosion, "reference S1 S2 S3 S4 S5 S6", {
			AT(5, 0), AT(10, 0), AT(10, 5), AT(10, 10),
			AT(10, 15), AT(10, 20), REFUSED_AT(10, 20),
		},
	}, {
		&aux_divided, "S0 S0c", {
			AT(33, 0), AT(161, 61), AT(33, 0), AT(0, 0),
			AT(33, 0), AT(161, 61), AT(33, 0), AT(0, 0),
		},
	}, {
		/* U below zero is read unsigned: the next ring is all on M */
		&aux_divided, "S1", {
			AT(33, 0), AT(100, 61), AT(-28, 0), AT(-61, 0),
			AT(-61, 33), AT(67, 33), AT(-61, 33), AT(-61, 0),
		},
	}, {
		&aux_divided, "S2", {
			AT(33, 0), AT(100, 61), AT(100, 0), AT(67, 0),
			AT(100, 0), AT(100, 128), AT(100, 0), AT(67, 0),
		},
	}, {
		&aux_divided, "reference S3 S4 S5 S6", {
			AT(33, 0), AT(100, 61), AT(33, 0), AT(0, 0),
			AT(33, 0), AT(100, 61), AT(33, 0), AT(0, 0),
		},
	}, {
		&aux_on_mm, "S1", {
			AT(33, 0), AT(33, 128), AT(-95, 0), AT(-128, 0),
		},
	}, {
		&aux_on_mm, "reference S2 S3 S4 S5 S6", {
			AT(33, 0), AT(33, 128), AT(33, 0), AT(0, 0),
		},
	}, {
		&intel_pt, "S2", {
			AT(2, 0), AT(129, 1), AT(129, 0), AT(127, 0),
			AT(129, 0), REFUSED_AT(129, 0),
		},
	}, {
		&intel_pt, "reference S3 S4 S5 S6", {
			AT(2, 0), AT(129, 1), AT(2, 0), AT(0, 0),
			AT(2, 0), AT(129, 1),
		},
	}, {
		&s390, "S1", {
			AT(135, 0), AT(263, 0), AT(392, 0), AT(520, 0),
			AT(649, 0), AT(777, 0), AT(906, 0), AT(1032, 2),
			AT(1032, 131), AT(1032, 259), AT(1032, 388),
			AT(1032, 516), AT(1032, 645), AT(1032, 773),
			AT(1032, 902), AT(1032, 1030),
			AT(904, 1030), AT(775, 1030), AT(647, 1030),
			AT(518, 1030), AT(390, 1030), AT(261, 1030),
			AT(133, 1028), AT(4, 1028), AT(-124, 900),
			AT(-124, 771), AT(-252, 643), AT(-252, 514),
			AT(-380, 386), AT(-380, 257), AT(-508, 129),
			AT(-508, 0),
		},
	}, {
		&s390, "reference S3 S4 S5 S6", {
			AT(135, 0), AT(263, 0), AT(392, 0), AT(520, 0),
			AT(649, 0), AT(777, 0), AT(906, 0), AT(1032, 2),
			AT(1032, 131), AT(1032, 259), AT(1032, 388),
			AT(1032, 516), AT(1032, 645), AT(1032, 773),
			AT(1032, 902), AT(1032, 1030),
			AT(904, 1030), AT(775, 1030), AT(647, 1030),
			AT(518, 1030), AT(390, 1030), AT(261, 1030),
			AT(135, 1028), AT(6, 1028), AT(6, 900), AT(6, 771),
			AT(6, 643), AT(6, 514), AT(6, 386), AT(6, 257),
			AT(6, 129), AT(6, 0),
		},
	}, {
		&lowered, "S4", {
			AT(65, 0), AT(65, 0), { 0, { 20 }, { 0, 78 } },
			{ 0, { -45 }, { 0, 78 } }, { 0, { 0 }, { 0, 0 } },
		},
	}, {
		/* all that U has over the limit, as ever before S1 */
		&lowered, "S0", {
			AT(65, 0), AT(65, 0), { 0, { 98 }, { 0, 78 } },
			{ 0, { 33 }, { 0, 78 } }, { 0, { 0 }, { 0, 0 } },
		},
	}, {
		&lowered, "reference S1 S2 S3 S5 S6", {
			AT(65, 0), AT(65, 0), { 0, { 65 }, { 0, 33 } },
			{ 0, { 0 }, { 0, 33 } }, { 0, { 0 }, { 0, 0 } },
		},
	}, {
		&lowered_refused, "S4", {
			AT(65, 0), AT(65, 0), REFUSED_AT(65, 0),
		},
	}, {
		&lowered_refused, "reference S1 S2 S3 S5 S6", {
			AT(65, 0), AT(65, 0), { 0, { 65 }, { 0, 33 } },
		},
	}, {
		&remap, "S6", {
			AT(65, 0), AT(130, 0), AT(130, 0), AT(65, 0),
			AT(130, 0), AT(195, 0), AT(195, 0), AT(130, 0),
			AT(195, 0), AT(260, 0), AT(260, 0), AT(195, 0),
			AT(258, 2), AT(323, 2), AT(323, 2), AT(260, 0),
			AT(260, 65), AT(325, 65), AT(325, 65), AT(325, 0),
		},
	}, {
		&remap, "reference S0 S0c S1 S2 S3 S4 S5", {
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
		},
	}, {
		&remap_refused, "S6", {
			AT(65, 0), AT(130, 0), AT(130, 0), AT(65, 0),
			AT(130, 0), AT(195, 0), AT(195, 0), AT(130, 0),
			AT(195, 0), AT(260, 0), AT(260, 0), AT(195, 0),
			REFUSED_AT(195, 0),
		},
	}, {
		&remap_refused, "reference S0 S0c S1 S2 S3 S4 S5", {
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
			AT(65, 0), AT(65, 0), AT(65, 0), AT(0, 0),
			AT(65, 0),
		},
	}, {
		&aux_remap, "S6", {
			AT(33, 0), AT(97, 0), AT(161, 0), AT(161, 0),
			AT(97, 0), AT(64, 0),
		},
	}, {
		&aux_remap, "reference S0 S0c S1 S2 S3 S4 S5", {
			AT(33, 0), AT(97, 0), AT(97, 0), AT(97, 0),
			AT(33, 0), AT(0, 0),
		},
	}, {
		/* and U below zero takes the next ring's part under the limit */
		&setuid, "S1 S2 S3 S5 S6", {
			AT(33, 0), { 0, { 33, 64 } }, { 0, { -31, 64 } },
			{ 0, { -64, 64 } }, { 0, { -64, 64 }, { 33 } },
		},
	}, {
		/* or refuses it */
		&setuid, "S0 S4", {
			AT(33, 0), { 0, { 33, 64 } }, { 0, { -31, 64 } },
			{ 0, { -64, 64 } }, { -EPERM, { -64, 64 } },
		},
	}, {
		&setuid, "reference", {
			AT(33, 0), { 0, { 33, 64 } }, AT(33, 0), AT(0, 0),
			AT(33, 0),
		},
	}, {
		&other_mm, "S1 S2 S3 S4 S5", {
			AT(257, 0), AT(258, 32), AT(258, 32), AT(258, 32),
			{ 0, { 257 }, { 32, -32 } },
			{ -EPERM, { 257 }, { 32, -32 } },
		},
	}, {
		&other_mm, "S0 S0c", {
			AT(257, 0), AT(290, 32), AT(290, 32), AT(290, 32),
			{ 0, { 257 }, { 32, -32 } },
			{ -EPERM, { 257 }, { 32, -32 } },
		},
	}, {
		&other_mm, "S6", {
			AT(257, 0), AT(258, 32), AT(291, 32), AT(291, 32),
			{ 0, { 290 }, { 32, -32 } },
			{ -EPERM, { 290 }, { 32, -32 } },
		},
	}, {
		&other_mm, "reference", {
			AT(257, 0), AT(258, 32), AT(258, 32), AT(258, 32),
			AT(257, 0), { 0, { 258 }, { 0, 1 } },
		},
	}, {
		&aux_last, "S2 S3 S4 S5 S6", {
			AT(33, 32), { 0, { 33 }, { 32, 64 } },
			{ 0, { 33 }, { 32, 64 } }, { 0, { 0 }, { 32, -32 } },
		},
	}, {
		&aux_last, "reference", {
			AT(33, 32), { 0, { 33 }, { 32, 64 } },
			{ 0, { 33 }, { 32, 64 } }, AT(0, 0),
		},
	},
};

static void telling_desc(const struct telling *telling, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s: %s", telling->story->name,
		 telling->models);
}

KUNIT_ARRAY_PARAM(telling, tellings, telling_desc);

static int make_move(struct kunit *test, struct world *world,
		     const struct move *move)
{
	if (move->limit) {
		world->limit = move->limit;
		return 0;
	}
	if (move->map) {
		KUNIT_ASSERT_TRUE(test, world_can_map(world, &move->call));
		return world_map(world, &move->call);
	}
	KUNIT_ASSERT_TRUE(test, world_can_unmap(world, &move->call));
	world_unmap(world, &move->call);
	return 0;
}

static void play(struct kunit *test, const struct telling *telling,
		 const struct perfmlock_model *model)
{
	const struct story *story = telling->story;
	const struct sums *sums;
	struct world *world;
	unsigned int i;
	int ret;

	world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, world);
	world_init(world, model, story->limit, story->rlimit);
	world->user[0] = story->others;
	for (i = 0; i < story->nr; i++) {
		sums = &telling->sums[i];
		ret = make_move(test, world, &story->moves[i]);
		KUNIT_EXPECT_EQ_MSG(test, ret, sums->ret, "%s, move %u",
				    model->name, i + 1);
		KUNIT_EXPECT_EQ_MSG(test, world->user[0], sums->user[0],
				    "%s, move %u", model->name, i + 1);
		KUNIT_EXPECT_EQ_MSG(test, world->user[1], sums->user[1],
				    "%s, move %u", model->name, i + 1);
		KUNIT_EXPECT_EQ_MSG(test, world->mm[0], sums->mm[0],
				    "%s, move %u", model->name, i + 1);
		KUNIT_EXPECT_EQ_MSG(test, world->mm[1], sums->mm[1],
				    "%s, move %u", model->name, i + 1);
	}
}

static void stories_are_told(struct kunit *test)
{
	const struct telling *telling = test->param_value;
	const struct perfmlock_model *model;
	const char *names = telling->models;

	while ((model = world_next_model(&names)))
		play(test, telling, model);
	KUNIT_EXPECT_EQ_MSG(test, *names, 0, "no model %s", names);
}

/*
 * What each version cured, and what it did wrong. A cure is one that its
 * predecessor lacks; a mistake that was brought is one that it did not make.
 */
struct version {
	const char *model;
	const char *before;
	const char *commit;
	const struct story *cured;
	const struct story *wrong;
	bool brought;
};

static const struct version versions[] = {
	{ "S0", NULL, "9bb5d40cd93c", NULL, &explosion, true },
	/* nothing is refused wrongly any more, but U is still charged for M */
	{ "S0c", "S0", "003461559ef7", NULL, &explosion, false },
	/* wrong there before it too, but zero at the end */
	{ "S1", "S0", "d44248a41337", &explosion, &aux_on_mm, false },
	{ "S2", "S1", "5e6c3c7b1ec2", &aux_on_mm, &aux_divided, false },
	{ "S3", "S2", "36b3db03b474", &aux_divided, &other_mm, false },
	{ "S4", "S3", "c4b75479741c", NULL, &lowered, true },
	{ "S5", "S4", "003461559ef7", &lowered, &setuid, false },
	{ "S6", "S5", "0c8a4e4139ad", NULL, &remap, true },
};

static void version_desc(const struct version *version, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s %s%s%s; wrong: %s",
		 version->model, version->commit,
		 version->cured ? "; cured: " : "",
		 version->cured ? version->cured->name : "",
		 version->wrong->name);
}

KUNIT_ARRAY_PARAM(version, versions, version_desc);

/* Does a kernel with this rule do in a story all that is right? */
static bool is_right(struct kunit *test, const struct story *story,
		     const char *name)
{
	const struct perfmlock_model *model = world_model(name);
	const struct move *move;
	struct world *world;
	unsigned int i;
	int ret[2];

	KUNIT_ASSERT_NOT_NULL(test, model);
	world = kunit_kcalloc(test, 2, sizeof(*world), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, world);
	world_init(&world[0], model, story->limit, story->rlimit);
	world_init(&world[1], &perfmlock_reference_model, story->limit,
		   story->rlimit);
	world[0].user[0] = story->others;
	world[1].user[0] = story->others;
	for (i = 0; i < story->nr; i++) {
		move = &story->moves[i];
		ret[0] = make_move(test, &world[0], move);
		ret[1] = make_move(test, &world[1], move);
		if (ret[0] != ret[1] ||
		    memcmp(world[0].user, world[1].user, sizeof(world->user)) ||
		    memcmp(world[0].mm, world[1].mm, sizeof(world->mm)))
			return false;
	}
	return true;
}

static void versions_cure_and_err(struct kunit *test)
{
	const struct version *version = test->param_value;

	KUNIT_EXPECT_STREQ(test, world_model(version->model)->commit,
			   version->commit);
	KUNIT_EXPECT_FALSE(test, is_right(test, version->wrong, version->model));
	if (version->before && version->brought)
		KUNIT_EXPECT_TRUE(test, is_right(test, version->wrong,
						 version->before));
	if (!version->cured)
		return;
	KUNIT_EXPECT_TRUE(test, is_right(test, version->cured, version->model));
	KUNIT_EXPECT_FALSE(test, is_right(test, version->cured, version->before));
}

static void every_version_has_its_row(struct kunit *test)
{
	unsigned int i;

	KUNIT_ASSERT_EQ(test, PERFMLOCK_REFERENCE, ARRAY_SIZE(versions));
	for (i = 0; i < ARRAY_SIZE(versions); i++)
		KUNIT_EXPECT_STREQ(test, perfmlock_models[i].name,
				   versions[i].model);
}

/*
 * The report: a program that maps a ring of 3 pages for each of 36 CPUs, by a
 * user with 32886 pages of other things. user_locked was printed with the new
 * pages in it, pinned_vm without. The program had CAP_IPC_LOCK by then.
 */
#define REPORT_LIMIT	4644
#define REPORT_OTHERS	32886
#define REPORT_PAGES	3
#define REPORT_RLIMIT	131072
#define REPORT_CPUS	36

struct report_call {
	unsigned long user_extra;
	unsigned long user_locked;
	unsigned long locked;
	long pinned_vm;
	long extra;
	bool over;
};

static const struct report_call report[] = {
	{ 3, 32889, 28245, 0, 28245, false },
	{ 3, 32892, 56493, 28245, 28248, false },
	{ 3, 32895, 84744, 56493, 28251, false },
	{ 3, 32898, 112998, 84744, 28254, false },
	{ 3, 32901, 141255, 112998, 28257, true },
	{ 3, 32904, 169515, 141255, 28260, true },
};

static void report_desc(const struct report_call *call, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "call %td: extra %ld, locked %lu",
		 call - report + 1, call->extra, call->locked);
}

KUNIT_ARRAY_PARAM(report, report, report_desc);

static void S0_explodes_as_reported(struct kunit *test)
{
	const struct report_call *call = test->param_value;
	const struct perfmlock_state state = {
		.user = call->user_locked - REPORT_PAGES,
		.mm = call->pinned_vm,
		.limit = REPORT_LIMIT,
		.rlimit = REPORT_RLIMIT,
	};
	struct perfmlock_charge charge;

	perfmlock_model_charge(world_model("S0"), &state, REPORT_PAGES, &charge);
	KUNIT_EXPECT_EQ(test, charge.user, call->user_extra);
	KUNIT_EXPECT_EQ(test, charge.user_locked, call->user_locked);
	KUNIT_EXPECT_EQ(test, charge.locked, call->locked);
	KUNIT_EXPECT_EQ(test, charge.mm, call->extra);
	KUNIT_EXPECT_EQ(test, charge.rec, call->extra);
	KUNIT_EXPECT_EQ(test, charge.over, call->over);
}

static void report_world(struct world *world, const char *model, bool exempt)
{
	world_init(world, world_model(model), REPORT_LIMIT, REPORT_RLIMIT);
	world->user[0] = REPORT_OTHERS;
	world->exempt[0] = exempt;
}

static int report_map(struct world *world, unsigned int cpu)
{
	const struct world_call call = {
		.event = cpu, .kind = DATA, .pages = REPORT_PAGES,
	};

	return world_map(world, &call);
}

/* The same, each call beginning with what the one before it left. */
static void S0_explodes_by_itself(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, world);
	report_world(world, "S0", true);
	for (i = 0; i < ARRAY_SIZE(report); i++) {
		KUNIT_EXPECT_EQ(test, world->mm[0], report[i].pinned_vm);
		KUNIT_EXPECT_EQ(test, report_map(world, i), 0);
		KUNIT_EXPECT_EQ(test, world->user[0], report[i].user_locked);
		KUNIT_EXPECT_EQ(test, world->mm[0], report[i].locked);
	}
}

static void S0_refuses_the_fifth_call(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, world);
	report_world(world, "S0", false);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, report_map(world, i), 0);
	KUNIT_EXPECT_EQ(test, report_map(world, i), -EPERM);
}

static void reference_charges_36_cpus_108_pages(struct kunit *test)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, world);
	report_world(world, "reference", false);
	for (i = 0; i < REPORT_CPUS; i++) {
		KUNIT_EXPECT_EQ(test, report_map(world, i), 0);
		KUNIT_EXPECT_EQ(test, world->mm[0], 3 * (i + 1));
	}
	KUNIT_EXPECT_EQ(test, world->mm[0], 108);
	KUNIT_EXPECT_EQ(test, world->user[0], REPORT_OTHERS);
}

static int init_suite(struct kunit_suite *suite)
{
	FX_PLAN("stories", stories_are_told, tellings);
	FX_PLAN("stories", versions_cure_and_err, versions);
	FX_PLAN("stories", S0_explodes_as_reported, report);
	return 0;
}

static struct kunit_case perfmlock_stories_cases[] = {
	KUNIT_CASE_PARAM(S0_explodes_as_reported, report_gen_params),
	KUNIT_CASE(S0_explodes_by_itself),
	KUNIT_CASE(S0_refuses_the_fifth_call),
	KUNIT_CASE(reference_charges_36_cpus_108_pages),
	KUNIT_CASE_PARAM(stories_are_told, telling_gen_params),
	KUNIT_CASE_PARAM(versions_cure_and_err, version_gen_params),
	KUNIT_CASE(every_version_has_its_row),
	{}
};

static struct kunit_suite perfmlock_stories_suite = {
	.name = "perfmlock_stories",
	.suite_init = init_suite,
	.test_cases = perfmlock_stories_cases,
};

kunit_test_suite(perfmlock_stories_suite);
