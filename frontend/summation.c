/* The summation rule of docs/language.md, sum(e, F): which index is summed where.
 *
 * F are the indices that must stay. Terms of a sum are handled alone with the same F. A product (nested products are one, a divisor
 * is a factor) sums every index not in F that two or more of its factors have; inside its factors F has grown by these, and an
 * index that one factor alone has is handed down into it. What is left over at a bare access is summed there: with a warning at the
 * top of a term, an error inside a function, divisor, comparison or parenthesised sum, where two readings differ.
 *
 * The result is a pointwise expression; each summed product became a contraction among its operands. */
#include "factors.h"
#include "operators.h"

/* The construct around a place in which nothing may be summed alone; NULL at the top of a term. */
struct place {
    const struct formula *construct;
    const char *word;
};

static const struct ir_expr *term(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                  const struct place *place);
static const struct ir_expr *factor(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                    const struct place *place);

static const struct ir_expr *term_as(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                     const struct place *place, enum ir_elem elem)
{
    return lower_convert(statement, term(statement, formula, stay, place), elem);
}

static const struct ir_expr *apply2(struct statement *statement, enum ir_expr_op op, const struct ir_expr *a,
                                    const struct ir_expr *b)
{
    const struct ir_expr *arguments[2] = {a, b};
    return a && b ? ir_expr_apply(statement->body->context, op, 2, arguments) : NULL;
}

static const struct ir_expr *apply1(struct statement *statement, enum ir_expr_op op, const struct ir_expr *a)
{
    return a ? ir_expr_apply(statement->body->context, op, 1, &a) : NULL;
}

/* ---- weak integers as quasi-polynomials ---- */

/* An expression of indices, dims and integers as one index value; NULL when it is none. Equal to its value in double below 2^53. */
static const struct poly *weak_poly(struct statement *statement, const struct formula *formula)
{
    struct ir_context *context = statement->body->context;
    struct poly_ranges ranges = statement_ranges(statement);
    const struct poly *parts[2] = {NULL, NULL};
    int64_t divisor;
    if (formula->type.weakness != WEAK_AN_INTEGER)
        return NULL;
    if (formula->kind == FORMULA_NUMBER)
        return poly_constant(context, formula->number.integer);
    if (formula->kind == FORMULA_VALUE)
        return formula->value;
    bool operation = formula->kind == FORMULA_NEGATE || formula->kind == FORMULA_MULTIPLY || formula->kind == FORMULA_ADD ||
                     formula->kind == FORMULA_SUBTRACT ||
                     (formula->kind == FORMULA_APPLY && (formula->op == IR_EXPR_floor_div || formula->op == IR_EXPR_floor_mod));
    if (!operation)
        return NULL;
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        if (!(parts[k] = weak_poly(statement, formula->arguments[k])))
            return NULL;
    switch (formula->kind) {
    case FORMULA_NEGATE:
        return poly_scale(context, parts[0], -1);
    case FORMULA_MULTIPLY:
        return poly_multiply(context, parts[0], parts[1]);
    case FORMULA_ADD:
        return poly_add(context, parts[0], parts[1]);
    case FORMULA_SUBTRACT:
        return poly_subtract(context, parts[0], parts[1]);
    default:
        if (!poly_is_constant(parts[1], &divisor) || divisor <= 0)
            return NULL;
        return formula->op == IR_EXPR_floor_div ? poly_floor_div(context, parts[0], parts[1], &ranges)
                                                : poly_mod(context, parts[0], parts[1], &ranges);
    }
}

static const struct ir_expr *weak_index(struct statement *statement, const struct formula *formula, const struct index_set *stay)
{
    struct ir_context *context = statement->body->context;
    int64_t value;
    const struct poly *poly = formula_stays_whole(formula, stay) ? weak_poly(statement, formula) : NULL;
    if (!poly)
        return NULL;
    if (poly_is_constant(poly, &value))
        return ir_expr_literal(context, ir_number_integer(IR_i64, value));
    return ir_expr_index(context, poly);
}

/* ---- an index summed over one bare access ---- */

static const char *index_list(struct statement *statement, const struct index_set *set)
{
    struct text text = text_create(statement->body->arena);
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (index_set_has(set, k))
            text_printf(&text, "%s%s", text.length ? "," : "", index_name(statement, k));
    return text_finish(&text);
}

