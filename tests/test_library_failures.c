/* The public library where memory ends: each allocation of a context's allocator fails in turn, alone or with all that follow. What
 * needed it says EINC_NO_MEMORY or goes without (a report is NULL), nothing is lost, and the same context works as soon as there is
 * memory again. */
#include "library_tensors.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

/* ---- an allocator that fails ---- */

/* Engine `auto` asks from a thread of its own. */
struct failing {
    atomic_long requests; /* so far */
    atomic_long live;
    long first, last; /* those from `first` to before `last` fail, counted from 0 */
};

static void *allocate(void *user, size_t size)
{
    struct failing *failing = user;
    long request = atomic_fetch_add(&failing->requests, 1);
    void *memory = request >= failing->first && request < failing->last ? NULL : malloc(size);
    if (memory)
        atomic_fetch_add(&failing->live, 1);
    return memory;
}

static void release(void *user, void *memory)
{
    struct failing *failing = user;
    if (memory)
        atomic_fetch_sub(&failing->live, 1);
    free(memory);
}

/* ---- what is done ---- */

static const char *const source = "dim n\n"
                                  "kernel apply(A: f64[n,n], t: i32[n], x: f64[n]) -> (y: f64[n]) {\n"
                                  "    let z[i] = A[i,j] * x[j]\n"
                                  "    y[i] = A[i,j] * exp(z[t[j]])\n"
                                  "}\n";

static void expect_memory_alone(enum einc_status status)
{
    if (status != EINC_NO_MEMORY)
        assert_int_equal(status, EINC_OK);
}

/* A call that is wrong: says so, or that there is no memory to say it. */
static void expect_refusal(struct einc_context *context, enum einc_status status, bool has_memory)
{
    struct einc_report *report = einc_take_report(context);
    if (has_memory || status != EINC_NO_MEMORY)
        assert_int_equal(status, EINC_INVALID);
    if (has_memory)
        assert_non_null(report);
    if (report) {
        assert_true(einc_report_count(report) > 0);
        assert_non_null(einc_report_at(report, 0).message);
        assert_true(strlen(einc_report_text(report)) > 0);
    }
    einc_report_destroy(report);
}

static void use_kernel(struct einc_context *context, const struct einc_kernel *kernel, bool has_memory)
{
    double A[4] = {1, 0, 0, 1}, x[2] = {0, 0}, y[2] = {-1, -1};
    int32_t t[2] = {1, 0};
    size_t bytes;
    DLTensor a = tensor_of(A, F64, SHAPE(2, 2)), b = tensor_of(t, I32, SHAPE(2)), c = tensor_of(x, F64, SHAPE(2)),
             d = tensor_of(y, F64, SHAPE(2));
    const DLTensor *tensors[] = {&a, &b, &c, &d};
    enum einc_status status = einc_kernel_run(kernel, 4, tensors, NULL);
    expect_memory_alone(status);
    if (has_memory)
        assert_int_equal(status, EINC_OK);
    if (status == EINC_OK)
        assert_true(y[0] == 1 && y[1] == 1);
    expect_memory_alone(einc_kernel_workspace(kernel, 4, tensors, NULL, &bytes));
    const char *json = einc_kernel_json(kernel);
    if (has_memory)
        assert_non_null(json);
    t[0] = 7;
    expect_refusal(context, einc_kernel_run(kernel, 4, tensors, NULL), has_memory);
    expect_refusal(context, einc_kernel_run(kernel, 3, tensors, NULL), has_memory);
}

static void use_program(struct einc_context *context, bool has_memory)
{
    struct einc_program *program;
    const struct einc_kernel *kernel;
    enum einc_status status = einc_compile(context, source, NULL, &program);
    expect_memory_alone(status);
    if (has_memory)
        assert_int_equal(status, EINC_OK);
    if (status == EINC_OK) {
        assert_int_equal(einc_find_kernel(program, "apply", &kernel), EINC_OK);
        use_kernel(context, kernel, has_memory);
        expect_refusal(context, einc_find_kernel(program, "other", &kernel), has_memory);
    } else {
        assert_null(program);
    }
    einc_program_destroy(program);
}

static void use_einsums(struct einc_context *context, bool has_memory)
{
    double A[6] = {1, 2, 3, 4, 5, 6}, y[4] = {0};
    DLDataType type;
    int rank;
    int64_t shape[64];
    DLTensor a = tensor_of(A, F64, SHAPE(2, 3)), out = tensor_of(y, F64, SHAPE(2));
    const DLTensor *tensors[] = {&a};
    out.strides = (int64_t[]){2}; /* by way of memory of the library's */
    for (int again = 0; again < 2; again++) {
        enum einc_status status = einc_einsum(context, "ij->i", 1, tensors, &out);
        expect_memory_alone(status);
        if (has_memory)
            assert_int_equal(status, EINC_OK);
        if (status == EINC_OK)
            assert_true(y[0] == 6 && y[2] == 15);
    }
    expect_memory_alone(einc_einsum_result(context, "ij->j", 1, tensors, &type, &rank, shape));
    expect_refusal(context, einc_einsum(context, "ij->k", 1, tensors, &out), has_memory);
}

/* False: the requests that should fail were not reached. */
static bool work(const char *engine, size_t block_size, long first, long last)
{
    struct failing failing = {.first = first, .last = last};
    const struct einc_allocator allocator = {allocate, release, &failing, block_size};
    const struct einc_options options = {.size = sizeof options, .engine = engine, .path = "failing.ein"};
    struct einc_context *context = einc_context_create(&allocator, &options);
    if (context) {
        use_program(context, false);
        use_einsums(context, false);
    }
    bool reached = atomic_load(&failing.requests) > first;
    if (context) {
        einc_report_destroy(einc_take_report(context));
        failing.last = 0;
        use_program(context, true);
        use_einsums(context, true);
    } else {
        assert_true(reached);
    }
    einc_context_destroy(context);
    assert_int_equal(atomic_load(&failing.live), 0);
    return reached;
}

/* One alone, and all from then on. */
static void each_fails(const char *engine, size_t block_size, long step)
{
    long n = 0;
    while (work(engine, block_size, n, n + 1))
        n += step;
    assert_true(n > 20);
    for (n = 0; work(engine, block_size, n, LONG_MAX); n += step)
        ;
}

static void memory_ends_anywhere(void **state)
{
    (void)state;
    for (const char *const *engine = einc_engines(); *engine; engine++) {
        bool is_quick = strcmp(*engine, EINC_ENGINE_REFERENCE) == 0 || strcmp(*engine, EINC_ENGINE_TCC) == 0;
        if (is_quick)
            each_fails(*engine, 1024, 1);
        else /* some, and in fewer blocks: these take long to compile, and ask for memory where the others do */
            each_fails(*engine, 0, strcmp(*engine, EINC_ENGINE_C) == 0 ? 15 : 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_ends_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
