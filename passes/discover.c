/* The pass `discover`: constants that are factors of sums of products get the structure that is in their numbers, as alternatives.
 *
 * Which operators a constant may be replaced by is for the search to say (discover_search.c), by docs/language.md, "How exact":
 * within rounding of each row and column where nothing is said, within what `within` permits. A constant as it was written stays
 * the first alternative; `choose` decides by cost, at the batch that is there. */
#include "discover.h"
#include "fourier.h"
#include "structure.h"

enum einc_status pass_discover(struct pass_kernel *kernel);

/* Rows and columns, and numbers, that are worth a look; numbers that are not looked at, which would take minutes. */
enum { LEAST_EXTENT = 4, LEAST_NUMBERS = 64, MOST_NUMBERS = 1 << 24, MOST_WAYS = 2 };

/* A constant's findings: a constant may be read in several places. */
struct looked_at {
    const struct ir_node *constant;
    struct discover_result result;
};

struct discovering {
    struct structuring structuring;
    struct looked_at *items;
    size_t count, capacity;
};

/* The constant that the operand is, of itself or cast to complex numbers. */
static const struct ir_node *constant_of(const struct ir_access *access)
{
    const struct ir_node *node = access->node;
    if (node->op == IR_map_node && node->n_operands == 1 && node->body->op == IR_EXPR_cast &&
        node->body->arguments[0]->op == IR_EXPR_operand && node->operands[0].node->rank == node->rank && !node->operands[0].fill) {
        for (uint32_t axis = 0, index; axis < node->rank; axis++)
            if (!poly_is_index(node->operands[0].subscripts[axis], &index) || index != axis)
                return NULL;
        node = node->operands[0].node;
    }
    bool fits = node->op == IR_const_node && !node->constant->exact && node->constant->data;
    return fits && (node->elem == IR_f32 || node->elem == IR_f64 || ir_elem_is_complex(node->elem)) ? node : NULL;
}

static const struct discover_result *look_at(struct discovering *discovering, const struct ir_node *constant, uint32_t rank,
                                             const size_t *extents)
{
    struct arena *arena = ir_arena(discovering->structuring.context);
    for (size_t k = 0; k < discovering->count; k++)
        if (discovering->items[k].constant == constant)
            return &discovering->items[k].result;
    const struct discover_options options = {.elem = constant->elem,
                                             .within = constant->constant->within,
                                             .spectral = constant->constant->spectral,
                                             .networks = true,
                                             .finest = discovering->structuring.pass->options->finest};
    struct looked_at item = {.constant = constant};
    const void *data = constant->constant->data;
    bool done = rank == 2 ? discover_search(arena, &options, extents[0], extents[1], data, &item.result)
                          : discover_tensor_search(arena, &options, rank, extents, data, &item.result);
    if (!done || !ARENA_PUSH(arena, discovering->items, discovering->count, discovering->capacity, item))
        return NULL;
    return &discovering->items[discovering->count - 1].result;
}

/* Is the operand the whole of a matrix by two plain indices of its extents? */
static const struct ir_node *matrix_of(const struct ir_node *node, uint32_t operand, uint32_t index[2], int64_t extents[2])
{
    const struct ir_access *access = &node->operands[operand];
    const struct ir_node *constant = access->fill || access->conjugate ? NULL : constant_of(access);
    if (constant && constant->rank != 2)
        return NULL;
    for (uint32_t axis = 0; constant && axis < 2; axis++)
        if (!poly_is_index(access->subscripts[axis], &index[axis]) || node->extents[index[axis]] != constant->shape[axis] ||
            !poly_is_constant(constant->shape[axis], &extents[axis]) || extents[axis] < LEAST_EXTENT)
            return NULL;
    bool sized =
        constant && index[0] != index[1] && extents[0] <= MOST_NUMBERS / extents[1] && extents[0] * extents[1] >= LEAST_NUMBERS;
    return sized ? constant : NULL;
}