static struct span without_parentheses(const struct formula *formula)
{
    struct span span = formula->span;
    if (formula->parenthesised) {
        span.begin++;
        span.end--;
    }
    return span;
}

static void report_inside(struct statement *statement, const struct formula *formula, const struct index_set *summed,
                          const struct place *place)
{
    struct body *body = statement->body;
    const char *list = index_list(statement, summed);
    struct span outer = without_parentheses(place->construct);
    struct span before = {outer.source, outer.begin, formula->span.begin}, after = {outer.source, formula->span.end, outer.end};
    struct diag *diag =
        diag_error(body->diagnostics, DIAG_E0301, formula->span, "index `%s` would be summed inside %s", list, place->word);
    diag_label(body->diagnostics, diag, "`%s` is in no other factor", list);
    diag_help(body->diagnostics, diag, "write `sum[%s](%s)` to sum outside, or `%ssum[%s](%s)%s` to sum inside", list,
              source_text(body, outer), source_text(body, before), list, source_text(body, formula->span),
              source_text(body, after));
    statement->failed = true;
}

/* Another index of the same extent that may have been meant: rather one that is summed too. */
static const char *likely_typo(struct statement *statement, uint32_t index)
{
    const char *staying = NULL;
    for (uint32_t k = 0; k < statement->n_indices; k++) {
        if (k == index || statement->extents[k] != statement->extents[index])
            continue;
        if (!index_set_has(&statement->left, k))
            return index_name(statement, k);
        staying = staying ? staying : index_name(statement, k);
    }
    return staying;
}

static const struct ir_expr *alone(struct statement *statement, const struct formula *formula, const struct ir_expr *expr,
                                   const struct index_set *stay, const struct place *place)
{
    struct body *body = statement->body;
    struct index_set summed = index_set_minus(&formula->free, stay);
    if (place) {
        report_inside(statement, formula, &summed, place);
        return NULL;
    }
    const char *list = index_list(statement, &summed), *typo = likely_typo(statement, index_set_first(&summed));
    struct diag *diag = diag_warning(body->diagnostics, DIAG_W0301, formula->span, "index `%s` is summed alone%s%s%s", list,
                                     typo ? "; typo for `" : "", typo ? typo : "", typo ? "`?" : "");
    diag_help(body->diagnostics, diag, "write `sum[%s](%s)` if the sum is meant", list, source_text(body, formula->span));
    expr = lower_convert(statement, expr, formula->type.elem);
    return lower_contract(statement, value_is_bool(formula->type) ? IR_RING_orand : IR_RING_plustimes, &summed, 1, &expr);
}

/* ---- leaves ---- */

static const struct ir_expr *access_leaf(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                         const struct place *place)
{
    const struct ir_expr *expr = lower_operand(statement, (struct ir_access){formula->node, false, formula->polys, formula->fill});
    return !expr || formula_stays_whole(formula, stay) ? expr : alone(statement, formula, expr, stay, place);
}

static const struct ir_expr *number_leaf(struct statement *statement, const struct formula *formula)
{
    struct ir_context *context = statement->body->context;
    const struct weak_number *number = &formula->number;
    switch (formula->type.weakness) {
    case TYPED:
        return ir_expr_literal(context, ir_number_integer(formula->type.elem, number->integer));
    case WEAK_AN_INTEGER:
        return ir_expr_literal(context, ir_number_integer(IR_i64, number->integer));
    case WEAK_A_REAL:
        return ir_expr_literal(context, ir_number_real(IR_f64, number->re));
    default:
        return ir_expr_literal(context, ir_number_complex(IR_c128, number->re, number->im));
    }
}

/* ---- functions ---- */

/* The type the two sides of a comparison meet in; formula.c has checked that there is one. */
static enum ir_elem common_elem(struct value_type a, struct value_type b)
{
    bool complex_side = ir_elem_is_complex(a.elem) || ir_elem_is_complex(b.elem);
    enum ir_elem elem = a.weakness && !b.weakness ? b.elem : a.elem;
    if (!complex_side || elem == IR_bool || ir_elem_is_integer(elem))
        return elem;
    return ir_elem_complex(elem);
}

/* conj of a bare access is a mark on the access, so that a contraction takes it as an operand. */
static const struct ir_expr *conjugate(struct statement *statement, const struct ir_expr *expr)
{
    if (!expr || !ir_elem_is_complex(expr->elem))
        return expr;
    if (expr->op == IR_EXPR_operand && !statement->operands[expr->operand].fill) {
        struct ir_access access = statement->operands[expr->operand];
        access.conjugate = !access.conjugate;
        return lower_operand(statement, access);
    }
    return apply1(statement, IR_EXPR_conj, expr);
}

