// SPDX-License-Identifier: GPL-2.0
/* AUX areas, with a PMU that has nothing else. */
#define _GNU_SOURCE
#include <linux/perf_event.h>

#include "perfmlock_fixture.h"

FIXTURE(aux)
{
	struct test_env e;
};

FIXTURE_SETUP(aux)
{
	env_open(&self->e);
	self->e.exotic = true;
	if (!auxpmu_ready())
		die("no perfmlock_auxpmu.ko to load");
}

FIXTURE_TEARDOWN(aux)
{
	auxpmu_set("fail", 0);
	EXPECT_EQ(0, env_close(&self->e));
}

TEST_F(aux, beside_the_data)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	struct table *t;
	int fd = actor_open_aux(a), row;
	long data, aux;
	char event[32];

	ASSERT_GE(fd, 0);
	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	VERIFY("data");
	EXPECT_EQ(1, buffers_count(a->pid, 0));
	aux = actor_map_aux(a, fd, data, 5, 16);
	ASSERT_GT(aux, 0);
	VERIFY("data and aux");
	EXPECT_EQ(2, buffers_count(a->pid, 0));
	EXPECT_EQ(5, buffer_num(a->pid, "data", 5, "kernel_user"));
	EXPECT_EQ(16, buffer_num(a->pid, "aux", 16, "kernel_user"));
	EXPECT_EQ(16, buffer_num(a->pid, "aux", 16, "correct_user"));
	EXPECT_EQ(0, buffer_num(a->pid, "aux", 16, "correct_mm"));
	EXPECT_EQ(1, buffer_num(a->pid, "aux", 16, "maps"));
	EXPECT_EQ(21, users_num(a->uid, "kernel"));
	EXPECT_EQ(21, mapped_pages(a->pid));
	snprintf(event, sizeof(event), "%ld:0x0", auxpmu_type());
	t = table_get("buffers");
	for (row = table_find(t, 0, "pid", a->pid); row >= 0;
	     row = table_find(t, row + 1, "pid", a->pid)) {
		EXPECT_STREQ(event, table_str(t, row, "event"));
		EXPECT_EQ(0, table_num(t, row, "cpu"));
	}
	table_put(t);

	ASSERT_EQ(0, actor_unmap(a, aux, 16));
	VERIFY("aux unmapped");
	EXPECT_FALSE(buffer_has(a->pid, "aux", 16));
	EXPECT_EQ(5, users_num(a->uid, "kernel"));
	ASSERT_EQ(0, actor_unmap(a, data, 5));
	VERIFY("both unmapped");
	EXPECT_EQ(0, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, lines_count("drifts", "pid", a->pid));
}

/* The AUX mapping keeps the data buffer, and its charge. */
TEST_F(aux, data_unmapped_first)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int fd = actor_open_aux(a);
	long data, aux;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit - 12));
	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	aux = actor_map_aux(a, fd, data, 5, 16);
	ASSERT_GT(aux, 0);
	VERIFY("mapped");
	EXPECT_EQ(7, buffer_num(a->pid, "aux", 16, "kernel_user"));
	EXPECT_EQ(9, buffer_num(a->pid, "aux", 16, "kernel_mm"));
	EXPECT_EQ(7, buffer_num(a->pid, "aux", 16, "correct_user"));
	EXPECT_EQ(9, buffer_num(a->pid, "aux", 16, "correct_mm"));

	ASSERT_EQ(0, actor_unmap(a, data, 5));
	VERIFY("data unmapped");
	EXPECT_TRUE(buffer_has(a->pid, "data", 5));
	EXPECT_EQ(e->limit, users_num(a->uid, "kernel"));
	EXPECT_EQ(9, mms_num(a->pid, "kernel"));
	ASSERT_EQ(0, actor_unmap(a, aux, 16));
	VERIFY("aux unmapped");
	EXPECT_EQ(e->limit - 12, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, mms_num(a->pid, "kernel"));
	EXPECT_FALSE(buffer_has(a->pid, "data", 5));
	EXPECT_EQ(0, lines_count("drifts", "pid", a->pid));
}

TEST_F(aux, remap)
{
	struct test_env *e = &self->e;
	bool leaks = env_remap_leaks(e);
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int fd = actor_open_aux(a);
	long data, one, two;
	char *line, buf[32];

	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	one = actor_map_aux(a, fd, data, 5, 8);
	ASSERT_GT(one, 0);
	two = actor_map_aux(a, fd, data, 5, 8);
	ASSERT_GT(two, 0);
	VERIFY("mapped twice");
	EXPECT_EQ(2, buffer_num(a->pid, "aux", 8, "maps"));
	EXPECT_EQ(13, users_num(a->uid, "correct"));
	EXPECT_EQ(leaks ? 8 : 0, users_num(a->uid, "drift"));
	line = line_last("drifts", "pid", a->pid);
	if (leaks) {
		ASSERT_NE(NULL, line);
		EXPECT_STREQ("remap-charge", line_str(line, "cause", buf, 32));
		EXPECT_STREQ("aux", line_str(line, "kind", buf, 32));
		EXPECT_EQ(8, line_num(line, "kernel_user"));
	} else {
		EXPECT_EQ(NULL, line);
	}
	ASSERT_EQ(0, actor_unmap(a, one, 8));
	VERIFY("unmapped once");
	EXPECT_EQ(1, buffer_num(a->pid, "aux", 8, "maps"));
	EXPECT_EQ(13, users_num(a->uid, "correct"));
	ASSERT_EQ(0, actor_unmap(a, two, 8));
	VERIFY("unmapped twice");
	EXPECT_EQ(5, users_num(a->uid, "correct"));
}

