/* An odometer over an index space with quasi-polynomials that follow it.
 *
 * An affine poly is worth its value at the origin plus one step an index, so moving the odometer is one addition a poly. Whether a
 * poly is affine is read off its terms; its steps are differences of values, so no poly is made. Polys with floors or tables of
 * indices are evaluated afresh at each place. Every address is checked: once for the whole box when affine, else at each place. */
#include "eval_walk.h"

struct walk *walk_create(struct arena *arena, const int64_t *dims, uint32_t n_indices, const int64_t *extents,
                         struct poly_tables *tables)
{
    struct walk *walk = ARENA_NEW(arena, struct walk);
    if (!walk)
        return NULL;
    walk->arena = arena;
    walk->dims = dims;
    walk->tables = tables;
    walk->n_indices = n_indices;
    walk->extents = arena_copy(arena, extents, n_indices, sizeof *extents);
    walk->index = ARENA_ARRAY(arena, n_indices, int64_t);
    return walk->extents && walk->index ? walk : NULL;
}

/* ---- lines ---- */

/* 0, 1: that many bare indices among the factors; 2: more, or an index inside a floor or table, or a table that is no constant. */
static uint32_t index_degree(const struct poly_term *term)
{
    uint32_t degree = 0;
    for (uint32_t k = 0; k < term->n_factors; k++) {
        const struct poly_atom *atom = term->factors[k];
        if (atom->kind == POLY_INDEX)
            degree++;
        else if (atom->kind == POLY_FLOOR && (poly_index_limit(atom->numerator) || poly_index_limit(atom->denominator)))
            return 2;
        else if (atom->kind == POLY_TABLE && atom->table->op != IR_const_node)
            return 2;
        for (uint32_t a = 0; atom->kind == POLY_TABLE && a < atom->n_arguments; a++)
            if (poly_index_limit(atom->arguments[a]))
                return 2;
    }
    return degree;
}

static bool is_affine(const struct poly *poly)
{
    for (uint32_t k = 0; k < poly->n_terms; k++)
        if (index_degree(&poly->terms[k]) > 1)
            return false;
    return true;
}

/* Least and greatest value over the box; false on overflow. */
static bool find_range(const struct walk *walk, struct line *line)
{
    line->low = line->high = line->value;
    for (uint32_t k = 0; k < walk->n_indices; k++) {
        int64_t reach, *side = line->steps[k] < 0 ? &line->low : &line->high;
        if (walk->extents[k] > 0 &&
            (!checked_multiply(line->steps[k], walk->extents[k] - 1, &reach) || !checked_add(*side, reach, side)))
            return false;
    }
    return true;
}

static bool find_steps(struct walk *walk, struct line *line)
{
    if (!is_affine(line->poly) || !poly_evaluate(line->poly, walk->dims, walk->index, &line->value))
        return false;
    for (uint32_t k = 0; k < walk->n_indices; k++) {
        int64_t there = line->value;
        if (walk->extents[k] > 1) {
            walk->index[k] = 1;
            bool valid = poly_evaluate(line->poly, walk->dims, walk->index, &there);
            walk->index[k] = 0;
            if (!valid)
                return false;
        }
        if (__builtin_sub_overflow(there, line->value, &line->steps[k]))
            return false;
    }
    return find_range(walk, line);
}

static struct line *line_create(struct walk *walk)
{
    struct line *line = ARENA_NEW(walk->arena, struct line);
    if (line)
        line->steps = ARENA_ARRAY(walk->arena, walk->n_indices, int64_t);
    return line && line->steps ? line : NULL;
}

struct line *walk_follow(struct walk *walk, const struct poly *poly)
{
    struct line *line = line_create(walk);
    if (!line || !poly)
        return NULL;
    line->poly = poly;
    line->affine = find_steps(walk, line);
    if (line->affine) {
        line->next = walk->lines;
        walk->lines = line;
    }
    return line;
}

bool walk_value(const struct walk *walk, const struct line *line, int64_t *value)
{
    if (!line->affine) {
        walk->tables->outside = false;
        return poly_evaluate_lookups(line->poly, walk->dims, walk->index, walk->tables, value);
    }
    *value = line->value;
    return true;
}

