// SPDX-License-Identifier: GPL-2.0
/*
 * On a kernel that charges as before v5.4: the explosion is real. A process of
 * an ordinary user maps rings of 3 pages until it is refused; how many that
 * are was counted on real kernels, 5.3 and 4.19, and how many are right follows
 * from the limit and the rlimit.
 */
#define _GNU_SOURCE
#include "perfmlock_fixture.h"

#define NOT_S0	"this kernel does not charge as before v5.4"

/* RLIMIT_MEMLOCK of 8 MiB of 4 kB pages and rings of 3 pages, on 2 CPUs */
#define RLIMIT	2048L
#define PAGES	3L

/* Does it charge U for what it charges M? Asks the oracle. */
static bool explodes(struct test_env *e)
{
	struct actor *a = actor_start(e, env_uid(e), 100, 0);
	bool so;

	if (actor_fill(a, e->limit) || actor_new(a, PAGES) < 0 ||
	    actor_new(a, PAGES) < 0)
		die("cannot fill the limit");
	so = oracle(a->pid).mm == 3 * PAGES;
	actor_exit(a);
	return so;
}

static void expect_recognised(struct __test_metadata *_metadata)
{
	struct table *t = table_get("models");
	int row;

	for (row = 0; row < table_rows(t); row++) {
		EXPECT_EQ(!strcmp(table_str(t, row, "name"), "S0"),
			  !table_num(t, row, "disagrees"));
	}
	table_put(t);
}

/*
 * Maps rings until one is refused, and compares each step with the rule of its
 * time, to the page. @before rings are there already. Returns how many fitted.
 */
static long map_until_refused(struct __test_metadata *_metadata,
			      struct test_env *e, struct actor *a, long before)
{
	long user = before * PAGES, mm = 0, nr = before, extra, right;
	char cause[32], *line;

