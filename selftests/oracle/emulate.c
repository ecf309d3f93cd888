// SPDX-License-Identifier: GPL-2.0
/*
 * Makes this kernel charge by another kernel's rule: model= names one of
 * module/charge.c. This is emulation: perf's own code runs, and what it did to
 * U and M is replaced, when perf_mmap() or perf_mmap_close() returns, by what
 * the rule does. A refusal by the rule is made the kernel's own, by an M that
 * no rlimit admits while perf_mmap() runs.
 *
 * To be loaded before perfmlock: of two return probes on a function that which
 * was registered first runs its entry last and its return first, so perfmlock
 * sees the counters as the rule has them. For tests, one process at a time.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/err.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/perf_event.h>
#include <linux/resource.h>
#include <linux/sched/signal.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "../../module/charge.h"
#include "../../module/regs.h"
#include "../../module/symbol.h"

#ifdef HAVE_PERF_MLOCK
#define PERF_COUNTER	perf_mlock
#else
#define PERF_COUNTER	locked_vm
#endif

static char *model = "S5";
module_param(model, charp, 0400);
MODULE_PARM_DESC(model, "The rule to charge by: S0, S0c, S1 ... S6");

static const struct perfmlock_model *rule;

#define MAX_BUFFERS	4096

/* What the rule remembers of a buffer, by kind. */
struct buffer {
	const void *rb;
	struct user_struct *user;
	unsigned long pages[PERFMLOCK_KINDS];
	long rec[PERFMLOCK_KINDS];
};

static struct buffer *buffers;
static DEFINE_RAW_SPINLOCK(lock);

static const int *mlock_kb, *paranoid;

/* From entry to return of a call. */
struct in_call {
	struct perf_event *event;
	struct mm_struct *mm;
	struct user_struct *user;
	const void *rb;
	enum perfmlock_kind kind;
	unsigned long pages;
	bool first;
	struct perfmlock_charge charge;
	long user_before;	/* as perf finds them */
	long mm_before;
	long user_moved;	/* what was done to make it find them so */
	long mm_moved;
};

static struct buffer *find(const void *rb)
{
	unsigned int i;

	for (i = 0; i < MAX_BUFFERS; i++)
		if (buffers[i].rb == rb)
			return &buffers[i];
	return NULL;
}

static long read_user(const struct user_struct *user)
{
	return atomic_long_read(&user->PERF_COUNTER);
}

static void add_user(struct user_struct *user, long pages)
{
	atomic_long_add(pages, &user->PERF_COUNTER);
}

#ifdef HAVE_PINNED_VM_ATOMIC64
static long read_mm(const struct mm_struct *mm)
{
	return atomic64_read(&mm->pinned_vm);
}

static void add_mm(struct mm_struct *mm, long pages)
{
	atomic64_add(pages, &mm->pinned_vm);
}
#else
static long read_mm(const struct mm_struct *mm)
{
	return mm->pinned_vm;
}

static void add_mm(struct mm_struct *mm, long pages)
{
	mm->pinned_vm += pages;
}
#endif

/* Let perf find nothing on U, and on M what makes it decide as the rule does. */
static void force(struct in_call *in, unsigned long limit)
{
	long extra = in->pages > limit ? in->pages - limit : 0;
	bool exempt = *paranoid < 0 || cap_raised(current_cred()->cap_effective,
						  CAP_IPC_LOCK);
	long mm = in->charge.over && !exempt ? LONG_MAX / 2 : -extra;

	in->user_moved = -in->user_before;
	in->mm_moved = mm - in->mm_before;
	add_user(in->user, in->user_moved);
	add_mm(in->mm, in->mm_moved);
}

static int map_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct file *file = (void *)perfmlock_argument(regs, 0);
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 1);
	struct in_call *in = (void *)ri->data;
	struct perfmlock_state state;
	const struct buffer *buffer;

	memset(in, 0, sizeof(*in));
	in->event = file->private_data;
	in->mm = vma->vm_mm;
	in->user = current_user();
	in->rb = in->event->rb;
	in->kind = vma->vm_pgoff ? PERFMLOCK_AUX : PERFMLOCK_DATA;
	in->pages = (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
	in->user_before = read_user(in->user);
	in->mm_before = read_mm(in->mm);

	raw_spin_lock(&lock);
	buffer = in->rb ? find(in->rb) : NULL;
	in->first = in->kind == PERFMLOCK_DATA ? !in->rb :
			buffer && !buffer->pages[PERFMLOCK_AUX];
	raw_spin_unlock(&lock);
	if (!in->first)
		return 0;
	state.user = in->user_before;
	state.mm = in->mm_before;
	state.limit = perfmlock_user_lock_limit(*mlock_kb, PAGE_SHIFT,
						num_online_cpus());
	state.rlimit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	perfmlock_model_charge(rule, &state, in->pages, &in->charge);
	force(in, state.limit);
	return 0;
}

/* Back to what the counters were before the call. */
static void undo(struct in_call *in)
{
	add_user(in->user, in->user_before - read_user(in->user));
	add_mm(in->mm, in->mm_before - read_mm(in->mm));
}

