// SPDX-License-Identifier: GPL-2.0
/* Coming and going at any time */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include "perfmlock_fixture.h"

#define FTRACE_ENABLED "/proc/sys/kernel/ftrace_enabled"
#define KPROBES_LIST "/sys/kernel/debug/kprobes/list"

static struct shared *sh;
static bool tracing_off;

#define NOMEM "perfmlock_nomem"
#define FAILSLAB "/sys/kernel/debug/failslab"
#define PRINTK "/proc/sys/kernel/printk"
#define KMEMLEAK "/sys/kernel/debug/kmemleak"
#define MOST_ALLOCATIONS 20000

/* What a test sets while it runs, and what was there before. */
static struct setting {
	const char *path;
	const char *value;
	char *was;
} no_memory[] = {
	{ FAILSLAB "/verbose", "0", NULL },
	{ FAILSLAB "/ignore-gfp-wait", "0", NULL },
	/* the kernel tells of some failures with a call trace */
	{ PRINTK, "1", NULL },
};

static void set_back(void)
{
	struct setting *s;

	for (s = no_memory; s < no_memory + ARRAY_SIZE(no_memory); s++) {
		if (s->was)
			write_file(s->path, s->was, strlen(s->was));
		free(s->was);
		s->was = NULL;
	}
}

FIXTURE(modload)
{
	struct test_env e;
};

FIXTURE_SETUP(modload)
{
	env_open(&self->e);
	sh = self->e.sh;
}

FIXTURE_TEARDOWN(modload)
{
	if (tracing_off)
		write_file(FTRACE_ENABLED, "1", 1);
	set_back();
	auxpmu_set("delay_ms", 0);
	auxpmu_set("unmap_delay_ms", 0);
	auxpmu_set("go_on", 1);
	if (!module_loaded("perfmlock"))
		EXPECT_EQ(0, books_load(""));
	EXPECT_EQ(0, env_close(&self->e));
	auxpmu_set("go_on", 0);
}

TEST_F(modload, unload_and_load)
{
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	EXPECT_EQ(-EEXIST, books_load(""));
	ASSERT_EQ(0, books_unload());
	EXPECT_FALSE(module_loaded("perfmlock"));
	EXPECT_NE(0, access(BOOKS_DIR, F_OK));
	EXPECT_EQ(-ENOENT, module_unload("perfmlock"));
	ASSERT_EQ(0, books_load(""));
	EXPECT_EQ(0, access(BOOKS_DIR "/users", F_OK));
	EXPECT_EQ(0, status_num("missed"));
}

/* A parameter that makes no sense: an error, and no trace of a load. */
TEST_F(modload, bad_parameters)
{
	static const char * const bad[] = {
		"maxactive=x", "maxactive=", "maxactive=99999999999999999999",
	};
	unsigned int i;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	ASSERT_EQ(0, books_unload());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_LT(books_load(bad[i]), 0);
		EXPECT_FALSE(module_loaded("perfmlock"));
		EXPECT_NE(0, access(BOOKS_DIR, F_OK));
		if (module_loaded("perfmlock"))
			books_unload();
	}
	ASSERT_EQ(0, books_load(""));
}

