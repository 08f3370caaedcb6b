/* Arrays in .npy files (NumPy's format versions 1.0, 2.0, 3.0), read with bounds on everything: the header is at most 10,000 bytes
 * as in NumPy itself, the shape's product is checked against the bytes that are there, object and structured types are refused.
 * Both byte orders and Fortran order come out as C order in the machine's byte order. Written is version 1.0, C order, little
 * endian data on the little-endian machines einc runs on. Format: numpy.lib.format, "A Simple File Format for NumPy Arrays" (NEP
 * 1). */
#include "runtime.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_LIMIT = 10000, RANK_LIMIT = 64 };
static const size_t file_limit = (size_t)1 << 40;

struct header {
    struct ir_context *context;
    const char *path;
    struct span span;
    const char *at, *end; /* what is left of the header's text */
    bool fortran, swapped;
    bool has_descr, has_order, has_shape;
    bool in_arena; /* its bytes are the arena's, to be changed and kept */
};

static bool fail(const struct header *header, const char *what)
{
    diag_error(ir_diagnostics(header->context), DIAG_E0812, header->span, "`%s` is no array einc can read: %s", header->path, what);
    return false;
}

/* ---- the header: a Python dict literal of three known keys ---- */

static void skip_space(struct header *header)
{
    while (header->at < header->end && isspace((unsigned char)*header->at))
        header->at++;
}

static bool take(struct header *header, const char *word)
{
    skip_space(header);
    size_t length = strlen(word);
    if ((size_t)(header->end - header->at) < length || memcmp(header->at, word, length) != 0)
        return false;
    header->at += length;
    return true;
}

static bool take_string(struct header *header, const char **string, size_t *length)
{
    skip_space(header);
    if (header->at == header->end || (*header->at != '\'' && *header->at != '"'))
        return false;
    char quote = *header->at++;
    const char *end = memchr(header->at, quote, (size_t)(header->end - header->at));
    if (!end)
        return false;
    *string = header->at;
    *length = (size_t)(end - header->at);
    header->at = end + 1;
    return true;
}

/* '<f8', '|b1', '=i4', '>c16': byte order, then kind and bytes as in elements.def. */
static bool read_descr(struct header *header, struct ir_tensor *tensor)
{
    const char *descr;
    size_t length;
    skip_space(header);
    if (header->at < header->end && *header->at == '[')
        return fail(header, "it holds a structured type");
    if (!take_string(header, &descr, &length) || length < 2)
        return fail(header, "its `descr` is malformed");
    if (!strchr("<>=|", descr[0]))
        return fail(header, "its `descr` names no byte order");
    if (descr[1] == 'O')
        return fail(header, "it holds Python objects");
    for (int elem = 0; elem < IR_ELEM_COUNT; elem++) {
        const char *name = ir_elem_info((enum ir_elem)elem)->numpy;
        if (strlen(name) == length - 1 && memcmp(name, descr + 1, length - 1) == 0) {
            tensor->elem = (enum ir_elem)elem;
            header->swapped = descr[0] == '>';
            return true;
        }
    }
    diag_error(ir_diagnostics(header->context), DIAG_E0812, header->span,
               "`%s` holds elements of type `%.*s`, which einc does not have", header->path, (int)(length < 40 ? length : 40),
               descr);
    return false;
}

static bool read_order(struct header *header)
{
    header->fortran = take(header, "True");
    return header->fortran || take(header, "False") || fail(header, "its `fortran_order` is neither True nor False");
}

static bool read_extent(struct header *header, int64_t *extent)
{
    int64_t value = 0;
    if (header->at == header->end || !isdigit((unsigned char)*header->at))
        return fail(header, "its `shape` is malformed");
    while (header->at < header->end && isdigit((unsigned char)*header->at))
        if (!checked_multiply(value, 10, &value) || !checked_add(value, *header->at++ - '0', &value))
            return fail(header, "an extent overflows");
    *extent = value;
    return true;
}

