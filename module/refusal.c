// SPDX-License-Identifier: GPL-2.0
/* A refusal in words: the line of denials, and that of the log. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/resource.h>
#include <linux/string.h>

#include "refusal.h"
#include "words.h"

/**
 * struct advice - what helps
 * @cpus: those left on which such a buffer is to be mapped; 0: that is not known
 * @now: for this call, as things stand
 * @all: for one on each of @cpus
 * @restart: for the process started anew: all that it holds, this one, and one on
 *	     each later CPU
 */
struct advice {
	unsigned int cpus;
	struct perfmlock_remedy now;
	struct perfmlock_remedy all;
	struct perfmlock_remedy restart;
};

/* CPUs from this one on, on which such a buffer is to be mapped still. */
static unsigned int cpus_left(int from)
{
	unsigned int cpu, left = 0;

	if (from < 0)
		return 0;
	for_each_online_cpu(cpu)
		if ((int)cpu >= from)
			left++;
	return left;
}

static void advise(const struct perfmlock_denial *d, struct advice *advice)
{
	advice->cpus = cpus_left(d->event.cpu);
	perfmlock_remedy(d->model, &d->state, d->pages, 1, PAGE_SHIFT,
			 d->online_cpus, &advice->now);
	if (advice->cpus)
		perfmlock_remedy(d->model, &d->state, d->pages, advice->cpus,
				 PAGE_SHIFT, d->online_cpus, &advice->all);
	perfmlock_remedy(d->model, &d->restarted,
			 d->held + d->pages * max(advice->cpus, 1U), 1,
			 PAGE_SHIFT, d->online_cpus, &advice->restart);
}

/* @none stands for what is below 0: no value helps, or is large enough. */
static void show(struct seq_file *m, const char *key, long value,
		 const char *none)
{
	if (value < 0)
		seq_printf(m, "%s=%s", key, none);
	else
		seq_printf(m, "%s=%ld", key, value);
}

static void show_remedy(struct seq_file *m, const char *which,
			const struct perfmlock_remedy *remedy)
{
	seq_printf(m, " %s", which);
	show(m, "_perf_event_mlock_kb", remedy->mlock_kb, "none");
	seq_printf(m, " %s", which);
	show(m, "_rlimit_memlock_kb", remedy->memlock_kb, "none");
}

/**
 * perfmlock_who_show() - who and when, in the order of all files
 * @m: the file
 * @actor: who
 * @scene: when, and as what
 * @event: of which event
 *
 * Context: process.
 */
void perfmlock_who_show(struct seq_file *m, const struct perfmlock_actor *actor,
			const struct perfmlock_scene *scene,
			const struct perfmlock_event *event)
{
	char name[PERFMLOCK_EVENT_TEXT], time[PERFMLOCK_TIME_TEXT];

	seq_printf(m, " time=%s uid=%u pid=%d",
		   perfmlock_time_text(time, scene->time), actor->uid,
		   actor->pid);
	if (scene->cgroup)
		seq_printf(m, " cgroup=%llu", scene->cgroup);
	else
		seq_puts(m, " cgroup=-");
	seq_printf(m, " cpu=%d event=%s euid=%u", event->cpu,
		   perfmlock_event_text(name, event), scene->euid);
	if (scene->userns)
		seq_printf(m, " userns=%u", scene->userns);
	else
		seq_puts(m, " userns=initial");
}

