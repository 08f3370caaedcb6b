/* An allocator that refuses from the n-th request on, and knows what was not released. */
#ifndef TESTS_FAILING_ALLOCATOR_H
#define TESTS_FAILING_ALLOCATOR_H

#include "ir/base.h"

struct failing_allocator {
    struct einc_allocator allocator;
    long allowed; /* requests still granted; negative: all */
    long granted; /* so far */
    long live;    /* granted and not yet released */
};

/* Sets up `failing` in place: its address is the allocator's user pointer. */
void failing_allocator_init(struct failing_allocator *failing, long allowed);

/* A piece of work that takes its memory from the allocator and gives all of it back. True when memory sufficed. What must have
 * memory before the work begins is made with `allowed` set aside: see failing_allocator_spare. */
typedef bool work_in_memory(struct failing_allocator *failing, const void *data);

/* Does the work with 0, 1, 2, ... requests granted until memory suffices, so that each single request has failed once; asserts that
 * nothing is ever left. Gives the requests that sufficed. */
long each_allocation_fails(work_in_memory *work, const void *data);

/* What the work is allowed counts only from failing_allocator_resume on; between the two calls all requests are granted. */
long failing_allocator_spare(struct failing_allocator *failing);
void failing_allocator_resume(struct failing_allocator *failing, long allowed);

#endif
