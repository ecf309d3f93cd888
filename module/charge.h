/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The accounting of perf_mmap() and perf_mmap_close(): the reference rule, and
 * every rule that a kernel has used, as pure functions over plain numbers.
 *
 * Nothing here reads kernel state, takes a lock, allocates or sleeps; every
 * function may be called from any context. All amounts are pages unless a name
 * says kb.
 */
#ifndef PERFMLOCK_CHARGE_H
#define PERFMLOCK_CHARGE_H

#include <linux/types.h>

/* What a mapping maps: the control page and data pages, or the AUX area. */
enum perfmlock_kind {
	PERFMLOCK_DATA,
	PERFMLOCK_AUX,
	PERFMLOCK_KINDS
};

/* The steps of a buffer's life that charge or uncharge. */
enum perfmlock_step {
	PERFMLOCK_MAP,		/* the first mapping of a buffer */
	PERFMLOCK_REMAP,	/* a further mapping of it */
	PERFMLOCK_UNMAP,	/* a mapping goes, others stay */
	PERFMLOCK_LAST_UNMAP,	/* the last mapping goes */
	PERFMLOCK_REFUSED,	/* mmap() failed */
	PERFMLOCK_STEPS
};

/**
 * struct perfmlock_state - what a charge depends on
 * @user: U, the user's counter, as the kernel holds it (may be damaged: negative)
 * @mm: M, mm->pinned_vm, likewise
 * @limit: user_lock_limit
 * @rlimit: lock_limit, RLIMIT_MEMLOCK of the caller
 */
struct perfmlock_state {
	long user;
	long mm;
	unsigned long limit;
	unsigned long rlimit;
};

/**
 * struct perfmlock_charge - what a rule makes of one step
 * @user: pages added to U (the kernel's user_extra); below zero: taken
 * @mm: pages added to M (the kernel's extra); likewise
 * @rec: what the buffer remembers from then on as charged to the mm
 * @user_locked: what the rule compared with the limit
 * @locked: what it compared with the rlimit; unsigned, as in the kernel
 * @over: @locked exceeds the rlimit: refused unless the caller is exempt
 */
struct perfmlock_charge {
	long user;
	long mm;
	long rec;
	unsigned long user_locked;
	unsigned long locked;
	bool over;
};

/* What a first mapping puts on M. */
enum perfmlock_extra {
	/* all that the user has over the limit, be it of this mapping or not */
	PERFMLOCK_EXTRA_UNCLAMPED,
	/* none, all, or what is over the limit */
	PERFMLOCK_EXTRA_THREE_WAYS,
	/* what is over it, with U clamped to it first: never more than there is */
	PERFMLOCK_EXTRA_CLAMPED,
	/* as perfmlock_reference() */
	PERFMLOCK_EXTRA_RIGHT,
};

/* What the last unmap of an AUX area takes from U. */
enum perfmlock_aux_unmap {
	PERFMLOCK_AUX_ALL,
	/* all, or nothing if M was charged as well: wrong where both were */
	PERFMLOCK_AUX_EITHER,
	/* what M was not charged */
	PERFMLOCK_AUX_REST,
};

/**
 * struct perfmlock_model - one version of the kernel's rule
 * @name: short word, as in the history of the accounting
 * @commit: the upstream commit that brought it
 * @since: the first mainline kernel that had it
 * @extra: what a first mapping puts on M
 * @aux_unmap: what the last unmap of an AUX area takes from U
 * @double_charge: U is charged all pages, those on M too
 * @remap_charges: a re-map adds its pages to U again, unchecked
 * @own_user: an AUX area's pages go back to the user who mapped it; else to
 *	      the one who mapped the data
 * @own_mm: pages go back to the mm that was charged; else to that of whoever
 *	    unmaps last
 *
 * All else is the same in every version: U is charged what M is not, the
 * buffer remembers M's part, and the last unmap takes that from M.
 */
struct perfmlock_model {
	const char *name;
	const char *commit;
	const char *since;
	enum perfmlock_extra extra;
	enum perfmlock_aux_unmap aux_unmap;
	bool double_charge;
	bool remap_charges;
	bool own_user;
	bool own_mm;
};

/*
 * Every version of the rule, in the order of history, and that of a kernel without
 * any of the mistakes: see perfmlock_models.
 */
