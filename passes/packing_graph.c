/* Tensor IR to a graph of values in ciphertexts. Views are another numbering of what they show. A product with one factor in
 * ciphertexts is a linear map, whose matrix is found by walking its index space; one with several is a product of ciphertexts.
 * Everything that depends on no input is evaluated. */
#include "packing_graph.h"

#include <string.h>

enum { MOST_ELEMENTS = 1 << 24, MOST_ENTRIES = 1 << 25 };

void *packing_refuse(struct packing_builder *builder, const struct ir_node *node, const char *help, const char *format, ...)
{
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    struct diagnostics *diagnostics = ir_diagnostics(builder->packer->context);
    const struct ir_name *name = node ? ir_find_name(builder->kernel, node) : NULL;
    struct diag *diag = diag_error(diagnostics, DIAG_E0931, name ? name->span : builder->kernel->span, "%s", what);
    if (help)
        diag_help(diagnostics, diag, "%s", help);
    return NULL;
}

bool packing_shape(struct packing_builder *builder, const struct ir_node *node, uint32_t n, const struct poly *const *polys,
                   int64_t *extents, int64_t *product)
{
    *product = 1;
    if (n > PACKING_RANK)
        return packing_refuse(builder, node, NULL, "a value with more than %d indices", PACKING_RANK), false;
    for (uint32_t k = 0; k < n; k++) {
        if (!poly_is_constant(polys[k], &extents[k]))
            return packing_refuse(builder, node, "bind its dims with --dims", "a size that is known at run time only"), false;
        if (extents[k] < 1)
            return packing_refuse(builder, node, NULL, "a tensor without elements in ciphertexts"), false;
        if (!checked_multiply(*product, extents[k], product))
            return packing_refuse(builder, node, NULL, "an index space of more than 2^63 points"), false;
    }
    return true;
}

/* ---- nodes ---- */

struct slot_dim *packing_dims(struct packing_builder *builder, const struct ir_node *from, const int64_t *extents)
{
    const struct ir_name *name = ir_find_name(builder->kernel, from);
    struct arena *arena = builder->packer->arena;
    struct slot_dim *dims = ARENA_ARRAY(arena, from->rank + 1, struct slot_dim);
    for (uint32_t k = 0; k < from->rank && dims; k++) {
        const char *index = name && name->index_names ? name->index_names[k] : NULL;
        dims[k] = (struct slot_dim){index ? index : arena_printf(arena, "d%u", k), extents[k]};
    }
    return dims;
}

struct packing_node *packing_add_node(struct packing_builder *builder, enum packing_kind kind, const struct ir_node *from)
{
    struct packing_graph *graph = builder->graph;
    struct arena *arena = builder->packer->arena;
    struct packing_node node = {.kind = kind, .span = builder->kernel->span};
    const struct ir_name *name = ir_find_name(builder->kernel, from);
    const char *called = ir_name_of(builder->kernel, from);
    int64_t extents[PACKING_RANK];
    if (!packing_shape(builder, from, from->rank, from->shape, extents, &node.elements))
        return NULL;
    if (node.elements > MOST_ELEMENTS)
        return packing_refuse(builder, from, NULL, "a tensor of more than %d elements in ciphertexts", MOST_ELEMENTS);
    node.name = called ? called : arena_printf(arena, "value %zu", graph->n_nodes);
    node.span = name ? name->span : node.span;
    node.n_dims = from->rank;
    node.dims = packing_dims(builder, from, extents);
    if (!node.dims || !ARENA_PUSH(arena, graph->nodes, graph->n_nodes, graph->nodes_capacity, node))
        return NULL;
    return &graph->nodes[graph->n_nodes - 1];
}

static const struct packing_ref *ref_of(struct packing_builder *builder, const struct packing_node *node)
{
    struct packing_ref ref = {(uint32_t)(node - builder->graph->nodes), node->elements, NULL};
    return arena_copy(builder->packer->arena, &ref, 1, sizeof ref);
}

