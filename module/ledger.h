/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The books: who holds which buffer, what the kernel charged for it, and what
 * was right. The ledger knows no kernel structure: users, mms and buffers are
 * opaque keys, counters are numbers that its callers read.
 */
#ifndef PERFMLOCK_LEDGER_H
#define PERFMLOCK_LEDGER_H

#include <linux/bits.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "charge.h"
#include "store.h"

/* Refusals and drifts that are remembered, each. */
#define PERFMLOCK_HISTORY	256

/* Rows that are looked at with the lock held once, where all are looked at. */
#define PERFMLOCK_BATCH		32

/**
 * struct perfmlock_counts - what reset forgets of a row
 * @epoch: of the ledger, when it was counted; of another one it counts nothing
 * @privileged: calls over the limit that only a privilege let pass
 * @denied: calls refused
 * @wrongly_denied: calls refused that the correct books would have admitted
 */
struct perfmlock_counts {
	unsigned int epoch;
	unsigned long privileged;
	unsigned long denied;
	unsigned long wrongly_denied;
};

/**
 * struct perfmlock_sums - what the buffers of a row come to, added up by an audit
 * @audit: number of that audit
 * @buffers: live ones
 * @on_user: measured charges of users
 * @on_mm: measured charges of mms
 * @correct: right charges of this row
 * @pages: of them
 */
struct perfmlock_sums {
	u32 audit;
	unsigned int buffers;
	long on_user;
	long on_mm;
	long correct;
	long pages;
};

/**
 * struct perfmlock_books - one page of the books
 * @kernel: pages the kernel was seen to charge, less those it took back
 * @correct: pages that the reference rule has charged now; never negative
 * @repaired: pages that repair has added to the counter, net; what was lent too
 * @lent: of them, those that closes under way will give back
 * @buffers: live buffers charged here
 * @cause: why @kernel and @correct parted last
 * @idle: on the ledger's list of rows without buffers; one that has some again
 *	  leaves it when it is looked at
 * @counts: what was counted
 * @sums: of the last audit
 */
struct perfmlock_books {
	long kernel;
	long correct;
	long repaired;
	long lent;
	unsigned int buffers;
	enum perfmlock_cause cause;
	struct list_head idle;
	struct perfmlock_counts counts;
	struct perfmlock_sums sums;
};

/**
 * struct perfmlock_proof - what is proven of a U that is perf's alone
 * @buffers: pages that are right there for its live buffers that are not adopted
 * @others: pages that were there before, for others, or for whom is not known
 * @company: pages of calls of the user that did not go alone, and of buffers that ended
 *	     in one of anybody's: they may be there, for a buffer that is not proven
 * @known: @others is
 * @since: the ledger's @unseen when it became so
 * @misses: the ledger's @misses then
 * @strange: the ledger's @strange then
 * @spoiled: what was found to be wrong may be so no more
 * @found: pages that were found to be wrong when something was certain last
 *
 * See proof.c.
 */
struct perfmlock_proof {
	struct perfmlock_bounds buffers;
	struct perfmlock_bounds others;
	long company;
	bool known;
	bool spoiled;
	unsigned int since;
	unsigned int misses;
	long strange;
	long found;
};

/**
 * struct perfmlock_user - books of one user_struct
 * @node: key: the user_struct
 * @books: its books
 * @held: what keeps the key valid
 * @uid: in the initial namespace
 * @under_way: calls under way that may move the counter; and pending buffers
 * @begun: such calls, ever
 * @foreign: pages of others, as of the last moment without such a call
 * @sure_at: the ledger's @unseen then: where it has risen since, a call went by
 *	     unseen that may have moved the counter
 * @remapped: pages of re-maps since then whose charge was inferred
 * @unmapped: pages of last unmaps since then, beside rivals, whose uncharge was
 *	      inferred, of one size
 * @unmapped_each: that size
 * @unmapped_other: pages of those of other sizes
 * @taken: right pages that calls have taken, ever
 * @freed: right pages that calls have given back, ever
 * @mapping: pages of the perf_mmap()s under way, and of what may be charged already
 *	     for a pending buffer
 * @closing: right pages that the closes under way may give back
 * @user_pages: measured charges of it now for its live buffers: what @books.kernel
 *		has beyond that no buffer accounts for
 * @mm_pages: measured charges of mms now for its live buffers
 * @asked: of perfmlock_holders_look()
 * @settled: the next buffer's id when @books.kernel was last put right
 * @proof: what of the counter is proven
 * @busy: a process of it was busy until the end of walk @busy_at, the last one:
 *	  a call of it that was missed may be under way still
 * @busy_at: see @busy
 * @model: index of the one that explains the user's own steps best, where others
 *	   share the counter; PERFMLOCK_NR_MODELS: they have told nothing
 * @rules: those that explain them about as well, a bit each
 * @against: by model, how many more such steps @model explains; 255 is the most
 */
