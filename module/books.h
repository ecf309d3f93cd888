/* SPDX-License-Identifier: GPL-2.0 */
/* What the ledger's own files share; its users include ledger.h. */
#ifndef PERFMLOCK_BOOKS_H
#define PERFMLOCK_BOOKS_H

#include <linux/bitmap.h>

#include "ledger.h"

struct perfmlock_user *
perfmlock_books_of_user(struct perfmlock_ledger *ledger, const void *user,
			const struct perfmlock_actor *actor);
struct perfmlock_mm *
perfmlock_books_of_mm(struct perfmlock_ledger *ledger, const void *mm,
		      const struct perfmlock_actor *actor);
struct perfmlock_buffer *
perfmlock_buffer_new(struct perfmlock_ledger *ledger, const void *rb,
		     enum perfmlock_kind kind, struct perfmlock_user *user,
		     struct perfmlock_mm *mm, unsigned long pgoff, u32 pages);
void perfmlock_buffer_drop(struct perfmlock_ledger *ledger,
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
void perfmlock_buffer_lost(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer);
void perfmlock_buffer_stale(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *buffer);
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

/**
 * perfmlock_next_other() - walk the calls under way of a user
 * @ledger: the ledger
 * @i: where to go on from; where the next begins
 * @user: whose calls
 * @one: a call to leave out
 *
 * Context: any; the lock is held.
 *
 * Return: the next call, NULL if there is none.
 */
static inline struct perfmlock_call *
perfmlock_next_other(const struct perfmlock_ledger *ledger, unsigned int *i,
		     const struct perfmlock_user *user,
		     const struct perfmlock_call *one)
{
	struct perfmlock_call *call;

	while ((*i = find_next_bit(ledger->active, ledger->nr_calls, *i)) <
	       ledger->nr_calls) {
		call = &ledger->calls[(*i)++];
		if (call != one && call->user == user)
			return call;
	}
	return NULL;
}

#endif /* PERFMLOCK_BOOKS_H */
