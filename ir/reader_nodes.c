/* Reading the nodes of tensor IR text: types, index spaces, accesses, and one function a node kind. Here only what the builders
 * need to be safe is checked (counts, known names, sizes of data); what a node must keep is for verify.c. */
#include "reader_internal.h"

#include "arithmetic.h"

#include <string.h>

/* ---- types and index spaces ---- */

/* The axes read so far are those of the type. */
struct eir_typed eir_typed(struct ir_reader *reader, struct eir_token type)
{
    struct eir_typed typed = {.elem = IR_ELEM_COUNT, .rank = reader->n_indices, .span = type.span};
    eir_elem(reader, type, &typed.elem);
    return typed;
}

void eir_axis(struct ir_reader *reader, const struct eir_token *name, const struct poly *extent)
{
    char *text = name ? arena_strndup(reader->arena, name->text, name->length) : NULL;
    if (reader->n_indices >= READER_RANK) {
        eir_past_limit(reader, "a node has at most 256 axes and indices");
        return;
    }
    for (uint32_t k = 0; text && k < reader->n_indices; k++)
        if (reader->index_names[k] && strcmp(reader->index_names[k], text) == 0)
            diag_error(ir_diagnostics(reader->context), DIAG_E0703, name->span, "index `%s` is named twice", text);
    size_t extents = reader->n_indices, capacity = reader->indices_capacity, names = reader->n_indices;
    size_t names_capacity = reader->names_capacity;
    if (!ARENA_PUSH(reader->arena, reader->extents, extents, capacity, extent) ||
        !ARENA_PUSH(reader->arena, reader->index_names, names, names_capacity, text))
        return;
    reader->indices_capacity = (uint32_t)capacity;
    reader->names_capacity = (uint32_t)names_capacity;
    reader->n_indices = (uint32_t)names;
}

/* All extents, and a type, were understood. */
static bool is_known(const struct ir_reader *reader, struct eir_typed typed)
{
    for (uint32_t k = 0; k < reader->n_indices; k++)
        if (!reader->extents[k])
            return false;
    return typed.elem < IR_ELEM_COUNT;
}

/* ---- accesses ---- */

struct ir_access eir_access(struct ir_reader *reader, struct eir_token name, const struct eir_polys *subscripts, bool conjugate,
                            const struct ir_number *fill)
{
    struct ir_access access = {.node = eir_node(reader, name), .conjugate = conjugate};
    uint32_t count = subscripts ? subscripts->count : 0;
    if (access.node && access.node->rank != count) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0704, name.span, "`%.*s` has %u axes but %u subscripts", (int)name.length,
                   name.text, access.node->rank, count);
        access.node = NULL;
    }
    const struct poly **polys = ARENA_ARRAY(reader->arena, count, const struct poly *);
    if (fill)
        access.fill = arena_copy(reader->arena, fill, 1, sizeof *fill);
    if (!polys || (fill && !access.fill))
        return (struct ir_access){0};
    for (; subscripts; subscripts = subscripts->before)
        polys[subscripts->count - 1] = subscripts->poly;
    access.subscripts = polys;
    return access;
}

const struct eir_accesses *eir_add_access(struct ir_reader *reader, const struct eir_accesses *before, struct ir_access access)
{
    uint32_t count = before ? before->count : 0;
    if (count >= READER_OPERANDS) {
        eir_past_limit(reader, "a list has at most 4096 entries");
        return before;
    }
    struct eir_accesses *list = ARENA_NEW(reader->arena, struct eir_accesses);
    if (!list)
        return before;
    *list = (struct eir_accesses){access, before, count + 1};
    return list;
}

void eir_set_operands(struct ir_reader *reader, const struct eir_accesses *accesses)
{
    struct ir_access *operands = ARENA_ARRAY(reader->arena, accesses ? accesses->count : 0, struct ir_access);
    reader->operands = operands;
    reader->n_operands = operands && accesses ? accesses->count : 0;
    for (; operands && accesses; accesses = accesses->before)
        operands[accesses->count - 1] = accesses->access;
}

/* ---- inputs and constants ---- */

void eir_strides(struct ir_reader *reader, const struct eir_polys *strides)
{
    const struct poly **polys = ARENA_ARRAY(reader->arena, strides->count, const struct poly *);
    reader->input.strides = polys;
    reader->n_strides = strides->count;
    for (; polys && strides; strides = strides->before)
        polys[strides->count - 1] = strides->poly;
}

void eir_promise(struct ir_reader *reader, struct eir_token word)
{
    enum ir_promise promise;
    if (ir_promise_from_name(word.text, word.length, &promise))
        reader->input.promises |= 1u << promise;
    else
        diag_error(ir_diagnostics(reader->context), DIAG_E0702, word.span, "`%.*s` is nothing that is promised of an input",
                   (int)word.length, word.text);
}

