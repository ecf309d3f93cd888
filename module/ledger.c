// SPDX-License-Identifier: GPL-2.0
/*
 * The books. A call is begun at the entry of perf_mmap() or perf_mmap_close()
 * and ended at its return; what U and M did in between is what the kernel
 * charged. M belongs to one mm whose mmap_lock is held, so its change is the
 * call's own. U is shared by all processes of a user: where two of its calls
 * overlap, U's part is inferred from M's by the rule that the kernel was seen
 * to follow, and checked when the last of them has ended.
 *
 * Everything is guarded by ledger->lock, which is taken with interrupts off
 * and never held while something sleeps, allocates, or waits for user space.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ledger.h"

/* Records kept ready: mappings that may come before the worker runs. */
#define RESERVE_BUFFERS	2048
#define RESERVE_MMS	256
#define RESERVE_USERS	64

static bool low(const struct perfmlock_ledger *ledger)
{
	return perfmlock_store_low(&ledger->buffers) ||
	       perfmlock_store_low(&ledger->mms) ||
	       perfmlock_store_low(&ledger->users);
}

/**
 * perfmlock_ledger_fill() - take memory for further records
 * @ledger: the ledger
 *
 * Context: process, may sleep; takes the lock; one caller at a time.
 *
 * Return: 0 or -ENOMEM.
 */
int perfmlock_ledger_fill(struct perfmlock_ledger *ledger)
{
	return perfmlock_store_fill(&ledger->buffers) ?:
	       perfmlock_store_fill(&ledger->mms) ?:
	       perfmlock_store_fill(&ledger->users);
}

/**
 * perfmlock_ledger_init() - empty books
 * @ledger: the ledger
 * @ops: what it may ask of its owner
 * @exclusive: U is moved by perf alone
 * @page_shift: of the kernel's pages
 * @nr_calls: calls that can be under way at once
 *
 * Context: process, may sleep.
 *
 * Return: 0, or -ENOMEM with nothing left behind.
 */
int perfmlock_ledger_init(struct perfmlock_ledger *ledger,
			  const struct perfmlock_ledger_ops *ops,
			  bool exclusive, unsigned int page_shift,
			  unsigned int nr_calls)
{
	raw_spinlock_t *lock = &ledger->lock;

	BUILD_BUG_ON(sizeof(struct perfmlock_buffer) +
		     sizeof(struct hlist_head) > 192);

	memset(ledger, 0, sizeof(*ledger));
	raw_spin_lock_init(lock);
	ledger->ops = ops;
	ledger->exclusive = exclusive;
	ledger->page_shift = page_shift;
	ledger->next_id = 1;
	ledger->model = PERFMLOCK_MODEL_DEFAULT;
	ledger->nr_calls = nr_calls;
	ledger->calls = kvcalloc(nr_calls, sizeof(*ledger->calls), GFP_KERNEL);
	ledger->active = bitmap_zalloc(nr_calls, GFP_KERNEL);
	ledger->denials = kvcalloc(PERFMLOCK_HISTORY, sizeof(*ledger->denials),
				   GFP_KERNEL);
	ledger->drifts = kvcalloc(PERFMLOCK_HISTORY, sizeof(*ledger->drifts),
				  GFP_KERNEL);
	if (!ledger->calls || !ledger->active || !ledger->denials ||
	    !ledger->drifts)
		goto no_memory;
	if (perfmlock_store_init(&ledger->users, lock, "perfmlock_user",
				 sizeof(struct perfmlock_user),
				 RESERVE_USERS) ||
	    perfmlock_store_init(&ledger->mms, lock, "perfmlock_mm",
				 sizeof(struct perfmlock_mm), RESERVE_MMS) ||
	    perfmlock_store_init(&ledger->buffers, lock, "perfmlock_buffer",
				 sizeof(struct perfmlock_buffer),
				 RESERVE_BUFFERS))
		goto no_memory;
	return 0;

no_memory:
	perfmlock_ledger_destroy(ledger);
	return -ENOMEM;
}

/**
 * perfmlock_ledger_destroy() - forget everything, let go of every key
 * @ledger: one that was initialised, or whose initialisation failed
 *
 * Calls that are still under way are forgotten too: nothing may end them.
 *
 * Context: process, may sleep; nobody else uses the ledger any more.
 */
void perfmlock_ledger_destroy(struct perfmlock_ledger *ledger)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_user *user;

	/* one that was never initialised has no list either */
	if (ledger->users.cache) {
		perfmlock_store_for_each(node, next, &ledger->users) {
			user = container_of(node, struct perfmlock_user, node);
			ledger->ops->drop_user(user->held);
		}
	}
	if (ledger->mms.cache)
		perfmlock_store_for_each(node, next, &ledger->mms)
			ledger->ops->drop_mm(node->key);
	perfmlock_store_destroy(&ledger->buffers);
	perfmlock_store_destroy(&ledger->mms);
	perfmlock_store_destroy(&ledger->users);
	kvfree(ledger->drifts);
	kvfree(ledger->denials);
	bitmap_free(ledger->active);
	kvfree(ledger->calls);
	ledger->drifts = NULL;
	ledger->denials = NULL;
	ledger->active = NULL;
	ledger->calls = NULL;
}

/**
 * perfmlock_ledger_reset() - forget denials, drifts and counts
 * @ledger: the ledger
 *
 * What is charged, and what the kernel is known to do, stays.
 *
 * Context: process; takes the lock.
 */
