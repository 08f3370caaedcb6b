/* Linear maps of several known factors, such as Kronecker products, butterflies and low ranks: one map a factor. */
#include "packing_graph.h"

#include <string.h>

/* One operand in ciphertexts and known factors over common digits. Factors are applied one after the other, whichever makes for the
 * fewest products next, so that no product of factors is formed and each step keeps as many digits in place as it can. */
struct chain {
    struct packing_builder *builder;
    const struct ir_node *from;
    const struct packing_factors *factors;
    struct packing_digit digits[PACKING_DIGITS]; /* in[0] of the operand as it is by now, in[1 + k] of known factor k */
    uint32_t n_digits;
    int64_t base[PACKING_OPERANDS];
    bool done[PACKING_OPERANDS];
    uint32_t left;
    struct packing_ref ref;
};

static bool stays(const struct chain *chain, uint32_t digit, uint32_t factor)
{
    if (chain->digits[digit].out)
        return true;
    for (uint32_t k = 0; k < chain->factors->n_known; k++)
        if (k != factor && !chain->done[k] && chain->digits[digit].in[1 + k])
            return true;
    return false;
}

/* Is the digit walked when the factor is applied? */
static bool takes_part(const struct chain *chain, uint32_t digit, uint32_t factor)
{
    const struct packing_digit *at = &chain->digits[digit];
    return at->in[0] || at->in[1 + factor] || (chain->left == 1 && at->out);
}

static double products(const struct chain *chain, uint32_t factor)
{
    double points = 1, results = 1;
    for (uint32_t d = 0; d < chain->n_digits; d++)
        if (takes_part(chain, d, factor)) {
            points *= (double)chain->digits[d].extent;
            results *= stays(chain, d, factor) ? (double)chain->digits[d].extent : 1;
        }
    return points + results / 2; /* of equal ones that with the smaller result */
}

static struct packing_reader *chain_reader(struct chain *chain, struct packing_factors *step, const uint32_t *digits,
                                           uint32_t operand)
{
    struct packing_reader *reader = ARENA_NEW(chain->builder->packer->arena, struct packing_reader);
    if (!reader || !packing_reader(chain->builder->packer, reader, NULL, step->n_indices, step->extents, NULL))
        return NULL;
    reader->rank = step->n_indices;
    reader->base = operand ? chain->base[operand] : 0;
    for (uint32_t k = 0; k < step->n_indices; k++)
        reader->strides[k] = chain->digits[digits[k]].in[operand];
    return reader;
}

/* Where a digit of the result stands among the others: kept ones as in the operand, new ones where summed ones were, so that
 * numbers go on in the order of places. */
static double rank_digit(const struct chain *chain, uint32_t digit, uint32_t factor)
{
    double place = 0;
    if (chain->digits[digit].in[0])
        return (double)chain->digits[digit].in[0];
    for (uint32_t d = 0; d < chain->n_digits; d++)
        if (chain->digits[d].in[0] && !stays(chain, d, factor) && (double)chain->digits[d].in[0] > place)
            place = (double)chain->digits[d].in[0];
    return place + 0.25 + 0.5 / (2 + digit);
}

static void sort_result(const struct chain *chain, uint32_t *digits, uint32_t n, uint32_t factor)
{
    for (uint32_t k = 1; k < n; k++)
        for (uint32_t at = k; at && rank_digit(chain, digits[at - 1], factor) < rank_digit(chain, digits[at], factor); at--) {
            uint32_t digit = digits[at];
            digits[at] = digits[at - 1];
            digits[at - 1] = digit;
        }
}

