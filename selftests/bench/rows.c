// SPDX-License-Identifier: GPL-2.0
/*
 * rows N: prints what a fork(), an mmap() of a 3-page perf buffer in the child
 * and its exit take, in nanoseconds, beside N processes that live and have mapped
 * once. With make bench they are instructions, of a clock that QEMU's -icount
 * counts.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "bench.h"

#define TIMES	200
#define ROUNDS	5

static void *map_one(void)
{
	int fd = open_event();
	void *at;

	at = mmap(NULL, 3 * sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE,
		  MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		die("mmap");
	close(fd);
	return at;
}

int main(int argc, char **argv)
{
	long rows = argc > 1 ? atol(argv[1]) : 0, i, j;
	long long took[ROUNDS];
	pid_t pid, *pids;
	char byte;
	int up[2];

	pids = calloc(rows + 1, sizeof(*pids));
	if (!pids || pipe(up))
		die("set-up");
	for (i = 0; i < rows; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i])
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		munmap(map_one(), 3 * sysconf(_SC_PAGESIZE));
		if (write(up[1], "", 1) != 1)
			die("write");
		pause();
		_exit(0);
	}
	for (i = 0; i < rows; i++)
		if (read(up[0], &byte, 1) != 1)
			die("read");
	sleep(5);
	for (j = 0; j < ROUNDS; j++) {
		took[j] = now();
		for (i = 0; i < TIMES; i++) {
			pid = fork();
			if (pid < 0)
				die("fork");
			if (!pid) {
				map_one();
				_exit(0);
			}
			waitpid(pid, NULL, 0);
		}
		took[j] = now() - took[j];
	}
	for (i = 0; i < rows; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	print_took(took, ROUNDS, TIMES);
	return 0;
}
