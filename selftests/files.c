// SPDX-License-Identifier: GPL-2.0
/* The files: modes, formats, readers of all kinds, and reset. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "perfmlock_fixture.h"

#define LISTINGS	BOOKS_LISTINGS

static const char *path_of(const char *file)
{
	static char path[512];

	snprintf(path, sizeof(path), BOOKS_DIR "/%s", file);
	return path;
}

/* A write bit would hide a listing from a locked down kernel's reader. */
TEST_F(books, modes)
{
	struct dirent *d;
	struct stat st;
	unsigned int i;
	DIR *dir;

	for (i = 0; i < LISTINGS; i++) {
		ASSERT_EQ(0, stat(path_of(books_files[i]), &st));
		EXPECT_EQ((mode_t)S_IFREG | 0400, st.st_mode);
		EXPECT_EQ(0U, st.st_uid);
	}
	for (; i < BOOKS_FILES; i++) {
		ASSERT_EQ(0, stat(path_of(books_files[i]), &st));
		EXPECT_EQ((mode_t)S_IFREG | 0200, st.st_mode);
		EXPECT_EQ(0U, st.st_uid);
	}

	/* whatever else there is */
	dir = opendir(BOOKS_DIR);
	ASSERT_NE(NULL, dir);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		ASSERT_EQ(0, stat(path_of(d->d_name), &st));
		if (st.st_mode != (S_IFREG | 0400) &&
		    st.st_mode != (S_IFREG | 0200)) {
			TH_LOG("%s has mode %o", d->d_name, st.st_mode);
			EXPECT_TRUE(0);
		}
	}
	closedir(dir);
}

static long op_open_file(const long *a)
{
	int fd = open((const char *)a[0], a[1]);

	return fd < 0 ? -errno : fd;
}

TEST_F(books, not_for_users)
{
	struct test_env *e = &self->e;
	/* the actor is a fork: what is put here before is there as well */
	static char path[BOOKS_FILES][128];
	struct actor *a;
	unsigned int i;

	for (i = 0; i < BOOKS_FILES; i++)
		snprintf(path[i], sizeof(path[i]), BOOKS_DIR "/%s", books_files[i]);
	a = actor_start(e, env_uid(e), 0, 0);
	for (i = 0; i < BOOKS_FILES; i++) {
		EXPECT_EQ(-EACCES, actor_call(a, op_open_file, (long)path[i],
					      O_RDONLY, 0, 0, 0));
		EXPECT_EQ(-EACCES, actor_call(a, op_open_file, (long)path[i],
					      O_WRONLY, 0, 0, 0));
	}
}

#define MAX_COLUMNS 20

/* Columns are aligned by blanks, of which one counts. */
static void one_blank_each(char *text)
{
	char *to = text;

	for (; *text; text++)
		if (*text != ' ' || text[1] != ' ')
			*to++ = *text;
	*to = 0;
}

/* Contract version 2: columns may be added at the end, before comm, and only there. */
TEST_F(books, columns)
{
	static const struct {
		const char *file;
		const char *col[MAX_COLUMNS];
	} tables[] = {
		{ "users", {
			"uid", "buffers", "kernel", "correct", "drift",
			"counter", "foreign", "limit", "privileged", "denied",
			"wrongly_denied", "mm_pages", "repaired",
		} },
		{ "mms", {
			"pid", "uid", "state", "buffers", "kernel", "correct",
			"drift", "counter", "foreign", "rlimit", "privileged",
			"denied", "wrongly_denied", "cgroup", "repaired",
			"comm",
		} },
		{ "buffers", {
			"id", "pid", "uid", "cpu", "kind", "pages", "maps",
			"kernel_user", "kernel_mm", "correct_user",
			"correct_mm", "event", "origin", "comm",
		} },
		{ "models", {
			"name", "commit", "since", "agrees", "disagrees",
		} },
	};
	char want[512], *text;
	unsigned int i, j;
	size_t len;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		len = snprintf(want, sizeof(want),
			       "perfmlock %s - version: 2\n#", tables[i].file);
		for (j = 0; j < MAX_COLUMNS && tables[i].col[j]; j++)
			len += snprintf(want + len, sizeof(want) - len, " %s",
					tables[i].col[j]);
		text = slurp_books(tables[i].file);
		EXPECT_EQ('\n', text[strlen(text) - 1]);
		one_blank_each(text);
		ASSERT_GT(strlen(text), len);
		EXPECT_TRUE(text[len] == '\n' || text[len] == ' ');
		text[len] = 0;
		EXPECT_STREQ(want, text);
		free(text);
	}
}

