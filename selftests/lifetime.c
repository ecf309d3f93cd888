// SPDX-License-Identifier: GPL-2.0
/* Processes and users that end, and what is left of them: nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdalign.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "perfmlock_fixture.h"

static struct shared *sh;

/* Map and unmap all sizes until somebody says stop, or worse. */
static long op_loop(const long *a)
{
	unsigned int seed = a[0];
	int fd;
	void *addr;
	long n;

	while (!sh->stop) {
		fd = pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
		n = 1 + (1 << rand_r(&seed) % 5);
		addr = pm_map(fd, n, 0);
		close(fd);
		if (addr == MAP_FAILED)
			return -errno;
		sh->count[a[1]]++;
		/* leave some to the exit */
		if (rand_r(&seed) % 8 || sh->count[a[1]] > 100)
			pm_unmap(addr, n);
	}
	return 0;
}

TEST_F(books, sigkill_while_mapping)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *watch = actor_start(e, uid, 0, 0);
	struct actor *a;
	pid_t pid;
	int i;

	sh = e->sh;
	for (i = 0; i < 20; i++) {
		sh->count[0] = 0;
		a = actor_start(e, uid, UNLIMITED, 0);
		pid = a->pid;
		actor_begin(a, op_loop, i + 1, 0, 0, 0, 0);
		while (!sh->count[0])
			pm_nap(500);
		pm_nap(i * 700);
		actor_kill(a);
		e->nr_actors--;
		EXPECT_TRUE(eventually(!buffers_count(pid, 0)));
		EXPECT_TRUE(eventually(!mms_has(pid, "alive") &&
				       !mms_has(pid, "exited")));
		ASSERT_EQ(0, oracle(watch->pid).user);
		VERIFY("killed");
		ASSERT_EQ(0, users_num(uid, "kernel"));
		ASSERT_EQ(0, users_num(uid, "correct"));
		ASSERT_EQ(0, users_num(uid, "buffers"));
	}
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
}

/* Exit closes what was not unmapped, also what is over the limit. */
TEST_F(books, exit_with_buffers)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *watch = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	pid_t pid = a->pid;
	int i;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	for (i = 0; i < 50; i++)
		ASSERT_GT(actor_new(a, 2), 0);
	VERIFY("mapped");
	EXPECT_EQ(100, mms_num(pid, "kernel"));
	actor_exit(a);
	EXPECT_TRUE(eventually(!buffers_count(pid, 0)));
	EXPECT_TRUE(eventually(!mms_has(pid, "alive") &&
			       !mms_has(pid, "exited")));
	EXPECT_EQ(0, oracle(watch->pid).user);
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
}

static long op_exec(const long *a)
{
	char var[64];
	char *const argv[] = { "pm_exec", NULL };
	char *const envp[] = { var, NULL };
	int sock = a[0];

	/* the new program answers on the same socket */
	fcntl(sock, F_SETFD, 0);
	snprintf(var, sizeof(var), "PERFMLOCK_TEST_EXEC=%d", sock);
	execve("/proc/self/exe", argv, envp);
	return -errno;
}

static long op_nop(const long *a)
{
	return a[0];
}

/* exec() unmaps everything and is a new mm under the same pid. */
TEST_F(books, exec)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *watch = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	int sock = actor_call(a, actor_own_sock, 0, 0, 0, 0, 0);

	ASSERT_EQ(0, actor_fill(a, e->limit - 5));
	ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("mapped");
	EXPECT_EQ(4, mms_num(a->pid, "kernel"));
	actor_begin(a, op_exec, sock, 0, 0, 0, 0);
	pm_nap(1000);
	/* the address of a function is the same in a static program */
	actor_begin(a, op_nop, 7, 0, 0, 0, 0);
	ASSERT_EQ(7, actor_end(a));
	VERIFY("executed");
	EXPECT_EQ(0, buffers_count(a->pid, 0));
	EXPECT_EQ(0, oracle(watch->pid).user);
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_TRUE(eventually(!mms_has(a->pid, "exited")));

	ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("mapped by the new program");
	EXPECT_EQ(9, users_num(uid, "kernel"));
	EXPECT_EQ(0, mms_num(a->pid, "kernel"));
}

static void *thread_maps(void *arg)
{
	long n = (long)arg;
	int fd = pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
	void *addr = pm_map(fd, n, 0);

	close(fd);
	return addr == MAP_FAILED ? NULL : addr;
}

