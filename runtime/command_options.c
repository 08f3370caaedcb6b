/* Options of the command line: `--name=value`, `--name value`, flags, lists; what is no option is a positional word. */
#include "command.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int usage_error(const char *format, ...)
{
    va_list arguments;
    fputs("einc: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

int usage_no_engine(const char *name)
{
    size_t count;
    const struct engine_info *engines = engine_table(&count);
    fprintf(stderr, "einc: there is no engine `%s`; there are", name);
    for (size_t k = 0; k < count; k++)
        fprintf(stderr, "%s %s", k == 0 ? "" : k + 1 == count ? " and" : ",", engines[k].name);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

bool option_list_add(struct invocation *invocation, struct option_list *list, const char *item)
{
    return ARENA_PUSH(ir_arena(invocation->context), list->items, list->count, list->capacity, item);
}

bool option_pair(struct invocation *invocation, const char *word, const char **name, const char **value)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word)
        return false;
    *name = arena_strndup(ir_arena(invocation->context), word, (size_t)(equals - word));
    *value = equals + 1;
    return *name != NULL;
}

static bool parse_integer(const char *text, int64_t *value)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    *value = number;
    return errno == 0 && end != text && *end == '\0';
}

/* "64M": bytes with a binary suffix. */
static bool parse_bytes(const char *text, int64_t *bytes)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    int64_t unit = *end == 'K' ? 1 << 10 : *end == 'M' ? 1 << 20 : *end == 'G' ? 1 << 30 : 1;
    end += unit != 1;
    return errno == 0 && end != text && *end == '\0' && number > 0 && checked_multiply(number, unit, bytes);
}

static bool read_bytes(const char *option, const char *text, int64_t *bytes)
{
    return !text || parse_bytes(text, bytes) || (usage_error("%s takes bytes such as 64M, not `%s`", option, text), false);
}

static const struct option *find_option(const struct option *options, size_t n_options, const char *word, size_t length)
{
    for (size_t k = 0; k < n_options; k++)
        if (strlen(options[k].name) == length && memcmp(options[k].name, word, length) == 0)
            return &options[k];
    return NULL;
}

static bool store(struct invocation *invocation, const struct option *option, const char *value)
{
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->target = true;
        return true;
    case OPTION_TEXT:
        if (!*value)
            return usage_error("%s needs a value", option->name), false;
        *(const char **)option->target = value;
        return true;
    case OPTION_INTEGER:
        if (!parse_integer(value, option->target) || *(int64_t *)option->target < 0)
            return usage_error("%s takes a number, not `%s`", option->name, value), false;
        return true;
    case OPTION_LIST:
        return option_list_add(invocation, option->target, value);
    }
    return false;
}

/* One word that begins with `-`; `*at` moves on when the value is the next word. `given`: those before. */
static bool take_option(struct invocation *invocation, const struct option *options, size_t n_options, bool *given, int argc,
                        char **argv, int *at)
{
    const char *word = argv[*at], *equals = strchr(word, '=');
    const struct option *option = find_option(options, n_options, word, equals ? (size_t)(equals - word) : strlen(word));
    if (!option)
        return usage_error("unknown option `%s`; --help lists them", word), false;
    if (option->kind != OPTION_LIST && given[option - options])
        return usage_error("%s is given twice", option->name), false;
    given[option - options] = true;
    if (option->kind == OPTION_FLAG)
        return equals ? (usage_error("%s takes no value", option->name), false) : store(invocation, option, NULL);
    if (equals)
        return store(invocation, option, equals + 1);
    if (*at + 1 == argc)
        return usage_error("%s needs a value", option->name), false;
    return store(invocation, option, argv[++*at]);
}

