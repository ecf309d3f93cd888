/* SPDX-License-Identifier: GPL-2.0 */
/* How names, times and limits are written, in the files and in the log. */
#ifndef PERFMLOCK_WORDS_H
#define PERFMLOCK_WORDS_H

#include <linux/sched.h>
#include <linux/types.h>

#include "ledger.h"

/* Each byte of a comm may take four. */
#define PERFMLOCK_COMM_TEXT	(4 * TASK_COMM_LEN + 1)
/* The longest name is numeric: two numbers of 10 and 18 characters. */
#define PERFMLOCK_EVENT_TEXT	32
#define PERFMLOCK_TIME_TEXT	32
#define PERFMLOCK_NUMBER_TEXT	24

const char *perfmlock_comm_text(char *text, const char *comm,
				const char *also);
const char *perfmlock_event_text(char *text, const struct perfmlock_event *event);
const char *perfmlock_time_text(char *text, u64 ns);
const char *perfmlock_limit_text(char *text, unsigned long limit,
				 unsigned int shift);
const char *perfmlock_state_text(char state);
const char *perfmlock_errno_text(char *text, int error);
const char *perfmlock_why_text(enum perfmlock_why why);
const char *perfmlock_kind_text(enum perfmlock_kind kind);
const char *perfmlock_step_text(enum perfmlock_step step);

#endif /* PERFMLOCK_WORDS_H */
