/* Random sizes and inputs for a program, in the layouts of `struct ir_tensor`. */
#include "compare.h"
#include "programs_internal.h"

#include <math.h>
#include <string.h>

int64_t random_dim_limit(const struct ir_dim *dim)
{
    int64_t largest = dim->bound && dim->bound < LARGEST_DIM ? dim->bound : LARGEST_DIM;
    return dim->bound ? largest : (largest + dim->divisor - 1) / dim->divisor * dim->divisor;
}

int64_t *random_dims(struct ir_context *context, uint64_t seed)
{
    uint64_t state = seed ^ 0xd1;
    int64_t *dims = ARENA_ARRAY(ir_arena(context), ir_dim_count(context), int64_t);
    for (uint32_t k = 0; dims && k < ir_dim_count(context); k++) {
        const struct ir_dim *dim = ir_dim_at(context, k);
        dims[k] = random_below(&state, 12) == 0 ? 0 : 1 + random_below(&state, (uint32_t)random_dim_limit(dim));
        dims[k] -= dims[k] % dim->divisor;
    }
    return dims;
}

/* In [-1, 1], a multiple of 2^-10: exact in f32. */
static double small_float(uint64_t *state)
{
    return ((double)random_below(state, 2049) - 1024) / 1024;
}

/* 0, +-1/2, +-1, +-2: products and short sums of such numbers are exact in f32, so that a pass that multiplies constants out need
 * not round. */
static double plain_float(uint64_t *state)
{
    static const double values[] = {0, 0.5, -0.5, 1, -1, 2, -2};
    return values[random_below(state, 7)];
}

/* 0, +-1, +-2. */
static double whole_float(uint64_t *state)
{
    return (double)random_below(state, 5) - 2;
}

/* Often what is not absorbed, cancelled or taken for another. */
static double hostile_float(double otherwise, uint64_t *state)
{
    static const double values[] = {0, -0.0, INFINITY, -INFINITY, NAN};
    if (random_below(state, 6))
        return otherwise;
    return values[random_below(state, sizeof values / sizeof *values)];
}

static int64_t some_integer(enum ir_elem elem, uint64_t *state)
{
    if (elem == IR_bool)
        return random_below(state, 2);
    return (int64_t)random_below(state, 9) - (ir_elem_info(elem)->kind == IR_KIND_UNSIGNED ? 0 : 4);
}

/* One real component or integer of the element type, as it lies in memory. */
static void put_component(enum ir_elem elem, void *at, double wide, int64_t whole)
{
    enum ir_elem part = ir_elem_real(elem);
    ir_number_store(ir_elem_is_float(part) ? ir_number_real(part, wide) : ir_number_integer(part, whole), at, 0);
}

static double some_float(enum random_style style, uint64_t *state)
{
    switch (style) {
    case RANDOM_PLAIN:
        return plain_float(state);
    case RANDOM_WHOLES:
        return whole_float(state);
    case RANDOM_HOSTILE:
        return hostile_float(whole_float(state), state);
    case RANDOM_ROUNDED:
        return hostile_float(((double)random_below(state, 2049) - 1024) / 1000, state);
    default:
        return small_float(state);
    }
}

/* The other part of a complex number, so that powers of it have one bit a part as well: of (2 + i/2) they would not. */
static double plain_other(double part, uint64_t *state)
{
    return part == 0 ? plain_float(state) : part * ((double)random_below(state, 3) - 1);
}

void *random_elements(struct ir_context *context, enum ir_elem elem, size_t count, enum random_style style, uint64_t *state)
{
    size_t components = ir_elem_is_complex(elem) ? 2 : 1, bytes = ir_elem_info(elem)->bytes / components;
    char *data = ARENA_ARRAY(ir_arena(context), count * components * bytes, char);
    double part = 0;
    for (size_t k = 0; data && k < count * components; k++) {
        bool is_one = style == RANDOM_ONES, first = k % components == 0;
        part = style == RANDOM_PLAIN && !first ? plain_other(part, state) : some_float(style, state);
        put_component(elem, data + k * bytes, is_one ? first : part, is_one ? 1 : some_integer(elem, state));
    }
    return data;
}

/* Residues of the whole field, but of bool, which is 0 or 1. */
static void *random_residues(struct ir_context *context, enum ir_elem elem, size_t count, uint64_t *state)
{
    const uint64_t prime = (UINT64_C(1) << 61) - 1;
    uint64_t *residues = ARENA_ARRAY(ir_arena(context), 2 * count, uint64_t);
    for (size_t k = 0; residues && k < 2 * count; k++)
        if (ir_elem_is_complex(elem) || k % 2 == 0)
            residues[k] = random_next(state) % (elem == IR_bool ? 2 : prime);
    return residues;
}

/* ---- tables ---- */

struct limiting {
    const struct ir_node *input;
    bool is_table, makes_table; /* itself; of what is made of it */
};

