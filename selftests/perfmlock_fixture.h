/* SPDX-License-Identifier: GPL-2.0 */
/* The fixture of every test: books at rest before and after. */
#ifndef PERFMLOCK_FIXTURE_H
#define PERFMLOCK_FIXTURE_H

#include "kselftest_harness.h"
#include "perfmlock_test.h"

/* Ends what hangs, and nothing else, however slow the machine is. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 900

FIXTURE(books)
{
	struct test_env e;
};

FIXTURE_SETUP(books)
{
	env_open(&self->e);
}

FIXTURE_TEARDOWN(books)
{
	EXPECT_EQ(0, env_close(&self->e));
}

/* A point where nobody maps: all tables against all independent readings. */
#define VERIFY(when) ASSERT_EQ(0, env_verify(&self->e, when))

#endif
