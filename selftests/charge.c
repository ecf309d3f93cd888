// SPDX-License-Identifier: GPL-2.0
/* The books of one process: which page goes where. */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "perfmlock_fixture.h"

/* One buffer on every CPU, as perf and libbpf do: a row each. */
TEST_F(books, one_buffer_per_cpu)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	struct table *t;
	int cpu, fd, row;

	for (cpu = 0; cpu < e->cpus; cpu++) {
		fd = actor_open(a, cpu);
		ASSERT_GE(fd, 0);
		ASSERT_GT(actor_map(a, fd, 9), 0);
	}
	VERIFY("mapped");

	t = table_get("buffers");
	for (cpu = 0; cpu < e->cpus; cpu++) {
		row = -1;
		do {
			row = table_find(t, row + 1, "cpu", cpu);
			ASSERT_GE(row, 0);
		} while (table_num(t, row, "pid") != a->pid);
		EXPECT_EQ(a->uid, table_num(t, row, "uid"));
		EXPECT_EQ(9, table_num(t, row, "pages"));
		EXPECT_EQ(1, table_num(t, row, "maps"));
		EXPECT_EQ(9, table_num(t, row, "kernel_user"));
		EXPECT_EQ(0, table_num(t, row, "kernel_mm"));
		EXPECT_EQ(9, table_num(t, row, "correct_user"));
		EXPECT_EQ(0, table_num(t, row, "correct_mm"));
		EXPECT_STREQ("data", table_str(t, row, "kind"));
		EXPECT_STREQ("1:0x9", table_str(t, row, "event"));
		EXPECT_STREQ("seen", table_str(t, row, "origin"));
		EXPECT_STREQ("pm_actor", table_str(t, row, "comm"));
	}
	table_put(t);

	EXPECT_EQ(e->cpus, users_num(a->uid, "buffers"));
	EXPECT_EQ(9 * e->cpus, users_num(a->uid, "kernel"));
	EXPECT_EQ(9 * e->cpus, users_num(a->uid, "correct"));
	EXPECT_EQ(0, users_num(a->uid, "drift"));
	EXPECT_EQ(9 * e->cpus, oracle(a->pid).user);
	EXPECT_EQ(0, mms_num(a->pid, "kernel"));
	EXPECT_EQ(0, oracle(a->pid).mm);
	EXPECT_EQ(64, mms_num(a->pid, "rlimit"));
	EXPECT_EQ(9 * e->cpus, mapped_pages(a->pid));

	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("unmapped");
	EXPECT_EQ(0, users_num(a->uid, "buffers"));
	EXPECT_EQ(0, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, buffers_count(a->pid, 0));
}

/* Sizes are 1 + 2^k pages, or the control page alone. */
TEST_F(books, every_size)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	long n, sum = 0;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_GT(actor_new(a, 1), 0);
	EXPECT_EQ(1, buffer_num(a->pid, "data", 1, "kernel_user"));
	sum++;
	for (n = 1; n <= 512; n *= 2) {
		long long user, mm;

		ASSERT_GT(actor_new(a, n + 1), 0);
		user = e->limit - sum;
		user = user > n + 1 ? n + 1 : user < 0 ? 0 : user;
		mm = n + 1 - user;
		EXPECT_EQ(user, buffer_num(a->pid, "data", n + 1, "correct_user"));
		EXPECT_EQ(mm, buffer_num(a->pid, "data", n + 1, "correct_mm"));
		EXPECT_EQ(user, buffer_num(a->pid, "data", n + 1, "kernel_user"));
		EXPECT_EQ(mm, buffer_num(a->pid, "data", n + 1, "kernel_mm"));
		sum += n + 1;
	}
	VERIFY("mapped");
	EXPECT_EQ(e->limit < sum ? e->limit : sum, users_num(a->uid, "kernel"));
}

/* The last page that fits, the first that does not, and a split between. */
FIXTURE(split)
{
	struct test_env e;
};

FIXTURE_VARIANT(split)
{
	long left;	/* pages free under the limit before the mmap */
	long pages;
	long user;
};

FIXTURE_VARIANT_ADD(split, all_fit)		{ 17, 9, 9 };
FIXTURE_VARIANT_ADD(split, last_page_fits)	{ 9, 9, 9 };
FIXTURE_VARIANT_ADD(split, one_page_over)	{ 8, 9, 8 };
FIXTURE_VARIANT_ADD(split, middle)		{ 5, 9, 5 };
FIXTURE_VARIANT_ADD(split, one_page_fits)	{ 1, 9, 1 };
FIXTURE_VARIANT_ADD(split, none_fits)		{ 0, 9, 0 };
FIXTURE_VARIANT_ADD(split, big_on_one)		{ 1, 129, 1 };
FIXTURE_VARIANT_ADD(split, control_page_only)	{ 0, 1, 0 };

FIXTURE_SETUP(split)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(split)
{
	EXPECT_EQ(0, env_close(&self->e));
}

