// SPDX-License-Identifier: GPL-2.0
/* The fixture of the ledger's suites: see fixture.h. */
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/lockdep.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "fixture.h"

static struct fx *now;

/*
 * The owner
 */

static void fx_caller(struct perfmlock_actor *actor)
{
	lockdep_assert_held(&now->ledger.lock);
	memset(actor, 0, sizeof(*actor));
	actor->user = now->caller->user;
	actor->cred = now->caller;
	actor->uid = now->caller->user->uid;
	actor->group = now->caller->group ?: actor->uid;
	actor->pid = now->caller->pid;
	strscpy(actor->comm, now->caller->comm, sizeof(actor->comm));
}

static void fx_name(pid_t *pid, char *comm)
{
	lockdep_assert_held(&now->ledger.lock);
	*pid = now->caller->pid;
	memset(comm, 0, TASK_COMM_LEN);
	strscpy(comm, now->caller->comm, TASK_COMM_LEN);
}

static void fx_scene(struct perfmlock_scene *scene)
{
	lockdep_assert_held(&now->ledger.lock);
	scene->euid = now->caller->user->uid;
	scene->cgroup = now->caller->pid;
}

static void fx_event_of(const void *event, struct perfmlock_event *of)
{
	lockdep_assert_held(&now->ledger.lock);
	*of = ((const struct fx_event *)event)->about;
}

static void fx_nature(const void *event, struct perfmlock_nature *of)
{
	lockdep_assert_held(&now->ledger.lock);
	*of = ((const struct fx_event *)event)->nature;
}

static unsigned long fx_limit(void)
{
	lockdep_assert_held(&now->ledger.lock);
	return now->limit;
}

static bool fx_limit_is_exact(void)
{
	lockdep_assert_held(&now->ledger.lock);
	return !now->limit_is_old;
}

static unsigned long fx_rlimit(void)
{
	return now->caller->rlimit;
}

static bool fx_exempt(void)
{
	lockdep_assert_held(&now->ledger.lock);
	return now->exempt || now->capable;
}

static bool fx_capable(void)
{
	lockdep_assert_held(&now->ledger.lock);
	return now->capable;
}

static bool fx_untold(void)
{
	lockdep_assert_held(&now->ledger.lock);
	return now->untold;
}

static unsigned int fx_online_cpus(void)
{
	lockdep_assert_held(&now->ledger.lock);
	return now->cpus;
}

static void hold(unsigned int *held)
{
	raw_spin_lock(&now->keys);
	now->wrong += *held && !now->unchecked;
	++*held;
	now->holds++;
	raw_spin_unlock(&now->keys);
}

static void drop(unsigned int *held)
{
	raw_spin_lock(&now->keys);
	now->wrong += !*held;
	--*held;
	now->drops++;
	raw_spin_unlock(&now->keys);
}

/* Not the key, so that one cannot be taken for the other. */
#define HELD	1UL

static const void *fx_hold_user(const struct perfmlock_actor *actor)
{
	lockdep_assert_held(&now->ledger.lock);
	hold(&((struct fx_user *)actor->user)->held);
	return (const void *)((unsigned long)actor->user | HELD);
}

static void fx_hold_mm(const void *mm)
{
	lockdep_assert_held(&now->ledger.lock);
	hold(&((struct fx_mm *)mm)->held);
}

static bool fx_user_gone(const void *user, const void *held)
{
	lockdep_assert_held(&now->ledger.lock);
	now->wrong += (unsigned long)held != ((unsigned long)user | HELD);
	return ((const struct fx_user *)user)->gone;
}

static bool fx_mm_closed(const void *mm)
{
	lockdep_assert_held(&now->ledger.lock);
	return ((const struct fx_mm *)mm)->gone;
}

static long fx_read_user(const void *user)
{
	lockdep_assert_held(&now->ledger.lock);
	return ((const struct fx_user *)user)->counter;
}

static long fx_read_mm(const void *mm)
{
	lockdep_assert_held(&now->ledger.lock);
	return ((const struct fx_mm *)mm)->counter;
}

static bool add(long *counter, long pages, bool always)
{
	lockdep_assert_held(&now->ledger.lock);
	if (!always && !perfmlock_may_add(*counter, pages))
		return false;
	*counter += pages;
	return true;
}

static bool fx_add_user(const void *user, long pages, bool always)
{
	return add(&((struct fx_user *)user)->counter, pages, always);
}

static bool fx_add_mm(const void *mm, long pages, bool always)
{
	return add(&((struct fx_mm *)mm)->counter, pages, always);
}