void perfmlock_ledger_reset(struct perfmlock_ledger *ledger)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_books *books;

	raw_spin_lock_irq(&ledger->lock);
	ledger->nr_denials = 0;
	ledger->nr_drifts = 0;
	memset(&ledger->totals, 0, sizeof(ledger->totals));
	perfmlock_store_for_each(node, next, &ledger->users) {
		books = &container_of(node, struct perfmlock_user, node)->books;
		books->privileged = 0;
		books->denied = 0;
		books->wrongly_denied = 0;
	}
	perfmlock_store_for_each(node, next, &ledger->mms) {
		books = &container_of(node, struct perfmlock_mm, node)->books;
		books->privileged = 0;
		books->denied = 0;
		books->wrongly_denied = 0;
	}
	raw_spin_unlock_irq(&ledger->lock);
}

static const void *reap_user(struct perfmlock_ledger *ledger, bool *waiting)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_user *user;
	const void *held;

	perfmlock_store_for_each(node, next, &ledger->users) {
		user = container_of(node, struct perfmlock_user, node);
		if (user->books.buffers || user->inflight)
			continue;
		if (ledger->ops->user_gone(node->key)) {
			held = user->held;
			perfmlock_store_del(&ledger->users, user);
			return held;
		}
		if (user->uid)
			*waiting = true;
	}
	return NULL;
}

static const void *reap_mm(struct perfmlock_ledger *ledger)
{
	struct perfmlock_node *node, *next;
	struct perfmlock_mm *mm;
	const void *key;

	perfmlock_store_for_each(node, next, &ledger->mms) {
		mm = container_of(node, struct perfmlock_mm, node);
		if (mm->books.buffers)
			continue;
		if (ledger->ops->mm_gone(node->key)) {
			key = node->key;
			perfmlock_store_del(&ledger->mms, mm);
			return key;
		}
	}
	return NULL;
}

/**
 * perfmlock_ledger_reap() - close the books of users and mms that are gone
 * @ledger: the ledger
 *
 * A row without buffers goes when its mm has exited, or when nobody but the
 * ledger holds its user: a further reference would keep the counter alive.
 *
 * Context: process, may sleep; takes the lock.
 *
 * Return: true if a user's end is to be waited for. (An mm costs nothing while
 * it waits for the next call.)
 */
bool perfmlock_ledger_reap(struct perfmlock_ledger *ledger)
{
	bool waiting;
	const void *key;

	do {
		waiting = false;
		raw_spin_lock_irq(&ledger->lock);
		key = reap_user(ledger, &waiting);
		raw_spin_unlock_irq(&ledger->lock);
		if (key)
			ledger->ops->drop_user(key);
	} while (key);
	do {
		raw_spin_lock_irq(&ledger->lock);
		key = reap_mm(ledger);
		raw_spin_unlock_irq(&ledger->lock);
		if (key)
			ledger->ops->drop_mm(key);
	} while (key);
	return waiting;
}

static struct perfmlock_user *
books_of_user(struct perfmlock_ledger *ledger,
	      const struct perfmlock_actor *actor)
{
	struct perfmlock_user *user;

	user = perfmlock_store_find(&ledger->users, actor->user);
	if (user)
		return user;
	user = perfmlock_store_add(&ledger->users, actor->user, true);
	if (!user)
		return NULL;
	memset((void *)user + sizeof(user->node), 0,
	       sizeof(*user) - sizeof(user->node));
	user->uid = actor->uid;
	user->held = ledger->ops->hold_user(actor);
	return user;
}

static struct perfmlock_mm *
books_of_mm(struct perfmlock_ledger *ledger, const void *key,
	    const struct perfmlock_actor *actor)
{
	struct perfmlock_mm *mm;

	mm = perfmlock_store_find(&ledger->mms, key);
	if (mm)
		return mm;
	mm = perfmlock_store_add(&ledger->mms, key, true);
	if (!mm)
		return NULL;
	memset((void *)mm + sizeof(mm->node), 0, sizeof(*mm) - sizeof(mm->node));
	mm->pid = actor->pid;
	mm->uid = actor->uid;
	memcpy(mm->comm, actor->comm, sizeof(mm->comm));
	ledger->ops->hold_mm(key);
	return mm;
}

/*
 * Calls under way
 */

static struct perfmlock_call *begin(struct perfmlock_ledger *ledger,
				    const struct perfmlock_call *call,
				    struct perfmlock_user *user)
{
	unsigned int i, slot;
	struct perfmlock_call *mine, *other;

	slot = find_first_zero_bit(ledger->active, ledger->nr_calls);
	if (slot >= ledger->nr_calls) {
		ledger->totals.calls_full++;
		return NULL;
	}
	mine = &ledger->calls[slot];
	*mine = *call;
	mine->user = user;

	if (!user->inflight++) {
		user->foreign = perfmlock_foreign(call->before.user,
						  user->books.kernel);
		user->remapped = 0;
		user->unmapped = 0;
	}
	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other->user == user) {
			other->overlap = true;
			mine->overlap = true;
		}
		if (other->event == mine->event && other->maps && mine->maps) {
			other->same_event = true;
			mine->same_event = true;
		}
	}
	__set_bit(slot, ledger->active);
	return mine;
}

