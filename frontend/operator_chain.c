/* Products of operators applied to what stands beside them, from the inside out: (A @ B)[i,j] * x[j] is A times what B * x is.
 *
 * An entry of A @ B is a sum over an index between, and multiplied with x one contraction of three; written as two, each operator
 * is a contraction of its own, as which passes know transforms and convolutions. Where they find nothing, `flatten` makes one of
 * the two again, with every order open. A sum of operators in a chain is applied to one x, and not multiplied out. From the left,
 * u[i] * (A @ B)[i,j], the same with the transposes. Class `exact` keeps the matrix. */
#include "operators.h"

/* ---- formulas ---- */

static struct formula *copy(struct statement *statement, const struct formula *formula)
{
    struct formula *same = formula ? arena_copy(statement->body->arena, formula, 1, sizeof *formula) : NULL;
    for (uint32_t k = 0; same && k < same->n_arguments; k++)
        if (!(same->arguments[k] = copy(statement, same->arguments[k])))
            return NULL;
    return same;
}

static struct formula *join(struct statement *statement, enum formula_kind kind, struct formula *a, struct formula *b)
{
    struct formula *formula = a && b ? formula_create(statement, kind, a->span) : NULL;
    if (!formula)
        return NULL;
    formula->type = operator_join_types(a->type, b->type);
    formula->free = index_set_union(&a->free, &b->free);
    formula->n_arguments = 2;
    formula->arguments[0] = a;
    formula->arguments[1] = b;
    return formula;
}

static struct formula *entry_at(struct statement *statement, const struct operator_node *operator_, const struct poly *row,
                                const struct poly *column)
{
    struct formula *formula = formula_create(statement, FORMULA_OPERATOR, operator_->span);
    const struct poly **at = ARENA_ARRAY(statement->body->arena, 2, const struct poly *);
    if (!formula || !at)
        return NULL;
    at[0] = row;
    at[1] = column;
    formula->operator_ = operator_;
    formula->polys = at;
    formula->type = operator_->type;
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (poly_uses_index(row, k) || poly_uses_index(column, k))
            index_set_add(&formula->free, k);
    return formula;
}

/* ---- application ---- */

/* Is there something in it whose entries would have to be formed? */
static bool has_forming(const struct operator_node *operator_)
{
    bool found = operator_->kind == OPERATOR_semiseparable || operator_->kind == OPERATOR_inv;
    for (uint32_t k = 0; !found && k < operator_->n_parts; k++)
        found = has_forming(operator_->parts[k]);
    return found;
}

/* Is there something that is better applied than written as entries? */
static bool has_product(const struct operator_node *operator_)
{
    switch (operator_->kind) {
    case OPERATOR_kron:
    case OPERATOR_dsum:
        return has_forming(operator_);
    case OPERATOR_PRODUCT:
    case OPERATOR_semiseparable:
    case OPERATOR_inv:
        return true;
    case OPERATOR_SUM:
    case OPERATOR_DIFFERENCE:
        return has_product(operator_->parts[0]) || has_product(operator_->parts[1]);
    case OPERATOR_MULTIPLE:
    case OPERATOR_NEGATIVE:
    case OPERATOR_transpose:
    case OPERATOR_conj:
    case OPERATOR_adjoint:
        return has_product(operator_->parts[0]);
    default:
        return false;
    }
}

struct chain {
    struct statement *statement;
    bool transposed;
};

static uint32_t between(struct statement *statement, const struct poly *extent)
{
    if (statement->n_indices == FRONTEND_INDICES)
        return UINT32_MAX;
    uint32_t index = statement->n_indices++;
    statement->indices[index] = (struct statement_index){.name = "inner", .span = statement->span, .bound = true, .extent = extent};
    statement->extents[index] = extent;
    return index;
}

static struct formula *apply(const struct chain *chain, const struct operator_node *operator_, struct formula *x, uint32_t in,
                             const struct poly *out);

static struct formula *apply_product(const struct chain *chain, const struct operator_node *operator_, struct formula *x,
                                     uint32_t in, const struct poly *out)
{
    const struct operator_node *first = operator_->parts[chain->transposed ? 0 : 1],
                               *second = operator_->parts[chain->transposed ? 1 : 0];
    uint32_t index = between(chain->statement, operator_->parts[0]->columns);
    if (index == UINT32_MAX)
        return NULL;
    x = apply(chain, first, x, in, poly_index(chain->statement->body->context, index));
    return x ? apply(chain, second, x, index, out) : NULL;
}

