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
 * struct perfmlock_charge - what a rule makes of one mapping
 * @user: pages added to U (the kernel's user_extra)
 * @mm: pages added to M (the kernel's extra), also what the buffer remembers
 * @user_locked: what the rule compared with the limit
 * @locked: what it compared with the rlimit; unsigned, as in the kernel
 * @over: @locked exceeds the rlimit: refused unless the caller is exempt
 */
struct perfmlock_charge {
	long user;
	long mm;
	unsigned long user_locked;
	unsigned long locked;
	bool over;
};

/**
 * struct perfmlock_uncharge - what a rule takes back
 * @user: pages taken from U
 * @mm: pages taken from M
 */
struct perfmlock_uncharge {
	long user;
	long mm;
};

/**
 * struct perfmlock_model - one version of the kernel's rule
 * @name: short word, as in the history of the accounting
 * @commit: the upstream commit that brought it
 * @since: the first mainline kernel that had it
 * @split: divides the pages of a first mapping between U and M
 * @unmap: what the last unmap takes back, by kind
 * @remap_charges: a re-map adds its pages to U again
 */
struct perfmlock_model {
	const char *name;
	const char *commit;
	const char *since;
	void (*split)(const struct perfmlock_state *state, unsigned long pages,
		      struct perfmlock_charge *charge);
	void (*unmap[PERFMLOCK_KINDS])(long pages, long rec, struct perfmlock_uncharge *un);
	bool remap_charges;
};

extern const struct perfmlock_model perfmlock_models[];
extern const unsigned int perfmlock_nr_models;

/* The rule of most kernels in use: what is assumed before anything was seen. */
#define PERFMLOCK_MODEL_DEFAULT	6

/* One bit a model; as many as perfmlock_models has rows. */
#define PERFMLOCK_MODELS_ALL	((1U << perfmlock_nr_models) - 1)

/**
 * struct perfmlock_observation - one step as a kernel took it
 * @step: which step
 * @kind: of which part of a buffer
 * @pages: of the mapping
 * @rec: what the kernel put on M at the first mapping (for unmaps)
 * @state: counters and limits before the step
 * @user: measured change of U
 * @mm: measured change of M
 */
struct perfmlock_observation {
	enum perfmlock_step step;
	enum perfmlock_kind kind;
	long pages;
	long rec;
	struct perfmlock_state state;
	long user;
	long mm;
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

extern const struct perfmlock_cause_info perfmlock_causes[];

/**
 * struct perfmlock_remedy - what would have admitted a refused mapping
 * @mlock_kb: smallest perf_event_mlock_kb, or -1: none helps
 * @memlock_kb: smallest RLIMIT_MEMLOCK in kB, or -1: none helps
 */
struct perfmlock_remedy {
	long mlock_kb;
	long memlock_kb;
};

unsigned long perfmlock_user_lock_limit(int mlock_kb, unsigned int page_shift,
					unsigned int online_cpus);

long perfmlock_foreign(long counter, long kernel);
long perfmlock_books(long foreign, long correct);
long perfmlock_drift(long kernel, long correct);

void perfmlock_reference(const struct perfmlock_state *state,
			 unsigned long pages, struct perfmlock_charge *charge);
void perfmlock_reference_between(const struct perfmlock_state *state,
				 long lowest_user, long highest_user,
				 unsigned long pages, long seen_user,
				 struct perfmlock_charge *charge);

bool perfmlock_over(const struct perfmlock_state *state, long mm);
void perfmlock_model_charge(const struct perfmlock_model *model,
			    const struct perfmlock_state *state,
			    unsigned long pages,
			    struct perfmlock_charge *charge);
void perfmlock_model_uncharge(const struct perfmlock_model *model,
			      enum perfmlock_kind kind, long pages, long rec,
			      struct perfmlock_uncharge *un);
long perfmlock_model_user(const struct perfmlock_model *model,
			  const struct perfmlock_observation *obs);
unsigned int perfmlock_models_explain(const struct perfmlock_observation *obs);
enum perfmlock_cause perfmlock_cause(const struct perfmlock_observation *obs,
				     const struct perfmlock_charge *right);

void perfmlock_remedy(const struct perfmlock_model *model,
		      const struct perfmlock_state *state, unsigned long pages,
		      unsigned int page_shift, unsigned int online_cpus,
		      struct perfmlock_remedy *remedy);

#endif /* PERFMLOCK_CHARGE_H */
