/* SPDX-License-Identifier: GPL-2.0 */
/* What the ledger's own files share; its users include ledger.h. */
#ifndef PERFMLOCK_INTERNAL_H
#define PERFMLOCK_INTERNAL_H

#include "ledger.h"

/* history */
int perfmlock_history_init(struct perfmlock_history *history, size_t size);
void perfmlock_history_add(struct perfmlock_history *history, u64 group,
			   u32 key, void *entry,
			   bool (*equal)(const void *a, const void *b),
			   void (*keep)(void *entry, const void *old));
void perfmlock_history_forget(struct perfmlock_history *history);

/* failure */
void perfmlock_failed(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, int ret);

/* audit */
void perfmlock_audit_finds(struct perfmlock_ledger *ledger,
			   const struct perfmlock_buffer *buffer,
			   enum perfmlock_finding_kind kind, const char *of,
			   long books, long found);

/* notes */
void perfmlock_note_step(struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call,
			 const struct perfmlock_observation *obs,
			 const struct perfmlock_charge *right,
			 const struct perfmlock_buffer *buffer, bool measured);
void perfmlock_note_drift(struct perfmlock_ledger *ledger,
			  const struct perfmlock_drifting *drift);
void perfmlock_note_denial(struct perfmlock_ledger *ledger,
			   const struct perfmlock_denial *denial);

/* ledger */
void perfmlock_doubt(struct perfmlock_ledger *ledger);
void perfmlock_not_booked(struct perfmlock_ledger *ledger);
struct perfmlock_user *perfmlock_user_row(struct perfmlock_ledger *ledger,
					  const void *user,
					  const struct perfmlock_actor *actor);
struct perfmlock_mm *perfmlock_mm_row(struct perfmlock_ledger *ledger,
				      const void *mm,
				      const struct perfmlock_actor *actor);
struct perfmlock_buffer *
perfmlock_buffer_new(struct perfmlock_ledger *ledger, const void *rb,
		     enum perfmlock_kind kind, struct perfmlock_user *user,
		     struct perfmlock_mm *mm, unsigned long pgoff, u32 pages);
void perfmlock_adopt(struct perfmlock_ledger *ledger,
		     struct perfmlock_buffer *buffer);
void perfmlock_adopt_data(struct perfmlock_ledger *ledger,
			  struct perfmlock_buffer *data, u32 pages);
void perfmlock_buffer_give(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer,
			   struct perfmlock_user *user, struct perfmlock_mm *mm);
void perfmlock_no_longer_pending(struct perfmlock_buffer *data);
void perfmlock_found_mapped(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *data);
void perfmlock_replaced(struct perfmlock_ledger *ledger,
			struct perfmlock_buffer *data);
void perfmlock_buffer_unseen_end(struct perfmlock_ledger *ledger,
				 struct perfmlock_buffer *buffer);
void perfmlock_buffer_drop(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer);
void perfmlock_buffer_put(struct perfmlock_ledger *ledger,
			  struct perfmlock_buffer *buffer);

/* rivals */
void perfmlock_nobody_is_left(struct perfmlock_ledger *ledger,
			      struct perfmlock_buffer *data, bool his);
bool perfmlock_was_his(const struct perfmlock_buffer *data, bool others);

/* calls */
void perfmlock_quiet(struct perfmlock_ledger *ledger,
		     struct perfmlock_user *user, long counter);

/* proof */
void perfmlock_proof_add(struct perfmlock_ledger *ledger,
			 const struct perfmlock_buffer *buffer);
void perfmlock_proof_remove(struct perfmlock_ledger *ledger,
			    const struct perfmlock_buffer *buffer);
void perfmlock_proof_void(struct perfmlock_ledger *ledger,
			  struct perfmlock_buffer *buffer);
void perfmlock_proof_inferred(struct perfmlock_ledger *ledger,
			      struct perfmlock_buffer *data);
void perfmlock_proof_company(struct perfmlock_user *user, long pages);
void perfmlock_proof_drop(struct perfmlock_ledger *ledger,
			  const struct perfmlock_buffer *buffer);
void perfmlock_proof_may_be_on(struct perfmlock_ledger *ledger,
			       struct perfmlock_user *user, long pages);
void perfmlock_proof_quiet(struct perfmlock_ledger *ledger,
			   struct perfmlock_user *user, long counter);
void perfmlock_proof_first(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call,
			   struct perfmlock_buffer *buffer);
void perfmlock_proof_left(const struct perfmlock_ledger *ledger,
			  struct perfmlock_call *call,
			  struct perfmlock_buffer *part);
