/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is read from the kernel. This file, regs.h and kernel.c are the one place that
 * knows how kernels differ; the HAVE_ macros come from module/probe/, compiled
 * against the headers at hand.
 */
#ifndef PERFMLOCK_KERNEL_H
#define PERFMLOCK_KERNEL_H

#include <linux/atomic.h>
#include <linux/cgroup.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/cpumask.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/resource.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/timekeeping.h>
#include <linux/uidgid.h>
#include <linux/user_namespace.h>

#include "charge.h"
#include "features.h"
#include "ledger.h"
#include "regs.h"

#ifdef HAVE_USER_PERF_MLOCK
#define perfmlock_user_counter	perf_mlock
/* nobody but perf charges to it */
#define PERFMLOCK_EXCLUSIVE	true
#else
#define perfmlock_user_counter	locked_vm
#define PERFMLOCK_EXCLUSIVE	false
#endif

/* What /proc/sys did not say either. */
#define PERFMLOCK_NOT_KNOWN	INT_MIN

/**
 * struct perfmlock_kernel - values of the kernel that are not exported
 * @mlock_kb: kernel.perf_event_mlock_kb, NULL: not to be had
 * @paranoid: kernel.perf_event_paranoid, likewise
 * @mlock_kb_read: what /proc/sys last said, where there is no @mlock_kb
 * @paranoid_read: likewise
 * @vm_ops: of perf's mappings, NULL: not known yet
 * @close_at: where the probe on perf_mmap_close() is; NULL: pointers do not tell
 */
struct perfmlock_kernel {
	const int *mlock_kb;
	const int *paranoid;
	int mlock_kb_read;
	int paranoid_read;
	const struct vm_operations_struct *vm_ops;
	const void *close_at;
};

extern struct perfmlock_kernel perfmlock_kernel;

void perfmlock_kernel_init(void);
void perfmlock_kernel_refresh(void);
char perfmlock_state_of(pid_t pid, const void *mm);
u64 perfmlock_cgroup_of_mm(pid_t pid, const struct mm_struct *mm);
bool perfmlock_has_symbol(const char *name);

/* U, in pages. Any context; the caller keeps @user valid. */
static inline long perfmlock_read_user(const struct user_struct *user)
{
	return atomic_long_read(&user->perfmlock_user_counter);
}

/* M, in pages. Any context; the caller keeps @mm valid. */
static inline long perfmlock_read_mm(const struct mm_struct *mm)
{
#ifdef HAVE_MM_PINNED_ATOMIC64
	return atomic64_read(&mm->pinned_vm);
#else
	return READ_ONCE(mm->pinned_vm);
#endif
}

/*
 * Adds pages to U, or takes them; unless @always not if it would be below zero:
 * then false. Any context; the caller keeps @user valid.
 */
static inline bool perfmlock_add_user(struct user_struct *user, long pages,
				      bool always)
{
	atomic_long_t *counter = &user->perfmlock_user_counter;
	long old, seen = atomic_long_read(counter);

	do {
		old = seen;
		if (!always && !perfmlock_may_add(old, pages))
			return false;
		seen = atomic_long_cmpxchg(counter, old, old + pages);
	} while (seen != old);
	return true;
}

/*
 * Likewise M. Where it is no atomic only who holds the mm's lock may move it, and
 * nobody of ours waits for that.
 */
#ifdef HAVE_MM_PINNED_ATOMIC64
#define PERFMLOCK_REPAIRS_MM	true
static inline bool perfmlock_add_mm(struct mm_struct *mm, long pages,
				    bool always)
{
	s64 old, seen = atomic64_read(&mm->pinned_vm);

	do {
		old = seen;
		if (!always && !perfmlock_may_add(old, pages))
			return false;
		seen = atomic64_cmpxchg(&mm->pinned_vm, old, old + pages);
	} while (seen != old);
	return true;
}
#else
#define PERFMLOCK_REPAIRS_MM	false
static inline bool perfmlock_add_mm(struct mm_struct *mm, long pages,
				    bool always)
{
	return false;
}
#endif

/* What a module that tests is to say of itself, where the kernel has a word for it. */
#ifdef TAINT_TEST
#define PERFMLOCK_TAINT		TAINT_TEST
#else
#define PERFMLOCK_TAINT		TAINT_USER
#endif

static inline int perfmlock_mlock_kb(void)
{
	return perfmlock_kernel.mlock_kb ? READ_ONCE(*perfmlock_kernel.mlock_kb) :
		READ_ONCE(perfmlock_kernel.mlock_kb_read);
}

static inline int perfmlock_paranoid(void)
{
	return perfmlock_kernel.paranoid ? READ_ONCE(*perfmlock_kernel.paranoid) :
		READ_ONCE(perfmlock_kernel.paranoid_read);
}

/* Is the limit what the kernel itself reads? Any context. */
static inline bool perfmlock_limit_is_exact(void)
{
	return perfmlock_kernel.mlock_kb;
}

