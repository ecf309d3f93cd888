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
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/mutex.h>
#include <linux/perf_event.h>
#include <linux/printk.h>
#include <linux/string.h>
#include <linux/stringify.h>

#include "hooks.h"
#include "kernel.h"
#include "ledger.h"
#include "trace.h"
#include "tracing.h"

static struct perfmlock_ledger *ledger;
static unsigned int missed_before;

static struct kretprobe map_probe, close_probe;
static struct kprobe open_probe, split_probe;
static bool splits_probed;
static unsigned long seen_opens, seen_splits;
static struct kretprobe *const retprobes[] = { &map_probe, &close_probe };

/* What goes from entry to return: the call's place in the ledger. */
struct observed {
	struct perfmlock_call *call;
	const struct mm_struct *mm;
	const struct perf_event *event;
	struct vm_area_struct *vma;
};

/* Calls that each probe saw, for who asks whether it sees most of them. */
static unsigned long seen_calls[ARRAY_SIZE(retprobes)];

/* Returns that could not be booked. */
static atomic_t nr_left[ARRAY_SIZE(retprobes)];

static __always_inline unsigned int missed_now(void)
{
	/* ints, that wrap */
	unsigned int missed = (unsigned int)READ_ONCE(map_probe.nmissed) +
			      (unsigned int)READ_ONCE(close_probe.nmissed);

	if (PERFMLOCK_RETURNS_LOCKED)
		missed += atomic_read(&nr_left[0]) + atomic_read(&nr_left[1]);
	return missed;
}

/*
 * A call is missed while others are under way, and may outlast them. These
 * find out when they return, the next when it begins. It is counted before it moves
 * anything: who has read the counters first will know.
 */
static __always_inline void look_for_missed(void)
{
	smp_rmb(); /* the counters were read before */
	if (unlikely(missed_before != missed_now())) {
		missed_before = missed_now();
		perfmlock_unseen(ledger);
		if (PERFMLOCK_RETURNS_LOCKED) {
			smp_rmb(); /* with leave() */
			perfmlock_end_left(ledger);
		}
	}
}

/*
 * Up to v5.10 a return handler runs under a lock of kprobes' own, and who holds the
 * ledger's may wait for that: another tracer's kretprobe can be on whatever it
 * calls. So it is not waited for long: 65,536 pauses are some milliseconds.
 */
#define MOST_TRIES	BIT(16)

/* The call has returned and cannot be booked: who takes the lock next ends it. */
static void leave(const struct observed *seen, unsigned int probe)
{
	seen->call->left_rb = READ_ONCE(seen->event->rb);
	/* with perfmlock_end_left() */
	smp_store_release(&seen->call->left, true);
	smp_mb__before_atomic(); /* what is counted is there */
	atomic_inc(&nr_left[probe]);
	ledger->ops->unseen();
}

static __always_inline bool lock_at_return(const struct observed *seen,
					   unsigned int probe,
					   unsigned long *flags)
{
	unsigned int tries;

	if (!PERFMLOCK_RETURNS_LOCKED) {
		perfmlock_lock(ledger, *flags);
		return true;
	}
	for (tries = 0; !perfmlock_trylock(ledger, *flags); tries++) {
		if (tries == MOST_TRIES) {
			leave(seen, probe);
			return false;
		}
		cpu_relax();
	}
	return true;
}

static __always_inline void
describe(struct perfmlock_call *call, const struct observed *seen,
	 const struct user_struct *user, const void *rb)
{
	struct vm_area_struct *vma = seen->vma;

	call->task = current;
	call->event = seen->event;
	call->rb = rb;
	call->mm = seen->mm;
	call->start = vma->vm_start;
	call->pgoff = vma->vm_pgoff;
	call->pages = vma_pages(vma);
	call->before.user = likely(user) ? perfmlock_read_user(user) : 0;
	call->before.mm = perfmlock_read_mm(seen->mm);
	look_for_missed();
}

/* U now; the call's row keeps its user, and where there is none nobody asks. */
static __always_inline long user_now(const struct perfmlock_call *call)
{
	return likely(call->user) ? perfmlock_read_user(call->user->node.key) :
				    0;
}

/*
 * What the call's end tells is wanted by who listens to a trace event; NULL: by
 * nobody. He is told when the lock is free again.
 */
static __always_inline struct perfmlock_notes *begin_notes(void)
{
	if (trace_charge_enabled() || trace_uncharge_enabled() ||
	    trace_denial_enabled() || trace_drift_enabled() ||
	    trace_repair_enabled())
		return perfmlock_trace_begin();
	return NULL;
}