/* The access seen as a tensor over an index space. */
const struct packing_ref *packing_view(struct packing_builder *builder, const struct ir_node *node, uint32_t n_indices,
                                       const int64_t *extents, const struct ir_access *access)
{
    struct packer *packer = builder->packer;
    const struct packing_ref *operand = builder->refs[access->node->id];
    struct packing_reader *reader = ARENA_NEW(packer->arena, struct packing_reader);
    struct packing_ref *ref = ARENA_NEW(packer->arena, struct packing_ref);
    int64_t point[PACKING_RANK] = {0}, count = 1;
    for (uint32_t k = 0; k < n_indices; k++)
        count *= extents[k];
    if (count > MOST_ELEMENTS)
        return packing_refuse(builder, node, NULL, "a tensor of more than %d elements in ciphertexts", MOST_ELEMENTS);
    if (access->fill && (access->fill->re != 0 || access->fill->im != 0))
        return packing_refuse(builder, node, "pad with 0, and add the value after that", "padding with a value other than 0");
    int32_t *map = ARENA_ARRAY(packer->arena, (size_t)count, int32_t);
    if (!operand || !reader || !ref || !map || !packing_reader(packer, reader, access, n_indices, extents, operand->map))
        return NULL;
    bool is_identity = count == operand->elements && !operand->map;
    for (int64_t k = 0; k < count; k++) {
        map[k] = (int32_t)packing_read(reader, point);
        is_identity = is_identity && map[k] == k;
        packing_next_point(n_indices, extents, point);
    }
    *ref = (struct packing_ref){operand->node, count, is_identity ? NULL : map};
    return ref;
}

/* ---- known numbers ---- */

/* The numbers of a node that depends on no input, as double. */
const double *packing_numbers(struct packing_builder *builder, const struct ir_node *node, int64_t *count)
{
    struct packer *packer = builder->packer;
    if (node && node->op != IR_const_node)
        node = ir_evaluated(packer->context, node, NULL);
    if (!node || !poly_is_constant(ir_element_count(packer->context, node), count))
        return NULL;
    if (node->elem == IR_f64)
        return node->constant->data;
    double *numbers = ARENA_ARRAY(packer->arena, (size_t)*count, double);
    for (int64_t k = 0; k < *count && numbers; k++) {
        struct ir_number number = ir_number_load(node->elem, node->constant->data, (size_t)k);
        numbers[k] = ir_elem_is_float(node->elem) ? number.re : (double)number.i;
    }
    return numbers;
}

/* ---- contractions ---- */

static bool add_known(struct packing_builder *builder, const struct ir_access *access, struct packing_factors *factors)
{
    struct packing_reader *reader = ARENA_NEW(builder->packer->arena, struct packing_reader);
    int64_t count;
    const double *numbers = packing_numbers(builder, access->node, &count);
    if (!reader || !numbers || !packing_reader(builder->packer, reader, access, factors->n_indices, factors->extents, NULL))
        return false;
    factors->fill[factors->n_known] = access->fill ? access->fill->re : 0;
    factors->numbers[factors->n_known] = numbers;
    factors->known[factors->n_known++] = reader;
    return true;
}

static bool add_hidden(struct packing_builder *builder, const struct ir_node *node, const struct ir_access *access,
                       const struct packing_ref *ref, struct packing_factors *factors)
{
    struct packing_reader *reader = ARENA_NEW(builder->packer->arena, struct packing_reader);
    if (access && access->fill && access->fill->re != 0)
        return packing_refuse(builder, node, "pad with 0", "padding with a value other than 0"), false;
    if (!reader || !ref || !packing_reader(builder->packer, reader, access, factors->n_indices, factors->extents, ref->map))
        return false;
    factors->refs[factors->n_hidden] = *ref;
    factors->hidden[factors->n_hidden++] = reader;
    return true;
}

/* Numbers points by their first `rank` indices, in C order. */
static void number_points(const struct packing_factors *factors, uint32_t rank, struct packing_reader *reader)
{
    int64_t stride = 1;
    reader->rank = rank;
    for (uint32_t k = rank; k-- > 0; stride *= factors->extents[k])
        reader->strides[k] = stride;
}

static bool known_at(const struct packing_factors *factors, const int64_t *point, double *product)
{
    int64_t value;
    *product = 1;
    for (uint32_t k = 0; k < factors->n_domain; k++)
        if (!poly_evaluate(factors->domain[k], NULL, point, &value) || value < 0)
            return false;
    for (uint32_t k = 0; k < factors->n_known; k++) {
        int64_t at = packing_read(factors->known[k], point);
        *product *= at < 0 ? factors->fill[k] : factors->numbers[k][at];
    }
    return *product != 0;
}

