// SPDX-License-Identifier: GPL-2.0
/*
 * What perf_mmap_open() and perf_mmap_close() do to the books, likewise in the
 * probes' handlers.
 */
#include <linux/err.h>

#include "calls.h"

/**
 * perfmlock_open() - a mapping was moved or split: there is one more
 * @ledger: the ledger
 * @rb: its buffer
 * @pgoff: of the new mapping
 * @pages: likewise
 * @mm: whose it is: of a child, where it was told to inherit it (MADV_DOFORK)
 *
 * Context: any; the lock is held.
 */
void perfmlock_open(struct perfmlock_ledger *ledger, const void *rb,
		    unsigned long pgoff, u32 pages, const void *mm)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (!data)
		return;
	/* a smaller one may be a part of it */
	if ((pages > data->pages || ledger->no_splits) &&
	    perfmlock_is_another(data, pgoff, pages)) {
		ledger->ended++;
		perfmlock_replaced(ledger, data);
		return;
	}
	data->maps++;
	perfmlock_touch(ledger, data);
	perfmlock_mapped_by(data, mm);
	if (data->aux && data->aux->pgoff == pgoff) {
		perfmlock_touch(ledger, data->aux);
		data->aux->maps++;
	} else if (pgoff < data->pages && pages != data->pages) {
		data->split = true;
	}
	ledger->totals.opens++;
}

/**
 * perfmlock_close_buffer() - which buffer a perf_mmap_close() may uncharge
 * @ledger: the ledger
 * @task: who calls
 * @event: through which event
 * @rb: the buffer
 * @pgoff: of the mapping
 * @pages: likewise
 *
 * perf_mmap() calls perf_mmap_close() itself when it fails late; that close
 * is a part of the call under way, not one of its own.
 *
 * Context: any; the lock is held.
 *
 * Return: its data part, NULL if the books do not have it, an error pointer
 * if there is nothing to observe.
 */
struct perfmlock_buffer *perfmlock_close_buffer(struct perfmlock_ledger *ledger,
						const void *task,
						const void *event,
						const void *rb,
						unsigned long pgoff, u32 pages)
{
	const struct perfmlock_call *other;
	struct perfmlock_buffer *data;

	if (unlikely(ledger->nr_active))
		for_each_map_of_event(other, ledger, event)
			if (other->task == task)
				return ERR_PTR(-EBUSY);

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (unlikely(data && perfmlock_is_another(data, pgoff, pages))) {
		ledger->ended++;
		perfmlock_replaced(ledger, data);
		return NULL;
	}
	return data;
}

/*
 * A close of a buffer of which not even its user is known. One of several mappings
 * goes for nobody's counter: the kernel's own count of the event's tells, less
 * what is on its way off it, where all of that is seen. Where this one can be the
 * last, so can any that is under way beside it. An AUX area has a count of its own.
 */
static void may_be_last(struct perfmlock_ledger *ledger,
			const struct perfmlock_call *call,
			struct perfmlock_buffer *data)
{
	const struct perfmlock_call *other;
	unsigned int going;

	if (data && data->disturbs)
		return;
	if (data && !ledger->careful && !ledger->busy &&
	    perfmlock_kind_met(data, call->pgoff) == PERFMLOCK_DATA) {
		going = data->closing;
		/* one that fails may close what it has mapped */
		for_each_map_of_event(other, ledger, call->event)
			going++;
		if (call->event_maps > going)
			return;
	}
	if (data)
		data->disturbs = true;
	ledger->unknown++;
}

/**
 * perfmlock_close_begin() - perf_mmap_close() is entered
 * @ledger: the ledger
 * @call: of perfmlock_call_new(), filled in
 * @data: of perfmlock_close_buffer(), or NULL; its row stays until the call
 *	  ends
 *
 * Whom the kernel will uncharge for a buffer that the books do not have, or
 * have adopted, is not known: the call disturbs everybody's, if it can be the
 * last.
 *
 * Context: any; the lock is held since @data was looked up.
 */
