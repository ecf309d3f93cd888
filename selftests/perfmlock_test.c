// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perfmlock_test.h"

const char * const books_files[BOOKS_FILES] = {
	"status", "users", "mms", "buffers", "denials", "failures", "drifts",
	"models", "audit", "reset", "repair",
};

#define ORACLE	"/proc/perfmlock_oracle"

void pm_nap(long usec)
{
	struct timespec ts = { usec / 1000000, usec % 1000000 * 1000 };

	nanosleep(&ts, NULL);
}

/* Files */

char *slurp_fd(int fd, size_t *len)
{
	size_t size = 16384, used = 0;
	char *text = malloc(size);
	ssize_t n;

	while (text) {
		n = read(fd, text + used, size - used - 1);
		if (n < 0) {
			free(text);
			return NULL;
		}
		if (!n)
			break;
		used += n;
		if (used + 1 == size)
			text = realloc(text, size *= 2);
	}
	if (!text)
		die("no memory");
	text[used] = 0;
	if (len)
		*len = used;
	return text;
}

char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0)
		return NULL;
	text = slurp_fd(fd, NULL);
	close(fd);
	return text;
}

char *slurp_books(const char *file)
{
	char path[PATH_MAX];
	char *text;

	snprintf(path, sizeof(path), BOOKS_DIR "/%s", file);
	text = slurp(path);
	if (!text)
		die("%s: %s", path, strerror(errno));
	return text;
}

int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		n = -errno;
	close(fd);
	return n;
}

long sysctl_get(const char *name)
{
	char path[PATH_MAX];
	char *text;
	long val;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	text = slurp(path);
	if (!text)
		die("%s: %s", path, strerror(errno));
	val = atol(text);
	free(text);
	return val;
}

bool sysctl_has(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	return !access(path, F_OK);
}

int sysctl_set(const char *name, long val)
{
	char path[PATH_MAX], text[32];
	int n;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	n = snprintf(text, sizeof(text), "%ld\n", val);
	return write_file(path, text, n) == n ? 0 : -1;
}

/* Tables */

struct table {
	char name[32];
	char *text;
	char **col, **cell;
	int cols, rows;
};

static int split(char *line, char ***words, int have)
{
	char *save, *w;
	int n = 0;

	for (w = strtok_r(line, " \t", &save); w;
	     w = strtok_r(NULL, " \t", &save), n++) {
		*words = realloc(*words, (have + n + 1) * sizeof(char *));
		if (!*words)
			die("no memory");
		(*words)[have + n] = w;
	}
	return n;
}

static char *next_line(char **pos)
{
	char *line = *pos, *end;

	if (!*line)
		return NULL;
	end = strchr(line, '\n');
	if (!end)
		die("the last line is cut off: '%s'", line);
	*end = 0;
	*pos = end + 1;
	return line;
}

static void check_version_line(const char *file, const char *line)
{
	char want[64];

	snprintf(want, sizeof(want), "perfmlock %s - version: 2", file);
	if (!line || strcmp(line, want))
		die("%s begins with '%s', not '%s'", file, line ?: "", want);
}

struct table *table_parse(const char *file, const char *text)
{
	struct table *t = calloc(1, sizeof(*t));
	char *pos, *line;
	int n;

	if (!t)
		die("no memory");
	snprintf(t->name, sizeof(t->name), "%s", file);
	t->text = strdup(text);
	pos = t->text;
	check_version_line(file, next_line(&pos));
	line = next_line(&pos);
	if (!line || line[0] != '#' || line[1] != ' ')
		die("%s: no line of columns but '%s'", file, line ?: "");
	t->cols = split(line + 2, &t->col, 0);
	while ((line = next_line(&pos))) {
		n = split(line, &t->cell, t->rows * t->cols);
		if (n != t->cols)
			die("%s: record %d has %d cells, not %d (%s ...)", file,
			    t->rows, n, t->cols, line);
		t->rows++;
	}
	return t;
}

struct table *table_get(const char *file)
{
	char *text = slurp_books(file);
	struct table *t = table_parse(file, text);

	free(text);
	return t;
}

void table_put(struct table *t)
{
	free(t->col);
	free(t->cell);
	free(t->text);
	free(t);
}

int table_rows(const struct table *t)
{
	return t->rows;
}

static int table_col(const struct table *t, const char *col)
{
	int i;

	for (i = 0; i < t->cols; i++)
		if (!strcmp(t->col[i], col))
			return i;
	return -1;
}

bool table_has(const struct table *t, const char *col)
{
	return table_col(t, col) >= 0;
}

const char *table_str(const struct table *t, int row, const char *col)
{
	int i = table_col(t, col);

	if (i < 0)
		die("%s has no column %s", t->name, col);
	if (row < 0 || row >= t->rows)
		die("%s has no record %d", t->name, row);
	return t->cell[row * t->cols + i];
}

static long long number(const char *s, const char *what)
{
	char *end;
	long long val;

	errno = 0;
	val = strtoll(s, &end, 10);
	if (errno || end == s || *end)
		die("%s: '%s' cannot be read", what, s);
	return val;
}

long long table_num(const struct table *t, int row, const char *col)
{
	return number(table_str(t, row, col), col);
}

int table_find(const struct table *t, int from, const char *col, long long val)
{
	int i;

	for (i = from; i < t->rows; i++)
		if (table_num(t, i, col) == val)
			return i;
	return -1;
}

void show(const char *file)
{
	char *text = slurp_books(file), *save, *line;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		note("| %s", line);
	free(text);
}

bool users_has(uid_t uid)
{
	struct table *t = table_get("users");
	bool ret = table_find(t, 0, "uid", uid) >= 0;

	table_put(t);
	return ret;
}

/* Who is still that user is noted. */
bool user_goes(uid_t uid)
{
	char *text, *save, *line;
	int pid, who;

	if (eventually(!users_has(uid)))
		return true;
	note("uid %u has a row still", uid);
	show("users");
	show("mms");
	show("buffers");
	show("status");
	text = slurp(ORACLE);
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%d %d", &pid, &who) == 2 && who == (int)uid)
			note("| process %s", line);
	free(text);
	return false;
}

long long users_num(uid_t uid, const char *col)
{
	struct table *t = table_get("users");
	int row = table_find(t, 0, "uid", uid);
	long long val;

	if (row < 0) {
		show("users");
		die("users has no record of uid %u", uid);
	}
	if (table_find(t, row + 1, "uid", uid) >= 0)
		die("users has two records of uid %u", uid);
	val = table_num(t, row, col);
	table_put(t);
	return val;
}

