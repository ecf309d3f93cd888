/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A ledger of a test's own, whose owner is the test: who calls, what the limit
 * is, who has exited are plain members. A kernel beside it is played: the test
 * says by how much each call moves U and M, and the fixture shows the ledger
 * the counters before and after, as the probes do.
 *
 * In a suite: .init = fx_init, .exit = fx_exit, and test->priv is the fixture.
 * One at a time: what a ledger asks of its owner says not whose ledger it is.
 */
#ifndef PERFMLOCK_KUNIT_FIXTURE_H
#define PERFMLOCK_KUNIT_FIXTURE_H

#include <kunit/test.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/stringify.h>

#include "../module/ledger.h"

/* For suite_init: how many results a parameterised case owes. */
#define FX_PLAN(area, name, table)					\
	pr_info("perfmlock_" area ": plan: " #name " %zu\n", ARRAY_SIZE(table))

#define FX_USERS	3
#define FX_PROCESSES	4
#define FX_EVENTS	6
#define FX_AUX_PGOFF	512

/* A user_struct: key of a user's row. */
struct fx_user {
	uid_t uid;
	long counter;		/* U */
	bool gone;		/* nobody but the ledger holds it */
	unsigned int held;
};

/* An mm_struct: key of an mm's row. */
struct fx_mm {
	long counter;		/* M */
	bool gone;		/* exited, with nothing mapped any more */
	bool unvisited;		/* walks cannot look through it */
	unsigned int held;
};

struct fx_process {
	struct fx_user *user;
	struct fx_mm *mm;
	pid_t pid;
	u64 group;		/* 0: the uid */
	unsigned long rlimit;
	const char *comm;
};

struct fx_event {
	struct perfmlock_event about;
	struct perfmlock_nature nature;
	const void *rb;			/* NULL: not mapped */
	const void *next_rb;		/* key of the next buffer, or any */
	struct fx_user *owner;		/* rb->mmap_user */
	unsigned int maps;
};

/* One mapping of an event by a process. */
struct fx_vma {
	struct fx_process *of;
	struct fx_event *event;
	unsigned long pgoff;
	long pages;
};

/* A call under way; @call is NULL where the ledger did not take it. */
struct fx_call {
	const struct fx_vma *vma;
	struct perfmlock_call *call;
	const struct fx_user *user;	/* whose counter is looked at */
};

/**
 * struct fx - the ledger, and all that it may ask
 * @ledger: under test: 16 calls at once, pages of 4 KiB, U moved by perf alone
 * @users: of uids 1000, 1001 and 0
 * @mms: one a process
 * @processes: two of users[0], one of users[1], one of users[2]; pids from
 *	       100, rlimit 1000
 * @events: their index as config, and modulo 4 as CPU
 * @limit: 100
 * @limit_is_old: it was read some time ago
 * @cpus: online: 4
 * @exempt: every caller is privileged, as perf_event_paranoid is -1
 * @capable: every caller has CAP_IPC_LOCK
 * @untold: a probe has missed calls, and nobody has asked yet
 * @unchecked: threads race: nothing is looked through after each call, and a
 *	       row may be opened anew before the old one's key is let go
 * @caller: who calls now
 * @next_rb: key of the next buffer
 * @keys: guards what follows, for threads that race
 * @holds: keys held, ever
 * @drops: keys let go, ever
 * @idle: times that a row was said to have no buffers
 * @low: times that memory was said to run low
 * @unseen: times that something was said to have gone by unseen
 * @told: times that there was said to be a new refusal, or drift
 * @repairs: notes of repairs that a switch, or a look at all rows, has told
 * @wrong: keys held twice, dropped when not held, or taken for others
 */
struct fx {
	struct perfmlock_ledger ledger;
	struct kunit *test;
	struct fx_user users[FX_USERS];
	struct fx_mm mms[FX_PROCESSES];
	struct fx_process processes[FX_PROCESSES];
	struct fx_event events[FX_EVENTS];
	unsigned long limit;
	bool limit_is_old;
	unsigned int cpus;
	bool exempt;
	bool capable;
	bool untold;
	bool unchecked;
	const struct fx_process *caller;
	unsigned long next_rb;
	raw_spinlock_t keys;
	unsigned int holds;
	unsigned int drops;
	unsigned int idle;
	unsigned int low;
	unsigned int unseen;
	unsigned int told;
	unsigned int repairs;
	unsigned int wrong;
};

extern const struct perfmlock_ledger_ops fx_ops;

int fx_init(struct kunit *test);
void fx_exit(struct kunit *test);

/* What the switch does, and what upkeep does while it is on. */
void fx_repair(struct fx *fx, bool on);
void fx_repair_all(struct fx *fx);

static inline struct fx_vma fx_ring(struct fx *fx, unsigned int process,
				    unsigned int event, long pages)
{
	return (struct fx_vma) {
		.of = &fx->processes[process],
		.event = &fx->events[event],
		.pages = pages,
	};
}

static inline struct fx_vma fx_aux(struct fx *fx, unsigned int process,
				   unsigned int event, long pages)
{
	struct fx_vma vma = fx_ring(fx, process, event, pages);

	vma.pgoff = FX_AUX_PGOFF;
	return vma;
}

/* What the kernel does, seen by the ledger or not. */
void fx_kernel_maps(struct fx *fx, const struct fx_vma *vma, long user, long mm);
void fx_kernel_unmaps(const struct fx_vma *vma, long user, long mm);

/* Whole calls; @user and @mm are the changes that the kernel makes. */
void fx_map(struct fx *fx, const struct fx_vma *vma, long user, long mm);
void fx_fail(struct fx *fx, const struct fx_vma *vma, int ret, long user,
	     long mm);
void fx_unmap(struct fx *fx, const struct fx_vma *vma, long user, long mm);
void fx_open(struct fx *fx, const struct fx_vma *vma);
void fx_lead(struct fx *fx, unsigned int from, unsigned int to);
void fx_displace(struct fx *fx, const struct fx_vma *old,
		 const struct fx_vma *by, long remap);
/* The kernel has unmapped it, and @beside is mapped before the call returns. */
void fx_unmap_slowly(struct fx *fx, const struct fx_vma *vma, long user, long mm,
		     const struct fx_vma *beside);

/* Halves of them; what moves in between is the test's. */
struct fx_call fx_begin_map(struct fx *fx, const struct fx_vma *vma);
void fx_end_map(struct fx *fx, const struct fx_call *call, int ret);
struct fx_call fx_begin_unmap(struct fx *fx, const struct fx_vma *vma);
void fx_end_unmap(struct fx *fx, const struct fx_call *call);

/* A probe missed a call, and the owner finds out. */
void fx_missed(struct fx *fx);

/*
 * The walk: which mappings there are, ended with NULL. fx_sweep() meets all of
 * them, and no further walk may be wanted; fx_walk() says if one is not.
 */
void fx_sweep(struct fx *fx, const struct fx_vma *const *vmas);
bool fx_walk(struct fx *fx, const struct fx_vma *const *vmas,
	     unsigned int met);
bool fx_end_walk(struct fx *fx, unsigned int met);
bool fx_meet(struct fx *fx, const struct fx_vma *vma);

/* Takes free records away, but for @keep; perfmlock_ledger_fill() mends it. */
void fx_starve(struct fx *fx, struct perfmlock_store *store, unsigned int keep);
/* As of a ledger with room for so many calls; none is under way. */
void fx_narrow(struct fx *fx, unsigned int nr_calls);

/*
 * What a history remembers: how many entries, and of one of them (0 is the last
 * one, 1 that before it) how many equal ones there were; 0: there is none.
 */
unsigned int fx_nr_past(const struct perfmlock_history *history);
u64 fx_past(const struct perfmlock_history *history, unsigned int back,
	    void *entry);

/**
 * struct fx_denial - what is expected of a refusal
 * @actor: who, if its pid is not 0
 * @kind: data or AUX
 * @pages: of the mapping
 * @state: the kernel's counters and limits
 * @charge: what its rule made of them
 * @right_state: the counters of the correct books
 * @right: what the reference rule made of them
 * @cpus_left: online CPUs from the event's on; 0: the event is of none
 * @online_cpus: all of them
 * @remedy: what would have admitted the mapping
 * @all_cpus: what would have admitted one on each of @cpus_left
 */
struct fx_denial {
	struct perfmlock_actor actor;
	enum perfmlock_kind kind;
	long pages;
	struct perfmlock_state state;
	struct perfmlock_charge charge;
	struct perfmlock_state right_state;
	struct perfmlock_charge right;
	unsigned int cpus_left;
	unsigned int online_cpus;
	struct perfmlock_remedy remedy;
	struct perfmlock_remedy all_cpus;
};

/* Rows as they are listed; without a look-up, that would change `recent`. */
#define fx_for_each(row, store)						\
	for ((row) = perfmlock_store_next(store, NULL); (row);		\
	     (row) = perfmlock_store_next(store, &(row)->node))

struct perfmlock_buffer *fx_buffer(struct fx *fx, const void *rb);
struct perfmlock_buffer *fx_area(struct fx *fx, const void *rb);
struct perfmlock_user *fx_user_row(struct fx *fx, const struct fx_user *user);
struct perfmlock_mm *fx_mm_row(struct fx *fx, const struct fx_mm *mm);
/* Is it known what of the user's counter is foreign? */
bool fx_is_sure(struct fx *fx, const struct fx_user *user);

/* Are the rows consistent with each other, and no sum below zero? */
void fx_check(struct fx *fx, const char *where);

/*
 * Expected are the members that are named, and zero in all others. Left out
 * are: of books nothing, of a buffer what the table does not show, of drifts
 * and denials who made the call, unless it is named.
 */
#define FX_HERE	__FILE__ ":" __stringify(__LINE__)

#define FX_EXPECT(what, type, fx, of, ...)				\
do {									\
	static const struct type fx_want = { __VA_ARGS__ };		\
									\
	fx_expect_##what(fx, FX_HERE, of, &fx_want);			\
} while (0)

#define FX_EXPECT_USER(fx, i, ...)					\
	FX_EXPECT(user, perfmlock_books, fx, &(fx)->users[i], __VA_ARGS__)
#define FX_EXPECT_MM(fx, i, ...)					\
	FX_EXPECT(mm, perfmlock_books, fx, &(fx)->mms[i], __VA_ARGS__)
#define FX_EXPECT_BUFFER(fx, row, ...)					\
	FX_EXPECT(buffer, perfmlock_buffer, fx, row, __VA_ARGS__)
#define FX_EXPECT_TOTALS(fx, ...)					\
	FX_EXPECT(totals, perfmlock_totals, fx, &(fx)->ledger.totals, __VA_ARGS__)
/* @back: 0 is the last one, 1 that before it */
#define FX_EXPECT_DRIFT(fx, back, ...)					\
	FX_EXPECT(drift, perfmlock_drifting, fx, back, __VA_ARGS__)
#define FX_EXPECT_DENIAL(fx, back, ...)					\
	FX_EXPECT(denial, fx_denial, fx, back, __VA_ARGS__)

void fx_expect_user(struct fx *fx, const char *where, const struct fx_user *user,
		    const struct perfmlock_books *want);
void fx_expect_mm(struct fx *fx, const char *where, const struct fx_mm *mm,
		  const struct perfmlock_books *want);
void fx_expect_buffer(struct fx *fx, const char *where,
		      const struct perfmlock_buffer *buffer,
		      const struct perfmlock_buffer *want);
void fx_expect_totals(struct fx *fx, const char *where,
		      const struct perfmlock_totals *totals,
		      const struct perfmlock_totals *want);
void fx_expect_drift(struct fx *fx, const char *where, unsigned int back,
		     const struct perfmlock_drifting *want);
void fx_expect_denial(struct fx *fx, const char *where, unsigned int back,
		      const struct fx_denial *want);

#endif /* PERFMLOCK_KUNIT_FIXTURE_H */
