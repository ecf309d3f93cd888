// SPDX-License-Identifier: GPL-2.0
/*
 * The switch of repair, as a file and as a parameter of the module: under lockdown
 * no file of debugfs can be written. What is repaired, and how, is in repair.c.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "hooks.h"
#include "kernel.h"
#include "ledger.h"
#include "switch.h"
#include "tracing.h"

/* Guards everything below, and is not waited for by who holds another lock. */
static DEFINE_MUTEX(switch_mutex);

/* NULL: it is not loaded yet, or is about to go. */
static struct perfmlock_ledger *ledger;
static bool gone;

/* Who looks each second while it is on is told that it is. */
static void (*want_upkeep)(void);

/* As it is; before the load, as it is wanted. */
static bool repair;

/* What is told of a repair of all rows. */
static struct perfmlock_notes notes;

/* When they were looked at last, for what no end of a call has repaired. */
static unsigned long looked_at;

static void put(bool on)
{
	WRITE_ONCE(repair, on);
	/* while the probes are off, and until that is told, nothing is certain */
	perfmlock_hooks_armed();
	if (on)
		add_taint(PERFMLOCK_TAINT, LOCKDEP_STILL_OK);
	perfmlock_repair_switch(ledger, on, &notes, perfmlock_trace_repairs);
	looked_at = jiffies;
	want_upkeep();
	pr_notice("repair is %s, by %s[%d]: %s\n", on ? "on" : "off",
		  current->comm, task_tgid_nr(current),
		  on ? "the kernel's counters are kept at what is right" :
		       "the kernel's counters are what it made of them");
}

/* The odd ones are on. */
static const char *const words[] = {
	"0", "1", "n", "y", "N", "Y", "off", "on",
};

/**
 * perfmlock_switch_set() - repair from now on, or no more
 * @text: one of the words, with or without a newline
 *
 * When it returns all is repaired, or undone. To set it to what it is does nothing.
 *
 * Context: process, may sleep.
 *
 * Return: 0; -EINVAL: another word; -EPERM without CAP_SYS_ADMIN; -ENODEV: the
 * module is about to go.
 */
int perfmlock_switch_set(const char *text)
{
	int word = sysfs_match_string(words, text), ret = 0;
	bool on = word % 2;

	if (!capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (word < 0)
		return -EINVAL;
	mutex_lock(&switch_mutex);
	if (gone)
		ret = -ENODEV;
	else if (!ledger)
		WRITE_ONCE(repair, on);
	else if (on != repair)
		put(on);
	mutex_unlock(&switch_mutex);
	return ret;
}

static int set(const char *text, const struct kernel_param *param)
{
	return perfmlock_switch_set(text);
}

static int get(char *text, const struct kernel_param *param)
{
	return sprintf(text, "%c\n", perfmlock_switch_is_on() ? 'Y' : 'N');
}

static const struct kernel_param_ops repair_ops = {
	.set = set,
	.get = get,
};

module_param_cb(repair, &repair_ops, NULL, 0600);
MODULE_PARM_DESC(repair,
		 "keep the kernel's counters at what is right, until it is off again (default: off)");

/**
 * perfmlock_switch_start() - from now on what is set has an effect
 * @books: the ledger; the hooks are there
 * @upkeep: asks for perfmlock_switch_look()
 *
 * Context: process, may sleep.
 */
void perfmlock_switch_start(struct perfmlock_ledger *books,
			    void (*upkeep)(void))
{
	mutex_lock(&switch_mutex);
	ledger = books;
	want_upkeep = upkeep;
	if (repair)
		put(true);
	mutex_unlock(&switch_mutex);
}

/**
 * perfmlock_switch_stop() - undo, and set nothing any more
 *
 * The parameter's file is there for longer than the module is.
 *
 * Context: process, may sleep; the hooks are there still.
 */
void perfmlock_switch_stop(void)
{
	mutex_lock(&switch_mutex);
	gone = true;
	if (repair)
		put(false);
	mutex_unlock(&switch_mutex);
}

/**
 * perfmlock_switch_look() - repair what the end of no call has repaired
 *
 * Some books become certain again without one; and who was charged for a buffer need
 * not be who maps it. No more often than each second.
 *
 * Context: process, may sleep.
 *
 * Return: true if it is on: it is to be looked again.
 */
bool perfmlock_switch_look(void)
{
	/* who holds it repairs all */
	if (!mutex_trylock(&switch_mutex))
		return true;
	if (ledger && repair && time_after_eq(jiffies, looked_at + HZ)) {
		perfmlock_repair_all(ledger, &notes, perfmlock_trace_repairs);
		looked_at = jiffies;
	}
	mutex_unlock(&switch_mutex);
	return READ_ONCE(repair);
}

/**
 * perfmlock_switch_is_on() - is it on
 *
 * Context: any.
 *
 * Return: true if so.
 */
bool perfmlock_switch_is_on(void)
{
	return READ_ONCE(repair);
}