/* A pid can have one live mm and, after an exec, others on their way out. */
static int mms_find(const struct table *t, pid_t pid, const char *state)
{
	int row = -1;

	while ((row = table_find(t, row + 1, "pid", pid)) >= 0)
		if (!strcmp(table_str(t, row, "state"), state))
			return row;
	return -1;
}

bool mms_has(pid_t pid, const char *state)
{
	struct table *t = table_get("mms");
	bool ret = mms_find(t, pid, state) >= 0;

	table_put(t);
	return ret;
}

long long mms_num_state(pid_t pid, const char *state, const char *col)
{
	struct table *t = table_get("mms");
	int row = mms_find(t, pid, state);
	long long val;

	if (row < 0) {
		show("mms");
		die("mms has no record of pid %d, state %s", pid, state);
	}
	val = table_num(t, row, col);
	table_put(t);
	return val;
}

long long mms_num(pid_t pid, const char *col)
{
	return mms_num_state(pid, "alive", col);
}

int buffers_count(pid_t pid, uid_t uid)
{
	struct table *t = table_get("buffers");
	int row = -1, n = 0;

	while ((row = table_find(t, row + 1, pid ? "pid" : "uid",
				 pid ? pid : (long long)uid)) >= 0)
		n++;
	table_put(t);
	return n;
}

static int buffers_find(const struct table *t, pid_t pid, const char *kind,
			long pages)
{
	int row = -1, found = -1;

	while ((row = table_find(t, row + 1, "pid", pid)) >= 0) {
		if (strcmp(table_str(t, row, "kind"), kind) ||
		    table_num(t, row, "pages") != pages)
			continue;
		if (found >= 0)
			die("buffers has two records of pid %d %s %ld pages",
			    pid, kind, pages);
		found = row;
	}
	return found;
}

bool buffer_has(pid_t pid, const char *kind, long pages)
{
	struct table *t = table_get("buffers");
	bool ret = buffers_find(t, pid, kind, pages) >= 0;

	table_put(t);
	return ret;
}

long long buffer_num(pid_t pid, const char *kind, long pages, const char *col)
{
	struct table *t = table_get("buffers");
	int row = buffers_find(t, pid, kind, pages);
	long long val;

	if (row < 0) {
		show("buffers");
		die("buffers has no record of pid %d %s %ld pages", pid, kind,
		    pages);
	}
	val = table_num(t, row, col);
	table_put(t);
	return val;
}

/* key=value lines */

static const char *line_find(const char *line, const char *key, size_t *len)
{
	size_t klen = strlen(key);
	const char *p = line;

	while (*p) {
		p += strspn(p, " \t");
		*len = strcspn(p, " \t");
		if (*len > klen && !strncmp(p, key, klen) && p[klen] == '=') {
			*len -= klen + 1;
			return p + klen + 1;
		}
		if (*len && !memchr(p, '=', *len))
			die("'%.*s' is no key=value in '%s'", (int)*len, p, line);
		p += *len;
	}
	return NULL;
}

bool line_has(const char *line, const char *key)
{
	size_t len;

	return line_find(line, key, &len);
}

const char *line_str(const char *line, const char *key, char *buf, size_t size)
{
	size_t len;
	const char *val = line_find(line, key, &len);

	if (!val)
		die("no key %s in '%s'", key, line);
	snprintf(buf, size, "%.*s", (int)len, val);
	return buf;
}

long long line_num(const char *line, const char *key)
{
	char buf[64];

	return number(line_str(line, key, buf, sizeof(buf)), key);
}

unsigned long line_hex(const char *line, const char *key)
{
	unsigned long val;
	char buf[64], *end;

	line_str(line, key, buf, sizeof(buf));
	val = strtoul(buf, &end, 16);
	if (end == buf || *end)
		die("%s: '%s' cannot be read as hex", key, buf);
	return val;
}

static int lines_walk(const char *file, const char *key, long long val,
		      char **last, const char *key_sum, long long *sum)
{
	char *text = slurp_books(file), *pos = text, *line;
	int n = 0;

	check_version_line(file, next_line(&pos));
	line = next_line(&pos);
	if (!line || line[0] != '#')
		die("%s: no comment in line 2 but '%s'", file, line ?: "");
	while ((line = next_line(&pos))) {
		if (line_num(line, key) != val)
			continue;
		n++;
		if (sum)
			*sum += line_num(line, key_sum);
		if (last) {
			free(*last);
			*last = strdup(line);
		}
	}
	free(text);
	return n;
}

int lines_count(const char *file, const char *key, long long val)
{
	return lines_walk(file, key, val, NULL, NULL, NULL);
}

char *line_last(const char *file, const char *key, long long val)
{
	char *last = NULL;

	lines_walk(file, key, val, &last, NULL, NULL);
	return last;
}

long long lines_sum(const char *file, const char *key, long long val,
		    const char *key_sum)
{
	long long sum = 0;

	lines_walk(file, key, val, NULL, key_sum, &sum);
	return sum;
}

int lines_of_cause(uid_t uid, const char *cause)
{
	char *text = slurp_books("drifts"), *line, *save, is[64];
	int n = 0;

	strtok_r(text, "\n", &save);
	strtok_r(NULL, "\n", &save);
	while ((line = strtok_r(NULL, "\n", &save)))
		if (line_num(line, "owner_uid") == uid &&
		    !strcmp(line_str(line, "cause", is, sizeof(is)), cause)) {
			note("| %s", line);
			n++;
		}
	free(text);
	return n;
}

/* The escapes of seq_escape() and string_escape_mem() that a name can have */
void unescape(char *s)
{
	static const char from[] = "nrtvfabe\\\"s", to[] = "\n\r\t\v\f\a\b\033\\\" ";
	char *out = s;

	for (; *s; s++) {
		const char *c;
		unsigned int val;
		int n = 0;

		if (*s != '\\' || !s[1]) {
			*out++ = *s;
			continue;
		}
		if (sscanf(s + 1, "%3o%n", &val, &n) == 1 && n == 3) {
			*out++ = val;
			s += 3;
		} else if (sscanf(s + 1, "x%2x%n", &val, &n) == 1 && n == 3) {
			*out++ = val;
			s += 3;
		} else {
			c = strchr(from, s[1]);
			*out++ = c ? to[c - from] : s[1];
			s++;
		}
	}
	*out = 0;
}

