/* Writes the stage of a contraction that a codelet does (ir/codelet.h): loops over the indices outside, and in them
 *
 *     const double x0 = load, ...          what the codelet reads, each once
 *     const double t0 = x0 + x1, ...       what it uses more than once
 *     result[...] = t0 - t1, ...
 *
 * The program is worked out again here, from the terms that the stage has come to: subscripts are split and merged by now. */
#include "ir/codelet.h"
#include "lower.h"

enum { MOST_POINTS = STRAIGHT_LINE_ROWS * STRAIGHT_LINE_COLUMNS, DEEPEST_VALUE = 6, SHORTEST_LINE = 4 };

struct codelet {
    struct lowering *lowering;
    struct nest *nest;
    bool *factors; /* by buffer: numbers the codelet knows */
    bool *inside;  /* by index of the nest */
    const struct poly **place;
    int64_t *point, *extents;
    struct ir_codelet_matrix matrix;
    const struct ir_expr **atoms; /* by column, in the function's indices */
    const struct straight_line *line;
    const struct ir_expr **values; /* by value of the program */
    uint32_t *uses, *column_of;    /* by value; by input */
    struct loop_stmt *list;
};

/* A term of the sum at one point: a number, times an atom. */
struct product {
    struct ir_number number;
    const struct ir_expr *atom; /* NULL: the number alone */
    bool failed;
};

/* ---- the terms ---- */

static struct product multiply(struct codelet *codelet, struct product a, struct product b)
{
    struct ir_context *context = codelet->lowering->context;
    double a_im = ir_elem_is_complex(a.number.elem) ? a.number.im : 0, b_im = ir_elem_is_complex(b.number.elem) ? b.number.im : 0;
    bool complex = ir_elem_is_complex(a.number.elem) || ir_elem_is_complex(b.number.elem);
    enum ir_elem elem = complex ? IR_c128 : IR_f64;
    struct product result = {.atom = a.atom ? a.atom : b.atom, .failed = a.failed || b.failed};
    result.number = ir_number_complex(elem, a.number.re * b.number.re - a_im * b_im, a.number.re * b_im + a_im * b.number.re);
    if (a.atom && b.atom) { /* casts from real to complex numbers were taken off */
        enum ir_elem common = ir_elem_is_complex(a.atom->elem) ? a.atom->elem : b.atom->elem;
        const struct ir_expr *factors[] = {ir_expr_cast(context, common, a.atom), ir_expr_cast(context, common, b.atom)};
        result.atom = ir_expr_apply(context, IR_EXPR_mul, 2, factors);
        result.failed |= result.atom == NULL;
    }
    return result;
}

/* What the expression is at the point. */
static struct product term_of(struct codelet *codelet, const struct ir_expr *expr)
{
    struct lowering *lowering = codelet->lowering;
    struct ir_context *context = lowering->context;
    uint32_t n = (uint32_t)codelet->nest->n;
    int64_t at;
    if (expr->op == IR_EXPR_literal)
        return (struct product){.number = expr->literal};
    if (expr->op == IR_EXPR_mul)
        return multiply(codelet, term_of(codelet, expr->arguments[0]), term_of(codelet, expr->arguments[1]));
    if (expr->op == IR_EXPR_load && codelet->factors[expr->load.buffer]) {
        const struct poly *address = poly_substitute(context, expr->load.address, n, codelet->place, NULL);
        const struct loop_buffer *buffer = &lowering->function->buffers[expr->load.buffer];
        bool known = address && poly_is_constant(address, &at) && at >= 0 &&
                     (size_t)at < buffer->constant->bytes / ir_elem_info(buffer->elem)->bytes;
        return (struct product){.number = known ? ir_number_load(buffer->elem, buffer->constant->data, (size_t)at)
                                                : ir_number_real(IR_f64, 0),
                                .failed = !known};
    }
    if (expr->op == IR_EXPR_conj ||
        (expr->op == IR_EXPR_cast && ir_elem_real(expr->elem) == ir_elem_real(expr->arguments[0]->elem))) {
        struct product inner = term_of(codelet, expr->arguments[0]);
        if (expr->op == IR_EXPR_conj && ir_elem_is_complex(inner.number.elem))
            inner.number.im = -inner.number.im;
        if (inner.atom && expr->op == IR_EXPR_conj && ir_elem_is_complex(inner.atom->elem))
            inner.atom = ir_expr_apply(context, IR_EXPR_conj, 1, &inner.atom);
        return inner;
    }
    const struct ir_expr *atom = lower_substitute(lowering, expr, n, codelet->place, NULL, NULL);
    return (struct product){.number = ir_number_real(IR_f64, 1), .atom = atom, .failed = atom == NULL};
}

