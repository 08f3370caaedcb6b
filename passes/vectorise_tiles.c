/* What is made of a finished tile by more than a few operations of vectors.
 *
 * The tile itself is only touched by vectors in short loops that are written out, so that it lives in registers. What vectors
 * cannot do is done element by element from a copy, within the loops around it. A function of vectors is a dozen operations or
 * three: it is written once, in loops over a copy of the whole tile, and not once for each register. */
#include "lanes.h"
#include "product.h"
#include "vectorise.h"

struct tiles {
    struct vectorising *vectorising;
    uint32_t tile, copy; /* buffers */
};

static const struct ir_expr *read_copy(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    const struct tiles *tiles = user;
    if (leaf->op != IR_EXPR_load || leaf->load.buffer != tiles->tile)
        return leaf;
    return ir_expr_load(context, tiles->copy, leaf->elem, leaf->load.address);
}

/* The buffer of the tile that what the loop stores is made of; UINT32_MAX: none. */
static uint32_t find_tile(struct vectorising *vectorising, const struct loop_stmt *loop)
{
    size_t count = 0;
    const struct ir_expr **below = ir_expr_topological(vectorising->context, loop->loop.body->store.value, &count);
    for (size_t k = 0; below && k < count; k++)
        if (below[k]->op == IR_EXPR_load && vectorising->kernel->loops->buffers[below[k]->load.buffer].kind == LOOP_STACK &&
            lanes_move_by_one(vectorising->context, below[k]->load.address, loop->loop.index))
            return below[k]->load.buffer;
    return UINT32_MAX;
}

/* The loop that copies what the loop's store reads of the tile to an array of its own, which it reads from now on. NULL: no memory.
 */
static struct loop_stmt *copy_of_tile(struct vectorising *vectorising, struct loop_stmt *loop, uint32_t tile)
{
    struct ir_context *context = vectorising->context;
    struct loop_function *function = vectorising->kernel->loops;
    struct loop_stmt *store = loop->loop.body;
    struct tiles tiles = {vectorising, tile, UINT32_MAX};
    struct loop_buffer buffer = function->buffers[tile];
    buffer.name = "finished";
    tiles.copy = loop_add_buffer(context, function, buffer);
    if (tiles.copy == UINT32_MAX)
        return NULL;
    const struct poly *address = NULL;
    size_t count = 0;
    const struct ir_expr **below = ir_expr_topological(context, store->store.value, &count);
    for (size_t k = 0; below && k < count; k++)
        if (below[k]->op == IR_EXPR_load && below[k]->load.buffer == tile)
            address = below[k]->load.address;
    struct loop_stmt *copy =
        loop_for(context, LOOP_SERIAL, loop->loop.index, loop->loop.begin, loop->loop.end,
                 loop_store(context, tiles.copy, address, ir_expr_load(context, tile, buffer.elem, address), IR_EXPR_OP_COUNT));
    store->store.value = ir_expr_substitute(context, store->store.value, read_copy, &tiles, 0, NULL, NULL);
    if (!copy || !store->store.value)
        return NULL;
    copy->loop.role = loop->loop.role;
    return copy;
}

bool vectorise_from_copy(struct vectorising *vectorising, struct loop_stmt *loop)
{
    uint32_t tile = find_tile(vectorising, loop);
    if (tile == UINT32_MAX)
        return true;
    struct loop_stmt *copy = copy_of_tile(vectorising, loop, tile);
    struct loop_stmt *moved = arena_copy(ir_arena(vectorising->context), loop, 1, sizeof *loop);
    if (!copy || !moved)
        return false;
    *loop = *copy;
    loop->next = moved;
    return vectorise_split(vectorising, loop, vectorise_lanes(vectorising, loop, vectorising->kernel->loops->buffers[tile].elem));
}

/* ---- functions of a finished tile ---- */

struct loop_stmt *vectorise_calls_within(struct vectorising *vectorising, struct loop_stmt *nest)
{
    if (nest->op != LOOP_FOR || nest->loop.kind != LOOP_UNROLLED)
        return NULL;
    while (nest->op == LOOP_FOR && nest->loop.kind == LOOP_UNROLLED && !nest->loop.body->next)
        nest = nest->loop.body;
    if (nest->op != LOOP_FOR || !vectorise_is_candidate(vectorising, nest))
        return NULL;
    const struct ir_expr *value = nest->loop.body->store.value;
    return find_tile(vectorising, nest) != UINT32_MAX && lanes_call(vectorising->context, value) &&
                   lanes_hold(vectorising->kernel, value, value->elem, nest->loop.index)
               ? nest
               : NULL;
}

/* The loops from `nest` to `inner`, of this kind, around `body`. */
static struct loop_stmt *loops_around(struct vectorising *vectorising, const struct loop_stmt *nest, const struct loop_stmt *inner,
                                      enum loop_kind kind, struct loop_stmt *body)
{
    if (nest == inner)
        return body;
    struct loop_stmt *within = loops_around(vectorising, nest->loop.body, inner, kind, body);
    struct loop_stmt *loop = loop_for(vectorising->context, kind, nest->loop.index, nest->loop.begin, nest->loop.end, within);
    if (!within || !loop)
        return NULL;
    loop->loop.role = nest->loop.role;
    loop->loop.limit = nest->loop.limit;
    return loop;
}

bool vectorise_calls(struct vectorising *vectorising, struct loop_stmt *nest, struct loop_stmt *inner)
{
    uint32_t tile = find_tile(vectorising, inner);
    int64_t lanes = vectorise_lanes(vectorising, inner, vectorising->kernel->loops->buffers[tile].elem);
    struct loop_stmt *copy = copy_of_tile(vectorising, inner, tile);
    struct loop_stmt *moved = arena_copy(ir_arena(vectorising->context), inner, 1, sizeof *inner);
    if (!copy || !moved || !vectorise_split(vectorising, copy, lanes) || !vectorise_split(vectorising, moved, lanes))
        return false;
    if (moved->loop.kind == LOOP_UNROLLED)
        moved->loop.kind = LOOP_SERIAL;
    struct loop_stmt *first = loops_around(vectorising, nest, inner, LOOP_UNROLLED, copy);
    struct loop_stmt *second = loops_around(vectorising, nest, inner, LOOP_SERIAL, moved);
    if (!first || !second)
        return false;
    product_replace(nest, loop_join(first, second));
    return true;
}
