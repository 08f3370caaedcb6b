/* Rules of `structure`: each fires on what it is for, gives the same value by every alternative, and lets near misses be.
 *
 * Alternatives are evaluated modulo the prime, where roots of unity of these orders exist: they agree exactly or are wrong. A near
 * miss is a source with one index, sign or shift off. */
#include "compare.h"
#include "frontend/frontend.h"
#include "passes/passes.h"
#include "programs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { OUTPUTS = 4, ALTERNATIVES = 4 };

struct example {
    const char *rules; /* that fire, in their order; "": none */
    const char *text;
};

static const struct example examples[] = {
    {"fourier ", "kernel f(x: c128[16]) -> (y: c128[16]) { operator F = dft(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier ", "kernel f(x: c128[16]) -> (y: c128[16]) { operator F = idft(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier ", "kernel f(x: c128[3, 16]) -> (y: c128[3, 16]) { operator F = adjoint(dft(16))\n y[s,k] = x[s,l] * F[l,k] }"},
    {"fourier coprime ", "kernel f(x: c128[60]) -> (y: c128[60]) { operator F = dft(60)\n y[k] = F[k,l] * x[l] }"},
    {"rader chirp ", "kernel f(x: c128[151]) -> (y: c128[151]) { operator F = dft(151)\n y[k] = F[k,l] * x[l] }"},
    {"rader chirp ", "kernel f(x: c128[3, 331]) -> (y: c128[3, 331]) { operator F = dft(331)\n y[s,k] = F[k,l] * x[s,l] }"},
    {"fourier coprime ", "kernel f(x: c128[302]) -> (y: c128[302]) { operator F = dft(302)\n y[k] = F[k,l] * x[l] }"},
    {"fourier ", "kernel f(x: f64[16]) -> (y: c128[16]) { operator F = dft(16)\n y[k] = F[k,l] * c128(x[l]) }"},
    {"fourier ", "kernel f(x: f64[2, 256]) -> (y: c128[2, 129]) { operator F = rdft(256)\n y[s,k] = F[k,l] * x[s,l] }"},
    {"fourier half ", "kernel f(x: c128[129]) -> (y: f64[256]) { operator F = irdft(256)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[16]) -> (y: f64[16]) { operator F = dct2(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[16]) -> (y: f64[16]) { operator F = dct3(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[16]) -> (y: f64[16]) { operator F = dct4(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: c128[16]) -> (y: c128[16]) { operator F = dct2(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: c128[3, 16]) -> (y: c128[3, 16]) { operator F = dst4(16)\n y[s,k] = F[k,l] * x[s,l] }"},
    {"fourier ", "kernel f(x: c128[16]) -> (y: c128[16]) { operator F = dht(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[16]) -> (y: c128[16]) { operator F = dct2(16)\n y[k] = F[k,l] * c128(x[l]) }"},
    {"fourier cosine ", "kernel f(x: f64[17]) -> (y: f64[17]) { operator F = dct1(17)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[65]) -> (y: f64[65]) { operator F = dct1(65)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[127]) -> (y: f64[127]) { operator F = dst1(127)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[15]) -> (y: f64[15]) { operator F = dst1(15)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[16]) -> (y: f64[16]) { operator F = dst2(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[16]) -> (y: f64[16]) { operator F = dst3(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[16]) -> (y: f64[16]) { operator F = dst4(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier ", "kernel f(x: f64[16]) -> (y: f64[16]) { operator F = dht(16)\n y[k] = F[k,l] * x[l] }"},
    {"fourier half ", "kernel f(x: c128[3, 9]) -> (y: f64[3, 16]) { operator F = irdft(16)\n y[s,k] = F[k,l] * x[s,l] }"},
    {"fourier separable ", "kernel f(x: c128[4, 4]) -> (y: c128[4, 4]) { y[k,m] = exp(-2i*pi*(k*l + 2*m*n)/8) * x[l,n] }"},
    {"fourier fourier separable ",
     "kernel f(x: c128[8, 16]) -> (y: c128[8, 16]) { y[k,m] = exp(-2i*pi*(2*k*l + m*n)/16) * x[l,n] }"},
    {"separable ",
     "kernel f(x: c128[16]) -> (y: c128[16]) { y[k] = 2 * exp(-2i*pi*(2*(k mod 4)*(l mod 2) + 3*(k div 4)*l + l)/8) * x[l] }"},
    {"", "kernel f(x: c128[16]) -> (y: c128[16]) { y[k] = exp(-2i*pi*(k*k*l + k)/8) * x[l] }"},
    {"", "kernel f(x: f64[16]) -> (y: f64[16]) { y[k] = cos(pi*((k mod 4)*(l mod 4) + (k div 4)*(l div 4))/2) * x[l] }"},
    {"", "kernel f(x: c128[16]) -> (y: c128[16]) reassoc { operator F = dft(16)\n y[k] = F[k,l] * x[l] }"},
    {"", "kernel f(x: c128[16]) -> (y: c128[16]) exact { operator F = dft(16)\n y[k] = F[k,l] * x[l] }"},
    {"", "kernel f(x: c128[16]) -> (y: c128[16]) { operator F = dft(16)\n y[k] = F[k,l] * F[l,k] * x[l] }"},
    {"distribute ", "kernel f(W: f64[9, 8], U: f64[9, 2], V: f64[2, 8], s: f64, x: f64[8]) -> (y: f64[9]) { y[i] = (W[i,j] - s * "
                    "U[i,r] * V[r,j]) * x[j] }"},
    {"distribute ",
     "kernel f(u: f64[9], v: f64[8], x: f64[3, 8]) -> (y: f64[3, 9]) { y[s,i] = (u[i] * v[j] - where(i == j, 2.0, 0)) * x[s,j] }"},
    {"distribute ", "kernel f(W: c128[9, 8], U: c128[9, 2], V: c128[2, 8], x: c128[8]) -> (y: c128[9]) { let A[i,j] = W[i,j] + "
                    "U[i,r] * V[r,j]\n y[i] = conj(A[i,j]) * x[j] }"},
    {"row_norms ", "kernel f(W: f64[9, 8], U: f64[9, 2], V: f64[2, 8], s: f64) -> (y: f64[9]) normwise { let A[i,j] = W[i,j] + s * "
                   "U[i,r] * V[r,j]\n y[i] = A[i,j] * A[i,j] }"},
    {"", "kernel f(W: f64[9, 8], U: f64[9, 2], V: f64[2, 8], s: f64) -> (y: f64[9]) { let A[i,j] = W[i,j] + s * U[i,r] * V[r,j]\n "
         "y[i] = A[i,j] * A[i,j] }"},
    {"", "kernel f(W: f64[9, 8], U: f64[9, 8], x: f64[8]) -> (y: f64[9]) { y[i] = (W[i,j] - U[i,j]) * x[j] }"},
    {"", "kernel f(W: f64[9, 8], u: f64[8], v: f64[8], x: f64[9]) -> (y: f64[9]) { y[i] = W[i,j] * (u[j] + v[j] * v[j]) * x[i] }"},
    {"", "kernel f(W: f64[9, 8], U: f64[9, 2], V: f64[2, 8], x: f64[8]) -> (y: f64[9]) exact { y[i] = (W[i,j] - U[i,r] * V[r,j]) * "
         "x[j] }"},
    {"convolution ", "kernel f(x: f64[32], t: f64[63]) -> (y: f64[32]) normwise { y[i] = t[i-j+31] * x[j] }"},
    {"convolution ", "kernel f(x: f64[32], t: f64[63]) -> (y: f64[32]) normwise { y[i] = t[j-i+31] * x[j] }"},
    {"convolution ", "kernel f(x: f64[32], h: f64[63]) -> (y: f64[32]) normwise { y[i] = h[i+j] * x[j] }"},
    {"convolution ", "kernel f(x: f64[64], c: f64[64]) -> (y: f64[64]) normwise { y[i] = c[(i-j) mod 64] * x[j] }"},
    {"convolution ", "kernel f(x: c128[64], c: c128[64]) -> (y: c128[64]) normwise { y[i] = c[(i-j) mod 64] * x[j] }"},
    {"convolution ", "kernel f(x: f64[64], c: f64[64]) -> (y: f64[64]) normwise { y[i] = c[(j-i) mod 64] * x[j] }"},
    {"convolution ", "kernel f(x: f64[64], c: f64[64]) -> (y: f64[64]) normwise { y[i] = c[(i+j) mod 64] * x[j] }"},
    {"convolution ", "kernel f(x: f64[40], t: f64[25]) -> (y: f64[40]) normwise { y[i] = t[r] * pad(x[i-r+12], 0) }"},
    {"convolution ", "kernel f(x: f64[32], h: f64[32]) -> (y: f64[32]) normwise { y[t] = pad(h[t-s], 0) * x[s] }"},
    {"", "kernel f(x: f64[32], h: f64[32]) -> (y: f64[32]) normwise { y[t] = pad(h[t-2*s], 0) * x[s] }"},
    {"convolution ",
     "kernel f(x: f64[2, 40], t: f64[3, 2, 25]) -> (y: f64[3, 40]) normwise { y[o,i] = t[o,c,r] * pad(x[c,i+r-12], 0) }"},
    {"convolution convolution ",
     "kernel f(x: f64[20, 20], t: f64[13, 13]) -> (y: f64[20, 20]) normwise { y[i,j] = t[r,s] * pad(x[i-r+6,j-s+6], 0) }"},
    {"convolution ", "kernel f(x: f64[32], t: f64[63]) -> (y: f64[32]) { operator T = toeplitz(t)\n y[i] = T[i,j] * x[j] }"},
    {"convolution ", "kernel f(x: f64[32], t: f64[63]) -> (y: f64[32]) { operator T = hankel(t)\n y[i] = T[i,j] * x[j] }"},
    {"convolution ", "kernel f(x: f64[32], t: f64[32]) -> (y: f64[32]) { operator T = circulant(t)\n y[i] = T[i,j] * x[j] }"},
    {"", "kernel f(x: f64[32], t: f64[32]) -> (y: f64[32]) reassoc { operator T = circulant(t)\n y[i] = T[i,j] * x[j] }"},
    {"convolution convolution ", "kernel f(x: f64[32], t: f64[32], u: f64[32]) -> (y: f64[32]) { operator T = circulant(t) @ "
                                 "circulant(u)\n y[i] = T[i,j] * x[j] }"},
    {"", "kernel f(x: f64[32], t: f64[63]) -> (y: f64[32]) { y[i] = t[i-j+31] * x[j] }"},
    {"", "kernel f(x: f64[32], t: f64[94]) -> (y: f64[32]) normwise { y[i] = t[2*i-j+31] * x[j] }"},
    {"", "kernel f(x: f64[64], c: f64[64]) -> (y: f64[64]) normwise { y[i] = c[(i-3*j) mod 64] * x[j] }"},
    {"", "kernel f(x: f64[32, 32], t: f64[63]) -> (y: f64[32]) normwise { y[i] = t[i-j+31] * x[i,j] }"},
    {"", "kernel f(x: f64[40], t: f64[25]) -> (y: f64[40]) normwise { y[i] = t[r] * pad(x[i-r+12], 1) }"},
    {"", "kernel f(x: f64[40], t: f64[5]) -> (y: f64[40]) normwise { y[i] = t[r] * pad(x[i-r+2], 0) }"},
};

