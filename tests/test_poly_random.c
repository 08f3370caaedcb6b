/* Random quasi-polynomials against plain arithmetic, at every small point.
 *
 * An expression is a tree with a meaning of its own; the poly made of it must have that value wherever no divisor is 0, also after
 * substitution and binding, whatever order its sums were built in. What is proved of it must hold at every point. Its source text
 * reads back to the same pointer, and its C text has its value in unsigned arithmetic where that is not negative. Everything is
 * exact in integers, so there is no tolerance. A failure prints its seed; EINC_SEED=n runs that one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "ir/ir.h"
#include "programs.h"

enum { N, M, H, B, N_DIMS };
enum { N_INDICES = 3, SEEDS = 1500, DEPTH = 4 };

enum kind { NUMBER, DIM, INDEX, ADD, SUBTRACT, MULTIPLY, DIVIDE, MODULO };

struct tree {
    enum kind kind;
    int64_t number; /* value, or which dim or index */
    const struct tree *left, *right;
};

struct trial {
    struct ir_context *context;
    struct arena *arena;
    uint64_t seed, state;
    const struct tree *extent_trees[N_INDICES];
    const struct poly *extents[N_INDICES];
    struct poly_ranges ranges;
};

struct point {
    int64_t dims[N_DIMS], indices[N_INDICES];
};

/* ---- trees ---- */

static const struct tree *tree(struct trial *trial, enum kind kind, int64_t number, const struct tree *left,
                               const struct tree *right)
{
    struct tree *made = ARENA_NEW(trial->arena, struct tree);
    *made = (struct tree){kind, number, left, right};
    return made;
}

/* A constant, a dim, or a product of them: positive where no dim is 0. */
static const struct tree *random_divisor(struct trial *trial)
{
    const struct tree *constant = tree(trial, NUMBER, 1 + random_below(&trial->state, 8), NULL, NULL);
    const struct tree *dim = tree(trial, DIM, random_below(&trial->state, N_DIMS), NULL, NULL);
    switch (random_below(&trial->state, 5)) {
    case 0:
        return dim;
    case 1:
        return tree(trial, MULTIPLY, 0, constant, dim);
    case 2:
        return tree(trial, MULTIPLY, 0, dim, tree(trial, DIM, random_below(&trial->state, N_DIMS), NULL, NULL));
    default:
        return constant;
    }
}

static const struct tree *random_tree(struct trial *trial, int depth, bool with_indices)
{
    uint32_t choice = random_below(&trial->state, depth == 0 ? 4 : 13);
    if (choice == 0)
        return tree(trial, NUMBER, (int64_t)random_below(&trial->state, 12) - 4, NULL, NULL);
    if (choice == 1 || (choice < 4 && !with_indices))
        return tree(trial, DIM, random_below(&trial->state, N_DIMS), NULL, NULL);
    if (choice < 4)
        return tree(trial, INDEX, random_below(&trial->state, N_INDICES), NULL, NULL);
    const struct tree *left = random_tree(trial, depth - 1, with_indices);
    if (choice >= 9)
        return tree(trial, choice < 11 ? DIVIDE : MODULO, 0, left, random_divisor(trial));
    enum kind kind = choice < 6 ? ADD : choice < 8 ? SUBTRACT : MULTIPLY;
    return tree(trial, kind, 0, left, random_tree(trial, depth - 1, with_indices));
}

/* False where a divisor is 0. */
static bool meaning(const struct tree *a, const struct point *point, int64_t *value)
{
    int64_t left, right;
    switch (a->kind) {
    case NUMBER:
        *value = a->number;
        return true;
    case DIM:
        *value = point->dims[a->number];
        return true;
    case INDEX:
        *value = point->indices[a->number];
        return true;
    default:
        break;
    }
    if (!meaning(a->left, point, &left) || !meaning(a->right, point, &right))
        return false;
    if (a->kind == DIVIDE || a->kind == MODULO) {
        if (right <= 0)
            return false;
        int64_t quotient = left >= 0 ? left / right : -((-left + right - 1) / right);
        *value = a->kind == DIVIDE ? quotient : left - right * quotient;
        return true;
    }
    *value = a->kind == ADD ? left + right : a->kind == SUBTRACT ? left - right : left * right;
    return true;
}

