// SPDX-License-Identifier: GPL-2.0
/*
 * The books held against what is: a walk through all mappings tells which buffers
 * there are, and puts right what it finds; then each row is added up anew from its
 * buffers, and held against its counter.
 */
#include "internal.h"

static void find(struct perfmlock_ledger *ledger,
		 const struct perfmlock_finding *finding)
{
	struct perfmlock_audit *audit = ledger->audit;

	audit->counts[finding->kind]++;
	if (audit->nr < PERFMLOCK_FINDINGS)
		audit->findings[audit->nr++] = *finding;
}

/**
 * perfmlock_audit_finds() - a buffer is not as the books have it
 * @ledger: the ledger
 * @buffer: its row
 * @kind: what is wrong with it
 * @of: of what the two figures are, in a word
 * @books: what the books say
 * @found: what is
 *
 * Of any walk; it is told where an audit wants to know.
 *
 * Context: any; the lock is held.
 */
void perfmlock_audit_finds(struct perfmlock_ledger *ledger,
			   const struct perfmlock_buffer *buffer,
			   enum perfmlock_finding_kind kind, const char *of,
			   long books, long found)
{
	const struct perfmlock_finding finding = {
		.kind = kind,
		.of = of,
		.id = buffer->id,
		.uid = buffer->user->uid,
		.pid = buffer->mm->pid,
		.books = books,
		.found = found,
	};

	if (unlikely(ledger->audit))
		find(ledger, &finding);
}

/**
 * perfmlock_audit_begin() - what the next walk finds is wanted
 * @ledger: the ledger
 * @audit: result, after perfmlock_audit_end(); all zeros
 *
 * Context: process; takes the lock. One at a time, and no other walk until its end.
 */
void perfmlock_audit_begin(struct perfmlock_ledger *ledger,
			   struct perfmlock_audit *audit)
{
	unsigned long flags;

	perfmlock_lock(ledger, flags);
	ledger->audit = audit;
	ledger->nr_audits++;
	audit->calls = ledger->ended;
	/* all that is listed is looked at, as if calls had been missed */
	perfmlock_doubt(ledger);
	perfmlock_unlock(ledger, flags);
}

/**
 * struct adding - what is added up, and by what it is read
 * @calls: that had ended when it began
 */
struct adding {
	unsigned long calls;
};

static void add_to(const struct perfmlock_ledger *ledger,
		   struct perfmlock_books *books,
		   const struct perfmlock_buffer *buffer, long correct)
{
	struct perfmlock_sums *sums = &books->sums;

	if (sums->audit != ledger->nr_audits)
		*sums = (struct perfmlock_sums){ .audit = ledger->nr_audits };
	sums->buffers++;
	sums->on_user += buffer->kernel_user;
	sums->on_mm += buffer->kernel_mm;
	sums->correct += correct;
	sums->pages += buffer->pages;
}

static void add_buffer(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	const struct perfmlock_buffer *buffer = record;

	if (buffer->ended)
		return;
	ledger->audit->buffers++;
	add_to(ledger, &buffer->user->books, buffer, buffer->correct_user);
	add_to(ledger, &buffer->mm->books, buffer, buffer->correct_mm);
}

/**
 * struct figure - one of a row, in the books and as it was added up
 * @of: which
 * @books: the one
 * @found: the other
 */
struct figure {
	const char *of;
	long books;
	long found;
};

/*
 * Where calls have ended since the adding began, a figure that differs tells
 * nothing.
 */
static void hold_against(struct perfmlock_ledger *ledger,
			 const struct adding *adding,
			 struct perfmlock_finding *finding,
			 const struct figure *figures, unsigned int nr)
{
	bool moved = ledger->nr_active || ledger->ended != adding->calls;
	unsigned int i, differ = 0;

	for (i = 0; i < nr; i++) {
		if (figures[i].books == figures[i].found)
			continue;
		differ++;
		finding->of = figures[i].of;
		finding->books = figures[i].books;
		finding->found = figures[i].found;
		if (!moved)
			find(ledger, finding);
	}
	ledger->audit->moved += moved && differ;
}

/*
 * Is the live counter as the books say, where they can tell: nothing is under way,
 * and nothing went by unseen. Of a shared one not more is known than that others
 * have no less than nothing on it.
 */
