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

#endif