long perfmlock_proof_mm(const struct perfmlock_ledger *ledger,
			struct perfmlock_mm *mm, long counter);
void perfmlock_proof_close(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call, long counter);
long perfmlock_proof_user(struct perfmlock_ledger *ledger,
			  struct perfmlock_user *user, long counter);
void perfmlock_proof_lend(const struct perfmlock_call *call,
			  const struct perfmlock_buffer *part, long *user,
			  long *mm);

/* repair */
void perfmlock_repair_user(struct perfmlock_ledger *ledger,
			   struct perfmlock_user *user);
void perfmlock_repair_mm(struct perfmlock_ledger *ledger,
			 struct perfmlock_mm *mm);
void perfmlock_unrepair_user(struct perfmlock_ledger *ledger,
			     struct perfmlock_user *user);
void perfmlock_unrepair_mm(struct perfmlock_ledger *ledger,
			   struct perfmlock_mm *mm);
void perfmlock_repair_lend(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call);
void perfmlock_repair_lent(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call);
long perfmlock_repaired_mm(struct perfmlock_ledger *ledger, const void *mm);

/* verdict */
void perfmlock_tell(struct perfmlock_user *user, unsigned int mask);
void perfmlock_judge(struct perfmlock_ledger *ledger,
		     struct perfmlock_user *user,
		     const struct perfmlock_observation *obs);
void perfmlock_compare(struct perfmlock_ledger *ledger,
		       const struct perfmlock_observation *obs,
		       const struct perfmlock_charge *right,
		       enum perfmlock_cause cause,
		       const struct perfmlock_buffer *buffer,
		       struct perfmlock_user *user, struct perfmlock_mm *mm);
void perfmlock_denied(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, long user_after,
		      long mm_after);
bool perfmlock_may_charge_remaps(const struct perfmlock_ledger *ledger);
void perfmlock_settle(struct perfmlock_ledger *ledger,
		      struct perfmlock_user *user, long rest);

/**
 * perfmlock_unsure() - a call of the user was not booked
 * @ledger: the ledger
 * @user: the user's row
 *
 * What it did to the counter is foreign from the next quiet moment on, and no
 * drift is told of it.
 *
 * Context: any; the lock is held.
 */
static inline void perfmlock_unsure(const struct perfmlock_ledger *ledger,
				    struct perfmlock_user *user)
{
	user->sure_at = ledger->unseen - 1;
}

/* What may have uncharged nobody knows whom has ended, beside all under way now. */
static inline void perfmlock_known_again(struct perfmlock_ledger *ledger)
{
	ledger->unknown--;
	ledger->unseen++;
}

/*
 * Is all that moves the user's counter in the books, or foreign since the last
 * quiet moment? Else what is right cannot be told from what the kernel made of
 * a counter with more, or less, on it than is known.
 */
static inline bool perfmlock_is_sure(const struct perfmlock_ledger *ledger,
				     const struct perfmlock_user *user)
{
	return user->sure_at == ledger->unseen && !ledger->unknown &&
	       /* nothing is in the books still that has ended unseen */
	       !(ledger->unsettled && ledger->exclusive && user->foreign < 0);
}

/* The part of a buffer that all of its mappings hold. */
static inline struct perfmlock_buffer *
perfmlock_data_of(struct perfmlock_buffer *buffer)
{
	return buffer->kind == PERFMLOCK_AUX ? buffer->aux : buffer;
}

static inline enum perfmlock_kind perfmlock_kind_of(unsigned long pgoff)
{
	return pgoff ? PERFMLOCK_AUX : PERFMLOCK_DATA;
}

/* What a split has left of a data mapping begins in it, and an AUX area behind it. */
static inline enum perfmlock_kind
perfmlock_kind_met(const struct perfmlock_buffer *data, unsigned long pgoff)
{
	if (data && pgoff < data->pages)
		return PERFMLOCK_DATA;
	return perfmlock_kind_of(pgoff);
}

/*
 * Is this a mapping of another buffer, at the address of one that the books still
 * have? A mapping has all of its buffer's pages, or was split.
 */
static inline bool perfmlock_is_another(const struct perfmlock_buffer *data,
					unsigned long pgoff, u32 pages)
{
	if (likely(pages == data->pages) || data->pending || !data->pages ||
	    perfmlock_kind_met(data, pgoff) != PERFMLOCK_DATA)
		return false;
	return pages > data->pages || !data->split;
}

/* Is there no call beside the one that ends, if one does? */
static inline bool perfmlock_is_alone(const struct perfmlock_ledger *ledger)
{
	return ledger->alone || !ledger->nr_active;
}

