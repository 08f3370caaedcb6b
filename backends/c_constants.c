/* Constant tables of an emitted file: equal ones once, short ones where they are declared, long ones in a section at the end.
 *
 * A table comes from a constant buffer of a kernel (unless `--weights` passes those in as arguments) or from an integer table in a
 * subscript. Numbers are written so that they read back bit for bit, a line for each row of the last axis where that fits; NaN and
 * -inf, which C has no constant expression for that libtcc folds, make a table one of bits, in a union with the numbers. With
 * `--weights=file` the same bytes go to a file instead, little-endian, each table at a multiple of 64 bytes, in the order of the
 * arguments; the header gives the offsets. */
#include "backends_internal.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { SHORT_TABLE = 8, LINE_WIDTH = 110, FILE_ALIGNMENT = 64 };

static size_t element_count(const struct ir_constant *constant, enum ir_elem elem)
{
    return constant->bytes / ir_elem_info(elem)->bytes;
}

/* What kernels call their own things: a table that is first met in a subscript must not be hidden by one. */
static struct c_names names_of_kernels(struct c_file *file)
{
    struct c_names all = {0};
    for (size_t f = 0; file->kernels && f < file->program->n_kernels; f++) {
        const struct c_kernel *kernel = &file->kernels[f];
        for (size_t k = 0; k < kernel->names.count; k++)
            ARENA_PUSH(file->arena, all.items, all.count, all.capacity, kernel->names.items[k]);
        for (size_t k = 0; k < kernel->n_visible; k++)
            ARENA_PUSH(file->arena, all.items, all.count, all.capacity, kernel->visible[k]);
    }
    return all;
}

/* 16-bit types are bits already. */
static bool needs_bits(const struct c_table *table)
{
    if (!ir_elem_is_float(table->elem) || ir_elem_is_half(table->elem))
        return false;
    for (size_t at = 0; at < table->count; at++) {
        double value = ir_number_load(table->elem, table->constant->data, at).re;
        if (isnan(value) || value == -INFINITY)
            return true;
    }
    return false;
}

/* What parameters of emitted helpers are called: a table of the file of such a name would be shadowed by them. */
static bool is_parameter(const char *name)
{
    static const char *const parameters[] = {"a", "at",    "b",  "c",    "columns", "from", "im",   "k", "m",
                                             "n", "place", "re", "rows", "sum",     "to",   "word", "x", "y"};
    for (size_t k = 0; k < sizeof parameters / sizeof *parameters; k++)
        if (!strcmp(name, parameters[k]))
            return true;
    return false;
}

static const char *table_for(struct c_file *file, const struct ir_constant *constant, enum ir_elem elem, size_t row,
                             const char *name)
{
    enum ir_elem real = ir_elem_real(elem);
    for (size_t k = 0; k < file->n_tables; k++) {
        const struct c_table *table = &file->tables[k];
        if (table->elem == real && table->constant->bytes == constant->bytes && table->constant->hash == constant->hash &&
            !memcmp(table->constant->data, constant->data, constant->bytes))
            return table->name;
    }
    struct c_table table = {constant, real, element_count(constant, real), row, NULL, NULL};
    struct c_names others = names_of_kernels(file);
    name = constant->name ? constant->name : name ? name : "table";
    name = is_parameter(name) ? arena_printf(file->arena, "%s_table", name) : name;
    table.name = name ? c_name_unique(file->arena, &file->names, &others, name) : NULL;
    if (table.name && needs_bits(&table)) {
        struct text bits = text_create(file->arena);
        text_printf(&bits, "%s_bits", table.name);
        const char *wanted = text_finish(&bits);
        table.union_name = wanted ? c_name_unique(file->arena, &file->names, &others, wanted) : NULL;
    }
    if (arena_failed(file->arena) || !ARENA_PUSH(file->arena, file->tables, file->n_tables, file->tables_capacity, table))
        return NULL;
    return table.name;
}

static size_t last_extent(uint32_t rank, const struct poly *const *shape, bool is_complex)
{
    int64_t extent = 0;
    if (rank == 0 || !shape || !poly_is_constant(shape[rank - 1], &extent) || extent <= 0)
        return 0;
    return (size_t)extent * (is_complex ? 2 : 1);
}

bool c_add_tables(struct c_kernel *kernel)
{
    for (uint32_t k = 0; k < kernel->loops->n_buffers; k++) {
        const struct loop_buffer *buffer = &kernel->loops->buffers[k];
        if (buffer->kind != LOOP_CONSTANT || c_is_weight(kernel, k) || !kernel->buffer_used[k])
            continue;
        if (!buffer->constant)
            return false;
        kernel->buffers[k] = table_for(kernel->file, buffer->constant, buffer->elem,
                                       last_extent(buffer->rank, buffer->shape, buffer->is_complex), buffer->name);
    }
    return !arena_failed(kernel->file->arena);
}

