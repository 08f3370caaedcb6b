/* Dot loops of loop IR: a call of a function that the file brings along, and those functions.
 *
 * Each has up to three bodies, which give the same integers: of vectors (Helium), of the instructions that multiply and add pairs
 * of halves of words (Arm's DSP extension: every Cortex-M from M4 on but the plain M23 and M33), and plain C. Rows begin at any
 * byte; words are read from where they begin, which these processors may, and C by a type that is not aligned. Bytes meet halves in
 * the order of little-endian words. */
#include "backends_internal.h"

#include <string.h>

/* dot_4_i8, dot_4_i8_i16, dot_2_i16_i64: terms, the types of the rows if they are two, of the sum if it is wide. */
static const char *dot_name(struct arena *arena, const struct c_dot *dot)
{
    const char *a = ir_elem_info(dot->elems[0])->name, *b = ir_elem_info(dot->elems[1])->name;
    bool same = dot->elems[0] == dot->elems[1];
    return arena_printf(arena, "dot_%d_%s%s%s%s", (int)dot->terms, a, same ? "" : "_", same ? "" : b,
                        dot->sum == IR_i64 ? "_i64" : "");
}

static const char *use_dot(struct c_file *file, const struct c_dot *wanted)
{
    const char *name = dot_name(file->arena, wanted);
    for (size_t k = 0; k < file->n_dots; k++)
        if (!memcmp(file->dots[k].elems, wanted->elems, sizeof wanted->elems) && file->dots[k].sum == wanted->sum &&
            file->dots[k].terms == wanted->terms)
            return name;
    return ARENA_PUSH(file->arena, file->dots, file->n_dots, file->dots_capacity, *wanted) ? name : NULL;
}

/* `&W[i * 64 + j_step * 4]`: where the loop's first term lies. */
static void put_place(struct c_kernel *kernel, struct text *text, const struct ir_expr *load, uint32_t index)
{
    const struct poly *first = NULL;
    const char *name = kernel->buffers[load->load.buffer];
    if (!poly_split_index(kernel->file->context, load->load.address, index, NULL, &first))
        return;
    text_put(text, name ? name : "");
    if (poly_equals(first, 0))
        return;
    struct text element = text_create(kernel->file->arena);
    c_put_element(kernel, &element, load->load.buffer, first);
    text->length -= name ? strlen(name) : 0;
    text_printf(text, "&%s", text_finish(&element));
}

const char *c_dot_statement(struct c_kernel *kernel, const struct loop_stmt *loop)
{
    struct text line = text_create(kernel->file->arena);
    struct loop_dot dot;
    struct c_dot function = {.terms = 0};
    if (!loop_read_dot(kernel->file->context, kernel->loops, loop->loop.body, loop->loop.index, &dot) ||
        !poly_is_constant(loop->loop.end, &function.terms))
        return NULL;
    function.elems[0] = dot.factors[0]->elem;
    function.elems[1] = dot.factors[1]->elem;
    function.sum = dot.elem;
    const char *sum = kernel->locals[dot.local], *name = use_dot(kernel->file, &function);
    text_printf(&line, "%s = %s(", sum ? sum : "", name ? name : "");
    put_place(kernel, &line, dot.factors[0], loop->loop.index);
    text_put(&line, ", ");
    put_place(kernel, &line, dot.factors[1], loop->loop.index);
    text_printf(&line, ", %s);", sum ? sum : "");
    return text_finish(&line);
}

/* ---- the functions ---- */

static const char has_pairs[] = "defined(__GNUC__) && defined(__ARM_FEATURE_DSP) && !defined(__ARM_BIG_ENDIAN)";

