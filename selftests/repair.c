// SPDX-License-Identifier: GPL-2.0
/*
 * Repair: what the running kernel's mistakes leave on U and M is taken off while it
 * is on, and all of it is back when it is off.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "perfmlock_fixture.h"

#define PARAMETER	"/sys/module/perfmlock/parameters/repair"
#define SWITCH		BOOKS_DIR "/repair"
#define SHARED		"others share U here: it is not repaired"

/* Soon after a load, as by what ran before, a walk is still to look for what is mapped. */
static bool leaves_nothing_for_now(void)
{
	char *text = slurp_books("status");
	bool nothing = !strstr(text, "all that goes wrong now");

	free(text);
	return nothing;
}

/* Maps an event twice, and unmaps both: a kernel that leaks has charged once too much. */
static void map_twice(struct __test_metadata *_metadata, struct actor *a,
		      long pages)
{
	int fd = actor_open(a, 0);
	long one, two;

	one = actor_map(a, fd, pages);
	ASSERT_GT(one, 0);
	two = actor_map(a, fd, pages);
	ASSERT_GT(two, 0);
	ASSERT_EQ(0, actor_unmap(a, two, pages));
	ASSERT_EQ(0, actor_unmap(a, one, pages));
	ASSERT_EQ(0, actor_close(a, fd));
}

static void leak_and_repair(struct __test_metadata *_metadata,
			    struct test_env *e, struct actor *a)
{
	long first = actor_new(a, 1);

	/* perf's vm_ops may have no symbol, and are known from the first mapping on */
	ASSERT_GT(first, 0);
	ASSERT_EQ(0, actor_unmap(a, first, 1));
	ASSERT_TRUE(eventually(leaves_nothing_for_now()));
	map_twice(_metadata, a, 65);
	ASSERT_EQ(65, oracle(a->pid).user);
	mistake("remap-charge");
	ASSERT_EQ(0, env_repair(e, true));
	EXPECT_EQ(0, oracle(a->pid).user);
	map_twice(_metadata, a, 33);
	EXPECT_EQ(0, oracle(a->pid).user);
	EXPECT_EQ(-98, users_num(a->uid, "repaired"));
	ASSERT_EQ(0, env_verify(e, "on"));
	ASSERT_EQ(0, env_repair(e, false));
	EXPECT_EQ(98, oracle(a->pid).user);
	EXPECT_EQ(0, users_num(a->uid, "repaired"));
	ASSERT_EQ(0, env_verify(e, "off"));
}

TEST_F(books, of_a_leak)
{
	struct test_env *e = &self->e;

	if (!env_remap_leaks(e))
		SKIP(return, "this kernel does not leak");
	leak_and_repair(_metadata, e, actor_start(e, env_uid(e), UNLIMITED, 0));
}

/* Its user_struct is never freed: without repair only a reboot helps. */
TEST_F(books, of_a_leak_of_root)
{
	struct test_env *e = &self->e;
	struct actor *a;

	if (!env_remap_leaks(e))
		SKIP(return, "this kernel does not leak");
	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	a = actor_start(e, 0, UNLIMITED, ACTOR_ALL);
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load(""));
	leak_and_repair(_metadata, e, a);
	/* nobody after it is to find that */
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, param_set("perfmlock_oracle", "leaked", 98));
	ASSERT_EQ(0, books_load(""));
}

/* It is refused by what leaked, and a moment later it is not. */
TEST_F(books, of_a_refusal)
{
	struct test_env *e = &self->e;
	struct actor *a;
	long i;

	if (!env_remap_leaks(e))
		SKIP(return, "this kernel does not leak");
	a = actor_start(e, env_uid(e), 0, 0);
	for (i = 0; i < e->limit / 65; i++)
		map_twice(_metadata, a, 65);
	ASSERT_EQ(-EPERM, actor_new(a, 65));
	EXPECT_EQ(1, users_num(a->uid, "wrongly_denied"));
	ASSERT_EQ(0, env_repair(e, true));
	EXPECT_GT(actor_new(a, 65), 0);
	EXPECT_EQ(65, oracle(a->pid).user);
	/* and what is rightly refused still is */
	ASSERT_EQ(0, actor_fill(a, e->limit - 65));
	EXPECT_EQ(-EPERM, actor_new(a, 2));
	EXPECT_EQ(1, users_num(a->uid, "wrongly_denied"));
	VERIFY("repaired");
}

