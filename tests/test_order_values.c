/* The passes `flatten` and `order` keep values: chosen strings in every ring, and random kernels of lets that read inputs and
 * earlier lets. Values are compared for equality: modulo 2^61 - 1 for sums of products; for other rings on small whole numbers,
 * where nothing rounds. */
#include "einsum_bench.h"

#include <stdio.h>
#include <string.h>

/* ---- values stay ---- */

struct sample {
    const char *string;
    const char *small, *other; /* labels of sizes that differ from 3 */
    int64_t small_size, other_size;
};

static const struct sample samples[] = {
    {"ij,jk,kl,lm->im", "jl", "m", 2, 5},      {"ij,jk,kl->", "i", "l", 4, 1},         {"ii,ij,jk->k", "j", "", 4, 0},
    {"ij,ik,il->i", "j", "kl", 4, 2},          {"i,j,k->ijk", "i", "j", 2, 4},         {"ij,ij,ij->ij", "i", "j", 4, 2},
    {"ij,ij,jk,k->", "i", "", 2, 0},           {"a,ab,bc,cd,,de->ae", "b", "c", 2, 4}, {"ijk,jk,kl,lmi->m", "i", "m", 2, 4},
    {"bhid,bhjd,bhje->bhie", "bh", "d", 2, 4}, {"ab,bc,ca->", "a", "b", 4, 2},         {"ab,cd,ef->fdb", "a", "c", 2, 4},
    {"ij,jk,kl,lm->im", "j", "i", 1, 4}, /* extents 1 and 0 */
    {"ij,jk,kl,lm->im", "k", "i", 0, 2},       {"ij,jk,kl,lm->im", "i", "m", 0, 2},    {"aab,bcc,cd->ad", "a", "b", 2, 4},
};

static void sample_bench(struct bench *bench, const struct sample *sample, enum ir_elem elem, enum ir_ring ring)
{
    static const char *const names[] = {"A", "C", "D", "E", "F", "G"};
    const struct ir_node *operands[8];
    uint32_t n = 0;
    char labels[16];
    size_t length = 0;
    bench_start(bench, elem);
    bench_size(bench, "abcdefghijklmnopqrstuvwxyz", 3);
    bench_size(bench, sample->small, sample->small_size);
    bench_size(bench, sample->other, sample->other_size);
    for (const char *at = sample->string;; at++) {
        if (*at != ',' && *at != '-') {
            labels[length++] = *at;
            continue;
        }
        labels[length] = 0;
        operands[n] = bench_input(bench, names[n], labels);
        n++;
        length = 0;
        if (*at == '-')
            break;
    }
    bench_output(bench, "y", bench_einsum(bench, ring, sample->string, operands));
}

static void values_stay_in_every_ring(void **state)
{
    (void)state;
    static const struct {
        enum ir_ring ring;
        enum ir_elem elem;
        enum ir_arithmetic arithmetic;
    } rings[] = {{IR_RING_plustimes, IR_f64, IR_EVAL_PRIME},
                 {IR_RING_minplus, IR_f64, IR_EVAL_NUMBERS},
                 {IR_RING_maxplus, IR_f64, IR_EVAL_NUMBERS},
                 {IR_RING_orand, IR_bool, IR_EVAL_NUMBERS},
                 {IR_RING_andor, IR_bool, IR_EVAL_NUMBERS}};
    for (size_t k = 0; k < sizeof samples / sizeof *samples; k++)
        for (size_t r = 0; r < sizeof rings / sizeof *rings; r++) {
            struct bench bench;
            sample_bench(&bench, &samples[k], rings[r].elem, rings[r].ring);
            bench_passes(&bench);
            bench_same(&bench, rings[r].arithmetic, NULL);
            bench_end(&bench);
        }
}
static void exact_floats_stay_alone(void **state)
{
    (void)state;
    struct bench bench;
    sample_bench(&bench, &samples[0], IR_f64, IR_RING_plustimes);
    bench.kernel.numeric_class = IR_CLASS_EXACT;
    const struct ir_node *before = bench.outputs[0].node;
    bench_passes(&bench);
    assert_ptr_equal(bench.outputs[0].node, before);
    bench_end(&bench);
    sample_bench(&bench, &samples[0], IR_i32, IR_RING_plustimes); /* wrapping integers lose nothing */
    bench.kernel.numeric_class = IR_CLASS_EXACT;
    bench_passes(&bench);
    assert_true(bench_contracts(&bench) > 1);
    bench_end(&bench);
    sample_bench(&bench, &samples[0], IR_i32, IR_RING_minplus); /* wrapped sums are not monotone */
    before = bench.outputs[0].node;
    bench_passes(&bench);
    assert_ptr_equal(bench.outputs[0].node, before);
    bench_end(&bench);
}