/* What the functions by pairs are made of, each where it is needed. */
static const struct part {
    enum { EVERYWHERE, OF_NARROW_SUMS, OF_WIDE_SUMS, OF_BYTES } use;
    const char *text;
} parts[] = {
    {EVERYWHERE, "/* words of memory, wherever they begin */\n"
                 "typedef uint32_t word_of_bytes __attribute__((may_alias, aligned(1)));\n"
                 "\n"
                 "static inline uint32_t word_at(const void *place)\n"
                 "{\n"
                 "    return *(const word_of_bytes *)place;\n"
                 "}\n"},
    {OF_NARROW_SUMS, "/* sum + low half * low half + high half * high half */\n"
                     "static inline int32_t add_pair(uint32_t a, uint32_t b, int32_t sum)\n"
                     "{\n"
                     "    int32_t result;\n"
                     "    __asm__(\"smlad %0, %1, %2, %3\" : \"=r\"(result) : \"r\"(a), \"r\"(b), \"r\"(sum));\n"
                     "    return result;\n"
                     "}\n"},
    {OF_WIDE_SUMS, "/* the same in 64 bits */\n"
                   "static inline int64_t add_pair_i64(uint32_t a, uint32_t b, int64_t sum)\n"
                   "{\n"
                   "    __asm__(\"smlald %Q0, %R0, %1, %2\" : \"+r\"(sum) : \"r\"(a), \"r\"(b));\n"
                   "    return sum;\n"
                   "}\n"},
    {OF_BYTES, "/* bytes 0 and 2 as halves */\n"
               "static inline uint32_t even_bytes(uint32_t word)\n"
               "{\n"
               "    uint32_t result;\n"
               "    __asm__(\"sxtb16 %0, %1\" : \"=r\"(result) : \"r\"(word));\n"
               "    return result;\n"
               "}\n"
               "\n"
               "/* bytes 1 and 3 */\n"
               "static inline uint32_t odd_bytes(uint32_t word)\n"
               "{\n"
               "    uint32_t result;\n"
               "    __asm__(\"sxtb16 %0, %1, ror #8\" : \"=r\"(result) : \"r\"(word));\n"
               "    return result;\n"
               "}\n"},
};

static bool is_needed(const struct c_file *file, const struct part *part)
{
    bool needed = part->use == EVERYWHERE;
    for (size_t k = 0; k < file->n_dots; k++)
        needed |= (part->use == OF_NARROW_SUMS && file->dots[k].sum == IR_i32) ||
                  (part->use == OF_WIDE_SUMS && file->dots[k].sum == IR_i64) ||
                  (part->use == OF_BYTES && file->dots[k].elems[0] == IR_i8);
    return needed;
}

static const char *add_pair(const struct c_dot *dot)
{
    return dot->sum == IR_i64 ? "add_pair_i64" : "add_pair";
}

/* `a`, `a + 4` */
static const char *place(struct arena *arena, const char *row, int64_t at)
{
    return at ? arena_printf(arena, "%s + %d", row, (int)at) : row;
}

/* By pairs of halves: of bytes four terms at a time. Halves 0 and 2, 1 and 3 of two words meet the bytes. */
static void put_by_pairs(struct arena *arena, struct text *text, const struct c_dot *dot)
{
    const char *add = add_pair(dot);
    bool bytes = dot->elems[0] == IR_i8;
    for (int64_t at = 0; at < dot->terms; at += bytes ? 4 : 2) {
        const char *last = at + (bytes ? 4 : 2) >= dot->terms ? "return" : "sum =";
        const char *a = place(arena, "a", at), *b = place(arena, "b", at);
        if (!bytes) {
            text_printf(text, "    %s %s(word_at(%s), word_at(%s), sum);\n", last, add, a, b);
        } else if (dot->elems[1] == IR_i8) {
            text_printf(text, "    sum = %s(even_bytes(word_at(%s)), even_bytes(word_at(%s)), sum);\n", add, a, b);
            text_printf(text, "    %s %s(odd_bytes(word_at(%s)), odd_bytes(word_at(%s)), sum);\n", last, add, a, b);
        } else {
            const char *c = place(arena, "b", at + 2);
            text_printf(text, "    sum = %s(even_bytes(word_at(%s)), (word_at(%s) & 0xffffu) | word_at(%s) << 16, sum);\n", add, a,
                        b, c);
            text_printf(text, "    %s %s(odd_bytes(word_at(%s)), word_at(%s) >> 16 | (word_at(%s) & 0xffff0000u), sum);\n", last,
                        add, a, b, c);
        }
    }
}

