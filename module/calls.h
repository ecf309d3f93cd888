/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the bookings of perf_mmap() and perf_mmap_close() share. All of it is
 * called under ledger->lock, in any context.
 */
#ifndef PERFMLOCK_CALLS_H
#define PERFMLOCK_CALLS_H

#include <linux/hash.h>

#include "internal.h"

/* calls */
void perfmlock_note_rivals(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call);
void perfmlock_also_begin(struct perfmlock_ledger *ledger,
			  struct perfmlock_call *call,
			  struct perfmlock_user *user);
void perfmlock_also_end(struct perfmlock_ledger *ledger,
			struct perfmlock_user *user);
void perfmlock_note_unmapped(struct perfmlock_user *user, long pages);
void perfmlock_note_inferred(const struct perfmlock_call *call,
			     const struct perfmlock_observation *obs);
void perfmlock_note_disturbed(struct perfmlock_ledger *ledger,
			      const struct perfmlock_call *call,
			      const struct perfmlock_observation *obs,
			      long user, long mm);

/* Who made the buffer that a perf_mmap() beside others of its event has got? */
enum perfmlock_maker {
	PERFMLOCK_AS_ALONE,		/* nothing is special about it */
	PERFMLOCK_MADE_IT,		/* it, and the row is a rival's so far */
	PERFMLOCK_WAS_CHARGED,		/* it, or it was charged for a re-map */
	PERFMLOCK_RIVAL_MADE_IT,	/* one that has not returned */
	PERFMLOCK_MET_IT,		/* that too, and may have been charged all the same */
	PERFMLOCK_EITHER_MADE_IT,	/* it, or one that has not returned */
	PERFMLOCK_ANY_MADE_IT,		/* it, or one that is told of no more */
};

/* close */
void perfmlock_closes_may_move(struct perfmlock_ledger *ledger,
			       const struct perfmlock_buffer *data,
			       struct perfmlock_user *user);
void perfmlock_uncharged_on(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *data, const void *mm);

/* rivals */
enum perfmlock_maker
perfmlock_who_made(const struct perfmlock_ledger *ledger,
		   const struct perfmlock_call *call,
		   const struct perfmlock_observation *obs, const void *rb,
		   const struct perfmlock_buffer *data);
void perfmlock_anyones(struct perfmlock_ledger *ledger,
		       struct perfmlock_buffer *data);
void perfmlock_book_pending(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *data,
			    enum perfmlock_step step);
void perfmlock_resolve(struct perfmlock_ledger *ledger,
		       const struct perfmlock_call *call, const void *rb);
bool perfmlock_leave_open(struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call,
			  const struct perfmlock_buffer *data);
bool perfmlock_awaits_other(const struct perfmlock_ledger *ledger,
			    const struct perfmlock_call *call);
void perfmlock_close_open(struct perfmlock_ledger *ledger, const void *open_rb,
			  const void *rb);
bool perfmlock_failed_late(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call, const void *rb,
			   long mm);
void perfmlock_buffer_lost(struct perfmlock_ledger *ledger,
			   struct perfmlock_buffer *buffer);

/* Calls under way through an event are in one bucket, with few others. */
static inline unsigned int bucket_of_event(const void *event)
{
	return hash_ptr(event, PERFMLOCK_CALL_BITS);
}

/* The call under way through an event behind another; NULL: the first. */
static inline struct perfmlock_call *
next_of_event(const struct perfmlock_ledger *ledger, const void *event,
	      const struct perfmlock_call *after, bool maps_only)
{
	struct hlist_node *at;
	struct perfmlock_call *call;

	at = after ? after->by_event.next :
		     ledger->by_event[bucket_of_event(event)].first;
	for (; at; at = at->next) {
		call = hlist_entry(at, struct perfmlock_call, by_event);
		if (call->event == event && (call->maps || !maps_only))
			return call;
	}
	return NULL;
}

#define for_each_of_event(call, ledger, event)				\
	for ((call) = next_of_event(ledger, event, NULL, false); (call);	\
	     (call) = next_of_event(ledger, event, call, false))

/* Those of perf_mmap(). */
#define for_each_map_of_event(call, ledger, event)			\
	for ((call) = next_of_event(ledger, event, NULL, true); (call);	\
	     (call) = next_of_event(ledger, event, call, true))

/* Closes of an AUX area that are under way, through whatever events. */
static inline u32 closes_of_area(const struct perfmlock_ledger *ledger,
				 const struct perfmlock_buffer *aux)
{
	const struct perfmlock_call *call;
	unsigned int i;
	u32 closes = 0;

	for (i = 0; i < ARRAY_SIZE(ledger->by_event); i++)
		hlist_for_each_entry(call, &ledger->by_event[i], by_event)
			closes += !call->maps && call->area == aux->id;
	return closes;
}

static __always_inline void call_free(struct perfmlock_ledger *ledger,
				      struct perfmlock_call *call)
{
	call->next_free = ledger->free_call;
	ledger->free_call = call;
}

static __always_inline void call_begin(struct perfmlock_ledger *ledger,
				       struct perfmlock_call *call,
				       struct perfmlock_user *user)
{
	call->user = user;
	call->also = NULL;
	call->open_rb = NULL;
	call->began = ledger->next_id;
	call->beside = false;
	call->same_event = false;
	call->rival = false;
	call->left = false;
	call->ended = ledger->ended;
	call->owed[PERFMLOCK_DATA].pages = 0;
	call->owed[PERFMLOCK_AUX].pages = 0;
	call->lent_user = 0;
	call->lent_mm = 0;
	call->repaired_user = 0;
	call->repaired_mm = 0;
	if (unlikely(ledger->repairing))
		call->repaired_mm = perfmlock_repaired_mm(ledger, call->mm);
	if (likely(user)) {
		call->repaired_user = user->books.repaired;
		if (unlikely(user->under_way++))
			call->beside = true;
		else
			perfmlock_quiet(ledger, user, call->before.user);
		call->begun = ++user->begun;
		call->taken = user->taken;
		call->freed = user->freed;
		if (call->maps)
			user->mapping += call->pages;
		else
			user->closing += call->frees;
	}
	call->unseen = ledger->unseen;
	if (unlikely(ledger->nr_active++))
		perfmlock_note_rivals(ledger, call);
	hlist_add_head(&call->by_event,
		       &ledger->by_event[bucket_of_event(call->event)]);
}

