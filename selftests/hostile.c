// SPDX-License-Identifier: GPL-2.0
/* Users who want numbers wrong, others hidden, or a reader's terminal. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "perfmlock_fixture.h"

static struct shared *sh;

/*
 * io_uring's registered buffers are charged to the same M, and without
 * mmap_lock: from the entry of a perf_mmap() to its return M may move by any
 * number of pages, the ring's own number too.
 */
FIXTURE(beside)
{
	struct test_env e;
};

FIXTURE_VARIANT(beside)
{
	long ring;
	long uring;
};

FIXTURE_VARIANT_ADD(beside, ring_65_uring_64)	{ 65, 64 };
FIXTURE_VARIANT_ADD(beside, ring_65_uring_65)	{ 65, 65 };
FIXTURE_VARIANT_ADD(beside, ring_65_uring_1)	{ 65, 1 };
FIXTURE_VARIANT_ADD(beside, ring_33_uring_64)	{ 33, 64 };
FIXTURE_VARIANT_ADD(beside, ring_33_uring_33)	{ 33, 33 };
FIXTURE_VARIANT_ADD(beside, ring_129_uring_64)	{ 129, 64 };
FIXTURE_VARIANT_ADD(beside, ring_129_uring_129)	{ 129, 129 };

FIXTURE_SETUP(beside)
{
	env_open(&self->e);
	sh = self->e.sh;
}

FIXTURE_TEARDOWN(beside)
{
	EXPECT_EQ(0, env_close(&self->e));
}

static long op_uring(const long *a)
{
	struct io_uring_params params = { 0 };
	int fd = syscall(SYS_io_uring_setup, 4, &params);

	(void)a;
	return fd < 0 ? -errno : fd;
}