long long status_num(const char *key)
{
	char *text = slurp_books("status"), *save, *line, *val;
	size_t len = strlen(key);
	long long ret;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, key, len) || line[len] != ':')
			continue;
		val = line + len + 1;
		val += strspn(val, " \t");
		ret = number(val, key);
		free(text);
		return ret;
	}
	show("status");
	die("status has no key %s", key);
}

/* The independent readings */

static bool oracle_read(pid_t pid, struct raw *raw)
{
	char *text = slurp(ORACLE), *save, *line;
	bool found = false;

	if (!text)
		die(ORACLE ": %s", strerror(errno));
	strtok_r(text, "\n", &save);
	while (!found && (line = strtok_r(NULL, "\n", &save))) {
		int p;

		if (sscanf(line, "%d %u %lld %lld %lld", &p, &raw->uid,
			   &raw->user, &raw->locked, &raw->mm) != 5)
			die(ORACLE ": '%s'", line);
		found = p == pid;
	}
	free(text);
	return found;
}

bool oracle_has(pid_t pid)
{
	struct raw raw;

	return oracle_read(pid, &raw);
}

struct raw oracle(pid_t pid)
{
	struct raw raw;

	if (!oracle_read(pid, &raw))
		die(ORACLE ": no process %d", pid);
	return raw;
}

bool oracle_perf_is_locked_vm(void)
{
	char *text = slurp(ORACLE);
	bool ret = text && !strncmp(text, "# counter locked_vm\n", 20);

	free(text);
	return ret;
}

unsigned long long vm_pin_kb(pid_t pid)
{
	unsigned long long val = 0;
	char path[64], *text, *p;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	text = slurp(path);
	p = text ? strstr(text, "\nVmPin:") : NULL;
	if (!p || sscanf(p + 7, "%llu", &val) != 1)
		die("%s: no VmPin", path);
	free(text);
	return val;
}

long mapped_pages(pid_t pid)
{
	char path[64], *text, *save, *line;
	unsigned long start, end, sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	text = slurp(path);
	if (!text)
		return 0;
	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (strstr(line, "anon_inode:[perf_event]") &&
		    sscanf(line, "%lx-%lx", &start, &end) == 2)
			sum += end - start;
	free(text);
	return sum / sysconf(_SC_PAGESIZE);
}

static long mapped_pages_all(void)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	long sum = 0;

	while (dir && (d = readdir(dir)))
		if (isdigit(d->d_name[0]))
			sum += mapped_pages(atoi(d->d_name));
	if (dir)
		closedir(dir);
	return sum;
}

/* What an actor does */

#define MAX_MAPS 4096

static struct {
	void *addr;
	long pages;
} maps[MAX_MAPS];
static int nr_maps;

static int actor_sock = -1;

int pm_open(int cpu, long type, long config, pid_t pid)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = config,
		.disabled = 1,
	};

	return syscall(SYS_perf_event_open, &attr, pid, cpu, -1,
		       PERF_FLAG_FD_CLOEXEC);
}

int fresh_event(void)
{
	return pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
}

void *pm_map(int fd, long pages, long pgoff)
{
	long page = sysconf(_SC_PAGESIZE);

	return mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    pgoff * page);
}

int pm_unmap(void *addr, long pages)
{
	return munmap(addr, pages * sysconf(_SC_PAGESIZE));
}

static long op_open(const long *a)
{
	int fd = pm_open(a[0], a[1], a[2], a[0] < 0 ? 0 : -1);

	return fd < 0 ? -errno : fd;
}

static long op_close(const long *a)
{
	return close(a[0]) ? -errno : 0;
}

static long op_map(const long *a)
{
	void *addr = pm_map(a[0], a[1], a[2]);

	if (addr == MAP_FAILED)
		return -errno;
	if (nr_maps == MAX_MAPS)
		die("too many mappings");
	maps[nr_maps].addr = addr;
	maps[nr_maps++].pages = a[1];
	return (long)addr;
}

static long op_new(const long *a)
{
	long arg[3] = { pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1), a[0], 0 };
	long ret;

	if (arg[0] < 0)
		return -errno;
	ret = op_map(arg);
	close(arg[0]);
	return ret;
}

static long op_unmap(const long *a)
{
	int i;

	if (pm_unmap((void *)a[0], a[1]))
		return -errno;
	for (i = 0; i < nr_maps; i++)
		if (maps[i].addr == (void *)a[0])
			maps[i--] = maps[--nr_maps];
	return 0;
}

static long op_unmap_all(const long *a)
{
	long ret = 0;

	(void)a;
	while (nr_maps) {
		nr_maps--;
		if (pm_unmap(maps[nr_maps].addr, maps[nr_maps].pages))
			ret = -errno;
	}
	return ret;
}

static long op_fill(const long *a)
{
	long left = a[0], n, ret;

	while (left) {
		/* one page is a buffer without data */
		for (n = PAGES_PER_CPU - 1; n && n + 1 > left; n /= 2)
			;
		n++;
		ret = op_new(&n);
		if (ret < 0)
			return ret;
		left -= n;
	}
	return 0;
}

static long op_setuid(const long *a)
{
	if (setresuid(a[0], a[0], a[0]))
		return -errno;
	/* the change of uid has cleared both */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1);
	return 0;
}

union fdmsg {
	struct cmsghdr h;
	char buf[CMSG_SPACE(sizeof(int))];
};

