// SPDX-License-Identifier: GPL-2.0
/* The ledger's rows: whom they hold, when they end, and when memory runs out. */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../module/internal.h"
#include "fixture.h"

static void empty_books_know_nobody(struct kunit *test)
{
	struct fx *fx = test->priv;

	KUNIT_EXPECT_NULL(test, fx_user_row(fx, &fx->users[0]));
	KUNIT_EXPECT_NULL(test, fx_mm_row(fx, &fx->mms[0]));
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.next_id, 1);
	KUNIT_EXPECT_STREQ(test, perfmlock_models[fx->ledger.model].name, "S5");
	FX_EXPECT_TOTALS(fx);
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->holds, 0);
}

static void rows_are_opened_by_the_first_map(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 1, 33);
	const struct perfmlock_buffer *buffer;
	const struct perfmlock_mm *mm;

	fx->events[1].about.type = 6;
	fx_map(fx, &ring, 33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->uid, 1000);
	mm = fx_mm_row(fx, &fx->mms[0]);
	KUNIT_EXPECT_EQ(test, mm->uid, 1000);
	KUNIT_EXPECT_EQ(test, mm->pid, 100);
	KUNIT_EXPECT_EQ(test, mm->rlimit, 1000);
	KUNIT_EXPECT_STREQ(test, mm->comm, "a");

	buffer = fx_buffer(fx, ring.event->rb);
	FX_EXPECT_BUFFER(fx, buffer, .pages = 33, .maps = 1, .kernel_user = 33,
			 .correct_user = 33);
	KUNIT_EXPECT_EQ(test, buffer->id, 1);
	KUNIT_EXPECT_EQ(test, buffer->pid, 100);
	KUNIT_EXPECT_STREQ(test, buffer->comm, "a");
	KUNIT_EXPECT_EQ(test, buffer->event.cpu, 1);
	KUNIT_EXPECT_EQ(test, buffer->event.type, 6);
	KUNIT_EXPECT_EQ(test, buffer->event.config, 1);
}

/* Programs change their name, and their rlimit. */
static void an_mm_goes_by_its_last_map(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 0, 1, 33);

	fx_map(fx, &a, 33, 0);
	fx->processes[0].comm = "renamed";
	fx->processes[0].rlimit = 5;
	fx_map(fx, &b, 33, 0);
	KUNIT_EXPECT_STREQ(test, fx_mm_row(fx, &fx->mms[0])->comm, "renamed");
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->rlimit, 5);
	KUNIT_EXPECT_STREQ(test, fx_buffer(fx, a.event->rb)->comm, "a");
	KUNIT_EXPECT_STREQ(test, fx_buffer(fx, b.event->rb)->comm, "renamed");
}

static void each_row_holds_its_key_once(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 3), a2 = fx_ring(fx, 0, 1, 3);
	struct fx_vma b = fx_ring(fx, 1, 2, 3), c = fx_ring(fx, 2, 3, 3);

	fx_map(fx, &a, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->holds, 2);
	fx_map(fx, &a2, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->holds, 2);
	/* another process of the user, then another user */
	fx_map(fx, &b, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->holds, 3);
	fx_map(fx, &c, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->holds, 5);
	KUNIT_EXPECT_EQ(test, fx->users[0].held, 1);
	KUNIT_EXPECT_EQ(test, fx->mms[1].held, 1);
	fx_unmap(fx, &a, -3, 0);
	KUNIT_EXPECT_EQ(test, fx->drops, 0);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, c.event->rb)->id, 4);
}

static void who_lives_keeps_an_empty_row(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_map(fx, &ring, 33, 0);
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->drops, 0);
}

static void exited_mm_stays_until_its_buffers_are_gone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), other = ring;

	fx_map(fx, &ring, 100, 33);
	/* it has handed the event to another process before it exits */
	other.of = &fx->processes[1];
	fx_map(fx, &other, 0, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx->mms[0].gone = true;
	perfmlock_ledger_reap(&fx->ledger);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->drops, 0);

	fx_unmap(fx, &other, -100, -33);
	KUNIT_EXPECT_NOT_NULL(test, fx_mm_row(fx, &fx->mms[0]));
	perfmlock_ledger_reap(&fx->ledger);
	KUNIT_EXPECT_NULL(test, fx_mm_row(fx, &fx->mms[0]));
	KUNIT_EXPECT_NOT_NULL(test, fx_mm_row(fx, &fx->mms[1]));
	KUNIT_EXPECT_EQ(test, fx->mms[0].held, 0);
	KUNIT_EXPECT_EQ(test, fx->drops, 1);
	perfmlock_ledger_reap(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx->drops, 1);
}

static void a_user_lets_go_when_ours_is_the_last_reference(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_map(fx, &ring, 33, 0);
	fx->users[0].gone = true;
	/* a buffer is not waited for: its close will call again */
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);

	fx->users[0].gone = false;
	fx_unmap(fx, &ring, -33, 0);
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->drops, 0);

	/* the process is another matter */
	fx->users[0].gone = true;
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_NULL(test, fx_user_row(fx, &fx->users[0]));
	KUNIT_EXPECT_EQ(test, fx->users[0].held, 0);
	KUNIT_EXPECT_EQ(test, fx->drops, 1);
	KUNIT_EXPECT_EQ(test, fx->mms[0].held, 1);
	fx->mms[0].gone = true;
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->drops, 2);
}

/* root's user_struct is a static object. */
static void the_end_of_root_is_not_waited_for(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 3, 0, 3);

	fx_map(fx, &ring, 3, 0);
	fx_unmap(fx, &ring, -3, 0);
	fx->mms[3].gone = true;
	/* not even looked at */
	fx->users[2].gone = true;
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	FX_EXPECT_USER(fx, 2, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->users[2].held, 1);
}

static void a_user_with_a_call_under_way_stays(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	struct fx_call call = fx_begin_map(fx, &ring);

	fx->users[0].gone = true;
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_NOT_NULL(test, fx_user_row(fx, &fx->users[0]));
	fx_end_map(fx, &call, -ENOMEM);
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_NULL(test, fx_user_row(fx, &fx->users[0]));
}

