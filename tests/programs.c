/* Random programs: a pool of extents, then inputs, constants and values one by one, each over the values before it.
 *
 * Every subscript is inside its axis by construction (or guarded by a fill), for all sizes of the run-time dims; the verifier is
 * asked by the tests, not here. Sizes are bounded at the largest value random_dims gives. Expressions are in random_expressions.c,
 * inputs in random_tensors.c. */
#include "programs.h"

#include "programs_internal.h"

enum { LARGEST_TENSOR = 1000, LARGEST_SPACE = 8000, MOST_INDICES = 7 };

uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return limit ? (uint32_t)(random_next(state) % limit) : 0;
}

uint32_t pick(struct generator *generator, uint32_t limit)
{
    return random_below(&generator->state, limit);
}

bool chance(struct generator *generator, uint32_t percent)
{
    return pick(generator, 100) < percent;
}

/* ---- extents ---- */

/* The largest value an extent takes. */
static int64_t size_of(const struct generator *generator, const struct poly *extent)
{
    int64_t value = 0;
    return poly_evaluate(extent, generator->largest, NULL, &value) ? value : INT64_MAX;
}

/* Product of the sizes, at least 1 an axis so that a 0 does not hide the others; capped. */
static int64_t volume_of(const struct generator *generator, uint32_t n, const struct poly *const *extents)
{
    int64_t volume = 1;
    for (uint32_t k = 0; k < n; k++) {
        int64_t size = size_of(generator, extents[k]);
        if (!checked_multiply(volume, size > 1 ? size : 1, &volume))
            return INT64_MAX;
    }
    return volume;
}

static void make_extents(struct generator *generator)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 8};
    static const char *const names[] = {"N", "M"};
    struct ir_context *context = generator->context;
    uint32_t n_dims = generator->options.static_only ? 0 : pick(generator, 3);
    for (uint32_t k = 0; k < n_dims; k++)
        ir_add_dim(context, (struct ir_dim){.name = names[k], .divisor = 1, .span = SPAN_NONE});
    uint32_t all = ir_dim_count(context);
    generator->largest = ARENA_ARRAY(ir_arena(context), all, int64_t);
    for (uint32_t k = 0; generator->largest && k < all; k++)
        generator->largest[k] = LARGEST_DIM;
    while (generator->n_extents < POOL_SIZE) {
        const struct poly *extent = poly_constant(context, sizes[pick(generator, 8)]);
        if (generator->n_extents < n_dims)
            extent = poly_dim(context, all - n_dims + generator->n_extents);
        else if (chance(generator, 4))
            extent = poly_constant(context, 0);
        generator->extents[generator->n_extents++] = extent;
    }
}

static const struct poly *some_extent(struct generator *generator)
{
    return generator->extents[pick(generator, POOL_SIZE)];
}

static uint32_t some_shape(struct generator *generator, uint32_t most, const struct poly **shape)
{
    uint32_t rank = pick(generator, most + 1);
    for (uint32_t k = 0; k < rank; k++)
        shape[k] = some_extent(generator);
    while (rank && volume_of(generator, rank, shape) > LARGEST_TENSOR)
        rank--;
    return rank;
}

/* ---- values ---- */

/* Names are letters of the values and, for indices, of their place: enough to tell them apart in printed text. */
static void add_value(struct generator *generator, const struct ir_node *node, const char *prefix)
{
    static const char *const index_names[] = {"i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"};
    if (!node || generator->n_values == VALUE_LIMIT)
        return;
    const char *name = arena_printf(ir_arena(generator->context), "%s%u", prefix, generator->n_values);
    ir_set_name(generator->context, generator->kernel, node, name, node->n_indices <= 12 ? index_names : NULL, SPAN_NONE);
    generator->values[generator->n_values++] = node;
}

static const struct ir_node *some_value(struct generator *generator)
{
    uint32_t n = generator->n_values; /* the newer half more often: deep programs, yet all values are used */
    uint32_t first = chance(generator, 50) ? n / 2 : 0;
    return generator->values[first + pick(generator, n - first)];
}

