// SPDX-License-Identifier: GPL-2.0
/* Refusals that differ, of many users: what makes the history of them work most. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bench.h"

#define USERS	300
#define TIMES	300

static void be_refused(uid_t uid)
{
	const long page = sysconf(_SC_PAGESIZE);
	struct rlimit limit;
	int fd, i;

	if (setgid(uid) || setuid(uid))
		exit(1);
	for (i = 0; i < TIMES; i++) {
		limit.rlim_cur = i % 5 * page;
		limit.rlim_max = 5 * page;
		fd = open_event();
		if (setrlimit(RLIMIT_MEMLOCK, &limit) ||
		    mmap(NULL, (1 + (8L << i % 6)) * page, PROT_READ | PROT_WRITE,
			 MAP_SHARED, fd, 0) != MAP_FAILED)
			exit(1);
		close(fd);
	}
	exit(0);
}

static void write_sysctl(const char *name, const char *value)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", name);
	file = fopen(path, "w");
	if (!file || fputs(value, file) < 0 || fclose(file)) {
		perror(path);
		exit(1);
	}
}

int main(void)
{
	int status, bad = 0;
	uid_t uid;

	write_sysctl("perf_event_mlock_kb", "0");
	write_sysctl("perf_event_paranoid", "1");
	for (uid = 2000; uid < 2000 + USERS; uid++) {
		if (!fork())
			be_refused(uid);
		wait(&status);
		bad |= status;
	}
	if (bad)
		fprintf(stderr, "refused: a call was not refused\n");
	return !!bad;
}
