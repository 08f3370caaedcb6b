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
    {VECTOR_turn, "turn", NULL, NULL, NULL},
    {VECTOR_turn_stream, "turn_stream", NULL, NULL, NULL},
    {VECTOR_store_first, "store_first", "(T *to, V a, size_t n)", NULL, "if ((size_t)i < n)\n            to[i] = a.lane[i];"},
};

/* Instructions of one element type and width that no operator stands for. */
struct instruction {
    enum ir_elem elem;
    int64_t bytes;
    const char *macro; /* defined where the compiler has it */
    const char *type, *fma;
    const char *stream;                          /* stores a whole vector past the caches */
    const char *mask, *load_first, *store_first; /* NULL: none */
};

static const struct instruction instructions[] = {
    {IR_f64, 64, "__AVX512F__", "__m512d", "_mm512_fmadd_pd", "_mm512_stream_pd", "__mmask8", "_mm512_maskz_loadu_pd",
     "_mm512_mask_storeu_pd"},
    {IR_f32, 64, "__AVX512F__", "__m512", "_mm512_fmadd_ps", "_mm512_stream_ps", "__mmask16", "_mm512_maskz_loadu_ps",
     "_mm512_mask_storeu_ps"},
    {IR_f64, 32, "__FMA__", "__m256d", "_mm256_fmadd_pd", "_mm256_stream_pd", NULL, NULL, NULL},
    {IR_f32, 32, "__FMA__", "__m256", "_mm256_fmadd_ps", "_mm256_stream_ps", NULL, NULL, NULL},
    {IR_f64, 16, "__FMA__", "__m128d", "_mm_fmadd_pd", "_mm_stream_pd", NULL, NULL, NULL},
    {IR_f32, 16, "__FMA__", "__m128", "_mm_fmadd_ps", "_mm_stream_ps", NULL, NULL, NULL},
};

static const struct instruction *instruction_of(const struct c_vector *vector)
{
    int64_t bytes = vector->lanes * (int64_t)ir_elem_info(vector->elem)->bytes;
    for (size_t k = 0; k < sizeof instructions / sizeof *instructions; k++)
        if (instructions[k].elem == vector->elem && instructions[k].bytes == bytes)
            return &instructions[k];
    return NULL;
}

/* The pattern with V, T, N and @ replaced; letters within words stay. */
static void put_pattern(struct text *text, const struct c_vector *vector, const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        bool is_word = p > pattern && ((p[-1] >= 'a' && p[-1] <= 'z') || (p[-1] >= 'A' && p[-1] <= 'Z') || p[-1] == '_');
        if (*p == 'V' && !is_word)
            text_put(text, vector->name);
        else if (*p == 'T' && !is_word)
            text_put(text, c_type(vector->elem));
        else if (*p == 'N' && !is_word)
            text_printf(text, "%d", (int)vector->lanes);
        else if (*p == '@')
            for (int64_t lane = 0; lane < vector->lanes; lane++)
                text_put(text, lane ? ", (a)" : "(a)");
        else
            text_printf(text, "%c", *p);
    }
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

