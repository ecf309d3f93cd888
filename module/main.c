// SPDX-License-Identifier: GPL-2.0
/*
 * perfmlock: the books of the locked memory of perf ring buffers, kept right
 * beside the kernel's own.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched/mm.h>
#include <linux/workqueue.h>

#include "hooks.h"
#include "kernel.h"
#include "ledger.h"
#include "views.h"

static int maxactive;
module_param(maxactive, int, 0444);
MODULE_PARM_DESC(maxactive,
		 "calls under way that each probe can follow (default: 4 a CPU, at least 128)");

/* Far above any use; the tables for more could not be had anyway. */
#define MAXACTIVE_MOST	65536

static struct perfmlock_ledger books;

/* This often it is asked whether a user without buffers has gone. */
#define REAP_INTERVAL	HZ

/* The walk through all processes is wanted: something was not seen. */
static bool walk_wanted;

static void upkeep(struct work_struct *work);
static DECLARE_DELAYED_WORK(upkeep_later, upkeep);
static DECLARE_WORK(upkeep_now, upkeep);
/* both may be queued: one at a time */
static DEFINE_MUTEX(upkeep_mutex);

static void upkeep(struct work_struct *work)
{
	static unsigned long unbooked;
	unsigned long now;
	bool waiting;

	mutex_lock(&upkeep_mutex);
	perfmlock_kernel_refresh();
	perfmlock_ledger_fill(&books);
	now = READ_ONCE(books.totals.pool_empty) +
	      READ_ONCE(books.totals.calls_full);
	if (now != unbooked) {
		unbooked = now;
		WRITE_ONCE(walk_wanted, true);
	}
	if (READ_ONCE(walk_wanted)) {
		WRITE_ONCE(walk_wanted, false);
		perfmlock_hooks_adopt();
	}
	waiting = perfmlock_ledger_reap(&books);
	mutex_unlock(&upkeep_mutex);
	if (waiting || !perfmlock_kernel.mlock_kb || !perfmlock_kernel.paranoid)
		schedule_delayed_work(&upkeep_later,
				      round_jiffies_relative(REAP_INTERVAL));
}

/* Handlers may interrupt anything: work is queued from an interrupt of ours. */
static void kick_upkeep(struct irq_work *irq_work)
{
	schedule_work(&upkeep_now);
}

static struct irq_work kick;

static void want_upkeep(void)
{
	irq_work_queue(&kick);
}

static void want_walk(void)
{
	WRITE_ONCE(walk_wanted, true);
	want_upkeep();
}

static void caller(struct perfmlock_actor *actor)
{
	perfmlock_actor_of(current, current_cred(), actor);
}

static void name(pid_t *pid, char *comm)
{
	*pid = current->tgid;
	memcpy(comm, current->comm, TASK_COMM_LEN);
}

static void event(const void *event, struct perfmlock_event *of)
{
	perfmlock_event_of(event, of);
}

static const void *hold_user(const struct perfmlock_actor *actor)
{
	want_upkeep();
	return perfmlock_hold_user(actor);
}

static void hold_mm(const void *mm)
{
	mmgrab((struct mm_struct *)mm);
	want_upkeep();
}

static bool user_gone(const void *user, const void *held)
{
	return perfmlock_user_is_ours(user, held);
}

static bool mm_gone(const void *mm)
{
	return perfmlock_mm_exited(mm);
}

static void drop_mm(const void *mm)
{
	mmdrop((struct mm_struct *)mm);
}

static unsigned int cpus_left(int from)
{
	unsigned int cpu, left = 0;

	for_each_online_cpu(cpu)
		if ((int)cpu >= from)
			left++;
	return left;
}

static const struct perfmlock_ledger_ops ledger_ops = {
	.caller = caller,
	.name = name,
	.event = event,
	.limit = perfmlock_limit,
	.exempt = perfmlock_exempt,
	.cpus_left = cpus_left,
	.hold_user = hold_user,
	.hold_mm = hold_mm,
	.user_gone = user_gone,
	.mm_gone = mm_gone,
	.drop_user = perfmlock_drop_user,
	.drop_mm = drop_mm,
	.low = want_upkeep,
};

static void stop_upkeep(void)
{
	irq_work_sync(&kick);
	/* the work queues the delayed work, which never queues the work */
	cancel_work_sync(&upkeep_now);
	cancel_delayed_work_sync(&upkeep_later);
}

static int __init perfmlock_init(void)
{
	int ret;

	if (maxactive < 0 || maxactive > MAXACTIVE_MOST) {
		pr_err("maxactive=%d: give a number from 1 to %d\n",
		       maxactive, MAXACTIVE_MOST);
		return -EINVAL;
	}
	if (!maxactive)
		maxactive = clamp_t(int, 4 * num_possible_cpus(), 128,
				    MAXACTIVE_MOST);

	init_irq_work(&kick, kick_upkeep);
	perfmlock_kernel_init();
	ret = perfmlock_ledger_init(&books, &ledger_ops, PERFMLOCK_EXCLUSIVE,
				    PAGE_SHIFT, 2 * maxactive);
	if (ret) {
		pr_err("no memory for the books\n");
		return ret;
	}
	ret = perfmlock_hooks_register(&books, maxactive, want_walk);
	if (ret)
		goto free_books;
	/* not before the probes: what is mapped from now on is seen */
	ret = perfmlock_hooks_adopt();
	if (ret)
		pr_warn("not every buffer of before the load could be listed\n");
	ret = perfmlock_views_create(&books);
	if (ret)
		goto unregister;
	return 0;

unregister:
	perfmlock_hooks_unregister();
	stop_upkeep();
free_books:
	perfmlock_ledger_destroy(&books);
	return ret;
}

static void __exit perfmlock_exit(void)
{
	perfmlock_views_remove();
	perfmlock_hooks_unregister();
	stop_upkeep();
	perfmlock_ledger_destroy(&books);
}

module_init(perfmlock_init);
module_exit(perfmlock_exit);

MODULE_AUTHOR("The perfmlock developers");
MODULE_DESCRIPTION("Accounting of the locked memory of perf ring buffers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
