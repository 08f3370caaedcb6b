/* Findings as text of the language: an expression of constructors, and the constants that it speaks of. */
#include "discover.h"

#include <string.h>

static const char *add_constant(struct text *text, const struct discover_operator *op, const char *prefix, bool whole,
                                uint32_t rank, const int64_t *shape, struct discover_constants *constants)
{
    struct discover_constant constant = {.name = arena_printf(text->arena, "%s%zu", prefix, constants->count),
                                         .whole = whole,
                                         .of = op,
                                         .numbers = op->numbers,
                                         .rank = rank};
    memcpy(constant.shape, shape, rank * sizeof *shape);
    (void)ARENA_PUSH(text->arena, constants->items, constants->count, constants->capacity, constant);
    return constant.name ? constant.name : "";
}

static const char *numbers_of(struct text *text, const struct discover_operator *op, const char *prefix,
                              struct discover_constants *constants)
{
    int64_t shape[4] = {0};
    uint32_t rank = op->rank;
    for (uint32_t axis = 0; axis < rank; axis++)
        shape[axis] = (int64_t)op->shape[axis];
    if (op->kind == DISCOVER_KS && op->shape[3] == 1)
        rank = 3; /* blockdiag */
    return add_constant(text, op, prefix, false, rank, shape, constants);
}

static void print_leaf(struct text *text, const struct discover_operator *op, const char *prefix,
                       struct discover_constants *constants)
{
    static const char *const names[] = {[DISCOVER_DIAGONAL] = "diag", [DISCOVER_CIRCULANT] = "circulant"};
    long long m = (long long)op->rows, n = (long long)op->columns, entries = (long long)discover_count(op);
    const char *own = op->rank ? numbers_of(text, op, prefix, constants) : "";
    switch (op->kind) {
    case DISCOVER_DENSE:
        text_put(text, own);
        break;
    case DISCOVER_IDENTITY:
        text_printf(text, "identity(%lld)", n);
        break;
    case DISCOVER_PERM:
        text_printf(text, "perm(%s)", add_constant(text, op, prefix, true, 1, &(int64_t){n}, constants));
        break;
    case DISCOVER_SPARSE:
        text_printf(text, "sparse(%s, ", add_constant(text, op, prefix, true, 1, &(int64_t){entries}, constants));
        text_printf(text, "%s, %s, %lld, %lld)", add_constant(text, op, prefix, true, 1, &(int64_t){entries}, constants), own, m,
                    n);
        if (constants->count)
            constants->items[constants->count - 1].shape[1] = 1; /* of its table the columns */
        break;
    case DISCOVER_BANDED:
        text_printf(text, "banded(%s, %s)", own,
                    add_constant(text, op, prefix, true, 1, &(int64_t){(int64_t)op->n_table}, constants));
        break;
    case DISCOVER_KS:
        text_printf(text, "%s(%s)", op->shape[3] == 1 ? "blockdiag" : "ks", own);
        break;
    case DISCOVER_TOEPLITZ:
    case DISCOVER_HANKEL:
        text_printf(text, "%s(%s", op->kind == DISCOVER_TOEPLITZ ? "toeplitz" : "hankel", own);
        if (m != n)
            text_printf(text, ", %lld, %lld", m, n);
        text_put(text, ")");
        break;
    case DISCOVER_NAMED:
        text_printf(text, "%s%s%s(%lld)%s%s", op->transposed ? "transpose(" : "", op->conjugate ? "conj(" : "", op->transform->name,
                    n, op->conjugate ? ")" : "", op->transposed ? ")" : "");
        break;
    default:
        text_printf(text, "%s(%s)", names[op->kind], own);
    }
}

