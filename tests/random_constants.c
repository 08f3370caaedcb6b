/* Random constants: numbers in the styles that a pass may look for. */
#include "programs_internal.h"

#include <string.h>

/* Mixed numbers, an identity, mostly zeros, nothing but zeros, one number throughout. */
static void choose_style(struct generator *generator, char *data, size_t bytes, size_t count, size_t columns)
{
    enum { MIXED, MIXED_TOO, DIAGONAL, SPARSE, ZEROS, REPEATED, STYLES };
    uint32_t style = pick(generator, STYLES);
    for (size_t k = 0; k < count; k++) {
        bool zero = style == ZEROS || (style == DIAGONAL && k % (columns + 1) != 0) || (style == SPARSE && k % 3 != 1);
        if (style == REPEATED)
            memmove(data + k * bytes, data, bytes);
        else if (zero)
            memset(data + k * bytes, 0, bytes);
    }
}

struct random_value random_constant(struct generator *generator)
{
    static const struct random_value none;
    struct ir_context *context = generator->context;
    const struct poly *shape[3];
    uint32_t rank = 0;
    for (uint32_t wanted = pick(generator, 4); rank < wanted;) {
        shape[rank] = rank && chance(generator, 40) ? shape[rank - 1] : some_extent(generator); /* square, for identities */
        rank++;
        if (!poly_is_constant(shape[rank - 1], NULL))
            return none;
    }
    if (volume_of(generator, rank, shape) > generator->largest_tensor / 4)
        return none;
    enum ir_elem elem = some_elem(generator);
    size_t count = 1, columns = rank ? (size_t)size_of(generator, shape[rank - 1]) : 1, bytes = ir_elem_info(elem)->bytes;
    for (uint32_t k = 0; k < rank; k++)
        count *= (size_t)size_of(generator, shape[k]);
    enum random_style style = chance(generator, 25) ? RANDOM_ONES : is_wrapping_kind(generator) ? RANDOM_WHOLES : RANDOM_PLAIN;
    uint64_t state = pick(generator, 256);
    char *data = random_elements(context, elem, count, style, &state);
    if (!data)
        return none;
    choose_style(generator, data, bytes, count, columns);
    struct ir_constant constant = {.data = data, .bytes = count * bytes, .name = "table"};
    return (struct random_value){ir_constant(context, elem, rank, shape, &constant), false, LARGEST_ELEMENT, 1};
}
