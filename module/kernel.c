// SPDX-License-Identifier: GPL-2.0
/* What is read from the kernel, where it takes more than a line. */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/pid.h>
#include <linux/pid_namespace.h>
#include <linux/sched.h>

#include "kernel.h"
#include "symbol.h"

struct perfmlock_kernel perfmlock_kernel = {
	.mlock_kb_read = PERFMLOCK_NOT_KNOWN,
	.paranoid_read = PERFMLOCK_NOT_KNOWN,
};

#define MLOCK_KB	"perf_event_mlock_kb"
#define PARANOID	"perf_event_paranoid"

/**
 * perfmlock_kernel_refresh() - read again what cannot be read in place
 *
 * Context: process, may sleep.
 */
void perfmlock_kernel_refresh(void)
{
	if (!perfmlock_kernel.mlock_kb)
		perfmlock_read_sysctl(MLOCK_KB, &perfmlock_kernel.mlock_kb_read);
	if (!perfmlock_kernel.paranoid)
		perfmlock_read_sysctl(PARANOID, &perfmlock_kernel.paranoid_read);
}

/**
 * perfmlock_kernel_init() - find the limits, and what perf's mappings are
 *
 * Where the values cannot be found, /proc/sys is read instead, now and by
 * perfmlock_kernel_refresh().
 *
 * Context: process, may sleep.
 */
void perfmlock_kernel_init(void)
{
	perfmlock_kernel.mlock_kb =
		perfmlock_find_sysctl("sysctl_perf_event_mlock", MLOCK_KB,
				      &perfmlock_kernel.mlock_kb_read);
	perfmlock_kernel.paranoid =
		perfmlock_find_sysctl("sysctl_perf_event_paranoid", PARANOID,
				      &perfmlock_kernel.paranoid_read);
	perfmlock_kernel_refresh();
	/* by what the mappings have, not by the address of their functions */
	perfmlock_kernel.vm_ops = perfmlock_find_data("perf_mmap_vmops");
}

/**
 * perfmlock_has_symbol() - does the kernel know a name
 * @name: of a function or variable
 *
 * Context: process, may sleep.
 *
 * Return: true if kallsyms lists it.
 */
bool perfmlock_has_symbol(const char *name)
{
	struct kprobe probe = { .symbol_name = name };

	if (!register_kprobe(&probe)) {
		unregister_kprobe(&probe);
		return true;
	}
	return probe.addr && !IS_ERR(probe.addr);
}

/* A task of the process that has the mm, be its first one gone or not; under RCU. */
static struct task_struct *task_with(pid_t pid, const struct mm_struct *mm)
{
	struct task_struct *leader, *task;

	leader = pid_task(find_pid_ns(pid, &init_pid_ns), PIDTYPE_PID);
	if (!leader)
		return NULL;
	for_each_thread(leader, task)
		if (READ_ONCE(task->mm) == mm)
			return task;
	return NULL;
}

/**
 * perfmlock_cgroup_of_mm() - the cgroup of the process that has an mm
 * @pid: of the process, in the initial namespace
 * @mm: its mm; not looked into
 *
 * Context: process.
 *
 * Return: its id; 0: there is none, or the process is gone or has another mm.
 */
u64 perfmlock_cgroup_of_mm(pid_t pid, const struct mm_struct *mm)
{
	struct task_struct *task;
	u64 id = 0;

	rcu_read_lock();
	task = task_with(pid, mm);
	if (task)
		id = perfmlock_cgroup_of(task);
	rcu_read_unlock();
	return id;
}

/**
 * perfmlock_state_of() - what a process does
 * @pid: in the initial namespace
 * @mm: its mm; not looked into
 *
 * Context: process.
 *
 * Return: a letter, as ps has it: T is stopped; 0: it is gone, or has another mm.
 */
char perfmlock_state_of(pid_t pid, const void *mm)
{
	struct task_struct *task;
	char state = 0;

	rcu_read_lock();
	task = task_with(pid, mm);
	if (task)
		state = task_state_to_char(task);
	rcu_read_unlock();
	return state;
}