static void show_what_helps(struct seq_file *m,
			    const struct perfmlock_denial *d)
{
	struct advice advice;
	unsigned int buffers;

	advise(d, &advice);
	buffers = max(advice.cpus, 1U);
	show_remedy(m, "restart", &advice.restart);
	show_remedy(m, "min", &advice.now);
	if (advice.cpus) {
		seq_printf(m, " cpus_left=%u", advice.cpus);
		show_remedy(m, "all_cpus", &advice.all);
	}
	/* it counts in the initial user namespace alone */
	seq_printf(m, " cap=%s", d->scene.userns ? "none" : "CAP_IPC_LOCK");
	show(m, " short", perfmlock_short(d->model, &d->state, d->pages, 1), "-");
	if (advice.cpus)
		show(m, " all_cpus_short",
		     perfmlock_short(d->model, &d->state, d->pages,
				     advice.cpus), "-");
	seq_printf(m, " fits=%lu",
		   perfmlock_fits(d->model, &d->state, d->kind, d->pages,
				  buffers));
	seq_printf(m, " held=%ld overdrawn=%ld", d->held,
		   perfmlock_overdrawn(&d->state));
}

static void show_pages(struct seq_file *m, const char *key, long pages)
{
	if (pages == PERFMLOCK_PAGES_UNKNOWN)
		seq_printf(m, " %s=-", key);
	else
		seq_printf(m, " %s=%ld", key, pages);
}

/* pid:pages:state:comm of the largest, - where it is not known yet, none */
static void show_holders(struct seq_file *m, const struct perfmlock_denial *d)
{
	const struct perfmlock_holder *holder;
	char comm[PERFMLOCK_COMM_TEXT];
	unsigned int i;

	seq_puts(m, " held_by=");
	if (!d->looked)
		seq_putc(m, '-');
	else if (!d->holders[0].pid)
		seq_puts(m, "none");
	for (i = 0; d->looked && i < PERFMLOCK_HOLDERS; i++) {
		holder = &d->holders[i];
		if (!holder->pid)
			break;
		seq_printf(m, "%s%d:%ld:%s:%s", i ? "," : "", holder->pid,
			   holder->pages, perfmlock_state_text(holder->state),
			   perfmlock_comm_text(comm, holder->comm, ":,"));
	}
	show_pages(m, "orphaned", d->orphaned);
	show_pages(m, "foreign", d->foreign);
}

/* What the kernel computed, under its own names; and the same by correct books. */
static void show_sums(struct seq_file *m, const struct perfmlock_denial *d)
{
	char limit[PERFMLOCK_NUMBER_TEXT], rlimit[PERFMLOCK_NUMBER_TEXT];

	seq_printf(m, " vma_start=0x%lx vma_end=0x%lx vma_size=%ld user_extra=%ld user_lock_limit=%s user_locked=%lu locked=%lu lock_limit=%s pinned_vm=%ld extra=%ld",
		   d->start, d->start + (d->pages << PAGE_SHIFT),
		   d->pages << PAGE_SHIFT, d->pages,
		   perfmlock_limit_text(limit, d->state.limit, 0),
		   d->charge.user_locked, d->charge.locked,
		   perfmlock_limit_text(rlimit, d->state.rlimit, 0),
		   d->state.mm, d->charge.mm);
	seq_printf(m, " user_counter=%ld online_cpus=%u model=%s",
		   d->state.user, d->online_cpus, d->model->name);
	seq_printf(m, " correct_user_counter=%ld correct_user_locked=%lu correct_pinned_vm=%ld correct_extra=%ld correct_locked=%lu",
		   d->right_state.user, d->right.user_locked,
		   d->right_state.mm, d->right.mm, d->right.locked);
}

/**
 * perfmlock_refusal_show() - the line of denials
 * @m: the file
 * @seq: serial number
 * @times: how many equal ones there were
 * @denial: the refusal
 *
 * Context: process.
 */
void perfmlock_refusal_show(struct seq_file *m, u64 seq, u64 times,
			    const struct perfmlock_denial *denial)
{
	char comm[PERFMLOCK_COMM_TEXT];

	seq_printf(m, "seq=%llu", seq);
	perfmlock_who_show(m, &denial->actor, &denial->scene, &denial->event);
	seq_printf(m, " pages=%ld kind=%s errno=EPERM verdict=%s wrongly=%d",
		   denial->pages, perfmlock_kind_text(denial->kind),
		   denial->right.over ? "denied" : "admitted",
		   !denial->right.over);
	show_what_helps(m, denial);
	show_holders(m, denial);
	show_sums(m, denial);
	seq_printf(m, " times=%llu comm=%s\n", times,
		   perfmlock_comm_text(comm, denial->actor.comm, ""));
}

