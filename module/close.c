// SPDX-License-Identifier: GPL-2.0
/*
 * What perf_mmap_open() and perf_mmap_close() do to the books, likewise in the
 * probes' handlers.
 */
#include <linux/bitmap.h>
#include <linux/err.h>

#include "calls.h"

/**
 * perfmlock_open() - a mapping was moved or split: there is one more
 * @ledger: the ledger
 * @rb: its buffer
 * @pgoff: of the new mapping
 *
 * Context: any; the lock is held.
 */
void perfmlock_open(struct perfmlock_ledger *ledger, const void *rb,
		    unsigned long pgoff)
{
	struct perfmlock_buffer *data;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (!data)
		return;
	data->maps++;
	data->sweep = ledger->sweep;
	if (data->aux && data->aux->pgoff == pgoff)
		data->aux->maps++;
	ledger->totals.opens++;
}

/**
 * perfmlock_close_buffer() - which buffer a perf_mmap_close() may uncharge
 * @ledger: the ledger
 * @task: who calls
 * @rb: the buffer
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
						const void *rb)
{
	unsigned int i;

	if (unlikely(ledger->nr_active))
		for_each_set_bit(i, ledger->active, ledger->nr_calls)
			if (ledger->calls[i].task == task &&
			    ledger->calls[i].maps)
				return ERR_PTR(-EBUSY);

	return perfmlock_store_find(&ledger->buffers, rb);
}

/**
 * perfmlock_close_begin() - perf_mmap_close() is entered
 * @ledger: the ledger
 * @call: of perfmlock_call_new(), filled in
 * @data: of perfmlock_close_buffer(), or NULL
 *
 * Whom the kernel will uncharge for a buffer that the books do not have, or
 * have adopted, is not known: the call disturbs everybody's.
 *
 * Context: any; the lock is held since @data was looked up.
 */
void perfmlock_close_begin(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call,
			   const struct perfmlock_buffer *data)
{
	call->maps = false;
	if (unlikely(!data || data->adopted)) {
		call->frees = 0;
		call_begin(ledger, call, NULL);
		return;
	}
	call->frees = data->correct_user;
	call_begin(ledger, call, data->user);
}

/* The kernel holds a buffer of which no mapping is known: one was not seen. */
static void found_mapped(struct perfmlock_ledger *ledger,
			 struct perfmlock_buffer *data)
{
	data->maps = 1;
	ledger->totals.resynced++;
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

static __always_inline void compare_mm(struct perfmlock_ledger *ledger,
				       struct perfmlock_buffer *buffer,
				       const struct perfmlock_observation *obs,
				       struct perfmlock_mm *closer)
{
	if (unlikely(obs->mm && buffer->mm != closer))
		wrong_mm(ledger, buffer, obs, closer);
}

/* The last mapping of a part went: the kernel must take back what it charged. */
static __always_inline void close_last(struct perfmlock_ledger *ledger,
				       const struct perfmlock_call *call,
				       struct perfmlock_buffer *buffer,
				       const struct perfmlock_observation *obs)
{
	struct perfmlock_charge charged = {
		.user = -buffer->first_user,
		.mm = -buffer->kernel_mm,
	};

	compare(ledger, obs, &charged, buffer, buffer->user, buffer->mm);
	if (unlikely(obs->user && buffer->user != call->user)) {
		/* one has too much from now on, the other too little */
		call->user->books.cause = PERFMLOCK_AUX_WRONG_USER;
		perfmlock_compare(ledger, obs, &charged,
				  PERFMLOCK_AUX_WRONG_USER, buffer,
				  buffer->user, buffer->mm);
	}
	if (!alone(ledger))
		perfmlock_tell_others(ledger, call, buffer->user,
				      -buffer->correct_user);
	perfmlock_buffer_drop(ledger, buffer);
}

/*
 * Which parts this close ended. The AUX area holds the data, so the data can
 * only go with it or after it.
 */
static void count_close(struct perfmlock_ledger *ledger,
			const struct perfmlock_call *call, const void *rb,
			struct perfmlock_buffer *data, bool *last_data,
			bool *last_aux)
{
	struct perfmlock_buffer *aux = data->aux;

	*last_aux = false;
	if (unlikely(aux && aux->pgoff == call->pgoff && aux->maps))
		*last_aux = !--aux->maps;
	if (data->maps)
		data->maps--;
	if (unlikely(data->adopted && rb != call->rb))
		data->maps = 0;
	*last_data = !data->maps;
	if (unlikely(!data->maps && rb == call->rb)) {
		/*
		 * The event still has it: for who is about to return from
		 * perf_mmap(), or was missed; or a close that has not got so
		 * far yet will detach it (f91072ed1b72).
		 */
		*last_data = !perfmlock_leave_open(ledger, call, data) &&
			     !ledger->blind;
		if (ledger->blind)
			found_mapped(ledger, data);
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
	if (unlikely(closer->node.key != call->mm)) {
		closer = perfmlock_books_of_mm(ledger, call->mm, NULL);
		if (!closer)
			return NULL;
	}
	closer->books.kernel += mm;
	return closer;
}

/*
 * A close that ends an AUX area, and perhaps the data with it: the data's part
 * is what it was charged, the rest is the AUX area's.
 */
static void close_aux(struct perfmlock_ledger *ledger,
		      struct perfmlock_call *call,
		      struct perfmlock_buffer *data, bool last_data, long user,
		      long mm)
{
	struct perfmlock_buffer *aux = data->aux;
	struct perfmlock_observation of_data = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
		.rec = data->first_mm,
		.user = last_data ? -data->first_user : 0,
		.mm = last_data ? -data->kernel_mm : 0,
	};
	struct perfmlock_observation of_aux = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = PERFMLOCK_AUX,
		.pages = aux->pages,
		.rec = aux->first_mm,
		.mm = perfmlock_drift(mm, of_data.mm),
	};
	struct perfmlock_mm *closer;

