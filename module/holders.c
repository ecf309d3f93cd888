// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds a user's pages. There may be very many buffers, so that is for no
 * handler: a worker looks, once for all refusals that it was not looked for yet.
 */
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "internal.h"

/* What a process holds of a user; free where @holder.pid is 0. */
struct holding {
	unsigned int asked;
	const void *mm;
	struct perfmlock_holder holder;
};

/**
 * struct answer - to who is asked for
 * @uid: the user; its row's @asked is the place of this
 * @partial: there was no room for all
 * @mms: of the largest
 * @holders: the largest
 */
struct answer {
	uid_t uid;
	bool partial;
	const void *mms[PERFMLOCK_HOLDERS];
	struct perfmlock_holder holders[PERFMLOCK_HOLDERS];
};

/* Who has more processes than this beside all others is told of no more. */
#define MOST	65536

/**
 * struct look - who was met
 * @answers: from 1 on
 * @nr: how many
 * @table: a hash by user and process
 * @bits: its size
 * @room: entries that may be used still
 */
struct look {
	struct answer answers[PERFMLOCK_HISTORY + 1];
	unsigned int nr;
	struct holding *table;
	unsigned int bits;
	unsigned int room;
};

/* One for each of the user and process, NULL: there is no more room. */
static struct holding *holding_of(struct look *look, unsigned int asked,
				  pid_t pid)
{
	u32 i = hash_32(jhash_2words(asked, pid, 0), look->bits);
	struct holding *holding;

	for (;; i = (i + 1) & (BIT(look->bits) - 1)) {
		holding = &look->table[i];
		if (holding->holder.pid == pid && holding->asked == asked)
			return holding;
		if (!holding->holder.pid)
			break;
	}
	if (!look->room)
		return NULL;
	look->room--;
	holding->asked = asked;
	holding->holder.pid = pid;
	return holding;
}

static void count(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	const struct perfmlock_buffer *buffer = record;
	struct look *look = arg;
	struct holding *holding;
	/* of before the load it is not known how much of it is on the user */
	long pages = buffer->adopted ? buffer->pages : buffer->kernel_user;

	if (!buffer->user->asked || pages <= 0)
		return;
	holding = holding_of(look, buffer->user->asked, buffer->mm->pid);
	if (!holding) {
		look->answers[buffer->user->asked].partial = true;
		return;
	}
	holding->mm = buffer->mm->node.key;
	holding->holder.pages += pages;
	memcpy(holding->holder.comm, buffer->mm->comm, TASK_COMM_LEN);
}

/* The largest first. */
static void insert(struct answer *answer, const struct holding *new)
{
	unsigned int i, at = PERFMLOCK_HOLDERS;

	for (i = PERFMLOCK_HOLDERS;
	     i && answer->holders[i - 1].pages < new->holder.pages; i--)
		at = i - 1;
	if (at == PERFMLOCK_HOLDERS)
		return;
	for (i = PERFMLOCK_HOLDERS - 1; i > at; i--) {
		answer->holders[i] = answer->holders[i - 1];
		answer->mms[i] = answer->mms[i - 1];
	}
	answer->holders[at] = new->holder;
	answer->mms[at] = new->mm;
}

static struct answer *answer_to(struct look *look, uid_t uid)
{
	unsigned int i;

	for (i = 1; i <= look->nr; i++)
		if (look->answers[i].uid == uid)
			return &look->answers[i];
	return NULL;
}

/*
 * The row of a user is marked while it is asked for. It may have gone since, or an
 * older one of the same uid.
 */
static void ask(struct perfmlock_ledger *ledger,
		struct perfmlock_denial *denial, void *arg)
{
	struct look *look = arg;
	struct answer *answer = answer_to(look, denial->actor.uid);
	struct perfmlock_user *user;

	if (!answer) {
		if (look->nr == PERFMLOCK_HISTORY)
			return;
		answer = &look->answers[++look->nr];
		answer->uid = denial->actor.uid;
	}
	user = perfmlock_store_find(&ledger->users, denial->actor.user);
	if (user && user->uid == denial->actor.uid)
		user->asked = answer - look->answers;
}

static void tell(struct perfmlock_ledger *ledger,
		 struct perfmlock_denial *denial, void *arg)
{
	const struct answer *answer = answer_to(arg, denial->actor.uid);

	if (!answer)
		return;
	memcpy(denial->holders, answer->holders, sizeof(denial->holders));
	denial->looked = !answer->partial;
}

/* Each refusal behind @seq, up to @last. */
static void look_at_new(struct perfmlock_ledger *ledger, u64 seq, u64 last,
			void (*look)(struct perfmlock_ledger *ledger,
				     struct perfmlock_denial *denial,
				     void *arg),
			void *arg)
{
	struct perfmlock_denial *denial;
	unsigned long flags;
	unsigned int i;
	u64 at;

	for (i = 0; i < PERFMLOCK_HISTORY; i++) {
		perfmlock_lock(ledger, flags);
		denial = perfmlock_history_at(&ledger->denials, i, &at);
		if (denial && at > seq && at <= last)
			look(ledger, denial, arg);
		perfmlock_unlock(ledger, flags);
	}
}

static void forget(struct perfmlock_ledger *ledger, void *record, void *arg)
{
	((struct perfmlock_user *)record)->asked = 0;
}

/**
 * perfmlock_holders_look() - who holds the pages of those who were refused
 * @ledger: the ledger
 * @seq: the last refusal that it was looked for; result, likewise
 * @state: of the process that has an mm, a letter; 0: it is gone
 *
 * Context: process, may sleep; one caller at a time; takes the lock.
 *
 * Return: false: there is no memory to look with.
 */
bool perfmlock_holders_look(struct perfmlock_ledger *ledger, u64 *seq,
			    char (*state)(pid_t pid, const void *mm))
{
	struct answer *answer;
	struct look *look;
	unsigned int i, j;
	u64 last;

	last = READ_ONCE(ledger->denials.nr);
	/* forgotten meanwhile */
	if (*seq > last)
		*seq = 0;
	if (*seq == last)
		return true;
	look = kvzalloc(sizeof(*look), GFP_KERNEL);
	if (!look)
		return false;
	look->room = clamp_t(unsigned int, READ_ONCE(ledger->buffers.nr), 64,
			     MOST);
	/* half of it stays free */
	look->bits = ilog2(look->room) + 2;
	look->table = kvcalloc(BIT(look->bits), sizeof(*look->table),
			       GFP_KERNEL);
	if (!look->table) {
		kvfree(look);
		return false;
	}
	look_at_new(ledger, *seq, last, ask, look);
	perfmlock_for_all(ledger, &ledger->buffers, count, look);
	perfmlock_for_all(ledger, &ledger->users, forget, NULL);
	for (i = 0; i < BIT(look->bits); i++)
		if (look->table[i].holder.pid)
			insert(&look->answers[look->table[i].asked],
			       &look->table[i]);
	for (i = 1; i <= look->nr; i++) {
		answer = &look->answers[i];
		for (j = 0; j < PERFMLOCK_HOLDERS && answer->holders[j].pid; j++)
			answer->holders[j].state =
				state(answer->holders[j].pid, answer->mms[j]);
	}
	look_at_new(ledger, *seq, last, tell, look);
	kvfree(look->table);
	kvfree(look);
	*seq = last;
	return true;
}