static __always_inline void end_notes(const struct perfmlock_notes *notes)
{
	if (unlikely(notes))
		perfmlock_trace_end(notes);
}

static int __kprobes map_entry(struct kretprobe_instance *ri,
			       struct pt_regs *regs)
{
	const struct file *file = (void *)perfmlock_argument(regs, 0);
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 1);
	const struct user_struct *user = current_user();
	struct observed *seen = (void *)ri->data;
	struct perfmlock_call *call;
	unsigned long flags;
	bool begun = false;

	seen->mm = vma->vm_mm;
	seen->event = file->private_data;
	seen->vma = vma;

	perfmlock_lock(ledger, flags);
	seen_calls[0]++;
	call = perfmlock_call_new(ledger);
	if (likely(call)) {
		describe(call, seen, user, READ_ONCE(seen->event->rb));
		call->before.limit = perfmlock_limit();
		call->before.rlimit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
		begun = perfmlock_map_begin(ledger, call, user);
	}
	perfmlock_unlock(ledger, flags);
	seen->call = call;
	return !begun;
}

static int __kprobes map_return(struct kretprobe_instance *ri,
				struct pt_regs *regs)
{
	const struct observed *seen = (void *)ri->data;
	/* an int comes back in the lower half of the register alone */
	int ret = perfmlock_result(regs);
	struct perfmlock_notes *notes = begin_notes();
	unsigned long flags;
	const void *rb;
	long user, mm;

	if (unlikely(!lock_at_return(seen, 0, &flags)))
		goto out;
	ledger->notes = notes;
	rb = READ_ONCE(seen->event->rb);
	user = user_now(seen->call);
	mm = perfmlock_read_mm(seen->mm);
	look_for_missed();
	if (unlikely(ret < 0))
		seen->call->private = !(seen->vma->vm_flags & VM_SHARED);
	perfmlock_map_end(ledger, seen->call, ret, rb, user, mm);
	if (unlikely(!perfmlock_kernel.vm_ops && !ret)) {
		WRITE_ONCE(perfmlock_kernel.vm_ops, seen->vma->vm_ops);
		ledger->ops->unseen();
	}
	ledger->notes = NULL;
	perfmlock_unlock(ledger, flags);
out:
	end_notes(notes);
	return 0;
}

static int __kprobes close_entry(struct kretprobe_instance *ri,
				 struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 0);
	struct observed *seen = (void *)ri->data;
	struct perfmlock_call *call = NULL;
	struct perfmlock_buffer *data;
	unsigned long flags;
	const void *rb;

	/* at exit current->mm is gone already */
	seen->mm = vma->vm_mm;
	seen->event = vma->vm_file->private_data;
	seen->vma = vma;
	rb = READ_ONCE(seen->event->rb);

	perfmlock_lock(ledger, flags);
	seen_calls[1]++;
	data = perfmlock_close_buffer(ledger, current, seen->event, rb,
				      vma->vm_pgoff, vma_pages(vma));
	if (!IS_ERR(data))
		call = perfmlock_call_new(ledger);
	if (likely(call)) {
		describe(call, seen,
			 data && !data->adopted ? data->user->node.key : NULL,
			 rb);
		call->event_maps = perfmlock_event_maps(seen->event);
		perfmlock_close_begin(ledger, call, data);
	}
	perfmlock_unlock(ledger, flags);
	seen->call = call;
	return !call;
}

static int __kprobes close_return(struct kretprobe_instance *ri,
				  struct pt_regs *regs)
{
	const struct observed *seen = (void *)ri->data;
	struct perfmlock_notes *notes = begin_notes();
	unsigned long flags;
	const void *rb;
	long user, mm;

	if (unlikely(!lock_at_return(seen, 1, &flags)))
		goto out;
	ledger->notes = notes;
	rb = READ_ONCE(seen->event->rb);
	user = user_now(seen->call);
	mm = perfmlock_read_mm(seen->mm);
	look_for_missed();
	perfmlock_close_end(ledger, seen->call, rb, user, mm);
	ledger->notes = NULL;
	perfmlock_unlock(ledger, flags);
out:
	end_notes(notes);
	return 0;
}

