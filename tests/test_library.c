/* The public library, on every engine: kernels on tensors, einsums, and what is said when something is wrong. It sees einc.h alone.
 */
#include "library_tensors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

/* ---- every engine ---- */

static struct einc_context *context_on(const char *engine)
{
    const struct einc_options options = {.size = sizeof options, .engine = engine};
    struct einc_context *context = einc_context_create(NULL, &options);
    assert_non_null(context);
    return context;
}

static const struct einc_kernel *compile(struct einc_context *context, const char *source, struct einc_program **program)
{
    const struct einc_kernel *kernel;
    enum einc_status status = einc_compile(context, source, NULL, program);
    struct einc_report *report = status == EINC_OK ? NULL : einc_take_report(context);
    if (report)
        print_error("%s", einc_report_text(report));
    assert_int_equal(status, EINC_OK);
    assert_int_equal(einc_find_kernel(*program, NULL, &kernel), EINC_OK);
    return kernel;
}

/* The next report has this code, and its words. */
static void expect_report(struct einc_context *context, const char *code, const char *words)
{
    struct einc_report *report = einc_take_report(context);
    assert_non_null(report);
    assert_true(einc_report_count(report) > 0);
    assert_string_equal(einc_report_at(report, 0).code, code);
    if (!strstr(einc_report_text(report), words))
        print_error("`%s` is not in:\n%s", words, einc_report_text(report));
    assert_non_null(strstr(einc_report_text(report), words));
    einc_report_destroy(report);
    assert_null(einc_take_report(context));
}

#define ON_EVERY_ENGINE(check)                                                                                                     \
    static void check##_on_every_engine(void **state)                                                                              \
    {                                                                                                                              \
        (void)state;                                                                                                               \
        for (const char *const *engine = einc_engines(); *engine; engine++) {                                                      \
            struct einc_context *context = context_on(*engine);                                                                    \
            check(context);                                                                                                        \
            einc_context_destroy(context);                                                                                         \
        }                                                                                                                          \
    }

static const char *const product = "dim n\nkernel product(A: f64[n,3], x: f64[3]) -> (y: f64[n]) { y[i] = A[i,k] * x[k] }\n";

static void a_kernel_runs(struct einc_context *context)
{
    struct einc_program *program;
    const struct einc_kernel *kernel = compile(context, product, &program);
    double A[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, x[3] = {1, 10, 100}, y[4] = {0};
    for (int64_t n = 0; n <= 4; n++) {
        DLTensor a = tensor_of(A, F64, SHAPE(n, 3)), b = tensor_of(x, F64, SHAPE(3)), c = tensor_of(y, F64, SHAPE(n));
        const DLTensor *tensors[] = {&a, &b, &c};
        memset(y, 0, sizeof y);
        assert_int_equal(einc_kernel_run(kernel, 3, tensors, NULL), EINC_OK);
        for (int64_t k = 0; k < 4; k++)
            assert_true(y[k] == (k < n ? 321 + 333 * (double)k : 0));
    }
    einc_program_destroy(program);
}
ON_EVERY_ENGINE(a_kernel_runs)

static void workspace_is_the_callers_or_the_librarys(struct einc_context *context)
{
    struct einc_program *program;
    const struct einc_kernel *kernel = compile(
        context,
        "dim n\nkernel twice(A: f64[n,n], x: f64[n]) -> (y: f64[n]) { let z[i] = A[i,j] * x[j]\n y[i] = A[i,j] * exp(z[j]) }",
        &program);
    double A[16] = {0}, x[4] = {1, 1, 1, 1}, y[4];
    for (int k = 0; k < 4; k++)
        A[5 * k] = k;
    DLTensor a = tensor_of(A, F64, SHAPE(4, 4)), b = tensor_of(x, F64, SHAPE(4)), c = tensor_of(y, F64, SHAPE(4));
    const DLTensor *tensors[] = {&a, &b, &c};
    const double expected[4] = {1, 2.718281828459045, 7.38905609893065, 20.085536923187668}; /* exp(k) */
    size_t bytes;
    assert_int_equal(einc_kernel_workspace(kernel, 3, tensors, NULL, &bytes), EINC_OK);
    for (int own = 0; own < 2; own++) {
        struct einc_run_options options = {.size = sizeof options,
                                           .workspace = own && bytes ? aligned_alloc(64, (bytes + 63) / 64 * 64) : NULL};
        memset(y, 0, sizeof y);
        assert_int_equal(einc_kernel_run(kernel, 3, tensors, &options), EINC_OK);
        for (int k = 0; k < 4; k++)
            assert_true(y[k] == k * expected[k] || (y[k] > 0.999999999 * k * expected[k] && y[k] < 1.000000001 * k * expected[k]));
        free(options.workspace);
    }
    einc_program_destroy(program);
}
ON_EVERY_ENGINE(workspace_is_the_callers_or_the_librarys)

static void declared_strides_bind_dims(struct einc_context *context)
{
    struct einc_program *program;
    const struct einc_kernel *kernel =
        compile(context, "dim n, ld\nkernel rows(A: f64[n,2] strides(ld,1)) -> (y: f64[n]) { y[i] = A[i,j] }", &program);
    double A[10] = {1, 2, -9, -9, -9, 3, 4}, y[2];
    DLTensor a = tensor_of(A, F64, SHAPE(2, 2)), c = tensor_of(y, F64, SHAPE(2));
    const DLTensor *tensors[] = {&a, &c};
    a.strides = (int64_t[]){5, 1};
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, NULL), EINC_OK);
    assert_true(y[0] == 3 && y[1] == 7);
    a.strides = (int64_t[]){5, 2};
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, NULL), EINC_INVALID);
    expect_report(context, "E0851", "does not lie as declared");
    einc_program_destroy(program);
}
ON_EVERY_ENGINE(declared_strides_bind_dims)

