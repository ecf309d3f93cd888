// SPDX-License-Identifier: GPL-2.0
/* Whoever stands still, or dies in the middle, keeps nothing of ours, nor we of his. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "perfmlock_fixture.h"

static struct shared *sh;

#define NO_PMU	"no perfmlock_auxpmu.ko to load"

/*
 * One process stands inside mmap(), with its mmap_lock held for writing, for as
 * long as it likes: a page cache that waits for a server of the user's own (FUSE,
 * NFS) can do that, here it is the test PMU.
 */
FIXTURE(stuck)
{
	struct test_env e;
	struct actor *a;
	uid_t uid;
	bool ready;
	long data;
	int fd;
};

FIXTURE_SETUP(stuck)
{
	struct test_env *e = &self->e;

	env_open(e);
	sh = e->sh;
	e->exotic = true;
	self->ready = auxpmu_ready();
	if (!self->ready)
		return;
	self->uid = env_uid(e);
	self->a = actor_start(e, self->uid, UNLIMITED, 0);
	self->fd = actor_open_aux(self->a);
	self->data = actor_map(self->a, self->fd, 5);
	if (self->data < 0)
		die("cannot map 5 pages");
}

FIXTURE_TEARDOWN(stuck)
{
	auxpmu_set("delay_ms", 0);
	auxpmu_set("go_on", 1);
	if (self->a && self->a->busy)
		actor_end(self->a);
	if (!module_loaded("perfmlock"))
		EXPECT_EQ(0, books_load(""));
	EXPECT_EQ(0, env_close(&self->e));
	auxpmu_set("go_on", 0);
}

static void stand(struct actor *a, int fd, long data)
{
	auxpmu_stand(a, fd, data, 5, 16);
}

static long shared_memory_kb(void)
{
	char *text = slurp("/proc/meminfo"), *p;
	long kb = -1;

	p = text ? strstr(text, "\nShmem:") : NULL;
	if (!p || sscanf(p, "\nShmem: %ld", &kb) != 1)
		die("/proc/meminfo has no Shmem");
	free(text);
	return kb;
}

/* Neither a load nor an unload waits for it; its buffers are found later. */
TEST_F(stuck, load_beside_a_stuck_mmap)
{
	struct test_env *e = &self->e;
	struct actor *a = self->a, *other;
	long aux, nine;
	int i;

	if (!self->ready)
		SKIP(return, NO_PMU);
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	other = actor_start(e, env_uid(e), 0, 0);
	nine = actor_new(other, 9);
	ASSERT_GT(nine, 0);
	stand(a, self->fd, self->data);
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, books_unload());
		EXPECT_FALSE(actor_done(a));
		ASSERT_EQ(0, books_load(""));
		EXPECT_FALSE(actor_done(a));
		if (actor_done(a))
			break;
	}
	free(slurp_books("status"));
	/* it hides nobody else */
	EXPECT_TRUE(eventually(buffer_has(other->pid, "data", 9)));
	EXPECT_FALSE(actor_done(a));
	/* a read of its maps would wait for it: no VERIFY here */
	EXPECT_EQ(9, users_num(other->uid, "foreign"));
	EXPECT_TRUE(eventually(status_num("busy") > 0));
	EXPECT_FALSE(actor_done(a));

	aux = auxpmu_go_on(a);
	ASSERT_GT(aux, 0);
	EXPECT_TRUE(eventually(buffer_has(a->pid, "data", 5)));
	EXPECT_TRUE(eventually(buffer_has(a->pid, "aux", 16)));
	EXPECT_TRUE(eventually(!status_num("busy")));
	a->foreign_user = 21;
	other->foreign_user = 9;
	VERIFY("it has gone on");
	ASSERT_EQ(0, actor_unmap_all(a));
	ASSERT_EQ(0, actor_unmap(other, nine, 9));
	a->foreign_user = 0;
	other->foreign_user = 0;
	VERIFY("unmapped");
}

/* The same without a word of status, that is without what it has since. */
TEST_F(stuck, unload_beside_a_stuck_mmap)
{
	struct actor *a = self->a;

	if (!self->ready)
		SKIP(return, NO_PMU);
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	stand(a, self->fd, self->data);
	ASSERT_EQ(0, books_unload());
	EXPECT_FALSE(actor_done(a));
	EXPECT_FALSE(module_loaded("perfmlock"));
	ASSERT_GT(auxpmu_go_on(a), 0);
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_EQ(0, oracle(a->pid).user);
	ASSERT_EQ(0, books_load(""));
	VERIFY("loaded");
}

#define FAT_MB	100L

/* In a file without a name: it is freed when the last that maps it has gone. */
static long op_fat(const long *a)
{
	size_t len = a[0] << 20;
	int fd = syscall(SYS_memfd_create, "fat", 0);
	void *mem;

	if (fd < 0 || ftruncate(fd, len))
		return -errno;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		   fd, 0);
	close(fd);
	return mem == MAP_FAILED ? -errno : 0;
}

static long op_load(const long *a)
{
	(void)a;
	return books_load("");
}