/* The same where there are vectors, which have transforms of real data in pairs. */
static const struct example in_vectors[] = {
    {"fourier ", "kernel f(x: f64[2, 256]) -> (y: c128[2, 129]) { operator F = rdft(256)\n y[s,k] = F[k,l] * x[s,l] }"},
    {"fourier ", "kernel f(x: f64[64]) -> (y: c128[33]) { operator F = rdft(64)\n y[k] = F[k,l] * x[l] }"},
    {"fourier half ", "kernel f(x: c128[129]) -> (y: f64[256]) { operator F = irdft(256)\n y[k] = F[k,l] * x[l] }"},
    {"fourier half ", "kernel f(x: c128[3, 33]) -> (y: f64[3, 64]) { operator F = irdft(64)\n y[s,k] = F[k,l] * x[s,l] }"},
    {"fourier cosine ", "kernel f(x: f64[128]) -> (y: f64[128]) { operator F = dct2(128)\n y[k] = F[k,l] * x[l] }"},
    {"fourier cosine ", "kernel f(x: f64[128]) -> (y: f64[128]) { operator F = dst3(128)\n y[k] = F[k,l] * x[l] }"},
    {"convolution ", "kernel f(x: f64[64], c: f64[64]) -> (y: f64[64]) normwise { y[i] = c[(i-j) mod 64] * x[j] }"},
};

