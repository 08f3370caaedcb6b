/* Slot programs: building shares equal work, tracks levels and scales, drops what is not needed and refuses misuse; layouts lead
 * from positions to elements and back, and through other shapes of a tensor. */
#include "ir/slot.h"
#include "runtime/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ir_context *context_of(void **state)
{
    return *state;
}

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

static bool was_reported(struct ir_context *context, enum diag_code code)
{
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    return diagnostics->n_items == 1 && diagnostics->items[0]->code == code;
}

/* v[i] at slot i, once. */
static const struct slot_layout *vector_layout(struct ir_context *context, int64_t slots, int64_t extent)
{
    struct slot_dim dim = {"i", extent};
    return slot_layout_row_major(context, slots, 1, &dim);
}

static struct slot_program *program_with_input(struct ir_context *context, uint32_t levels, const struct slot_value **x)
{
    struct slot_program *program = slot_program_create(context, "p", 8, levels, 40);
    uint32_t input = slot_add_input(program, "x", vector_layout(context, 8, 8));
    *x = slot_input_part(program, input, 0);
    assert_non_null(*x);
    return program;
}

/* ---- programs ---- */

static void equal_work_is_one_value(void **state)
{
    const struct slot_value *x;
    struct slot_program *program = program_with_input(context_of(state), 2, &x);
    const double ones[] = {1, 2, 1, 2}, same[] = {1, 2};
    assert_ptr_equal(slot_rot(program, x, 3), slot_rot(program, x, 3 - 8));
    assert_ptr_equal(slot_rot(program, x, 16), x);
    assert_int_equal(slot_rot(program, x, 5)->step, -3);
    assert_int_equal(slot_rot(program, x, 4)->step, 4);
    assert_int_equal(slot_rot(program, x, -4)->step, 4);
    const struct slot_value *y = slot_rot(program, x, 1);
    assert_ptr_equal(slot_add(program, x, y), slot_add(program, y, x));
    assert_ptr_not_equal(slot_sub(program, x, y), slot_sub(program, y, x));
    assert_ptr_equal(slot_mul(program, x, x), slot_square(program, x));
    assert_ptr_equal(slot_constant(program, ones, 4), slot_constant(program, same, 2));
    assert_int_equal(slot_constant(program, ones, 4)->length, 2);
}

static void levels_and_scales_are_tracked(void **state)
{
    const struct slot_value *x;
    struct slot_program *program = program_with_input(context_of(state), 5, &x);
    const double numbers[] = {1, 2};
    const struct slot_constant *c = slot_constant(program, numbers, 2);
    const struct slot_value *y = slot_rescale(program, slot_mulp(program, x, c));
    assert_int_equal(y->level, 4);
    assert_true(slot_scale_equal(&y->scale, &x->scale));
    const struct slot_value *z = slot_relin(program, slot_square(program, y));
    const struct slot_value *w = slot_rescale(program, z);
    struct text text = text_create(ir_arena(context_of(state)));
    slot_scale_print(&text, &w->scale);
    assert_string_equal(text_finish(&text), "80-q4");
    const struct slot_value *sum = slot_add(program, slot_rescale(program, slot_mulp_to(program, w, c, x->scale)), x);
    assert_non_null(sum);
    assert_int_equal(sum->level, 2);
    slot_rot(program, x, 1); /* needed by nobody */
    assert_true(slot_add_output(program, "y", vector_layout(context_of(state), 8, 8), &sum));
    assert_true(slot_finish(program));
    struct slot_counts counts;
    slot_count(program, &counts);
    assert_int_equal(program->levels, 3); /* two of the five are spare */
    assert_int_equal(sum->level, 0);
    assert_int_equal(counts.rot, 0);
    assert_int_equal(counts.depth, 3);
    assert_int_equal(counts.pmul, 2);
    assert_int_equal(counts.cmul, 1);
    assert_int_equal(program->ring.degree, 16384);
}

