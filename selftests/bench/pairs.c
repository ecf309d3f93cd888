// SPDX-License-Identifier: GPL-2.0
/*
 * Prints what one mmap() and munmap() of a 3-page perf buffer takes, in
 * nanoseconds of a clock that QEMU's -icount turns into instructions.
 *
 * Each pair has an event of its own: mapping the same event again would wait
 * for an RCU grace period, and measure that.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAIRS	400
#define ROUNDS	5

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_event(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		/* one that runs makes the kernel look through all at each open */
		.disabled = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		die("perf_event_open");
	return fd;
}

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

static long long round_of_pairs(size_t size)
{
	long long begin, end;
	int fd[PAIRS], i;
	void *at;

	for (i = 0; i < PAIRS; i++)
		fd[i] = open_event();
	begin = now();
	for (i = 0; i < PAIRS; i++) {
		at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd[i],
			  0);
		if (at == MAP_FAILED)
			die("mmap");
		munmap(at, size);
	}
	end = now();
	for (i = 0; i < PAIRS; i++)
		close(fd[i]);
	return end - begin;
}

/* Another process holds them: this one's mm is to stay as it is. */
static pid_t keep_alive(long live, size_t page)
{
	int ready[2];
	pid_t pid;
	char byte;
	long i;

	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (pid) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 1)
			exit(1);
		/* what its opens left to be done later is not to be measured */
		sleep(5);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* a buffer of the control page alone is one too */
	for (i = 0; i < live; i++)
		if (mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
			 open_event(), 0) == MAP_FAILED)
			die("mmap of a live buffer");
	if (write(ready[1], "", 1) != 1)
		die("write");
	pause();
	_exit(0);
}

int main(int argc, char **argv)
{
	const size_t page = sysconf(_SC_PAGESIZE);
	long live = argc > 1 ? atol(argv[1]) : 0;
	struct rlimit files = { live + 2 * PAIRS, live + 2 * PAIRS };
	long long took[ROUNDS];
	pid_t holder = 0;
	long i;

	if (setrlimit(RLIMIT_NOFILE, &files))
		die("setrlimit");
	if (live)
		holder = keep_alive(live, page);
	for (i = 0; i < ROUNDS; i++)
		took[i] = round_of_pairs(3 * page);
	qsort(took, ROUNDS, sizeof(*took), by_value);
	printf("%lld %lld %lld\n", took[ROUNDS / 2] / PAIRS, took[0] / PAIRS,
	       took[ROUNDS - 1] / PAIRS);
	if (holder) {
		/* its end takes long, and would be measured by the next */
		kill(holder, SIGKILL);
		waitpid(holder, NULL, 0);
	}
	return 0;
}