/* Data of 5 pages by one user, and an AUX area of 16 by another. */
struct by_two {
	uid_t one, two;
	struct actor *watch1, *watch2, *b;
	long data, aux;
};

static void map_by_two(struct __test_metadata *_metadata, struct test_env *e,
		       struct by_two *by)
{
	int fd;

	by->one = env_uid(e);
	by->two = env_uid(e);
	by->watch1 = actor_start(e, by->one, 0, 0);
	by->watch2 = actor_start(e, by->two, 0, 0);
	by->b = actor_start(e, by->one, 64, ACTOR_SETUID);
	fd = actor_open_aux(by->b);
	by->data = actor_map(by->b, fd, 5);
	ASSERT_GT(by->data, 0);
	ASSERT_EQ(0, actor_setuid(by->b, by->two));
	by->b->uid = by->two;
	by->aux = actor_map_aux(by->b, fd, by->data, 5, 16);
	ASSERT_GT(by->aux, 0);
	by->b->mm_uid = by->two;
}

/* The kernel gives AUX pages back to the user of the data buffer. */
TEST_F(aux, of_another_user)
{
	struct test_env *e = &self->e;
	struct actor *watch1, *watch2, *b;
	char *line, buf[32];
	struct by_two by;
	uid_t one, two;

	map_by_two(_metadata, e, &by);
	one = by.one;
	two = by.two;
	watch1 = by.watch1;
	watch2 = by.watch2;
	b = by.b;
	VERIFY("mapped");
	EXPECT_EQ(5, users_num(one, "kernel"));
	EXPECT_EQ(16, users_num(two, "kernel"));
	EXPECT_EQ(two, buffer_num(b->pid, "aux", 16, "uid"));

	ASSERT_EQ(0, actor_unmap(b, by.aux, 16));
	e->leak_user = oracle(watch2->pid).user != 0;
	VERIFY("aux unmapped");
	EXPECT_EQ(5, users_num(one, "correct"));
	EXPECT_EQ(0, users_num(two, "correct"));
	EXPECT_EQ(oracle(watch1->pid).user - 5, users_num(one, "drift"));
	EXPECT_EQ(oracle(watch2->pid).user, users_num(two, "drift"));
	if (e->leak_user) {
		EXPECT_EQ(5 - 16, users_num(one, "counter"));
		EXPECT_EQ(16, users_num(two, "counter"));
		line = line_last("drifts", "pid", b->pid);
		ASSERT_NE(NULL, line);
		EXPECT_STREQ("aux-wrong-user",
			     line_str(line, "cause", buf, sizeof(buf)));
		EXPECT_STREQ("aux", line_str(line, "kind", buf, sizeof(buf)));
	}
	ASSERT_EQ(0, actor_unmap(b, by.data, 5));
	VERIFY("both unmapped");
	EXPECT_EQ(0, users_num(one, "correct"));
}

/* Each has what is right while repair is on, where nobody else is on U. */
TEST_F(aux, of_another_user_repaired)
{
	struct test_env *e = &self->e;
	bool shared = oracle_perf_is_locked_vm();
	struct by_two by;

	map_by_two(_metadata, e, &by);
	ASSERT_EQ(0, env_repair(e, true));
	ASSERT_EQ(0, actor_unmap(by.b, by.aux, 16));
	e->leak_user = users_num(by.two, "kernel") != 0;
	VERIFY("the area is unmapped");
	if (!shared) {
		EXPECT_EQ(5, oracle(by.watch1->pid).user);
		EXPECT_EQ(0, oracle(by.watch2->pid).user);
	}
	ASSERT_EQ(0, actor_unmap(by.b, by.data, 5));
	if (!shared) {
		EXPECT_EQ(0, oracle(by.watch1->pid).user);
		EXPECT_EQ(0, oracle(by.watch2->pid).user);
	}
	VERIFY("repaired");
	ASSERT_EQ(0, env_repair(e, false));
	if (e->leak_user) {
		mistake("aux-wrong-user");
		EXPECT_EQ(-16, oracle(by.watch1->pid).user);
		EXPECT_EQ(16, oracle(by.watch2->pid).user);
	}
	VERIFY("off");
}

