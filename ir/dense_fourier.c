/* Fourier transforms of constants while compiling: see dense.h.
 *
 * A length whose primes are short is cut by them (Cooley and Tukey 1965); any other is a convolution with a chirp (Bluestein 1970)
 * of a power of two. Long double has eleven bits more than double, which is more than a transform of any length here loses. */
#include "dense.h"
#include "ir.h"

/* A prime up to this is summed as it stands. */
enum { LONGEST_STEP = 64 };

struct dense_fourier {
    size_t n, length;                     /* of what is asked for, of what is done */
    struct dense_complex *roots;          /* root(k, length) */
    struct dense_complex *input, *output; /* of that length */
    struct dense_complex *chirp;          /* root(k^2, 2n); NULL: n has no long prime */
    struct dense_complex *response;       /* the spectrum of its opposite, over the length */
};

static struct dense_complex times(struct dense_complex a, struct dense_complex b)
{
    return (struct dense_complex){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

static struct dense_complex conjugate(struct dense_complex a)
{
    return (struct dense_complex){a.re, -a.im};
}

static size_t smallest_factor(size_t n)
{
    for (size_t p = 2; p * p <= n; p++)
        if (n % p == 0)
            return p;
    return n;
}

static bool has_long_prime(size_t n)
{
    for (size_t p; n > 1; n /= p) {
        p = smallest_factor(n);
        if (p > LONGEST_STEP)
            return true;
    }
    return false;
}

/* output[q] = sum over r of input[r stride] root(q r, n), n a divisor of the length. */
static void transform(const struct dense_fourier *fourier, size_t n, const struct dense_complex *input, size_t stride,
                      struct dense_complex *output)
{
    struct dense_complex terms[LONGEST_STEP];
    size_t p = smallest_factor(n), m = n / p, turn = fourier->length / p;
    if (n == 1) {
        output[0] = input[0];
        return;
    }
    for (size_t r = 0; r < p; r++)
        transform(fourier, m, input + r * stride, stride * p, output + r * m);
    for (size_t k = 0; k < m; k++) {
        for (size_t r = 0; r < p; r++)
            terms[r] = times(output[r * m + k], fourier->roots[r * k * (fourier->length / n)]);
        for (size_t q = 0; q < p; q++) {
            struct dense_complex sum = terms[0];
            for (size_t r = 1; r < p; r++) {
                struct dense_complex term = times(terms[r], fourier->roots[q * r % p * turn]);
                sum.re += term.re;
                sum.im += term.im;
            }
            output[k + q * m] = sum;
        }
    }
}

/* The chirp is one of whole numbers squared, so that a root is taken of what is below 2n. */
static void set_chirp(struct dense_fourier *fourier)
{
    size_t n = fourier->n, m = fourier->length;
    for (size_t k = 0; k < n; k++) {
        ir_root_extended((int64_t)(k * k % (2 * n)), (int64_t)(2 * n), &fourier->chirp[k].re, &fourier->chirp[k].im);
        fourier->input[k] = fourier->input[(m - k) % m] = conjugate(fourier->chirp[k]);
    }
    transform(fourier, m, fourier->input, 1, fourier->response);
}

struct dense_fourier *dense_fourier_create(struct arena *arena, size_t n)
{
    struct dense_fourier *fourier = ARENA_NEW(arena, struct dense_fourier);
    bool chirps = has_long_prime(n);
    size_t length = n;
    if (chirps)
        for (length = 1; length < 2 * n - 1;)
            length *= 2;
    if (!fourier || n == 0)
        return NULL;
    *fourier = (struct dense_fourier){.n = n, .length = length};
    fourier->roots = ARENA_ARRAY(arena, length, struct dense_complex);
    fourier->input = ARENA_ARRAY(arena, length, struct dense_complex);
    fourier->output = ARENA_ARRAY(arena, length, struct dense_complex);
    fourier->chirp = chirps ? ARENA_ARRAY(arena, n, struct dense_complex) : NULL;
    fourier->response = chirps ? ARENA_ARRAY(arena, length, struct dense_complex) : NULL;
    if (arena_failed(arena))
        return NULL;
    for (size_t k = 0; k < length; k++)
        ir_root_extended((int64_t)k, (int64_t)length, &fourier->roots[k].re, &fourier->roots[k].im);
    if (chirps)
        set_chirp(fourier);
    return fourier;
}

void dense_fourier_apply(const struct dense_fourier *fourier, struct dense_complex *data)
{
    size_t n = fourier->n, m = fourier->length;
    for (size_t k = 0; k < m; k++)
        fourier->input[k] = k >= n ? (struct dense_complex){0, 0} : fourier->chirp ? times(data[k], fourier->chirp[k]) : data[k];
    transform(fourier, m, fourier->input, 1, fourier->output);
    if (!fourier->chirp) {
        for (size_t k = 0; k < n; k++)
            data[k] = fourier->output[k];
        return;
    }
    for (size_t k = 0; k < m; k++) /* back is forward between conjugates */
        fourier->input[k] = conjugate(times(fourier->output[k], fourier->response[k]));
    transform(fourier, m, fourier->input, 1, fourier->output);
    for (size_t k = 0; k < n; k++) {
        struct dense_complex sum = times(conjugate(fourier->output[k]), fourier->chirp[k]);
        data[k] = (struct dense_complex){sum.re / (long double)m, sum.im / (long double)m};
    }
}
