/* Source that backend `ein` prints is source the front end reads, and means the same: random programs of tensor IR, printed, read,
 * and evaluated modulo the prime beside the original. Exact where the program is polynomial, so equality is asked for bit by bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "backends/backends.h"
#include "frontend/frontend.h"
#include "programs.h"

enum { PROGRAMS = 150 };

static struct ir_program *read_again(struct ir_context *context, struct ir_context *from, struct ir_program *program, uint64_t seed)
{
    struct backend_kernel kernel = {.source = program->kernels[0], .kernel = program->kernels[0]};
    struct backend_program printed = {from, "random.ein", "again", &kernel, 1};
    const struct backend_options options = {.weights = WEIGHTS_INLINE, .entry = false};
    const struct frontend_options frontend = {0};
    struct backend_file *files = NULL;
    size_t n_files = 0;
    assert_int_equal(backend_find("ein", 3)->emit(&printed, &options, &files, &n_files), EINC_OK);
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    *source = (struct source){"again.ein", arena_strndup(ir_arena(context), files[0].bytes, files[0].length), files[0].length};
    struct ir_program *again = frontend_read(context, source, &frontend);
    if (!again) {
        struct text text = text_create(ir_arena(context));
        diag_print(&text, ir_diagnostics(context), false);
        fail_msg("seed %llu:\n%s\n%s", (unsigned long long)seed, source->text, text_finish(&text));
    }
    return again;
}

static void check_program(uint64_t seed)
{
    const struct random_options options = {.kind = RANDOM_POLYNOMIAL};
    struct ir_context *context = ir_context_create(NULL), *again_context = ir_context_create(NULL);
    struct ir_program *program = random_program(context, seed, &options);
    struct ir_program *again = read_again(again_context, context, program, seed);
    const struct ir_kernel *kernel = program->kernels[0];
    int64_t *dims = random_dims(context, seed);
    struct ir_tensor *inputs = random_inputs(context, kernel, IR_EVAL_PRIME, dims, seed);
    struct ir_tensor *wanted = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    struct ir_tensor *found = ARENA_ARRAY(ir_arena(context), kernel->n_outputs, struct ir_tensor);
    assert_int_equal(ir_eval(context, kernel, IR_EVAL_PRIME, dims, inputs, wanted, NULL), EINC_OK);
    assert_int_equal(ir_eval(again_context, again->kernels[0], IR_EVAL_PRIME, dims, inputs, found, NULL), EINC_OK);
    for (uint32_t k = 0; k < kernel->n_outputs; k++) {
        size_t count = 1;
        assert_int_equal(wanted[k].rank, found[k].rank);
        for (uint32_t axis = 0; axis < wanted[k].rank; axis++)
            count *= (size_t)wanted[k].shape[axis];
        if (count && memcmp(wanted[k].data, found[k].data, count * 2 * sizeof(uint64_t)) != 0)
            fail_msg("seed %llu: output %u differs", (unsigned long long)seed, k);
    }
    ir_context_destroy(again_context);
    ir_context_destroy(context);
}

static void test_random(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= PROGRAMS; seed++)
        check_program(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
