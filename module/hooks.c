// SPDX-License-Identifier: GPL-2.0
/*
 * The three functions are reached through pointers in perf's file and vma
 * operations, so no compiler renames or inlines them; their helpers it may.
 *
 * Handlers run with preemption off, possibly with interrupts off, and must
 * not sleep, allocate or take a lock that sleeps on PREEMPT_RT. Between entry
 * and return nothing is held but a place in the ledger: when the probes are
 * unregistered, a return handler in flight never runs.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cred.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/perf_event.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "hooks.h"
#include "kernel.h"
#include "ledger.h"

static struct perfmlock_ledger *ledger;
static void (*on_missed)(void);
static unsigned long missed_before;

static struct kretprobe map_probe, close_probe;
static struct kprobe open_probe;
static struct kretprobe *const retprobes[] = { &map_probe, &close_probe };

/* What goes from entry to return: the call's place in the ledger. */
struct observed {
	struct perfmlock_call *call;
	const struct user_struct *user;
	const struct mm_struct *mm;
	const struct perf_event *event;
};

static __always_inline unsigned long missed_now(void)
{
	return READ_ONCE(map_probe.nmissed) + READ_ONCE(close_probe.nmissed);
}

/*
 * A call is missed while others are under way, and may outlast them. These
 * find out when they return, the next when it begins.
 */
static void __kprobes found_missed(struct perfmlock_call *call)
{
	missed_before = missed_now();
	perfmlock_call_disturbed(ledger, call);
	on_missed();
}

static __always_inline void look_for_missed(struct perfmlock_call *call,
					    unsigned long before)
{
	if (unlikely(before != missed_now()))
		found_missed(call);
}

static __always_inline struct perfmlock_call *new_call(void)
{
	if (likely(!ledger->nr_active))
		return &ledger->calls[0];
	return perfmlock_call_new(ledger);
}

static __always_inline void
describe(struct perfmlock_call *call, const struct observed *seen,
	 const struct vm_area_struct *vma, const void *rb)
{
	call->user = NULL;
	call->task = current;
	call->event = seen->event;
	call->rb = rb;
	call->mm = seen->mm;
	call->start = vma->vm_start;
	call->pgoff = vma->vm_pgoff;
	call->pages = (vma->vm_end - vma->vm_start) >> PAGE_SHIFT;
	look_for_missed(call, missed_before);
	call->missed = missed_before;
	call->before.user = perfmlock_read_user(seen->user);
	call->before.mm = perfmlock_read_mm(seen->mm);
}

static int __kprobes map_entry(struct kretprobe_instance *ri,
			       struct pt_regs *regs)
{
	const struct file *file = (void *)perfmlock_argument(regs, 0);
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 1);
	struct observed *seen = (void *)ri->data;
	struct perfmlock_call *call;
	bool begun = false;

	seen->user = current_user();
	seen->mm = vma->vm_mm;
	seen->event = file->private_data;

	raw_spin_lock(&ledger->lock);
	call = new_call();
	if (likely(call)) {
		describe(call, seen, vma, READ_ONCE(seen->event->rb));
		call->before.limit = perfmlock_limit();
		call->before.rlimit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
		begun = perfmlock_map_begin(ledger, call, seen->user);
	}
	raw_spin_unlock(&ledger->lock);
	seen->call = call;
	return !begun;
}

static int __kprobes map_return(struct kretprobe_instance *ri,
				struct pt_regs *regs)
{
	const struct observed *seen = (void *)ri->data;

	raw_spin_lock(&ledger->lock);
	look_for_missed(seen->call, seen->call->missed);
	/* an int comes back in the lower half of the register alone */
	perfmlock_map_end(ledger, seen->call, (int)regs_return_value(regs),
			  READ_ONCE(seen->event->rb),
			  perfmlock_read_user(seen->user),
			  perfmlock_read_mm(seen->mm));
	raw_spin_unlock(&ledger->lock);
	return 0;
}

static int __kprobes close_entry(struct kretprobe_instance *ri,
				 struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 0);
	struct observed *seen = (void *)ri->data;
	const struct perfmlock_buffer *data;
	struct perfmlock_call *call = NULL;
	const void *rb;

	/* at exit current->mm is gone already */
	seen->mm = vma->vm_mm;
	seen->event = vma->vm_file->private_data;
	rb = READ_ONCE(seen->event->rb);

	raw_spin_lock(&ledger->lock);
	data = perfmlock_close_buffer(ledger, current, rb);
	if (!IS_ERR(data))
		call = new_call();
	if (likely(call)) {
		/* any will do where it is not known whose counter moves */
		seen->user = data ? data->user->node.key : current_user();
		describe(call, seen, vma, rb);
		perfmlock_close_begin(ledger, call, data);
	}
	raw_spin_unlock(&ledger->lock);
	seen->call = call;
	return !call;
}

