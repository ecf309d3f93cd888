// SPDX-License-Identifier: GPL-2.0
/*
 * Makes a function of the kernel or of a module take longer, so that what may
 * happen beside it happens: symbol= is probed, and each time that a process comes
 * there the CPU is kept busy for ms=.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/processor.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

static char *symbol;
module_param(symbol, charp, 0400);
MODULE_PARM_DESC(symbol, "The function to probe");

static unsigned int ms;
module_param(ms, uint, 0600);
MODULE_PARM_DESC(ms, "Keep whoever calls it busy so long");

static unsigned int hits;
module_param(hits, uint, 0400);
MODULE_PARM_DESC(hits, "How often somebody was");

/*
 * By the clock: how fast a CPU's delay loop is can be anything in a guest, one of
 * 5.10 waits for 1 ms in place of 100.
 */
static int __kprobes delay_entry(struct kprobe *probe, struct pt_regs *regs)
{
	u64 end = ktime_get_mono_fast_ns() + (u64)READ_ONCE(ms) * NSEC_PER_MSEC;

	if (!in_task())
		return 0;
	WRITE_ONCE(hits, hits + 1);
	while (ktime_get_mono_fast_ns() < end)
		cpu_relax();
	return 0;
}

static struct kprobe probe = {
	.pre_handler = delay_entry,
};

static int __init delay_init(void)
{
	int ret;

	if (!symbol || !*symbol) {
		pr_err("symbol= is needed: the function to probe\n");
		return -EINVAL;
	}
	probe.symbol_name = symbol;
	ret = register_kprobe(&probe);
	if (ret)
		pr_err("%s cannot be probed (%d)\n", symbol, ret);
	return ret;
}

static void __exit delay_exit(void)
{
	unregister_kprobe(&probe);
}

module_init(delay_init);
module_exit(delay_exit);
MODULE_DESCRIPTION("Makes a function take longer, for the tests of perfmlock");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