void discover_print(struct text *text, const struct discover_operator *op, const char *prefix, struct discover_constants *constants)
{
    bool call = op->kind == DISCOVER_KRON;
    if (!op->n_parts) {
        print_leaf(text, op, prefix, constants);
        return;
    }
    if (call)
        text_put(text, "kron(");
    for (size_t k = 0; k < op->n_parts; k++) {
        bool brackets = op->kind == DISCOVER_PRODUCT && op->parts[k]->kind == DISCOVER_SUM;
        text_put(text, k == 0 ? "" : call ? ", " : op->kind == DISCOVER_SUM ? " + " : " @ ");
        text_put(text, brackets ? "(" : "");
        discover_print(text, op->parts[k], prefix, constants);
        text_put(text, brackets ? ")" : "");
    }
    if (call)
        text_put(text, ")");
}

/* ---- networks ---- */

static const char axis_letters[] = "ijklmnop";

/* Axes of the tensor have letters, their digits numbers where there is more than one. */
static void print_digit(struct text *text, const struct discover_network *network, uint32_t axis, uint32_t digit)
{
    text_printf(text, "%c", axis_letters[axis]);
    if (network->n_digits[axis] > 1)
        text_printf(text, "%u", (unsigned)digit);
}

static void print_axis(struct text *text, const struct discover_network *network, uint32_t axis)
{
    bool cut = network->n_digits[axis] > 1;
    text_put(text, cut ? "(" : "");
    for (uint32_t digit = 0; digit < network->n_digits[axis]; digit++) {
        text_put(text, digit ? "," : "");
        print_digit(text, network, axis, digit);
    }
    text_put(text, cut ? ")" : "");
}

void discover_print_axis(struct text *text, const struct discover_finding *finding, uint32_t axis)
{
    if (finding->network)
        print_axis(text, finding->network, axis);
    else
        text_printf(text, "%c", axis_letters[axis]);
}

void discover_print_subscripts(struct text *text, const struct discover_finding *finding, uint32_t rank)
{
    for (uint32_t axis = 0; axis < rank; axis++) {
        text_put(text, axis == 0 ? "[" : axis == 1 && finding->op ? ",(" : ",");
        discover_print_axis(text, finding, axis);
    }
    text_put(text, finding->op ? ")]" : "]");
}

static void print_index(struct text *text, const struct discover_network *network, uint32_t index)
{
    uint32_t n_free = discover_free(network);
    if (index >= n_free) {
        text_printf(text, "r%u", (unsigned)(index - n_free));
        return;
    }
    for (uint32_t axis = 0; axis < network->rank; index -= network->n_digits[axis++])
        if (index < network->n_digits[axis]) {
            print_digit(text, network, axis, index);
            return;
        }
}

void discover_print_part(struct text *text, const struct discover_network *network, const struct discover_part *part,
                         const char *prefix, struct discover_constants *constants)
{
    struct discover_constant constant = {
        .name = arena_printf(text->arena, "%s%zu", prefix, constants->count), .numbers = part->numbers, .rank = part->rank};
    text_printf(text, "%s[", constant.name ? constant.name : "");
    for (uint32_t axis = 0; axis < part->rank; axis++) {
        constant.shape[axis] = (int64_t)network->extents[part->index[axis]];
        text_put(text, axis ? "," : "");
        print_index(text, network, part->index[axis]);
    }
    text_put(text, "]");
    (void)ARENA_PUSH(text->arena, constants->items, constants->count, constants->capacity, constant);
}

void discover_print_network(struct text *text, const struct discover_network *network, const char *prefix,
                            struct discover_constants *constants)
{
    for (uint32_t k = 0; k < network->n_parts; k++) {
        text_put(text, k ? " * " : "");
        discover_print_part(text, network, &network->parts[k], prefix, constants);
    }
}

/* ---- sources ---- */

static size_t count_of(const struct discover_constant *constant)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < constant->rank; axis++)
        count *= (size_t)constant->shape[axis];
    return count;
}

static enum ir_elem elem_of(const struct discover_constant *constant, enum ir_elem elem)
{
    bool real = true;
    for (size_t k = 0; !constant->whole && k < count_of(constant); k++)
        real = real && cimag(constant->numbers[k]) == 0;
    return constant->whole ? IR_i32 : real ? ir_elem_real(elem) : elem;
}