/*
 * user_lock_limit of this moment, in pages. One that is not known refuses
 * nobody: who judges asks perfmlock_limit_is_exact(). Any context.
 */
static inline unsigned long perfmlock_limit(void)
{
	int mlock_kb = perfmlock_mlock_kb();

	if (unlikely(mlock_kb == PERFMLOCK_NOT_KNOWN))
		return LONG_MAX;
	return perfmlock_user_lock_limit(mlock_kb, PAGE_SHIFT,
					 num_online_cpus());
}

/*
 * May current lock what it likes? As capable() for the initial namespace, which a
 * call of it would do with traces: an audit record and PF_SUPERPRIV.
 */
static inline bool perfmlock_capable(void)
{
	const struct cred *cred = current_cred();

	return cred->user_ns == &init_user_ns &&
	       cap_raised(cred->cap_effective, CAP_IPC_LOCK);
}

/* Would the check let current pass whatever the sums? */
static inline bool perfmlock_exempt(void)
{
	int paranoid = perfmlock_paranoid();

	return (paranoid <= -1 && paranoid != PERFMLOCK_NOT_KNOWN) ||
	       perfmlock_capable();
}

/*
 * Keeps the actor's user_struct valid. Where its release is not exported, the
 * actor's credentials serve, that hold one reference to it as well. Any
 * context.
 */
static inline const void *perfmlock_hold_user(const struct perfmlock_actor *actor)
{
#ifdef HAVE_FREE_UID
	return get_uid((struct user_struct *)actor->user);
#else
	return get_cred(actor->cred);
#endif
}

/* Lets go of what perfmlock_hold_user() gave. Process context. */
static inline void perfmlock_drop_user(const void *held)
{
#ifdef HAVE_FREE_UID
	free_uid((struct user_struct *)held);
#else
	put_cred(held);
#endif
}

/* Is what perfmlock_hold_user() gave the last that holds @user? Any context. */
static inline bool perfmlock_user_is_ours(const struct user_struct *user,
					  const void *held)
{
#ifndef HAVE_FREE_UID
	/* the credentials' one reference is their processes' as well */
	const struct cred *cred = held;

#ifdef HAVE_CRED_USAGE_LONG
	if (atomic_long_read(&cred->usage) != 1)
		return false;
#else
	if (atomic_read(&cred->usage) != 1)
		return false;
#endif
#endif
#ifdef HAVE_USER_COUNT_REFCOUNT
	return refcount_read(&user->__count) == 1;
#else
	return atomic_read(&user->__count) == 1;
#endif
}

/* A task's credentials, to be let go with put_cred(). Process context. */
static inline const struct cred *perfmlock_task_cred(struct task_struct *task)
{
#ifdef HAVE_GET_TASK_CRED
	return get_task_cred(task);
#else
	const struct cred *cred = NULL;
	bool held;

	do {
		rcu_read_lock();
		cred = __task_cred(task);
#ifdef HAVE_CRED_USAGE_LONG
		held = atomic_long_inc_not_zero(&((struct cred *)cred)->usage);
#else
		held = atomic_inc_not_zero(&((struct cred *)cred)->usage);
#endif
		rcu_read_unlock();
	} while (!held);
	return cred;
#endif
}

/* Has it no users any more? Any context; the caller keeps it. */
static inline bool perfmlock_mm_exited(const struct mm_struct *mm)
{
	return !atomic_read(&mm->mm_users);
}

/*
 * And are all of its mappings closed? Who lets go of the last use closes them,
 * and then gives back the file that is executed (__mmput()). Others may keep the
 * mm itself for as long as they like: by an open /proc/PID/maps, for one.
 */
static inline bool perfmlock_mm_closed(const struct mm_struct *mm)
{
	return perfmlock_mm_exited(mm) && !rcu_access_pointer(mm->exe_file);
}

/* Do return handlers run under a lock of kprobes' own (until v5.11)? */
#ifdef HAVE_KRETPROBE_LOCK
#define PERFMLOCK_RETURNS_LOCKED	true
#else
#define PERFMLOCK_RETURNS_LOCKED	false
#endif

/* Mappings through an event, AUX areas included. Any context; the caller keeps it. */
static inline unsigned int perfmlock_event_maps(const struct perf_event *event)
{
#ifdef HAVE_EVENT_MAPS_REFCOUNT
	return refcount_read(&event->mmap_count);
#else
	return atomic_read(&event->mmap_count);
#endif
}

/* The lock of an mm's mappings. */
static inline struct rw_semaphore *perfmlock_mmap_lock(struct mm_struct *mm)
{
#ifdef HAVE_MMAP_LOCK
	return &mm->mmap_lock;
#else
	return &mm->mmap_sem;
#endif
}

/*
 * Is nobody in the middle of changing its mappings? An munmap() closes what it
 * has taken out with mmap_lock held at least for reading. Nothing is changed
 * here, so what comes with the lock for who does is left out. Any context; the
 * caller keeps the mm.
 */
