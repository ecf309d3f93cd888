// SPDX-License-Identifier: GPL-2.0
/*
 * What is proven of the kernel's counters, for repair: the books have what is most
 * likely, and who can bring about a guess could have pages taken off by it.
 *
 * Only what was done alone is proven: while no other call of anybody was under way. A
 * first mapping that was alone is proven by what U has changed by, until a call that is
 * not alone touches the buffer. Calls beside each other can be each other's (two map an
 * event, and one has made the buffer; an event is led to it in the middle of one; the
 * last to close is not the last to return), and whatever they are thought to have done,
 * their pages may be on the U of whoever made one (@company). They are no more at a
 * moment when nobody is in a call and each buffer is proven: who had one that is there
 * still would have returned with it. That is so of closes that were counted; where a
 * count was inferred (@inferred, @split, careful times) they may be there for ever.
 *
 * A U that is perf's alone is what its live buffers have there, what was there before
 * (@others), and what is wrong. Each is known between bounds: what a proven buffer has
 * there; else nothing, or all of its pages. What is left over for certain is wrong,
 * whichever step did it. What others had may be gone, and is missed by nobody.
 *
 * M anybody can move, and a step of it proves nothing. But what U was not charged of
 * a first mapping M was; and nobody has less on M than nothing. So where M has less on
 * it than what is proven of its buffers, the kernel has taken from it what others
 * were charged: that is missing there, and the buffer that its process has just
 * unmapped last has left as much behind where it was charged.
 *
 * What went by unseen: a row that a walk drops may have its pages on U still, and what
 * it adopts may be on anybody's; that widens @others. What it keeps may be another at
 * the same address, and is proven no more. What may have been uncharged unseen makes
 * that nothing is known to be missing on U any more.
 */
#include <linux/kernel.h>
#include <linux/limits.h>

#include "internal.h"

/* Of a buffer of which that is proven. */
static long right_on_user(const struct perfmlock_buffer *buffer)
{
	return buffer->by_rule ? buffer->correct_user : buffer->first_user;
}

static bool is_known_on_mm(const struct perfmlock_buffer *buffer)
{
	return buffer->proven && !buffer->unclear;
}

/* What it has on M for certain. */
static long on_mm(const struct perfmlock_buffer *buffer)
{
	if (!is_known_on_mm(buffer))
		return 0;
	return buffer->on_both ? buffer->first_mm :
				 buffer->pages - buffer->first_user;
}

/* What it may have on U. */
static long most_on_user(const struct perfmlock_buffer *buffer)
{
	if (buffer->adopted)
		return 0;
	return buffer->proven ? max(right_on_user(buffer), 0L) : buffer->pages;
}

/* What the kernel has put on U beyond what is right. */
static long too_much_on_user(const struct perfmlock_buffer *buffer)
{
	return buffer->first_user - right_on_user(buffer);
}

/* The rest of its pages are right there. */
static long too_much_on_mm(const struct perfmlock_buffer *buffer)
{
	if (!is_known_on_mm(buffer))
		return 0;
	return on_mm(buffer) - (buffer->pages - right_on_user(buffer));
}

static __always_inline void add(struct perfmlock_ledger *ledger,
				const struct perfmlock_buffer *buffer, int sign)
{
	struct perfmlock_bounds *buffers = &buffer->user->proof.buffers;

	if (buffer->proven) {
		buffers->least += sign * right_on_user(buffer);
		buffers->most += sign * right_on_user(buffer);
		buffer->mm->proven += sign * on_mm(buffer);
		buffer->mm->too_much += sign * too_much_on_mm(buffer);
	} else if (!buffer->adopted) {
		buffers->most += sign * (long)buffer->pages;
		ledger->nr_unproven += sign;
	}
}

