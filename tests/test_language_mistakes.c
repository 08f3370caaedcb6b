/* Mistakes in index notation: for every "is an error" of docs/language.md a source that makes it, with the code and the words that
 * are pointed at. Each row is exactly one diagnostic: nothing is reported twice, and what follows from a mistake is not reported.
 */
#include "compiled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

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
    {"an argument has no index",
     DIMS "kernel g(a: f64) -> (b: f64) { b = a }\nkernel f(x: f64[n]) -> (y: f64[n]) { y[i] = g(x[i] + 1) }", "E0603", "x[i] + 1"},
    {"several results are those of a kernel", KERNEL("x: f64[n]", "y: f64[n]", "let (a, b) = x + x\ny[i] = x[i]"), "E0605",
     "x + x"},
    {"a misspelt kernel",
     DIMS "kernel grad(x: f64[n]) -> (y: f64[n]) { y = x }\nkernel f(x: f64[n]) -> (y: f64[n]) { y = grat(x) }", "E0605", "grat"},
    {"unknown kernels", KERNEL("x: f64[n]", "y: f64[n]", "y = g(x)"), "E0605", "g"},
    {"in an access too", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = g(x)[i]"), "E0605", "g"},
    {"functions are none", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = exp(x)[i]"), "E0605", "exp"},
    {"transforms have a static length", KERNEL("x: f64[N]", "y: c128[N]", "y[i] = dft(N)[i,j] * x[j]"), "E0252", "N"},
    {"operators have subscripts", KERNEL("x: f64[n,n]", "y: f64[n,n]", "y = x @ x"), "E0217", "y"},
    {"a tensor is no kernel", KERNEL("x: f64[n]", "y: f64[n]", "y = x(1)"), "E0605", "x"},
    {"a function is applied to elements", KERNEL("x: f64[n]", "y: f64[n]", "y = exp(x)"), "E0217", "y"},
    {"unknown functions", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = expp(x[i])"), "E0605", "expp"},
    {"+= of what has not its index", KERNEL("x: f64[n]", "y: f64[n]", "y[i] += 1"), "E0302", "i"},
    {"operator in a scan", KERNEL("x: f64[n]", "y: f64[n]", "scan t { operator K = identity(4)\ny[t] = x[t]\n}"), "E0009",
     "operator"},
    {"a scan without an extent", KERNEL("x: f64", "y: f64", "scan t { h[t] = h[t-1] } from h[-1] = x\ny = x"), "E0210", "t"},
    {"an initial value of too few axes", KERNEL("x: f64[n]", "y: f64[n,n]", "scan t { y[i,t] = y[i,t-1] + x[i] } from y[-1] = 0"),
     "E0122", "y"},
    {"an initial value of one element", KERNEL("x: f64[n]", "y: f64[n,n]", "scan t { y[t,i] = y[t-1,i] + x[i] } from y[-1,2] = 0"),
     "E0122", "2"},
    {"a table has as many subscripts as axes", KERNEL("x: f64[n], t: i32[n,n]", "y: f64[n]", "y[i] = x[t[i]]"), "E0211", "t[i]"},
    {"a table leaves its own axis", KERNEL("x: f64[n], t: i32[n]", "y: f64[n]", "y[i] = x[t[i + 1]]"), "E0213", "i + 1"},
    {"no function in a subscript", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = x[abs(i)]"), "E0215", "abs(i)"},
    {"no division in a subscript", KERNEL("x: f64[n]", "y: f64[n]", "y[i] = x[i / 2]"), "E0215", "i / 2"},
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
    struct compiled compiled = compiled_read(mistake->text);
    const struct diagnostics *diagnostics = ir_diagnostics(compiled.context);
    const struct diag *diag = diagnostics->n_items ? diagnostics->items[0] : NULL;
    struct span span = diag ? diag->primary.span : SPAN_NONE;
    size_t length = strlen(mistake->place);
    bool as_expected = diag && diagnostics->n_items == 1 && strcmp(diag_code_name(diag->code), mistake->code) == 0 &&
                       span.end - span.begin == length && memcmp(mistake->text + span.begin, mistake->place, length) == 0 &&
                       (compiled.program != NULL) == (mistake->code[0] == 'W');
    if (!as_expected) {
        print_message("%s: expected one %s at `%s`, got\n", mistake->what, mistake->code, mistake->place);
        compiled_print_diagnostics(&compiled);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
