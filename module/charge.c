// SPDX-License-Identifier: GPL-2.0
/*
 * How perf_mmap() charges locked memory: the right rule, and the story of the
 * wrong ones.
 *
 * A buffer's pages are charged to the user (U) as far as the limit allows, the
 * rest to the mm (M), which is checked against RLIMIT_MEMLOCK. Before v5.4 the
 * rest was not that of the mapping but all that the user had over the limit,
 * added to M again with each call. Each fix below cured one mistake, and all
 * but the last two brought another.
 */
#include <linux/kernel.h>

#include "charge.h"

/* In the kernel's own types, so that sums wrap where the kernel's sums wrap. */
static __always_inline unsigned long
excess(unsigned long user_locked, const struct perfmlock_state *state)
{
	return user_locked > state->limit ? user_locked - state->limit : 0;
}

/* What a first mapping puts on M, and the sum that was compared with the limit. */
static __always_inline unsigned long
extra_of(enum perfmlock_extra rule, const struct perfmlock_state *state,
	 unsigned long pages, unsigned long *user_locked)
{
	unsigned long user = state->user;
	struct perfmlock_charge right;

	switch (rule) {
	case PERFMLOCK_EXTRA_THREE_WAYS:
		*user_locked = user + pages;
		if (*user_locked > state->limit && user >= state->limit)
			return pages;
		return excess(*user_locked, state);
	case PERFMLOCK_EXTRA_CLAMPED:
		*user_locked = (user < state->limit ? user : state->limit) +
			       pages;
		return excess(*user_locked, state);
	case PERFMLOCK_EXTRA_RIGHT:
		perfmlock_reference(state, pages, &right);
		*user_locked = right.user_locked;
		return right.mm;
	default:
		*user_locked = user + pages;
		return excess(*user_locked, state);
	}
}

/* What the last unmap of an AUX area takes from U. */
static __always_inline long taken_of(enum perfmlock_aux_unmap rule, long pages,
				     long rec)
{
	switch (rule) {
	case PERFMLOCK_AUX_ALL:
		return pages;
	case PERFMLOCK_AUX_EITHER:
		return rec ? 0 : pages;
	default:
		return pages - rec;
	}
}

/*
 * In the order of history. The first two rows never lose a page in the end,
 * but charge M, or U, for more than there is. The AUX uncharge of S1 is the
 * old one, which takes pages from U that the new split had put on M; S2's
 * forgets U's part. S4 trusts that U is below the limit, which a sysctl or a
 * CPU that goes offline can lower. S5 is right about how much, not yet about
 * whom. S6 was a clean-up, and S7, in v6.18, is its refactoring. No release is
 * right about whom so far: that is selftests/patches/.
 */
