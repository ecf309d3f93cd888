// SPDX-License-Identifier: GPL-2.0
/*
 * Repair, for who asks for it: what is proven to be wrong on the kernel's counters
 * is taken off, or added.
 *
 * What is added to a counter is known by its row (@repaired), so that at any moment
 * the counter less that is what it would be without: all the books go by that, and
 * an undo is the same the other way round. Beside that:
 *
 *  - Nothing is moved by what is only likely, which is the books': see proof.c.
 *  - What is wrong is taken or added while no call of anybody is under way.
 *  - A close takes what the kernel charged, right or not. So that it does not take it
 *    from what is right, the counter is lent what repair has taken before (@lent).
 *  - Repair itself brings no counter below zero. An undo is made always: it is what
 *    the kernel has done itself.
 */
#include <linux/kernel.h>

#include "internal.h"

static void note_repair(struct perfmlock_ledger *ledger,
			const struct perfmlock_repair_note *note)
{
	struct perfmlock_notes *notes = ledger->notes;

	if (likely(!notes))
		return;
	if (notes->nr_repairs == PERFMLOCK_BATCH)
		ledger->totals.untraced++;
	else
		notes->repairs[notes->nr_repairs++] = *note;
}

/* Adds pages to U, or takes them. Returns false if it would be below zero. */
static bool add_to_user(struct perfmlock_ledger *ledger,
			struct perfmlock_user *user, long pages, bool always)
{
	struct perfmlock_repair_note note = {
		.uid = user->uid,
		.pages = pages,
	};

	if (!ledger->ops->add_user(user->node.key, pages, always)) {
		ledger->totals.repairs_refused++;
		return false;
	}
	user->books.repaired += pages;
	/* who is in a call may have met another U than it began with */
	if (user->under_way)
		user->begun++;
	ledger->totals.repairs++;
	note.repaired = user->books.repaired;
	note_repair(ledger, &note);
	return true;
}

static bool add_to_mm(struct perfmlock_ledger *ledger, struct perfmlock_mm *mm,
		      long pages, bool always)
{
	struct perfmlock_repair_note note = {
		.uid = mm->uid,
		.pid = mm->pid,
		.pages = pages,
	};

	if (!ledger->ops->add_mm(mm->node.key, pages, always)) {
		ledger->totals.repairs_refused++;
		return false;
	}
	mm->books.repaired += pages;
	ledger->totals.repairs++;
	note.repaired = mm->books.repaired;
	note_repair(ledger, &note);
	return true;
}

/**
 * perfmlock_repair_user() - bring U to where it should be
 * @ledger: the ledger; it repairs, or did so
 * @user: whose; NULL: nobody's
 *
 * While a call is under way, or one may be of which nobody knows, nothing is done: it
 * is asked again when a call of the user ends, and by perfmlock_repair_all().
 *
 * Context: any; the lock is held.
 */
void perfmlock_repair_user(struct perfmlock_ledger *ledger,
			   struct perfmlock_user *user)
{
	const struct perfmlock_books *books;
	long pages, wrong;

	if (!user)
		return;
	if (!ledger->repair) {
		perfmlock_unrepair_user(ledger, user);
		return;
	}
	if (!ledger->exclusive || ledger->nr_active)
		return;
	wrong = perfmlock_proof_user(ledger, user,
				     ledger->ops->read_user(user->node.key));
	books = &user->books;
	pages = perfmlock_repair(wrong, books->repaired - books->lent);
	if (unlikely(pages))
		add_to_user(ledger, user, pages, false);
}

/**
 * perfmlock_repair_mm() - bring M to where it should be
 * @ledger: the ledger; it repairs, or did so
 * @mm: whose; NULL: nobody's
 *
 * Context: any; the lock is held.
 */
void perfmlock_repair_mm(struct perfmlock_ledger *ledger,
			 struct perfmlock_mm *mm)
{
	const struct perfmlock_books *books;
	long pages, wrong;

	if (!mm)
		return;
	if (!ledger->repair) {
		perfmlock_unrepair_mm(ledger, mm);
		return;
	}
	if (!ledger->ops->add_mm || ledger->nr_active)
		return;
	perfmlock_proof_mm(ledger, mm, ledger->ops->read_mm(mm->node.key));
	books = &mm->books;
	wrong = mm->too_much + mm->left_behind - mm->missing;
	pages = perfmlock_repair(wrong, books->repaired - books->lent);
	if (unlikely(pages))
		add_to_mm(ledger, mm, pages, false);
}

/**
 * perfmlock_unrepair_user() - give back to U exactly what was taken
 * @ledger: the ledger
 * @user: whose
 *
 * Context: any; the lock is held.
 */
void perfmlock_unrepair_user(struct perfmlock_ledger *ledger,
			     struct perfmlock_user *user)
{
	user->proof.found = 0;
	if (user->books.repaired)
		add_to_user(ledger, user, -user->books.repaired, true);
}

/**
 * perfmlock_unrepair_mm() - give back to M exactly what was taken
 * @ledger: the ledger
 * @mm: whose
 *
 * Context: any; the lock is held.
 */
void perfmlock_unrepair_mm(struct perfmlock_ledger *ledger,
			   struct perfmlock_mm *mm)
{
	if (mm->books.repaired)
		add_to_mm(ledger, mm, -mm->books.repaired, true);
}

