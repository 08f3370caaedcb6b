/* Products of ciphertexts: spaces over which all operands lie. Position p of the space is a point of the digits; an operand holds
 * at p the element it has there, repeated along digits it lacks, so that one multiplication forms all products, and folds add them
 * up. Summed digits outermost wrap around, and leave the result repeated; innermost they leave gaps. */
#include "packing_internal.h"

#include <string.h>

enum { MOST_JOINTS_GIVEN = 120, MOST_JOINTS_FREE = 24 };

struct orders {
    struct packer *packer;
    const struct packing_node *node;
    const int64_t *elements;
    struct packing_joints *joints;
    uint32_t order[PACKING_DIGITS];
    size_t most;
};

static struct packing_places places_of(const struct orders *orders, int32_t operand, int64_t copies)
{
    struct packing_places places = {.rest = PACKING_ZERO};
    for (uint32_t k = 0; k < orders->node->n_digits; k++) {
        const struct packing_digit *digit = &orders->node->digits[orders->order[k]];
        int64_t stride = operand < 0 ? digit->out : digit->in[operand];
        places.at[places.n++] = stride ? packing_place(digit->extent, stride) : packing_copies(digit->extent);
    }
    if (copies > 1)
        places.at[places.n++] = packing_copies(copies);
    if (operand < 0)
        places.rest = PACKING_GARBAGE;
    packing_fit(orders->packer, &places);
    return places;
}

/* Results before the folds, `after` them. Of a digit that is summed over, what lies beyond the end of a ciphertext is a number of
 * ciphertexts that are added up, and then gone. False: there are too many folds. */
static bool place_results(const struct orders *orders, int64_t copies, struct packing_joint *joint, struct packing_places *before,
                          struct packing_places *after)
{
    const struct packing_places all = places_of(orders, -1, copies);
    int64_t below = 1, slots = orders->packer->slots;
    *before = all;
    before->n = 0;
    *after = *before;
    for (uint32_t k = 0; k < all.n; below *= all.at[k++].extent) {
        struct packing_place place = all.at[k];
        bool is_summed = k < orders->node->n_digits && !orders->node->digits[orders->order[k]].out;
        int64_t room = below < slots ? slots / below : 1;
        if (is_summed && place.extent > room) {
            if (joint->n_sums == PACKING_FOLDS)
                return false;
            joint->sums[joint->n_sums++] = (struct packing_fold){below < slots ? 1 : below / slots, place.extent / room};
            place.extent = room;
        }
        if (is_summed && place.extent > 1) {
            if (joint->way.n_folds == PACKING_FOLDS)
                return false;
            joint->way.folds[joint->way.n_folds++] = (struct packing_fold){below, place.extent};
        }
        before->at[before->n++] = place;
        place.tail = is_summed ? PACKING_GARBAGE : place.tail;
        after->at[after->n++] = place;
    }
    return true;
}

int64_t packing_joint_sums(const struct packing_joint *joint)
{
    int64_t count = 1;
    for (uint32_t k = 0; k < joint->n_sums; k++)
        count *= joint->sums[k].count;
    return count;
}

uint32_t packing_joint_part(const struct packing_joint *joint, uint32_t part, int64_t number)
{
    int64_t whole = part;
    for (uint32_t k = 0; k < joint->n_sums; k++) { /* by rising stride: those below are in the number already */
        int64_t stride = joint->sums[k].stride, count = joint->sums[k].count;
        whole = whole / stride * stride * count + number % count * stride + whole % stride;
        number /= count;
    }
    return (uint32_t)whole;
}

