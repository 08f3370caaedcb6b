/* Any bytes through the reader of machine descriptions: a description or a diagnostic, and what was read is printed and read again
 * as the same. */
#include "ir/ir.h"
#include "ir/machine.h"

#include <string.h>

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static void check_again(struct diagnostics *diagnostics, const struct machine *machine)
{
    struct text text = text_create(diagnostics->arena);
    size_t count;
    const struct machine_field *fields = machine_field_table(&count);
    machine_print(&text, machine);
    struct source *source = ARENA_NEW(diagnostics->arena, struct source);
    check(source != NULL);
    *source = (struct source){"again.machine", text_finish(&text), text.length};
    const struct machine *again = machine_read(diagnostics, source);
    check(again && !strcmp(again->name, machine->name));
    for (size_t k = 0; k < count; k++)
        check(machine_value(again, &fields[k]) == machine_value(machine, &fields[k]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ir_context *context = ir_context_create(NULL);
    struct diagnostics *diagnostics = ir_diagnostics(context);
    struct text text = text_create(ir_arena(context));
    const struct source source = {"fuzz.machine", arena_strndup(ir_arena(context), (const char *)data, size), size};
    const struct machine *machine = machine_read(diagnostics, &source);
    if (machine)
        check_again(diagnostics, machine);
    check(!machine == (diagnostics->n_errors > 0));
    diag_print(&text, diagnostics, false); /* places lie within the text */
    ir_context_destroy(context);
    return 0;
}
