// SPDX-License-Identifier: GPL-2.0
/* The status file: first in a word whether the kernel's sums are right. */
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/stringify.h>
#include <linux/utsname.h>

#include "hooks.h"
#include "kernel.h"
#include "ledger.h"
#include "switch.h"
#include "views.h"
#include "walk.h"

static void print_models(struct seq_file *m,
			 const struct perfmlock_ledger *ledger)
{
	unsigned long most = 0;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		most = max(most, perfmlock_agrees(ledger, i));
	seq_puts(m, "model:");
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++)
		if (perfmlock_agrees(ledger, i) == most)
			seq_printf(m, " %s (%s)", perfmlock_models[i].name,
				   perfmlock_models[i].commit);
	seq_puts(m, most ? "\n" : " (nothing seen that tells them apart)\n");
}

static void print_known(struct seq_file *m, const char *key, int value)
{
	if (value == PERFMLOCK_NOT_KNOWN)
		seq_printf(m, "%s: -\n", key);
	else
		seq_printf(m, "%s: %d\n", key, value);
}

/* A probe that misses more than it sees shows too little to go by. */
static bool is_blind(const struct perfmlock_hook_state *hook)
{
	return hook->missed > hook->seen && hook->seen + hook->missed > 1;
}

static const char *state_of(const struct perfmlock_hook_state *hook, bool armed)
{
	if (!armed)
		return "off";
	return is_blind(hook) ? "blind" : "armed";
}

static const char *limits_from(void)
{
	if (perfmlock_kernel.mlock_kb && perfmlock_kernel.paranoid)
		return "kernel";
	if (perfmlock_mlock_kb() == PERFMLOCK_NOT_KNOWN)
		return "nowhere (nothing is judged by them)";
	return "/proc/sys (up to a second old)";
}

/**
 * struct wrong - what is wrong, by its cause
 * @times: steps since the reset; where there was none, rows that are wrong still
 * @rows: those rows
 */
struct wrong {
	unsigned long times[PERFMLOCK_NR_CAUSES];
	unsigned long rows[PERFMLOCK_NR_CAUSES];
};

static void look_at_books(const struct perfmlock_books *books,
			  struct wrong *wrong)
{
	if (books->kernel != books->correct)
		wrong->rows[books->cause ?: PERFMLOCK_UNEXPLAINED]++;
}

static void look_at_user(struct perfmlock_ledger *ledger, void *record,
			 void *arg)
{
	look_at_books(&((const struct perfmlock_user *)record)->books, arg);
}

static void look_at_mm(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	look_at_books(&((const struct perfmlock_mm *)record)->books, arg);
}

/* What was not seen, and makes the books uncertain; NULL: nothing. */
static const char *uncertain_by(bool armed, bool careful, bool known)
{
	struct perfmlock_hook_state hook;
	unsigned int i;

	if (!armed)
		return "the probes are off";
	for (i = 0; perfmlock_hook_state(i, &hook); i++)
		if (is_blind(&hook))
			return "a probe misses more than it sees";
	if (perfmlock_mlock_kb() == PERFMLOCK_NOT_KNOWN)
		return "the limits are not known";
	if (careful)
		return "calls were not seen, and a walk is to look for what they did";
	return known ? NULL : "a walk is to look for what is mapped";
}

/* Which mistakes of the kernel were seen since the reset, or are left; false: none. */
static bool print_wrong(struct seq_file *m, const struct wrong *wrong)
{
	unsigned long times;
	bool any = false;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_NR_CAUSES; i++) {
		times = wrong->times[i] ?: wrong->rows[i];
		if (!times)
			continue;
		seq_printf(m, "%s%s x %lu", any ? ", " : "kernel wrong: ",
			   perfmlock_causes[i].name, times);
		any = true;
	}
	return any;
}

/* Steps since the reset, and nothing of what is left of earlier ones. */
static void print_causes(struct seq_file *m,
			 const struct perfmlock_totals *totals)
{
	unsigned int i;

	seq_puts(m, "drifts_by_cause:");
	if (!totals->drifts)
		seq_puts(m, " none");
	for (i = 0; i < PERFMLOCK_NR_CAUSES; i++)
		if (totals->causes[i])
			seq_printf(m, " %s=%lu", perfmlock_causes[i].name,
				   totals->causes[i]);
	seq_putc(m, '\n');
}

static void print_verdict(struct seq_file *m, struct perfmlock_ledger *ledger,
			  const struct perfmlock_totals *totals, bool armed,
			  bool careful, bool known)
{
	const char *uncertain = uncertain_by(armed, careful, known);
	struct wrong wrong = {};
	bool any;

	memcpy(wrong.times, totals->causes, sizeof(wrong.times));
	perfmlock_for_all(ledger, &ledger->users, look_at_user, &wrong);
	perfmlock_for_all(ledger, &ledger->mms, look_at_mm, &wrong);
	seq_puts(m, "verdict: ");
	/* what was seen to be wrong is certain all the same */
	any = print_wrong(m, &wrong);
	if (uncertain)
		seq_printf(m, "%suncertain: %s", any ? "; " : "", uncertain);
	else if (!any)
		seq_puts(m, "exact");
	seq_putc(m, '\n');
}

/**
 * perfmlock_status_show() - all of the status file
 * @m: the file; private: the ledger
 * @v: not used
 *
 * Context: process.
 *
 * Return: 0.
 */