static long send_fd(int sock, int fd)
{
	char byte = 0;
	struct iovec iov = { &byte, 1 };
	union fdmsg u = { .h = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};

	memcpy(CMSG_DATA(&u.h), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static long recv_fd(int sock)
{
	char byte;
	struct iovec iov = { &byte, 1 };
	union fdmsg u;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -EIO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

static long op_send_fd(const long *a)
{
	return send_fd(actor_sock, a[0]);
}

static long op_recv_fd(const long *a)
{
	(void)a;
	return recv_fd(actor_sock);
}

long actor_own_sock(const long *arg)
{
	(void)arg;
	return actor_sock;
}

struct call {
	actor_fn fn;
	long arg[5];
};

static noreturn void actor_main(void)
{
	struct call call;
	long ret;

	while (read(actor_sock, &call, sizeof(call)) == sizeof(call)) {
		ret = call.fn(call.arg);
		if (write(actor_sock, &ret, sizeof(ret)) != sizeof(ret))
			break;
	}
	_exit(0);
}

static void drop_caps(unsigned int keep)
{
	struct __user_cap_header_struct hdr = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = {
		{ .effective = keep, .permitted = keep },
	};

	if (syscall(SYS_capset, &hdr, data))
		die("capset: %s", strerror(errno));
}

uid_t env_uid(struct test_env *e)
{
	/* a number no other test of this boot has used */
	if (e->nr_uids == 8)
		die("too many uids");
	return 100000 + getpid() * 8 + e->nr_uids++;
}

/* A new place, or one that is free again. */
static struct actor *actor_place(struct test_env *e)
{
	int i;

	if (e->nr_actors < MAX_ACTORS)
		return &e->actor[e->nr_actors++];
	for (i = 0; i < MAX_ACTORS; i++)
		if (!e->actor[i].alive)
			return &e->actor[i];
	die("too many actors");
}

struct actor *actor_start(struct test_env *e, uid_t uid, long rlimit, int flags)
{
	struct rlimit files = { 8192, 8192 };
	struct actor *a = actor_place(e);
	int sock[2], i;

	memset(a, 0, sizeof(*a));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock))
		die("socketpair: %s", strerror(errno));
	fflush(NULL);
	a->pid = fork();
	if (a->pid < 0)
		die("fork: %s", strerror(errno));
	if (!a->pid) {
		for (i = 0; i < e->nr_actors; i++)
			if (e->actor[i].alive)
				close(e->actor[i].sock);
		close(sock[0]);
		actor_sock = sock[1];
		nr_maps = 0;
		setrlimit(RLIMIT_NOFILE, &files);
		prctl(PR_SET_NAME, "pm_actor");
		prctl(PR_SET_KEEPCAPS, 1);
		if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
			die("setresuid %u: %s", uid, strerror(errno));
		if (!(flags & ACTOR_ALL))
			drop_caps((flags & ACTOR_IPC_LOCK ? 1 << CAP_IPC_LOCK : 0) |
				  (flags & ACTOR_SETUID ? 1 << CAP_SETUID : 0));
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_DUMPABLE, 1);
		actor_main();
	}
	close(sock[1]);
	a->uid = uid;
	a->mm_uid = uid;
	a->sock = sock[0];
	a->alive = true;
	actor_rlimit(a, rlimit);
	/* when it answers it is what it should be */
	actor_unmap_all(a);
	return a;
}

void actor_begin(struct actor *a, actor_fn fn, long a0, long a1, long a2,
		 long a3, long a4)
{
	struct call call = { fn, { a0, a1, a2, a3, a4 } };

	if (write(a->sock, &call, sizeof(call)) != sizeof(call))
		die("actor %d is gone", a->pid);
	a->busy = true;
}

long actor_end(struct actor *a)
{
	long ret;

	if (read(a->sock, &ret, sizeof(ret)) != sizeof(ret))
		die("actor %d died", a->pid);
	a->busy = false;
	return ret;
}

bool actor_done(struct actor *a)
{
	struct pollfd answer = { .fd = a->sock, .events = POLLIN };

	return poll(&answer, 1, 0) == 1;
}

long actor_call(struct actor *a, actor_fn fn, long a0, long a1, long a2,
		long a3, long a4)
{
	actor_begin(a, fn, a0, a1, a2, a3, a4);
	return actor_end(a);
}

char actor_state(const struct actor *a)
{
	char path[64], *text, *end, state;

	snprintf(path, sizeof(path), "/proc/%d/stat", a->pid);
	text = slurp(path);
	end = text ? strrchr(text, ')') : NULL;
	if (!end)
		die("%s: no state", path);
	state = end[2];
	free(text);
	return state;
}

static void actor_reap(struct actor *a)
{
	close(a->sock);
	waitpid(a->pid, NULL, 0);
	a->alive = false;
}

void actor_exit(struct actor *a)
{
	if (a->alive)
		actor_reap(a);
}

void actor_kill(struct actor *a)
{
	kill(a->pid, SIGKILL);
	actor_reap(a);
}

void actor_rlimit(struct actor *a, long pages)
{
	/* the odd bytes must be rounded away by everybody */
	rlim_t bytes = pages < 0 ? RLIM_INFINITY :
				   (rlim_t)pages * sysconf(_SC_PAGESIZE) + 1000;
	struct rlimit lim = { bytes, bytes };

	if (prlimit(a->pid, RLIMIT_MEMLOCK, &lim, NULL))
		die("prlimit: %s", strerror(errno));
}

int actor_give(struct actor *from, int fd, struct actor *to)
{
	int here, there;

	actor_begin(from, op_send_fd, fd, 0, 0, 0, 0);
	here = recv_fd(from->sock);
	if (actor_end(from) || here < 0)
		die("cannot get an fd from %d", from->pid);
	actor_begin(to, op_recv_fd, 0, 0, 0, 0, 0);
	if (send_fd(to->sock, here))
		die("cannot send an fd to %d", to->pid);
	there = actor_end(to);
	close(here);
	return there;
}

int actor_open_type(struct actor *a, int cpu, long type, long config)
{
	return actor_call(a, op_open, cpu, type, config, 0, 0);
}

int actor_open(struct actor *a, int cpu)
{
	return actor_open_type(a, cpu, PERF_TYPE_SOFTWARE, PM_DUMMY);
}

int actor_close(struct actor *a, int fd)
{
	return actor_call(a, op_close, fd, 0, 0, 0, 0);
}

void actor_begin_map(struct actor *a, int fd, long pages)
{
	actor_begin(a, op_map, fd, pages, 0, 0, 0);
}

long actor_map(struct actor *a, int fd, long pages)
{
	actor_begin_map(a, fd, pages);
	return actor_end(a);
}

long actor_map_at(struct actor *a, int fd, long pages, long pgoff)
{
	return actor_call(a, op_map, fd, pages, pgoff, 0, 0);
}

long actor_new(struct actor *a, long pages)
{
	return actor_call(a, op_new, pages, 0, 0, 0, 0);
}

/*
 * Maps and unmaps until told to stop. a[0]: which one; a[1]: microseconds at
 * most to wait between the calls; a[2]: the struct shared
 */