static void record_drift(struct perfmlock_ledger *ledger,
			 const struct perfmlock_drifting *drift)
{
	struct perfmlock_drifting *entry;

	entry = &ledger->drifts[ledger->nr_drifts++ % PERFMLOCK_HISTORY];
	*entry = *drift;
	entry->seq = ledger->nr_drifts;
	ledger->totals.drifts++;
}

/*
 * With no call of the user under way any more, U must be what the books and
 * the others make it. If not, what was inferred is mended where a known
 * mistake accounts for the rest; else the rest is foreign.
 */
static void settle(struct perfmlock_ledger *ledger, struct perfmlock_user *user,
		   const struct perfmlock_actor *actor, long counter)
{
	struct perfmlock_drifting drift = {
		.actor = *actor, .owner_uid = user->uid,
	};
	long rest = perfmlock_foreign(counter, user->books.kernel);

	rest = perfmlock_drift(rest, user->foreign);
	if (!rest)
		return;
	if (rest == user->remapped) {
		drift.step = PERFMLOCK_REMAP;
		drift.cause = PERFMLOCK_REMAP_CHARGE;
	} else if (rest == user->unmapped) {
		drift.step = PERFMLOCK_LAST_UNMAP;
		drift.cause = PERFMLOCK_LOST_UNCHARGE;
		drift.correct_user = -rest;
	} else {
		return;
	}
	drift.pages = rest;
	drift.kernel_user = perfmlock_drift(rest, -drift.correct_user);
	user->books.kernel += rest;
	user->books.cause = drift.cause;
	record_drift(ledger, &drift);
}

static void end(struct perfmlock_ledger *ledger, struct perfmlock_call *call,
		const struct perfmlock_actor *actor, long counter)
{
	struct perfmlock_user *user = call->user;

	if (!--user->inflight && call->overlap)
		settle(ledger, user, actor, counter);
	__clear_bit(call - ledger->calls, ledger->active);
	if (low(ledger))
		ledger->ops->low();
}

/* Tell the user's other calls what this one took from the free pages. */
static void tell_others(struct perfmlock_ledger *ledger,
			const struct perfmlock_call *call,
			const struct perfmlock_user *user, long pages)
{
	struct perfmlock_call *other;
	unsigned int i;

	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other == call || other->user != user)
			continue;
		if (pages > 0)
			other->taken += pages;
		else
			other->freed -= pages;
	}
}

/*
 * What a call did to U: measured where nothing else can have moved it,
 * inferred where another call of the user was under way.
 */
static long change_of_user(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call,
			   const struct perfmlock_observation *obs, long after)
{
	struct perfmlock_habit *habit = &ledger->habit[obs->step][obs->kind];
	long measured = perfmlock_drift(after, call->before.user);
	long expected;

	if (!call->overlap && ledger->exclusive)
		return measured;

	expected = perfmlock_model_user(&perfmlock_models[ledger->model], obs);
	if (call->overlap) {
		ledger->totals.overlaps++;
		if (obs->step == PERFMLOCK_REMAP && !expected)
			call->user->remapped += obs->pages;
		if (obs->step == PERFMLOCK_LAST_UNMAP)
			call->user->unmapped -= expected;
		return expected;
	}

	/*
	 * A counter that others share: a change that is unusual for this
	 * step is theirs, unless it is what this kernel mostly does.
	 */
	if (measured == expected) {
		habit->usual++;
		return measured;
	}
	if (habit->usual > habit->unusual++) {
		struct perfmlock_observation as_measured = *obs;

		as_measured.user = measured;
		if (!perfmlock_models_explain(&as_measured)) {
			ledger->totals.disturbed++;
			return expected;
		}
	}
	return measured;
}

/* Hold an undisturbed step against every rule of the history. */
static void judge(struct perfmlock_ledger *ledger,
		  const struct perfmlock_call *call,
		  const struct perfmlock_observation *obs)
{
	unsigned int i, mask, best = PERFMLOCK_MODEL_DEFAULT;

	if (call->overlap)
		return;
	mask = perfmlock_models_explain(obs);
	if (mask == PERFMLOCK_MODELS_ALL) {
		ledger->observed++;
		return;
	}
	for (i = 0; i < perfmlock_nr_models; i++) {
		if (mask & (1U << i))
			ledger->agrees[i]++;
		else
			ledger->disagrees[i]++;
	}
	for (i = 0; i < perfmlock_nr_models; i++)
		if (ledger->agrees[i] > ledger->agrees[best])
			best = i;
	ledger->model = best;
}

/*
 * A step in which kernel and reference rule part is recorded. If the kernel
 * did what its own rule says of its counters, an earlier mistake had left
 * them wrong: that one is the cause.
 */
static void compare(struct perfmlock_ledger *ledger,
		    const struct perfmlock_observation *obs,
		    const struct perfmlock_charge *right,
		    enum perfmlock_cause cause,
		    const struct perfmlock_actor *actor,
		    const struct perfmlock_buffer *buffer,
		    struct perfmlock_user *user, struct perfmlock_mm *mm)
{
	struct perfmlock_drifting drift = {
		.actor = *actor,
		.step = obs->step,
		.kind = obs->kind,
		.pages = obs->pages,
		.kernel_user = obs->user,
		.kernel_mm = obs->mm,
		.correct_user = right->user,
		.correct_mm = right->mm,
		.cause = cause,
		.owner_uid = user->uid,
		.owner_pid = actor->pid,
	};

