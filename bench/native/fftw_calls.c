/* FFTW as a user calls it: plans of both precisions, the fastest of several plannings, and what runs them. Loaded by
 * bench/native.py. */
#include <fftw3.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum { KIND_COMPLEX, KIND_REAL, KIND_COSINE, KIND_SINE };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Of one precision: prefix of FFTW's names, the real type, a suffix of ours.
 * plan: `count` transforms of the axes `sizes`, elements `stride` apart, the first of each `distance`; made `plannings` times.
 * run: dims[0] is the plan. */
#define PRECISION(prefix, real, suffix)                                                                                            \
    static prefix##plan make_##suffix(int kind, int rank, const int *sizes, int count, int stride, int distance, int out_stride,   \
                                      int out_distance, void *in, void *out, unsigned flags)                                       \
    {                                                                                                                              \
        prefix##r2r_kind each[3];                                                                                                  \
        for (int axis = 0; axis < rank && axis < 3; axis++)                                                                        \
            each[axis] = kind == KIND_COSINE ? FFTW_REDFT10 : FFTW_RODFT10;                                                        \
        if (kind == KIND_COMPLEX)                                                                                                  \
            return prefix##plan_many_dft(rank, sizes, count, in, NULL, stride, distance, out, NULL, out_stride, out_distance,      \
                                         FFTW_FORWARD, flags);                                                                     \
        if (kind == KIND_REAL)                                                                                                     \
            return prefix##plan_many_dft_r2c(rank, sizes, count, in, NULL, stride, distance, out, NULL, out_stride, out_distance,  \
                                             flags);                                                                               \
        return prefix##plan_many_r2r(rank, sizes, count, in, NULL, stride, distance, out, NULL, out_stride, out_distance, each,    \
                                     flags);                                                                                       \
    }                                                                                                                              \
    static double time_##suffix(prefix##plan plan)                                                                                 \
    {                                                                                                                              \
        double least = 1e30;                                                                                                       \
        long times = 1;                                                                                                            \
        for (int round = 0; round < 12; round++) {                                                                                 \
            double begin = now();                                                                                                  \
            for (long k = 0; k < times; k++)                                                                                       \
                prefix##execute(plan);                                                                                             \
            double each = (now() - begin) / (double)times;                                                                         \
            least = each < least ? each : least;                                                                                   \
            times = each * (double)times < 2e-4 ? times * 4 : times;                                                               \
        }                                                                                                                          \
        return least;                                                                                                              \
    }                                                                                                                              \
    void *fftw_plan_##suffix(int kind, int rank, const int *sizes, int count, int stride, int distance, int out_stride,            \
                             int out_distance, void *in, void *out, int plannings)                                                 \
    {                                                                                                                              \
        prefix##plan best = NULL;                                                                                                  \
        double least = 0;                                                                                                          \
        for (int planning = 0; planning < plannings; planning++) {                                                                 \
            prefix##forget_wisdom();                                                                                               \
            prefix##plan plan =                                                                                                    \
                make_##suffix(kind, rank, sizes, count, stride, distance, out_stride, out_distance, in, out, FFTW_MEASURE);        \
            double seconds = plan ? time_##suffix(plan) : 0;                                                                       \
            if (plan && (!best || seconds < least)) {                                                                              \
                prefix##plan worse = best;                                                                                         \
                best = plan;                                                                                                       \
                plan = worse;                                                                                                      \
                least = seconds;                                                                                                   \
            }                                                                                                                      \
            if (plan)                                                                                                              \
                prefix##destroy_plan(plan);                                                                                        \
        }                                                                                                                          \
        return best;                                                                                                               \
    }                                                                                                                              \
    void fftw_run_##suffix(const size_t *dims, void *const *arrays)                                                                \
    {                                                                                                                              \
        (void)arrays;                                                                                                              \
        prefix##execute((prefix##plan)dims[0]);                                                                                    \
    }

PRECISION(fftw_, double, f64)
PRECISION(fftwf_, float, f32)

void *fftw_plan_back_f32(int size, void *in, void *out)
{
    return fftwf_plan_dft_c2r_1d(size, in, out, FFTW_MEASURE);
}

static void transform_padded(fftwf_plan plan, const float *row, size_t length, size_t size, float *padded)
{
    memcpy(padded, row, length * sizeof *row);
    memset(padded + length, 0, (size - length) * sizeof *row);
    fftwf_execute(plan);
}

/* Causal convolutions of rows with a filter a row: dims are the plans there and back, rows, length, size, and how many of the
 * spectra of the filters over `size` (half the elements and one a row) are given: all or none; arrays the rows, the filters, the
 * result, room for a padded row, its spectrum and what comes back, spectra. */
void fftw_convolve_f32(const size_t *dims, void *const *arrays)
{
    fftwf_plan there = (fftwf_plan)dims[0];
    size_t rows = dims[2], length = dims[3], size = dims[4], given = dims[5], half = size / 2 + 1;
    const float *x = arrays[0], *filters = arrays[1];
    float *y = arrays[2], *padded = arrays[3], *spectrum = arrays[4], *back = arrays[5], *spectra = arrays[6];
    for (size_t row = 0; row < rows; row++) {
        float *filter = &spectra[row * half * 2];
        if (row >= given) {
            transform_padded(there, &filters[row * length], length, size, padded);
            for (size_t k = 0; k < 2 * half; k++)
                filter[k] = spectrum[k] / (float)size;
        }
        transform_padded(there, &x[row * length], length, size, padded);
        for (size_t k = 0; k < half; k++) {
            float re = spectrum[2 * k] * filter[2 * k] - spectrum[2 * k + 1] * filter[2 * k + 1];
            spectrum[2 * k + 1] = spectrum[2 * k] * filter[2 * k + 1] + spectrum[2 * k + 1] * filter[2 * k];
            spectrum[2 * k] = re;
        }
        fftwf_execute((fftwf_plan)dims[1]);
        memcpy(&y[row * length], back, length * sizeof *y);
    }
}

/* Walsh-Hadamard by radix 2 in place, as the loop is written everywhere; dims[0] elements. */
void walsh_loop_f32(const size_t *dims, void *const *arrays)
{
    size_t n = dims[0];
    float *y = arrays[1];
    memcpy(y, arrays[0], n * sizeof *y);
    for (size_t half = 1; half < n; half *= 2)
        for (size_t first = 0; first < n; first += 2 * half)
            for (size_t k = first; k < first + half; k++) {
                float a = y[k], b = y[k + half];
                y[k] = a + b;
                y[k + half] = a - b;
            }
}