/* What depends on no input is worked out, whatever the ops: no ciphertext is zero by construction. */
static void known_numbers_are_worked_out(void **state)
{
    const struct slot_value *x;
    struct slot_program *program = program_with_input(context_of(state), 3, &x);
    const double numbers[] = {1, 2, 3, 4}, zeros[] = {0};
    const struct slot_constant *c = slot_constant(program, numbers, 4), *zero = slot_constant(program, zeros, 1);
    const struct slot_value *known = slot_known(program, c), *nothing = slot_mulp(program, x, zero);
    assert_int_equal(nothing->op, SLOT_known);
    assert_true(nothing->constant->is_zero);
    assert_ptr_equal(slot_sub(program, x, x), nothing);
    assert_ptr_equal(slot_add(program, nothing, x), x);
    assert_ptr_equal(slot_mul(program, x, nothing), nothing);
    assert_ptr_equal(slot_rescale(program, slot_drop(program, known, 0)), known);
    assert_ptr_equal(slot_add(program, x, known), slot_addp(program, x, c));
    assert_ptr_equal(slot_sub(program, known, x), slot_addp(program, slot_neg(program, x), c));
    assert_ptr_equal(slot_mul(program, known, x), slot_mulp_at(program, x, c, slot_scale_bits(40)));
    const struct slot_value *one = slot_known(program, slot_constant(program, numbers, 1));
    const struct slot_value *y = slot_mul(program, slot_sub(program, one, known), slot_rot(program, known, 2));
    y = slot_subp(program, y, c);
    const double by_hand[] = {0 * 3 - 1, -1 * 4 - 2, -2 * 1 - 3, -3 * 2 - 4};
    assert_int_equal(y->op, SLOT_known);
    for (size_t s = 0; s < 4; s++)
        assert_true(y->constant->data[s] == by_hand[s]);
    assert_true(slot_add_output(program, "y", vector_layout(context_of(state), 8, 8), &y));
    assert_true(slot_finish(program));
    assert_int_equal(program->n_values, 2); /* and the input */
}

static void unequal_scales_are_refused(void **state)
{
    const struct slot_value *x;
    struct slot_program *program = program_with_input(context_of(state), 2, &x);
    const struct slot_value *y = slot_relin(program, slot_square(program, x));
    assert_null(slot_add(program, x, y));
    assert_true(was_reported(context_of(state), DIAG_E0751)); /* [E0751] */
    assert_null(slot_neg(program, NULL));
}

static void too_many_levels_fit_no_ring(void **state)
{
    const struct slot_value *x;
    struct slot_program *program = program_with_input(context_of(state), SLOT_LEVELS_LIMIT, &x);
    const double two = 2;
    const struct slot_constant *c = slot_constant(program, &two, 1);
    program->scale_bits = 1000;
    const struct slot_value *y = slot_rescale(program, slot_mulp(program, x, c));
    assert_true(slot_add_output(program, "y", vector_layout(context_of(state), 8, 8), &y));
    y = slot_drop(program, x, 0);
    assert_true(slot_add_output(program, "z", vector_layout(context_of(state), 8, 8), &y));
    assert_false(slot_finish(program));
    assert_true(was_reported(context_of(state), DIAG_E0922)); /* [E0922] */
}

/* ---- layouts ---- */

static void positions_invert_layouts(void **state)
{
    const struct slot_dim dims[] = {{"i", 3}, {"j", 5}};
    const struct slot_digit digits[] = {
        {SLOT_INDEX, 5, 1, 1}, {SLOT_REPLICATE, 2, 0, 0}, {SLOT_GARBAGE, 3, 0, 0}, {SLOT_INDEX, 4, 0, 1}};
    const struct slot_roll_term term = {1, 2};
    const struct slot_roll roll = {1, 5, 0, 1, &term};
    const struct slot_layout *layout =
        slot_layout_create(context_of(state), &(struct slot_layout){32, 2, 4, 3, 1, dims, digits, &roll, false}, SPAN_NONE);
    assert_non_null(layout);
    assert_int_equal(slot_layout_ciphertexts(layout), 4);
    int64_t *table = slot_layout_table(ir_arena(context_of(state)), layout);
    int64_t *positions = slot_layout_positions(ir_arena(context_of(state)), layout);
    for (int64_t e = 0; e < 15; e++)
        assert_int_equal(table[positions[e]], e);
    assert_int_equal(table[5], 2); /* the copy, rolled by two */
    assert_int_equal(table[10], SLOT_AT_GARBAGE);
    assert_int_equal(table[30], SLOT_AT_ZERO);     /* the tail */
    assert_int_equal(table[3 * 32], SLOT_AT_ZERO); /* i = 3 */
    int64_t *moves = slot_layout_moves(ir_arena(context_of(state)), layout, slot_layout_row_major(context_of(state), 16, 2, dims));
    for (int64_t e = 0; e < 15; e++)
        assert_int_equal(moves[e], positions[e]);
    assert_int_equal(moves[15], SLOT_AT_ZERO);
}

