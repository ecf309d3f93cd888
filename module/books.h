/* SPDX-License-Identifier: GPL-2.0 */
/* What the ledger's own files share; its users include ledger.h. */
#ifndef PERFMLOCK_BOOKS_H
#define PERFMLOCK_BOOKS_H

#include "ledger.h"

struct perfmlock_user *
perfmlock_books_of_user(struct perfmlock_ledger *ledger, const void *user,
			const struct perfmlock_actor *actor);
struct perfmlock_mm *
perfmlock_books_of_mm(struct perfmlock_ledger *ledger, const void *mm,
		      const struct perfmlock_actor *actor);
struct perfmlock_buffer *
perfmlock_buffer_new(struct perfmlock_ledger *ledger, const void *rb,
		     enum perfmlock_kind kind,
		     const struct perfmlock_actor *actor,
		     struct perfmlock_user *user, struct perfmlock_mm *mm,
		     const struct perfmlock_event *event, unsigned long pgoff,
		     u32 pages);
void perfmlock_buffer_drop(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer);
void perfmlock_buffer_stale(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *buffer);

void perfmlock_judge(struct perfmlock_ledger *ledger,
		     const struct perfmlock_observation *obs);
void perfmlock_record_drift(struct perfmlock_ledger *ledger,
			    const struct perfmlock_drifting *drift);
void perfmlock_compare(struct perfmlock_ledger *ledger,
		       const struct perfmlock_observation *obs,
		       const struct perfmlock_charge *right,
		       enum perfmlock_cause cause,
		       const struct perfmlock_buffer *buffer,
		       struct perfmlock_user *user, struct perfmlock_mm *mm);
void perfmlock_denied(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, long user_after);

/**
 * perfmlock_right_state() - what the kernel would see had it always been right
 * @user: the user's row
 * @mm: the mm's books
 * @kernel: the kernel's counters and limits, from before the call is booked
 * @right: result
 *
 * Context: any; the lock is held.
 */
static inline void perfmlock_right_state(const struct perfmlock_user *user,
					 const struct perfmlock_books *mm,
					 const struct perfmlock_state *kernel,
					 struct perfmlock_state *right)
{
	right->user = perfmlock_books(user->foreign, user->books.correct);
	right->mm = perfmlock_books(perfmlock_foreign(kernel->mm, mm->kernel),
				    mm->correct);
	right->limit = kernel->limit;
	right->rlimit = kernel->rlimit;
}

/* The model that explains this kernel best. */
static inline const struct perfmlock_model *
perfmlock_model_of(const struct perfmlock_ledger *ledger)
{
	return &perfmlock_models[ledger->model];
}

static inline enum perfmlock_kind perfmlock_kind_of(unsigned long pgoff)
{
	return pgoff ? PERFMLOCK_AUX : PERFMLOCK_DATA;
}

/* Every call under way of a user but one. */
#define perfmlock_for_each_other(other, i, ledger, of, one)		\
	for_each_set_bit(i, (ledger)->active, (ledger)->nr_calls)	\
		if (((other) = &(ledger)->calls[i]) != (one) &&		\
		    (other)->user == (of))

#endif /* PERFMLOCK_BOOKS_H */
