/* Builders of nodes and expressions: equal content is one pointer, folding keeps every bit, graphs are walked and rewritten, work
 * is counted, and each allocation may fail. */
#include "failing_allocator.h"
#include "ir/ir.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static int set_up(void **state)
{
    *state = ir_context_create(NULL);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    ir_context_destroy(*state);
    return 0;
}

static const struct poly *number(struct ir_context *context, int64_t value)
{
    return poly_constant(context, value);
}

/* sum over k of a[i,k] * b[k,j], for inputs 0 and 1. */
static const struct ir_node *matrix_product(struct ir_context *context, const struct ir_node *a, const struct ir_node *b)
{
    const struct poly *i = poly_index(context, 0), *j = poly_index(context, 1), *k = poly_index(context, 2);
    const struct poly *left[2] = {i, k}, *right[2] = {k, j};
    if (!a || !b)
        return NULL;
    const struct poly *extents[3] = {a->shape[0], b->shape[1], a->shape[1]};
    const struct ir_access operands[2] = {{.node = a, .subscripts = left}, {.node = b, .subscripts = right}};
    return ir_contract(context, &(struct ir_contract){.ring = IR_RING_plustimes,
                                                      .elem = a->elem,
                                                      .accumulator = a->elem,
                                                      .rank = 2,
                                                      .n_indices = 3,
                                                      .extents = extents,
                                                      .n_operands = 2,
                                                      .operands = operands});
}

static const struct ir_node *matrix_input(struct ir_context *context, uint32_t which, enum ir_elem elem, int64_t rows,
                                          int64_t columns)
{
    const struct poly *shape[2] = {number(context, rows), number(context, columns)};
    return ir_input(context, which, elem, 2, shape);
}

static void equal_nodes_are_one(void **state)
{
    struct ir_context *context = *state;
    const struct ir_node *a = matrix_input(context, 0, IR_f64, 3, 4), *b = matrix_input(context, 1, IR_f64, 4, 5);
    assert_ptr_equal(a, matrix_input(context, 0, IR_f64, 3, 4));
    assert_ptr_not_equal(a, matrix_input(context, 0, IR_f32, 3, 4));
    assert_ptr_not_equal(a, matrix_input(context, 1, IR_f64, 3, 4));
    assert_ptr_not_equal(a, matrix_input(context, 0, IR_f64, 4, 3));
    const struct ir_node *c = matrix_product(context, a, b);
    assert_ptr_equal(c, matrix_product(context, a, b));
    assert_true(c->id > a->id && c->id > b->id);
    assert_null(matrix_product(context, a, NULL));
    for (int64_t n = 1; n < 3000; n++) /* through several growths of the table */
        assert_ptr_not_equal(c, matrix_input(context, 0, IR_f64, n, 4));
    assert_ptr_equal(c, matrix_product(context, a, b));
}

static void constants_are_equal_by_bytes(void **state)
{
    struct ir_context *context = *state;
    double data[2] = {1, 2}, same[2] = {1, 2}, other[2] = {1, 3};
    const struct poly *shape[1] = {number(context, 2)};
    struct ir_constant first = {.data = data, .bytes = sizeof data, .name = "a"}, exact = first;
    exact.exact = true;
    const struct ir_node *a = ir_constant(context, IR_f64, 1, shape, &first);
    assert_ptr_equal(
        a, ir_constant(context, IR_f64, 1, shape, &(struct ir_constant){.data = same, .bytes = sizeof same, .name = "b"}));
    assert_ptr_not_equal(a, ir_constant(context, IR_f64, 1, shape, &(struct ir_constant){.data = other, .bytes = sizeof other}));
    assert_ptr_not_equal(a, ir_constant(context, IR_f64, 1, shape, &exact));
    data[0] = 9; /* the node has its own copy */
    assert_memory_equal(a->constant->data, same, sizeof same);
    assert_ptr_equal(ir_scalar(context, ir_number_integer(IR_i16, -2)), ir_scalar(context, ir_number_integer(IR_i16, 65534)));
    int16_t stored;
    memcpy(&stored, ir_scalar(context, ir_number_integer(IR_i16, -2))->constant->data, sizeof stored);
    assert_int_equal(stored, -2);
    float parts[2];
    memcpy(parts, ir_scalar(context, ir_number_complex(IR_c64, 0.5, -1))->constant->data, sizeof parts);
    assert_true(parts[0] == 0.5f && parts[1] == -1.0f);
}