/* a[0]: the io_uring; a[1]: pages of its buffer */
static void *thread_register(void *arg)
{
	const long *a = arg;
	struct iovec iov = { .iov_len = a[1] * getpagesize() };

	iov.iov_base = mmap(NULL, iov.iov_len, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (iov.iov_base == MAP_FAILED)
		return (void *)(long)-errno;
	/* small pages, so that they are counted one by one */
	madvise(iov.iov_base, iov.iov_len, MADV_NOHUGEPAGE);
	memset(iov.iov_base, 1, iov.iov_len);
	do {
		if (syscall(SYS_io_uring_register, a[0],
			    IORING_REGISTER_BUFFERS, &iov, 1) ||
		    syscall(SYS_io_uring_register, a[0],
			    IORING_UNREGISTER_BUFFERS, NULL, 0))
			return (void *)(long)-errno;
		sh->count[0]++;
	} while (!sh->stop);
	return NULL;
}

/* a[2]: pages of the rings; a[3]: how many of them */
static long op_map_beside(const long *a)
{
	pthread_t thread;
	long i, ret = 0;
	void *addr;
	int fd;

	if (pthread_create(&thread, NULL, thread_register, (void *)a))
		return -EAGAIN;
	for (i = 0; i < a[3] && !ret; i++) {
		fd = fresh_event();
		addr = pm_map(fd, a[2], 0);
		close(fd);
		if (addr == MAP_FAILED) {
			ret = -errno;
			break;
		}
		sh->count[1]++;
		/* somebody wants to see it */
		if (i % 8 == 0)
			pm_nap(2000);
		pm_unmap(addr, a[2]);
	}
	sh->stop = 1;
	pthread_join(thread, &addr);
	return ret ?: (long)addr;
}

/* How often the rules that status names as this kernel's were broken since @was */
static long long own_rule_broken(const struct table *was)
{
	char *text = slurp_books("status"), *name, *save, *line;
	struct table *now = table_get("models");
	long long sum = 0;
	int i;

	line = strstr(text, "\nmodel: ");
	if (!line)
		die("status has no key model");
	line += strlen("\nmodel: ");
	line[strcspn(line, "\n")] = 0;
	for (name = strtok_r(line, " ", &save); name;
	     name = strtok_r(NULL, " ", &save))
		for (i = 0; i < table_rows(now); i++)
			if (!strcmp(table_str(now, i, "name"), name))
				sum += table_num(now, i, "disagrees") -
				       table_num(was, i, "disagrees");
	table_put(now);
	free(text);
	return sum;
}

TEST_F(beside, io_uring_beside_rings)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *filler, *a;
	struct table *models, *t;
	int row, seen = 0, torn = 0;
	long uring;

	if (env_charges_twice(e))
		SKIP(return, OLD_SUMS);
	filler = actor_start(e, uid, 0, 0);
	a = actor_start(e, uid, UNLIMITED, 0);
	/* all of a ring is beyond the limit, on M */
	ASSERT_EQ(0, actor_fill(filler, e->limit));
	uring = actor_uring(a, op_uring);
	if (uring < 0)
		SKIP(return, "no io_uring: %s", strerror(-uring));
	models = table_get("models");
	actor_begin(a, op_map_beside, uring, variant->uring, variant->ring, 400,
		    0);
	while (!actor_done(a)) {
		t = table_get("buffers");
		for (row = 0; row < table_rows(t); row++) {
			if (table_num(t, row, "pid") != a->pid)
				continue;
			seen++;
			torn += table_num(t, row, "pages") !=
				table_num(t, row, "kernel_user") +
				table_num(t, row, "kernel_mm");
			EXPECT_EQ(variant->ring,
				  table_num(t, row, "correct_mm"));
		}
		table_put(t);
		pm_nap(1000);
	}
	ASSERT_EQ(0, actor_end(a));
	TH_LOG("%ld rings beside %ld registrations, %d of them seen",
	       sh->count[1], sh->count[0], seen);
	EXPECT_EQ(0, torn);
	ASSERT_EQ(0, actor_close(a, uring));
	/* its own memory is given back by a worker */
	EXPECT_TRUE(eventually(oracle(a->pid).user == e->limit));
	EXPECT_EQ(0, env_verify(e, "closed"));
	EXPECT_EQ(0, lines_count("drifts", "uid", uid));
	EXPECT_EQ(0, mms_num(a->pid, "kernel"));
	EXPECT_EQ(0, mms_num(a->pid, "correct"));
	EXPECT_EQ(0, mms_num(a->pid, "foreign"));
	EXPECT_EQ(e->limit, users_num(uid, "kernel"));
	EXPECT_EQ(e->limit, users_num(uid, "correct"));
	EXPECT_EQ(0, own_rule_broken(models));
	table_put(models);
}

/* a[0]: pages; a[1]: how often */
static long op_refused(const long *a)
{
	void *addr;
	int fd;
	long i;

	for (i = 0; i < a[1]; i++) {
		fd = fresh_event();
		addr = pm_map(fd, a[0], 0);
		close(fd);
		if (addr != MAP_FAILED || errno != EPERM)
			return -1;
	}
	return 0;
}

/* 9, 17, 33, 65, 129 */
#define SIZES	5
#define SIZE(i)	(1 + (8L << (i) % SIZES))

static long child_refused(const long *a)
{
	long arg[] = { SIZE(a[0]), 1 };

	child_stand();
	return op_refused(arg);
}

#define QUIET	3
#define LOUD	4
#define TIMES	50
#define SAME	1000
#define CHILDREN 300

/*
 * A line for each of @quiet, whatever one other user does; and one user's lines
 * say how often.
 */
#define CHECK_LINES(file, quiet, loud, most) do {			\
	for (i = 0; i < QUIET; i++)					\
		EXPECT_EQ(1, lines_count(file, "uid", (quiet)[i]->uid)); \
	EXPECT_LE(lines_count(file, "uid", loud), 256);			\
	sum = lines_sum(file, "uid", loud, "times");			\
	EXPECT_GT(sum, 0);						\
	EXPECT_LE(sum, most);						\
} while (0)

