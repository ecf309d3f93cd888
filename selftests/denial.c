// SPDX-License-Identifier: GPL-2.0
/* Refusals: ours with every number, and those that are not ours. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>

#include "perfmlock_fixture.h"

/* The arithmetic of a refusal, written down a second time. */
struct call {
	long user;	/* U */
	long mm;	/* M */
	long pages;
	long rlimit;
};

static long extra_of(const struct call *c, long limit)
{
	long left = limit > c->user ? limit - c->user : 0;

	return c->pages > left ? c->pages - left : 0;
}

static bool admitted(const struct call *c, long limit, long rlimit)
{
	return c->mm + extra_of(c, limit) <= rlimit;
}

static long least_mlock_kb(const struct test_env *e, const struct call *c)
{
	long kb = 0;

	while (!admitted(c, kb / (e->page / 1024) * e->cpus, c->rlimit))
		kb++;
	return kb;
}

static long least_rlimit_kb(const struct test_env *e, const struct call *c)
{
	long kb = 0;

	while (!admitted(c, e->limit, kb * 1024 / e->page))
		kb++;
	return kb;
}

static int differs(const char *line, const char *key, long long want)
{
	long long have = line_num(line, key);

	if (have == want)
		return 0;
	note("%s is %lld, should be %lld, in", key, have, want);
	note("%s", line);
	return 1;
}

/* Every number of a line that the test can know: how many are wrong */
static int check_line(const struct test_env *e, const struct actor *a,
		      const char *line, const struct call *c)
{
	long extra = extra_of(c, e->limit);
	long size = line_hex(line, "vma_end") - line_hex(line, "vma_start");
	int bad = 0;

	if (size != c->pages * e->page) {
		note("from vma_start to vma_end there are %ld bytes", size);
		bad++;
	}
	bad += differs(line, "pid", a->pid);
	bad += differs(line, "uid", a->uid);
	bad += differs(line, "vma_size", c->pages * e->page);
	bad += differs(line, "pages", c->pages);
	bad += differs(line, "user_extra", c->pages);
	bad += differs(line, "user_lock_limit", e->limit);
	bad += differs(line, "user_locked", c->user + c->pages);
	bad += differs(line, "locked", c->mm + extra);
	bad += differs(line, "lock_limit", c->rlimit);
	bad += differs(line, "pinned_vm", c->mm);
	bad += differs(line, "extra", extra);
	bad += differs(line, "wrongly", 0);
	bad += differs(line, "min_perf_event_mlock_kb", least_mlock_kb(e, c));
	bad += differs(line, "min_rlimit_memlock_kb", least_rlimit_kb(e, c));
	return bad;
}

static int set_rlimit_kb(struct actor *a, long kb)
{
	struct rlimit lim = { kb * 1024, kb * 1024 };

	return prlimit(a->pid, RLIMIT_MEMLOCK, &lim, NULL);
}

FIXTURE(refused)
{
	struct test_env e;
};

FIXTURE_VARIANT(refused)
{
	long left;	/* pages free under the limit */
	long held;	/* pages already charged to the mm */
	long pages;
	long rlimit;
};

/* nothing left, some left, the process holds some, one page too many */
FIXTURE_VARIANT_ADD(refused, nothing_left)	{ 0, 0, 17, 8 };
FIXTURE_VARIANT_ADD(refused, some_left)		{ 6, 0, 17, 8 };
FIXTURE_VARIANT_ADD(refused, holds_some)	{ 0, 5, 9, 12 };
FIXTURE_VARIANT_ADD(refused, one_page)		{ 8, 0, 9, 0 };
FIXTURE_VARIANT_ADD(refused, big)		{ 3, 17, 257, 128 };

FIXTURE_SETUP(refused)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(refused)
{
	EXPECT_EQ(0, env_close(&self->e));
}