/* `mirrored`: sums and products are built from the other side. */
static const struct poly *make(struct trial *trial, const struct tree *a, const struct poly_ranges *ranges, bool mirrored)
{
    struct ir_context *context = trial->context;
    if (a->kind == NUMBER)
        return poly_constant(context, a->number);
    if (a->kind == DIM)
        return poly_dim(context, (uint32_t)a->number);
    if (a->kind == INDEX)
        return poly_index(context, (uint32_t)a->number);
    const struct poly *right = make(trial, a->right, ranges, mirrored), *left = make(trial, a->left, ranges, mirrored);
    switch (a->kind) {
    case ADD:
        return mirrored ? poly_add(context, right, left) : poly_add(context, left, right);
    case SUBTRACT:
        return mirrored ? poly_scale(context, poly_subtract(context, right, left), -1) : poly_subtract(context, left, right);
    case MULTIPLY:
        return mirrored ? poly_multiply(context, right, left) : poly_multiply(context, left, right);
    case DIVIDE:
        return poly_floor_div(context, left, right, ranges);
    default:
        return poly_mod(context, left, right, ranges);
    }
}

/* ---- points ---- */

typedef void visit_function(struct trial *trial, const struct point *point, void *user);

static void visit_indices(struct trial *trial, struct point *point, uint32_t k, visit_function *visit, void *user)
{
    if (k == N_INDICES) {
        visit(trial, point, user);
        return;
    }
    int64_t extent;
    if (!meaning(trial->extent_trees[k], point, &extent))
        return;
    for (point->indices[k] = 0; point->indices[k] < extent; point->indices[k]++)
        visit_indices(trial, point, k + 1, visit, user);
}

/* N, M in 0..3, H (a multiple of 8, at least 0) in 0, 8, B (at most 3) in 0, 1, 3; every index in its range. */
static void for_each_point(struct trial *trial, visit_function *visit, void *user)
{
    static const int64_t of_h[] = {0, 8}, of_b[] = {0, 1, 3};
    struct point point = {0};
    for (point.dims[N] = 0; point.dims[N] < 4; point.dims[N]++)
        for (point.dims[M] = 0; point.dims[M] < 4; point.dims[M]++)
            for (uint32_t h = 0; h < 2; h++)
                for (uint32_t b = 0; b < 3; b++) {
                    point.dims[H] = of_h[h];
                    point.dims[B] = of_b[b];
                    visit_indices(trial, &point, 0, visit, user);
                }
}

static void begin(struct trial *trial, uint64_t seed)
{
    static const struct ir_dim dims[N_DIMS] = {
        [N] = {.name = "N", .divisor = 1},
        [M] = {.name = "M", .divisor = 1},
        [H] = {.name = "H", .divisor = 8},
        [B] = {.name = "B", .divisor = 1, .bound = 3},
    };
    *trial = (struct trial){.context = ir_context_create(NULL), .seed = seed, .state = seed};
    trial->arena = ir_arena(trial->context);
    for (uint32_t k = 0; k < N_DIMS; k++)
        ir_add_dim(trial->context, dims[k]);
    for (uint32_t k = 0; k < N_INDICES; k++) {
        const struct tree *constant = tree(trial, NUMBER, 1 + random_below(&trial->state, 4), NULL, NULL);
        trial->extent_trees[k] = random_below(&trial->state, 2) ? constant : random_tree(trial, 2, false);
        /* Points of a nest must stay few. */
        int64_t most;
        struct point largest = {{3, 3, 8, 3}, {0}};
        if (!meaning(trial->extent_trees[k], &largest, &most) || most > 5 || most < 0)
            trial->extent_trees[k] = constant;
        trial->extents[k] = make(trial, trial->extent_trees[k], NULL, false);
        assert_non_null(trial->extents[k]);
    }
    trial->ranges = (struct poly_ranges){N_INDICES, trial->extents};
}

