/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The trace events perfmlock:charge, uncharge, denial, drift and repair: what a call did,
 * with the sums that decided it under the kernel's own names. Amounts are pages but
 * for vma_*, which are bytes. Who calls is in each event's head; uid is whose U and
 * pid whose M may have moved, owner_* who was charged for the buffer. Each member
 * fills what is before the next: holes would show what is not meant.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM perfmlock

#if !defined(PERFMLOCK_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PERFMLOCK_TRACE_H

#include <linux/tracepoint.h>

#include "ledger.h"

#define PERFMLOCK_TRACE_NAME	16

#ifndef perfmlock_trace_name
/* All of it: what an earlier event has left there is nobody's to see. */
#define perfmlock_trace_name(to, from) ({				\
	memset(to, 0, PERFMLOCK_TRACE_NAME);				\
	strscpy(to, from, PERFMLOCK_TRACE_NAME);			\
})
#endif

TRACE_EVENT(charge,
	TP_PROTO(const struct perfmlock_step_note *note, const char *op,
		 const char *kind, const struct perfmlock_charge *sum),
	TP_ARGS(note, op, kind, sum),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(uid_t, uid)
		__field(pid_t, pid)
		__field(uid_t, owner_uid)
		__field(pid_t, owner_pid)
		__field(int, cpu)
		__field(int, measured)
		__array(char, op, PERFMLOCK_TRACE_NAME)
		__array(char, kind, PERFMLOCK_TRACE_NAME)
		__array(char, model, PERFMLOCK_TRACE_NAME)
		__field(unsigned long, vma_start)
		__field(unsigned long, vma_end)
		__field(unsigned long, vma_size)
		__field(long, user_extra)
		__field(unsigned long, user_lock_limit)
		__field(unsigned long, user_locked)
		__field(unsigned long, locked)
		__field(unsigned long, lock_limit)
		__field(long, pinned_vm)
		__field(long, extra)
		__field(long, user_counter)
		__field(long, kernel_user)
		__field(long, kernel_mm)
		__field(long, correct_user)
		__field(long, correct_mm)
	),

	TP_fast_assign(
		__entry->id = note->id;
		__entry->uid = note->uid;
		__entry->pid = note->pid;
		__entry->owner_uid = note->owner_uid;
		__entry->owner_pid = note->owner_pid;
		__entry->cpu = note->cpu;
		__entry->measured = note->measured;
		perfmlock_trace_name(__entry->op, op);
		perfmlock_trace_name(__entry->kind, kind);
		perfmlock_trace_name(__entry->model, note->model->name);
		__entry->vma_size = note->pages << PAGE_SHIFT;
		__entry->vma_start = note->start;
		__entry->vma_end = note->start ? note->start + __entry->vma_size : 0;
		__entry->user_extra = note->pages;
		__entry->user_lock_limit = note->state.limit;
		__entry->user_locked = sum->user_locked;
		__entry->locked = sum->locked;
		__entry->lock_limit = note->state.rlimit;
		__entry->pinned_vm = note->state.mm;
		__entry->extra = sum->mm;
		__entry->user_counter = note->state.user;
		__entry->kernel_user = note->kernel_user;
		__entry->kernel_mm = note->kernel_mm;
		__entry->correct_user = note->correct_user;
		__entry->correct_mm = note->correct_mm;
	),

	TP_printk("op=%s id=%llu uid=%u pid=%d owner_uid=%u owner_pid=%d cpu=%d kind=%s vma_start=0x%lx vma_end=0x%lx vma_size=%lu user_extra=%ld user_lock_limit=%lu user_locked=%lu locked=%lu lock_limit=%lu pinned_vm=%ld extra=%ld user_counter=%ld model=%s kernel_user=%ld kernel_mm=%ld correct_user=%ld correct_mm=%ld measured=%d",
		__entry->op, __entry->id, __entry->uid, __entry->pid,
		__entry->owner_uid, __entry->owner_pid, __entry->cpu,
		__entry->kind, __entry->vma_start,
		__entry->vma_end, __entry->vma_size, __entry->user_extra,
		__entry->user_lock_limit, __entry->user_locked,
		__entry->locked, __entry->lock_limit, __entry->pinned_vm,
		__entry->extra, __entry->user_counter, __entry->model,
		__entry->kernel_user, __entry->kernel_mm,
		__entry->correct_user, __entry->correct_mm,
		__entry->measured)
);