TEST_F(refused, by_rlimit)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *filler = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	struct call c = { 0, variant->held, variant->pages, variant->rlimit };
	char *line, buf[64];
	long kb, addr;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(filler, e->limit));
	if (variant->held)
		ASSERT_GT(actor_new(a, variant->held), 0);
	ASSERT_EQ(0, actor_unmap_all(filler));
	ASSERT_EQ(0, actor_fill(filler, e->limit - variant->left));
	c.user = oracle(a->pid).user;
	ASSERT_EQ(e->limit - variant->left, c.user);
	ASSERT_EQ(variant->held, oracle(a->pid).mm);
	VERIFY("before");
	actor_rlimit(a, variant->rlimit);

	ASSERT_EQ(-EPERM, actor_new(a, variant->pages));
	VERIFY("refused");
	EXPECT_EQ(c.user, oracle(a->pid).user);
	EXPECT_EQ(c.mm, oracle(a->pid).mm);
	EXPECT_EQ(1, users_num(uid, "denied"));
	EXPECT_EQ(0, users_num(uid, "wrongly_denied"));
	EXPECT_EQ(1, mms_num(a->pid, "denied"));
	EXPECT_EQ(0, mms_num(a->pid, "wrongly_denied"));
	ASSERT_EQ(1, lines_count("denials", "pid", a->pid));
	line = line_last("denials", "pid", a->pid);
	EXPECT_EQ(0, check_line(e, a, line, &c));
	EXPECT_STREQ("denied", line_str(line, "verdict", buf, sizeof(buf)));
	EXPECT_STREQ("pm_actor", line_str(line, "comm", buf, sizeof(buf)));
	EXPECT_TRUE(line_has(line, "cap"));

	/* the first remedy, and one kB less of it */
	kb = line_num(line, "min_perf_event_mlock_kb");
	ASSERT_GT(kb, 0);
	ASSERT_EQ(0, env_set_kb(e, kb - 1));
	EXPECT_EQ(-EPERM, actor_new(a, variant->pages));
	ASSERT_EQ(0, env_set_kb(e, kb));
	addr = actor_new(a, variant->pages);
	ASSERT_GT(addr, 0);
	VERIFY("with the higher sysctl");
	ASSERT_EQ(0, actor_unmap(a, addr, variant->pages));
	ASSERT_EQ(0, env_reset_limit(e));

	/* the second remedy, and one kB less of it */
	kb = line_num(line, "min_rlimit_memlock_kb");
	ASSERT_EQ(0, set_rlimit_kb(a, kb - 1));
	EXPECT_EQ(-EPERM, actor_new(a, variant->pages));
	ASSERT_EQ(0, set_rlimit_kb(a, kb));
	addr = actor_new(a, variant->pages);
	ASSERT_GT(addr, 0);
	VERIFY("with the higher rlimit");
	ASSERT_EQ(0, actor_unmap(a, addr, variant->pages));

	EXPECT_EQ(3, users_num(uid, "denied"));
	EXPECT_EQ(3, lines_sum("denials", "pid", a->pid, "times"));
	EXPECT_EQ(0, users_num(uid, "privileged"));
}

#define MOST_RINGS	5
#define SITUATIONS	10
#define MOST_DRAWS	400

/* What a process maps, the last of them once a CPU. */
struct rings {
	long pages[MOST_RINGS + 1];
	int nr;
};

/* A process of @uid with an rlimit of so many pages maps all: 0 or -errno. */
static long starts_anew(struct test_env *e, uid_t uid, const struct rings *r,
			long rlimit)
{
	struct actor *a = actor_start(e, uid, rlimit, 0);
	long ret = 0;
	int i;

	for (i = 0; i < r->nr - 1 + e->cpus && ret >= 0; i++)
		ret = actor_new(a, r->pages[i < r->nr ? i : r->nr - 1]);
	actor_exit(a);
	return ret < 0 ? ret : 0;
}

/*
 * Both remedies of a restart help, and a page less, or one a CPU, does not. Returns
 * how many of that is not so.
 */
