/* The context, and builders of nodes.
 *
 * Every node is hash-consed: a builder first looks for the node among those made, so equal work is the same pointer, and only a new
 * one is copied into the arena. Hashes are made of ids and contents, never of addresses, so the same program gives the same ids.
 * A NULL anywhere in the arguments gives NULL. Builders accept whatever can be stored safely; whether it makes sense is for
 * verify.c to say, since a hostile .eir comes through here too. */
#include "ir_internal.h"

#include <string.h>

/* ---- the context ---- */

struct ir_context *ir_context_create(const struct einc_allocator *allocator)
{
    struct arena *arena = arena_create(allocator);
    struct ir_context *context = arena ? ARENA_NEW(arena, struct ir_context) : NULL;
    if (context) {
        context->arena = arena;
        context->diagnostics.arena = arena;
        context->polys = poly_table_create(context);
    }
    if (!context || !context->polys) {
        arena_destroy(arena);
        return NULL;
    }
    return context;
}

void ir_context_destroy(struct ir_context *context)
{
    if (context)
        arena_destroy(context->arena);
}

struct arena *ir_arena(struct ir_context *context)
{
    return context->arena;
}

struct diagnostics *ir_diagnostics(struct ir_context *context)
{
    return &context->diagnostics;
}

enum einc_status ir_status(struct ir_context *context)
{
    if (arena_failed(context->arena))
        return EINC_NO_MEMORY;
    return context->diagnostics.n_errors ? EINC_INVALID : EINC_OK;
}

uint32_t ir_add_dim(struct ir_context *context, struct ir_dim dim)
{
    uint32_t number = (uint32_t)context->n_dims;
    if (dim.divisor < 1)
        dim.divisor = 1;
    return ARENA_PUSH(context->arena, context->dims, context->n_dims, context->dims_capacity, dim) ? number : UINT32_MAX;
}

uint32_t ir_dim_count(const struct ir_context *context)
{
    return (uint32_t)context->n_dims;
}

const struct ir_dim *ir_dim_at(const struct ir_context *context, uint32_t dim)
{
    return dim < context->n_dims ? &context->dims[dim] : NULL;
}

const double *ir_typical_sizes(struct ir_context *context)
{
    const double unknown = 100;
    if (context->typical_sizes && context->n_typical == context->n_dims)
        return context->typical_sizes;
    double *sizes = ARENA_ARRAY(context->arena, context->n_dims, double);
    if (!sizes)
        return NULL;
    for (size_t k = 0; k < context->n_dims; k++) {
        const struct ir_dim *dim = &context->dims[k];
        sizes[k] = dim->bound > 0 && (double)dim->bound < unknown ? (double)dim->bound : unknown;
        if (dim->typical > 0)
            sizes[k] = dim->typical;
    }
    context->typical_sizes = sizes;
    context->n_typical = context->n_dims;
    return sizes;
}

/* ---- hashing and comparing ---- */

static uint64_t hash_polys(uint64_t hash, uint32_t n, const struct poly *const *polys)
{
    hash = hash_mix(hash, n);
    for (uint32_t i = 0; i < n; i++)
        hash = hash_mix(hash, polys[i]->id);
    return hash;
}

static bool equal_polys(uint32_t n, const struct poly *const *a, const struct poly *const *b)
{
    return n == 0 || memcmp(a, b, n * sizeof *a) == 0;
}

uint64_t ir_hash_number(uint64_t hash, struct ir_number number)
{
    hash = hash_mix(hash, (uint64_t)number.elem);
    if (ir_elem_is_float(number.elem) || ir_elem_is_complex(number.elem))
        return hash_bytes(hash_bytes(hash, &number.re, sizeof number.re), &number.im, sizeof number.im);
    return hash_mix(hash, (uint64_t)number.i);
}

static uint64_t hash_access(uint64_t hash, const struct ir_access *access)
{
    hash = hash_mix(hash, access->node->id);
    hash = hash_mix(hash, access->conjugate);
    hash = hash_polys(hash, access->node->rank, access->subscripts);
    return access->fill ? ir_hash_number(hash, *access->fill) : hash;
}

static bool equal_access(const struct ir_access *a, const struct ir_access *b)
{
    if (a->node != b->node || a->conjugate != b->conjugate || !a->fill != !b->fill)
        return false;
    return equal_polys(a->node->rank, a->subscripts, b->subscripts) && (!a->fill || ir_number_equal(*a->fill, *b->fill));
}

