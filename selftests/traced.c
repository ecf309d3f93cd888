// SPDX-License-Identifier: GPL-2.0
/* The trace events: what they say against what the files say. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "perfmlock_fixture.h"

/* debugfs has it as well only where TRACEFS_AUTOMOUNT_DEPRECATED is set */
#define TRACING	"/sys/kernel/tracing"
#define EVENTS	TRACING "/events/perfmlock"

static bool listen(bool on)
{
	return write_file(EVENTS "/enable", on ? "1" : "0", 1) == 1;
}

FIXTURE(traced)
{
	struct test_env e;
};

FIXTURE_SETUP(traced)
{
	env_open(&self->e);
	if (access(EVENTS "/enable", F_OK))
		SKIP(return, "this kernel has no trace events");
	write_file(TRACING "/buffer_size_kb", "8192", 4);
	write_file(TRACING "/tracing_on", "1", 1);
	write_file(TRACING "/trace", "", 0);
	close(open(TRACING "/trace", O_WRONLY | O_TRUNC));
	ASSERT_TRUE(listen(true));
}

FIXTURE_TEARDOWN(traced)
{
	if (!access(EVENTS "/enable", F_OK))
		listen(false);
	EXPECT_EQ(0, env_close(&self->e));
}

/*
 * The events of a kind whose @key is @val: how many, and the last of them behind its
 * name. They are in the order of their times.
 */
static int events(const char *name, const char *key, long long val, char **last)
{
	char *text = slurp(TRACING "/trace"), *save, *line, *at, want[64];
	int n = 0;

	if (!text)
		die("no " TRACING "/trace");
	snprintf(want, sizeof(want), ": %s: ", name);
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		at = strstr(line, want);
		if (!at || line_num(at + strlen(want), key) != val)
			continue;
		n++;
		if (last) {
			free(*last);
			*last = strdup(at + strlen(want));
		}
	}
	free(text);
	return n;
}

static char *event_last(const char *name, const char *key, long long val)
{
	char *last = NULL;

	events(name, key, val, &last);
	return last;
}

static bool is(const char *line, const char *key, const char *text)
{
	char buf[64];

	return !strcmp(line_str(line, key, buf, sizeof(buf)), text);
}

/* What the kernel charged, by the table, and its own sum, by the numbers. */
TEST_F(traced, charge_and_uncharge)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 40, 0);
	struct actor *other = actor_start(e, uid, 0, 0);
	long addr, pages = 33, free = 20;
	char *line;

	ASSERT_EQ(0, actor_fill(other, e->limit - free));
	addr = actor_new(a, pages);
	ASSERT_GT(addr, 0);
	line = event_last("charge", "pid", a->pid);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(is(line, "op", "map"));
	EXPECT_TRUE(is(line, "kind", "data"));
	EXPECT_EQ(buffer_num(a->pid, "data", pages, "id"), line_num(line, "id"));
	EXPECT_EQ(a->uid, line_num(line, "uid"));
	EXPECT_EQ(0, line_num(line, "cpu"));
	EXPECT_EQ((unsigned long)addr, line_hex(line, "vma_start"));
	EXPECT_EQ((unsigned long)addr + pages * e->page, line_hex(line, "vma_end"));
	EXPECT_EQ(pages * e->page, line_num(line, "vma_size"));
	EXPECT_EQ(pages, line_num(line, "user_extra"));
	EXPECT_EQ(e->limit, line_num(line, "user_lock_limit"));
	EXPECT_EQ(e->limit - free + pages, line_num(line, "user_locked"));
	EXPECT_EQ(e->limit - free, line_num(line, "user_counter"));
	EXPECT_EQ(pages - free, line_num(line, "extra"));
	EXPECT_EQ(0, line_num(line, "pinned_vm"));
	EXPECT_EQ(pages - free, line_num(line, "locked"));
	EXPECT_EQ(40, line_num(line, "lock_limit"));
	EXPECT_EQ(free, line_num(line, "kernel_user"));
	EXPECT_EQ(pages - free, line_num(line, "kernel_mm"));
	EXPECT_EQ(free, line_num(line, "correct_user"));
	EXPECT_EQ(pages - free, line_num(line, "correct_mm"));
	EXPECT_EQ(1, line_num(line, "measured"));
	EXPECT_EQ(0, events("uncharge", "pid", a->pid, NULL));

	ASSERT_EQ(0, actor_unmap(a, addr, pages));
	line = event_last("uncharge", "pid", a->pid);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(is(line, "op", "last-unmap"));
	EXPECT_EQ(pages, line_num(line, "pages"));
	EXPECT_EQ((unsigned long)addr, line_hex(line, "vma_start"));
	EXPECT_EQ(-free, line_num(line, "kernel_user"));
	EXPECT_EQ(free - pages, line_num(line, "kernel_mm"));
	EXPECT_EQ(-free, line_num(line, "correct_user"));
	EXPECT_EQ(free - pages, line_num(line, "correct_mm"));
	EXPECT_EQ(e->limit, line_num(line, "user_counter"));
	EXPECT_EQ(pages - free, line_num(line, "pinned_vm"));
}