TEST_F(books, nobody_hidden)
{
	struct test_env *e = &self->e;
	struct actor *quiet[QUIET], *loud[LOUD], *same;
	long long sum;
	uid_t uid;
	char *line;
	int i, j;

	for (i = 0; i < QUIET; i++) {
		quiet[i] = actor_start(e, env_uid(e), 0, 0);
		ASSERT_EQ(0, actor_fill(quiet[i], e->limit));
		ASSERT_EQ(0, actor_call(quiet[i], op_refused, 9, 1, 0, 0, 0));
	}
	uid = env_uid(e);
	for (i = 0; i < LOUD; i++)
		loud[i] = actor_start(e, uid, 0, 0);
	ASSERT_EQ(0, actor_fill(loud[0], e->limit));
	for (i = 0; i < LOUD; i++)
		for (j = 0; j < SIZES; j++)
			ASSERT_EQ(0, actor_call(loud[i], op_refused, SIZE(j),
						TIMES, 0, 0, 0));
	EXPECT_EQ(LOUD * SIZES * TIMES, users_num(uid, "denied"));
	for (i = 0; i < QUIET; i++)
		EXPECT_EQ(1, lines_count("denials", "uid", quiet[i]->uid));
	line = line_last("denials", "uid", uid);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(line_has(line, "times"));
	if (line_has(line, "times"))
		EXPECT_EQ(TIMES, line_num(line, "times"));

	ASSERT_EQ(0, actor_fork(loud[1], CHILDREN, child_refused, 0, 0, 0));
	ASSERT_EQ(0, actor_release(loud[1]));
	ASSERT_EQ(0, actor_wait(loud[1]));
	EXPECT_EQ(LOUD * SIZES * TIMES + CHILDREN, users_num(uid, "denied"));

	same = actor_start(e, env_uid(e), 0, 0);
	ASSERT_EQ(0, actor_fill(same, e->limit));
	ASSERT_EQ(0, actor_call(same, op_refused, 9, SAME, 0, 0, 0));
	EXPECT_EQ(SAME, users_num(same->uid, "denied"));
	EXPECT_EQ(1, lines_count("denials", "uid", same->uid));
	line = line_last("denials", "uid", same->uid);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(line_has(line, "times"));
	if (line_has(line, "times"))
		EXPECT_EQ(SAME, line_num(line, "times"));
	VERIFY("refused");
	CHECK_LINES("denials", quiet, uid, users_num(uid, "denied"));
}

static long op_own_namespace(const long *a)
{
	(void)a;
	return unshare(CLONE_NEWUSER) ? -errno : 0;
}

static long op_be_its_root(const long *a)
{
	(void)a;
	if (setresgid(0, 0, 0) || setresuid(0, 0, 0))
		return -errno;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

static void set_map(const struct actor *a, const char *file, uid_t uid)
{
	char path[64], text[64];
	int n;

	snprintf(path, sizeof(path), "/proc/%d/%s", a->pid, file);
	n = snprintf(text, sizeof(text), "0 %u 1", uid);
	if (write_file(path, text, n) != n)
		die("%s: %s", path, strerror(errno));
}

/* A container's root: its user namespace was made by the host's, and is his. */
static struct actor *start_tenant(struct test_env *e)
{
	struct actor *a = actor_start(e, 0, 0, ACTOR_ALL);
	uid_t uid = env_uid(e);
	int ret;

	if (actor_call(a, op_own_namespace, 0, 0, 0, 0, 0)) {
		actor_exit(a);
		return NULL;
	}
	set_map(a, "uid_map", uid);
	set_map(a, "gid_map", uid);
	ret = actor_call(a, op_be_its_root, 0, 0, 0, 0, 0);
	if (ret)
		die("setresuid: %s", strerror(-ret));
	a->uid = uid;
	a->mm_uid = uid;
	return a;
}

/* Of whom root has made a namespace for each, none is told instead of another. */
TEST_F(books, no_tenant_hidden)
{
	struct test_env *e = &self->e;
	struct actor *quiet = start_tenant(e), *loud;
	int i;

	if (!quiet)
		SKIP(return, "no user namespaces");
	loud = start_tenant(e);
	ASSERT_EQ(0, actor_fill(quiet, e->limit));
	ASSERT_EQ(0, actor_call(quiet, op_refused, 9, 1, 0, 0, 0));
	ASSERT_EQ(0, actor_fill(loud, e->limit));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, actor_fork(loud, 200, child_refused, 0, 0, 0));
		ASSERT_EQ(0, actor_release(loud));
		ASSERT_EQ(0, actor_wait(loud));
	}
	EXPECT_EQ(1, users_num(quiet->uid, "denied"));
	EXPECT_EQ(400, users_num(loud->uid, "denied"));
	EXPECT_EQ(1, lines_count("denials", "uid", quiet->uid));
	EXPECT_GT(lines_count("denials", "uid", loud->uid), 0);
	VERIFY("refused");
}

