/* Inside passes: rules that give contractions other algorithms. */
#ifndef PASSES_STRUCTURE_H
#define PASSES_STRUCTURE_H

#include "passes.h"

struct structuring {
    struct pass_kernel *pass;
    struct ir_context *context;
    struct ir_kernel *kernel;
    uint32_t depth;     /* of rules within what rules made */
    const char *tensor; /* what the outermost of them is about */
};

/* A contraction as a matrix applied to data: y[...] = sum of (others) * sum over `column` of matrix[row, column] * data[batch...,
 * column], where no other operand has both. */
struct structure_application {
    const struct ir_node *node;
    uint32_t operand; /* the matrix */
    uint32_t row, column;
    int64_t rows, columns;
    bool *inside;   /* operands that are part of the data */
    bool *absorbed; /* summed indices that only data have */
    uint32_t n_batch;
    uint32_t *batch; /* indices of the node that are axes of the data, in order */
    const struct ir_node *data;
    const struct ir_node *real; /* the data before they were cast to complex numbers; NULL: they were not */
};

/* structure_apply.c. False: the node has not this form, or no memory. */
bool structure_isolate(struct structuring *structuring, const struct ir_node *node, uint32_t operand, uint32_t row, uint32_t column,
                       struct structure_application *application);
/* The node with transformed[batch..., row] in the place of matrix and data. `batch` may name other indices than the data have. */
const struct ir_node *structure_finish(struct structuring *structuring, const struct structure_application *application,
                                       uint32_t n_batch, const uint32_t *batch, const struct ir_node *transformed);
/* structure.c: ir_rewrite of the kernel in which what was found stays known: those nodes are rewritten as outputs are. False: no
 * memory. */
bool structure_rewrite(struct structuring *structuring, ir_rewrite_function *rewrite);
/* The node with what rules find in it, as alternatives. */
const struct ir_node *structure_improve(struct structuring *structuring, const struct ir_node *node);

/* ---- structure_waves.c: operands that are roots of unity ---- */

/* What an operand is: part of re + i im times root(numerator, order), over the node's indices. */
struct structure_wave {
    double re, im;
    bool real; /* its real part */
    const struct poly *numerator;
    int64_t order;
};
/* a i j + b i + c j + d */
struct structure_form {
    int64_t a, b, c, d;
};
/* The operand as a transform that is applied to data. */
struct structure_transform {
    struct structure_application application;
    struct structure_wave wave;
    struct structure_form form;
    int64_t length;
    bool inverse;
};

/* The operand as a wave; false: it is none. */
bool structure_find_wave(struct structuring *structuring, const struct ir_node *node, uint32_t operand,
                         struct structure_wave *wave);
/* The operand as such a transform: of some length, forward or backward, applied to data that are isolated. False: it is none. */
bool structure_find_transform(struct structuring *structuring, const struct ir_node *node, uint32_t operand,
                              struct structure_transform *transform);
/* spectra.c: is the node a constant, none of it `exact`, that the compiler can calculate? */
bool spectra_is_known(struct ir_context *context, const struct ir_node *node);
/* structure_fourier.c, for real waves: the data in real numbers, of complex data both parts along a first axis of their own; and
 * the node with what that was transformed to. */
const struct ir_node *structure_real_data(struct structuring *structuring, const struct structure_application *application);
const struct ir_node *structure_finish_real(struct structuring *structuring, const struct structure_application *application,
                                            const struct ir_node *y);
/* fourier_real and fourier_half, the way that is fast on the machine: by steps or packed. */
const struct ir_node *structure_real(struct structuring *structuring, const struct ir_node *x, int64_t n);
const struct ir_node *structure_real_back(struct structuring *structuring, const struct ir_node *x, int64_t n, bool twice);
/* All `rows` of a spectrum of real data from its first half. */
const struct ir_node *structure_both_halves(struct ir_context *context, const struct ir_node *half, int64_t n, int64_t rows);
/* The rows that are asked for, times the wave's factor root(b i + d, order), or the real part of that. */
const struct ir_node *structure_turned(struct ir_context *context, const struct structure_transform *transform,
                                       const struct ir_node *y);

/* ---- structure_cosine.c ---- */
/* One of the four types of cosine and sine transforms, with N = 2n, 4n or 8n and the sign of the angle made +. */
struct structure_quarter_wave {
    int type;
    int64_t n, offset;
    bool sine;
    int64_t before, skipped; /* columns and rows that the matrix has not, at the beginning; others may be missing at the end */
    int64_t size;            /* of the whole transform */
};
/* structure_cosine_odd.c: types II, III (its offset 1 of sines, 0 of cosines) and IV of odd length, of real data. */
const struct ir_node *structure_cosine_odd(struct ir_context *context, const struct structure_transform *transform,
                                           const struct structure_quarter_wave *quarter, const struct ir_node *x);

typedef const struct ir_node *structure_rule(struct structuring *structuring, const struct ir_node *node, uint32_t operand);
#define RULE(name, op, class, meaning) structure_rule structure_##name;
#include "structure.def"

#endif
