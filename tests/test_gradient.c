/* Derivatives of random programs, exactly: modulo the prime, <v, f(x + e u)> is a polynomial in e whose coefficient of e is
 * <gradient(x, v), u>. It is found by evaluating f at as many e as the degree asks for and interpolating. The pairing of complex
 * numbers is Re(conj(a) b). A wrong rule survives a point with probability below 1e-15, so there is no tolerance.
 *
 * For kernels linear in an input the adjoint is checked the same way, with one evaluation: <v, f(u)> = <adjoint(v), u>.
 * The seed of a failing program is printed; EINC_SEED=n runs that one alone. */
#include "compare.h"
#include "frontend/frontend.h"
#include "passes/passes.h"
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PROGRAMS = 2000, MOST_POINTS = 96 };

__extension__ typedef unsigned __int128 wide;

static const uint64_t prime = (UINT64_C(1) << 61) - 1;

static uint64_t multiply(uint64_t a, uint64_t b)
{
    return (uint64_t)((wide)a * b % prime);
}

static uint64_t add(uint64_t a, uint64_t b)
{
    return (a + b) % prime;
}

static uint64_t subtract(uint64_t a, uint64_t b)
{
    return (a + prime - b) % prime;
}

static uint64_t inverse(uint64_t a)
{
    uint64_t result = 1;
    for (uint64_t power = prime - 2; power; power >>= 1, a = multiply(a, a))
        if (power & 1)
            result = multiply(result, a);
    return result;
}

/* Real and imaginary parts multiplied apart and added: Re(conj(a) b). */
static uint64_t pairing(const struct ir_tensor *a, const struct ir_tensor *b)
{
    uint64_t sum = 0;
    const uint64_t *left = a->data, *right = b->data;
    for (size_t k = 0; k < 2 * tensor_count(a); k++)
        sum = add(sum, multiply(left[k], right[k]));
    return sum;
}

/* Coefficient of e of the polynomial that has these values at e = 0 .. n - 1. */
static uint64_t slope_at_zero(const uint64_t *values, uint32_t n)
{
    uint64_t slope = 0;
    for (uint32_t j = 0; j < n; j++) { /* of the Lagrange polynomial of point j */
        uint64_t below = 1, product = 1, derivative = 0;
        for (uint32_t m = 0; m < n; m++) {
            if (m == j)
                continue;
            below = multiply(below, subtract(j, m));
            derivative = add(multiply(derivative, subtract(0, m)), product);
            product = multiply(product, subtract(0, m));
        }
        slope = add(slope, multiply(values[j], multiply(derivative, inverse(below))));
    }
    return slope;
}

/* ---- degrees ---- */