static int wrong_remedies(struct test_env *e, uid_t uid, const struct rings *r,
			  const char *line, long kb, long rlimit)
{
	long rlimit_kb = line_num(line, "restart_rlimit_memlock_kb");
	long mlock_kb = line_num(line, "restart_perf_event_mlock_kb");
	long page_kb = e->page / 1024;
	int wrong = 0;

	wrong += starts_anew(e, uid, r, rlimit_kb / page_kb) != 0;
	wrong += starts_anew(e, uid, r, rlimit_kb / page_kb - 1) != -EPERM;
	if (env_set_kb(e, mlock_kb))
		return 1;
	wrong += starts_anew(e, uid, r, rlimit) != 0;
	if (env_set_kb(e, mlock_kb - page_kb))
		return 1;
	wrong += starts_anew(e, uid, r, rlimit) != -EPERM;
	if (wrong)
		note("%ld and %ld, with %ld kb, an rlimit of %ld pages: %s",
		     rlimit_kb, mlock_kb, kb, rlimit, line);
	return wrong;
}

/*
 * A process has mapped rings, others of its user too, and the rlimit, and at times
 * the limit, has been lowered since: what is said to help one started anew is put to
 * the test.
 */
TEST_F(books, restarts)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *other = actor_start(e, uid, UNLIMITED, 0), *a;
	unsigned int seed = time(NULL);
	long kb, rlimit, ret;
	int i, k, refused = 0;
	struct rings r;
	char *line;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	TH_LOG("seed %u", seed);
	for (i = 0; i < MOST_DRAWS && refused < SITUATIONS; i++) {
		kb = (1 + rand_r(&seed) % 100) * (e->page / 1024);
		ASSERT_EQ(0, env_set_kb(e, kb));
		/* all of it under the limit */
		ASSERT_EQ(0, actor_fill(other, rand_r(&seed) % (e->limit + 1)));
		a = actor_start(e, uid, UNLIMITED, 0);
		r.nr = rand_r(&seed) % MOST_RINGS;
		for (k = 0; k < r.nr; k++) {
			r.pages[k] = 1 + (1L << rand_r(&seed) % 7);
			ASSERT_GT(actor_new(a, r.pages[k]), 0);
		}
		rlimit = rand_r(&seed) % 100;
		actor_rlimit(a, rlimit);
		if (!(rand_r(&seed) % 3)) {
			kb /= 2;
			ASSERT_EQ(0, env_set_kb(e, kb));
		}
		r.pages[r.nr] = 1 + (1L << rand_r(&seed) % 8);
		ret = actor_new(a, r.pages[r.nr++]);
		line = ret < 0 ? line_last("denials", "pid", a->pid) : NULL;
		ASSERT_EQ(ret < 0, !!line);
		actor_exit(a);
		if (line && line_num(line, "restart_rlimit_memlock_kb") > 0 &&
		    line_num(line, "restart_perf_event_mlock_kb") > 0) {
			refused++;
			ASSERT_EQ(0, wrong_remedies(e, uid, &r, line, kb, rlimit));
		}
		ASSERT_EQ(0, actor_unmap_all(other));
	}
	TH_LOG("%d refusals in %d draws", refused, i);
	EXPECT_EQ(SITUATIONS, refused);
	VERIFY("after them");
	ASSERT_EQ(0, env_reset_limit(e));
}