static bool apply_factor(struct chain *chain, uint32_t factor)
{
    struct packing_builder *builder = chain->builder;
    struct packing_factors *step = ARENA_NEW(builder->packer->arena, struct packing_factors);
    uint32_t digits[PACKING_DIGITS];
    int64_t elements = 1;
    if (!step)
        return false;
    step->points = 1;
    for (int round = 0; round < 2; round++) { /* digits of the result first */
        for (uint32_t d = 0; d < chain->n_digits; d++)
            if (takes_part(chain, d, factor) && stays(chain, d, factor) == !round)
                digits[step->n_indices++] = d;
        if (round == 0) {
            step->rank = step->n_indices;
            sort_result(chain, digits, step->rank, factor);
        }
    }
    for (uint32_t k = 0; k < step->n_indices; k++) {
        step->extents[k] = chain->digits[digits[k]].extent;
        if (!checked_multiply(step->points, step->extents[k], &step->points) || step->points > PACKING_MOST_POINTS)
            return packing_refuse(builder, chain->from, NULL, "a linear map of more than %d products", PACKING_MOST_POINTS), false;
    }
    step->hidden[0] = chain_reader(chain, step, digits, 0);
    step->known[0] = chain_reader(chain, step, digits, 1 + factor);
    step->out = chain_reader(chain, step, digits, 0);
    step->numbers[0] = chain->factors->numbers[factor];
    step->n_hidden = step->n_known = 1;
    step->refs[0] = chain->ref;
    if (!step->hidden[0] || !step->known[0] || !step->out)
        return false;
    for (uint32_t k = 0; k < step->n_indices; k++)
        step->out->strides[k] = 0;
    for (uint32_t k = step->rank; k-- > 0; elements *= step->extents[k])
        step->out->strides[k] = chain->left == 1 ? chain->digits[digits[k]].out : elements;
    const struct packing_node made = {.kind = PACKING_LINEAR, .name = "step", .span = builder->kernel->span, .elements = elements};
    const struct packing_ref *ref = packing_add_linear(builder, chain->from, chain->left == 1 ? NULL : &made, step);
    if (!ref)
        return false;
    chain->ref = *ref;
    for (uint32_t d = 0; d < chain->n_digits; d++)
        chain->digits[d].in[0] = 0;
    for (uint32_t k = 0; k < step->rank; k++)
        chain->digits[digits[k]].in[0] = step->out->strides[k];
    chain->done[factor] = true;
    chain->left--;
    return true;
}

/* False: the accesses are no sums over common digits. */
static bool begin_chain(struct chain *chain)
{
    const struct packing_factors *factors = chain->factors;
    struct packing_factors *all = arena_copy(chain->builder->packer->arena, factors, 1, sizeof *factors);
    struct packing_node scratch = {.n_operands = 1 + factors->n_known};
    const int64_t origin[PACKING_RANK] = {0};
    if (!all || factors->n_known + 1 > PACKING_OPERANDS || factors->n_domain)
        return false;
    for (uint32_t k = 0; k < factors->n_known; k++) {
        all->hidden[1 + k] = factors->known[k];
        chain->base[1 + k] = packing_read(factors->known[k], origin);
        if (factors->fill[k] != 0 || chain->base[1 + k] < 0)
            return false;
    }
    all->n_hidden = 1 + factors->n_known;
    if (packing_read(factors->hidden[0], origin) != 0 || !packing_cut_digits(chain->builder, all, &scratch) ||
        scratch.n_digits == 0)
        return false;
    memcpy(chain->digits, scratch.digits, scratch.n_digits * sizeof *scratch.digits);
    chain->n_digits = scratch.n_digits;
    return true;
}

/* Sums over digits hold at every point where they hold for each index alone, as separable accesses do. */
static bool is_separable_all(const struct packing_factors *factors)
{
    for (uint32_t k = 0; k < factors->n_known; k++)
        if (!factors->known[k]->is_separable)
            return false;
    return factors->hidden[0]->is_separable && !factors->hidden[0]->map;
}

const struct packing_ref *packing_add_chain(struct packing_builder *builder, const struct ir_node *from,
                                            const struct packing_factors *factors)
{
    struct chain *chain = ARENA_NEW(builder->packer->arena, struct chain);
    if (!chain)
        return NULL;
    *chain =
        (struct chain){.builder = builder, .from = from, .factors = factors, .left = factors->n_known, .ref = factors->refs[0]};
    if (!is_separable_all(factors) || !begin_chain(chain))
        return packing_add_linear(builder, from, NULL, factors);
    while (chain->left) {
        uint32_t best = UINT32_MAX;
        for (uint32_t k = 0; k < factors->n_known; k++)
            if (!chain->done[k] && (best == UINT32_MAX || products(chain, k) < products(chain, best)))
                best = k;
        if (!apply_factor(chain, best))
            return NULL;
    }
    return arena_copy(builder->packer->arena, &chain->ref, 1, sizeof chain->ref);
}
