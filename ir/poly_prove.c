/* Proofs that a poly is never negative, by taking away one unknown at a time.
 *
 * An unknown in which every term moves the same way is replaced by the end of its range where the poly is least. A floor is
 * bounded by its argument, (n - d + 1) / d <= floor(n / d) <= n / d, or from below by 0 when n is never negative, from above by -1
 * when it always is; both sides are multiplied by d > 0, and where a is whole, d*a >= 1 - d is enough. An unknown that is only
 * linear is tried at both ends. Dims without a bound: D*q + r >= 0 follows from q >= 0 and r >= 0. Nothing is said of an index
 * whose extent is 0, so `extent - 1 >= 0` may be used for every index that occurs; divisors are positive. Every step gives a
 * stronger claim than it started from, so what is proved is true; the budget of steps only makes some true claims unproved.
 * Nonlinear reasoning beyond this is not attempted. */
#include "poly_internal.h"

enum { PROOF_STEPS = 300, MAX_ASSUMPTIONS = 8, MAX_POSITIVE = 16 };

struct proof {
    struct ir_context *context;
    const struct poly_ranges *ranges;
    int budget;
    const struct poly *assumptions[MAX_ASSUMPTIONS]; /* each >= 0 */
    uint32_t n_assumptions;
    uint32_t positive[MAX_POSITIVE]; /* dims that are not 0 */
    uint32_t n_positive;
};

static bool prove(struct proof *proof, const struct poly *a);

static const struct poly *extent_of(const struct proof *proof, uint32_t index)
{
    return proof->ranges && index < proof->ranges->n ? proof->ranges->extents[index] : NULL;
}

static bool is_positive_dim(const struct proof *proof, uint32_t dim)
{
    for (uint32_t k = 0; k < proof->n_positive; k++)
        if (proof->positive[k] == dim)
            return true;
    return false;
}

/* ---- signs that show at sight ---- */

static bool poly_shows_nonnegative(const struct proof *proof, const struct poly *a);

static bool atom_shows_nonnegative(const struct proof *proof, const struct poly_atom *atom)
{
    int64_t least, largest;
    switch (atom->kind) {
    case POLY_DIM:
        return true;
    case POLY_INDEX:
        return extent_of(proof, atom->symbol) != NULL;
    case POLY_FLOOR:
        return poly_shows_nonnegative(proof, atom->numerator);
    case POLY_TABLE:
        return poly_table_bounds(atom->table, &least, &largest) && least >= 0;
    }
    return false;
}

static bool factors_show_nonnegative(const struct proof *proof, const struct poly_term *term)
{
    for (uint32_t f = 0; f < term->n_factors; f++)
        if (!atom_shows_nonnegative(proof, term->factors[f]))
            return false;
    return true;
}

static bool poly_shows_nonnegative(const struct proof *proof, const struct poly *a)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        if (a->terms[k].numerator < 0 || !factors_show_nonnegative(proof, &a->terms[k]))
            return false;
    return true;
}

/* ---- which way a poly moves with an unknown ---- */

enum direction { CONSTANT = 0, RISING = 1, FALLING = 2, MIXED = 3 }; /* a set: RISING | FALLING is MIXED */

static enum direction direction_of(const struct proof *proof, const struct poly *a, const struct poly_atom *unknown);

static enum direction opposite(enum direction direction)
{
    return direction == RISING ? FALLING : direction == FALLING ? RISING : direction;
}

static bool uses_leaf(const struct poly *a, const struct poly_atom *leaf);

static bool atom_uses_leaf(const struct poly_atom *atom, const struct poly_atom *leaf)
{
    if (atom == leaf)
        return true;
    if (atom->numerator && (uses_leaf(atom->numerator, leaf) || uses_leaf(atom->denominator, leaf)))
        return true;
    for (uint32_t k = 0; k < atom->n_arguments; k++)
        if (uses_leaf(atom->arguments[k], leaf))
            return true;
    return false;
}

/* `leaf` may be any atom */
static bool uses_leaf(const struct poly *a, const struct poly_atom *leaf)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        for (uint32_t f = 0; f < a->terms[k].n_factors; f++)
            if (atom_uses_leaf(a->terms[k].factors[f], leaf))
                return true;
    return false;
}

