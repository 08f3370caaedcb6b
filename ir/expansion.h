/* Elementary functions as straight lines of operations on numbers (expansions.def), read from their rows for who spells them. */
#ifndef IR_EXPANSION_H
#define IR_EXPANSION_H

#include "ir.h"

enum expansion_op {
#define PRIMITIVE(name, operands, meaning) EXPANSION_##name,
#include "expansions.def"
    EXPANSION_call, /* of a function that has a row too */
    EXPANSION_OP_COUNT
};

enum { EXPANSION_OPERANDS = 4, EXPANSION_NUMBER = -1 };

struct expansion_operand {
    int step; /* the value of that step; EXPANSION_NUMBER: the number */
    double number;
};

struct expansion_step {
    enum expansion_op op;
    enum ir_expr_op function; /* of a call */
    const char *name;         /* NULL: part of the step that uses it; two steps of one name: the second takes it over */
    uint32_t n_operands;
    struct expansion_operand operands[EXPANSION_OPERANDS];
};

/* Step 0 is the argument, `x`, and has no operation; the last one is the function's value. */
struct expansion {
    const char *meaning;
    struct expansion_step *steps;
    size_t n_steps, capacity;
};

/* Has the function a row for elements of this type? */
bool expansion_exists(enum ir_expr_op function, enum ir_elem elem);
/* NULL: it has none, or no memory. */
const struct expansion *expansion_of(struct arena *arena, enum ir_expr_op function, enum ir_elem elem);

#endif
