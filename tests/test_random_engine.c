/* Random programs through every engine but the reference: hundreds of kernels in one program, compiled once, each called and held
 * against the reference number for number.
 *
 * The programs are those whose numbers no order of operations rounds (RANDOM_INTEGER, RANDOM_WHOLE), or kernels of class `exact`,
 * so there is no tolerance. gcc
 * traps where the emitted C does what C does not define; tcc knows nothing of vectors or 128 bits and takes the plain spelling of
 * everything. The seed of a wrong kernel is printed with the kernel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "compare.h"
#include "passes/passes.h"
#include "programs.h"
#include "runtime/runtime.h"
#include "validate.h"

/* Sanitizers watch einc, which does the same for every kernel; what compilers make of them is no other code there. */
#if defined(__SANITIZE_ADDRESS__)
enum { BATCH = 60 };
#else
enum { BATCH = 300 };
#endif
enum { ROUNDS = 3, OUTPUT_LIMIT = 8 };

struct batch {
    struct ir_context *context;
    struct ir_program *program;
    struct compiled *compiled;
    uint64_t first; /* seed */
    bool hostile;   /* exact kernels on inputs that are rounded, infinite, undefined, zeros of both signs */
};

static void add_kernel(struct batch *batch, uint64_t seed)
{
    enum random_kind kind = seed % 2 && !batch->hostile ? RANDOM_INTEGER : RANDOM_WHOLE;
    const struct random_options options = {.kind = kind, .small = true};
    struct ir_program *one = random_program(batch->context, seed, &options);
    assert_non_null(one);
    one->kernels[0]->name = arena_printf(ir_arena(batch->context), "random_%llu", (unsigned long long)seed);
    one->kernels[0]->numeric_class = seed % 3 && !batch->hostile ? IR_CLASS_REASSOC : IR_CLASS_EXACT;
    assert_true(ARENA_PUSH(ir_arena(batch->context), batch->program->kernels, batch->program->n_kernels,
                           batch->program->kernels_capacity, one->kernels[0]));
}

static void fail_at(const struct batch *batch, size_t kernel, const char *what)
{
    struct text text = text_create(ir_arena(batch->context));
    if (kernel < batch->program->n_kernels)
        ir_print_kernel(&text, batch->context, batch->program->kernels[kernel]);
    diag_print(&text, ir_diagnostics(batch->context), false);
    print_error("seed %llu: %s\n%s\n", (unsigned long long)(batch->first + kernel), what, text_finish(&text));
    fail();
}

static struct batch create_batch(uint64_t first, bool hostile, const struct pass_options *passes)
{
    struct batch batch = {.context = ir_context_create(NULL), .first = first, .hostile = hostile};
    const struct compile_options options = {.passes = *passes};
    batch.program = ARENA_NEW(ir_arena(batch.context), struct ir_program);
    *batch.program = (struct ir_program){.context = batch.context};
    for (uint64_t seed = first; seed < first + BATCH; seed++)
        add_kernel(&batch, seed);
    if (!(batch.compiled = compile_program(batch.context, batch.program, &options)))
        fail_at(&batch, SIZE_MAX, "does not compile");
    return batch;
}

/* Room for the outputs, of another content than they will have. */
static void create_outputs(const struct batch *batch, const struct ir_tensor *expected, uint32_t n, struct ir_tensor *outputs)
{
    for (uint32_t k = 0; k < n; k++) {
        size_t bytes = tensor_count(&expected[k]) * ir_elem_info(expected[k].elem)->bytes;
        outputs[k] = expected[k];
        outputs[k].data = ARENA_ARRAY(ir_arena(batch->context), bytes + 1, char);
        assert_non_null(outputs[k].data);
        memset(outputs[k].data, 0xa5, bytes);
    }
}