struct perfmlock_user {
	struct perfmlock_node node;
	struct perfmlock_books books;
	const void *held;
	uid_t uid;
	unsigned int under_way;
	unsigned long begun;
	long foreign;
	unsigned int sure_at;
	long remapped;
	long unmapped;
	long unmapped_each;
	long unmapped_other;
	long taken;
	long freed;
	long mapping;
	long closing;
	long user_pages;
	long mm_pages;
	u16 asked;
	u64 settled;
	struct perfmlock_proof proof;
	bool busy;
	u32 busy_at;
	u8 model;
	u32 rules;
	u8 against[PERFMLOCK_NR_MODELS];
};

/**
 * struct perfmlock_mm - books of one mm
 * @node: key: the mm_struct
 * @books: its books
 * @rlimit: RLIMIT_MEMLOCK of its last call, in pages
 * @pid: thread group, in the initial namespace
 * @uid: of its last call
 * @held: pages of its buffers that are not adopted
 * @adopted: pages of those that are
 * @payer: who was charged for the first of them
 * @stays: as of struct perfmlock_holding; until it has none
 * @proven: pages that are on the counter for its live buffers, at least
 * @too_much: of them, those that are not right there
 * @left_behind: pages that are there for buffers that are gone, their uncharge having
 *		 been another mm's
 * @missing: pages that are not there and should be: they were uncharged for buffers
 *	     that were charged to others
 * @claimed: last walk that met a mapping of perf's in it
 * @claimed_by: the process, of those that share it, that looked through it then
 * @visited: last walk that looked through all of its mappings, no close of
 *	     which can be under way
 * @comm: of its last call
 */