/* What a walk waits for at one process is not kept from all the others. */
TEST_F(stuck, memory_of_the_dead)
{
	struct test_env *e = &self->e;
	struct actor *a = self->a, *loader, *before, *after;
	uid_t uid;
	long kb;

	if (!self->ready)
		SKIP(return, NO_PMU);
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	uid = env_uid(e);
	loader = actor_start(e, 0, UNLIMITED, ACTOR_ALL);
	before = actor_start(e, uid, UNLIMITED, 0);
	after = actor_start(e, uid, UNLIMITED, 0);
	kb = shared_memory_kb();
	ASSERT_EQ(0, actor_call(before, op_fat, FAT_MB, 0, 0, 0, 0));
	ASSERT_EQ(0, actor_call(after, op_fat, FAT_MB, 0, 0, 0, 0));
	ASSERT_GT(actor_new(before, 9), 0);
	ASSERT_GT(actor_new(after, 9), 0);
	stand(a, self->fd, self->data);
	ASSERT_EQ(0, books_unload());
	actor_begin(loader, op_load, 0, 0, 0, 0, 0);
	/* it has ended: it waits for nobody */
	EXPECT_TRUE(eventually(actor_done(loader)));
	/* others may have given back some meanwhile */
	ASSERT_GE(shared_memory_kb() - kb, 3 * FAT_MB * 1024 / 2);

	actor_kill(before);
	actor_kill(after);
	EXPECT_TRUE(eventually(shared_memory_kb() - kb < FAT_MB * 1024 / 2));
	EXPECT_FALSE(actor_done(a));
	ASSERT_EQ(0, actor_end(loader));
	EXPECT_TRUE(user_goes(uid));
	EXPECT_FALSE(actor_done(a));
	ASSERT_GT(auxpmu_go_on(a), 0);
	EXPECT_TRUE(eventually(buffer_has(a->pid, "aux", 16)));
	a->foreign_user = 21;
	VERIFY("it has gone on");
	ASSERT_EQ(0, actor_unmap_all(a));
	a->foreign_user = 0;
}

/* Nothing but that for which it waits ends this sleep. */
#define IS_STUCK(a) (actor_state(a) == 'D')

#define ROUNDS	24
#define MEETINGS 3

/*
 * An event that had no ring when its mmap() began can have another's when it
 * gets its mutex. That ring lives: its row, too.
 *
 * Whoever sets the output takes both events' mutexes, the one with the lower
 * address first, and waits for the other, which the stuck mmap() has; the mmap()
 * of the new event waits for him. Every other time the addresses are so.
 */
TEST_F(stuck, output_set_beside_mmap)
{
	struct test_env *e = &self->e;
	struct actor *a = self->a, *setter, *mapper;
	int old, new, theirs, ring, i, met = 0;
	long data, aux, addr, ret;
	bool leaks, shared;
	long long stale;

	if (!self->ready)
		SKIP(return, NO_PMU);
	leaks = env_remap_leaks(e);
	e->leak_mm = leaks;
	setter = actor_start(e, self->uid, UNLIMITED, 0);
	mapper = actor_start(e, self->uid, UNLIMITED, 0);
	stale = status_num("stale");
	for (i = 0; i < ROUNDS && met < MEETINGS; i++) {
		/* none is closed: the next ones have other addresses */
		old = actor_open_aux(a);
		new = actor_open(a, 0);
		data = actor_map(a, old, 3);
		ASSERT_GT(data, 0);
		ring = actor_give(a, old, setter);
		theirs = actor_give(a, new, setter);
		new = actor_give(a, new, mapper);
		auxpmu_stand(a, old, data, 3, 16);
		actor_begin(setter, op_set_output, theirs, ring, 0, 0, 0);
		ASSERT_TRUE(eventually(actor_done(setter) || IS_STUCK(setter)));
		actor_begin_map(mapper, new, 3);
		ASSERT_TRUE(eventually(actor_done(mapper) || IS_STUCK(mapper)));
		met += !actor_done(mapper);
		aux = auxpmu_go_on(a);
		ASSERT_GT(aux, 0);
		ret = actor_end(setter);
		addr = actor_end(mapper);
		/* some kernels do not let an event map what is another's */
		if (addr != -EBUSY || ret)
			ASSERT_GT(addr, 0);
		shared = !ret && addr > 0;

		EXPECT_EQ(stale, status_num("stale"));
		EXPECT_TRUE(buffer_has(a->pid, "data", 3));
		if (buffer_has(a->pid, "data", 3)) {
			/* an AUX area holds the data as well */
			EXPECT_EQ(shared ? 3 : 2,
				  buffer_num(a->pid, "data", 3, "maps"));
			EXPECT_EQ(3, buffer_num(a->pid, "data", 3,
						"correct_user"));
		}
		EXPECT_EQ(ret != 0, buffer_has(mapper->pid, "data", 3));
		VERIFY("mapped");
		ASSERT_EQ(0, actor_unmap(a, aux, 16));
		/* one goes, or the other */
		if (i % 2)
			ret = actor_unmap(a, data, 3);
		else
			ret = addr > 0 ? actor_unmap(mapper, addr, 3) : 0;
		ASSERT_EQ(0, ret);
		EXPECT_EQ(i % 2 == 0 || shared, buffer_has(a->pid, "data", 3));
		if (buffer_has(a->pid, "data", 3)) {
			EXPECT_EQ(1, buffer_num(a->pid, "data", 3, "maps"));
			EXPECT_EQ(3, buffer_num(a->pid, "data", 3,
						"correct_user"));
		}
		VERIFY("one is left");
		ASSERT_EQ(0, actor_unmap_all(a));
		ASSERT_EQ(0, actor_unmap_all(mapper));
		EXPECT_EQ(0, buffers_count(0, self->uid));
	}
	TH_LOG("%d of %d times the output was set first", met, i);
	if (!leaks)
		EXPECT_EQ(0, lines_count("drifts", "owner_uid", self->uid));
	EXPECT_EQ(0, lines_of_cause(self->uid, "lost-uncharge"));
	EXPECT_EQ(0, lines_of_cause(self->uid, "unexplained"));
	EXPECT_EQ(stale, status_num("stale"));
	if (!met)
		SKIP(return, "the output was never set first");
}

