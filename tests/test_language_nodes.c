/* What index notation becomes in the IR: which nodes a statement is, how many factors, labels and blocks it may have, and that a
 * source that needs more memory than there is leaves nothing behind. */
#include "compiled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

/* ---- nodes ---- */

/* One product is one contraction of all its factors, however it is nested; nothing else is left of a bare statement. */
static void test_one_contraction(void **state)
{
    (void)state;
    struct compiled compiled = compiled_read("dim E\nkernel f(B: f64[10,8], u: f64[E,8,8,8]) -> (v: f64[E,10,10,10]) {\n"
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
    struct compiled compiled = compiled_read("dim n = 8\nkernel f(x: f32[n,n]) -> (y: f32[n,n], z: f32[n], e: f32[n,n]) {\n"
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
        compiled_read("kernel f(a: f64[3,4], b: f64[3,4]) -> (y: f64[3,4], t: f64[4,3], c: f64[3,4], s: f64[12]) {\n"
                      "y[i,j] = a[i,j] * b[i,j]\nt[j,i] = a[i,j]\nc = a\ns[(i,j)] = a[i,j]\n}\n");
    assert_non_null(compiled.program);
    const struct ir_output *outputs = compiled.program->kernels[0]->outputs;
    assert_int_equal(outputs[0].node->op, IR_map_node);
    assert_int_equal(outputs[1].node->op, IR_view_node);
    assert_int_equal(outputs[2].node->op, IR_input_node);
    assert_int_equal(outputs[3].node->op, IR_view_node);
    ir_context_destroy(compiled.context);
}

/* ---- limits ---- */

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
        struct compiled compiled = compiled_read(text);
        assert_int_equal(compiled.program != NULL, blocks == IR_CONCAT_OPERANDS);
        if (!compiled.program)
            assert_int_equal(ir_diagnostics(compiled.context)->items[0]->code, DIAG_E0915);
        ir_context_destroy(compiled.context);
    }
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
        struct compiled compiled = compiled_read(texts[k]);
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
        struct compiled compiled = compiled_read(text);
        assert_int_equal(compiled.program != NULL, labels == FRONTEND_LABELS);
        if (!compiled.program)
            assert_int_equal(ir_diagnostics(compiled.context)->items[0]->code, DIAG_E0911);
        ir_context_destroy(compiled.context);
    }
}

/* ---- memory ---- */

/* Every request for memory refused once: no crash, nothing said or kept. */
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
    assert_true(each_allocation_fails(compiled_in_memory, text) > 100);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_contraction), cmocka_unit_test(test_weak_operands), cmocka_unit_test(test_node_kinds),
        cmocka_unit_test(test_block_limit),     cmocka_unit_test(test_factors),       cmocka_unit_test(test_labels),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