static void remember(const struct in_call *in)
{
	struct buffer *buffer;

	raw_spin_lock(&lock);
	buffer = find(in->kind == PERFMLOCK_DATA ? NULL : in->rb);
	if (buffer) {
		if (in->kind == PERFMLOCK_DATA)
			buffer->user = in->user;
		buffer->rb = in->event->rb;
		buffer->pages[in->kind] = in->pages;
		buffer->rec[in->kind] = in->charge.rec;
	}
	raw_spin_unlock(&lock);
	WARN_ONCE(!buffer, "more buffers than this module is made for\n");
}

static int map_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct in_call *in = (void *)ri->data;
	struct perfmlock_observation again = {
		.step = PERFMLOCK_REMAP,
		.kind = in->kind,
		.pages = in->pages,
	};
	bool failed = (int)perfmlock_result(regs);

	undo(in);
	if (failed)
		return 0;
	if (in->first)
		remember(in);
	else
		perfmlock_model_step(rule, &again, &in->charge);
	add_user(in->user, in->charge.user);
	add_mm(in->mm, in->charge.mm);
	return 0;
}

static int close_entry(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 0);
	struct in_call *in = (void *)ri->data;
	struct buffer *buffer;

	memset(in, 0, sizeof(*in));
	in->event = vma->vm_file->private_data;
	in->mm = vma->vm_mm;
	in->rb = in->event->rb;
	in->kind = vma->vm_pgoff ? PERFMLOCK_AUX : PERFMLOCK_DATA;
	raw_spin_lock(&lock);
	buffer = in->rb ? find(in->rb) : NULL;
	in->user = buffer ? buffer->user : NULL;
	raw_spin_unlock(&lock);
	if (!in->user)
		return 1;
	in->user_before = read_user(in->user);
	in->mm_before = read_mm(in->mm);
	return 0;
}

/* The rule's uncharge of a part that has gone. */
static void uncharge(struct in_call *in, struct buffer *buffer,
		     enum perfmlock_kind kind)
{
	const struct perfmlock_observation last = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = kind,
		.pages = buffer->pages[kind],
		.rec = buffer->rec[kind],
	};
	struct perfmlock_charge charge;

	perfmlock_model_step(rule, &last, &charge);
	in->charge.user += charge.user;
	in->charge.mm += charge.mm;
	buffer->pages[kind] = 0;
	buffer->rec[kind] = 0;
}

/*
 * What went is told by whether perf took back anything at all, and whether the
 * event still has its buffer: how much it takes is another matter, it was too
 * much before v5.4.
 */
static int close_return(struct kretprobe_instance *ri, struct pt_regs *regs)
{
	struct in_call *in = (void *)ri->data;
	struct buffer *buffer;
	bool taken;

	taken = in->user_before != read_user(in->user) ||
		in->mm_before != read_mm(in->mm);
	undo(in);
	raw_spin_lock(&lock);
	buffer = find(in->rb);
	if (buffer && taken && in->kind == PERFMLOCK_AUX)
		uncharge(in, buffer, PERFMLOCK_AUX);
	if (buffer && taken && !in->event->rb) {
		uncharge(in, buffer, PERFMLOCK_DATA);
		memset(buffer, 0, sizeof(*buffer));
	}
	raw_spin_unlock(&lock);
	add_user(in->user, in->charge.user);
	add_mm(in->mm, in->charge.mm);
	return 0;
}

static struct kretprobe probes[] = {
	{
		.kp.symbol_name = "perf_mmap",
		.entry_handler = map_entry, .handler = map_return,
	}, {
		.kp.symbol_name = "perf_mmap_close",
		.entry_handler = close_entry, .handler = close_return,
	},
};

static struct kretprobe *all_probes[ARRAY_SIZE(probes)];

static int __init emulate_init(void)
{
	unsigned int i;
	int value, ret;

	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (!strcmp(perfmlock_models[i].name, model))
			rule = &perfmlock_models[i];
	if (!rule) {
		pr_err("model=%s: there is none of that name, but S0, S0c, S1 ... S6\n",
		       model);
		return -EINVAL;
	}
	mlock_kb = perfmlock_find_sysctl("sysctl_perf_event_mlock",
					 "perf_event_mlock_kb", &value);
	paranoid = perfmlock_find_sysctl("sysctl_perf_event_paranoid",
					 "perf_event_paranoid", &value);
	if (!mlock_kb || !paranoid) {
		pr_err("the limits cannot be found: CONFIG_KALLSYMS_ALL=y or CONFIG_PROC_SYSCTL=y is needed\n");
		return -ENOENT;
	}
	buffers = kvcalloc(MAX_BUFFERS, sizeof(*buffers), GFP_KERNEL);
	if (!buffers)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(probes); i++) {
		probes[i].data_size = sizeof(struct in_call);
		probes[i].maxactive = 64;
		all_probes[i] = &probes[i];
	}
	ret = register_kretprobes(all_probes, ARRAY_SIZE(all_probes));
	if (ret) {
		kvfree(buffers);
		return ret;
	}
	pr_info("emulating %s (%s)\n", rule->name, rule->commit);
	return 0;
}

static void __exit emulate_exit(void)
{
	unregister_kretprobes(all_probes, ARRAY_SIZE(all_probes));
	kvfree(buffers);
}

module_init(emulate_init);
module_exit(emulate_exit);
MODULE_DESCRIPTION("perf's accounting as other kernels do it, for the tests of perfmlock");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
