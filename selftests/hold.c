// SPDX-License-Identifier: GPL-2.0
/*
 * Maps perf buffers and holds them: for scripts.
 *
 *	hold UID RLIMIT_KB PAGES...
 *
 * The first one that is refused, or the last one, is told; then it waits to be
 * killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MOST	1024

int main(int argc, char **argv)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.config = PERF_COUNT_SW_BPF_OUTPUT,
		.size = sizeof(attr),
	};
	static int fd[MOST];
	struct rlimit limit;
	void *ring = NULL;
	int nr = argc - 3, i;
	uid_t uid;

	if (nr < 1 || nr > MOST)
		return 2;
	uid = atoi(argv[1]);
	limit.rlim_cur = atol(argv[2]) * 1024;
	limit.rlim_max = limit.rlim_cur;
	/* by root, so that nothing but the memory can be refused */
	for (i = 0; i < nr; i++) {
		fd[i] = syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
		if (fd[i] < 0) {
			printf("no event: %s\n", strerror(errno));
			return 1;
		}
	}
	if (setrlimit(RLIMIT_MEMLOCK, &limit) || setresuid(uid, uid, uid)) {
		printf("not uid %u: %s\n", uid, strerror(errno));
		return 1;
	}
	for (i = 0; i < nr && ring != MAP_FAILED; i++)
		ring = mmap(NULL, atol(argv[3 + i]) * getpagesize(),
			    PROT_READ | PROT_WRITE, MAP_SHARED, fd[i], 0);
	printf("%d %s\n", i, ring == MAP_FAILED ? strerror(errno) : "held");
	fflush(stdout);
	pause();
	return 0;
}
