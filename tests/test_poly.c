/* Quasi-polynomials: equal ones are one pointer, division keeps the value, what is proved is true, and text as people write it.
 *
 * Rows show known cases; random expressions over small dims and indices are checked at every point by direct evaluation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "failing_allocator.h"
#include "ir/ir.h"

/* Dims N, M, R plain, H with H % 8 == 0, B <= 5. Indices i j k l m by number. */
enum { N, M, R, H, B, N_DIMS };
enum { I, J, K, L, N_INDICES };

struct fixture {
    struct ir_context *context;
    const struct poly *dims[N_DIMS], *indices[N_INDICES];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->context = ir_context_create(NULL);
    static const struct ir_dim dims[N_DIMS] = {
        [N] = {.name = "N", .divisor = 1},
        [M] = {.name = "M", .divisor = 1},
        [R] = {.name = "R", .divisor = 1},
        [H] = {.name = "H", .divisor = 8},
        [B] = {.name = "B", .divisor = 1, .bound = 5},
    };
    for (uint32_t k = 0; k < N_DIMS; k++)
        f->dims[k] = poly_dim(f->context, ir_add_dim(f->context, dims[k]));
    for (uint32_t k = 0; k < N_INDICES; k++)
        f->indices[k] = poly_index(f->context, k);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    ir_context_destroy(f->context);
    free(f);
    return 0;
}

static const char *index_name(void *user, uint32_t index)
{
    static const char *const names[] = {"i", "j", "k", "l"};
    (void)user;
    return index < N_INDICES ? names[index] : "?";
}

static const char *table_name(void *user, const struct ir_node *table)
{
    (void)user;
    (void)table;
    return "t";
}

static const char *show_bound(struct fixture *f, const struct poly *a, enum poly_style style, int binding)
{
    struct text text = text_create(ir_arena(f->context));
    struct poly_names names = {index_name, table_name, NULL, NULL};
    poly_print(&text, f->context, a, style, &names, binding);
    return text_finish(&text);
}

static const char *show(struct fixture *f, const struct poly *a, enum poly_style style)
{
    return show_bound(f, a, style, 0);
}

/* ---- a small reader of test expressions: + - * ( ) div mod, names as above ---- */

struct reader {
    struct fixture *f;
    const char *at;
    const struct poly_ranges *ranges;
};

static const struct poly *read_sum(struct reader *reader);