static uint32_t column_of(struct codelet *codelet, const struct ir_expr *atom)
{
    for (uint32_t column = 0; column < codelet->matrix.n_columns; column++)
        if (codelet->atoms[column] == atom)
            return column;
    uint32_t column = ir_codelet_add_column(&codelet->matrix, !ir_elem_is_complex(atom->elem));
    if (column != UINT32_MAX)
        codelet->atoms[column] = atom;
    return column;
}

static uint32_t row_of(const struct codelet *codelet)
{
    int64_t row = 0;
    for (size_t x = 0; x < codelet->nest->n; x++)
        if (!codelet->nest->indices[x].reduced)
            row = row * codelet->extents[x] + codelet->point[x];
    return (uint32_t)row;
}

static void set_place(struct codelet *codelet)
{
    for (size_t x = 0; x < codelet->nest->n; x++)
        if (codelet->inside[x])
            codelet->place[x] = poly_constant(codelet->lowering->context, codelet->point[x]);
}

static bool fill_matrix(struct codelet *codelet)
{
    do {
        set_place(codelet);
        struct product term = term_of(codelet, codelet->nest->term.expr);
        uint32_t column = term.failed || !term.atom ? UINT32_MAX : column_of(codelet, term.atom);
        if (column == UINT32_MAX)
            return false;
        ir_codelet_add_number(&codelet->matrix, row_of(codelet), column, term.number);
    } while (ir_codelet_next_point(codelet->nest->n, codelet->extents, codelet->point));
    return true;
}

/* ---- what is inside ---- */

static void note_factor_loads(struct codelet *codelet, const struct ir_expr *expr)
{
    if (expr->op == IR_EXPR_load && codelet->factors[expr->load.buffer])
        for (size_t x = 0; x < codelet->nest->n; x++)
            codelet->inside[x] |= poly_uses_index(expr->load.address, (uint32_t)x);
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        note_factor_loads(codelet, expr->arguments[k]);
}

/* False: too many points, or an index that a loop around the stage binds. */
static bool choose_inside(struct codelet *codelet, uint32_t *n_rows)
{
    const struct nest *nest = codelet->nest;
    int64_t points = 1, rows = 1;
    note_factor_loads(codelet, nest->term.expr);
    for (size_t x = 0; x < nest->n; x++) {
        codelet->inside[x] |= nest->indices[x].reduced;
        codelet->inside[x] &= !nest->indices[x].gone;
        codelet->extents[x] = 1;
        if (!codelet->inside[x])
            continue;
        if (nest->indices[x].outer || !poly_is_constant(nest->extents[x], &codelet->extents[x]) ||
            codelet->extents[x] > MOST_POINTS)
            return false;
        points *= codelet->extents[x];
        rows *= nest->indices[x].reduced ? 1 : codelet->extents[x];
        if (points > MOST_POINTS || rows > STRAIGHT_LINE_ROWS)
            return false;
    }
    *n_rows = (uint32_t)rows;
    return true;
}

static bool find_factors(struct codelet *codelet)
{
    const struct ir_node *node = codelet->nest->codelet;
    const struct ir_codelet *known = ir_codelet(codelet->lowering->context, node);
    codelet->factors = ARENA_ARRAY(codelet->lowering->arena, codelet->lowering->function->n_buffers, bool);
    for (uint32_t k = 0; known && codelet->factors && k < node->n_operands; k++) {
        if (!known->factors[k])
            continue;
        const struct lower_place *place = &codelet->lowering->places[ir_codelet_constant(&node->operands[k])->id];
        if (place->placed && !place->is_local)
            codelet->factors[place->number] = true;
    }
    return known && codelet->factors;
}

