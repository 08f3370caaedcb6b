/* Axes of an intermediate: those of its largest factor in their order, new indices standing where the first summed one stood. So
 * u[e,i,j,k] times B[a,i] gives [e,a,j,k]: the unit-stride index k stays innermost in what is read and in what is written, and
 * replacing the innermost index itself gives rows times a small matrix. Where nothing is summed the step that reads it decides, or
 * new indices come first. Sliced indices come before all. */
#include "order_axes.h"

void order_sequence_add(struct order_sequence *sequence, uint32_t label, const struct order_set *wanted)
{
    if (!order_has(wanted, label) || order_has(&sequence->have, label))
        return;
    sequence->labels[sequence->count++] = label;
    order_add(&sequence->have, label);
}

static void sequence_access(struct order_sequence *sequence, const struct ir_access *access, const struct order_set *wanted,
                            const struct ir_access *others, size_t n_others);

/* Those of a table that is looked up in the order of the table's axes: what stands there is gathered as the table lies. */
static void sequence_subscript(struct order_sequence *sequence, const struct ir_access *access, const struct poly *subscript,
                               const struct order_set *wanted, const struct ir_access *others, size_t n_others)
{
    const struct poly_term *term = poly_single_lookup(subscript);
    for (uint32_t k = 0; term && k < term->factors[0]->n_arguments; k++)
        sequence_subscript(sequence, access, term->factors[0]->arguments[k], wanted, others, n_others);
    for (uint32_t label = 0; label < poly_index_limit(subscript); label++) {
        if (!poly_uses_index(subscript, label))
            continue;
        for (size_t k = 0; k < n_others && !order_has(wanted, label); k++) {
            struct order_set own = order_access_labels(access), fresh = order_difference(*wanted, own);
            if (&others[k] != access)
                sequence_access(sequence, &others[k], &fresh, NULL, 0);
        }
        order_sequence_add(sequence, label, wanted);
    }
}

/* The labels of an access in the order of its axes; at the first that is not wanted, those of the others come in. */
static void sequence_access(struct order_sequence *sequence, const struct ir_access *access, const struct order_set *wanted,
                            const struct ir_access *others, size_t n_others)
{
    for (uint32_t axis = 0; axis < access->node->rank; axis++)
        sequence_subscript(sequence, access, access->subscripts[axis], wanted, others, n_others);
}

/* Of a product that sums nothing, as the step that reads it would have them: what that keeps of both, then what it sums in the
 * order of the other, and what it keeps of this alone; that last where the result ends with it, for then vectors run along it. */
static void sequence_for_reader(const struct ir_node *root, const struct order_term *product, const struct order_reader *reader,
                                struct order_sequence *axes)
{
    const struct order_term *beside = reader->beside;
    struct order_set both = order_intersection(product->labels, beside->labels);
    struct order_set parts[3] = {order_intersection(both, reader->keeps), order_difference(both, reader->keeps),
                                 order_difference(product->labels, beside->labels)};
    uint32_t rank = root->rank;
    bool ends = rank && order_has(&parts[2], rank - 1);
    for (int part = 0; part < 3; part++) {
        const struct order_set *wanted = &parts[part == 0 || ends ? part : 3 - part];
        if (wanted == &parts[2])
            for (uint32_t axis = 0; axis < rank; axis++)
                order_sequence_add(axes, axis, wanted);
        for (size_t k = 0; k < beside->n_factors; k++)
            sequence_access(axes, &beside->factors[k], wanted, NULL, 0);
    }
}

/* A factor with all axes is copied and scaled. To turn it on the way takes as long as to fill a panel with it, several times as
 * long as the copy: worth it only beside something much larger. */
static bool is_small_beside(const struct order_network *network, struct order_set labels, const struct order_reader *reader)
{
    return 8 * order_volume(network, labels) <= order_volume(network, reader->beside->labels);
}

struct order_sequence order_axes(const struct order_problem *problem, const struct ir_node *root, const struct order_term *product,
                                 struct order_set result, const struct order_reader *reader)
{
    struct order_sequence axes = {.count = 0};
    for (uint32_t k = 0; k < problem->n_sliced; k++)
        order_sequence_add(&axes, problem->sliced[k], &result);
    size_t base = 0;
    double largest = -1;
    struct order_set covered = {{0}};
    for (size_t k = 0; k < product->n_factors; k++) {
        struct order_set labels = order_access_labels(&product->factors[k]);
        double volume = order_volume(&problem->network, labels);
        if (volume > largest) {
            base = k;
            largest = volume;
            covered = labels;
        }
    }
    if (reader && (!order_equal(covered, result) || is_small_beside(&problem->network, result, reader)))
        sequence_for_reader(root, product, reader, &axes);
    if (order_empty(order_difference(covered, result))) { /* nothing of it is summed: what is new comes first */
        struct order_set fresh = order_difference(result, covered);
        for (size_t k = 0; k < product->n_factors; k++)
            sequence_access(&axes, &product->factors[k], &fresh, NULL, 0);
    }
    sequence_access(&axes, &product->factors[base], &result, product->factors, product->n_factors);
    for (size_t k = 0; k < product->n_factors; k++)
        sequence_access(&axes, &product->factors[k], &result, NULL, 0);
    for (uint32_t label = 0; label < root->n_indices; label++) /* those that a factor does not use but carries */
        order_sequence_add(&axes, label, &result);
    return axes;
}