static void load_again(void)
{
	if (!module_loaded("perfmlock") && books_load(""))
		die("cannot load the module again");
}

FIXTURE(loaded)
{
	struct test_env e;
};

FIXTURE_SETUP(loaded)
{
	env_open(&self->e);
	sh = self->e.sh;
}

FIXTURE_TEARDOWN(loaded)
{
	load_again();
	EXPECT_EQ(0, env_close(&self->e));
}

/*
 * That kprobes are off is told to whoever asks, and nothing is done about it: one
 * walk when they are on again, however often somebody asked, and books as exact as
 * they were.
 */
TEST_F(loaded, reader_changes_nothing)
{
	static const char off[] = "\nhook_perf_mmap: off ";
	long long walks;
	char *text;
	int i;

	if (access(KPROBES_ENABLED, W_OK))
		SKIP(return, "no " KPROBES_ENABLED);
	if (module_path("perfmlock")) {
		ASSERT_EQ(0, books_unload());
		ASSERT_EQ(0, books_load(""));
	}
	EXPECT_TRUE(eventually(!status_num("careful")));
	/* what the load began has ended */
	do {
		walks = status_num("walks");
		pm_nap(500000);
	} while (walks != status_num("walks"));
	set_kprobes(false);
	for (i = 0; i < 10; i++) {
		text = slurp_books("status");
		EXPECT_NE(NULL, strstr(text, off));
		EXPECT_NE(NULL, strstr(text, "\ncareful: 0\n"));
		free(text);
		pm_nap(100000);
	}
	EXPECT_EQ(walks, status_num("walks"));
	set_kprobes(true);
	for (i = 0; i < 10; i++) {
		free(slurp_books("status"));
		pm_nap(200000);
	}
	EXPECT_TRUE(eventually(!status_num("careful")));
	EXPECT_LE(status_num("walks"), walks + 1);
}

/* as long as the module says, at most: a minute */
#define IN_ITS_OWN_TIME	75

FIXTURE(unwatched)
{
	struct test_env e;
};

FIXTURE_SETUP(unwatched)
{
	env_open(&self->e);
	sh = self->e.sh;
}

FIXTURE_TEARDOWN(unwatched)
{
	if (!access(KPROBES_ENABLED, W_OK))
		set_kprobes(true);
	EXPECT_EQ(0, env_close(&self->e));
}

/*
 * Who exits while the probes are off is found out although nobody asks for the
 * status, and although somebody has a file of the dead one open.
 */
TEST_F(unwatched, exit_while_kprobes_are_off)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a, *lives;
	char path[64];
	int held, i;

	if (access(KPROBES_ENABLED, W_OK))
		SKIP(return, "no " KPROBES_ENABLED);
	a = actor_start(e, uid, UNLIMITED, 0);
	lives = actor_start(e, uid, UNLIMITED, 0);
	ASSERT_GT(actor_new(a, 3), 0);
	ASSERT_GT(actor_new(lives, 5), 0);
	VERIFY("mapped");
	snprintf(path, sizeof(path), "/proc/%d/maps", a->pid);
	held = open(path, O_RDONLY | O_CLOEXEC);
	ASSERT_GE(held, 0);
	set_kprobes(false);
	actor_exit(a);
	ASSERT_EQ(5, oracle(lives->pid).user);
	set_kprobes(true);
	for (i = 0; i < IN_ITS_OWN_TIME && buffers_count(a->pid, 0); i++)
		pm_nap(1000000);
	TH_LOG("after %d s", i);
	EXPECT_EQ(0, buffers_count(a->pid, 0));
	EXPECT_EQ(1, buffers_count(lives->pid, 0));
	EXPECT_TRUE(eventually(!status_num("careful")));
	EXPECT_EQ(5, users_num(uid, "kernel"));
	EXPECT_EQ(5, users_num(uid, "correct"));
	EXPECT_EQ(0, users_num(uid, "foreign"));
	EXPECT_EQ(0, lines_count("drifts", "owner_uid", uid));
	close(held);
	VERIFY("over");
}

static long child_maps(const long *a)
{
	int fd = fresh_event();

	if (pm_map(fd, 1 + (1 << a[0] % 3), 0) == MAP_FAILED)
		return -errno;
	child_stand();
	return 0;
}

/* A load that is killed is one that worked, or one that never was. */
TEST_F(loaded, killed_insmod)
{
	struct test_env *e = &self->e;
	struct actor *a;
	unsigned int seed = 1;
	int i, status, killed = 0;
	pid_t pid;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	/* something to walk through */
	ASSERT_EQ(0, actor_fork(a, 200, child_maps, 0, 0, 0));
	ASSERT_EQ(0, books_unload());
	for (i = 0; i < 20; i++) {
		fflush(NULL);
		pid = fork();
		ASSERT_GE(pid, 0);
		if (!pid)
			_exit(books_load("") ? 1 : 0);
		/* a load takes some 0.1 s */
		pm_nap(rand_r(&seed) % 150000);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		killed += WIFSIGNALED(status);
		EXPECT_EQ(module_loaded("perfmlock"), !access(BOOKS_DIR, F_OK));
		if (!module_loaded("perfmlock"))
			ASSERT_EQ(0, books_load(""));
		free(slurp_books("status"));
		ASSERT_EQ(0, books_unload());
	}
	TH_LOG("%d of 20 loads killed", killed);
	ASSERT_EQ(0, books_load(""));
	ASSERT_EQ(0, actor_release(a));
	ASSERT_EQ(0, actor_wait(a));
	EXPECT_EQ(0, oracle(a->pid).user);
	EXPECT_TRUE(eventually(!buffers_count(0, a->uid)));
	VERIFY("over");
}