const struct ir_node *eir_input(struct ir_reader *reader, struct eir_token number, const struct eir_token *name,
                                struct eir_typed typed)
{
    int64_t value;
    if (!eir_integer(reader, number, &value) || !is_known(reader, typed))
        return NULL;
    if (value >= READER_OPERANDS) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0708, number.span, "a kernel has at most %d inputs", READER_OPERANDS);
        return NULL;
    }
    struct ir_kernel *kernel = reader->kernel;
    const struct ir_node *node = ir_input(reader->context, (uint32_t)value, typed.elem, typed.rank, reader->extents);
    if (!node || !name)
        return node;
    struct ir_input_info info = reader->input;
    if (info.strides && reader->n_strides != typed.rank) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0704, typed.span, "%u axes have %u strides", typed.rank,
                   reader->n_strides);
        return NULL;
    }
    info.name = arena_strndup(reader->arena, name->text, name->length);
    info.node = node;
    info.span = name->span;
    size_t count = kernel->n_inputs;
    if (ARENA_PUSH(reader->arena, kernel->inputs, count, reader->inputs_capacity, info))
        kernel->n_inputs = (uint32_t)count;
    return node;
}

void eir_add_number(struct ir_reader *reader, struct eir_numbers *numbers, struct eir_typed typed, struct eir_number number)
{
    if (typed.elem < IR_ELEM_COUNT) {
        struct ir_number value = eir_number(reader, typed.elem, number);
        (void)ARENA_PUSH(reader->arena, numbers->items, numbers->count, numbers->capacity, value);
    }
}

void eir_within(struct ir_reader *reader, struct eir_number number)
{
    reader->facts.within = eir_number(reader, IR_f64, number).re;
}

/* Elements that the shape asks for; false when it is not constant, negative or beyond counting. */
static bool count_elements(struct ir_reader *reader, struct eir_typed typed, int64_t *count)
{
    *count = 1;
    for (uint32_t k = 0; k < typed.rank; k++) {
        int64_t extent;
        if (!poly_is_constant(reader->extents[k], &extent) || extent < 0 || !checked_multiply(*count, extent, count)) {
            diag_error(ir_diagnostics(reader->context), DIAG_E0707, typed.span, "a constant's extents are constants, at least 0");
            return false;
        }
    }
    return true;
}

static const struct ir_node *constant(struct ir_reader *reader, struct eir_typed typed, const void *data, size_t count)
{
    int64_t wanted;
    if (!count_elements(reader, typed, &wanted))
        return NULL;
    if (wanted < 0 || (uint64_t)wanted != count) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0707, typed.span, "the shape asks for %lld elements, but there are %zu",
                   (long long)wanted, count);
        return NULL;
    }
    struct ir_constant content = reader->facts;
    content.data = data;
    content.bytes = count * ir_elem_info(typed.elem)->bytes;
    return ir_constant(reader->context, typed.elem, typed.rank, reader->extents, &content);
}

const struct ir_node *eir_constant(struct ir_reader *reader, struct eir_typed typed, struct eir_numbers *numbers)
{
    if (!is_known(reader, typed))
        return NULL;
    void *data = arena_alloc(reader->arena, numbers->count, ir_elem_info(typed.elem)->bytes);
    for (size_t k = 0; data && k < numbers->count; k++)
        scalar_store(typed.elem, data, k, scalar_from_number(numbers->items[k]));
    return data ? constant(reader, typed, data, numbers->count) : NULL;
}

const struct ir_node *eir_constant_data(struct ir_reader *reader, struct eir_typed typed, struct eir_token token)
{
    if (!is_known(reader, typed))
        return NULL;
    uint64_t hash = eir_hash(token);
    uint32_t size = ir_elem_info(typed.elem)->bytes;
    for (size_t k = 0; k < reader->n_data; k++) {
        const struct eir_data *data = &reader->data[k];
        if (data->hash != hash)
            continue;
        if (data->count % size == 0 && hash_bytes((uint64_t)typed.elem, data->bytes, data->count) == hash)
            return constant(reader, typed, data->count ? data->bytes : (const unsigned char *)"", data->count / size);
        struct diag *diag = diag_error(ir_diagnostics(reader->context), DIAG_E0707, token.span,
                                       "the data named here, taken as %s, have another hash", ir_elem_info(typed.elem)->name);
        diag_note(ir_diagnostics(reader->context), diag, data->span, "the data");
        return NULL;
    }
    diag_error(ir_diagnostics(reader->context), DIAG_E0707, token.span, "there is no `data %.*s` in this text", (int)token.length,
               token.text);
    return NULL;
}

/* ---- the others ---- */