/* The table of a layout stays through split, merge and permute and back. */
static void shapes_keep_places(void **state)
{
    struct ir_context *context = context_of(state);
    const struct slot_dim dims[] = {{"i", 6}, {"j", 8}};
    const struct slot_layout *layout = slot_layout_row_major(context, 16, 2, dims);
    assert_int_equal(slot_layout_ciphertexts(layout), 3);
    const struct slot_layout *split = slot_layout_split(context, layout, 0, (struct slot_dim){"a", 3}, (struct slot_dim){"b", 2});
    assert_non_null(split);
    int64_t *before = slot_layout_table(ir_arena(context), layout), *after = slot_layout_table(ir_arena(context), split);
    assert_memory_equal(before, after, 48 * sizeof *before);
    assert_true(slot_layout_equal(slot_layout_merge(context, split, 0, "i"), layout) ||
                slot_layout_merge(context, split, 0, "i") != NULL);
    const uint32_t order[] = {1, 0};
    const struct slot_layout *turned = slot_layout_permute(context, layout, order);
    after = slot_layout_table(ir_arena(context), turned);
    for (int k = 0; k < 48; k++)
        assert_int_equal(after[k], before[k] % 8 * 6 + before[k] / 8);
    assert_true(slot_layout_equal(slot_layout_permute(context, turned, order), layout));
    assert_null(slot_layout_split(context, layout, 1, (struct slot_dim){"a", 4}, (struct slot_dim){"b", 3}));
}

static void wrong_layouts_are_refused(void **state)
{
    const struct slot_dim dim = {"i", 4};
    const struct slot_digit digit = {SLOT_INDEX, 16, 0, 1};
    assert_null(slot_layout_create(context_of(state), &(struct slot_layout){8, 1, 1, 1, 0, &dim, &digit, NULL, false}, SPAN_NONE));
    assert_true(was_reported(context_of(state), DIAG_E0752)); /* [E0752] */
}

/* ---- scales ---- */

static void scales_are_read_back(void **state)
{
    static const char *const texts[] = {"40", "40+q2-2*q1", "-3*q7", "0", "2147483647+q40", "-40+q1"};
    struct slot_scale scale;
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        assert_true(slot_scale_read(texts[k], strlen(texts[k]), 1, &scale));
        struct text text = text_create(ir_arena(context_of(state)));
        slot_scale_print(&text, &scale);
        assert_string_equal(text_finish(&text), texts[k]);
    }
    static const char *const wrong[] = {
        "", "+", "q", "40q1", "q41", "3*", "99999999999", "40++q1", "2147483647*q1+q1", "-2147483647-1"};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        assert_false(slot_scale_read(wrong[k], strlen(wrong[k]), 0, &scale));
    assert_true(slot_scale_read("q", 1, 3, &scale));
    assert_int_equal(scale.powers[3], 1);
}

/* ---- text, JSON, meaning ---- */

/* y = (x rotated by its rows and columns, squared, weighted): every op but sub, neg and conj, a dense constant and one in runs. */
static struct slot_program *every_op(struct ir_context *context)
{
    const struct slot_dim dims[] = {{"i", 5}, {"j", 8}};
    const struct slot_digit digits[] = {
        {SLOT_INDEX, 8, 1, 1}, {SLOT_GARBAGE, 2, 0, 0}, {SLOT_REPLICATE, 4, 0, 0}, {SLOT_INDEX, 5, 0, 1}};
    const struct slot_roll_term term = {2, 3};
    const struct slot_roll roll = {1, 8, -1, 1, &term};
    const struct slot_layout *layout =
        slot_layout_create(context, &(struct slot_layout){64, 2, 4, 3, 1, dims, digits, &roll, true}, SPAN_NONE);
    struct slot_program *program = slot_program_create(context, "every", 64, 6, 35);
    uint32_t input = slot_add_input(program, "x", layout);
    double dense[64], mask[2] = {0, 1}, third = 1.0 / 3, same[16];
    for (int k = 0; k < 64; k++)
        dense[k] = k / 7.0 - 3;
    for (int k = 0; k < 16; k++)
        same[k] = k < 8;
    const struct slot_constant *weights = slot_constant(program, dense, 64), *odd = slot_constant(program, mask, 2);
    const struct slot_constant *data = slot_constant(program, same, 16);
    const struct slot_value *outputs[5];
    for (uint32_t k = 0; k < 5; k++) {
        const struct slot_value *x = slot_mulp(program, slot_input_part(program, input, k), data);
        x = slot_rescale(program, x);
        const struct slot_value *y = slot_rescale(program, slot_mulp(program, slot_rot(program, x, 1), weights));
        y = slot_add(program, slot_rescale(program, slot_mulp(program, slot_rot(program, x, -7), odd)), y);
        const struct slot_value *z = slot_rescale(program, slot_relin(program, slot_mul(program, y, slot_rot(program, y, 2))));
        z = slot_addp(program, slot_rescale(program, slot_mulp_to(program, z, slot_constant(program, &third, 1), x->scale)),
                      weights);
        z = slot_sub(program, slot_conj(program, slot_neg(program, z)), x);
        outputs[k] = slot_rescale(program, slot_relin(program, slot_square(program, slot_subp(program, z, odd))));
    }
    const struct slot_digit places[] = {{SLOT_INDEX, 8, 1, 1}, {SLOT_GARBAGE, 8, 0, 0}, {SLOT_INDEX, 5, 0, 1}};
    assert_true(slot_add_output(
        program, "y", slot_layout_create(context, &(struct slot_layout){64, 2, 3, 2, 0, dims, places, NULL, false}, SPAN_NONE),
        outputs));
    assert_true(slot_finish(program));
    assert_true(slot_verify(program, NULL));
    return program;
}