static void updated_arrays_are_one_tensor(struct einc_context *context)
{
    struct einc_program *program;
    const struct einc_kernel *kernel = compile(context, "dim n\nkernel add(x: f64[n]) -> (y: f64[n]) { y[i] += x[i] }", &program);
    double x[3] = {1, 2, 3}, y[3] = {10, 20, 30};
    DLTensor a = tensor_of(x, F64, SHAPE(3)), b = tensor_of(y, F64, SHAPE(3));
    const DLTensor *tensors[] = {&a, &b};
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, NULL), EINC_OK);
    assert_true(y[0] == 11 && y[1] == 22 && y[2] == 33);
    einc_program_destroy(program);
}
ON_EVERY_ENGINE(updated_arrays_are_one_tensor)

static void a_lookup_that_leaves_its_table_is_reported(struct einc_context *context)
{
    struct einc_program *program;
    const struct einc_kernel *kernel =
        compile(context, "dim n, m\nkernel take(x: f64[n], t: i32[m]) -> (y: f64[m]) { y[i] = x[t[i]] }", &program);
    double x[3] = {1, 2, 3}, y[2];
    int32_t t[2] = {2, 0};
    DLTensor a = tensor_of(x, F64, SHAPE(3)), b = tensor_of(t, I32, SHAPE(2)), c = tensor_of(y, F64, SHAPE(2));
    const DLTensor *tensors[] = {&a, &b, &c};
    assert_int_equal(einc_kernel_run(kernel, 3, tensors, NULL), EINC_OK);
    assert_true(y[0] == 3 && y[1] == 1);
    for (int again = 0; again < 30; again++) { /* more than there are diagnostics kept of one compilation */
        t[1] = 3 + again;
        assert_int_equal(einc_kernel_run(kernel, 3, tensors, NULL), EINC_INVALID);
        expect_report(context, "E0814", "take");
    }
    t[1] = 1;
    assert_int_equal(einc_kernel_run(kernel, 3, tensors, NULL), EINC_OK);
    assert_true(y[1] == 2);
    einc_program_destroy(program);
}
ON_EVERY_ENGINE(a_lookup_that_leaves_its_table_is_reported)