static void fx_drop_user(const void *held)
{
	might_sleep();
	if (!((unsigned long)held & HELD)) {
		now->wrong++;
		return;
	}
	drop(&((struct fx_user *)((unsigned long)held & ~HELD))->held);
}

static void fx_drop_mm(const void *mm)
{
	might_sleep();
	drop(&((struct fx_mm *)mm)->held);
}

static void fx_idle(void)
{
	lockdep_assert_held(&now->ledger.lock);
	now->idle++;
}

static void fx_low(void)
{
	lockdep_assert_held(&now->ledger.lock);
	now->low++;
}

static void fx_unseen(void)
{
	lockdep_assert_held(&now->ledger.lock);
	now->unseen++;
}

static void fx_told(void)
{
	lockdep_assert_held(&now->ledger.lock);
	now->told++;
}

const struct perfmlock_ledger_ops fx_ops = {
	.caller = fx_caller,
	.name = fx_name,
	.scene = fx_scene,
	.event = fx_event_of,
	.nature = fx_nature,
	.limit = fx_limit,
	.limit_is_exact = fx_limit_is_exact,
	.rlimit = fx_rlimit,
	.exempt = fx_exempt,
	.capable = fx_capable,
	.missed = fx_untold,
	.online_cpus = fx_online_cpus,
	.hold_user = fx_hold_user,
	.hold_mm = fx_hold_mm,
	.user_gone = fx_user_gone,
	.mm_closed = fx_mm_closed,
	.read_user = fx_read_user,
	.read_mm = fx_read_mm,
	.add_user = fx_add_user,
	.add_mm = fx_add_mm,
	.drop_user = fx_drop_user,
	.drop_mm = fx_drop_mm,
	.idle = fx_idle,
	.low = fx_low,
	.unseen = fx_unseen,
	.told = fx_told,
};

/* As .init of a suite: test->priv is the fixture. */
int fx_init(struct kunit *test)
{
	static const char *const names[FX_PROCESSES] = { "a", "b", "c", "root" };
	static const unsigned int owners[FX_PROCESSES] = { 0, 0, 1, 2 };
	static const uid_t uids[FX_USERS] = { 1000, 1001, 0 };
	struct fx *fx;
	unsigned int i;
	int ret;

	/* too large for a slab: the ledger has its tables in it */
	fx = kvzalloc(sizeof(*fx), GFP_KERNEL);
	if (!fx)
		return -ENOMEM;
	now = fx;
	raw_spin_lock_init(&fx->keys);
	fx->test = test;
	fx->limit = 100;
	fx->cpus = 4;
	fx->next_rb = PAGE_SIZE;
	for (i = 0; i < FX_USERS; i++)
		fx->users[i].uid = uids[i];
	for (i = 0; i < FX_PROCESSES; i++) {
		fx->processes[i].user = &fx->users[owners[i]];
		fx->processes[i].mm = &fx->mms[i];
		fx->processes[i].pid = 100 + i;
		fx->processes[i].rlimit = 1000;
		fx->processes[i].comm = names[i];
	}
	for (i = 0; i < FX_EVENTS; i++) {
		fx->events[i].about.cpu = i % 4;
		fx->events[i].about.config = i;
	}
	ret = perfmlock_ledger_init(&fx->ledger, &fx_ops, true, 12, 16);
	if (ret) {
		kvfree(fx);
		return ret;
	}
	test->priv = fx;
	return 0;
}

/* As .exit of a suite: every key that was held must have been let go. */
void fx_exit(struct kunit *test)
{
	struct fx *fx = test->priv;

	if (!fx)
		return;
	perfmlock_ledger_destroy(&fx->ledger);
	KUNIT_EXPECT_EQ(test, fx->holds, fx->drops);
	KUNIT_EXPECT_EQ(test, fx->wrong, 0);
	test->priv = NULL;
	kvfree(fx);
}

/*
 * The kernel
 */

/* perf_mmap() succeeds: the event has a buffer, and it has one mapping more. */
void fx_kernel_maps(struct fx *fx, const struct fx_vma *vma, long user, long mm)
{
	struct fx_event *event = vma->event;

	if (!event->rb) {
		event->rb = event->next_rb;
		if (!event->rb) {
			event->rb = (const void *)fx->next_rb;
			fx->next_rb += 64;
		}
		event->owner = vma->of->user;
	}
	event->maps++;
	vma->of->user->counter += user;
	vma->of->mm->counter += mm;
}

/* perf_mmap_close(): uncharges who made the data, and the closer's mm. */
void fx_kernel_unmaps(const struct fx_vma *vma, long user, long mm)
{
	struct fx_event *event = vma->event;

	if (!--event->maps)
		event->rb = NULL;
	event->owner->counter += user;
	vma->of->mm->counter += mm;
}

