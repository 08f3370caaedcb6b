/* Reading source text. The text itself is not copied: it must live as long as the context, whose diagnostics quote it. */
#include "compiled.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

struct compiled compiled_read(const char *text)
{
    struct compiled compiled = {.context = ir_context_create(NULL)};
    assert_non_null(compiled.context);
    struct source source = {"test.ein", text, strlen(text)};
    const struct source *kept = arena_copy(ir_arena(compiled.context), &source, 1, sizeof source);
    compiled.program = frontend_read(compiled.context, kept, NULL);
    return compiled;
}

void compiled_print_diagnostics(struct compiled *compiled)
{
    struct text text = text_create(ir_arena(compiled->context));
    diag_print(&text, ir_diagnostics(compiled->context), false);
    print_message("%s\n", text_finish(&text));
}

bool compiled_in_memory(struct failing_allocator *failing, const void *data)
{
    struct source source = {"test.ein", data, strlen(data)};
    failing->allocator.block_size = 8 * strlen(data); /* so that sources of any length take many requests, and not too many */
    struct ir_context *context = ir_context_create(&failing->allocator);
    bool finished = context && frontend_read(context, &source, NULL);
    if (context) {
        assert_int_equal(ir_status(context), finished ? EINC_OK : EINC_NO_MEMORY);
        assert_int_equal(ir_diagnostics(context)->n_items, 0);
    }
    ir_context_destroy(context);
    return finished;
}
