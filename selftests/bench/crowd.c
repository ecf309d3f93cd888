// SPDX-License-Identifier: GPL-2.0
/*
 * crowd SECONDS: on each CPU a process opens events, maps a ring of 3 pages of each,
 * unmaps and closes it, until the time is over. Prints how many all did in a second.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "bench.h"

static long one_after_the_other(int cpu, volatile const int *go,
				volatile const int *stop)
{
	const size_t len = 3 * sysconf(_SC_PAGESIZE);
	cpu_set_t cpus;
	long done = 0;
	void *at;
	int fd;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus))
		die("sched_setaffinity");
	while (!*go)
		sched_yield();
	for (; !*stop; done++) {
		fd = open_event();
		at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (at == MAP_FAILED || munmap(at, len) || close(fd))
			die("mmap");
	}
	return done;
}

int main(int argc, char **argv)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN), i;
	struct {
		int go;
		int stop;
		long done[];
	} *shared;
	long long began, took;
	int status, bad = 0;
	long sum = 0;

	shared = mmap(NULL, sizeof(*shared) + cpus * sizeof(shared->done[0]),
		      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc != 2 || shared == MAP_FAILED)
		return 2;
	for (i = 0; i < cpus; i++) {
		if (fork())
			continue;
		shared->done[i] = one_after_the_other(i, &shared->go,
						      &shared->stop);
		_exit(0);
	}
	sleep(1);
	began = now();
	shared->go = 1;
	sleep(atoi(argv[1]));
	shared->stop = 1;
	took = now() - began;
	while (wait(&status) > 0)
		bad |= status;
	if (bad)
		return 1;
	for (i = 0; i < cpus; i++)
		sum += shared->done[i];
	printf("%lld\n", sum * 1000000000LL / took);
	return 0;
}