static const struct ir_node *some_value_of(struct generator *generator, enum ir_elem elem)
{
    for (int attempt = 0; attempt < 12; attempt++) {
        const struct ir_node *node = some_value(generator);
        if (node->elem == elem)
            return node;
    }
    return NULL;
}

static void make_inputs(struct generator *generator)
{
    struct ir_context *context = generator->context;
    struct ir_kernel *kernel = generator->kernel;
    kernel->n_inputs = 1 + pick(generator, 4);
    kernel->inputs = ARENA_ARRAY(ir_arena(context), kernel->n_inputs, struct ir_input_info);
    for (uint32_t k = 0; kernel->inputs && k < kernel->n_inputs; k++) {
        const struct poly *shape[4];
        uint32_t rank = some_shape(generator, 4, shape);
        const struct ir_node *node = ir_input(context, k, some_elem(generator), rank, shape);
        kernel->inputs[k] =
            (struct ir_input_info){.name = arena_printf(ir_arena(context), "x%u", k), .node = node, .span = SPAN_NONE};
        add_value(generator, node, "x");
    }
}

static void make_constant(struct generator *generator)
{
    struct ir_context *context = generator->context;
    const struct poly *shape[3];
    uint32_t rank = 0;
    for (uint32_t wanted = pick(generator, 4); rank < wanted;) {
        shape[rank++] = some_extent(generator);
        if (!poly_is_constant(shape[rank - 1], NULL))
            return;
    }
    if (volume_of(generator, rank, shape) > 200)
        return;
    enum ir_elem elem = some_elem(generator);
    size_t count = 1;
    for (uint32_t k = 0; k < rank; k++)
        count *= (size_t)size_of(generator, shape[k]);
    struct ir_constant constant = {.bytes = count * ir_elem_info(elem)->bytes, .name = "table"};
    constant.data = random_constants(context, elem, count, &generator->state);
    add_value(generator, ir_constant(context, elem, rank, shape, &constant), "c");
}

/* ---- subscripts ---- */

/* An index space under construction. */
struct space {
    uint32_t n;
    const struct poly *extents[MOST_INDICES];
};

/* An index with this extent: one that is there, or a new one. UINT32_MAX: no room. */
static uint32_t some_index(struct generator *generator, struct space *space, const struct poly *extent, uint32_t percent_new)
{
    if (!chance(generator, percent_new)) {
        uint32_t start = pick(generator, space->n);
        for (uint32_t k = 0; k < space->n; k++)
            if (space->extents[(start + k) % space->n] == extent)
                return (start + k) % space->n;
    }
    if (space->n == MOST_INDICES)
        return UINT32_MAX;
    space->extents[space->n] = extent;
    if (volume_of(generator, space->n + 1, space->extents) > LARGEST_SPACE)
        return UINT32_MAX;
    return space->n++;
}

/* i + r over an axis of constant extent n: i < n - w + 1, r < w. */
static const struct poly *window(struct generator *generator, struct space *space, int64_t size)
{
    struct ir_context *context = generator->context;
    int64_t width = 1 + pick(generator, (uint32_t)(size < 3 ? size : 3));
    uint32_t outer = some_index(generator, space, poly_constant(context, size - width + 1), 50);
    uint32_t inner = some_index(generator, space, poly_constant(context, width), 50);
    if (outer == UINT32_MAX || inner == UINT32_MAX)
        return NULL;
    return poly_add(context, poly_index(context, outer), poly_index(context, inner));
}

/* A subscript of an axis: mostly an index, sometimes a window, a fixed place or an index run backwards. */
static const struct poly *some_subscript(struct generator *generator, struct space *space, const struct poly *extent)
{
    struct ir_context *context = generator->context;
    int64_t size;
    bool is_static = poly_is_constant(extent, &size);
    if (is_static && size > 1 && chance(generator, 8))
        return window(generator, space, size);
    if (is_static && size > 0 && chance(generator, 6))
        return poly_constant(context, pick(generator, (uint32_t)size));
    uint32_t index = some_index(generator, space, extent, 30);
    if (index == UINT32_MAX)
        return NULL;
    if (chance(generator, 6))
        return poly_subtract(context, poly_subtract(context, extent, poly_constant(context, 1)), poly_index(context, index));
    return poly_index(context, index);
}