/**
 * perfmlock_repair_lend() - a close may uncharge: let it find what it takes
 * @ledger: the ledger; it repairs
 * @call: of perf_mmap_close(), just begun, of a buffer with known charges
 *
 * Context: any; the lock is held.
 */
void perfmlock_repair_lend(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call)
{
	struct perfmlock_mm *mm = perfmlock_store_find(&ledger->mms, call->mm);
	struct perfmlock_user *user = call->user;
	long of_user = 0, of_mm = 0;

	perfmlock_proof_lend(call, call->data, &of_user, &of_mm);
	/* an AUX area's pages go back to the data's user, whoever mapped it */
	if (call->area)
		perfmlock_proof_lend(call, call->data->aux, &of_user, &of_mm);
	call->lent_user = perfmlock_lend(of_user, user->books.repaired);
	if (call->lent_user) {
		add_to_user(ledger, user, call->lent_user, true);
		user->books.lent += call->lent_user;
		call->before.user += call->lent_user;
		call->repaired_user += call->lent_user;
		call->begun = user->begun;
	}
	if (!mm)
		return;
	call->lent_mm = perfmlock_lend(of_mm, mm->books.repaired);
	if (call->lent_mm) {
		add_to_mm(ledger, mm, call->lent_mm, true);
		mm->books.lent += call->lent_mm;
		call->before.mm += call->lent_mm;
		call->repaired_mm += call->lent_mm;
	}
}

/**
 * perfmlock_repair_lent() - what was lent for a call is no more needed
 * @ledger: the ledger
 * @call: the call, about to end
 *
 * Context: any; the lock is held.
 */
void perfmlock_repair_lent(struct perfmlock_ledger *ledger,
			   struct perfmlock_call *call)
{
	struct perfmlock_mm *mm;

	call->user->books.lent -= call->lent_user;
	if (!call->lent_mm)
		return;
	mm = perfmlock_store_find(&ledger->mms, call->mm);
	if (mm)
		mm->books.lent -= call->lent_mm;
}

/**
 * perfmlock_repaired_mm() - what repair has on an mm
 * @ledger: the ledger
 * @mm: its key
 *
 * Context: any; the lock is held.
 *
 * Return: pages.
 */
long perfmlock_repaired_mm(struct perfmlock_ledger *ledger, const void *mm)
{
	const struct perfmlock_mm *row;

	row = perfmlock_store_find(&ledger->mms, mm);
	return row ? row->books.repaired : 0;
}

/**
 * struct telling - what is told of a repair of all rows
 * @notes: room for that of a batch of them
 * @tell: tells it, without the lock
 */
struct telling {
	struct perfmlock_notes *notes;
	void (*tell)(const struct perfmlock_notes *notes);
};

static void look_at_user(struct perfmlock_ledger *ledger, void *record,
			 void *arg)
{
	struct perfmlock_user *user = record;
	struct telling *telling = arg;

	/* of who is quiet, the counter says what is foreign */
	if (ledger->repair && !user->under_way &&
	    !perfmlock_is_careful(ledger, user))
		perfmlock_quiet(ledger, user,
				ledger->ops->read_user(user->node.key));
	ledger->notes = telling->notes;
	perfmlock_repair_user(ledger, user);
	ledger->notes = NULL;
}

static void look_at_mm(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	struct telling *telling = arg;

	ledger->notes = telling->notes;
	perfmlock_repair_mm(ledger, record);
	ledger->notes = NULL;
}

static void tell(void *arg)
{
	struct telling *telling = arg;

	telling->tell(telling->notes);
	telling->notes->nr_repairs = 0;
}

/**
 * perfmlock_repair_all() - bring every counter to where it should be
 * @ledger: the ledger; it repairs, or did so
 * @notes: room, all zeros; one caller at a time
 * @tell_all: tells what is in it; process context
 *
 * Context: process, may sleep; takes the lock, for some rows at a time.
 */
void perfmlock_repair_all(struct perfmlock_ledger *ledger,
			  struct perfmlock_notes *notes,
			  void (*tell_all)(const struct perfmlock_notes *notes))
{
	struct telling telling = { .notes = notes, .tell = tell_all };

	perfmlock_for_batches(ledger, &ledger->users, look_at_user, tell, &telling);
	perfmlock_for_batches(ledger, &ledger->mms, look_at_mm, tell, &telling);
}

/**
 * perfmlock_repair_switch() - repair from now on, or no more
 * @ledger: the ledger
 * @on: whether
 * @notes: as of perfmlock_repair_all()
 * @tell_all: likewise
 *
 * When it returns every counter that can be is right; or everything that was
 * added and taken is taken and added back.
 *
 * Context: process, may sleep; takes the lock; one caller at a time.
 */
void perfmlock_repair_switch(struct perfmlock_ledger *ledger, bool on,
			     struct perfmlock_notes *notes,
			     void (*tell_all)(const struct perfmlock_notes *notes))
{
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	ledger->repair = on;
	ledger->repairing = true;
	perfmlock_unlock(ledger, flags);
	perfmlock_repair_all(ledger, notes, tell_all);
	if (on)
		return;
	/* rows that were opened meanwhile have nothing to be undone */
	perfmlock_lock(ledger, flags);
	ledger->repairing = false;
	perfmlock_unlock(ledger, flags);
}
