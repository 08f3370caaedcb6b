/* Index notation against docs/language.md: every example of the summation rule against plain loops, every "is an error" with its
 * code and place, and what weak values and types come to.
 *
 * Values are small integers in f64, so every sum is exact and results are compared for equality. Only functions (exp, tanh) are
 * compared within 1e-14 relative: both sides call the same libm on equal arguments, a sum of 4 of them rounds 4 times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <complex.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "failing_allocator.h"
#include "frontend/frontend.h"

/* ---- compiling ---- */

struct compiled {
    struct ir_context *context;
    struct ir_program *program; /* NULL: errors */
};

static struct compiled compile(const char *text)
{
    struct compiled compiled = {.context = ir_context_create(NULL)};
    assert_non_null(compiled.context);
    struct source source = {"test.ein", text, strlen(text)};
    const struct source *kept = arena_copy(ir_arena(compiled.context), &source, 1, sizeof source);
    compiled.program = frontend_read(compiled.context, kept, NULL);
    return compiled;
}

static void print_diagnostics(struct compiled *compiled)
{
    struct text text = text_create(ir_arena(compiled->context));
    diag_print(&text, ir_diagnostics(compiled->context), false);
    print_message("%s\n", text_finish(&text));
}

/* ---- mistakes ---- */

struct mistake {
    const char *what; /* the sentence of language.md it stands for */
    const char *text;
    const char *code;  /* of the first error or warning */
    const char *place; /* the words it points at */
};

