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

static const struct discover_result *look_at(struct discovering *discovering, const struct ir_node *constant, size_t rows,
                                             size_t columns)
{
    struct arena *arena = ir_arena(discovering->structuring.context);
    for (size_t k = 0; k < discovering->count; k++)
        if (discovering->items[k].constant == constant)
            return &discovering->items[k].result;
    const struct discover_options options = {.elem = constant->elem,
                                             .within = constant->constant->within,
                                             .spectral = constant->constant->spectral,
                                             .finest = discovering->structuring.pass->options->finest};
    struct looked_at item = {.constant = constant};
    if (!discover_search(arena, &options, rows, columns, constant->constant->data, &item.result) ||
        !ARENA_PUSH(arena, discovering->items, discovering->count, discovering->capacity, item))
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

/* "W = kron(w0, w1)" */
static const char *described(struct pass_kernel *pass, const struct ir_node *constant, const struct discover_finding *finding)
{
    struct text text = text_create(ir_arena(pass->context));
    struct discover_constants constants = {.items = NULL};
    const char *name = constant->constant->name;
    text_printf(&text, "%s = ", name ? name : "a constant");
    discover_print(&text, finding->op, "w", &constants);
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
    const struct discover_result *result = look_at(discovering, constant, (size_t)extents[0], (size_t)extents[1]);
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

/* The same from its axes' ranks. */
static uint32_t add_axes(struct discovering *discovering, const struct ir_node *node, uint32_t operand, struct ir_access *ways,
                         uint32_t count)
{
    struct pass_kernel *pass = discovering->structuring.pass;
    const struct ir_node *constant = constant_of(&node->operands[operand]);
    struct pass_found found = {.tensor = discovering->structuring.tensor, .rule = "axes", .source = "discovered"};
    size_t core = 0;
    if (constant && count < IR_ALTERNATIVES)
        found.node = discover_axes(pass->context, node, operand, constant, &found.certificate, &core);
    if (!found.node)
        return count;
    const char *name = constant->constant->name;
    found.detail = arena_printf(ir_arena(pass->context), "%s = a core of %zu numbers of %zu, with a basis for axes of low rank",
                                name ? name : "a constant", core, constant->constant->bytes / ir_elem_info(constant->elem)->bytes);
    (void)add_way(discovering, &found, ways, &count);
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
        count = add_axes(discovering, node, operand, ways, count);
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