/* a[0]: an event that is mapped; a[1]: its pages; a[2]: how often */
static long op_remap(const long *a)
{
	void *addr;
	long i;

	for (i = 0; i < a[2]; i++) {
		addr = pm_map(a[0], a[1], 0);
		if (addr == MAP_FAILED)
			return -errno;
		pm_unmap(addr, a[1]);
	}
	return 0;
}

/* Beyond the limit one is like the other: all of it goes to M. */
static long op_remap_fresh(const long *a)
{
	int fd = fresh_event();
	long arg[] = { fd, a[0], a[1] }, ret;
	void *addr = pm_map(fd, a[0], 0);

	if (addr == MAP_FAILED)
		return -errno;
	ret = op_remap(arg);
	pm_unmap(addr, a[0]);
	close(fd);
	return ret;
}

static long child_remap(const long *a)
{
	long arg[] = { SIZE(a[0]), 1 };

	child_stand();
	return op_remap_fresh(arg);
}

/* As above, where a re-map is a step that the right books do not take. */
TEST_F(books, nobody_hidden_in_drifts)
{
	struct test_env *e = &self->e;
	struct actor *quiet[QUIET], *loud[LOUD], *same;
	long long sum;
	uid_t uid;
	char *line;
	int i, j;

	if (!env_remap_leaks(e))
		SKIP(return, "a re-map is no drift on this kernel");
	e->leak_mm = true;
	for (i = 0; i < QUIET; i++) {
		quiet[i] = actor_start(e, env_uid(e), UNLIMITED, 0);
		ASSERT_EQ(0, actor_call(quiet[i], op_remap_fresh, 9, 1, 0, 0,
					0));
	}
	uid = env_uid(e);
	for (i = 0; i < LOUD; i++)
		loud[i] = actor_start(e, uid, UNLIMITED, 0);
	ASSERT_EQ(0, actor_fill(loud[0], e->limit));
	for (i = 0; i < LOUD; i++)
		for (j = 0; j < SIZES; j++)
			ASSERT_EQ(0, actor_call(loud[i], op_remap_fresh,
						SIZE(j), TIMES, 0, 0, 0));
	for (i = 0; i < QUIET; i++)
		EXPECT_EQ(1, lines_count("drifts", "uid", quiet[i]->uid));
	line = line_last("drifts", "uid", uid);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(line_has(line, "times"));
	if (line_has(line, "times"))
		EXPECT_EQ(TIMES, line_num(line, "times"));

	ASSERT_EQ(0, actor_fork(loud[1], CHILDREN, child_remap, 0, 0, 0));
	ASSERT_EQ(0, actor_release(loud[1]));
	ASSERT_EQ(0, actor_wait(loud[1]));

	same = actor_start(e, env_uid(e), UNLIMITED, 0);
	ASSERT_EQ(0, actor_fill(same, e->limit));
	ASSERT_EQ(0, actor_call(same, op_remap_fresh, 1, SAME, 0, 0, 0));
	EXPECT_EQ(1, lines_count("drifts", "uid", same->uid));
	line = line_last("drifts", "uid", same->uid);
	ASSERT_NE(NULL, line);
	EXPECT_TRUE(line_has(line, "times"));
	if (line_has(line, "times"))
		EXPECT_EQ(SAME, line_num(line, "times"));
	VERIFY("mapped again");
	CHECK_LINES("drifts", quiet, uid,
		    LOUD * SIZES * TIMES + CHILDREN);
}

