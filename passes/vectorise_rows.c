/* Places of straight lines that lanes move along by more than one element.
 *
 *     x[step*j + 0], x[step*j + 1], ... x[step*j + m-1]
 *
 * is a row of its own for each lane j. Where all of a row is asked for, squares of it are turned in registers into a small array,
 * in which lanes lie side by side; the last square overlaps the one before where m is no multiple of the lanes. What is stored goes
 * the other way. So interleaved halves of complex numbers come apart at no further cost. Of a table, which nobody changes, another
 * one is made in which lanes lie side by side. */
#include "product.h"
#include "vectorise.h"

#include <string.h>

struct vectorise_row {
    uint32_t buffer;
    bool writes;
    int64_t step;
    const struct poly *base; /* the address without step * index and the number in it */
    int64_t *numbers;        /* of all places, later each once and by size */
    size_t n, capacity;
    uint32_t columns; /* the array */
};

enum { MOST_ROW = 128 }; /* places: both halves of as many complex numbers as a codelet has */

/* address = step * index + base + number; false: it moves otherwise. */
static bool take_apart(const struct vectorise_rows *rows, const struct poly *address, int64_t *step, const struct poly **base,
                       int64_t *number)
{
    struct ir_context *context = rows->kernel->context;
    const struct poly *by, *rest;
    if (!poly_split_index(context, address, rows->loop->loop.index, &by, &rest) || !poly_is_constant(by, step))
        return false;
    const struct poly_term *last = rest->n_terms ? &rest->terms[rest->n_terms - 1] : NULL;
    bool has_number = last && last->n_factors == 0 && last->denominator == 1;
    *number = has_number ? last->numerator : 0;
    *base = poly_subtract(context, rest, poly_constant(context, *number));
    return *base != NULL;
}

bool vectorise_note_row(struct vectorise_rows *rows, uint32_t buffer, const struct poly *address, bool writes)
{
    struct arena *arena = ir_arena(rows->kernel->context);
    struct vectorise_row row = {.buffer = buffer, .writes = writes};
    int64_t number;
    if (!take_apart(rows, address, &row.step, &row.base, &number) || row.step < 2)
        return false;
    size_t k = 0;
    while (k < rows->n && !(rows->rows[k].buffer == buffer && rows->rows[k].writes == writes && rows->rows[k].step == row.step &&
                            rows->rows[k].base == row.base))
        k++;
    if (k == rows->n && !ARENA_PUSH(arena, rows->rows, rows->n, rows->capacity, row))
        return false;
    struct vectorise_row *noted = &rows->rows[k];
    for (k = 0; k < noted->n; k++)
        if (noted->numbers[k] == number)
            return !writes;
    return noted->n < MOST_ROW && ARENA_PUSH(arena, noted->numbers, noted->n, noted->capacity, number);
}

bool vectorise_close_rows(struct vectorise_rows *rows)
{
    for (size_t k = 0; k < rows->n; k++) {
        struct vectorise_row *row = &rows->rows[k];
        for (size_t i = 1; i < row->n; i++)
            for (size_t at = i; at > 0 && row->numbers[at] < row->numbers[at - 1]; at--) {
                int64_t kept = row->numbers[at];
                row->numbers[at] = row->numbers[at - 1];
                row->numbers[at - 1] = kept;
            }
        if (row->numbers[row->n - 1] - row->numbers[0] != (int64_t)row->n - 1 || (int64_t)row->n > row->step)
            return false;
    }
    return true;
}

bool vectorise_rows_hold(const struct vectorise_rows *rows, int64_t lanes)
{
    for (size_t k = 0; k < rows->n; k++)
        if ((int64_t)rows->rows[k].n < lanes)
            return false;
    return true;
}

bool vectorise_add_columns(struct vectorise_rows *rows)
{
    struct ir_context *context = rows->kernel->context;
    struct loop_function *function = rows->kernel->loops;
    for (size_t k = 0; k < rows->n; k++) {
        struct vectorise_row *row = &rows->rows[k];
        const struct poly **shape = ARENA_ARRAY(ir_arena(context), 2, const struct poly *);
        if (!shape)
            return false;
        shape[0] = poly_constant(context, (int64_t)row->n);
        shape[1] = poly_constant(context, rows->lanes);
        struct loop_buffer buffer = {
            .kind = LOOP_STACK,
            .name = arena_printf(ir_arena(context), "%s_turned", function->buffers[row->buffer].name),
            .elem = function->buffers[row->buffer].elem,
            .rank = 2,
            .shape = shape,
            .count = poly_multiply(context, shape[0], shape[1]),
        };
        row->columns = loop_add_buffer(context, function, buffer);
        if (row->columns == UINT32_MAX)
            return false;
    }
    return true;
}