const struct perfmlock_model perfmlock_models[PERFMLOCK_NR_MODELS] = {
	[PERFMLOCK_S0] = {
		.name = "S0", .commit = "9bb5d40cd93c", .since = "v3.10",
		.extra = PERFMLOCK_EXTRA_UNCLAMPED, .double_charge = true,
		.aux_unmap = PERFMLOCK_AUX_ALL,
	},
	[PERFMLOCK_S0C] = {
		/* 003461559ef7 without d44248a41337: 4.4 to 4.19 stable */
		.name = "S0c", .commit = "003461559ef7", .since = "v4.19.103",
		.extra = PERFMLOCK_EXTRA_CLAMPED, .double_charge = true,
		.aux_unmap = PERFMLOCK_AUX_ALL,
	},
	[PERFMLOCK_S1] = {
		.name = "S1", .commit = "d44248a41337", .since = "v5.4-rc3",
		.extra = PERFMLOCK_EXTRA_THREE_WAYS,
		.aux_unmap = PERFMLOCK_AUX_ALL,
	},
	[PERFMLOCK_S2] = {
		.name = "S2", .commit = "5e6c3c7b1ec2", .since = "v5.4",
		.extra = PERFMLOCK_EXTRA_THREE_WAYS,
		.aux_unmap = PERFMLOCK_AUX_EITHER,
	},
	[PERFMLOCK_S3] = {
		.name = "S3", .commit = "36b3db03b474", .since = "v5.5-rc1",
		.extra = PERFMLOCK_EXTRA_THREE_WAYS,
		.aux_unmap = PERFMLOCK_AUX_REST,
	},
	[PERFMLOCK_S4] = {
		.name = "S4", .commit = "c4b75479741c", .since = "v5.5",
		.extra = PERFMLOCK_EXTRA_UNCLAMPED,
		.aux_unmap = PERFMLOCK_AUX_REST,
	},
	[PERFMLOCK_S5] = {
		.name = "S5", .commit = "003461559ef7", .since = "v5.6",
		.extra = PERFMLOCK_EXTRA_CLAMPED,
		.aux_unmap = PERFMLOCK_AUX_REST,
	},
	[PERFMLOCK_S6] = {
		.name = "S6", .commit = "0c8a4e4139ad", .since = "v6.15",
		.extra = PERFMLOCK_EXTRA_CLAMPED,
		.aux_unmap = PERFMLOCK_AUX_REST,
		.remap_charges = true,
	},
	[PERFMLOCK_REFERENCE] = {
		.name = "reference", .commit = "-", .since = "-",
		.extra = PERFMLOCK_EXTRA_CLAMPED,
		.aux_unmap = PERFMLOCK_AUX_REST,
		.own_user = true, .own_mm = true,
	},
};

const struct perfmlock_model perfmlock_reference_model = {
	.name = "reference", .commit = "-", .since = "-",
	.extra = PERFMLOCK_EXTRA_RIGHT, .aux_unmap = PERFMLOCK_AUX_REST,
	.own_user = true, .own_mm = true,
};

const struct perfmlock_cause_info perfmlock_causes[PERFMLOCK_NR_CAUSES] = {
	[PERFMLOCK_NO_CAUSE]	   = { "none", "none", "-" },
	[PERFMLOCK_EXPLOSION]	   = { "explosion", "cured", "d44248a41337" },
	[PERFMLOCK_DOUBLE_CHARGE]  = { "double-charge", "cured", "d44248a41337" },
	[PERFMLOCK_AUX_UNCHARGE]   = { "aux-uncharge", "cured", "5e6c3c7b1ec2" },
	[PERFMLOCK_AUX_LEAK]	   = { "aux-leak", "cured", "36b3db03b474" },
	[PERFMLOCK_LIMIT_LOWERED]  = { "limit-lowered", "cured", "003461559ef7" },
	[PERFMLOCK_REMAP_CHARGE]   = { "remap-charge", "brought", "0c8a4e4139ad" },
	[PERFMLOCK_WRONG_MM]	   = { "wrong-mm", "brought", "9bb5d40cd93c" },
	[PERFMLOCK_AUX_WRONG_USER] = { "aux-wrong-user", "brought", "45bfb2e50471" },
	[PERFMLOCK_LOST_UNCHARGE]  = { "lost-uncharge", "brought", "f91072ed1b72" },
	[PERFMLOCK_UNEXPLAINED]	   = { "unexplained", "none", "-" },
};

/**
 * perfmlock_reference_between() - the same with calls that ran beside it
 * @state: counters of the correct books when the call was booked
 * @lowest_user: least U that the call can have met, given the others
 * @highest_user: greatest U likewise
 * @pages: of the mapping
 * @seen_user: what the kernel charged to U
 * @charge: result
 *
 * Calls of one user that overlap have no order that could be seen from
 * outside. Any serial order is right; if one of them gives what the kernel
 * charged, that is the one. Else the order of booking decides.
 */
void perfmlock_reference_between(const struct perfmlock_state *state,
				 long lowest_user, long highest_user,
				 unsigned long pages, long seen_user,
				 struct perfmlock_charge *charge)
{
	struct perfmlock_state bound = *state;
	long most, least;