static bool is_made_of(const struct ir_node *node, const struct ir_node *input)
{
    bool made = node == input;
    for (uint32_t k = 0; k < node->n_operands && !made; k++)
        made = is_made_of(node->operands[k].node, input);
    return made;
}

static void find_lookup(void *user, const struct poly_atom *lookup)
{
    struct limiting *limiting = user;
    limiting->is_table |= lookup->table == limiting->input;
    limiting->makes_table |= lookup->table != limiting->input && is_made_of(lookup->table, limiting->input);
}

/* One more than the largest number that keeps every subscript that is looked up in the input inside its axis; small, where tables
 * are made of it: residues are too large to be subscripts. 0: nothing is looked up. */
static int64_t table_limit(struct ir_context *context, const struct ir_kernel *kernel, const struct ir_node *input,
                           const int64_t *dims)
{
    size_t count;
    int64_t least = 0, extent;
    struct limiting limiting = {input, false, false};
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    for (size_t k = 0; nodes && k < count; k++)
        for (uint32_t o = 0; o < nodes[k]->n_operands; o++)
            for (uint32_t axis = 0; axis < nodes[k]->operands[o].node->rank; axis++) {
                limiting.is_table = false;
                poly_visit_lookups(nodes[k]->operands[o].subscripts[axis], find_lookup, &limiting);
                if (limiting.is_table && poly_evaluate(nodes[k]->operands[o].node->shape[axis], dims, NULL, &extent) &&
                    (!least || extent < least))
                    least = extent > 1 ? extent : 1;
            }
    return least || !limiting.makes_table ? least : LARGEST_ELEMENT;
}

static void fill_table(struct ir_tensor *table, enum ir_arithmetic arithmetic, int64_t limit, uint64_t *state)
{
    for (size_t at = 0; table->data && at < tensor_count(table); at++) {
        int64_t entry = random_below(state, (uint32_t)limit);
        if (arithmetic == IR_EVAL_PRIME)
            ((uint64_t *)table->data)[2 * at] = (uint64_t)entry;
        else
            ir_number_store(ir_number_integer(table->elem, entry), table->data, at);
    }
}

static struct ir_tensor *fill_inputs(struct ir_context *context, const struct ir_kernel *kernel, enum ir_arithmetic arithmetic,
                                     enum random_style style, const int64_t *dims, uint64_t seed)
{
    uint64_t state = seed ^ 0xa7;
    struct arena *arena = ir_arena(context);
    struct ir_tensor *inputs = ARENA_ARRAY(arena, kernel->n_inputs, struct ir_tensor);
    for (uint32_t k = 0; inputs && k < kernel->n_inputs; k++) {
        const struct ir_node *node = kernel->inputs[k].node;
        size_t count = 1;
        inputs[k] = (struct ir_tensor){.elem = node->elem, .rank = node->rank, .shape = ARENA_ARRAY(arena, node->rank, int64_t)};
        for (uint32_t axis = 0; inputs[k].shape && axis < node->rank; axis++) {
            if (!poly_evaluate(node->shape[axis], dims, NULL, &inputs[k].shape[axis]))
                return NULL;
            count *= (size_t)inputs[k].shape[axis];
        }
        inputs[k].data = arithmetic == IR_EVAL_PRIME ? random_residues(context, node->elem, count, &state)
                                                     : random_elements(context, node->elem, count, style, &state);
        int64_t limit = ir_elem_is_integer(node->elem) ? table_limit(context, kernel, node, dims) : 0;
        if (limit)
            fill_table(&inputs[k], arithmetic, limit, &state);
    }
    return arena_failed(arena) ? NULL : inputs;
}

struct ir_tensor *random_inputs(struct ir_context *context, const struct ir_kernel *kernel, enum ir_arithmetic arithmetic,
                                const int64_t *dims, uint64_t seed)
{
    return fill_inputs(context, kernel, arithmetic, RANDOM_SMALL, dims, seed);
}

struct ir_tensor *random_whole_inputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims,
                                      uint64_t seed)
{
    return fill_inputs(context, kernel, IR_EVAL_NUMBERS, RANDOM_WHOLES, dims, seed);
}

/* Is every float 64 bits? The reference calculates in double, and rounds to a narrower type at the end of a node. */
static bool is_double(struct ir_context *context, const struct ir_kernel *kernel)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    bool wide = nodes != NULL;
    for (size_t k = 0; wide && k < count; k++) {
        enum ir_elem real = ir_elem_real(nodes[k]->elem);
        wide = (!ir_elem_is_float(real) || real == IR_f64) &&
               (nodes[k]->op != IR_scan_node || is_double(context, nodes[k]->scan->step));
    }
    return wide;
}

struct ir_tensor *random_hostile_inputs(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims,
                                        uint64_t seed)
{
    enum random_style style = is_double(context, kernel) ? RANDOM_ROUNDED : RANDOM_HOSTILE;
    return fill_inputs(context, kernel, IR_EVAL_NUMBERS, style, dims, seed);
}
