/* The search for structure in numbers with three axes and more: families propose networks, their parts are looked at again, and
 * what comes out is measured.
 *
 * The certificate is of the parts as they would be emitted. Its spectral norms are those of the matrices that the tensor is with
 * one axis as rows: the largest is no less than the Frobenius norm over the root of the shortest axis. Growth is the Frobenius norm
 * of what the parts' magnitudes multiply to, in which nothing cancels whatever is multiplied first, over that. */
#include "discover.h"

#include <math.h>
#include <string.h>

/* Parts within parts; parts with fewer numbers stay as they are; of matrices how many findings are taken over. */
enum { DEEPEST = 3, LEAST_NUMBERS = 64, MOST_UNFOLDED = 2 };

size_t discover_tensor_size(const struct discover_tensor *tensor)
{
    size_t count = 1;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        count *= tensor->extents[axis];
    return count;
}

/* ---- the certificate ---- */

/* Is each slice of the difference as near as the whole? */
static bool slices_are_near(struct arena *arena, const struct discover_tensor *tensor, const number *difference, double bound)
{
    size_t count = discover_tensor_size(tensor), behind = count;
    for (uint32_t axis = 0; axis < tensor->rank; axis++) {
        size_t extent = tensor->extents[axis];
        behind /= extent;
        double *sums = ARENA_ARRAY(arena, 2 * extent, double);
        for (size_t k = 0; sums && k < 2 * extent; k++)
            sums[k] = 0;
        for (size_t k = 0; sums && k < count; k++) {
            sums[k / behind % extent * 2] += discover_square(tensor->numbers[k]);
            sums[k / behind % extent * 2 + 1] += discover_square(difference[k]);
        }
        for (size_t k = 0; k < extent; k++)
            if (!sums || !(sums[2 * k + 1] <= bound * bound * sums[2 * k]))
                return false;
    }
    return true;
}

static bool certify(struct arena *arena, const struct discovery *discovery, struct discover_finding *finding)
{
    const struct discover_tensor *tensor = discovery->tensor;
    const struct discover_options *options = discovery->options;
    struct pass_certificate *certificate = &finding->certificate;
    size_t count = discover_tensor_size(tensor), shortest = SIZE_MAX;
    number *difference = discover_network_numbers(arena, finding->network, false);
    if (!difference)
        return false;
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        shortest = tensor->extents[axis] < shortest ? tensor->extents[axis] : shortest;
    for (size_t k = 0; k < count; k++)
        difference[k] -= tensor->numbers[k];
    double error = discover_norm(count, difference), root = sqrt((double)shortest), roundings;
    certificate->error = discovery->norm > 0 ? error / discovery->norm : error;
    finding->flops = discover_network_flops(finding->network, tensor->real, &roundings);
    finding->accepted = certificate->error <= discovery->tolerance;
    if (options->within == 0) {
        double bound = 8 * ir_elem_epsilon(options->elem) * sqrt((double)finding->network->n_parts);
        finding->accepted = certificate->error <= bound && (discovery->depth || slices_are_near(arena, tensor, difference, bound));
    }
    if (discovery->depth || !finding->accepted)
        return true;
    number *magnitudes = discover_network_numbers(arena, finding->network, true);
    if (!magnitudes)
        return false;
    certificate->growth = discovery->norm > 0 ? discover_norm(count, magnitudes) / discovery->norm * root : 1;
    certificate->spectral_bound = certificate->error * root;
    certificate->forward_bound = certificate->spectral_bound + ir_elem_epsilon(options->elem) * roundings * certificate->growth;
    if (options->within > 0 && options->spectral)
        finding->accepted = certificate->spectral_bound <= options->within;
    return true;
}

/* ---- proposals ---- */

static struct discover_network *rounded(struct arena *arena, const struct discover_network *network, enum ir_elem elem)
{
    struct discover_network *copy = ARENA_NEW(arena, struct discover_network);
    enum ir_elem real = ir_elem_real(elem);
    if (!copy)
        return NULL;
    *copy = *network;
    copy->real = true;
    for (uint32_t part = 0; part < copy->n_parts; part++) {
        size_t count = discover_part_size(copy, &copy->parts[part]);
        const number *numbers = copy->parts[part].numbers;
        number *own = copy->parts[part].numbers = ARENA_ARRAY(arena, count, number);
        if (!own)
            return NULL;
        for (size_t k = 0; k < count; k++) {
            own[k] = complex_of(ir_round_real(real, creal(numbers[k])), ir_round_real(real, cimag(numbers[k])));
            copy->real = copy->real && cimag(own[k]) == 0;
        }
    }
    return copy;
}

