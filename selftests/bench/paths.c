// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what a way through perf_mmap() and perf_mmap_close() takes, in nanoseconds
 * of a clock that QEMU's -icount turns into instructions: median, least and most of
 * five rounds, each 400 times the path.
 *
 *	paths PATH [-s pages] [-l live] [-p processes] [-u users] [-c]
 *
 * Each time has an event of its own: mapping the same event again would wait for an
 * RCU grace period, and measure that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bench.h"

#define TIMES	400
#define ROUNDS	5

static int fds[TIMES];
static void *maps[TIMES], *further[TIMES];
static long page, pages = 3;
static clockid_t clock_id = CLOCK_MONOTONIC;
static int other;

static void *map(int fd, long from, long nr)
{
	void *at = mmap(NULL, nr * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			from * page);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static void map_one(int i)
{
	maps[i] = map(fds[i], 0, pages);
}

static void unmap_one(int i)
{
	munmap(maps[i], pages * page);
}

static void map_again(int i)
{
	further[i] = map(fds[i], 0, pages);
}

static void unmap_again(int i)
{
	munmap(further[i], pages * page);
}

static void map_aux(int i)
{
	struct perf_event_mmap_page *head = maps[i];

	head->aux_offset = 512 * page;
	head->aux_size = 2 * page;
	further[i] = map(fds[i], 512, 2);
}

static void unmap_aux(int i)
{
	munmap(further[i], 2 * page);
}

static void be_refused(int i)
{
	if (mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i],
		 0) != MAP_FAILED || errno != EPERM)
		die("mmap that is to be refused");
}

/* How long all of @step take. */
static long long all(void (*step)(int i))
{
	long long began = now_of(clock_id);
	int i;

	for (i = 0; i < TIMES; i++)
		step(i);
	return now_of(clock_id) - began;
}

static long long mapped_and_unmapped(void)
{
	return all(map_one) + all(unmap_one);
}

static long long refused(void)
{
	return all(be_refused);
}

static long long within_a_mapping(void (*begin)(int i), void (*end)(int i))
{
	long long took;

	all(map_one);
	took = all(begin) + all(end);
	all(unmap_one);
	return took;
}

static long long mapped_again(void)
{
	return within_a_mapping(map_again, unmap_again);
}

static long long aux_area(void)
{
	return within_a_mapping(map_aux, unmap_aux);
}

static long long at_the_other(char what)
{
	long long took;

	if (write(other, &what, 1) != 1 ||
	    read(other, &took, sizeof(took)) != sizeof(took))
		die("the other process");
	return took;
}

static long long unmapped_by_another(void)
{
	long long took;

	took = all(map_one);
	took += at_the_other('m');
	took += all(unmap_one);
	return took + at_the_other('u');
}

/* The other process, which has the events from a fork(). */
static void serve(int from)
{
	long long took;
	char what;

	while (read(from, &what, 1) == 1) {
		took = all(what == 'm' ? map_again : unmap_again);
		if (write(from, &took, sizeof(took)) != sizeof(took))
			die("the first process");
	}
	_exit(0);
}

static const struct path {
	const char *name;
	long long (*round)(void);
	bool aux;
	bool by_two;
	bool unprivileged;
} paths[] = {
	{ .name = "mapped", .round = mapped_and_unmapped },
	{ .name = "again", .round = mapped_again },
	{ .name = "another", .round = unmapped_by_another, .by_two = true },
	{ .name = "aux", .round = aux_area, .aux = true },
	{ .name = "refused", .round = refused, .unprivileged = true },
};

static long long round_of(const struct path *path)
{
	const int type = path->aux ? auxpmu_type() : PERF_TYPE_SOFTWARE;
	long long took;
	int i, pair[2];

	for (i = 0; i < TIMES; i++)
		fds[i] = open_event_of(type);
	if (path->by_two) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			die("socketpair");
		if (!fork()) {
			close(pair[0]);
			serve(pair[1]);
		}
		close(pair[1]);
		other = pair[0];
	}
	took = path->round();
	if (path->by_two) {
		close(other);
		wait(NULL);
	}
	for (i = 0; i < TIMES; i++)
		close(fds[i]);
	return took;
}

/*
 * A process that has mapped @live buffers, of the control page alone: one is a
 * buffer too. Another process's: this one's mm is to stay as it is.
 */
static pid_t holder(long live, uid_t uid)
{
	int ready[2];
	pid_t pid;
	char byte;
	long i;

	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			exit(1);
		close(ready[0]);
		return pid;
	}
	if (uid && setresuid(uid, uid, uid))
		die("setresuid");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < live; i++)
		map(open_event(), 0, 1);
	if (write(ready[1], "", 1) != 1)
		die("write");
	pause();
	_exit(0);
}

static const struct path *path_called(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (!strcmp(paths[i].name, name))
			return &paths[i];
	fprintf(stderr, "paths: no such path: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	long live = 0, processes = 0, users = 0, i;
	const struct path *path;
	const struct rlimit none = { 0, 0 };
	struct rlimit files;
	long long took[ROUNDS];
	pid_t *pids;
	int option;

	page = sysconf(_SC_PAGESIZE);
	while ((option = getopt(argc, argv, "s:l:p:u:c")) != -1) {
		switch (option) {
		case 's':
			pages = atol(optarg);
			break;
		case 'l':
			live = atol(optarg);
			break;
		case 'p':
			processes = atol(optarg);
			break;
		case 'u':
			users = atol(optarg);
			break;
		case 'c':
			clock_id = CLOCK_PROCESS_CPUTIME_ID;
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc)
		return 2;
	path = path_called(argv[optind]);

	files.rlim_cur = live + 2 * TIMES;
	files.rlim_max = files.rlim_cur;
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("setrlimit");
	pids = calloc(1 + processes + users, sizeof(*pids));
	if (!pids)
		die("calloc");
	if (live)
		pids[0] = holder(live, 0);
	for (i = 0; i < processes; i++)
		pids[1 + i] = holder(1, 0);
	for (i = 0; i < users; i++)
		pids[1 + processes + i] = holder(1, 10000 + i);
	/* what their opens left to be done later is not to be measured */
	if (live || processes || users)
		sleep(5);
	if (path->unprivileged &&
	    (setrlimit(RLIMIT_MEMLOCK, &none) || setresuid(1000, 1000, 1000)))
		die("to be nobody");
	for (i = 0; i < ROUNDS; i++)
		took[i] = round_of(path);
	print_took(took, ROUNDS, TIMES);
	/* who is nobody by now leaves the others to the death of their parent */
	if (path->unprivileged)
		return 0;
	/* their end takes long, and would be measured by the next */
	for (i = 0; i < 1 + processes + users; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
