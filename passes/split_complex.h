/* Shared by split_complex.c (statements) and split_expr.c (expressions). */
#ifndef PASSES_SPLIT_COMPLEX_H
#define PASSES_SPLIT_COMPLEX_H

#include "passes.h"

/* re + i im; `im` NULL: it is 0 by the number's nature (a real number in complex company). */
struct split_pair {
    const struct ir_expr *re, *im;
};

struct split_memo {
    const struct ir_expr *expr;
    struct split_pair pair;
};

struct splitter {
    struct ir_context *context;
    struct loop_function *function;
    bool *split_buffer;         /* was complex */
    enum ir_elem *local_elem;   /* before */
    uint32_t *real, *imaginary; /* locals of the halves; UINT32_MAX: none yet */
    struct loop_stmt *before;   /* to stand before the statement being split */
    struct loop_stmt *last;     /* of these */
    struct span span;
    struct split_memo *memo; /* of this statement */
    size_t n_memo, memo_capacity;
    bool exact; /* the kernel's class forbids even what only inf and nan tell apart */
    bool failed;
};

/* A local with this value before the statement; what is a leaf already stays. */
const struct ir_expr *split_bind(struct splitter *splitter, const char *name, const struct ir_expr *value);
void split_emit(struct splitter *splitter, struct loop_stmt *stmt);

struct split_pair split_expr(struct splitter *splitter, const struct ir_expr *expr); /* of a complex expression */
const struct ir_expr *split_real(struct splitter *splitter,
                                 const struct ir_expr *expr); /* a real expression without complex parts */
struct split_pair split_multiply(struct splitter *splitter, struct split_pair a, struct split_pair b);
const struct ir_expr *split_imaginary(struct splitter *splitter, struct split_pair pair); /* a literal 0 where it is NULL */

#endif
