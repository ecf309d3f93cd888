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
#include <linux/sched/signal.h>
#include <linux/stringify.h>
#include <linux/workqueue.h>

#include "hooks.h"
#include "kernel.h"
#include "ledger.h"
#include "log.h"
#include "switch.h"
#include "tracing.h"
#include "views.h"
#include "walk.h"

static int maxactive;
module_param(maxactive, int, 0444);
MODULE_PARM_DESC(maxactive,
		 "calls under way that each probe can follow (default: 4 a CPU, at least 128)");

/* Far above any use; the tables for more could not be had anyway. */
#define MAXACTIVE_MOST	32768

static struct perfmlock_ledger books;

/*
 * A walk may take a fiftieth of a CPU at most, however often something is not
 * seen: it is unprivileged users who make that happen. While one walk after the
 * other finds no end (somebody is busy for long), they are ever further apart.
 */
#define WALK_SHARE	50
#define WALK_INTERVAL	HZ
#define WALK_MOST	(60 * HZ)

/*
 * Whether users and processes without buffers have gone is asked now and then:
 * soon after one was new, and less often while none goes. Not too late either:
 * as long as a row holds a user_struct, a leak in it lives.
 */
#define REAP_INTERVAL	HZ
#define REAP_MOST	(8 * HZ)

/*
 * Nobody tells that probes were off for a while. It is looked now and then whether
 * they are armed, and whether a buffer is listed of who is dead; and by a walk, now
 * and then while there are buffers, whether all of them are mapped.
 */
#define LOOK_INTERVAL	(30 * HZ)
#define AUDIT_INTERVAL	(600 * HZ)

/* On no CPU's own queue: a walk may be long. */
static struct workqueue_struct *upkeep_wq;

static void upkeep(struct work_struct *work);
static DECLARE_DELAYED_WORK(upkeep_work, upkeep);

/* Memory is wanted at once, and not after a walk. */
static void fill(struct work_struct *work);
static DECLARE_WORK(fill_work, fill);

/* No work is queued any more: the module is about to go. */
static bool stopping;

/* Upkeep is wanted at once. */
static bool now_wanted;
/* Something was not seen, or could not be looked at. */
static bool walk_wanted;
/* There are rows without buffers that were not looked at yet. */
static bool reap_wanted;

/*
 * Handlers may interrupt anything: work is queued from an interrupt of ours. A
 * new row asks for it once, whatever comes until it was done.
 */
static void kick_upkeep(struct irq_work *irq_work)
{
	if (!READ_ONCE(stopping))
		mod_delayed_work(upkeep_wq, &upkeep_work,
				 READ_ONCE(now_wanted) ? 0 : REAP_INTERVAL);
}

static void kick_fill(struct irq_work *irq_work)
{
	if (!READ_ONCE(stopping))
		queue_work(upkeep_wq, &fill_work);
}

static struct irq_work kick, fill_kick;

static void want_upkeep(void)
{
	WRITE_ONCE(now_wanted, true);
	if (!READ_ONCE(stopping))
		irq_work_queue(&kick);
}

static void want_reap(void)
{
	if (READ_ONCE(reap_wanted))
		return;
	WRITE_ONCE(reap_wanted, true);
	if (!READ_ONCE(stopping))
		irq_work_queue(&kick);
}

static void want_fill(void)
{
	if (!READ_ONCE(stopping))
		irq_work_queue(&fill_kick);
}

static void want_walk(void)
{
	WRITE_ONCE(walk_wanted, true);
	want_upkeep();
}

/**
 * struct pace - when something is to be done again
 * @due: not before, in jiffies of 64 bits: those of 32 are behind 0 for the first five
 *	minutes of a boot, and take what was long ago for what is to come
 * @interval: to the next time, in jiffies
 */
struct pace {
	u64 due;
	unsigned long interval;
};

static bool is_due(const struct pace *pace)
{
	return time_after_eq64(get_jiffies_64(), pace->due);
}

/* Again after @least, or after twice as long as last time. */
static void again(struct pace *pace, bool soon, unsigned long least,
		  unsigned long most)
{
	pace->interval = soon ? least : clamp(2 * pace->interval, least, most);
	pace->due = get_jiffies_64() + pace->interval;
}

static unsigned long until(const struct pace *pace)
{
	u64 now = get_jiffies_64();

	return time_after_eq64(now, pace->due) ? 0 : pace->due - now;
}

static struct pace walk_pace, reap_pace, look_pace, audit_pace;

/* When the next walk may be, whatever the pace, and what was missed at the last. */
static u64 walk_allowed;
static unsigned int walk_misses;

/*
 * At the load, by the upkeep and for the file, one at a time. The paces are read without:
 * of one that is torn, once in 2^32 jiffies, a walk comes early, or half a minute late.
 */
static DEFINE_MUTEX(walk_mutex);

