// SPDX-License-Identifier: GPL-2.0
/*
 * Every stage of the accounting's history, met by real processes. This is
 * emulation: perfmlock_emulate makes the running kernel charge by the rule of
 * another. The numbers are those of the patches and mails of each time; the
 * module is told nothing, and has to find out.
 */
#define _GNU_SOURCE
#include "perfmlock_fixture.h"

FIXTURE(stage)
{
	struct test_env e;
};

FIXTURE_SETUP(stage)
{
	env_open(&self->e);
	self->e.exotic = true;
	if (!auxpmu_ready())
		die("no perfmlock_auxpmu.ko to load");
}

/* perfmlock goes first: its probes have to come after the emulation's. */
FIXTURE_TEARDOWN(stage)
{
	EXPECT_EQ(0, env_close(&self->e));
	if (!module_loaded("perfmlock_emulate"))
		return;
	if (module_loaded("perfmlock"))
		EXPECT_EQ(0, books_unload());
	EXPECT_EQ(0, module_unload("perfmlock_emulate"));
	EXPECT_EQ(0, books_load(""));
}

static int emulate(const char *model)
{
	char params[32], path[512];
	int ret;

	/* the name of one module's file does not outlive that of another's */
	snprintf(path, sizeof(path), "%s", module_path("perfmlock_emulate"));
	snprintf(params, sizeof(params), "model=%s", model);
	ret = books_unload();
	if (!ret)
		ret = module_load(path, params);
	if (!ret)
		ret = books_load("");
	return ret;
}

#define NO_EMULATION "perfmlock_emulate.ko not found: it is built beside the module's sources"

static bool can_emulate(void)
{
	return module_path("perfmlock_emulate") && module_path("perfmlock");
}

/* A user_lock_limit of so many pages */
static int set_limit(struct test_env *e, long pages)
{
	if (pages % e->cpus)
		die("%ld pages cannot be shared by %ld CPUs", pages, e->cpus);
	return env_set_kb(e, pages / e->cpus * (e->page / 1024));
}

/* The rules that no step has contradicted, blank-separated */
static const char *recognised(void)
{
	struct table *t = table_get("models");
	static char names[128];
	int row;

	names[0] = 0;
	for (row = 0; row < table_rows(t); row++) {
		if (table_num(t, row, "disagrees"))
			continue;
		if (names[0])
			strcat(names, " ");
		strcat(names, table_str(t, row, "name"));
	}
	table_put(t);
	return names;
}

/* What status says of it, without the key */
/* The names alone; behind each is its commit. */
static const char *status_model(void)
{
	static char model[128];
	char *text = slurp_books("status"), *at = strstr(text, "\nmodel: ");
	char *word, *save;

	model[0] = 0;
	if (at) {
		at += strlen("\nmodel: ");
		at[strcspn(at, "\n")] = 0;
		for (word = strtok_r(at, " ", &save); word;
		     word = strtok_r(NULL, " ", &save)) {
			if (word[0] == '(')
				continue;
			if (model[0])
				strcat(model, " ");
			strncat(model, word, sizeof(model) - strlen(model) - 2);
		}
	}
	free(text);
	return model;
}

static const char *last_cause(const struct actor *a)
{
	static char cause[64];
	char *line = line_last("drifts", "uid", a->uid);

	cause[0] = 0;
	if (line)
		line_str(line, "cause", cause, sizeof(cause));
	free(line);
	return cause;
}

#define EXPECT_BOOKS(a, kernel_user, kernel_mm, right_user, right_mm) do { \
	EXPECT_EQ(kernel_user, users_num((a)->uid, "kernel"));		\
	EXPECT_EQ(right_user, users_num((a)->uid, "correct"));		\
	EXPECT_EQ((kernel_user) - (right_user),				\
		  users_num((a)->uid, "drift"));			\
	EXPECT_EQ(kernel_user, oracle((a)->pid).user);			\
	EXPECT_EQ(kernel_mm, mms_num((a)->pid, "kernel"));		\
	EXPECT_EQ(right_mm, mms_num((a)->pid, "correct"));		\
	EXPECT_EQ(kernel_mm, oracle((a)->pid).mm);			\
} while (0)

