// SPDX-License-Identifier: GPL-2.0
/* Many at once: one user, one event, one process. */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/mman.h>

#include "perfmlock_fixture.h"

#define PROCS	8
#define THREADS	4

static struct shared *sh;

/* a[0]: which one; a[1]: exponent of the sizes, from and to a[2] */
static long op_loop(const long *a)
{
	unsigned int seed = a[0] + 1;
	long pages[4] = { 0 }, k;
	void *addr[4];
	int fd, i;

	while (!sh->go)
		pm_nap(100);
	while (!sh->stop) {
		i = rand_r(&seed) % 4;
		if (pages[i])
			pm_unmap(addr[i], pages[i]);
		k = a[1] + rand_r(&seed) % (a[2] - a[1] + 1);
		pages[i] = 1 + (1L << k);
		fd = pm_open(rand_r(&seed) % a[3], PERF_TYPE_SOFTWARE, PM_DUMMY,
			     -1);
		addr[i] = pm_map(fd, pages[i], 0);
		close(fd);
		if (addr[i] == MAP_FAILED) {
			pages[i] = 0;
			if (errno != EPERM)
				return -errno;
		}
		sh->count[a[0]]++;
	}
	for (i = 0; i < 4; i++)
		if (pages[i])
			pm_unmap(addr[i], pages[i]);
	return 0;
}

static long total(void)
{
	long sum = 0;
	int i;

	for (i = 0; i < MAX_ACTORS; i++)
		sum += sh->count[i];
	return sum;
}

FIXTURE(crowd)
{
	struct test_env e;
};

FIXTURE_VARIANT(crowd)
{
	long from, to;		/* sizes of 1 + 2^k pages */
	long rlimit;
	bool fits;		/* all of them below the limit, always */
};

/* 8 processes with 4 buffers each */
FIXTURE_VARIANT_ADD(crowd, all_fit)	{ 0, 1, 0, true };
FIXTURE_VARIANT_ADD(crowd, over_it)	{ 2, 5, UNLIMITED, false };
FIXTURE_VARIANT_ADD(crowd, refused)	{ 2, 6, 40, false };

FIXTURE_SETUP(crowd)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(crowd)
{
	EXPECT_EQ(0, env_close(&self->e));
}

/* Each record is right at all times, and in the end there is nothing. */
TEST_F(crowd, of_one_user)
{
	struct test_env *e = &self->e;
	struct actor *a[PROCS];
	struct table *t;
	uid_t uid = env_uid(e);
	int i, row, reads = 0;
	long enough = 2000;
	/* as before v5.4: U has all pages, whatever M has */
	bool twice = !variant->fits && env_charges_twice(e);

	sh = e->sh;
	for (i = 0; i < PROCS; i++) {
		a[i] = actor_start(e, uid, variant->rlimit, 0);
		actor_begin(a[i], op_loop, i, variant->from, variant->to,
			    e->cpus, 0);
	}
	if (variant->fits)
		ASSERT_LE(PROCS * 4 * 3, e->limit);
	sh->go = 1;
	while (total() < enough) {
		t = table_get("buffers");
		for (row = 0; row < table_rows(t); row++) {
			long long pages = table_num(t, row, "pages");

			if (table_num(t, row, "uid") != uid)
				continue;
			EXPECT_EQ(pages, table_num(t, row, "kernel_user") +
				  (twice ? 0 : table_num(t, row, "kernel_mm")));
			EXPECT_EQ(pages, table_num(t, row, "correct_user") +
				  table_num(t, row, "correct_mm"));
			EXPECT_LE(0, table_num(t, row, "kernel_user"));
			EXPECT_LE(0, table_num(t, row, "kernel_mm"));
			EXPECT_EQ(1, table_num(t, row, "maps"));
			if (variant->fits) {
				EXPECT_EQ(pages, table_num(t, row, "kernel_user"));
				EXPECT_EQ(pages, table_num(t, row, "correct_user"));
			}
		}
		table_put(t);
		reads++;
		pm_nap(1000);
	}
	sh->stop = 1;
	for (i = 0; i < PROCS; i++)
		ASSERT_EQ(0, actor_end(a[i]));
	TH_LOG("%ld calls, %d readings", total(), reads);
	ASSERT_EQ(0, status_num("missed"));
	ASSERT_EQ(0, oracle(a[0]->pid).user);
	VERIFY("over");
	EXPECT_EQ(0, users_num(uid, "buffers"));
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(0, users_num(uid, "drift"));
	for (i = 0; i < PROCS; i++)
		EXPECT_EQ(0, mms_num(a[i]->pid, "kernel"));
	if (variant->fits)
		EXPECT_EQ(0, lines_count("drifts", "uid", uid));
}