void perfmlock_close_begin(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call,
			   struct perfmlock_buffer *data)
{
	bool known = likely(data && !data->adopted);

	call->maps = false;
	call->data = data;
	call->area = 0;
	if (likely(data)) {
		data->closing++;
		if (unlikely(data->aux && data->aux->pgoff == call->pgoff))
			call->area = data->aux->id;
	}
	if (unlikely(!known))
		may_be_last(ledger, call, data);
	call->frees = 0;
	if (likely(known)) {
		call->frees = data->correct_user;
		if (unlikely(data->aux))
			call->frees += data->aux->correct_user;
	}
	call_begin(ledger, call, known ? data->user : NULL);
	if (unlikely(known && call->area && !data->aux->adopted &&
		     data->aux->user != data->user))
		perfmlock_also_begin(ledger, call, data->aux->user);
	if (unlikely(ledger->repairing) && known)
		perfmlock_repair_lend(ledger, call);
}

/*
 * It turns out to be another user's while closes of it are under way: what they do to
 * his U has to be inferred, and what he does meanwhile goes beside that.
 */
void perfmlock_closes_may_move(struct perfmlock_ledger *ledger,
			       const struct perfmlock_buffer *data,
			       struct perfmlock_user *user)
{
	struct perfmlock_call *call;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ledger->by_event); i++)
		hlist_for_each_entry(call, &ledger->by_event[i], by_event) {
			if (call->maps || call->data != data)
				continue;
			/* whose it was until now */
			if (call->also == data->user) {
				perfmlock_also_end(ledger, call->also);
				call->also = NULL;
			}
			if (!call->also)
				perfmlock_also_begin(ledger, call, user);
		}
}

/*
 * How the kernel had divided the pages was not measured at the first mapping,
 * and the last unmap has told.
 */
static void divide_anew(struct perfmlock_ledger *ledger,
			struct perfmlock_buffer *buffer, long rec)
{
	long more = perfmlock_change(rec, buffer->first_mm);

	/* else the user's sum was put right since */
	if (more && buffer->id >= buffer->user->settled) {
		buffer->user->books.kernel -= more;
		/* what was foreign was told by the guess */
		perfmlock_unsure(ledger, buffer->user);
	}
	buffer->first_mm += more;
	perfmlock_on_mm(buffer, more);
	buffer->mm->books.kernel += more;
	buffer->first_user -= more;
	perfmlock_on_user(buffer, -more);
}

/* What went back to another mm than the one that had been charged. */
static void wrong_mm(struct perfmlock_ledger *ledger,
		     struct perfmlock_buffer *buffer,
		     const struct perfmlock_observation *obs,
		     struct perfmlock_mm *closer)
{
	struct perfmlock_charge right = {
		.user = obs->user,
	};

	buffer->mm->books.cause = PERFMLOCK_WRONG_MM;
	perfmlock_compare(ledger, obs, &right, PERFMLOCK_WRONG_MM, buffer,
			  buffer->user, closer);
}

/*
 * A last unmap whose U was not measured is thought to have uncharged it, and took what
 * @data had on M off @mm, be it the one that was charged or not.
 */
void perfmlock_uncharged_on(struct perfmlock_ledger *ledger,
			    struct perfmlock_buffer *data, const void *mm)
{
	const struct perfmlock_observation obs = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
		.user = -data->first_user,
		.mm = -data->kernel_mm,
	};
	struct perfmlock_mm *closer = data->mm;

	data->user->books.kernel += obs.user;
	perfmlock_note_unmapped(data->user, data->first_user);
	if (obs.mm && closer->node.key != mm)
		closer = perfmlock_mm_row(ledger, mm, NULL);
	if (!closer)
		return;
	closer->books.kernel += obs.mm;
	if (obs.mm && closer != data->mm)
		wrong_mm(ledger, data, &obs, closer);
}