long op_churn(const long *a)
{
	struct shared *sh = (struct shared *)a[2];
	unsigned int seed = a[0] + 1;
	void *addr;
	long n;
	int fd;

	while (!sh->stop) {
		fd = pm_open(0, PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
		n = 1 + (1 << rand_r(&seed) % 6);
		addr = pm_map(fd, n, 0);
		close(fd);
		if (addr == MAP_FAILED)
			return -errno;
		sh->count[a[0]]++;
		pm_nap(rand_r(&seed) % (a[1] + 1));
		pm_unmap(addr, n);
		pm_nap(rand_r(&seed) % (a[1] + 1));
	}
	return 0;
}

long op_map_inherit(const long *a)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PM_DUMMY,
		.inherit = 1,
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	void *addr = pm_map(fd, a[0], 0);
	long ret = addr == MAP_FAILED ? -errno : (long)addr;

	close(fd);
	return ret;
}

long op_map_event(const long *a)
{
	struct shared *sh = (struct shared *)a[2];
	void *addr;
	long i;

	for (i = 0; a[3] ? i < a[3] : !sh->stop; i++) {
		addr = pm_map(a[0], a[1], 0);
		if (addr != MAP_FAILED)
			pm_unmap(addr, a[1]);
		else if (errno != EPERM)
			return -errno;
		sh->count[0]++;
	}
	return 0;
}

long op_set_output(const long *a)
{
	return ioctl(a[0], PERF_EVENT_IOC_SET_OUTPUT, a[1]) ? -errno : 0;
}

void actor_begin_unmap(struct actor *a, long addr, long pages)
{
	actor_begin(a, op_unmap, addr, pages, 0, 0, 0);
}

int actor_unmap(struct actor *a, long addr, long pages)
{
	actor_begin_unmap(a, addr, pages);
	return actor_end(a);
}

int actor_unmap_all(struct actor *a)
{
	return actor_call(a, op_unmap_all, 0, 0, 0, 0, 0);
}

int actor_setuid(struct actor *a, uid_t uid)
{
	return actor_call(a, op_setuid, uid, 0, 0, 0, 0);
}

int actor_fill(struct actor *a, long pages)
{
	return actor_call(a, op_fill, pages, 0, 0, 0, 0);
}

/* Children of an actor */

static struct crowd {
	int go[2];		/* closed is the sign to go on */
	atomic_long *ready;	/* shared with them */
	bool stood;
} crowd;

void child_stand(void)
{
	char byte;

	crowd.stood = true;
	++*crowd.ready;
	while (read(crowd.go[0], &byte, 1) < 0 && errno == EINTR)
		;
}

long child_idle(const long *a)
{
	int fd = fresh_event();
	void *addr = pm_map(fd, 1, 0);

	(void)a;
	if (addr == MAP_FAILED)
		return -errno;
	pm_unmap(addr, 1);
	close(fd);
	child_stand();
	return 0;
}

static noreturn void child_main(const long *a, long nr)
{
	long arg[] = { nr, a[2], a[3], a[4] }, ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(crowd.go[1]);
	ret = ((actor_fn)a[1])(arg);
	if (!crowd.stood)
		++*crowd.ready;
	_exit(ret ? 1 : 0);
}

static long op_fork(const long *a)
{
	long i;

	if (!crowd.ready)
		crowd.ready = mmap(NULL, sizeof(*crowd.ready),
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crowd.ready == MAP_FAILED || pipe(crowd.go))
		return -errno;
	*crowd.ready = 0;
	for (i = 0; i < a[0]; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return -errno;
		if (!pid)
			child_main(a, i);
	}
	while (*crowd.ready < a[0])
		pm_nap(1000);
	return 0;
}

static long op_release(const long *a)
{
	(void)a;
	return close(crowd.go[1]) ? -errno : 0;
}

static long op_wait(const long *a)
{
	long bad = 0;
	int status;

	(void)a;
	while (wait(&status) > 0)
		bad += status != 0;
	close(crowd.go[0]);
	return bad;
}

long actor_fork(struct actor *a, long n, actor_fn fn, long a0, long a1, long a2)
{
	return actor_call(a, op_fork, n, (long)fn, a0, a1, a2);
}

int actor_release(struct actor *a)
{
	return actor_call(a, op_release, 0, 0, 0, 0, 0);
}

long actor_wait(struct actor *a)
{
	return actor_call(a, op_wait, 0, 0, 0, 0, 0);
}

long actor_fork_most(struct actor *a, long n)
{
	struct rlimit lim;

	/* of all that the user may have, a few are the actors */
	if (prlimit(a->pid, RLIMIT_NPROC, NULL, &lim) ||
	    lim.rlim_cur == RLIM_INFINITY || lim.rlim_cur > (rlim_t)n + 64)
		return n;
	return lim.rlim_cur > 128 ? lim.rlim_cur - 64 : lim.rlim_cur / 2;
}

/* Modules */

bool module_loaded(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/module/%s", name);
	return !access(path, F_OK);
}

/* Beside the program, where this tree builds it, or where it is installed */
const char *module_path(const char *name)
{
	static const char * const where[] = {
		"%s/%s.ko", "%s/oracle/%s.ko", "%s/../module/%s.ko",
		"%s/../%s.ko",
	};
	static char path[PATH_MAX];
	char dir[PATH_MAX - 64];
	struct utsname uts;
	unsigned int i;
	ssize_t n;

	n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);
	if (n < 0)
		return NULL;
	dir[n] = 0;
	*strrchr(dir, '/') = 0;
	for (i = 0; i < ARRAY_SIZE(where); i++) {
		snprintf(path, sizeof(path), where[i], dir, name);
		if (!access(path, R_OK))
			return path;
	}
	uname(&uts);
	snprintf(path, sizeof(path), "/lib/modules/%s/updates/dkms/%s.ko",
		 uts.release, name);
	return access(path, R_OK) ? NULL : path;
}

int module_load(const char *path, const char *params)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, params, 0) ? -errno : 0;
	close(fd);
	return ret;
}

