/* Which element of an operand each point of an index space reads. Subscripts that are sums of functions of one index each, as
 * nearly all are, become tables, one an index and axis; others are evaluated point by point. */
#include "packing_internal.h"

static bool uses_one_index(struct ir_context *context, const struct poly *subscript, uint32_t n_indices)
{
    for (uint32_t t = 0; t < subscript->n_terms; t++) {
        uint32_t used = 0;
        for (uint32_t k = 0; k < n_indices; k++)
            for (uint32_t f = 0; f < subscript->terms[t].n_factors; f++) {
                const struct poly *factor = poly_of_atom(context, subscript->terms[t].factors[f]);
                if (!factor)
                    return false;
                if (poly_uses_index(factor, k)) {
                    used++;
                    break;
                }
            }
        if (used > 1)
            return false;
    }
    return true;
}

/* What each value of index `index` adds to the subscript. */
static int64_t *contribution(struct packing_reader *reader, const struct poly *subscript, uint32_t index, int64_t constant)
{
    int64_t point[PACKING_RANK] = {0};
    int64_t *values = ARENA_ARRAY(reader->packer->arena, (size_t)reader->extents[index], int64_t);
    for (int64_t v = 0; values && v < reader->extents[index]; v++) {
        point[index] = v;
        if (!poly_evaluate(subscript, NULL, point, &values[v]))
            return NULL;
        values[v] -= constant;
    }
    return values;
}

bool packing_reader(struct packer *packer, struct packing_reader *reader, const struct ir_access *access, uint32_t n_indices,
                    const int64_t *extents, const int32_t *map)
{
    int64_t origin[PACKING_RANK] = {0};
    *reader = (struct packing_reader){
        .packer = packer, .access = access, .n_indices = n_indices, .extents = extents, .is_separable = true, .map = map};
    if (!access)
        return true;
    reader->rank = access->node->rank;
    int64_t stride = 1;
    for (uint32_t a = reader->rank; a-- > 0; stride *= reader->shape[a]) {
        poly_is_constant(access->node->shape[a], &reader->shape[a]);
        reader->strides[a] = stride;
    }
    for (uint32_t a = 0; a < reader->rank; a++)
        reader->is_separable = reader->is_separable && uses_one_index(packer->context, access->subscripts[a], n_indices) &&
                               poly_evaluate(access->subscripts[a], NULL, origin, &reader->constant[a]);
    for (uint32_t a = 0; a < reader->rank && reader->is_separable; a++)
        for (uint32_t k = 0; k < n_indices && reader->is_separable; k++) {
            if (!poly_uses_index(access->subscripts[a], k))
                continue;
            reader->axis[a][k] = contribution(reader, access->subscripts[a], k, reader->constant[a]);
            reader->is_separable = reader->axis[a][k] != NULL;
        }
    return !arena_failed(packer->arena);
}

int64_t packing_read(const struct packing_reader *reader, const int64_t *point)
{
    int64_t element = reader->base;
    for (uint32_t k = 0; !reader->access && k < reader->rank; k++)
        element += reader->strides[k] * point[k];
    for (uint32_t a = 0; reader->access && a < reader->rank; a++) {
        int64_t subscript = reader->constant[a];
        if (!reader->is_separable && !poly_evaluate(reader->access->subscripts[a], NULL, point, &subscript))
            return -1;
        for (uint32_t k = 0; reader->is_separable && k < reader->n_indices; k++)
            if (reader->axis[a][k])
                subscript += reader->axis[a][k][point[k]];
        if (subscript < 0 || subscript >= reader->shape[a])
            return -1;
        element += subscript * reader->strides[a];
    }
    return reader->map ? reader->map[element] : element;
}

bool packing_next_point(uint32_t n_indices, const int64_t *extents, int64_t *point)
{
    for (uint32_t k = n_indices; k-- > 0; point[k] = 0)
        if (++point[k] < extents[k])
            return true;
    return false;
}
