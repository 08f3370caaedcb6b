/* The types of vectors that an emitted file brings along, and the operations on them.
 *
 * A vector of 8 double is an `f64x8`. Its operations are macros over GNU vectors where the compiler has these, else small functions
 * over an array: the body of a kernel is the same for both. Where a fused multiplication is one instruction it is asked for by
 * name, since a compiler may not contract a * b + c in ISO C; in `exact` kernels it is not used at all. */
#include "backends_internal.h"

#include <string.h>

/* ---- types and what they bring along ---- */

struct c_vector *c_use_vector(struct c_file *file, enum ir_elem elem, int64_t lanes)
{
    for (size_t k = 0; k < file->n_vectors; k++)
        if (file->vectors[k].elem == elem && file->vectors[k].lanes == lanes)
            return &file->vectors[k];
    struct c_vector vector = {.elem = elem, .lanes = lanes};
    vector.name = arena_printf(file->arena, "%sx%d", ir_elem_info(elem)->name, (int)lanes);
    if (!vector.name || !ARENA_PUSH(file->arena, file->vectors, file->n_vectors, file->vectors_capacity, vector))
        return NULL;
    return &file->vectors[file->n_vectors - 1];
}

static const char *narrowing_name(struct c_file *file, const struct c_narrowing *narrowing)
{
    const char *elem = ir_elem_info(narrowing->elem)->name;
    return arena_printf(file->arena, "%sx%d_of_%sx%d", elem, (int)narrowing->lanes, elem, (int)narrowing->from);
}

const char *c_use_narrowing(struct c_file *file, enum ir_elem elem, int64_t lanes, int64_t from)
{
    struct c_narrowing narrowing = {elem, lanes, from};
    if (!c_use_vector(file, elem, lanes) || !c_use_vector(file, elem, from))
        return NULL;
    for (size_t k = 0; k < file->n_narrowings; k++)
        if (file->narrowings[k].elem == elem && file->narrowings[k].lanes == lanes && file->narrowings[k].from == from)
            return narrowing_name(file, &narrowing);
    if (!ARENA_PUSH(file->arena, file->narrowings, file->n_narrowings, file->narrowings_capacity, narrowing))
        return NULL;
    return narrowing_name(file, &narrowing);
}

struct operation {
    enum c_vector_op op;
    const char *name;
    const char *parameters; /* V stands for the vector's type, T for the element's, N for the lanes */
    const char *macro;      /* over GNU vectors; in the place of @ the element is written out once a lane; NULL: by hand */
    const char *body;       /* over arrays, for each lane i; r is the result */
};