typedef void trial_function(struct trial *trial, uint64_t *counted);

static uint64_t for_each_seed(trial_function *run)
{
    const char *only = getenv("EINC_SEED");
    uint64_t counted = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        struct trial trial;
        begin(&trial, seed);
        run(&trial, &counted);
        ir_context_destroy(trial.context);
    }
    return only ? UINT64_MAX : counted;
}

/* ---- text ---- */

static const char *index_name(void *user, uint32_t index)
{
    static const char *const names[] = {"i", "j", "k"};
    (void)user;
    return names[index];
}

static const char *show(struct trial *trial, const struct poly *a, enum poly_style style)
{
    struct text text = text_create(trial->arena);
    struct poly_names names = {index_name, NULL, NULL, NULL};
    poly_print(&text, trial->context, a, style, &names, 0);
    return text_finish(&text);
}

/* Arithmetic that C text stands for: unsigned, modulo 2^64. */
struct c_reader {
    const char *at;
    const struct point *point;
    bool divided_by_zero;
};

static uint64_t c_sum(struct c_reader *reader);

static bool accept(const char **at, const char *word)
{
    *at += strspn(*at, " ");
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return false;
    *at += length;
    return true;
}

static uint64_t c_factor(struct c_reader *reader)
{
    static const char dims[] = "NMHB", indices[] = "ijk";
    if (accept(&reader->at, "-"))
        return 0 - c_factor(reader);
    if (accept(&reader->at, "(")) {
        uint64_t value = c_sum(reader);
        assert_true(accept(&reader->at, ")"));
        return value;
    }
    const char *dim = strchr(dims, *reader->at), *index = strchr(indices, *reader->at);
    if (*reader->at && (dim || index)) {
        reader->at++;
        return (uint64_t)(dim ? reader->point->dims[dim - dims] : reader->point->indices[index - indices]);
    }
    char *end;
    uint64_t value = strtoull(reader->at, &end, 10);
    assert_true(end != reader->at);
    reader->at = end;
    return value;
}

static uint64_t c_product(struct c_reader *reader)
{
    uint64_t value = c_factor(reader);
    for (;;) {
        if (accept(&reader->at, "*")) {
            value *= c_factor(reader);
            continue;
        }
        bool quotient = accept(&reader->at, "/");
        if (!quotient && !accept(&reader->at, "%"))
            return value;
        uint64_t by = c_factor(reader);
        reader->divided_by_zero = reader->divided_by_zero || by == 0;
        if (by != 0)
            value = quotient ? value / by : value % by;
    }
}

static uint64_t c_sum(struct c_reader *reader)
{
    uint64_t value = c_product(reader);
    for (;;) {
        if (accept(&reader->at, "+"))
            value += c_product(reader);
        else if (accept(&reader->at, "-"))
            value -= c_product(reader);
        else
            return value;
    }
}

static const struct poly *read_sum(struct trial *trial, const char **at);

static const struct poly *read_factor(struct trial *trial, const char **at)
{
    static const char dims[] = "NMHB", indices[] = "ijk";
    if (accept(at, "-"))
        return poly_scale(trial->context, read_factor(trial, at), -1);
    if (accept(at, "(")) {
        const struct poly *inner = read_sum(trial, at);
        assert_true(accept(at, ")"));
        return inner;
    }
    const char *dim = strchr(dims, **at), *index = strchr(indices, **at);
    if (**at && (dim || index)) {
        (*at)++;
        return dim ? poly_dim(trial->context, (uint32_t)(dim - dims)) : poly_index(trial->context, (uint32_t)(index - indices));
    }
    char *end;
    int64_t value = strtoll(*at, &end, 10);
    assert_true(end != *at);
    *at = end;
    return poly_constant(trial->context, value);
}

