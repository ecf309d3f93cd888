/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of perfmlock have in common.
 *
 * A test stays root, watches and asks. The mapping is done by actors, forked
 * processes with a uid, capabilities and a RLIMIT_MEMLOCK of their own, which
 * call one function at a time on the test's behalf. All amounts are pages.
 */
#ifndef PERFMLOCK_TEST_H
#define PERFMLOCK_TEST_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#endif

#define BOOKS_DIR	"/sys/kernel/debug/perfmlock"

/* Every file in it; those of them that can be read come first. */
#define BOOKS_FILES	11
#define BOOKS_LISTINGS	9
extern const char * const books_files[BOOKS_FILES];
#define MAX_ACTORS	12
#define UNLIMITED	(-1L)

/* The pages a CPU gives to the user's allowance, whatever the page size. */
#define PAGES_PER_CPU	129L

/*
 * Of a ring whose array of pages, 1 GB, is larger than anything that kmalloc() has,
 * which is 512 MB with pages of 64 kB. A process of 32 bits has no room for one.
 */
#define TOO_LARGE	((1L << 27) + 1)

#define note(fmt, ...) fprintf(stderr, "# " fmt "\n", ##__VA_ARGS__)

/* What the running kernel was seen to do wrong: check-matrix has it in its table. */
#define mistake(cause)	note("mistake: " cause)

/* Something the test cannot go on without. */
#define die(fmt, ...) do {						\
	note("cannot go on: " fmt, ##__VA_ARGS__);			\
	abort();							\
} while (0)

/* Reading files */
char *slurp_fd(int fd, size_t *len);
char *slurp(const char *path);
char *slurp_books(const char *file);
int write_file(const char *path, const char *text, size_t len);
long sysctl_get(const char *name);
bool sysctl_has(const char *name);
int sysctl_set(const char *name, long val);

/* Tables, by the names of their columns */
struct table;
struct table *table_parse(const char *file, const char *text);
struct table *table_get(const char *file);
void table_put(struct table *t);
int table_rows(const struct table *t);
bool table_has(const struct table *t, const char *col);
const char *table_str(const struct table *t, int row, const char *col);
long long table_num(const struct table *t, int row, const char *col);
int table_find(const struct table *t, int from, const char *col, long long val);

/* a file of the module, as notes */
void show(const char *file);
bool users_has(uid_t uid);
/* the row of a user of whom nothing is left, in the module's own time */
bool user_goes(uid_t uid);
long long users_num(uid_t uid, const char *col);
bool mms_has(pid_t pid, const char *state);
long long mms_num(pid_t pid, const char *col);
long long mms_num_state(pid_t pid, const char *state, const char *col);

/* The rows of buffers that @pid or, with @pid 0, @uid was charged for */
int buffers_count(pid_t pid, uid_t uid);
/* One cell of the only row of @pid of that kind with so many pages */
long long buffer_num(pid_t pid, const char *kind, long pages, const char *col);
bool buffer_has(pid_t pid, const char *kind, long pages);

/* denials and drifts: the newest line with @key equal to @val, or NULL */
int lines_count(const char *file, const char *key, long long val);
char *line_last(const char *file, const char *key, long long val);
/* over all lines with @key equal to @val; a line without @sum ends the test */
long long lines_sum(const char *file, const char *key, long long val,
		    const char *sum);
/* of drifts, those of that cause in what @uid was charged; shown as well */
int lines_of_cause(uid_t uid, const char *cause);
bool line_has(const char *line, const char *key);
const char *line_str(const char *line, const char *key, char *buf, size_t len);
long long line_num(const char *line, const char *key);
unsigned long line_hex(const char *line, const char *key);
void unescape(char *s);

long long status_num(const char *key);

/* The other side: raw counters, VmPin, mappings */
struct raw {
	uid_t uid;
	long long user;		/* what perf charges to the user */
	long long locked;	/* user_struct::locked_vm */
	long long mm;		/* mm->pinned_vm */
};

bool oracle_has(pid_t pid);
struct raw oracle(pid_t pid);
bool oracle_perf_is_locked_vm(void);
unsigned long long vm_pin_kb(pid_t pid);
long mapped_pages(pid_t pid);

/* Actors */
struct actor {
	pid_t pid;
	uid_t uid;
	uid_t mm_uid;		/* when it last mapped something */
	int sock;
	bool alive;
	bool busy;		/* a call has begun and not ended */
	long foreign_user;	/* what others charge, as far as the test knows */
	long foreign_mm;
};

/* The capabilities an actor keeps */
#define ACTOR_IPC_LOCK	0x1
#define ACTOR_SETUID	0x2
#define ACTOR_ALL	0x4

/* What all of a test's processes see at once */
struct shared {
	atomic_int go;
	atomic_int stop;
	atomic_int ready;
	atomic_long count[MAX_ACTORS];
};

struct test_env {
	struct actor actor[MAX_ACTORS];
	int nr_actors;
	int nr_uids;
	long cpus;
	long limit;
	long page;
	long mapped_before;	/* by whoever else runs here */
	bool leak_user;		/* a kernel bug has left U wrong for good */
	bool leak_mm;
	bool exotic;		/* mappings that are no plain data buffers */
	bool repair;		/* the counters are kept right */
	struct shared *sh;
};

typedef long (*actor_fn)(const long *arg);

uid_t env_uid(struct test_env *e);
struct actor *actor_start(struct test_env *e, uid_t uid, long rlimit, int flags);
long op_churn(const long *a);
/*
 * Map a[1] pages of event a[0] and unmap them, a[3] times, or until a[2], the shared
 * memory, tells to stop
 */
