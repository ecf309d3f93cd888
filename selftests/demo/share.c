// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes of one user share a perf ring buffer: A maps it, B maps it
 * too, A unmaps it, B unmaps it last. After each step the command given as
 * argument is run, with the step's number and both pids.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHARED_PAGES	33
#define FILL_PAGES	1025

static size_t page;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static int open_event(void)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
	};
	int fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);

	if (fd < 0)
		die("perf_event_open");
	return fd;
}

static void *map(int fd, int pages)
{
	return mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
}

static void *must_map(int fd, int pages)
{
	void *at = map(fd, pages);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

/* A process of the story: does one thing for each byte that it is sent. */
struct player {
	pid_t pid;
	int go, done;
};

static int turn(const int *go)
{
	char byte;

	return read(go[0], &byte, 1) == 1;
}

static void did(const int *done)
{
	if (write(done[1], "", 1) != 1)
		exit(2);
}

static void play(const char *name, int shared, const int *go, const int *done)
{
	const struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };
	int fill = open_event();
	void *at;

	prctl(PR_SET_NAME, name);
	if (setrlimit(RLIMIT_MEMLOCK, &unlimited))
		die("setrlimit");
	if (setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000))
		die("setresuid");

	turn(go);
	if (*name == 'A')	/* so that the buffer no longer fits the user's part */
		must_map(fill, FILL_PAGES);
	at = must_map(shared, SHARED_PAGES);
	did(done);

	turn(go);
	munmap(at, SHARED_PAGES * page);
	did(done);

	turn(go);
	if (*name == 'B') {
		at = map(fill, 2);
		printf("B, with RLIMIT_MEMLOCK unlimited, maps another buffer of 2 pages: %s\n",
		       at == MAP_FAILED ? strerror(errno) : "it works");
		fflush(stdout);
	}
	did(done);
	turn(go);
	_exit(0);
}

static struct player start(const char *name, int shared)
{
	int go[2], done[2];
	struct player player;

	if (pipe(go) || pipe(done))
		die("pipe");
	player.pid = fork();
	if (player.pid < 0)
		die("fork");
	if (!player.pid) {
		close(go[1]);
		play(name, shared, go, done);
	}
	player.go = go[1];
	player.done = done[0];
	close(go[0]);
	close(done[1]);
	return player;
}

static void let(const struct player *player)
{
	char byte;

	if (write(player->go, "", 1) != 1 || read(player->done, &byte, 1) != 1) {
		fprintf(stderr, "share: a process of the story failed\n");
		exit(2);
	}
}

static void tell(const char *command, int step, const struct player *a,
		 const struct player *b)
{
	char line[256];

	snprintf(line, sizeof(line), "%s %d %d %d", command, step, a->pid,
		 b->pid);
	if (system(line))
		exit(1);
}

int main(int argc, char **argv)
{
	struct player a, b;
	int shared;

	if (argc != 2) {
		fprintf(stderr, "usage: share COMMAND\n");
		return 2;
	}
	page = sysconf(_SC_PAGESIZE);
	shared = open_event();
	a = start("A", shared);
	b = start("B", shared);

	let(&a);
	let(&b);
	tell(argv[1], 1, &a, &b);
	let(&a);
	let(&b);
	tell(argv[1], 2, &a, &b);
	let(&b);
	tell(argv[1], 3, &a, &b);
	close(a.go);
	close(b.go);
	while (wait(NULL) > 0)
		;
	return 0;
}