enum perfmlock_model_id {
	PERFMLOCK_S0,
	PERFMLOCK_S0C,
	PERFMLOCK_S1,
	PERFMLOCK_S2,
	PERFMLOCK_S3,
	PERFMLOCK_S4,
	PERFMLOCK_S5,
	PERFMLOCK_S6,
	PERFMLOCK_REFERENCE,
	PERFMLOCK_NR_MODELS,
	/* that of most kernels in use: what is assumed before anything was seen */
	PERFMLOCK_MODEL_DEFAULT = PERFMLOCK_S5,
};

extern const struct perfmlock_model perfmlock_models[PERFMLOCK_NR_MODELS];

/* perfmlock_reference(), with the rest of the right rule, as a model. */
extern const struct perfmlock_model perfmlock_reference_model;

/* One bit a model. */
#define PERFMLOCK_MODELS_ALL	((1U << PERFMLOCK_NR_MODELS) - 1)

/**
 * struct perfmlock_observation - one step as a kernel took it
 * @step: which step
 * @kind: of which part of a buffer
 * @pages: of the mapping
 * @rec: what the kernel put on M at the first mapping (for unmaps)
 * @state: counters and limits before the step
 * @user: measured change of U
 * @mm: measured change of M
 * @other_mm: the mm that was charged is not the one whose M was measured
 * @other_user: likewise the user, and U
 * @explained: rules that make this of it, a bit each; of perfmlock_attribute()
 * @beside: other calls of the user were under way: U was another than in @state
 */
struct perfmlock_observation {
	enum perfmlock_step step;
	enum perfmlock_kind kind;
	long pages;
	long rec;
	struct perfmlock_state state;
	long user;
	long mm;
	bool other_mm;
	bool other_user;
	unsigned int explained;
	bool beside;
};

/* Who can have moved U during a step; M anybody can. */
enum perfmlock_mover {
	PERFMLOCK_ALONE,	/* the call alone */
	PERFMLOCK_STRANGERS,	/* who shares the counter as well */
	PERFMLOCK_CALLS,	/* other calls of the user as well */
};

/* Why the kernel and the reference rule parted. */
enum perfmlock_cause {
	PERFMLOCK_NO_CAUSE,
	PERFMLOCK_EXPLOSION,
	PERFMLOCK_DOUBLE_CHARGE,
	PERFMLOCK_AUX_UNCHARGE,
	PERFMLOCK_AUX_LEAK,
	PERFMLOCK_LIMIT_LOWERED,
	PERFMLOCK_REMAP_CHARGE,
	PERFMLOCK_WRONG_MM,
	PERFMLOCK_AUX_WRONG_USER,
	PERFMLOCK_LOST_UNCHARGE,
	PERFMLOCK_UNEXPLAINED,
	PERFMLOCK_NR_CAUSES
};

/**
 * struct perfmlock_cause_info - a cause in words
 * @name: as printed after cause=
 * @relation: what @commit did to it: "brought", "cured" or "none"
 * @commit: the upstream commit, "-" where there is none
 */
struct perfmlock_cause_info {
	const char *name;
	const char *relation;
	const char *commit;
};

extern const struct perfmlock_cause_info perfmlock_causes[PERFMLOCK_NR_CAUSES];

/**
 * struct perfmlock_holding - what a process holds when it is refused
 * @pages: of its buffers whose first mapping was seen
 * @mm: those of them that are on M
 * @others: pages on M that are not the kernel's for such buffers
 * @adopted: pages of its other buffers
 * @stays: some of it may stay when the process ends, or is not on this U: another
 *	   maps it too, or another user was charged
 */
struct perfmlock_holding {
	long pages;
	long mm;
	long others;
	long adopted;
	bool stays;
};

/**
 * struct perfmlock_remedy - what would have admitted a refused mapping
 * @mlock_kb: smallest perf_event_mlock_kb, or -1: none helps
 * @memlock_kb: smallest RLIMIT_MEMLOCK in kB, or -1: none helps
 */
struct perfmlock_remedy {
	long mlock_kb;
	long memlock_kb;
};

/**
 * perfmlock_user_lock_limit() - pages that a user may lock before an mm pays
 * @mlock_kb: kernel.perf_event_mlock_kb, in kB
 * @page_shift: of the kernel's pages
 * @online_cpus: CPUs online at the time of the mmap()
 *
 * Source: perf_mmap() since v2.6.31; the value is converted with the kernel's
 * own types, so a negative sysctl gives the kernel's own huge limit.
 *
 * Return: user_lock_limit, in pages.
 */
static inline unsigned long
perfmlock_user_lock_limit(int mlock_kb, unsigned int page_shift,
			  unsigned int online_cpus)
{
	unsigned long limit = mlock_kb >> (page_shift - 10);

	return limit * online_cpus;
}

