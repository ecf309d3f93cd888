// SPDX-License-Identifier: GPL-2.0
/*
 * What a user without privileges does to be a burden to others, as uid 1001:
 *
 *	hostile refused		mmaps that are refused, of 300 sizes and limits
 *	hostile short [N]	buffers that are mapped and unmapped at once
 *
 * For ever, or N of them.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <signal.h>

#include "bench.h"

static long page;

/* Pages: more than any limit that paths are measured under. */
#define LEAST	(1L << 20)

static void be_refused(long i)
{
	const struct rlimit limit = { i % 100 * page, 100 * page };
	int fd = open_event();

	if (setrlimit(RLIMIT_MEMLOCK, &limit) ||
	    mmap(NULL, (1 + (LEAST << i % 3)) * page, PROT_READ | PROT_WRITE,
		 MAP_SHARED, fd, 0) != MAP_FAILED)
		die("mmap that is to be refused");
	close(fd);
}

static void be_short(long i)
{
	int fd = open_event();
	void *at;

	(void)i;
	at = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || munmap(at, page) || close(fd))
		die("short");
}

int main(int argc, char **argv)
{
	void (*be)(long i) = NULL;
	long i, n;

	if (argc > 1 && !strcmp(argv[1], "refused"))
		be = be_refused;
	else if (argc > 1 && !strcmp(argv[1], "short"))
		be = be_short;
	if (!be)
		return 2;
	n = argc > 2 ? atol(argv[2]) : 0;
	page = sysconf(_SC_PAGESIZE);
	if (setresuid(1001, 1001, 1001))
		die("to be nobody");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; !n || i < n; i++)
		be(i);
	return 0;
}
