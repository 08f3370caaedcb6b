/* Questions about one poly: its form, the symbols in it, its value. Nothing here makes a poly but poly_split_index. */
#include "poly_internal.h"

bool poly_is_constant(const struct poly *a, int64_t *value)
{
    if (!a || a->n_terms > 1 || (a->n_terms == 1 && a->terms[0].n_factors > 0))
        return false;
    if (value)
        *value = a->n_terms == 0 ? 0 : a->terms[0].numerator;
    return true;
}

bool poly_equals(const struct poly *a, int64_t value)
{
    int64_t own;
    return poly_is_constant(a, &own) && own == value;
}

bool poly_is_index(const struct poly *a, uint32_t *index)
{
    if (!a || a->n_terms != 1)
        return false;
    const struct poly_term *term = &a->terms[0];
    if (term->numerator != 1 || term->denominator != 1 || term->n_factors != 1 || term->factors[0]->kind != POLY_INDEX)
        return false;
    if (index)
        *index = term->factors[0]->symbol;
    return true;
}

/* Calls `visit` on every dim and index below `a`, also inside floors and tables, until it gives true; was one? */
static bool visit_leaves(const struct poly *a, bool (*visit)(void *user, const struct poly_atom *leaf), void *user)
{
    for (uint32_t k = 0; a && k < a->n_terms; k++)
        for (uint32_t f = 0; f < a->terms[k].n_factors; f++) {
            const struct poly_atom *atom = a->terms[k].factors[f];
            if (atom->kind == POLY_DIM || atom->kind == POLY_INDEX) {
                if (visit(user, atom))
                    return true;
                continue;
            }
            if (atom->numerator && (visit_leaves(atom->numerator, visit, user) || visit_leaves(atom->denominator, visit, user)))
                return true;
            for (uint32_t n = 0; n < atom->n_arguments; n++)
                if (visit_leaves(atom->arguments[n], visit, user))
                    return true;
        }
    return false;
}

bool poly_visit_lookups(const struct poly *a, void (*visit)(void *user, const struct poly_atom *lookup), void *user)
{
    bool found = false;
    for (uint32_t k = 0; a && k < a->n_terms; k++)
        for (uint32_t f = 0; f < a->terms[k].n_factors; f++) {
            const struct poly_atom *atom = a->terms[k].factors[f];
            if (atom->kind == POLY_FLOOR) {
                found = poly_visit_lookups(atom->numerator, visit, user) || found;
                found = poly_visit_lookups(atom->denominator, visit, user) || found;
            }
            for (uint32_t n = 0; atom->kind == POLY_TABLE && n < atom->n_arguments; n++)
                poly_visit_lookups(atom->arguments[n], visit, user);
            if (atom->kind != POLY_TABLE)
                continue;
            found = true;
            if (visit)
                visit(user, atom);
        }
    return found;
}

static void note_run_time(void *user, const struct poly_atom *lookup)
{
    bool *found = user;
    *found = *found || lookup->table->op != IR_const_node;
}

bool poly_is_run_time(const struct poly *a)
{
    bool found = false;
    poly_visit_lookups(a, note_run_time, &found);
    return found;
}

const struct poly_term *poly_single_lookup(const struct poly *a)
{
    const struct poly_term *found = NULL;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        for (uint32_t f = 0; f < term->n_factors; f++) {
            const struct poly_atom *atom = term->factors[f];
            bool deep = atom->kind == POLY_FLOOR && poly_is_run_time(atom->numerator);
            if (atom->kind != POLY_TABLE && !deep)
                continue;
            if (found || term->n_factors > 1 || term->denominator != 1 || deep)
                return NULL;
            found = term;
        }
    }
    return found;
}

static bool is_this_index(void *user, const struct poly_atom *leaf)
{
    return leaf->kind == POLY_INDEX && leaf->symbol == *(const uint32_t *)user;
}

bool poly_uses_index(const struct poly *a, uint32_t index)
{
    return visit_leaves(a, is_this_index, &index);
}

