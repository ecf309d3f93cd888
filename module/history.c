// SPDX-License-Identifier: GPL-2.0
/*
 * The last refusals, and the last drifts: equal ones have one place, and no group
 * of users loses its own to another's.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/**
 * perfmlock_history_init() - an empty history
 * @history: the history
 * @size: of an entry, in bytes
 *
 * Context: process, may sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int perfmlock_history_init(struct perfmlock_history *history, size_t size)
{
	history->size = size;
	history->entries = kvcalloc(PERFMLOCK_HISTORY, size, GFP_KERNEL);
	return history->entries ? 0 : -ENOMEM;
}

static void *entry_at(const struct perfmlock_history *history, unsigned int i)
{
	return history->entries + i * history->size;
}

/* The room of a group, NULL: it has none. */
static struct perfmlock_room *room_of(struct perfmlock_history *history,
				      u64 group)
{
	unsigned int i;

	for (i = 0; i < PERFMLOCK_HISTORY; i++)
		if (history->rooms[i].places && history->rooms[i].group == group)
			return &history->rooms[i];
	return NULL;
}

/* Where all places are taken: the oldest of who has most, or of one's own. */
static unsigned int give_up_place(struct perfmlock_history *history,
				  struct perfmlock_room *own)
{
	struct perfmlock_room *most = own ?: &history->rooms[0];
	unsigned int i, oldest = PERFMLOCK_HISTORY;

	for (i = 0; i < PERFMLOCK_HISTORY; i++)
		if (history->rooms[i].places > most->places)
			most = &history->rooms[i];
	for (i = 0; i < PERFMLOCK_HISTORY; i++) {
		if (&history->rooms[history->past[i].room] != most &&
		    most->places > 1)
			continue;
		/* with one place each, it is the oldest of all */
		if (oldest == PERFMLOCK_HISTORY ||
		    history->past[i].seq < history->past[oldest].seq)
			oldest = i;
	}
	history->rooms[history->past[oldest].room].places--;
	return oldest;
}

/* A place for what nothing is equal to; the group's room has it from now on. */
static unsigned int take_place(struct perfmlock_history *history, u64 group)
{
	struct perfmlock_room *own = room_of(history, group);
	unsigned int i, place = PERFMLOCK_HISTORY;

	for (i = 0; i < PERFMLOCK_HISTORY && place == PERFMLOCK_HISTORY; i++)
		if (!history->past[i].seq)
			place = i;
	if (place == PERFMLOCK_HISTORY)
		place = give_up_place(history, own);
	for (i = 0; i < PERFMLOCK_HISTORY && (!own || !own->places); i++) {
		if (history->rooms[i].places)
			continue;
		own = &history->rooms[i];
		own->group = group;
		break;
	}
	own->places++;
	history->past[place].room = own - history->rooms;
	history->past[place].times = 0;
	history->past[place].told = 0;
	return place;
}

/**
 * perfmlock_history_add() - keep an entry
 * @history: the history
 * @group: whose it is, as of struct perfmlock_actor
 * @key: hash of what makes entries equal
 * @entry: the entry, @history->size bytes
 * @equal: are two of the same key equal
 * @keep: what the new one of two equal ones has of the old one; or NULL
 *
 * It takes the place of the one that it is equal to, or one of its own. The newest
 * of equal ones is kept, and where it stands in time is its.
 *
 * Context: any; the lock is held.
 */
void perfmlock_history_add(struct perfmlock_history *history, u64 group,
			   u32 key, void *entry,
			   bool (*equal)(const void *a, const void *b),
			   void (*keep)(void *entry, const void *old))
{
	const struct perfmlock_past *past;
	unsigned int i;

	for (i = 0; i < PERFMLOCK_HISTORY; i++) {
		past = &history->past[i];
		if (past->seq && past->key == key &&
		    history->rooms[past->room].group == group &&
		    equal(entry_at(history, i), entry))
			break;
	}
	if (i == PERFMLOCK_HISTORY)
		i = take_place(history, group);
	else if (keep)
		keep(entry, entry_at(history, i));
	memcpy(entry_at(history, i), entry, history->size);
	history->past[i].key = key;
	if (!history->past[i].times)
		history->past[i].born = history->nr + 1;
	history->past[i].seq = ++history->nr;
	history->past[i].times++;
}

