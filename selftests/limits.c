// SPDX-License-Identifier: GPL-2.0
/* Users, and the limits that move under their feet. */
#define _GNU_SOURCE
#include <sched.h>

#include "perfmlock_fixture.h"

/* What one user holds is nothing to another. */
TEST_F(books, two_users)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	struct actor *b = actor_start(e, env_uid(e), 64, 0);

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_GT(actor_new(a, 17), 0);
	VERIFY("the first user is over the limit");
	EXPECT_EQ(17, mms_num(a->pid, "kernel"));

	ASSERT_GT(actor_new(b, 33), 0);
	VERIFY("the second user has mapped");
	EXPECT_EQ(e->limit, users_num(a->uid, "kernel"));
	EXPECT_EQ(33, users_num(b->uid, "kernel"));
	EXPECT_EQ(0, mms_num(b->pid, "kernel"));
	EXPECT_EQ(33, buffer_num(b->pid, "data", 33, "correct_user"));

	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("the first user has unmapped");
	EXPECT_EQ(0, users_num(a->uid, "kernel"));
	EXPECT_EQ(33, users_num(b->uid, "kernel"));
}

/* Two processes of a user share the allowance, not the rest. */
TEST_F(books, two_processes)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 64, 0);
	struct actor *b = actor_start(e, uid, 16, 0);

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit - 10));
	ASSERT_GT(actor_new(a, 33), 0);
	VERIFY("one has used it up");
	EXPECT_EQ(23, mms_num(a->pid, "kernel"));
	ASSERT_GT(actor_new(b, 9), 0);
	VERIFY("the other maps");
	EXPECT_EQ(9, mms_num(b->pid, "kernel"));
	EXPECT_EQ(16, mms_num(b->pid, "rlimit"));
	EXPECT_EQ(e->limit, users_num(uid, "kernel"));
	/* the rlimit is that of the process */
	EXPECT_EQ(-EPERM, actor_new(b, 9));
	EXPECT_EQ(1, users_num(uid, "denied"));
	EXPECT_EQ(1, mms_num(b->pid, "denied"));
	EXPECT_EQ(0, mms_num(a->pid, "denied"));
	VERIFY("refused");

	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("one has unmapped");
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_EQ(9, mms_num(b->pid, "kernel"));
}

/* A limit below what is mapped leaves nothing free, never less. */
TEST_F(books, lowered)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 64, 0);
	struct actor *b = actor_start(e, uid, 64, 0);
	long held = 65;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_GT(actor_new(a, held), 0);
	VERIFY("mapped");
	ASSERT_EQ(0, env_set_kb(e, 8 * e->page / 1024));
	ASSERT_LT(e->limit, held);
	EXPECT_EQ(e->limit, users_num(uid, "limit"));
	VERIFY("lowered");

	ASSERT_GT(actor_new(b, 33), 0);
	VERIFY("mapped under the lower limit");
	EXPECT_EQ(33, buffer_num(b->pid, "data", 33, "correct_mm"));
	EXPECT_EQ(33, buffer_num(b->pid, "data", 33, "kernel_mm"));
	EXPECT_EQ(held, users_num(uid, "correct"));

	/* the order that went below 0 once */
	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("the old buffer is gone");
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_EQ(33, mms_num(b->pid, "kernel"));
	ASSERT_EQ(0, actor_unmap_all(b));
	VERIFY("both gone");
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
}

TEST_F(books, raised)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 64, 0);
	struct actor *b = actor_start(e, uid, 64, 0);
	long small;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, env_set_kb(e, 8 * e->page / 1024));
	small = e->limit;
	ASSERT_LT(small, 33);
	ASSERT_GT(actor_new(a, 33), 0);
	VERIFY("mapped under the low limit");
	EXPECT_EQ(small, users_num(uid, "kernel"));
	EXPECT_EQ(33 - small, mms_num(a->pid, "kernel"));

	ASSERT_EQ(0, env_reset_limit(e));
	VERIFY("raised");
	/* what is charged stays where it is */
	EXPECT_EQ(33 - small, mms_num(a->pid, "correct"));
	ASSERT_GT(actor_new(b, 17), 0);
	VERIFY("mapped under the high limit");
	EXPECT_EQ(17, buffer_num(b->pid, "data", 17, "correct_user"));
	EXPECT_EQ(small + 17, users_num(uid, "kernel"));

	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("the old buffer is gone");
	EXPECT_EQ(17, users_num(uid, "kernel"));
}

