/* A row a kernel, in a context of its own: what is wrong is said once and nothing follows from it. */
#include "refused.h"

#include "ir/ir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

void check_refused(const char *inputs, const struct refused *rows, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        struct ir_context *context = ir_context_create(NULL);
        struct source source = {.path = "refused.eir"};
        source.text = arena_printf(ir_arena(context), "kernel f: exact {\n%s\n%s\noutput y = %%y\n}\n", inputs, rows[k].statement);
        source.length = strlen(source.text);
        assert_null(ir_read(context, &source));
        const struct diagnostics *diagnostics = ir_diagnostics(context);
        if (diagnostics->n_items != 1 || strcmp(diag_code_name(diagnostics->items[0]->code), rows[k].code) != 0)
            fail_msg("%s: %zu diagnostics, the first %s, not one %s", rows[k].statement, diagnostics->n_items,
                     diagnostics->n_items ? diag_code_name(diagnostics->items[0]->code) : "none", rows[k].code);
        ir_context_destroy(context);
    }
}