	bound.user = lowest_user;
	perfmlock_reference(&bound, pages, charge);
	most = charge->user;
	bound.user = highest_user;
	perfmlock_reference(&bound, pages, charge);
	least = charge->user;

	perfmlock_reference(state, pages, charge);
	if (seen_user < least || seen_user > most)
		return;
	charge->user = seen_user;
	charge->mm = pages - seen_user;
	perfmlock_check(state, charge);
}

/* Inlined where all rules are asked, under the ledger's lock. */
static __always_inline void model_charge(const struct perfmlock_model *model,
					 const struct perfmlock_state *state,
					 unsigned long pages,
					 struct perfmlock_charge *charge)
{
	charge->mm = extra_of(model->extra, state, pages, &charge->user_locked);
	charge->user = model->double_charge ? pages : pages - charge->mm;
	perfmlock_check(state, charge);
}

/**
 * perfmlock_rest_on_mm() - what of a first mapping the kernel has put on M, told by U
 * @state: the kernel's counters before the call, and the limits
 * @pages: of the mapping
 * @user: that it has put on U
 *
 * Return: see struct perfmlock_rest. By 9bb5d40cd93c (S0) and its backports with
 * 003461559ef7 (S0c).
 */
struct perfmlock_rest
perfmlock_rest_on_mm(const struct perfmlock_state *state, unsigned long pages,
		     long user)
{
	struct perfmlock_rest on_mm = { pages - user, pages - user };
	unsigned long user_locked;

	if (user == (long)pages) {
		on_mm.clamped = extra_of(perfmlock_models[PERFMLOCK_S0C].extra,
					 state, pages, &user_locked);
		on_mm.unclamped = extra_of(perfmlock_models[PERFMLOCK_S0].extra,
					   state, pages, &user_locked);
	}
	return on_mm;
}

/**
 * perfmlock_model_charge() - what a kernel's rule makes of a first mapping
 * @model: the rule
 * @state: the kernel's counters before the call, and the limits
 * @pages: of the mapping
 * @charge: result
 */
void perfmlock_model_charge(const struct perfmlock_model *model,
			    const struct perfmlock_state *state,
			    unsigned long pages,
			    struct perfmlock_charge *charge)
{
	model_charge(model, state, pages, charge);
}

static __always_inline long unmap_user(const struct perfmlock_model *model,
				       const struct perfmlock_observation *obs,
				       enum perfmlock_kind kind)
{
	if (kind == PERFMLOCK_AUX)
		return taken_of(model->aux_unmap, obs->pages, obs->rec);
	return model->double_charge ? obs->pages : obs->pages - obs->rec;
}

/* @step and @kind are those of @obs; who knows them spares the others' questions. */
static __always_inline void model_step(const struct perfmlock_model *model,
				       const struct perfmlock_observation *obs,
				       enum perfmlock_step step,
				       enum perfmlock_kind kind,
				       struct perfmlock_charge *charge)
{
	if (step == PERFMLOCK_MAP) {
		model_charge(model, &obs->state, obs->pages, charge);
		return;
	}
	*charge = (struct perfmlock_charge){ .rec = obs->rec };
	if (step == PERFMLOCK_REMAP && model->remap_charges) {
		charge->user = obs->pages;
	} else if (step == PERFMLOCK_LAST_UNMAP) {
		if (!(obs->other_user && model->own_user))
			charge->user = -unmap_user(model, obs, kind);
		if (!(obs->other_mm && model->own_mm))
			charge->mm = -obs->rec;
		charge->rec = 0;
	}
}

/**
 * perfmlock_model_step() - what a kernel's rule makes of any step
 * @model: the rule
 * @obs: the step; what was measured is not looked at
 * @charge: result; the sums are of a first mapping only, no other is checked
 *
 * Whose U and whose M are meant is not said here (see struct perfmlock_model), but
 * for a last unmap: there it is the counters that were measured, and those of others
 * are not moved by who uncharges whom he charged.
 */
