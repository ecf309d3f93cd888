// SPDX-License-Identifier: GPL-2.0
/*
 * Maps perf buffers and holds them: for scripts.
 *
 *	hold UID RLIMIT_KB PAGES... [handover]
 *
 * The first one that is refused, or the last one, is told; then it waits to be
 * killed. With handover the last one is unmapped first, and by a child last.
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
#include <sys/wait.h>
#include <unistd.h>

#define MOST	1024

static void *map(int fd, const char *pages)
{
	return mmap(NULL, atol(pages) * getpagesize(), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
}

/* A child maps it as well, and has it when the parent has not any more. */
static int hand_over(void *ring, int fd, const char *pages)
{
	long size = atol(pages) * getpagesize();
	int mapped[2], left[2], status = 0;
	pid_t child;
	char c;

	if (pipe(mapped) || pipe(left))
		return 1;
	child = fork();
	if (!child) {
		close(left[1]);
		ring = map(fd, pages);
		if (ring == MAP_FAILED || write(mapped[1], "", 1) != 1)
			_exit(1);
		_exit(read(left[0], &c, 1) || munmap(ring, size));
	}
	close(mapped[1]);
	if (child < 0 || read(mapped[0], &c, 1) != 1 || munmap(ring, size))
		return 1;
	close(left[1]);
	return waitpid(child, &status, 0) != child || status;
}

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
	int nr = argc - 3, i, handover;
	const char *said;
	uid_t uid;

	handover = argc > 1 && !strcmp(argv[argc - 1], "handover");
	nr -= handover;
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
		ring = map(fd[i], argv[3 + i]);
	said = ring == MAP_FAILED ? strerror(errno) : "held";
	if (handover && ring != MAP_FAILED)
		said = hand_over(ring, fd[i - 1], argv[2 + i]) ? "not handed over" :
								 "handed over";
	printf("%d %s\n", i, said);
	fflush(stdout);
	pause();
	return 0;
}
