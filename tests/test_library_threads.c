/* The public library in many threads: compiling and running in one context and in contexts of their own, one kernel run by all at
 * once, einsums of one key and of several, reports of each thread's own. With an engine's name as argument, and `--full`, all
 * rounds on that engine. Under ThreadSanitizer (preset tsan) nothing may be reported: tests/tsan.supp says what is left out. */
#include "library_tensors.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

enum { THREADS = 8, ROUNDS = 200, KEYS = 5 };

/* ---- threads that begin together ---- */

struct team {
    pthread_barrier_t start;
    const char *engine;
    struct einc_context *context; /* NULL: each has its own */
    const struct einc_kernel *kernel;
    int rounds;
    atomic_int wrong; /* what failed: cmocka's assertions are for the main thread */
};

struct member {
    struct team *team;
    int number;
};

static struct einc_context *context_on(const char *engine, const struct einc_allocator *allocator)
{
    const struct einc_options options = {.size = sizeof options, .engine = engine};
    return einc_context_create(allocator, &options);
}

static void together(struct team *team, void *(*work)(void *member))
{
    pthread_t threads[THREADS];
    struct member members[THREADS];
    assert_int_equal(pthread_barrier_init(&team->start, NULL, THREADS), 0);
    for (int k = 0; k < THREADS; k++) {
        members[k] = (struct member){team, k};
        assert_int_equal(pthread_create(&threads[k], NULL, work, &members[k]), 0);
    }
    for (int k = 0; k < THREADS; k++)
        assert_int_equal(pthread_join(threads[k], NULL), 0);
    pthread_barrier_destroy(&team->start);
    assert_int_equal(atomic_load(&team->wrong), 0);
}

static void expect(struct team *team, bool good)
{
    if (!good)
        atomic_fetch_add(&team->wrong, 1);
}

/* Compiling takes long on some engines, and under sanitizers on all. */
static bool is_full;
static int rounds_of(const char *engine)
{
    bool is_quick = strcmp(engine, EINC_ENGINE_REFERENCE) == 0 || strcmp(engine, EINC_ENGINE_TCC) == 0;
    return is_full ? ROUNDS : is_quick ? 25 : strcmp(engine, EINC_ENGINE_C) == 0 ? 1 : 3;
}

static const char *chosen; /* NULL: every engine */
#define ON_EVERY_ENGINE(check)                                                                                                     \
    static void check##_on_every_engine(void **state)                                                                              \
    {                                                                                                                              \
        (void)state;                                                                                                               \
        for (const char *const *engine = einc_engines(); *engine; engine++)                                                        \
            if (!chosen || strcmp(*engine, chosen) == 0)                                                                           \
                check(*engine);                                                                                                    \
    }

/* ---- compiling and running ---- */

/* Every third goes on with the better code of `auto`; the others are given up before it is made, or while. */
static bool compile_and_run(struct einc_context *context, int factor)
{
    char source[128];
    struct einc_program *program;
    const struct einc_kernel *kernel;
    double x[3] = {1, 2, 3}, y[3] = {0};
    DLTensor a = tensor_of(x, F64, SHAPE(3)), b = tensor_of(y, F64, SHAPE(3));
    const DLTensor *tensors[] = {&a, &b};
    snprintf(source, sizeof source, "dim n\nkernel times(x: f64[n]) -> (y: f64[n]) { y[i] = %d * x[i] }\n", factor);
    bool good = einc_compile(context, source, NULL, &program) == EINC_OK && einc_find_kernel(program, "times", &kernel) == EINC_OK;
    for (int again = 0; again < 2 && good; again++) {
        memset(y, 0, sizeof y);
        good = einc_kernel_run(kernel, 2, tensors, NULL) == EINC_OK && y[0] == factor && y[2] == 3 * factor;
        if (factor % 3 == 0)
            (void)einc_kernel_function(kernel); /* waits */
    }
    einc_program_destroy(program);
    return good;
}

static void *compile_many(void *user)
{
    const struct member *member = user;
    struct team *team = member->team;
    struct einc_context *context = team->context ? team->context : context_on(team->engine, NULL);
    pthread_barrier_wait(&team->start);
    for (int round = 0; context && round < team->rounds; round++)
        expect(team, compile_and_run(context, ROUNDS * member->number + round + 1));
    expect(team, context != NULL);
    if (!team->context)
        einc_context_destroy(context);
    return NULL;
}

static void many_threads_compile(const char *engine)
{
    struct team shared = {.engine = engine, .context = context_on(engine, NULL), .rounds = rounds_of(engine)};
    struct team separate = {.engine = engine, .rounds = rounds_of(engine)};
    assert_non_null(shared.context);
    together(&shared, compile_many);
    einc_context_destroy(shared.context);
    together(&separate, compile_many);
}
ON_EVERY_ENGINE(many_threads_compile)

/* ---- one kernel ---- */

static void *run_many(void *user)
{
    const struct member *member = user;
    struct team *team = member->team;
    double A[16] = {0}, x[4], y[4];
    DLTensor a = tensor_of(A, F64, SHAPE(4, 4)), b = tensor_of(x, F64, SHAPE(4)), c = tensor_of(y, F64, SHAPE(4));
    const DLTensor *tensors[] = {&a, &b, &c};
    for (int k = 0; k < 4; k++) {
        A[5 * k] = 1;
        x[k] = member->number + k;
    }
    pthread_barrier_wait(&team->start);
    for (int round = 0; round < ROUNDS; round++) {
        memset(y, 0, sizeof y);
        expect(team, einc_kernel_run(team->kernel, 3, tensors, NULL) == EINC_OK);
        for (int k = 0; k < 4; k++)
            expect(team, y[k] == 2 * x[k]);
        if (round == ROUNDS / 2)
            expect(team, einc_kernel_json(team->kernel) != NULL);
    }
    return NULL;
}