static const struct ir_expr *apply(struct statement *statement, const struct formula *formula, const struct index_set *stay)
{
    bool comparison = ir_expr_info(formula->op)->result == IR_RESULT_BOOL;
    struct place place = {formula, comparison ? "a comparison" : "a function"};
    struct formula *const *arguments = formula->arguments;
    const struct ir_expr *lowered[3];
    enum ir_elem elem = formula->type.elem;
    if (comparison)
        elem = common_elem(arguments[0]->type, arguments[1]->type);
    if (formula->op == IR_EXPR_cast)
        return term_as(statement, arguments[0], stay, &place, elem);
    bool fixed = fixed_has_function(formula->op) && ir_elem_is_integer(elem);
    if (formula->n_arguments == 1)
        elem = arguments[0]->type.elem;
    for (uint32_t k = 0; k < formula->n_arguments; k++) {
        bool condition = formula->op == IR_EXPR_select && k == 0;
        lowered[k] = term_as(statement, arguments[k], stay, &place, condition ? IR_bool : fixed ? arguments[k]->type.elem : elem);
        if (!lowered[k])
            return NULL;
    }
    if (fixed)
        return fixed_function_lower(statement->body->context, formula, lowered);
    if (formula->op == IR_EXPR_conj)
        return conjugate(statement, lowered[0]);
    if (formula->op == IR_EXPR_real && !ir_elem_is_complex(lowered[0]->elem))
        return lowered[0];
    return ir_expr_apply(statement->body->context, formula->op, formula->n_arguments, lowered);
}

/* pad with a value that is no constant: the access where it is inside, the value elsewhere. */
static const struct ir_expr *pad(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                 const struct place *place)
{
    struct ir_context *context = statement->body->context;
    const struct formula *access = formula->arguments[0];
    struct poly_ranges ranges = statement_ranges(statement);
    struct place inner = {formula, "a function"};
    enum ir_elem elem = formula->type.elem;
    const struct ir_expr *zero = ir_expr_literal(context, ir_number_integer(IR_i64, 0)), *inside = NULL;
    const struct ir_expr *value[3] = {NULL, lower_convert(statement, access_leaf(statement, access, stay, place), elem),
                                      term_as(statement, formula->arguments[1], stay, &inner, elem)};
    for (uint32_t axis = 0; axis < access->node->rank; axis++) {
        const struct poly *extent = access->node->shape[axis];
        if (poly_prove_within(context, access->polys[axis], extent, &ranges))
            continue;
        const struct ir_expr *subscript = ir_expr_index(context, access->polys[axis]);
        const struct ir_expr *both = apply2(statement, IR_EXPR_and, apply2(statement, IR_EXPR_le, zero, subscript),
                                            apply2(statement, IR_EXPR_lt, subscript, ir_expr_index(context, extent)));
        inside = inside ? apply2(statement, IR_EXPR_and, inside, both) : both;
    }
    value[0] = inside;
    if (!value[1] || !value[2])
        return NULL;
    return inside ? ir_expr_apply(context, IR_EXPR_select, 3, value) : value[1];
}

/* ---- products ---- */

static const struct ir_expr *divisor(struct statement *statement, const struct formula *quotient, const struct formula *formula,
                                     const struct index_set *stay, enum ir_elem elem)
{
    struct place place = {quotient, "a divisor"};
    return term_as(statement, formula, stay, &place, elem);
}

/* A product of which nothing (more) is summed: as written. */
static const struct ir_expr *pointwise(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                       const struct place *place)
{
    enum ir_elem elem = formula->type.elem;
    const struct ir_expr *index = weak_index(statement, formula, stay);
    if (index || !formula_is_product(formula))
        return index ? index : factor(statement, formula, stay, place);
    const struct ir_expr *first = lower_convert(statement, pointwise(statement, formula->arguments[0], stay, place), elem);
    if (formula->kind == FORMULA_NEGATE)
        return apply1(statement, IR_EXPR_neg, first);
    if (formula->kind == FORMULA_DIVIDE)
        return apply2(statement, IR_EXPR_div, first, divisor(statement, formula, formula->arguments[1], stay, elem));
    const struct ir_expr *second = lower_convert(statement, pointwise(statement, formula->arguments[1], stay, place), elem);
    return apply2(statement, elem == IR_bool ? IR_EXPR_and : IR_EXPR_mul, first, second);
}

