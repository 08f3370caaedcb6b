/* Inverting what an equation has inside divisions and constant tables.
 *
 * floor((i + c) / d): the index is split so that the division is exact. table[i, j, ...] = a: the table is known, so for each a the
 * places that hold a are listed while compiling, padded to the longest list; a place is then one more table, looked up by a and a
 * number below the length of a's list. Gathered so, no sum needs a scattered store. */
#include <inttypes.h>

#include "gradient_invert.h"
#include "simplify_internal.h"

/* A list may be so many times larger than the table it inverts; beyond, the equation stays a condition. */
enum { MOST_PADDING = 16 };

static bool is_open(const struct inversion *inversion, const struct poly *a)
{
    for (uint32_t index = inversion->rank; index < poly_index_limit(a); index++)
        if (poly_uses_index(a, index))
            return true;
    return false;
}

/* The only index past the axes, where the poly is that index plus a constant. */
static bool is_shifted_index(struct inversion *inversion, const struct poly *a, uint32_t *index, int64_t *shift)
{
    const struct poly *coefficient = NULL, *rest = NULL;
    uint32_t limit = poly_index_limit(a);
    if (limit <= inversion->rank)
        return false;
    *index = limit - 1;
    return poly_split_index(inversion->context, a, *index, &coefficient, &rest) && poly_equals(coefficient, 1) &&
           poly_is_constant(rest, shift);
}

static bool open_floor(struct inversion *inversion, const struct poly_atom *atom)
{
    uint32_t index;
    int64_t shift, divisor;
    if (!is_shifted_index(inversion, atom->numerator, &index, &shift) || !poly_is_constant(atom->denominator, &divisor) ||
        divisor < 2)
        return false;
    return inversion_split(inversion, index, atom->denominator, floor_remainder(shift, divisor));
}

/* ---- tables ---- */

struct lists {
    size_t n_places, n_values; /* of the table; values run below n_values */
    int64_t longest;
    int64_t *lengths, *places; /* [n_values], [n_values, longest] */
};

static bool list_places(struct arena *arena, const struct ir_node *table, struct lists *lists)
{
    lists->lengths = ARENA_ARRAY(arena, lists->n_values, int64_t);
    if (!lists->lengths)
        return false;
    for (size_t place = 0; place < lists->n_places; place++) {
        int64_t value = constant_element(table, place).i;
        if (value < 0 || (size_t)value >= lists->n_values)
            return false;
        if (++lists->lengths[value] > lists->longest)
            lists->longest = lists->lengths[value];
    }
    size_t padded;
    if (__builtin_mul_overflow(lists->n_values, (size_t)lists->longest, &padded) ||
        padded / MOST_PADDING > lists->n_places + lists->n_values)
        return false;
    int64_t *filled = ARENA_ARRAY(arena, lists->n_values, int64_t);
    lists->places = ARENA_ARRAY(arena, padded, int64_t);
    for (size_t place = 0; place < lists->n_places && filled && lists->places; place++) {
        int64_t value = constant_element(table, place).i;
        lists->places[value * lists->longest + filled[value]++] = (int64_t)place;
    }
    return filled && lists->places;
}

static const struct ir_node *constant_table(struct inversion *inversion, uint32_t rank, const size_t *shape, const int64_t *data,
                                            const char *name)
{
    const struct poly *extents[2];
    size_t count = 1;
    for (uint32_t k = 0; k < rank; k++) {
        extents[k] = poly_constant(inversion->context, (int64_t)shape[k]);
        count *= shape[k];
    }
    struct ir_constant constant = {.data = data, .bytes = count * sizeof *data, .name = name, .exact = true};
    return ir_constant(inversion->context, IR_i64, rank, extents, &constant);
}

/* Equates the table's subscripts with those of a place, each a table of its own; `lists->places` is used up. */
static bool equate_place(struct inversion *inversion, const struct poly_atom *atom, struct lists *lists, const char *name,
                         const struct poly *const *arguments)
{
    struct ir_context *context = inversion->context;
    const size_t shape[2] = {lists->n_values, (size_t)lists->longest};
    int64_t *digits = ARENA_ARRAY(ir_arena(context), shape[0] * shape[1], int64_t);
    for (uint32_t k = atom->n_arguments; digits && k-- > 0;) {
        int64_t extent;
        if (!poly_is_constant(atom->table->shape[k], &extent))
            return false;
        for (size_t place = 0; place < shape[0] * shape[1]; place++) {
            digits[place] = lists->places[place] % extent;
            lists->places[place] /= extent;
        }
        const char *own = atom->n_arguments == 1 ? name : arena_printf(ir_arena(context), "%s_%" PRIu32, name, k);
        const struct poly *digit = poly_table(context, constant_table(inversion, 2, shape, digits, own), 2, arguments);
        if (!digit || !inversion_add_equation(inversion, poly_subtract(context, atom->arguments[k], digit)))
            return false;
    }
    return digits != NULL;
}

/* Is equation `at` table[...] = axis? Then which axis. */
static bool is_lookup(const struct inversion *inversion, size_t at, const struct poly_atom *atom, uint32_t *axis)
{
    struct ir_context *context = inversion->context;
    const struct poly *lookup = poly_table(context, atom->table, atom->n_arguments, atom->arguments);
    const struct poly *equation = inversion->equations[at];
    const struct poly *left = poly_subtract(context, lookup, equation), *right = poly_add(context, lookup, equation);
    return (poly_is_index(left, axis) || poly_is_index(right, axis)) && *axis < inversion->rank;
}

static bool open_table(struct inversion *inversion, size_t at, const struct poly_atom *atom)
{
    struct ir_context *context = inversion->context;
    struct lists lists = {0};
    uint32_t axis;
    int64_t n_values;
    if (!is_lookup(inversion, at, atom, &axis) || !poly_is_constant(inversion->extents[axis], &n_values) || n_values < 1 ||
        !constant_count(atom->table, &lists.n_places))
        return false;
    lists.n_values = (size_t)n_values;
    if (!list_places(ir_arena(context), atom->table, &lists) || lists.longest == 0)
        return false;
    const char *name = atom->table->constant->name ? atom->table->constant->name : "table";
    const struct ir_node *lengths =
        constant_table(inversion, 1, &lists.n_values, lists.lengths, arena_printf(ir_arena(context), "%s_uses", name));
    uint32_t use = inversion_add_index(inversion, poly_constant(context, lists.longest), "use");
    if (!lengths || use == UINT32_MAX)
        return false;
    const struct poly *arguments[2] = {poly_index(context, axis), poly_index(context, use)};
    const struct poly *length = poly_table(context, lengths, 1, arguments);
    const struct poly *last = poly_subtract(context, length, poly_constant(context, 1));
    inversion->equations[at] = poly_constant(context, 0);
    return inversion_add_condition(inversion, poly_subtract(context, last, poly_index(context, use))) &&
           equate_place(inversion, atom, &lists, arena_printf(ir_arena(context), "%s_places", name), arguments);
}

bool inversion_open_nested(struct inversion *inversion, size_t at)
{
    const struct poly *equation = inversion->equations[at];
    for (uint32_t t = 0; t < equation->n_terms; t++)
        for (uint32_t f = 0; f < equation->terms[t].n_factors; f++) {
            const struct poly_atom *atom = equation->terms[t].factors[f];
            if (atom->kind == POLY_FLOOR && is_open(inversion, atom->numerator) && open_floor(inversion, atom))
                return true;
            if (atom->kind == POLY_TABLE && open_table(inversion, at, atom))
                return true;
        }
    return false;
}