TEST_F(split, to_the_page)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	/* another process fills, so that the mm and the buffer are found alone */
	struct actor *filler = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, 256, 0);
	long mm = variant->pages - variant->user;

	if (variant->user < variant->pages && env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(filler, e->limit - variant->left));
	ASSERT_EQ(e->limit - variant->left, users_num(uid, "kernel"));
	VERIFY("filled");

	ASSERT_GT(actor_new(a, variant->pages), 0);
	VERIFY("mapped");
	EXPECT_EQ(variant->user,
		  buffer_num(a->pid, "data", variant->pages, "correct_user"));
	EXPECT_EQ(mm, buffer_num(a->pid, "data", variant->pages, "correct_mm"));
	EXPECT_EQ(variant->user,
		  buffer_num(a->pid, "data", variant->pages, "kernel_user"));
	EXPECT_EQ(mm, buffer_num(a->pid, "data", variant->pages, "kernel_mm"));
	EXPECT_EQ(mm, mms_num(a->pid, "kernel"));
	EXPECT_EQ(mm, oracle(a->pid).mm);
	EXPECT_EQ(0, mms_num(filler->pid, "kernel"));
	EXPECT_EQ(e->limit - variant->left + variant->user, oracle(a->pid).user);

	/* what was charged to the mm is not given back to the user */
	ASSERT_EQ(0, actor_unmap_all(filler));
	VERIFY("filler gone");
	EXPECT_EQ(variant->user, users_num(uid, "kernel"));
	EXPECT_EQ(mm, mms_num(a->pid, "correct"));
	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("unmapped");
}

/* A second mapping of a buffer is free, and the first munmap too. */
TEST_F(books, remap)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int fd = actor_open(a, 0);
	long first, second;
	long long leak;
	char *line;

	ASSERT_GE(fd, 0);
	first = actor_map(a, fd, 17);
	ASSERT_GT(first, 0);
	second = actor_map(a, fd, 17);
	ASSERT_GT(second, 0);
	leak = oracle(a->pid).user - 17;
	e->leak_user = leak != 0;
	VERIFY("mapped twice");
	EXPECT_EQ(1, buffers_count(a->pid, 0));
	EXPECT_EQ(2, buffer_num(a->pid, "data", 17, "maps"));
	EXPECT_EQ(17, buffer_num(a->pid, "data", 17, "correct_user"));
	EXPECT_EQ(17, users_num(a->uid, "correct"));
	EXPECT_EQ(leak, users_num(a->uid, "drift"));

	line = line_last("drifts", "pid", a->pid);
	if (leak) {
		char cause[32];

		note("this kernel charges a re-map: %lld pages leak", leak);
		ASSERT_NE(NULL, line);
		EXPECT_EQ(1, lines_count("drifts", "pid", a->pid));
		EXPECT_STREQ("remap-charge", line_str(line, "cause", cause,
						      sizeof(cause)));
		EXPECT_EQ(leak, line_num(line, "kernel_user"));
		EXPECT_EQ(0, line_num(line, "kernel_mm"));
		EXPECT_EQ(17, line_num(line, "pages"));
		EXPECT_EQ(a->uid, line_num(line, "uid"));
	} else {
		EXPECT_EQ(NULL, line);
	}

	ASSERT_EQ(0, actor_unmap(a, first, 17));
	VERIFY("unmapped once");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 17, "maps"));
	EXPECT_EQ(17, users_num(a->uid, "correct"));
	ASSERT_EQ(0, actor_unmap(a, second, 17));
	VERIFY("unmapped twice");
	EXPECT_EQ(0, buffers_count(a->pid, 0));
	EXPECT_EQ(leak, users_num(a->uid, "kernel"));
}

/* The same event again after the last munmap is a new buffer. */
TEST_F(books, mapped_again)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int fd = actor_open(a, 0), i;
	long pages;

	ASSERT_GE(fd, 0);
	for (i = 0; i < 20; i++) {
		pages = 1 + (1 << i % 6);
		ASSERT_GT(actor_map(a, fd, pages), 0);
		ASSERT_EQ(1, buffers_count(a->pid, 0));
		ASSERT_EQ(pages, buffer_num(a->pid, "data", pages, "kernel_user"));
		ASSERT_EQ(pages, users_num(a->uid, "kernel"));
		ASSERT_EQ(0, actor_unmap_all(a));
		ASSERT_EQ(0, users_num(a->uid, "kernel"));
	}
	EXPECT_EQ(0, lines_count("drifts", "pid", a->pid));
}

/* The mapping holds the buffer, not the fd. */
TEST_F(books, event_closed_first)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int fd = actor_open(a, 0);

	ASSERT_GE(fd, 0);
	ASSERT_GT(actor_map(a, fd, 5), 0);
	ASSERT_EQ(0, actor_close(a, fd));
	VERIFY("closed");
	EXPECT_EQ(5, users_num(a->uid, "kernel"));
	ASSERT_EQ(0, actor_unmap_all(a));
	VERIFY("unmapped");
	EXPECT_EQ(0, users_num(a->uid, "kernel"));
}