static enum direction direction_of_atom(const struct proof *proof, const struct poly_atom *atom, const struct poly_atom *unknown)
{
    if (atom == unknown)
        return RISING;
    if (!atom_uses_leaf(atom, unknown))
        return CONSTANT;
    if (atom->kind == POLY_FLOOR && !uses_leaf(atom->denominator, unknown))
        return direction_of(proof, atom->numerator, unknown);
    return MIXED;
}

static enum direction direction_of_term(const struct proof *proof, const struct poly_term *term, const struct poly_atom *unknown)
{
    enum direction direction = CONSTANT;
    uint32_t moving = 0;
    for (uint32_t f = 0; f < term->n_factors; f++) {
        enum direction own = direction_of_atom(proof, term->factors[f], unknown);
        direction = (enum direction)(direction | own);
        moving += own != CONSTANT;
    }
    /* A product moves with its only moving factor when the others are not negative; with several when all rise from 0 on. */
    if (direction != CONSTANT && term->n_factors > 1) {
        if (!factors_show_nonnegative(proof, term) || (moving > 1 && direction != RISING))
            return MIXED;
    }
    return term->numerator < 0 ? opposite(direction) : direction;
}

static enum direction direction_of(const struct proof *proof, const struct poly *a, const struct poly_atom *unknown)
{
    enum direction direction = CONSTANT;
    for (uint32_t k = 0; k < a->n_terms; k++)
        direction = (enum direction)(direction | direction_of_term(proof, &a->terms[k], unknown));
    return direction;
}

/* ---- taking one unknown away ---- */

struct single_replacement {
    const struct poly_atom *leaf;
    const struct poly *value;
};

static const struct poly *single(void *user, const struct poly_atom *leaf)
{
    const struct single_replacement *replacement = user;
    return leaf == replacement->leaf ? replacement->value : NULL;
}

static bool prove_at(struct proof *proof, const struct poly *a, const struct poly_atom *leaf, const struct poly *value)
{
    struct single_replacement replacement = {leaf, value};
    const struct poly *at = poly_replace_leaves(proof->context, a, single, &replacement, NULL);
    return at && prove(proof, at);
}

/* a = atom * coefficient + rest, rest free of the atom (the coefficient perhaps not). False when the atom stands inside another.
 * For a dim `% g == 0` it is a = atom / g * coefficient + rest, which keeps the coefficient an integer; its sign is the same. */
static bool split_atom(struct proof *proof, const struct poly *a, const struct poly_atom *atom, const struct poly **coefficient,
                       const struct poly **rest)
{
    struct ir_context *context = proof->context;
    const struct poly_atom *const *factors = arena_copy(context->arena, &atom, 1, sizeof atom);
    struct poly_term *inside = ARENA_ARRAY(context->arena, a->n_terms, struct poly_term);
    struct poly_term *outside = ARENA_ARRAY(context->arena, a->n_terms, struct poly_term);
    size_t n_inside = 0, n_outside = 0;
    int64_t content;
    struct poly_term whole = {.numerator = 1, .denominator = 1, .n_factors = 1, .factors = factors};
    if (!factors || !inside || !outside || !poly_dim_content(context, &whole, &content))
        return false;
    for (uint32_t k = 0; k < a->n_terms; k++) {
        const struct poly_term *term = &a->terms[k];
        uint32_t at = term->n_factors;
        for (uint32_t f = 0; f < term->n_factors; f++) {
            if (term->factors[f] == atom)
                at = f;
            else if (atom_uses_leaf(term->factors[f], atom))
                return false;
        }
        if (at == term->n_factors) {
            outside[n_outside++] = *term;
            continue;
        }
        const struct poly_atom **others = ARENA_ARRAY(context->arena, term->n_factors, const struct poly_atom *);
        if (!others)
            return false;
        for (uint32_t f = 0, kept = 0; f < term->n_factors; f++)
            if (f != at)
                others[kept++] = term->factors[f];
        inside[n_inside] = *term;
        inside[n_inside].factors = others;
        inside[n_inside].n_factors--;
        int64_t common = poly_gcd(content, term->denominator);
        inside[n_inside].denominator /= common;
        if (!checked_multiply(term->numerator, content / common, &inside[n_inside++].numerator))
            return false;
    }
    *coefficient = poly_from_terms(context, n_inside, inside);
    *rest = poly_from_terms(context, n_outside, outside);
    return *coefficient && *rest;
}