static uint64_t hash_constant(const struct ir_constant *constant)
{
    uint64_t hash = hash_mix(constant->hash, constant->bytes);
    hash = hash_mix(hash, (uint64_t)constant->exact * 2 + constant->spectral);
    return hash_bytes(hash, &constant->within, sizeof constant->within);
}

static bool equal_constants(const struct ir_constant *a, const struct ir_constant *b)
{
    return a->hash == b->hash && a->bytes == b->bytes && a->exact == b->exact && a->spectral == b->spectral &&
           memcmp(&a->within, &b->within, sizeof a->within) == 0 && (a->bytes == 0 || memcmp(a->data, b->data, a->bytes) == 0);
}

static uint64_t hash_scan(uint64_t hash, const struct ir_scan *scan)
{
    hash = hash_mix(hash_mix(hash, scan->backward), scan->n_states);
    for (uint32_t k = 0; k < scan->step->n_inputs; k++)
        hash = hash_mix(hash, scan->step->inputs[k].node->id);
    for (uint32_t k = 0; k < scan->step->n_outputs; k++)
        hash = hash_mix(hash, scan->step->outputs[k].node->id);
    return hash;
}

static bool equal_scans(const struct ir_scan *a, const struct ir_scan *b)
{
    return a->backward == b->backward && a->extent == b->extent && a->n_states == b->n_states && ir_kernel_equal(a->step, b->step);
}

static uint64_t hash_node(const struct ir_node *node)
{
    uint64_t hash = hash_mix((uint64_t)node->op, (uint64_t)node->elem);
    hash = hash_polys(hash, node->rank, node->shape);
    hash = hash_polys(hash, node->n_indices, node->extents);
    for (uint32_t k = 0; k < node->n_operands; k++)
        hash = hash_access(hash, &node->operands[k]);
    switch (node->op) {
    case IR_input_node:
        return hash_mix(hash, node->input.number);
    case IR_const_node:
        return hash_mix(hash, hash_constant(node->constant));
    case IR_map_node:
        return hash_mix(hash, node->body->id);
    case IR_contract_node:
        hash = hash_mix(hash_mix(hash, (uint64_t)node->contract.ring), (uint64_t)node->contract.accumulator);
        hash = hash_polys(hash_mix(hash, node->contract.codelet), node->contract.n_domain, node->contract.domain);
        hash = hash_mix(hash, node->contract.named);
        return hash_bytes(hash, node->contract.sliced, node->contract.n_sliced * sizeof(uint32_t));
    case IR_scatter_node:
        return hash_mix(hash, (uint64_t)node->scatter.ring);
    case IR_solve_node:
        return hash_mix(hash, (uint64_t)node->solve.solver << 32 | node->solve.axis);
    case IR_scan_node:
        return hash_scan(hash, node->scan);
    case IR_proj_node:
        return hash_mix(hash, 2 * (uint64_t)node->proj.result + node->proj.last);
    default:
        return hash;
    }
}

static bool equal_contracts(const struct ir_node *a, const struct ir_node *b)
{
    return a->contract.ring == b->contract.ring && a->contract.named == b->contract.named &&
           a->contract.accumulator == b->contract.accumulator && a->contract.n_domain == b->contract.n_domain &&
           a->contract.n_sliced == b->contract.n_sliced && a->contract.codelet == b->contract.codelet &&
           equal_polys(a->contract.n_domain, a->contract.domain, b->contract.domain) &&
           (a->contract.n_sliced == 0 ||
            memcmp(a->contract.sliced, b->contract.sliced, a->contract.n_sliced * sizeof(uint32_t)) == 0);
}

static bool equal_nodes(const void *key, const void *item)
{
    const struct ir_node *a = key, *b = item;
    if (a->op != b->op || a->elem != b->elem || a->rank != b->rank || a->n_indices != b->n_indices ||
        a->n_operands != b->n_operands || !equal_polys(a->rank, a->shape, b->shape) ||
        !equal_polys(a->n_indices, a->extents, b->extents))
        return false;
    for (uint32_t k = 0; k < a->n_operands; k++)
        if (!equal_access(&a->operands[k], &b->operands[k]))
            return false;
    switch (a->op) {
    case IR_input_node:
        return a->input.number == b->input.number;
    case IR_const_node:
        return equal_constants(a->constant, b->constant);
    case IR_map_node:
        return a->body == b->body;
    case IR_contract_node:
        return equal_contracts(a, b);
    case IR_scatter_node:
        return a->scatter.ring == b->scatter.ring;
    case IR_solve_node:
        return a->solve.solver == b->solve.solver && a->solve.axis == b->solve.axis;
    case IR_scan_node:
        return equal_scans(a->scan, b->scan);
    case IR_proj_node:
        return a->proj.result == b->proj.result && a->proj.last == b->proj.last;
    default:
        return true;
    }
}