/**
 * perfmlock_proof_add() - a buffer is its user's, and its mm's
 * @ledger: the ledger
 * @buffer: its row
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_add(struct perfmlock_ledger *ledger,
			 const struct perfmlock_buffer *buffer)
{
	add(ledger, buffer, 1);
}

/**
 * perfmlock_proof_remove() - it is so no more
 * @ledger: the ledger
 * @buffer: its row
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_remove(struct perfmlock_ledger *ledger,
			    const struct perfmlock_buffer *buffer)
{
	add(ledger, buffer, -1);
}

/**
 * perfmlock_proof_void() - a call that is not alone has touched a buffer
 * @ledger: the ledger
 * @buffer: its row
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_void(struct perfmlock_ledger *ledger,
			  struct perfmlock_buffer *buffer)
{
	add(ledger, buffer, -1);
	buffer->proven = false;
	add(ledger, buffer, 1);
}

/**
 * perfmlock_proof_inferred() - what the books have of a buffer's mappings was inferred
 * @ledger: the ledger
 * @data: its data's row
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_inferred(struct perfmlock_ledger *ledger,
			      struct perfmlock_buffer *data)
{
	struct perfmlock_buffer *const parts[] = { data, data->aux };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts) && parts[i]; i++) {
		parts[i]->inferred = true;
		if (parts[i]->proven)
			perfmlock_proof_void(ledger, parts[i]);
	}
}

/**
 * perfmlock_proof_company() - a call of a user was not alone
 * @user: who was, or may have been, charged
 * @pages: of the mapping
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_company(struct perfmlock_user *user, long pages)
{
	/* anybody may fail to map what is too large to be, as often as he likes */
	user->proof.company = min(user->proof.company + min(pages, LONG_MAX / 4),
				  LONG_MAX / 4);
}

/* There is no buffer for which they could be, and no call that could return with one. */
static void part_company(const struct perfmlock_ledger *ledger,
			 struct perfmlock_proof *proof)
{
	if (!ledger->nr_unproven)
		proof->company = 0;
}

/**
 * perfmlock_proof_drop() - a row is dropped: may the buffer be there still?
 * @ledger: the ledger
 * @buffer: its row
 *
 * It may where its count was not certain, or a call that was not alone has ended it.
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_drop(struct perfmlock_ledger *ledger,
			  const struct perfmlock_buffer *buffer)
{
	bool uncertain = ledger->careful || ledger->unsettled ||
			 buffer->split || buffer->inferred;
	long pages;

	if (unlikely(uncertain || !perfmlock_is_alone(ledger))) {
		pages = most_on_user(buffer);
		if (uncertain)
			perfmlock_proof_may_be_on(ledger, buffer->user, pages);
		else
			perfmlock_proof_company(buffer->user, pages);
		/* nor is it known if what was too much of it is there still */
		if (buffer->proven && too_much_on_user(buffer))
			buffer->user->proof.spoiled = true;
	}
	add(ledger, buffer, -1);
}

/**
 * perfmlock_proof_may_be_on() - pages of a buffer may be on a user's U
 * @ledger: the ledger
 * @user: whose
 * @pages: of it
 *
 * There is no row for it.
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_may_be_on(struct perfmlock_ledger *ledger,
			       struct perfmlock_user *user, long pages)
{
	user->proof.others.most += pages;
	ledger->totals.unproven_pages += pages;
}

/**
 * perfmlock_proof_quiet() - take what is on U, and was seen of nobody, for others'
 * @ledger: the ledger
 * @user: whose; no call of it is under way
 * @counter: U
 *
 * What was found to be wrong before stays so, unless it is spoiled.
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_quiet(struct perfmlock_ledger *ledger,
			   struct perfmlock_user *user, long counter)
{
	static const struct perfmlock_bounds nothing;
	struct perfmlock_proof *proof = &user->proof;
	long rest;

	if (proof->spoiled) {
		ledger->totals.unproven_pages += abs(proof->found);
		proof->found = 0;
	}
	rest = counter - user->books.repaired - proof->found;
	proof->others = perfmlock_left_over(rest, &proof->buffers, &nothing);
	proof->since = ledger->unseen;
	proof->misses = ledger->misses;
	proof->strange = ledger->strange;
	proof->known = true;
	proof->spoiled = false;
}

/**
 * perfmlock_is_settled() - is what the books have all that there is?
 * @ledger: the ledger
 *
 * Context: any; the lock is held.
 *
 * Return: if not, nothing is proven, and repair leaves the counters as they are.
 */