/* Functions of the C library that the process has, and a kernel calls its own. */
static void kernels_are_named_like_functions_of_the_process(struct einc_context *context)
{
    struct einc_program *program;
    const struct einc_kernel *kernel;
    double x[2] = {1, 2}, y[2] = {0};
    DLTensor a = tensor_of(x, F64, SHAPE(2)), b = tensor_of(y, F64, SHAPE(2));
    const DLTensor *tensors[] = {&a, &b};
    (void)compile(context, "kernel times(x: f64[2]) -> (y: f64[2]) { y[i] = 7 * x[i] }", &program);
    assert_int_equal(einc_find_kernel(program, "times", &kernel), EINC_OK);
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, NULL), EINC_OK);
    assert_true(y[0] == 7 && y[1] == 14);
    einc_program_destroy(program);
}
ON_EVERY_ENGINE(kernels_are_named_like_functions_of_the_process)

static void einsums_take_any_strides(struct einc_context *context)
{
    double A[6] = {1, 2, 3, 4, 5, 6}, B[6] = {1, 0, 2, 0, 3, 0}, y[8];
    DLTensor a = tensor_of(A, F64, SHAPE(3, 2)), b = tensor_of(B, F64, SHAPE(3)), out = tensor_of(y, F64, SHAPE(2));
    const DLTensor *tensors[] = {&a, &b};
    a.shape = (int64_t[]){2, 3};
    a.strides = (int64_t[]){1, 2}; /* [[1 3 5] [2 4 6]] */
    b.strides = (int64_t[]){2};
    assert_int_equal(einc_einsum(context, "ij,j->i", 2, tensors, &out), EINC_OK);
    assert_true(y[0] == 22 && y[1] == 28);
    memset(y, 0, sizeof y);
    out.strides = (int64_t[]){3};
    assert_int_equal(einc_einsum(context, "ij,j->i", 2, tensors, &out), EINC_OK);
    assert_true(y[0] == 22 && y[1] == 0 && y[3] == 28);
    out.strides = (int64_t[]){0};
    assert_int_equal(einc_einsum(context, "ij,j->i", 2, tensors, &out), EINC_INVALID);
    expect_report(context, "E0851", "two elements in one place");
    b.strides = (int64_t[]){0};
    out.strides = NULL;
    assert_int_equal(einc_einsum(context, "ij,j", 2, tensors, &out), EINC_OK);
    assert_true(y[0] == 9 && y[1] == 12);
}
ON_EVERY_ENGINE(einsums_take_any_strides)

/* One string, types and shapes: broadcast, dense, in another order, and with strides where an axis has one element. */
static void kept_einsums_are_for_their_strides(struct einc_context *context)
{
    const struct {
        int64_t shape[2], strides[2];
        double sums[2];
    } cases[] = {
        {{2, 3}, {3, 1}, {6, 15}}, {{2, 3}, {0, 0}, {3, 3}},  {{2, 3}, {1, 2}, {9, 12}}, {{2, 3}, {0, 1}, {6, 6}},
        {{2, 1}, {1, 1}, {1, 2}},  {{2, 1}, {0, 50}, {1, 1}}, {{2, 1}, {1, 70}, {1, 2}}, {{2, 1}, {3, 0}, {1, 4}},
    };
    double A[6] = {1, 2, 3, 4, 5, 6}, y[2];
    for (int again = 0; again < 2; again++)
        for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
            int64_t strides[2] = {cases[k].strides[0], cases[k].strides[1]};
            DLTensor a = tensor_of(A, F64, SHAPE(cases[k].shape[0], cases[k].shape[1])), out = tensor_of(y, F64, SHAPE(2));
            const DLTensor *tensors[] = {&a};
            a.strides = strides;
            assert_int_equal(einc_einsum(context, "ij->i", 1, tensors, &out), EINC_OK);
            assert_true(y[0] == cases[k].sums[0] && y[1] == cases[k].sums[1]);
        }
}
ON_EVERY_ENGINE(kept_einsums_are_for_their_strides)