/* ---- interning ---- */

static bool polys_present(uint32_t n, const struct poly *const *polys)
{
    for (uint32_t i = 0; i < n; i++)
        if (!polys[i])
            return false;
    return true;
}

static bool access_present(const struct ir_access *access)
{
    return access->node && polys_present(access->node->rank, access->subscripts);
}

/* Copies what the node points to into the arena. */
static bool keep_parts(struct arena *arena, struct ir_node *node)
{
    node->shape = arena_copy(arena, node->shape, node->rank, sizeof *node->shape);
    node->extents = arena_copy(arena, node->extents, node->n_indices, sizeof *node->extents);
    struct ir_access *operands = arena_copy(arena, node->operands, node->n_operands, sizeof *operands);
    if (!operands)
        return false;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        struct ir_access *access = &operands[k];
        access->subscripts = arena_copy(arena, access->subscripts, access->node->rank, sizeof *access->subscripts);
        if (access->fill)
            access->fill = arena_copy(arena, access->fill, 1, sizeof *access->fill);
    }
    node->operands = operands;
    if (node->op == IR_contract_node) {
        node->contract.domain = arena_copy(arena, node->contract.domain, node->contract.n_domain, sizeof *node->contract.domain);
        node->contract.sliced = arena_copy(arena, node->contract.sliced, node->contract.n_sliced, sizeof *node->contract.sliced);
    }
    if (node->op == IR_scan_node)
        node->scan = arena_copy(arena, node->scan, 1, sizeof *node->scan);
    if (node->op == IR_const_node) {
        struct ir_constant *constant = arena_copy(arena, node->constant, 1, sizeof *constant);
        if (constant)
            constant->data = arena_copy(arena, constant->data, constant->bytes, 1);
        node->constant = constant;
    }
    return !arena_failed(arena);
}

/* The one node like `draft`, whose arrays may be the caller's. */
static const struct ir_node *intern_node(struct ir_context *context, struct ir_node *draft)
{
    if (arena_failed(context->arena) || !polys_present(draft->rank, draft->shape) ||
        !polys_present(draft->n_indices, draft->extents))
        return NULL;
    for (uint32_t k = 0; k < draft->n_operands; k++)
        if (!access_present(&draft->operands[k]))
            return NULL;
    draft->hash = hash_node(draft);
    const struct ir_node *found = intern_find(&context->nodes, draft->hash, draft, equal_nodes);
    if (found)
        return found;
    draft->id = context->n_nodes;
    if (!keep_parts(context->arena, draft))
        return NULL;
    const struct ir_node *node = arena_copy(context->arena, draft, 1, sizeof *draft);
    if (!intern_add(context->arena, &context->nodes, draft->hash, node))
        return NULL;
    context->n_nodes++;
    return node;
}

/* Accesses of real tensors bear no conjugation, so that equal accesses compare equal. NULL in gives NULL out. */
static const struct ir_access *plain_accesses(struct ir_context *context, uint32_t n, const struct ir_access *accesses)
{
    bool plain = true;
    if (!accesses)
        return NULL;
    for (uint32_t k = 0; k < n; k++)
        plain = plain && (!accesses[k].node || !accesses[k].conjugate || ir_elem_is_complex(accesses[k].node->elem));
    if (plain)
        return accesses;
    struct ir_access *copy = arena_copy(context->arena, accesses, n, sizeof *accesses);
    for (uint32_t k = 0; copy && k < n; k++)
        copy[k].conjugate = copy[k].conjugate && copy[k].node && ir_elem_is_complex(copy[k].node->elem);
    return copy;
}

/* ---- builders ---- */

const struct ir_node *ir_input(struct ir_context *context, uint32_t number, enum ir_elem elem, uint32_t rank,
                               const struct poly *const *shape)
{
    struct ir_node draft = {.op = IR_input_node, .elem = elem, .rank = rank, .shape = shape, .input = {number}};
    return intern_node(context, &draft);
}

