/* The parser and the declarations of a file, by tables: programs that are read without a word, and programs with one mistake, for
 * which code, line and column of the first diagnostic and the number of diagnostics are stated. A file that only the parser sees is
 * never resolved, so names in the first tables are unknown on purpose. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "compiled.h"
#include "frontend/ast.h"
#include "frontend/frontend.h"

/* ---- what the grammar takes ---- */

static const char *const accepted[] = {
    "",
    "# nothing but a comment",
    ("\xEF\xBB\xBF"
     "dim E # after a byte order mark, in \xC3\xA9t\xC3\xA9"),
    "dim E, p = 8, q = p + 2\r\ndim R\r\n",
    "dim H ~ 224, <= 1024, % 8 == 0, W <= 7, C % 3 == 0",
    "dim H2 = (H - R) / 2 + 1",
    "const W: f32[64, 128] = file(\"w.npy\") within 1e-6 spectral",
    "const h: f64[3] = [1, -2, 1] exact",
    "const m: c128[2, 2] = [\n    [1, 2i],\n    [pi/4, -0.5e-3i],\n]",
    "const n: i32[0] = []",
    "const t: bool[2] = [true, false]",
    "const big: f64[2] = [inf, -nan]",
    "const z: mod(17)[4] = [1, 2, 3, 4]",
    "operator K(A, B) = kron(A, B)",
    "operator D = transpose(dft(8)) @ diag(d) + 2 * identity(8)",
    "kernel f() -> (y: f64) { y = 1 }",
    "kernel f(x: f64[E, p], a: f64,) -> (y: f64[E, q], n: f64,) { }",
    "kernel f(x: f64[E, p])\n    -> (y: f64[E])\n    exact\n{\n}\n",
    "kernel f(x: f64[n, n] strides(ld, 1) symmetric, A: f64[n, n] spd) -> (y: f64[n]) normwise { }",
    "kernel f(\n  x: f64[n] centrosymmetric,\n  z: f64[n] skew_centrosymmetric\n) -> (y: f64) reassoc { }",
};

/* Each stands in the body of a kernel. */
static const char *const accepted_statements[] = {
    "v[e,a,b,c] = B[a,i] * B[b,j] * B[c,k] * u[e,i,j,k]",
    "let m[i] = max[j](s[i,j])",
    "let stored w[i,j] = exp(s[i,j] - m[i]) / sum[k](exp(s[i,k] - m[i]))",
    "y[n,o,h,w] = pad(x[n,c,2*h+r-1,w+s-1], 0) * f[o,c,r,s]",
    "y[(p,i,q)] = X[p,i,j,q] * x[(p,j,q)]",
    "y[i] = x[(i div 2, (i mod 2, 0))]",
    "y[i: m, j] = a[i,j]\ny[m + i: n-m, j] = b[i,j]",
    "let y[i: N-R+1] = sum[r: 3, s](x[i+r] * w[s])",
    "let (gx, gy) = g(D, u)",
    "(y, z) = g(D, u)",
    "y[e,a] = f(B, u)[e,a] + x[t[e], 0]",
    "v = einsum(\"ai,bj->ab\", B, B)",
    "v[a] = einsum(\"ai->a\", B, ring=minplus)[a] + 2i",
    "v = einsum(\"\xC3\xA0i->i\", B)",
    "y[i] += x[i]",
    "y[i] = (x[i] +\n    z[i])\n",
    "y[i] = where(not a[i] < b[i] and c[i] == d[i] or e[i] != f[i], min(a[i], 1), max(b[i], 2))",
    "y[i] = prod[j](x[i,j]) + all[j](b[j]) + any[j](b[j]) + min[k](a[i,k] + b[k])",
    "y[i] = -x[i] * - z[i] - -1",
    "y[i,k] = (K @ inv(L))[i,j] * x[j,k]",
    "y = f64(x) / bool(n) + c64(pi)",
    "operator K = kron(A, B)\ny[i] = K[i,j] * x[j]",
    "scan t {\n h[t,n] = a[t] * h[t-1,n]\n y[t] = h[t,n]\n} from h[-1,n] = h0[n], g[-1] = 0",
    "scan t: T { h[t] = h[t-1] }\nfrom h[-1] = 0\ny = h[T-1]",
    "y = 1e3 + .5 + 5. + 1.5e-7",
};

