// SPDX-License-Identifier: GPL-2.0
/* mmap()s of perf events that fail by something else than the accounting. */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "perfmlock_fixture.h"

FIXTURE(failures)
{
	struct test_env e;
	struct actor *a;
};

FIXTURE_SETUP(failures)
{
	env_open(&self->e);
	self->a = actor_start(&self->e, env_uid(&self->e), UNLIMITED, 0);
}

FIXTURE_TEARDOWN(failures)
{
	/* whatever it was, it has moved nothing */
	EXPECT_EQ(0, lines_count("denials", "pid", self->a->pid));
	EXPECT_EQ(0, lines_count("drifts", "pid", self->a->pid));
	EXPECT_EQ(0, users_num(self->a->uid, "denied"));
	EXPECT_EQ(0, env_close(&self->e));
}

/* Is the last failure of @a told to be that? */
static bool told(struct actor *a, const char *reason, const char *error, long pages)
{
	char *line = line_last("failures", "pid", a->pid), buf[64];

	if (!line) {
		note("there is no line of %d", a->pid);
		return false;
	}
	if (!strcmp(line_str(line, "reason", buf, sizeof(buf)), reason) &&
	    !strcmp(line_str(line, "errno", buf, sizeof(buf)), error) &&
	    line_num(line, "pages") == pages)
		return true;
	note("not %s of %ld pages, %s: %s", reason, pages, error, line);
	return false;
}

static long op_map_flags(const long *a)
{
	int fd = fresh_event();
	void *addr = mmap(NULL, a[0] * getpagesize(), PROT_READ | PROT_WRITE,
			  a[1], fd, 0);
	long ret = addr == MAP_FAILED ? -errno : 0;

	close(fd);
	return ret;
}

TEST_F(failures, of_size)
{
	struct actor *a = self->a;
	int fd = actor_open(a, 0);

	ASSERT_EQ(-EINVAL, actor_map(a, fd, 4));
	EXPECT_TRUE(told(a, "size", "EINVAL", 4));
	ASSERT_EQ(-EINVAL, actor_map(a, fd, 8));
	EXPECT_TRUE(told(a, "size", "EINVAL", 8));
	ASSERT_GT(actor_map(a, fd, 9), 0);
	ASSERT_EQ(-EINVAL, actor_map(a, fd, 5));
	EXPECT_TRUE(told(a, "other-size-than-mapped", "EINVAL", 5));
	ASSERT_EQ(-EINVAL, actor_map(a, fd, 8));
	EXPECT_TRUE(told(a, "size", "EINVAL", 8));
}

TEST_F(failures, of_kind)
{
	struct actor *a = self->a;

	ASSERT_EQ(-EINVAL, actor_call(a, op_map_flags, 9, MAP_PRIVATE, 0, 0, 0));
	EXPECT_TRUE(told(a, "private-mapping", "EINVAL", 9));
	ASSERT_EQ(-EINVAL, actor_call(a, op_map_inherit, 9, 0, 0, 0, 0));
	EXPECT_TRUE(told(a, "inherited-task-event", "EINVAL", 9));
}

/* Sets where the AUX area is to be, and maps it. */
static long op_map_area(const long *a)
{
	long page = getpagesize(), ret;
	struct perf_event_mmap_page *head;
	void *area;
	int fd = fresh_event();

	head = pm_map(fd, a[0], 0);
	if (head == MAP_FAILED)
		return -errno;
	head->aux_offset = a[0] * page;
	head->aux_size = a[1] * page;
	area = pm_map(fd, a[2], a[0]);
	ret = area == MAP_FAILED ? -errno : 0;
	pm_unmap(head, a[0]);
	close(fd);
	return ret;
}

TEST_F(failures, of_aux)
{
	struct actor *a = self->a;
	int fd = actor_open(a, 0);

	ASSERT_EQ(-EINVAL, actor_map_at(a, fd, 8, 9));
	EXPECT_TRUE(told(a, "aux-without-data", "EINVAL", 8));
	ASSERT_EQ(-EINVAL, actor_call(a, op_map_area, 9, 4, 8, 0, 0));
	EXPECT_TRUE(told(a, "aux-offset-or-size", "EINVAL", 8));
	ASSERT_EQ(-EINVAL, actor_call(a, op_map_area, 9, 3, 3, 0, 0));
	EXPECT_TRUE(told(a, "size", "EINVAL", 3));
	ASSERT_EQ(-EOPNOTSUPP, actor_call(a, op_map_area, 9, 4, 4, 0, 0));
	EXPECT_TRUE(told(a, "event-without-aux", "EOPNOTSUPP", 4));
}

TEST_F(failures, too_large)
{
	struct actor *a = self->a;
	int fd = actor_open(a, 0);

	/* none of 1 + 2^k */
	ASSERT_EQ(-EINVAL, actor_map(a, fd, 4));
	if (sizeof(long) == 4)
		SKIP(return, "no process of 32 bits has room for it");
	ASSERT_EQ(-ENOMEM, actor_map(a, fd, TOO_LARGE));
	EXPECT_TRUE(told(a, "too-large", "ENOMEM", TOO_LARGE));
}

/* A program that unmaps a part of a ring, as those with a mirror do. */
TEST_F(failures, of_a_split)
{
	struct actor *a = self->a;
	long addr = actor_new(a, 9);
	int ret;

	ASSERT_GT(addr, 0);
	ret = actor_unmap(a, addr + 4 * self->e.page, 2);
	if (!ret)
		SKIP(self->e.exotic = true; return,
		     "this kernel lets a mapping be split");
	ASSERT_EQ(-EINVAL, ret);
	EXPECT_TRUE(told(a, "split", "EINVAL", 9));
	ASSERT_EQ(0, actor_unmap(a, addr, 9));
}

/* The mmap of an event that writes into another's ring: an error since 2026. */
TEST_F(failures, redirected)
{
	struct actor *a = self->a;
	int ring = actor_open(a, 0), fd = actor_open(a, 0);
	long ret;

	ASSERT_GT(actor_map(a, ring, 9), 0);
	ASSERT_EQ(0, actor_call(a, op_set_output, fd, ring, 0, 0, 0));
	ret = actor_map(a, fd, 9);
	if (ret > 0)
		SKIP(return, "this kernel maps another event's ring");
	ASSERT_EQ(-EBUSY, ret);
	EXPECT_TRUE(told(a, "event-redirected", "EBUSY", 9));
}

/* Equal ones are one line, and a reset forgets them. */
TEST_F(failures, are_counted)
{
	struct actor *a = self->a;
	int fd = actor_open(a, 0), i;
	char *line;

	for (i = 0; i < 300; i++)
		ASSERT_EQ(-EINVAL, actor_map(a, fd, 4));
	EXPECT_EQ(1, lines_count("failures", "pid", a->pid));
	line = line_last("failures", "pid", a->pid);
	EXPECT_EQ(300, line_num(line, "times"));
	ASSERT_EQ(1, write_file(BOOKS_DIR "/reset", "1", 1));
	EXPECT_EQ(0, lines_count("failures", "pid", a->pid));
}

TEST_HARNESS_MAIN