int module_unload(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

int books_load(const char *params)
{
	return module_load(module_path("perfmlock"), params);
}

int books_unload(void)
{
	int ret, tries = 0;

	/* a reader of a listing holds it for a moment */
	do {
		if (tries)
			pm_nap(10000);
		ret = module_unload("perfmlock");
	} while (ret == -EAGAIN && tries++ < 100);
	return ret;
}

static void module_need(const char *name, const char *sign)
{
	const char *path;
	int ret;

	if (!access(sign, F_OK))
		return;
	path = module_path(name);
	if (!path)
		die("%s is not there, and no %s.ko to load", sign, name);
	ret = module_load(path, "");
	if (ret || access(sign, F_OK))
		die("%s: %s", path, ret ? strerror(-ret) : sign);
}

bool auxpmu_ready(void)
{
	const char *path;

	if (module_loaded("perfmlock_auxpmu"))
		return true;
	path = module_path("perfmlock_auxpmu");
	return path && !module_load(path, "");
}

int param_set(const char *module, const char *param, long val)
{
	char path[PATH_MAX], text[32];
	int n;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module,
		 param);
	n = snprintf(text, sizeof(text), "%ld", val);
	return write_file(path, text, n) == n ? 0 : -1;
}

static long param_get(const char *module, const char *param)
{
	char path[PATH_MAX], *text;
	long val;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module,
		 param);
	text = slurp(path);
	val = text ? atol(text) : -1;
	free(text);
	return val;
}

int auxpmu_set(const char *param, long val)
{
	return param_set("perfmlock_auxpmu", param, val);
}

long auxpmu_calls(void)
{
	return param_get("perfmlock_auxpmu", "calls");
}

static long op_map_aux(const long *a)
{
	long page = sysconf(_SC_PAGESIZE);
	struct perf_event_mmap_page *head = (void *)a[1];
	long arg[3] = { a[0], a[3], a[2] };

	head->aux_offset = a[2] * page;
	head->aux_size = a[3] * page;
	return op_map(arg);
}

int actor_open_aux(struct actor *a)
{
	return actor_open_type(a, 0, auxpmu_type(), 0);
}

void actor_begin_map_aux(struct actor *a, int fd, long addr, long pages,
			 long aux)
{
	actor_begin(a, op_map_aux, fd, addr, pages, aux, 0);
}

long actor_map_aux(struct actor *a, int fd, long addr, long pages, long aux)
{
	actor_begin_map_aux(a, fd, addr, pages, aux);
	return actor_end(a);
}

/* Longer than anything may take; the tests end it before. */
#define STANDS_MS 900000L

static void stand_in(struct actor *a, const char *delay, long calls)
{
	while (auxpmu_calls() == calls && !actor_done(a))
		pm_nap(1000);
	auxpmu_set(delay, 0);
}

void auxpmu_stand(struct actor *a, int fd, long addr, long pages, long aux)
{
	long calls = auxpmu_calls();

	auxpmu_set("delay_ms", STANDS_MS);
	actor_begin_map_aux(a, fd, addr, pages, aux);
	stand_in(a, "delay_ms", calls);
}

void auxpmu_stand_unmap(struct actor *a, long addr, long pages)
{
	long calls = auxpmu_calls();

	auxpmu_set("unmap_delay_ms", STANDS_MS);
	actor_begin_unmap(a, addr, pages);
	stand_in(a, "unmap_delay_ms", calls);
}

void auxpmu_stand_exit(struct actor *a)
{
	long calls = auxpmu_calls();

	auxpmu_set("unmap_delay_ms", STANDS_MS);
	kill(a->pid, SIGKILL);
	while (auxpmu_calls() == calls)
		pm_nap(1000);
	auxpmu_set("unmap_delay_ms", 0);
}

void auxpmu_let_die(struct actor *a)
{
	auxpmu_set("let_go", a->pid);
	actor_kill(a);
	auxpmu_set("let_go", 0);
}

long auxpmu_go_on(struct actor *a)
{
	long ret;

	auxpmu_set("let_go", a->pid);
	ret = actor_end(a);
	auxpmu_set("let_go", 0);
	return ret;
}

long auxpmu_type(void)
{
	char *text = slurp("/sys/bus/event_source/devices/perfmlock_auxpmu/type");
	long type = text ? atol(text) : -1;

	free(text);
	return type;
}

#define DELAY	"perfmlock_delay"

void delay_end(void)
{
	if (module_loaded(DELAY))
		module_unload(DELAY);
}

bool delay_start(const char *symbol)
{
	char *text = slurp("/proc/kallsyms"), word[80];
	const char *path = module_path(DELAY);
	bool has;

	/* a test that was killed has left it */
	delay_end();
	snprintf(word, sizeof(word), " %s\t[perfmlock]\n", symbol);
	has = text && strstr(text, word);
	free(text);
	if (!has || !path)
		return false;
	snprintf(word, sizeof(word), "symbol=%s", symbol);
	return !module_load(path, word);
}

void delay_set(long ms)
{
	param_set(DELAY, "ms", ms);
}

long delay_hits(void)
{
	return param_get(DELAY, "hits");
}

void set_kprobes(bool on)
{
	if (write_file(KPROBES_ENABLED, on ? "1" : "0", 1) != 1)
		die(KPROBES_ENABLED ": %s", strerror(errno));
}

/* One test */

/* bad page, died, warned, locked up */
#define BAD_TAINT 0x42a0

static const char * const knobs[] = {
	"perf_event_mlock_kb", "perf_event_paranoid",
	/* not every kernel has it (v6.6), and a vendor may have it on from the start */
	"io_uring_disabled",
};

static long knob_was[ARRAY_SIZE(knobs)];
static long taint_was;
static pid_t knob_owner;

static void knobs_restore(void)
{
	unsigned int i;

	for (i = 0; getpid() == knob_owner && i < ARRAY_SIZE(knobs); i++)
		if (sysctl_has(knobs[i]))
			sysctl_set(knobs[i], knob_was[i]);
}

/*
 * An actor returns an address or an error in a long. Where that has 32 bits, the upper
 * half of the addresses would look like errors: with this layout they are given last.
 */
static void __attribute__((constructor)) low_addresses(int argc, char **argv)
{
	int has = personality(0xffffffff);

	(void)argc;
	if (sizeof(long) > 4 || has & ADDR_COMPAT_LAYOUT)
		return;
	if (personality(has | ADDR_COMPAT_LAYOUT) != -1)
		execv("/proc/self/exe", argv);
	die("no layout of addresses: %s", strerror(errno));
}

