/* Random programs: a pool of extents, then inputs, constants and values one by one, each over the values before it.
 *
 * Every subscript is inside its axis by construction (or guarded by a fill), for all sizes of the run-time dims; the verifier is
 * asked by the tests, not here. Sizes are bounded at the largest value random_dims gives. The other files are named in
 * programs_internal.h. */
#include "programs_internal.h"

#include <math.h>

/* ---- extents ---- */

int64_t size_of(const struct generator *generator, const struct poly *extent)
{
    int64_t value = 0;
    return poly_evaluate(extent, generator->largest, NULL, &value) ? value : INT64_MAX;
}

int64_t volume_of(const struct generator *generator, uint32_t n, const struct poly *const *extents)
{
    int64_t volume = 1;
    for (uint32_t k = 0; k < n; k++) {
        int64_t size = size_of(generator, extents[k]);
        if (!checked_multiply(volume, size > 1 ? size : 1, &volume))
            return INT64_MAX;
    }
    return volume;
}

/* One dim: free, bounded, even, in threes, both, as random_dims then chooses it. */
static void make_dim(struct generator *generator, const char *name, int64_t *largest)
{
    static const struct {
        int64_t bound, divisor;
    } promises[] = {{0, 1}, {3, 1}, {0, 2}, {0, 3}, {1, 1}, {4, 2}, {0, 4}, {8, 1}};
    struct ir_dim dim = {.name = name, .divisor = 1, .span = SPAN_NONE};
    uint32_t promise = pick(generator, 8);
    dim.bound = promises[promise].bound;
    dim.divisor = promises[promise].divisor;
    *largest = random_dim_limit(&dim);
    ir_add_dim(generator->context, dim);
}

/* The dim itself, or a little of it: twice, one more, its half where that is whole. */
static const struct poly *extent_of_dim(struct generator *generator, uint32_t dim)
{
    struct ir_context *context = generator->context;
    const struct poly *extent = poly_dim(context, dim);
    switch (pick(generator, 8)) {
    case 1:
        return poly_scale(context, extent, 2);
    case 2:
        return poly_add(context, extent, poly_constant(context, 1));
    case 3:
        return ir_dim_at(context, dim)->divisor % 2 == 0 ? poly_floor_div(context, extent, poly_constant(context, 2), NULL)
                                                         : extent;
    default:
        return extent;
    }
}

static void make_extents(struct generator *generator)
{
    static const int64_t sizes[] = {1, 2, 3, 4, 6, 2, 5, 8, 3, 7}, small_sizes[] = {1, 2, 3, 4, 2, 6};
    static const char *const names[] = {"N", "M"};
    struct ir_context *context = generator->context;
    uint32_t first = ir_dim_count(context), n_dims = generator->options.static_only ? 0 : pick(generator, 3);
    generator->largest = ARENA_ARRAY(ir_arena(context), first + n_dims, int64_t);
    if (!generator->largest)
        return;
    for (uint32_t k = 0; k < first; k++)
        generator->largest[k] = random_dim_limit(ir_dim_at(context, k));
    for (uint32_t k = 0; k < n_dims; k++) { /* another program's dims keep their names */
        const char *name = first ? arena_printf(ir_arena(context), "%s%u", names[k], first + k) : names[k];
        make_dim(generator, name, &generator->largest[first + k]);
    }
    while (generator->n_extents < POOL_SIZE) {
        int64_t size = generator->options.small ? small_sizes[pick(generator, 6)] : sizes[pick(generator, 10)];
        const struct poly *extent = poly_constant(context, size);
        if (n_dims && generator->n_extents <= n_dims)
            extent = extent_of_dim(generator, first + generator->n_extents % n_dims);
        else if (chance(generator, 4))
            extent = poly_constant(context, 0);
        generator->extents[generator->n_extents++] = extent;
    }
}

const struct poly *some_extent(struct generator *generator)
{
    return generator->extents[pick(generator, POOL_SIZE)];
}

uint32_t some_shape(struct generator *generator, uint32_t most, const struct poly **shape)
{
    uint32_t rank = pick(generator, most + 1);
    for (uint32_t k = 0; k < rank; k++)
        shape[k] = some_extent(generator);
    while (rank && volume_of(generator, rank, shape) > generator->largest_tensor)
        rank--;
    return rank;
}

/* ---- values ---- */

bool is_wrapping_kind(const struct generator *generator)
{
    return generator->options.kind == RANDOM_INTEGER || generator->options.kind == RANDOM_WHOLE;
}

