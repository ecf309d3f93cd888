// SPDX-License-Identifier: GPL-2.0
/*
 * What is probed of perf's mappings costs at least so much: two kretprobes, on
 * perf_mmap() and perf_mmap_close(), that do nothing.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kprobes.h>
#include <linux/module.h>

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

static struct kretprobe map = {
	.kp.symbol_name = "perf_mmap",
	.entry_handler = floor_entry,
	.handler = floor_return,
};

static struct kretprobe close = {
	.kp.symbol_name = "perf_mmap_close",
	.entry_handler = floor_entry,
	.handler = floor_return,
};

static struct kretprobe *probes[] = { &map, &close };

static int __init floor_init(void)
{
	int ret = register_kretprobes(probes, ARRAY_SIZE(probes));

	if (ret)
		pr_err("perf_mmap() and perf_mmap_close() cannot be probed (%d)\n",
		       ret);
	return ret;
}

static void __exit floor_exit(void)
{
	unregister_kretprobes(probes, ARRAY_SIZE(probes));
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Two kretprobes on perf's mappings that do nothing");