/* An access of all axes; its node NULL when the index space had no room. */
static struct ir_access some_access(struct generator *generator, struct space *space, const struct ir_node *node)
{
    struct ir_context *context = generator->context;
    struct ir_access access = {.node = node, .conjugate = ir_elem_is_complex(node->elem) && chance(generator, 25)};
    const struct poly **subscripts = ARENA_ARRAY(ir_arena(context), node->rank, const struct poly *);
    for (uint32_t k = 0; subscripts && k < node->rank; k++) {
        subscripts[k] = some_subscript(generator, space, node->shape[k]);
        if (!subscripts[k])
            return (struct ir_access){.node = NULL};
    }
    access.subscripts = subscripts;
    if (node->rank && chance(generator, 5)) { /* shift one axis and fill what falls outside */
        uint32_t axis = pick(generator, node->rank);
        subscripts[axis] = poly_add(context, subscripts[axis], poly_constant(context, (int64_t)pick(generator, 3) - 1));
        struct ir_number *fill = ARENA_NEW(ir_arena(context), struct ir_number);
        if (fill)
            *fill = some_number(generator, node->elem);
        access.fill = fill;
    }
    return access;
}

/* Renumbers the indices so that the chosen output axes come first, in random order; gives their number. */
static uint32_t choose_axes(struct generator *generator, struct space *space, uint32_t percent, const struct poly **replacements)
{
    uint32_t order[MOST_INDICES], rank = 0, last = space->n;
    const struct poly *extents[MOST_INDICES];
    for (uint32_t k = 0; k < space->n; k++)
        if (chance(generator, percent)) {
            uint32_t at = pick(generator, rank + 1);
            for (uint32_t j = rank++; j > at; j--)
                order[j] = order[j - 1];
            order[at] = k;
        } else {
            replacements[k] = poly_index(generator->context, --last);
            extents[last] = space->extents[k];
        }
    for (uint32_t k = 0; k < rank; k++) {
        replacements[order[k]] = poly_index(generator->context, k);
        extents[k] = space->extents[order[k]];
    }
    for (uint32_t k = 0; k < space->n; k++)
        space->extents[k] = extents[k];
    return rank;
}

/* ---- nodes ---- */

static enum ir_ring some_ring(struct generator *generator, enum ir_elem elem)
{
    enum ir_ring ring = IR_RING_plustimes;
    for (int attempt = 0; attempt < 20 && !generator->options.polynomial_only; attempt++) {
        ring = chance(generator, 60) ? IR_RING_plustimes : (enum ir_ring)pick(generator, IR_RING_COUNT);
        if (ir_ring_takes(ring, elem))
            break;
    }
    return ring;
}

static enum ir_elem some_accumulator(struct generator *generator, enum ir_elem elem)
{
    static const struct {
        enum ir_elem narrow, wide;
    } pairs[] = {{IR_f32, IR_f64}, {IR_c64, IR_c128}, {IR_i8, IR_i32}, {IR_u8, IR_u32}};
    for (size_t k = 0; k < 4; k++)
        if (pairs[k].narrow == elem && chance(generator, 20))
            return pairs[k].wide;
    return elem;
}

