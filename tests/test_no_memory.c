/* Memory that ends, everywhere it can: programs with every feature are compiled and emitted by every backend while the n-th request
 * for memory fails, each request being one of its own (blocks of the arena hold one allocation). Whatever fails, the status says
 * so, nothing was reported as the user's mistake, nothing is left, and the same work succeeds when there is memory.
 *
 * Requests from one place of the code, reached by one way, are alike: of those the first in each program is failed, so that the
 * test takes seconds and still fails each place by each way. Beside that, allocations behind the allocator's back are counted, by
 * the C library on our behalf (printf, qsort, the parsers' stacks) or by our own code: there are none. LLVM has memory of its own,
 * which is not counted; what einc asks for while it builds a module fails like all else.
 * Left out: what only `runtime` does, files and the command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <execinfo.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/runtime.h"

/* ---- allocations nobody was asked for ---- */

static volatile bool watching; /* library code runs, and it is not in the allocator */
static volatile size_t escaped;

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
/* Of sanitizer/allocator_interface.h, which gcc does not ship. */
extern int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
                                                     void (*free_hook)(const volatile void *));

static void on_malloc(const volatile void *memory, size_t size)
{
    (void)memory;
    (void)size;
    escaped = escaped + watching;
}

static void on_free(const volatile void *memory)
{
    (void)memory;
}

static void watch_malloc(void)
{
    __sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}
#else
/* In place of the C library's, for its own calls too. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

void *malloc(size_t size)
{
    escaped = escaped + watching;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    escaped = escaped + watching;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    escaped = escaped + watching;
    return __libc_realloc(memory, size);
}

static void watch_malloc(void) {}
#endif

/* ---- an allocator that knows who asks ---- */

enum { FRAMES = 7, PLACES = 1 << 17 };

enum { REQUESTS = 60000 }; /* of a program: longer ones show no new places, and take a second a thousand */

struct recorder {
    struct einc_allocator allocator;
    long allowed; /* requests granted; negative: all */
    long granted, live;
    bool recording;
    long *first; /* the requests that came from a new place, ascending */
    size_t n_first, capacity;
};

static uint64_t places[PLACES]; /* hashes of call stacks seen, open addressing; 0: free */

static bool is_new_place(void)
{
    void *frames[FRAMES];
    int n = backtrace(frames, FRAMES);
    uint64_t hash = hash_bytes(1, frames, (size_t)n * sizeof *frames) | 1;
    size_t at = hash % PLACES;
    while (places[at] && places[at] != hash)
        at = (at + 1) % PLACES;
    bool fresh = !places[at];
    places[at] = hash;
    return fresh;
}

static void *allocate(void *user, size_t size)
{
    struct recorder *recorder = user;
    watching = false;
    void *memory = recorder->allowed < 0 || recorder->granted < recorder->allowed ? malloc(size) : NULL;
    if (memory && recorder->recording && is_new_place()) {
        if (recorder->n_first == recorder->capacity) {
            recorder->capacity = recorder->capacity ? 2 * recorder->capacity : 1024;
            recorder->first = realloc(recorder->first, recorder->capacity * sizeof *recorder->first);
            assert_non_null(recorder->first);
        }
        recorder->first[recorder->n_first++] = recorder->granted;
    }
    recorder->granted += memory != NULL;
    recorder->live += memory != NULL;
    watching = true;
    return memory;
}

static void release(void *user, void *memory)
{
    struct recorder *recorder = user;
    recorder->live -= memory != NULL;
    free(memory);
}

static void recorder_init(struct recorder *recorder, long allowed)
{
    *recorder = (struct recorder){.allowed = allowed};
    recorder->allocator = (struct einc_allocator){.allocate = allocate, .release = release, .user = recorder, .block_size = 1};
}

/* ---- the work ---- */

/* Constants in files: reading them is not what is watched, their memory is the context's as ever. */
static bool load(void *user, struct ir_context *context, const char *path, struct span span, struct frontend_array *array)
{
    (void)user;
    struct ir_tensor tensor;
    watching = false;
    bool read = npy_read(context, path, span, &tensor);
    watching = true;
    if (read)
        *array = (struct frontend_array){tensor.elem, tensor.rank, tensor.shape, tensor.data,
                                         npy_element_count(&tensor) * ir_elem_info(tensor.elem)->bytes};
    return read;
}

