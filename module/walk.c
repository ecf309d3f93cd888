// SPDX-License-Identifier: GPL-2.0
/*
 * A walk through all processes' mappings. Processes are strangers: none is
 * waited for (a file server in user space can make one hold its mmap_lock for
 * ever), none's memory is kept, none ever exits in here.
 *
 * So no reference to an mm is taken. A task gives up its mm under its own
 * alloc_lock (exit_mm(), exec_mmap()), which is held here while some of its
 * mappings are looked at; and mmap_lock is tried for. Who is busy gets another
 * turn, and what is busy still in the end is counted and left to a later walk.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "kernel.h"
#include "ledger.h"
#include "walk.h"

/* Mappings that are looked at with the locks held once. */
#define BATCH	32

/* Who is busy is asked again after 1, 2, 4 ... ms. */
#define ROUNDS	8

static struct perfmlock_walks all_walks;

/* CPU time of the last walk. */
static u64 last_ns;

enum visit {
	VISIT_DONE,
	VISIT_MORE,	/* there are more mappings */
	VISIT_NO_ROOM,	/* there is no memory ready for what was met */
	VISIT_BUSY,	/* another turn is needed */
	VISIT_READ,	/* likewise, and others read its mappings */
	VISIT_EXITING,	/* likewise, if it is still closing what it had */
	VISIT_TAKEN,	/* another process shares the mm, and looks through it */
};

/**
 * struct visitor - a process that is looked at
 * @leader: its first task
 * @mm: as of the last look
 * @from: address from which on it was not looked at
 * @result: of the last look
 */
struct visitor {
	struct task_struct *leader;
	const struct mm_struct *mm;
	unsigned long from;
	enum visit result;
};

static enum visit meet(struct perfmlock_ledger *ledger,
		       struct task_struct *task, struct vm_area_struct *vma)
{
	const struct perf_event *event = vma->vm_file->private_data;
	const void *rb = READ_ONCE(event->rb);
	struct perfmlock_actor actor;
	struct perfmlock_event of;
	const struct cred *cred;
	bool booked, taken = false;
	unsigned long flags;

	if (!rb)
		return VISIT_DONE;
	perfmlock_event_of(event, &of);
	cred = perfmlock_task_cred(task);
	perfmlock_actor_of(task, cred, &actor);
	perfmlock_lock(ledger, flags);
	booked = perfmlock_sweep_claim(ledger, &actor, vma->vm_mm, &taken);
	if (booked && !taken)
		booked = perfmlock_sweep_meet(ledger, &actor, vma->vm_mm, rb,
					      vma->vm_pgoff, vma_pages(vma),
					      &of);
	perfmlock_unlock(ledger, flags);
	put_cred(cred);
	if (taken)
		return VISIT_TAKEN;
	return booked ? VISIT_DONE : VISIT_NO_ROOM;
}

/* Some of the mappings of a process. */
static enum visit look_at(struct perfmlock_ledger *ledger, struct visitor *who,
			  struct task_struct *task)
{
	struct mm_struct *mm = task->mm;
	enum visit visit = VISIT_DONE;
	struct vm_area_struct *vma;
	unsigned int i;

	if (who->mm != mm) {
		who->mm = mm;
		who->from = 0;
	}
	if (!down_read_trylock(perfmlock_mmap_lock(mm)))
		return VISIT_BUSY;
	for (i = 0; (vma = find_vma(mm, who->from)); i++) {
		if (i == BATCH) {
			visit = VISIT_MORE;
			break;
		}
		if (perfmlock_is_perf_vma(vma)) {
			visit = meet(ledger, task, vma);
			if (visit != VISIT_DONE)
				break;
		}
		who->from = vma->vm_end;
	}
	up_read(perfmlock_mmap_lock(mm));
	if (visit != VISIT_DONE || !perfmlock_sweep_knows(ledger, mm))
		return visit;
	if (!perfmlock_mm_is_still(mm))
		return VISIT_READ;
	perfmlock_sweep_visited(ledger, mm);
	return VISIT_DONE;
}

/*
 * By a task of the process that has an mm. Where none has, one of them may be
 * closing it right now: a task that exits gives up its mm first, and is no zombie
 * before all is closed. It is no zombie either while it waits, perhaps for ever,
 * for a file server to take note of a close: so it is not waited for long.
 */
static enum visit look_at_some(struct perfmlock_ledger *ledger,
			       struct visitor *who)
{
	enum visit visit = VISIT_DONE;
	struct task_struct *task;

	rcu_read_lock();
	for_each_thread(who->leader, task) {
		if (task->flags & PF_KTHREAD)
			continue;
		task_lock(task);
		if (task->mm) {
			visit = look_at(ledger, who, task);
			task_unlock(task);
			break;
		}
		if (!task->exit_state)
			visit = VISIT_EXITING;
		task_unlock(task);
	}
	rcu_read_unlock();
	return visit;
}

static enum visit visit(struct perfmlock_ledger *ledger, struct visitor *who)
{
	enum visit visit;
	bool filled = false;

	for (;;) {
		visit = look_at_some(ledger, who);
		if (visit == VISIT_NO_ROOM && !filled) {
			perfmlock_ledger_fill(ledger);
			filled = true;
			continue;
		}
		if (visit != VISIT_MORE)
			return visit;
		filled = false;
		cond_resched();
	}
}