/* ---- digits ---- */

/* What value v of index `index` alone adds to what the reader reads, -1 where that is outside. */
static int64_t alone(const struct packing_reader *reader, uint32_t index, int64_t v)
{
    int64_t point[PACKING_RANK] = {0};
    int64_t origin = packing_read(reader, point);
    point[index] = v;
    int64_t there = packing_read(reader, point);
    return origin < 0 || there < 0 ? INT64_MIN : there - origin;
}

/* The longest run from `base` on, in steps of it, that moves evenly in every operand; a divisor of what is left of the index. */
static int64_t even_run(const struct packing_factors *factors, uint32_t index, int64_t base)
{
    int64_t extent = factors->extents[index], most = extent / base, run = 1;
    for (bool even = true; run < most && even; run += even)
        for (uint32_t k = 0; k < factors->n_hidden && even; k++) {
            int64_t step = alone(factors->hidden[k], index, base), there = alone(factors->hidden[k], index, run * base);
            even = step != INT64_MIN && there != INT64_MIN && there == run * step;
        }
    while (run > 1 && most % run)
        run--;
    return run;
}

bool packing_cut_digits(struct packing_builder *builder, const struct packing_factors *factors, struct packing_node *node)
{
    struct packing_digit digits[PACKING_DIGITS];
    uint32_t n = 0;
    for (uint32_t k = factors->n_indices; k-- > 0;)
        for (int64_t base = 1; base < factors->extents[k];) {
            int64_t run = even_run(factors, k, base);
            if (run < 2 || n == PACKING_DIGITS)
                return true; /* without digits */
            digits[n] = (struct packing_digit){.extent = run, .out = k < factors->rank ? factors->out->strides[k] * base : 0};
            for (uint32_t o = 0; o < factors->n_hidden; o++)
                digits[n].in[o] = alone(factors->hidden[o], k, base);
            n++;
            base *= run;
        }
    node->digits = arena_copy(builder->packer->arena, digits, n + 1, sizeof *digits);
    node->n_digits = n;
    return node->digits != NULL;
}

/* Is what every operand reads the sum of what the digits say, plus nothing? Zeros of padding are no matter. */
static bool digits_hold(const struct packing_factors *factors, const struct packing_node *node)
{
    int64_t point[PACKING_RANK] = {0};
    do
        for (uint32_t o = 0; o < factors->n_hidden; o++) {
            int64_t sum = 0, wanted = packing_read(factors->hidden[o], point);
            uint32_t digit = 0;
            for (uint32_t k = factors->n_indices; k-- > 0;)
                for (int64_t base = 1; base < factors->extents[k]; base *= node->digits[digit++].extent)
                    sum += point[k] / base % node->digits[digit].extent * node->digits[digit].in[o];
            if (wanted >= 0 && wanted != sum)
                return false;
        }
    while (packing_next_point(factors->n_indices, factors->extents, point));
    return true;
}

/* Does no ciphertext end inside of one digit that these two make? Where one does, layouts can't say so of digits that are dims. */
static bool ends_between(int64_t slots, int64_t low, int64_t high)
{
    int64_t both;
    return checked_multiply(low, high, &both) && (both <= slots || slots % low == 0 || low % slots == 0);
}

/* Two digits that count on in the result and every operand are one. */
static void merge_digits(int64_t slots, struct packing_node *node)
{
    for (uint32_t a = 0; a < node->n_digits; a++)
        for (uint32_t b = 0; b < node->n_digits; b++) {
            struct packing_digit *low = &node->digits[a], *high = &node->digits[b];
            bool fits = a != b && high->out == low->out * low->extent && ends_between(slots, low->extent, high->extent);
            for (uint32_t o = 0; o < node->n_operands && fits; o++)
                fits = high->in[o] == low->in[o] * low->extent;
            if (!fits)
                continue;
            low->extent *= high->extent;
            node->digits[b] = node->digits[--node->n_digits];
            a = UINT32_MAX; /* from the start again */
            break;
        }
}

static bool find_digits(struct packing_builder *builder, const struct packing_factors *factors, struct packing_node *node)
{
    if (!packing_cut_digits(builder, factors, node))
        return false;
    if (node->n_digits && !digits_hold(factors, node))
        node->n_digits = 0;
    merge_digits(builder->packer->slots, node);
    return true;
}