static int __kprobes close_return(struct kretprobe_instance *ri,
				  struct pt_regs *regs)
{
	const struct observed *seen = (void *)ri->data;

	raw_spin_lock(&ledger->lock);
	look_for_missed(seen->call, seen->call->missed);
	perfmlock_close_end(ledger, seen->call, READ_ONCE(seen->event->rb),
			    perfmlock_read_user(seen->user),
			    perfmlock_read_mm(seen->mm));
	raw_spin_unlock(&ledger->lock);
	return 0;
}

static int __kprobes open_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 0);
	const struct perf_event *event = vma->vm_file->private_data;

	raw_spin_lock(&ledger->lock);
	perfmlock_open(ledger, READ_ONCE(event->rb), vma->vm_pgoff);
	raw_spin_unlock(&ledger->lock);
	return 0;
}

/* kprobes' core rewrites its structures: each registration starts anew */
static void fill_probes(int maxactive)
{
	unsigned int i;

	memset(&map_probe, 0, sizeof(map_probe));
	map_probe.kp.symbol_name = "perf_mmap";
	map_probe.entry_handler = map_entry;
	map_probe.handler = map_return;

	memset(&close_probe, 0, sizeof(close_probe));
	close_probe.kp.symbol_name = "perf_mmap_close";
	close_probe.entry_handler = close_entry;
	close_probe.handler = close_return;

	for (i = 0; i < ARRAY_SIZE(retprobes); i++) {
		retprobes[i]->data_size = sizeof(struct observed);
		retprobes[i]->maxactive = maxactive;
	}

	memset(&open_probe, 0, sizeof(open_probe));
	open_probe.symbol_name = "perf_mmap_open";
	open_probe.pre_handler = open_entry;
}

/*
 * Registered is not armed: kprobes can be switched off at run time. A probe
 * on a function of our own tells.
 */
static unsigned long own_probe_hits;

static noinline int probed_by_self(int value)
{
	/* keep the call and the function as they are written */
	barrier();
	return value;
}

static int __kprobes own_entry(struct kprobe *probe, struct pt_regs *regs)
{
	WRITE_ONCE(own_probe_hits, own_probe_hits + 1);
	return 0;
}

static struct kprobe own_probe;

static bool probes_work(void)
{
	unsigned long before = READ_ONCE(own_probe_hits);

	probed_by_self(0);
	return READ_ONCE(own_probe_hits) != before;
}

static int test_probes(void)
{
	int ret;

	memset(&own_probe, 0, sizeof(own_probe));
	own_probe.addr = (kprobe_opcode_t *)probed_by_self;
	own_probe.pre_handler = own_entry;
	ret = register_kprobe(&own_probe);
	if (ret) {
		pr_err("kprobes do not work here (%d): CONFIG_KPROBES=y is needed\n",
		       ret);
		return ret;
	}
	if (probes_work())
		return 0;
	unregister_kprobe(&own_probe);
	pr_err("kprobes are switched off: write 1 to /sys/kernel/debug/kprobes/enabled\n");
	return -ENODEV;
}

/**
 * perfmlock_hooks_armed() - do the probes see anything
 *
 * If they do not, or did not when this was asked last, calls went by unseen.
 *
 * Context: process, may sleep; takes the ledger's lock.
 *
 * Return: false if kprobes are switched off.
 */
bool perfmlock_hooks_armed(void)
{
	static bool were_off;
	bool armed = probes_work();

	if (!armed || READ_ONCE(were_off)) {
		raw_spin_lock(&ledger->lock);
		ledger->blind = true;
		raw_spin_unlock(&ledger->lock);
		on_missed();
	}
	WRITE_ONCE(were_off, !armed);
	return armed;
}

static void refuse(const char *symbol, int ret)
{
	if (!perfmlock_has_symbol(symbol))
		pr_err("this kernel has no symbol %s to probe: CONFIG_PERF_EVENTS=y and CONFIG_KALLSYMS=y are needed\n",
		       symbol);
	else if (ret == -EOPNOTSUPP)
		pr_err("%s cannot be probed: CONFIG_KRETPROBES=y is needed\n",
		       symbol);
	else
		pr_err("%s cannot be probed (%d)\n", symbol, ret);
}