TRACE_EVENT(uncharge,
	TP_PROTO(const struct perfmlock_step_note *note, const char *op,
		 const char *kind),
	TP_ARGS(note, op, kind),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(uid_t, uid)
		__field(pid_t, pid)
		__field(uid_t, owner_uid)
		__field(pid_t, owner_pid)
		__field(int, cpu)
		__field(int, measured)
		__array(char, op, PERFMLOCK_TRACE_NAME)
		__array(char, kind, PERFMLOCK_TRACE_NAME)
		__field(long, pages)
		__field(unsigned long, vma_start)
		__field(long, pinned_vm)
		__field(long, user_counter)
		__field(long, kernel_user)
		__field(long, kernel_mm)
		__field(long, correct_user)
		__field(long, correct_mm)
	),

	TP_fast_assign(
		__entry->id = note->id;
		__entry->uid = note->uid;
		__entry->pid = note->pid;
		__entry->owner_uid = note->owner_uid;
		__entry->owner_pid = note->owner_pid;
		__entry->cpu = note->cpu;
		__entry->measured = note->measured;
		perfmlock_trace_name(__entry->op, op);
		perfmlock_trace_name(__entry->kind, kind);
		__entry->pages = note->pages;
		__entry->vma_start = note->start;
		__entry->pinned_vm = note->state.mm;
		__entry->user_counter = note->state.user;
		__entry->kernel_user = note->kernel_user;
		__entry->kernel_mm = note->kernel_mm;
		__entry->correct_user = note->correct_user;
		__entry->correct_mm = note->correct_mm;
	),

	TP_printk("op=%s id=%llu uid=%u pid=%d owner_uid=%u owner_pid=%d cpu=%d kind=%s pages=%ld vma_start=0x%lx pinned_vm=%ld user_counter=%ld kernel_user=%ld kernel_mm=%ld correct_user=%ld correct_mm=%ld measured=%d",
		__entry->op, __entry->id, __entry->uid, __entry->pid,
		__entry->owner_uid, __entry->owner_pid, __entry->cpu, __entry->kind, __entry->pages,
		__entry->vma_start, __entry->pinned_vm, __entry->user_counter,
		__entry->kernel_user, __entry->kernel_mm,
		__entry->correct_user, __entry->correct_mm,
		__entry->measured)
);

TRACE_EVENT(denial,
	TP_PROTO(const struct perfmlock_denial *denial, u64 seq,
		 const char *kind),
	TP_ARGS(denial, seq, kind),

	TP_STRUCT__entry(
		__field(u64, seq)
		__field(uid_t, uid)
		__field(pid_t, pid)
		__field(int, cpu)
		__field(int, wrongly)
		__array(char, kind, PERFMLOCK_TRACE_NAME)
		__array(char, model, PERFMLOCK_TRACE_NAME)
		__field(unsigned long, vma_start)
		__field(unsigned long, vma_end)
		__field(unsigned long, vma_size)
		__field(long, user_extra)
		__field(unsigned long, user_lock_limit)
		__field(unsigned long, user_locked)
		__field(unsigned long, locked)
		__field(unsigned long, lock_limit)
		__field(long, pinned_vm)
		__field(long, extra)
		__field(long, user_counter)
		__field(long, correct_user_counter)
		__field(long, correct_pinned_vm)
		__field(unsigned long, correct_locked)
	),

	TP_fast_assign(
		__entry->seq = seq;
		__entry->uid = denial->actor.uid;
		__entry->pid = denial->actor.pid;
		__entry->cpu = denial->event.cpu;
		__entry->wrongly = !denial->right.over;
		perfmlock_trace_name(__entry->kind, kind);
		perfmlock_trace_name(__entry->model, denial->model->name);
		__entry->vma_size = denial->pages << PAGE_SHIFT;
		__entry->vma_start = denial->start;
		__entry->vma_end = denial->start + __entry->vma_size;
		__entry->user_extra = denial->pages;
		__entry->user_lock_limit = denial->state.limit;
		__entry->user_locked = denial->charge.user_locked;
		__entry->locked = denial->charge.locked;
		__entry->lock_limit = denial->state.rlimit;
		__entry->pinned_vm = denial->state.mm;
		__entry->extra = denial->charge.mm;
		__entry->user_counter = denial->state.user;
		__entry->correct_user_counter = denial->right_state.user;
		__entry->correct_pinned_vm = denial->right_state.mm;
		__entry->correct_locked = denial->right.locked;
	),

	TP_printk("seq=%llu uid=%u pid=%d cpu=%d kind=%s wrongly=%d vma_start=0x%lx vma_end=0x%lx vma_size=%lu user_extra=%ld user_lock_limit=%lu user_locked=%lu locked=%lu lock_limit=%lu pinned_vm=%ld extra=%ld user_counter=%ld model=%s correct_user_counter=%ld correct_pinned_vm=%ld correct_locked=%lu",
		__entry->seq, __entry->uid, __entry->pid, __entry->cpu,
		__entry->kind, __entry->wrongly, __entry->vma_start,
		__entry->vma_end, __entry->vma_size, __entry->user_extra,
		__entry->user_lock_limit, __entry->user_locked,
		__entry->locked, __entry->lock_limit, __entry->pinned_vm,
		__entry->extra, __entry->user_counter, __entry->model,
		__entry->correct_user_counter, __entry->correct_pinned_vm,
		__entry->correct_locked)
);