/*
 * The probes: what hooks.c does
 */

static void describe(struct fx *fx, struct fx_call *call)
{
	const struct fx_vma *vma = call->vma;

	call->call->task = vma->of;
	call->call->event = vma->event;
	call->call->rb = vma->event->rb;
	call->call->mm = vma->of->mm;
	call->call->start = PAGE_SIZE;
	call->call->pgoff = vma->pgoff;
	call->call->pages = vma->pages;
	call->call->before.user = call->user->counter;
	call->call->before.mm = vma->of->mm->counter;
}

struct fx_call fx_begin_map(struct fx *fx, const struct fx_vma *vma)
{
	struct fx_call call = { .vma = vma, .user = vma->of->user };
	unsigned long flags;

	perfmlock_lock(&fx->ledger, flags);
	fx->caller = vma->of;
	call.call = perfmlock_call_new(&fx->ledger);
	if (call.call) {
		describe(fx, &call);
		call.call->before.limit = fx->limit;
		call.call->before.rlimit = vma->of->rlimit;
		if (!perfmlock_map_begin(&fx->ledger, call.call, call.user))
			call.call = NULL;
	}
	perfmlock_unlock(&fx->ledger, flags);
	return call;
}

void fx_end_map(struct fx *fx, const struct fx_call *call, int ret)
{
	unsigned long flags;

	if (!call->call)
		return;
	perfmlock_lock(&fx->ledger, flags);
	fx->caller = call->vma->of;
	perfmlock_map_end(&fx->ledger, call->call, ret, call->vma->event->rb,
			  call->user->counter, call->vma->of->mm->counter);
	perfmlock_unlock(&fx->ledger, flags);
	fx_check(fx, "after a map");
}

struct fx_call fx_begin_unmap(struct fx *fx, const struct fx_vma *vma)
{
	struct fx_call call = { .vma = vma };
	struct perfmlock_buffer *data;
	unsigned long flags;

	perfmlock_lock(&fx->ledger, flags);
	fx->caller = vma->of;
	data = perfmlock_close_buffer(&fx->ledger, vma->of, vma->event,
				      vma->event->rb, vma->pgoff, vma->pages);
	if (!IS_ERR(data))
		call.call = perfmlock_call_new(&fx->ledger);
	if (call.call) {
		call.user = data ? data->user->node.key : vma->of->user;
		describe(fx, &call);
		call.call->event_maps = vma->event->maps;
		perfmlock_close_begin(&fx->ledger, call.call, data);
	}
	perfmlock_unlock(&fx->ledger, flags);
	return call;
}

void fx_end_unmap(struct fx *fx, const struct fx_call *call)
{
	unsigned long flags;

	if (!call->call)
		return;
	perfmlock_lock(&fx->ledger, flags);
	fx->caller = call->vma->of;
	perfmlock_close_end(&fx->ledger, call->call, call->vma->event->rb,
			    call->user->counter, call->vma->of->mm->counter);
	perfmlock_unlock(&fx->ledger, flags);
	fx_check(fx, "after a close");
}

void fx_map(struct fx *fx, const struct fx_vma *vma, long user, long mm)
{
	struct fx_call call = fx_begin_map(fx, vma);

	fx_kernel_maps(fx, vma, user, mm);
	fx_end_map(fx, &call, 0);
}

void fx_fail(struct fx *fx, const struct fx_vma *vma, int ret, long user,
	     long mm)
{
	struct fx_call call = fx_begin_map(fx, vma);

	vma->of->user->counter += user;
	vma->of->mm->counter += mm;
	fx_end_map(fx, &call, ret);
}

void fx_unmap(struct fx *fx, const struct fx_vma *vma, long user, long mm)
{
	struct fx_call call = fx_begin_unmap(fx, vma);

	fx_kernel_unmaps(vma, user, mm);
	fx_end_unmap(fx, &call);
}

void fx_unmap_slowly(struct fx *fx, const struct fx_vma *vma, long user, long mm,
		     const struct fx_vma *beside)
{
	struct fx_call call = fx_begin_unmap(fx, vma);

	fx_kernel_unmaps(vma, user, mm);
	fx_map(fx, beside, beside->pages, 0);
	fx_end_unmap(fx, &call);
}

/* PERF_EVENT_IOC_SET_OUTPUT */
void fx_lead(struct fx *fx, unsigned int from, unsigned int to)
{
	fx->events[from].rb = fx->events[to].rb;
	fx->events[from].owner = fx->events[to].owner;
}

