// SPDX-License-Identifier: GPL-2.0
/* What a refusal tells of itself: to who reads the files, and in the log. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "perfmlock_fixture.h"

FIXTURE(told)
{
	struct test_env e;
};

FIXTURE_SETUP(told)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(told)
{
	EXPECT_EQ(0, env_close(&self->e));
}

/* Refuses @pages to @a, and returns the line. */
static char *refusal(struct actor *a, long pages)
{
	return actor_new(a, pages) == -EPERM ?
	       line_last("denials", "pid", a->pid) : NULL;
}

/* Who and when, what, what helps, who holds it, the sums: people read from the left. */
TEST_F(told, in_order)
{
	static const char * const keys[] = {
		"seq", "time", "uid", "pid", "cgroup", "cpu", "event", "pages",
		"kind", "errno", "verdict", "restart_perf_event_mlock_kb",
		"restart_rlimit_memlock_kb", "min_perf_event_mlock_kb",
		"min_rlimit_memlock_kb", "cap", "short", "fits", "held",
		"overdrawn", "held_by", "orphaned", "foreign", "vma_start", "vma_end",
		"vma_size", "user_extra", "user_lock_limit", "user_locked",
		"locked", "lock_limit", "pinned_vm", "extra", "comm",
	};
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	char *line, *at, *found, want[64];
	unsigned int i;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	line = refusal(a, 9);
	ASSERT_NE(NULL, line);
	at = line;
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(want, sizeof(want), "%s%s=", i ? " " : "", keys[i]);
		found = strstr(line, want);
		if (!found || found < at)
			TH_LOG("%s is not where it belongs in %s", keys[i], line);
		ASSERT_NE(NULL, found);
		EXPECT_TRUE(found >= at);
		at = found;
	}
}

/* Seconds since 1970 of an RFC 3339 time in UTC. */
static long long seconds_of(const char *text)
{
	struct tm tm = {};
	char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	return end && *end == '.' && end[4] == 'Z' && !end[5] ? timegm(&tm) : -1;
}

static long op_own_namespace(const long *a)
{
	(void)a;
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

/*
 * A cgroup's id, as BPF tools ask for it: the number of its inode is that on 64 bits
 * alone, and since v5.5.
 */
static long long id_of(const char *cgroup)
{
	struct {
		struct file_handle head;
		unsigned long long id;
	} handle = { .head.handle_bytes = sizeof(handle.id) };
	unsigned long long id;
	int mount;

	if (name_to_handle_at(AT_FDCWD, cgroup, &handle.head, &mount, 0))
		die("%s: %s", cgroup, strerror(errno));
	memcpy(&id, handle.head.f_handle, sizeof(id));
	return id;
}

/* Had mainline no cgroup_id() yet? Without it the module cannot know. */
static bool is_before_5_5(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) || sscanf(name.release, "%d.%d", &major, &minor) != 2)
		die("cannot tell which kernel this is");
	return major < 5 || (major == 5 && minor < 5);
}

TEST_F(told, who_and_when)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 0, 0);
	struct actor *b = actor_start(e, uid, 0, 0);
	long long from = time(NULL), at;
	char *line, buf[64], want[64];
	struct stat st;
	int fd;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	line = refusal(a, 9);
	ASSERT_NE(NULL, line);
	at = seconds_of(line_str(line, "time", buf, sizeof(buf)));
	EXPECT_GE(at, from);
	EXPECT_LE(at, time(NULL));
	EXPECT_EQ(uid, line_num(line, "uid"));
	EXPECT_EQ(uid, line_num(line, "euid"));
	EXPECT_STREQ("dummy", line_str(line, "event", buf, sizeof(buf)));
	EXPECT_STREQ("EPERM", line_str(line, "errno", buf, sizeof(buf)));
	EXPECT_STREQ("initial", line_str(line, "userns", buf, sizeof(buf)));
	EXPECT_STREQ("CAP_IPC_LOCK", line_str(line, "cap", buf, sizeof(buf)));

	/* a capability helps nobody in a user namespace of his own */
	if (!actor_call(b, op_own_namespace, 0, 0, 0, 0, 0)) {
		snprintf(want, sizeof(want), "/proc/%d/ns/user", b->pid);
		ASSERT_EQ(0, stat(want, &st));
		line = refusal(b, 9);
		ASSERT_NE(NULL, line);
		EXPECT_EQ(st.st_ino, line_num(line, "userns"));
		EXPECT_STREQ("none", line_str(line, "cap", buf, sizeof(buf)));
	} else {
		note("users may have no namespaces here");
	}

	mkdir("/tmp/told.cgroup", 0700);
	if (mount("none", "/tmp/told.cgroup", "cgroup2", 0, NULL)) {
		note("no cgroups here");
		rmdir("/tmp/told.cgroup");
		return;
	}
	ASSERT_EQ(0, mkdir("/tmp/told.cgroup/of_a", 0700));
	fd = open("/tmp/told.cgroup/of_a/cgroup.procs", O_WRONLY);
	ASSERT_GE(fd, 0);
	EXPECT_GT(dprintf(fd, "%d", a->pid), 0);
	close(fd);
	line = refusal(a, 9);
	ASSERT_NE(NULL, line);
	line_str(line, "cgroup", buf, sizeof(buf));
	if (!strcmp(buf, "-") && is_before_5_5()) {
		note("this kernel has no cgroup_id()");
	} else {
		EXPECT_EQ(id_of("/tmp/told.cgroup/of_a"), line_num(line, "cgroup"));
		EXPECT_EQ(id_of("/tmp/told.cgroup/of_a"), mms_num(a->pid, "cgroup"));
	}
	actor_exit(a);
	/* not before it has left */
	EXPECT_TRUE(eventually(!rmdir("/tmp/told.cgroup/of_a")));
	EXPECT_EQ(0, umount2("/tmp/told.cgroup", MNT_DETACH));
	rmdir("/tmp/told.cgroup");
}