/* ---- statements ---- */

static void append(struct codelet *codelet, struct loop_stmt *stmt)
{
    codelet->list = loop_join(codelet->list, stmt);
}

/* A local that holds the value. */
static const struct ir_expr *define(struct codelet *codelet, const char *name, const struct ir_expr *value)
{
    if (!value)
        return NULL;
    uint32_t local = lower_local(codelet->lowering, name, value->elem);
    append(codelet, loop_define(codelet->lowering->context, local, value, true));
    return local == UINT32_MAX ? NULL : ir_expr_local(codelet->lowering->context, local, value->elem);
}

/* Both parts of a column, where they are not there yet. */
static void define_column(struct codelet *codelet, uint32_t column)
{
    struct lowering *lowering = codelet->lowering;
    const struct ir_expr *atom = codelet->atoms[column];
    uint32_t input = ir_codelet_input(&codelet->matrix, column);
    if (codelet->values[input])
        return;
    if (codelet->matrix.real_columns[column]) {
        codelet->values[input] = define(codelet, arena_printf(lowering->arena, "x%u", column), atom);
        return;
    }
    const struct ir_expr *value = atom;
    if (atom->op != IR_EXPR_load) /* a product is multiplied once */
        value = define(codelet, arena_printf(lowering->arena, "product%u", column), atom);
    if (!value)
        return;
    codelet->values[input] =
        define(codelet, arena_printf(lowering->arena, "x%u_re", column), ir_expr_apply(lowering->context, IR_EXPR_real, 1, &value));
    codelet->values[input + 1] =
        define(codelet, arena_printf(lowering->arena, "x%u_im", column), ir_expr_apply(lowering->context, IR_EXPR_imag, 1, &value));
}

/* What the terms read of the codelet's inputs. */
static void define_inputs(struct codelet *codelet, uint32_t n_terms, const struct straight_line_term *terms)
{
    for (uint32_t k = 0; k < n_terms; k++)
        if (terms[k].value < codelet->line->n_inputs)
            define_column(codelet, codelet->column_of[terms[k].value]);
}

static void count_uses(struct codelet *codelet, uint32_t n_terms, const struct straight_line_term *terms)
{
    for (uint32_t k = 0; k < n_terms; k++)
        codelet->uses[terms[k].value]++;
}

static const struct ir_expr *times(struct codelet *codelet, struct straight_line_term term, enum ir_elem elem)
{
    struct ir_context *context = codelet->lowering->context;
    double size = term.factor < 0 ? -term.factor : term.factor;
    const struct ir_expr *value = codelet->values[term.value];
    if (size == 1 || !value)
        return value;
    return ir_expr_apply(context, IR_EXPR_mul, 2,
                         (const struct ir_expr *[]){ir_expr_literal(context, ir_number_real(elem, size)), value});
}

/* The sum of terms, a positive one first where there is one. */
static const struct ir_expr *sum_of(struct codelet *codelet, uint32_t n_terms, const struct straight_line_term *terms,
                                    enum ir_elem elem)
{
    struct ir_context *context = codelet->lowering->context;
    uint32_t first = 0;
    while (first < n_terms && terms[first].factor < 0)
        first++;
    if (n_terms == 0)
        return ir_expr_literal(context, ir_number_real(elem, 0));
    bool negative = first == n_terms;
    first = negative ? 0 : first;
    const struct ir_expr *sum = times(codelet, terms[first], elem);
    if (negative && sum)
        sum = ir_expr_apply(context, IR_EXPR_neg, 1, &sum);
    for (uint32_t k = 0; sum && k < n_terms; k++)
        if (k != first)
            sum = ir_expr_apply(context, terms[k].factor < 0 ? IR_EXPR_sub : IR_EXPR_add, 2,
                                (const struct ir_expr *[]){sum, times(codelet, terms[k], elem)});
    return sum;
}