/*
 * While @old is unmapped, @by is mapped through event 1, which is led to it in the middle
 * of that; and by M, which io_uring moves, it is a new one: the row is displaced.
 */
void fx_displace(struct fx *fx, const struct fx_vma *old,
		 const struct fx_vma *by, long remap)
{
	struct fx_call close = fx_begin_unmap(fx, old);
	struct fx_call map = fx_begin_map(fx, by);

	fx_lead(fx, 1, 0);
	fx_kernel_maps(fx, by, remap, 0);
	by->of->mm->counter += by->pages;
	fx_end_map(fx, &map, 0);
	fx_kernel_unmaps(old, 0, 0);
	fx_end_unmap(fx, &close);
	by->of->mm->counter -= by->pages;
}

void fx_open(struct fx *fx, const struct fx_vma *vma)
{
	unsigned long flags;

	perfmlock_lock(&fx->ledger, flags);
	fx->caller = vma->of;
	perfmlock_open(&fx->ledger, vma->event->rb, vma->pgoff, vma->pages,
		       vma->of->mm);
	perfmlock_unlock(&fx->ledger, flags);
	vma->event->maps++;
}

void fx_missed(struct fx *fx)
{
	unsigned long flags;

	perfmlock_lock(&fx->ledger, flags);
	perfmlock_unseen(&fx->ledger);
	perfmlock_unlock(&fx->ledger, flags);
}

bool fx_meet(struct fx *fx, const struct fx_vma *vma)
{
	struct perfmlock_actor actor;
	unsigned long flags;
	bool done;

	perfmlock_lock(&fx->ledger, flags);
	fx->caller = vma->of;
	fx_caller(&actor);
	done = perfmlock_sweep_meet(&fx->ledger, &actor, vma->of->mm,
				    vma->event->rb, vma->pgoff, vma->pages,
				    &vma->event->about);
	perfmlock_unlock(&fx->ledger, flags);
	return done;
}

bool fx_end_walk(struct fx *fx, unsigned int met)
{
	unsigned int i;
	bool done;

	for (i = 0; i < FX_PROCESSES; i++)
		if (!fx->mms[i].unvisited)
			perfmlock_sweep_visited(&fx->ledger, &fx->mms[i]);
	done = perfmlock_sweep_end(&fx->ledger, met);
	fx_check(fx, "after a walk");
	return done;
}

bool fx_walk(struct fx *fx, const struct fx_vma *const *vmas,
	     unsigned int met)
{
	perfmlock_sweep_begin(&fx->ledger);
	for (; *vmas; vmas++)
		KUNIT_EXPECT_TRUE(fx->test, fx_meet(fx, *vmas));
	return fx_end_walk(fx, met);
}

void fx_sweep(struct fx *fx, const struct fx_vma *const *vmas)
{
	KUNIT_EXPECT_TRUE(fx->test, fx_walk(fx, vmas, PERFMLOCK_MET_ALL));
}

void fx_starve(struct fx *fx, struct perfmlock_store *store, unsigned int keep)
{
	struct perfmlock_node *node;

	while (store->nr_free > keep) {
		node = store->free;
		store->free = node->next_free;
		store->nr_free--;
		kmem_cache_free(store->cache, node);
	}
}

void fx_narrow(struct fx *fx, unsigned int nr_calls)
{
	struct perfmlock_ledger *ledger = &fx->ledger;

	for (; ledger->nr_calls > nr_calls; ledger->nr_calls--)
		ledger->free_call = ledger->free_call->next_free;
}

/*
 * The books
 */

struct perfmlock_buffer *fx_buffer(struct fx *fx, const void *rb)
{
	struct perfmlock_buffer *buffer;

	fx_for_each(buffer, &fx->ledger.buffers)
		if (buffer->node.key == rb && buffer->kind == PERFMLOCK_DATA)
			return buffer;
	return NULL;
}

struct perfmlock_buffer *fx_area(struct fx *fx, const void *rb)
{
	struct perfmlock_buffer *buffer;

	fx_for_each(buffer, &fx->ledger.buffers)
		if (buffer->node.key == rb && buffer->kind == PERFMLOCK_AUX)
			return buffer;
	return NULL;
}

struct perfmlock_user *fx_user_row(struct fx *fx, const struct fx_user *user)
{
	struct perfmlock_user *row;

	fx_for_each(row, &fx->ledger.users)
		if (row->node.key == user)
			return row;
	return NULL;
}

struct perfmlock_mm *fx_mm_row(struct fx *fx, const struct fx_mm *mm)
{
	struct perfmlock_mm *row;