static const struct operation operations[] = {
    {VECTOR_load, "load", "(const T *from)", "((V)*(const V_memory *)(from))", "r.lane[i] = from[i];"},
    {VECTOR_store, "store", "(T *to, V a)", "(*(V_memory *)(to) = (a))", "to[i] = a.lane[i];"},
    {VECTOR_stream, "stream", "(T *to, V a)", NULL, "to[i] = a.lane[i];"},
    {VECTOR_all, "all", "(T a)", "((V){@})", "r.lane[i] = a;"},
    {VECTOR_add, "add", "(V a, V b)", "((a) + (b))", "r.lane[i] = a.lane[i] + b.lane[i];"},
    {VECTOR_subtract, "subtract", "(V a, V b)", "((a) - (b))", "r.lane[i] = a.lane[i] - b.lane[i];"},
    {VECTOR_multiply, "multiply", "(V a, V b)", "((a) * (b))", "r.lane[i] = a.lane[i] * b.lane[i];"},
    {VECTOR_divide, "divide", "(V a, V b)", "((a) / (b))", "r.lane[i] = a.lane[i] / b.lane[i];"},
    {VECTOR_negate, "negate", "(V a)", "(-(a))", "r.lane[i] = -a.lane[i];"},
    {VECTOR_fma, "fma", "(V a, V b, V c)", NULL, "r.lane[i] = a.lane[i] * b.lane[i] + c.lane[i];"},
    {VECTOR_load_first, "load_first", "(const T *from, size_t n)", NULL, "r.lane[i] = (size_t)i < n ? from[i] : 0;"},
    {VECTOR_load_even, "load_even", "(const T *from)", NULL, "r.lane[i] = from[2 * i];"},
    {VECTOR_load_odd, "load_odd", "(const T *from)", NULL, "r.lane[i] = from[2 * i + 1];"},
    {VECTOR_load_back, "load_back", "(const T *from)", NULL, "r.lane[i] = from[N - 1 - i];"},
    {VECTOR_load_even_back, "load_even_back", "(const T *from)", NULL, "r.lane[i] = from[2 * (N - 1 - i)];"},
    {VECTOR_load_odd_back, "load_odd_back", "(const T *from)", NULL, "r.lane[i] = from[2 * (N - 1 - i) + 1];"},
    {VECTOR_store_pairs, "store_pairs", "(T *to, V a, V b)", NULL, "to[2 * i] = a.lane[i], to[2 * i + 1] = b.lane[i];"},
    {VECTOR_stream_pairs, "stream_pairs", "(T *to, V a, V b)", NULL, "to[2 * i] = a.lane[i], to[2 * i + 1] = b.lane[i];"},
    {VECTOR_load_even_apart, "load_even_apart", "(const T *from)", NULL, "r.lane[i] = from[2 * $];"},
    {VECTOR_load_odd_apart, "load_odd_apart", "(const T *from)", NULL, "r.lane[i] = from[2 * $ + 1];"},
    {VECTOR_load_even_apart_back, "load_even_apart_back", "(const T *from)", NULL, "r.lane[i] = from[2 * (N - 1 - $)];"},
    {VECTOR_load_odd_apart_back, "load_odd_apart_back", "(const T *from)", NULL, "r.lane[i] = from[2 * (N - 1 - $) + 1];"},
    {VECTOR_store_apart, "store_apart", "(T *to, V a, V b)", NULL, "to[2 * $] = a.lane[i], to[2 * $ + 1] = b.lane[i];"},
    {VECTOR_stream_apart, "stream_apart", "(T *to, V a, V b)", NULL, "to[2 * $] = a.lane[i], to[2 * $ + 1] = b.lane[i];"},
    {VECTOR_absolute, "absolute", "(V a)", "((V)((V_bits)(a) & K))", "r.lane[i] = a.lane[i] < 0 ? -a.lane[i] : a.lane[i] + 0;"},
    {VECTOR_copysign, "copysign", "(V a, V b)", "((V)(((V_bits)(a) & K) | ((V_bits)(b) & ~K)))", NULL},
    {VECTOR_lesser, "lesser", "(V a, V b)", NULL, NULL},
    {VECTOR_larger, "larger", "(V a, V b)", NULL, NULL},
    {VECTOR_where_less, "where_less", "(V a, V b, V c, V d)", NULL, NULL},
    {VECTOR_round, "round", "(V a)", "((a) + J - J)", NULL},
    {VECTOR_two_to, "two_to", "(V a)", "((V)((V_bits)((a) + (J + Z)) << E))", NULL},
    {VECTOR_exponent, "exponent", "(V a)", "((V)(((V_bits)(a) >> E) | X) - (I + Z))", NULL},
    {VECTOR_mantissa, "mantissa", "(V a)", "((V)(((V_bits)(a) & W) | O))", NULL},
    {VECTOR_scale, "scale", "(V a, V b)", NULL, NULL},
    {VECTOR_min, "min", "(V a, V b)", NULL, "r.lane[i] = a.lane[i] < b.lane[i] || a.lane[i] != a.lane[i] ? a.lane[i] : b.lane[i];"},
    {VECTOR_max, "max", "(V a, V b)", NULL, "r.lane[i] = a.lane[i] > b.lane[i] || a.lane[i] != a.lane[i] ? a.lane[i] : b.lane[i];"},
    {VECTOR_relu, "relu", "(V a)", "((V)((V_bits)(a) & ~(V_bits)((a) <= (V){0})))", "r.lane[i] = a.lane[i] <= 0 ? 0 : a.lane[i];"},
    {VECTOR_sqrt, "sqrt", "(V a)", NULL, "r.lane[i] = G(a.lane[i]);"},
    {VECTOR_turn, "turn", NULL, NULL, NULL},
    {VECTOR_turn_stream, "turn_stream", NULL, NULL, NULL},
    {VECTOR_square, "square", NULL, NULL, NULL},
    {VECTOR_square_apart, "square_apart", NULL, NULL, NULL},
    {VECTOR_square_together, "square_together", NULL, NULL, NULL},
    {VECTOR_store_first, "store_first", "(T *to, V a, size_t n)", NULL, "if ((size_t)i < n)\n            to[i] = a.lane[i];"},
};