static bool is_dim(void *user, const struct poly_atom *leaf)
{
    (void)user;
    return leaf->kind == POLY_DIM;
}

bool poly_uses_dims(const struct poly *a)
{
    return visit_leaves(a, is_dim, NULL);
}

struct dim_visit {
    void (*visit)(void *user, uint32_t dim);
    void *user;
    bool found;
};

static bool visit_dim(void *user, const struct poly_atom *leaf)
{
    struct dim_visit *dims = user;
    if (leaf->kind == POLY_DIM) {
        dims->found = true;
        if (dims->visit)
            dims->visit(dims->user, leaf->symbol);
    }
    return false;
}

bool poly_visit_dims(const struct poly *a, void (*visit)(void *user, uint32_t dim), void *user)
{
    struct dim_visit dims = {visit, user, false};
    visit_leaves(a, visit_dim, &dims);
    return dims.found;
}

static bool raise_limit(void *user, const struct poly_atom *leaf)
{
    uint32_t *limit = user;
    if (leaf->kind == POLY_INDEX && leaf->symbol >= *limit)
        *limit = leaf->symbol + 1;
    return false;
}

uint32_t poly_index_limit(const struct poly *a)
{
    uint32_t limit = 0;
    visit_leaves(a, raise_limit, &limit);
    return limit;
}

/* ---- splitting ---- */

static bool atom_uses_index(const struct poly_atom *atom, uint32_t index)
{
    struct poly_term term = {.numerator = 1, .denominator = 1, .n_factors = 1, .factors = &atom};
    return poly_uses_index(&(struct poly){.n_terms = 1, .terms = &term}, index);
}

static bool atom_uses_any_index(const struct poly_atom *atom)
{
    struct poly_term term = {.numerator = 1, .denominator = 1, .n_factors = 1, .factors = &atom};
    return poly_index_limit(&(struct poly){.n_terms = 1, .terms = &term}) > 0;
}

/* Which factor of the term is the bare index: its position, n_factors when there is none. False when the index stands elsewhere
 * too, or beside another index. */
static bool find_index(const struct poly_term *term, uint32_t index, uint32_t *position)
{
    *position = term->n_factors;
    bool other = false;
    for (uint32_t f = 0; f < term->n_factors; f++) {
        const struct poly_atom *atom = term->factors[f];
        if (atom->kind == POLY_INDEX && atom->symbol == index && *position == term->n_factors)
            *position = f;
        else if (atom_uses_index(atom, index))
            return false;
        else
            other = other || atom_uses_any_index(atom);
    }
    return *position == term->n_factors || !other;
}

bool poly_split_index(struct ir_context *context, const struct poly *a, uint32_t index, const struct poly **coefficient,
                      const struct poly **rest)
{
    if (!context || !a)
        return false;
    struct poly_term *inside = ARENA_ARRAY(ir_arena(context), a->n_terms, struct poly_term);
    struct poly_term *outside = ARENA_ARRAY(ir_arena(context), a->n_terms, struct poly_term);
    size_t n_inside = 0, n_outside = 0;
    if (!inside || !outside)
        return false;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        struct poly_term term = a->terms[k];
        uint32_t position;
        if (!find_index(&term, index, &position))
            return false;
        if (position == term.n_factors) {
            outside[n_outside++] = term;
            continue;
        }
        const struct poly_atom **factors = ARENA_ARRAY(ir_arena(context), term.n_factors, const struct poly_atom *);
        if (!factors)
            return false;
        for (uint32_t f = 0, kept = 0; f < term.n_factors; f++)
            if (f != position)
                factors[kept++] = term.factors[f];
        term.factors = factors;
        term.n_factors--;
        inside[n_inside++] = term;
    }
    const struct poly *own = poly_from_terms(context, n_inside, inside), *others = poly_from_terms(context, n_outside, outside);
    if (coefficient)
        *coefficient = own;
    if (rest)
        *rest = others;
    return own && others;
}

/* ---- values ---- */

struct point {
    const int64_t *dims, *indices;
    struct poly_tables *tables; /* NULL: only constants are looked up */
};

