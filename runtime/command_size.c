/* einc size: what a program takes of a machine's flash, RAM and stack, beside what it would take dense.
 *
 * Where the target has a cross compiler and it is installed, the emitted C is compiled and code, tables and stack are those of the
 * object; else they are estimated, and said to be. What is counted is the program's own: the caller's arrays are not in it. */
#include "command.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of stack that subroutines for arithmetic and functions of <math.h> take at most below a kernel: the largest that
 * tests/embedded_suite.py sees on its boards, rounded up; and what a kernel saves where only its arrays are known. */
enum { STACK_OF_ARITHMETIC = 96, STACK_OF_MATH = 512, STACK_OF_KERNEL = 128 };

struct kernel_size {
    struct pass_footprint footprint;
    struct pass_dense dense;
    int64_t tables, workspace; /* bytes; workspace -1: it depends on dims */
    int64_t code, stack;
    bool calls_math;
};

struct sizes {
    struct kernel_size *kernels;
    size_t n_kernels;
    int64_t tables, code; /* of all, what they share counted once; code with helpers */
    const char *compiler; /* that measured; NULL: estimated */
};

/* ---- estimates ---- */

static bool estimate_kernel(struct invocation *invocation, const struct compiled *compiled, size_t number, struct pass_tables *all,
                            struct kernel_size *size)
{
    const struct pass_kernel *kernel = &compiled->kernels[number];
    const double *typical = ir_typical_sizes(compiled->context);
    struct pass_tables own = {0};
    struct pass_options passes = invocation->compile.passes;
    passes.trace = NULL;
    if (!pass_footprint(kernel, &own, &size->footprint) || !pass_footprint(kernel, all, &size->footprint) || !typical ||
        !pass_dense(compiled->context, compiled->program->kernels[number], &passes, &size->dense))
        return false;
    size->tables = pass_tables_bytes(&own);
    size->code = size->footprint.code;
    double functions = kernel->loops->work.functions ? poly_estimate(kernel->loops->work.functions, typical, NULL) : 0;
    size->calls_math = functions > 0;
    size->stack = size->footprint.arrays + STACK_OF_KERNEL + (size->calls_math ? STACK_OF_MATH : STACK_OF_ARITHMETIC);
    if (!loop_most_workspace(compiled->context, kernel->loops, &size->workspace))
        size->workspace = -1;
    return true;
}

static bool estimate_all(struct invocation *invocation, const struct compiled *compiled, struct sizes *sizes)
{
    struct pass_tables all = {0};
    *sizes = (struct sizes){.n_kernels = compiled->n_kernels};
    sizes->kernels = ARENA_ARRAY(ir_arena(compiled->context), compiled->n_kernels, struct kernel_size);
    for (size_t k = 0; sizes->kernels && k < compiled->n_kernels; k++) {
        if (!estimate_kernel(invocation, compiled, k, &all, &sizes->kernels[k]))
            return false;
        sizes->code += sizes->kernels[k].code;
    }
    sizes->tables = pass_tables_bytes(&all);
    return sizes->kernels != NULL;
}

/* ---- measurements ---- */

/* The lines of a text one after the other; NULL at its end. */
static char *next_line(char **rest)
{
    char *line = *rest, *end = line ? strchr(line, '\n') : NULL;
    if (!line || !*line)
        return NULL;
    if (end)
        *end = '\0';
    *rest = end ? end + 1 : line + strlen(line);
    return line;
}

static size_t kernel_named(const struct backend_signature *signatures, size_t count, const char *name)
{
    for (size_t k = 0; k < count; k++)
        if (strcmp(signatures[k].name, name) == 0)
            return k;
    return count;
}

/* `.text.kws  252  0`, as `size -A` prints a section. */
static void take_sections(struct sizes *sizes, const struct backend_signature *signatures, char *text)
{
    sizes->code = sizes->tables = 0;
    for (char *line; (line = next_line(&text));) {
        char name[256];
        long long bytes;
        if (sscanf(line, "%255s %lld", name, &bytes) != 2)
            continue;
        if (strncmp(name, ".rodata", 7) == 0)
            sizes->tables += bytes;
        if (strncmp(name, ".text", 5) != 0)
            continue;
        sizes->code += bytes;
        size_t kernel = name[5] == '.' ? kernel_named(signatures, sizes->n_kernels, name + 6) : sizes->n_kernels;
        if (kernel < sizes->n_kernels)
            sizes->kernels[kernel].code = bytes;
    }
}

