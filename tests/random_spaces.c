/* Index spaces and accesses of random nodes. Subscripts are inside their axes by construction, or guarded by a fill. */
#include "programs_internal.h"

#include <math.h>

uint32_t some_index(struct generator *generator, struct space *space, const struct poly *extent, uint32_t percent_new)
{
    if (!chance(generator, percent_new)) {
        uint32_t start = pick(generator, space->n);
        for (uint32_t k = 0; k < space->n; k++)
            if (space->extents[(start + k) % space->n] == extent)
                return (start + k) % space->n;
    }
    if (space->n == MOST_INDICES || !extent)
        return UINT32_MAX;
    space->extents[space->n] = extent;
    if (volume_of(generator, space->n + 1, space->extents) > generator->largest_space)
        return UINT32_MAX;
    return space->n++;
}

/* Where numbers are exact the ring's infinities, too: min and max are filled with them. */
static struct ir_number some_fill(struct generator *generator, enum ir_elem elem)
{
    uint32_t choice = pick(generator, 6);
    bool ordered = is_wrapping_kind(generator) && !ir_elem_is_complex(elem) && elem != IR_bool;
    if (choice < 2)
        return choice ? ir_ring_one(elem == IR_bool ? IR_RING_orand : IR_RING_plustimes, elem)
                      : ir_ring_zero(elem == IR_bool ? IR_RING_orand : IR_RING_plustimes, elem);
    if (choice == 2 && ordered)
        return ir_ring_zero(chance(generator, 50) ? IR_RING_maxplus : IR_RING_minplus, elem);
    return some_number(generator, elem);
}

/* Moves one axis and fills what falls outside. */
static void add_fill(struct generator *generator, struct ir_access *access, const struct poly **subscripts)
{
    struct ir_context *context = generator->context;
    uint32_t axis = pick(generator, access->node->rank);
    static const int64_t shifts[] = {-1, 1, 0, 2, -2, 5};
    subscripts[axis] = poly_add(context, subscripts[axis], poly_constant(context, shifts[pick(generator, 6)]));
    struct ir_number *fill = ARENA_NEW(ir_arena(context), struct ir_number);
    if (fill)
        *fill = some_fill(generator, access->node->elem);
    access->fill = fill;
}

struct ir_access some_access(struct generator *generator, struct space *space, const struct random_value *value)
{
    const struct ir_node *node = value->node;
    struct ir_access access = {.node = node, .conjugate = ir_elem_is_complex(node->elem) && chance(generator, 25)};
    const struct poly **subscripts = ARENA_ARRAY(ir_arena(generator->context), node->rank, const struct poly *);
    for (uint32_t k = 0; subscripts && k < node->rank; k++)
        if (!(subscripts[k] = some_subscript(generator, space, node->shape[k])))
            return (struct ir_access){.node = NULL};
    access.subscripts = subscripts;
    if (subscripts && node->rank && chance(generator, 8))
        add_fill(generator, &access, subscripts);
    return access;
}

uint32_t choose_axes(struct generator *generator, struct space *space, uint32_t percent, uint32_t n, struct ir_access *accesses)
{
    uint32_t order[MOST_INDICES], rank = 0, last = space->n;
    const struct poly *extents[MOST_INDICES], *replacements[MOST_INDICES];
    for (uint32_t k = 0; k < space->n; k++)
        if (chance(generator, percent)) {
            uint32_t at = rank - pick(generator, rank + 1);
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
    struct poly_ranges ranges = {space->n, space->extents};
    for (uint32_t k = 0; k < n; k++)
        accesses[k] = ir_access_substitute(generator->context, accesses[k], space->n, replacements, &ranges);
    return rank;
}

struct random_value accessed(const struct generator *generator, const struct ir_access *access)
{
    struct random_value value = {.node = NULL};
    for (uint32_t k = 0; k < generator->n_values && !value.node; k++)
        if (generator->values[k].node == access->node)
            value = generator->values[k];
    if (access->fill) {
        value.varies = false;
        value.bound = fmax(value.bound, number_size(*access->fill));
    }
    return value;
}