/* "W = kron(w0, w1)", "C[i,j,k] = w0[i,r0] * w1[r0,j,k]" */
static const char *described(struct pass_kernel *pass, const struct ir_node *constant, const struct discover_finding *finding)
{
    struct text text = text_create(ir_arena(pass->context));
    struct discover_constants constants = {.items = NULL};
    const char *name = constant->constant->name;
    text_put(&text, name ? name : "a constant");
    if (finding->network)
        discover_print_subscripts(&text, finding, finding->network->rank);
    text_put(&text, " = ");
    if (finding->op)
        discover_print(&text, finding->op, "w", &constants);
    else
        discover_print_network(&text, finding->network, "w", &constants);
    return text_finish(&text);
}

static bool note(struct discovering *discovering, const struct ir_node *constant, const struct discover_finding *finding,
                 const struct ir_node *way)
{
    struct pass_kernel *pass = discovering->structuring.pass;
    const char *text = described(pass, constant, finding);
    struct pass_found found = {way, discovering->structuring.tensor, finding->family, "discovered", text, finding->certificate};
    if (pass->options && pass->options->trace && text)
        pass->options->trace(pass->options->trace_user, "discover", text);
    return ARENA_PUSH(ir_arena(pass->context), pass->found, pass->n_found, pass->found_capacity, found);
}

/* Ways to the node from one operand's findings; how many there are then. */
static uint32_t add_ways(struct discovering *discovering, const struct ir_node *node, uint32_t operand, struct ir_access *ways,
                         uint32_t count)
{
    struct ir_context *context = discovering->structuring.context;
    struct structure_application application;
    uint32_t index[2];
    int64_t extents[2];
    const struct ir_node *constant = matrix_of(node, operand, index, extents);
    bool transposed = false;
    if (!constant)
        return count;
    if (!structure_isolate(&discovering->structuring, node, operand, index[0], index[1], &application)) {
        if (!structure_isolate(&discovering->structuring, node, operand, index[1], index[0], &application))
            return count;
        transposed = true;
    }
    const struct discover_result *result =
        look_at(discovering, constant, 2, (const size_t[]){(size_t)extents[0], (size_t)extents[1]});
    for (size_t k = 0; result && k < result->count && k < MOST_WAYS && result->findings[k].accepted && count < IR_ALTERNATIVES;
         k++) {
        const struct discover_operator *op = result->findings[k].op;
        op = transposed ? discover_transposed(ir_arena(context), op) : op;
        const struct ir_node *y = op ? discover_apply(context, op, application.data, constant->elem) : NULL;
        const struct ir_node *way =
            y ? structure_finish(&discovering->structuring, &application, application.n_batch, application.batch, y) : NULL;
        if (way && note(discovering, constant, &result->findings[k], way))
            ways[count++] = ir_access_whole(context, way);
    }
    return count;
}

static bool add_way(struct discovering *discovering, const struct pass_found *found, struct ir_access *ways, uint32_t *count)
{
    struct pass_kernel *pass = discovering->structuring.pass;
    if (pass->options && pass->options->trace && found->detail)
        pass->options->trace(pass->options->trace_user, "discover", found->detail);
    if (!ARENA_PUSH(ir_arena(pass->context), pass->found, pass->n_found, pass->found_capacity, *found))
        return false;
    ways[(*count)++] = ir_access_whole(pass->context, found->node);
    return true;
}

/* The same from what is not zero in a constant of more axes. */
static uint32_t add_nonzeros(struct discovering *discovering, const struct ir_node *node, uint32_t operand, struct ir_access *ways,
                             uint32_t count)
{
    struct pass_kernel *pass = discovering->structuring.pass;
    const struct ir_node *constant = constant_of(&node->operands[operand]);
    size_t nonzeros = 0, size = 1;
    const struct ir_node *way =
        constant && count < IR_ALTERNATIVES ? discover_nonzeros(pass->context, node, operand, constant, &nonzeros) : NULL;
    if (!way)
        return count;
    size = constant->constant->bytes / ir_elem_info(constant->elem)->bytes;
    const char *name = constant->constant->name;
    const char *text = arena_printf(ir_arena(pass->context), "%s = %zu numbers of %zu, the others are zero",
                                    name ? name : "a constant", nonzeros, size);
    struct pass_found found = {way, discovering->structuring.tensor, "nonzeros", "discovered", text, {.growth = 1}};
    (void)add_way(discovering, &found, ways, &count);
    return count;
}