static const char *made_for = "generic";
static enum backend_kind emitted = BACKEND_SOURCE; /* forms of this kind; of those that LLVM makes one */

static enum einc_status emit_all(struct compiled *compiled)
{
    size_t n_backends;
    const struct backend_info *backends = backend_table(&n_backends);
    enum einc_status status = EINC_OK;
    for (size_t k = 0; k < n_backends && status == EINC_OK; k++)
        for (int weights = WEIGHTS_INLINE; weights <= WEIGHTS_FILE && status == EINC_OK; weights++) {
            const struct backend_options options = {.weights = (enum backend_weights)weights, .entry = true};
            struct backend_file *files = NULL;
            size_t n_files = 0;
            bool is_wanted = backends[k].kind == emitted && (emitted == BACKEND_SOURCE || strcmp(backends[k].name, "llvm") == 0);
            if (is_wanted && (weights == WEIGHTS_INLINE || backends[k].name[0] == 'c'))
                status = compile_emit(compiled, &backends[k], "out", &options, &files, &n_files);
        }
    return status;
}

/* What the first line says of --gradient=WORDS and --adjoint=WORDS. */
static size_t read_derivatives(struct ir_context *context, const struct source *source, struct pass_derivative *derivatives)
{
    static const char *const options[] = {[PASS_GRADIENT] = "--gradient=", [PASS_ADJOINT] = "--adjoint="};
    struct arena *arena = ir_arena(context);
    const char *line = arena_strndup(arena, source->text, strcspn(source->text, "\n"));
    size_t count = 0;
    for (int kind = PASS_GRADIENT; line && kind <= PASS_ADJOINT; kind++) {
        const char *words = strstr(line, options[kind]);
        words = words ? words + strlen(options[kind]) : NULL;
        const char *copy = words ? arena_strndup(arena, words, strcspn(words, " ")) : NULL;
        count += copy && derivative_read(arena, (enum pass_derivative_kind)kind, copy, &derivatives[count]);
    }
    return count;
}

/* To schedules on ciphertexts, in all forms. */
static enum einc_status pack(struct ir_context *context, const struct source *source)
{
    static const struct packing_range ranges[] = {{"gelu", -4, 4}};
    const struct compile_options options = {.frontend = {.load = load},
                                            .passes = {.machine = *machine_find(made_for)},
                                            .packing = {.slots = 16,
                                                        .levels = PACKING_ANY,
                                                        .keys = PACKING_ANY,
                                                        .times = slot_times_builtin(),
                                                        .within = 0.1,
                                                        .ranges = ranges,
                                                        .n_ranges = strstr(source->text, ranges->name) != NULL}};
    struct ir_program *program = frontend_read(context, source, &options.frontend);
    struct packing_result *packed = program ? compile_packing(program, &options) : NULL;
    size_t n_backends;
    const struct backend_info *backends = backend_table(&n_backends);
    enum einc_status status = packed ? EINC_OK : ir_status(context) ? ir_status(context) : EINC_INVALID;
    for (size_t k = 0; k < n_backends && status == EINC_OK; k++) {
        struct backend_file *files = NULL;
        size_t n_files = 0;
        if (backends[k].kind == BACKEND_SCHEDULE)
            status = compile_emit_packed(program, packed, &backends[k], "out", &options.backend, &files, &n_files);
    }
    return status;
}

/* Reads, compiles, emits. */
static enum einc_status compile(struct ir_context *context, const struct source *source)
{
    struct pass_derivative derivatives[2];
    const struct compile_options options = {.frontend = {.load = load},
                                            .passes = {.machine = *machine_find(made_for)},
                                            .derivatives = derivatives,
                                            .n_derivatives = read_derivatives(context, source, derivatives)};
    struct compiled *compiled = compile_source(context, source, &options);
    return compiled ? emit_all(compiled) : ir_status(context);
}

/* All of it, and prints what was reported. */
static enum einc_status work(struct ir_context *context, const struct source *source)
{
    struct text text = text_create(ir_arena(context));
    enum einc_status status = emitted == BACKEND_SCHEDULE ? pack(context, source) : compile(context, source);
    diag_print(&text, ir_diagnostics(context), true);
    return ir_status(context) == EINC_NO_MEMORY ? EINC_NO_MEMORY : status;
}