static int __kprobes open_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 0);
	const struct perf_event *event = vma->vm_file->private_data;
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	seen_opens++;
	perfmlock_open(ledger, READ_ONCE(event->rb), vma->vm_pgoff,
		       vma_pages(vma), vma->vm_mm);
	perfmlock_unlock(ledger, flags);
	return 0;
}

/* perf_mmap_may_split(): not every kernel has it; it always says no. */
static int __kprobes split_entry(struct kprobe *probe, struct pt_regs *regs)
{
	struct vm_area_struct *vma = (void *)perfmlock_argument(regs, 0);

	WRITE_ONCE(seen_splits, READ_ONCE(seen_splits) + 1);
	perfmlock_split_refused(ledger, vma->vm_file->private_data,
				vma->vm_pgoff, vma_pages(vma));
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

	memset(&split_probe, 0, sizeof(split_probe));
	split_probe.symbol_name = "perf_mmap_may_split";
	split_probe.pre_handler = split_entry;
}

/*
 * Registered is not armed: kprobes can be switched off at run time, and those that
 * function tracing does with it. And armed is not seeing: there are kernels on
 * which every kretprobe misses. One on a function of our own tells, that is
 * traced if the hooked ones are. It is found by its symbol: under CFI its address
 * is that of a jump table.
 */
#define OWN_TRACED	perfmlock_probed_by_self
#define OWN_UNTRACED	perfmlock_probed_by_self_untraced
#define OWN_CALLS	4

noinline __noclone int OWN_TRACED(int value)
{
	/* keep the call and the function as they are written */
	barrier();
	return value;
}

notrace noinline __noclone int OWN_UNTRACED(int value)
{
	barrier();
	return value;
}

/* Are the hooks' kprobes done by function tracing? All are of one source file. */
static bool hooks_traced;

static void call_own(void)
{
	if (hooks_traced)
		OWN_TRACED(0);
	else
		OWN_UNTRACED(0);
}

/* Its probe follows a few calls at once, and readers may be many. */
static DEFINE_MUTEX(own_mutex);
static unsigned long own_entries, own_returns;
static struct kretprobe own_probe;
/* Somebody has found the probes switched off, and whom to tell. */
static unsigned int found_off;
static void (*tell_off)(void);

static int __kprobes own_entry(struct kretprobe_instance *ri,
			       struct pt_regs *regs)
{
	WRITE_ONCE(own_entries, own_entries + 1);
	return 0;
}

static int __kprobes own_return(struct kretprobe_instance *ri,
				struct pt_regs *regs)
{
	WRITE_ONCE(own_returns, own_returns + 1);
	return 0;
}

/*
 * A probe for which a jump was put in goes later than its owner knows, and one of a
 * module that has gone is written over all the same where the kernel lacks a check
 * (v6.3): a BUG. So it goes while we are here.
 */
#define UNJUMP_MS	20
#define UNJUMP_TRIES	250

static void unregister_own(void)
{
	const kprobe_opcode_t *at = own_probe.kp.addr;
	unsigned int tries = 0;

	unregister_kretprobe(&own_probe);
	if (!IS_ENABLED(CONFIG_OPTPROBES) || hooks_traced)
		return;
	while (READ_ONCE(*at) != own_probe.kp.opcode && tries++ < UNJUMP_TRIES)
		msleep(UNJUMP_MS);
	if (tries > UNJUMP_TRIES)
		pr_warn("a kprobe is still where the module goes: if a kernel of before v6.3 takes that out later, it is a BUG\n");
}

static bool own_seen(void)
{
	unsigned int i;

	own_entries = 0;
	own_returns = 0;
	for (i = 0; i < OWN_CALLS; i++)
		call_own();
	/* what it calls does not write them, the compiler knows */
	return READ_ONCE(own_entries) == OWN_CALLS &&
	       READ_ONCE(own_returns) == OWN_CALLS;
}

/*
 * Where a breakpoint counts as an NMI (since v5.8), kretprobes that do nothing in
 * one (until e03b4a084ea6, v5.10) miss all calls: RHEL 8.4 to 8.10. What they guard
 * against is a real one, that comes while their own locks are held. None of these
 * functions is called in an NMI, so that it is no NMI may be said for the time of
 * the handler, as e03b4a084ea6 has it for all.
 */
static kprobe_pre_handler_t kretprobe_handler;

static int __kprobes no_nmi(struct kprobe *probe, struct pt_regs *regs)
{
	unsigned int nmi = in_nmi();
	int ret;

	__preempt_count_sub(nmi);
	ret = kretprobe_handler(probe, regs);
	__preempt_count_add(nmi);
	return ret;
}