bool perfmlock_is_settled(const struct perfmlock_ledger *ledger)
{
	return !ledger->careful && !ledger->busy && !ledger->unsettled &&
	       !ledger->unsized && !ledger->unknown && !ledger->ops->missed();
}

static bool is_exact(const struct perfmlock_ledger *ledger,
		     const struct perfmlock_proof *proof,
		     const struct perfmlock_bounds *buffers)
{
	return proof->known && proof->since == ledger->unseen &&
	       proof->strange == ledger->strange &&
	       proof->others.least == proof->others.most && !proof->company &&
	       buffers->least == buffers->most;
}

/*
 * What is not on U is on M. Where all was charged to U although not all was free there,
 * a kernel of before v5.4 has charged M as well. How much depends on which; and that is
 * told by who may lock what he likes, as he has nothing to gain by it.
 *
 * Returns what is on M at least.
 */
static long find_rest(struct perfmlock_ledger *ledger,
		      const struct perfmlock_call *call,
		      struct perfmlock_buffer *buffer, bool of_one_limit)
{
	struct perfmlock_rest rest;

	rest = perfmlock_rest_on_mm(&call->before, call->pages,
				    buffer->first_user);
	if (buffer->first_user != call->pages)
		return rest.clamped;
	if (!of_one_limit) {
		buffer->unclear = true;
		return 0;
	}
	if (rest.clamped != rest.unclamped && ledger->ops->capable())
		ledger->unclamped = buffer->first_mm == rest.unclamped;
	buffer->on_both = ledger->unclamped && rest.unclamped &&
			  buffer->first_mm == rest.unclamped;
	buffer->unclear = !buffer->on_both && rest.clamped | rest.unclamped;
	return min(rest.clamped, rest.unclamped);
}

/**
 * perfmlock_proof_first() - a first mapping was booked
 * @ledger: the ledger
 * @call: that made it, about to end
 * @buffer: its row
 *
 * What U changed by is the kernel's charge where the call was alone.
 *
 * What is right is the reference rule's, where U is known exactly and the books have
 * the same, and what it takes off U is on M; else what the kernel has made of it.
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_first(struct perfmlock_ledger *ledger,
			   const struct perfmlock_call *call,
			   struct perfmlock_buffer *buffer)
{
	struct perfmlock_proof *proof = &buffer->user->proof;
	struct perfmlock_state state = call->before;
	struct perfmlock_bounds buffers = proof->buffers;
	struct perfmlock_charge right;
	bool of_one_limit;
	long rest;

	if (call->mover != PERFMLOCK_ALONE || !ledger->alone || buffer->pending ||
	    buffer->guessed || buffer->first_user > call->pages ||
	    !perfmlock_is_settled(ledger))
		return;
	perfmlock_proof_remove(ledger, buffer);
	part_company(ledger, proof);
	buffers.most -= buffer->pages;
	of_one_limit = ledger->ops->limit_is_exact() &&
		       ledger->ops->limit() == state.limit;
	rest = find_rest(ledger, call, buffer, of_one_limit);
	/* where the books have another: else it is the same */
	if (buffer->correct_user != buffer->first_user && of_one_limit &&
	    is_exact(ledger, proof, &buffers)) {
		state.user = perfmlock_correct_counter(proof->others.most,
						       buffers.most);
		perfmlock_reference(&state, call->pages, &right);
		buffer->by_rule = right.user == buffer->correct_user &&
				  (!buffer->unclear || rest >= right.mm);
	}
	buffer->proven = true;
	perfmlock_proof_add(ledger, buffer);
}

