/* einc explain --svg: where the elements of inputs and outputs lie in slots, and between them by what ciphertexts are rotated.
 *
 * A ciphertext is a grid of its slots, row by row. The hue says how far along the tensor's first axis an element is, the shade how
 * far along its last; of a vector the hue is an eighth of it and the shade a 64th. White is zero, grey anything. Where there are
 * few slots each names its element. The plan has a line for each set of rotations: of one ciphertext (baby steps), of sums before
 * they are added up (giant steps), or of a sum that is added to itself (folds). */
#include "command.h"
#include "picture.h"

#include <inttypes.h>
#include <string.h>

enum {
    LEFT = 24,
    SIDE = 192,       /* of a ciphertext */
    CELL = 30,        /* of a slot that names its element */
    NAMED_SLOTS = 64, /* and at most so many do */
    GAP = 20,
    LINE = 15,
    MOST_CIPHERTEXTS = 4, /* drawn of one tensor */
    MOST_LINES = 48,
    AXIS = 420, /* from -S/2 to S/2 */
    HUES = 8,
    SHADES = 8
};

struct drawing {
    struct picture picture;
    struct arena *arena;
    const char *colours[HUES * SHADES], *garbage;
    double y;
};

/* ---- colours ---- */

static bool make_colours(struct drawing *drawing)
{
    static const int bases[HUES][3] = {{31, 119, 180}, {214, 39, 40},  {44, 140, 44},  {148, 80, 189},
                                       {230, 120, 10}, {20, 150, 160}, {190, 60, 140}, {120, 100, 20}};
    drawing->garbage = "#d4d4d4";
    for (int k = 0; k < HUES * SHADES; k++) {
        double share = 0.25 + 0.75 * (k % SHADES) / (SHADES - 1);
        int part[3];
        for (int c = 0; c < 3; c++)
            part[c] = (int)(255 - (255 - bases[k / SHADES][c]) * share);
        drawing->colours[k] =
            arena_printf(drawing->arena, "#%02x%02x%02x", (unsigned)part[0], (unsigned)part[1], (unsigned)part[2]);
        if (!drawing->colours[k])
            return false;
    }
    return true;
}

/* Which of `n` equal parts of the extent the index is in; of a short extent each index is one. */
static int64_t part_of(int64_t index, int64_t extent, int64_t n)
{
    return extent <= n ? index : index * n / extent;
}

static const char *colour_of(const struct drawing *drawing, const struct slot_layout *layout, int64_t element)
{
    int64_t outer = 0, inner = 0, first = -1, last = -1;
    if (element < 0)
        return element == SLOT_AT_GARBAGE ? drawing->garbage : NULL;
    for (uint32_t k = layout->n_dims; k-- > 0; element /= layout->dims[k].extent) {
        if (layout->dims[k].extent == 1)
            continue;
        if (last < 0)
            last = k, inner = element % layout->dims[k].extent;
        first = k, outer = element % layout->dims[k].extent;
    }
    if (first < 0)
        return drawing->colours[SHADES / 2];
    if (first == last) {
        int64_t part = part_of(outer, layout->dims[first].extent, HUES * SHADES);
        return drawing->colours[layout->dims[first].extent <= SHADES ? (int64_t)SHADES * part + SHADES / 2 : part];
    }
    return drawing
        ->colours[SHADES * part_of(outer, layout->dims[first].extent, HUES) + part_of(inner, layout->dims[last].extent, SHADES)];
}

/* ---- ciphertexts ---- */

/* "2,5"; of a scalar a dot. */
static const char *indices_of(struct arena *arena, const struct slot_layout *layout, int64_t element)
{
    const char *words = "";
    for (uint32_t k = layout->n_dims; k-- > 0 && words; element /= layout->dims[k].extent)
        words = arena_printf(arena, "%" PRId64 "%s%s", element % layout->dims[k].extent, *words ? "," : "", words);
    return words && !*words ? "." : words;
}