void perfmlock_model_step(const struct perfmlock_model *model,
			  const struct perfmlock_observation *obs,
			  struct perfmlock_charge *charge)
{
	model_step(model, obs, obs->step, obs->kind, charge);
}

/**
 * perfmlock_model_user() - the change of U that a rule makes, given that of M
 * @model: the rule
 * @obs: a step; @obs->user is not looked at
 *
 * M cannot be moved by another perf mmap of the same time, U can: where calls
 * overlap, U's part follows from M's.
 *
 * Return: change of U, in pages.
 */
long perfmlock_model_user(const struct perfmlock_model *model,
			  const struct perfmlock_observation *obs)
{
	struct perfmlock_charge charge;

	if (obs->step == PERFMLOCK_MAP)
		return model->double_charge ? obs->pages :
					      obs->pages - obs->mm;
	perfmlock_model_step(model, obs, &charge);
	return charge.user;
}

/* Unrolled: what the rules have in common, which is most of it, is done once. */
static __always_inline unsigned int
explain(const struct perfmlock_observation *obs, enum perfmlock_step step,
	enum perfmlock_kind kind)
{
	struct perfmlock_charge charge;
	unsigned int i, mask = 0;

#pragma GCC unroll 16
	for (i = 0; i < PERFMLOCK_NR_MODELS; i++) {
		model_step(&perfmlock_models[i], obs, step, kind, &charge);
		if (obs->user == charge.user && obs->mm == charge.mm)
			mask |= 1U << i;
	}
	return mask;
}

/**
 * perfmlock_models_explain() - which rules could have done this
 * @obs: an undisturbed step
 *
 * Return: a bit for each of perfmlock_models that gives what was measured.
 */
unsigned int perfmlock_models_explain(const struct perfmlock_observation *obs)
{
	switch (obs->step) {
	case PERFMLOCK_MAP:
		return explain(obs, PERFMLOCK_MAP, PERFMLOCK_DATA);
	case PERFMLOCK_LAST_UNMAP:
		if (obs->kind == PERFMLOCK_DATA)
			return explain(obs, PERFMLOCK_LAST_UNMAP,
				       PERFMLOCK_DATA);
		return explain(obs, PERFMLOCK_LAST_UNMAP, PERFMLOCK_AUX);
	default:
		return explain(obs, obs->step, obs->kind);
	}
}

/**
 * perfmlock_is_split() - are the pages divided between U and M, none lost
 * @obs: a first mapping, or a last unmap
 *
 * A rule that charges each page once makes such a step, with some U and some
 * limit. Whoever else moves a counter meanwhile breaks it.
 *
 * Return: true if so.
 */
bool perfmlock_is_split(const struct perfmlock_observation *obs)
{
	long sign = obs->step == PERFMLOCK_LAST_UNMAP ? -1 : 1;

	return sign * obs->user >= 0 && sign * obs->mm >= 0 &&
	       sign * (obs->user + obs->mm) == obs->pages;
}

/* The change of M, where that of U is known to be the call's own. */
static long mm_beside_user(const struct perfmlock_model *model,
			   const struct perfmlock_observation *obs,
			   const struct perfmlock_charge *by_rule)
{
	switch (obs->step) {
	case PERFMLOCK_MAP:
		if (obs->user + obs->mm == obs->pages)
			return obs->mm;
		return model->double_charge ? by_rule->mm :
					      obs->pages - obs->user;
	case PERFMLOCK_REFUSED:
		/* what a failed mmap() leaves behind, it leaves on both */
		return obs->user && obs->user + obs->mm == obs->pages ?
		       obs->mm : 0;
	default:
		return by_rule->mm;
	}
}

/* Both changes, where others may have moved either. */
static void by_mm(const struct perfmlock_model *model,
		  struct perfmlock_observation *obs,
		  const struct perfmlock_charge *by_rule)
{
	if (obs->step == PERFMLOCK_MAP && obs->mm >= 0 &&
	    (model->double_charge || obs->mm <= obs->pages)) {
		obs->user = perfmlock_model_user(model, obs);
		return;
	}
	obs->user = by_rule->user;
	obs->mm = by_rule->mm;
}

