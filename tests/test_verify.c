/* The verifier: what is right passes, and each kind of mistake is found, with its code. Some mistakes cannot be made through the
 * builders; those are put into copies of nodes. */
#include "ir/ir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

struct fixture {
    struct ir_context *context;
    struct ir_kernel kernel;
    struct ir_input_info inputs[2];
    struct ir_output output;
};

static const struct poly *number(const struct fixture *fixture, int64_t value)
{
    return poly_constant(fixture->context, value);
}

static const struct poly *place(const struct fixture *fixture, uint32_t index)
{
    return poly_index(fixture->context, index);
}

static const struct poly *plus(const struct fixture *fixture, const struct poly *a, int64_t value)
{
    return poly_add(fixture->context, a, number(fixture, value));
}

/* Inputs x: f64[6, N] and z: c128[4], dims N (any) and M (even, at most 10). */
static int set_up(void **state)
{
    struct ir_context *context = ir_context_create(NULL);
    struct fixture *fixture = ARENA_NEW(ir_arena(context), struct fixture);
    *state = fixture;
    fixture->context = context;
    ir_add_dim(context, (struct ir_dim){.name = "N"});
    ir_add_dim(context, (struct ir_dim){.name = "M", .bound = 10, .divisor = 2});
    const struct poly *x_shape[2] = {number(fixture, 6), poly_dim(context, 0)}, *z_shape[1] = {number(fixture, 4)};
    fixture->inputs[0] = (struct ir_input_info){.name = "x", .node = ir_input(context, 0, IR_f64, 2, x_shape), .span = SPAN_NONE};
    fixture->inputs[1] = (struct ir_input_info){.name = "z", .node = ir_input(context, 1, IR_c128, 1, z_shape), .span = SPAN_NONE};
    fixture->output = (struct ir_output){"y", fixture->inputs[0].node, SPAN_NONE, 0};
    fixture->kernel = (struct ir_kernel){
        .name = "f", .span = SPAN_NONE, .n_inputs = 2, .inputs = fixture->inputs, .n_outputs = 1, .outputs = &fixture->output};
    return 0;
}

static int tear_down(void **state)
{
    ir_context_destroy(((struct fixture *)*state)->context);
    return 0;
}

static void expect_valid(struct fixture *fixture, const struct ir_node *node)
{
    fixture->output.node = node;
    assert_non_null(node);
    bool valid = ir_verify(fixture->context, &fixture->kernel);
    if (!valid) {
        struct text text = text_create(ir_arena(fixture->context));
        diag_print(&text, ir_diagnostics(fixture->context), false);
        print_error("%s\n", text_finish(&text));
    }
    assert_true(valid);
}

/* One diagnostic of this code; its message is given back. */
static const char *expect_code(struct fixture *fixture, const struct ir_node *node, enum diag_code code)
{
    struct diagnostics *diagnostics = ir_diagnostics(fixture->context);
    diagnostics->n_items = diagnostics->n_errors = 0;
    fixture->output.node = node;
    assert_non_null(node);
    assert_false(ir_verify(fixture->context, &fixture->kernel));
    assert_int_equal(diagnostics->n_items, 1);
    assert_string_equal(diag_code_name(diagnostics->items[0]->code), diag_code_name(code));
    return diagnostics->items[0]->message;
}

/* A view of x with these subscripts. */
static const struct ir_node *view_x(struct fixture *fixture, uint32_t rank, const struct poly *const *shape, const struct poly *row,
                                    const struct poly *column)
{
    const struct poly *subscripts[2] = {row, column};
    return ir_view(fixture->context, rank, shape, (struct ir_access){.node = fixture->inputs[0].node, .subscripts = subscripts});
}

static void valid_nodes_pass(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    const struct poly *n = poly_dim(context, 0), *shape[2] = {n, number(fixture, 3)};
    expect_valid(fixture, fixture->inputs[0].node);
    const struct poly *row = plus(fixture, poly_scale(context, place(fixture, 1), 2), 1); /* 2j + 1 < 6 for j < 3 */
    expect_valid(fixture, view_x(fixture, 2, shape, row, place(fixture, 0)));
    const struct poly *backwards = poly_subtract(context, plus(fixture, n, -1), place(fixture, 0));
    expect_valid(fixture, view_x(fixture, 2, shape, row, backwards));
}