/* It has the figures of its line. */
TEST_F(traced, denial)
{
	static const char * const same[] = {
		"seq", "uid", "pid", "cpu", "wrongly", "vma_size", "user_extra",
		"user_lock_limit", "user_locked", "locked", "lock_limit",
		"pinned_vm", "extra", "user_counter", "correct_user_counter",
		"correct_pinned_vm", "correct_locked",
	};
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 10, 0);
	char *line, *told;
	unsigned int i;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(-EPERM, actor_new(a, 17));
	ASSERT_EQ(-EPERM, actor_new(a, 33));
	EXPECT_EQ(2, events("denial", "pid", a->pid, NULL));
	line = line_last("denials", "pid", a->pid);
	told = event_last("denial", "pid", a->pid);
	ASSERT_NE(NULL, line);
	ASSERT_NE(NULL, told);
	EXPECT_EQ(33, line_num(told, "user_extra"));
	for (i = 0; i < ARRAY_SIZE(same); i++) {
		if (line_num(line, same[i]) != line_num(told, same[i]))
			TH_LOG("%s: %s, but: %s", same[i], told, line);
		EXPECT_EQ(line_num(line, same[i]), line_num(told, same[i]));
	}
	EXPECT_EQ(line_hex(line, "vma_start"), line_hex(told, "vma_start"));
}

/* @a is charged for 9 pages, and @b unmaps them last. */
static void one_maps_other_unmaps(struct __test_metadata *_metadata,
				  struct actor *a, struct actor *b)
{
	int fd = actor_open(a, 0), there = actor_give(a, fd, b);
	long in_a, in_b;

	ASSERT_GE(there, 0);
	in_a = actor_map(a, fd, 9);
	in_b = actor_map(b, there, 9);
	ASSERT_GT(in_a, 0);
	ASSERT_GT(in_b, 0);
	ASSERT_EQ(0, actor_unmap(a, in_a, 9));
	ASSERT_EQ(0, actor_unmap(b, in_b, 9));
}

/* Charged to one process, uncharged from another: on every kernel without a cure. */
TEST_F(traced, drift)
{
	static const char * const same[] = {
		"id", "uid", "pid", "owner_uid", "owner_pid", "pages",
		"kernel_user", "kernel_mm", "correct_user", "correct_mm",
		"inherited",
	};
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	struct actor *b = actor_start(e, uid, UNLIMITED, 0);
	long id;
	char *line, *told;
	unsigned int i;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	one_maps_other_unmaps(_metadata, a, b);
	e->leak_mm = oracle(b->pid).mm != 0;
	e->leak_user = env_remap_leaks(e);
	/* a further mapping is an event too */
	line = event_last("charge", "pid", b->pid);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(is(line, "op", "remap"));
	EXPECT_EQ(a->pid, line_num(line, "owner_pid"));
	EXPECT_EQ(0, line_num(line, "kernel_mm"));
	id = line_num(line, "id");
	if (!e->leak_mm) {
		EXPECT_EQ(e->leak_user, lines_count("drifts", "pid", b->pid));
		SKIP(return, "this kernel remembers the mm it charged");
	}
	line = line_last("drifts", "pid", b->pid);
	told = event_last("drift", "pid", b->pid);
	ASSERT_NE(NULL, line);
	ASSERT_NE(NULL, told);
	EXPECT_TRUE(is(told, "cause", "wrong-mm"));
	EXPECT_TRUE(is(told, "commit", "9bb5d40cd93c"));
	EXPECT_TRUE(is(told, "relation", "brought"));
	EXPECT_EQ(id, line_num(told, "id"));
	EXPECT_EQ(-9, line_num(told, "kernel_mm"));
	for (i = 0; i < ARRAY_SIZE(same); i++)
		EXPECT_EQ(line_num(line, same[i]), line_num(told, same[i]));
}

