// SPDX-License-Identifier: GPL-2.0
/*
 * Proofs about module/charge, for every value that its arguments can have. The
 * comment before a function is its name in the report. A prove_ must hold, and
 * an exact_ without any sum that wraps or is cut on the way; a refute_ is a
 * mistake of the kernel's history, which the prover has to find.
 *
 * Preconditions are the functions' own: amounts of pages fit a long, since a
 * mapping is smaller than the address space; perf_mmap() itself refuses more
 * than INT_MAX. Nothing is taken for granted of counters and limits, which may
 * be damaged, negative or huge, unless a GIVEN() says so.
 */
#include "prove.h"

#include "../../module/charge.h"

enum { S0, S0C, S1, S2, S3, S4, S5, S6, MODELS };

static struct perfmlock_state any_state(void)
{
	return (struct perfmlock_state){
		.user = nondet_long(),
		.mm = nondet_long(),
		.limit = nondet_ulong(),
		.rlimit = nondet_ulong(),
	};
}

static unsigned long any_pages(void)
{
	unsigned long pages = nondet_ulong();

	GIVEN(pages <= LONG_MAX);
	return pages;
}

/* Counters that are not damaged, and sums of them that a long can hold. */
static struct perfmlock_state sound_state(unsigned long pages)
{
	struct perfmlock_state state = any_state();

	GIVEN(state.user >= 0 && state.user <= LONG_MAX - (long)pages);
	GIVEN(state.mm >= 0 && state.mm <= LONG_MAX - (long)pages);
	return state;
}

static struct perfmlock_charge reference(struct perfmlock_state state,
					 unsigned long pages)
{
	struct perfmlock_charge charge;

	perfmlock_reference(&state, pages, &charge);
	return charge;
}

static struct perfmlock_charge model(unsigned int i,
				     struct perfmlock_state state,
				     unsigned long pages)
{
	struct perfmlock_charge charge;

	perfmlock_model_charge(&perfmlock_models[i], &state, pages, &charge);
	return charge;
}

static bool same(const struct perfmlock_charge *a,
		 const struct perfmlock_charge *b)
{
	return a->user == b->user && a->mm == b->mm && a->locked == b->locked &&
	       a->over == b->over;
}

/* Pages of U that count against the limit: a negative U is nothing. */
static unsigned long held(const struct perfmlock_state *state)
{
	return state->user > 0 ? state->user : 0;
}

/* the reference: every page is charged, and charged once */
void prove_conservation(void)
{
	unsigned long pages = nondet_ulong();
	struct perfmlock_charge charge = reference(any_state(), pages);

	CLAIM((unsigned long)charge.user + charge.mm == pages);
}

/* the reference: neither part is negative, nor more than the mapping */
void prove_bounds(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_charge charge = reference(any_state(), pages);

	CLAIM(charge.user >= 0 && charge.user <= (long)pages);
	CLAIM(charge.mm >= 0 && charge.mm <= (long)pages);
	CLAIM(charge.user + charge.mm == (long)pages);
}

/* the reference: U within the limit stays within, U at it or over gets none */
void prove_limit_kept(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge charge = reference(state, pages);

	if (held(&state) < state.limit) {
		CLAIM(held(&state) + charge.user <= state.limit);
	} else {
		CLAIM(charge.user == 0);
		CLAIM(charge.mm == (long)pages);
	}
}

/* the reference: the mm pays only when the limit is used up */
void prove_user_first(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge charge = reference(state, pages);

	if (charge.mm > 0)
		CLAIM(held(&state) + charge.user >= state.limit);
}

/* the reference: a negative U counts as none */
void prove_negative_user(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state(), zero = state;
	struct perfmlock_charge charge, right;

	GIVEN(state.user < 0);
	zero.user = 0;
	charge = reference(state, pages);
	right = reference(zero, pages);
	CLAIM(same(&charge, &right) && charge.user_locked == right.user_locked);
}

/* the reference: of more pages neither the user nor the mm gets less */
void prove_monotone_in_pages(void)
{
	unsigned long fewer = any_pages(), more = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge a, b;

	GIVEN(fewer <= more);
	a = reference(state, fewer);
	b = reference(state, more);
	CLAIM(a.user <= b.user);
	CLAIM(a.mm <= b.mm);
}