	fx_for_each(row, &fx->ledger.mms)
		if (row->node.key == mm)
			return row;
	return NULL;
}

bool fx_is_sure(struct fx *fx, const struct fx_user *user)
{
	return fx_user_row(fx, user)->sure_at == fx->ledger.unseen;
}

unsigned int fx_nr_past(const struct perfmlock_history *history)
{
	void *entry = kmalloc(history->size, GFP_KERNEL);
	unsigned int nr = 0;
	u64 seq = 0, times;

	if (!entry)
		return 0;
	while (perfmlock_history_next(history, &seq, entry, &times))
		nr++;
	kfree(entry);
	return nr;
}

u64 fx_past(const struct perfmlock_history *history, unsigned int back,
	    void *entry)
{
	unsigned int nr = fx_nr_past(history);
	u64 seq = 0, times = 0;

	for (; nr > back; nr--)
		perfmlock_history_next(history, &seq, entry, &times);
	return times;
}

/* One expectation for all: each has a place on the stack of its own. */
static noinline void same(struct fx *fx, const char *where, const char *what,
			  long is, long want)
{
	KUNIT_EXPECT_EQ_MSG(fx->test, is, want, "%s: %s", where, what);
}

#define SAME(is, want) same(fx, where, #is, is, want)

static void same_books(struct fx *fx, const char *where,
		       const struct perfmlock_books *is,
		       const struct perfmlock_books *want)
{
	/* a look at the counts must not change them */
	struct perfmlock_books copy = *is;
	const struct perfmlock_counts *counts =
		perfmlock_counts(&fx->ledger, &copy);

	SAME(is->kernel, want->kernel);
	SAME(is->correct, want->correct);
	SAME(is->buffers, want->buffers);
	SAME(is->cause, want->cause);
	SAME(counts->privileged, want->counts.privileged);
	SAME(counts->denied, want->counts.denied);
	SAME(counts->wrongly_denied, want->counts.wrongly_denied);
}

void fx_expect_user(struct fx *fx, const char *where, const struct fx_user *user,
		    const struct perfmlock_books *want)
{
	struct perfmlock_user *row = fx_user_row(fx, user);

	KUNIT_ASSERT_NOT_NULL_MSG(fx->test, row, "%s: no row", where);
	same_books(fx, where, &row->books, want);
}

void fx_expect_mm(struct fx *fx, const char *where, const struct fx_mm *mm,
		  const struct perfmlock_books *want)
{
	struct perfmlock_mm *row = fx_mm_row(fx, mm);

	KUNIT_ASSERT_NOT_NULL_MSG(fx->test, row, "%s: no row", where);
	same_books(fx, where, &row->books, want);
}

void fx_expect_buffer(struct fx *fx, const char *where,
		      const struct perfmlock_buffer *is,
		      const struct perfmlock_buffer *want)
{
	KUNIT_ASSERT_NOT_NULL_MSG(fx->test, is, "%s: no row", where);
	SAME(is->pages, want->pages);
	SAME(is->maps, want->maps);
	SAME(is->kernel_user, want->kernel_user);
	SAME(is->kernel_mm, want->kernel_mm);
	SAME(is->correct_user, want->correct_user);
	SAME(is->correct_mm, want->correct_mm);
	SAME(is->adopted, want->adopted);
	SAME(is->pending, want->pending);
	if (want->pid)
		SAME(is->pid, want->pid);
}

void fx_expect_totals(struct fx *fx, const char *where,
		      const struct perfmlock_totals *is,
		      const struct perfmlock_totals *want)
{
	SAME(is->mmaps, want->mmaps);
	SAME(is->remaps, want->remaps);
	SAME(is->opens, want->opens);
	SAME(is->closes, want->closes);
	SAME(is->failed, want->failed);
	SAME(is->denied, want->denied);
	SAME(is->wrongly_denied, want->wrongly_denied);
	SAME(is->privileged, want->privileged);
	SAME(is->other_eperm, want->other_eperm);
	SAME(is->drifts, want->drifts);
	SAME(is->overlaps, want->overlaps);
	SAME(is->disturbed, want->disturbed);
	SAME(is->settled, want->settled);
	SAME(is->either_way, want->either_way);
	SAME(is->pool_empty, want->pool_empty);
	SAME(is->calls_full, want->calls_full);
	SAME(is->unknown_closes, want->unknown_closes);
	SAME(is->resynced, want->resynced);
	SAME(is->stale, want->stale);
}

