/* Inside passes: discrete Fourier transforms as tensor IR. */
#ifndef PASSES_FOURIER_H
#define PASSES_FOURIER_H

#include "ir/ir.h"

/* Elements of what the compiler transforms, at most; half of that where the length has a long prime. */
enum { FOURIER_LONGEST_CONSTANT = 1 << 21 };

/* All transform the last axis, of extent `n`, of any tensor, and do not divide by n. NULL in gives NULL out; NULL: no memory. */

/* y[..., k] = sum over l of root(k l, n) x[..., l], its conjugate if `inverse`; complex. */
const struct ir_node *fourier_complex(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse);
/* The same times (re + i im) / over, at no cost, of a length that has twiddles. */
struct fourier_factor {
    double re, im;
    int64_t over;
};
const struct ir_node *fourier_complex_times(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse,
                                            struct fourier_factor times);
/* The same forward, over `over`, of x that is known while compiling; of real x as fourier_real gives it. Left as the sum it is, for
 * the pass `spectra`, unless that is too long for it. */
const struct ir_node *fourier_response(struct ir_context *context, const struct ir_node *x, int64_t n, int64_t over);
/* The same with the fewest flops known, by split radix where that takes fewer than steps do; how many. fourier_split.c */
const struct ir_node *fourier_fewest(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse);
double fourier_fewest_flops(int64_t n);
/* The same over coprime factors of n, without twiddles (Good 1958, Thomas 1963); NULL: there is one prime power only. */
const struct ir_node *fourier_coprime(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse);
/* ---- fourier_real.c ---- */
/* Of real data: y[..., k] for k = 0 .. n/2, at half the work; and at half steps, of root(l (2 k + 1), 2 n), for k < n/2 rounded up.
 */
const struct ir_node *fourier_real(struct ir_context *context, const struct ir_node *x, int64_t n);
const struct ir_node *fourier_shifted(struct ir_context *context, const struct ir_node *x, int64_t n);
/* Their transposes: the real part of the sum over these k of root(-k l, n) x[..., k]. `twice`: of the whole spectrum whose other
 * elements are conjugates of these. */
const struct ir_node *fourier_half(struct ir_context *context, const struct ir_node *x, int64_t n, bool twice);
const struct ir_node *fourier_half_shifted(struct ir_context *context, const struct ir_node *x, int64_t n, bool twice);

/* ---- fourier_packed.c ---- */
/* Have real transforms of length n this way? It is even, not short, and has no long prime. */
bool fourier_packs(int64_t n);
/* fourier_real and fourier_half by a complex transform of length n / 2. */
const struct ir_node *fourier_packed(struct ir_context *context, const struct ir_node *x, int64_t n);
const struct ir_node *fourier_half_packed(struct ir_context *context, const struct ir_node *x, int64_t n, bool twice);

/* ---- fourier_coprime.c: lengths n = p q, p and q coprime, without twiddles ---- */
/* The least flops of a real transform so done, and its p; INFINITY: n has no such factors. */
double fourier_real_coprime_flops(int64_t n, int64_t *factor);
/* The p by which that is worth it, where steps take so many flops; 0: none. */
int64_t fourier_real_coprime_factor(int64_t n, double by_steps);
/* fourier_real and fourier_half over these. */
const struct ir_node *fourier_real_coprime(struct ir_context *context, const struct ir_node *x, int64_t n, int64_t p);
const struct ir_node *fourier_half_coprime(struct ir_context *context, const struct ir_node *x, int64_t n, int64_t p, bool twice);

/* ---- fourier_prime.c: lengths that are long primes ---- */
const struct ir_node *fourier_prime(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse);
/* fourier_real, and fourier_half not `twice`, of such lengths. */
const struct ir_node *fourier_prime_real(struct ir_context *context, const struct ir_node *x, int64_t n);
const struct ir_node *fourier_prime_half(struct ir_context *context, const struct ir_node *x, int64_t n);
/* Any length, by a chirp (Bluestein 1970). */
const struct ir_node *fourier_chirp(struct ir_context *context, const struct ir_node *x, int64_t n, bool inverse);
/* Is it a long prime whose powers of a generator fit a table? */
bool fourier_is_rader(int64_t n);