/* The atoms of one kind that occur in `a`: the first of them when `after` is NULL, else the one after it. With `deep` also those
 * inside other atoms. */
struct atom_search {
    enum poly_atom_kind kind;
    uint32_t skip;
    bool deep;
};

static const struct poly_atom *find_atom(struct atom_search *search, const struct poly *a)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        for (uint32_t f = 0; f < a->terms[k].n_factors; f++) {
            const struct poly_atom *atom = a->terms[k].factors[f];
            if (atom->kind == search->kind && search->skip-- == 0)
                return atom;
            if (!search->deep)
                continue;
            const struct poly_atom *found = atom->numerator ? find_atom(search, atom->numerator) : NULL;
            if (!found && atom->denominator)
                found = find_atom(search, atom->denominator);
            for (uint32_t n = 0; !found && n < atom->n_arguments; n++)
                found = find_atom(search, atom->arguments[n]);
            if (found)
                return found;
        }
    return NULL;
}

static const struct poly_atom *nth_atom(const struct poly *a, enum poly_atom_kind kind, uint32_t n, bool deep)
{
    return find_atom(&(struct atom_search){kind, n, deep}, a);
}

static const struct poly *last_of(struct proof *proof, uint32_t index)
{
    return poly_subtract(proof->context, extent_of(proof, index), poly_constant(proof->context, 1));
}

/* The index at the end of its range where `a` is least. `*decided` when one was found: then no other way need be tried. */
static bool prove_by_index(struct proof *proof, const struct poly *a, bool *decided)
{
    const struct poly_atom *index;
    for (uint32_t n = 0; (index = nth_atom(a, POLY_INDEX, n, true)) != NULL; n++) {
        if (!extent_of(proof, index->symbol))
            continue;
        enum direction direction = direction_of(proof, a, index);
        if (direction == MIXED)
            continue;
        *decided = true;
        return prove_at(proof, a, index, direction == RISING ? poly_constant(proof->context, 0) : last_of(proof, index->symbol));
    }
    return false;
}

static bool prove_by_table(struct proof *proof, const struct poly *a)
{
    const struct poly_atom *table = nth_atom(a, POLY_TABLE, 0, false);
    const struct poly *coefficient, *rest;
    int64_t least, largest;
    if (!table || !poly_table_bounds(table->table, &least, &largest) || !split_atom(proof, a, table, &coefficient, &rest) ||
        uses_leaf(coefficient, table))
        return false;
    return prove(proof, poly_add(proof->context, poly_scale(proof->context, coefficient, least), rest)) &&
           prove(proof, poly_add(proof->context, poly_scale(proof->context, coefficient, largest), rest));
}

static bool is_whole(const struct poly *a)
{
    for (uint32_t k = 0; k < a->n_terms; k++)
        if (a->terms[k].denominator != 1)
            return false;
    return true;
}

/* With a = c * floor(n / d) + rest. */
static bool prove_by_floor(struct proof *proof, const struct poly *a, const struct poly_atom *floor)
{
    struct ir_context *context = proof->context;
    const struct poly *coefficient, *rest;
    if (!split_atom(proof, a, floor, &coefficient, &rest) || uses_leaf(coefficient, floor))
        return false;
    const struct poly *scaled_rest = poly_multiply(context, rest, floor->denominator);
    const struct poly *bound = floor->numerator;
    if (poly_shows_nonnegative(proof, coefficient)) {
        if (poly_shows_nonnegative(proof, floor->numerator) && prove(proof, rest))
            return true;
        bound = poly_subtract(context, bound, poly_subtract(context, floor->denominator, poly_constant(context, 1)));
    } else {
        const struct poly *magnitude = poly_scale(context, coefficient, -1), *one = poly_constant(context, 1);
        if (!magnitude || !poly_shows_nonnegative(proof, magnitude))
            return false;
        /* n < 0 makes the floor -1 or less. */
        const struct poly *below = poly_scale(context, poly_add(context, floor->numerator, one), -1);
        if (below && poly_shows_nonnegative(proof, below) && prove(proof, poly_add(context, rest, magnitude)))
            return true;
    }
    const struct poly *least = poly_add(context, poly_multiply(context, coefficient, bound), scaled_rest); /* of a * d */
    if (is_whole(a)) /* then a > -1 is enough */
        least = poly_add(context, least, poly_subtract(context, floor->denominator, poly_constant(context, 1)));
    return prove(proof, least);
}