void fx_expect_drift(struct fx *fx, const char *where, unsigned int back,
		     const struct perfmlock_drifting *want)
{
	struct perfmlock_drifting drift, *is = &drift;

	KUNIT_ASSERT_NE_MSG(fx->test, fx_past(&fx->ledger.drifts, back, is), 0,
			    "%s: no drift", where);
	SAME(is->id, want->id);
	SAME(is->step, want->step);
	SAME(is->kind, want->kind);
	SAME(is->pages, want->pages);
	SAME(is->kernel_user, want->kernel_user);
	SAME(is->kernel_mm, want->kernel_mm);
	SAME(is->correct_user, want->correct_user);
	SAME(is->correct_mm, want->correct_mm);
	SAME(is->cause, want->cause);
	SAME(is->inherited, want->inherited);
	if (want->actor.pid) {
		SAME(is->actor.pid, want->actor.pid);
		SAME(is->actor.uid, want->actor.uid);
		SAME(is->owner_pid, want->owner_pid);
		SAME(is->owner_uid, want->owner_uid);
	}
}

static void same_state(struct fx *fx, const char *where,
		       const struct perfmlock_state *is,
		       const struct perfmlock_state *want)
{
	SAME(is->user, want->user);
	SAME(is->mm, want->mm);
	SAME(is->limit, want->limit);
	SAME(is->rlimit, want->rlimit);
}

static void same_charge(struct fx *fx, const char *where,
			const struct perfmlock_charge *is,
			const struct perfmlock_charge *want)
{
	SAME(is->user, want->user);
	SAME(is->mm, want->mm);
	SAME(is->user_locked, want->user_locked);
	SAME(is->locked, want->locked);
	SAME(is->over, want->over);
}

/* What helps, by the rule that refused, when so many of them are mapped. */
static noinline void same_remedy(struct fx *fx, const char *where,
				 const struct perfmlock_denial *denial,
				 unsigned int buffers,
				 const struct perfmlock_remedy *want)
{
	struct perfmlock_remedy remedy, *is = &remedy;

	perfmlock_remedy(denial->model, &denial->state, denial->pages, buffers,
			 fx->ledger.page_shift, denial->online_cpus, is);
	SAME(is->mlock_kb, want->mlock_kb);
	SAME(is->memlock_kb, want->memlock_kb);
}

void fx_expect_denial(struct fx *fx, const char *where, unsigned int back,
		      const struct fx_denial *want)
{
	struct perfmlock_denial *is;

	is = kunit_kmalloc(fx->test, sizeof(*is), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(fx->test, is);
	KUNIT_ASSERT_NE_MSG(fx->test, fx_past(&fx->ledger.denials, back, is), 0,
			    "%s: no denial", where);
	SAME(is->kind, want->kind);
	SAME(is->start, PAGE_SIZE);
	SAME(is->pages, want->pages);
	same_state(fx, where, &is->state, &want->state);
	same_charge(fx, where, &is->charge, &want->charge);
	same_state(fx, where, &is->right_state, &want->right_state);
	same_charge(fx, where, &is->right, &want->right);
	SAME(is->event.cpu, want->cpus_left ? (int)(fx->cpus - want->cpus_left) : -1);
	SAME(is->online_cpus, want->online_cpus);
	same_remedy(fx, where, is, 1, &want->remedy);
	/* without a CPU there is no such thing */
	if (want->cpus_left)
		same_remedy(fx, where, is, want->cpus_left, &want->all_cpus);
	if (want->actor.pid) {
		SAME(is->actor.pid, want->actor.pid);
		SAME(is->actor.uid, want->actor.uid);
	}
}

static noinline void is_true(struct fx *fx, const char *where, const char *what,
			     bool is)
{
	KUNIT_EXPECT_TRUE_MSG(fx->test, is, "%s: %s", where, what);
}

#define TRUE(condition) is_true(fx, where, #condition, condition)

/* The sums that the buffers of a row make. */
static void check_row(struct fx *fx, const char *where,
		      const struct perfmlock_node *row,
		      const struct perfmlock_books *books)
{
	struct perfmlock_buffer *buffer;
	unsigned int buffers = 0;
	long correct = 0;

	fx_for_each(buffer, &fx->ledger.buffers) {
		if (&buffer->user->node == row) {
			buffers++;
			correct += buffer->correct_user;
		}
		if (&buffer->mm->node == row) {
			buffers++;
			correct += buffer->correct_mm;
		}
	}
	TRUE(books->buffers == buffers);
	TRUE(books->correct == correct);
	TRUE(books->correct >= 0);
}

static void check_pages(struct fx *fx, const char *where,
			const struct perfmlock_mm *mm)
{
	long held = 0, adopted = 0;
	struct perfmlock_buffer *buffer;

	fx_for_each(buffer, &fx->ledger.buffers) {
		if (buffer->mm != mm)
			continue;
		if (buffer->adopted)
			adopted += buffer->pages;
		else
			held += buffer->pages;
	}
	TRUE(mm->held == held);
	TRUE(mm->adopted == adopted);
}

static void check_buffer(struct fx *fx, const char *where,
			 const struct perfmlock_buffer *buffer)
{
	TRUE(buffer->correct_user >= 0 && buffer->correct_mm >= 0);
	TRUE(!buffer->correct_user || buffer->correct_user +
	     buffer->correct_mm == buffer->pages);
	TRUE(!buffer->aux || buffer->aux->aux == buffer);
	TRUE(!buffer->aux || buffer->aux->kind != buffer->kind);
	TRUE(fx_user_row(fx, buffer->user->node.key) == buffer->user);
	TRUE(fx_mm_row(fx, buffer->mm->node.key) == buffer->mm);
}

/* The call behind another, in some order; NULL: the first, and none is left. */
static struct perfmlock_call *next_call(struct perfmlock_ledger *ledger,
					const struct perfmlock_call *after)
{
	struct perfmlock_call *call;
	bool past = !after;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ledger->by_event); i++) {
		hlist_for_each_entry(call, &ledger->by_event[i], by_event) {
			if (past)
				return call;
			past = call == after;
		}
	}
	return NULL;
}

