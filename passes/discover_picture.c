/* A finding as a row of pictures: the pattern of each factor, as many cells as fit, each of the number of largest magnitude that
 * it covers. */
#include "discover.h"

#include <math.h>

enum { MOST_CELLS = 64 };

static bool add_panel(struct arena *arena, const struct discover_matrix *matrix, const char *before, const char *label,
                      struct discover_panels *panels)
{
    struct discover_panel panel = {before, label, matrix->rows, matrix->columns, NULL, 0, 0};
    panel.high = matrix->rows < MOST_CELLS ? matrix->rows : MOST_CELLS;
    panel.wide = matrix->columns < MOST_CELLS ? matrix->columns : MOST_CELLS;
    panel.cells = ARENA_ARRAY(arena, panel.high * panel.wide, double);
    double most = 0;
    for (size_t k = 0; panel.cells && k < panel.high * panel.wide; k++)
        panel.cells[k] = 0;
    for (size_t i = 0; panel.cells && i < matrix->rows; i++)
        for (size_t j = 0; j < matrix->columns; j++) {
            number entry = matrix->numbers[i * matrix->columns + j];
            double size = cabs(entry),
                   *cell = &panel.cells[i * panel.high / matrix->rows * panel.wide + j * panel.wide / matrix->columns];
            if (size > fabs(*cell))
                *cell = creal(entry) < 0 ? -size : size;
            most = fmax(most, size);
        }
    for (size_t k = 0; panel.cells && most > 0 && k < panel.high * panel.wide; k++)
        panel.cells[k] /= most;
    return panel.cells && ARENA_PUSH(arena, panels->items, panels->count, panels->capacity, panel);
}

/* The entries of one factor at a time are in memory. */
static bool add_factor(struct arena *arena, const struct discover_operator *op, const char *before,
                       struct discover_constants *constants, struct discover_panels *panels)
{
    struct arena *scratch = arena_create(arena_allocator(arena));
    struct text label = text_create(arena);
    struct discover_matrix entries;
    discover_print(&label, op, "w", constants);
    const char *words = text_finish(&label);
    bool done = scratch && words && discover_entries(scratch, op, &entries) && add_panel(arena, &entries, before, words, panels);
    arena_destroy(scratch);
    return done;
}

static bool add_operator(struct arena *arena, const struct discover_operator *op, const char *before,
                         struct discover_constants *constants, struct discover_panels *panels)
{
    static const char *const signs[] = {[DISCOVER_KRON] = "\xe2\x8a\x97", [DISCOVER_PRODUCT] = "\xc2\xb7", [DISCOVER_SUM] = "+"};
    if (!op->n_parts)
        return add_factor(arena, op, before, constants, panels);
    for (size_t k = 0; k < op->n_parts; k++)
        if (!add_operator(arena, op->parts[k], k ? signs[op->kind] : before, constants, panels))
            return false;
    return true;
}

/* Each part as a matrix with its first axis as rows. */
static bool add_network(struct arena *arena, const struct discover_network *network, struct discover_constants *constants,
                        struct discover_panels *panels)
{
    for (uint32_t k = 0; k < network->n_parts; k++) {
        const struct discover_part *part = &network->parts[k];
        struct text label = text_create(arena);
        size_t rows = part->rank ? network->extents[part->index[0]] : 1;
        discover_print_part(&label, network, part, "w", constants);
        const char *words = text_finish(&label);
        const struct discover_matrix matrix = {rows, discover_part_size(network, part) / rows, part->numbers, false};
        if (!words || !add_panel(arena, &matrix, k ? "\xc2\xb7" : "=", words, panels))
            return false;
    }
    return true;
}

bool discover_panels(struct arena *arena, const struct discover_finding *finding, struct discover_panels *panels)
{
    struct discover_constants constants = {.items = NULL};
    return finding->op ? add_operator(arena, finding->op, "=", &constants, panels)
                       : add_network(arena, finding->network, &constants, panels);
}

bool discover_panel_of(struct arena *arena, enum ir_elem elem, size_t rows, size_t columns, const void *data, const char *label,
                       struct discover_panels *panels)
{
    struct arena *scratch = arena_create(arena_allocator(arena));
    struct discover_matrix matrix = {.rows = rows, .columns = columns};
    bool done = scratch && discover_load(scratch, elem, data, &matrix) && add_panel(arena, &matrix, "", label, panels);
    arena_destroy(scratch);
    return done;
}