/*
 * A name is its owner's to choose, byte by byte, and root's terminal shows it.
 * Every byte that there is, in names of 15; then what a parser or a terminal
 * might take for its own; and no name at all.
 */
#define ALL_BYTES	17
static const char *const odd_names[] = {
	"\033[31mred\033[0m", "\v\f\034\177\200\377", " \t\n", "a\nb", "\"'`$(x)",
	"pid=1 uid=0", "# key=value", "\\", "\\n\\040\\\\", " lead", "trail ",
	"\302\23331m", "x\r2", "",
};

#define NAMES	(ALL_BYTES + ARRAY_SIZE(odd_names))

static const char *name_nr(unsigned int nr)
{
	static char name[16];
	unsigned int i;

	if (nr >= ALL_BYTES)
		return odd_names[nr - ALL_BYTES];
	for (i = 0; i < 15; i++)
		name[i] = 1 + nr * 15 + i;
	name[15] = 0;
	return name;
}

/* a[1]: where the pids go; a[2]: map it a second time */
static long child_named(const long *a)
{
	int fd = fresh_event();
	long refused[] = { PAGES_PER_CPU, 1 };

	prctl(PR_SET_NAME, name_nr(a[0]));
	((pid_t *)a[1])[a[0]] = getpid();
	if (pm_map(fd, 1, 0) == MAP_FAILED ||
	    (a[2] && pm_map(fd, 1, 0) == MAP_FAILED) || op_refused(refused))
		return -1;
	child_stand();
	return 0;
}

static char *whole_file(const char *file, size_t *len)
{
	char path[128], *text;
	int fd;

	snprintf(path, sizeof(path), BOOKS_DIR "/%s", file);
	fd = open(path, O_RDONLY);
	text = fd < 0 ? NULL : slurp_fd(fd, len);
	if (!text)
		die("%s: %s", path, strerror(errno));
	close(fd);
	return text;
}

/* Bytes that are neither printable ASCII nor the end of a line */
static int odd_bytes(const char *file)
{
	int bad = 0, byte = 0;
	size_t len, i;
	char *text = whole_file(file, &len);

	for (i = 0; i < len; i++)
		if (text[i] != '\n' && (text[i] < ' ' || text[i] > '~')) {
			bad++;
			byte = (unsigned char)text[i];
		}
	if (bad)
		note("%s: %d unprintable bytes, of them 0x%02x", file, bad, byte);
	free(text);
	return bad;
}

/* Records that have not as many words as line 2 says */
static int torn_records(const char *file)
{
	char *text = slurp_books(file), *line, *next;
	int words, want = 0, nr, bad = 0;

	for (nr = 0, line = text; *line; nr++, line = next) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = 0;
		for (words = 0; *line; words++) {
			line += strcspn(line, " ");
			line += strspn(line, " ");
		}
		if (nr == 1)
			want = words - 1;
		bad += nr > 1 && words != want;
	}
	if (bad)
		note("%s: %d lines have not %d words", file, bad, want);
	free(text);
	return bad;
}

static int name_differs(const char *file, const char *shown, unsigned int nr)
{
	char name[128];

	snprintf(name, sizeof(name), "%s", shown);
	unescape(name);
	if (!strcmp(name, name_nr(nr)))
		return 0;
	note("%s: name %u is shown as '%s'", file, nr, shown);
	return 1;
}

static int name_in_table(const char *file, pid_t pid, unsigned int nr)
{
	struct table *t = table_get(file);
	int row = table_find(t, 0, "pid", pid), bad = 1;

	if (row >= 0)
		bad = name_differs(file, table_str(t, row, "comm"), nr);
	else
		note("%s: no record of pid %d, name %u", file, pid, nr);
	table_put(t);
	return bad;
}

static int name_in_lines(const char *file, pid_t pid, unsigned int nr)
{
	char *line = line_last(file, "pid", pid), comm[128];
	int bad = 1;

	if (line)
		bad = name_differs(file, line_str(line, "comm", comm,
						  sizeof(comm)), nr);
	else
		note("%s: no line of pid %d, name %u", file, pid, nr);
	free(line);
	return bad;
}