static void all_that_are_gone_are_reaped_at_once(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring;
	unsigned int i;

	for (i = 0; i < FX_PROCESSES; i++) {
		ring = fx_ring(fx, i, i, 3);
		fx_map(fx, &ring, 3, 0);
		fx_unmap(fx, &ring, -3, 0);
		ring.of->mm->gone = true;
		ring.of->user->gone = true;
	}
	fx->mms[2].gone = false;
	fx->users[1].gone = false;
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	/* root's is not looked at */
	KUNIT_EXPECT_EQ(test, fx->ledger.users.nr, 2);
	KUNIT_EXPECT_EQ(test, fx->ledger.mms.nr, 1);
	KUNIT_EXPECT_NOT_NULL(test, fx_user_row(fx, &fx->users[1]));
	KUNIT_EXPECT_NOT_NULL(test, fx_mm_row(fx, &fx->mms[2]));
	KUNIT_EXPECT_EQ(test, fx->drops, 4);
}

/* Of 100 users with a process each, some live, some have a buffer. */
static void rows_are_reaped_however_many_there_are(struct kunit *test)
{
	const unsigned int nr = 3 * PERFMLOCK_BATCH + 4;
	struct fx *fx = test->priv;
	struct many {
		struct fx_user user;
		struct fx_mm mm;
		struct fx_process process;
		struct fx_event event;
		struct fx_vma ring;
	} *many;
	unsigned int i;

	many = kunit_kcalloc(test, nr, sizeof(*many), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, many);
	for (i = 0; i < nr; i++) {
		many[i].user.uid = 2000 + i;
		many[i].process = fx->processes[0];
		many[i].process.user = &many[i].user;
		many[i].process.mm = &many[i].mm;
		many[i].ring = fx_ring(fx, 0, 0, 1);
		many[i].ring.of = &many[i].process;
		many[i].ring.event = &many[i].event;
		if (i % PERFMLOCK_BATCH == PERFMLOCK_BATCH - 1)
			KUNIT_ASSERT_EQ(test, perfmlock_ledger_fill(&fx->ledger),
					0);
		fx_map(fx, &many[i].ring, 1, 0);
		/* the first ten keep theirs */
		if (i >= 10)
			fx_unmap(fx, &many[i].ring, -1, 0);
		many[i].user.gone = i < 95;
		many[i].mm.gone = i < 97;
	}
	KUNIT_EXPECT_EQ(test, fx->ledger.users.nr, 100);
	KUNIT_EXPECT_EQ(test, fx->ledger.mms.nr, 100);
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->ledger.users.nr, 10 + 5);
	KUNIT_EXPECT_EQ(test, fx->ledger.mms.nr, 10 + 3);
	KUNIT_EXPECT_EQ(test, fx->drops, 85 + 87);
	fx_check(fx, FX_HERE);
	for (i = 0; i < nr; i++) {
		KUNIT_EXPECT_EQ(test, many[i].user.held, i < 10 || i >= 95);
		KUNIT_EXPECT_EQ(test, many[i].mm.held, i < 10 || i >= 97);
		many[i].user.gone = true;
		many[i].mm.gone = true;
	}
	/* who has buffers is not waited for: their end will say so */
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->ledger.users.nr, 10);
	KUNIT_EXPECT_EQ(test, fx->ledger.mms.nr, 10);
	for (i = 0; i < 10; i++)
		fx_unmap(fx, &many[i].ring, -1, 0);
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->ledger.users.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.mms.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->drops, 200);
}

/* Of two that map an event at once the first to return gives up the buffer. */
static void who_was_taken_over_from_is_reaped(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 133), c = fx_ring(fx, 2, 0, 133);
	struct fx_call of_a, of_c;

	of_a = fx_begin_map(fx, &a);
	of_c = fx_begin_map(fx, &c);
	fx_kernel_maps(fx, &a, 100, 33);
	fx_kernel_maps(fx, &c, 0, 0);
	/* c's user may have been charged for it, as long as a is under way */
	fx_end_map(fx, &of_c, 0);
	perfmlock_ledger_reap(&fx->ledger);
	fx_end_map(fx, &of_a, 0);
	fx->users[1].gone = true;
	fx->mms[2].gone = true;
	perfmlock_ledger_reap(&fx->ledger);
	KUNIT_EXPECT_NULL(test, fx_user_row(fx, &fx->users[1]));
	KUNIT_EXPECT_NULL(test, fx_mm_row(fx, &fx->mms[2]));
	FX_EXPECT_USER(fx, 0, .kernel = 100, .correct = 100, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
}

static void the_owner_is_told_of_rows_without_buffers(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 3), again = fx_ring(fx, 0, 1, 3);
	struct fx_vma of_root = fx_ring(fx, 3, 2, 3);

	/* the user's and the mm's */
	fx_map(fx, &ring, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->idle, 2);
	fx_unmap(fx, &ring, -3, 0);
	fx_map(fx, &ring, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->idle, 2);
	KUNIT_EXPECT_FALSE(test, perfmlock_ledger_reap(&fx->ledger));
	fx_map(fx, &again, 3, 0);
	fx_unmap(fx, &ring, -3, 0);
	KUNIT_EXPECT_EQ(test, fx->idle, 2);
	fx_unmap(fx, &again, -3, 0);
	KUNIT_EXPECT_EQ(test, fx->idle, 4);
	/* of root there is the mm alone */
	fx_map(fx, &of_root, 3, 0);
	KUNIT_EXPECT_EQ(test, fx->idle, 5);
	fx_unmap(fx, &of_root, -3, 0);
	KUNIT_EXPECT_TRUE(test, perfmlock_ledger_reap(&fx->ledger));
	KUNIT_EXPECT_EQ(test, fx->idle, 5);
}

