// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, for as long as it takes: eight processes of four users do
 * with rings whatever can be done, they are killed, limits and CPUs change, every
 * file is read in odd pieces, and the module comes and goes. At each pause all
 * tables are held against what the processes have noted and what the oracle says.
 *
 *	PERFMLOCK_SOAK_SECONDS	30 unless given
 *	PERFMLOCK_SOAK_SEED	a new one unless given; of what is done, not of when
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "perfmlock_fixture.h"

#define WORKERS	8
#define USERS	4
#define READERS	2
#define EVENTS	12
#define RINGS	32

/* One mapping of a worker's, noted by it. */
struct noted {
	long ring;		/* number; 0: free */
	char *addr;
	long pages;
	long data_pages;	/* of an AUX area; else 0 */
	int leads;		/* whose event leads to this one's ring; else -1 */
	int fd;			/* its event's, where the worker has it still */
};

struct worker {
	atomic_int uid;
	struct noted map[RINGS];
};

static struct soak {
	atomic_long rings;
	atomic_long calls;
	atomic_int stop;
	atomic_int hold;		/* no file may be open */
	atomic_int reading[READERS];
	struct worker worker[WORKERS];
} *soak;

/* fds on their way from any worker to any */
static int post[2];

/* What a worker knows beside its mappings. */
struct event {
	int fd;
	long ring;
	long pages;
	bool aux;
};

static struct event events[EVENTS];
static int nr_events;
static struct worker *me;
static unsigned int seed;

static unsigned int below(unsigned int n)
{
	return rand_r(&seed) % n;
}

static long pages_of_a_ring(void)
{
	static const int most[] = { 3, 3, 3, 5, 5, 6, 8 };

	return below(8) ? 1 + (1L << below(most[below(ARRAY_SIZE(most))])) : 1;
}

/* An AUX area's place and size go with its ring: who maps it writes the same. */
static long aux_pages(long ring)
{
	return 1L << ring % 4;
}

#define AUX_AT	256

static struct noted *free_note(void)
{
	int i;

	for (i = 0; i < RINGS; i++)
		if (!me->map[i].ring)
			return &me->map[i];
	return NULL;
}

static struct noted *any_note(bool (*fits)(const struct noted *n))
{
	int from = below(RINGS), i;
	struct noted *n;

	for (i = 0; i < RINGS; i++) {
		n = &me->map[(from + i) % RINGS];
		if (n->ring && (!fits || fits(n)))
			return n;
	}
	return NULL;
}

static void note_map(const struct event *event, char *addr, long pages,
		     long data_pages, int leads)
{
	struct noted *n = free_note();

	if (addr == MAP_FAILED)
		return;
	n->addr = addr;
	n->pages = pages;
	n->data_pages = data_pages;
	n->leads = leads;
	n->fd = event->fd;
	n->ring = event->ring;
}

static void forget_event(int i)
{
	int k;

	for (k = 0; k < RINGS; k++)
		if (me->map[k].fd == events[i].fd)
			me->map[k].fd = -1;
	close(events[i].fd);
	events[i] = events[--nr_events];
}

static struct event *room_for_event(void)
{
	if (nr_events == EVENTS)
		forget_event(below(EVENTS));
	return &events[nr_events];
}

static struct event *any_event(void)
{
	return nr_events ? &events[below(nr_events)] : NULL;
}

/* What a worker does */