/* All processes that there are; those born from now on have seen the probes. */
static struct visitor *everybody(unsigned int *nr)
{
	struct visitor *visitors;
	struct task_struct *task;
	unsigned int room = 64;

	rcu_read_lock();
	for_each_process(task)
		room++;
	rcu_read_unlock();
	visitors = kvcalloc(room, sizeof(*visitors), GFP_KERNEL);
	if (!visitors)
		return NULL;
	*nr = 0;
	rcu_read_lock();
	for_each_process(task) {
		if (*nr == room)
			break;
		get_task_struct(task);
		visitors[(*nr)++].leader = task;
	}
	rcu_read_unlock();
	return visitors;
}

static bool is_done(struct perfmlock_ledger *ledger, struct visitor *who,
		    const bool *stop, bool last)
{
	enum visit result;

	if (READ_ONCE(*stop) || fatal_signal_pending(current))
		return false;
	result = visit(ledger, who);
	who->result = result;
	return result == VISIT_DONE || result == VISIT_TAKEN ||
	       (result == VISIT_EXITING && last);
}

/* One turn of each; those that need another stay. Returns how many. */
static unsigned int one_round(struct perfmlock_ledger *ledger,
			      struct visitor *visitors, unsigned int nr,
			      const bool *stop, bool last)
{
	unsigned int i, busy = 0;

	for (i = 0; i < nr; i++) {
		if (is_done(ledger, &visitors[i], stop, last))
			put_task_struct(visitors[i].leader);
		else
			visitors[busy++] = visitors[i];
		cond_resched();
	}
	return busy;
}

/*
 * In a perf_mmap() the mappings are locked for writing. Who could be looked at,
 * and never while nobody read them, as anybody may do, is in none.
 */
static void mark_busy(struct perfmlock_ledger *ledger,
		      const struct visitor *who)
{
	const struct user_struct *last = NULL;
	struct task_struct *task;
	const struct cred *cred;

	if (who->result != VISIT_BUSY)
		return;
	rcu_read_lock();
	for_each_thread(who->leader, task) {
		cred = perfmlock_task_cred(task);
		if (cred->user != last)
			perfmlock_sweep_busy(ledger, cred->user);
		last = cred->user;
		put_cred(cred);
	}
	rcu_read_unlock();
}

static unsigned int whom_met(struct perfmlock_ledger *ledger,
			     const struct visitor *visitors, unsigned int busy,
			     const bool *stop)
{
	unsigned int i;

	if (!perfmlock_knows_perf_vmas() || READ_ONCE(*stop) ||
	    fatal_signal_pending(current))
		return PERFMLOCK_MET_SOME;
	if (!busy)
		return PERFMLOCK_MET_ALL;
	for (i = 0; i < busy; i++) {
		mark_busy(ledger, &visitors[i]);
		cond_resched();
	}
	return PERFMLOCK_MARKED;
}

/**
 * perfmlock_walk() - learn of every buffer that is mapped now
 * @ledger: the ledger
 * @stop: set when nobody wants to know any more
 *
 * At the load, for what was mapped before; later, for what was missed.
 *
 * Context: process, may sleep, 0.3 s at most for who is busy; one caller at a
 * time; the probes are registered.
 *
 * Return: 0; -EAGAIN: a further walk is needed; -ENOMEM; -EINTR: by a signal.
 */
int perfmlock_walk(struct perfmlock_ledger *ledger, const bool *stop)
{
	u64 began = current->se.sum_exec_runtime, spent_ns;
	unsigned int nr, busy, met, i;
	struct visitor *visitors;
	bool done;

	/* first: what is missed by who is born later is missed since */
	perfmlock_sweep_begin(ledger);
	visitors = everybody(&nr);
	if (!visitors) {
		perfmlock_sweep_end(ledger, PERFMLOCK_MET_SOME);
		return -ENOMEM;
	}
	busy = one_round(ledger, visitors, nr, stop, false);
	for (i = 0; i < ROUNDS && busy && !READ_ONCE(*stop) &&
	     !fatal_signal_pending(current); i++) {
		schedule_timeout_killable(msecs_to_jiffies(1 << i));
		busy = one_round(ledger, visitors, busy, stop, i == ROUNDS - 1);
	}
	met = whom_met(ledger, visitors, busy, stop);
	for (i = 0; i < busy; i++)
		put_task_struct(visitors[i].leader);
	kvfree(visitors);
	WRITE_ONCE(all_walks.walks, all_walks.walks + 1);
	WRITE_ONCE(all_walks.processes, nr);
	WRITE_ONCE(all_walks.busy, busy);
	done = perfmlock_sweep_end(ledger, met);
	/*
	 * Not by the clock: who is kept from the CPU spends nothing. What interrupts
	 * a walk counts as its time, though, a second was seen: of two, the cheaper.
	 */
	spent_ns = current->se.sum_exec_runtime - began;
	WRITE_ONCE(all_walks.spent_ns, min(spent_ns, last_ns));
	last_ns = spent_ns;
	if (fatal_signal_pending(current))
		return -EINTR;
	return done ? 0 : -EAGAIN;
}

/**
 * perfmlock_walks() - what walks there were
 * @walks: result
 *
 * Context: any.
 */
void perfmlock_walks(struct perfmlock_walks *walks)
{
	walks->walks = READ_ONCE(all_walks.walks);
	walks->processes = READ_ONCE(all_walks.processes);
	walks->busy = READ_ONCE(all_walks.busy);
	walks->spent_ns = READ_ONCE(all_walks.spent_ns);
}