/* A leak of 33 pages is left behind with the old user_struct. */
static void a_new_user_of_the_same_uid_starts_new_books(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &ring, 33, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);

	fx->users[1].uid = 1000;
	fx->processes[0].user = &fx->users[1];
	fx_map(fx, &ring, 33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[1])->uid, 1000);
}

static void a_key_used_again_after_its_end_starts_new_books(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), again;

	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &ring, 133, 0);
	fx_unmap(fx, &ring, 0, 0);
	fx_unmap(fx, &ring, -100, 0);
	fx_fail(fx, &ring, -EPERM, 0, 0);
	fx->users[0].gone = true;
	fx->mms[0].gone = true;
	perfmlock_ledger_reap(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx->drops, 2);

	/* the addresses come back as other ones' */
	fx->users[0] = (struct fx_user) { .uid = 7 };
	fx->mms[0] = (struct fx_mm) {};
	fx->processes[0].pid = 777;
	fx->processes[0].comm = "new";
	again = fx_ring(fx, 0, 1, 3);
	fx_map(fx, &again, 3, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 3, .correct = 3, .buffers = 1);
	FX_EXPECT_MM(fx, 0, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->uid, 7);
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->pid, 777);
	KUNIT_EXPECT_STREQ(test, fx_mm_row(fx, &fx->mms[0])->comm, "new");
}

static void a_buffer_used_again_after_its_end_is_a_new_one(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), again = fx_ring(fx, 1, 1, 3);
	const void *rb;

	fx_map(fx, &ring, 100, 33);
	rb = ring.event->rb;
	fx_unmap(fx, &ring, -100, -33);
	KUNIT_EXPECT_NULL(test, fx_buffer(fx, rb));
	again.event->next_rb = rb;
	fx_map(fx, &again, 3, 0);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, rb), .pages = 3, .maps = 1,
			 .kernel_user = 3, .correct_user = 3, .pid = 101);
	KUNIT_EXPECT_EQ(test, fx_buffer(fx, rb)->id, 2);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .closes = 1);
}

/* No probe missed anything, so the kernel did nothing at its end. */
/*
 * The kernel frees a buffer before perf_mmap_close() returns: another mmap may
 * get the address, and return first.
 */
static void a_buffer_used_again_before_its_close_returns(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma old = fx_ring(fx, 0, 0, 129), new = fx_ring(fx, 2, 1, 33);
	struct fx_call close;

	fx_map(fx, &old, 100, 29);
	close = fx_begin_unmap(fx, &old);
	fx->events[1].next_rb = fx->events[0].rb;
	fx_kernel_unmaps(&old, -100, -29);
	fx_map(fx, &new, 33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 100, .correct = 100, .buffers = 1);
	fx_end_unmap(fx, &close);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.stale, 0);
	fx_unmap(fx, &new, -33, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 1, .kernel = 0);
}

/* The same of one user, whose part is inferred then; and twice in a row. */
static void an_address_used_again_and_again(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring[3] = { fx_ring(fx, 0, 0, 33), fx_ring(fx, 1, 1, 17),
				  fx_ring(fx, 0, 2, 9) };
	struct fx_call close[2];

	fx_map(fx, &ring[0], 33, 0);
	close[0] = fx_begin_unmap(fx, &ring[0]);
	fx->events[1].next_rb = fx->events[0].rb;
	fx_kernel_unmaps(&ring[0], -33, 0);
	fx_map(fx, &ring[1], 17, 0);
	close[1] = fx_begin_unmap(fx, &ring[1]);
	fx->events[2].next_rb = fx->events[1].rb;
	fx_kernel_unmaps(&ring[1], -17, 0);
	fx_map(fx, &ring[2], 9, 0);
	fx_end_unmap(fx, &close[1]);
	fx_end_unmap(fx, &close[0]);
	FX_EXPECT_USER(fx, 0, .kernel = 9, .correct = 9, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
	fx_unmap(fx, &ring[2], -9, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.unknown_closes, 0);
}

/* Nobody says that a probe was missed, but here is one that was. */
static void a_buffer_used_again_whose_end_was_not_seen_is_stale(struct kunit *test)
{
	static const struct fx_vma *const nothing[] = { NULL };
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), again = fx_ring(fx, 2, 1, 3);
	struct fx_vma next = fx_ring(fx, 0, 2, 33);
	const void *rb;

	fx_map(fx, &ring, 100, 33);
	rb = ring.event->rb;
	/* what it left behind is foreign: no cause is named */
	fx_kernel_unmaps(&ring, 0, 0);
	again.event->next_rb = rb;
	fx_map(fx, &again, 3, 0);
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->unseen, 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .stale = 1);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 3, .correct = 3, .buffers = 1);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, rb), .pages = 3, .maps = 1,
			 .kernel_user = 3, .correct_user = 3, .pid = 102);
	fx_unmap(fx, &again, -3, 0);
	fx_sweep(fx, nothing);
	fx_map(fx, &next, 0, 33);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, next.event->rb), .pages = 33,
			 .maps = 1, .kernel_mm = 33, .correct_mm = 33);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
}

static void a_buffer_used_again_whose_end_was_missed_is_stale(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), again = fx_ring(fx, 2, 1, 3);
	const void *rb;

	fx_map(fx, &ring, 100, 33);
	rb = ring.event->rb;
	fx_kernel_unmaps(&ring, -100, -33);
	fx_missed(fx);
	again.event->next_rb = rb;
	fx_map(fx, &again, 3, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .overlaps = 1, .stale = 1);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	FX_EXPECT_USER(fx, 1, .kernel = 3, .correct = 3, .buffers = 1);
}

/* Whatever was counted: no row is left with a pointer to one that is gone. */
static void no_aux_area_outlives_its_data(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	unsigned long flags;

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 64, 0);
	perfmlock_lock(&fx->ledger, flags);
	perfmlock_buffer_drop(&fx->ledger, fx_buffer(fx, ring.event->rb));
	perfmlock_unlock(&fx->ledger, flags);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 97);
}

