/* Inside passes: discrete Fourier transforms as tensor IR. */
#ifndef PASSES_FOURIER_H
#define PASSES_FOURIER_H

#include "ir/ir.h"

/* All transform the last axis, of extent `n`, of any tensor, and do not divide by n. NULL in gives NULL out; NULL: no memory. */

/* y[..., k] = sum over l of root(k l, n) x[..., l], its conjugate if `inverse`; complex. */
const struct ir_node *fourier_complex(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse);
/* The same over coprime factors of n, without twiddles (Good 1958, Thomas 1963); NULL: there is one prime power only. */
const struct ir_node *fourier_coprime(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse);
/* Of real data and even n: y[..., k] for k = 0 .. n/2, at half the work. */
const struct ir_node *fourier_real(struct ir_context *context, const struct ir_node *x, int64_t n);
/* Its inverse: real, from the first half of a spectrum x[..., n/2 + 1] whose other half is that conjugated. */
const struct ir_node *fourier_half(struct ir_context *context, const struct ir_node *x, int64_t n);

/* x[..., 2 t] = even[..., t], x[..., 2 t + 1] = odd[..., t] */
const struct ir_node *fourier_interleave(struct ir_context *context, const struct ir_node *even, const struct ir_node *odd);

/* ---- fourier_radix.c ---- */
enum { FOURIER_LONGEST_CODELET = 32 };
int64_t fourier_smallest_factor(int64_t n);
/* The largest prime of n that is too long for a codelet; 0: there is none. */
int64_t fourier_long_prime(int64_t n);
/* Of the first step of a transform of length n > 1, which has no long prime; n: it is a codelet. */
int64_t fourier_radix(int64_t n);
/* An estimate of the flops of a transform of length n, for who may choose the length: exact without long primes. */
double fourier_flops(int64_t n);
/* The length of at least `least`, even if `even`, with the fewest flops. */
int64_t fourier_length(int64_t least, bool even);

/* root(numerator, order) as a map of rank 1, times re + i im. */
const struct ir_node *fourier_roots(struct ir_context *context, enum ir_elem elem, const struct poly *extent,
                                    const struct poly *numerator, int64_t order, double re, double im);

/* 1 / n, a scalar, as a formula: exact modulo a prime. */
const struct ir_node *fourier_share(struct ir_context *context, enum ir_elem elem, int64_t n);

/* ---- tensors with batch axes before the last ---- */
/* The access to `node` at its batch axes, the user's first indices, and `last` along its last. */
struct ir_access fourier_at(struct ir_context *context, const struct ir_node *node, const struct poly *last);
/* x with zeros behind it up to this extent. */
const struct ir_node *fourier_pad(struct ir_context *context, const struct ir_node *node, int64_t extent);
/* x[..., last] as a tensor whose last extent is `extent`. */
const struct ir_node *fourier_view(struct ir_context *context, const struct ir_node *node, int64_t extent, const struct poly *last,
                                   bool conjugate);
/* The shape with another last extent. */
const struct poly **fourier_shape(struct ir_context *context, const struct ir_node *node, int64_t last);
/* x[..., a, b] as x[..., l], l < n, with a = first and b = second. */
const struct ir_node *fourier_merge(struct ir_context *context, const struct ir_node *x, int64_t n, const struct poly *first,
                                    const struct poly *second);
/* x[..., k] * factor[k] */
const struct ir_node *fourier_scale(struct ir_context *context, const struct ir_node *x, const struct ir_node *factor);

#endif