/* The others have a version, a comment and no columns. */
TEST_F(books, key_value_files)
{
	static const char * const files[] = { "denials", "failures", "drifts" };
	unsigned int i;

	/* a line that cannot be read ends the test */
	for (i = 0; i < ARRAY_SIZE(files); i++)
		EXPECT_EQ(0, lines_count(files[i], "seq", 0));
}

TEST_F(books, status)
{
	char *text = slurp_books("status"), *line, *save, *colon;
	int n = 0;

	EXPECT_EQ('\n', text[strlen(text) - 1]);
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save), n++) {
		colon = strchr(line, ':');
		if (!colon || colon == line || colon[1] != ' ') {
			TH_LOG("'%s' is not key: value", line);
			EXPECT_TRUE(0);
		}
	}
	EXPECT_GT(n, 3);
	free(text);
	EXPECT_GE(status_num("missed"), 0);
}

/* 16 hex digits with a kernel's first ones, or so many behind 0x */
static bool looks_like_address(const char *w, size_t len)
{
	size_t i;

	if (len > 2 && w[0] == '0' && w[1] == 'x') {
		w += 2;
		len -= 2;
	}
	if (len != 16 || strncmp(w, "ffff", 4))
		return false;
	for (i = 0; i < len; i++)
		if (!isxdigit(w[i]))
			return false;
	return true;
}

TEST_F(books, no_addresses)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	const char *p;
	unsigned int i;
	size_t len;
	char *text;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(-EPERM, actor_new(a, 9));
	for (i = 0; i < LISTINGS; i++) {
		text = slurp_books(books_files[i]);
		for (p = text; *p; p += len + 1) {
			len = strcspn(p, " \t\n=:");
			EXPECT_FALSE(looks_like_address(p, len));
			if (!p[len])
				break;
		}
		free(text);
	}
}

TEST_F(books, listings_take_no_writes)
{
	unsigned int i;

	for (i = 0; i < LISTINGS; i++)
		EXPECT_LT(write_file(path_of(books_files[i]), "1", 1), 0);
}

/* Anything but 1 is an error that changes nothing. */
TEST_F(books, reset_refuses)
{
	static const char * const bad[] = {
		"0", "2", "-1", "11", "1x", "x1", "y", "on", "\n", " ", "1\n\n",
		"1 1", "01x", "reset", "0\n", "0x2", "256", "4294967297",
		"18446744073709551617",
	};
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	char big[20000];
	unsigned int i;
	int fd, ret;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(-EPERM, actor_new(a, 9));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ret = write_file(path_of("reset"), bad[i], strlen(bad[i]));
		if (ret != -EINVAL) {
			TH_LOG("'%s' returned %d", bad[i], ret);
			EXPECT_EQ(-EINVAL, ret);
		}
	}
	memset(big, '1', sizeof(big));
	EXPECT_EQ(-EINVAL, write_file(path_of("reset"), big, sizeof(big)));
	memset(big + 1, '\n', sizeof(big) - 1);
	EXPECT_EQ(-EINVAL, write_file(path_of("reset"), big, sizeof(big)));
	ret = write_file(path_of("reset"), "", 0);
	EXPECT_TRUE(!ret || ret == -EINVAL);

	fd = open(path_of("reset"), O_WRONLY);
	ASSERT_GE(fd, 0);
	/* nothing is mapped there, which the compiler must not know */
	EXPECT_EQ(-1, write(fd, (void *)e->page, 1));
	EXPECT_EQ(EFAULT, errno);
	close(fd);
	/* root may open it for reading, but there is nothing to read */
	fd = open(path_of("reset"), O_RDONLY);
	if (fd >= 0) {
		EXPECT_LE(read(fd, big, sizeof(big)), 0);
		close(fd);
	}

	EXPECT_EQ(1, users_num(a->uid, "denied"));
	EXPECT_EQ(1, mms_num(a->pid, "denied"));
	EXPECT_EQ(1, lines_count("denials", "pid", a->pid));
	VERIFY("refused");
}