static void a_stale_buffer_takes_its_aux_area_along(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 1, 0, 128);
	struct fx_vma again = fx_ring(fx, 2, 1, 3);

	fx_map(fx, &ring, 33, 0);
	fx_map(fx, &area, 67, 61);
	again.event->next_rb = ring.event->rb;
	fx_kernel_unmaps(&area, -67, -61);
	fx_kernel_unmaps(&ring, -33, 0);
	fx_missed(fx);
	fx_map(fx, &again, 3, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 3, .overlaps = 1, .stale = 2);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 1);
}

/* Mapped before the load, and the load's walk did not see it either. */
static void a_close_that_was_never_opened_is_counted_alone(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_unmap(fx, &ring, -33, 0);
	FX_EXPECT_TOTALS(fx, .unknown_closes = 1);
	KUNIT_EXPECT_EQ(test, fx->holds, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 0);
}

static void an_open_of_an_unknown_buffer_is_nothing(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);

	fx_kernel_maps(fx, &ring, 33, 0);
	fx_open(fx, &ring);
	FX_EXPECT_TOTALS(fx);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
}

static void the_end_of_an_adopted_buffer_is_of_the_foreign_pages(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133);
	const struct fx_vma *const met[] = { &ring, NULL };

	fx_kernel_maps(fx, &ring, 100, 33);
	fx_sweep(fx, met);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 133,
			 .maps = 1, .adopted = true, .pid = 100);
	FX_EXPECT_USER(fx, 0, .buffers = 1);
	KUNIT_EXPECT_STREQ(test, fx_mm_row(fx, &fx->mms[0])->comm, "a");
	KUNIT_EXPECT_EQ(test, fx_mm_row(fx, &fx->mms[0])->uid, 1000);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 1);
	fx_unmap(fx, &ring, -100, -33);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .closes = 1);
}

/*
 * Memory that runs out
 */

struct shortage {
	const char *name;
	size_t store;		/* where in the ledger */
	long pages;		/* over the limit of 100: goes the general way */
	bool unseen;		/* whose call it is, no row tells */
};

static const struct shortage shortages[] = {
	{ "users", offsetof(struct perfmlock_ledger, users), 33, true },
	{ "mms", offsetof(struct perfmlock_ledger, mms), 33 },
	{ "mms, the general way", offsetof(struct perfmlock_ledger, mms), 133 },
	{ "buffers", offsetof(struct perfmlock_ledger, buffers), 33 },
	{ "buffers, the general way",
	  offsetof(struct perfmlock_ledger, buffers), 133 },
};

static void shortage_name(const struct shortage *shortage, char *name)
{
	strscpy(name, shortage->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(shortage, shortages, shortage_name);

static void without_memory_a_map_is_counted_and_not_booked(struct kunit *test)
{
	const struct shortage *shortage = test->param_value;
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, shortage->pages);
	struct fx_vma next = fx_ring(fx, 0, 1, 80);
	long mm = shortage->pages > 100 ? shortage->pages - 100 : 0;

	fx_starve(fx, (void *)&fx->ledger + shortage->store, 0);
	fx_map(fx, &ring, shortage->pages - mm, mm);
	FX_EXPECT_TOTALS(fx, .pool_empty = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 0);
	KUNIT_EXPECT_GE(test, fx->low, 1);
	KUNIT_EXPECT_EQ(test, fx->unseen, shortage->unseen);
	KUNIT_EXPECT_EQ(test, fx->ledger.careful, shortage->unseen);

	/* its pages are foreign now: 80 more go where they fit */
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	if (mm) {
		fx_map(fx, &next, 0, 80);
		FX_EXPECT_BUFFER(fx, fx_buffer(fx, next.event->rb), .pages = 80,
				 .maps = 1, .kernel_mm = 80, .correct_mm = 80);
		fx_unmap(fx, &next, 0, -80);
	} else {
		fx_map(fx, &next, 67, 13);
		FX_EXPECT_BUFFER(fx, fx_buffer(fx, next.event->rb), .pages = 80,
				 .maps = 1, .kernel_user = 67, .kernel_mm = 13,
				 .correct_user = 67, .correct_mm = 13);
		fx_unmap(fx, &next, -67, -13);
	}
	fx_unmap(fx, &ring, mm - shortage->pages, -mm);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.overlaps,
			shortage->unseen ? 2 : 0);
	fx->ledger.totals.overlaps = 0;
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .closes = 1, .pool_empty = 1,
			 .unknown_closes = 1);
}

static void a_refusal_without_memory_for_its_mm_is_remembered(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 1129);

	fx_starve(fx, &fx->ledger.mms, 0);
	fx_fail(fx, &ring, -EPERM, 0, 0);
	FX_EXPECT_TOTALS(fx, .pool_empty = 1, .denied = 1);
	FX_EXPECT_USER(fx, 0, .counts.denied = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 1);
}

static void what_a_failed_map_left_needs_a_row(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133);

	fx_starve(fx, &fx->ledger.mms, 0);
	fx_fail(fx, &ring, -EINVAL, 100, 33);
	FX_EXPECT_TOTALS(fx, .failed = 1, .pool_empty = 1);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
}

/* The closer has no row: its M is not booked, and its buffer ends. */
static void a_close_by_a_process_without_a_row_ends_the_buffer(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), other = ring;

	other.of = &fx->processes[1];
	fx_map(fx, &ring, 100, 33);
	fx_open(fx, &other);
	fx_unmap(fx, &ring, 0, 0);
	fx_starve(fx, &fx->ledger.mms, 0);
	fx_unmap(fx, &other, -100, -33);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	FX_EXPECT_MM(fx, 0, .kernel = 33, .cause = PERFMLOCK_WRONG_MM);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 1, .opens = 1, .closes = 2, .drifts = 1,
			 .pool_empty = 1);
}

