/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The books: who holds which buffer, what the kernel charged for it, and what
 * was right. The ledger knows no kernel structure: users, mms and buffers are
 * opaque keys, counters are numbers that its callers read.
 */
#ifndef PERFMLOCK_LEDGER_H
#define PERFMLOCK_LEDGER_H

#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "charge.h"
#include "store.h"

/* Refusals and drifts that are remembered, each. */
#define PERFMLOCK_HISTORY	256

/**
 * struct perfmlock_books - one page of the books
 * @kernel: pages the kernel was seen to charge, less those it took back
 * @correct: pages that the reference rule has charged now; never negative
 * @buffers: live buffers charged here
 * @cause: why @kernel and @correct parted last
 * @privileged: calls over the limit that only a privilege let pass
 * @denied: calls refused
 * @wrongly_denied: calls refused that the correct books would have admitted
 */
struct perfmlock_books {
	long kernel;
	long correct;
	unsigned int buffers;
	enum perfmlock_cause cause;
	unsigned long privileged;
	unsigned long denied;
	unsigned long wrongly_denied;
};

/**
 * struct perfmlock_user - books of one user_struct
 * @node: key: the user_struct
 * @books: its books
 * @held: what keeps the key valid
 * @uid: in the initial namespace
 * @under_way: calls under way that may move the counter
 * @unsure: beside them went one that could not be followed
 * @foreign: pages of others, as of the last moment without such a call
 * @remapped: pages of re-maps whose charge was inferred since then
 * @unmapped: pages of last unmaps whose uncharge was inferred since then
 * @unmapped_each: of each of them, 0 if they differ
 */
struct perfmlock_user {
	struct perfmlock_node node;
	struct perfmlock_books books;
	const void *held;
	uid_t uid;
	unsigned int under_way;
	bool unsure;
	long foreign;
	long remapped;
	long unmapped;
	long unmapped_each;
};

/**
 * struct perfmlock_mm - books of one mm
 * @node: key: the mm_struct
 * @books: its books
 * @rlimit: RLIMIT_MEMLOCK of its last call, in pages
 * @pid: thread group, in the initial namespace
 * @uid: of its last call
 * @comm: of its last call
 */