/* Libraries refuse a ciphertext that holds nothing of the inputs. */
static void *refuse_zero(struct packing_builder *builder, const struct ir_node *from)
{
    return packing_refuse(builder, from, NULL, "a value in ciphertexts that is zero whatever the inputs are");
}

/* ---- linear maps ---- */

static const struct packing_matrix *dense_matrix(struct packer *packer, const struct packing_factors *factors, int64_t rows,
                                                 int64_t columns)
{
    struct packing_matrix *matrix = ARENA_NEW(packer->arena, struct packing_matrix);
    double *numbers = ARENA_ARRAY(packer->arena, (size_t)(rows * columns), double), known;
    int64_t point[PACKING_RANK] = {0};
    if (!matrix || !numbers)
        return NULL;
    do {
        int64_t column = packing_read(factors->hidden[0], point);
        if (column >= 0 && known_at(factors, point, &known))
            numbers[packing_read(factors->out, point) * columns + column] += known;
    } while (packing_next_point(factors->n_indices, factors->extents, point));
    *matrix = (struct packing_matrix){.rows = rows, .columns = columns, .dense = numbers};
    return matrix;
}

static const struct packing_matrix *sparse_matrix(struct packer *packer, const struct packing_factors *factors, int64_t rows,
                                                  int64_t columns)
{
    struct packing_entry *entries = ARENA_ARRAY(packer->arena, (size_t)factors->points, struct packing_entry);
    int64_t point[PACKING_RANK] = {0};
    size_t n = 0;
    if (!entries)
        return NULL;
    do {
        struct packing_entry entry = {.column = packing_read(factors->hidden[0], point)};
        if (entry.column >= 0 && known_at(factors, point, &entry.value)) {
            entry.row = packing_read(factors->out, point);
            entries[n++] = entry;
        }
    } while (packing_next_point(factors->n_indices, factors->extents, point));
    return packing_matrix(packer, rows, columns, entries, n);
}

const struct packing_ref *packing_add_linear(struct packing_builder *builder, const struct ir_node *from,
                                             const struct packing_node *made, const struct packing_factors *factors)
{
    struct packer *packer = builder->packer;
    struct packing_graph *graph = builder->graph;
    int64_t columns = graph->nodes[factors->refs[0].node].elements;
    struct packing_node *node = NULL;
    if (!made)
        node = packing_add_node(builder, PACKING_LINEAR, from);
    else if (ARENA_PUSH(packer->arena, graph->nodes, graph->n_nodes, graph->nodes_capacity, *made))
        node = &graph->nodes[graph->n_nodes - 1];
    if (!node)
        return NULL;
    if (factors->points > PACKING_MOST_POINTS)
        return packing_refuse(builder, from, NULL, "a linear map of more than %d products", PACKING_MOST_POINTS);
    if (factors->points / node->elements >= columns / 2 && node->elements * columns <= PACKING_MOST_POINTS)
        node->matrix = dense_matrix(packer, factors, node->elements, columns);
    else if (factors->points <= MOST_ENTRIES)
        node->matrix = sparse_matrix(packer, factors, node->elements, columns);
    else
        return packing_refuse(builder, from, NULL, "a linear map of more than %d products", MOST_ENTRIES);
    node->n_operands = 1;
    node->operands = arena_copy(packer->arena, factors->refs, 1, sizeof *factors->refs);
    if (!node->matrix || !node->operands || !find_digits(builder, factors, node))
        return NULL;
    node->operands[0] = (struct packing_ref){factors->refs[0].node, columns, NULL};
    return packing_is_zero(node->matrix) ? refuse_zero(builder, from) : ref_of(builder, node);
}

/* ---- products of ciphertexts ---- */