/* the reference: a higher limit never gives the mm more */
void prove_monotone_in_limit(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state low = any_state(), high = low;
	struct perfmlock_charge a, b;

	high.limit = nondet_ulong();
	GIVEN(low.limit <= high.limit);
	a = reference(low, pages);
	b = reference(high, pages);
	CLAIM(a.user <= b.user);
	CLAIM(a.mm >= b.mm);
	if (low.mm >= 0)
		CLAIM(a.over || !b.over);
}

/* the reference: of a greater U never comes more for the user */
void prove_monotone_in_user(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state low = any_state(), high = low;

	high.user = nondet_long();
	GIVEN(low.user <= high.user);
	CLAIM(reference(low, pages).user >= reference(high, pages).user);
}

/*
 * Both sides of "a and then b is charged as a + b" are thus the charges of
 * single pages, one after the other.
 */
/* the reference: two mappings in a row are charged as one (n pages and one more) */
void prove_additive(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state;
	struct perfmlock_charge whole, first, last;

	GIVEN(pages < LONG_MAX);
	state = sound_state(pages + 1);
	whole = reference(state, pages + 1);
	first = reference(state, pages);
	state.user += first.user;
	state.mm += first.mm;
	last = reference(state, 1);
	CLAIM(first.user + last.user == whole.user);
	CLAIM(first.mm + last.mm == whole.mm);
	CLAIM(last.locked == whole.locked);
	CLAIM((first.over || last.over) == whole.over);
}

/* the reference: over means M with its part is over the rlimit, unsigned */
void prove_over(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge charge = reference(state, pages);

	CLAIM(charge.locked == (unsigned long)state.mm + charge.mm);
	CLAIM(charge.over == (charge.locked > state.rlimit));
	/* which for an M that is not damaged is the sum as it is written */
	if (state.mm >= 0)
		CLAIM(charge.over == ((__int128)state.mm + charge.mm >
				      (__int128)state.rlimit));
}

/* the reference: no sum wraps and no amount is cut, up to INT_MAX pages */
void exact_reference(void)
{
	unsigned long pages = nondet_ulong();
	struct perfmlock_state state;
	struct perfmlock_charge charge;

	GIVEN(pages <= INT_MAX);
	state = sound_state(pages);
	charge = reference(state, pages);
	CLAIM(charge.user_locked == state.user + pages);
	CLAIM(charge.rec == charge.mm);
}

/* the reference as a model: a map charges as the function does */
void prove_reference_model(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge right = reference(state, pages), charge;

	perfmlock_model_charge(&perfmlock_reference_model, &state, pages,
			       &charge);
	CLAIM(same(&charge, &right));
	CLAIM(charge.user_locked == right.user_locked);
	CLAIM(charge.rec == right.rec);
}

static struct perfmlock_observation a_buffer(enum perfmlock_step step,
					     unsigned long pages, long rec)
{
	struct perfmlock_observation obs = {
		.step = step,
		.kind = nondet_int() ? PERFMLOCK_DATA : PERFMLOCK_AUX,
		.pages = pages,
		.rec = rec,
		.state = any_state(),
	};

	return obs;
}

/* the reference as a model: the last unmap takes back what the map charged */
void prove_uncharge(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge map = reference(state, pages), unmap;
	struct perfmlock_observation obs =
		a_buffer(PERFMLOCK_LAST_UNMAP, pages, map.rec);

	perfmlock_model_step(&perfmlock_reference_model, &obs, &unmap);
	CLAIM(map.user + unmap.user == 0);
	CLAIM(map.mm + unmap.mm == 0);
	CLAIM(unmap.rec == 0);
}

/* the reference as a model: re-map, partial unmap and refusal charge nothing */
void prove_no_other_step_charges(void)
{
	unsigned long pages = any_pages(), rec = any_pages();
	int step = nondet_int();
	struct perfmlock_observation obs;
	struct perfmlock_charge charge;

	GIVEN(step == PERFMLOCK_REMAP || step == PERFMLOCK_UNMAP ||
	      step == PERFMLOCK_REFUSED);
	obs = a_buffer(step, pages, rec);
	perfmlock_model_step(&perfmlock_reference_model, &obs, &charge);
	CLAIM(charge.user == 0 && charge.mm == 0);
	CLAIM(charge.rec == (long)rec);
}