bool has_room(const struct generator *generator, enum ir_elem elem, double bound)
{
    uint32_t bits = 8 * ir_elem_info(elem)->bytes / (ir_elem_is_complex(elem) ? 2 : 1);
    if (!is_wrapping_kind(generator) || elem == IR_bool)
        return true;
    if (ir_elem_is_half(elem))
        return bound < ldexp(1, elem == IR_f16 ? 11 : 8);
    if (ir_elem_is_float(elem) || ir_elem_is_complex(elem))
        return bound < ldexp(1, bits == 32 ? 24 : 53);
    return bound < ldexp(1, (int)bits - 1);
}

/* Names are letters of the values and, for indices, of their place: enough to tell them apart in printed text. */
void add_value(struct generator *generator, struct random_value value, const char *prefix)
{
    static const char *const index_names[] = {"i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"};
    const struct ir_node *node = value.node;
    if (!node || generator->n_values == VALUE_LIMIT)
        return;
    const char *name = arena_printf(ir_arena(generator->context), "%s%u", prefix, generator->n_values);
    ir_set_name(generator->context, generator->kernel, node, name, node->n_indices <= 12 ? index_names : NULL, SPAN_NONE);
    generator->values[generator->n_values++] = value;
}

/* The newer half more often: deep programs, yet all values are used. The newest is the smallest choice. */
const struct random_value *some_value(struct generator *generator)
{
    uint32_t n = generator->n_values, first = chance(generator, 50) ? 0 : n / 2;
    return &generator->values[n - 1 - pick(generator, n - first)];
}

const struct random_value *some_value_of(struct generator *generator, enum ir_elem elem)
{
    for (int attempt = 0; attempt < 4; attempt++) {
        const struct random_value *value = some_value(generator);
        if (value->node->elem == elem)
            return value;
    }
    return NULL;
}

/* ---- the program ---- */

typedef struct random_value node_kind(struct generator *generator);

/* As often as it stands here; the last where it is asked for. */
static node_kind *const node_kinds[] = {random_map,     random_contraction, random_view, random_contraction, random_contraction,
                                        random_scatter, random_contraction, random_map,  random_contraction, random_concat,
                                        random_view,    random_map,         random_scan, random_mask,        random_solve};

void add_some_values(struct generator *generator, uint32_t wanted)
{
    for (uint32_t k = 0, attempts = 0; k < wanted && attempts < 4 * wanted; attempts++) {
        uint32_t kinds = sizeof node_kinds / sizeof *node_kinds - !generator->options.solves;
        struct random_value value = node_kinds[pick(generator, kinds)](generator);
        if (!value.node || value.node->rank > 6)
            continue;
        add_value(generator, value, "t");
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
        const struct ir_node *node = k ? some_value(generator)->node : generator->values[generator->n_values - 1].node;
        kernel->outputs[k] = (struct ir_output){arena_printf(arena, "y%u", k), node, SPAN_NONE, 0};
    }
    if (!arena_failed(arena))
        place_outputs(generator);
}

struct ir_program *random_program_from(struct ir_context *context, const uint8_t *bytes, size_t length,
                                       const struct random_options *options)
{
    struct arena *arena = ir_arena(context);
    struct ir_program *program = ARENA_NEW(arena, struct ir_program);
    struct ir_kernel *kernel = ARENA_NEW(arena, struct ir_kernel);
    struct generator generator = {.context = context, .kernel = kernel, .bytes = bytes, .n_bytes = length};
    if (options)
        generator.options = *options;
    if (!program || !kernel)
        return NULL;
    generator.largest_tensor = generator.options.small ? 64 : 1000;
    generator.largest_space = generator.options.small ? 256 : 8000;
    generator.most_factors = generator.options.small ? 6 : 14;
    *kernel = (struct ir_kernel){.name = "random", .span = SPAN_NONE, .numeric_class = IR_CLASS_REASSOC};
    *program = (struct ir_program){.context = context};
    make_extents(&generator);
    choose_elems(&generator);
    if (!arena_failed(arena))
        make_inputs(&generator);
    for (uint32_t k = pick(&generator, 3); k > 0; k--)
        add_value(&generator, random_constant(&generator), "c");
    if (arena_failed(arena) || generator.n_values == 0)
        return NULL;
    add_some_values(&generator, generator.options.n_values ? generator.options.n_values : 1 + pick(&generator, 10));
    make_outputs(&generator);
    if (!ARENA_PUSH(arena, program->kernels, program->n_kernels, program->kernels_capacity, kernel))
        return NULL;
    return arena_failed(arena) ? NULL : program;
}

struct ir_program *random_program(struct ir_context *context, uint64_t seed, const struct random_options *options)
{
    uint8_t bytes[1024];
    random_bytes(bytes, sizeof bytes, seed);
    return random_program_from(context, bytes, sizeof bytes, options);
}
