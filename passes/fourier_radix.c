/* Into which short transforms a long one is cut, and what that costs.
 *
 * A transform of n = p q is q transforms of length p, n twiddles and p of length q. Short ones are codelets, whose flops stand in a
 * table: what ir/straight_line.c makes of their matrices (tests/test_straight_line.c compares). */
#include "fourier.h"

#include <math.h>

enum { TWIDDLE = 6 /* flops */ };

/* By length. */
static const int16_t codelet_flops[FOURIER_LONGEST_CODELET + 1] = {
    0,   0,   4,   16,  16,  48,  44,   96,  56,   128, 120, 240, 112,  336, 220,  312, 168,
    576, 292, 720, 304, 582, 524, 1056, 304, 1000, 724, 964, 496, 1680, 688, 1920, 488,
};

int64_t fourier_smallest_factor(int64_t n)
{
    for (int64_t p = 2; p * p <= n; p++)
        if (n % p == 0)
            return p;
    return n;
}

int64_t fourier_long_prime(int64_t n)
{
    int64_t longest = 1;
    for (int64_t p; n > 1; n /= p) {
        p = fourier_smallest_factor(n);
        longest = p > longest ? p : longest;
    }
    return longest > FOURIER_LONGEST_CODELET ? longest : 0;
}

/* With the radix that makes it cheapest, of at most `largest`: smaller ones follow, so that none is tried twice in another order.
 * All primes of n are lengths of codelets. */
static double cheapest(int64_t n, int64_t largest, int64_t *radix)
{
    double least = n <= largest ? codelet_flops[n] : INFINITY;
    *radix = n;
    for (int64_t p = largest < n / 2 ? largest : n / 2; p > 1; p--) {
        int64_t next;
        if (n % p)
            continue;
        double flops = (double)(n / p) * codelet_flops[p] + TWIDDLE * (double)n + (double)p * cheapest(n / p, p, &next);
        if (flops < least) {
            least = flops;
            *radix = p;
        }
    }
    return least;
}

int64_t fourier_radix(int64_t n)
{
    int64_t radix;
    cheapest(n, FOURIER_LONGEST_CODELET, &radix);
    return radix;
}

double fourier_flops(int64_t n)
{
    int64_t radix, p = fourier_long_prime(n);
    if (!p)
        return n > 1 ? cheapest(n, FOURIER_LONGEST_CODELET, &radix) : 0;
    int64_t length = fourier_length(2 * p - 1, false);
    double chirp = 2 * fourier_flops(length) + TWIDDLE * (double)(length + 2 * p);
    return p == n ? chirp : (double)(n / p) * chirp + TWIDDLE * (double)n + (double)p * fourier_flops(n / p);
}

int64_t fourier_length(int64_t least, bool even)
{
    int64_t best = 0;
    double flops = INFINITY;
    for (int64_t a = 1; a < 2 * least + 2; a *= 2)
        for (int64_t b = a; b < 2 * least + 2; b *= 3)
            for (int64_t n = b; n < 2 * least + 2; n *= 5) {
                double own = n >= least && (!even || n % 2 == 0) ? fourier_flops(n) : INFINITY;
                if (own < flops) {
                    flops = own;
                    best = n;
                }
            }
    return best;
}