/* Sum over `in` of the operator's entry at `out` and `in`, and x. */
static struct formula *apply_entry(const struct chain *chain, const struct operator_node *operator_, struct formula *x, uint32_t in,
                                   const struct poly *out)
{
    const struct poly *inside = poly_index(chain->statement->body->context, in);
    struct formula *entry =
        entry_at(chain->statement, operator_, chain->transposed ? inside : out, chain->transposed ? out : inside);
    struct formula *product = join(chain->statement, FORMULA_MULTIPLY, entry, x);
    struct formula *sum = product ? formula_create(chain->statement, FORMULA_REDUCE, operator_->span) : NULL;
    if (!sum)
        return NULL;
    sum->reduction = AST_SUM;
    sum->type = product->type;
    index_set_add(&sum->bound, in);
    sum->free = index_set_minus(&product->free, &sum->bound);
    sum->n_arguments = 1;
    sum->arguments[0] = product;
    return sum;
}

/* x as a node over `in` and its other indices, which `order` lists. */
static const struct ir_node *lower_operand_of(struct statement *statement, struct formula *x, enum ir_elem elem, uint32_t in,
                                              uint32_t *order, uint32_t *n_order)
{
    struct index_set left = statement->left;
    uint32_t *own_order = statement->order, n_own = statement->n_order;
    order[(*n_order)++] = in;
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (k != in && index_set_has(&x->free, k))
            order[(*n_order)++] = k;
    statement->left = x->free;
    statement->order = order;
    statement->n_order = *n_order;
    x = operators_expand(statement, x, elem);
    const struct ir_expr *expr = x ? lower_convert(statement, summation(statement, x), elem) : NULL;
    statement->left = left;
    statement->order = own_order;
    statement->n_order = n_own;
    return expr && !statement->failed ? lower_node(statement, expr, *n_order, order) : NULL;
}

/* x as a tensor: over `in` and its other indices. */
struct operand {
    const struct ir_node *node;
    struct value_type type;
    uint32_t n;
    uint32_t *order; /* its axes, `in` first */
};

static struct operand operand_of(const struct chain *chain, const struct operator_node *operator_, struct formula *x, uint32_t in)
{
    struct statement *statement = chain->statement;
    struct operand operand = {NULL, operator_join_types(operator_->type, x->type), 0, NULL};
    if ((operand.order = ARENA_ARRAY(statement->body->arena, statement->n_indices, uint32_t)) != NULL)
        operand.node = lower_operand_of(statement, x, operand.type.elem, in, operand.order, &operand.n);
    return operand;
}

/* The node, whose axes are those of the operand, at `first` in the place of axis 0. */
static struct formula *access_of(const struct chain *chain, const struct operand *operand, const struct ir_node *node,
                                 const struct poly *first, struct span span)
{
    struct statement *statement = chain->statement;
    const struct poly **at = ARENA_ARRAY(statement->body->arena, operand->n, const struct poly *);
    struct formula *access = node && at ? formula_create(statement, FORMULA_ACCESS, span) : NULL;
    if (!access || !first)
        return NULL;
    access->node = node;
    access->tensor_name = "";
    access->type = operand->type;
    access->polys = at;
    for (uint32_t k = 0; k < operand->n; k++) {
        at[k] = k == 0 ? first : poly_index(statement->body->context, operand->order[k]);
        if (k > 0)
            index_set_add(&access->free, operand->order[k]);
    }
    for (uint32_t k = 0; k < statement->n_indices; k++)
        if (poly_uses_index(first, k))
            index_set_add(&access->free, k);
    return access;
}

static struct formula *apply_scan(const struct chain *chain, const struct operator_node *operator_, struct formula *x, uint32_t in,
                                  const struct poly *out)
{
    const struct body *body = chain->statement->body;
    struct operand operand = operand_of(chain, operator_, x, in);
    const struct ir_node *node = operator_->kind == OPERATOR_inv
                                     ? operator_solve(body, operator_, operand.node, chain->transposed)
                                     : operator_recurrence(body, operator_, operand.node, chain->transposed);
    return access_of(chain, &operand, node, out, operator_->span);
}

/* Of what it takes and gives, as it is applied. */
static const struct poly *taken(const struct chain *chain, const struct operator_node *operator_)
{
    return chain->transposed ? operator_->rows : operator_->columns;
}

static const struct poly *given(const struct chain *chain, const struct operator_node *operator_)
{
    return chain->transposed ? operator_->columns : operator_->rows;
}

