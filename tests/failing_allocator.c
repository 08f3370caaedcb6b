/* Counts requests over malloc, and refuses them once the allowance is used up. Tests run a piece of work with every allowance from
 * 0 on until it succeeds: so each single allocation has failed once. */
#include "failing_allocator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

static void *allocate(void *user, size_t size)
{
    struct failing_allocator *failing = user;
    if (failing->allowed >= 0 && failing->granted >= failing->allowed)
        return NULL;
    void *memory = malloc(size);
    if (memory) {
        failing->granted++;
        failing->live++;
    }
    return memory;
}

static void release(void *user, void *memory)
{
    struct failing_allocator *failing = user;
    if (memory)
        failing->live--;
    free(memory);
}

void failing_allocator_init(struct failing_allocator *failing, long allowed)
{
    *failing = (struct failing_allocator){.allowed = allowed};
    failing->allocator = (struct einc_allocator){.allocate = allocate, .release = release, .user = failing};
}

/* Far more than any work of the tests asks for: work that never has enough fails the test instead of running for ever. */
enum { MOST_REQUESTS = 1000000 };

long each_allocation_fails(work_in_memory *work, const void *data)
{
    for (long allowed = 0; allowed < MOST_REQUESTS; allowed++) {
        struct failing_allocator failing;
        failing_allocator_init(&failing, allowed);
        bool sufficed = work(&failing, data);
        assert_int_equal(failing.live, 0);
        if (sufficed)
            return allowed;
    }
    fail_msg("no amount of memory suffices");
    return -1;
}

long failing_allocator_spare(struct failing_allocator *failing)
{
    long allowed = failing->allowed;
    failing->allowed = -1;
    return allowed;
}

void failing_allocator_resume(struct failing_allocator *failing, long allowed)
{
    failing->allowed = failing->granted + allowed;
}