TEST_F(books, escapes)
{
	static const char *const tables[] = { "buffers", "mms" };
	struct test_env *e = &self->e;
	bool leaks = env_remap_leaks(e);
	struct actor *a;
	unsigned int i, bad = 0;
	pid_t *pid;

	pid = mmap(NULL, e->page, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)pid);
	/* room for a page or two of each, and not for 129 pages */
	a = actor_start(e, env_uid(e), 0, 0);
	ASSERT_EQ(0, actor_fill(a, e->limit - 2 * NAMES));
	ASSERT_EQ(0, actor_fork(a, NAMES, child_named, (long)pid, leaks, 0));

	for (i = 0; i < BOOKS_LISTINGS; i++)
		EXPECT_EQ(0, odd_bytes(books_files[i]));
	for (i = 0; i < ARRAY_SIZE(tables); i++)
		bad += torn_records(tables[i]);
	EXPECT_EQ(0, bad);
	/* a table with torn records cannot be read by column */
	for (i = 0; i < NAMES; i++) {
		if (!bad) {
			EXPECT_EQ(0, name_in_table("buffers", pid[i], i));
			EXPECT_EQ(0, name_in_table("mms", pid[i], i));
		}
		EXPECT_EQ(0, name_in_lines("denials", pid[i], i));
		if (leaks)
			EXPECT_EQ(0, name_in_lines("drifts", pid[i], i));
	}
	ASSERT_EQ(0, actor_release(a));
	ASSERT_EQ(0, actor_wait(a));
	VERIFY("over");
}

/* a[1]: MB of memory, so that the end takes its time */
static long child_fat(const long *a)
{
	size_t len = a[1] << 20;
	int fd = fresh_event();
	char *mem;

	if (pm_map(fd, 2, 0) == MAP_FAILED)
		return -errno;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (mem == MAP_FAILED)
		return -errno;
	child_stand();
	pm_nap(a[0] * 4000);
	return 0;
}

static long child_one_of_many(const long *a)
{
	int fd = fresh_event();

	(void)a;
	child_stand();
	if (pm_map(fd, 1, 0) == MAP_FAILED)
		return -errno;
	pm_nap(300000);
	return 0;
}

#define BURSTS	3
#define FAT	6
#define FAT_MB	16

/* Missed calls, or books that are not exact yet, are no state to stay in. */
#define CAREFUL_NO_MORE() EXPECT_TRUE(eventually(!status_num("careful")))

/*
 * In its exit, it stays in the close of one ring; the other is charged, and there
 * is no mm any more that a walk through the processes could look at.
 */
static struct actor *start_to_die(struct test_env *e, uid_t uid)
{
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	long plain = actor_new(a, 9);
	long slow = actor_map(a, actor_open_aux(a), 5);
	long higher;

	/* the lower one goes first; where addresses are given upwards, one more */
	if (plain > 0 && plain < slow) {
		higher = actor_new(a, 9);
		if (actor_unmap(a, plain, 9))
			die("cannot unmap 9 pages");
		plain = higher;
	}
	if (slow < 0 || plain < slow)
		die("plain at 0x%lx, slow at 0x%lx", plain, slow);
	auxpmu_stand_exit(a);
	return a;
}

FIXTURE(bursts)
{
	struct test_env e;
};

FIXTURE_SETUP(bursts)
{
	env_open(&self->e);
	/* whatever others made it miss is not for this test */
	if (module_path("perfmlock") && (books_unload() || books_load("")))
		die("cannot load the module anew");
	sh = self->e.sh;
}

FIXTURE_TEARDOWN(bursts)
{
	delay_end();
	auxpmu_set("unmap_delay_ms", 0);
	auxpmu_set("go_on", 1);
	EXPECT_EQ(0, env_close(&self->e));
	auxpmu_set("go_on", 0);
}