/* What goes by way of other memory is looked at before. */
static void strided_outputs_are_checked(struct einc_context *context)
{
    double x[4] = {1, 2, 3, 4}, y[8] = {0};
    DLTensor a = tensor_of(x, F64, SHAPE(4)), out = tensor_of(y, F64, SHAPE(4));
    const DLTensor *tensors[] = {&a};
    out.strides = (int64_t[]){2};
    DLTensor nowhere = out, huge = out, other = out;
    nowhere.data = NULL;
    assert_int_equal(einc_einsum(context, "i->i", 1, tensors, &nowhere), EINC_INVALID);
    expect_report(context, "E0850", "`out` has no data");
    huge.shape = (int64_t[]){INT64_C(1) << 40};
    assert_int_equal(einc_einsum(context, "i->i", 1, tensors, &huge), EINC_INVALID);
    expect_report(context, "E0807", "f64[4] is wanted");
    other.dtype = F32;
    assert_int_equal(einc_einsum(context, "i->i", 1, tensors, &other), EINC_INVALID);
    expect_report(context, "E0807", "the array is f32[4]");
    assert_int_equal(einc_einsum(context, "i->i", 1, tensors, &out), EINC_OK);
    assert_true(y[0] == 1 && y[1] == 0 && y[6] == 4);
}
ON_EVERY_ENGINE(strided_outputs_are_checked)

static void results_of_einsums_are_known_before(struct einc_context *context)
{
    float A[6] = {0};
    double B[4] = {0};
    DLTensor a = tensor_of(A, F32, SHAPE(3, 2)), b = tensor_of(B, F64, SHAPE(2, 2));
    const DLTensor *tensors[] = {&a, &b};
    DLDataType type;
    int rank;
    int64_t shape[64];
    assert_int_equal(einc_einsum_result(context, "ij,jk", 2, tensors, &type, &rank, shape), EINC_OK);
    assert_true(type.code == kDLFloat && type.bits == 64 && type.lanes == 1);
    assert_true(rank == 2 && shape[0] == 3 && shape[1] == 2);
    assert_int_equal(einc_einsum_result(context, "ij,kj", 1, tensors, &type, &rank, shape), EINC_INVALID);
    expect_report(context, "E0403", "");
}
ON_EVERY_ENGINE(results_of_einsums_are_known_before)

static void shapes_of_outputs_are_known_before(struct einc_context *context)
{
    struct einc_program *program;
    const struct einc_kernel *kernel = compile(
        context, "dim n, m\nkernel f(x: f64[n]) -> (y: f32[2 * n, m], z: f64[n]) { y[i,j] = f32(i + j)\n z[i] += x[i] }", &program);
    double x[3], z[4];
    DLTensor a = tensor_of(x, F64, SHAPE(3)), c = tensor_of(z, F64, SHAPE(3));
    const DLTensor *tensors[] = {&a, NULL, &c};
    const struct einc_dim dim = {"m", 5};
    struct einc_run_options options = {.size = sizeof options, .dims = &dim, .n_dims = 1};
    DLDataType type;
    int rank;
    int64_t shape[64];
    assert_int_equal(einc_kernel_result(kernel, 3, tensors, &options, 1, &type, &rank, shape), EINC_OK);
    assert_true(type.code == kDLFloat && type.bits == 32 && type.lanes == 1);
    assert_true(rank == 2 && shape[0] == 6 && shape[1] == 5);
    assert_int_equal(einc_kernel_result(kernel, 3, tensors, NULL, 1, &type, &rank, shape), EINC_INVALID);
    expect_report(context, "E0805", "no array says how large dim `m` is");
    c.shape = (int64_t[]){4};
    assert_int_equal(einc_kernel_result(kernel, 3, tensors, &options, 1, &type, &rank, shape), EINC_INVALID);
    expect_report(context, "E0803", "dim `n` has two sizes");
    assert_int_equal(einc_kernel_result(kernel, 2, tensors, &options, 1, &type, &rank, shape), EINC_INVALID);
    expect_report(context, "E0850", "takes 3 tensors, not 2");
    assert_int_equal(einc_kernel_result(kernel, 3, tensors, &options, 3, &type, &rank, shape), EINC_INVALID);
    expect_report(context, "E0850", "none at 3");
    tensors[2] = NULL;
    assert_int_equal(einc_kernel_result(kernel, 3, tensors, &options, 1, &type, &rank, shape), EINC_INVALID);
    expect_report(context, "E0850", "`z` is NULL");
    einc_program_destroy(program);
}
ON_EVERY_ENGINE(shapes_of_outputs_are_known_before)