/* What was mapped before is shown, and is nobody's charge in the books. */
TEST_F(modload, loaded_with_buffers_live)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	struct actor *b = actor_start(e, uid, UNLIMITED, 0);
	long five, nine;
	struct table *t;
	int row;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	ASSERT_EQ(0, books_unload());
	five = actor_new(a, 5);
	ASSERT_GT(five, 0);
	ASSERT_EQ(0, actor_fill(b, e->limit - 8));
	nine = actor_new(a, 9);
	ASSERT_GT(nine, 0);
	ASSERT_EQ(6, oracle(a->pid).mm);
	ASSERT_EQ(e->limit, oracle(a->pid).user);
	ASSERT_EQ(0, books_load(""));

	a->foreign_user = e->limit;
	a->foreign_mm = 6;
	ASSERT_TRUE(eventually(buffer_has(a->pid, "data", 5)));
	ASSERT_TRUE(eventually(buffer_has(a->pid, "data", 9)));
	VERIFY("loaded");
	EXPECT_EQ(2, buffers_count(a->pid, 0));
	t = table_get("buffers");
	for (row = table_find(t, 0, "pid", a->pid); row >= 0;
	     row = table_find(t, row + 1, "pid", a->pid)) {
		EXPECT_STREQ("adopted", table_str(t, row, "origin"));
		EXPECT_STREQ("data", table_str(t, row, "kind"));
		EXPECT_STREQ("1:0x9", table_str(t, row, "event"));
		EXPECT_EQ(uid, table_num(t, row, "uid"));
		EXPECT_EQ(0, table_num(t, row, "cpu"));
		EXPECT_EQ(1, table_num(t, row, "maps"));
		EXPECT_EQ(0, table_num(t, row, "kernel_user"));
		EXPECT_EQ(0, table_num(t, row, "kernel_mm"));
		EXPECT_EQ(0, table_num(t, row, "correct_user"));
		EXPECT_EQ(0, table_num(t, row, "correct_mm"));
	}
	table_put(t);

	/* what is mapped from now on is charged beside it */
	ASSERT_GT(actor_new(a, 17), 0);
	VERIFY("mapped after the load");
	EXPECT_EQ(17, mms_num(a->pid, "kernel"));
	EXPECT_EQ(17, mms_num(a->pid, "correct"));
	EXPECT_EQ(6, mms_num(a->pid, "foreign"));
	EXPECT_EQ(0, users_num(uid, "kernel"));

	ASSERT_EQ(0, actor_unmap(a, nine, 9));
	a->foreign_user = e->limit - 3;
	a->foreign_mm = 0;
	VERIFY("one of the old ones is unmapped");
	EXPECT_FALSE(buffer_has(a->pid, "data", 9));
	ASSERT_EQ(0, actor_unmap(a, five, 5));
	a->foreign_user = e->limit - 8;
	VERIFY("both are unmapped");
	EXPECT_EQ(1, buffers_count(a->pid, 0));
	ASSERT_EQ(0, actor_unmap_all(b));
	a->foreign_user = 0;
	VERIFY("the other process has unmapped");
	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("all unmapped");
	EXPECT_EQ(0, users_num(uid, "foreign"));
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
}

/* An old buffer that is mapped again, shared, and given up by its owner */
TEST_F(modload, adopted_and_shared)
{
	struct test_env *e = &self->e;
	bool leaks = env_remap_leaks(e);
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 64, 0);
	struct actor *b = actor_start(e, uid, 64, 0);
	int fd = actor_open(a, 0), fd2;
	long one, two, other;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	ASSERT_EQ(0, books_unload());
	one = actor_map(a, fd, 9);
	ASSERT_GT(one, 0);
	ASSERT_EQ(0, books_load(""));
	a->foreign_user = 9;
	ASSERT_TRUE(eventually(buffer_has(a->pid, "data", 9)));
	two = actor_map(a, fd, 9);
	ASSERT_GT(two, 0);
	fd2 = actor_give(a, fd, b);
	other = actor_map(b, fd2, 9);
	ASSERT_GT(other, 0);
	VERIFY("mapped three times");
	EXPECT_EQ(leaks ? 18 : 0, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(3, buffer_num(a->pid, "data", 9, "maps"));
	ASSERT_EQ(0, actor_unmap(a, one, 9));
	ASSERT_EQ(0, actor_unmap(a, two, 9));
	VERIFY("the owner has unmapped");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
	ASSERT_EQ(0, actor_unmap(b, other, 9));
	a->foreign_user = 0;
	VERIFY("all unmapped");
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(leaks ? 18 : 0, users_num(uid, "kernel"));
	EXPECT_EQ(0, buffers_count(a->pid, 0));
}

/* Of calls of @a, how many were taken for beside another of its user's? */
static long long overlaps_of(struct actor *a)
{
	long long before = status_num("overlaps");
	int i;

	for (i = 0; i < 300; i++)
		if (actor_unmap(a, actor_new(a, 3), 3))
			die("cannot unmap");
	return status_num("overlaps") - before;
}