/* a[0]: which one; a[1]: type of a PMU with an AUX area */
static long op_rings_and_areas(const long *a)
{
	struct { int fd; void *data, *area; long pages, aux; } r[4] = { 0 };
	long page = sysconf(_SC_PAGESIZE);
	unsigned int seed = a[0] + 1;
	int i;

	while (!sh->go)
		pm_nap(100);
	while (!sh->stop) {
		struct perf_event_mmap_page *head;

		i = rand_r(&seed) % 4;
		head = r[i].data;
		if (!r[i].data && !r[i].area) {
			r[i].pages = 1 + (1L << rand_r(&seed) % 5);
			r[i].fd = pm_open(0, a[1], 0, -1);
			r[i].data = pm_map(r[i].fd, r[i].pages, 0);
			if (r[i].data == MAP_FAILED) {
				r[i].data = NULL;
				if (errno != EPERM)
					return -errno;
			}
		} else if (r[i].data && !r[i].area && rand_r(&seed) % 2) {
			if (!head->aux_size) {
				head->aux_offset = r[i].pages * page;
				/* up to v5.14 one page is too small */
				head->aux_size = page << (1 + rand_r(&seed) % 5);
			}
			r[i].aux = head->aux_size / page;
			r[i].area = pm_map(r[i].fd, r[i].aux, r[i].pages);
			if (r[i].area == MAP_FAILED) {
				r[i].area = NULL;
				if (errno != EPERM)
					return -errno;
			}
		} else if (r[i].area && rand_r(&seed) % 2) {
			pm_unmap(r[i].area, r[i].aux);
			r[i].area = NULL;
		} else if (r[i].data) {
			pm_unmap(r[i].data, r[i].pages);
			r[i].data = NULL;
		}
		if (!r[i].data && !r[i].area)
			close(r[i].fd);
		sh->count[a[0]]++;
	}
	for (i = 0; i < 4; i++) {
		if (r[i].area)
			pm_unmap(r[i].area, r[i].aux);
		if (r[i].data)
			pm_unmap(r[i].data, r[i].pages);
	}
	return 0;
}

/*
 * Nobody shares anything: no kernel since v5.5 makes a mistake with that, whoever
 * gives pages back, or is refused, beside whom.
 */
TEST_F(books, rings_and_areas_beside_refusals)
{
	struct test_env *e = &self->e;
	static const long rlimits[] = { 0, 20, UNLIMITED };
	struct actor *filler, *a[PROCS];
	long long wrongly, other;
	uid_t uid = env_uid(e);
	int i;

	if (!auxpmu_ready())
		SKIP(return, "no perfmlock_auxpmu.ko to load");
	if (env_charges_twice(e))
		SKIP(return, "this kernel charges twice");
	sh = e->sh;
	filler = actor_start(e, uid, 0, 0);
	ASSERT_EQ(0, actor_fill(filler, e->limit - 40));
	wrongly = status_num("wrongly_denied");
	other = status_num("other_eperm");
	for (i = 0; i < PROCS; i++) {
		a[i] = actor_start(e, uid, rlimits[i % 3], 0);
		actor_begin(a[i], op_rings_and_areas, i, auxpmu_type(), 0, 0, 0);
	}
	sh->go = 1;
	while (total() < 10000)
		pm_nap(1000);
	sh->stop = 1;
	for (i = 0; i < PROCS; i++)
		ASSERT_EQ(0, actor_end(a[i]));
	ASSERT_EQ(0, status_num("missed"));
	VERIFY("over");
	EXPECT_EQ(e->limit - 40, users_num(uid, "kernel"));
	EXPECT_EQ(e->limit - 40, users_num(uid, "correct"));
	EXPECT_LT(0, users_num(uid, "denied"));
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
	if (lines_count("drifts", "uid", uid))
		note("%s", line_last("drifts", "uid", uid));
	EXPECT_EQ(wrongly, status_num("wrongly_denied"));
	EXPECT_EQ(other, status_num("other_eperm"));
}

static long op_denied(const long *a)
{
	void *addr;
	int fd;
	long i;

	while (!sh->go)
		pm_nap(100);
	for (i = 0; i < a[0]; i++) {
		fd = pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
		addr = pm_map(fd, 9, 0);
		close(fd);
		if (addr != MAP_FAILED || errno != EPERM)
			return -1;
	}
	return 0;
}