/*
 * Who can have moved U since the call began? Asked when it ends. Where calls
 * went by unseen one of them may go on still.
 */
static __always_inline enum perfmlock_mover
mover_of(const struct perfmlock_ledger *ledger,
	 const struct perfmlock_call *call)
{
	const struct perfmlock_user *user = call->user;

	if (unlikely(call->beside || user->begun != call->begun ||
		     user->under_way > 1 || call->unseen != ledger->unseen ||
		     ledger->unknown || perfmlock_is_careful(ledger, user)))
		return PERFMLOCK_CALLS;
	return likely(ledger->exclusive) ? PERFMLOCK_ALONE :
					   PERFMLOCK_STRANGERS;
}

/* The user's last call under way has ended: do the books say what is on U? */
static __always_inline void settle(struct perfmlock_ledger *ledger,
				   struct perfmlock_user *user, long counter)
{
	long foreign = perfmlock_foreign(counter,
					 perfmlock_on_counter(&user->books));

	if (unlikely(foreign != user->foreign))
		perfmlock_settle(ledger, user,
				 perfmlock_change(foreign, user->foreign));
}

/* Something that stood for a call of the user is gone, and it may have been the last. */
static inline void settle_if_quiet(struct perfmlock_ledger *ledger,
				   struct perfmlock_user *user)
{
	if (!user->under_way)
		settle(ledger, user, ledger->ops->read_user(user->node.key));
}

static __always_inline void call_end(struct perfmlock_ledger *ledger,
				     struct perfmlock_call *call, long counter)
{
	struct perfmlock_user *user = call->user;

	if (unlikely(call->lent_user | call->lent_mm))
		perfmlock_repair_lent(ledger, call);
	if (likely(user)) {
		if (call->maps)
			user->mapping -= call->pages;
		else
			user->closing -= call->frees;
		if (likely(!--user->under_way))
			settle(ledger, user, counter);
	} else if (!call->data) {
		perfmlock_known_again(ledger);
	}
	if (unlikely(call->also))
		perfmlock_also_end(ledger, call->also);
	ledger->nr_active--;
	ledger->alone = false;
	ledger->ended++;
	hlist_del(&call->by_event);
	call_free(ledger, call);
	if (unlikely(ledger->buffers.low || ledger->mms.low ||
		     ledger->users.low))
		ledger->ops->low();
}

/* Is no other call under way, and has none of anybody ended meanwhile? */
static __always_inline bool is_alone(const struct perfmlock_ledger *ledger,
				     const struct perfmlock_call *call)
{
	return ledger->nr_active == 1 && call->ended == ledger->ended &&
	       call->unseen == ledger->unseen;
}

/* What a call has done to U and M, whatever was repaired meanwhile. */
static __always_inline long user_change(const struct perfmlock_call *call,
					long counter)
{
	return perfmlock_change(counter, call->before.user) -
	       perfmlock_change(call->user->books.repaired, call->repaired_user);
}

static __always_inline long mm_change(struct perfmlock_ledger *ledger,
				      const struct perfmlock_call *call,
				      long counter)
{
	long repaired = 0;

	if (unlikely(ledger->repairing))
		repaired = perfmlock_repaired_mm(ledger, call->mm);
	return perfmlock_change(counter, call->before.mm) -
	       perfmlock_change(repaired, call->repaired_mm);
}

/*
 * From what was measured to what is booked. Returns whether they are the same.
 */
static __always_inline bool attribute(struct perfmlock_ledger *ledger,
				      const struct perfmlock_call *call,
				      struct perfmlock_observation *obs,
				      bool guessed_rec)
{
	long user = obs->user, mm = obs->mm;
	bool as_measured;

	as_measured = perfmlock_is_plain(obs) ||
		      perfmlock_attribute(perfmlock_model_index(ledger,
								call->user),
					  call->user->rules, obs, call->mover,
					  guessed_rec);

	if (unlikely(call->mover == PERFMLOCK_CALLS)) {
		ledger->totals.overlaps++;
		obs->beside = true;
		perfmlock_note_inferred(call, obs);
	} else if (unlikely(!as_measured)) {
		perfmlock_note_disturbed(ledger, call, obs, user, mm);
	}
	return as_measured;
}

static __always_inline void judge(struct perfmlock_ledger *ledger,
				  const struct perfmlock_call *call,
				  const struct perfmlock_observation *obs,
				  bool as_measured)
{
	if (unlikely(call->mover == PERFMLOCK_CALLS || !as_measured))
		return;
	if (likely(perfmlock_is_plain(obs)))
		ledger->observed++;
	else
		perfmlock_judge(ledger, call->user, obs);
}

static __always_inline void note(struct perfmlock_ledger *ledger,
				 const struct perfmlock_call *call,
				 const struct perfmlock_observation *obs,
				 const struct perfmlock_charge *right,
				 const struct perfmlock_buffer *buffer,
				 bool measured)
{
	if (unlikely(ledger->notes))
		perfmlock_note_step(ledger, call, obs, right, buffer, measured);
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