/* By how much, and what would have passed: numbers of two reports, in pages. */
TEST_F(books, short_and_fits)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *holder = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, 16, 0);
	struct actor *b = actor_start(e, uid, 512, 0);
	long page_kb = e->page / 1024;
	char *line;
	int i;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	if (e->cpus != 2)
		SKIP(return, "the numbers are of two CPUs");
	ASSERT_EQ(0, env_set_kb(e, 129 * page_kb));
	for (i = 0; i < 2; i++)
		ASSERT_GT(actor_new(holder, 129), 0);
	ASSERT_EQ(-EPERM, actor_new(a, 129));
	line = line_last("denials", "pid", a->pid);
	EXPECT_EQ(113, line_num(line, "short"));
	EXPECT_EQ(242, line_num(line, "all_cpus_short"));
	EXPECT_EQ(5, line_num(line, "fits"));
	EXPECT_EQ(0, line_num(line, "held"));

	for (i = 0; i < 3; i++)
		ASSERT_GT(actor_new(b, 129), 0);
	ASSERT_EQ(-EPERM, actor_new(b, 129));
	line = line_last("denials", "pid", b->pid);
	EXPECT_EQ(4, line_num(line, "short"));
	EXPECT_EQ(387, line_num(line, "held"));
	EXPECT_EQ(516 * page_kb, line_num(line, "min_rlimit_memlock_kb"));
	EXPECT_EQ(131 * page_kb, line_num(line, "min_perf_event_mlock_kb"));
	/* 387 + 2 x 129, less what is left of the limit: none of it */
	EXPECT_EQ(645 * page_kb, line_num(line, "restart_rlimit_memlock_kb"));
	VERIFY("refused");
	ASSERT_EQ(0, env_reset_limit(e));
}

/* The third remedy */
TEST_F(books, capability_is_the_remedy)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 0, 0);
	struct actor *b = actor_start(e, uid, 0, ACTOR_IPC_LOCK);

	ASSERT_EQ(0, actor_fill(a, e->limit));
	EXPECT_EQ(-EPERM, actor_new(a, 9));
	EXPECT_GT(actor_new(b, 9), 0);
	EXPECT_EQ(1, users_num(uid, "denied"));
	EXPECT_EQ(1, users_num(uid, "privileged"));
}

/* A user who never got a buffer has a record all the same. */
TEST_F(books, first_call_refused)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);

	ASSERT_EQ(0, env_set_kb(e, 0));
	EXPECT_EQ(-EPERM, actor_new(a, 9));
	EXPECT_EQ(1, users_num(a->uid, "denied"));
	EXPECT_EQ(0, users_num(a->uid, "buffers"));
	EXPECT_EQ(1, mms_num(a->pid, "denied"));
	EXPECT_EQ(0, buffers_count(a->pid, 0));
	VERIFY("refused");
}

static long op_map_at(const long *a)
{
	int fd = pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
	void *addr = mmap((void *)a[0], a[1] * getpagesize(), a[2],
			  a[3], fd, 0);
	long ret = addr == MAP_FAILED ? -errno : (long)addr;

	close(fd);
	if (ret > 0)
		pm_unmap(addr, a[1]);
	return ret;
}

#define RW	(PROT_READ | PROT_WRITE)

TEST_F(books, where_it_was_to_be)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	unsigned long where = 0x20000000UL;
	char *line;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(-EPERM, actor_call(a, op_map_at, where, 9, RW,
				     MAP_SHARED | MAP_FIXED, 0));
	line = line_last("denials", "pid", a->pid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(where, line_hex(line, "vma_start"));
	EXPECT_EQ(where + 9 * e->page, line_hex(line, "vma_end"));
}

/* mmap() of a perf fd fails with EPERM, and this accounting has no part. */
TEST_F(books, eperm_of_others)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	struct rlimit none = { 0, 0 };
	long ret;

	/* mlock: no RLIMIT_MEMLOCK at all */
	ASSERT_EQ(0, prlimit(a->pid, RLIMIT_MEMLOCK, &none, NULL));
	EXPECT_EQ(-EPERM, actor_call(a, op_map_at, 0, 9, RW,
				     MAP_SHARED | MAP_LOCKED, 0));
	/* the same without is within the allowance */
	EXPECT_GT(actor_call(a, op_map_at, 0, 9, RW, MAP_SHARED, 0), 0);
	/* security: below mmap_min_addr */
	ret = actor_call(a, op_map_at, 0, 1, RW, MAP_SHARED | MAP_FIXED, 0);
	if (ret != -EPERM)
		note("page 0 may be mapped here");
	/* newer kernels: executable on a noexec mount */
	ret = actor_call(a, op_map_at, 0, 9, RW | PROT_EXEC, MAP_SHARED, 0);
	if (ret != -EPERM)
		EXPECT_GT(ret, 0);

	EXPECT_EQ(0, lines_count("denials", "pid", a->pid));
	EXPECT_EQ(0, users_num(a->uid, "denied"));
	EXPECT_EQ(0, mms_num(a->pid, "denied"));
	EXPECT_EQ(0, users_num(a->uid, "privileged"));
	VERIFY("refused by others");
}

