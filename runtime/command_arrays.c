/* Arrays of the command line: inputs by NAME=x.npy, random inputs, sizes to try, and arrays as text. */
#include "command.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- inputs by name ---- */

/* Is the whole word an integer that the type holds? */
static bool integer_word(enum ir_elem elem, const char *word, struct ir_number *number)
{
    bool is_unsigned = ir_elem_info(elem)->kind == IR_KIND_UNSIGNED;
    char *end;
    errno = 0;
    int64_t value = is_unsigned ? (int64_t)strtoull(word, &end, 10) : strtoll(word, &end, 10);
    *number = ir_number_integer(elem, value);
    return *end == '\0' && errno == 0 && number->i == value && !(is_unsigned && strchr(word, '-'));
}

/* A scalar input written as a number. False where the word is none, or the input no scalar: then it is a path. */
static bool number_word(struct ir_context *context, const struct ir_input_info *input, const char *word, struct ir_tensor *tensor)
{
    char *end;
    double value = strtod(word, &end);
    enum ir_elem elem = input->node->elem;
    const struct ir_elem_info *info = ir_elem_info(elem);
    struct ir_number number;
    if (input->node->rank != 0 || end == word || *end != '\0')
        return false;
    *tensor = (struct ir_tensor){elem, 0, NULL, arena_alloc(ir_arena(context), 1, 16)};
    if (!tensor->data)
        return true;
    if (info->kind == IR_KIND_COMPLEX || info->kind == IR_KIND_FLOAT)
        number = ir_number_real(elem, value);
    else if (elem == IR_bool)
        number = ir_number_integer(elem, value != 0);
    else if (!integer_word(elem, word, &number))
        diag_error(ir_diagnostics(context), DIAG_E0807, input->span, "`%s` is %s, and %s is no number of that type", input->name,
                   info->name, word);
    ir_number_store(number, tensor->data, 0);
    return true;
}

static bool read_word(struct invocation *invocation, const struct ir_kernel *kernel, const char *word, struct ir_tensor *tensors)
{
    struct diagnostics *diagnostics = ir_diagnostics(invocation->context);
    const char *name, *value;
    if (!option_pair(invocation, word, &name, &value)) {
        diag_error(diagnostics, DIAG_E0808, SPAN_NONE, "`%s` is not of the form NAME=x.npy", word);
        return false;
    }
    for (uint32_t k = 0; k < kernel->n_inputs; k++) {
        if (strcmp(kernel->inputs[k].name, name) != 0)
            continue;
        if (tensors[k].data) {
            diag_error(diagnostics, DIAG_E0808, kernel->inputs[k].span, "`%s` is given twice", name);
            return false;
        }
        return number_word(invocation->context, &kernel->inputs[k], value, &tensors[k]) ||
               npy_read(invocation->context, value, kernel->inputs[k].span, &tensors[k]);
    }
    struct diag *diag = diag_error(diagnostics, DIAG_E0808, kernel->span, "kernel `%s` has no input `%s`", kernel->name, name);
    struct text names = text_create(ir_arena(invocation->context));
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        text_printf(&names, "%s`%s`", k ? ", " : "", kernel->inputs[k].name);
    const char *list = text_finish(&names);
    if (list && kernel->n_inputs)
        diag_help(diagnostics, diag, "it takes %s", list);
    return false;
}

struct ir_tensor *arrays_from_words(struct invocation *invocation, const struct ir_kernel *kernel, const char *const *words,
                                    size_t n_words)
{
    struct ir_tensor *tensors = ARENA_ARRAY(ir_arena(invocation->context), kernel->n_inputs, struct ir_tensor);
    bool good = tensors != NULL;
    for (size_t k = 0; k < n_words && tensors; k++)
        good = read_word(invocation, kernel, words[k], tensors) && good;
    for (uint32_t k = 0; k < kernel->n_inputs && good; k++) {
        if (tensors[k].data)
            continue;
        struct diag *diag = diag_error(ir_diagnostics(invocation->context), DIAG_E0808, kernel->inputs[k].span,
                                       "no array is given for `%s`", kernel->inputs[k].name);
        diag_help(ir_diagnostics(invocation->context), diag,
                  kernel->inputs[k].node->rank ? "add %s=FILE.npy" : "add %s=FILE.npy or %s=NUMBER", kernel->inputs[k].name,
                  kernel->inputs[k].name);
        if (ir_input_is_updated(kernel, k))
            diag_label(ir_diagnostics(invocation->context), diag, "`+=` updates it: what it begins with is an input");
        good = false;
    }
    return good ? tensors : NULL;
}

