/* Shared by gradient_invert.c and gradient_nested.c: changing an inversion under construction. All give false when memory ran out.
 */
#ifndef PASSES_GRADIENT_INVERT_H
#define PASSES_GRADIENT_INVERT_H

#include "gradient.h"

enum { LINEAR_INDICES = 32 };

/* An equation as rest + sum of coefficient * index = 0, the rest over the axes. */
struct linear_part {
    uint32_t index;
    const struct poly *coefficient;
    double size; /* typical extent */
};
struct linear_equation {
    struct linear_part parts[LINEAR_INDICES];
    uint32_t n;
    const struct poly *rest;
};

/* Number of the new index; UINT32_MAX: no memory. */
uint32_t inversion_add_index(struct inversion *inversion, const struct poly *extent, const char *name);
bool inversion_add_equation(struct inversion *inversion, const struct poly *equation);
bool inversion_add_condition(struct inversion *inversion, const struct poly *condition);
/* Puts `value` in the place of a new index everywhere. */
bool inversion_replace(struct inversion *inversion, uint32_t index, const struct poly *value);
/* The same, the value being bounded as the index was, which is gone then. */
bool inversion_eliminate(struct inversion *inversion, uint32_t index, const struct poly *value);
/* index = divisor * high + low - shift with two new indices, low below the divisor; 0 <= shift < divisor. */
bool inversion_split(struct inversion *inversion, uint32_t index, const struct poly *divisor, int64_t shift);

/* ---- gradient_nested.c ---- */
/* Takes one division or table out of equation `at`. False: it has none that can be, or no memory. */
bool inversion_open_nested(struct inversion *inversion, size_t at);

#endif