static uint32_t saturating(uint32_t a, uint32_t b)
{
    return a + b > 4 * MOST_POINTS ? 4 * MOST_POINTS : a + b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

static uint32_t function_degree(const struct ir_expr *expr, const uint32_t degrees[3])
{
    switch (expr->op) {
    case IR_EXPR_mul:
        return saturating(degrees[0], degrees[1]);
    case IR_EXPR_fma:
        return larger(saturating(degrees[0], degrees[1]), degrees[2]);
    case IR_EXPR_div:
        return degrees[1] ? 4 * MOST_POINTS : degrees[0]; /* no polynomial */
    default:
        return larger(degrees[0], larger(degrees[1], degrees[2]));
    }
}

static uint32_t expression_degree(struct ir_context *context, const struct ir_node *map, const uint32_t *degrees)
{
    size_t count;
    const struct ir_expr **order = ir_expr_topological(context, map->body, &count);
    uint32_t *found = ARENA_ARRAY(ir_arena(context), count, uint32_t);
    for (size_t k = 0; k < count; k++) {
        uint32_t arguments[3] = {0};
        for (uint32_t a = 0; a < order[k]->n_arguments; a++)
            for (size_t at = 0; at < k; at++)
                if (order[at] == order[k]->arguments[a])
                    arguments[a] = found[at];
        found[k] = order[k]->op == IR_EXPR_operand ? degrees[map->operands[order[k]->operand].node->id]
                                                   : function_degree(order[k], arguments);
    }
    return found[count - 1];
}

/* Largest degree of an output in the marked inputs. */
static uint32_t degree_of(struct ir_context *context, const struct ir_kernel *kernel, const int64_t *dims, uint32_t wanted)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(context, kernel, &count);
    uint32_t *degrees = ARENA_ARRAY(ir_arena(context), (size_t)nodes[count - 1]->id + 1, uint32_t), most = 0;
    for (size_t k = 0; k < count; k++) {
        const struct ir_node *node = nodes[k];
        uint32_t sum = 0;
        for (uint32_t o = 0; o < node->n_operands; o++)
            sum = node->op == IR_scatter_node || node->op == IR_concat_node ? larger(sum, degrees[node->operands[o].node->id])
                                                                            : saturating(sum, degrees[node->operands[o].node->id]);
        for (uint32_t i = node->rank; node->op == IR_contract_node && node->contract.ring == IR_RING_prod && i < node->n_indices;
             i++) {
            int64_t extent = 0;
            poly_evaluate(node->extents[i], dims, NULL, &extent);
            sum = extent && sum > 4 * MOST_POINTS / (uint32_t)extent ? 4 * MOST_POINTS : sum * (uint32_t)extent;
        }
        if (node->op == IR_scatter_node && node->scatter.ring != IR_RING_plustimes)
            sum = 4 * MOST_POINTS; /* a product of unknown length; it has no derivative either */
        if (node->op == IR_scan_node && sum)
            sum = 4 * MOST_POINTS;
        if (node->op == IR_solve_node) /* linear in the right side, no polynomial in the matrix */
            sum = degrees[node->operands[0].node->id] ? 4 * MOST_POINTS : degrees[node->operands[1].node->id];
        degrees[node->id] = node->op == IR_input_node ? node->input.number == wanted
                            : node->op == IR_map_node ? expression_degree(context, node, degrees)
                                                      : sum;
    }
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        most = degrees[kernel->outputs[k].node->id] > most ? degrees[kernel->outputs[k].node->id] : most;
    return most;
}

/* ---- evaluating ---- */

struct subject {
    struct ir_context *context;
    const struct ir_program *program;
    const struct ir_kernel *kernel, *derived;
    uint32_t wanted; /* input the derivative is taken in */
    uint64_t seed;
    const int64_t *dims;
    struct ir_tensor *inputs, *direction; /* of the kernel; only direction[wanted] matters */
    struct ir_tensor cotangents[16], outputs[16];
};

static void fail_subject(const struct subject *subject, const char *what)
{
    struct text text = text_create(ir_arena(subject->context));
    ir_print_program(&text, subject->program);
    diag_print(&text, ir_diagnostics(subject->context), false);
    print_error("seed %llu, input %s: %s\n%s\n", (unsigned long long)subject->seed, subject->kernel->inputs[subject->wanted].name,
                what, text_finish(&text));
    fail();
}

static struct ir_tensor like(struct ir_context *context, const struct ir_tensor *tensor, uint64_t *state)
{
    struct ir_tensor made = *tensor;
    size_t count = tensor_count(tensor);
    uint64_t *data = ARENA_ARRAY(ir_arena(context), 2 * count + 1, uint64_t);
    for (size_t k = 0; k < 2 * count; k++)
        data[k] = ir_elem_is_complex(tensor->elem) || k % 2 == 0 ? random_next(state) % prime : 0;
    made.data = data;
    return made;
}