TEST_F(books, reset_forgets)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	struct actor *b = actor_start(e, env_uid(e), 0, ACTOR_IPC_LOCK);
	static const char * const one[] = { "1", "1\n" };
	unsigned int i;

	ASSERT_EQ(0, actor_fill(a, e->limit));
	ASSERT_EQ(0, actor_fill(b, e->limit));
	ASSERT_GT(actor_new(b, 9), 0);
	for (i = 0; i < ARRAY_SIZE(one); i++) {
		ASSERT_EQ(-EPERM, actor_new(a, 9));
		ASSERT_EQ(1, users_num(a->uid, "denied"));
		ASSERT_EQ((int)strlen(one[i]),
			  write_file(path_of("reset"), one[i], strlen(one[i])));
		EXPECT_EQ(0, users_num(a->uid, "denied"));
		EXPECT_EQ(0, users_num(a->uid, "wrongly_denied"));
		EXPECT_EQ(0, mms_num(a->pid, "denied"));
		EXPECT_EQ(0, users_num(b->uid, "privileged"));
		EXPECT_EQ(0, mms_num(b->pid, "privileged"));
		EXPECT_EQ(0, lines_count("denials", "pid", a->pid));
		/* never what is mapped */
		EXPECT_EQ(e->limit, users_num(a->uid, "kernel"));
		EXPECT_EQ(9, buffer_num(b->pid, "data", 9, "kernel_mm"));
		VERIFY("forgotten");
	}
}

/* Only root's row and that of one other: users of earlier tests have gone. */
static bool only_one_user(void)
{
	char *text = slurp_books("users"), *at;
	int lines = 0;

	for (at = text; at && *at; at++)
		lines += *at == '\n';
	free(text);
	/* the two of the head */
	return lines <= 2 + 2;
}

/*
 * Does a record that a reader begins in its middle come twice? So it is on a
 * kernel with 1f4aace60b0e (v4.19) and without 6a2aeab59e97 (v5.3), whosever
 * file it is.
 */
static bool repeats_records(void)
{
	char *whole = slurp("/proc/devices"), buf[64];
	int fd = open("/proc/devices", O_RDONLY);
	ssize_t got = pread(fd, buf, sizeof(buf), 1);
	bool so;

	if (!whole || got <= 0)
		die("cannot read /proc/devices");
	so = strncmp(whole + 1, buf, got);
	close(fd);
	free(whole);
	return so;
}

/* What a reader gets piece by piece is what it gets at once. */
TEST_F(books, readers)
{
	struct test_env *e = &self->e;
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	char *whole, *slow, buf[64];
	unsigned int i;
	bool anywhere = !repeats_records();
	size_t len, at;
	int fd, j;

	if (!anywhere)
		note("this kernel repeats a record that is read from its middle");
	ASSERT_EQ(0, actor_fill(a, e->limit - 100));
	for (j = 0; j < 50; j++)
		ASSERT_GT(actor_new(a, 2), 0);
	for (j = 0; j < 20; j++)
		ASSERT_EQ(-EPERM, actor_new(a, 9));
	ASSERT_TRUE(eventually(only_one_user()));
	for (i = 0; i < LISTINGS; i++) {
		if (!strcmp(books_files[i], "status"))
			continue;
		whole = slurp_books(books_files[i]);
		len = strlen(whole);
		slow = calloc(1, len + 2);
		ASSERT_NE(NULL, slow);

		fd = open(path_of(books_files[i]), O_RDONLY);
		ASSERT_GE(fd, 0);
		/* a byte at a time; one too many to see the end */
		for (at = 0; at <= len; at++)
			if (read(fd, slow + at, 1) != 1)
				break;
		EXPECT_EQ(len, at);
		EXPECT_STREQ(whole, slow);

		/* from the start again, and from anywhere */
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		free(slow);
		slow = slurp_fd(fd, NULL);
		EXPECT_STREQ(whole, slow);
		for (j = 0; anywhere && j < 8; j++) {
			ssize_t got;

			at = len * j / 8;
			got = pread(fd, buf, sizeof(buf), at);
			ASSERT_GT(got, 0);
			ASSERT_LE(at + got, len);
			EXPECT_EQ(0, memcmp(whole + at, buf, got));
		}
		ASSERT_EQ(0, lseek(fd, 0, SEEK_SET));
		EXPECT_EQ(0, pread(fd, buf, sizeof(buf), len + 100000));
		close(fd);
		free(slow);
		free(whole);
	}
}

#define MANY 2000

static struct shared *sh;