/* The AUX part that another process unmaps last */
TEST_F(aux, of_another_process)
{
	struct test_env *e = &self->e;
	struct actor *filler, *a, *b;
	long data, aux, data2, aux2;
	int fd, fd2;
	uid_t uid;

	env_remap_leaks(e);
	uid = env_uid(e);
	filler = actor_start(e, uid, 0, 0);
	a = actor_start(e, uid, 64, 0);
	b = actor_start(e, uid, 64, 0);
	ASSERT_EQ(0, actor_fill(filler, e->limit - 7));
	fd = actor_open_aux(a);
	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	aux = actor_map_aux(a, fd, data, 5, 16);
	ASSERT_GT(aux, 0);
	fd2 = actor_give(a, fd, b);
	data2 = actor_map(b, fd2, 5);
	ASSERT_GT(data2, 0);
	aux2 = actor_map_aux(b, fd2, data2, 5, 16);
	ASSERT_GT(aux2, 0);
	VERIFY("mapped by both");
	EXPECT_EQ(2, buffer_num(a->pid, "aux", 16, "maps"));
	EXPECT_EQ(14, mms_num(a->pid, "correct"));

	ASSERT_EQ(0, actor_unmap(a, data, 5));
	ASSERT_EQ(0, actor_unmap(a, aux, 16));
	VERIFY("the owner has unmapped");
	EXPECT_EQ(14, mms_num(a->pid, "correct"));
	ASSERT_EQ(0, actor_unmap(b, aux2, 16));
	e->leak_mm = oracle(b->pid).mm != 0;
	VERIFY("aux unmapped by the other");
	EXPECT_EQ(0, mms_num(a->pid, "correct"));
	EXPECT_EQ(oracle(b->pid).mm, mms_num(b->pid, "drift"));
	ASSERT_EQ(0, actor_unmap(b, data2, 5));
	VERIFY("all unmapped");
	EXPECT_EQ(e->limit - 7, users_num(uid, "correct"));
	EXPECT_EQ(0, mms_num(a->pid, "correct"));
	EXPECT_EQ(0, mms_num(b->pid, "correct"));
}

TEST_F(aux, refused)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *filler = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, 12, 0);
	int fd = actor_open_aux(a);
	long data, aux;
	char *line, buf[32];

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(filler, e->limit - 8));
	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	/* 3 fit, 13 are one too many */
	EXPECT_EQ(-EPERM, actor_map_aux(a, fd, data, 5, 16));
	VERIFY("refused");
	EXPECT_EQ(1, users_num(a->uid, "denied"));
	EXPECT_EQ(1, buffer_num(a->pid, "data", 5, "maps"));
	line = line_last("denials", "pid", a->pid);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(16, line_num(line, "pages"));
	EXPECT_EQ(13, line_num(line, "extra"));
	EXPECT_EQ(0, line_num(line, "pinned_vm"));
	EXPECT_EQ(13, line_num(line, "locked"));
	EXPECT_EQ(12, line_num(line, "lock_limit"));
	EXPECT_EQ(13 * e->page / 1024, line_num(line, "min_rlimit_memlock_kb"));
	EXPECT_STREQ("denied", line_str(line, "verdict", buf, sizeof(buf)));

	actor_rlimit(a, 13);
	aux = actor_map_aux(a, fd, data, 5, 16);
	EXPECT_GT(aux, 0);
	VERIFY("with the remedy");
	EXPECT_EQ(13, buffer_num(a->pid, "aux", 16, "kernel_mm"));
}

/* Admitted, then failed: nothing may stay behind. */
TEST_F(aux, setup_fails)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 64, 0);
	int fd = actor_open_aux(a), soft = actor_open(a, 0);
	long data, data2;

	ASSERT_EQ(0, actor_fill(a, e->limit - 20));
	data = actor_map(a, fd, 5);
	ASSERT_GT(data, 0);
	ASSERT_EQ(0, auxpmu_set("fail", 1));
	ASSERT_LT(actor_map_aux(a, fd, data, 5, 32), 0);
	ASSERT_EQ(0, auxpmu_set("fail", 0));
	VERIFY("failed");
	EXPECT_FALSE(buffer_has(a->pid, "aux", 32));
	EXPECT_EQ(e->limit - 15, users_num(a->uid, "kernel"));

	/* an event without AUX */
	data2 = actor_map(a, soft, 9);
	ASSERT_GT(data2, 0);
	ASSERT_LT(actor_map_aux(a, soft, data2, 9, 16), 0);
	VERIFY("not supported");
	EXPECT_FALSE(buffer_has(a->pid, "aux", 16));
	EXPECT_EQ(e->limit - 6, users_num(a->uid, "kernel"));

	ASSERT_EQ(0, actor_unmap(a, data, 5));
	ASSERT_EQ(0, actor_unmap(a, data2, 9));
	VERIFY("unmapped");
	EXPECT_EQ(e->limit - 20, users_num(a->uid, "kernel"));
	EXPECT_EQ(0, lines_count("drifts", "pid", a->pid));
	EXPECT_EQ(0, users_num(a->uid, "denied"));
}

TEST_HARNESS_MAIN