/* <cotangents, f(x + e u)>. */
static uint64_t value_at(struct subject *subject, uint64_t e)
{
    struct ir_context *context = subject->context;
    struct ir_tensor *moved = arena_copy(ir_arena(context), subject->inputs, subject->kernel->n_inputs, sizeof *moved);
    struct ir_tensor *at = &moved[subject->wanted];
    size_t n = 2 * tensor_count(at);
    uint64_t *data = arena_copy(ir_arena(context), at->data, n, sizeof *data), sum = 0;
    const uint64_t *step = subject->direction[subject->wanted].data;
    for (size_t k = 0; k < n; k++)
        data[k] = add(data[k], multiply(e, step[k]));
    at->data = data;
    if (ir_eval(context, subject->kernel, IR_EVAL_PRIME, subject->dims, moved, subject->outputs, NULL) != EINC_OK)
        fail_subject(subject, "has no value");
    if (!subject->cotangents[0].data) {
        uint64_t state = subject->seed ^ 0xc07;
        for (uint32_t k = 0; k < subject->kernel->n_outputs; k++)
            subject->cotangents[k] = like(context, &subject->outputs[k], &state);
    }
    for (uint32_t k = 0; k < subject->kernel->n_outputs; k++)
        if (ir_elem_is_float(subject->outputs[k].elem) || ir_elem_is_complex(subject->outputs[k].elem))
            sum = add(sum, pairing(&subject->cotangents[k], &subject->outputs[k]));
    return sum;
}

/* The derived kernel's inputs by name: those of the kernel, and d_OUT. */
static struct ir_tensor *derived_inputs(struct subject *subject)
{
    const struct ir_kernel *kernel = subject->kernel, *derived = subject->derived;
    struct ir_tensor *inputs = ARENA_ARRAY(ir_arena(subject->context), derived->n_inputs, struct ir_tensor);
    for (uint32_t k = 0; k < derived->n_inputs; k++) {
        for (uint32_t i = 0; i < kernel->n_inputs; i++)
            if (strcmp(derived->inputs[k].name, kernel->inputs[i].name) == 0)
                inputs[k] = subject->inputs[i];
        for (uint32_t o = 0; o < kernel->n_outputs; o++)
            if (strncmp(derived->inputs[k].name, "d_", 2) == 0 && strcmp(derived->inputs[k].name + 2, kernel->outputs[o].name) == 0)
                inputs[k] = subject->cotangents[o];
        if (!inputs[k].data)
            fail_subject(subject, "an input of the derivative is unknown");
    }
    return inputs;
}

/* <derivative, u> by the derived kernel. */
static uint64_t derived_slope(struct subject *subject)
{
    struct ir_tensor output;
    if (!ir_verify(subject->context, subject->derived))
        fail_subject(subject, "the derivative does not verify");
    if (ir_eval(subject->context, subject->derived, IR_EVAL_PRIME, subject->dims, derived_inputs(subject), &output, NULL) !=
        EINC_OK)
        fail_subject(subject, "the derivative has no value");
    return pairing(&output, &subject->direction[subject->wanted]);
}

static const struct ir_kernel *derive(struct ir_program *program, enum pass_derivative_kind kind, const char *input)
{
    const char *names[1] = {input};
    struct pass_derivative derivative = {kind, NULL, names, 1};
    return pass_derive(program, &derivative) ? program->kernels[program->n_kernels - 1] : NULL;
}

static bool has_derivative(const struct ir_kernel *kernel, uint32_t input)
{
    enum ir_elem elem = kernel->inputs[input].node->elem;
    return ir_elem_is_float(elem) || ir_elem_is_complex(elem);
}

static void open_subject(struct subject *subject, struct ir_context *context, struct ir_program *program, uint32_t wanted,
                         uint64_t seed)
{
    uint64_t state = seed;
    *subject =
        (struct subject){.context = context, .program = program, .kernel = program->kernels[0], .wanted = wanted, .seed = seed};
    subject->dims = random_dims(context, seed);
    subject->inputs = random_inputs(context, subject->kernel, IR_EVAL_PRIME, subject->dims, seed);
    subject->direction = ARENA_ARRAY(ir_arena(context), subject->kernel->n_inputs, struct ir_tensor);
    if (wanted < subject->kernel->n_inputs)
        subject->direction[wanted] = like(context, &subject->inputs[wanted], &state);
}

enum outcome { NOTHING_TO_CHECK, RIGHT_AND_ZERO, RIGHT };