static const struct poly *read_product(struct trial *trial, const char **at)
{
    const struct poly *a = read_factor(trial, at);
    for (;;) {
        if (accept(at, "*"))
            a = poly_multiply(trial->context, a, read_factor(trial, at));
        else if (accept(at, "div"))
            a = poly_floor_div(trial->context, a, read_factor(trial, at), NULL);
        else if (accept(at, "mod"))
            a = poly_mod(trial->context, a, read_factor(trial, at), NULL);
        else
            return a;
    }
}

static const struct poly *read_sum(struct trial *trial, const char **at)
{
    const struct poly *a = read_product(trial, at);
    for (;;) {
        if (accept(at, "+"))
            a = poly_add(trial->context, a, read_product(trial, at));
        else if (accept(at, "-"))
            a = poly_subtract(trial->context, a, read_product(trial, at));
        else
            return a;
    }
}

/* ---- values ---- */

struct claim {
    const struct tree *tree;
    const struct poly *poly, *bound;
    const char *text; /* C */
    bool nonnegative, within;
    uint64_t points;
};

static void fail_at(struct trial *trial, const struct claim *claim, const struct point *point, const char *what)
{
    fail_msg("seed %llu: %s: `%s` for i < %s, j < %s, k < %s at N %lld M %lld H %lld B %lld, i %lld j %lld k %lld",
             (unsigned long long)trial->seed, what, show(trial, claim->poly, POLY_SOURCE),
             show(trial, trial->extents[0], POLY_SOURCE), show(trial, trial->extents[1], POLY_SOURCE),
             show(trial, trial->extents[2], POLY_SOURCE), (long long)point->dims[N], (long long)point->dims[M],
             (long long)point->dims[H], (long long)point->dims[B], (long long)point->indices[0], (long long)point->indices[1],
             (long long)point->indices[2]);
}

static void check_value(struct trial *trial, const struct point *point, void *user)
{
    struct claim *claim = user;
    int64_t wanted, found;
    if (!meaning(claim->tree, point, &wanted))
        return;
    claim->points++;
    if (!poly_evaluate(claim->poly, point->dims, point->indices, &found) || found != wanted)
        fail_at(trial, claim, point, "another value");
    if (!claim->text || wanted < 0)
        return;
    struct c_reader reader = {claim->text, point, false};
    uint64_t in_c = c_sum(&reader);
    assert_int_equal(*reader.at, 0);
    if (reader.divided_by_zero || in_c != (uint64_t)wanted)
        fail_at(trial, claim, point, claim->text);
}

static void values_in_trial(struct trial *trial, uint64_t *counted)
{
    const struct tree *expression = random_tree(trial, DEPTH, true);
    struct claim claim = {.tree = expression, .poly = make(trial, expression, &trial->ranges, false)};
    assert_non_null(claim.poly);
    claim.text = show(trial, claim.poly, POLY_C);
    for_each_point(trial, check_value, &claim);
    claim.poly = make(trial, expression, NULL, false);
    assert_ptr_equal(claim.poly, make(trial, expression, NULL, true));
    for_each_point(trial, check_value, &claim);
    *counted += claim.points;
}

static void polys_have_the_value_of_what_they_were_made_of(void **state)
{
    (void)state;
    assert_true(for_each_seed(values_in_trial) > 100000);
}

static void text_in_trial(struct trial *trial, uint64_t *counted)
{
    const struct poly *poly = make(trial, random_tree(trial, DEPTH, true), NULL, false);
    const char *text = show(trial, poly, POLY_SOURCE), *at = text;
    const struct poly *again = read_sum(trial, &at);
    assert_int_equal(*at, 0);
    if (again != poly)
        fail_msg("seed %llu: `%s` reads back as `%s`", (unsigned long long)trial->seed, text, show(trial, again, POLY_SOURCE));
    *counted += poly->n_terms > 1;
}

static void source_text_reads_back(void **state)
{
    (void)state;
    assert_true(for_each_seed(text_in_trial) > SEEDS / 4);
}

/* ---- substitution ---- */

struct substitution {
    struct claim claim;
    const struct tree *replacements[N_INDICES];
};

