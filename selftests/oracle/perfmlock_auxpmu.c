// SPDX-License-Identifier: GPL-2.0
/*
 * A PMU that counts nothing but has an AUX area, so that machines without
 * such hardware can map one. setup_aux() runs in the middle of perf_mmap():
 * delay_ms keeps the caller there, with mmap_lock held for writing, fail makes
 * the allocation fail. event_unmapped() runs at the start of perf_mmap_close(),
 * before anything is given back: unmap_delay_ms keeps the caller there. go_on
 * ends either stay.
 */
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/perf_event.h>

static unsigned int delay_ms;
module_param(delay_ms, uint, 0600);
MODULE_PARM_DESC(delay_ms, "Sleep so long in setup_aux");

static bool go_on;
module_param(go_on, bool, 0600);
MODULE_PARM_DESC(go_on, "Nobody sleeps any longer");

static bool fail;
module_param(fail, bool, 0600);
MODULE_PARM_DESC(fail, "Refuse to set up the AUX area");

static int let_go;
module_param(let_go, int, 0600);
MODULE_PARM_DESC(let_go, "The process that sleeps no longer");

static unsigned int unmap_delay_ms;
module_param(unmap_delay_ms, uint, 0600);
MODULE_PARM_DESC(unmap_delay_ms, "Sleep so long in event_unmapped");

static unsigned int calls;
module_param(calls, uint, 0400);
MODULE_PARM_DESC(calls, "How often somebody came to either place");

static struct pmu auxpmu;

static int auxpmu_event_init(struct perf_event *event)
{
	return event->attr.type == auxpmu.type ? 0 : -ENOENT;
}

static int auxpmu_add(struct perf_event *event, int flags)
{
	return 0;
}

static void auxpmu_nop(struct perf_event *event, int flags)
{
}

static void auxpmu_read(struct perf_event *event)
{
}

static void stay(unsigned int ms)
{
	unsigned long end = jiffies + msecs_to_jiffies(ms);

	WRITE_ONCE(calls, calls + 1);
	while (time_before(jiffies, end) && !READ_ONCE(go_on) &&
	       READ_ONCE(let_go) != current->tgid)
		msleep(20);
}

#ifdef SETUP_AUX_BY_CPU
static void *auxpmu_setup_aux(int cpu, void **pages, int nr_pages,
			      bool overwrite)
#else
static void *auxpmu_setup_aux(struct perf_event *event, void **pages,
			      int nr_pages, bool overwrite)
#endif
{
	stay(READ_ONCE(delay_ms));
	return fail ? NULL : &auxpmu;
}

static void auxpmu_free_aux(void *aux)
{
}

static void auxpmu_event_unmapped(struct perf_event *event,
				  struct mm_struct *mm)
{
	stay(READ_ONCE(unmap_delay_ms));
}

static struct pmu auxpmu = {
	.module		= THIS_MODULE,
	.task_ctx_nr	= perf_invalid_context,
	.event_init	= auxpmu_event_init,
	.add		= auxpmu_add,
	.del		= auxpmu_nop,
	.start		= auxpmu_nop,
	.stop		= auxpmu_nop,
	.read		= auxpmu_read,
	.event_unmapped	= auxpmu_event_unmapped,
	.setup_aux	= auxpmu_setup_aux,
	.free_aux	= auxpmu_free_aux,
};

static int __init auxpmu_module_init(void)
{
	return perf_pmu_register(&auxpmu, "perfmlock_auxpmu", -1);
}

static void __exit auxpmu_module_exit(void)
{
	perf_pmu_unregister(&auxpmu);
}

module_init(auxpmu_module_init);
module_exit(auxpmu_module_exit);
MODULE_DESCRIPTION("PMU with an AUX area and no hardware, for the tests of perfmlock");
MODULE_LICENSE("GPL");
MODULE_INFO(test, "Y");