/* Instructions of one width that no operator stands for are PREFIX_fmadd_SUFFIX and the like. */
struct width {
    int64_t bytes;
    const char *macro; /* defined where the compiler has them */
    const char *masks; /* where there are masks of lanes; else the table of `put_firsts` serves where there is AVX */
    const char *prefix, *type;
};

static const struct width widths[] = {
    {64, "__AVX512F__", "__AVX512F__", "_mm512", "__m512"},
    {32, "__FMA__", "__AVX512VL__", "_mm256", "__m256"},
    {16, "__FMA__", "__AVX512VL__", "_mm", "__m128"},
};

static int64_t bytes_of(const struct c_vector *vector)
{
    return vector->lanes * (int64_t)ir_elem_info(vector->elem)->bytes;
}

static const struct width *width_of(const struct c_vector *vector)
{
    for (size_t k = 0; k < sizeof widths / sizeof *widths; k++)
        if (widths[k].bytes == bytes_of(vector))
            return &widths[k];
    return NULL;
}

/* What a letter of a pattern stands for; NULL: itself. */
static const char *placeholder(struct c_file *file, const struct c_vector *vector, char letter)
{
    const struct width *width = width_of(vector);
    bool is_double = vector->elem == IR_f64;
    switch (letter) {
    case 'V':
        return vector->name;
    case 'T':
        return c_type(vector->elem);
    case 'N':
        return arena_printf(file->arena, "%d", (int)vector->lanes);
    case '$': /* the pair that lane i has: loop_lanes.c */
        return is_double ? arena_printf(file->arena, "(%d * (i %% 2) + i / 2)", (int)vector->lanes / 2)
                         : arena_printf(file->arena, "(i %% 2 + %d * (i / 2 %% 2) + i / 4 * 2)", (int)vector->lanes / 2);
    case 'P': /* intrinsics: P_fmadd_S, their vector R, its bits B, a mask M */
        return width ? width->prefix : NULL;
    case 'S':
        return is_double ? "pd" : "ps";
    case 'R':
        return width ? arena_printf(file->arena, "%s%s", width->type, is_double ? "d" : "") : NULL;
    case 'B':
        return width ? arena_printf(file->arena, "%si", width->type) : NULL;
    case 'M':
        return vector->lanes > 8 ? "__mmask16" : "__mmask8";
    case 'K': /* bits of a number: all but its sign, the place of its exponent, its bias, and where sums are rounded to integers */
        return is_double ? "0x7fffffffffffffffu" : "0x7fffffffu";
    case 'E':
        return is_double ? "52" : "23";
    case 'Z':
        return is_double ? "1023" : "127";
    case 'I': /* whose last place is that of integers, as bits X; the bits of a fraction, and of 1 */
        return is_double ? "0x1p+52" : "0x1p+23f";
    case 'X':
        return is_double ? "0x4330000000000000u" : "0x4b000000u";
    case 'W':
        return is_double ? "0xfffffffffffffu" : "0x7fffffu";
    case 'O':
        return is_double ? "0x3ff0000000000000u" : "0x3f800000u";
    case 'G':
        return is_double ? "sqrt" : "sqrtf";
    case 'J':
        return is_double ? "0x1.8p+52" : "0x1.8p+23f";
    default:
        return NULL;
    }
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void c_put_pattern(struct c_file *file, struct text *text, const struct c_vector *vector, const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        bool alone = !(p > pattern && is_letter(p[-1])) && !is_letter(p[1]);
        const char *stands_for = alone ? placeholder(file, vector, *p) : NULL;
        if (stands_for)
            text_put(text, stands_for);
        else if (*p == '@')
            for (int64_t lane = 0; lane < vector->lanes; lane++)
                text_put(text, lane ? ", (a)" : "(a)");
        else
            text_printf(text, "%c", *p);
    }
}

const char *c_macro_of_masks(const struct c_vector *vector)
{
    const struct width *width = width_of(vector);
    return width ? width->masks : NULL;
}

