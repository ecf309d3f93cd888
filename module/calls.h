/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bookings of perf_mmap() and perf_mmap_close() share. All of it is
 * called under ledger->lock, in any context.
 */
#ifndef PERFMLOCK_CALLS_H
#define PERFMLOCK_CALLS_H

#include <linux/bitmap.h>

#include "books.h"

void perfmlock_note_overlaps(struct perfmlock_ledger *ledger,
			     struct perfmlock_call *call);
void perfmlock_settle(struct perfmlock_ledger *ledger,
		      struct perfmlock_user *user, long counter);
void perfmlock_tell_others(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call,
			   const struct perfmlock_user *user, long pages);
long perfmlock_inferred_user(struct perfmlock_ledger *ledger,
			     const struct perfmlock_call *call,
			     const struct perfmlock_observation *obs);
long perfmlock_shared_user(struct perfmlock_ledger *ledger,
			   const struct perfmlock_observation *obs,
			   long measured);

struct perfmlock_buffer *perfmlock_row_for(struct perfmlock_ledger *ledger,
					   const struct perfmlock_call *call,
					   enum perfmlock_kind kind,
					   const void *rb,
					   struct perfmlock_mm *mm);
void perfmlock_first_map(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call,
			 const struct perfmlock_observation *obs,
			 struct perfmlock_mm *mm,
			 struct perfmlock_buffer *buffer);

void perfmlock_book_pending(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *data,
			    enum perfmlock_step step);
void perfmlock_resolve(struct perfmlock_ledger *ledger,
		       const struct perfmlock_call *call, const void *rb);
void perfmlock_close_open(struct perfmlock_ledger *ledger, const void *rb);
bool perfmlock_leave_open(struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call,
			  const struct perfmlock_buffer *data);
bool perfmlock_displace(struct perfmlock_ledger *ledger,
			struct perfmlock_buffer *data);
bool perfmlock_awaits_other(const struct perfmlock_ledger *ledger,
			    const struct perfmlock_call *call);
bool perfmlock_map_beside_rival(struct perfmlock_ledger *ledger,
				struct perfmlock_call *call,
				struct perfmlock_observation *obs,
				const void *rb, struct perfmlock_mm *mm,
				struct perfmlock_buffer *data);

static __always_inline void call_begin(struct perfmlock_ledger *ledger,
				       struct perfmlock_call *call,
				       struct perfmlock_user *user)
{
	call->user = user;
	call->taken = 0;
	call->freed = 0;
	call->open_rb = NULL;
	call->displaced = NULL;
	call->began = ledger->next_id;
	call->overlap = false;
	call->same_event = false;
	if (likely(user) && !user->under_way++) {
		user->foreign = perfmlock_foreign(call->before.user,
						  user->books.kernel);
		user->remapped = 0;
		user->unmapped = 0;
		user->unmapped_each = 0;
		user->unsure = false;
	}
	if (unlikely(ledger->nr_active++))
		perfmlock_note_overlaps(ledger, call);
	__set_bit(call - ledger->calls, ledger->active);
}

static __always_inline void call_end(struct perfmlock_ledger *ledger,
				     struct perfmlock_call *call, long counter)
{
	struct perfmlock_user *user = call->user;

	if (likely(user) && !--user->under_way && unlikely(call->overlap))
		perfmlock_settle(ledger, user, counter);
	ledger->nr_active--;
	__clear_bit(call - ledger->calls, ledger->active);
	if (unlikely(ledger->buffers.low || ledger->mms.low ||
		     ledger->users.low))
		ledger->ops->low();
}

static inline bool alone(const struct perfmlock_ledger *ledger)
{
	return likely(ledger->nr_active == 1);
}

/*
 * What a call did to U: measured where nothing else can have moved it,
 * inferred where another call of the user was under way.
 */
static __always_inline long
change_of_user(struct perfmlock_ledger *ledger,
	       const struct perfmlock_call *call,
	       const struct perfmlock_observation *obs, long measured)
{
	if (likely(!call->overlap && ledger->exclusive && !ledger->blind))
		return measured;
	if (call->overlap)
		return perfmlock_inferred_user(ledger, call, obs);
	return perfmlock_shared_user(ledger, obs, measured);
}

static __always_inline void judge(struct perfmlock_ledger *ledger,
				  const struct perfmlock_call *call,
				  const struct perfmlock_observation *obs)
{
	if (unlikely(call->overlap))
		return;
	if (likely(perfmlock_is_plain(obs)))
		ledger->observed++;
	else
		perfmlock_judge(ledger, obs);
}

static __always_inline void compare(struct perfmlock_ledger *ledger,
				    const struct perfmlock_observation *obs,
				    const struct perfmlock_charge *right,
				    const struct perfmlock_buffer *buffer,
				    struct perfmlock_user *user,
				    struct perfmlock_mm *mm)
{
	if (likely(obs->user == right->user && obs->mm == right->mm))
		return;
	perfmlock_compare(ledger, obs, right, perfmlock_cause(obs, right),
			  buffer, user, mm);
}

#endif /* PERFMLOCK_CALLS_H */