/* It has workspace, which one call leaves to the next; `auto` changes its code under way. */
static void one_kernel_runs_in_many_threads(const char *engine)
{
    struct team team = {.engine = engine, .context = context_on(engine, NULL)};
    struct einc_program *program;
    assert_int_equal(einc_compile(team.context,
                                  "dim n\nkernel twice(A: f64[n,n], x: f64[n]) -> (y: f64[n]) {\n"
                                  "    let z[i] = max[j](A[i,j] * x[j])\n    y[i] = A[i,j] * (z[j] + x[j])\n}\n",
                                  NULL, &program),
                     EINC_OK);
    assert_int_equal(einc_find_kernel(program, NULL, &team.kernel), EINC_OK);
    together(&team, run_many);
    einc_program_destroy(program);
    einc_context_destroy(team.context);
}
ON_EVERY_ENGINE(one_kernel_runs_in_many_threads)

/* ---- einsums ---- */

static bool sum_rows(struct einc_context *context, int64_t n, double first)
{
    double x[2 * KEYS] = {0}, y[2] = {0};
    DLTensor a = tensor_of(x, F64, SHAPE(2, n)), out = tensor_of(y, F64, SHAPE(2));
    const DLTensor *tensors[] = {&a};
    for (int64_t k = 0; k < 2 * n; k++)
        x[k] = first + (double)k;
    bool good = einc_einsum(context, "ij->i", 1, tensors, &out) == EINC_OK;
    double sum = (double)n * first + (double)(n * (n - 1)) / 2;
    return good && y[0] == sum && y[1] == sum + (double)(n * n);
}

static void *sum_many(void *user)
{
    const struct member *member = user;
    struct team *team = member->team;
    pthread_barrier_wait(&team->start);
    for (int round = 0; round < ROUNDS; round++)
        expect(team, sum_rows(team->context, 1 + (round + member->number) % KEYS, round));
    return NULL;
}

static void *sum_once(void *user)
{
    const struct member *member = user;
    pthread_barrier_wait(&member->team->start);
    expect(member->team, sum_rows(member->team->context, KEYS, member->number));
    return NULL;
}

static void einsums_of_many_threads_are_right(const char *engine)
{
    struct team team = {.engine = engine, .context = context_on(engine, NULL)};
    together(&team, sum_many);
    einc_context_destroy(team.context);
}
ON_EVERY_ENGINE(einsums_of_many_threads_are_right)

static void *allocate(void *user, size_t size)
{
    atomic_fetch_add((atomic_long *)user, 1);
    return malloc(size);
}

static void release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

/* The quickest engine that makes code: runs of that take no memory, so what is taken was taken to compile. */
static const char *engine_with_code(void)
{
    const char *found = EINC_ENGINE_C;
    for (const char *const *engine = einc_engines(); *engine; engine++)
        if (strcmp(*engine, EINC_ENGINE_TCC) == 0)
            found = *engine;
    return found;
}

static void threads_that_want_one_einsum_compile_it_once(void **state)
{
    (void)state;
    for (int again = 0; again < 5; again++) {
        atomic_long alone = 0, all = 0;
        const struct einc_allocator counting = {allocate, release, &alone, 0}, counting_all = {allocate, release, &all, 0};
        struct einc_context *context = context_on(engine_with_code(), &counting);
        assert_true(sum_rows(context, KEYS, 1));
        einc_context_destroy(context);
        struct team team = {.engine = engine_with_code(), .context = context_on(engine_with_code(), &counting_all)};
        together(&team, sum_once);
        einc_context_destroy(team.context);
        assert_int_equal(atomic_load(&all), atomic_load(&alone));
    }
}

/* ---- reports ---- */

static void *report_many(void *user)
{
    const struct member *member = user;
    struct team *team = member->team;
    char source[64], words[64];
    struct einc_program *program;
    snprintf(source, sizeof source, "kernel f() -> (y: f64) { y = missing%d }\n", member->number);
    snprintf(words, sizeof words, "missing%d`", member->number);
    pthread_barrier_wait(&team->start);
    for (int round = 0; round < ROUNDS; round++) {
        expect(team, einc_compile(team->context, source, NULL, &program) == EINC_INVALID);
        struct einc_report *report = einc_take_report(team->context);
        expect(team, report && strstr(einc_report_text(report), words));
        einc_report_destroy(report);
        expect(team, !einc_take_report(team->context));
    }
    return NULL;
}

static void reports_are_of_their_thread(void **state)
{
    (void)state;
    struct team team = {.engine = EINC_ENGINE_REFERENCE, .context = context_on(EINC_ENGINE_REFERENCE, NULL)};
    together(&team, report_many);
    einc_context_destroy(team.context);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_compile_on_every_engine),
        cmocka_unit_test(one_kernel_runs_in_many_threads_on_every_engine),
        cmocka_unit_test(einsums_of_many_threads_are_right_on_every_engine),
        cmocka_unit_test(threads_that_want_one_einsum_compile_it_once),
        cmocka_unit_test(reports_are_of_their_thread),
    };
    for (int k = 1; k < argc; k++)
        if (strcmp(argv[k], "--full") == 0)
            is_full = true;
        else
            chosen = argv[k];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