TEST_F(books, everyone_refused)
{
	struct test_env *e = &self->e;
	struct actor *filler, *a[PROCS];
	uid_t uid = env_uid(e);
	int i;

	sh = e->sh;
	filler = actor_start(e, uid, 0, 0);
	ASSERT_EQ(0, actor_fill(filler, e->limit));
	for (i = 0; i < PROCS; i++) {
		a[i] = actor_start(e, uid, 8, 0);
		actor_begin(a[i], op_denied, 20, 0, 0, 0, 0);
	}
	sh->go = 1;
	for (i = 0; i < PROCS; i++)
		ASSERT_EQ(0, actor_end(a[i]));
	VERIFY("over");
	EXPECT_EQ(PROCS * 20, users_num(uid, "denied"));
	EXPECT_EQ(0, users_num(uid, "wrongly_denied"));
	EXPECT_EQ(PROCS * 20, lines_sum("denials", "uid", uid, "times"));
	for (i = 0; i < PROCS; i++)
		EXPECT_EQ(20, mms_num(a[i]->pid, "denied"));
}

/* a[0]: fd; a[1]: how often; a[2]: which one */
static long op_same_fd(const long *a)
{
	void *addr;
	long i;

	while (!sh->go)
		pm_nap(100);
	for (i = 0; i < a[1]; i++) {
		addr = pm_map(a[0], 9, 0);
		if (addr == MAP_FAILED)
			return -errno;
		sh->count[a[2]]++;
		pm_unmap(addr, 9);
	}
	return 0;
}

/*
 * The kernel may lose an uncharge when two close the same event at once; or
 * leak with each re-map. What was lost stays until the user is gone. The right
 * books lose nothing.
 */
static void expect_loss(struct test_env *e, struct actor *a, struct actor *b)
{
	struct raw raw = oracle(a->pid);
	long long mm = raw.mm + (b ? oracle(b->pid).mm : 0);

	if ((raw.user || mm) && !e->leak_user)
		note("this kernel lost an uncharge: %lld pages of the user, %lld of the mms",
		     raw.user, mm);
	e->leak_user = true;
	e->leak_mm = true;
}

/* The last munmap of one races with the mmap of the other. */
TEST_F(books, one_event_two_processes)
{
	struct test_env *e = &self->e;
	struct actor *a, *b;
	long long kernel;
	uid_t uid;
	int fd;

	sh = e->sh;
	env_remap_leaks(e);
	uid = env_uid(e);
	a = actor_start(e, uid, UNLIMITED, 0);
	b = actor_start(e, uid, UNLIMITED, 0);
	fd = actor_open(a, 0);
	ASSERT_GE(fd, 0);
	actor_begin(b, op_same_fd, actor_give(a, fd, b), 100, 1, 0, 0);
	actor_begin(a, op_same_fd, fd, 100, 0, 0, 0);
	sh->go = 1;
	/* a negative VmPin, when leaks have filled the allowance, refuses */
	kernel = actor_end(a);
	ASSERT_TRUE(!kernel || kernel == -EPERM);
	kernel = actor_end(b);
	ASSERT_TRUE(!kernel || kernel == -EPERM);
	expect_loss(e, a, b);
	VERIFY("over");
	EXPECT_EQ(0, buffers_count(0, uid));
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(oracle(a->pid).user, users_num(uid, "kernel"));
	EXPECT_EQ(0, mms_num(a->pid, "correct"));
	EXPECT_EQ(0, mms_num(b->pid, "correct"));
}

static void *thread_same_fd(void *arg)
{
	return (void *)op_same_fd(arg);
}

static long op_threads(const long *a)
{
	pthread_t thread[THREADS];
	void *ret;
	long bad = 0;
	int i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, thread_same_fd, (void *)a))
			return -EAGAIN;
	sh->go = 1;
	for (i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &ret);
		bad = (long)ret ?: bad;
	}
	return bad;
}

TEST_F(books, one_event_many_threads)
{
	struct test_env *e = &self->e;
	struct actor *a;
	int fd;

	sh = e->sh;
	env_remap_leaks(e);
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	fd = actor_open(a, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, actor_call(a, op_threads, fd, 40, 0, 0, 0));
	expect_loss(e, a, NULL);
	VERIFY("over");
	EXPECT_EQ(0, buffers_count(a->pid, 0));
	EXPECT_EQ(0, users_num(a->uid, "correct"));
	EXPECT_EQ(0, mms_num(a->pid, "correct"));
}

static void *thread_refused(void *arg)
{
	int fd = pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);

	(void)arg;
	return pm_map(fd, 9, 0) == MAP_FAILED ? (void *)(long)-errno : NULL;
}

static long op_thread_refused(const long *a)
{
	pthread_t thread;
	void *ret;

	(void)a;
	if (pthread_create(&thread, NULL, thread_refused, NULL) ||
	    pthread_join(thread, &ret))
		return 0;
	return (long)ret;
}

/* A refusal of a thread is one of its process. */
TEST_F(books, thread_refused)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(-EPERM, actor_call(a, op_thread_refused, 0, 0, 0, 0, 0));
	EXPECT_EQ(1, lines_count("denials", "pid", a->pid));
	EXPECT_EQ(1, mms_num(a->pid, "denied"));
}