static void do_new(void)
{
	struct event *event = room_for_event();
	long type = auxpmu_type();

	event->aux = type >= 0 && !below(3);
	event->fd = event->aux ? pm_open(0, type, 0, -1) :
		    pm_open(below(2), PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
	/* the CPU may be gone */
	if (event->fd < 0)
		return;
	event->ring = ++soak->rings;
	event->pages = pages_of_a_ring();
	nr_events++;
	note_map(event, pm_map(event->fd, event->pages, 0), event->pages, 0, -1);
}

static void do_again(void)
{
	struct event *event = any_event();

	if (event)
		note_map(event, pm_map(event->fd, event->pages, 0),
			 event->pages, 0, -1);
}

static void unmap(struct noted *n)
{
	struct noted gone = *n;
	int i;

	/* those that were led to its ring first: the event has no other till then */
	for (i = 0; i < RINGS; i++)
		if (me->map[i].ring && me->map[i].leads == n - me->map)
			unmap(&me->map[i]);
	if (pm_unmap(gone.addr, gone.pages))
		die("munmap of ring %ld: %s", gone.ring, strerror(errno));
	n->ring = 0;
}

static void do_unmap(void)
{
	struct noted *n = any_note(NULL);

	if (n)
		unmap(n);
}

static void do_unmap_all(void)
{
	struct noted *n;

	while ((n = any_note(NULL)))
		unmap(n);
}

static bool is_own_data(const struct noted *n)
{
	return !n->data_pages && n->leads < 0 && n->fd >= 0;
}

static struct event *event_of(const struct noted *n)
{
	int i;

	for (i = 0; i < nr_events; i++)
		if (events[i].fd == n->fd)
			return &events[i];
	die("ring %ld has no event", n->ring);
}

static void do_aux(void)
{
	struct noted *n = any_note(is_own_data);
	struct perf_event_mmap_page *head;
	struct event *event;
	long pages;

	if (!n)
		return;
	event = event_of(n);
	if (!event->aux)
		return;
	pages = aux_pages(n->ring);
	head = (void *)n->addr;
	head->aux_offset = AUX_AT * getpagesize();
	head->aux_size = pages * getpagesize();
	note_map(event, pm_map(event->fd, pages, AUX_AT), pages, n->pages, -1);
}

/* A further event, that writes into a ring of ours, is mapped. */
static void do_redirect(void)
{
	struct noted *n = any_note(is_own_data);
	struct event event = { 0 };

	if (!n || event_of(n)->aux)
		return;
	/* both must be of one CPU, and the ring's may be either */
	event.fd = pm_open(below(2), PERF_TYPE_SOFTWARE, PM_DUMMY, -1);
	if (event.fd < 0)
		return;
	event.ring = n->ring;
	if (!ioctl(event.fd, PERF_EVENT_IOC_SET_OUTPUT, n->fd))
		note_map(&event, pm_map(event.fd, n->pages, 0), n->pages, 0,
			 n - me->map);
	close(event.fd);
	for (n = me->map; n < me->map + RINGS; n++)
		if (n->ring && n->fd == event.fd)
			n->fd = -1;
}

static void do_move(void)
{
	struct noted *n = any_note(NULL);
	size_t len;
	char *to;

	if (!n)
		return;
	len = n->pages * getpagesize();
	to = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (to == MAP_FAILED)
		return;
	if (mremap(n->addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to)
		n->addr = to;
	else
		munmap(to, len);
}

union fdmsg {
	struct cmsghdr h;
	char buf[CMSG_SPACE(sizeof(int))];
};

static void do_pass(void)
{
	struct event *event = any_event();
	struct iovec iov = { event, sizeof(*event) };
	union fdmsg u = { .h = {
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	} };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};

	if (!event)
		return;
	memcpy(CMSG_DATA(&u.h), &event->fd, sizeof(int));
	/* or the post is full */
	sendmsg(post[0], &msg, MSG_DONTWAIT);
}

static void do_take(void)
{
	struct event *event = room_for_event(), came;
	struct iovec iov = { &came, sizeof(came) };
	union fdmsg u;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};

	if (recvmsg(post[1], &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) !=
	    sizeof(came) || !CMSG_FIRSTHDR(&msg))
		return;
	*event = came;
	memcpy(&event->fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	nr_events++;
	do_again();
}

/* It maps what it has and ends, by itself or not; its rings are nobody's. */
static void do_fork(void)
{
	int rings = below(4), how = below(3), i;
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return;
	if (pid) {
		waitpid(pid, NULL, 0);
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	for (i = 0; i < rings; i++) {
		struct event *event = any_event();
		void *addr;

		if (!event)
			break;
		addr = pm_map(event->fd, event->pages, 0);
		if (addr != MAP_FAILED && !how)
			pm_unmap(addr, event->pages);
	}
	if (how == 2)
		kill(getpid(), SIGKILL);
	_exit(0);
}

/* Only half of the workers may. */
static void do_setuid(void)
{
	uid_t uid = soak->worker[below(WORKERS)].uid;

	if (setresuid(uid, uid, uid))
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1);
	me->uid = uid;
}

static void do_nap(void)
{
	pm_nap(below(300));
}

static const struct {
	void (*fn)(void);
	unsigned int weight;
} deeds[] = {
	{ do_new, 30 }, { do_again, 15 }, { do_unmap, 40 }, { do_aux, 10 },
	{ do_redirect, 6 }, { do_move, 5 }, { do_pass, 6 }, { do_take, 6 },
	{ do_fork, 2 }, { do_setuid, 2 }, { do_nap, 4 }, { do_unmap_all, 1 },
};

static void one_deed(void)
{
	unsigned int i, at, sum = 0;

	for (i = 0; i < ARRAY_SIZE(deeds); i++)
		sum += deeds[i].weight;
	at = below(sum);
	for (i = 0; at >= deeds[i].weight; i++)
		at -= deeds[i].weight;
	/* with all places taken, something has to go */
	if (!free_note())
		do_unmap();
	deeds[i].fn();
	soak->calls++;
}

/* a[0]: which worker; a[1]: seed */
static long op_work(const long *a)
{
	me = &soak->worker[a[0]];
	seed = a[1];
	while (!soak->stop)
		one_deed();
	return 0;
}

static long op_drop(const long *a)
{
	me = &soak->worker[a[0]];
	do_unmap_all();
	return 0;
}

/* All of the files, in pieces of any size, or not to their end. a[0]: which reader */
static long op_read(const long *a)
{
	char piece[4096], path[128];
	int fd, most;

	seed = a[1];
	while (!soak->stop) {
		soak->reading[a[0]] = 1;
		if (soak->hold) {
			soak->reading[a[0]] = 0;
			pm_nap(1000);
			continue;
		}
		snprintf(path, sizeof(path), BOOKS_DIR "/%s",
			 books_files[below(BOOKS_FILES - 1)]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		most = below(200);
		while (fd >= 0 && most-- &&
		       read(fd, piece, 1 + below(below(4) ? 100 : 4096)) > 0)
			if (!below(50))
				lseek(fd, below(3000), SEEK_SET);
		if (fd >= 0)
			close(fd);
		soak->reading[a[0]] = 0;
		pm_nap(below(2000));
	}
	return 0;
}

/* Who watches, and what he knows */
struct watch {
	struct test_env e;
	struct actor *worker[WORKERS];
	struct actor *reader[READERS];
	unsigned int seed;
	bool exclusive;
	bool repairs;		/* repair is switched now and then */
	bool repair;		/* it is on */
	bool exact;		/* nothing was mapped at the load, nor less than that */
	long base_user[USERS];	/* what the counters had then */
	long base_mm[WORKERS];
	uid_t uid[USERS];
	long loads;
	long kills;
	long rounds;
};

FIXTURE(soak)
{
	struct watch watch;
};

FIXTURE_VARIANT(soak)
{
	bool repair;		/* now on, now off */
};

FIXTURE_VARIANT_ADD(soak, as_it_is)	{ .repair = false };
FIXTURE_VARIANT_ADD(soak, repaired)	{ .repair = true };

FIXTURE_SETUP(soak)
{
	struct watch *w = &self->watch;
	char *text = getenv("PERFMLOCK_SOAK_SEED");

	env_open(&w->e);
	w->seed = text && *text ? atol(text) : time(NULL);
	w->exclusive = !oracle_perf_is_locked_vm();
	w->repairs = variant->repair;
	soak = mmap(NULL, sizeof(*soak), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (soak == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, post))
		die("%s", strerror(errno));
	seed = w->seed;
}

#define FAILSLAB "/sys/kernel/debug/failslab"

static void set_cpu(int on)
{
	write_file("/sys/devices/system/cpu/cpu1/online", on ? "1" : "0", 1);
}

FIXTURE_TEARDOWN(soak)
{
	set_cpu(1);
	write_file(FAILSLAB "/probability", "0", 1);
	/* the last load may follow two calls at a time only */
	if (module_path("perfmlock") && !books_unload())
		EXPECT_EQ(0, books_load(""));
	env_reset_limit(&self->watch.e);
}

static void start_worker(struct watch *w, int i)
{
	uid_t uid = w->uid[i / 2];

	memset(&soak->worker[i], 0, sizeof(soak->worker[i]));
	soak->worker[i].uid = uid;
	w->base_mm[i] = 0;
	w->worker[i] = actor_start(&w->e, uid, UNLIMITED,
				   (i % 2 ? ACTOR_SETUID : 0) |
				   (i == 2 ? ACTOR_IPC_LOCK : 0));
}

static void begin_work(struct watch *w, int i)
{
	actor_begin(w->worker[i], op_work, i, rand_r(&seed), 0, 0, 0);
}

static void drop_all(struct watch *w)
{
	int i;

	for (i = 0; i < WORKERS; i++)
		actor_call(w->worker[i], op_drop, i, 0, 0, 0, 0);
}

static long user_counter(const struct watch *w, uid_t uid,
			 bool *known)
{
	int i;

	for (i = 0; i < WORKERS; i++) {
		*known = soak->worker[i].uid == (int)uid;
		if (*known)
			return oracle(w->worker[i]->pid).user;
	}
	return 0;
}

/* No memory for the module's rows, now and then, where a kernel can do that */
static void fail_allocations(void)
{
	static const char *const rows[] = { "user", "mm", "buffer" };
	char path[128];
	unsigned int i;

	if (access(FAILSLAB, F_OK))
		return;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(path, sizeof(path),
			 "/sys/kernel/slab/perfmlock_%s/failslab", rows[i]);
		write_file(path, "1", 1);
	}
	write_file(FAILSLAB "/cache-filter", "1", 1);
	write_file(FAILSLAB "/verbose", "0", 1);
	write_file(FAILSLAB "/ignore-gfp-wait", "0", 1);
	write_file(FAILSLAB "/times", "-1", 2);
	write_file(FAILSLAB "/probability", "10", 2);
}

/* Returns 0, or what was refused. @mapped: something may be mapped meanwhile. */
static int load_anew(struct watch *w, bool mapped)
{
	int i, ret, tries = 0;
	bool known;

	soak->hold = 1;
	for (i = 0; i < READERS; i++)
		while (soak->reading[i])
			pm_nap(1000);
	ret = books_unload();
	w->repair = false;
	w->exact = !mapped;
	for (i = 0; i < USERS && !mapped; i++) {
		w->base_user[i] = user_counter(w, w->uid[i], &known);
		/* a kernel's mistakes go on from there, and none tells of the first */
		w->exact = w->exact && w->base_user[i] >= 0;
	}
	for (i = 0; i < WORKERS && !mapped; i++) {
		w->base_mm[i] = oracle(w->worker[i]->pid).mm;
		w->exact = w->exact && w->base_mm[i] >= 0;
	}
	/* few calls at a time: then many are missed */
	while (!ret && (ret = books_load(below(4) ? "" : "maxactive=2")) ==
	       -ENOMEM && tries++ < 20)
		;
	if (!ret)
		fail_allocations();
	soak->hold = 0;
	w->loads++;
	return ret;
}

static void kill_one(struct watch *w)
{
	int i = below(WORKERS);

	actor_kill(w->worker[i]);
	w->kills++;
	start_worker(w, i);
	begin_work(w, i);
}

static void set_limits(struct watch *w)
{
	static const long kb[] = { 8, 64, 516, 516, 4096 };
	static const long pages[] = { 0, 16, 64, 256, UNLIMITED, UNLIMITED };
	int i;

	env_set_kb(&w->e, kb[below(ARRAY_SIZE(kb))]);
	for (i = 0; i < WORKERS; i++)
		actor_rlimit(w->worker[i], pages[below(ARRAY_SIZE(pages))]);
}

/* A line of buffers, as it is or as it should be */
struct line {
	bool aux;
	bool by_aux;		/* of data: by nothing but its AUX area */
	bool met;
	long pages;
	long maps;
};

struct lines {
	struct line line[2 * WORKERS * RINGS];
	int nr;
};

struct ring {
	long nr;
	long pages;
	long aux_pages;
	long maps;
	long aux_maps;
};

static struct ring *ring_of(struct ring *rings, int *nr, long ring)
{
	int i;

	for (i = 0; i < *nr; i++)
		if (rings[i].nr == ring)
			return &rings[i];
	rings[*nr] = (struct ring){ .nr = ring };
	return &rings[(*nr)++];
}

static void should_be(struct lines *to)
{
	static struct ring rings[WORKERS * RINGS];
	int nr = 0, w, i;

	for (w = 0; w < WORKERS; w++)
		for (i = 0; i < RINGS; i++) {
			const struct noted *n = &soak->worker[w].map[i];
			struct ring *r;

			if (!n->ring)
				continue;
			r = ring_of(rings, &nr, n->ring);
			r->maps++;
			r->pages = n->data_pages ?: n->pages;
			if (n->data_pages) {
				r->aux_maps++;
				r->aux_pages = n->pages;
			}
		}
	to->nr = 0;
	for (i = 0; i < nr; i++) {
		to->line[to->nr++] = (struct line){
			.by_aux = rings[i].maps == rings[i].aux_maps,
			.pages = rings[i].pages,
			.maps = rings[i].maps,
		};
		if (rings[i].aux_maps)
			to->line[to->nr++] = (struct line){
				.aux = true,
				.pages = rings[i].aux_pages,
				.maps = rings[i].aux_maps,
			};
	}
}

static void is_listed(struct table *t, struct lines *to)
{
	int i;

	to->nr = 0;
	for (i = 0; i < table_rows(t) && to->nr < (int)ARRAY_SIZE(to->line); i++)
		to->line[to->nr++] = (struct line){
			.aux = !strcmp(table_str(t, i, "kind"), "aux"),
			.pages = table_num(t, i, "pages"),
			.maps = table_num(t, i, "maps"),
		};
}

/* What was adopted by its AUX area alone may have pages=0. */
static void pair_lines(struct lines *want, struct lines *have, bool by_aux,
		       bool unknown)
{
	struct line *w, *h;

	for (w = want->line; w < want->line + want->nr; w++) {
		if (w->met || w->by_aux != by_aux)
			continue;
		for (h = have->line; h < have->line + have->nr; h++)
			if (!h->met && h->aux == w->aux && h->maps == w->maps &&
			    h->pages == (unknown ? 0 : w->pages))
				break;
		if (h == have->line + have->nr)
			continue;
		h->met = true;
		w->met = true;
	}
}

static long mapped_by_all(const struct watch *w)
{
	long sum = 0;
	int i;

	for (i = 0; i < WORKERS; i++)
		sum += mapped_pages(w->worker[i]->pid);
	return sum;
}

static long noted_by_all(void)
{
	long sum = 0;
	int w, i;

	for (w = 0; w < WORKERS; w++)
		for (i = 0; i < RINGS; i++)
			if (soak->worker[w].map[i].ring)
				sum += soak->worker[w].map[i].pages;
	return sum;
}

#define SAY(fmt, ...) do {						\
	if (loud)							\
		note(fmt, ##__VA_ARGS__);				\
	bad++;								\
} while (0)

/* All buffers are listed, each once, with its mappings, and charged by the pages. */
static int check_buffers(struct watch *w, struct table *buffers,
			 bool loud)
{
	static struct lines want, have;
	long mapped = mapped_by_all(w), noted = noted_by_all(), sum;
	int bad = 0, i;

	/* the test itself */
	if (mapped != noted)
		SAY("%ld pages are mapped, and %ld noted", mapped, noted);
	should_be(&want);
	is_listed(buffers, &have);
	pair_lines(&want, &have, false, false);
	pair_lines(&want, &have, true, false);
	pair_lines(&want, &have, true, true);
	for (i = 0; i < want.nr; i++)
		if (!want.line[i].met)
			SAY("a buffer of %ld pages, aux=%d, maps=%ld is not listed",
			    want.line[i].pages, want.line[i].aux,
			    want.line[i].maps);
	for (i = 0; i < have.nr; i++)
		if (!have.line[i].met)
			SAY("a buffer of %ld pages, aux=%d, maps=%ld should not be listed",
			    have.line[i].pages, have.line[i].aux,
			    have.line[i].maps);
	for (i = 0; i < table_rows(buffers); i++) {
		sum = table_num(buffers, i, "correct_user") +
		      table_num(buffers, i, "correct_mm");
		if (sum != (strcmp(table_str(buffers, i, "origin"), "adopted") ?
			    table_num(buffers, i, "pages") : 0))
			SAY("buffer %lld of %lld pages: right are %ld",
			    table_num(buffers, i, "id"),
			    table_num(buffers, i, "pages"), sum);
	}
	return bad;
}

static long long column(struct table *t, const char *key, long long val,
			const char *col)
{
	long long sum = 0;
	int row = -1;

	while ((row = table_find(t, row + 1, key, val)) >= 0)
		sum += table_num(t, row, col);
	return sum;
}

/* @whole: nothing was missed, or adopted, since the load */
static int check_users(struct watch *w, struct table *buffers,
		       bool whole, bool loud)
{
	struct table *users = table_get("users");
	long unproven = status_num("unproven_pages");
	long counter, left, drift;
	int bad = 0, i, row;
	bool known;

	for (i = 0; i < USERS; i++) {
		long long uid = w->uid[i];

		counter = user_counter(w, uid, &known);
		row = table_find(users, 0, "uid", uid);
		if (row >= 0 && table_num(users, row, "correct") !=
				column(buffers, "uid", uid, "correct_user"))
			SAY("uid %lld: right are %lld, of the buffers %lld", uid,
			    table_num(users, row, "correct"),
			    column(buffers, "uid", uid, "correct_user"));
		if (!known || !w->exact || !whole || !w->exclusive)
			continue;
		if (row < 0 && counter != w->base_user[i])
			SAY("uid %lld: no row, and %ld on the counter, %ld of before",
			    uid, counter, w->base_user[i]);
		if (row >= 0 && counter - table_num(users, row, "kernel") -
				table_num(users, row, "repaired") !=
				w->base_user[i])
			SAY("uid %lld: kernel=%lld and repaired=%lld of %ld on the counter, %ld of before",
			    uid, table_num(users, row, "kernel"),
			    table_num(users, row, "repaired"), counter,
			    w->base_user[i]);
		/* while there are buffers, some of it may be inferred */
		if (row < 0 || !w->repair || table_num(users, row, "buffers"))
			continue;
		/* repair leaves what is not proven, and adds nothing to what is wrong */
		left = counter - w->base_user[i];
		drift = table_num(users, row, "kernel");
		if (labs(left) > unproven || (drift > 0 ? left < 0 : left > 0) ||
		    labs(left) > labs(drift))
			SAY("uid %lld: nothing is mapped, %ld are left of %ld, and %ld are not proven",
			    uid, left, drift, unproven);
	}
	table_put(users);
	return bad;
}

static int check_mms(struct watch *w, struct table *buffers, bool whole,
		     bool loud)
{
	struct table *mms = table_get("mms");
	int bad = 0, i, row;

	for (i = 0; i < WORKERS; i++) {
		pid_t pid = w->worker[i]->pid;
		struct raw raw = oracle(pid);
		long kernel = 0, repaired = 0;

		if (vm_pin_kb(pid) !=
		    (unsigned long long)raw.mm * (w->e.page / 1024))
			SAY("pid %d: VmPin is %llu", pid, vm_pin_kb(pid));
		row = table_find(mms, 0, "pid", pid);
		if (row >= 0) {
			kernel = table_num(mms, row, "kernel");
			repaired = table_num(mms, row, "repaired");
			if (table_num(mms, row, "counter") != raw.mm)
				SAY("pid %d: counter=%lld, should be %lld", pid,
				    table_num(mms, row, "counter"), raw.mm);
			if (table_num(mms, row, "correct") !=
			    column(buffers, "pid", pid, "correct_mm"))
				SAY("pid %d: right are %lld, of the buffers %lld",
				    pid, table_num(mms, row, "correct"),
				    column(buffers, "pid", pid, "correct_mm"));
		}
		if (!w->exact || !whole)
			continue;
		if (raw.mm - kernel - repaired != w->base_mm[i])
			SAY("pid %d: kernel=%ld and repaired=%ld of %lld on the counter, %ld of before",
			    pid, kernel, repaired, raw.mm, w->base_mm[i]);
	}
	table_put(mms);
	return bad;
}

/* What a missed call did to U is nobody's: what it makes of others is unexplained. */
static int check_words(struct watch *w, bool whole, bool loud)
{
	char *text = slurp_books("drifts"), *line, *save;
	int bad = 0;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (w->exact && whole && strstr(line, "cause=unexplained"))
			SAY("| %s", line);
	free(text);
	if (status_num("careful"))
		SAY("the books are careful");
	if (w->exact && whole && !status_num("drifts") &&
	    status_num("wrongly_denied"))
		SAY("%lld were wrongly denied, and nothing has drifted",
		    status_num("wrongly_denied"));
	return bad;
}

/*
 * What an audit finds it puts right, but for sums; of a missed call's counter it
 * knows nothing until the next one.
 */
static int check_audit(struct watch *w, bool whole, bool loud)
{
	char *text = slurp_books("audit"), *line, *save;
	int bad = 0;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (!strncmp(line, "mismatch: ", 10) &&
		    ((w->exact && whole) || !strstr(line, "counters_differ")))
			SAY("| %s", line);
	free(text);
	return bad;
}

static int check(struct watch *w, bool loud)
{
	struct table *buffers = table_get("buffers");
	bool whole = !status_num("untracked");
	int bad;

	bad = check_buffers(w, buffers, loud);
	bad += check_users(w, buffers, whole, loud);
	bad += check_mms(w, buffers, whole, loud);
	bad += check_words(w, whole, loud);
	bad += check_audit(w, whole, loud);
	table_put(buffers);
	return bad;
}

static void show_notes(void)
{
	int w, i;

	for (w = 0; w < WORKERS; w++)
		for (i = 0; i < RINGS; i++) {
			const struct noted *n = &soak->worker[w].map[i];

			if (n->ring)
				note("| worker %d: ring %ld, %ld pages, of %ld, fd %d, leads %d",
				     w, n->ring, n->pages, n->data_pages, n->fd,
				     n->leads);
		}
}

/* Walks are under way until all is known; then nothing is to be said. */
static int pause_and_check(struct watch *w)
{
	int bad;

	if (eventually(!check(w, false)))
		return 0;
	note("after %ld rounds, %ld loads, the last %s", w->rounds,
	     w->loads, w->exact ? "with nothing mapped" : "with rings");
	show("status");
	show("users");
	show("mms");
	show("buffers");
	show_notes();
	/* last: of a long output the end is what one sees */
	bad = check(w, true);
	note("seed %u: %d faults", w->seed, bad);
	return bad;
}

#define SWITCH	BOOKS_DIR "/repair"

static void switch_repair(struct watch *w)
{
	w->repair = !w->repair;
	if (write_file(SWITCH, w->repair ? "1" : "0", 1) != 1)
		die(SWITCH ": %s", strerror(errno));
}

/* Returns 0, or what was refused. */
static int work_for_a_while(struct watch *w)
{
	int beats = 5 + below(20), i, ret = 0;
	bool load = !below(4), kills = !below(3), cpu = !below(4);

	soak->stop = 0;
	for (i = 0; i < WORKERS; i++)
		begin_work(w, i);
	for (i = 0; i < READERS; i++)
		actor_begin(w->reader[i], op_read, i, rand_r(&seed), 0, 0, 0);
	if (cpu)
		set_cpu(0);
	for (i = 0; i < beats && !ret; i++) {
		pm_nap(50000);
		if (!below(4))
			set_limits(w);
		if (w->repairs && !below(3))
			switch_repair(w);
		if (kills && !below(3))
			kill_one(w);
		if (load && i == beats / 2)
			ret = load_anew(w, true);
	}
	if (cpu)
		set_cpu(1);
	soak->stop = 1;
	for (i = 0; i < WORKERS; i++)
		actor_end(w->worker[i]);
	for (i = 0; i < READERS; i++)
		actor_end(w->reader[i]);
	w->rounds++;
	return ret;
}

TEST_F_TIMEOUT(soak, books_are_right_at_each_pause, 1000000)
{
	char *text = getenv("PERFMLOCK_SOAK_SECONDS");
	time_t end = time(NULL) + (text && *text ? atoi(text) : 30);
	struct watch *w = &self->watch;
	struct test_env *e = &w->e;
	int i;

	if (!module_path("perfmlock"))
		SKIP(return, NO_KO);
	auxpmu_ready();
	TH_LOG("seed %u", w->seed);
	for (i = 0; i < USERS; i++)
		w->uid[i] = env_uid(e);
	for (i = 0; i < WORKERS; i++)
		start_worker(w, i);
	for (i = 0; i < READERS; i++)
		w->reader[i] = actor_start(e, 0, UNLIMITED, ACTOR_ALL);
	ASSERT_EQ(0, load_anew(w, false));
	while (time(NULL) < end) {
		ASSERT_EQ(0, work_for_a_while(w));
		ASSERT_EQ(0, pause_and_check(w));
		if (below(3))
			continue;
		/* with nothing mapped, or with rings and no call under way */
		if (below(2)) {
			drop_all(w);
			ASSERT_EQ(0, pause_and_check(w));
			ASSERT_EQ(0, load_anew(w, false));
		} else {
			ASSERT_EQ(0, load_anew(w, true));
		}
	}
	drop_all(w);
	EXPECT_EQ(0, pause_and_check(w));
	for (i = 0; i < WORKERS; i++)
		actor_exit(w->worker[i]);
	for (i = 0; i < READERS; i++)
		actor_exit(w->reader[i]);
	EXPECT_TRUE(eventually(!status_num("buffers") && !status_num("mms")));
	TH_LOG("seed %u: %ld calls in %ld rounds, %ld loads, %ld killed",
	       w->seed, soak->calls, w->rounds, w->loads, w->kills);
}

TEST_HARNESS_MAIN