/* ---- random inputs: splitmix64 (Steele, Lea, Flood 2014) ---- */

static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double random_real(uint64_t *state)
{
    return (double)(int64_t)(random_next(state) >> 11) * 0x1p-52 - 1.0;
}

static void fill_random(struct ir_tensor *tensor, size_t count, const struct lookup_range *range, uint64_t *state)
{
    const struct ir_elem_info *info = ir_elem_info(tensor->elem);
    if (info->kind == IR_KIND_FLOAT || info->kind == IR_KIND_COMPLEX) {
        enum ir_elem part = ir_elem_real(tensor->elem);
        size_t components = info->kind == IR_KIND_COMPLEX ? 2 * count : count;
        for (size_t k = 0; k < components; k++)
            ir_number_store(ir_number_real(part, random_real(state)), tensor->data, k);
        return;
    }
    for (size_t k = 0; k < count; k++) {
        int64_t value = tensor->elem == IR_bool        ? (int64_t)(random_next(state) & 1)
                        : info->kind == IR_KIND_SIGNED ? (int64_t)(random_next(state) % 19) - 9
                                                       : (int64_t)(random_next(state) % 10);
        if (range->bounded)
            value = range->low +
                    (int64_t)(random_next(state) % (uint64_t)(range->high < range->low ? 1 : range->high - range->low + 1));
        memcpy((char *)tensor->data + k * info->bytes, &value, info->bytes);
    }
}

struct ir_tensor *arrays_random(struct invocation *invocation, const struct ir_kernel *kernel, const int64_t *dims, uint64_t seed)
{
    struct arena *arena = ir_arena(invocation->context);
    struct ir_tensor *tensors = ARENA_ARRAY(arena, kernel->n_inputs, struct ir_tensor);
    struct lookup_range *ranges = lookup_ranges(invocation->context, kernel, dims);
    uint64_t state = seed;
    if (!binding_extents(invocation->context, kernel, dims))
        return NULL;
    for (uint32_t k = 0; k < kernel->n_inputs && tensors && ranges; k++) {
        const struct ir_node *node = kernel->inputs[k].node;
        tensors[k] = (struct ir_tensor){node->elem, node->rank, ARENA_ARRAY(arena, node->rank, int64_t), NULL};
        for (uint32_t axis = 0; axis < node->rank && tensors[k].shape; axis++)
            if (!poly_evaluate(node->shape[axis], dims, NULL, &tensors[k].shape[axis]) || tensors[k].shape[axis] < 0) {
                diag_error(ir_diagnostics(invocation->context), DIAG_E0806, kernel->inputs[k].span,
                           "an extent of `%s` overflows or is negative at these dims", kernel->inputs[k].name);
                return NULL;
            }
        size_t count = tensors[k].shape ? npy_element_count(&tensors[k]) : SIZE_MAX;
        tensors[k].data = arena_alloc(arena, count, ir_elem_info(node->elem)->bytes);
        if (!tensors[k].data)
            return NULL;
        fill_random(&tensors[k], count, &ranges[k], &state);
    }
    return tensors && ranges && layout_settle(invocation->context, kernel, dims, tensors) ? tensors : NULL;
}

/* ---- sizes of run-time dims ---- */

int64_t *dims_unbound(struct invocation *invocation)
{
    uint32_t count = ir_dim_count(invocation->context);
    int64_t *dims = ARENA_ARRAY(ir_arena(invocation->context), (size_t)count + 1, int64_t);
    for (uint32_t k = 0; k < count && dims; k++)
        dims[k] = -1;
    return dims;
}

/* `wanted`, moved to a multiple of the dim's divisor that is within its bound. */
static int64_t keep_promises(const struct ir_dim *dim, int64_t wanted)
{
    int64_t divisor = dim->divisor > 1 ? dim->divisor : 1;
    int64_t value = (wanted + divisor - 1) / divisor * divisor;
    return dim->bound && value > dim->bound ? dim->bound / divisor * divisor : value;
}

