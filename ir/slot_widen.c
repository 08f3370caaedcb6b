/* A program for more slots than it was made for: each vector is repeated, as docs/schedule.md has it of rings with more slots than
 * a vector. Rotations, constants and products are then what they were, whatever the number of slots; layouts get a digit of copies.
 */
#include "slot.h"

/* Digits that are put behind those of the slot number: what fills the vector up, and the copies. */
enum { ADDED = 2 };

/* The product of the slot digits' radices. */
static int64_t reach_of(const struct slot_layout *layout)
{
    int64_t reach = 1;
    for (uint32_t k = 0; k < layout->n_slot_digits; k++)
        reach *= layout->digits[k].radix;
    return reach;
}

static const struct slot_layout *widen_layout(struct ir_context *context, const struct slot_layout *layout, int64_t slots)
{
    struct arena *arena = ir_arena(context);
    uint32_t n = layout->n_slot_digits, n_terms = 0;
    struct slot_digit *digits = ARENA_ARRAY(arena, layout->n_digits + ADDED, struct slot_digit);
    struct slot_roll *rolls = arena_copy(arena, layout->rolls, layout->n_rolls, sizeof *rolls);
    if (!digits || (layout->n_rolls && !rolls))
        return NULL;
    for (uint32_t k = 0; k < layout->n_digits; k++)
        digits[k < n ? k : k + ADDED] = layout->digits[k];
    digits[n].kind = layout->tail_garbage ? SLOT_GARBAGE : SLOT_ZERO;
    digits[n].radix = layout->slots / reach_of(layout);
    digits[n + 1].kind = SLOT_REPLICATE;
    digits[n + 1].radix = slots / layout->slots;
    for (uint32_t k = 0; k < layout->n_rolls; k++, n_terms = 0) {
        struct slot_roll_term *terms = arena_copy(arena, rolls[k].terms, rolls[k].n_terms, sizeof *terms);
        for (; terms && n_terms < rolls[k].n_terms; n_terms++)
            terms[n_terms].digit += terms[n_terms].digit >= n ? ADDED : 0;
        rolls[k].terms = terms;
    }
    struct slot_layout wide = *layout;
    wide.slots = slots;
    wide.digits = digits;
    wide.n_digits += ADDED;
    wide.n_slot_digits += ADDED;
    wide.rolls = rolls;
    return arena_failed(arena) ? NULL : slot_layout_create(context, &wide, SPAN_NONE);
}

static bool has_room(const struct slot_layout *layout)
{
    return layout->slots % reach_of(layout) == 0 && layout->n_digits + ADDED <= SLOT_PARTS_LIMIT;
}

bool slot_widen(struct slot_program *program, int64_t slots)
{
    for (size_t k = 0; k < program->n_inputs + program->n_outputs; k++) {
        struct slot_port *port = k < program->n_inputs ? &program->inputs[k] : &program->outputs[k - program->n_inputs];
        if (!has_room(port->layout) || slots % program->slots) {
            diag_error(ir_diagnostics(program->context), DIAG_E0751, SPAN_NONE, "slot program `%s`: %s does not fill its vector",
                       program->name, port->name);
            return false;
        }
        port->layout = widen_layout(program->context, port->layout, slots);
        if (!port->layout)
            return false;
    }
    program->slots = slots;
    return slot_choose_ring(program);
}