/* The names of the parameters alone, as a macro has them. */
static void put_macro_parameters(struct text *text, const char *parameters)
{
    for (const char *p = parameters; *p; p++)
        if (p[1] == ',' || p[1] == ')') {
            const char *begin = p;
            while (begin > parameters && begin[-1] >= 'a' && begin[-1] <= 'z')
                begin--;
            text_printf(text, "%s%.*s",
                        begin == strchr(parameters, '(') + 1 || !memchr(parameters, ',', (size_t)(begin - parameters)) ? "" : ", ",
                        (int)(p - begin + 1), begin);
        }
}

static void put_define(struct c_file *file, struct text *text, const struct c_vector *vector, const struct operation *operation,
                       const char *body)
{
    text_printf(text, "#define %s_%s(", vector->name, operation->name);
    put_macro_parameters(text, operation->parameters);
    text_put(text, ") ");
    c_put_pattern(file, text, vector, body);
    text_put(text, "\n");
}

static const struct operation *operation_of(enum c_vector_op op)
{
    for (size_t k = 0; k < sizeof operations / sizeof *operations; k++)
        if (operations[k].op == op)
            return &operations[k];
    return NULL;
}

const char *c_vector_operation(enum c_vector_op op)
{
    const struct operation *operation = operation_of(op);
    return operation ? operation->name : "";
}

/* By the instruction where the compiler has it, else as `plain` says. */
static void put_either(struct c_file *file, struct text *text, const struct c_vector *vector, enum c_vector_op op,
                       const char *instruction, const char *plain)
{
    const struct width *width = width_of(vector);
    if (width) {
        text_printf(text, "#if defined(%s)\n", width->macro);
        put_define(file, text, vector, operation_of(op), instruction);
        text_put(text, "#else\n");
    }
    put_define(file, text, vector, operation_of(op), plain);
    if (width)
        text_put(text, "#endif\n");
}

static void put_masked(struct c_file *file, struct text *text, const struct c_vector *vector, const char *load, const char *store)
{
    if (vector->uses[VECTOR_load_first])
        put_define(file, text, vector, operation_of(VECTOR_load_first), load);
    if (vector->uses[VECTOR_store_first])
        put_define(file, text, vector, operation_of(VECTOR_store_first), store);
}

/* The first n lanes: under a mask where there are masks, else as bytes. */
static void put_firsts(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct width *width = width_of(vector);
    if (width) {
        text_printf(text, "#if defined(%s)\n", width->masks);
        c_put_pattern(file, text, vector, "#define V_first(n) ((M)((n) < N ? (1u << (n)) - 1 : ~0u))\n");
        put_masked(file, text, vector, "((V)P_maskz_loadu_S(V_first(n), from))", "P_mask_storeu_S(to, V_first(n), (R)(a))");
    }
    if (width && width->bytes <= 32) {
        const char *bits = vector->elem == IR_f64 ? "long long" : "int", *whole = width->bytes == 32 ? "256" : "128";
        text_printf(text, "#elif defined(__AVX__)\nstatic const %s ", bits);
        c_put_pattern(file, text, vector, "V_lanes[2 * N] = {");
        for (int64_t lane = 0; lane < vector->lanes; lane++)
            text_put(text, lane ? ", -1" : "-1");
        c_put_pattern(file, text, vector, "};\n#define V_first(n) P_loadu_si");
        text_put(text, whole);
        c_put_pattern(file, text, vector, "((const B *)&V_lanes[(n) < N ? N - (n) : 0])\n");
        put_masked(file, text, vector, "((V)P_maskload_S(from, V_first(n)))", "P_maskstore_S(to, V_first(n), (R)(a))");
    }
    if (width)
        text_put(text, "#else\n");
    put_masked(file, text, vector,
               "(__extension__({ V first = {0}; memcpy(&first, from, ((n) < N ? (n) : N) * sizeof(T)); first; }))",
               "__extension__({ const V all = (a); memcpy(to, &all, ((n) < N ? (n) : N) * sizeof(T)); })");
    if (width)
        text_put(text, "#endif\n");
}

static bool uses(const struct c_vector *vector, enum c_vector_op op)
{
    return vector->uses[op] || vector->inner[op];
}

static bool uses_bits(const struct c_vector *vector)
{
    bool found = false;
    for (int op = VECTOR_absolute; op < VECTOR_OP_COUNT; op++)
        found |= uses(vector, (enum c_vector_op)op);
    return found;
}

#define WHERE(test, a, b) "((V)(((V_bits)(" test ") & (V_bits)(" a ")) | (~(V_bits)(" test ") & (V_bits)(" b "))))"