static __always_inline void compare_mm(struct perfmlock_ledger *ledger,
				       struct perfmlock_buffer *buffer,
				       const struct perfmlock_observation *obs,
				       struct perfmlock_mm *closer)
{
	if (unlikely(obs->mm && buffer->mm != closer))
		wrong_mm(ledger, buffer, obs, closer);
}

/**
 * struct owned - of whom a kernel has taken a part's pages that knows whom it charged
 * @mm: it took those of the mm of the mm that was charged, and not of who closes
 * @user: those of the user of the user who was, and not of who mapped the data
 */
struct owned {
	bool mm;
	bool user;
};

/* Of another's counter than was measured: that stood still. */
static struct owned owned_of(const struct perfmlock_buffer *buffer,
			     const struct perfmlock_observation *obs)
{
	return (struct owned){
		.mm = obs->other_mm && buffer->kernel_mm && !obs->mm,
		.user = obs->other_user && buffer->first_user && !obs->user,
	};
}

/* Books what was taken there; from then on @obs says it. */
static noinline void take_owned(struct perfmlock_buffer *buffer,
				struct perfmlock_observation *obs,
				const struct owned *owned)
{
	if (owned->mm) {
		obs->mm = -buffer->kernel_mm;
		buffer->mm->books.kernel += obs->mm;
	}
	if (owned->user) {
		obs->user = -buffer->first_user;
		buffer->user->books.kernel += obs->user;
	}
}

/* The last mapping of a part went: the kernel must take back what it charged. */
static __always_inline void close_last(struct perfmlock_ledger *ledger,
				       struct perfmlock_call *call,
				       struct perfmlock_buffer *buffer,
				       const struct perfmlock_observation *obs,
				       bool as_measured, bool owned_user)
{
	struct perfmlock_charge charged = {
		.user = -buffer->first_user,
		.mm = -buffer->kernel_mm,
	};
	struct perfmlock_charge right = {
		.user = -buffer->correct_user,
		.mm = -buffer->correct_mm,
	};

	note(ledger, call, obs, &right, buffer, as_measured);
	if (unlikely(buffer->mm->node.key != call->mm))
		perfmlock_proof_left(ledger, call, buffer);
	compare(ledger, obs, &charged, buffer, buffer->user, buffer->mm);
	if (unlikely(obs->user && buffer->user != call->user && !owned_user)) {
		/* one has too much from now on, the other too little */
		call->user->books.cause = PERFMLOCK_AUX_WRONG_USER;
		perfmlock_compare(ledger, obs, &charged,
				  PERFMLOCK_AUX_WRONG_USER, buffer,
				  buffer->user, buffer->mm);
	}
	buffer->user->freed += buffer->correct_user;
	perfmlock_buffer_drop(ledger, buffer);
}

/* Is each mapping of the AUX area that is left being closed by another call? */
static bool others_close(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_buffer *aux)
{
	/* this one is among them */
	return closes_of_area(ledger, aux) > aux->maps;
}

/*
 * Of closes at once the kernel's last need not be the last to return: whose M fell
 * by what was charged there was it, and the others find the row ended.
 */
static void find_last(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call, const void *rb,
		      struct perfmlock_buffer *data, long mm, bool *last_aux)
{
	struct perfmlock_buffer *aux = data->aux;

	if (data->maps && data->maps < data->closing && rb != call->rb &&
	    (mm == -data->first_mm ||
	     (aux && mm == -data->first_mm - aux->first_mm))) {
		perfmlock_proof_inferred(ledger, data);
		data->maps = 0;
		*last_aux = aux;
	} else if (aux && aux->id == call->area && aux->maps &&
		   mm == -aux->first_mm && others_close(ledger, aux)) {
		perfmlock_proof_inferred(ledger, data);
		*last_aux = true;
	}
	if (*last_aux)
		aux->maps = 0;
}