static void define_value(struct codelet *codelet, uint32_t k)
{
    const struct straight_line *line = codelet->line;
    const struct straight_line_value *value = &line->values[k];
    enum ir_elem elem = ir_elem_real(codelet->nest->accumulator);
    define_inputs(codelet, value->n_terms, value->terms);
    const struct ir_expr *sum = sum_of(codelet, value->n_terms, value->terms, elem);
    bool inlined = codelet->uses[line->n_inputs + k] == 1 && sum && sum->depth < DEEPEST_VALUE;
    codelet->values[line->n_inputs + k] = inlined ? sum : define(codelet, arena_printf(codelet->lowering->arena, "t%u", k), sum);
}

static void store_result(struct codelet *codelet, uint32_t result)
{
    struct ir_context *context = codelet->lowering->context;
    struct nest *nest = codelet->nest;
    enum ir_elem elem = ir_elem_real(nest->accumulator);
    uint32_t n = (uint32_t)nest->n, parts = ir_elem_is_complex(nest->accumulator) ? 2 : 1;
    const struct straight_line_row *row = &codelet->line->rows[parts * result];
    int64_t rest = result;
    for (size_t x = nest->n; x-- > 0;) {
        int64_t extent = nest->indices[x].reduced ? 1 : codelet->extents[x];
        codelet->point[x] = rest % extent;
        rest /= extent;
    }
    set_place(codelet);
    for (uint32_t part = 0; part < parts; part++)
        define_inputs(codelet, row[part].n_terms, row[part].terms);
    const struct ir_expr *halves[2] = {sum_of(codelet, row[0].n_terms, row[0].terms, elem), NULL};
    if (parts == 2)
        halves[1] = sum_of(codelet, row[1].n_terms, row[1].terms, elem);
    const struct ir_expr *sum = parts == 2 ? ir_expr_apply(context, IR_EXPR_complex, 2, halves) : halves[0];
    const struct ir_expr *value = sum ? lower_substitute(codelet->lowering, nest->result.expr, n, codelet->place, NULL, sum) : NULL;
    append(codelet, loop_store(context, nest->target, poly_substitute(context, nest->address, n, codelet->place, NULL), value,
                               nest->combine));
}

/* Statements in the order of the schedule. */
static bool write_program(struct codelet *codelet)
{
    const struct straight_line *line = codelet->line;
    struct arena *arena = codelet->lowering->arena;
    uint32_t parts = ir_elem_is_complex(codelet->nest->accumulator) ? 2 : 1, n_values = (uint32_t)line->n_values;
    const uint32_t *order = codelet_schedule(arena, line, parts);
    codelet->values = ARENA_ARRAY(arena, line->n_inputs + line->n_values, const struct ir_expr *);
    codelet->uses = ARENA_ARRAY(arena, line->n_inputs + line->n_values, uint32_t);
    codelet->column_of = ARENA_ARRAY(arena, line->n_inputs, uint32_t);
    if (!order || arena_failed(arena))
        return false;
    for (uint32_t column = 0; column < codelet->matrix.n_columns; column++)
        for (uint32_t part = 0; part < (codelet->matrix.real_columns[column] ? 1u : 2u); part++)
            codelet->column_of[ir_codelet_input(&codelet->matrix, column) + part] = column;
    for (uint32_t k = 0; k < n_values; k++)
        count_uses(codelet, line->values[k].n_terms, line->values[k].terms);
    for (uint32_t row = 0; row < line->n_rows; row++)
        count_uses(codelet, line->rows[row].n_terms, line->rows[row].terms);
    if (codelet->lowering->function->buffers[codelet->nest->target].updates) /* it may be what is read */
        for (uint32_t column = 0; column < codelet->matrix.n_columns; column++)
            define_column(codelet, column);
    for (uint32_t k = 0; k < n_values + line->n_rows / parts; k++)
        if (order[k] < n_values)
            define_value(codelet, order[k]);
        else
            store_result(codelet, order[k] - n_values);
    return !arena_failed(arena);
}

/* ---- the stage ---- */