bool vectorise_find_row(const struct vectorise_rows *rows, uint32_t buffer, const struct poly *address, bool writes,
                        struct vectorise_place *place)
{
    struct ir_context *context = rows->kernel->context;
    const struct poly *base;
    int64_t step, number;
    if (!rows->n || !take_apart(rows, address, &step, &base, &number))
        return false;
    for (size_t k = 0; k < rows->n; k++) {
        const struct vectorise_row *row = &rows->rows[k];
        if (row->buffer != buffer || row->writes != writes || row->step != step || row->base != base)
            continue;
        const struct poly *column = poly_constant(context, (number - row->numbers[0]) * rows->lanes);
        *place = (struct vectorise_place){row->columns, poly_add(context, column, rows->lane)};
        return true;
    }
    return false;
}

/* ---- squares ---- */

static struct loop_stmt *square(struct vectorise_rows *rows, const struct vectorise_row *row, int64_t from)
{
    struct ir_context *context = rows->kernel->context;
    struct loop_function *function = rows->kernel->loops;
    const char *name = function->indices[rows->loop->loop.index].name;
    uint32_t lane = loop_add_index(context, function, arena_printf(ir_arena(context), "%s_lane", name));
    uint32_t at = loop_add_index(context, function, arena_printf(ir_arena(context), "%s_place", name));
    if (lane == UINT32_MAX || at == UINT32_MAX)
        return NULL;
    const struct poly *along = poly_add(context, poly_index(context, at), poly_constant(context, from));
    const struct poly *column = poly_add(context, poly_scale(context, along, rows->lanes), poly_index(context, lane));
    const struct poly *element = poly_index(context, lane);
    if (rows->apart)
        element = loop_lane_order(context, element, rows->lanes, ir_elem_info(function->buffers[row->buffer].elem)->bytes);
    const struct poly *place = poly_scale(context, poly_add(context, rows->first, element), row->step);
    place =
        poly_add(context, poly_add(context, place, row->base), poly_add(context, along, poly_constant(context, row->numbers[0])));
    const struct loop_buffer *buffer = &function->buffers[row->buffer];
    const struct ir_expr *value =
        ir_expr_load(context, row->writes ? row->columns : row->buffer, buffer->elem, row->writes ? column : place);
    struct loop_stmt *body =
        loop_store(context, row->writes ? row->buffer : row->columns, row->writes ? place : column, value, IR_EXPR_OP_COUNT);
    const struct poly *zero = poly_constant(context, 0), *size = poly_constant(context, rows->lanes);
    return loop_for(context, LOOP_VECTOR, row->writes ? lane : at, zero, size,
                    loop_for(context, LOOP_VECTOR, row->writes ? at : lane, zero, size, body));
}

bool vectorise_turn_rows(struct vectorise_rows *rows, bool writes, struct loop_stmt **list)
{
    *list = NULL;
    for (size_t k = 0; k < rows->n; k++) {
        const struct vectorise_row *row = &rows->rows[k];
        int64_t count = (int64_t)row->n;
        for (int64_t from = 0; row->writes == writes && from < count; from += rows->lanes) {
            struct loop_stmt *turned = square(rows, row, from + rows->lanes < count ? from : count - rows->lanes);
            if (!turned)
                return false;
            *list = loop_join(*list, turned);
        }
    }
    return true;
}

/* ---- tables ---- */

/* A table of periods: of each, elements step * index + rest, rest < step, become a row for each rest. A row has the vectors of the
 * loop one after the other, lane by lane as they stand there. */
struct order {
    int64_t step, extent;
};

/* Elements of a row: where vectors overlap more than the loop has. */
static int64_t row_of(const struct vectorise_rows *rows, const struct order *order)
{
    return rows->apart ? rows->n_vectors * rows->lanes : order->extent;
}