static void subscripts_that_leave_are_found(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    const struct poly *n = poly_dim(context, 0), *m = poly_dim(context, 1);
    const struct poly *shape[2] = {number(fixture, 3), n}, *four[2] = {number(fixture, 4), n}, *even[2] = {number(fixture, 3), m};
    const struct poly *i = place(fixture, 0), *j = place(fixture, 1), *doubled = poly_scale(context, i, 2);
    const char *message = expect_code(fixture, view_x(fixture, 2, four, doubled, plus(fixture, j, 0)), DIAG_E0734);
    assert_non_null(message);
    assert_non_null(strstr(expect_code(fixture, view_x(fixture, 2, four, plus(fixture, doubled, 1), j), DIAG_E0734),
                           "reads `x` at 7 on axis 0, whose extent is 6 where index 0 = 3"));
    expect_code(fixture, view_x(fixture, 2, shape, plus(fixture, i, -1), j), DIAG_E0734);
    expect_code(fixture, view_x(fixture, 2, shape, i, plus(fixture, j, 1)), DIAG_E0734);
    expect_code(fixture, view_x(fixture, 2, even, i, j), DIAG_E0734); /* j < M says nothing of N */
    const struct poly *remainder = poly_mod(context, poly_scale(context, i, 5), number(fixture, 7), NULL);
    expect_code(fixture, view_x(fixture, 2, shape, plus(fixture, remainder, 2), j),
                DIAG_E0734); /* 0, 5, 3: 7 is inside the range */
}

static void fills_guard_subscripts(void **state)
{
    struct fixture *fixture = *state;
    const struct poly *shape[2] = {number(fixture, 9), poly_dim(fixture->context, 0)};
    const struct poly *subscripts[2] = {plus(fixture, place(fixture, 0), -2), plus(fixture, place(fixture, 1), 5)};
    struct ir_number fill = ir_number_real(IR_f64, 0), wrong = ir_number_real(IR_f32, 0);
    struct ir_access access = {.node = fixture->inputs[0].node, .subscripts = subscripts, .fill = &fill};
    expect_valid(fixture, ir_view(fixture->context, 2, shape, access));
    access.fill = &wrong;
    expect_code(fixture, ir_view(fixture->context, 2, shape, access), DIAG_E0733);
}

static void indices_and_dims_must_exist(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    const struct poly *shape[2] = {number(fixture, 3), poly_dim(context, 0)};
    expect_code(fixture, view_x(fixture, 2, shape, place(fixture, 2), place(fixture, 1)), DIAG_E0731);
    const struct poly *by_index[1] = {plus(fixture, place(fixture, 0), 1)};
    expect_code(fixture, view_x(fixture, 1, by_index, number(fixture, 0), number(fixture, 0)), DIAG_E0731);
    const struct poly *negative[1] = {number(fixture, -1)};
    expect_code(fixture, view_x(fixture, 1, negative, number(fixture, 0), number(fixture, 0)), DIAG_E0732);
    const struct poly *unknown[1] = {poly_dim(context, 40)};
    if (unknown[0])
        expect_code(fixture, view_x(fixture, 1, unknown, number(fixture, 0), number(fixture, 0)), DIAG_E0731);
}

static void sizes_must_be_countable(void **state)
{
    struct fixture *fixture = *state;
    const struct poly *huge[2] = {number(fixture, INT64_C(1) << 40), number(fixture, INT64_C(1) << 40)};
    expect_code(fixture, view_x(fixture, 2, huge, number(fixture, 0), number(fixture, 0)), DIAG_E0732);
    const struct poly *large[1] = {number(fixture, INT64_MAX / 2)};
    expect_code(fixture, view_x(fixture, 1, large, number(fixture, 0), number(fixture, 0)), DIAG_E0732);
}