/* Who unmaps last is given what the other one was charged. */
TEST_F(books, of_the_wrong_mm)
{
	struct test_env *e = &self->e;
	uid_t uid;
	struct actor *filler, *a, *b;
	/* of a U that others share only what is below zero is known to be wrong */
	bool shared = oracle_perf_is_locked_vm();
	unsigned long long a_kb, b_kb;
	int fd, there, i;
	long one, two;

	env_remap_leaks(e);
	uid = env_uid(e);
	filler = actor_start(e, uid, UNLIMITED, 0);
	a = actor_start(e, uid, shared ? UNLIMITED : 64, 0);
	b = actor_start(e, uid, 64, 0);
	ASSERT_EQ(0, actor_fill(filler, e->limit - 1));
	ASSERT_TRUE(eventually(leaves_nothing_for_now()));
	/* first what is there when it is switched on, then what comes */
	for (i = 0; i < 2; i++) {
		fd = actor_open(a, 0);
		one = actor_map(a, fd, 33);
		ASSERT_GT(one, 0);
		there = actor_give(a, fd, b);
		two = actor_map(b, there, 33);
		ASSERT_GT(two, 0);
		ASSERT_EQ(0, actor_unmap(a, one, 33));
		ASSERT_EQ(0, actor_unmap(b, two, 33));
		if (i)
			break;
		a_kb = vm_pin_kb(a->pid);
		b_kb = vm_pin_kb(b->pid);
		if (!b_kb)
			SKIP(return, "this kernel remembers the mm it charged");
		EXPECT_EQ(32ULL * (e->page / 1024), a_kb);
		EXPECT_EQ(0ULL - 32 * (e->page / 1024), b_kb);
		EXPECT_EQ(-EPERM, actor_new(b, 2));
		mistake("wrong-mm");
		e->leak_mm = true;
		ASSERT_EQ(0, env_repair(e, true));
		EXPECT_EQ(shared ? a_kb : 0, vm_pin_kb(a->pid));
		EXPECT_EQ(0ULL, vm_pin_kb(b->pid));
		TH_LOG("VmPin of the other: %llu kB, repaired %llu kB", b_kb,
		       vm_pin_kb(b->pid));
		VERIFY("switched on");
	}
	EXPECT_EQ(shared ? 2 * a_kb : 0, vm_pin_kb(a->pid));
	EXPECT_EQ(0ULL, vm_pin_kb(b->pid));
	VERIFY("unmapped");
	one = actor_new(b, 2);
	EXPECT_GT(one, 0);
	EXPECT_EQ(0, actor_unmap(b, one, 2));
	ASSERT_EQ(0, env_repair(e, false));
	EXPECT_EQ(2 * a_kb, vm_pin_kb(a->pid));
	EXPECT_EQ(2 * b_kb, vm_pin_kb(b->pid));
	VERIFY("off");
}

/* Two map and unmap one event: until 7.2 closes leave the uncharge to each other. */
TEST_F(books, of_lost_uncharges)
{
	struct test_env *e = &self->e;
	struct actor *a, *b;
	int fd, there, i, lost;
	long left, unproven;
	uid_t uid;

	if (oracle_perf_is_locked_vm())
		SKIP(return, SHARED);
	env_remap_leaks(e);
	uid = env_uid(e);
	a = actor_start(e, uid, UNLIMITED, 0);
	b = actor_start(e, uid, UNLIMITED, 0);
	e->leak_user = true;
	e->leak_mm = true;
	ASSERT_EQ(0, env_repair(e, true));
	unproven = status_num("unproven_pages");
	for (i = 0; i < 20; i++) {
		fd = actor_open(a, 0);
		there = actor_give(a, fd, b);
		actor_begin(a, op_map_event, fd, 9, (long)e->sh, 100, 0);
		actor_begin(b, op_map_event, there, 9, (long)e->sh, 100, 0);
		EXPECT_EQ(0, actor_end(a));
		EXPECT_EQ(0, actor_end(b));
		actor_close(a, fd);
	}
	lost = lines_of_cause(uid, "lost-uncharge");
	if (lost)
		mistake("lost-uncharge");
	/* but where two closed at once and the first of them was the kernel's last */
	EXPECT_TRUE(eventually(oracle(a->pid).user <=
			       status_num("unproven_pages") - unproven));
	unproven = status_num("unproven_pages") - unproven;
	left = oracle(a->pid).user;
	TH_LOG("%d lost, %lld pages in the books, %ld left of %ld not proven",
	       lost, users_num(uid, "kernel"), left, unproven);
	EXPECT_GE(left, 0);
	EXPECT_LE(left, users_num(uid, "kernel"));
	EXPECT_TRUE(!lost || status_num("repairs") > 0);
	if (unproven >= users_num(uid, "kernel"))
		note("it may all be others'");
	else if (lost)
		EXPECT_LT(left, users_num(uid, "kernel"));
	ASSERT_EQ(0, env_repair(e, false));
	EXPECT_EQ(users_num(uid, "kernel"), oracle(a->pid).user);
	VERIFY("off");
}

