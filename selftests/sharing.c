// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers that more than one mapping, process or user holds.
 *
 * No released kernel remembers the mm that was charged: the one that unmaps last
 * is given the pages back. selftests/patches has the cure. The books are right on
 * every kernel; whether the kernel is, the oracle says.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "perfmlock_fixture.h"

/* The owner's mapping of 33 pages is charged 1 to the user, 32 to the mm. */
#define PAGES	33
#define OVER	32

struct shared_buffer {
	struct actor *filler, *owner, *other;
	int owner_fd, other_fd;
	long owner_map, other_map;
};

static bool share(struct test_env *e, struct shared_buffer *s, uid_t other_uid)
{
	uid_t uid = env_uid(e);

	env_remap_leaks(e);
	s->filler = actor_start(e, uid, UNLIMITED, 0);
	s->owner = actor_start(e, uid, 64, 0);
	s->other = actor_start(e, other_uid ?: uid, 64, 0);
	if (actor_fill(s->filler, e->limit - (PAGES - OVER)))
		return false;
	s->owner_fd = actor_open(s->owner, 0);
	s->owner_map = actor_map(s->owner, s->owner_fd, PAGES);
	s->other_fd = actor_give(s->owner, s->owner_fd, s->other);
	s->other_map = actor_map(s->other, s->other_fd, PAGES);
	return s->owner_map > 0 && s->other_map > 0;
}

FIXTURE(shared)
{
	struct test_env e;
};

FIXTURE_VARIANT(shared)
{
	bool same_user;
};

FIXTURE_VARIANT_ADD(shared, same_user)	{ .same_user = true };
FIXTURE_VARIANT_ADD(shared, two_users)	{ .same_user = false };

FIXTURE_SETUP(shared)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(shared)
{
	EXPECT_EQ(0, env_close(&self->e));
}

/* An fd over a socket; who was charged unmaps last: nothing can go wrong. */
TEST_F(shared, owner_last)
{
	struct test_env *e = &self->e;
	struct shared_buffer s;

	ASSERT_TRUE(share(e, &s, variant->same_user ? 0 : env_uid(e)));
	VERIFY("mapped by both");
	EXPECT_EQ(2, buffer_num(s.owner->pid, "data", PAGES, "maps"));
	EXPECT_EQ(OVER, mms_num(s.owner->pid, "correct"));
	EXPECT_EQ(0, buffers_count(s.other->pid, 0));
	EXPECT_EQ(0, mms_num(s.other->pid, "correct"));
	EXPECT_EQ(s.owner->uid, buffer_num(s.owner->pid, "data", PAGES, "uid"));

	ASSERT_EQ(0, actor_unmap(s.other, s.other_map, PAGES));
	VERIFY("the other has unmapped");
	EXPECT_EQ(1, buffer_num(s.owner->pid, "data", PAGES, "maps"));
	EXPECT_EQ(OVER, mms_num(s.owner->pid, "kernel"));

	ASSERT_EQ(0, actor_unmap(s.owner, s.owner_map, PAGES));
	VERIFY("both have unmapped");
	EXPECT_EQ(0, mms_num(s.owner->pid, "kernel"));
	EXPECT_EQ(0, mms_num(s.other->pid, "kernel"));
	EXPECT_EQ(e->limit - (PAGES - OVER), users_num(s.owner->uid, "correct"));
}