/*
 * Is all that the rule does not make of a step somebody else's? io_uring moves
 * both counters by the same, BPF and others one of them.
 */
static bool moved_by_one(long user, long mm)
{
	return !user || !mm || user == mm;
}

/* What the buffer remembers, if the step tells it. */
static long told_rec(const struct perfmlock_observation *obs,
		     enum perfmlock_mover mover)
{
	if (perfmlock_is_split(obs))
		return -obs->mm;
	if (mover == PERFMLOCK_ALONE && obs->user <= 0 &&
	    -obs->user <= obs->pages)
		return obs->pages + obs->user;
	return obs->rec;
}

/* The rule does not explain the step: which part of it is the call's own? */
static noinline bool divide(unsigned int index, unsigned int rules,
			    struct perfmlock_observation *obs,
			    enum perfmlock_mover mover, bool guessed_rec)
{
	const struct perfmlock_model *model = &perfmlock_models[index];
	long user = obs->user, mm = obs->mm;
	struct perfmlock_charge by_rule;

	perfmlock_model_step(model, obs, &by_rule);
	/* a guess that U does not belie stays: to some rules any is the same */
	if (guessed_rec && obs->step == PERFMLOCK_LAST_UNMAP &&
	    (user != by_rule.user || mover != PERFMLOCK_ALONE)) {
		obs->rec = told_rec(obs, mover);
		obs->explained = perfmlock_models_explain(obs);
		if (obs->explained & (1U << index))
			return true;
		perfmlock_model_step(model, obs, &by_rule);
	}
	if (mover != PERFMLOCK_CALLS && (obs->explained & rules))
		return true;
	if (mover == PERFMLOCK_ALONE) {
		obs->mm = mm_beside_user(model, obs, &by_rule);
	} else if (mover == PERFMLOCK_STRANGERS &&
		   moved_by_one(user - by_rule.user, mm - by_rule.mm)) {
		obs->user = by_rule.user;
		obs->mm = by_rule.mm;
	} else {
		by_mm(model, obs, &by_rule);
	}
	return obs->user == user && obs->mm == mm;
}

/**
 * perfmlock_attribute() - how much of a measured change is the call's own
 * @index: the rule that the kernel was seen to follow, of perfmlock_models
 * @rules: those that it may follow as well, a bit each
 * @obs: the step; as measured, then as it is to be booked
 * @mover: who can have moved U
 * @guessed_rec: @obs->rec was not measured; if a last unmap tells it, it is
 *		 put right
 *
 * io_uring, RDMA, vfio and others move mm->pinned_vm without mmap_lock, and
 * whoever shares locked_vm moves U. A change is the call's own if a rule
 * explains it. Else U, where it is the call's own, tells M's part; and where it
 * is not, M tells U's.
 *
 * Return: true if all of it was as measured.
 */
bool perfmlock_attribute(unsigned int index, unsigned int rules,
			 struct perfmlock_observation *obs,
			 enum perfmlock_mover mover, bool guessed_rec)
{
	obs->explained = perfmlock_models_explain(obs);
	return obs->explained & (1U << index) ||
	       divide(index, rules, obs, mover, guessed_rec);
}

static enum perfmlock_cause unmap_cause(const struct perfmlock_observation *obs)
{
	if (!obs->mm && (obs->rec || !obs->user))
		return PERFMLOCK_LOST_UNCHARGE;
	if (obs->kind != PERFMLOCK_AUX || obs->mm != -obs->rec)
		return PERFMLOCK_UNEXPLAINED;
	if (obs->user == -taken_of(PERFMLOCK_AUX_ALL, obs->pages, obs->rec))
		return PERFMLOCK_AUX_UNCHARGE;
	if (obs->user == -taken_of(PERFMLOCK_AUX_EITHER, obs->pages, obs->rec))
		return PERFMLOCK_AUX_LEAK;
	return PERFMLOCK_UNEXPLAINED;
}