static enum einc_status attempt(struct recorder *recorder, const struct source *source)
{
    watching = true;
    struct ir_context *context = ir_context_create(&recorder->allocator);
    enum einc_status status = context ? work(context, source) : EINC_NO_MEMORY;
    size_t n_errors = context ? ir_diagnostics(context)->n_errors : 0;
    ir_context_destroy(context);
    watching = false;
    assert_int_equal(recorder->live, 0);
    if (escaped && emitted == BACKEND_SOURCE)
        fail_msg("%s: %zu allocations behind the allocator's back", source->path, (size_t)escaped);
    if (recorder->allowed >= 0 && (status != EINC_NO_MEMORY || (n_errors && !recorder->recording)))
        fail_msg("%s: without memory from request %ld on: status %d, %zu errors", source->path, recorder->allowed, (int)status,
                 n_errors);
    return status;
}

static size_t check_source(const struct source *source)
{
    struct recorder all, failing;
    recorder_init(&all, -1);
    all.recording = true;
    if (attempt(&all, source) != EINC_OK) { /* refused, or a limit: what is printed then was made all the same */
        free(all.first);
        return 0;
    }
    for (size_t k = 0; k < all.n_first; k++) {
        recorder_init(&failing, all.first[k]);
        attempt(&failing, source);
    }
    recorder_init(&failing, -1);
    assert_int_equal(attempt(&failing, source), EINC_OK);
    size_t failed = all.n_first;
    free(all.first);
    return failed;
}

/* ---- the programs ---- */

static char *read_whole(const char *path, size_t *length)
{
    enum { MOST_TEXT = 1 << 18 };
    char *text = malloc(MOST_TEXT);
    assert_non_null(text);
    FILE *file = fopen(path, "rb");
    *length = file ? fread(text, 1, MOST_TEXT - 1, file) : 0;
    if (file)
        fclose(file);
    text[*length] = 0;
    char *end = strstr(text, "# EXPECT:"); /* of goldens: the input alone */
    if (end)
        *length = (size_t)(end - text);
    text[*length] = 0;
    return text;
}

struct program {
    struct source source;
    long requests;
};

struct programs {
    struct program *items;
    size_t count;
};

static int fewer_requests(const void *first, const void *second)
{
    const struct program *a = first, *b = second;
    return (a->requests > b->requests) - (a->requests < b->requests);
}

/* One that compiles; owns path and text. */
static void add_program(struct programs *programs, char *path, char *text, size_t length)
{
    struct recorder all;
    struct program program = {{path, text, length}, 0};
    recorder_init(&all, -1);
    if (attempt(&all, &program.source) != EINC_OK) {
        free(path);
        free(text);
        return;
    }
    program.requests = all.granted;
    programs->items = realloc(programs->items, (programs->count + 1) * sizeof *programs->items);
    assert_non_null(programs->items);
    programs->items[programs->count++] = program;
}

static void add_files(struct programs *programs, const char *pattern)
{
    glob_t found;
    char whole[4096];
    snprintf(whole, sizeof whole, "%s/%s", EINC_SOURCE_DIR, pattern);
    if (glob(whole, 0, NULL, &found) != 0)
        fail_msg("no file %s", pattern);
    for (size_t n = 0; n < found.gl_pathc; n++) {
        size_t length;
        char *text = read_whole(found.gl_pathv[n], &length);
        add_program(programs, strdup(found.gl_pathv[n]), text, length);
    }
    globfree(&found);
}

/* The examples of a page about the language. */
static void add_page(struct programs *programs, const char *page)
{
    static const char begin[] = "```ein\n";
    char path[4096];
    size_t length;
    snprintf(path, sizeof path, "%s/%s", EINC_SOURCE_DIR, page);
    char *text = read_whole(path, &length);
    for (char *at = text; (at = strstr(at, begin)) != NULL;) {
        at += sizeof begin - 1;
        char *end = strstr(at, "```");
        assert_non_null(end);
        add_program(programs, strdup(path), strndup(at, (size_t)(end - at)), (size_t)(end - at));
        at = end;
    }
    free(text);
}

