/* Which contractions have codelets, and what these cost (codelet.h). */
#include "codelet.h"
#include "ir_internal.h"

#include <string.h>

enum { MOST_POINTS = STRAIGHT_LINE_ROWS * STRAIGHT_LINE_COLUMNS };

/* The points inside, and what stands at them. */
struct expansion {
    struct ir_context *context;
    const struct ir_node *node;
    const bool *factors; /* by operand */
    bool *inside;        /* by index */
    int64_t *point, *extents;
    struct ir_codelet_matrix matrix;
    const struct poly **atoms; /* subscripts of the operands that are no factors, a column after the other */
    uint32_t atom_length;
    int64_t n_points, n_terms; /* inside; of an atom */
};

/* Does the map give another type to the elements of its one operand? */
static bool is_cast(const struct ir_node *node)
{
    return node->op == IR_map_node && node->n_operands == 1 && node->body->op == IR_EXPR_cast &&
           node->body->arguments[0]->op == IR_EXPR_operand && !node->operands[0].fill && !node->operands[0].conjugate;
}

const struct ir_node *ir_codelet_constant(const struct ir_access *access)
{
    const struct ir_node *node = access->node;
    if (node->op == IR_const_node)
        return node;
    if (!is_cast(node) || node->operands[0].node->rank != node->rank)
        return NULL;
    uint32_t index;
    for (uint32_t axis = 0; axis < node->rank; axis++)
        if (!poly_is_index(node->operands[0].subscripts[axis], &index) || index != axis ||
            node->operands[0].node->shape[axis] != node->shape[axis])
            return NULL;
    return ir_codelet_constant(&node->operands[0]);
}

bool ir_codelet_is_real(const struct ir_node *node)
{
    return !ir_elem_is_complex(node->elem) || (node->op == IR_map_node && node->body->op == IR_EXPR_cast &&
                                               node->body->arguments[0]->elem == ir_elem_real(node->elem));
}

bool ir_codelet_factor(const struct ir_node *node, const struct ir_access *access)
{
    const struct ir_node *constant = ir_codelet_constant(access);
    bool known = constant && constant->rank > 0 && constant->constant->data && !constant->constant->exact;
    int64_t extent, bytes = known ? ir_elem_info(constant->elem)->bytes : 0;
    for (uint32_t axis = 0; known && axis < constant->rank; axis++) /* the verifier has perhaps not seen it */
        known = poly_is_constant(constant->shape[axis], &extent) && checked_multiply(bytes, extent, &bytes);
    known = known && (uint64_t)bytes == constant->constant->bytes;
    for (uint32_t axis = 0; known && axis < constant->rank; axis++) {
        const struct poly *subscript = access->subscripts[axis];
        known = !poly_uses_dims(subscript) && !poly_is_run_time(subscript);
        for (uint32_t index = 0; known && index < poly_index_limit(subscript); index++)
            known = !poly_uses_index(subscript, index) || poly_is_constant(node->extents[index], &extent);
    }
    return known;
}

bool ir_can_have_codelet(struct ir_context *context, const struct ir_node *node)
{
    /* not integers of 64 bits: where those take two registers, sums of products by instructions for pairs are faster */
    bool has_lines = node->elem == IR_f32 || node->elem == IR_f64 || node->elem == IR_i32 || ir_elem_is_complex(node->elem);
    if (node->op != IR_contract_node || node->contract.ring != IR_RING_plustimes || node->contract.n_domain ||
        node->contract.n_sliced || node->contract.accumulator != node->elem || !has_lines)
        return false;
    struct poly_ranges ranges = ir_ranges(node);
    for (uint32_t k = 0; k < node->n_operands; k++)
        if (node->operands[k].fill || ir_is_checked_access(context, &node->operands[k], &ranges))
            return false;
    return true;
}

static bool operand_uses(const struct ir_access *access, uint32_t index)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        if (poly_uses_index(access->subscripts[axis], index))
            return true;
    return false;
}

/* Which indices are inside; false: too many points, or an extent that only the run knows. */
static bool choose_inside(struct expansion *expansion)
{
    const struct ir_node *node = expansion->node;
    int64_t results = 1;
    expansion->n_points = expansion->n_terms = 1;
    for (uint32_t index = 0; index < node->n_indices; index++) {
        bool summed = index >= node->rank;
        for (uint32_t k = 0; k < node->n_operands; k++)
            expansion->inside[index] |= expansion->factors[k] && operand_uses(&node->operands[k], index);
        expansion->extents[index] = 1;
        if (summed && !expansion->inside[index] && ir_elem_is_integer(node->elem)) {
            int64_t terms;
            if (!poly_is_constant(node->extents[index], &terms) || terms < 1 || terms > IR_CODELET_TERMS / expansion->n_terms)
                return false;
            expansion->n_terms *= terms;
            continue;
        }
        expansion->inside[index] |= summed;
        if (!expansion->inside[index])
            continue;
        if (!poly_is_constant(node->extents[index], &expansion->extents[index]) || expansion->extents[index] < 1 ||
            expansion->extents[index] > MOST_POINTS)
            return false;
        expansion->n_points *= expansion->extents[index];
        results *= index < node->rank ? expansion->extents[index] : 1;
        if (expansion->n_points > MOST_POINTS || results > STRAIGHT_LINE_ROWS)
            return false;
    }
    return true;
}