struct parsed {
    struct ir_context *context;
    struct ast_file *file;
    struct source source;
};

static struct parsed parse(const char *text)
{
    struct parsed parsed = {.context = ir_context_create(NULL)};
    struct source *source = ARENA_NEW(ir_arena(parsed.context), struct source);
    *source = (struct source){"test.ein", text, strlen(text)};
    parsed.file = parse_file(parsed.context, diag_add_source(ir_diagnostics(parsed.context), source));
    return parsed;
}

static const char *printed(struct ir_context *context)
{
    struct text text = text_create(ir_arena(context));
    diag_print(&text, ir_diagnostics(context), false);
    return text_finish(&text);
}

static void expect_accepted(const char *text)
{
    struct parsed parsed = parse(text);
    if (!parsed.file || ir_diagnostics(parsed.context)->n_errors)
        fail_msg("not accepted:\n%s\n%s", text, printed(parsed.context));
    ir_context_destroy(parsed.context);
}

static void test_accepted(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof accepted / sizeof *accepted; k++)
        expect_accepted(accepted[k]);
    for (size_t k = 0; k < sizeof accepted_statements / sizeof *accepted_statements; k++) {
        char text[512];
        snprintf(text, sizeof text, "kernel f() -> (y: f64) {\n    %s\n}\n", accepted_statements[k]);
        expect_accepted(text);
        snprintf(text, sizeof text, "kernel f() -> (y: f64) { %s }", accepted_statements[k]);
        expect_accepted(text);
    }
}

/* ---- what it refuses ---- */

struct mistake {
    const char *text;
    enum diag_code code;
    unsigned line, column, count;
};

