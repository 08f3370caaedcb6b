/* Short sums one after another, a group of elements at a time: what the files group_*.c know of them.
 *
 * group_stages.c finds such stages and chooses which go together, group_digits.c finds the indices that they have in common,
 * group_write.c writes the loop. */
#ifndef PASSES_GROUP_STAGES_H
#define PASSES_GROUP_STAGES_H

#include "passes.h"

enum { GROUP_LOOPS = 16, GROUP_DIGITS = 64, GROUP_LOOP_DIGITS = 16 };

/* A part of a loop's index: index = digit[0] + extent[0] * (digit[1] + extent[1] * ...). Stages that have a digit in common have
 * the same one. */
struct group_digit {
    const struct poly *extent;
    bool is_common; /* to all stages of the group, outside of their sums */
    uint32_t index; /* of the function, of the loop over a common one */
    int64_t value;  /* of another one, while statements are written */
};

struct group_loop {
    const struct loop_stmt *loop;
    bool is_summed;
    uint32_t digits[GROUP_LOOP_DIGITS], n_digits; /* lowest first */
};

/* Perfect loops around statements that sum and store in one buffer. */
struct group_stage {
    struct loop_stmt *block;
    const struct loop_stmt *inside;
    struct group_loop loops[GROUP_LOOPS]; /* outermost first, those of the sums last */
    uint32_t n_loops;
    uint32_t target;              /* the buffer that it stores in */
    const struct poly *written;   /* where, by the first store; others are a constant apart */
    const struct poly *read;      /* where it reads what the stage before it in the group stores; NULL: it is the first */
    int64_t n_stores, n_terms;    /* in `inside`: stores; what is added, at each point of the sums once */
    int64_t elements, operations; /* of the stage in one group: stored, added; set by group_find_common */
};

struct group {
    struct pass_kernel *kernel;
    struct ir_context *context;
    struct arena *arena;
    struct group_stage *stages;
    uint32_t n_stages;
    struct group_digit digits[GROUP_DIGITS];
    uint32_t n_digits;
};

/* ---- group_digits.c ---- */

/* Cuts the loops of the stages where those that store and those that read what was stored are cut, and finds what all have in
 * common. False: they do not go through the same places, or there is no memory. */
bool group_find_common(struct group *group);
/* What a place moves by as the digit of the loop does. NULL: no memory. */
const struct poly *group_step(const struct group *group, const struct group_loop *loop, const struct poly *address, uint32_t digit);

/* ---- group_write.c ---- */

/* The loops over what the stages have in common, around their statements. NULL: vectors cannot run along any of them, a stage reads
 * what no other has stored in this group, or there is no memory. */
struct loop_stmt *group_write(struct group *group);

/* ---- group_stages.c ---- */

/* Puts stages of the list, and of loops around stages in it, together where that is possible. False: no memory. */
bool group_list(struct pass_kernel *kernel, struct loop_stmt *list);

#endif