/**
 * perfmlock_history_next() - the entry behind a place in time
 * @history: the history
 * @seq: serial number to go on from; result, of the entry
 * @entry: result, @history->size bytes
 * @times: result: how many equal ones there were
 *
 * Context: any; the lock is held.
 *
 * Return: false: there is none.
 */
bool perfmlock_history_next(const struct perfmlock_history *history, u64 *seq,
			    void *entry, u64 *times)
{
	unsigned int i, next = PERFMLOCK_HISTORY;
	u64 at;

	/* forgotten meanwhile */
	if (*seq > history->nr)
		*seq = 0;
	for (i = 0; i < PERFMLOCK_HISTORY; i++) {
		at = history->past[i].seq;
		if (at > *seq && (next == PERFMLOCK_HISTORY ||
				  at < history->past[next].seq))
			next = i;
	}
	if (next == PERFMLOCK_HISTORY)
		return false;
	*seq = history->past[next].seq;
	*times = history->past[next].times;
	memcpy(entry, entry_at(history, next), history->size);
	return true;
}

/**
 * perfmlock_history_read() - the next entry for one reader
 * @history: the history
 * @epoch: the ledger's now
 * @reading: the reader's
 * @seq: result, of the entry
 * @entry: result, @history->size bytes
 * @times: result: how many equal ones there were
 *
 * Each that there was when the reading began, once, as it is now and in the order of
 * its newest: who makes his own go on to newer places neither keeps the reader nor
 * hides from him. A reset ends it.
 *
 * Context: any; the lock is held.
 *
 * Return: false: there is none.
 */
bool perfmlock_history_read(const struct perfmlock_history *history,
			    unsigned int epoch,
			    struct perfmlock_reading *reading, u64 *seq,
			    void *entry, u64 *times)
{
	const struct perfmlock_past *past = history->past;
	unsigned int i, next = PERFMLOCK_HISTORY;

	if (!reading->begun) {
		reading->begun = true;
		reading->last = history->nr;
		reading->epoch = epoch;
		bitmap_zero(reading->shown, PERFMLOCK_HISTORY);
	}
	if (reading->epoch != epoch)
		return false;
	for (i = 0; i < PERFMLOCK_HISTORY; i++)
		if (past[i].seq && past[i].born <= reading->last &&
		    !test_bit(i, reading->shown) &&
		    (next == PERFMLOCK_HISTORY || past[i].seq < past[next].seq))
			next = i;
	if (next == PERFMLOCK_HISTORY)
		return false;
	__set_bit(next, reading->shown);
	*seq = past[next].seq;
	*times = past[next].times;
	memcpy(entry, entry_at(history, next), history->size);
	return true;
}

/**
 * perfmlock_history_untold() - equal ones that were not asked for by this yet
 * @history: the history
 * @seq: serial number of the entry
 *
 * For one who asks, and never again for the same ones.
 *
 * Context: any; the lock is held.
 *
 * Return: how many; 0: there is no such entry.
 */
u64 perfmlock_history_untold(struct perfmlock_history *history, u64 seq)
{
	struct perfmlock_past *past = history->past;
	u64 untold;

	for (; past < history->past + PERFMLOCK_HISTORY; past++) {
		if (past->seq != seq)
			continue;
		untold = past->times - past->told;
		past->told = past->times;
		return untold;
	}
	return 0;
}

/**
 * perfmlock_history_at() - an entry where it stands
 * @history: the history
 * @place: which place, below PERFMLOCK_HISTORY
 * @seq: result: its serial number
 *
 * Context: any; the lock is held.
 *
 * Return: the entry; NULL: the place is free.
 */
void *perfmlock_history_at(const struct perfmlock_history *history,
			   unsigned int place, u64 *seq)
{
	*seq = history->past[place].seq;
	return *seq ? entry_at(history, place) : NULL;
}

/**
 * perfmlock_history_forget() - all entries
 * @history: the history
 *
 * Context: any; the lock is held.
 */
void perfmlock_history_forget(struct perfmlock_history *history)
{
	history->nr = 0;
	memset(history->past, 0, sizeof(history->past));
	memset(history->rooms, 0, sizeof(history->rooms));
}