/* Who was charged unmaps first: the kernel takes it from the other one. */
TEST_F(shared, owner_first)
{
	struct test_env *e = &self->e;
	struct shared_buffer s;
	long long owner_mm, other_mm;
	char *line, buf[64];
	bool wrong;

	ASSERT_TRUE(share(e, &s, variant->same_user ? 0 : env_uid(e)));
	ASSERT_EQ(0, actor_unmap(s.owner, s.owner_map, PAGES));
	VERIFY("the owner has unmapped");
	/* the buffer is still there, and still the owner's */
	EXPECT_EQ(1, buffer_num(s.owner->pid, "data", PAGES, "maps"));
	EXPECT_EQ(OVER, mms_num(s.owner->pid, "correct"));
	EXPECT_EQ(OVER, mms_num(s.owner->pid, "kernel"));
	EXPECT_EQ(0, mapped_pages(s.owner->pid));

	ASSERT_EQ(0, actor_unmap(s.other, s.other_map, PAGES));
	owner_mm = oracle(s.owner->pid).mm;
	other_mm = oracle(s.other->pid).mm;
	wrong = other_mm != 0;
	e->leak_mm = wrong;
	VERIFY("both have unmapped");
	EXPECT_EQ(0, buffers_count(s.owner->pid, 0));
	EXPECT_EQ(0, mms_num(s.owner->pid, "correct"));
	EXPECT_EQ(0, mms_num(s.other->pid, "correct"));
	EXPECT_EQ(e->limit - (PAGES - OVER), users_num(s.owner->uid, "correct"));
	EXPECT_EQ(owner_mm, mms_num(s.owner->pid, "drift"));
	EXPECT_EQ(other_mm, mms_num(s.other->pid, "drift"));

	if (!wrong) {
		EXPECT_EQ(0, owner_mm);
		SKIP(return, "this kernel remembers the mm it charged");
	}
	EXPECT_EQ(OVER, owner_mm);
	EXPECT_EQ(-OVER, other_mm);
	EXPECT_EQ(-OVER, mms_num(s.other->pid, "counter"));
	EXPECT_EQ(0ULL - OVER * (e->page / 1024), vm_pin_kb(s.other->pid));
	line = line_last("drifts", "pid", s.other->pid);
	ASSERT_NE(NULL, line);
	EXPECT_STREQ("wrong-mm", line_str(line, "cause", buf, sizeof(buf)));
	EXPECT_STREQ("data", line_str(line, "kind", buf, sizeof(buf)));
	EXPECT_STREQ("pm_actor", line_str(line, "comm", buf, sizeof(buf)));
	EXPECT_EQ(PAGES, line_num(line, "pages"));
	EXPECT_TRUE(line_has(line, "seq"));
	EXPECT_TRUE(line_has(line, "op"));
	EXPECT_TRUE(line_has(line, "uid"));

	/* from now on it is refused everything, by no fault of its own */
	actor_rlimit(s.other, UNLIMITED);
	ASSERT_EQ(-EPERM, actor_new(s.other, 2));
	EXPECT_EQ(1, users_num(s.other->uid, "wrongly_denied"));
	EXPECT_EQ(1, mms_num(s.other->pid, "wrongly_denied"));
	EXPECT_EQ(1, mms_num(s.other->pid, "denied"));
	line = line_last("denials", "pid", s.other->pid);
	ASSERT_NE(NULL, line);
	EXPECT_STREQ("admitted", line_str(line, "verdict", buf, sizeof(buf)));
	EXPECT_EQ(1, line_num(line, "wrongly"));

	/* and the owner pays for what it no longer has: 32 + 33 > 64 */
	ASSERT_EQ(0, actor_fill(s.filler, PAGES - OVER));
	ASSERT_EQ(-EPERM, actor_new(s.owner, 33));
	EXPECT_EQ(1, mms_num(s.owner->pid, "wrongly_denied"));
	line = line_last("denials", "pid", s.owner->pid);
	ASSERT_NE(NULL, line);
	EXPECT_STREQ("admitted", line_str(line, "verdict", buf, sizeof(buf)));
	EXPECT_EQ(1, line_num(line, "wrongly"));
	EXPECT_EQ(OVER, line_num(line, "pinned_vm"));
	/* 32 + 65 > 64 and 65 > 64: the right books refuse this as well */
	ASSERT_EQ(-EPERM, actor_new(s.owner, 65));
	EXPECT_EQ(2, mms_num(s.owner->pid, "denied"));
	EXPECT_EQ(1, mms_num(s.owner->pid, "wrongly_denied"));
	line = line_last("denials", "pid", s.owner->pid);
	EXPECT_STREQ("denied", line_str(line, "verdict", buf, sizeof(buf)));
	EXPECT_EQ(0, line_num(line, "wrongly"));
	VERIFY("refused");
}