/* Where the loop's index is at this place of a row; vectorise_straight.c spaces vectors so. */
static int64_t index_at(const struct vectorise_rows *rows, const struct order *order, int64_t place, size_t bytes)
{
    if (!rows->apart)
        return place;
    int64_t vector = place / rows->lanes, spare = order->extent - rows->lanes;
    int64_t first = rows->n_vectors > 1 ? vector * spare / (rows->n_vectors - 1) : 0;
    return first + loop_lane_at(place % rows->lanes, rows->lanes, bytes);
}

static uint32_t find_same(const struct loop_function *function, enum ir_elem elem, const struct ir_constant *constant)
{
    for (uint32_t k = 0; k < function->n_buffers; k++) {
        const struct loop_buffer *other = &function->buffers[k];
        if (other->kind == LOOP_CONSTANT && other->elem == elem && other->constant->hash == constant->hash &&
            other->constant->bytes == constant->bytes && memcmp(other->constant->data, constant->data, constant->bytes) == 0)
            return k;
    }
    return UINT32_MAX;
}

static uint32_t ordered_table(const struct vectorise_rows *rows, uint32_t number, struct order order)
{
    struct ir_context *context = rows->kernel->context;
    struct loop_function *function = rows->kernel->loops;
    struct loop_buffer buffer = function->buffers[number];
    size_t size = ir_elem_info(buffer.elem)->bytes, row = (size_t)row_of(rows, &order), step = (size_t)order.step;
    size_t n_periods = buffer.constant->bytes / size / (step * (size_t)order.extent), count = n_periods * step * row;
    unsigned char *data = arena_alloc(ir_arena(context), count, size);
    struct ir_constant *constant = arena_copy(ir_arena(context), buffer.constant, 1, sizeof *constant);
    const struct poly **shape = ARENA_ARRAY(ir_arena(context), 1, const struct poly *);
    if (!data || !constant || !shape)
        return UINT32_MAX;
    for (size_t k = 0; k < count; k++) {
        size_t index = (size_t)index_at(rows, &order, (int64_t)(k % row), size), rest = k / row % step, period = k / (row * step);
        memcpy(data + k * size,
               (const unsigned char *)buffer.constant->data + ((period * (size_t)order.extent + index) * step + rest) * size, size);
    }
    constant->data = data;
    constant->bytes = count * size;
    constant->hash = hash_bytes(1, data, constant->bytes);
    uint32_t same = find_same(function, buffer.elem, constant);
    if (same != UINT32_MAX)
        return same;
    if (count * size != buffer.constant->bytes) {
        shape[0] = poly_constant(context, (int64_t)count);
        buffer.rank = 1;
        buffer.shape = shape;
        buffer.count = shape[0];
    }
    buffer.constant = constant;
    buffer.name = arena_printf(ir_arena(context), "%s_by_lanes", buffer.name);
    buffer.is_complex = false;
    buffer.table = NULL;
    return loop_add_buffer(context, function, buffer);
}

bool vectorise_find_table(const struct vectorise_rows *rows, uint32_t buffer, const struct poly *address,
                          struct vectorise_place *place)
{
    struct ir_context *context = rows->kernel->context;
    const struct loop_buffer *table = &rows->kernel->loops->buffers[buffer];
    const struct poly *base;
    struct order order;
    int64_t number, period, count;
    if (table->kind != LOOP_CONSTANT || !table->constant || !table->constant->data ||
        !poly_is_constant(rows->loop->loop.end, &order.extent) || !take_apart(rows, address, &order.step, &base, &number) ||
        order.step < 1 || (order.step == 1 && !rows->apart) || !checked_multiply(order.step, order.extent, &period))
        return false;
    count = (int64_t)(table->constant->bytes / ir_elem_info(table->elem)->bytes);
    const struct poly *odd = poly_mod(context, base, poly_constant(context, period), NULL);
    if (number < 0 || number % period >= order.step || count % period != 0 || !odd || !poly_equals(odd, 0))
        return false;
    if (!place)
        return true;
    *place = (struct vectorise_place){ordered_table(rows, buffer, order), NULL};
    if (place->buffer == UINT32_MAX)
        return true;
    int64_t row = row_of(rows, &order);
    const struct poly *periods = poly_floor_div(context, base, poly_constant(context, order.extent), NULL);
    const struct poly *within = rows->apart ? poly_add(context, poly_scale(context, rows->vector, rows->lanes), rows->lane)
                                            : poly_index(context, rows->loop->loop.index);
    place->address = poly_add(context, poly_add(context, poly_scale(context, periods, row), within),
                              poly_constant(context, (number / period * order.step + number % period) * row));
    return true;
}