static const struct mistake refused[] = {
    /* characters, strings, numbers */
    {"dim \xC3\xA9", DIAG_E0001, 1, 5, 1},
    {"dim E = 4 ? 2", DIAG_E0001, 1, 11, 1},
    {"dim E // the extent", DIAG_E0001, 1, 7, 1},
    {"dim E;", DIAG_E0001, 1, 6, 1},
    {"kernel f() -> (y: f64) { y = a ^ 2 }", DIAG_E0001, 1, 32, 1},
    {"kernel f() -> (y: f64) { y = a ** 2 }", DIAG_E0001, 1, 32, 1},
    {"kernel f() -> (y: f64) { y = a && b }", DIAG_E0001, 1, 32, 1},
    {"kernel f() -> (y: f64) { y = a || !b }", DIAG_E0001, 1, 32, 2},
    {"kernel f() -> (y: f64) { y -= a }", DIAG_E0001, 1, 28, 1},
    {"const a: f64 = file(\"w.npy)", DIAG_E0003, 1, 21, 1},
    {"dim n = 2x", DIAG_E0004, 1, 9, 1},
    {"dim n = 0x10", DIAG_E0004, 1, 9, 1},
    {"dim n = 1.2.3", DIAG_E0004, 1, 9, 1},
    {"dim n = 18446744073709551616", DIAG_E0004, 1, 9, 1},
    /* brackets */
    {"dim n = (3 + 4\ndim m = 4", DIAG_E0005, 1, 9, 1},
    {"dim n = 3 + 4)\ndim m = 4", DIAG_E0005, 1, 14, 1},
    {"kernel f() -> (y: f64) {\n y = f(a[i)\n}", DIAG_E0005, 2, 11, 1},
    {"kernel f() -> (y: f64) {\n y[i = x[i]\n}", DIAG_E0005, 2, 3, 1},
    {"kernel f() -> (y: f64) {\n y = (a +\n    b\n let c = 3\n}", DIAG_E0005, 2, 6, 1},
    {"kernel f() -> (y: f64) {\n y = 1\nkernel g() -> (y: f64) {\n y = 1\n}", DIAG_E0005, 1, 24, 1},
    {"kernel f() -> (y: f64) {\n y = 1\n", DIAG_E0005, 1, 24, 1},
    {"kernel f() -> (y: f64) { }\n}", DIAG_E0005, 2, 1, 1},
    {"kernel f(x: f64[3) -> (y: f64) {\n y = 1\n}", DIAG_E0005, 1, 18, 1},
    /* file level */
    {"y = 3", DIAG_E0002, 1, 1, 1},
    {"dim", DIAG_E0002, 1, 4, 1},
    {"dim n = 4 % 3 == 0", DIAG_E0002, 1, 11, 1},
    {"dim n = a < b", DIAG_E0002, 1, 11, 1},
    {"const c = 3", DIAG_E0002, 1, 9, 1},
    {"const c: f64 3", DIAG_E0002, 1, 14, 1},
    {"kernel f(x) -> (y: f64) { y = 1 }", DIAG_E0002, 1, 11, 1},
    {"kernel f(x: float) -> (y: f64) { y = 1 }", DIAG_E0002, 1, 13, 1},
    {"kernel f(x: [3]) -> (y: f64) { y = 1 }", DIAG_E0002, 1, 13, 1},
    {"kernel f(x: f64) { y = 1 }", DIAG_E0002, 1, 18, 1},
    {"kernel f(x f64) -> (y: f64) {\n y = 1 +\n}\ndim 3", DIAG_E0002, 1, 12, 3},
    {"dim where", DIAG_E0002, 1, 5, 1},
    /* statements; each leaves the next one to be read */
    {"kernel f() -> (y: f64) {\n y[i] = a < b < c\n y = 1\n}", DIAG_E0002, 2, 15, 1},
    {"kernel f() -> (y: f64) {\n y[i] = a = c\n y = 1\n}", DIAG_E0002, 2, 11, 1},
    {"kernel f() -> (y: f64) {\n y[i] = a b\n y = 1\n}", DIAG_E0002, 2, 11, 1},
    {"kernel f() -> (y: f64) {\n y[i] = a[i][j]\n y = 1\n}", DIAG_E0002, 2, 13, 1},
    {"kernel f() -> (y: f64) {\n let m[i]\n y = 1\n}", DIAG_E0002, 2, 10, 1},
    {"kernel f() -> (y: f64) {\n let y[i] = a[i]\n  + b[i]\n y = 1\n}", DIAG_E0002, 3, 3, 1},
    {"kernel f() -> (y: f64) {\n y =\n y = 1\n}", DIAG_E0002, 2, 5, 1},
    {"kernel f() -> (y: f64) {\n = 3\n * 4\n y = 1\n}", DIAG_E0002, 2, 2, 2},
    {"kernel f() -> (y: f64) {\n y = sum(x[i])\n y = 1\n}", DIAG_E0002, 2, 9, 1},
    {"kernel f() -> (y: f64) {\n y = einsum(a, b)\n y = 1\n}", DIAG_E0002, 2, 13, 1},
    {"kernel f() -> (y: f64) {\n let let = 3\n y = 1\n}", DIAG_E0002, 2, 6, 1},
    {"kernel f() -> (y: f64) {\n y[0] = 3\n y = 1\n}", DIAG_E0006, 2, 4, 1},
    {"kernel f() -> (y: f64) {\n y[2*i] = 3\n y = 1\n}", DIAG_E0006, 2, 4, 1},
    {"kernel f() -> (y: f64) {\n y[i+1] = 3\n y[(i,1)] = 2\n}", DIAG_E0006, 2, 4, 2},
};

