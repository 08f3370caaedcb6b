/* Counts requests over malloc, and refuses them once the allowance is used up. Tests run a piece of work with every allowance from
 * 0 on until it succeeds: so each single allocation has failed once. */
#include "failing_allocator.h"

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