/* More mappers at once than there is room for, while others with rings exit. */
TEST_F(bursts, of_exits)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *fat = actor_start(e, uid, UNLIMITED, 0);
	struct actor *many = actor_start(e, uid, UNLIMITED, 0);
	struct actor *more = actor_start(e, uid, UNLIMITED, 0);
	/* together more than there is memory ready for */
	long n = actor_fork_most(many, 1200) / 2, i;
	struct actor *dying = NULL;

	/* neither is needed: with them it does not take luck */
	if (!auxpmu_ready())
		note("no perfmlock_auxpmu.ko to load: nobody stays in an exit");
	if (!delay_start("perfmlock_ledger_fill"))
		note("no delay: there may be room for all");
	for (i = 0; i < BURSTS; i++) {
		ASSERT_EQ(0, actor_fork(fat, FAT, child_fat, FAT_MB, 0, 0));
		ASSERT_EQ(0, actor_fork(many, n, child_one_of_many, 0, 0, 0));
		ASSERT_EQ(0, actor_fork(more, n, child_one_of_many, 0, 0, 0));
		if (auxpmu_ready())
			dying = start_to_die(e, uid);
		delay_set(1000);
		ASSERT_EQ(0, actor_release(many));
		ASSERT_EQ(0, actor_release(more));
		ASSERT_EQ(0, actor_release(fat));
		ASSERT_EQ(0, actor_wait(fat));
		ASSERT_EQ(0, actor_wait(many));
		ASSERT_EQ(0, actor_wait(more));
		delay_set(0);
		if (dying) {
			EXPECT_TRUE(eventually(oracle(fat->pid).user ==
					       users_num(uid, "kernel")));
			EXPECT_TRUE(buffer_has(dying->pid, "data", 9));
			auxpmu_let_die(dying);
		}
	}
	ASSERT_EQ(0, oracle(fat->pid).user);
	EXPECT_TRUE(eventually(!buffers_count(0, uid)));
	EXPECT_TRUE(eventually(!users_num(uid, "kernel")));
	EXPECT_TRUE(eventually(!users_num(uid, "correct")));
	EXPECT_EQ(0, lines_of_cause(uid, "lost-uncharge"));
	EXPECT_EQ(0, lines_of_cause(uid, "unexplained"));
	TH_LOG("%lld mmaps found no room", status_num("pool_empty"));
	EXPECT_EQ(0, env_verify(e, "over"));
	CAREFUL_NO_MORE();
}

#define PILE_PAGES	129

static long op_pin(const long *a)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(a[0], &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus) ? -errno : 0;
}

static long op_map_slowly(const long *a)
{
	return nice(19) < 0 ? -1 : op_map_event(a);
}

/* a[1]: the event; a[2]: how often */
static long child_piles_up(const long *a)
{
	const long piles[] = { a[1], PILE_PAGES, (long)sh, a[2] };

	child_stand();
	return op_map_event(piles);
}

/*
 * Without any privilege: whoever maps holds the event's mutex, is nice and does
 * not come to run; the others wait inside perf_mmap(), more of them than a probe
 * can follow.
 */
