/* Tables in fixed point that are said by formulas of their indices, `let w[k: 64]: q15 = cos(2*pi*k/256)`: calculated in double
 * while compiling, and rounded to the type once, as any value is. */
#include <math.h>
#include "fixed_point.h"

enum { MOST_POINTS = 10000000 }; /* a second of the reference, at worst */

static const struct ir_node *refuse(struct statement *statement, struct span span, const char *why)
{
    struct diagnostics *diagnostics = statement->body->diagnostics;
    struct diag *diag = diag_error(diagnostics, DIAG_E0319, span, "a table in fixed point %s", why);
    diag_help(diagnostics, diag, "formulas of indices and numbers are calculated while compiling: their extents are static");
    statement->failed = true;
    return NULL;
}

const struct ir_node *fixed_table(struct statement *statement, const struct ir_node *node, const struct tensor_type *wanted,
                                  struct span span)
{
    struct ir_context *context = statement->body->context;
    const struct fixed_point *fixed = wanted->fixed;
    if (!node)
        return NULL;
    if (!ir_is_known(context, node, MOST_POINTS))
        return refuse(statement, span, "depends on what is known at run time, or has too many numbers");
    const struct ir_node *exact = ir_evaluated(context, node, NULL);
    if (!exact)
        return refuse(statement, span, "cannot be calculated");
    size_t count = exact->constant->bytes / ir_elem_info(exact->elem)->bytes;
    struct ir_constant constant = {.bytes = count * ir_elem_info(wanted->elem)->bytes};
    void *data = arena_alloc(ir_arena(context), count, ir_elem_info(wanted->elem)->bytes);
    for (size_t k = 0; data && k < count; k++) {
        double value = ir_number_load(exact->elem, exact->constant->data, k).re;
        if (!isfinite(value))
            return refuse(statement, span, "has a number that is not finite");
        double rounded = fmin(fmax(floor(value / fixed->step + 0.5), (double)fixed->low), (double)fixed->high);
        ir_number_store(ir_number_integer(wanted->elem, (int64_t)rounded), data, k);
    }
    constant.data = data;
    return data ? ir_constant(context, wanted->elem, exact->rank, exact->shape, &constant) : NULL;
}