/* ---- random kernels: lets that read inputs and earlier lets, several outputs ---- */

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
    *state = hash_mix(*state, 29);
    return (uint32_t)((*state >> 20) % limit);
}

/* `count` different labels of six, as text. */
static void random_labels(uint64_t *state, uint32_t count, char *labels)
{
    for (uint32_t k = 0; k < count; k++) {
        do
            labels[k] = (char)('a' + random_below(state, 6));
        while (memchr(labels, labels[k], k));
    }
    labels[count] = 0;
}

static void random_kernel(struct bench *bench, uint64_t seed, enum ir_ring ring)
{
    const struct ir_node *values[16];
    uint32_t ranks[16], n_values = 0;
    uint64_t state = seed;
    bench_start(bench, ring == IR_RING_orand ? IR_bool : IR_f64);
    bench_size(bench, "abcdef", 1 + (int64_t)random_below(&state, 3));
    static const char *const names[] = {"A", "C", "D"};
    for (; n_values < 3; n_values++) {
        char labels[8];
        random_labels(&state, ranks[n_values] = random_below(&state, 4), labels);
        values[n_values] = bench_input(bench, names[n_values], labels);
    }
    uint32_t n_lets = 3 + random_below(&state, 4);
    for (uint32_t let = 0; let < n_lets; let++) {
        char string[80] = "", used[8] = "", output[8] = "";
        const struct ir_node *operands[4];
        uint32_t n_operands = 1 + random_below(&state, 4), n_used = 0, n_output = 0;
        for (uint32_t k = 0; k < n_operands; k++) {
            char labels[8];
            uint32_t value = random_below(&state, n_values);
            operands[k] = values[value];
            random_labels(&state, ranks[value], labels);
            if (k)
                strcat(string, ",");
            strcat(string, labels);
            for (const char *at = labels; *at; at++)
                if (!strchr(used, *at))
                    used[n_used++] = *at;
        }
        for (uint32_t k = 0; k < n_used; k++)
            if (random_below(&state, 5) < 2 && n_output < 4)
                output[n_output++] = used[k];
        strcat(string, "->");
        strcat(string, output);
        ranks[n_values] = n_output;
        values[n_values++] = bench_einsum(bench, ring, string, operands);
    }
    for (uint32_t k = 0; k < 2; k++)
        bench_output(bench, k ? "z" : "y", values[n_values - 1 - k]);
}

enum { KERNELS = 80 };

static void random_kernels_keep_their_values(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= KERNELS; seed++) {
        struct bench bench;
        bool boolean = seed % 4 == 0;
        random_kernel(&bench, seed, boolean ? IR_RING_orand : IR_RING_plustimes);
        if (seed % 5 == 0)
            bench.options.memory_limit = 64; /* 8 numbers, and less than that is never needed at these sizes */
        bench.before = bench.kernel;
        memcpy(bench.old, bench.outputs, sizeof bench.old);
        bench.before.outputs = bench.old;
        int64_t written, ordered = -1;
        assert_true(poly_is_constant(ir_kernel_work(bench.context, &bench.kernel).flops, &written));
        bench_passes(&bench);
        ordered = bench_flops(&bench);
        if (bench.options.memory_limit == 0 && ordered > written)
            fail_msg("seed %d: %d flops ordered, %d as written", (int)seed, (int)ordered, (int)written);
        bench_same(&bench, boolean ? IR_EVAL_NUMBERS : IR_EVAL_PRIME, NULL);
        bench_end(&bench);
    }
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_stay_in_every_ring),
        cmocka_unit_test(exact_floats_stay_alone),
        cmocka_unit_test(random_kernels_keep_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