/* Rings of 5 pages, a limit of 10, an rlimit of 20: d44248a41337 */
TEST_F(stage, S0_explodes)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 20, 0);
	char *line;

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S0"));
	ASSERT_EQ(0, set_limit(e, 10));
	ASSERT_GT(actor_new(a, 5), 0);
	ASSERT_GT(actor_new(a, 5), 0);
	EXPECT_BOOKS(a, 10, 0, 10, 0);
	ASSERT_GT(actor_new(a, 5), 0);
	EXPECT_BOOKS(a, 15, 5, 10, 5);
	EXPECT_STREQ("double-charge", last_cause(a));
	ASSERT_GT(actor_new(a, 5), 0);
	EXPECT_BOOKS(a, 20, 15, 10, 10);
	EXPECT_STREQ("explosion", last_cause(a));
	VERIFY("exploded");
	EXPECT_STREQ("S0", recognised());
	EXPECT_STREQ("S0", status_model());

	/* 15 + 15 are more than 20; the right sum is 10 + 5 */
	EXPECT_EQ(-EPERM, actor_new(a, 5));
	EXPECT_EQ(1, users_num(a->uid, "wrongly_denied"));
	line = line_last("denials", "uid", a->uid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(1, line_num(line, "wrongly"));
	EXPECT_EQ(15, line_num(line, "extra"));
	EXPECT_EQ(15, line_num(line, "pinned_vm"));
	EXPECT_EQ(30, line_num(line, "locked"));
	EXPECT_EQ(25, line_num(line, "user_locked"));
	EXPECT_EQ(5, line_num(line, "correct_extra"));
	EXPECT_EQ(15, line_num(line, "correct_locked"));
	free(line);

	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_BOOKS(a, 0, 0, 0, 0);
}

/* The same where 003461559ef7 came without d44248a41337: 4.4 to 4.19 stable */
TEST_F(stage, S0c_charges_twice)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 20, 0);
	int i;

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S0c"));
	ASSERT_EQ(0, set_limit(e, 10));
	for (i = 1; i <= 6; i++) {
		ASSERT_GT(actor_new(a, 5), 0);
		EXPECT_BOOKS(a, 5 * i, i > 2 ? 5 * (i - 2) : 0,
			     i > 2 ? 10 : 5 * i, i > 2 ? 5 * (i - 2) : 0);
	}
	EXPECT_STREQ("double-charge", last_cause(a));
	EXPECT_STREQ("S0c", recognised());
	VERIFY("charged twice");
	/* this one is refused by the right sums too */
	EXPECT_EQ(-EPERM, actor_new(a, 5));
	EXPECT_EQ(1, users_num(a->uid, "denied"));
	EXPECT_EQ(0, users_num(a->uid, "wrongly_denied"));
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_BOOKS(a, 0, 0, 0, 0);
}

/* Data 33 and AUX 128 under a limit of 100; leaves @left on U */
static void map_aux_and_unmap(struct __test_metadata *_metadata,
			      struct test_env *e, struct actor *a, long left)
{
	int fd = actor_open_aux(a);
	long data, aux;

	ASSERT_EQ(0, set_limit(e, 100));
	data = actor_map(a, fd, 33);
	ASSERT_GT(data, 0);
	aux = actor_map_aux(a, fd, data, 33, 128);
	ASSERT_GT(aux, 0);
	EXPECT_BOOKS(a, 100, 61, 100, 61);
	EXPECT_EQ(67, buffer_num(a->pid, "aux", 128, "kernel_user"));
	EXPECT_EQ(61, buffer_num(a->pid, "aux", 128, "kernel_mm"));
	ASSERT_EQ(0, actor_unmap(a, aux, 128));
	EXPECT_BOOKS(a, 33 + left, 0, 33, 0);
	ASSERT_EQ(0, actor_unmap(a, data, 33));
	EXPECT_BOOKS(a, left, 0, 0, 0);
}