/* It answers a moment before it sleeps. */
#define SLEEPS(a) (actor_state(a) == 'S')

/* The cell of a process in held_by: pid:pages:state:comm */
static bool is_held_by(const char *line, pid_t pid, long pages, const char *state)
{
	char buf[512], want[64];

	snprintf(want, sizeof(want), "%d:%ld:%s:pm_actor", pid, pages, state);
	line_str(line, "held_by", buf, sizeof(buf));
	if (strstr(buf, want))
		return true;
	note("held_by=%s has no %s", buf, want);
	return false;
}

TEST_F(told, by_whom_it_is_held)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *holder = actor_start(e, uid, 0, 0);
	struct actor *other = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, 8, 0);
	char *line, buf[512];

	ASSERT_EQ(0, actor_fill(holder, e->limit - 9));
	ASSERT_GT(actor_new(other, 9), 0);
	ASSERT_GT(actor_new(a, 5), 0);
	ASSERT_TRUE(eventually(SLEEPS(holder) && SLEEPS(other)));
	line = refusal(a, 9);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(is_held_by(line, holder->pid, e->limit - 9, "sleeping"));
	EXPECT_TRUE(is_held_by(line, other->pid, 9, "sleeping"));
	/* what is not on U is not held there */
	snprintf(buf, sizeof(buf), "%d:", a->pid);
	EXPECT_EQ(NULL, strstr(strstr(line, " held_by="), buf));
	EXPECT_EQ(0, line_num(line, "orphaned"));

	ASSERT_EQ(0, kill(holder->pid, SIGSTOP));
	line = NULL;
	EXPECT_TRUE(eventually((line = refusal(a, 17)) &&
			       strstr(line, ":stopped:")));
	EXPECT_TRUE(is_held_by(line, holder->pid, e->limit - 9, "stopped"));
	EXPECT_EQ(0, line_num(line, "orphaned"));
	ASSERT_EQ(0, kill(holder->pid, SIGCONT));

	/* nobody holds anything: of somebody else */
	a = actor_start(e, env_uid(e), 0, 0);
	line = refusal(a, 1 + (1 << 9));
	ASSERT_NE(NULL, line);
	EXPECT_STREQ("none", line_str(line, "held_by", buf, sizeof(buf)));
	VERIFY("after it");
}

static long op_map_again(const long *a)
{
	int status = -1;
	pid_t child;
	void *first;
	int fd = fresh_event();

	first = pm_map(fd, a[0], 0);
	if (first == MAP_FAILED)
		return -errno;
	child = fork();
	if (!child) {
		void *again = pm_map(fd, a[0], 0);

		if (again == MAP_FAILED)
			_exit(1);
		pm_unmap(again, a[0]);
		_exit(0);
	}
	waitpid(child, &status, 0);
	pm_unmap(first, a[0]);
	close(fd);
	return status;
}