static enum outcome check_gradient_of_degree(struct ir_context *context, struct ir_program *program, uint32_t wanted, uint64_t seed,
                                             uint32_t most)
{
    struct subject subject;
    uint64_t values[MOST_POINTS];
    open_subject(&subject, context, program, wanted, seed);
    if (wanted >= subject.kernel->n_inputs || !has_derivative(subject.kernel, wanted) || !ir_is_polynomial(subject.kernel))
        return NOTHING_TO_CHECK;
    uint32_t degree = most ? most : degree_of(context, subject.kernel, subject.dims, wanted);
    if (degree >= MOST_POINTS)
        return NOTHING_TO_CHECK;
    for (uint32_t e = 0; e <= degree; e++)
        values[e] = value_at(&subject, e);
    uint64_t expected = slope_at_zero(values, degree + 1);
    subject.derived = derive(program, PASS_GRADIENT, subject.kernel->inputs[wanted].name);
    if (!subject.derived)
        fail_subject(&subject, "no derivative");
    if (derived_slope(&subject) != expected)
        fail_subject(&subject, "wrong derivative");
    return expected ? RIGHT : RIGHT_AND_ZERO;
}

static enum outcome check_gradient(struct ir_context *context, struct ir_program *program, uint32_t wanted, uint64_t seed)
{
    return check_gradient_of_degree(context, program, wanted, seed, 0);
}

static enum outcome check_adjoint_of_degree(struct ir_context *context, struct ir_program *program, uint32_t wanted, uint64_t seed,
                                            uint32_t most)
{
    struct subject subject;
    open_subject(&subject, context, program, wanted, seed);
    if (wanted >= subject.kernel->n_inputs || !has_derivative(subject.kernel, wanted) || !ir_is_polynomial(subject.kernel))
        return NOTHING_TO_CHECK;
    if (!most && degree_of(context, subject.kernel, subject.dims, wanted) >= MOST_POINTS)
        return NOTHING_TO_CHECK;
    subject.derived = derive(program, PASS_ADJOINT, subject.kernel->inputs[wanted].name);
    if (!subject.derived)
        return NOTHING_TO_CHECK;
    uint64_t *data =
        arena_copy(ir_arena(context), subject.direction[wanted].data, 2 * tensor_count(&subject.direction[wanted]), sizeof *data);
    memset(subject.inputs[wanted].data, 0, 2 * tensor_count(&subject.inputs[wanted]) * sizeof *data);
    uint64_t at_zero = value_at(&subject, 0), once = value_at(&subject, 1), thrice = value_at(&subject, 3);
    if (at_zero != 0 || thrice != multiply(3, once))
        fail_subject(&subject, "not linear");
    subject.inputs[wanted].data = NULL; /* an adjoint must not read it */
    if (derived_slope(&subject) != once)
        fail_subject(&subject, "wrong adjoint");
    return once ? RIGHT : RIGHT_AND_ZERO;
}

static enum outcome check_adjoint(struct ir_context *context, struct ir_program *program, uint32_t wanted, uint64_t seed)
{
    return check_adjoint_of_degree(context, program, wanted, seed, 0);
}

typedef enum outcome check_function(struct ir_context *context, struct ir_program *program, uint32_t wanted, uint64_t seed);

static void for_random_programs(check_function *check, int least)
{
    const char *only = getenv("EINC_SEED");
    int found[3] = {0};
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++) {
        if (only && strtoull(only, NULL, 10) != seed)
            continue;
        struct random_options options = {
            .kind = RANDOM_POLYNOMIAL, .solves = seed % 2, .small = true, .n_values = (uint32_t)(seed % 5) + 1};
        for (uint32_t input = 0; input < 3; input++) {
            struct ir_context *context = ir_context_create(NULL);
            struct ir_program *program = random_program(context, seed, &options);
            assert_non_null(program);
            found[check(context, program, input, seed)]++;
            ir_context_destroy(context);
        }
    }
    print_message("%d right, %d of them 0\n", found[RIGHT] + found[RIGHT_AND_ZERO], found[RIGHT_AND_ZERO]);
    assert_true(only || found[RIGHT] >= least);
}

static void gradients_of_random_programs(void **state)
{
    (void)state;
    for_random_programs(check_gradient, 1000);
}

static void adjoints_of_random_programs(void **state)
{
    (void)state;
    for_random_programs(check_adjoint, 150);
}

/* ---- each way to invert an access, and each rule ---- */

