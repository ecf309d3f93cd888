/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small world in which a kernel keeps its accounts by any one rule: users,
 * mms and events, and the counters that their mmaps and munmaps move.
 */
#ifndef PERFMLOCK_KUNIT_WORLD_H
#define PERFMLOCK_KUNIT_WORLD_H

#include <kunit/test.h>

#include "../module/charge.h"

#define WORLD_USERS	3
#define WORLD_MMS	4
#define WORLD_EVENTS	40

/* RLIM_INFINITY, in pages of 4 kB */
#define WORLD_UNLIMITED	(~0UL >> 12)

/**
 * struct world_part - the data or the AUX area of an event's buffer
 * @pages: of it; 0: not mapped
 * @maps: mappings of this kind
 * @user: who mapped it first
 * @mm: where it was mapped first
 * @charged_user: what that put on U
 * @charged_mm: what that put on M
 * @rec: what the buffer remembers
 */
struct world_part {
	unsigned long pages;
	unsigned int maps;
	unsigned int user;
	unsigned int mm;
	long charged_user;
	long charged_mm;
	long rec;
};

/**
 * struct world - its state
 * @model: the rule of its kernel
 * @limit: user_lock_limit
 * @user: U of each user
 * @mm: M of each mm
 * @rlimit: of each mm
 * @exempt: each mm's processes have CAP_IPC_LOCK
 * @event: the buffer of each event, by kind
 */
struct world {
	const struct perfmlock_model *model;
	unsigned long limit;
	long user[WORLD_USERS];
	long mm[WORLD_MMS];
	unsigned long rlimit[WORLD_MMS];
	bool exempt[WORLD_MMS];
	struct world_part event[WORLD_EVENTS][PERFMLOCK_KINDS];
};

/**
 * struct world_call - an mmap() or munmap()
 * @user: who
 * @mm: in which mm
 * @event: of which event
 * @kind: of its data or its AUX area
 * @pages: of a first mapping
 */
struct world_call {
	unsigned int user;
	unsigned int mm;
	unsigned int event;
	enum perfmlock_kind kind;
	unsigned long pages;
};

void world_init(struct world *world, const struct perfmlock_model *model,
		unsigned long limit, unsigned long rlimit);
bool world_can_map(const struct world *world, const struct world_call *call);
bool world_can_unmap(const struct world *world, const struct world_call *call);
int world_map(struct world *world, const struct world_call *call);
void world_unmap(struct world *world, const struct world_call *call);
void world_unmap_all(struct world *world);

const struct perfmlock_model *world_model(const char *name);
const struct perfmlock_model *world_next_model(const char **names);
unsigned int world_index(const struct perfmlock_model *model);

#endif /* PERFMLOCK_KUNIT_WORLD_H */