/* Is it more than there is? Else it helps only who starts anew. */
static bool raises_rlimit(const struct perfmlock_denial *d,
			  const struct perfmlock_remedy *remedy)
{
	return remedy->memlock_kb >= 0 &&
	       (unsigned long)remedy->memlock_kb >> (PAGE_SHIFT - 10) >
			d->state.rlimit;
}

static bool raises_limit(const struct perfmlock_denial *d,
			 const struct perfmlock_remedy *remedy)
{
	return remedy->mlock_kb >= 0 &&
	       perfmlock_user_lock_limit(remedy->mlock_kb, PAGE_SHIFT,
					 d->online_cpus) > d->state.limit;
}

/* What is needed, in words that stand behind the rlimit. */
static void say_what_helps(char *text, size_t size, const struct perfmlock_denial *d)
{
	const struct perfmlock_remedy *restart;
	bool rlimit, limit;
	struct advice advice;

	advise(d, &advice);
	restart = &advice.restart;
	rlimit = raises_rlimit(d, restart);
	limit = raises_limit(d, restart);
	if (rlimit && limit)
		snprintf(text, size, " and %ld are needed; or: sysctl kernel.perf_event_mlock_kb=%ld",
			 restart->memlock_kb, restart->mlock_kb);
	else if (rlimit)
		snprintf(text, size, " and %ld are needed",
			 restart->memlock_kb);
	else if (limit)
		snprintf(text, size, "; what helps: sysctl kernel.perf_event_mlock_kb=%ld",
			 restart->mlock_kb);
	else if (restart->memlock_kb >= 0 || restart->mlock_kb >= 0)
		strscpy(text, "; no limit helps it, it passes when it is started again",
			size);
	else if (d->scene.userns)
		strscpy(text, "; no limit helps", size);
	else
		strscpy(text, "; no limit helps, CAP_IPC_LOCK does", size);
}

/**
 * perfmlock_refusal_log() - the line in the log
 * @denial: the refusal
 * @times: how many equal ones there were
 * @unsaid: others of the same group before it that had no line
 *
 * It ends with what helps: the process started anew gets all that it wanted.
 *
 * Context: process.
 */
void perfmlock_refusal_log(const struct perfmlock_denial *denial, u64 times,
			   u64 unsaid)
{
	char comm[PERFMLOCK_COMM_TEXT], rlimit[PERFMLOCK_NUMBER_TEXT];
	char effective[32] = "", often[32] = "", before[48] = "", helps[96];

	if (denial->scene.euid != denial->actor.uid)
		snprintf(effective, sizeof(effective), " (effective %u)",
			 denial->scene.euid);
	if (times > 1)
		snprintf(often, sizeof(often), " %llu times", times);
	if (unsaid)
		snprintf(before, sizeof(before), ", %llu others before it",
			 unsaid);
	say_what_helps(helps, sizeof(helps), denial);
	pr_info("%s[%d] uid %u%s: perf %s of %ld pages refused%s%s%s, RLIMIT_MEMLOCK is %s%s%s\n",
		perfmlock_comm_text(comm, denial->actor.comm, ""),
		denial->actor.pid, denial->actor.uid, effective,
		denial->kind == PERFMLOCK_AUX ? "AUX area" : "buffer",
		denial->pages, often,
		denial->right.over ? "" : " wrongly: the kernel's sum is not right",
		before,
		perfmlock_limit_text(rlimit, denial->state.rlimit,
				     PAGE_SHIFT - 10),
		denial->state.rlimit < (RLIM_INFINITY >> PAGE_SHIFT) ? " kB" : "",
		helps);
}