static void a_walk_without_memory_says_so(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);

	fx_kernel_maps(fx, &ring, 33, 0);
	/* data and AUX area may be met at once: room for two is asked for */
	fx_starve(fx, &fx->ledger.buffers, 1);
	KUNIT_EXPECT_FALSE(test, fx_meet(fx, &ring));
	KUNIT_EXPECT_FALSE(test, fx_meet(fx, &area));
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	fx_starve(fx, &fx->ledger.users, 0);
	KUNIT_EXPECT_FALSE(test, fx_meet(fx, &ring));
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	fx_starve(fx, &fx->ledger.mms, 0);
	KUNIT_EXPECT_FALSE(test, fx_meet(fx, &ring));
	FX_EXPECT_TOTALS(fx);
	KUNIT_EXPECT_EQ(test, fx->holds, 0);
	KUNIT_EXPECT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
	fx_starve(fx, &fx->ledger.buffers, 2);
	fx_starve(fx, &fx->ledger.users, 1);
	fx_starve(fx, &fx->ledger.mms, 1);
	KUNIT_EXPECT_TRUE(test, fx_meet(fx, &area));
	KUNIT_EXPECT_EQ(test, fx->ledger.adopted, 2);
}

/* No worker comes: what does not fit into the reserve is not booked. */
static void mappings_beyond_the_reserve_are_counted(struct kunit *test)
{
	const unsigned int nr = 3000;
	struct fx *fx = test->priv;
	unsigned int i, ready = fx->ledger.buffers.nr_free;
	struct fx_event *events;
	struct fx_vma ring;

	KUNIT_ASSERT_LT(test, ready, nr);
	events = kvcalloc(nr, sizeof(*events), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, events);
	fx->unchecked = true;
	fx->limit = nr;
	ring = fx_ring(fx, 0, 0, 1);
	for (i = 0; i < nr; i++) {
		ring.event = &events[i];
		fx_map(fx, &ring, 1, 0);
	}
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, ready);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.mmaps, ready);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.pool_empty, nr - ready);
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.kernel,
			ready);
	for (i = 0; i < nr; i++) {
		ring.event = &events[i];
		fx_unmap(fx, &ring, -1, 0);
	}
	fx->unchecked = false;
	fx_check(fx, FX_HERE);
	FX_EXPECT_USER(fx, 0, .kernel = 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.closes, ready);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.unknown_closes, nr - ready);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	kvfree(events);
}

static void the_owner_is_told_when_memory_runs_low(struct kunit *test)
{
	struct perfmlock_store *stores[3];
	struct fx *fx = test->priv;
	struct fx_vma ring;
	unsigned int i;

	stores[0] = &fx->ledger.users;
	stores[1] = &fx->ledger.mms;
	stores[2] = &fx->ledger.buffers;
	for (i = 0; i < 3; i++) {
		ring = fx_ring(fx, i + 1, i, 3);
		fx->low = 0;
		KUNIT_ASSERT_EQ(test, perfmlock_ledger_fill(&fx->ledger), 0);
		fx_starve(fx, stores[i], stores[i]->low_water + 1);
		fx_map(fx, &ring, 3, 0);
		KUNIT_EXPECT_EQ(test, fx->low, 0);
		fx_unmap(fx, &ring, -3, 0);
		ring.of->user->gone = true;
		ring.of->mm->gone = true;
		perfmlock_ledger_reap(&fx->ledger);

		fx_starve(fx, stores[i], stores[i]->low_water);
		fx_map(fx, &ring, 3, 0);
		KUNIT_EXPECT_EQ(test, fx->low, 1);
		/* and again, until it is filled */
		fx_unmap(fx, &ring, -3, 0);
		KUNIT_EXPECT_EQ(test, fx->low, 2);
	}
}

static void calls_beyond_the_room_are_counted_and_disturb_the_others(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), b = fx_ring(fx, 2, 1, 33);
	struct fx_vma c = fx_ring(fx, 1, 2, 33);
	struct fx_call of_a, of_b, of_c;

	fx_narrow(fx, 2);
	of_a = fx_begin_map(fx, &a);
	of_b = fx_begin_map(fx, &b);
	KUNIT_ASSERT_NOT_NULL(test, of_a.call);
	KUNIT_ASSERT_NOT_NULL(test, of_b.call);
	KUNIT_EXPECT_PTR_NE(test, of_a.call, of_b.call);
	KUNIT_EXPECT_FALSE(test, fx->ledger.careful);
	of_c = fx_begin_map(fx, &c);
	KUNIT_EXPECT_NULL(test, of_c.call);
	KUNIT_EXPECT_TRUE(test, fx->ledger.careful);
	KUNIT_EXPECT_EQ(test, fx->unseen, 1);

	fx_kernel_maps(fx, &c, 33, 0);
	fx_kernel_maps(fx, &a, 33, 0);
	fx_kernel_maps(fx, &b, 33, 0);
	fx_end_map(fx, &of_a, 0);
	fx_end_map(fx, &of_b, 0);
	/* U rose by 66 beside a's call: its own part is inferred */
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_USER(fx, 1, .kernel = 33, .correct = 33, .buffers = 1);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .overlaps = 2, .calls_full = 1);
	fx_unmap(fx, &c, -33, 0);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .overlaps = 2, .calls_full = 1,
			 .unknown_closes = 1);
}

static void a_place_serves_again_after_its_call(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 3), b = fx_ring(fx, 2, 1, 3);
	struct fx_call of_a = fx_begin_map(fx, &a), of_b = fx_begin_map(fx, &b);
	const struct perfmlock_call *first = of_a.call;

	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 2);
	fx_end_map(fx, &of_a, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 1);
	of_a = fx_begin_map(fx, &a);
	KUNIT_EXPECT_PTR_EQ(test, (const struct perfmlock_call *)of_a.call,
			    first);
	fx_end_map(fx, &of_b, -ENOMEM);
	fx_end_map(fx, &of_a, -ENOMEM);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 0);
	FX_EXPECT_TOTALS(fx, .failed = 3);
}

/*
 * Reset, init and destroy
 */

