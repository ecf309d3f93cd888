// SPDX-License-Identifier: GPL-2.0
/* What perf_mmap() and perf_mmap_close() do around the rule of a kernel. */
#include <linux/module.h>
#include <linux/string.h>

#include "world.h"

/**
 * world_init() - a world in which nothing is mapped
 * @world: result
 * @model: the rule of its kernel
 * @limit: user_lock_limit, in pages
 * @rlimit: of every mm, in pages
 */
void world_init(struct world *world, const struct perfmlock_model *model,
		unsigned long limit, unsigned long rlimit)
{
	unsigned int i;

	memset(world, 0, sizeof(*world));
	world->model = model;
	world->limit = limit;
	for (i = 0; i < WORLD_MMS; i++)
		world->rlimit[i] = rlimit;
}

/* Mappings that hold a part: an AUX mapping also holds the data. */
static unsigned int holders(const struct world_part *event,
			    enum perfmlock_kind kind)
{
	if (kind == PERFMLOCK_AUX)
		return event[PERFMLOCK_AUX].maps;
	return event[PERFMLOCK_DATA].maps + event[PERFMLOCK_AUX].maps;
}

/* An AUX area can only be mapped where data are. */
bool world_can_map(const struct world *world, const struct world_call *call)
{
	return call->kind == PERFMLOCK_DATA ||
	       world->event[call->event][PERFMLOCK_DATA].maps;
}

/* Only what is mapped can be unmapped. */
bool world_can_unmap(const struct world *world, const struct world_call *call)
{
	return world->event[call->event][call->kind].maps;
}

/**
 * world_map() - mmap()
 * @world: where
 * @call: who, what; world_can_map() it
 *
 * Return: 0 or -EPERM.
 */
int world_map(struct world *world, const struct world_call *call)
{
	struct world_part *event = world->event[call->event];
	struct world_part *part = &event[call->kind];
	struct perfmlock_observation step = {
		.step = holders(event, call->kind) ? PERFMLOCK_REMAP :
						     PERFMLOCK_MAP,
		.kind = call->kind,
		.state = {
			.user = world->user[call->user],
			.mm = world->mm[call->mm],
			.limit = world->limit,
			.rlimit = world->rlimit[call->mm],
		},
	};
	struct perfmlock_charge charge;

	step.pages = step.step == PERFMLOCK_REMAP ? part->pages : call->pages;
	step.rec = part->rec;
	perfmlock_model_step(world->model, &step, &charge);
	if (charge.over && !world->exempt[call->mm])
		return -EPERM;
	world->user[call->user] += charge.user;
	world->mm[call->mm] += charge.mm;
	if (step.step == PERFMLOCK_MAP) {
		part->pages = call->pages;
		part->user = call->user;
		part->mm = call->mm;
		part->charged_user = 0;
		part->charged_mm = 0;
	}
	part->charged_user += charge.user;
	part->charged_mm += charge.mm;
	part->rec = charge.rec;
	part->maps++;
	return 0;
}

static void last_unmap(struct world *world, const struct world_call *call,
		       enum perfmlock_kind kind)
{
	struct world_part *event = world->event[call->event];
	struct world_part *part = &event[kind];
	const struct perfmlock_observation step = {
		.step = PERFMLOCK_LAST_UNMAP,
		.kind = kind,
		.pages = part->pages,
		.rec = part->rec,
	};
	struct perfmlock_charge charge;
	unsigned int user, mm;

	user = world->model->own_user ? part->user : event[PERFMLOCK_DATA].user;
	mm = world->model->own_mm ? part->mm : call->mm;
	perfmlock_model_step(world->model, &step, &charge);
	world->user[user] += charge.user;
	world->mm[mm] += charge.mm;
	part->pages = 0;
	part->rec = charge.rec;
	part->charged_user = 0;
	part->charged_mm = 0;
}

/**
 * world_unmap() - munmap()
 * @world: where
 * @call: who, what; world_can_unmap() it
 */
void world_unmap(struct world *world, const struct world_call *call)
{
	struct world_part *event = world->event[call->event];

	event[call->kind].maps--;
	if (call->kind == PERFMLOCK_AUX && !holders(event, PERFMLOCK_AUX))
		last_unmap(world, call, PERFMLOCK_AUX);
	if (!holders(event, PERFMLOCK_DATA))
		last_unmap(world, call, PERFMLOCK_DATA);
}

/* Everybody unmaps what they mapped first, the AUX areas before the data. */
void world_unmap_all(struct world *world)
{
	struct world_call call = {};
	struct world_part *part;
	int kind;

	for (; call.event < WORLD_EVENTS; call.event++) {
		for (kind = PERFMLOCK_AUX; kind >= PERFMLOCK_DATA; kind--) {
			part = &world->event[call.event][kind];
			call.kind = kind;
			call.user = part->user;
			call.mm = part->mm;
			while (part->maps)
				world_unmap(world, &call);
		}
	}
}

/**
 * world_next_model() - walk a blank-separated list of rules
 * @names: the list, and what is left of it
 *
 * Return: the next rule; NULL with nothing left at the end, or with what names
 * none left.
 */
const struct perfmlock_model *world_next_model(const char **names)
{
	size_t length = strcspn(*names, " ");
	const struct perfmlock_model *model = &perfmlock_reference_model;
	unsigned int i = 0;

	while (strlen(model->name) != length ||
	       strncmp(model->name, *names, length)) {
		if (i == PERFMLOCK_NR_MODELS)
			return NULL;
		model = &perfmlock_models[i++];
	}
	*names += length;
	*names += strspn(*names, " ");
	return model;
}

/* The rule of that name, NULL: there is none. */
const struct perfmlock_model *world_model(const char *name)
{
	return world_next_model(&name);
}

/* Its place in the table, where the reference rule is that of a kernel without mistakes. */
unsigned int world_index(const struct perfmlock_model *model)
{
	return model == &perfmlock_reference_model ? PERFMLOCK_REFERENCE :
						     model - perfmlock_models;
}

MODULE_DESCRIPTION("KUnit tests of perfmlock's accounting and books");
MODULE_LICENSE("GPL");