/* Vectors run along the innermost loop: that is the index by which the result's elements lie side by side, where it is long. */
static void move_line_inwards(const struct codelet *codelet, struct nest_order *order)
{
    int64_t extent;
    const struct poly *step;
    for (uint32_t k = 0; k < order->n_outputs; k++) {
        uint32_t index = order->indices[k];
        if (!poly_split_index(codelet->lowering->context, codelet->nest->address, index, &step, NULL) || !poly_equals(step, 1) ||
            (poly_is_constant(codelet->nest->extents[index], &extent) && extent < SHORTEST_LINE))
            continue;
        for (; k + 1 < order->n_outputs; k++)
            order->indices[k] = order->indices[k + 1];
        order->indices[k] = index;
    }
}

/* Loops over what is outside; the places of its indices are known afterwards. */
static bool open_loops(struct codelet *codelet, struct nest_order *order)
{
    struct nest outside = *codelet->nest;
    outside.reduces = false;
    outside.indices = arena_copy(codelet->lowering->arena, outside.indices, outside.n, sizeof *outside.indices);
    for (size_t x = 0; outside.indices && x < outside.n; x++)
        outside.indices[x].gone |= codelet->inside[x];
    if (!outside.indices || !nest_choose_order(codelet->lowering, &outside, order) ||
        !nest_bind_indices(codelet->lowering, &outside, codelet->place))
        return false;
    move_line_inwards(codelet, order);
    codelet->nest->indices = arena_copy(codelet->lowering->arena, outside.indices, outside.n, sizeof *outside.indices);
    for (size_t x = 0; codelet->nest->indices && x < outside.n; x++)
        codelet->nest->indices[x].gone &= !codelet->inside[x];
    return codelet->nest->indices != NULL;
}

static struct loop_stmt *close_loops(struct codelet *codelet, const struct nest_order *order)
{
    const struct nest *nest = codelet->nest;
    struct loop_stmt *body = codelet->list;
    struct ir_context *context = codelet->lowering->context;
    for (uint32_t k = order->n_outputs; body && k-- > 0;) {
        const struct nest_index *index = &nest->indices[order->indices[k]];
        const struct poly *end =
            poly_substitute(context, nest->extents[order->indices[k]], (uint32_t)nest->n, codelet->place, NULL);
        body = loop_for(context, LOOP_SERIAL, index->number, poly_constant(context, 0), end, body);
        if (body)
            body->comment = index->note;
    }
    return body;
}

bool nest_has_codelet(const struct nest *nest)
{
    return nest->codelet && nest->reduces && !nest->to_local && !nest->scatters && !nest->n_kept && !nest->n_domain &&
           !nest->term.n_guards && !nest->result.n_guards && nest->combine == IR_EXPR_OP_COUNT;
}

struct loop_stmt *lower_codelet(struct lowering *lowering, struct nest *nest, bool *fits)
{
    struct codelet codelet = {.lowering = lowering, .nest = nest};
    struct nest_order order;
    uint32_t n_rows = 0;
    codelet.inside = ARENA_ARRAY(lowering->arena, nest->n, bool);
    codelet.place = ARENA_ARRAY(lowering->arena, nest->n, const struct poly *);
    codelet.point = ARENA_ARRAY(lowering->arena, nest->n, int64_t);
    codelet.extents = ARENA_ARRAY(lowering->arena, nest->n, int64_t);
    codelet.atoms = ARENA_ARRAY(lowering->arena, STRAIGHT_LINE_COLUMNS, const struct ir_expr *);
    *fits = !arena_failed(lowering->arena) && find_factors(&codelet) && choose_inside(&codelet, &n_rows);
    if (!*fits || !open_loops(&codelet, &order))
        return NULL;
    *fits = ir_codelet_matrix_create(&codelet.matrix, lowering->arena, n_rows, ir_elem_is_complex(nest->accumulator)) &&
            fill_matrix(&codelet);
    codelet.line = *fits ? ir_codelet_line(lowering->context, nest->accumulator, &codelet.matrix) : NULL;
    if (!codelet.line)
        return NULL;
    return write_program(&codelet) ? close_loops(&codelet, &order) : NULL;
}