/* Does each axis of the constant, of three at least, stand along an index of its own, over the whole of it? */
static bool has_indices(const struct ir_node *node, uint32_t operand, const struct ir_node *constant, size_t *extents)
{
    const struct ir_access *access = &node->operands[operand];
    uint32_t index[DISCOVER_AXES];
    size_t size = 1;
    if (constant->rank < 3 || constant->rank > DISCOVER_AXES || access->fill || access->conjugate || node->n_operands < 2)
        return false;
    for (uint32_t axis = 0; axis < constant->rank; axis++) {
        int64_t extent;
        if (!poly_is_index(access->subscripts[axis], &index[axis]) || !poly_is_constant(constant->shape[axis], &extent) ||
            node->extents[index[axis]] != constant->shape[axis] || extent < 1 || size > (size_t)(MOST_NUMBERS / extent))
            return false;
        for (uint32_t before = 0; before < axis; before++)
            if (index[before] == index[axis])
                return false;
        extents[axis] = (size_t)extent;
        size *= (size_t)extent;
    }
    return size >= LEAST_NUMBERS;
}

/* The same from products of tensors. */
static uint32_t add_networks(struct discovering *discovering, const struct ir_node *node, uint32_t operand, struct ir_access *ways,
                             uint32_t count)
{
    struct pass_kernel *pass = discovering->structuring.pass;
    const struct ir_node *constant = constant_of(&node->operands[operand]);
    size_t extents[DISCOVER_AXES];
    if (!constant || count == IR_ALTERNATIVES || !has_indices(node, operand, constant, extents))
        return count;
    const struct discover_result *result = look_at(discovering, constant, constant->rank, extents);
    for (size_t k = 0; result && k < result->count && k < MOST_WAYS && result->findings[k].accepted && count < IR_ALTERNATIVES;
         k++) {
        const struct discover_finding *finding = &result->findings[k];
        struct pass_found found = {.tensor = discovering->structuring.tensor, .rule = finding->family, .source = "discovered"};
        found.node = discover_replace(pass->context, node, operand, constant, finding->network);
        found.detail = described(pass, constant, finding);
        found.certificate = finding->certificate;
        if (found.node && !add_way(discovering, &found, ways, &count))
            return count;
    }
    return count;
}

static const struct ir_node *discover(void *user, struct ir_context *context, const struct ir_node *node)
{
    struct discovering *discovering = user;
    struct ir_access ways[IR_ALTERNATIVES];
    bool rounds = ir_elem_is_float(node->elem) || ir_elem_is_complex(node->elem);
    if (node->op != IR_contract_node || node->contract.ring != IR_RING_plustimes || node->contract.n_domain ||
        node->contract.n_sliced || !rounds || ir_elem_is_half(node->elem) || arena_failed(ir_arena(context)))
        return arena_failed(ir_arena(context)) ? NULL : node;
    uint32_t count = 1;
    discovering->structuring.tensor = ir_name_of(discovering->structuring.kernel, node);
    ways[0] = ir_access_whole(context, node);
    for (uint32_t operand = 0; operand < node->n_operands && count < IR_ALTERNATIVES; operand++) {
        count = add_nonzeros(discovering, node, operand, ways, add_ways(discovering, node, operand, ways, count));
        count = add_networks(discovering, node, operand, ways, count);
    }
    if (arena_failed(ir_arena(context)))
        return NULL;
    return count == 1 ? node : ir_alt(context, node->rank, node->shape, count, ways);
}

/* In a kernel whose class is stated, that has to be `normwise`: structure changes results by what is small in the norm. */
enum einc_status pass_discover(struct pass_kernel *pass)
{
    struct ir_kernel *kernel = pass->kernel;
    struct discovering discovering = {.structuring = {.pass = pass, .context = pass->context, .kernel = kernel}};
    bool allowed = pass->options && !pass->options->no_discovery;
    if (allowed && (!kernel->class_stated || kernel->numeric_class >= IR_CLASS_NORMWISE))
        (void)ir_rewrite(pass->context, kernel, discover, &discovering);
    return arena_failed(ir_arena(pass->context)) ? EINC_NO_MEMORY : EINC_OK;
}