/*
 * It ends with its last mapping and its event. Where these do not go together (the
 * event was led to it, and others map it still; or one was not seen), or a walk
 * that counts them is under way, the next walk tells.
 */
static bool adopted_ends(struct perfmlock_ledger *ledger,
			 struct perfmlock_buffer *data, bool event_left)
{
	if (event_left && !data->maps && !ledger->walking)
		return true;
	if (event_left)
		data->left = true;
	if (event_left || !data->maps)
		perfmlock_doubt(ledger);
	return false;
}

/*
 * Which parts this close ended. The AUX area holds the data, so the data can
 * only go with it or after it.
 */
static void count_close(struct perfmlock_ledger *ledger,
			const struct perfmlock_call *call, const void *rb,
			struct perfmlock_buffer *data, long mm, bool *last_data,
			bool *last_aux)
{
	struct perfmlock_buffer *aux = data->aux;

	*last_aux = false;
	/* a new one may be there by now */
	if (unlikely(aux && aux->id == call->area && aux->maps)) {
		perfmlock_touch(ledger, aux);
		*last_aux = !--aux->maps;
	}
	if (data->maps)
		data->maps--;
	if (unlikely(mm && data->closing > 1))
		find_last(ledger, call, rb, data, mm, last_aux);
	if (unlikely(data->adopted)) {
		*last_data = adopted_ends(ledger, data, rb != call->rb);
		return;
	}
	*last_data = !data->maps;
	if (unlikely(!data->maps && rb == call->rb)) {
		/* the event still has it: for who is about to return with it? */
		*last_data = false;
		if (!perfmlock_leave_open(ledger, call, data))
			perfmlock_found_mapped(ledger, data);
	}
}

/* The kernel's change of M goes to the closer's books, whoever was charged. */
static struct perfmlock_mm *book_close(struct perfmlock_ledger *ledger,
				       const struct perfmlock_call *call,
				       const struct perfmlock_buffer *data,
				       long user, long mm)
{
	struct perfmlock_mm *closer = data->mm;

	call->user->books.kernel += user;
	if (unlikely(mm && closer->node.key != call->mm)) {
		closer = perfmlock_mm_row(ledger, call->mm, NULL);
		if (!closer)
			return NULL;
	}
	closer->books.kernel += mm;
	return closer;
}

/*
 * Has the kernel left the data's uncharge to another call of the event, which left
 * it to this one (since f91072ed1b72)? What it took is then the AUX area's alone. U
 * tells who was alone, and else M, if something of the data was there.
 */
static bool data_was_left(const struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call,
			  const struct perfmlock_buffer *data,
			  const struct perfmlock_observation *of_aux,
			  long user, long mm)
{
	struct perfmlock_charge by_rule;

	if (!call->rival || data->aux->adopted)
		return false;
	perfmlock_model_step(perfmlock_model_of(ledger, call->user), of_aux,
			     &by_rule);
	if (mm != by_rule.mm)
		return false;
	return call->mover == PERFMLOCK_ALONE ? user == by_rule.user :
						data->kernel_mm;
}

/*
 * A close that ends an AUX area, and perhaps the data with it: the data's part
 * is what it was charged, the rest is the AUX area's.
 */