	if (cause == PERFMLOCK_NO_CAUSE)
		return;
	if (buffer) {
		drift.id = buffer->id;
		drift.owner_uid = buffer->user->uid;
		drift.owner_pid = buffer->mm->pid;
	}
	if (cause == PERFMLOCK_UNEXPLAINED && user->books.cause &&
	    perfmlock_models_explain(obs) & (1U << ledger->model)) {
		drift.cause = user->books.cause;
		drift.inherited = true;
	}
	/* what went to the wrong mm left U right */
	if (cause != PERFMLOCK_WRONG_MM)
		user->books.cause = drift.cause;
	if (mm)
		mm->books.cause = drift.cause;
	record_drift(ledger, &drift);
}

/*
 * perf_mmap()
 */

/**
 * perfmlock_map_begin() - perf_mmap() is entered
 * @ledger: the ledger
 * @actor: who calls; its user's books are opened if they are not
 * @call: the call, without its user
 *
 * Context: any; the ledger's lock is held since before @call->before was read.
 *
 * Return: the call under way, NULL if there is no room (counted).
 */
struct perfmlock_call *
perfmlock_map_begin(struct perfmlock_ledger *ledger,
		    const struct perfmlock_actor *actor,
		    const struct perfmlock_call *call)
{
	struct perfmlock_user *user;

	user = books_of_user(ledger, actor);
	if (!user) {
		ledger->totals.pool_empty++;
		ledger->ops->low();
		return NULL;
	}
	return begin(ledger, call, user);
}

/* Free pages that the call can have met, given the others beside it. */
static void right_charge(const struct perfmlock_ledger *ledger,
			 const struct perfmlock_call *call,
			 const struct perfmlock_state *state, long seen_user,
			 struct perfmlock_charge *right)
{
	long lowest, highest;
	const struct perfmlock_call *other;
	unsigned int i;

	if (!call->overlap) {
		perfmlock_reference(state, call->pages, right);
		return;
	}
	lowest = state->user - call->taken;
	highest = state->user + call->freed;
	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other == call || other->user != call->user)
			continue;
		if (other->maps)
			highest += other->pages;
		else
			lowest -= other->frees;
	}
	perfmlock_reference_between(state, lowest, highest, call->pages,
				    seen_user, right);
}

static void drop_buffer(struct perfmlock_ledger *ledger,
			struct perfmlock_buffer *buffer)
{
	if (buffer->aux) {
		buffer->aux->aux = NULL;
		if (buffer->kind == PERFMLOCK_DATA)
			drop_buffer(ledger, buffer->aux);
	}
	buffer->user->books.correct -= buffer->correct_user;
	buffer->mm->books.correct -= buffer->correct_mm;
	buffer->user->books.buffers--;
	buffer->mm->books.buffers--;
	ledger->adopted -= buffer->adopted;
	perfmlock_store_del(&ledger->buffers, buffer);
}

/* A buffer whose end was not seen: what was charged for it is gone long since. */
static void drop_stale(struct perfmlock_ledger *ledger,
		       struct perfmlock_buffer *buffer)
{
	if (buffer->kind == PERFMLOCK_DATA && buffer->aux)
		drop_stale(ledger, buffer->aux);
	buffer->user->books.kernel -= buffer->first_user;
	buffer->mm->books.kernel -= buffer->kernel_mm;
	ledger->totals.stale++;
	drop_buffer(ledger, buffer);
}

static struct perfmlock_buffer *
new_buffer(struct perfmlock_ledger *ledger, const void *rb,
	   enum perfmlock_kind kind, const struct perfmlock_actor *actor,
	   struct perfmlock_user *user, struct perfmlock_mm *mm,
	   const struct perfmlock_event *event, unsigned long pgoff, u32 pages)
{
	struct perfmlock_buffer *buffer;

	buffer = perfmlock_store_add(&ledger->buffers, rb,
				     kind == PERFMLOCK_DATA);
	if (!buffer)
		return NULL;
	memset((void *)buffer + sizeof(buffer->node), 0,
	       sizeof(*buffer) - sizeof(buffer->node));
	buffer->user = user;
	buffer->mm = mm;
	buffer->id = ledger->next_id++;
	buffer->config = event->config;
	buffer->type = event->type;
	buffer->cpu = event->cpu;
	buffer->pages = pages;
	buffer->maps = 1;
	buffer->pgoff = pgoff;
	buffer->pid = actor->pid;
	buffer->sweep = ledger->sweep;
	buffer->kind = kind;
	memcpy(buffer->comm, actor->comm, sizeof(buffer->comm));
	user->books.buffers++;
	mm->books.buffers++;
	return buffer;
}

static void note_caller(struct perfmlock_mm *mm,
			const struct perfmlock_actor *actor,
			unsigned long rlimit)
{
	mm->uid = actor->uid;
	mm->rlimit = rlimit;
	memcpy(mm->comm, actor->comm, sizeof(mm->comm));
}

static enum perfmlock_kind kind_of(unsigned long pgoff)
{
	return pgoff ? PERFMLOCK_AUX : PERFMLOCK_DATA;
}

/* The counters that the kernel would see had it always been right. */
static void right_state(const struct perfmlock_user *user,
			const struct perfmlock_mm *mm,
			const struct perfmlock_state *kernel, long mm_counter,
			struct perfmlock_state *right)
{
	const struct perfmlock_books *books = &mm->books;