/* The body of a kernel of inputs x : f64[X], w : f64[W] (their shapes first) and one output y. Dims n and m. */
struct access_case {
    const char *what, *x, *w, *node;
};

static const struct access_case access_cases[] = {
    {"transposition", "f64[3, n]", "f64[]", "view f64[i: n, j: 3] of %x[j, i]"},
    {"diagonal", "f64[4, 4]", "f64[4]", "contract plustimes f64[i: 4] of (%x[i, i], %w[i])"},
    {"trace", "f64[n, n]", "f64[]", "contract plustimes f64[] sum [i: n] of (%x[i, i], %w)"},
    {"shifted diagonal", "f64[4, 6]", "f64[3]", "contract plustimes f64[i: 4] sum [j: 3] of (%x[i, i + j], %w[j])"},
    {"shifted diagonal, other order", "f64[6, 4]", "f64[3]", "contract plustimes f64[i: 4] sum [j: 3] of (%x[i + j, i], %w[j])"},
    {"split and permuted", "f64[3*n*2]", "f64[3, 2]",
     "contract plustimes f64[q: 2, i: n] sum [p: 3] of (%x[2*n*p + 2*i + q], %w[p, q])"},
    {"digits with run-time strides", "f64[m*n]", "f64[n]", "contract plustimes f64[i: m] sum [j: n] of (%x[i*n + j], %w[j])"},
    {"digits out of order", "f64[24]", "f64[3]", "view f64[a: 2, b: 3, c: 4] of %x[a + 2*c + 8*b]"},
    {"digits reversed", "f64[12]", "f64[3]", "contract plustimes f64[b: 4] sum [a: 3] of (%x[11 - a - 3*b], %w[a])"},
    {"one digit reversed", "f64[12]", "f64[3]", "contract plustimes f64[b: 4] sum [a: 3] of (%x[3*b - a + 2], %w[a])"},
    {"digits that leave a rest", "f64[13]", "f64[3]", "contract plustimes f64[b: 4] sum [a: 3] of (%x[3*b + a + 1], %w[a])"},
    {"a gap between digits", "f64[20]", "f64[3]", "contract plustimes f64[b: 4] sum [a: 3] of (%x[5*b + a + 1], %w[a])"},
    {"convolution", "f64[n + 2]", "f64[3]", "contract plustimes f64[i: n] sum [r: 3] of (%x[i + r], %w[r])"},
    {"long filter", "f64[n + 2]", "f64[n]", "contract plustimes f64[i: 3] sum [r: n] of (%x[i + r], %w[r])"},
    {"padded convolution", "f64[n]", "f64[3]", "contract plustimes f64[i: n] sum [r: 3] of (%x[i + r - 1] pad f64:0.0, %w[r])"},
    {"padded with another number", "f64[n]", "f64[3]",
     "contract plustimes f64[i: n] sum [r: 3] of (%x[i + r - 1] pad f64:2.0, %w[r])"},
    {"the other factor padded with another number", "f64[3]", "f64[n]",
     "contract plustimes f64[i: n] sum [r: 3] of (%w[i + r - 1] pad f64:2.0, %x[r])"},
    {"flipped filter", "f64[n + 2]", "f64[3]", "contract plustimes f64[i: n] sum [r: 3] of (%x[i - r + 2], %w[r])"},
    {"stride 2, filter 3", "f64[2*n + 1]", "f64[3]", "contract plustimes f64[i: n] sum [r: 3] of (%x[2*i + r], %w[r])"},
    {"stride 2, filter 3, padded", "f64[2*n]", "f64[3]",
     "contract plustimes f64[i: n] sum [r: 3] of (%x[2*i + r - 1] pad f64:0.0, %w[r])"},
    {"stride 3, filter 4, flipped", "f64[19]", "f64[4]", "contract plustimes f64[i: 6] sum [r: 4] of (%x[18 - 3*i - r], %w[r])"},
    {"stride 3, filter 2", "f64[3*n]", "f64[2]", "contract plustimes f64[i: n] sum [r: 2] of (%x[3*i + r], %w[r])"},
    {"stride 2, dilation 3", "f64[17]", "f64[3]", "contract plustimes f64[i: 6] sum [r: 3] of (%x[2*i + 3*r], %w[r])"},
    {"stride 2, dilation 4", "f64[19]", "f64[3]", "contract plustimes f64[i: 6] sum [r: 3] of (%x[2*i + 4*r], %w[r])"},
    {"a filter read in part", "f64[4]", "f64[5]", "contract plustimes f64[i: 2] sum [r: 3] of (%x[i + r], %w[r])"},
    {"a table looked up beside", "f64[5]", "f64[4]", "contract plustimes f64[i: 4] of (%x[i + 1], %w[%order[i]])"},
    {"a table looked up beside, run-time extent", "f64[n + 1]", "f64[4]",
     "contract plustimes f64[i: n] of (%x[i + 1], %w[%order[i]] pad f64:1.0) where (3 - i)"},
    {"two filters", "f64[12]", "f64[3]", "contract plustimes f64[i: 4] sum [r: 3, s: 3] of (%x[2*i + r + s], %w[r], %w[s])"},
    {"every second", "f64[2*n]", "f64[n]", "contract plustimes f64[i: n] of (%x[2*i], %w[i])"},
    {"every second, backwards", "f64[2*n]", "f64[n]", "contract plustimes f64[i: n] of (%x[2*n - 2*i - 1], %w[i])"},
    {"run-time stride", "f64[m*n]", "f64[n]", "contract plustimes f64[i: n] of (%x[i*m], %w[i])"},
    {"repeated", "f64[n]", "f64[3]", "contract plustimes f64[i: n, j: 3] of (%x[i], %w[j])"},
    {"index of no factor", "f64[n]", "f64[n]", "contract plustimes f64[i: n] sum [k: m] of (%x[i], %w[i])"},
    {"upsampled", "f64[4]", "f64[8]", "contract plustimes f64[i: 8] of (%x[i div 2], %w[i])"},
    {"upsampled, uneven", "f64[4]", "f64[7]", "contract plustimes f64[i: 7] of (%x[i div 2], %w[i])"},
    {"upsampled, shifted", "f64[4]", "f64[7]", "contract plustimes f64[i: 6] of (%x[(i + 2) div 2], %w[i])"},
    {"upsampled, shifted back", "f64[4]", "f64[8]", "contract plustimes f64[i: 8] of (%x[(i - 1) div 2] pad f64:0.0, %w[i])"},
    {"periodic", "f64[4]", "f64[10]", "contract plustimes f64[i: 10] of (%x[i mod 4], %w[i])"},
    {"periodic, shifted", "f64[4]", "f64[10]", "contract plustimes f64[i: 10] of (%x[(i + 3) mod 4], %w[i])"},
    {"split on the left", "f64[3, 4]", "f64[12]", "contract plustimes f64[i: 12] of (%x[i div 4, i mod 4], %w[i])"},
    {"no index can be solved for", "f64[7]", "f64[10]", "contract plustimes f64[i: 10] of (%x[(2*i) div 3], %w[i])"},
    {"a sum divided", "f64[7]", "f64[3]", "contract plustimes f64[i: 10] sum [r: 3] of (%x[(i + r) div 2], %w[r])"},
    {"permutation", "f64[4]", "f64[4]", "contract plustimes f64[i: 4] of (%x[%order[i]], %w[i])"},
    {"table with repetitions", "f64[5]", "f64[6]", "contract plustimes f64[i: 6] of (%x[%mesh[i div 2, i mod 2]], %w[i])"},
    {"mesh", "f64[5]", "f64[3, 2]", "contract plustimes f64[e: 3, i: 2] of (%x[%mesh[e, i]], %w[e, i])"},
    {"mesh, summed", "f64[n, 5]", "f64[3, 2]", "contract plustimes f64[k: n, e: 3] sum [i: 2] of (%x[k, %mesh[e, i]], %w[e, i])"},
    {"table and index", "f64[9]", "f64[4]", "contract plustimes f64[i: 4] of (%x[2*%order[i] + 1], %w[i])"},
    {"triangle", "f64[n]", "f64[n, n]", "contract plustimes f64[i: n] sum [j: n] of (%x[j], %w[i, j]) where (i - j)"},
    {"triangle that keeps reads inside", "f64[n]", "f64[n]",
     "contract plustimes f64[i: n] sum [j: n] of (%x[i - j], %w[j]) where (i - j)"},
    {"scattered by a table", "f64[3, 2]", "f64[5]", "scatter plustimes over [e: 3, i: 2] of (%w[%mesh[e, i]], %x[e, i])"},
    {"scattered to", "f64[5]", "f64[3, 2]", "scatter plustimes over [e: 3, i: 2] of (%x[%mesh[e, i]], %w[e, i])"},
    {"scattered, some outside", "f64[n]", "f64[n]", "scatter plustimes over [i: n] of (%w[2*i - 1] pad f64:3.0, %x[i])"},
    {"concatenated", "f64[n, 3]", "f64[4, 3]", "concat f64[i: 2*n + 4, j: 3] of (%x[i, j], %w[i - n, j], %x[i - n - 4, j])"},
    {"square", "f64[n]", "f64[]", "contract plustimes f64[] sum [i: n] of (%x[i], %x[i], %w)"},
    {"product", "f64[n, 3]", "f64[3]", "contract prod f64[i: n] sum [j: 3] of (%x[i, j])"},
    {"product over two indices", "f64[2, 3]", "f64[3]", "contract prod f64[] sum [i: 2, j: 3] of (%x[i, j])"},
    {"product over a triangle", "f64[3, 3]", "f64[3]", "contract prod f64[i: 3] sum [j: 3] of (%x[i, j]) where (i - j)"},
    {"product of what is read twice", "f64[5]", "f64[3]", "contract prod f64[i: 3] sum [j: 3] of (%x[i + j])"},
    {"pointwise", "f64[n]", "f64[]", "map f64[i: n, j: 2] of (%x[i], %w) = $0 * $0 * $1 - $0 + f64:2.0"},
    {"pointwise, divided", "f64[n]", "f64[n]", "map f64[i: n] of (%x[i], %w[i]) = $0 / $1"},
};