/* `kernels.c:35:6:kws  24  static`, a line a function; what is no kernel may be called by each of them. */
static void take_stacks(struct sizes *sizes, const struct backend_signature *signatures, int64_t below, char *text)
{
    int64_t helpers = 0;
    for (size_t k = 0; k < sizes->n_kernels; k++)
        sizes->kernels[k].stack = 0;
    for (char *line; (line = next_line(&text));) {
        char *tab = strchr(line, '\t'), *name = tab ? (*tab = '\0', strrchr(line, ':')) : NULL;
        if (!name)
            continue;
        size_t kernel = kernel_named(signatures, sizes->n_kernels, name + 1);
        int64_t bytes = strtoll(tab + 1, NULL, 10);
        if (kernel < sizes->n_kernels)
            sizes->kernels[kernel].stack = bytes;
        else
            helpers += bytes;
    }
    for (size_t k = 0; k < sizes->n_kernels; k++)
        sizes->kernels[k].stack +=
            helpers + (sizes->kernels[k].calls_math || below < STACK_OF_MATH ? below : (int64_t)STACK_OF_ARITHMETIC);
}

/* By what the object leaves to others: `U expf`, `U __aeabi_fadd`. */
static int64_t stack_below(char *text)
{
    int64_t bytes = 0;
    for (char *line; (line = next_line(&text));) {
        char *name = strstr(line, "U ");
        int64_t own = !name ? 0 : strncmp(name + 2, "__", 2) == 0 ? STACK_OF_ARITHMETIC : STACK_OF_MATH;
        bytes = own > bytes ? own : bytes;
    }
    return bytes;
}

/* What the program printed, as a text that may be cut; NULL: it could not be run. */
static char *printed(struct toolchain *toolchain, const char *command, const char *file)
{
    struct arena *arena = ir_arena(toolchain->context);
    const char *bytes;
    size_t length;
    const char *const words[] = {file};
    if (!toolchain_run(toolchain, command, words, 1) ||
        !file_read(toolchain->context, toolchain->messages, (size_t)16 << 20, SPAN_NONE, &bytes, &length))
        return NULL;
    return arena_strndup(arena, bytes, length);
}

/* `arm-none-eabi-gcc` and `size` to `arm-none-eabi-size`. */
static const char *beside_compiler(struct arena *arena, const char *compiler, const char *tool)
{
    size_t word = strcspn(compiler, " "), last = word;
    while (last > 0 && compiler[last - 1] != '-')
        last--;
    return arena_printf(arena, "%.*s%s", (int)last, compiler, tool);
}

static bool measure_object(struct toolchain *toolchain, const char *compiler, const struct backend_signature *signatures,
                           struct sizes *sizes)
{
    struct arena *arena = ir_arena(toolchain->context);
    const char *stacks = toolchain_path(toolchain, "kernels.su"), *bytes;
    size_t length;
    char *undefined = printed(toolchain, beside_compiler(arena, compiler, "nm -u"), toolchain->object);
    char *sections = printed(toolchain, beside_compiler(arena, compiler, "size -A"), toolchain->object);
    bool good =
        undefined && sections && stacks && file_read(toolchain->context, stacks, (size_t)16 << 20, SPAN_NONE, &bytes, &length);
    char *usage = good ? arena_strndup(arena, bytes, length) : NULL;
    if (!usage)
        return false;
    take_sections(sizes, signatures, sections);
    take_stacks(sizes, signatures, stack_below(undefined), usage);
    sizes->compiler = compiler;
    return true;
}

/* False after a diagnostic; without a compiler for the target nothing is changed. */
static bool measure_all(struct invocation *invocation, struct compiled *compiled, const char *compiler, struct sizes *sizes)
{
    struct ir_context *context = compiled->context;
    struct backend_options options = {.freestanding = invocation->compile.backend.freestanding};
    struct backend_program program;
    struct backend_file *files = NULL;
    size_t n_files = 0;
    struct toolchain toolchain;
    if (!compile_backend_program(compiled, "kernels", &program) ||
        backend_find("c", 1)->emit(&program, &options, &files, &n_files) != EINC_OK)
        return false;
    const struct backend_signature *signatures = backend_signatures(&program);
    if (!signatures || !toolchain_open(&toolchain, context))
        return false;
    const char *command = arena_printf(ir_arena(context), "%s -std=c99 %s -ffunction-sections -fdata-sections -fstack-usage -c -o",
                                       compiler, invocation->compile.passes.small ? "-Os" : "-O2");
    const char *const words[] = {toolchain.object, toolchain_path(&toolchain, files[0].name)};
    bool written = toolchain_write(&toolchain, files, n_files);
    if (written && command && words[1] && toolchain_run(&toolchain, command, words, 2))
        (void)measure_object(&toolchain, compiler, signatures, sizes);
    const char *stacks = toolchain_path(&toolchain, "kernels.su");
    if (stacks)
        unlink(stacks);
    toolchain_close(&toolchain);
    return written && ir_status(context) == EINC_OK;
}

