/* Roots of unity.
 *
 * Angles are fractions of a turn, num / den, reduced to the first eighth in integers before the C library sees them, so that
 * symmetric entries are equal or opposite and quarters exact. Values are taken in long double and rounded once (cf. FFTW's
 * trigonometric tables, Frigo and Johnson 2005, section IV-D). */
#include "ir_internal.h"

#include <math.h>

__extension__ typedef __int128 wide;

/* Of an angle of at most an eighth of a turn. */
static long double small(int64_t num, int64_t den, bool sine)
{
    long double angle = 2 * acosl(-1.0L) * (long double)num / (long double)den;
    return sine ? sinl(angle) : cosl(angle);
}

/* cos and sin, by octants; 0 <= num < den <= 2^60. */
static void turn(int64_t num, int64_t den, long double *cosine, long double *sine)
{
    int64_t quarter = (int64_t)(((wide)8 * num / den + 1) / 2); /* the nearest one; what is left is at most half a quarter */
    wide left = (wide)4 * num - (wide)quarter * den;
    int64_t rest = (int64_t)(left < 0 ? -left : left);
    long double c = small(rest, 4 * den, false), s = small(rest, 4 * den, true);
    if (rest == 0)
        c = 1, s = 0;
    if (left < 0)
        s = -s;
    switch (quarter & 3) {
    case 0:
        *cosine = c, *sine = s;
        break;
    case 1:
        *cosine = -s, *sine = c;
        break;
    case 2:
        *cosine = -c, *sine = -s;
        break;
    default:
        *cosine = s, *sine = -c;
        break;
    }
}

void ir_root_extended(int64_t numerator, int64_t order, long double *re, long double *im)
{
    int64_t rest = numerator % order;
    turn(rest < 0 ? rest + order : rest, order, re, im);
    *im = -*im;
}

void ir_root(int64_t numerator, int64_t order, double *re, double *im)
{
    long double cosine = 0, sine = 0;
    *re = *im = nan("");
    if (order < 1 || order > INT64_C(1) << 60)
        return;
    int64_t rest = numerator % order;
    turn(rest < 0 ? rest + order : rest, order, &cosine, &sine);
    *re = (double)cosine;
    *im = rest ? (double)-sine : 0;
}