/* An index that stands outside floors only, in terms that move both ways: a linear function is least at an end. */
static bool prove_by_ends(struct proof *proof, const struct poly *a)
{
    const struct poly_atom *index;
    const struct poly *coefficient, *rest;
    for (uint32_t n = 0; (index = nth_atom(a, POLY_INDEX, n, false)) != NULL; n++) {
        if (!extent_of(proof, index->symbol) || !split_atom(proof, a, index, &coefficient, &rest) || uses_leaf(coefficient, index))
            continue;
        return prove_at(proof, a, index, poly_constant(proof->context, 0)) &&
               prove_at(proof, a, index, last_of(proof, index->symbol));
    }
    return false;
}

/* ---- dims ---- */

static bool prove_by_dim(struct proof *proof, const struct poly *a, const struct poly_atom *dim)
{
    struct ir_context *context = proof->context;
    const struct ir_dim *declared = ir_dim_at(context, dim->symbol);
    int64_t divisor = declared->divisor > 1 ? declared->divisor : 1;
    int64_t least = is_positive_dim(proof, dim->symbol) ? divisor : 0;
    enum direction direction = direction_of(proof, a, dim);
    if (direction == RISING)
        return prove_at(proof, a, dim, poly_constant(context, least));
    if (direction == FALLING)
        return declared->bound > 0 && prove_at(proof, a, dim, poly_constant(context, declared->bound - declared->bound % divisor));
    const struct poly *coefficient, *rest;
    if (!split_atom(proof, a, dim, &coefficient, &rest))
        return false;
    if (least == 0)
        return prove(proof, coefficient) && prove(proof, rest);
    struct single_replacement at_least = {dim, poly_constant(context, least)};
    const struct poly *at = poly_replace_leaves(context, a, single, &at_least, NULL);
    return at && !uses_leaf(coefficient, dim) && prove(proof, coefficient) && prove(proof, at);
}

static bool prove_by_dims(struct proof *proof, const struct poly *a)
{
    const struct poly_atom *dim;
    for (uint32_t n = 0; (dim = nth_atom(a, POLY_DIM, n, true)) != NULL; n++)
        if (prove_by_dim(proof, a, dim))
            return true;
    return false;
}

/* a >= 0 follows from a - g >= 0 when g >= 0 is known. */
static bool prove_by_assumption(struct proof *proof, const struct poly *a)
{
    uint32_t n = proof->n_assumptions;
    bool proved = false;
    for (uint32_t k = 0; k < n && !proved; k++) {
        const struct poly *assumption = proof->assumptions[k];
        /* Taken out of the list below this step, so that it is used once. */
        proof->assumptions[k] = proof->assumptions[n - 1];
        proof->n_assumptions = n - 1;
        proved = prove(proof, poly_subtract(proof->context, a, assumption));
        proof->assumptions[k] = assumption;
        proof->n_assumptions = n;
    }
    return proved;
}

static bool prove(struct proof *proof, const struct poly *a)
{
    int64_t value;
    if (!a || --proof->budget < 0)
        return false;
    if (poly_is_constant(a, &value))
        return value >= 0;
    if (poly_shows_nonnegative(proof, a))
        return true;
    bool decided = false;
    if (prove_by_index(proof, a, &decided))
        return true;
    if (decided && !nth_atom(a, POLY_FLOOR, 0, false))
        return false;
    const struct poly_atom *floor;
    for (uint32_t n = 0; (floor = nth_atom(a, POLY_FLOOR, n, false)) != NULL; n++)
        if (prove_by_floor(proof, a, floor))
            return true;
    if (prove_by_table(proof, a) || prove_by_ends(proof, a))
        return true;
    if (nth_atom(a, POLY_INDEX, 0, true))
        return false;
    return prove_by_assumption(proof, a) || prove_by_dims(proof, a);
}

/* ---- what may be assumed ---- */