TEST_F(books, no_allowance)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 9, 0);

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, env_set_kb(e, 0));
	ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("mapped");
	EXPECT_EQ(9, mms_num(a->pid, "kernel"));
	EXPECT_EQ(0, users_num(a->uid, "kernel"));
	EXPECT_EQ(-EPERM, actor_new(a, 1));
	VERIFY("refused");
}

/* CAP_IPC_LOCK lets a call pass; it is charged all the same. */
TEST_F(books, privileged_by_capability)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 4, ACTOR_IPC_LOCK);

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	EXPECT_EQ(0, users_num(a->uid, "privileged"));
	/* within the rlimit it is no privilege */
	ASSERT_GT(actor_new(a, 3), 0);
	EXPECT_EQ(0, users_num(a->uid, "privileged"));
	EXPECT_EQ(0, mms_num(a->pid, "privileged"));
	ASSERT_GT(actor_new(a, 17), 0);
	ASSERT_GT(actor_new(a, 2), 0);
	VERIFY("over the limit");
	EXPECT_EQ(2, users_num(a->uid, "privileged"));
	EXPECT_EQ(2, mms_num(a->pid, "privileged"));
	EXPECT_EQ(22, mms_num(a->pid, "kernel"));
	EXPECT_EQ(22, mms_num(a->pid, "correct"));
	EXPECT_EQ(0, users_num(a->uid, "denied"));
	EXPECT_EQ(0, lines_count("denials", "pid", a->pid));
}

TEST_F(books, privileged_by_sysctl)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(0, sysctl_set("perf_event_paranoid", -1));
	ASSERT_GT(actor_new(a, 17), 0);
	VERIFY("over the limit");
	EXPECT_EQ(1, users_num(a->uid, "privileged"));
	EXPECT_EQ(1, mms_num(a->pid, "privileged"));
	EXPECT_EQ(17, mms_num(a->pid, "kernel"));
	ASSERT_EQ(0, sysctl_set("perf_event_paranoid", 0));
	EXPECT_EQ(-EPERM, actor_new(a, 2));
	EXPECT_EQ(1, users_num(a->uid, "privileged"));
	EXPECT_EQ(1, users_num(a->uid, "denied"));
}

/* uid 0 without the capability is a user as any other. */
TEST_F(books, root_without_capability)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, 0, 8, 0);
	long long was = oracle(a->pid).user;
	long addr;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_GE(was, 0);
	a->foreign_user = was;
	if (users_has(0))
		ASSERT_EQ(was, users_num(0, "counter"));
	ASSERT_LE(was, e->limit);
	ASSERT_EQ(0, actor_fill(a, e->limit - was));
	addr = actor_new(a, 5);
	ASSERT_GT(addr, 0);
	EXPECT_EQ(e->limit, users_num(0, "counter"));
	EXPECT_EQ(5, mms_num(a->pid, "kernel"));
	EXPECT_EQ(-EPERM, actor_new(a, 5));
	EXPECT_EQ(1, users_num(0, "denied"));
	EXPECT_EQ(1, lines_count("denials", "pid", a->pid));
	/* the kernel's own part of uid 0 is the same as before */
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_EQ(was, users_num(0, "counter"));
	a->foreign_user = users_num(0, "foreign");
}

static long op_userns(const long *a)
{
	char map[64];
	int n = snprintf(map, sizeof(map), "0 %ld 1\n", a[0]);

	if (unshare(CLONE_NEWUSER))
		return -errno;
	n = write_file("/proc/self/uid_map", map, n);
	return n < 0 ? n : (long)getuid();
}

/* Root of a user namespace: one more name of a uid, and no privilege. */
TEST_F(books, user_namespace)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 8, 0);
	long ret = actor_call(a, op_userns, a->uid, 0, 0, 0, 0);

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	if (ret < 0)
		SKIP(return, "no user namespace: %s", strerror(-ret));
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_GT(actor_new(a, 5), 0);
	VERIFY("mapped");
	EXPECT_EQ(e->limit, users_num(a->uid, "kernel"));
	EXPECT_EQ(a->uid, mms_num(a->pid, "uid"));
	EXPECT_EQ(a->uid, buffer_num(a->pid, "data", 5, "uid"));
	EXPECT_EQ(-EPERM, actor_new(a, 5));
	EXPECT_EQ(1, users_num(a->uid, "denied"));
	EXPECT_EQ(0, users_num(a->uid, "privileged"));
}

TEST_HARNESS_MAIN