static void conjugation_of_reals_goes(void **state)
{
    struct ir_context *context = *state;
    const struct ir_node *real = matrix_input(context, 0, IR_f64, 3, 4), *complex = matrix_input(context, 1, IR_c128, 3, 4);
    for (int is_complex = 0; is_complex <= 1; is_complex++) {
        struct ir_access access = ir_access_whole(context, is_complex ? complex : real);
        access.conjugate = true;
        const struct ir_node *view = ir_view(context, 2, access.node->shape, access);
        assert_int_equal(view->operands[0].conjugate, is_complex);
    }
}

/* ---- numbers and expressions ---- */

static void numbers_fit_their_types(void **state)
{
    (void)state;
    assert_int_equal(ir_number_integer(IR_i8, 200).i, -56);
    assert_int_equal(ir_number_integer(IR_u8, -1).i, 255);
    assert_int_equal(ir_number_integer(IR_bool, -7).i, 1);
    assert_int_equal(ir_number_real(IR_i32, -2.9).i, -2);
    assert_int_equal(ir_number_real(IR_i32, 3e9).i, INT32_MIN);
    assert_int_equal(ir_number_real(IR_i64, (double)NAN).i, INT64_MIN);
    assert_int_equal(ir_number_real(IR_u32, -1).i, 0);
    assert_true((uint64_t)ir_number_real(IR_u64, 18446744073709549568.0).i == UINT64_C(18446744073709549568));
    assert_true(ir_number_real(IR_f32, 0.1).re == (double)0.1f);
    assert_true(ir_number_complex(IR_f64, 1, 2).im == 0);
    assert_false(ir_number_equal(ir_number_real(IR_f64, 0.0), ir_number_real(IR_f64, -0.0)));
    assert_int_equal(ir_ring_zero(IR_RING_minplus, IR_i16).i, INT16_MAX);
    assert_int_equal(ir_ring_zero(IR_RING_maxplus, IR_i64).i, INT64_MIN);
    assert_int_equal(ir_ring_zero(IR_RING_maxplus, IR_u8).i, 0);
    assert_int_equal(ir_ring_zero(IR_RING_minplus, IR_u64).i, -1);
    assert_true(ir_ring_zero(IR_RING_minplus, IR_f32).re == (double)INFINITY);
    assert_int_equal(ir_ring_zero(IR_RING_andor, IR_bool).i, 1);
    assert_true(ir_ring_one(IR_RING_plustimes, IR_c64).re == 1);
    assert_true(ir_ring_one(IR_RING_minplus, IR_f64).re == 0);
}

static void types_promote_as_in_numpy(void **state)
{
    (void)state;
    static const enum ir_elem rows[][3] = {{IR_bool, IR_i8, IR_i8},   {IR_u8, IR_i8, IR_i16},    {IR_u16, IR_i8, IR_i32},
                                           {IR_u32, IR_i32, IR_i64},  {IR_u64, IR_i64, IR_f64},  {IR_u8, IR_i16, IR_i16},
                                           {IR_i64, IR_f32, IR_f64},  {IR_i16, IR_f32, IR_f32},  {IR_u16, IR_c64, IR_c64},
                                           {IR_i32, IR_c64, IR_c128}, {IR_f64, IR_c64, IR_c128}, {IR_f32, IR_c64, IR_c64},
                                           {IR_bool, IR_c64, IR_c64}, {IR_i8, IR_i64, IR_i64},   {IR_u64, IR_f32, IR_f64}};
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        assert_int_equal(ir_elem_promote(rows[k][0], rows[k][1]), rows[k][2]);
        assert_int_equal(ir_elem_promote(rows[k][1], rows[k][0]), rows[k][2]);
    }
}

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

static const struct ir_expr *real(struct ir_context *context, enum ir_elem elem, double value)
{
    return ir_expr_literal(context, ir_number_real(elem, value));
}