const struct ir_node *ir_constant(struct ir_context *context, enum ir_elem elem, uint32_t rank, const struct poly *const *shape,
                                  const struct ir_constant *constant)
{
    if (!constant || (!constant->data && constant->bytes))
        return NULL;
    struct ir_constant hashed = *constant;
    hashed.hash = hash_bytes((uint64_t)elem, constant->data, constant->bytes);
    struct ir_node draft = {.op = IR_const_node, .elem = elem, .rank = rank, .shape = shape, .constant = &hashed};
    return intern_node(context, &draft);
}

const struct ir_node *ir_scalar(struct ir_context *context, struct ir_number number)
{
    unsigned char bytes[16] = {0};
    struct ir_constant constant = {.data = bytes, .bytes = ir_elem_info(number.elem)->bytes};
    ir_number_store(number, bytes, 0);
    return ir_constant(context, number.elem, 0, NULL, &constant);
}

const struct ir_node *ir_contract(struct ir_context *context, const struct ir_contract *contract)
{
    const struct ir_access *operands = plain_accesses(context, contract->n_operands, contract->operands);
    if (!operands || contract->rank > contract->n_indices || !polys_present(contract->n_domain, contract->domain))
        return NULL;
    struct ir_node draft = {.op = IR_contract_node,
                            .elem = contract->elem,
                            .rank = contract->rank,
                            .shape = contract->extents,
                            .n_indices = contract->n_indices,
                            .extents = contract->extents,
                            .n_operands = contract->n_operands,
                            .operands = operands};
    draft.contract.ring = contract->ring;
    draft.contract.accumulator = contract->accumulator;
    draft.contract.n_domain = contract->n_domain;
    draft.contract.domain = contract->domain;
    draft.contract.n_sliced = contract->n_sliced;
    draft.contract.sliced = contract->sliced;
    draft.contract.codelet = contract->codelet;
    draft.contract.named = contract->named;
    return intern_node(context, &draft);
}

const struct ir_node *ir_map(struct ir_context *context, uint32_t rank, const struct poly *const *shape, uint32_t n_operands,
                             const struct ir_access *operands, const struct ir_expr *body)
{
    const struct ir_access *plain = plain_accesses(context, n_operands, operands);
    if (!body || (n_operands && !plain))
        return NULL;
    struct ir_node draft = {.op = IR_map_node,
                            .elem = body->elem,
                            .rank = rank,
                            .shape = shape,
                            .n_indices = rank,
                            .extents = shape,
                            .n_operands = n_operands,
                            .operands = plain,
                            .body = body};
    return intern_node(context, &draft);
}

const struct ir_node *ir_view(struct ir_context *context, uint32_t rank, const struct poly *const *shape, struct ir_access operand)
{
    if (!operand.node)
        return NULL;
    operand.conjugate = operand.conjugate && ir_elem_is_complex(operand.node->elem);
    struct ir_node draft = {.op = IR_view_node,
                            .elem = operand.node->elem,
                            .rank = rank,
                            .shape = shape,
                            .n_indices = rank,
                            .extents = shape,
                            .n_operands = 1,
                            .operands = &operand};
    return intern_node(context, &draft);
}

const struct ir_node *ir_scatter(struct ir_context *context, enum ir_ring ring, uint32_t n_indices,
                                 const struct poly *const *extents, struct ir_access base, struct ir_access value)
{
    const struct ir_access operands[2] = {base, value};
    const struct ir_access *plain = plain_accesses(context, 2, operands);
    if (!base.node || !value.node || !plain)
        return NULL;
    struct ir_node draft = {.op = IR_scatter_node,
                            .elem = base.node->elem,
                            .rank = base.node->rank,
                            .shape = base.node->shape,
                            .n_indices = n_indices,
                            .extents = extents,
                            .n_operands = 2,
                            .operands = plain,
                            .scatter = {ring}};
    return intern_node(context, &draft);
}

