/* Large expressions in source: parts of them become statements before, so that text grows with the expressions there are and not
 * with the ways to them, and stays within what the language nests.
 *
 * A part is what is used twice and is more than a few operations, or nests deep, or has very many operations. It has the axes of
 * the map it is taken from. The compiler puts it back where it was: a `let` is no barrier. */
#include "ein.h"

enum {
    SHARED_SIZE = 16, /* expressions: what is smaller is written again */
    WHOLE_SIZE = 400, /* of a part; the language takes 2000 operators */
    WHOLE_DEPTH = 60  /* the language takes 200 brackets, and a level may need two and a call */
};

struct parts {
    struct ein_writer *w;
    const struct ir_node *map;
    const struct ir_expr **order; /* by id */
    size_t count;
    bool *chosen;                    /* a part of its own */
    const struct ir_expr **replaced; /* NULL: not met yet */
    struct ir_access *operands;      /* of the map, then the parts */
    size_t n_operands, operands_capacity;
};

static size_t position(const struct parts *parts, const struct ir_expr *expr)
{
    return ir_expr_position(parts->order, parts->count, expr);
}

/* True when there are any. */
static bool choose(struct parts *parts)
{
    struct arena *arena = parts->w->arena;
    uint32_t *uses = ARENA_ARRAY(arena, parts->count, uint32_t), *size = ARENA_ARRAY(arena, parts->count, uint32_t);
    uint32_t *depth = ARENA_ARRAY(arena, parts->count, uint32_t);
    bool any = false;
    if (!uses || !size || !depth)
        return false;
    for (size_t k = 0; k < parts->count; k++)
        for (uint32_t a = 0; a < parts->order[k]->n_arguments; a++)
            uses[position(parts, parts->order[k]->arguments[a])]++;
    for (size_t k = 0; k < parts->count; k++) {
        size[k] = 1;
        for (uint32_t a = 0; a < parts->order[k]->n_arguments; a++) {
            size_t argument = position(parts, parts->order[k]->arguments[a]);
            size[k] += size[argument];
            depth[k] = depth[argument] + 1 > depth[k] ? depth[argument] + 1 : depth[k];
        }
        parts->chosen[k] =
            k + 1 < parts->count && ((uses[k] > 1 && size[k] > SHARED_SIZE) || size[k] > WHOLE_SIZE || depth[k] > WHOLE_DEPTH);
        any = any || parts->chosen[k];
        size[k] = parts->chosen[k] ? 1 : size[k];
        depth[k] = parts->chosen[k] ? 0 : depth[k];
    }
    return any;
}

/* The operands that a part reads, in the order in which it comes to them. */
struct reads {
    const struct parts *parts;
    uint32_t *numbers;
    size_t n, capacity;
};

static const struct ir_expr *renumber(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    struct reads *reads = user;
    uint32_t number = 0;
    while (number < reads->n && reads->numbers[number] != leaf->operand)
        number++;
    if (number == reads->n && !ARENA_PUSH(reads->parts->w->arena, reads->numbers, reads->n, reads->capacity, leaf->operand))
        return NULL;
    return ir_expr_operand(context, number, leaf->elem);
}

/* The map over the same axes with this body, and the operands that it reads. */
static const struct ir_node *map_of(const struct parts *parts, const struct ir_expr *body)
{
    struct ir_context *context = parts->w->context;
    struct reads reads = {.parts = parts};
    const struct ir_expr *renumbered = ir_expr_substitute(context, body, renumber, &reads, 0, NULL, NULL);
    struct ir_access *operands = renumbered ? ARENA_ARRAY(parts->w->arena, reads.n, struct ir_access) : NULL;
    for (size_t k = 0; operands && k < reads.n; k++)
        operands[k] = parts->operands[reads.numbers[k]];
    return operands ? ir_map(context, parts->map->rank, parts->map->shape, (uint32_t)reads.n, operands, renumbered) : NULL;
}

/* Writes the part as a statement; what reads it in place of the expression. */
static const struct ir_expr *put_part(struct parts *parts, const struct ir_expr *body)
{
    struct ein_writer *w = parts->w;
    const struct ir_node *part = map_of(parts, body);
    if (!part)
        return NULL;
    if (!ein_is_named(w, part)) {
        ein_name_node(w, part, "part");
        ein_put_value(w, ein_node_name(w, part), part, false);
    }
    struct ir_access whole = ir_access_whole(w->context, part);
    if (!whole.subscripts || !ARENA_PUSH(w->arena, parts->operands, parts->n_operands, parts->operands_capacity, whole))
        return NULL;
    return ir_expr_operand(w->context, (uint32_t)parts->n_operands - 1, part->elem);
}

/* The expression with parts in their places; arguments first, so a part stands behind those it reads. */
static const struct ir_expr *without_parts(struct parts *parts, const struct ir_expr *expr)
{
    struct ir_context *context = parts->w->context;
    const struct ir_expr *arguments[3] = {NULL, NULL, NULL}, *made;
    size_t k = position(parts, expr);
    if (parts->replaced[k])
        return parts->replaced[k];
    for (uint32_t a = 0; a < expr->n_arguments; a++)
        if (!(arguments[a] = without_parts(parts, expr->arguments[a])))
            return NULL;
    made = ir_expr_remake(context, expr, arguments);
    if (made && parts->chosen[k])
        made = put_part(parts, made);
    return parts->replaced[k] = made;
}

const struct ir_node *ein_put_parts(struct ein_writer *w, const struct ir_node *map)
{
    struct parts parts = {.w = w, .map = map};
    parts.order = ir_expr_topological(w->context, map->body, &parts.count);
    parts.chosen = parts.order ? ARENA_ARRAY(w->arena, parts.count, bool) : NULL;
    parts.replaced = parts.order ? ARENA_ARRAY(w->arena, parts.count, const struct ir_expr *) : NULL;
    if (!parts.chosen || !parts.replaced || !choose(&parts))
        return map;
    for (uint32_t k = 0; k < map->n_operands; k++)
        if (!ARENA_PUSH(w->arena, parts.operands, parts.n_operands, parts.operands_capacity, map->operands[k]))
            return map;
    const struct ir_expr *body = without_parts(&parts, map->body);
    const struct ir_node *rest = body ? map_of(&parts, body) : NULL;
    return rest ? rest : map;
}