static const struct mistake wrong_declarations[] = {
    {"dim n = 3, n", DIAG_E0101, 1, 12, 1},
    {"dim n = 3\nconst n: f64 = 3", DIAG_E0101, 2, 7, 1},
    {"kernel f(x: f64) -> (x: f64) { x = 1 }", DIAG_E0101, 1, 22, 1},
    {"kernel f(g: f64) -> (x: f64) { x = 1 }\nkernel g() -> (y: f64) { y = 1 }", DIAG_E0101, 1, 10, 1},
    {"dim exp = 3", DIAG_E0102, 1, 5, 1},
    {"kernel kron() -> (y: f64) { y = 1 }", DIAG_E0102, 1, 8, 1},
    {"dim n = m", DIAG_E0103, 1, 9, 1},
    {"dim n = m\nconst c: f64[n] = [1]", DIAG_E0103, 1, 9, 1},
    {"kernel f(x: f64[m]) -> (y: f64) { y = 1 }", DIAG_E0103, 1, 17, 1},
    {"dim n = n + 1", DIAG_E0104, 1, 9, 1},
    {"dim a = b, b = c, c = a", DIAG_E0104, 1, 23, 1},
    {"dim n = 3 - 5", DIAG_E0220, 1, 9, 1},
    {"const c: f64[2 - 4] = []", DIAG_E0220, 1, 14, 1},
    {"dim n = 2.5", DIAG_E0221, 1, 9, 1},
    {"dim n = 2 @ 3", DIAG_E0221, 1, 9, 1},
    {"const c: f64 = 3\ndim n = c", DIAG_E0221, 2, 9, 1},
    {"dim n, m = 8 / n", DIAG_E0222, 1, 16, 1},
    {"dim m = 8 / (2 - 2)", DIAG_E0222, 1, 13, 1},
    {"dim m = 4611686018427387904 * 2", DIAG_E0223, 1, 9, 1},
    {"kernel f(x: f64[4611686018427387904]) -> (y: f64) { y = 1 }", DIAG_E0223, 1, 13, 1},
    {"dim n ~ 100, <= 64", DIAG_E0224, 1, 9, 1},
    {"dim n ~ 100, % 8 == 0", DIAG_E0224, 1, 9, 1},
    {"dim n % 8 == 1", DIAG_E0224, 1, 14, 1},
    {"dim n = 3, <= 4", DIAG_E0224, 1, 12, 1},
    {"dim n <= 4, <= 5", DIAG_E0224, 1, 13, 1},
    {"dim n <= 0 - 1", DIAG_E0224, 1, 10, 1},
    {"const c: f64[2] = [1, 2, 3]", DIAG_E0501, 1, 19, 1},
    {"const c: f64[2, 2] = [[1, 2], [1]]", DIAG_E0501, 1, 31, 1},
    {"const c: f64[2] = 1", DIAG_E0501, 1, 19, 1},
    {"const c: f64 = [1]", DIAG_E0501, 1, 16, 1},
    {"const c: i8[2] = [127, 128]", DIAG_E0502, 1, 24, 1},
    {"const c: u8 = -1", DIAG_E0502, 1, 15, 1},
    {"const c: i32 = 1.0", DIAG_E0502, 1, 16, 1},
    {"const c: f32 = 1e39", DIAG_E0502, 1, 16, 1},
    {"const c: f64 = 2i", DIAG_E0502, 1, 16, 1},
    {"const c: bool = 1", DIAG_E0502, 1, 17, 1},
    {"const c: f64 = d", DIAG_E0503, 1, 16, 1},
    {"dim n\nconst c: f64 = n", DIAG_E0503, 2, 16, 1},
    {"const c: f64 = 1 / 3", DIAG_E0504, 1, 16, 1},
    {"dim n\nconst c: f64[n] = [1]", DIAG_E0505, 2, 14, 1},
    {"const c: f64 = 1 exact within 0.5", DIAG_E0508, 1, 31, 1},
    {"const c: f64 = 1 spectral", DIAG_E0508, 1, 7, 1},
    {"const c: f64 = 1 within -1", DIAG_E0508, 1, 25, 1},
    {"const c: f64 = file(\"c.npy\")", DIAG_E0810, 1, 22, 1}, /* nothing to load with is given here */
    {"kernel f(x: f64) -> () { }", DIAG_E0601, 1, 8, 1},
    {"kernel f(x: q15 scale(-1)) -> (y: f64) { y = 1 }", DIAG_E0509, 1, 23, 1},
    {"const c: f16 = 65520", DIAG_E0502, 1, 16, 1},
    {"const c: bf16 = 3.4e38", DIAG_E0502, 1, 17, 1},
    {"kernel f(x: mod(7)) -> (y: f64) { y = 1 }", DIAG_E0009, 1, 13, 1},
    {"kernel f(x: i32[4,4] spd) -> (y: f64) { y = 1 }", DIAG_E0227, 1, 22, 1},
    {"kernel f(x: bool[4,4] skew_centrosymmetric) -> (y: f64) { y = 1 }", DIAG_E0227, 1, 23, 1},
    {"kernel f(x: f64[4,3] symmetric) -> (y: f64) { y = 1 }", DIAG_E0227, 1, 22, 1},
    {"kernel f(x: f64[4] strides(2, 1)) -> (y: f64) { y = 1 }", DIAG_E0226, 1, 28, 1},
    {"kernel f(x: f64 strides(2)) -> (y: f64) { y = 1 }", DIAG_E0226, 1, 25, 1},
    {"kernel f(x: f64[4] strides(2 - 3)) -> (y: f64) { y = 1 }", DIAG_E0226, 1, 28, 1},
    {"kernel f(x: f64[4] strides(m)) -> (y: f64) { y = 1 }", DIAG_E0103, 1, 28, 1},
    {"kernel f(x: f64[4] strides(4611686018427387904)) -> (y: f64) { y = 1 }", DIAG_E0223, 1, 28, 1},
    {"kernel f(x: f64) -> (y: f64[4] strides(1)) { y[i: 4] = x }", DIAG_E0226, 1, 40, 1},
    {"const c: f64[1] strides(1) = [1]", DIAG_E0226, 1, 25, 1},
    {"kernel f(x: f64[4, 3] centrosymmetric) -> (y: f64) { y = 1 }", DIAG_E0227, 1, 23, 1},
    {"kernel f(x: f64[4] skew_centrosymmetric) -> (y: f64) { y = 1 }", DIAG_E0227, 1, 20, 1},
    {"kernel f(x: f64[4, 4] centrosymmetric centrosymmetric) -> (y: f64) { y = 1 }", DIAG_E0227, 1, 39, 1},
    {"kernel f(x: f64) -> (y: f64[4, 4] centrosymmetric) { y[i: 4, j: 4] = x }", DIAG_E0227, 1, 35, 1},
    {"const c: f64[1048577] = [1]", DIAG_E0904, 1, 10, 1},
};