/* 5e6c3c7b1ec2: U goes below zero by what M had been charged */
TEST_F(stage, S1_uncharges_aux_twice)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 200, 0);

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S1"));
	e->leak_user = true;
	map_aux_and_unmap(_metadata, e, a, -61);
	EXPECT_STREQ("aux-uncharge", last_cause(a));
	EXPECT_STREQ("S1", recognised());
	EXPECT_STREQ("S1", status_model());

	/* and the next ring is all on M, for that reason */
	ASSERT_GT(actor_new(a, 33), 0);
	EXPECT_BOOKS(a, -61, 33, 33, 0);
	EXPECT_STREQ("aux-uncharge", last_cause(a));
}

/* 36b3db03b474: U keeps its part of an AUX area that was divided */
TEST_F(stage, S2_leaks_aux)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 200, 0);

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S2"));
	e->leak_user = true;
	map_aux_and_unmap(_metadata, e, a, 67);
	EXPECT_STREQ("aux-leak", last_cause(a));
	EXPECT_STREQ("S2", recognised());
	EXPECT_STREQ("S2", status_model());
}

/* perf record -m1,128 on a limit of 129: the second run is refused */
TEST_F(stage, S2_refuses_perf_record)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 16, 0);
	long data, aux;
	char *line;
	int fd;

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S2"));
	e->leak_user = true;
	ASSERT_EQ(0, set_limit(e, 129 / e->cpus * e->cpus));
	fd = actor_open_aux(a);
	data = actor_map(a, fd, 2);
	ASSERT_GT(data, 0);
	aux = actor_map_aux(a, fd, data, 2, 128);
	ASSERT_GT(aux, 0);
	ASSERT_EQ(0, actor_unmap(a, aux, 128));
	ASSERT_EQ(0, actor_unmap(a, data, 2));
	EXPECT_EQ(e->limit - 2, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, users_num(a->uid, "correct"));

	fd = actor_open_aux(a);
	data = actor_map(a, fd, 2);
	ASSERT_GT(data, 0);
	EXPECT_EQ(-EPERM, actor_map_aux(a, fd, data, 2, 128));
	EXPECT_EQ(1, users_num(a->uid, "wrongly_denied"));
	line = line_last("denials", "uid", a->uid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(128, line_num(line, "locked"));
	EXPECT_EQ(16, line_num(line, "lock_limit"));
	EXPECT_EQ(130 - e->limit, line_num(line, "correct_locked"));
	free(line);
}

/* Right, but for whom it uncharges; with sane counters nobody can tell S5. */
TEST_F(stage, S3_is_right)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 200, 0);

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S3"));
	map_aux_and_unmap(_metadata, e, a, 0);
	EXPECT_EQ(0, lines_count("drifts", "uid", a->uid));
	/* and no re-map was seen, which S6 would charge */
	EXPECT_STREQ("S3 S4 S5 S6 reference", recognised());
}

/* c4b75479741c and a limit lowered from 100 to 20, cured by 003461559ef7 */
TEST_F(stage, S4_forgets_a_lowered_limit)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 200, 0);
	struct actor *b = actor_start(e, uid, 60, 0);
	char *line;

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S4"));
	ASSERT_EQ(0, set_limit(e, 100));
	ASSERT_GT(actor_new(a, 65), 0);
	ASSERT_EQ(0, set_limit(e, 20));

	EXPECT_EQ(-EPERM, actor_new(b, 33));
	/* by now it can be any rule that refuses this */
	line = line_last("denials", "pid", b->pid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(1, line_num(line, "wrongly"));
	EXPECT_EQ(78, line_num(line, "locked"));
	EXPECT_EQ(33, line_num(line, "correct_locked"));
	free(line);

	actor_rlimit(b, 200);
	ASSERT_GT(actor_new(b, 33), 0);
	EXPECT_BOOKS(b, 20, 78, 65, 33);
	EXPECT_STREQ("limit-lowered", last_cause(b));
	EXPECT_STREQ("S4", recognised());
	EXPECT_STREQ("S4", status_model());
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_BOOKS(b, -45, 78, 0, 33);
	/* it heals */
	ASSERT_EQ(0, actor_unmap_all(b));
	EXPECT_BOOKS(b, 0, 0, 0, 0);
}