/* What is on U of its user beyond what is right; nobody else has any there. */
static long left_on_user(const struct actor *a)
{
	return oracle(a->pid).user - users_num(a->uid, "correct");
}

/* Is there no more left of both than what was not proven since? */
static bool no_more_left(struct actor *const a[2], long unproven)
{
	return left_on_user(a[0]) + left_on_user(a[1]) <=
	       status_num("unproven_pages") - unproven;
}

/* Whatever goes on meanwhile, and whoever exits. */
TEST_F(books, on_and_off)
{
	struct test_env *e = &self->e;
	struct actor *a[6];
	long unproven, missed;
	uid_t uid[2];
	bool leaks;
	int i;

	leaks = env_remap_leaks(e);
	uid[0] = env_uid(e);
	uid[1] = env_uid(e);
	missed = status_num("missed");
	unproven = status_num("unproven_pages");
	for (i = 0; i < 6; i++) {
		a[i] = actor_start(e, uid[i % 2], UNLIMITED, 0);
		map_twice(_metadata, a[i], 17);
		ASSERT_GT(actor_new(a[i], 9), 0);
	}
	for (i = 0; i < 6; i++)
		actor_begin(a[i], op_churn, i, 50, (long)e->sh, 0, 0);
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, env_repair(e, i % 2));
		if (i == 100)
			actor_kill(a[5]);
		pm_nap(2000);
	}
	ASSERT_EQ(0, env_repair(e, true));
	e->sh->stop = 1;
	for (i = 0; i < 5; i++)
		EXPECT_EQ(0, actor_end(a[i]));
	missed = status_num("missed") - missed;
	if (!oracle_perf_is_locked_vm()) {
		EXPECT_TRUE(eventually(no_more_left(a, unproven)) || missed);
		EXPECT_GE(left_on_user(a[0]), 0);
		EXPECT_GE(left_on_user(a[1]), 0);
		EXPECT_TRUE(!leaks || status_num("repairs") > 0);
	}
	unproven = status_num("unproven_pages") - unproven;
	/* what is left is no drift of the books, but one of the counter */
	if (!unproven && !missed) {
		VERIFY("on");
	} else {
		note("%ld pages are not proven, %ld calls were missed: U need not be right",
		     unproven, missed);
	}
	ASSERT_EQ(0, env_repair(e, false));
	VERIFY("off");
	EXPECT_EQ(0, lines_of_cause(uid[0], "unexplained"));
	EXPECT_EQ(0, lines_of_cause(uid[1], "unexplained"));
}

/* Many rows: neither who switches nor who maps waits for long. */
TEST_F(books, of_many)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	long nr;

	env_remap_leaks(e);
	map_twice(_metadata, a, 65);
	nr = actor_fork_most(a, 500);
	ASSERT_GT(nr, 100);
	ASSERT_EQ(0, actor_fork(a, nr, child_idle, 0, 0, 0));
	ASSERT_EQ(0, env_repair(e, true));
	ASSERT_EQ(0, actor_release(a));
	ASSERT_EQ(0, env_repair(e, false));
	ASSERT_EQ(0, env_repair(e, true));
	EXPECT_EQ(0, actor_wait(a));
	EXPECT_EQ(0, oracle(a->pid).user);
	ASSERT_EQ(0, env_repair(e, false));
	EXPECT_EQ(users_num(a->uid, "kernel"), oracle(a->pid).user);
}

static bool is_off(void)
{
	char *text = slurp_books("status");
	bool off = strstr(text, "\nrepair: off\n");

	free(text);
	return off;
}

static long op_write(const long *a)
{
	return write_file((const char *)a[0], (const char *)a[1],
			  strlen((const char *)a[1]));
}

TEST_F(books, for_whom)
{
	static const char * const bad[] = {
		"", "2", "-1", "x", "1 1", "repair", "11111111111", "\n",
	};
	static const char * const files[] = { SWITCH, PARAMETER };
	struct test_env *e = &self->e;
	struct actor *user = actor_start(e, env_uid(e), 0, 0);
	struct actor *root = actor_start(e, 0, 0, ACTOR_IPC_LOCK);
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		EXPECT_EQ(-EACCES, actor_call(user, op_write, (long)files[i],
					      (long)"1", 0, 0, 0));
		EXPECT_EQ(-EPERM, actor_call(root, op_write, (long)files[i],
					     (long)"1", 0, 0, 0));
		for (j = 0; j < ARRAY_SIZE(bad); j++)
			EXPECT_LE(write_file(files[i], bad[j], strlen(bad[j])), 0);
	}
	EXPECT_EQ(-EINVAL, write_file(SWITCH, "1\0y", 3));
	EXPECT_TRUE(is_off());
}