static bool value_at(const struct poly *a, const struct point *point, int64_t *value);

static bool lookup_value(const struct poly_atom *atom, const struct point *point, int64_t *value)
{
    const struct ir_node *table = atom->table;
    int64_t offset = 0;
    if (atom->n_arguments != table->rank)
        return false;
    for (uint32_t k = 0; k < atom->n_arguments; k++) {
        int64_t subscript, extent;
        if (!value_at(atom->arguments[k], point, &subscript) || !value_at(table->shape[k], point, &extent))
            return false;
        if (subscript < 0 || subscript >= extent) {
            if (point->tables)
                point->tables->outside = true;
            return false;
        }
        if (!checked_multiply(offset, extent, &offset) || !checked_add(offset, subscript, &offset))
            return false;
    }
    if (table->op == IR_const_node)
        return poly_table_entry(table, (size_t)offset, value);
    return point->tables && point->tables->entry(point->tables->user, table, (size_t)offset, value);
}

static bool atom_value(const struct poly_atom *atom, const struct point *point, int64_t *value)
{
    int64_t numerator, denominator;
    switch (atom->kind) {
    case POLY_DIM:
        *value = point->dims[atom->symbol];
        return true;
    case POLY_INDEX:
        *value = point->indices[atom->symbol];
        return true;
    case POLY_FLOOR:
        if (!value_at(atom->numerator, point, &numerator) || !value_at(atom->denominator, point, &denominator) || denominator <= 0)
            return false;
        *value = floor_divide(numerator, denominator);
        return true;
    case POLY_TABLE:
        break;
    }
    return lookup_value(atom, point, value);
}

static bool value_at(const struct poly *a, const struct point *point, int64_t *value)
{
    if (!a)
        return false;
    int64_t sum = 0;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        int64_t product = 1, factor;
        for (uint32_t f = 0; f < term->n_factors; f++)
            if (!atom_value(term->factors[f], point, &factor) || !checked_multiply(product, factor, &product))
                return false;
        if (product % term->denominator != 0 || !checked_multiply(product / term->denominator, term->numerator, &product) ||
            !checked_add(sum, product, &sum))
            return false;
    }
    *value = sum;
    return true;
}

bool poly_evaluate(const struct poly *a, const int64_t *dims, const int64_t *indices, int64_t *value)
{
    return value_at(a, &(struct point){dims, indices, NULL}, value);
}

bool poly_evaluate_lookups(const struct poly *a, const int64_t *dims, const int64_t *indices, struct poly_tables *tables,
                           int64_t *value)
{
    return value_at(a, &(struct point){dims, indices, tables}, value);
}

static double estimate_atom(const struct poly_atom *atom, const double *dims, const double *indices)
{
    switch (atom->kind) {
    case POLY_DIM:
        return dims ? dims[atom->symbol] : 1;
    case POLY_INDEX:
        return indices ? indices[atom->symbol] : 0;
    case POLY_FLOOR: {
        double denominator = poly_estimate(atom->denominator, dims, indices);
        double quotient = denominator > 0 ? poly_estimate(atom->numerator, dims, indices) / denominator : 0;
        double rounded = (double)(int64_t)(quotient > 9e18 || quotient < -9e18 ? 0 : quotient);
        if (quotient > 9e15 || quotient < -9e15)
            return quotient;
        return rounded > quotient ? rounded - 1 : rounded;
    }
    case POLY_TABLE:
        break;
    }
    int64_t least, largest;
    return atom->table->op == IR_const_node && poly_table_bounds(atom->table, &least, &largest)
               ? ((double)least + (double)largest) / 2
               : 0;
}

double poly_estimate(const struct poly *a, const double *dims, const double *indices)
{
    double sum = 0;
    for (uint32_t k = 0; a && k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        double product = (double)term->numerator / (double)term->denominator;
        for (uint32_t f = 0; f < term->n_factors; f++)
            product *= estimate_atom(term->factors[f], dims, indices);
        sum += product;
    }
    return sum;
}