	*right = *kernel;
	right->user = perfmlock_books(user->foreign, user->books.correct);
	right->mm = perfmlock_books(perfmlock_foreign(mm_counter, books->kernel),
				    books->correct);
}

/* Nothing is booked unless there is room for all of it. */
static bool have_room(struct perfmlock_ledger *ledger)
{
	if (ledger->buffers.nr_free && ledger->mms.nr_free)
		return true;
	ledger->totals.pool_empty++;
	return false;
}

static void first_map(struct perfmlock_ledger *ledger,
		      struct perfmlock_call *call,
		      const struct perfmlock_actor *actor,
		      const struct perfmlock_result *result,
		      struct perfmlock_observation *obs,
		      struct perfmlock_buffer *data)
{
	struct perfmlock_user *user = call->user;
	struct perfmlock_mm *mm = books_of_mm(ledger, call->mm, actor);
	struct perfmlock_buffer *buffer;
	struct perfmlock_charge right, by_other_limit;
	struct perfmlock_state state;

	/* before this call is booked, counter and books are of one time */
	right_state(user, mm, &call->before, call->before.mm, &state);
	right_charge(ledger, call, &state, obs->user, &right);
	if (right.user != obs->user &&
	    result->after.limit != call->before.limit) {
		/* the limit moved meanwhile: either may have been met */
		state.limit = result->after.limit;
		right_charge(ledger, call, &state, obs->user,
			     &by_other_limit);
		if (by_other_limit.user == obs->user)
			right = by_other_limit;
	}

	buffer = new_buffer(ledger, result->rb, obs->kind, actor, user, mm,
			    &result->event, call->pgoff, call->pages);
	if (data) {
		buffer->aux = data;
		data->aux = buffer;
		data->maps++;
	}
	buffer->first_user = obs->user;
	buffer->first_mm = obs->mm;
	buffer->kernel_user = obs->user;
	buffer->kernel_mm = obs->mm;
	buffer->correct_user = right.user;
	buffer->correct_mm = right.mm;
	user->books.kernel += obs->user;
	user->books.correct += right.user;
	mm->books.kernel += obs->mm;
	mm->books.correct += right.mm;
	ledger->totals.mmaps++;
	tell_others(ledger, call, user, right.user);

	if (perfmlock_over(&call->before, obs->mm)) {
		user->books.privileged++;
		mm->books.privileged++;
		ledger->totals.privileged++;
	}
	note_caller(mm, actor, call->before.rlimit);
	judge(ledger, call, obs);
	compare(ledger, obs, &right, perfmlock_cause(obs, &right), actor,
		buffer, user, mm);
}

static void further_map(struct perfmlock_ledger *ledger,
			struct perfmlock_call *call,
			const struct perfmlock_actor *actor,
			struct perfmlock_observation *obs,
			struct perfmlock_buffer *buffer)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_mm *mm = books_of_mm(ledger, call->mm, actor);

	buffer->maps++;
	buffer->sweep = ledger->sweep;
	if (buffer->kind == PERFMLOCK_AUX && buffer->aux)
		buffer->aux->maps++;
	buffer->kernel_user += obs->user;
	buffer->kernel_mm += obs->mm;
	call->user->books.kernel += obs->user;
	mm->books.kernel += obs->mm;
	ledger->totals.remaps++;
	note_caller(mm, actor, call->before.rlimit);
	judge(ledger, call, obs);
	compare(ledger, obs, &nothing, perfmlock_cause(obs, &nothing), actor,
		buffer, call->user, mm);
}

/* Is this EPERM one that the accounting gives? */
static bool refused_by_accounting(const struct perfmlock_ledger *ledger,
				  const struct perfmlock_call *call,
				  const struct perfmlock_result *result,
				  struct perfmlock_state *state,
				  struct perfmlock_charge *charge)
{
	const struct perfmlock_model *model = &perfmlock_models[ledger->model];
	const struct perfmlock_call *other;
	unsigned int i;

	if (result->exempt)
		return false;
	*state = call->before;
	perfmlock_model_charge(model, state, call->pages, charge);
	if (charge->over)
		return true;
	/* calls beside it may have been charged before it looked */
	if (result->after.user > state->user)
		state->user = result->after.user;
	for_each_set_bit(i, ledger->active, ledger->nr_calls) {
		other = &ledger->calls[i];
		if (other != call && other->user == call->user && other->maps)
			state->user += other->pages;
	}
	perfmlock_model_charge(model, state, call->pages, charge);
	if (charge->over)
		return true;
	/* a kernel whose rule was not told yet by anything that it did */
	*state = call->before;
	for (i = 0; i < perfmlock_nr_models; i++) {
		if (ledger->disagrees[i])
			continue;
		perfmlock_model_charge(&perfmlock_models[i], state,
				       call->pages, charge);
		if (charge->over)
			return true;
	}
	return false;
}