/* The narrowest type that holds all its numbers. */
static enum ir_elem narrowest(const struct ir_node *node)
{
    static const enum ir_elem elems[] = {IR_u8, IR_i8, IR_u16, IR_i16, IR_i32};
    double low = 0, high = 0;
    for (size_t at = 0; at < element_count(node->constant, node->elem); at++) {
        double value = (double)ir_number_load(node->elem, node->constant->data, at).i;
        low = fmin(low, value);
        high = fmax(high, value);
    }
    for (size_t k = 0; k < sizeof elems / sizeof *elems; k++) {
        const int bits = 8 * (int)ir_elem_info(elems[k])->bytes;
        bool is_signed = elems[k] != IR_u8 && elems[k] != IR_u16;
        if (ir_elem_info(elems[k])->bytes < ir_elem_info(node->elem)->bytes && low >= (is_signed ? -ldexp(1, bits - 1) : 0) &&
            high < ldexp(1, is_signed ? bits - 1 : bits))
            return elems[k];
    }
    return node->elem;
}

/* The same numbers in the narrowest type; the constant itself where that is its own, or without memory. */
static const struct ir_constant *narrowed(struct c_file *file, const struct ir_node *node, enum ir_elem elem)
{
    size_t count = element_count(node->constant, node->elem);
    struct ir_constant *copy = ARENA_NEW(file->arena, struct ir_constant);
    void *data = arena_alloc(file->arena, count, ir_elem_info(elem)->bytes);
    if (elem == node->elem || !copy || !data)
        return node->constant;
    for (size_t at = 0; at < count; at++)
        ir_number_store(ir_number_integer(elem, ir_number_load(node->elem, node->constant->data, at).i), data, at);
    *copy = *node->constant;
    copy->data = data;
    copy->bytes = count * ir_elem_info(elem)->bytes;
    copy->hash = hash_bytes(0, data, copy->bytes);
    return copy;
}

const char *c_table_name(struct c_file *file, const struct ir_node *node)
{
    if (file->options->freestanding && node->elem != IR_u64 && node->elem != IR_bool) {
        enum ir_elem elem = narrowest(node);
        return table_for(file, narrowed(file, node, elem), elem, last_extent(node->rank, node->shape, false), NULL);
    }
    return table_for(file, node->constant, node->elem, last_extent(node->rank, node->shape, false), NULL);
}

/* ---- numbers ---- */

static void put_bits(struct text *text, const struct c_table *table, size_t at)
{
    uint64_t wide = 0;
    uint32_t narrow = 0;
    if (table->elem == IR_f32) {
        memcpy(&narrow, (const char *)table->constant->data + at * sizeof narrow, sizeof narrow);
        text_printf(text, "0x%08" PRIx32, narrow);
    } else {
        memcpy(&wide, (const char *)table->constant->data + at * sizeof wide, sizeof wide);
        text_printf(text, "0x%016" PRIx64, wide);
    }
}

static const char *number_text(struct c_file *file, const struct c_table *table, size_t at)
{
    struct text number = text_create(file->arena);
    if (table->union_name)
        put_bits(&number, table, at);
    else
        c_put_literal(file, &number, ir_number_load(table->elem, table->constant->data, at), C_ANY);
    return text_finish(&number);
}

/* Lines of at most LINE_WIDTH columns; a row of the table begins a line. */
static void put_numbers(struct c_file *file, struct text *text, const struct c_table *table)
{
    size_t column = 0;
    for (size_t k = 0; k < table->count; k++) {
        const char *number = number_text(file, table, k);
        size_t length = number ? strlen(number) : 0;
        bool new_row = table->row > 1 && k % table->row == 0;
        if (column == 0 || new_row || column + length + 2 > LINE_WIDTH) {
            text_put(text, k ? "\n    " : "    ");
            column = 4;
        } else {
            text_put(text, " ");
            column++;
        }
        text_printf(text, "%s,", number ? number : "");
        column += length + 1;
    }
    text_put(text, "\n");
}

static bool is_short(const struct c_table *table)
{
    return table->count <= SHORT_TABLE;
}

/* ---- the two sections ---- */