static const struct ir_node *make_contract(struct generator *generator)
{
    struct ir_context *context = generator->context;
    struct space space = {0};
    struct ir_access operands[4];
    const struct poly *replacements[MOST_INDICES];
    const struct ir_node *first = some_value(generator);
    enum ir_ring ring = some_ring(generator, first->elem);
    if (!ir_ring_takes(ring, first->elem))
        return NULL;
    uint32_t wanted = ir_ring_info(ring)->multiply == IR_EXPR_OP_COUNT ? 1 : 1 + pick(generator, 4), n = 0;
    for (uint32_t k = 0; k < wanted; k++) {
        const struct ir_node *node = k ? some_value_of(generator, first->elem) : first;
        if (!node)
            continue;
        operands[n] = some_access(generator, &space, node);
        n += operands[n].node != NULL;
    }
    if (n == 0)
        return NULL;
    if (!generator->has_idle_index && chance(generator, 6)) { /* nobody reads it; one a program, since flattening multiplies them */
        generator->has_idle_index = true;
        some_index(generator, &space, some_extent(generator), 100);
    }
    uint32_t rank = choose_axes(generator, &space, 60, replacements);
    if (volume_of(generator, rank, space.extents) > LARGEST_TENSOR)
        return NULL;
    struct poly_ranges ranges = {space.n, space.extents};
    for (uint32_t k = 0; k < n; k++)
        operands[k] = ir_access_substitute(context, operands[k], space.n, replacements, &ranges);
    return ir_contract(context, &(struct ir_contract){.ring = ring,
                                                      .elem = first->elem,
                                                      .accumulator = some_accumulator(generator, first->elem),
                                                      .rank = rank,
                                                      .n_indices = space.n,
                                                      .extents = space.extents,
                                                      .n_operands = n,
                                                      .operands = operands});
}

static const struct ir_node *make_map(struct generator *generator)
{
    struct ir_context *context = generator->context;
    struct space space = {0};
    struct ir_access operands[3];
    const struct poly *replacements[MOST_INDICES];
    uint32_t n = 0;
    for (uint32_t k = 0, wanted = 1 + pick(generator, 3); k < wanted; k++) {
        operands[n] = some_access(generator, &space, some_value(generator));
        n += operands[n].node != NULL;
    }
    if (n == 0)
        return NULL;
    if (chance(generator, 20)) /* an axis that no operand has */
        some_index(generator, &space, some_extent(generator), 100);
    if (volume_of(generator, space.n, space.extents) > LARGEST_TENSOR)
        return NULL;
    choose_axes(generator, &space, 100, replacements);
    struct poly_ranges ranges = {space.n, space.extents};
    for (uint32_t k = 0; k < n; k++)
        operands[k] = ir_access_substitute(context, operands[k], space.n, replacements, &ranges);
    const struct ir_expr *body = random_expr(generator, n, operands, space.n);
    return ir_map(context, space.n, space.extents, n, operands, body);
}

/* Axis `axis` of the value as two axes, or NULL when its extent is no product of two from the pool. */
static const struct ir_node *make_split(struct generator *generator, const struct ir_node *node, uint32_t axis)
{
    struct ir_context *context = generator->context;
    const struct poly *shape[5], *subscripts[4], *outer = NULL, *inner = NULL;
    for (int attempt = 0; attempt < 10 && !inner; attempt++) {
        outer = some_extent(generator);
        const struct poly *other = some_extent(generator);
        inner = poly_multiply(context, outer, other) == node->shape[axis] ? other : NULL;
    }
    if (!inner)
        return NULL;
    for (uint32_t k = 0, at = 0; k < node->rank; k++, at++) {
        shape[at] = k == axis ? outer : node->shape[k];
        subscripts[k] = poly_index(context, at);
        if (k != axis)
            continue;
        shape[++at] = inner;
        subscripts[k] = poly_add(context, poly_multiply(context, subscripts[k], inner), poly_index(context, at));
    }
    return ir_view(context, node->rank + 1, shape, (struct ir_access){.node = node, .subscripts = subscripts});
}