/* Returns 0, -EAGAIN where a further walk is wanted, or an error. */
static int walk(struct perfmlock_audit *audit)
{
	struct perfmlock_walks walks;
	unsigned long least;
	int ret;

	mutex_lock(&walk_mutex);
	if (audit)
		perfmlock_audit_begin(&books, audit);
	WRITE_ONCE(walk_wanted, false);
	walk_misses = READ_ONCE(books.misses);
	ret = perfmlock_walk(&books, &stopping);
	if (ret)
		WRITE_ONCE(walk_wanted, true);
	perfmlock_walks(&walks);
	least = max_t(unsigned long, WALK_INTERVAL,
		      nsecs_to_jiffies(WALK_SHARE * walks.spent_ns));
	walk_allowed = get_jiffies_64() + least;
	again(&walk_pace, !ret, least, max_t(unsigned long, least, WALK_MOST));
	if (audit) {
		perfmlock_audit_end(&books);
		audit->processes = walks.processes;
		audit->busy = walks.busy;
	}
	mutex_unlock(&walk_mutex);
	return ret;
}

/* For the file; who is busy is told in it. */
static int audit(struct perfmlock_audit *result)
{
	int ret = walk(result);

	return ret == -EAGAIN ? 0 : ret;
}

/* Who is busy for long does not delay what others want to have settled. */
static void hurry(void)
{
	if (READ_ONCE(books.misses) != walk_misses &&
	    time_before64(walk_allowed, walk_pace.due)) {
		walk_pace.due = walk_allowed;
		walk_pace.interval = 0;
	}
}

/* What went by while the probes were off, nobody saw. Returns whether they are. */
static bool look_at_probes(void)
{
	bool armed = perfmlock_hooks_armed();
	unsigned long flags;

	perfmlock_lock(&books, flags);
	if (armed && perfmlock_hooks_were_off())
		perfmlock_unseen(&books);
	perfmlock_unlock(&books, flags);
	return armed;
}

/* Returns after how many jiffies there is something to do again. */
static unsigned long reap(void)
{
	/* not before, whatever is wanted */
	static struct pace soonest;
	static bool waiting;
	bool wanted = READ_ONCE(reap_wanted);

	if (is_due(wanted ? &soonest : &reap_pace) && (wanted || waiting)) {
		WRITE_ONCE(reap_wanted, false);
		waiting = perfmlock_ledger_reap(&books);
		again(&soonest, true, REAP_INTERVAL, REAP_INTERVAL);
		again(&reap_pace, wanted, REAP_INTERVAL, REAP_MOST);
		wanted = false;
	}
	if (wanted)
		return until(&soonest);
	return waiting ? until(&reap_pace) : MAX_JIFFY_OFFSET;
}

/* What found no memory is looked for. */
static void fill(struct work_struct *work)
{
	perfmlock_ledger_fill(&books);
	if (!READ_ONCE(books.walked))
		want_walk();
}

static void look_at_rows(void)
{
	if (is_due(&audit_pace)) {
		again(&audit_pace, true, AUDIT_INTERVAL, AUDIT_INTERVAL);
		if (READ_ONCE(books.buffers.nr))
			perfmlock_sweep_doubt(&books);
	}
	if (is_due(&look_pace)) {
		again(&look_pace, true, LOOK_INTERVAL, LOOK_INTERVAL);
		perfmlock_sweep_dead(&books);
		/* what a peak has left over is given back */
		perfmlock_ledger_fill(&books);
	}
}

