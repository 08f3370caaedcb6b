/* Shared by the files that make random programs. */
#ifndef TESTS_PROGRAMS_INTERNAL_H
#define TESTS_PROGRAMS_INTERNAL_H

#include "programs.h"

enum { POOL_SIZE = 6, VALUE_LIMIT = 64, LARGEST_DIM = 5 };

struct generator {
    struct ir_context *context;
    struct ir_kernel *kernel;
    struct random_options options;
    uint64_t state;
    enum ir_elem elems[2]; /* the program's types */
    const struct poly *extents[POOL_SIZE];
    uint32_t n_extents;
    bool has_idle_index;
    int64_t *largest; /* of each dim */
    const struct ir_node *values[VALUE_LIMIT];
    uint32_t n_values;
};

/* ---- programs.c ---- */
uint32_t pick(struct generator *generator, uint32_t limit);
bool chance(struct generator *generator, uint32_t percent);

/* ---- random_expressions.c ---- */
void choose_elems(struct generator *generator);
enum ir_elem some_elem(struct generator *generator);
struct ir_number some_number(struct generator *generator, enum ir_elem elem); /* small and dyadic */
/* Over all the operands, and the values of indices 0 .. n_indices - 1. */
const struct ir_expr *random_expr(struct generator *generator, uint32_t n_operands, const struct ir_access *operands,
                                  uint32_t n_indices);

/* ---- random_tensors.c ---- */
/* Elements of a constant, as in memory; floats of few bits. */
void *random_constants(struct ir_context *context, enum ir_elem elem, size_t count, uint64_t *state);

#endif