/**
 * perfmlock_proof_left() - a part has gone that another mm was charged for
 * @ledger: the ledger
 * @call: the close that was its last
 * @part: its row, which is there still
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_left(const struct perfmlock_ledger *ledger,
			  struct perfmlock_call *call,
			  struct perfmlock_buffer *part)
{
	if (!ledger->alone || perfmlock_data_of(part)->split ||
	    !perfmlock_is_settled(ledger))
		return;
	call->owed[part->kind].of = part->mm;
	call->owed[part->kind].pages = on_mm(part);
}

/**
 * perfmlock_proof_mm() - find what is missing on M
 * @ledger: the ledger
 * @mm: whose; no call of anybody is under way
 * @counter: M
 *
 * Context: any; the lock is held since before @counter was read.
 *
 * Return: pages that are so since it was asked last.
 */
long perfmlock_proof_mm(const struct perfmlock_ledger *ledger,
			struct perfmlock_mm *mm, long counter)
{
	long more = mm->proven + mm->left_behind - mm->missing -
		    (counter - mm->books.repaired);

	if (likely(more <= 0) || !perfmlock_is_settled(ledger))
		return 0;
	mm->missing += more;
	return more;
}

/**
 * perfmlock_proof_close() - a close has ended: has it taken from the wrong mm?
 * @ledger: the ledger
 * @call: the close, no more under way; its place is free
 * @counter: M of its mm
 *
 * Context: any; the lock is held since before @counter was read.
 */
void perfmlock_proof_close(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call, long counter)
{
	struct perfmlock_mm *mm = perfmlock_store_find(&ledger->mms, call->mm);
	long more, part;
	unsigned int i;

	if (!mm)
		return;
	more = perfmlock_proof_mm(ledger, mm, counter);
	for (i = 0; i < ARRAY_SIZE(call->owed); i++) {
		part = min(more, call->owed[i].pages);
		if (part <= 0)
			continue;
		call->owed[i].of->left_behind += part;
		more -= part;
	}
}

/**
 * perfmlock_proof_user() - what is surely wrong on U
 * @ledger: the ledger
 * @user: whose; no call of anybody is under way
 * @counter: U
 *
 * Context: any; the lock is held since before @counter was read.
 *
 * Return: pages; below zero: U has too little. What was found stays where nothing is
 * certain.
 */
long perfmlock_proof_user(struct perfmlock_ledger *ledger,
			  struct perfmlock_user *user, long counter)
{
	struct perfmlock_proof *proof = &user->proof;
	struct perfmlock_bounds others, wrong;

	if (!proof->known || !perfmlock_is_settled(ledger) ||
	    perfmlock_is_careful(ledger, user))
		return proof->found;
	/* what went by unseen may have put there whatever is there now */
	if (proof->misses != ledger->misses || proof->spoiled) {
		perfmlock_proof_quiet(ledger, user, counter);
		return proof->found;
	}
	part_company(ledger, proof);
	/* they may be gone, but for what was below zero */
	others.least = min(proof->others.least, 0L);
	others.most = proof->others.most + proof->company;
	wrong = perfmlock_left_over(counter - user->books.repaired,
				    &proof->buffers, &others);
	wrong.least -= ledger->strange - proof->strange;
	if (proof->since != ledger->unseen)
		wrong.most = LONG_MAX;
	proof->found = perfmlock_surely(&wrong);
	return proof->found;
}

/**
 * perfmlock_proof_lend() - what a close takes beyond what is right
 * @call: the close, just begun
 * @part: the buffer that it may uncharge, or its AUX area
 * @user: pages that it may take from the U of the call's user; added to
 * @mm: likewise from the M of its mm
 *
 * Of what is not proven nothing was taken before.
 *
 * Context: any; the lock is held.
 */
void perfmlock_proof_lend(const struct perfmlock_call *call,
			  const struct perfmlock_buffer *part, long *user,
			  long *mm)
{
	if (!part->proven)
		return;
	*user += too_much_on_user(part);
	if (part->user != call->user)
		*user += right_on_user(part);
	*mm += part->mm->node.key == call->mm ? too_much_on_mm(part) :
						on_mm(part);
}
