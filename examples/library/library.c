/* libeinc: compiles a kernel, runs it on tensors in memory, and shows what einc says of a wrong one. */
#include <einc.h>
#include <stdio.h>

static const char source[] = "dim n\n"
                             "kernel lengths(A: f64[n, 3]) -> (y: f64[n]) { y[i] = sqrt(A[i,k] * A[i,k]) }\n";

int main(void)
{
    double points[2][3] = {{1, 2, 2}, {2, 3, 6}}, lengths[2];
    DLTensor A = {.data = points, .device = {kDLCPU, 0}, .ndim = 2, .dtype = {kDLFloat, 64, 1}, .shape = (int64_t[]){2, 3}};
    DLTensor y = {.data = lengths, .device = {kDLCPU, 0}, .ndim = 1, .dtype = {kDLFloat, 64, 1}, .shape = (int64_t[]){2}};
    const DLTensor *tensors[] = {&A, &y};

    struct einc_context *context = einc_context_create(NULL, NULL);
    struct einc_program *program = NULL;
    const struct einc_kernel *kernel;
    if (context && einc_compile(context, source, NULL, &program) == EINC_OK &&
        einc_find_kernel(program, "lengths", &kernel) == EINC_OK && einc_kernel_run(kernel, 2, tensors, NULL) == EINC_OK)
        printf("%g %g\n", lengths[0], lengths[1]);
    if (context && einc_einsum(context, "ij->i", 1, tensors, &y) == EINC_OK) /* compiled once, kept by the context */
        printf("%g %g\n", lengths[0], lengths[1]);

    if (context && einc_einsum(context, "ij,jk->ik", 1, tensors, &y) != EINC_OK) {
        struct einc_report *report = einc_take_report(context);
        printf("%s", report ? einc_report_text(report) : "no memory\n");
        einc_report_destroy(report);
    }
    einc_program_destroy(program);
    einc_context_destroy(context);
    return 0;
}