	of_aux.user = change_of_user(ledger, call, &of_aux,
				     perfmlock_drift(user, of_data.user));
	if (aux->adopted) {
		/* what was charged for it is foreign, and so is its return */
		of_aux.user = 0;
		of_aux.mm = 0;
	}
	closer = book_close(ledger, call, data, of_data.user + of_aux.user,
			    of_data.mm + of_aux.mm);
	if (!aux->adopted)
		judge(ledger, call, &of_aux);
	compare_mm(ledger, aux, &of_aux, closer);
	close_last(ledger, call, aux, &of_aux);
	if (last_data) {
		compare_mm(ledger, data, &of_data, closer);
		close_last(ledger, call, data, &of_data);
	}
}

static void close_data(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call, const void *rb,
		       struct perfmlock_buffer *data, bool last, long user,
		       long mm)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_observation obs = {
		.step = last ? PERFMLOCK_LAST_UNMAP : PERFMLOCK_UNMAP,
		.kind = PERFMLOCK_DATA,
		.pages = data->pages,
		.rec = data->first_mm,
		.mm = mm,
	};
	struct perfmlock_mm *closer;

	/* it uncharges only after it has detached the event */
	if (likely(rb != call->rb || !last))
		obs.user = change_of_user(ledger, call, &obs, user);
	if (unlikely(!last && !call->overlap && rb != call->rb && obs.pages &&
		     obs.user == -data->first_user &&
		     obs.mm == -data->kernel_mm)) {
		/* it went all the same: an earlier close was not seen */
		obs.step = PERFMLOCK_LAST_UNMAP;
		last = true;
		ledger->totals.resynced++;
	}
	closer = book_close(ledger, call, data, obs.user, obs.mm);
	judge(ledger, call, &obs);
	compare_mm(ledger, data, &obs, closer);
	if (last) {
		close_last(ledger, call, data, &obs);
		return;
	}
	/* beside another close, the kernel's last need not be ours */
	data->kernel_mm += obs.mm;
	if (!call->overlap)
		compare(ledger, &obs, &nothing, data, data->user, data->mm);
}

/*
 * What was charged for an adopted buffer is foreign, and so is its return. An
 * AUX area that was seen to be mapped on it goes as it was charged.
 */
static void close_adopted(struct perfmlock_ledger *ledger,
			  const struct perfmlock_call *call, const void *rb,
			  struct perfmlock_buffer *data)
{
	struct perfmlock_buffer *aux = data->aux;
	bool last_data, last_aux;

	count_close(ledger, call, rb, data, &last_data, &last_aux);
	if (last_aux || (last_data && aux)) {
		aux->user->books.kernel -= aux->kernel_user;
		aux->mm->books.kernel -= aux->kernel_mm;
		perfmlock_buffer_drop(ledger, aux);
	}
	if (last_data)
		perfmlock_buffer_drop(ledger, data);
}

/*
 * How nearly every buffer ends: its only mapping goes, nothing beside it, and
 * the kernel takes back from whom it charged what it charged. The general way
 * comes to the same, and is twice as long.
 */
static bool is_usual_end(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call, const void *rb,
			 const struct perfmlock_buffer *data, long user,
			 long mm)
{
	return data->maps == 1 && !data->aux && !data->pending &&
	       rb != call->rb && user == -data->first_user &&
	       user == -(long)data->pages &&
	       !(mm | data->first_mm | data->kernel_mm) && !call->overlap &&
	       ledger->exclusive && !ledger->blind && alone(ledger);
}

static void usual_end(struct perfmlock_ledger *ledger,
		      struct perfmlock_buffer *data, long user)
{
	data->user->books.kernel += user;
	ledger->observed++;
	perfmlock_buffer_drop(ledger, data);
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
	struct perfmlock_buffer *data;
	long user_change, mm_change;
	bool last_data, last_aux;

	data = perfmlock_store_find(&ledger->buffers, call->rb);
	if (unlikely(call->displaced)) {
		data = IS_ERR(call->displaced) ? NULL : call->displaced;
		/* whatever the event has now, it is not this one */
		rb = NULL;
	}
	if (unlikely(!data)) {
		ledger->totals.unknown_closes++;
		goto out;
	}
	ledger->totals.closes++;
	if (unlikely(!call->user)) {
		close_adopted(ledger, call, rb, data);
		goto out;
	}
	user_change = perfmlock_drift(user, call->before.user);
	mm_change = perfmlock_drift(mm, call->before.mm);
	if (likely(is_usual_end(ledger, call, rb, data, user_change,
				mm_change))) {
		usual_end(ledger, data, user_change);
		goto out;
	}
	data->sweep = ledger->sweep;
	if (data->pending == PERFMLOCK_MAYBE_FIRST)
		perfmlock_book_pending(ledger, data, PERFMLOCK_MAP);
	count_close(ledger, call, rb, data, &last_data, &last_aux);
	if (unlikely(last_aux))
		close_aux(ledger, call, data, last_data, user_change,
			  mm_change);
	else
		close_data(ledger, call, rb, data, last_data, user_change,
			   mm_change);
out:
	call_end(ledger, call, user);
}
