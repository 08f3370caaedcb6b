/* Into which short transforms a long one is cut, and what that costs.
 *
 * A transform of n = p q is q transforms of length p, n twiddles and p of length q. Short ones are codelets, whose flops stand in a
 * table: what ir/straight_line.c makes of their matrices (tests/test_straight_line.c compares). */
#include "fourier.h"

#include <math.h>

enum { TWIDDLE = 6 /* flops */ };

/* By length, of real data below. */
static const int16_t codelet_flops[FOURIER_LONGEST_CODELET + 1] = {
    0,   0,   4,   16,  16,  48,  44,   96,  56,   120, 116, 240, 112,  336, 220,  224, 168,
    576, 284, 720, 272, 400, 524, 1056, 304, 1000, 724, 600, 496, 1680, 596, 1920, 456,
};

static const int16_t real_codelet_flops[FOURIER_LONGEST_CODELET + 1] = {
    0,   0,   2,   6,   6,   20,  18,  42,  22,  56,  50,  110, 46,  156, 98,  98,  70,
    272, 130, 342, 118, 180, 242, 506, 132, 472, 338, 454, 222, 812, 262, 930, 198,
};
/* At half steps. */
static const int16_t shifted_codelet_flops[FOURIER_LONGEST_CODELET + 1] = {
    0,   0,   0,   6,   8,   20,  16,  42,  32,  56,  48,  110, 58,  156, 96,  134, 96,
    272, 128, 342, 154, 271, 240, 506, 176, 472, 336, 454, 296, 812, 312, 930, 256,
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

bool fourier_has_twiddles(int64_t n)
{
    return n > 1 && !fourier_long_prime(n) && fourier_radix(n) < n;
}

bool fourier_is_calculated(int64_t n)
{
    return n <= FOURIER_LONGEST_CONSTANT / (fourier_long_prime(n) ? 2 : 1);
}

/* ---- how a length is cut ---- */

static double prime_flops(int64_t n);

/* What a transform of a kind takes as it is, INFINITY if it cannot stay so, and with a first step of radix p; does the smallest one
 * go first, of radices with equal flops? */
struct kind {
    double (*whole)(int64_t n, int64_t largest);
    double (*by_step)(int64_t n, int64_t p);
    bool smallest;
};

/* With the radix that makes it cheapest, of at most `largest`: smaller ones follow, so that few are tried twice in another order.
 * Of equal ones the smallest of complex data, whose codelet needs the fewest registers (1000 as 10 10 10 takes 7/8 of the time of
 * 20 10 5), the largest of real data. Where none fits the smallest there is. */
static double cheapest(const struct kind *kind, int64_t n, int64_t largest, int64_t *radix)
{
    double least = kind->whole(n, largest);
    *radix = n;
    for (int64_t p = largest < n / 2 ? largest : n / 2; p > 1; p--) {
        double flops = n % p ? INFINITY : kind->by_step(n, p);
        if (flops < least || (kind->smallest && flops == least && *radix < n)) {
            least = flops;
            *radix = p;
        }
    }
    if (least < INFINITY)
        return least;
    *radix = fourier_smallest_factor(n);
    return kind->by_step(n, *radix);
}

static const struct kind complex_kind;

static double complex_whole(int64_t n, int64_t largest)
{
    return n <= largest ? codelet_flops[n] : fourier_long_prime(n) == n ? prime_flops(n) : INFINITY;
}

static double complex_by_step(int64_t n, int64_t p)
{
    int64_t next;
    double first = p <= FOURIER_LONGEST_CODELET ? codelet_flops[p] : prime_flops(p);
    return (double)(n / p) * first + TWIDDLE * (double)n + (double)p * cheapest(&complex_kind, n / p, p, &next);
}

static const struct kind complex_kind = {complex_whole, complex_by_step, true};

int64_t fourier_radix(int64_t n)
{
    int64_t radix;
    (void)cheapest(&complex_kind, n, FOURIER_LONGEST_CODELET, &radix);
    return radix;
}

double fourier_flops(int64_t n)
{
    int64_t radix;
    return cheapest(&complex_kind, n, FOURIER_LONGEST_CODELET, &radix);
}

/* As a convolution of n - 1, or of a good length. */
int64_t fourier_rader_length(int64_t n)
{
    int64_t good = fourier_length(2 * n - 3);
    return fourier_flops(n - 1) < fourier_flops(good) ? n - 1 : good;
}

/* Of a long prime. */
static double prime_flops(int64_t n)
{
    int64_t length = fourier_is_rader(n) ? fourier_rader_length(n) : fourier_length(2 * n - 1);
    double chirps = fourier_is_rader(n) ? 0 : 2 * TWIDDLE * (double)n;
    return 2 * fourier_flops(length) + TWIDDLE * (double)length + chirps;
}

int64_t fourier_length(int64_t least)
{
    int64_t best = 0;
    double flops = INFINITY;
    for (int64_t a = 1; a < 2 * least + 2; a *= 2)
        for (int64_t b = a; b < 2 * least + 2; b *= 3)
            for (int64_t n = b; n < 2 * least + 2; n *= 5) {
                double own = n >= least ? fourier_flops(n) : INFINITY;
                if (own < flops) {
                    flops = own;
                    best = n;
                }
            }
    return best;
}

/* ---- real data ---- */

static const struct kind real_kind;

/* At half steps, not by its matrix. */
static double shifted_by_steps(int64_t n)
{
    return n % 2 ? (double)n + fourier_real_flops(n) : TWIDDLE * (double)(n / 2) + fourier_flops(n / 2);
}

bool fourier_shifted_is_codelet(int64_t n)
{
    return n <= FOURIER_LONGEST_CODELET && shifted_codelet_flops[n] <= shifted_by_steps(n);
}

static double real_whole(int64_t n, int64_t largest)
{
    (void)largest; /* what is read once is best as a codelet wherever it fits one */
    return n <= FOURIER_LONGEST_CODELET ? real_codelet_flops[n] : fourier_long_prime(n) == n ? prime_flops(n) / 2 : INFINITY;
}

static double real_by_step(int64_t n, int64_t p)
{
    int64_t q = n / p, next;
    double first = p <= FOURIER_LONGEST_CODELET ? real_codelet_flops[p] : prime_flops(p) / 2;
    double last = p % 2 ? 0 : fourier_shifted_is_codelet(q) ? shifted_codelet_flops[q] : shifted_by_steps(q);
    return (double)q * first + (double)((p - 1) / 2) * (TWIDDLE * (double)q + fourier_flops(q)) +
           cheapest(&real_kind, q, p, &next) + last;
}

static const struct kind real_kind = {real_whole, real_by_step, false};

int64_t fourier_real_radix(int64_t n)
{
    int64_t radix;
    (void)cheapest(&real_kind, n, FOURIER_LONGEST_CODELET, &radix);
    return radix;
}

double fourier_real_flops(int64_t n)
{
    int64_t radix, factor;
    double by_steps = cheapest(&real_kind, n, FOURIER_LONGEST_CODELET, &radix);
    return fourier_real_coprime_factor(n, by_steps) ? fourier_real_coprime_flops(n, &factor) : by_steps;
}

int64_t fourier_real_factor(int64_t n)
{
    int64_t radix;
    return fourier_real_coprime_factor(n, cheapest(&real_kind, n, FOURIER_LONGEST_CODELET, &radix));
}