static void denied(struct perfmlock_ledger *ledger, struct perfmlock_call *call,
		   const struct perfmlock_actor *actor,
		   const struct perfmlock_result *result)
{
	const struct perfmlock_model *model = &perfmlock_models[ledger->model];
	struct perfmlock_user *user = call->user;
	struct perfmlock_denial *entry;
	struct perfmlock_charge charge;
	struct perfmlock_state state;
	struct perfmlock_mm *mm;
	bool wrongly;

	if (!refused_by_accounting(ledger, call, result, &state, &charge)) {
		ledger->totals.other_eperm++;
		return;
	}
	mm = books_of_mm(ledger, call->mm, actor);
	if (!mm) {
		ledger->totals.pool_empty++;
		return;
	}
	entry = &ledger->denials[ledger->nr_denials++ % PERFMLOCK_HISTORY];
	entry->seq = ledger->nr_denials;
	entry->actor = *actor;
	entry->kind = kind_of(call->pgoff);
	entry->start = call->start;
	entry->end = call->end;
	entry->pages = call->pages;
	entry->state = state;
	entry->charge = charge;
	right_state(user, mm, &state, state.mm, &entry->right_state);
	perfmlock_reference(&entry->right_state, call->pages, &entry->right);
	entry->online_cpus = ledger->ops->cpus_left(0);
	perfmlock_remedy(model, &state, call->pages, ledger->page_shift,
			 entry->online_cpus, &entry->remedy);
	entry->cpus_left = 0;
	if (result->event.cpu >= 0) {
		entry->cpus_left = ledger->ops->cpus_left(result->event.cpu);
		perfmlock_remedy(model, &state,
				 call->pages * entry->cpus_left,
				 ledger->page_shift, entry->online_cpus,
				 &entry->all_cpus);
	}

	wrongly = !entry->right.over;
	user->books.denied++;
	mm->books.denied++;
	ledger->totals.denied++;
	user->books.wrongly_denied += wrongly;
	mm->books.wrongly_denied += wrongly;
	ledger->totals.wrongly_denied += wrongly;
	note_caller(mm, actor, state.rlimit);
}

/* A failed mmap() that left something on the counters all the same. */
static void failed(struct perfmlock_ledger *ledger, struct perfmlock_call *call,
		   const struct perfmlock_actor *actor,
		   struct perfmlock_observation *obs)
{
	static const struct perfmlock_charge nothing;
	struct perfmlock_mm *mm;

	obs->step = PERFMLOCK_REFUSED;
	if (!obs->user && !obs->mm)
		return;
	mm = books_of_mm(ledger, call->mm, actor);
	if (!mm)
		return;
	call->user->books.kernel += obs->user;
	mm->books.kernel += obs->mm;
	compare(ledger, obs, &nothing, perfmlock_cause(obs, &nothing), actor,
		NULL, call->user, mm);
}

/**
 * perfmlock_map_end() - perf_mmap() returns
 * @ledger: the ledger
 * @call: of perfmlock_map_begin(), gone afterwards
 * @actor: who calls
 * @result: how it ended
 *
 * Context: any; the ledger's lock is held since before @result->after was read.
 */
void perfmlock_map_end(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call,
		       const struct perfmlock_actor *actor,
		       const struct perfmlock_result *result)
{
	struct perfmlock_observation obs = {
		.step = PERFMLOCK_REFUSED,
		.kind = kind_of(call->pgoff),
		.pages = call->pages,
		.state = call->before,
		.mm = perfmlock_drift(result->after.mm, call->before.mm),
	};
	struct perfmlock_buffer *data, *buffer;

	if (result->ret) {
		obs.user = change_of_user(ledger, call, &obs,
					  result->after.user);
		if (result->ret == -EPERM)
			denied(ledger, call, actor, result);
		else
			ledger->totals.failed++;
		failed(ledger, call, actor, &obs);
		goto out;
	}

	data = perfmlock_store_find(&ledger->buffers, result->rb);
	if (data && obs.kind == PERFMLOCK_DATA && call->rb != result->rb &&
	    !call->same_event) {
		/* a new buffer where an old one was whose end was missed */
		drop_stale(ledger, data);
		data = NULL;
	}
	buffer = data;
	if (data && obs.kind == PERFMLOCK_AUX)
		buffer = data->aux;

	if (!have_room(ledger))
		goto out;
	if (buffer) {
		obs.step = PERFMLOCK_REMAP;
	} else if (call->rb == result->rb && !data) {
		/* its first mapping was not seen */
		perfmlock_sweep_meet(ledger, actor, call->mm, result->rb,
				     call->pgoff, call->pages, &result->event);
		goto out;
	} else {
		obs.step = PERFMLOCK_MAP;
	}
	obs.user = change_of_user(ledger, call, &obs, result->after.user);
	if (buffer)
		further_map(ledger, call, actor, &obs, buffer);
	else
		first_map(ledger, call, actor, result, &obs, data);
out:
	end(ledger, call, actor, result->after.user);
}

/*
 * perf_mmap_open() and perf_mmap_close()
 */

/**
 * perfmlock_open() - a mapping was moved or split: there is one more
 * @ledger: the ledger
 * @rb: its buffer
 * @pgoff: of the new mapping
 *
 * Context: any; the ledger's lock is held.
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
 * Context: any; the ledger's lock is held.
 *
 * Return: its data part, NULL if there is nothing to observe.
 */
struct perfmlock_buffer *
perfmlock_close_buffer(struct perfmlock_ledger *ledger, const void *task,
		       const void *rb)
{
	struct perfmlock_buffer *data;
	unsigned int i;

	for_each_set_bit(i, ledger->active, ledger->nr_calls)
		if (ledger->calls[i].task == task && ledger->calls[i].maps)
			return NULL;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (!data)
		ledger->totals.unknown_closes++;
	return data;
}