/* the books: a counter is never below what is correct, nor above both parts */
void prove_books(void)
{
	long foreign = nondet_long(), correct = nondet_long(), books;

	GIVEN(foreign <= 0 || correct <= LONG_MAX - foreign);
	books = perfmlock_correct_counter(foreign, correct);
	CLAIM(books >= correct);
	if (foreign >= 0)
		CLAIM(books == foreign + correct);
	else
		CLAIM(books == correct);
}

/* the books: a sound counter less its drift is what the books hold */
void prove_books_are_counter_less_drift(void)
{
	long counter = nondet_long(), kernel = nondet_long(), correct = nondet_long();

	GIVEN(kernel >= 0 && correct >= 0 && counter >= kernel);
	GIVEN(counter - kernel <= LONG_MAX - correct);
	CLAIM(perfmlock_correct_counter(perfmlock_foreign(counter, kernel), correct) ==
	      counter - perfmlock_drift(kernel, correct));
}

/* calls that overlap: conservation and bounds, whatever was seen */
void prove_between_conserves(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge charge;

	perfmlock_reference_between(&state, nondet_long(), nondet_long(), pages,
				    nondet_long(), &charge);
	CLAIM(charge.user >= 0 && charge.user <= (long)pages);
	CLAIM(charge.mm >= 0 && charge.mm <= (long)pages);
	CLAIM(charge.user + charge.mm == (long)pages);
	CLAIM(charge.over == perfmlock_over(&state, charge.mm));
	CLAIM(charge.rec == charge.mm);
}

/* calls that overlap: the charge is the reference's for a U that can have been */
void prove_between_is_serial(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state(), witness;
	long lowest = nondet_long(), highest = nondet_long(), seen = nondet_long();
	struct perfmlock_charge charge;

	GIVEN(lowest <= state.user && state.user <= highest);
	perfmlock_reference_between(&state, lowest, highest, pages, seen,
				    &charge);
	/* the U that leaves free just what was charged, or the least one */
	witness = state;
	if (charge.user != reference(state, pages).user) {
		witness.user = lowest;
		if (charge.user != reference(witness, pages).user)
			witness.user = state.limit - charge.user;
	}
	CLAIM(witness.user >= lowest && witness.user <= highest);
	CLAIM(charge.user == reference(witness, pages).user);
}

/* calls that overlap: what the kernel charged is right if any U explains it */
void prove_between_finds(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state(), other = state;
	long lowest = nondet_long(), highest = nondet_long();
	struct perfmlock_charge charge, seen;

	other.user = nondet_long();
	GIVEN(lowest <= other.user && other.user <= highest);
	seen = reference(other, pages);
	perfmlock_reference_between(&state, lowest, highest, pages, seen.user,
				    &charge);
	CLAIM(same(&charge, &seen));
}

/* user_lock_limit: whole pages of perf_event_mlock_kb, times the CPUs */
void prove_user_lock_limit(void)
{
	int kb = nondet_int();
	unsigned int page_shift = nondet_uint(), cpus = nondet_uint();
	unsigned long limit;

	GIVEN(page_shift >= 10 && page_shift <= 20);
	limit = perfmlock_user_lock_limit(kb, page_shift, 1);
	if (kb >= 0) {
		CLAIM(limit << (page_shift - 10) <= kb);
		CLAIM((limit + 1) << (page_shift - 10) > kb);
	} else {
		/* the kernel's own conversion: no limit that is ever reached */
		CLAIM(limit > LONG_MAX);
	}
	CLAIM(perfmlock_user_lock_limit(kb, page_shift, cpus) == limit * cpus);
}

/* the rules S1, S2, S3, S5 and S6 charge a map right, for any U not negative */
void prove_models_right(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge right, charge;
	unsigned int i = nondet_ulong();

	GIVEN(state.user >= 0);
	GIVEN(i == S1 || i == S2 || i == S3 || i == S5 || i == S6);
	right = reference(state, pages);
	charge = model(i, state, pages);
	CLAIM(same(&charge, &right));
}

/* the rule S4 charges a map right if U is within the limit, else never */
void prove_s4(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge right, charge;

	GIVEN(state.user >= 0);
	right = reference(state, pages);
	charge = model(S4, state, pages);
	CLAIM(same(&charge, &right) ==
	      ((unsigned long)state.user <= state.limit));
	CLAIM((charge.user < 0) == ((unsigned long)state.user > state.limit));
	CLAIM((unsigned long)charge.user + charge.mm == pages);
}

