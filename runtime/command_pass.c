/* einc pass: IR text or source in, passes, IR text out. Tensor IR until `lower_loops`, loop IR from then on. */
#include "command.h"

#include <stdio.h>
#include <string.h>

static int list_passes(void)
{
    size_t count;
    const struct pass_info *passes = pass_table(&count);
    for (size_t k = 0; k < count; k++)
        printf("%-14s %s\n", passes[k].name, passes[k].purpose);
    return EXIT_DONE;
}

static bool has_suffix(const char *text, const char *suffix)
{
    size_t length = strlen(text), tail = strlen(suffix);
    return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

struct unit {
    struct pass_kernel *kernels;
    size_t count;
    struct ir_program *program; /* NULL when read as loop IR */
};

static bool read_unit(struct invocation *invocation, const char *path, struct unit *unit)
{
    struct ir_context *context = invocation->context;
    const struct source *source = input_source(invocation, path);
    struct loop_function **functions = NULL;
    if (!source)
        return false;
    if (has_suffix(path, ".loop"))
        functions = loop_read(context, source, &unit->count);
    else
        unit->program =
            has_suffix(path, ".ein") ? frontend_read(context, source, &invocation->compile.frontend) : ir_read(context, source);
    unit->program = compile_derive(unit->program, &invocation->compile);
    if (unit->program)
        unit->count = unit->program->n_kernels;
    unit->kernels = functions || unit->program ? ARENA_ARRAY(ir_arena(context), unit->count, struct pass_kernel) : NULL;
    for (size_t k = 0; k < unit->count && unit->kernels; k++)
        unit->kernels[k] = (struct pass_kernel){.context = context,
                                                .kernel = unit->program ? unit->program->kernels[k] : NULL,
                                                .options = &invocation->compile.passes,
                                                .loops = functions ? functions[k] : NULL};
    return unit->kernels != NULL;
}

static enum einc_status run_one(struct invocation *invocation, const struct pass_info *pass, struct pass_kernel *kernel)
{
    bool lowered = kernel->loops != NULL;
    if (lowered != (pass->level == PASS_LOOP)) {
        struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
        struct diag *diag = diag_error(diagnostics, DIAG_E0809, SPAN_NONE, "pass `%s` works on %s, and this is %s", pass->name,
                                       lowered ? "tensor IR" : "loop IR", lowered ? "loop IR" : "tensor IR");
        diag_help(diagnostics, diag, lowered ? "name it before lower_loops, which made loop IR" : "name lower_loops before it");
        return EINC_INVALID;
    }
    return pass_run(pass, kernel);
}

static bool run_names(struct invocation *invocation, const char *names, struct unit *unit)
{
    for (const char *at = names; *at;) {
        size_t length = strcspn(at, ",");
        const struct pass_info *pass = pass_find(at, length);
        if (!pass) {
            struct diag *diag =
                diag_error(ir_diagnostics(invocation->context), DIAG_E0809, SPAN_NONE, "there is no pass `%.*s`", (int)length, at);
            diag_help(ir_diagnostics(invocation->context), diag, "einc pass --list names them");
            return false;
        }
        for (size_t k = 0; k < unit->count; k++)
            if (run_one(invocation, pass, &unit->kernels[k]) != EINC_OK)
                return false;
        at += length + (at[length] == ',');
    }
    return true;
}

static void print_unit(struct invocation *invocation, const struct unit *unit)
{
    struct text text = text_create(ir_arena(invocation->context));
    bool loops = unit->count && unit->kernels[0].loops;
    if (!loops && unit->program)
        ir_print_program(&text, unit->program);
    for (size_t k = 0; k < unit->count && loops; k++)
        loop_print(&text, invocation->context, unit->kernels[k].loops);
    const char *printed = text_finish(&text);
    fputs(printed ? printed : "", stdout);
}

int command_pass(struct invocation *invocation, int argc, char **argv)
{
    bool list = false;
    const struct option options[] = {{"--list", OPTION_FLAG, &list}};
    struct unit unit = {0};
    if (!options_parse(invocation, argc, argv, options, 1))
        return EXIT_USAGE;
    if (list)
        return list_passes();
    if (invocation->count < 1 || invocation->count > 2)
        return usage_error("pass needs names of passes and a file");
    bool named = invocation->count == 2;
    if (!read_unit(invocation, invocation->words[named], &unit) || (named && !run_names(invocation, invocation->words[0], &unit)))
        return input_finish(invocation, EXIT_INPUT);
    print_unit(invocation, &unit);
    return input_finish(invocation, EXIT_DONE);
}