struct perfmlock_mm {
	struct perfmlock_node node;
	struct perfmlock_books books;
	unsigned long rlimit;
	pid_t pid;
	uid_t uid;
	long held;
	long adopted;
	const struct perfmlock_user *payer;
	bool stays;
	long proven;
	long too_much;
	long left_behind;
	long missing;
	u32 claimed;
	pid_t claimed_by;
	u32 visited;
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

/**
 * struct perfmlock_nature - what decides whether an event can be mapped at all
 * @inherits: so do its children
 * @has_aux: its PMU can fill an AUX area
 */
struct perfmlock_nature {
	bool inherits;
	bool has_aux;
};

/**
 * enum perfmlock_pending - who made a buffer, if who returned with it need not have
 * @PERFMLOCK_BOOKED: that is known, or nobody else can have
 * @PERFMLOCK_MAYBE_FIRST: he, or one that has not returned
 * @PERFMLOCK_NOT_FIRST: one that has not returned
 * @PERFMLOCK_UNSEEN_FIRST: one that has not returned, or that is told of no more, or he
 *
 * Of two processes that map an event at the same time one makes the buffer,
 * but the other may return before it.
 */
enum perfmlock_pending {
	PERFMLOCK_BOOKED,
	PERFMLOCK_MAYBE_FIRST,
	PERFMLOCK_NOT_FIRST,
	PERFMLOCK_UNSEEN_FIRST,
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
 * @met: of who was not @touched: mappings of it that the last walk met which met it
 * @sweep: that walk, or the last one during which a call touched it
 * @closing: closes of it that are under way
 * @kind: data or AUX
 * @adopted: the first mapping was not seen: no charges are known
 * @pending: the first mapping is still under way, or this may be it
 * @charged: of what is pending: its user has it as one who was charged, for making
 *	     it or for a re-map
 * @still: of what is pending: the U of its user stood still, nothing was charged
 * @guessed: how the kernel divided it was not measured; its last unmap may tell
 * @touched: a call has changed @maps during this walk
 * @shared: of data: it or its AUX area was mapped by another mm too
 * @split: of data: a mapping was split, and has a part of the pages
 * @inferred: how many mappings it has, or that it has ended, was inferred
 * @ended: it is gone, and the row is left to the closes that are under way
 * @proven: what its first mapping did to U is proven: @first_user; and no call that
 *	    touched it since had another beside it, or may have gone by unseen
 * @on_both: all of it is on U, and @first_mm on M as well, which is proven
 * @unclear: all of it is on U, and how much on M as well is not known
 * @by_rule: of what is proven, @correct_user is right on U; else all of it is
 * @left: an event has let go of it, though others are thought to map it: a walk is
 *	  to tell
 * @disturbs: one of these can be the last, and whom the kernel uncharges then is
 *	      not known
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
	u32 met;
	u16 sweep;
	u16 closing;
	u8 kind;
	u8 adopted : 1;
	u8 pending : 2;
	u8 charged : 1;
	u8 still : 1;
	u8 guessed : 1;
	u8 touched : 1;
	u8 ended : 1;
	u8 shared : 1;
	u8 split : 1;
	u8 inferred : 1;
	u8 disturbs : 1;
	u8 left : 1;
	u8 proven : 1;
	u8 by_rule : 1;
	u8 on_both : 1;
	u8 unclear : 1;
	char comm[TASK_COMM_LEN];
};

/**
 * struct perfmlock_actor - who makes a call
 * @user: key of its user
 * @cred: opaque to the ledger, for hold_user()
 * @uid: in the initial namespace
 * @group: who answers for it: one that may have many uids, those of a user
 *	   namespace of its own, has one group
 * @pid: thread group, in the initial namespace
 * @comm: of the thread
 */
struct perfmlock_actor {
	const void *user;
	const void *cred;
	uid_t uid;
	u64 group;
	pid_t pid;
	char comm[TASK_COMM_LEN];
};

/**
 * struct perfmlock_call - a perf_mmap() or perf_mmap_close() under way
 * @by_event: beside others of its event
 * @next_free: while not in use, instead
 * @task: who is in it
 * @event: through which event
 * @rb: the event's buffer at entry
 * @mm: whose mapping
 * @before: counters at entry; of a perf_mmap() the limits too
 * @start: first address of the mapping
 * @pgoff: of the mapping
 * @pages: of the mapping
 * @event_maps: of a close: mappings through the event, as the kernel counts them
 * @user: whose counter it may move; NULL: not known, anybody's
 * @data: the buffer that it closes; NULL: not known
 * @area: the AUX area of that, by its id; 0: there is none, or it is not meant
 * @also: who was charged for that, if it is not @user: his counter may move as well
 * @begun: the user's @begun with it
 * @taken: the user's @taken when it began
 * @freed: likewise
 * @frees: right pages that this call may give back
 * @repaired_user: pages of repair's on U at entry
 * @repaired_mm: likewise on M
 * @ended: the ledger's @ended when it began
 * @owed: of a close: by kind of part, what of it its @mm has given back for @of
 * @lent_user: pages that U was lent for it
 * @lent_mm: likewise M
 * @unseen: the ledger's @unseen when it began
 * @began: the next buffer's id when it began
 * @open_rb: what becomes of this buffer after a close is told by this call's end
 * @mover: who can have moved the user's counter; known when it ends
 * @maps: it is a perf_mmap()
 * @beside: it began beside another call of the user
 * @same_event: both are perf_mmap()s of one event, it and another beside it
 * @rival: another call of any kind through the same event went beside it
 * @left: it has returned, and could not be ended
 * @private: it has failed, and was to be no shared mapping
 * @left_rb: the event's buffer then
 *
 * Who begins a call fills in the members from @task to @event_maps.
 */
struct perfmlock_call {
	union {
		struct hlist_node by_event;
		struct perfmlock_call *next_free;
	};
	const void *task;
	const void *event;
	const void *rb;
	const void *mm;
	struct perfmlock_state before;
	unsigned long start;
	unsigned long pgoff;
	long pages;
	unsigned int event_maps;
	struct perfmlock_user *user;
	struct perfmlock_buffer *data;
	u64 area;
	struct perfmlock_user *also;
	unsigned long begun;
	long taken;
	long freed;
	long frees;
	long repaired_user;
	long repaired_mm;
	unsigned long ended;
	struct {
		struct perfmlock_mm *of;
		long pages;
	} owed[PERFMLOCK_KINDS];
	long lent_user;
	long lent_mm;
	unsigned int unseen;
	u64 began;
	const void *open_rb;
	enum perfmlock_mover mover;
	bool maps;
	bool beside;
	bool same_event;
	bool rival;
	bool left;
	bool private;
	const void *left_rb;
};

/**
 * struct perfmlock_past - about one place of a history
 * @seq: serial number of the last of equal ones; 0: the place is free
 * @born: of the first of them
 * @times: how many equal ones there were
 * @told: as of perfmlock_history_untold()
 * @key: hash of what makes them equal
 * @room: in whose room it is
 */
struct perfmlock_past {
	u64 seq;
	u64 born;
	u64 times;
	u64 told;
	u32 key;
	u32 room;
};

/**
 * struct perfmlock_room - what one group of users has of a history
 * @group: as of struct perfmlock_actor
 * @places: taken by it; 0: the room is nobody's
 */
struct perfmlock_room {
	u64 group;
	unsigned int places;
};

/**
 * struct perfmlock_history - the last refusals, or the last drifts
 * @nr: ever
 * @entries: PERFMLOCK_HISTORY of them
 * @size: of one, in bytes
 * @past: about each
 * @rooms: no more groups than places
 *
 * Equal ones are counted in one place. Where no place is free, the group that
 * has most loses its oldest: no user alone can push out another's.
 */
struct perfmlock_history {
	u64 nr;
	void *entries;
	size_t size;
	struct perfmlock_past past[PERFMLOCK_HISTORY];
	struct perfmlock_room rooms[PERFMLOCK_HISTORY];
};

/**
 * struct perfmlock_reading - of a history by one reader
 * @begun: it has; else all below is of no account
 * @last: serial number of the newest then
 * @epoch: the ledger's then
 * @shown: places that were read
 */
struct perfmlock_reading {
	bool begun;
	u64 last;
	unsigned int epoch;
	DECLARE_BITMAP(shown, PERFMLOCK_HISTORY);
};

/**
 * struct perfmlock_scene - what else is told of who makes a call
 * @time: wall clock, in ns since 1970
 * @cgroup: id of its cgroup in the unified hierarchy, as BPF tools have it; 0: none
 * @userns: inode number of its user namespace; 0: the initial one
 * @euid: its effective uid, in the initial namespace
 */
struct perfmlock_scene {
	u64 time;
	u64 cgroup;
	unsigned int userns;
	uid_t euid;
};

/* The processes that are named of those that hold a user's pages. */
#define PERFMLOCK_HOLDERS	3

/**
 * struct perfmlock_holder - a process that holds some of a user's pages
 * @pages: charged to the user for its live buffers
 * @pid: thread group, in the initial namespace; 0: no more of them
 * @state: of the process then, a letter as of ps; 0: it was gone
 * @comm: of its last call
 */
struct perfmlock_holder {
	long pages;
	pid_t pid;
	char state;
	char comm[TASK_COMM_LEN];
};

/* Pages of which it is not known that there are any. */
#define PERFMLOCK_PAGES_UNKNOWN	LONG_MIN

/**
 * struct perfmlock_denial - a refusal, with all that decided it
 * @actor: who
 * @scene: and when, and as what
 * @event: of which event
 * @kind: data or AUX
 * @start: first address of the mapping
 * @pages: of the mapping
 * @online_cpus: all of them
 * @state: the kernel's counters and limits
 * @model: by which rule it was refused
 * @charge: what that made of them
 * @held: pages that the process held
 * @orphaned: pages that the kernel had charged to the user and that no live buffer
 *	      accounts for; or PERFMLOCK_PAGES_UNKNOWN
 * @foreign: pages on the user that are not the kernel's for buffers whose first
 *	     mapping was seen, when no call of the user's was under way last; or likewise
 * @looked: @holders are known; by perfmlock_holders_look()
 * @holders: the largest of the user, soon after it
 * @restarted: the counters that it would find if it was started anew
 * @right_state: the counters of the correct books
 * @right: what the reference rule makes of them
 */
struct perfmlock_denial {
	struct perfmlock_actor actor;
	struct perfmlock_scene scene;
	struct perfmlock_event event;
	enum perfmlock_kind kind;
	unsigned long start;
	long pages;
	unsigned int online_cpus;
	struct perfmlock_state state;
	const struct perfmlock_model *model;
	struct perfmlock_charge charge;
	long held;
	long orphaned;
	long foreign;
	bool looked;
	struct perfmlock_holder holders[PERFMLOCK_HOLDERS];
	struct perfmlock_state restarted;
	struct perfmlock_state right_state;
	struct perfmlock_charge right;
};

/* Why perf_mmap() failed, where the accounting did not do it. */
enum perfmlock_why {
	PERFMLOCK_WHY_UNKNOWN,
	PERFMLOCK_WHY_INHERIT,
	PERFMLOCK_WHY_PRIVATE,
	PERFMLOCK_WHY_SIZE,
	PERFMLOCK_WHY_OTHER_SIZE,
	PERFMLOCK_WHY_NO_DATA,
	PERFMLOCK_WHY_AUX_PLACE,
	PERFMLOCK_WHY_AUX_ELSEWHERE,
	PERFMLOCK_WHY_NO_AUX,
	PERFMLOCK_WHY_TOO_LARGE,
	PERFMLOCK_WHY_NO_MEMORY,
	PERFMLOCK_WHY_NO_MEMORY_OR_PMU,
	PERFMLOCK_WHY_REDIRECTED,
	PERFMLOCK_WHY_SPLIT,
	PERFMLOCK_WHY_SECURITY,
	PERFMLOCK_WHY_REVOKED,
	PERFMLOCK_NR_WHYS
};

/**
 * struct perfmlock_failure - a perf_mmap() that failed, or a split that was refused
 * @actor: who
 * @scene: and when, and as what
 * @event: of which event
 * @kind: data or AUX
 * @pages: of the mapping
 * @error: a positive errno
 * @why: where it can be known
 */
struct perfmlock_failure {
	struct perfmlock_actor actor;
	struct perfmlock_scene scene;
	struct perfmlock_event event;
	enum perfmlock_kind kind;
	long pages;
	int error;
	enum perfmlock_why why;
};

/**
 * struct perfmlock_drifting - a step in which kernel and reference rule parted
 * @actor: who made the call
 * @scene: and when, and as what
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
 * @id: of the buffer; 0: none
 */
struct perfmlock_drifting {
	struct perfmlock_actor actor;
	struct perfmlock_scene scene;
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
	u64 id;
};

/**
 * struct perfmlock_step_note - a charge or an uncharge that was booked
 * @step: which step
 * @kind: of which part
 * @measured: the kernel's part is as measured; else other calls went beside it
 * @id: of the buffer
 * @uid: whose U
 * @pid: whose M
 * @owner_uid: who was charged for the buffer
 * @owner_pid: likewise
 * @cpu: of the event
 * @start: first address of the mapping; 0: another call's end has told
 * @pages: of the mapping
 * @state: the counters before; of a charge the limits too
 * @model: by which rule the kernel makes its sum
 * @kernel_user: change of U
 * @kernel_mm: change of M
 * @correct_user: change of U by the reference rule
 * @correct_mm: change of M by the reference rule
 */
struct perfmlock_step_note {
	enum perfmlock_step step;
	enum perfmlock_kind kind;
	bool measured;
	u64 id;
	uid_t uid;
	pid_t pid;
	uid_t owner_uid;
	pid_t owner_pid;
	int cpu;
	unsigned long start;
	long pages;
	struct perfmlock_state state;
	const struct perfmlock_model *model;
	long kernel_user;
	long kernel_mm;
	long correct_user;
	long correct_mm;
};

/**
 * struct perfmlock_repair_note - a counter that was repaired, or put back
 * @uid: whose U; of an mm, of its last call
 * @pid: whose M; 0: it was a user's
 * @pages: that were added; below zero: taken
 * @repaired: what there is of such now
 */
struct perfmlock_repair_note {
	uid_t uid;
	pid_t pid;
	long pages;
	long repaired;
};

/* A close of an AUX area and of its data; and what it has told of two calls beside it. */
#define PERFMLOCK_STEP_NOTES	4
#define PERFMLOCK_DRIFT_NOTES	4

/**
 * struct perfmlock_notes - what the end of a call has told, for trace events
 * @nr_steps: of @steps
 * @nr_drifts: of @drifts
 * @nr_repairs: of @repairs
 * @denied: there is a @denial
 * @seq: its serial number
 * @steps: charges and uncharges
 * @drifts: where they parted from what is right
 * @denial: refusal
 * @repairs: counters that were repaired, of a batch of rows at most
 *
 * Noted under the lock, told after it.
 */
struct perfmlock_notes {
	unsigned int nr_steps;
	unsigned int nr_drifts;
	unsigned int nr_repairs;
	bool denied;
	u64 seq;
	struct perfmlock_step_note steps[PERFMLOCK_STEP_NOTES];
	struct perfmlock_drifting drifts[PERFMLOCK_DRIFT_NOTES];
	struct perfmlock_denial denial;
	struct perfmlock_repair_note repairs[PERFMLOCK_BATCH];
};

/* What an audit finds that should not be. */
enum perfmlock_finding_kind {
	PERFMLOCK_FOUND_MISSING,	/* mapped, and not in the books */
	PERFMLOCK_FOUND_ENDED,		/* in the books, and mapped by nobody */
	PERFMLOCK_FOUND_PAGES,		/* mapped in another size */
	PERFMLOCK_FOUND_MAPS,		/* mapped as often as the books do not say */
	PERFMLOCK_FOUND_SUM,		/* a row is not the sum of its buffers */
	PERFMLOCK_FOUND_COUNTER,	/* a counter is not what the books make of it */
	PERFMLOCK_NR_FINDINGS
};

/**
 * struct perfmlock_finding - one of them
 * @kind: which
 * @of: of what, in a word
 * @id: of the buffer; 0: it is a row
 * @uid: whose row; of a buffer, who was charged
 * @pid: likewise; 0: the row is a user's
 * @books: what the books say
 * @found: what is
 */
struct perfmlock_finding {
	enum perfmlock_finding_kind kind;
	const char *of;
	u64 id;
	uid_t uid;
	pid_t pid;
	long books;
	long found;
};

#define PERFMLOCK_FINDINGS	64

/**
 * struct perfmlock_audit - the books held against what is
 * @processes: that the walk met
 * @busy: those of them that could not be looked at
 * @mappings: of perf's that were met
 * @buffers: rows that were compared
 * @calls: that ended meanwhile
 * @skipped: buffers that were not compared: who may map them could not be looked at,
 *	     or calls were missed meanwhile
 * @moved: buffers and rows of which nothing can be said, as calls moved them
 * @counters: live counters that were compared
 * @unknown: and that could not be: calls went by unseen, and none of the user since
 * @underflown: live counters below 0, which is the kernel's mistake and not the books'
 * @orphaned: pages on users that no live buffer accounts for: the kernel's mistake
 * @counts: findings by kind
 * @nr: of @findings
 * @findings: the first ones
 */
struct perfmlock_audit {
	unsigned int processes;
	unsigned int busy;
	unsigned long mappings;
	unsigned long buffers;
	unsigned long calls;
	unsigned long skipped;
	unsigned long moved;
	unsigned long counters;
	unsigned long unknown;
	unsigned long underflown;
	long orphaned;
	unsigned long counts[PERFMLOCK_NR_FINDINGS];
	unsigned int nr;
	struct perfmlock_finding findings[PERFMLOCK_FINDINGS];
};

/* What the ledger counts; reset forgets them. */
struct perfmlock_totals {
	unsigned long mmaps;		/* first mappings booked */
	unsigned long remaps;		/* further mappings booked */
	unsigned long opens;		/* mappings moved or split */
	unsigned long closes;		/* mappings closed */
	unsigned long failed;		/* mmap() failed otherwise */
	unsigned long splits_refused;	/* of mappings, before any of it */
	unsigned long denied;
	unsigned long wrongly_denied;
	unsigned long privileged;
	unsigned long other_eperm;	/* EPERM, but not of the accounting */
	unsigned long drifts;
	unsigned long causes[PERFMLOCK_NR_CAUSES]; /* of the drifts */
	unsigned long overlaps;		/* calls beside others of the user */
	unsigned long disturbed;	/* others moved U or M meanwhile */
	unsigned long settled;		/* totals of U put right afterwards */
	unsigned long either_way;	/* right by a limit that is not known */
	unsigned long pool_empty;	/* no memory ready: not booked */
	unsigned long calls_full;	/* too many calls under way */
	unsigned long unknown_closes;	/* of buffers never seen */
	unsigned long resynced;		/* count of mappings mended */
	unsigned long stale;		/* buffers whose end was not seen */
	unsigned long untraced;		/* notes for which there was no room */
	unsigned long repairs;		/* counters moved by repair, lent pages too */
	unsigned long repairs_refused;	/* not moved: they would be below zero */
	unsigned long unproven_pages;	/* left to others by repair, as not certain */
};

/**
 * struct perfmlock_ledger_ops - what the ledger asks of its owner
 * @caller: describe who makes the present call; any context, under the lock
 * @name: its thread group and its thread's comm alone; likewise
 * @scene: describe when and as what it makes it; likewise
 * @event: describe a call's event; likewise
 * @nature: what decides whether an event can be mapped; likewise
 * @limit: user_lock_limit of this moment; likewise
 * @limit_is_exact: is it the kernel's own, and not what was read from elsewhere
 *		    some time ago; likewise
 * @rlimit: the caller's RLIMIT_MEMLOCK, in pages; likewise
 * @exempt: does the check let the caller pass whatever the sums; likewise
 * @capable: has it CAP_IPC_LOCK; likewise
 * @online_cpus: that the limit counts; likewise
 * @hold_user: keep the actor's user valid; likewise; returns what drop_user()
 *	       shall get
 * @hold_mm: keep an mm's key valid; likewise
 * @user_gone: does nobody but us hold the user, by what hold_user() gave;
 *	       likewise
 * @mm_closed: has the mm no users any more, and are all of its mappings closed;
 *	       likewise
 * @missed: are there calls that no probe saw and of which nobody was told; any context,
 *	    under the lock, after the counters were read
 * @read_user: U of a key; any context, under the lock
 * @read_mm: M of a key; likewise
 * @add_user: add pages to U of a key, or take them; unless @always not if U would be
 *	      below zero: then it returns false; likewise
 * @add_mm: as @add_user, to M; NULL: nobody but who holds its mm's lock may
 * @drop_user: let go of it; process context
 * @drop_mm: let go of the key; process context
 * @idle: a row has no buffers (any more): perfmlock_ledger_reap() is wanted some
 *	  time soon; likewise
 * @low: memory is running low, perfmlock_ledger_fill() is wanted; any context
 * @unseen: something was not seen: a walk is wanted; likewise
 * @told: there is a new refusal, or a drift of a cause that there was none of
 *	  since the reset; likewise
 */
struct perfmlock_ledger_ops {
	void (*caller)(struct perfmlock_actor *actor);
	void (*name)(pid_t *pid, char *comm);
	void (*scene)(struct perfmlock_scene *scene);
	void (*event)(const void *event, struct perfmlock_event *of);
	void (*nature)(const void *event, struct perfmlock_nature *of);
	unsigned long (*limit)(void);
	bool (*limit_is_exact)(void);
	unsigned long (*rlimit)(void);
	bool (*exempt)(void);
	bool (*capable)(void);
	unsigned int (*online_cpus)(void);
	const void *(*hold_user)(const struct perfmlock_actor *actor);
	void (*hold_mm)(const void *mm);
	bool (*user_gone)(const void *user, const void *held);
	bool (*mm_closed)(const void *mm);
	bool (*missed)(void);
	long (*read_user)(const void *user);
	long (*read_mm)(const void *mm);
	bool (*add_user)(const void *user, long pages, bool always);
	bool (*add_mm)(const void *mm, long pages, bool always);
	void (*drop_user)(const void *held);
	void (*drop_mm)(const void *mm);
	void (*idle)(void);
	void (*low)(void);
	void (*unseen)(void);
	void (*told)(void);
};

/* Buckets of the calls under way, by event. */
#define PERFMLOCK_CALL_BITS	6

/**
 * struct perfmlock_ledger - all books
 * @lock: guards everything below; innermost, held for short whatever the number
 *	  of rows, and only by perfmlock_lock()
 * @ops: the owner's
 * @exclusive: U is moved by perf alone
 * @no_splits: this kernel lets no mapping be split: all of one have its size
 * @page_shift: of the kernel's pages
 * @users: books by user
 * @mms: books by mm
 * @buffers: live buffers
 * @idle_users: users' books without buffers
 * @idle_mms: mms' books without buffers
 * @next_id: of the next buffer
 * @epoch: of what reset forgets
 * @sweep: number of the last walk
 * @swept_from: the next buffer's id when it began
 * @repair: counters are kept right
 * @repairing: they are, or not all that was repaired is undone
 * @walking: a walk is under way
 * @walked: every buffer of before the load is known
 * @careful: calls were not seen, and may be under way
 * @unsettled: buffers may be listed that have ended unseen, or with a wrong count
 *	       of mappings
 * @unseen: rises when a call went by unseen, or whose user was not known
 * @misses: rises with the former alone
 * @misses_before: @misses when the last walk began
 * @doubts: rises when a walk is wanted for something else than a missed call
 * @doubts_before: likewise
 * @busy: somebody was busy until the end of the last walk
 * @unknown: adopted buffers a close of which may be the last, and closes of what is
 *	     in no row: whom the kernel uncharges for them is not known
 * @adopted: live buffers whose first mapping was not seen
 * @strange: pages of such buffers, of all that ever were
 * @unsized: live data of which only the AUX area was met
 * @unclamped: a kernel that charges all to U was seen to charge M for all that the
 *	       user has over the limit
 * @nr_unproven: buffers that are neither proven nor adopted
 * @alone: the call that ends has had no other beside it, of anybody
 * @nr_calls: room in @calls
 * @nr_active: calls under way
 * @calls: calls
 * @free_call: those that are not under way
 * @by_event: those that are
 * @denials: the last ones
 * @failures: the last ones
 * @drifts: the last ones
 * @notes: what the call that ends now tells is wanted here; or NULL
 * @audit: what the walk under way finds is wanted here; or NULL
 * @nr_audits: so far
 * @ended: calls that have ended, ever
 * @totals: counts
 * @observed: undisturbed steps that every model explains
 * @judged: further steps
 * @disagrees: those of them that the model does not explain
 * @model: the one that explains this kernel best
 * @taught: where others share the counter: root's steps have told it, and others'
 *	    count no more: they can make theirs look like any rule's
 */
struct perfmlock_ledger {
	raw_spinlock_t lock;
	const struct perfmlock_ledger_ops *ops;
	bool exclusive;
	bool no_splits;
	unsigned int page_shift;
	struct perfmlock_store users;
	struct perfmlock_store mms;
	struct perfmlock_store buffers;
	struct list_head idle_users;
	struct list_head idle_mms;
	u64 next_id;
	unsigned int epoch;
	u32 sweep;
	u64 swept_from;
	bool repair;
	bool repairing;
	bool walking;
	bool walked;
	bool careful;
	bool unsettled;
	unsigned int unseen;
	unsigned int misses;
	unsigned int misses_before;
	unsigned int doubts;
	unsigned int doubts_before;
	bool busy;
	unsigned int unknown;
	unsigned int adopted;
	long strange;
	unsigned int unsized;
	bool unclamped;
	unsigned int nr_unproven;
	bool alone;
	unsigned int nr_calls;
	unsigned int nr_active;
	struct perfmlock_call *calls;
	struct perfmlock_call *free_call;
	struct hlist_head by_event[BIT(PERFMLOCK_CALL_BITS)];
	struct perfmlock_history denials;
	struct perfmlock_history failures;
	struct perfmlock_history drifts;
	struct perfmlock_notes *notes;
	struct perfmlock_audit *audit;
	u32 nr_audits;
	unsigned long ended;
	struct perfmlock_totals totals;
	unsigned long observed;
	unsigned long judged;
	unsigned long disagrees[PERFMLOCK_NR_MODELS];
	unsigned int model;
	bool taught;
};

/**
 * perfmlock_lock() - take the ledger's lock
 * @ledger: the ledger
 * @flags: for perfmlock_unlock()
 *
 * Context: any; interrupts are off until perfmlock_unlock().
 */
#define perfmlock_lock(ledger, flags)					\
	perfmlock_raw_lock(&(ledger)->lock, flags)
#define perfmlock_trylock(ledger, flags)				\
	perfmlock_raw_trylock(&(ledger)->lock, flags)

#define perfmlock_unlock(ledger, flags)					\
	perfmlock_raw_unlock(&(ledger)->lock, flags)

/* Whose mappings a walk has met; bits. */
enum perfmlock_met {
	PERFMLOCK_MET_SOME = 0,
	PERFMLOCK_MET_ALL = BIT(0),
	/* perfmlock_sweep_busy() has told of all others */
	PERFMLOCK_MARKED = BIT(1),
};

int perfmlock_ledger_init(struct perfmlock_ledger *ledger,
			  const struct perfmlock_ledger_ops *ops,
			  bool exclusive, unsigned int page_shift,
			  unsigned int nr_calls);
void perfmlock_ledger_destroy(struct perfmlock_ledger *ledger);
int perfmlock_ledger_fill(struct perfmlock_ledger *ledger);
bool perfmlock_ledger_reap(struct perfmlock_ledger *ledger);
void perfmlock_ledger_reset(struct perfmlock_ledger *ledger);
void perfmlock_unseen(struct perfmlock_ledger *ledger);
void perfmlock_for_batches(struct perfmlock_ledger *ledger,
			   struct perfmlock_store *store,
			   void (*look)(struct perfmlock_ledger *ledger,
					void *record, void *arg),
			   void (*between)(void *arg), void *arg);

struct perfmlock_call *perfmlock_call_new(struct perfmlock_ledger *ledger);
void perfmlock_end_left(struct perfmlock_ledger *ledger);
bool perfmlock_map_begin(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *user);
void perfmlock_map_end(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call, int ret, const void *rb,
		       long user, long mm);
struct perfmlock_buffer *
perfmlock_close_buffer(struct perfmlock_ledger *ledger, const void *task,
		       const void *event, const void *rb, unsigned long pgoff,
		       u32 pages);
void perfmlock_close_begin(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call,
			   struct perfmlock_buffer *data);
void perfmlock_close_end(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *rb, long user,
			 long mm);
void perfmlock_split_refused(struct perfmlock_ledger *ledger,
			     const void *event, unsigned long pgoff, long pages);
void perfmlock_open(struct perfmlock_ledger *ledger, const void *rb,
		    unsigned long pgoff, u32 pages, const void *mm);

void perfmlock_sweep_begin(struct perfmlock_ledger *ledger);
bool perfmlock_sweep_meet(struct perfmlock_ledger *ledger,
			  const struct perfmlock_actor *actor, const void *mm,
			  const void *rb, unsigned long pgoff, u32 pages,
			  const struct perfmlock_event *event);
bool perfmlock_sweep_knows(struct perfmlock_ledger *ledger, const void *mm);
bool perfmlock_sweep_claim(struct perfmlock_ledger *ledger,
			   const struct perfmlock_actor *actor, const void *mm,
			   bool *taken);
void perfmlock_sweep_busy(struct perfmlock_ledger *ledger, const void *user);
void perfmlock_sweep_visited(struct perfmlock_ledger *ledger, const void *mm);
bool perfmlock_sweep_end(struct perfmlock_ledger *ledger, unsigned int met);
void perfmlock_sweep_doubt(struct perfmlock_ledger *ledger);
void perfmlock_sweep_dead(struct perfmlock_ledger *ledger);

void perfmlock_audit_begin(struct perfmlock_ledger *ledger,
			   struct perfmlock_audit *audit);
void perfmlock_audit_end(struct perfmlock_ledger *ledger);

bool perfmlock_is_settled(const struct perfmlock_ledger *ledger);

void perfmlock_repair_all(struct perfmlock_ledger *ledger,
			  struct perfmlock_notes *notes,
			  void (*tell_all)(const struct perfmlock_notes *notes));
void perfmlock_repair_switch(struct perfmlock_ledger *ledger, bool on,
			     struct perfmlock_notes *notes,
			     void (*tell_all)(const struct perfmlock_notes *notes));

bool perfmlock_holders_look(struct perfmlock_ledger *ledger, u64 *seq,
			    char (*state)(pid_t pid, const void *mm));

void *perfmlock_history_at(const struct perfmlock_history *history,
			   unsigned int place, u64 *seq);
bool perfmlock_history_read(const struct perfmlock_history *history,
			    unsigned int epoch,
			    struct perfmlock_reading *reading, u64 *seq,
			    void *entry, u64 *times);
u64 perfmlock_history_untold(struct perfmlock_history *history, u64 seq);
bool perfmlock_history_next(const struct perfmlock_history *history, u64 *seq,
			    void *entry, u64 *times);

/**
 * perfmlock_for_all() - as perfmlock_for_batches(), without a rest
 * @ledger: the ledger
 * @store: one of its stores
 * @look: what is done with a record, under the lock
 * @arg: for it
 *
 * Context: process, may sleep; takes the lock.
 */
static inline void perfmlock_for_all(struct perfmlock_ledger *ledger,
				     struct perfmlock_store *store,
				     void (*look)(struct perfmlock_ledger *ledger,
						  void *record, void *arg),
				     void *arg)
{
	perfmlock_for_batches(ledger, store, look, NULL, arg);
}

/**
 * perfmlock_on_counter() - what of a live counter is not foreign
 * @books: of it
 *
 * Context: any; the lock is held.
 *
 * Return: pages: the kernel's charges, and what repair has added.
 */
static inline long perfmlock_on_counter(const struct perfmlock_books *books)
{
	return books->kernel + books->repaired;
}

/**
 * perfmlock_agrees() - steps that a model explains, and not every one does
 * @ledger: the ledger
 * @model: its index
 *
 * Context: any; the lock is held.
 *
 * Return: their number.
 */
static inline unsigned long
perfmlock_agrees(const struct perfmlock_ledger *ledger, unsigned int model)
{
	return ledger->judged - ledger->disagrees[model];
}

/**
 * perfmlock_counts() - what was counted of a row since the last reset
 * @ledger: the ledger
 * @books: the row's
 *
 * Context: any; the lock is held.
 *
 * Return: the counts, to be added to.
 */
static inline struct perfmlock_counts *
perfmlock_counts(const struct perfmlock_ledger *ledger,
		 struct perfmlock_books *books)
{
	if (unlikely(books->counts.epoch != ledger->epoch))
		books->counts = (struct perfmlock_counts){
			.epoch = ledger->epoch,
		};
	return &books->counts;
}

#endif /* PERFMLOCK_LEDGER_H */