/* `f64` is `c128` for complex cases, and its literals `f64:2.0` are pairs. */
static const char *with_type(struct ir_context *context, const char *text, bool is_complex)
{
    struct text out = text_create(ir_arena(context));
    for (const char *at = text; *at;) {
        if (strncmp(at, "f64", 3) != 0 || !is_complex) {
            text_put_bytes(&out, at++, 1);
        } else if (at[3] == ':') {
            text_printf(&out, "c128:(%.3s, 0.0)", at + 4);
            at += 7;
        } else {
            text_put(&out, "c128");
            at += 3;
        }
    }
    return text_finish(&out);
}

static struct ir_program *read_case(struct ir_context *context, const struct access_case *one, bool is_complex)
{
    const char *text = arena_printf(ir_arena(context),
                                    "dim n\ndim m\nkernel k: reassoc { %%x = input 0 x : %s\n%%w = input 1 w : %s\n"
                                    "%%order = const i64[4] {2, 0, 3, 1}\n%%mesh = const i64[3, 2] {1, 0, 3, 1, 3, 3}\n"
                                    "%%y = %s output y = %%y }\n",
                                    one->x, one->w, one->node);
    text = with_type(context, text, is_complex);
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    *source = (struct source){"case", text, strlen(text)};
    return ir_read(context, source);
}