static const struct mistake mistakes[] = {
#define DIMS                          "dim n = 4, m = 3, N\n"
#define KERNEL(inputs, outputs, body) DIMS "kernel f(" inputs ") -> (" outputs ") {\n" body "\n}\n"
    /* names */
    {"an index may not bear the name of a dim", KERNEL("x: f64[n]", "y: f64[n]", "y[m] = x[m]"), "E0110", "m"},
    {"of a tensor", KERNEL("x: f64[n]", "y: f64[n]", "y[x] = x[x]"), "E0110", "x"},
    {"of a kernel", KERNEL("x: f64[n]", "y: f64[n]", "y[f] = x[f]"), "E0110", "f"},
    {"of a constant", DIMS "const c: f64[2] = [1, 2]\nkernel f(x: f64[n]) -> (y: f64) { y = sum[c](x[c]) }", "E0110", "c"},
    {"of a function", KERNEL("x: f64[n]", "y: f64[n]", "y[exp] = x[exp]"), "E0102", "exp"},
    {"of an operator constructor", KERNEL("x: f64[n]", "y: f64", "y = sum[kron](x[kron])"), "E0102", "kron"},
    {"a let with a name that is taken is said once", KERNEL("x: f64[n]", "y: f64[n]", "let kron[i] = x[i]\ny = kron"), "E0102",
     "kron"},
    {"unknown tensor", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = z[i]"), "E0111", "z"},
    {"no output of that name", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = x[i]\nz[i] = x[i]"), "E0111", "z"},
    {"assigned exactly once", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = x[i]\ny[i] = x[i]"), "E0112", "y[i]"},
    {"each output is assigned", KERNEL("x: f64[n]", "y: f64[n], z: f64[n]", "y[i] = x[i]"), "E0113", "z"},
    {"a let is visible after its line", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = t[i]\nlet t[i] = x[i]"), "E0114", "t"},
    {"an output before it is assigned", KERNEL("x: f64[n]", "y: f64[n], z: f64[n]", "y[i] = z[i]\nz[i] = x[i]"), "E0114", "z"},
    {"in its own definition", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = y[i] + x[i]"), "E0114", "y"},
    {"a bound index outside its reduction", KERNEL("x: f64[n,n]", "y: f64[n]", "y[i] = sum[j](x[i,j]) + x[i,j]"), "E0115", "j"},
    {"a bound index on the left", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = sum[i](x[i])"), "E0115", "i"},
    {"nothing shadows", KERNEL("x: f64[n]", "y: f64", "y = sum[i](x[i] * sum[i](x[i]))"), "E0116", "i"},
    {"left indices each once", KERNEL("x: f64[n]", "y: f64[n,n]", "y[i,i] = x[i]"), "E0117", "i"},
    {"inputs are not assigned", KERNEL("x: f64[n]", "y: f64[n]", "y = x\nx[i] = y[i]"), "E0118", "x"},
    {"a let shadows nothing", KERNEL("x: f64[n]", "y: f64[n]", "let x[i: n] = 2 * i\ny[i] = x[i]"), "E0101", "x"},
    /* extents and subscripts */
    {"all extents equal", KERNEL("W: f64[n,m], x: f64[n]", "y: f64[n]", "y[i] = W[i,k] * x[k]"), "E0203", "k"},
    {"the left side's too", KERNEL("x: f64[n]", "y: f64[m]", "y[i] = x[i]"), "E0203", "i"},
    {"run-time dims by expression", KERNEL("x: f64[N]", "y: f64[N+1]", "y[i] = x[i]"), "E0203", "i"},
    {"size 1 never broadcasts", KERNEL("x: f64[1], z: f64[n]", "y: f64[n]", "y[i] = z[i] + x[i]"), "E0203", "i"},
    {"affine uses never infer", KERNEL("x: f64[n]", "y: f64", "y = sum[r](x[r+0*r+1])"), "E0210", "r"},
    {"merged uses never infer", KERNEL("x: f64[12]", "y: f64", "y = sum[p, q: 4](x[(p,q)])"), "E0210", "p"},
    {"a name that is nothing", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = alpha * x[i]"), "E0210", "alpha"},
    {"as many subscripts as axes", KERNEL("x: f64[n,m]", "y: f64[n]", "y[i] = x[i]"), "E0211", "x[i]"},
    {"also on the left", KERNEL("x: f64[n]", "y: f64[n,m]", "y[i] = x[i]"), "E0211", "y[i]"},
    {"merged parts multiply to the axis", KERNEL("x: f64[11], a: f64[n,m]", "y: f64[n,m]", "y[p,q] = a[p,q] + x[(p,q)]"), "E0212",
     "(p,q)"},
    {"on the left as well", KERNEL("a: f64[n,m]", "y: f64[11]", "y[(p,q)] = a[p,q]"), "E0212", "y[(p,q)]"},
    {"out of range", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = x[i+1]"), "E0213", "i+1"},
    {"negative values do not wrap", KERNEL("x: f64[n]", "y: f64", "y = x[-1]"), "E0213", "-1"},
    {"what cannot be proved", KERNEL("x: f64[N]", "y: f64[N]", "y[i] = x[i+1]"), "E0214", "i+1"},
    {"a constant of a run-time axis", KERNEL("x: f64[N]", "y: f64", "y = x[0]"), "E0214", "0"},
    {"subscripts are affine", KERNEL("x: f64[n,n], z: f64[16]", "y: f64[n,n]", "y[i,j] = x[i,j] + z[i*j]"), "E0215", "i*j"},
    {"a slash is no div", KERNEL("x: f64[n], z: f64[n]", "y: f64[n]", "y[i] = x[i] + z[i/2]"), "E0215", "i/2"},
    {"a copy keeps the shape", KERNEL("x: f64[n]", "y: f64[m]", "y = x"), "E0216", "x"},
    {"whole tensors only copy", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = 2 * x"), "E0217", "x"},
    {"on the left too", KERNEL("x: f64[n]", "y: f64[n]", "y = x[i] * 2"), "E0217", "y"},
    {"tables are integers", DIMS "const t: f64[4] = [0, 1, 2, 3]\nkernel f(x: f64[n]) -> (y: f64[n]) { y[i] = x[t[i]] }", "E0218",
     "t"},
    {"entries are checked", DIMS "const t: i32[4] = [0, 1, 2, 4]\nkernel f(x: f64[n]) -> (y: f64[n]) { y[i] = x[t[i]] }", "E0213",
     "t[i]"},
    {"pad takes an access", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = pad(exp(x[i]), 0)"), "E0219", "exp(x[i])"},
    /* summation */
    {"c[i]*exp(x[j])", KERNEL("c: f64[n], x: f64[m]", "y: f64[n]", "y[i] = c[i]*exp(x[j])"), "E0301", "x[j]"},
    {"in a divisor", KERNEL("c: f64[n], x: f64[m]", "y: f64[n]", "y[i] = c[i]/x[j]"), "E0301", "x[j]"},
    {"in a comparison", KERNEL("c: f64[n], x: f64[m]", "y: bool[n]", "y[i] = c[i] < x[j]"), "E0301", "x[j]"},
    {"in a parenthesised sum", KERNEL("c: f64[n], x: f64[m]", "y: f64[n]", "y[i] = c[i]*(c[i] + x[j])"), "E0301", "x[j]"},
    {"in where", KERNEL("c: f64[n], x: f64[m]", "y: f64[n]", "y[i] = where(c[i] < 0, x[j], 0)"), "E0301", "x[j]"},
    {"at the top of a term a warning", KERNEL("b: f64[n], x: f64[n]", "y: f64[n]", "y[i] = b[i]*x[j]"), "W0301", "x[j]"},
    {"alone", KERNEL("A: f64[n,n]", "y: f64[n]", "y[i] = A[i,j]"), "W0301", "A[i,j]"},
    {"an output index that no term has", KERNEL("x: f64[n]", "y: f64[n,m]", "y[i,j] = x[i]"), "E0302", "j"},
    /* types */
    {"types do not mix", KERNEL("a: f64[n], b: f32[n]", "y: f64[n]", "y[i] = a[i] * b[i]"), "E0310", "*"},
    {"real with complex of the same width only", KERNEL("a: f32[n], b: c128[n]", "y: c128[n]", "y[i] = a[i] + b[i]"), "E0310", "+"},
    {"16-bit floats with others", KERNEL("a: f16[n], b: f32[n]", "y: f32[n]", "y[i] = a[i] * b[i]"), "E0310", "*"},
    {"or with each other", KERNEL("a: f16[n], b: bf16[n]", "y: f16[n]", "y[i] = a[i] + b[i]"), "E0310", "+"},
    {"or with complex ones", KERNEL("a: f16[n], b: c64[n]", "y: c64[n]", "y[i] = a[i] + b[i]"), "E0310", "+"},
    {"integers of different types", KERNEL("a: i32[n], b: i64[n]", "y: bool[n]", "y[i] = a[i] < b[i]"), "E0310", "<"},
    {"a slash of integers", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = x[i] * (i/2)"), "E0311", "/"},
    {"of dims too", KERNEL("x: f64[N]", "y: f64[N]", "y[i] = x[i] * (1/N)"), "E0311", "/"},
    {"through let", KERNEL("x: f64[n]", "y: f64[n]", "let k[i: n] = 2*i\ny[i] = x[i] * (k[i]/2)"), "E0311", "/"},
    {"gelu of complex", KERNEL("x: c64[n]", "y: c64[n]", "y[i] = gelu(x[i])"), "E0312", "gelu"},
    {"exp of integers", KERNEL("x: i32[n]", "y: i32[n]", "y[i] = exp(x[i])"), "E0312", "exp"},
    {"complex has no order", KERNEL("x: c64[n]", "y: bool[n]", "y[i] = x[i] < 0"), "E0312", "<"},
    {"max of complex", KERNEL("x: c64[n]", "y: c64", "y = max[i](x[i])"), "E0312", "max"},
    {"any takes bool", KERNEL("x: f64[n]", "y: bool", "y = any[i](x[i])"), "E0312", "any"},
    {"imaginary into a real target", KERNEL("x: f32[n]", "y: f32[n]", "y[i] = 2i * x[i]"), "E0313", "2i * x[i]"},
    {"a cast drops no imaginary part", KERNEL("x: c64[n]", "y: f32[n]", "y[i] = f32(x[i])"), "E0313", "f32(x[i])"},
    {"fractions and integers", KERNEL("x: i32[n]", "y: i32[n]", "y[i] = 0.5 * x[i]"), "E0314", "0.5"},
    {"integers of 2^63 and more are u64", KERNEL("x: i64[n]", "y: i64[n]", "y[i] = x[i] + 9223372036854775808"), "E0310", "+"},
    {"no size is", KERNEL("x: f64[n]", "y: f64", "y = sum[i: 9223372036854775808](i)"), "E0223", "9223372036854775808"},
    {"nor an element of i64", DIMS "const c: i64 = 9223372036854775808", "E0502", "9223372036854775808"},
    {"no negative of the least i64", DIMS "const c: i64 = -(-9223372036854775807 - 1)", "E0502", "-(-9223372036854775807 - 1)"},
    {"numbers that no double holds", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = 1e999 * x[i]"), "E0004", "1e999"},
    {"a weak complex tensor is not copied to a real one", KERNEL("x: f32[n]", "y: f32[n]", "let t[i: n] = 1i*i\ny = t"), "E0318",
     "t"},
    {"a literal out of range", KERNEL("x: i8[n]", "y: i8[n]", "y[i] = x[i] + 300"), "E0502", "300"},
    {"no arithmetic of bool and numbers", KERNEL("x: bool[n]", "y: bool[n]", "y[i] = x[i] + 1"), "E0316", "+"},
    {"bool is not subtracted", KERNEL("x: bool[n]", "y: bool[n]", "y[i] = x[i] - x[i]"), "E0316", "-"},
    {"and takes bool", KERNEL("x: f64[n]", "y: bool[n]", "y[i] = x[i] and x[i] > 0"), "E0316", "and"},
    {"or takes bool", KERNEL("x: f64[n]", "y: bool[n]", "y[i] = x[i] > 0 or 1"), "E0316", "or"},
    {"not takes bool", KERNEL("x: f64[n]", "y: bool[n]", "y[i] = not x[i]"), "E0316", "not"},
    {"where takes a bool", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = where(x[i], x[i], 0)"), "E0316", "x[i]"},
    {"one argument", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = exp(x[i], 2)"), "E0317", "exp(x[i], 2)"},
    {"the declared type", KERNEL("x: f32[n]", "y: f64[n]", "y[i] = x[i]"), "E0318", "x[i]"},
    /* kernels */
    {"no recursion", KERNEL("x: f64[n]", "y: f64[n]", "y = f(x)"), "E0606", "f(x)"},
    {"number of arguments", DIMS "kernel g(x: f64[n]) -> (y: f64[n]) { y = x }\nkernel f(x: f64[n]) -> (y: f64[n]) { y = g(x, x) }",
     "E0602", "g(x, x)"},
    {"shapes equal the declared ones",
     DIMS "kernel g(x: f64[n]) -> (y: f64[n]) { y = x }\nkernel f(x: f64[m]) -> (y: f64[n]) { y = g(x) }", "E0603", "x"},
    {"types too", DIMS "kernel g(x: f64[n]) -> (y: f64[n]) { y = x }\nkernel f(x: f32[n]) -> (y: f64[n]) { y = g(x) }", "E0603",
     "x"},
    {"several results are named",
     DIMS "kernel g(x: f64[n]) -> (y: f64[n], z: f64[n]) { y = x\nz = x }\n"
          "kernel f(x: f64[n]) -> (y: f64[n]) { y = g(x) }",
     "E0604", "g(x)"},
    {"unknown kernels", KERNEL("x: f64[n]", "y: f64[n]", "y = g(x)"), "E0605", "g"},
    {"in an access too", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = g(x)[i]"), "E0605", "g"},
    {"functions are none", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = exp(x)[i]"), "E0605", "exp"},
    {"operators come later", KERNEL("x: f64[n]", "y: c128[n]", "y[i] = dft(n)[i,j] * x[j]"), "E0009", "dft"},
    {"their product too", KERNEL("x: f64[n,n]", "y: f64[n,n]", "y = x @ x"), "E0009", "@"},
    {"a tensor is no kernel", KERNEL("x: f64[n]", "y: f64[n]", "y = x(1)"), "E0605", "x"},
    {"a function is applied to elements", KERNEL("x: f64[n]", "y: f64[n]", "y = exp(x)"), "E0217", "y"},
    {"unknown functions", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = expp(x[i])"), "E0605", "expp"},
    {"+= of what has not its index", KERNEL("x: f64[n]", "y: f64[n]", "y[i] += 1"), "E0302", "i"},
    {"let stored in a scan", KERNEL("x: f64[n]", "y: f64[n]", "scan t { let stored s[t] = x[t]\ny[t] = s[t]\n}"), "E0009",
     "stored"},
    {"a let in blocks", KERNEL("x: f64[n]", "y: f64[n]", "let t[2 + i: 2] = x[i]\ny = x"), "E0228", "2 + i: 2"},
    {"a block before the other", KERNEL("x: f64[n]", "y: f64[n]", "y[i: 2] = x[i + 0]\ny[2 + i: 2] = y[i + 0]"), "E0114", "y"},
    {"a whole output after a block", KERNEL("x: f64[n]", "y: f64[n]", "y[i: 2] = x[i + 0]\ny[i] = x[i]"), "E0112", "y[i]"},
    {"a block after a whole output", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = x[i]\ny[2 + i: 2] = x[i + 0]"), "E0112",
     "y[2 + i: 2]"},
    {"a negative block", KERNEL("x: f64[n]", "y: f64[n]", "y[i: 2 - n] = x[i + 0]"), "E0220", "2 - n"},
    {"one block of two", KERNEL("x: f64[n]", "y: f64[n]", "y[2 + i: 2] = x[i + 0]"), "E0230", "y"},
    {"a gap", KERNEL("x: f64[n]", "y: f64[n]", "y[3 + i: 1] = x[i + 0]\ny[i: 2] = x[i + 0]"), "E0230", "y"},
    {"an overlap", KERNEL("x: f64[n]", "y: f64[n]", "y[i: 2] = x[i + 0]\ny[1 + i: 3] = x[i + 0]"), "E0229", "y[1 + i: 3]"},
    {"past the end", KERNEL("x: f64[n]", "y: f64[n]", "y[i: 2] = x[i + 0]\ny[2 + i: 3] = x[i + 0]"), "E0231", "y[2 + i: 3]"},
    {"before the begin", KERNEL("x: f64[n]", "y: f64[n]", "y[0 - 1 + i: 2] = x[i + 0]\ny[1 + i: 3] = x[i + 0]"), "E0231",
     "y[0 - 1 + i: 2]"},
    {"a table of reals", KERNEL("x: f64[n], t: f64[n]", "y: f64[n]", "y[i] = x[t[i]]"), "E0218", "t"},
    {"a let that nobody reads", KERNEL("x: f64[n]", "y: f64[n]", "let t[i] = x[i]\ny = x"), "W0101", "t"},
};

static bool check_mistake(const struct mistake *mistake)
{
    struct compiled compiled = compile(mistake->text);
    const struct diagnostics *diagnostics = ir_diagnostics(compiled.context);
    const struct diag *diag = diagnostics->n_items ? diagnostics->items[0] : NULL;
    struct span span = diag ? diag->primary.span : SPAN_NONE;
    size_t length = strlen(mistake->place);
    bool as_expected = diag && diagnostics->n_items == 1 && strcmp(diag_code_name(diag->code), mistake->code) == 0 &&
                       span.end - span.begin == length && memcmp(mistake->text + span.begin, mistake->place, length) == 0 &&
                       (compiled.program != NULL) == (mistake->code[0] == 'W');
    if (!as_expected) {
        print_message("%s: expected one %s at `%s`, got\n", mistake->what, mistake->code, mistake->place);
        print_diagnostics(&compiled);
        print_message("%s\n", mistake->text);
    }
    ir_context_destroy(compiled.context);
    return as_expected;
}

static void test_mistakes(void **state)
{
    (void)state;
    size_t failures = 0;
    for (size_t k = 0; k < sizeof mistakes / sizeof *mistakes; k++)
        failures += !check_mistake(&mistakes[k]);
    assert_int_equal(failures, 0);
}

/* ---- values ---- */

enum { MOST_INPUTS = 6, MOST_OUTPUTS = 8, MOST_ELEMENTS = 4096 };

static double input_value(size_t input, size_t element)
{
    return (double)((element * 7 + input * 3) % 11) - 5;
}

struct evaluated {
    struct compiled compiled;
    double inputs[MOST_INPUTS][MOST_ELEMENTS];
    struct ir_tensor outputs[MOST_OUTPUTS];
};

static size_t element_count(const struct ir_node *node, int64_t *shape)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < node->rank; axis++) {
        assert_true(poly_is_constant(node->shape[axis], &shape[axis]));
        count *= (size_t)shape[axis];
    }
    return count;
}

static void store(struct ir_tensor *tensor, size_t element, double value)
{
    switch (tensor->elem) {
    case IR_f64:
        ((double *)tensor->data)[element] = value;
        break;
    case IR_f32:
        ((float *)tensor->data)[element] = (float)value;
        break;
    case IR_c128:
        ((double *)tensor->data)[2 * element] = value;
        ((double *)tensor->data)[2 * element + 1] = value + 1;
        break;
    case IR_i32:
        ((int32_t *)tensor->data)[element] = (int32_t)value;
        break;
    case IR_bool:
        ((unsigned char *)tensor->data)[element] = value > 0;
        break;
    default:
        fail_msg("no input of this type");
    }
}

/* The last kernel of the source on the made-up inputs. */
static struct evaluated *evaluate(const char *text)
{
    static struct evaluated evaluated;
    evaluated.compiled = compile(text);
    if (!evaluated.compiled.program) {
        print_diagnostics(&evaluated.compiled);
        fail_msg("does not compile: %s", text);
    }
    struct ir_context *context = evaluated.compiled.context;
    const struct ir_program *program = evaluated.compiled.program;
    const struct ir_kernel *kernel = program->kernels[program->n_kernels - 1];
    struct ir_tensor inputs[MOST_INPUTS];
    assert_true(ir_verify(context, kernel));
    assert_true(kernel->n_inputs <= MOST_INPUTS && kernel->n_outputs <= MOST_OUTPUTS);
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        const struct ir_node *node = kernel->inputs[k].node;
        int64_t *shape = ARENA_ARRAY(ir_arena(context), node->rank, int64_t);
        size_t count = element_count(node, shape);
        inputs[k] = (struct ir_tensor){node->elem, node->rank, shape, arena_alloc(ir_arena(context), count, 16)};
        for (size_t e = 0; e < count; e++) {
            evaluated.inputs[k][e] = input_value(k, e);
            store(&inputs[k], e, evaluated.inputs[k][e]);
        }
    }
    assert_int_equal(ir_eval(context, kernel, IR_EVAL_NUMBERS, NULL, inputs, evaluated.outputs, NULL), EINC_OK);
    return &evaluated;
}

static double loaded(const struct ir_tensor *tensor, size_t element)
{
    switch (tensor->elem) {
    case IR_f64:
        return ((const double *)tensor->data)[element];
    case IR_f32:
        return (double)((const float *)tensor->data)[element];
    case IR_i32:
        return ((const int32_t *)tensor->data)[element];
    case IR_bool:
        return ((const unsigned char *)tensor->data)[element];
    default:
        fail_msg("no output of this type");
        return 0;
    }
}

/* Element `element` of output `output` is `wanted`, exactly or within 1e-14 of it. */
static void expect(const struct evaluated *evaluated, size_t output, size_t element, double wanted)
{
    double got = loaded(&evaluated->outputs[output], element);
    if (got != wanted && !(fabs(got - wanted) <= 1e-14 * fabs(wanted)))
        fail_msg("output %zu, element %zu: %.17g instead of %.17g", output, element, got, wanted);
}

static void done(struct evaluated *evaluated)
{
    ir_context_destroy(evaluated->compiled.context);
}

/* y[i] = A[i,j]*x[j] + b[i] + C[i,j]*z[j] adds b once. */
static void test_terms_alone(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(A: f64[4,3], x: f64[3], b: f64[4], C: f64[4,3], z: f64[3]) -> (y: f64[4]) {\n"
                                     "y[i] = A[i,j]*x[j] + b[i] + C[i,j]*z[j]\n}\n");
    for (size_t i = 0; i < 4; i++) {
        double sum = run->inputs[2][i];
        for (size_t j = 0; j < 3; j++)
            sum += run->inputs[0][i * 3 + j] * run->inputs[1][j] + run->inputs[3][i * 3 + j] * run->inputs[4][j];
        expect(run, 0, i, sum);
    }
    done(run);
}

/* gelu(W[o,i]*x[i] + b[o]) sums inside; exp(s[i,j])*v[j] outside. */
static void test_functions(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(W: f64[4,3], x: f64[3], b: f64[4]) -> (y: f64[4], z: f64[4]) {\n"
                                     "y[o] = tanh(W[o,i]*x[i] + b[o])\n"
                                     "z[i] = exp(W[i,j])*x[j]\n}\n");
    for (size_t o = 0; o < 4; o++) {
        double inside = run->inputs[2][o], outside = 0;
        for (size_t i = 0; i < 3; i++) {
            inside += run->inputs[0][o * 3 + i] * run->inputs[1][i];
            outside += exp(run->inputs[0][o * 3 + i]) * run->inputs[1][i];
        }
        expect(run, 0, o, tanh(inside));
        expect(run, 1, o, outside);
    }
    done(run);
}

/* Softmax as language.md writes it. */
static void test_softmax(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(s: f64[3,4]) -> (w: f64[3,4]) {\n"
                                     "let m[i] = max[j](s[i,j])\n"
                                     "w[i,j] = exp(s[i,j] - m[i]) / sum[k](exp(s[i,k] - m[i]))\n}\n");
    for (size_t i = 0; i < 3; i++) {
        const double *row = &run->inputs[0][i * 4];
        double largest = row[0], sum = 0;
        for (size_t j = 1; j < 4; j++)
            largest = fmax(largest, row[j]);
        for (size_t j = 0; j < 4; j++)
            sum += exp(row[j] - largest);
        for (size_t j = 0; j < 4; j++)
            expect(run, 0, i * 4 + j, exp(row[j] - largest) / sum);
    }
    done(run);
}

/* Nested products are one, also through parentheses; a divisor is a factor, with and without the summed index. */
static void test_products(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("kernel f(A: f64[4,3], x: f64[3], n: f64[4], d: f64[3]) -> (y: f64[4], z: f64[4], w: f64[4]) {\n"
                 "y[i] = n[i]*(A[i,j]*(2*x[j]))\n"
                 "z[i] = -A[i,j]*x[j]/(n[i]*n[i] + 1)\n"
                 "w[i] = A[i,j]/(abs(d[j]) + 1)\n}\n");
    for (size_t i = 0; i < 4; i++) {
        double y = 0, w = 0, n = run->inputs[2][i];
        for (size_t j = 0; j < 3; j++) {
            y += run->inputs[0][i * 3 + j] * run->inputs[1][j];
            w += run->inputs[0][i * 3 + j] * (1 / (fabs(run->inputs[3][j]) + 1));
        }
        expect(run, 0, i, 2 * n * y);
        expect(run, 1, i, -y / (n * n + 1));
        expect(run, 2, i, w);
    }
    done(run);
}

/* Integer division truncates, so the whole product is divided before it is summed; div and mod floor. */
static void test_integers(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(A: i32[4,3], x: i32[3], d: i32[4]) -> (y: i32[4], z: i32[4], r: i32[4]) {\n"
                                     "y[i] = A[i,j]*x[j]/3 + 0*d[i]\nz[i] = d[i] div 3\nr[i] = d[i] mod 3\n}\n");
    for (size_t i = 0; i < 4; i++) {
        int sum = 0, d = (int)run->inputs[2][i];
        for (size_t j = 0; j < 3; j++)
            sum += (int)run->inputs[0][i * 3 + j] * (int)run->inputs[1][j] / 3;
        expect(run, 0, i, sum);
        expect(run, 1, i, floor(d / 3.0));
        expect(run, 2, i, d - 3 * floor(d / 3.0));
    }
    done(run);
}

/* Merged subscripts split an axis row-major, on both sides. */
static void test_merged(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(X: f64[2,3,4,5], x: f64[40]) -> (y: f64[30]) {\n"
                                     "y[(p,i,q)] = X[p,i,j,q] * x[(p,j,q)]\n}\n");
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < 3; i++)
            for (size_t q = 0; q < 5; q++) {
                double sum = 0;
                for (size_t j = 0; j < 4; j++)
                    sum += run->inputs[0][((p * 3 + i) * 4 + j) * 5 + q] * run->inputs[1][(p * 4 + j) * 5 + q];
                expect(run, 0, (p * 3 + i) * 5 + q, sum);
            }
    done(run);
}

/* Strided convolution with padding, as language.md writes it, and a pad whose value is no constant. */
static void test_affine(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(x: f64[7], g: f64[3], t: f64[4]) -> (y: f64[4], z: f64[4], s: f64[3]) {\n"
                                     "y[h] = pad(x[2*h+r-1], 0) * g[r]\n"
                                     "z[h] = pad(x[h+4], t[h])\n"
                                     "s[i] = sum[r: 3](x[2*i+r])\n}\n");
    const double *x = run->inputs[0], *g = run->inputs[1];
    for (int h = 0; h < 4; h++) {
        double sum = 0;
        for (int r = 0; r < 3; r++)
            sum += (2 * h + r - 1 >= 0 && 2 * h + r - 1 < 7 ? x[2 * h + r - 1] : 0) * g[r];
        expect(run, 0, (size_t)h, sum);
        expect(run, 1, (size_t)h, h < 3 ? x[h + 4] : run->inputs[2][h]);
    }
    for (size_t i = 0; i < 3; i++)
        expect(run, 2, i, x[2 * i] + x[2 * i + 1] + x[2 * i + 2]);
    done(run);
}

/* Constant tables, constants and div, mod in subscripts. */
static void test_tables(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("const t: i32[4] = [2, 0, 3, 1]\nconst shift: i64 = 1\n"
                                     "kernel f(x: f64[4], z: f64[2,4]) -> (y: f64[4], d: f64[8], c: f64) {\n"
                                     "y[i] = x[t[i]]\nd[k] = z[k mod 2, k div 2]\nc = x[shift] * x[3]\n}\n");
    static const size_t table[4] = {2, 0, 3, 1};
    for (size_t i = 0; i < 4; i++)
        expect(run, 0, i, run->inputs[0][table[i]]);
    for (size_t k = 0; k < 8; k++)
        expect(run, 1, k, run->inputs[1][k % 2 * 4 + k / 2]);
    expect(run, 2, 0, run->inputs[0][1] * run->inputs[0][3]);
    done(run);
}

/* Reductions, and the contraction in (min, +). */
static void test_reductions(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("kernel f(a: f64[3,4], b: f64[4,3]) -> (y: f64[3,3], p: f64[3], q: bool[3], r: bool, e: f64) {\n"
                 "y[i,j] = min[k](a[i,k] + b[k,j])\n"
                 "p[i] = prod[k](a[i,k])\n"
                 "q[i] = any[k](a[i,k] > 3)\n"
                 "r = all[i,k](a[i,k] > -6 and b[k,i] < 6)\n"
                 "e = max[i,k](abs(a[i,k]))\n}\n");
    const double *a = run->inputs[0], *b = run->inputs[1];
    double largest = 0;
    for (size_t i = 0; i < 3; i++) {
        double product = 1;
        bool found = false;
        for (size_t k = 0; k < 4; k++) {
            product *= a[i * 4 + k];
            found = found || a[i * 4 + k] > 3;
            largest = fmax(largest, fabs(a[i * 4 + k]));
        }
        expect(run, 1, i, product);
        expect(run, 2, i, found);
        for (size_t j = 0; j < 3; j++) {
            double least = INFINITY;
            for (size_t k = 0; k < 4; k++)
                least = fmin(least, a[i * 4 + k] + b[k * 3 + j]);
            expect(run, 0, i * 3 + j, least);
        }
    }
    expect(run, 3, 0, 1);
    done(run);
}

/* Indices and dims as values, weak expressions through let, literals in the type they meet. */
static void test_weak(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("dim n = 4\nkernel f(x: f32[n], k: i32[n]) -> (y: f32[n], z: i32[n], w: f64[n], v: f32[n]) {\n"
                                     "let c[i: n] = cos(pi * i / n) / 3\n"
                                     "y[i] = 0.1 * x[i]\n"
                                     "z[i] = (2*i + n) mod 3 * k[i]\n"
                                     "w[i] = c[i]\n"
                                     "v[i] = c[i] * x[i]\n}\n");
    for (size_t i = 0; i < 4; i++) {
        float x = (float)run->inputs[0][i];
        double c = cos(acos(-1.0) * (double)i / 4) / 3;
        expect(run, 0, i, (double)(0.1f * x));
        expect(run, 1, i, (double)((2 * i + 4) % 3) * run->inputs[1][i]);
        expect(run, 2, i, c);
        expect(run, 3, i, (double)((float)c * x));
    }
    done(run);
}

/* Whole weak tensors take the type of their target or parameter, and a real scalar is a complex argument. */
static void test_weak_whole(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("dim n = 4\nkernel g(x: f32[n]) -> (y: f32[n]) { y[i] = 2 * x[i] }\n"
                                     "kernel h(a: c128) -> (y: f64) { y = real(a * a) }\n"
                                     "kernel f(s: f64) -> (y: f32[n], z: i32[n], w: f32[n], v: f64) {\n"
                                     "let c[i: n] = i / 3.0\nlet k[i: n] = i * i\n"
                                     "y = c\nz = k\nw = g(c)\nv = h(s)\n}\n");
    for (size_t i = 0; i < 4; i++) {
        expect(run, 0, i, (double)(float)((double)i / 3));
        expect(run, 1, i, (double)(i * i));
        expect(run, 2, i, (double)(2 * (float)((double)i / 3)));
    }
    expect(run, 3, 0, run->inputs[0][0] * run->inputs[0][0]);
    done(run);
}

/* Literals up to 2^64 - 1, and the least integer of 64 bits. */
static void test_wide_integers(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("const most: u64[2] = [18446744073709551615, 9223372036854775808]\n"
                                     "const least: i64 = -9223372036854775808\n"
                                     "kernel f(x: f64) -> (y: f64, z: f64, w: bool, v: bool) {\n"
                                     "y = f64(most[0] / 18446744073709551615)\nz = f64(least)\n"
                                     "w = most[1] == 9223372036854775808\nv = least == -9223372036854775808\n}\n");
    expect(run, 0, 0, 1);
    expect(run, 1, 0, -0x1p63);
    expect(run, 2, 0, 1);
    expect(run, 3, 0, 1);
    done(run);
}

/* exp(-2i*pi*k*l/n) is complex throughout: the discrete Fourier transform of a real sequence. */
static void test_complex(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("dim n = 5\nkernel f(x: f64[n], c: c128[n]) -> (re: f64[n], im: f64[n], h: f64[n]) {\n"
                                     "let X[k: n] = x[l] * exp(-2i*pi*k*l/n)\n"
                                     "re[k] = real(X[k])\nim[k] = imag(X[k])\nh[k] = real(conj(c[k]) * 1i)\n}\n");
    for (size_t k = 0; k < 5; k++) {
        double re = 0, im = 0;
        for (size_t l = 0; l < 5; l++) {
            re += run->inputs[0][l] * cos(2 * acos(-1.0) * (double)(k * l) / 5);
            im -= run->inputs[0][l] * sin(2 * acos(-1.0) * (double)(k * l) / 5);
        }
        /* cancellation: an absolute bound of 5 terms of magnitude 5, some ulp each */
        assert_true(fabs(loaded(&run->outputs[0], k) - re) < 1e-13);
        assert_true(fabs(loaded(&run->outputs[1], k) - im) < 1e-13);
        expect(run, 2, k, run->inputs[1][k] + 1);
    }
    done(run);
}

/* bool: sum is or, product is and. */
static void test_bool(void **state)
{
    (void)state;
    struct evaluated *run = evaluate("kernel f(a: bool[3,4], b: bool[4]) -> (y: bool[3], z: bool[4]) {\n"
                                     "y[i] = a[i,j]*b[j]\nz[j] = b[j] + (not b[j])\n}\n");
    for (size_t i = 0; i < 3; i++) {
        bool any = false;
        for (size_t j = 0; j < 4; j++)
            any = any || (run->inputs[0][i * 4 + j] > 0 && run->inputs[1][j] > 0);
        expect(run, 0, i, any);
    }
    expect(run, 1, 0, 1);
    done(run);
}

/* Calls are inlined: one result, several, an access, literals as arguments; einsum as an access. */
static void test_calls(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("dim n = 3\nkernel scale(x: f64[n], a: f64) -> (y: f64[n]) { y[i] = a * x[i] }\n"
                 "kernel both(x: f64[n]) -> (s: f64, t: f64[n]) { s = sum[i](x[i])\nt = scale(x, -1) }\n"
                 "kernel f(x: f64[n], z: f64[n]) -> (y: f64[n], s: f64, w: f64[n], v: f64[n]) {\n"
                 "let (total, t) = both(x)\ns = total\n"
                 "y[i] = t[i] + scale(z, 2)[i]\nw = scale(x, 0.5)\nv[i] = einsum(\"a,a->a\", x, z)[i] + x[i]\n}\n");
    const double *x = run->inputs[0], *z = run->inputs[1];
    expect(run, 1, 0, x[0] + x[1] + x[2]);
    for (size_t i = 0; i < 3; i++) {
        expect(run, 0, i, -x[i] + 2 * z[i]);
        expect(run, 2, i, 0.5 * x[i]);
        expect(run, 3, i, x[i] * z[i] + x[i]);
    }
    done(run);
}

/* Blocks in any order, of all kinds of values, also in an inlined kernel. */
static void test_blocks(void **state)
{
    (void)state;
    struct evaluated *run =
        evaluate("dim n = 3\nkernel join(x: f64[n], z: f64[n]) -> (y: f64[2*n+1]) {\n"
                 "y[n + 1 + i: n] = z[i]\ny[n + i: 1] = x[i + 1] * z[2 - i]\ny[i: n] = exp(x[i])\n}\n"
                 "kernel f(x: f64[n], z: f64[n]) -> (y: f64[2*n+1], s: f64, w: f64[2,n]) {\n"
                 "y = join(x, z)\nlet t = join(z, x)\ns = sum[i](t[i])\n"
                 "w[i: 1, j] = x[i + j]\nw[1 + i: 1, j: 2] = z[i + j]\nw[1 + i: 1, 2 + j: 1] = z[i + j + 2]\n}\n");
    const double *x = run->inputs[0], *z = run->inputs[1];
    double sum = z[1] * x[2];
    for (size_t i = 0; i < 3; i++) {
        expect(run, 0, i, exp(x[i]));
        expect(run, 0, 4 + i, z[i]);
        expect(run, 2, i, x[i]);
        expect(run, 2, 3 + i, z[i]);
        sum += exp(z[i]) + x[i];
    }
    expect(run, 0, 3, x[1] * z[2]);
    expect(run, 1, 0, sum);
    done(run);
}

/* As many blocks as a concatenation may have, and one more. */
static void test_block_limit(void **state)
{
    (void)state;
    static char text[1 << 14];
    for (int blocks = IR_CONCAT_OPERANDS; blocks <= IR_CONCAT_OPERANDS + 1; blocks++) {
        size_t at = (size_t)snprintf(text, sizeof text, "kernel f(x: f64[%d]) -> (y: f64[%d]) {\n", blocks, blocks);
        for (int k = 0; k < blocks; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "y[%d + i: 1] = x[i + %d]\n", k, k);
        snprintf(text + at, sizeof text - at, "}\n");
        struct compiled compiled = compile(text);
        assert_int_equal(compiled.program != NULL, blocks == IR_CONCAT_OPERANDS);
        if (!compiled.program)
            assert_int_equal(ir_diagnostics(compiled.context)->items[0]->code, DIAG_E0915);
        ir_context_destroy(compiled.context);
    }
}

/* One product is one contraction of all its factors, however it is nested; nothing else is left of a bare statement. */
static void test_one_contraction(void **state)
{
    (void)state;
    struct compiled compiled = compile("dim E\nkernel f(B: f64[10,8], u: f64[E,8,8,8]) -> (v: f64[E,10,10,10]) {\n"
                                       "v[e,a,b,c] = B[a,i] * (B[b,j] * B[c,k]) * u[e,i,j,k]\n}\n"
                                       "kernel g(B: f64[10,8], u: f64[E,8,8,8]) -> (v: f64[E,10,10,10]) {\n"
                                       "v = einsum(\"ai,bj,ck,eijk->eabc\", B, B, B, u)\n}\n");
    assert_non_null(compiled.program);
    const struct ir_node *statement = compiled.program->kernels[0]->outputs[0].node;
    const struct ir_node *string = compiled.program->kernels[1]->outputs[0].node;
    assert_int_equal(statement->op, IR_contract_node);
    assert_int_equal(statement->n_operands, 4);
    assert_int_equal(statement->n_indices, 7);
    assert_ptr_equal(statement, string);
    const struct ir_name *name = ir_find_name(compiled.program->kernels[0], statement);
    assert_non_null(name);
    assert_string_equal(name->name, "v");
    assert_string_equal(name->index_names[4], "i");
    ir_context_destroy(compiled.context);
}

/* Weak factors with indices of their own are operands of their own, which ordering can separate; other weak products are one table.
 */
static void test_weak_operands(void **state)
{
    (void)state;
    struct compiled compiled = compile("dim n = 8\nkernel f(x: f32[n,n]) -> (y: f32[n,n], z: f32[n], e: f32[n,n]) {\n"
                                       "let D[k: n, m: n] = cos(pi*(2*m+1)*k/(2*n))\n"
                                       "y[k,l] = D[k,m] * D[l,p] * x[m,p]\n"
                                       "z[k] = 2 * D[k,m] * exp(m/3.0) * x[m,k]\n"
                                       "e[k,l] = cos(pi*m*k/n) * cos(pi*p*l/n) / 4 * x[m,p]\n}\n"
                                       "kernel g(x: f32[n,n]) -> (y: f32[n,n]) exact {\n"
                                       "let D[k: n, m: n] = cos(pi*(2*m+1)*k/(2*n))\n"
                                       "y[k,l] = D[k,m] * D[l,p] * x[m,p]\n}\n");
    assert_non_null(compiled.program);
    const struct ir_output *outputs = compiled.program->kernels[0]->outputs;
    assert_int_equal(outputs[0].node->op, IR_contract_node);
    assert_int_equal(outputs[0].node->n_operands, 3);
    assert_ptr_equal(outputs[0].node->operands[0].node, outputs[0].node->operands[1].node);
    assert_int_equal(outputs[1].node->n_operands, 2);
    assert_int_equal(outputs[2].node->op, IR_map_node); /* the division by 4 */
    assert_int_equal(outputs[2].node->operands[0].node->n_operands, 3);
    assert_int_equal(compiled.program->kernels[1]->outputs[0].node->n_operands, 2);
    ir_context_destroy(compiled.context);
}

/* A product of nothing summed is a map, a renaming a view, a copy the tensor itself. */
static void test_node_kinds(void **state)
{
    (void)state;
    struct compiled compiled =
        compile("kernel f(a: f64[3,4], b: f64[3,4]) -> (y: f64[3,4], t: f64[4,3], c: f64[3,4], s: f64[12]) {\n"
                "y[i,j] = a[i,j] * b[i,j]\nt[j,i] = a[i,j]\nc = a\ns[(i,j)] = a[i,j]\n}\n");
    assert_non_null(compiled.program);
    const struct ir_output *outputs = compiled.program->kernels[0]->outputs;
    assert_int_equal(outputs[0].node->op, IR_map_node);
    assert_int_equal(outputs[1].node->op, IR_view_node);
    assert_int_equal(outputs[2].node->op, IR_input_node);
    assert_int_equal(outputs[3].node->op, IR_view_node);
    ir_context_destroy(compiled.context);
}

/* A product, and an einsum string, with one factor more than the limit. */
static void test_factors(void **state)
{
    (void)state;
    static char product[1 << 16], string[1 << 16];
    size_t at = (size_t)snprintf(product, sizeof product, "kernel f(x: f64[3]) -> (y: f64) {\ny = x[i]");
    size_t labels = (size_t)snprintf(string, sizeof string, "kernel f(x: f64[3]) -> (y: f64[3]) {\ny = einsum(\"i");
    for (int k = 0; k < FRONTEND_OPERANDS; k++) {
        at += (size_t)snprintf(product + at, sizeof product - at, "*x[i]");
        labels += (size_t)snprintf(string + labels, sizeof string - labels, ",i");
    }
    snprintf(product + at, sizeof product - at, "\n}\n");
    labels += (size_t)snprintf(string + labels, sizeof string - labels, "->i\"");
    for (int k = 0; k <= FRONTEND_OPERANDS; k++)
        labels += (size_t)snprintf(string + labels, sizeof string - labels, ",x");
    snprintf(string + labels, sizeof string - labels, ")\n}\n");
    const char *texts[] = {product, string};
    for (int k = 0; k < 2; k++) {
        struct compiled compiled = compile(texts[k]);
        assert_null(compiled.program);
        assert_int_equal(ir_diagnostics(compiled.context)->n_items, 1);
        assert_int_equal(ir_diagnostics(compiled.context)->items[0]->code, DIAG_E0913);
        ir_context_destroy(compiled.context);
    }
}

/* A chain x[a,b] x[b,c] ... by an einsum string whose labels are code points from U+0100 on: 512 of them, and one more. */
static void test_labels(void **state)
{
    (void)state;
    static char text[1 << 14];
    for (int labels = FRONTEND_LABELS; labels <= FRONTEND_LABELS + 1; labels++) {
        size_t at = (size_t)snprintf(text, sizeof text, "kernel f(x: f64[2,2]) -> (y: f64[2,2]) {\ny = einsum(\"");
        for (int k = 0; k + 1 < labels; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%c%c%c%c", k ? "," : "", 0xc4 + k / 64, 0x80 + k % 64,
                                   0xc4 + (k + 1) / 64, 0x80 + (k + 1) % 64);
        at += (size_t)snprintf(text + at, sizeof text - at, "\"");
        for (int k = 0; k + 1 < labels; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, ",x");
        snprintf(text + at, sizeof text - at, ")\n}\n");
        struct compiled compiled = compile(text);
        assert_int_equal(compiled.program != NULL, labels == FRONTEND_LABELS);
        if (!compiled.program)
            assert_int_equal(ir_diagnostics(compiled.context)->items[0]->code, DIAG_E0911);
        ir_context_destroy(compiled.context);
    }
}

/* Every request for memory refused once: no crash, nothing said or kept. The source is long enough for some dozens of requests. */
static void test_no_memory(void **state)
{
    (void)state;
    static const char head[] = "dim n = 4\nconst t: i32[4] = [2, 0, 3, 1]\n"
                               "kernel b(A: f64[n,n] symmetric strides(8,1), x: f16[n]) -> (y: f64[2*n]) {\n"
                               "let stored s[i] = A[i,j] * f64(x[j])\ny[i: n] = s[i]\ny[n + i: n] = f64(x[i])\n}\n"
                               "kernel g(x: f64[n], a: f64) -> (y: f64[n]) { y[i] = a * x[t[i]] }\n"
                               "kernel f(A: f64[n,n], x: f64[n]) -> (y: f64[n]) {\n";
    static char text[1 << 16];
    size_t length = (size_t)snprintf(text, sizeof text, "%slet v0 = x\n", head);
    for (int k = 1; k < 150; k++)
        length += (size_t)snprintf(text + length, sizeof text - length,
                                   "let v%d[i] = A[i,j]*v%d[j] + exp(pad(x[i-1], %d)) / sum[k](A[i,k] + g(v%d, %d)[k])\n", k, k - 1,
                                   k, k - 1, k);
    snprintf(text + length, sizeof text - length, "y = einsum(\"ij,j->i\", A, v149)\n}\n");
    struct source source = {"test.ein", text, strlen(text)};
    bool finished = false;
    for (long allowed = 0; !finished; allowed++) {
        struct failing_allocator failing;
        failing_allocator_init(&failing, allowed);
        struct ir_context *context = ir_context_create(&failing.allocator);
        if (context) {
            finished = frontend_read(context, &source, NULL) != NULL;
            enum einc_status status = ir_status(context);
            assert_true(finished ? status == EINC_OK : status == EINC_NO_MEMORY);
            assert_int_equal(ir_diagnostics(context)->n_items, 0);
        }
        ir_context_destroy(context);
        assert_int_equal(failing.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),   cmocka_unit_test(test_terms_alone),   cmocka_unit_test(test_functions),
        cmocka_unit_test(test_softmax),    cmocka_unit_test(test_products),      cmocka_unit_test(test_integers),
        cmocka_unit_test(test_merged),     cmocka_unit_test(test_affine),        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_reductions), cmocka_unit_test(test_weak),          cmocka_unit_test(test_complex),
        cmocka_unit_test(test_bool),       cmocka_unit_test(test_calls),         cmocka_unit_test(test_one_contraction),
        cmocka_unit_test(test_weak_whole), cmocka_unit_test(test_wide_integers), cmocka_unit_test(test_weak_operands),
        cmocka_unit_test(test_node_kinds), cmocka_unit_test(test_factors),       cmocka_unit_test(test_labels),
        cmocka_unit_test(test_no_memory),  cmocka_unit_test(test_blocks),        cmocka_unit_test(test_block_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
