/* Ways to compute one linear map on slots, from a packing of its operand. */
#ifndef EINC_PACKING_STAGE_H
#define EINC_PACKING_STAGE_H

#include "packing_internal.h"

struct packing_attempt {
    struct packer *packer;
    const struct packing_node *node;
    struct packing_stages *stages;
    const struct packing *in;
    struct packing_places places; /* of the operand, cut so that each digit has its own */
    uint32_t place[PACKING_DIGITS];
    uint32_t summed[PACKING_DIGITS], n_summed, fresh[PACKING_DIGITS], n_fresh; /* digits only of the operand, only of the result */
};

/* Pushes the ways there are from `in`; `plainly`: where places do not show the digits, results in C order. False without memory. */
bool packing_try(struct packing_attempt *attempt, const struct packing *in, bool plainly);

/* Results in C order, whatever the map: for maps without digits, and operands that lie otherwise than by their digits. */
bool packing_try_plainly(struct packing_attempt *attempt);

#endif