/* the rule S0 never charges less, and right just where all is within the limit */
void prove_s0(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge right, charge;

	GIVEN(state.user >= 0 && state.user <= LONG_MAX - (long)pages);
	right = reference(state, pages);
	charge = model(S0, state, pages);
	if (state.user + pages <= state.limit) {
		CLAIM(same(&charge, &right));
	} else if ((unsigned long)state.user <= state.limit) {
		CLAIM(charge.mm == right.mm);
		CLAIM(charge.user > right.user);
	} else {
		CLAIM(charge.mm > right.mm);
		CLAIM(charge.user >= right.user);
	}
}

/* the rule S0c charges the mm right, and the user what the mm has been charged */
void prove_s0c(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = any_state();
	struct perfmlock_charge right, charge;

	GIVEN(state.user >= 0);
	right = reference(state, pages);
	charge = model(S0C, state, pages);
	CLAIM(charge.mm == right.mm && charge.over == right.over);
	CLAIM(charge.user == right.user + right.mm);
}

static struct perfmlock_observation any_observation(void)
{
	struct perfmlock_observation obs =
		a_buffer(nondet_int(), any_pages(), any_pages());

	obs.user = nondet_long();
	obs.mm = nondet_long();
	return obs;
}

/* the common steps: each of which every rule says the same */
void prove_plain(void)
{
	struct perfmlock_observation obs = any_observation();
	struct perfmlock_charge charge;
	int i;

	GIVEN(perfmlock_is_plain(&obs));
	for (i = 0; i < MODELS; i++) {
		perfmlock_model_step(&perfmlock_models[i], &obs, &charge);
		CLAIM(charge.user == obs.user && charge.mm == obs.mm);
	}
}

/* the common steps: the reference says the same of them, too */
void prove_plain_is_right(void)
{
	struct perfmlock_observation obs = any_observation();
	struct perfmlock_charge charge;

	GIVEN(perfmlock_is_plain(&obs));
	perfmlock_model_step(&perfmlock_reference_model, &obs, &charge);
	CLAIM(charge.user == obs.user && charge.mm == obs.mm);
}

/* the causes: none just where kernel and reference agree */
void prove_no_cause(void)
{
	struct perfmlock_observation obs = any_observation();
	struct perfmlock_charge right = {
		.user = nondet_long(),
		.mm = nondet_long(),
	};

	GIVEN(obs.mm >= -LONG_MAX);
	CLAIM((perfmlock_cause(&obs, &right) == PERFMLOCK_NO_CAUSE) ==
	      (obs.user == right.user && obs.mm == right.mm));
}

/* a way out: a higher perf_event_mlock_kb never gives a lower limit */
void prove_limit_monotone(void)
{
	int low = nondet_int(), high = nondet_int();

	/* of one CPU, and so of any number: the product of two ints does not wrap */
	GIVEN(low >= 0 && low <= high);
	CLAIM(perfmlock_user_lock_limit(low, 12, 1) <=
	      perfmlock_user_lock_limit(high, 12, 1));
}

/* a way out: what today's rule admits, it admits at any higher limit */
void prove_bisection(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state low = sound_state(pages), high = low;

	high.limit = nondet_ulong();
	GIVEN(low.limit <= high.limit);
	CLAIM(model(PERFMLOCK_MODEL_DEFAULT, low, pages).over ||
	      !model(PERFMLOCK_MODEL_DEFAULT, high, pages).over);
}

/* Amounts of one counter: sums of a few of them fit a long. */
static long some_pages(void)
{
	long pages = nondet_long();

	GIVEN(pages >= -(LONG_MAX / 8) && pages <= LONG_MAX / 8);
	return pages;
}

static struct perfmlock_bounds some_bounds(void)
{
	return (struct perfmlock_bounds){ some_pages(), some_pages() };
}

/* repair: of what is left over no more is certain than is wrong */
void prove_left_over(void)
{
	struct perfmlock_bounds parts = some_bounds(), rest = some_bounds(), left;
	long right = parts.most - some_pages(), others = rest.most - some_pages();
	long counter = some_pages();

	GIVEN(right <= parts.most && others <= rest.most);
	left = perfmlock_left_over(counter, &parts, &rest);
	CLAIM(left.least <= counter - right - others);
}