/*
 * One call stands still in the middle while others of the same user pass it.
 * The AUX PMU makes it stand: what it sees of the user's counter before and
 * after is mostly the others' doing.
 */
FIXTURE(overlap)
{
	struct test_env e;
	struct actor *slow, *fast;
	uid_t uid;
	long data;
	int fd;
};

FIXTURE_SETUP(overlap)
{
	struct test_env *e = &self->e;

	env_open(e);
	e->exotic = true;
	if (!auxpmu_ready())
		die("no perfmlock_auxpmu.ko to load");
	self->uid = env_uid(e);
	self->slow = actor_start(e, self->uid, UNLIMITED, 0);
	self->fast = actor_start(e, self->uid, UNLIMITED, 0);
	self->fd = actor_open_aux(self->slow);
	self->data = actor_map(self->slow, self->fd, 5);
	if (self->data < 0)
		die("cannot map 5 pages");
}

FIXTURE_TEARDOWN(overlap)
{
	auxpmu_set("delay_ms", 0);
	auxpmu_set("unmap_delay_ms", 0);
	auxpmu_set("go_on", 1);
	EXPECT_EQ(0, env_close(&self->e));
	auxpmu_set("go_on", 0);
}

TEST_F(overlap, mmap_of_others)
{
	struct test_env *e = &self->e;
	long long user, mm;
	long aux;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	auxpmu_stand(self->slow, self->fd, self->data, 5, 16);
	ASSERT_GT(actor_new(self->fast, 9), 0);
	aux = auxpmu_go_on(self->slow);
	ASSERT_GT(aux, 0);
	VERIFY("both mapped");
	EXPECT_EQ(9, buffer_num(self->fast->pid, "data", 9, "kernel_user"));
	EXPECT_EQ(16, buffer_num(self->slow->pid, "aux", 16, "kernel_user"));
	EXPECT_EQ(16, buffer_num(self->slow->pid, "aux", 16, "correct_user"));

	/* across the limit */
	ASSERT_EQ(0, actor_unmap(self->slow, aux, 16));
	ASSERT_EQ(0, actor_fill(self->fast, e->limit - 5 - 9 - 10));
	auxpmu_stand(self->slow, self->fd, self->data, 5, 32);
	ASSERT_EQ(0, actor_unmap_all(self->fast));
	aux = auxpmu_go_on(self->slow);
	ASSERT_GT(aux, 0);
	VERIFY("the others have unmapped");
	user = buffer_num(self->slow->pid, "aux", 32, "kernel_user");
	mm = buffer_num(self->slow->pid, "aux", 32, "kernel_mm");
	EXPECT_EQ(oracle(self->slow->pid).mm, mm);
	EXPECT_EQ(32, user + mm);
	EXPECT_EQ(5 + user, users_num(self->uid, "kernel"));
}

/* The others come and go again, or are refused. */
TEST_F(overlap, mmap_and_munmap_of_others)
{
	long addr, aux;
	int i;

	auxpmu_stand(self->slow, self->fd, self->data, 5, 16);
	for (i = 0; i < 5; i++) {
		addr = actor_new(self->fast, 17);
		ASSERT_GT(addr, 0);
		ASSERT_EQ(0, actor_unmap(self->fast, addr, 17));
	}
	EXPECT_EQ(-EINVAL, actor_new(self->fast, 8));
	aux = auxpmu_go_on(self->slow);
	ASSERT_GT(aux, 0);
	VERIFY("over");
	EXPECT_EQ(16, buffer_num(self->slow->pid, "aux", 16, "kernel_user"));
	EXPECT_EQ(21, users_num(self->uid, "kernel"));
}

TEST_F(overlap, munmap_of_others)
{
	struct test_env *e = &self->e;
	long addr;

	ASSERT_EQ(0, actor_fill(self->fast, e->limit - 5 - 3));
	addr = actor_new(self->fast, 9);
	ASSERT_GT(addr, 0);
	ASSERT_EQ(6, mms_num(self->fast->pid, "kernel"));
	/* stands in the close, before anything is given back */
	auxpmu_stand_unmap(self->slow, self->data, 5);
	ASSERT_EQ(0, actor_unmap(self->fast, addr, 9));
	ASSERT_GT(actor_new(self->fast, 2), 0);
	ASSERT_EQ(0, auxpmu_go_on(self->slow));
	VERIFY("both unmapped");
	EXPECT_EQ(e->limit - 6, users_num(self->uid, "kernel"));
	EXPECT_EQ(0, buffers_count(self->slow->pid, 0));
	EXPECT_EQ(0, users_num(self->uid, "drift"));
}

TEST_HARNESS_MAIN