TEST_F(books, event_column)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	struct table *t;
	int fd, row;

	/* an event of a task, on every CPU */
	fd = actor_open_type(a, -1, PERF_TYPE_SOFTWARE,
			     PERF_COUNT_SW_CONTEXT_SWITCHES);
	ASSERT_GE(fd, 0);
	ASSERT_GT(actor_map(a, fd, 5), 0);
	VERIFY("mapped");
	t = table_get("buffers");
	row = table_find(t, 0, "pid", a->pid);
	ASSERT_GE(row, 0);
	EXPECT_STREQ("1:0x3", table_str(t, row, "event"));
	EXPECT_EQ(-1, table_num(t, row, "cpu"));
	table_put(t);
}

static long op_map_ro(const long *a)
{
	void *addr = mmap(NULL, a[1] * getpagesize(), PROT_READ, MAP_SHARED,
			  a[0], 0);

	return addr == MAP_FAILED ? -errno : (long)addr;
}

/* A read-only mapping makes the buffer overwrite itself; it costs the same. */
TEST_F(books, read_only)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int fd = actor_open(a, 0);
	long addr;

	ASSERT_GE(fd, 0);
	addr = actor_call(a, op_map_ro, fd, 5, 0, 0, 0);
	ASSERT_GT(addr, 0);
	VERIFY("mapped");
	EXPECT_EQ(5, users_num(a->uid, "kernel"));
	ASSERT_EQ(0, actor_unmap(a, addr, 5));
	VERIFY("unmapped");
}

static long op_map_fixed(const long *a)
{
	void *addr = mmap((void *)a[2], a[1] * getpagesize(),
			  PROT_READ | PROT_WRITE, a[3] | MAP_FIXED, a[0], 0);

	return addr == MAP_FAILED ? -errno : (long)addr;
}

/* mmap() over a buffer unmaps it first, also when it then fails. */
TEST_F(books, mapped_over)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int one = actor_open(a, 0), two = actor_open(a, 0);
	long addr;

	ASSERT_GE(one, 0);
	ASSERT_GE(two, 0);
	addr = actor_map(a, one, 9);
	ASSERT_GT(addr, 0);
	ASSERT_EQ(addr, actor_call(a, op_map_fixed, two, 9, addr, MAP_SHARED, 0));
	VERIFY("over it");
	EXPECT_EQ(1, buffers_count(a->pid, 0));
	EXPECT_EQ(9, users_num(a->uid, "kernel"));

	/* which perf_mmap() refuses */
	EXPECT_EQ(-EINVAL, actor_call(a, op_map_fixed, one, 9, addr,
				      MAP_PRIVATE, 0));
	VERIFY("failed over it");
	EXPECT_EQ(mapped_pages(a->pid), users_num(a->uid, "kernel"));
}

static long op_munmap_part(const long *a)
{
	return munmap((void *)(a[0] + a[1] * getpagesize()),
		      a[2] * getpagesize()) ? -errno : 0;
}

/* A buffer cannot be taken apart; the refusal changes nothing. */
TEST_F(books, part_of_it)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	long addr = actor_new(a, 9), ret;

	ASSERT_GT(addr, 0);
	ret = actor_call(a, op_munmap_part, addr, 1, 3, 0, 0);
	if (!ret)
		e->exotic = true;
	else
		EXPECT_EQ(-EINVAL, ret);
	EXPECT_EQ(9, users_num(a->uid, "correct"));
	EXPECT_EQ(9, oracle(a->pid).user);
	if (!ret)
		SKIP(return, "this kernel lets a buffer be unmapped in parts");
	VERIFY("not unmapped");
	EXPECT_EQ(1, buffer_num(a->pid, "data", 9, "maps"));
}

static long op_comm(const long *a)
{
	(void)a;
	return prctl(PR_SET_NAME, "a b\nc\\d=e #") ? -errno : 0;
}

/* A name chosen to break the tables */
TEST_F(books, comm_escaped)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	static const char * const tables[] = { "buffers", "mms" };
	char comm[128];
	unsigned int i;
	char *line;

	ASSERT_EQ(0, actor_call(a, op_comm, 0, 0, 0, 0, 0));
	ASSERT_GT(actor_new(a, 5), 0);
	ASSERT_EQ(0, actor_fill(a, e->limit - 5));
	ASSERT_EQ(-EPERM, actor_new(a, 5));
	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		struct table *t = table_get(tables[i]);
		int row = table_find(t, 0, "pid", a->pid);

		ASSERT_GE(row, 0);
		snprintf(comm, sizeof(comm), "%s", table_str(t, row, "comm"));
		unescape(comm);
		EXPECT_STREQ("a b\nc\\d=e #", comm);
		table_put(t);
	}
	line = line_last("denials", "pid", a->pid);
	ASSERT_NE(NULL, line);
	line_str(line, "comm", comm, sizeof(comm));
	unescape(comm);
	EXPECT_STREQ("a b\nc\\d=e #", comm);
	/* and what comes after the name is still found */
	EXPECT_EQ(5, line_num(line, "extra"));
	VERIFY("named");
}

TEST_HARNESS_MAIN