/* Does applying it make the data less (0), leave them as many (1), or make them more (2)? */
static int growth(const struct chain *chain, const struct operator_node *operator_)
{
    int64_t columns = 1, rows = 1;
    (void)(poly_is_constant(taken(chain, operator_), &columns) && poly_is_constant(given(chain, operator_), &rows));
    return rows < columns ? 0 : rows == columns ? 1 : 2;
}

/* The digits of a poly, one a part of a Kronecker product. */
static bool find_digits(const struct chain *chain, const struct operator_node *operator_, const struct poly *poly,
                        const struct poly **digits)
{
    struct ir_context *context = chain->statement->body->context;
    struct poly_ranges ranges = {chain->statement->n_indices, chain->statement->extents};
    const struct poly *below = poly_constant(context, 1);
    for (uint32_t k = operator_->n_parts; k-- > 0;) {
        const struct poly *size = given(chain, operator_->parts[k]), *high = poly_floor_div(context, poly, below, &ranges);
        digits[k] = k == 0 ? high : poly_mod(context, high, size, &ranges);
        below = poly_multiply(context, below, size);
        if (!digits[k])
            return false;
    }
    return true;
}

/* The access with its indices `indices`, but the first, put in terms of others. */
static struct formula *read_digits(const struct chain *chain, struct formula *access, const struct operand *operand, uint32_t n,
                                   const uint32_t *indices, const struct poly *const *digits)
{
    const struct statement *statement = chain->statement;
    struct index_set gone = {{0}};
    for (uint32_t k = 1; k < n; k++) {
        for (uint32_t axis = 1; axis < operand->n; axis++)
            if (operand->order[axis] == indices[k])
                access->polys[axis] = digits[k];
        index_set_add(&gone, indices[k]);
    }
    access->free = index_set_minus(&access->free, &gone);
    for (uint32_t index = 0; index < statement->n_indices; index++)
        for (uint32_t k = 1; k < n; k++)
            if (poly_uses_index(digits[k], index))
                index_set_add(&access->free, index);
    return access;
}

/* (A (x) B) x: A along the first digit of x's index, B along the second; what makes the data less first. The result is a tensor
 * over indices of its own for the digits, read at those of `out`. */
static struct formula *apply_kron(const struct chain *chain, const struct operator_node *operator_, struct formula *x, uint32_t in,
                                  const struct poly *out)
{
    struct statement *statement = chain->statement;
    struct ir_context *context = statement->body->context;
    struct operand operand = operand_of(chain, operator_, x, in);
    uint32_t n = operator_->n_parts, *indices = ARENA_ARRAY(statement->body->arena, 2 * n, uint32_t);
    const struct poly **digits = ARENA_ARRAY(statement->body->arena, n, const struct poly *), *first = poly_constant(context, 0);
    if (!indices || !digits || !find_digits(chain, operator_, out, digits))
        return NULL;
    for (uint32_t k = 0; k < n; k++) {
        const struct poly *size = taken(chain, operator_->parts[k]);
        indices[k] = between(statement, size);
        indices[n + k] = between(statement, given(chain, operator_->parts[k]));
        if (indices[k] == UINT32_MAX || indices[n + k] == UINT32_MAX)
            return NULL;
        first = poly_add(context, poly_multiply(context, first, size), poly_index(context, indices[k]));
    }
    x = access_of(chain, &operand, operand.node, first, operator_->span);
    for (int turn = 0; turn < 3; turn++)
        for (uint32_t k = n; x && k-- > 0;)
            if (growth(chain, operator_->parts[k]) == turn)
                x = apply(chain, operator_->parts[k], x, indices[k], poly_index(context, indices[n + k]));
    operand = x ? operand_of(chain, operator_, x, indices[n]) : operand;
    struct formula *access = x ? access_of(chain, &operand, operand.node, digits[0], operator_->span) : NULL;
    return access ? read_digits(chain, access, &operand, n, indices + n, digits) : NULL;
}

/* Part k of a direct sum along its rows of x, from `begin` on, as a tensor. */
static struct operand apply_block(const struct chain *chain, const struct operator_node *part, const struct operand *x,
                                  const struct poly *begin)
{
    struct ir_context *context = chain->statement->body->context;
    uint32_t row = between(chain->statement, taken(chain, part)), result = between(chain->statement, given(chain, part));
    if (row == UINT32_MAX || result == UINT32_MAX)
        return (struct operand){.node = NULL};
    const struct poly *at = poly_add(context, begin, poly_index(context, row));
    struct formula *rows = access_of(chain, x, x->node, at, part->span);
    rows = rows ? apply(chain, part, rows, row, poly_index(context, result)) : NULL;
    return rows ? operand_of(chain, part, rows, result) : (struct operand){.node = NULL};
}