static long child_maps_and_stays(const long *a)
{
	int fd = fresh_event();

	(void)a;
	child_stand();
	if (pm_map(fd, 1, 0) == MAP_FAILED)
		return -errno;
	sh->count[0]++;
	while (!sh->stop)
		pm_nap(5000);
	return 0;
}

static void pin(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* processes that its walk has to book */
#define NEW	16

FIXTURE(upkeep)
{
	struct test_env e;
	struct actor *a, *slow;
	uid_t uid;
};

FIXTURE_VARIANT(upkeep)
{
	const char *symbol;
	long ms;
};

FIXTURE_VARIANT_ADD(upkeep, fill)	{ "perfmlock_ledger_fill", 60 };
FIXTURE_VARIANT_ADD(upkeep, meet)	{ "perfmlock_sweep_meet", 20 };

FIXTURE_SETUP(upkeep)
{
	env_open(&self->e);
	sh = self->e.sh;
	self->e.exotic = true;
	self->uid = env_uid(&self->e);
	self->a = actor_start(&self->e, self->uid, UNLIMITED, 0);
	self->slow = actor_start(&self->e, self->uid, UNLIMITED, 0);
}

FIXTURE_TEARDOWN(upkeep)
{
	auxpmu_set("delay_ms", 0);
	auxpmu_set("go_on", 1);
	delay_end();
	/* with room for more than one call again */
	if (module_path("perfmlock") && module_loaded("perfmlock"))
		EXPECT_EQ(0, books_unload());
	load_again();
	EXPECT_EQ(0, env_close(&self->e));
	auxpmu_set("go_on", 0);
}

/*
 * Upkeep that is made long, by a probe on what it calls, must have ended for good
 * when the module goes. It has the most to do when it books what was not seen:
 * one probe instance, and a process that stands in it while others map.
 */
TEST_F(upkeep, unload_beside_upkeep)
{
	struct actor *a = self->a, *slow = self->slow;
	long data, aux, missed;
	int fd, i;

	if (!auxpmu_ready())
		SKIP(return, NO_PMU);
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	fd = actor_open_aux(slow);
	data = actor_map(slow, fd, 5);
	ASSERT_GT(data, 0);
	ASSERT_EQ(0, books_unload());
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(0, books_load("maxactive=1"));
		if (!delay_start(variant->symbol))
			SKIP(return, "no perfmlock_delay.ko, or no function %s in the module",
			     variant->symbol);
		sh->stop = 0;
		sh->count[0] = 0;
		ASSERT_EQ(0, actor_fork(a, NEW, child_maps_and_stays, 0, 0, 0));
		auxpmu_stand(slow, fd, data, 5, 16);
		ASSERT_EQ(0, actor_release(a));
		while (sh->count[0] < NEW)
			pm_nap(1000);
		missed = status_num("missed");
		EXPECT_GE(missed, NEW);
		delay_set(variant->ms);
		aux = auxpmu_go_on(slow);
		ASSERT_GT(aux, 0);
		/* its first call, its last, and what comes in between */
		pm_nap(500 * variant->ms * i);
		ASSERT_EQ(0, books_unload());
		delay_end();
		sh->stop = 1;
		ASSERT_EQ(0, actor_wait(a));
		ASSERT_EQ(0, actor_unmap(slow, aux, 16));
	}
	ASSERT_EQ(0, books_load(""));
	ASSERT_EQ(0, actor_unmap_all(slow));
	EXPECT_EQ(0, oracle(a->pid).user);
	EXPECT_TRUE(eventually(!buffers_count(0, self->uid)));
	VERIFY("over");
}

/*
 * Calls that are missed: there is room for two, and two stand in them while
 * somebody maps. One of them stays, for as long as the test likes: a walk through
 * the processes cannot be complete.
 */
FIXTURE(missed)
{
	struct test_env e;
	struct actor *slow, *brief, *other;
	int slow_fd, brief_fd;
	long slow_data, brief_data;
	struct actor *holder;
	bool ready, leaks;
};

FIXTURE_SETUP(missed)
{
	struct test_env *e = &self->e;
	uid_t uid;

	env_open(e);
	sh = e->sh;
	e->exotic = true;
	self->ready = module_path("perfmlock") && auxpmu_ready();
	if (!self->ready)
		return;
	/* asked before the load: the module has not seen it yet */
	self->leaks = env_remap_leaks(e);
	if (books_unload() || books_load("maxactive=2"))
		die("cannot load the module with room for two calls");
	uid = env_uid(e);
	self->slow = actor_start(e, uid, UNLIMITED, 0);
	self->brief = actor_start(e, uid, UNLIMITED, 0);
	self->other = actor_start(e, uid, UNLIMITED, 0);
	self->slow_fd = actor_open_aux(self->slow);
	self->brief_fd = actor_open_aux(self->brief);
	self->slow_data = actor_map(self->slow, self->slow_fd, 5);
	self->brief_data = actor_map(self->brief, self->brief_fd, 5);
	if (self->slow_data < 0 || self->brief_data < 0)
		die("cannot map 5 pages");
}