static bool draw_ciphertext(struct drawing *drawing, const struct slot_layout *layout, int64_t part, double x, double side)
{
    size_t slots = (size_t)layout->slots, columns = 1;
    while (columns * columns < slots)
        columns *= 2;
    size_t rows = slots / columns;
    double height = side * (double)rows / (double)columns;
    const char **colours = ARENA_ARRAY(drawing->arena, slots, const char *);
    for (size_t s = 0; s < slots && colours; s++)
        colours[s] = colour_of(drawing, layout, slot_layout_at(layout, (int64_t)s + part * layout->slots));
    if (!colours)
        return false;
    picture_cells(&drawing->picture, x, drawing->y, side, height, rows, columns, colours);
    picture_rectangle(&drawing->picture, x, drawing->y, side, height, NULL, "black");
    for (size_t s = 0; s < slots && slots <= NAMED_SLOTS; s++) {
        int64_t element = slot_layout_at(layout, (int64_t)s + part * layout->slots);
        const char *words = element >= 0 ? indices_of(drawing->arena, layout, element) : element == SLOT_AT_GARBAGE ? "-" : "0";
        double size = words && strlen(words) > 4 ? 6 : 9;
        if (words)
            picture_words(&drawing->picture, x + CELL * ((double)(s % columns) + 0.5),
                          drawing->y + CELL * ((double)(s / columns) + 0.6), size, PICTURE_MIDDLE, words);
    }
    return true;
}

/* The ciphertexts of a tensor side by side, under them what the schedule says of the layout. */
static bool draw_port(struct drawing *drawing, const struct slot_port *port)
{
    struct arena *arena = drawing->arena;
    const struct slot_layout *layout = port->layout;
    int64_t count = slot_layout_ciphertexts(layout), shown = count < MOST_CIPHERTEXTS ? count : MOST_CIPHERTEXTS;
    double columns = 1, rows;
    while (columns * columns < (double)layout->slots)
        columns *= 2;
    rows = (double)layout->slots / columns;
    double side = layout->slots <= NAMED_SLOTS ? CELL * columns : SIDE;
    struct text text = text_create(arena);
    text_printf(&text, "%s: ", port->name);
    slot_layout_print(&text, layout);
    if (count > shown)
        text_printf(&text, " (the first %" PRId64 " of %" PRId64 " ciphertexts)", shown, count);
    const char *words = text_finish(&text);
    if (!words)
        return false;
    picture_words(&drawing->picture, LEFT, drawing->y + LINE, 12, PICTURE_LEFT, words);
    drawing->y += LINE + 8;
    for (int64_t part = 0; part < shown; part++)
        if (!draw_ciphertext(drawing, layout, part, LEFT + (double)part * (side + GAP), side))
            return false;
    drawing->y += side * rows / columns + GAP / 2;
    return true;
}

/* ---- rotations ---- */

enum rotation_kind { OF_ONE, OF_SUMS, OF_A_FOLD };

struct rotations {
    enum rotation_kind kind;
    int64_t depth;
    const struct slot_value *of; /* OF_ONE */
    uint32_t alike;              /* ciphertexts rotated by the same */
    int32_t *steps;
    size_t n, capacity;
};

struct plan {
    const struct slot_program *program;
    struct arena *arena;
    int64_t *depth;    /* of each value: products on the way to it */
    uint32_t *rotated; /* of each value: how often */
    bool *folds;       /* of each rotation: its result is added to what was rotated */
    struct rotations *items;
    size_t n, capacity;
};

static bool survey(struct plan *plan)
{
    const struct slot_program *program = plan->program;
    plan->depth = ARENA_ARRAY(plan->arena, program->n_values, int64_t);
    plan->rotated = ARENA_ARRAY(plan->arena, program->n_values, uint32_t);
    plan->folds = ARENA_ARRAY(plan->arena, program->n_values, bool);
    for (size_t k = 0; k < program->n_values && plan->depth && plan->rotated && plan->folds; k++) {
        const struct slot_value *value = program->values[k];
        const struct slot_value *a = value->operands[0], *b = value->operands[1];
        for (uint32_t o = 0; o < 2 && value->operands[o]; o++)
            if (plan->depth[value->operands[o]->id] > plan->depth[k])
                plan->depth[k] = plan->depth[value->operands[o]->id];
        plan->depth[k] += value->op == SLOT_mulp || value->op == SLOT_mul || value->op == SLOT_square;
        plan->rotated[a ? a->id : k] += value->op == SLOT_rot;
        for (uint32_t o = 0; o < 2 && value->op == SLOT_add; o++) {
            const struct slot_value *turned = o ? b : a, *other = o ? a : b;
            plan->folds[turned->id] |= turned->op == SLOT_rot && turned->operands[0] == other;
        }
    }
    return plan->depth && plan->rotated && plan->folds;
}

