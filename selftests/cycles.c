// SPDX-License-Identifier: GPL-2.0
/* Loaded and unloaded a thousand times while two processes map and unmap. */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <sys/mman.h>

#include "perfmlock_fixture.h"

static struct shared *sh;

/* The sum of what a file of /proc has behind a name, each time it is there. */
static long sum_of(const char *path, const char *name)
{
	char *text = slurp(path), *p = text;
	long sum = 0;

	while (p && (p = strstr(p, name))) {
		p += strlen(name);
		sum += atol(p);
	}
	free(text);
	return sum;
}

/*
 * And what each CPU keeps of freed pages for itself, which is no part of it: 6.1
 * lets them be 30 MB of 1 GB, and they come and go.
 */
static long available_kb(void)
{
	long page_kb = sysconf(_SC_PAGESIZE) / 1024;

	return sum_of("/proc/meminfo", "MemAvailable:") +
	       sum_of("/proc/zoneinfo", " count:") * page_kb;
}

#define WARM	50

TEST_F(books, thousand_cycles)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a, *b;
	char rcu[8] = "0";
	long was = 0, now, calls = 0;
	int i, cycles = 1000;
	char *text;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	text = getenv("PERFMLOCK_TEST_CYCLES");
	if (text)
		cycles = atoi(text);
	ASSERT_GT(cycles, WARM);
	/* grace periods would take the most of the time */
	text = slurp("/sys/kernel/rcu_expedited");
	if (text)
		snprintf(rcu, sizeof(rcu), "%d", atoi(text));
	write_file("/sys/kernel/rcu_expedited", "1", 1);
	sh = e->sh;
	a = actor_start(e, uid, UNLIMITED, 0);
	b = actor_start(e, uid, UNLIMITED, 0);
	/* some buffers live at each load and unload, and some calls under way */
	actor_begin(a, op_churn, 0, 10000, (long)sh, 0, 0);
	actor_begin(b, op_churn, 1, 10000, (long)sh, 0, 0);
	for (i = 0; i < cycles; i++) {
		if (i == WARM) {
			was = available_kb();
			calls = sh->count[0] + sh->count[1];
		}
		ASSERT_EQ(0, books_unload());
		ASSERT_EQ(0, books_load(""));
	}
	now = available_kb();
	/* neither file may have been unreadable */
	EXPECT_GT(was, 0);
	EXPECT_GT(now, 0);
	calls = sh->count[0] + sh->count[1] - calls;
	write_file("/sys/kernel/rcu_expedited", rcu, strlen(rcu));
	TH_LOG("%ld calls meanwhile, available memory %ld -> %ld kB", calls, was,
	       now);
	EXPECT_GT(calls, cycles - WARM);
	/* a copy of the module a cycle, or its tables, would be more */
	EXPECT_LT(was - now, (2048 + cycles - WARM) * (e->page / 1024));
	EXPECT_TRUE(sh->count[0] && sh->count[1]);
	sh->stop = 1;
	ASSERT_EQ(0, actor_end(a));
	ASSERT_EQ(0, actor_end(b));
	ASSERT_EQ(0, oracle(a->pid).user);
	EXPECT_TRUE(eventually(!buffers_count(0, uid)));
	VERIFY("over");
}

TEST_HARNESS_MAIN