/**
 * perfmlock_close_begin() - perf_mmap_close() is entered
 * @ledger: the ledger
 * @data: of perfmlock_close_buffer()
 * @call: the call, without its user
 *
 * Context: any; the ledger's lock is held since @data was looked up.
 *
 * Return: the call under way, NULL if there is no room (counted).
 */
struct perfmlock_call *
perfmlock_close_begin(struct perfmlock_ledger *ledger,
		      const struct perfmlock_buffer *data,
		      const struct perfmlock_call *call)
{
	struct perfmlock_call *mine = begin(ledger, call, data->user);

	if (mine)
		mine->frees = data->correct_user;
	return mine;
}

/* What went back to another mm than the one that had been charged. */
static void compare_mm(struct perfmlock_ledger *ledger,
		       const struct perfmlock_call *call,
		       const struct perfmlock_actor *actor,
		       struct perfmlock_buffer *buffer,
		       const struct perfmlock_observation *obs,
		       struct perfmlock_mm *closer)
{
	struct perfmlock_charge right = {
		.user = obs->user,
	};

	if (!obs->mm || buffer->mm->node.key == call->mm)
		return;
	buffer->mm->books.cause = PERFMLOCK_WRONG_MM;
	compare(ledger, obs, &right, PERFMLOCK_WRONG_MM, actor, buffer,
		buffer->user, closer);
}

static void close_last(struct perfmlock_ledger *ledger,
		       struct perfmlock_call *call,
		       const struct perfmlock_actor *actor,
		       struct perfmlock_buffer *buffer,
		       const struct perfmlock_observation *obs)
{
	struct perfmlock_charge charged = {
		.user = -buffer->first_user,
		.mm = -buffer->kernel_mm,
	};

	if (!buffer->adopted) {
		compare(ledger, obs, &charged, perfmlock_cause(obs, &charged),
			actor, buffer, buffer->user, buffer->mm);
		if (obs->user && buffer->user != call->user)
			compare(ledger, obs, &charged,
				PERFMLOCK_AUX_WRONG_USER, actor, buffer,
				buffer->user, buffer->mm);
	}
	tell_others(ledger, call, buffer->user, -buffer->correct_user);
	drop_buffer(ledger, buffer);
}

/*
 * Which parts this close ended. The AUX area holds the data, so the data can
 * only go with it or after it.
 */
static void count_close(struct perfmlock_ledger *ledger,
			const struct perfmlock_call *call, const void *rb,
			struct perfmlock_buffer *both, bool *last_data,
			bool *last_aux)
{
	struct perfmlock_buffer *aux = both->aux;

	*last_aux = false;
	if (aux && aux->pgoff == call->pgoff && aux->maps)
		*last_aux = !--aux->maps;
	if (both->maps)
		both->maps--;
	if (both->adopted && rb != call->rb)
		both->maps = 0;
	if (!both->maps && rb == call->rb) {
		/* the event still has it: a mapping was not seen */
		both->maps = 1;
		ledger->totals.resynced++;
	}
	*last_data = !both->maps;
}

/**
 * perfmlock_close_end() - perf_mmap_close() returns
 * @ledger: the ledger
 * @call: of perfmlock_close_begin(), gone afterwards
 * @actor: who calls
 * @rb: the event's buffer now
 * @after: counters now
 *
 * Context: any; the ledger's lock is held since before @after was read.
 */
void perfmlock_close_end(struct perfmlock_ledger *ledger,
			 struct perfmlock_call *call,
			 const struct perfmlock_actor *actor, const void *rb,
			 const struct perfmlock_state *after)
{
	const struct perfmlock_model *model = &perfmlock_models[ledger->model];
	struct perfmlock_observation of_data = { .kind = PERFMLOCK_DATA };
	struct perfmlock_observation of_aux = { .kind = PERFMLOCK_AUX };
	struct perfmlock_observation *rest = &of_data;
	struct perfmlock_buffer *both, *aux;
	struct perfmlock_mm *mm;
	bool last_data, last_aux;

	both = perfmlock_store_find(&ledger->buffers, call->rb);
	if (!both)
		goto out;
	aux = both->aux;
	ledger->totals.closes++;
	both->sweep = ledger->sweep;
	count_close(ledger, call, rb, both, &last_data, &last_aux);
	of_data.pages = both->pages;
	of_data.rec = both->first_mm;
	of_data.step = last_data ? PERFMLOCK_LAST_UNMAP : PERFMLOCK_UNMAP;

	if (last_aux) {
		rest = &of_aux;
		of_aux.step = PERFMLOCK_LAST_UNMAP;
		of_aux.pages = aux->pages;
		of_aux.rec = aux->first_mm;
		if (last_data && !both->adopted) {
			of_data.user = -both->first_user;
			of_data.mm = -both->kernel_mm;
		}
	}
	rest->mm = perfmlock_drift(perfmlock_drift(after->mm, call->before.mm),
				   of_data.mm);
	rest->user = change_of_user(ledger, call, rest,
				    perfmlock_drift(after->user, of_data.user));
	if (both->adopted && rest == &of_data)
		goto unbooked;
	if (both->adopted && last_data) {
		/* the data's part is not known: take the rule's word for AUX */
		of_aux.mm = -aux->first_mm;
		of_aux.user = perfmlock_model_user(model, &of_aux);
	}

	if (!last_data && !last_aux && !call->overlap && rb != call->rb &&
	    of_data.user == -both->first_user &&
	    of_data.mm == -both->kernel_mm) {
		/* it went all the same: an earlier close was not seen */
		of_data.step = PERFMLOCK_LAST_UNMAP;
		last_data = true;
		ledger->totals.resynced++;
	}

	call->user->books.kernel += of_data.user + of_aux.user;
	mm = both->mm;
	if (mm->node.key != call->mm)
		mm = books_of_mm(ledger, call->mm, actor);
	if (mm)
		mm->books.kernel += of_data.mm + of_aux.mm;
	else
		ledger->totals.pool_empty++;

	judge(ledger, call, rest);
	compare_mm(ledger, call, actor, both, &of_data, mm);
	if (last_aux) {
		compare_mm(ledger, call, actor, aux, &of_aux, mm);
		close_last(ledger, call, actor, aux, &of_aux);
	}
unbooked:
	if (last_data) {
		close_last(ledger, call, actor, both, &of_data);
	} else if (!both->adopted) {
		static const struct perfmlock_charge nothing;

		/* beside another close the kernel's last may not be ours */
		both->kernel_mm += of_data.mm;
		if (!call->overlap)
			compare(ledger, &of_data, &nothing,
				perfmlock_cause(&of_data, &nothing), actor,
				both, both->user, both->mm);
	}
out:
	end(ledger, call, actor, after->user);
}