/*
 * Whom the kernel uncharges for an old buffer is not known. One of several mappings
 * that goes uncharges nobody: whoever does that all the time disturbs no others.
 */
TEST_F(modload, adopted_and_mapped_in_a_loop)
{
	struct test_env *e = &self->e;
	bool leaks = env_remap_leaks(e);
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	struct actor *b = actor_start(e, env_uid(e), UNLIMITED, 0);
	int fd = actor_open(a, 0);

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	ASSERT_EQ(0, books_unload());
	ASSERT_GT(actor_map(a, fd, 9), 0);
	ASSERT_EQ(0, books_load(""));
	a->foreign_user = 9;
	ASSERT_TRUE(eventually(buffer_has(a->pid, "data", 9)));
	ASSERT_TRUE(eventually(!status_num("careful") && !status_num("busy")));
	actor_begin(a, op_map_event, fd, 9, (long)sh, 0, 0);
	EXPECT_EQ(0, overlaps_of(b));
	EXPECT_GT(sh->count[0], 10);
	sh->stop = 1;
	ASSERT_EQ(0, actor_end(a));
	e->leak_user = leaks;
	VERIFY("mapped once");
	ASSERT_EQ(0, actor_unmap_all(a));
	a->foreign_user = 0;
	VERIFY("all unmapped");
}

TEST_F(modload, unloaded_with_buffers_live)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	int i;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	for (i = 0; i < 40; i++)
		ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("mapped");
	ASSERT_EQ(0, books_unload());
	EXPECT_EQ(360, oracle(a->pid).user + oracle(a->pid).mm);
	EXPECT_EQ(360, mapped_pages(a->pid));
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_EQ(0, oracle(a->pid).user);
	EXPECT_EQ(0, oracle(a->pid).mm);
	ASSERT_EQ(0, books_load(""));
	EXPECT_EQ(0, buffers_count(0, uid));
	ASSERT_GT(actor_new(a, 9), 0);
	VERIFY("mapped again");
}

/* In the middle of an mmap, which then returns into a kernel without us */
TEST_F(modload, unloaded_in_an_mmap)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	long data, aux;
	int fd;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	if (!auxpmu_ready())
		SKIP(return, "no perfmlock_auxpmu.ko to load");
	e->exotic = true;
	fd = actor_open_aux(a);
	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	auxpmu_stand(a, fd, data, 5, 16);
	ASSERT_EQ(0, books_unload());
	EXPECT_FALSE(module_loaded("perfmlock"));
	aux = auxpmu_go_on(a);
	ASSERT_GT(aux, 0);
	EXPECT_EQ(21, oracle(a->pid).user);
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_EQ(0, oracle(a->pid).user);

	/* and one that began without us and ends with us */
	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	auxpmu_stand(a, fd, data, 5, 16);
	ASSERT_EQ(0, books_load(""));
	aux = auxpmu_go_on(a);
	ASSERT_GT(aux, 0);
	a->foreign_user = 21;
	VERIFY("loaded in the middle");
	ASSERT_EQ(0, actor_unmap_all(a));
	a->foreign_user = 0;
	VERIFY("unmapped");
}

/*
 * A call that began before the load charges in the middle of one that is seen: of
 * which of the two that was, nothing tells.
 */
TEST_F(modload, loaded_beside_an_mmap)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 0, 0);
	struct actor *b = actor_start(e, uid, 0, 0);
	long of_a, of_b;
	int fd;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	if (!auxpmu_ready())
		SKIP(return, "no perfmlock_auxpmu.ko to load");
	e->exotic = true;
	ASSERT_EQ(0, books_unload());
	fd = actor_open_aux(a);
	of_a = actor_map(a, fd, 5);
	ASSERT_GT(of_a, 0);
	auxpmu_stand(a, fd, of_a, 5, 16);
	ASSERT_EQ(0, books_load(""));
	fd = actor_open_aux(b);
	of_b = actor_map(b, fd, 3);
	ASSERT_GT(of_b, 0);
	auxpmu_stand(b, fd, of_b, 3, 8);
	ASSERT_GT(auxpmu_go_on(a), 0);
	ASSERT_GT(auxpmu_go_on(b), 0);
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
	EXPECT_TRUE(eventually(!status_num("careful") && !status_num("busy")));
	EXPECT_EQ(11, users_num(uid, "correct"));
	a->foreign_user = 21;
	VERIFY("both mapped");
	ASSERT_EQ(0, actor_unmap_all(a));
	a->foreign_user = 0;
	ASSERT_EQ(0, actor_unmap_all(b));
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
}

