/* Constants of tensor IR as statements of the file: nested literals, large ones an .npy file beside. */
#include "ein.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { INLINE_NUMBERS = 1 << 16 };

struct ir_number ein_number_at(enum ir_elem elem, const void *data, size_t at)
{
    return ir_number_load(elem, data, at);
}

/* Version 1.0, C order, this machine's byte order. */
static void put_npy(struct ein_writer *w, struct text *bytes, const struct ir_node *node)
{
    const struct ir_elem_info *elem = ir_elem_info(node->elem);
    struct text header = text_create(w->arena);
    const uint16_t probe = 1;
    bool little = *(const unsigned char *)&probe == 1;
    text_printf(&header, "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                elem->bytes == 1 ? '|'
                : little         ? '<'
                                 : '>',
                elem->numpy);
    for (uint32_t k = 0; k < node->rank; k++) {
        int64_t extent = 0;
        poly_is_constant(node->shape[k], &extent);
        text_printf(&header, "%" PRId64 ", ", extent);
    }
    text_put(&header, "), }");
    int width = (int)(63 - (10 + header.length) % 64); /* the header ends at a multiple of 64 bytes */
    text_printf(&header, "%*s\n", width, "");
    const char length[2] = {(char)(header.length & 255), (char)(header.length >> 8)};
    text_put_bytes(bytes, "\x93NUMPY\x01", 7);
    text_put_bytes(bytes, "", 1);
    text_put_bytes(bytes, length, 2);
    text_put(bytes, text_finish(&header));
    text_put_bytes(bytes, node->constant->data, node->constant->bytes);
}

static void put_nested(struct ein_writer *w, const struct ir_node *node, uint32_t axis, size_t *at)
{
    int64_t extent = 0;
    if (axis == node->rank) {
        ein_put_number(w, ein_number_at(node->elem, node->constant->data, (*at)++), EIN_ANY);
        return;
    }
    poly_is_constant(node->shape[axis], &extent);
    text_put(w->text, "[");
    for (int64_t k = 0; k < extent; k++) {
        text_put(w->text, k ? ", " : "");
        put_nested(w, node, axis + 1, at);
    }
    text_put(w->text, "]");
}

/* The language has no integer literals above 2^63 - 1, and no infinite or undefined imaginary ones. */
static bool has_literal(struct ir_number number)
{
    return number.elem == IR_u64 ? number.i >= 0 : !ir_elem_is_complex(number.elem) || isfinite(number.im);
}

static bool has_literals(const struct ir_node *node, size_t count)
{
    for (size_t k = 0; k < count; k++)
        if (!has_literal(ein_number_at(node->elem, node->constant->data, k)))
            return false;
    return true;
}

static enum einc_status put_constant(struct ein_writer *w, const struct ir_node *node)
{
    size_t numbers = node->constant->bytes / ir_elem_info(node->elem)->bytes, at = 0;
    ein_name_node(w, node, node->constant->name ? node->constant->name : "table");
    const char *name = ein_node_name(w, node);
    text_printf(w->text, "const %s: ", name);
    ein_put_type(w, node);
    text_put(w->text, " = ");
    if (numbers <= INLINE_NUMBERS && has_literals(node, numbers)) {
        put_nested(w, node, 0, &at);
        text_put(w->text, "\n");
        return EINC_OK;
    }
    const char *path = arena_printf(w->arena, "%s.npy", name);
    struct text bytes = text_create(w->arena);
    put_npy(w, &bytes, node);
    text_printf(w->text, "file(\"%s\")\n", path);
    return backend_add_file(w->context, &w->files, &w->n_files, path, &bytes);
}

enum einc_status ein_put_constants(struct ein_writer *w, const struct ir_kernel *kernel)
{
    size_t count = 0;
    const struct ir_node **nodes = ir_topological(w->context, kernel, &count);
    enum einc_status status = nodes ? EINC_OK : EINC_NO_MEMORY;
    for (size_t k = 0; status == EINC_OK && k < count; k++) {
        if (nodes[k]->op == IR_scan_node)
            status = ein_put_constants(w, nodes[k]->scan->step);
        else if (nodes[k]->op == IR_const_node && !ein_is_named(w, nodes[k]) && !ein_is_written_in_scans(w, kernel, nodes[k]))
            status = put_constant(w, nodes[k]);
    }
    return status;
}