/**
 * perfmlock_cause() - which known mistake made a step differ
 * @obs: the step as the kernel took it
 * @right: what the reference rule says of it, as a change of U and M
 *
 * Told from what the kernel did alone, never from its version. Mistakes about
 * whom to uncharge are not seen here: the ledger knows who was charged.
 *
 * Return: PERFMLOCK_NO_CAUSE if they agree.
 */
enum perfmlock_cause perfmlock_cause(const struct perfmlock_observation *obs,
				     const struct perfmlock_charge *right)
{
	if (obs->user == right->user && obs->mm == right->mm)
		return PERFMLOCK_NO_CAUSE;

	switch (obs->step) {
	case PERFMLOCK_MAP:
		if (obs->mm > obs->pages && obs->user == obs->pages)
			return PERFMLOCK_EXPLOSION;
		if (obs->mm > obs->pages && obs->user == obs->pages - obs->mm)
			return PERFMLOCK_LIMIT_LOWERED;
		if (obs->mm > 0 && obs->user == obs->pages)
			return PERFMLOCK_DOUBLE_CHARGE;
		return PERFMLOCK_UNEXPLAINED;
	case PERFMLOCK_REMAP:
	case PERFMLOCK_REFUSED:
		if (obs->user == obs->pages && !obs->mm)
			return PERFMLOCK_REMAP_CHARGE;
		return PERFMLOCK_UNEXPLAINED;
	case PERFMLOCK_LAST_UNMAP:
		return unmap_cause(obs);
	default:
		return PERFMLOCK_UNEXPLAINED;
	}
}

/*
 * What is compared with the rlimit. Of several buffers the sum counts, and the first
 * one by itself: a negative M is over any rlimit, be the sum what it may.
 */
static unsigned long most_locked(const struct perfmlock_model *model,
				 const struct perfmlock_state *state,
				 unsigned long pages, unsigned int buffers)
{
	struct perfmlock_charge one, all;

	perfmlock_model_charge(model, state, pages, &one);
	perfmlock_model_charge(model, state, pages * buffers, &all);
	return max(one.locked, all.locked);
}

static bool admits(const struct perfmlock_model *model,
		   const struct perfmlock_state *state, unsigned long pages,
		   unsigned int buffers)
{
	return most_locked(model, state, pages, buffers) <= state->rlimit;
}

/**
 * perfmlock_restarted() - the counters that a process finds when it is started anew
 * @model: the rule of the running kernel
 * @state: the counters now, and the limits
 * @holding: what it gives back when it ends
 * @restarted: result
 *
 * How the pages of adopted buffers are divided is not known: as many are on M as are
 * there and of nobody else's. What else the process has on M it will have again. Of
 * what may stay all stays: what is said to help then helps, and may be too much.
 */
void perfmlock_restarted(const struct perfmlock_model *model,
			 const struct perfmlock_state *state,
			 const struct perfmlock_holding *holding,
			 struct perfmlock_state *restarted)
{
	long adopted_on_mm = clamp(holding->others, 0L, holding->adopted);
	long on_user = holding->pages + holding->adopted - adopted_on_mm;

	if (!model->double_charge)
		on_user -= holding->mm;
	if (holding->stays)
		on_user = 0;
	*restarted = *state;
	restarted->mm = max(holding->others - adopted_on_mm, 0L);
	/* a damaged one stays as it is */
	if (state->user > 0)
		restarted->user = max(state->user - on_user, 0L);
}

/**
 * perfmlock_short() - pages by which buffers exceed the rlimit
 * @model: the rule of the running kernel
 * @state: the counters and limits
 * @pages: of one
 * @buffers: how many are mapped one after the other; before v5.4 that is not the
 *	     same as their sum
 *
 * Return: pages, 0 if all are admitted; -1 if a negative M exceeds any rlimit.
 */