FIXTURE_TEARDOWN(missed)
{
	auxpmu_set("delay_ms", 0);
	auxpmu_set("go_on", 1);
	if (self->holder)
		actor_kill(self->holder);
	if (!access(KPROBES_ENABLED, W_OK))
		set_kprobes(true);
	EXPECT_EQ(0, env_close(&self->e));
	auxpmu_set("go_on", 0);
	/* with room for more than two calls again */
	if (self->ready)
		EXPECT_EQ(0, books_unload());
	load_again();
}

#define NO_MISSES "neither perfmlock.ko nor perfmlock_auxpmu.ko may be missing"

static long op_map_once(const long *a)
{
	int fd = fresh_event();
	void *addr = pm_map(fd, a[0], 0);

	close(fd);
	if (addr == MAP_FAILED)
		return -errno;
	pm_unmap(addr, a[0]);
	return 0;
}

/* So that the module knows, and soon */
static void probes_off(void)
{
	set_kprobes(false);
	free(slurp_books("status"));
}

static void probes_on(void)
{
	set_kprobes(true);
	free(slurp_books("status"));
}

#define MISS() do {							\
	long long __missed = status_num("missed");			\
									\
	stand(self->slow, self->slow_fd, self->slow_data);		\
	auxpmu_stand(self->brief, self->brief_fd, self->brief_data, 5,	\
		     16);						\
	ASSERT_EQ(0, actor_call(self->other, op_map_once, 9, 0, 0, 0,	\
				0));					\
	ASSERT_EQ(__missed + 1, status_num("missed"));			\
	ASSERT_GT(auxpmu_go_on(self->brief), 0);			\
} while (0)

/* Whoever stood goes on, and a walk meets everybody. */
#define MEET() do {							\
	long long __walks;						\
									\
	ASSERT_GT(auxpmu_go_on(self->slow), 0);				\
	__walks = status_num("walks");					\
	ASSERT_TRUE(eventually(status_num("walks") > __walks));		\
	ASSERT_TRUE(eventually(!status_num("careful")));		\
} while (0)

/*
 * To keep the memory of process a[0] alive beyond its end: who reads from there
 * to where nobody ever puts a page has a reference for as long as he lives.
 */
static long op_hold_memory(const long *a)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long page = getpagesize();
	char path[64];
	void *addr;
	int fd;

	addr = mmap(NULL, page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)addr;
	reg.range.len = page;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		return -errno;
	snprintf(path, sizeof(path), "/proc/%ld/mem", a[0]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	sh->count[0] = 1;
	return pread(fd, addr, sizeof(sh), (long)&sh) < 0 ? -errno : 0;
}

/* An end that has begun, and goes on when others let it: no walk meets its mm. */
TEST_F(missed, memory_held_by_another)
{
	struct test_env *e = &self->e;
	struct actor *first, *second;
	long addr;
	uid_t uid;
	int fd;

	if (!self->ready)
		SKIP(return, NO_MISSES);
	uid = env_uid(e);
	first = actor_start(e, uid, UNLIMITED, 0);
	second = actor_start(e, uid, UNLIMITED, 0);
	self->holder = actor_start(e, 0, UNLIMITED, ACTOR_ALL);
	fd = actor_open(first, 0);
	addr = actor_map(first, fd, 3);
	ASSERT_GT(addr, 0);
	ASSERT_GT(actor_map(second, actor_give(first, fd, second), 3), 0);
	actor_begin(self->holder, op_hold_memory, second->pid, 0, 0, 0, 0);
	/* D: before v5.7 a fault in a system call is waited for so */
	ASSERT_TRUE(eventually(actor_done(self->holder) ||
			       (sh->count[0] &&
				strchr("SD", actor_state(self->holder)))));
	if (actor_done(self->holder))
		SKIP(return, "no userfaultfd: %s",
		     strerror(-actor_end(self->holder)));
	actor_kill(second);
	EXPECT_EQ(2, buffer_num(first->pid, "data", 3, "maps"));

	MISS();
	MEET();
	/* the kernel holds the ring for both still */
	EXPECT_EQ(2, buffer_num(first->pid, "data", 3, "maps"));
	ASSERT_EQ(0, actor_unmap(first, addr, 3));
	EXPECT_TRUE(buffer_has(first->pid, "data", 3));
	EXPECT_EQ(self->leaks ? 6 : 3, oracle(first->pid).user);
	EXPECT_EQ(self->leaks ? 6 : 3, users_num(uid, "kernel"));
	EXPECT_EQ(3, users_num(uid, "correct"));
	EXPECT_EQ(0, lines_of_cause(uid, "lost-uncharge"));

	actor_kill(self->holder);
	self->holder = NULL;
	EXPECT_TRUE(eventually(oracle(first->pid).user == (self->leaks ? 3 : 0)));
	EXPECT_TRUE(eventually(!buffers_count(0, uid)));
	EXPECT_TRUE(eventually(users_num(uid, "kernel") == (self->leaks ? 3 : 0)));
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(0, users_num(uid, "foreign"));
	if (!self->leaks)
		EXPECT_EQ(0, lines_count("drifts", "owner_uid", uid));
	EXPECT_EQ(0, lines_of_cause(uid, "lost-uncharge"));
	EXPECT_EQ(0, lines_of_cause(uid, "unexplained"));
	EXPECT_TRUE(eventually(!status_num("careful")));
	VERIFY("over");
}