static bool accept(struct reader *reader, const char *word)
{
    while (*reader->at == ' ')
        reader->at++;
    size_t length = strlen(word);
    if (strncmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static const struct poly *read_factor(struct reader *reader)
{
    static const char names[] = "NMRHB";
    static const char index_names[] = "ijkl";
    struct fixture *f = reader->f;
    if (accept(reader, "(")) {
        const struct poly *inner = read_sum(reader);
        assert_true(accept(reader, ")"));
        return inner;
    }
    if (accept(reader, "-"))
        return poly_scale(f->context, read_factor(reader), -1);
    char c = *reader->at;
    const char *dim = strchr(names, c), *index = strchr(index_names, c);
    if (c && dim) {
        reader->at++;
        return f->dims[dim - names];
    }
    if (c && index) {
        reader->at++;
        return f->indices[index - index_names];
    }
    char *end;
    long long value = strtoll(reader->at, &end, 10);
    assert_true(end != reader->at);
    reader->at = end;
    return poly_constant(f->context, value);
}

static const struct poly *read_product(struct reader *reader)
{
    struct ir_context *context = reader->f->context;
    const struct poly *a = read_factor(reader);
    for (;;) {
        if (accept(reader, "*"))
            a = poly_multiply(context, a, read_factor(reader));
        else if (accept(reader, "div"))
            a = poly_floor_div(context, a, read_factor(reader), reader->ranges);
        else if (accept(reader, "mod"))
            a = poly_mod(context, a, read_factor(reader), reader->ranges);
        else
            return a;
    }
}

static const struct poly *read_sum(struct reader *reader)
{
    struct ir_context *context = reader->f->context;
    const struct poly *a = read_product(reader);
    for (;;) {
        if (accept(reader, "+"))
            a = poly_add(context, a, read_product(reader));
        else if (accept(reader, "-"))
            a = poly_subtract(context, a, read_product(reader));
        else
            return a;
    }
}

static const struct poly *read(struct fixture *f, const char *text, const struct poly_ranges *ranges)
{
    struct reader reader = {f, text, ranges};
    const struct poly *a = read_sum(&reader);
    while (*reader.at == ' ')
        reader.at++;
    if (!a || *reader.at)
        fail_msg("cannot read `%s` at `%s`", text, reader.at);
    return a;
}

/* "i<N-R+1, j<R": extents by index letter. */
static struct poly_ranges read_ranges(struct fixture *f, const char *text)
{
    const struct poly **extents = ARENA_ARRAY(ir_arena(f->context), N_INDICES, const struct poly *);
    while (*text) {
        char extent[64];
        size_t length = strcspn(text + 2, ",");
        memcpy(extent, text + 2, length);
        extent[length] = 0;
        extents[strchr("ijkl", text[0]) - "ijkl"] = read(f, extent, NULL);
        text += 2 + length + strspn(text + 2 + length, ", ");
    }
    return (struct poly_ranges){N_INDICES, extents};
}

/* ---- rows ---- */

static void equal_expressions_are_one_pointer(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *ranges, *left, *right;
    } rows[] = {
        {"", "(i + N) * (i - N)", "i*i - N*N"},
        {"", "i + j - i", "j"},
        {"", "(i div 2) div 3", "i div 6"},
        {"", "((i div N) div M) div 2", "i div (2*M*N)"},
        {"", "((i + 3) div 2 + j) div 5", "(2*j + i + 3) div 10"},
        {"", "(6*i + 4*j) div 12", "(3*i + 2*j) div 6"},
        {"", "(6*i + 4*j + 1) div 12", "(3*i + 2*j) div 6"},
        {"", "(3*i) div 2", "i + i div 2"},
        {"", "(-i) div 2", "i div 2 - i + (0 - i mod 2 - (i div 2)*2 + i) + (i div 2)*0 - 0"},
        {"", "(H - R) div 2 + 1", "(H - R + 2) div 2"},
        {"", "H div 8 * 8", "H"},
        {"", "(H * i) div 8 + H div 8", "(H div 8) * (i + 1)"},
        {"", "(8*i) div H", "i div (H div 8)"},
        {"", "H mod 8", "0"},
        {"", "(N*i + N*j) div (2*N)", "(i + j) div 2"},
        {"", "(N*i + N - 2*N) div N", "i - 1"},
        {"", "(i mod 12) div 4 + 3*(i div 12)", "i div 4"},
        {"", "((i div (M*N)) * M + (i div N) mod M) * N + i mod N", "i"},
        {"", "((i div 12) * 3 + (i div 4) mod 3) * 4 + i mod 4", "i"},
        {"i<R, j<M, k<N", "(i*M*N + j*N + k) div N", "i*M + j"},
        {"i<R, j<M, k<N", "(i*M*N + j*N + k) div (M*N)", "i"},
        {"i<R, j<M, k<N", "(i*M*N + j*N + k) mod N", "k"},
        {"i<R, j<M, k<N", "(i*M*N + j*N + k) div N mod M", "j"},
        {"i<2, j<3, k<4", "(i*12 + j*4 + k) div 4", "i*3 + j"},
        {"i<2, j<3, k<4", "(i*12 + j*4 + k) div 4 mod 3", "j"},
        {"i<2, j<3, k<4", "(i*12 + j*4 + k) mod 4", "k"},
        {"i<24", "(i mod 4) mod 8", "i mod 4"},
        {"i<12", "i div 12", "0"},
        {"i<12", "(i div 4) div 3", "0"},
        {"i<N", "(i + N) div N", "1"},
        {"i<N", "(2*N - 1 - i) div N", "1"},
        {"j<H", "j div H", "0"},
        {"i<6, j<5", "(5*i + j + 30) div 30", "1"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct poly_ranges ranges = read_ranges(f, rows[k].ranges);
        const struct poly *left = read(f, rows[k].left, &ranges), *right = read(f, rows[k].right, &ranges);
        if (left != right)
            fail_msg("row %zu: `%s` is `%s`, `%s` is `%s`", k, rows[k].left, show(f, left, POLY_SOURCE), rows[k].right,
                     show(f, right, POLY_SOURCE));
    }
}

static void proofs(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *ranges, *value, *extent;
        bool proved;
    } rows[] = {
        {"i<N", "i", "N", true},
        {"i<N", "i + 1", "N", false},
        {"i<N", "i - 1", "N", false},
        {"i<N", "N - 1 - i", "N", true},
        {"i<N-R+1, j<R", "i + j", "N", true},
        {"i<N-R+1, j<R", "i + j + 1", "N", false},
        {"i<N-R+1", "i", "N", false}, /* false where R = 0 */
        {"i<N-2", "i + 2", "N", true},
        {"i<(H-R)div 2+1, j<R", "2*i + j", "H", true},
        {"i<(H-R)div 2+1, j<R", "2*i + j", "H - 1", false},
        {"i<(N-R)div 2+1, j<R", "2*i + j", "N", true},
        {"i<N div 2", "2*i + 1", "N", true},
        {"i<N div 2", "2*i + 2", "N", false},
        {"i<N", "i div 2", "(N + 1) div 2", true},
        {"i<N", "i mod 4", "4", true},
        {"i<N", "(i + N - 1) mod N", "N", true},
        {"i<N", "i mod 4", "3", false},
        {"i<N, j<M", "i*M + j", "N*M", true},
        {"i<N, j<M", "i*M + j", "N*M - 1", false},
        {"i<N, j<M, k<R", "(i*M + j)*R + k", "N*M*R", true},
        {"i<12", "i div 4", "3", true},
        {"i<13", "i div 4", "3", false},
        {"i<B", "i", "5", true},
        {"i<B", "i", "4", false},
        {"i<H", "i div 8", "H div 8", true},
        {"i<H div 8, j<8", "i*8 + j", "H", true},
        {"i<3, j<5", "i - j + 4", "7", true},
        {"i<N, j<N", "i - j + N - 1", "2*N - 1", true},
        {"i<N*M", "i div M", "N", true},
        {"i<N*M", "i mod M", "M", true},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        struct poly_ranges ranges = read_ranges(f, rows[k].ranges);
        const struct poly *value = read(f, rows[k].value, NULL), *extent = read(f, rows[k].extent, NULL);
        if (poly_prove_within(f->context, value, extent, &ranges) != rows[k].proved)
            fail_msg("row %zu: `%s` within `%s` for %s should%s be proved", k, rows[k].value, rows[k].extent, rows[k].ranges,
                     rows[k].proved ? "" : " not");
    }
}

static void printing(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *value, *source, *c;
    } rows[] = {
        {"0", "0", "0"},
        {"-3", "-3", "-3"},
        {"2*i + j - 1", "2*i + j - 1", "2 * i + j - 1"},
        {"N - 1 - i", "N - i - 1", "N - i - 1"},
        {"N div 2", "N div 2", "N / 2"},
        {"i mod 4", "i mod 4", "i % 4"},
        {"3 * (i mod 4) + j", "j + 3*(i mod 4)", "j + 3 * (i % 4)"},
        {"(i div 4) mod 3", "i div 4 mod 3", "i / 4 % 3"},
        {"i mod N", "i mod N", "i % N"},
        {"(i - 1) mod N", "(i - 1) mod N", "(i + N - 1) % N"},
        {"(i - j) mod 8", "(i - j) mod 8", "(i + j * 7) % 8"},
        {"4*(i mod 6) + i div 6", "i div 6 + 4*(i mod 6)", "i / 6 + (i % 6) * 4"},
        {"(i + 3) mod 8", "(i + 3) mod 8", "(i + 3) % 8"},
        {"(H - R) div 2 + 1", "(H - R) div 2 + 1", "R / 2 - R + H / 2 + 1"},
        {"(N - R) div 2 + 1", "(N - R) div 2 + 1", "(N + R) / 2 - R + 1"},
        {"H div 8", "H div 8", "H / 8"},
        {"i * (H div 8)", "i*(H div 8)", "i * (H / 8)"},
        {"i div (2*N)", "i div (2*N)", "i / (2 * N)"},
        {"i*128 + j*8 + k", "128*i + 8*j + k", "(i * 16 + j) * 8 + k"},
        {"i*1024 + j*128 + k*8 + l", "1024*i + 128*j + 8*k + l", "((i * 8 + j) * 16 + k) * 8 + l"},
        {"i*N*M + j*M + k", "i*N*M + j*M + k", "(i * N + j) * M + k"},
        {"i*N*M + (2*j + k - 1)*M + l", "i*N*M + 2*j*M + k*M + l - M", "(i * N + 2 * j + k - 1) * M + l"},
        {"i*64 + (j - 1)*8 + k - 1", "64*i + 8*j + k - 9", "(i * 8 + j - 1) * 8 + k - 1"},
    };
    for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
        const struct poly *value = read(f, rows[k].value, NULL);
        assert_string_equal(show(f, value, POLY_SOURCE), rows[k].source);
        assert_string_equal(show(f, value, POLY_C), rows[k].c);
    }
    assert_string_equal(show_bound(f, read(f, "i + 1", NULL), POLY_C, 1), "(i + 1)");
    assert_string_equal(show_bound(f, read(f, "N*M", NULL), POLY_C, 1), "N * M");
    assert_string_equal(show_bound(f, read(f, "N*M", NULL), POLY_C, 2), "(N * M)");
    assert_string_equal(show_bound(f, read(f, "-N", NULL), POLY_C, 1), "(-N)");
}