static bool read_shape(struct header *header, struct ir_tensor *tensor)
{
    if (!take(header, "("))
        return fail(header, "its `shape` is no tuple");
    while (!take(header, ")")) {
        skip_space(header);
        if (tensor->rank == RANK_LIMIT)
            return fail(header, "it has more than 64 axes");
        if (!read_extent(header, &tensor->shape[tensor->rank]))
            return false;
        tensor->rank++;
        (void)take(header, "L"); /* Python 2 wrote long integers so */
        if (!take(header, ",") && !(take(header, ")") && (header->at--, true)))
            return fail(header, "its `shape` is malformed");
    }
    return true;
}

static bool read_header(struct header *header, struct ir_tensor *tensor)
{
    if (!take(header, "{"))
        return fail(header, "its header is no dictionary");
    while (!take(header, "}")) {
        const char *key;
        size_t length;
        if (!take_string(header, &key, &length) || !take(header, ":"))
            return fail(header, "its header is malformed");
        bool *seen = length == 5 && memcmp(key, "descr", 5) == 0             ? &header->has_descr
                     : length == 13 && memcmp(key, "fortran_order", 13) == 0 ? &header->has_order
                     : length == 5 && memcmp(key, "shape", 5) == 0           ? &header->has_shape
                                                                             : NULL;
        if (!seen || *seen)
            return fail(header, "its header has an unknown or a double key");
        *seen = true;
        bool good = seen == &header->has_descr   ? read_descr(header, tensor)
                    : seen == &header->has_order ? read_order(header)
                                                 : read_shape(header, tensor);
        if (!good)
            return false;
        if (!take(header, ",") && !(take(header, "}") && (header->at--, true)))
            return fail(header, "its header is malformed");
    }
    skip_space(header);
    if (header->at != header->end)
        return fail(header, "its header goes on behind the dictionary");
    return (header->has_descr && header->has_order && header->has_shape) || fail(header, "its header lacks a key");
}

/* ---- the data ---- */

size_t npy_element_count(const struct ir_tensor *tensor)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        if (tensor->shape[axis] == 0)
            return 0;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        if (tensor->shape[axis] < 0 || __builtin_mul_overflow(count, (size_t)tensor->shape[axis], &count))
            return SIZE_MAX;
    return count;
}

static void swap_components(unsigned char *data, size_t components, size_t width)
{
    for (size_t k = 0; k < components; k++)
        for (size_t low = 0, high = width - 1; low < high; low++, high--) {
            unsigned char kept = data[k * width + low];
            data[k * width + low] = data[k * width + high];
            data[k * width + high] = kept;
        }
}

/* Walks the result in C order while an odometer keeps the offset in the Fortran-ordered source. */
static void from_fortran_order(const struct ir_tensor *tensor, const unsigned char *from, unsigned char *to, size_t count,
                               size_t width)
{
    size_t position[RANK_LIMIT] = {0}, stride[RANK_LIMIT], offset = 0;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        stride[axis] = axis == 0 ? 1 : stride[axis - 1] * (size_t)tensor->shape[axis - 1];
    for (size_t k = 0; k < count; k++) {
        memcpy(to + k * width, from + offset * width, width);
        for (uint32_t axis = tensor->rank; axis-- > 0;) {
            offset += stride[axis];
            if (++position[axis] < (size_t)tensor->shape[axis])
                break;
            offset -= stride[axis] * position[axis];
            position[axis] = 0;
        }
    }
}

/* The bytes are changed only where they are the arena's. */
static bool read_data(struct header *header, unsigned char *bytes, size_t length, struct ir_tensor *tensor)
{
    const struct ir_elem_info *info = ir_elem_info(tensor->elem);
    size_t count = npy_element_count(tensor), size;
    if (count == SIZE_MAX || __builtin_mul_overflow(count, (size_t)info->bytes, &size))
        return fail(header, "its size overflows");
    if (length != size) {
        diag_error(ir_diagnostics(header->context), DIAG_E0812, header->span,
                   "`%s` is %s: its shape asks for %zu bytes of data, it has %zu", header->path,
                   length < size ? "truncated" : "too long", size, length);
        return false;
    }
    bool turned = header->fortran && tensor->rank > 1;
    bool in_place = header->in_arena && !turned && (uintptr_t)bytes % _Alignof(max_align_t) == 0;
    unsigned char *data = in_place ? bytes : arena_alloc(ir_arena(header->context), size, 1);
    if (!data)
        return false;
    if (turned)
        from_fortran_order(tensor, bytes, data, count, info->bytes);
    else if (!in_place && size)
        memcpy(data, bytes, size);
    size_t width = info->kind == IR_KIND_COMPLEX ? info->bytes / 2 : info->bytes;
    if (header->swapped)
        swap_components(data, size / width, width);
    if (tensor->elem == IR_bool)
        for (size_t k = 0; k < size; k++)
            data[k] = data[k] != 0;
    tensor->data = data;
    return true;
}