TEST_F(books, misses_on_command)
{
	struct test_env *e = &self->e;
	bool leaks = env_remap_leaks(e);
	uid_t uid = env_uid(e);
	struct actor *slow, *a;
	struct timespec from, to;
	char *text = slurp_books("status");
	long long walks = -1, walked;
	long n, left;
	bool told;
	int fd;

	sh = e->sh;
	if (strstr(text, "\nwalks: "))
		walks = status_num("walks");
	free(text);
	slow = actor_start(e, uid, UNLIMITED, 0);
	a = actor_start(e, uid, UNLIMITED, 0);
	fd = actor_open(a, 0);
	ASSERT_GE(fd, 0);
	ASSERT_EQ(0, actor_call(slow, op_pin, 0, 0, 0, 0, 0));
	ASSERT_EQ(0, actor_call(a, op_pin, 0, 0, 0, 0, 0));
	e->leak_mm = leaks;
	clock_gettime(CLOCK_MONOTONIC, &from);
	n = actor_fork_most(a, 700);
	ASSERT_EQ(0, actor_fork(a, n, child_piles_up, fd, 3, 0));
	actor_begin(slow, op_map_slowly, actor_give(a, fd, slow), PILE_PAGES,
		    (long)sh, 0, 0);
	while (sh->count[0] < 5)
		pm_nap(1000);
	ASSERT_EQ(0, actor_release(a));
	ASSERT_EQ(0, actor_wait(a));
	sh->stop = 1;
	ASSERT_EQ(0, actor_end(slow));
	TH_LOG("%ld processes, %lld calls missed", n, status_num("missed"));

	/*
	 * What the kernel lost or leaked in doing so stays on U; where the books
	 * did not see it, it is foreign.
	 */
	EXPECT_TRUE(eventually(!buffers_count(0, uid)));
	left = oracle(a->pid).user;
	if (left) {
		note("this kernel has %ld pages left on U", left);
		e->leak_mm = true;
		told = eventually(users_num(uid, "kernel") >= 0 &&
				  users_num(uid, "foreign") >= 0);
	} else {
		told = eventually(!users_num(uid, "kernel"));
	}
	/* where others move it too, what was missed may stay in the books */
	EXPECT_TRUE(told || oracle_perf_is_locked_vm());
	if (left || !told) {
		note("kernel is %lld, and foreign %lld", users_num(uid, "kernel"),
		     users_num(uid, "foreign"));
		e->leak_user = true;
		a->foreign_user = users_num(uid, "foreign");
	}
	/* who was last to unmap a ring of another is uncharged, be it seen or not */
	if (mms_has(slow->pid, "alive"))
		slow->foreign_mm = mms_num(slow->pid, "foreign");
	EXPECT_TRUE(eventually(!users_num(uid, "correct")));
	EXPECT_EQ(0, env_verify(e, "over"));
	EXPECT_GE(walks, 0);
	CAREFUL_NO_MORE();
	walked = status_num("walks") - walks;
	clock_gettime(CLOCK_MONOTONIC, &to);
	TH_LOG("%lld walks in %ld s", walked, (long)(to.tv_sec - from.tv_sec));
	/* not one for each call that was missed */
	EXPECT_LE(walked, 1 + to.tv_sec - from.tv_sec);
	EXPECT_EQ(0, env_verify(e, "careful no more"));
}

static long child_holds(const long *a)
{
	int fd = fresh_event();

	(void)a;
	return pm_map(fd, 1, 0) == MAP_FAILED;
}

/* Rows of processes that are no more */
static int rows_of_nobody(uid_t uid, int *rows)
{
	struct table *t = table_get("mms");
	int row = -1, n = 0;

	*rows = 0;
	while ((row = table_find(t, row + 1, "uid", uid)) >= 0) {
		++*rows;
		n += kill(table_num(t, row, "pid"), 0) != 0;
	}
	table_put(t);
	return n;
}

/* Who has mapped once and lives on costs a row, and hides nobody's end. */
TEST_F(books, idle_rows)
{
	struct test_env *e = &self->e;
	uid_t uid = env_uid(e);
	struct actor *idle = actor_start(e, uid, 0, 0);
	struct actor *a = actor_start(e, uid, UNLIMITED, 0);
	long n = actor_fork_most(idle, 2400) - 400;
	int i, rows;

	ASSERT_EQ(0, actor_fork(idle, n, child_idle, 0, 0, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, actor_fork(a, 100, child_holds, 0, 0, 0));
		ASSERT_EQ(0, actor_release(a));
		ASSERT_EQ(0, actor_wait(a));
		EXPECT_EQ(0, rows_of_nobody(uid, &rows));
	}
	TH_LOG("%ld idle processes, %d rows", n, rows);
	VERIFY("idle");
	ASSERT_EQ(0, actor_release(idle));
	ASSERT_EQ(0, actor_wait(idle));
	EXPECT_EQ(0, rows_of_nobody(uid, &rows));
	actor_exit(idle);
	actor_exit(a);
	EXPECT_TRUE(eventually(!rows_of_nobody(uid, &rows) && !rows));
	EXPECT_TRUE(user_goes(uid));
}

TEST_HARNESS_MAIN