static bool status_says(const char *line)
{
	char *text = slurp_books("status");
	bool so = strstr(text, line);

	free(text);
	return so;
}

/* Probes that are switched off under the module see nothing, and it says so. */
TEST_F(modload, kprobes_switched_off)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	long addr;

	if (access(KPROBES_ENABLED, W_OK))
		SKIP(return, "no " KPROBES_ENABLED);
	EXPECT_TRUE(status_says("\nhook_perf_mmap: armed "));
	set_kprobes(false);
	EXPECT_TRUE(status_says("\nhook_perf_mmap: off "));
	addr = actor_new(a, 5);
	set_kprobes(true);
	ASSERT_GT(addr, 0);
	EXPECT_TRUE(status_says("\nhook_perf_mmap: armed "));
	/* what came meanwhile is found */
	EXPECT_TRUE(eventually(buffer_has(a->pid, "data", 5)));
	a->foreign_user = 5;
	VERIFY("switched on again");
	ASSERT_EQ(0, actor_unmap_all(a));
	a->foreign_user = 0;
	VERIFY("unmapped");
	EXPECT_TRUE(eventually(!status_num("careful")));
}

/* The kernel's own list: is perf_mmap() probed by function tracing? */
static bool probed_by_tracing(void)
{
	char *text = slurp(KPROBES_LIST), *line = text, *end;
	bool by_tracing = false;

	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		if (strstr(line, "  perf_mmap+"))
			by_tracing |= !!strstr(line, "[FTRACE]");
		line = end + 1;
	}
	free(text);
	return by_tracing;
}

/* That switches off the probes that it does, and no others. */
TEST_F(modload, function_tracing_switched_off)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	bool blinded = probed_by_tracing();
	long addr;

	if (access(KPROBES_LIST, R_OK) || access(FTRACE_ENABLED, W_OK))
		SKIP(return, "no " FTRACE_ENABLED);
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	tracing_off = write_file(FTRACE_ENABLED, "0", 1) == 1;
	if (!tracing_off)
		SKIP(return, "function tracing cannot be switched off here");
	EXPECT_EQ(blinded, status_says("\nhook_perf_mmap: off "));
	EXPECT_EQ(!blinded, status_says("\nhook_perf_mmap: armed "));
	addr = actor_new(a, 5);
	EXPECT_EQ(!blinded, buffer_has(a->pid, "data", 5));
	EXPECT_EQ(0, actor_unmap_all(a));
	ASSERT_EQ(0, books_unload());
	EXPECT_EQ(blinded ? -ENODEV : 0, books_load(""));
	ASSERT_EQ(1, write_file(FTRACE_ENABLED, "1", 1));
	tracing_off = false;
	ASSERT_GT(addr, 0);
	if (blinded)
		ASSERT_EQ(0, books_load(""));
	EXPECT_TRUE(status_says("\nhook_perf_mmap: armed "));
	EXPECT_TRUE(eventually(!status_num("careful")));
	ASSERT_GT(actor_new(a, 5), 0);
	VERIFY("switched on again");
	ASSERT_EQ(0, actor_unmap_all(a));
}

static void set_no_memory(void)
{
	struct setting *s;

	atexit(set_back);
	for (s = no_memory; s < no_memory + ARRAY_SIZE(no_memory); s++) {
		s->was = slurp(s->path);
		write_file(s->path, s->value, strlen(s->value));
	}
}

/*
 * Nobody else looks at what is not on the console. What a failed kmem_cache_create()
 * tells of itself, call trace and all, is as it should be. Returns another line.
 */