static long op_thread_maps(const long *a)
{
	pthread_t thread;
	void *addr;

	if (pthread_create(&thread, NULL, thread_maps, (void *)a[0]) ||
	    pthread_join(thread, &addr))
		return -EAGAIN;
	return (long)addr;
}

/* A thread's buffer is its process's, and stays when the thread is gone. */
TEST_F(books, thread_ends)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	long addr = actor_call(a, op_thread_maps, 9, 0, 0, 0, 0);

	ASSERT_GT(addr, 0);
	VERIFY("the thread has ended");
	EXPECT_EQ(1, buffers_count(a->pid, 0));
	EXPECT_EQ(9, users_num(a->uid, "kernel"));
	EXPECT_TRUE(mms_has(a->pid, "alive"));
	ASSERT_EQ(0, actor_unmap(a, addr, 9));
	VERIFY("unmapped");
	EXPECT_EQ(0, buffers_count(a->pid, 0));
}

static long vm_addr;
static alignas(64) char vm_stack[65536];

static int vm_child(void *arg)
{
	vm_addr = (long)thread_maps(arg);
	return 0;
}

static long op_clone_vm(const long *a)
{
	pid_t pid = clone(vm_child, vm_stack + sizeof(vm_stack),
			  CLONE_VM | SIGCHLD, (void *)a[0]);

	if (pid < 0 || waitpid(pid, NULL, 0) != pid)
		return -errno;
	return vm_addr;
}

/* Another process with the same mm: the books are of the mm. */
TEST_F(books, shared_mm)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	struct table *t;
	int row, rows;
	long addr;

	addr = actor_call(a, op_clone_vm, 9, 0, 0, 0, 0);
	ASSERT_GT(addr, 0);
	EXPECT_EQ(9, users_num(a->uid, "kernel"));
	EXPECT_EQ(9, users_num(a->uid, "correct"));
	EXPECT_EQ(1, buffers_count(0, a->uid));
	/* who maps next joins the same record */
	ASSERT_GT(actor_new(a, 5), 0);
	t = table_get("mms");
	for (row = rows = 0; row < table_rows(t); row++)
		if (table_num(t, row, "uid") == a->uid)
			rows++;
	table_put(t);
	EXPECT_EQ(1, rows);
	EXPECT_EQ(14, oracle(a->pid).user);
	ASSERT_EQ(0, actor_unmap(a, addr, 9));
	EXPECT_EQ(5, users_num(a->uid, "kernel"));
	EXPECT_EQ(1, buffers_count(0, a->uid));
	/* the record may go by the name of the process that is gone */
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_EQ(0, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, oracle(a->pid).user);
}

/* The record of a user goes with the last process, and so do its counts. */
TEST_F(books, user_ends)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 0, 0);
	struct actor *b = actor_start(e, uid, 0, 0);

	ASSERT_EQ(0, actor_fill(a, e->limit));
	EXPECT_EQ(-EPERM, actor_new(a, 9));
	ASSERT_EQ(0, actor_unmap_all(a));
	actor_exit(a);
	pm_nap(1000000);
	EXPECT_TRUE(users_has(uid));
	EXPECT_EQ(1, users_num(uid, "denied"));
	actor_exit(b);
	ASSERT_TRUE(user_goes(uid));

	/* the same uid again is a new user */
	a = actor_start(e, uid, 64, 0);
	ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("the next one of that uid");
	EXPECT_EQ(9, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "denied"));
	EXPECT_EQ(0, users_num(uid, "foreign"));
}

/* A leak of the kernel ends with the user, and not later because of us. */
TEST_F(books, leak_ends_with_user)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a;
	int fd;

	if (!env_remap_leaks(e))
		SKIP(return, "this kernel does not leak");
	a = actor_start(e, uid, 0, 0);
	fd = actor_open(a, 0);
	ASSERT_GT(actor_map(a, fd, 9), 0);
	ASSERT_GT(actor_map(a, fd, 9), 0);
	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("leaked");
	EXPECT_EQ(9, users_num(uid, "kernel"));
	EXPECT_EQ(9, users_num(uid, "drift"));
	EXPECT_EQ(0, users_num(uid, "correct"));
	actor_exit(a);
	ASSERT_TRUE(user_goes(uid));
	a = actor_start(e, uid, 0, 0);
	EXPECT_TRUE(eventually(oracle(a->pid).user == 0));
	ASSERT_GT(actor_new(a, 5), 0);
	VERIFY("the next one of that uid");
	EXPECT_EQ(5, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "drift"));
}

TEST_HARNESS_MAIN