/* x[..., 2 t] = even[..., t], x[..., 2 t + 1] = odd[..., t], n elements. */
const struct ir_node *fourier_interleave(struct ir_context *context, const struct ir_node *even, const struct ir_node *odd,
                                         int64_t n);

/* ---- fourier_radix.c ---- */
enum { FOURIER_LONGEST_CODELET = 32 };
int64_t fourier_smallest_factor(int64_t n);
/* Is a complex transform one contraction of several steps, with twiddles between? */
bool fourier_has_twiddles(int64_t n);
/* Would the compiler transform a constant of this length? */
bool fourier_is_calculated(int64_t n);
/* The largest prime of n that is too long for a codelet; 0: there is none. */
int64_t fourier_long_prime(int64_t n);
/* Of the first step of a transform of length n > 1, which has no long prime; n: it is a codelet. */
int64_t fourier_radix(int64_t n);
/* An estimate of the flops of a transform of length n, for who may choose the length: exact without long primes. */
double fourier_flops(int64_t n);
/* The length of at least `least` with the fewest flops. */
int64_t fourier_length(int64_t least);
/* Of the convolutions by which a transform of a long prime n is done. */
int64_t fourier_rader_length(int64_t n);
/* Of the first step of a transform of real data; n: it is a codelet, or n a long prime. */
int64_t fourier_real_radix(int64_t n);
double fourier_real_flops(int64_t n);
/* The factor over which a real transform goes without twiddles; 0: it goes by steps. */
int64_t fourier_real_factor(int64_t n);
/* Is the transform at half steps best as its matrix? */
bool fourier_shifted_is_codelet(int64_t n);

/* y[..., r] = sum over c of matrix[r, c] * x[..., c], of the matrix's type. */
const struct ir_node *fourier_multiply(struct ir_context *context, const struct ir_node *matrix, const struct ir_node *x);
/* The same of the matrix that is re + i im times root(numerator(r, c), order), or the real part of that if `elem` is real. */
const struct ir_node *fourier_table(struct ir_context *context, const struct ir_node *x, enum ir_elem elem, int64_t rows,
                                    const struct poly *numerator, int64_t order, double re, double im);
/* root(numerator, order) as a map of rank 1, times re + i im; the real part where the type is real. */
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
/* x[..., at] through a function, `op`, or IR_EXPR_operand: none; with a minus if `negative`. */
const struct ir_node *fourier_part(struct ir_context *context, const struct ir_node *x, int64_t extent, const struct poly *at,
                                   enum ir_expr_op op, bool negative);
const struct ir_node *fourier_cast(struct ir_context *context, const struct ir_node *x, enum ir_elem elem);
/* One after the other along the last axis. */
const struct ir_node *fourier_join(struct ir_context *context, uint32_t count, const struct ir_node *const *parts);
/* x[..., first], or x[..., first, second] if there is a second, as a tensor with two last axes a and b. */
const struct ir_node *fourier_plane(struct ir_context *context, const struct ir_node *x, int64_t a, int64_t b,
                                    const struct poly *first, const struct poly *second, bool conjugate);
/* x[..., a, b] * scale * root(a (b + from), order), conjugated if `inverse` */
const struct ir_node *fourier_twiddle(struct ir_context *context, const struct ir_node *x, int64_t order, int64_t from,
                                      bool inverse, double scale);
/* x[..., a, b] as x[..., l], l < n, with a = first and b = second. */
const struct ir_node *fourier_merge(struct ir_context *context, const struct ir_node *x, int64_t n, const struct poly *first,
                                    const struct poly *second);
/* x times a real number */
const struct ir_node *fourier_times(struct ir_context *context, const struct ir_node *x, double number);
/* x / n */
const struct ir_node *fourier_over(struct ir_context *context, const struct ir_node *x, int64_t n);
/* x[..., k] * factor[k] */
const struct ir_node *fourier_scale(struct ir_context *context, const struct ir_node *x, const struct ir_node *factor);

#endif
