/* Complex numbers as C has them, made of parts and multiplied by parts: re + im * I makes NaN of an infinite im, CMPLX is not
 * there for every compiler, and C's own product looks for infinities. */
#ifndef IR_COMPLEX_NUMBER_H
#define IR_COMPLEX_NUMBER_H

#include <complex.h>
#include <string.h>

static inline double complex complex_of(double re, double im)
{
    const double parts[2] = {re, im};
    double complex value;
    memcpy(&value, parts, sizeof value);
    return value;
}

static inline double complex complex_times(double complex a, double complex b)
{
    return complex_of(creal(a) * creal(b) - cimag(a) * cimag(b), creal(a) * cimag(b) + cimag(a) * creal(b));
}

#endif