static void expect_refused(struct ir_context *context, const struct mistake *mistake)
{
    const struct diagnostics *diagnostics = ir_diagnostics(context);
    if (diagnostics->n_items == 0)
        fail_msg("accepted:\n%s", mistake->text);
    const struct diag *first = diagnostics->items[0];
    const char *path;
    uint32_t line = 0, column = 0;
    diag_locate(diagnostics, first->primary.span, &path, &line, &column);
    if (first->code != mistake->code || line != mistake->line || column != mistake->column ||
        diagnostics->n_errors != mistake->count)
        fail_msg("expected %s at %u:%u (%u in all) for\n%s\ngot\n%s", diag_code_name(mistake->code), mistake->line, mistake->column,
                 mistake->count, mistake->text, printed(context));
}

static void test_refused(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        struct parsed parsed = parse(refused[k].text);
        expect_refused(parsed.context, &refused[k]);
        ir_context_destroy(parsed.context);
    }
}

static void test_wrong_declarations(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof wrong_declarations / sizeof *wrong_declarations; k++) {
        const struct mistake *mistake = &wrong_declarations[k];
        struct ir_context *context = ir_context_create(NULL);
        struct source source = {"test.ein", mistake->text, strlen(mistake->text)};
        assert_null(frontend_read(context, &source, NULL));
        expect_refused(context, mistake);
        ir_context_destroy(context);
    }
}