long op_map_event(const long *a);
/* Map a[0] pages of an event of the task's on any CPU, which its children inherit */
long op_map_inherit(const long *a);
/* a[0]: the event that is to write into the ring of a[1] */
long op_set_output(const long *a);
void actor_begin(struct actor *a, actor_fn fn, long a0, long a1, long a2,
		 long a3, long a4);
long actor_end(struct actor *a);
/* Has the call that has begun ended? */
bool actor_done(struct actor *a);
/* A letter, as ps has it */
char actor_state(const struct actor *a);
long actor_call(struct actor *a, actor_fn fn, long a0, long a1, long a2,
		long a3, long a4);
long actor_uring(struct actor *a, actor_fn op);
void actor_exit(struct actor *a);
void actor_kill(struct actor *a);
void actor_rlimit(struct actor *a, long pages);
int actor_give(struct actor *from, int fd, struct actor *to);

#define PM_DUMMY	9	/* PERF_COUNT_SW_DUMMY */
#define PM_CPU_CLOCK	0	/* PERF_COUNT_SW_CPU_CLOCK */

int actor_open(struct actor *a, int cpu);
int actor_open_type(struct actor *a, int cpu, long type, long config);
int actor_close(struct actor *a, int fd);
long actor_map(struct actor *a, int fd, long pages);
long actor_map_at(struct actor *a, int fd, long pages, long pgoff);
long actor_new(struct actor *a, long pages);
int actor_unmap(struct actor *a, long addr, long pages);
int actor_unmap_all(struct actor *a);
int actor_setuid(struct actor *a, uid_t uid);
void actor_begin_map(struct actor *a, int fd, long pages);
void actor_begin_unmap(struct actor *a, long addr, long pages);
/* Map fresh buffers until exactly @pages are mapped by them. */
int actor_fill(struct actor *a, long pages);

/*
 * Children of an actor, a crowd at a time: each calls @fn with { its number, a0,
 * a1, a2 }, and ends. All of them have come to child_stand(), or ended, when
 * actor_fork() returns 0; there they stay until actor_release(). actor_wait()
 * waits for their end and returns how many of @fn did not return 0.
 */
long actor_fork(struct actor *a, long n, actor_fn fn, long a0, long a1, long a2);
void child_stand(void);
/* Has mapped a ring once, and stands. */
long child_idle(const long *a);
int actor_release(struct actor *a);
long actor_wait(struct actor *a);
/* @n, or fewer if its user may not have so many processes */
long actor_fork_most(struct actor *a, long n);

/* An actor's side of the socket, to be called in it */
long actor_own_sock(const long *arg);

/* The same calls, for functions that run in an actor */
int pm_open(int cpu, long type, long config, pid_t pid);
/* One that nobody has, on CPU 0 */
int fresh_event(void);
void *pm_map(int fd, long pages, long pgoff);
int pm_unmap(void *addr, long pages);
void pm_nap(long usec);

/* Modules */
const char *module_path(const char *name);
int module_load(const char *path, const char *params);
int module_unload(const char *name);
bool module_loaded(const char *name);
int param_set(const char *module, const char *param, long val);
#define NO_KO "perfmlock.ko not found, it cannot be loaded"
int books_load(const char *params);
int books_unload(void);

/* The PMU with an AUX area and places to wait in */
bool auxpmu_ready(void);
long auxpmu_type(void);
int auxpmu_set(const char *param, long val);
/*
 * Keep @a in an mmap() of an AUX area, or in a munmap(), until auxpmu_go_on(), which
 * returns what the call did; or in the munmap() of its exit, until auxpmu_let_die().
 */
void auxpmu_stand(struct actor *a, int fd, long addr, long pages, long aux);
void auxpmu_stand_unmap(struct actor *a, long addr, long pages);
void auxpmu_stand_exit(struct actor *a);
long auxpmu_go_on(struct actor *a);
void auxpmu_let_die(struct actor *a);
long auxpmu_calls(void);
int actor_open_aux(struct actor *a);
/* Map an AUX area behind the data buffer of @pages at @addr. */
long actor_map_aux(struct actor *a, int fd, long addr, long pages, long aux);
void actor_begin_map_aux(struct actor *a, int fd, long addr, long pages,
			 long aux);

/*
 * Make a function of the module take longer, from its load on to its unload; false
 * if it has none of that name. The delay is 0 until it is set.
 */
bool delay_start(const char *symbol);
void delay_set(long ms);
long delay_hits(void);

#define KPROBES_ENABLED "/sys/kernel/debug/kprobes/enabled"
/* All probes of the machine */
void set_kprobes(bool on);
void delay_end(void);

/* One test: a clean start, a check of all books, and a clean end */
void env_open(struct test_env *e);
int env_verify(struct test_env *e, const char *when);
int env_close(struct test_env *e);
/* The lines of /dev/kmsg since @fd was there that have @text; @last: the last one, or NULL. */
int log_lines(int fd, const char *text, char *last, size_t size);
/* Repair, until it is off or the test ends; 0 or an error. */
int env_repair(struct test_env *e, bool on);
int env_reset_limit(struct test_env *e);
int env_set_kb(struct test_env *e, long kb);
/* Does this kernel charge a second mapping, for ever? Asks the oracle. */
bool env_remap_leaks(struct test_env *e);
/*
 * Does it charge U for what it charges M, as before v5.4? Then only the program
 * explosion knows its sums.
 */
bool env_charges_twice(struct test_env *e);
#define OLD_SUMS "this kernel charges as before v5.4"

/*
 * Wait for what the module does in its own time: at a pace that spares the machine,
 * where somebody was busy. Two minutes are enough, or it never does.
 */
#define eventually(cond) ({						\
	int __tries = 0;						\
	while (!(cond) && __tries++ < 2400)				\
		pm_nap(50000);						\
	__tries <= 2400;						\
})

#endif