static void see_in_breakpoints(void)
{
	struct kretprobe *all[] = { &map_probe, &close_probe, &own_probe };
	unsigned int i;

	kretprobe_handler = own_probe.kp.pre_handler;
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		/* with no_nmi() on another CPU */
		smp_store_release(&all[i]->kp.pre_handler, no_nmi);
		/* what went by is as what went by before the load */
		WRITE_ONCE(all[i]->nmissed, 0);
	}
}

static int test_probes(void)
{
	bool seen;
	int ret;

	hooks_traced = kprobe_ftrace(&map_probe.kp);
	memset(&own_probe, 0, sizeof(own_probe));
	own_probe.kp.symbol_name =
		hooks_traced ? KBUILD_MODNAME ":" __stringify(OWN_TRACED) :
			       KBUILD_MODNAME ":" __stringify(OWN_UNTRACED);
	own_probe.entry_handler = own_entry;
	own_probe.handler = own_return;
	own_probe.maxactive = OWN_CALLS;
	found_off = 0;
	ret = register_kretprobe(&own_probe);
	if (ret) {
		pr_err("kretprobes do not work here (%d): CONFIG_KPROBES=y and CONFIG_KRETPROBES=y are needed\n",
		       ret);
		return ret;
	}
	seen = own_seen();
	if (!seen && !READ_ONCE(own_entries) && own_probe.nmissed) {
		see_in_breakpoints();
		seen = own_seen();
	}
	if (seen)
		return 0;
	if (own_entries || own_probe.nmissed)
		pr_err("kretprobes miss calls here: of %d calls of a function of its own it saw %lu begin and %lu end, so nothing could be observed on this kernel\n",
		       OWN_CALLS, own_entries, own_returns);
	else
		pr_err("kprobes are switched off: write 1 to /sys/kernel/debug/kprobes/enabled%s\n",
		       hooks_traced ?
			       ", and to /proc/sys/kernel/ftrace_enabled" : "");
	unregister_own();
	return -ENODEV;
}

/**
 * perfmlock_hooks_armed() - do the probes see anything
 *
 * Context: process, may sleep.
 *
 * Return: false if kprobes are switched off.
 */
bool perfmlock_hooks_armed(void)
{
	unsigned long before;
	bool armed;

	mutex_lock(&own_mutex);
	before = READ_ONCE(own_entries);
	call_own();
	armed = READ_ONCE(own_entries) != before;
	mutex_unlock(&own_mutex);
	if (armed)
		return true;
	if (!xchg(&found_off, 1))
		tell_off();
	return false;
}

/**
 * perfmlock_hooks_were_off() - were they switched off since this was asked last
 *
 * Context: process.
 *
 * Return: true if perfmlock_hooks_armed() has found that: calls went by unseen.
 */
bool perfmlock_hooks_were_off(void)
{
	return xchg(&found_off, 0);
}

static void refuse(const char *symbol, int ret)
{
	if (!perfmlock_has_symbol(symbol))
		pr_err("this kernel has no symbol %s to probe: CONFIG_PERF_EVENTS=y and CONFIG_KALLSYMS=y are needed\n",
		       symbol);
	else if (ret == -EOPNOTSUPP)
		pr_err("%s cannot be probed: CONFIG_KRETPROBES=y is needed\n",
		       symbol);
	/* there function tracing has a function's first instruction */
	else if (ret == -EINVAL && IS_ENABLED(CONFIG_RISCV) &&
		 IS_ENABLED(CONFIG_FUNCTION_TRACER) &&
		 !IS_ENABLED(CONFIG_KPROBES_ON_FTRACE))
		pr_err("%s cannot be probed: without CONFIG_KPROBES_ON_FTRACE CONFIG_FUNCTION_TRACER must be off\n",
		       symbol);
	else
		pr_err("%s cannot be probed (%d)\n", symbol, ret);
}

/*
 * Is a pointer to a function its address, behind which a probe's place is? It may be
 * that of a jump table or of a descriptor, or have a bit set: our own one tells.
 */
static bool pointers_are_plain(void)
{
	int (*own)(int value) = hooks_traced ? OWN_TRACED : OWN_UNTRACED;

	return perfmlock_is_behind(own_probe.kp.addr, (const void *)own);
}