/* What a kernel has lost is told from what somebody holds. */
TEST_F(told, orphaned)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a, *b;
	char *line, buf[64];
	long left;
	int i;

	if (!env_remap_leaks(e))
		SKIP(return, "this kernel does not leak");
	a = actor_start(e, uid, 0, 0);
	b = actor_start(e, uid, 0, 0);
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, actor_call(a, op_map_again, 65, 0, 0, 0, 0));
	e->leak_user = true;
	left = e->limit - 195;
	ASSERT_GE(left, 0);
	if (left)
		ASSERT_EQ(0, actor_fill(b, left));
	line = refusal(a, 2);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(195, line_num(line, "orphaned"));
	EXPECT_EQ(2, line_num(line, "short"));
	EXPECT_EQ(1, line_num(line, "wrongly"));
	EXPECT_STREQ("admitted", line_str(line, "verdict", buf, sizeof(buf)));
}

/* Rings that came in by a privilege are in the way of those without. */
TEST_F(told, overdrawn)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	char *line;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_GT(actor_new(a, 257), 0);
	actor_rlimit(a, 17);
	line = refusal(a, 2);
	ASSERT_NE(NULL, line);
	EXPECT_EQ(240, line_num(line, "overdrawn"));
	EXPECT_EQ(0, line_num(line, "wrongly"));
	VERIFY("refused");
}

static long op_effective_root(const long *a)
{
	return setresuid(a[0], 0, a[0]) ? -errno : 0;
}

/* It is the real uid that pays. */
TEST_F(told, real_uid_pays)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 0, 0);
	struct actor *b = actor_start(e, 0, 0, ACTOR_SETUID);
	char *line;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(0, actor_call(b, op_effective_root, uid, 0, 0, 0, 0));
	b->uid = uid;
	b->mm_uid = uid;
	ASSERT_TRUE(eventually(SLEEPS(a)));
	line = refusal(b, 9);
	if (!line) {
		note("it has a capability still");
		return;
	}
	EXPECT_EQ(uid, line_num(line, "uid"));
	EXPECT_EQ(0, line_num(line, "euid"));
	EXPECT_TRUE(is_held_by(line, a->pid, e->limit, "sleeping"));
}

TEST_F(told, in_the_log)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, 16, 0);
	struct actor *b = actor_start(e, env_uid(e), 0, 0);
	char want[64], of_b[64], last[512] = "", expect[512];
	int fd, i, n = 0;
	char *line;

	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_GE(fd, 0);
	lseek(fd, 0, SEEK_END);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	line = refusal(a, 257);
	ASSERT_NE(NULL, line);
	snprintf(want, sizeof(want), "perfmlock: pm_actor[%d] uid %u: ", a->pid, uid);
	EXPECT_TRUE(eventually(log_lines(fd, want, last, sizeof(last))));
	snprintf(expect, sizeof(expect),
		 "%sperf buffer of 257 pages refused, RLIMIT_MEMLOCK is %ld kB and %lld are needed; or: sysctl kernel.perf_event_mlock_kb=%lld",
		 want, 16 * e->page / 1024,
		 line_num(line, "restart_rlimit_memlock_kb"),
		 line_num(line, "restart_perf_event_mlock_kb"));
	EXPECT_STREQ(expect, last);

	/* who asks all the time does not fill it, and hides nobody */
	for (i = 0; i < 300; i++) {
		actor_rlimit(a, i % 100);
		ASSERT_EQ(-EPERM, actor_new(a, 513));
	}
	ASSERT_EQ(0, actor_fill(b, e->limit));
	ASSERT_NE(NULL, refusal(b, 9));
	snprintf(of_b, sizeof(of_b), "perfmlock: pm_actor[%d] uid %u: ", b->pid, b->uid);
	lseek(fd, 0, SEEK_DATA);
	EXPECT_TRUE(eventually((n = log_lines(fd, of_b, last, sizeof(last)))));
	EXPECT_EQ(1, n);
	lseek(fd, 0, SEEK_SET);
	EXPECT_LE(log_lines(fd, want, last, sizeof(last)), 5);
	close(fd);

	/* and who does not want it is left alone */
	fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK);
	ASSERT_GE(fd, 0);
	lseek(fd, 0, SEEK_END);
	ASSERT_EQ(0, param_set("perfmlock", "log", 0));
	b = actor_start(e, env_uid(e), 0, 0);
	ASSERT_NE(NULL, refusal(b, 513));
	if (env_remap_leaks(e)) {
		/* of a drift either, though its cause be a new one */
		ASSERT_EQ(0, actor_call(b, op_map_again, 33, 0, 0, 0, 0));
		e->leak_user = true;
	}
	pm_nap(500000);
	EXPECT_EQ(0, log_lines(fd, "perfmlock: ", last, sizeof(last)));
	ASSERT_EQ(0, param_set("perfmlock", "log", 1));
	close(fd);
}