TRACE_EVENT(drift,
	TP_PROTO(const struct perfmlock_drifting *drift, const char *op,
		 const char *kind, const struct perfmlock_cause_info *why),
	TP_ARGS(drift, op, kind, why),

	TP_STRUCT__entry(
		__field(u64, id)
		__field(uid_t, uid)
		__field(pid_t, pid)
		__field(uid_t, owner_uid)
		__field(pid_t, owner_pid)
		__field(long, inherited)
		__array(char, op, PERFMLOCK_TRACE_NAME)
		__array(char, kind, PERFMLOCK_TRACE_NAME)
		__array(char, cause, PERFMLOCK_TRACE_NAME)
		__array(char, relation, PERFMLOCK_TRACE_NAME)
		__array(char, commit, PERFMLOCK_TRACE_NAME)
		__field(long, pages)
		__field(long, kernel_user)
		__field(long, kernel_mm)
		__field(long, correct_user)
		__field(long, correct_mm)
	),

	TP_fast_assign(
		__entry->id = drift->id;
		__entry->uid = drift->actor.uid;
		__entry->pid = drift->actor.pid;
		__entry->owner_uid = drift->owner_uid;
		__entry->owner_pid = drift->owner_pid;
		__entry->inherited = drift->inherited;
		perfmlock_trace_name(__entry->op, op);
		perfmlock_trace_name(__entry->kind, kind);
		perfmlock_trace_name(__entry->cause, why->name);
		perfmlock_trace_name(__entry->relation, why->relation);
		perfmlock_trace_name(__entry->commit, why->commit);
		__entry->pages = drift->pages;
		__entry->kernel_user = drift->kernel_user;
		__entry->kernel_mm = drift->kernel_mm;
		__entry->correct_user = drift->correct_user;
		__entry->correct_mm = drift->correct_mm;
	),

	TP_printk("op=%s kind=%s id=%llu pid=%d uid=%u owner_pid=%d owner_uid=%u pages=%ld kernel_user=%ld kernel_mm=%ld correct_user=%ld correct_mm=%ld cause=%s inherited=%ld commit=%s relation=%s",
		__entry->op, __entry->kind, __entry->id, __entry->pid,
		__entry->uid, __entry->owner_pid, __entry->owner_uid,
		__entry->pages, __entry->kernel_user, __entry->kernel_mm,
		__entry->correct_user, __entry->correct_mm, __entry->cause,
		__entry->inherited, __entry->commit, __entry->relation)
);

/* Of a user's counter pid is 0; of an mm's, uid is of its last call. */
TRACE_EVENT(repair,
	TP_PROTO(const struct perfmlock_repair_note *note),
	TP_ARGS(note),

	TP_STRUCT__entry(
		__field(uid_t, uid)
		__field(pid_t, pid)
		__array(char, account, PERFMLOCK_TRACE_NAME)
		__field(long, pages)
		__field(long, repaired)
	),

	TP_fast_assign(
		__entry->uid = note->uid;
		__entry->pid = note->pid;
		perfmlock_trace_name(__entry->account,
				     note->pid ? "pinned_vm" : "user");
		__entry->pages = note->pages;
		__entry->repaired = note->repaired;
	),

	TP_printk("account=%s uid=%u pid=%d pages=%ld repaired=%ld",
		__entry->account, __entry->uid, __entry->pid, __entry->pages,
		__entry->repaired)
);

#endif /* PERFMLOCK_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