/* ---- output ---- */

static double accumulates(double operations)
{
    return ceil(operations / 2);
}

static void print_json(const struct invocation *invocation, const struct compiled *compiled, const struct sizes *sizes)
{
    json_t *kernels = json_array();
    for (size_t k = 0; k < sizes->n_kernels; k++) {
        const struct kernel_size *size = &sizes->kernels[k];
        json_t *workspace = size->workspace < 0 ? json_null() : json_integer(size->workspace);
        json_array_append_new(kernels, json_pack("{s:s, s:I, s:I, s:o, s:I, s:I, s:I, s:{s:I, s:I}}", "name",
                                                 compiled->kernels[k].kernel->name, "tables", (json_int_t)size->tables, "code",
                                                 (json_int_t)size->code, "workspace", workspace, "arrays",
                                                 (json_int_t)size->footprint.arrays, "stack", (json_int_t)size->stack,
                                                 "multiply_accumulates", (json_int_t)accumulates(size->footprint.operations),
                                                 "dense", "tables", (json_int_t)size->dense.tables, "multiply_accumulates",
                                                 (json_int_t)accumulates(size->dense.operations)));
    }
    json_t *root =
        json_pack("{s:s, s:b, s:s?, s:{s:I, s:I, s:I}, s:o}", "target", invocation->compile.passes.machine.name, "measured",
                  sizes->compiler != NULL, "compiler", sizes->compiler, "flash", "tables", (json_int_t)sizes->tables, "code",
                  (json_int_t)sizes->code, "total", (json_int_t)(sizes->tables + sizes->code), "kernels", kernels);
    json_dumpf(root, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(root);
}

static void print_text(const struct invocation *invocation, const struct compiled *compiled, const struct sizes *sizes)
{
    printf("%s, %s%s\n\n%-16s %10s %8s %10s %8s %12s %12s %14s\n", invocation->compile.passes.machine.name,
           sizes->compiler ? "measured with " : "estimated", sizes->compiler ? sizes->compiler : "", "kernel", "tables", "code",
           "workspace", "stack", "mult-acc", "dense tables", "dense mult-acc");
    for (size_t k = 0; k < sizes->n_kernels; k++) {
        const struct kernel_size *size = &sizes->kernels[k];
        char workspace[24] = "of dims";
        if (size->workspace >= 0)
            snprintf(workspace, sizeof workspace, "%" PRId64, size->workspace);
        printf("%-16s %10" PRId64 " %8" PRId64 " %10s %8" PRId64 " %12.0f %12.0f %14.0f\n", compiled->kernels[k].kernel->name,
               size->tables, size->code, workspace, size->stack, accumulates(size->footprint.operations), size->dense.tables,
               accumulates(size->dense.operations));
    }
    printf("\nflash %" PRId64 " bytes: %" PRId64 " of tables, %" PRId64 " of code\n", sizes->tables + sizes->code, sizes->tables,
           sizes->code);
}

int command_size(struct invocation *invocation, int argc, char **argv)
{
    bool as_json = false;
    const struct option options[] = {{"--json", OPTION_FLAG, &as_json}};
    if (!options_parse(invocation, argc, argv, options, 1))
        return EXIT_USAGE;
    if (invocation->count != 1)
        return usage_error("size needs one .ein file");
    if (!invocation->target)
        invocation->target = "embedded";
    struct compiled *compiled = input_compile(invocation, invocation->words[0]);
    struct sizes sizes;
    if (!compiled || !estimate_all(invocation, compiled, &sizes))
        return input_finish(invocation, EXIT_INPUT);
    const char *compiler = target_compiler(invocation->target);
    if (compiler && !measure_all(invocation, compiled, compiler, &sizes))
        return input_finish(invocation, EXIT_INPUT);
    if (as_json)
        print_json(invocation, compiled, &sizes);
    else
        print_text(invocation, compiled, &sizes);
    return input_finish(invocation, EXIT_DONE);
}