static struct formula *apply_dsum(const struct chain *chain, const struct operator_node *operator_, struct formula *x, uint32_t in,
                                  const struct poly *out)
{
    struct ir_context *context = chain->statement->body->context;
    struct arena *arena = chain->statement->body->arena;
    struct operand operand = operand_of(chain, operator_, x, in);
    const struct poly *from = poly_constant(context, 0), *to = from;
    struct ir_access *boxes = ARENA_ARRAY(arena, operator_->n_parts, struct ir_access);
    const struct poly **shape = ARENA_ARRAY(arena, operand.n + 1, const struct poly *);
    if (!operand.node || !boxes || !shape)
        return NULL;
    for (uint32_t k = 0; k < operator_->n_parts; k++) {
        struct operand block = apply_block(chain, operator_->parts[k], &operand, from);
        boxes[k] = ir_access_whole(context, block.node);
        const struct poly **at = arena_copy(arena, boxes[k].subscripts, operand.n, sizeof *at);
        if (!block.node || !at)
            return NULL;
        at[0] = poly_subtract(context, at[0], to);
        boxes[k].subscripts = at;
        from = poly_add(context, from, taken(chain, operator_->parts[k]));
        to = poly_add(context, to, given(chain, operator_->parts[k]));
    }
    for (uint32_t k = 0; k < operand.n; k++)
        shape[k] = k == 0 ? to : operand.node->shape[k];
    return access_of(chain, &operand, ir_concat(context, operand.n, shape, operator_->n_parts, boxes), out, operator_->span);
}

/* conj(K) x is the conjugate of K conj(x). */
static struct formula *conjugate(const struct chain *chain, struct formula *x)
{
    bool complex = x && (x->type.weakness ? x->type.weakness == WEAK_A_COMPLEX : ir_elem_is_complex(x->type.elem));
    struct formula *formula = complex ? formula_around(chain->statement, FORMULA_APPLY, x->span, x) : x;
    if (complex && formula)
        formula->op = IR_EXPR_conj;
    return formula;
}

static struct formula *negative(const struct chain *chain, struct formula *x)
{
    return x ? formula_around(chain->statement, FORMULA_NEGATE, x->span, x) : NULL;
}

static struct formula *apply(const struct chain *chain, const struct operator_node *operator_, struct formula *x, uint32_t in,
                             const struct poly *out)
{
    struct chain turned = {chain->statement, !chain->transposed};
    struct formula *first, *second;
    switch (operator_->kind) {
    case OPERATOR_PRODUCT:
        return apply_product(chain, operator_, x, in, out);
    case OPERATOR_transpose:
        return apply(&turned, operator_->parts[0], x, in, out);
    case OPERATOR_SUM:
    case OPERATOR_DIFFERENCE:
        second = copy(chain->statement, x);
        first = apply(chain, operator_->parts[0], x, in, out);
        second = first && second ? apply(chain, operator_->parts[1], second, in, out) : NULL;
        return join(chain->statement, operator_->kind == OPERATOR_SUM ? FORMULA_ADD : FORMULA_SUBTRACT, first, second);
    case OPERATOR_MULTIPLE:
        first = apply(chain, operator_->parts[0], x, in, out);
        return join(chain->statement, FORMULA_MULTIPLY, copy(chain->statement, operator_->number), first);
    case OPERATOR_semiseparable:
    case OPERATOR_inv:
        return apply_scan(chain, operator_, x, in, out);
    case OPERATOR_kron:
        return has_forming(operator_) ? apply_kron(chain, operator_, x, in, out) : apply_entry(chain, operator_, x, in, out);
    case OPERATOR_dsum:
        return has_forming(operator_) ? apply_dsum(chain, operator_, x, in, out) : apply_entry(chain, operator_, x, in, out);
    case OPERATOR_NEGATIVE:
        first = apply(chain, operator_->parts[0], x, in, out);
        return negative(chain, first);
    case OPERATOR_conj:
    case OPERATOR_adjoint:
        if (!has_product(operator_->parts[0]))
            return apply_entry(chain, operator_, x, in, out);
        first = conjugate(chain, x);
        return conjugate(
            chain, first ? apply(operator_->kind == OPERATOR_conj ? chain : &turned, operator_->parts[0], first, in, out) : NULL);
    default:
        return apply_entry(chain, operator_, x, in, out);
    }
}