/**
 * perfmlock_hooks_register() - begin to observe
 * @books: where observations go
 * @maxactive: calls under way that each probe can follow
 * @missed: called when a probe has missed calls; any context
 *
 * Context: process, may sleep.
 *
 * Return: 0; or an error, with one line in the log that says what is missing,
 * and nothing left registered.
 */
int perfmlock_hooks_register(struct perfmlock_ledger *books, int maxactive,
			     void (*missed)(void))
{
	int ret;

	ledger = books;
	on_missed = missed;
	missed_before = 0;
	ret = test_probes();
	if (ret)
		return ret;

	fill_probes(maxactive);
	/* the close first: a mapping that is seen must be seen to go */
	ret = register_kretprobe(&close_probe);
	if (ret) {
		refuse("perf_mmap_close", ret);
		goto no_close;
	}
	ret = register_kprobe(&open_probe);
	if (ret) {
		refuse("perf_mmap_open", ret);
		goto no_open;
	}
	ret = register_kretprobe(&map_probe);
	if (ret) {
		refuse("perf_mmap", ret);
		goto no_map;
	}
	return 0;

no_map:
	unregister_kprobe(&open_probe);
no_open:
	unregister_kretprobe(&close_probe);
no_close:
	unregister_kprobe(&own_probe);
	return ret;
}

/**
 * perfmlock_hooks_unregister() - observe no more
 *
 * No handler runs afterwards; calls under way return unobserved.
 *
 * Context: process, may sleep.
 */
void perfmlock_hooks_unregister(void)
{
	struct kretprobe *all[ARRAY_SIZE(retprobes)];

	memcpy(all, retprobes, sizeof(all));
	unregister_kretprobes(all, ARRAY_SIZE(all));
	unregister_kprobe(&open_probe);
	unregister_kprobe(&own_probe);
}

/**
 * perfmlock_hook_state() - a probe for status
 * @i: which, from 0
 * @state: result
 *
 * Context: any.
 *
 * Return: false if there is no such probe.
 */
bool perfmlock_hook_state(unsigned int i, struct perfmlock_hook_state *state)
{
	if (i < ARRAY_SIZE(retprobes)) {
		state->symbol = retprobes[i]->kp.symbol_name;
		/* no instance was free, or the probe was hit within a probe */
		state->missed = READ_ONCE(retprobes[i]->nmissed) +
				READ_ONCE(retprobes[i]->kp.nmissed);
		return true;
	}
	if (i == ARRAY_SIZE(retprobes)) {
		state->symbol = open_probe.symbol_name;
		state->missed = READ_ONCE(open_probe.nmissed);
		return true;
	}
	return false;
}

/**
 * perfmlock_hooks_missed() - calls that no probe saw, ever
 *
 * Context: any.
 *
 * Return: their number.
 */
unsigned long perfmlock_hooks_missed(void)
{
	struct perfmlock_hook_state state;
	unsigned long missed = 0;
	unsigned int i;

	for (i = 0; perfmlock_hook_state(i, &state); i++)
		missed += state.missed;
	return missed;
}

static bool adopt(struct task_struct *task, struct vm_area_struct *vma)
{
	const struct perf_event *event = vma->vm_file->private_data;
	const void *rb = READ_ONCE(event->rb);
	struct perfmlock_actor actor;
	struct perfmlock_event of;
	const struct cred *cred;
	bool done;

	if (!rb)
		return true;
	perfmlock_event_of(event, &of);
	/* the rows' memory; whoever is below the reserve is counted */
	perfmlock_ledger_fill(ledger);
	cred = perfmlock_task_cred(task);
	perfmlock_actor_of(task, cred, &actor);
	raw_spin_lock(&ledger->lock);
	done = perfmlock_sweep_meet(ledger, &actor, vma->vm_mm, rb,
				    vma->vm_pgoff, vma_pages(vma), &of);
	raw_spin_unlock(&ledger->lock);
	put_cred(cred);
	return done;
}

/**
 * perfmlock_hooks_adopt() - learn of every buffer that is mapped now
 *
 * At the load, for what was mapped before; later, for what was missed.
 * Buffers of the books that are mapped no more are dropped.
 *
 * Context: process, may sleep; the probes are registered.
 *
 * Return: 0, -ENOMEM, or -EAGAIN: not all could be booked.
 */
int perfmlock_hooks_adopt(void)
{
	int ret;

	perfmlock_sweep_begin(ledger);
	ret = perfmlock_walk_vmas((unsigned long)close_probe.kp.addr, adopt);
	if (!ret)
		perfmlock_sweep_end(ledger);
	return ret;
}