/* The same where as few flops as are known are asked for: split radix. */
static const struct example in_few_flops[] = {
    {"fourier ", "kernel f(x: c128[64]) -> (y: c128[64]) { operator F = dft(64)\n y[k] = F[k,l] * x[l] }"},
    {"fourier ", "kernel f(x: c128[128]) -> (y: c128[128]) { operator F = idft(128)\n y[k] = F[k,l] * x[l] }"},
    {"fourier ", "kernel f(x: c128[3, 256]) -> (y: c128[3, 256]) { operator F = adjoint(dft(256))\n y[s,k] = x[s,l] * F[l,k] }"},
    {"fourier coprime ", "kernel f(x: c128[2, 96]) -> (y: c128[2, 96]) { operator F = dft(96)\n y[s,k] = F[k,l] * x[s,l] }"},
};

struct fired {
    char names[256];
};

static void note(void *user, const char *pass, const char *message)
{
    struct fired *fired = user;
    const char *name = strstr(message, ": ");
    if (strcmp(pass, "structure") != 0 || !name)
        return;
    (void)snprintf(fired->names + strlen(fired->names), sizeof fired->names - strlen(fired->names), "%s ", name + 2);
}

static const struct ir_node *with_alternative(void *user, struct ir_context *context, const struct ir_node *node)
{
    uint32_t number = *(const uint32_t *)user;
    if (node->op != IR_alt_node)
        return node;
    return ir_view(context, node->rank, node->shape, node->operands[number < node->n_operands ? number : node->n_operands - 1]);
}