/**
 * perfmlock_hooks_register() - begin to observe
 * @books: where observations go
 * @maxactive: calls under way that each probe can follow
 * @off: is told when somebody finds the probes switched off; process context
 *
 * Context: process, may sleep.
 *
 * Return: 0; or an error, with one line in the log that says what is missing,
 * and nothing left registered.
 */
int perfmlock_hooks_register(struct perfmlock_ledger *books, int maxactive,
			     void (*off)(void))
{
	unsigned int i;
	int ret;

	ledger = books;
	tell_off = off;
	missed_before = 0;
	for (i = 0; i < ARRAY_SIZE(nr_left); i++)
		atomic_set(&nr_left[i], 0);
	fill_probes(maxactive);
	/* upkeep, that a missed call may want already, asks no sooner */
	mutex_lock(&own_mutex);
	/* the close first: a mapping that is seen must be seen to go */
	ret = register_kretprobe(&close_probe);
	if (ret) {
		refuse("perf_mmap_close", ret);
		goto no_close;
	}
	/*
	 * The kernel may be asked by a probe that does not stay, and a probe that is the
	 * last one to go makes function tracing look for what was left behind while it
	 * was off: it then warns, and is off for good. So one of ours is there already,
	 * the one that needs no limit.
	 */
	perfmlock_kernel_init();
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
	ret = test_probes();
	if (ret)
		goto no_own;
	/* it moves nothing: where there is none there is nothing to be seen */
	ret = register_kprobe(&split_probe);
	splits_probed = !ret;
	ledger->no_splits = splits_probed;
	if (ret && perfmlock_has_symbol("perf_mmap_may_split"))
		pr_info("refused splits are not seen: perf_mmap_may_split cannot be probed (%d)\n",
			ret);
	if (pointers_are_plain())
		WRITE_ONCE(perfmlock_kernel.close_at, close_probe.kp.addr);
	mutex_unlock(&own_mutex);
	return 0;

no_own:
	unregister_kretprobe(&map_probe);
no_map:
	unregister_kprobe(&open_probe);
no_open:
	unregister_kretprobe(&close_probe);
no_close:
	mutex_unlock(&own_mutex);
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
	struct kretprobe *all[] = { &map_probe, &close_probe };
	struct kprobe *plain[] = { &open_probe, &split_probe };

	unregister_own();
	unregister_kretprobes(all, ARRAY_SIZE(all));
	unregister_kprobes(plain, splits_probed ? 2 : 1);
}

/**
 * perfmlock_hooks_splits() - are refused splits seen
 *
 * Context: any; the probes are registered.
 *
 * Return: true if this kernel refuses them, and says so where it can be probed.
 */
bool perfmlock_hooks_splits(void)
{
	return splits_probed;
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
		state->seen = READ_ONCE(seen_calls[i]);
		/* no instance was free, or the probe was hit within a probe */
		state->missed = (unsigned int)READ_ONCE(retprobes[i]->nmissed) +
				READ_ONCE(retprobes[i]->kp.nmissed) +
				atomic_read(&nr_left[i]);
		return true;
	}
	if (i == ARRAY_SIZE(retprobes)) {
		state->symbol = open_probe.symbol_name;
		state->seen = READ_ONCE(seen_opens);
		state->missed = READ_ONCE(open_probe.nmissed);
		return true;
	}
	if (i == ARRAY_SIZE(retprobes) + 1 && splits_probed) {
		state->symbol = split_probe.symbol_name;
		state->seen = READ_ONCE(seen_splits);
		state->missed = READ_ONCE(split_probe.nmissed);
		return true;
	}
	return false;
}

/**
 * perfmlock_hooks_look() - has anything been missed that no call has told of yet
 *
 * Context: process; takes the ledger's lock.
 */
void perfmlock_hooks_look(void)
{
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	look_for_missed();
	perfmlock_unlock(ledger, flags);
}

/**
 * perfmlock_hooks_untold() - may there be calls of which the ledger was not told?
 *
 * Context: any; the ledger's lock is held, and the counters that it is about were read.
 *
 * Return: if so, what the counters were may be theirs.
 */
bool perfmlock_hooks_untold(void)
{
	smp_rmb(); /* as look_for_missed() */
	return missed_before != missed_now() || READ_ONCE(found_off);
}

/**
 * perfmlock_hooks_missed() - calls that no probe saw, ever
 *
 * Those that move counters, or how many mappings a buffer has: no refused split.
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

	for (i = 0; i <= ARRAY_SIZE(retprobes); i++) {
		perfmlock_hook_state(i, &state);
		missed += state.missed;
	}
	return missed;
}