/* What is taken off, and added back, by the call that did it and by the switch. */
TEST_F(traced, repair)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	struct actor *b = actor_start(e, uid, UNLIMITED, 0);
	char *line;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	/* no more to be seen when it is on */
	e->leak_user = env_remap_leaks(e);
	ASSERT_EQ(0, env_repair(e, true));
	one_maps_other_unmaps(_metadata, a, b);
	e->leak_mm = true;
	if (!mms_num(a->pid, "repaired"))
		SKIP(return, "this kernel remembers the mm it charged");
	EXPECT_EQ(1, events("repair", "pid", a->pid, NULL));
	line = event_last("repair", "pid", a->pid);
	EXPECT_TRUE(is(line, "account", "pinned_vm"));
	EXPECT_EQ(-9, line_num(line, "pages"));
	EXPECT_EQ(-9, line_num(line, "repaired"));
	line = event_last("repair", "pid", b->pid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(9, line_num(line, "pages"));
	EXPECT_EQ(uid, line_num(line, "uid"));
	ASSERT_EQ(0, env_repair(e, false));
	EXPECT_EQ(2, events("repair", "pid", a->pid, NULL));
	line = event_last("repair", "pid", a->pid);
	EXPECT_EQ(9, line_num(line, "pages"));
	EXPECT_EQ(0, line_num(line, "repaired"));
}

/* Opens a trace event of itself. */
static long op_listen(const long *a)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT,
		.size = sizeof(attr),
		.config = a[0],
		/* else it is refused for that */
		.exclude_kernel = 1,
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* It would make the calls of all tell, and keep the module loaded. */
TEST_F(traced, not_for_users)
{
	static const char * const names[] = { "charge", "uncharge", "denial", "drift", "repair" };
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	struct actor *root = actor_start(e, 0, 0, ACTOR_ALL);
	long was = sysctl_get("perf_event_paranoid"), id;
	char path[128];
	unsigned int i;

	ASSERT_EQ(0, sysctl_set("perf_event_paranoid", 2));
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), EVENTS "/%s/id", names[i]);
		id = atol(slurp(path));
		EXPECT_EQ(-EPERM, actor_call(a, op_listen, id, 0, 0, 0, 0));
		EXPECT_EQ(0, actor_call(root, op_listen, id, 0, 0, 0, 0));
	}
	ASSERT_EQ(0, sysctl_set("perf_event_paranoid", was));
}

/* Who does not listen is told nothing. */
TEST_F(traced, not_unless_asked)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	long addr;

	ASSERT_TRUE(listen(false));
	addr = actor_new(a, 3);
	ASSERT_GT(addr, 0);
	ASSERT_EQ(1, write_file(EVENTS "/uncharge/enable", "1", 1));
	ASSERT_EQ(0, actor_unmap(a, addr, 3));
	EXPECT_EQ(0, events("charge", "pid", a->pid, NULL));
	EXPECT_EQ(1, events("uncharge", "pid", a->pid, NULL));
}

/* All of many at once, on every CPU, while events come and go. */
TEST_F(traced, beside_each_other)
{
	struct test_env *e = &self->e;
	struct actor *a[4];
	unsigned int i;
	long all = 0;

	for (i = 0; i < ARRAY_SIZE(a); i++) {
		a[i] = actor_start(e, env_uid(e), UNLIMITED, 0);
		actor_begin(a[i], op_churn, i, 2000, (long)e->sh, 0, 0);
	}
	for (i = 0; i < 20; i++) {
		pm_nap(100000);
		if (i % 4 == 3) {
			ASSERT_TRUE(listen(false));
			ASSERT_TRUE(listen(true));
		}
	}
	e->sh->stop = 1;
	for (i = 0; i < ARRAY_SIZE(a); i++) {
		ASSERT_EQ(0, actor_end(a[i]));
		all += events("charge", "pid", a[i]->pid, NULL);
	}
	TH_LOG("%ld charges", all);
	EXPECT_GT(all, 10);
	EXPECT_EQ(0, status_num("untraced"));
}

/* Unloaded while somebody listens, or refused, and nothing worse. */
TEST_F(traced, unloads)
{
	struct test_env *e = &self->e;
	struct actor *a;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	actor_begin(a, op_churn, 0, 1000, (long)e->sh, 0, 0);
	pm_nap(100000);
	ASSERT_EQ(0, books_unload());
	EXPECT_NE(0, access(EVENTS, F_OK));
	ASSERT_EQ(0, books_load(""));
	ASSERT_TRUE(listen(true));
	pm_nap(100000);
	e->sh->stop = 1;
	ASSERT_EQ(0, actor_end(a));
	EXPECT_GT(events("charge", "pid", a->pid, NULL), 0);
}

TEST_HARNESS_MAIN
