/* Codelets of an emitted file as text: their names, what stands above them, and what they read and write by.
 *
 * A codelet is inlined where it is called: steps and forms of places are constants there, and what is known of them folds. So one
 * text serves numbers in pairs or in halves, with factors or without, at the price of none. */
#include "c_codelet.h"

#include <math.h>
#include <string.h>

#define TAU 6.283185307179586

/* A transform that a codelet may turn out to be: y = NAME(n) x. */
struct transform {
    const char *name;     /* in C, with the length behind */
    const char *computes; /* as the language writes it, with the length for %zu */
    bool complex_in, complex_out;
    double (*real)(size_t n, size_t k, size_t j);
    double (*imaginary)(size_t n, size_t k, size_t j);
};

static double cosine(size_t n, size_t k, size_t j)
{
    return cos(TAU * (double)(k * j % n) / (double)n);
}

static double sine(size_t n, size_t k, size_t j)
{
    return sin(TAU * (double)(k * j % n) / (double)n);
}

static double minus_sine(size_t n, size_t k, size_t j)
{
    return -sine(n, k, j);
}

static double hartley(size_t n, size_t k, size_t j)
{
    return cosine(n, k, j) + sine(n, k, j);
}

static double dct2(size_t n, size_t k, size_t j)
{
    return 2 * cosine(4 * n, k, 2 * j + 1);
}

static double dct3(size_t n, size_t k, size_t j)
{
    return j ? dct2(n, j, k) : 1;
}

static double dct4(size_t n, size_t k, size_t j)
{
    return 2 * cosine(8 * n, 2 * k + 1, 2 * j + 1);
}

static double dst2(size_t n, size_t k, size_t j)
{
    return 2 * sine(4 * n, k + 1, 2 * j + 1);
}

static double dst3(size_t n, size_t k, size_t j)
{
    return j + 1 < n ? dst2(n, j, k) : k % 2 ? -1 : 1;
}

static double dst4(size_t n, size_t k, size_t j)
{
    return 2 * sine(8 * n, 2 * k + 1, 2 * j + 1);
}

static double sign(size_t n, size_t k, size_t j)
{
    double value = 1;
    for (size_t both = k & j & (n - 1); both; both &= both - 1)
        value = -value;
    return value;
}

static const struct transform transforms[] = {
    {"dft", "dft(%zu)", true, true, cosine, minus_sine},    {"dft_adjoint", "adjoint(dft(%zu))", true, true, cosine, sine},
    {"rdft", "rdft(%zu)", false, true, cosine, minus_sine}, {"hadamard", "hadamard(%zu)", false, false, sign, NULL},
    {"dct2_", "dct2(%zu)", false, false, dct2, NULL},       {"dct3_", "dct3(%zu)", false, false, dct3, NULL},
    {"dct4_", "dct4(%zu)", false, false, dct4, NULL},       {"dst2_", "dst2(%zu)", false, false, dst2, NULL},
    {"dst3_", "dst3(%zu)", false, false, dst3, NULL},       {"dst4_", "dst4(%zu)", false, false, dst4, NULL},
    {"dht", "dht(%zu)", false, false, hartley, NULL},
};

/* What the part of y[k] has of the part of x[j]. */
static double entry(const struct transform *transform, size_t n, size_t row, size_t column)
{
    size_t out = transform->complex_out ? 2 : 1, in = transform->complex_in ? 2 : 1, k = row / out, j = column / in;
    if (row % out == column % in)
        return transform->real(n, k, j);
    double im = transform->imaginary(n, k, j);
    return column % in > row % out ? -im : im;
}

static bool is_transform(const struct transform *transform, const struct c_codelet *codelet, const double *matrix)
{
    const double closeness = 1e-6; /* constants of f32 have half an ulp of 2^-24 each, and chains are short */
    size_t n = codelet->n_in, rows = codelet->n_out * (codelet->complex_out ? 2 : 1), columns = n * (codelet->complex_in ? 2 : 1);
    bool halves = transform->complex_out && !transform->complex_in;
    if (transform->complex_in != codelet->complex_in || transform->complex_out != codelet->complex_out ||
        codelet->n_out != (halves ? n / 2 + 1 : n))
        return false;
    for (size_t row = 0; row < rows; row++)
        for (size_t column = 0; column < columns; column++)
            if (fabs(matrix[row * columns + column] - entry(transform, n, row, column)) > closeness * (double)n)
                return false;
    return true;
}