/**
 * perfmlock_foreign() - pages on a counter that are not of the books
 * @counter: live counter
 * @kernel: what the kernel was seen to charge to it, net
 *
 * Return: what others, or anyone before the load, charged; in pages.
 */
static inline long perfmlock_foreign(long counter, long kernel)
{
	return counter - kernel;
}

/**
 * perfmlock_correct_counter() - what a counter would hold with correct books
 * @foreign: pages of others
 * @correct: the reference rule's pages
 *
 * A damaged counter can make @foreign negative; nobody holds less than nothing.
 *
 * Return: pages, never below @correct.
 */
static inline long perfmlock_correct_counter(long foreign, long correct)
{
	return (foreign > 0 ? foreign : 0) + correct;
}

/**
 * perfmlock_drift() - how far the kernel is from the reference rule
 * @kernel: pages charged by the kernel
 * @correct: pages that the reference rule charges
 *
 * Return: pages too many (or, below zero, too few).
 */
static inline long perfmlock_drift(long kernel, long correct)
{
	return kernel - correct;
}

/**
 * perfmlock_repair() - what is to be added to a counter to make it right
 * @wrong: pages that are on it and should not be; below zero: that are missing
 * @repaired: pages that were added so far
 *
 * Return: pages; below zero: to be taken.
 */
static inline long perfmlock_repair(long wrong, long repaired)
{
	return -wrong - repaired;
}

/**
 * struct perfmlock_bounds - between what a number of pages is known to lie
 * @least: it is no less
 * @most: it is no more
 */
struct perfmlock_bounds {
	long least;
	long most;
};

/**
 * perfmlock_surely() - how much of a number is certain
 * @bounds: of it
 *
 * Return: pages; it is that, or farther from zero.
 */
static inline long perfmlock_surely(const struct perfmlock_bounds *bounds)
{
	if (bounds->least > 0)
		return bounds->least;
	return bounds->most < 0 ? bounds->most : 0;
}

/**
 * perfmlock_left_over() - what of a counter is of none of its parts
 * @counter: pages on it
 * @parts: of them
 * @rest: likewise, of the others
 *
 * Return: the bounds of that.
 */
static inline struct perfmlock_bounds
perfmlock_left_over(long counter, const struct perfmlock_bounds *parts,
		    const struct perfmlock_bounds *rest)
{
	return (struct perfmlock_bounds){
		.least = counter - parts->most - rest->most,
		.most = counter - parts->least - rest->least,
	};
}

/**
 * struct perfmlock_rest - what of a first mapping the kernel can have put on M
 * @clamped: if what U has over the limit is not charged again (S0c)
 * @unclamped: if it is (S0)
 *
 * A rule that divides the pages has put there what is not on U, and the two are the
 * same. Of one that charges all to U, as before d44248a41337, there are two.
 */
struct perfmlock_rest {
	long clamped;
	long unclamped;
};

/**
 * perfmlock_lend() - what a counter gets back before an uncharge of the kernel's
 * @more: pages that the kernel will take beyond what is right there
 * @repaired: pages that were added to the counter so far
 *
 * Else the uncharge would bring it below what is right, or below zero, until it
 * is repaired. No more than was taken from it.
 *
 * Return: pages, never below zero.
 */
static inline long perfmlock_lend(long more, long repaired)
{
	if (more <= 0 || repaired >= 0)
		return 0;
	return more < -repaired ? more : -repaired;
}

/**
 * perfmlock_may_add() - may a repair do that to a counter
 * @counter: pages on it
 * @pages: to be added; below zero: to be taken
 *
 * What is below zero may come nearer to it, and nothing may go there.
 *
 * Return: true if so.
 */
static inline bool perfmlock_may_add(long counter, long pages)
{
	return pages >= 0 || counter >= -pages;
}

/**
 * perfmlock_change() - of a counter, or of what is known to be on it
 * @now: pages
 * @before: pages
 *
 * Return: pages more; below zero: fewer.
 */
static inline long perfmlock_change(long now, long before)
{
	return now - before;
}

/**
 * perfmlock_over() - does a charge exceed the rlimit
 * @state: counters and limits before it
 * @mm: what it puts on M
 *
 * Unsigned as in the kernel: a negative M is over any limit. Source:
 * perf_mmap(), the same in every version since v4.1.
 *
 * Return: true if the kernel refuses it to who is not exempt.
 */
static inline bool perfmlock_over(const struct perfmlock_state *state, long mm)
{
	return (unsigned long)state->mm + mm > state->rlimit;
}