/* Is refused, and fails otherwise, each time in another way, until it is told to stop. */
static long op_refused_in_turns(const long *a)
{
	struct shared *sh = (struct shared *)a[0];
	long page = getpagesize();
	struct rlimit limit = { .rlim_max = 100 * page };
	int fd = fresh_event();

	while (!sh->stop) {
		limit.rlim_cur = (limit.rlim_cur + page) % (100 * page);
		if (setrlimit(RLIMIT_MEMLOCK, &limit) ||
		    pm_map(fd, 513, 0) != MAP_FAILED ||
		    pm_map(fd, 100 + limit.rlim_cur / page * 2, 0) != MAP_FAILED)
			return -EIO;
		sh->count[0]++;
	}
	return 0;
}

/* Who does that has no reader kept: what came after he began is another reading's. */
TEST_F(told, to_an_end)
{
	static const char * const files[] = { "denials", "failures" };
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 100, 0);
	char path[128], line[4096];
	unsigned int i;
	FILE *file;
	int n;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	actor_begin(a, op_refused_in_turns, (long)e->sh, 0, 0, 0, 0);
	ASSERT_TRUE(eventually(e->sh->count[0] > 500));
	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), BOOKS_DIR "/%s", files[i]);
		file = fopen(path, "r");
		ASSERT_NE(NULL, file);
		for (n = 0; n < 5000 && fgets(line, sizeof(line), file); n++)
			if (n % 8 == 0)
				pm_nap(2000);
		fclose(file);
		TH_LOG("%s: %d lines", files[i], n);
		EXPECT_LE(n, 2 + 256);
		/* and he is not hidden by it: there is a line for each way */
		EXPECT_GE(n, 2 + 40);
	}
	e->sh->stop = 1;
	EXPECT_EQ(0, actor_end(a));
}

/* The first line of status, without its key. */
static void verdict(char *buf, size_t size)
{
	char *text = slurp_books("status");

	text[strcspn(text, "\n")] = 0;
	snprintf(buf, size, "%s", strncmp(text, "verdict: ", 9) ? text : text + 9);
	free(text);
}

TEST_F(told, verdict_of_status)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), UNLIMITED, 0);
	char before[256], buf[256];
	bool leaks;

	verdict(before, sizeof(before));
	/* counters that other tests have left wrong are told of as well */
	if (strncmp(before, "kernel wrong: ", 14))
		EXPECT_STREQ("exact", before);
	leaks = env_remap_leaks(e);
	ASSERT_EQ(0, actor_call(a, op_map_again, 33, 0, 0, 0, 0));
	verdict(buf, sizeof(buf));
	if (!leaks) {
		EXPECT_STREQ(before, buf);
		return;
	}
	e->leak_user = true;
	EXPECT_EQ(0, strncmp(buf, "kernel wrong: ", 14));
	EXPECT_NE(NULL, strstr(buf, "remap-charge x "));
	/* what is forgotten is not mended */
	ASSERT_EQ(1, write_file(BOOKS_DIR "/reset", "1", 1));
	verdict(buf, sizeof(buf));
	EXPECT_NE(NULL, strstr(buf, "remap-charge x "));
}

/* What a user's processes hold beyond U */
TEST_F(told, mm_pages)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	struct actor *b = actor_start(e, uid, UNLIMITED, 0);
	long addr;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	ASSERT_EQ(0, actor_fill(a, e->limit));
	EXPECT_EQ(0, users_num(uid, "mm_pages"));
	ASSERT_GT(actor_new(a, 17), 0);
	addr = actor_new(b, 33);
	ASSERT_GT(addr, 0);
	EXPECT_EQ(50, users_num(uid, "mm_pages"));
	EXPECT_EQ(oracle(a->pid).mm + oracle(b->pid).mm,
		  users_num(uid, "mm_pages"));
	ASSERT_EQ(0, actor_unmap(b, addr, 33));
	EXPECT_EQ(17, users_num(uid, "mm_pages"));
	ASSERT_EQ(0, actor_unmap_all(a));
	EXPECT_EQ(0, users_num(uid, "mm_pages"));
}

/* A limit that is none, or is not known, is a word. */
TEST_F(told, no_limit)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct table *t;
	int row;

	ASSERT_EQ(0, prlimit(a->pid, RLIMIT_MEMLOCK, &none, NULL));
	ASSERT_GT(actor_new(a, 9), 0);
	t = table_get("mms");
	row = table_find(t, 0, "pid", a->pid);
	ASSERT_GE(row, 0);
	EXPECT_STREQ("unlimited", table_str(t, row, "rlimit"));
	table_put(t);
}

TEST_HARNESS_MAIN