static void folding_keeps_every_bit_of_floats(void **state)
{
    struct ir_context *context = *state;
    const struct ir_expr *x = ir_expr_operand(context, 0, IR_f64), *z = ir_expr_operand(context, 1, IR_c128);
    const struct ir_expr *zero = real(context, IR_f64, 0.0), *minus_zero = real(context, IR_f64, -0.0),
                         *one = real(context, IR_f64, 1);
    assert_ptr_equal(apply(context, IR_EXPR_mul, x, one), x);
    assert_ptr_equal(apply(context, IR_EXPR_mul, one, x), x);
    assert_ptr_equal(apply(context, IR_EXPR_div, x, one), x);
    assert_ptr_equal(apply(context, IR_EXPR_add, x, minus_zero), x);
    assert_ptr_equal(apply(context, IR_EXPR_sub, x, zero), x);
    assert_int_equal(apply(context, IR_EXPR_add, x, zero)->op, IR_EXPR_add); /* -0 + 0 = 0 */
    assert_int_equal(apply(context, IR_EXPR_sub, x, minus_zero)->op, IR_EXPR_sub);
    assert_int_equal(apply(context, IR_EXPR_mul, x, zero)->op, IR_EXPR_mul); /* inf, nan */
    assert_int_equal(apply(context, IR_EXPR_sub, x, x)->op, IR_EXPR_sub);
    assert_int_equal(apply(context, IR_EXPR_eq, x, x)->op, IR_EXPR_eq);
    assert_int_equal(apply(context, IR_EXPR_mul, z, real(context, IR_c128, 1))->op, IR_EXPR_mul);
    assert_int_equal(apply(context, IR_EXPR_div, zero, zero)->op, IR_EXPR_div); /* nan is left to run time */
    assert_ptr_equal(apply(context, IR_EXPR_neg, apply(context, IR_EXPR_neg, x, NULL), NULL), x);
    assert_true(signbit(apply(context, IR_EXPR_neg, zero, NULL)->literal.re));
    const struct ir_expr *third = apply(context, IR_EXPR_div, real(context, IR_f32, 1), real(context, IR_f32, 3));
    assert_true(third->literal.re == (double)(1.0f / 3.0f));
}

static void folding_wraps_integers(void **state)
{
    struct ir_context *context = *state;
    const struct ir_expr *x = ir_expr_operand(context, 0, IR_i8), *zero = real(context, IR_i8, 0),
                         *least = real(context, IR_i8, -128);
    assert_ptr_equal(apply(context, IR_EXPR_add, x, zero), x);
    assert_ptr_equal(apply(context, IR_EXPR_mul, zero, x), zero);
    assert_ptr_equal(apply(context, IR_EXPR_sub, x, x), zero);
    assert_ptr_equal(apply(context, IR_EXPR_neg, least, NULL), least);
    assert_ptr_equal(apply(context, IR_EXPR_div, least, real(context, IR_i8, -1)), least);
    assert_ptr_equal(apply(context, IR_EXPR_div, least, zero), zero);
    assert_int_equal(apply(context, IR_EXPR_div, real(context, IR_i8, -7), real(context, IR_i8, 2))->literal.i, -3);
    assert_int_equal(apply(context, IR_EXPR_floor_div, real(context, IR_i8, -7), real(context, IR_i8, 2))->literal.i, -4);
    assert_int_equal(apply(context, IR_EXPR_floor_mod, real(context, IR_i8, -7), real(context, IR_i8, 2))->literal.i, 1);
    assert_int_equal(apply(context, IR_EXPR_floor_mod, real(context, IR_i8, 7), real(context, IR_i8, -2))->literal.i, -1);
    assert_int_equal(apply(context, IR_EXPR_mul, real(context, IR_u8, 20), real(context, IR_u8, 20))->literal.i, 144);
    assert_int_equal(apply(context, IR_EXPR_lt, ir_expr_literal(context, ir_number_integer(IR_u64, -1)),
                           ir_expr_literal(context, ir_number_integer(IR_u64, 1)))
                         ->literal.i,
                     0);
}