static bool find_ring(struct ir_reader *reader, struct eir_token name, enum ir_ring *ring)
{
    for (int k = 0; k < IR_RING_COUNT; k++) {
        const char *known = ir_ring_info((enum ir_ring)k)->name;
        if (strlen(known) == name.length && memcmp(known, name.text, name.length) == 0) {
            *ring = (enum ir_ring)k;
            return true;
        }
    }
    diag_error(ir_diagnostics(reader->context), DIAG_E0702, name.span, "`%.*s` is no ring", (int)name.length, name.text);
    return false;
}

/* `sliced (i, j)`: each a bare index. */
static bool list_sliced(struct ir_reader *reader, const struct eir_polys *list, struct eir_token place, uint32_t *indices)
{
    for (; list; list = list->before) {
        if (!list->poly)
            return false;
        if (!poly_is_index(list->poly, &indices[list->count - 1])) {
            diag_error(ir_diagnostics(reader->context), DIAG_E0704, place.span, "`sliced` lists indices");
            return false;
        }
    }
    return true;
}

const struct ir_node *eir_contract(struct ir_reader *reader, struct eir_flags flags, struct eir_token ring, struct eir_typed typed,
                                   const struct eir_token *in, const struct eir_polys *domain, const struct eir_polys *sliced)
{
    struct ir_contract contract = {.elem = typed.elem, .accumulator = typed.elem, .codelet = flags.codelet, .named = flags.named};
    contract.rank = typed.rank;
    contract.n_indices = reader->n_indices;
    contract.extents = reader->extents;
    contract.n_operands = reader->n_operands;
    contract.operands = reader->operands;
    contract.n_domain = domain ? domain->count : 0;
    contract.n_sliced = sliced ? sliced->count : 0;
    const struct poly **conditions = ARENA_ARRAY(reader->arena, contract.n_domain, const struct poly *);
    uint32_t *indices = ARENA_ARRAY(reader->arena, contract.n_sliced, uint32_t);
    if (!conditions || !indices || !is_known(reader, typed) || (in && !eir_elem(reader, *in, &contract.accumulator)) ||
        !find_ring(reader, ring, &contract.ring) || !list_sliced(reader, sliced, ring, indices))
        return NULL;
    for (; domain; domain = domain->before)
        conditions[domain->count - 1] = domain->poly;
    contract.domain = conditions;
    contract.sliced = indices;
    return ir_contract(reader->context, &contract);
}

const struct ir_node *eir_scatter(struct ir_reader *reader, struct eir_token ring, struct ir_access base, struct ir_access value)
{
    enum ir_ring adds;
    for (uint32_t k = 0; k < reader->n_indices; k++)
        if (!reader->extents[k])
            return NULL;
    return find_ring(reader, ring, &adds) ? ir_scatter(reader->context, adds, reader->n_indices, reader->extents, base, value)
                                          : NULL;
}

static bool find_solver(struct ir_reader *reader, struct eir_token name, enum ir_solver *solver)
{
    for (int k = 0; k < IR_SOLVER_COUNT; k++) {
        const char *known = ir_solver_name((enum ir_solver)k);
        if (strlen(known) == name.length && memcmp(known, name.text, name.length) == 0) {
            *solver = (enum ir_solver)k;
            return true;
        }
    }
    diag_error(ir_diagnostics(reader->context), DIAG_E0702, name.span, "`%.*s` is no way to solve", (int)name.length, name.text);
    return false;
}

const struct ir_node *eir_solve(struct ir_reader *reader, struct eir_token solver, struct eir_typed typed, struct eir_token axis,
                                struct ir_access matrix, struct ir_access right)
{
    enum ir_solver how;
    int64_t number;
    if (!is_known(reader, typed) || !find_solver(reader, solver, &how) || !eir_integer(reader, axis, &number) || !matrix.node ||
        !right.node)
        return NULL;
    bool fits = number < (int64_t)typed.rank && reader->n_indices == typed.rank + 1 && right.node->elem == typed.elem;
    if (fits && reader->extents[typed.rank] == reader->extents[number])
        return ir_solve(reader->context, how, typed.rank, reader->extents, (uint32_t)number, matrix, right);
    diag_error(ir_diagnostics(reader->context), DIAG_E0705, typed.span,
               "a solution is of its right side's type, its equations as many as its unknowns");
    return NULL;
}

const struct ir_node *eir_view(struct ir_reader *reader, struct eir_typed typed, struct ir_access access)
{
    if (!is_known(reader, typed) || !access.node)
        return NULL;
    if (access.node->elem != typed.elem) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0705, typed.span, "the view is %s but what it shows is %s",
                   ir_elem_info(typed.elem)->name, ir_elem_info(access.node->elem)->name);
        return NULL;
    }
    return ir_view(reader->context, typed.rank, reader->extents, access);
}

