// SPDX-License-Identifier: GPL-2.0
/* How names, times and limits are written, in the files and in the log. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/perf_event.h>
#include <linux/string.h>
#include <linux/time.h>

#include "words.h"

/**
 * perfmlock_comm_text() - a comm without what is in nobody's log
 * @text: result, PERFMLOCK_COMM_TEXT bytes
 * @comm: whatever a process calls itself
 * @also: characters that have a meaning where it is to stand
 *
 * Blanks would break a line in cells, and what is no printable ASCII might do
 * anything to the terminal of who reads it: they are octal.
 *
 * Context: any.
 *
 * Return: @text.
 */
const char *perfmlock_comm_text(char *text, const char *comm,
				const char *also)
{
	char *end = text;
	unsigned int i;

	for (i = 0; i < TASK_COMM_LEN && comm[i]; i++) {
		if (comm[i] > ' ' && comm[i] < 0x7f && !strchr("\\=#", comm[i]) &&
		    !strchr(also, comm[i]))
			*end++ = comm[i];
		else
			end += sprintf(end, "\\%03o", (unsigned char)comm[i]);
	}
	*end = 0;
	/* a process may have none, the cell is there all the same */
	return i ? text : strcpy(text, "\\000");
}

static const char *const software_names[] = {
	[PERF_COUNT_SW_CPU_CLOCK] = "cpu-clock",
	[PERF_COUNT_SW_TASK_CLOCK] = "task-clock",
	[PERF_COUNT_SW_PAGE_FAULTS] = "page-faults",
	[PERF_COUNT_SW_CONTEXT_SWITCHES] = "context-switches",
	[PERF_COUNT_SW_CPU_MIGRATIONS] = "cpu-migrations",
	[PERF_COUNT_SW_PAGE_FAULTS_MIN] = "minor-faults",
	[PERF_COUNT_SW_PAGE_FAULTS_MAJ] = "major-faults",
	[PERF_COUNT_SW_ALIGNMENT_FAULTS] = "alignment-faults",
	[PERF_COUNT_SW_EMULATION_FAULTS] = "emulation-faults",
	[PERF_COUNT_SW_DUMMY] = "dummy",
	[PERF_COUNT_SW_BPF_OUTPUT] = "bpf-output",
	/* not in the headers of every kernel */
	[PERF_COUNT_SW_BPF_OUTPUT + 1] = "cgroup-switches",
};

static const char *const hardware_names[] = {
	[PERF_COUNT_HW_CPU_CYCLES] = "cpu-cycles",
	[PERF_COUNT_HW_INSTRUCTIONS] = "instructions",
	[PERF_COUNT_HW_CACHE_REFERENCES] = "cache-references",
	[PERF_COUNT_HW_CACHE_MISSES] = "cache-misses",
	[PERF_COUNT_HW_BRANCH_INSTRUCTIONS] = "branch-instructions",
	[PERF_COUNT_HW_BRANCH_MISSES] = "branch-misses",
	[PERF_COUNT_HW_BUS_CYCLES] = "bus-cycles",
	[PERF_COUNT_HW_STALLED_CYCLES_FRONTEND] = "stalled-cycles-frontend",
	[PERF_COUNT_HW_STALLED_CYCLES_BACKEND] = "stalled-cycles-backend",
	[PERF_COUNT_HW_REF_CPU_CYCLES] = "ref-cycles",
};

/**
 * perfmlock_event_text() - an event by its kernel name
 * @text: room for one that has none, PERFMLOCK_EVENT_TEXT bytes
 * @event: the event
 *
 * Context: any.
 *
 * Return: the name that perf list has for it; else type:config in @text.
 */
const char *perfmlock_event_text(char *text, const struct perfmlock_event *event)
{
	if (event->type == PERF_TYPE_SOFTWARE &&
	    event->config < ARRAY_SIZE(software_names))
		return software_names[event->config];
	if (event->type == PERF_TYPE_HARDWARE &&
	    event->config < ARRAY_SIZE(hardware_names))
		return hardware_names[event->config];
	snprintf(text, PERFMLOCK_EVENT_TEXT, "%u:0x%llx", event->type,
		 event->config);
	return text;
}

/**
 * perfmlock_time_text() - a wall clock time
 * @text: result, PERFMLOCK_TIME_TEXT bytes
 * @ns: since 1970
 *
 * Context: any.
 *
 * Return: @text: UTC, as of RFC 3339.
 */
const char *perfmlock_time_text(char *text, u64 ns)
{
	u64 seconds = div_u64(ns, NSEC_PER_SEC);
	struct tm tm;

	time64_to_tm(seconds, 0, &tm);
	snprintf(text, PERFMLOCK_TIME_TEXT, "%04ld-%02d-%02dT%02d:%02d:%02d.%03uZ",
		 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
		 tm.tm_min, tm.tm_sec,
		 (unsigned int)div_u64(ns - seconds * NSEC_PER_SEC,
				       NSEC_PER_MSEC));
	return text;
}

