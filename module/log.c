// SPDX-License-Identifier: GPL-2.0
/*
 * The lines in the log: one a refusal, and one for each new cause of a drift. A
 * handler only asks for them; a worker reads the histories, as a reader of the
 * files does. Who is refused all the time fills neither the log nor his
 * neighbours' share of it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitops.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/workqueue.h>

#include "kernel.h"
#include "ledger.h"
#include "log.h"
#include "refusal.h"

static bool log = true;
module_param(log, bool, 0644);
MODULE_PARM_DESC(log, "a line in the kernel log for each refusal, at most 5 in 30 s of one user, and for each new cause of a drift (default: on)");

/* Lines of one group in so long, and of all groups, but for the first of each. */
#define INTERVAL	(30 * HZ)
#define LINES		5
#define LINES_OF_ALL	50

/* Refusals that come together are told together. */
#define DELAY		(HZ / 10)
#define LONGEST		(3600 * HZ)
#define SHARE		50

/**
 * struct share - what a group has had of the log
 * @group: as of struct perfmlock_actor
 * @since: of which moment @lines is counted, in jiffies of 64 bits, as it may be long
 *	ago; 0: the share is nobody's
 * @lines: that it had since
 * @unsaid: refusals that had none, and no later one has told of
 */
struct share {
	u64 group;
	u64 since;
	unsigned int lines;
	u64 unsaid;
};

static struct perfmlock_ledger *ledger;
static struct workqueue_struct *queue;

/* As many as there can be groups in the history. By the worker alone. */
static struct share shares[PERFMLOCK_HISTORY];
static struct share of_all;
static u64 told_seq, looked_seq;
static unsigned int epoch, looked_epoch;
/* When it may be looked again: at most LONGEST from when it was set, else long ago. */
static unsigned long allowed = INITIAL_JIFFIES;
static unsigned long told_causes;

static bool wanted, running, stopping;

static bool has_room(struct share *share, unsigned int lines)
{
	u64 now = get_jiffies_64();

	if (!share->since || time_after_eq64(now, share->since + INTERVAL)) {
		share->since = now;
		share->lines = 0;
	}
	return share->lines < lines;
}

/* Its own, or that of a group which has had none for the longest time. */
static struct share *share_of(u64 group)
{
	struct share *share, *oldest = &shares[0];

	for (share = shares; share < shares + PERFMLOCK_HISTORY; share++) {
		if (share->since && share->group == group)
			return share;
		if (!oldest->since)
			continue;
		if (!share->since || time_before64(share->since, oldest->since))
			oldest = share;
	}
	*oldest = (struct share){ .group = group };
	return oldest;
}

static void tell(const struct perfmlock_denial *denial, u64 times)
{
	struct share *share = share_of(denial->actor.group);

	/* the first one of a group has a line, whatever the others have had */
	if (!has_room(share, LINES) ||
	    (share->lines && !has_room(&of_all, LINES_OF_ALL))) {
		share->unsaid += times;
		return;
	}
	perfmlock_refusal_log(denial, times, share->unsaid);
	share->unsaid = 0;
	share->lines++;
	of_all.lines++;
}

/* Up to this moment: who is refused all the time does not keep the worker. */
static void tell_refusals(struct perfmlock_denial *denial)
{
	unsigned long flags;
	u64 times, last;
	bool got;

	last = READ_ONCE(ledger->denials.nr);
	for (;;) {
		perfmlock_lock(ledger, flags);
		if (epoch != ledger->epoch) {
			/* a reset counts from 0 again */
			epoch = ledger->epoch;
			told_seq = 0;
		}
		got = perfmlock_history_next(&ledger->denials, &told_seq,
					     denial, &times);
		/* what came since is the next run's */
		if (got && told_seq <= last)
			times = perfmlock_history_untold(&ledger->denials,
							 told_seq);
		perfmlock_unlock(ledger, flags);
		if (!got)
			return;
		if (told_seq > last) {
			told_seq = last;
			return;
		}
		if (READ_ONCE(log))
			tell(denial, times);
		cond_resched();
	}
}