/* The set that the rotation belongs to, a new one where there is none. */
static struct rotations *set_of(struct plan *plan, const struct slot_value *rotation)
{
    const struct slot_value *of = rotation->operands[0];
    enum rotation_kind kind = plan->folds[rotation->id] ? OF_A_FOLD : plan->rotated[of->id] > 1 ? OF_ONE : OF_SUMS;
    for (size_t k = 0; k < plan->n; k++) {
        struct rotations *set = &plan->items[k];
        if (set->kind == kind && set->depth == plan->depth[rotation->id] && (kind != OF_ONE || set->of == of))
            return set;
    }
    struct rotations made = {.kind = kind, .depth = plan->depth[rotation->id], .of = kind == OF_ONE ? of : NULL, .alike = 1};
    return ARENA_PUSH(plan->arena, plan->items, plan->n, plan->capacity, made) ? &plan->items[plan->n - 1] : NULL;
}

static int compare_steps(const void *first, const void *second)
{
    int32_t a = *(const int32_t *)first, b = *(const int32_t *)second;
    return (a > b) - (a < b);
}

static bool collect(struct plan *plan)
{
    for (size_t k = 0; k < plan->program->n_values; k++) {
        const struct slot_value *value = plan->program->values[k];
        struct rotations *set = value->op == SLOT_rot ? set_of(plan, value) : NULL;
        if (value->op == SLOT_rot && (!set || !ARENA_PUSH(plan->arena, set->steps, set->n, set->capacity, value->step)))
            return false;
    }
    size_t kept = 0;
    for (size_t k = 0; k < plan->n; k++) {
        struct rotations *set = &plan->items[k], *alike = NULL;
        sort_items(set->steps, set->n, sizeof *set->steps, compare_steps);
        for (size_t other = 0; other < kept && set->kind == OF_ONE; other++)
            if (plan->items[other].kind == OF_ONE && plan->items[other].depth == set->depth && plan->items[other].n == set->n &&
                !memcmp(plan->items[other].steps, set->steps, set->n * sizeof *set->steps))
                alike = &plan->items[other];
        if (alike)
            alike->alike++;
        else
            plan->items[kept++] = *set;
    }
    plan->n = kept;
    return true;
}

/* "1 to 63", "64, 128, ..., 4032", "3, 5, 6": each step once. */
static const char *steps_text(struct arena *arena, const struct rotations *set)
{
    enum { MOST = 8 };
    int32_t gap = 0;
    size_t n = 0;
    bool even = true;
    int32_t *steps = arena_copy(arena, set->steps, set->n, sizeof *steps);
    for (size_t k = 0; k < set->n && steps; k++)
        if (n == 0 || steps[k] != steps[n - 1])
            steps[n++] = steps[k];
    for (size_t k = 1; k < n; k++) {
        gap = k == 1 ? steps[1] - steps[0] : gap;
        even = even &&
               (steps[k] - steps[k - 1] == gap || (steps[k - 1] < 0 && steps[k] - steps[k - 1] == 2 * gap)); /* 0 is left out */
    }
    struct text text = text_create(arena);
    if (steps && even && gap == 1 && n > 3)
        text_printf(&text, "%" PRId32 " to %" PRId32, steps[0], steps[n - 1]);
    else if (steps && even && n > 4)
        text_printf(&text, "%" PRId32 ", %" PRId32 ", ..., %" PRId32, steps[0], steps[1], steps[n - 1]);
    else
        for (size_t k = 0; k < n && k <= MOST && steps; k++)
            text_printf(&text, k == MOST ? ", ..." : "%s%" PRId32, k ? ", " : "", steps[k]);
    return text_finish(&text);
}