struct perfmlock_mm {
	struct perfmlock_node node;
	struct perfmlock_books books;
	unsigned long rlimit;
	pid_t pid;
	uid_t uid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct perfmlock_event - what is shown of an event
 * @config: of its attributes
 * @type: of its attributes
 * @cpu: -1 for any
 */
struct perfmlock_event {
	u64 config;
	u32 type;
	int cpu;
};

/*
 * Of two processes that map an event at the same time one makes the buffer,
 * but the other may return before it.
 */
enum perfmlock_pending {
	PERFMLOCK_BOOKED,
	PERFMLOCK_MAYBE_FIRST,
	PERFMLOCK_NOT_FIRST,
};

/**
 * struct perfmlock_buffer - a live buffer, or its AUX area
 * @node: key: the kernel's buffer
 * @user: who was charged
 * @mm: which mm was charged
 * @aux: the AUX area of data, the data of an AUX area, or NULL
 * @id: serial number
 * @event: that it was mapped through
 * @kernel_user: measured charge of the user now, re-maps included
 * @kernel_mm: measured charge of the mm now
 * @first_user: charge of the user at the first mapping
 * @first_mm: charge of the mm at the first mapping
 * @correct_user: right charge of the user
 * @correct_mm: right charge of the mm
 * @pages: of one mapping; below 2^31 by perf_mmap()
 * @maps: mappings that hold it; an AUX mapping also holds the data
 * @pgoff: of the mapping in the event's file: not 0 means AUX
 * @pid: who mapped it first
 * @sweep: last walk through all processes that met it
 * @kind: data or AUX
 * @adopted: the first mapping was not seen: no charges are known
 * @pending: the first mapping is still under way, or this may be it
 * @comm: of the first mapper
 */
struct perfmlock_buffer {
	struct perfmlock_node node;
	struct perfmlock_user *user;
	struct perfmlock_mm *mm;
	struct perfmlock_buffer *aux;
	u64 id;
	struct perfmlock_event event;
	long kernel_user;
	long kernel_mm;
	long first_user;
	long first_mm;
	long correct_user;
	long correct_mm;
	unsigned long pgoff;
	u32 pages;
	u32 maps;
	pid_t pid;
	u16 sweep;
	u8 kind;
	u8 adopted : 1;
	u8 pending : 2;
	char comm[TASK_COMM_LEN];
};

/**
 * struct perfmlock_actor - who makes a call
 * @user: key of its user
 * @cred: opaque to the ledger, for hold_user()
 * @uid: in the initial namespace
 * @pid: thread group, in the initial namespace
 * @comm: of the thread
 */
struct perfmlock_actor {
	const void *user;
	const void *cred;
	uid_t uid;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct perfmlock_call - a perf_mmap() or perf_mmap_close() under way
 * @task: who is in it
 * @event: through which event
 * @rb: the event's buffer at entry
 * @mm: whose mapping
 * @before: counters at entry; of a perf_mmap() the limits too
 * @start: first address of the mapping
 * @pgoff: of the mapping
 * @pages: of the mapping
 * @user: whose counter it may move; NULL: not known, anybody's
 * @taken: right pages of calls that ended since this one began
 * @freed: right pages given back by such calls
 * @frees: right pages that this call may give back
 * @began: the next buffer's id when it began
 * @open_rb: a close of it awaits this call's end
 * @displaced: the row that it closes, where @rb is another buffer's by now; an
 *	       error pointer: it is gone
 * @missed: what the probes had missed when it began
 * @maps: it is a perf_mmap()
 * @overlap: another call of the user was under way at the same time
 * @same_event: another perf_mmap() through the same event likewise
 *
 * Who begins a call fills in the members down to @pages.
 */
struct perfmlock_call {
	const void *task;
	const void *event;
	const void *rb;
	const void *mm;
	struct perfmlock_state before;
	unsigned long start;
	unsigned long pgoff;
	long pages;
	struct perfmlock_user *user;
	long taken;
	long freed;
	long frees;
	u64 began;
	const void *open_rb;
	struct perfmlock_buffer *displaced;
	unsigned long missed;
	bool maps;
	bool overlap;
	bool same_event;
};

/**
 * struct perfmlock_denial - a refusal, with all that decided it
 * @seq: serial number
 * @actor: who
 * @kind: data or AUX
 * @start: first address of the mapping
 * @pages: of the mapping
 * @state: the kernel's counters and limits
 * @charge: what the kernel made of them
 * @right_state: the counters of the correct books
 * @right: what the reference rule makes of them
 * @remedy: for this call
 * @all_cpus: for one such buffer on each CPU from this event's on
 * @cpus_left: how many those are; 0: the event has no CPU
 * @online_cpus: all of them
 */
struct perfmlock_denial {
	u64 seq;
	struct perfmlock_actor actor;
	enum perfmlock_kind kind;
	unsigned long start;
	long pages;
	struct perfmlock_state state;
	struct perfmlock_charge charge;
	struct perfmlock_state right_state;
	struct perfmlock_charge right;
	struct perfmlock_remedy remedy;
	struct perfmlock_remedy all_cpus;
	unsigned int cpus_left;
	unsigned int online_cpus;
};

/**
 * struct perfmlock_drifting - a step in which kernel and reference rule parted
 * @seq: serial number
 * @id: of the buffer; 0: none
 * @actor: who made the call
 * @owner_uid: user that was charged for the buffer
 * @owner_pid: process that was charged for the buffer
 * @step: which step
 * @kind: of which part
 * @pages: of the buffer
 * @kernel_user: change of U as measured
 * @kernel_mm: change of M as measured
 * @correct_user: change of U by the reference rule
 * @correct_mm: change of M by the reference rule
 * @cause: the mistake
 * @inherited: the mistake was an earlier one, that left the counter wrong
 */
struct perfmlock_drifting {
	u64 seq;
	u64 id;
	struct perfmlock_actor actor;
	uid_t owner_uid;
	pid_t owner_pid;
	enum perfmlock_step step;
	enum perfmlock_kind kind;
	long pages;
	long kernel_user;
	long kernel_mm;
	long correct_user;
	long correct_mm;
	enum perfmlock_cause cause;
	bool inherited;
};

/* What the ledger counts; reset forgets them. */
struct perfmlock_totals {
	unsigned long mmaps;		/* first mappings booked */
	unsigned long remaps;		/* further mappings booked */
	unsigned long opens;		/* mappings moved or split */
	unsigned long closes;		/* mappings closed */
	unsigned long failed;		/* mmap() failed otherwise */
	unsigned long denied;
	unsigned long wrongly_denied;
	unsigned long privileged;
	unsigned long other_eperm;	/* EPERM, but not of the accounting */
	unsigned long drifts;
	unsigned long overlaps;		/* calls whose U part was inferred */
	unsigned long disturbed;	/* likewise: foreign charges meanwhile */
	unsigned long pool_empty;	/* no memory ready: not booked */
	unsigned long calls_full;	/* too many calls under way */
	unsigned long unknown_closes;	/* of buffers never seen */
	unsigned long resynced;		/* count of mappings mended */
	unsigned long stale;		/* buffers whose end was not seen */
};

/**
 * struct perfmlock_ledger_ops - what the ledger asks of its owner
 * @caller: describe who makes the present call; any context, under the lock
 * @name: its thread group and its thread's comm alone; likewise
 * @event: describe a call's event; likewise
 * @limit: user_lock_limit of this moment; likewise
 * @exempt: is the caller privileged; likewise
 * @cpus_left: online CPUs from this one on; likewise
 * @hold_user: keep the actor's user valid; likewise; returns what drop_user()
 *	       shall get
 * @hold_mm: keep an mm's key valid; likewise
 * @user_gone: does nobody but us hold the user, by what hold_user() gave;
 *	       likewise
 * @mm_gone: has the mm exited; likewise
 * @drop_user: let go of it; process context
 * @drop_mm: let go of the key; process context
 * @low: memory is running low, perfmlock_ledger_fill() is wanted; any context
 */
struct perfmlock_ledger_ops {
	void (*caller)(struct perfmlock_actor *actor);
	void (*name)(pid_t *pid, char *comm);
	void (*event)(const void *event, struct perfmlock_event *of);
	unsigned long (*limit)(void);
	bool (*exempt)(void);
	unsigned int (*cpus_left)(int cpu);
	const void *(*hold_user)(const struct perfmlock_actor *actor);
	void (*hold_mm)(const void *mm);
	bool (*user_gone)(const void *user, const void *held);
	bool (*mm_gone)(const void *mm);
	void (*drop_user)(const void *held);
	void (*drop_mm)(const void *mm);
	void (*low)(void);
};

/**
 * struct perfmlock_habit - what a counter that others share does in a step
 * @usual: times that it did as the model says
 * @unusual: times that it did not
 */
struct perfmlock_habit {
	unsigned int usual;
	unsigned int unusual;
};

/**
 * struct perfmlock_ledger - all books
 * @lock: guards everything below; innermost, held for short, and never
 *	  taken from an interrupt
 * @ops: the owner's
 * @exclusive: U is moved by perf alone
 * @page_shift: of the kernel's pages
 * @users: books by user
 * @mms: books by mm
 * @buffers: live buffers
 * @next_id: of the next buffer
 * @sweep: number of the last walk
 * @walked: every buffer of before the load is known
 * @blind: calls were not seen: counts of mappings may be wrong
 * @adopted: live buffers whose first mapping was not seen
 * @nr_calls: room in @calls
 * @calls: calls under way
 * @active: a bit for each that is in use
 * @nr_active: how many those are
 * @nr_denials: ever
 * @denials: the last ones
 * @nr_drifts: ever
 * @drifts: the last ones
 * @totals: counts
 * @observed: undisturbed steps that every model explains
 * @agrees: further steps, by the model that explains them
 * @disagrees: steps that the model does not explain
 * @model: the one that explains this kernel best
 * @habit: whether U does as the model says, by step and kind
 */
struct perfmlock_ledger {
	raw_spinlock_t lock;
	const struct perfmlock_ledger_ops *ops;
	bool exclusive;
	unsigned int page_shift;
	struct perfmlock_store users;
	struct perfmlock_store mms;
	struct perfmlock_store buffers;
	u64 next_id;
	u16 sweep;
	bool walked;
	bool blind;
	unsigned int adopted;
	unsigned int nr_calls;
	struct perfmlock_call *calls;
	unsigned long *active;
	unsigned int nr_active;
	u64 nr_denials;
	struct perfmlock_denial *denials;
	u64 nr_drifts;
	struct perfmlock_drifting *drifts;
	struct perfmlock_totals totals;
	unsigned long observed;
	unsigned long agrees[PERFMLOCK_MAX_MODELS];
	unsigned long disagrees[PERFMLOCK_MAX_MODELS];
	unsigned int model;
	struct perfmlock_habit habit[PERFMLOCK_STEPS][PERFMLOCK_KINDS];
};

int perfmlock_ledger_init(struct perfmlock_ledger *ledger,
			  const struct perfmlock_ledger_ops *ops,
			  bool exclusive, unsigned int page_shift,
			  unsigned int nr_calls);
void perfmlock_ledger_destroy(struct perfmlock_ledger *ledger);
int perfmlock_ledger_fill(struct perfmlock_ledger *ledger);
bool perfmlock_ledger_reap(struct perfmlock_ledger *ledger);
void perfmlock_ledger_reset(struct perfmlock_ledger *ledger);

struct perfmlock_call *perfmlock_call_new(struct perfmlock_ledger *ledger);
void perfmlock_call_disturbed(struct perfmlock_ledger *ledger,
			      struct perfmlock_call *call);
bool perfmlock_map_begin(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *user);
void perfmlock_map_end(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call, int ret, const void *rb,
		       long user, long mm);
struct perfmlock_buffer *
perfmlock_close_buffer(struct perfmlock_ledger *ledger, const void *task,
		       const void *rb);
void perfmlock_close_begin(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call,
			   const struct perfmlock_buffer *data);
void perfmlock_close_end(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *rb, long user,
			 long mm);
void perfmlock_open(struct perfmlock_ledger *ledger, const void *rb,
		    unsigned long pgoff);

void perfmlock_sweep_begin(struct perfmlock_ledger *ledger);
bool perfmlock_sweep_meet(struct perfmlock_ledger *ledger,
			  const struct perfmlock_actor *actor, const void *mm,
			  const void *rb, unsigned long pgoff, u32 pages,
			  const struct perfmlock_event *event);
void perfmlock_sweep_end(struct perfmlock_ledger *ledger);

#endif /* PERFMLOCK_LEDGER_H */