static const double *known_factor(struct packer *packer, const struct packing_factors *factors, const struct packing_node *node)
{
    double *numbers = ARENA_ARRAY(packer->arena, (size_t)factors->points, double);
    int64_t point[PACKING_RANK] = {0}, place[PACKING_DIGITS], stride = 1;
    for (uint32_t d = node->n_digits; d-- > 0; stride *= node->digits[d].extent)
        place[d] = stride;
    do {
        int64_t at = 0;
        uint32_t digit = 0;
        for (uint32_t k = factors->n_indices; k-- > 0;)
            for (int64_t base = 1; base < factors->extents[k]; base *= node->digits[digit++].extent)
                at += point[k] / base % node->digits[digit].extent * place[digit];
        if (numbers && !known_at(factors, point, &numbers[at]))
            numbers[at] = 0;
    } while (packing_next_point(factors->n_indices, factors->extents, point));
    return numbers;
}

static bool is_zero(const double *numbers, int64_t count)
{
    for (int64_t k = 0; k < count; k++)
        if (numbers[k] != 0)
            return false;
    return true;
}

static bool any_padded(const struct packing_factors *factors)
{
    int64_t point[PACKING_RANK] = {0};
    do
        for (uint32_t o = 0; o < factors->n_hidden; o++)
            if (packing_read(factors->hidden[o], point) < 0)
                return true;
    while (packing_next_point(factors->n_indices, factors->extents, point));
    return false;
}

/* An operand that the digits do not describe becomes a tensor of its own over the whole index space. */
static bool spread_operand(struct packing_builder *builder, const struct ir_node *from, struct packing_factors *factors,
                           uint32_t operand);

static const struct packing_ref *add_product(struct packing_builder *builder, const struct ir_node *from,
                                             struct packing_factors *factors)
{
    struct packer *packer = builder->packer;
    struct packing_node scratch = {.n_operands = factors->n_hidden};
    if (factors->points > PACKING_MOST_POINTS)
        return packing_refuse(builder, from, NULL, "a product over more than %d points", PACKING_MOST_POINTS);
    if (!find_digits(builder, factors, &scratch))
        return NULL;
    bool fits = scratch.n_digits || (factors->points == 1 && digits_hold(factors, &scratch));
    if (!fits || any_padded(factors)) {
        for (uint32_t o = 0; o < factors->n_hidden; o++)
            if (!spread_operand(builder, from, factors, o))
                return NULL;
        if (!find_digits(builder, factors, &scratch))
            return NULL;
    }
    struct packing_node *node = packing_add_node(builder, PACKING_PRODUCT, from);
    if (!node)
        return NULL;
    node->n_operands = factors->n_hidden;
    node->operands = arena_copy(packer->arena, factors->refs, factors->n_hidden, sizeof *factors->refs);
    for (uint32_t o = 0; o < node->n_operands && node->operands; o++) /* the digits say which elements */
        node->operands[o] =
            (struct packing_ref){factors->refs[o].node, builder->graph->nodes[factors->refs[o].node].elements, NULL};
    bool has_factor = factors->n_known || factors->n_domain;
    if (has_factor && !packing_cut_digits(builder, factors, node))
        return NULL;
    node->factor = has_factor ? known_factor(packer, factors, node) : NULL;
    if (!has_factor) {
        node->n_digits = scratch.n_digits;
        node->digits = scratch.digits;
    }
    if (!node->operands || (has_factor && !node->factor))
        return NULL;
    return has_factor && is_zero(node->factor, factors->points) ? refuse_zero(builder, from) : ref_of(builder, node);
}

static bool spread_operand(struct packing_builder *builder, const struct ir_node *from, struct packing_factors *factors,
                           uint32_t operand)
{
    struct packer *packer = builder->packer;
    struct packing_reader *whole = ARENA_NEW(packer->arena, struct packing_reader),
                          *out = ARENA_NEW(packer->arena, struct packing_reader);
    struct packing_factors alone_factors = *factors;
    if (!whole || !out || !packing_reader(packer, whole, NULL, factors->n_indices, factors->extents, NULL) ||
        !packing_reader(packer, out, NULL, factors->n_indices, factors->extents, NULL))
        return false;
    number_points(factors, factors->n_indices, whole);
    number_points(factors, factors->n_indices, out);
    alone_factors.n_known = alone_factors.n_domain = 0;
    alone_factors.n_hidden = 1;
    alone_factors.hidden[0] = factors->hidden[operand];
    alone_factors.refs[0] = factors->refs[operand];
    alone_factors.out = out;
    alone_factors.rank = factors->n_indices;
    if (factors->points > MOST_ELEMENTS)
        return packing_refuse(builder, from, NULL, "a product over more than %d points", MOST_ELEMENTS), false;
    const struct packing_node made = {.kind = PACKING_LINEAR,
                                      .name = builder->graph->nodes[factors->refs[operand].node].name,
                                      .span = builder->kernel->span,
                                      .elements = factors->points};
    const struct packing_ref *ref = packing_add_linear(builder, from, &made, &alone_factors);
    if (!ref)
        return false;
    factors->refs[operand] = *ref;
    factors->hidden[operand] = whole;
    return true;
}