int perfmlock_status_show(struct seq_file *m, void *v)
{
	struct perfmlock_ledger *ledger = m->private;
	unsigned int i, users, mms, buffers, adopted;
	struct perfmlock_hook_state hook;
	struct perfmlock_totals totals;
	struct perfmlock_walks walks;
	unsigned long flags;
	bool armed, careful, taught, known, settled;

	armed = perfmlock_hooks_armed();
	perfmlock_walks(&walks);
	perfmlock_lock(ledger, flags);
	totals = ledger->totals;
	users = ledger->users.nr;
	mms = ledger->mms.nr;
	buffers = ledger->buffers.nr;
	adopted = ledger->adopted;
	careful = ledger->careful;
	known = ledger->walked && !ledger->unsettled && !ledger->busy;
	taught = ledger->taught;
	settled = perfmlock_is_settled(ledger);
	perfmlock_unlock(ledger, flags);

	print_verdict(m, ledger, &totals, armed, careful, known);
	seq_printf(m, "version: %s\n", THIS_MODULE->version);
	seq_printf(m, "contract: %d\n", PERFMLOCK_CONTRACT);
	seq_printf(m, "kernel: %s\n", init_utsname()->release);
	seq_printf(m, "counter: user_struct::%s\n",
		   __stringify(perfmlock_user_counter));
	for (i = 0; perfmlock_hook_state(i, &hook); i++)
		seq_printf(m, "hook_%s: %s missed=%lu\n", hook.symbol,
			   state_of(&hook, armed), hook.missed);
	print_models(m, ledger);
	/* where others share U, any user but root can make it look like another */
	seq_printf(m, "model_certain: %d\n", ledger->exclusive || taught);

	seq_printf(m, "limits_from: %s\n", limits_from());
	print_known(m, "perf_event_mlock_kb", perfmlock_mlock_kb());
	print_known(m, "perf_event_paranoid", perfmlock_paranoid());
	seq_printf(m, "page_kb: %lu\n", PAGE_SIZE / 1024);
	seq_printf(m, "online_cpus: %u\n", num_online_cpus());
	if (perfmlock_mlock_kb() == PERFMLOCK_NOT_KNOWN)
		seq_puts(m, "user_lock_limit: -\n");
	else
		seq_printf(m, "user_lock_limit: %lu\n", perfmlock_limit());

	seq_printf(m, "users: %u\n", users);
	seq_printf(m, "mms: %u\n", mms);
	seq_printf(m, "buffers: %u\n", buffers);
	seq_printf(m, "adopted: %u\n", adopted);

	seq_printf(m, "maps: %lu\n", totals.mmaps);
	seq_printf(m, "remaps: %lu\n", totals.remaps);
	seq_printf(m, "opens: %lu\n", totals.opens);
	seq_printf(m, "closes: %lu\n", totals.closes);
	seq_printf(m, "failed: %lu\n", totals.failed);
	seq_printf(m, "splits_refused: %lu\n", totals.splits_refused);
	seq_printf(m, "denied: %lu\n", totals.denied);
	seq_printf(m, "wrongly_denied: %lu\n", totals.wrongly_denied);
	seq_printf(m, "privileged: %lu\n", totals.privileged);
	seq_printf(m, "other_eperm: %lu\n", totals.other_eperm);
	seq_printf(m, "drifts: %lu\n", totals.drifts);
	print_causes(m, &totals);

	/* what was not seen, or not seen alone */
	seq_printf(m, "untracked: %lu\n",
		   perfmlock_hooks_missed() + totals.pool_empty +
		   totals.calls_full);
	seq_printf(m, "missed: %lu\n", perfmlock_hooks_missed());
	seq_printf(m, "pool_empty: %lu\n", totals.pool_empty);
	seq_printf(m, "calls_full: %lu\n", totals.calls_full);
	seq_printf(m, "unknown_closes: %lu\n", totals.unknown_closes);
	seq_printf(m, "resynced: %lu\n", totals.resynced);
	seq_printf(m, "stale: %lu\n", totals.stale);
	seq_printf(m, "untraced: %lu\n", totals.untraced);
	seq_printf(m, "overlaps: %lu\n", totals.overlaps);
	seq_printf(m, "disturbed: %lu\n", totals.disturbed);
	seq_printf(m, "settled: %lu\n", totals.settled);
	seq_printf(m, "either_way: %lu\n", totals.either_way);
	seq_printf(m, "careful: %d\n", careful);
	seq_printf(m, "repair: %s\n", perfmlock_switch_is_on() ? "on" : "off");
	seq_printf(m, "repairs: %lu\n", totals.repairs);
	seq_printf(m, "repairs_refused: %lu\n", totals.repairs_refused);
	seq_printf(m, "unproven_pages: %lu\n", totals.unproven_pages);
	seq_printf(m, "repair_leaves: foreign pages; what is refused before any mistake was seen; what is likely and not proven%s%s%s\n",
		   ledger->exclusive ? "" :
		   "; U, which others share on this kernel",
		   PERFMLOCK_REPAIRS_MM ? "" :
		   "; pinned_vm, which is no atomic on this kernel",
		   settled ? "" :
		   "; all that goes wrong now, as calls may be under way that were not seen");
	seq_printf(m, "walks: %lu\n", walks.walks);
	seq_printf(m, "busy: %u\n", walks.busy);
#ifdef PERFMLOCK_HOLD_TIMES
	seq_printf(m, "longest_hold_ns: %llu\n",
		   READ_ONCE(perfmlock_longest_hold));
	seq_printf(m, "held_ns: %llu\n", READ_ONCE(perfmlock_held));
#endif
	return 0;
}