static uint32_t row_of(const struct expansion *expansion)
{
    int64_t row = 0;
    for (uint32_t index = 0; index < expansion->node->rank; index++)
        row = row * expansion->extents[index] + expansion->point[index];
    return (uint32_t)row;
}

bool ir_codelet_factor_at(const struct ir_access *access, const int64_t *point, struct ir_number *number)
{
    int64_t at = 0, extent, subscript;
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        if (!poly_is_constant(access->node->shape[axis], &extent) ||
            !poly_evaluate(access->subscripts[axis], NULL, point, &subscript) || subscript < 0 || subscript >= extent)
            return false;
        at = at * extent + subscript;
    }
    const struct ir_node *constant = ir_codelet_constant(access);
    *number = ir_codelet_number(ir_number_load(constant->elem, constant->constant->data, (size_t)at));
    if (access->conjugate && ir_elem_is_complex(number->elem))
        number->im = -number->im;
    return true;
}

/* The product of the factors here; false: a place outside of one. */
static bool factor_here(const struct expansion *expansion, struct ir_number *product)
{
    const struct ir_node *node = expansion->node;
    *product = ir_number_complex(ir_elem_is_integer(node->elem) ? IR_c128 : ir_elem_complex(node->elem), 1, 0);
    for (uint32_t k = 0; k < node->n_operands; k++) {
        struct ir_number number;
        if (!expansion->factors[k])
            continue;
        if (!ir_codelet_factor_at(&node->operands[k], expansion->point, &number))
            return false;
        double im = ir_elem_is_complex(number.elem) ? number.im : 0, re = product->re;
        product->re = re * number.re - product->im * im;
        product->im = re * im + product->im * number.re;
    }
    return true;
}

/* The column of what else is multiplied here; UINT32_MAX: too many, or no memory. */
static uint32_t column_here(struct expansion *expansion, const struct poly **atom, const struct poly *const *replacements)
{
    const struct ir_node *node = expansion->node;
    struct poly_ranges ranges = ir_ranges(node);
    uint32_t length = 0;
    bool real = true;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        const struct ir_access *access = &node->operands[k];
        for (uint32_t axis = 0; !expansion->factors[k] && axis < access->node->rank; axis++)
            if (!(atom[length++] =
                      poly_substitute(expansion->context, access->subscripts[axis], node->n_indices, replacements, &ranges)))
                return UINT32_MAX;
        real &= expansion->factors[k] || ir_codelet_is_real(access->node);
    }
    for (uint32_t column = 0; column < expansion->matrix.n_columns; column++)
        if (memcmp(&expansion->atoms[(size_t)column * length], atom, length * sizeof *atom) == 0)
            return column;
    uint32_t column = ir_codelet_add_column(&expansion->matrix, real);
    if (column != UINT32_MAX)
        memcpy(&expansion->atoms[(size_t)column * length], atom, length * sizeof *atom);
    return column;
}

bool ir_codelet_next_point(size_t n, const int64_t *extents, int64_t *point)
{
    for (size_t k = n; k-- > 0;) {
        if (++point[k] < extents[k])
            return true;
        point[k] = 0;
    }
    return false;
}

static bool fill_matrix(struct expansion *expansion)
{
    const struct ir_node *node = expansion->node;
    struct arena *arena = ir_arena(expansion->context);
    const struct poly **atom = ARENA_ARRAY(arena, expansion->atom_length, const struct poly *);
    const struct poly **replacements = ARENA_ARRAY(arena, node->n_indices, const struct poly *);
    expansion->atoms = ARENA_ARRAY(arena, (size_t)expansion->atom_length * STRAIGHT_LINE_COLUMNS, const struct poly *);
    if (!atom || !replacements || !expansion->atoms)
        return false;
    do {
        struct ir_number number;
        for (uint32_t index = 0; index < node->n_indices; index++)
            replacements[index] = expansion->inside[index] ? poly_constant(expansion->context, expansion->point[index]) : NULL;
        uint32_t column = column_here(expansion, atom, replacements);
        if (column == UINT32_MAX || !factor_here(expansion, &number))
            return false;
        ir_codelet_add_number(&expansion->matrix, row_of(expansion), column, number);
    } while (ir_codelet_next_point(node->n_indices, expansion->extents, expansion->point));
    return true;
}

