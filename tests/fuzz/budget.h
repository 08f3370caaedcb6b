/* An allocator that fails: malloc until a budget is used up. */
#ifndef FUZZ_BUDGET_H
#define FUZZ_BUDGET_H

#include <stdlib.h>

/* `user` is the size_t that is left; nothing is given back to it. */
static inline void *budget_allocate(void *user, size_t size)
{
    size_t *left = user;
    if (size > *left)
        return NULL;
    *left -= size;
    return malloc(size);
}

static inline void budget_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

#endif