/* What the check and the buffer make of a charge. */
static inline void perfmlock_check(const struct perfmlock_state *state,
				   struct perfmlock_charge *charge)
{
	charge->rec = charge->mm;
	charge->locked = (unsigned long)state->mm + charge->mm;
	charge->over = perfmlock_over(state, charge->mm);
}

/**
 * perfmlock_reference() - the right charge of a first mapping
 * @state: counters of the correct books, and the limits
 * @pages: of the mapping
 * @charge: result
 *
 * What is free under the limit goes to the user, the rest to the mm; a limit
 * below U leaves nothing free. Source: 003461559ef7 ("perf/core: Fix mlock
 * accounting in perf_mmap()"), the rule of v5.6.
 */
static inline void perfmlock_reference(const struct perfmlock_state *state,
				       unsigned long pages,
				       struct perfmlock_charge *charge)
{
	unsigned long user = state->user > 0 ? state->user : 0;
	unsigned long free = state->limit > user ? state->limit - user : 0;

	charge->user = pages < free ? pages : free;
	charge->mm = pages - charge->user;
	charge->user_locked = user + pages;
	perfmlock_check(state, charge);
}

/**
 * perfmlock_split() - the charge that divides the pages as a step did
 * @state: counters and limits before it
 * @obs: a first mapping
 * @charge: result; the sum that was compared with the limit is kept
 */
static inline void perfmlock_split(const struct perfmlock_state *state,
				   const struct perfmlock_observation *obs,
				   struct perfmlock_charge *charge)
{
	charge->user = obs->user;
	charge->mm = obs->mm;
	perfmlock_check(state, charge);
}

/**
 * perfmlock_is_plain() - is a step one of which every rule says the same
 * @obs: the step
 *
 * The common steps are; few comparisons tell.
 *
 * Return: true if so: it tells nothing of the kernel's rule.
 */
static inline bool perfmlock_is_plain(const struct perfmlock_observation *obs)
{
	switch (obs->step) {
	case PERFMLOCK_MAP:
		return !obs->mm && obs->user == obs->pages &&
		       obs->state.user >= 0 &&
		       (unsigned long)obs->state.user + obs->pages <=
				obs->state.limit;
	case PERFMLOCK_LAST_UNMAP:
		return !obs->rec && !obs->mm &&
		       obs->user == -obs->pages && !obs->other_user;
	case PERFMLOCK_REMAP:
		return false;
	default:
		return !obs->user && !obs->mm;
	}
}

struct perfmlock_rest
perfmlock_rest_on_mm(const struct perfmlock_state *state, unsigned long pages,
		     long user);
void perfmlock_reference_between(const struct perfmlock_state *state,
				 long lowest_user, long highest_user,
				 unsigned long pages, long seen_user,
				 struct perfmlock_charge *charge);

void perfmlock_model_charge(const struct perfmlock_model *model,
			    const struct perfmlock_state *state,
			    unsigned long pages,
			    struct perfmlock_charge *charge);
void perfmlock_model_step(const struct perfmlock_model *model,
			  const struct perfmlock_observation *obs,
			  struct perfmlock_charge *charge);
long perfmlock_model_user(const struct perfmlock_model *model,
			  const struct perfmlock_observation *obs);
bool perfmlock_is_split(const struct perfmlock_observation *obs);
unsigned int perfmlock_models_explain(const struct perfmlock_observation *obs);
bool perfmlock_attribute(unsigned int index, unsigned int rules,
			 struct perfmlock_observation *obs,
			 enum perfmlock_mover mover, bool guessed_rec);
enum perfmlock_cause perfmlock_cause(const struct perfmlock_observation *obs,
				     const struct perfmlock_charge *right);

void perfmlock_restarted(const struct perfmlock_model *model,
			 const struct perfmlock_state *state,
			 const struct perfmlock_holding *holding,
			 struct perfmlock_state *restarted);
long perfmlock_short(const struct perfmlock_model *model,
		     const struct perfmlock_state *state, unsigned long pages,
		     unsigned int buffers);
unsigned long perfmlock_fits(const struct perfmlock_model *model,
			     const struct perfmlock_state *state,
			     enum perfmlock_kind kind, unsigned long pages,
			     unsigned int buffers);
long perfmlock_overdrawn(const struct perfmlock_state *state);
void perfmlock_remedy(const struct perfmlock_model *model,
		      const struct perfmlock_state *state, unsigned long pages,
		      unsigned int buffers, unsigned int page_shift,
		      unsigned int online_cpus, struct perfmlock_remedy *remedy);

#endif /* PERFMLOCK_CHARGE_H */