static void upkeep(struct work_struct *work)
{
	unsigned long next;
	bool armed;

	WRITE_ONCE(now_wanted, false);
	armed = look_at_probes();
	perfmlock_hooks_look();
	perfmlock_kernel_refresh();
	look_at_rows();
	hurry();
	if (READ_ONCE(walk_wanted) && is_due(&walk_pace))
		walk(NULL);
	next = reap();
	/* behind the walk, which makes books certain */
	if (perfmlock_switch_look())
		next = min_t(unsigned long, next, HZ);
	if (READ_ONCE(walk_wanted))
		next = min(next, until(&walk_pace));
	next = min_t(unsigned long, next, LOOK_INTERVAL);
	if (!armed || !perfmlock_kernel.mlock_kb || !perfmlock_kernel.paranoid)
		next = min_t(unsigned long, next, HZ);
	if (!READ_ONCE(stopping))
		queue_delayed_work(upkeep_wq, &upkeep_work,
				   next ? round_jiffies_relative(next) : 1);
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

static void scene(struct perfmlock_scene *scene)
{
	perfmlock_scene_of_current(scene);
}

static void event(const void *event, struct perfmlock_event *of)
{
	perfmlock_event_of(event, of);
}

static void nature(const void *event, struct perfmlock_nature *of)
{
	perfmlock_nature_of(event, of);
}

static const void *hold_user(const struct perfmlock_actor *actor)
{
	return perfmlock_hold_user(actor);
}

static void hold_mm(const void *mm)
{
	mmgrab((struct mm_struct *)mm);
}

static bool user_gone(const void *user, const void *held)
{
	return perfmlock_user_is_ours(user, held);
}

static bool mm_closed(const void *mm)
{
	return perfmlock_mm_closed(mm);
}

static long read_user(const void *user)
{
	return perfmlock_read_user(user);
}

static long read_mm(const void *mm)
{
	return perfmlock_read_mm(mm);
}

static bool add_user(const void *user, long pages, bool always)
{
	return perfmlock_add_user((struct user_struct *)user, pages, always);
}

static bool add_mm(const void *mm, long pages, bool always)
{
	return perfmlock_add_mm((struct mm_struct *)mm, pages, always);
}

static void drop_mm(const void *mm)
{
	mmdrop((struct mm_struct *)mm);
}

static unsigned long memlock_rlimit(void)
{
	return rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
}

static unsigned int online_cpus(void)
{
	return num_online_cpus();
}

static const struct perfmlock_ledger_ops ledger_ops = {
	.caller = caller,
	.name = name,
	.scene = scene,
	.event = event,
	.nature = nature,
	.limit = perfmlock_limit,
	.limit_is_exact = perfmlock_limit_is_exact,
	.rlimit = memlock_rlimit,
	.exempt = perfmlock_exempt,
	.capable = perfmlock_capable,
	.online_cpus = online_cpus,
	.hold_user = hold_user,
	.hold_mm = hold_mm,
	.user_gone = user_gone,
	.mm_closed = mm_closed,
	.missed = perfmlock_hooks_untold,
	.read_user = read_user,
	.read_mm = read_mm,
	.add_user = add_user,
	.add_mm = PERFMLOCK_REPAIRS_MM ? add_mm : NULL,
	.drop_user = perfmlock_drop_user,
	.drop_mm = drop_mm,
	.idle = want_reap,
	.low = want_fill,
	.unseen = want_walk,
	.told = perfmlock_log_wanted,
};

/*
 * The probes and the files are gone. Upkeep that still runs may queue the kick,
 * and a kick that still runs the upkeep, but neither once it has seen the flag:
 * after both were waited for the last time nothing is queued.
 */
static void stop_upkeep(void)
{
	WRITE_ONCE(stopping, true);
	cancel_delayed_work_sync(&upkeep_work);
	cancel_work_sync(&fill_work);
	irq_work_sync(&kick);
	irq_work_sync(&fill_kick);
	cancel_delayed_work_sync(&upkeep_work);
	cancel_work_sync(&fill_work);
	/* not before the upkeep, which may have something to tell */
	perfmlock_log_stop();
	destroy_workqueue(upkeep_wq);
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
	init_irq_work(&fill_kick, kick_fill);
	upkeep_wq = alloc_workqueue(KBUILD_MODNAME, WQ_UNBOUND, 0);
	ret = upkeep_wq ? perfmlock_trace_init() : -ENOMEM;
	if (ret)
		goto no_trace;
	ret = perfmlock_ledger_init(&books, &ledger_ops, PERFMLOCK_EXCLUSIVE,
				    PAGE_SHIFT, 2 * maxactive);
	if (ret)
		goto no_ledger;
	perfmlock_log_init(&books, upkeep_wq);
	/* a call may be under way already; the walk looks for whoever is in one */
	books.careful = true;
	books.unsettled = true;
	ret = perfmlock_hooks_register(&books, maxactive, want_upkeep);
	if (ret)
		goto stop;
	/* not before the probes: what is mapped from now on is seen */
	ret = walk(NULL);
	again(&audit_pace, true, AUDIT_INTERVAL, AUDIT_INTERVAL);
	if (ret == -EINTR)
		goto unregister;
	if (ret)
		pr_info("not all that is mapped is known yet: it is looked for again\n");
	ret = perfmlock_views_create(&books, audit);
	if (ret)
		goto unregister;
	pr_info("%s: kretprobes on perf_mmap and perf_mmap_close, kprobes on perf_mmap_open%s; U is user_struct::%s, limits from %s; %u buffers were mapped before\n",
		THIS_MODULE->version,
		perfmlock_hooks_splits() ? " and perf_mmap_may_split" : "",
		__stringify(perfmlock_user_counter),
		perfmlock_kernel.mlock_kb ? "the kernel" : "/proc/sys",
		READ_ONCE(books.adopted));
	perfmlock_switch_start(&books, want_upkeep);
	want_upkeep();
	return 0;

unregister:
	perfmlock_hooks_unregister();
stop:
	stop_upkeep();
	perfmlock_ledger_destroy(&books);
	perfmlock_trace_exit();
	return ret;

no_ledger:
	perfmlock_trace_exit();
no_trace:
	pr_err("no memory for the books\n");
	if (upkeep_wq)
		destroy_workqueue(upkeep_wq);
	return ret;
}

static void __exit perfmlock_exit(void)
{
	perfmlock_views_remove();
	/* while the hooks see what it does */
	perfmlock_switch_stop();
	perfmlock_hooks_unregister();
	stop_upkeep();
	perfmlock_ledger_destroy(&books);
	perfmlock_trace_exit();
}

module_init(perfmlock_init);
module_exit(perfmlock_exit);

MODULE_AUTHOR("The perfmlock developers");
MODULE_DESCRIPTION("Accounting of the locked memory of perf ring buffers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.2.0");
MODULE_INFO(documentation, "/usr/share/doc/perfmlock-dkms/README.md, or README.md beside the source");
MODULE_INFO(files, "/sys/kernel/debug/perfmlock/");