static void check_substituted(struct trial *trial, const struct point *point, void *user)
{
    struct substitution *substitution = user;
    struct point replaced = *point;
    int64_t wanted, found;
    for (uint32_t k = 0; k < N_INDICES; k++)
        if (!meaning(substitution->replacements[k], point, &replaced.indices[k]))
            return;
    if (!meaning(substitution->claim.tree, &replaced, &wanted))
        return;
    if (!poly_evaluate(substitution->claim.poly, point->dims, point->indices, &found) || found != wanted)
        fail_at(trial, &substitution->claim, point, "another value after substitution");
    substitution->claim.points++;
}

static void substitution_in_trial(struct trial *trial, uint64_t *counted)
{
    struct substitution substitution = {.claim.tree = random_tree(trial, DEPTH - 1, true)};
    const struct poly *replacements[N_INDICES];
    for (uint32_t k = 0; k < N_INDICES; k++) {
        substitution.replacements[k] = random_tree(trial, 2, true);
        replacements[k] = make(trial, substitution.replacements[k], &trial->ranges, false);
    }
    const struct poly *before = make(trial, substitution.claim.tree, NULL, false);
    substitution.claim.poly = poly_substitute(trial->context, before, N_INDICES, replacements, &trial->ranges);
    assert_non_null(substitution.claim.poly);
    for_each_point(trial, check_substituted, &substitution);
    *counted += substitution.claim.points;
}

static void substitution_keeps_the_value(void **state)
{
    (void)state;
    assert_true(for_each_seed(substitution_in_trial) > 100000);
}

static void binding_in_trial(struct trial *trial, uint64_t *counted)
{
    static const int64_t values[N_DIMS] = {[N] = 3, [M] = -1, [H] = 8, [B] = 2};
    const struct tree *expression = random_tree(trial, DEPTH, true);
    const struct poly *bound = poly_bind_dims(trial->context, make(trial, expression, NULL, false), N_DIMS, values);
    assert_non_null(bound);
    for (int64_t i = 0; i < 27; i++) {
        struct point point = {{3, 2, 8, 2}, {i % 3, i / 3 % 3, i / 9}};
        struct claim claim = {.tree = expression, .poly = bound};
        check_value(trial, &point, &claim);
        *counted += claim.points;
    }
}

static void binding_dims_keeps_the_value(void **state)
{
    (void)state;
    assert_true(for_each_seed(binding_in_trial) > 10000);
}

/* ---- proofs ---- */

static void check_claim(struct trial *trial, const struct point *point, void *user)
{
    struct claim *claim = user;
    int64_t value, bound;
    if (!meaning(claim->tree, point, &value) || !poly_evaluate(claim->bound, point->dims, point->indices, &bound))
        return;
    claim->points++;
    if (claim->nonnegative && value < 0)
        fail_at(trial, claim, point, "proved not to be negative");
    if (claim->within && (value < 0 || value >= bound))
        fail_at(trial, claim, point, show(trial, claim->bound, POLY_SOURCE));
}

static void proofs_in_trial(struct trial *trial, uint64_t *counted)
{
    struct claim claim = {.tree = random_tree(trial, DEPTH - 1, true)};
    claim.poly = make(trial, claim.tree, NULL, false);
    claim.bound = make(trial, random_tree(trial, 1, false), NULL, false);
    claim.nonnegative = poly_prove_nonnegative(trial->context, claim.poly, &trial->ranges);
    claim.within = poly_prove_within(trial->context, claim.poly, claim.bound, &trial->ranges);
    if (!claim.nonnegative && !claim.within)
        return;
    for_each_point(trial, check_claim, &claim);
    *counted += claim.points > 0 ? 1 : 0;
}

static void what_is_proved_is_true(void **state)
{
    (void)state;
    assert_true(for_each_seed(proofs_in_trial) > SEEDS / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polys_have_the_value_of_what_they_were_made_of),
        cmocka_unit_test(source_text_reads_back),
        cmocka_unit_test(substitution_keeps_the_value),
        cmocka_unit_test(binding_dims_keeps_the_value),
        cmocka_unit_test(what_is_proved_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