/*
 * Walks through all processes' mappings: to learn what was mapped before the
 * load, and what went while probes were missed.
 */

/**
 * perfmlock_sweep_begin() - a walk begins
 * @ledger: the ledger
 *
 * Context: any; takes the lock. One walk at a time.
 */
void perfmlock_sweep_begin(struct perfmlock_ledger *ledger)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&ledger->lock, flags);
	ledger->sweep++;
	raw_spin_unlock_irqrestore(&ledger->lock, flags);
}

/* The mappings of an adopted buffer are counted anew by each walk. */
static void meet(const struct perfmlock_ledger *ledger,
		 struct perfmlock_buffer *buffer)
{
	if (buffer->adopted)
		buffer->maps = buffer->sweep == ledger->sweep ?
			       buffer->maps + 1 : 1;
	buffer->sweep = ledger->sweep;
}

/**
 * perfmlock_sweep_meet() - a mapping was met
 * @ledger: the ledger
 * @actor: whose it is
 * @mm: its mm
 * @rb: its buffer
 * @pgoff: of the mapping
 * @pages: of the mapping
 * @event: through which event
 *
 * A buffer that the books do not have is adopted: it is listed, and what the
 * kernel charged for it stays with the foreign pages.
 *
 * Context: any; the ledger's lock is held.
 *
 * Return: false if there is no memory for it (counted).
 */
bool perfmlock_sweep_meet(struct perfmlock_ledger *ledger,
			  const struct perfmlock_actor *actor, const void *mm,
			  const void *rb, unsigned long pgoff, u32 pages,
			  const struct perfmlock_event *event)
{
	enum perfmlock_kind kind = kind_of(pgoff);
	struct perfmlock_buffer *data, *buffer;
	struct perfmlock_user *user;
	struct perfmlock_mm *book;

	data = perfmlock_store_find(&ledger->buffers, rb);
	if (data && kind == PERFMLOCK_DATA) {
		meet(ledger, data);
		if (!data->pages)
			data->pages = pages;
		return true;
	}
	if (data && data->aux) {
		meet(ledger, data);
		meet(ledger, data->aux);
		return true;
	}

	if (ledger->buffers.nr_free < 2 || !ledger->mms.nr_free ||
	    !ledger->users.nr_free) {
		ledger->totals.pool_empty++;
		return false;
	}
	user = books_of_user(ledger, actor);
	book = books_of_mm(ledger, mm, actor);
	if (!data) {
		data = new_buffer(ledger, rb, PERFMLOCK_DATA, actor, user, book,
				  event, 0, pgoff ? 0 : pages);
		data->adopted = true;
		ledger->adopted++;
		if (kind == PERFMLOCK_DATA)
			return true;
	} else {
		data->maps++;
	}
	buffer = new_buffer(ledger, rb, PERFMLOCK_AUX, actor, user, book, event,
			    pgoff, pages);
	buffer->adopted = true;
	buffer->aux = data;
	data->aux = buffer;
	ledger->adopted++;
	return true;
}

/**
 * perfmlock_sweep_end() - the walk met every mapping that there was
 * @ledger: the ledger
 *
 * Buffers that it did not meet, and that no call touched meanwhile, are gone.
 *
 * Context: process; takes the lock.
 */
void perfmlock_sweep_end(struct perfmlock_ledger *ledger)
{
	struct perfmlock_buffer *buffer, *next;

	raw_spin_lock_irq(&ledger->lock);
	buffer = perfmlock_store_next(&ledger->buffers, NULL);
	while (buffer) {
		next = perfmlock_store_next(&ledger->buffers, &buffer->node);
		if (buffer->kind == PERFMLOCK_DATA &&
		    buffer->sweep != ledger->sweep) {
			/* an AUX area goes with its data */
			if (next && next == buffer->aux)
				next = perfmlock_store_next(&ledger->buffers,
							    &next->node);
			drop_stale(ledger, buffer);
		}
		buffer = next;
	}
	raw_spin_unlock_irq(&ledger->lock);
}