static inline bool perfmlock_mm_is_still(struct mm_struct *mm)
{
	if (!down_write_trylock(perfmlock_mmap_lock(mm)))
		return false;
	up_write(perfmlock_mmap_lock(mm));
	return true;
}

/* Can mappings of perf's be told from others? Any context. */
static inline bool perfmlock_knows_perf_vmas(void)
{
	return READ_ONCE(perfmlock_kernel.vm_ops) ||
	       READ_ONCE(perfmlock_kernel.close_at);
}

/* Is it where a probe on that function is, behind what the compiler puts before? */
static inline bool perfmlock_is_behind(const void *place, const void *function)
{
	return (unsigned long)place - (unsigned long)function < 32;
}

/*
 * Is it a mapping of perf's? Where their vm_ops have no symbol their close tells; or
 * that is no plain pointer, and the first mapping that is seen to be made brings them.
 * Any context; the caller keeps it.
 */
static inline bool perfmlock_is_perf_vma(const struct vm_area_struct *vma)
{
	const struct vm_operations_struct *ops = vma->vm_ops;

	if (likely(READ_ONCE(perfmlock_kernel.vm_ops)))
		return ops == perfmlock_kernel.vm_ops;
	if (!ops || !ops->close ||
	    !perfmlock_is_behind(READ_ONCE(perfmlock_kernel.close_at), ops->close))
		return false;
	WRITE_ONCE(perfmlock_kernel.vm_ops, ops);
	return true;
}

/*
 * Who answers for a process's mappings: its user; in a user namespace that
 * somebody made, who may have 65,536 uids there, that one. Those that root made
 * are of different tenants: each answers for itself.
 */
static inline u64 perfmlock_group_of(const struct cred *cred)
{
	const struct user_namespace *ns = cred->user_ns;

	if (ns == &init_user_ns)
		return from_kuid(&init_user_ns, cred->user->uid);
	while (ns->parent && ns->parent != &init_user_ns)
		ns = ns->parent;
	if (uid_eq(ns->owner, GLOBAL_ROOT_UID))
		return BIT_ULL(33) | ns->ns.inum;
	return BIT_ULL(32) | from_kuid(&init_user_ns, ns->owner);
}

/* What a buffer's row says of its event. Any context; the caller keeps it. */
static inline void perfmlock_event_of(const struct perf_event *event,
				      struct perfmlock_event *of)
{
	of->type = event->attr.type;
	of->config = event->attr.config;
	of->cpu = event->cpu;
}

/* Who may listen to an event by perf_event_open(); there may be no events at all. */
#ifdef CONFIG_TRACEPOINTS
#define perfmlock_trace_permit(event, may)	((event).perf_perm = (may))
#else
#define perfmlock_trace_permit(event, may)	((void)(may))
#endif

/* Since v5.8 a capability of its own is enough. Process context. */
static inline bool perfmlock_may_trace(void)
{
#ifdef CAP_PERFMON
	if (capable(CAP_PERFMON))
		return true;
#endif
	return capable(CAP_SYS_ADMIN);
}

/* Any context; the caller keeps it. */
static inline void perfmlock_nature_of(const struct perf_event *event,
				       struct perfmlock_nature *of)
{
	/* a driver that is unloaded takes it away */
	const struct pmu *pmu = READ_ONCE(event->pmu);

	of->inherits = event->attr.inherit;
	of->has_aux = pmu && pmu->setup_aux;
}

/* The books' view of a task. Any context; the caller keeps both valid. */
static inline void perfmlock_actor_of(const struct task_struct *task,
				      const struct cred *cred,
				      struct perfmlock_actor *actor)
{
	actor->user = cred->user;
	actor->cred = cred;
	actor->uid = from_kuid(&init_user_ns, cred->user->uid);
	actor->group = perfmlock_group_of(cred);
	actor->pid = task->tgid;
	memcpy(actor->comm, task->comm, sizeof(actor->comm));
}

/*
 * Its cgroup's id in the unified hierarchy, as bpf_get_current_cgroup_id() has it;
 * 0: there is none. Any context; the caller keeps the task.
 */
static inline u64 perfmlock_cgroup_of(struct task_struct *task)
{
	u64 id = 0;

#if defined(CONFIG_CGROUPS) && defined(HAVE_CGROUP_ID)
	rcu_read_lock();
	id = cgroup_id(task_dfl_cgroup(task));
	rcu_read_unlock();
#endif
	return id;
}

/* When and as what current makes a call. Any context. */
static inline void perfmlock_scene_of_current(struct perfmlock_scene *scene)
{
	const struct cred *cred = current_cred();

	scene->time = ktime_get_real_ns();
	scene->cgroup = perfmlock_cgroup_of(current);
	scene->userns = cred->user_ns == &init_user_ns ? 0 :
			cred->user_ns->ns.inum;
	scene->euid = from_kuid(&init_user_ns, cred->euid);
}

#endif /* PERFMLOCK_KERNEL_H */