TEST_F(stage, S5_is_right)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 200, 0);
	struct actor *b = actor_start(e, uid, 60, 0);
	int fd = actor_open(a, 0);
	long addr;

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S5"));
	map_aux_and_unmap(_metadata, e, a, 0);
	ASSERT_EQ(0, set_limit(e, 100));
	addr = actor_map(a, fd, 65);
	ASSERT_GT(addr, 0);
	/* a re-map */
	ASSERT_GT(actor_map(a, fd, 65), 0);
	EXPECT_BOOKS(a, 65, 0, 65, 0);
	ASSERT_EQ(0, set_limit(e, 20));
	ASSERT_GT(actor_new(b, 33), 0);
	EXPECT_BOOKS(b, 65, 33, 65, 33);
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
	EXPECT_STREQ("S3 S5 reference", recognised());
	EXPECT_STREQ("S3 S5 reference", status_model());
}

/* 0c8a4e4139ad: each second mapping stays on U, until a ring is refused */
TEST_F(stage, S6_charges_remaps)
{
	/* M of the first mapping, 2 CPUs and 516 kB: VmPin was 0 0 0 8 260 kB */
	static const long mm[] = { 0, 0, 0, 2, 65 };
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 2048, 0);
	unsigned int i;
	long one, two;
	int fd;

	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	ASSERT_EQ(0, emulate("S6"));
	e->leak_user = true;
	ASSERT_EQ(0, set_limit(e, 258));
	for (i = 0; i < ARRAY_SIZE(mm); i++) {
		fd = actor_open(a, 0);
		one = actor_map(a, fd, 65);
		ASSERT_GT(one, 0);
		EXPECT_EQ(mm[i], oracle(a->pid).mm);
		two = actor_map(a, fd, 65);
		ASSERT_GT(two, 0);
		ASSERT_EQ(0, actor_unmap(a, two, 65));
		ASSERT_EQ(0, actor_unmap(a, one, 65));
		EXPECT_BOOKS(a, 65 * (i + 1), 0, 0, 0);
		actor_close(a, fd);
	}
	EXPECT_STREQ("S6", recognised());
	EXPECT_STREQ("S6", status_model());
	actor_rlimit(a, 0);
	EXPECT_EQ(-EPERM, actor_new(a, 65));
	EXPECT_EQ(1, users_num(a->uid, "wrongly_denied"));
}

/*
 * The same sequences with repair on: the counters are those of the reference rule,
 * and what a rule refuses then is refused rightly.
 */
#define SHARED	"others share U here: it is not repaired"

#define EXPECT_RIGHT(a, right_user, right_mm) do {			\
	EXPECT_EQ(right_user, oracle((a)->pid).user);			\
	EXPECT_EQ(right_mm, oracle((a)->pid).mm);			\
	EXPECT_EQ(right_user, users_num((a)->uid, "correct"));		\
	EXPECT_EQ(right_mm, mms_num((a)->pid, "correct"));		\
} while (0)

static void fill_and_drain(struct __test_metadata *_metadata,
			   struct test_env *e, const char *model)
{
	struct actor *a = actor_start(e, env_uid(e), 20, 0);
	int i;