static void kernels_run_without_the_thread(struct einc_context *context)
{
    struct einc_program *programs[3];
    for (int k = 0; k < 3; k++) {
        const struct einc_kernel *kernel = compile(context, product, &programs[k]);
        double A[3] = {1, 2, 3}, x[3] = {1, 10, 100}, y[1] = {0};
        DLTensor a = tensor_of(A, F64, SHAPE(1, 3)), b = tensor_of(x, F64, SHAPE(3)), c = tensor_of(y, F64, SHAPE(1));
        const DLTensor *tensors[] = {&a, &b, &c};
        size_t bytes;
        if (k > 0)
            einc_context_end_thread(context);
        assert_int_equal(einc_kernel_workspace(kernel, 3, tensors, NULL, &bytes), EINC_OK); /* waits for better code */
        assert_int_equal(einc_kernel_run(kernel, 3, tensors, NULL), EINC_OK);
        assert_true(y[0] == 321);
    }
    for (int k = 0; k < 3; k++)
        einc_program_destroy(programs[k]);
}
ON_EVERY_ENGINE(kernels_run_without_the_thread)

/* ---- what is wrong, and that it does not last ---- */

struct wrong_call {
    const char *what, *code, *words;
    void (*spoil)(DLTensor *a, DLTensor *b, DLTensor *c);
};

static int64_t negative_shape[] = {-1, 3}, huge_shape[] = {INT64_C(1) << 61, 3}, negative_strides[] = {-3, 1},
               wide_strides[] = {4, 1}, long_shape[] = {3};
static void has_negative_extent(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)b, (void)c;
    a->shape = negative_shape;
}
static void is_huge(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)b, (void)c;
    a->shape = huge_shape;
}
static void has_other_type(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)c;
    b->dtype = F32;
}
static void has_unknown_type(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)c;
    b->dtype.lanes = 4;
}
static void has_other_rank(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)c;
    b->ndim = 0;
}
static void has_many_axes(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)c;
    b->ndim = 65;
}
static void has_no_shape(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)c;
    b->shape = NULL;
}
static void has_no_data(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)b;
    c->data = NULL;
}
static void is_elsewhere(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)b;
    c->device.device_type = kDLCUDA;
}
static void is_misaligned(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)b, (void)c;
    a->byte_offset = 4;
}
static void runs_backwards(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)b, (void)c;
    a->strides = negative_strides;
}
static void has_gaps(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)b, (void)c;
    a->strides = wide_strides;
}
static void is_an_input(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)b;
    c->data = (char *)a->data + 16;
}
static void has_another_length(DLTensor *a, DLTensor *b, DLTensor *c)
{
    (void)a, (void)b;
    c->shape = long_shape;
}