static char *splat_in(int kmsg)
{
	static const char *const splats[] = {
		"BUG: ", "WARNING: ", "cut here", "sleeping function",
		"lock order", "locking dependency", "wait context", "lock state",
		"duplicate filename", "already ", "corruption", "objects remaining",
		"still has objects", "Oops", "protection fault", "BUG ",
		"non-static key", "UBSAN: ", "INFO: task",
		"-EEXIST", ": tried to ",
	};
	static char record[8192];
	unsigned int i;
	ssize_t len;

	while ((len = read(kmsg, record, sizeof(record) - 1)) > 0 ||
	       (len < 0 && errno == EPIPE)) {
		if (len < 0)
			return "the kernel's log has overflown";
		record[len] = '\0';
		for (i = 0; i < ARRAY_SIZE(splats); i++)
			if (strstr(record, splats[i]))
				return record;
	}
	return NULL;
}

/* Loads the module; allocation @nth of its init fails, if there are so many. */
static int load_without(unsigned int nth, bool *failed)
{
	char text[16] = "";
	int fd, ret;

	fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("fail-nth: %s", strerror(errno));
	param_set(NOMEM, "nth", nth);
	ret = books_load("");
	if (read(fd, text, sizeof(text) - 1) < 1)
		die("fail-nth: %s", strerror(errno));
	*failed = !atol(text);
	if (pwrite(fd, "0", 1, 0) != 1)
		die("fail-nth: %s", strerror(errno));
	close(fd);
	return ret;
}

/*
 * Each of the first allocations, then ever fewer: most are rows that are kept
 * ready, one like the other.
 */
static unsigned int next_allocation(unsigned int nth)
{
	return nth < 100 ? nth + 1 : nth + nth / 16;
}

/*
 * The kernel loses 16 bytes of its own where it fails to make a cache's directory
 * (seen on 6.1): takes such reports back from kmemleak. Returns one of another kind.
 */
static char *leak_but_of_sysfs(void)
{
	char *text, *leak, *next, *other = NULL;

	if (access(KMEMLEAK, F_OK))
		return NULL;
	/* it tells of nothing that is younger than 5 seconds */
	sleep(6);
	write_file(KMEMLEAK, "scan", 4);
	write_file(KMEMLEAK, "scan", 4);
	text = slurp(KMEMLEAK);
	for (leak = text; leak && *leak && !other; leak = next ?: "") {
		next = strstr(leak + 1, "unreferenced object");
		if (next)
			next[-1] = '\0';
		if (!strstr(leak, "sysfs_slab_add"))
			other = strdup(leak);
	}
	free(text);
	if (!other)
		write_file(KMEMLEAK, "clear", 5);
	return other;
}

/* It is refused, or does without; and nothing is left of a load that was refused. */
TEST_F(modload, no_memory_at_load)
{
	int kmsg, ret = 0, refused = 0, tried = 0;
	char *text, *splat = NULL;
	unsigned int nth = 1;
	bool failed = true;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	if (access(FAILSLAB, F_OK) || !module_path(NOMEM))
		SKIP(return, "this kernel has no failslab");
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, module_load(module_path(NOMEM), "module=perfmlock"));
	kmsg = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ASSERT_GE(lseek(kmsg, 0, SEEK_END), 0);
	set_no_memory();
	for (; failed && nth < MOST_ALLOCATIONS; nth = next_allocation(nth)) {
		ret = load_without(nth, &failed);
		tried++;
		splat = splat ?: splat_in(kmsg);
		if (!ret) {
			EXPECT_EQ(0, access(BOOKS_DIR "/users", F_OK));
			EXPECT_EQ(0, books_unload());
			continue;
		}
		refused++;
		EXPECT_EQ(-ENOMEM, ret);
		EXPECT_FALSE(module_loaded("perfmlock"));
		EXPECT_NE(0, access(BOOKS_DIR, F_OK));
		text = slurp(KPROBES_LIST);
		EXPECT_EQ(NULL, strstr(text, "perf_mmap"));
		free(text);
	}
	EXPECT_EQ(0, module_unload(NOMEM));
	text = leak_but_of_sysfs();
	EXPECT_EQ(NULL, text)
		TH_LOG("%s", text);
	splat = splat ?: splat_in(kmsg);
	EXPECT_EQ(NULL, splat)
		TH_LOG("%s", splat);
	close(kmsg);
	set_back();
	TH_LOG("%d allocations failed, %d of them the load", tried - 1, refused);
	EXPECT_EQ(0, ret);
	EXPECT_FALSE(failed);
	EXPECT_GT(refused, 10);
	ASSERT_EQ(0, books_load(""));
	VERIFY("loaded again");
}