static double dense_cost(const struct discovery *discovery)
{
    const struct discover_tensor *tensor = discovery->tensor;
    struct discover_network dense = discover_uncut(tensor);
    double roundings;
    dense.n_parts = 1;
    dense.parts[0] = (struct discover_part){.rank = tensor->rank};
    for (uint32_t axis = 0; axis < tensor->rank; axis++)
        dense.parts[0].index[axis] = axis;
    return discover_cost(discovery->options, discover_network_flops(&dense, tensor->real, &roundings),
                         (double)discover_tensor_size(tensor));
}

static void add(struct discovery *discovery, const struct discover_network *network)
{
    struct discover_result *result = discovery->result;
    struct arena *scratch = arena_create(arena_allocator(discovery->arena));
    struct discover_finding finding = {.family = discovery->family,
                                       .network = rounded(discovery->arena, network, discovery->options->elem)};
    if (!finding.network || !scratch || !certify(scratch, discovery, &finding)) {
        if (arena_failed(scratch))
            arena_fail(discovery->arena);
        arena_destroy(scratch);
        return;
    }
    arena_destroy(scratch);
    for (uint32_t part = 0; part < network->n_parts; part++)
        finding.numbers += discover_part_size(network, &network->parts[part]);
    finding.cost = discover_cost(discovery->options, finding.flops, (double)finding.numbers);
    finding.accepted = finding.accepted && finding.cost < DISCOVER_WORTH_IT * dense_cost(discovery);
    (void)ARENA_PUSH(discovery->arena, result->findings, result->count, result->capacity, finding);
}

/* What the part is found to be, its summed indices and those of axes that may not be cut left whole; NULL: nothing. */
static const struct discover_network *look_at(struct discovery *discovery, const struct discover_network *network,
                                              const struct discover_part *part)
{
    struct discover_options options = *discovery->options;
    struct discover_result result = {.count = 0};
    struct discover_tensor tensor = {.rank = part->rank, .numbers = part->numbers, .real = true};
    size_t count = discover_part_size(network, part);
    uint32_t axis_of[DISCOVER_INDICES], index = 0;
    if (part->rank < 3 || part->rank > DISCOVER_AXES || count < LEAST_NUMBERS || discovery->depth == DEEPEST)
        return NULL;
    for (uint32_t axis = 0; axis < network->rank; axis++)
        for (uint32_t digit = 0; digit < network->n_digits[axis]; digit++)
            axis_of[index++] = axis;
    for (uint32_t axis = 0; axis < part->rank; axis++) {
        bool summed = part->index[axis] >= index;
        tensor.extents[axis] = network->extents[part->index[axis]];
        if (summed || discovery->tensor->fixed >> axis_of[part->index[axis]] & 1)
            tensor.fixed |= (uint32_t)1 << axis;
    }
    for (size_t k = 0; k < count; k++)
        tensor.real = tensor.real && cimag(tensor.numbers[k]) == 0;
    options.within = fmax(discovery->tolerance / 2, 4 * ir_elem_epsilon(options.elem));
    options.spectral = false;
    struct discovery own = {.arena = discovery->arena,
                            .options = &options,
                            .tensor = &tensor,
                            .norm = discover_norm(count, part->numbers),
                            .tolerance = options.within,
                            .depth = discovery->depth + 1,
                            .result = &result};
    return discover_look(&own) && result.count && result.findings[0].accepted ? result.findings[0].network : NULL;
}