/* What is being closed for nobody knows whom, each buffer once. */
static void check_unknown(struct fx *fx, const char *where)
{
	const struct perfmlock_call *call = NULL, *before;
	struct perfmlock_ledger *ledger = &fx->ledger;
	unsigned int unknown = 0;

	while ((call = next_call(ledger, call))) {
		if (!call->data) {
			unknown += !call->user;
			continue;
		}
		TRUE(!call->data->disturbs || call->data->closing);
		before = next_call(ledger, NULL);
		while (before->data != call->data)
			before = next_call(ledger, before);
		unknown += before == call && call->data->disturbs;
	}
	TRUE(ledger->unknown == unknown);
}

/* What a user counts of its calls, counted anew. */
static void check_calls(struct fx *fx, const char *where,
			const struct perfmlock_user *user)
{
	struct perfmlock_ledger *ledger = &fx->ledger;
	unsigned int i, under_way = 0;
	const struct perfmlock_buffer *buffer;
	long mapping = 0, closing = 0;
	struct perfmlock_call *call;

	fx_for_each(buffer, &ledger->buffers) {
		if (buffer->user != user)
			continue;
		under_way += !!buffer->pending;
		if (buffer->pending == PERFMLOCK_MAYBE_FIRST)
			mapping += buffer->pages;
	}
	for (i = 0; i < ARRAY_SIZE(ledger->by_event); i++) {
		hlist_for_each_entry(call, &ledger->by_event[i], by_event) {
			under_way += call->also == user;
			if (call->user != user)
				continue;
			under_way++;
			if (call->maps)
				mapping += call->pages;
			else
				closing += call->frees;
		}
	}
	TRUE(user->under_way == under_way);
	TRUE(user->mapping == mapping);
	TRUE(user->closing == closing);
	/* who has no buffers is waited for, but root is not */
	TRUE(user->uid ? user->books.buffers || !list_empty(&user->books.idle) :
			 list_empty(&user->books.idle));
}

/* Each place is in use or free, and a close holds its buffer's row. */
static void check_places(struct fx *fx, const char *where)
{
	struct perfmlock_ledger *ledger = &fx->ledger;
	unsigned int i, nr = 0, closes = 0, held = 0;
	struct perfmlock_buffer *buffer;
	struct perfmlock_call *call;

	for (i = 0; i < ARRAY_SIZE(ledger->by_event); i++) {
		hlist_for_each_entry(call, &ledger->by_event[i], by_event) {
			nr++;
			closes += call->data && !call->data->ended;
		}
	}
	TRUE(ledger->nr_active == nr);
	for (call = ledger->free_call; call; call = call->next_free)
		nr++;
	TRUE(ledger->nr_calls == nr);
	fx_for_each(buffer, &ledger->buffers) {
		TRUE(!buffer->ended);
		held += buffer->closing;
	}
	TRUE(held == closes);
}

/* Of a row: what repair has there, and what of that is lent to closes under way. */
static void check_repaired(struct fx *fx, const char *where,
			   const struct perfmlock_books *books, long lent)
{
	TRUE(fx->ledger.repairing || !fx->ledger.repair);
	TRUE(fx->ledger.repairing || !books->repaired);
	TRUE(books->lent == lent);
}

