/* Any bytes as a schedule, text or JSON: refused with a diagnostic, or sound. What is sound is printed in both forms, each read
 * again and printed as the same, and a small one is run. The sidecar is 64 numbers, whatever it is called. */
#include "budget.h"
#include "ir/slot.h"
#include "runtime/schedule.h"

#include <string.h>

enum { BUDGET = 64 << 20, RUN_SLOTS = 1 << 20, NUMBERS = 64 };

static void check(bool holds)
{
    if (!holds)
        __builtin_trap();
}

/* k/4 in number k, each little-endian. */
static bool give_sidecar(void *user, const char *name, struct span span, const char **bytes, size_t *length)
{
    static const unsigned char quarters[] = {0x00, 0xd0, 0xe0, 0xe8, 0xf0, 0xf4, 0xf8, 0xfc};
    static char data[NUMBERS * 8];
    (void)name;
    (void)span;
    (void)user;
    for (int k = 0; k < NUMBERS; k++) {
        data[8 * k + 6] = (char)quarters[k % 8];
        data[8 * k + 7] = (char)(k % 8 ? 0x3f : 0);
    }
    *bytes = data;
    *length = sizeof data;
    return true;
}

static bool give_printed(void *user, const char *name, struct span span, const char **bytes, size_t *length)
{
    const struct slot_files *files = user;
    (void)name;
    (void)span;
    *bytes = files->sidecar;
    *length = files->sidecar_length;
    return true;
}

static void read_again(struct ir_context *context, const struct slot_program *program, const struct slot_files *text,
                       enum slot_form form)
{
    struct slot_files files, again;
    if (!slot_print(program, form, "again.f64", &files))
        return;
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    if (!source)
        return;
    *source = (struct source){"again.he", files.text, files.length};
    const struct slot_program *same = schedule_parse(context, source, give_printed, &files);
    check(same || arena_failed(ir_arena(context)) ||
          ir_diagnostics(context)->items[0]->code == DIAG_E0753); /* jansson: no memory */
    if (same && slot_print(same, SLOT_TEXT, "again.f64", &again))
        check(again.length == text->length && !memcmp(again.text, text->text, text->length));
}

static double **tensors(struct arena *arena, const struct slot_port *ports, size_t n)
{
    double **data = ARENA_ARRAY(arena, n, double *);
    for (size_t k = 0; k < n && data; k++)
        if (!(data[k] = ARENA_ARRAY(arena, (size_t)slot_layout_elements(ports[k].layout), double)))
            return NULL;
    return data;
}

static void run(struct ir_context *context, const struct slot_program *program)
{
    double spread;
    if (program->n_values > (size_t)(RUN_SLOTS / program->slots))
        return;
    double **inputs = tensors(ir_arena(context), program->inputs, program->n_inputs);
    double **outputs = tensors(ir_arena(context), program->outputs, program->n_outputs);
    if (inputs && outputs)
        slot_eval(program, (const double *const *)inputs, outputs, &spread);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t left = BUDGET;
    const struct einc_allocator allocator = {budget_allocate, budget_release, &left, 1 << 16};
    struct ir_context *context = ir_context_create(&allocator);
    const char *copy = context ? arena_strndup(ir_arena(context), (const char *)data, size) : NULL;
    if (!copy) {
        ir_context_destroy(context);
        return 0;
    }
    struct text text = text_create(ir_arena(context));
    const struct source source = {"fuzz.he", copy, size};
    const struct slot_program *program = schedule_parse(context, &source, give_sidecar, NULL);
    struct slot_files files;
    check(!program == (ir_diagnostics(context)->n_errors > 0) || arena_failed(ir_arena(context)));
    diag_print(&text, ir_diagnostics(context), false); /* places lie within the text */
    if (program && slot_print(program, SLOT_TEXT, "again.f64", &files)) {
        read_again(context, program, &files, SLOT_TEXT);
        read_again(context, program, &files, SLOT_JSON);
        run(context, program);
    }
    ir_context_destroy(context);
    return 0;
}