static void put_define(struct text *text, const struct c_vector *vector, const struct operation *operation, const char *body)
{
    text_printf(text, "#define %s_%s(", vector->name, operation->name);
    put_macro_parameters(text, operation->parameters);
    text_put(text, ") ");
    put_pattern(text, vector, body);
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

static void put_fma(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct instruction *with = instruction_of(vector);
    const struct operation *operation = operation_of(VECTOR_fma);
    if (with) {
        text_printf(text, "#if defined(%s)\n", with->macro);
        put_define(text, vector, operation,
                   arena_printf(file->arena, "((V)%s((%s)(a), (%s)(b), (%s)(c)))", with->fma, with->type, with->type, with->type));
        text_put(text, "#else\n");
    }
    put_define(text, vector, operation, "((a) * (b) + (c))");
    if (with)
        text_put(text, "#endif\n");
}

/* A whole line of memory where it stands at one, else a store as any other. */
static void put_stream(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct instruction *with = instruction_of(vector);
    const struct operation *operation = operation_of(VECTOR_stream);
    const char *plain = "(*(V_memory *)(to) = (a))";
    if (with) {
        text_printf(text, "#if defined(%s)\n", with->macro);
        put_define(text, vector, operation,
                   arena_printf(file->arena, "((uintptr_t)(to) %% sizeof(V) ? (void)%s : %s((to), (%s)(a)))", plain, with->stream,
                                with->type));
        text_put(text, "#else\n");
    }
    put_define(text, vector, operation, plain);
    if (with)
        text_put(text, "#endif\n");
}

/* The first n lanes: under a mask where there are masks, else as bytes. */
static void put_firsts(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    const struct instruction *with = instruction_of(vector);
    bool masks = with && with->mask;
    const struct operation *load = operation_of(VECTOR_load_first), *store = operation_of(VECTOR_store_first);
    if (masks) {
        const char *mask = arena_printf(file->arena, "(%s)((n) < N ? (1u << (n)) - 1 : ~0u)", with->mask);
        text_printf(text, "#if defined(%s)\n", with->macro);
        if (vector->uses[VECTOR_load_first])
            put_define(text, vector, load, arena_printf(file->arena, "((V)%s(%s, from))", with->load_first, mask));
        if (vector->uses[VECTOR_store_first])
            put_define(text, vector, store, arena_printf(file->arena, "%s(to, %s, (%s)(a))", with->store_first, mask, with->type));
        text_put(text, "#else\n");
    }
    if (vector->uses[VECTOR_load_first])
        put_define(text, vector, load,
                   "(__extension__({ V first = {0}; memcpy(&first, from, ((n) < N ? (n) : N) * sizeof(T)); first; }))");
    if (vector->uses[VECTOR_store_first])
        put_define(text, vector, store, "__extension__({ const V all = (a); memcpy(to, &all, ((n) < N ? (n) : N) * sizeof(T)); })");
    if (masks)
        text_put(text, "#endif\n");
}

/* A block of rows x columns elements, turned: to[r * to_step + c] = from[c * from_step + r]. Whole blocks go through registers,
 * by halves that change places in ever smaller squares (Eklundh, "A fast computer method for matrix transposing", 1972). */
static void put_turn(struct text *text, const struct c_vector *vector, bool streams, bool in_registers)
{
    text_put(text, "static inline void ");
    put_pattern(text, vector, streams ? "V_turn_stream" : "V_turn");
    put_pattern(text, vector, "(T *to, size_t to_step, const T *from, size_t from_step, size_t rows, size_t columns)\n{\n");
    if (in_registers) {
        put_pattern(text, vector, "    if (rows >= N && columns >= N) {\n        V_memory a[N], b[N];\n");
        put_pattern(text, vector,
                    "        for (int i = 0; i < N; i++)\n            a[i] = *(const V_memory *)&from[(size_t)i * from_step];\n");
        const char *now = "a", *next = "b";
        for (int64_t half = vector->lanes / 2; half > 0; half /= 2) {
            for (int64_t k = 0; k < vector->lanes; k++) {
                bool low = !(k & half);
                text_printf(text, "        %s[%d] = __builtin_shufflevector(%s[%d], %s[%d]", next, (int)k, now,
                            (int)(low ? k : k - half), now, (int)(low ? k + half : k));
                for (int64_t lane = 0; lane < vector->lanes; lane++) {
                    bool first = !(lane & half);
                    int64_t from =
                        low ? (first ? lane : vector->lanes + lane - half) : (first ? lane + half : vector->lanes + lane);
                    text_printf(text, ", %d", (int)from);
                }
                text_put(text, ");\n");
            }
            const char *other = now;
            now = next;
            next = other;
        }
        put_pattern(text, vector, "        for (int i = 0; i < N; i++)\n            ");
        put_pattern(text, vector, streams ? "V_stream(&to[(size_t)i * to_step], (V)" : "*(V_memory *)&to[(size_t)i * to_step] = (");
        text_printf(text, "%s[i]);\n        return;\n    }\n", now);
    }
    put_pattern(text, vector,
                "    for (size_t r = 0; r < N && r < rows; r++)\n        for (size_t c = 0; c < N && c < columns; c++)\n"
                "            to[r * to_step + c] = from[c * from_step + r];\n}\n");
}

static void put_gnu(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    size_t bytes = ir_elem_info(vector->elem)->bytes;
    put_pattern(text, vector, "typedef T V ");
    text_printf(text, "__attribute__((vector_size(%d)));\n", (int)(vector->lanes * (int64_t)bytes));
    if (vector->uses[VECTOR_load] || vector->uses[VECTOR_store] || vector->uses[VECTOR_stream] || vector->uses[VECTOR_turn] ||
        vector->uses[VECTOR_turn_stream]) {
        put_pattern(text, vector, "typedef T V_memory ");
        text_printf(text, "__attribute__((vector_size(%d), aligned(%d), may_alias));\n", (int)(vector->lanes * (int64_t)bytes),
                    (int)bytes);
    }
    for (size_t k = 0; k < sizeof operations / sizeof *operations; k++)
        if (vector->uses[operations[k].op] && operations[k].macro) /* the others are by hand */
            put_define(text, vector, &operations[k], operations[k].macro);
    if (vector->uses[VECTOR_fma])
        put_fma(file, text, vector);
    if (vector->uses[VECTOR_stream])
        put_stream(file, text, vector);
    if (vector->uses[VECTOR_load_first] || vector->uses[VECTOR_store_first])
        put_firsts(file, text, vector);
    if (vector->uses[VECTOR_turn])
        put_turn(text, vector, false, true);
    if (vector->uses[VECTOR_turn_stream])
        put_turn(text, vector, true, true);
}

static void put_plain(struct text *text, const struct c_vector *vector)
{
    put_pattern(text, vector, "typedef struct {\n    T lane[N];\n} V;\n");
    for (size_t k = 0; k < sizeof operations / sizeof *operations; k++) {
        const struct operation *operation = &operations[k];
        bool stores = operation->op == VECTOR_store || operation->op == VECTOR_stream || operation->op == VECTOR_store_first;
        if (!vector->uses[operation->op])
            continue;
        if (operation->op == VECTOR_turn || operation->op == VECTOR_turn_stream) {
            put_turn(text, vector, operation->op == VECTOR_turn_stream, false);
            continue;
        }
        put_pattern(text, vector, stores ? "static void V_" : "static V V_");
        text_put(text, operation->name);
        put_pattern(text, vector, operation->parameters);
        text_put(text, "\n{\n");
        put_pattern(text, vector, stores ? "" : "    V r;\n");
        put_pattern(text, vector, "    for (int i = 0; i < N; i++)\n        ");
        put_pattern(text, vector, operation->body);
        text_put(text, stores ? "\n}\n" : "\n    return r;\n}\n");
    }
}

void c_put_vectors(struct c_file *file, struct text *text)
{
    bool asks = false, copies = false, streams = false;
    for (size_t k = 0; k < file->n_vectors; k++) {
        const struct c_vector *vector = &file->vectors[k];
        bool firsts = vector->uses[VECTOR_load_first] || vector->uses[VECTOR_store_first];
        copies |= firsts;
        streams |= vector->uses[VECTOR_stream];
        asks |= vector->uses[VECTOR_fma] || firsts || vector->uses[VECTOR_stream];
    }
    if (!file->n_vectors)
        return;
    text_put(text, "/* Vectors: GNU vectors where the compiler has them, else small arrays. */\n"
                   "#if defined(__GNUC__) && !defined(__TINYC__)\n");
    if (copies)
        text_put(text, "#include <string.h>\n");
    if (streams)
        text_put(text, "#include <stdint.h>\n"
                       "#if defined(__SSE2__)\n#include <emmintrin.h>\n#define finish_streams() _mm_sfence()\n"
                       "#else\n#define finish_streams() ((void)0)\n#endif\n");
    if (asks)
        text_put(text, "#if defined(__FMA__) || defined(__AVX512F__)\n#include <immintrin.h>\n#endif\n");
    for (size_t k = 0; k < file->n_vectors; k++)
        put_gnu(file, text, &file->vectors[k]);
    text_put(text, streams ? "#else\n#define finish_streams() ((void)0)\n" : "#else\n");
    for (size_t k = 0; k < file->n_vectors; k++)
        put_plain(text, &file->vectors[k]);
    text_put(text, "#endif\n\n");
}