/* repair: nor less */
void prove_left_over_at_most(void)
{
	struct perfmlock_bounds parts = some_bounds(), rest = some_bounds(), left;
	long right = parts.least + some_pages(), others = rest.least + some_pages();
	long counter = some_pages();

	GIVEN(right >= parts.least && others >= rest.least);
	left = perfmlock_left_over(counter, &parts, &rest);
	CLAIM(left.most >= counter - right - others);
}

/* repair: no more is moved than is wrong, and all of it where that is known */
void exact_repair(void)
{
	struct perfmlock_bounds bounds = some_bounds();
	long wrong = some_pages(), repaired = some_pages();

	GIVEN(bounds.least <= wrong && wrong <= bounds.most);
	repaired += perfmlock_repair(perfmlock_surely(&bounds), repaired);
	if (wrong >= 0)
		CLAIM(-wrong <= repaired && repaired <= 0);
	else
		CLAIM(repaired >= 0 && repaired <= -wrong);
	if (bounds.least == bounds.most)
		CLAIM(repaired == -wrong);
}

/* repair: what is on M follows from what is on U, but for the two that are told apart */
void prove_on_mm(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = sound_state(pages);
	struct perfmlock_charge charge;
	unsigned int i = nondet_ulong();
	struct perfmlock_rest on_mm;

	GIVEN(i < PERFMLOCK_NR_MODELS && pages && pages <= LONG_MAX / 4 &&
	      state.user <= LONG_MAX / 4);
	charge = model(i, state, pages);
	on_mm = perfmlock_rest_on_mm(&state, pages, charge.user);
	if (i == PERFMLOCK_S0)
		CLAIM(on_mm.unclamped == charge.mm);
	else if (i == PERFMLOCK_S0C)
		CLAIM(on_mm.clamped == charge.mm);
	else
		CLAIM(on_mm.clamped == charge.mm &&
		      on_mm.unclamped == charge.mm);
}

/* repair: no counter is brought below zero, and one that is there comes nearer */
void exact_may_add(void)
{
	long counter = some_pages(), pages = some_pages();

	if (!perfmlock_may_add(counter, pages))
		CLAIM(pages < 0 && counter + pages < 0);
	else if (pages < 0)
		CLAIM(counter + pages >= 0);
	else
		CLAIM(counter + pages >= counter);
}

/* repair: no more is lent than was taken, and no more than an uncharge takes too much */
void exact_lend(void)
{
	long more = some_pages(), repaired = some_pages();
	long lent = perfmlock_lend(more, repaired);

	CLAIM(lent >= 0);
	CLAIM(!lent || (lent <= -repaired && lent <= more));
}

/* repair: an uncharge of what was repaired leaves what is right of the others */
void exact_lend_suffices(void)
{
	long others = some_pages(), right = some_pages();
	long more = some_pages(), repaired = some_pages();

	GIVEN(others >= 0 && right >= 0 && more >= 0);
	GIVEN(repaired <= -more);
	CLAIM(others + right + perfmlock_lend(more, repaired) -
	      (right + more) == others);
}

/* refuted: S0 charges every page once (the explosion) */
void refute_s0_conserves(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_charge charge = model(S0, sound_state(pages), pages);

	CLAIM(charge.user + charge.mm == (long)pages);
}

/* refuted: S4 charges no negative amount (the limit that was lowered) */
void refute_s4_bounds(void)
{
	unsigned long pages = any_pages();

	CLAIM(model(S4, sound_state(pages), pages).user >= 0);
}

/* refuted: S6 charges a buffer once (its re-map charges again) */
void refute_s6_remap(void)
{
	struct perfmlock_observation obs =
		a_buffer(PERFMLOCK_REMAP, any_pages(), 0);
	struct perfmlock_charge charge;

	perfmlock_model_step(&perfmlock_models[S6], &obs, &charge);
	CLAIM(charge.user == 0);
}

/* refuted: S2 takes back what an AUX area was charged (it forgets U's part) */
void refute_s2_aux(void)
{
	unsigned long pages = any_pages();
	struct perfmlock_state state = sound_state(pages);
	struct perfmlock_charge map = model(S2, state, pages), unmap;
	struct perfmlock_observation obs =
		a_buffer(PERFMLOCK_LAST_UNMAP, pages, map.rec);

	perfmlock_model_step(&perfmlock_models[S2], &obs, &unmap);
	CLAIM(map.user + unmap.user == 0);
}
