/* What the entries of integer inputs may be so that lookups at run time stay inside: for random input of `check` and `bench`.
 *
 * Every subscript c * t[...] + rest of an access without fill value bounds the entries of t; a lookup in a view counts for what is
 * viewed. Several lookups in one subscript are bounded to 0, which most sums of them bear. Tables that are computed say nothing of
 * the inputs they are computed from: there the kernel may end at a check. */
#include "runtime.h"

struct bounding {
    struct ir_context *context;
    const struct ir_kernel *kernel;
    const int64_t *dims;
    struct poly_ranges ranges; /* of the node being looked at */
    struct lookup_range *inputs;
};

/* The range of the input that the table shows; NULL: it is computed. */
static struct lookup_range *range_of(const struct bounding *bounding, const struct ir_node *table)
{
    while (table->op == IR_view_node)
        table = table->operands[0].node;
    return table->op == IR_input_node ? &bounding->inputs[table->input.number] : NULL;
}

static void narrow(struct lookup_range *range, int64_t low, int64_t high)
{
    range->low = !range->bounded || low > range->low ? low : range->low;
    range->high = !range->bounded || high < range->high ? high : range->high;
    range->bounded = true;
}

/* Least and largest value of a poly that is affine in the indices; 0 where it has none. */
static void reach(const struct bounding *bounding, const struct poly *poly, int64_t *least, int64_t *largest)
{
    int64_t origin = 0, *at = ARENA_ARRAY(ir_arena(bounding->context), bounding->ranges.n, int64_t);
    if (!at || !poly_evaluate(poly, bounding->dims, at, &origin))
        origin = 0;
    *least = *largest = origin;
    for (uint32_t k = 0; at && k < bounding->ranges.n; k++) {
        int64_t extent, there = origin;
        if (!poly_evaluate(bounding->ranges.extents[k], bounding->dims, NULL, &extent) || extent < 2)
            continue;
        at[k] = extent - 1;
        if (!poly_evaluate(poly, bounding->dims, at, &there))
            there = origin;
        at[k] = 0;
        *(there < origin ? least : largest) += there - origin;
    }
}

static void bound_entries(const struct bounding *bounding, const struct poly *subscript, const struct poly_term *term,
                          int64_t extent)
{
    struct ir_context *context = bounding->context;
    const struct poly_atom *atom = term->factors[0];
    struct lookup_range *range = range_of(bounding, atom->table);
    int64_t least, largest, factor = term->numerator;
    const struct poly *lookup = poly_table(context, atom->table, atom->n_arguments, atom->arguments);
    if (!range)
        return;
    reach(bounding, poly_subtract(context, subscript, poly_scale(context, lookup, factor)), &least, &largest);
    if (factor > 0)
        narrow(range, -floor_divide(least, factor), floor_divide(extent - 1 - largest, factor));
    else
        narrow(range, -floor_divide(extent - 1 - largest, -factor), floor_divide(least, -factor));
}

static void bound_subscript(struct bounding *bounding, const struct poly *subscript, const struct poly *extent);

static void bound_arguments(void *user, const struct poly_atom *lookup)
{
    for (uint32_t k = 0; k < lookup->n_arguments; k++)
        bound_subscript(user, lookup->arguments[k], lookup->table->shape[k]);
}

static void bound_to_zero(void *user, const struct poly_atom *lookup)
{
    const struct bounding *bounding = user;
    struct lookup_range *range = range_of(bounding, lookup->table);
    if (range)
        narrow(range, 0, 0);
}

/* 0 <= subscript < extent */
static void bound_subscript(struct bounding *bounding, const struct poly *subscript, const struct poly *extent)
{
    const struct poly_term *single = NULL;
    uint32_t deep = 0;
    int64_t size;
    if (!poly_is_run_time(subscript) || !poly_evaluate(extent, bounding->dims, NULL, &size))
        return;
    for (uint32_t k = 0; k < subscript->n_terms; k++)
        for (uint32_t f = 0; f < subscript->terms[k].n_factors; f++) {
            const struct poly_term *term = &subscript->terms[k];
            enum poly_atom_kind kind = term->factors[f]->kind;
            deep += kind == POLY_TABLE || kind == POLY_FLOOR;
            if (kind == POLY_TABLE && term->n_factors == 1 && term->denominator == 1)
                single = term;
        }
    if (deep == 1 && single) {
        bound_entries(bounding, subscript, single, size);
        for (uint32_t k = 0; k < single->factors[0]->n_arguments; k++)
            bound_subscript(bounding, single->factors[0]->arguments[k], single->factors[0]->table->shape[k]);
        return;
    }
    poly_visit_lookups(subscript, bound_to_zero, bounding);
    poly_visit_lookups(subscript, bound_arguments, bounding);
}

/* No entry that the type cannot hold. */
static void keep_type(enum ir_elem elem, struct lookup_range *range)
{
    uint32_t bits = 8 * ir_elem_info(elem)->bytes;
    bool is_signed = ir_elem_info(elem)->kind == IR_KIND_SIGNED;
    if (!range->bounded)
        return;
    int64_t largest = bits == 64 ? INT64_MAX : ((int64_t)1 << (is_signed ? bits - 1 : bits)) - 1;
    int64_t least = is_signed ? -largest - 1 : 0;
    narrow(range, least, largest);
}

struct lookup_range *lookup_ranges(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims)
{
    size_t count = 0;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    struct bounding bounding = {.context = context, .kernel = kernel, .dims = dims};
    bounding.inputs = ARENA_ARRAY(ir_arena(context), kernel->n_inputs, struct lookup_range);
    for (size_t k = 0; nodes && bounding.inputs && k < count; k++)
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++) {
            const struct ir_access *access = &nodes[k]->operands[o];
            bounding.ranges = ir_operand_ranges(context, nodes[k], o);
            for (uint32_t axis = 0; axis < access->node->rank; axis++)
                if (!access->fill)
                    bound_subscript(&bounding, access->subscripts[axis], access->node->shape[axis]);
                else
                    poly_visit_lookups(access->subscripts[axis], bound_arguments, &bounding);
        }
    for (uint32_t k = 0; bounding.inputs && k < kernel->n_inputs; k++)
        keep_type(kernel->inputs[k].node->elem, &bounding.inputs[k]);
    return nodes ? bounding.inputs : NULL;
}