void c_name_codelet(struct c_file *file, struct c_codelet *codelet, const double *matrix)
{
    const struct transform *found = NULL;
    for (size_t k = 0; matrix && !found && k < sizeof transforms / sizeof *transforms; k++)
        if (is_transform(&transforms[k], codelet, matrix))
            found = &transforms[k];
    const char *name = found ? arena_printf(file->arena, "%s%zu_%s", found->name, codelet->n_in, codelet->vector)
                             : arena_printf(file->arena, "matrix%zux%zu_%s", codelet->n_out, codelet->n_in, codelet->vector);
    codelet->computes = found ? found->computes : NULL;
    codelet->name = name ? c_name_unique(file->arena, &file->names, NULL, name) : NULL;
}

/* ---- what codelets read and write by ---- */

void c_use_places(struct c_vector *vector, const struct c_call *call, bool complex_in, bool complex_out)
{
    static const enum c_vector_op of_complex[] = {VECTOR_load, VECTOR_all, VECTOR_multiply, VECTOR_negate, VECTOR_fma};
    bool reads_pairs = complex_in && call->x.im == 1, writes_pairs = complex_out && call->y.im == 1;
    for (size_t k = 0; complex_in && k < sizeof of_complex / sizeof *of_complex; k++)
        vector->uses[of_complex[k]] = true;
    vector->takes |= complex_in;
    vector->puts |= complex_out;
    vector->uses[VECTOR_load] = true;
    vector->uses[VECTOR_store] = true;
    vector->uses[call->x.apart ? VECTOR_load_even_apart : VECTOR_load_even] |= reads_pairs;
    vector->uses[call->x.apart ? VECTOR_load_odd_apart : VECTOR_load_odd] |= reads_pairs;
    vector->uses[call->y.apart ? VECTOR_store_apart : VECTOR_store_pairs] |= writes_pairs;
    vector->places = true;
}

/* How pairs come to be two vectors, or `otherwise`: those that the file has, in lanes in order, in that of loop_lanes.c, or in
 * both. */
static const char *taking(struct c_file *file, const struct c_vector *vector, const char *part, const char *otherwise)
{
    bool in_order = vector->uses[VECTOR_load_even], apart = vector->uses[VECTOR_load_even_apart];
    const char *text = otherwise;
    if (in_order)
        text = arena_printf(file->arena, "x.im == 1 ? V_load_%s(at) : %s", part, text);
    if (apart)
        text = arena_printf(file->arena, "x.im == 0 ? V_load_%s_apart(at) : %s", part, text);
    return text ? text : "";
}

static void put_take(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    c_put_pattern(file, text, vector,
                  "typedef struct {\n    V re, im;\n} V_complex;\n"
                  "static V_inline V_complex V_take(V_from x, size_t k)\n{\n"
                  "    const T *at = &x.at[k * x.step];\n");
    c_put_pattern(file, text, vector,
                  arena_printf(file->arena, "    const V re = %s;\n", taking(file, vector, "even", "V_load(at)")));
    c_put_pattern(file, text, vector,
                  arena_printf(file->arena, "    const V im = %s;\n", taking(file, vector, "odd", "V_load(at + x.im)")));
    c_put_pattern(file, text, vector,
                  "    if (!x.by)\n        return (V_complex){re, im};\n"
                  "    const T *by = &x.by[k * x.by_step];\n"
                  "    const V by_re = x.by_im == 1 ? V_all(by[0]) : V_load(by);\n"
                  "    const V by_im = x.by_im == 1 ? V_all(by[1]) : V_load(by + x.by_im);\n"
                  "    return (V_complex){V_fma(V_negate(by_im), im, V_multiply(by_re, re)),\n"
                  "        V_fma(by_im, re, V_multiply(by_re, im))};\n}\n");
}

static void put_put(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    c_put_pattern(file, text, vector,
                  "static V_inline void V_put(V_to y, size_t k, V re, V im)\n{\n    T *at = &y.at[k * y.step];\n");
    if (vector->uses[VECTOR_store_apart])
        c_put_pattern(file, text, vector, "    if (y.im == 0) {\n        V_store_apart(at, re, im);\n        return;\n    }\n");
    if (vector->uses[VECTOR_store_pairs])
        c_put_pattern(file, text, vector, "    if (y.im == 1) {\n        V_store_pairs(at, re, im);\n        return;\n    }\n");
    c_put_pattern(file, text, vector, "    V_store(at, re);\n    V_store(at + y.im, im);\n}\n");
}