static bool take_space(struct orders *orders, int64_t copies)
{
    struct packer *packer = orders->packer;
    const struct packing_node *node = orders->node;
    struct packing_joint joint = {0};
    struct packing_places before, after;
    int64_t points = 1;
    if (!place_results(orders, copies, &joint, &before, &after))
        return true;
    for (uint32_t o = 0; o < node->n_operands; o++) {
        struct packing_places places = places_of(orders, (int32_t)o, copies);
        joint.operands[o] = packing_create(packer, &places, orders->elements[o]);
        if (!joint.operands[o])
            return !arena_failed(packer->arena);
    }
    joint.way.before = packing_create(packer, &before, node->elements);
    joint.way.after = joint.way.before;
    if (!joint.way.before)
        return !arena_failed(packer->arena);
    if (!packing_folds_fit(packer, &joint.way))
        joint.way.after = packing_create(packer, &after, node->elements);
    if (!joint.way.after || !packing_folds_fit(packer, &joint.way)) { /* copies, too, hold parts of sums only */
        if (copies > 1)
            after.at[after.n - 1].tail = PACKING_GARBAGE;
        joint.way.after = packing_create(packer, &after, node->elements);
    }
    if (!joint.way.after || !packing_folds_fit(packer, &joint.way))
        return !arena_failed(packer->arena);
    for (uint32_t k = 0; k < joint.way.n_folds; k++)
        joint.cost += packing_cost(packer, joint.way.after->parts * packing_fold_rotations(joint.way.folds[k].count), 0, 0);
    int64_t parts = joint.operands[0]->parts;
    joint.cost += packing_cost(packer, 0, node->factor ? parts : 0, parts * (node->n_operands - 1));
    if (node->factor) {
        struct packing_places numbers = {.rest = PACKING_ZERO};
        for (uint32_t k = 0; k < node->n_digits; k++) {
            int64_t stride = 1;
            for (uint32_t d = orders->order[k] + 1; d < node->n_digits; d++)
                stride *= node->digits[d].extent;
            numbers.at[numbers.n++] = packing_place(node->digits[orders->order[k]].extent, stride);
            points *= node->digits[k].extent;
        }
        if (copies > 1)
            numbers.at[numbers.n++] = packing_copies(copies);
        packing_fit(packer, &numbers);
        joint.factor = packing_create(packer, &numbers, points);
        if (!joint.factor)
            return !arena_failed(packer->arena);
    }
    return ARENA_PUSH(packer->arena, orders->joints->items, orders->joints->count, orders->joints->capacity, joint);
}

static bool take_orders(struct orders *orders, uint32_t first)
{
    if (orders->joints->count >= orders->most)
        return true;
    if (first + 1 >= orders->node->n_digits) {
        int64_t extent = 1;
        for (uint32_t k = 0; k < orders->node->n_digits; k++)
            extent *= orders->node->digits[k].extent;
        int64_t copies = extent < orders->packer->slots && orders->packer->slots % extent == 0 ? orders->packer->slots / extent : 1;
        return take_space(orders, copies) && (copies == 1 || take_space(orders, 1));
    }
    for (uint32_t k = first; k < orders->node->n_digits; k++) {
        uint32_t digit = orders->order[k];
        memmove(&orders->order[first + 1], &orders->order[first], (k - first) * sizeof digit);
        orders->order[first] = digit;
        bool good = take_orders(orders, first + 1);
        memmove(&orders->order[first], &orders->order[first + 1], (k - first) * sizeof digit);
        orders->order[k] = digit;
        if (!good)
            return false;
    }
    return true;
}

/* Before others: summed digits outermost, those of the result as in C order. */
static void first_order(struct orders *orders)
{
    const struct packing_node *node = orders->node;
    for (uint32_t k = 0; k < node->n_digits; k++)
        orders->order[k] = k;
    for (uint32_t k = 0; k < node->n_digits; k++)
        for (uint32_t l = k + 1; l < node->n_digits; l++) {
            int64_t a = node->digits[orders->order[k]].out, b = node->digits[orders->order[l]].out;
            if (a == 0 ? b != 0 : b != 0 && b < a) {
                uint32_t digit = orders->order[k];
                orders->order[k] = orders->order[l];
                orders->order[l] = digit;
            }
        }
}

const struct packing_joints *packing_product_joints(struct packer *packer, const struct packing_node *node, const int64_t *elements,
                                                    bool given)
{
    struct packing_joints *joints = ARENA_NEW(packer->arena, struct packing_joints);
    struct orders orders = {.packer = packer,
                            .node = node,
                            .elements = elements,
                            .joints = joints,
                            .most = given ? MOST_JOINTS_GIVEN : MOST_JOINTS_FREE};
    if (!joints)
        return NULL;
    first_order(&orders);
    return take_orders(&orders, 0) ? joints : NULL;
}

bool packing_is_elementwise(const struct packing_node *node)
{
    for (uint32_t k = 0; k < node->n_digits; k++)
        for (uint32_t o = 0; o < node->n_operands; o++)
            if (node->digits[k].in[o] != node->digits[k].out || node->digits[k].out == 0)
                return false;
    return node->factor == NULL;
}