static struct ir_contract sum_of_z(struct fixture *fixture, const struct ir_access *operand, const struct poly *const *extents)
{
    (void)fixture;
    return (struct ir_contract){.ring = IR_RING_plustimes,
                                .elem = IR_c128,
                                .accumulator = IR_c128,
                                .rank = 0,
                                .n_indices = 1,
                                .extents = extents,
                                .n_operands = 1,
                                .operands = operand};
}

static void contractions_keep_to_their_ring(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    const struct poly *extents[1] = {number(fixture, 4)};
    const struct ir_access z = ir_access_whole(context, fixture->inputs[1].node), pair[2] = {z, z};
    struct ir_contract right = sum_of_z(fixture, &z, extents), wrong = right;
    expect_valid(fixture, ir_contract(context, &right));
    wrong.ring = IR_RING_minplus;
    expect_code(fixture, ir_contract(context, &wrong), DIAG_E0739);
    wrong = right;
    wrong.accumulator = IR_c64;
    expect_code(fixture, ir_contract(context, &wrong), DIAG_E0739);
    wrong.elem = IR_c64;
    expect_code(fixture, ir_contract(context, &wrong), DIAG_E0739);
    wrong.accumulator = IR_c128;
    expect_valid(fixture, ir_contract(context, &wrong));
    wrong = right;
    wrong.ring = IR_RING_prod;
    expect_valid(fixture, ir_contract(context, &wrong));
    wrong.n_operands = 2;
    wrong.operands = pair;
    expect_code(fixture, ir_contract(context, &wrong), DIAG_E0739);
    wrong = right;
    wrong.n_sliced = 1;
    wrong.sliced = (const uint32_t[]){1};
    expect_code(fixture, ir_contract(context, &wrong), DIAG_E0739);
    wrong.sliced = (const uint32_t[]){0};
    expect_valid(fixture, ir_contract(context, &wrong));
}

static void domains_hold_subscripts_inside(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    const struct poly *extents[1] = {number(fixture, 9)}, *subscript[1] = {place(fixture, 0)};
    const struct poly *domain[1] = {poly_subtract(context, number(fixture, 3), place(fixture, 0))}; /* i <= 3 */
    const struct ir_access z = {.node = fixture->inputs[1].node, .subscripts = subscript};
    struct ir_contract contract = sum_of_z(fixture, &z, extents);
    expect_code(fixture, ir_contract(context, &contract), DIAG_E0734);
    contract.n_domain = 1;
    contract.domain = domain;
    expect_valid(fixture, ir_contract(context, &contract));
    domain[0] = place(fixture, 1);
    expect_code(fixture, ir_contract(context, &contract), DIAG_E0731);
}

static const struct ir_node *map_z(struct fixture *fixture, const struct ir_expr *body)
{
    const struct ir_access z = ir_access_whole(fixture->context, fixture->inputs[1].node);
    return ir_map(fixture->context, 1, fixture->inputs[1].node->shape, 1, &z, body);
}

static void map_bodies_are_typed(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    expect_valid(fixture, map_z(fixture, ir_expr_operand(context, 0, IR_c128)));
    expect_code(fixture, map_z(fixture, ir_expr_operand(context, 0, IR_f64)), DIAG_E0735);
    expect_code(fixture, map_z(fixture, ir_expr_operand(context, 1, IR_c128)), DIAG_E0735);
    expect_code(fixture, map_z(fixture, ir_expr_local(context, 0, IR_c128)), DIAG_E0735);
    expect_code(fixture, map_z(fixture, ir_expr_load(context, 0, IR_c128, place(fixture, 0))), DIAG_E0735);
    expect_valid(fixture, map_z(fixture, ir_expr_index(context, place(fixture, 0))));
    expect_code(fixture, map_z(fixture, ir_expr_index(context, place(fixture, 1))), DIAG_E0731);
    struct ir_expr forged = *ir_expr_operand(context, 0, IR_c128);
    forged.op = IR_EXPR_and;
    forged.n_arguments = 2;
    forged.arguments[0] = forged.arguments[1] = ir_expr_operand(context, 0, IR_c128);
    expect_code(fixture, map_z(fixture, &forged), DIAG_E0735);
}