/* A listing held open does not outlive the module in a harmful way. */
TEST_F(modload, listing_open)
{
	int fd[BOOKS_FILES], ret;
	unsigned int i;
	char path[256], buf[16];

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	for (i = 0; i < BOOKS_FILES; i++) {
		bool control = i >= BOOKS_LISTINGS;

		snprintf(path, sizeof(path), BOOKS_DIR "/%s", books_files[i]);
		fd[i] = open(path, control ? O_WRONLY : O_RDONLY);
		ASSERT_GE(fd[i], 0);
		if (!control)
			ASSERT_EQ(1, read(fd[i], buf, 1));
	}
	ret = module_unload("perfmlock");
	EXPECT_TRUE(!ret || ret == -EAGAIN || ret == -EBUSY);
	for (i = 0; i < BOOKS_FILES; i++) {
		if (!ret) {
			/* an error, not the next byte */
			EXPECT_EQ(-1, read(fd[i], buf, 1));
			EXPECT_EQ(-1, write(fd[i], "1", 1));
			lseek(fd[i], 0, SEEK_SET);
		}
		EXPECT_EQ(0, close(fd[i]));
	}
	if (ret)
		ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load(""));
}

/*
 * Opens a listing once for each time that it is told to, and reads it slowly.
 * Never while the module is about to go: between the last reference and
 * MODULE_STATE_GOING debugfs warns of any module's file that is opened.
 */
static long op_reader(const long *a)
{
	char path[256], byte;
	long n = 0;
	int fd;

	while (!sh->stop) {
		if (!sh->go) {
			pm_nap(100);
			continue;
		}
		sh->go = 0;
		snprintf(path, sizeof(path), BOOKS_DIR "/%s",
			 n++ % 2 ? "buffers" : "users");
		fd = open(path, O_RDONLY);
		if (fd < 0)
			return -errno;
		sh->count[a[0]]++;
		while (read(fd, &byte, 1) == 1)
			;
		close(fd);
	}
	return 0;
}

TEST_F(modload, unloaded_while_read)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a, *b;
	int i;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	a = actor_start(e, uid, UNLIMITED, 0);
	/* a reader has to be root, with all that root may */
	b = actor_start(e, 0, UNLIMITED, ACTOR_ALL);
	for (i = 0; i < 100; i++)
		ASSERT_GT(actor_new(a, 1), 0);
	actor_begin(b, op_reader, 0, 0, 0, 0, 0);
	for (i = 0; i < 30; i++) {
		long was = sh->count[0];

		sh->go = 1;
		while (sh->count[0] == was)
			pm_nap(100);
		ASSERT_TRUE(eventually(books_unload() == 0));
		ASSERT_EQ(0, books_load(""));
	}
	sh->stop = 1;
	ASSERT_EQ(0, actor_end(b));
	a->foreign_user = oracle(a->pid).user;
	EXPECT_TRUE(eventually(buffers_count(a->pid, 0) == 100));
	VERIFY("over");
	ASSERT_EQ(0, actor_unmap_all(a));
	a->foreign_user = 0;
	VERIFY("unmapped");
}

/*
 * One probe instance, and somebody who stays in it: the others are not seen.
 * It is counted, and what is not seen never makes a number wrong.
 */
