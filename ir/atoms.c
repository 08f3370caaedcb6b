/* Every atom in the quasi-polynomials of a node, however deep in floors and tables, each deep poly once.
 *
 * Polys share parts, so a plain recursion could take time exponential in their size; here what was met is remembered and what is
 * pending is a list. */
#include "ir_internal.h"

struct walk {
    struct arena *arena;
    ir_atom_function *visit;
    void *user;
    struct intern_table seen;
    const struct poly **pending;
    size_t n_pending, capacity;
};

static bool same_pointer(const void *key, const void *item)
{
    return key == item;
}

static bool is_deep(const struct poly_atom *atom)
{
    return atom->kind == POLY_FLOOR || atom->kind == POLY_TABLE;
}

static void meet(struct walk *walk, const struct poly *poly)
{
    if (!poly || intern_find(&walk->seen, poly->hash, poly, same_pointer))
        return;
    bool deep = false; /* most are sums of indices and dims: looked at again in less time than remembered */
    for (uint32_t t = 0; t < poly->n_terms; t++)
        for (uint32_t f = 0; f < poly->terms[t].n_factors; f++) {
            const struct poly_atom *atom = poly->terms[t].factors[f];
            if (is_deep(atom))
                deep = true;
            else
                walk->visit(walk->user, atom);
        }
    if (deep && intern_add(walk->arena, &walk->seen, poly->hash, poly))
        (void)ARENA_PUSH(walk->arena, walk->pending, walk->n_pending, walk->capacity, poly);
}

static void open_atom(struct walk *walk, const struct poly_atom *atom)
{
    walk->visit(walk->user, atom);
    meet(walk, atom->numerator);
    meet(walk, atom->denominator);
    for (uint32_t k = 0; k < atom->n_arguments; k++)
        meet(walk, atom->arguments[k]);
}

static void meet_all(struct walk *walk, uint32_t n, const struct poly *const *polys)
{
    for (uint32_t i = 0; i < n; i++)
        meet(walk, polys[i]);
    while (walk->n_pending) {
        const struct poly *poly = walk->pending[--walk->n_pending];
        for (uint32_t t = 0; t < poly->n_terms; t++)
            for (uint32_t f = 0; f < poly->terms[t].n_factors; f++)
                if (is_deep(poly->terms[t].factors[f]))
                    open_atom(walk, poly->terms[t].factors[f]);
    }
}

void ir_visit_atoms(struct ir_context *context, const struct ir_node *node, ir_atom_function *visit, void *user)
{
    struct walk walk = {.arena = context->arena, .visit = visit, .user = user};
    meet_all(&walk, node->rank, node->shape);
    meet_all(&walk, node->n_indices, node->extents);
    for (uint32_t k = 0; k < node->n_operands; k++)
        meet_all(&walk, node->operands[k].node->rank, node->operands[k].subscripts);
    if (node->op == IR_contract_node)
        meet_all(&walk, node->contract.n_domain, node->contract.domain);
    if (node->op != IR_map_node)
        return;
    size_t count;
    const struct ir_expr **expressions = ir_expr_topological(context, node->body, &count);
    for (size_t i = 0; expressions && i < count; i++)
        if (expressions[i]->op == IR_EXPR_index)
            meet_all(&walk, 1, &expressions[i]->index);
}

static void find_dim(void *user, const struct poly_atom *atom)
{
    bool *found = user;
    *found = *found || atom->kind == POLY_DIM;
}

bool ir_uses_dims(struct ir_context *context, const struct ir_node *node)
{
    bool found = false;
    ir_visit_atoms(context, node, find_dim, &found);
    return found;
}

struct table_visit {
    void (*visit)(void *user, const struct ir_node *table);
    void *user;
};

static void visit_table(void *user, const struct poly_atom *atom)
{
    const struct table_visit *tables = user;
    if (atom->kind == POLY_TABLE)
        tables->visit(tables->user, atom->table);
}

void ir_visit_tables(struct ir_context *context, const struct ir_node *node, void (*visit)(void *user, const struct ir_node *table),
                     void *user)
{
    struct table_visit tables = {visit, user};
    ir_visit_atoms(context, node, visit_table, &tables);
}

struct table_search {
    const struct ir_node *table;
    bool found;
};

static void find_table(void *user, const struct ir_node *table)
{
    struct table_search *search = user;
    search->found = search->found || table == search->table;
}

bool ir_looks_up(struct ir_context *context, const struct ir_node *node, const struct ir_node *table)
{
    struct table_search search = {table, false};
    ir_visit_tables(context, node, find_table, &search);
    return search.found;
}

struct proving {
    struct ir_context *context;
    const struct poly_ranges *ranges;
    bool proved;
};

static void prove_lookup(void *user, const struct poly_atom *lookup)
{
    struct proving *proving = user;
    for (uint32_t k = 0; k < lookup->n_arguments && k < lookup->table->rank && proving->proved; k++)
        proving->proved = poly_prove_within(proving->context, lookup->arguments[k], lookup->table->shape[k], proving->ranges);
}

bool ir_is_checked_access(struct ir_context *context, const struct ir_access *access, const struct poly_ranges *ranges)
{
    struct proving proving = {context, ranges, true};
    for (uint32_t axis = 0; axis < access->node->rank && proving.proved; axis++) {
        const struct poly *subscript = access->subscripts[axis];
        if (!poly_is_run_time(subscript))
            continue;
        poly_visit_lookups(subscript, prove_lookup, &proving);
        proving.proved =
            proving.proved && (access->fill || poly_prove_within(context, subscript, access->node->shape[axis], ranges));
    }
    return !proving.proved;
}

/* ---- what keeps an access inside its tensor ---- */

/* Do the subscripts themselves, wherever the indices they use have a value? What tables known at run time hold is checked when the
 * kernel runs; that they are looked up inside of them is asked here. */
static bool stays_inside(struct ir_context *context, const struct ir_access *access, const struct poly_ranges *ranges)
{
    struct proving proving = {context, ranges, true};
    for (uint32_t axis = 0; axis < access->node->rank && proving.proved; axis++) {
        const struct poly *subscript = access->subscripts[axis];
        poly_visit_lookups(subscript, prove_lookup, &proving);
        proving.proved = proving.proved && poly_prove_divisors(context, subscript, ranges) &&
                         (access->fill || poly_is_run_time(subscript) ||
                          poly_prove_within(context, subscript, access->node->shape[axis], ranges));
    }
    return proving.proved;
}

void ir_access_needs(struct ir_context *context, const struct ir_access *access, const struct poly_ranges *space, bool *needed)
{
    bool inside = stays_inside(context, access, space);
    const struct poly *one = poly_constant(context, 1);
    for (uint32_t index = 0; index < space->n; index++) {
        for (uint32_t axis = 0; axis < access->node->rank && !needed[index]; axis++)
            needed[index] = poly_uses_index(access->subscripts[axis], index);
        if (!inside && !needed[index])
            needed[index] = !poly_prove_nonnegative(context, poly_subtract(context, space->extents[index], one), NULL);
    }
}