/* a[0]: pages; a[1]: how many fresh events are mapped twice */
static long op_map_twice(const long *a)
{
	void *addr, *again;
	long i;
	int fd;

	for (i = 0; i < a[1]; i++) {
		fd = fresh_event();
		addr = pm_map(fd, a[0], 0);
		again = pm_map(fd, a[0], 0);
		close(fd);
		if (addr == MAP_FAILED || again == MAP_FAILED)
			return -errno;
		pm_unmap(addr, a[0]);
		pm_unmap(again, a[0]);
	}
	return 0;
}

#define TWICE	10

/* What others make it miss hides nothing that the kernel does to somebody else. */
TEST_F(missed, leak_of_another_user)
{
	struct test_env *e = &self->e;
	long long missed;
	struct actor *a;

	if (!self->ready)
		SKIP(return, NO_MISSES);
	if (!self->leaks)
		SKIP(return, "a re-map is no drift on this kernel");
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	MISS();
	missed = status_num("missed");
	EXPECT_TRUE(eventually(status_num("careful")));
	ASSERT_EQ(0, actor_call(a, op_map_twice, 5, TWICE, 0, 0, 0));
	EXPECT_EQ(1, status_num("careful"));
	EXPECT_EQ(missed, status_num("missed"));
	EXPECT_EQ(5 * TWICE, oracle(a->pid).user);
	MEET();
	EXPECT_EQ(5 * TWICE, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, users_num(a->uid, "correct"));
	EXPECT_EQ(5 * TWICE, users_num(a->uid, "drift"));
	EXPECT_EQ(0, users_num(a->uid, "foreign"));
	/* and what comes then is as it was */
	ASSERT_EQ(0, actor_call(a, op_map_twice, 5, TWICE, 0, 0, 0));
	EXPECT_EQ(2 * 5 * TWICE, oracle(a->pid).user);
	EXPECT_EQ(2 * 5 * TWICE, users_num(a->uid, "drift"));
	EXPECT_EQ(0, lines_of_cause(a->uid, "lost-uncharge"));
	EXPECT_EQ(0, lines_of_cause(a->uid, "unexplained"));
	VERIFY("over");
}

/* Together more mappings than 16 bits count; fewer than a process may have */
#define MANY	35000L
#define FEW	10

static void *last[FEW];

static long op_map_many(const long *a)
{
	long i;

	for (i = 0; i < MANY; i++) {
		last[i % FEW] = pm_map(a[0], 2, 0);
		if (last[i % FEW] == MAP_FAILED)
			return -errno;
	}
	return 0;
}

static long op_unmap_few(const long *a)
{
	long i;

	(void)a;
	for (i = 0; i < FEW; i++)
		pm_unmap(last[i], 2);
	return 0;
}

/* The rows that are left are counted, what the kernel leaves behind is not. */
#define CHECK_NOTHING_LEFT(uid, lives) do {				\
	EXPECT_TRUE(eventually(!buffers_count(0, uid)));		\
	EXPECT_EQ(oracle((lives)->pid).user, users_num(uid, "kernel"));	\
	EXPECT_EQ(0, users_num(uid, "correct"));			\
	EXPECT_EQ(0, users_num(uid, "foreign"));			\
	EXPECT_EQ(0, lines_of_cause(uid, "lost-uncharge"));		\
	EXPECT_EQ(0, lines_of_cause(uid, "unexplained"));		\
	if (!self->leaks) {						\
		EXPECT_EQ(0, users_num(uid, "kernel"));			\
		EXPECT_EQ(0, lines_count("drifts", "owner_uid", uid));	\
	}								\
} while (0)

TEST_F(missed, one_event_mapped_70000_times)
{
	struct test_env *e = &self->e;
	struct actor *a, *b, *lives;
	uid_t uid;
	int fd;

	if (!self->ready)
		SKIP(return, NO_MISSES);
	e->leak_mm = self->leaks;
	uid = env_uid(e);
	lives = actor_start(e, uid, UNLIMITED, 0);
	a = actor_start(e, uid, UNLIMITED, 0);
	b = actor_start(e, uid, UNLIMITED, 0);
	fd = actor_open(a, 0);
	ASSERT_EQ(0, actor_call(a, op_map_many, fd, 0, 0, 0, 0));
	fd = actor_give(a, fd, b);
	ASSERT_EQ(0, actor_call(b, op_map_many, fd, 0, 0, 0, 0));
	EXPECT_EQ(2 * MANY, buffer_num(a->pid, "data", 2, "maps"));
	MISS();
	MEET();
	EXPECT_EQ(2 * MANY, buffer_num(a->pid, "data", 2, "maps"));
	actor_kill(a);
	EXPECT_EQ(MANY, buffer_num(a->pid, "data", 2, "maps"));
	actor_kill(b);
	CHECK_NOTHING_LEFT(uid, lives);
	VERIFY("over");
}