/* The network with one of its parts replaced by a network: indices of the whole are numbered anew. */
static bool substitute(struct discover_network *network, uint32_t at, const struct discover_network *with)
{
    const struct discover_network old = *network;
    uint32_t n_free = discover_free(&old), place[DISCOVER_INDICES], inner[DISCOVER_INDICES], index = 0, own = 0;
    uint32_t within = discover_free(with);
    if (old.n_indices + with->n_indices - with->rank > DISCOVER_INDICES ||
        old.n_parts + with->n_parts > DISCOVER_PARTS - DISCOVER_AXES)
        return false;
    network->n_indices = network->n_parts = 0;
    for (uint32_t axis = 0; axis < old.rank; axis++) {
        network->n_digits[axis] = 0;
        for (uint32_t digit = 0; digit < old.n_digits[axis]; digit++, index++) {
            uint32_t cut = 1;
            own = 0;
            place[index] = network->n_indices;
            for (uint32_t k = 0; k < with->rank && old.parts[at].index[k] != index; k++)
                own += with->n_digits[k];
            for (uint32_t k = 0; k < with->rank; k++)
                cut = old.parts[at].index[k] == index ? with->n_digits[k] : cut;
            for (uint32_t k = 0; k < cut; k++) {
                bool is_own = own < within;
                if (is_own)
                    inner[own + k] = network->n_indices;
                (void)discover_add_index(network, is_own ? with->extents[own + k] : old.extents[index]);
            }
            network->n_digits[axis] += cut;
        }
    }
    for (; index < old.n_indices; index++)
        place[index] = discover_add_index(network, old.extents[index]);
    own = 0;
    for (uint32_t k = 0; k < with->rank; own += with->n_digits[k++])
        if (old.parts[at].index[k] >= n_free)
            inner[own] = place[old.parts[at].index[k]];
    for (uint32_t k = within; k < with->n_indices; k++)
        inner[k] = discover_add_index(network, with->extents[k]);
    for (uint32_t part = 0; part < old.n_parts; part++)
        for (uint32_t k = 0; k < (part == at ? with->n_parts : 1); k++) {
            const struct discover_part *from = part == at ? &with->parts[k] : &old.parts[part];
            struct discover_part *to = &network->parts[network->n_parts++];
            *to = *from;
            for (uint32_t axis = 0; axis < from->rank; axis++)
                to->index[axis] = part == at ? inner[from->index[axis]] : place[from->index[axis]];
        }
    return true;
}

void discover_offer_network(struct discovery *discovery, const struct discover_network *network)
{
    struct discover_network finer = *network;
    bool is_finer = false;
    for (uint32_t part = finer.n_parts; part-- > 0;) {
        const struct discover_network *with = look_at(discovery, &finer, &finer.parts[part]);
        is_finer |= with && substitute(&finer, part, with);
    }
    add(discovery, network);
    if (is_finer)
        add(discovery, &finer);
}

/* ---- as a matrix ---- */

/* Is there a network that takes less than a tenth? */
static bool is_small(const struct discovery *discovery)
{
    double dense = dense_cost(discovery);
    for (size_t k = 0; k < discovery->result->count; k++)
        if (discovery->result->findings[k].accepted && discovery->result->findings[k].cost < 0.1 * dense)
            return true;
    return false;
}

/* What the matrix with the first axis as rows is; it is multiplied by the products of the vectors along the others. */
void discover_unfolded(struct discovery *discovery)
{
    const struct discover_tensor *tensor = discovery->tensor;
    size_t count = discover_tensor_size(tensor);
    double products = 0, length = 1;
    struct discover_matrix matrix = {tensor->extents[0], count / tensor->extents[0], tensor->numbers, tensor->real};
    struct discover_result result = {.count = 0};
    struct discovery own = *discovery;
    own.tensor = NULL, own.matrix = &matrix, own.result = &result;
    if (discovery->depth || discovery->options->networks || is_small(discovery) || !discover_look(&own))
        return;
    for (uint32_t axis = 1; axis < tensor->rank; axis++) {
        length *= (double)tensor->extents[axis];
        products += axis > 1 ? length * (tensor->real ? 1 : 6) : 0;
    }
    for (size_t k = 0; k < result.count && k < MOST_UNFOLDED && result.findings[k].accepted; k++) {
        struct discover_finding finding = result.findings[k];
        finding.flops += products;
        finding.cost += products;
        finding.accepted = finding.cost < DISCOVER_WORTH_IT * dense_cost(discovery);
        (void)ARENA_PUSH(discovery->arena, discovery->result->findings, discovery->result->count, discovery->result->capacity,
                         finding);
    }
}

bool discover_tensor_search(struct arena *arena, const struct discover_options *options, uint32_t rank, const size_t *extents,
                            const void *data, struct discover_result *result)
{
    struct discover_tensor tensor = {.rank = rank};
    double eps = ir_elem_epsilon(options->elem);
    struct discovery discovery = {.arena = arena, .options = options, .tensor = &tensor, .result = result};
    *result = (struct discover_result){.count = 0};
    discovery.tolerance = options->within > 8 * eps ? options->within : 8 * eps;
    memcpy(tensor.extents, extents, rank * sizeof *extents);
    struct discover_matrix flat = {.rows = discover_tensor_size(&tensor), .columns = 1};
    if (!flat.rows || discover_first_unfit(options->elem, data, flat.rows) != SIZE_MAX)
        return true;
    if (!discover_load(arena, options->elem, data, &flat))
        return false;
    tensor.numbers = flat.numbers, tensor.real = flat.real;
    discovery.norm = discover_norm(flat.rows, flat.numbers);
    if (!discover_look(&discovery))
        return false;
    discover_keep_pareto(result, 8 * eps);
    return true;
}