static void wrong_tensors_are_refused(void **state)
{
    (void)state;
    static const struct wrong_call calls[] = {
        {"a negative extent", "E0850", "`A` has a negative extent", has_negative_extent},
        {"too many bytes", "E0850", "`A` reaches over more than", is_huge},
        {"another type", "E0807", "f64[3] is wanted; the array is f32[3]", has_other_type},
        {"an unknown type", "E0850", "`x` has a type that einc does not know", has_unknown_type},
        {"another rank", "E0807", "1 axes are declared", has_other_rank},
        {"too many axes", "E0850", "`x` has no shape of 0 to 64 axes", has_many_axes},
        {"no shape", "E0850", "`x` has no shape", has_no_shape},
        {"no data", "E0850", "`y` has no data", has_no_data},
        {"another device", "E0850", "`y` is not in the processor's memory", is_elsewhere},
        {"misaligned data", "E0851", "`A` are not aligned to 8 bytes", is_misaligned},
        {"negative strides", "E0850", "`A` has a negative stride", runs_backwards},
        {"strides that are not declared", "E0851", "`A` does not lie as declared", has_gaps},
        {"an output in an input", "E0852", "`y`, which is written, shares memory with the one for `A`", is_an_input},
        {"an output of another length", "E0807", "f64[2] is wanted; the array is f64[3]", has_another_length},
    };
    for (const char *const *engine = einc_engines(); *engine; engine++) {
        struct einc_context *context = context_on(*engine);
        struct einc_program *program;
        const struct einc_kernel *kernel = compile(context, product, &program);
        for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
            double A[8] = {1, 2, 3, 4, 5, 6}, x[3] = {1, 10, 100}, y[3] = {0};
            DLTensor a = tensor_of(A, F64, SHAPE(2, 3)), b = tensor_of(x, F64, SHAPE(3)), c = tensor_of(y, F64, SHAPE(2));
            DLTensor right[] = {a, b, c};
            const DLTensor *tensors[] = {&a, &b, &c}, *rights[] = {&right[0], &right[1], &right[2]};
            calls[k].spoil(&a, &b, &c);
            assert_int_equal(einc_kernel_run(kernel, 3, tensors, NULL), EINC_INVALID);
            expect_report(context, calls[k].code, calls[k].words);
            assert_true(y[0] == 0 && y[1] == 0 && A[2] == 3);
            assert_int_equal(einc_kernel_run(kernel, 3, rights, NULL), EINC_OK);
            assert_true(y[0] == 321 && y[1] == 654);
        }
        const DLTensor *none[] = {NULL, NULL, NULL};
        assert_int_equal(einc_kernel_run(kernel, 3, none, NULL), EINC_INVALID);
        expect_report(context, "E0850", "`A` is NULL");
        assert_int_equal(einc_kernel_run(kernel, 2, none, NULL), EINC_INVALID);
        expect_report(context, "E0850", "takes 3 tensors, not 2");
        einc_program_destroy(program);
        einc_context_destroy(context);
    }
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    const struct {
        struct einc_options options;
        const char *code, *words;
    } wrong[] = {
        {{.size = 0}, "E0854", "a size that this einc does not know"},
        {{.size = 12}, "E0854", "a size that this einc does not know"}, /* ends in the middle of a pointer */
        {{.size = sizeof wrong[0].options + 1}, "E0854", "a size that this einc does not know"},
        {{.size = sizeof wrong[0].options, .n_dims = 1}, "E0854", "no dims where they count some"},
        {{.size = sizeof wrong[0].options, .engine = "steam"}, "E0853", "no engine `steam`"},
        {{.size = sizeof wrong[0].options, .target = "no/such/file"}, "E0810", "no/such/file"},
        {{.size = sizeof wrong[0].options, .threads = -2}, "E0854", "not on -2"},
        {{.size = sizeof wrong[0].options, .gradient = "A,"}, "E0854", "names of inputs"},
        {{.size = sizeof wrong[0].options, .n_dims = 1, .dims = &(struct einc_dim){"n", -1}}, "E0854", "not negative"},
    };
    struct einc_context *context = context_on(NULL);
    struct einc_program *program;
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        assert_int_equal(einc_compile(context, product, &wrong[k].options, &program), EINC_INVALID);
        assert_null(program);
        expect_report(context, wrong[k].code, wrong[k].words);
    }
    const struct einc_kernel *kernel = compile(context, product, &program);
    assert_non_null(kernel);
    for (size_t size = 0; size <= sizeof(struct einc_run_options) + 1; size++) {
        struct einc_run_options options = {.size = size};
        if (size == sizeof options)
            continue;
        assert_int_equal(einc_kernel_run(kernel, 0, NULL, &options), EINC_INVALID);
        expect_report(context, "E0854", "a size that this einc does not know");
    }
    assert_int_equal(
        einc_kernel_run(kernel, 0, NULL, &(struct einc_run_options){.size = sizeof(struct einc_run_options), .n_dims = 1}),
        EINC_INVALID);
    expect_report(context, "E0854", "no dims where they count some");
    assert_int_equal(einc_find_kernel(program, "quotient", &kernel), EINC_INVALID);
    assert_null(kernel);
    expect_report(context, "E0801", "the program has `product`");
    einc_program_destroy(program);
    assert_int_equal(einc_compile(context, "kernel f(", NULL, &program), EINC_INVALID);
    expect_report(context, "E0005", "source:1");
    assert_int_equal(einc_compile_file(context, "/no/such.ein", NULL, &program), EINC_INVALID);
    expect_report(context, "E0810", "/no/such.ein");
    einc_context_destroy(context);
}