/* The owner ends while the other one holds its buffer. */
TEST_F(shared, owner_exits)
{
	struct test_env *e = &self->e;
	struct shared_buffer s;
	pid_t owner;

	ASSERT_TRUE(share(e, &s, variant->same_user ? 0 : env_uid(e)));
	owner = s.owner->pid;
	actor_exit(s.owner);
	VERIFY("the owner has ended");
	EXPECT_EQ(1, buffer_num(owner, "data", PAGES, "maps"));
	EXPECT_TRUE(eventually(mms_has(owner, "exited")));
	EXPECT_FALSE(mms_has(owner, "alive"));
	EXPECT_EQ(1, mms_num_state(owner, "exited", "buffers"));
	EXPECT_EQ(OVER, mms_num_state(owner, "exited", "correct"));
	EXPECT_EQ(e->limit, users_num(s.filler->uid, "correct"));
	e->leak_mm = true;

	ASSERT_EQ(0, actor_unmap(s.other, s.other_map, PAGES));
	EXPECT_TRUE(eventually(!mms_has(owner, "exited")));
	VERIFY("unmapped");
	EXPECT_EQ(0, mms_num(s.other->pid, "correct"));
	EXPECT_EQ(e->limit - (PAGES - OVER), users_num(s.filler->uid, "correct"));
	EXPECT_EQ(oracle(s.other->pid).mm, mms_num(s.other->pid, "drift"));
}

/* Five holders of one buffer let go, the owner in the middle. */
TEST_F(books, five_holders)
{
	struct test_env *e = &self->e;
	struct actor *a[5];
	long map[5];
	int fd[5], i;
	uid_t uid;

	env_remap_leaks(e);
	uid = env_uid(e);
	for (i = 0; i < 5; i++)
		a[i] = actor_start(e, i % 2 ? env_uid(e) : uid, 0, 0);
	fd[0] = actor_open(a[0], 0);
	ASSERT_GE(fd[0], 0);
	for (i = 0; i < 5; i++) {
		if (i)
			fd[i] = actor_give(a[0], fd[0], a[i]);
		map[i] = actor_map(a[i], fd[i], 9);
		ASSERT_GT(map[i], 0);
		EXPECT_EQ(i + 1, buffer_num(a[0]->pid, "data", 9, "maps"));
		VERIFY("one more");
	}
	for (i = 0; i < 5; i++) {
		/* 2 3 4 0 1 */
		int n = (i + 2) % 5;

		EXPECT_EQ(5 - i, buffer_num(a[0]->pid, "data", 9, "maps"));
		EXPECT_EQ(9, users_num(a[0]->uid, "correct"));
		ASSERT_EQ(0, actor_unmap(a[n], map[n], 9));
		VERIFY("one less");
	}
	EXPECT_EQ(0, users_num(a[0]->uid, "correct"));
	EXPECT_EQ(0, buffers_count(a[0]->pid, 0));
}

/* Charged as one user, unmapped as another */
TEST_F(books, setuid_in_between)
{
	struct test_env *e = &self->e;
	uid_t one = env_uid(e), two = env_uid(e);
	struct actor *watch1 = actor_start(e, one, 64, 0);
	struct actor *watch2 = actor_start(e, two, 64, 0);
	struct actor *b = actor_start(e, one, 64, ACTOR_SETUID);

	ASSERT_GT(actor_new(b, 17), 0);
	VERIFY("mapped");
	EXPECT_EQ(17, users_num(one, "kernel"));

	ASSERT_EQ(0, actor_setuid(b, two));
	b->uid = two;
	VERIFY("setuid");
	EXPECT_EQ(17, users_num(one, "kernel"));
	EXPECT_EQ(one, buffer_num(b->pid, "data", 17, "uid"));
	ASSERT_GT(actor_new(b, 9), 0);
	b->mm_uid = two;
	VERIFY("mapped as the second user");
	EXPECT_EQ(17, users_num(one, "kernel"));
	EXPECT_EQ(9, users_num(two, "kernel"));
	EXPECT_EQ(two, buffer_num(b->pid, "data", 9, "uid"));

	ASSERT_EQ(0, actor_unmap_all(b));
	VERIFY("unmapped");
	EXPECT_EQ(0, users_num(one, "kernel"));
	EXPECT_EQ(0, users_num(two, "kernel"));
	EXPECT_EQ(0, oracle(watch1->pid).user);
	EXPECT_EQ(0, oracle(watch2->pid).user);
	EXPECT_EQ(0, lines_count("drifts", "pid", b->pid));
}