const struct ir_node *ir_solve(struct ir_context *context, enum ir_solver solver, uint32_t rank, const struct poly *const *shape,
                               uint32_t axis, struct ir_access matrix, struct ir_access right)
{
    const struct ir_access operands[2] = {matrix, right};
    const struct ir_access *plain = plain_accesses(context, 2, operands);
    const struct poly **extents = ARENA_ARRAY(context->arena, rank + 1, const struct poly *);
    if (!matrix.node || !right.node || !plain || !extents || axis >= rank)
        return NULL;
    for (uint32_t k = 0; k <= rank; k++)
        extents[k] = shape[k < rank ? k : axis];
    struct ir_node draft = {.op = IR_solve_node,
                            .elem = right.node->elem,
                            .rank = rank,
                            .shape = shape,
                            .n_indices = rank + 1,
                            .extents = extents,
                            .n_operands = 2,
                            .operands = plain,
                            .solve = {solver, axis}};
    return intern_node(context, &draft);
}

const struct ir_node *ir_scan(struct ir_context *context, const struct ir_scan *scan, const struct ir_access *operands)
{
    const struct ir_kernel *step = scan ? scan->step : NULL;
    if (!step || !step->n_outputs || scan->n_states > step->n_outputs || scan->n_states > step->n_inputs ||
        (step->n_inputs && !operands))
        return NULL;
    for (uint32_t k = 0; k < step->n_outputs; k++)
        if (!step->outputs[k].node)
            return NULL;
    for (uint32_t k = 0; k < step->n_inputs; k++)
        if (!step->inputs[k].node || step->inputs[k].node->rank > IR_STEP_RANK)
            return NULL;
    const struct ir_access *plain = plain_accesses(context, step->n_inputs, operands);
    struct ir_node draft = {.op = IR_scan_node,
                            .elem = step->outputs[0].node->elem,
                            .n_indices = 1,
                            .extents = &scan->extent,
                            .n_operands = step->n_inputs,
                            .operands = plain,
                            .scan = scan};
    return step->n_inputs && !plain ? NULL : intern_node(context, &draft);
}

const struct ir_node *ir_proj(struct ir_context *context, const struct ir_node *scan, uint32_t result, bool last)
{
    if (!scan || scan->op != IR_scan_node || result >= scan->scan->step->n_outputs)
        return NULL;
    const struct ir_node *value = scan->scan->step->outputs[result].node;
    uint32_t rank = value->rank + (last ? 0 : 1);
    const struct poly **shape = ARENA_ARRAY(context->arena, rank, const struct poly *);
    if (!shape)
        return NULL;
    if (!last)
        shape[0] = scan->scan->extent;
    for (uint32_t axis = 0; axis < value->rank; axis++)
        shape[rank - value->rank + axis] = value->shape[axis];
    struct ir_access operand = {.node = scan};
    struct ir_node draft = {.op = IR_proj_node,
                            .elem = value->elem,
                            .rank = rank,
                            .shape = shape,
                            .n_operands = 1,
                            .operands = &operand,
                            .proj = {result, last}};
    return intern_node(context, &draft);
}

/* Several values of one type under one shape. */
static const struct ir_node *several(struct ir_context *context, enum ir_op op, uint32_t rank, const struct poly *const *shape,
                                     uint32_t n_operands, const struct ir_access *operands)
{
    const struct ir_access *plain = plain_accesses(context, n_operands, operands);
    if (!plain || !n_operands || !operands[0].node)
        return NULL;
    struct ir_node draft = {.op = op,
                            .elem = operands[0].node->elem,
                            .rank = rank,
                            .shape = shape,
                            .n_indices = rank,
                            .extents = shape,
                            .n_operands = n_operands,
                            .operands = plain};
    return intern_node(context, &draft);
}

const struct ir_node *ir_concat(struct ir_context *context, uint32_t rank, const struct poly *const *shape, uint32_t n_operands,
                                const struct ir_access *operands)
{
    return several(context, IR_concat_node, rank, shape, n_operands, operands);
}

const struct ir_node *ir_alt(struct ir_context *context, uint32_t rank, const struct poly *const *shape, uint32_t n_operands,
                             const struct ir_access *operands)
{
    return several(context, IR_alt_node, rank, shape, n_operands, operands);
}

struct ir_access ir_access_whole(struct ir_context *context, const struct ir_node *node)
{
    struct ir_access access = {.node = node};
    const struct poly **subscripts = node ? ARENA_ARRAY(context->arena, node->rank, const struct poly *) : NULL;
    if (!subscripts)
        return (struct ir_access){.node = NULL};
    for (uint32_t k = 0; k < node->rank; k++)
        subscripts[k] = poly_index(context, k);
    access.subscripts = subscripts;
    return access;
}