static bool give_sidecar(void *user, const char *name, struct span span, const char **bytes, size_t *length)
{
    const struct slot_files *files = user;
    (void)span;
    assert_string_equal(name, "every.f64");
    *bytes = files->sidecar;
    *length = files->sidecar_length;
    return true;
}

static double *result_of(struct ir_context *context, const struct slot_program *program)
{
    double x[40], *y = arena_alloc(ir_arena(context), 40, sizeof *y), spread;
    for (int k = 0; k < 40; k++)
        x[k] = k % 11 - 5;
    const double *const inputs[] = {x};
    assert_int_equal(slot_eval(program, inputs, &y, &spread), EINC_OK);
    assert_true(spread == 0);
    return y;
}

static void schedules_are_read_back(void **state)
{
    struct ir_context *context = context_of(state);
    struct slot_program *program = every_op(context);
    struct slot_files first, json;
    assert_true(slot_print(program, SLOT_TEXT, "every.f64", &first));
    assert_true(slot_print(program, SLOT_JSON, "every.f64", &json));
    assert_int_equal(first.sidecar_length, 64 * 8);
    const struct source sources[] = {{"every.he", first.text, first.length}, {"every.json", json.text, json.length}};
    const double *y = result_of(context, program);
    for (int k = 0; k < 2; k++) {
        struct slot_program *again = schedule_parse(context, &sources[k], give_sidecar, &first);
        struct slot_files second;
        assert_non_null(again);
        assert_true(slot_print(again, SLOT_TEXT, "every.f64", &second));
        assert_string_equal(first.text, second.text);
        assert_memory_equal(first.sidecar, second.sidecar, first.sidecar_length);
        assert_memory_equal(y, result_of(context, again), 40 * sizeof *y);
    }
}

/* The same by loops over the tensor: row i of x, rolled back, is what each ciphertext holds in its first eight slots. */
static void schedules_mean_what_their_ops_say(void **state)
{
    struct ir_context *context = context_of(state);
    const double *y = result_of(context, every_op(context));
    for (int i = 0; i < 5; i++) {
        double slots[64], product[64];
        for (int s = 0; s < 64; s++) {
            int j = (s % 8 - 1 + 3 * (s / 16)) % 8;
            slots[s] = s % 16 < 8 ? (i * 8 + (j + 8) % 8) % 11 - 5 : 0;
        }
        for (int s = 0; s < 64; s++)
            product[s] = slots[(s + 1) % 64] * (s / 7.0 - 3) + slots[(s + 57) % 64] * (s % 2);
        for (int j = 0; j < 8; j++) {
            double z = -(product[j] * product[(j + 2) % 64] / 3 + (j / 7.0 - 3)) - slots[j] - j % 2;
            assert_true(fabs(y[i * 8 + j] - z * z) < 1e-9);
        }
    }
}

/* Values past the limit of a file that is read. */
static void long_schedules_are_refused(void **state)
{
    struct ir_context *context = context_of(state);
    struct text text = text_create(ir_arena(context));
    struct slot_claims claims;
    text_put(&text, "hesched 1\nprogram p slots 2 levels 0 scale 20\n");
    for (int k = 0; k <= SLOT_VALUES_LIMIT / SLOT_CIPHERTEXTS_LIMIT; k++)
        text_printf(&text, "input x%d dims i=4096 slots | i%%4096\n", k);
    const struct source source = {"long.he", text_finish(&text), text.length};
    assert_null(slot_read(context, &source, give_sidecar, NULL, &claims));
    assert_true(was_reported(context, DIAG_E0923)); /* [E0923] */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_work_is_one_value, set_up, tear_down),
        cmocka_unit_test_setup_teardown(levels_and_scales_are_tracked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(known_numbers_are_worked_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unequal_scales_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_levels_fit_no_ring, set_up, tear_down),
        cmocka_unit_test_setup_teardown(positions_invert_layouts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(shapes_keep_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_layouts_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(scales_are_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(schedules_are_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(schedules_mean_what_their_ops_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_schedules_are_refused, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