static void hold_counter(struct perfmlock_ledger *ledger,
			 struct perfmlock_finding *finding, long counter,
			 long booked, bool alone)
{
	ledger->audit->counters++;
	if (!alone && counter < 0) {
		/* of before the load, say: what the books have is no part of it */
		ledger->audit->underflown++;
		return;
	}
	if (alone ? counter == booked : counter >= booked)
		return;
	finding->kind = PERFMLOCK_FOUND_COUNTER;
	finding->of = "counter";
	finding->books = booked;
	finding->found = counter;
	find(ledger, finding);
}

/* What a row's buffers came to; nothing where none was met. */
static const struct perfmlock_sums *sums_of(const struct perfmlock_ledger *ledger,
					    const struct perfmlock_books *books)
{
	static const struct perfmlock_sums nothing;

	return books->sums.audit == ledger->nr_audits ? &books->sums : &nothing;
}

static void look_at_user(struct perfmlock_ledger *ledger, void *record,
			 void *arg)
{
	struct perfmlock_user *user = record;
	const struct perfmlock_sums *sums = sums_of(ledger, &user->books);
	const struct figure figures[] = {
		{ "buffers", user->books.buffers, sums->buffers },
		{ "kernel", user->user_pages, sums->on_user },
		{ "correct", user->books.correct, sums->correct },
		{ "mm_pages", user->mm_pages, sums->on_mm },
	};
	struct perfmlock_finding finding = {
		.kind = PERFMLOCK_FOUND_SUM,
		.uid = user->uid,
	};
	const struct adding *adding = arg;
	long counter, orphaned;

	hold_against(ledger, adding, &finding, figures, ARRAY_SIZE(figures));
	if (user->under_way) {
		ledger->audit->moved++;
		return;
	}
	/* until the user's next call nobody knows what is foreign */
	if (!perfmlock_is_sure(ledger, user) ||
	    perfmlock_is_careful(ledger, user)) {
		ledger->audit->unknown++;
		return;
	}
	counter = ledger->ops->read_user(user->node.key);
	orphaned = perfmlock_orphaned(user);
	/* of a shared one it is inferred, and never more than there is */
	if (!ledger->exclusive)
		orphaned = clamp(orphaned, 0L,
				 max(perfmlock_change(counter, user->user_pages),
				     0L));
	ledger->audit->orphaned += orphaned;
	hold_counter(ledger, &finding, counter,
		     perfmlock_on_counter(&user->books) +
			(ledger->exclusive ? user->foreign : 0),
		     ledger->exclusive);
}

static void look_at_mm(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	struct perfmlock_mm *mm = record;
	const struct perfmlock_sums *sums = sums_of(ledger, &mm->books);
	const struct figure figures[] = {
		{ "buffers", mm->books.buffers, sums->buffers },
		{ "correct", mm->books.correct, sums->correct },
		{ "pages", mm->held + mm->adopted, sums->pages },
	};
	struct perfmlock_finding finding = {
		.kind = PERFMLOCK_FOUND_SUM,
		.uid = mm->uid,
		.pid = mm->pid,
	};
	const struct adding *adding = arg;

	hold_against(ledger, adding, &finding, figures, ARRAY_SIZE(figures));
	if (ledger->nr_active)
		ledger->audit->moved++;
	else if (ledger->careful)
		ledger->audit->unknown++;
	else
		hold_counter(ledger, &finding,
			     ledger->ops->read_mm(mm->node.key),
			     perfmlock_on_counter(&mm->books), false);
}

/**
 * perfmlock_audit_end() - add up and compare
 * @ledger: the ledger
 *
 * Context: process, may sleep; takes the lock, for some rows at a time.
 */
void perfmlock_audit_end(struct perfmlock_ledger *ledger)
{
	struct adding adding = {
		.calls = READ_ONCE(ledger->ended),
	};
	unsigned long flags;

	perfmlock_for_all(ledger, &ledger->buffers, add_buffer, &adding);
	perfmlock_for_all(ledger, &ledger->users, look_at_user, &adding);
	perfmlock_for_all(ledger, &ledger->mms, look_at_mm, &adding);
	perfmlock_lock(ledger, flags);
	ledger->audit->calls = ledger->ended - ledger->audit->calls;
	ledger->audit = NULL;
	perfmlock_unlock(ledger, flags);
}
