/* Compiles, runs and frees kernels of one engine again and again, sources that are refused and kernels that end at a check
 * included:
 *
 *     cycles_runner ENGINE CYCLES KIB
 *
 * Fails when resident memory grows by KIB or more after the first tenth of the cycles, or when mappings or descriptors are left. */
#include "runtime/runtime.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SHAPES = 40, MAPPINGS_KEPT = 4 }; /* the allocator's own */

struct left {
    size_t kib, mappings, descriptors;
};

static struct left measure(void)
{
    struct left left = {0};
    char line[4096];
    size_t all, resident;
    FILE *size = fopen("/proc/self/statm", "r"), *maps = fopen("/proc/self/maps", "r");
    if (size && fscanf(size, "%zu %zu", &all, &resident) == 2)
        left.kib = resident * (size_t)sysconf(_SC_PAGESIZE) / 1024;
    while (maps && fgets(line, sizeof line, maps))
        left.mappings += strchr(line, '\n') != NULL;
    if (size)
        fclose(size);
    if (maps)
        fclose(maps);
    DIR *folder = opendir("/proc/self/fd");
    while (folder && readdir(folder))
        left.descriptors++;
    if (folder)
        closedir(folder);
    return left;
}

enum { TEXT_BYTES = 300 };

/* Kernel `f` looks up x[t[i]]: entries may lead outside. The text lives as long as the context, which quotes it. */
static struct compiled *compile(struct ir_context *context, size_t cycle)
{
    char *text = ARENA_ARRAY(ir_arena(context), TEXT_BYTES, char);
    struct source *source = ARENA_NEW(ir_arena(context), struct source);
    if (!text || !source)
        return NULL;
    snprintf(text, TEXT_BYTES,
             "kernel f(x: f64[%zu, 3], t: i32[2]) -> (y: f64[2]) { y[i] = sum[k](exp(x[t[i],k]) * x[t[i],k]) + %zu.5%s }\n",
             cycle % SHAPES + 3, cycle, cycle % 4 == 3 ? " * z[i]" : "");
    *source = (struct source){"cycles.ein", text, strlen(text)};
    const struct compile_options options = {.passes = {.machine = *machine_generic()}};
    return compile_source(context, source, &options);
}

/* Is the kernel run, or refused, as it must be? */
static bool run(const struct engine_info *info, struct engine *engine, size_t cycle)
{
    static double x[SHAPES + 3][3];
    int64_t shape[] = {(int64_t)(cycle % SHAPES + 3), 3}, two = 2;
    int32_t t[] = {2, cycle % 4 == 2 ? 1000 : 0};
    double y[2];
    const struct ir_tensor inputs[] = {{IR_f64, 2, shape, x}, {IR_i32, 1, &two, t}};
    struct ir_tensor output = {IR_f64, 1, &two, y};
    enum einc_status status = info->run(engine, 0, NULL, inputs, &output);
    return cycle % 4 == 2 ? status == EINC_INVALID : status == EINC_OK && y[1] == (double)cycle + 0.5;
}

static bool run_cycle(const struct engine_info *info, size_t cycle)
{
    struct ir_context *context = ir_context_create(NULL);
    struct compiled *compiled = context ? compile(context, cycle) : NULL;
    struct engine *engine = compiled ? info->create(compiled, NULL) : NULL;
    bool good = context && (cycle % 4 == 3 ? !compiled : engine && run(info, engine, cycle));
#if EINC_TCC
    struct jit_tcc code;
    if (cycle % 4 == 3 && strcmp(info->name, "tcc") == 0)
        good = good && !jit_tcc_compile(context, "int f(void) { struct { int a; } b = {1}; return b + ; }", &code) &&
               !jit_tcc_compile(context, "int g(void); int f(void) { return g(); }", &code);
#endif
    info->destroy(engine);
    ir_context_destroy(context);
    if (!good)
        fprintf(stderr, "cycle %zu goes wrong\n", cycle);
    return good;
}

int main(int argc, char **argv)
{
    const struct engine_info *info = argc == 4 ? engine_find(argv[1]) : NULL;
    if (!info)
        return 2;
    size_t cycles = strtoul(argv[2], NULL, 10), limit = strtoul(argv[3], NULL, 10), warm = cycles / 10 + 1;
    struct left before = {0};
    for (size_t cycle = 0; cycle < cycles; cycle++) {
        if (!run_cycle(info, cycle))
            return 1;
        if (cycle + 1 == warm)
            before = measure();
    }
    struct left after = measure();
    size_t grown = after.kib > before.kib ? after.kib - before.kib : 0;
    bool good = grown < limit && after.descriptors == before.descriptors && after.mappings <= before.mappings + MAPPINGS_KEPT;
    printf("engine %s, %zu cycles: %zu KiB more, mappings %zu and %zu, descriptors %zu and %zu\n%d passed, %d failed, 0 skipped\n",
           info->name, cycles, grown, before.mappings, after.mappings, before.descriptors, after.descriptors, good, !good);
    return good ? 0 : 1;
}
