// SPDX-License-Identifier: GPL-2.0
/* What the kernel has and does not export. */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/sysctl.h>

#include "regs.h"
#include "symbol.h"

/**
 * perfmlock_find_data() - the address of a variable that is not exported
 * @name: its symbol
 *
 * A kprobe looks its symbol up before it is refused for not being code, and leaves
 * the address behind; so nothing unexported is ever called.
 *
 * Context: process, may sleep.
 *
 * Return: the address, or NULL: there is no such symbol, or it is code.
 */
void *perfmlock_find_data(const char *name)
{
	struct kprobe probe = { .symbol_name = name };

	if (!register_kprobe(&probe)) {
		/* code after all: not what is asked for */
		unregister_kprobe(&probe);
		return NULL;
	}
	return IS_ERR(probe.addr) ? NULL : probe.addr;
}

#define SYSCTL_DIR	"/proc/sys/kernel/"

/**
 * perfmlock_read_sysctl() - what /proc/sys/kernel says of a number
 * @name: its file
 * @value: result, as it was where nothing can be read
 *
 * Context: process, may sleep.
 */
void perfmlock_read_sysctl(const char *name, int *value)
{
	char path[sizeof(SYSCTL_DIR) + 32] = SYSCTL_DIR;
	struct file *file;
	char text[16] = "";
	loff_t pos = 0;
	int number;

	strlcat(path, name, sizeof(path));
	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file))
		return;
	if (kernel_read(file, text, sizeof(text) - 1, &pos) > 0 &&
	    !kstrtoint(strim(text), 10, &number))
		WRITE_ONCE(*value, number);
	filp_close(file, NULL);
}

/*
 * Without CONFIG_KALLSYMS_ALL variables have no symbols. But whoever reads a
 * sysctl calls proc_dointvec() with its table, which says where the value is:
 * we read it, and look on.
 */
static struct task_struct *reader;
static const char *read_name;
static const int *read_from;

static int __kprobes sysctl_entry(struct kprobe *probe, struct pt_regs *regs)
{
	const struct ctl_table *table = (void *)perfmlock_argument(regs, 0);

	if (current == reader && !strcmp(table->procname, read_name) &&
	    table->maxlen == sizeof(int))
		read_from = table->data;
	return 0;
}

/**
 * perfmlock_find_sysctl() - where the kernel has the value of a sysctl
 * @symbol: the variable's
 * @name: the file's below /proc/sys/kernel
 * @value: what the file says, where the symbol alone does not tell
 *
 * Context: process, may sleep; by one at a time.
 *
 * Return: the address, or NULL.
 */
const int *perfmlock_find_sysctl(const char *symbol, const char *name,
				 int *value)
{
	struct kprobe probe = {
		.symbol_name = "proc_dointvec",
		.pre_handler = sysctl_entry,
	};
	const int *found = perfmlock_find_data(symbol);

	if (found)
		return found;
	reader = current;
	read_name = name;
	read_from = NULL;
	if (register_kprobe(&probe))
		return NULL;
	perfmlock_read_sysctl(name, value);
	unregister_kprobe(&probe);
	return read_from;
}