static noinline void close_aux(struct perfmlock_ledger *ledger,
			       struct perfmlock_call *call,
			       struct perfmlock_buffer *data, bool last_data,
			       long user, long mm)
{
	struct perfmlock_buffer *aux = data->aux;
	struct perfmlock_observation of_data = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
		.rec = data->first_mm,
		.user = last_data ? -data->first_user : 0,
		.mm = last_data ? -data->kernel_mm : 0,
		.other_mm = data->mm->node.key != call->mm,
	};
	struct perfmlock_observation of_aux = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = PERFMLOCK_AUX,
		.pages = aux->pages,
		.rec = aux->first_mm,
		.other_mm = aux->mm->node.key != call->mm,
		.other_user = aux->user != call->user,
	};
	struct owned aux_owned = {}, data_owned = {};
	struct perfmlock_mm *closer;
	bool as_measured = true;

	if (last_data && of_data.other_mm && data->kernel_mm &&
	    mm == (of_aux.other_mm ? 0 : -aux->first_mm)) {
		of_data.mm = 0;
		data_owned.mm = true;
	}
	if (last_data && data_was_left(ledger, call, data, &of_aux, user, mm)) {
		of_data.user = 0;
		of_data.mm = 0;
	} else if (last_data && call->mover == PERFMLOCK_CALLS) {
		perfmlock_note_inferred(call, &of_data);
	}
	of_aux.mm = perfmlock_change(mm, of_data.mm);
	if (aux->adopted) {
		/* what was charged for it is foreign, and so is its return */
		of_aux.mm = 0;
		perfmlock_unsure(ledger, call->user);
	} else {
		of_aux.user = perfmlock_change(user, of_data.user);
		as_measured = attribute(ledger, call, &of_aux,
					aux->guessed && !last_data);
		if (aux->guessed)
			divide_anew(ledger, aux, of_aux.rec);
		aux_owned = owned_of(aux, &of_aux);
	}
	closer = book_close(ledger, call, data, of_data.user + of_aux.user,
			    of_data.mm + of_aux.mm);
	if (!aux->adopted)
		judge(ledger, call, &of_aux, as_measured);
	compare_mm(ledger, aux, &of_aux, closer);
	take_owned(aux, &of_aux, &aux_owned);
	close_last(ledger, call, aux, &of_aux, as_measured, aux_owned.user);
	if (last_data) {
		compare_mm(ledger, data, &of_data, closer);
		take_owned(data, &of_data, &data_owned);
		close_last(ledger, call, data, &of_data, as_measured, false);
	}
}

/*
 * M of who closes stood still, and may have been moved by others: did the kernel take the
 * pages all the same? Of who was alone U tells. Else it can be of the mm that it had
 * charged: U fell with it then, which another's may have done as well, and so tells only
 * where the kernel was not seen to take those of who closes. Where all was on M its rule
 * alone tells.
 */
static bool took_all_the_same(const struct perfmlock_ledger *ledger,
			      const struct perfmlock_call *call,
			      const struct perfmlock_buffer *data,
			      bool other_mm, long user)
{
	if (data->first_user && call->mover == PERFMLOCK_ALONE)
		return user;
	if (!other_mm)
		return false;
	if (!data->first_user)
		return perfmlock_model_of(ledger, call->user)->own_mm;
	return user == -data->first_user &&
	       perfmlock_may_remember(ledger, call->user);
}