/* ---- what may go wrong ---- */

static void coefficients_that_overflow_give_null_and_say_so(void **state)
{
    struct fixture *f = *state;
    struct ir_context *context = f->context;
    const struct poly *large = poly_scale(context, f->indices[I], INT64_MAX);
    assert_non_null(large);
    assert_false(poly_context_overflowed(context));
    assert_null(poly_add(context, large, f->indices[I]));
    assert_true(poly_context_overflowed(context));
    assert_null(poly_scale(context, large, 2));
    assert_null(poly_multiply(context, large, large));
    assert_null(poly_add(context, NULL, large));
    int64_t indices[N_INDICES] = {4}, value;
    assert_false(poly_evaluate(large, NULL, indices, &value));
}

static void divisors_are_positive_monomials_of_dims(void **state)
{
    struct fixture *f = *state;
    static const char *const refused[] = {"0", "-2", "i", "N + 1", "-N", "N - R"};
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
        assert_null(poly_floor_div(f->context, f->indices[J], read(f, refused[k], NULL), NULL));
    assert_null(poly_bind_dims(f->context, read(f, "H div 8", NULL), N_DIMS, (const int64_t[]){1, 1, 1, 12, 1}));
}

static void tables_are_looked_up(void **state)
{
    struct fixture *f = *state;
    struct ir_context *context = f->context;
    static const int32_t entries[] = {4, -2, 7};
    const struct poly *three = poly_constant(context, 3), *subscript = poly_constant(context, 2), *outside = three;
    struct ir_constant constant = {.data = entries, .bytes = sizeof entries};
    const struct ir_node *table = ir_constant(context, IR_i32, 1, &three, &constant);
    assert_true(poly_equals(poly_table(context, table, 1, &subscript), 7));
    const struct poly *looked = poly_table(context, table, 1, &f->indices[I]);
    int64_t value;
    assert_true(poly_evaluate(looked, NULL, (const int64_t[]){1}, &value));
    assert_int_equal(value, -2);
    assert_false(poly_evaluate(looked, NULL, (const int64_t[]){3}, &value));
    assert_false(poly_evaluate(poly_table(context, table, 1, &outside), NULL, NULL, &value));
    struct poly_ranges ranges = read_ranges(f, "i<3");
    const struct poly *shifted = poly_add(context, looked, poly_constant(context, 2));
    assert_true(poly_prove_within(context, shifted, poly_constant(context, 10), &ranges));
    assert_false(poly_prove_within(context, shifted, poly_constant(context, 9), &ranges));
    assert_false(poly_prove_nonnegative(context, looked, &ranges));
    assert_string_equal(show(f, looked, POLY_SOURCE), "t[i]");
    assert_string_equal(show(f, poly_floor_div(context, looked, three, NULL), POLY_C), "(t[i] + 6) / 3 - 2");
}