	if (oracle_perf_is_locked_vm())
		SKIP(return, SHARED);
	ASSERT_EQ(0, emulate(model));
	ASSERT_EQ(0, set_limit(e, 10));
	ASSERT_EQ(0, env_repair(e, true));
	for (i = 1; i <= 6; i++) {
		ASSERT_GT(actor_new(a, 5), 0);
		EXPECT_RIGHT(a, i > 2 ? 10 : 5 * i, i > 2 ? 5 * (i - 2) : 0);
	}
	EXPECT_EQ(-EPERM, actor_new(a, 5));
	EXPECT_EQ(1, users_num(a->uid, "denied"));
	EXPECT_EQ(0, users_num(a->uid, "wrongly_denied"));
	ASSERT_EQ(0, env_verify(e, "filled"));
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_RIGHT(a, 0, 0);
	ASSERT_EQ(0, env_verify(e, "drained"));
}

TEST_F(stage, S0_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	fill_and_drain(_metadata, &self->e, "S0");
}

TEST_F(stage, S0c_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	fill_and_drain(_metadata, &self->e, "S0c");
}

/* Under a limit of 100, then of 20, with AUX areas and a re-map; all unmapped. */
static void live_right(struct __test_metadata *_metadata, struct test_env *e,
		       const char *model)
{
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 200, 0);
	struct actor *b = actor_start(e, uid, 200, 0);
	long data, aux, ring;
	int fd, i;

	if (oracle_perf_is_locked_vm())
		SKIP(return, SHARED);
	ASSERT_EQ(0, emulate(model));
	e->leak_user = true;
	ASSERT_EQ(0, env_repair(e, true));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, set_limit(e, 100));
		fd = actor_open_aux(a);
		data = actor_map(a, fd, 33);
		ASSERT_GT(data, 0);
		aux = actor_map_aux(a, fd, data, 33, 128);
		ASSERT_GT(aux, 0);
		EXPECT_RIGHT(a, 100, 61);
		ASSERT_EQ(0, actor_unmap(a, aux, 128));
		EXPECT_RIGHT(a, 33, 0);
		ASSERT_EQ(0, actor_unmap(a, data, 33));
		EXPECT_RIGHT(a, 0, 0);

		fd = actor_open(a, 0);
		ring = actor_map(a, fd, 65);
		ASSERT_GT(ring, 0);
		ASSERT_GT(actor_map(a, fd, 65), 0);
		EXPECT_RIGHT(a, 65, 0);
		ASSERT_EQ(0, set_limit(e, 20));
		ASSERT_GT(actor_new(b, 33), 0);
		EXPECT_RIGHT(b, 65, 33);
		ASSERT_EQ(0, actor_unmap_all(a));
		EXPECT_RIGHT(b, 0, 33);
		ASSERT_EQ(0, actor_unmap_all(b));
		EXPECT_RIGHT(b, 0, 0);
	}
	ASSERT_EQ(0, env_verify(e, "lived"));
	ASSERT_EQ(0, env_repair(e, false));
	ASSERT_EQ(0, env_verify(e, "off"));
}

TEST_F(stage, S1_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	live_right(_metadata, &self->e, "S1");
}

TEST_F(stage, S2_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	live_right(_metadata, &self->e, "S2");
}

TEST_F(stage, S3_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	live_right(_metadata, &self->e, "S3");
}

TEST_F(stage, S4_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	live_right(_metadata, &self->e, "S4");
}

TEST_F(stage, S5_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	live_right(_metadata, &self->e, "S5");
}

TEST_F(stage, S6_repaired)
{
	if (!can_emulate())
		SKIP(return, NO_EMULATION);
	live_right(_metadata, &self->e, "S6");
}

TEST_F(stage, no_such_rule)
{
	char path[512];

	if (!module_path("perfmlock_emulate"))
		SKIP(return, NO_EMULATION);
	snprintf(path, sizeof(path), "%s", module_path("perfmlock_emulate"));
	EXPECT_EQ(-EINVAL, module_load(path, "model=S7"));
	EXPECT_FALSE(module_loaded("perfmlock_emulate"));
}

TEST_HARNESS_MAIN