/**
 * perfmlock_limit_text() - a limit
 * @text: room, PERFMLOCK_NUMBER_TEXT bytes
 * @limit: in pages; LONG_MAX: one that is not known
 * @shift: what a page is in the unit that is wanted, as a power of two
 *
 * Context: any.
 *
 * Return: @text, or a word.
 */
const char *perfmlock_limit_text(char *text, unsigned long limit,
				 unsigned int shift)
{
	if (limit == LONG_MAX)
		return "-";
	if (limit >= (RLIM_INFINITY >> PAGE_SHIFT))
		return "unlimited";
	snprintf(text, PERFMLOCK_NUMBER_TEXT, "%lu", limit << shift);
	return text;
}

/**
 * perfmlock_state_text() - what a process does
 * @state: a letter, as ps has it; 0: it is gone
 *
 * Context: any.
 *
 * Return: a word.
 */
const char *perfmlock_state_text(char state)
{
	switch (state) {
	case 0:
		return "gone";
	case 'R':
		return "running";
	case 'S':
	case 'I':
		return "sleeping";
	case 'D':
		return "stuck";
	case 'T':
		return "stopped";
	case 't':
		return "traced";
	case 'Z':
		return "zombie";
	case 'X':
		return "dead";
	default:
		return "other";
	}
}

/**
 * perfmlock_errno_text() - an error by its name
 * @text: room for one that has none here, PERFMLOCK_NUMBER_TEXT bytes
 * @error: positive
 *
 * Context: any.
 *
 * Return: the name of those that perf_mmap() gives; else the number in @text.
 */
const char *perfmlock_errno_text(char *text, int error)
{
	switch (error) {
	case EPERM:
		return "EPERM";
	case ENOMEM:
		return "ENOMEM";
	case EACCES:
		return "EACCES";
	case EBUSY:
		return "EBUSY";
	case ENODEV:
		return "ENODEV";
	case EINVAL:
		return "EINVAL";
	case EOPNOTSUPP:
		return "EOPNOTSUPP";
	default:
		snprintf(text, PERFMLOCK_NUMBER_TEXT, "%d", error);
		return text;
	}
}

static const char *const whys[PERFMLOCK_NR_WHYS] = {
	[PERFMLOCK_WHY_UNKNOWN] = "unknown",
	[PERFMLOCK_WHY_INHERIT] = "inherited-task-event",
	[PERFMLOCK_WHY_PRIVATE] = "private-mapping",
	[PERFMLOCK_WHY_SIZE] = "size",
	[PERFMLOCK_WHY_OTHER_SIZE] = "other-size-than-mapped",
	[PERFMLOCK_WHY_NO_DATA] = "aux-without-data",
	[PERFMLOCK_WHY_AUX_PLACE] = "aux-offset-or-size",
	[PERFMLOCK_WHY_AUX_ELSEWHERE] = "aux-mapped-elsewhere",
	[PERFMLOCK_WHY_NO_AUX] = "event-without-aux",
	[PERFMLOCK_WHY_TOO_LARGE] = "too-large",
	[PERFMLOCK_WHY_NO_MEMORY] = "no-memory",
	[PERFMLOCK_WHY_NO_MEMORY_OR_PMU] = "no-memory-or-pmu",
	[PERFMLOCK_WHY_REDIRECTED] = "event-redirected",
	[PERFMLOCK_WHY_SPLIT] = "split",
	[PERFMLOCK_WHY_SECURITY] = "security",
	[PERFMLOCK_WHY_REVOKED] = "pmu-gone",
};

/**
 * perfmlock_why_text() - why a perf_mmap() failed
 * @why: the reason
 *
 * Context: any.
 *
 * Return: its word.
 */
const char *perfmlock_why_text(enum perfmlock_why why)
{
	return whys[why];
}

/**
 * perfmlock_kind_text() - a part of a buffer
 * @kind: which
 *
 * Context: any.
 *
 * Return: its word.
 */
const char *perfmlock_kind_text(enum perfmlock_kind kind)
{
	return kind == PERFMLOCK_AUX ? "aux" : "data";
}

/**
 * perfmlock_step_text() - what a call did, as in op=
 * @step: the step
 *
 * Context: any.
 *
 * Return: the word.
 */
const char *perfmlock_step_text(enum perfmlock_step step)
{
	static const char *const names[] = {
		[PERFMLOCK_MAP] = "map",
		[PERFMLOCK_REMAP] = "remap",
		[PERFMLOCK_UNMAP] = "unmap",
		[PERFMLOCK_LAST_UNMAP] = "last-unmap",
		[PERFMLOCK_REFUSED] = "failed-map",
	};

	return names[step];
}