static void casts_and_parts(void **state)
{
    struct ir_context *context = *state;
    const struct ir_expr *x = ir_expr_operand(context, 0, IR_f32), *n = ir_expr_operand(context, 1, IR_i64);
    const struct ir_expr *wide = ir_expr_cast(context, IR_f64, x);
    assert_int_equal(wide->elem, IR_f64);
    assert_ptr_equal(ir_expr_cast(context, IR_f32, wide), x);
    const struct ir_expr *narrow = ir_expr_cast(context, IR_i8, n);
    assert_ptr_not_equal(ir_expr_cast(context, IR_i64, narrow), n);
    assert_int_equal(ir_expr_cast(context, IR_i32, real(context, IR_f64, 1e10))->literal.i, INT32_MIN);
    const struct ir_expr *pair = apply(context, IR_EXPR_complex, x, x);
    assert_int_equal(pair->elem, IR_c64);
    assert_ptr_equal(apply(context, IR_EXPR_imag, pair, NULL), x);
    assert_int_equal(apply(context, IR_EXPR_abs, pair, NULL)->elem, IR_f32);
    assert_ptr_equal(apply(context, IR_EXPR_conj, x, NULL), x);
    assert_int_equal(ir_expr_index(context, number(context, 7))->literal.i, 7);
}

static void wrong_arguments_give_null(void **state)
{
    struct ir_context *context = *state;
    const struct ir_expr *x = ir_expr_operand(context, 0, IR_f32), *y = ir_expr_operand(context, 0, IR_f64);
    const struct ir_expr *arguments[3] = {x, x, x};
    assert_null(apply(context, IR_EXPR_add, x, y));
    assert_null(apply(context, IR_EXPR_and, x, x));
    assert_null(apply(context, IR_EXPR_add, x, NULL));
    assert_null(ir_expr_apply(context, IR_EXPR_add, 2, (const struct ir_expr *[]){x, NULL}));
    assert_null(ir_expr_apply(context, IR_EXPR_select, 3, arguments));
    assert_null(ir_expr_apply(context, IR_EXPR_cast, 1, arguments));
    assert_null(ir_expr_apply(context, IR_EXPR_add, 4, arguments));
    assert_null(ir_expr_cast(context, IR_f64, NULL));
    assert_null(ir_expr_index(context, NULL));
    assert_int_equal(ir_status(context), EINC_OK);
}

/* ---- graphs ---- */

struct two_products {
    struct ir_kernel kernel;
    struct ir_input_info inputs[3];
    struct ir_output outputs[2];
};

/* y0 = (a b) c, y1 = a b. */
static void two_products(struct ir_context *context, struct two_products *program)
{
    *program = (struct two_products){.kernel = {.name = "f", .n_inputs = 3, .n_outputs = 2}};
    program->kernel.inputs = program->inputs;
    program->kernel.outputs = program->outputs;
    const int64_t sizes[4] = {2, 3, 5, 7};
    for (uint32_t k = 0; k < 3; k++)
        program->inputs[k] = (struct ir_input_info){
            .name = "x", .node = matrix_input(context, k, IR_f64, sizes[k], sizes[k + 1]), .span = SPAN_NONE};
    program->outputs[1].node = matrix_product(context, program->inputs[0].node, program->inputs[1].node);
    program->outputs[0].node = matrix_product(context, program->outputs[1].node, program->inputs[2].node);
}

static void nodes_come_before_their_users(void **state)
{
    struct ir_context *context = *state;
    struct two_products program;
    two_products(context, &program);
    matrix_input(context, 9, IR_f64, 1, 1); /* needed by nobody */
    size_t count;
    const struct ir_node **nodes = ir_topological(context, &program.kernel, &count);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < nodes[i]->n_operands; k++) {
            bool before = false;
            for (size_t j = 0; j < i; j++)
                before = before || nodes[j] == nodes[i]->operands[k].node;
            assert_true(before);
        }
}

static void tables_in_subscripts_are_needed(void **state)
{
    struct ir_context *context = *state;
    int32_t order[4] = {3, 1, 0, 2};
    const struct poly *shape[1] = {number(context, 4)}, *index[1] = {poly_index(context, 0)};
    const struct ir_node *table =
        ir_constant(context, IR_i32, 1, shape, &(struct ir_constant){.data = order, .bytes = sizeof order});
    const struct ir_node *input = ir_input(context, 0, IR_f64, 1, shape);
    const struct poly *subscript = poly_table(context, table, 1, index);
    const struct ir_node *view = ir_view(context, 1, shape, (struct ir_access){.node = input, .subscripts = &subscript});
    struct ir_output output = {.name = "y", .node = view};
    struct ir_kernel kernel = {.name = "f", .n_outputs = 1, .outputs = &output};
    size_t count;
    const struct ir_node **nodes = ir_topological(context, &kernel, &count);
    assert_int_equal(count, 3);
    assert_ptr_equal(nodes[0], table);
}