static void accesses_are_inverted(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof access_cases / sizeof *access_cases; k++) {
        int right = 0;
        for (uint32_t variant = 0; variant < 24; variant++) {
            struct ir_context *context = ir_context_create(NULL);
            struct ir_program *program = read_case(context, &access_cases[k], variant & 1);
            if (!program) {
                struct text said = text_create(ir_arena(context));
                diag_print(&said, ir_diagnostics(context), false);
                print_error("%s\n%s", access_cases[k].what, text_finish(&said));
            }
            assert_non_null(program);
            right += check_gradient(context, program, variant >> 1 & 1, variant >> 2) == RIGHT && !(variant & 2);
            ir_context_destroy(context);
        }
        if (right < 6) /* of twelve with respect to x; a dim may be 0 */
            print_error("%s: %d derivatives that are not 0\n", access_cases[k].what, right);
        assert_true(right >= 6);
    }
}

/* ---- recurrences ---- */

/* Bodies of kernels f(a[T], x[T, 3], W[3, 3], h0[3], s) -> (y[T], z[3]); of degree at most 70 in each input at T <= 5. */
static const char *const recurrences[] = {
    "scan t { h[t,n] = a[t] * h[t-1,n] + x[t,n]\n y[t] = sum[n](h[t,n]) } from h[-1,n] = h0[n]\n z[n] = h[T-1,n] * s",
    "scan t { h[t,n] = a[t] * h[t+1,n] + x[t,n]\n y[t] = sum[n](h[t,n] * h[t+1,n]) } from h[T,n] = h0[n]\n z[n] = h[0,n] * s",
    "scan t { h[t,n] = W[n,m] * h[t-1,m] + s * x[t,n]\n y[t] = a[t] * h[t,0] } from h[-1,n] = h0[n]\n z[n] = h[T-1,n]",
    "scan t { h[t,n] = W[n,m] * h[t-1,m]\n g[t] = g[t-1] * s + h[t-1,n] * x[t,n]\n y[t] = g[t] * a[t] } from h[-1,n] = h0[n], "
    "g[-1] = 1\n"
    "z[n] = h[T-1,n] * g[T-1]",
    "scan t { h[t,n] = a[t] * h[t-1,n] + x[t,n] } from h[-1,n] = h0[n]\n z[n] = h[T-1,n] * s\n y[t] = a[t] * W[n,n]",
    "scan t { y[t] = y[t-1] * a[t] + x[t,0] } from y[-1] = s\n z[n] = W[n,m] * h0[m]",
    "scan t { h[t,n] = a[t] * h[t-1,n] + s * x[t,n]\n y[t] = W[n,n] * h[t,n] } from h[-1,n] = 0\n z[n] = h[T-1,n]",
    "scan t { h[t,n] = h[t-1,n] * h[t-1,n] + x[t,n]\n y[t] = h[t,n] * W[n,n] } from h[-1,n] = 0\n z[n] = h0[n] * s * a[i]",
    "scan t { p[t] = p[t-1] * a[t]\n y[t] = p[t] } from p[-1] = 1\n z[n] = p[T-1] * h0[n] + s * W[n,n] + sum[t](p[t] * x[t,n])",
};