/* Are all extents of the kernel whole and at least 0? */
static bool extents_hold(struct invocation *invocation, const struct ir_kernel *kernel, const int64_t *dims)
{
    size_t count;
    const struct ir_node **nodes = ir_topological(invocation->context, kernel, &count);
    int64_t extent;
    for (size_t k = 0; nodes && k < count; k++)
        for (uint32_t index = 0; index < nodes[k]->n_indices; index++)
            if (!poly_evaluate(nodes[k]->extents[index], dims, NULL, &extent) || extent < 0)
                return false;
    for (uint32_t k = 0; k < kernel->n_inputs; k++)
        for (uint32_t axis = 0; axis < kernel->inputs[k].node->rank; axis++)
            if (!poly_evaluate(kernel->inputs[k].node->shape[axis], dims, NULL, &extent) || extent < 0)
                return false;
    return nodes != NULL;
}

/* Unlike and odd: 5, 7, 9, 11; where that makes an extent negative, the other way round, then others. */
static int64_t small_size(uint32_t dim, int attempt)
{
    int64_t place = dim % 4;
    if (attempt < 2)
        return 5 + 2 * (attempt ? 3 - place : place);
    return 1 + (int64_t)(hash_mix((uint64_t)attempt, dim) % 32);
}

int64_t *dims_small(struct invocation *invocation, const struct ir_kernel *kernel)
{
    enum { ATTEMPTS = 50 };
    int64_t *dims = dims_unbound(invocation);
    for (int attempt = 0; dims && attempt < ATTEMPTS; attempt++) {
        for (uint32_t k = 0; k < ir_dim_count(invocation->context); k++)
            dims[k] = keep_promises(ir_dim_at(invocation->context, k), small_size(k, attempt));
        if (extents_hold(invocation, kernel, dims))
            break;
    }
    return dims;
}

int64_t *dims_typical(struct invocation *invocation)
{
    const double *sizes = ir_typical_sizes(invocation->context);
    int64_t *dims = dims_unbound(invocation);
    for (uint32_t k = 0; k < ir_dim_count(invocation->context) && dims && sizes; k++)
        dims[k] = keep_promises(ir_dim_at(invocation->context, k), (int64_t)sizes[k]);
    return dims;
}

/* ---- arrays as text ---- */

static void print_element(struct text *text, const struct ir_tensor *tensor, size_t at)
{
    struct ir_number number = ir_number_load(tensor->elem, tensor->data, at);
    enum ir_elem real = ir_elem_real(tensor->elem);
    int digits = real == IR_f16 ? 5 : real == IR_bf16 ? 4 : real == IR_f32 ? 9 : 17;
    if (ir_elem_is_complex(tensor->elem))
        text_printf(text, "%.*g%+.*gi", digits, number.re, digits, number.im);
    else if (ir_elem_is_float(tensor->elem))
        text_printf(text, "%.*g", digits, number.re);
    else if (tensor->elem == IR_bool)
        text_put(text, number.i ? "true" : "false");
    else if (tensor->elem == IR_u64)
        text_printf(text, "%llu", (unsigned long long)number.i);
    else
        text_printf(text, "%lld", (long long)number.i);
}

enum { EDGE = 3, WHOLE_LIMIT = 1000 }; /* as NumPy: up to 1000 elements are shown whole, else three at each end of an axis */

static void print_axis(struct text *text, const struct ir_tensor *tensor, uint32_t axis, size_t offset, size_t stride, bool whole)
{
    if (axis == tensor->rank) {
        print_element(text, tensor, offset);
        return;
    }
    size_t extent = (size_t)tensor->shape[axis];
    size_t inner = extent ? stride / extent : 0;
    text_put(text, "[");
    for (size_t k = 0; k < extent; k++) {
        if (k)
            text_put(text, axis + 1 == tensor->rank ? ", " : ",\n");
        if (k)
            for (uint32_t pad = 0; axis + 1 != tensor->rank && pad <= axis; pad++)
                text_put(text, " ");
        if (!whole && extent > 2 * EDGE && k == EDGE) {
            text_put(text, "...");
            k = extent - EDGE - 1;
            continue;
        }
        print_axis(text, tensor, axis + 1, offset + k * inner, inner, whole);
    }
    text_put(text, "]");
}

void array_print(struct text *text, const struct ir_tensor *tensor)
{
    size_t count = npy_element_count(tensor);
    print_axis(text, tensor, 0, 0, count, count <= WHOLE_LIMIT);
    text_put(text, "\n");
}