static void dims_of_calls_have_names_and_sizes(void **state)
{
    (void)state;
    struct einc_context *context = context_on(NULL);
    struct einc_program *program;
    const struct einc_kernel *kernel =
        compile(context, "dim n % 2 == 0\nkernel ends(x: f64[n + 1]) -> (y: f64) { y = x[n] - x[0] }", &program);
    double x[5] = {1, 2, 3, 4, 50}, y = 0;
    DLTensor a = tensor_of(x, F64, SHAPE(5)), b = scalar_of(&y, F64);
    const DLTensor *tensors[] = {&a, &b};
    struct einc_run_options options = {.size = sizeof options, .n_dims = 1, .dims = &(struct einc_dim){"n", 4}};
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, NULL), EINC_INVALID);
    expect_report(context, "E0805", "no array says how large dim `n` is");
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, &options), EINC_OK);
    assert_true(y == 49);
    options.dims = &(struct einc_dim){"n", 3};
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, &options), EINC_INVALID);
    expect_report(context, "E0804", "");
    options.dims = &(struct einc_dim){"m", 4};
    assert_int_equal(einc_kernel_run(kernel, 2, tensors, &options), EINC_INVALID);
    expect_report(context, "E0854", "no run-time dim `m`");
    einc_program_destroy(program);
    einc_context_destroy(context);
}

static void the_function_itself_may_be_called(void **state)
{
    (void)state;
    for (const char *const *engine = einc_engines(); *engine; engine++) {
        struct einc_context *context = context_on(*engine);
        struct einc_program *program;
        const struct einc_kernel *kernel =
            compile(context, "dim n\nkernel double(x: f64[n]) -> (y: f64[n]) { y[i] = 2 * x[i] }", &program); /* a word of C */
        if (einc_kernel_function(kernel)) {
            void (*function)(size_t n, const double *x, double *y) =
                (void (*)(size_t, const double *, double *))einc_kernel_function(kernel);
            double x[2] = {1, 2}, y[2];
            assert_string_equal(einc_kernel_signature(kernel), "void double_(size_t n, const double *x, double *y)");
            function(2, x, y);
            assert_true(y[0] == 2 && y[1] == 4);
        } else {
            assert_string_equal(*engine, EINC_ENGINE_REFERENCE);
        }
        assert_non_null(strstr(einc_kernel_json(kernel), "\"name\":\"double\""));
        einc_program_destroy(program);
        einc_context_destroy(context);
    }
}

static void many_einsums_push_out_old_ones(void **state)
{
    (void)state;
    struct einc_context *context = context_on(EINC_ENGINE_REFERENCE);
    double x[2000] = {0}, y;
    for (int round = 0; round < 2; round++)
        for (int64_t n = 1; n <= 1200; n++) {
            DLTensor a = tensor_of(x, F64, SHAPE(n)), out = scalar_of(&y, F64);
            const DLTensor *tensors[] = {&a};
            x[n - 1] = 1; /* one more of them every time */
            assert_int_equal(einc_einsum(context, "i->", 1, tensors, &out), EINC_OK);
            assert_true(y == (double)n);
        }
    einc_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kernel_runs_on_every_engine),
        cmocka_unit_test(workspace_is_the_callers_or_the_librarys_on_every_engine),
        cmocka_unit_test(declared_strides_bind_dims_on_every_engine),
        cmocka_unit_test(updated_arrays_are_one_tensor_on_every_engine),
        cmocka_unit_test(a_lookup_that_leaves_its_table_is_reported_on_every_engine),
        cmocka_unit_test(kernels_are_named_like_functions_of_the_process_on_every_engine),
        cmocka_unit_test(einsums_take_any_strides_on_every_engine),
        cmocka_unit_test(kept_einsums_are_for_their_strides_on_every_engine),
        cmocka_unit_test(strided_outputs_are_checked_on_every_engine),
        cmocka_unit_test(results_of_einsums_are_known_before_on_every_engine),
        cmocka_unit_test(shapes_of_outputs_are_known_before_on_every_engine),
        cmocka_unit_test(kernels_run_without_the_thread_on_every_engine),
        cmocka_unit_test(wrong_tensors_are_refused),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(dims_of_calls_have_names_and_sizes),
        cmocka_unit_test(the_function_itself_may_be_called),
        cmocka_unit_test(many_einsums_push_out_old_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