/* Another user maps what the first one was charged for */
TEST_F(books, setuid_and_remap)
{
	struct test_env *e = &self->e;
	uid_t one = env_uid(e), two = env_uid(e);
	struct actor *watch1 = actor_start(e, one, 64, 0);
	struct actor *watch2 = actor_start(e, two, 64, 0);
	struct actor *b = actor_start(e, one, 64, ACTOR_SETUID);
	int fd = actor_open(b, 0);
	bool leaks = env_remap_leaks(e);

	ASSERT_GE(fd, 0);
	ASSERT_GT(actor_map(b, fd, 17), 0);
	ASSERT_EQ(0, actor_setuid(b, two));
	b->uid = two;
	ASSERT_GT(actor_map(b, fd, 17), 0);
	/* nothing was charged in its new name: either is right */
	b->mm_uid = mms_num(b->pid, "uid") == two ? two : one;
	VERIFY("mapped again");
	EXPECT_EQ(17, users_num(one, "correct"));
	EXPECT_EQ(2, buffer_num(b->pid, "data", 17, "maps"));
	EXPECT_EQ(17, oracle(watch1->pid).user);
	EXPECT_EQ(leaks ? 17 : 0, oracle(watch2->pid).user);
	ASSERT_EQ(0, actor_unmap_all(b));
	VERIFY("unmapped");
	EXPECT_EQ(0, users_num(one, "kernel"));
	EXPECT_EQ(leaks ? 17 : 0, users_num(two, "kernel"));
	EXPECT_EQ(leaks ? 17 : 0, users_num(two, "drift"));
}

static long op_mremap(const long *a)
{
	long page = getpagesize();
	void *to = mmap(NULL, a[1] * page, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *addr = mremap((void *)a[0], a[1] * page, a[1] * page,
			    MREMAP_MAYMOVE | MREMAP_FIXED, to);

	if (addr != MAP_FAILED)
		return (long)addr;
	page = errno;
	munmap(to, a[1] * getpagesize());
	return -page;
}

/* Moved in the address space it is the same mapping. */
TEST_F(books, mremap_moves)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *filler = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, 64, 0);
	long addr, to;
	int i;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(filler, e->limit - 4));
	addr = actor_new(a, 9);
	ASSERT_GT(addr, 0);
	for (i = 0; i < 3; i++) {
		to = actor_call(a, op_mremap, addr, 9, 0, 0, 0);
		if (!i && to == -EINVAL)
			SKIP(return, "this kernel does not move a buffer");
		ASSERT_GT(to, 0);
		ASSERT_NE(addr, to);
		addr = to;
		VERIFY("moved");
		EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
		EXPECT_EQ(4, buffer_num(a->pid, "data", 9, "kernel_user"));
		EXPECT_EQ(5, buffer_num(a->pid, "data", 9, "kernel_mm"));
	}
	ASSERT_EQ(0, actor_unmap(a, addr, 9));
	VERIFY("unmapped");
	EXPECT_EQ(0, buffers_count(a->pid, 0));
	EXPECT_EQ(0, mms_num(a->pid, "kernel"));
	EXPECT_EQ(0, lines_count("drifts", "pid", a->pid));
}

static long op_mremap_size(const long *a)
{
	long page = getpagesize();
	void *addr = mremap((void *)a[0], a[1] * page, a[2] * page, a[3]);

	return addr == MAP_FAILED ? -errno : (long)addr;
}

/* It cannot grow, shrink or double. */
TEST_F(books, mremap_refused)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	long addr = actor_new(a, 9);

	ASSERT_GT(addr, 0);
	EXPECT_LT(actor_call(a, op_mremap_size, addr, 9, 17, MREMAP_MAYMOVE, 0), 0);
	EXPECT_LT(actor_call(a, op_mremap_size, addr, 0, 9, MREMAP_MAYMOVE, 0), 0);
	VERIFY("neither grown nor doubled");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
	EXPECT_EQ(9, users_num(a->uid, "kernel"));
	if (!actor_call(a, op_mremap_size, addr, 9, 5, 0, 0))
		e->exotic = true;
	EXPECT_EQ(9, users_num(a->uid, "kernel"));
	EXPECT_EQ(9, users_num(a->uid, "correct"));
}