/* Some go unseen, and the last one beside another call of the user. */
TEST_F(missed, some_of_70000_unmapped_unseen)
{
	struct test_env *e = &self->e;
	struct actor *a, *b, *lives;
	uid_t uid;
	long data;
	int fd;

	if (!self->ready)
		SKIP(return, NO_MISSES);
	if (access(KPROBES_ENABLED, W_OK))
		SKIP(return, "no " KPROBES_ENABLED);
	e->leak_mm = self->leaks;
	uid = env_uid(e);
	lives = actor_start(e, uid, UNLIMITED, 0);
	a = actor_start(e, uid, UNLIMITED, 0);
	b = actor_start(e, uid, UNLIMITED, 0);
	fd = actor_open(a, 0);
	ASSERT_EQ(0, actor_call(a, op_map_many, fd, 0, 0, 0, 0));
	fd = actor_give(a, fd, b);
	ASSERT_EQ(0, actor_call(b, op_map_many, fd, 0, 0, 0, 0));
	probes_off();
	ASSERT_EQ(0, actor_call(a, op_unmap_few, 0, 0, 0, 0, 0));
	probes_on();
	fd = actor_open_aux(lives);
	data = actor_map(lives, fd, 5);
	ASSERT_GT(data, 0);
	ASSERT_TRUE(eventually(status_num("careful")));
	ASSERT_TRUE(eventually(!status_num("careful")));
	EXPECT_EQ(2 * MANY - FEW, buffer_num(a->pid, "data", 2, "maps"));
	stand(lives, fd, data);
	actor_kill(a);
	EXPECT_EQ(MANY, buffer_num(a->pid, "data", 2, "maps"));
	actor_kill(b);
	ASSERT_GT(auxpmu_go_on(lives), 0);
	ASSERT_EQ(0, actor_unmap_all(lives));
	CHECK_NOTHING_LEFT(uid, lives);
	VERIFY("over");
}

#define WALKED	100
#define FLOOD	4500L
#define BURST	500
#define VICTIM	60L

/* a[0]: how many rings, one page each; a[1]: in bursts of how many, 0: at once */
static long op_map_some(const long *a)
{
	long i;
	int fd;

	/* where the events are: opening one there asks no other CPU */
	pin(0);
	for (i = 0; i < a[0]; i++) {
		if (a[1] && i % a[1] == a[1] - 1)
			pm_nap(200000);
		fd = fresh_event();
		if (pm_map(fd, 1, 0) == MAP_FAILED)
			return -errno;
		close(fd);
	}
	return 0;
}

FIXTURE(long_walk)
{
	struct test_env e;
};

FIXTURE_SETUP(long_walk)
{
	env_open(&self->e);
	sh = self->e.sh;
	/* what others made it do is not for this test */
	if (module_path("perfmlock") && (books_unload() || books_load("")))
		die("cannot load the module anew");
}

FIXTURE_TEARDOWN(long_walk)
{
	delay_end();
	if (!access(KPROBES_ENABLED, W_OK))
		set_kprobes(true);
	EXPECT_EQ(0, env_close(&self->e));
	/* after a walk that was long, the next one is far away */
	if (module_path("perfmlock"))
		EXPECT_EQ(0, books_unload());
	load_again();
}

/* While it walks there is memory for what others map, the whole time. */
TEST_F(long_walk, flood_beside_a_walk)
{
	struct test_env *e = &self->e;
	struct actor *crowd, *loud, *a;
	struct table *t;
	long long walks;
	int row = -1, n = 0;

	if (access(KPROBES_ENABLED, W_OK))
		SKIP(return, "no " KPROBES_ENABLED);
	crowd = actor_start(e, env_uid(e), UNLIMITED, 0);
	loud = actor_start(e, env_uid(e), UNLIMITED, 0);
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	ASSERT_EQ(0, actor_fork(crowd, WALKED, child_maps, 0, 0, 0));
	EXPECT_TRUE(eventually(!status_num("careful")));
	if (!delay_start("perfmlock_sweep_knows"))
		SKIP(return, "no perfmlock_delay.ko, or no perfmlock_sweep_knows()");
	delay_set(100);
	walks = status_num("walks");
	probes_off();
	probes_on();
	/* whoever is new brings upkeep, and that a walk */
	ASSERT_GT(actor_new(crowd, 2), 0);
	/* where the last walk took long, the next is far away */
	if (!eventually(delay_hits())) {
		ASSERT_EQ(0, actor_release(crowd));
		ASSERT_EQ(0, actor_wait(crowd));
		SKIP(return, "no walk in a minute");
	}
	ASSERT_EQ(0, actor_call(loud, op_map_some, FLOOD, BURST, 0, 0, 0));
	ASSERT_EQ(0, actor_call(a, op_map_some, VICTIM, 0, 0, 0, 0));
	if (status_num("walks") != walks)
		TH_LOG("the walk was over before, after %ld processes", delay_hits());
	delay_set(0);
	TH_LOG("%lld mmaps found no room", status_num("pool_empty"));

	t = table_get("buffers");
	while ((row = table_find(t, row + 1, "pid", a->pid)) >= 0) {
		n += !strcmp(table_str(t, row, "origin"), "seen");
		EXPECT_EQ(1, table_num(t, row, "kernel_user"));
		EXPECT_EQ(1, table_num(t, row, "correct_user"));
	}
	table_put(t);
	EXPECT_EQ(VICTIM, n);
	EXPECT_EQ(VICTIM, oracle(a->pid).user);
	EXPECT_TRUE(users_has(a->uid));
	if (users_has(a->uid))
		EXPECT_EQ(VICTIM, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, status_num("pool_empty"));
	EXPECT_EQ(0, status_num("adopted"));
	EXPECT_TRUE(eventually(!status_num("careful")));
	EXPECT_EQ(VICTIM, users_num(a->uid, "kernel"));
	EXPECT_EQ(VICTIM, users_num(a->uid, "correct"));
	EXPECT_EQ(0, users_num(a->uid, "foreign"));
	EXPECT_EQ(0, lines_count("drifts", "owner_uid", a->uid));
	ASSERT_EQ(0, actor_release(crowd));
	ASSERT_EQ(0, actor_wait(crowd));
	actor_exit(loud);
	actor_exit(a);
}