static void check_kernel(const struct batch *batch, const struct engine_info *info, struct engine *engine, size_t at, uint64_t seed)
{
    const struct ir_kernel *kernel = batch->program->kernels[at];
    struct ir_tensor expected[OUTPUT_LIMIT], found[OUTPUT_LIMIT];
    int64_t *dims = random_dims(batch->context, seed);
    struct ir_tensor *inputs = batch->hostile ? random_hostile_inputs(batch->context, kernel, dims, seed)
                                              : random_whole_inputs(batch->context, kernel, dims, seed);
    if (ir_eval(batch->context, kernel, IR_EVAL_NUMBERS, dims, inputs, expected, NULL) != EINC_OK)
        fail_at(batch, at, "has no value");
    create_outputs(batch, expected, kernel->n_outputs, found);
    if (info->run(engine, at, dims, inputs, found) != EINC_OK)
        fail_at(batch, at, "does not run");
    for (uint32_t k = 0; k < kernel->n_outputs; k++)
        if (!(batch->hostile ? tensors_identical : tensors_equal)(&expected[k], &found[k]))
            fail_at(batch, at, kernel->outputs[k].name);
}

static void run_batch(uint64_t first, bool hostile, const struct pass_options *passes, const struct engine_info *info,
                      const struct engine_options *options)
{
    struct batch batch = create_batch(first, hostile, passes);
    struct engine *engine = info->create(batch.compiled, options);
    if (!engine)
        fail_at(&batch, SIZE_MAX, "is not compiled by the engine");
    for (size_t k = 0; k < batch.program->n_kernels; k++)
        for (uint64_t round = 0; round < ROUNDS; round++)
            check_kernel(&batch, info, engine, k, first + k + 1000 * round);
    info->destroy(engine);
    ir_context_destroy(batch.context);
}

static void gcc_computes_the_same(void **state)
{
    (void)state;
    const struct engine_options options = {.compiler = "gcc",
                                           .flags = "-O1 -fsanitize=undefined -fsanitize-undefined-trap-on-error"};
    const struct pass_options plain = {.machine = *machine_generic()};
    run_batch(1, false, &plain, engine_find("c"), &options);
    run_batch(1001, false, &plain, engine_find("c"), &options);
}

static void tcc_computes_the_same(void **state)
{
    (void)state;
    const struct engine_options options = {.compiler = "tcc", .flags = "-O0"};
    const struct pass_options plain = {.machine = *machine_generic()};
    run_batch(2001, false, &plain, engine_find("c"), &options);
    run_batch(3001, false, &plain, engine_find("c"), &options);
}

/* Those that compile in memory; for machines with tiny vectors and caches as well, and for threads. */
static void other_engines_compute_the_same(void **state)
{
    (void)state;
    const struct engine_options options = {.threads = 3};
    size_t count;
    const struct engine_info *engines = engine_table(&count);
    for (size_t k = 0; k < count; k++)
        for (uint64_t machine = 0; machine < 5 && strcmp(engines[k].name, "ref") != 0 && strcmp(engines[k].name, "c") != 0;
             machine++) {
            struct pass_options passes = {.machine = validate_machine(machine), .threads = machine % 2 ? 3 : 0};
            passes.machine.freestanding = false; /* no size of scratch need be known beforehand */
            run_batch(1 + 1000 * machine, false, &passes, &engines[k], &options);
        }
}

/* Bit by bit, also where a compiler would fuse products and sums. The vectors of gcc 12 fuse complex products whatever it is
 * told. */
static void exact_kernels_are_exact(void **state)
{
    (void)state;
    static const struct engine_options ways[] = {
        {.compiler = "gcc", .flags = "-O2 -march=native -ffp-contract=fast -fno-tree-vectorize"},
        {.compiler = "clang", .flags = "-O3 -march=native -ffp-contract=on"},
        {.compiler = "tcc", .flags = "-O0"}};
    const struct pass_options plain = {.machine = *machine_generic()}, tiny = {.machine = validate_machine(1)};
    for (size_t way = 0; way < sizeof ways / sizeof *ways; way++)
        run_batch(4001, true, &plain, engine_find("c"), &ways[way]);
    const struct engine_options options = {0};
    if (engine_find("llvm"))
        run_batch(4001, true, &tiny, engine_find("llvm"), &options);
}

/* Without a name, or with that of one test. */
int main(int argc, char **argv)
{
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gcc_computes_the_same),
        cmocka_unit_test(tcc_computes_the_same),
        cmocka_unit_test(other_engines_compute_the_same),
        cmocka_unit_test(exact_kernels_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
