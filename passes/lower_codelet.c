/* Writes the stage of a contraction that a codelet does (ir/codelet.h): loops over the indices outside, and in them
 *
 *     const double x0 = load, ...          what the codelet reads, each once
 *     const double t0 = x0 + x1, ...       what it uses more than once
 *     result[...] = t0 - t1, ...
 *
 * The program is worked out again here, from the terms that the stage has come to: subscripts are split and merged by now. */
#include "ir/codelet.h"
#include "lower.h"

#include <string.h>

enum { MOST_POINTS = STRAIGHT_LINE_ROWS * STRAIGHT_LINE_COLUMNS, DEEPEST_VALUE = 6, SHORTEST_LINE = 4 };

struct codelet {
    struct lowering *lowering;
    struct nest *nest;
    bool *factors; /* by buffer: numbers the codelet knows */
    bool *inside;  /* by index of the nest */
    bool *summed;  /* the same: of what is read, a sum of integers, before the codelet */
    const struct poly **place;
    int64_t *point, *extents;
    struct ir_codelet_matrix matrix;
    const struct ir_expr **atoms; /* by column, in the function's indices */
    const struct ir_expr *result; /* the nest's, without what is added to columns before */
    struct ir_number start;       /* that is added to the columns of `starts` */
    bool *starts;
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

/* A number of the codelet, cast to a wider integer. */
static bool is_widened_factor(const struct codelet *codelet, const struct ir_expr *expr, enum ir_elem elem)
{
    const struct ir_elem_info *from = ir_elem_info(expr->elem), *to = ir_elem_info(elem);
    return expr->op == IR_EXPR_load && codelet->factors[expr->load.buffer] && to->kind == IR_KIND_SIGNED &&
           from->kind == IR_KIND_SIGNED && from->bytes <= to->bytes;
}

/* What the expression is at the point. */
static struct product term_of(struct codelet *codelet, const struct ir_expr *expr)
{
    struct lowering *lowering = codelet->lowering;
    struct ir_context *context = lowering->context;
    uint32_t n = (uint32_t)codelet->nest->n;
    int64_t at;
    if (expr->op == IR_EXPR_literal)
        return (struct product){.number = ir_codelet_number(expr->literal)};
    if (expr->op == IR_EXPR_mul)
        return multiply(codelet, term_of(codelet, expr->arguments[0]), term_of(codelet, expr->arguments[1]));
    if (expr->op == IR_EXPR_load && codelet->factors[expr->load.buffer]) {
        const struct poly *address = poly_substitute(context, expr->load.address, n, codelet->place, NULL);
        const struct loop_buffer *buffer = &lowering->function->buffers[expr->load.buffer];
        bool known = address && poly_is_constant(address, &at) && at >= 0 &&
                     (size_t)at < buffer->constant->bytes / ir_elem_info(buffer->elem)->bytes;
        return (struct product){.number = known
                                              ? ir_codelet_number(ir_number_load(buffer->elem, buffer->constant->data, (size_t)at))
                                              : ir_number_real(IR_f64, 0),
                                .failed = !known};
    }
    if (expr->op == IR_EXPR_cast && is_widened_factor(codelet, expr->arguments[0], expr->elem))
        return term_of(codelet, expr->arguments[0]);
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
    int64_t points = 1, rows = 1, terms;
    note_factor_loads(codelet, nest->term.expr);
    for (size_t x = 0; x < nest->n; x++) {
        const struct nest_index *index = &nest->indices[x];
        codelet->summed[x] = index->reduced && !index->gone && !codelet->inside[x] && ir_elem_is_integer(nest->accumulator);
        codelet->inside[x] |= index->reduced && !codelet->summed[x];
        codelet->inside[x] &= !index->gone;
        codelet->extents[x] = 1;
        if (codelet->summed[x] && (index->outer || !poly_is_constant(nest->extents[x], &terms) || terms > IR_CODELET_TERMS))
            return false;
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

/* ---- what is added to every result ---- */

static bool has_accumulator(const struct ir_expr *expr)
{
    bool has = expr->op == IR_EXPR_operand;
    for (uint32_t k = 0; k < expr->n_arguments; k++)
        has = has || has_accumulator(expr->arguments[k]);
    return has;
}

/* The number that is added to the accumulator at once, which stands nowhere else; `without` is the expression without it. */
static bool split_start(struct codelet *codelet, const struct ir_expr *expr, struct ir_number *start,
                        const struct ir_expr **without)
{
    const struct ir_expr *arguments[3];
    uint32_t changed = UINT32_MAX;
    if (expr->op == IR_EXPR_add && expr->arguments[0]->op == IR_EXPR_operand && expr->arguments[1]->op == IR_EXPR_literal) {
        *start = expr->arguments[1]->literal;
        *without = expr->arguments[0];
        return true;
    }
    for (uint32_t k = 0; k < expr->n_arguments; k++) {
        arguments[k] = expr->arguments[k];
        if (!has_accumulator(expr->arguments[k]))
            continue;
        if (changed != UINT32_MAX || !split_start(codelet, expr->arguments[k], start, &arguments[k]))
            return false;
        changed = k;
    }
    struct ir_context *context = codelet->lowering->context;
    *without = changed == UINT32_MAX      ? NULL
               : expr->op == IR_EXPR_cast ? ir_expr_cast(context, expr->elem, arguments[0])
                                          : ir_expr_apply(context, expr->op, expr->n_arguments, arguments);
    return *without != NULL;
}

/* Rounding adds half a step to every result: that is once to what is read, where each result has one of some inputs, taken once.
 * So the first of a transform's. */
static void find_start(struct codelet *codelet)
{
    const struct ir_codelet_matrix *matrix = &codelet->matrix;
    bool *covered = ARENA_ARRAY(codelet->lowering->arena, matrix->n_rows, bool);
    uint32_t n_covered = 0;
    codelet->result = codelet->nest->result.expr;
    codelet->starts = ARENA_ARRAY(codelet->lowering->arena, STRAIGHT_LINE_COLUMNS, bool);
    if (!covered || !codelet->starts || !ir_elem_is_integer(codelet->nest->accumulator))
        return;
    for (uint32_t column = 0; column < matrix->n_columns; column++) {
        const double *numbers = &matrix->numbers[2 * (size_t)column * matrix->n_rows];
        uint32_t ones = 0;
        bool fits = true;
        for (uint32_t row = 0; row < matrix->n_rows; row++) {
            ones += numbers[2 * row] == 1;
            fits &= numbers[2 * row] == 0 || (numbers[2 * row] == 1 && !covered[row]);
        }
        codelet->starts[column] = fits && ones > 0;
        for (uint32_t row = 0; codelet->starts[column] && row < matrix->n_rows; row++)
            covered[row] |= numbers[2 * row] == 1;
        n_covered += codelet->starts[column] ? ones : 0;
    }
    const struct ir_expr *without;
    if (n_covered == matrix->n_rows && split_start(codelet, codelet->result, &codelet->start, &without))
        codelet->result = without;
    else
        memset(codelet->starts, 0, STRAIGHT_LINE_COLUMNS * sizeof *codelet->starts);
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

/* The sum of the terms of a column, as loops that add to the local: passes behind take several terms at a time. */
static const struct ir_expr *sum_by_loops(struct codelet *codelet, uint32_t column, const char *name, struct ir_number start)
{
    struct ir_context *context = codelet->lowering->context;
    enum ir_elem elem = codelet->nest->accumulator;
    uint32_t local = lower_local(codelet->lowering, name, elem);
    if (local == UINT32_MAX)
        return NULL;
    append(codelet, loop_define(context, local, ir_expr_literal(context, start), false));
    struct loop_stmt *body = loop_set(context, local, codelet->atoms[column], IR_EXPR_add);
    for (size_t x = codelet->nest->n; x-- > 0;)
        if (codelet->summed[x])
            body = loop_for(context, LOOP_SERIAL, codelet->nest->indices[x].number, poly_constant(context, 0),
                            codelet->nest->extents[x], body);
    append(codelet, body);
    return ir_expr_local(context, local, elem);
}

/* The same as one expression. */
static const struct ir_expr *sum_in_line(struct codelet *codelet, uint32_t column)
{
    struct ir_context *context = codelet->lowering->context;
    size_t n = codelet->nest->n, n_indices = codelet->lowering->function->n_indices;
    int64_t *extents = ARENA_ARRAY(codelet->lowering->arena, n, int64_t),
            *point = ARENA_ARRAY(codelet->lowering->arena, n, int64_t);
    const struct poly **places = ARENA_ARRAY(codelet->lowering->arena, n_indices, const struct poly *);
    const struct ir_expr *sum = NULL;
    if (!extents || !point || !places)
        return NULL;
    for (size_t x = 0; x < n; x++) {
        extents[x] = 1;
        if (codelet->summed[x])
            (void)poly_is_constant(codelet->nest->extents[x], &extents[x]);
    }
    do {
        for (size_t x = 0; x < n; x++)
            if (codelet->summed[x])
                places[codelet->nest->indices[x].number] = poly_constant(context, point[x]);
        const struct ir_expr *term =
            ir_expr_substitute(context, codelet->atoms[column], NULL, NULL, (uint32_t)n_indices, places, NULL);
        sum = sum ? ir_expr_apply(context, IR_EXPR_add, 2, (const struct ir_expr *[]){sum, term}) : term;
    } while (sum && ir_codelet_next_point(n, extents, point));
    return sum;
}

static const struct ir_expr *define_real(struct codelet *codelet, uint32_t column)
{
    struct lowering *lowering = codelet->lowering;
    const char *name = arena_printf(lowering->arena, "x%u", column);
    const struct ir_expr *atom = codelet->atoms[column];
    bool sums = false;
    for (size_t x = 0; x < codelet->nest->n; x++)
        sums |= codelet->summed[x];
    if (sums && lowering->machine->dot_bytes > 0)
        return sum_by_loops(codelet, column, name,
                            codelet->starts[column] ? codelet->start : ir_number_integer(codelet->nest->accumulator, 0));
    if (sums)
        atom = sum_in_line(codelet, column);
    if (atom && codelet->starts[column])
        atom = ir_expr_apply(lowering->context, IR_EXPR_add, 2,
                             (const struct ir_expr *[]){atom, ir_expr_literal(lowering->context, codelet->start)});
    return define(codelet, name, atom);
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
        codelet->values[input] = define_real(codelet, column);
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
    const struct ir_expr *value = sum ? lower_substitute(codelet->lowering, codelet->result, n, codelet->place, NULL, sum) : NULL;
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
        outside.indices[x].gone |= codelet->inside[x] || codelet->summed[x];
    if (!outside.indices || !nest_choose_order(codelet->lowering, &outside, order))
        return false;
    for (size_t x = 0; x < outside.n; x++)
        outside.indices[x].gone &= !codelet->summed[x];
    if (!nest_bind_indices(codelet->lowering, &outside, codelet->place))
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
    codelet.summed = ARENA_ARRAY(lowering->arena, nest->n, bool);
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
    find_start(&codelet);
    return write_program(&codelet) ? close_loops(&codelet, &order) : NULL;
}