/* ---- limits ---- */

/* head, `n` times `unit`, tail; the caller frees it. */
static char *repeated(const char *head, const char *unit, size_t n, const char *tail)
{
    size_t a = strlen(head), b = strlen(unit);
    char *text = malloc(a + n * b + strlen(tail) + 1);
    memcpy(text, head, a);
    for (size_t k = 0; k < n; k++)
        memcpy(text + a + k * b, unit, b);
    strcpy(text + a + n * b, tail);
    return text;
}

static void expect_limit(char *text, enum diag_code code)
{
    struct parsed parsed = parse(text);
    const struct diagnostics *diagnostics = ir_diagnostics(parsed.context);
    if (code == DIAG_CODE_COUNT)
        assert_int_equal(diagnostics->n_errors, 0);
    else
        assert_true(diagnostics->n_items > 0 && diagnostics->items[0]->code == code);
    ir_context_destroy(parsed.context);
    free(text);
}

static void test_limits(void **state)
{
    (void)state;
    char *inner = repeated("1", ")", FRONTEND_NESTING, ""), *more = repeated("1", ")", FRONTEND_NESTING + 1, "");
    expect_limit(repeated("dim n = ", "(", FRONTEND_NESTING, inner), DIAG_CODE_COUNT);
    expect_limit(repeated("dim n = ", "(", FRONTEND_NESTING + 1, more), DIAG_E0901);
    expect_limit(repeated("dim n = 1", " + 1", FRONTEND_DEPTH - 1, ""), DIAG_CODE_COUNT);
    expect_limit(repeated("dim n = 1", " + 1", FRONTEND_DEPTH, ""), DIAG_E0901);
    expect_limit(repeated("dim n = ", "-", 100000, "1"), DIAG_E0901);
    expect_limit(repeated("", "\n", FRONTEND_SOURCE_BYTES, ""), DIAG_CODE_COUNT);
    expect_limit(repeated("", "\n", FRONTEND_SOURCE_BYTES + 1, ""), DIAG_E0902);
    free(inner);
    free(more);
}

/* Many mistakes: 20 are kept, the rest is counted. */
static void test_many_mistakes(void **state)
{
    (void)state;
    char *text = repeated("", "dim = 3\n", 100, "");
    struct parsed parsed = parse(text);
    const struct diagnostics *diagnostics = ir_diagnostics(parsed.context);
    assert_int_equal(diagnostics->n_items, DIAG_LIMIT);
    assert_int_equal(diagnostics->n_errors, 100);
    ir_context_destroy(parsed.context);
    free(text);
}

/* ---- memory ---- */

static const char whole_program[] = "dim E ~ 100, <= 1024, p = 8, q = p + 2\n"
                                    "const B: f64[2, 2] = [[1, 2], [pi/4, -1]] within 1e-3\n"
                                    "kernel f(x: f64[E, 2], a: f64) -> (y: f64[E, 2]) {\n"
                                    "    let z[e,i] = a * x[e,j] * B[i,j]\n"
                                    "    y[e,i] = exp(z[e,i]) / sum[k](z[e,k] + 2)\n"
                                    "}\n";

/* Refuses the n-th request for every n until none is refused: no crash, nothing kept, and the failure is told. */
static void test_allocation_failures(void **state)
{
    (void)state;
    each_allocation_fails(compiled_in_memory, whole_program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused),       cmocka_unit_test(test_wrong_declarations),
        cmocka_unit_test(test_limits),   cmocka_unit_test(test_many_mistakes), cmocka_unit_test(test_allocation_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