/* Runs before the harness forks a test, so that a killed test is undone too. */
static void __attribute__((constructor)) knobs_save(void)
{
	unsigned int i;

	/* the program an actor turns into when it calls exec */
	if (getenv("PERFMLOCK_TEST_EXEC")) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		actor_sock = atoi(getenv("PERFMLOCK_TEST_EXEC"));
		actor_main();
	}
	if (!sysctl_has("perf_event_mlock_kb"))
		return;
	knob_owner = getpid();
	taint_was = sysctl_get("tainted") & BAD_TAINT;
	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		if (sysctl_has(knobs[i]))
			knob_was[i] = sysctl_get(knobs[i]);
	atexit(knobs_restore);
}

int env_set_kb(struct test_env *e, long kb)
{
	e->limit = kb / (e->page / 1024) * e->cpus;
	return sysctl_set("perf_event_mlock_kb", kb);
}

int env_reset_limit(struct test_env *e)
{
	return env_set_kb(e, PAGES_PER_CPU * (e->page / 1024));
}

void env_open(struct test_env *e)
{
	memset(e, 0, sizeof(*e));
	if (geteuid())
		die("needs root");
	module_need("perfmlock", BOOKS_DIR "/users");
	module_need("perfmlock_oracle", ORACLE);
	e->page = sysconf(_SC_PAGESIZE);
	e->mapped_before = mapped_pages_all();
	e->cpus = sysconf(_SC_NPROCESSORS_ONLN);
	e->sh = mmap(NULL, sizeof(*e->sh), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (e->sh == MAP_FAILED)
		die("no memory");
	if (env_reset_limit(e) || sysctl_set("perf_event_paranoid", 0))
		die("cannot set the limits: %s", strerror(errno));
	/* a test that ended badly may have left it on */
	if (env_repair(e, false) || write_file(BOOKS_DIR "/reset", "1", 1) != 1)
		die("cannot reset: %s", strerror(errno));
}

/* By the program's own @op; where it is forbidden it is not, until the program ends. */
long actor_uring(struct actor *a, actor_fn op)
{
	if (sysctl_has("io_uring_disabled") && sysctl_set("io_uring_disabled", 0))
		die("cannot allow io_uring: %s", strerror(errno));
	return actor_call(a, op, 0, 0, 0, 0, 0);
}

bool env_remap_leaks(struct test_env *e)
{
	struct actor *a = actor_start(e, env_uid(e), 0, 0);
	int fd = actor_open(a, 0);
	bool leaks;

	if (actor_map(a, fd, 1) < 0 || actor_map(a, fd, 1) < 0)
		die("cannot map one page");
	leaks = oracle(a->pid).user != 1;
	if (leaks) {
		note("this kernel charges a re-map, and never gives it back");
		e->leak_user = true;
	}
	actor_exit(a);
	return leaks;
}

bool env_charges_twice(struct test_env *e)
{
	struct actor *a = actor_start(e, env_uid(e), 1, 0);
	bool twice;

	if (actor_fill(a, e->limit) || actor_new(a, 1) < 0)
		die("cannot fill the limit");
	twice = oracle(a->pid).user > e->limit;
	actor_exit(a);
	return twice;
}

#define CHECK(table, id, key, have, want) do {				\
	long long __have = (have), __want = (want);			\
	if (__have != __want) {						\
		note("%s: " table " %lld: %s is %lld, should be %lld",	\
		     when, (long long)(id), key, __have, __want);	\
		bad++;							\
	}								\
} while (0)

static long long table_sum(struct table *t, const char *key, long long id,
			   const char *col)
{
	long long sum = 0;
	int row = -1;

	while ((row = table_find(t, row + 1, key, id)) >= 0)
		sum += col ? table_num(t, row, col) : 1;
	return sum;
}

int log_lines(int fd, const char *text, char *last, size_t size)
{
	char line[8192], *message;
	ssize_t len;
	int n = 0;

	for (;;) {
		len = read(fd, line, sizeof(line) - 1);
		if (len < 0 && errno == EPIPE)
			continue;
		if (len <= 0)
			return n;
		line[len] = 0;
		message = strchr(line, ';');
		if (!message || !strstr(message, text))
			continue;
		message[strcspn(message, "\n")] = 0;
		if (last)
			snprintf(last, size, "%s", message + 1);
		n++;
	}
}

int env_repair(struct test_env *e, bool on)
{
	int ret = write_file(BOOKS_DIR "/repair", on ? "1" : "0", 1);

	if (ret == 1)
		e->repair = on;
	return ret == 1 ? 0 : ret;
}

static int verify_user(struct test_env *e, struct actor *a, struct table *users,
		       struct table *buffers, const char *when)
{
	int row = table_find(users, 0, "uid", a->uid), bad = 0, i;
	struct raw raw = oracle(a->pid);
	long long kernel, correct;
	long foreign = 0;

	for (i = 0; i < e->nr_actors; i++)
		if (e->actor[i].uid == a->uid)
			foreign += e->actor[i].foreign_user;
	if (raw.uid != a->uid)
		die("pid %d has uid %u, not %u", a->pid, raw.uid, a->uid);
	if (row < 0) {
		if (!e->leak_user)
			CHECK("no row for uid", a->uid, "the oracle", raw.user,
			      foreign);
		return bad;
	}
	if (table_find(users, row + 1, "uid", a->uid) >= 0) {
		note("%s: two records of uid %u", when, a->uid);
		bad++;
	}
	kernel = table_num(users, row, "kernel");
	correct = table_num(users, row, "correct");
	CHECK("uid", a->uid, "counter", table_num(users, row, "counter"), raw.user);
	CHECK("uid", a->uid, "foreign", table_num(users, row, "foreign"), foreign);
	CHECK("uid", a->uid, "kernel and repaired",
	      kernel + table_num(users, row, "repaired"), raw.user - foreign);
	if (e->repair && !oracle_perf_is_locked_vm())
		CHECK("uid", a->uid, "right", raw.user, foreign + correct);
	CHECK("uid", a->uid, "drift", table_num(users, row, "drift"),
	      kernel - correct);
	CHECK("uid", a->uid, "limit", table_num(users, row, "limit"), e->limit);
	CHECK("uid", a->uid, "correct", correct,
	      table_sum(buffers, "uid", a->uid, "correct_user"));
	if (!e->leak_user)
		CHECK("uid", a->uid, "kernel", kernel,
		      table_sum(buffers, "uid", a->uid, "kernel_user"));
	if (!e->exotic)
		CHECK("uid", a->uid, "buffers",
		      table_num(users, row, "buffers"),
		      table_sum(buffers, "uid", a->uid, NULL));
	return bad;
}