/* An event that writes into another one's buffer, mapped through it */
TEST_F(books, redirected_output)
{
	struct test_env *e = &self->e;
	struct actor *a;
	int one, two;
	long m1, m2;

	env_remap_leaks(e);
	a = actor_start(e, env_uid(e), 64, 0);
	one = actor_open(a, 0);
	two = actor_open_type(a, 0, PERF_TYPE_SOFTWARE, PM_CPU_CLOCK);
	ASSERT_GE(one, 0);
	ASSERT_GE(two, 0);
	m1 = actor_map(a, one, 9);
	ASSERT_GT(m1, 0);
	ASSERT_EQ(0, actor_call(a, op_set_output, two, one, 0, 0, 0));
	VERIFY("redirected");
	EXPECT_EQ(1, buffers_count(a->pid, 0));
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));

	m2 = actor_map(a, two, 9);
	if (m2 == -EBUSY) {
		VERIFY("refused");
		EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
		ASSERT_EQ(0, actor_unmap(a, m1, 9));
		VERIFY("unmapped");
		EXPECT_EQ(0, users_num(a->uid, "kernel"));
		EXPECT_EQ(0, lines_count("denials", "pid", a->pid));
		return;
	}
	ASSERT_GT(m2, 0);
	VERIFY("mapped through both");
	EXPECT_EQ(1, buffers_count(a->pid, 0));
	EXPECT_EQ(2, buffer_num(a->pid, "data", 9, "maps"));
	EXPECT_EQ(9, users_num(a->uid, "correct"));

	ASSERT_EQ(0, actor_unmap(a, m1, 9));
	VERIFY("the first is unmapped");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
	EXPECT_EQ(9, users_num(a->uid, "correct"));
	/* the first event has lost its buffer and gets a new one */
	m1 = actor_map(a, one, 17);
	ASSERT_GT(m1, 0);
	VERIFY("a new one");
	EXPECT_EQ(2, buffers_count(a->pid, 0));
	EXPECT_EQ(26, users_num(a->uid, "correct"));

	ASSERT_EQ(0, actor_unmap(a, m2, 9));
	VERIFY("the second is unmapped");
	EXPECT_EQ(17, users_num(a->uid, "correct"));
	ASSERT_EQ(0, actor_unmap(a, m1, 17));
	VERIFY("all are unmapped");
	EXPECT_EQ(0, users_num(a->uid, "correct"));
}

/* A child of a fork */

static struct shared *sh;

static void wait_for(atomic_int *flag)
{
	while (!*flag)
		pm_nap(1000);
}

static long op_fork_map(const long *a)
{
	pid_t pid = fork();
	void *addr;

	if (pid)
		return pid < 0 ? -errno : pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	addr = a[0] < 0 ? NULL : pm_map(a[0], a[1], 0);
	sh->ready = addr == MAP_FAILED ? -1 : 1;
	wait_for(&sh->go);
	if (addr)
		pm_unmap(addr, a[1]);
	sh->ready = 2;
	wait_for(&sh->stop);
	_exit(0);
}

static long op_wait(const long *a)
{
	return waitpid(a[0], NULL, 0) == a[0] ? 0 : -errno;
}