static void tell_causes(void)
{
	const struct perfmlock_cause_info *cause;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_NR_CAUSES; i++) {
		if (!READ_ONCE(ledger->totals.causes[i]) ||
		    __test_and_set_bit(i, &told_causes))
			continue;
		cause = &perfmlock_causes[i];
		if (cause->commit[0] == '-')
			pr_info("this kernel's sums have gone wrong, by no mistake that is known (%s): see drifts\n",
				cause->name);
		else
			pr_info("this kernel's sums have gone wrong, by %s, which commit %s %s: see drifts\n",
				cause->name, cause->commit, cause->relation);
	}
}

/*
 * To look for holders may take long where there are many buffers: no more than a
 * fiftieth of a CPU, whoever is refused.
 */
static void pace(u64 spent)
{
	static u64 last;
	unsigned long delay = min_t(u64, LONGEST,
				    nsecs_to_jiffies(SHARE * min(spent, last)));

	/* of two the cheaper: what interrupts it counts as its time */
	last = spent;
	WRITE_ONCE(allowed, jiffies + delay);
}

static void tell_all(struct work_struct *work);
static DECLARE_DELAYED_WORK(work, tell_all);

static void queue_work_soon(void)
{
	unsigned long left = READ_ONCE(allowed) - jiffies;

	if (left > LONGEST)
		left = 0;
	if (!READ_ONCE(stopping))
		queue_delayed_work(queue, &work,
				   max_t(unsigned long, left, DELAY));
}

/* One worker at a time: what it needs is not on its stack. */
static void tell_all(struct work_struct *work)
{
	static struct perfmlock_denial denial;
	unsigned int now = READ_ONCE(ledger->epoch);
	u64 began = ktime_get_ns();

	WRITE_ONCE(running, true);
	WRITE_ONCE(wanted, false);
	/* what is kept after this is asked for again */
	smp_mb();
	if (looked_epoch != now) {
		looked_epoch = now;
		looked_seq = 0;
	}
	/* without memory it is told who was refused all the same */
	perfmlock_holders_look(ledger, &looked_seq, perfmlock_state_of);
	tell_refusals(&denial);
	if (READ_ONCE(log))
		tell_causes();
	pace(ktime_get_ns() - began);
	WRITE_ONCE(running, false);
	/* with kick_work(): what it left to this run is seen here */
	smp_mb();
	if (READ_ONCE(wanted))
		queue_work_soon();
}

/* While it runs it is not known yet when it may run again. */
static void kick_work(struct irq_work *irq_work)
{
	smp_mb(); /* with tell_all() */
	if (!READ_ONCE(running))
		queue_work_soon();
}

static struct irq_work kick;

/**
 * perfmlock_log_init() - from now on there are lines
 * @books: what they tell of
 * @wq: where the worker runs
 *
 * Context: process.
 */
void perfmlock_log_init(struct perfmlock_ledger *books,
			struct workqueue_struct *wq)
{
	ledger = books;
	queue = wq;
	init_irq_work(&kick, kick_work);
}

/**
 * perfmlock_log_wanted() - there is something new in a history
 *
 * Context: any; the ledger's lock is held.
 */
void perfmlock_log_wanted(void)
{
	if (READ_ONCE(wanted))
		return;
	WRITE_ONCE(wanted, true);
	if (!READ_ONCE(stopping))
		irq_work_queue(&kick);
}

/**
 * perfmlock_log_flush() - what was asked for is done
 *
 * Context: process, may sleep.
 */
void perfmlock_log_flush(void)
{
	irq_work_sync(&kick);
	flush_delayed_work(&work);
}

/**
 * perfmlock_log_stop() - no more lines
 *
 * Context: process, may sleep; the probes, the files and the upkeep are gone.
 */
void perfmlock_log_stop(void)
{
	WRITE_ONCE(stopping, true);
	irq_work_sync(&kick);
	cancel_delayed_work_sync(&work);
}
