/* Fourier transforms: operands that are roots of unity at a product of two indices.
 *
 * root(a i j + b i + c j + d, N) with a coprime ... is a transform of length n = N / gcd(a, N), forward or backward, between
 * diagonals; fewer rows than n are a part of its result, fewer columns data with zeros after them. A real part of a multiple of
 * such roots (cosines and sines) is the real part of the transform. Real data cost half. */
#include "fourier.h"
#include "structure.h"

static const struct poly *multiple(struct ir_context *context, int64_t factor, int64_t constant)
{
    return poly_add(context, poly_scale(context, poly_index(context, 0), factor), poly_constant(context, constant));
}

static bool turns(const struct structure_wave *wave, int64_t a)
{
    return a % wave->order != 0;
}

/* The data times root(c j, order), zeros after them up to the length. */
static const struct ir_node *padded(struct ir_context *context, const struct structure_transform *transform,
                                    const struct ir_node *x)
{
    const struct structure_wave *wave = &transform->wave;
    if (!x)
        return NULL;
    if (turns(wave, transform->form.c))
        x = fourier_scale(context, x,
                          fourier_roots(context, x->elem, poly_constant(context, transform->application.columns),
                                        multiple(context, transform->form.c, 0), wave->order, 1, 0));
    if (transform->application.columns == transform->length)
        return x;
    return fourier_pad(context, x, transform->length);
}

/* What packs pairs takes more flops, and in vectors half the time. */
static bool is_packed(const struct structuring *structuring, int64_t n)
{
    return structuring->pass->options->machine.vector_bytes > 0 && !structuring->pass->options->fewest_flops && fourier_packs(n);
}

const struct ir_node *structure_real(struct structuring *structuring, const struct ir_node *x, int64_t n)
{
    return is_packed(structuring, n) ? fourier_packed(structuring->context, x, n) : fourier_real(structuring->context, x, n);
}

const struct ir_node *structure_real_back(struct structuring *structuring, const struct ir_node *x, int64_t n, bool twice)
{
    return is_packed(structuring, n) ? fourier_half_packed(structuring->context, x, n, twice)
                                     : fourier_half(structuring->context, x, n, twice);
}

const struct ir_node *structure_both_halves(struct ir_context *context, const struct ir_node *half, int64_t n, int64_t rows)
{
    if (!half)
        return NULL;
    const struct poly *last = poly_index(context, half->rank - 1);
    int64_t first = n / 2 + 1;
    if (rows <= first)
        return rows == first ? half : fourier_view(context, half, rows, last, false);
    const struct ir_node *rest =
        fourier_view(context, half, rows - first, poly_subtract(context, poly_constant(context, n - first), last), true);
    const struct poly **shape = arena_copy(ir_arena(context), half->shape, half->rank, sizeof *half->shape);
    if (!shape || !rest)
        return NULL;
    shape[half->rank - 1] = poly_constant(context, rows);
    const struct ir_access parts[2] = {ir_access_whole(context, half),
                                       fourier_at(context, rest, poly_subtract(context, last, poly_constant(context, first)))};
    return ir_concat(context, half->rank, shape, 2, parts);
}

static const struct ir_expr *apply(struct ir_context *context, enum ir_expr_op op, const struct ir_expr *a, const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return ir_expr_apply(context, op, b ? 2 : 1, arguments);
}

const struct ir_node *structure_turned(struct ir_context *context, const struct structure_transform *transform,
                                       const struct ir_node *y)
{
    const struct structure_wave *wave = &transform->wave;
    const struct structure_application *application = &transform->application;
    if (!y)
        return NULL;
    const struct poly *last = poly_index(context, y->rank - 1), *rows = poly_constant(context, application->rows);
    bool scaled = turns(wave, transform->form.b) || turns(wave, transform->form.d) || wave->re != 1 || wave->im != 0;
    if (y->shape[y->rank - 1] != rows)
        y = fourier_view(context, y, application->rows, last, false);
    if (!wave->real && wave->im == 0 && !turns(wave, transform->form.b) && !turns(wave, transform->form.d))
        return fourier_times(context, y, wave->re);
    const struct ir_node *factor = fourier_roots(context, y->elem, rows, multiple(context, transform->form.b, transform->form.d),
                                                 wave->order, wave->re, wave->im);
    if (!wave->real)
        return scaled ? fourier_scale(context, y, factor) : y;
    const struct ir_access operands[2] = {fourier_at(context, y, last), {.node = factor, .subscripts = &last}};
    const struct ir_expr *a = ir_expr_operand(context, 0, y->elem), *b = ir_expr_operand(context, 1, y->elem);
    const struct ir_expr *real =
        apply(context, IR_EXPR_sub,
              apply(context, IR_EXPR_mul, apply(context, IR_EXPR_real, a, NULL), apply(context, IR_EXPR_real, b, NULL)),
              apply(context, IR_EXPR_mul, apply(context, IR_EXPR_imag, a, NULL), apply(context, IR_EXPR_imag, b, NULL)));
    return ir_map(context, y->rank, y->shape, scaled ? 2 : 1, operands, scaled ? real : apply(context, IR_EXPR_real, a, NULL));
}