static __always_inline void close_data(struct perfmlock_ledger *ledger,
				       struct perfmlock_call *call,
				       const void *rb,
				       struct perfmlock_buffer *data, bool last,
				       long user, long mm)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_observation obs = {
		.step = last ? PERFMLOCK_LAST_UNMAP : PERFMLOCK_UNMAP,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
		.rec = data->first_mm,
		.mm = mm,
		.other_mm = data->mm->node.key != call->mm,
	};
	struct owned owned = {};
	struct perfmlock_mm *closer;
	bool as_measured = true;

	/* the kernel took nothing, and there is nobody to whom it was left */
	if (unlikely(last && !user && !call->rival && data->first_user &&
		     (!mm || (data->proven && ledger->alone)))) {
		if (call->mover == PERFMLOCK_ALONE) {
			perfmlock_found_mapped(ledger, data);
			last = false;
			obs.step = PERFMLOCK_UNMAP;
		} else if (call->mover == PERFMLOCK_STRANGERS) {
			/* or others took as much meanwhile */
			perfmlock_doubt(ledger);
		}
	}
	/*
	 * Another call of the event may have detached it, and left the uncharge
	 * to this one, which left it to that one (since f91072ed1b72): then M
	 * stands still.
	 */
	if (likely(!last || !(call->rival && obs.rec && !mm &&
			      !took_all_the_same(ledger, call, data, obs.other_mm,
						 user)))) {
		obs.user = user;
		if (unlikely(!last && call->mover == PERFMLOCK_ALONE &&
			     rb != call->rb && obs.pages && user &&
			     user == -data->first_user &&
			     mm == -data->kernel_mm)) {
			/* it went all the same: an earlier close was not seen */
			obs.step = PERFMLOCK_LAST_UNMAP;
			last = true;
			perfmlock_proof_inferred(ledger, data);
			ledger->totals.resynced++;
		}
		as_measured = attribute(ledger, call, &obs, data->guessed);
		if (unlikely(data->guessed && last))
			divide_anew(ledger, data, obs.rec);
		if (unlikely(last && obs.other_mm))
			owned = owned_of(data, &obs);
	} else {
		obs.mm = 0;
	}
	/* an earlier close may not have been seen: U cannot tell */
	if (unlikely(!last && rb != call->rb && !call->rival &&
		     call->mover != PERFMLOCK_ALONE))
		perfmlock_doubt(ledger);
	closer = book_close(ledger, call, data, obs.user, obs.mm);
	judge(ledger, call, &obs, as_measured);
	compare_mm(ledger, data, &obs, closer);
	if (last) {
		if (unlikely(owned.mm))
			take_owned(data, &obs, &owned);
		close_last(ledger, call, data, &obs, as_measured, false);
		return;
	}
	note(ledger, call, &obs, &nothing, data, as_measured);
	/* beside another close, the kernel's last need not be ours */
	perfmlock_on_mm(data, obs.mm);
	if (call->mover != PERFMLOCK_CALLS)
		compare(ledger, &obs, &nothing, data, data->user, data->mm);
}

/*
 * What was charged for an adopted buffer is foreign, and so is its return. An
 * AUX area that was seen to be mapped on it goes as it was charged.
 */
static noinline void close_adopted(struct perfmlock_ledger *ledger,
				   const struct perfmlock_call *call,
				   struct perfmlock_buffer *data,
				   bool last_data, bool last_aux)
{
	struct perfmlock_buffer *aux = data->aux;

	if (last_aux || (last_data && aux)) {
		/* what a re-map was charged is not given back */
		aux->user->books.kernel -= aux->first_user;
		aux->mm->books.kernel -= aux->kernel_mm;
		aux->user->freed += aux->correct_user;
		perfmlock_unsure(ledger, aux->user);
		perfmlock_buffer_drop(ledger, aux);
	}
	if (last_data)
		perfmlock_buffer_drop(ledger, data);
	if (call->user)
		perfmlock_unsure(ledger, call->user);
}

/* It has become another user's since the close began, whose U was not looked at. */
static noinline void close_given(struct perfmlock_ledger *ledger,
				 const struct perfmlock_call *call,
				 struct perfmlock_buffer *data, bool last_data,
				 bool last_aux, long mm)
{
	if (last_aux || (last_data && data->aux)) {
		/* of which nothing was measured either */
		perfmlock_buffer_unseen_end(ledger, last_data ? data : data->aux);
		return;
	}
	if (!last_data)
		return;
	/* M of who closes stood still: it was taken off the one that was charged */
	perfmlock_uncharged_on(ledger, data, mm ? call->mm : data->mm->node.key);
	data->user->freed += data->correct_user;
	perfmlock_buffer_drop(ledger, data);
}

/**
 * struct payers - who may have too much or too little by a close
 * @mm: who closes, by its key
 * @user: whose counter it may have moved; NULL: that is not known
 * @of_data: the mm that was charged for the data; NULL: not known
 * @of_aux: likewise for the AUX area; NULL: there is none
 * @user_of_aux: who was charged for that
 */