static void check_lent(struct fx *fx, const char *where)
{
	struct perfmlock_ledger *ledger = &fx->ledger;
	struct perfmlock_call *call;
	struct perfmlock_user *user;
	struct perfmlock_mm *mm;
	long lent;

	fx_for_each(user, &ledger->users) {
		lent = 0;
		for (call = next_call(ledger, NULL); call;
		     call = next_call(ledger, call))
			lent += call->user == user ? call->lent_user : 0;
		check_repaired(fx, where, &user->books, lent);
	}
	fx_for_each(mm, &ledger->mms) {
		lent = 0;
		for (call = next_call(ledger, NULL); call;
		     call = next_call(ledger, call))
			lent += call->mm == mm->node.key ? call->lent_mm : 0;
		check_repaired(fx, where, &mm->books, lent);
	}
}

/* What its buffers come to. */
static void check_sums(struct fx *fx, const char *where,
		       const struct perfmlock_user *user)
{
	struct perfmlock_buffer *buffer;
	long on_user = 0, on_mm = 0;

	fx_for_each(buffer, &fx->ledger.buffers) {
		if (buffer->user != user || buffer->ended)
			continue;
		on_user += buffer->kernel_user;
		on_mm += buffer->kernel_mm;
	}
	TRUE(user->user_pages == on_user);
	TRUE(user->mm_pages == on_mm);
}

/* What is proven of a counter is what is proven of its buffers. */
static void check_proof(struct fx *fx, const char *where,
			const struct perfmlock_user *user,
			const struct perfmlock_mm *mm)
{
	long least = 0, most = 0, proven = 0, too_much = 0, right, rest;
	struct perfmlock_buffer *buffer;

	fx_for_each(buffer, &fx->ledger.buffers) {
		TRUE(!buffer->proven || (!buffer->adopted && !buffer->pending));
		right = buffer->by_rule ? buffer->correct_user :
					  buffer->first_user;
		rest = buffer->on_both ? buffer->first_mm :
					 (long)buffer->pages - buffer->first_user;
		if (user && buffer->user == user && !buffer->adopted) {
			least += buffer->proven ? right : 0;
			most += buffer->proven ? right : buffer->pages;
		}
		if (mm && buffer->mm == mm && buffer->proven && !buffer->unclear) {
			proven += rest;
			too_much += rest + right - (long)buffer->pages;
		}
	}
	if (user) {
		TRUE(user->proof.buffers.least == least);
		TRUE(user->proof.buffers.most == most);
	}
	if (mm) {
		TRUE(mm->proven == proven);
		TRUE(mm->too_much == too_much);
	}
}

void fx_check(struct fx *fx, const char *where)
{
	unsigned int buffers = 0, adopted = 0, unproven = 0;
	struct perfmlock_ledger *ledger = &fx->ledger;
	struct perfmlock_buffer *buffer;
	struct perfmlock_user *user;
	struct perfmlock_mm *mm;

	if (fx->unchecked)
		return;
	fx_for_each(user, &ledger->users) {
		check_sums(fx, where, user);
		check_row(fx, where, &user->node, &user->books);
		check_calls(fx, where, user);
		check_proof(fx, where, user, NULL);
	}
	check_unknown(fx, where);
	check_lent(fx, where);
	check_places(fx, where);
	fx_for_each(mm, &ledger->mms) {
		check_row(fx, where, &mm->node, &mm->books);
		check_pages(fx, where, mm);
		check_proof(fx, where, NULL, mm);
		TRUE(mm->books.buffers || !list_empty(&mm->books.idle));
	}
	fx_for_each(buffer, &ledger->buffers) {
		check_buffer(fx, where, buffer);
		buffers++;
		adopted += buffer->adopted;
		unproven += !buffer->adopted && !buffer->proven;
	}
	TRUE(ledger->nr_unproven == unproven);
	TRUE(ledger->buffers.nr == buffers);
	TRUE(ledger->adopted == adopted);
}

static struct perfmlock_notes notes;

static void tell(const struct perfmlock_notes *notes)
{
	now->repairs += notes->nr_repairs;
}

void fx_repair(struct fx *fx, bool on)
{
	perfmlock_repair_switch(&fx->ledger, on, &notes, tell);
	fx_check(fx, "after a switch");
}

void fx_repair_all(struct fx *fx)
{
	perfmlock_repair_all(&fx->ledger, &notes, tell);
	fx_check(fx, "after a look at all rows");
}