/* Short ones first: a place fails where it is reached soonest. */
static struct programs list_programs(void)
{
    static const char *const patterns[] = {"examples/*/*.ein",           "tests/golden/emit/*.ein",   "tests/golden/frontend/*.ein",
                                           "tests/golden/lower/*.ein",   "tests/golden/passes/*.ein", "tests/cases/scans/*.ein",
                                           "tests/cases/gradients/*.ein"};
    struct programs programs = {NULL, 0};
    for (size_t k = 0; k < sizeof patterns / sizeof *patterns; k++)
        add_files(&programs, patterns[k]);
    add_page(&programs, "docs/language.md");
    add_page(&programs, "docs/operators.md");
    qsort(programs.items, programs.count, sizeof *programs.items, fewer_requests);
    return programs;
}

/* Lookups with their checks, a choice that needs a branch, casts, a function, a tiled product whose panels are turned. */
static const char code_text[] =
    "dim n\n"
    "const w: f64[3] = [1, 2, 3]\n"
    "kernel small(x: f64[n], t: i32[n], h: f16[n]) -> (y: f64[n], z: bool[n]) {\n"
    "    y[i] = x[t[i]] * pad(w[i mod 4 - 1], 0.5) + exp(f64(h[i]))\n"
    "    z[i] = i32(x[i]) div 3 > 1\n"
    "}\n"
    "kernel product(a: f32[n, 40], b: f32[n, 40]) -> (c: f32[n, n]) { c[i,j] = sum[k](a[i,k] * b[j,k]) }\n";

static void test_code(void **state)
{
    (void)state;
    struct source source = {"code.ein", code_text, sizeof code_text - 1};
    void *frames[FRAMES];
    (void)backtrace(frames, FRAMES);
    made_for = "avx2";
    emitted = BACKEND_CODE;
    size_t failed = check_source(&source);
    printf("%zu requests failed\n", failed);
    assert_true(failed > 100);
    made_for = "generic";
    emitted = BACKEND_SOURCE;
}

static void test_schedules(void **state)
{
    (void)state;
    static const char *const texts[] = {"kernel function(x: f64[4]) -> (y: f64[4]) { y[i] = gelu(x[i]) }\n",
                                        /* structure, products of ciphertexts with more elements than one holds, a shift */
                                        "kernel norm(x: f64[3, 6]) -> (y: f64[3]) { y[i] = x[i,j] * x[i,j] }\n"
                                        "kernel mixed(x: f64[2, 3]) -> (y: f64[2, 3]) { y[i,j] = kron(dct2(2), "
                                        "dct2(3))[(i,j),(k,l)] * x[k,l] + pad(x[i,j-1], 0) }\n"};
    void *frames[FRAMES];
    (void)backtrace(frames, FRAMES);
    emitted = BACKEND_SCHEDULE;
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++) {
        size_t failed = check_source(&(const struct source){"schedule.ein", texts[k], strlen(texts[k])});
        printf("%zu requests failed\n", failed);
        assert_true(failed > 100);
    }
    emitted = BACKEND_SOURCE;
}

static void test_sources(void **state)
{
    (void)state;
    size_t failed = 0;
    void *frames[FRAMES];
    (void)backtrace(frames, FRAMES); /* takes memory the first time */
    struct programs programs = list_programs();
    for (size_t k = 0; k < programs.count; k++) {
        const struct program *program = &programs.items[k];
        if (program->requests <= REQUESTS)
            failed += check_source(&program->source);
        free((char *)program->source.path);
        free((char *)program->source.text);
    }
    free(programs.items);
    printf("%zu programs, %zu requests failed\n", programs.count, failed);
    assert_true(programs.count >= 120 && failed >= 1000);
}

/* ---- structure in numbers with three axes and more ---- */

enum { MOST_TENSOR = 2400 };

struct tensor {
    const char *name;
    uint32_t rank;
    size_t extents[4];
    double (*number)(const size_t *at);
    double numbers[MOST_TENSOR];
};

/* Whole numbers without a pattern. */
static double noise(size_t seed, size_t a, size_t b, size_t c)
{
    size_t at[4] = {seed, a, b, c};
    return (double)(hash_bytes(1, at, sizeof at) % 19) - 9;
}