static struct ir_kernel *read_kernel(struct ir_context *context, const char *text)
{
    const struct frontend_options options = {0};
    const struct source source = {"structure.ein", text, strlen(text)};
    struct ir_program *program = frontend_read(context, &source, &options);
    return program ? program->kernels[0] : NULL;
}

static void check_example(const struct example *example, const struct machine *machine, bool fewest_flops)
{
    struct ir_context *context = ir_context_create(NULL);
    struct ir_kernel *kernel = read_kernel(context, example->text);
    struct fired fired = {{0}};
    struct pass_options options = {.machine = *machine, .fewest_flops = fewest_flops, .trace = note, .trace_user = &fired};
    struct ir_tensor expected[OUTPUTS], found[OUTPUTS];
    assert_non_null(kernel);
    struct ir_tensor *inputs = random_inputs(context, kernel, IR_EVAL_PRIME, NULL, 5);
    struct pass_kernel pass = {.context = context, .kernel = ir_kernel_copy(context, kernel), .options = &options};
    assert_int_equal(pass_run(pass_find("simplify", 8), &pass), EINC_OK);
    assert_int_equal(pass_run(pass_find("recognise", 9), &pass), EINC_OK); /* exp is no function modulo the prime, a root is */
    assert_int_equal(ir_eval(context, pass.kernel, IR_EVAL_PRIME, NULL, inputs, expected, NULL), EINC_OK);
    assert_int_equal(pass_run(pass_find("structure", 9), &pass), EINC_OK);
    if (strcmp(fired.names, example->rules) != 0)
        fail_msg("%s\nfires [%s], not [%s]", example->text, fired.names, example->rules);
    for (uint32_t number = 0; number < ALTERNATIVES; number++) {
        struct ir_kernel *chosen = ir_kernel_copy(context, pass.kernel);
        (void)ir_rewrite(context, chosen, with_alternative, &number);
        assert_true(ir_verify(context, chosen));
        assert_int_equal(ir_eval(context, chosen, IR_EVAL_PRIME, NULL, inputs, found, NULL), EINC_OK);
        for (uint32_t k = 0; k < kernel->n_outputs; k++)
            if (!tensors_same_residues(&expected[k], &found[k]))
                fail_msg("%s\nalternative %u has another value", example->text, number);
    }
    ir_context_destroy(context);
}

static void rules_keep_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof examples / sizeof *examples; k++)
        check_example(&examples[k], machine_generic(), false);
    for (size_t k = 0; k < sizeof in_vectors / sizeof *in_vectors; k++)
        check_example(&in_vectors[k], machine_find("avx512"), false);
    for (size_t k = 0; k < sizeof in_few_flops / sizeof *in_few_flops; k++)
        check_example(&in_few_flops[k], machine_generic(), true);
}

/* Roots modulo the prime behave as those of the complex numbers do. */
static void roots_are_roots(void **state)
{
    (void)state;
    struct ir_context *context = ir_context_create(NULL);
    static const char text[] = "kernel f: reassoc {\n"
                               "    %r = map c128[n: 7, k: 64] of () = root(index(k), i64:64)\n"
                               "    %s = map c128[n: 7, k: 64] of () = root(index(3*k), i64:192) * root(index(64 - k), i64:64)\n"
                               "    %q = map c128[k: 3] of () = root(index(k + 1), i64:4)\n"
                               "    %z = contract plustimes c128[n: 7] sum [k: 64] of (%r[n, k])\n"
                               "    output s = %s\n    output z = %z\n    output q = %q\n}\n";
    const struct source source = {"roots.eir", text, strlen(text)};
    struct ir_program *program = ir_read(context, &source);
    struct ir_tensor outputs[3];
    assert_non_null(program);
    assert_int_equal(ir_eval(context, program->kernels[0], IR_EVAL_PRIME, NULL, NULL, outputs, NULL), EINC_OK);
    const uint64_t prime = (UINT64_C(1) << 61) - 1, *one = outputs[0].data, *zero = outputs[1].data, *quarters = outputs[2].data;
    for (int k = 0; k < 7 * 64; k++)
        assert_true(one[2 * k] == 1 && one[2 * k + 1] == 0);
    assert_true(zero[0] == 0 && zero[1] == 0);
    const uint64_t expected[6] = {0, prime - 1, prime - 1, 0, 0, 1}; /* -i, -1, i */
    assert_memory_equal(quarters, expected, sizeof expected);
    ir_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(roots_are_roots), cmocka_unit_test(rules_keep_values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
