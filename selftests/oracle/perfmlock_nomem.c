// SPDX-License-Identifier: GPL-2.0
/*
 * Lets one allocation of another module's load fail: that of number nth= after the
 * kernel has begun to initialise it, where failslab is told to spare none. In
 * /proc/self/fail-nth of who loads it stands 0 if there was one.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/limits.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sched.h>
#include <linux/string.h>

static char *module;
module_param(module, charp, 0400);
MODULE_PARM_DESC(module, "Whose load");

static unsigned int nth;
module_param(nth, uint, 0600);
MODULE_PARM_DESC(nth, "Which allocation, from 1; 0: none");

static int nomem_notify(struct notifier_block *block, unsigned long state,
			void *data)
{
	const struct module *loaded = data;

	if (state == MODULE_STATE_COMING && !strcmp(loaded->name, module))
		WRITE_ONCE(current->fail_nth, READ_ONCE(nth));
	return NOTIFY_DONE;
}

/* after all others, which allocate as well */
static struct notifier_block notifier = {
	.notifier_call = nomem_notify,
	.priority = INT_MIN,
};

static int __init nomem_init(void)
{
	if (!module || !*module) {
		pr_err("module= is needed: whose load is to lack memory\n");
		return -EINVAL;
	}
	return register_module_notifier(&notifier);
}

static void __exit nomem_exit(void)
{
	unregister_module_notifier(&notifier);
}

module_init(nomem_init);
module_exit(nomem_exit);
MODULE_DESCRIPTION("Lets an allocation of a module's load fail, for the tests of perfmlock");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