/* ---- of either kind ---- */

static const struct packing_ref *add_factors(struct packing_builder *builder, const struct ir_node *from,
                                             struct packing_factors *factors)
{
    factors->out = ARENA_NEW(builder->packer->arena, struct packing_reader);
    if (!factors->out || !packing_reader(builder->packer, factors->out, NULL, factors->n_indices, factors->extents, NULL))
        return NULL;
    number_points(factors, factors->rank, factors->out);
    if (factors->n_hidden > 1)
        return add_product(builder, from, factors);
    return factors->n_known > 1 ? packing_add_chain(builder, from, factors) : packing_add_linear(builder, from, NULL, factors);
}

const struct packing_ref *packing_contraction(struct packing_builder *builder, const struct ir_node *node)
{
    struct packing_factors *factors = ARENA_NEW(builder->packer->arena, struct packing_factors);
    if (node->contract.ring != IR_RING_plustimes)
        return packing_refuse(builder, node, "sums and products are what ciphertexts compute", "a reduction by `%s` of ciphertexts",
                              ir_ring_info(node->contract.ring)->name);
    if (node->n_operands > PACKING_OPERANDS)
        return packing_refuse(builder, node, NULL, "a product of more than %d factors", PACKING_OPERANDS);
    if (!factors || !packing_shape(builder, node, node->n_indices, node->extents, factors->extents, &factors->points))
        return NULL;
    factors->n_indices = node->n_indices;
    factors->rank = node->rank;
    factors->domain = node->contract.domain;
    factors->n_domain = node->contract.n_domain;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        bool is_known = !builder->is_hidden[access->node->id];
        if (is_known ? !add_known(builder, access, factors)
                     : !add_hidden(builder, node, access, builder->refs[access->node->id], factors))
            return NULL;
    }
    return add_factors(builder, node, factors);
}

/* ref * ref, or ref * numbers, element by element over the node's shape; one of `b` and `numbers` is NULL. */
const struct packing_ref *packing_multiply(struct packing_builder *builder, const struct ir_node *node, const struct packing_ref *a,
                                           const struct packing_ref *b, const double *numbers)
{
    struct packer *packer = builder->packer;
    struct packing_factors *factors = ARENA_NEW(packer->arena, struct packing_factors);
    struct packing_reader *reader = ARENA_NEW(packer->arena, struct packing_reader);
    if (!factors || !reader || !packing_shape(builder, node, node->rank, node->shape, factors->extents, &factors->points))
        return NULL;
    factors->n_indices = factors->rank = node->rank;
    if (!add_hidden(builder, node, NULL, a, factors) || (b && !add_hidden(builder, node, NULL, b, factors)))
        return NULL;
    for (uint32_t k = 0; k < factors->n_hidden; k++)
        number_points(factors, node->rank, factors->hidden[k]);
    if (numbers) {
        if (!packing_reader(packer, reader, NULL, node->rank, factors->extents, NULL))
            return NULL;
        number_points(factors, node->rank, reader);
        factors->known[0] = reader;
        factors->numbers[0] = numbers;
        factors->n_known = 1;
    }
    return add_factors(builder, node, factors);
}

const struct packing_ref *packing_renumbered(struct packing_builder *builder, const struct ir_node *node,
                                             const struct packing_ref *ref)
{
    struct packing_factors *factors = ARENA_NEW(builder->packer->arena, struct packing_factors);
    if (!ref || !ref->map)
        return ref;
    if (!factors || !packing_shape(builder, node, node->rank, node->shape, factors->extents, &factors->points))
        return NULL;
    factors->n_indices = factors->rank = node->rank;
    if (!add_hidden(builder, node, NULL, ref, factors))
        return NULL;
    number_points(factors, node->rank, factors->hidden[0]);
    return add_factors(builder, node, factors);
}