/*
 * Others have return probes: on a kernel up to 5.10 those share a lock with ours,
 * which a handler of ours holds. Who holds the ledger's lock must not wait for that:
 * neither an interrupt, in what the timer calls, nor itself, in what it calls.
 */
#define TRACED	2
static const char *traced[TRACED];

static const char *tracefs(void)
{
	if (!access("/sys/kernel/tracing/kprobe_events", W_OK))
		return "/sys/kernel/tracing";
	if (!access("/sys/kernel/debug/tracing/kprobe_events", W_OK))
		return "/sys/kernel/debug/tracing";
	return NULL;
}

static int trace_write(const char *file, const char *text)
{
	char path[256];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", tracefs(), file);
	fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = write(fd, text, strlen(text));
	if (n < 0)
		n = -errno;
	close(fd);
	return n < 0 ? n : 0;
}

static int trace_one(unsigned int nr, bool on)
{
	char text[128], file[128];
	int ret;

	snprintf(file, sizeof(file), "events/kprobes/perfmlock_test%u/enable", nr);
	if (on) {
		snprintf(text, sizeof(text), "r:perfmlock_test%u %s\n", nr,
			 traced[nr]);
		ret = trace_write("kprobe_events", text);
		return ret ?: trace_write(file, "1");
	}
	trace_write(file, "0");
	snprintf(text, sizeof(text), "-:perfmlock_test%u\n", nr);
	return trace_write("kprobe_events", text);
}

static void trace_off(void)
{
	unsigned int i;

	for (i = 0; tracefs() && i < TRACED; i++)
		if (traced[i])
			trace_one(i, false);
}

static pid_t harness;

static void trace_off_at_exit(void)
{
	if (getpid() == harness)
		trace_off();
}

/* Also when the test itself was killed */
static void __attribute__((constructor)) trace_never_stays(void)
{
	harness = getpid();
	atexit(trace_off_at_exit);
}

static long child_maps_on(const long *a)
{
	int fd = fresh_event();

	pin(a[1]);
	child_stand();
	while (!sh->stop) {
		void *addr = pm_map(fd, 1, 0);

		if (addr == MAP_FAILED)
			return -errno;
		pm_unmap(addr, 1);
		sh->count[0]++;
	}
	return 0;
}

static long child_reads_on(const long *a)
{
	static char buf[65536];
	int fd;

	pin(a[1]);
	child_stand();
	while (!sh->stop) {
		fd = open(a[0] % 2 ? BOOKS_DIR "/users" : BOOKS_DIR "/mms",
			  O_RDONLY);
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
		sh->count[1]++;
	}
	return 0;
}

FIXTURE(traced)
{
	struct test_env e;
};

FIXTURE_VARIANT(traced)
{
	const char *functions[TRACED];
};

FIXTURE_VARIANT_ADD(traced, tick) {
	{ "update_process_times", "hrtimer_interrupt" }
};

FIXTURE_VARIANT_ADD(traced, holder) {
	{ "perfmlock_store_next", "perfmlock_store_unlink" }
};

FIXTURE_SETUP(traced)
{
	env_open(&self->e);
	sh = self->e.sh;
	memcpy(traced, variant->functions, sizeof(traced));
}

FIXTURE_TEARDOWN(traced)
{
	trace_off();
	EXPECT_EQ(0, env_close(&self->e));
	/* up to 5.10 some returns may have been given up */
	if (status_num("missed") && module_path("perfmlock")) {
		EXPECT_EQ(0, books_unload());
		load_again();
	}
}

/* The last ones: where they fail, the machine is gone. */
TEST_F(traced, no_lockup)
{
	struct test_env *e = &self->e;
	struct actor *idle, *mapper, *reader;
	unsigned int i;
	int ret;

	if (!tracefs())
		SKIP(return, "no tracefs with kprobe_events");
	if (e->cpus < 2)
		SKIP(return, "only one CPU");
	idle = actor_start(e, env_uid(e), UNLIMITED, 0);
	mapper = actor_start(e, env_uid(e), UNLIMITED, 0);
	reader = actor_start(e, 0, UNLIMITED, ACTOR_ALL);
	ASSERT_EQ(0, actor_fork(idle, 400, child_idle, 0, 0, 0));
	/* so many that one of them and a reader share a lock */
	ASSERT_EQ(0, actor_fork(mapper, 64, child_maps_on, 1, 0, 0));
	ASSERT_EQ(0, actor_fork(reader, 16, child_reads_on, 0, 0, 0));
	for (i = 0; i < TRACED; i++) {
		ret = trace_one(i, true);
		if (ret) {
			sh->stop = 1;
			while (i)
				trace_one(--i, false);
			SKIP(return, "kprobe_events: %s", strerror(-ret));
		}
	}
	ASSERT_EQ(0, actor_release(reader));
	ASSERT_EQ(0, actor_release(mapper));
	for (i = 0; i < 10; i++)
		pm_nap(1000000);
	sh->stop = 1;
	ASSERT_EQ(0, actor_wait(reader));
	ASSERT_EQ(0, actor_wait(mapper));
	for (i = 0; i < TRACED; i++)
		EXPECT_EQ(0, trace_one(i, false));
	TH_LOG("%ld mmaps beside %ld reads", sh->count[0], sh->count[1]);
	EXPECT_GT(sh->count[0], 0);
	EXPECT_GT(sh->count[1], 0);
	ASSERT_EQ(0, actor_release(idle));
	ASSERT_EQ(0, actor_wait(idle));
	EXPECT_TRUE(eventually(!buffers_count(0, mapper->uid)));
	VERIFY("over");
}

TEST_HARNESS_MAIN