static const struct ir_node *renumber_first_input(void *user, struct ir_context *context, const struct ir_node *node)
{
    int *calls = user;
    ++*calls;
    if (node->op == IR_input_node && node->input.number == 0)
        return ir_input(context, 7, node->elem, node->rank, node->shape);
    return node;
}

static void rewriting_rebuilds_users_and_keeps_names(void **state)
{
    struct ir_context *context = *state;
    struct two_products program;
    two_products(context, &program);
    const struct ir_node *product = program.outputs[1].node;
    const char *const names[3] = {"i", "j", "k"};
    ir_set_name(context, &program.kernel, product, "ab", names, SPAN_NONE);
    ir_set_name(context, &program.kernel, product, "later", NULL, SPAN_NONE);
    int calls = 0;
    assert_true(ir_rewrite(context, &program.kernel, renumber_first_input, &calls));
    assert_int_equal(calls, 5);
    assert_ptr_not_equal(program.outputs[1].node, product);
    assert_int_equal(program.outputs[1].node->operands[0].node->input.number, 7);
    assert_ptr_equal(program.outputs[0].node->operands[0].node, program.outputs[1].node);
    const struct ir_name *known = ir_find_name(&program.kernel, program.outputs[1].node);
    assert_string_equal(known->name, "ab");
    assert_string_equal(known->index_names[2], "k");
    assert_false(ir_rewrite(context, &program.kernel, renumber_first_input, &calls));
}

/* x + x, squared, and so on: 2^60 paths, 61 expressions. */
static void shared_expressions_are_walked_once(void **state)
{
    struct ir_context *context = *state;
    const struct ir_expr *expr = ir_expr_operand(context, 0, IR_f64);
    for (int k = 0; k < 60; k++)
        expr = apply(context, k % 2 ? IR_EXPR_add : IR_EXPR_mul, expr, expr);
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, expr, &count);
    assert_int_equal(count, 61);
    assert_ptr_equal(order[count - 1], expr);
    assert_int_equal(ir_expr_flops(context, expr, NULL), 60);
    assert_ptr_equal(ir_expr_substitute(context, expr, NULL, NULL, 0, NULL, NULL), expr);
}

static const struct ir_expr *one_for_operand_zero(void *user, struct ir_context *context, const struct ir_expr *leaf)
{
    (void)user;
    return leaf->operand == 0 ? ir_expr_literal(context, ir_number_integer(leaf->elem, 1)) : leaf;
}

static void substitution_folds_again(void **state)
{
    struct ir_context *context = *state;
    const struct ir_expr *x = ir_expr_operand(context, 0, IR_i64), *y = ir_expr_operand(context, 1, IR_i64);
    const struct ir_expr *index = ir_expr_index(context, poly_index(context, 1));
    const struct ir_expr *expr = apply(context, IR_EXPR_add, apply(context, IR_EXPR_mul, x, y), index);
    const struct poly *replacements[2] = {NULL, number(context, 0)};
    assert_ptr_equal(ir_expr_substitute(context, expr, one_for_operand_zero, NULL, 2, replacements, NULL), y);
}

/* ---- sizes and work ---- */

static void offsets_and_counts(void **state)
{
    struct ir_context *context = *state;
    const struct poly *n = poly_dim(context, ir_add_dim(context, (struct ir_dim){.name = "N", .bound = 30}));
    const struct poly *shape[3] = {number(context, 2), n, number(context, 5)};
    const struct ir_node *input = ir_input(context, 0, IR_f32, 3, shape);
    const struct ir_access whole = ir_access_whole(context, input);
    const int64_t dims[1] = {7}, at[3] = {1, 4, 3};
    int64_t value;
    assert_true(poly_evaluate(ir_element_count(context, input), dims, NULL, &value));
    assert_int_equal(value, 70);
    assert_true(poly_evaluate(ir_linear_offset(context, input, whole.subscripts), dims, at, &value));
    assert_int_equal(value, (1 * 7 + 4) * 5 + 3);
    assert_true(ir_typical_sizes(context)[0] == 30);
    ir_add_dim(context, (struct ir_dim){.name = "M", .typical = 1000});
    assert_true(ir_typical_sizes(context)[0] == 30 && ir_typical_sizes(context)[1] == 1000);
}