static void reset_forgets_what_happened_and_keeps_what_is(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 133), big = fx_ring(fx, 0, 1, 1129);
	struct fx_vma next = fx_ring(fx, 0, 2, 1129);

	fx_map(fx, &ring, 100, 33);
	fx_map(fx, &ring, 133, 0);
	fx_fail(fx, &big, -EPERM, 0, 0);
	big.pages = 1033;
	fx->exempt = true;
	fx_map(fx, &big, 0, 1033);
	FX_EXPECT_TOTALS(fx, .mmaps = 2, .remaps = 1, .denied = 1, .drifts = 1,
			 .privileged = 1);
	FX_EXPECT_USER(fx, 0, .kernel = 233, .correct = 100, .buffers = 2,
		       .cause = PERFMLOCK_REMAP_CHARGE, .counts.privileged = 1,
		       .counts.denied = 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 1);
	KUNIT_EXPECT_EQ(test, fx->ledger.drifts.nr, 1);

	/* a wrong denial would be of damaged counters */
	fx_user_row(fx, &fx->users[0])->books.counts.wrongly_denied = 1;
	fx_mm_row(fx, &fx->mms[0])->books.counts.wrongly_denied = 1;
	perfmlock_ledger_reset(&fx->ledger);
	/* of rows there may be any number: they are left as they are */
	KUNIT_EXPECT_EQ(test, fx_user_row(fx, &fx->users[0])->books.counts.denied,
			1);
	FX_EXPECT_TOTALS(fx);
	KUNIT_EXPECT_EQ(test, fx->ledger.denials.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.drifts.nr, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 233, .correct = 100, .buffers = 2,
		       .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_MM(fx, 0, .kernel = 1066, .correct = 1066, .buffers = 2,
		     .cause = PERFMLOCK_REMAP_CHARGE);
	FX_EXPECT_BUFFER(fx, fx_buffer(fx, ring.event->rb), .pages = 133,
			 .maps = 2, .kernel_user = 233, .kernel_mm = 33,
			 .correct_user = 100, .correct_mm = 33);
	/* the kernel is known to charge re-maps */
	KUNIT_EXPECT_STREQ(test, perfmlock_models[fx->ledger.model].name, "S6");

	fx->exempt = false;
	fx_fail(fx, &next, -EPERM, 0, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 233, .correct = 100, .buffers = 2,
		       .cause = PERFMLOCK_REMAP_CHARGE, .counts.denied = 1);
	FX_EXPECT_MM(fx, 0, .kernel = 1066, .correct = 1066, .buffers = 2,
		     .cause = PERFMLOCK_REMAP_CHARGE, .counts.denied = 1);
	fx_unmap(fx, &ring, 0, 0);
	FX_EXPECT_TOTALS(fx, .denied = 1, .closes = 1);
	fx_unmap(fx, &ring, -100, -33);
	fx_unmap(fx, &big, 0, -1033);
	FX_EXPECT_USER(fx, 0, .kernel = 133, .cause = PERFMLOCK_REMAP_CHARGE,
		       .counts.denied = 1);
	FX_EXPECT_MM(fx, 0, .kernel = 0, .cause = PERFMLOCK_REMAP_CHARGE,
		     .counts.denied = 1);
}

static void destroy_lets_go_of_all_whatever_is_live(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma a = fx_ring(fx, 0, 0, 33), area = fx_aux(fx, 0, 0, 64);
	struct fx_vma c = fx_ring(fx, 2, 1, 3), b = fx_ring(fx, 0, 2, 5);
	struct fx_call under_way, close, last;
	unsigned int i;

	fx_map(fx, &a, 33, 0);
	fx_map(fx, &area, 64, 0);
	fx_map(fx, &b, 5, 0);
	/* the last of two closes has returned: the row is the other one's */
	close = fx_begin_unmap(fx, &b);
	last = fx_begin_unmap(fx, &b);
	KUNIT_EXPECT_NOT_NULL(test, close.call);
	fx_kernel_unmaps(&b, -5, 0);
	fx_end_unmap(fx, &last);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 2);
	close = fx_begin_unmap(fx, &a);
	KUNIT_EXPECT_NOT_NULL(test, close.call);
	under_way = fx_begin_map(fx, &c);
	KUNIT_EXPECT_NOT_NULL(test, under_way.call);
	KUNIT_EXPECT_EQ(test, fx->holds, 3);
	perfmlock_ledger_destroy(&fx->ledger);
	for (i = 0; i < ARRAY_SIZE(fx->ledger.by_event); i++)
		KUNIT_EXPECT_TRUE(test, hlist_empty(&fx->ledger.by_event[i]));
	KUNIT_EXPECT_EQ(test, fx->drops, 3);
	KUNIT_EXPECT_EQ(test, fx->users[0].held, 0);
	KUNIT_EXPECT_EQ(test, fx->users[1].held, 0);
	KUNIT_EXPECT_EQ(test, fx->mms[0].held, 0);
	KUNIT_EXPECT_NULL(test, fx->ledger.calls);
	KUNIT_EXPECT_NULL(test, fx->ledger.denials.entries);
	KUNIT_EXPECT_NULL(test, fx->ledger.drifts.entries);
}

static void destroy_of_what_was_never_initialised_does_nothing(struct kunit *test)
{
	struct perfmlock_ledger *none = kvzalloc(sizeof(*none), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, none);
	perfmlock_ledger_destroy(none);
	KUNIT_EXPECT_NULL(test, none->users.cache);
	kvfree(none);
}

/* As many as fit a page: of more a failed kmalloc() is made good by vmalloc(). */
#define CALLS	8

/*
 * Allocations that fail: needs failslab, with ignore-gfp-wait N and verbose 0.
 */
#define MANY	1000000

/* The n-th allocation from here fails. */
static void fail_allocation(unsigned int n)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	current->fail_nth = n;
#endif
}

/* Those that were made since then and could have failed. */
static unsigned int allocations(unsigned int n)
{
#if IS_ENABLED(CONFIG_FAILSLAB)
	n -= current->fail_nth;
	current->fail_nth = 0;
	return n;
#else
	return 0;
#endif
}