/* One of two vectors lane by lane. */
static void put_choices(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct width *width = width_of(vector);
    if (uses(vector, VECTOR_lesser))
        put_either(file, text, vector, VECTOR_lesser, "((V)P_min_S((R)(a), (R)(b)))", WHERE("(a) < (b)", "a", "b"));
    if (uses(vector, VECTOR_larger))
        put_either(file, text, vector, VECTOR_larger, "((V)P_max_S((R)(a), (R)(b)))", WHERE("(a) > (b)", "a", "b"));
    if (uses(vector, VECTOR_where_less))
        put_either(file, text, vector, VECTOR_where_less,
                   width && width->bytes == 64 ? "((V)P_mask_blend_S(P_cmp_S_mask((R)(a), (R)(b), _CMP_LT_OQ), (R)(d), (R)(c)))"
                                               : "((V)P_blendv_S((R)(d), (R)(c), P_cmp_S((R)(a), (R)(b), _CMP_LT_OQ)))",
                   WHERE("(a) < (b)", "c", "d"));
}

/* The lesser or larger, NaN where either is NaN: the instructions give the second then. */
static void put_extrema(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct width *width = width_of(vector);
    bool has_masks = width && width->bytes == 64;
    if (vector->uses[VECTOR_min])
        put_either(file, text, vector, VECTOR_min,
                   has_masks ? "((V)P_mask_min_S((R)(a), P_cmp_S_mask((R)(a), (R)(a), _CMP_ORD_Q), (R)(a), (R)(b)))"
                             : "((V)P_blendv_S(P_min_S((R)(a), (R)(b)), (R)(a), P_cmp_S((R)(a), (R)(a), _CMP_UNORD_Q)))",
                   WHERE("((a) < (b)) | ((a) != (a))", "a", "b"));
    if (vector->uses[VECTOR_max])
        put_either(file, text, vector, VECTOR_max,
                   has_masks ? "((V)P_mask_max_S((R)(a), P_cmp_S_mask((R)(a), (R)(a), _CMP_ORD_Q), (R)(a), (R)(b)))"
                             : "((V)P_blendv_S(P_max_S((R)(a), (R)(b)), (R)(a), P_cmp_S((R)(a), (R)(a), _CMP_UNORD_Q)))",
                   WHERE("((a) > (b)) | ((a) != (a))", "a", "b"));
}

/* Powers of two are made in halves, so that both are normal: what leaves the range is rounded once. */
static void put_scale(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct width *width = width_of(vector);
    if (width)
        text_printf(text, "#if defined(%s)\n", width->masks);
    if (width)
        put_define(file, text, vector, operation_of(VECTOR_scale), "((V)P_scalef_S((R)(a), (R)(b)))");
    if (width)
        text_put(text, "#else\n");
    put_define(file, text, vector, operation_of(VECTOR_scale),
               "((a) * V_two_to(V_round((b) * (T)0.5)) * V_two_to((b) - V_round((b) * (T)0.5)))");
    if (width)
        text_put(text, "#endif\n");
}

/* The instruction, or the C library for each lane. */
static void put_sqrt(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct width *width = width_of(vector);
    if (width)
        text_printf(text, "#if defined(%s)\n", width->macro);
    if (width)
        put_define(file, text, vector, operation_of(VECTOR_sqrt), "((V)P_sqrt_S((R)(a)))");
    if (width)
        text_put(text, "#else\n");
    c_put_pattern(file, text, vector,
                  "static inline V *V_sqrt_of(V *at)\n{\n    for (int i = 0; i < N; i++)\n        (*at)[i] = G((*at)[i]);\n"
                  "    return at;\n}\n#define V_sqrt(a) (*V_sqrt_of((V[]){(a)}))\n");
    if (width)
        text_put(text, "#endif\n");
}