static const char *set_text(struct arena *arena, const struct slot_program *program, const struct rotations *set)
{
    static const char *const kinds[] = {"%zu of one ciphertext", "%zu of sums", "%zu of what is added to itself"};
    const char *what = arena_printf(arena, kinds[set->kind], set->n);
    if (set->kind == OF_ONE && set->of->op == SLOT_input)
        what = arena_printf(arena, "%zu of %s", set->n, program->inputs[set->of->input].name);
    return set->alike > 1 ? arena_printf(arena, "%s, the same %" PRIu32 " times", what ? what : "", set->alike) : what;
}

/* A line a set: an axis of all rotations, on it those that are used. */
static bool draw_plan(struct drawing *drawing, const struct slot_program *program)
{
    struct plan plan = {.program = program, .arena = drawing->arena};
    if (!survey(&plan) || !collect(&plan))
        return false;
    if (!plan.n)
        picture_words(&drawing->picture, LEFT, drawing->y += LINE, 12, PICTURE_LEFT, "no rotations");
    for (size_t k = 0; k < plan.n && k < MOST_LINES; k++) {
        const struct rotations *set = &plan.items[k];
        const char *what = set_text(drawing->arena, program, set), *steps = steps_text(drawing->arena, set);
        if (!what || !steps)
            return false;
        const char *words = arena_printf(drawing->arena, "after %" PRId64 " product%s: %s by %s", set->depth,
                                         set->depth == 1 ? "" : "s", what, steps);
        drawing->y += LINE + 6;
        picture_rectangle(&drawing->picture, LEFT, drawing->y - 4, AXIS, 1, "#999999", NULL);
        picture_rectangle(&drawing->picture, LEFT + AXIS / 2, drawing->y - 10, 1, 12, "#999999", NULL);
        for (size_t s = 0; s < set->n; s++)
            if (s == 0 || set->steps[s] != set->steps[s - 1])
                picture_rectangle(&drawing->picture, LEFT + AXIS / 2 + (double)set->steps[s] * AXIS / (double)program->slots,
                                  drawing->y - 8, 1.5, 8, drawing->colours[SHADES * (int)set->kind + SHADES - 1], NULL);
        if (words)
            picture_words(&drawing->picture, LEFT + AXIS + GAP, drawing->y, 11, PICTURE_LEFT, words);
    }
    if (plan.n > MOST_LINES)
        picture_words(&drawing->picture, LEFT, drawing->y += LINE, 11, PICTURE_LEFT,
                      arena_printf(drawing->arena, "and %zu sets more", plan.n - MOST_LINES));
    drawing->y += GAP;
    return true;
}

/* ---- the whole ---- */

static bool draw_kernel(struct drawing *drawing, const char *name, const struct packing_result *packed)
{
    const struct slot_program *program = packed->program;
    const struct slot_counts *counts = &packed->points[packed->chosen].counts;
    const char *title =
        arena_printf(drawing->arena, "%s: %" PRId64 " slots, %" PRId64 " rotations at depth %" PRId64 ", %" PRId64 " keys", name,
                     program->slots, counts->rot, counts->depth, counts->keys);
    if (!title)
        return false;
    picture_words(&drawing->picture, LEFT, drawing->y += LINE, 14, PICTURE_LEFT, title);
    drawing->y += GAP / 2;
    for (size_t k = 0; k < program->n_inputs; k++)
        if (!draw_port(drawing, &program->inputs[k]))
            return false;
    if (!draw_plan(drawing, program))
        return false;
    for (size_t k = 0; k < program->n_outputs; k++)
        if (!draw_port(drawing, &program->outputs[k]))
            return false;
    drawing->y += GAP;
    return true;
}

const char *explain_draw(struct compiled *compiled, const struct packing_result *packed, int only)
{
    struct arena *arena = ir_arena(compiled->context);
    struct drawing drawing = {.picture = picture_create(arena), .arena = arena};
    if (!make_colours(&drawing))
        return NULL;
    for (size_t k = 0; k < compiled->n_kernels; k++)
        if ((only < 0 || (size_t)only == k) && !draw_kernel(&drawing, compiled->kernels[k].kernel->name, &packed[k]))
            return NULL;
    return picture_finish(&drawing.picture);
}