/* As a shell does that keeps it open. */
TEST_F(books, by_one_descriptor)
{
	int fd = open(SWITCH, O_WRONLY);

	ASSERT_GE(fd, 0);
	EXPECT_EQ(2, write(fd, "1\n", 2));
	EXPECT_FALSE(is_off());
	EXPECT_EQ(2, write(fd, "0\n", 2));
	EXPECT_TRUE(is_off());
	EXPECT_EQ(0, close(fd));
}

/* Each change is logged, once, whichever way it is made. */
TEST_F(books, is_logged)
{
	struct test_env *e = &self->e;
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);

	ASSERT_GE(fd, 0);
	lseek(fd, 0, SEEK_END);
	ASSERT_EQ(0, env_repair(e, true));
	ASSERT_EQ(0, env_repair(e, true));
	EXPECT_EQ(1, write_file(PARAMETER, "1", 1));
	EXPECT_EQ(1, log_lines(fd, "perfmlock: repair is on", NULL, 0));
	EXPECT_EQ(1, write_file(PARAMETER, "N", 1));
	e->repair = false;
	ASSERT_EQ(0, env_repair(e, false));
	EXPECT_EQ(1, log_lines(fd, "perfmlock: repair is off", NULL, 0));
	close(fd);
	/* as a test module's, or as what its user asked for */
	EXPECT_NE(0, sysctl_get("tainted") & (1 << 18 | 1 << 6));
}

/* It is off when the module is gone, and can be on from its load. */
TEST_F(books, ends_with_the_module)
{
	struct test_env *e = &self->e;
	struct actor *a;
	bool leaks;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	leaks = env_remap_leaks(e);
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	ASSERT_EQ(0, books_unload());
	ASSERT_EQ(0, books_load("repair=1"));
	map_twice(_metadata, a, 65);
	EXPECT_EQ(0, oracle(a->pid).user);
	ASSERT_EQ(0, books_unload());
	EXPECT_EQ(leaks ? 65 : 0, oracle(a->pid).user);
	ASSERT_EQ(0, books_load(""));
	/* which nobody can tell from what others have charged */
	a->foreign_user = leaks ? 65 : 0;
	EXPECT_EQ(-EINVAL, module_loaded("perfmlock") && !books_unload() ?
		  books_load("repair=maybe") : 0);
	ASSERT_EQ(0, books_load(""));
}

/*
 * Who writes the parameter while the module goes waits for nothing, and leaves nothing.
 * The file, which is not to be had while it goes, is written before, and not opened just
 * then: full_proxy_open() warns of a module that has lost its last reference and is not
 * going yet (seen on 6.1 and 6.12).
 */
TEST_F(books, while_it_is_unloaded)
{
	struct test_env *e = &self->e;
	struct actor *a;
	pid_t writer;
	bool leaks, both;
	int i;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	leaks = env_remap_leaks(e);
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	map_twice(_metadata, a, 65);
	writer = fork();
	if (!writer) {
		for (i = 0; !e->sh->stop; i++) {
			both = e->sh->go;
			e->sh->ready = both;
			write_file(both ? SWITCH : PARAMETER,
				   i & 1 ? "1" : "0", 1);
			e->sh->count[both]++;
		}
		_exit(0);
	}
	ASSERT_GT(writer, 0);
	for (i = 0; i < 20; i++) {
		e->sh->go = 1;
		EXPECT_TRUE(eventually(e->sh->ready));
		e->sh->go = 0;
		EXPECT_TRUE(eventually(!e->sh->ready));
		EXPECT_EQ(0, books_unload());
		EXPECT_EQ(leaks ? 65 : 0, oracle(a->pid).user);
		EXPECT_EQ(0, books_load(""));
	}
	e->sh->stop = 1;
	EXPECT_EQ(writer, waitpid(writer, NULL, 0));
	EXPECT_GT(e->sh->count[0], 0);
	EXPECT_GT(e->sh->count[1], 0);
	ASSERT_EQ(0, env_repair(e, false));
	a->foreign_user = leaks ? 65 : 0;
	VERIFY("over");
}

TEST_HARNESS_MAIN