/* `static const double mask[4]`, or the union whose numbers `mask` points to. */
static void put_object(const struct c_file *file, struct text *text, const struct c_table *table)
{
    const char *place = file->options->freestanding ? "EINC_TABLE " : "";
    if (table->union_name)
        text_printf(text, "%sstatic const union %s %s", place, table->union_name, table->union_name);
    else
        text_printf(text, "%sstatic const %s %s[%zu]", place, c_type(table->elem), table->name, table->count);
}

static void put_union(struct text *text, const struct c_table *table)
{
    if (table->union_name)
        text_printf(text,
                    "/* -inf and NaN by their bits: compilers differ in what they take for constants */\n"
                    "union %s {\n    uint%d_t bits[%zu];\n    %s numbers[%zu];\n};\n",
                    table->union_name, c_bits_of(table->elem), table->count, c_type(table->elem), table->count);
}

static void put_pointer(struct text *text, const struct c_table *table)
{
    if (table->union_name)
        text_printf(text, "static const %s *const %s = %s.numbers;\n", c_type(table->elem), table->name, table->union_name);
}

static void put_short_table(struct c_file *file, struct text *text, const struct c_table *table)
{
    put_union(text, table);
    put_object(file, text, table);
    text_put(text, table->union_name ? " = {{" : " = {");
    for (size_t at = 0; at < table->count; at++) {
        const char *number = number_text(file, table, at);
        text_printf(text, "%s%s", at ? ", " : "", number ? number : "");
    }
    text_put(text, table->union_name ? "}};\n" : "};\n");
    put_pointer(text, table);
}

void c_put_table_declarations(struct c_file *file, struct text *text)
{
    bool any_long = false;
    if (file->options->freestanding && file->n_tables)
        text_put(text, "/* Where tables are to lie: -D'EINC_TABLE=__attribute__((section(\".flash\")))' */\n"
                       "#ifndef EINC_TABLE\n#define EINC_TABLE\n#endif\n\n");
    for (size_t k = 0; k < file->n_tables; k++) {
        any_long |= !is_short(&file->tables[k]);
        if (is_short(&file->tables[k]))
            put_short_table(file, text, &file->tables[k]);
    }
    if (any_long)
        text_put(text, "/* numbers at the end of the file */\n");
    for (size_t k = 0; k < file->n_tables; k++) {
        const struct c_table *table = &file->tables[k];
        if (is_short(table))
            continue;
        put_union(text, table);
        put_object(file, text, table); /* C99 6.9.2: a tentative definition, completed below */
        text_put(text, ";\n");
        put_pointer(text, table);
    }
    if (file->n_tables)
        text_put(text, "\n");
}

void c_put_tables(struct c_file *file, struct text *text)
{
    bool titled = false;
    for (size_t k = 0; k < file->n_tables; k++) {
        const struct c_table *table = &file->tables[k];
        if (is_short(table))
            continue;
        if (!titled)
            text_put(text, "\n/* ---- constant tables ---- */\n");
        titled = true;
        text_put(text, "\n");
        if (table->constant->path)
            text_printf(text, "/* from %s */\n", c_comment(file->arena, table->constant->path, strlen(table->constant->path)));
        put_object(file, text, table);
        text_put(text, table->union_name ? " = {{\n" : " = {\n");
        put_numbers(file, text, table);
        text_put(text, table->union_name ? "}};\n" : "};\n");
    }
}

/* ---- the file of --weights=file ---- */

static void put_little_endian(struct text *text, const struct ir_constant *constant, uint32_t element_bytes)
{
    const uint16_t probe = 1;
    bool little = *(const unsigned char *)&probe == 1;
    for (size_t at = 0; at < constant->bytes; at += element_bytes)
        for (uint32_t k = 0; k < element_bytes; k++)
            text_put_bytes(text, (const char *)constant->data + at + (little ? k : element_bytes - 1 - k), 1);
}

bool c_weights_file(struct c_file *file, struct text *bytes)
{
    for (size_t f = 0; f < file->program->n_kernels; f++) {
        const struct c_kernel *kernel = &file->kernels[f];
        for (uint32_t k = 0; k < kernel->loops->n_buffers; k++) {
            const struct loop_buffer *buffer = &kernel->loops->buffers[k];
            if (!c_is_weight(kernel, k))
                continue;
            for (size_t left = (FILE_ALIGNMENT - bytes->length % FILE_ALIGNMENT) % FILE_ALIGNMENT; left > 0; left--)
                text_put_bytes(bytes, "", 1);
            put_little_endian(bytes, buffer->constant, ir_elem_info(ir_elem_real(buffer->elem))->bytes);
        }
    }
    return !arena_failed(file->arena);
}