static void assume_positive(struct proof *proof, const struct poly *a)
{
    if (poly_is_constant(a, NULL))
        return;
    if (poly_is_divisor(a)) {
        for (uint32_t f = 0; f < a->terms[0].n_factors; f++)
            if (proof->n_positive < MAX_POSITIVE && !is_positive_dim(proof, a->terms[0].factors[f]->symbol))
                proof->positive[proof->n_positive++] = a->terms[0].factors[f]->symbol;
        return;
    }
    const struct poly *less_one = poly_subtract(proof->context, a, poly_constant(proof->context, 1)), *coefficient, *rest;
    if (!less_one || proof->n_assumptions + 2 > MAX_ASSUMPTIONS)
        return;
    proof->assumptions[proof->n_assumptions++] = less_one;
    /* floor(n / d) + rest >= 0 also says n + d * rest >= 0. */
    const struct poly_atom *floor = nth_atom(less_one, POLY_FLOOR, 0, false);
    if (floor && split_atom(proof, less_one, floor, &coefficient, &rest) && poly_equals(coefficient, 1)) {
        const struct poly *wider =
            poly_add(proof->context, floor->numerator, poly_multiply(proof->context, floor->denominator, rest));
        if (wider)
            proof->assumptions[proof->n_assumptions++] = wider;
    }
}

static void assume_divisors(struct proof *proof, const struct poly *a)
{
    const struct poly_atom *floor;
    for (uint32_t n = 0; (floor = nth_atom(a, POLY_FLOOR, n, true)) != NULL; n++)
        assume_positive(proof, floor->denominator);
}

/* Extents of the indices in `a` are not 0, nor are divisors in them. */
static void assume_extents(struct proof *proof, const struct poly *a)
{
    uint32_t limit = poly_index_limit(a);
    for (uint32_t k = 0; k < limit; k++) {
        const struct poly *extent = extent_of(proof, k);
        if (!extent || !poly_uses_index(a, k))
            continue;
        assume_positive(proof, extent);
        assume_divisors(proof, extent);
    }
}

/* Nor are divisors anywhere else. */
static void assume_from(struct proof *proof, const struct poly *a)
{
    assume_divisors(proof, a);
    assume_extents(proof, a);
}

static bool prove_counted(struct proof *proof, const struct poly *a)
{
    proof->budget = PROOF_STEPS;
    proof->context->polys->proving++;
    bool proved = prove(proof, a);
    proof->context->polys->proving--;
    return proved;
}

bool poly_prove_nonnegative(struct ir_context *context, const struct poly *a, const struct poly_ranges *ranges)
{
    if (!context || !a)
        return false;
    struct proof proof = {.context = context, .ranges = ranges};
    assume_from(&proof, a);
    return prove_counted(&proof, a);
}

static bool prove_bounds(struct proof *proof, const struct poly *a, const struct poly *extent)
{
    struct ir_context *context = proof->context;
    const struct poly *room = poly_subtract(context, poly_subtract(context, extent, poly_constant(context, 1)), a);
    return prove_counted(proof, a) && prove_counted(proof, room);
}

bool poly_prove_within(struct ir_context *context, const struct poly *a, const struct poly *extent,
                       const struct poly_ranges *ranges)
{
    if (!context || !a || !extent)
        return false;
    struct proof proof = {.context = context, .ranges = ranges};
    assume_from(&proof, a);
    return prove_bounds(&proof, a, extent);
}

bool poly_prove_divisors(struct ir_context *context, const struct poly *a, const struct poly_ranges *ranges)
{
    const struct poly_atom *floor;
    if (!context || !a)
        return false;
    struct proof proof = {.context = context, .ranges = ranges};
    assume_extents(&proof, a);
    for (uint32_t n = 0; (floor = nth_atom(a, POLY_FLOOR, n, true)) != NULL; n++)
        if (!prove_counted(&proof, poly_subtract(context, floor->denominator, poly_constant(context, 1))))
            return false;
    return true;
}

bool poly_prove_remainder(struct ir_context *context, const struct poly *a, const struct poly *b, const struct poly_ranges *ranges)
{
    if (!a || !b || context->polys->proving > 0)
        return false;
    struct proof proof = {.context = context, .ranges = ranges};
    assume_from(&proof, a);
    assume_positive(&proof, b);
    return prove_bounds(&proof, a, b);
}