static int verify_mm(struct test_env *e, struct actor *a, struct table *mms,
		     struct table *buffers, const char *when)
{
	int row = mms_find(mms, a->pid, "alive"), bad = 0;
	struct raw raw = oracle(a->pid);
	long long kernel, correct;

	CHECK("VmPin of pid", a->pid, "kB", vm_pin_kb(a->pid),
	      (unsigned long long)raw.mm * (e->page / 1024));
	if (row < 0) {
		if (!e->leak_mm)
			CHECK("no row for pid", a->pid, "the oracle", raw.mm,
			      a->foreign_mm);
		return bad;
	}
	kernel = table_num(mms, row, "kernel");
	correct = table_num(mms, row, "correct");
	CHECK("pid", a->pid, "uid", table_num(mms, row, "uid"), a->mm_uid);
	CHECK("pid", a->pid, "counter", table_num(mms, row, "counter"), raw.mm);
	CHECK("pid", a->pid, "foreign", table_num(mms, row, "foreign"),
	      a->foreign_mm);
	CHECK("pid", a->pid, "kernel and repaired",
	      kernel + table_num(mms, row, "repaired"), raw.mm - a->foreign_mm);
	/* where others share U nothing tells what was left behind on M */
	if (e->repair && !oracle_perf_is_locked_vm())
		CHECK("pid", a->pid, "right", raw.mm, a->foreign_mm + correct);
	CHECK("pid", a->pid, "drift", table_num(mms, row, "drift"),
	      kernel - correct);
	CHECK("pid", a->pid, "correct", correct,
	      table_sum(buffers, "pid", a->pid, "correct_mm"));
	if (!e->leak_mm)
		CHECK("pid", a->pid, "kernel", kernel,
		      table_sum(buffers, "pid", a->pid, "kernel_mm"));
	if (!e->exotic)
		CHECK("pid", a->pid, "buffers", table_num(mms, row, "buffers"),
		      table_sum(buffers, "pid", a->pid, NULL));
	return bad;
}

static bool first_of_user(const struct test_env *e, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (e->actor[i].alive && e->actor[i].uid == e->actor[nr].uid)
			return false;
	return true;
}

static bool of_this_test(const struct test_env *e, pid_t pid)
{
	int i;

	for (i = 0; i < e->nr_actors; i++)
		if (e->actor[i].pid == pid)
			return true;
	return false;
}

/* Every number of every table that a quiet moment lets somebody else know. */
int env_verify(struct test_env *e, const char *when)
{
	struct table *users = table_get("users");
	struct table *mms = table_get("mms");
	struct table *buffers = table_get("buffers");
	long long sum = 0;
	int bad = 0, i;

	for (i = 0; i < e->nr_actors; i++) {
		if (!e->actor[i].alive)
			continue;
		if (first_of_user(e, i))
			bad += verify_user(e, &e->actor[i], users, buffers, when);
		bad += verify_mm(e, &e->actor[i], mms, buffers, when);
	}
	for (i = 0; i < table_rows(buffers); i++) {
		long long id = table_num(buffers, i, "id");

		if (of_this_test(e, table_num(buffers, i, "pid")))
			sum += table_num(buffers, i, "pages") *
			       table_num(buffers, i, "maps");
		CHECK("buffer", id, "correct", table_num(buffers, i, "correct_user") +
		      table_num(buffers, i, "correct_mm"),
		      !strcmp(table_str(buffers, i, "origin"), "adopted") ? 0 :
		      table_num(buffers, i, "pages"));
		if (!e->exotic && table_find(buffers, i + 1, "id", id) >= 0) {
			note("%s: two buffers with id %lld", when, id);
			bad++;
		}
	}
	if (!e->exotic)
		CHECK("all buffers", 0, "sum", sum,
		      mapped_pages_all() - e->mapped_before);
	table_put(buffers);
	table_put(mms);
	table_put(users);
	if (bad) {
		show("users");
		show("mms");
		show("buffers");
	}
	return bad;
}

static int check_zero(struct test_env *e, struct actor *a)
{
	static const char * const what[] = {
		"buffers", "kernel", "correct", "drift",
	};
	const char *when = "at the end";
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(what); i++) {
		bool real = !strcmp(what[i], "kernel") || !strcmp(what[i], "drift");

		if (users_has(a->uid) && !(real && e->leak_user))
			CHECK("uid", a->uid, what[i],
			      users_num(a->uid, what[i]), 0);
		if (mms_has(a->pid, "alive") && !(real && e->leak_mm))
			CHECK("pid", a->pid, what[i], mms_num(a->pid, what[i]), 0);
	}
	return bad;
}

/* The rows of a process that ended go, but in the module's own time. */
static bool gone(struct test_env *e)
{
	struct table *mms = table_get("mms");
	struct table *buffers = table_get("buffers");
	bool ret = true;
	int i;

	for (i = 0; i < e->nr_actors; i++)
		ret = ret && table_find(mms, 0, "pid", e->actor[i].pid) < 0 &&
		      table_find(buffers, 0, "pid", e->actor[i].pid) < 0;
	table_put(buffers);
	table_put(mms);
	return ret;
}

int env_close(struct test_env *e)
{
	int bad = 0, i;

	if (!e->sh)
		return 0;
	e->sh->stop = 1;
	for (i = 0; i < e->nr_actors; i++)
		if (e->actor[i].alive && e->actor[i].busy)
			actor_end(&e->actor[i]);
	for (i = 0; i < e->nr_actors; i++)
		if (e->actor[i].alive && actor_unmap_all(&e->actor[i])) {
			note("at the end: an mmap of %d is left", e->actor[i].pid);
			bad++;
		}
	bad += env_reset_limit(e) ? 1 : 0;
	bad += env_verify(e, "at the end");
	for (i = 0; i < e->nr_actors; i++)
		if (e->actor[i].alive)
			bad += check_zero(e, &e->actor[i]);
	if (e->repair && env_repair(e, false)) {
		note("at the end: repair cannot be switched off");
		bad++;
	}
	for (i = 0; i < e->nr_actors; i++)
		actor_exit(&e->actor[i]);
	if (!eventually(gone(e))) {
		note("at the end: rows of processes that are gone");
		show("mms");
		show("buffers");
		bad++;
	}
	if ((sysctl_get("tainted") & BAD_TAINT) != taint_was) {
		note("at the end: the kernel is tainted: %ld", sysctl_get("tainted"));
		bad++;
	}
	return bad;
}