/* ---- real waves ---- */

static bool has_parts(const struct structure_application *application)
{
    return !application->real && ir_elem_is_complex(application->data->elem);
}

/* parts[0, ...] and parts[1, ...] are the real and imaginary parts. */
static const struct ir_node *parts_of(struct ir_context *context, const struct ir_node *x)
{
    const struct poly **shape = x ? ARENA_ARRAY(ir_arena(context), x->rank + 1, const struct poly *) : NULL;
    const struct poly **subscripts = x ? ARENA_ARRAY(ir_arena(context), x->rank + 1, const struct poly *) : NULL;
    struct ir_access accesses[2];
    if (!shape || !subscripts)
        return NULL;
    for (uint32_t axis = 0; axis <= x->rank; axis++) {
        shape[axis] = axis ? x->shape[axis - 1] : poly_constant(context, 1);
        subscripts[axis] = poly_index(context, axis);
    }
    const struct ir_access whole = {.node = x, .subscripts = subscripts + 1};
    const struct ir_expr *value = ir_expr_operand(context, 0, x->elem);
    for (int part = 0; part < 2; part++)
        accesses[part] = ir_access_whole(context, ir_map(context, x->rank + 1, shape, 1, &whole,
                                                         apply(context, part ? IR_EXPR_imag : IR_EXPR_real, value, NULL)));
    const struct poly **second = accesses[1].node ? arena_copy(ir_arena(context), subscripts, x->rank + 1, sizeof *second) : NULL;
    const struct poly **both = arena_copy(ir_arena(context), shape, x->rank + 1, sizeof *both);
    if (!second || !both)
        return NULL;
    second[0] = poly_subtract(context, second[0], poly_constant(context, 1));
    accesses[1].subscripts = second;
    both[0] = poly_constant(context, 2);
    return ir_concat(context, x->rank + 1, both, 2, accesses);
}

static const struct ir_node *of_parts(struct ir_context *context, const struct ir_node *parts)
{
    struct ir_access accesses[2];
    const struct ir_expr *values[2];
    for (int part = 0; part < 2; part++) {
        const struct poly **subscripts = parts ? ARENA_ARRAY(ir_arena(context), parts->rank, const struct poly *) : NULL;
        if (!subscripts)
            return NULL;
        subscripts[0] = poly_constant(context, part);
        for (uint32_t axis = 1; axis < parts->rank; axis++)
            subscripts[axis] = poly_index(context, axis - 1);
        accesses[part] = (struct ir_access){.node = parts, .subscripts = subscripts};
        values[part] = ir_expr_operand(context, (uint32_t)part, parts->elem);
    }
    return ir_map(context, parts->rank - 1, parts->shape + 1, 2, accesses, apply(context, IR_EXPR_complex, values[0], values[1]));
}

const struct ir_node *structure_real_data(struct structuring *structuring, const struct structure_application *application)
{
    const struct ir_node *x = structure_improve(structuring, application->real ? application->real : application->data);
    return has_parts(application) ? parts_of(structuring->context, x) : x;
}

const struct ir_node *structure_finish_real(struct structuring *structuring, const struct structure_application *application,
                                            const struct ir_node *y)
{
    if (has_parts(application))
        y = of_parts(structuring->context, y);
    return structure_finish(structuring, application, application->n_batch, application->batch, y);
}

/* The transform of a short length, whose table takes the wave's factor along. */
static const struct ir_node *scaled_table(struct ir_context *context, const struct structure_transform *transform,
                                          const struct ir_node *x)
{
    const struct poly *product = poly_multiply(context, poly_index(context, 0), poly_index(context, 1));
    return x ? fourier_table(context, x, x->elem, transform->length, poly_scale(context, product, transform->inverse ? -1 : 1),
                             transform->length, transform->wave.re, transform->wave.im)
             : NULL;
}

