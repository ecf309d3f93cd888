// SPDX-License-Identifier: GPL-2.0
/* The audit: exact books are found to be so, and what is wrong is named. */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "perfmlock_fixture.h"

FIXTURE(audit)
{
	struct test_env e;
};

FIXTURE_SETUP(audit)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(audit)
{
	EXPECT_EQ(0, env_close(&self->e));
}

/* A key of an audit that was read. */
static long long of(const char *audit, const char *key)
{
	char want[64];
	const char *at;

	snprintf(want, sizeof(want), "\n%s: ", key);
	at = strstr(audit, want);
	if (!at)
		die("no %s in %s", key, audit);
	return atoll(at + strlen(want));
}

static bool found(const char *audit, const char *what, pid_t pid, long books, long is)
{
	char want[128], line[512];
	const char *at;

	for (at = strstr(audit, "\nmismatch: "); at;
	     at = strstr(at, "\nmismatch: ")) {
		at += strlen("\nmismatch: ");
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		snprintf(want, sizeof(want), "what=%s ", what);
		if (strstr(line, want) && line_num(line, "pid") == pid &&
		    line_num(line, "books") == books &&
		    line_num(line, "found") == is)
			return true;
	}
	note("no %s of %d, %ld, %ld in %s", what, pid, books, is, audit);
	return false;
}

/* Nothing has moved, and all of it is as it should be. */
static bool is_exact(const char *audit)
{
	if (!strncmp(audit, "audit: exact\n", 13))
		return true;
	note("%s", audit);
	return false;
}

TEST_F(audit, of_right_books)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	struct actor *b = actor_start(e, env_uid(e), UNLIMITED, 0);
	char *audit;
	int i;

	ASSERT_EQ(0, actor_fill(a, e->limit + 40));
	for (i = 0; i < 50; i++)
		ASSERT_GT(actor_new(b, 3), 0);
	ASSERT_EQ(-EINVAL, actor_new(b, 4));
	audit = slurp_books("audit");
	EXPECT_TRUE(is_exact(audit));
	EXPECT_EQ(0, of(audit, "moved"));
	EXPECT_EQ(0, of(audit, "calls"));
	EXPECT_EQ(0, of(audit, "busy"));
	EXPECT_EQ(status_num("buffers"), of(audit, "buffers"));
	EXPECT_GE(of(audit, "mappings"), 50);
	EXPECT_GT(of(audit, "processes"), 2);
}

/*
 * So many that the kernel's record of it is not where that of 5 pages was: it would be
 * found in that one's place, with other pages.
 */
#define OTHER_PAGES	129

TEST_F(audit, of_what_went_by_unseen)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	struct actor *b = actor_start(e, env_uid(e), UNLIMITED, 0);
	/* else what the kernel charges for it stays on the counter, unseen */
	bool again = !env_remap_leaks(e);
	long gone, came, maps, twice = 1;
	char *audit = NULL;
	long long walks;
	int fd, tries;

	/*
	 * Whoever finds the probes off has all looked for: the audit has to be first. And
	 * where that is told in the middle of it, it skips what it cannot compare.
	 */
	for (tries = 0; tries < 50; tries++) {
		gone = actor_new(a, 5);
		fd = actor_open(b, 0);
		ASSERT_GT(gone, 0);
		maps = actor_map(b, fd, 17);
		ASSERT_GT(maps, 0);
		EXPECT_TRUE(eventually(is_exact(slurp_books("audit"))));
		walks = status_num("walks");
		set_kprobes(false);
		ASSERT_EQ(0, actor_unmap(a, gone, 5));
		came = actor_new(a, OTHER_PAGES);
		if (again)
			twice = actor_map(b, fd, 17);
		set_kprobes(true);
		ASSERT_GT(came, 0);
		ASSERT_GT(twice, 0);
		audit = slurp_books("audit");
		if (status_num("walks") == walks + 1 && !of(audit, "skipped"))
			break;
		note("%lld walks: %s", status_num("walks") - walks, audit);
		ASSERT_EQ(0, actor_unmap(a, came, OTHER_PAGES));
		ASSERT_EQ(0, actor_unmap(b, maps, 17));
		if (again)
			ASSERT_EQ(0, actor_unmap(b, twice, 17));
		ASSERT_EQ(0, actor_close(b, fd));
		free(audit);
	}
	ASSERT_NE(50, tries);
	EXPECT_EQ(0, strncmp(audit, again ? "audit: 3 mismatches\n" :
					    "audit: 2 mismatches\n", 20));
	EXPECT_TRUE(found(audit, "ended", a->pid, 5, 0));
	EXPECT_TRUE(found(audit, "missing", a->pid, 0, OTHER_PAGES));
	EXPECT_TRUE(!again || found(audit, "maps_differ", b->pid, 1, 2));
	EXPECT_EQ(1, of(audit, "ended"));
	EXPECT_EQ(1, of(audit, "missing"));
	EXPECT_EQ(again, of(audit, "maps_differ"));
	/* the walk has put it right */
	EXPECT_EQ(NULL, strstr(slurp_books("audit"), "\nmismatch: "));
	EXPECT_TRUE(eventually(is_exact(slurp_books("audit"))));
	e->exotic = true;
}

/* Whatever went on before: 10,000 operations of eight processes that are killed. */
TEST_F(audit, after_ten_thousand_operations)
{
	struct test_env *e = &self->e;
	uid_t uid[2] = { env_uid(e), env_uid(e) };
	long all = 0, mismatches = 0, calls = 0;
	struct actor *a[MAX_ACTORS];
	char *audit;
	int i, n = 0;

	while (all < 10000 && n + 4 <= MAX_ACTORS) {
		for (i = 0; i < 4; i++) {
			a[n + i] = actor_start(e, uid[i % 2], UNLIMITED, 0);
			actor_begin(a[n + i], op_churn, n + i, 100,
				    (long)e->sh, 0, 0);
		}
		n += 4;
		do {
			pm_nap(200000);
			/* while they are at it nothing is wrong either */
			audit = slurp_books("audit");
			mismatches += !!strstr(audit, "\nmismatch: ");
			if (strstr(audit, "\nmismatch: "))
				note("%s", audit);
			calls += of(audit, "calls");
			free(audit);
			for (all = 0, i = 0; i < n; i++)
				all += 2 * e->sh->count[i];
		} while (all < 10000 * n / MAX_ACTORS);
		for (i = n - 4; i < n; i++)
			actor_kill(a[i]);
	}
	TH_LOG("%ld operations, %ld of them during audits", all, calls);
	EXPECT_GE(all, 10000);
	EXPECT_GT(calls, 0);
	EXPECT_EQ(0, mismatches);
	EXPECT_TRUE(eventually(is_exact(slurp_books("audit"))));
}

/* Two at once, each whole. */
static long op_audit(const long *a)
{
	long i;

	for (i = 0; i < a[0]; i++) {
		char *text = slurp_books("audit");
		bool whole = text && strstr(text, "\ncounters_differ: 0\n");

		free(text);
		if (!whole)
			return -EIO;
	}
	return 0;
}

TEST_F(audit, by_two_at_once)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, 0, UNLIMITED, ACTOR_ALL);
	struct actor *b = actor_start(e, 0, UNLIMITED, ACTOR_ALL);

	actor_begin(a, op_audit, 20, 0, 0, 0, 0);
	actor_begin(b, op_audit, 20, 0, 0, 0, 0);
	EXPECT_EQ(0, actor_end(a));
	EXPECT_EQ(0, actor_end(b));
}

TEST_HARNESS_MAIN