static unsigned int allocations_of_store(struct kunit *test,
					 struct perfmlock_store *like)
{
	struct perfmlock_store *store = kvzalloc(sizeof(*store), GFP_KERNEL);
	unsigned int nr;

	KUNIT_ASSERT_NOT_NULL(test, store);
	fail_allocation(MANY);
	KUNIT_EXPECT_EQ(test, perfmlock_store_init(store, like->lock,
						   "perfmlock_counted",
						   kmem_cache_size(like->cache),
						   like->reserve), 0);
	nr = allocations(MANY);
	perfmlock_store_destroy(store);
	kvfree(store);
	return nr;
}

/*
 * The first allocation, or one of the last ten of each store: these are
 * records. (A cache that cannot be made writes a call trace of its own.)
 */
static void a_failed_init_leaves_nothing_behind(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct perfmlock_ledger *ledger = &fx->ledger;
	unsigned int at[4], total, mms, i, n;
	void *spared;
	int ret;

	/* failslab spares those that may wait, unless it is told not to */
	fail_allocation(1);
	spared = kmalloc(8, GFP_KERNEL);
	fail_allocation(0);
	kfree(spared);
	if (spared)
		kunit_skip(test, "no allocation can be made to fail here");

	mms = allocations_of_store(test, &ledger->mms);
	perfmlock_ledger_destroy(ledger);
	fail_allocation(MANY);
	KUNIT_ASSERT_EQ(test, perfmlock_ledger_init(ledger, &fx_ops, true, 12,
						    CALLS), 0);
	total = allocations(MANY);
	at[0] = 1;
	at[3] = total - 10;
	at[2] = total - allocations_of_store(test, &ledger->buffers) - 10;
	at[1] = at[2] - mms;
	perfmlock_ledger_destroy(ledger);

	for (i = 0; i < ARRAY_SIZE(at); i++) {
		/* what a debugging tool notes of a record, it need not get */
		for (n = at[i], ret = 0; n < at[i] + 3 && !ret; n++) {
			fail_allocation(n);
			ret = perfmlock_ledger_init(ledger, &fx_ops, true, 12,
						    CALLS);
			fail_allocation(0);
			if (!ret)
				perfmlock_ledger_destroy(ledger);
		}
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_NULL(test, ledger->calls);
		KUNIT_EXPECT_NULL(test, ledger->denials.entries);
		KUNIT_EXPECT_NULL(test, ledger->drifts.entries);
		KUNIT_EXPECT_NULL(test, ledger->users.cache);
		KUNIT_EXPECT_NULL(test, ledger->mms.cache);
		KUNIT_EXPECT_NULL(test, ledger->buffers.cache);
	}
}

static void a_failed_fill_keeps_what_it_got(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct fx_vma ring = fx_ring(fx, 0, 0, 33);
	struct perfmlock_store *store = &fx->ledger.buffers;
	const struct perfmlock_node *node;
	unsigned int nr = 0;
	int ret;

	fx_starve(fx, store, 0);
	fail_allocation(11);
	ret = perfmlock_ledger_fill(&fx->ledger);
	allocations(11);
	if (!ret)
		kunit_skip(test, "no allocation can be made to fail here");
	KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
	for (node = store->free; node; node = node->next_free)
		nr++;
	KUNIT_EXPECT_EQ(test, store->nr_free, nr);
	KUNIT_EXPECT_GT(test, nr, 0);
	KUNIT_EXPECT_LE(test, nr, 10);
	fx_map(fx, &ring, 33, 0);
	FX_EXPECT_USER(fx, 0, .kernel = 33, .correct = 33, .buffers = 1);
	KUNIT_EXPECT_EQ(test, fx->low, 1);
}

/*
 * Threads
 */

#define ROUNDS	400

struct racer {
	struct fx *fx;
	struct fx_vma vma;
	struct completion started;
	struct task_struct *task;
	unsigned int unseen;
};

/* The kernel's part, at one moment: U is seen and moved at once. */
static long race_charge(struct racer *racer)
{
	struct fx *fx = racer->fx;
	struct fx_user *user = racer->vma.of->user;
	long to_user;

	raw_spin_lock(&fx->keys);
	to_user = clamp((long)fx->limit - user->counter, 0L, racer->vma.pages);
	fx_kernel_maps(fx, &racer->vma, to_user, racer->vma.pages - to_user);
	raw_spin_unlock(&fx->keys);
	return to_user;
}

static void race_uncharge(struct racer *racer, long to_user)
{
	raw_spin_lock(&racer->fx->keys);
	fx_kernel_unmaps(&racer->vma, -to_user, to_user - racer->vma.pages);
	raw_spin_unlock(&racer->fx->keys);
}

/* Sometimes the other one gets its turn in the middle of a call. */
static void let_others(unsigned int round)
{
	if (round % 3 == 0)
		usleep_range(1, 50);
	else
		cond_resched();
}

static int race(void *of)
{
	struct racer *racer = of;
	struct fx *fx = racer->fx;
	struct fx_call call;
	unsigned int i;
	long to_user;

	complete(&racer->started);
	for (i = 0; i < ROUNDS; i++) {
		call = fx_begin_map(fx, &racer->vma);
		racer->unseen += !call.call;
		let_others(i);
		to_user = race_charge(racer);
		let_others(i + 1);
		fx_end_map(fx, &call, 0);
		let_others(i + 2);
		call = fx_begin_unmap(fx, &racer->vma);
		racer->unseen += !call.call;
		race_uncharge(racer, to_user);
		let_others(i);
		fx_end_unmap(fx, &call);
	}
	return 0;
}

static int keep_filled(void *of)
{
	struct racer *racer = of;

	complete(&racer->started);
	while (!kthread_should_stop()) {
		perfmlock_ledger_fill(&racer->fx->ledger);
		perfmlock_ledger_reap(&racer->fx->ledger);
		usleep_range(1, 100);
	}
	return 0;
}