static bool parse(struct header header, unsigned char *data, size_t length, struct ir_tensor *tensor)
{
    static const char magic[] = "\x93NUMPY";
    if (length < 10 || memcmp(data, magic, 6) != 0)
        return fail(&header, "it does not begin as .npy files do");
    unsigned major = data[6], minor = data[7];
    if (major < 1 || major > 3 || minor != 0)
        return fail(&header, "its format version is not 1.0, 2.0 or 3.0");
    size_t start = major == 1 ? 10 : 12;
    if (length < start)
        return fail(&header, "it is truncated in its header");
    size_t header_length = (size_t)data[8] | (size_t)data[9] << 8;
    if (major > 1)
        header_length |= (size_t)data[10] << 16 | (size_t)data[11] << 24;
    if (header_length > HEADER_LIMIT)
        return fail(&header, "its header is longer than 10,000 bytes");
    if (header_length > length - start)
        return fail(&header, "it is truncated in its header");
    header.at = (const char *)data + start;
    header.end = header.at + header_length;
    *tensor = (struct ir_tensor){.shape = ARENA_ARRAY(ir_arena(header.context), RANK_LIMIT, int64_t)};
    return tensor->shape && read_header(&header, tensor) &&
           read_data(&header, data + start + header_length, length - start - header_length, tensor);
}

bool npy_parse(struct ir_context *context, const char *path, struct span span, const void *bytes, size_t length,
               struct ir_tensor *tensor)
{
    return parse((struct header){.context = context, .path = path, .span = span}, (unsigned char *)bytes, length, tensor);
}

bool npy_read(struct ir_context *context, const char *path, struct span span, struct ir_tensor *tensor)
{
    const char *bytes;
    size_t length;
    return file_read(context, path, file_limit, span, &bytes, &length) &&
           parse((struct header){.context = context, .path = path, .span = span, .in_arena = true}, (unsigned char *)bytes, length,
                 tensor);
}

bool npy_encode(struct ir_context *context, const struct ir_tensor *tensor, const void **bytes, size_t *length)
{
    const struct ir_elem_info *info = ir_elem_info(tensor->elem);
    struct text text = text_create(ir_arena(context));
    text_put_bytes(&text, "\x93NUMPY\x01\x00..", 10);
    text_printf(&text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", info->bytes == 1 ? '|' : '<', info->numpy);
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        text_printf(&text, "%lld%s", (long long)tensor->shape[axis], axis + 1 < tensor->rank ? ", " : tensor->rank == 1 ? "," : "");
    text_put(&text, "), }");
    while (text.data && (text.length + 1) % 64 != 0)
        text_put(&text, " ");
    text_put(&text, "\n");
    if (!text.data)
        return false;
    size_t header_length = text.length - 10, size = npy_element_count(tensor) * info->bytes;
    text.data[8] = (char)(header_length & 0xff);
    text.data[9] = (char)(header_length >> 8);
    if (size)
        text_put_bytes(&text, tensor->data, size);
    *bytes = text.data;
    *length = text.length;
    return text.data != NULL;
}

bool npy_write(struct ir_context *context, const char *path, const struct ir_tensor *tensor)
{
    const void *bytes;
    size_t length;
    return npy_encode(context, tensor, &bytes, &length) && file_write(context, path, bytes, length);
}

bool npy_load(void *user, struct ir_context *context, const char *path, struct span span, struct frontend_array *array)
{
    (void)user;
    struct ir_tensor tensor;
    if (!file_is_regular(context, path, span) || !npy_read(context, path, span, &tensor)) /* the source chose the path */
        return false;
    *array = (struct frontend_array){tensor.elem, tensor.rank, tensor.shape, tensor.data,
                                     npy_element_count(&tensor) * ir_elem_info(tensor.elem)->bytes};
    return true;
}