static bool read_dims(struct invocation *invocation)
{
    struct arena *arena = ir_arena(invocation->context);
    size_t capacity = 0;
    for (size_t k = 0; k < invocation->dim_words.count; k++) {
        const char *list = invocation->dim_words.items[k];
        char *copy = arena_strndup(arena, list, strlen(list)), *rest = NULL;
        for (char *word = copy ? strtok_r(copy, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
            struct frontend_dim_value dim;
            const char *value;
            if (!option_pair(invocation, word, &dim.name, &value) || !parse_integer(value, &dim.value) || dim.value < 0)
                return usage_error("--dims takes NAME=SIZE, not `%s`", word), false;
            if (!ARENA_PUSH(arena, invocation->dims, invocation->n_dims, capacity, dim))
                return false;
        }
    }
    return true;
}

static bool parse_real(const char *text, const char *end, double *number)
{
    char *stop;
    *number = strtod(text, &stop);
    return stop != text && stop == end && isfinite(*number);
}

/* "x=-1:1,gelu=-8:8", and how near to the functions polynomials have to be. */
static bool read_ranges(struct invocation *invocation)
{
    struct packing_options *packing = &invocation->compile.packing;
    struct arena *arena = ir_arena(invocation->context);
    struct packing_range *ranges = NULL;
    size_t capacity = 0;
    for (size_t k = 0; k < invocation->range_words.count; k++) {
        const char *list = invocation->range_words.items[k], *value;
        char *copy = arena_strndup(arena, list, strlen(list)), *rest = NULL;
        for (char *word = copy ? strtok_r(copy, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
            struct packing_range range;
            const char *colon = option_pair(invocation, word, &range.name, &value) ? strchr(value, ':') : NULL;
            if (!colon || !parse_real(value, colon, &range.low) || !parse_real(colon + 1, colon + strlen(colon), &range.high) ||
                range.low >= range.high)
                return usage_error("--range takes NAME=LOW:HIGH with two numbers, not `%s`", word), false;
            if (!ARENA_PUSH(arena, ranges, packing->n_ranges, capacity, range))
                return false;
        }
    }
    packing->ranges = ranges;
    const char *within = invocation->within;
    if (within && (!parse_real(within, within + strlen(within), &packing->within) || packing->within <= 0))
        return usage_error("--within is a positive number, not `%s`", within), false;
    return true;
}

/* What schedules are to have least of, and what ops take. */
static bool read_cost(struct invocation *invocation)
{
    struct packing_options *packing = &invocation->compile.packing;
    const char *cost = invocation->cost;
    if (cost && strcmp(cost, "rotations") != 0 && strcmp(cost, "latency") != 0)
        return usage_error("--cost is rotations or latency, not `%s`", cost), false;
    packing->cost = cost && !strcmp(cost, "latency") ? PACKING_LATENCY : PACKING_ROTATIONS;
    return true;
}

/* What schedules on ciphertexts may take. */
static bool read_packing(struct invocation *invocation)
{
    struct packing_options *packing = &invocation->compile.packing;
    struct arena *arena = ir_arena(invocation->context);
    const char **names = NULL;
    size_t capacity = 0;
    *packing = (struct packing_options){
        .slots = invocation->slots, .levels = invocation->levels, .keys = invocation->keys, .times = slot_times_builtin()};
    if (!read_cost(invocation))
        return false;
    bool is_power = packing->slots >= 2 && !(packing->slots & (packing->slots - 1));
    if (packing->slots && (!is_power || packing->slots > SLOT_SLOTS_LIMIT))
        return usage_error("--slots is a power of two from 2 to %d, not %lld", SLOT_SLOTS_LIMIT, (long long)packing->slots), false;
    if (packing->levels < 0 || (packing->levels > SLOT_LEVELS_LIMIT && packing->levels != PACKING_ANY))
        return usage_error("--levels is a number from 0 to %d, not %lld", SLOT_LEVELS_LIMIT, (long long)packing->levels), false;
    if (packing->keys < 0)
        return usage_error("--keys is a number of keys, not %lld", (long long)packing->keys), false;
    for (size_t k = 0; k < invocation->layout_words.count; k++) {
        const char *list = invocation->layout_words.items[k], *name, *value;
        char *copy = arena_strndup(arena, list, strlen(list)), *rest = NULL;
        for (char *word = copy ? strtok_r(copy, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
            if (!option_pair(invocation, word, &name, &value) || strcmp(value, "rowmajor") != 0)
                return usage_error("--layout takes NAME=rowmajor, not `%s`", word), false;
            if (!ARENA_PUSH(arena, names, packing->n_row_major, capacity, name))
                return false;
        }
    }
    packing->row_major = names;
    if (!read_ranges(invocation))
        return false;
    if (packing->levels != PACKING_ANY || packing->keys != PACKING_ANY || invocation->cost || names || packing->n_ranges)
        packing->slots = packing->slots ? packing->slots : PACKING_SLOTS;
    return true;
}

/* "A,b", or "KERNEL:A,b" */
static bool read_derivative(struct invocation *invocation, enum pass_derivative_kind kind, const char *words)
{
    if (!words)
        return true;
    if (derivative_read(ir_arena(invocation->context), kind, words, &invocation->derivatives[invocation->n_derivatives++]))
        return true;
    return usage_error("--%s takes names of inputs, such as A,b or KERNEL:A,b", kind == PASS_ADJOINT ? "adjoint" : "gradient"),
           false;
}

/* "none", "openmp", or "openmp:4". Without a number it is the target's, which is known later, and engines take what OpenMP gives.
 */
static bool read_threads(struct invocation *invocation)
{
    const char *word = invocation->threads;
    int64_t *threads = &invocation->compile.passes.threads;
    if (!word || strcmp(word, "none") == 0)
        return true;
    *threads = THREADS_OF_TARGET;
    if (strcmp(word, "openmp") == 0)
        return true;
    if (strncmp(word, "openmp:", 7) != 0 || !parse_integer(word + 7, threads) || *threads < 1 || *threads > LOOP_THREADS_LIMIT)
        return usage_error("--threads is none, openmp, or openmp:N for N threads, not `%s`", word), false;
    invocation->engine.threads = *threads;
    return true;
}

static void trace(void *user, const char *pass, const char *message)
{
    (void)user;
    fprintf(stderr, "%s: %s\n", pass, message);
}

bool options_parse(struct invocation *invocation, int argc, char **argv, const struct option *own, size_t n_own)
{
    const char *diagnostics = NULL, *gradient = NULL, *adjoint = NULL;
    const struct option common[] = {
        {"--dims", OPTION_LIST, &invocation->dim_words},
        {"--memory-limit", OPTION_TEXT, &invocation->memory_limit},
        {"--ram-limit", OPTION_TEXT, &invocation->ram_limit},
        {"--flash-limit", OPTION_TEXT, &invocation->flash_limit},
        {"--optimize", OPTION_TEXT, &invocation->optimize},
        {"--scan-chunk", OPTION_TEXT, &invocation->scan_chunk},
        {"--target", OPTION_TEXT, &invocation->target},
        {"--threads", OPTION_TEXT, &invocation->threads},
        {"--tune", OPTION_TEXT, &invocation->tune},
        {"--slots", OPTION_INTEGER, &invocation->slots},
        {"--levels", OPTION_INTEGER, &invocation->levels},
        {"--keys", OPTION_INTEGER, &invocation->keys},
        {"--cost", OPTION_TEXT, &invocation->cost},
        {"--times", OPTION_TEXT, &invocation->times},
        {"--layout", OPTION_LIST, &invocation->layout_words},
        {"--range", OPTION_LIST, &invocation->range_words},
        {"--within", OPTION_TEXT, &invocation->within},
        {"--diagnostics", OPTION_TEXT, &diagnostics},
        {"--trace", OPTION_FLAG, &invocation->trace},
        {"--gradient", OPTION_TEXT, &gradient}, /* these two last */
        {"--adjoint", OPTION_TEXT, &adjoint},
    };
    size_t n_common = sizeof common / sizeof *common - (invocation->derives ? 0 : 2);
    struct option *options = ARENA_ARRAY(ir_arena(invocation->context), n_own + n_common, struct option);
    bool *given = ARENA_ARRAY(ir_arena(invocation->context), n_own + n_common, bool);
    invocation->words = ARENA_ARRAY(ir_arena(invocation->context), (size_t)argc + 1, const char *);
    if (!options || !given || !invocation->words)
        return false;
    if (n_own)
        memcpy(options, own, n_own * sizeof *own);
    memcpy(options + n_own, common, n_common * sizeof *common);
    for (int k = 0; k < argc; k++) {
        if (argv[k][0] != '-' || argv[k][1] == '\0')
            invocation->words[invocation->count++] = argv[k];
        else if (!take_option(invocation, options, n_own + n_common, given, argc, argv, &k))
            return false;
    }
    if (diagnostics && strcmp(diagnostics, "json") != 0 && strcmp(diagnostics, "text") != 0)
        return usage_error("--diagnostics is text or json, not `%s`", diagnostics), false;
    invocation->json_diagnostics = diagnostics && strcmp(diagnostics, "json") == 0;
    struct pass_options *passes = &invocation->compile.passes;
    passes->machine = *machine_generic();
    passes->trace = invocation->trace ? trace : NULL;
    if (!read_bytes("--memory-limit", invocation->memory_limit, &passes->memory_limit) ||
        !read_bytes("--ram-limit", invocation->ram_limit, &passes->ram_limit) ||
        !read_bytes("--flash-limit", invocation->flash_limit, &passes->flash_limit))
        return false;
    if (passes->ram_limit && (!passes->memory_limit || passes->ram_limit < passes->memory_limit))
        passes->memory_limit = passes->ram_limit;
    passes->small = invocation->optimize && strcmp(invocation->optimize, "size") == 0;
    passes->fewest_flops = invocation->optimize && strcmp(invocation->optimize, "flops") == 0;
    if (invocation->optimize && !passes->small && !passes->fewest_flops && strcmp(invocation->optimize, "speed") != 0)
        return usage_error("--optimize is size, speed or flops, not `%s`", invocation->optimize), false;
    if (invocation->scan_chunk && strcmp(invocation->scan_chunk, "none") == 0)
        passes->scan_chunk = -1;
    else if (invocation->scan_chunk && (!parse_integer(invocation->scan_chunk, &passes->scan_chunk) || passes->scan_chunk < 2))
        return usage_error("--scan-chunk takes a number of steps, 2 or more, or none, not `%s`", invocation->scan_chunk), false;
    if (!read_threads(invocation) || !read_dims(invocation) || !read_packing(invocation) ||
        !read_derivative(invocation, PASS_GRADIENT, gradient) || !read_derivative(invocation, PASS_ADJOINT, adjoint))
        return false;
    invocation->compile.derivatives = invocation->derivatives;
    invocation->compile.n_derivatives = invocation->n_derivatives;
    invocation->compile.frontend =
        (struct frontend_options){.dims = invocation->dims, .n_dims = invocation->n_dims, .load = npy_load};
    return true;
}