static void deep_expressions_are_refused(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    const struct ir_expr *arguments[2] = {ir_expr_operand(context, 0, IR_c128), NULL};
    for (int k = 0; k < 100000; k++) {
        arguments[1] = ir_expr_literal(context, ir_number_real(IR_c128, k));
        arguments[0] = ir_expr_apply(context, IR_EXPR_add, 2, arguments);
    }
    expect_code(fixture, map_z(fixture, arguments[0]), DIAG_E0736);
}

static void constants_have_their_bytes(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    double data[4] = {0};
    const struct poly *shape[1] = {number(fixture, 4)}, *open[1] = {poly_dim(context, 0)};
    struct ir_constant constant = {.data = data, .bytes = sizeof data};
    expect_valid(fixture, ir_constant(context, IR_f64, 1, shape, &constant));
    expect_code(fixture, ir_constant(context, IR_f32, 1, shape, &constant), DIAG_E0738);
    expect_code(fixture, ir_constant(context, IR_f64, 0, NULL, &constant), DIAG_E0738);
    expect_code(fixture, ir_constant(context, IR_f64, 1, open, &constant), DIAG_E0738);
}

static void tables_are_integer_constants(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    int32_t data[3] = {5, 0, 2}, outside[3] = {5, 6, 2};
    const struct poly *shape[1] = {number(fixture, 3)}, *index[1] = {place(fixture, 0)}, *zero = number(fixture, 0);
    const struct poly *extents[2] = {number(fixture, 3), poly_dim(context, 0)}, *column = place(fixture, 1);
    const struct ir_node *good = ir_constant(context, IR_i32, 1, shape, &(struct ir_constant){.data = data, .bytes = 12});
    const struct ir_node *bad = ir_constant(context, IR_i32, 1, shape, &(struct ir_constant){.data = outside, .bytes = 12});
    expect_valid(fixture, view_x(fixture, 2, extents, poly_table(context, good, 1, index), column));
    expect_code(fixture, view_x(fixture, 2, extents, poly_table(context, bad, 1, index), column), DIAG_E0734);
    const struct poly *of_input = poly_table(context, fixture->inputs[1].node, 1, index);
    if (of_input) /* or refused at once */
        expect_code(fixture, view_x(fixture, 1, shape, of_input, zero), DIAG_E0731);
}

static void ends_must_be_there(void **state)
{
    struct fixture *fixture = *state;
    struct ir_context *context = fixture->context;
    const struct ir_node *stranger = ir_input(context, 5, IR_f64, 0, NULL);
    expect_code(fixture, stranger, DIAG_E0737);
    expect_code(fixture, ir_input(context, 0, IR_f32, 0, NULL), DIAG_E0737); /* number 0 is another one */
    fixture->inputs[1].node = fixture->inputs[0].node;
    expect_code(fixture, fixture->inputs[0].node, DIAG_E0737);
    fixture->inputs[1].node = NULL;
    expect_code(fixture, fixture->inputs[0].node, DIAG_E0737);
    fixture->kernel.n_inputs = 1;
    fixture->kernel.n_outputs = 0;
    expect_code(fixture, fixture->inputs[0].node, DIAG_E0737);
}

static void one_report_a_node(void **state)
{
    struct fixture *fixture = *state;
    const struct poly *shape[2] = {number(fixture, 3), number(fixture, -4)}; /* and both subscripts are wrong too */
    expect_code(fixture, view_x(fixture, 2, shape, place(fixture, 7), place(fixture, 8)), DIAG_E0732);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(valid_nodes_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(subscripts_that_leave_are_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fills_guard_subscripts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(indices_and_dims_must_exist, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_must_be_countable, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contractions_keep_to_their_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(domains_hold_subscripts_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(map_bodies_are_typed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(deep_expressions_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(constants_have_their_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tables_are_integer_constants, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_report_a_node, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