/* Real operations of an atom: the product of so many operands. */
static int64_t atom_flops(const struct expansion *expansion)
{
    int64_t n = -1;
    for (uint32_t k = 0; k < expansion->node->n_operands; k++)
        n += !expansion->factors[k];
    n = n > 0 ? n * (ir_elem_is_complex(expansion->node->elem) ? 6 : 1) : 0;
    return expansion->n_terms * n + expansion->n_terms - 1;
}

/* Multiply-adds of real numbers that the terms inside are else. */
static int64_t multiply_adds(const struct expansion *expansion)
{
    const struct ir_node *node = expansion->node;
    bool complex_factor = false, complex_atom = false;
    for (uint32_t k = 0; k < node->n_operands; k++) {
        bool complex = !ir_codelet_is_real(node->operands[k].node);
        complex_factor |= expansion->factors[k] && complex;
        complex_atom |= !expansion->factors[k] && complex;
    }
    return expansion->n_points * (complex_factor ? 2 : 1) * (complex_atom ? 2 : 1);
}

/* The codelet that has these operands as factors; NULL: there is none, or no memory. */
static struct ir_codelet *expand(struct ir_context *context, const struct ir_node *node, const bool *factors)
{
    struct arena *arena = ir_arena(context);
    struct expansion expansion = {.context = context, .node = node, .factors = factors};
    expansion.inside = ARENA_ARRAY(arena, node->n_indices, bool);
    expansion.point = ARENA_ARRAY(arena, node->n_indices, int64_t);
    expansion.extents = ARENA_ARRAY(arena, node->n_indices, int64_t);
    for (uint32_t k = 0; k < node->n_operands; k++)
        expansion.atom_length += factors[k] ? 0 : node->operands[k].node->rank;
    if (arena_failed(arena) || !choose_inside(&expansion))
        return NULL;
    uint32_t results = 1;
    const struct poly *runs = poly_constant(context, 1);
    for (uint32_t index = 0; index < node->rank; index++) {
        results *= (uint32_t)expansion.extents[index];
        runs = expansion.inside[index] ? runs : poly_multiply(context, runs, node->extents[index]);
    }
    if (!ir_codelet_matrix_create(&expansion.matrix, arena, results, ir_elem_is_complex(node->elem)) || !fill_matrix(&expansion))
        return NULL;
    struct ir_codelet *codelet = ARENA_NEW(arena, struct ir_codelet);
    const struct straight_line *line = ir_codelet_line(context, node->elem, &expansion.matrix);
    if (!codelet || !line)
        return NULL;
    int64_t atoms = expansion.matrix.n_columns * atom_flops(&expansion);
    *codelet = (struct ir_codelet){line, factors, runs, line->additions + line->multiplications + atoms,
                                   ir_line_pays(line, multiply_adds(&expansion))};
    return codelet;
}

static double estimated_flops(struct ir_context *context, const struct ir_codelet *codelet)
{
    return (double)codelet->flops * poly_estimate(codelet->runs, ir_typical_sizes(context), NULL);
}

/* The better of each constant alone as factor, and all of them. */
static const struct ir_codelet *best_codelet(struct ir_context *context, const struct ir_node *node)
{
    const struct ir_codelet *best = NULL;
    uint32_t n_constants = 0;
    if (!ir_can_have_codelet(context, node))
        return NULL;
    for (uint32_t k = 0; k < node->n_operands; k++)
        n_constants += ir_codelet_factor(node, &node->operands[k]);
    for (uint32_t alone = 0; n_constants && n_constants < node->n_operands && alone <= node->n_operands; alone++) {
        bool *factors = ARENA_ARRAY(ir_arena(context), node->n_operands, bool);
        bool all = alone == node->n_operands;
        if (!factors || (all ? n_constants == 1 : !ir_codelet_factor(node, &node->operands[alone])))
            continue;
        for (uint32_t k = 0; k < node->n_operands; k++)
            factors[k] = all ? ir_codelet_factor(node, &node->operands[k]) : k == alone;
        const struct ir_codelet *codelet = expand(context, node, factors);
        if (codelet && (!best || estimated_flops(context, codelet) < estimated_flops(context, best)))
            best = codelet;
    }
    return best;
}

/* ---- one codelet a node ---- */

struct known_codelet {
    const struct ir_node *node;
    const struct ir_codelet *codelet;
};

static bool same_node(const void *key, const void *item)
{
    const struct known_codelet *a = key, *b = item;
    return a->node == b->node;
}

const struct ir_codelet *ir_codelet(struct ir_context *context, const struct ir_node *node)
{
    struct known_codelet key = {node, NULL};
    const struct known_codelet *known = node ? intern_find(&context->codelets, node->hash, &key, same_node) : NULL;
    if (known || !node)
        return known ? known->codelet : NULL;
    key.codelet = best_codelet(context, node);
    if (arena_failed(context->arena))
        return NULL;
    intern_add(context->arena, &context->codelets, node->hash, arena_copy(context->arena, &key, 1, sizeof key));
    return key.codelet;
}
