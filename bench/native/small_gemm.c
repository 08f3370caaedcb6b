/* Many small products by libxsmm: C[e,:,:] = A[e,:,:] B[e,:,:], row-major, one kernel made at run time and called in a loop, as a
 * user would. libxsmm is column-major: the transposes are multiplied, in turn. Loaded by bench/native.py. */
#include <libxsmm.h>
#include <stddef.h>

static libxsmm_dmmfunction product_f64;
static libxsmm_smmfunction product_f32;

/* Makes the kernels of an extent; 0: libxsmm has none for it. */
int small_gemm_prepare(size_t n)
{
    const libxsmm_blasint size = (libxsmm_blasint)n;
    const double one = 1, zero = 0;
    const float one_f32 = 1, zero_f32 = 0;
    libxsmm_init();
    product_f64 = libxsmm_dmmdispatch(size, size, size, NULL, NULL, NULL, &one, &zero, NULL, NULL);
    product_f32 = libxsmm_smmdispatch(size, size, size, NULL, NULL, NULL, &one_f32, &zero_f32, NULL, NULL);
    return product_f64 && product_f32;
}

const char *small_gemm_target(void)
{
    libxsmm_init();
    return libxsmm_get_target_arch();
}

/* dims: how many products, extent; arrays: A, B, C */
void small_gemm_f64(const size_t *dims, void *const *arrays)
{
    const double *a = arrays[0], *b = arrays[1];
    double *c = arrays[2];
    const size_t square = dims[1] * dims[1];
    for (size_t e = 0; e < dims[0]; e++)
        product_f64(&b[e * square], &a[e * square], &c[e * square]);
}

void small_gemm_f32(const size_t *dims, void *const *arrays)
{
    const float *a = arrays[0], *b = arrays[1];
    float *c = arrays[2];
    const size_t square = dims[1] * dims[1];
    for (size_t e = 0; e < dims[0]; e++)
        product_f32(&b[e * square], &a[e * square], &c[e * square]);
}