static int64_t value_of(const struct poly *poly)
{
    int64_t value = -1;
    assert_true(poly_is_constant(poly, &value));
    return value;
}

static void work_is_counted(void **state)
{
    struct ir_context *context = *state;
    struct two_products program;
    two_products(context, &program);
    struct ir_work work = ir_kernel_work(context, &program.kernel);
    assert_int_equal(value_of(work.flops), 2 * (2 * 3 * 5 + 2 * 5 * 7));
    assert_int_equal(value_of(work.bytes), 8 * (2 * 3 + 3 * 5 + 5 * 7 + 2 * 7 + 2 * 5));
    const struct ir_node *a = matrix_input(context, 0, IR_c64, 3, 4), *b = matrix_input(context, 1, IR_c64, 4, 5);
    assert_int_equal(value_of(ir_node_work(context, matrix_product(context, a, b)).flops), 8 * 3 * 4 * 5);
    const struct ir_expr *x = ir_expr_operand(context, 0, IR_f64);
    const struct ir_expr *body =
        apply(context, IR_EXPR_mul, x, apply(context, IR_EXPR_exp, apply(context, IR_EXPR_add, x, x), NULL));
    const struct ir_node *input = matrix_input(context, 0, IR_f64, 3, 4);
    const struct ir_access whole = ir_access_whole(context, input);
    work = ir_node_work(context, ir_map(context, 2, input->shape, 1, &whole, body));
    assert_int_equal(value_of(work.flops), 2 * 12);
    assert_int_equal(value_of(work.functions), 12);
    assert_int_equal(value_of(work.bytes), 2 * 12 * 8);
}

/* ---- no memory ---- */

static bool build_something(struct failing_allocator *failing, const void *data)
{
    (void)data;
    struct ir_context *context = ir_context_create(&failing->allocator);
    if (!context)
        return false;
    struct two_products program;
    two_products(context, &program);
    const struct poly *n = poly_dim(context, ir_add_dim(context, (struct ir_dim){.name = "N"}));
    const struct ir_expr *expr = ir_expr_operand(context, 0, IR_f64);
    for (int k = 0; k < 300; k++)
        expr = apply(context, IR_EXPR_add, expr, real(context, IR_f64, k + 1));
    const struct ir_access whole = ir_access_whole(context, program.outputs[1].node);
    const struct ir_node *map = whole.node ? ir_map(context, 2, whole.node->shape, 1, &whole, expr) : NULL;
    for (int64_t k = 0; k < 300; k++)
        map =
            map ? ir_input(context, 0, IR_f64, 1, (const struct poly *[]){poly_add(context, n, poly_constant(context, k))}) : NULL;
    int calls = 0;
    if (program.outputs[0].node && program.outputs[1].node)
        ir_rewrite(context, &program.kernel, renumber_first_input, &calls);
    bool done = map && expr && ir_status(context) == EINC_OK;
    assert_int_equal(done, ir_status(context) != EINC_NO_MEMORY);
    ir_context_destroy(context);
    return done;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(each_allocation_fails(build_something, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_nodes_are_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(constants_are_equal_by_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(conjugation_of_reals_goes, set_up, tear_down),
        cmocka_unit_test(numbers_fit_their_types),
        cmocka_unit_test(types_promote_as_in_numpy),
        cmocka_unit_test_setup_teardown(folding_keeps_every_bit_of_floats, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folding_wraps_integers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(casts_and_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_arguments_give_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nodes_come_before_their_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_in_subscripts_are_needed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rewriting_rebuilds_users_and_keeps_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shared_expressions_are_walked_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(substitution_folds_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(offsets_and_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(work_is_counted, set_up, tear_down),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