/* Term by term, in a loop where they are many. */
static void put_plainly(struct text *text, const struct c_dot *dot)
{
    enum { WRITTEN_OUT = 4 };
    bool wide = dot->sum == IR_i64;
    const char *narrow = wide ? "(uint64_t)(int64_t)" : "(uint32_t)";
    if (dot->terms > WRITTEN_OUT) {
        text_printf(text, "    for (size_t k = 0; k < %d; k++)\n", (int)dot->terms);
        text_printf(text, "        sum = (int%d_t)((uint%d_t)sum + %s((int32_t)a[k] * b[k]));\n    return sum;\n", wide ? 64 : 32,
                    wide ? 64 : 32, narrow);
        return;
    }
    text_printf(text, "    return (int%d_t)((uint%d_t)sum", wide ? 64 : 32, wide ? 64 : 32);
    for (int64_t k = 0; k < dot->terms; k++)
        text_printf(text, "%s+ %s((int32_t)a[%d] * b[%d])", k % 2 ? " " : "\n        ", narrow, (int)k, (int)k);
    text_put(text, ");\n");
}

/* By vectors of 16 bytes. Bytes are widened where they meet halves; a sum of 16 products of bytes fits 32 bits. */
static void put_by_vectors(struct text *text, const struct c_dot *dot)
{
    const char *a = dot->elems[1] == IR_i8 ? "vldrbq_s8(a)" : dot->elems[0] == IR_i8 ? "vldrbq_s16(a)" : "vldrhq_s16(a)";
    const char *b = dot->elems[1] == IR_i8 ? "vldrbq_s8(b)" : "vldrhq_s16(b)";
    if (dot->elems[1] == IR_i8 && dot->sum == IR_i64)
        text_printf(text, "    return (int64_t)((uint64_t)sum + (uint64_t)(int64_t)vmladavq_s8(%s, %s));\n", a, b);
    else
        text_printf(text, "    return %s(sum, %s, %s);\n",
                    dot->elems[1] == IR_i8 ? "vmladavaq_s8"
                    : dot->sum == IR_i64   ? "vmlaldavaq_s16"
                                           : "vmladavaq_s16",
                    a, b);
}

static bool is_vector(const struct c_dot *dot)
{
    enum { VECTOR_BYTES = 16 };
    return dot->terms * (int64_t)ir_elem_info(dot->elems[1])->bytes == VECTOR_BYTES;
}

static void put_function(struct arena *arena, struct text *text, const struct c_dot *dot)
{
    text_printf(text, "static inline %s %s(const %s *a, const %s *b, %s sum)\n{\n", c_type(dot->sum), dot_name(arena, dot),
                c_type(dot->elems[0]), c_type(dot->elems[1]), c_type(dot->sum));
    if (is_vector(dot)) {
        text_put(text, "#if defined(__ARM_FEATURE_MVE)\n");
        put_by_vectors(text, dot);
    }
    text_printf(text, is_vector(dot) ? "#elif %s\n" : "#if %s\n", has_pairs);
    put_by_pairs(arena, text, dot);
    text_put(text, "#else\n");
    put_plainly(text, dot);
    text_put(text, "#endif\n}\n\n");
}

void c_put_dots(struct c_file *file, struct text *text)
{
    bool vectors = false;
    if (!file->n_dots)
        return;
    for (size_t k = 0; k < file->n_dots; k++)
        vectors |= is_vector(&file->dots[k]);
    text_put(text,
             "/* Sums of products of integers side by side: the sum and so many terms of two rows, modulo 2^32 or 2^64. */\n");
    text_printf(text, "%s#if %s\n\n", vectors ? "#if defined(__ARM_FEATURE_MVE)\n#include <arm_mve.h>\n#endif\n" : "", has_pairs);
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        if (is_needed(file, &parts[k]))
            text_printf(text, "%s\n", parts[k].text);
    text_put(text, "#endif\n\n");
    for (size_t k = 0; k < file->n_dots; k++)
        put_function(file->arena, text, &file->dots[k]);
}