static void indices_split_off(void **state)
{
    struct fixture *f = *state;
    const struct poly *coefficient, *rest;
    assert_true(poly_split_index(f->context, read(f, "i*N*M + j + 2*i - 1", NULL), I, &coefficient, &rest));
    assert_ptr_equal(coefficient, read(f, "N*M + 2", NULL));
    assert_ptr_equal(rest, read(f, "j - 1", NULL));
    assert_false(poly_split_index(f->context, read(f, "i*j", NULL), I, NULL, NULL));
    assert_false(poly_split_index(f->context, read(f, "i div 2 + i", NULL), I, NULL, NULL));
    assert_false(poly_split_index(f->context, read(f, "i*i", NULL), I, NULL, NULL));
    assert_true(poly_split_index(f->context, read(f, "j div 2", NULL), I, &coefficient, &rest));
    assert_true(poly_equals(coefficient, 0));
}

/* A quotient of a quotient that is small is 0, as one division by the product shows. */
static void divisions_in_turn_are_one(void **state)
{
    struct fixture *f = *state;
    const char *const pairs[][2] = {{"(N mod 4 div 3) div 2", "N mod 4 div 6"}, {"(N mod 12 div 4) div 3", "0"}};
    for (size_t k = 0; k < sizeof pairs / sizeof *pairs; k++)
        assert_ptr_equal(read(f, pairs[k][0], NULL), read(f, pairs[k][1], NULL));
}