/* Axes `axis` and the next as one. */
static const struct ir_node *make_merge(struct generator *generator, const struct ir_node *node, uint32_t axis)
{
    struct ir_context *context = generator->context;
    const struct poly *shape[4], *subscripts[4];
    if (axis + 1 >= node->rank)
        return NULL;
    for (uint32_t k = 0, at = 0; k < node->rank; k++, at++) {
        shape[at] = node->shape[k];
        subscripts[k] = poly_index(context, at);
        if (k != axis)
            continue;
        const struct poly *inner = node->shape[k + 1], *merged = poly_index(context, at);
        if (poly_equals(inner, 0))
            return NULL;
        shape[at] = poly_multiply(context, node->shape[k], inner);
        struct poly_ranges ranges = {at + 1, shape};
        subscripts[k] = poly_floor_div(context, merged, inner, &ranges);
        subscripts[++k] = poly_mod(context, merged, inner, &ranges);
    }
    return ir_view(context, node->rank - 1, shape, (struct ir_access){.node = node, .subscripts = subscripts});
}

static const struct ir_node *make_view(struct generator *generator)
{
    const struct ir_node *node = some_value(generator);
    const struct poly *replacements[MOST_INDICES];
    struct space space = {0};
    uint32_t kind = pick(generator, 4), axis = pick(generator, node->rank);
    if (node->rank && node->rank <= 4 && kind == 0)
        return make_split(generator, node, axis);
    if (node->rank && node->rank <= 4 && kind == 1)
        return make_merge(generator, node, axis);
    struct ir_access access = some_access(generator, &space, node);
    if (access.node && chance(generator, 15))
        some_index(generator, &space, some_extent(generator), 100);
    if (!access.node || volume_of(generator, space.n, space.extents) > LARGEST_TENSOR)
        return NULL;
    choose_axes(generator, &space, 100, replacements);
    struct poly_ranges ranges = {space.n, space.extents};
    return ir_view(generator->context, space.n, space.extents,
                   ir_access_substitute(generator->context, access, space.n, replacements, &ranges));
}

/* ---- the program ---- */

static void make_values(struct generator *generator)
{
    uint32_t wanted = generator->options.n_values ? generator->options.n_values : 1 + pick(generator, 10);
    for (uint32_t k = 0, attempts = 0; k < wanted && attempts < 20 * wanted; attempts++) {
        uint32_t kind = pick(generator, 10);
        const struct ir_node *node = kind < 5 ? make_contract(generator) : kind < 8 ? make_map(generator) : make_view(generator);
        if (!node || node->rank > 6)
            continue;
        add_value(generator, node, "t");
        k++;
    }
}

static void make_outputs(struct generator *generator)
{
    struct ir_kernel *kernel = generator->kernel;
    struct arena *arena = ir_arena(generator->context);
    kernel->n_outputs = 1 + pick(generator, 4);
    kernel->outputs = ARENA_ARRAY(arena, kernel->n_outputs, struct ir_output);
    for (uint32_t k = 0; kernel->outputs && k < kernel->n_outputs; k++) {
        const struct ir_node *node = k ? some_value(generator) : generator->values[generator->n_values - 1];
        kernel->outputs[k] = (struct ir_output){arena_printf(arena, "y%u", k), node, SPAN_NONE};
    }
}

struct ir_program *random_program(struct ir_context *context, uint64_t seed, const struct random_options *options)
{
    struct arena *arena = ir_arena(context);
    struct ir_program *program = ARENA_NEW(arena, struct ir_program);
    struct ir_kernel *kernel = ARENA_NEW(arena, struct ir_kernel);
    struct generator generator = {.context = context, .kernel = kernel, .state = seed};
    if (options)
        generator.options = *options;
    if (!program || !kernel)
        return NULL;
    *kernel = (struct ir_kernel){.name = "random", .span = SPAN_NONE, .numeric_class = IR_CLASS_REASSOC};
    *program = (struct ir_program){.context = context};
    make_extents(&generator);
    choose_elems(&generator);
    make_inputs(&generator);
    for (uint32_t k = pick(&generator, 3); k > 0; k--)
        make_constant(&generator);
    if (arena_failed(arena) || generator.n_values == 0)
        return NULL;
    make_values(&generator);
    make_outputs(&generator);
    if (!ARENA_PUSH(arena, program->kernels, program->n_kernels, program->kernels_capacity, kernel))
        return NULL;
    return arena_failed(arena) ? NULL : program;
}