static void recurrences_run_backwards(void **state)
{
    (void)state;
    int adjoints = 0;
    for (size_t k = 0; k < sizeof recurrences / sizeof *recurrences; k++) {
        int right = 0;
        for (uint32_t variant = 0; variant < 40; variant++) {
            struct ir_context *context = ir_context_create(NULL);
            const char *head = variant & 1 ? "c128" : "f64",
                       *text = arena_printf(ir_arena(context),
                                            "dim T <= 5\nkernel f(a: %s[T], x: %s[T, 3], W: %s[3, 3], h0: %s[3], s: %s) "
                                            "-> (y: %s[T], z: %s[3]) {\n%s\n}\n",
                                            head, head, head, head, head, head, head, recurrences[k]);
            struct source *source = ARENA_NEW(ir_arena(context), struct source);
            *source = (struct source){"case", text, strlen(text)};
            struct ir_program *program = frontend_read(context, source, &(struct frontend_options){0});
            if (!program) {
                struct text said = text_create(ir_arena(context));
                diag_print(&said, ir_diagnostics(context), false);
                print_error("%s", text_finish(&said));
            }
            assert_non_null(program);
            right += check_gradient_of_degree(context, program, variant / 2 % 5, variant / 10, 70) == RIGHT;
            adjoints += check_adjoint_of_degree(context, program, variant / 2 % 5, variant / 10, 70) == RIGHT;
            ir_context_destroy(context);
        }
        assert_true(right >= 20);
    }
    print_message("%d adjoints\n", adjoints);
    assert_true(adjoints >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_of_random_programs),
                                       cmocka_unit_test(adjoints_of_random_programs), cmocka_unit_test(accesses_are_inverted),
                                       cmocka_unit_test(recurrences_run_backwards)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