static const struct ir_node *transformed(struct structuring *structuring, const struct structure_transform *transform)
{
    struct ir_context *context = structuring->context;
    const struct structure_application *application = &transform->application;
    const struct ir_node *real = transform->wave.real
                                     ? structure_real_data(structuring, application)
                                     : structure_improve(structuring, application->real ? application->real : application->data);
    if (!real)
        return NULL;
    bool halves = !ir_elem_is_complex(real->elem) && !turns(&transform->wave, transform->form.c);
    const struct ir_node *y;
    if (halves) {
        const struct ir_node *half = structure_real(structuring, padded(context, transform, real), transform->length);
        if (transform->inverse && half) /* of real data the conjugate */
            half = fourier_view(context, half, transform->length / 2 + 1, poly_index(context, half->rank - 1), true);
        y = structure_both_halves(context, half, transform->length, application->rows);
    } else {
        const struct structure_wave *wave = &transform->wave;
        const struct ir_node *x = padded(context, transform, fourier_cast(context, real, ir_elem_complex(real->elem)));
        struct structure_transform unscaled = *transform;
        unscaled.wave.re = 1;
        unscaled.wave.im = 0;
        if (structuring->pass->options->fewest_flops &&
            fourier_fewest_flops(transform->length) < fourier_flops(transform->length)) {
            y = fourier_fewest(context, x, transform->length, transform->inverse);
            return structure_turned(context, transform, y);
        }
        if (!wave->real && fourier_has_twiddles(transform->length)) { /* they take a factor along */
            y = fourier_complex_times(context, x, transform->length, transform->inverse,
                                      (struct fourier_factor){wave->re, wave->im, 1});
            return structure_turned(context, &unscaled, y);
        }
        if (!wave->real && (wave->re != 1 || wave->im != 0) && transform->length <= FOURIER_LONGEST_CODELET)
            return structure_turned(context, &unscaled, scaled_table(context, transform, x));
        y = fourier_complex(context, x, transform->length, transform->inverse);
    }
    return structure_turned(context, transform, y);
}

static const struct ir_node *finished(struct structuring *structuring, const struct structure_transform *transform,
                                      const struct ir_node *y)
{
    const struct structure_application *application = &transform->application;
    return !y                     ? NULL
           : transform->wave.real ? structure_finish_real(structuring, application, y)
                                  : structure_finish(structuring, application, application->n_batch, application->batch, y);
}

const struct ir_node *structure_fourier(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct structure_transform transform;
    if (!structure_find_transform(structuring, node, operand, &transform) || fourier_is_rader(transform.length))
        return NULL;
    return finished(structuring, &transform, transformed(structuring, &transform));
}

/* Of what `structure_fourier` leaves to it: the only way there is with such a length. */
const struct ir_node *structure_rader(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct structure_transform transform;
    if (!structure_find_transform(structuring, node, operand, &transform) || !fourier_is_rader(transform.length))
        return NULL;
    return finished(structuring, &transform, transformed(structuring, &transform));
}

/* Complex data as `way` transforms them; NULL: the data are real, or it knows no way. */
static const struct ir_node *complex_way(struct structuring *structuring, const struct ir_node *node, uint32_t operand, bool prime,
                                         const struct ir_node *(*way)(struct ir_context *context, const struct ir_node *x,
                                                                      int64_t n, bool inverse))
{
    struct ir_context *context = structuring->context;
    struct structure_transform transform;
    if (!structure_find_transform(structuring, node, operand, &transform) || transform.wave.real || transform.application.real ||
        (prime && !fourier_is_rader(transform.length)))
        return NULL;
    const struct ir_node *x = padded(context, &transform, structure_improve(structuring, transform.application.data));
    const struct ir_node *y = way(context, x, transform.length, transform.inverse);
    return y ? finished(structuring, &transform, structure_turned(context, &transform, y)) : NULL;
}

const struct ir_node *structure_chirp(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    return complex_way(structuring, node, operand, true, fourier_chirp);
}

/* Its permutations are modulo the length: vectors cannot follow them, and lose more by it than the twiddles cost (1536 takes 3
 * times as long). */
const struct ir_node *structure_coprime(struct structuring *structuring, const struct ir_node *node, uint32_t operand)
{
    struct structure_transform transform;
    bool in_vectors = structuring->pass->options->machine.vector_bytes > 0;
    if (in_vectors && structure_find_transform(structuring, node, operand, &transform) && !fourier_long_prime(transform.length))
        return NULL;
    return complex_way(structuring, node, operand, false, fourier_coprime);
}