static struct ir_number number_at(const struct discover_constant *constant, enum ir_elem elem, size_t at)
{
    const struct discover_operator *op = constant->of;
    if (!constant->whole)
        return ir_elem_is_complex(elem) ? ir_number_complex(elem, creal(constant->numbers[at]), cimag(constant->numbers[at]))
                                        : ir_number_real(elem, creal(constant->numbers[at]));
    bool pairs = op->kind == DISCOVER_SPARSE;
    return ir_number_integer(elem, pairs ? op->table[2 * at + (size_t)constant->shape[1]] : op->table[at]);
}

static void put_real(struct text *text, double value)
{
    text_printf(text, "%.17g", value);
}

static void put_literal(struct text *text, const struct discover_constant *constant, enum ir_elem elem, uint32_t axis, size_t *at)
{
    text_put(text, "[");
    for (int64_t k = 0; axis < DISCOVER_CONSTANT_AXES && k < constant->shape[axis]; k++) {
        text_put(text, k ? ", " : "");
        if (axis + 1 < constant->rank) {
            put_literal(text, constant, elem, axis + 1, at);
            continue;
        }
        struct ir_number value = number_at(constant, elem, (*at)++);
        if (ir_elem_is_integer(elem)) {
            text_printf(text, "%lld", (long long)value.i);
            continue;
        }
        put_real(text, value.re);
        if (ir_elem_is_complex(elem)) {
            text_put(text, value.im < 0 ? " - " : " + ");
            put_real(text, value.im < 0 ? -value.im : value.im);
            text_put(text, "i");
        }
    }
    text_put(text, "]");
}

static bool add_file(struct arena *arena, const struct discover_constant *constant, enum ir_elem elem, size_t count,
                     const char *name, struct discover_source *source)
{
    struct discover_file file = {name, {.elem = elem, .rank = constant->rank}};
    file.tensor.shape = arena_copy(arena, constant->shape, constant->rank, sizeof *constant->shape);
    file.tensor.data = arena_alloc(arena, count, ir_elem_info(elem)->bytes);
    for (size_t k = 0; file.tensor.data && k < count; k++)
        ir_number_store(number_at(constant, elem, k), file.tensor.data, k);
    return name && file.tensor.shape && file.tensor.data &&
           ARENA_PUSH(arena, source->files, source->n_files, source->capacity, file);
}

void pass_print_certificate(struct text *text, const struct pass_certificate *certificate)
{
    text_printf(text, "relative error %.3g (Frobenius), at most %.3g (spectral); growth %.3g; forward error at most %.3g |W| |x|",
                certificate->error, certificate->spectral_bound, certificate->growth, certificate->forward_bound);
}

bool discover_write(struct arena *arena, const struct discover_finding *finding, enum ir_elem elem, const char *base,
                    size_t most_inline, struct discover_source *source)
{
    struct text expression = text_create(arena), text = text_create(arena);
    struct discover_constants constants = {.items = NULL};
    *source = (struct discover_source){.files = NULL};
    if (finding->op)
        discover_print(&expression, finding->op, "w", &constants);
    else
        discover_print_network(&expression, finding->network, "w", &constants);
    for (size_t k = 0; k < constants.count && !arena_failed(arena); k++) {
        const struct discover_constant *constant = &constants.items[k];
        enum ir_elem own = elem_of(constant, elem);
        size_t count = count_of(constant), at = 0;
        text_printf(&text, "const %s: %s[", constant->name, ir_elem_info(own)->name);
        for (uint32_t axis = 0; axis < constant->rank; axis++)
            text_printf(&text, "%s%lld", axis ? ", " : "", (long long)constant->shape[axis]);
        text_put(&text, "] = ");
        if (count <= most_inline) {
            put_literal(&text, constant, own, 0, &at);
        } else {
            const char *name = arena_printf(arena, "%s_%s.npy", base, constant->name);
            text_printf(&text, "file(\"%s\")", name ? name : "");
            if (!add_file(arena, constant, own, count, name, source))
                return false;
        }
        text_put(&text, "\n");
    }
    source->expression = text_finish(&expression);
    source->constants = text_finish(&text);
    return source->expression && source->constants;
}