static void run(struct kunit *test, struct racer *racer, int (*what)(void *of))
{
	init_completion(&racer->started);
	racer->task = kthread_run(what, racer, "perfmlock_race");
	KUNIT_EXPECT_FALSE(test, IS_ERR(racer->task));
	if (IS_ERR(racer->task))
		return;
	/* it may end before it is stopped, and not be stopped before it runs */
	get_task_struct(racer->task);
	wait_for_completion(&racer->started);
}

static void stop(struct racer *racer)
{
	if (IS_ERR(racer->task))
		return;
	kthread_stop(racer->task);
	put_task_struct(racer->task);
}

/* Two processes of one user, whose limit has room for one and a half. */
static void threads_that_race_leave_the_books_balanced(struct kunit *test)
{
	struct fx *fx = test->priv;
	struct racer *racers;
	unsigned int i;

	racers = kunit_kcalloc(test, 3, sizeof(*racers), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, racers);
	fx->unchecked = true;
	/* rows go whenever they may, and come again */
	fx->users[0].gone = true;
	fx->mms[0].gone = true;
	for (i = 0; i < 3; i++) {
		racers[i].fx = fx;
		racers[i].vma = fx_ring(fx, i & 1, i, 65);
	}
	run(test, &racers[2], keep_filled);
	for (i = 0; i < 2; i++)
		run(test, &racers[i], race);
	for (i = 0; i < 3; i++)
		stop(&racers[i]);
	fx->unchecked = false;
	fx_check(fx, FX_HERE);
	KUNIT_EXPECT_EQ(test, racers[0].unseen + racers[1].unseen, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.buffers.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.nr_active, 0);
	KUNIT_EXPECT_EQ(test, fx->users[0].counter, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.mmaps, 2 * ROUNDS);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.closes, 2 * ROUNDS);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.drifts, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.totals.pool_empty, 0);
	FX_EXPECT_MM(fx, 1, .kernel = 0);
	if (fx_user_row(fx, &fx->users[0]))
		FX_EXPECT_USER(fx, 0, .kernel = 0);
	fx->mms[1].gone = true;
	perfmlock_ledger_reap(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx->ledger.users.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->ledger.mms.nr, 0);
	KUNIT_EXPECT_EQ(test, fx->holds, fx->drops);
	/* how much of it was a race */
	kunit_info(test, "%lu of %u calls overlapped, %u keys held\n",
		   fx->ledger.totals.overlaps, 4 * ROUNDS, fx->holds);
}

static int ledger_plan(struct kunit_suite *suite)
{
	FX_PLAN("ledger", without_memory_a_map_is_counted_and_not_booked,
		shortages);
	return 0;
}

static struct kunit_case ledger_cases[] = {
	KUNIT_CASE(empty_books_know_nobody),
	KUNIT_CASE(rows_are_opened_by_the_first_map),
	KUNIT_CASE(an_mm_goes_by_its_last_map),
	KUNIT_CASE(each_row_holds_its_key_once),
	KUNIT_CASE(who_lives_keeps_an_empty_row),
	KUNIT_CASE(exited_mm_stays_until_its_buffers_are_gone),
	KUNIT_CASE(a_user_lets_go_when_ours_is_the_last_reference),
	KUNIT_CASE(the_end_of_root_is_not_waited_for),
	KUNIT_CASE(a_user_with_a_call_under_way_stays),
	KUNIT_CASE(all_that_are_gone_are_reaped_at_once),
	KUNIT_CASE(rows_are_reaped_however_many_there_are),
	KUNIT_CASE(who_was_taken_over_from_is_reaped),
	KUNIT_CASE(the_owner_is_told_of_rows_without_buffers),
	KUNIT_CASE(a_new_user_of_the_same_uid_starts_new_books),
	KUNIT_CASE(a_key_used_again_after_its_end_starts_new_books),
	KUNIT_CASE(a_buffer_used_again_after_its_end_is_a_new_one),
	KUNIT_CASE(a_buffer_used_again_before_its_close_returns),
	KUNIT_CASE(an_address_used_again_and_again),
	KUNIT_CASE(a_buffer_used_again_whose_end_was_not_seen_is_stale),
	KUNIT_CASE(a_buffer_used_again_whose_end_was_missed_is_stale),
	KUNIT_CASE(no_aux_area_outlives_its_data),
	KUNIT_CASE(a_stale_buffer_takes_its_aux_area_along),
	KUNIT_CASE(a_close_that_was_never_opened_is_counted_alone),
	KUNIT_CASE(an_open_of_an_unknown_buffer_is_nothing),
	KUNIT_CASE(the_end_of_an_adopted_buffer_is_of_the_foreign_pages),
	KUNIT_CASE_PARAM(without_memory_a_map_is_counted_and_not_booked,
			 shortage_gen_params),
	KUNIT_CASE(a_refusal_without_memory_for_its_mm_is_remembered),
	KUNIT_CASE(what_a_failed_map_left_needs_a_row),
	KUNIT_CASE(a_close_by_a_process_without_a_row_ends_the_buffer),
	KUNIT_CASE(a_walk_without_memory_says_so),
	KUNIT_CASE(mappings_beyond_the_reserve_are_counted),
	KUNIT_CASE(the_owner_is_told_when_memory_runs_low),
	KUNIT_CASE(calls_beyond_the_room_are_counted_and_disturb_the_others),
	KUNIT_CASE(a_place_serves_again_after_its_call),
	KUNIT_CASE(reset_forgets_what_happened_and_keeps_what_is),
	KUNIT_CASE(destroy_lets_go_of_all_whatever_is_live),
	KUNIT_CASE(destroy_of_what_was_never_initialised_does_nothing),
	KUNIT_CASE(a_failed_init_leaves_nothing_behind),
	KUNIT_CASE(a_failed_fill_keeps_what_it_got),
	KUNIT_CASE(threads_that_race_leave_the_books_balanced),
	{}
};

static struct kunit_suite ledger_suite = {
	.name = "perfmlock_ledger",
	.suite_init = ledger_plan,
	.init = fx_init,
	.exit = fx_exit,
	.test_cases = ledger_cases,
};

kunit_test_suite(ledger_suite);