/* Are there operands, all known and of the type of `what`? */
static bool operands_fit(struct ir_reader *reader, struct eir_typed typed, const char *what)
{
    if (!is_known(reader, typed))
        return false;
    for (uint32_t k = 0; k < reader->n_operands; k++) {
        const struct ir_node *node = reader->operands[k].node;
        if (!node)
            return false;
        if (node->elem == typed.elem)
            continue;
        diag_error(ir_diagnostics(reader->context), DIAG_E0705, typed.span, "the %s is %s but its operand %u is %s", what,
                   ir_elem_info(typed.elem)->name, k, ir_elem_info(node->elem)->name);
        return false;
    }
    return true;
}

const struct ir_node *eir_alt(struct ir_reader *reader, struct eir_typed typed)
{
    if (!operands_fit(reader, typed, "choice"))
        return NULL;
    if (reader->n_operands)
        return ir_alt(reader->context, typed.rank, reader->extents, reader->n_operands, reader->operands);
    diag_error(ir_diagnostics(reader->context), DIAG_E0704, typed.span, "a choice has an alternative at least");
    return NULL;
}

const struct ir_node *eir_concat(struct ir_reader *reader, struct eir_typed typed)
{
    if (!operands_fit(reader, typed, "concatenation"))
        return NULL;
    if (reader->n_operands)
        return ir_concat(reader->context, typed.rank, reader->extents, reader->n_operands, reader->operands);
    diag_error(ir_diagnostics(reader->context), DIAG_E0704, typed.span, "a concatenation has an operand at least");
    return NULL;
}

const struct ir_node *eir_map(struct ir_reader *reader, struct eir_typed typed, const struct ir_expr *body)
{
    if (!is_known(reader, typed) || !body)
        return NULL;
    if (body->elem != typed.elem) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0705, typed.span, "the map is %s but its expression is %s",
                   ir_elem_info(typed.elem)->name, ir_elem_info(body->elem)->name);
        return NULL;
    }
    return ir_map(reader->context, typed.rank, reader->extents, reader->n_operands, reader->operands, body);
}

/* ---- recurrences ---- */

/* The step's class is that of the kernel that scans: it is compiled as a part of it. */
static struct ir_kernel *find_step(struct ir_reader *reader, struct eir_token name)
{
    for (size_t k = 0; k < reader->n_steps; k++) {
        struct ir_kernel *step = reader->steps[k];
        if (!step->name || strlen(step->name) != name.length || memcmp(step->name, name.text, name.length) != 0)
            continue;
        step->numeric_class = reader->kernel->numeric_class;
        step->class_stated = reader->kernel->class_stated;
        return step;
    }
    diag_error(ir_diagnostics(reader->context), DIAG_E0702, name.span, "`%.*s` is no step defined above", (int)name.length,
               name.text);
    return NULL;
}

const struct ir_node *eir_scan(struct ir_reader *reader, struct eir_token name, struct eir_token states, bool backward)
{
    int64_t n_states;
    const struct ir_kernel *step = find_step(reader, name);
    if (!step || !eir_integer(reader, states, &n_states) || reader->n_indices != 1 || !reader->extents[0])
        return NULL;
    if (n_states > step->n_inputs || n_states > step->n_outputs || reader->n_operands != step->n_inputs) {
        diag_error(ir_diagnostics(reader->context), DIAG_E0740, name.span,
                   "step `%s` has %u inputs and %u outputs, the scan %u operands and %lld states", step->name, step->n_inputs,
                   step->n_outputs, reader->n_operands, (long long)n_states);
        return NULL;
    }
    struct ir_scan scan = {backward, reader->extents[0], (uint32_t)n_states, step};
    return ir_scan(reader->context, &scan, reader->operands);
}

const struct ir_node *eir_proj(struct ir_reader *reader, struct eir_typed typed, struct eir_token result, bool last,
                               struct eir_token scan_name)
{
    int64_t number;
    const struct ir_node *scan = eir_node(reader, scan_name);
    if (!scan || !eir_integer(reader, result, &number) || !is_known(reader, typed))
        return NULL;
    const struct ir_node *node =
        number < INT32_MAX && scan->op == IR_scan_node ? ir_proj(reader->context, scan, (uint32_t)number, last) : NULL;
    bool same = node && node->elem == typed.elem && node->rank == typed.rank;
    for (uint32_t axis = 0; same && axis < node->rank; axis++)
        same = node->shape[axis] == reader->extents[axis];
    if (same)
        return node;
    diag_error(ir_diagnostics(reader->context), DIAG_E0740, typed.span, "`%.*s` has no such result of this type and shape",
               (int)scan_name.length, scan_name.text);
    return NULL;
}
