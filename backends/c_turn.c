/* Blocks of a matrix that are turned, as an emitted file brings them along.
 *
 *     V_turn(to, to_step, from, from_step, rows, columns): to[r * to_step + c] = from[c * from_step + r]
 *
 * Blocks are taken along `from`, so what lies four lines further will be next: no hardware follows as many lines as are open. What
 * is less than a block is turned as one is, under masks, where the target has these, else element by element. */
#include "backends_internal.h"

/* How a block is read and stored. */
struct square {
    bool streams, prefetches;
    bool reads_apart, writes_apart; /* row k stands where lane k of pairs taken apart is (loop_lanes.c) */
    bool is_part;                   /* of `rows` and `columns`, under masks `in_row` and `in_column`, which stand before it */
};

static int64_t row_at(const struct c_vector *vector, int64_t k, bool apart)
{
    return apart ? loop_lane_at(k, vector->lanes, ir_elem_info(vector->elem)->bytes) : k;
}

/* Row k of the turned block, which stands in `rows`. */
static void put_square_row(struct c_file *file, struct text *text, const struct c_vector *vector, const char *indent,
                           struct square square, const char *rows, int64_t k)
{
    text_put(text, indent);
    if (square.is_part) {
        text_printf(text, "if (%d < rows)\n    %s", (int)k, indent);
        c_put_pattern(file, text, vector, "P_mask_storeu_S(");
        text_printf(text, "&to[%d * to_step], in_column, ", (int)k);
        c_put_pattern(file, text, vector, "(R)");
        text_printf(text, "%s[%d]);\n", rows, (int)k);
        return;
    }
    c_put_pattern(file, text, vector, square.streams ? "V_stream(&to[" : "*(V_memory *)&to[");
    text_printf(text, "%d * to_step]%s", (int)row_at(vector, k, square.writes_apart), square.streams ? ", " : " = ");
    c_put_pattern(file, text, vector, square.streams ? "(V)" : "");
    text_printf(text, "%s[%d]%s;\n", rows, (int)k, square.streams ? ")" : "");
}

/* Blocks go through registers, by halves that change places in ever smaller squares (Eklundh, "A fast computer method for
 * matrix transposing", 1972). Every step is written out: compilers keep arrays in registers where no index is left. */
static void put_square_steps(struct c_file *file, struct text *text, const struct c_vector *vector, const char *indent,
                             struct square square)
{
    const char *name = vector->name, *now = "a", *next = "b";
    text_printf(text, "%s%s_memory a[%d], b[%d];\n", indent, name, (int)vector->lanes, (int)vector->lanes);
    for (int64_t k = 0; k < vector->lanes; k++) {
        text_printf(text, "%sa[%d] = ", indent, (int)k);
        if (square.is_part) {
            text_printf(text, "%d < columns ? ", (int)k);
            c_put_pattern(file, text, vector, "(V_memory)P_maskz_loadu_S(in_row, ");
            text_printf(text, "&from[%d * from_step]) : (%s_memory){0};\n", (int)k, name);
        } else {
            text_printf(text, "*(const %s_memory *)&from[%d * from_step];\n", name, (int)row_at(vector, k, square.reads_apart));
        }
        if (square.prefetches)
            text_printf(text, "%s__builtin_prefetch((const void *)((uintptr_t)&from[%d * from_step] + 256));\n", indent, (int)k);
    }
    for (int64_t half = vector->lanes / 2; half > 0; half /= 2) {
        for (int64_t k = 0; k < vector->lanes; k++) {
            bool low = !(k & half);
            text_printf(text, "%s%s[%d] = __builtin_shufflevector(%s[%d], %s[%d]", indent, next, (int)k, now,
                        (int)(low ? k : k - half), now, (int)(low ? k + half : k));
            for (int64_t lane = 0; lane < vector->lanes; lane++) {
                bool first = !(lane & half);
                int64_t from = low ? (first ? lane : vector->lanes + lane - half) : (first ? lane + half : vector->lanes + lane);
                text_printf(text, ", %d", (int)from);
            }
            text_put(text, ");\n");
        }
        const char *other = now;
        now = next;
        next = other;
    }
    for (int64_t k = 0; k < vector->lanes; k++)
        put_square_row(file, text, vector, indent, square, now, k);
}

void c_put_turn(struct c_file *file, struct text *text, const struct c_vector *vector, bool streams, bool in_registers)
{
    text_put(text, "static inline void ");
    c_put_pattern(file, text, vector, streams ? "V_turn_stream" : "V_turn");
    c_put_pattern(file, text, vector, "(T *to, size_t to_step, const T *from, size_t from_step, size_t rows, size_t columns)\n{\n");
    const char *masks = in_registers ? c_macro_of_masks(vector) : NULL;
    if (in_registers) {
        c_put_pattern(file, text, vector, "    if (rows >= N && columns >= N) {\n");
        put_square_steps(file, text, vector, "        ", (struct square){.streams = streams, .prefetches = true});
        text_put(text, "        return;\n    }\n");
    }
    if (masks) {
        text_printf(text, "#if defined(%s)\n", masks);
        c_put_pattern(file, text, vector,
                      "    const M in_row = (M)(rows < N ? (1u << rows) - 1 : ~0u);\n"
                      "    const M in_column = (M)(columns < N ? (1u << columns) - 1 : ~0u);\n");
        put_square_steps(file, text, vector, "    ", (struct square){.is_part = true});
        text_put(text, "#else\n");
    }
    c_put_pattern(file, text, vector,
                  "    for (size_t r = 0; r < N && r < rows; r++)\n        for (size_t c = 0; c < N && c < columns; c++)\n"
                  "            to[r * to_step + c] = from[c * from_step + r];\n");
    text_put(text, masks ? "#endif\n}\n" : "}\n");
}

void c_put_square(struct c_file *file, struct text *text, const struct c_vector *vector, enum c_vector_op op, bool in_registers)
{
    const struct square square = {.reads_apart = op == VECTOR_square_apart, .writes_apart = op == VECTOR_square_together};
    text_printf(text, "static inline void %s_%s", vector->name, c_vector_operation(op));
    c_put_pattern(file, text, vector, "(T *to, size_t to_step, const T *from, size_t from_step)\n{\n");
    if (in_registers) {
        put_square_steps(file, text, vector, "    ", square);
    } else {
        c_put_pattern(file, text, vector,
                      "    for (size_t i = 0; i < N; i++)\n        for (size_t k = 0; k < N; k++)\n            ");
        c_put_pattern(file, text, vector,
                      square.writes_apart  ? "to[$ * to_step + k] = from[k * from_step + i];\n"
                      : square.reads_apart ? "to[k * to_step + i] = from[$ * from_step + k];\n"
                                           : "to[i * to_step + k] = from[k * from_step + i];\n");
    }
    text_put(text, "}\n");
}