/* The summed product of floats: n operands of one contraction. A divisor that has a summed index becomes an operand 1/d, any other
 * divides the sum. */
static const struct ir_expr *contract_factors(struct statement *statement, const struct formula *formula,
                                              const struct product *product, const struct index_set *stay,
                                              const struct index_set *summed, const struct place *place)
{
    struct body *body = statement->body;
    enum ir_elem elem = formula->type.elem;
    const struct ir_expr **operands = ARENA_ARRAY(body->arena, product->n_factors, const struct ir_expr *);
    const struct ir_expr **after = ARENA_ARRAY(body->arena, product->n_factors, const struct ir_expr *);
    uint32_t n_operands = 0, n_after = 0;
    if (!operands || !after)
        return NULL;
    for (size_t k = 0; k < product->n_factors; k++) {
        const struct product_factor *part = &product->factors[k];
        const struct ir_expr *expr = part->divides ? divisor(statement, formula, part->formula, stay, elem)
                                                   : pointwise(statement, part->formula, stay, place);
        expr = lower_convert(statement, expr, elem);
        if (!expr)
            return NULL;
        struct index_set indices = expr_indices(statement, expr);
        indices = index_set_intersection(&indices, summed);
        if (!part->divides)
            operands[n_operands++] = expr;
        else if (index_set_is_empty(&indices))
            after[n_after++] = expr;
        else
            operands[n_operands++] =
                apply2(statement, IR_EXPR_div,
                       lower_convert(statement, ir_expr_literal(body->context, ir_number_integer(IR_i64, 1)), elem), expr);
    }
    const struct ir_expr *result =
        lower_contract(statement, elem == IR_bool ? IR_RING_orand : IR_RING_plustimes, summed, n_operands, operands);
    if (product->negative)
        result = apply1(statement, IR_EXPR_neg, result);
    for (uint32_t k = 0; k < n_after; k++)
        result = apply2(statement, IR_EXPR_div, result, after[k]);
    return result;
}

/* `bound`: what an explicit sum around the product binds; summed with the rest in one contraction. */
static const struct ir_expr *product_sum(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                         const struct index_set *bound, const struct place *place)
{
    struct body *body = statement->body;
    struct index_set once = {{0}}, summed = {{0}};
    factors_count_indices(formula, &once, &summed);
    summed = index_set_minus(&summed, stay);
    struct index_set inside = index_set_union(stay, &summed);
    if (bound)
        summed = index_set_union(&summed, bound);
    if (index_set_is_empty(&summed))
        return pointwise(statement, formula, stay, place);
    struct product product = {.arena = body->arena, .typed = !formula->type.weakness};
    factors_collect(&product, formula, product.typed && body->exact);
    summed = index_set_union(&summed, &product.hoisted);
    inside = index_set_union(&inside, &product.hoisted);
    if (product.too_long) {
        diag_error(body->diagnostics, DIAG_E0913, formula->span, "a product has more than %d factors", (int)FRONTEND_OPERANDS);
        statement->failed = true;
        return NULL;
    }
    bool truncates = ir_elem_is_integer(formula->type.elem);
    if (!product.divides || (!truncates && !body->exact))
        return contract_factors(statement, formula, &product, &inside, &summed, place);
    const struct ir_expr *whole = lower_convert(statement, pointwise(statement, formula, &inside, place), formula->type.elem);
    return whole ? lower_contract(statement, IR_RING_plustimes, &summed, 1, &whole) : NULL;
}

/* ---- reductions ---- */

static enum ir_ring ring_of(enum ast_op op, bool boolean)
{
    switch (op) {
    case AST_SUM:
        return boolean ? IR_RING_orand : IR_RING_plustimes;
    case AST_PROD:
        return boolean ? IR_RING_andor : IR_RING_prod;
    case AST_MAX:
        return IR_RING_maxplus;
    case AST_MIN:
        return IR_RING_minplus;
    case AST_ANY:
        return IR_RING_orand;
    default:
        return IR_RING_andor;
    }
}