bool walk_next(struct walk *walk, uint32_t first, uint32_t last)
{
    for (uint32_t k = last; k-- > first;) {
        bool wraps = ++walk->index[k] >= walk->extents[k];
        for (struct line *line = walk->lines; line; line = line->next)
            line->value += wraps ? -line->steps[k] * (walk->extents[k] - 1) : line->steps[k];
        if (!wraps)
            return true;
        walk->index[k] = 0;
    }
    return false;
}

void walk_move(struct walk *walk, uint32_t k, int64_t value)
{
    for (struct line *line = walk->lines; line; line = line->next)
        line->value += line->steps[k] * (value - walk->index[k]);
    walk->index[k] = value;
}

/* ---- accesses ---- */

static bool all_inside(const struct eval_access *access)
{
    for (uint32_t axis = 0; axis < access->tensor->rank; axis++) {
        const struct line *line = access->axes[axis];
        if (!line->affine || line->low < 0 || line->high >= access->tensor->shape[axis])
            return false;
    }
    return true;
}

/* address = sum[axis](stride[axis] * subscript[axis]); no overflow, since all of the box is inside the tensor. */
static struct line *combine_axes(struct walk *walk, const struct eval_access *access)
{
    struct line *address = line_create(walk);
    if (!address)
        return NULL;
    address->affine = true;
    for (uint32_t axis = 0; axis < access->tensor->rank; axis++) {
        int64_t stride = access->tensor->strides[axis];
        address->value += stride * access->axes[axis]->value;
        for (uint32_t k = 0; k < walk->n_indices; k++)
            address->steps[k] += stride * access->axes[axis]->steps[k];
    }
    address->next = walk->lines;
    walk->lines = address;
    return address;
}

bool walk_access(struct walk *walk, const struct arithmetic *arithmetic, const struct ir_access *access,
                 const struct eval_tensor *tensor, struct eval_access *result)
{
    *result = (struct eval_access){.tensor = tensor, .conjugate = access->conjugate && ir_elem_is_complex(tensor->node->elem)};
    if (access->fill) {
        struct scalar fill = arithmetic->literal(*access->fill);
        result->fill = arena_copy(walk->arena, &fill, 1, sizeof fill);
    }
    struct line *followed = walk->lines;
    result->axes = ARENA_ARRAY(walk->arena, tensor->rank, struct line *);
    if (!result->axes || (access->fill && !result->fill))
        return false;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        if (!(result->axes[axis] = walk_follow(walk, access->subscripts[axis])))
            return false;
    if (!all_inside(result))
        return true;
    walk->lines = followed; /* the one address instead of its axes */
    result->address = combine_axes(walk, result);
    return result->address != NULL;
}

bool walk_place(const struct walk *walk, const struct eval_access *access, int64_t *address, bool *inside)
{
    const struct eval_tensor *tensor = access->tensor;
    *address = access->address ? access->address->value : 0;
    *inside = true;
    for (uint32_t axis = 0; !access->address && axis < tensor->rank; axis++) {
        int64_t subscript;
        bool known = walk_value(walk, access->axes[axis], &subscript);
        if (known && subscript >= 0 && subscript < tensor->shape[axis]) {
            *address += subscript * tensor->strides[axis];
            continue;
        }
        if (!access->fill || (!known && walk->tables->outside))
            return false;
        *inside = false; /* further lookups must stay in their tables all the same */
    }
    return true;
}

bool walk_fetch(const struct walk *walk, const struct arithmetic *arithmetic, const struct eval_access *access,
                struct scalar *value)
{
    const struct eval_tensor *tensor = access->tensor;
    enum ir_elem elem = tensor->node->elem;
    int64_t address;
    bool inside;
    if (!walk_place(walk, access, &address, &inside))
        return false;
    if (!inside) {
        *value = *access->fill;
        return true;
    }
    *value = tensor->data[address];
    struct scalar plain = *value;
    return !access->conjugate || arithmetic->apply(IR_EXPR_conj, elem, elem, &plain, value);
}
