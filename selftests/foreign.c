// SPDX-License-Identifier: GPL-2.0
/* What others charge to the same counters: io_uring's registered buffers. */
#define _GNU_SOURCE
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "perfmlock_fixture.h"

#ifndef SYS_io_uring_setup
#define SYS_io_uring_setup	425
#define SYS_io_uring_register	427
#endif

static long op_uring(const long *a)
{
	struct io_uring_params params = { 0 };
	int fd = syscall(SYS_io_uring_setup, 4, &params);

	(void)a;
	return fd < 0 ? -errno : fd;
}

static long op_register(const long *a)
{
	size_t len = a[1] * getpagesize();
	struct iovec iov = { .iov_len = len };

	iov.iov_base = mmap(NULL, len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (iov.iov_base == MAP_FAILED)
		return -errno;
	/* small pages, so that they are counted one by one */
	madvise(iov.iov_base, len, MADV_NOHUGEPAGE);
	memset(iov.iov_base, 1, len);
	if (syscall(SYS_io_uring_register, a[0], IORING_REGISTER_BUFFERS, &iov, 1))
		return -errno;
	return 0;
}

static long op_unregister(const long *a)
{
	return syscall(SYS_io_uring_register, a[0], IORING_UNREGISTER_BUFFERS,
		       NULL, 0) ? -errno : 0;
}

#define FOREIGN 48

/* What is foreign, the oracle says: it differs from kernel to kernel. */
static void take_foreign(struct actor *a, const struct raw *with_perf_pages)
{
	struct raw now = oracle(a->pid);

	a->foreign_user = now.user - with_perf_pages->user;
	a->foreign_mm = now.mm - with_perf_pages->mm;
}

TEST_F(books, registered_buffers)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 512, 0);
	struct raw before, after;
	long ring, ret;

	ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("mapped");
	before = oracle(a->pid);
	ring = actor_uring(a, op_uring);
	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(-ring));
	ret = actor_call(a, op_register, ring, FOREIGN, 0, 0, 0);
	ASSERT_EQ(0, ret);
	after = oracle(a->pid);
	/* somebody charged something, or there is nothing to be seen here */
	ASSERT_GE(after.locked - before.locked, FOREIGN);
	if (after.mm != before.mm)
		ASSERT_EQ(FOREIGN, after.mm - before.mm);
	if (!oracle_perf_is_locked_vm())
		ASSERT_EQ(before.user, after.user);
	take_foreign(a, &before);
	VERIFY("registered");
	EXPECT_EQ(9, users_num(a->uid, "kernel"));
	EXPECT_EQ(9, users_num(a->uid, "correct"));
	EXPECT_EQ(0, users_num(a->uid, "drift"));
	EXPECT_EQ(a->foreign_mm, mms_num(a->pid, "foreign"));
	EXPECT_EQ(a->foreign_mm, mms_num(a->pid, "counter"));
	EXPECT_EQ(0, mms_num(a->pid, "kernel"));
	EXPECT_EQ(oracle_perf_is_locked_vm() ? a->foreign_user : 0,
		  users_num(a->uid, "foreign"));

	/* what perf maps beside it is not foreign */
	ASSERT_GT(actor_new(a, 17), 0);
	VERIFY("mapped beside it");
	EXPECT_EQ(26, users_num(a->uid, "kernel"));

	ASSERT_EQ(0, actor_call(a, op_unregister, ring, 0, 0, 0, 0));
	a->foreign_mm = 0;
	a->foreign_user = oracle(a->pid).user - 26;
	VERIFY("unregistered");
	ASSERT_EQ(0, actor_close(a, ring));
	/* the ring itself is given back by a worker */
	EXPECT_TRUE(eventually(oracle(a->pid).user == 26));
	a->foreign_user = 0;
	VERIFY("closed");
	EXPECT_EQ(0, users_num(a->uid, "foreign"));
	EXPECT_EQ(0, lines_count("drifts", "pid", a->pid));
}

/* Foreign pages count: against the allowance and against the rlimit. */
TEST_F(books, foreign_pages_count)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *filler = actor_start(e, uid, 512, 0);
	struct actor *a = actor_start(e, uid, 512, 0);
	struct raw none = { 0 };
	long ring, left, kb, mm;
	char *line;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ring = actor_uring(a, op_uring);
	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(-ring));
	ASSERT_EQ(0, actor_call(a, op_register, ring, FOREIGN, 0, 0, 0));
	take_foreign(a, &none);
	/* of the mm as well, since v5.9 */
	mm = a->foreign_mm;
	if (mm)
		ASSERT_EQ(FOREIGN, mm);

	/* all that is left of the allowance, and 5 pages of 9 beyond */
	left = e->limit - a->foreign_user;
	ASSERT_EQ(0, actor_fill(filler, left - 4));
	ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("mapped beside it");
	EXPECT_EQ(4, buffer_num(a->pid, "data", 9, "correct_user"));
	EXPECT_EQ(5, buffer_num(a->pid, "data", 9, "correct_mm"));
	EXPECT_EQ(left, users_num(a->uid, "correct"));
	EXPECT_EQ(5, mms_num(a->pid, "correct"));
	EXPECT_EQ(mm + 5, mms_num(a->pid, "counter"));

	/* with 48 on the mm: 48 + 5 + 9 > 61 */
	actor_rlimit(a, mm + 5 + 8);
	ASSERT_EQ(-EPERM, actor_new(a, 9));
	line = line_last("denials", "pid", a->pid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(mm + 5, line_num(line, "pinned_vm"));
	EXPECT_EQ(mm + 5 + 9, line_num(line, "locked"));
	EXPECT_EQ(mm + 5 + 8, line_num(line, "lock_limit"));
	EXPECT_EQ(0, line_num(line, "wrongly"));
	kb = line_num(line, "min_rlimit_memlock_kb");
	EXPECT_EQ((mm + 5 + 9) * (e->page / 1024), kb);
	actor_rlimit(a, mm + 5 + 9);
	EXPECT_GT(actor_new(a, 9), 0);
	VERIFY("with the remedy");

	ASSERT_EQ(0, actor_unmap_all(a));
	ASSERT_EQ(0, actor_unmap_all(filler));
	VERIFY("unmapped");
	ASSERT_EQ(0, actor_call(a, op_unregister, ring, 0, 0, 0, 0));
	ASSERT_EQ(0, actor_close(a, ring));
	EXPECT_TRUE(eventually(oracle(a->pid).user == 0));
	a->foreign_user = 0;
	a->foreign_mm = 0;
	VERIFY("closed");
}