/* A ring product of bare accesses is a contraction of them; NULL (and nothing said) when it is something else. */
static const struct ir_expr *ring_contraction(struct statement *statement, const struct formula *formula,
                                              const struct index_set *stay, enum ir_ring ring)
{
    struct arena *arena = statement->body->arena;
    struct product product = {.arena = arena};
    if (!factors_multiply_in(formula->reduction, formula->arguments[0]))
        return NULL;
    factors_collect_ring(formula->reduction, formula->arguments[0], &product);
    if (product.too_long || (statement->body->exact && product.n_factors > 2))
        return NULL;
    for (size_t k = 0; k < product.n_factors; k++) {
        const struct formula *part = product.factors[k].formula;
        if ((part->kind != FORMULA_ACCESS && part->kind != FORMULA_NUMBER) || !formula_stays_whole(part, stay) ||
            (!part->type.weakness && part->type.elem != formula->type.elem))
            return NULL;
    }
    const struct ir_expr **operands = ARENA_ARRAY(arena, product.n_factors, const struct ir_expr *);
    for (size_t k = 0; operands && k < product.n_factors; k++)
        operands[k] = term_as(statement, product.factors[k].formula, stay, NULL, formula->type.elem);
    return operands ? lower_contract(statement, ring, &formula->bound, (uint32_t)product.n_factors, operands) : NULL;
}

static const struct ir_expr *reduce(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                    const struct place *place)
{
    const struct formula *argument = formula->arguments[0];
    struct index_set inside = index_set_union(stay, &formula->bound);
    enum ir_ring ring = ring_of(formula->reduction, value_is_bool(formula->type));
    if (formula->reduction == AST_SUM && argument->kind != FORMULA_ADD && argument->kind != FORMULA_SUBTRACT)
        return product_sum(statement, argument, &inside, &formula->bound, place);
    const struct ir_expr *result = ring_contraction(statement, formula, &inside, ring);
    if (result)
        return result;
    const struct ir_expr *whole = term_as(statement, argument, &inside, place, formula->type.elem);
    return whole ? lower_contract(statement, ring, &formula->bound, 1, &whole) : NULL;
}

/* An operator that is no factor of a sum. */
static const struct ir_expr *entry(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                   const struct place *place)
{
    struct index_set inside = index_set_union(stay, &formula->free);
    const struct ir_expr *expr = term(statement, formula->arguments[0], &inside, place);
    return !expr || formula_stays_whole(formula, stay) ? expr : alone(statement, formula, expr, stay, place);
}

/* ---- the rule ---- */

static const struct ir_expr *factor(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                    const struct place *place)
{
    switch (formula->kind) {
    case FORMULA_NUMBER:
        return number_leaf(statement, formula);
    case FORMULA_VALUE: {
        const struct ir_expr *value = ir_expr_index(statement->body->context, formula->value);
        return formula_stays_whole(formula, stay) ? value : alone(statement, formula, value, stay, place);
    }
    case FORMULA_ACCESS:
        return access_leaf(statement, formula, stay, place);
    case FORMULA_APPLY:
        return apply(statement, formula, stay);
    case FORMULA_REDUCE:
        return reduce(statement, formula, stay, place);
    case FORMULA_PAD:
        return pad(statement, formula, stay, place);
    case FORMULA_OPERATOR:
        return entry(statement, formula, stay, place);
    default:
        return term(statement, formula, stay, place);
    }
}

static const struct ir_expr *term(struct statement *statement, const struct formula *formula, const struct index_set *stay,
                                  const struct place *place)
{
    const struct ir_expr *index = weak_index(statement, formula, stay);
    if (index)
        return index;
    if (formula->kind != FORMULA_ADD && formula->kind != FORMULA_SUBTRACT)
        return product_sum(statement, formula, stay, NULL, place);
    struct place parentheses = {formula, "a parenthesised sum"};
    enum ir_elem elem = formula->type.elem;
    if (formula->parenthesised)
        place = &parentheses;
    const struct ir_expr *first = term_as(statement, formula->arguments[0], stay, place, elem);
    const struct ir_expr *second = term_as(statement, formula->arguments[1], stay, place, elem);
    enum ir_expr_op op = formula->kind == FORMULA_SUBTRACT ? IR_EXPR_sub : elem == IR_bool ? IR_EXPR_or : IR_EXPR_add;
    return apply2(statement, op, first, second);
}

const struct ir_expr *summation(struct statement *statement, const struct formula *formula)
{
    return term(statement, formula, &statement->left, NULL);
}