/* A call changes how many mappings a buffer has. */
static inline void perfmlock_touch(struct perfmlock_ledger *ledger,
				   struct perfmlock_buffer *buffer)
{
	if (unlikely(buffer->proven && !perfmlock_is_alone(ledger)))
		perfmlock_proof_void(ledger, buffer);
	buffer->sweep = ledger->sweep;
	buffer->touched = true;
}

/* Which mm maps a buffer: most are mapped by the one that was charged alone. */
static inline void perfmlock_mapped_by(struct perfmlock_buffer *buffer,
				       const void *mm)
{
	struct perfmlock_buffer *data = perfmlock_data_of(buffer);

	if (unlikely(data->mm->node.key != mm)) {
		data->shared = true;
		data->mm->stays = true;
	}
}

/**
 * perfmlock_right_state() - what the kernel would see had it always been right
 * @ledger: the ledger
 * @user: the user's row
 * @mm: the mm's books
 * @kernel: the kernel's counters and limits, from before the call is booked
 * @repaired_mm: what repair had on M then
 * @mover: who can have moved U during the call
 * @right: result
 *
 * Where others share the counter, what is theirs is known of moments at which no
 * call of the user's is under way, and only then.
 *
 * Context: any; the lock is held.
 */
static inline void perfmlock_right_state(const struct perfmlock_ledger *ledger,
					 const struct perfmlock_user *user,
					 const struct perfmlock_books *mm,
					 const struct perfmlock_state *kernel,
					 long repaired_mm,
					 enum perfmlock_mover mover,
					 struct perfmlock_state *right)
{
	right->user = perfmlock_correct_counter(user->foreign, user->books.correct);
	if (unlikely(!perfmlock_is_sure(ledger, user) ||
		     (mover == PERFMLOCK_CALLS && !ledger->exclusive)))
		right->user = kernel->user;
	right->mm = perfmlock_foreign(kernel->mm, mm->kernel + repaired_mm);
	right->mm = perfmlock_correct_counter(right->mm, mm->correct);
	right->limit = kernel->limit;
	right->rlimit = kernel->rlimit;
}

/*
 * Pages on U that no live buffer accounts for. What repair has taken is there no
 * more; nor do buffers hold what it has taken of theirs.
 */
static inline long perfmlock_orphaned(const struct perfmlock_user *user)
{
	long pages = perfmlock_change(perfmlock_on_counter(&user->books),
				      user->user_pages);

	return user->books.repaired && pages < 0 ? 0 : pages;
}

/* The kernel has put more on a user for a buffer. The lock is held. */
static inline void perfmlock_on_user(struct perfmlock_buffer *buffer, long more)
{
	buffer->kernel_user += more;
	buffer->user->user_pages += more;
}

/* The kernel has put more on an mm for a buffer. The lock is held. */
static inline void perfmlock_on_mm(struct perfmlock_buffer *buffer, long more)
{
	buffer->kernel_mm += more;
	buffer->user->mm_pages += more;
}

/*
 * Which model is the kernel's, to who books a user's calls? Where others share the
 * counter a user can make his own steps look like any rule's: nobody else's books
 * go by them.
 */
static inline unsigned int
perfmlock_model_index(const struct perfmlock_ledger *ledger,
		      const struct perfmlock_user *user)
{
	if (likely(ledger->exclusive))
		return ledger->model;
	if (user->model != PERFMLOCK_NR_MODELS)
		return user->model;
	return ledger->taught ? ledger->model : PERFMLOCK_MODEL_DEFAULT;
}

static inline const struct perfmlock_model *
perfmlock_model_of(const struct perfmlock_ledger *ledger,
		   const struct perfmlock_user *user)
{
	return &perfmlock_models[perfmlock_model_index(ledger, user)];
}

/* Can the kernel be one that uncharges whom it charged, by what it was seen to do? */
static inline bool perfmlock_may_remember(const struct perfmlock_ledger *ledger,
					  const struct perfmlock_user *user)
{
	if (likely(ledger->exclusive) ||
	    (ledger->taught && user->model == PERFMLOCK_NR_MODELS))
		return ledger->disagrees[PERFMLOCK_REFERENCE] <=
		       ledger->disagrees[ledger->model];
	return user->model == PERFMLOCK_NR_MODELS ||
	       user->rules & BIT(PERFMLOCK_REFERENCE);
}

/* May calls of the user be under way that nobody saw begin? */
static inline bool perfmlock_is_careful(const struct perfmlock_ledger *ledger,
					const struct perfmlock_user *user)
{
	/* where nobody is busy, a mark is an old one */
	return ledger->careful || (ledger->busy && user->busy);
}

#endif /* PERFMLOCK_INTERNAL_H */