static bool touches_memory(const struct c_vector *vector)
{
    static const enum c_vector_op ops[] = {VECTOR_load,
                                           VECTOR_store,
                                           VECTOR_stream,
                                           VECTOR_turn,
                                           VECTOR_turn_stream,
                                           VECTOR_load_even,
                                           VECTOR_load_odd,
                                           VECTOR_load_back,
                                           VECTOR_load_even_back,
                                           VECTOR_load_odd_back,
                                           VECTOR_store_pairs,
                                           VECTOR_load_even_apart,
                                           VECTOR_load_odd_apart,
                                           VECTOR_load_even_apart_back,
                                           VECTOR_load_odd_apart_back,
                                           VECTOR_store_apart,
                                           VECTOR_square,
                                           VECTOR_square_apart,
                                           VECTOR_square_together};
    bool any = false;
    for (size_t k = 0; k < sizeof ops / sizeof *ops; k++)
        any |= vector->uses[ops[k]];
    return any;
}

static bool is_square(enum c_vector_op op)
{
    return op == VECTOR_square || op == VECTOR_square_apart || op == VECTOR_square_together;
}

static void put_gnu(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    c_put_pattern(file, text, vector, "typedef T V ");
    text_printf(text, "__attribute__((vector_size(%d)));\n", (int)bytes_of(vector));
    if (touches_memory(vector)) {
        c_put_pattern(file, text, vector, "typedef T V_memory ");
        text_printf(text, "__attribute__((vector_size(%d), aligned(%d), may_alias));\n", (int)bytes_of(vector),
                    (int)ir_elem_info(vector->elem)->bytes);
    }
    if (uses_bits(vector))
        text_printf(text, "typedef uint%d_t %s_bits __attribute__((vector_size(%d)));\n",
                    (int)ir_elem_info(vector->elem)->bytes * 8, vector->name, (int)bytes_of(vector));
    for (size_t k = 0; k < sizeof operations / sizeof *operations; k++)
        if (uses(vector, operations[k].op) && operations[k].macro) /* the others are by hand */
            put_define(file, text, vector, &operations[k], operations[k].macro);
    put_choices(file, text, vector);
    put_extrema(file, text, vector);
    if (vector->uses[VECTOR_sqrt])
        put_sqrt(file, text, vector);
    if (uses(vector, VECTOR_scale))
        put_scale(file, text, vector);
    if (uses(vector, VECTOR_fma))
        put_either(file, text, vector, VECTOR_fma, "((V)P_fmadd_S((R)(a), (R)(b), (R)(c)))", "((a) * (b) + (c))");
    if (vector->uses[VECTOR_stream])
        put_either(file, text, vector, VECTOR_stream,
                   "((uintptr_t)(to) % sizeof(V) ? (void)(*(V_memory *)(to) = (a)) : P_stream_S((to), (R)(a)))",
                   "(*(V_memory *)(to) = (a))");
    if (vector->uses[VECTOR_load_first] || vector->uses[VECTOR_store_first])
        put_firsts(file, text, vector);
    c_put_pairs(file, text, vector);
    if (vector->uses[VECTOR_turn])
        c_put_turn(file, text, vector, false, true);
    if (vector->uses[VECTOR_turn_stream])
        c_put_turn(file, text, vector, true, true);
    for (enum c_vector_op op = VECTOR_square; is_square(op); op++)
        if (vector->uses[op])
            c_put_square(file, text, vector, op, true);
    c_put_functions(file, text, vector);
}

static void put_plain(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    c_put_pattern(file, text, vector, "typedef struct {\n    T lane[N];\n} V;\n");
    for (size_t k = 0; k < sizeof operations / sizeof *operations; k++) {
        const struct operation *operation = &operations[k];
        bool stores = operation->op == VECTOR_store || operation->op == VECTOR_stream || operation->op == VECTOR_store_first ||
                      operation->op == VECTOR_store_pairs || operation->op == VECTOR_stream_pairs ||
                      operation->op == VECTOR_store_apart || operation->op == VECTOR_stream_apart;
        if (!vector->uses[operation->op])
            continue;
        if (operation->op == VECTOR_turn || operation->op == VECTOR_turn_stream) {
            c_put_turn(file, text, vector, operation->op == VECTOR_turn_stream, false);
            continue;
        }
        if (is_square(operation->op)) {
            c_put_square(file, text, vector, operation->op, false);
            continue;
        }
        c_put_pattern(file, text, vector, stores ? "static void V_" : "static V V_");
        text_put(text, operation->name);
        c_put_pattern(file, text, vector, operation->parameters);
        text_put(text, "\n{\n");
        c_put_pattern(file, text, vector, stores ? "" : "    V r;\n");
        c_put_pattern(file, text, vector, "    for (int i = 0; i < N; i++)\n        ");
        c_put_pattern(file, text, vector, operation->body);
        text_put(text, stores ? "\n}\n" : "\n    return r;\n}\n");
    }
    c_put_plain_functions(file, text, vector);
}