struct payers {
	const void *mm;
	struct perfmlock_user *user;
	struct perfmlock_mm *of_data;
	struct perfmlock_mm *of_aux;
	struct perfmlock_user *user_of_aux;
};

static noinline struct payers payers_of(const struct perfmlock_call *call)
{
	const struct perfmlock_buffer *data = call->data;
	struct payers payers = { .mm = call->mm, .user = call->user };

	/* of one that has ended nothing is held any more */
	if (!data || data->ended)
		return payers;
	payers.of_data = data->mm;
	if (data->aux) {
		payers.of_aux = data->aux->mm;
		payers.user_of_aux = data->aux->user;
	}
	return payers;
}

static noinline void repair_payers(struct perfmlock_ledger *ledger,
				   const struct payers *payers)
{
	perfmlock_repair_user(ledger, payers->user);
	perfmlock_repair_user(ledger, payers->user_of_aux);
	perfmlock_repair_mm(ledger,
			    perfmlock_store_find(&ledger->mms, payers->mm));
	perfmlock_repair_mm(ledger, payers->of_data);
	perfmlock_repair_mm(ledger, payers->of_aux);
}

/**
 * perfmlock_close_end() - perf_mmap_close() returns
 * @ledger: the ledger
 * @call: of perfmlock_close_begin(), gone afterwards
 * @rb: the event's buffer now
 * @user: U now
 * @mm: M now
 *
 * Context: any; the lock is held since before @user was read.
 */
void perfmlock_close_end(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call, const void *rb, long user,
			 long mm)
{
	struct perfmlock_buffer *data = call->data;
	const void *events_rb = rb;
	long user_by, mm_by;
	bool last_data, last_aux;
	struct payers payers;

	if (unlikely(ledger->repairing))
		payers = payers_of(call);
	ledger->alone = is_alone(ledger, call);
	call->mover = likely(call->user) ? mover_of(ledger, call) :
					   PERFMLOCK_CALLS;
	if (unlikely(!data)) {
		ledger->totals.unknown_closes++;
		goto out;
	}
	ledger->totals.closes++;
	/* another close has ended it */
	if (unlikely(data->ended))
		goto out;
	/* its address is another's by now; whatever the event has, it is not this */
	if (unlikely(hlist_unhashed(&data->node.hash)))
		rb = NULL;
	mm_by = mm_change(ledger, call, mm);
	perfmlock_touch(ledger, data);
	count_close(ledger, call, rb, data, mm_by, &last_data, &last_aux);
	/* it has ended before a rival made anything of it: who made it may be unseen */
	if (unlikely(last_data && data->pending)) {
		perfmlock_nobody_is_left(ledger, data,
					 perfmlock_was_his(data, false));
		if (data->adopted)
			last_data = adopted_ends(ledger, data, true);
	}
	/* when the call began, since, or now */
	if (unlikely(data->adopted)) {
		close_adopted(ledger, call, data, last_data, last_aux);
		goto out;
	}
	if (unlikely(data->user != call->user)) {
		close_given(ledger, call, data, last_data, last_aux,
			    mm_by);
		goto out;
	}
	user_by = user_change(call, user);
	if (unlikely(last_aux))
		close_aux(ledger, call, data, last_data, user_by, mm_by);
	else
		close_data(ledger, call, rb, data, last_data, user_by, mm_by);
out:
	if (unlikely(call->open_rb) && !perfmlock_awaits_other(ledger, call))
		perfmlock_close_open(ledger, call->open_rb, events_rb);
	call_end(ledger, call, user);
	if (unlikely(call->owed[PERFMLOCK_DATA].pages |
		     call->owed[PERFMLOCK_AUX].pages))
		perfmlock_proof_close(ledger, call, mm);
	if (unlikely(ledger->repairing))
		repair_payers(ledger, &payers);
	if (likely(data))
		perfmlock_buffer_put(ledger, data);
}