	for (;;) {
		user += PAGES;
		extra = user > e->limit ? user - e->limit : 0;
		if (mm + extra > RLIMIT)
			break;
		mm += extra;
		nr++;
		ASSERT_GT(actor_new(a, PAGES), 0);
		right = user < e->limit ? 0 :
			before * PAGES > e->limit ? user - before * PAGES :
			user - e->limit;
		ASSERT_EQ(mm, oracle(a->pid).mm);
		ASSERT_EQ(mm, mms_num(a->pid, "kernel"));
		ASSERT_EQ(right, mms_num(a->pid, "correct"));
		ASSERT_EQ(mm - right, mms_num(a->pid, "drift"));
		ASSERT_EQ(user, users_num(a->uid, "kernel"));
		ASSERT_EQ(user - right, users_num(a->uid, "correct"));
		if (extra <= PAGES)
			continue;
		line = line_last("drifts", "uid", a->uid);
		ASSERT_NE(NULL, line);
		ASSERT_STREQ("explosion",
			     line_str(line, "cause", cause, sizeof(cause)));
		ASSERT_EQ(extra, line_num(line, "kernel_mm"));
		free(line);
	}
	ASSERT_EQ(-EPERM, actor_new(a, PAGES));
	line = line_last("denials", "uid", a->uid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(1, line_num(line, "wrongly"));
	EXPECT_EQ(extra, line_num(line, "extra"));
	EXPECT_EQ(mm, line_num(line, "pinned_vm"));
	EXPECT_EQ(mm + extra, line_num(line, "locked"));
	EXPECT_EQ(RLIMIT, line_num(line, "lock_limit"));
	free(line);
	EXPECT_EQ(1, users_num(a->uid, "wrongly_denied"));
	EXPECT_EQ(1, mms_num(a->pid, "wrongly_denied"));
	/* what the mm was charged, VmPin says too */
	EXPECT_EQ((unsigned long long)mm * (e->page / 1024), vm_pin_kb(a->pid));
	expect_recognised(_metadata);
	return nr;
}

/* With the right sums: what is left of the limit, and then the rlimit. */
static long right_number(const struct test_env *e, long before)
{
	long held = before * PAGES;

	if (held > e->limit)
		return before + RLIMIT / PAGES;
	return (e->limit + RLIMIT) / PAGES;
}

FIXTURE(explosion)
{
	struct test_env e;
};

FIXTURE_SETUP(explosion)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(explosion)
{
	EXPECT_EQ(0, env_close(&self->e));
}

/* Why this is no place for these numbers; NULL: it is one */
static const char *not_here(struct test_env *e)
{
	if (e->cpus != 2)
		return "the numbers are of 2 CPUs";
	return explodes(e) ? NULL : NOT_S0;
}

TEST_F(explosion, refused_after_122_of_768)
{
	struct test_env *e = &self->e;
	const char *why_not = not_here(e);
	struct actor *a;

	if (why_not)
		SKIP(return, "%s", why_not);
	a = actor_start(e, env_uid(e), RLIMIT, 0);
	EXPECT_EQ(768, right_number(e, 0));
	EXPECT_EQ(122, map_until_refused(_metadata, e, a, 0));
	VERIFY("refused");
}

TEST_F(explosion, refused_after_41_of_688_with_32_kB)
{
	struct test_env *e = &self->e;
	const char *why_not = not_here(e);
	struct actor *a;

	if (why_not)
		SKIP(return, "%s", why_not);
	ASSERT_EQ(0, env_set_kb(e, 8 * e->page / 1024));
	a = actor_start(e, env_uid(e), RLIMIT, 0);
	EXPECT_EQ(688, right_number(e, 0));
	EXPECT_EQ(41, map_until_refused(_metadata, e, a, 0));
	VERIFY("refused");
}

TEST_F(explosion, refused_after_88_of_762_when_lowered_to_16)
{
	struct test_env *e = &self->e;
	const char *why_not = not_here(e);
	struct actor *a;
	int i;

	if (why_not)
		SKIP(return, "%s", why_not);
	a = actor_start(e, env_uid(e), RLIMIT, 0);
	for (i = 0; i < 80; i++)
		ASSERT_GT(actor_new(a, PAGES), 0);
	ASSERT_EQ(0, env_set_kb(e, 4 * e->page / 1024));
	EXPECT_EQ(762, right_number(e, 80));
	EXPECT_EQ(88, map_until_refused(_metadata, e, a, 80));
	VERIFY("refused");
}

/* Which of the old rules it is, is told by who may lock what he likes. */
static void tell_rule(struct __test_metadata *_metadata, struct test_env *e)
{
	struct actor *a = actor_start(e, env_uid(e), 0, ACTOR_IPC_LOCK);

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_GT(actor_new(a, PAGES), 0);
	ASSERT_GT(actor_new(a, PAGES), 0);
	ASSERT_EQ(0, actor_unmap_all(a));
}

/* Refused after 122, and with repair on the rest fits. */
TEST_F(explosion, repaired)
{
	struct test_env *e = &self->e;
	const char *why_not = not_here(e);
	struct actor *a;
	long i, nr = 768;

	if (why_not)
		SKIP(return, "%s", why_not);
	tell_rule(_metadata, e);
	a = actor_start(e, env_uid(e), RLIMIT, 0);
	ASSERT_EQ(nr, right_number(e, 0));
	for (i = 0; i < 122; i++)
		ASSERT_GT(actor_new(a, PAGES), 0);
	ASSERT_EQ(-EPERM, actor_new(a, PAGES));
	note("mistake: explosion");
	ASSERT_EQ(0, env_repair(e, true));
	EXPECT_EQ(e->limit, oracle(a->pid).user);
	EXPECT_EQ(122 * PAGES - e->limit, oracle(a->pid).mm);
	for (; i < nr; i++)
		ASSERT_GT(actor_new(a, PAGES), 0);
	EXPECT_EQ(e->limit, oracle(a->pid).user);
	EXPECT_EQ(nr * PAGES - e->limit, oracle(a->pid).mm);
	/* and by the right sums it is enough */
	ASSERT_EQ(-EPERM, actor_new(a, PAGES));
	EXPECT_EQ(1, users_num(a->uid, "wrongly_denied"));
	VERIFY("filled");
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_EQ(0, oracle(a->pid).user);
	EXPECT_EQ(0, oracle(a->pid).mm);
}

/*
 * The report: 36 rings of 3 pages under 512 MB, by a user who had 28,245 pages more on
 * U than the limit already. Each call cost all of these, and the fifth was refused.
 */
#define EXCESS	28245L

TEST_F(explosion, the_report_repaired)
{
	struct test_env *e = &self->e;
	const char *why_not = not_here(e);
	struct actor *fat, *a;
	uid_t uid;
	long i;

	if (why_not)
		SKIP(return, "%s", why_not);
	tell_rule(_metadata, e);
	uid = env_uid(e);
	fat = actor_start(e, uid, UNLIMITED, 0);
	ASSERT_EQ(0, actor_fill(fat, e->limit + EXCESS));
	a = actor_start(e, uid, 512L << 8, 0);
	for (i = 0; i < 4; i++)
		ASSERT_GT(actor_new(a, PAGES), 0);
	TH_LOG("12 pages mapped: VmPin is %llu kB of %ld", vm_pin_kb(a->pid),
	       (512L << 8) * (e->page / 1024));
	ASSERT_EQ(-EPERM, actor_new(a, PAGES));
	ASSERT_EQ(0, env_repair(e, true));
	for (; i < 36; i++)
		ASSERT_GT(actor_new(a, PAGES), 0);
	EXPECT_EQ(36 * PAGES, oracle(a->pid).mm);
	TH_LOG("108 pages mapped: VmPin is %llu kB", vm_pin_kb(a->pid));
	VERIFY("36 CPUs");
}

TEST_HARNESS_MAIN
