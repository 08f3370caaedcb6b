/* Evaluating one kernel. Everything lies in the arena of the run's context, outputs too, until the run is finished. */
#include "eval_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct eval_run eval_prepare(const char *text)
{
    struct eval_run run = {.context = ir_context_create(NULL)};
    struct source *source = ARENA_NEW(ir_arena(run.context), struct source);
    *source = (struct source){"test.eir", text, strlen(text)};
    struct ir_program *program = ir_read(run.context, source);
    if (!program) {
        struct text shown = text_create(ir_arena(run.context));
        diag_print(&shown, ir_diagnostics(run.context), false);
        print_message("%s\n", text_finish(&shown));
    }
    assert_non_null(program);
    run.kernel = program->kernels[0];
    return run;
}

void eval_give(struct eval_run *run, uint32_t number, const int64_t *dims, const void *data)
{
    const struct ir_node *node = run->kernel->inputs[number].node;
    int64_t *shape = ARENA_ARRAY(ir_arena(run->context), node->rank, int64_t);
    for (uint32_t k = 0; k < node->rank; k++)
        assert_true(poly_evaluate(node->shape[k], dims, NULL, &shape[k]));
    run->inputs[number] = (struct ir_tensor){node->elem, node->rank, shape, (void *)(uintptr_t)data};
}

void eval_evaluate(struct eval_run *run, enum ir_arithmetic arithmetic, const int64_t *dims)
{
    run->status = ir_eval(run->context, run->kernel, arithmetic, dims, run->inputs, run->outputs, run->longest);
}

void eval_finish(struct eval_run *run)
{
    ir_context_destroy(run->context);
}