/* Some of everything; true when all of it could be made. */
static bool make_some(struct failing_allocator *failing, const void *data)
{
    (void)data;
    struct ir_context *context = ir_context_create(&failing->allocator);
    if (!context)
        return false;
    ir_add_dim(context, (struct ir_dim){.name = "N", .divisor = 1});
    const struct poly *n = poly_dim(context, 0), *i = poly_index(context, 0), *j = poly_index(context, 1);
    const struct poly *extents[] = {n, poly_constant(context, 4)};
    struct poly_ranges ranges = {2, extents};
    const struct poly *merged = poly_add(context, poly_scale(context, i, 4), j);
    const struct poly *split = poly_floor_div(context, merged, poly_constant(context, 4), &ranges);
    const struct poly *turned = poly_mod(context, poly_subtract(context, i, j), n, NULL);
    const struct poly *replaced = poly_substitute(context, turned, 2, (const struct poly *[]){j, merged}, &ranges);
    poly_prove_within(context, merged, poly_scale(context, n, 4), &ranges);
    struct text text = text_create(ir_arena(context));
    struct poly_names names = {index_name, table_name, NULL, NULL};
    poly_print(&text, context, replaced, POLY_C, &names, 0);
    poly_print(&text, context, turned, POLY_SOURCE, &names, 0);
    bool made = split && replaced && text_finish(&text) && !arena_failed(ir_arena(context));
    ir_context_destroy(context);
    return made;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    each_allocation_fails(make_some, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_expressions_are_one_pointer, setup, teardown),
        cmocka_unit_test_setup_teardown(proofs, setup, teardown),
        cmocka_unit_test_setup_teardown(divisions_in_turn_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(printing, setup, teardown),
        cmocka_unit_test_setup_teardown(coefficients_that_overflow_give_null_and_say_so, setup, teardown),
        cmocka_unit_test_setup_teardown(divisors_are_positive_monomials_of_dims, setup, teardown),
        cmocka_unit_test_setup_teardown(tables_are_looked_up, setup, teardown),
        cmocka_unit_test_setup_teardown(indices_split_off, setup, teardown),
        cmocka_unit_test(each_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