TEST_F(modload, missed_mmaps)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *slow = actor_start(e, uid, UNLIMITED, 0);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	long data, aux, nine;
	long long missed;
	int fd;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	if (!auxpmu_ready())
		SKIP(return, "no perfmlock_auxpmu.ko to load");
	e->exotic = true;
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load("maxactive=1"));
	EXPECT_EQ(0, status_num("missed"));
	fd = actor_open_aux(slow);
	data = actor_map(slow, fd, 5);
	ASSERT_GT(data, 0);
	VERIFY("alone");
	EXPECT_EQ(0, status_num("missed"));

	auxpmu_stand(slow, fd, data, 5, 16);
	nine = actor_new(a, 9);
	ASSERT_GT(nine, 0);
	aux = auxpmu_go_on(slow);
	ASSERT_GT(aux, 0);
	missed = status_num("missed");
	EXPECT_GT(missed, 0);
	/* 9 of the 30 pages nobody has seen charged */
	EXPECT_EQ(30, oracle(a->pid).user);
	EXPECT_EQ(30, users_num(uid, "counter"));
	EXPECT_EQ(30, users_num(uid, "kernel") + users_num(uid, "foreign"));
	EXPECT_EQ(16, buffer_num(slow->pid, "aux", 16, "correct_user"));
	EXPECT_EQ(21, users_num(uid, "correct"));

	ASSERT_EQ(0, actor_unmap(a, nine, 9));
	EXPECT_EQ(21, users_num(uid, "counter"));
	EXPECT_GE(users_num(uid, "kernel"), 0);
	EXPECT_EQ(21, users_num(uid, "correct"));
	ASSERT_EQ(0, actor_unmap_all(slow));
	VERIFY("all unmapped");
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(0, users_num(uid, "foreign"));
	EXPECT_GE(status_num("missed"), missed);
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load(""));
}

/* A close that is not seen: the record must not stay for ever. */
TEST_F(modload, missed_munmaps)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *slow = actor_start(e, uid, UNLIMITED, 0);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	struct actor *b = actor_start(e, uid, UNLIMITED, 0);
	long data, nine;
	pid_t pid = b->pid;
	int fd;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	if (!auxpmu_ready())
		SKIP(return, "no perfmlock_auxpmu.ko to load");
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load("maxactive=1"));
	fd = actor_open_aux(slow);
	data = actor_map(slow, fd, 5);
	ASSERT_GT(data, 0);
	nine = actor_new(a, 9);
	ASSERT_GT(nine, 0);
	ASSERT_GT(actor_new(b, 17), 0);
	VERIFY("mapped");

	auxpmu_stand_unmap(slow, data, 5);
	ASSERT_EQ(0, actor_unmap(a, nine, 9));
	actor_kill(b);
	ASSERT_EQ(0, auxpmu_go_on(slow));
	EXPECT_GT(status_num("missed"), 0);
	EXPECT_EQ(0, oracle(a->pid).user);
	EXPECT_TRUE(eventually(!buffers_count(0, uid)));
	EXPECT_TRUE(eventually(!mms_has(pid, "alive") && !mms_has(pid, "exited")));
	VERIFY("found out");
	EXPECT_EQ(0, users_num(uid, "kernel"));
	EXPECT_EQ(0, users_num(uid, "correct"));
	EXPECT_EQ(0, users_num(uid, "foreign"));
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load(""));
}

/* As before, by the crowd and not by design */
TEST_F(modload, missed_by_a_crowd)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a[4];
	int i;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load("maxactive=1"));
	for (i = 0; i < 4; i++) {
		a[i] = actor_start(e, uid, UNLIMITED, 0);
		actor_begin(a[i], op_churn, i, 0, (long)sh, 0, 0);
	}
	while (sh->count[0] < 400)
		pm_nap(1000);
	sh->stop = 1;
	for (i = 0; i < 4; i++)
		ASSERT_EQ(0, actor_end(a[i]));
	TH_LOG("%lld missed", status_num("missed"));
	EXPECT_EQ(0, oracle(a[0]->pid).user);
	EXPECT_TRUE(eventually(!buffers_count(0, uid)));
	VERIFY("over");
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load(""));
}

TEST_HARNESS_MAIN
