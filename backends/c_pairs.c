/* Pairs in memory, most often complex numbers, as two vectors of halves, and what is read from its end, as an emitted file brings
 * them along.
 *
 * Lanes are in order, or in that in which pairs come apart and go together by one instruction a vector (ir/loop_lanes.c). */
#include "backends_internal.h"

static void open_macro(struct text *text, const struct c_vector *vector, enum c_vector_op op, const char *parameters)
{
    text_printf(text, "#define %s_%s(%s) \\\n    ", vector->name, c_vector_operation(op), parameters);
}

static int64_t lane_at(const struct c_vector *vector, int64_t lane, bool apart)
{
    return apart ? loop_lane_at(lane, vector->lanes, ir_elem_info(vector->elem)->bytes) : lane;
}

/* Lanes of two vectors: from lane `first` on by `step`. */
static void put_shuffle(struct text *text, const struct c_vector *vector, const char *vectors, int64_t first, int64_t step,
                        bool apart)
{
    text_printf(text, "__builtin_shufflevector(%s", vectors ? vectors : "");
    for (int64_t i = 0; i < vector->lanes; i++)
        text_printf(text, ", %d", (int)(first + step * lane_at(vector, i, apart)));
    text_put(text, ")");
}

/* The pairs that lanes of two vectors make, from pair `first` on. */
static void put_pairing(struct text *text, const struct c_vector *vector, const char *vectors, int64_t first, bool apart)
{
    text_printf(text, "__builtin_shufflevector(%s", vectors ? vectors : "");
    for (int64_t i = 0; i < vector->lanes; i++) {
        int64_t lane = 0;
        while (lane_at(vector, lane, apart) != first + i / 2)
            lane++;
        text_printf(text, ", %d", (int)(lane + i % 2 * vector->lanes));
    }
    text_put(text, ")");
}

/* Both vectors of the pairs that they make are stored, or go past the caches. */
static void put_store_pairs(struct c_file *file, struct text *text, const struct c_vector *vector, enum c_vector_op op)
{
    const char *name = vector->name, *halves = arena_printf(file->arena, "%s_re, %s_im", name, name);
    bool streams = op == VECTOR_stream_pairs || op == VECTOR_stream_apart;
    if (!vector->uses[op])
        return;
    open_macro(text, vector, op, "to, a, b");
    text_printf(text, "__extension__({ const %s %s_re = (a), %s_im = (b); ", name, name, name);
    for (int k = 0; halves && k < 2; k++) {
        if (streams)
            text_printf(text, "\\\n    %s_stream((to) + %d, ", name, k * (int)vector->lanes);
        else
            text_printf(text, "\\\n    ((%s_memory *)(to))[%d] = ", name, k);
        put_pairing(text, vector, halves, k * vector->lanes / 2, op == VECTOR_store_apart || op == VECTOR_stream_apart);
        text_put(text, streams ? "); " : "; ");
    }
    text_put(text, "})\n");
}

void c_put_pairs(struct c_file *file, struct text *text, const struct c_vector *vector)
{
    static const enum c_vector_op stores[] = {VECTOR_store_pairs, VECTOR_stream_pairs, VECTOR_store_apart, VECTOR_stream_apart};
    const char *name = vector->name;
    int64_t last = vector->lanes - 1;
    const struct {
        enum c_vector_op op;
        int64_t first, step;
        bool apart;
    } reads[] = {{VECTOR_load_even, 0, 2, false},
                 {VECTOR_load_odd, 1, 2, false},
                 {VECTOR_load_back, last, -1, false},
                 {VECTOR_load_even_back, 2 * last, -2, false},
                 {VECTOR_load_odd_back, 2 * last + 1, -2, false},
                 {VECTOR_load_even_apart, 0, 2, true},
                 {VECTOR_load_odd_apart, 1, 2, true},
                 {VECTOR_load_even_apart_back, 2 * last, -2, true},
                 {VECTOR_load_odd_apart_back, 2 * last + 1, -2, true}};
    for (size_t k = 0; k < sizeof reads / sizeof *reads; k++) {
        int other = reads[k].op != VECTOR_load_back;
        const char *read = arena_printf(file->arena, "(%s)((const %s_memory *)(from))[0], (%s)((const %s_memory *)(from))[%d]",
                                        name, name, name, name, other);
        if (!vector->uses[reads[k].op])
            continue;
        open_macro(text, vector, reads[k].op, "from");
        put_shuffle(text, vector, read, reads[k].first, reads[k].step, reads[k].apart);
        text_put(text, "\n");
    }
    for (size_t k = 0; k < sizeof stores / sizeof *stores; k++)
        put_store_pairs(file, text, vector, stores[k]);
}