static struct shared *sh;

static long op_register_loop(const long *a)
{
	long ret = 0;

	while (!sh->stop && !ret) {
		ret = op_register(a) ?: op_unregister(a);
		sh->count[0]++;
	}
	return ret;
}

/* Counters that move under a mapper's hands are not taken for its own. */
TEST_F(books, foreign_in_between)
{
	struct test_env *e = &self->e;
	struct actor *a, *b;
	uid_t uid = env_uid(e);
	long ring, addr;
	int i;

	sh = e->sh;
	a = actor_start(e, uid, UNLIMITED, 0);
	b = actor_start(e, uid, UNLIMITED, 0);
	ring = actor_uring(b, op_uring);
	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(-ring));
	b->foreign_user = oracle(b->pid).user;
	actor_begin(b, op_register_loop, ring, 8, 0, 0, 0);
	while (!sh->count[0])
		pm_nap(100);
	for (i = 0; i < 200; i++) {
		addr = actor_new(a, 9);
		ASSERT_GT(addr, 0);
		ASSERT_EQ(9, buffer_num(a->pid, "data", 9, "kernel_user") +
			     buffer_num(a->pid, "data", 9, "kernel_mm"));
		ASSERT_EQ(0, actor_unmap(a, addr, 9));
	}
	sh->stop = 1;
	ASSERT_EQ(0, actor_end(b));
	VERIFY("over");
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "drift"));
	ASSERT_EQ(0, actor_close(b, ring));
	EXPECT_TRUE(eventually(oracle(b->pid).user == 0));
	b->foreign_user = 0;
}

/* a[0]: io_uring, a[1]: pages: on its mm while that one sleeps in mmap(). */
static long register_beside(const long *a)
{
	while (!sh->count[1])
		pm_nap(100);
	pm_nap(2000);
	if (op_register(a))
		return 1;
	while (sh->count[1] != 2)
		pm_nap(100);
	return op_unregister(a);
}

/* The same of a child's; the second mmap() of an event waits for a grace period. */
static long op_map_beside(const long *a)
{
	int fd = fresh_event(), status = 0;
	pid_t child;
	void *ring;

	sh->count[1] = 0;
	child = fork();
	if (!child)
		_exit(!!register_beside(a));
	ring = pm_map(fd, a[1], 0);
	if (ring != MAP_FAILED) {
		pm_unmap(ring, a[1]);
		sh->count[1] = 1;
		ring = pm_map(fd, a[1], 0);
	}
	sh->count[1] = 2;
	if (waitpid(child, &status, 0) != child || status)
		return -ECHILD;
	close(fd);
	return ring == MAP_FAILED ? -errno : (long)ring;
}

/*
 * Beside calls of another process of the user it looks as if M had been charged for
 * a ring, when U was. Nobody gets a ring for nothing by that, with repair.
 */
TEST_F(books, repair_of_what_looks_right)
{
	struct test_env *e = &self->e;
	struct actor *mapper, *churning;
	uid_t uid = env_uid(e);
	long pages = 1, ring, addr, before;
	int fd, i;

	sh = e->sh;
	/* about half of the limit, whatever the CPUs */
	while (2 * pages < e->limit / 2)
		pages *= 2;
	pages++;
	env_remap_leaks(e);
	/* what M says is held for right until the ring goes */
	e->leak_user = true;
	e->leak_mm = true;
	mapper = actor_start(e, uid, UNLIMITED, 0);
	churning = actor_start(e, uid, UNLIMITED, 0);
	ring = actor_uring(mapper, op_uring);
	if (ring < 0)
		SKIP(return, "no io_uring: %s", strerror(-ring));
	ASSERT_EQ(0, env_repair(e, true));
	fd = actor_open(churning, 0);
	actor_begin(churning, op_map_event, fd, 1, (long)sh, 0, 0);
	before = status_num("settled");
	for (i = 0; i < 20; i++) {
		addr = actor_call(mapper, op_map_beside, ring, pages, 0, 0, 0);
		ASSERT_GT(addr, 0);
		/* until a quiet moment of the user */
		pm_nap(200000);
		EXPECT_GE(oracle(mapper->pid).user + oracle(mapper->pid).mm,
			  mapped_pages(mapper->pid));
		ASSERT_EQ(0, actor_unmap(mapper, addr, pages));
	}
	TH_LOG("settled %lld times", status_num("settled") - before);
	sh->stop = 1;
	EXPECT_EQ(0, actor_end(churning));
	ASSERT_EQ(0, env_repair(e, false));
	ASSERT_EQ(0, actor_close(mapper, ring));
}

TEST_HARNESS_MAIN
