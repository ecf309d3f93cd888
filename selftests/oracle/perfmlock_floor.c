// SPDX-License-Identifier: GPL-2.0
/*
 * What is probed of perf's mappings costs at least so much: two kretprobes, on
 * perf_mmap() and perf_mmap_close(), that do nothing; or with fprobe=1 two fprobes.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/moduleparam.h>

#ifdef FPROBE_REGS
#include <linux/fprobe.h>
#endif

static bool fprobe;
module_param(fprobe, bool, 0444);
MODULE_PARM_DESC(fprobe, "two fprobes, where the kernel has them");

static int __kprobes floor_entry(struct kretprobe_instance *instance,
				 struct pt_regs *regs)
{
	return 0;
}

static int __kprobes floor_return(struct kretprobe_instance *instance,
				  struct pt_regs *regs)
{
	return 0;
}

/* as much as the module's probes keep from entry to return */
#define KEPT	(4 * sizeof(void *))

static struct kretprobe map = {
	.kp.symbol_name = "perf_mmap",
	.entry_handler = floor_entry,
	.handler = floor_return,
	.data_size = KEPT,
};

static struct kretprobe close = {
	.kp.symbol_name = "perf_mmap_close",
	.entry_handler = floor_entry,
	.handler = floor_return,
	.data_size = KEPT,
};

static struct kretprobe *probes[] = { &map, &close };

#ifdef FPROBE_REGS
static int fprobe_entry(struct fprobe *probe, unsigned long entry,
			unsigned long ret, struct FPROBE_REGS *regs, void *data)
{
	return 0;
}

static void fprobe_return(struct fprobe *probe, unsigned long entry,
			  unsigned long ret, struct FPROBE_REGS *regs,
			  void *data)
{
}

static struct fprobe both = {
	.entry_handler = fprobe_entry,
	.exit_handler = fprobe_return,
	.entry_data_size = KEPT,
};

static int register_fprobes(void)
{
	const char *symbols[ARRAY_SIZE(probes)] = {
		map.kp.symbol_name, close.kp.symbol_name,
	};

	return register_fprobe_syms(&both, symbols, ARRAY_SIZE(symbols));
}

static void unregister_fprobes(void)
{
	unregister_fprobe(&both);
}
#else
static int register_fprobes(void)
{
	return -EOPNOTSUPP;
}

static void unregister_fprobes(void)
{
}
#endif

static int __init floor_init(void)
{
	int ret = fprobe ? register_fprobes() :
			   register_kretprobes(probes, ARRAY_SIZE(probes));

	if (ret)
		pr_err("perf_mmap() and perf_mmap_close() cannot be probed (%d)\n",
		       ret);
	return ret;
}

static void __exit floor_exit(void)
{
	if (fprobe)
		unregister_fprobes();
	else
		unregister_kretprobes(probes, ARRAY_SIZE(probes));
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Probes on perf's mappings that do nothing");