/* ---- where a chain stands ---- */

/* Factors that multiply, no divisors. */
enum { MOST_FACTORS = 64 };
struct factors {
    struct formula **places[MOST_FACTORS]; /* where each hangs */
    struct formula *around[MOST_FACTORS];  /* in this product; NULL: alone */
    uint32_t count;
    struct index_set divided; /* indices of divisors */
};

static void collect(struct formula **place, struct formula *around, struct factors *factors)
{
    struct formula *formula = *place;
    if (!formula_is_product(formula)) {
        if (factors->count < MOST_FACTORS) {
            factors->around[factors->count] = around;
            factors->places[factors->count] = place;
        }
        factors->count++;
        return;
    }
    collect(&formula->arguments[0], formula, factors);
    if (formula->kind == FORMULA_MULTIPLY)
        collect(&formula->arguments[1], formula, factors);
    if (formula->kind == FORMULA_DIVIDE)
        factors->divided = index_set_union(&factors->divided, &formula->arguments[1]->free);
}

/* The one other factor with the index, if it is summed at this product; UINT32_MAX: there is none, or several. */
static uint32_t partner(const struct factors *factors, uint32_t operator_, uint32_t index, const struct index_set *stay)
{
    uint32_t found = UINT32_MAX;
    if (index_set_has(stay, index) || index_set_has(&factors->divided, index))
        return UINT32_MAX;
    for (uint32_t k = 0; k < factors->count; k++) {
        if (k == operator_ || !index_set_has(&(*factors->places[k])->free, index))
            continue;
        if (found != UINT32_MAX)
            return UINT32_MAX;
        found = k;
    }
    return found;
}

/* Takes factor `a` out of the product it stands in, and puts the formula in the place of factor `b`. */
static bool put(struct factors *factors, uint32_t a, uint32_t b, struct formula *formula)
{
    struct formula *around = factors->around[a];
    if (!around || around->kind != FORMULA_MULTIPLY)
        return false;
    *factors->places[b] = formula;
    struct formula *left = around->arguments[factors->places[a] == &around->arguments[0] ? 1 : 0];
    bool parenthesised = around->parenthesised;
    *around = *left;
    around->parenthesised = parenthesised;
    return true;
}

static bool apply_one(struct statement *statement, struct factors *factors, uint32_t at, const struct index_set *stay)
{
    const struct formula *factor = *factors->places[at];
    for (int side = 1; side >= 0; side--) { /* the columns first */
        struct chain chain = {statement, side == 0};
        uint32_t index;
        if (!poly_is_index(factor->polys[side], &index) || statement->indices[index].bound ||
            poly_uses_index(factor->polys[1 - side], index))
            continue;
        uint32_t other = partner(factors, at, index, stay);
        if (other == UINT32_MAX)
            continue;
        struct formula *applied = apply(&chain, factor->operator_, *factors->places[other], index, factor->polys[1 - side]);
        return applied && (put(factors, at, other, applied) || put(factors, other, at, applied));
    }
    return false;
}

static void chain_product(struct statement *statement, struct formula *product, const struct index_set *stay)
{
    struct factors factors = {.count = 0};
    collect(&product, NULL, &factors);
    for (uint32_t k = 0; k < factors.count && factors.count <= MOST_FACTORS; k++) {
        const struct formula *factor = *factors.places[k];
        if (factor->kind == FORMULA_OPERATOR && factor->operator_ && factor->polys && factor->polys[0] && factor->polys[1] &&
            has_product(factor->operator_) && apply_one(statement, &factors, k, stay))
            return;
    }
}

/* Indices that a product has are summed at it, or stay: inside its factors all of them stay. */
static void write_chains(struct statement *statement, struct formula *formula, struct index_set stay, bool is_factor)
{
    bool product = formula_is_product(formula);
    if (product && !is_factor)
        chain_product(statement, formula, &stay);
    product = formula_is_product(formula);
    if (product)
        stay = index_set_union(&stay, &formula->free);
    if (formula->kind == FORMULA_REDUCE)
        stay = index_set_union(&stay, &formula->bound);
    for (uint32_t k = 0; k < formula->n_arguments; k++)
        write_chains(statement, formula->arguments[k], stay, product);
}

void operators_chain(struct statement *statement, struct formula *formula)
{
    if (!statement->body->exact)
        write_chains(statement, formula, statement->left, false);
}