/* The mapping is not inherited, only the fd. */
TEST_F(books, fork_child_first)
{
	struct test_env *e = &self->e;
	struct actor *a;
	pid_t child;
	long addr;
	int fd;

	sh = e->sh;
	env_remap_leaks(e);
	a = actor_start(e, env_uid(e), 64, 0);
	fd = actor_open(a, 0);
	addr = actor_map(a, fd, 9);
	ASSERT_GT(addr, 0);
	child = actor_call(a, op_fork_map, fd, 9, 0, 0, 0);
	ASSERT_GT(child, 0);
	wait_for(&sh->ready);
	ASSERT_EQ(1, sh->ready);
	VERIFY("mapped by parent and child");
	EXPECT_EQ(2, buffer_num(a->pid, "data", 9, "maps"));
	EXPECT_EQ(9, mapped_pages(child));
	sh->go = 1;
	while (sh->ready != 2)
		pm_nap(1000);
	VERIFY("the child has unmapped");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
	ASSERT_EQ(0, actor_unmap(a, addr, 9));
	VERIFY("both have unmapped");
	EXPECT_EQ(0, users_num(a->uid, "correct"));
	EXPECT_EQ(0, mms_num(child, "correct"));
	sh->stop = 1;
	ASSERT_EQ(0, actor_call(a, op_wait, child, 0, 0, 0, 0));
	EXPECT_TRUE(eventually(!mms_has(child, "alive") &&
			       !mms_has(child, "exited")));
}

TEST_F(books, fork_parent_first)
{
	struct test_env *e = &self->e;
	struct actor *filler, *a;
	uid_t uid;
	pid_t child;
	long addr;
	int fd;

	sh = e->sh;
	env_remap_leaks(e);
	uid = env_uid(e);
	filler = actor_start(e, uid, 0, 0);
	a = actor_start(e, uid, 64, 0);
	ASSERT_EQ(0, actor_fill(filler, e->limit - 1));
	fd = actor_open(a, 0);
	addr = actor_map(a, fd, PAGES);
	ASSERT_GT(addr, 0);
	child = actor_call(a, op_fork_map, fd, PAGES, 0, 0, 0);
	ASSERT_GT(child, 0);
	wait_for(&sh->ready);
	ASSERT_EQ(1, sh->ready);
	VERIFY("mapped by parent and child");
	ASSERT_EQ(0, actor_unmap(a, addr, PAGES));
	VERIFY("the parent has unmapped");
	EXPECT_EQ(OVER, mms_num(a->pid, "correct"));
	sh->go = 1;
	while (sh->ready != 2)
		pm_nap(1000);
	e->leak_mm = oracle(child).mm != 0;
	VERIFY("both have unmapped");
	EXPECT_EQ(0, mms_num(a->pid, "correct"));
	EXPECT_EQ(0, mms_num(child, "correct"));
	EXPECT_EQ(oracle(child).mm, mms_num(child, "kernel"));
	EXPECT_EQ(oracle(child).mm, mms_num(child, "drift"));
	EXPECT_EQ(e->leak_mm + e->leak_user, lines_count("drifts", "pid", child));
	sh->stop = 1;
	ASSERT_EQ(0, actor_call(a, op_wait, child, 0, 0, 0, 0));
}

static long op_dofork(const long *a)
{
	return madvise((void *)a[0], a[1] * getpagesize(), MADV_DOFORK) ?
	       -errno : 0;
}

/* Unless the process asks for it: then fork() itself is one more mapping. */
TEST_F(books, fork_inherits)
{
	struct test_env *e = &self->e;
	struct actor *a;
	long addr, ret;
	pid_t child;

	sh = e->sh;
	a = actor_start(e, env_uid(e), 64, 0);
	addr = actor_new(a, 9);
	ASSERT_GT(addr, 0);
	ret = actor_call(a, op_dofork, addr, 9, 0, 0, 0);
	if (ret)
		SKIP(return, "this kernel does not let a buffer be inherited");
	child = actor_call(a, op_fork_map, -1, 9, 0, 0, 0);
	ASSERT_GT(child, 0);
	wait_for(&sh->ready);
	VERIFY("inherited");
	EXPECT_EQ(2, buffer_num(a->pid, "data", 9, "maps"));
	EXPECT_EQ(9, mapped_pages(child));
	EXPECT_EQ(9, users_num(a->uid, "kernel"));
	ASSERT_EQ(0, actor_unmap(a, addr, 9));
	VERIFY("the parent has unmapped");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
	sh->go = 1;
	sh->stop = 1;
	ASSERT_EQ(0, actor_call(a, op_wait, child, 0, 0, 0, 0));
	VERIFY("the child has ended");
	EXPECT_EQ(0, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, buffers_count(a->pid, 0));
	EXPECT_EQ(0, lines_count("drifts", "uid", a->uid));
}

TEST_HARNESS_MAIN
