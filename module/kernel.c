// SPDX-License-Identifier: GPL-2.0
/* What is read from the kernel, where it takes more than a line. */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/string.h>

#include "kernel.h"

struct perfmlock_kernel perfmlock_kernel;

/*
 * The address of a symbol that is not exported. A kprobe looks its symbol up
 * before it is refused for not being code, and leaves the address behind; so
 * nothing unexported is ever called.
 */
static void *data_symbol(const char *name)
{
	struct kprobe probe = { .symbol_name = name };

	if (!register_kprobe(&probe)) {
		/* code after all: not what is asked for */
		unregister_kprobe(&probe);
		return NULL;
	}
	return IS_ERR(probe.addr) ? NULL : probe.addr;
}

static void read_sysctl(const char *path, int *value)
{
	struct file *file;
	char text[16] = "";
	loff_t pos = 0;
	int number;

	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file))
		return;
	if (kernel_read(file, text, sizeof(text) - 1, &pos) > 0 &&
	    !kstrtoint(strim(text), 10, &number))
		WRITE_ONCE(*value, number);
	filp_close(file, NULL);
}

/**
 * perfmlock_kernel_refresh() - read again what cannot be read in place
 *
 * Context: process, may sleep.
 */
void perfmlock_kernel_refresh(void)
{
	if (!perfmlock_kernel.mlock_kb)
		read_sysctl("/proc/sys/kernel/perf_event_mlock_kb",
			    &perfmlock_kernel.mlock_kb_read);
	if (!perfmlock_kernel.paranoid)
		read_sysctl("/proc/sys/kernel/perf_event_paranoid",
			    &perfmlock_kernel.paranoid_read);
}

/**
 * perfmlock_kernel_init() - find the limits
 *
 * Where the symbols cannot be had, /proc/sys is read instead, now and by
 * perfmlock_kernel_refresh().
 *
 * Context: process, may sleep.
 */
void perfmlock_kernel_init(void)
{
	perfmlock_kernel.mlock_kb = data_symbol("sysctl_perf_event_mlock");
	perfmlock_kernel.paranoid = data_symbol("sysctl_perf_event_paranoid");
	perfmlock_kernel_refresh();
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

static bool walk_mm(struct task_struct *task, struct mm_struct *mm,
		    unsigned long close_fn, perfmlock_vma_fn meet)
{
	struct vm_area_struct *vma;
	bool all = true;
#ifdef HAVE_VMA_ITERATOR
	VMA_ITERATOR(vmi, mm, 0);
#endif

#ifdef HAVE_MMAP_LOCK
	mmap_read_lock(mm);
#else
	down_read(&mm->mmap_sem);
#endif
#ifdef HAVE_VMA_ITERATOR
	for_each_vma(vmi, vma) {
#else
	for (vma = mm->mmap; vma; vma = vma->vm_next) {
#endif
		/* a probe's address may lie behind an ENDBR */
		if (vma->vm_ops && vma->vm_ops->close &&
		    close_fn - (unsigned long)vma->vm_ops->close < 16)
			all &= meet(task, vma);
	}
#ifdef HAVE_MMAP_LOCK
	mmap_read_unlock(mm);
#else
	up_read(&mm->mmap_sem);
#endif
	return all;
}

struct walker {
	struct mm_struct *mm;
	struct task_struct *task;
};

static int by_mm(const void *a, const void *b)
{
	const struct walker *x = a, *y = b;

	if (x->mm == y->mm)
		return 0;
	return x->mm < y->mm ? -1 : 1;
}

/**
 * perfmlock_walk_vmas() - meet every perf mapping of every process
 * @close_fn: address of perf_mmap_close(), that tells them
 * @meet: called with the mm's mmap_lock held; false: not booked
 *
 * Context: process, may sleep; takes each mmap_lock for reading.
 *
 * Return: 0, -ENOMEM, or -EAGAIN if a mapping could not be booked.
 */
int perfmlock_walk_vmas(unsigned long close_fn, perfmlock_vma_fn meet)
{
	struct walker *walkers;
	struct task_struct *task;
	unsigned int i, nr = 0, room = 0;
	int ret = 0;

	rcu_read_lock();
	for_each_process(task)
		room++;
	rcu_read_unlock();
	/* those born meanwhile have seen the probes */
	room += 64;
	walkers = kvcalloc(room, sizeof(*walkers), GFP_KERNEL);
	if (!walkers)
		return -ENOMEM;

	rcu_read_lock();
	for_each_process(task) {
		if (nr == room)
			break;
		get_task_struct(task);
		walkers[nr++].task = task;
	}
	rcu_read_unlock();

	/* a leader may have exited before its threads; get_task_mm() sleeps */
	for (i = 0; i < nr; i++) {
		struct task_struct *thread;

		walkers[i].mm = get_task_mm(walkers[i].task);
		if (walkers[i].mm)
			continue;
		rcu_read_lock();
		for_each_thread(walkers[i].task, thread) {
			walkers[i].mm = get_task_mm(thread);
			if (walkers[i].mm)
				break;
		}
		rcu_read_unlock();
	}

	sort(walkers, nr, sizeof(*walkers), by_mm, NULL);
	for (i = 0; i < nr; i++) {
		if (walkers[i].mm && (!i || walkers[i].mm != walkers[i - 1].mm) &&
		    !walk_mm(walkers[i].task, walkers[i].mm, close_fn, meet))
			ret = -EAGAIN;
		cond_resched();
	}
	for (i = 0; i < nr; i++) {
		if (walkers[i].mm)
			mmput(walkers[i].mm);
		put_task_struct(walkers[i].task);
	}
	kvfree(walkers);
	return ret;
}