static void put_places(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    bool apart = vector->uses[VECTOR_load_even_apart] || vector->uses[VECTOR_store_apart];
    c_put_pattern(
        file, text, vector,
        "\n/* Where a codelet reads x[k], times by[k] where there is such, and where it writes y[k]: at at + k * step. Of complex\n"
        " * numbers the imaginary part stands im behind, in pairs where that is 1. A factor in a pair is one for all lanes.");
    text_put(
        text,
        apart ? "\n * Where im is not given pairs are taken apart in the order in which that is least work, by all that has these\n"
                " * lanes. */\n"
              : " */\n");
    c_put_pattern(
        file, text, vector,
        "typedef struct {\n    const T *at;\n    size_t step, im;\n    const T *by;\n    size_t by_step, by_im;\n} V_from;\n"
        "typedef struct {\n    T *at;\n    size_t step, im;\n} V_to;\n"
        "#if defined(__GNUC__) && !defined(__TINYC__)\n"
        "#define V_inline inline __attribute__((always_inline)) /* places are constants where it is called */\n"
        "#else\n#define V_inline inline\n#endif\n");
    if (vector->takes)
        put_take(file, text, vector);
    if (vector->puts)
        put_put(file, text, vector);
}

static void put_head(struct text *text, const struct c_codelet *codelet)
{
    text_printf(text, "static %s_inline void %s(const %s_from %s, const %s_to %s)", codelet->vector, codelet->name, codelet->vector,
                codelet->x, codelet->vector, codelet->y);
}

void c_put_codelet_heads(struct c_file *file, struct text *text)
{
    for (size_t k = 0; k < file->n_vectors; k++)
        if (file->vectors[k].places)
            put_places(file, text, &file->vectors[k]);
    for (size_t k = 0; k < file->n_codelets; k++) {
        put_head(text, &file->codelets[k]);
        text_put(text, "; /* at the end of the file */\n");
    }
    text_put(text, file->n_codelets ? "\n" : "");
}

/* ---- the call ---- */

static void put_place(struct c_kernel *kernel, struct text *text, const struct c_places *places, const char *prefix)
{
    text_printf(text, ".%s = &", *prefix ? prefix : "at");
    c_put_element(kernel, text, places->buffer, places->address);
    text_printf(text, ", .%s%sstep = %lld", prefix, *prefix ? "_" : "", (long long)places->step);
    if (places->im && !places->apart)
        text_printf(text, ", .%s%sim = %lld", prefix, *prefix ? "_" : "", (long long)places->im);
}

const char *c_codelet_call(struct c_kernel *kernel, const struct loop_stmt *loop)
{
    struct text text = text_create(kernel->file->arena);
    const struct c_call *call = NULL;
    for (size_t k = 0; k < kernel->n_calls; k++)
        if (kernel->calls[k].loop == loop)
            call = &kernel->calls[k];
    if (!call)
        return NULL;
    const struct c_codelet *codelet = &kernel->file->codelets[call->codelet];
    text_printf(&text, "%s((%s_from){", codelet->name, codelet->vector);
    put_place(kernel, &text, &call->x, "");
    if (call->multiplies) {
        text_put(&text, ", ");
        put_place(kernel, &text, &call->by, "by");
    }
    text_printf(&text, "}, (%s_to){", codelet->vector);
    put_place(kernel, &text, &call->y, "");
    text_put(&text, "});");
    return text_finish(&text);
}

/* ---- the section ---- */

static const char *numbers(bool is_complex)
{
    return is_complex ? "complex" : "real";
}

void c_put_codelets(struct c_file *file, struct text *text)
{
    if (file->n_codelets)
        text_put(
            text,
            "\n/* ---- codelets ----\n"
            " * Straight lines made from their matrices: cut by symmetries, or read backwards from the transposed matrix where\n"
            " * that is less; of the rest, sums that rows have in common are made once (C. Paar, 1997). */\n");
    for (size_t k = 0; k < file->n_codelets; k++) {
        const struct c_codelet *codelet = &file->codelets[k];
        text_put(text, "\n/* y = ");
        if (codelet->computes)
            text_put(text, arena_printf(file->arena, codelet->computes, codelet->n_in));
        else
            text_printf(text, "a matrix of %zu x %zu numbers", codelet->n_out, codelet->n_in);
        text_printf(text, " @ x, %zu %s numbers to %zu %s ones, in each of %d lanes: %lld additions, %lld multiplications */\n",
                    codelet->n_in, numbers(codelet->complex_in), codelet->n_out, numbers(codelet->complex_out), (int)codelet->lanes,
                    (long long)codelet->additions, (long long)codelet->multiplications);
        put_head(text, codelet);
        text_printf(text, "\n{\n%s}\n", codelet->body);
    }
}