static long op_many(const long *a)
{
	long i, fd;

	for (i = 0; i < a[0]; i++) {
		fd = pm_open(i % a[1], PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
		if (fd < 0 || pm_map(fd, 1, 0) == MAP_FAILED)
			return -errno;
		close(fd);
	}
	return 0;
}

static long op_come_and_go(const long *a)
{
	void *addr[8] = { 0 };
	int i = 0, fd;

	(void)a;
	while (!sh->stop) {
		if (addr[i % 8])
			pm_unmap(addr[i % 8], 2);
		fd = pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
		addr[i % 8] = pm_map(fd, 2, 0);
		close(fd);
		if (addr[i++ % 8] == MAP_FAILED)
			return -errno;
		sh->count[0]++;
	}
	for (i = 0; i < 8; i++)
		if (addr[i])
			pm_unmap(addr[i], 2);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

/* Records that stay are listed once, whatever comes and goes between them. */
TEST_F(books, many_buffers)
{
	struct test_env *e = &self->e;
	struct actor *a, *churn;
	char *text;
	static long long id[MANY + 16];
	struct table *t;
	size_t size, used;
	int i, n, pass, fd;
	ssize_t got;
	bool twice = env_charges_twice(e);
	long before;

	sh = e->sh;
	a = actor_start(e, env_uid(e), UNLIMITED, 0);
	churn = actor_start(e, env_uid(e), UNLIMITED, 0);
	ASSERT_EQ(0, actor_call(a, op_many, MANY, e->cpus, 0, 0, 0));
	EXPECT_EQ(MANY, users_num(a->uid, "buffers"));
	EXPECT_EQ(MANY, users_num(a->uid, "kernel") +
		  (twice ? 0 : mms_num(a->pid, "kernel")));
	actor_begin(churn, op_come_and_go, 0, 0, 0, 0, 0);
	for (pass = 0; pass < 3; pass++) {
		/* each pass in smaller pieces */
		size = 65536 >> pass * 4;
		fd = open(BOOKS_DIR "/buffers", O_RDONLY);
		ASSERT_GE(fd, 0);
		text = malloc(1 << 21);
		ASSERT_NE(NULL, text);
		before = sh->count[0];
		for (used = 0; used < (1 << 21) - size - 1; used += got) {
			got = read(fd, text + used, size);
			ASSERT_GE(got, 0);
			if (!got)
				break;
		}
		close(fd);
		text[used] = 0;
		while (sh->count[0] == before)
			pm_nap(100);
		t = table_parse("buffers", text);
		for (i = n = 0; i < table_rows(t); i++) {
			EXPECT_EQ(table_num(t, i, "pages"),
				  table_num(t, i, "kernel_user") +
				  (twice ? 0 : table_num(t, i, "kernel_mm")));
			if (table_num(t, i, "pid") != a->pid)
				continue;
			ASSERT_LT(n, MANY + 16);
			id[n++] = table_num(t, i, "id");
		}
		EXPECT_EQ(MANY, n);
		qsort(id, n, sizeof(id[0]), by_number);
		for (i = 1; i < n; i++)
			EXPECT_LT(id[i - 1], id[i]);
		table_put(t);
		free(text);
	}
	sh->stop = 1;
	ASSERT_EQ(0, actor_end(churn));
	actor_exit(a);
	EXPECT_TRUE(eventually(!buffers_count(a->pid, 0)));
}

/* Nobody's reset may hurt a reader, nobody's reader a mapper. */
TEST_F(books, read_and_reset)
{
	struct test_env *e = &self->e;
	struct actor *churn;
	unsigned int i;
	char *text;
	int n;

	sh = e->sh;
	churn = actor_start(e, env_uid(e), UNLIMITED, 0);
	actor_begin(churn, op_come_and_go, 0, 0, 0, 0, 0);
	/* it may not come to run before all is read */
	while (!sh->count[0])
		pm_nap(100);
	for (n = 0; n < 30; n++) {
		for (i = 0; i < LISTINGS; i++) {
			text = slurp_books(books_files[i]);
			EXPECT_NE(0, text[0]);
			free(text);
		}
		ASSERT_EQ(1, write_file(path_of("reset"), "1", 1));
	}
	sh->stop = 1;
	ASSERT_EQ(0, actor_end(churn));
	VERIFY("over");
	EXPECT_EQ(0, users_num(churn->uid, "kernel"));
}

TEST_HARNESS_MAIN
