/* In which order the lanes of a vector stand, and what an address says of them.
 *
 * Two vectors of pairs make one of their first parts and one of their second. In registers of several parts of 16 bytes (AVX,
 * AVX-512) one instruction each does so within every part (SHUFPS, UNPCKLPD), and one each the way back (UNPCKLPS, UNPCKHPS). With
 * h pairs in 16 bytes lane j holds pair
 *
 *     order(j) = j mod h + lanes/2 * (j div h mod 2) + h * (j div 2h)
 *
 * then. Pairs one after the other would take two instructions more, each way, and these the slow ones. What is done lane by lane
 * does not depend on the order, so a loop over lanes may have this one: its addresses have order(j) for j. */
#include "loop.h"

static int64_t pairs_in_part(int64_t lanes, size_t bytes)
{
    return lanes * (int64_t)bytes > 16 && bytes <= 8 ? (int64_t)(8 / bytes) : 0;
}

bool loop_lanes_have_order(int64_t lanes, size_t bytes)
{
    return pairs_in_part(lanes, bytes) > 0;
}

int64_t loop_lane_at(int64_t lane, int64_t lanes, size_t bytes)
{
    int64_t h = pairs_in_part(lanes, bytes);
    return h ? lane % h + lanes / 2 * (lane / h % 2) + h * (lane / (2 * h)) : lane;
}

const struct poly *loop_lane_order(struct ir_context *context, const struct poly *lane, int64_t lanes, size_t bytes)
{
    int64_t h = pairs_in_part(lanes, bytes);
    if (!h)
        return lane;
    const struct poly *part = poly_floor_div(context, lane, poly_constant(context, h), NULL);
    const struct poly *second = poly_scale(context, poly_mod(context, part, poly_constant(context, 2), NULL), lanes / 2);
    const struct poly *pair = poly_scale(context, poly_floor_div(context, lane, poly_constant(context, 2 * h), NULL), h);
    return poly_add(context, poly_mod(context, lane, poly_constant(context, h), NULL), poly_add(context, second, pair));
}

const struct poly *loop_address_at(struct ir_context *context, const struct poly *address, uint32_t index, int64_t iteration)
{
    const struct poly **place = ARENA_ARRAY(ir_arena(context), index + 1, const struct poly *);
    if (!place)
        return NULL;
    place[index] = poly_constant(context, iteration);
    return poly_substitute(context, address, index + 1, place, NULL);
}

bool loop_split_lane(struct ir_context *context, const struct poly *address, uint32_t index, int64_t lanes, size_t bytes,
                     struct loop_lane *lane)
{
    *lane = (struct loop_lane){.apart = false};
    if (poly_split_index(context, address, index, &lane->step, &lane->first))
        return true;
    int64_t distance, next = loop_lane_at(1, lanes, bytes);
    lane->first = loop_address_at(context, address, index, 0);
    lane->apart = true;
    if (!loop_lanes_have_order(lanes, bytes) ||
        !poly_is_constant(poly_subtract(context, loop_address_at(context, address, index, 1), lane->first), &distance) ||
        distance % next)
        return false;
    const struct poly *order = loop_lane_order(context, poly_index(context, index), lanes, bytes);
    lane->step = poly_constant(context, distance / next);
    return lane->step && poly_subtract(context, address, lane->first) == poly_scale(context, order, distance / next);
}

bool loop_split_address(struct ir_context *context, const struct poly *address, const struct loop_stmt *loop, size_t bytes,
                        const struct poly **step, const struct poly **rest)
{
    struct loop_lane lane;
    int64_t lanes;
    if (loop->loop.kind != LOOP_VECTOR || !poly_is_constant(loop->loop.end, &lanes))
        return poly_split_index(context, address, loop->loop.index, step, rest);
    if (!loop_split_lane(context, address, loop->loop.index, lanes, bytes, &lane))
        return false;
    *step = lane.step;
    *rest = lane.first;
    return true;
}

struct loop_movement loop_lanes_move(struct ir_context *context, const struct poly *address, uint32_t index, int64_t lanes,
                                     size_t bytes)
{
    struct loop_movement movement = {0, -1, false};
    struct loop_lane lane;
    int64_t half = 0;
    if (!loop_split_lane(context, address, index, lanes, bytes, &lane) || !poly_is_constant(lane.step, &movement.step))
        return movement;
    movement.apart = lane.apart;
    if (movement.step != 2 && movement.step != -2)
        return movement;
    (void)poly_is_constant(poly_mod(context, lane.first, poly_constant(context, 2), NULL), &half);
    movement.half = (int)half;
    return movement;
}
