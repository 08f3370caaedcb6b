/* Kernels of einsums by hand. Labels are letters from `a` to `z`; an einsum's indices stand in the order in which they first occur,
 * those of its output before all others, as `ir_contract` wants them. Input for a comparison is drawn from a fixed seed: residues
 * modulo the prime, bools, or whole numbers from -64 to 63, on which (min, +) and (max, +) round nothing. */
#include "einsum_bench.h"

#include <string.h>

void bench_start_in(struct bench *bench, enum ir_elem elem, const struct einc_allocator *allocator)
{
    memset(bench, 0, sizeof *bench);
    bench->context = ir_context_create(allocator);
    assert_non_null(bench->context);
    bench->elem = elem;
    bench->kernel =
        (struct ir_kernel){.name = "k", .numeric_class = IR_CLASS_REASSOC, .inputs = bench->inputs, .outputs = bench->outputs};
    bench->kernel.span = SPAN_NONE;
    bench->options.machine = *machine_generic();
    bench->pass = (struct pass_kernel){.context = bench->context, .kernel = &bench->kernel, .options = &bench->options};
}

void bench_start(struct bench *bench, enum ir_elem elem)
{
    bench_start_in(bench, elem, NULL);
}

void bench_size(struct bench *bench, const char *labels, int64_t size)
{
    for (; *labels; labels++)
        bench->sizes[(int)*labels] = poly_constant(bench->context, size);
}

const struct ir_node *bench_input(struct bench *bench, const char *name, const char *labels)
{
    const struct poly *shape[16];
    uint32_t rank = (uint32_t)strlen(labels), number = bench->kernel.n_inputs++;
    for (uint32_t k = 0; k < rank; k++)
        shape[k] = bench->sizes[(int)labels[k]];
    const struct ir_node *node = ir_input(bench->context, number, bench->elem, rank, shape);
    bench->inputs[number] = (struct ir_input_info){.name = name, .node = node, .span = SPAN_NONE};
    return node;
}

const struct ir_node *bench_let(struct bench *bench, const char *name, enum ir_ring ring, const char *string,
                                const struct ir_node *const *operands)
{
    static const char *const letters[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m",
                                          "n", "o", "p", "q", "r", "s", "t", "u", "v", "w", "x", "y", "z"};
    const char *output = strstr(string, "->") + 2, *names[32];
    struct ir_access accesses[32];
    const struct poly *extents[32], *subscripts[32][16];
    uint32_t numbers[128], n_indices = 0, n_operands = 0, axis = 0;
    memset(numbers, 255, sizeof numbers);
    for (const char *at = output;; at = at == output + strlen(output) ? string : at + 1) {
        if (at == output + strlen(output))
            continue;
        if (at[0] == '-')
            break;
        if (at[0] == ',' || numbers[(int)*at] != UINT32_MAX)
            continue;
        extents[n_indices] = bench->sizes[(int)*at];
        names[n_indices] = letters[*at - 'a'];
        numbers[(int)*at] = n_indices++;
    }
    for (const char *at = string; n_operands == 0 || at[-1] != '-'; at++) {
        if (*at == ',' || *at == '-') {
            accesses[n_operands] = (struct ir_access){.node = operands[n_operands], .subscripts = subscripts[n_operands]};
            n_operands++;
            axis = 0;
            continue;
        }
        subscripts[n_operands][axis++] = poly_index(bench->context, numbers[(int)*at]);
    }
    const struct ir_node *node = ir_contract(bench->context, &(struct ir_contract){.ring = ring,
                                                                                   .elem = bench->elem,
                                                                                   .accumulator = bench->elem,
                                                                                   .rank = (uint32_t)strlen(output),
                                                                                   .n_indices = n_indices,
                                                                                   .extents = extents,
                                                                                   .n_operands = n_operands,
                                                                                   .operands = accesses});
    assert_non_null(node);
    ir_set_name(bench->context, &bench->kernel, node, name, names, SPAN_NONE);
    return node;
}

const struct ir_node *bench_einsum(struct bench *bench, enum ir_ring ring, const char *string,
                                   const struct ir_node *const *operands)
{
    return bench_let(bench, NULL, ring, string, operands);
}

void bench_output(struct bench *bench, const char *name, const struct ir_node *node)
{
    bench->outputs[bench->kernel.n_outputs++] = (struct ir_output){name, node, SPAN_NONE, 0};
}

void bench_passes(struct bench *bench)
{
    bench->before = bench->kernel;
    memcpy(bench->old, bench->outputs, sizeof bench->old);
    bench->before.outputs = bench->old;
    assert_int_equal(pass_flatten(&bench->pass), EINC_OK);
    assert_true(ir_verify(bench->context, &bench->kernel));
    assert_int_equal(pass_order(&bench->pass), EINC_OK);
    assert_true(ir_verify(bench->context, &bench->kernel));
}

int64_t bench_flops(struct bench *bench)
{
    int64_t flops = -1;
    assert_true(poly_is_constant(ir_kernel_work(bench->context, &bench->kernel).flops, &flops));
    return flops;
}

size_t bench_contracts(struct bench *bench)
{
    size_t count, n = 0;
    const struct ir_node **nodes = ir_topological(bench->context, &bench->kernel, &count);
    for (size_t k = 0; k < count; k++)
        n += nodes[k]->op == IR_contract_node;
    return n;
}

void bench_same(struct bench *bench, enum ir_arithmetic arithmetic, const int64_t *dims)
{
    static uint64_t data[32][8192];
    static int64_t shapes[32][16];
    struct ir_tensor inputs[32], before[4], after[4];
    uint64_t state = 7;
    for (uint32_t k = 0; k < bench->kernel.n_inputs; k++) {
        const struct ir_node *node = bench->inputs[k].node;
        int64_t count = 1;
        for (uint32_t axis = 0; axis < node->rank; axis++) {
            assert_true(poly_evaluate(node->shape[axis], dims, NULL, &shapes[k][axis]));
            count *= shapes[k][axis];
        }
        assert_true(count <= 4096);
        for (int64_t i = 0; i < count; i++) {
            state = hash_mix(state, (uint64_t)i);
            if (arithmetic == IR_EVAL_PRIME)
                data[k][2 * i] = state >> 4, data[k][2 * i + 1] = 0;
            else if (bench->elem == IR_bool)
                ((unsigned char *)data[k])[i] = state >> 60 < 3;
            else
                ((double *)data[k])[i] = (double)(state >> 57) - 64;
        }
        inputs[k] = (struct ir_tensor){bench->elem, node->rank, shapes[k], data[k]};
    }
    assert_int_equal(ir_eval(bench->context, &bench->before, arithmetic, dims, inputs, before, NULL), EINC_OK);
    assert_int_equal(ir_eval(bench->context, &bench->kernel, arithmetic, dims, inputs, after, NULL), EINC_OK);
    for (uint32_t k = 0; k < bench->kernel.n_outputs; k++) {
        size_t bytes = arithmetic == IR_EVAL_PRIME ? 16 : ir_elem_info(bench->elem)->bytes;
        assert_int_equal(before[k].rank, after[k].rank);
        for (uint32_t axis = 0; axis < before[k].rank; axis++) {
            assert_int_equal(before[k].shape[axis], after[k].shape[axis]);
            bytes *= (size_t)before[k].shape[axis];
        }
        if (bytes)
            assert_memory_equal(before[k].data, after[k].data, bytes);
    }
}

void bench_end(struct bench *bench)
{
    ir_context_destroy(bench->context);
}