long perfmlock_short(const struct perfmlock_model *model,
		     const struct perfmlock_state *state, unsigned long pages,
		     unsigned int buffers)
{
	unsigned long locked = most_locked(model, state, pages, buffers);

	if (locked <= state->rlimit)
		return 0;
	return (long)locked < 0 ? -1 : (long)(locked - state->rlimit);
}

/**
 * perfmlock_fits() - the largest buffer that would be admitted
 * @model: the rule of the running kernel
 * @state: the counters and limits
 * @kind: a buffer of data has 1 + 2^k pages, an AUX area 2^k
 * @pages: of the one that was refused
 * @buffers: so many of them are to be mapped, as of perfmlock_short()
 *
 * Return: pages; 0: none that holds any data.
 */
unsigned long perfmlock_fits(const struct perfmlock_model *model,
			     const struct perfmlock_state *state,
			     enum perfmlock_kind kind, unsigned long pages,
			     unsigned int buffers)
{
	unsigned long control = kind == PERFMLOCK_DATA;
	unsigned long size, fits = 0;

	for (size = 1; control + size < pages; size *= 2)
		if (admits(model, state, control + size, buffers))
			fits = control + size;
	return fits;
}

/* Smallest perf_event_mlock_kb that admits, by bisection: more never hurts. */
static long smallest_mlock_kb(const struct perfmlock_model *model,
			      const struct perfmlock_state *state,
			      unsigned long pages, unsigned int buffers,
			      unsigned int page_shift, unsigned int online_cpus)
{
	unsigned int to_kb = page_shift - 10;
	int low = 0, high = 0x7fffffff >> to_kb;
	struct perfmlock_state with = *state;

	with.limit = perfmlock_user_lock_limit(high << to_kb, page_shift,
					       online_cpus);
	if (!admits(model, &with, pages, buffers))
		return -1;
	while (low < high) {
		int mid = low + (high - low) / 2;

		with.limit = perfmlock_user_lock_limit(mid << to_kb, page_shift,
						       online_cpus);
		if (admits(model, &with, pages, buffers))
			high = mid;
		else
			low = mid + 1;
	}
	return (long)high << to_kb;
}

/**
 * perfmlock_overdrawn() - what a process has beyond its rlimit already
 * @state: counters and limits
 *
 * It came in by a privilege, by perf_event_paranoid -1, or before the rlimit was
 * lowered. perf_mmap() compares all of M with the rlimit, even where it adds
 * nothing to it: any further buffer is refused.
 *
 * Context: any.
 *
 * Return: pages.
 */
long perfmlock_overdrawn(const struct perfmlock_state *state)
{
	if (state->mm < 0 || (unsigned long)state->mm <= state->rlimit)
		return 0;
	return state->mm - (long)state->rlimit;
}

/**
 * perfmlock_remedy() - the least change that admits a refused mapping
 * @model: the rule of the running kernel
 * @state: the kernel's counters and the limits at the refusal
 * @pages: of the mapping
 * @buffers: so many of them are to be mapped, as of perfmlock_short()
 * @page_shift: of the kernel's pages
 * @online_cpus: that multiply perf_event_mlock_kb
 * @remedy: result, in kB; -1 where that knob cannot help
 */
void perfmlock_remedy(const struct perfmlock_model *model,
		      const struct perfmlock_state *state, unsigned long pages,
		      unsigned int buffers, unsigned int page_shift,
		      unsigned int online_cpus, struct perfmlock_remedy *remedy)
{
	unsigned long locked = most_locked(model, state, pages, buffers);

	remedy->mlock_kb = smallest_mlock_kb(model, state, pages, buffers,
					     page_shift, online_cpus);
	/* a negative M is more than RLIM_INFINITY: no rlimit reaches it */
	remedy->memlock_kb = locked > (~0UL >> page_shift) ?
			     -1 : (long)(locked << (page_shift - 10));
}
