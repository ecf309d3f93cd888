/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of the bench share. */
#ifndef PERFMLOCK_BENCH_H
#define PERFMLOCK_BENCH_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline int open_event_of(int type)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.config = type == PERF_TYPE_SOFTWARE ? PERF_COUNT_SW_DUMMY : 0,
		/* one that runs makes the kernel look through all at each open */
		.disabled = 1,
		/* without it, only a privileged user may have one */
		.exclude_kernel = 1,
	};
	/* the PMU with an AUX area is one of a CPU */
	bool of_cpu = type != PERF_TYPE_SOFTWARE;
	int fd = syscall(SYS_perf_event_open, &attr, of_cpu ? -1 : 0,
			 of_cpu ? 0 : -1, -1, 0);

	if (fd < 0)
		die("perf_event_open");
	return fd;
}

static inline int open_event(void)
{
	return open_event_of(PERF_TYPE_SOFTWARE);
}

static inline int auxpmu_type(void)
{
	FILE *file = fopen("/sys/bus/event_source/devices/perfmlock_auxpmu/type",
			   "r");
	int type;

	if (!file || fscanf(file, "%d", &type) != 1)
		die("perfmlock_auxpmu");
	fclose(file);
	return type;
}

static inline long long now_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline long long now(void)
{
	return now_of(CLOCK_MONOTONIC);
}

static inline int by_value(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

/* Median, least and most of what @rounds rounds of @times took, each of them. */
static inline void print_took(long long *took, int rounds, int times)
{
	qsort(took, rounds, sizeof(*took), by_value);
	printf("%lld %lld %lld\n", took[rounds / 2] / times, took[0] / times,
	       took[rounds - 1] / times);
}

#endif /* PERFMLOCK_BENCH_H */