/* Other errors, some after the check has passed */
TEST_F(books, other_errors)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	int fd = actor_open(a, 0);

	ASSERT_GE(fd, 0);
	/* not 1 + 2^k */
	EXPECT_EQ(-EINVAL, actor_map(a, fd, 4));
	EXPECT_EQ(-EINVAL, actor_map(a, fd, 8));
	EXPECT_EQ(-EINVAL, actor_call(a, op_map_at, 0, 9, RW, MAP_PRIVATE, 0));
	EXPECT_EQ(-EINVAL, actor_call(a, op_map_inherit, 9, 0, 0, 0, 0));
	/* an AUX area of a buffer that is not mapped */
	EXPECT_EQ(-EINVAL, actor_map_at(a, fd, 8, 9));
	if (sizeof(long) > 4)
		EXPECT_EQ(-ENOMEM, actor_map(a, fd, TOO_LARGE));
	VERIFY("errors");
	ASSERT_GT(actor_map(a, fd, 9), 0);
	/* another size than the buffer has */
	EXPECT_EQ(-EINVAL, actor_map(a, fd, 5));
	EXPECT_EQ(-EINVAL, actor_map(a, fd, 17));
	VERIFY("another size");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
	EXPECT_EQ(9, users_num(a->uid, "kernel"));

	EXPECT_EQ(0, lines_count("denials", "pid", a->pid));
	EXPECT_EQ(0, lines_count("drifts", "pid", a->pid));
	EXPECT_EQ(0, users_num(a->uid, "denied"));
	EXPECT_EQ(0, users_num(a->uid, "privileged"));
}

/* The last 256 that differ, newest last; the counts know all of them. */
TEST_F(books, the_last_256)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	struct actor *b = actor_start(e, env_uid(e), 0, 0);
	char *text, *line, *save;
	long long seq = -1;
	int i, n = 0;

	ASSERT_EQ(0, env_set_kb(e, 0));
	for (i = 0; i < 300; i++) {
		actor_rlimit(a, i);
		ASSERT_EQ(-EPERM, actor_new(a, 513));
	}
	ASSERT_EQ(-EPERM, actor_new(b, 5));
	EXPECT_EQ(300, users_num(a->uid, "denied"));
	EXPECT_EQ(300, mms_num(a->pid, "denied"));
	EXPECT_EQ(1, users_num(b->uid, "denied"));
	EXPECT_EQ(255, lines_count("denials", "pid", a->pid));
	EXPECT_EQ(1, lines_count("denials", "pid", b->pid));

	text = slurp_books("denials");
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (n++ < 2)
			continue;
		if (seq >= 0)
			ASSERT_EQ(seq + 1, line_num(line, "seq"));
		seq = line_num(line, "seq");
		ASSERT_EQ(n == 258 ? b->pid : a->pid, line_num(line, "pid"));
	}
	EXPECT_EQ(258, n);
	free(text);
}

/* Equal ones are one line, which is the last one's. */
TEST_F(books, equal_ones_are_counted)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	char *line;
	int i;

	ASSERT_EQ(0, env_set_kb(e, 0));
	for (i = 0; i < 300; i++) {
		ASSERT_EQ(-EPERM, actor_new(a, 9));
		ASSERT_EQ(-EPERM, actor_new(a, 5));
	}
	EXPECT_EQ(2, lines_count("denials", "pid", a->pid));
	EXPECT_EQ(600, lines_sum("denials", "pid", a->pid, "times"));
	line = line_last("denials", "pid", a->pid);
	EXPECT_EQ(300, line_num(line, "times"));
	EXPECT_EQ(5, line_num(line, "pages"));
	EXPECT_EQ(600, line_num(line, "seq"));
}

TEST_HARNESS_MAIN
