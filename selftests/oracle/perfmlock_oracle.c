// SPDX-License-Identifier: GPL-2.0
/*
 * The raw counters that perf_mmap() moves, for the tests to compare with.
 *
 * Shares nothing with perfmlock on purpose. One line a process:
 *
 *	pid uid perf locked pinned
 *
 * perf is what perf charges, user_struct::perf_mlock or, where there is none,
 * user_struct::locked_vm; locked is always user_struct::locked_vm; pinned is
 * mm->pinned_vm, 0 without an mm. All as signed numbers, nothing cut off.
 */
#include <linux/cred.h>
#include <linux/init_task.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/proc_fs.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/sched/user.h>
#include <linux/seq_file.h>
#include <linux/uidgid.h>

#ifdef HAVE_PERF_MLOCK
#define PERF_COUNTER	perf_mlock
#else
#define PERF_COUNTER	locked_vm
#endif

static long long pinned(struct task_struct *p)
{
	long long val = 0;

	task_lock(p);
	if (p->mm)
#ifdef HAVE_PINNED_VM_ATOMIC64
		val = atomic64_read(&p->mm->pinned_vm);
#else
		val = (long)READ_ONCE(p->mm->pinned_vm);
#endif
	task_unlock(p);
	return val;
}

static int oracle_show(struct seq_file *m, void *unused)
{
	struct task_struct *p;

	seq_printf(m, "# counter %s\n", __stringify(PERF_COUNTER));
	rcu_read_lock();
	for_each_process(p) {
		const struct cred *cred = __task_cred(p);

		seq_printf(m, "%d %u %ld %ld %lld\n", p->pid,
			   from_kuid(&init_user_ns, cred->uid),
			   atomic_long_read(&cred->user->PERF_COUNTER),
			   atomic_long_read(&cred->user->locked_vm), pinned(p));
	}
	rcu_read_unlock();
	return 0;
}

/*
 * Write to it the pages that a test has made the kernel leave on the writer's U: root's
 * stays for good, and the next test is to have a clean start.
 */
static int take_off(const char *text, const struct kernel_param *param)
{
	long pages;
	int ret = kstrtol(text, 10, &pages);

	if (!ret)
		atomic_long_sub(pages, &current_user()->PERF_COUNTER);
	return ret;
}

static const struct kernel_param_ops leaked_ops = {
	.set = take_off,
};

module_param_cb(leaked, &leaked_ops, NULL, 0200);

static int __init oracle_init(void)
{
	if (!proc_create_single("perfmlock_oracle", 0400, NULL, oracle_show))
		return -ENOMEM;
	return 0;
}

static void __exit oracle_exit(void)
{
	remove_proc_entry("perfmlock_oracle", NULL);
}

module_init(oracle_init);
module_exit(oracle_exit);
MODULE_DESCRIPTION("Raw memory-lock counters of perf, for the tests of perfmlock");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