/* The first lanes of a wider vector are the same register where there are such registers: compilers that are shown a shuffle make
 * a second load or a move of it. */
static void put_gnu_narrowing(struct c_file *file, struct text *text, const struct c_narrowing *narrowing)
{
    const struct c_vector to = {.elem = narrowing->elem, .lanes = narrowing->lanes, .name = ""};
    const struct c_vector from = {.elem = narrowing->elem, .lanes = narrowing->from, .name = ""};
    const struct width *wide = width_of(&from), *narrow = width_of(&to);
    const char *elem = ir_elem_info(narrowing->elem)->name, *name = narrowing_name(file, narrowing);
    const char *suffix = narrowing->elem == IR_f64 ? "pd" : "ps";
    if (wide && narrow)
        text_printf(text, "#if defined(%s)\n#define %s(a) ((%sx%d)%s_cast%s%d_%s%d((%s%s)(a)))\n#else\n", wide->macro, name, elem,
                    (int)to.lanes, wide->prefix, suffix, (int)wide->bytes * 8, suffix, (int)narrow->bytes * 8, wide->type,
                    narrowing->elem == IR_f64 ? "d" : "");
    text_printf(text, "#define %s(a) (__extension__({ const %sx%d wide = (a); __builtin_shufflevector(wide, wide", name, elem,
                (int)from.lanes);
    for (int64_t lane = 0; lane < to.lanes; lane++)
        text_printf(text, ", %d", (int)lane);
    text_put(text, "); }))\n");
    if (wide && narrow)
        text_put(text, "#endif\n");
}

static void put_plain_narrowing(struct c_file *file, struct text *text, const struct c_narrowing *narrowing)
{
    const char *elem = ir_elem_info(narrowing->elem)->name;
    text_printf(text,
                "static %sx%d %s(%sx%d a)\n{\n    %sx%d r;\n    for (int i = 0; i < %d; i++)\n"
                "        r.lane[i] = a.lane[i];\n    return r;\n}\n",
                elem, (int)narrowing->lanes, narrowing_name(file, narrowing), elem, (int)narrowing->from, elem,
                (int)narrowing->lanes, (int)narrowing->lanes);
}

void c_put_vectors(struct c_file *file, struct text *text)
{
    bool asks = false, copies = false, streams = false, turns = false;
    for (size_t k = 0; k < file->n_vectors; k++) {
        const struct c_vector *vector = &file->vectors[k];
        bool firsts = vector->uses[VECTOR_load_first] || vector->uses[VECTOR_store_first];
        copies |= firsts;
        streams |= vector->uses[VECTOR_stream];
        turns |= vector->uses[VECTOR_turn] || vector->uses[VECTOR_turn_stream] || uses_bits(vector);
        asks |= uses(vector, VECTOR_fma) || uses_bits(vector) || firsts || vector->uses[VECTOR_stream] || vector->uses[VECTOR_turn];
    }
    asks |= file->n_narrowings > 0;
    if (streams || file->streams_rows)
        c_put_streaming(file, text);
    if (file->prefetches)
        c_put_prefetching(text);
    if (!file->n_vectors)
        return;
    text_put(text, "/* Vectors: GNU vectors where the compiler has them, else small arrays. */\n"
                   "#if defined(__GNUC__) && !defined(__TINYC__)\n");
    if (copies)
        text_put(text, "#include <string.h>\n");
    if (turns)
        text_put(text, "#include <stdint.h>\n");
    if (asks)
        text_put(text, "#if defined(__AVX__)\n#include <immintrin.h>\n#endif\n");
    for (size_t k = 0; k < file->n_vectors; k++)
        put_gnu(file, text, &file->vectors[k]);
    for (size_t k = 0; k < file->n_narrowings; k++)
        put_gnu_narrowing(file, text, &file->narrowings[k]);
    text_put(text, "#else\n");
    for (size_t k = 0; k < file->n_vectors; k++)
        put_plain(file, text, &file->vectors[k]);
    for (size_t k = 0; k < file->n_narrowings; k++)
        put_plain_narrowing(file, text, &file->narrowings[k]);
    text_put(text, "#endif\n\n");
}