static double outer_products(const size_t *at)
{
    double sum = 0;
    for (size_t r = 0; r < 3; r++)
        sum += noise(1, at[0], r, 0) * noise(2, at[1], r, 0) * noise(3, at[2], r, 0);
    return sum;
}

static double products(const size_t *at)
{
    return noise(1, at[0] / 5, at[1] / 4, at[2] / 3) * noise(2, at[0] % 5, at[1] % 4, at[2] % 3) +
           noise(3, at[0] / 5, at[1] / 4, at[2] / 3) * noise(4, at[0] % 5, at[1] % 4, at[2] % 3);
}

static double train(const size_t *at)
{
    double sum = 0;
    for (size_t r = 0; r < 3; r++)
        sum += noise(1, at[0], at[1], r) * noise(2, at[2], at[3], r);
    return sum;
}

static double few(const size_t *at)
{
    return noise(1, at[0], at[1], at[2]) > 8 ? noise(2, at[0], at[1], at[2]) + 0.5 : 0;
}

/* Looks, writes and draws what it finds. */
static bool discover(struct recorder *recorder, const struct tensor *tensor)
{
    watching = true;
    struct arena *arena = arena_create(&recorder->allocator);
    const struct discover_options options = {.elem = IR_f64, .batch = 1};
    struct discover_result result = {.count = 0};
    struct discover_source source;
    struct discover_panels panels = {.count = 0};
    bool done = arena && discover_tensor_search(arena, &options, tensor->rank, tensor->extents, tensor->numbers, &result);
    bool found = done && result.count && result.findings[0].accepted;
    done = found && discover_write(arena, &result.findings[0], IR_f64, "W", 16, &source) &&
           discover_panels(arena, &result.findings[0], &panels);
    arena_destroy(arena);
    watching = false;
    assert_int_equal(recorder->live, 0);
    if (recorder->allowed < 0 && !done)
        fail_msg("%s: nothing is found", tensor->name);
    if (recorder->allowed >= 0 && done)
        fail_msg("%s: found without memory from request %ld on", tensor->name, recorder->allowed);
    return done;
}

static void test_tensors(void **state)
{
    (void)state;
    static struct tensor tensors[] = {{.name = "outer products", .rank = 3, .extents = {9, 8, 7}, .number = outer_products},
                                      {.name = "products", .rank = 3, .extents = {20, 12, 6}, .number = products},
                                      {.name = "a train", .rank = 4, .extents = {6, 5, 7, 4}, .number = train},
                                      {.name = "few numbers", .rank = 3, .extents = {7, 6, 8}, .number = few}};
    void *frames[FRAMES];
    size_t before = escaped; /* of LLVM */
    (void)backtrace(frames, FRAMES);
    for (size_t t = 0; t < sizeof tensors / sizeof *tensors; t++) {
        struct tensor *tensor = &tensors[t];
        struct recorder all, failing;
        size_t count = 1, at[4];
        for (uint32_t axis = 0; axis < tensor->rank; axis++)
            count *= tensor->extents[axis];
        for (size_t k = 0; k < count; k++) {
            size_t rest = k;
            for (uint32_t axis = tensor->rank; axis-- > 0; rest /= tensor->extents[axis])
                at[axis] = rest % tensor->extents[axis];
            tensor->numbers[k] = tensor->number(at);
        }
        recorder_init(&all, -1);
        all.recording = true;
        discover(&all, tensor);
        for (size_t k = 0; k < all.n_first; k++) {
            recorder_init(&failing, all.first[k]);
            discover(&failing, tensor);
        }
        printf("%s: %zu requests failed\n", tensor->name, all.n_first);
        assert_true(all.n_first > 10);
        free(all.first);
    }
    assert_int_equal(escaped, before);
}

static void test_watched(void **state)
{
    (void)state;
    watching = true;
    void *volatile memory = malloc(1);
    watching = false;
    free(memory);
    assert_int_equal(escaped, 1); /* or the other test could not fail */
    escaped = 0;
}

int main(void)
{
    watch_malloc();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_watched), cmocka_unit_test(test_sources), cmocka_unit_test(test_code),
                                       cmocka_unit_test(test_schedules), cmocka_unit_test(test_tensors)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
